"""Characteristics of cases: counts and percentages of a sample."""

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
from omistats.breakdowns.registry import find_breakdown
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
    "CharacteristicSpec",
    "Characteristics",
    "SingleColumn",
    "characteristics",
    "count_levels",
    "in_brackets",
    "more_units",
    "read_columns",
    "resolve_characteristics",
    "row_labels",
    "unit_rows",
]


Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


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
        Characteristics: names of strata or breakdowns, `MultiValued` if a case may have several
        levels, and breakdowns. By default every stratum of the framework. A complement counts
        its subset and the known cases outside it. Labels that a breakdown excludes are counted
        together as ``left out``.
    by : {'unit'}, optional
        Count every unit, then all together; by default only all together.

    Returns
    -------
    Characteristics
        Counts by level. Cases whose level is not known always have a row. A characteristic
        without a column has one row with the reason.

    Raises
    ------
    UsageError
        When an entry of ``of`` is not a characteristic.
    UnknownNameError
        When a name is neither a stratum nor a breakdown.
    DataError
        When a name is repeated, or labels of a breakdown or `MultiValued` are unknown, repeated
        within a case, or contradict the indicator; all problems are reported together.

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
            f"`cases` must be a CaseSet; found {format_value(cases)}. Make one with "
            "CaseSet.from_data"
        )
    specs = resolve_characteristics(of, cases.framework)
    problems: list[Problem] = []
    columns = read_columns(cases, specs, problems)
    if problems:
        raise DataError(problems)
    return _build(cases, specs, columns, by == "unit")


@attrs.frozen(eq=False, repr=False)
class Characteristics(TableResult):
    """Counts and percentages of the cases by characteristic.

    Attributes
    ----------
    table : pyarrow.Table
        One row a unit x characteristic x level, in this order of nesting: units as declared,
        then ``all``; characteristics as passed; levels as declared, then ``none`` if a case may
        have several. The last row of a characteristic counts the cases whose level is not
        known; its ``level`` is null, and its ``n`` may be 0.

        ``unit, characteristic, level`` (dictionary); ``n`` (int64), cases with the level.
        Percentages are float64, 0-100, unrounded, and null if their base is 0. If a case has
        one level: ``percent`` of all cases, and ``percent_known`` of the cases whose level is
        known. If a case may have several: ``percent_of_cases``, of all cases, which can add up
        to more than 100, and ``percent_of_mentions``, of all levels of all cases, which adds up
        to 100. ``invented`` (Boolean), whether the metadata mark the column as invented.
        ``reason``, why there are no figures: a characteristic without a column has one row,
        with a null ``level`` and ``n``.
    cases : dict of str to int
        Number of cases of every unit.

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
        """Return the rows of one unit, or of ``all``.

        Parameters
        ----------
        name : str
            The unit.

        Returns
        -------
        Characteristics
            The rows of that unit.

        Raises
        ------
        UnknownNameError
            When the unit is unknown.
        UsageError
            When the unit is not text.
        """
        return Characteristics(unit_rows(self.table, name, self.cases), {name: self.cases[name]})

    def _display(self) -> Display:
        return _build_display(self.table, self.cases)


@attrs.frozen
class CharacteristicSpec:
    """A characteristic to count, and how to read it.

    Attributes
    ----------
    name : str
        Name in tables.
    column : str
        Column it is read from; empty if a breakdown computes it.
    source : MultiValued, Breakdown or tuple of str
        How to read it; a tuple holds the levels of a stratum.
    """

    name: str
    column: str
    source: MultiValued | Breakdown | tuple[str, ...]


@attrs.frozen(eq=False)
class SingleColumn:
    """A characteristic with one level a case.

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
class MissingColumn:
    """A characteristic whose column is missing."""

    name: str
    column: str

    @property
    def reason(self) -> str:
        """Why there are no figures."""
        return f"no column {self.column!r} in these cases"


@attrs.frozen(eq=False)
class MultiColumn:
    """A characteristic with several levels, one or none a case."""

    name: str
    levels: tuple[str, ...]
    values: MultiValuedFlags


CharacteristicColumn = SingleColumn | MultiColumn | MissingColumn


def resolve_characteristics(of: Any, framework: Framework) -> tuple[CharacteristicSpec, ...]:
    """Resolve names, breakdowns and multi-valued characteristics; None means every stratum.

    Raises
    ------
    UnknownNameError
        When a name is neither a stratum nor a breakdown.
    UsageError
        When there is no characteristic, or an entry is something else.
    DataError
        When a name is repeated, or a breakdown is not valid.
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
    specs = tuple(_resolve(entry, framework) for entry in entries)
    problems = [p for s in specs if isinstance(s.source, Breakdown) for p in s.source.problems()]
    names = [spec.name for spec in specs]
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        rule = "a characteristic is asked for once"
        problems.append(Problem("of", rule, format_values(repeated), "Remove the repetition."))
    if problems:
        raise DataError(problems)
    return specs


def _resolve(entry: Any, framework: Framework) -> CharacteristicSpec:
    if isinstance(entry, MultiValued):
        return CharacteristicSpec(entry.name, entry.column, entry)
    if isinstance(entry, str):
        levels = {s.name: s.levels for s in framework.strata}
        if entry in levels:
            return CharacteristicSpec(entry, entry, levels[entry])
        try:
            entry = find_breakdown(entry, framework)
        except UnknownNameError as error:
            # The caller asked for a characteristic, not for a breakdown.
            raise UnknownNameError("characteristic", error.names, error.known) from None
    elif isinstance(entry, type) and issubclass(entry, Breakdown):
        entry = entry()
    if not isinstance(entry, Breakdown):
        raise UsageError(
            "`of` lists names of strata, breakdowns and MultiValued; found " + format_value(entry)
        )
    column = "" if entry.overrides() else entry.column or entry.key
    return CharacteristicSpec(str(entry.key), column, entry)


def read_columns(
    cases: CaseSet, specs: Iterable[CharacteristicSpec], problems: list[Problem]
) -> tuple[CharacteristicColumn, ...]:
    """Read characteristics of cases; one that cannot be read is missing and in ``problems``."""
    out: list[CharacteristicColumn] = []
    for spec in specs:
        missing = MissingColumn(spec.name, spec.column)
        if spec.column and spec.column not in cases:
            out.append(missing)
        elif isinstance(spec.source, tuple):
            out.append(SingleColumn(spec.name, spec.source, _arrow.codes_of(cases[spec.name])))
        elif isinstance(spec.source, MultiValued):
            values = read_multi_valued(cases, spec.source, problems)
            levels = spec.source.levels
            out.append(missing if values is None else MultiColumn(spec.name, levels, values))
        else:
            try:
                out.append(_read_breakdown(cases, spec.name, spec.source))
            except DataError as error:
                problems += error.problems
                out.append(missing)
    return tuple(out)


def _read_breakdown(cases: CaseSet, name: str, breakdown: Breakdown) -> SingleColumn:
    """Classify cases by a breakdown; excluded labels get a level at the end."""
    codes = breakdown.codes(cases)
    groups = breakdown.groups
    if breakdown.contrast == "complement":
        # Counts by level need the known cases outside the subset, not `all`.
        groups, rest = groups[:1], f"not {groups[0]}"
        return SingleColumn(name, (*groups, rest), np.where(codes == EXCLUDED, np.int16(1), codes))
    if not breakdown.excluded:
        return SingleColumn(name, groups, codes)
    return SingleColumn(
        name,
        (*groups, "left out"),
        np.where(codes == EXCLUDED, np.int16(len(groups)), codes),
    )


_TITLES = ("", "n", "% of cases", "% of known", "% of mentions")


def unit_rows(table: pa.Table, unit: str, units: Collection[str]) -> pa.Table:
    """Return the rows of one unit, of a table with the same rows for every unit.

    Raises
    ------
    UnknownNameError
        When the unit is unknown.
    """
    check_choice("unit", unit, tuple(units))
    count = table.num_rows // len(units)
    return table.slice(count * list(units).index(unit), count)


def row_labels(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the labels of displayed rows: the characteristic, if it is new, and the level."""
    out, previous = [], None
    for row in rows:
        name = row["characteristic"]
        mark = " (INVENTED)" * row["invented"]
        label = name + mark if name != previous else ""
        level = row["level"] or NOT_KNOWN
        out.append((label, level))
        previous = name
    return out


def more_units(units: Collection[str]) -> str:
    """Say how many units a display leaves out, and how to see one."""
    hidden = list(units)[1:]
    count = sum(unit != ALL for unit in hidden)
    parts = [f"{count:,} more unit{'s' * (count != 1)}"] * bool(count) + [ALL] * (ALL in hidden)
    if not parts:
        return ""
    return f"... and {' and '.join(parts)} in .table; see .unit({hidden[-1]!r})"


def in_brackets(reason: str) -> str:
    """Put a reason in brackets, to be displayed in place of a level."""
    return f"({reason})"


def _build_display(table: pa.Table, cases: Mapping[str, int]) -> Display:
    if not cases or not table.num_rows:
        return Display("Characteristics of no cases")
    unit = next(iter(cases))
    count = table.num_rows // len(cases)
    rows = table.slice(0, count).to_pylist()
    lines = [["characteristic", *_TITLES]]
    for row, (name, level) in zip(rows, row_labels(rows), strict=True):
        if row["reason"]:
            lines.append([name, in_brackets(row["reason"]), "", "", "", ""])
            continue
        of_cases = row["percent"] if row["percent"] is not None else row["percent_of_cases"]
        shares = (of_cases, row["percent_known"], row["percent_of_mentions"])
        lines.append(
            [name, level, f"{row['n']:,}", *("" if v is None else f"{v:.1f}" for v in shares)]
        )
    if not any(line[5] for line in lines[1:]):
        lines = [line[:5] for line in lines]
    made_up = "SYNTHETIC " * is_synthetic(table.schema.metadata)
    count = cases[unit]
    head = f"Characteristics of {count:,} {made_up}case{'s' * (count != 1)}, unit {unit}"
    return Display(head, lines, more_units(cases), labels=2)


@attrs.frozen(eq=False)
class LevelCounts:
    """Counts of one characteristic.

    Attributes
    ----------
    n : ndarray of int64, shape (units, levels)
        Cases by level; the last column counts the cases whose level is not known.
    known : ndarray of int64, shape (units, 1)
        Cases whose level is known.
    """

    n: Counts
    known: Counts


def count_levels(
    column: SingleColumn | MultiColumn, unit: npt.NDArray[np.signedinteger], units: int
) -> LevelCounts:
    """Count cases by unit and level.

    Parameters
    ----------
    column : SingleColumn or MultiColumn
        The characteristic.
    unit : ndarray of int, shape (cases,)
        The place of each case's unit.
    units : int
        Number of units.
    """
    if isinstance(column, SingleColumn):
        width = len(column.levels) + 1
        level = np.where(column.codes < 0, width - 1, column.codes).astype(np.int64)
        cells = np.bincount(unit * np.int64(width) + level, minlength=units * width)
        n = cells.reshape(units, width)
    else:
        flags, known = column.values.flags, column.values.known
        none = known & ~flags.any(axis=0)
        levels = [*flags, none, ~known]
        n = np.stack([np.bincount(unit[has], minlength=units) for has in levels], axis=1)
    n = n.astype(np.int64)
    cases = np.bincount(unit, minlength=units).astype(np.int64)[:, np.newaxis]
    return LevelCounts(n, cases - n[:, -1:])


def _build(
    cases: CaseSet,
    specs: Sequence[CharacteristicSpec],
    characteristic_columns: Sequence[CharacteristicColumn],
    by_unit: bool,
) -> Characteristics:
    """Count cases and build the table."""
    unit = cases.unit_codes.astype(np.int64) if by_unit else np.zeros(len(cases), np.int64)
    count = len(cases.units) if by_unit else 1
    names = (*cases.units, ALL) if by_unit else (ALL,)
    totals = _with_all(np.bincount(unit, minlength=count)[:, np.newaxis], by_unit)
    marked = invented_columns(cases.metadata)
    blocks = [_block(column, unit, count, totals, by_unit) for column in characteristic_columns]
    widths = [len(block.levels) for block in blocks]
    labels = tuple(dict.fromkeys(level for block in blocks for level in block.levels if level))
    place: dict[str | None, int] = {label: i for i, label in enumerate(labels)}
    level = np.array([place.get(v, -1) for block in blocks for v in block.levels], np.int16)
    reasons = np.repeat(np.array([block.reason for block in blocks], object), widths)
    invented = np.repeat([spec.column in marked for spec in specs], widths)
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
    return Characteristics(table, dict(zip(names, totals.ravel().tolist(), strict=True)))


_PERCENTS = ("percent", "percent_known", "percent_of_cases", "percent_of_mentions")


@attrs.frozen(eq=False)
class _Block:
    """Rows of one characteristic; arrays have the shape (units, levels)."""

    name: str
    levels: tuple[str | None, ...]
    n: Counts
    percents: tuple[npt.NDArray[np.float64], ...]
    reason: str | None


def _block(
    column: CharacteristicColumn, unit: Counts, units: int, totals: Counts, by_unit: bool
) -> _Block:
    if isinstance(column, MissingColumn):
        shape = (len(totals), 1)
        nulls = (np.full(shape, np.nan),) * len(_PERCENTS)
        return _Block(column.name, (None,), np.full(shape, -1), nulls, column.reason)
    counts = count_levels(column, unit, units)
    n, known = _with_all(counts.n, by_unit), _with_all(counts.known, by_unit)
    of_all, blank = _percent(n, totals), np.full(n.shape, np.nan)
    unknown = np.zeros(n.shape, np.bool_)
    unknown[:, -1] = True
    if isinstance(column, SingleColumn):
        of_known = np.where(unknown, np.nan, _percent(n, known))
        levels: tuple[str | None, ...] = (*column.levels, None)
        percents = (of_all, of_known, blank, blank)
    else:
        labels = len(column.levels)
        mentions = n[:, :labels].sum(axis=1, keepdims=True)
        of_mentions = np.where(np.arange(n.shape[1]) < labels, _percent(n, mentions), np.nan)
        levels = (*column.levels, NONE, None)
        percents = (blank, blank, of_all, of_mentions)
    return _Block(column.name, levels, n, percents, None)


def _with_all(n: Counts, by_unit: bool) -> Counts:
    return np.concatenate([n, n.sum(axis=0, keepdims=True)]) if by_unit else n


def _percent(n: Counts, base: Counts) -> npt.NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        out: npt.NDArray[np.float64] = 100.0 * n / base
    return out
