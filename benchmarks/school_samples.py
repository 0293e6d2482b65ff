"""Coverage of intervals of weighted percentages in samples from a real population.

    python -m benchmarks.school_samples [--draws N] [--seed S]

writes ``docs/_figures/school_samples.csv``, from the root of the repository. The population are the
6,194 Californian schools of R's ``survey`` (`tests/oracles/schools.R`), of which four shares are
known. Samples are drawn by the designs of that package and some smaller ones. Every sample goes
through `omistats.recompute` and `omistats.stats.ratio` with the weights and populations of its
design and everything else by default; Wald's intervals on t stand beside.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

import omistats as oms

ROOT = Path(__file__).parents[1]
SCHOOLS = ROOT / "tests" / "oracles" / "schools.csv"
OUT = ROOT / "docs" / "_figures" / "school_samples.csv"
SHARES = ("sch.wide", "comp.imp", "both", "awards")
FRAMEWORK = oms.Framework(
    "schools",
    [oms.Question(share, share) for share in SHARES],
    strata=[oms.Stratum("kind", ("E", "H", "M"))],
)
Codes = npt.NDArray[np.int64]


class Elementary(oms.Breakdown):
    """Elementary schools, and all schools, whose percentages are looked at."""

    key = "kind"
    groups = ("E", "all")
    contrast = "complement"


@attrs.frozen(eq=False)
class Schools:
    """The population, a row a school.

    Attributes
    ----------
    district, kind : ndarray of int64, shape (6194,)
        The district, and 0 for elementary, 1 for high and 2 for middle schools.
    answers : ndarray of int64, shape (6194, 4)
        The answers of `SHARES`, 1 for yes.
    """

    district: Codes
    kind: Codes
    answers: Codes

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """The four true shares."""
        return self.answers.mean(axis=0)


def schools() -> Schools:
    """Read the population."""
    with SCHOOLS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [int(row["schools"]) for row in rows]
    district = np.unique([row["dnum"] for row in rows], return_inverse=True)[1]
    kind = np.array(["EHM".index(row["stype"]) for row in rows])
    answers = np.array([[int(row[share]) for share in SHARES] for row in rows])
    return Schools(*(np.repeat(a, times, axis=0) for a in (district, kind, answers)))


@attrs.frozen(eq=False)
class Sample:
    """Schools that were drawn, and how; `None` where the design has no such thing."""

    at: Codes
    weight: npt.NDArray[np.float64]
    stratum: Codes | None = None
    cluster: Codes | None = None
    population: npt.NDArray[np.float64] | None = None


@attrs.frozen
class Design:
    """A way of drawing.

    Attributes
    ----------
    name : {'simple', 'stratified', 'clusters', 'two stages'}
        Schools; schools by type; all schools of districts; up to five schools of districts.
    size : tuple of int
        Schools, schools by type, or districts.
    """

    name: str
    size: tuple[int, ...]

    def draw(self, whole: Schools, rng: np.random.Generator) -> Sample:
        """Draw a sample."""
        total = len(whole.kind)
        if self.name == "simple":
            (size,) = self.size
            at = rng.choice(total, size, replace=False)
            return Sample(at, np.full(size, total / size), population=np.full(size, float(total)))
        if self.name == "stratified":
            drawn, weights, sizes = [], [], []
            for kind, size in enumerate(self.size):
                own = np.flatnonzero(whole.kind == kind)
                drawn.append(rng.choice(own, size, replace=False))
                weights += [len(own) / size] * size
                sizes += [float(len(own))] * size
            at = np.concatenate(drawn)
            return Sample(at, np.array(weights), whole.kind[at], population=np.array(sizes))
        districts = int(whole.district.max()) + 1
        (size,) = self.size
        chosen = rng.choice(districts, size, replace=False)
        if self.name == "clusters":
            at = np.flatnonzero(np.isin(whole.district, chosen))
            weight = np.full(len(at), districts / size)
            of = whole.district[at]
            return Sample(at, weight, cluster=of, population=np.full(len(at), float(districts)))
        drawn, weights = [], []
        for district in chosen:
            own = np.flatnonzero(whole.district == district)
            few = min(5, len(own))
            drawn.append(rng.choice(own, few, replace=False))
            weights += [districts / size * len(own) / few] * few
        at = np.concatenate(drawn)
        # Districts as if drawn with replacement, which counts both stages.
        return Sample(at, np.array(weights), cluster=whole.district[at])


DESIGNS = (
    Design("simple", (200,)),
    Design("simple", (30,)),
    Design("stratified", (100, 50, 50)),
    Design("stratified", (12, 10, 8)),
    Design("clusters", (15,)),
    Design("clusters", (40,)),
    Design("clusters", (150,)),
    Design("two stages", (40,)),
    Design("two stages", (150,)),
)

METHODS = ("findings", "ratio", "wald")


def intervals(whole: Schools, sample: Sample) -> dict[str, tuple[npt.NDArray[Any], list[str]]]:
    """Compute 95% intervals of the four shares: shape (4, 2) in percent, and their methods."""
    answers = whole.answers[sample.at]
    options: dict[str, Any] = {
        "stratum": sample.stratum,
        "cluster": sample.cluster,
        "population": sample.population,
    }
    data: dict[str, Any] = {
        "case_id": np.arange(len(sample.at)),
        "unit": ["state"] * len(sample.at),
    }
    data["kind"] = ["EHM"[kind] for kind in whole.kind[sample.at]]
    data |= {share: answers[:, i] == 1 for i, share in enumerate(SHARES)}
    cases = oms.CaseSet.from_data(data, framework=FRAMEWORK)
    found = oms.recompute(cases, breakdowns=[Elementary()], weight=sample.weight, **options)
    rows = [row for row in found.table.to_pylist() if row["group"] == "all"]
    out = {
        "findings": (
            np.array([[row["low"], row["high"]] for row in rows], float),
            [row["interval_method"] for row in rows],
        )
    }
    ones = np.ones(len(sample.at))
    asked: dict[str, dict[str, Any]] = {"ratio": {}, "wald": {"interval": "wald", "df": "design"}}
    for name, more in asked.items():
        each = [
            oms.stats.ratio(y, ones, weight=sample.weight, **options, **more) for y in answers.T
        ]
        ends = np.array([[one.low, one.high] for one in each], float)
        out[name] = 100 * ends, [str(one.method) for one in each]
    return out


def coverage(whole: Schools, design: Design, draws: int, seed: int) -> Iterator[dict[str, Any]]:
    """Compute how often the intervals hold the true shares; a row a share."""
    rng = np.random.default_rng(seed)
    truth = 100 * whole.shares
    held = {name: np.zeros(len(SHARES)) for name in METHODS}
    wide = {name: np.zeros(len(SHARES)) for name in METHODS}
    used: dict[str, set[str]] = {name: set() for name in METHODS}
    drawn = []
    for _ in range(draws):
        sample = design.draw(whole, rng)
        drawn.append(len(sample.at))
        for name, (ends, methods) in intervals(whole, sample).items():
            held[name] += (ends[:, 0] <= truth + 1e-9) & (truth - 1e-9 <= ends[:, 1])
            wide[name] += ends[:, 1] - ends[:, 0]
            used[name] |= set(methods)
    for i, share in enumerate(SHARES):
        row: dict[str, Any] = {
            "design": design.name,
            "size": "+".join(map(str, design.size)),
            "schools": round(float(np.mean(drawn)), 1),
            "share": share,
            "true": round(truth[i], 4),
            "draws": draws,
        }
        for name in METHODS:
            row[name] = round(100 * held[name][i] / draws, 2)
            row[f"{name}_width"] = round(wide[name][i] / draws, 2)
            row[f"{name}_method"] = " or ".join(sorted(used[name]))
        yield row


def main() -> None:
    """Write a row a design and share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=20000)
    given = parser.parse_args()
    whole = schools()
    rows = [
        row
        for place, design in enumerate(DESIGNS)
        for row in coverage(whole, design, given.draws, given.seed + place)
    ]
    with OUT.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
