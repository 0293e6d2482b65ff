"""Graded, routed and missing answers: engines and parts give what is counted in memory."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st
from tests.graded_cases import (
    BREAKDOWNS,
    assert_same_counts,
    frame,
    framework,
    in_group,
    recount,
)

import omistats as oms

# Internal: the number of rows of a part.
from omistats.model import files

POLICIES = st.sampled_from(["left out", "not sufficient"])
BLANKS = st.sampled_from(["not applicable", "not answered"])


def sources(data: dict[str, Any]) -> dict[str, Any]:
    table = pa.table(data)
    return {
        "Polars": pl.DataFrame(table).lazy(),
        "Polars, categories": pl.DataFrame(table)
        .lazy()
        .with_columns(pl.col("plan").cast(pl.Categorical)),
        "DuckDB": duckdb.from_arrow(table),
    }


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000), policy=POLICIES, blank=BLANKS, by=st.sampled_from([None, "unit"])
)
def test_tallies_are_those_of_memory_and_of_plain_python(seed, policy, blank, by):
    data, known = frame(seed, 60), framework(policy, blank)
    options: dict[str, Any] = {"by": by, "breakdowns": BREAKDOWNS}
    whole = oms.tally(oms.CaseSet.from_data(data, framework=known), **options)
    groups = [(split.key, group) for split in whole.splits for group in split.groups]
    for u, unit in enumerate(whole.units):
        for g, (breakdown, group) in enumerate(groups):
            fits = in_group(breakdown, group)
            counted = recount(
                data, policy, blank, lambda c, u=unit, f=fits: u in ("all", c["unit"]) and f(c)
            )
            assert whole.not_answered is not None
            for q, question in enumerate(whole.questions):
                found = tuple(int(x[u, g, q]) for x in (whole.k, whole.n, whole.not_answered))
                assert found == counted[question]
    for source in sources(data).values():
        assert_same_counts(oms.tally(source, framework=known, **options), whole)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), policy=POLICIES, blank=BLANKS)
def test_levels_and_scores_are_those_of_memory(seed, policy, blank):
    data, known = frame(seed, 60), framework(policy, blank)
    cases = oms.CaseSet.from_data(data, framework=known)
    options: dict[str, Any] = {"by": "unit", "breakdowns": BREAKDOWNS}
    levels, scores = oms.levels(cases, **options).table, oms.scores(cases, **options).table
    for source in sources(data).values():
        assert oms.levels(source, framework=known, **options).table.equals(levels)
        found = oms.scores(source, framework=known, **options).table
        for name in ("unit", "group", "item", "k", "n", "not_answered"):
            assert found[name].to_pylist() == scores[name].to_pylist(), name


@pytest.mark.parametrize("policy", ["left out", "not sufficient"])
def test_parts_are_counted_like_the_whole(policy, tmp_path, monkeypatch):
    data, known = frame(3, 300), framework(policy, "not answered")
    cases = oms.CaseSet.from_data(data, framework=known)
    paths = [tmp_path / "cases.parquet", tmp_path / "cases.arrow"]
    pq.write_table(pa.table(data), paths[0], row_group_size=40)
    with pa.ipc.new_file(paths[1], pa.table(data).schema) as file:
        file.write_table(pa.table(data), max_chunksize=40)
    monkeypatch.setattr(files, "ROWS", 64)
    options: dict[str, Any] = {"by": "unit", "breakdowns": BREAKDOWNS}
    for path in paths:
        assert_same_counts(oms.tally(path, framework=known, **options), oms.tally(cases, **options))
        got, want = (oms.levels(x, framework=known, **options).table for x in (path, cases))
        assert got.equals(want)
        got, want = (oms.scores(x, framework=known, **options).table for x in (path, cases))
        assert got["not_answered"].equals(want["not_answered"])


def test_answers_of_those_who_are_not_asked_are_named_with_ids():
    data = frame(1, 40)
    at = [i for i in range(40) if (data["risk"][i], data["sex"][i]) == ("low", "boy")][:2]
    for i in at:
        data["shared"][i] = "sufficient"
    ids = sorted(data["case_id"][i] for i in at)
    for source in sources(data).values():
        with pytest.raises(oms.DataError) as caught:
            oms.tally(source, framework=framework(), breakdowns=[])
        text = str(caught.value)
        assert "shared: asked only if risk is 'high'; or sex is 'girl'; found 2 answers" in text
        for id in ids:
            assert f"'{id}'" in text, text


def test_values_that_are_no_answers_are_refused():
    data = frame(1, 20)
    data["plan"][:2] = ["Fully met", "half"]
    data["seen"][3] = "yes"
    for source in sources(data).values():
        with pytest.raises(oms.DataError) as caught:
            oms.tally(source, framework=framework(), breakdowns=[])
        for words in ("plan", "'Fully met', 'half' in 2 rows", "seen", "'yes' in 1 row"):
            assert words in str(caught.value), str(caught.value)


def test_without_a_policy_what_was_not_answered_is_refused():
    data = frame(1, 20)
    known = framework(None)
    for source in (*sources(data).values(), data):
        with pytest.raises(oms.DataError, match="'not answered'"):
            oms.tally(source, framework=known, breakdowns=[])


def test_another_cut_needs_no_other_data():
    data = frame(2, 80)
    known = framework().with_cut({"plan": ["fully met"]})
    counted = recount(data, "left out", "not applicable", lambda c: True, {"plan": ("fully met",)})
    for source in (*sources(data).values(), data):
        found = oms.tally(source, framework=known, breakdowns=[], questions=["plan"])
        assert (found.k.item(), found.n.item()) == counted["plan"][:2]
        assert np.asarray(found.not_answered).item() == counted["plan"][2]
