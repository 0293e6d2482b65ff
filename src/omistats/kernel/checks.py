"""Checks of numbers that users pass: counts, proportions, sizes and options."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats._series import check_same_index
from omistats.errors import UsageError, format_value

__all__ = [
    "LARGEST",
    "Floats",
    "as_counts",
    "as_floats",
    "as_fraction",
    "as_group_counts",
    "as_numbers",
    "as_proportions",
    "as_sizes",
    "as_two_groups",
    "broadcast",
    "check_confidence",
    "check_whole",
    "impossible",
]


Floats = npt.NDArray[np.float64]

LARGEST = 2**53
"""Above this, not every whole number is a float64."""


def as_floats(*values: npt.ArrayLike) -> tuple[Floats, ...]:
    """Convert to float64 arrays of one shape, without checks."""
    arrays = tuple(np.asarray(v, np.float64) for v in values)
    # Most calls pass one shape already, and broadcasting costs more than this comparison.
    if all(a.shape == arrays[0].shape for a in arrays):
        return arrays
    return np.broadcast_arrays(*arrays)


def as_numbers(values: npt.ArrayLike, name: str) -> Floats:
    """Convert numbers to float64; masked entries become NaN.

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
            raise TypeError("some that are text")
        if isinstance(values, np.ma.MaskedArray):
            raw = raw.astype(np.float64).filled(np.nan)
        return np.asarray(raw, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{name}: expected numbers; found {error}") from error


def broadcast(names: str, *arrays: Floats) -> tuple[Floats, ...]:
    """Broadcast arrays to one shape.

    Raises
    ------
    UsageError
        When the shapes do not broadcast; the message begins with ``names``.
    """
    try:
        return np.broadcast_arrays(*arrays)
    except ValueError as error:
        raise UsageError(f"{names} must have shapes that broadcast; {error}") from error


def impossible(k: Floats, n: Floats) -> npt.NDArray[np.bool_]:
    """Flag counts that are not whole or not ``0 <= k <= n <= 2**53``; NaN is not flagged."""
    with np.errstate(invalid="ignore"):
        bad: npt.NDArray[np.bool_] = (k < 0) | (k > n) | (n < 0) | (n > LARGEST)
        # NaN != floor(NaN), so compare with > and leave NaN unflagged.
        return bad | (k > np.floor(k)) | (n > np.floor(n))


def as_counts(k: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Check successes and trials, and return them as float64 of one shape; NaN stays NaN.

    Raises
    ------
    UsageError
        When they are not numbers, do not broadcast, are impossible, or are pandas Series with
        different indexes.
    """
    check_same_index(k=k, n=n)
    kk, nn = broadcast("k and n", as_numbers(k, "k"), as_numbers(n, "n"))
    bad = impossible(kk, nn)
    if bad.any():
        where = [tuple(int(i) for i in at) for at in np.argwhere(bad)[:3]]
        cells = ", ".join(
            f"k = {kk[at]:g}, n = {nn[at]:g}" + (f" at {at}" if at else "") for at in where
        )
        raise UsageError(
            f"counts must be whole numbers with 0 <= k <= n <= 2**53; found {cells}"
            + _and_more(int(bad.sum()) - len(where))
        )
    return kk, nn


def as_two_groups(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> tuple[Floats, Floats, Floats, Floats]:
    """Check the counts of two groups, and return them as float64 of one shape.

    Raises
    ------
    UsageError
        As by `as_counts`, or when the groups do not broadcast with each other.
    """
    check_same_index(k1=k1, n1=n1, k2=k2, n2=n2)
    a, b, c, d = broadcast("the two groups", *as_counts(k1, n1), *as_counts(k2, n2))
    return a, b, c, d


def as_group_counts(k: npt.ArrayLike, n: npt.ArrayLike, axis: int) -> tuple[Floats, Floats]:
    """Check the counts of several groups, and move the groups to the last axis.

    Raises
    ------
    UsageError
        As by `as_counts`, or when there is no such axis.
    """
    kk, nn = as_counts(k, n)
    if isinstance(axis, bool) or not isinstance(axis, int) or not -kk.ndim <= axis < kk.ndim:
        raise UsageError(f"counts of {kk.ndim} dimensions have no axis {axis!r}")
    return np.moveaxis(kk, axis, -1), np.moveaxis(nn, axis, -1)


def as_proportions(
    values: npt.ArrayLike, name: str, below: float = 1.0, ends: bool = True
) -> Floats:
    """Check proportions, and return them as float64; NaN stays NaN.

    Parameters
    ----------
    values : array_like
        Proportions from 0 to ``below``.
    name : str
        The argument, for the error message.
    below : float
        The largest proportion allowed.
    ends : bool
        Whether 0 and ``below`` are allowed.

    Raises
    ------
    UsageError
        When a value is no number or out of range; a percentage gets a hint.
    """
    found = as_numbers(values, name)
    with np.errstate(invalid="ignore"):
        bad = (found < 0) | (found > below)
        if not ends:
            bad |= (found == 0) | (found == below)
    if bad.any():
        first = float(found[bad].flat[0])
        between = f"from 0 to {below:g}" if ends else f"between 0 and {below:g}"
        raise UsageError(
            f"`{name}` must be a proportion {between}; found {first:g}"
            + _and_more(int(bad.sum()) - 1)
            + (_percentage_hint(first) if first / 100 < below else "")
        )
    return found


def as_sizes(values: npt.ArrayLike, name: str, whole: bool = True) -> Floats:
    """Check numbers of cases, and return them as float64; NaN stays NaN."""
    found = as_numbers(values, name)
    with np.errstate(invalid="ignore"):
        bad = (found < 0) | (found > LARGEST)
        if whole:
            bad |= found > np.floor(found)
    if bad.any():
        raise UsageError(
            f"{name}: expected {'whole ' if whole else ''}numbers from 0 to 2**53; found "
            f"{float(found[bad].flat[0]):g}" + _and_more(int(bad.sum()) - 1)
        )
    return found


def as_fraction(value: float, name: str) -> float:
    """Check one number strictly between 0 and 1, and return it as a float.

    Raises
    ------
    UsageError
        When it is not; a percentage gets a hint.
    """
    if isinstance(value, bool) or not isinstance(value, float | int | np.floating | np.integer):
        found = format_value(value)
        raise UsageError(f"`{name}` must be one number between 0 and 1; found {found}")
    if not 0 < value < 1:
        hint = _percentage_hint(value)
        raise UsageError(f"`{name}` must be between 0 and 1; found {format_value(value)}{hint}")
    return float(value)


def check_confidence(value: float) -> None:
    """Check that a confidence is strictly between 0 and 1; a percentage gets a hint."""
    as_fraction(value, "confidence")


def check_whole(name: str, number: Any, least: int, most: int | None = None) -> None:
    """Check that an option is a whole number of at least ``least``, and at most ``most``."""
    whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
    if not whole or number < least or (most is not None and number > most):
        found = format_value(number)
        ends = f"{least} or more" if most is None else f"from {least} to {most:,}"
        raise UsageError(f"`{name}` must be a whole number, {ends}; found {found}")


def _and_more(rest: int) -> str:
    return f" and {rest} more" if rest else ""


def _percentage_hint(value: float) -> str:
    return f"; did you mean {value / 100:g}?" if 1 < value < 100 else ""
