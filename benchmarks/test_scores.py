"""Scores of a programme, beside their peers. Results are asserted; times only reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import omistats as oms
from benchmarks.agreement import score_differences
from benchmarks.cases import FRAMEWORK, simulated
from benchmarks.score_peers import SCORE_PEERS, ScorePeer, frame_of
from benchmarks.scores import compare_scores, feeds_of, programme, scored

Run = Callable[..., Any]

# Peers have the linearised standard error, as Wald's rules do also where a group has one case.
WALD: dict[str, Any] = {"interval": "wald", "test": "wald"}

peers = pytest.mark.parametrize("peer", SCORE_PEERS.values(), ids=SCORE_PEERS.keys())


@pytest.fixture(scope="module")
def cases() -> oms.CaseSet:
    return programme()


def test_36_reports(benchmark: Run, cases: oms.CaseSet) -> None:
    found = benchmark(scored, cases)
    groups = 1 + sum(len(b.groups) for b in oms.omi2.STANDARD)
    assert found.num_rows == 36 * groups * len(feeds_of(cases.framework))


@peers
def test_a_peer_gives_the_same_scores(benchmark: Any, cases: oms.CaseSet, peer: ScorePeer) -> None:
    feeds = feeds_of(cases.framework)
    frame = frame_of(pa.table(cases), feeds)
    # A round takes seconds: one of them, timed or not.
    found = benchmark.pedantic(peer, (frame, feeds))
    assert score_differences(found, scored(cases, **WALD)) == []


@peers
@pytest.mark.parametrize("seed", [1, 2])
def test_a_peer_agrees_where_cases_are_awkward(peer: ScorePeer, seed: int) -> None:
    table = simulated(cases=160, units=4, seed=seed)
    feeds = feeds_of(FRAMEWORK)
    ours = scored(oms.CaseSet.from_data(table, framework=FRAMEWORK), **WALD)
    assert score_differences(peer(frame_of(table, feeds), feeds), ours) == []


def test_a_criterion_nobody_was_asked_about_has_no_score_here_or_there() -> None:
    table = simulated(cases=160, units=4, seed=3)
    feeds = feeds_of(FRAMEWORK)
    for question in feeds["3.2"]:
        index = table.column_names.index(question)
        table = table.set_column(index, question, pa.nulls(table.num_rows, pa.bool_()))
    ours = scored(oms.CaseSet.from_data(table, framework=FRAMEWORK), **WALD)
    lost = [row for row in ours.to_pylist() if row["item"] == "3.2"]
    assert lost
    assert all(row["se"] is None and row["percent"] is None for row in lost)
    for peer in SCORE_PEERS.values():
        assert score_differences(peer(frame_of(table, feeds), feeds), ours) == []


@pytest.mark.parametrize(("name", "by"), [("k", 1), ("n", -1), ("percent", 1e-6), ("se", 1e-6)])
def test_a_difference_would_be_seen(cases: oms.CaseSet, name: str, by: float) -> None:
    ours = scored(cases)
    values = ours[name].to_numpy().copy()
    values[np.flatnonzero(~np.isnan(values))[7]] += by
    index = ours.column_names.index(name)
    changed = ours.set_column(index, name, pa.array(values, from_pandas=True))
    assert len(score_differences(changed, ours)) == 1


def test_a_missing_row_would_be_seen(cases: oms.CaseSet) -> None:
    ours = scored(cases)
    assert len(score_differences(ours.slice(1), ours)) == 1


def test_unlike_work_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    few = programme(3)
    monkeypatch.setitem(SCORE_PEERS, "short of a row", lambda *_: scored(few).slice(1))
    with pytest.raises(ValueError, match="short of a row: only in one report"):
        compare_scores(few, rounds=1)
