"""How often permutations of cases reject, beside effective answers, by simulation.

    python -m benchmarks.permutation_levels [--replicates N] [--seed S]

writes ``docs/_figures/permutation_levels.csv``, from the root of the repository. In every situation
two groups are drawn without a difference, and again with the first moved by 1.6 on the scale of
log odds.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from omistats.kernel.effective import compare_effective, effective_groups, stratum_sums
from omistats.kernel.permutation import permutation_test

__all__ = ["CELLS", "Cell", "rates"]

FILE = Path(__file__).parents[1] / "docs" / "_figures" / "permutation_levels.csv"


@attrs.frozen
class Cell:
    """A situation: cases of both groups, questions, the true score, and correlations."""

    cases: int
    others: int
    questions: int
    score: float
    rho: float
    rho_others: float


CELLS = (
    Cell(8, 60, 10, 0.8, 0.15, 0.15),
    Cell(5, 60, 20, 0.5, 0.15, 0.15),
    Cell(8, 8, 10, 0.5, 0.15, 0.15),
    Cell(20, 100, 5, 0.9, 0.15, 0.15),
    Cell(60, 300, 10, 0.7, 0.15, 0.15),
    Cell(8, 100, 10, 0.1, 0.4, 0.05),
    Cell(8, 60, 10, 0.5, 0.4, 0.05),
    Cell(20, 100, 10, 0.1, 0.4, 0.05),
    Cell(60, 300, 10, 0.7, 0.4, 0.05),
)


def rates(cell: Cell, replicates: int, permutations: int, rng: np.random.Generator) -> dict:
    """Simulate one situation; return shares of data sets that are rejected at 5%."""
    found: dict[str, Any] = attrs.asdict(cell)
    shifted = 1 / (1 + np.exp(-(np.log(cell.score / (1 - cell.score)) - 1.6)))
    group = np.repeat([0, 1], [cell.cases, cell.others])
    n = np.full(len(group), cell.questions, np.float64)
    for name, score in (("level", cell.score), ("power", shifted)):
        rejected = np.zeros(2)
        for _ in range(replicates):
            shares = [
                rng.beta(p * (1 / rho - 1), (1 - p) * (1 / rho - 1), size)
                for p, rho, size in (
                    (score, cell.rho, cell.cases),
                    (cell.score, cell.rho_others, cell.others),
                )
            ]
            k = rng.binomial(cell.questions, np.concatenate(shares)).astype(np.float64)
            permuted = permutation_test([k], [n], group, permutations=permutations, rng=rng)
            one, other = (
                effective_groups(
                    stratum_sums(
                        n[own],
                        np.ones(own.sum()),
                        k[own],
                        k[own] ** 2,
                        (k[own] > 0).sum(),
                        (k[own] < n[own]).sum(),
                    )
                )
                for own in (group == 0, group == 1)
            )
            p_values = (permuted.p_value[0], float(compare_effective(one, other).p_value))
            rejected += np.array(p_values) <= 0.05
        for rule, count in zip(("permutation", "effective"), rejected, strict=True):
            found[f"{rule}_{name}"] = round(float(count) / replicates, 4)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--permutations", type=int, default=299)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    rows = [rates(cell, options.replicates, options.permutations, rng) for cell in CELLS]
    with FILE.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


if __name__ == "__main__":
    main()
