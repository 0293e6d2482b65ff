"""Check a table of an engine in one query, and find the labels of breakdowns."""

from __future__ import annotations

from typing import Any

import attrs

from omistats.breakdowns.base import Breakdown
from omistats.engines.tables import Source
from omistats.errors import DataError, Problem, format_value, format_values
from omistats.model.answers import EXCESS_HINT, count_excess, describe_conditions
from omistats.model.framework import (
    ALL,
    NOT_ANSWERED,
    NOT_APPLICABLE,
    Framework,
    Question,
    stored_labels,
)
from omistats.model.metadata import SYNTHETIC, SYNTHETIC_ID
from omistats.model.units import unit_name_problems
from omistats.model.validation import answer_rule, column_problems

__all__ = ["EXCLUDED", "INVALID", "Checked", "Labels", "answer_states", "check_table", "flag"]


IN_GROUP, UNKNOWN, EXCLUDED, INVALID = 0, 1, 2, 4
"""State of a label: in a group, null, excluded, or in no group."""


def flag(condition: Any) -> Any:
    """Convert a condition to 0 or 1; null counts as false."""
    import narwhals as nw

    return condition.fill_null(False).cast(nw.Int64)


def _is_label_type(kind: Any) -> bool:
    """Tell whether a column of this type may hold labels.

    Types that narwhals does not know, such as that of a column of nulls, count as text; values
    that are not labels are found later.
    """
    import narwhals as nw

    return any(kind == text for text in (nw.String, nw.Categorical, nw.Enum, nw.Unknown))


@attrs.frozen(eq=False)
class Labels:
    """Labels of a breakdown in an engine.

    Attributes
    ----------
    split : Breakdown
        The breakdown.
    label : narwhals.Expr
        The label of each case, as text.
    column : str
        The column the labels come from; empty for an expression.
    """

    split: Breakdown
    label: Any
    column: str

    @property
    def groups(self) -> list[str]:
        """The groups that labels can name."""
        return list(self.split.named_groups)

    @property
    def cells(self) -> int:
        """Largest number of rows that a query returns for this breakdown and one unit."""
        excluded = bool(self.split.excluded) or self.split.contrast == "complement"
        return len(self.groups) + 1 + excluded

    def _excluded(self) -> Any:
        import narwhals as nw

        if self.split.contrast == "complement":
            return flag((self.label != nw.lit(ALL)) & ~self.label.is_in(self.groups))
        return flag(self.label.is_in(list(self.split.excluded))) if self.split.excluded else None

    def invalid(self) -> Any:
        """Return 1 for a label that is neither a group nor excluded, else 0."""
        import narwhals as nw

        if self.split.contrast == "complement":
            return flag(self.label == nw.lit(ALL))
        return flag(~self.label.is_in([*self.groups, *self.split.excluded]))

    def keys(self, number: int) -> tuple[Any, Any]:
        """Return expressions for the group (null for none) and the state of the label.

        The number of distinct results is bounded by the groups, however many labels there are.
        """
        import narwhals as nw

        group = nw.when(self.label.is_in(self.groups).fill_null(False)).then(self.label)
        state = self.label.is_null().cast(nw.Int64) * UNKNOWN + self.invalid() * INVALID
        if (excluded := self._excluded()) is not None:
            state = state + excluded * EXCLUDED
        return group.alias(f"group{number}"), state.alias(f"state{number}")


def find_labels(
    source: Source, splits: tuple[Breakdown, ...]
) -> tuple[tuple[Labels, ...], list[Problem]]:
    """Find the labels of breakdowns in an engine.

    Returns
    -------
    labels : tuple of Labels
        The labels of the breakdowns that the engine can evaluate.
    problems : list of Problem
        Problems of the other breakdowns: labels made in Python, a column that is missing or
        not text, or an expression that the engine rejects.
    """
    each = [_find_one(source, split) for split in splits]
    return (
        tuple(labels for labels in each if isinstance(labels, Labels)),
        [problem for problem in each if isinstance(problem, Problem)],
    )


def _find_one(source: Source, split: Breakdown) -> Labels | Problem:
    import narwhals as nw

    where, column = f"breakdown {split.key!r}", ""
    overridden = split.overrides()
    expression = split.expression() if "expression" in overridden else None
    if expression is not None:
        kind = _expression_type(source, where, expression)
        if isinstance(kind, Problem):
            return kind
    elif "classify" in overridden:
        rule = f"{source.engine} needs a column or an `expression` to count by"
        what = f"{type(split).__name__} labels cases in Python, by `classify`"
        hint = "Write `expression`, or read the cases with CaseSet.from_data and count those."
        return Problem(where, rule, what, hint)
    else:
        column = split.column or split.key
        if column not in source.kinds:
            hint = "Add the column, name another by `column`, or write `expression`."
            what = f"none called {column!r}"
            return Problem(where, f"the table in {source.engine} must have its column", what, hint)
        expression, kind = source.column(column), source.kinds[column]
    if not _is_label_type(kind):
        what = f"column {column!r} of type {kind}" if column else f"an expression of type {kind}"
        hint = "Convert the values to the names of groups."
        return Problem(where, f"labels in {source.engine} must be text or null", what, hint)
    return Labels(split, expression.cast(nw.String), column)


def _expression_type(source: Source, where: str, expression: Any) -> Any:
    """Return the type of an expression without evaluating it, or the problem with it."""
    import narwhals as nw

    rule, hint = "`expression` must give one label per case", "Write it with narwhals: nw.col(...)."
    if not isinstance(expression, nw.Expr):
        return Problem(where, rule, format_value(expression), hint)
    try:
        schema = source.frame.select(expression.alias("label")).collect_schema()
    except Exception as error:  # noqa: BLE001  # each engine has its own error classes
        found = f"{source.engine} says {' '.join(str(error).split())[:300]}"
        return Problem(where, rule, found, "Correct the expression.")
    return schema["label"]


_MAX_UNITS = 32_767
_MAX_VALUES = 5


@attrs.frozen
class Checked:
    """Result of checking a table.

    Attributes
    ----------
    rows, units : int
        Number of cases, and of units that have cases.
    labels : tuple of Labels
        The labels of the breakdowns.
    metadata : dict of bytes to bytes
        The mark of synthetic cases, if their ids have it; an engine has no other metadata.
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
    """Check a table by its columns and one query, without fetching its rows.

    Parameters
    ----------
    source : Source
        The table.
    framework : Framework
        The framework to check it against.
    splits : tuple of Breakdown
        The breakdowns to count by.
    ids : tuple of str
        The questions whose answers are checked.
    check_ids : bool
        Whether ``case_id`` must exist and be unique, without nulls.

    Raises
    ------
    DataError
        When the table breaks rules; every problem is listed.
    """
    labels, problems = find_labels(source, splits)
    kinds = source.kinds
    names = list(kinds) if check_ids or "case_id" in kinds else [*kinds, "case_id"]
    problems = column_problems(names, framework) + _type_problems(source, framework) + problems
    probes = _probes(source, framework, labels, ids, check_ids)
    found = _run_probes(source, probes)
    problems += _key_problems(source, found)
    strata = {s.name: s.levels for s in framework.strata}
    reported = set()
    for name, levels in strata.items():
        if count := found.get(f"stratum {name}", 0):
            reported.add(name)
            rule = f"allowed levels are {format_values(levels, 12)}, or null for unknown"
            what = _invalid_labels(
                source, _as_text(source, name), _not_a_level(_as_text(source, name), levels), count
            )
            hint = "Recode these values, or leave them null."
            problems.append(Problem(name, rule, f"{what} in {source.engine}", hint))
    for one in labels:
        count = found.get(f"breakdown {one.split.key}", 0)
        if count and one.column not in reported:
            rule = f"groups are {format_values(one.split.groups, 12)}"
            labels_found = _invalid_labels(source, one.label, one.invalid(), count)
            what = f"labels {labels_found} in {source.engine}"
            hint = "Add the group, list it in `excluded`, or make the label null."
            problems.append(Problem(f"breakdown {one.split.key!r}", rule, what, hint))
    invalid = {id: count for id in ids if (count := found.get(f"answer {id}", 0))}
    problems += _answer_problems(source, framework, invalid) if invalid else []
    for question in framework.routed:
        if count := found.get(f"excess {question.id}", 0):
            rule = f"asked only if {describe_conditions(question)}"
            what = f"{count_excess(count)} in {source.engine}"
            if "case_id" in kinds:
                excess = flag(answer_states(source, framework)[question.id].excess)
                cases = _first_labels(source, _as_text(source, "case_id"), excess)[:_MAX_VALUES]
                what += f", such as {format_values(cases)}"
            problems.append(Problem(question.id, rule, what, EXCESS_HINT))
    if problems:
        raise DataError(problems)
    metadata = {SYNTHETIC: b"true"} if found.get("synthetic") else {}
    return Checked(found["rows"], found["units"], labels, metadata)


def _type_problems(source: Source, framework: Framework) -> list[Problem]:
    """List the columns of the wrong type."""
    kinds, rules = source.kinds, []
    whole = "case_id" in kinds and kinds["case_id"].is_integer()
    if "case_id" in kinds and not whole and not _is_label_type(kinds["case_id"]):
        rules.append(("case_id", "ids must be text or whole numbers", "Convert the ids."))
    if "unit" in kinds and not _is_label_type(kinds["unit"]):
        rules.append(("unit", "unit ids must be text", "Convert the ids."))
    for stratum in framework.strata:
        if stratum.name in kinds and not _is_label_type(kinds[stratum.name]):
            allowed = f"allowed levels are {format_values(stratum.levels, 12)}, or null for unknown"
            rules.append((stratum.name, allowed, "Recode these values, or leave them null."))
    recode = "Recode the values in a query."
    rules += [
        (q.id, answer_rule(q, framework), recode)
        for q in framework.questions
        if q.id in kinds and not _may_hold_answers(q, framework, kinds[q.id])
    ]
    return [
        Problem(name, rule, f"a column of type {kinds[name]} in {source.engine}", hint)
        for name, rule, hint in rules
    ]


def _is_answer(kind: Any) -> bool:
    import narwhals as nw

    # A type that narwhals does not know may be a column of nulls; see `bad_answers`.
    return bool(kind in (nw.Boolean, nw.Unknown) or kind.is_numeric())


def _may_hold_answers(question: Question, framework: Framework, kind: Any) -> bool:
    """Tell whether a column of this type may hold the answers to a question."""
    if stored_labels(framework, question) is None:
        return _is_answer(kind)
    return _is_label_type(kind) or (not question.levels and _is_answer(kind))


@attrs.frozen(eq=False)
class AnswerStates:
    """Conditions that tell the state of each case's answer to a question.

    Attributes
    ----------
    sufficient, applicable, not_answered : narwhals.Expr
        As in `omistats.model.answers.AnswerFlags`; null counts as false.
    excess : narwhals.Expr or None
        An answer to a question that the case is not asked.
    undecided : narwhals.Expr or None
        No answer, and it is not known whether the case is asked; None if it always is.
    """

    sufficient: Any
    applicable: Any
    not_answered: Any
    excess: Any = None
    undecided: Any = None


def answer_states(source: Source, framework: Framework) -> dict[str, AnswerStates]:
    """Return the conditions of every question whose column the table has."""
    found: dict[str, AnswerStates] = {}
    routed = framework.routed
    plain = [q for q in framework.questions if not q.asked_if]
    for question in (*plain, *routed):
        if question.id in source.kinds:
            found[question.id] = _states(source, question, framework, found)
    return found


def _states(
    source: Source, question: Question, framework: Framework, others: dict[str, AnswerStates]
) -> AnswerStates:
    import narwhals as nw

    kind, column = source.kinds[question.id], source.column(question.id)
    if _is_answer(kind) and not (kind == nw.Unknown and question.levels):
        blank = column.is_null()
        if kind.is_float():
            blank = blank | column.is_nan()
        # A column of unknown type has only nulls, as was checked.
        one = column if kind == nw.Boolean else ~blank if kind == nw.Unknown else column == 1
        sufficient, applicable, named = one & ~blank, ~blank, nw.lit(False)
    else:
        text = column.cast(nw.String)
        blank = column.is_null()
        sufficient = text.is_in(list(question.sufficient or question.answers[:1])) & ~blank
        applicable = text.is_in(list(question.answers)) & ~blank
        named = (text == nw.lit(NOT_ANSWERED)) & ~blank
    sufficient, applicable, named = (x.fill_null(False) for x in (sufficient, applicable, named))
    missing = blank if framework.blank == NOT_ANSWERED else nw.lit(False)
    if not question.asked_if:
        return AnswerStates(sufficient, applicable, named | missing)
    asked, unknown = _asked(source, question, framework, others)
    known_not = ~asked & ~unknown
    return AnswerStates(
        sufficient,
        applicable,
        (named & ~known_not) | (missing & asked),
        applicable & known_not,
        unknown & ~applicable & ~named,
    )


def _asked(
    source: Source, question: Question, framework: Framework, others: dict[str, AnswerStates]
) -> tuple[Any, Any]:
    """Flag the cases that are asked, and those of which that is not known."""
    import narwhals as nw

    asked, unknown = nw.lit(False), nw.lit(False)
    for condition in question.asked_if:
        yes, no = nw.lit(True), nw.lit(False)
        for name, levels in condition:
            if name not in source.kinds:
                yes = nw.lit(False)
                continue
            if name in others:
                has = has_level(source, framework.question(name), levels, others[name])
                lacks = ~has & ~others[name].not_answered
                if others[name].undecided is not None:
                    lacks = lacks & ~others[name].undecided
            else:
                text = source.column(name).cast(nw.String)
                has = text.is_in(list(levels)).fill_null(False)
                lacks = ~has & ~text.is_null()
            yes, no = yes & has, no | lacks
        asked, unknown = asked | yes, unknown | (~yes & ~no)
    return asked, unknown & ~asked


def has_level(
    source: Source, question: Question, levels: tuple[str, ...], states: AnswerStates
) -> Any:
    """Tell where the answer to a question is one of some levels."""
    import narwhals as nw

    if question.levels:
        text = source.column(question.id).cast(nw.String)
        return text.is_in(list(levels)).fill_null(False)
    first, second = (level in levels for level in question.answers)
    has = states.sufficient if first else nw.lit(False)
    return has | (states.applicable & ~states.sufficient) if second else has


def bad_answers(source: Source, question: Question, framework: Framework) -> Any:
    """Return a condition for values that are no answers; None if there can be none."""
    import narwhals as nw

    kind, column = source.kinds[question.id], source.column(question.id)
    labels = stored_labels(framework, question)
    if labels is not None and not _is_answer(kind):
        text = column.cast(nw.String)
        return ~text.is_in([*labels, NOT_APPLICABLE]) & ~text.is_null()
    if kind == nw.Boolean:
        return None
    if kind == nw.Unknown:
        return ~column.is_null()
    bad = (column != 0) & (column != 1)
    return bad & ~column.is_nan() if kind.is_float() else bad


def _as_text(source: Source, name: str) -> Any:
    import narwhals as nw

    return source.column(name).cast(nw.String)


def _not_a_level(label: Any, levels: tuple[str, ...]) -> Any:
    return flag(~label.is_in(list(levels)))


def _probes(
    source: Source,
    framework: Framework,
    labels: tuple[Labels, ...],
    ids: tuple[str, ...],
    check_ids: bool,
) -> dict[str, Any]:
    """Return the expressions to count over all cases; each flags one kind of problem."""
    import narwhals as nw

    kinds, probes = source.kinds, {}
    if "unit" in kinds and _is_label_type(kinds["unit"]):
        unit = _as_text(source, "unit")
        probes["units"] = unit
        probes["no unit"] = flag(unit.is_null())
        probes["blank unit"] = flag(_plain(unit) == nw.lit(""))
        probes["unit all"] = flag(_plain(unit) == nw.lit(ALL))
    if "case_id" in kinds:
        if check_ids:
            probes["ids"] = source.column("case_id")
            probes["no id"] = flag(probes["ids"].is_null())
        # Ids are always read, so that synthetic cases keep their mark.
        if _is_label_type(kinds["case_id"]):
            id_text = _as_text(source, "case_id")
            probes["synthetic"] = flag(id_text.str.starts_with(SYNTHETIC_ID))
            if check_ids:
                probes["blank id"] = flag(_plain(id_text) == nw.lit(""))
    for stratum in framework.strata:
        if stratum.name in kinds and _is_label_type(kinds[stratum.name]):
            label = _as_text(source, stratum.name)
            probes[f"stratum {stratum.name}"] = _not_a_level(label, stratum.levels)
    probes |= {f"breakdown {one.split.key}": one.invalid() for one in labels}
    states = answer_states(source, framework) if framework.routed else {}
    for question in (framework.question(id) for id in ids):
        id = question.id
        if id not in kinds or not _may_hold_answers(question, framework, kinds[id]):
            continue
        if (bad := bad_answers(source, question, framework)) is not None:
            probes[f"answer {id}"] = flag(bad)
        if question.asked_if:
            probes[f"excess {id}"] = flag(states[id].excess)
    return probes


def _run_probes(source: Source, probes: dict[str, Any]) -> dict[str, int]:
    """Count distinct ids, distinct units and flags in one query."""
    import narwhals as nw

    places = {name: f"c{i}" for i, name in enumerate(probes)}
    # Flags are made first, as all engines support plain sums of columns.
    flags = [probe.alias(places[name]) for name, probe in probes.items()]
    totals = [
        nw.col(place).n_unique() if name in ("ids", "units") else nw.col(place).sum()
        for name, place in places.items()
    ]

    def query() -> Any:
        frame = source.frame.select(*flags) if flags else source.frame
        return frame.select(nw.len().alias("rows"), *totals)

    row = source.collect(query).to_pylist()[0]
    # In some engines the sum of no rows is null.
    found = {name: int(row[place] or 0) for name, place in places.items()}
    found["rows"] = int(row["rows"])
    for name, null in (("units", "no unit"), ("ids", "no id")):
        if name in found:  # n_unique counts null as a value
            found[name] -= found[null] > 0
    return found


def _plain(text: Any) -> Any:
    """Return text without case and without blanks around it."""
    return text.str.strip_chars().str.to_lowercase()


def _key_problems(source: Source, found: dict[str, int]) -> list[Problem]:
    import narwhals as nw

    problems = []
    if "ids" in found:
        if missing := found["no id"]:
            what = f"{missing} null in {source.engine}"
            problems.append(Problem("case_id", "every case needs an id", what, "Give them ids."))
        if blank := found.get("blank id", 0):
            what = f"{blank} blank in {source.engine}"
            problems.append(Problem("case_id", "every case needs an id", what, "Give them ids."))
        if found["rows"] - missing > found["ids"]:
            what = f"more than once in {source.engine}: {_repeated_ids(source)}"
            hint = "Drop the repeated rows or renumber the cases."
            problems.append(Problem("case_id", "ids must be unique", what, hint))
    if missing := found.get("no unit", 0):
        what = f"{missing} null in {source.engine}"
        problems.append(Problem("unit", "every case needs a unit", what, "Fill them in."))
    if blank := found.get("blank unit", 0):
        what = f"{blank} blank in {source.engine}"
        problems.append(Problem("unit", "every case needs a unit", what, "Fill them in."))
    if found.get("unit all"):
        unit = _as_text(source, "unit")
        spellings = _first_labels(source, unit, flag(_plain(unit) == nw.lit(ALL)))
        problems += unit_name_problems(spellings, is_declared=True)
    if found.get("units", 0) > _MAX_UNITS:
        what, hint = f"{found['units']:,} in {source.engine}", "Use larger units."
        problems.append(Problem("unit", f"at most {_MAX_UNITS:,} units", what, hint))
    return problems


def _first_values(values: list[Any]) -> str:
    return format_values(values[:_MAX_VALUES]) + (" and more" if len(values) > _MAX_VALUES else "")


def _repeated_ids(source: Source) -> str:
    import narwhals as nw

    def query() -> Any:
        ids = source.frame.select(source.column("case_id").alias("id"))
        counted = ids.filter(~nw.col("id").is_null()).group_by("id").agg(nw.len().alias("rows"))
        return counted.filter(nw.col("rows") > 1).select("id").sort("id").head(_MAX_VALUES + 1)

    return _first_values(source.collect(query)["id"].to_pylist())


def _invalid_labels(source: Source, label: Any, invalid: Any, count: int) -> str:
    """Format the first invalid labels and the number of rows that have any."""
    few = _first_labels(source, label, invalid)
    return f"{_first_values(few)} in {count:,} row{'s' * (count != 1)}"


def _first_labels(source: Source, label: Any, chosen: Any) -> list[str]:
    """Return the first labels of chosen rows, one more than are shown."""
    import narwhals as nw

    def query() -> Any:
        frame = source.frame.select(label.alias("label"), chosen.alias("chosen"))
        wrong = frame.filter(nw.col("chosen") == 1).group_by("label").agg(nw.len().alias("rows"))
        return wrong.select("label").sort("label").head(_MAX_VALUES + 1)

    return list(source.collect(query)["label"].to_pylist())


def _answer_problems(
    source: Source, framework: Framework, invalid: dict[str, int]
) -> list[Problem]:
    """Report invalid answers: of numbers the smallest and largest, in one query."""
    import narwhals as nw

    questions = {id: framework.question(id) for id in invalid}
    texts = [id for id in invalid if not _is_answer(source.kinds[id])]
    known = [id for id in invalid if id not in texts and source.kinds[id] != nw.Unknown]

    def query() -> Any:
        numbers = (source.column(id).cast(nw.Float64) for id in known)
        invalid_values = (
            nw.when(bad_answers(source, questions[id], framework)).then(number).alias(f"c{i}")
            for i, (id, number) in enumerate(zip(known, numbers, strict=True))
        )
        least = (nw.col(f"c{i}").min().alias(f"min{i}") for i in range(len(known)))
        most = (nw.col(f"c{i}").max().alias(f"max{i}") for i in range(len(known)))
        return source.frame.select(*invalid_values).select(*least, *most)

    row = source.collect(query).to_pylist()[0] if known else {}
    ends = {id: sorted({row[f"min{i}"], row[f"max{i}"]}) for i, id in enumerate(known)}
    problems = []
    for id, count in invalid.items():
        values = " to ".join(f"{v:g}" for v in ends[id]) if id in ends else "values of another kind"
        what = f"{values} in {count:,} row{'s' * (count != 1)}"
        if id in texts:
            bad = flag(bad_answers(source, questions[id], framework))
            what = _invalid_labels(source, _as_text(source, id), bad, count)
        hint = "Recode these values, or leave them null."
        rule = answer_rule(questions[id], framework)
        problems.append(Problem(id, rule, f"{what} in {source.engine}", hint))
    return problems
