"""Effective answers of weighted groups, slow and obvious: loops over dicts, exact fractions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import scipy.stats
from tests.kernel.ratio_recount import covariance

Row = dict[str, Any]
"""y, group, weight, cluster, stratum."""


class Group:
    """One group's weights, by answer and by cluster."""

    def __init__(self, rows: Sequence[Row], name: Any) -> None:
        self.rows, self.name = rows, name
        self.inside = [r["group"] == name and r["y"] is not None and r["weight"] > 0 for r in rows]
        mine = [r for r, i in zip(rows, self.inside, strict=True) if i]
        self.n = len(mine)
        self.weights = [Fraction(r["weight"]) for r in mine]
        self.total = sum(self.weights, Fraction(0))
        self.p = sum((Fraction(r["weight"]) * r["y"] for r in mine), Fraction(0)) / self.total
        self.kish = self.total**2 / sum(w * w for w in self.weights)
        by_cluster: dict[Any, Fraction] = defaultdict(Fraction)
        for r in mine:
            by_cluster[r["cluster"]] += Fraction(r["weight"])
        squares = [w * w for w in by_cluster.values()]
        self.clusters = self.total**2 / sum(squares)
        self.most = self.kish / self.clusters
        self.df = sum(squares) ** 2 / sum(s * s for s in squares) - 1
        self.strata = {r["stratum"] for r in mine}
        self.names = set(by_cluster)

    def influence(self) -> list[Fraction]:
        return [
            Fraction(r["weight"]) * (r["y"] - self.p) / self.total if i else Fraction(0)
            for r, i in zip(self.rows, self.inside, strict=True)
        ]

    @property
    def independent(self) -> Fraction:
        return self.p * (1 - self.p) / self.kish


def design_effect(rows: Sequence[Row], groups: Sequence[Group]) -> Fraction:
    """The mean variance of differences over that of independent answers, at least 1."""
    top = bottom = Fraction(0)
    for a, b in combinations(groups, 2):
        z = [x - y for x, y in zip(a.influence(), b.influence(), strict=True)]
        top += a.kish * b.kish * covariance(rows, z, z)
        bottom += a.kish * b.kish * (a.independent + b.independent)
    return max(Fraction(1), top / bottom) if bottom else Fraction(1)


def degrees_of_freedom(groups: Sequence[Group]) -> float:
    whole = sum(g.kish for g in groups)
    parts = [(1 - g.kish / whole) * g.most for g in groups]
    spread = sum(
        float(part) ** 2 / (float(g.df) * float(g.most / (g.most - 1)))
        for part, g in zip(parts, groups, strict=True)
        if g.most > 1
    )
    welch = float(sum(parts)) ** 2 / spread if spread else math.inf
    mean = sum(parts) / (len(groups) - 1)
    names = set().union(*(g.names for g in groups))
    strata = set().union(*(g.strata for g in groups))
    of_table = (len(names) - len(strata)) * float(mean / (mean - 1)) if mean > 1 else math.inf
    return max(0.1, min(welch, of_table)) if min(welch, of_table) > 0 else math.nan


def compare_two(rows: Sequence[Row], groups: Sequence[Group]) -> tuple[float, float, float]:
    """Statistic, degrees of freedom and p-value of Pearson's test on effective answers."""
    D = design_effect(rows, groups)
    n1, n2 = (float(g.kish / D) for g in groups)
    p1, p2 = (float(g.p) for g in groups)
    whole = n1 + n2
    p0 = (n1 * p1 + n2 * p2) / whole
    expected = min(n1, n2) * min(p0, 1 - p0)
    # A 2 x 2 table with Yates's correction: the least distance of a cell from its expectation.
    off = abs(n1 * p1 - n1 * p0)
    off = max(0.0, off - (0.5 if expected < 5 else 0.0))
    cells = [n * p for n in (n1, n2) for p in (p0, 1 - p0)]
    statistic = off**2 * sum(1 / cell for cell in cells)
    df = degrees_of_freedom(groups)
    if math.isinf(df):
        return statistic, df, float(scipy.stats.chi2.sf(statistic, 1))
    return statistic, df, float(scipy.stats.f.sf(statistic, 1, df))


def interval(rows: Sequence[Row], group: Group) -> tuple[float, float, float]:
    """Effective answers, and the ends of Wilson's interval found by bisection."""
    z = group.influence()
    n = float(group.clusters)
    if 0 < group.p < 1:
        n = float(group.kish / max(Fraction(1), covariance(rows, z, z) / group.independent))
    df = min(len(group.names) - len(group.strata), float(group.clusters) - 1)
    if df <= 0:
        return n, math.nan, math.nan
    t, p = float(scipy.stats.t.ppf(0.975, max(df, 0.1))), float(group.p)

    def outside(q: float) -> bool:
        return (p - q) ** 2 > t * t * q * (1 - q) / n

    ends = []
    for far in (0.0, 1.0):
        near, away = p, far
        if p == far:
            ends.append(far)
            continue
        for _ in range(200):
            middle = (near + away) / 2
            near, away = (near, middle) if outside(middle) else (middle, away)
        ends.append(near)
    return n, *ends
