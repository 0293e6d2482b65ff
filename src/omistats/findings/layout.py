"""Wide, comparisons, change from an earlier round."""

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
    "KEY",
    "blocks",
    "compare_with_previous",
    "comparisons",
    "require_comparable",
    "unclassified",
    "wide",
]


_KEYS = ("unit", "breakdown", "question")
# Columns that belong to a group and not to its comparison.
_OF_GROUPS = (
    *("group", "k", "n", "percent", "printed", "low", "high", "se"),
    *("interval_method", "confidence", "reliability"),
)


def wide(table: pa.Table) -> pa.Table:
    """Lay out the findings of one breakdown.

    Parameters
    ----------
    table : pyarrow.Table
        Findings of one breakdown, all its groups.

    Returns
    -------
    pyarrow.Table
        ``unit, question``, then ``<group> percent`` and ``<group> n`` for each group,
        then ``p_value, stars``.
    """
    rows = table.select(["unit", "question", "group", "printed", "n", "p_value", "stars"])
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    groups = list(dict.fromkeys(rows["group"].to_pylist()))
    for row in rows.to_pylist():
        line = seen.setdefault((row["unit"], row["question"]), row)
        line[f"{row['group']} percent"] = row["printed"]
        line[f"{row['group']} n"] = row["n"]
    kinds: dict[str, pa.DataType] = {"unit": pa.string(), "question": pa.string()}
    for group in groups:
        kinds[f"{group} percent"] = pa.int8()
        kinds[f"{group} n"] = pa.int64()
    kinds |= {"p_value": pa.float64(), "stars": pa.string()}
    lines = list(seen.values())
    columns = {n: pa.array([line.get(n) for line in lines], kind) for n, kind in kinds.items()}
    return pa.table(columns).replace_schema_metadata(table.schema.metadata)


def comparisons(table: pa.Table) -> pa.Table:
    """Give every comparison once; see `Findings.comparisons`."""
    codes = [table[c].combine_chunks().indices.to_numpy() for c in _KEYS]
    first = np.ones(table.num_rows, np.bool_)
    first[1:] = np.any([c[1:] != c[:-1] for c in codes], axis=0)
    starts = np.flatnonzero(first)
    # The reason beside a blank group speaks of that group; the comparison's own stands
    # beside a group with answers, if there is one.
    rows = table.num_rows
    answered = np.where(table["n"].to_numpy() > 0, np.arange(rows), rows)
    chosen = np.minimum.reduceat(answered, starts) if rows else starts
    names = ["contrast", "statistic", "df", "p_value", "stars", "method", "reason", "expected"]
    own = {*_KEYS, *names, *_OF_GROUPS}
    names += [name for name in table.column_names if name not in own]
    return table.select([*_KEYS, *names]).take(pa.array(np.where(chosen < rows, chosen, starts)))


def blocks(table: pa.Table) -> list[tuple[str, str, pa.Table]]:
    """Cut findings where the unit or the breakdown changes.

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


def require_comparable(
    how_now: Inference, how_before: Inference, now: Tally, before: Tally
) -> None:
    """Refuse to lay findings beside others of the same name that compare other things."""
    if how_now.is_design_based or how_before.is_design_based:
        raise UsageError(
            "changes are tested as if cases had been drawn one by one with equal chances, "
            "which weighted findings were not"
        )
    earlier = {s.key: s for s in before.splits}
    for split in now.splits:
        other = earlier.get(split.key, split)
        if other.contrast != split.contrast:
            raise UsageError(
                f"breakdown {split.key!r} compares {split.contrast!r} here and "
                f"{other.contrast!r} in the earlier findings; recompute one of them"
            )


KEY = ("unit", "breakdown", "question", "group")
FIGURES = ("k", "n", "percent")

Key = tuple[str, ...]


def compare_with_previous(now: pa.Table, before: pa.Table) -> pa.Table:
    """Lay findings beside earlier ones; see `Findings.compare`."""
    current, previous = _by_key(now), _by_key(before)
    keys = list(dict.fromkeys([*current, *previous]))
    k, n, percent = (_figures(current, keys, name) for name in FIGURES)
    k0, n0, percent0 = (_figures(previous, keys, name) for name in FIGURES)
    statistic = pearson_two(*map(_floats, (k, n, k0, n0)))
    p_value = chi_square_sf(statistic, 1.0)
    # Counts that were withheld, in either round, cannot be compared.
    known = ~np.isnan(_floats(k)) & ~np.isnan(_floats(k0))
    stars = star_codes(p_value, known & (_floats(n) > 0) & (_floats(n0) > 0))
    out: dict[str, pa.Array] = {
        name: pa.array([key[place] for key in keys], pa.string()) for place, name in enumerate(KEY)
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


def _by_key(table: pa.Table) -> dict[Key, dict[str, Any]]:
    keys = zip(*(table[name].to_pylist() for name in KEY), strict=True)
    return dict(zip(keys, table.select(FIGURES).to_pylist(), strict=True))


def _figures(lines: dict[Key, dict[str, Any]], keys: list[Key], name: str) -> list[Any]:
    return [lines[key][name] if key in lines else None for key in keys]


def _floats(values: list[Any]) -> npt.NDArray[np.float64]:
    return np.array([np.nan if v is None else v for v in values], np.float64)
