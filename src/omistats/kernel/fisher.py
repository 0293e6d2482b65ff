"""Fisher's exact test of many 2 x 2 tables at once, two-sided by probability, and its mid-P."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["fisher", "fisher_mid_p"]


Floats = npt.NDArray[np.float64]

# The observed table weighs this much and every other table in proportion. So far down, the
# tables of a p-value below the smallest float64 do not overflow, and the observed is normal.
_OBSERVED: Final = 1e-290

_TIE: Final = 1e-14
"""Tables are tied whose probabilities differ by less than this share, as in scipy."""

# What the rounding of one step of the walk can add to the weight, at most, as a share.
_STEP: Final = 4 * np.finfo(np.float64).eps / 2

# A walk ends where all that lies ahead is below this share of the p-value.
_NEGLIGIBLE: Final = 2.0**-60

_WIDTHS: Final = np.array([4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024])
"""How many steps are taken at once."""

_BLOCK: Final = 2**14
"""Steps of all walks taken at once: their arrays stay in the processor's cache."""


def fisher(k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike) -> Floats:
    """Give two-sided p-values of Fisher's exact test.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of float64
        The probability, given all margins, of the tables that are no likelier than the
        observed. 1 where all answers are alike; NaN where a group has no trials.

    Notes
    -----
    Tables are weighed relative to the observed one by walking away from it in both
    directions, each step a ratio of whole numbers. Nothing is subtracted, so p-values keep
    their digits however small they are. Memory is bounded; the work of a table grows with
    the spread of its count, about ``sqrt(N)``.

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
    """Give two-sided mid-P values of Fisher's exact test.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of float64
        The probability of the less likely tables and half that of the equally likely ones,
        the observed among them. 0.5 where all answers are alike; NaN where a group has no
        trials.

    Notes
    -----
    By this definition the mean of the mid-P value is exactly one half where nothing differs.
    Another halves the observed table alone, and a third doubles the smaller one-sided mid-P.
    In groups of one size whose counts differ, the third is the same as this one.

    References
    ----------
    Lancaster, H. O. (1961). Significance tests in discrete distributions. JASA 56, 223-234.
    doi:10.1080/01621459.1961.10482105
    """
    return _p_values(k1, n1, k2, n2, mid=True)


def _p_values(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike, *, mid: bool
) -> Floats:
    given = (np.asarray(v, np.float64) for v in (k1, n1, k2, n2))
    k1, n1, k2, n2 = np.broadcast_arrays(*given)
    out = np.full(k1.shape, np.nan)
    both = (n1 > 0) & (n2 > 0) & ~np.isnan(k1 + k2)
    a, c = k1[both], k2[both]
    b, d = n1[both] - a, n2[both] - c
    # One more success in the first group is one fewer in the second: a and d grow, b and c
    # shrink. The other direction is the same with the two exchanged.
    up = (np.concatenate([b, a]), np.concatenate([c, d]))
    down = (np.concatenate([a, b]), np.concatenate([d, c]))
    walked = _walk(*up, *down).reshape(3, 2, a.size).sum(axis=1)
    all_tables, unlikely = _OBSERVED + walked[0], _OBSERVED + walked[1]
    if mid:
        unlikely = unlikely - 0.5 * _OBSERVED * (1 + walked[2])
    out[both] = unlikely / all_tables
    return out


def _walk(shrink1: Floats, shrink2: Floats, grow1: Floats, grow2: Floats) -> Floats:
    """Walk from observed tables to the last possible ones.

    Returns
    -------
    ndarray of float64, shape (3, walks)
        The weight of all tables on the way, the weight of those no likelier than the observed,
        and the number of those equally likely. The observed itself is not counted.
    """
    out = np.zeros((3, shrink1.size))
    cells = np.stack([shrink1, shrink2, grow1, grow2])
    steps = np.minimum(shrink1, shrink2)
    kind = np.minimum(np.searchsorted(_WIDTHS, steps), _WIDTHS.size - 1)
    kind[steps == 0] = -1
    # Overflow says that the p-value is 0; what follows it is put right in _stride.
    with np.errstate(over="ignore", invalid="ignore"):
        for i in np.unique(kind[kind >= 0]).tolist():
            walks = np.flatnonzero(kind == i)
            width = int(_WIDTHS[i])
            many = max(_BLOCK // width, 1)
            for first in range(0, walks.size, many):
                some = walks[first : first + many]
                out[:, some] = _stride(cells[:, some], width)
    return out


def _stride(cells: Floats, width: int) -> Floats:
    """Take walks of about one length, so many steps at once until the last has ended."""
    out = np.zeros((3, cells.shape[1]))
    ahead = np.arange(width, dtype=np.float64)
    live = np.arange(cells.shape[1])
    weight = np.full(live.size, _OBSERVED)
    taken = 0
    while live.size:
        s1, s2, g1, g2 = cells[:, :, np.newaxis]
        weights = (s1 - ahead) * (s2 - ahead) / ((g1 + (1 + ahead)) * (g2 + (1 + ahead)))
        weights[:, 0] *= weight
        # Past the last possible table a factor is 0, and so is every weight.
        np.cumprod(weights, axis=1, out=weights)
        slack = _TIE + _STEP * (taken + 1 + ahead)
        no_likelier = weights <= _OBSERVED * (1 + slack)
        out[0, live] += weights.sum(axis=1)
        out[1, live] += np.where(no_likelier, weights, 0.0).sum(axis=1)
        out[2, live] += (no_likelier & (weights >= _OBSERVED * (1 - slack))).sum(axis=1)
        taken += width
        weight = weights[:, -1]
        cells = cells + np.array([[-width], [-width], [width], [width]])
        left = (cells[0] > 0) & (cells[1] > 0) & np.isfinite(weight)
        # Ratios fall from step to step: ahead lies less than a geometric series.
        ratio = cells[0] * cells[1] / ((cells[2] + 1) * (cells[3] + 1))
        left &= (ratio >= 1) | (weight * ratio > _NEGLIGIBLE * _OBSERVED * (1 - ratio))
        live, weight, cells = live[left], weight[left], cells[:, left]
    # Infinity times the 0 beyond the last table.
    out[0, np.isnan(out[0])] = np.inf
    return out
