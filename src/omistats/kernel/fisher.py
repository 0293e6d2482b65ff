"""Fisher's exact test and its mid-P, for many 2 x 2 tables at once."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from omistats.kernel.checks import Floats, as_floats

__all__ = ["fisher", "fisher_mid_p"]


# Weight of the observed table; other tables are weighed relative to it. It is small enough that
# weights do not overflow unless the p-value is below the smallest float64.
_OBSERVED: Final = 1e-290

_TIE: Final = 1e-14
"""Relative difference below which two probabilities are tied, as in scipy."""

# Largest relative rounding error of one step of the walk.
_STEP: Final = 4 * np.finfo(np.float64).eps / 2

# A walk ends where the remaining tables cannot change the p-value by more than this share.
_NEGLIGIBLE: Final = 2.0**-60

_WIDTHS: Final = np.array([4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024])
"""Lengths of walks, in steps, that are handled together."""

_BLOCK: Final = 2**14
"""Steps of all walks handled at once, so that the arrays stay in the processor's cache."""


def fisher(k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike) -> Floats:
    """Compute two-sided p-values of Fisher's exact test.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of float64
        Probability, given all margins, of the tables that are no more likely than the
        observed one. 1 where all answers are the same; NaN where a group has no trials.

    Notes
    -----
    Tables are weighed relative to the observed one by walking away from it in both
    directions; each step multiplies by a ratio of whole numbers. Nothing is subtracted, so even
    tiny p-values keep their digits. Memory is bounded; the number of steps for a table grows
    with the standard deviation of its count, about ``sqrt(N)``.

    References
    ----------
    Fisher, R. A. (1935). The logic of inductive inference. JRSS 98, 39-82.
    doi:10.2307/2342435
    Freeman, G. H. and Halton, J. H. (1951). Note on an exact treatment of contingency,
    goodness of fit and other problems of significance. Biometrika 38, 141-149.
    doi:10.1093/biomet/38.1-2.141
    """
    return _p_values(k1, n1, k2, n2, mid=False)


def fisher_mid_p(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> Floats:
    """Compute two-sided mid-P values of Fisher's exact test.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of float64
        Probability of the less likely tables, plus half that of the equally likely ones,
        which include the observed table. 0.5 where all answers are the same; NaN where a group
        has no trials.

    Notes
    -----
    By this definition the mean of the mid-P value is exactly one half if the proportions are
    equal. Other definitions halve the observed table alone, or double the smaller one-sided
    mid-P. The last equals this one for groups of equal size whose counts differ.

    References
    ----------
    Lancaster, H. O. (1961). Significance tests in discrete distributions. JASA 56, 223-234.
    doi:10.1080/01621459.1961.10482105
    """
    return _p_values(k1, n1, k2, n2, mid=True)


def _p_values(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike, *, mid: bool
) -> Floats:
    k1, n1, k2, n2 = as_floats(k1, n1, k2, n2)
    out = np.full(k1.shape, np.nan)
    both = (n1 > 0) & (n2 > 0) & ~np.isnan(k1 + k2)
    a, c = k1[both], k2[both]
    b, d = n1[both] - a, n2[both] - c
    # With one more success in the first group, a and d grow by 1 and b and c shrink by 1. The
    # other direction exchanges the pairs.
    shrinking = (np.concatenate([b, a]), np.concatenate([c, d]))
    growing = (np.concatenate([a, b]), np.concatenate([d, c]))
    weights = _walk(*shrinking, *growing).reshape(3, 2, a.size).sum(axis=1)
    all_tables, unlikely = _OBSERVED + weights[0], _OBSERVED + weights[1]
    if mid:
        unlikely = unlikely - 0.5 * _OBSERVED * (1 + weights[2])
    out[both] = unlikely / all_tables
    return out


def _walk(shrink1: Floats, shrink2: Floats, grow1: Floats, grow2: Floats) -> Floats:
    """Add up the weights of the tables from the observed to the last possible one.

    Returns
    -------
    ndarray of float64, shape (3, walks)
        Weight of all tables on the walk, weight of those no more likely than the observed one,
        and number of those equally likely. The observed table is not counted.
    """
    out = np.zeros((3, shrink1.size))
    cells = np.stack([shrink1, shrink2, grow1, grow2])
    steps = np.minimum(shrink1, shrink2)
    length_class = np.minimum(np.searchsorted(_WIDTHS, steps), _WIDTHS.size - 1)
    length_class[steps == 0] = -1
    # Overflow means that the p-value is 0; `_take_steps` handles it.
    with np.errstate(over="ignore", invalid="ignore"):
        for i in np.unique(length_class[length_class >= 0]).tolist():
            walks = np.flatnonzero(length_class == i)
            width = int(_WIDTHS[i])
            block = max(_BLOCK // width, 1)
            for first in range(0, walks.size, block):
                some = walks[first : first + block]
                out[:, some] = _take_steps(cells[:, some], width)
    return out


def _take_steps(cells: Floats, width: int) -> Floats:
    """Take walks of similar length, ``width`` steps at a time, until the last one ends."""
    out = np.zeros((3, cells.shape[1]))
    ahead = np.arange(width, dtype=np.float64)
    live = np.arange(cells.shape[1])
    weight = np.full(live.size, _OBSERVED)
    taken = 0
    while live.size:
        s1, s2, g1, g2 = cells[:, :, np.newaxis]
        weights = (s1 - ahead) * (s2 - ahead) / ((g1 + (1 + ahead)) * (g2 + (1 + ahead)))
        weights[:, 0] *= weight
        # Beyond the last possible table a factor is 0, so all further weights are 0.
        np.cumprod(weights, axis=1, out=weights)
        slack = _TIE + _STEP * (taken + 1 + ahead)
        unlikely = weights <= _OBSERVED * (1 + slack)
        out[0, live] += weights.sum(axis=1)
        out[1, live] += np.where(unlikely, weights, 0.0).sum(axis=1)
        out[2, live] += (unlikely & (weights >= _OBSERVED * (1 - slack))).sum(axis=1)
        taken += width
        weight = weights[:, -1]
        cells = cells + np.array([[-width], [-width], [width], [width]])
        going = (cells[0] > 0) & (cells[1] > 0) & np.isfinite(weight)
        # Ratios decrease from step to step, so the rest is less than a geometric series.
        ratio = cells[0] * cells[1] / ((cells[2] + 1) * (cells[3] + 1))
        going &= (ratio >= 1) | (weight * ratio > _NEGLIGIBLE * _OBSERVED * (1 - ratio))
        live, weight, cells = live[going], weight[going], cells[:, going]
    # NaN is infinity times the 0 beyond the last table.
    out[0, np.isnan(out[0])] = np.inf
    return out
