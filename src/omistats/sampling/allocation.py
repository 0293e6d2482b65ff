"""How many cases of every cell a unit's sample has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import Problem
from omistats.sampling.rounding import Rule, binding, nearest
from omistats.sampling.targets import divide, rake

__all__ = ["Allocation", "Wishes", "allocate"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# In chi-squares: what is kept gives way only to what must hold, to `least` no further than it
# has to, and a boosted characteristic has whole numbers next to its target before cells have.
_KEPT, _BOOSTED = 1000.0, 10.0
_QUOTA = "at least"


@attrs.frozen(eq=False)
class Wishes:
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


def allocate(wishes: Wishes) -> Allocation | list[Problem]:
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


def _impossible(wishes: Wishes) -> list[Problem]:
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


def _contradiction(wishes: Wishes, rules: Sequence[Rule]) -> Problem:
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
