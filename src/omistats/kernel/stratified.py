"""Two groups or more compared within strata, so that what sets strata apart is not in the way.

Strata lie on the last axis. A stratum without cases of both groups, or where every answer is the
same, says nothing of a difference within strata: it adds 0 to both sides of the tests.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.kernel.proportion import normal_quantile
from omistats.kernel.significance import chi_square_sf

__all__ = [
    "cmh",
    "cmh_groups",
    "informative",
    "mantel_haenszel_difference",
    "mantel_haenszel_odds_ratio",
]

Floats = npt.NDArray[np.float64]
Outcome = tuple[Floats, Floats, Floats]

# Eigenvalues of a correlation matrix: what is below is rounding, and no direction to differ in.
_SINGULAR = 1e-10
_ROUNDING = 1e-13


def informative(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> npt.NDArray[np.bool_]:
    """Flag strata with cases in both groups and both kinds of answer."""
    s, total = k1 + k2, n1 + n2
    return np.asarray((n1 > 0) & (n2 > 0) & (s > 0) & (s < total))


def cmh(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    correction: bool = False,
) -> Outcome:
    """Test for a difference of two groups within strata (Cochran, Mantel and Haenszel).

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of float, shape (..., strata)
        Successes and trials of the two groups in each stratum; broadcast together.
    correction : bool
        Take 1/2 off the absolute sum of deviations where that is 1/2 or more, as R does.

    Returns
    -------
    statistic, df, p_value : ndarray of float64
        Of the leading shape; NaN where no stratum is informative or a count is NaN.

    Notes
    -----
    Given the margins of a stratum of ``T = n1 + n2`` cases and ``s`` successes, ``k1`` is
    hypergeometric: its mean is ``n1 s / T``, its variance ``n1 n2 s (T - s) / (T^2 (T - 1))``.
    The squared sum of deviations over the sum of variances is chi-square on one degree of
    freedom. In a single stratum it is ``(T - 1) / T`` times Pearson's.

    References
    ----------
    Mantel, N. and Haenszel, W. (1959). Statistical aspects of the analysis of data from
    retrospective studies of disease. JNCI 22(4), 719-748. doi:10.1093/jnci/22.4.719
    """
    k1, n1, k2, n2 = _same_shape(k1, n1, k2, n2)
    total, s = n1 + n2, k1 + k2
    deviation = _shared(k1 * n2 - k2 * n1, total).sum(axis=-1)
    # Counts are divided before they are multiplied: products of four pass 2**53 early.
    variance = (_shared(n1 * n2, total) * _shared(s * (total - s), total * (total - 1))).sum(
        axis=-1
    )
    size = np.abs(deviation)
    if correction:
        size = np.where(size >= 0.5, size - 0.5, size)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = np.where(variance > 0, size * size / variance, np.nan)
    df = np.where(np.isnan(statistic), np.nan, 1.0)
    return statistic, df, chi_square_sf(statistic, 1.0)


def cmh_groups(k: npt.ArrayLike, n: npt.ArrayLike) -> Outcome:
    """Test for any difference of several groups within strata.

    Parameters
    ----------
    k, n : array_like of float, shape (..., groups, strata)
        Successes and trials; broadcast together.

    Returns
    -------
    statistic, df, p_value : ndarray of float64
        Of the leading shape. A group that no informative stratum compares with another drops
        out and takes its degree of freedom with it. Where strata link groups only in sets that
        share none, each set is compared within itself. NaN where nothing is compared.

    Notes
    -----
    The generalised test against no particular order: ``d' V^- d`` with d the sums over strata
    of ``k_g - n_g s / T``, and V of the multivariate hypergeometric covariances
    ``s (T - s) / (T - 1) (n_g / T) (1{g = h} - n_h / T)``. On two groups it is `cmh`.

    References
    ----------
    Landis, J. R., Heyman, E. R. and Koch, G. G. (1978). Average partial association in three-way
    contingency tables. International Statistical Review 46(3), 237-254. doi:10.2307/1402373
    """
    k, n = _same_shape(k, n)
    total, s = n.sum(axis=-2, keepdims=True), k.sum(axis=-2, keepdims=True)
    deviation = _shared(k * total - n * s, total).sum(axis=-1)
    share = _shared(n, np.broadcast_to(total, n.shape))
    spread = _shared(s * (total - s), total - 1)
    lost = np.isnan(deviation).any(axis=-1)
    covariance = -np.einsum("...gs,...hs->...gh", share * spread, share)
    own = np.arange(n.shape[-2])
    # What the others of a stratum have of it is 0 exactly where there are none.
    others = _shared(total - n, np.broadcast_to(total, n.shape))
    covariance[..., own, own] = (share * others * spread).sum(axis=-1)
    covariance[lost] = 0.0
    variance = np.einsum("...gg->...g", covariance)
    root = np.sqrt(np.where(variance > 0, variance, 1.0))
    values, vectors = np.linalg.eigh(
        covariance / (root[..., np.newaxis] * root[..., np.newaxis, :])
    )
    turned: Any = np.einsum("...gi,...g->...i", vectors, np.nan_to_num(deviation) / root)
    kept = values > _SINGULAR
    statistic = (turned**2 / np.where(kept, values, 1.0)).sum(axis=-1, where=kept)
    df = kept.sum(axis=-1).astype(np.float64)
    nothing = lost | (df == 0)
    statistic, df = np.where(nothing, np.nan, statistic), np.where(nothing, np.nan, df)
    return statistic, df, chi_square_sf(statistic, df)


def mantel_haenszel_odds_ratio(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    confidence: float,
) -> Outcome:
    """Estimate one odds ratio common to all strata, group 1 over group 2.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of float, shape (..., strata)
        Successes and trials of the two groups in each stratum; broadcast together.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        Of the leading shape. The estimate is 0 or infinite, and its limits NaN, where in no
        stratum the one or the other diagonal has both its cells; NaN where neither has.

    Notes
    -----
    With a, b and c, d the successes and failures of the groups, ``R = sum a d / T`` over
    ``S = sum b c / T``. The variance of its logarithm, with ``P = (a + d) / T`` and
    ``Q = (b + c) / T``, is ``sum P a d / T / (2 R^2) + sum (P b c + Q a d) / T / (2 R S) +
    sum Q b c / T / (2 S^2)``: good for few large strata and for many sparse ones.

    References
    ----------
    Robins, J., Breslow, N. and Greenland, S. (1986). Estimators of the Mantel-Haenszel variance
    consistent in both sparse data and large-strata limiting models. Biometrics 42(2), 311-323.
    doi:10.2307/2531052
    """
    k1, n1, k2, n2 = _same_shape(k1, n1, k2, n2)
    b, d = n1 - k1, n2 - k2
    total = n1 + n2
    r, s = _shared(k1 * d, total), _shared(b * k2, total)
    p, q = _shared(k1 + d, total), _shared(b + k2, total)
    R, S = r.sum(axis=-1), s.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = R / S
        inside = (R > 0) & (S > 0)
        variance = (
            (p * r).sum(axis=-1) / R**2
            + (p * s + q * r).sum(axis=-1) / (R * S)
            + (q * s).sum(axis=-1) / S**2
        ) / 2
        half = normal_quantile(confidence) * np.sqrt(np.where(inside, variance, np.nan))
        low, high = estimate * np.exp(-half), estimate * np.exp(half)
    return np.asarray(estimate), np.asarray(low), np.asarray(high)


def mantel_haenszel_difference(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    confidence: float,
) -> Outcome:
    """Estimate one difference of proportions common to all strata, group 1 less group 2.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of float, shape (..., strata)
        Successes and trials of the two groups in each stratum; broadcast together.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        Of the leading shape, the limits cut off at -1 and 1; NaN where no stratum has both
        groups. Limits are NaN also where the variance comes to 0, as where all answers of a
        stratum are alike, or those of each group: nothing is known then of how far the
        estimate strays.

    Notes
    -----
    The mean of differences with weights ``n1 n2 / T``. Sato's variance of it holds for few large
    strata and for many sparse ones.

    References
    ----------
    Sato, T., Greenland, S. and Robins, J. M. (1989). On the variance estimator for the
    Mantel-Haenszel risk difference. Biometrics 45(4), 1323-1324. doi:10.2307/2531784
    """
    k1, n1, k2, n2 = _same_shape(k1, n1, k2, n2)
    total = n1 + n2
    f1, f2 = _shared(n1, total), _shared(n2, total)
    # Rounded as the differences are, so that a difference of 1 is not more than 1.
    weight = _shared(n1 * n2, total).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        off = _shared(k1 * n2 - k2 * n1, total).sum(axis=-1)
        estimate = np.where(weight > 0, off / weight, np.nan)
        first = f1 * f1 * k2 - f2 * f2 * k1 + f1 * f2 * (n2 - n1) / 2
        second = (f2 * k1 + f1 * k2 - _shared(2 * k1 * k2, total)) / 2
        # second is (k1 (n2 - k2) + k2 (n1 - k1)) / (2 T).
        slanted, level = estimate * first.sum(axis=-1), second.sum(axis=-1)
        # The two cancel, but for their last digits, where nothing varies.
        some = slanted + level > _ROUNDING * (np.abs(slanted) + level)
        variance = np.where(some, slanted + level, np.nan) / weight**2
        half = normal_quantile(confidence) * np.sqrt(variance)
    low, high = np.maximum(estimate - half, -1.0), np.minimum(estimate + half, 1.0)
    return np.asarray(estimate), np.asarray(low), np.asarray(high)


def _same_shape(*given: npt.ArrayLike) -> tuple[Floats, ...]:
    return np.broadcast_arrays(*(np.asarray(v, np.float64) for v in given))


def _shared(top: Floats, bottom: Floats) -> Floats:
    """Divide, 0 where there is nothing to divide by; NaN stays NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom <= 0, 0.0, top / bottom)
