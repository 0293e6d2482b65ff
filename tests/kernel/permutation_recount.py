"""Permutation tests of tiny data, every shuffle one by one, in fractions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import permutations, product
from typing import Any

Answer = bool | None
"""Sufficient, not sufficient, or not applicable."""


def relabellings(groups: Sequence[Any], units: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Every way to hand the groups of a unit to its cases, once each."""
    places = [[i for i, unit in enumerate(units) if unit == u] for u in sorted(set(units))]
    ways = [sorted(set(permutations([groups[i] for i in place]))) for place in places]
    for chosen in product(*ways):
        out: list[Any] = [0] * len(groups)
        for place, labels in zip(places, chosen, strict=True):
            for i, label in zip(place, labels, strict=True):
                out[i] = label
        yield tuple(out)


def pearson(answers: Sequence[Answer], groups: Sequence[int]) -> Fraction | None:
    """The sum over cells of (observed - expected)^2 / expected."""
    asked = [i for i, a in enumerate(answers) if a is not None]
    present = {groups[i] for i in asked}
    if len(present) < 2 or len({answers[i] for i in asked}) < 2:
        return None
    out = Fraction(0)
    for g, outcome in product(present, (True, False)):
        observed = sum(groups[i] == g and answers[i] is outcome for i in asked)
        row = sum(groups[i] == g for i in asked)
        column = sum(answers[i] is outcome for i in asked)
        expected = Fraction(row * column, len(asked))
        out += (observed - expected) ** 2 / expected
    return out


def cmh(answers: Sequence[Answer], groups: Sequence[int], units: Sequence[int]) -> Fraction | None:
    """Mantel and Haenszel's statistic of group 0, two groups."""
    apart, variance = Fraction(0), Fraction(0)
    for u in set(units):
        asked = [i for i, a in enumerate(answers) if a is not None and units[i] == u]
        n, m = len(asked), sum(bool(answers[i]) for i in asked)
        first = [i for i in asked if groups[i] == 0]
        if n < 2:
            continue
        apart += sum(bool(answers[i]) for i in first) - Fraction(len(first) * m, n)
        variance += Fraction(len(first) * (n - len(first)) * m * (n - m), n * n * (n - 1))
    return apart**2 / variance if variance else None


def apart(k: Sequence[int], n: Sequence[int], labels: Sequence[int | str]) -> Fraction:
    """Difference of two pooled proportions, or the sum of N (p_g - p)^2, in fractions."""
    present = sorted(set(labels))
    sums = [
        (sum(k[i] for i in own), sum(n[i] for i in own))
        for own in ([i for i, g in enumerate(labels) if g == group] for group in present)
    ]
    if len(present) == 2:
        if not all(m for _, m in sums):
            return Fraction(0)
        return abs(Fraction(*sums[0]) - Fraction(*sums[1]))
    if not sum(n):
        return Fraction(0)
    overall = Fraction(sum(k), sum(n))
    return sum((m * (Fraction(x, m) - overall) ** 2 for x, m in sums if m), Fraction(0))


def step_down(observed: Sequence[Fraction], shuffled: Sequence[Sequence[Fraction]]) -> list[int]:
    """In how many shuffles some test that is no larger reached each, then made monotone."""
    order = sorted(range(len(observed)), key=lambda i: -observed[i])
    counts = [
        sum(max(s[j] for j in order[place:]) >= observed[i] for s in shuffled)
        for place, i in enumerate(order)
    ]
    out = [0] * len(observed)
    for place, i in enumerate(order):
        out[i] = max(counts[: place + 1])
    return out
