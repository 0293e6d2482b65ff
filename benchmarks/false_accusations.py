"""Level, coverage and power of the tests and intervals of scores, by simulation.

    python -m benchmarks.false_accusations --out FILE [--cells N] [--replicates N] [--seed S]

Every cell is a made-up situation: a unit and the rest, or two groups of a breakdown inside ten
units, with so many cases, questions and applicable answers, so high a score, and answers of a case
so much alike. In every replicate each rule tests whether the two differ and gives the interval of
the first one's score; the truth is known. Rates are among replicates in which both sides have two
contributing cases or more. The rules are *effective*, the default of scores, and *wald*, the
linearised standard error with the normal distribution, units as strata.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt
from scipy import special, stats

from omistats.kernel.effective import (
    EffectiveGroups,
    compare_effective,
    effective_groups,
    effective_limits,
    stratum_sums,
)

Floats = npt.NDArray[np.float64]
Units = npt.NDArray[np.int64]

UNITS = 10
SHIFTS = (0.8, 1.6)
"""Logits by which the first group is moved where power is simulated."""


@attrs.frozen
class Cell:
    """One made-up situation.

    Attributes
    ----------
    kind : {'unit', 'groups'}
        A unit beside the rest of units, or two groups of a breakdown inside units.
    cases, rest : int
        Cases of the first group, and of the second.
    questions : int
        Questions of the item.
    applicable : float
        How likely a question is to apply to a case.
    p : float
        The true score of both.
    rho : float
        The correlation of two answers of one case; of the normal variables behind them where
        questions differ in difficulty.
    pattern : {'binomial', 'whole', 'skewed', 'difficulty'}
        Questions apply each by itself; all or none to a case; to few cases mostly and to the
        others seldom; each by itself, while questions differ by up to 1.5 log odds.
    unit_sd : float
        How units differ within the second group (within both, where groups are inside units),
        on the scale of log odds.
    shares : bool
        Whether the share of the first group differs by unit.
    """

    kind: str
    cases: int
    rest: int
    questions: int
    applicable: float
    p: float
    rho: float
    pattern: str
    unit_sd: float = 0.0
    shares: bool = False


class Situation(Protocol):
    """What answers are drawn by; see `Cell`."""

    @property
    def questions(self) -> int: ...
    @property
    def applicable(self) -> float: ...
    @property
    def rho(self) -> float: ...
    @property
    def pattern(self) -> str: ...


def cells(count: int, seed: int) -> list[Cell]:
    """Draw cells over the whole range that a programme can have."""
    rng = np.random.default_rng(seed)
    out: list[Cell] = []
    while len(out) < count:
        questions = int(rng.choice([1, 2, 3, 5, 8, 12, 20, 40]))
        applicable = float(rng.choice([0.05, 0.2, 0.5, 0.8, 1.0]))
        cases = round(float(np.exp(rng.uniform(np.log(5), np.log(220)))))
        patterns = ["binomial", "whole", "skewed", "difficulty"] if questions > 1 else ["binomial"]
        kind = "groups" if len(out) % 4 == 3 else "unit"
        cell = Cell(
            kind,
            cases,
            max(cases, 20) * int(rng.choice([1, 3])),
            questions,
            applicable,
            float(rng.choice([0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97])),
            float(rng.choice([0.0, 0.05, 0.15, 0.4])),
            str(rng.choice(patterns)),
            float(rng.choice([0.0, 0.7])),
            kind == "groups" and bool(rng.integers(2)),
        )
        # Where hardly a case contributes there is nothing to see.
        if cases * min(1.0, questions * applicable) >= 4:
            out.append(cell)
    return out


def applicable(cell: Situation, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Draw how many questions apply to each case."""
    q, a = cell.questions, cell.applicable
    if cell.pattern == "whole":
        return np.where(rng.random(shape) < a, float(q), 0.0)
    if cell.pattern == "skewed":
        chance = np.where(rng.random(shape) < 0.2, min(1.0, 2.5 * a), 0.6 * a)
        return rng.binomial(q, chance).astype(np.float64)
    return rng.binomial(q, a, shape).astype(np.float64)


def sufficient(
    cell: Situation, n: Floats, p: Floats, rng: np.random.Generator, person: Floats | None = None
) -> Floats:
    """Draw sufficient answers, correlated within cases, of mean p.

    ``person`` are standard normal, of each case; by default they are drawn where they are needed.
    """
    if cell.pattern == "difficulty":
        shifts = np.linspace(-1.5, 1.5, cell.questions)
        # Cases of one unit have one chance, which is searched for once.
        own = p[..., :1] if np.all(p == p[..., :1]) else p
        chance = special.expit(centred(own, shifts)[..., np.newaxis] + shifts)
        chance = np.broadcast_to(chance, (*n.shape, cell.questions))
        latent = np.sqrt(1 - cell.rho) * rng.standard_normal(chance.shape)
        person = rng.standard_normal(n.shape) if person is None else person
        latent += np.sqrt(cell.rho) * person[..., np.newaxis]
        # A random choice of n questions applies.
        order = rng.random(chance.shape).argsort(axis=-1)
        good = (latent < special.ndtri(chance)) & (order < n[..., np.newaxis])
        return good.sum(axis=-1).astype(np.float64)
    if person is not None:
        p = special.ndtr((special.ndtri(p) + np.sqrt(cell.rho) * person) / np.sqrt(1 - cell.rho))
    elif cell.rho:
        size = 1 / cell.rho - 1
        p = rng.beta(p * size, (1 - p) * size)
    return rng.binomial(n.astype(np.int64), p).astype(np.float64)


def centred(p: Floats, shifts: Floats, weight: Floats | float = 1.0) -> Floats:
    """Find the log odds to which shifts are added, so that the (weighted) mean chance is p."""
    weight = np.broadcast_to(weight, shifts.shape[-1:])
    weight = weight / weight.sum()
    low, high = np.full(np.shape(p), -12.0), np.full(np.shape(p), 12.0)
    for _ in range(45):
        middle = (low + high) / 2
        below = (special.expit(middle[..., np.newaxis] + shifts) * weight).sum(axis=-1) < p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def means(p: float, unit: Units, level: Floats) -> Floats:
    """Give each case the score of its unit; over the cases their mean is p."""
    weight = np.bincount(unit, minlength=level.shape[-1]).astype(np.float64)
    centre = centred(np.full(len(level), p), level, weight)
    return special.expit(centre[:, np.newaxis] + level)[:, unit]


def _draw(
    cell: Cell, replicates: int, shift: float, rng: np.random.Generator
) -> tuple[tuple[Floats, Floats, Units], tuple[Floats, Floats, Units], float]:
    """Draw the cases of both groups: k, n and units; and the first one's true score."""
    first = float(special.expit(special.logit(cell.p) + shift))
    level = rng.normal(0, cell.unit_sd, (replicates, UNITS))
    share = np.linspace(0.4, 1.6, UNITS) if cell.shares else np.ones(UNITS)

    def spread(count: int, by: Floats) -> Units:
        return np.repeat(np.arange(UNITS), np.maximum(1, np.round(by * count / UNITS)).astype(int))

    if cell.kind == "unit":
        units = np.zeros(cell.cases, np.int64), np.arange(cell.rest) % UNITS
        chances = np.full((replicates, cell.cases), first), means(cell.p, units[1], level)
    else:
        units = spread(cell.cases, share), spread(cell.rest, 2 - share)
        chances = means(first, units[0], level), means(cell.p, units[1], level)
    groups = []
    for unit, chance in zip(units, chances, strict=True):
        n = applicable(cell, (replicates, len(unit)), rng)
        groups.append((sufficient(cell, n, chance, rng), n, unit))
    return groups[0], groups[1], first


def _effective(k: Floats, n: Floats, unit: Units | None) -> EffectiveGroups:
    """Turn cases into effective answers; units are strata where they are given."""
    total: Any = 0.0
    for own in [slice(None)] if unit is None else [unit == u for u in np.unique(unit)]:
        kk, nn = k[:, own], n[:, own]
        some, lacking = (kk > 0).sum(axis=1), (kk < nn).sum(axis=1)
        total = total + stratum_sums(nn, np.ones(nn.shape), kk, kk * kk, some, lacking)
    return effective_groups(total)


def _wald(k: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Compute a score and what each case adds to it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        N = n.sum(axis=1)
        p = k.sum(axis=1) / N
        e = (k - p[:, np.newaxis] * n) / N[:, np.newaxis]
    return p, e


def _wald_variance(parts: list[tuple[Floats, Units]]) -> Floats:
    """Add up the variance of the sum of parts over strata, cases outside a part adding 0."""
    e = np.concatenate([part for part, _ in parts], axis=1)
    unit = np.concatenate([units for _, units in parts])
    total = np.zeros(len(e))
    for u in np.unique(unit):
        own = e[:, unit == u]
        if own.shape[1] > 1:
            m = own.shape[1]
            total += m / (m - 1) * ((own - own.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return total


class _Counts:
    """Rates over replicates, added up over chunks."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.of: dict[str, int] = {}

    def add(self, name: str, values: npt.NDArray[Any]) -> None:
        self.sums[name] = self.sums.get(name, 0.0) + float(np.sum(values))
        self.of[name] = self.of.get(name, 0) + len(values)

    def rate(self, name: str) -> float:
        return self.sums[name] / self.of[name] if self.of.get(name) else float("nan")


def _replicates(
    cell: Cell, replicates: int, shift: float, rng: np.random.Generator, counts: _Counts, at: str
) -> None:
    (k1, n1, u1), (k2, n2, u2), truth = _draw(cell, replicates, shift, rng)
    inside = cell.kind == "groups"
    one = _effective(k1, n1, None)
    two = _effective(k2, n2, None if inside else u2)
    usable = (one.cases > 1.5) & (two.cases > 1.5)
    found = compare_effective(one, two, 0.95)
    low, high = effective_limits(one, 0.95)
    # A unit is a stratum of its own; groups inside units share strata.
    p1, e1 = _wald(k1, n1)
    p2, e2 = _wald(k2, n2)
    strata = (u1, u2) if inside else (np.full(len(u1), -1), u2)
    variance = _wald_variance([(e1, strata[0]), (-e2, strata[1])])
    others = np.zeros((len(e1), len(u2))), u2
    own = [(e1, strata[0]), others] if inside else [(e1, strata[0])]
    se1 = np.sqrt(_wald_variance(own))
    gap, difference = p1 - p2, truth - cell.p
    z95 = special.ndtri(0.975)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(gap) / np.sqrt(variance)
        wald_p = np.where(gap == 0, 1.0, special.erfc(z / np.sqrt(2)))
    for name, p_value in (("effective", found.p_value), ("wald", wald_p)):
        counts.add(f"{name}_rejected_5{at}", p_value[usable] <= 0.05)
        counts.add(f"{name}_rejected_1{at}", p_value[usable] <= 0.01)
    wald_se = np.sqrt(variance)
    if not at:
        for name, lower, upper, true in (
            ("effective_coverage", low, high, truth),
            ("wald_coverage", p1 - z95 * se1, p1 + z95 * se1, truth),
            ("effective_difference_coverage", found.low, found.high, difference),
            ("wald_difference_coverage", gap - z95 * wald_se, gap + z95 * wald_se, difference),
        ):
            inside_limits = (lower - 1e-12 <= true) & (true <= upper + 1e-12)
            counts.add(name, inside_limits[usable])
        counts.add("effective_width", (high - low)[usable])
        counts.add("wald_width", 2 * z95 * se1[usable])
        counts.add("effective_answers", one.n[usable])
        # What Wilson's interval covers with as many independent answers as cases contribute.
        sizes, of = np.unique(one.cases[usable].astype(np.int64), return_inverse=True)
        counts.add("wilson_coverage", np.array([wilson_coverage(n, truth) for n in sizes])[of])
    else:
        covered = (found.low - 1e-12 <= difference) & (difference <= found.high + 1e-12)
        counts.add(f"effective_difference_coverage{at}", covered[usable])
        covered = np.abs(gap - difference) <= z95 * wald_se + 1e-12
        counts.add(f"wald_difference_coverage{at}", covered[usable])


@cache
def wilson_coverage(n: int, p: float) -> float:
    """Compute how often Wilson's 95% interval of n independent answers covers p."""
    k = np.arange(n + 1)
    z = special.ndtri(0.975)
    centre, half = (k + z * z / 2), z * np.sqrt(k * (n - k) / n + z * z / 4)
    inside = (centre - half <= p * (n + z * z) + 1e-12) & (p * (n + z * z) <= centre + half + 1e-12)
    return float(stats.binom.pmf(k, n, p)[inside].sum())


def run(cell: Cell, replicates: int, seed: int) -> dict[str, Any]:
    """Simulate one cell, without a difference and with two."""
    counts = _Counts()
    rng = np.random.default_rng(seed)
    people = (cell.cases + cell.rest) * (cell.questions if cell.pattern == "difficulty" else 1)
    for shift, at, share in ((0.0, "", 1.0), *((s, f"_{s:g}", 0.25) for s in SHIFTS)):
        # Away from the nearer end, where there is room.
        signed = shift if cell.p < 0.5 else -shift
        left = round(replicates * share)
        while left:
            chunk = min(left, max(50, 2_000_000 // people))
            _replicates(cell, chunk, signed, rng, counts, at)
            left -= chunk
    row: dict[str, Any] = {**attrs.asdict(cell), "usable": counts.of["effective_rejected_5"]}
    row |= {name: round(counts.rate(name), 5) for name in counts.sums}
    return row


def rows(count: int, replicates: int, seed: int) -> Iterator[dict[str, Any]]:
    """Simulate cells side by side."""
    chosen = cells(count, seed)
    with ProcessPoolExecutor() as pool:
        yield from pool.map(run, chosen, [replicates] * count, range(seed, seed + count))


def main() -> None:
    """Write a row a cell."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cells", type=int, default=96)
    parser.add_argument("--replicates", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=20111)
    options = parser.parse_args()
    found = list(rows(options.cells, options.replicates, options.seed))
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)


if __name__ == "__main__":
    main()
