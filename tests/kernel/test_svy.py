"""Wald's intervals and tests against svy, a second package that shares no code with R's survey.

The numbers are written by tests/oracles/svy_package.py, from cases that the R scripts use too.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pytest
from tests.factories import oracle
from tests.scoring.programme import WALD, case_set, read

import omistats as oms

Row = dict[str, str]


@cache
def cases(name: str) -> dict[str, Any]:
    rows = oracle(name)
    return {column: np.array([row[column] for row in rows]) for column in rows[0]}


def design(row: Row, data: dict[str, Any]) -> dict[str, Any]:
    """Give the options of the layout that a row was computed for."""
    cluster, stratum = row["cluster"], row["stratum"]
    return {
        "cluster": data[cluster],
        "stratum": None if stratum == "none" else data[stratum],
        "weight": data["weight"].astype(float) if row["weighted"] == "true" else None,
        "population": data[f"population_{cluster}_{stratum}"].astype(float)
        if row["corrected"] == "true"
        else None,
    }


def figures(row: Row) -> list[float]:
    return [float(row[name]) for name in ("estimate", "se", "low", "high")]


def domain(row: Row, data: dict[str, Any]) -> Any:
    return True if row["by"] == "all" else data[row["by"]] == row["domain"]


def layouts(rows: Iterable[Row]) -> set[tuple[str, ...]]:
    return {(r["cluster"], r["stratum"], r["weighted"], r["corrected"]) for r in rows}


def test_ratios_and_walds_intervals_equal_svys():
    rows, data = oracle("svy_ratios.csv"), cases("survey_cases.csv")
    assert len(layouts(rows)) == 16
    for row in rows:
        here = domain(row, data)
        k, n = (np.where(here, data[name].astype(float), 0.0) for name in ("k", "n"))
        found = oms.stats.ratio(k, n, interval="wald", df=float(row["df"]), **design(row, data))
        mine = [found.estimate, found.se, found.low, found.high]
        np.testing.assert_allclose(mine, figures(row), rtol=1e-10)
    # svy's degrees of freedom are those of the domain, and of all cases the design's.
    for row in rows:
        if row["by"] == "all":
            k, n = data["k"].astype(float), data["n"].astype(float)
            found = oms.stats.ratio(k, n, interval="wald", df="design", **design(row, data))
            assert found.df == float(row["df"])


def test_proportions_and_logit_intervals_equal_svys():
    rows, data = oracle("svy_proportions.csv"), cases("survey_tests_cases.csv")
    assert {row["domain"] for row in rows} > {"all", "a", "b", "c"}
    checked = 0
    for row in rows:
        if row["domain"] == "unknown":
            continue
        answered = domain(row, data) & (data[row["y"]] != "")
        k = np.where(answered & (data[row["y"]] == "1"), 1.0, 0.0)
        n = np.where(answered, 1.0, 0.0)
        found = oms.stats.ratio(k, n, interval="logit", df=float(row["df"]), **design(row, data))
        mine = [found.estimate, found.se, found.low, found.high]
        np.testing.assert_allclose(mine, figures(row), rtol=1e-9)
        checked += 1
    assert checked == 16 * 2 * (1 + 2 + 3)


@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("rao-scott-f", ("f", "df", "df2", "f_p")),
        ("rao-scott-chi-square", ("chi_square", "chi_square_df", "", "chi_square_p")),
    ],
)
def test_rao_and_scotts_tests_equal_svys(method, names):
    rows, data = oracle("svy_tests.csv"), cases("survey_tests_cases.csv")
    assert len(rows) == 16 * 4
    assert len(layouts(rows)) == 16
    for row in rows:
        # An empty answer or group is missing.
        y, group = (
            np.array([value or None for value in data[row[name]]], object)
            for name in ("y", "group")
        )
        answers = np.array([None if v is None else float(v) for v in y], object)
        found = oms.stats.compare_weighted(answers, group, method=method, **design(row, data))
        mine = [found.statistic, found.df, found.df2, found.p_value]
        for value, name in zip(mine, names, strict=True):
            if name:
                assert float(value) == pytest.approx(float(row[name]), rel=1e-9), (name, row)


def test_walds_scores_equal_svys():
    """Units and groups; units are strata."""
    scores = oms.scores(case_set(read()), by="unit", breakdowns=["gender", "plan"], **WALD)
    mine = {(r["item"], r["unit"], r["breakdown"], r["group"]): r for r in scores.table.to_pylist()}
    checked = 0
    for row in oracle("svy_scores.csv"):
        if row["domain"] == "unknown":
            continue
        unit = row["domain"] if row["by"] == "unit" else "all"
        grouped = row["by"] in ("gender", "plan")
        key = row["item"], unit, *((row["by"], row["domain"]) if grouped else (None, None))
        line = mine[key]
        assert line["percent"] == pytest.approx(100 * float(row["estimate"]), rel=1e-12)
        assert line["se"] == pytest.approx(100 * float(row["se"]), rel=1e-9)
        checked += 1
    assert checked == 8 * (1 + 6 + 2 + 3)


def test_walds_scores_by_t_have_svys_intervals():
    scores = oms.scores(case_set(read()), by="unit", df="design", **WALD).table.to_pylist()
    expected = {
        (r["item"], r["domain"]): r for r in oracle("svy_scores.csv") if r["by"] in ("all", "unit")
    }
    assert len(scores) == len(expected)
    for line in scores:
        row = expected[line["item"], line["unit"]]
        assert line["low"] == pytest.approx(100 * float(row["low"]), rel=1e-9)
        assert line["high"] == pytest.approx(100 * float(row["high"]), rel=1e-9)
