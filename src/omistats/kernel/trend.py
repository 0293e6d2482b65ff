"""A trend of proportions over ordered groups: the Cochran-Armitage test."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["cochran_armitage"]

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
