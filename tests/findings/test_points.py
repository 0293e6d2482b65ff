"""Counted statements against counting by hand."""

from __future__ import annotations

import pytest
from tests.factories import Gender, Harm, read

import omistats as oms

# Internal: the statements of any findings; the report has few of them.
from omistats.findings.points import count

# Groups of 200. Printed 60 and 59 lie on the two sides of 59.5%.
QUESTIONS = ["edge", "below", "low", "same", "blank"]
K = [[119, 150], [118, 150], [60, 100], [100, 100], [0, 50]]
N = [[200, 200], [200, 200], [200, 200], [200, 200], [0, 200]]
GROUPS = ["young", "old"]
FINDINGS = oms.Findings.from_counts(K, N, questions=QUESTIONS, groups=GROUPS, breakdown="age_group")


def test_the_findings_are_what_the_counts_below_assume():
    assert FINDINGS.table["printed"].to_pylist() == [60, 75, 59, 75, 30, 50, 50, 50, None, 25]
    stars = FINDINGS.comparisons()["stars"].to_pylist()
    assert stars == ["***", "***", "***", "--", None]


@pytest.mark.parametrize(
    ("kind", "options", "value", "of", "sentence"),
    [
        (
            "reach",
            {"group": "young", "threshold": 60},
            1,
            4,
            "1 of 4 questions reach 60% (young)",
        ),
        ("reach", {"group": "old", "threshold": 75}, 2, 5, "2 of 5 questions reach 75% (old)"),
        (
            "alike",
            {"noun": "aspects"},
            1,
            4,
            "1 of 4 aspects show no significant difference by age group",
        ),
        ("differ", {}, 3, 4, "3 of 4 questions differ significantly by age group"),
        (
            "higher",
            {"group": "old"},
            3,
            3,
            "3 of 3 significant differences by age group favour old",
        ),
        (
            "higher",
            {"group": "young"},
            0,
            3,
            "0 of 3 significant differences by age group favour young",
        ),
    ],
)
def test_counts_and_sentences(kind, options, value, of, sentence):
    point = count(FINDINGS, kind, **options)
    assert (point.kind, point.value, point.of, point.sentence) == (kind, value, of, sentence)


def test_all_cases_have_no_figure_where_the_question_applied_to_the_subset_only():
    found = oms.Findings.from_counts(
        [[50, 80], [90, 90]],
        [[60, 100], [100, 100]],
        questions=["both", "subset only"],
        groups=["high", "all"],
        contrast="complement",
    )
    point = count(found, "reach", group="all", threshold=60)
    assert (point.value, point.of) == (1, 1)
    assert "(all cases)" in point.sentence
    assert count(found, "reach", group="high", threshold=60).of == 2


def test_a_question_that_applied_to_nobody_in_the_subset_has_a_figure_for_all_cases():
    found = oms.Findings.from_counts(
        [[0, 80], [5, 60], [9, 9], [0, 0]],
        [[0, 100], [10, 100], [10, 10], [0, 0]],
        questions=["nobody in the subset", "both", "subset only", "nobody"],
        groups=["high", "all"],
        contrast="complement",
    )
    point = count(found, "reach", group="all", threshold=60)
    assert (point.value, point.of) == (2, 2)
    assert count(found, "differ").of == 1


def read_complement(known: bool) -> oms.Findings:
    """High 60 of 100; of the others 700 of 1,000 whose risk is known, 0 of 500 unknown."""
    level = ["high"] * 100 + ["not high"] * 1000 + [None] * 500
    answer = [i < 60 for i in range(100)] + [i < 700 for i in range(1000)] + [False] * 500
    framework = oms.Framework(
        "made up",
        [oms.Question("before", "Before"), oms.Question("asked", "Asked")],
        [oms.Stratum("risk_of_harm", ("high", "not high"))],
    )
    cases = oms.CaseSet.from_data(
        {
            "case_id": list(range(1600)),
            "unit": ["A"] * 1600,
            "risk_of_harm": level,
            "before": [True] * 1600,
            "asked": answer,
        },
        framework=framework,
    )
    inference = oms.Inference(complement="known" if known else "all")
    return oms.recompute(cases, by="unit", breakdowns=["risk_of_harm"], inference=inference)


@pytest.mark.parametrize("unit", ["A", "all"])
@pytest.mark.parametrize("questions", [("before", "asked"), ("asked",)])
@pytest.mark.parametrize(("known", "favour_high"), [(True, 0), (False, 1)])
def test_what_is_higher_is_told_by_the_sides_that_were_tested(unit, questions, known, favour_high):
    """60% beats 700 of 1,500 outside the subset, and loses to 700 of the 1,000 known."""
    found = read_complement(known).unit(unit).question(*questions)
    assert found.comparisons()["stars"].to_pylist()[-1] in ("*", "**")
    point = count(found, "higher", group="high")
    assert (point.value, point.of) == (favour_high, 1)
    assert count(found, "higher", group="all").value == 1 - favour_high


def test_the_highest_of_several_groups():
    found = oms.Findings.from_counts(
        [[10, 50, 90], [90, 50, 0]],
        [[100, 100, 100], [100, 100, 0]],
        questions=["a", "b"],
        groups=["x", "y", "z"],
    )
    assert [count(found, "higher", group=g).value for g in "xyz"] == [1, 0, 1]


def test_a_single_group_has_nothing_to_be_higher_than():
    found = oms.Findings.from_counts(
        [[50], [90]], [[60], [100]], questions=["a", "b"], groups=["x"]
    )
    point = count(found, "higher", group="x")
    assert (point.value, point.of) == (0, 0)
    assert count(found, "differ").of == 0
    assert count(found, "reach", group="x", threshold=85).value == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "reach", "group": "middle", "threshold": 60}, "no group 'middle'"),
        ({"kind": "higher"}, "no group ''"),
        ({"kind": "reach", "group": "old"}, "needs a threshold"),
        ({"kind": "reached", "group": "old"}, "unknown kind of point 'reached'"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(oms.UsageError, match=message):
        count(FINDINGS, **options)


def test_points_are_of_one_unit_and_one_breakdown():
    found = oms.recompute(read(), by="unit", breakdowns=[Gender(), Harm()])
    with pytest.raises(oms.UsageError, match="within one unit"):
        count(found, "alike")
    with pytest.raises(oms.UsageError, match="within one breakdown"):
        count(found.unit("A"), "alike")
    assert count(found.unit("A").breakdown("gender"), "alike").kind == "alike"
