"""Bands of a share: how often a sample is given each, and what it says of the true share.

Three kinds of probability are kept apart. `band_probabilities` and `cases_for_band` are about
samples, given the true share; `posterior_bands` about the true share, given a sample;
`predictive_bands` about another sample, given this one. Each knows of a finite population.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from omistats._series import check_same_index
from omistats.errors import UsageError, format_value
from omistats.kernel.checks import (
    LARGEST,
    as_fraction,
    as_numbers,
    as_proportions,
    as_sizes,
    broadcast,
)
from omistats.kernel.planning import with_population

__all__ = [
    "AT_A_CUT",
    "TOO_MANY",
    "BandProbabilities",
    "BandSize",
    "band_of",
    "band_probabilities",
    "cases_for_band",
    "check_certainty",
    "check_cuts",
    "limiting_bands",
    "posterior_bands",
    "predictive_bands",
    "smooth_bands",
]

Floats = npt.NDArray[np.float64]

# A share that a cut is above by rounding only lies on it.
_ROUNDING: Final = 1e-12
# Numbers held at a time by sums over outcomes.
_BLOCK: Final = 1 << 20
# Sizes tried one by one below the bound of `cases_for_band`, and how many at once.
_MOST_SIZES: Final = 1 << 17
_SIZES_AT_ONCE: Final = 1 << 10
# Populations up to which sizes are tried one by one, and how many at once.
_MOST_POPULATION: Final = 5000
_POPULATION_SIZES_AT_ONCE: Final = 1 << 7
# Larger ones have logarithms of factorials that are too coarse.
_MOST_FACTORIAL: Final = 1 << 24
# Sums over more outcomes than this are replaced by a beta distribution of the same variance.
_MOST_OUTCOMES: Final = 1 << 16
# Caseloads that `predictive_bands` tries, of all that the posterior allows.
_CASELOADS: Final = 512

AT_A_CUT: Final = "a share is at a cut: no number of cases suffices"
TOO_MANY: Final = "more cases than 2**53"


@attrs.frozen(eq=False)
class BandProbabilities:
    """How often samples are given each band.

    Attributes
    ----------
    probability : ndarray of float64, shape (..., bands)
        From the lowest band to the highest; NaN where ``n`` is 0.
    method : ndarray of str
        ``'binomial'`` or ``'hypergeometric'``.

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
    example = "a list of shares between 0 and 1, as [0.5, 0.65, 0.8]"
    try:
        found = as_numbers(cuts, "cuts")
    except UsageError:
        raise UsageError(f"`cuts` must be {example}; found {format_value(cuts)}") from None
    if found.ndim != 1 or not found.size:
        raise UsageError(f"`cuts` must be {example}; found {format_value(cuts)}")
    outside = found[~((found > 0) & (found < 1))].tolist()
    if outside:
        hint = f"; did you mean {outside[0] / 100:g}?" if 1 < outside[0] < 100 else ""
        raise UsageError(f"`cuts` must be {example}; found {format_value(outside[0])}{hint}")
    if (np.diff(found) <= 0).any():
        raise UsageError(f"`cuts` must ascend; found {format_value(cuts)}. Order them")
    return found


def check_certainty(certainty: float) -> float:
    """Check a certainty: above 0.5, since at a cut half of all samples are right by luck.

    Raises
    ------
    UsageError
        When it is not above 0.5 and below 1.
    """
    wanted = as_fraction(certainty, "certainty")
    if wanted <= 0.5:
        raise UsageError(f"`certainty` must be above 0.5 and below 1; found {certainty!r}")
    return wanted


def band_of(share: npt.ArrayLike, cuts: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Return the band of each share, from 0; a share on a cut is in the band above it."""
    lifted = np.asarray(share, np.float64) * (1 + _ROUNDING)
    return np.asarray(np.searchsorted(np.asarray(cuts, np.float64), lifted, side="right"))


def band_probabilities(
    n: npt.ArrayLike,
    p: npt.ArrayLike,
    cuts: npt.ArrayLike,
    *,
    population: npt.ArrayLike | None = None,
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
    population : array_like of int, optional
        Answers that there are in all, of which the sample is drawn without replacement; broadcast
        with ``n``. ``p`` is taken to the nearest whole number of them that is in the same band.
        By default there is no end of them.

    Returns
    -------
    BandProbabilities
        Probabilities of shape (..., bands).

    Raises
    ------
    UsageError
        When sizes, shares or cuts are impossible, or the population is smaller than the sample.

    Notes
    -----
    The number of sufficient answers is binomial, or hypergeometric in a population.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.band_probabilities(14, 0.6, cuts=[0.5, 0.65, 0.8])
    >>> print(" ".join(f"{x:.0%}" for x in found.probability))
    15% 57% 24% 4%
    >>> found = oms.stats.band_probabilities(14, 0.6, cuts=[0.5, 0.65, 0.8], population=20)
    >>> print(" ".join(f"{x:.0%}" for x in found.probability))
    2% 84% 14% 0%
    """
    check_same_index(n=n, p=p, population=population)
    sizes, shares = as_sizes(n, "n"), as_proportions(p, "p")
    edges = check_cuts(cuts)
    if population is None:
        sizes, shares = broadcast("n and p", sizes, shares)
        above, method = _binomial_above(sizes, shares, edges), "binomial"
    else:
        N = as_sizes(population, "population")
        sizes, shares, N = broadcast("n, p and population", sizes, shares, N)
        with np.errstate(invalid="ignore"):
            small = sizes > N
        if small.any():
            raise UsageError(
                "`population` must be at least as large as the sample; found "
                f"{N[small].flat[0]:g} for a sample of {sizes[small].flat[0]:g}"
            )
        successes = _whole_successes(shares, N, edges)
        above, method = _hypergeometric_above(sizes, successes, N, edges), "hypergeometric"
    found = np.where((sizes > 0)[..., np.newaxis], _between(above), np.nan)
    return BandProbabilities(found, np.full(found.shape[:-1], method))


def posterior_bands(
    n: npt.ArrayLike,
    p: npt.ArrayLike,
    cuts: npt.ArrayLike,
    population: npt.ArrayLike = np.inf,
) -> Floats:
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
    population : array_like of float
        Effective answers in all, n or more; infinite where there is no end of them. What was seen
        is known; what was not has the beta-binomial distribution that follows.

    Returns
    -------
    ndarray of float64, shape (..., bands)
        From the lowest band to the highest; NaN where ``n`` or ``p`` is.

    Raises
    ------
    UsageError
        When cuts are impossible. Sizes and shares are not checked.
    """
    import scipy

    sizes, shares, N = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (n, p, population)))
    a, b = sizes * shares + 0.5, sizes * (1 - shares) + 0.5
    edges = check_cuts(cuts)
    above = np.array(scipy.special.betainc(b[..., np.newaxis], a[..., np.newaxis], 1 - edges))
    finite = np.isfinite(N) & ~np.isnan(a)
    if finite.any():
        unseen = _unseen(sizes[finite], N[finite])
        seen = (sizes * shares)[finite][:, np.newaxis]
        # Of the whole, so many must be sufficient; some are already.
        total = sizes[finite] + unseen
        least = np.ceil((total[:, np.newaxis] * edges - seen) * (1 - _ROUNDING) - 1e-9)
        above[finite] = _beta_binomial_above(unseen, a[finite], b[finite], least)
    return _between(above)


def predictive_bands(
    n: npt.ArrayLike,
    p: npt.ArrayLike,
    cuts: npt.ArrayLike,
    population: npt.ArrayLike = np.inf,
) -> Floats:
    """Compute how often another sample of the same size is given each band, given this one.

    Parameters
    ----------
    n, p, cuts, population
        As for `posterior_bands`; the other sample has n effective answers, rounded and at
        least 1. From a population it is hypergeometric, given each caseload that the posterior
        allows, and may hold the same cases again. One that was seen whole is rated the same.

    Returns
    -------
    ndarray of float64, shape (..., bands)
        From the lowest band to the highest; NaN where ``n`` or ``p`` is.

    Raises
    ------
    UsageError
        When cuts are impossible. Sizes and shares are not checked.
    """
    sizes, shares, N = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (n, p, population)))
    edges = check_cuts(cuts)
    size = np.maximum(np.rint(sizes), 1.0)
    a, b = sizes * shares + 0.5, sizes * (1 - shares) + 0.5
    found = np.full((*sizes.shape, len(edges) + 1), np.nan)
    known = ~np.isnan(a)
    # Of so large a population the sample is no part worth the name.
    many = known & ((N - sizes > _MOST_FACTORIAL) | np.isinf(N))
    if many.any():
        least = np.ceil(size[many][:, np.newaxis] * edges * (1 - _ROUNDING))
        found[many] = _between(_beta_binomial_above(size[many], a[many], b[many], least))
    for at in map(tuple, np.argwhere(known & ~many).tolist()):
        own = float(sizes[at]), float(shares[at]), float(size[at])
        found[at] = _predictive_in(*own, float(N[at]), edges)
    return found


def smooth_bands(n: npt.ArrayLike, p: npt.ArrayLike, cuts: npt.ArrayLike) -> Floats:
    """Compute `band_probabilities` without the steps of whole answers, for n above 0.

    The least number of answers that reaches a cut is half an answer above n times the cut, as it
    is on average, so that the probability of the right band grows with n.
    """
    import scipy

    sizes, shares = np.broadcast_arrays(np.asarray(n, np.float64), np.asarray(p, np.float64))
    sizes, shares = sizes[..., np.newaxis], shares[..., np.newaxis]
    least = sizes * check_cuts(cuts) + 0.5
    rest = np.maximum(sizes - least + 1, 1e-9)
    return _between(np.asarray(scipy.special.betainc(least, rest, shares)))


def limiting_bands(p: npt.ArrayLike, cuts: npt.ArrayLike) -> Floats:
    """Return the bands of samples without end: that of the share, or at a cut either by half."""
    shares, edges = np.asarray(p, np.float64)[..., np.newaxis], check_cuts(cuts)
    gap = shares - edges
    at_cut = np.abs(gap) <= _ROUNDING * edges
    return _between(np.where(at_cut, 0.5, np.where(gap > 0, 1.0, 0.0)))


@attrs.frozen(eq=False)
class BandSize:
    """Sizes of samples that are given the right band often enough.

    Attributes
    ----------
    n : ndarray of float64
        Independent answers; infinite where no number can be given, as ``reason`` says, and NaN
        where the share is.
    certainty : ndarray of float64
        How often a sample of that size has the right band; NaN where there is none.
    method : ndarray of str
        ``'exact'``; ``'upper bound'``, where the number may be too large by less than one in a
        hundred; ``'correction'``, where the number without a population was reduced by the finite
        population correction; ``'none'`` where no number can be given.
    reason : ndarray of str
        Why no number can be given; empty where there is one.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.cases_for_band([0.72, 0.651, 0.65], cuts=[0.5, 0.65, 0.8])
    >>> found.n.tolist(), found.reason[2].item()
    ([106.0, 374098.0, inf], 'a share is at a cut: no number of cases suffices')
    """

    n: Floats
    certainty: Floats
    method: npt.NDArray[np.str_]
    reason: npt.NDArray[np.str_]


def cases_for_band(
    p: npt.ArrayLike,
    cuts: npt.ArrayLike,
    certainty: float = 0.9,
    *,
    population: npt.ArrayLike | None = None,
) -> BandSize:
    """Compute how many independent answers are given the band of a true share often enough.

    Parameters
    ----------
    p : array_like of float
        The true share, 0-1.
    cuts : array_like of float, shape (bands - 1,)
        As in `band_probabilities`.
    certainty : float
        How often the sample must have the band of ``p``, above 0.5 and below 1.
    population : array_like of int, optional
        Answers that there are in all, 1 or more; broadcast with ``p``, which is taken to the
        nearest whole number of them in the same band. By default there is no end of them.

    Returns
    -------
    BandSize
        The smallest size from which on every larger one is enough too. A population that is
        inspected whole always is.

    Raises
    ------
    UsageError
        When shares, cuts, the certainty or the population are impossible.

    Notes
    -----
    The chance goes up and down with n, since shares of n are steps. At a cut half of all samples
    fall below it however large they are, so no size suffices.

    Examples
    --------
    >>> import omistats as oms
    >>> float(oms.stats.cases_for_band(0.9, cuts=[0.5, 0.65, 0.8], certainty=0.95).n)
    30.0
    >>> oms.stats.cases_for_band([0.72, 0.65], [0.5, 0.65, 0.8], population=200).n.tolist()
    [72.0, 200.0]
    """
    miss = 1.0 - check_certainty(certainty)
    shares, edges = as_proportions(p, "p"), check_cuts(cuts)
    N = np.asarray(np.inf)
    if population is not None:
        N = as_sizes(population, "population")
        if (N < 1).any():
            raise UsageError("`population` must be one case or more; found 0")
        shares, N = broadcast("p and population", shares, N)
    pairs = np.stack(np.broadcast_arrays(shares, N), axis=-1)
    shape = pairs.shape[:-1]
    unique, code = np.unique(pairs.reshape(-1, 2), axis=0, return_inverse=True)
    found = [_needed(share, total, edges, miss) for share, total in unique.tolist()]
    at = code.reshape(shape)
    columns = list(zip(*found, strict=True)) or [(), (), (), ()]
    return BandSize(
        np.array(columns[0], np.float64)[at],
        np.array(columns[1], np.float64)[at],
        np.array(columns[2], np.str_)[at],
        np.array(columns[3], np.str_)[at],
    )


def _between(above: Floats) -> Floats:
    """Turn the probabilities of reaching each cut into those of bands."""
    ends = above.shape[:-1]
    whole = np.concatenate([np.ones((*ends, 1)), above, np.zeros((*ends, 1))], axis=-1)
    found: Floats = np.clip(whole[..., :-1] - whole[..., 1:], 0.0, 1.0)
    return found


def _least(n: Floats, cuts: Floats) -> Floats:
    """Return how many of n are needed to reach each cut, shape (..., cuts)."""
    found: Floats = np.ceil(n[..., np.newaxis] * cuts * (1 - _ROUNDING))
    return found


def _at_least(least: Any, n: Any, p: Any) -> Floats:
    """Compute P(x >= least) for binomial x: the regularised incomplete beta function."""
    import scipy

    with np.errstate(invalid="ignore"):
        inside = scipy.special.betainc(np.maximum(least, 0.5), np.maximum(n - least + 1, 0.5), p)
    inside = np.where(least > n, 0.0, inside)
    return np.asarray(np.where(least <= 0, 1.0, inside))


def _binomial_above(n: Floats, p: Floats, cuts: Floats) -> Floats:
    return _at_least(_least(n, cuts), n[..., np.newaxis], p[..., np.newaxis])


def _unseen(n: Floats, population: Floats) -> Floats:
    """Return the whole number of answers not seen; one at least, where not all were."""
    rest = population - n
    found: Floats = np.where(rest > 1e-9 * population, np.maximum(np.rint(rest), 1.0), 0.0)
    return found


def _whole_successes(p: Floats, n: Floats, cuts: Floats) -> Floats:
    """Return the whole number of n that is nearest to a share of p and in its band, if one is."""
    nearest = np.rint(n * p)
    if (np.isnan(p) | (n < 1)).all():
        return nearest
    band = band_of(p, cuts)
    with np.errstate(divide="ignore", invalid="ignore"):
        other = band_of(nearest / n, cuts)
    moved = np.where(other < band, nearest + 1, np.where(other > band, nearest - 1, nearest))
    with np.errstate(divide="ignore", invalid="ignore"):
        fits = band_of(moved / n, cuts) == band
    return np.asarray(np.where(fits, moved, nearest))


def _sum_from(log_weights: Floats, least: Floats) -> Floats:
    """Sum normalised weights of the values, which count from 0, that reach each least value.

    Parameters
    ----------
    log_weights : ndarray of float64, shape (rows, values)
        Logarithms up to a constant of each row.
    least : ndarray of float64, shape (rows, cuts)
        The least values.
    """
    top = log_weights.max(axis=-1, keepdims=True)
    weights = np.exp(log_weights - top)
    # From the top down, so that small upper tails keep their digits.
    above = np.cumsum(weights[:, ::-1], axis=-1)[:, ::-1]
    above = np.concatenate([above, np.zeros((len(above), 1))], axis=-1)
    first = np.clip(least, 0, log_weights.shape[1]).astype(np.intp)
    found: Floats = np.take_along_axis(above, first, -1) / above[:, :1]
    return found


def _hypergeometric_logs(k: Floats, n: Any, K: Any, N: Any) -> Floats:
    """Return logarithms of hypergeometric probabilities up to a constant of k."""
    import scipy

    possible = (k <= n) & (k <= K) & (n - k <= N - K)
    k = np.where(possible, k, np.maximum(0.0, n - (N - K)))
    parts = (k, K - k, n - k, N - K - n + k)
    most = float(np.max(N, initial=0.0))
    if most < _BLOCK:
        # Looking up logarithms of factorials is many times faster than computing them.
        table = scipy.special.gammaln(np.arange(most + 1) + 1)
        logs = -sum(table[part.astype(np.intp)] for part in parts)
    else:
        logs = -sum(scipy.special.gammaln(part + 1) for part in parts)
    return np.asarray(np.where(possible, logs, -np.inf))


def _hypergeometric_above(n: Floats, K: Floats, N: Floats, cuts: Floats) -> Floats:
    """Compute P(x / n >= cut) for hypergeometric x, shape (..., cuts)."""
    out = np.full((*n.shape, len(cuts)), np.nan)
    known = (n > 0) & ~np.isnan(K + N)
    large = known & (N > _MOST_FACTORIAL)
    if large.any():
        # As binomial, of so many answers that the variance is the same.
        size, total = n[large], N[large]
        with np.errstate(divide="ignore"):
            scale = np.minimum((total - 1) / (total - size), LARGEST)[:, np.newaxis]
        share = (K[large] / total)[:, np.newaxis]
        out[large] = _at_least(_least(size, cuts) * scale, size[:, np.newaxis] * scale, share)
    known &= ~large
    sizes, successes, total = n[known], K[known], N[known]
    parts = np.empty((len(sizes), len(cuts)))
    mean = sizes * successes / total
    # What lies further from the mean is less likely than rounding.
    width = np.ceil(9 * np.sqrt(mean * (1 - successes / total))) + 30
    rows = max(1, int(_BLOCK // (2 * width.max(initial=0) + 3)))
    for first in range(0, len(sizes), rows):
        own = slice(first, first + rows)
        m = sizes[own, np.newaxis]
        begin = np.maximum(np.floor(mean[own] - width[own]), 0.0)[:, np.newaxis]
        values = begin + np.arange(2 * width[own].max() + 2)
        logs = _hypergeometric_logs(values, m, successes[own, np.newaxis], total[own, np.newaxis])
        parts[own] = _sum_from(logs, _least(m[:, 0], cuts) - begin)
    out[known] = parts
    return out


def _beta_binomial_logs(k: Floats, n: Floats, a: Floats, b: Floats) -> Floats:
    """Return logarithms of beta-binomial probabilities up to constants, shape (rows, values)."""
    import scipy

    log = scipy.special.gammaln
    n, a, b = n[:, np.newaxis], a[:, np.newaxis], b[:, np.newaxis]
    possible = k <= n
    rest = np.where(possible, n - k, 0.0)
    logs = log(k + a) - log(k + 1) + log(rest + b) - log(rest + 1)
    return np.asarray(np.where(possible, logs, -np.inf))


def _matching_beta(n: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return the beta distribution that has mean and variance of a beta-binomial share of n."""
    total = (a + b + 1) * n / (a + b + n) - 1
    return total * a / (a + b), total * b / (a + b)


def _beta_binomial_above(n: Floats, a: Floats, b: Floats, least: Floats) -> Floats:
    """Compute P(x >= least) for beta-binomial x of n, shape (rows, cuts)."""
    import scipy

    out = np.empty(least.shape)
    large = n > _MOST_OUTCOMES
    if large.any():
        like_a, like_b = (x[:, np.newaxis] for x in _matching_beta(n[large], a[large], b[large]))
        edge = np.clip((least[large] - 0.5) / n[large][:, np.newaxis], 0.0, 1.0)
        out[large] = scipy.special.betainc(like_b, like_a, 1 - edge)
    (small,) = np.nonzero(~large)
    rows = max(1, int(_BLOCK // (n[small].max(initial=0) + 1)))
    for first in range(0, len(small), rows):
        own = small[first : first + rows]
        values = np.arange(n[own].max(initial=0) + 1)
        logs = _beta_binomial_logs(values, n[own], a[own], b[own])
        out[own] = _sum_from(logs, least[own])
    return out


def _predictive_in(n: float, p: float, size: float, population: float, cuts: Floats) -> Floats:
    """Compute the bands of another sample from one caseload, of which n were seen."""
    unseen = float(_unseen(np.asarray(n), np.asarray(population)))
    if not unseen:
        # Every other sample of that size is the same one.
        return np.asarray(np.arange(len(cuts) + 1) == band_of(p, cuts), np.float64)
    more, weights = _unseen_sufficient(n, p, unseen)
    seen = float(_whole_successes(np.asarray(p), np.asarray(size), cuts))
    same = np.ones(more.shape)
    given = _hypergeometric_above(size * same, seen + more, (size + unseen) * same, cuts)
    return np.asarray(weights @ _between(given))


def _unseen_sufficient(n: float, p: float, unseen: float) -> tuple[Floats, Floats]:
    """Return numbers of sufficient answers among those not seen, and the weight of each."""
    import scipy

    a, b = np.array([n * p + 0.5]), np.array([n * (1 - p) + 0.5])
    middles = (np.arange(_CASELOADS) + 0.5) / _CASELOADS
    weights = np.full(_CASELOADS, 1 / _CASELOADS)
    if unseen > _MOST_OUTCOMES:
        like_a, like_b = _matching_beta(np.array([unseen]), a, b)
        found = np.rint(unseen * scipy.special.betaincinv(like_a, like_b, middles))
        return np.asarray(found), weights
    values = np.arange(unseen + 1)
    logs = _beta_binomial_logs(values, np.array([unseen]), a, b)[0]
    chance = np.exp(logs - logs.max())
    chance /= chance.sum()
    if len(values) <= _CASELOADS:
        return values, chance
    return values[np.searchsorted(chance.cumsum(), middles)], weights


Needed = tuple[float, float, str, str]
"""A number of cases, how often it is right, the method, and the reason why there is none."""


def _needed(p: float, N: float, cuts: Floats, miss: float) -> Needed:
    """Find the cases needed for one share in one population."""
    if np.isnan(p) or np.isnan(N):
        return np.nan, np.nan, "none", "the share or the population is not known"
    if np.isinf(N):
        return _needed_without_end(p, cuts, miss)
    n, _, _, reason = _needed_without_end(p, cuts, miss)
    if N <= _MOST_POPULATION:
        K = float(_whole_successes(np.asarray(p), np.asarray(N), cuts))
        return _needed_of(K, N, cuts, miss, N if reason else min(2 * n + 50, N))
    if reason:
        return N, 1.0, "correction", ""
    few = float(with_population(np.asarray(n), np.asarray(N)))
    own = int(band_of(p, cuts))
    successes = _whole_successes(np.asarray([p]), np.asarray([N]), cuts)
    above = _hypergeometric_above(np.array([few]), successes, np.array([N]), cuts)
    return few, float(_between(above)[0, own]), "correction", ""


def _needed_of(K: float, N: float, cuts: Floats, miss: float, most: float) -> Needed:
    """Try sample sizes from the most down."""
    band, high, right = int(band_of(K / N, cuts)), most, 1.0
    while high >= 1:
        sizes = np.arange(max(1.0, high - _POPULATION_SIZES_AT_ONCE + 1), high + 1)
        same = np.ones(sizes.shape)
        chance = _between(_hypergeometric_above(sizes, K * same, N * same, cuts))[:, band]
        wrong = np.flatnonzero(chance < 1 - miss - _ROUNDING)
        if wrong.size:
            last = int(wrong[-1])
            right = float(chance[last + 1]) if last + 1 < len(sizes) else right
            return float(sizes[last]) + 1, right, "exact", ""
        right, high = float(chance[0]), float(sizes[0]) - 1
    return 1.0, right, "exact", ""


def _needed_without_end(p: float, cuts: Floats, miss: float) -> Needed:
    """Find the cases needed without a population: a bound first, then one size less at a time."""
    band = int(band_of(p, cuts))
    if float(limiting_bands(p, cuts)[band]) < 1:
        return np.inf, np.nan, "none", AT_A_CUT
    if p in (0.0, 1.0):
        return 1.0, 1.0, "exact", ""
    low = float(cuts[band - 1]) if band else None
    high = float(cuts[band]) if band < len(cuts) else None

    def bound(n: float) -> float:
        # The fewest cases that reach a cut, as a real number, are at most one above n times cut.
        below = 0.0 if low is None else 1 - float(_at_least(n * low + 1, n, p))
        above = 0.0 if high is None else float(_at_least(n * high, n, p))
        return below + above

    enough = 1.0
    while bound(enough) > miss or bound(2 * enough) > miss:
        enough *= 2
        if enough > LARGEST:
            return np.inf, np.nan, "none", TOO_MANY
    least = max(enough / 2, 1.0)
    while enough - least > 1:
        middle = float(np.floor((least + enough) / 2))
        least, enough = (least, middle) if bound(middle) <= miss else (middle, enough)

    def chance(sizes: Floats) -> Floats:
        above = _binomial_above(sizes, np.full(sizes.shape, p), cuts)
        return np.asarray(_between(above)[:, band])

    tried, top, right = 0, enough, float(chance(np.array([enough]))[0])
    while top >= 1 and tried < _MOST_SIZES:
        sizes = np.arange(max(1.0, top - _SIZES_AT_ONCE + 1), top + 1)
        found = chance(sizes)
        wrong = np.flatnonzero(found < 1 - miss)
        if wrong.size:
            last = int(wrong[-1])
            right = float(found[last + 1]) if last + 1 < len(sizes) else right
            return float(sizes[last]) + 1, right, "exact", ""
        right, tried, top = float(found[0]), tried + len(sizes), float(sizes[0]) - 1
    if top < 1:
        return 1.0, right, "exact", ""
    return enough, float(chance(np.array([enough]))[0]), "upper bound", ""
