"""Spark gives what the kernel gives, and brings back no more than counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests import graded_cases
from tests.engines.spark.job import national_report
from tests.engines.tables import (
    FromExpression,
    InPython,
    Subset,
    assert_same,
    obvious_sums,
    some_items,
    spelled_out,
)
from tests.factories import BREAKDOWNS, Gender, Harm, frame, framework, random_frame

import omistats as oms
from omistats import tally

# Internal: what is sent to Spark, which results do not show.
from omistats.engines.sums import sum_engine
from omistats.engines.tables import Source, is_engine

SPLITS = (*BREAKDOWNS, FromExpression(), Subset())


def table_in(spark: Any, folder: Path, data: Any) -> Any:
    """Write a frame to Parquet and have Spark read it."""
    arrow = data if isinstance(data, pa.Table) else pa.table(data)
    path = folder / f"cases{len(list(folder.iterdir()))}.parquet"
    pq.write_table(arrow, path)
    return spark.read.parquet(str(path))


def with_tenure(data: dict[str, Any]) -> dict[str, Any]:
    rows = len(data["case_id"])
    return {**data, "tenure": [("yes", "no", None)[(i * 7) % 3] for i in range(rows)]}


def refused(source: Any, *words: str, count: int = 1, **options: Any) -> oms.DataError:
    chosen = {"breakdowns": [Gender()], "framework": framework(), **options}
    with pytest.raises(oms.DataError) as caught:
        tally(source, **chosen)
    text = str(caught.value)
    for word in words:
        assert word in text, text
    assert len(caught.value.problems) == count, text
    return caught.value


@pytest.mark.parametrize(("seed", "rows", "by"), [(1, 60, "unit"), (2, 25, None)])
def test_random_cases(spark, tmp_path, monkeypatch, seed, rows, by):
    data = with_tenure(random_frame(seed, rows))
    cases = oms.CaseSet.from_data(data, framework=framework(3))
    source = table_in(spark, tmp_path, data)
    assert is_engine(source)
    brought: list[int] = []
    collect = Source.collect

    def watched(self: Source, query: Any) -> pa.Table:
        table = collect(self, query)
        brought.append(table.num_rows)
        return table

    monkeypatch.setattr(Source, "collect", watched)
    got = tally(source, by=by, breakdowns=SPLITS, framework=framework(3))
    assert_same(got, tally(cases, by=by, breakdowns=SPLITS))
    assert brought[0] == 1
    assert max(brought) <= 4_096
    assert len(brought) < 1 + len(SPLITS)


def test_no_rows(spark, tmp_path):
    kinds = {"q": pa.bool_()}
    data = {n: pa.array(v, kinds.get(n[0], pa.string())) for n, v in frame(rows=0).items()}
    for by in (None, "unit"):
        got = tally(
            table_in(spark, tmp_path, data), by=by, breakdowns=[Gender()], framework=framework()
        )
        cases = oms.CaseSet.from_data(data, framework=framework())
        assert_same(got, tally(cases, by=by, breakdowns=[Gender()]))


def test_sums_behind_scores(spark, tmp_path):
    splits = (Gender(), Harm(), Subset())
    data = with_tenure(random_frame(5, 90, questions=4))
    cases = oms.CaseSet.from_data(data, framework=framework(4))
    items = some_items(4)
    source = table_in(spark, tmp_path, data)
    got = sum_engine(source, framework(4), splits, items, complement="known")
    counted, sizes = obvious_sums(cases, splits, items, "known")
    assert got.units == cases.units
    assert got.cases.tolist() == counted
    assert np.array_equal(got.sizes, sizes)


def test_numbers_nan_null_columns_and_names_with_dots(spark, tmp_path):
    asked = oms.Framework("odd", [oms.Question(i, i) for i in ("1.1", "`", "k0")])
    data = {
        "case_id": [1, 2, 3, 4],
        "unit": ["A", "B", "A", "A"],
        "gender": ["f", "m", None, "f"],
        "1.1": [1.0, float("nan"), None, 0.0],
        "`": pa.nulls(4),
        "k0": [1, 0, None, 1],
    }
    table = pa.table({name: pa.array(values) for name, values in data.items()})
    cases = oms.CaseSet.from_data(table, framework=asked)
    # Parquet has no column of nothing but null; Spark has.
    source = table_in(spark, tmp_path, table.set_column(4, "`", pa.nulls(4, pa.bool_())))
    got = tally(source, by="unit", breakdowns=[Gender()], framework=asked)
    assert_same(got, tally(cases, by="unit", breakdowns=[Gender()]))
    voided = source.selectExpr("case_id", "unit", "gender", "`1.1`", "NULL AS ````", "k0")
    assert_same(
        tally(voided, by="unit", breakdowns=[Gender()], framework=asked),
        tally(cases, by="unit", breakdowns=[Gender()]),
    )


def test_what_breaks_rules_is_listed_together(spark, tmp_path):
    data = frame(
        case_id=["a", "a", None, "b"], unit=["A", None, "all", "B"], q0=[1, 2, 0, 9],
        gender=["f", "x", None, "m"], tier=[1, 2, 3, 4], q1=["yes", "no", None, "no"],
    )  # fmt: skip
    refused(
        table_in(spark, tmp_path, data),
        "1 null in Spark",
        "more than once in Spark: 'a'",
        "'all' is reserved for all units",
        "found 2 to 9 in 2 rows in Spark",
        "found 'x' in 1 row in Spark",
        "tier: allowed levels",
        "found a column of type String in Spark",
        "InPython labels cases in Python",
        count=9,
        breakdowns=[Gender(), InPython()],
    )
    refused(table_in(spark, tmp_path, frame(q0=None, unit=None)), "'q0'", "'unit'", count=2)


def test_a_name_is_what_it_is_written_like(spark, tmp_path):
    data = frame()
    data["UNIT"] = data.pop("unit")
    refused(table_in(spark, tmp_path, data), "none called 'unit'")


def test_a_file_that_vanishes(spark, tmp_path):
    source = table_in(spark, tmp_path, frame())
    for file in tmp_path.iterdir():
        file.unlink()
    error = refused(source, "Spark: Spark must answer the query", "Nothing was counted")
    assert error.__cause__ is not None


def test_an_executor_that_fails_half_way(spark, tmp_path):
    source = table_in(spark, tmp_path, frame())
    damaged = source.withColumnsRenamed({"q0": "was"}).selectExpr(
        "*", "IF(case_id = 'c3', raise_error('c3 is damaged'), was) AS q0"
    ).drop("was")  # fmt: skip
    refused(damaged, "Spark: Spark must answer the query", "c3 is damaged")


def test_the_job_of_the_documentation(spark, tmp_path):
    """The shipped cases, in a folder for each unit; Spark compiles its queries as it does."""
    cases = oms.omi2.load_synthetic()
    pq.write_to_dataset(spelled_out(cases), tmp_path / "cases", partition_cols=["unit"])
    spark.conf.set("spark.sql.codegen.wholeStage", "true")
    try:
        findings = national_report(spark, str(tmp_path / "cases"), oms.omi2.FRAMEWORK)
    finally:
        spark.conf.set("spark.sql.codegen.wholeStage", "false")
    assert findings.tally.metadata == {b"synthetic": b"true"}
    want = oms.recompute(cases, by="unit", breakdowns=["gender", "risk_of_harm"])
    assert findings.table.equals(want.table)


@pytest.mark.parametrize("policy", ["not sufficient"])
def test_graded_routed_and_missing_answers(spark, tmp_path, policy):
    data, known = graded_cases.frame(4, 60), graded_cases.framework(policy, "not answered")
    cases = oms.CaseSet.from_data(data, framework=known)
    source = table_in(spark, tmp_path, data)
    options: dict[str, Any] = {"by": "unit", "breakdowns": graded_cases.BREAKDOWNS}
    found = tally(source, framework=known, **options)
    graded_cases.assert_same_counts(found, tally(cases, **options))
    assert oms.levels(source, framework=known).table.equals(oms.levels(cases).table)
    got, want = (oms.scores(x, framework=known, by="unit").table for x in (source, cases))
    for name in ("k", "n", "not_answered"):
        assert got[name].to_pylist() == want[name].to_pylist()
    refuse = data | {"shared": ["sufficient"] * 60}
    with pytest.raises(oms.DataError, match="shared: asked only if risk is 'high'"):
        tally(table_in(spark, tmp_path, refuse), framework=known, **options)
