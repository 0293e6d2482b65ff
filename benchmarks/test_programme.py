"""Characteristics, samples beside caseloads and names. Results are asserted; times reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import omistats as oms
from benchmarks import beside_caseloads, characteristics

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def cases() -> oms.CaseSet:
    return oms.omi2.simulate(35, seed=1)


def test_characteristics_of_a_programme(benchmark: Run, cases: oms.CaseSet) -> None:
    found = benchmark(oms.characteristics, cases, characteristics.OF, by="unit")
    assert len(set(found.table["unit"].to_pylist())) == 36


def test_weaknesses_of_a_programme(benchmark: Run, cases: oms.CaseSet) -> None:
    scores = oms.scores(cases, by="unit")
    found = benchmark(scores.weaknesses)
    assert len(set(found.table["unit"].to_pylist())) == 35


def test_pandas_counts_the_same() -> None:
    times = characteristics.race(1, pa.table(oms.omi2.simulate(3, seed=1)))
    assert set(times.names) == {"omistats", "pandas"}


def test_a_loop_of_chi_squares_finds_the_same() -> None:
    assert beside_caseloads.compare_samples(1, units=3).rounds("omistats") == 1


def test_names_looked_up_by_pandas_are_the_same() -> None:
    assert beside_caseloads.compare_names(1, rows=500).rounds("pandas") == 1


def test_unlike_results_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = beside_caseloads.by_loop
    monkeypatch.setattr(
        beside_caseloads,
        "by_loop",
        lambda *frames: {key: p / 2 for key, p in theirs(*frames).items()},
    )
    with pytest.raises(AssertionError):
        beside_caseloads.compare_samples(1, units=3)
    monkeypatch.setattr(
        beside_caseloads, "matched_by_pandas", lambda names, _: pd.Series(["kent"] * len(names))
    )
    with pytest.raises(AssertionError):
        beside_caseloads.compare_names(1, rows=50)
