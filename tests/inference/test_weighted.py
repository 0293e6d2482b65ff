"""Findings of weighted and clustered cases against R's survey package.

tests/oracles/weighted.R (R 4.2.2, survey 4.1.1) computed the numbers from the same cases: svymean
and svyciprop(method="logit", df=degf) of the answers of a group, svychisq of a breakdown and a
question, svycontrast (the delta method) of differences and ratios with the degrees of freedom of
the answers compared.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.factories import Gender, Harm, Tier, oracle
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

import omistats as oms

SHARES = oracle("weighted_shares.csv")
TESTS = oracle("weighted_tests.csv")
NAMES = [design["design"] for design in DESIGNS]
# R's name of a statistic, and ours.
STATISTICS = {
    "F": "rao-scott-f",
    "Chisq": "rao-scott-chi-square",
    "adjWald": "adjusted-wald",
    "Wald": "wald-f",
}
EFFECTS = ("difference", "risk_ratio", "odds_ratio")
Key = tuple[Any, ...]


@cache
def found(
    design: str, test: str = "rao-scott-f", interval: str = "logit", complement: Any = "all"
) -> dict[Key, dict[str, Any]]:
    chosen = next(d for d in DESIGNS if d["design"] == design)
    findings = oms.recompute(
        sample(),
        by="unit",
        breakdowns=SPLITS,
        inference=oms.Inference(
            test=test, interval=interval, complement=complement, effects=EFFECTS
        ),
        **options(chosen),
    )
    keys = ("unit", "breakdown", "question", "group")
    return {tuple(line[c] for c in keys): line for line in findings.table.to_pylist()}


def close(value: float | None, expected: str, what: object, floor: float = 0.0) -> None:
    if not expected:
        assert value is None, what
    else:
        assert value == pytest.approx(float(expected), rel=1e-9, abs=floor), what


def test_the_oracle_covers_what_can_happen():
    assert {row["design"] for row in SHARES} == {row["design"] for row in TESTS} == set(NAMES)
    assert {row["domain"] for row in TESTS} == {"all", "north", "east"}
    assert len(TESTS) == len(NAMES) * 3 * 5 * len(QUESTIONS)
    # Answers all alike, from which there are no logit limits; a weight for every case.
    assert any(float(row["estimate"]) in (0, 1) for row in SHARES)
    table = oracle("weighted_cases.csv")
    assert all(line["synthetic"] == "simulated" for line in table)
    for name in ("supervision", "gender", "harm", "tier", "q1"):
        assert any(not line[name] for line in table)


@pytest.mark.parametrize("design", NAMES)
def test_percentages_and_limits_are_those_of_r(design):
    logit, wald = found(design), found(design, interval="wald")
    checked = set()
    for row in SHARES:
        if row["design"] != design:
            continue
        key = row["domain"], row["breakdown"], row["question"], row["group"]
        line = logit[key]
        checked.add(key)
        assert (line["k"], line["n"]) == (int(row["k"]), int(row["n"]))
        assert line["percent"] == pytest.approx(100 * float(row["estimate"]), rel=1e-12)
        assert line["se"] == pytest.approx(100 * float(row["se"]), rel=1e-9, abs=1e-9)
        for end in ("low", "high"):
            if row["logit_low"]:
                close(scaled(line[end]), row[f"logit_{end}"], row)
                assert line["interval_method"] == "logit-t"
            elif line[end] is not None:
                # There is no logit at 0 and 1.
                assert float(row["estimate"]) in (0, 1)
                assert line["interval_method"] == "wilson-effective"
            close(scaled(wald[key][end]), row[end], row, floor=1e-12)
    # Nothing that has answers is left out.
    assert checked == {
        key for key, line in logit.items() if key[0] in ("all", "north", "east") and line["n"] > 0
    }


def scaled(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("design", NAMES)
def test_tests_are_those_of_svychisq(design, statistic):
    for row in TESTS:
        if row["design"] != design:
            continue
        known = row["breakdown"] == "harm_known"
        lines = found(design, STATISTICS[statistic], complement="known" if known else "all")
        breakdown = "harm" if known else row["breakdown"]
        at = row["domain"], breakdown, row["question"]
        for line in (line for key, line in lines.items() if key[:3] == at):
            close(line["statistic"], row[statistic], row)
            close(line["p_value"], row[f"{statistic}_p"], row)
            close(line["df"], row[f"{statistic}_df"] if row[statistic] else "", row)
            if statistic == "Chisq":
                assert line["df2"] is None
            else:
                close(line["df2"], row[f"{statistic}_df2"] if row[statistic] else "", row)
            if row[statistic]:
                assert line["method"] == STATISTICS[statistic]


@pytest.mark.parametrize("design", NAMES)
def test_effects_are_contrasts_of_r(design):
    checked = unknown = 0
    for row in TESTS:
        if row["design"] != design:
            continue
        known = row["breakdown"] == "harm_known"
        lines = found(design, complement="known" if known else "all")
        breakdown = "harm" if known else row["breakdown"]
        for key, line in lines.items():
            if key[:3] != (row["domain"], breakdown, row["question"]):
                continue
            for effect in EFFECTS:
                scale = 100 if effect == "difference" else 1
                if not row[effect]:
                    # R gives none where a group's answers are all alike: its logarithms have no
                    # standard error. A ratio may still have an estimate.
                    assert breakdown == "tier" or line[f"{effect}_low"] is None
                    continue
                for end in ("", "_low", "_high"):
                    if end and line[effect + end] is None:
                        # R's limits are those of the other group alone, or of nothing.
                        group = [v["percent"] for k, v in lines.items() if k[:3] == key[:3]]
                        assert effect == "difference"
                        assert any(percent in (0.0, 100.0) for percent in group)
                        unknown += 1
                        continue
                    limit = float(row[effect + end]) * scale
                    if effect == "difference":
                        limit = max(-100.0, min(limit, 100.0))
                    assert line[effect + end] == pytest.approx(limit, rel=1e-9, abs=1e-10), row
                    checked += 1
    assert checked > 500
    assert unknown < checked / 20


def test_chi_square_and_f_rest_on_one_design_effect():
    """The statistic of F is Pearson's over the sum of the design effects."""
    f, chi = found("clusters"), found("clusters", "rao-scott-chi-square")
    for key, line in f.items():
        if line["statistic"] is None:
            continue
        groups = len(next(s for s in SPLITS if s.key == key[1]).groups)
        assert line["design_effect"] == pytest.approx(chi[key]["design_effect"], rel=1e-12)
        pearson = line["statistic"] * line["design_effect"] * chi[key]["df"]
        assert pearson == pytest.approx(chi[key]["statistic"], rel=1e-12)
        assert chi[key]["df"] <= groups - 1


def test_rows_say_what_was_done():
    usual = oms.recompute(sample(), breakdowns=SPLITS, weight="weight")
    table = usual.table
    assert usual.inference == oms.Inference(test="effective", interval="effective")
    assert set(table["method"].to_pylist()) <= {"effective", None}
    assert set(table["interval_method"].to_pylist()) <= {"wilson-effective", None}
    # Counts are of answers, whatever they weigh; so is what is expected of them.
    plain = oms.recompute(sample(), breakdowns=SPLITS)
    for name in ("k", "n", "expected"):
        assert table[name].equals(plain.table[name])
    assert not table["percent"].equals(plain.table["percent"])
    for name in ("se", "df2", "design_effect"):
        assert name in table.column_names
        assert name not in plain.table.column_names


def test_counts_are_also_of_cases_that_weigh_nothing():
    cases = sample()
    weight = np.arange(len(cases)) % 3
    plain = oms.recompute(cases, breakdowns=SPLITS)
    asked = oms.Inference(
        test="rao-scott-f", interval="logit", small_numbers=oms.SmallNumbers(suppress_below=20)
    )
    weighted = oms.recompute(cases, breakdowns=SPLITS, weight=weight, inference=asked)
    assert weighted.table["n"].equals(plain.table["n"])
    for row in weighted.table.to_pylist():
        assert (row["reliability"] == "suppressed") == (0 < row["n"] < 20)
    scored, usual = (oms.scores(cases, weight=w).table for w in (weight, None))
    for name in ("k", "n"):
        assert scored[name].equals(usual[name])


def test_printed_is_the_weighted_percentage_rounded_half_up():
    for line in found("weights").values():
        if line["n"]:
            assert line["printed"] == int(line["percent"] + 0.5)


def test_arrays_are_as_good_as_columns():
    cases = sample()
    by_name = oms.recompute(
        cases, by="unit", breakdowns=SPLITS,
        weight="weight", stratum="region", cluster="team", population="teams_there",
    )  # fmt: skip
    given = oms.recompute(
        cases, by="unit", breakdowns=SPLITS,
        weight=[3 * w for w in cases["weight"].to_pylist()],
        stratum=cases["region"].to_pylist(),
        cluster=cases["team"].to_pylist(),
        population={"coast": 19, "hills": 15, "plain": 12},
    )  # fmt: skip
    alike(by_name.table, given.table)


DESIGN = {"weight": "weight", "stratum": "region", "cluster": "team", "population": "teams_there"}


def computed(data: dict[str, list[Any]], **more: Any) -> Any:
    cases = oms.CaseSet.from_data(data, framework=framework(), units=["east", "north", "south"])
    chosen = oms.Inference(test="rao-scott-f", interval="logit", effects=EFFECTS, adjust="holm")
    return oms.recompute(
        cases, by="unit", breakdowns=SPLITS, inference=chosen, **{**DESIGN, **more}
    ).table


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_cases_does_not_matter(seed):
    data = columns()
    order = np.random.default_rng(seed).permutation(len(data["case_id"])).tolist()
    mixed = {name: [values[i] for i in order] for name, values in data.items()}
    alike(computed(mixed), computed(data))


@settings(max_examples=12)
@given(factor=st.floats(1e-6, 1e6), seed=st.integers(0, 2**32 - 1))
def test_only_proportions_of_weights_matter(factor, seed):
    data = columns()
    weight = np.random.default_rng(seed).uniform(0.1, 5, len(data["case_id"]))
    usual = computed(data, weight=weight)
    alike(computed(data, weight=weight * factor), usual)


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1))
def test_cases_of_weight_nothing_are_cases_without_answers(seed):
    """They stay in the sample, and give no degrees of freedom either."""
    data = columns()
    none = np.random.default_rng(seed).random(len(data["case_id"])) < 0.3
    silent = dict(data)
    for q in QUESTIONS:
        silent[q] = [None if w else v for w, v in zip(none.tolist(), data[q], strict=True)]
    weight = np.where(none, 0.0, data["weight"])
    # Counts are of answers, whatever they weigh, and a reason tells which of the two it was.
    leave = ("k", "n", "expected", "reliability", "reason")
    alike(computed(data, weight=weight), computed(silent, weight=data["weight"]), leave=leave)


def test_answers_that_weigh_nothing_give_no_percentage():
    data = columns()
    weight = [0.0 if g == "f" else 1.0 for g in data["gender"]]
    table = computed(data, weight=weight, population=None)
    rows = [r for r in table.to_pylist() if r["breakdown"] == "gender" and r["unit"] == "all"]
    for row in rows:
        assert row["n"] > 0
        assert row["p_value"] is row["stars"] is row["difference"] is None
        if row["group"] == "f":
            assert row["percent"] is row["printed"] is row["low"] is row["se"] is None
            assert row["reason"] == "no case with a weight above 0"
        else:
            assert row["printed"] is not None
            assert row["reason"] == "no second group to compare with"


def test_a_group_without_weight_says_so_and_leaves_the_comparison_to_the_others():
    data = columns()
    weight = [0.0 if t == "1" else 1.0 for t in data["tier"]]
    cases = oms.CaseSet.from_data(data, framework=framework())
    found = oms.recompute(cases, breakdowns=[Tier()], weight=weight, stratum=None)
    for row in found.table.to_pylist():
        if row["group"] == "1":
            assert row["n"] > 0
            assert row["percent"] is row["low"] is row["effective_n"] is row["kish_n"] is None
            assert row["reason"] == "no case with a weight above 0"
        else:
            assert row["reason"] is None
            assert row["p_value"] is not None
    assert found.comparisons()["reason"].null_count == len(QUESTIONS)
    none = oms.recompute(
        cases, breakdowns=[Tier()], weight=[float(t is None) for t in data["tier"]], stratum=None
    )
    assert set(none.table["reason"].to_pylist()) == {"no case with a weight above 0"}
    assert none.comparisons().num_rows == len(QUESTIONS)


@pytest.mark.parametrize("test", ["effective", "rao-scott-f"])
def test_percentages_of_0_and_100_have_intervals(test):
    data = columns()
    data["q0"] = [
        v if v is None or t not in ("1", "2") else t == "1"
        for v, t in zip(data["q0"], data["tier"], strict=True)
    ]
    seen = set()
    for interval in ("effective", "logit", "wald"):
        asked = oms.Inference(test=test, interval=interval)
        cases = oms.CaseSet.from_data(data, framework=framework())
        found = oms.recompute(
            cases, breakdowns=[Tier()], questions=["q0"], weight="weight", cluster="team",
            stratum="region", inference=asked,
        )  # fmt: skip
        for row in found.table.to_pylist():
            bound = row["percent"] in (0.0, 100.0)
            seen.add((row["percent"], interval) if bound else interval)
            usual = "wilson-effective" if interval == "effective" else f"{interval}-t"
            replaced = bound and interval == "logit"
            assert row["interval_method"] == ("wilson-effective" if replaced else usual)
            assert row["reason"] is None
            if bound and interval != "wald":
                # Clusters count as one answer each, at most.
                assert row["effective_n"] <= 33
                end = row["low"] if row["percent"] else 100 - row["high"]
                t2 = 2.04**2
                assert 100 - end == pytest.approx(100 * t2 / (row["effective_n"] + t2), rel=0.1)
                assert {row["low"], row["high"]} & {0.0, 100.0} == {row["percent"]}
    assert {(0.0, "logit"), (100.0, "logit"), (0.0, "effective"), "logit"} <= seen


def test_comparisons_of_few_effective_cases_are_marked():
    cases = sample()
    rng = np.random.default_rng(20110512)
    heavy = np.exp(0.8 * rng.standard_normal(len(cases)))
    usual = {
        name: oms.recompute(cases, breakdowns=SPLITS, stratum=None, weight=weight)
        for name, weight in (("heavy", heavy), ("equal", np.ones(len(cases))))
    }
    word = "few effective cases"
    assert word not in set(usual["equal"].table["reliability"].to_pylist())
    marked = usual["heavy"].table.to_pylist()
    by_comparison: dict[Key, list[dict[str, Any]]] = {}
    for row in marked:
        by_comparison.setdefault((row["breakdown"], row["question"]), []).append(row)
    seen = set()
    for (breakdown, _), rows in by_comparison.items():
        if breakdown == "harm":  # its second group has no row
            continue
        size = min(row["kish_n"] for row in rows)
        for row in rows:
            seen.add(row["reliability"])
            if size < 30:
                assert row["reliability"] == word
            assert row["kish_n"] < row["n"]
            assert row["effective_n"] <= row["kish_n"] * (1 + 1e-12)
    assert seen == {word, "ok"}
    off = oms.Inference(
        test="effective", interval="effective", small_numbers=oms.SmallNumbers(flag_effective=None)
    )
    found = oms.recompute(cases, breakdowns=SPLITS, stratum=None, weight=heavy, inference=off)
    assert word not in set(found.table["reliability"].to_pylist())


def test_one_huge_weight_decides_nothing():
    cases = sample()
    genders = cases["gender"].to_pylist()
    heavy = genders.index("f")
    weight = np.ones(len(cases))
    weight[heavy] = 1e6
    found = oms.recompute(cases, breakdowns=[Gender()], stratum=None, weight=weight)
    for row in found.table.to_pylist():
        answered = cases[row["question"]].to_pylist()[heavy] is not None
        if not answered:
            continue
        assert row["reliability"] == "few effective cases"
        assert row["p_value"] > 0.05
        if row["group"] == "f":
            assert row["kish_n"] == pytest.approx(1.0, abs=0.01)
            assert row["high"] - row["low"] > 90


@pytest.mark.parametrize("interval", ["effective", "logit"])
def test_a_group_of_one_cluster_is_not_tested(interval):
    data = columns()
    team = [t if g != "f" else "alone" for t, g in zip(data["team"], data["gender"], strict=True)]
    cases = oms.CaseSet.from_data(data, framework=framework())
    asked = oms.Inference(test="effective", interval=interval)
    found = oms.recompute(cases, breakdowns=[Gender()], stratum=None, cluster=team, inference=asked)
    for row in found.table.to_pylist():
        assert row["p_value"] is row["stars"] is None
        assert row["reason"] == "a group of one cluster: its spread is not known"
        assert (row["low"] is None) == (row["group"] == "f")


def test_differences_have_the_limits_that_the_test_inverts_to():
    asked = oms.Inference(test="effective", effects="difference", interval="effective")
    cases = sample()
    found = oms.recompute(
        cases, by="unit", breakdowns=[Gender(), Harm()], inference=asked, weight="weight"
    )
    checked = 0
    for row in found.table.to_pylist():
        if row["p_value"] is None:
            continue
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]
        assert (row["difference_low"] <= 0 <= row["difference_high"]) == (row["p_value"] > 0.05)
        checked += 1
    assert checked > 40


@pytest.mark.parametrize(
    ("theirs", "ours"), [("certainty", "remove"), ("fail", "error"), ("average", "average")]
)
def test_lonely_takes_the_names_of_r(theirs, ours):
    data = columns()
    asked = {"stratum": "alone_region", "cluster": "alone_team", "population": None}
    if ours == "error":
        with pytest.raises(oms.DataError, match="one in 'alone'"):
            computed(data, lonely=theirs, **asked)
        return
    alike(computed(data, lonely=theirs, **asked), computed(data, lonely=ours, **asked))
    removed = computed(data, lonely="remove", **asked)
    se = [
        np.array(t["se"].to_pylist(), float)
        for t in (computed(data, lonely=ours, **asked), removed)
    ]
    if ours == "average":
        assert np.nanmax(se[0] / np.where(se[1] > 0, se[1], np.nan)) > 1.05


def test_equal_weights_without_strata_are_plain_findings_but_for_one_case():
    """N cases drawn one by one have a design effect of N / (N - 1), whatever is compared."""
    data = columns()
    ones = computed(data, weight=None, cluster=None, stratum=None, population=None)
    cases = oms.CaseSet.from_data(data, framework=framework(), units=["east", "north", "south"])
    plain = oms.recompute(cases, by="unit", breakdowns=SPLITS).table
    same = ["k", "n", "percent", "printed"]
    alike(ones.select(same), plain.select(same))
    drawn, checked = len(data["case_id"]), 0
    pearson = {}
    empty = set()
    for row in plain.to_pylist():
        key = row["unit"], row["breakdown"], row["question"]
        pearson[key] = row["statistic"]
        if row["k"] in (0, row["n"]):
            empty.add(key)
    for row in ones.to_pylist():
        key = row["unit"], row["breakdown"], row["question"]
        # A cell without answers has no variance of its own; R's convention for it is another.
        if key in empty or row["p_value"] is None:
            continue
        assert row["design_effect"] == pytest.approx(drawn / (drawn - 1), rel=1e-10)
        groups = len(next(s for s in SPLITS if s.key == key[1]).groups)
        expected = pearson[key] * (drawn - 1) / drawn / (groups - 1)
        assert row["statistic"] == pytest.approx(expected, rel=1e-9, abs=1e-12)
        checked += 1
    assert checked > 100


def test_a_stratum_of_one_cluster_left_open_leaves_open_what_rests_on_it():
    data = columns()
    asked = {"stratum": "alone_region", "cluster": "alone_team", "population": None}
    table = computed(data, lonely="null", **asked)
    removed = computed(data, lonely="remove", **asked)
    alone = [i for i, r in enumerate(data["alone_region"]) if r == "alone"]
    touched = {(q, data["gender"][i]) for q in QUESTIONS for i in alone if data[q][i] is not None}
    seen = set()
    for row, other in zip(table.to_pylist(), removed.to_pylist(), strict=True):
        if row["unit"] != "all" or row["breakdown"] != "gender":
            continue
        assert row["percent"] == other["percent"]
        lost = (row["question"], row["group"]) in touched
        any_lost = any((row["question"], g) in touched for g in "fm")
        assert (row["se"] is None) == lost
        assert (row["p_value"] is None) == any_lost
        if any_lost:
            assert row["reason"] == "a stratum of one cluster"
            assert row["stars"] is None
        else:
            assert row["p_value"] == pytest.approx(other["p_value"], rel=1e-12)
        seen.add(any_lost)
    assert True in seen
    with pytest.raises(oms.DataError, match="one in 'alone'"):
        computed(data, **asked)
