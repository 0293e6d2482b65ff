"""One national report, beside its peers. Results are asserted; times only reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import omistats as oms
from benchmarks.agreement import differences
from benchmarks.bulk import recomputed
from benchmarks.cases import FRAMEWORK, QUESTIONS, as_text, national, simulated
from benchmarks.interleave import interleave
from benchmarks.peers import PEERS, Peer

Run = Callable[..., Any]

peers = pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS.keys())


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return national()


@pytest.mark.parametrize("form", [lambda t: t, as_text], ids=["dictionary", "text"])
def test_from_arrow(benchmark: Run, table: pa.Table, form: Run) -> None:
    cases = form(table)
    findings = benchmark(recomputed, cases)
    assert findings.num_rows == 6 * 2 * len(QUESTIONS)


def test_cases_read_before(benchmark: Run, table: pa.Table) -> None:
    cases = oms.CaseSet.from_data(table, framework=FRAMEWORK)
    findings = benchmark(lambda: oms.recompute(cases).table)
    assert findings.equals(recomputed(table))


def test_reading(benchmark: Run, table: pa.Table) -> None:
    cases = benchmark(lambda: oms.CaseSet.from_data(table, framework=FRAMEWORK))
    assert len(cases) == table.num_rows


@peers
def test_peer(benchmark: Run, table: pa.Table, peer: Peer) -> None:
    assert differences(benchmark(peer, table, QUESTIONS), recomputed(table)) == []


@peers
@pytest.mark.parametrize("seed", [1, 2])
def test_a_peer_agrees_where_cases_are_awkward(peer: Peer, seed: int) -> None:
    cases = simulated(seed=seed)
    ours = recomputed(cases)
    undefined = ours.filter(pc.is_null(ours["p_value"]))
    assert set(QUESTIONS[:3]) <= set(undefined["question"].to_pylist())
    assert differences(peer(cases, QUESTIONS), ours) == []


def _changed(table: pa.Table, name: str, by: float | None) -> pa.Table:
    """Add something to one tested row's figure, or take it away."""
    values = table[name].to_pylist()
    row = pc.is_valid(table["p_value"]).to_pylist().index(True)
    values[row] = None if by is None else values[row] + by
    return table.set_column(table.column_names.index(name), name, pa.array(values, pa.float64()))


@pytest.mark.parametrize(
    ("name", "by"),
    [("k", 1), ("n", -1), ("percent", 1e-6), ("p_value", 1e-6), ("p_value", None)],
)
def test_a_difference_would_be_seen(table: pa.Table, name: str, by: float | None) -> None:
    ours = recomputed(table)
    assert len(differences(_changed(ours, name, by), ours)) == 1


def test_a_missing_row_would_be_seen(table: pa.Table) -> None:
    ours = recomputed(table)
    assert len(differences(ours.slice(1), ours)) == 1


def test_every_contestant_has_its_turns() -> None:
    calls: list[str] = []
    timings = interleave({n: lambda n=n: calls.append(n) for n in "ab"}, rounds=3)
    assert "".join(calls) == "ab" + "aabb" + "bbaa" + "aabb"
    assert timings.wall.shape == timings.cpu.shape == (2, 3)
    assert (timings.wall > 0).all()
