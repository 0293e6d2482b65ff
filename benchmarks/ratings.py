"""How often statements of ratings hold, by simulation.

    python -m benchmarks.ratings [--draws N] [--seed S]

writes ``docs/_figures/rating_coverage.csv``, from the root of the repository.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from omistats.kernel.bands import band_of, posterior_bands, predictive_bands
from omistats.kernel.effective import effective_groups, stratum_sums

__all__ = ["coverage"]

FILE = Path(__file__).parents[1] / "docs" / "_figures" / "rating_coverage.csv"
CUTS = np.array([0.5, 0.65, 0.8])
QUESTIONS, RHO = 8, 0.1


def coverage(cases: int, draws: int, rng: np.random.Generator) -> dict[str, object]:
    """Simulate samples of a size; return how often they are sure, and right."""
    true = rng.uniform(0.3, 0.95, draws)
    shape = 1 / RHO - 1
    share = rng.beta(true * shape, (1 - true) * shape, (cases, draws)).T
    k = rng.binomial(QUESTIONS, share).astype(np.float64)
    n = np.full(k.shape, float(QUESTIONS))
    some, lacking = (k > 0).sum(axis=1), (k < n).sum(axis=1)
    groups = effective_groups(stratum_sums(n, np.ones(n.shape), k, k * k, some, lacking))
    posterior = posterior_bands(groups.n, groups.p, CUTS)
    best = posterior.argmax(axis=1)
    sure = posterior.max(axis=1) >= 0.9
    right = band_of(true, CUTS) == best
    again = rng.binomial(QUESTIONS, rng.beta(true * shape, (1 - true) * shape, (cases, draws)).T)
    other = band_of(again.sum(axis=1) / n.sum(axis=1), CUTS) != band_of(groups.p, CUTS)
    own = band_of(groups.p, CUTS)
    said = 1 - predictive_bands(groups.n, groups.p, CUTS)[np.arange(draws), own]
    return {
        "cases": cases,
        "sure of a band": f"{sure.mean():.1%}",
        "of these right": f"{right[sure].mean():.1%}",
        "rated otherwise": f"{other.mean():.1%}",
        "as predicted": f"{said.mean():.1%}",
    }


def main() -> None:
    """Write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    rows = [coverage(cases, asked.draws, rng) for cases in (5, 14, 30, 60, 91)]
    with FILE.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


if __name__ == "__main__":
    main()
