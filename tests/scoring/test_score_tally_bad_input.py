"""Options that sums over cases cannot serve, and impossible sums."""

from __future__ import annotations

import re
from typing import Any

import attrs
import numpy as np
import pytest
from tests.scoring.programme import BREAKDOWNS, FRAMEWORK, SIZES, WALD, case_set, framework, read
from tests.scoring.test_score_tally import of_units, rows_alone, whole

import omistats as oms
from omistats import DataError, UnknownNameError, UsageError, score_tally

# Internal: sums that an engine made wrongly.
from omistats.scoring.sources import from_sums


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "questions"}, "`rule` does not go with a ScoreTally; found 'questions'"),
        ({"rule": "cases"}, "its sums are of pooled answers; pass the cases"),
        ({"weight": "w"}, "`weight` does not go with a ScoreTally; found 'w'"),
        ({"weight": np.ones(123)}, "`weight` does not go with a ScoreTally"),
        ({"stratum": None}, "`stratum` does not go with a ScoreTally; found None"),
        ({"stratum": "plan"}, "its sums do not record how each case was drawn; pass the cases"),
        ({"cluster": "plan"}, "`cluster` does not go with a ScoreTally"),
        ({"breakdowns": ["gender"]}, "pass it to score_tally, filter the scores by"),
        ({"breakdowns": "gender"}, "`breakdowns` does not go with a ScoreTally"),
        ({"breakdowns": oms.omi2.Gender}, "`breakdowns` does not go with a ScoreTally"),
        ({"items": ["1"]}, r"filter the scores by `.item\(\)`, or pass the cases"),
        ({"complement": "known"}, "`complement` does not go with a ScoreTally; found 'known'"),
        ({"framework": framework(name="else")}, "it is of 'made up'; leave it out"),
        ({"framework": 5}, "`framework` does not go with a ScoreTally; found 5"),
        ({"rule": "pool"}, "did you mean 'pooled'"),
        ({"lonely": "ignore"}, "unknown treatment of single-PSU strata"),
        ({"by": "region"}, "`by` must be None or 'unit'"),
    ],
)
def test_options_that_need_the_cases(options, message):
    with pytest.raises(UsageError, match=message):
        oms.scores(whole(), **options)


def test_the_first_option_that_needs_the_cases_is_raised():
    wrong: dict[str, Any] = {"weight": "w", "items": ["1"], "complement": "known", "by": "region"}
    with pytest.raises(UsageError, match=r"^`items` does not go with a ScoreTally"):
        oms.scores(whole(), **wrong)


def test_options_equal_to_those_of_the_tally_are_accepted():
    given: dict[str, Any] = {
        "framework": FRAMEWORK, "breakdowns": None, "complement": "known", "rule": "pooled",
        "stratum": "unit",
    }  # fmt: skip
    found = oms.scores(whole("known"), **given).table
    assert found.equals(oms.scores(whole("known")).table)
    assert "known complement" in found["contrast"].to_pylist()


def test_a_unit_of_one_case_is_named():
    sums = score_tally(case_set(rows_alone()))
    with pytest.raises(DataError, match=r"one in 'isle'\. Pass lonely='null'"):
        oms.scores(sums, **WALD)
    assert oms.scores(sums).table["low"].null_count == 0


def test_all_wrong_caseloads_are_named():
    with pytest.raises(DataError, match="4 problems") as caught:
        oms.scores(whole(), population={"north": 3, "south": "x", "mars": 9})
    text = str(caught.value)
    for part in ("none for 'east'", "'mars'", "3 with 34 drawn in 'north'", "text for 'south'"):
        assert part in text


def test_bad_options_of_score_tally_are_raised():
    with pytest.raises(UsageError, match="Pass framework="):
        score_tally({"case_id": [1]}, complement="some")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="unknown complement 'some'"):
        score_tally(case_set(read()), complement="some")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="did you mean 'gender'"):
        score_tally(case_set(read()), breakdowns=["gendre"])
    with pytest.raises(UsageError, match="Pass the cases that were counted, or score_tally"):
        oms.scores(oms.tally(case_set(read())))


def test_sums_of_different_things_do_not_merge():
    items = score_tally(case_set(read()), items=["1", "2"])
    with pytest.raises(UsageError) as caught:
        whole().merge(items, whole("known"))
    text = str(caught.value)
    assert "merge needs sums of the same framework, items, breakdowns and complement" in text
    assert "other 1 has no items '1.1', '1.2', '2.1', '2.2', 'safety' and 1 more" in text
    assert "other 1 has breakdowns none, not 'gender' (f, m), 'plan' (early, late, never)" in text
    assert "other 2 has the complement 'known', not 'all'" in text


def test_sums_of_different_frameworks_do_not_merge():
    def made(**changes: Any) -> Any:
        other = framework(**changes)
        table = {name: case_set(read())[name] for name in case_set(read())}
        kept = {n: c for n, c in table.items() if n not in FRAMEWORK.question_ids}
        kept |= {n: table[n] for n in other.question_ids}
        cases = oms.CaseSet.from_data(kept, framework=other, units=list(SIZES))
        return score_tally(cases, breakdowns=BREAKDOWNS)

    with pytest.raises(UsageError, match="the other has the framework 'else', not 'made up'"):
        whole().merge(made(name="else"))
    with pytest.raises(UsageError) as caught:
        whole().merge(made(questions=FRAMEWORK.questions[1:]))
    assert "the other has another framework of the name 'made up'" in str(caught.value)
    assert "the other has other questions behind '1', '1.1', 'safety'" in str(caught.value)


@pytest.mark.parametrize("other", [3, case_set(read()), oms.tally(case_set(read()))])
def test_only_sums_merge(other):
    with pytest.raises(UsageError, match="merge needs a ScoreTally; found"):
        whole().merge(other)
    with pytest.raises(UsageError, match="replace needs a ScoreTally; found"):
        whole().replace(other)


def test_unknown_units_are_raised():
    with pytest.raises(UnknownNameError, match="unknown unit 'norht'; did you mean 'north'"):
        whole().drop_units(["isle", "norht"])
    with pytest.raises(UnknownNameError, match="unknown unit 'north'; choose from isle"):
        of_units("isle").replace(of_units("north"))
    with pytest.raises(UsageError, match="that drops every unit"):
        of_units("isle").drop_units("isle")


def spoilt(at: tuple[Any, ...], change: int) -> np.ndarray[Any, Any]:
    moments = whole().moments.copy()
    moments[at] += change
    return moments


@pytest.mark.parametrize(
    ("at", "change", "message"),
    [
        ((0, 1, 2, 0), -1000, "sums are 0 <= k <= n and k <= k² <= k n <= n²; broken by '1.1' in"),
        ((0, 1, 2, 0), 1000, "in 'north', gender 'f'"),
        ((1, 8, 0, 4), -1000, "broken by '1' in 'south', harm outside 'high'"),
        ((2, 0, 0, 4), 10**9, "no case has more answers than an item has questions; broken by"),
        ((2, 0, 0, slice(None)), 10**9, "in 'east', all cases"),
        ((3, 7, 4, slice(2, 5)), 1, "groups that share no case add up to no more than all cases"),
        ((3, 8, 4, slice(2, 5)), 1, "groups that share no case add up to no more than all cases"),
        ((3, slice(3, 6), 4, slice(2, 5)), 30, "groups that share no case add up to no more than"),
    ],
)
def test_impossible_sums_are_raised(at, change, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        attrs.evolve(whole(), moments=spoilt(at, change))


def test_an_impossible_spread_is_raised():
    """Two cases with three of three questions answered have a sum of n² of 18."""
    one = framework(questions=FRAMEWORK.questions[:3])
    sums = score_tally(
        oms.CaseSet.from_data(
            {"case_id": [1, 2], "unit": ["A", "A"], "gender": ["f", "f"], "plan": [None] * 2,
             "harm": [None] * 2, **{q: [True, False] for q in one.question_ids}},
            framework=one,
        ),
        items=["1.1"],
    )  # fmt: skip
    assert sums.moments[0, 0, 0].tolist() == [3, 6, 9, 9, 18]
    with pytest.raises(UsageError, match="sums of squares leave no negative variance"):
        attrs.evolve(sums, moments=np.array([[[[3, 6, 9, 9, 12]]]]), sizes=None)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (lambda s: s + 1, "`sizes` must add up to `moments`; found other sums"),
        (lambda s: np.where(s == s.max(), -1, s), "`sizes` must be 0 or more; found negative"),
        (lambda s: s[..., 1:], "`sizes` must be int64 of shape (6, 9, 100); found (6, 9, 99)"),
        (lambda s: s.astype(float), "`sizes` must be int64 of shape (6, 9, 100)"),
        (lambda s: s.tolist(), "`sizes` must be int64 of shape (6, 9, 100); found list"),
    ],
)
def test_sums_by_size_that_do_not_fit_are_raised(sizes, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        attrs.evolve(whole(), sizes=sizes(whole().sizes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": ("a", "b")}, "`cases` must be int64 of shape (2,); found int64 of shape (6,)"),
        (
            {"units": ("a", "b", "c", "d", "e", "a")},
            "`units` must differ; found 'a' more than once",
        ),
        (
            {"units": ("a", "b", "c", "d", "e", "all")},
            "`units` must be text other than 'all'; found 'all'",
        ),
        (
            {"units": ("a", "b", "c", "d", "e", None)},
            "`units` must be text other than 'all'; found None",
        ),
        ({"cases": np.ones(6)}, "`cases` must be int64 of shape (6,); found float64 of shape (6,)"),
        ({"cases": [1] * 6}, "found list"),
        ({"items": ()}, "`items` must have an item; found none"),
        (
            {"splits": ()},
            "`moments` must be int64 of shape (6, 1, 8, 5); found int64 of shape (6, 9, 8",
        ),
        ({"complement": "some"}, "`complement` must be 'all' or 'known'; found 'some'"),
        ({"cases": np.array([-1, 27, 22, 21, 16, 3])}, "units have 0 cases or more"),
        ({"cases": np.array([1, 27, 22, 21, 16, 3])}, "no case has more answers than an item has"),
    ],
)
def test_attributes_that_do_not_fit_are_raised(changes, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        attrs.evolve(whole(), **changes)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.5, "`cases` must be whole numbers; found float64 with fractions"),
        (np.nan, "`cases` must be whole numbers; found float64 with fractions"),
        (2.0**60, "or too large to be exact"),
        ("3", "`cases` must be whole numbers; found <U1"),
    ],
)
def test_sums_must_be_whole_numbers(value, message):
    sums = whole()
    with pytest.raises(UsageError, match=message):
        from_sums(FRAMEWORK, sums.units, [value] * 6, sums.sizes, sums.items, sums.splits, "all")
