"""Ranks of units, joint rank sets and pairwise comparisons."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import check_choice
from omistats.kernel.checks import check_confidence, check_whole
from omistats.kernel.funnel import check_units
from omistats.kernel.intervals import normal_quantile
from omistats.kernel.multiplicity import holm

__all__ = [
    "Pairs",
    "RankSets",
    "Ranks",
    "pairs",
    "rank_sets",
    "rank_sets_of_tests",
    "ranks",
]


Floats = npt.NDArray[np.float64]

_FIRST = ("highest", "lowest")


@attrs.frozen(eq=False)
class Ranks:
    """Ranks of units, which lie along the last axis, with their uncertainty.

    Attributes
    ----------
    rank : ndarray of float64, shape (..., units)
        The rank of the estimate, 1 first; equal estimates share their mean rank.
    mean, low, high : ndarray of float64, shape (..., units)
        The mean of the simulated ranks and the limits of their central interval; the ranks
        on either side of it have probability at most ``(1 - confidence) / 2``.
    probability : ndarray of float64, shape (..., units, units)
        The probability of each unit (row) to have each rank (column, the first is rank 1).
    lowest_quarter : ndarray of float64, shape (..., units)
        The probability of being among the ``units // 4`` lowest; NaN with fewer than
        four units.
    mean_error, probability_error, lowest_quarter_error : ndarray of float64
        The Monte Carlo standard errors of ``mean``, ``probability`` and ``lowest_quarter``.
    tail_error : float
        The Monte Carlo standard error of the probability beyond each end of an interval.
    units : ndarray of int64, shape (...)
        Number of units with an estimate and a standard error.
    draws, seed : int
        Number of simulations and seed of the random numbers.
    confidence : float
        Confidence of each interval by itself.
    first : str
        Whether the highest or the lowest estimate has rank 1.
    """

    rank: Floats
    mean: Floats
    low: Floats
    high: Floats
    probability: Floats
    lowest_quarter: Floats
    mean_error: Floats
    probability_error: Floats
    lowest_quarter_error: Floats
    tail_error: float
    units: npt.NDArray[np.int64]
    draws: int
    seed: int
    confidence: float
    first: str


def ranks(
    estimate: npt.ArrayLike,
    se: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
    first: str = "highest",
) -> Ranks:
    """Rank units and simulate the uncertainty of their ranks.

    Parameters
    ----------
    estimate, se : array_like of float, shape (..., units)
        Independent estimates and their standard errors. A unit with NaN stays NaN and is
        not ranked.
    confidence : float
        Confidence of each interval, between 0 and 1.
    draws : int
        Number of simulations.
    seed : int
        Seed of the random numbers. Equal seeds give equal results; each table has the same
        result alone or among others.
    first : {'highest', 'lowest'}
        Whether the highest or the lowest estimate has rank 1.

    Returns
    -------
    Ranks

    Raises
    ------
    UsageError
        When numbers are infinite, a standard error is negative, shapes do not fit, or
        ``draws`` or ``seed`` is out of range.
    UnknownNameError
        When ``first`` is neither ``'highest'`` nor ``'lowest'``.

    Notes
    -----
    Each simulation draws every unit from a normal distribution about its estimate and
    ranks the draws; ties are put in random order. This is the distribution of ranks under
    a flat prior. Estimates already vary more than the true values, and the draws add noise
    again, so coverage of an interval is not guaranteed. That of `omistats.kernel.ranks.rank_sets`
    is, as far as the estimates are normal with these standard errors.

    References
    ----------
    Goldstein, H. and Spiegelhalter, D. J. (1996). League tables and their limitations.
    JRSS A 159, 385-443. doi:10.2307/2983325
    """
    value, error = _check_inputs(estimate, se, confidence, first)
    check_whole("draws", draws, 2)
    check_whole("seed", seed, 0)
    size = value.shape[-1]
    noise = np.random.default_rng(seed).standard_normal((draws, size))
    sign = -1.0 if first == "highest" else 1.0
    shape = value.shape[:-1]
    known = ~np.isnan(value + error)
    counts = np.zeros((*shape, size, size), np.int64)
    for at in np.ndindex(shape):
        ranked = np.flatnonzero(known[at])
        drawn = sign * (value[at][ranked] + error[at][ranked] * noise[:, ranked])
        counts[(*at, ranked[:, None], np.arange(ranked.size))] = _count_ranks(drawn, seed)
    return _summarise(value * sign, known, counts, confidence, (int(draws), int(seed)), first)


def _count_ranks(drawn: Floats, seed: int) -> npt.NDArray[np.int64]:
    """Count how often each unit (row) takes each rank (column), lowest draw first."""
    units = drawn.shape[1]
    order = np.argsort(drawn, axis=1)
    if (np.diff(np.take_along_axis(drawn, order, 1), axis=1) == 0).any():
        keys = np.random.default_rng([seed, 1]).random(drawn.shape)
        order = np.lexsort((keys, drawn), axis=1)
    cells = order * units + np.arange(units)
    return np.bincount(cells.ravel(), minlength=units * units).reshape(units, units)


def _summarise(
    value: Floats,
    known: npt.NDArray[np.bool_],
    counts: npt.NDArray[np.int64],
    confidence: float,
    simulation: tuple[int, int],
    first: str,
) -> Ranks:
    """Summarise the counted ranks of simulations, given as draws and seed."""
    draws, seed = simulation
    size = value.shape[-1]
    units = np.asarray(known.sum(axis=-1))
    place = np.arange(1.0, size + 1)
    chance = np.where(known[..., None], counts / draws, np.nan)
    with np.errstate(invalid="ignore"):
        gap = value[..., None, :] - value[..., :, None]
        gap = np.where(known[..., None, :], gap, np.nan)
        rank = 0.5 + (gap < 0).sum(axis=-1) + (gap == 0).sum(axis=-1) / 2
    mean = counts @ place / draws
    # Deviations from the mean, so that a rank that never changes has an error of exactly 0.
    spread = (counts * (place - mean[..., None]) ** 2).sum(axis=-1) / draws
    tail = (1 - confidence) / 2
    running = counts.cumsum(axis=-1)
    # Allow for rounding of a count that equals the tail probability.
    cut = tail * draws * (1 + 1e-12)
    low = (running <= cut).sum(axis=-1) + 1
    high = size - (draws - running <= cut).sum(axis=-1) + 1
    size_of_quarter = (units // 4)[..., None, None]
    if first == "highest":
        last = units[..., None, None]
        in_quarter = (place > last - size_of_quarter) & (place <= last)
    else:
        in_quarter = place <= size_of_quarter
    quarter: Any = np.where(in_quarter, counts, 0).sum(axis=-1) / draws
    quarter = np.where(known & (units >= 4)[..., None], quarter, np.nan)
    return Ranks(
        np.where(known, rank, np.nan),
        np.where(known, mean, np.nan),
        np.where(known, low, np.nan),
        np.where(known, high, np.nan),
        chance,
        quarter,
        np.where(known, np.sqrt(spread / draws), np.nan),
        np.sqrt(chance * (1 - chance) / draws),
        np.sqrt(quarter * (1 - quarter) / draws),
        float(np.sqrt(tail * (1 - tail) / draws)),
        units,
        draws,
        seed,
        confidence,
        first,
    )


@attrs.frozen(eq=False)
class RankSets:
    """Ranges of ranks that hold jointly for all units, which lie along the last axis.

    Attributes
    ----------
    low, high : ndarray of float64, shape (..., units)
        The lowest and highest rank; NaN for a unit with NaN.
    above, below : ndarray of float64, shape (..., units)
        Number of units significantly higher, and number significantly lower.
    p_value : ndarray of float64, shape (..., units, units)
        Adjusted p-values of the hypotheses that the row's unit is not higher than the
        column's.
    confidence : float
        Confidence that all ranges hold.
    first : str
        Whether the highest or the lowest estimate has rank 1.
    method : str
        ``'holm'``.
    """

    low: Floats
    high: Floats
    above: Floats
    below: Floats
    p_value: Floats
    confidence: float
    first: str
    method: str


def rank_sets(
    estimate: npt.ArrayLike,
    se: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    first: str = "highest",
) -> RankSets:
    """Compute ranges of ranks that hold jointly, if estimates are normal with these errors.

    Parameters
    ----------
    estimate, se : array_like of float, shape (..., units)
        Independent estimates and their standard errors. A unit with NaN stays NaN and is
        not ranked.
    confidence : float
        Joint confidence of all ranges, between 0 and 1.
    first : {'highest', 'lowest'}
        Whether the highest or the lowest estimate has rank 1.

    Returns
    -------
    RankSets

    Raises
    ------
    UsageError
        When numbers are infinite, a standard error is negative, or shapes do not fit.
    UnknownNameError
        When ``first`` is neither ``'highest'`` nor ``'lowest'``.

    Notes
    -----
    Each ordered pair has a one-sided hypothesis, "this unit is not higher than that one".
    Holm's procedure over all ``I (I - 1)`` hypotheses bounds the probability of any false
    ordering, whatever their dependence. (Holm over the ``I (I - 1) / 2`` two-sided tests
    would reject slightly more, but does not in general bound errors of direction.) A
    unit's rank then lies between 1 plus the number of units shown to come before it and
    ``I`` less the number shown to come after it.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian
    Journal of Statistics 6, 65-70. Klein, M., Wright, T. and Wieczorek, J. (2020). A joint
    confidence region for an overall ranking of populations. JRSS C 69, 589-606.
    doi:10.1111/rssc.12402. Mohamad, D., Goeman, J. and van Zwet, E. (2022). Simultaneous
    confidence intervals for ranks with application to ranking institutions. Biometrics 78,
    238-247. doi:10.1111/biom.13419
    """
    import scipy

    value, error = _check_inputs(estimate, se, confidence, first)
    known = np.asarray(~np.isnan(value + error))
    gap = value[..., :, None] - value[..., None, :]
    spread = np.sqrt(error[..., :, None] ** 2 + error[..., None, :] ** 2)
    z = np.where(np.eye(value.shape[-1], dtype=bool), np.nan, _z(gap, spread))
    return _sets(np.asarray(scipy.special.ndtr(-z)), np.asarray(known), confidence, first)


def rank_sets_of_tests(
    estimate: Floats, p_value: Floats, *, confidence: float = 0.95, first: str = "highest"
) -> RankSets:
    """Find joint ranges of ranks from the tests of all pairs of units.

    Parameters
    ----------
    estimate : ndarray of float64, shape (units,)
        Estimates, which give each difference its direction.
    p_value : ndarray of float64, shape (units, units)
        Two-sided p-values of the pairs, symmetric; NaN where a pair was not tested.
    confidence, first
        As in `rank_sets`.
    """
    check_confidence(confidence)
    check_choice("end to count ranks from", first, _FIRST)
    gap = estimate[:, None] - estimate[None, :]
    p = np.where(gap > 0, p_value / 2, 1 - p_value / 2)
    np.fill_diagonal(p, np.nan)
    # A unit without any test has no place.
    known = np.asarray(~np.isnan(p).all(axis=-1))
    return _sets(p, known, confidence, first)


def _sets(p: Floats, known: npt.NDArray[np.bool_], confidence: float, first: str) -> RankSets:
    """Adjust one-sided p-values of ordered pairs, and count who is before and after."""
    size = p.shape[-1]
    adjusted = holm(p.reshape(*p.shape[:-2], size * size)).reshape(p.shape)
    significant = adjusted <= 1 - confidence
    below, above = significant.sum(axis=-1), significant.sum(axis=-2)
    before, after = (above, below) if first == "highest" else (below, above)
    units = known.sum(axis=-1)[..., None]
    return RankSets(
        np.where(known, before + 1, np.nan),
        np.where(known, units - after, np.nan),
        np.where(known, above, np.nan),
        np.where(known, below, np.nan),
        adjusted,
        confidence,
        first,
        "holm",
    )


@attrs.frozen(eq=False)
class Pairs:
    """Differences between pairs of units; pairs lie along the last axis.

    Attributes
    ----------
    first, second : ndarray of int64, shape (pairs,)
        The units of each pair: 0 and 1, 0 and 2, and so on.
    difference, se, low, high : ndarray of float64, shape (..., pairs)
        The first unit's estimate less the second's, with the standard error and the interval
        of this pair by itself.
    p_value : ndarray of float64, shape (..., pairs)
        Two-sided p-value of this pair by itself.
    p_adjusted : ndarray of float64, shape (..., pairs)
        P-value adjusted for all pairs, as in the joint rank sets.
    higher : ndarray of int8, shape (..., pairs)
        1 where the first unit is significantly higher, -1 where the second is, 0 otherwise.
    confidence : float
        Confidence of each interval by itself, and of ``higher`` as a whole if the test of each
        pair keeps its level.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    difference: Floats
    se: Floats
    low: Floats
    high: Floats
    p_value: Floats
    p_adjusted: Floats
    higher: npt.NDArray[np.int8]
    confidence: float


def pairs(estimate: npt.ArrayLike, se: npt.ArrayLike, *, confidence: float = 0.95) -> Pairs:
    """Compare every unit with every other unit.

    Parameters
    ----------
    estimate, se : array_like of float, shape (..., units)
        Independent estimates and their standard errors. Pairs with a NaN are NaN.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Pairs
        With ``units (units - 1) / 2`` pairs.

    Raises
    ------
    UsageError
        When numbers are infinite, a standard error is negative, or shapes do not fit.

    Notes
    -----
    Units are independent, so the standard error is the root of the sum of squares; the test
    is normal. The adjustment is Holm's over the two one-sided hypotheses of every pair (see
    `omistats.kernel.ranks.rank_sets`); ``p_adjusted`` belongs to the observed direction.
    If both standard errors are 0, the p-value is 0, or 1 if the two estimates are equal.
    """
    import scipy

    value, error = _check_inputs(estimate, se, confidence)
    adjusted = rank_sets(value, error, confidence=confidence).p_value
    first, second = np.triu_indices(value.shape[-1], 1)
    difference = value[..., first] - value[..., second]
    spread = np.hypot(error[..., first], error[..., second])
    reach = normal_quantile(confidence) * spread
    z = np.abs(_z(difference, spread))
    up, down = adjusted[..., first, second], adjusted[..., second, first]
    level = 1 - confidence
    return Pairs(
        first,
        second,
        difference,
        spread,
        difference - reach,
        difference + reach,
        np.asarray(2 * scipy.special.ndtr(-z)),
        np.minimum(up, down),
        (up <= level).astype(np.int8) - (down <= level).astype(np.int8),
        confidence,
    )


def _z(gap: Floats, spread: Floats) -> Floats:
    """Compute differences in standard errors, infinite where an unequal pair has no error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # Equal estimates give 0 even without error; an unknown error gives NaN.
        return np.where((gap == 0) & ~np.isnan(spread), 0.0, gap / spread)


def _check_inputs(
    estimate: npt.ArrayLike, se: npt.ArrayLike, confidence: float, first: str = "highest"
) -> tuple[Floats, Floats]:
    """Return estimates and standard errors of units after checking all arguments."""
    check_confidence(confidence)
    check_choice("end to count ranks from", first, _FIRST)
    return check_units(estimate=estimate, se=se)
