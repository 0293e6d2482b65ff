"""Whether two reports say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["UNIT_KEYS", "differences", "score_differences"]

KEYS = ("breakdown", "question", "group")
UNIT_KEYS = ("unit", *KEYS)
FIGURES = ("k", "n", "percent", "p_value")
_BETWEEN = "\x1f"
SCORE_KEYS = ("unit", "breakdown", "group", "item")
SCORE_FIGURES = ("k", "n", "percent", "se")


def _rows(
    report: Any, names: Sequence[str], figures: Sequence[str]
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.float64]]:
    """Keys in order, each written as one word, and the figures beside them."""
    table = pa.table(report)
    # All cases of a unit have no breakdown and no group: null here, empty there.
    columns = [pc.fill_null(table[c].cast(pa.string()), "") for c in names]
    joined = pc.binary_join_element_wise(*columns, _BETWEEN)
    keys = np.asarray(joined.to_numpy(zero_copy_only=False), np.str_)
    numbers = [table[c].cast(pa.float64()).to_numpy(zero_copy_only=False) for c in figures]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    if (keys[1:] == keys[:-1]).any():
        raise ValueError(f"two rows have the same {', '.join(names)}")
    return keys, np.stack(numbers, axis=1)[order]


def differences(one: Any, other: Any, keys: Sequence[str] = KEYS) -> list[str]:
    """List the cells in which two reports differ.

    Counts must be equal, percentages and p-values agree to 1e-9 of their size (p-values
    come of statistics that are summed in another order), and what is undefined in one must
    be in the other.
    """
    return _differences(_rows(one, keys, FIGURES), _rows(other, keys, FIGURES), [0, 0, 0, 0])


def score_differences(one: Any, other: Any) -> list[str]:
    """List the cells in which two tables of scores differ.

    As `differences`, with standard errors in place of p-values; where cases do not vary,
    rounding may leave one table a standard error of 1e-9 points that is 0 in the other.
    """
    a, b = (_rows(t, SCORE_KEYS, SCORE_FIGURES) for t in (one, other))
    return _differences(a, b, [0, 0, 0, 1e-9])


def _differences(
    a: tuple[npt.NDArray[np.str_], npt.NDArray[np.float64]],
    b: tuple[npt.NDArray[np.str_], npt.NDArray[np.float64]],
    atol: list[float],
) -> list[str]:
    def shown(key: Any) -> tuple[str, ...]:
        return tuple(str(key).split(_BETWEEN))

    (keys_a, figures_a), (keys_b, figures_b) = a, b
    found = [f"only in one report: {shown(key)}" for key in np.setxor1d(keys_a, keys_b)]
    both, at_a, at_b = np.intersect1d(keys_a, keys_b, assume_unique=True, return_indices=True)
    one, other = figures_a[at_a], figures_b[at_b]
    equal = np.isclose(one, other, rtol=[0, 0, 1e-9, 1e-9], atol=atol, equal_nan=True)
    return found + [
        f"{shown(both[i])}: {one[i].tolist()} and {other[i].tolist()}"
        for i in np.flatnonzero(~equal.all(axis=1))
    ]
