"""How often ratings that are called sure are right, by simulation.

    python -m benchmarks.ratings [--draws N] [--seed S]

prints the figures and writes ``docs/_figures/rating_coverage.csv`` and ``rating_lowest.csv``, from
the root of the repository.

Coverage: sizes of sample go from 14 to 91 cases, as in youth justice inspections. True shares are
drawn in three ways: evenly from 0 to 100%, as Beta(7, 3), and within three points of a cut. A case
has one answer, of a caseload without end or of twice the sample; or eight answers, correlated by
0.1. Every caseload is sampled once, and once more to see whether it would be rated otherwise.

The lowest of several items: each item has one answer a case, independent of the others, and a true
share of 72%, which is rated Good.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.kernel.bands import band_of, posterior_bands, predictive_bands
from omistats.kernel.effective import effective_groups, stratum_sums

__all__ = ["COVERAGE", "LOWEST", "coverage", "lowest"]

Floats = npt.NDArray[np.float64]

FOLDER = Path(__file__).parents[1] / "docs" / "_figures"
COVERAGE, LOWEST = FOLDER / "rating_coverage.csv", FOLDER / "rating_lowest.csv"
CUTS = np.array([0.5, 0.65, 0.8])
SIZES = (14, 20, 30, 45, 60, 75, 91)
SHARES = ("even", "Beta(7, 3)", "near a cut")
KINDS = ((1, "no end"), (1, "twice the sample"), (8, "no end"))
CERTAINTY, RHO, TRUE, GOOD = 0.9, 0.1, 0.72, 2
AT_ONCE = 5000


def true_shares(kind: str, draws: int, rng: np.random.Generator) -> Floats:
    """Draw true shares."""
    if kind == "even":
        return rng.random(draws)
    if kind == "Beta(7, 3)":
        return rng.beta(7, 3, draws)
    return rng.choice(CUTS, draws) + rng.uniform(-0.03, 0.03, draws)


def coverage(draws: int, seed: int) -> Iterator[dict[str, Any]]:
    """Simulate every situation, and yield its figures in percent."""
    for at, (cases, (answers, caseload), shares) in enumerate(product(SIZES, KINDS, SHARES)):
        rng = np.random.default_rng([seed, at])
        true = true_shares(shares, draws, rng)
        population = np.inf if caseload == "no end" else 2.0 * cases
        if answers == 8:
            n, p = _effective(cases, true, rng)
            again = _effective(cases, true, rng)[1]
        elif np.isinf(population):
            n = np.full(draws, float(cases))
            p, again = rng.binomial(cases, true, (2, draws)) / cases
        else:
            n = np.full(draws, float(cases))
            sufficient = rng.binomial(2 * cases, true)
            # The share in doubt is that of the caseload.
            true = sufficient / (2 * cases)
            lacking = 2 * cases - sufficient
            p, again = rng.hypergeometric(sufficient, lacking, cases, (2, draws)) / cases
        own, right = band_of(p, CUTS), band_of(true, CUTS)
        posterior, predictive = _of_pairs(n, p, population)
        said, place = posterior.max(axis=1), posterior.argmax(axis=1)
        sure, row = said >= CERTAINTY, np.arange(draws)
        yield {
            "cases": cases,
            "answers a case": answers,
            "caseload": caseload,
            "true shares": shares,
            "rated rightly": 100 * (own == right).mean(),
            "said": 100 * posterior[row, own].mean(),
            "called sure": 100 * sure.mean(),
            "right if sure": 100 * (place == right)[sure].mean() if sure.any() else np.nan,
            "said if sure": 100 * said[sure].mean() if sure.any() else np.nan,
            "rated otherwise": 100 * (own != band_of(again, CUTS)).mean(),
            "as predicted": 100 * (1 - predictive[row, own]).mean(),
        }


def lowest(draws: int, seed: int) -> Iterator[dict[str, Any]]:
    """Rate the lowest of items whose true shares are all Good, and yield figures in percent."""
    for at, (cases, items) in enumerate(product((14, 30, 91), (1, 2, 4))):
        rng = np.random.default_rng([seed, 1, at])
        k = rng.binomial(cases, TRUE, (draws, items))
        own = band_of(k / cases, CUTS).min(axis=1)
        bands = posterior_bands(cases, np.arange(cases + 1) / cases, CUTS)[k]
        # Of independent items, each reaches a band with its own probability.
        reach = bands[..., ::-1].cumsum(axis=-1)[..., ::-1].prod(axis=1)
        posterior = reach - np.concatenate([reach[:, 1:], np.zeros((draws, 1))], axis=1)
        yield {
            "cases": cases,
            "items": items,
            "rated Good": 100 * (own == GOOD).mean(),
            "too low": 100 * (own < GOOD).mean(),
            "posterior of Good": 100 * posterior[:, GOOD].mean(),
        }


def _effective(cases: int, true: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw eight correlated answers of each case; return effective answers and shares."""
    shape, found = 1 / RHO - 1, []
    for some in np.array_split(true, max(1, len(true) // AT_ONCE)):
        a, b = np.maximum(some * shape, 1e-9), np.maximum((1 - some) * shape, 1e-9)
        k = rng.binomial(8, rng.beta(a, b, (cases, len(some))).T).astype(np.float64)
        n = np.full(k.shape, 8.0)
        carriers = (k > 0).sum(axis=1), (k < n).sum(axis=1)
        found.append(effective_groups(stratum_sums(n, np.ones(n.shape), k, k * k, *carriers)))
    return np.concatenate([one.n for one in found]), np.concatenate([one.p for one in found])


def _of_pairs(n: Floats, p: Floats, population: float) -> tuple[Floats, Floats]:
    """Compute posterior and predictive once for every n and p that occur."""
    pairs, code = np.unique(np.stack([n, p]), axis=1, return_inverse=True)
    return (
        posterior_bands(*pairs, CUTS, population)[code],
        predictive_bands(*pairs, CUTS, population)[code],
    )


def _write(path: Path, lines: list[dict[str, Any]]) -> None:
    shown = [
        {name: f"{x:.1f}" if isinstance(x, float) else x for name, x in line.items()}
        for line in lines
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(shown[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(shown)
    print(*shown[0], sep=" | ")
    for line in shown:
        print(*line.values(), sep=" | ")


def main() -> None:
    """Print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=16)
    asked = parser.parse_args()
    _write(COVERAGE, list(coverage(asked.draws, asked.seed)))
    _write(LOWEST, list(lowest(asked.draws, asked.seed)))


if __name__ == "__main__":
    main()
