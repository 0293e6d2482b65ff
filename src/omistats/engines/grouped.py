"""Sums by unit and by the groups of breakdowns, in as few queries as results stay small."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.breakdowns.base import LEFT_OUT, UNCLASSIFIED
from omistats.engines.checks import Checked
from omistats.engines.labels import LEFT_OUT as LEFT_OUT_STATE
from omistats.engines.labels import STRAY, Labels, flag
from omistats.engines.sources import Source, whole

__all__ = ["Sums", "add_at", "answers", "batches", "sums_of", "unit_order"]


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
    whole(source, int(sizes.sum()), checked.rows)
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
    whole(source, int(sizes[state != STRAY].sum()), int(sizes.sum()))
    place = {group: i for i, group in enumerate(labels.groups)}
    codes = np.array([place.get(g, UNCLASSIFIED) for g in table[f"group{number}"].to_pylist()])
    codes[state == LEFT_OUT_STATE] = LEFT_OUT
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
