"""Level, power and coverage of changes between two rounds, by simulation.

    python -m benchmarks.changes [--replicates N] [--cells N] [--seed S]

writes ``docs/_figures/changes.csv``, from the root of the repository. Every cell is a made-up
situation, repeated without a change and with one of ``SHIFT`` on the scale of log odds, in weighted
findings of one question, or in scores of a unit. The test on effective answers stands beside Wald's
with t.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
from scipy import special

from benchmarks.false_accusations import Cell as ScoreCell, _draw, _effective, cells as score_cells
from omistats.inference.change import (
    ChangeTests,
    Estimates,
    compare_effective_rounds,
    compare_estimates,
)
from omistats.kernel.design import design_of
from omistats.kernel.survey import WeightedAnswers
from omistats.kernel.survey_effective import Spread, spread_of_cells, two_rounds

__all__ = ["SHIFT", "FindingsCell", "findings_cells", "simulate_findings", "simulate_scores"]

Floats = npt.NDArray[np.float64]

SHIFT = 1.2
FILE = Path(__file__).parents[1] / "docs" / "_figures" / "changes.csv"
_CONFIDENCE = 0.95
# Clusters, and cases of a cluster, of each round.
_SIZES = (
    ((3, 1), (30, 1)),
    ((6, 1), (30, 1)),
    ((10, 1), (10, 1)),
    ((30, 1), (60, 1)),
    ((150, 1), (200, 1)),
    ((2, 5), (30, 4)),
    ((4, 5), (20, 4)),
    ((3, 10), (3, 10)),
    ((8, 6), (8, 6)),
    ((10, 3), (60, 3)),
    ((40, 4), (30, 4)),
)
Rates = dict[str, float]


@attrs.frozen
class FindingsCell:
    """Two weighted rounds.

    Attributes
    ----------
    now, before : tuple of int
        Clusters, and cases of each.
    p : float
        The proportion of the earlier round.
    rho : float
        Correlation of the answers of a cluster.
    weights : {'equal', 'mild', 'few large'}
        All 1; 1, 2 or 3; 1, but 20 for one case in ten.
    """

    now: tuple[int, int]
    before: tuple[int, int]
    p: float
    rho: float
    weights: str

    def describe(self) -> str:
        """Say what the rounds are."""
        sizes = " and ".join(f"{m} x {size}" for m, size in (self.now, self.before))
        return f"{sizes}, p {self.p:g}, correlation {self.rho:g}, weights {self.weights}"


def findings_cells() -> list[FindingsCell]:
    """List the cells of weighted findings."""
    return [
        FindingsCell(now, before, p, rho, weights)
        for (now, before), p, weights in product(
            _SIZES, (0.5, 0.8, 0.95), ("equal", "mild", "few large")
        )
        for rho in ((0.0, 0.1, 0.4) if now[1] > 1 else (0.0,))
    ]


def _round(
    cell: FindingsCell, size: tuple[int, int], p: float, draws: int, rng: np.random.Generator
) -> Spread:
    clusters, inside = size
    rate = np.full((clusters, draws), p)
    if cell.rho:
        beta = (1 - cell.rho) / cell.rho
        rate = rng.beta(p * beta, (1 - p) * beta, (clusters, draws))
    answers = (rng.random((inside, clusters, draws)) < rate).reshape(-1, draws)
    cases = len(answers)
    weight = {
        "equal": np.ones(cases),
        "mild": rng.choice([1.0, 2.0, 3.0], cases),
        "few large": np.where(rng.random(cases) < 0.1, 20.0, 1.0),
    }[cell.weights]
    cluster = np.tile(np.arange(clusters), inside) if inside > 1 else None
    design = design_of(cases, cluster, None, None, "error", [])
    assert design is not None
    asked = np.ones_like(answers)
    cells = WeightedAnswers(answers, asked, design, weight).cells(np.zeros(cases, np.intp), 1)
    return spread_of_cells(cells)[0]


def _rates(tests: ChangeTests, change: float, prefix: str) -> Rates:
    p = np.where(np.isnan(tests.p_value), 1.0, tests.p_value)
    known = ~np.isnan(tests.low)
    covered = ((tests.low <= 100 * change) & (tests.high >= 100 * change))[known]
    return {
        f"{prefix}_at_5": float((p < 0.05).mean()),
        f"{prefix}_at_1": float((p < 0.01).mean()),
        f"{prefix}_covers": float(covered.mean()) if known.any() else float("nan"),
        f"{prefix}_width": float((tests.high - tests.low)[known].mean()),
    }


# Weights are drawn anew so often.
_DRAWS = 8


def simulate_findings(
    cell: FindingsCell, replicates: int, shift: float, rng: np.random.Generator
) -> Rates:
    """Compare weighted rounds so often."""
    after = float(special.expit(special.logit(cell.p) + shift))
    found = []
    for _ in range(_DRAWS):
        now, before = (
            _round(cell, size, p, replicates // _DRAWS, rng)
            for size, p in ((cell.now, after), (cell.before, cell.p))
        )
        one, other = (Estimates(100 * s.p, 100 * s.se, s.design_df) for s in (now, before))
        effective = compare_effective_rounds(*two_rounds(now, before), _CONFIDENCE)
        wald = compare_estimates(one, other, _CONFIDENCE)
        change = after - cell.p
        found.append(_rates(effective, change, "effective") | _rates(wald, change, "wald"))
    return {name: float(np.nanmean([part[name] for part in found])) for name in found[0]}


def simulate_scores(
    cell: ScoreCell, replicates: int, shift: float, rng: np.random.Generator
) -> Rates:
    """Compare the scores of a unit in two rounds so often."""
    (k, n, _), (k0, n0, _), after = _draw(cell, replicates, shift, rng)
    effective = compare_effective_rounds(
        _effective(k, n, None), _effective(k0, n0, None), _CONFIDENCE
    )
    wald = compare_estimates(_estimates(k, n), _estimates(k0, n0), _CONFIDENCE)
    change = after - cell.p
    return _rates(effective, change, "effective") | _rates(wald, change, "wald")


def _estimates(k: Floats, n: Floats) -> Estimates:
    cases = n.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        N = n.sum(axis=1, keepdims=True)
        p = k.sum(axis=1, keepdims=True) / N
        e = (k - p * n) / N
        se = np.sqrt(cases / (cases - 1) * (e * e).sum(axis=1))
    return Estimates(100 * p[:, 0], 100 * se, np.full(len(se), cases - 1.0))


def run(replicates: int, count: int, seed: int) -> Iterator[dict[str, object]]:
    """Simulate every cell, without a change and with one."""
    weighted = [("findings", cell, simulate_findings) for cell in findings_cells()]
    scored = [("scores", c, simulate_scores) for c in score_cells(count, seed) if c.kind == "unit"]
    for at, (kind, cell, simulate) in enumerate([*weighted, *scored]):
        for shift in (0.0, SHIFT):
            rng = np.random.default_rng([seed, at, int(shift > 0)])
            rates = simulate(cell, replicates, shift, rng)  # type: ignore[operator]
            words = cell.describe() if isinstance(cell, FindingsCell) else str(cell)
            yield {"kind": kind, "cell": words, "shift": shift, **rates}


def main() -> None:
    """Write the figures of every cell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=4000)
    parser.add_argument("--cells", type=int, default=96)
    parser.add_argument("--seed", type=int, default=15)
    asked = parser.parse_args()
    lines = list(run(asked.replicates, asked.cells, asked.seed))
    with FILE.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        out.writeheader()
        for line in lines:
            out.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in line.items()})


if __name__ == "__main__":
    main()
