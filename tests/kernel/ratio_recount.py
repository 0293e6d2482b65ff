"""Ratio estimation from the textbook, slow and obvious: loops over dicts, exact fractions.

Cochran, W. G. (1977). Sampling Techniques, 3rd ed., sections 6.11 and 9A; Lumley, T. (2010).
Complex Surveys, section 2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
"""k, n, weight, cluster, stratum."""


def share(rows: Sequence[Row]) -> Fraction:
    top = sum(Fraction(r["weight"]) * Fraction(r["k"]) for r in rows)
    return top / sum(Fraction(r["weight"]) * Fraction(r["n"]) for r in rows)


def influence(rows: Sequence[Row], member: Sequence[bool]) -> list[Fraction]:
    """What each case adds to the error of a domain's ratio; nothing outside the domain."""
    inside = [r for r, m in zip(rows, member, strict=True) if m]
    p = share(inside)
    total = sum(Fraction(r["weight"]) * Fraction(r["n"]) for r in inside)
    return [
        Fraction(r["weight"]) * (Fraction(r["k"]) - p * Fraction(r["n"])) / total
        if m
        else Fraction(0)
        for r, m in zip(rows, member, strict=True)
    ]


def covariance(
    rows: Sequence[Row],
    a: Sequence[Fraction],
    b: Sequence[Fraction],
    population: dict[Any, float] | None = None,
    lonely: str = "error",
) -> Fraction:
    """The covariance of two sums over a stratified sample of clusters."""
    sums: dict[Any, dict[Any, list[Fraction]]] = defaultdict(dict)
    for row, x, y in zip(rows, a, b, strict=True):
        pair = sums[row["stratum"]].setdefault(row["cluster"], [Fraction(0), Fraction(0)])
        pair[0] += x
        pair[1] += y
    total = Fraction(0)
    for stratum, clusters in sums.items():
        m = len(clusters)
        free = Fraction(1)
        if population is not None:
            free -= Fraction(m) / Fraction(population[stratum])
        if free == 0:
            continue
        if m == 1:
            if lonely == "adjust":
                ((x, y),) = clusters.values()
                total += free * x * y
            else:
                assert lonely == "remove", stratum
            continue
        mean_x = sum(x for x, _ in clusters.values()) / m
        mean_y = sum(y for _, y in clusters.values()) / m
        products = sum((x - mean_x) * (y - mean_y) for x, y in clusters.values())
        total += free * Fraction(m, m - 1) * products
    return total
