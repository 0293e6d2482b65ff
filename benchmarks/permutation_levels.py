"""How often permutations of cases reject, beside effective answers, by simulation.

    python -m benchmarks.permutation_levels [--replicates N] [--seed S]

writes ``docs/_figures/permutation_levels.csv``, from the root of the repository. In every situation
two groups are drawn without a difference, and again with the first moved by 1.6 on the scale of
log odds. ``studentised`` is a permutation test too, of the difference divided by its linearised
standard error; the library has that of the plain difference.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.effective import compare_effective, effective_groups, stratum_sums
from omistats.kernel.permutation import permutation_test
from omistats.kernel.resampling import shuffle_labels

__all__ = ["CELLS", "RULES", "Cell", "rates", "studentised"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

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


RULES = ("permutation", "studentised", "effective")

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
    Cell(30, 30, 10, 0.5, 0.4, 0.05),
)


def studentised(k: Floats, group: Ints, draws: int, rng: Any) -> float:
    """Permute cases of one number of answers; the statistic is the difference by its error."""

    def squared(labels: npt.NDArray[Any]) -> Floats:
        means, errors = [], []
        for own in (labels == 0, labels == 1):
            m = own.sum(axis=0)
            mean = k @ own / m
            means.append(mean)
            errors.append((k**2 @ own / m - mean**2) / (m - 1))
        apart, error = (means[0] - means[1]) ** 2, errors[0] + errors[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(apart < 1e-12, 0.0, apart / np.where(error < 1e-12, 0.0, error))

    starts = np.array([0, len(k)])
    drawn = squared(shuffle_labels(group, 2, starts, draws, rng))
    observed = squared(group[:, np.newaxis])[0]
    return float((1 + (drawn >= observed * (1 - 1e-9)).sum()) / (1 + draws))


def rates(cell: Cell, replicates: int, permutations: int, rng: np.random.Generator) -> dict:
    """Simulate one situation; return shares of data sets that are rejected at 5%."""
    found: dict[str, Any] = attrs.asdict(cell)
    shifted = 1 / (1 + np.exp(-(np.log(cell.score / (1 - cell.score)) - 1.6)))
    group = np.repeat([0, 1], [cell.cases, cell.others])
    n = np.full(len(group), cell.questions, np.float64)
    for name, score in (("level", cell.score), ("power", shifted)):
        rejected = np.zeros(len(RULES))
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
            p_values = (
                permuted.p_value[0],
                studentised(k, group, permutations, rng),
                float(compare_effective(one, other).p_value),
            )
            rejected += np.array(p_values) <= 0.05
        for rule, count in zip(RULES, rejected, strict=True):
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
