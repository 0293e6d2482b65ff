"""Tests and differences of estimates that have a covariance matrix."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.checks import as_numbers
from omistats.kernel.chi_square import STARS, Comparison, chi_square_sf, star_codes
from omistats.kernel.ratio import limits

__all__ = ["Contrast", "Tested", "difference", "tested", "wald"]


Floats = npt.NDArray[np.float64]

# Below this a correlation matrix of differences is singular: one follows from the others.
_SINGULAR = 1e-10
_ROUNDING = 1e-12


@attrs.frozen(eq=False)
class Contrast:
    """Differences of two estimates, element by element.

    Attributes
    ----------
    estimate, se, low, high : ndarray of float64
        First less second; NaN where either is.
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
    """Give the difference of two estimates with its Wald interval.

    Parameters
    ----------
    estimate : array_like of float, shape (..., 2)
        The first and the second.
    covariance : array_like of float, shape (..., 2, 2)
        Their covariance matrix, as `covariance_groups` gives it.
    confidence : float
        Between 0 and 1.
    df : array_like of float, optional
        Degrees of freedom of a t interval; by default it is normal.

    Returns
    -------
    Contrast
        Of the leading shape.

    Raises
    ------
    UsageError
        When shapes do not fit or the confidence is out of range.
    """
    x, v = _pair(estimate, covariance)
    if x.shape[-1] != 2:
        raise UsageError(f"a difference is of two estimates, found {x.shape[-1]}")
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
        A group whose estimate is NaN drops out and takes its degree of freedom with it.
    covariance : array_like of float, shape (..., groups, groups)
        Their covariance matrix; rows and columns of groups that drop out do not matter.
    df : array_like of float, optional
        Degrees of freedom of the design, broadcast with the leading shape, for an F test;
        by default the test is chi-square.

    Returns
    -------
    Comparison
        Of the leading shape. ``statistic`` is Wald's W, or ``F = W / df`` on ``df`` and the
        design's degrees of freedom, without further correction; ``df`` is that of W.
        NaN where fewer than two groups are left or the differences have no regular
        covariance matrix: a variance is unknown, or neither of two groups varies. Where all
        estimates are equal as well nothing differs (``'--'``); otherwise nothing could be
        tested.

    Raises
    ------
    UsageError
        When shapes do not fit.

    Notes
    -----
    ``W = d' S^-1 d`` with d the differences from the first group and S their covariance;
    which group they are taken from makes no difference. On two groups it is
    ``(difference / se)^2``.
    """
    x, v = _pair(estimate, covariance)
    found = tested(x, v, None if df is None else np.asarray(df, np.float64))
    return Comparison(
        found.statistic,
        found.df,
        found.p_value,
        np.asarray(np.array([*STARS, ""])[found.stars]),
        np.full(found.p_value.shape, "wald-chi-square" if df is None else "wald-f"),
    )


@attrs.frozen(eq=False)
class Tested:
    """The outcome of Wald tests as numbers.

    Attributes
    ----------
    statistic, df, p_value : ndarray of float64
        As `wald` gives them.
    stars : ndarray of int8
        Codes of `omistats.kernel.chi_square.STARS`, -1 where nothing could be tested.
    """

    statistic: Floats
    df: Floats
    p_value: Floats
    stars: npt.NDArray[np.int8]


def tested(x: Floats, v: Floats, df: Floats | None) -> Tested:
    """Test as `wald` does, of arrays whose shapes are known to fit."""
    left, d, S = _differences(x, v) if x.shape[-1] > 2 else _difference(x, v)
    statistic = np.where(left > 0, _quadratic(d, S), np.nan)
    p_value = chi_square_sf(statistic, left)
    if df is not None:
        import scipy

        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = statistic / left
            bounded = np.isfinite(df)
            tail = scipy.special.fdtrc(left, np.where(df > 0, df, np.nan), ratio)
            # Without bound F times its degrees of freedom is chi-square.
            p_value = np.where(np.isposinf(df), p_value, np.where(bounded, tail, np.nan))
        statistic = np.broadcast_to(ratio, p_value.shape)
    lost = np.isnan(p_value)
    same = (left > 0) & (d == 0).all(axis=-1) & ~np.isnan(S).any(axis=(-1, -2))
    return Tested(
        np.asarray(np.where(lost, np.nan, statistic)),
        np.asarray(np.where(lost, np.nan, left)),
        np.asarray(p_value),
        star_codes(p_value, ~lost | same),
    )


def _difference(x: Floats, v: Floats) -> tuple[Floats, Floats, Floats]:
    """Give degrees of freedom, the difference of two groups and its variance."""
    both = ~np.isnan(x).any(axis=-1)
    own = v[..., 0, 0], v[..., 1, 1]
    # The order of subtraction is that of several groups.
    variance = _unrounded(own[1] - v[..., 1, 0] - v[..., 0, 1] + own[0], own[1], own[0])
    d = np.where(both, x[..., 1] - x[..., 0], 0.0)
    S = np.where(both, variance, 1.0)
    return np.asarray(both, np.float64), d[..., np.newaxis], S[..., np.newaxis, np.newaxis]


def _differences(x: Floats, v: Floats) -> tuple[Floats, Floats, Floats]:
    """Give degrees of freedom, differences from the first group and their covariance."""
    groups = x.shape[-1]
    present = ~np.isnan(x)
    left = np.maximum(present.sum(axis=-1) - 1, 0).astype(np.float64)
    # Groups that are there come first, so that the first can be what others differ from.
    order = np.argsort(~present, axis=-1, kind="stable")
    x = np.take_along_axis(x, order, -1)
    v = np.take_along_axis(v, order[..., np.newaxis, :], -1)
    v = np.take_along_axis(v, order[..., :, np.newaxis], -2)
    there = np.take_along_axis(present, order, -1)[..., 1:]
    d = np.where(there, x[..., 1:] - x[..., :1], 0.0)
    S = v[..., 1:, 1:] - v[..., 1:, :1] - v[..., :1, 1:] + v[..., :1, :1]
    of_each = np.einsum("...ii->...i", v)
    own = np.arange(groups - 1)
    S[..., own, own] = _unrounded(S[..., own, own], of_each[..., 1:], of_each[..., :1])
    both = there[..., :, np.newaxis] & there[..., np.newaxis, :]
    return left, d, np.where(both, S, np.eye(groups - 1))


def _unrounded(variance: Floats, a: Floats, b: Floats) -> Floats:
    """Take the variance of a difference as 0 where rounding is all there is of it.

    Where both move together, the variances of the two cancel but for their last digits.
    """
    return np.where(variance < _ROUNDING * (a + b), 0.0, variance)


def _pair(estimate: npt.ArrayLike, covariance: npt.ArrayLike) -> tuple[Floats, Floats]:
    x, v = as_numbers(estimate, "estimate"), as_numbers(covariance, "covariance")
    if x.ndim < 1 or v.ndim < 2 or v.shape[-2:] != (x.shape[-1],) * 2 or x.shape[-1] < 2:
        raise UsageError(
            "estimates have shape (..., groups) and covariances (..., groups, groups), "
            f"two groups or more; found {x.shape} and {v.shape}"
        )
    try:
        shape = np.broadcast_shapes(x.shape[:-1], v.shape[:-2])
    except ValueError as error:
        raise UsageError(f"{x.shape} and {v.shape}: expected shapes that broadcast") from error
    return (
        np.broadcast_to(x, (*shape, x.shape[-1])),
        np.broadcast_to(v, (*shape, *v.shape[-2:])),
    )


def _quadratic(d: Floats, S: Floats) -> Floats:
    """Give ``d' S^-1 d``, NaN where S is singular or unknown."""
    with np.errstate(invalid="ignore", divide="ignore"):
        own: Floats = np.diagonal(S, axis1=-2, axis2=-1)
        z = d / np.sqrt(own)
        if d.shape[-1] == 1:
            return np.where(own[..., 0] > 0, z[..., 0] ** 2, np.nan)
        correlation = S / np.sqrt(own[..., :, np.newaxis] * own[..., np.newaxis, :])
    regular = np.asarray(np.isfinite(correlation).all(axis=(-1, -2)) & (own > 0).all(axis=-1))
    correlation = np.where(regular[..., np.newaxis, np.newaxis], correlation, np.eye(d.shape[-1]))
    values, vectors = np.linalg.eigh(correlation)
    regular &= values[..., 0] > _SINGULAR
    turned = np.einsum("...ij,...i->...j", vectors, np.where(np.isfinite(z), z, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(regular, (turned**2 / values).sum(axis=-1), np.nan)
