"""Scores of weighted and clustered cases against R's survey package, and invariances.

tests/oracles/weighted.R (R 4.2.2, survey 4.1.1) computed the numbers from the same cases: svyratio
and svyby(svyratio, covmat=TRUE) of case-level sums, Wald's test and differences by hand from vcov.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.factories import LEVELS, oracle
from tests.inference.survey_sample import (
    DESIGNS,
    QUESTIONS,
    SPLITS,
    alike,
    columns,
    framework,
    options,
    sample,
)
from tests.scoring.programme import BREAKDOWNS, WALD, case_set, read

import omistats as oms

ESTIMATES = oracle("weighted_scores.csv")
TESTS = oracle("weighted_score_tests.csv")
NAMES = [design["design"] for design in DESIGNS]
ITEMS = ["1", "2", "both"]
RULES = ("pooled", "questions", "cases")
Lines = dict[tuple[Any, ...], dict[str, Any]]


@cache
def found(design: str, df: Any, complement: Any) -> Lines:
    chosen = next(d for d in DESIGNS if d["design"] == design)
    scores = oms.scores(
        sample(), by="unit", breakdowns=SPLITS, items=ITEMS, df=df, complement=complement,
        **WALD, **options(chosen),
    )  # fmt: skip
    keys = ("unit", "breakdown", "item", "group")
    return {tuple(line[c] for c in keys): line for line in scores.table.to_pylist()}


@pytest.mark.parametrize("design", NAMES)
def test_estimates_equal_ratios_of_r(design):
    lines = found(design, "design", "all")
    checked = set()
    for row in ESTIMATES:
        if row["design"] != design or row["group"] == "rest" or row["breakdown"] == "harm_known":
            continue
        key = row["domain"], row["breakdown"] or None, row["item"], row["group"] or None
        line = lines[key]
        checked.add(key)
        assert line["percent"] == pytest.approx(100 * float(row["estimate"]), rel=1e-12)
        assert line["se"] == pytest.approx(100 * float(row["se"]), rel=1e-9)
    # R has no row for the group `all` of a complement: it is the row without a breakdown.
    assert checked == {
        key for key in lines if key[0] in ("all", "north", "east") and key[3] != "all"
    }


@pytest.mark.parametrize("design", NAMES)
def test_tests_and_differences_follow_from_covariances_of_r(design):
    checked = 0
    for row in TESTS:
        if row["design"] != design:
            continue
        known = row["breakdown"] == "harm_known"
        breakdown = "harm" if known else row["breakdown"]
        first = next(split for split in SPLITS if split.key == breakdown).groups[0]
        key = row["domain"], breakdown, row["item"], first
        chi, f = (found(design, df, "known" if known else "all")[key] for df in (None, "design"))
        wald, df = float(row["wald"]), int(row["df"])
        assert chi["statistic"] == pytest.approx(wald, rel=1e-9)
        assert f["statistic"] == pytest.approx(wald / df, rel=1e-9)
        assert chi["p_value"] == pytest.approx(float(row["p"]), rel=1e-9)
        assert f["p_value"] == pytest.approx(float(row["f_p"]), rel=1e-9)
        assert (chi["df"], chi["df2"]) == (df, None)
        assert (f["df"], f["df2"]) == (df, int(row["design_df"]))
        if row["difference"]:
            assert f["difference"] == pytest.approx(100 * float(row["difference"]), rel=1e-9)
            half = (chi["difference_high"] - chi["difference_low"]) / 2 / 1.959963984540054
            assert half == pytest.approx(100 * float(row["se"]), rel=1e-9)
        else:
            assert f["difference"] is None
        checked += 1
    assert checked == 3 * 5 * len(ITEMS)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("lonely", ["error", "null", "remove", "adjust"])
@pytest.mark.parametrize("df", [None, "design"])
def test_equal_weights_are_no_weights(rule, lonely, df):
    rows = read()
    if lonely != "error":
        rows = [row for row in rows if row["unit"] != "isle" or row["case_id"] == "s026"]
    cases = case_set(rows)
    asked: dict[str, Any] = {
        "by": "unit", "breakdowns": BREAKDOWNS, "rule": rule, "lonely": lonely, "df": df,
    }  # fmt: skip
    plain = oms.scores(cases, **asked).table
    alike(oms.scores(cases, weight=np.ones(len(cases)), **asked).table, plain)
    alike(oms.scores(cases, cluster=cases["case_id"].to_pylist(), **asked).table, plain)
    alike(oms.scores(cases, stratum=cases["unit"].to_pylist(), **asked).table, plain)


@pytest.mark.parametrize("rule", RULES)
def test_caseloads_are_populations_of_strata(rule):
    caseloads = {"north": 60, "south": 28, "east": 110, "west": 45, "coast": 1000, "isle": 3}
    cases = case_set(read())
    asked: dict[str, Any] = {"by": "unit", "breakdowns": BREAKDOWNS, "rule": rule}
    plain = oms.scores(cases, population=caseloads, **asked).table
    alike(
        oms.scores(cases, population=caseloads, weight=np.full(len(cases), 7.5), **asked).table,
        plain,
    )


def scored(data: dict[str, list[Any]], rule: str, **more: Any) -> Any:
    cases = oms.CaseSet.from_data(data, framework=framework(), units=["east", "north", "south"])
    return oms.scores(cases, by="unit", breakdowns=SPLITS, items=ITEMS, rule=rule, **more).table


DESIGN = {"weight": "weight", "stratum": "region", "cluster": "team", "population": "teams_there"}


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1), rule=st.sampled_from(RULES))
def test_the_order_of_cases_does_not_matter(seed, rule):
    data = columns()
    order = np.random.default_rng(seed).permutation(len(data["case_id"])).tolist()
    mixed = {name: [values[i] for i in order] for name, values in data.items()}
    alike(scored(mixed, rule, **DESIGN), scored(data, rule, **DESIGN))


@settings(max_examples=12)
@given(
    factor=st.floats(1e-6, 1e6),
    rule=st.sampled_from(RULES),
    seed=st.integers(0, 2**32 - 1),
)
def test_only_proportions_of_weights_matter(factor, rule, seed):
    data = columns()
    weight = np.random.default_rng(seed).uniform(0.1, 5, len(data["case_id"]))
    design = {**DESIGN, "population": None}
    usual = scored(data, rule, **{**design, "weight": weight})
    alike(scored(data, rule, **{**design, "weight": weight * factor}), usual)


@settings(max_examples=12)
@given(rule=st.sampled_from(RULES), seed=st.integers(0, 2**32 - 1))
def test_cases_of_weight_0_are_clusters_without_answers(rule, seed):
    """Their answers do not matter, but they count as clusters of the sample."""
    data = columns()
    random = np.random.default_rng(seed)
    dropped = random.random(len(data["case_id"])) < 0.2
    weight = np.where(dropped, 0.0, data["weight"])
    asked: dict[str, Any] = {"weight": weight, "stratum": "region"}
    changed = dict(data)
    for name in (*QUESTIONS, *LEVELS):
        pool = data[name]
        changed[name] = [
            pool[int(random.integers(len(pool)))] if out else value
            for out, value in zip(dropped.tolist(), pool, strict=True)
        ]
    counted = ("k", "n")
    alike(scored(changed, rule, **asked), scored(data, rule, **asked), leave=counted)


def test_whole_weights_are_not_more_cases():
    """A weight of 3 gives the percentage of three such cases, and not their standard error."""
    data = columns()
    times = np.random.default_rng(7).integers(1, 4, len(data["case_id"]))
    weighted = scored(data, "pooled", weight=times, stratum=None, **WALD)
    copied = {name: np.repeat(np.array(v, object), times).tolist() for name, v in data.items()}
    copied["case_id"] = [str(i) for i in range(int(times.sum()))]
    cluster = np.repeat(np.arange(len(times)), times)
    twins = scored(copied, "pooled", stratum=None, cluster=cluster, **WALD)
    for name in ("percent", "se", "p_value", "difference"):
        alike(weighted.select([name]), twins.select([name]))
    assert sum(weighted["n"].to_pylist()) < sum(twins["n"].to_pylist())


def test_equal_weights_are_plain_in_a_recount_of_a_cluster_sample():
    """Teams of equal size, all answers applicable: the mean of team means and its spread."""
    random = np.random.default_rng(3)
    teams, size = 12, 5
    answers = random.random((teams, size)) < 0.6
    data = {
        "case_id": list(range(teams * size)),
        "unit": ["north"] * (teams * size),
        **{name: [levels[0]] * (teams * size) for name, levels in LEVELS.items()},
        **{q: answers.ravel().tolist() for q in QUESTIONS},
    }
    cases = oms.CaseSet.from_data(data, framework=framework())
    line = oms.scores(
        cases, items=["both"], stratum=None, cluster=np.repeat(np.arange(teams), size)
    ).table.to_pylist()[0]
    means = answers.mean(axis=1)
    assert line["percent"] == pytest.approx(100 * means.mean(), rel=1e-12)
    assert line["se"] == pytest.approx(100 * means.std(ddof=1) / np.sqrt(teams), rel=1e-12)
