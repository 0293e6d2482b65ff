"""Cochran-Armitage, trend()."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.checks import as_numbers, checked
from omistats.kernel.chi_square import STARS, chi_square_sf, star_codes

__all__ = ["Trend", "cochran_armitage", "trend"]


Floats = npt.NDArray[np.float64]

# Of scores of a half to 1 in size.
_LAST_DIGITS = 4 * float(np.finfo(np.float64).eps)


def cochran_armitage(
    k: npt.ArrayLike, n: npt.ArrayLike, scores: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Give the slope over scored groups and the chi-square of no slope.

    Parameters
    ----------
    k, n : array_like
        Successes and trials; the groups lie along the last axis.
    scores : array_like of float
        Where each group stands; broadcast with them.

    Returns
    -------
    slope, statistic : ndarray of float64
        Without the last axis: the change in the proportion for one more point of score, and
        the statistic on one degree of freedom. Groups without trials count for nothing. NaN
        where those left share one score, but for its last digits; the statistic also where all
        answers are alike.

    Notes
    -----
    The line is fitted by least squares with the trials as weights, and its slope set against
    the binomial variance of equal groups, ``p (1 - p)`` over the spread of the scores.

    References
    ----------
    Cochran, W. G. (1954). Some methods for strengthening the common chi-square tests.
    Biometrics 10, 417-451. doi:10.2307/3001616
    Armitage, P. (1955). Tests for linear trends in proportions and frequencies. Biometrics
    11, 375-386. doi:10.2307/3001775
    """
    k, n, x = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (k, n, scores)))
    s, total = k.sum(axis=-1), n.sum(axis=-1)
    # The statistic knows no unit and no origin: from 0 to 1 nothing overflows. Powers of 2 divide
    # without rounding.
    here = n > 0
    size = np.where(here, np.abs(x), 0.0).max(axis=-1, keepdims=True, initial=0.0)
    power = np.frexp(size)[1]
    x = np.ldexp(np.where(here, x, 0.0), -power)
    low = np.where(here, x, np.inf).min(axis=-1, keepdims=True, initial=np.inf)
    high = np.where(here, x, -np.inf).max(axis=-1, keepdims=True, initial=-np.inf)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        width = np.where(high - low > _LAST_DIGITS, high - low, np.nan)
        x = np.where(here, (x - low) / width, 0.0)
        centred = x - ((n * x).sum(axis=-1) / total)[..., np.newaxis]
        spread = (n * centred * centred).sum(axis=-1)
        # sum n (p_g - p) centred, with whole numbers subtracted before anything is divided.
        beyond = (k * total[..., np.newaxis] - n * s[..., np.newaxis]) / total[..., np.newaxis]
        slope = (beyond * centred).sum(axis=-1) / spread
        variance = np.where((s > 0) & (s < total), s * (total - s) / total**2, np.nan)
        statistic = slope * slope * spread / variance
        slope = np.ldexp(slope / width[..., 0], -power[..., 0])
    return slope, statistic


@attrs.frozen(eq=False)
class Trend:
    """The outcome of a test of trend, element by element.

    Attributes
    ----------
    slope : ndarray of float64
        The change in the proportion for one more point of score, 0.01 being one percentage
        point; its sign is the direction.
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
        Where each group stands, one number a group; 1, 2, 3 and so on by default.
    axis : int
        The axis of the groups.

    Returns
    -------
    Trend
        Without ``axis``. Groups without trials count for nothing.

    Raises
    ------
    UsageError
        When counts are impossible, there is no such axis, or scores are not one finite number
        a group or all alike.

    Notes
    -----
    Against a trend it is more sensitive than the test of any difference, which
    `compare_groups` makes; it sees nothing of a rise that is followed by an equal fall.

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
    kk, nn = checked(k, n)
    if isinstance(axis, bool) or not isinstance(axis, int) or not -kk.ndim <= axis < kk.ndim:
        raise UsageError(f"counts of {kk.ndim} dimensions have no axis {axis!r}")
    kk, nn = np.moveaxis(kk, axis, -1), np.moveaxis(nn, axis, -1)
    slope, statistic = cochran_armitage(kk, nn, _scores(scores, kk.shape[-1]))
    p_value = chi_square_sf(statistic, 1.0)
    comparable = ((nn > 0).sum(axis=-1) > 1) & ~np.isnan(kk + nn).any(axis=-1)
    return Trend(
        np.asarray(slope),
        np.asarray(statistic),
        np.where(np.isnan(statistic), np.nan, 1.0),
        np.asarray(p_value),
        np.asarray(np.array([*STARS, ""])[star_codes(p_value, comparable)]),
        np.full(np.shape(p_value), "cochran-armitage"),
    )


def _scores(scores: npt.ArrayLike | None, groups: int) -> Floats:
    if scores is None:
        return np.arange(1.0, groups + 1)
    given = as_numbers(scores, "scores")
    if given.shape != (groups,) or not np.isfinite(given).all():
        raise UsageError(f"scores are one finite number a group, here {groups}; found {scores!r}")
    if groups > 1 and (given == given[0]).all():
        raise UsageError(f"scores that are all alike order nothing; found {scores!r}")
    return given
