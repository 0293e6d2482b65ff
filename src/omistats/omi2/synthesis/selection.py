"""Select cases so that every group has an exact number of selected cases.

The three steps are those of calibrating a sample: rake the selection probabilities to the
totals of the groups, draw systematically with these probabilities, then swap single cases until
every total is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["InfeasibleError", "Partition", "Shares", "candidates", "select"]


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

Partition = tuple[Ints, Ints]
"""The group of every case, from 0, and the number of cases to select from each group."""

Shares = tuple[Ints, Floats]
"""The part of every case, from 0, and the approximate number to select from each part."""

_SWEEPS = 40
_MOVES = 300


class InfeasibleError(Exception):
    """No selection was found that meets every total; another draw may succeed."""


def select(
    eligible: Flags,
    partitions: Sequence[Partition],
    odds: Floats,
    rng: np.random.RandomState,
    *,
    shares: Shares | None = None,
) -> Flags:
    """Select cases so that every group of every partition has its number.

    Parameters
    ----------
    eligible : ndarray of bool, shape (cases,)
        Cases that may be selected.
    partitions : sequence of Partition
        Groups of all cases with the number to select from each; the numbers of every
        partition sum to the same total.
    odds : ndarray of float, shape (cases,)
        Relative odds of each case, positive; they decide what the totals leave open.
    rng : numpy.random.RandomState
        Source of the draw and of the choice among ties.
    shares : tuple of ndarray, optional
        A further split of all cases with the approximate number to select from each part. The
        systematic draw follows it; the swaps ignore it.

    Returns
    -------
    ndarray of bool, shape (cases,)
        The selected cases.

    Raises
    ------
    InfeasibleError
        When a group has too few eligible cases, or swaps do not reach the totals.
    """
    cases = np.flatnonzero(candidates(eligible, partitions))
    parts = [(groups[cases], wanted) for groups, wanted in partitions]
    approximate = [(shares[0][cases], shares[1])] if shares else []
    # Exact totals come last in a sweep, so that they hold if not all totals can. The draw is
    # sorted by shares only, so that groups within a part differ as much as by chance.
    chosen = _draw(_rake([*approximate, *parts], odds[cases]), approximate or parts, rng)
    _repair(chosen, parts, rng)
    out = np.zeros(eligible.size, bool)
    out[cases] = chosen
    return out


def candidates(eligible: Flags, partitions: Sequence[Partition]) -> Flags:
    """Exclude the cases of groups from which none are selected.

    Raises
    ------
    InfeasibleError
        When a group then has fewer cases than the number to select.
    """
    out = eligible.copy()
    for groups, wanted in partitions:
        out &= wanted[groups] > 0
    for groups, wanted in partitions:
        if (wanted > np.bincount(groups[out], minlength=wanted.size)).any():
            raise InfeasibleError
    return out


def _rake(parts: Sequence[Partition | Shares], odds: Floats) -> Floats:
    """Fit probabilities to the totals, keeping the odds ratios within the finest groups.

    The table of selected and not selected cases is raked by iterative proportional fitting.
    The number of sweeps is fixed, so that the result depends on no tolerance.
    """
    p = odds / (1.0 + odds)
    for _ in range(_SWEEPS):
        for groups, wanted in parts:
            size = np.bincount(groups, minlength=wanted.size)
            now = np.bincount(groups, weights=p, minlength=wanted.size)
            # If all cases of a group are selected, the factor of the other layer is 0.
            up = np.divide(wanted, now, out=np.zeros(now.size), where=now > 0)[groups]
            down = np.divide(size - wanted, size - now, out=np.zeros(now.size), where=size > now)
            yes, no = p * up, (1.0 - p) * down[groups]
            both = yes + no
            p = np.divide(yes, both, out=np.full(p.size, 0.5), where=both > 0)
    return p


def _draw(p: Floats, parts: Sequence[Partition | Shares], rng: np.random.RandomState) -> Flags:
    """Draw systematically from cases sorted by group, in random order within groups."""
    order = np.lexsort((rng.permutation(p.size), *(groups for groups, _ in reversed(parts))))
    steps = np.floor(np.cumsum(p[order]) + rng.uniform())
    chosen = np.zeros(p.size, bool)
    chosen[order] = np.diff(steps, prepend=0.0) > 0.5
    return chosen


def _repair(chosen: Flags, parts: Sequence[Partition], rng: np.random.RandomState) -> None:
    """Swap cases in place until every group has its number.

    Each move adds one case, removes one, or both, whichever leaves the smallest weighted sum
    of absolute residuals. If no move helps, groups with a residual gain weight, which leads
    out of dead ends (Morris's breakout method). All cases of a cell (equal in every partition)
    are equivalent, so moves are searched among cells.
    """
    joint = np.ravel_multi_index([groups for groups, _ in parts], [w.size for _, w in parts])
    _, first, cell = np.unique(joint, return_index=True, return_inverse=True)
    codes = [groups[first] for groups, _ in parts]
    size = np.bincount(cell, minlength=first.size)
    before = np.bincount(cell[chosen], minlength=first.size)
    count = before.copy()
    residual = [
        wanted - np.bincount(groups[chosen], minlength=wanted.size) for groups, wanted in parts
    ]
    weight = [np.ones(r.size, np.int64) for r in residual]
    for _ in range(_MOVES):
        now = sum(int((w * np.abs(r)).sum()) for w, r in zip(weight, residual, strict=True))
        if now == 0:
            break
        cost, into, out = _best_move(codes, residual, weight, count < size, count > 0, rng)
        if cost >= now:
            for w, r in zip(weight, residual, strict=True):
                w += r != 0
            continue
        for at, step in ((into, 1), (out, -1)):
            if at >= 0:
                count[at] += step
                for r, code in zip(residual, codes, strict=True):
                    r[code[at]] -= step
    else:
        raise InfeasibleError
    change = count - before
    for at in np.flatnonzero(change).tolist():
        pool = np.flatnonzero((cell == at) & (chosen if change[at] < 0 else ~chosen))
        chosen[rng.permutation(pool)[: abs(change[at])]] = change[at] > 0


def _best_move(
    codes: Sequence[Ints],
    residual: Sequence[Ints],
    weight: Sequence[Ints],
    can_gain: Flags,
    can_lose: Flags,
    rng: np.random.RandomState,
) -> tuple[int, int, int]:
    """Find the cheapest move: its cost, the cell that gains a case and the one that loses one.

    The last row and column of the cost are "no cell" (-1), so that single moves compete with
    swaps. Ties are broken at random.
    """
    gain = np.append(np.flatnonzero(can_gain), -1)
    lose = np.append(np.flatnonzero(can_lose), -1)
    cost = np.zeros((gain.size, lose.size), np.int64)
    for code, left, w in zip(codes, residual, weight, strict=True):
        none = left.size
        unit = np.vstack([np.eye(none, dtype=np.int64), np.zeros((1, none), np.int64)])
        table = (w * np.abs(left - unit[:, None, :] + unit[None, :, :])).sum(axis=2)
        extended = np.append(code, none)
        cost += table[np.ix_(extended[gain], extended[lose])]
    best = cost.min()
    ties = np.flatnonzero(cost == best)
    at = int(ties[rng.randint(ties.size)])
    return int(best), int(gain[at // lose.size]), int(lose[at % lose.size])
