"""Level, power and coverage of the tests and intervals of weighted cases, by simulation.

    python -m benchmarks.weighted_tests [--draws N] [--answers N] [--seed S]

writes ``docs/_figures/weighted_tests.csv`` and ``weighted_intervals.csv``, from the root of the
repository. Every cell is a made-up situation: so many cases in so many clusters, weights of a kind,
two groups, and so large a proportion, which is the same in both groups. Weights, groups and
clusters are drawn anew ``draws`` times, and each time the cases answer ``answers`` questions.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from scipy import special

from omistats.kernel.design import design_of
from omistats.kernel.ratio import limits
from omistats.kernel.survey import SURVEY_TESTS, WeightedAnswers, WeightedCells
from omistats.kernel.survey_effective import effective_cells, kish, limits_of_cells

__all__ = [
    "INTERVALS",
    "LAYOUTS",
    "TESTS",
    "WEIGHTS",
    "Cell",
    "Layout",
    "cells",
    "coverage",
    "interval_cells",
    "rejections",
]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

TESTS = ("effective", "rao-scott-f", "rao-scott-chi-square", "adjusted-wald", "wald-f")
INTERVALS = ("effective", "logit", "wald", "korn-graubard")
WEIGHTS = {
    "equal": "all equal",
    "mild": "lognormal, SD of logs 0.5",
    "strong": "lognormal, SD of logs 1",
    "extreme": "lognormal, SD of logs 1.5",
    "huge": "all 1 but one of 20",
    "absurd": "all 1 but one of 1,000",
    "one group": "lognormal (1.2) in the first group, 1 in the second",
    "answers": "cases that do better drawn five times as often in the first group",
}
_RHO = 0.1
_SHIFT = 1.2
FOLDER = Path(__file__).parents[1] / "docs" / "_figures"


@attrs.frozen
class Layout:
    """A sample: cases, clusters, and how groups lie in them.

    Attributes
    ----------
    label : str
        In words.
    cases : int
        Cases drawn.
    clusters : int or None
        Clusters they are of, at random; None for each its own.
    nested : bool
        Whether groups are made of whole clusters.
    strata : int
        Strata, which differ in how well they do; clusters lie within strata.
    """

    label: str
    cases: int
    clusters: int | None = None
    nested: bool = False
    strata: int = 1


LAYOUTS = (
    Layout("60 cases", 60),
    Layout("200 cases", 200),
    Layout("200 cases of 10 strata", 200, strata=10),
    Layout("150 cases of 10 clusters", 150, 10),
    Layout("200 cases of 20 clusters", 200, 20),
    Layout("300 cases of 60 clusters", 300, 60),
    Layout("150 cases of 10 clusters, groups of whole clusters", 150, 10, nested=True),
    Layout("200 cases of 20 clusters, groups of whole clusters", 200, 20, nested=True),
    Layout("300 cases of 60 clusters, groups of whole clusters", 300, 60, nested=True),
)


@attrs.frozen
class Cell:
    """One made-up situation.

    Attributes
    ----------
    layout : Layout
        The sample.
    weights : str
        One of `WEIGHTS`.
    p : float
        The true proportion of both groups.
    share : float
        How much of the sample the first group is.
    groups : int
        How many groups; of more than two, all but the first are of one size.
    """

    layout: Layout
    weights: str
    p: float
    share: float
    groups: int = 2


def cells() -> list[Cell]:
    """List the cells of the simulation of tests."""
    two = [
        Cell(layout, weights, p, share)
        for layout, weights, p, share in product(
            LAYOUTS, WEIGHTS, (0.05, 0.2, 0.5, 0.8, 0.95), (0.5, 0.2)
        )
    ]
    return two + [
        Cell(layout, weights, p, 0.25, groups=4)
        for layout, weights, p in product(LAYOUTS, WEIGHTS, (0.2, 0.5, 0.95))
    ]


def interval_cells() -> list[Cell]:
    """List the cells of the simulation of intervals: one group."""
    small = (
        Layout("12 cases", 12),
        Layout("30 cases", 30),
        Layout("60 cases of 20 clusters", 60, 20),
    )
    layouts = (*small, *(layout for layout in LAYOUTS if not layout.nested and layout.strata == 1))
    kinds = [name for name in WEIGHTS if name != "one group"]
    return [
        Cell(layout, weights, p, 1.0, groups=1)
        for layout, weights, p in product(layouts, kinds, (0.03, 0.1, 0.3, 0.5, 0.8, 0.95))
    ]


@attrs.frozen(eq=False)
class Sample:
    """Cases of one draw, with the answers to several questions.

    Attributes
    ----------
    answers : ndarray of bool, shape (cases, questions)
        Whether sufficient.
    group, stratum : ndarray of int, shape (cases,)
        Codes.
    cluster : ndarray of int or None
        Codes; None where each case is a cluster.
    weight : ndarray of float64, shape (cases,)
        Weights.
    """

    answers: npt.NDArray[np.bool_]
    group: Codes
    stratum: Codes
    cluster: Codes | None
    weight: Floats

    def table(self, groups: int) -> WeightedCells:
        """Tabulate the answers."""
        stratum = self.stratum if self.stratum.any() else None
        design = design_of(len(self.weight), self.cluster, stratum, None, "remove", [])
        assert design is not None
        asked = np.ones(self.answers.shape)
        return WeightedAnswers(self.answers, asked, design, self.weight).cells(self.group, groups)


def draw(cell: Cell, questions: int, random: np.random.Generator, shift: float = 0.0) -> Sample:
    """Draw a sample, and answers that the first group gives ``shift`` logits better."""
    layout = cell.layout
    n = layout.cases
    cluster = None if layout.clusters is None else random.integers(0, layout.clusters, n)
    of_group = _groups(cell, cluster, random)
    stratum = random.integers(0, layout.strata, n)
    better = np.full(n, 0.5)
    if cell.weights == "answers":
        often = random.random(n) < np.where(of_group == 0, 5 / 6, 0.5)
        better = np.where(often, 1.0, 0.0)
    chance = np.broadcast_to(_chances(cell, better, stratum, random)[:, np.newaxis], (n, questions))
    if shift:
        logit = special.logit(chance) + np.where(of_group == 0, shift, 0.0)[:, np.newaxis]
        chance = special.expit(logit)
    own = random.standard_normal((n, questions))
    if cluster is not None:
        shared = random.standard_normal((layout.clusters or 0, questions))[cluster]
        own = np.sqrt(_RHO) * shared + np.sqrt(1 - _RHO) * own
    answers = own < special.ndtri(chance)
    return Sample(
        answers, of_group, stratum, cluster, _weights(cell.weights, of_group, better, random)
    )


def _groups(cell: Cell, cluster: Codes | None, random: np.random.Generator) -> Codes:
    if cell.groups == 1:
        return np.zeros(cell.layout.cases, np.intp)
    if not cell.layout.nested or cluster is None:
        first = random.random(cell.layout.cases) < cell.share
        others = random.integers(1, cell.groups, cell.layout.cases)
        return np.where(first, 0, others).astype(np.intp)
    clusters = cell.layout.clusters or 0
    firsts = max(2, round(cell.share * clusters))
    place = random.permutation(clusters)
    of_cluster = np.where(place < firsts, 0, 1 + place % max(1, cell.groups - 1))
    return of_cluster[cluster].astype(np.intp)


def _chances(cell: Cell, better: Floats, stratum: Codes, random: np.random.Generator) -> Floats:
    """Return chances whose mean is p over both kinds of case, and over strata."""
    p = cell.p
    if cell.layout.strata > 1:
        # Strata that do better and worse by turns, as far as there is room.
        room = 0.6 * min(p, 1 - p)
        return np.asarray(p + room * np.where(stratum % 2, 1.0, -1.0))
    if cell.weights != "answers":
        return np.full(len(better), p)
    grid = np.linspace(-8, 8, 8001)
    middle = grid[np.argmin(np.abs((special.expit(grid + 1) + special.expit(grid - 1)) / 2 - p))]
    kind = np.where(better == 0.5, random.integers(0, 2, len(better)), better)
    return np.asarray(special.expit(middle + np.where(kind > 0, 1.0, -1.0)))


def _weights(kind: str, group: Codes, better: Floats, random: np.random.Generator) -> Floats:
    n = len(group)
    out = np.ones(n)
    if kind in ("mild", "strong", "extreme"):
        spread = {"mild": 0.5, "strong": 1.0, "extreme": 1.5}[kind]
        out = np.exp(spread * random.standard_normal(n))
    elif kind in ("huge", "absurd"):
        out[random.integers(n)] = {"huge": 20.0, "absurd": 1000.0}[kind]
    elif kind == "one group":
        out = np.where(group == 0, np.exp(1.2 * random.standard_normal(n)), 1.0)
    elif kind == "answers":
        out = np.where((group == 0) & (better > 0.5), 0.2, 1.0)
    return out


def rejections(cell: Cell, draws: int, questions: int, seed: int) -> dict[str, Any]:
    """Compute how often each test rejects at 5%, without and with a difference.

    Returns
    -------
    dict
        The cell, ``kish_n`` and ``expected`` of the smaller group (means over draws), and percent
        rejected: ``<test>`` where nothing differs, ``<test> power`` where the first group does
        better.
    """
    random = np.random.default_rng(seed)
    out: dict[str, Any] = _labels(cell)
    for shift, suffix in ((0.0, ""), (_SHIFT, " power")):
        rejected: dict[str, list[float]] = {test: [] for test in TESTS}
        sizes = []
        for _ in range(draws if not shift else max(1, draws // 4)):
            sample = draw(cell, questions, random, shift)
            table = sample.table(cell.groups)
            if (table.n[:, 0] == 0).any():
                continue
            sizes.append(float(kish(table)[:, 0].min()))
            for test in TESTS:
                p_value = SURVEY_TESTS[test](table).p_value
                rejected[test].append(float((p_value < 0.05).mean()))
        if not shift:
            out["kish_n"] = round(float(np.mean(sizes)), 1)
        out |= {test + suffix: round(100 * float(np.mean(v)), 1) for test, v in rejected.items()}
    return out


def coverage(cell: Cell, draws: int, questions: int, seed: int) -> dict[str, Any]:
    """Compute how often 95% intervals hold the true proportion, and how wide they are."""
    random = np.random.default_rng(seed)
    held: dict[str, list[float]] = {name: [] for name in INTERVALS}
    wide: dict[str, list[float]] = {name: [] for name in INTERVALS}
    sizes, bound = [], []
    for _ in range(draws):
        table = draw(cell, questions, random).table(1)
        sizes.append(float(kish(table)[0, 0]))
        p = table.percent[0] / 100
        bound.append(float(((p == 0) | (p == 1)).mean()))
        for name, (low, high) in _intervals(table).items():
            held[name].append(float(((low <= cell.p) & (cell.p <= high)).mean()))
            wide[name].append(float(np.nanmean(high - low)))
    out = _labels(cell) | {
        "kish_n": round(float(np.mean(sizes)), 1),
        "at 0 or 100": round(100 * float(np.mean(bound)), 1),
    }
    out |= {name: round(100 * float(np.mean(v)), 1) for name, v in held.items()}
    return out | {f"{name} width": round(float(np.mean(v)), 3) for name, v in wide.items()}


def _intervals(table: WeightedCells) -> dict[str, tuple[Floats, Floats]]:
    """Compute 95% intervals of one group; at 0 and 1 the logit's is Wilson's, as in findings."""
    p, se, df = table.percent[0] / 100, table.se[0] / 100, table.df_of_groups[0]
    low, high = (v[0] for v in limits_of_cells(table, 0.95))
    inside = (p > 0) & (p < 1)
    logit = limits(p, se, df=df, interval="logit")
    return {
        "effective": (low, high),
        "logit": (np.where(inside, logit[0], low), np.where(inside, logit[1], high)),
        "wald": limits(p, se, df=df),
        "korn-graubard": _korn_graubard(table, p, se, df),
    }


def _korn_graubard(
    table: WeightedCells, p: Floats, se: Floats, df: Floats
) -> tuple[Floats, Floats]:
    """Compute Clopper and Pearson's interval on the effective size of Korn and Graubard (1998)."""
    n = table.n[0]
    inside = (p > 0) & (p < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(inside, p * (1 - p) / se**2, effective_cells(table).n[0])
    t = (special.stdtrit(n - 1, 0.025) / special.stdtrit(df, 0.025)) ** 2
    size = np.minimum(n, effective * t)
    x = size * p
    with np.errstate(invalid="ignore"):
        low = np.where(x > 0, special.betaincinv(np.maximum(x, 1e-9), size - x + 1, 0.025), 0.0)
        high = np.where(p < 1, special.betaincinv(x + 1, np.maximum(size - x, 1e-9), 0.975), 1.0)
    return low, high


def _labels(cell: Cell) -> dict[str, Any]:
    return {
        "sample": cell.layout.label,
        "weights": cell.weights,
        "groups": cell.groups,
        "p": cell.p,
        "share": cell.share,
    }


def simulate(seed: int, draws: int, questions: int) -> tuple[list[dict[str, Any]], ...]:
    """Simulate all cells; each has its own seed."""
    tests = [rejections(c, draws, questions, seed + i) for i, c in enumerate(cells())]
    return tests, [coverage(c, draws, questions, seed + i) for i, c in enumerate(interval_cells())]


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    lines: Iterator[dict[str, Any]] = iter(rows)
    first = next(lines)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(first), lineterminator="\n")
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(lines)


def main() -> None:
    """Simulate and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--draws", type=int, default=25)
    parser.add_argument("--answers", type=int, default=80)
    parser.add_argument("--seed", type=int, default=20110302)
    given = parser.parse_args()
    tests, intervals = simulate(given.seed, given.draws, given.answers)
    _write(FOLDER / "weighted_tests.csv", tests)
    _write(FOLDER / "weighted_intervals.csv", intervals)


if __name__ == "__main__":
    main()
