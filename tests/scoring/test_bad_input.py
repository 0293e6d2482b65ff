"""Bad input to scores: an error with the next step, or a null with its reason."""

from __future__ import annotations

import re
from typing import Any

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.scoring.programme import (
    BREAKDOWNS,
    FRAMEWORK,
    SIZES,
    STRATA,
    WALD,
    Harm,
    case_set,
    feeds,
    framework,
    read,
)

import omistats as oms
from omistats import DataError, UnknownNameError, UsageError

BLANK: dict[str, Any] = dict.fromkeys((*STRATA, *FRAMEWORK.question_ids))
FIGURES = ("percent", "se", "low", "high", "design_effect", "interval_method")
TESTS = ("difference_low", "difference_high", "statistic", "df", "df2", "p_value", "method")


def row(case: int, unit: str = "north", **answers: Any) -> dict[str, Any]:
    return {**BLANK, "case_id": str(case), "unit": unit, **answers}


def alone() -> list[dict[str, Any]]:
    return [r for r in read() if r["unit"] != "isle" or r["case_id"] == "s026"]


def of(rows: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = oms.scores(case_set(rows), **options).table.to_pylist()
    return found


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"items": ["1.1", "saftey"]}, UnknownNameError, "unknown item 'saftey'; did you mean"),
        ({"items": []}, UsageError, "`items` names none; leave it out"),
        ({"items": "2.3"}, UsageError, "no question feeds 2.3; leave the item out"),
        ({"rule": "pool"}, UnknownNameError, "unknown scoring rule 'pool'; did you mean 'pooled'"),
        (
            {"interval": "wilson"},
            UnknownNameError,
            "unknown interval 'wilson'; choose from effective",
        ),
        (
            {"test": "fisher"},
            UsageError,
            "by 'effective', 'wald' or 'permutation'; found 'fisher'. For tests",
        ),
        (
            {"interval": "effective", "rule": "cases"},
            UsageError,
            "pooled scores; found rule='cases'",
        ),
        (
            {"test": "effective", "rule": "cases"},
            UsageError,
            "`test='effective'` needs pooled scores",
        ),
        ({"df": 12}, UsageError, "`df` must be None or 'design'; found 12"),
        (
            {"lonely": "ignore"},
            UnknownNameError,
            r"single-PSU strata \(`lonely`\) 'ignore'; choose from error, remove",
        ),
        (
            {"lonely": "nan"},
            UnknownNameError,
            "choose from error, remove, adjust, average, null, fail, cert",
        ),
        ({"lonely": "ajust"}, UnknownNameError, "did you mean 'adjust'"),
        ({"complement": "rest"}, UnknownNameError, "complement 'rest'; choose from all, known"),
        ({"by": "region"}, UsageError, "`by` must be None or 'unit'; found 'region'"),
        ({"confidence": 95}, UsageError, "confidence"),
        ({"breakdowns": ["gendre"]}, UnknownNameError, "did you mean 'gender'"),
        ({"breakdowns": [3]}, UsageError, "expected a Breakdown; found 3"),
        ({"breakdowns": ["gender", "gender"]}, DataError, "more than once: 'gender'"),
    ],
)
def test_unknown_options_are_raised(options, error, message):
    with pytest.raises(error, match=message):
        oms.scores(case_set(read()), **options)


def test_the_first_bad_option_is_raised():
    wrong = {"breakdowns": ["gendre"], "items": ["saftey"], "rule": "pool", "confidence": 95}
    with pytest.raises(UnknownNameError, match="did you mean 'gender'") as caught:
        oms.scores(case_set(read()), **wrong)
    assert caught.value.names == ("gendre",)
    with pytest.raises(UsageError, match="framework="):
        oms.scores({"case_id": [1]}, rule="pool", items=["1"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"items": 5}, "`items` must be a list of ids of items; found 5"),
        ({"items": [["1"]]}, r"unknown item \['1'\]"),
        ({"breakdowns": 5}, "`breakdowns` must be a list of breakdowns or their names; found 5"),
        ({"rule": np.array(["pooled"])}, "scoring rule must be one of 'pooled'.*; found array"),
        ({"rule": ["pooled"]}, r"the scoring rule must be one of .*; found \['pooled'\]"),
        (
            {"complement": np.array(["all", "known"])},
            "the complement must be one of 'all', 'known'",
        ),
        ({"interval": np.array(["wald", "logit"])}, "the interval must be one of .*; found array"),
        (
            {"test": np.array(["wald"])},
            "compared by 'effective', 'wald' or 'permutation'; found array",
        ),
        ({"lonely": None}, "single-PSU strata .* must be one of .*; found None"),
        ({"df": np.array(["design"])}, "`df` must be None or 'design'; found array"),
        ({"by": ["unit"]}, r"`by` must be None or 'unit'; found \['unit'\]"),
        ({"framework": 5}, "`framework` must be a Framework; found 5"),
    ],
)
def test_options_of_a_wrong_type_are_raised(options, message):
    with pytest.raises(UsageError, match=message) as caught:
        oms.scores(case_set(read()), **options)
    assert "did you mean" not in str(caught.value) or "items" in options


def test_breakdowns_none_is_the_default():
    plain = oms.scores(case_set(read())).table
    assert oms.scores(case_set(read()), breakdowns=None).table.equals(plain)


@pytest.mark.parametrize("call", [oms.recompute, oms.tally])
def test_counts_raise_options_of_a_wrong_type(call):
    cases = oms.omi2.load_synthetic()
    for name, value in (("breakdowns", 5), ("questions", 5)):
        with pytest.raises(UsageError, match=f"`{name}` must be a list of .*; found 5"):
            call(cases, **{name: value})
    with pytest.raises(UnknownNameError, match=r"unknown question \['induction'\]"):
        call(cases, questions=[["induction"]])
    with pytest.raises(UsageError, match=r"`by` must be None or 'unit'; found array"):
        call(cases, by=np.array(["unit", "unit"]))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "scores need cases; found None. Pass a CaseSet"),
        (
            oms.tally(oms.omi2.load_synthetic()),
            "found a Tally, which does not record which answers",
        ),
        ({"case_id": [1]}, "expected a CaseSet; found dict, .* Pass framework="),
    ],
)
def test_sources_without_cases_are_raised(source, message):
    with pytest.raises(UsageError, match=message):
        oms.scores(source)


def test_all_unknown_items_at_once():
    with pytest.raises(UnknownNameError) as caught:
        oms.scores(case_set(read()), items=["4", "9.9"])
    assert caught.value.names == ("4", "9.9")


@pytest.mark.parametrize("changes", [{"items": ()}, {}])
def test_a_framework_whose_questions_feed_nothing(changes):
    questions = [oms.Question("q", "Q")]
    plain = framework(questions=questions, strata=(), breakdowns=(), **changes)
    data = {"case_id": [1, 2], "unit": ["A", "A"], "q": [True, False]}
    with pytest.raises(UsageError, match=r"'made up' feeds a criterion.*give its questions"):
        oms.scores(data, framework=plain)


def test_cases_without_a_framework():
    with pytest.raises(UsageError, match="framework"):
        oms.scores({"case_id": [1], "unit": ["A"]})


def test_a_label_outside_the_groups():
    class Late(oms.Breakdown):
        key = "plan"
        groups = ("early", "late")

    with pytest.raises(DataError, match=r"breakdown 'plan'.*labels 'never'"):
        oms.scores(case_set(read()), breakdowns=[Late()])


@pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
def test_a_score_without_applicable_answers_in_a_unit(rule):
    rows = [
        {**r, **(dict.fromkeys(feeds("safety")) if r["unit"] == "east" else {})} for r in read()
    ]
    for line in of(rows, by="unit", breakdowns=BREAKDOWNS, items="safety", rule=rule):
        if line["unit"] == "east":
            assert (line["k"], line["n"]) == (0, 0)
            assert [line[name] for name in (*FIGURES, *TESTS, "stars", "difference")] == [None] * 15
            assert line["reason"] == "no applicable answers"
        elif line["breakdown"] is None:
            assert line["percent"] is not None


@pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
def test_no_cases_at_all(rule):
    lines = of([], by="unit", breakdowns=BREAKDOWNS, rule=rule, lonely="error")
    assert len(lines) == 7 * 8 * (1 + 2 + 3 + 2)
    assert {line["reason"] for line in lines} == {"no applicable answers"}
    empty = {"case_id": [], "unit": []} | {name: [] for name in BLANK}
    whole = oms.scores(empty, framework=FRAMEWORK, by="unit", rule=rule).table.to_pylist()
    assert [line["unit"] for line in whole] == ["all"] * 8


def test_a_unit_of_one_case_is_named_in_the_error():
    for options in (WALD, {"interval": "logit"}, {"test": "wald", "by": "unit"}, {"rule": "cases"}):
        with pytest.raises(
            DataError, match=r"one in 'isle' \(case 's026'\).*regroup.*lonely='null'"
        ):
            oms.scores(case_set(alone()), **options)


def test_by_default_a_unit_of_one_case_lacks_only_its_own_interval():
    lines = of(alone(), by="unit", breakdowns=["gender"], items="1")
    whole = {line["unit"]: line for line in lines if line["group"] is None}
    own = whole["isle"]
    assert own["percent"] is not None
    assert own["se"] is own["low"] is own["high"] is own["interval_method"] is None
    assert own["reason"] == "one case only: spread between cases unknown"
    assert (own["reliability"], own["cases"]) == ("one case only", 1)
    every = whole["all"]
    assert every["low"] < every["percent"] < every["high"]
    assert (every["reason"], every["reliability"]) == (None, "ok")
    # A standard error needs the spread within every unit.
    assert every["se"] is None
    tested = [line for line in lines if line["unit"] == "all" and line["group"] is not None]
    assert [line["p_value"] is None for line in tested] == [False, False]
    for lonely in ("error", "null"):
        assert of(alone(), by="unit", breakdowns=["gender"], items="1", lonely=lonely) == lines


@pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
def test_a_unit_of_one_case_under_each_treatment(rule):
    found = {}
    for lonely in ("null", "remove", "adjust"):
        for line in of(alone(), by="unit", rule=rule, lonely=lonely, items="1", **WALD):
            found[lonely, line["unit"]] = line
    for lonely in ("remove", "adjust"):
        # A single case equals its mean: a standard error of 0 would be false certainty.
        assert found[lonely, "isle"]["se"] is None
        assert found[lonely, "isle"]["reason"] == "a unit of one case"
    assert found["remove", "all"]["se"] < found["adjust", "all"]["se"]
    for unit in ("isle", "all"):
        line = found["null", unit]
        assert line["percent"] == found["remove", unit]["percent"]
        assert line["se"] is line["low"] is line["high"] is None
        assert line["reason"] == "a unit of one case"
    # Other units do not depend on it.
    assert found["null", "north"] == found["remove", "north"] == found["adjust", "north"]


def test_a_unit_of_one_case_has_no_degrees_of_freedom():
    for line in of(alone(), by="unit", lonely="remove", df="design", items="1", **WALD):
        if line["unit"] == "isle":
            assert line["se"] is line["low"] is line["high"] is line["design_effect"] is None
            assert line["reason"] == "a unit of one case"
        else:
            assert line["low"] < line["percent"] < line["high"]


def test_without_degrees_of_freedom_there_are_no_intervals_and_no_tests():
    """One case in each unit leaves no degrees of freedom."""
    rows = [
        row(i, unit, gender="fm"[i % 2], a1=i > 1, a2=i % 4 == 0) for i, unit in enumerate(SIZES)
    ]
    options: dict[str, Any] = {"lonely": "adjust", "items": "1", "breakdowns": ["gender"]} | WALD
    for line in of(rows, df="design", **options):
        assert line["se"] > 0
        assert line["low"] is line["high"] is line["p_value"] is line["df2"] is None
        assert line["interval_method"] is line["method"] is None
        assert line["reason"] == "no degrees of freedom"
    for line in of(rows, **options):
        assert line["low"] < line["percent"] < line["high"]
        assert line["reason"] is None


def test_a_caseload_of_one_case_has_no_degrees_of_freedom():
    caseloads = {**SIZES, "isle": 1}
    for line in of(alone(), by="unit", df="design", items="1", population=caseloads, **WALD):
        if line["unit"] == "isle":
            assert (line["se"], line["low"], line["reason"]) == (0, None, "no degrees of freedom")
        else:
            assert line["reason"] is None


@pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
def test_scores_of_removed_units_only_have_no_standard_error(rule):
    removed = "only units of one case, which were removed"
    rows = [row(i, unit, gender="fm"[i % 2], a1=i > 1) for i, unit in enumerate(SIZES)]
    for line in of(rows, rule=rule, lonely="remove", items="1", breakdowns=["gender"], **WALD):
        assert line["percent"] is not None
        assert line["se"] is line["low"] is line["design_effect"] is line["p_value"] is None
        assert line["reason"] == removed
    # Here only the unit of the only woman is removed.
    rows = [row(i, "north", gender="m", a1=i > 1) for i in range(5)]
    rows.append(row(9, "isle", gender="f", a1=True))
    lines = of(rows, rule=rule, lonely="remove", items="1", breakdowns=["gender"], **WALD)
    reasons = {line["group"]: (line["se"] is None, line["reason"]) for line in lines}
    assert reasons[None] == (False, None)
    assert reasons["f"] == (True, removed)
    assert reasons["m"] == (False, removed)


@pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
def test_a_group_without_standard_error_is_not_tested(rule):
    lines = of(alone(), breakdowns=["gender"], lonely="null", items="1", rule=rule, **WALD)
    groups = {line["group"]: line for line in lines}
    # The one case is a woman's.
    assert groups["f"]["se"] is None
    assert groups["m"]["se"] > 0
    for group in ("f", "m"):
        assert groups[group]["p_value"] is groups[group]["stars"] is None
        assert groups[group]["difference_low"] is None
        assert groups[group]["difference"] is not None
        assert groups[group]["reason"] == "a unit of one case"


@pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
def test_groups_without_spread_are_not_tested(rule):
    # Every woman has one of two, every man has both.
    rows = [
        row(i, gender="fm"[i % 2], a1=bool(i % 2) or i % 4 == 0, a2=bool(i % 2) or i % 4 != 0)
        for i in range(12)
    ]
    women, men = of(rows, breakdowns=["gender"], items="1.1", rule=rule, **WALD)[1:]
    assert (women["percent"], men["percent"]) == (50.0, 100.0)
    assert women["se"] == men["se"] == 0
    assert women["difference"] == -50.0
    for line in (women, men):
        assert [line[name] for name in ("statistic", "p_value", "stars", "method")] == [None] * 4
        assert line["reason"] == "no spread to test against"
    if rule == "pooled":
        # By default the difference is tested: six cases a group are no certainty.
        women, men = of(rows, breakdowns=["gender"], items="1.1")[1:]
        assert women["difference"] == -50.0
        assert 0.05 < women["p_value"] == men["p_value"] < 0.2
        assert women["difference_low"] < -50 < 0 < women["difference_high"]
        assert (women["method"], women["reason"]) == ("yates-effective", None)


@pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
def test_groups_whose_difference_does_not_vary_are_not_tested(rule):
    # Women do better in the one unit by as much as men do in the other.
    units = {"north": (2, 0), "south": (1, 1)}
    rows = [
        row(2 * j + i, unit, gender="fm"[i], **{f"a{q}": q <= k for q in (1, 2, 3)})
        for j, (unit, counts) in enumerate(units.items())
        for i, k in enumerate(counts)
    ]
    women, men = of(rows, breakdowns=["gender"], items="1.1", rule=rule, **WALD)[1:]
    assert women["se"] == pytest.approx(men["se"])
    assert women["se"] > 10
    for line in (women, men):
        assert line["difference_low"] == line["difference_high"] == line["difference"]
        assert line["p_value"] is line["stars"] is None
        assert line["reason"] == "no spread to test against"


def test_equal_groups_have_the_mark_of_no_difference():
    rows = [row(i, gender="fm"[i % 2], a1=True) for i in range(6)]
    for line in of(rows, breakdowns=["gender"], items="1.1", **WALD)[1:]:
        assert line["p_value"] is None
        assert line["stars"] == "--"
        assert line["reason"] == "no spread to test against"
    for line in of(rows, breakdowns=["gender"], items="1.1")[1:]:
        assert (line["p_value"], line["stars"], line["reason"]) == (1.0, "--", None)


def test_a_group_without_a_second_is_not_tested():
    rows = [row(i, gender="f", harm="high", a1=i > 2) for i in range(6)]
    lines = of(rows, breakdowns=["gender", Harm()], items="1.1")
    reasons = {(r["breakdown"], r["group"]): r["reason"] for r in lines}
    lonely = "no second group to compare with"
    assert reasons == {
        (None, None): None,
        ("gender", "f"): lonely,
        ("gender", "m"): "no applicable answers",
        ("harm", "high"): lonely,
        ("harm", "all"): lonely,
    }


def test_unclassified_cases_are_in_the_complement_unless_it_is_known():
    rows = [row(i, harm=("high", None)[i % 2], a1=i > 2) for i in range(6)]
    every, known = (
        of(rows, breakdowns=[Harm()], items="1.1", complement=which)[1]
        for which in ("all", "known")
    )
    assert every["p_value"] is not None
    assert known["p_value"] is None
    assert known["reason"] == "no second group to compare with"


@pytest.mark.parametrize("percent", [0, 100])
def test_a_logit_interval_does_not_exist_at_0_and_100(percent):
    rows = [row(i, a1=percent == 100) for i in range(4)]
    (line,) = of(rows, items="1.1", interval="logit")
    assert (line["percent"], line["se"], line["low"], line["high"]) == (percent, 0, None, None)
    assert line["interval_method"] is None
    assert line["reason"] == "no such interval at 0 or 100"


def test_frameworks_may_name_items_that_nothing_feeds():
    silent = attrs.evolve(FRAMEWORK, items=(*FRAMEWORK.items, oms.Item("4", "section", "Later")))
    data = {name: [r[name] for r in read()] for name in ("case_id", "unit", *BLANK)}
    assert "4" not in oms.scores(data, framework=silent).table["item"].to_pylist()


def test_units_with_a_caseload_smaller_than_the_sample_are_named():
    with pytest.raises(DataError, match="no fewer cases than were drawn") as caught:
        oms.scores(case_set(read()), population=25)
    assert "25 with 34 drawn in 'north', 25 with 27 drawn in 'south'." in str(caught.value)
    sizes = {**SIZES, "east": 3, "west": None, "coast": True}
    with pytest.raises(DataError) as caught:
        oms.scores(case_set(read()), population=sizes)
    assert "None for 'west', True for 'coast'" in str(caught.value)
    assert "3 with 22 drawn in 'east'" in str(caught.value)
    assert [p.where for p in caught.value.problems] == ["population"] * 2


def test_units_without_a_caseload_are_named():
    sizes = {"north": 99, "south": 99, "east": 9, "isle": 9}
    with pytest.raises(DataError, match=r"none for 'west', 'coast'\. Give one for each") as caught:
        oms.scores(case_set(alone()), population=sizes, **WALD)
    # All problems of the data are reported together.
    assert [p.where for p in caught.value.problems] == ["population", "population", "unit"]


@pytest.mark.parametrize(
    ("population", "message"),
    [
        ("60", "'60', which is text.*mapping of unit to number, as {'north': 900"),
        (float("nan"), "found nan"),
        (True, "found True"),
        ([40] * 6, "found a list of 6"),
        (np.full(6, 40), "found array"),
        (np.arange(100), "found a value of type ndarray"),
        (pd.Series(SIZES), "found a value of type Series.*`.to_dict()`"),
        (pl.Series([40] * 6), "found a value of type Series"),
        ({**SIZES, "east": None}, "found None for 'east'"),
        ({**SIZES, "east": "60"}, "found '60', which is text for 'east'"),
        ({**SIZES, "east": float("nan"), "west": pd.NA}, "found nan for 'east', <NA> for 'west'"),
        ({**SIZES, "east": pd.Series(SIZES)}, "found a value of type Series for 'east'"),
        (-1, "-1 with 34 drawn in 'north'"),
        (0, "0 with 34 drawn in 'north'"),
        ({**SIZES, "east": 0}, "0 with 22 drawn in 'east'"),
        ({**SIZES, "esat": 9}, "units are 'north'.*found 'esat'. Correct the spelling"),
    ],
)
def test_a_wrong_caseload_is_one_problem(population, message):
    """The other units have large enough caseloads, so that there is one problem only."""
    if isinstance(population, dict):
        population = {**population, "isle": 1 if population["isle"] == SIZES["isle"] else 0}
    with pytest.raises(DataError) as caught:
        oms.scores(case_set(alone()), population=population)
    (problem,) = caught.value.problems
    assert problem.where == "population"
    assert re.search(message.replace("()", r"\(\)").replace("{", r"\{"), str(problem))
    assert len(str(problem)) < 400


@pytest.mark.parametrize("lonely", ["error", "null", "remove", "adjust"])
@pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
def test_a_unit_without_cases_has_a_caseload_of_0(rule, lonely):
    rows = read()
    data = {name: [r[name] for r in rows] for name in rows[0]}
    cases = oms.CaseSet.from_data(data, framework=FRAMEWORK, units=[*SIZES, "none"])
    sizes = {unit: 2 * size for unit, size in SIZES.items()}
    options: dict[str, Any] = {"by": "unit", "rule": rule, "lonely": lonely, "items": "1"}
    found = oms.scores(cases, population={**sizes, "none": 0}, **options).table.to_pylist()
    (empty,) = (r for r in found if r["unit"] == "none")
    assert empty["reason"] == "no applicable answers"
    plain = oms.scores(case_set(rows), population=sizes, **options).table.to_pylist()
    assert [r for r in found if r["unit"] != "none"] == plain


@pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
def test_a_unit_of_one_case_that_is_its_whole_caseload_has_a_standard_error(rule):
    caseloads = {**SIZES, "isle": 1}
    for options in (WALD, {}) if rule == "pooled" else (WALD,):
        lines = of(alone(), by="unit", items="1", rule=rule, population=caseloads, **options)
        for line in lines:
            # The sample is the whole caseload.
            assert (line["se"], line["reason"]) == (0, None)
            assert line["low"] == line["percent"] == line["high"]
