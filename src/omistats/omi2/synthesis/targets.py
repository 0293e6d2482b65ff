"""Counts to aim at: sufficient cases of every question, group by group."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.rounding import counts_behind
from omistats.kernel.significance import chi_square_sf, pearson_two, star_codes
from omistats.omi2.synthesis.printed import RISK, Printed, PrintedRow

__all__ = ["Target", "aim"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# How far beyond the counts behind a printed percentage to look when none of them will do,
# in percentage points.
_REACH = 2
# What a choice of counts is judged by, each out of reach of the next: cells that differ from
# print, by how much, and how ordinary the unclassified cases look. If one cell must differ,
# rather a star, which supposes a test, than a percentage, which is arithmetic.
_STARS_MISSED, _PERCENT_MISSED, _DISTANCE = 1.0e6, 1.1e6, 1e3


@attrs.frozen
class Target:
    """The counts aimed at for one question, by characteristic and group."""

    question: str
    applicable: dict[str, Ints]
    sufficient: dict[str, Ints]


def aim(printed: Printed, rng: np.random.RandomState) -> Target:
    """Choose the sufficient counts of every group of a question.

    Parameters
    ----------
    printed : Printed
        What is printed about the question.
    rng : numpy.random.RandomState
        Decides among equally good counts.

    Returns
    -------
    Target

    Notes
    -----
    Every total behind the printed percentage of all cases is tried, and with it every pair
    of counts behind the two printed percentages of each row. Only when none of these matches
    every printed cell are counts up to 2 percentage points beyond them tried too. What
    matches the most cells is kept; among those, what differs least; among those, counts
    that leave the unclassified cases about as sufficient as the rest, jittered. So a printed
    figure that no counts can reproduce beside the others is left unmatched, and none is
    named here.
    """
    cost, counts = _search(printed, 0, rng)
    if cost >= _STARS_MISSED:
        cost, counts = _search(printed, _REACH, rng)
    return Target(printed.question, printed.applicable(), counts)


def _search(
    printed: Printed, reach: int, rng: np.random.RandomState
) -> tuple[float, dict[str, Ints]]:
    size, risk = printed.total, printed.risk
    percent = risk.percent[0 if printed.high_only else 1]
    grids = {
        name: _grid(row, size - sum(row.n), reach, rng) for name, row in printed.splits.items()
    }
    best: tuple[float, dict[str, Ints]] = (np.inf, {})
    for k, off in zip(*_near(percent, size, reach), strict=True):
        cost, counts = float(off), {}
        if printed.high_only:
            counts[RISK] = np.array([k, 0], np.int64)
        else:
            # The complement of high is printed nowhere, so it may be any count.
            high, high_off = _near(risk.percent[0], risk.n[0], reach)
            rest_n = size - risk.n[0]
            rest = k - high
            costs = high_off + _stars(high, risk.n[0], rest, rest_n, risk.stars)
            costs = costs + rng.uniform(size=high.size)
            costs = np.where((rest < 0) | (rest > rest_n), np.inf, costs)
            at = int(np.argmin(costs))
            cost += float(costs[at])
            counts[RISK] = np.array([high[at], rest[at]], np.int64)
        for name, grid in grids.items():
            row_cost, counts[name] = grid.best(int(k), size)
            cost += row_cost
        if cost < best[0]:
            best = (cost, counts)
    return best


def _near(percent: int, n: int, reach: int) -> tuple[Ints, Floats]:
    """Return counts behind a printed percentage, or near it, and the cost of each."""
    if n == 0:
        return np.zeros(1, np.int64), np.zeros(1)
    low, high = (int(v) for v in counts_behind(percent, n))
    # At least one more count either way: few cases make steps of several points.
    more = max(reach * n // 100, 1) if reach or low > high else 0
    k = np.arange(max(min(low, high) - more, 0), min(max(low, high) + more, n) + 1)
    off = np.abs(100.0 * k / n - percent)
    return k, np.where((low <= k) & (k <= high), 0.0, _PERCENT_MISSED + _DISTANCE * off)


@attrs.frozen
class _Grid:
    """The pairs of counts of one row, with what each costs whatever the total is."""

    a: Ints
    b: Ints
    left_n: int
    cost: Floats

    def best(self, k: int, total: int) -> tuple[float, Ints]:
        """Choose a pair given the count of all cases; the unclassified get what is left."""
        left = k - self.a[:, None] - self.b
        # Far-off unclassified cases are possible but odd.
        cost = self.cost + np.abs(left - self.left_n * k / max(total, 1))
        cost = np.where((left < 0) | (left > self.left_n), np.inf, cost)
        i, j = divmod(int(np.argmin(cost)), self.b.size)
        return float(cost[i, j]), np.array([self.a[i], self.b[j], left[i, j]], np.int64)


def _grid(row: PrintedRow, left_n: int, reach: int, rng: np.random.RandomState) -> _Grid:
    (a, off_a), (b, off_b) = (_near(p, n, reach) for p, n in zip(row.percent, row.n, strict=True))
    stars = _stars(a[:, None], row.n[0], b[None, :], row.n[1], row.stars)
    # The jitter of up to two cases makes chance, not order, decide among good pairs.
    jitter = rng.uniform(0.0, 2.0, stars.shape)
    return _Grid(a, b, left_n, off_a[:, None] + off_b + stars + jitter)


def _stars(k1: Ints, n1: int, k2: Ints, n2: int, printed: int | None) -> Floats:
    """Return the cost of stars that differ from print."""
    if printed is None:
        return np.zeros(np.broadcast(k1, k2).shape)
    codes = star_codes(chi_square_sf(pearson_two(k1, n1, k2, n2), 1)).astype(np.int64)
    steps = np.abs(codes - printed)
    return np.asarray(_STARS_MISSED * (steps > 0) + _DISTANCE * steps, np.float64)
