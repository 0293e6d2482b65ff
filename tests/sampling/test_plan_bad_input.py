"""Plans that cannot be made: what contradicts each other is named, of all units at once."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from tests.sampling.caseloads import FRAMEWORK, NAMES, made_of, plain

import omistats as oms


def refused(counts: Any, **options: Any) -> list[oms.Problem]:
    with pytest.raises(oms.DataError) as caught:
        oms.plan_sample(made_of(counts), **options)
    return list(caught.value.problems)


def test_everything_wrong_in_any_unit_is_said_at_once():
    counts = plain() | plain("B") | plain("C", 5)
    del counts["B", "high", "female", "BME"], counts["B", "not high", "female", "BME"]
    del counts["B", "high", "female", "white"], counts["B", "not high", "female", "white"]
    problems = refused(
        counts,
        size={"A": 201, "B": 3, "C": 100},
        at_least={"gender": {"female": {"A": 35, "B": 1, "C": 170}}, "ethnicity": {None: 1}},
    )
    assert [p.where for p in problems] == ["A", "A", "A", "B", "B", "B", "C", "C"]
    assert "found 201 of 200" in str(problems[0])
    assert "at least 35 of 34, in a sample of 201" in str(problems[1])
    assert "at least 1 of none" in str(problems[2])
    assert "3 for 4 cells that take 4" in str(problems[3])
    assert "gender 'female', and than the sample; found at least 1 of none" in str(problems[4])
    assert "at least 170 of 170, in a sample of 100" in str(problems[6])
    assert "at least 1 of none" in str(problems[7])


def test_contradictory_quotas_are_named_and_no_others():
    at_least = {"risk_of_harm": {"high": 30, "not high": 31}, "gender": {"male": 20}}
    problems = refused(plain(), size=60, keep=["ethnicity"], at_least=at_least)
    assert len(problems) == 1
    found = problems[0].found
    assert "at least 30 of risk_of_harm 'high' (there are 32)" in found
    assert "at least 31 of risk_of_harm 'not high' (there are 168)" in found
    assert not re.search("gender|ethnicity", found)
    assert "give_way" not in problems[0].hint


def test_a_quota_on_what_is_kept_contradicts_it():
    problems = refused(plain(), size=60, keep=["gender"], at_least={"gender": {"female": 20}})
    found = problems[0].found
    assert "at least 20 of gender 'female' (there are 34)" in found
    assert "10 to 11 of gender 'female', kept at 34 of 200" in found
    assert found.count(";") == 1


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({}, oms.UsageError, "either `size` or `half_width`"),
        ({"size": 5, "half_width": 0.1}, oms.UsageError, "either `size` or `half_width`"),
        ({"size": 60, "p": 0.2}, oms.UsageError, "of `half_width`; leave them out"),
        ({"size": 60, "confidence": 0.9}, oms.UsageError, "of `half_width`; leave them out"),
        ({"size": 0}, oms.UsageError, "found 0"),
        ({"size": 60.5}, oms.UsageError, "found 60.5"),
        ({"size": True}, oms.UsageError, "found True"),
        ({"size": {}}, oms.DataError, "none for 'A'"),
        ({"size": {"A": 60, "Z": 1}}, oms.DataError, "found 'Z'"),
        ({"half_width": 0.7}, oms.UsageError, "half_width"),
        ({"half_width": "narrow"}, oms.UsageError, "found 'narrow'"),
        ({"half_width": math.nan}, oms.UsageError, "NaN"),
        ({"half_width": 0.1, "p": [0.5, 0.5]}, oms.UsageError, "`p` must be one number"),
        ({"half_width": {"A": 0.1, "Z": 0.1}}, oms.DataError, "found 'Z'"),
        ({"half_width": {}}, oms.DataError, "none for 'A'"),
        ({"half_width": 0.1, "at_least": {"gender": {"male": 1.5}}}, oms.DataError, "1.5 for"),
        ({"size": 60, "least": -1}, oms.UsageError, "least"),
        ({"size": 60, "give_way": 1}, oms.UsageError, "give_way"),
        ({"size": 60, "cells": ["sex"]}, oms.UnknownNameError, "unknown characteristic 'sex'"),
        ({"size": 60, "cells": ["gender", "gender"]}, oms.UsageError, "twice: 'gender'"),
        ({"size": 60, "cells": ["unit"]}, oms.UsageError, "leave out 'unit'"),
        ({"size": 60, "cells": ["number"]}, oms.DataError, "column of labels"),
        ({"size": 60, "keep": ["gendr"]}, oms.UnknownNameError, "did you mean 'gender'"),
        ({"size": 60, "cells": ["gender"], "keep": ["ethnicity"]}, oms.UnknownNameError, "ethnic"),
        ({"size": 60, "at_least": 5}, oms.UsageError, "maps characteristics"),
        ({"size": 60, "at_least": {"gender": 5}}, oms.UsageError, "found 5 for 'gender'"),
        ({"size": 60, "at_least": {"sex": {"f": 5}}}, oms.UnknownNameError, "'sex'"),
        ({"size": 60, "at_least": {"gender": {"f": 5}}}, oms.UnknownNameError, "level of 'gender'"),
        ({"size": 60, "at_least": {"gender": {"male": -1}}}, oms.DataError, "-1 for gender"),
        ({"size": 60, "at_least": {"gender": {"male": 1.5}}}, oms.DataError, "1.5 for gender"),
        ({"size": 60, "at_least": {"gender": {"male": "x"}}}, oms.DataError, "'x' for gender"),
        (
            {"size": 60, "at_least": {"gender": {"male": {"A": 0.0}}}},
            oms.DataError,
            "0.0 for gender",
        ),
        ({"size": 60, "at_least": {"gender": {None: "x"}}}, oms.DataError, "for gender unknown"),
    ],
)
def test_bad_arguments(options, error, text):
    cases = made_of(plain(), number=list(range(200)))
    with pytest.raises(error, match=re.escape(text)):
        oms.plan_sample(cases, **options)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (1.0, "Write 1 for cases, 0.99 for a share of the sample."),
        (45.0, "Write 45 for cases, 0.99 for a share of the sample."),
        (np.float32(20), "Write 20 for cases, 0.99 for a share of the sample."),
        (0.0, "Write 45 for cases"),
        (1.5, "Write 45 for cases"),
        (-0.1, "Write 45 for cases"),
        (math.inf, "Write 45 for cases"),
        (math.nan, "Write 45 for cases"),
        (True, "Write 45 for cases"),
        (np.True_, "Write 45 for cases"),
        (None, "Write 45 for cases"),
        (-1, "Write 45 for cases"),
    ],
)
def test_a_quota_that_is_neither_count_nor_share_is_refused_once(value, hint):
    # Of two units, and for one of them.
    counts = plain() | plain("B")
    (problem,) = refused(counts, size=60, at_least={"gender": {"female": value}})
    assert problem.where == "at_least"
    assert problem.found == f"{value!r} for gender 'female'"
    assert problem.hint.startswith(hint)
    at_least = {"gender": {"female": {"A": 5, "B": value}}}
    (problem,) = refused(counts, size=60, at_least=at_least)
    assert problem.where == "B"
    assert problem.hint.startswith(hint)


def test_a_quota_by_unit_says_plainly_which_units_it_lacks_and_which_it_has_too_many():
    counts = plain("kent") | plain("essex") | plain("dorset")
    at_least = {"risk_of_harm": {"high": {"kent": 20}}}
    (problem,) = refused(counts, size=60, at_least=at_least)
    assert str(problem) == (
        "at_least, risk_of_harm 'high': a quota by unit names every unit that has cases; found no "
        "number for 'dorset', 'essex'. Add the rest, with 0 for no quota, as 'dorset': 0."
    )
    at_least["risk_of_harm"]["high"] |= {"dorset": 0, "essex": 0, "esex": 9}
    (problem,) = refused(counts, size=60, at_least=at_least)
    assert str(problem).startswith("at_least, risk_of_harm 'high': units are those with cases")
    assert "'esex'" in problem.found


def test_a_caseload_that_has_the_columns_of_a_sample_is_refused():
    cases = made_of(plain(), weight=[1.0] * 200, population=[200] * 200)
    with pytest.raises(oms.DataError) as caught:
        oms.plan_sample(cases, size=60)
    assert [p.where for p in caught.value.problems] == ["weight", "population"]


def test_no_caseload_and_no_case_set_are_refused():
    with pytest.raises(oms.UsageError, match="found None"):
        oms.plan_sample(None, size=60)
    empty = oms.CaseSet.from_data(
        {name: [] for name in ("case_id", "unit", *NAMES)}, framework=FRAMEWORK
    )
    with pytest.raises(oms.DataError, match="a caseload has cases"):
        oms.plan_sample(empty, size=60)
