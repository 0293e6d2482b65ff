"""Caseloads made of the counts of their cells, and the simulated one behind the R oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from tests.factories import oracle

import omistats as oms
from omistats import Item, Link

STRATA = (
    oms.Stratum("risk_of_harm", ("high", "not high")),
    oms.Stratum("gender", ("male", "female")),
    oms.Stratum("ethnicity", ("white", "BME")),
)
NAMES = tuple(stratum.name for stratum in STRATA)
FRAMEWORK = oms.Framework("caseload", (), STRATA)
QUESTIONS = ("q0", "q1", "q2", "q3")
ASKED = oms.Framework(
    "asked",
    [oms.Question(q, q, headlines=(Link("score", "published"),)) for q in QUESTIONS],
    STRATA,
    items=[Item("score", "headline", "All questions")],
)

Counts = Mapping[tuple[Any, ...], int]


def made_of(counts: Counts, units: Sequence[str] | None = None, **more: Any) -> oms.CaseSet:
    """Make a caseload of so many cases of each (unit, level, level, level)."""
    rows = [key for key, n in counts.items() for _ in range(n)]
    columns: dict[str, Any] = {"case_id": list(range(len(rows)))}
    for i, name in enumerate(("unit", *NAMES)):
        columns[name] = pa.array([row[i] for row in rows], pa.string())
    return oms.CaseSet.from_data({**columns, **more}, framework=FRAMEWORK, units=units)


def plain(unit: str = "A", scale: int = 1) -> Counts:
    """Give the cells of a caseload of 200 times ``scale`` with all levels known."""
    each = (24, 4, 3, 1, 116, 22, 24, 6)
    keys = [
        (unit, a, b, c)
        for a in STRATA[0].levels
        for b in STRATA[1].levels
        for c in STRATA[2].levels
    ]
    return {key: scale * n for key, n in zip(keys, each, strict=True)}


def table_of(plan: oms.sampling.SamplePlan) -> dict[tuple[Any, ...], int]:
    """Give the allocation by cell."""
    rows = plan.table.to_pylist()
    return {(row["unit"], *(row[name] for name in NAMES)): row["n"] for row in rows}


@cache
def surveyed() -> oms.CaseSet:
    """Read the caseload of tests/oracles/sampling.R, answers and who was drawn included."""
    answers = {"1": True, "0": False, "": None}
    lines = oracle("sampling_caseload.csv")
    columns: dict[str, Any] = {
        name: [line[name] or None for line in lines] for name in ("case_id", "unit", *NAMES)
    }
    columns |= {q: [answers[line[q]] for line in lines] for q in QUESTIONS}
    columns["drawn"] = [line["drawn"] == "1" for line in lines]
    return oms.CaseSet.from_data(columns, framework=ASKED)


def shuffled(cases: oms.CaseSet, seed: int) -> oms.CaseSet:
    order = np.random.default_rng(seed).permutation(len(cases))
    table = pa.table(cases).take(pa.array(order))
    return oms.CaseSet.from_data(table, framework=cases.framework, units=cases.units)
