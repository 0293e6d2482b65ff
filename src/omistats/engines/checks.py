"""Validation as one query, label expressions."""

from __future__ import annotations

from typing import Any

import attrs

from omistats.breakdowns.base import Breakdown
from omistats.engines.tables import Source
from omistats.errors import DataError, Problem, format_value, format_values
from omistats.model.framework import ALL, Framework
from omistats.model.metadata import SYNTHETIC, SYNTHETIC_ID
from omistats.model.units import reserved_unit
from omistats.model.validation import ANSWER, column_problems

__all__ = [
    "EXCLUDED",
    "IN_GROUP",
    "UNKNOWN",
    "Checked",
    "Labels",
    "bad_answers",
    "check_table",
    "find_labels",
    "flag",
    "is_text",
]


IN_GROUP, UNKNOWN, EXCLUDED, STRAY = 0, 1, 2, 4
"""What is the matter with a label: nothing, it is null, it is left out, or it is no group's."""


def flag(condition: Any) -> Any:
    """Turn a condition into 0 or 1; where it is null it does not hold."""
    import narwhals as nw

    return condition.fill_null(False).cast(nw.Int64)


def is_text(kind: Any) -> bool:
    """Tell whether a column's values are labels.

    Engines have kinds that narwhals does not know, a column of nothing but null among them; their
    values are seen as text, and refused where they are no labels.
    """
    import narwhals as nw

    return any(kind == text for text in (nw.String, nw.Categorical, nw.Enum, nw.Unknown))


@attrs.frozen(eq=False)
class Labels:
    """A breakdown's labels in an engine.

    Attributes
    ----------
    split : Breakdown
        The breakdown.
    label : narwhals.Expr
        One text a case.
    column : str
        The column it comes from; empty where it is made of something else.
    """

    split: Breakdown
    label: Any
    column: str

    @property
    def groups(self) -> list[str]:
        """The groups that a label can put a case in."""
        return [group for group in self.split.groups if group != ALL]

    @property
    def cells(self) -> int:
        """How many rows the breakdown can make of one unit's cases."""
        excluded = bool(self.split.excluded) or self.split.contrast == "complement"
        return len(self.groups) + 1 + excluded

    def _left_out(self) -> Any:
        import narwhals as nw

        if self.split.contrast == "complement":
            return flag((self.label != nw.lit(ALL)) & ~self.label.is_in(self.groups))
        return flag(self.label.is_in(list(self.split.excluded))) if self.split.excluded else None

    def stray(self) -> Any:
        """Give 1 for a label that is neither a group's nor left out, else 0."""
        import narwhals as nw

        if self.split.contrast == "complement":
            return flag(self.label == nw.lit(ALL))
        return flag(~self.label.is_in([*self.groups, *self.split.excluded]))

    def keys(self, number: int) -> tuple[Any, Any]:
        """Give the group, null for none, and what is the matter with the label.

        What comes back is bounded by the groups, however many other labels there are.
        """
        import narwhals as nw

        group = nw.when(self.label.is_in(self.groups).fill_null(False)).then(self.label)
        state = self.label.is_null().cast(nw.Int64) * UNKNOWN + self.stray() * STRAY
        if (excluded := self._left_out()) is not None:
            state = state + excluded * EXCLUDED
        return group.alias(f"group{number}"), state.alias(f"state{number}")


def find_labels(
    source: Source, splits: tuple[Breakdown, ...]
) -> tuple[tuple[Labels, ...], list[Problem]]:
    """Give the labels of every breakdown that an engine can evaluate.

    Returns
    -------
    labels : tuple of Labels
        Of the breakdowns with which nothing is wrong.
    problems : list of Problem
        What is wrong with the others: labels made in Python, a column that is missing or
        holds no text, an expression that the engine refuses.
    """
    each = [_labels(source, split) for split in splits]
    return (
        tuple(labels for labels in each if isinstance(labels, Labels)),
        [problem for problem in each if isinstance(problem, Problem)],
    )


def _labels(source: Source, split: Breakdown) -> Labels | Problem:
    import narwhals as nw

    where, column = f"breakdown {split.key!r}", ""
    hooks = split.overrides()
    expression = split.expression() if "expression" in hooks else None
    if expression is not None:
        kind = _kind(source, where, expression)
        if isinstance(kind, Problem):
            return kind
    elif "classify" in hooks:
        rule = f"{source.engine} counts by a column or by a breakdown's `expression`"
        what = f"{type(split).__name__} labels cases in Python, by `classify`"
        hint = "Write `expression`, or read the cases with CaseSet.from_data and count those."
        return Problem(where, rule, what, hint)
    else:
        column = split.column or split.key
        if column not in source.kinds:
            hint = "Add the column, name another by `column`, or write `expression`."
            what = f"none called {column!r}"
            return Problem(where, f"the table in {source.engine} has its column", what, hint)
        expression, kind = source.column(column), source.kinds[column]
    if not is_text(kind):
        what = f"column {column!r} of type {kind}" if column else f"an expression of type {kind}"
        hint = "Turn the values into the names of groups."
        return Problem(where, f"labels in {source.engine} are text or null", what, hint)
    return Labels(split, expression.cast(nw.String), column)


def _kind(source: Source, where: str, expression: Any) -> Any:
    """Give the kind of an expression's values, or the problem with it; nothing is evaluated."""
    import narwhals as nw

    rule, hint = "`expression` gives one label a case", "Write it with narwhals: nw.col(...)."
    if not isinstance(expression, nw.Expr):
        return Problem(where, rule, format_value(expression), hint)
    try:
        schema = source.frame.select(expression.alias("label")).collect_schema()
    except Exception as error:  # noqa: BLE001  # whatever the engine has against the expression
        said = f"{source.engine} says {' '.join(str(error).split())[:300]}"
        return Problem(where, rule, said, "Correct the expression.")
    return schema["label"]


_MOST_UNITS = 32_767
_SHOWN = 5


@attrs.frozen
class Checked:
    """What checking a table found out.

    Attributes
    ----------
    rows, units : int
        Cases, and units that have any.
    labels : tuple of Labels
        The breakdowns.
    metadata : dict of bytes to bytes
        That cases are synthetic, if their ids say so; a table in an engine says no more.
    """

    rows: int
    units: int
    labels: tuple[Labels, ...]
    metadata: dict[bytes, bytes]


def check_table(
    source: Source,
    framework: Framework,
    splits: tuple[Breakdown, ...],
    ids: tuple[str, ...],
    check_ids: bool,
) -> Checked:
    """Check a table by its columns and by one query; its rows stay where they are.

    Parameters
    ----------
    source : Source
        The table.
    framework : Framework
        What to check it against.
    splits : tuple of Breakdown
        What it is split by.
    ids : tuple of str
        The questions whose answers are looked at.
    check_ids : bool
        Whether ``case_id`` must be there, without null and without repetition.

    Raises
    ------
    DataError
        With every problem found.
    """
    labels, problems = find_labels(source, splits)
    kinds = source.kinds
    names = list(kinds) if check_ids or "case_id" in kinds else [*kinds, "case_id"]
    problems = column_problems(names, framework) + _kinds(source, framework) + problems
    probes = _probes(source, framework, labels, ids, check_ids)
    found = _ask(source, probes)
    problems += _key_problems(source, found)
    strata = {s.name: s.levels for s in framework.strata}
    reported = set()
    for name, levels in strata.items():
        if count := found.get(f"stratum {name}", 0):
            reported.add(name)
            rule = f"allowed levels are {format_values(levels, 12)}, or null for unknown"
            what = _values(source, _text(source, name), _stray(_text(source, name), levels), count)
            hint = "Recode these values, or leave them null."
            problems.append(Problem(name, rule, f"{what} in {source.engine}", hint))
    for one in labels:
        count = found.get(f"breakdown {one.split.key}", 0)
        if count and one.column not in reported:
            rule = f"groups are {format_values(one.split.groups, 12)}"
            what = f"labels {_values(source, one.label, one.stray(), count)} in {source.engine}"
            hint = "Add the group, list it in `excluded`, or make the label null."
            problems.append(Problem(f"breakdown {one.split.key!r}", rule, what, hint))
    wrong = {id: count for id in ids if (count := found.get(f"answer {id}", 0))}
    problems += _answer_problems(source, wrong) if wrong else []
    if problems:
        raise DataError(problems)
    metadata = {SYNTHETIC: b"true"} if found.get("synthetic") else {}
    return Checked(found["rows"], found["units"], labels, metadata)


def _kinds(source: Source, framework: Framework) -> list[Problem]:
    """Say which columns hold another kind of value than they should."""
    kinds, rules = source.kinds, []
    whole = "case_id" in kinds and kinds["case_id"].is_integer()
    if "case_id" in kinds and not whole and not is_text(kinds["case_id"]):
        rules.append(("case_id", "ids must be text or whole numbers", "Convert the ids."))
    if "unit" in kinds and not is_text(kinds["unit"]):
        rules.append(("unit", "unit ids must be text", "Convert the ids."))
    for stratum in framework.strata:
        if stratum.name in kinds and not is_text(kinds[stratum.name]):
            allowed = f"allowed levels are {format_values(stratum.levels, 12)}, or null for unknown"
            rules.append((stratum.name, allowed, "Recode these values, or leave them null."))
    recode = "Say in a query of your own what each value means."
    asked = [id for id in framework.question_ids if id in kinds and not _is_answer(kinds[id])]
    rules += [(id, ANSWER, recode) for id in asked]
    return [
        Problem(name, rule, f"a column of type {kinds[name]} in {source.engine}", hint)
        for name, rule, hint in rules
    ]


def _is_answer(kind: Any) -> bool:
    import narwhals as nw

    # A kind that narwhals does not know may be a column of nothing but null; see `bad_answers`.
    return bool(kind in (nw.Boolean, nw.Unknown) or kind.is_integer() or kind.is_float())


def bad_answers(source: Source, id: str) -> Any:
    """Give where a question's column has something else than 0, 1, null and NaN; None for never."""
    import narwhals as nw

    kind, column = source.kinds[id], source.column(id)
    if kind == nw.Boolean:
        return None
    if kind == nw.Unknown:
        return ~column.is_null()
    bad = (column != 0) & (column != 1)
    return bad & ~column.is_nan() if kind.is_float() else bad


def _text(source: Source, name: str) -> Any:
    import narwhals as nw

    return source.column(name).cast(nw.String)


def _stray(label: Any, levels: tuple[str, ...]) -> Any:
    return flag(~label.is_in(list(levels)))


def _probes(
    source: Source,
    framework: Framework,
    labels: tuple[Labels, ...],
    ids: tuple[str, ...],
    check_ids: bool,
) -> dict[str, Any]:
    """Give what is counted over all cases: flags, each of which says that something is wrong."""
    import narwhals as nw

    kinds, probes = source.kinds, {}
    if "unit" in kinds and is_text(kinds["unit"]):
        unit = _text(source, "unit")
        probes["units"] = unit
        probes["no unit"] = flag(unit.is_null())
        probes["unit all"] = flag(unit == nw.lit(ALL))
    if "case_id" in kinds:
        if check_ids:
            probes["ids"] = source.column("case_id")
            probes["no id"] = flag(probes["ids"].is_null())
        # Ids are read in any case: made-up cases must not lose their mark.
        if is_text(kinds["case_id"]):
            head = _text(source, "case_id").str.starts_with(SYNTHETIC_ID)
            probes["synthetic"] = flag(head)
    for stratum in framework.strata:
        if stratum.name in kinds and is_text(kinds[stratum.name]):
            label = _text(source, stratum.name)
            probes[f"stratum {stratum.name}"] = _stray(label, stratum.levels)
    probes |= {f"breakdown {one.split.key}": one.stray() for one in labels}
    for id in ids:
        if id in kinds and _is_answer(kinds[id]) and (bad := bad_answers(source, id)) is not None:
            probes[f"answer {id}"] = flag(bad)
    return probes


def _ask(source: Source, probes: dict[str, Any]) -> dict[str, int]:
    """Count in one query: distinct ids and units, and flags."""
    import narwhals as nw

    places = {name: f"c{i}" for i, name in enumerate(probes)}
    # First the flags, then nothing but elementary sums of them, which all engines have alike.
    flags = [probe.alias(places[name]) for name, probe in probes.items()]
    asked = [
        nw.col(place).n_unique() if name in ("ids", "units") else nw.col(place).sum()
        for name, place in places.items()
    ]

    def query() -> Any:
        frame = source.frame.select(*flags) if flags else source.frame
        return frame.select(nw.len().alias("rows"), *asked)

    row = source.collect(query).to_pylist()[0]
    # The sum of no rows is null in some engines, and a wide number in others.
    found = {name: int(row[place] or 0) for name, place in places.items()}
    found["rows"] = int(row["rows"])
    for name, null in (("units", "no unit"), ("ids", "no id")):
        if name in found:  # null counts as a value of its own
            found[name] -= found[null] > 0
    return found


def _key_problems(source: Source, found: dict[str, int]) -> list[Problem]:
    problems = []
    if "ids" in found:
        if missing := found["no id"]:
            what = f"{missing} null in {source.engine}"
            problems.append(Problem("case_id", "every case needs an id", what, "Give them ids."))
        if found["rows"] - missing > found["ids"]:
            what = f"more than once in {source.engine}: {_repeated(source)}"
            hint = "Drop the repeated rows or renumber the cases."
            problems.append(Problem("case_id", "ids must be unique", what, hint))
    if missing := found.get("no unit", 0):
        what = f"{missing} null in {source.engine}"
        problems.append(Problem("unit", "every case needs a unit", what, "Fill them in."))
    if found.get("unit all"):
        problems.append(reserved_unit())
    if found.get("units", 0) > _MOST_UNITS:
        what, hint = f"{found['units']:,} in {source.engine}", "Count larger units."
        problems.append(Problem("unit", f"at most {_MOST_UNITS:,} units", what, hint))
    return problems


def _few(values: list[Any]) -> str:
    return format_values(values[:_SHOWN]) + (" and more" if len(values) > _SHOWN else "")


def _repeated(source: Source) -> str:
    import narwhals as nw

    def query() -> Any:
        ids = source.frame.select(source.column("case_id").alias("id"))
        counted = ids.filter(~nw.col("id").is_null()).group_by("id").agg(nw.len().alias("rows"))
        return counted.filter(nw.col("rows") > 1).select("id").sort("id").head(_SHOWN + 1)

    return _few(source.collect(query)["id"].to_pylist())


def _values(source: Source, label: Any, stray: Any, count: int) -> str:
    """Give the first of the labels that are wrong, and how many rows have any."""
    import narwhals as nw

    def query() -> Any:
        frame = source.frame.select(label.alias("label"), stray.alias("stray"))
        wrong = frame.filter(nw.col("stray") == 1).group_by("label").agg(nw.len().alias("rows"))
        return wrong.select("label").sort("label").head(_SHOWN + 1)

    few = source.collect(query)["label"].to_pylist()
    return f"{_few(few)} in {count:,} row{'s' * (count != 1)}"


def _answer_problems(source: Source, wrong: dict[str, int]) -> list[Problem]:
    """Give the least and the largest of the wrong answers, for all questions in one query."""
    import narwhals as nw

    known = [id for id in wrong if source.kinds[id] != nw.Unknown]

    def query() -> Any:
        numbers = (source.column(id).cast(nw.Float64) for id in known)
        wrongs = (
            nw.when(bad_answers(source, id)).then(number).alias(f"c{i}")
            for i, (id, number) in enumerate(zip(known, numbers, strict=True))
        )
        least = (nw.col(f"c{i}").min().alias(f"min{i}") for i in range(len(known)))
        most = (nw.col(f"c{i}").max().alias(f"max{i}") for i in range(len(known)))
        return source.frame.select(*wrongs).select(*least, *most)

    row = source.collect(query).to_pylist()[0] if known else {}
    ends = {id: sorted({row[f"min{i}"], row[f"max{i}"]}) for i, id in enumerate(known)}
    problems = []
    for id, count in wrong.items():
        values = " to ".join(f"{v:g}" for v in ends[id]) if id in ends else "values of another kind"
        what = f"{values} in {count:,} row{'s' * (count != 1)} in {source.engine}"
        hint = "Recode these values, or leave them null."
        problems.append(Problem(id, ANSWER, what, hint))
    return problems
