"""How often thin groups are called different where they are not.

    python -m benchmarks.thin_groups [--programmes N] [--seed S]

writes ``docs/_figures/thin_groups.csv``, from the root of the repository. A row is a situation, of
three kinds:

* ``several groups``: three groups or more with one answer a case, every table enumerated;
* ``caseloads``: two samples drawn from caseloads of which the same share does well, every sample
  enumerated;
* ``questions`` and ``cases``: a unit and 120 other cases scored by that rule, simulated; Wald's
  test with t, then what is said of it (30 cases, 10 of either kind).
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

import omistats as oms
from omistats.kernel.effective import (
    EffectiveGroups,
    compare_effective,
    compare_effective_groups,
    effective_groups,
    stratum_sums,
)

__all__ = ["CASELOADS", "GROUPS", "by_rule", "caseloads", "several_groups"]

Floats = npt.NDArray[np.float64]
Row = dict[str, str | float]

FILE = Path(__file__).parents[1] / "docs" / "_figures" / "thin_groups.csv"
SHARES = (0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
GROUPS: tuple[tuple[int, ...], ...] = (
    (12, 20, 20), (2, 2, 100), (3, 5, 5), (5, 5, 5, 5), (8, 8, 8), (3, 3, 60), (2, 4, 60),
    (2, 2, 2, 100), (10, 10, 10), (15, 15, 15), (4, 4, 4), (6, 10, 30), (20, 20, 20),
    (3, 3, 3), (4, 6, 6), (3, 3, 14), (5, 5, 14), (5, 5, 20), (4, 5, 30), (12, 12, 12),
    (3, 3, 3, 3, 3), (5, 8, 12, 3), (2, 2, 2, 2, 2, 2), (10, 50, 50), (30, 30, 5),
)  # fmt: skip
# Cases drawn and caseload of both groups.
CASELOADS = (
    (5, 10, 20, 40),
    (8, 10, 30, 40),
    (12, 20, 12, 20),
    (20, 25, 20, 100),
    (14, 20, 60, 300),
)


def several_groups(sizes: tuple[int, ...]) -> Iterator[Row]:
    """Enumerate the tables of groups with one answer a case."""
    n = np.array(sizes, np.float64)
    k = np.array(list(itertools.product(*(range(size + 1) for size in sizes))), np.float64)
    shape = np.broadcast_to(n, k.shape)
    groups = EffectiveGroups(
        k / n, shape, np.full(k.shape, np.inf), shape, shape, np.full(k.shape, np.inf)
    )
    p_value = compare_effective_groups(groups).p_value
    for share in SHARES:
        chances = [stats.binom.pmf(k[:, i], size, share) for i, size in enumerate(sizes)]
        chance = np.prod(chances, axis=0)
        name = " ".join(map(str, sizes))
        yield row(
            "several groups", name, share, *(chance[p_value <= a].sum() for a in (0.05, 0.01))
        )


def caseloads(drawn: int, of: int, others: int, of_others: int) -> Iterator[Row]:
    """Enumerate the samples of two caseloads in which the same share does well."""

    def group(k: Floats, n: int, N: int) -> EffectiveGroups:
        answered = np.ones(k.shape)
        sums = stratum_sums(
            np.ones((*k.shape, 1)), n * answered[:, None], k[:, None], k[:, None], k, n - k,
            fraction=n / N,
        )  # fmt: skip
        return effective_groups(sums)

    k1, k2 = (x.ravel() for x in np.meshgrid(np.arange(drawn + 1.0), np.arange(others + 1.0)))
    p_value = compare_effective(group(k1, drawn, of), group(k2, others, of_others)).p_value
    for share in (0.1, 0.2, 0.3, 0.4, 0.5):
        K1, K2 = round(share * of), round(share * of_others)
        chance = stats.hypergeom.pmf(k1, of, K1, drawn) * stats.hypergeom.pmf(
            k2, of_others, K2, others
        )
        name = f"{drawn} of {of} v {others} of {of_others}"
        yield row("caseloads", name, share, *(chance[p_value <= a].sum() for a in (0.05, 0.01)))


def by_rule(rule: str, cases: int, share: float, programmes: int, seed: int) -> Row:
    """Simulate a unit that does not differ from 120 other cases, with ten questions."""
    rng = np.random.default_rng([seed, cases, round(100 * share), len(rule)])
    questions = [oms.Question(f"q{i}", f"q{i}", oms.Link("1", "invented")) for i in range(10)]
    framework = oms.Framework("simulated", questions, items=[oms.Item("1", "criterion", "One")])
    size = cases + 120
    units = ["unit"] * cases + ["rest"] * 120
    rejected = np.zeros(2)
    said = 0
    for _ in range(programmes):
        # Answers of a case are correlated by 0.2, and 7 in 10 questions apply.
        chance = rng.beta(4 * share, 4 * (1 - share), size)
        given = rng.random((10, size)) < chance
        applies = rng.random((10, size)) < 0.7
        columns = {
            q.id: pa.array(k, mask=~n) for q, k, n in zip(questions, given, applies, strict=True)
        }
        data = pa.table({"case_id": range(size), "unit": units, **columns})
        found = oms.scores(data, framework=framework, by="unit", rule=rule)  # type: ignore[arg-type]
        (line,) = found.weaknesses("unit").table.to_pylist()
        p = 1.0 if line["p_value"] is None else line["p_value"]
        rejected += [p <= 0.05, p <= 0.01]
        # Below is half of what is said; the other unit has the other half.
        said += any(found.weaknesses().table["credible"].to_pylist())
    made = row(rule, f"{cases} v 120", share, *rejected / programmes)
    return {**made, "said_5": round(said / programmes, 4)}


def row(kind: str, sizes: str, share: float, at_5: float, at_1: float) -> Row:
    rates = {"rejected_5": round(float(at_5), 4), "rejected_1": round(float(at_1), 4)}
    return {"kind": kind, "sizes": sizes, "share": share, **rates, "said_5": rates["rejected_5"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programmes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=20116)
    options = parser.parse_args()
    rows = [made for sizes in GROUPS for made in several_groups(sizes)]
    rows += [made for numbers in CASELOADS for made in caseloads(*numbers)]
    rows += [
        by_rule(rule, cases, share, options.programmes, options.seed)
        for rule in ("questions", "cases")
        for cases in (3, 12, 30, 60)
        for share in (0.5, 0.8, 0.95)
    ]
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
