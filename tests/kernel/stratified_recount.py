"""Comparisons within strata, slow and obvious: every arrangement of a stratum, exact fractions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product

Stratum = tuple[int, int, int, int]
"""k1, n1, k2, n2."""


def arrangements(n1: int, n2: int, s: int) -> dict[int, Fraction]:
    """The chance of each k1, were the s successes dealt out at random."""
    whole = math.comb(n1 + n2, s)
    return {
        k1: Fraction(math.comb(n1, k1) * math.comb(n2, s - k1), whole)
        for k1 in range(max(0, s - n2), min(n1, s) + 1)
    }


def cmh(strata: Sequence[Stratum]) -> Fraction | None:
    off = variance = Fraction(0)
    for k1, n1, k2, n2 in strata:
        chance = arrangements(n1, n2, k1 + k2)
        mean = sum(k * p for k, p in chance.items())
        off += k1 - mean
        variance += sum((k - mean) ** 2 * p for k, p in chance.items())
    return off**2 / variance if variance else None


def solved(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Gauss and Jordan; the matrix is regular."""
    rows = [[*row, r] for row, r in zip(matrix, right, strict=True)]
    for i in range(len(rows)):
        pivot = next(j for j in range(i, len(rows)) if rows[j][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for j in range(len(rows)):
            if j != i:
                rows[j] = [a - rows[j][i] * b for a, b in zip(rows[j], rows[i], strict=True)]
    return [row[-1] for row in rows]


def cmh_groups(strata: Sequence[Sequence[tuple[int, int]]]) -> Fraction:
    """Of (k, n) by group in each stratum; the covariance is over every way to deal them out."""
    groups = len(strata[0])
    off = [Fraction(0)] * groups
    covariance = [[Fraction(0)] * groups for _ in range(groups)]
    for stratum in strata:
        s = sum(k for k, _ in stratum)
        ways = {}
        for ks in product(*(range(n + 1) for _, n in stratum)):
            if sum(ks) == s:
                ways[ks] = math.prod(math.comb(n, k) for k, (_, n) in zip(ks, stratum, strict=True))
        whole = sum(ways.values())
        mean = [Fraction(sum(ks[g] * w for ks, w in ways.items()), whole) for g in range(groups)]
        for g in range(groups):
            off[g] += stratum[g][0] - mean[g]
            for h in range(groups):
                covariance[g][h] += sum(
                    (ks[g] - mean[g]) * (ks[h] - mean[h]) * w for ks, w in ways.items()
                ) / Fraction(whole)
    used = [g for g in range(groups) if covariance[g][g]][1:]
    right = [off[g] for g in used]
    x = solved([[covariance[g][h] for h in used] for g in used], right)
    return sum((a * b for a, b in zip(x, right, strict=True)), Fraction(0))


def odds_ratio(strata: Sequence[Stratum]) -> Fraction:
    r = sum(Fraction(k1 * (n2 - k2), n1 + n2) for k1, n1, k2, n2 in strata if n1 + n2)
    s = sum(Fraction(k2 * (n1 - k1), n1 + n2) for k1, n1, k2, n2 in strata if n1 + n2)
    return Fraction(r) / s


def difference(strata: Sequence[Stratum]) -> Fraction:
    """A weighted mean of the differences of strata."""
    both = [s for s in strata if s[1] and s[3]]
    weights = [Fraction(n1 * n2, n1 + n2) for _, n1, _, n2 in both]
    differences = [Fraction(k1, n1) - Fraction(k2, n2) for k1, n1, k2, n2 in both]
    return sum(w * d for w, d in zip(weights, differences, strict=True)) / sum(weights)


def breslow_day(strata: Sequence[Stratum], tarone: bool) -> float:
    common = float(odds_ratio(strata))
    total = offs = variances = 0.0
    for k1, n1, k2, n2 in strata:
        s = k1 + k2
        low, high = float(max(0, s - n2)), float(min(n1, s))
        if not (n1 and n2 and 0 < s < n1 + n2):
            continue
        for _ in range(200):  # halve until nothing is left to halve
            a = (low + high) / 2
            small = a * (n2 - s + a) < common * (n1 - a) * (s - a)
            low, high = (a, high) if small else (low, a)
        a = (low + high) / 2
        v = 1 / (1 / a + 1 / (n1 - a) + 1 / (s - a) + 1 / (n2 - s + a))
        total += (k1 - a) ** 2 / v
        offs += k1 - a
        variances += v
    return total - offs**2 / variances if tarone else total
