"""Choose cases so that the numbers chosen in every group come out exactly.

Three steps, as survey statisticians calibrate a sample: rake the chances of being chosen
until their sums meet the groups' totals, draw systematically with those chances, then swap
single cases until no group is out by even one.
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
"""The group of every case, counted from 0, and how many to choose from each group."""

Shares = tuple[Ints, Floats]
"""The part that every case is in, counted from 0, and about how many to choose from each."""

_SWEEPS = 40
_MOVES = 300


class InfeasibleError(Exception):
    """No choice was found that meets every total; another draw may succeed."""


def select(
    eligible: Flags,
    partitions: Sequence[Partition],
    odds: Floats,
    rng: np.random.RandomState,
    *,
    shares: Shares | None = None,
) -> Flags:
    """Choose cases so that every group of every partition has its number.

    Parameters
    ----------
    eligible : ndarray of bool, shape (cases,)
        Who may be chosen.
    partitions : sequence of Partition
        Each splits all cases into groups and says how many to choose from each; the
        numbers of every partition sum to the same total.
    odds : ndarray of float, shape (cases,)
        Relative odds of each case, positive; what the totals leave open follows them.
    rng : numpy.random.RandomState
        Decides the draw and breaks every tie.
    shares : tuple of ndarray, optional
        A further split of all cases, and about how many to choose from each part. The draw
        follows it to the case; the swaps do not heed it.

    Returns
    -------
    ndarray of bool, shape (cases,)
        Who is chosen.

    Raises
    ------
    InfeasibleError
        When a group holds too few eligible cases, or swaps do not reach the totals.
    """
    who = np.flatnonzero(candidates(eligible, partitions))
    parts = [(groups[who], wanted) for groups, wanted in partitions]
    about = [(shares[0][who], shares[1])] if shares else []
    # The exact totals come last in a sweep, so they hold where the two cannot both.
    # Sorted by shares alone, where there are any: groups within a part then differ as
    # chance has it, and not less.
    chosen = _draw(_rake([*about, *parts], odds[who]), about or parts, rng)
    _repair(chosen, parts, rng)
    out = np.zeros(eligible.size, bool)
    out[who] = chosen
    return out


def candidates(eligible: Flags, partitions: Sequence[Partition]) -> Flags:
    """Leave out the cases of groups from which none is to be chosen.

    Raises
    ------
    InfeasibleError
        When a group then holds fewer cases than are to be chosen from it.
    """
    out = eligible.copy()
    for groups, wanted in partitions:
        out &= wanted[groups] > 0
    for groups, wanted in partitions:
        if (wanted > np.bincount(groups[out], minlength=wanted.size)).any():
            raise InfeasibleError
    return out


def _rake(parts: Sequence[Partition | Shares], odds: Floats) -> Floats:
    """Fit chances to the totals, keeping the odds ratios within the finest groups.

    The two-layer table chosen / not chosen is raked by iterative proportional fitting.
    A fixed number of sweeps, so that no tolerance decides when to stop.
    """
    p = odds / (1.0 + odds)
    for _ in range(_SWEEPS):
        for groups, wanted in parts:
            size = np.bincount(groups, minlength=wanted.size)
            now = np.bincount(groups, weights=p, minlength=wanted.size)
            # Where a group is chosen whole, the factor of the other layer is 0.
            up = np.divide(wanted, now, out=np.zeros(now.size), where=now > 0)[groups]
            down = np.divide(size - wanted, size - now, out=np.zeros(now.size), where=size > now)
            yes, no = p * up, (1.0 - p) * down[groups]
            both = yes + no
            p = np.divide(yes, both, out=np.full(p.size, 0.5), where=both > 0)
    return p


def _draw(p: Floats, parts: Sequence[Partition | Shares], rng: np.random.RandomState) -> Flags:
    """Draw systematically along cases sorted by their groups, in random order within."""
    order = np.lexsort((rng.permutation(p.size), *(groups for groups, _ in reversed(parts))))
    steps = np.floor(np.cumsum(p[order]) + rng.uniform())
    chosen = np.zeros(p.size, bool)
    chosen[order] = np.diff(steps, prepend=0.0) > 0.5
    return chosen


def _repair(chosen: Flags, parts: Sequence[Partition], rng: np.random.RandomState) -> None:
    """Swap cases in place until every group has its number.

    Each move takes one case in, puts one out, or both, whichever leaves the smallest
    weighted sum of absolute residuals. Where no move helps, the groups that are still
    out gain weight, which leads out of dead ends (Morris's breakout method). All cases of
    one cell (equal in every partition) are alike, so moves are looked for among cells.
    """
    joint = np.ravel_multi_index([groups for groups, _ in parts], [w.size for _, w in parts])
    _, first, cell = np.unique(joint, return_index=True, return_inverse=True)
    codes = [groups[first] for groups, _ in parts]
    size = np.bincount(cell, minlength=first.size)
    before = np.bincount(cell[chosen], minlength=first.size)
    held = before.copy()
    residual = [
        wanted - np.bincount(groups[chosen], minlength=wanted.size) for groups, wanted in parts
    ]
    weight = [np.ones(r.size, np.int64) for r in residual]
    for _ in range(_MOVES):
        now = sum(int((w * np.abs(r)).sum()) for w, r in zip(weight, residual, strict=True))
        if now == 0:
            break
        cost, into, out = _best_move(codes, residual, weight, held < size, held > 0, rng)
        if cost >= now:
            for w, r in zip(weight, residual, strict=True):
                w += r != 0
            continue
        for at, step in ((into, 1), (out, -1)):
            if at >= 0:
                held[at] += step
                for r, code in zip(residual, codes, strict=True):
                    r[code[at]] -= step
    else:
        raise InfeasibleError
    change = held - before
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
    """Find the cells to take a case into and out of (-1 for no cell), and the cost then.

    The last row and column of the cost stand for "none", so that single moves compete
    with swaps. Among equally good moves chance decides.
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
