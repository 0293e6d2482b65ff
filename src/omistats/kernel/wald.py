"""Wald tests and differences of correlated estimates."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.checks import as_numbers
from omistats.kernel.chi_square import STARS, Comparison, chi_square_sf, star_codes
from omistats.kernel.ratio import limits

__all__ = ["Contrast", "WaldTest", "difference", "wald", "wald_unchecked"]


Floats = npt.NDArray[np.float64]

# An eigenvalue of a correlation matrix below this means that the matrix is singular.
_SINGULAR = 1e-10
# A variance of a difference below this share of the two variances is rounding.
_ROUNDING = 1e-12


@attrs.frozen(eq=False)
class Contrast:
    """Differences of two estimates, element by element.

    Attributes
    ----------
    estimate, se, low, high : ndarray of float64
        Of the first estimate less the second; NaN where either is NaN.
    """

    estimate: Floats
    se: Floats
    low: Floats
    high: Floats


def difference(
    estimate: npt.ArrayLike,
    covariance: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    df: npt.ArrayLike | None = None,
) -> Contrast:
    """Compute the difference of two estimates with its Wald interval.

    Parameters
    ----------
    estimate : array_like of float, shape (..., 2)
        The two estimates.
    covariance : array_like of float, shape (..., 2, 2)
        Their covariance matrix, as `omistats.kernel.ratio.covariance_groups` returns it.
    confidence : float
        Between 0 and 1.
    df : array_like of float, optional
        Degrees of freedom of a t interval; by default the interval is normal.

    Returns
    -------
    Contrast
        Of the leading shape.

    Raises
    ------
    UsageError
        When shapes do not fit or the confidence is out of range.
    """
    x, v = _as_pair(estimate, covariance)
    if x.shape[-1] != 2:
        raise UsageError(f"a difference needs two estimates; found {x.shape[-1]}")
    d = x[..., 0] - x[..., 1]
    variance = v[..., 0, 0] + v[..., 1, 1] - 2 * v[..., 0, 1]
    se = np.sqrt(_unrounded(variance, v[..., 0, 0], v[..., 1, 1]))
    low, high = limits(d, se, confidence=confidence, df=df)
    return Contrast(np.asarray(d), np.asarray(se), low, high)


def wald(
    estimate: npt.ArrayLike, covariance: npt.ArrayLike, *, df: npt.ArrayLike | None = None
) -> Comparison:
    """Test whether the estimates of several groups differ.

    Parameters
    ----------
    estimate : array_like of float, shape (..., groups)
        A group whose estimate is NaN is dropped, with its degree of freedom.
    covariance : array_like of float, shape (..., groups, groups)
        Their covariance matrix; rows and columns of dropped groups are ignored.
    df : array_like of float, optional
        Degrees of freedom of the design, broadcast with the leading shape, for an F test;
        by default the test is chi-square.

    Returns
    -------
    Comparison
        Of the leading shape. ``statistic`` is Wald's W, or ``F = W / df`` on ``df`` and the
        design's degrees of freedom, without further correction; ``df`` is that of W.
        NaN where fewer than two groups are left or the differences have no regular
        covariance matrix: a variance is unknown, or neither of two groups varies. If all
        estimates are equal there, ``stars`` is ``'--'``; otherwise it is empty, for nothing
        could be tested.

    Raises
    ------
    UsageError
        When shapes do not fit.

    Notes
    -----
    ``W = d' S^-1 d``, with d the differences from the first group and S their covariance
    matrix. The choice of the first group does not affect W. With two groups W is
    ``(difference / se)^2``.
    """
    x, v = _as_pair(estimate, covariance)
    found = wald_unchecked(x, v, None if df is None else np.asarray(df, np.float64))
    return Comparison(
        found.statistic,
        found.df,
        found.p_value,
        np.asarray(np.array([*STARS, ""])[found.stars]),
        np.full(found.p_value.shape, "wald-chi-square" if df is None else "wald-f"),
    )


@attrs.frozen(eq=False)
class WaldTest:
    """Results of Wald tests, with stars as codes.

    Attributes
    ----------
    statistic, df, p_value : ndarray of float64
        As in the result of `wald`.
    stars : ndarray of int8
        Codes of `omistats.kernel.chi_square.STARS`, -1 where nothing could be tested.
    """

    statistic: Floats
    df: Floats
    p_value: Floats
    stars: npt.NDArray[np.int8]


def wald_unchecked(x: Floats, v: Floats, df: Floats | None) -> WaldTest:
    """Test as `wald` does, without checking shapes."""
    left, d, S = _differences(x, v) if x.shape[-1] > 2 else _difference(x, v)
    statistic = np.where(left > 0, _quadratic(d, S), np.nan)
    p_value = chi_square_sf(statistic, left)
    if df is not None:
        import scipy

        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = statistic / left
            bounded = np.isfinite(df)
            tail = scipy.special.fdtrc(left, np.where(df > 0, df, np.nan), ratio)
            # With infinite degrees of freedom F is chi-square / df.
            p_value = np.where(np.isposinf(df), p_value, np.where(bounded, tail, np.nan))
        statistic = np.broadcast_to(ratio, p_value.shape)
    untested = np.isnan(p_value)
    same = (left > 0) & (d == 0).all(axis=-1) & ~np.isnan(S).any(axis=(-1, -2))
    return WaldTest(
        np.asarray(np.where(untested, np.nan, statistic)),
        np.asarray(np.where(untested, np.nan, left)),
        np.asarray(p_value),
        star_codes(p_value, ~untested | same),
    )


def _difference(x: Floats, v: Floats) -> tuple[Floats, Floats, Floats]:
    """Return degrees of freedom, the difference of two groups and its variance."""
    both = ~np.isnan(x).any(axis=-1)
    first, second = v[..., 0, 0], v[..., 1, 1]
    # Subtract in the order of `_differences`, so that both round alike.
    variance = _unrounded(second - v[..., 1, 0] - v[..., 0, 1] + first, second, first)
    d = np.where(both, x[..., 1] - x[..., 0], 0.0)
    S = np.where(both, variance, 1.0)
    return np.asarray(both, np.float64), d[..., np.newaxis], S[..., np.newaxis, np.newaxis]


def _differences(x: Floats, v: Floats) -> tuple[Floats, Floats, Floats]:
    """Return degrees of freedom, differences from the first group and their covariance."""
    groups = x.shape[-1]
    present = ~np.isnan(x)
    left = np.maximum(present.sum(axis=-1) - 1, 0).astype(np.float64)
    # Sort groups with an estimate to the front, since the first is subtracted from the others.
    order = np.argsort(~present, axis=-1, kind="stable")
    x = np.take_along_axis(x, order, -1)
    v = np.take_along_axis(v, order[..., np.newaxis, :], -1)
    v = np.take_along_axis(v, order[..., :, np.newaxis], -2)
    present = np.take_along_axis(present, order, -1)[..., 1:]
    d = np.where(present, x[..., 1:] - x[..., :1], 0.0)
    S = v[..., 1:, 1:] - v[..., 1:, :1] - v[..., :1, 1:] + v[..., :1, :1]
    variances = np.einsum("...ii->...i", v)
    i = np.arange(groups - 1)
    S[..., i, i] = _unrounded(S[..., i, i], variances[..., 1:], variances[..., :1])
    both = present[..., :, np.newaxis] & present[..., np.newaxis, :]
    return left, d, np.where(both, S, np.eye(groups - 1))


def _unrounded(variance: Floats, a: Floats, b: Floats) -> Floats:
    """Set the variance of a difference to 0 where it is only rounding.

    If two estimates are perfectly correlated, their variances cancel except in the last digits.
    """
    return np.where(variance < _ROUNDING * (a + b), 0.0, variance)


def _as_pair(estimate: npt.ArrayLike, covariance: npt.ArrayLike) -> tuple[Floats, Floats]:
    x, v = as_numbers(estimate, "estimate"), as_numbers(covariance, "covariance")
    if x.ndim < 1 or v.ndim < 2 or v.shape[-2:] != (x.shape[-1],) * 2 or x.shape[-1] < 2:
        raise UsageError(
            "`estimate` must have shape (..., groups) and `covariance` (..., groups, groups), "
            f"with two groups or more; found {x.shape} and {v.shape}"
        )
    try:
        shape = np.broadcast_shapes(x.shape[:-1], v.shape[:-2])
    except ValueError as error:
        raise UsageError(
            f"`estimate` {x.shape} and `covariance` {v.shape} do not broadcast"
        ) from error
    return (
        np.broadcast_to(x, (*shape, x.shape[-1])),
        np.broadcast_to(v, (*shape, *v.shape[-2:])),
    )


def _quadratic(d: Floats, S: Floats) -> Floats:
    """Compute ``d' S^-1 d``, NaN where S is singular or unknown."""
    with np.errstate(invalid="ignore", divide="ignore"):
        variances: Floats = np.diagonal(S, axis1=-2, axis2=-1)
        z = d / np.sqrt(variances)
        if d.shape[-1] == 1:
            return np.where(variances[..., 0] > 0, z[..., 0] ** 2, np.nan)
        correlation = S / np.sqrt(variances[..., :, np.newaxis] * variances[..., np.newaxis, :])
    regular = np.asarray(np.isfinite(correlation).all(axis=(-1, -2)) & (variances > 0).all(axis=-1))
    correlation = np.where(regular[..., np.newaxis, np.newaxis], correlation, np.eye(d.shape[-1]))
    values, vectors = np.linalg.eigh(correlation)
    regular &= values[..., 0] > _SINGULAR
    rotated = np.einsum("...ij,...i->...j", vectors, np.where(np.isfinite(z), z, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(regular, (rotated**2 / values).sum(axis=-1), np.nan)
