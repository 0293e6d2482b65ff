"""Roots of many increasing or decreasing functions at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["root"]

Floats = npt.NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)
_TINY = 1e-300
# Halving alone takes some fifty; a root at 0 takes a thousand, to 1e-300.
_MOST = 1200


def root(function: Callable[[Floats], Floats], low: npt.ArrayLike, high: npt.ArrayLike) -> Floats:
    """Find, element by element, where a function changes sign.

    Parameters
    ----------
    function : callable
        Takes an array of the broadcast shape of ``low`` and ``high`` and gives one;
        element ``i`` of the result depends on element ``i`` of the argument only.
        It may be infinite.
    low, high : array_like of float
        Between which it changes sign once. NaN gives NaN.

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
    x, y = np.broadcast_arrays(np.asarray(low, np.float64), np.asarray(high, np.float64))
    with np.errstate(all="ignore"):
        fx, fy = function(x), function(y)
        enclosed = np.sign(fx) * np.sign(fy) <= 0
        end = best = np.where(np.abs(fx) <= np.abs(fy), x, y)
        t = np.full(x.shape, 0.5)
        for _ in range(_MOST):
            # `x` is the newest point, `y` the other end of what encloses the root, and `last`
            # the one that fell out.
            new = x + t * (y - x)
            f_new = function(new)
            same = np.sign(f_new) == np.sign(fx)
            last, f_last = np.where(same, x, y), np.where(same, fx, fy)
            y, fy = np.where(same, y, x), np.where(same, fy, fx)
            x, fx = new, f_new
            nearer = np.abs(fx) < np.abs(fy)
            best = np.where(nearer, x, y)
            # The spacing of numbers here; next to 0 a root has no digits to be right in.
            least = _EPS * np.abs(best) + _TINY
            width = np.abs(y - x)
            going = enclosed & (width > least) & (np.where(nearer, fx, fy) != 0)
            if not going.any():
                break
            margin = 0.5 * least / width
            t = np.where(going, np.clip(_step(x, fx, y, fy, last, f_last), margin, 1 - margin), 0.5)
    return np.asarray(np.where(enclosed, best, end))


def _step(x: Floats, fx: Floats, y: Floats, fy: Floats, z: Floats, fz: Floats) -> Floats:
    """Say how far from x to y to try next: by a parabola through all three, or half-way."""
    xi, phi = (x - y) / (z - y), (fx - fy) / (fz - fy)
    bent = (phi * phi < xi) & ((1 - phi) ** 2 < 1 - xi)
    t = fx / (fy - fx) * (fz / (fy - fz))
    t = t + (z - x) / (y - x) * (fx / (fz - fx)) * (fy / (fz - fy))
    return np.where(bent & np.isfinite(t), t, 0.5)
