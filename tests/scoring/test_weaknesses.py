"""Units against the rest: against R, a recount, and properties that hold for all cases.

tests/oracles/weaknesses.R (R 4.2.2, survey 4.1.1) computed the numbers: the unit and the rest as
two domains of the design, svyratio by svyby with their covariance, svycontrast, p.adjust.
"""

from __future__ import annotations

import copy
import math
import pickle
import random
from fractions import Fraction
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from tests.factories import oracle
from tests.scoring import recount
from tests.scoring.programme import FRAMEWORK, SIZES, STRATA, WALD, case_set, feeds, read
from tests.scoring.units_recount import ALIKE, APART, made_up

import omistats as oms

# Internal: a type, which only methods return.
from omistats.scoring.weaknesses import Weaknesses

LINES = oracle("weaknesses.csv")
UNITS = tuple(SIZES)
CRITERIA = ("1.1", "1.2", "2.1", "2.2")
LEVELS = {"criterion": CRITERIA, "section": ("1", "2"), "headline": ("safety", "progress")}
CASELOADS = {"north": 60, "south": 28, "east": 110, "west": 45, "coast": 1000, "isle": 3}


def options(design: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Make the sample design of the R script; rows are in the order of the case set."""
    number = [int(row["case_id"][1:]) for row in rows]
    weight = [1.0 + n % 4 for n in number]
    return {
        "plain": {},
        "caseloads": {"population": CASELOADS},
        "cases": {"rule": "cases"},
        "weights": {"weight": weight},
        "pairs": {
            "weight": weight,
            "cluster": [f"{r['unit']}{n % 7}" for r, n in zip(rows, number, strict=True)],
        },
        "wards": {"weight": weight, "cluster": [f"w{n % 11}" for n in number], "stratum": None},
    }[design]


def by_key(found: Weaknesses) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["unit"], row["item"]): row for row in found.table.to_pylist()}


@pytest.mark.parametrize("design", ["plain", "caseloads", "cases", "weights", "pairs", "wards"])
@pytest.mark.parametrize("others", ["all", "named"])
def test_agrees_with_r(design, others):
    rows = read()
    named = None if others == "all" else ["south", "east"]
    wanted = {
        (r["unit"], r["item"]): r for r in LINES if (r["design"], r["others"]) == (design, others)
    }
    seen = 0
    for df in (None, "design"):
        scores = oms.scores(case_set(rows), by="unit", df=df, **WALD, **options(design, rows))
        for level, items in LEVELS.items():
            found = by_key(scores.weaknesses(level=level, others=named))
            assert set(found) == {(unit, item) for unit in UNITS for item in items}
            for key, row in found.items():
                line = wanted[key]
                figures = ["percent", "rest_percent", "difference", "se"]
                figures += [] if df else ["low", "high"]
                for name in figures:
                    assert row[name] == pytest.approx(float(line[name]), rel=1e-9, abs=1e-9), name
                p = line["t_p"] if df else line["p"]
                assert row["p_value"] == pytest.approx(float(p), rel=1e-7)
                assert row["df"] == (float(line["df"]) if df else None)
                if level == "criterion" and not df:
                    assert row["p_adjusted"] == pytest.approx(float(line["holm"]), rel=1e-7)
                seen += 1
    assert seen == 2 * len(wanted) == 96


@pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
def test_recount(rule):
    """Linearise both sides case by case, in fractions."""
    rows = read()
    scores = oms.scores(case_set(rows), by="unit", rule=rule, **WALD)
    for (unit, item), row in by_key(scores.weaknesses()).items():
        gap, z = Fraction(0), [Fraction(0)] * len(rows)
        sides = (
            (1, lambda r, unit=unit: r["unit"] == unit),
            (-1, lambda r, unit=unit: r["unit"] != unit),
        )
        for sign, member in sides:
            score = recount.score(rows, feeds(item), rule, member)
            assert score is not None
            gap += sign * score
            own = recount.influence(rows, feeds(item), rule, member)
            z = [a + sign * b for a, b in zip(z, own, strict=True)]
        variance = recount.covariance(rows, z, z)
        assert row["difference"] == pytest.approx(100 * float(gap), abs=1e-10)
        assert row["se"] == pytest.approx(100 * math.sqrt(variance), rel=1e-10)
        p = 2 * NormalDist().cdf(-abs(float(gap)) / math.sqrt(variance))
        assert row["p_value"] == pytest.approx(p, rel=1e-8, abs=1e-15)
        answers = [r[q] for r in rows for q in feeds(item) if r["unit"] != unit]
        applied = [a for a in answers if a is not None]
        assert (row["rest_k"], row["rest_n"]) == (sum(applied), len(applied))


def test_scores_of_sums_have_the_same_weaknesses():
    cases = oms.omi2.load_synthetic()
    of_sums = oms.scores(oms.score_tally(cases), by="unit", population=900)
    of_cases = oms.scores(cases, by="unit", population=900)
    for level in ("criterion", "section", "headline"):
        found = of_sums.weaknesses(level=level)
        assert found.table.equals(of_cases.weaknesses(level=level).table, check_metadata=True)
    merged = oms.score_tally(cases.filter(_mask(cases, "U01"))).merge(
        oms.score_tally(cases.filter(~_mask(cases, "U01")))
    )
    one = oms.scores(merged, by="unit").weaknesses("U05").table
    assert one.equals(oms.scores(cases, by="unit").weaknesses("U05").table)


def _mask(cases: oms.CaseSet, unit: str) -> np.ndarray[Any, Any]:
    return np.array([u == unit for u in cases["unit"].to_pylist()])


def test_views_and_copies_compare_with_all_other_units():
    scores = oms.scores(oms.omi2.load_synthetic(), by="unit", breakdowns=["gender"])
    whole = by_key(scores.weaknesses())
    part = by_key(scores.unit("U02", "U03").item("1.1", "2.2").weaknesses(adjust="none"))
    assert set(part) == {(u, i) for u in ("U02", "U03") for i in ("1.1", "2.2")}
    for key, row in part.items():
        assert row["p_value"] == whole[key]["p_value"]
        assert row["rest_n"] == whole[key]["rest_n"]
        assert row["p_adjusted"] == row["p_value"]
    for other in (pickle.loads(pickle.dumps(scores)), copy.deepcopy(scores)):
        assert other.weaknesses("U01").table.equals(scores.weaknesses("U01").table)


def test_family_and_adjustment():
    scores = oms.scores(oms.omi2.load_synthetic(), by="unit")
    one = scores.weaknesses(adjust="bonferroni").table
    p = np.array(one["p_value"].to_pylist())
    items = len(one["item"].unique())
    assert np.allclose(one["p_adjusted"].to_pylist(), np.minimum(1, items * p), rtol=1e-12)
    every = scores.weaknesses(adjust="bonferroni", family="all").table
    # Over all units from the larger of p and Fisher's exact tail, which is far above it only
    # where p is tiny.
    adjusted = np.array(every["p_adjusted"].to_pylist())
    assert (adjusted >= np.minimum(1, len(p) * p) - 1e-12).all()
    some = (p > 1e-4) & (adjusted < 1)
    assert some.sum() > 3
    assert (adjusted[some] < 2 * len(p) * p[some]).all()
    assert np.median(adjusted[some] / (len(p) * p[some])) < 1.1
    assert every["family"].unique().to_pylist() == ["all"]
    # An alias of an adjustment is reported by its name.
    assert scores.weaknesses("U01", adjust="fdr").table["adjustment"][0].as_py() == "bh"


def test_credible_is_below_and_shown_weakest_first():
    found = oms.scores(case_set(made_up(3, APART)), by="unit").weaknesses()
    rows = found.table.to_pylist()
    for row in rows:
        below = row["difference"] < 0 and row["p_adjusted"] <= 0.05
        assert row["credible"] == below
    weak = found.credible().to_pylist()
    assert len(weak) == sum(row["credible"] for row in rows) > 3
    order = [(UNITS.index(row["unit"]), row["difference"]) for row in weak]
    assert order == sorted(order)


def test_comparisons_that_cannot_be_made_have_a_reason():
    rows = [r for r in made_up(5, APART) if r["unit"] != "coast"]
    first = next(r for r in rows if r["unit"] == "isle")
    rows = [r for r in rows if r["unit"] != "isle"] + [first]
    for row in rows:
        if row["unit"] == "west":
            row.update(dict.fromkeys(FRAMEWORK.question_ids))
    for lonely in ("null", "remove", "adjust"):
        scores = oms.scores(case_set(rows), by="unit", lonely=lonely, **WALD)
        found = by_key(scores.weaknesses())
        # No comparison is missing.
        assert len(found) == len(UNITS) * len(CRITERIA)
        for (unit, _), row in found.items():
            if unit in ("west", "coast"):
                assert row["reason"] == "no applicable answers"
                assert row["percent"] is None
                assert row["rest_percent"] is not None
            elif unit == "isle" and row["n"]:
                assert row["reason"] == "no standard error: a unit of one case"
                assert row["difference"] is not None
            elif unit != "isle" and lonely == "null" and row["rest_k"] is not None:
                of_isle = found["isle", row["item"]]["n"]
                text = "no standard error among the other units: a unit of one case"
                assert row["reason"] == (text if of_isle else None)
            elif unit != "isle":
                assert row["reason"] is None
            if row["reason"]:
                for name in ("se", "low", "high", "p_value", "p_adjusted", "credible", "method"):
                    assert row[name] is None, name


def test_a_unit_of_one_case_does_not_keep_others_from_being_compared():
    rows = made_up(5, APART, (14, 11, 9, 12, 10, 1))
    found = by_key(oms.scores(case_set(rows), by="unit").weaknesses())
    alone = "one case only: spread between cases unknown"
    for (unit, _), row in found.items():
        if unit != "isle":
            assert row["reason"] is None
            assert 0 <= row["p_value"] <= row["p_adjusted"] <= 1
            assert row["low"] <= row["difference"] <= row["high"]
            assert row["method"] in ("pearson-effective", "yates-effective")
            continue
        assert row["reason"] == (alone if row["n"] else "no applicable answers")
        assert row["reliability"] == ("one case only" if row["n"] else None)
        for name in ("low", "high", "p_value", "p_adjusted", "credible", "method"):
            assert row[name] is None, name
    assert {found["isle", item]["n"] > 0 for item in CRITERIA} >= {True}
    # As the rest of another unit it is no better.
    for row in oms.scores(case_set(rows), by="unit").weaknesses(
        "north", others=["isle"]
    ).table.to_pylist():  # fmt: skip
        if row["rest_n"]:
            assert row["reason"] == (
                "one case only among the other units: spread between cases unknown"
            )


@pytest.mark.parametrize("extra", [{}, {"rule": "questions"}, {"rule": "cases"}, {"weight": 1}])
def test_a_unit_of_one_case_makes_only_its_own_comparisons_null(extra):
    rows = made_up(5, APART, (14, 11, 9, 12, 10, 1))
    if "weight" in extra:
        extra = {"weight": [1.0] * len(rows)}
    scores = oms.scores(case_set(rows), by="unit", lonely="null", **extra)
    without = scores.weaknesses("north", others=["south", "east"]).table
    # Cases all alike have no standard error by Wald's rules.
    alike = {"cases all alike: their spread is not known"} if "rule" in extra else set()
    assert set(without["reason"].to_pylist()) - alike == {None}
    lone = {r["item"]: r["n"] > 0 for r in scores.weaknesses("isle").table.to_pylist()}
    for row in scores.weaknesses("north").table.to_pylist():
        if row["reason"] not in alike:
            assert (row["se"] is None) == lone[row["item"]]
    assert any(lone.values())


def test_one_unit_has_no_rest():
    rows = [r for r in made_up(5, APART) if r["unit"] == "north"]
    data = {name: [r[name] for r in rows] for name in rows[0]}
    cases = oms.CaseSet.from_data(data, framework=FRAMEWORK)
    for extra in ({}, {"weight": [1.0] * len(rows)}, {"rule": "questions"}, {"df": "design"}):
        found = oms.scores(cases, by="unit", **extra).weaknesses().table.to_pylist()
        assert [row["reason"] for row in found] == ["no other units to compare with"] * 4
        assert all(row["percent"] is not None for row in found)
        assert all(row["credible"] is None and row["rest_n"] == 0 for row in found)
    same = oms.scores(case_set(made_up(5, APART)), by="unit").weaknesses("north", others=["north"])
    assert set(same.table["reason"].to_pylist()) == {"no other units to compare with"}


@pytest.mark.parametrize("extra", [{}, {"weight": 1}, {"rule": "questions"}, {"df": "design"}])
def test_without_spread_nothing_is_credible(extra):
    rows = made_up(5, APART)
    for row in rows:
        row.update(dict.fromkeys(FRAMEWORK.question_ids, row["unit"] != "north"))
    extra = {"weight": [1.0] * len(rows)} if "weight" in extra else extra
    scores = oms.scores(case_set(rows), by="unit", **WALD, **extra)
    found = scores.weaknesses("north").table.to_pylist()
    assert {row["difference"] for row in found} == {-100.0}
    assert {row["reason"] for row in found} == {"no spread to test against"}
    assert {row["credible"] for row in found} == {None}
    if "rule" not in extra:
        # 14 cases all of whose answers are insufficient, beside 57 all of whose are not.
        found = oms.scores(case_set(rows), by="unit", **extra).weaknesses("north")
        assert found.table["credible"].to_pylist() == [True] * 4
        assert max(found.table["p_adjusted"].to_pylist()) < 1e-6


def test_the_first_bad_option_is_raised():
    scores = oms.scores(case_set(read()), by="unit")
    with pytest.raises(oms.UnknownNameError, match="unknown level 'chapter'"):
        scores.weaknesses(
            level="chapter",  # type: ignore[arg-type]
            confidence=95,
            others=["sout"],
        )
    with pytest.raises(oms.UnknownNameError, match="unknown unit 'sout'; did you mean 'south'"):
        scores.weaknesses(others=["north", "sout"])
    with pytest.raises(oms.UnknownNameError, match="unknown family"):
        scores.weaknesses(family="x")  # type: ignore[arg-type]
    with pytest.raises(oms.UnknownNameError, match="holm"):
        scores.weaknesses(adjust="holmes")  # type: ignore[arg-type]
    with pytest.raises(oms.UnknownNameError, match="did you mean 'north'"):
        scores.weaknesses("nort")
    with pytest.raises(oms.UnknownNameError, match="level of these scores"):
        scores.level("section").weaknesses()
    with pytest.raises(oms.UsageError, match="names no units"):
        scores.weaknesses(others=[])
    with pytest.raises(oms.UsageError, match="`adjust` must be one of"):
        scores.weaknesses(adjust=3)  # type: ignore[arg-type]
    with pytest.raises(oms.UsageError, match="no units among"):
        scores.unit("all").weaknesses()
    groups = oms.scores(case_set(read()), by="unit", breakdowns=["gender"]).breakdown("gender")
    with pytest.raises(oms.UsageError, match="only those of groups"):
        groups.weaknesses()
    for without in (oms.scores(case_set(read())), oms.Scores(scores.table, scores.framework)):
        with pytest.raises(oms.UsageError, match='by="unit"'):
            without.weaknesses()


def test_the_synthetic_mark_stays():
    found = oms.scores(oms.omi2.load_synthetic(), by="unit").weaknesses("U01")
    assert found.table.schema.metadata[b"synthetic"]
    assert "SYNTHETIC" in repr(found)
    assert "<table>" in found._repr_html_()
    assert "<b>" not in oms.scores(_odd(), by="unit").weaknesses()._repr_html_()
    assert pa.table(found).num_rows == len(found) == 11


def _odd() -> oms.CaseSet:
    rows = made_up(5, APART)
    data = {name: [r[name] for r in rows] for name in rows[0]}
    data["unit"] = [f"<b>{unit}" for unit in data["unit"]]
    return oms.CaseSet.from_data(data, framework=FRAMEWORK)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    order=st.permutations(UNITS),
    rule=st.sampled_from(["pooled", "questions", "cases"]),
)
def test_order_of_units_and_cases_does_not_matter_and_two_units_mirror_each_other(
    seed, order, rule
):
    """With one other unit the rest is that unit, so that only the sign changes."""
    rows = made_up(seed, ALIKE)
    one = by_key(oms.scores(case_set(rows), by="unit", rule=rule).weaknesses())
    random.Random(seed).shuffle(rows)
    data = {name: [r[name] for r in rows] for name in rows[0]}
    cases = oms.CaseSet.from_data(data, framework=FRAMEWORK, units=list(order))
    scores = oms.scores(cases, by="unit", rule=rule)
    again = by_key(scores.weaknesses())
    for key, row in one.items():
        for name in ("difference", "se", "p_adjusted"):
            # By Wald's rules cases all alike have neither.
            expected = None if row[name] is None else pytest.approx(row[name], rel=1e-9, abs=1e-11)
            assert again[key][name] == expected
    a, b = order[:2]
    there, back = (scores.weaknesses(u, others=[v]).table for u, v in ((a, b), (b, a)))
    for x, y in zip(there.to_pylist(), back.to_pylist(), strict=True):
        if y["difference"] is None:
            assert x["difference"] is x["se"] is None
            continue
        assert x["difference"] == pytest.approx(-y["difference"], abs=1e-11)
        if y["se"] is None:
            assert x["se"] is x["p_value"] is x["low"] is None
            continue
        assert x["se"] == pytest.approx(y["se"], rel=1e-12)
        # Units are independent: the variance of the difference is the sum of both.
        of = {r["unit"]: r for r in scores.item(x["item"]).breakdown().table.to_pylist()}
        assert x["se"] == pytest.approx(math.hypot(of[a]["se"], of[b]["se"]), rel=1e-9)


def test_a_weighted_call_with_equal_weights_is_the_plain_one():
    rows = made_up(8, APART)
    plain = by_key(oms.scores(case_set(rows), by="unit").weaknesses())
    weighed = by_key(oms.scores(case_set(rows), by="unit", weight=[2.0] * len(rows)).weaknesses())
    for key, row in plain.items():
        for name in ("percent", "rest_percent", "difference", "se", "p_value"):
            assert weighed[key][name] == pytest.approx(row[name], rel=1e-9)


def alike(rng: np.random.Generator, size: int) -> oms.CaseSet:
    """Draw cases of differing quality, in units that do not differ."""
    n = size * len(UNITS)
    quality = np.clip(rng.normal(0.7, 0.2, n), 0, 1)
    data = {"case_id": pa.array([f"m{i}" for i in range(n)])}
    data["unit"] = pa.array(np.repeat(UNITS, size))
    data.update({name: pa.nulls(n, pa.string()) for name in STRATA})
    for id in FRAMEWORK.question_ids:
        data[id] = pa.array(rng.random(n) < quality, mask=rng.random(n) >= 0.8)
    return oms.CaseSet.from_data(pa.table(data), framework=FRAMEWORK, units=list(UNITS))


@pytest.mark.parametrize(
    ("size", "given", "seen"),
    [
        (40, {}, [3.2, 2.2, 15.4]),
        (160, {}, [4.9, 2.6, 17.2]),
        (40, WALD, [5.9, 1.8, 19.9]),
        (160, WALD, [5.3, 2.0, 17.8]),
    ],
)
@pytest.mark.slow
def test_chance_of_any_false_claim_where_nothing_differs(size, given, seen):
    """6 units, all alike: a unit is wrongly called below in few data sets.

    Holm bounds the chance of any false claim in a unit by 0.05, and of a false "below" by about
    half of it, as far as each test keeps its level. 1,800 comparisons of a unit: the error of a
    share of 0.05 is 0.005, a little more as units of a data set have each other for the rest.
    """
    rng = np.random.default_rng(20110303)
    wrong = either = raw = units = 0
    for _ in range(300):
        found = oms.scores(alike(rng, size), by="unit", **given).weaknesses().table
        shape = len(UNITS), len(CRITERIA)
        units += len(UNITS)
        below, adjusted, p = (
            np.reshape(found[name].to_pylist(), shape)
            for name in ("credible", "p_adjusted", "p_value")
        )
        wrong += int(below.any(axis=1).sum())
        either += int((adjusted <= 0.05).any(axis=1).sum())
        raw += int((p <= 0.05).any(axis=1).sum())
    assert units == 1800
    assert 0.03 < either / units < 0.05 + 4 * 0.006
    assert 0.01 < wrong / units < 0.025 + 4 * 0.0045
    # Without adjustment the chance is several times as large.
    assert raw / units > 0.12
    # The percentages that docs/methodology/below-the-rest.md prints.
    assert [round(100 * found / units, 1) for found in (either, wrong, raw)] == seen


def test_a_tiny_p_value_is_shown_as_below_a_bound():
    rows = [{"case_id": i, "unit": "AB"[i % 2], "q": i % 2 == 0 or i < 320} for i in range(400)]
    framework = oms.Framework(
        "one",
        [oms.Question("q", "Q", oms.Link("1.1", "published"))],
        items=[oms.Item("1.1", "criterion", "One")],
    )
    data = {name: [row[name] for row in rows] for name in rows[0]}
    cases = oms.CaseSet.from_data(data, framework=framework)
    found = oms.scores(cases, by="unit").weaknesses("B")
    assert 0 < found.table["p_adjusted"][0].as_py() < 0.0001
    assert "<0.0001" in repr(found)
    assert "&lt;0.0001" in found._repr_html_()
