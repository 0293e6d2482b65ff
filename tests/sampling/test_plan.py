"""Allocations: what they obey, against a search through every table, and what cannot be had."""

from __future__ import annotations

import itertools
import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.factories import oracle
from tests.sampling.caseloads import FRAMEWORK, NAMES, made_of, plain, table_of

import omistats as oms
from omistats.sampling.rounding import Rule, binding, nearest, possible
from omistats.sampling.targets import divide, rake

LEVELS = (("high", "not high", None), ("male", "female", None), ("white", "BME", None))
KEYS = list(itertools.product(("A", "B"), *LEVELS))


@st.composite
def caseloads(draw: st.DrawFn) -> dict[tuple[Any, ...], int]:
    some = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=14, unique=True))
    return {key: draw(st.integers(1, 60)) for key in some}


# --- what every plan obeys


@settings(max_examples=60)
@given(
    counts=caseloads(),
    share=st.floats(0.05, 1.0),
    keep=st.sets(st.sampled_from(NAMES)),
    high=st.one_of(st.none(), st.integers(0, 40)),
    least=st.integers(0, 3),
    give_way=st.booleans(),
)
def test_a_plan_obeys_every_constraint(counts, share, keep, high, least, give_way):
    there = {unit: sum(n for key, n in counts.items() if key[0] == unit) for unit in "AB"}
    size = {unit: max(1, math.ceil(share * n)) for unit, n in there.items() if n}
    quotas = {} if high is None else {"risk_of_harm": {"high": high}}
    try:
        plan = oms.plan_sample(
            made_of(counts),
            size=size,
            keep=keep,
            at_least=quotas,
            least=least,
            give_way=give_way,
        )
    except oms.DataError as error:
        plan, found = None, [p.found for p in error.problems]
    if plan is None:
        # Where kept margins may give way only guarantees can contradict each other.
        assert not (give_way and any("kept at" in text for text in found))
        assume(False)
    found = table_of(plan)
    assert found.keys() == counts.keys()  # nothing is dropped
    for key, n in found.items():
        assert min(least, counts[key]) <= n <= counts[key]
    for unit, wanted in size.items():
        of_unit = {key: n for key, n in found.items() if key[0] == unit}
        assert sum(of_unit.values()) == wanted
        if high is not None:
            assert sum(n for key, n in of_unit.items() if key[1] == "high") >= high
    for row in plan.margins.to_pylist():
        i = 1 + NAMES.index(row["characteristic"])
        same = [key for key in counts if (key[0], key[i]) == (row["unit"], row["level"])]
        assert row["n"] == sum(found[key] for key in same)
        assert row["population"] == sum(counts[key] for key in same)
        exact = Fraction(size[row["unit"]] * row["population"], there[row["unit"]])
        assert row["proportionate"] == pytest.approx(float(exact), rel=1e-15)
        if row["characteristic"] in keep:
            assert row["rule"] == "kept"
            # Proportional, within less than one case, or said not to be.
            assert (abs(row["n"] - exact) < 1) == (row["gives_way_to"] is None)
            if row["gives_way_to"] == "at_least":
                assert give_way
                assert high
        else:
            assert row["gives_way_to"] is None
    for row in plan.table.to_pylist():
        assert row["fraction"] == row["n"] / row["population"]
        if row["n"]:
            assert row["weight"] == row["population"] / row["n"] > 0
        else:
            assert row["weight"] is None
            assert least == 0


@settings(max_examples=25)
@given(counts=caseloads(), share=st.floats(0.3, 1.0))
def test_without_a_boost_and_without_least_kept_levels_never_give_way(counts, share):
    there = {unit: sum(n for key, n in counts.items() if key[0] == unit) for unit in "AB"}
    size = {unit: max(1, math.ceil(share * n)) for unit, n in there.items() if n}
    try:
        plan = oms.plan_sample(made_of(counts), size=size, least=0)
    except oms.DataError as error:
        plan, found = None, [p.found for p in error.problems]
    if plan is None:
        assert all("kept at" in text for text in found)
        assume(False)
    assert set(plan.margins["gives_way_to"].to_pylist()) == {None}


def test_a_boost_leaves_kept_margins_at_their_proportion():
    counts = plain(scale=5)
    plan = oms.plan_sample(made_of(counts), size=160, at_least={"risk_of_harm": {"high": 60}})
    rows = {(r["characteristic"], r["level"]): r for r in plan.margins.to_pylist()}
    assert rows["risk_of_harm", "high"]["n"] == 60
    assert rows["risk_of_harm", "high"]["proportionate"] == 160 * 32 / 200
    assert rows["risk_of_harm", "high"]["rule"] == "quota"
    assert rows["risk_of_harm", "not high"]["rule"] is None
    for key, share in (("gender", "female"), 34 / 200), (("ethnicity", "BME"), 33 / 200):
        assert rows[key]["rule"] == "kept"
        assert abs(rows[key]["n"] - 160 * share) < 1


def test_what_is_neither_kept_nor_boosted_follows_the_caseload():
    counts = plain(scale=100)
    plan = oms.plan_sample(made_of(counts), size=2000, keep=())
    assert table_of(plan) == {key: n // 10 for key, n in counts.items()}
    assert plan.units["design_effect"].to_pylist() == [pytest.approx(1, abs=1e-12)]


def test_a_whole_caseload_can_be_drawn():
    counts = plain()
    plan = oms.plan_sample(made_of(counts), size=200, at_least={"risk_of_harm": {"high": 32}})
    assert table_of(plan) == counts
    assert set(plan.table["weight"].to_pylist()) == {1.0}


def test_a_size_comes_from_precision_and_the_caseload():
    counts = plain() | plain("B", 5)
    plan = oms.plan_sample(made_of(counts), half_width=0.06)
    wanted = [int(oms.sample_for_precision(0.06, population=n)) for n in (200, 1000)]
    assert plan.units["n"].to_pylist() == wanted
    other = oms.plan_sample(
        made_of(counts), half_width={"A": 0.1, "B": 0.05}, p=0.2, confidence=0.9
    )
    wanted = [
        int(oms.sample_for_precision(h, p=0.2, confidence=0.9, population=n))
        for h, n in ((0.1, 200), (0.05, 1000))
    ]
    assert other.units["n"].to_pylist() == wanted


@pytest.mark.parametrize(
    ("quota", "n"),
    [(0.3, 60), (0.33, 66), (0.331, 67), (70, 70), ({"A": 61}, 61), (0, 32), (0.0, 32)],
)
def test_a_quota_is_a_number_or_a_share_rounded_up(quota, n):
    counts = plain(scale=5)
    plan = oms.plan_sample(made_of(counts), size=200, at_least={"risk_of_harm": {"high": quota}})
    assert plan.margins["n"][0].as_py() == n


def test_a_share_is_rounded_up_as_it_was_written():
    # 0.07 * 100 is 7.000000000000001 in binary.
    counts = {("A", "high", "male", "white"): 50, ("A", "not high", "male", "white"): 950}
    plan = oms.plan_sample(made_of(counts), size=100, at_least={"risk_of_harm": {"high": 0.07}})
    assert plan.margins["n"][0].as_py() == 7


def test_units_do_not_matter_to_each_other():
    alone = table_of(oms.plan_sample(made_of(plain()), size=60))
    both = table_of(oms.plan_sample(made_of(plain() | plain("B", 3)), size={"A": 60, "B": 71}))
    assert {key: n for key, n in both.items() if key[0] == "A"} == alone


def test_declared_units_without_cases_are_said_to_be_there():
    plan = oms.plan_sample(made_of(plain(), units=["A", "B"]), size=60)
    assert "1 unit with cases of 2 declared" in repr(plan)
    assert plan.units["unit"].to_pylist() == ["A"]


# --- least against proportion


def test_a_level_with_too_many_cells_gives_way_to_least_and_says_so():
    counts = {("A", "high", "male", "white"): 300, ("A", "not high", "male", "white"): 690}
    counts |= {("A", "high", "female", "white"): 5, ("A", "not high", "female", "white"): 5}
    plan = oms.plan_sample(made_of(counts), size=50, least=2)
    rows = {(r["characteristic"], r["level"]): r for r in plan.margins.to_pylist()}
    assert rows["gender", "female"]["n"] == 4
    assert rows["gender", "female"]["gives_way_to"] == "least"
    assert "2 kept levels are off proportion" in repr(plan)
    # Of half a case and of 49.5, two and 48: a case and a half off is off.
    less = oms.plan_sample(made_of(counts), size=50)
    rows = {(r["characteristic"], r["level"]): r for r in less.margins.to_pylist()}
    assert [rows["gender", level]["n"] for level in ("male", "female")] == [48, 2]
    assert {rows["gender", level]["gives_way_to"] for level in ("male", "female")} == {"least"}
    near = oms.plan_sample(made_of(counts), size=50, least=0)
    assert set(near.margins["gives_way_to"].to_pylist()) == {None}


def test_least_takes_no_level_further_from_proportion_than_it_has_to():
    # Of 140.3, 18.4 and 1.3 the last has two cells, and two cases; 140 and 18 are left.
    counts = {("A", "high", "male", "white"): 185, ("A", "not high", "male", "white"): 692}
    counts |= {("A", "high", "male", "BME"): 20, ("A", "not high", "male", "BME"): 95}
    counts |= {("A", "high", "male", None): 2, ("A", "not high", "male", None): 6}
    plan = oms.plan_sample(made_of(counts), size=160, keep=["ethnicity"])
    rows = [r for r in plan.margins.to_pylist() if r["characteristic"] == "ethnicity"]
    assert [r["n"] for r in rows] == [140, 18, 2]
    assert {r["gives_way_to"] for r in rows} == {None}


def test_kept_margins_give_way_to_a_quota_as_little_as_can_be():
    # All high cases are male: 60 of them and 34 men in proportion do not go together.
    counts = {("A", "high", "male", "white"): 80, ("A", "not high", "male", "white"): 20}
    counts |= {("A", "not high", "female", "white"): 100}
    options = {"size": 80, "keep": ["gender"], "at_least": {"risk_of_harm": {"high": 60}}}
    with pytest.raises(oms.DataError) as caught:
        oms.plan_sample(made_of(counts), **options)
    assert len(caught.value.problems) == 1
    assert "say give_way=True" in caught.value.problems[0].hint
    plan = oms.plan_sample(made_of(counts), give_way=True, **options)
    assert table_of(plan) == {
        ("A", "high", "male", "white"): 60,
        ("A", "not high", "male", "white"): 1,
        ("A", "not high", "female", "white"): 19,
    }
    assert [r["gives_way_to"] for r in plan.margins.to_pylist() if r["rule"] == "kept"] == [
        "at_least",
        "at_least",
    ]


# --- whole numbers, against all that there are


def tables(most: list[int], size: int) -> list[np.ndarray]:
    return [np.array(t) for t in itertools.product(*(range(m + 1) for m in most)) if sum(t) == size]


def obeys(table: np.ndarray, rules: list[Rule]) -> bool:
    return all(rule.low <= table[rule.members].sum() <= rule.high for rule in rules)


@st.composite
def small(draw: st.DrawFn) -> tuple[list[int], int, list[Rule]]:
    most = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    size = draw(st.integers(1, sum(most)))
    rules = []
    for i in range(draw(st.integers(0, 4))):
        members = draw(st.lists(st.booleans(), min_size=len(most), max_size=len(most)))
        low = draw(st.integers(0, 5))
        rules.append(Rule(np.array(members), low, low + draw(st.integers(0, 2)), f"rule {i}"))
    return most, size, rules


@settings(max_examples=60)
@given(small(), st.integers(0, 2**32 - 1))
def test_the_nearest_table_is_found_and_none_where_there_is_none(case, seed):
    most, size, rules = case
    target = np.random.default_rng(seed).dirichlet(np.ones(len(most))) * size
    found = nearest(target, np.zeros(len(most), int), np.array(most), size, rules)
    fine = [table for table in tables(most, size) if obeys(table, rules)]
    assert (found is not None) == bool(fine)
    assert possible(np.zeros(len(most), int), np.array(most), size, rules) == bool(fine)
    if found is None:
        return
    aim = np.clip(target, 0, most)
    distances = [((t - aim) ** 2 / np.maximum(aim, 0.5)).sum() for t in fine]
    ours = ((found - aim) ** 2 / np.maximum(aim, 0.5)).sum()
    # Ties are broken by ten-thousandths of a chi-square a case.
    assert ours <= min(distances) + 1e-4 * size + 1e-6
    assert any((found == table).all() for table in fine)


@settings(max_examples=60)
@given(small())
def test_the_binding_rules_cannot_hold_together_and_each_is_needed(case):
    most, size, rules = case
    every = tables(most, size)
    assume(not any(obeys(table, rules) for table in every))
    few = binding(np.zeros(len(most), int), np.array(most), size, rules)
    assert few
    assert not any(obeys(table, few) for table in every)
    for rule in few:
        rest = [r for r in few if r is not rule]
        assert any(obeys(table, rest) for table in every)


def test_equally_near_tables_are_told_apart_the_same_way_each_time():
    target, limits = np.full(6, 2.5), (np.zeros(6, int), np.full(6, 9))
    found = nearest(target, *limits, 15, [])
    # Those three have a case more whose multiples of the golden section have the least fractions:
    # 0.62, 0.24, 0.85, 0.47, 0.09, 0.71.
    assert found.tolist() == [2, 3, 2, 3, 3, 2]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=6),
    st.integers(1, 100),
)
def test_a_division_adds_up_and_keeps_floors(levels, size):
    counts, floors = [n for n, _ in levels], [min(n, f) for n, f in levels]
    assume(sum(counts) >= size >= sum(floors))
    found = divide(size, counts, floors)
    assert sum(found) == size
    assert all(part >= floor for part, floor in zip(found, floors, strict=True))
    above = {
        Fraction(part, n) for part, n, f in zip(found, counts, floors, strict=True) if part > f
    }
    assert len(above) <= 1  # the others are in proportion to each other
    assert all(part <= n for part, n in zip(found, counts, strict=True))


def test_raking_is_that_of_r():
    # loglin with `start`, in tests/oracles/sampling.R.
    rows = oracle("sampling_raked.csv")
    margins = [
        (np.array([int(row[name]) for row in rows]), aim)
        for name, aim in (("a", [60, 100]), ("b", [22, 138]), ("c", [20, 6, 134]))
    ]
    found = rake([float(row["seed"]) for row in rows], margins)
    assert found == pytest.approx([float(row["fitted"]) for row in rows], rel=1e-9, abs=1e-12)


# --- what cannot be had


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
        ({"size": 60, "at_least": {"gender": {"male": {"B": 1}}}}, oms.DataError, "0 for none"),
    ],
)
def test_bad_arguments(options, error, text):
    cases = made_of(plain(), number=list(range(200)))
    with pytest.raises(error, match=re.escape(text)):
        oms.plan_sample(cases, **options)


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
