"""Tests of two proportions beside Pearson's: statistics of chi-square on one degree of freedom."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from omistats.kernel.group_tests import deviance
from omistats.kernel.significance import pearson_two

__all__ = ["g_two", "n_minus_one", "yates", "z_unpooled"]

Floats = npt.NDArray[np.float64]


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
