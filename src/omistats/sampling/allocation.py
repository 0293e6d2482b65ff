"""Raking and integer allocation (HiGHS)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import OmistatsError, Problem

__all__ = [
    "Allocation",
    "AllocationProblem",
    "Rule",
    "allocate",
    "binding",
    "divide",
    "nearest",
    "possible",
    "rake",
]


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# A cell further from its target than this pays for each further case what the last one cost.
_REACH = 4
# Of tables that are equally near one must be taken, on every machine the same.
_TIES = 1e-4
_GOLDEN = 0.6180339887498949


@attrs.frozen(eq=False)
class Rule:
    """What some cells have to add up to.

    Attributes
    ----------
    members : ndarray of bool, shape (cells,)
    low, high : int
        At least and at most.
    text : str
        For people.
    cost : float or None
        What a case beyond the limits costs, beside a chi-square; None where limits hold.
    """

    members: npt.NDArray[np.bool_]
    low: int
    high: int
    text: str
    cost: float | None = None


def nearest(
    target: Floats, least: Ints, most: Ints, size: int, rules: Sequence[Rule]
) -> Ints | None:
    """Find the whole numbers nearest to a target that obey rules; None where none do.

    Parameters
    ----------
    target : ndarray of float64, shape (cells,)
    least, most : ndarray of int64, shape (cells,)
        Limits of every cell.
    size : int
        What all cells add up to.
    rules : sequence of Rule

    Notes
    -----
    Near is the sum over cells of ``(n - t)^2 / max(t, 1/2)``, as a function of whole numbers
    that goes straight from each to the next.
    """
    cells = len(target)
    aim = np.clip(target, least, most)
    rows, floors = [], []
    for c in range(cells):
        scale = max(aim[c], 0.5)
        low = max(int(least[c]), int(np.floor(aim[c])) - _REACH)
        high = min(int(most[c]), int(np.ceil(aim[c])) + _REACH)
        for j in range(low, high):
            height = (j - aim[c]) ** 2 / scale
            slope = (j + 1 - aim[c]) ** 2 / scale - height
            row = np.zeros(2 * cells)
            row[c], row[cells + c] = -slope, 1.0
            rows.append(row)
            floors.append(height - slope * j)
    distances = np.array(rows).reshape(-1, 2 * cells)
    ties = _TIES * np.modf(_GOLDEN * np.arange(1, cells + 1))[0]
    cost = np.concatenate([ties, np.ones(cells)])
    return _solve(cost, least, most, size, rules, (distances, np.array(floors)))


def possible(least: Ints, most: Ints, size: int, rules: Sequence[Rule]) -> bool:
    """Say whether any whole numbers obey the rules."""
    none = np.zeros((0, len(least))), np.zeros(0)
    return _solve(np.zeros(len(least)), least, most, size, rules, none) is not None


def binding(least: Ints, most: Ints, size: int, rules: Sequence[Rule]) -> list[Rule]:
    """Find rules that cannot hold together, of which each is needed for that.

    Each rule in turn is left out, and stays out if the rest cannot hold either (the deletion
    filter of Chinneck and Dravnieks, ORSA Journal on Computing 3, 1991).
    """
    kept = list(rules)
    for rule in rules:
        rest = [r for r in kept if r is not rule]
        if not possible(least, most, size, rest):
            kept = rest
    return kept


def _solve(
    cost: Floats,
    least: Ints,
    most: Ints,
    size: int,
    rules: Sequence[Rule],
    distances: tuple[Floats, Floats],
) -> Ints | None:
    from scipy.optimize import Bounds, LinearConstraint, milp

    cells, width = len(least), len(cost)
    soft = [rule for rule in rules if rule.cost is not None]
    total = width + len(soft)
    upper, lower, matrix = [size], [size], [_row(np.ones(cells), total)]
    for rule in rules:
        if rule.cost is None:
            matrix.append(_row(rule.members, total))
            lower.append(rule.low)
            upper.append(rule.high)
    below, above = np.array(lower, np.float64), np.array(upper, np.float64)
    constraints = [LinearConstraint(np.array(matrix), below, above)]
    if len(distances[1]):
        wide = np.hstack([distances[0], np.zeros((len(distances[1]), len(soft)))])
        constraints.append(LinearConstraint(wide, distances[1], np.inf))
    for i, rule in enumerate(soft):
        over, under = _row(rule.members, total), _row(rule.members, total)
        over[width + i], under[width + i] = -1.0, 1.0
        constraints.append(LinearConstraint(over, -np.inf, rule.high))
        constraints.append(LinearConstraint(under, rule.low, np.inf))
    rest = total - cells
    found = milp(
        np.concatenate([cost, [rule.cost or 0.0 for rule in soft]]),
        integrality=np.concatenate([np.ones(cells), np.zeros(rest)]),
        bounds=Bounds(
            np.concatenate([least, np.zeros(rest)]), np.concatenate([most, np.full(rest, np.inf)])
        ),
        constraints=constraints,
        options={"mip_rel_gap": 0.0},
    )
    if found.status == 2:  # infeasible
        return None
    if found.x is None:
        raise OmistatsError(f"the allocation was not solved: {found.message}")
    whole: Ints = np.rint(found.x[:cells]).astype(np.int64)
    wrong = [
        r.text for r in rules if r.cost is None and not r.low <= whole[r.members].sum() <= r.high
    ]
    if wrong or whole.sum() != size or (whole < least).any() or (whole > most).any():
        raise OmistatsError(f"the solver gave an allocation that breaks rules: {wrong or 'cells'}")
    return whole


def _row(members: npt.ArrayLike, width: int) -> Floats:
    row = np.zeros(width)
    values = np.asarray(members, np.float64)
    row[: len(values)] = values
    return row


_SWEEPS = 500
_CLOSE = 1e-10


def divide(size: int, counts: Sequence[int], floors: Sequence[int]) -> list[Fraction]:
    """Divide a sample over levels in proportion to their cases, but none below its floor.

    Parameters
    ----------
    size : int
        Cases to divide.
    counts : sequence of int
        Cases of every level.
    floors : sequence of int
        What each level has to have.

    Returns
    -------
    list of Fraction
        They add up to ``size``. A level whose share falls short of its floor has just that,
        and the others divide the rest; nothing is left for them where floors take it all.

    Examples
    --------
    >>> [str(part) for part in divide(100, [150, 850], [40, 0])]
    ['40', '60']
    >>> [str(part) for part in divide(10, [1, 1, 1], [0, 0, 0])]
    ['10/3', '10/3', '10/3']
    """
    fixed: dict[int, Fraction] = {}
    while True:
        free = [i for i in range(len(counts)) if i not in fixed]
        left = max(Fraction(size) - sum(fixed.values()), Fraction(0))
        there = sum(counts[i] for i in free)
        share = {i: left * counts[i] / there if there else Fraction(0) for i in free}
        short = [i for i in free if share[i] < floors[i]]
        if not short:
            return [fixed[i] if i in fixed else share[i] for i in range(len(counts))]
        fixed |= {i: Fraction(floors[i]) for i in short}


def rake(seed: npt.ArrayLike, margins: Sequence[tuple[Ints, npt.ArrayLike]]) -> Floats:
    """Adjust cells to margins, disturbing what cells have to do with each other least.

    Parameters
    ----------
    seed : array_like of float, shape (cells,)
        Where to begin: the cells of the caseload.
    margins : sequence of (ndarray of int, array_like of float)
        Of each characteristic the level of every cell, and what every level is to add up to.

    Returns
    -------
    ndarray of float64, shape (cells,)
        Of all tables with these margins the one nearest to ``seed`` by the Kullback-Leibler
        divergence. Where there is none, because cells are empty, it is as far as 500 sweeps
        come, and has the margin that was named last.

    References
    ----------
    Deming, W. E. and Stephan, F. F. (1940). On a least squares adjustment of a sampled
    frequency table when the expected marginal totals are known. Annals of Mathematical
    Statistics 11, 427-444.

    Examples
    --------
    >>> import numpy as np
    >>> rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> rake([1, 2, 3, 4], [(rows, [5, 5]), (columns, [5, 5])]).round(3).tolist()
    [2.247, 2.753, 2.753, 2.247]
    """
    cells = np.array(seed, np.float64)
    for _ in range(_SWEEPS):
        before = cells.copy()
        for level, wanted in margins:
            aim = np.asarray(wanted, np.float64)
            now = np.bincount(level, cells, len(aim))
            cells *= np.divide(aim, now, out=np.zeros(len(aim)), where=now > 0)[level]
        if np.abs(cells - before).max(initial=0.0) <= _CLOSE:
            break
    return cells


# In chi-squares: what is kept gives way only to what must hold, to `least` no further than it
# has to, and a boosted characteristic has whole numbers next to its target before cells have.
_KEPT, _BOOSTED = 1000.0, 10.0
_QUOTA = "at least"


@attrs.frozen(eq=False)
class AllocationProblem:
    """What the sample of one unit should be like.

    Attributes
    ----------
    unit : str
    size : int
    names : tuple of str
        Characteristics.
    levels : tuple of tuple of str or None
    level : ndarray of int64, shape (cells, characteristics)
    counts : ndarray of int64, shape (cells,)
        Cases of the caseload.
    keep : frozenset of int
        Characteristics that stay in proportion.
    quotas : dict of (int, int) to int
        By characteristic and level.
    least : int
        Of every cell, as far as it has cases.
    give_way : bool
        Whether what is kept gives way where not all can be had.
    """

    unit: str
    size: int
    names: tuple[str, ...]
    levels: tuple[tuple[str | None, ...], ...]
    level: Ints
    counts: Ints
    keep: frozenset[int]
    quotas: dict[tuple[int, int], int]
    least: int
    give_way: bool

    @property
    def floors(self) -> Ints:
        """What every cell has to have."""
        return np.minimum(self.counts, self.least)

    def there(self, i: int) -> list[int]:
        """Count the cases of every level of a characteristic."""
        return self._sums(i, self.counts)

    def needed(self, i: int) -> list[int]:
        """Count what the cells of every level have to have."""
        return self._sums(i, self.floors)

    def called(self, i: int, code: int) -> str:
        """Name a level."""
        label = self.levels[i][code]
        return f"{self.names[i]} " + ("unknown" if label is None else repr(label))

    def _sums(self, i: int, values: Ints) -> list[int]:
        out = np.zeros(len(self.levels[i]), np.int64)
        np.add.at(out, self.level[:, i], values)
        return [int(value) for value in out]


@attrs.frozen(eq=False)
class Allocation:
    """Cases of every cell.

    Attributes
    ----------
    n : ndarray of int64, shape (cells,)
    target : ndarray of float64, shape (cells,)
        Before rounding.
    windows : dict of (int, int) to (int, int)
        What a level that is kept may have, by characteristic and level.
    """

    n: Ints
    target: Floats
    windows: dict[tuple[int, int], tuple[int, int]]


def allocate(wishes: AllocationProblem) -> Allocation | list[Problem]:
    """Allocate a sample to cells, or say what stands against it."""
    if problems := _impossible(wishes):
        return problems
    rules: list[Rule] = []
    margins = []
    windows: dict[tuple[int, int], tuple[int, int]] = {}
    for i in range(len(wishes.names)):
        there, needed = wishes.there(i), wishes.needed(i)
        asked = [wishes.quotas.get((i, code), 0) for code in range(len(there))]
        # No level has more than there are, so that the whole caseload can be drawn.
        share = divide(wishes.size, there, needed)
        aim = divide(wishes.size, there, [max(a, b) for a, b in zip(asked, needed, strict=True)])
        kept, boosted = i in wishes.keep, any(asked)
        for code, cases in enumerate(there):
            if not cases:
                continue
            members = wishes.level[:, i] == code
            called = wishes.called(i, code)
            if asked[code]:
                text = f"{_QUOTA} {asked[code]} of {called} (there are {cases:,})"
                rules.append(Rule(members, asked[code], cases, text))
            if kept:
                exact = Fraction(wishes.size * cases, int(wishes.counts.sum()))
                near = math.floor(exact), math.ceil(exact)
                low = min(near[0], math.floor(share[code]))
                high = max(near[1], math.ceil(share[code]))
                windows[i, code] = low, high
                some = f"{low}" if low == high else f"{low} to {high}"
                text = f"{some} of {called}, kept at {cases:,} of {wishes.counts.sum():,}"
                cost = _KEPT if wishes.give_way else None
                rules.append(Rule(members, low, high, text, cost))
                if (low, high) != near:
                    # A case off is more to a small level than to a large one.
                    cost = min(_BOOSTED * wishes.size / max(float(exact), 1.0), _KEPT / 2)
                    rules.append(Rule(members, *near, called, cost))
            elif boosted:
                low, high = math.floor(aim[code]), math.ceil(aim[code])
                rules.append(Rule(members, low, high, called, _BOOSTED))
        if kept or boosted:
            of_rest = share if kept and not wishes.give_way else aim
            margins.append((wishes.level[:, i], [float(part) for part in of_rest]))
    target = rake(wishes.counts * (wishes.size / wishes.counts.sum()), margins)
    limits = (wishes.floors, wishes.counts, wishes.size)
    n = nearest(target, *limits, rules)
    if n is not None:
        return Allocation(n, target, windows)
    # Kept ones are left out first, so that quotas that contradict each other stand alone.
    hard = [rule for rule in rules if rule.cost is None]
    hard.sort(key=lambda rule: rule.text.startswith(_QUOTA))
    return [_contradiction(wishes, binding(*limits, hard))]


def _impossible(wishes: AllocationProblem) -> list[Problem]:
    """Say what can be seen without looking at rules together."""
    problems = []
    all_cases, at_hand = int(wishes.counts.sum()), len(wishes.counts)
    if wishes.size > all_cases:
        hint = "Draw fewer, or all of them."
        found = f"{wishes.size:,} of {all_cases:,}"
        problems.append(
            Problem(wishes.unit, "a sample is no larger than its caseload", found, hint)
        )
    elif wishes.size < wishes.floors.sum():
        rule = f"every cell has {wishes.least} or all of its cases"
        found = f"{wishes.size:,} for {at_hand} cells that take {wishes.floors.sum():,}"
        hint = "Draw more, cross fewer characteristics, or lower `least`."
        problems.append(Problem(wishes.unit, rule, found, hint))
    for i in range(len(wishes.names)):
        there = wishes.there(i)
        for code, cases in enumerate(there):
            asked = wishes.quotas.get((i, code), 0)
            if asked > min(cases, wishes.size):
                called = wishes.called(i, code)
                rule = f"a quota is no more than there are of {called}, and than the sample"
                there_are = f"{cases:,}" if cases else "none"
                found = f"at least {asked:,} of {there_are}, in a sample of {wishes.size:,}"
                hint = "Lower it." if cases else "Leave it out here, or write 0."
                problems.append(Problem(wishes.unit, rule, found, hint))
    return problems


def _contradiction(wishes: AllocationProblem, rules: Sequence[Rule]) -> Problem:
    each = f"{wishes.least} or more of each, " * (wishes.least > 0)
    advice = "Lower it" if len(rules) == 1 else "Give one of these up"
    advice += ", or draw more"
    if not all(rule.text.startswith(_QUOTA) for rule in rules):
        advice += "; or say give_way=True, and what is kept gives way"
    return Problem(
        wishes.unit,
        f"{wishes.size:,} cases go into cells as asked ({each}no more than there are)",
        f"no way to have all of: {'; '.join(rule.text for rule in rules)}",
        f"{advice}.",
    )
