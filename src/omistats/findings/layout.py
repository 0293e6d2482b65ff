"""Layouts of findings: wide, and one row a comparison."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.counting.tally import Tally
from omistats.inference.results import FindingReason

__all__ = ["blocks", "comparison_starts", "comparisons", "unclassified", "wide"]


_COMPARISON_KEY = ("unit", "breakdown", "question")
_GROUP_COLUMNS = (
    *("group", "k", "n", "percent", "printed", "low", "high", "se", "effective_n", "kish_n"),
    *("interval_method", "confidence", "reliability", "not_answered"),
)


def wide(table: pa.Table) -> pa.Table:
    """Pivot the findings of one breakdown; see `Findings.wide`."""
    missing = ["not_answered"] if "not_answered" in table.column_names else []
    names = ["unit", "question", "group", "printed", "n", *missing, "p_value", "stars"]
    rows = table.select(names)
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    groups = list(dict.fromkeys(rows["group"].to_pylist()))
    for row in rows.to_pylist():
        line = lines.setdefault((row["unit"], row["question"]), row)
        line[f"{row['group']} percent"] = row["printed"]
        line[f"{row['group']} n"] = row["n"]
        line[f"{row['group']} not answered"] = row.get("not_answered")
    types: dict[str, pa.DataType] = {"unit": pa.string(), "question": pa.string()}
    for group in groups:
        types[f"{group} percent"] = pa.int8()
        types[f"{group} n"] = pa.int64()
        types |= dict.fromkeys([f"{group} not answered"] * len(missing), pa.int64())
    types |= {"p_value": pa.float64(), "stars": pa.string()}
    columns = {
        name: pa.array([line.get(name) for line in lines.values()], type_)
        for name, type_ in types.items()
    }
    return pa.table(columns).replace_schema_metadata(table.schema.metadata)


def comparison_starts(table: pa.Table) -> npt.NDArray[np.intp]:
    """Find the first row of each comparison."""
    codes = [table[c].combine_chunks().indices.to_numpy() for c in _COMPARISON_KEY]
    is_first = np.ones(table.num_rows, np.bool_)
    is_first[1:] = np.any([c[1:] != c[:-1] for c in codes], axis=0)
    return np.flatnonzero(is_first)


def comparisons(table: pa.Table) -> pa.Table:
    """List the tests, one row a comparison; see `Findings.comparisons`."""
    first = comparison_starts(table)
    # A group without answers, or without weight, gives its own reason; the comparison's is with
    # any other group.
    rows = table.num_rows
    weightless = table["reason"].combine_chunks().indices.to_numpy(zero_copy_only=False)
    counted = (table["n"].to_numpy() > 0) & (weightless != FindingReason.NO_WEIGHT)
    answered = np.where(counted, np.arange(rows), rows)
    chosen = np.minimum.reduceat(answered, first) if rows else first
    names = ["contrast", "statistic", "df", "p_value", "stars", "method", "reason", "expected"]
    listed = {*_COMPARISON_KEY, *names, *_GROUP_COLUMNS}
    names += [name for name in table.column_names if name not in listed]
    places = pa.array(np.where(chosen < rows, chosen, first))
    return table.select([*_COMPARISON_KEY, *names]).take(places)


def blocks(table: pa.Table) -> list[tuple[str, str, pa.Table]]:
    """Split findings by unit and breakdown.

    Returns
    -------
    list of (unit, breakdown, pyarrow.Table)
    """
    if not table.num_rows:
        return []
    unit, breakdown = (
        table[name].combine_chunks().dictionary_decode().to_pylist()
        for name in ("unit", "breakdown")
    )
    pairs = list(zip(unit, breakdown, strict=True))
    cuts = [i for i in range(1, len(pairs)) if pairs[i] != pairs[i - 1]]
    bounds = np.array([0, *cuts, len(pairs)]).tolist()
    return [(*pairs[a], table.slice(a, b - a)) for a, b in pairwise(bounds)]


def unclassified(counts: Tally) -> pa.Table:
    """Count the cases in no group; see `Findings.unclassified`."""
    units, splits = len(counts.units), len(counts.splits)
    columns = {
        "unit": np.repeat(np.array(counts.units), splits),
        "breakdown": np.tile(np.array([s.key for s in counts.splits]), units),
        "unclassified": counts.unclassified.ravel(),
        "excluded": counts.excluded.ravel(),
    }
    return pa.table(columns).replace_schema_metadata(dict(counts.metadata) or None)
