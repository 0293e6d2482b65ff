"""Findings beside earlier findings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from omistats import _arrow
from omistats.kernel.significance import STARS, chi_square_sf, pearson_two, star_codes

__all__ = ["KEY", "changes"]

KEY = ("unit", "breakdown", "question", "group")


def changes(now: pa.Table, before: pa.Table) -> pa.Table:
    """Lay findings beside earlier ones; see `Findings.compare`."""
    current, previous = _by_key(now), _by_key(before)
    keys = list(dict.fromkeys([*current, *previous]))
    none = (None, None, None)
    rows = [(*key, *current.get(key, none), *previous.get(key, none)) for key in keys]
    columns: list[list[Any]] = [list(c) for c in zip(*rows, strict=True)] or [[] for _ in range(10)]
    k, n, percent, k0, n0, percent0 = (
        np.array([np.nan if v is None else v for v in c], np.float64) for c in columns[4:]
    )
    statistic = pearson_two(k, n, k0, n0)
    p_value = chi_square_sf(statistic, 1.0)
    stars = star_codes(p_value, (n > 0) & (n0 > 0))
    out: dict[str, pa.Array] = {
        name: pa.array(c, pa.string()) for name, c in zip(KEY, columns, strict=False)
    }
    out["k"] = pa.array(columns[4], pa.int64())
    out["n"] = pa.array(columns[5], pa.int64())
    out["percent"] = pa.array(percent, from_pandas=True)
    out["previous_k"] = pa.array(columns[7], pa.int64())
    out["previous_n"] = pa.array(columns[8], pa.int64())
    out["previous_percent"] = pa.array(percent0, from_pandas=True)
    out["change"] = pa.array(percent - percent0, from_pandas=True)
    out["statistic"] = pa.array(statistic, from_pandas=True)
    out["p_value"] = pa.array(p_value, from_pandas=True)
    out["stars"] = _arrow.dictionary(stars, STARS)
    return pa.table(out)


def _by_key(table: pa.Table) -> dict[tuple[str, ...], tuple[Any, Any, Any]]:
    keys = [table[name].to_pylist() for name in KEY]
    values = [table[name].to_pylist() for name in ("k", "n", "percent")]
    return dict(zip(zip(*keys, strict=True), zip(*values, strict=True), strict=True))
