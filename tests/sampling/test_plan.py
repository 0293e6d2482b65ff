"""Plans: what they obey, and what they say of what gives way."""

from __future__ import annotations

import itertools
import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from tests.sampling.caseloads import NAMES, made_of, plain, table_of

import omistats as oms

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
    # The 114 cases that a simple random sample takes of A would reach 6.01 points: rounded to
    # whole cases, the weights of cells are not quite equal.
    wanted = [int(oms.stats.sample_for_precision(0.06, population=n)) for n in (200, 1000)]
    assert wanted == [114, 209]
    assert plan.units["n"].to_pylist() == [115, 209]
    before = oms.plan_sample(made_of(counts), size=dict(zip("AB", wanted, strict=True)))
    assert [round(100 * h, 2) for h in before.units["half_width"].to_pylist()] == [6.01, 5.99]
    other = oms.plan_sample(
        made_of(counts), half_width={"A": 0.1, "B": 0.05}, p=0.2, confidence=0.9
    )
    wanted = [
        int(oms.stats.sample_for_precision(h, p=0.2, confidence=0.9, population=n))
        for h, n in ((0.1, 200), (0.05, 1000))
    ]
    assert wanted == [35, 147]
    assert other.units["n"].to_pylist() == [37, 148]


@pytest.mark.parametrize(
    ("quota", "n"),
    [
        (0.3, 60),
        (0.33, 66),
        (0.331, 67),
        (70, 70),
        (np.int8(70), 70),
        (np.uint64(70), 70),
        ({"A": 61}, 61),
        (0, 32),
        (1, 32),
    ],
)
def test_a_quota_is_a_number_or_a_share_rounded_up(quota, n):
    counts = plain(scale=5)
    plan = oms.plan_sample(made_of(counts), size=200, at_least={"risk_of_harm": {"high": quota}})
    assert plan.margins["n"][0].as_py() == n


@pytest.mark.parametrize("kind", [float, np.float64, np.float32, np.float16, np.longdouble])
def test_a_share_is_rounded_up_as_it_was_written(kind):
    # 0.07 * 100 is 7.000000000000001 in binary, and a float32 of 0.1 more than a tenth.
    counts = {("A", "high", "male", "white"): 50, ("A", "not high", "male", "white"): 950}
    for share, n in (("0.07", 7), ("0.1", 10)):
        at_least = {"risk_of_harm": {"high": kind(share)}}
        plan = oms.plan_sample(made_of(counts), size=100, at_least=at_least)
        assert plan.margins["n"][0].as_py() == n
        said = json.loads(plan.draw(1).metadata[b"sampling"])["at_least"]
        assert said == {"risk_of_harm": {"high": float(share)}}


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
    assert "pass give_way=True" in caught.value.problems[0].hint
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


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_half_width_may_be_a_number_of_numpy(kind):
    caseload = made_of(plain())
    found = oms.plan_sample(caseload, half_width=kind(0.0625))
    assert found.table.equals(oms.plan_sample(caseload, half_width=0.0625).table)
