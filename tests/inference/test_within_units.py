"""Tests within units, through findings: each question by itself, every unit a stratum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import StratifiedTable
from tests.factories import Gender, Harm, OneGroup, Supervision, Tier, oracle, random_frame, read
from tests.inference.survey_sample import QUESTIONS, sample
from tests.kernel import stratified_recount as recount

import omistats as oms

TWO = (Supervision(), Gender(), Harm())
UNITS = ["U0", "U1", "U2", "U3"]
BOTH = ("difference", "odds_ratio")
Row = dict[str, Any]


def data(seed: int = 2, rows: int = 160) -> dict[str, list[Any]]:
    return random_frame(seed, rows, 3, 4, unknown=0.15)


def side(split: oms.Breakdown, label: str | None, complement: str) -> int | None:
    """Which of two sides a case is on, from its label alone."""
    first, second = split.groups
    if label == first:
        return 0
    if split.contrast == "complement":
        return None if label is None and complement == "known" else 1
    return 1 if label == second else None


def strata(
    columns: dict[str, list[Any]], split: oms.Breakdown, question: str, complement: str
) -> list[recount.Stratum]:
    """Count case by case: k1, n1, k2, n2 of each unit."""
    counts = {unit: [0, 0, 0, 0] for unit in UNITS}
    labels = columns[split.column or split.key]
    for unit, label, answer in zip(columns["unit"], labels, columns[question], strict=True):
        on = side(split, label, complement)
        if on is not None and answer is not None:
            counts[unit][2 * on] += answer
            counts[unit][2 * on + 1] += 1
    return [(a, b, c, d) for a, b, c, d in counts.values()]


def first_rows(findings: oms.Findings) -> dict[tuple[str, str, str], Row]:
    """The first row of every comparison."""
    found: dict[tuple[str, str, str], Row] = {}
    for line in findings.table.to_pylist():
        found.setdefault((line["unit"], line["breakdown"], line["question"]), line)
    return found


def same(mine: float | None, theirs: float, scale: float = 1.0) -> None:
    if math.isnan(theirs):
        assert mine is None
    else:
        assert mine == pytest.approx(scale * theirs, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("complement", ["all", "known"])
@pytest.mark.parametrize("test", ["cmh", "cmh-cc"])
@pytest.mark.parametrize("by", [None, "unit"])
def test_all_together_is_a_comparison_within_units(by, test, complement):
    columns = data()
    chosen: Any = oms.Inference(test=test, complement=complement, effects=BOTH, confidence=0.9)
    findings = oms.recompute(read(columns, 3), by=by, breakdowns=TWO, inference=chosen)
    lines = first_rows(findings)
    for split in TWO:
        for q in ("q0", "q1", "q2"):
            counted = strata(columns, split, q, complement)
            # By itself a unit is one stratum.
            parts = {"all": counted}
            if by == "unit":
                parts |= {unit: [one] for unit, one in zip(UNITS, counted, strict=True)}
            for unit, tables in parts.items():
                line = lines[unit, split.key, q]
                k1, n1, k2, n2 = np.array(tables).T
                of = oms.stats.stratified(
                    k1, n1, k2, n2, correction=test == "cmh-cc", confidence=0.9
                )
                for name in ("statistic", "df", "p_value"):
                    same(line[name], float(getattr(of, name)))
                for name, scale in (("difference", 100), ("odds_ratio", 1)):
                    for end in ("", "_low", "_high"):
                        same(line[name + end], float(getattr(of, name + end)), scale)
                same(line["homogeneity_statistic"], float(of.tarone))
                same(line["homogeneity_p_value"], float(of.tarone_p_value))
                if line["homogeneity_df"] is not None:
                    assert line["homogeneity_df"] == of.strata - 1
                assert line["method"] == (None if line["p_value"] is None else test)
    assert set(findings.table["contrast"].to_pylist()) == {
        "groups", "known complement" if complement == "known" else "complement",
    }  # fmt: skip


def test_a_recount_by_definition_and_statsmodels():
    columns = data()
    chosen = oms.Inference(test="cmh", effects=BOTH)
    lines = first_rows(oms.recompute(read(columns, 3), breakdowns=TWO, inference=chosen))
    for split in TWO:
        for q in ("q0", "q1", "q2"):
            line, tables = lines["all", split.key, q], strata(columns, split, q, "all")
            statistic = recount.cmh(tables)
            assert statistic is not None
            assert line["statistic"] == pytest.approx(float(statistic), rel=1e-12)
            ratio, apart = recount.odds_ratio(tables), recount.difference(tables)
            assert line["odds_ratio"] == pytest.approx(float(ratio), rel=1e-12)
            assert line["difference"] == pytest.approx(100 * float(apart), rel=1e-12, abs=1e-12)
            tarone = recount.breslow_day(tables, tarone=True)
            assert line["homogeneity_statistic"] == pytest.approx(tarone, rel=1e-9)
            # statsmodels makes nothing of a unit that has but one kind of answer.
            whole = [
                np.array([[k1, n1 - k1], [k2, n2 - k2]])
                for k1, n1, k2, n2 in tables
                if 0 < k1 + k2 < n1 + n2
            ]
            theirs = StratifiedTable(whole)
            assert line["statistic"] == pytest.approx(theirs.test_null_odds().statistic, rel=1e-10)
            assert line["p_value"] == pytest.approx(theirs.test_null_odds().pvalue, rel=1e-9)
            assert line["odds_ratio"] == pytest.approx(theirs.oddsratio_pooled, rel=1e-10)
            low, high = theirs.oddsratio_pooled_confint()
            assert line["odds_ratio_low"] == pytest.approx(low, rel=1e-9)
            assert line["odds_ratio_high"] == pytest.approx(high, rel=1e-9)
            equal = theirs.test_equal_odds(adjust=True)
            assert line["homogeneity_p_value"] == pytest.approx(equal.pvalue, rel=1e-8)


def test_several_groups_are_compared_as_by_mantelhaen_test_of_r():
    """tests/oracles/weighted_cmh.R: mantelhaen.test (R 4.2.2) of the same cases."""
    lines = {
        test: first_rows(
            oms.recompute(
                sample(), breakdowns=[Gender(), Supervision(), Tier()],
                inference=oms.Inference(test=test),
            )
        )
        for test in ("cmh", "cmh-cc")
    }  # fmt: skip
    rows = oracle("weighted_cmh.csv")
    assert len(rows) == 3 * len(QUESTIONS)
    for row in rows:
        key = "all", row["breakdown"], row["question"]
        plain, corrected = lines["cmh"][key], lines["cmh-cc"][key]
        assert plain["statistic"] == pytest.approx(float(row["statistic"]), rel=1e-10)
        assert plain["p_value"] == pytest.approx(float(row["p_value"]), rel=1e-10)
        assert plain["df"] == int(row["df"])
        assert corrected["statistic"] == pytest.approx(float(row["corrected"]), rel=1e-10)
        assert corrected["p_value"] == pytest.approx(float(row["corrected_p"]), rel=1e-10)
        assert (plain["method"], corrected["method"]) == (
            "cmh", "cmh" if row["breakdown"] == "tier" else "cmh-cc",
        )  # fmt: skip


def test_a_single_unit_is_pearsons_with_one_case_less():
    cases = read(data(), 3)
    within = oms.recompute(
        cases, by="unit", breakdowns=[Gender(), Tier()], inference=oms.Inference(test="cmh")
    )
    pearson = first_rows(oms.recompute(cases, by="unit", breakdowns=[Gender(), Tier()]))
    answers: dict[Any, int] = {}
    for line in within.table.to_pylist():
        key = line["unit"], line["breakdown"], line["question"]
        answers[key] = answers.get(key, 0) + line["n"]
    compared = 0
    for key, line in first_rows(within).items():
        if key[0] == "all" or line["statistic"] is None:
            continue
        expected = pearson[key]["statistic"] * (answers[key] - 1) / answers[key]
        assert line["statistic"] == pytest.approx(expected, rel=1e-10)
        assert line["df"] == pearson[key]["df"]
        assert line["homogeneity_p_value"] is None
        compared += 1
    assert compared > 15


def test_groups_that_never_meet_in_a_unit_are_not_compared():
    """Everyone of one unit is of one group, so that a difference may be the unit's."""
    columns = {
        "case_id": list(range(12)),
        "unit": ["A"] * 6 + ["B"] * 6,
        "supervision": ["community"] * 12,
        "gender": ["f"] * 6 + ["m"] * 6,
        "harm": ["high", "not high"] * 6,
        "tier": ["1"] * 12,
        "q0": [True] * 6 + [False] * 6,
    }
    cases = read(columns, 1)
    assert (
        first_rows(oms.recompute(cases, breakdowns=[Gender()]))["all", "gender", "q0"]["stars"]
        == "***"
    )
    within = first_rows(
        oms.recompute(
            cases, by="unit", breakdowns=[Gender(), Harm()], inference=oms.Inference(test="cmh")
        )
    )
    apart = "no unit in which both groups and both answers occur"
    for key in (("all", "gender", "q0"), ("all", "harm", "q0")):
        line = within[key]
        assert (line["p_value"], line["stars"], line["reason"]) == (None, None, apart)
    assert within["A", "gender", "q0"]["reason"] == "no second group to compare with"
    assert within["A", "harm", "q0"]["reason"] == "every answer is the same"
    assert within["A", "harm", "q0"]["stars"] == "--"


def test_counts_by_unit_will_do_and_others_will_not():
    cases = read(data(), 3)
    chosen = oms.Inference(test="cmh", effects=BOTH)
    direct = oms.recompute(cases, breakdowns=TWO, inference=chosen)
    by_unit = oms.tally(cases, by="unit", breakdowns=TWO)
    assert oms.recompute(by_unit, inference=chosen).table.equals(direct.table)
    assert (
        oms.recompute(by_unit, by="unit", inference=chosen)
        .unit("all")
        .table.drop_columns("unit")
        .equals(direct.table.drop_columns("unit"))
    )
    with pytest.raises(oms.UsageError, match='tally\\(cases, by="unit"\\)'):
        oms.recompute(oms.tally(cases, breakdowns=TWO), inference=chosen)
    with pytest.raises(oms.UsageError, match="counts by unit"):
        oms.Findings.from_counts(
            [[1, 2]], [[4, 5]], questions=["q"], groups=["a", "b"], inference=chosen
        )


def test_regrouped_cases_are_compared_within_their_new_units():
    columns = data()
    cases = read(columns, 3)
    merged = cases.regroup({"U0": "east", "U1": "east", "U2": "west", "U3": "west"})
    chosen = oms.Inference(test="cmh")
    line = first_rows(oms.recompute(merged, breakdowns=[Gender()], inference=chosen))
    for q in ("q0", "q1", "q2"):
        a, b, c, d = (np.array(s) for s in strata(columns, Gender(), q, "all"))
        of = oms.stats.stratified(*np.array([a + b, c + d]).T)
        assert line["all", "gender", q]["statistic"] == pytest.approx(float(of.statistic))


def test_risk_ratios_within_units_are_refused_and_one_group_is_compared_with_nothing():
    with pytest.raises(oms.UsageError, match="common odds ratio"):
        oms.Inference(test="cmh", effects=["risk_ratio"])
    chosen = oms.Inference(test="cmh", effects=BOTH)
    for line in oms.recompute(
        read(data(), 3), breakdowns=[OneGroup()], inference=chosen
    ).table.to_pylist():
        assert line["p_value"] is line["difference"] is line["homogeneity_p_value"] is None


@pytest.mark.parametrize("weighted", [False, True])
def test_no_interval_of_a_difference_is_without_width(weighted):
    """Small units, in many of which a group's answers are all alike, or everybody's."""
    cases = read(random_frame(3, 24, 3, 3, unknown=0.3), 3)
    asked: Any = {"test": "rao-scott-f", "interval": "logit"} if weighted else {"test": "cmh"}
    found = oms.recompute(
        cases,
        by="unit",
        breakdowns=TWO,
        inference=oms.Inference(effects=["difference"], **asked),
        **({"weight": [1.0] * len(cases)} if weighted else {}),
    )
    known = alike = 0
    for line in found.table.to_pylist():
        low, high = line["difference_low"], line["difference_high"]
        assert (low is None) == (high is None)
        if low is not None:
            assert low < high
            known += 1
        if line["reason"] == "every answer is the same":
            # None where no unit has both groups.
            assert line["difference"] is None or abs(line["difference"]) < 1e-12
            assert low is None
            alike += 1
    assert known > 5
    assert alike > 5
