"""Group-by sums."""

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
    STRAY,
    Checked,
    Labels,
    check_table,
    flag,
)
from omistats.engines.tables import Source, check_all_counted, check_same_totals, open_source
from omistats.model.framework import Framework

__all__ = [
    "EngineSums",
    "Sums",
    "add_at",
    "answers",
    "batches",
    "sum_engine",
    "sums_of",
    "unit_order",
]


# Measured with a million cases, 75 questions and six breakdowns by 35 units: one query of 25,515
# rows takes as long as two of 945 each or longer, and six take twice as long as two.
_CELLS = 4_096

Counts = npt.NDArray[np.int64]
Lay = Callable[[Any], Any]


@attrs.frozen(eq=False)
class Sums:
    """What one query brought here: a row for each unit and each way to be in groups.

    Attributes
    ----------
    labels : tuple of Labels
        The breakdowns of the query.
    units : ndarray of object, shape (rows,)
        Names of units; empty when units were counted together.
    codes : ndarray of int64, shape (breakdowns, rows)
        Number of the group, -1 for unknown, -2 for left out.
    rows : ndarray of int64, shape (rows,)
        Cases.
    values : ndarray of int64, shape (rows, values)
        What was summed.
    """

    labels: tuple[Labels, ...]
    units: npt.NDArray[np.object_]
    codes: Counts
    rows: Counts
    values: Counts

    def totals(self) -> Counts:
        """Add up everyone of each unit, in order of name, shape (units, 1 + values)."""
        both = np.column_stack([self.rows, self.values])
        if not len(self.units):
            together: Counts = both.sum(axis=0, keepdims=True)
            return together
        names, place = np.unique(self.units.astype(str), return_inverse=True)
        out = np.zeros((len(names), both.shape[1]), np.int64)
        add_at(out, place, both)
        return out


def answers(source: Source, ids: Sequence[str]) -> list[Any]:
    """Give 0 or 1 for each case: sufficient as ``k0``, ``k1``, ..., applicable as ``n0``, ...

    These are whole numbers without null, so that engines have only to add them up.
    """
    import narwhals as nw

    flags = []
    for i, id in enumerate(ids):
        kind, column = source.kinds[id], source.column(id)
        known = ~column.is_null()
        if kind.is_float():
            known = known & ~column.is_nan()
        # Of an unknown kind there is nothing but null, as was checked.
        one = column if kind == nw.Boolean else known if kind == nw.Unknown else column == 1
        flags += [flag(one).alias(f"k{i}"), flag(known).alias(f"n{i}")]
    return flags


def batches(labels: tuple[Labels, ...], units: int) -> Iterator[tuple[Labels, ...]]:
    """Put breakdowns together as long as the result of their query stays small.

    A query brings back at most 4,096 rows, or units times the groups of one breakdown, its
    unknown and its left out where that is more.
    """
    batch: list[Labels] = []
    cells = max(units, 1)
    for one in labels:
        if batch and cells * one.cells > _CELLS:
            yield tuple(batch)
            batch, cells = [], max(units, 1)
        batch.append(one)
        cells *= one.cells
    yield tuple(batch)


def sums_of(
    source: Source,
    checked: Checked,
    labels: tuple[Labels, ...],
    flags: Sequence[Any],
    values: Sequence[str],
    *,
    by_unit: bool,
    lay: Lay | None = None,
) -> Sums:
    """Sum values over the cases of every unit and every way to be in groups.

    Parameters
    ----------
    source : Source
        The table.
    checked : Checked
        What is known of it.
    labels : tuple of Labels
        The breakdowns of this query.
    flags : sequence of narwhals.Expr
        What is made of every case.
    values : sequence of str
        What is summed: names of flags, or of what ``lay`` makes of them.
    by_unit : bool
        Whether units are apart.
    lay : callable, optional
        Makes the values of the flags, beside the keys.

    Raises
    ------
    DataError
        When the engine fails, or the table is no longer what was checked.
    """
    import narwhals as nw

    keys = [key for i, one in enumerate(labels) for key in one.keys(i)]
    names = [f"{word}{i}" for i in range(len(labels)) for word in ("group", "state")]
    if by_unit:
        keys.append(source.column("unit").cast(nw.String).alias("unit"))
        names.append("unit")
    rows = nw.len().alias("rows")
    sums = [nw.col(name).sum() for name in values]
    # Sums are as wide as an engine likes; here they are whole numbers of 64 bits.
    made = [*(nw.col(n) for n in names), *(nw.col(n).cast(nw.Int64) for n in ("rows", *values))]

    def query() -> Any:
        frame = source.frame.select(*keys, *flags)
        if lay is not None:
            frame = lay(frame)
        counted = frame.group_by(*names).agg(rows, *sums) if names else frame.select(rows, *sums)
        return counted.select(*made)

    table = source.collect(query)
    sizes = _numbers(table, ["rows"])[:, 0]
    check_all_counted(source, int(sizes.sum()), checked.rows)
    return Sums(
        labels,
        np.array(table["unit"].to_pylist() if by_unit else [], object),
        np.array([_codes(source, table, i, one) for i, one in enumerate(labels)]),
        sizes,
        _numbers(table, values),
    )


def _numbers(table: pa.Table, names: Sequence[str]) -> Counts:
    out = np.zeros((table.num_rows, len(names)), np.int64)
    for i, name in enumerate(names):
        out[:, i] = table[name].combine_chunks().fill_null(0).to_numpy(zero_copy_only=False)
    return out


def _codes(source: Source, table: pa.Table, number: int, labels: Labels) -> Counts:
    state = _numbers(table, [f"state{number}"])[:, 0]
    sizes = _numbers(table, ["rows"])[:, 0]
    # A label that is no group's was looked for; it can only have come since.
    check_all_counted(source, int(sizes[state != STRAY].sum()), int(sizes.sum()))
    place = {group: i for i, group in enumerate(labels.groups)}
    codes = np.array([place.get(g, UNCLASSIFIED) for g in table[f"group{number}"].to_pylist()])
    codes[state == EXCLUDED_STATE] = EXCLUDED
    return codes.astype(np.int64)


def add_at(total: Counts, where: Any, values: Counts) -> None:
    """Add values in place; a place may stand more than once."""
    np.add.at(total, where, values)


def unit_order(source: Source, found: Sequence[str]) -> tuple[str, ...]:
    """Put units in the order of their column's type where it lists them, sorted otherwise."""
    import narwhals as nw

    kind, seen = source.kinds["unit"], set(found)
    if kind == nw.Enum:
        return tuple(unit for unit in kind.categories if unit in seen)
    return tuple(sorted(seen))


class EngineSums(NamedTuple):
    """Sums by unit.

    Attributes
    ----------
    units : tuple of str
        Units that have cases.
    cases : ndarray of int64, shape (units,)
        Cases of each unit.
    moments : ndarray of int64, shape (units, domains, items, 5)
        Sums of k, n, k², k n and n² over the cases of each domain.
    metadata : dict of bytes to bytes
        That cases are synthetic, if their ids say so.
    """

    units: tuple[str, ...]
    cases: Counts
    moments: Counts
    metadata: dict[bytes, bytes]


def sum_engine(
    source: Any,
    framework: Framework | None,
    splits: tuple[Breakdown, ...],
    items: Mapping[str, Sequence[str]],
    *,
    complement: Literal["all", "known"] = "all",
    check_ids: bool = True,
) -> EngineSums:
    """Sum what each case has of each item, its squares and its products, where the cases are.

    k and n of a case are its sufficient and its applicable answers to the questions of an item.
    The queries and the size of their results are those of `count_engine`, with five numbers an
    item.

    Parameters
    ----------
    source : polars.LazyFrame, duckdb.DuckDBPyRelation or pyspark.sql.DataFrame
        One row a case.
    framework : Framework or None
        What to check the table against.
    splits : tuple of Breakdown
        Breakdowns that read a column, or that have an `expression`; may be none.
    items : mapping of str to sequence of str
        The questions of each item.
    complement : {'all', 'known'}
        Whether cases of unknown characteristic belong to what a subset is compared with.
    check_ids : bool
        Whether ids are looked at.

    Returns
    -------
    EngineSums
        Domains: everyone, the groups of each breakdown, then what the subset of each complement
        is compared with.

    Raises
    ------
    UsageError
        When there is no framework.
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
    products: list[Any] = []
    for i in range(len(items)):
        k, n = nw.col(f"item_k{i}"), nw.col(f"item_n{i}")
        products += [
            value.alias(f"item{i}_{j}") for j, value in enumerate((k, n, k * k, k * n, n * n))
        ]
    values = [f"item{i}_{j}" for i in range(len(items)) for j in range(5)]
    flags = answers(table, ids)
    batched = []
    for batch in batches(checked.labels, checked.units):
        names = ["unit", *(f"{w}{i}" for i in range(len(batch)) for w in ("group", "state"))]
        # Sums of a case first, then their products: an engine adds up bare columns.
        lay = partial(_by_case, names=names, sides=sides, products=products)
        batched.append(sums_of(table, checked, batch, flags, values, by_unit=True, lay=lay))
    check_same_totals(table, [part.totals() for part in batched])
    units = unit_order(table, batched[0].units.tolist())
    cases, moments = _domains(batched, units, splits, len(items), complement)
    return EngineSums(units, cases, moments, checked.metadata)


def _by_case(frame: Any, names: list[str], sides: list[Any], products: list[Any]) -> Any:
    """Make the sums and products of each case of its answers."""
    return frame.select(*names, *sides).select(*names, *products)


def _domains(
    parts: list[Sums],
    units: tuple[str, ...],
    splits: tuple[Breakdown, ...],
    items: int,
    complement: str,
) -> tuple[Counts, Counts]:
    """Add the rows of all queries up to domains."""
    groups = sum(len(b.groups) for b in splits)
    complements = sum(b.contrast == "complement" for b in splits)
    moments = np.zeros((len(units), 1 + groups + complements, 5 * items), np.int64)
    cases = np.zeros(len(units), np.int64)
    place = {unit: i for i, unit in enumerate(units)}
    first, extra = 1, 1 + groups
    for number, part in enumerate(parts):
        unit = np.array([place[u] for u in part.units], np.intp)
        if number == 0:
            add_at(cases, unit, part.rows)
            add_at(moments, (unit, 0), part.values)
        for one, codes in zip(part.labels, part.codes, strict=True):
            own = codes >= 0
            add_at(moments, (unit[own], first + codes[own]), part.values[own])
            if one.split.contrast == "complement":
                add_at(moments, (unit, first + 1), part.values)
                outside = codes == EXCLUDED
                if complement == "all":
                    outside |= codes == UNCLASSIFIED
                add_at(moments, (unit[outside], extra), part.values[outside])
                extra += 1
            first += len(one.split.groups)
    return cases, moments.reshape(len(units), 1 + groups + complements, items, 5)
