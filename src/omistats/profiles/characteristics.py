"""Characteristics()."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import Display, TableResult
from omistats.breakdowns.base import EXCLUDED, Breakdown
from omistats.breakdowns.registry import named
from omistats.counting.tally import By, check_by
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    as_tuple,
    check_choice,
    format_value,
    format_values,
)
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL, Framework
from omistats.model.metadata import invented_columns, is_synthetic
from omistats.profiles.multi_valued import (
    NONE,
    NOT_KNOWN,
    MultiValued,
    MultiValuedFlags,
    read_multi_valued,
)

__all__ = [
    "Absent",
    "Asked",
    "Characteristics",
    "Counted",
    "Many",
    "Read",
    "Single",
    "asked_for",
    "characteristics",
    "counted",
    "heading",
    "make",
    "names_of",
    "others",
    "read",
    "rows_of",
    "sentence",
]


@attrs.frozen
class Asked:
    """A characteristic that was asked for.

    Attributes
    ----------
    name : str
        Its name in tables.
    column : str
        The column it is read from; empty where it is made of something else.
    what : MultiValued, Breakdown or tuple of str
        How to read it; a tuple holds the levels of a stratum.
    """

    name: str
    column: str
    what: MultiValued | Breakdown | tuple[str, ...]


@attrs.frozen(eq=False)
class Single:
    """A characteristic of which a case has one level.

    Attributes
    ----------
    name : str
    levels : tuple of str
    codes : ndarray of int16, shape (cases,)
        -1 where not known.
    """

    name: str
    levels: tuple[str, ...]
    codes: npt.NDArray[np.int16]


@attrs.frozen
class Absent:
    """A characteristic that the cases have no column for."""

    name: str
    column: str

    @property
    def reason(self) -> str:
        """Why there are no figures."""
        return f"no column {self.column!r} in these cases"


@attrs.frozen(eq=False)
class Many:
    """A characteristic of which a case may have several levels."""

    name: str
    levels: tuple[str, ...]
    held: MultiValuedFlags


Read = Single | Many | Absent


def asked_for(of: Any, framework: Framework) -> tuple[Asked, ...]:
    """Resolve what was asked for; every stratum of the framework for None.

    Raises
    ------
    UnknownNameError
        When a name is no stratum and no breakdown.
    UsageError
        When nothing is asked for, or it is none of these.
    DataError
        When a name stands twice, or a breakdown is ill declared.
    """
    if of is None:
        of = [stratum.name for stratum in framework.strata]
        if not of:
            raise UsageError(
                f"the framework {framework.name!r} has no strata; name characteristics in `of`"
            )
    if isinstance(of, Breakdown | MultiValued | type):
        of = (of,)
    entries = as_tuple("of", of, "names of strata, breakdowns and MultiValued")
    if not entries:
        raise UsageError("`of` is empty; name a characteristic, or leave it out for every stratum")
    found = tuple(_asked(entry, framework) for entry in entries)
    problems = [p for a in found if isinstance(a.what, Breakdown) for p in a.what.problems()]
    names = [a.name for a in found]
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        rule = "a characteristic is asked for once"
        problems.append(Problem("of", rule, format_values(repeated), "Remove the repetition."))
    if problems:
        raise DataError(problems)
    return found


def _asked(entry: Any, framework: Framework) -> Asked:
    if isinstance(entry, MultiValued):
        return Asked(entry.name, entry.column, entry)
    if isinstance(entry, str):
        levels = {s.name: s.levels for s in framework.strata}
        if entry in levels:
            return Asked(entry, entry, levels[entry])
        try:
            entry = named(entry, framework)
        except UnknownNameError as error:
            # Who asks for characteristics may not know what a breakdown is.
            raise UnknownNameError("characteristic", error.names, error.known) from None
    elif isinstance(entry, type) and issubclass(entry, Breakdown):
        entry = entry()
    if not isinstance(entry, Breakdown):
        raise UsageError(
            "`of` lists names of strata, breakdowns and MultiValued; found " + format_value(entry)
        )
    column = "" if entry.overrides() else entry.column or entry.key
    return Asked(str(entry.key), column, entry)


def read(cases: CaseSet, asked: Iterable[Asked], problems: list[Problem]) -> tuple[Read, ...]:
    """Read characteristics of cases; one that cannot be read is absent and in ``problems``."""
    out: list[Read] = []
    for one in asked:
        if one.column and one.column not in cases:
            out.append(Absent(one.name, one.column))
        elif isinstance(one.what, tuple):
            out.append(Single(one.name, one.what, _arrow.codes_of(cases[one.name])))
        elif isinstance(one.what, MultiValued):
            found = read_multi_valued(cases, one.what, problems)
            missing = Absent(one.name, one.column)
            out.append(missing if found is None else Many(one.name, one.what.levels, found))
        else:
            try:
                out.append(_classified(cases, one.name, one.what))
            except DataError as error:
                problems += error.problems
                out.append(Absent(one.name, one.column))
    return tuple(out)


def _classified(cases: CaseSet, name: str, breakdown: Breakdown) -> Single:
    """Classify by a breakdown; who is known and in no group gets a level at the end."""
    codes = breakdown.codes(cases)
    groups = breakdown.groups
    if breakdown.contrast == "complement":
        # The second group is everyone; here stands who is known to be outside the first.
        groups, rest = groups[:1], f"not {groups[0]}"
        return Single(name, (*groups, rest), np.where(codes == EXCLUDED, np.int16(1), codes))
    if not breakdown.excluded:
        return Single(name, groups, codes)
    return Single(
        name,
        (*groups, "left out"),
        np.where(codes == EXCLUDED, np.int16(len(groups)), codes),
    )


_TITLES = ("", "n", "% of cases", "% of known", "% of mentions")


def rows_of(table: pa.Table, unit: str, units: Collection[str]) -> pa.Table:
    """Give the rows of one unit; every unit has as many.

    Raises
    ------
    UnknownNameError
        When there is no such unit.
    """
    check_choice("unit", unit, tuple(units))
    count = table.num_rows // len(units)
    return table.slice(count * list(units).index(unit), count)


def heading(what: str, table: pa.Table, cases: int, unit: str) -> str:
    """Give the first line: of what, of how many cases, and whether they are made up."""
    made_up = "SYNTHETIC " * is_synthetic(table.schema.metadata)
    return f"{what} of {cases:,} {made_up}case{'s' * (cases != 1)}, unit {unit}"


def names_of(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Give two labels a row: the characteristic where it begins, and the level."""
    out, before = [], None
    for row in rows:
        name = row["characteristic"]
        mark = " (INVENTED)" * row["invented"]
        first = name + mark if name != before else ""
        level = row["level"] or NOT_KNOWN
        out.append((first, level))
        before = name
    return out


def others(units: Collection[str]) -> str:
    """Say what there is besides the first unit, and how to see it; ``all`` is no unit."""
    rest = list(units)[1:]
    count = sum(unit != ALL for unit in rest)
    parts = [f"{count:,} more unit{'s' * (count != 1)}"] * bool(count) + [ALL] * (ALL in rest)
    if not parts:
        return ""
    return f"... and {' and '.join(parts)} in .table; see .unit({rest[-1]!r})"


def sentence(reason: str) -> str:
    """Put a reason in brackets where a level would stand."""
    return f"({reason})"


def _shown(table: pa.Table, cases: Mapping[str, int]) -> Display:
    if not cases or not table.num_rows:
        return Display("Characteristics of no cases")
    unit = next(iter(cases))
    count = table.num_rows // len(cases)
    rows = table.slice(0, count).to_pylist()
    lines = [["characteristic", *_TITLES]]
    for row, (name, level) in zip(rows, names_of(rows), strict=True):
        if row["reason"]:
            lines.append([name, sentence(row["reason"]), "", "", "", ""])
            continue
        of_cases = row["percent"] if row["percent"] is not None else row["percent_of_cases"]
        shares = (of_cases, row["percent_known"], row["percent_of_mentions"])
        lines.append(
            [name, level, f"{row['n']:,}", *("" if v is None else f"{v:.1f}" for v in shares)]
        )
    if not any(line[5] for line in lines[1:]):
        lines = [line[:5] for line in lines]
    head = heading("Characteristics", table, cases[unit], unit)
    return Display(head, lines, others(cases), labels=2)


Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@attrs.frozen(eq=False, repr=False)
class Characteristics(TableResult):
    """Counts and percentages of the cases by characteristic.

    Attributes
    ----------
    table : pyarrow.Table
        A row a unit x characteristic x level, in this order of nesting: units as declared,
        then ``all``; characteristics as asked for; levels as declared, then, where a case may
        have several, ``none``; last the cases whose level is not known, whose ``level`` is
        null. That row is always there, also with an ``n`` of 0.

        ``unit, characteristic, level`` (dictionary); ``n`` (int64), cases that have the level;
        ``percent`` of all cases and ``percent_known`` of those whose level is known (float64,
        0-100, unrounded), for characteristics of which a case has one; for those of which it
        may have several ``percent_of_cases`` of all cases, which can add up to more than 100,
        and ``percent_of_mentions``, of all levels that all cases have, which adds up to 100;
        ``invented`` (Boolean), whether the cases say that the column was made up; ``reason``
        why there are no figures: of a characteristic without a column there is one row, with
        null for ``level`` and ``n``. Percentages of nothing are null.
    cases : dict of str to int
        The number of cases of every unit.

    Examples
    --------
    >>> import omistats as oms
    >>> framework = oms.Framework("visits", (), [oms.Stratum("sex", ("boy", "girl"))])
    >>> data = {"case_id": [1, 2, 3, 4], "unit": list("ABBB"), "sex": ["boy", "girl", "boy", None]}
    >>> cases = oms.CaseSet.from_data(data, framework=framework)
    >>> found = oms.characteristics(cases, by="unit")
    >>> found.unit("B")
    Characteristics of 3 cases, unit B
    <BLANKLINE>
    characteristic             n  % of cases  % of known
    sex             boy        1        33.3        50.0
                    girl       1        33.3        50.0
                    not known  1        33.3
    """

    table: pa.Table
    cases: dict[str, int]

    def unit(self, name: str) -> Characteristics:
        """Give the rows of one unit, or of ``all``.

        Parameters
        ----------
        name : str
            The unit.

        Returns
        -------
        Characteristics
            Of that unit only.

        Raises
        ------
        UnknownNameError
            When there is no such unit.
        UsageError
            When it is no text.
        """
        return Characteristics(rows_of(self.table, name, self.cases), {name: self.cases[name]})

    def _display(self) -> Display:
        return _shown(self.table, self.cases)


@attrs.frozen(eq=False)
class Counted:
    """Counts of one characteristic.

    Attributes
    ----------
    n : ndarray of int64, shape (units, rows)
        Cases by level; the last row counts those whose level is not known.
    known : ndarray of int64, shape (units, 1)
        Cases whose level is known.
    """

    n: Counts
    known: Counts


def counted(one: Single | Many, unit: npt.NDArray[np.signedinteger], units: int) -> Counted:
    """Count cases by unit and level."""
    if isinstance(one, Single):
        width = len(one.levels) + 1
        # Not known goes last: -1 becomes the last number.
        place = np.where(one.codes < 0, width - 1, one.codes).astype(np.int64)
        cells = np.bincount(unit * np.int64(width) + place, minlength=units * width)
        n = cells.reshape(units, width)
    else:
        flags, known = one.held.flags, one.held.known
        none = known & ~flags.any(axis=0)
        rows = [*flags, none, ~known]
        n = np.stack([np.bincount(unit[row], minlength=units) for row in rows], axis=1)
    n = n.astype(np.int64)
    heads = np.bincount(unit, minlength=units).astype(np.int64)[:, np.newaxis]
    return Counted(n, heads - n[:, -1:])


def make(
    cases: CaseSet, asked: Sequence[Asked], found: Sequence[Read], by_unit: bool
) -> Characteristics:
    """Count and lay out the characteristics of cases."""
    codes = cases.unit_codes.astype(np.int64) if by_unit else np.zeros(len(cases), np.int64)
    count = len(cases.units) if by_unit else 1
    names = (*cases.units, ALL) if by_unit else (ALL,)
    heads = _with_all(np.bincount(codes, minlength=count)[:, np.newaxis], by_unit)
    marked = invented_columns(cases.metadata)
    blocks = [_block(one, codes, count, heads, by_unit) for one in found]
    widths = [len(block.levels) for block in blocks]
    labels = tuple(dict.fromkeys(level for block in blocks for level in block.levels if level))
    place: dict[str | None, int] = {label: i for i, label in enumerate(labels)}
    level = np.array([place.get(v, -1) for block in blocks for v in block.levels], np.int16)
    reasons = np.repeat(np.array([block.reason for block in blocks], object), widths)
    invented = np.repeat([one.column in marked for one in asked], widths)
    rows = sum(widths)
    n = np.concatenate([block.n for block in blocks], axis=1).ravel()
    columns = {
        "unit": _arrow.dictionary(np.repeat(np.arange(len(names), dtype=np.int16), rows), names),
        "characteristic": _arrow.dictionary(
            np.tile(np.repeat(np.arange(len(blocks), dtype=np.int16), widths), len(names)),
            tuple(block.name for block in blocks),
        ),
        "level": _arrow.dictionary(np.tile(level, len(names)), labels),
        "n": _arrow.primitive(np.maximum(n, 0), n >= 0),
        **{
            name: _arrow.floats(np.concatenate([b.percents[i] for b in blocks], axis=1).ravel())
            for i, name in enumerate(_PERCENTS)
        },
        "invented": pa.array(np.tile(invented, len(names))),
        "reason": pa.array(np.tile(reasons, len(names)).tolist(), pa.string()),
    }
    table = pa.table(columns).replace_schema_metadata(dict(cases.metadata) or None)
    return Characteristics(table, dict(zip(names, heads.ravel().tolist(), strict=True)))


_PERCENTS = ("percent", "percent_known", "percent_of_cases", "percent_of_mentions")


@attrs.frozen(eq=False)
class _Block:
    """One characteristic of all units, each array of shape (units, rows)."""

    name: str
    levels: tuple[str | None, ...]
    n: Counts
    percents: tuple[npt.NDArray[np.float64], ...]
    reason: str | None


def _block(one: Read, codes: Counts, units: int, heads: Counts, by_unit: bool) -> _Block:
    if isinstance(one, Absent):
        shape = (len(heads), 1)
        blank = (np.full(shape, np.nan),) * len(_PERCENTS)
        return _Block(one.name, (None,), np.full(shape, -1), blank, one.reason)
    found = counted(one, codes, units)
    n, known = _with_all(found.n, by_unit), _with_all(found.known, by_unit)
    of_all, nothing = _percent(n, heads), np.full(n.shape, np.nan)
    unknown = np.zeros(n.shape, np.bool_)
    unknown[:, -1] = True
    if isinstance(one, Single):
        of_known = np.where(unknown, np.nan, _percent(n, known))
        levels: tuple[str | None, ...] = (*one.levels, None)
        percents = (of_all, of_known, nothing, nothing)
    else:
        labels = len(one.levels)
        mentions = n[:, :labels].sum(axis=1, keepdims=True)
        of_mentions = np.where(np.arange(n.shape[1]) < labels, _percent(n, mentions), np.nan)
        levels = (*one.levels, NONE, None)
        percents = (nothing, nothing, of_all, of_mentions)
    return _Block(one.name, levels, n, percents, None)


def _with_all(n: Counts, by_unit: bool) -> Counts:
    return np.concatenate([n, n.sum(axis=0, keepdims=True)]) if by_unit else n


def _percent(n: Counts, base: Counts) -> npt.NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        out: npt.NDArray[np.float64] = 100.0 * n / base
    return out


def characteristics(
    cases: CaseSet,
    of: Iterable[str | MultiValued | Breakdown | type[Breakdown]] | None = None,
    *,
    by: By | None = None,
) -> Characteristics:
    """Count cases by characteristic: supervision type, gender, age group, and so on.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    of : iterable of str, MultiValued or Breakdown, optional
        Names of strata or of breakdowns, `MultiValued` for what a case may have more than one of,
        and breakdowns; every stratum of the framework by default. Of a breakdown that compares
        a subset with all, the subset and the known rest are counted; labels that it leaves out
        are counted together as ``left out``.
    by : {'unit'}, optional
        Count every unit, then all together; by default only all together.

    Returns
    -------
    Characteristics
        Cases whose level is not known have a row of their own, also where there are none. A
        characteristic that the cases have no column for has one row that says so.

    Raises
    ------
    UsageError
        When something asked for is no characteristic.
    UnknownNameError
        When a name is no stratum and no breakdown.
    DataError
        When a name stands twice, or labels of a breakdown or `MultiValued` are unknown, repeated
        within a case, or contradict the stratum beside them; all are told.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.characteristics(oms.omi2.load_synthetic(), ["gender", "tier"])
    Characteristics of 2,213 SYNTHETIC cases, unit all
    <BLANKLINE>
    characteristic                                      n  % of cases  % of known
    gender          male                            1,951        88.2        88.4
                    female                            257        11.6        11.6
                    not known                           5         0.2
    tier            (no column 'tier' in these cases)
    """
    check_by(by)
    if not isinstance(cases, CaseSet):
        raise UsageError(
            f"characteristics are those of a CaseSet, found {format_value(cases)}; make one with "
            "CaseSet.from_data"
        )
    asked = asked_for(of, cases.framework)
    problems: list[Problem] = []
    found = read(cases, asked, problems)
    if problems:
        raise DataError(problems)
    return make(cases, asked, found, by == "unit")
