"""Tests of a difference between proportions, and the stars that report them."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

__all__ = [
    "STARS",
    "Comparison",
    "chi_square_sf",
    "pearson_groups",
    "pearson_two",
    "star_codes",
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
    >>> found = oms.compare([14, 5, 5], [20, 5, 5], [9, 3, 0], [30, 3, 0])
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
