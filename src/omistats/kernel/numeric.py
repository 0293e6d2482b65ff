"""Root finding for many equations at once, and exact products of counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from omistats.kernel.checks import Floats

__all__ = ["product", "root"]


Singles = npt.NDArray[np.float32]

_EPS = float(np.finfo(np.float64).eps)
_TINY = 1e-300
# Bisection alone takes about 50 steps; for a root at 0 about 1,000, down to 1e-300.
_MAX_STEPS = 1200


def root(
    function: Callable[..., Floats], low: npt.ArrayLike, high: npt.ArrayLike, *given: Floats
) -> Floats:
    """Find the root of a function between two bounds, element by element.

    Parameters
    ----------
    function : callable
        Called as ``function(x, *given)`` with one-dimensional arrays of the elements whose
        roots are still sought. It may be infinite; where it is NaN at a bound, so is the root.
    low, high : array_like of float
        Bounds between which the function changes sign once, broadcast with ``given``.
    *given : ndarray
        Further arguments of the function, element by element.

    Returns
    -------
    ndarray of float64
        Accurate to the spacing of floating-point numbers. Where the function has the same
        sign at both bounds, the bound where it is nearer to 0.

    References
    ----------
    Chandrupatla, T. R. (1997). A new hybrid quadratic/bisection algorithm for finding the
    zero of a nonlinear function without using derivatives. Advances in Engineering Software
    28, 145-149. doi:10.1016/S0965-9978(96)00051-8
    """
    shape = np.broadcast(low, high, *given).shape
    x, y, *rest = (
        np.broadcast_to(np.asarray(v, np.float64), shape).ravel() for v in (low, high, *given)
    )
    with np.errstate(all="ignore"):
        fx, fy = function(x, *rest), function(y, *rest)
        found = np.where(np.abs(fx) <= np.abs(fy), x, y)
        found[np.isnan(fx) | np.isnan(fy)] = np.nan
        # Indices of the elements still sought; the other arrays are cut to these.
        sought = np.flatnonzero((np.sign(fx) * np.sign(fy) < 0) & (x != y))
        x, y, fx, fy, *rest = (v[sought] for v in (x, y, fx, fy, *rest))
        t = np.full(x.shape, 0.5)
        for _ in range(_MAX_STEPS):
            if not sought.size:
                break
            # `x` is the newest point, `y` the other bound, and `z` the bound just replaced.
            new = x + t * (y - x)
            f_new = function(new, *rest)
            same = np.sign(f_new) == np.sign(fx)
            z, fz = np.where(same, x, y), np.where(same, fx, fy)
            y, fy = np.where(same, y, x), np.where(same, fy, fx)
            x, fx = new, f_new
            nearer = np.abs(fx) < np.abs(fy)
            best = np.where(nearer, x, y)
            found[sought] = best
            # Relative spacing does not work for a root at 0, so an absolute term is added.
            tolerance = _EPS * np.abs(best) + _TINY
            width = np.abs(y - x)
            margin = 0.5 * tolerance / width
            t = np.clip(_step(x, fx, y, fy, z, fz), margin, 1 - margin)
            going = (width > tolerance) & (np.where(nearer, fx, fy) != 0)
            sought = sought[going]
            x, y, fx, fy, t, *rest = (v[going] for v in (x, y, fx, fy, t, *rest))
    return found.reshape(shape)


def _step(x: Floats, fx: Floats, y: Floats, fy: Floats, z: Floats, fz: Floats) -> Floats:
    """Choose the next point between x and y: by a parabola through all three, or half-way."""
    xi, phi = (x - y) / (z - y), (fx - fy) / (fz - fy)
    parabola = (phi * phi < xi) & ((1 - phi) ** 2 < 1 - xi)
    t = fx / (fy - fx) * (fz / (fy - fz))
    t = t + (z - x) / (y - x) * (fx / (fz - fx)) * (fy / (fz - fy))
    return np.where(parabola & np.isfinite(t), t, 0.5)


# Up to this many multiplications OpenBLAS starts no threads, which slow down products as short as
# these, most of all on a busy machine.
_UNTHREADED: Final = 1 << 18
_SIDE: Final = 32


def product(left: Singles, right: Singles) -> Singles:
    """Multiply the transpose of ``left`` by ``right``, in pieces too small for threads.

    Parameters
    ----------
    left : ndarray of float32, shape (rows, draws)
        Whole numbers.
    right : ndarray of float32, shape (rows, columns)
        Whole numbers. All sums of products must stay below 2**24, where float32 is exact.

    Returns
    -------
    ndarray of float32, shape (draws, columns)
    """
    (rows, draws), columns = left.shape, right.shape[1]
    high = _UNTHREADED // max(columns * _SIDE, 1)
    if not columns or high < _SIDE or draws < _SIDE:
        return left.T @ right
    out = np.zeros((draws, columns), np.float32)
    whole = draws // _SIDE * _SIDE
    pieces = out[:whole].reshape(-1, _SIDE, columns)
    for a in range(0, rows, high):
        left_rows, right_rows = left[a : a + high], right[a : a + high]
        parts = left_rows[:, :whole].reshape(len(left_rows), -1, _SIDE).transpose(1, 2, 0)
        if a:
            pieces += np.matmul(parts, right_rows)
        else:
            np.matmul(parts, right_rows, out=pieces)
        out[whole:] += left_rows[:, whole:].T @ right_rows
    return out
