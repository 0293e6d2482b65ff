"""Allocate a sample to cells: raking, then integer programming with HiGHS."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
    "allocate_for_precision",
    "conflicting_rules",
    "divide",
    "is_feasible",
    "nearest_integers",
    "rake",
]


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Within this many cases of the target the cost is exact; beyond, it grows linearly.
_REACH = 4
# Small costs that break ties between equally near tables, the same on every machine.
_TIES = 1e-4
_GOLDEN = 0.6180339887498949

# Costs on the scale of the chi-square, so that kept proportions outweigh boosted levels, and
# boosted levels outweigh cells.
_KEPT, _BOOSTED = 1000.0, 10.0
_QUOTA = "at least"

_SWEEPS = 500
_TOLERANCE = 1e-10


@attrs.frozen(eq=False)
class AllocationProblem:
    """Requirements on the sample of one unit.

    Attributes
    ----------
    unit : str
    size : int
    names : tuple of str
        Characteristics.
    levels : tuple of tuple of str or None
        Levels of each characteristic; None is unknown.
    level : ndarray of int64, shape (cells, characteristics)
        Places of the levels of every cell.
    counts : ndarray of int64, shape (cells,)
        Cases of the caseload.
    keep : frozenset of int
        Characteristics that stay in proportion.
    quotas : dict of (int, int) to int
        Minimum by characteristic and level.
    least : int
        Minimum of every cell, or all of its cases if it has fewer.
    give_way : bool
        Whether kept proportions may be broken if not all requirements can be met.
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
        """Minimum of every cell."""
        return np.minimum(self.counts, self.least)

    def level_counts(self, i: int) -> list[int]:
        """Count the cases of every level of a characteristic."""
        return self._sums(i, self.counts)

    def level_floors(self, i: int) -> list[int]:
        """Sum up the minimums of the cells of every level of a characteristic."""
        return self._sums(i, self.floors)

    def level_name(self, i: int, code: int) -> str:
        """Name a level in error messages."""
        label = self.levels[i][code]
        return f"{self.names[i]} " + ("unknown" if label is None else repr(label))

    @property
    def has_cases_for_quotas(self) -> bool:
        """Whether no quota is larger than its level."""
        return all(quota <= self.level_counts(i)[code] for (i, code), quota in self.quotas.items())

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
        Cases before rounding.
    ranges : dict of (int, int) to (int, int)
        Least and greatest count of a kept level, by characteristic and level.
    """

    n: Ints
    target: Floats
    ranges: dict[tuple[int, int], tuple[int, int]]


def allocate(problem: AllocationProblem) -> Allocation | list[Problem]:
    """Allocate a sample to cells, or return the problems that prevent it."""
    if problems := _impossible_requirements(problem):
        return problems
    requirements = _list_requirements(problem)
    if found := _nearest_allocation(problem, requirements):
        return found
    # Kept proportions are dropped first, so that quotas that contradict each other are reported.
    hard = [rule for rule in requirements.rules if rule.cost is None]
    hard.sort(key=lambda rule: rule.text.startswith(_QUOTA))
    limits = (problem.floors, problem.counts, problem.size)
    return [_contradiction(problem, conflicting_rules(*limits, hard))]


def allocate_for_precision(
    problem_of: Callable[[int], AllocationProblem],
    smallest: int,
    is_precise: Callable[[Floats], bool],
) -> tuple[AllocationProblem, Allocation | list[Problem]]:
    """Allocate the smallest sample that meets all requirements and reaches a precision.

    Parameters
    ----------
    problem_of : callable
        Takes a size and returns the requirements on a sample of that size.
    smallest : int
        The size to begin with, which suffices where all weights are equal.
    is_precise : callable
        Takes the sample of every cell, not necessarily in whole cases, and returns whether it
        reaches the precision.

    Returns
    -------
    problem : AllocationProblem
        The requirements at the size that was chosen.
    allocation : Allocation or list of Problem
        One case fewer would not reach the precision, or could not meet the requirements. If no
        size reaches it, because a quota that is a share of the sample exhausts its level, this is
        the largest sample that the quotas allow. If no size meets the requirements, these are
        the problems of the first sample with room for minimums and quotas, if there is one.
    """
    start = _smallest_size(problem_of, smallest) or smallest
    first = problem_of(start)
    if _impossible_requirements(first):
        return first, allocate(first)
    cases = int(first.counts.sum())
    # A share of the sample may come to more cases than a level has.
    exhausted = _first_size(
        lambda size: not problem_of(size).has_cases_for_quotas, start, cases, start
    )
    largest = cases if exhausted is None else exhausted - 1
    found: dict[int, Allocation | None] = {}

    def solve(size: int) -> Allocation | None:
        if size not in found:
            problem = problem_of(size)
            found[size] = _nearest_allocation(problem, _list_requirements(problem))
        return found[size]

    def is_enough(size: int) -> bool:
        allocation = solve(size)
        return allocation is not None and is_precise(allocation.n.astype(np.float64))

    # The target takes no solver, and gives a size that is nearly always within a case or two.
    # The search for it begins at the first size times the design effect of its target.
    expected = np.maximum(_expected(first), 0.5)
    effect = start * float((first.counts**2 / expected).sum()) / cases**2
    guess = _first_size(
        lambda size: is_precise(_expected(problem_of(size))),
        start,
        largest,
        min(max(start, math.ceil(start * effect)), largest),
    )
    size = _first_size(is_enough, start, largest, largest if guess is None else guess)
    if size is None:
        solve(start)
        possible = [n for n, allocation in found.items() if allocation is not None]
        if not possible:
            return first, allocate(first)
        last = max(possible)
        if last < largest:
            above = _first_size(lambda n: solve(n) is None, last + 1, largest, last + 1)
            last = largest if above is None else above - 1
        size = _first_size(is_enough, start, last, last) or last
    allocation = solve(size)
    assert allocation is not None  # noqa: S101 - tells the type checker
    return problem_of(size), allocation


def _smallest_size(problem_of: Callable[[int], AllocationProblem], size: int) -> int | None:
    """Raise a size until it has room for the minimums of all cells and the quotas."""
    while True:
        problem = problem_of(size)
        if size > problem.counts.sum():
            return None
        needed = int(problem.floors.sum())
        for i in range(len(problem.names)):
            quotas = (problem.quotas.get((i, code), 0) for code in range(len(problem.levels[i])))
            floors = problem.level_floors(i)
            needed = max(needed, sum(map(max, quotas, floors)))
        if needed <= size:
            return size
        size = needed


def _first_size(
    holds: Callable[[int], bool], smallest: int, largest: int, guess: int
) -> int | None:
    """Find the smallest size at which something holds, if it holds at all larger sizes too.

    From the guess, steps of 1, 2, 4, ... go down or up until they pass the size; then the interval
    is halved. If what holds goes and comes, the result still holds, and one less does not or is
    below ``smallest``.
    """
    below, above, step = smallest - 1, guess, 1
    if holds(guess):
        while above > smallest:
            size = max(smallest, above - step)
            if not holds(size):
                below = size
                break
            above, step = size, 2 * step
    else:
        below = guess
        while True:
            if below >= largest:
                return None
            above = min(largest, below + step)
            if holds(above):
                break
            below, step = above, 2 * step
    while above - below > 1:
        size = (below + above) // 2
        if holds(size):
            above = size
        else:
            below = size
    return above


@attrs.frozen(eq=False)
class _Requirements:
    """Rules, target and ranges of kept levels, as in `Allocation`."""

    rules: list[Rule]
    target: Floats
    ranges: dict[tuple[int, int], tuple[int, int]]


def _list_requirements(problem: AllocationProblem) -> _Requirements:
    rules: list[Rule] = []
    margins = []
    ranges: dict[tuple[int, int], tuple[int, int]] = {}
    for i in range(len(problem.names)):
        counts, floors = problem.level_counts(i), problem.level_floors(i)
        quotas = [problem.quotas.get((i, code), 0) for code in range(len(counts))]
        # Never more than the level's cases, so that the whole caseload can be drawn.
        share = divide(problem.size, counts, floors)
        boosted_floors = [max(a, b) for a, b in zip(quotas, floors, strict=True)]
        boosted_share = divide(problem.size, counts, boosted_floors)
        kept, boosted = i in problem.keep, any(quotas)
        for code, cases in enumerate(counts):
            if not cases:
                continue
            members = problem.level[:, i] == code
            name = problem.level_name(i, code)
            if quotas[code]:
                text = f"{_QUOTA} {quotas[code]} of {name} (there are {cases:,})"
                rules.append(Rule(members, quotas[code], cases, text))
            if kept:
                exact = Fraction(problem.size * cases, int(problem.counts.sum()))
                near = math.floor(exact), math.ceil(exact)
                low = min(near[0], math.floor(share[code]))
                high = max(near[1], math.ceil(share[code]))
                ranges[i, code] = low, high
                allowed = f"{low}" if low == high else f"{low} to {high}"
                text = f"{allowed} of {name}, kept at {cases:,} of {problem.counts.sum():,}"
                cost = _KEPT if problem.give_way else None
                rules.append(Rule(members, low, high, text, cost))
                if (low, high) != near:
                    # One case off matters more to a small level than to a large one.
                    cost = min(_BOOSTED * problem.size / max(float(exact), 1.0), _KEPT / 2)
                    rules.append(Rule(members, *near, name, cost))
            elif boosted:
                low, high = math.floor(boosted_share[code]), math.ceil(boosted_share[code])
                rules.append(Rule(members, low, high, name, _BOOSTED))
        if kept or boosted:
            margin = share if kept and not problem.give_way else boosted_share
            margins.append((problem.level[:, i], [float(part) for part in margin]))
    target = rake(problem.counts * (problem.size / problem.counts.sum()), margins)
    return _Requirements(rules, target, ranges)


def _nearest_allocation(
    problem: AllocationProblem, requirements: _Requirements
) -> Allocation | None:
    """Find the allocation nearest to the target; None if the requirements cannot be met."""
    limits = (problem.floors, problem.counts, problem.size)
    n = nearest_integers(requirements.target, *limits, requirements.rules)
    return None if n is None else Allocation(n, requirements.target, requirements.ranges)


def _expected(problem: AllocationProblem) -> Floats:
    """Return the target between the limits of every cell, about as large as the sample."""
    target = _list_requirements(problem).target
    limits = problem.floors, problem.counts
    n = np.clip(target, *limits)
    free = (n > problem.floors) & (n < problem.counts)
    fixed = n[~free].sum()
    if free.any() and fixed < problem.size:
        n[free] *= (problem.size - fixed) / n[free].sum()
    return np.clip(n, *limits)


def _impossible_requirements(problem: AllocationProblem) -> list[Problem]:
    """List the requirements that cannot be met even one by one."""
    problems = []
    all_cases, cells = int(problem.counts.sum()), len(problem.counts)
    if problem.size > all_cases:
        hint = "Draw fewer, or all of them."
        found = f"{problem.size:,} of {all_cases:,}"
        problems.append(
            Problem(problem.unit, "a sample is no larger than its caseload", found, hint)
        )
    elif problem.size < problem.floors.sum():
        rule = f"every cell has {problem.least} or all of its cases"
        found = f"{problem.size:,} for {cells} cells that take {problem.floors.sum():,}"
        hint = "Draw more, cross fewer characteristics, or lower `least`."
        problems.append(Problem(problem.unit, rule, found, hint))
    for i in range(len(problem.names)):
        for code, cases in enumerate(problem.level_counts(i)):
            quota = problem.quotas.get((i, code), 0)
            if quota > min(cases, problem.size):
                name = problem.level_name(i, code)
                rule = f"a quota is no more than there are of {name}, and than the sample"
                available = f"{cases:,}" if cases else "none"
                found = f"at least {quota:,} of {available}, in a sample of {problem.size:,}"
                hint = "Lower it." if cases else "Leave it out here, or write 0."
                problems.append(Problem(problem.unit, rule, found, hint))
    return problems


def _contradiction(problem: AllocationProblem, rules: Sequence[Rule]) -> Problem:
    each = f"{problem.least} or more of each, " * (problem.least > 0)
    hint = "Lower it" if len(rules) == 1 else "Give one of these up"
    hint += ", or draw more"
    if not all(rule.text.startswith(_QUOTA) for rule in rules):
        hint += "; or pass give_way=True, and kept proportions may be broken"
    return Problem(
        problem.unit,
        f"{problem.size:,} cases go into cells as asked ({each}no more than there are)",
        f"no way to have all of: {'; '.join(rule.text for rule in rules)}",
        f"{hint}.",
    )


@attrs.frozen(eq=False)
class Rule:
    """Limits on the sum of some cells.

    Attributes
    ----------
    members : ndarray of bool, shape (cells,)
    low, high : int
        Least and greatest sum.
    text : str
        Wording for error messages.
    cost : float or None
        Cost of every case beyond the limits, on the scale of the chi-square; None if the limits
        must hold.
    """

    members: npt.NDArray[np.bool_]
    low: int
    high: int
    text: str
    cost: float | None = None


def nearest_integers(
    target: Floats, least: Ints, most: Ints, size: int, rules: Sequence[Rule]
) -> Ints | None:
    """Find the whole numbers nearest to a target that obey the rules; None if there are none.

    Parameters
    ----------
    target : ndarray of float64, shape (cells,)
    least, most : ndarray of int64, shape (cells,)
        Limits of every cell.
    size : int
        Sum of all cells.
    rules : sequence of Rule

    Notes
    -----
    The distance is the sum over cells of ``(n - t)^2 / max(t, 1/2)``, interpolated linearly
    between whole numbers.
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


def is_feasible(least: Ints, most: Ints, size: int, rules: Sequence[Rule]) -> bool:
    """Check whether any whole numbers obey the rules."""
    none = np.zeros((0, len(least))), np.zeros(0)
    return _solve(np.zeros(len(least)), least, most, size, rules, none) is not None


def conflicting_rules(least: Ints, most: Ints, size: int, rules: Sequence[Rule]) -> list[Rule]:
    """Find a smallest set of rules that cannot hold together.

    Each rule in turn is dropped, and stays dropped if the rest cannot hold either (the deletion
    filter of Chinneck and Dravnieks, ORSA Journal on Computing 3, 1991).
    """
    kept = list(rules)
    for rule in rules:
        rest = [r for r in kept if r is not rule]
        if not is_feasible(least, most, size, rest):
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
    solution = milp(
        np.concatenate([cost, [rule.cost or 0.0 for rule in soft]]),
        integrality=np.concatenate([np.ones(cells), np.zeros(rest)]),
        bounds=Bounds(
            np.concatenate([least, np.zeros(rest)]), np.concatenate([most, np.full(rest, np.inf)])
        ),
        constraints=constraints,
        options={"mip_rel_gap": 0.0},
    )
    if solution.status == 2:  # infeasible
        return None
    if solution.x is None:
        raise OmistatsError(f"the solver found no allocation: {solution.message}")
    n: Ints = np.rint(solution.x[:cells]).astype(np.int64)
    broken = [r.text for r in rules if r.cost is None and not r.low <= n[r.members].sum() <= r.high]
    if broken or n.sum() != size or (n < least).any() or (n > most).any():
        raise OmistatsError(f"the solver's allocation breaks rules: {broken or 'limits of cells'}")
    return n


def _row(members: npt.ArrayLike, width: int) -> Floats:
    row = np.zeros(width)
    values = np.asarray(members, np.float64)
    row[: len(values)] = values
    return row


def divide(size: int, counts: Sequence[int], floors: Sequence[int]) -> list[Fraction]:
    """Divide a sample over levels in proportion to their cases, but none below its minimum.

    Parameters
    ----------
    size : int
        Cases to divide.
    counts : sequence of int
        Cases of every level.
    floors : sequence of int
        Minimum of every level.

    Returns
    -------
    list of Fraction
        Shares that add up to ``size``. A level whose proportionate share is below its minimum
        gets the minimum, and the others divide the rest, if there is any.

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
        rest = max(Fraction(size) - sum(fixed.values()), Fraction(0))
        cases = sum(counts[i] for i in free)
        share = {i: rest * counts[i] / cases if cases else Fraction(0) for i in free}
        short = [i for i in free if share[i] < floors[i]]
        if not short:
            return [fixed[i] if i in fixed else share[i] for i in range(len(counts))]
        fixed |= {i: Fraction(floors[i]) for i in short}


def rake(seed: npt.ArrayLike, margins: Sequence[tuple[Ints, npt.ArrayLike]]) -> Floats:
    """Rake cells to margins.

    Parameters
    ----------
    seed : array_like of float, shape (cells,)
        Start values: the cells of the caseload.
    margins : sequence of (ndarray of int, array_like of float)
        For each characteristic, the level of every cell and the total of every level.

    Returns
    -------
    ndarray of float64, shape (cells,)
        The table with these margins that is nearest to ``seed`` by the Kullback-Leibler
        divergence. If there is none, because cells are empty, the result of 500 sweeps, which
        has the last margin.

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
            totals = np.asarray(wanted, np.float64)
            now = np.bincount(level, cells, len(totals))
            cells *= np.divide(totals, now, out=np.zeros(len(totals)), where=now > 0)[level]
        if np.abs(cells - before).max(initial=0.0) <= _TOLERANCE:
            break
    return cells
