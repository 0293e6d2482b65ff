"""Bands of a share: how often a sample is given each, and what it says of the true share."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError, format_value
from omistats.kernel.checks import as_proportions, as_sizes, check_confidence

__all__ = [
    "BandProbabilities",
    "BandSize",
    "band_of",
    "band_probabilities",
    "cases_for_band",
    "check_cuts",
    "posterior_bands",
    "predictive_bands",
    "unseen_bands",
]

Floats = npt.NDArray[np.float64]

# A share that a cut is above by rounding only lies on it.
_ROUNDING = 1e-12
_MOST_CASES = 1_000_000


@attrs.frozen(eq=False)
class BandProbabilities:
    """How often samples are given each band.

    Attributes
    ----------
    probability : ndarray of float64, shape (..., bands)
        From the lowest band to the highest; NaN where ``n`` is 0.
    method : ndarray of str
        ``'binomial'``.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.band_probabilities([14, 91], 0.72, cuts=[0.5, 0.65, 0.8])
    >>> found.probability.round(2).tolist()
    [[0.02, 0.33, 0.45, 0.2], [0.0, 0.08, 0.87, 0.05]]
    """

    probability: Floats
    method: npt.NDArray[np.str_]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return the probabilities."""
        del copy
        return np.asarray(self.probability, dtype)


def check_cuts(cuts: npt.ArrayLike) -> Floats:
    """Check that cuts are shares in ascending order, between 0 and 1.

    Raises
    ------
    UsageError
        When they are not.
    """
    try:
        found = np.asarray(cuts, np.float64)
    except (TypeError, ValueError):
        found = np.empty((0, 0))
    if found.ndim != 1 or not found.size or not ((found > 0) & (found < 1)).all():
        raise UsageError(
            "`cuts` must be a list of shares between 0 and 1, as [0.5, 0.65, 0.8]; found "
            f"{format_value(cuts)}"
        )
    if (np.diff(found) <= 0).any():
        raise UsageError(f"`cuts` must ascend; found {format_value(cuts)}. Order them")
    return found


def band_of(share: npt.ArrayLike, cuts: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Return the band of each share, from 0; a share on a cut is in the band above it."""
    lifted = np.asarray(share, np.float64) * (1 + _ROUNDING)
    return np.asarray(np.searchsorted(np.asarray(cuts, np.float64), lifted, side="right"))


def _least_counts(n: Floats, cuts: Floats) -> Floats:
    """Return how many of n are needed to reach each cut, shape (..., cuts)."""
    found: Floats = np.ceil(n[..., np.newaxis] * cuts * (1 - _ROUNDING))
    return found


def _between(above: Floats) -> Floats:
    """Turn the probabilities of reaching each cut into those of bands."""
    ends = above.shape[:-1]
    whole = np.concatenate([np.ones((*ends, 1)), above, np.zeros((*ends, 1))], axis=-1)
    found: Floats = np.clip(whole[..., :-1] - whole[..., 1:], 0.0, 1.0)
    return found


def band_probabilities(
    n: npt.ArrayLike, p: npt.ArrayLike, cuts: npt.ArrayLike
) -> BandProbabilities:
    """Compute how often a sample of n is given each band, where the true share is p.

    Parameters
    ----------
    n : array_like of int
        Answers of the sample, each independent of the others.
    p : array_like of float
        The true share, 0-1; broadcast with ``n``.
    cuts : array_like of float, shape (bands - 1,)
        Where bands begin but for the lowest: shares in ascending order. A sample whose share is
        on a cut has the band above it. Shares are not rounded first.

    Returns
    -------
    BandProbabilities
        Probabilities of shape (..., bands).

    Raises
    ------
    UsageError
        When sizes, shares or cuts are impossible.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.band_probabilities(14, 0.6, cuts=[0.5, 0.65, 0.8])
    >>> print(" ".join(f"{x:.0%}" for x in found.probability))
    15% 57% 24% 4%
    """
    import scipy

    sizes, shares = np.broadcast_arrays(as_sizes(n, "n"), as_proportions(p, "p"))
    edges = check_cuts(cuts)
    sizes, shares = sizes[..., np.newaxis].astype(np.float64), shares[..., np.newaxis]
    least = np.ceil(sizes * edges * (1 - _ROUNDING))
    # P(k >= m) is the regularised incomplete beta function.
    with np.errstate(invalid="ignore"):
        above = np.where(
            least <= 0,
            1.0,
            scipy.special.betainc(np.maximum(least, 1), np.maximum(sizes - least + 1, 1), shares),
        )
    found = np.where(sizes > 0, _between(above), np.nan)
    return BandProbabilities(found, np.full(found.shape[:-1], "binomial"))


def posterior_bands(n: npt.ArrayLike, p: npt.ArrayLike, cuts: npt.ArrayLike) -> Floats:
    """Compute the probability that the true share lies in each band, given a sample.

    The prior is Jeffreys', so that the share has the distribution Beta(n p + 1/2, n q + 1/2).

    Parameters
    ----------
    n : array_like of float
        Effective answers, not necessarily whole.
    p : array_like of float
        The share of the sample, 0-1.
    cuts : array_like of float, shape (bands - 1,)
        As in `band_probabilities`.

    Returns
    -------
    ndarray of float64, shape (..., bands)
    """
    import scipy

    sizes, shares = np.broadcast_arrays(np.asarray(n, np.float64), np.asarray(p, np.float64))
    a, b = sizes * shares + 0.5, sizes * (1 - shares) + 0.5
    edges = check_cuts(cuts)
    above = scipy.special.betainc(b[..., np.newaxis], a[..., np.newaxis], 1 - edges)
    return _between(np.asarray(above))


def _beta_binomial_above(size: Floats, a: Floats, b: Floats, least: Floats) -> Floats:
    """Compute P(x >= least) for beta-binomial x of ``size``; arrays of one shape."""
    from scipy.stats import betabinom

    found: Floats = np.where(
        least <= 0, 1.0, np.where(least > size, 0.0, betabinom.sf(least - 1, size, a, b))
    )
    return found


def unseen_bands(
    n: npt.ArrayLike, p: npt.ArrayLike, cuts: npt.ArrayLike, fraction: npt.ArrayLike
) -> Floats:
    """Compute the probability that the share of a whole caseload lies in each band.

    What was seen is known; what was not has the beta-binomial distribution that the posterior of
    `posterior_bands` gives.

    Parameters
    ----------
    n, p, cuts
        As for `posterior_bands`.
    fraction : array_like of float
        The share of the caseload that was seen, above 0 and up to 1.

    Returns
    -------
    ndarray of float64, shape (..., bands)
    """
    sizes, shares, f = (
        x[..., np.newaxis]
        for x in np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (n, p, fraction)))
    )
    edges = check_cuts(cuts)
    with np.errstate(divide="ignore", invalid="ignore"):
        unseen = np.round(sizes * (1 - f) / f)
    a, b = sizes * shares + 0.5, sizes * (1 - shares) + 0.5
    # Of the whole, so many must be sufficient; some are already.
    least = np.ceil(((sizes + unseen) * edges - sizes * shares) * (1 - _ROUNDING) - 1e-9)
    size, a, b, least = np.broadcast_arrays(unseen, a, b, least)
    return _between(_beta_binomial_above(size, a, b, least))


def predictive_bands(n: npt.ArrayLike, p: npt.ArrayLike, cuts: npt.ArrayLike) -> Floats:
    """Compute how often another sample of the same size is given each band, given this one.

    Parameters
    ----------
    n, p, cuts
        As for `posterior_bands`; the other sample has n effective answers, rounded and at
        least 1.

    Returns
    -------
    ndarray of float64, shape (..., bands)
    """
    sizes, shares = np.broadcast_arrays(np.asarray(n, np.float64), np.asarray(p, np.float64))
    edges = check_cuts(cuts)
    size = np.maximum(np.round(sizes), 1.0)
    a, b = sizes * shares + 0.5, sizes * (1 - shares) + 0.5
    least = _least_counts(size, edges)
    size, a, b, least = np.broadcast_arrays(*(x[..., np.newaxis] for x in (size, a, b)), least)
    return _between(_beta_binomial_above(size, a, b, least))


@attrs.frozen(eq=False)
class BandSize:
    """Sizes of samples that are given the right band often enough.

    Attributes
    ----------
    n : ndarray of float64
        Independent answers; NaN where no sample is large enough, as at a cut.
    certainty : ndarray of float64
        How often a sample of that size has the right band.
    method : ndarray of str
        ``'binomial'``.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.cases_for_band([0.72, 0.65], cuts=[0.5, 0.65, 0.8], certainty=0.9)
    >>> found.n.tolist()
    [106.0, nan]
    """

    n: Floats
    certainty: Floats
    method: npt.NDArray[np.str_]


def cases_for_band(p: npt.ArrayLike, cuts: npt.ArrayLike, certainty: float = 0.9) -> BandSize:
    """Compute how many independent answers are given the band of a true share often enough.

    Parameters
    ----------
    p : array_like of float
        The true share, 0-1.
    cuts : array_like of float, shape (bands - 1,)
        As in `band_probabilities`.
    certainty : float
        How often the sample must have the band of ``p``, between 0 and 1.

    Returns
    -------
    BandSize
        The smallest size from which on every larger one is enough too.

    Raises
    ------
    UsageError
        When shares or cuts are impossible.

    Notes
    -----
    The chance goes up and down with n, since shares of n are steps. At a cut half of all samples
    fall below it however large they are, so no size suffices.

    Examples
    --------
    >>> import omistats as oms
    >>> float(oms.stats.cases_for_band(0.9, cuts=[0.5, 0.65, 0.8], certainty=0.95).n)
    30.0
    """
    check_confidence(certainty)
    shares, edges = as_proportions(p, "p"), check_cuts(cuts)
    flat = np.ravel(shares)
    out, reached = np.full(flat.shape, np.nan), np.full(flat.shape, np.nan)
    for i, share in enumerate(flat.tolist()):
        if np.isnan(share):
            continue
        band = int(band_of(share, edges))
        gaps = np.abs(edges - share)
        if gaps.min() < 1e-9:
            # On a cut; from below no sample is sure to reach it either.
            continue
        # By the normal distribution, with room for the steps of shares.
        from scipy.stats import norm

        z = norm.isf((1 - certainty) / 2)
        bound = int(1.5 * (z * z * share * (1 - share) / gaps.min() ** 2)) + int(3 / gaps.min())
        if bound > _MOST_CASES:
            continue
        n = np.arange(1, max(bound, 10) + 1)
        chance = band_probabilities(n, share, edges).probability[:, band]
        short = np.flatnonzero(chance < certainty)
        first = int(short[-1]) + 1 if len(short) else 0
        if first < len(n):
            out[i], reached[i] = n[first], chance[first]
    shape = np.shape(shares)
    return BandSize(out.reshape(shape), reached.reshape(shape), np.full(shape, "binomial"))
