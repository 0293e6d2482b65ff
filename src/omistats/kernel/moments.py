"""Ratio estimates in bulk, from sums over cases instead of the cases.

Everything here takes ``moments``: the sums over the cases of a stratum of k, n, k², k n and n²,
with shape (..., strata, 5). A domain's moments sum over its own cases only, while ``cases``
counts all that were drawn in the stratum: those outside have 0 and 0, and belong to the sample.
Each case is its own cluster. Cases have no weights; moments of w k and w n give the weighted
estimate and its standard error, but not the design effect, which counts answers.
"""

from __future__ import annotations

from fractions import Fraction

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.counts import as_numbers
from omistats.kernel.limits import design_effect
from omistats.kernel.sums import BulkLonely, as_moments, check_spread, sums

__all__ = [
    "Ratios",
    "covariance_disjoint",
    "covariance_groups",
    "from_moments",
    "products",
    "variance_of_sums",
]

Floats = npt.NDArray[np.float64]

# A variance below this share of the squares it is a difference of has lost more than four of
# its sixteen digits, and is computed again exactly.
_CANCELLED = 1e-4
# Moments that are no whole numbers were rounded before they came here: below this share there is
# nothing left but that.
_ROUNDING = 1e-12


@attrs.frozen(eq=False)
class Ratios:
    """Ratio estimates, element by element.

    Attributes
    ----------
    estimate, se : ndarray of float64
        NaN where the denominator is 0; ``se`` also where a lonely stratum leaves it unknown.
    design_effect : ndarray of float64
        ``se^2 / (p (1 - p) / sum n)``; NaN unless ``0 < p < 1``.
    """

    estimate: Floats
    se: Floats
    design_effect: Floats


def products(k: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Give k, n, k², k n and n² of cases along a new last axis, ready to be summed.

    Parameters
    ----------
    k, n : array_like of float, shape (cases, ...)
        Broadcast together.

    Returns
    -------
    ndarray of float64, shape (cases, ..., 5)
        Indicators of domains within strata, times this, are moments.
    """
    kk, nn = np.broadcast_arrays(as_numbers(k, "k"), as_numbers(n, "n"))
    return np.stack([kk, nn, kk * kk, kk * nn, nn * nn], axis=-1)


def from_moments(
    moments: npt.ArrayLike,
    cases: npt.ArrayLike,
    *,
    population: npt.ArrayLike | None = None,
    lonely: BulkLonely = "error",
) -> Ratios:
    """Estimate ratios and their standard errors, as `ratio` does from the cases.

    Parameters
    ----------
    moments : array_like of float, shape (..., strata, 5)
        Sums over the domain's cases in each stratum.
    cases : array_like of float, shape (..., strata)
        How many cases were drawn in each stratum, in the domain or not; broadcast.
    population : array_like of float, shape (..., strata), optional
        How many there are in each stratum's population; broadcast.
    lonely : {'error', 'nan', 'remove', 'adjust'}
        As for `ratio`, but only strata where the domain has something matter, and ``'nan'``
        leaves the standard error unknown instead of refusing all.

    Returns
    -------
    Ratios
        Of the leading shape.

    Raises
    ------
    UsageError
        When shapes do not fit.
    UnknownNameError
        When the treatment of lonely strata is unknown.
    DataError
        When numbers are missing, negative or infinite, more cases were drawn than there are,
        moments are not those of any cases, or strata are lonely.

    Notes
    -----
    With p = sum k / sum n, within a stratum ``sum e = K - p N`` and ``sum e² = KK - 2 p KN +
    p² NN``. Where the difference is too small for floating point it is computed again as a
    fraction, so that moments of counts give an exact 0 where nothing varies.

    Examples
    --------
    >>> cases = products([3, 9, 5, 2], [8, 10, 9, 6])
    >>> found = from_moments([cases[:2].sum(axis=0), cases[2:].sum(axis=0)], [2, 2])
    >>> print(f"{found.estimate:.3f} ± {found.se:.3f}")
    0.576 ± 0.152
    """
    given = sums(as_moments(moments), cases, population, lonely)
    m, scale, shared = given.moments, given.scale, given.shared
    K, N, KK, KN, NN = np.moveaxis(m, -1, 0)
    n = np.asarray(N.sum(axis=-1))
    estimate = _divided(K.sum(axis=-1), n)
    p = estimate[..., np.newaxis]
    inside = (KK - 2 * p * KN + p * p * NN) - shared * (K - p * N) ** 2
    size = (KK + 2 * p * KN + p * p * NN) + shared * (K + p * N) ** 2
    spread = np.asarray((scale * inside).sum(axis=-1))
    whole = (scale * size).sum(axis=-1)
    # At 0 and 1 whole moments are subtracted without rounding.
    doubtful = (spread < _CANCELLED * whole) & (estimate != 0) & (estimate != 1)
    for at in map(tuple, np.argwhere(doubtful)):
        spread[at] = _exactly(m[at], scale[at], shared[at])
    check_spread(spread, whole)
    rounded = (spread < _ROUNDING * whole) & (m != np.floor(m)).any(axis=(-1, -2))
    spread = np.where(rounded, 0.0, spread)
    se = np.asarray(_divided(np.sqrt(np.maximum(spread, 0.0)), n))
    return Ratios(estimate, se, design_effect(estimate, se, n))


def covariance_disjoint(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    cases: npt.ArrayLike,
    *,
    population: npt.ArrayLike | None = None,
    lonely: BulkLonely = "error",
) -> Floats:
    """Give the covariance of the ratios of two domains that share no case.

    Parameters
    ----------
    a, b : array_like of float, shape (..., strata, 5)
        Moments, broadcast together.
    cases, population, lonely
        As for `from_moments`.

    Returns
    -------
    ndarray of float64
        Of the leading shape; NaN where a ratio or its standard error is.

    Raises
    ------
    UsageError, UnknownNameError, DataError
        As `from_moments`.

    Notes
    -----
    ``- sum over strata of (1 - m / M) / (m - 1) (sum e_a) (sum e_b)``: no case has both.
    Domains that each have cases in one stratum only, and not the same, have covariance 0;
    within a single stratum it is 0 too, since each ``sum e`` is.
    """
    try:
        both = np.stack(np.broadcast_arrays(as_moments(a), as_moments(b)), axis=-3)
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"two domains: expected shapes that broadcast; {error}") from error
    # The pair is one more axis before the strata.
    drawn = as_numbers(cases, "cases")[..., np.newaxis, :]
    there = None if population is None else as_numbers(population, "population")
    if there is not None and there.ndim:
        there = there[..., np.newaxis, :]
    return np.asarray(covariance_groups(both, drawn, population=there, lonely=lonely)[..., 0, 1])


def covariance_groups(
    moments: npt.ArrayLike,
    cases: npt.ArrayLike,
    *,
    population: npt.ArrayLike | None = None,
    lonely: BulkLonely = "error",
) -> Floats:
    """Give the covariance matrix of the ratios of groups that share no case.

    Parameters
    ----------
    moments : array_like of float, shape (..., groups, strata, 5)
        Sums over each group's cases in each stratum.
    cases, population : array_like of float, shape (..., groups or 1, strata)
        As for `from_moments`.
    lonely : {'error', 'nan', 'remove', 'adjust'}
        As for `from_moments`.

    Returns
    -------
    ndarray of float64, shape (..., groups, groups)
        NaN in the rows and columns of a group without a ratio.

    Raises
    ------
    UsageError, UnknownNameError, DataError
        As `from_moments`.
    """
    given = sums(as_moments(moments), cases, population, lonely)
    m = given.moments
    if m.ndim < 3:
        raise UsageError(f"moments of groups have shape (..., groups, strata, 5), not {m.shape}")
    found = from_moments(m, cases, population=population, lonely=lonely)
    # A lonely stratum left open has made the standard error NaN already.
    factor = np.nan_to_num(given.scale) * given.shared
    n = m[..., 1].sum(axis=-1)[..., np.newaxis]
    e = _divided(m[..., 0] - found.estimate[..., np.newaxis] * m[..., 1], n)
    out: Floats = -np.einsum("...ah,...bh->...ab", e * factor, e)
    # Where one does not vary nothing varies with it, whatever rounding says.
    still = found.se == 0
    out[still[..., :, np.newaxis] | still[..., np.newaxis, :]] = 0.0
    own = np.arange(m.shape[-3])
    out[..., own, own] = found.se**2
    unknown = np.isnan(found.se)
    out[unknown[..., :, np.newaxis] | unknown[..., np.newaxis, :]] = np.nan
    return out


def variance_of_sums(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    cases: npt.ArrayLike,
    *,
    population: npt.ArrayLike | None = None,
    lonely: BulkLonely = "error",
) -> Floats:
    """Give the variance of the sum over a sample of any linearised statistic.

    Parameters
    ----------
    first, second : array_like of float, shape (..., strata)
        Sums over cases of z and of z², z being 0 outside the domain. For a mean of Q ratios z
        is ``sum of (k - p n) / (Q sum n)`` over them.
    cases, population, lonely
        As for `from_moments`.

    Returns
    -------
    ndarray of float64
        Without the last axis; never below 0. Unlike `from_moments` it cannot undo rounding:
        sum deviations, not large values.

    Raises
    ------
    UsageError, UnknownNameError, DataError
        As `from_moments`.
    """
    s, ss = np.broadcast_arrays(as_numbers(first, "first"), as_numbers(second, "second"))
    padded = np.zeros((*s.shape, 5))
    padded[..., 0], padded[..., 2] = s, ss
    given = sums(padded, cases, population, lonely, signed=True)
    spread = (given.scale * (ss - given.shared * s * s)).sum(axis=-1)
    return np.asarray(np.maximum(spread, 0.0))


def _divided(top: Floats, bottom: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _exactly(m: Floats, scale: Floats, shared: Floats) -> float:
    """Compute the spread of one ratio in fractions: no digits are lost however small it is."""
    rows = [[Fraction(v) for v in row] for row in m.tolist()]
    p = sum(row[0] for row in rows) / sum(row[1] for row in rows)
    total = 0.0
    for (K, N, KK, KN, NN), factor, share in zip(rows, scale, shared, strict=True):
        centre = (K - p * N) ** 2 * (Fraction(1, round(1 / share)) if share else 0)
        total += float(factor) * float(KK - 2 * p * KN + p * p * NN - centre)
    return total
