"""Check_confidence, check_positive_int, as_counts, as_proportions, broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError, format_value

__all__ = [
    "LARGEST",
    "as_numbers",
    "broadcast",
    "check_confidence",
    "check_whole",
    "checked",
    "fraction",
    "impossible",
    "shares",
    "sizes",
]


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


def check_confidence(value: float) -> None:
    """Refuse a confidence outside (0, 1), with a hint where a percentage was given."""
    if isinstance(value, bool) or not isinstance(value, float | int | np.floating | np.integer):
        raise UsageError(f"confidence is one number between 0 and 1, found {value!r}")
    if not 0 < value < 1:
        hint = f"; did you mean {value / 100:g}?" if 1 < value < 100 else ""
        raise UsageError(f"confidence lies between 0 and 1, found {value!r}{hint}")


def fraction(value: float, name: str) -> float:
    """Return one number strictly between 0 and 1; a percentage is refused with a hint."""
    if isinstance(value, bool) or not isinstance(value, float | int | np.floating | np.integer):
        raise UsageError(f"{name} is one number between 0 and 1, found {value!r}")
    if not 0 < value < 1:
        raise UsageError(f"{name} lies between 0 and 1, found {value!r}{_hint(float(value))}")
    return float(value)


def shares(values: npt.ArrayLike, name: str, below: float = 1.0, ends: bool = True) -> Floats:
    """Return proportions as float64; NaN stays NaN.

    Parameters
    ----------
    values : array_like
        0 to ``below``.
    name : str
        What errors call them.
    below : float
        The greatest.
    ends : bool
        Whether 0 and the greatest are allowed.
    """
    found = as_numbers(values, name)
    with np.errstate(invalid="ignore"):
        bad = (found < 0) | (found > below)
        if not ends:
            bad |= (found == 0) | (found == below)
    if bad.any():
        first = float(found[bad].flat[0])
        where = "from" if ends else "between"
        to = "to" if ends else "and"
        more = int(bad.sum()) - 1
        raise UsageError(
            f"{name} is a proportion {where} 0 {to} {below:g}, found {first:g}"
            + (f" and {more} more" if more else "")
            + (_hint(first) if first / 100 < below else "")
        )
    return found


def sizes(values: npt.ArrayLike, name: str, whole: bool = True) -> Floats:
    """Return numbers of cases as float64; NaN stays NaN."""
    found = as_numbers(values, name)
    with np.errstate(invalid="ignore"):
        bad = (found < 0) | (found > LARGEST)
        if whole:
            bad |= found > np.floor(found)
    if bad.any():
        more = int(bad.sum()) - 1
        raise UsageError(
            f"{name}: expected {'whole ' if whole else ''}numbers from 0 to 2**53, found "
            f"{float(found[bad].flat[0]):g}" + (f" and {more} more" if more else "")
        )
    return found


def broadcast(names: str, *arrays: Floats) -> tuple[Floats, ...]:
    """Give arrays one shape."""
    try:
        return np.broadcast_arrays(*arrays)
    except ValueError as error:
        raise UsageError(f"{names}: expected shapes that broadcast; {error}") from error


def _hint(value: float) -> str:
    return f"; did you mean {value / 100:g}?" if 1 <= value < 100 else ""


def check_whole(name: str, number: Any, least: int) -> None:
    """Check that an option is a whole number of at least ``least``."""
    whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
    if not whole or number < least:
        found = format_value(number)
        raise UsageError(f"`{name}` must be a whole number, {least} or more; found {found}")
