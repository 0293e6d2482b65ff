"""The cases that are counted, as Arrow tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

import omistats as oms

FRAMEWORK = oms.omi2.FRAMEWORK
QUESTIONS = FRAMEWORK.question_ids


def national() -> pa.Table:
    """The shipped synthetic cases: 2,213 in 15 units, labels as dictionaries."""
    return pa.table(oms.omi2.load_synthetic())


def as_text(table: pa.Table) -> pa.Table:
    """The same cases with labels as text, as a file of comma-separated values gives them."""
    columns = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    return pa.table(columns, names=table.column_names)


def simulated(cases: int = 1_500, units: int = 12, seed: int = 20) -> pa.Table:
    """Random cases, unlike any real ones, with every awkwardness the peers must agree on.

    Characteristics and answers are missing here and there; one question is never
    applicable, one is answered alike by everybody, and one only in cases of high risk.
    """
    random = np.random.default_rng(seed)
    columns: dict[str, pa.Array] = {
        "case_id": pa.array([f"simulated-{i}" for i in range(cases)]),
        "unit": pa.array([f"S{u:02d}" for u in np.sort(random.integers(1, units + 1, cases))]),
    }
    for stratum in FRAMEWORK.strata:
        if stratum.required:
            labels = np.array(stratum.levels)[random.integers(0, len(stratum.levels), cases)]
            columns[stratum.name] = pa.array(labels, mask=random.random(cases) < 0.03)
    high = np.array([label == "high" for label in columns["risk_of_harm"].to_pylist()])
    for question in QUESTIONS:
        sufficient = random.random(cases) < random.uniform(0.3, 0.95)
        unasked = random.random(cases) < random.uniform(0, 0.9)
        columns[question] = pa.array(sufficient, mask=unasked)
    columns[QUESTIONS[0]] = pa.nulls(cases, pa.bool_())
    columns[QUESTIONS[1]] = pa.array(np.ones(cases, np.bool_))
    columns[QUESTIONS[2]] = pa.array(random.random(cases) < 0.6, mask=~high)
    return pa.table(columns, metadata={"synthetic": "simulated at random for benchmarks"})


def programme(units: int = 35, seed: int = 1) -> pa.Table:
    """The simulated cases of a programme; with all together 35 units make 36 reports."""
    return pa.table(oms.omi2.simulate(units, seed=seed))
