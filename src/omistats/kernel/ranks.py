"""Ranks, joint rank sets, pairwise comparisons."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.kernel.checks import check_confidence, check_whole
from omistats.kernel.funnel import broadcast_floats, refuse_broken
from omistats.kernel.intervals import normal_quantile

__all__ = [
    "Pairs",
    "RankSets",
    "Ranks",
    "check_whole",
    "ordered_z",
    "pairs",
    "rank_inputs",
    "rank_sets",
    "ranks",
]


Floats = npt.NDArray[np.float64]

_FIRST = ("highest", "lowest")


@attrs.frozen(eq=False)
class Ranks:
    """Ranks with their uncertainty; the units lie along the last axis.

    Attributes
    ----------
    rank : ndarray of float64, shape (..., units)
        The rank of the estimate, 1 first; equal estimates share their mean rank.
    mean, low, high : ndarray of float64, shape (..., units)
        The mean of the simulated ranks and the ends of their central interval; the
        ranks on either side of it have at most half of what confidence leaves.
    probability : ndarray of float64, shape (..., units, units)
        Of each unit (row) to have each rank (column, the first is rank 1).
    lowest_quarter : ndarray of float64, shape (..., units)
        The probability of being among the ``units // 4`` lowest; NaN with fewer than
        four units.
    mean_error, probability_error, lowest_quarter_error : ndarray of float64
        The Monte Carlo standard errors of the three above.
    tail_error : float
        The Monte Carlo standard error of the share beyond each end of an interval.
    units : ndarray of int64, shape (...)
        The units that counted.
    draws, seed : int
        The simulations and what they started from.
    confidence : float
        Of the intervals, each by itself.
    first : str
        Which end has rank 1.
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


def rank_inputs(
    estimate: npt.ArrayLike, se: npt.ArrayLike, confidence: float, first: str
) -> tuple[Floats, Floats]:
    """Return estimates and standard errors that can be ranked."""
    check_confidence(confidence)
    if first not in _FIRST:
        raise UnknownNameError("end to count ranks from", first, _FIRST)
    value, error = broadcast_floats(estimate=estimate, se=se)
    if value.ndim == 0:
        raise UsageError("units lie along the last axis; found a single number")
    refuse_broken(
        [
            ("estimate", value, np.isinf(value), "is finite (NaN for a unit without one)"),
            ("se", error, (error < 0) | np.isinf(error), "is finite, 0 or more (NaN for none)"),
        ]
    )
    return value, error


def ranks(
    estimate: npt.ArrayLike,
    se: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
    first: str = "highest",
) -> Ranks:
    """Rank units and simulate how else they could have ranked.

    Parameters
    ----------
    estimate, se : array_like of float, shape (..., units)
        Independent estimates and their standard errors. A NaN unit stays NaN and has
        no place.
    confidence : float
        Of each interval, between 0 and 1.
    draws : int
        Simulations.
    seed : int
        Equal seeds give equal answers; a table ranks alike alone or among others.
    first : {'highest', 'lowest'}
        Which end has rank 1.

    Returns
    -------
    Ranks

    Raises
    ------
    UsageError
        When numbers are infinite, a standard error is negative, shapes do not fit, or
        ``draws`` or ``seed`` is no such number.
    UnknownNameError
        When ``first`` is neither end.

    Notes
    -----
    Each simulation draws every unit from a normal distribution about its estimate and
    ranks the draws; draws that tie are put in random order. That is the spread of
    ranks under a flat prior. Estimates spread wider than the truths behind them, yet the
    draws add noise once more, so an interval promises no coverage;
    `omistats.kernel.ranks.rank_sets` does.

    References
    ----------
    Goldstein, H. and Spiegelhalter, D. J. (1996). League tables and their limitations.
    JRSS A 159, 385-443. doi:10.2307/2983325
    """
    value, error = rank_inputs(estimate, se, confidence, first)
    check_whole("draws", draws, 2)
    check_whole("seed", seed, 0)
    size = value.shape[-1]
    noise = np.random.default_rng(seed).standard_normal((draws, size))
    sign = -1.0 if first == "highest" else 1.0
    shape = value.shape[:-1]
    known = ~np.isnan(value + error)
    counts = np.zeros((*shape, size, size), np.int64)
    for at in np.ndindex(shape):
        live = np.flatnonzero(known[at])
        drawn = sign * (value[at][live] + error[at][live] * noise[:, live])
        counts[(*at, live[:, None], np.arange(live.size))] = _places(drawn, seed)
    return _summary(value * sign, known, counts, confidence, (int(draws), int(seed)), first)


def _places(drawn: Floats, seed: int) -> npt.NDArray[np.int64]:
    """Count how often each unit (row) takes each place (column), least first."""
    units = drawn.shape[1]
    order = np.argsort(drawn, axis=1)
    if (np.diff(np.take_along_axis(drawn, order, 1), axis=1) == 0).any():
        keys = np.random.default_rng([seed, 1]).random(drawn.shape)
        order = np.lexsort((keys, drawn), axis=1)
    cells = order * units + np.arange(units)
    return np.bincount(cells.ravel(), minlength=units * units).reshape(units, units)


def _summary(
    value: Floats,
    known: npt.NDArray[np.bool_],
    counts: npt.NDArray[np.int64],
    confidence: float,
    source: tuple[int, int],
    first: str,
) -> Ranks:
    draws, seed = source
    size = value.shape[-1]
    units = np.asarray(known.sum(axis=-1))
    place = np.arange(1.0, size + 1)

    def told(values: Any) -> Floats:
        return np.where(known, values, np.nan)

    chance = np.where(known[..., None], counts / draws, np.nan)
    with np.errstate(invalid="ignore"):
        pairs = value[..., None, :] - value[..., :, None]
        pairs = np.where(known[..., None, :], pairs, np.nan)
        rank = 0.5 + (pairs < 0).sum(axis=-1) + (pairs == 0).sum(axis=-1) / 2
    mean = counts @ place / draws
    # Summed about the mean: a rank that never changes has an error of exactly 0.
    spread = (counts * (place - mean[..., None]) ** 2).sum(axis=-1) / draws
    tail = (1 - confidence) / 2
    running = counts.cumsum(axis=-1)
    # Rounding must not turn a share that equals the tail into one beyond it.
    cut = tail * draws * (1 + 1e-12)
    low = (running <= cut).sum(axis=-1) + 1
    high = size - (draws - running <= cut).sum(axis=-1) + 1
    few = (units // 4)[..., None, None]
    end = units[..., None, None] - few
    inside = (place > end) & (place <= end + few) if first == "highest" else place <= few
    quarter: Any = np.where(inside, counts, 0).sum(axis=-1) / draws
    quarter = np.where(known & (units >= 4)[..., None], quarter, np.nan)
    return Ranks(
        told(rank),
        told(mean),
        told(low),
        told(high),
        chance,
        quarter,
        told(np.sqrt(spread / draws)),
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
    """Ranges of ranks that hold for all units at once; units lie along the last axis.

    Attributes
    ----------
    low, high : ndarray of float64, shape (..., units)
        The least and greatest rank; NaN for a unit that is NaN.
    above, below : ndarray of float64, shape (..., units)
        The units shown to be higher, and those shown to be lower.
    p_value : ndarray of float64, shape (..., units, units)
        Adjusted, of the row's unit not being higher than the column's.
    confidence : float
        That every range holds.
    first : str
        Which end has rank 1.
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
    """Give ranges of ranks that all hold together, with at least the confidence asked.

    Parameters
    ----------
    estimate, se : array_like of float, shape (..., units)
        Independent estimates and their standard errors. A NaN unit stays NaN and has
        no place.
    confidence : float
        Of all ranges at once, between 0 and 1.
    first : {'highest', 'lowest'}
        Which end has rank 1.

    Returns
    -------
    RankSets

    Raises
    ------
    UsageError
        When numbers are infinite, a standard error is negative, or shapes do not fit.
    UnknownNameError
        When ``first`` is neither end.

    Notes
    -----
    Every ordered pair is one one-sided hypothesis, "this unit is not higher than that";
    Holm's procedure over all ``I (I - 1)`` of them bounds the chance of any false
    ordering, whatever their dependence. (Holm over the ``I (I - 1) / 2`` two-sided tests
    would reject slightly more, but does not in general bound errors of direction.) A
    unit's rank then lies between 1 plus the units shown to come before it and ``I`` less
    those shown to come after.

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

    value, error = rank_inputs(estimate, se, confidence, first)
    size = value.shape[-1]
    known = ~np.isnan(value + error)
    gap = value[..., :, None] - value[..., None, :]
    spread = np.sqrt(error[..., :, None] ** 2 + error[..., None, :] ** 2)
    z = np.where(np.eye(size, dtype=bool), np.nan, ordered_z(gap, spread))
    p = np.asarray(scipy.special.ndtr(-z))
    adjusted = _holm(p.reshape(*p.shape[:-2], size * size)).reshape(p.shape)
    shown = adjusted <= 1 - confidence
    below, above = shown.sum(axis=-1), shown.sum(axis=-2)
    before, after = (above, below) if first == "highest" else (below, above)
    units = known.sum(axis=-1)[..., None]

    def told(values: Any) -> Floats:
        return np.where(known, values, np.nan)

    return RankSets(
        told(before + 1),
        told(units - after),
        told(above),
        told(below),
        adjusted,
        confidence,
        first,
        "holm",
    )


def ordered_z(gap: Floats, spread: Floats) -> Floats:
    """Give differences in standard errors: without any error an order is certain."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # Equals are not ordered; of what has no standard error nothing is known.
        return np.where((gap == 0) & ~np.isnan(spread), 0.0, gap / spread)


def _holm(p: Floats) -> Floats:
    """Adjust along the last axis; NaN stays NaN and does not count."""
    order = np.argsort(p, axis=-1)
    ordered = np.take_along_axis(p, order, -1)
    left = (~np.isnan(p)).sum(axis=-1)[..., None] - np.arange(p.shape[-1])
    stepped = np.minimum(np.fmax.accumulate(ordered * left, axis=-1), 1.0)
    out = np.empty_like(p)
    np.put_along_axis(out, order, np.where(np.isnan(ordered), np.nan, stepped), -1)
    return out


@attrs.frozen(eq=False)
class Pairs:
    """Differences of pairs of units; the pairs lie along the last axis.

    Attributes
    ----------
    first, second : ndarray of int64, shape (pairs,)
        Which units: 0 and 1, 0 and 2, and so on.
    difference, se, low, high : ndarray of float64, shape (..., pairs)
        The first less the second, its standard error and its interval, which is for this
        pair by itself.
    p_value : ndarray of float64, shape (..., pairs)
        Two-sided, of this pair by itself.
    p_adjusted : ndarray of float64, shape (..., pairs)
        The same after allowing for all pairs, as the joint ranks do.
    higher : ndarray of int8, shape (..., pairs)
        1 where the first is shown to be higher, -1 where the second is, 0 where neither.
    confidence : float
        Of each interval, and that everything in ``higher`` is right.
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
    """Compare every unit with every other.

    Parameters
    ----------
    estimate, se : array_like of float, shape (..., units)
        Independent estimates and their standard errors. What a NaN is needed for is NaN.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Pairs
        ``units (units - 1) / 2`` of them.

    Raises
    ------
    UsageError
        When numbers are infinite, a standard error is negative, or shapes do not fit.

    Notes
    -----
    The standard error is the root of the sum of squares, for units are independent, and the
    test is normal. The adjustment is Holm's over the two one-sided hypotheses of every pair
    (see `omistats.kernel.ranks.rank_sets`); ``p_adjusted`` is that of the direction found.
    A pair without any error is certain: its p-value is 0, or 1 if the two are equal.
    """
    import scipy

    value, error = rank_inputs(estimate, se, confidence, "highest")
    adjusted = rank_sets(value, error, confidence=confidence).p_value
    first, second = np.triu_indices(value.shape[-1], 1)
    difference = value[..., first] - value[..., second]
    spread = np.hypot(error[..., first], error[..., second])
    reach = normal_quantile(confidence) * spread
    z = np.abs(ordered_z(difference, spread))
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
