"""Ratio estimates in bulk, from sums over cases instead of the cases.

Everything here takes ``moments``: the sums over the cases of a stratum of k, n, k², k n and n²,
with shape (..., strata, 5). A domain's moments sum over its own cases only, while ``cases``
counts all that were drawn in the stratum: those outside have 0 and 0, and belong to the sample.
Each case is its own cluster. Cases have no weights; moments of w k and w n give the weighted
estimate and its standard error, but not the design effect, which counts answers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.counts import as_numbers
from omistats.kernel.linear import Ratios, covariances, crossed, linearised, quotient
from omistats.kernel.sums import BulkLonely, as_moments, sums

__all__ = ["Ratios", "covariance_groups", "from_moments", "products"]

Floats = npt.NDArray[np.float64]


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
    moments: Floats = np.moveaxis(crossed(kk, nn), 0, -1).astype(np.float64, copy=False)
    return moments


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
    return linearised(given.moments, given.scale, given.shared)


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
    m = as_moments(moments)
    if m.ndim < 3:
        raise UsageError(f"moments of groups have shape (..., groups, strata, 5), not {m.shape}")
    given = sums(m, cases, population, lonely)
    found = linearised(given.moments, given.scale, given.shared)
    K, N = given.moments[:2]
    first = quotient(K - found.estimate * N, N.sum(axis=0))
    # A lonely stratum left open has made the standard error NaN already.
    return covariances(first, np.nan_to_num(given.scale) * given.shared, found.se)
