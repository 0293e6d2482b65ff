"""Target counts of every question, and the strata of every case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import UsageError, format_values
from omistats.kernel.chi_square import STARS, chi_square_sf, pearson_two, star_codes
from omistats.kernel.rounding import counts_behind
from omistats.omi2.breakdowns import RiskOfHarm, SupervisionType
from omistats.omi2.framework import FRAMEWORK, STANDARD_NAMES
from omistats.omi2.published import CASES, FIRST_SPLIT, TABLES
from omistats.omi2.synthesis.selection import select

__all__ = [
    "LEVELS",
    "RISK",
    "UNITS",
    "Printed",
    "PrintedRow",
    "Target",
    "aim",
    "draw_strata",
    "draw_units",
    "grouping",
    "in_custody",
    "read_printed",
]


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CHARACTERISTICS: Final = {
    number: table.breakdown for number, table in TABLES.items() if number >= FIRST_SPLIT
}
"""The breakdown of each of Tables 7-11, by number of the table."""

RISK: Final = RiskOfHarm.key

UNITS: Final = 15
"""The number of inspections of the aggregate report."""

_UNIT_SIZES: Final = (100, 220)

LEVELS: Final = {name: FRAMEWORK.stratum(name).levels for name in STANDARD_NAMES}
"""The levels of each characteristic, in the order of the columns of the case file."""

_SUPERVISION = SupervisionType.key
_CUSTODY = LEVELS[_SUPERVISION].index("custody")
# Code of each supervision type in Table 7: its two groups, and 2 for the others.
_PRINTED_SUPERVISION = np.array(
    [
        SupervisionType.groups.index(level) if level in SupervisionType.groups else 2
        for level in LEVELS[_SUPERVISION]
    ]
)

# Percentage points beyond a printed percentage to search if no counts behind it match.
_REACH = 2
# Costs of a choice of counts, each too large for the next to outweigh: cells that differ from
# print, by how much, and unusual unclassified cases. A wrong star costs less than a wrong
# percentage, because stars also depend on the test.
_STARS_MISSED, _PERCENT_MISSED, _DISTANCE = 1.0e6, 1.1e6, 1e3


@attrs.frozen
class PrintedRow:
    """Percentages and Ns of the two groups of a printed row, and the code of its stars.

    A blank percentage is -1, a blank N is 0, and blank stars are None.
    """

    percent: tuple[int, int]
    n: tuple[int, int]
    stars: int | None


@attrs.frozen
class Printed:
    """All printed figures of one question.

    Attributes
    ----------
    question : str
        Id of the question.
    risk : PrintedRow
        High risk of harm and all cases. If the question applies to high cases only, the
        second group is blank.
    splits : dict of str to PrintedRow
        Rows of Tables 7-11, by characteristic.
    """

    question: str
    risk: PrintedRow
    splits: dict[str, PrintedRow]

    @property
    def high_only(self) -> bool:
        """Whether the question applies to high cases only."""
        return self.risk.n[1] == 0

    @property
    def total(self) -> int:
        """The number of applicable cases."""
        return self.risk.n[0] if self.high_only else self.risk.n[1]

    def applicable(self) -> dict[str, Ints]:
        """Count applicable cases by characteristic: first group, second group, all others."""
        out = {
            name: np.array([*row.n, self.total - sum(row.n)], np.int64)
            for name, row in self.splits.items()
        }
        high = self.risk.n[0]
        out[RISK] = np.array([high, self.total - high], np.int64)
        return out


def read_printed(published: pa.Table) -> list[Printed]:
    """Group the published figures by question.

    Parameters
    ----------
    published : pyarrow.Table
        In the form of `omistats.omi2.load_published`.

    Returns
    -------
    list of Printed
        In the order of the rows of Tables 7-11.

    Raises
    ------
    UsageError
        When there are no rows or a table lacks a question.
    """
    lines: dict[tuple[int, int], list[dict[str, object]]] = {}
    for line in published.to_pylist():
        lines.setdefault((line["table"], line["row"]), []).append(line)
    risk: dict[str, PrintedRow] = {}
    splits: dict[str, dict[str, PrintedRow]] = {}
    for (table, _), pair in sorted(lines.items()):
        name, row = str(pair[0]["question"]), _row(pair)
        if table in CHARACTERISTICS:
            splits.setdefault(name, {})[CHARACTERISTICS[table]] = row
        else:
            risk[name] = row
    incomplete = [
        name
        for name in {**risk, **splits}
        if name not in risk or len(splits.get(name, ())) < len(CHARACTERISTICS)
    ]
    if incomplete or not splits:
        raise UsageError(
            "`published` must have a row of every question in Tables 3-6 and in each of Tables "
            f"7-11; missing for {format_values(incomplete) if incomplete else 'all'}. Pass the "
            "whole of load_published()."
        )
    return [Printed(name, risk[name], rows) for name, rows in splits.items()]


def _row(pair: list[dict[str, object]]) -> PrintedRow:
    first, second = pair
    stars = first["stars"]
    single = first["n"] is None or second["n"] is None
    return PrintedRow(
        percent=(_number(first["percent"], -1), _number(second["percent"], -1)),
        n=(_number(first["n"], 0), _number(second["n"], 0)),
        # Stars of a row with one group test nothing.
        stars=None if stars is None or single else STARS.index(str(stars)),
    )


def _number(value: object, blank: int) -> int:
    return value if isinstance(value, int) else blank


@attrs.frozen
class Target:
    """Counts to generate for one question, by characteristic and group."""

    question: str
    applicable: dict[str, Ints]
    sufficient: dict[str, Ints]


def aim(printed: Printed, rng: np.random.RandomState) -> Target:
    """Choose the sufficient counts of every group of a question.

    Parameters
    ----------
    printed : Printed
        The printed figures of the question.
    rng : numpy.random.RandomState
        Decides between equally good counts.

    Returns
    -------
    Target

    Notes
    -----
    Every total behind the printed percentage of all cases is tried with every pair of counts
    behind the two printed percentages of each row. If none of these matches every printed
    cell, counts up to 2 percentage points beyond are tried too. The choice matches as many
    cells as possible; then differs as little as possible; then leaves the unclassified cases
    about as sufficient as the others, with some jitter. A printed figure that contradicts the
    others thus stays unmatched, without being listed here.
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
            # The cases that are not high are printed nowhere, so any count will do.
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
    """Return the counts behind or near a printed percentage, and the cost of each."""
    if n == 0:
        return np.zeros(1, np.int64), np.zeros(1)
    low, high = (int(v) for v in counts_behind(percent, n))
    # At least one count more: with few cases a step is several percentage points.
    more = max(reach * n // 100, 1) if reach or low > high else 0
    k = np.arange(max(min(low, high) - more, 0), min(max(low, high) + more, n) + 1)
    off = np.abs(100.0 * k / n - percent)
    return k, np.where((low <= k) & (k <= high), 0.0, _PERCENT_MISSED + _DISTANCE * off)


@attrs.frozen
class _Grid:
    """Pairs of counts of one row, with the part of their cost that ignores the total."""

    a: Ints
    b: Ints
    other_n: int
    cost: Floats

    def best(self, k: int, total: int) -> tuple[float, Ints]:
        """Choose the best pair for a count of all cases; the others get the remainder."""
        other = k - self.a[:, None] - self.b
        # Prefer others that are about as sufficient as all cases.
        cost = self.cost + np.abs(other - self.other_n * k / max(total, 1))
        cost = np.where((other < 0) | (other > self.other_n), np.inf, cost)
        i, j = divmod(int(np.argmin(cost)), self.b.size)
        return float(cost[i, j]), np.array([self.a[i], self.b[j], other[i, j]], np.int64)


def _grid(row: PrintedRow, other_n: int, reach: int, rng: np.random.RandomState) -> _Grid:
    (a, off_a), (b, off_b) = (_near(p, n, reach) for p, n in zip(row.percent, row.n, strict=True))
    stars = _stars(a[:, None], row.n[0], b[None, :], row.n[1], row.stars)
    # A jitter of up to two cases makes the choice between good pairs random.
    jitter = rng.uniform(0.0, 2.0, stars.shape)
    return _Grid(a, b, other_n, off_a[:, None] + off_b + stars + jitter)


def _stars(k1: Ints, n1: int, k2: Ints, n2: int, printed: int | None) -> Floats:
    """Return the cost of stars that differ from print."""
    if printed is None:
        return np.zeros(np.broadcast(k1, k2).shape)
    codes = star_codes(chi_square_sf(pearson_two(k1, n1, k2, n2), 1)).astype(np.int64)
    steps = np.abs(codes - printed)
    return np.asarray(_STARS_MISSED * (steps > 0) + _DISTANCE * steps, np.float64)


def draw_strata(printed: Sequence[Printed], rng: np.random.RandomState) -> dict[str, Ints]:
    """Draw the characteristics of every case.

    Parameters
    ----------
    printed : sequence of Printed
        The questions; only their Ns are used.
    rng : numpy.random.RandomState
        Decides which cases have which characteristics.

    Returns
    -------
    dict of str to ndarray of int64, shape (2213,)
        Code of the level of every case, by characteristic; -1 is unclassified.

    Notes
    -----
    The margins are the largest Ns of any question; the few remaining cases are apportioned.
    The characteristics of high cases are those of the question that applies to nearly all of
    them and to no others. The cases in custody are those without an answer on induction, which
    they do not have. Given risk of harm and custody the characteristics are independent of
    each other, because the source shows no more.
    """
    margins = {name: _margin(printed, name) for name in LEVELS}
    high_question = max((p for p in printed if p.high_only), key=lambda p: p.total)
    induction = _without_custody(printed)
    high = {
        name: _top_up(high_question.applicable()[name], int(margins[RISK][0]))
        for name in LEVELS
        if name != RISK
    }
    # Community orders and licences show the share of cases with an answer on induction.
    applicable = induction.applicable()
    inducted = applicable[_SUPERVISION]
    scale = margins[_SUPERVISION][:2].sum() / inducted[:2].sum()
    custody = int(margins[_SUPERVISION][2]) - round(float(inducted[2] * scale))
    in_custody_by_level = {
        name: apportion(custody, np.maximum(margins[name] - applicable[name] * scale, 0.0))
        for name in LEVELS
        if name != _SUPERVISION
    }
    supervision, risk = _blocks(margins, high[_SUPERVISION], custody, in_custody_by_level[RISK])
    out = {_SUPERVISION: supervision, RISK: risk}
    custodial = (supervision == _CUSTODY).astype(np.int64)
    for name in ("gender", "ethnicity", "disability", "age_group"):
        out[name] = np.zeros(CASES, np.int64)
        for level in (1, 2):
            wanted = (
                _two(int(high[name][level]), int(margins[name][level])),
                _two(
                    int(margins[name][level] - in_custody_by_level[name][level]),
                    int(margins[name][level]),
                ),
            )
            chosen = select(
                out[name] == 0, ((risk, wanted[0]), (custodial, wanted[1])), np.ones(CASES), rng
            )
            out[name][chosen] = level
        out[name][out[name] == 2] = -1
    return {name: out[name] for name in LEVELS}


def draw_units(rng: np.random.RandomState) -> Ints:
    """Assign cases at random to units of 100 to 220 cases; return the unit codes from 0."""
    low, high = _UNIT_SIZES
    while True:
        sizes = apportion(CASES, rng.uniform(low, high, UNITS))
        if low <= sizes.min() and sizes.max() <= high:
            return np.asarray(rng.permutation(np.repeat(np.arange(UNITS), sizes)), np.int64)


def grouping(strata: dict[str, Ints]) -> dict[str, Ints]:
    """Return the group of every case by characteristic: first group, second group, all others."""
    return {
        name: _PRINTED_SUPERVISION[codes] if name == _SUPERVISION else np.where(codes < 0, 2, codes)
        for name, codes in strata.items()
    }


def in_custody(strata: dict[str, Ints]) -> npt.NDArray[np.bool_]:
    """Return a mask of the cases in custody."""
    return np.asarray(strata[_SUPERVISION] == _CUSTODY)


def apportion(total: int, weights: npt.NDArray[np.float64]) -> Ints:
    """Split a total in proportion to weights, by largest remainder; ties go to the first."""
    share = total * weights / weights.sum()
    out: Ints = np.floor(share).astype(np.int64)
    out[np.argsort(-(share - out), kind="stable")[: total - out.sum()]] += 1
    return out


def _margin(printed: Sequence[Printed], name: str) -> Ints:
    most = np.max([p.applicable()[name] for p in printed], axis=0)
    return _top_up(most, CASES)


def _top_up(counts: Ints, total: int) -> Ints:
    # Apportion the cases without any answer.
    return counts + apportion(total - int(counts.sum()), counts.astype(np.float64))


def _two(first: int, total: int) -> Ints:
    return np.array([first, total - first], np.int64)


def _without_custody(printed: Sequence[Printed]) -> Printed:
    """Find the question that never applies to cases in custody: induction."""
    (found,) = (p for p in printed if p.question == "induction")
    return found


def _blocks(
    margins: dict[str, Ints], high: Ints, custody: int, custody_risk: Ints
) -> tuple[Ints, Ints]:
    """Return supervision type and risk of harm of every case."""
    order, licence, rest = (int(v) for v in margins[_SUPERVISION])
    high_order, high_licence, high_rest = (int(v) for v in high)
    high_custody = int(custody_risk[0])
    of_all = np.array([order, rest - custody, licence, custody])
    of_high = np.array([high_order, high_rest - high_custody, high_licence, high_custody])
    table = np.stack([of_high, of_all - of_high])
    levels = np.tile(np.arange(4), 2), np.repeat([0, 1], 4)
    supervision, risk = (np.repeat(v, table.ravel()) for v in levels)
    return supervision.astype(np.int64), risk.astype(np.int64)
