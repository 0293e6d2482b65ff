"""Sum values by unit and group in an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.breakdowns.base import EXCLUDED, UNCLASSIFIED, Breakdown
from omistats.engines.checks import (
    EXCLUDED as EXCLUDED_STATE,
    INVALID,
    Checked,
    Labels,
    answer_states,
    check_table,
    flag,
    has_level,
)
from omistats.engines.tables import Source, check_all_counted, check_same_totals, open_source
from omistats.errors import DataError
from omistats.model.framework import NOT_ANSWERED, Framework
from omistats.model.units import unit_name_problems

__all__ = [
    "EngineSums",
    "Sums",
    "add_at",
    "answer_flags",
    "level_flags",
    "query_batches",
    "run_sums",
    "sum_engine",
    "unit_order",
]


# Most rows that a query returns. Measured with a million cases, 75 questions and six breakdowns by
# 35 units: one query of 25,515 rows takes at least as long as two of 945 each, and six queries
# take twice as long as two.
_MAX_ROWS = 4_096

Counts = npt.NDArray[np.int64]
Transform = Callable[[Any], Any]


@attrs.frozen(eq=False)
class Sums:
    """Result of one query: a row for each unit and combination of groups.

    Attributes
    ----------
    labels : tuple of Labels
        The labels of the query's breakdowns.
    units : ndarray of object, shape (rows,)
        Names of units; empty when all units were counted together.
    codes : ndarray of int64, shape (breakdowns, rows)
        Index of the group, -1 for unclassified, -2 for excluded.
    rows : ndarray of int64, shape (rows,)
        Cases.
    values : ndarray of int64, shape (rows, values)
        The sums.
    """

    labels: tuple[Labels, ...]
    units: npt.NDArray[np.object_]
    codes: Counts
    rows: Counts
    values: Counts

    def totals(self) -> Counts:
        """Sum rows and values by unit, in order of name, shape (units, 1 + values)."""
        both = np.column_stack([self.rows, self.values])
        if not len(self.units):
            total: Counts = both.sum(axis=0, keepdims=True)
            return total
        names, place = np.unique(self.units.astype(str), return_inverse=True)
        out = np.zeros((len(names), both.shape[1]), np.int64)
        add_at(out, place, both)
        return out


def answer_flags(source: Source, framework: Framework, ids: Sequence[str]) -> list[Any]:
    """Return flags of 0 or 1: sufficient as ``k0``, ..., applicable as ``n0``, ...

    Where cases can say that a question was not answered, these are ``m0``, ...; and applicable
    too, if they count as not sufficient. Flags are whole numbers without nulls, so that engines
    only have to add them up.
    """
    states = answer_states(source, framework)
    flags = []
    for i, id in enumerate(ids):
        one = states[id]
        counted = one.applicable
        if framework.counts_not_answered:
            counted = counted | one.not_answered
        flags += [flag(one.sufficient).alias(f"k{i}"), flag(counted).alias(f"n{i}")]
        if framework.not_answered is not None:
            flags.append(flag(one.not_answered).alias(f"m{i}"))
    return flags


def level_flags(
    source: Source, framework: Framework, levels: Mapping[str, Sequence[str]]
) -> list[Any]:
    """Return flags of 0 or 1: each level of each question as ``k0``, ..., its answers as ``n0``.

    Where cases can say that a question was not answered, these are ``m0``, ...

    Parameters
    ----------
    source : Source
        The table.
    framework : Framework
        The framework of the cases.
    levels : mapping of str to sequence of str
        The levels of each question that are counted.
    """
    states = answer_states(source, framework)
    flags: list[Any] = []
    number = 0
    for id, names in levels.items():
        question, one = framework.question(id), states[id]
        counted = one.applicable
        if NOT_ANSWERED in names:
            counted = counted | one.not_answered
        for level in names:
            given = one.not_answered
            if level != NOT_ANSWERED:
                given = has_level(source, question, (level,), one)
            flags += [flag(given).alias(f"k{number}"), flag(counted).alias(f"n{number}")]
            if framework.not_answered is not None:
                flags.append(flag(one.not_answered).alias(f"m{number}"))
            number += 1
    return flags


def query_batches(labels: tuple[Labels, ...], units: int) -> Iterator[tuple[Labels, ...]]:
    """Group breakdowns into queries whose results stay small.

    A query returns at most 4,096 rows; or, if that is more, the units times the groups of one
    breakdown with its unclassified and excluded.
    """
    batch: list[Labels] = []
    cells = max(units, 1)
    for one in labels:
        if batch and cells * one.cells > _MAX_ROWS:
            yield tuple(batch)
            batch, cells = [], max(units, 1)
        batch.append(one)
        cells *= one.cells
    yield tuple(batch)


def run_sums(
    source: Source,
    checked: Checked,
    labels: tuple[Labels, ...],
    flags: Sequence[Any],
    values: Sequence[str],
    *,
    by_unit: bool,
    transform: Transform | None = None,
) -> Sums:
    """Run a query that sums values by unit and combination of groups.

    Parameters
    ----------
    source : Source
        The table.
    checked : Checked
        The result of checking it.
    labels : tuple of Labels
        The labels of this query's breakdowns.
    flags : sequence of narwhals.Expr
        Expressions evaluated for every case.
    values : sequence of str
        The columns to sum: flags, or columns that ``transform`` makes of them.
    by_unit : bool
        Whether units are counted separately.
    transform : callable, optional
        Makes a frame of the keys and values from a frame of the keys and flags.

    Raises
    ------
    DataError
        When the engine fails, or the table has changed since it was checked.
    """
    import narwhals as nw

    keys = [key for i, one in enumerate(labels) for key in one.keys(i)]
    names = [f"{word}{i}" for i in range(len(labels)) for word in ("group", "state")]
    if by_unit:
        keys.append(source.column("unit").cast(nw.String).alias("unit"))
        names.append("unit")
    rows = nw.len().alias("rows")
    sums = [nw.col(name).sum() for name in values]
    # Engines differ in the type of sums; all are cast to 64 bits.
    casts = [*(nw.col(n) for n in names), *(nw.col(n).cast(nw.Int64) for n in ("rows", *values))]

    def query() -> Any:
        frame = source.frame.select(*keys, *flags)
        if transform is not None:
            frame = transform(frame)
        counted = frame.group_by(*names).agg(rows, *sums) if names else frame.select(rows, *sums)
        return counted.select(*casts)

    table = source.collect(query)
    sizes = _to_counts(table, ["rows"])[:, 0]
    check_all_counted(source, int(sizes.sum()), checked.rows)
    return Sums(
        labels,
        np.array(table["unit"].to_pylist() if by_unit else [], object),
        np.array([_group_codes(source, table, i, one) for i, one in enumerate(labels)]),
        sizes,
        _to_counts(table, values),
    )


def _to_counts(table: pa.Table, names: Sequence[str]) -> Counts:
    out = np.zeros((table.num_rows, len(names)), np.int64)
    for i, name in enumerate(names):
        out[:, i] = table[name].combine_chunks().fill_null(0).to_numpy(zero_copy_only=False)
    return out


def _group_codes(source: Source, table: pa.Table, number: int, labels: Labels) -> Counts:
    state = _to_counts(table, [f"state{number}"])[:, 0]
    sizes = _to_counts(table, ["rows"])[:, 0]
    # Invalid labels were checked for, so one can only have been added since.
    check_all_counted(source, int(sizes[state != INVALID].sum()), int(sizes.sum()))
    place = {group: i for i, group in enumerate(labels.groups)}
    codes = np.array([place.get(g, UNCLASSIFIED) for g in table[f"group{number}"].to_pylist()])
    codes[state == EXCLUDED_STATE] = EXCLUDED
    return codes.astype(np.int64)


def add_at(total: Counts, where: Any, values: Counts) -> None:
    """Add values in place; indices may repeat."""
    np.add.at(total, where, values)


def unit_order(source: Source, found: Sequence[str]) -> tuple[str, ...]:
    """Order units as in the column's enumeration, if it has one; else sort them.

    Raises
    ------
    DataError
        When the names of two units look alike.
    """
    import narwhals as nw

    if problems := unit_name_problems(sorted(set(found)), is_declared=False):
        raise DataError(problems)
    kind, seen = source.kinds["unit"], set(found)
    if kind == nw.Enum:
        return tuple(unit for unit in kind.categories if unit in seen)
    return tuple(sorted(seen))


class EngineSums(NamedTuple):
    """Sums of items by unit and domain.

    Attributes
    ----------
    units : tuple of str
        The units that have cases.
    cases : ndarray of int64, shape (units,)
        Number of cases of each unit.
    sizes : ndarray of int64, shape (units, domains, columns)
        For each item of q questions and each number of applicable answers from 1 to q: the cases
        that have so many; then the sums of their sufficient answers; then of the squares. After
        these the cases with a sufficient answer, and those with one that is not.
    metadata : dict of bytes to bytes
        The mark of synthetic cases, if their ids have it.
    not_answered : ndarray of int64, shape (units, domains, items), or None
        Questions that were asked and not answered; None where cases cannot say so.
    """

    units: tuple[str, ...]
    cases: Counts
    sizes: Counts
    metadata: dict[bytes, bytes]
    not_answered: Counts | None = None


def sum_engine(
    source: Any,
    framework: Framework | None,
    splits: tuple[Breakdown, ...],
    items: Mapping[str, Sequence[str]],
    *,
    complement: Literal["all", "known"] = "all",
    check_ids: bool = True,
) -> EngineSums:
    """Count cases, and sum their answers, by how many answers applied, in an engine.

    Queries are as for `count_engine`; a row of their results has three numbers per question of an
    item, and two or three more.

    Parameters
    ----------
    source : polars.LazyFrame, duckdb.DuckDBPyRelation or pyspark.sql.DataFrame
        A table with one row per case.
    framework : Framework or None
        The framework to check the table against.
    splits : tuple of Breakdown
        Breakdowns that read a column or have an `expression`; may be empty.
    items : mapping of str to sequence of str
        The questions of each item.
    complement : {'all', 'known'}
        Whether unclassified cases belong to the complement of a subset.
    check_ids : bool
        Whether to check ids.

    Returns
    -------
    EngineSums
        Its domains are all cases, the groups of each breakdown, then the complement of each
        subset.

    Raises
    ------
    UsageError
        When the framework is missing.
    DataError
        When the table breaks rules, which are all listed, or the engine fails.
    """
    import narwhals as nw

    table = open_source(source, framework)
    assert framework is not None  # noqa: S101  # `open_source` refuses None
    used = {q for questions in items.values() for q in questions}
    ids = tuple(id for id in framework.question_ids if id in used)
    checked = check_table(table, framework, splits, ids, check_ids)
    place = {id: i for i, id in enumerate(ids)}
    sides: list[Any] = []
    for i, questions in enumerate(items.values()):
        for word in "kn":
            parts = [f"{word}{place[id]}" for id in questions]
            sides.append(nw.sum_horizontal(*parts).alias(f"item_{word}{i}"))
    values: list[str] = []
    sized: list[Any] = []
    for i, questions in enumerate(items.values()):
        k, n = nw.col(f"item_k{i}"), nw.col(f"item_n{i}")
        at = [flag(n == size) for size in range(1, len(questions) + 1)]
        columns = [*at, *(one * k for one in at), *(one * k * k for one in at)]
        columns += [flag(k > 0), flag(k < n)]
        names = [f"item{i}_{j}" for j in range(len(columns))]
        sized += [column.alias(name) for column, name in zip(columns, names, strict=True)]
        values += names
    width = len(values)
    if framework.not_answered is not None:
        for i, questions in enumerate(items.values()):
            parts = [f"m{place[id]}" for id in questions]
            sides.append(nw.sum_horizontal(*parts).alias(f"item_m{i}"))
            values.append(f"missing{i}")
            sized.append(nw.col(f"item_m{i}").alias(f"missing{i}"))
    flags = answer_flags(table, framework, ids)
    batched = []
    for batch in query_batches(checked.labels, checked.units):
        names = ["unit", *(f"{w}{i}" for i in range(len(batch)) for w in ("group", "state"))]
        # Numbers by size are made in a second step, as engines only add up columns.
        transform = partial(_sums_by_case, names=names, sides=sides, sized=sized)
        batched.append(
            run_sums(table, checked, batch, flags, values, by_unit=True, transform=transform)
        )
    check_same_totals(table, [part.totals() for part in batched])
    units = unit_order(table, batched[0].units.tolist())
    cases, sizes = _add_to_domains(batched, units, splits, len(values), complement)
    missing = None if framework.not_answered is None else sizes[..., width:].copy()
    sizes = np.ascontiguousarray(sizes[..., :width])
    return EngineSums(units, cases, sizes, checked.metadata, missing)


def _sums_by_case(frame: Any, names: list[str], sides: list[Any], sized: list[Any]) -> Any:
    """Compute the sums of each case, then its numbers by size."""
    return frame.select(*names, *sides).select(*names, *sized)


def _add_to_domains(
    parts: list[Sums],
    units: tuple[str, ...],
    splits: tuple[Breakdown, ...],
    width: int,
    complement: str,
) -> tuple[Counts, Counts]:
    """Add the rows of all queries to domains."""
    groups = sum(len(b.groups) for b in splits)
    complements = sum(b.contrast == "complement" for b in splits)
    sizes = np.zeros((len(units), 1 + groups + complements, width), np.int64)
    cases = np.zeros(len(units), np.int64)
    place = {unit: i for i, unit in enumerate(units)}
    first, extra = 1, 1 + groups
    for number, part in enumerate(parts):
        unit = np.array([place[u] for u in part.units], np.intp)
        if number == 0:
            add_at(cases, unit, part.rows)
            add_at(sizes, (unit, 0), part.values)
        for one, codes in zip(part.labels, part.codes, strict=True):
            in_group = codes >= 0
            add_at(sizes, (unit[in_group], first + codes[in_group]), part.values[in_group])
            if one.split.contrast == "complement":
                add_at(sizes, (unit, first + 1), part.values)
                outside = codes == EXCLUDED
                if complement == "all":
                    outside |= codes == UNCLASSIFIED
                add_at(sizes, (unit[outside], extra), part.values[outside])
                extra += 1
            first += len(one.split.groups)
    return cases, sizes
