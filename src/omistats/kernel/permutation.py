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

from omistats.kernel.products import product

__all__ = ["Layout", "count_fixed", "count_shuffled", "draw_labels"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.unsignedinteger[Any]]

# Two counts in one float32, which is exact up to 2**24: n is the part above 2**12, k the rest.
_BASE: Final = 4096
_CHUNK: Final = _BASE - 1

_STEPS_AT_ONCE: Final = 1 << 18


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

    def labels(self) -> Labels:
        """Give the groups as they are, in the form of `draw_labels`: one shuffle."""
        return self.group.astype(self.label_type)[:, np.newaxis]

    @property
    def label_type(self) -> np.dtype[np.unsignedinteger[Any]]:
        """What groups fit into."""
        return np.min_scalar_type(self.groups)

    def sizes(self) -> Ints:
        """Count the shuffled cases of each group, shape (blocks, groups)."""
        block = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        cells = (len(self.starts) - 1) * self.groups
        held = np.bincount(block * self.groups + self.group, minlength=cells)
        return held.reshape(-1, self.groups)


def draw_labels(layout: Layout, shuffles: int, rng: np.random.Generator) -> Labels:
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
    ndarray of unsigned int, shape (cases, shuffles)
        The group of each case.

    Notes
    -----
    All but the largest group of a block stand first, one case after another. From the last of
    them to the first, each changes places with a case from itself on, all equally likely:
    the steps of Fisher and Yates in reverse, so that every choice of cases is equally likely.
    The largest group is where the others are not, and takes no steps.
    """
    sizes = layout.sizes()
    held = np.arange(layout.groups)
    most = sizes.argmax(axis=1)
    moved = np.where(held == most[:, np.newaxis], 0, sizes)
    block = np.repeat(np.arange(len(sizes)), moved.sum(axis=1))
    place = np.concatenate([np.arange(0), *map(np.arange, moved.sum(axis=1))])
    label = np.tile(held, len(sizes)).repeat(moved.ravel()).astype(layout.label_type)
    out = np.empty((len(layout.group), shuffles), layout.label_type)
    rest = most.astype(layout.label_type)
    out[:] = np.repeat(rest, sizes.sum(axis=1))[:, np.newaxis]
    row = layout.starts[block] + place
    out[row] = label[:, np.newaxis]
    room = sizes.sum(axis=1)[block] - place
    flat = out.reshape(-1)
    # Blocks take their steps side by side.
    order = np.argsort(-place, kind="stable")
    for steps in np.array_split(order, 1 + order.size * shuffles // _STEPS_AT_ONCE):
        to = rng.integers(0, room[steps, np.newaxis], (len(steps), shuffles))
        to += row[steps, np.newaxis]
        to *= shuffles
        to += np.arange(shuffles)
        turns = np.flatnonzero(np.diff(place[steps], prepend=-1, append=-1))
        for a, b in pairwise(turns.tolist()):
            here, there = steps[a:b], to[a:b]
            if b - a == 1:  # One row is reached faster by its number than by a list of it.
                here, there = steps[a], to[a]
            out[row[here]] = flat.take(there)
            flat[there] = label[here, np.newaxis]
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
        yield (_counts(labels, both, layout.groups, a, b) for a, b in layout.bounds)


def _counts(
    labels: Labels, both: Singles, groups: int, begin: int, end: int
) -> tuple[Floats, Floats]:
    shape = (labels.shape[1], groups - 1, both.shape[1])
    k, n = np.empty(shape), np.empty(shape)
    for g in range(groups - 1):
        # A block of nobody counts once, too.
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
                # The last that is in group g or before it, counted from the first case.
                last = asked[:, g] + place[starts[:-1]]
                chosen = sufficient & (place[1:] <= last[block])
                k[some, s, g] = np.add.reduceat(
                    chosen.view(np.uint8), starts[:-1][some], 0, np.int64
                )
        yield ((of, np.broadcast_to(fixed, of.shape)) for of, fixed in zip(k, n, strict=True))
