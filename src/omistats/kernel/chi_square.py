"""Pearson, Yates, N-1, G, unpooled z; stars."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

__all__ = [
    "STARS",
    "Comparison",
    "chi_square_sf",
    "deviance",
    "g_groups",
    "g_two",
    "n_minus_one",
    "pearson_groups",
    "pearson_two",
    "star_codes",
    "yates",
    "z_unpooled",
]


Floats = npt.NDArray[np.float64]

STARS = ("--", "*", "**", "***")
"""The printed marks, by code: not significant, then below 5%, 1% and 0.1%."""

_LEVELS = (0.05, 0.01, 0.001)


@attrs.frozen(eq=False)
class Comparison:
    """The outcome of a test, element by element.

    Attributes
    ----------
    statistic, df, p_value : ndarray of float64
        P-values are 0-1, two-sided. NaN where the test is undefined: a group has no trials,
        a count is NaN, or every answer is the same. Exact tests have a p-value alone.
    stars : ndarray of str
        ``'***'``, ``'**'``, ``'*'`` or ``'--'``: a p-value below 0.001, 0.01, 0.05, or not;
        ``'--'`` also where every answer is the same; empty where there was no second group
        to compare with.
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
    """Give the upper tail of chi-square, accurate in relative terms far out.

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
    gamma function, ``Q(df / 2, x / 2)``.
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
    # Zero degrees of freedom test nothing.
    with np.errstate(invalid="ignore"):
        out: Floats = np.asarray(scipy.special.erfc(np.sqrt(half)))
        others = df != 1
        if others.any():
            out = np.array(out)
            free = df[others]
            out[others] = scipy.special.gammaincc(
                np.where(free > 0, free, np.nan) / 2.0, half[others]
            )
    return out


def pearson_two(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> Floats:
    """Give Pearson's chi-square of 2 x 2 tables, without continuity correction.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int or float
        Successes and trials of the two groups; broadcast together.

    Returns
    -------
    ndarray of float64
        The statistic, with one degree of freedom; NaN where a margin is zero.

    Notes
    -----
    ``N (k1 (n2 - k2) - k2 (n1 - k1))^2 / (n1 n2 s (N - s))`` with ``s = k1 + k2``.
    Counts are made float64 first: their fourth powers overflow 64-bit integers.
    """
    k1, n1, k2, n2 = (np.asarray(v, np.float64) for v in (k1, n1, k2, n2))
    if not k1.shape == n1.shape == k2.shape == n2.shape:
        k1, n1, k2, n2 = np.broadcast_arrays(k1, n1, k2, n2)
    # In place: for tens of thousands of rows, new arrays cost more than the sums.
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
    """Give Pearson's chi-square of r x 2 tables and its degrees of freedom.

    Parameters
    ----------
    k, n : array_like
        Successes and trials of the groups, which lie along ``axis``.
    axis : int
        The axis of the groups.

    Returns
    -------
    statistic, df : ndarray of float64
        Without ``axis``. A group with no trials drops out and takes its degree of
        freedom with it; NaN where fewer than two groups or one outcome is left
        (``df`` is then the number of groups left less one, never below 0).
    """
    k, n = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64))
    trials = n.sum(axis=axis, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k.sum(axis=axis, keepdims=True) / trials
        # (k - n p)^2 / (n p (1 - p)) is both cells of a group's row at once.
        terms = np.where(n > 0, (k - n * p) ** 2 / n, 0.0)
        statistic = terms.sum(axis=axis) / np.squeeze(p * (1 - p), axis=axis)
    groups: Any = (n > 0).sum(axis=axis)
    df = np.maximum(groups - 1, 0).astype(np.float64)
    spread = np.squeeze((p > 0) & (p < 1), axis=axis)
    return np.where((df > 0) & spread, statistic, np.nan), df


def star_codes(p_value: npt.ArrayLike, comparable: npt.ArrayLike = True) -> npt.NDArray[np.int8]:
    """Turn p-values into codes of `STARS`.

    Parameters
    ----------
    p_value : array_like of float
        NaN where the test is undefined.
    comparable : array_like of bool
        Whether there were two groups to compare. Where there were and the
        p-value is NaN, every answer was the same: nothing differs.

    Returns
    -------
    ndarray of int8
        0-3, or -1 where nothing could be tested.
    """
    p = np.asarray(p_value, np.float64)
    codes = np.zeros(np.broadcast(p, comparable).shape, np.int8)
    for level in _LEVELS:
        codes += np.asarray(p < level).view(np.int8)
    np.copyto(codes, -1, where=np.logical_not(comparable))
    return codes


def deviance(expected: npt.ArrayLike, beyond: npt.ArrayLike) -> Floats:
    """Give half of what a cell adds to G: ``o log(o / e) - (o - e)``, never negative.

    Parameters
    ----------
    expected : array_like of float
        Expected counts ``e``.
    beyond : array_like of float
        By how much the observed exceed them, ``o - e``; taken by itself, because it is known
        to more digits than a difference of the two.

    Returns
    -------
    ndarray of float64
        NaN where either is.

    Notes
    -----
    The ``o - e`` of a table add up to 0, so that twice the sum over its cells is G; but here
    no large terms cancel, and G keeps its digits in large tables and near 0. With
    ``v = (o - e) / (o + e)`` and ``log(o / e) = 2 artanh(v)`` the cell's share is

        ``(o - e) v + 2 o (v^3 / 3 + v^5 / 5 + ...)``

    which is summed where ``v`` is small; elsewhere the logarithm itself is accurate.
    """
    e, d = np.broadcast_arrays(np.asarray(expected, np.float64), np.asarray(beyond, np.float64))
    # An empty cell may come out a hair from 0.
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
    """Give the likelihood ratio statistic G of r x 2 tables and its degrees of freedom.

    Parameters
    ----------
    k, n : array_like
        Successes and trials of the groups, which lie along ``axis``.
    axis : int
        The axis of the groups.

    Returns
    -------
    statistic, df : ndarray of float64
        Without ``axis``. A group with no trials drops out and takes its degree of freedom
        with it; NaN where fewer than two groups or one outcome is left (``df`` is then the
        number of groups left less one, never below 0).

    References
    ----------
    Wilks, S. S. (1935). The likelihood test of independence in contingency tables. Annals of
    Mathematical Statistics 6, 190-196. doi:10.1214/aoms/1177732564
    """
    k, n = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64))
    s, total = k.sum(axis=axis, keepdims=True), n.sum(axis=axis, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = (k * (total - s) - (n - k) * s) / total
        cells = deviance(n * s / total, beyond) + deviance(n * (total - s) / total, -beyond)
    statistic = 2 * np.where(n > 0, cells, 0.0).sum(axis=axis)
    df = np.maximum((n > 0).sum(axis=axis) - 1, 0).astype(np.float64)
    spread = np.squeeze((s > 0) & (s < total), axis=axis)
    return np.where((df > 0) & spread, statistic, np.nan), df


def _floats(*values: npt.ArrayLike) -> list[Floats]:
    return [np.asarray(v, np.float64) for v in values]


def yates(k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike) -> Floats:
    """Give Pearson's chi-square with Yates' correction for continuity.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int or float
        Successes and trials of the two groups; broadcast together.

    Returns
    -------
    ndarray of float64
        With one degree of freedom; NaN where a margin is zero.

    Notes
    -----
    Every observed count is moved half a case towards its expected count, but not past it.

    References
    ----------
    Yates, F. (1934). Contingency tables involving small numbers and the chi-square test.
    Supplement to the JRSS 1, 217-235. doi:10.2307/2983604
    """
    k1, n1, k2, n2 = _floats(k1, n1, k2, n2)
    total, s = n1 + n2, k1 + k2
    cross = np.maximum(np.abs(k1 * (n2 - k2) - k2 * (n1 - k1)) - total / 2, 0.0)
    margins = (n1 * n2) * (s * (total - s))
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Floats = np.where(margins > 0, total * cross * cross / margins, np.nan)
    return out


def n_minus_one(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> Floats:
    """Give Pearson's chi-square times ``(N - 1) / N``.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int or float
        Successes and trials of the two groups; broadcast together.

    Returns
    -------
    ndarray of float64
        With one degree of freedom; NaN where a margin is zero.

    Notes
    -----
    ``N - 1`` makes the variance that of the hypergeometric distribution, which holds all
    margins. It is the Mantel-Haenszel test of one stratum without correction.

    References
    ----------
    Campbell, I. (2007). Chi-squared and Fisher-Irwin tests of two-by-two tables with small
    sample recommendations. Statistics in Medicine 26, 3661-3675. doi:10.1002/sim.2832
    """
    k1, n1, k2, n2 = _floats(k1, n1, k2, n2)
    total = n1 + n2
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Floats = pearson_two(k1, n1, k2, n2) * ((total - 1) / total)
    return out


def g_two(k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike) -> Floats:
    """Give the likelihood ratio statistic G of 2 x 2 tables.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int or float
        Successes and trials of the two groups; broadcast together.

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
    k1, n1, k2, n2 = np.broadcast_arrays(*_floats(k1, n1, k2, n2))
    total, s = n1 + n2, k1 + k2
    with np.errstate(divide="ignore", invalid="ignore"):
        # One difference between observed and expected serves all four cells.
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
    """Give Wald's z squared, each group with its own variance.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int or float
        Successes and trials of the two groups; broadcast together.

    Returns
    -------
    ndarray of float64
        With one degree of freedom. 0 of ``n`` against all of ``n`` has no variance and is
        infinitely far apart; NaN where all answers are alike or a group has no trials.

    References
    ----------
    Wald, A. (1943). Tests of statistical hypotheses concerning several parameters when the
    number of observations is large. Transactions of the American Mathematical Society 54,
    426-482. doi:10.1090/S0002-9947-1943-0012401-3
    """
    k1, n1, k2, n2 = _floats(k1, n1, k2, n2)
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p2 = k1 / n1, k2 / n2
        variance = p1 * ((n1 - k1) / n1) / n1 + p2 * ((n2 - k2) / n2) / n2
        difference = (k1 * n2 - k2 * n1) / (n1 * n2)
        out: Floats = np.asarray(difference * difference / variance)
    return out
