"""Recount effective answers case by case in plain Python.

The rule is that of docs/methodology/effective-answers.md: how far the cases of a group differ, how
far as many independent answers would, and one further case whose answers all agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from scipy import optimize, stats

Row = dict[str, Any]


class Case(NamedTuple):
    """k sufficient of n applicable answers, weight, and sampling fraction."""

    k: float
    n: float
    weight: float = 1.0
    fraction: float = 0.0


class Group(NamedTuple):
    """Proportion, effective answers, degrees of freedom, cases, and answers if all were alike."""

    p: float
    n: float
    df: float
    cases: int
    n_alike: float
    df_alike: float = math.inf

    @property
    def known(self) -> bool:
        return self.cases > 1 or math.isinf(self.n)


def case(row: Row, questions: Sequence[str], weight: float = 1.0, fraction: float = 0.0) -> Case:
    given = [row[q] for q in questions if row[q] is not None]
    return Case(sum(given), len(given), weight, fraction)


def cluster(cases: Iterable[Case]) -> Case:
    """Take the answers of a cluster as those of one case."""
    own = list(cases)
    return own[0]._replace(k=sum(c.k for c in own), n=sum(c.n for c in own))


def group(strata: Iterable[Iterable[Case]]) -> Group | None:
    """Estimate a group from the cases of its strata; None without an applicable answer."""
    kept = [[c for c in own if c.weight * c.n > 0] for own in strata]
    every = [c for own in kept for c in own]
    if not every:
        return None
    total = sum(c.weight * c.n for c in every)
    p = sum(c.weight * c.k for c in every) / total
    alone = sum(c.weight**2 * c.n for c in every)
    alike = sum(c.weight**2 * c.n**2 for c in every)
    unseen = sum((1 - c.fraction) * c.weight**2 * c.n for c in every)
    spread = independent = moments = with_spread = between = between_unseen = 0.0
    for own in kept:
        if len(own) < 2:
            continue
        u = [c.weight * c.n for c in own]
        W = sum(u)
        share = sum(c.weight * c.k for c in own) / W
        lever = [1 / (1 - x / W) for x in u]
        here = sum(
            h * (c.weight * (c.k - share * c.n)) ** 2 for h, c in zip(lever, own, strict=True)
        )
        spread += here
        squares = sum(c.weight**2 * c.n for c in own)
        independent += squares * (share * (1 - share) + here / W**2)
        hu = [h * x * x for h, x in zip(lever, u, strict=True)]
        moments += sum(x * x for x in u) + (sum(hu) ** 2 - sum(x * x for x in hu)) / W**2
        with_spread += W
        size = len(own)
        sizes = size / (size - 1) * sum((x - W / size) ** 2 for x in u) * (share - p) ** 2
        between += sizes
        unseen_here = sum((1 - c.fraction) * c.weight**2 * c.n for c in own)
        between_unseen += unseen_here / squares * sizes
    rarer = min(sum(c.k > 0 for c in every), sum(c.k < c.n for c in every))
    most = alike / alone
    estimated = rarer > 0 and independent > 0
    effect = most
    if estimated:
        effect = (rarer * max(1.0, spread / independent) + most) / (rarer + 1)
    inside = rarer > 0 and 0 < p < 1
    pq = p * (1 - p)
    variance = alone * effect + (between / pq if inside else 0.0)
    left = (effect * unseen + (between_unseen / pq if inside else 0.0)) / variance
    n = 1 + (total**2 / variance - 1) / left if left > 0 else math.inf
    df = math.inf
    if estimated and most > 1:
        df = with_spread**2 / moments * most / (most - 1)
    weights = [c.weight for c in every]
    df_alike = math.inf
    if max(weights) > min(weights) * (1 + 1e-6):
        df_alike = max(sum(weights) ** 2 / sum(w * w for w in weights) - 1, 0.1)
        df = min(df, df_alike)
    n_alike = math.inf
    if unseen > 0:
        n_alike = 1 + (total**2 / alike - 1) / (unseen / alone)
    return Group(p, n, df, len(every), n_alike, df_alike)


def quantile(confidence: float, df: float) -> float:
    upper = (1 + confidence) / 2
    found = stats.norm.ppf(upper) if math.isinf(df) else stats.t.ppf(upper, df)
    return float(found)


def interval(one: Group, confidence: float) -> tuple[float, float] | None:
    """Compute Wilson's interval as the roots of its quadratic equation."""
    if not one.known:
        return None
    if math.isinf(one.n):
        return one.p, one.p
    t2 = quantile(confidence, one.df) ** 2
    # n (p - x)^2 = t^2 x (1 - x)
    a, b, c = one.n + t2, -(2 * one.n * one.p + t2), one.n * one.p**2
    root = math.sqrt(max(b * b - 4 * a * c, 0.0))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def tail(z: float, df: float) -> float:
    return float(2 * (stats.norm.sf(z) if math.isinf(df) else stats.t.sf(z, df)))


class Test(NamedTuple):
    statistic: float
    df: float
    p_value: float
    corrected: bool


def _joined(one: Group, two: Group) -> tuple[float, float, float]:
    """Return the pooled proportion, the harmonic size, and the degrees of freedom."""
    if math.isinf(one.n) or math.isinf(two.n):
        whole, sample = (one, two) if math.isinf(one.n) else (two, one)
        return whole.p, sample.n, sample.df
    a, b = 1 / one.n, 1 / two.n
    spread = a * a / one.df + b * b / two.df
    p0 = (one.n * one.p + two.n * two.p) / (one.n + two.n)
    return p0, 1 / (a + b), (a + b) ** 2 / spread if spread else math.inf


def compare(one: Group | None, two: Group | None) -> Test | None:
    """Test two groups; None where they cannot be tested."""
    if one is None or two is None or not (one.known and two.known):
        return None
    if math.isinf(one.n) and math.isinf(two.n):
        return None
    p0, size, df = _joined(one, two)
    corrected = min(one.n, two.n) * min(p0, 1 - p0) < 5
    if p0 in (0, 1):
        certain = one.p != two.p
        return Test(math.inf if certain else 0.0, df, 0.0 if certain else 1.0, corrected)
    z = max(abs(one.p - two.p) * size - (0.5 if corrected else 0), 0) / math.sqrt(
        p0 * (1 - p0) * size
    )
    return Test(z * z, df, tail(z, df), corrected)


def difference(one: Group, two: Group, confidence: float) -> tuple[float, float]:
    """Search for the differences that the test does not reject, from the likelihood."""
    _, size, df = _joined(one, two)
    tested = compare(one, two)
    assert tested is not None
    slack = (0.5 if tested.corrected else 0.0) / size
    t = quantile(confidence, df)

    def rejected(d: float) -> float:
        def against(x: float) -> float:
            parts = [(one.n * one.p, x + d), (one.n * (1 - one.p), 1 - x - d)]
            parts += [(two.n * two.p, x), (two.n * (1 - two.p), 1 - x)]
            return -sum(k * math.log(max(v, 1e-300)) for k, v in parts if k > 0)

        ends = max(0.0, -d), min(1.0, 1 - d)
        found = optimize.minimize_scalar(against, bounds=ends, options={"xatol": 1e-12}).x
        x = min(*ends, found, key=against)
        variance = (x + d) * (1 - x - d) / one.n + x * (1 - x) / two.n
        return abs(one.p - two.p - d) - slack - t * math.sqrt(max(variance, 0.0))

    gap = one.p - two.p
    low = -1.0 if rejected(-1) <= 0 else optimize.brentq(rejected, -1, gap, xtol=1e-12)
    high = 1.0 if rejected(1) <= 0 else optimize.brentq(rejected, gap, 1, xtol=1e-12)
    return low, high


def too_few(one: Group, two: Group, p_value: float, level: float) -> bool:
    """Tell whether even answers all alike could not differ from the others."""
    least = []
    for p in (0.0, 1.0):
        found = compare(one._replace(p=p, n=one.n_alike, df=one.df_alike), two)
        if found is None:
            return False
        least.append(found.p_value)
    return min(least) > level and p_value > level


def omnibus(groups: Iterable[Group | None]) -> Test | None:
    """Test several groups by Pearson's statistic; where few are expected by its moments."""
    own = [g for g in groups if g is not None and g.known and math.isfinite(g.n)]
    r = len(own)
    if r < 2:
        return None
    if r == 2:
        return compare(*own)
    N = sum(g.n for g in own)
    K = sum(g.n * g.p for g in own)
    p0 = K / N
    spread = sum((1 - g.n / N) ** 2 / g.df for g in own)
    df2 = (r - 1) ** 2 / spread if spread else math.inf
    few = min(g.n for g in own) * min(p0, 1 - p0) < 5
    if p0 in (0, 1):
        return Test(0.0, df2, 1.0, few)
    x = sum(g.n * (g.p - p0) ** 2 for g in own) / (p0 * (1 - p0))
    ratio, df = x / (r - 1), float(r - 1)
    if few:
        if N <= 3.5:
            return Test(x, df2, 1.0, few)
        mean = N * (r - 1) / (N - 1)
        v1, w1 = (r - 1) * (N - r) / (N - 1), (N * sum(1 / g.n for g in own) - r * r) / (N - 2)
        v2, w2 = (N - 2) / (N - 1), (N * (1 / K + 1 / (N - K)) - 4) / (N - 2)
        variance = 2 * N / (N - 3) * (v1 - w1) * (v2 - w2) + N * N / (N - 1) * w1 * w2
        if variance <= 0:
            return Test(x, df2, 1.0, few)
        ratio, df = x / mean, 2 * mean**2 / variance

    def upper(ratio: float, df: float) -> float:
        found = stats.chi2.sf(df * ratio, df) if math.isinf(df2) else stats.f.sf(ratio, df, df2)
        return float(found)

    p = upper(ratio, df)
    expected = [g.n * min(p0, 1 - p0) for g in own]
    # One expected exactly may come out a little below.
    limit = (5 if N < 40 else 1) - 1e-9
    if min(expected) < limit:
        # Half an answer nearer to what is expected where that is less than 1.
        x1 = 0.0
        for g, e in zip(own, expected, strict=True):
            apart = max(g.n * abs(g.p - p0) - (0.5 if e < limit else 0.0), 0.0)
            x1 += apart**2 / (g.n * p0 * (1 - p0))
        p = max(p, upper(x1 / (r - 1), r - 1))
    return Test(x, df2, p, few)
