"""Count levels of graded answers, beside polars.

    python -m benchmarks.graded [--cases 1000000] [--rounds 5] [--out docs/_figures/graded.csv]

24 questions of four levels by six breakdowns, from one Arrow table. Omistats checks the data as
well. Both counts are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import omistats as oms

# Internal: counts without the percentages and tests of oms.levels.
from omistats.counting.count import tally_levels

__all__ = ["FRAMEWORK", "made_up", "omistats_counts", "polars_counts"]

LEVELS = ("fully met", "mostly met", "partly met", "not met")
QUESTIONS = [
    oms.Question(f"q{i}", f"Question {i}", levels=LEVELS, sufficient=LEVELS[:2]) for i in range(24)
]
STRATA = [oms.Stratum(f"s{i}", tuple(f"group {g}" for g in range(2 + i % 3))) for i in range(6)]
FRAMEWORK = oms.Framework("graded", QUESTIONS, STRATA, breakdowns=[s.name for s in STRATA])


def made_up(cases: int, seed: int = 1) -> pa.Table:
    """Make a table of random answers, as dictionaries with a few blanks."""
    rng = np.random.default_rng(seed)

    def drawn(labels: tuple[str, ...]) -> pa.Array:
        codes = rng.integers(0, len(labels), cases, np.int8)
        mask = rng.random(cases) < 0.1
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=mask), list(labels))

    columns: dict[str, Any] = {
        "case_id": np.arange(cases),
        "unit": pa.DictionaryArray.from_arrays(
            pa.array(np.sort(rng.integers(0, 35, cases)).astype(np.int16)),
            [f"U{i:02d}" for i in range(35)],
        ),
        **{s.name: drawn(s.levels) for s in STRATA},
        **{q.id: drawn(q.levels) for q in QUESTIONS},
    }
    return pa.table(columns)


def omistats_counts(table: pa.Table) -> dict[tuple[str, str, str, str], int]:
    """Count levels by group with omistats."""
    found = tally_levels(oms.CaseSet.from_data(table, framework=FRAMEWORK))
    groups = [(s.key, g) for s in found.splits for g in s.groups]
    return {
        (*groups[g], *question.split("\x1f")): int(found.k[0, g, q])
        for g in range(len(groups))
        for q, question in enumerate(found.questions)
    }


def polars_counts(table: pa.Table) -> dict[tuple[str, str, str, str], int]:
    """Count levels by group with polars: a query a breakdown, collected together."""
    import polars as pl

    frame = pl.DataFrame(table).lazy()
    sums = [
        (pl.col(q.id) == level).sum().alias(f"{q.id}\x1f{level}")
        for q in QUESTIONS
        for level in LEVELS
    ]
    queries = [frame.group_by(s.name).agg(sums) for s in STRATA]
    out = {}
    for stratum, part in zip(STRATA, pl.collect_all(queries), strict=True):
        for row in part.iter_rows(named=True):
            if row[stratum.name] is not None:
                for name, count in row.items():
                    if name != stratum.name:
                        out[(stratum.name, row[stratum.name], *name.split("\x1f"))] = count
    return out


def main() -> None:
    """Time both in turn, and print the ratio of the least times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the times to this CSV file")
    asked = parser.parse_args()
    table = made_up(asked.cases)
    calls: dict[str, Callable[[pa.Table], Any]] = {
        "omistats": omistats_counts,
        "polars": polars_counts,
    }
    assert omistats_counts(table) == polars_counts(table)  # before it is timed
    least = dict.fromkeys(calls, float("inf"))
    for _ in range(asked.rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call(table)
            least[name] = min(least[name], time.perf_counter() - start)
    for name, seconds in least.items():
        print(f"{name:<10}{seconds:.3f} s")
    if asked.out is not None:
        lines = [f"{name},{asked.cases},{asked.rounds},{x:.3f}\n" for name, x in least.items()]
        asked.out.write_text("contestant,cases,rounds,seconds\n" + "".join(lines), "utf-8")
    print(f"ratio     {least['omistats'] / least['polars']:.2f}")


if __name__ == "__main__":
    main()
