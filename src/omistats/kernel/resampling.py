"""Count answers in bootstrap draws and in permutations of group labels.

Counts are linear in the answers, so the counts of many draws or shuffles are one matrix product.
A bootstrap draw is a row of weights. A shuffle moves group labels within blocks of cases (units,
or all cases as one block), so each block keeps the sizes of its groups. Sums of ones are exact
in float32 up to 2**24.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations_with_replacement, pairwise
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.chi_square import pearson_groups
from omistats.kernel.numeric import product

__all__ = [
    "Layout",
    "Spread",
    "cmh_shuffles",
    "count_drawn",
    "count_fixed",
    "count_shuffled",
    "draw_labels",
    "draw_weights",
    "generator",
    "pearson_shuffles",
    "shuffle_labels",
    "spread",
    "sum_drawn",
]


Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Singles = npt.NDArray[np.float32]
Labels = npt.NDArray[np.unsignedinteger[Any]]
Counts = Iterable[tuple[Floats, Floats]]

# Two counts share one float32, as k + _BASE * n; a float32 is exact up to 2**24 = _BASE ** 2.
_BASE: Final = 4096
# Rows are drawn once on average, so the counts of this many nearly always stay below the base.
_ROWS_AT_ONCE: Final = 3000
_CHUNK: Final = _BASE - 1
_STEPS_AT_ONCE: Final = 1 << 18
# Eigenvalues below this share of the largest are 0 but for rounding.
_ROUNDING: Final = 1e-10


def draw_weights(
    starts: Ints, draws: int, generators: Sequence[np.random.Generator]
) -> npt.NDArray[np.float32]:
    """Draw rows with replacement within each block, as many as the block has.

    Parameters
    ----------
    starts : ndarray of int64, shape (blocks + 1,)
        The first row of each block, and the number of rows.
    draws : int
        Number of draws.
    generators : sequence of numpy.random.Generator
        Random generator of each block.

    Returns
    -------
    ndarray of float32, shape (draws, rows)
        How often each row was drawn; a block's weights add up to its size.
    """
    sizes = np.diff(starts).tolist()
    # Rows along the first axis, so that those of a domain are contiguous.
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
    """Fill an array (draws, size) with random integers below ``size``."""
    draws, size = chosen.shape
    # A random number below size ** 4 gives four random digits in base ``size``.
    digits = next((d for d in (4, 3, 2) if size**d <= 1 << 32), 1)
    kind = np.uint32 if size <= 1 << 32 else np.uint64
    drawn = rng.integers(0, size**digits, (draws, -(-size // digits)), kind)
    done = 0
    for digit in range(digits):
        rest = drawn // kind(size) if digit < digits - 1 else np.zeros_like(drawn)
        drawn -= rest * kind(size)
        width = -(-(size - digit) // digits)
        chosen[:, done : done + width] = drawn[:, :width]
        drawn, done = rest, done + width


def count_drawn(
    counts: npt.NDArray[np.float32],
    members: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float32],
) -> Floats:
    """Sum sufficient and applicable answers of each domain in each draw, exactly.

    Parameters
    ----------
    counts : ndarray of float32, shape (rows, 2 * columns)
        Whole numbers: k of each column, from 0 to n, then n of each column.
    members, weights
        As for `sum_drawn`.

    Returns
    -------
    ndarray of float64, shape (draws, domains, 2 * columns)
    """
    width = counts.shape[1] // 2
    k, n = counts[:, :width], counts[:, width:]
    # No sum of k or n exceeds the sum of each row's largest n, kept as a last column.
    most = n.max(axis=1, initial=0)[:, np.newaxis]
    both = np.concatenate([k + _BASE * n, most], axis=1)
    out = np.zeros((len(weights), len(members), 2 * width))
    for at, flags in enumerate(members):
        rows = np.flatnonzero(flags)
        for begin in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[begin : begin + _ROWS_AT_ONCE]
            # Indexing with all rows would only copy.
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
        Values to sum; their type is the precision of the product.
    members : ndarray of bool, shape (domains, rows)
        Rows of each domain.
    weights : ndarray of float32, shape (draws, rows)
        From `draw_weights`.

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
    """Variation of an estimate between bootstrap draws.

    Attributes
    ----------
    se : ndarray of float64
        The standard deviation of the draws.
    low, high : ndarray of float64
        Percentile limits.
    undefined : ndarray of int64
        Number of draws without an estimate, which are excluded.
    """

    se: Floats
    low: Floats
    high: Floats
    undefined: Ints


def spread(estimates: Floats, confidence: float) -> Spread:
    """Compute standard errors and percentile limits from bootstrap draws.

    Parameters
    ----------
    estimates : ndarray of float64, shape (draws, ...)
        One estimate per draw; NaN where a draw has none.
    confidence : float
        Confidence of the limits, between 0 and 1.

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
    for number in np.unique(missing):
        chosen = np.flatnonzero(missing == number)
        defined = len(flat) - int(number)
        if defined < 2:
            continue
        # NaN sorts last.
        ranked = np.sort(flat[:, chosen], axis=0)[:defined]
        se[chosen] = ranked.std(axis=0, ddof=1)
        tail = (1 - confidence) / 2
        low[chosen], high[chosen] = (_quantile(ranked, p) for p in (tail, 1 - tail))
    shape = estimates.shape[1:]
    return Spread(*(a.reshape(shape) for a in (se, low, high, missing.astype(np.int64))))


def _quantile(ranked: Floats, p: float) -> Floats:
    place = min(max(p * (len(ranked) + 1) - 1, 0.0), len(ranked) - 1.0)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    step: Floats = ranked[above] - ranked[below]
    return np.asarray(ranked[below] + (place - below) * step, np.float64)


@attrs.frozen(eq=False)
class Layout:
    """Cases whose group labels are shuffled, and counts that stay fixed.

    Attributes
    ----------
    sufficient, applicable : ndarray of bool, shape (cases, questions)
        Answers of the shuffled cases, block after block.
    group : ndarray of int, shape (cases,)
        The group of each case, from 0.
    groups : int
        Number of groups.
    starts : ndarray of int64, shape (blocks + 1,)
        The first case of each block, and the number of cases.
    kept_k, kept_n : ndarray of float64, shape (blocks, questions)
        Counts of the last group's cases that are not shuffled.
    """

    sufficient: npt.NDArray[np.bool_]
    applicable: npt.NDArray[np.bool_]
    group: npt.NDArray[np.integer[Any]]
    groups: int
    starts: Ints
    kept_k: Floats
    kept_n: Floats

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """First case of each block, and the case after its last."""
        return list(pairwise(self.starts.tolist()))

    def totals(self) -> tuple[Floats, Floats]:
        """Count sufficient and applicable answers of all groups, shape (blocks, questions)."""
        k, n = (
            np.array([flags[a:b].sum(axis=0, dtype=np.float64) for a, b in self.bounds])
            for flags in (self.sufficient, self.applicable)
        )
        return k + self.kept_k, n + self.kept_n

    def labels(self) -> Labels:
        """Return the observed groups as one shuffle, in the form of `draw_labels`."""
        return self.group.astype(self.label_type)[:, np.newaxis]

    @property
    def label_type(self) -> np.dtype[np.unsignedinteger[Any]]:
        """Smallest integer type that holds group codes."""
        return np.min_scalar_type(self.groups)

    def sizes(self) -> Ints:
        """Count the shuffled cases of each group, shape (blocks, groups)."""
        return _sizes(self.group, self.groups, self.starts)


def _sizes(group: npt.NDArray[np.integer[Any]], groups: int, starts: Ints) -> Ints:
    blocks = len(starts) - 1
    block = np.repeat(np.arange(blocks), np.diff(starts))
    counts = np.bincount(block * groups + group, minlength=blocks * groups)
    return counts.reshape(-1, groups)


def generator(seed: int, part: str) -> np.random.Generator:
    """Make the random generator of one part of a result, independent of the other parts."""
    return np.random.default_rng([seed, *part.encode()])


def draw_labels(layout: Layout, shuffles: int, rng: np.random.Generator) -> Labels:
    """Shuffle the group labels of a layout; see `shuffle_labels`."""
    return shuffle_labels(layout.group, layout.groups, layout.starts, shuffles, rng)


def shuffle_labels(
    group: npt.NDArray[np.integer[Any]],
    groups: int,
    starts: Ints,
    shuffles: int,
    rng: np.random.Generator,
) -> Labels:
    """Shuffle group labels within blocks.

    Parameters
    ----------
    group : ndarray of int, shape (cases,)
        The group of each case, from 0, block after block.
    groups : int
        Number of groups.
    starts : ndarray of int64, shape (blocks + 1,)
        The first case of each block, and the number of cases.
    shuffles : int
        Number of shuffles.
    rng : numpy.random.Generator
        Random generator.

    Returns
    -------
    ndarray of unsigned int, shape (cases, shuffles)
        The group of each case in each shuffle.

    Notes
    -----
    In each block the labels of all groups but the largest come first. From the last of these
    labels to the first, each is swapped with a random position from its own to the end of the
    block. These are the steps of Fisher and Yates in reverse order, so all arrangements are
    equally likely. Labels of the largest group fill the rest and need no steps.
    """
    sizes = _sizes(group, groups, starts)
    codes = np.arange(groups)
    kind = np.min_scalar_type(groups)
    largest = sizes.argmax(axis=1)
    moved = np.where(codes == largest[:, np.newaxis], 0, sizes)
    block = np.repeat(np.arange(len(sizes)), moved.sum(axis=1))
    place = np.concatenate([np.arange(0), *map(np.arange, moved.sum(axis=1))])
    label = np.tile(codes, len(sizes)).repeat(moved.ravel()).astype(kind)
    out = np.empty((len(group), shuffles), kind)
    rest = largest.astype(kind)
    out[:] = np.repeat(rest, sizes.sum(axis=1))[:, np.newaxis]
    row = starts[block] + place
    out[row] = label[:, np.newaxis]
    room = sizes.sum(axis=1)[block] - place
    flat = out.reshape(-1)
    # Sort steps by place, so that all blocks take theirs together.
    order = np.argsort(-place, kind="stable")
    for steps in np.array_split(order, 1 + order.size * shuffles // _STEPS_AT_ONCE):
        to = rng.integers(0, room[steps, np.newaxis], (len(steps), shuffles))
        to += row[steps, np.newaxis]
        to *= shuffles
        to += np.arange(shuffles)
        turns = np.flatnonzero(np.diff(place[steps], prepend=-1, append=-1))
        for a, b in pairwise(turns.tolist()):
            step, target = steps[a:b], to[a:b]
            if b - a == 1:  # A scalar index is faster than an array of one.
                step, target = steps[a], to[a]
            out[row[step]] = flat.take(target)
            flat[target] = label[step, np.newaxis]
    return out


def count_shuffled(
    layout: Layout, batches: Iterable[Labels]
) -> Iterator[Iterator[tuple[Floats, Floats]]]:
    """Count answers of shuffled groups, batch by batch and block by block.

    Parameters
    ----------
    layout : Layout
        The answers.
    batches : iterable of ndarray
        Labels from `draw_labels`.

    Yields
    ------
    iterator of (k, n)
        One pair per block, each of shape (shuffles, groups - 1, questions): sufficient and
        applicable answers in groups 0 to g together. A case keeps its applicable answers
        when it changes group, so n varies between shuffles.
    """
    both = (layout.sufficient + np.float32(_BASE) * layout.applicable).astype(np.float32)
    for labels in batches:
        yield (_counts(labels, both, layout.groups, a, b) for a, b in layout.bounds)


def _counts(
    labels: Labels, both: Singles, groups: int, begin: int, end: int
) -> tuple[Floats, Floats]:
    shape = (labels.shape[1], groups - 1, both.shape[1])
    k, n = np.empty(shape), np.empty(shape)
    for g in range(groups - 1):
        # An empty block still needs one pass, which sets its counts to 0.
        for a in range(begin, max(end, begin + 1), _CHUNK):
            b = min(a + _CHUNK, end)
            inside = (labels[a:b] <= g).astype(np.float32)
            joint = product(inside, both[a:b])
            upper = joint * np.float32(1 / _BASE)
            np.floor(upper, out=upper)
            if a == begin:
                n[:, g] = upper
            else:
                n[:, g] += upper
            upper *= _BASE
            joint -= upper
            if a == begin:
                k[:, g] = joint
            else:
                k[:, g] += joint
    return k, n


def count_fixed(
    layout: Layout, batches: Iterable[int], rng: np.random.Generator
) -> Iterator[Iterator[tuple[Floats, Floats]]]:
    """Count answers of shuffled groups, keeping the n of each group and question.

    Parameters
    ----------
    layout : Layout
        The answers.
    batches : iterable of int
        Number of shuffles in each batch.
    rng : numpy.random.Generator
        Random generator.

    Yields
    ------
    iterator of (k, n)
        As from `count_shuffled`, with the same n in every shuffle.

    Notes
    -----
    The cases of a block are put in random order, the same for all questions. Among the cases
    to which a question applies, the first ones form group 0, as many as it had, the next ones
    group 1, and so on. Each question is thus shuffled among the cases it applies to, and
    questions that apply to the same cases move together.
    """
    starts, bounds = layout.starts, layout.bounds
    cases, questions = layout.applicable.shape
    sizes = np.diff(starts)
    block = np.repeat(np.arange(len(bounds)), sizes)
    inside = layout.group <= np.arange(layout.groups - 1)[:, np.newaxis]
    asked = np.array(
        [
            [np.count_nonzero(layout.applicable[a:b] & g[a:b, np.newaxis], axis=0) for g in inside]
            for a, b in bounds
        ],
        np.int32,
    ).reshape(len(bounds), layout.groups - 1, questions)
    n = asked.astype(np.float64)
    some = sizes > 0
    place = np.zeros((cases + 1, questions), np.int32)
    for shuffles in batches:
        k = np.zeros((len(bounds), shuffles, layout.groups - 1, questions))
        for s in range(shuffles):
            order = np.lexsort((rng.random((cases,)), block))
            np.cumsum(layout.applicable[order], axis=0, out=place[1:])
            sufficient = layout.sufficient[order]
            for g in range(layout.groups - 1):
                # Number of applicable cases, from the first case, up to the end of group g.
                last = asked[:, g] + place[starts[:-1]]
                chosen = sufficient & (place[1:] <= last[block])
                k[some, s, g] = np.add.reduceat(
                    chosen.view(np.uint8), starts[:-1][some], 0, np.int64
                )
        yield ((of, np.broadcast_to(fixed, of.shape)) for of, fixed in zip(k, n, strict=True))


def pearson_shuffles(counts: Counts, total_k: Floats, total_n: Floats) -> tuple[Floats, Floats]:
    """Compute Pearson's chi-square over all blocks pooled.

    Parameters
    ----------
    counts : iterable of (k, n)
        One pair per block, each of shape (shuffles, groups - 1, questions): counts of
        groups 0 to g together.
    total_k, total_n : ndarray of float64, shape (blocks, questions)
        Counts of all groups.

    Returns
    -------
    statistic, df : ndarray of float64, shape (shuffles, questions)
        NaN where fewer than two groups have applicable answers, or all answers are the same.
    """
    k, n = (sum(parts[1:], parts[0]) for parts in zip(*counts, strict=True))
    all_k, all_n = total_k.sum(axis=0), total_n.sum(axis=0)
    if k.shape[1] == 1:
        return _pearson(k[:, 0], n[:, 0], all_k, all_n)
    ends = [np.broadcast_to(total, (len(k), 1, len(total))) for total in (all_k, all_n)]
    k, n = (np.diff(v, axis=1, prepend=0, append=end) for v, end in zip((k, n), ends, strict=True))
    statistic, df = pearson_groups(k, n, axis=1)
    return statistic, np.where(np.isnan(statistic), np.nan, df)


def _pearson(k: Floats, n: Floats, all_k: Floats, all_n: Floats) -> tuple[Floats, Floats]:
    """Compute Pearson's chi-square of two groups from the counts of the first and of both."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = all_k / all_n
        statistic = n * share
        np.subtract(k, statistic, out=statistic)
        statistic *= statistic
        spread = all_n - n
        spread *= n
        spread *= share * (1 - share) / all_n
        statistic /= spread
    # The variance is 0 if a group is empty or all answers are the same.
    statistic[~(spread > 0)] = np.nan
    return statistic, np.where(np.isnan(statistic), np.nan, 1.0)


def cmh_shuffles(counts: Counts, total_k: Floats, total_n: Floats) -> tuple[Floats, Floats]:
    """Compute the Cochran-Mantel-Haenszel statistic over blocks, for any number of groups.

    Parameters
    ----------
    counts, total_k, total_n
        As for `pearson_shuffles`.

    Returns
    -------
    statistic, df : ndarray of float64, shape (shuffles, questions)
        NaN where no block has two groups and both sufficient and other answers.

    Notes
    -----
    Without continuity correction. With two groups it is the statistic of Mantel and Haenszel
    (1959), with more groups that for general association (Landis, Heyman and Koch,
    International Statistical Review 46, 1978). The pseudo-inverse of the covariance matrix
    drops an empty group and its degree of freedom.
    """
    pairs: list[tuple[int, int]] = []
    y: Any = None
    v: Any = None
    for block, (k, n) in enumerate(counts):
        if not block:
            pairs = list(combinations_with_replacement(range(k.shape[1]), 2))
            y, v = np.zeros(k.shape), np.zeros((len(k), len(pairs), k.shape[2]))
        if len(pairs) > 1:
            k, n = (np.diff(counted, axis=1, prepend=0) for counted in (k, n))
        size = total_n[block]
        share = np.divide(total_k[block], size, out=np.zeros_like(size), where=size > 0)
        spread = share * (1 - share) / np.maximum(size - 1, 1)
        y += k
        scratch = np.multiply(n, share)
        y -= scratch
        for at, (i, j) in enumerate(pairs):
            # n (N - n) is exactly 0 where one group has all cases.
            other = scratch[:, 0]
            np.subtract(size if i == j else 0.0, n[:, j], out=other)
            other *= n[:, i]
            other *= spread
            v[:, at] += other
    if y.shape[1] == 1:
        y, v = y[:, 0], v[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.where(v > 0, y * y / v, np.nan)
        return statistic, np.where(v > 0, 1.0, np.nan)
    return _quadratic(np.swapaxes(y, 1, 2), v, pairs)


def _quadratic(y: Floats, v: Floats, pairs: list[tuple[int, int]]) -> tuple[Floats, Floats]:
    """Compute ``y' V^- y`` and the rank of ``V``."""
    matrix = np.zeros((*y.shape, y.shape[-1]))
    for at, (i, j) in enumerate(pairs):
        matrix[..., i, j] = matrix[..., j, i] = v[:, at]
    values, vectors = np.linalg.eigh(matrix)
    kept = values > _ROUNDING * values[..., -1:]
    along = np.einsum("...ij,...i->...j", vectors, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(kept, along * along / values, 0.0).sum(axis=-1)
    df = kept.sum(axis=-1).astype(np.float64)
    return np.where(df > 0, statistic, np.nan), np.where(df > 0, df, np.nan)
