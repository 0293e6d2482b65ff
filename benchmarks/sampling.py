"""Samples of 35 caseloads, about 30,000 cases, drawn by cells, beside pandas.

``python -m benchmarks.sampling [--rounds 15]``, from the root of the repository.

The peer is what an analyst writes with ``DataFrame.groupby`` and ``sample``, cell by cell, given
how many to draw of each. It neither plans nor checks, and who is drawn depends on the order of
rows. Omistats is shown drawing what was planned, and planning and drawing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

import omistats as oms
from benchmarks.interleave import Timings, interleave

__all__ = [
    "CELLS",
    "DRAWN",
    "PANDAS",
    "PLANNED",
    "caseload",
    "compare_samples",
    "counts_of",
    "drawn_by_pandas",
    "planned",
]

CELLS = ["unit", *(s.name for s in oms.omi2.CASELOAD.strata if s.required)]
DRAWN, PLANNED = "omistats, drawn", "omistats, planned and drawn"
PANDAS = "pandas, groupby and sample"


def caseload(units: int = 35) -> oms.CaseSet:
    """Simulated caseloads of 500 to 1,200 cases, with what is known before an inspection."""
    made_up = oms.omi2.simulate(units, seed=1, sizes=(500, 1200))
    names = [name for name in made_up if name not in made_up.framework.question_ids]
    return oms.CaseSet.from_data(pa.table(made_up).select(names), framework=oms.omi2.CASELOAD)


def planned(cases: oms.CaseSet) -> oms.sampling.SamplePlan:
    """A plan as of the programme: women and minorities in proportion, high risk boosted."""
    return oms.plan_sample(cases, half_width=0.06, at_least={"risk_of_harm": {"high": 0.45}})


def counts_of(frame: pd.DataFrame) -> dict[tuple[Any, ...], int]:
    """How many cases each cell has; an unknown level is a level."""
    counts = frame.fillna(dict.fromkeys(CELLS, "?")).groupby(CELLS).size()
    return {key: int(n) for key, n in counts.items() if n}


def drawn_by_pandas(
    frame: pd.DataFrame, wanted: Mapping[tuple[Any, ...], int], seed: int
) -> pd.DataFrame:
    """Draw so many of each cell, and weigh them."""
    parts = []
    for i, (key, cell) in enumerate(frame.groupby(CELLS, observed=True)):
        n = wanted.get(key, 0)
        part = cell.sample(n=n, random_state=seed + i)
        parts.append(part.assign(weight=len(cell) / n if n else 0.0, population=len(cell)))
    return pd.concat(parts)


def compare_samples(cases: oms.CaseSet, rounds: int) -> Timings:
    """Time the drawing, having seen that cells and weights are the same.

    Raises
    ------
    ValueError
        When they are not.
    """
    frame = pa.table(cases).to_pandas().astype(dict.fromkeys(CELLS, object))
    frame = frame.fillna(dict.fromkeys(CELLS, "?"))
    plan = planned(cases)
    wanted = {tuple(row[name] or "?" for name in CELLS): row["n"] for row in plan.table.to_pylist()}
    ours = pa.table(plan.draw(1)).to_pandas().astype(dict.fromkeys(CELLS, object))
    theirs = drawn_by_pandas(frame, wanted, 1)
    weights = [sorted(sample["weight"].round(9)) for sample in (ours, theirs)]
    if counts_of(ours) != counts_of(theirs) or weights[0] != weights[1]:
        raise ValueError("samples differ by cell or by weight")
    calls: dict[str, Callable[[], Any]] = {
        DRAWN: lambda: plan.draw(1),
        PLANNED: lambda: planned(cases).draw(1),
        PANDAS: lambda: drawn_by_pandas(frame, wanted, 1),
    }
    return interleave(calls, rounds)


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    cases = caseload()
    timings = compare_samples(cases, parser.parse_args().rounds)
    print(f"{len(cases):,} cases")
    for name in timings.names:
        print(f"{name:<30}{1e3 * timings.median(name):8.1f} ms, {timings.ratio(name, DRAWN):.2f}")


if __name__ == "__main__":
    main()
