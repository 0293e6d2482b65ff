"""Fisher's test and its mid-P the slow and obvious way, in whole numbers."""

from __future__ import annotations

from fractions import Fraction
from math import comb

__all__ = ["conditional", "exact_p", "one_sided_mid"]


def _ways(n1: int, n2: int, s: int) -> dict[int, int]:
    return {x: comb(n1, x) * comb(n2, s - x) for x in range(max(0, s - n2), min(n1, s) + 1)}


def conditional(n1: int, n2: int, s: int) -> dict[int, Fraction]:
    """Chances of each count of the first group, given all margins."""
    return {x: Fraction(w, comb(n1 + n2, s)) for x, w in _ways(n1, n2, s).items()}


def exact_p(k1: int, n1: int, k2: int, n2: int) -> tuple[Fraction, Fraction]:
    """The two-sided p-value by probability, and the mid-P."""
    ways = _ways(n1, n2, k1 + k2)
    less = sum(w for w in ways.values() if w < ways[k1])
    as_likely = sum(w for w in ways.values() if w == ways[k1])
    everything = comb(n1 + n2, k1 + k2)
    return Fraction(less + as_likely, everything), Fraction(2 * less + as_likely, 2 * everything)


def one_sided_mid(k1: int, n1: int, k2: int, n2: int) -> Fraction:
    """The smaller of the two one-sided mid-P values."""
    chances = conditional(n1, n2, k1 + k2)
    below = sum((p for x, p in chances.items() if x < k1), Fraction(0)) + chances[k1] / 2
    return min(below, 1 - below)
