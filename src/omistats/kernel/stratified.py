"""CMH, Mantel-Haenszel, Breslow-Day, stratified().

Strata lie on the last axis. A stratum without cases of both groups, or where every answer is the
same, says nothing of a difference within strata: it adds 0 to both sides of the tests.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.checks import check_confidence, checked
from omistats.kernel.chi_square import STARS, chi_square_sf, star_codes
from omistats.kernel.intervals import normal_quantile

__all__ = [
    "Stratified",
    "breslow_day",
    "cmh",
    "cmh_groups",
    "expected",
    "informative",
    "mantel_haenszel_difference",
    "mantel_haenszel_odds_ratio",
    "stratified",
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


@attrs.frozen(eq=False)
class Stratified:
    """A comparison within strata, element by element.

    Attributes
    ----------
    statistic, df, p_value : ndarray of float64
        The Cochran-Mantel-Haenszel test; NaN where no stratum has both groups and both kinds
        of answer.
    stars : ndarray of str
        ``'***'``, ``'**'``, ``'*'`` or ``'--'``; empty where no stratum has both groups.
    method : ndarray of str
        ``'cmh'``, or ``'cmh-cc'`` with continuity correction.
    odds_ratio, odds_ratio_low, odds_ratio_high : ndarray of float64
        The Mantel-Haenszel odds ratio, group 1 over group 2, with the interval of Robins,
        Breslow and Greenland; no interval where it is 0 or infinite.
    difference, difference_low, difference_high : ndarray of float64
        The Mantel-Haenszel difference of proportions, group 1 less group 2, with the interval
        by Sato's variance, cut off at -1 and 1; no interval where that variance comes to 0.
    breslow_day, breslow_day_p_value : ndarray of float64
        The test that strata have one odds ratio, on ``strata - 1`` degrees of freedom.
    tarone, tarone_p_value : ndarray of float64
        The same with Tarone's correction.
    strata : ndarray of int64
        How many strata tell the groups apart: they have both, and both kinds of answer.

    Examples
    --------
    In each of two units the first group does ten points better, and in the two together worse;
    the third unit has no second group, and counts for nothing.

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
    """Compare two proportions within strata, as units are.

    Cases are compared with cases of their own stratum only, so that a difference between strata
    is not taken for one between groups, nor hides one.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int, shape (..., strata)
        Successes and trials of two separate groups in each stratum; broadcast together. NaN
        anywhere makes the whole comparison NaN.
    correction : bool
        Continuity correction of the Cochran-Mantel-Haenszel test. Without it a single stratum
        of T cases has ``(T - 1) / T`` times Pearson's chi-square.
    confidence : float
        Of the intervals, between 0 and 1.

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
    It is for one question at a time, where each case counts once. A pooled score counts a case
    once an answer, and is compared by `omistats.scores`.

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
    a, na = checked(k1, n1)
    b, nb = checked(k2, n2)
    try:
        a, na, b, nb = np.broadcast_arrays(a, na, b, nb)
    except ValueError as error:
        raise UsageError(f"the two groups: expected shapes that broadcast; {error}") from error
    if a.ndim == 0:
        raise UsageError("counts have one entry a stratum, on the last axis; found single numbers")
    statistic, df, p_value = cmh(a, na, b, nb, correction)
    known = ~np.isnan(a + na + b + nb).any(axis=-1)
    comparable = ((na > 0) & (nb > 0)).any(axis=-1) & known
    heterogeneity = breslow_day(a, na, b, nb)
    corrected = breslow_day(a, na, b, nb, tarone=True)
    return Stratified(
        statistic,
        df,
        p_value,
        np.asarray(np.array([*STARS, ""])[star_codes(p_value, comparable)]),
        np.full(statistic.shape, "cmh-cc" if correction else "cmh"),
        *mantel_haenszel_odds_ratio(a, na, b, nb, confidence),
        *mantel_haenszel_difference(a, na, b, nb, confidence),
        heterogeneity[0],
        heterogeneity[2],
        corrected[0],
        corrected[2],
        np.asarray(informative(a, na, b, nb).sum(axis=-1), np.int64),
    )
