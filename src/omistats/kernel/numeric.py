"""Vectorised root finding, exact integer products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["product", "root"]


Floats = npt.NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
_TINY = 1e-300
# Halving alone takes some fifty; a root at 0 takes a thousand, to 1e-300.
_MOST = 1200


def root(
    function: Callable[..., Floats], low: npt.ArrayLike, high: npt.ArrayLike, *given: Floats
) -> Floats:
    """Find, element by element, where a function changes sign.

    Parameters
    ----------
    function : callable
        Called as ``function(x, *given)`` with arrays of one dimension, of those elements
        whose roots are still sought. It may be infinite; where it is NaN at an end, so is
        the root.
    low, high : array_like of float
        Between which it changes sign once, broadcast with ``given``.
    *given : ndarray
        What else the function depends on, element by element.

    Returns
    -------
    ndarray of float64
        To the spacing of the floating-point numbers there. Where the function has one
        sign at both ends, the end where it is nearer to 0.

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
        # The elements still sought, and of those what encloses the root.
        sought = np.flatnonzero((np.sign(fx) * np.sign(fy) < 0) & (x != y))
        x, y, fx, fy, *rest = (v[sought] for v in (x, y, fx, fy, *rest))
        t = np.full(x.shape, 0.5)
        for _ in range(_MOST):
            if not sought.size:
                break
            # `x` is the newest point, `y` the other end, and `z` the one that fell out.
            new = x + t * (y - x)
            f_new = function(new, *rest)
            same = np.sign(f_new) == np.sign(fx)
            z, fz = np.where(same, x, y), np.where(same, fx, fy)
            y, fy = np.where(same, y, x), np.where(same, fy, fx)
            x, fx = new, f_new
            nearer = np.abs(fx) < np.abs(fy)
            best = np.where(nearer, x, y)
            found[sought] = best
            # The spacing of numbers here; next to 0 a root has no digits to be right in.
            least = _EPS * np.abs(best) + _TINY
            width = np.abs(y - x)
            margin = 0.5 * least / width
            t = np.clip(_step(x, fx, y, fy, z, fz), margin, 1 - margin)
            going = (width > least) & (np.where(nearer, fx, fy) != 0)
            sought = sought[going]
            x, y, fx, fy, t, *rest = (v[going] for v in (x, y, fx, fy, t, *rest))
    return found.reshape(shape)


def _step(x: Floats, fx: Floats, y: Floats, fy: Floats, z: Floats, fz: Floats) -> Floats:
    """Say how far from x to y to try next: by a parabola through all three, or half-way."""
    xi, phi = (x - y) / (z - y), (fx - fy) / (fz - fy)
    bent = (phi * phi < xi) & ((1 - phi) ** 2 < 1 - xi)
    t = fx / (fy - fx) * (fz / (fy - fz))
    t = t + (z - x) / (y - x) * (fx / (fz - fx)) * (fy / (fz - fy))
    return np.where(bent & np.isfinite(t), t, 0.5)


Singles = npt.NDArray[np.float32]

# Up to so many multiplications OpenBLAS starts no threads. In products as short as ours they
# wait for each other longer than they work, many times so on a busy machine.
_UNTHREADED: Final = 1 << 18
_SIDE: Final = 32


def product(left: Singles, right: Singles) -> Singles:
    """Multiply the transpose of the one by the other, in small pieces.

    Parameters
    ----------
    left : ndarray of float32, shape (rows, draws)
        Whole numbers.
    right : ndarray of float32, shape (rows, columns)
        Whole numbers, whose sums stay below 2**24 and so are exact in any order.

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
        here, there = left[a : a + high], right[a : a + high]
        parts = here[:, :whole].reshape(len(here), -1, _SIDE).transpose(1, 2, 0)
        if a:
            pieces += np.matmul(parts, there)
        else:
            np.matmul(parts, there, out=pieces)
        out[whole:] += here[:, whole:].T @ there
    return out
