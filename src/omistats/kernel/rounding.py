"""Round percentages half up, and find the counts behind a printed percentage."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["MOST_DECIMALS", "ROUNDINGS", "counts_behind", "last_digits", "printed_percent"]


ROUNDINGS: Final = ("half-up", "half-even", "nearest", "truncate", "either")
"""Rounding conventions.

``half-up``: exact halves go up. ``half-even``: they go to the even digit. ``nearest``: they may go
either way, as in programs that round floating-point numbers. ``truncate``: digits are dropped.
``either``: any of these, figure by figure.
"""

MOST_DECIMALS: Final = 6
"""Most decimals that percentages may be printed with."""

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


def last_digits(percent: npt.ArrayLike, decimals: int) -> npt.NDArray[np.float64]:
    """Express percentages in units of the last printed digit: 12.5 with one decimal is 125.

    Parameters
    ----------
    percent : array_like of float
        Percentages; NaN stays NaN.
    decimals : int
        Number of decimals printed.

    Returns
    -------
    ndarray of float64
        Whole numbers where the percentage has no further decimals, without the error of the
        multiplication in float64.
    """
    units: Any = np.asarray(percent, np.float64) * 10.0**decimals
    if decimals:
        whole = np.rint(units)
        # Reading a decimal and multiplying it cost at most 3e-8 with six decimals.
        units = np.where(np.abs(units - whole) < 1e-6, whole, units)
    out: npt.NDArray[np.float64] = units
    return out


def counts_behind(
    percent: npt.ArrayLike, n: npt.ArrayLike, *, rounding: str = "half-up", decimals: int = 0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find the smallest and the largest count that print as a percentage.

    Parameters
    ----------
    percent : array_like of int or float
        Printed percentages, 0-100.
    n : array_like of int
        Trials behind each percentage.
    rounding : str
        One of `ROUNDINGS`.
    decimals : int
        Number of decimals printed, 0 to `MOST_DECIMALS`.

    Returns
    -------
    low, high : ndarray of int64
        Exactly the counts from ``low`` to ``high`` print as ``percent``; ``low > high`` where
        no count does.

    Notes
    -----
    In units of the last digit let a percentage print as ``u`` and 100% as ``S``. Rounding half
    up, ``k`` prints as ``u`` if ``(2 u - 1) n <= 2 S k < (2 u + 1) n``. Rounding half to even,
    both ends belong to ``u`` if it is even, and neither if it is odd; in ``nearest`` both always
    do. Truncated, ``k`` prints as ``u`` if ``2 u n <= 2 S k < (2 u + 2) n``.

    Examples
    --------
    Python rounds half to even, so it prints 1 of 8 as 12:

    >>> from omistats.kernel.rounding import counts_behind
    >>> [counts_behind(12, 8, rounding=r)[0].item() for r in ("half-even", "truncate")]
    [1, 1]
    >>> low, high = counts_behind(12, 8)
    >>> bool(low > high)
    True
    """
    units: Any = last_digits(percent, decimals) if decimals else percent
    p, n = np.broadcast_arrays(np.asarray(units, np.int64), np.asarray(n, np.int64))
    twice = 2 * 100 * 10**decimals
    if decimals and n.size and int(n.max()) > 2**61 // twice:
        # Products below exceed int64: whole numbers without a limit.
        p, n = p.astype(object), n.astype(object)
    # Least and greatest value of 2 S k: half up and truncated, only the upper end is outside.
    limit = (2 * p - (rounding != "truncate")) * n
    if rounding == "half-even":
        limit = limit + (p & 1)
    low = np.maximum(-(-limit // twice), 0)
    limit = (2 * p + (2 if rounding in ("truncate", "either") else 1)) * n
    if rounding == "half-even":
        limit = limit + (1 - (p & 1))
    elif rounding == "nearest":
        limit = limit + 1
    high = np.minimum((limit - 1) // twice, n)
    empty: Any = n == 0
    low, high = np.where(empty, 1, low), np.where(empty, 0, high)
    return low.astype(np.int64, copy=False), high.astype(np.int64, copy=False)
