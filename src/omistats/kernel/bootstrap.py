"""Cases or units drawn again with replacement, as weights: how often each was drawn.

A draw is a row of weights, so that the counts of many draws are one matrix product. Sums of
ones are exact in float32 up to 2**24.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.products import product

__all__ = ["Spread", "count_drawn", "draw_weights", "spread", "sum_drawn"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# A float32 is exact up to 2**24 = _BASE ** 2. Rows are drawn once on average, so that so many
# of them nearly always stay below the base.
_BASE: Final = 4096
_ROWS_AT_ONCE: Final = 3000


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
    sizes = np.diff(starts).tolist()
    # Rows first, so that those of a domain are taken out as they lie.
    out = np.zeros((int(starts[-1]), draws), np.float32)
    place = np.empty(draws * max(sizes, default=0), np.intp)
    for size, begin, rng in zip(sizes, starts.tolist(), generators, strict=False):
        if size:
            chosen = place[: draws * size].reshape(draws, size)
            _draw_block(chosen, rng)
            chosen *= draws
            chosen += (begin * draws + np.arange(draws))[:, np.newaxis]
            np.add.at(out.reshape(-1), chosen.reshape(-1), np.float32(1))
    return out.T


def _draw_block(chosen: npt.NDArray[np.intp], rng: np.random.Generator) -> None:
    """Fill with numbers below the length of a row."""
    draws, size = chosen.shape
    # One number below size ** 4 has four digits to the base of the size, all equally likely.
    digits = next((d for d in (4, 3, 2) if size**d <= 1 << 32), 1)
    kind = np.uint32 if size <= 1 << 32 else np.uint64
    drawn = rng.integers(0, size**digits, (draws, -(-size // digits)), kind)
    done = 0
    for digit in range(digits):
        rest = drawn // kind(size) if digit < digits - 1 else np.zeros_like(drawn)
        drawn -= rest * kind(size)
        here = -(-(size - digit) // digits)
        chosen[:, done : done + here] = drawn[:, :here]
        drawn, done = rest, done + here


def count_drawn(
    counts: npt.NDArray[np.float32],
    members: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float32],
) -> Floats:
    """Sum two counts of rows over the members of each domain in each draw, exactly.

    Parameters
    ----------
    counts : ndarray of float32, shape (rows, 2 * columns)
        Whole numbers k from 0 to n, then the n.
    members, weights
        As for `sum_drawn`.

    Returns
    -------
    ndarray of float64, shape (draws, domains, 2 * columns)
    """
    width = counts.shape[1] // 2
    k, n = counts[:, :width], counts[:, width:]
    # Both in one number, and no sum is larger than that of the largest n.
    most = n.max(axis=1, initial=0)[:, np.newaxis]
    both = np.concatenate([k + _BASE * n, most], axis=1)
    out = np.zeros((len(weights), len(members), 2 * width))
    for at, flags in enumerate(members):
        rows = np.flatnonzero(flags)
        for begin in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[begin : begin + _ROWS_AT_ONCE]
            # Taking all rows there are would be a copy for nothing.
            drawn = weights.T if len(part) == len(flags) else weights.T[part]
            joint = product(drawn, both[part])
            if joint[:, -1].max(initial=0) >= _BASE:
                out[:, at] += drawn.T @ counts[part]
                continue
            joint = joint[:, :-1]
            upper = np.floor(joint * np.float32(1 / _BASE))
            out[:, at, width:] += upper
            upper *= _BASE
            joint -= upper
            out[:, at, :width] += joint
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
            out[:, at] = weights.T[rows].T.astype(values.dtype, copy=False) @ values[rows]
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
