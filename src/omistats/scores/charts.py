"""The data behind charts of scores: ranges over units, and units in a row."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import pyarrow as pa

from omistats.errors import UsageError, shown
from omistats.model.strata import ALL
from omistats.scores.order import in_order, order_column

__all__ = ["by_unit", "ranges", "require_all_units", "whole_cases"]

_RANGES = pa.schema(
    [
        ("level", pa.string()),
        ("item", pa.string()),
        *((name, pa.float64()) for name in ("percent", "low", "high", "lowest")),
        ("lowest_unit", pa.string()),
        ("highest", pa.float64()),
        ("highest_unit", pa.string()),
    ]
)


def whole_cases(table: pa.Table, what: str) -> pa.Table:
    """Keep the scores of all cases of a unit; refuse a table that has only those of groups."""
    whole = table.filter(table["breakdown"].is_null())
    if table.num_rows and not whole.num_rows:
        raise UsageError(
            f"{what} the scores of all cases of each unit, and this view has only those of groups; "
            "go back to the scores it was made of (their `.breakdown()`, without a name, keeps the "
            "scores of all cases)"
        )
    return whole


def require_all_units(whole: pa.Table, what: str) -> None:
    """Refuse scores of all cases from which a unit, or all together, was filtered out.

    The labels of a filtered table still name what is gone. A table read from a file may have
    lost them, so the answers of the units must also add up to those of all together.
    """
    units = whole["unit"].unique().to_pylist()
    labels = whole["unit"].combine_chunks().dictionary.to_pylist()
    gone = [unit for unit in labels if unit not in units]
    if not gone and ALL in units and len(units) == 2:
        only = next(unit for unit in units if unit != ALL)
        raise UsageError(
            f"{what} two units or more, and these cases have one, {only!r}; its scores are in "
            "`.table`"
        )
    if ALL not in units or len(units) < 3 or gone:
        left_out = f"; left out: {shown(gone, 8)}" if gone else ""
        raise UsageError(
            f"{what} two units or more beside all together; make the scores with "
            'by="unit" and do not filter units (to do without some, score the cases of the others)'
            f"{left_out}"
        )
    sums: dict[str, list[int]] = {}
    for row in whole.select(["unit", "item", "k", "n"]).to_pylist():
        sign = -1 if row["unit"] == ALL else 1
        rest = sums.setdefault(row["item"], [0, 0])
        rest[0] += sign * row["k"]
        rest[1] += sign * row["n"]
    if short := {item: rest for item, rest in sums.items() if rest != [0, 0]}:
        item, (k, n) = next(iter(short.items()))
        raise UsageError(
            f"{what} units that together are all of them, yet the units here ({shown(units, 8)}) "
            f"and {ALL!r} differ by {abs(k):,} sufficient of {abs(n):,} applicable answers to "
            f"{item!r}; make the scores anew from the cases"
        )


def ranges(table: pa.Table) -> pa.Table:
    """Give each item's score beside its range over units; see `Scores.ranges`."""
    whole = whole_cases(table, "ranges are of")
    require_all_units(whole, "ranges are over")
    rows = whole.select(["unit", "level", "item", "percent", "low", "high"]).to_pylist()
    out = []
    for line in (r for r in rows if r["unit"] == ALL):
        of_units = [
            (r["percent"], r["unit"])
            for r in rows
            if r["item"] == line["item"] and r["unit"] != ALL and r["percent"] is not None
        ]
        lowest = min(of_units, default=(None, None), key=itemgetter(0))
        highest = max(of_units, default=(None, None), key=itemgetter(0))
        out.append(
            {
                **{name: line[name] for name in ("level", "item", "percent", "low", "high")},
                "lowest": lowest[0],
                "lowest_unit": lowest[1],
                "highest": highest[0],
                "highest_unit": highest[1],
            }
        )
    return pa.Table.from_pylist(out, schema=_RANGES.with_metadata(whole.schema.metadata))


def by_unit(table: pa.Table, order: Mapping[str, Any] | None) -> pa.Table:
    """Lay items out beside each other, a row a unit; see `Scores.by_unit`."""
    whole = whole_cases(table, "a row a unit is of")
    rows = [r for r in whole.select(["unit", "item", "percent"]).to_pylist() if r["unit"] != ALL]
    if not rows:
        raise UsageError(
            'there are no units among these scores of all cases; make them with by="unit" and do '
            "not filter units or all cases out"
        )
    placed = in_order(list(dict.fromkeys(r["unit"] for r in rows)), order)
    items = dict.fromkeys(r["item"] for r in rows)
    if taken := [item for item in items if item in ("unit", "order")]:
        raise UsageError(
            f"columns are named after items, and {shown(taken)} would be there twice; leave it "
            "out with `.item()`"
        )
    percent = {(r["unit"], r["item"]): r["percent"] for r in rows}
    columns = {
        "unit": pa.array([unit for unit, _ in placed], pa.string()),
        "order": order_column([value for _, value in placed]),
        **{
            item: pa.array([percent.get((unit, item)) for unit, _ in placed], pa.float64())
            for item in items
        },
    }
    return pa.table(columns).replace_schema_metadata(whole.schema.metadata)
