"""Cochran-Armitage test for a trend over ordered groups."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.checks import Floats, as_floats, as_group_counts, as_numbers
from omistats.kernel.chi_square import chi_square_sf, comparable_groups, star_labels

__all__ = ["Trend", "cochran_armitage", "mean_score_test", "trend"]


@attrs.frozen(eq=False)
class Trend:
    """Result of a test for trend, element by element.

    Attributes
    ----------
    slope : ndarray of float64
        Change in the proportion per point of score: 0.01 is one percentage point, and negative
        numbers are a fall.
    statistic, df, p_value : ndarray of float64
        Chi-square on one degree of freedom; NaN where the test is undefined.
    stars : ndarray of str
        As in `Comparison`.
    method : ndarray of str
        The test used.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.trend([[3, 5, 9], [4, 4, 0]], [[10, 10, 10], [4, 4, 0]])
    >>> found.slope.round(2).tolist(), found.p_value.round(3).tolist()
    ([0.3, 0.0], [0.007, nan])
    >>> found.stars.tolist()
    ['**', '--']
    """

    slope: Floats
    statistic: Floats
    df: Floats
    p_value: Floats
    stars: npt.NDArray[np.str_]
    method: npt.NDArray[np.str_]


def trend(
    k: npt.ArrayLike, n: npt.ArrayLike, scores: npt.ArrayLike | None = None, axis: int = -1
) -> Trend:
    """Test for a trend of proportions over ordered groups, by Cochran and Armitage.

    Parameters
    ----------
    k, n : array_like of int
        Successes and trials; the groups lie along ``axis``, in their order. NaN anywhere
        gives NaN.
    scores : array_like of float, optional
        One number for each group; 1, 2, 3 and so on by default.
    axis : int
        The axis of the groups.

    Returns
    -------
    Trend
        Without ``axis``. Groups without trials are dropped.

    Raises
    ------
    UsageError
        When counts are impossible, there is no such axis, or scores are not one finite number
        for each group, or are all equal.

    Notes
    -----
    For a trend it is more sensitive than the test of any difference by `compare_groups`. It
    does not detect a rise followed by an equal fall.

    References
    ----------
    Armitage, P. (1955). Tests for linear trends in proportions and frequencies. Biometrics
    11, 375-386. doi:10.2307/3001775

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.trend([83, 90, 129, 70], [86, 93, 136, 82])
    >>> print(f"{found.slope:.4f} a group, p = {found.p_value:.4f} {found.stars}")
    -0.0334 a group, p = 0.0041 **
    """
    kk, nn = as_group_counts(k, n, axis)
    slope, statistic = cochran_armitage(kk, nn, _check_scores(scores, kk.shape[-1]))
    p_value = chi_square_sf(statistic, 1.0)
    return Trend(
        np.asarray(slope),
        np.asarray(statistic),
        np.where(np.isnan(statistic), np.nan, 1.0),
        np.asarray(p_value),
        star_labels(p_value, comparable_groups(kk, nn)),
        np.full(np.shape(p_value), "cochran-armitage"),
    )


def mean_score_test(counts: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Test whether groups differ in the mean of ordered answers, scored 1, 2, 3 and so on.

    For two groups it is the test of Cochran and Armitage with the answers in the place of doses.

    Parameters
    ----------
    counts : array_like of float, shape (..., groups, answers)
        How often each group gave each answer.

    Returns
    -------
    statistic, df, p_value : ndarray of float64, shape (...)
        The number of answers times the share of the squared deviations that lies between groups;
        NaN where fewer than two groups answered, or all answers are the same.

    References
    ----------
    Armitage, P. (1955). Tests for linear trends in proportions and frequencies. Biometrics 11,
    375-386. Landis, J. R., Heyman, E. R. and Koch, G. G. (1978). Average partial association in
    three-way contingency tables. International Statistical Review 46, 237-254.
    """
    x = np.asarray(counts, np.float64)
    score = np.arange(1.0, x.shape[-1] + 1)
    n = x.sum(axis=-1)
    total = n.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = (x @ score) / n
        mean = (n * np.where(n > 0, means, 0.0)).sum(axis=-1) / total
        deviation = score - mean[..., np.newaxis]
        all_squares = (x.sum(axis=-2) * deviation**2).sum(axis=-1)
        between = np.where(n > 0, n * (means - mean[..., np.newaxis]) ** 2, 0.0).sum(axis=-1)
        statistic = total * between / all_squares
    df = np.maximum((n > 0).sum(axis=-1) - 1, 0).astype(np.float64)
    tested = (df > 0) & (np.count_nonzero(x.sum(axis=-2), axis=-1) > 1)
    p_value = chi_square_sf(np.where(tested, statistic, 0.0), np.where(tested, df, 1.0))
    return (
        np.where(tested, statistic, np.nan),
        np.where(tested, df, np.nan),
        np.where(tested, p_value, np.nan),
    )


def _check_scores(scores: npt.ArrayLike | None, groups: int) -> Floats:
    if scores is None:
        return np.arange(1.0, groups + 1)
    given = as_numbers(scores, "scores")
    if given.shape != (groups,) or not np.isfinite(given).all():
        raise UsageError(
            f"`scores` must be one finite number for each of {groups} groups; found {scores!r}"
        )
    if groups > 1 and (given == given[0]).all():
        raise UsageError(f"`scores` must not all be equal; found {scores!r}")
    return given


# Rounding error of scores between 0.5 and 1 in size.
_ROUNDING = 4 * float(np.finfo(np.float64).eps)


def cochran_armitage(
    k: npt.ArrayLike, n: npt.ArrayLike, scores: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Compute the slope of proportions over scored groups, and the chi-square of no slope.

    Parameters
    ----------
    k, n : array_like
        Successes and trials; the groups lie along the last axis.
    scores : array_like of float
        The score of each group, broadcast with the counts.

    Returns
    -------
    slope, statistic : ndarray of float64
        Without the last axis: the change in the proportion per point of score, and the
        statistic on one degree of freedom. Groups without trials are dropped. NaN where the
        scores left are equal up to rounding; the statistic also where all answers are the
        same.

    Notes
    -----
    The line is fitted by least squares with the trials as weights. The statistic is the squared
    slope over its variance if all groups are equal: ``p (1 - p)`` over the weighted sum of
    squares of the centred scores.

    References
    ----------
    Cochran, W. G. (1954). Some methods for strengthening the common chi-square tests.
    Biometrics 10, 417-451. doi:10.2307/3001616
    Armitage, P. (1955). Tests for linear trends in proportions and frequencies. Biometrics
    11, 375-386. doi:10.2307/3001775
    """
    k, n, x = as_floats(k, n, scores)
    s, total = k.sum(axis=-1), n.sum(axis=-1)
    # The statistic does not depend on unit and origin, so scores are scaled to 0-1 where nothing
    # overflows. Dividing by powers of 2 does not round.
    used = n > 0
    size = np.where(used, np.abs(x), 0.0).max(axis=-1, keepdims=True, initial=0.0)
    power = np.frexp(size)[1]
    x = np.ldexp(np.where(used, x, 0.0), -power)
    low = np.where(used, x, np.inf).min(axis=-1, keepdims=True, initial=np.inf)
    high = np.where(used, x, -np.inf).max(axis=-1, keepdims=True, initial=-np.inf)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        width = np.where(high - low > _ROUNDING, high - low, np.nan)
        x = np.where(used, (x - low) / width, 0.0)
        centred = x - ((n * x).sum(axis=-1) / total)[..., np.newaxis]
        spread = (n * centred * centred).sum(axis=-1)
        # n (p_g - p), with whole numbers subtracted before the division.
        beyond = (k * total[..., np.newaxis] - n * s[..., np.newaxis]) / total[..., np.newaxis]
        slope = (beyond * centred).sum(axis=-1) / spread
        variance = np.where((s > 0) & (s < total), s * (total - s) / total**2, np.nan)
        statistic = slope * slope * spread / variance
        slope = np.ldexp(slope / width[..., 0], -power[..., 0])
    return slope, statistic
