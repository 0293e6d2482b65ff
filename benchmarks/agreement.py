"""Whether two reports say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["differences", "score_differences"]

KEYS = ("breakdown", "question", "group")
FIGURES = ("k", "n", "percent", "p_value")
SCORE_KEYS = ("unit", "breakdown", "group", "item")
SCORE_FIGURES = ("k", "n", "percent", "se")


def _rows(
    report: Any, names: Sequence[str], figures: Sequence[str]
) -> dict[tuple[str, ...], tuple[float, ...]]:
    table = pa.table(report)
    # All cases of a unit have no breakdown and no group: null here, empty there.
    columns_of_keys = [[label or "" for label in table[c].to_pylist()] for c in names]
    keys = zip(*columns_of_keys, strict=True)
    columns = [[np.nan if v is None else float(v) for v in table[c].to_pylist()] for c in figures]
    rows = dict(zip(keys, zip(*columns, strict=True), strict=True))
    if len(rows) < table.num_rows:
        raise ValueError(f"two rows have the same {', '.join(names)}")
    return rows


def differences(one: Any, other: Any) -> list[str]:
    """List the cells in which two reports differ.

    Counts must be equal, percentages and p-values agree to 1e-9 of their size (p-values
    come of statistics that are summed in another order), and what is undefined in one must
    be in the other.
    """
    return _differences(_rows(one, KEYS, FIGURES), _rows(other, KEYS, FIGURES), [0, 0, 0, 0])


def score_differences(one: Any, other: Any) -> list[str]:
    """List the cells in which two tables of scores differ.

    As `differences`, with standard errors in place of p-values; where cases do not vary,
    rounding may leave one table a standard error of 1e-9 points that is 0 in the other.
    """
    a, b = (_rows(t, SCORE_KEYS, SCORE_FIGURES) for t in (one, other))
    return _differences(a, b, [0, 0, 0, 1e-9])


def _differences(
    a: dict[tuple[str, ...], tuple[float, ...]],
    b: dict[tuple[str, ...], tuple[float, ...]],
    atol: list[float],
) -> list[str]:
    found = [f"only in one report: {key}" for key in sorted(set(a) ^ set(b))]
    for key in sorted(set(a) & set(b)):
        equal = np.isclose(a[key], b[key], rtol=[0, 0, 1e-9, 1e-9], atol=atol, equal_nan=True)
        if not equal.all():
            found.append(f"{key}: {a[key]} and {b[key]}")
    return found
