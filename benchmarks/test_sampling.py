"""Samples of whole caseloads, beside pandas. Results are asserted; times only reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import omistats as oms
from benchmarks import sampling
from benchmarks.sampling import DRAWN, PANDAS, caseload, compare_samples, planned

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def cases() -> oms.CaseSet:
    return caseload()


def test_a_programme_is_planned(benchmark: Run, cases: oms.CaseSet) -> None:
    plan = benchmark(planned, cases)
    assert plan.units.num_rows == 35


def test_a_programme_is_drawn(benchmark: Run, cases: oms.CaseSet) -> None:
    plan = planned(cases)
    sample = benchmark(plan.draw, 1)
    assert len(sample) == sum(plan.table["n"].to_pylist())


def test_pandas_draws_as_many_of_each_cell() -> None:
    timings = compare_samples(caseload(3), rounds=1)
    assert {DRAWN, PANDAS} < set(timings.names)


def test_unlike_samples_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = sampling.drawn_by_pandas
    monkeypatch.setattr(sampling, "drawn_by_pandas", lambda *options: theirs(*options).iloc[1:])
    with pytest.raises(ValueError, match="samples differ"):
        compare_samples(caseload(2), rounds=1)
