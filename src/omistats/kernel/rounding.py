"""Percentages as print shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["counts_behind", "printed_percent"]


def printed_percent(k: npt.ArrayLike, n: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Round ``100 k / n`` half up, exactly: no half falls on the wrong side.

    Parameters
    ----------
    k, n : array_like of int
        Counts of successes and trials, broadcast together; ``0 <= k <= n``.

    Returns
    -------
    ndarray of int64
        Percentages 0-100, and -1 where ``n`` is 0.

    Notes
    -----
    ``floor(100 k / n + 1/2) = floor((200 k + n) / (2 n))``, which no floating-point
    error can push over a half. The round-half-to-even of Python and NumPy
    would print 1 of 8 (12.5%) as 12; the rule here prints 13.
    """
    k, n = np.asarray(k, np.int64), np.asarray(n, np.int64)
    if k.shape != n.shape:
        k, n = np.broadcast_arrays(k, n)
    out: npt.NDArray[np.int64]
    if n.size and n.min() >= 0 and n.max() < _EXACT:
        # Below this no quotient lies so near to a whole number that it could be rounded to it,
        # and whole numbers are divided several times slower.
        share = np.asarray(k * 200.0)
        share += n
        with np.errstate(invalid="ignore"):
            share /= n * 2.0
        np.copyto(share, -1.0, where=n == 0)
        out = np.floor(share, out=share).astype(np.int64)
        return out
    out = np.floor_divide(200 * k + n, 2 * n, out=np.full(n.shape, -1, np.int64), where=n > 0)
    return out


# A quotient m - 1 / (2 n) is m to a float64 only if 2 n m is above 2**53, with m at most 100.
_EXACT = 1 << 44


def counts_behind(
    percent: npt.ArrayLike, n: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give the least and the greatest count that print as a percentage.

    Parameters
    ----------
    percent : array_like of int
        Printed percentages, 0-100.
    n : array_like of int
        Trials behind each.

    Returns
    -------
    low, high : ndarray of int64
        Every count from ``low`` to ``high`` prints as ``percent``, and no other
        does; ``low > high`` where none can.

    Notes
    -----
    Half up: ``k`` prints as ``P`` when ``(2 P - 1) n <= 200 k < (2 P + 1) n``.
    """
    p, n = np.broadcast_arrays(np.asarray(percent, np.int64), np.asarray(n, np.int64))
    low = np.maximum(-((-(2 * p - 1) * n) // 200), 0)
    high = np.minimum(((2 * p + 1) * n - 1) // 200, n)
    empty: Any = n == 0
    return np.where(empty, 1, low), np.where(empty, 0, high)
