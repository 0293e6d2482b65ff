"""Cases or units drawn again with replacement, as weights: how often each was drawn.

A draw is a row of weights, so that the counts of many draws are one matrix product. Sums of
ones are exact in float32 up to 2**24.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

__all__ = ["Spread", "draw_weights", "spread", "sum_drawn"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def draw_weights(
    starts: Ints, draws: int, generators: Sequence[np.random.Generator]
) -> npt.NDArray[np.float32]:
    """Draw as many rows of each block as it has, with replacement.

    Parameters
    ----------
    starts : ndarray of int64, shape (blocks + 1,)
        Where each block of rows begins.
    draws : int
        How often.
    generators : sequence of numpy.random.Generator
        Where the chance of each block comes from.

    Returns
    -------
    ndarray of float32, shape (draws, rows)
        How often each row was drawn; a block's weights add up to its size.
    """
    out = np.zeros((draws, int(starts[-1])), np.float32)
    for (a, b), rng in zip(pairwise(starts.tolist()), generators, strict=True):
        size = b - a
        if size:
            # A product below the size: the largest random double is below 1 by 2**-53.
            chosen = (rng.random((draws, size)) * size).astype(np.int64)
            chosen += np.arange(draws)[:, np.newaxis] * size
            drawn = np.bincount(chosen.ravel(), minlength=draws * size)
            out[:, a:b] = drawn.reshape(draws, size)
    return out


def sum_drawn(
    values: npt.NDArray[Any], members: npt.NDArray[np.bool_], weights: npt.NDArray[np.float32]
) -> Floats:
    """Sum values of rows over the members of each domain in each draw.

    Parameters
    ----------
    values : ndarray of float32 or float64, shape (rows, columns)
        What is summed; the precision of the product is theirs.
    members : ndarray of bool, shape (domains, rows)
        Who is in which domain.
    weights : ndarray of float32, shape (draws, rows)
        As `draw_weights` gives them.

    Returns
    -------
    ndarray of float64, shape (draws, domains, columns)
    """
    out = np.zeros((len(weights), len(members), values.shape[1]))
    for at, flags in enumerate(members):
        if flags.all():
            out[:, at] = weights.astype(values.dtype, copy=False) @ values
        elif flags.any():
            rows = np.flatnonzero(flags)
            out[:, at] = weights[:, rows].astype(values.dtype, copy=False) @ values[rows]
    return out


@attrs.frozen(eq=False)
class Spread:
    """How an estimate varies between draws.

    Attributes
    ----------
    se : ndarray of float64
        The standard deviation of draws.
    low, high : ndarray of float64
        Percentile limits.
    undefined : ndarray of int64
        Draws without an estimate, which are left out.
    """

    se: Floats
    low: Floats
    high: Floats
    undefined: Ints


def spread(estimates: Floats, confidence: float) -> Spread:
    """Summarise draws, which lie along the first axis; NaN is no estimate.

    Parameters
    ----------
    estimates : ndarray of float64, shape (draws, ...)
        One estimate a draw.
    confidence : float
        Of the limits, between 0 and 1.

    Returns
    -------
    Spread
        NaN where fewer than two draws have an estimate.

    Notes
    -----
    The percentile interval of Efron, Annals of Statistics 7, 1979, with quantiles at
    ``p (B + 1)`` of the ordered draws, linear between them (definition 6 of Hyndman and
    Fan, The American Statistician 50, 1996), never beyond the least and greatest draw.
    """
    flat = estimates.reshape(len(estimates), -1)
    missing = np.isnan(flat).sum(axis=0)
    se, low, high = (np.full(flat.shape[1], np.nan) for _ in range(3))
    for chosen in _alike(missing):
        defined = len(flat) - int(missing[chosen[0]])
        if defined < 2:
            continue
        # NaN is sorted last.
        ranked = np.sort(flat[:, chosen], axis=0)[:defined]
        se[chosen] = ranked.std(axis=0, ddof=1)
        tail = (1 - confidence) / 2
        low[chosen], high[chosen] = (_quantile(ranked, p) for p in (tail, 1 - tail))
    shape = estimates.shape[1:]
    return Spread(*(a.reshape(shape) for a in (se, low, high, missing.astype(np.int64))))


def _alike(missing: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.intp]]:
    """Give the columns with each number of missing estimates."""
    for number in np.unique(missing):
        yield np.flatnonzero(missing == number)


def _quantile(ranked: Floats, p: float) -> Floats:
    place = min(max(p * (len(ranked) + 1) - 1, 0.0), len(ranked) - 1.0)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    step: Floats = ranked[above] - ranked[below]
    return np.asarray(ranked[below] + (place - below) * step, np.float64)
