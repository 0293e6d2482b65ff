"""Findings beside earlier findings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.kernel.significance import STARS, chi_square_sf, pearson_two, star_codes

__all__ = ["KEY", "changes"]

KEY = ("unit", "breakdown", "question", "group")
FIGURES = ("k", "n", "percent")

Key = tuple[str, ...]


def changes(now: pa.Table, before: pa.Table) -> pa.Table:
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
