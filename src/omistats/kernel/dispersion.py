"""More spread between units than chance gives: overdispersion and heterogeneity."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.significance import chi_square_sf
from omistats.kernel.standard_scores import refuse_broken, together

__all__ = ["Dispersion", "Heterogeneity", "dispersion", "heterogeneity"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Dispersion:
    """Overdispersion of standard scores, two ways; the units lie along the last axis.

    Attributes
    ----------
    phi : ndarray of float64, shape (...)
        The multiplicative factor of the variance, floored at 1.
    ratio : ndarray of float64, shape (...)
        The same before flooring.
    tau2 : ndarray of float64, shape (...)
        The additive variance between units, on the scale of ``s``, floored at 0.
    units : ndarray of int64, shape (...)
        The units that counted.
    low, high : ndarray of float64, shape (...)
        The quantiles to which outlying scores were drawn in.
    winsorised : ndarray of float64, shape (..., units)
        The scores after that.
    z_multiplicative, z_additive : ndarray of float64, shape (..., units)
        The scores as given, divided by ``sqrt(phi)``; and with ``tau2`` added to their
        variance. Two answers to one question: use one or the other.
    """

    phi: Floats
    ratio: Floats
    tau2: Floats
    units: npt.NDArray[np.int64]
    low: Floats
    high: Floats
    winsorised: Floats
    z_multiplicative: Floats
    z_additive: Floats


@attrs.frozen(eq=False)
class Heterogeneity:
    """Whether estimates of units differ by more than their standard errors.

    Attributes
    ----------
    statistic, df, p_value : ndarray of float64
        Cochran's Q and its chi-square test; NaN with fewer than two units, or where a
        unit could not be weighted.
    i_squared : ndarray of float64
        The share of the spread that chance does not explain, 0-1.
    tau2 : ndarray of float64
        The variance between units, by DerSimonian and Laird, floored at 0.
    estimate, se : ndarray of float64
        The mean weighted by inverse variances, and its standard error, for equal units.
    units : ndarray of int64
        The units with an estimate and a standard error.
    exact : ndarray of int64
        Those among them with a standard error of 0, which no weight fits.
    """

    statistic: Floats
    df: Floats
    p_value: Floats
    i_squared: Floats
    tau2: Floats
    estimate: Floats
    se: Floats
    units: npt.NDArray[np.int64]
    exact: npt.NDArray[np.int64]


def _units(first: str, values: npt.ArrayLike, second: str, spread: npt.ArrayLike) -> list[Floats]:
    a, b = together(**{first: values, second: spread})
    if a.ndim == 0:
        raise UsageError("units lie along the last axis; found a single number")
    refuse_broken(
        [
            (first, a, np.isinf(a), "is finite (NaN for a unit without one)"),
            (second, b, (b < 0) | np.isinf(b), "is finite, 0 or more (NaN for a unit without one)"),
        ]
    )
    return [a, b]


def _quantile(ordered: Floats, count: npt.NDArray[np.int64], q: float) -> Floats:
    """Give the type 7 quantile of the first ``count`` of ascending values."""
    at = np.maximum(count - 1, 0) * q
    left = np.floor(at).astype(np.int64)
    right = np.minimum(left + 1, np.maximum(count - 1, 0))
    a = np.take_along_axis(ordered, left[..., None], -1)[..., 0]
    b = np.take_along_axis(ordered, right[..., None], -1)[..., 0]
    return np.asarray(a + (b - a) * (at - left))


def dispersion(z: npt.ArrayLike, s: npt.ArrayLike, *, trim: float = 0.1) -> Dispersion:
    """Estimate how overdispersed standard scores are.

    Parameters
    ----------
    z : array_like of float, shape (..., units)
        Standard scores; a NaN unit stays NaN and does not count.
    s : array_like of float, shape (..., units)
        Their standard deviations on the scale of the scores, clustering included.
    trim : float
        The share at each end that is drawn in to its quantile (type 7), below a half;
        0 leaves the scores alone.

    Returns
    -------
    Dispersion
        NaN where no unit counts; ``tau2`` needs two.

    Raises
    ------
    UsageError
        When scores are infinite, a standard deviation is negative, shapes do not fit,
        or ``trim`` is out of range.

    Notes
    -----
    ``ratio = sum z^2 / I`` over winsorised scores; ``tau2 = max(0, (I ratio - (I - 1)) /
    (sum w - sum w^2 / sum w))`` with ``w = 1 / s^2``. The ratio enters ``tau2`` as it
    is: floored at 1, it would find a variance between units where there is none.

    References
    ----------
    Spiegelhalter, D. J. (2005). Handling over-dispersion of performance indicators.
    Quality and Safety in Health Care 14, 347-351. doi:10.1136/qshc.2005.013755
    """
    if isinstance(trim, bool) or not isinstance(trim, float | int) or not 0 <= trim < 0.5:
        raise UsageError(f"trim is the share drawn in at each end, 0 to below 0.5, found {trim!r}")
    score, spread = _units("z", z, "s", s)
    known = ~np.isnan(score + spread) & (spread > 0)
    score = np.where(known, score, np.nan)
    count = np.asarray(known.sum(axis=-1))
    if score.shape[-1]:
        ordered = np.sort(score, axis=-1)
        low, high = (_quantile(ordered, count, q) for q in (trim, 1 - trim))
    else:
        low = high = np.full(count.shape, np.nan)
    drawn = np.clip(score, low[..., None], high[..., None])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(np.where(known, drawn * drawn, 0.0).sum(axis=-1) / count)
        phi = np.maximum(ratio, 1.0)
        tau2 = _between(ratio * count, count, np.where(known, 1 / spread**2, 0.0))
        extra = spread / np.sqrt(spread**2 + tau2[..., None])
        return Dispersion(
            np.asarray(phi),
            ratio,
            tau2,
            count,
            low,
            high,
            np.asarray(drawn),
            np.asarray(score / np.sqrt(phi)[..., None]),
            np.asarray(score * extra),
        )


def _between(q: Floats, count: npt.NDArray[np.int64], w: Floats) -> Floats:
    """Give the method-of-moments variance between units from a sum of squares."""
    total: Any = w.sum(axis=-1)
    scale = total - (w * w).sum(axis=-1) / total
    return np.asarray(np.where(count > 1, np.maximum(0.0, (q - (count - 1)) / scale), np.nan))


def heterogeneity(estimate: npt.ArrayLike, se: npt.ArrayLike) -> Heterogeneity:
    """Test whether independent estimates differ, and say how much.

    Parameters
    ----------
    estimate : array_like of float, shape (..., units)
        Estimates of units whose errors are independent, as those of strata are.
    se : array_like of float, shape (..., units)
        Their standard errors; clustered ones make the test design-based, for Q is
        then the Wald statistic of equal units. A NaN unit does not count.

    Returns
    -------
    Heterogeneity
        Of the shape without the last axis.

    Raises
    ------
    UsageError
        When numbers are infinite, a standard error is negative, or shapes do not fit.

    Notes
    -----
    A unit with a standard error of 0 (every case alike) would outweigh all others:
    the result is NaN and ``exact`` counts such units. `dispersion` has no such gap,
    since its variances come from the baseline.

    References
    ----------
    Cochran, W. G. (1954). The combination of estimates from different experiments.
    Biometrics 10, 101-129. DerSimonian, R. and Laird, N. (1986). Meta-analysis in
    clinical trials. Controlled Clinical Trials 7, 177-188. Higgins, J. P. T. and
    Thompson, S. G. (2002). Statistics in Medicine 21, 1539-1558 (I squared).
    """
    value, error = _units("estimate", estimate, "se", se)
    known = ~np.isnan(value + error)
    count = np.asarray(known.sum(axis=-1))
    exact = np.asarray((known & (error == 0)).sum(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        w = np.where(known, 1 / error**2, 0.0)
        y = np.where(known, value, 0.0)
        total: Any = w.sum(axis=-1)
        mean = np.asarray((w * y).sum(axis=-1) / total)
        q = np.asarray((w * (y - mean[..., None]) ** 2).sum(axis=-1))
        usable = (count > 1) & (exact == 0)
        df = np.where(usable, count - 1.0, np.nan)
        q = np.where(usable, q, np.nan)
        surplus = np.where(q > 0, np.maximum(0.0, (q - df) / q), 0 * q)
        return Heterogeneity(
            q,
            df,
            chi_square_sf(q, df),
            surplus,
            np.where(usable, _between(q, count, w), np.nan),
            np.where(exact == 0, mean, np.nan),
            np.asarray(np.where((exact == 0) & (count > 0), 1 / np.sqrt(total), np.nan)),
            count,
            exact,
        )
