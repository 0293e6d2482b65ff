"""Power of a test of two proportions: what it would find, were the truth as named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.kernel.proportion import normal_quantile

__all__ = ["binomial", "detectable_share", "exact_power", "normal_power", "sizes_for_power"]

Floats = npt.NDArray[np.float64]
Outcome = tuple[Floats, Floats, Floats]

_GRID = 128
_BLOCK = 1 << 18


def normal_power(p1: Floats, p2: Floats, n1: Floats, n2: Floats, level: float) -> Floats:
    """Give the power of Pearson's test by the normal approximation.

    Parameters
    ----------
    p1, p2 : ndarray of float64
        The true proportions.
    n1, n2 : ndarray of float64
        Sizes of the groups.
    level : float
        The test rejects below it, on either side.

    Returns
    -------
    ndarray of float64
        NaN where a group is empty.

    Notes
    -----
    The difference is taken as normal with its true variance, and is held against ``z`` times
    the standard error of the pooled proportion, both at their expected values. Both tails
    count: of two equal proportions the power is the level.
    """
    import scipy

    z = normal_quantile(1.0 - level)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (n1 * p1 + n2 * p2) / (n1 + n2)
        null = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        true = np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
        apart = np.abs(p1 - p2)
        both: Any = scipy.special.ndtr((apart - z * null) / true)
        both = both + scipy.special.ndtr((-apart - z * null) / true)
    # All answers alike for certain: there is never anything to reject.
    out: Floats = np.where((true == 0) & (apart == 0), 0.0, both)
    return np.where((n1 > 0) & (n2 > 0), out, np.nan)


def detectable_share(
    p1: Floats, n1: Floats, n2: Floats, power: float, level: float, end: float
) -> Floats:
    """Find the share nearest to ``p1``, towards an end, that is told from it with a power.

    Parameters
    ----------
    p1, n1, n2 : ndarray of float64
        The proportion of the first group, and the sizes; of one shape.
    power, level : float
        As in `normal_power`.
    end : {0.0, 1.0}
        Whether to look below or above.

    Returns
    -------
    ndarray of float64
        The second proportion; NaN where even the end is not told apart.
    """
    # Power need not rise all the way to the end in tiny samples: the first crossing on a grid
    # comes first, then bisection.
    low, high = p1.copy(), np.full(p1.shape, np.nan)
    for step in range(1, _GRID + 1):
        at = p1 + (end - p1) * (step / _GRID)
        enough = normal_power(p1, at, n1, n2, level) >= power
        np.copyto(high, at, where=enough & np.isnan(high))
        np.copyto(low, at, where=np.isnan(high))
    for _ in range(60):
        middle = (low + high) / 2
        enough = normal_power(p1, middle, n1, n2, level) >= power
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    # At the end itself there is nowhere to go.
    return np.where(p1 == end, np.nan, high)


def sizes_for_power(
    p1: Floats, p2: Floats, power: float, level: float, ratio: Floats
) -> tuple[Floats, Floats]:
    """Find the smallest groups that give a power.

    Parameters
    ----------
    p1, p2 : ndarray of float64
        The proportions to tell apart.
    power, level : float
        As in `normal_power`.
    ratio : ndarray of float64
        Cases of the second group to one of the first; ``n2`` is ``ratio * n1`` rounded up.

    Returns
    -------
    n1, n2 : ndarray of float64
        Whole numbers; NaN where the proportions are equal or a parameter is NaN.
    """

    def second(n1: Floats) -> Floats:
        # Rounding up must not add a case for a stray last digit of the product.
        return np.maximum(np.ceil(ratio * n1 * (1 - 1e-15)), 1.0)

    def enough(n1: Floats) -> npt.NDArray[np.bool_]:
        return normal_power(p1, p2, n1, second(n1), level) >= power

    solvable = (p1 != p2) & ~np.isnan(p1 + p2 + ratio)
    low, high = np.zeros(p1.shape), np.ones(p1.shape)
    while (short := solvable & ~enough(high)).any() and high.max() < 2**52:
        low, high = np.where(short, high, low), np.where(short, 2 * high, high)
    while ((high - low) > 1).any():
        middle = np.floor((low + high) / 2)
        found = enough(middle)
        wide = (high - low) > 1
        low = np.where(wide & ~found, middle, low)
        high = np.where(wide & found, middle, high)
    solvable &= enough(high)
    return np.where(solvable, high, np.nan), np.where(solvable, second(high), np.nan)


def binomial(n: int, p: Floats) -> Floats:
    """Give binomial probabilities of 0 to ``n``, which lie along a new last axis."""
    import scipy

    k = np.arange(n + 1.0)
    p = np.asarray(p, np.float64)[..., None]
    ways = (
        scipy.special.gammaln(n + 1.0)
        - scipy.special.gammaln(k + 1)
        - (scipy.special.gammaln(n - k + 1))
    )
    out: Any = np.exp(ways + scipy.special.xlogy(k, p) + scipy.special.xlog1py(n - k, -p))
    # Differences of logarithms of factorials lose a few digits, the same for all.
    weights: Floats = out / out.sum(axis=-1, keepdims=True)
    return weights


def exact_power(
    p1: Floats,
    p2: Floats,
    n1: Floats,
    n2: Floats,
    level: float,
    test: Callable[[Floats, Floats, Floats, Floats], Outcome],
) -> Floats:
    """Give the power of a test by adding up the chances of all tables that it rejects.

    Parameters
    ----------
    p1, p2, n1, n2, level
        As in `normal_power`; arrays of one shape.
    test : callable
        As in `TESTS`; it rejects where its p-value is below ``level``, and does not where it
        is NaN.

    Returns
    -------
    ndarray of float64
        NaN where a group is empty.
    """
    out = np.full(p1.shape, np.nan)
    open_ = (n1 > 0) & (n2 > 0) & ~np.isnan(p1 + p2)
    # Which tables are rejected depends on the sizes alone, so each pair of sizes is done once.
    for a, b in np.unique(np.stack([n1[open_], n2[open_]], axis=-1), axis=0):
        here = open_ & (n1 == a) & (n2 == b)
        first, second = binomial(int(a), p1[here]), binomial(int(b), p2[here])
        k2 = np.arange(b + 1)[None, :]
        rows = max(int(_BLOCK // (b + 1)), 1)
        total = np.zeros(first.shape[0])
        for start in range(0, int(a) + 1, rows):
            k1 = np.arange(start, min(start + rows, int(a) + 1), dtype=np.float64)[:, None]
            table = np.broadcast_arrays(k1, a, k2, b)
            with np.errstate(invalid="ignore"):
                rejected = test(*table)[2] < level
            total += ((first[:, start : start + len(k1)] @ rejected) * second).sum(axis=-1)
        out[here] = total
    return out
