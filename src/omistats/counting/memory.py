"""Counts of cases that are in memory."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.masks import group_masks
from omistats.kernel.tally import count_words
from omistats.model.cases import CaseSet
from omistats.model.packed import Block, Packed
from omistats.model.strata import ALL
from omistats.tallies import By, Split, Tally

__all__ = ["count_cases"]

Counts = npt.NDArray[np.int64]


def count_cases(
    cases: CaseSet, by: By | None, splits: tuple[Breakdown, ...], ids: tuple[str, ...]
) -> Tally:
    """Count answers in every group of every unit, or of all units together.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    by : {'unit', None}
        Whether every unit is counted by itself.
    splits : tuple of Breakdown
        Breakdowns.
    ids : tuple of str
        Questions, in the order of the framework.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    framework = cases.framework
    packed, masks = cases.packed, group_masks(cases, splits)
    counted = len(masks.groups)
    bits = np.concatenate([masks.groups, masks.unclassified])
    sizes = np.bitwise_count(bits).sum(axis=1, dtype=np.int64)
    plan = _plan(splits, sizes[:counted].tolist(), sizes[counted:].tolist(), len(cases))
    columns = None
    if ids != framework.question_ids:
        wanted = set(ids)
        columns = np.flatnonzero([id in wanted for id in framework.question_ids * 2])
    sums = _count(packed, bits, plan.rows, by == "unit", columns)
    everyone = np.diff(packed.starts) if by == "unit" else packed.starts[-1:]
    return _tally(cases, by, splits, ids, plan, sums, everyone)


@attrs.frozen
class _Plan:
    """Which masks are intersected with the answers, and what becomes of the counts.

    Nobody is in an empty group; where everyone is in some group of a breakdown, the last one
    is the rest; everyone is in the ``all`` of a complement.
    """

    rows: list[int]
    groups: list[int]
    wholes: list[int]
    rests: list[tuple[int, int]]
    unknown: list[int]
    heads: list[int]


def _plan(
    splits: tuple[Breakdown, ...], sizes: list[int], unclassified: list[int], cases: int
) -> _Plan:
    plan = _Plan([], [], [], [], [], [])
    row = group = 0
    for split in splits:
        width = len(split.groups)
        complement = split.contrast == "complement"
        masks = width - complement
        if complement:
            plan.wholes.append(group + 1)
        # The last group of a partition.
        rest = masks > 0 and not complement and sum(sizes[row : row + masks]) == cases
        for j in range(masks):
            if rest and j == masks - 1:
                plan.rests.append((group, group + j))
            elif sizes[row + j]:
                plan.rows.append(row + j)
                plan.groups.append(group + j)
        plan.heads.extend(range(group, group + masks))
        row, group = row + masks, group + width
    for i, split in enumerate(splits):
        if split.contrast == "complement" and unclassified[i]:
            plan.rows.append(row + i)
            plan.unknown.append(i)
    return plan


@attrs.frozen(eq=False)
class _Sums:
    """Counts by unit: of everyone, of the masks that were planned, and sizes of all masks.

    Shapes (1, units, columns), (planned, units, columns) and (1, units, masks).
    """

    whole: Counts
    within: Counts
    heads: Counts

    def add(self, other: _Sums, units: slice | npt.NDArray[np.int64]) -> None:
        """Add the counts of some of the units."""
        self.whole[:, units] += other.whole
        self.within[:, units] += other.within
        self.heads[:, units] += other.heads


def _count(
    packed: Packed,
    masks: npt.NDArray[np.uint64],
    rows: list[int],
    by_unit: bool,
    columns: npt.NDArray[np.intp] | None,
) -> _Sums:
    def of(block: Block) -> _Sums:
        words = block.words if columns is None else block.words[:, columns]
        return _Sums(
            count_words(words, None, block.pieces),
            count_words(words, block.masks[rows], block.pieces),
            count_words(np.ascontiguousarray(block.masks.T), None, block.pieces),
        )

    starts = packed.block_starts()
    if packed.is_small:
        return of(packed.block(starts[0], masks, by_unit))
    units = len(packed.starts) - 1 if by_unit else 1

    def add_up(mine: range) -> _Sums:
        width = packed.columns if columns is None else len(columns)
        shapes = (1, units, width), (len(rows), units, width), (1, units, len(masks))
        sums = _Sums(*(np.zeros(shape, np.int64) for shape in shapes))
        for start in mine:
            block = packed.block(start, masks, by_unit)
            sums.add(of(block), block.units)
        return sums

    workers = min(_processors(), len(starts) // _BLOCKS_A_WORKER)
    if workers < 2:
        return add_up(starts)
    # NumPy counts without holding the interpreter.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers) as pool:
        first, *others = pool.map(add_up, [starts[i::workers] for i in range(workers)])
    for other in others:
        first.add(other, slice(None))
    return first


# A block takes some milliseconds, and starting a thread a tenth of one.
_BLOCKS_A_WORKER = 4
_MOST_WORKERS = 8


def _processors() -> int:
    import os

    usable = getattr(os, "sched_getaffinity", None)
    found = len(usable(0)) if usable else os.cpu_count() or 1
    return min(found, _MOST_WORKERS)


def _tally(
    cases: CaseSet,
    by: By | None,
    splits: tuple[Breakdown, ...],
    ids: tuple[str, ...],
    plan: _Plan,
    sums: _Sums,
    everyone: Counts,
) -> Tally:
    width, counted = len(ids), len(plan.heads)
    units = len(everyone)
    groups = sum(len(s.groups) for s in splits)
    # Sufficient and applicable apart, each in one piece.
    shown = np.zeros((2, units, groups, width), np.int64)
    unknown = np.zeros((2, units, len(splits), width), np.int64)
    whole = sums.whole[0].reshape(units, 2, width).swapaxes(0, 1)
    within = sums.within.reshape(len(plan.rows), units, 2, width).transpose(2, 1, 0, 3)
    shown[:, :, plan.groups] = within[:, :, : len(plan.groups)]
    unknown[:, :, plan.unknown] = within[:, :, len(plan.groups) :]
    for place in plan.wholes:
        shown[:, :, place] = whole
    for first, place in plan.rests:
        shown[:, :, place] = whole - shown[:, :, first:place].sum(axis=2)
    sizes = np.empty((units, groups), np.int64)
    sizes[:, plan.heads] = sums.heads[0, :, :counted]
    sizes[:, plan.wholes] = everyone[:, np.newaxis]
    unclassified = sums.heads[0, :, counted:]
    left_out = np.zeros((units, len(splits)), np.int64)
    first = 0
    for i, split in enumerate(splits):
        last = first + len(split.groups)
        # Those outside the subset of a complement are reported, in `all`.
        if split.contrast == "groups":
            left_out[:, i] = everyone - unclassified[:, i] - sizes[:, first:last].sum(axis=1)
        first = last
    return Tally(
        framework=cases.framework,
        units=cases.units if by == "unit" else (ALL,),
        splits=tuple(Split(b.key, tuple(b.groups), b.contrast) for b in splits),
        questions=ids,
        k=shown[0],
        n=shown[1],
        unknown_k=unknown[0],
        unknown_n=unknown[1],
        cases=sizes,
        unclassified=unclassified,
        left_out=left_out,
        metadata=cases.metadata,
    )
