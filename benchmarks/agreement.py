"""Whether two reports say the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["differences"]

KEYS = ("breakdown", "question", "group")


def _rows(report: Any) -> dict[tuple[str, ...], tuple[float, ...]]:
    table = pa.table(report)
    keys = zip(*(table[c].to_pylist() for c in KEYS), strict=True)
    figures = ("k", "n", "percent", "p_value")
    columns = [[np.nan if v is None else float(v) for v in table[c].to_pylist()] for c in figures]
    rows = dict(zip(keys, zip(*columns, strict=True), strict=True))
    if len(rows) < table.num_rows:
        raise ValueError("a breakdown, question and group stand in more than one row")
    return rows


def differences(one: Any, other: Any) -> list[str]:
    """List the cells in which two reports differ.

    Counts must be equal, percentages and p-values agree to 1e-9 of their size (p-values
    come of statistics that are summed in another order), and what is undefined in one must
    be in the other.
    """
    a, b = _rows(one), _rows(other)
    found = [f"only in one report: {key}" for key in sorted(set(a) ^ set(b))]
    for key in sorted(set(a) & set(b)):
        equal = np.isclose(a[key], b[key], rtol=[0, 0, 1e-9, 1e-9], atol=0, equal_nan=True)
        if not equal.all():
            found.append(f"{key}: {a[key]} and {b[key]}")
    return found
