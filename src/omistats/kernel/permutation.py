"""Groups shuffled among cases, and what the tests of a family then reach together.

Every count is linear in the answers, so a block of shuffles is one matrix product. Cases
come block after block (units, or all of them as one block), and a shuffle moves group
labels within blocks only: every block keeps the sizes of its groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

__all__ = ["Layout", "StepDown", "count_fixed", "count_shuffled", "draw_labels", "step_down"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# Two counts in one float32, which is exact up to 2**24: n is the part above 2**12, k the rest.
_BASE: Final = 4096
_CHUNK: Final = _BASE - 1

# Statistics of one table reached by two roads differ by rounding only.
_ROUNDING: Final = 1e-9


@attrs.frozen(eq=False)
class Layout:
    """Cases to be shuffled, and what stays as it is.

    Attributes
    ----------
    sufficient, applicable : ndarray of bool, shape (cases, questions)
        Answers of the cases that are shuffled, block after block.
    group : ndarray of int, shape (cases,)
        The group of each, from 0.
    groups : int
        How many groups there are.
    starts : ndarray of int64, shape (blocks + 1,)
        Where each block begins.
    kept_k, kept_n : ndarray of float64, shape (blocks, questions)
        Counts that belong to the last group whatever is shuffled.
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
        """From and to of every block."""
        return list(pairwise(self.starts.tolist()))

    def totals(self) -> tuple[Floats, Floats]:
        """Count all groups together, shape (blocks, questions) each."""
        k, n = (
            np.array([flags[a:b].sum(axis=0, dtype=np.float64) for a, b in self.bounds])
            for flags in (self.sufficient, self.applicable)
        )
        return k + self.kept_k, n + self.kept_n

    def labels(self) -> Singles:
        """Give the groups as they are, in the form of `draw_labels`: one shuffle."""
        below = np.arange(self.groups - 1)[:, np.newaxis]
        return (self.group <= below).astype(np.float32)[np.newaxis]

    def upto(self) -> Ints:
        """Count the shuffled cases of groups 0 to g, shape (blocks, groups - 1)."""
        inside = self.labels()[0]
        return np.array([inside[:, a:b].sum(axis=1, dtype=np.int64) for a, b in self.bounds])


def draw_labels(layout: Layout, shuffles: int, rng: np.random.Generator) -> Singles:
    """Shuffle groups within blocks.

    Parameters
    ----------
    layout : Layout
        What is shuffled.
    shuffles : int
        How often.
    rng : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    ndarray of float32, shape (shuffles, groups - 1, cases)
        1 where a case is in group 0 to g.

    Notes
    -----
    Each case draws a number, and the smallest of a block are its first group: all choices
    are equally likely. Where the numbers leave the choice open they are drawn anew.
    """
    cases = len(layout.group)
    drawn = _numbers(shuffles, cases, rng)
    out = np.zeros((shuffles, layout.groups - 1, cases), np.float32)
    for (a, b), upto in zip(layout.bounds, layout.upto().tolist(), strict=True):
        for g, size in enumerate(upto):
            if size == b - a:
                out[:, g, a:b] = 1
        edges = sorted({size for size in upto if 0 < size < b - a})
        if not edges:
            continue
        here = drawn[:, a:b]
        last = [edge - 1 for edge in edges]
        ranked = np.partition(here, last, axis=1)
        while (
            tied := np.any([ranked[:, i] == ranked[:, i + 1 :].min(axis=1) for i in last], 0)
        ).any():
            here[tied] = _numbers(int(tied.sum()), b - a, rng)
            ranked[tied] = np.partition(here[tied], last, axis=1)
        for g, size in enumerate(upto):
            if size in edges:
                out[:, g, a:b] = here <= ranked[:, size - 1, np.newaxis]
    return out


def _numbers(rows: int, columns: int, rng: np.random.Generator) -> npt.NDArray[np.uint32]:
    # Two numbers of 32 bits from one of 64 take half the time.
    words = rng.integers(0, 2**64 - 1, (rows, (columns + 1) // 2), np.uint64, endpoint=True)
    return words.view(np.uint32)[:, :columns]


def count_shuffled(
    layout: Layout, batches: Iterable[Singles]
) -> Iterator[Iterator[tuple[Floats, Floats]]]:
    """Count answers of shuffled groups, batch by batch and block by block.

    Parameters
    ----------
    layout : Layout
        The answers.
    batches : iterable of ndarray
        As `draw_labels` gives them.

    Yields
    ------
    iterator of (k, n)
        One pair a block, each of shape (shuffles, groups - 1, questions): sufficient and
        applicable answers in groups 0 to g. Each case takes its applicability along,
        so that n varies between shuffles.
    """
    both = (layout.sufficient + np.float32(_BASE) * layout.applicable).astype(np.float32)
    for labels in batches:
        yield (_counts(labels, both, a, b) for a, b in layout.bounds)


def _counts(labels: Singles, both: Singles, begin: int, end: int) -> tuple[Floats, Floats]:
    shape = (*labels.shape[:2], both.shape[1])
    k, n = np.zeros(shape), np.zeros(shape)
    # Of no cases the height cannot be inferred.
    flat = labels.reshape(labels.shape[0] * labels.shape[1], labels.shape[2])
    for a in range(begin, end, _CHUNK):
        b = min(a + _CHUNK, end)
        joint: Any = (flat[:, a:b] @ both[a:b]).reshape(shape)
        upper = np.floor(joint * np.float32(1 / _BASE))
        n += upper
        k += joint - np.float32(_BASE) * upper
    return k, n


def count_fixed(
    layout: Layout, batches: Iterable[int], rng: np.random.Generator
) -> Iterator[Iterator[tuple[Floats, Floats]]]:
    """Count answers where each question keeps the n of its groups.

    Parameters
    ----------
    layout : Layout
        The answers.
    batches : iterable of int
        How many shuffles each batch has.
    rng : numpy.random.Generator
        Where chance comes from.

    Yields
    ------
    iterator of (k, n)
        As `count_shuffled`, n the same in every shuffle.

    Notes
    -----
    The cases of a block are put in random order, the same for all questions. Of those a
    question applies to, the first are its group 0, as many as were, and so on. By itself a
    question is shuffled among the cases it applies to; questions asked in the same cases
    move together.
    """
    starts, bounds = layout.starts, layout.bounds
    cases, questions = layout.applicable.shape
    sizes = np.diff(starts)
    block = np.repeat(np.arange(len(bounds)), sizes)
    inside = layout.labels()[0].astype(np.bool_)
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
                # The last that is in group g or before it, counted from the first case.
                last = asked[:, g] + place[starts[:-1]]
                chosen = sufficient & (place[1:] <= last[block])
                k[some, s, g] = np.add.reduceat(
                    chosen.view(np.uint8), starts[:-1][some], 0, np.int64
                )
        yield ((of, np.broadcast_to(fixed, of.shape)) for of, fixed in zip(k, n, strict=True))


@attrs.frozen(eq=False)
class StepDown:
    """How often shuffles reached what was observed.

    Attributes
    ----------
    shuffles : int
        How many there were.
    alone : ndarray of int64, shape (tests,)
        Shuffles in which the test itself reached its statistic.
    family : ndarray of int64, shape (tests,)
        Shuffles in which any test did whose statistic is not larger.
    order : ndarray of intp
        Tests from the largest statistic down.
    """

    shuffles: int
    alone: Ints
    family: Ints
    order: npt.NDArray[np.intp]

    def p_value(self) -> Floats:
        """Give ``(b + 1) / (B + 1)`` of each test by itself."""
        return np.asarray((self.alone + 1) / (self.shuffles + 1), np.float64)

    def p_adjusted(self) -> Floats:
        """Give the step-down p-values, none below that of a larger statistic."""
        p = (self.family + 1) / (self.shuffles + 1)
        out = np.empty_like(p)
        out[self.order] = np.maximum.accumulate(p[self.order])
        return out


def step_down(observed: Floats, shuffled: Iterable[Floats]) -> StepDown:
    """Set observed statistics against the largest of a family in each shuffle.

    Parameters
    ----------
    observed : ndarray of float64, shape (tests,)
        Statistics, none NaN; the larger, the further from what is tested.
    shuffled : iterable of ndarray of float64, shape (shuffles, tests)
        Those of shuffles, some at a time; NaN, where nothing could be tested, reaches nothing.

    Returns
    -------
    StepDown

    Notes
    -----
    The step-down max-T procedure of Westfall and Young, Resampling-Based Multiple Testing,
    Wiley 1993, algorithm 4.1 with statistics in place of p-values.
    """
    order = np.argsort(-observed, kind="stable")
    bar = observed[order] * (1 - _ROUNDING)
    alone, family = np.zeros(observed.size, np.int64), np.zeros(observed.size, np.int64)
    count = 0
    for statistics in shuffled:
        ranked = np.nan_to_num(statistics[:, order], nan=0.0)
        count += len(ranked)
        alone[order] += (ranked >= bar).sum(axis=0)
        # Before each test, the largest of it and all that come after.
        largest = np.maximum.accumulate(ranked[:, ::-1], axis=1)[:, ::-1]
        family[order] += (largest >= bar).sum(axis=0)
    return StepDown(count, alone, family, order)
