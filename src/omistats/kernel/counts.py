"""Counts as they come from outside, made float64 and checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError

__all__ = ["LARGEST", "as_numbers", "checked", "impossible"]

Floats = npt.NDArray[np.float64]

LARGEST = 2**53
"""Whole numbers above it are not all float64."""


def as_numbers(values: npt.ArrayLike, name: str) -> Floats:
    """Return numbers as float64; masked entries become NaN.

    Raises
    ------
    UsageError
        When the values are text, dates or anything else that is no number.
    """
    try:
        # None stands for a missing number, and makes an array of objects.
        raw: Any = values if isinstance(values, np.ma.MaskedArray) else np.asarray(values)
        if raw.dtype.kind not in "biufO":
            raise TypeError(f"values of type {raw.dtype}")
        if raw.dtype.kind == "O" and any(isinstance(v, str | bytes) for v in raw.flat):
            raise TypeError("text among them")
        if isinstance(values, np.ma.MaskedArray):
            raw = raw.astype(np.float64).filled(np.nan)
        return np.asarray(raw, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{name}: expected numbers, found {error}") from error


def impossible(k: Floats, n: Floats) -> npt.NDArray[np.bool_]:
    """Flag counts that are not whole or not ``0 <= k <= n <= 2**53``; NaN is not flagged."""
    with np.errstate(invalid="ignore"):
        bad: npt.NDArray[np.bool_] = (k < 0) | (k > n) | (n < 0) | (n > LARGEST)
        # NaN differs from itself, so a fraction is what lies above its floor.
        return bad | (k > np.floor(k)) | (n > np.floor(n))


def checked(k: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return counts as float64 of one shape; NaN stays NaN.

    Raises
    ------
    UsageError
        When they are not numbers, do not broadcast, or are impossible.
    """
    try:
        kk, nn = np.broadcast_arrays(as_numbers(k, "k"), as_numbers(n, "n"))
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"k and n: expected shapes that broadcast; {error}") from error
    bad = impossible(kk, nn)
    if bad.any():
        where = [tuple(int(i) for i in at) for at in np.argwhere(bad)[:3]]
        cells = ", ".join(
            f"k = {kk[at]:g}, n = {nn[at]:g}" + (f" at {at}" if at else "") for at in where
        )
        more = int(bad.sum()) - len(where)
        raise UsageError(
            f"counts are whole numbers with 0 <= k <= n <= 2**53; found {cells}"
            + (f" and {more} more" if more else "")
        )
    return kk, nn
