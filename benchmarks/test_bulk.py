"""One report and 36, beside their peers. Results are asserted; times only reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import omistats as oms
from benchmarks import bulk
from benchmarks.agreement import UNIT_KEYS, differences
from benchmarks.bulk import bare, prepared, recomputed, same_or_raise, w1, w2_arrays
from benchmarks.cases import FRAMEWORK, QUESTIONS, programme, simulated
from benchmarks.data_table import DataTable, has_data_table
from benchmarks.lines import FROM_ARROW, PREPARED
from benchmarks.unit_peers import UNIT_PEERS

Run = Callable[..., Any]

# The plain loop takes long on 36 reports; on those of awkward cases it is checked like all.
QUICK = {name: peer for name, peer in UNIT_PEERS.items() if name != bulk.LOOP}


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return programme()


@pytest.fixture(scope="module")
def ready(table: pa.Table) -> oms.CaseSet:
    return prepared(table)


def test_36_reports_from_arrow(benchmark: Run, table: pa.Table) -> None:
    assert benchmark(recomputed, table, "unit").num_rows == 36 * 6 * 2 * len(QUESTIONS)


def test_36_reports_prepared(benchmark: Run, ready: oms.CaseSet, table: pa.Table) -> None:
    assert benchmark(recomputed, ready, "unit").equals(recomputed(table, "unit"))


def test_36_reports_as_arrays(benchmark: Run, ready: oms.CaseSet) -> None:
    found = benchmark(lambda: oms.recompute(ready, by="unit"))
    assert found.table.num_rows == 36 * 6 * 2 * len(QUESTIONS)


@pytest.mark.parametrize("by", [None, "unit"])
def test_the_bare_product_gives_the_same_p_values(
    benchmark: Run, ready: oms.CaseSet, by: str | None
) -> None:
    found = benchmark(bare(ready, by).p_values)
    assert found.shape == (36 if by else 1, 6, len(QUESTIONS))


@pytest.mark.parametrize("peer", QUICK.values(), ids=QUICK.keys())
def test_36_reports_of_a_peer(benchmark: Run, table: pa.Table, peer: Any) -> None:
    assert (
        differences(benchmark(peer, table, QUESTIONS), recomputed(table, "unit"), UNIT_KEYS) == []
    )


@pytest.mark.parametrize("peer", UNIT_PEERS.values(), ids=UNIT_PEERS.keys())
def test_a_peer_agrees_where_cases_are_awkward(peer: Any) -> None:
    cases = simulated(cases=400, units=3, seed=3)
    assert differences(peer(cases, QUESTIONS), recomputed(cases, "unit"), UNIT_KEYS) == []


# R is nowhere a requirement: where it is, it is compared.
@pytest.mark.skipif(not has_data_table(), reason="R's data.table is not installed")
@pytest.mark.parametrize("by", [None, "unit"])
def test_data_table_agrees(by: str | None) -> None:
    cases = simulated(cases=400, units=3, seed=3)
    with DataTable(cases, QUESTIONS, by_unit=by is not None) as r:
        assert differences(r.result(), recomputed(cases, by), UNIT_KEYS) == []


def test_unlike_work_is_not_timed(table: pa.Table) -> None:
    ours = recomputed(table, "unit")
    with pytest.raises(ValueError, match="short of a row: only in one report"):
        same_or_raise({"short of a row": lambda: ours.slice(1)}, ours, UNIT_KEYS)


def test_a_wrong_product_is_not_timed(ready: oms.CaseSet, monkeypatch: pytest.MonkeyPatch) -> None:
    right = bulk.product_of

    def wrong(*args: Any) -> Any:
        found = right(*args)
        found.dense[:9] = 0
        return found

    monkeypatch.setattr(bulk, "product_of", wrong)
    with pytest.raises(ValueError, match="p-values of the bare product"):
        bare(ready, None)


def test_a_race_has_its_lines() -> None:
    found = w1(1, simulated(cases=300, units=2, seed=5))
    by_name = {line["contestant"]: line for line in found}
    loop = by_name[bulk.LOOP]["ratios"]
    assert {base: r["asked"] for base, r in loop.items()} == {"prepared": 200, "from Arrow": 80}
    for name, base in ((PREPARED, "prepared"), (FROM_ARROW, "from Arrow")):
        assert by_name[name]["ratios"][base]["ratio"] == 1
    limit = by_name[bulk.BARE]
    assert limit["limit"]
    # A limit's ratio is the other way round: omistats over the limit.
    times = by_name[PREPARED]["wall_ms"] / limit["wall_ms"]
    assert np.isclose(limit["ratios"]["prepared"]["ratio"], times)


def test_arrays_are_raced_with_the_bare_product() -> None:
    found = w2_arrays(1, simulated(cases=300, units=2, seed=5))
    asked = {line["contestant"]: line["ratios"]["prepared"]["asked"] for line in found}
    assert asked == {
        bulk.ARRAYS: None,
        "part: the tally": None,
        bulk.BARE: 2,
        "limit: product alone": None,
    }


def test_the_framework_asks_75_questions() -> None:
    assert len(QUESTIONS) == len(FRAMEWORK.known_ids) == 75
