"""Layouts of findings: wide, one row a comparison, changes from an earlier round."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.counting.tally import Tally
from omistats.errors import UsageError
from omistats.inference.options import Inference
from omistats.kernel.chi_square import STARS, chi_square_sf, pearson_two, star_codes

__all__ = [
    "blocks",
    "compare_with_previous",
    "comparisons",
    "require_comparable",
    "unclassified",
    "wide",
]


_COMPARISON_KEY = ("unit", "breakdown", "question")
_ROW_KEY = (*_COMPARISON_KEY, "group")
_COUNTS = ("k", "n", "percent")
_GROUP_COLUMNS = (
    *("group", "k", "n", "percent", "printed", "low", "high", "se"),
    *("interval_method", "confidence", "reliability"),
)


def wide(table: pa.Table) -> pa.Table:
    """Pivot the findings of one breakdown; see `Findings.wide`."""
    rows = table.select(["unit", "question", "group", "printed", "n", "p_value", "stars"])
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    groups = list(dict.fromkeys(rows["group"].to_pylist()))
    for row in rows.to_pylist():
        line = lines.setdefault((row["unit"], row["question"]), row)
        line[f"{row['group']} percent"] = row["printed"]
        line[f"{row['group']} n"] = row["n"]
    types: dict[str, pa.DataType] = {"unit": pa.string(), "question": pa.string()}
    for group in groups:
        types[f"{group} percent"] = pa.int8()
        types[f"{group} n"] = pa.int64()
    types |= {"p_value": pa.float64(), "stars": pa.string()}
    columns = {
        name: pa.array([line.get(name) for line in lines.values()], type_)
        for name, type_ in types.items()
    }
    return pa.table(columns).replace_schema_metadata(table.schema.metadata)


def comparisons(table: pa.Table) -> pa.Table:
    """List the tests, one row a comparison; see `Findings.comparisons`."""
    codes = [table[c].combine_chunks().indices.to_numpy() for c in _COMPARISON_KEY]
    is_first = np.ones(table.num_rows, np.bool_)
    is_first[1:] = np.any([c[1:] != c[:-1] for c in codes], axis=0)
    first = np.flatnonzero(is_first)
    # A group without answers gives its own reason; the comparison's is with any other group.
    rows = table.num_rows
    answered = np.where(table["n"].to_numpy() > 0, np.arange(rows), rows)
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


Key = tuple[str, ...]


def compare_with_previous(now: pa.Table, before: pa.Table) -> pa.Table:
    """Compare findings with those of an earlier round; see `Findings.compare`."""
    current, previous = _by_key(now), _by_key(before)
    keys = list(dict.fromkeys([*current, *previous]))
    k, n, percent = (_values(current, keys, name) for name in _COUNTS)
    k0, n0, percent0 = (_values(previous, keys, name) for name in _COUNTS)
    statistic = pearson_two(*map(_floats, (k, n, k0, n0)))
    p_value = chi_square_sf(statistic, 1.0)
    # Counts suppressed in either round cannot be compared.
    known = ~np.isnan(_floats(k)) & ~np.isnan(_floats(k0))
    stars = star_codes(p_value, known & (_floats(n) > 0) & (_floats(n0) > 0))
    out: dict[str, pa.Array] = {
        name: pa.array([key[place] for key in keys], pa.string())
        for place, name in enumerate(_ROW_KEY)
    }
    out["k"] = pa.array(k, pa.int64())
    out["n"] = pa.array(n, pa.int64())
    out["percent"] = pa.array(percent, pa.float64())
    out["previous_k"] = pa.array(k0, pa.int64())
    out["previous_n"] = pa.array(n0, pa.int64())
    out["previous_percent"] = pa.array(percent0, pa.float64())
    out["change"] = pa.array(_floats(percent) - _floats(percent0), from_pandas=True)
    out["statistic"] = pa.array(statistic, from_pandas=True)
    out["p_value"] = pa.array(p_value, from_pandas=True)
    out["stars"] = _arrow.dictionary(stars, STARS)
    return pa.table(out)


def require_comparable(
    inference: Inference, earlier_inference: Inference, counts: Tally, earlier_counts: Tally
) -> None:
    """Check that two rounds of findings can be compared.

    Raises
    ------
    UsageError
        When either is weighted, or a breakdown has another contrast in the earlier round.
    """
    if inference.is_design_based or earlier_inference.is_design_based:
        raise UsageError(
            "the test of a change assumes simple random samples; found weighted findings; "
            "compare unweighted findings"
        )
    earlier = {s.key: s for s in earlier_counts.splits}
    for split in counts.splits:
        other = earlier.get(split.key, split)
        if other.contrast != split.contrast:
            raise UsageError(
                f"breakdown {split.key!r} compares {split.contrast!r} here and "
                f"{other.contrast!r} in the earlier findings; recompute one of them"
            )


def _by_key(table: pa.Table) -> dict[Key, dict[str, Any]]:
    keys = zip(*(table[name].to_pylist() for name in _ROW_KEY), strict=True)
    return dict(zip(keys, table.select(_COUNTS).to_pylist(), strict=True))


def _values(rows: dict[Key, dict[str, Any]], keys: list[Key], name: str) -> list[Any]:
    return [rows[key][name] if key in rows else None for key in keys]


def _floats(values: list[Any]) -> npt.NDArray[np.float64]:
    return np.array([np.nan if v is None else v for v in values], np.float64)
