"""Chi-square tests of two and several groups, and the stars of their p-values."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.checks import Floats, as_floats

__all__ = [
    "LEVELS",
    "STARS",
    "Comparison",
    "TableTest",
    "chi_square_sf",
    "comparable_groups",
    "deviance",
    "g_groups",
    "g_two",
    "n_minus_one",
    "pearson_groups",
    "pearson_table",
    "pearson_two",
    "star_codes",
    "star_labels",
    "yates",
    "z_unpooled",
]


STARS = ("--", "*", "**", "***")
"""Printed marks by code: not significant, then p below 0.05, 0.01 and 0.001."""

LEVELS = (0.05, 0.01, 0.001)
"""Levels below which a p-value earns ``*``, ``**`` and ``***``."""


@attrs.frozen(eq=False)
class Comparison:
    """Result of a test, element by element.

    Attributes
    ----------
    statistic, df, p_value : ndarray of float64
        P-values are 0-1, two-sided. NaN where the test is undefined: a group has no trials,
        a count is NaN, or every answer is the same. Exact tests have only a p-value.
    stars : ndarray of str
        ``'***'``, ``'**'`` or ``'*'`` for a p-value below 0.001, 0.01 or 0.05, else ``'--'``;
        ``'--'`` also where every answer is the same; empty where there was no second group.
    method : ndarray of str
        The test used.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.compare([14, 5, 5], [20, 5, 5], [9, 3, 0], [30, 3, 0])
    >>> found.statistic.round(2).tolist(), found.p_value.round(4).tolist()
    ([7.73, nan, nan], [0.0054, nan, nan])
    >>> found.stars.tolist()
    ['**', '--', '']
    """

    statistic: Floats
    df: Floats
    p_value: Floats
    stars: npt.NDArray[np.str_]
    method: npt.NDArray[np.str_]


def chi_square_sf(x: npt.ArrayLike, df: npt.ArrayLike) -> Floats:
    """Compute the upper tail probability of the chi-square distribution.

    Parameters
    ----------
    x : array_like of float
        Statistics; NaN stays NaN.
    df : array_like of float
        Degrees of freedom.

    Returns
    -------
    ndarray of float64

    Notes
    -----
    One degree of freedom is ``erfc(sqrt(x / 2))``; more use the upper incomplete
    gamma function, ``Q(df / 2, x / 2)``. Small probabilities keep their relative accuracy.
    """
    # scipy.special takes longer to import than NumPy and pyarrow together.
    import scipy

    x, df = np.asarray(x, np.float64), np.asarray(df, np.float64)
    if df.ndim == 0 and df == 1:
        half = np.asarray(x / 2.0)
        with np.errstate(invalid="ignore"):
            np.sqrt(half, out=half)
            return np.asarray(scipy.special.erfc(half, out=half))
    x, df = np.broadcast_arrays(x, df)
    half = x / 2.0
    with np.errstate(invalid="ignore"):
        out: Floats = np.asarray(scipy.special.erfc(np.sqrt(half)))
        others = df != 1
        if others.any():
            out = np.array(out)
            # Without degrees of freedom there is no test: NaN.
            positive = np.where(df[others] > 0, df[others], np.nan)
            out[others] = scipy.special.gammaincc(positive / 2.0, half[others])
    return out


def pearson_two(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> Floats:
    """Compute Pearson's chi-square of 2 x 2 tables, without continuity correction.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int or float
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of float64
        The statistic, with one degree of freedom; NaN where a margin is zero.

    Notes
    -----
    ``N (k1 (n2 - k2) - k2 (n1 - k1))^2 / (n1 n2 s (N - s))`` with ``s = k1 + k2``.
    Counts are converted to float64: their fourth powers overflow 64-bit integers.
    """
    k1, n1, k2, n2 = as_floats(k1, n1, k2, n2)
    # In place, because new arrays cost more than the arithmetic for tens of thousands of rows.
    total = np.asarray(n1 + n2)
    s = np.asarray(k1 + k2)
    margins = np.asarray(total - s)
    margins *= s
    margins *= n1 * n2
    cross = np.asarray(n2 - k2)
    cross *= k1
    cross -= np.multiply(k2, n1 - k1, out=s)
    out: Floats = total
    out *= cross
    out *= cross
    with np.errstate(divide="ignore", invalid="ignore"):
        out /= margins
    np.copyto(out, np.nan, where=~(margins > 0))
    return out


def pearson_groups(k: npt.ArrayLike, n: npt.ArrayLike, axis: int = -1) -> tuple[Floats, Floats]:
    """Compute Pearson's chi-square of r x 2 tables and its degrees of freedom.

    Parameters
    ----------
    k, n : array_like
        Successes and trials of the groups, which lie along ``axis``.
    axis : int
        The axis of the groups.

    Returns
    -------
    statistic, df : ndarray of float64
        Without ``axis``. Groups without trials are dropped and reduce the degrees of
        freedom. The statistic is NaN where fewer than two groups or only one outcome is
        left (``df`` is then the number of groups left less one, at least 0).
    """
    k, n = as_floats(k, n)
    trials = n.sum(axis=axis, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k.sum(axis=axis, keepdims=True) / trials
        # (k - n p)^2 / (n p (1 - p)) is the sum over both cells of a group.
        terms = np.where(n > 0, (k - n * p) ** 2 / n, 0.0)
        statistic = terms.sum(axis=axis) / np.squeeze(p * (1 - p), axis=axis)
    groups: Any = (n > 0).sum(axis=axis)
    df = np.maximum(groups - 1, 0).astype(np.float64)
    spread = np.squeeze((p > 0) & (p < 1), axis=axis)
    return np.where((df > 0) & spread, statistic, np.nan), df


def pearson_table(counts: npt.ArrayLike) -> TableTest:
    """Test whether groups give several answers equally often: Pearson's test of r x c tables.

    Where a cell expects fewer than 5, the statistic is referred to the mean and variance that it
    has over all tables with the same margins. Where a cell expects fewer than 1, the p-value is the
    larger of that and of chi-square with half an answer taken from the deviation of such cells.

    Parameters
    ----------
    counts : array_like of float, shape (..., groups, answers)
        How often each group gave each answer. Groups and answers that never occur are left out.

    Returns
    -------
    TableTest
        Arrays of the shape of ``counts`` without its last two axes. The test is NaN where fewer
        than two groups or answers occur, ``expected`` where none does.

    References
    ----------
    Haldane, J. B. S. (1940). The mean and variance of chi-squared, when used as a test of
    homogeneity, when expectations are small. Biometrika 31, 346-355. Dawson, R. B. (1954). A
    simplified expression for the variance of the chi-squared function on a contingency table.
    Biometrika 41, 280.
    """
    x = np.asarray(counts, np.float64)
    rows, columns = x.sum(axis=-1), x.sum(axis=-2)
    N = rows.sum(axis=-1)
    r, c = (rows > 0).sum(axis=-1), (columns > 0).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = rows[..., :, np.newaxis] * columns[..., np.newaxis, :] / N[..., None, None]
        used = expected > 0
        terms = np.where(used, (x - expected) ** 2 / np.where(used, expected, 1.0), 0.0)
        statistic = terms.sum(axis=(-2, -1))
        least = np.where(used, expected, np.inf).min(axis=(-2, -1), initial=np.inf)
        df = np.maximum((r - 1) * (c - 1), 0).astype(np.float64)
        mean = N * (r - 1) * (c - 1) / (N - 1)
        sides = [
            (count, np.where(sums > 0, 1 / np.where(sums > 0, sums, 1.0), 0.0).sum(axis=-1))
            for count, sums in ((r, rows), (c, columns))
        ]
        (v1, w1), (v2, w2) = (
            ((count - 1) * (N - count) / (N - 1), (N * inverse - count * count) / (N - 2))
            for count, inverse in sides
        )
        variance = 2 * N / (N - 3) * (v1 - w1) * (v2 - w2) + N * N / (N - 1) * w1 * w2
        few = least < FEW_EXPECTED
        alike = few & ((N <= 3.5) | ~(variance > 0))  # too few for any table to be unlike another
        scaled = few & ~alike
        plain_df, df = df, np.where(scaled, 2 * mean * mean / variance, df)
        ratio = np.where(scaled, statistic * df / mean, statistic)
        apart = np.maximum(np.abs(x - expected) - np.where(expected < 1, 0.5, 0.0), 0.0)
        plain = np.where(used, apart**2 / np.where(used, expected, 1.0), 0.0).sum(axis=(-2, -1))
    tested = (r > 1) & (c > 1)
    safe = np.where(tested & (df > 0), df, 1.0)
    p_value = np.asarray(chi_square_sf(np.where(tested, ratio, 0.0), safe))
    safe = np.where(tested & (plain_df > 0), plain_df, 1.0)
    by_chi_square = np.asarray(chi_square_sf(np.where(tested, plain, 0.0), safe))
    larger = few & (used & (expected < 1)).any(axis=(-2, -1)) & (by_chi_square > p_value)
    p_value = np.where(alike, 1.0, np.where(larger, by_chi_square, p_value))
    df = np.where(larger, plain_df, df)
    return TableTest(
        np.where(tested, statistic, np.nan),
        np.where(tested, df, np.nan),
        np.where(tested, p_value, np.nan),
        np.where(np.isfinite(least), least, np.nan),
        np.asarray(few & tested),
    )


@attrs.frozen(eq=False)
class TableTest:
    """Test of r x c tables.

    Attributes
    ----------
    statistic, df, p_value : ndarray of float64
        Pearson's chi-square, and its degrees of freedom or those that its moments give; NaN
        where fewer than two groups or answers occur.
    expected : ndarray of float64
        The smallest expected count.
    few_expected : ndarray of bool
        Whether a cell expects fewer than 5, so that chi-square alone does not give the p-value.
    """

    statistic: Floats
    df: Floats
    p_value: Floats
    expected: Floats
    few_expected: npt.NDArray[np.bool_]


FEW_EXPECTED = 5.0
"""Fewer expected answers in a cell make chi-square a poor guide (Cochran's rule)."""


def star_codes(p_value: npt.ArrayLike, comparable: npt.ArrayLike = True) -> npt.NDArray[np.int8]:
    """Convert p-values to codes of `STARS`.

    Parameters
    ----------
    p_value : array_like of float
        NaN where the test is undefined.
    comparable : array_like of bool
        Whether there were two groups to compare. If so, a p-value of NaN means that every
        answer was the same: the code is 0.

    Returns
    -------
    ndarray of int8
        0-3, or -1 where nothing could be tested.
    """
    p = np.asarray(p_value, np.float64)
    codes = np.zeros(np.broadcast(p, comparable).shape, np.int8)
    for level in LEVELS:
        codes += np.asarray(p < level).view(np.int8)
    np.copyto(codes, -1, where=np.logical_not(comparable))
    return codes


def star_labels(p_value: npt.ArrayLike, comparable: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """Convert p-values to stars; empty where nothing could be tested, as by `star_codes`."""
    return np.asarray(np.array([*STARS, ""])[star_codes(p_value, comparable)])


def comparable_groups(k: Floats, n: Floats) -> npt.NDArray[np.bool_]:
    """Flag tables with at least two groups that have trials, and no count that is NaN."""
    return np.asarray(((n > 0).sum(axis=-1) > 1) & ~np.isnan(k + n).any(axis=-1))


def deviance(expected: npt.ArrayLike, beyond: npt.ArrayLike) -> Floats:
    """Compute half the contribution of a cell to G: ``o log(o / e) - (o - e)``, at least 0.

    Parameters
    ----------
    expected : array_like of float
        Expected counts ``e``.
    beyond : array_like of float
        Observed less expected counts, ``o - e``. Passed separately, because subtracting here
        would lose digits.

    Returns
    -------
    ndarray of float64
        NaN where either argument is NaN.

    Notes
    -----
    The ``o - e`` of a table add up to 0, so twice the sum over its cells is G. No large terms
    cancel in this form, so G keeps its digits in large tables and near 0. With
    ``v = (o - e) / (o + e)`` and ``log(o / e) = 2 artanh(v)`` the contribution is

        ``(o - e) v + 2 o (v^3 / 3 + v^5 / 5 + ...)``

    The series is used where ``v`` is small; elsewhere the logarithm itself is accurate.
    """
    e, d = as_floats(expected, beyond)
    # The count of an empty cell may round to just below 0.
    o = np.maximum(e + d, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        v = d / (o + e)
        vv = v * v
        series = np.zeros(e.shape)
        for power in range(17, 1, -2):
            series = vv * (1 / power + series)
        near = d * v + 2 * o * v * series
        empty = o <= 1e-12 * e
        far = np.where(empty, e, o * np.log(np.where(empty, 1.0, o / e)) - d)
    out: Floats = np.where(np.abs(v) < 0.1, near, far)
    return out


def g_groups(k: npt.ArrayLike, n: npt.ArrayLike, axis: int = -1) -> tuple[Floats, Floats]:
    """Compute the likelihood ratio statistic G of r x 2 tables and its degrees of freedom.

    Parameters
    ----------
    k, n : array_like
        Successes and trials of the groups, which lie along ``axis``.
    axis : int
        The axis of the groups.

    Returns
    -------
    statistic, df : ndarray of float64
        As of `pearson_groups`.

    References
    ----------
    Wilks, S. S. (1935). The likelihood test of independence in contingency tables. Annals of
    Mathematical Statistics 6, 190-196. doi:10.1214/aoms/1177732564
    """
    k, n = as_floats(k, n)
    s, total = k.sum(axis=axis, keepdims=True), n.sum(axis=axis, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = (k * (total - s) - (n - k) * s) / total
        cells = deviance(n * s / total, beyond) + deviance(n * (total - s) / total, -beyond)
    statistic = 2 * np.where(n > 0, cells, 0.0).sum(axis=axis)
    df = np.maximum((n > 0).sum(axis=axis) - 1, 0).astype(np.float64)
    spread = np.squeeze((s > 0) & (s < total), axis=axis)
    return np.where((df > 0) & spread, statistic, np.nan), df


def yates(k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike) -> Floats:
    """Compute Pearson's chi-square with Yates' correction for continuity.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int or float
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of float64
        With one degree of freedom; NaN where a margin is zero.

    Notes
    -----
    Every observed count is moved half a case towards its expected count, and not beyond it.

    References
    ----------
    Yates, F. (1934). Contingency tables involving small numbers and the chi-square test.
    Supplement to the JRSS 1, 217-235. doi:10.2307/2983604
    """
    k1, n1, k2, n2 = as_floats(k1, n1, k2, n2)
    total, s = n1 + n2, k1 + k2
    cross = np.maximum(np.abs(k1 * (n2 - k2) - k2 * (n1 - k1)) - total / 2, 0.0)
    margins = (n1 * n2) * (s * (total - s))
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Floats = np.where(margins > 0, total * cross * cross / margins, np.nan)
    return out


def n_minus_one(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> Floats:
    """Compute Pearson's chi-square times ``(N - 1) / N``.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int or float
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of float64
        With one degree of freedom; NaN where a margin is zero.

    Notes
    -----
    With ``N - 1`` the variance is that of the hypergeometric distribution, in which all margins
    are fixed. It is the Mantel-Haenszel test of one stratum without correction.

    References
    ----------
    Campbell, I. (2007). Chi-squared and Fisher-Irwin tests of two-by-two tables with small
    sample recommendations. Statistics in Medicine 26, 3661-3675. doi:10.1002/sim.2832
    """
    k1, n1, k2, n2 = as_floats(k1, n1, k2, n2)
    total = n1 + n2
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Floats = pearson_two(k1, n1, k2, n2) * ((total - 1) / total)
    return out


def g_two(k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike) -> Floats:
    """Compute the likelihood ratio statistic G of 2 x 2 tables.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int or float
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of float64
        With one degree of freedom; NaN where a margin is zero.

    Notes
    -----
    ``2 sum o log(o / e)`` over the four cells; an empty cell adds nothing.

    References
    ----------
    Wilks, S. S. (1935). The likelihood test of independence in contingency tables. Annals of
    Mathematical Statistics 6, 190-196. doi:10.1214/aoms/1177732564
    """
    k1, n1, k2, n2 = as_floats(k1, n1, k2, n2)
    total, s = n1 + n2, k1 + k2
    with np.errstate(divide="ignore", invalid="ignore"):
        # The difference of observed and expected is the same in all four cells, but for its sign.
        d = (k1 * (n2 - k2) - k2 * (n1 - k1)) / total
        cells = (
            (n1 * s / total, d),
            (n1 * (total - s) / total, -d),
            (n2 * s / total, -d),
            (n2 * (total - s) / total, d),
        )
        out = sum((deviance(expected, beyond) for expected, beyond in cells), np.zeros(k1.shape))
        return np.where((n1 > 0) & (n2 > 0) & (s > 0) & (s < total), 2 * out, np.nan)


def z_unpooled(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> Floats:
    """Compute Wald's z squared, with a separate variance of each group.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int or float
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of float64
        With one degree of freedom. Infinite for 0 of ``n`` against all of ``n``, where the
        variance is 0; NaN where every answer is the same or a group has no trials.

    References
    ----------
    Wald, A. (1943). Tests of statistical hypotheses concerning several parameters when the
    number of observations is large. Transactions of the American Mathematical Society 54,
    426-482. doi:10.1090/S0002-9947-1943-0012401-3
    """
    k1, n1, k2, n2 = as_floats(k1, n1, k2, n2)
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p2 = k1 / n1, k2 / n2
        variance = p1 * ((n1 - k1) / n1) / n1 + p2 * ((n2 - k2) / n2) / n2
        difference = (k1 * n2 - k2 * n1) / (n1 * n2)
        out: Floats = np.asarray(difference * difference / variance)
    return out
