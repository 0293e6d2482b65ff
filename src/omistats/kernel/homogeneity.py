"""Whether strata have an odds ratio in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from omistats.kernel.significance import chi_square_sf
from omistats.kernel.stratified import informative, mantel_haenszel_odds_ratio

__all__ = ["breslow_day", "expected"]

Floats = npt.NDArray[np.float64]


def breslow_day(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    tarone: bool = False,
) -> tuple[Floats, Floats, Floats]:
    """Test whether the odds ratios of strata differ (Breslow and Day).

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of float, shape (..., strata)
        Successes and trials of the two groups in each stratum; broadcast together.
    tarone : bool
        Correct for the estimate that stands for the common odds ratio: the sum of deviations,
        squared, over the sum of variances comes off.

    Returns
    -------
    statistic, df, p_value : ndarray of float64
        Of the leading shape; degrees of freedom are the strata flagged by
        `omistats.kernel.stratified.informative`, less one. NaN with fewer than two of them, or
        where the common odds ratio is 0, infinite or undefined.

    Notes
    -----
    The sum over strata of ``(k1 - A)^2 / V``, where A is the first cell that has the margins of
    the stratum and the Mantel-Haenszel odds ratio, and V is the reciprocal of the sum of the
    reciprocals of its four cells. It wants strata of some size; Tarone's correction makes the
    test efficient and is rarely large.

    References
    ----------
    Breslow, N. E. and Day, N. E. (1980). Statistical Methods in Cancer Research I. IARC, 142.
    Tarone, R. E. (1985). On heterogeneity tests based on efficient scores. Biometrika 72(1),
    91-95. doi:10.1093/biomet/72.1.91
    """
    k1, n1, k2, n2 = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (k1, n1, k2, n2)))
    used = informative(k1, n1, k2, n2)
    common = mantel_haenszel_odds_ratio(k1, n1, k2, n2, 0.95)[0]
    common = np.where((common > 0) & (common < np.inf), common, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        first, others = expected(common[..., np.newaxis], n1, n2, k1 + k2)
        off = np.where(used, k1 - first, 0.0)
        # Reciprocal of the sum of reciprocals.
        variance = np.where(used, 1.0 / (1.0 / first + sum(1.0 / cell for cell in others)), 0.0)
        terms = np.where(used, off * off / variance, 0.0)
        statistic = terms.sum(axis=-1)
        if tarone:
            statistic = statistic - off.sum(axis=-1) ** 2 / variance.sum(axis=-1)
    df = np.asarray(used.sum(axis=-1) - 1.0)
    lost = np.isnan(common) | (df < 1) | np.isnan(k1 + n1 + k2 + n2).any(axis=-1)
    # What is left after the correction may round to less than nothing.
    statistic = np.where(lost, np.nan, np.maximum(statistic, 0.0))
    df = np.where(lost, np.nan, df)
    return statistic, df, chi_square_sf(statistic, df)


def expected(
    odds_ratio: Floats, n1: Floats, n2: Floats, successes: Floats
) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """Give the cells of 2 x 2 tables that have these margins and this odds ratio.

    Parameters
    ----------
    odds_ratio, n1, n2, successes : ndarray of float64
        Broadcast together; the odds ratio is above 0 and finite, else NaN.

    Returns
    -------
    first : ndarray of float64
        Successes of group 1.
    others : tuple of three ndarray
        Failures of group 1, successes and failures of group 2.

    Notes
    -----
    With margins n1, n2, s and odds ratio w, successes A of group 1 solve
    ``(1 - w) A^2 + (n2 - s + w (n1 + s)) A - w n1 s = 0``. Each cell is solved for by itself: what
    subtraction leaves of a small one has few digits.
    """
    n1, n2, s, w = np.broadcast_arrays(n1, n2, successes, odds_ratio)
    with np.errstate(invalid="ignore", divide="ignore"):
        first = _root(w, n1, n2, s)
        fails1 = _root(1.0 / w, n1, n2, n1 + n2 - s)
        wins2 = _root(1.0 / w, n2, n1, s)
        fails2 = _root(w, n2, n1, n1 + n2 - s)
    return first, (fails1, wins2, fails2)


def _root(w: Floats, n1: Floats, n2: Floats, s: Floats) -> Floats:
    middle = n2 - s + w * (n1 + s)
    # The discriminant as a sum of what is never negative.
    root = np.sqrt((n2 - s + w * (n1 - s)) ** 2 + 4 * w * s * (n1 + n2 - s))
    # Two forms of one root: each adds where the other takes like from like.
    return np.where(middle >= 0, 2 * w * n1 * s / (middle + root), (root - middle) / (2 * (1 - w)))
