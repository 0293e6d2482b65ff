"""Round percentages half up, and find the counts behind a printed percentage."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["counts_behind", "printed_percent"]


# A quotient m - 1 / (2 n), with m at most 100, rounds to m in float64 only if 2 n m is above 2**53.
_EXACT = 1 << 44


def printed_percent(k: npt.ArrayLike, n: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Round ``100 k / n`` half up, without floating-point error.

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
    ``floor(100 k / n + 1/2) = floor((200 k + n) / (2 n))``, in whole numbers. Python and NumPy
    round halves to even and would print 1 of 8 (12.5%) as 12; this function returns 13.
    """
    k, n = np.asarray(k, np.int64), np.asarray(n, np.int64)
    if k.shape != n.shape:
        k, n = np.broadcast_arrays(k, n)
    out: npt.NDArray[np.int64]
    if n.size and n.min() >= 0 and n.max() < _EXACT:
        # Below this limit float64 division is exact enough, and several times faster.
        share = np.asarray(k * 200.0)
        share += n
        with np.errstate(invalid="ignore"):
            share /= n * 2.0
        np.copyto(share, -1.0, where=n == 0)
        out = np.floor(share, out=share).astype(np.int64)
        return out
    out = np.floor_divide(200 * k + n, 2 * n, out=np.full(n.shape, -1, np.int64), where=n > 0)
    return out


def counts_behind(
    percent: npt.ArrayLike, n: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find the smallest and the largest count that print as a percentage.

    Parameters
    ----------
    percent : array_like of int
        Printed percentages, 0-100.
    n : array_like of int
        Trials behind each percentage.

    Returns
    -------
    low, high : ndarray of int64
        Exactly the counts from ``low`` to ``high`` print as ``percent``; ``low > high`` where
        no count does.

    Notes
    -----
    Rounding half up, ``k`` prints as ``P`` if ``(2 P - 1) n <= 200 k < (2 P + 1) n``.
    """
    p, n = np.broadcast_arrays(np.asarray(percent, np.int64), np.asarray(n, np.int64))
    low = np.maximum(-((-(2 * p - 1) * n) // 200), 0)
    high = np.minimum(((2 * p + 1) * n - 1) // 200, n)
    empty: Any = n == 0
    return np.where(empty, 1, low), np.where(empty, 0, high)
