"""Proportions, sizes and levels as a plan names them, checked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.counts import LARGEST, as_numbers

__all__ = ["broadcast", "fraction", "shares", "sizes"]

Floats = npt.NDArray[np.float64]


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
