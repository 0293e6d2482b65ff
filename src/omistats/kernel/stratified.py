"""Comparisons within strata: Cochran-Mantel-Haenszel, common effects and Breslow-Day.

Strata lie on the last axis. A stratum without cases in both groups, or where every answer is the
same, contains no information on a difference within strata: it adds 0 to all sums.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.checks import Floats, as_floats, as_two_groups, check_confidence
from omistats.kernel.chi_square import chi_square_sf, star_labels
from omistats.kernel.intervals import normal_quantile

__all__ = [
    "Stratified",
    "breslow_day",
    "cmh",
    "cmh_groups",
    "expected_cells",
    "informative",
    "mantel_haenszel_difference",
    "mantel_haenszel_odds_ratio",
    "stratified",
]


TestResult = tuple[Floats, Floats, Floats]
Estimate = tuple[Floats, Floats, Floats]

# Eigenvalues of a correlation matrix below this are rounding errors of 0.
_SINGULAR = 1e-10
_ROUNDING = 1e-13


@attrs.frozen(eq=False)
class Stratified:
    """Result of a comparison within strata, element by element.

    Attributes
    ----------
    statistic, df, p_value : ndarray of float64
        Cochran-Mantel-Haenszel test; NaN where no stratum has both groups and both kinds of
        answer.
    stars : ndarray of str
        ``'***'``, ``'**'``, ``'*'`` or ``'--'``; empty where no stratum has both groups.
    method : ndarray of str
        ``'cmh'``, or ``'cmh-cc'`` with continuity correction.
    odds_ratio, odds_ratio_low, odds_ratio_high : ndarray of float64
        Mantel-Haenszel odds ratio, group 1 over group 2, with the interval of Robins, Breslow
        and Greenland; no interval where it is 0 or infinite.
    difference, difference_low, difference_high : ndarray of float64
        Mantel-Haenszel difference of proportions, group 1 less group 2, with the interval by
        Sato's variance, within -1 and 1; no interval where that variance is 0.
    breslow_day, breslow_day_p_value : ndarray of float64
        Test that all strata have the same odds ratio, on ``strata - 1`` degrees of freedom.
    tarone, tarone_p_value : ndarray of float64
        The same with Tarone's correction.
    strata : ndarray of int64
        Number of strata with both groups and both kinds of answer.

    Examples
    --------
    In each of two units the first group does ten points better, but worse in the two together.
    The third unit has no second group and is not used.

    >>> import omistats as oms
    >>> found = oms.stats.stratified([18, 90, 5], [20, 180, 5], [144, 8, 0], [180, 20, 0])
    >>> print(f"{found.difference:.2f}, {found.difference_low:.2f} to {found.difference_high:.2f}")
    0.10, -0.03 to 0.23
    >>> found.strata.item(), round(found.breslow_day_p_value.item(), 2)
    (2, 0.65)
    """

    statistic: Floats
    df: Floats
    p_value: Floats
    stars: npt.NDArray[np.str_]
    method: npt.NDArray[np.str_]
    odds_ratio: Floats
    odds_ratio_low: Floats
    odds_ratio_high: Floats
    difference: Floats
    difference_low: Floats
    difference_high: Floats
    breslow_day: Floats
    breslow_day_p_value: Floats
    tarone: Floats
    tarone_p_value: Floats
    strata: npt.NDArray[np.int64]


def stratified(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    correction: bool = False,
    confidence: float = 0.95,
) -> Stratified:
    """Compare two proportions within strata, such as units.

    Cases are compared only with cases of the same stratum, so that differences between strata
    are not mistaken for differences between groups, and do not hide them.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int, shape (..., strata)
        Successes and trials of two separate groups in each stratum, broadcast together. NaN
        anywhere makes the whole comparison NaN.
    correction : bool
        Whether to apply the continuity correction of the Cochran-Mantel-Haenszel test. Without
        it, a single stratum of T cases has ``(T - 1) / T`` times Pearson's chi-square.
    confidence : float
        Confidence of the intervals, between 0 and 1.

    Returns
    -------
    Stratified
        Of the leading shape; 0-d for a single set of strata.

    Raises
    ------
    UsageError
        When counts are impossible or have no axis of strata, or the confidence is out of range.

    Notes
    -----
    The test is for one question at a time, where each case counts once. Pooled scores count a
    case once for every answer; `omistats.scores` compares them.

    References
    ----------
    Cochran, W. G. (1954). Some methods for strengthening the common chi-squared tests.
    Biometrics 10(4), 417-451. doi:10.2307/3001616

    Mantel, N. and Haenszel, W. (1959). Statistical aspects of the analysis of data from
    retrospective studies of disease. JNCI 22(4), 719-748. doi:10.1093/jnci/22.4.719

    Examples
    --------
    Admissions to the six largest departments of Berkeley, 1973, men and women:

    >>> men, of_men = [512, 353, 120, 138, 53, 22], [825, 560, 325, 417, 191, 373]
    >>> women, of_women = [89, 17, 202, 131, 94, 24], [108, 25, 593, 375, 393, 341]
    >>> import omistats as oms
    >>> found = oms.stats.stratified(men, of_men, women, of_women)
    >>> print(f"{found.statistic:.4f}, odds ratio {found.odds_ratio:.4f}, {found.stars}")
    1.5246, odds ratio 0.9047, --
    """
    check_confidence(confidence)
    a, na, b, nb = as_two_groups(k1, n1, k2, n2)
    if a.ndim == 0:
        raise UsageError(
            "counts must have one entry for each stratum, on the last axis; found single numbers"
        )
    statistic, df, p_value = cmh(a, na, b, nb, correction)
    known = ~np.isnan(a + na + b + nb).any(axis=-1)
    comparable = ((na > 0) & (nb > 0)).any(axis=-1) & known
    heterogeneity = breslow_day(a, na, b, nb)
    corrected = breslow_day(a, na, b, nb, tarone=True)
    return Stratified(
        statistic,
        df,
        p_value,
        star_labels(p_value, comparable),
        np.full(statistic.shape, "cmh-cc" if correction else "cmh"),
        *mantel_haenszel_odds_ratio(a, na, b, nb, confidence),
        *mantel_haenszel_difference(a, na, b, nb, confidence),
        heterogeneity[0],
        heterogeneity[2],
        corrected[0],
        corrected[2],
        np.asarray(informative(a, na, b, nb).sum(axis=-1), np.int64),
    )


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
) -> TestResult:
    """Test for a difference of two groups within strata (Cochran, Mantel and Haenszel).

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of float, shape (..., strata)
        Successes and trials of the two groups in each stratum, broadcast together.
    correction : bool
        Whether to subtract 1/2 from the absolute sum of deviations where that is 1/2 or more,
        as R does.

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
    k1, n1, k2, n2 = as_floats(k1, n1, k2, n2)
    total, s = n1 + n2, k1 + k2
    deviation = _divide(k1 * n2 - k2 * n1, total).sum(axis=-1)
    # Divided before multiplied, because products of four counts soon exceed 2**53.
    variance = (_divide(n1 * n2, total) * _divide(s * (total - s), total * (total - 1))).sum(
        axis=-1
    )
    size = np.abs(deviation)
    if correction:
        size = np.where(size >= 0.5, size - 0.5, size)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = np.where(variance > 0, size * size / variance, np.nan)
    df = np.where(np.isnan(statistic), np.nan, 1.0)
    return statistic, df, chi_square_sf(statistic, 1.0)


def cmh_groups(k: npt.ArrayLike, n: npt.ArrayLike) -> TestResult:
    """Test for any difference of several groups within strata (generalised CMH).

    Parameters
    ----------
    k, n : array_like of float, shape (..., groups, strata)
        Successes and trials, broadcast together.

    Returns
    -------
    statistic, df, p_value : ndarray of float64
        Of the leading shape. A group that no informative stratum compares with another is
        dropped and reduces the degrees of freedom. Groups that no strata link are compared only
        within the sets that are linked. NaN where nothing is compared.

    Notes
    -----
    The statistic is ``d' V^- d``, with d the sums over strata of ``k_g - n_g s / T``, and V the
    sums of the multivariate hypergeometric covariances
    ``s (T - s) / (T - 1) (n_g / T) (1{g = h} - n_h / T)``. For two groups it equals `cmh`.

    References
    ----------
    Landis, J. R., Heyman, E. R. and Koch, G. G. (1978). Average partial association in three-way
    contingency tables. International Statistical Review 46(3), 237-254. doi:10.2307/1402373
    """
    k, n = as_floats(k, n)
    total, s = n.sum(axis=-2, keepdims=True), k.sum(axis=-2, keepdims=True)
    deviation = _divide(k * total - n * s, total).sum(axis=-1)
    share = _divide(n, np.broadcast_to(total, n.shape))
    spread = _divide(s * (total - s), total - 1)
    unknown = np.isnan(deviation).any(axis=-1)
    covariance = -np.einsum("...gs,...hs->...gh", share * spread, share)
    diagonal = np.arange(n.shape[-2])
    # Not 1 - share, so that the share of the other groups is exactly 0 where there are none.
    others = _divide(total - n, np.broadcast_to(total, n.shape))
    covariance[..., diagonal, diagonal] = (share * others * spread).sum(axis=-1)
    covariance[unknown] = 0.0
    variance = np.einsum("...gg->...g", covariance)
    root = np.sqrt(np.where(variance > 0, variance, 1.0))
    values, vectors = np.linalg.eigh(
        covariance / (root[..., np.newaxis] * root[..., np.newaxis, :])
    )
    rotated: Any = np.einsum("...gi,...g->...i", vectors, np.nan_to_num(deviation) / root)
    kept = values > _SINGULAR
    statistic = (rotated**2 / np.where(kept, values, 1.0)).sum(axis=-1, where=kept)
    df = kept.sum(axis=-1).astype(np.float64)
    undefined = unknown | (df == 0)
    statistic, df = np.where(undefined, np.nan, statistic), np.where(undefined, np.nan, df)
    return statistic, df, chi_square_sf(statistic, df)


def mantel_haenszel_odds_ratio(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    confidence: float,
) -> Estimate:
    """Estimate the common odds ratio of all strata, group 1 over group 2.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of float, shape (..., strata)
        Successes and trials of the two groups in each stratum, broadcast together.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        Of the leading shape. With R and S as below, the estimate is 0 where R is 0, infinite
        where S is 0, and then has limits that are NaN; it is NaN where both are 0.

    Notes
    -----
    With a, b and c, d the successes and failures of the groups, the estimate is ``R / S`` with
    ``R = sum a d / T`` and ``S = sum b c / T``. The variance of its logarithm, with
    ``P = (a + d) / T`` and ``Q = (b + c) / T``, is ``sum P a d / T / (2 R^2) +
    sum (P b c + Q a d) / T / (2 R S) + sum Q b c / T / (2 S^2)``. It is valid for few large strata
    and for many sparse ones.

    References
    ----------
    Robins, J., Breslow, N. and Greenland, S. (1986). Estimators of the Mantel-Haenszel variance
    consistent in both sparse data and large-strata limiting models. Biometrics 42(2), 311-323.
    doi:10.2307/2531052
    """
    k1, n1, k2, n2 = as_floats(k1, n1, k2, n2)
    b, d = n1 - k1, n2 - k2
    total = n1 + n2
    r, s = _divide(k1 * d, total), _divide(b * k2, total)
    p, q = _divide(k1 + d, total), _divide(b + k2, total)
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
) -> Estimate:
    """Estimate the common difference of proportions of all strata, group 1 less group 2.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of float, shape (..., strata)
        Successes and trials of the two groups in each stratum, broadcast together.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        Of the leading shape, with limits within -1 and 1; NaN where no stratum has both groups.
        Limits are NaN also where the variance is 0, such as where all answers of each group are
        the same: the precision of the estimate is then unknown.

    Notes
    -----
    The estimate is the mean of the differences with weights ``n1 n2 / T``. Sato's variance is
    valid for few large strata and for many sparse ones.

    References
    ----------
    Sato, T., Greenland, S. and Robins, J. M. (1989). On the variance estimator for the
    Mantel-Haenszel risk difference. Biometrics 45(4), 1323-1324. doi:10.2307/2531784
    """
    k1, n1, k2, n2 = as_floats(k1, n1, k2, n2)
    total = n1 + n2
    f1, f2 = _divide(n1, total), _divide(n2, total)
    # Computed in the same order as the deviations, so that a difference of 1 is exactly 1.
    weight = _divide(n1 * n2, total).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = _divide(k1 * n2 - k2 * n1, total).sum(axis=-1)
        estimate = np.where(weight > 0, deviation / weight, np.nan)
        first = f1 * f1 * k2 - f2 * f2 * k1 + f1 * f2 * (n2 - n1) / 2
        second = (f2 * k1 + f1 * k2 - _divide(2 * k1 * k2, total)) / 2
        # `second` equals (k1 (n2 - k2) + k2 (n1 - k1)) / (2 T).
        first, second = estimate * first.sum(axis=-1), second.sum(axis=-1)
        # Where the variance is 0, the two terms cancel except for rounding.
        positive = first + second > _ROUNDING * (np.abs(first) + second)
        variance = np.where(positive, first + second, np.nan) / weight**2
        half = normal_quantile(confidence) * np.sqrt(variance)
    low, high = np.maximum(estimate - half, -1.0), np.minimum(estimate + half, 1.0)
    return np.asarray(estimate), np.asarray(low), np.asarray(high)


def breslow_day(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    tarone: bool = False,
) -> TestResult:
    """Test whether the odds ratios of strata differ (Breslow and Day).

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of float, shape (..., strata)
        Successes and trials of the two groups in each stratum, broadcast together.
    tarone : bool
        Whether to correct for the estimation of the common odds ratio, by subtracting the
        squared sum of deviations over the sum of variances.

    Returns
    -------
    statistic, df, p_value : ndarray of float64
        Of the leading shape. Degrees of freedom are the strata flagged by
        `omistats.kernel.stratified.informative`, less one. NaN with fewer than two such strata,
        or where the common odds ratio is 0, infinite or undefined.

    Notes
    -----
    The statistic is the sum over strata of ``(k1 - A)^2 / V``. A is the expected first cell,
    given the margins of the stratum and the Mantel-Haenszel odds ratio, and 1 / V is the sum of
    the reciprocals of the four expected cells. The test is not valid for sparse strata. Tarone's
    correction makes it efficient, and is rarely large.

    References
    ----------
    Breslow, N. E. and Day, N. E. (1980). Statistical Methods in Cancer Research I. IARC, 142.
    Tarone, R. E. (1985). On heterogeneity tests based on efficient scores. Biometrika 72(1),
    91-95. doi:10.1093/biomet/72.1.91
    """
    k1, n1, k2, n2 = as_floats(k1, n1, k2, n2)
    used = informative(k1, n1, k2, n2)
    common = mantel_haenszel_odds_ratio(k1, n1, k2, n2, 0.95)[0]
    common = np.where((common > 0) & (common < np.inf), common, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        first, others = expected_cells(common[..., np.newaxis], n1, n2, k1 + k2)
        deviation = np.where(used, k1 - first, 0.0)
        variance = np.where(used, 1.0 / (1.0 / first + sum(1.0 / cell for cell in others)), 0.0)
        terms = np.where(used, deviation * deviation / variance, 0.0)
        statistic = terms.sum(axis=-1)
        if tarone:
            statistic = statistic - deviation.sum(axis=-1) ** 2 / variance.sum(axis=-1)
    df = np.asarray(used.sum(axis=-1) - 1.0)
    undefined = np.isnan(common) | (df < 1) | np.isnan(k1 + n1 + k2 + n2).any(axis=-1)
    # After the correction, rounding may leave the statistic just below 0.
    statistic = np.where(undefined, np.nan, np.maximum(statistic, 0.0))
    df = np.where(undefined, np.nan, df)
    return statistic, df, chi_square_sf(statistic, df)


def expected_cells(
    odds_ratio: Floats, n1: Floats, n2: Floats, successes: Floats
) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """Compute the cells of 2 x 2 tables with given margins and odds ratio.

    Parameters
    ----------
    odds_ratio, n1, n2, successes : ndarray of float64
        Odds ratio and margins, broadcast together. The odds ratio is above 0 and finite, or
        NaN.

    Returns
    -------
    first : ndarray of float64
        Successes of group 1.
    others : tuple of three ndarray
        Failures of group 1, successes and failures of group 2.

    Notes
    -----
    With margins n1, n2, s and odds ratio w, successes A of group 1 solve
    ``(1 - w) A^2 + (n2 - s + w (n1 + s)) A - w n1 s = 0``. Each cell has its own equation,
    because subtraction would leave few digits of a small cell.
    """
    n1, n2, s, w = np.broadcast_arrays(n1, n2, successes, odds_ratio)
    with np.errstate(invalid="ignore", divide="ignore"):
        first = _expected_cell(w, n1, n2, s)
        failures1 = _expected_cell(1.0 / w, n1, n2, n1 + n2 - s)
        successes2 = _expected_cell(1.0 / w, n2, n1, s)
        failures2 = _expected_cell(w, n2, n1, n1 + n2 - s)
    return first, (failures1, successes2, failures2)


def _expected_cell(w: Floats, n1: Floats, n2: Floats, s: Floats) -> Floats:
    """Solve the equation of `expected_cells` for one cell."""
    b = n2 - s + w * (n1 + s)
    # The discriminant is written as a sum of terms that are never negative.
    root = np.sqrt((n2 - s + w * (n1 - s)) ** 2 + 4 * w * s * (n1 + n2 - s))
    # Two forms of one root; each is used where it adds terms of the same sign.
    return np.where(b >= 0, 2 * w * n1 * s / (b + root), (root - b) / (2 * (1 - w)))


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; 0 where the denominator is not positive. NaN stays NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator <= 0, 0.0, numerator / denominator)
