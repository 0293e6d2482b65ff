"""Plans by half width: the width asked for is reached after weighting, or the first line says so.

Widths are recounted from the weights of the cases drawn, with statsmodels' Wilson interval.
"""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from statsmodels.stats.proportion import proportion_confint
from tests.sampling.caseloads import made_of, plain, table_of
from tests.sampling.test_plan import caseloads

import omistats as oms

HIGH = "risk_of_harm"


def recount(plan: oms.sampling.SamplePlan, unit: str, p: float = 0.5, alpha: float = 0.05) -> float:
    """Compute the half width of a unit from the weights of a sample."""
    sample = plan.draw(seed=1)
    inside = np.array(sample["unit"].to_pylist()) == unit
    weights = sample["weight"].to_numpy()[inside]
    population = sum(u == unit for u in plan.caseload["unit"].to_pylist())
    assert weights.sum() == pytest.approx(population, rel=1e-12)
    kish = len(weights) * (weights**2).sum() / weights.sum() ** 2
    effective = len(weights) / kish
    if len(weights) == population:
        return 0.0
    infinite = effective * (population - 1) / (population - effective)
    low, high = proportion_confint(p * infinite, infinite, alpha=alpha, method="wilson")
    return float(high - low) / 2


def widths(plan: oms.sampling.SamplePlan) -> dict[str, float]:
    return dict(
        zip(*(plan.units[name].to_pylist() for name in ("unit", "half_width")), strict=True)
    )


def head(plan: oms.sampling.SamplePlan) -> str:
    return repr(plan).splitlines()[0]


@pytest.mark.parametrize("options", [{}, {"least": 2}, {"keep": ()}, {"give_way": True}])
@pytest.mark.parametrize("quota", [0, 0.3, 0.5, 60, 150])
@pytest.mark.parametrize("half_width", [0.04, 0.065, 0.1])
def test_the_width_asked_for_is_reached_and_one_case_fewer_would_not_do(half_width, quota, options):
    caseload = made_of(plain(scale=10))
    options = {**options, "at_least": {HIGH: {"high": quota}}}
    plan = oms.plan_sample(caseload, half_width=half_width, **options)
    reached = widths(plan)["A"]
    assert reached == pytest.approx(recount(plan, "A"), rel=1e-9)
    n = plan.settings["size"]["A"]
    assert plan.units["n"].to_pylist() == [n] == [sum(table_of(plan).values())]
    if quota == 0.5 and half_width == 0.04:
        # 320 cases are of high risk; 640 are the most of which they are half.
        assert n == 640
        assert reached > 0.04
        assert (
            f"half width asked 4 points, widest reached {100 * reached:.2f}, too wide in 'A'"
            in (head(plan))
        )
        assert "a larger sample has too few cases for its quotas" in repr(plan)
        with pytest.raises(oms.DataError, match="at least 321 of 320"):
            oms.plan_sample(caseload, size=641, **options)
        return
    assert reached <= half_width
    assert f"half width asked {100 * half_width:g} points, widest reached " in head(plan)
    assert "too wide" not in repr(plan)
    least = int(oms.stats.sample_for_precision(half_width, population=2000))
    assert n >= least
    if n > least:
        try:
            fewer = oms.plan_sample(caseload, size=n - 1, **options)
        except oms.DataError:
            assert options["at_least"][HIGH]["high"] == 150  # no room for the quota
        else:
            assert widths(fewer)["A"] > half_width


def test_a_boost_that_doubles_the_variance_doubles_the_sample():
    # In a sample of the size without weights, the interval would be half as wide again.
    caseload = made_of(plain(scale=30))
    options = {"at_least": {HIGH: {"high": 0.65}}}
    plain_size = int(oms.stats.sample_for_precision(0.05, population=6000))
    before = oms.plan_sample(caseload, size=plain_size, **options)
    assert before.units["design_effect"][0].as_py() == pytest.approx(2.1, abs=0.05)
    assert 0.072 < widths(before)["A"] < 0.076
    assert "asked" not in repr(before)
    plan = oms.plan_sample(caseload, half_width=0.05, **options)
    assert widths(plan)["A"] <= 0.05
    # Of effective cases as many are needed as of cases of equal weight.
    row = plan.units.to_pylist()[0]
    assert row["n"] / row["design_effect"] == pytest.approx(plain_size, abs=1)


def test_equal_weights_need_no_more_than_a_simple_random_sample():
    counts = plain() | plain("B", 5)
    for cells in ((), ("gender",)):
        for half_width in (0.03, 0.05, 0.06, 0.1):
            plan = oms.plan_sample(made_of(counts), cells=cells, half_width=half_width)
            sizes = [
                int(oms.stats.sample_for_precision(half_width, population=n)) for n in (200, 1000)
            ]
            if cells == ():
                assert plan.units["design_effect"].to_pylist() == pytest.approx([1, 1], rel=1e-15)
                assert plan.units["n"].to_pylist() == sizes
            for n, size in zip(plan.units["n"].to_pylist(), sizes, strict=True):
                assert size <= n <= size + 1  # weights are equal but for rounding


def test_the_half_width_is_that_of_the_variance_of_a_stratified_sample():
    # The textbook's sum over strata with a correction in each (Cochran 1977, 5.2), where answers
    # vary as much in each stratum as in the caseload; in exact fractions until the square root.
    counts = plain(scale=3)
    plan = oms.plan_sample(made_of(counts), size=110, at_least={HIGH: {"high": 55}}, least=2)
    population = sum(counts.values())
    s2 = Fraction(1, 4) * Fraction(population, population - 1)
    variance = sum(
        (Fraction(there, population) ** 2 * (1 - Fraction(n, there)) * s2 / n)
        for there, n in ((counts[key], n) for key, n in table_of(plan).items())
    )
    infinite = float(Fraction(1, 4) / variance)
    low, high = proportion_confint(infinite / 2, infinite, method="wilson")
    assert widths(plan)["A"] == pytest.approx((high - low) / 2, rel=1e-12)


@pytest.mark.slow
def test_the_interval_of_that_width_covers_at_its_confidence():
    # Each of 600 samples meets answers dealt out afresh, as many right as wrong.
    caseload = made_of(plain(scale=5))
    options: dict[str, Any] = {"at_least": {HIGH: {"high": 0.55}}, "least": 2}
    plan = oms.plan_sample(caseload, half_width=0.07, **options)
    reached = widths(plan)["A"]
    naive = oms.plan_sample(caseload, half_width=0.07).units["n"][0].as_py()
    short = oms.plan_sample(caseload, size=naive, **options)
    answers = np.arange(len(caseload)) % 2
    rng = np.random.default_rng(2011)
    errors: dict[str, list[float]] = {"grown": [], "as before": []}
    draws = 600
    for seed in range(draws):
        dealt = rng.permutation(answers)
        for label, drawn in (("grown", plan.draw(seed)), ("as before", short.draw(seed))):
            weights = drawn["weight"].to_numpy()
            found = dealt[drawn["case_id"].to_numpy()]
            errors[label].append(abs((weights * found).sum() / weights.sum() - 0.5))
    covered = {label: np.mean(np.array(found) <= reached) for label, found in errors.items()}
    error = math.sqrt(0.95 * 0.05 / draws)
    assert abs(covered["grown"] - 0.95) < 3 * error
    assert covered["as before"] < 0.95 - 6 * error
    # What docs/methodology/sampling.md prints.
    assert [plan.units["n"][0].as_py(), naive] == [263, 162]
    assert [round(100 * covered[label], 1) for label in errors] == [95.0, 87.3]


# --- other proportions and confidences, and units


def test_p_and_confidence_are_those_of_the_width():
    caseload = made_of(plain(scale=10))
    options = {"at_least": {HIGH: {"high": 0.5}}}
    at_half = oms.plan_sample(caseload, half_width=0.06, **options)
    plan = oms.plan_sample(caseload, half_width=0.06, p=0.8, confidence=0.9, **options)
    assert widths(plan)["A"] == pytest.approx(recount(plan, "A", 0.8, 0.1), rel=1e-9)
    assert 0.0595 < widths(plan)["A"] <= 0.06
    assert plan.units["n"][0].as_py() < at_half.units["n"][0].as_py()
    said = json.loads(plan.draw(1).metadata[b"sampling"])
    assert (said["half_width"], said["p"], said["confidence"]) == ({"A": 0.06}, 0.8, 0.9)


def test_a_plan_by_size_says_which_width_it_has():
    plan = oms.plan_sample(made_of(plain(scale=5)), size=160, at_least={HIGH: {"high": 0.5}})
    assert widths(plan)["A"] == pytest.approx(recount(plan, "A"), rel=1e-9)
    assert "asked" not in repr(plan)
    assert f"{100 * widths(plan)['A']:.2f}" in repr(plan).splitlines()[3]
    assert plan.settings["half_width"] is None


def test_units_have_widths_of_their_own_and_do_not_matter_to_each_other():
    counts = plain("A", 5) | plain("B", 10)
    asked = {"B": 0.05, "A": 0.08}
    options = {"at_least": {HIGH: {"high": {"A": 80, "B": 0.4}}}}
    both = oms.plan_sample(made_of(counts), half_width=asked, **options)
    assert all(widths(both)[unit] <= asked[unit] for unit in asked)
    assert "half width asked 5 to 8 points, widest reached 7.9" in head(both)
    alone = {
        unit: oms.plan_sample(
            made_of({key: n for key, n in counts.items() if key[0] == unit}),
            half_width=asked[unit],
            at_least={HIGH: {"high": options["at_least"][HIGH]["high"][unit]}},
        )
        for unit in asked
    }
    assert table_of(both) == table_of(alone["A"]) | table_of(alone["B"])
    again = oms.plan_sample(made_of(counts), half_width=asked, **options)
    assert again.table.equals(both.table)


# --- the edges


@pytest.mark.parametrize("cases", [1, 2, 3, 7])
def test_of_a_small_unit_the_whole_caseload_is_drawn(cases):
    counts = {("A", "high", "male", "white"): 1, ("A", "not high", "male", "white"): cases - 1}
    counts = {key: n for key, n in counts.items() if n} | plain("B")
    plan = oms.plan_sample(made_of(counts), half_width=0.05)
    rows = plan.units.to_pylist()
    assert (rows[0]["n"], rows[0]["half_width"], rows[0]["design_effect"]) == (cases, 0.0, 1.0)
    assert rows[1]["half_width"] <= 0.05


def test_a_quota_of_all_there_are_makes_the_others_follow():
    # All 160 of high risk, each with weight 1: the others are what makes the width.
    caseload = made_of(plain(scale=5))
    plan = oms.plan_sample(caseload, half_width=0.05, at_least={HIGH: {"high": 160}})
    drawn = {row["level"]: row["n"] for row in plan.margins.to_pylist()[:2]}
    assert drawn["high"] == 160
    assert widths(plan)["A"] == pytest.approx(recount(plan, "A"), rel=1e-9)
    assert 0.0495 < widths(plan)["A"] <= 0.05
    # Nearly everyone: no fewer have them all in proportion.
    options: dict[str, Any] = {"keep": [HIGH], "at_least": {HIGH: {"high": 159}}}
    most = oms.plan_sample(caseload, half_width=0.05, **options)
    assert most.units["n"].to_pylist() == [988]
    assert widths(most)["A"] < 0.01
    with pytest.raises(oms.DataError, match="kept at 840 of 1,000"):
        oms.plan_sample(caseload, size=987, **options)


def test_minimums_and_quotas_are_given_room():
    # 16 cases would do for the width; eight cells of four, and 60 cases, need more.
    caseload = made_of(plain(scale=5))
    assert oms.stats.sample_for_precision(0.2, population=1000) < 22
    plan = oms.plan_sample(caseload, half_width=0.2, least=4)
    assert plan.units["n"][0].as_py() >= 8 * 4
    assert widths(plan)["A"] < 0.2
    plan = oms.plan_sample(caseload, half_width=0.2, at_least={HIGH: {"high": 60}})
    assert plan.margins["n"][0].as_py() >= 60
    assert widths(plan)["A"] <= 0.2
    assert widths(plan)["A"] == pytest.approx(recount(plan, "A"), rel=1e-9)


@pytest.mark.parametrize(
    ("at_least", "found"),
    [
        ({HIGH: {"high": 161}}, "at least 161 of 160, in a sample of"),
        ({HIGH: {"high": 0.5, "not high": 0.6}}, "no way to have all of"),
        ({HIGH: {"high": 0.7}}, "at least 194 of 160, in a sample of 276"),
    ],
)
def test_quotas_that_no_size_can_meet_are_refused(at_least, found):
    with pytest.raises(oms.DataError) as caught:
        oms.plan_sample(made_of(plain(scale=5)), half_width=0.05, at_least=at_least)
    (problem,) = caught.value.problems
    assert found in problem.found


def test_cells_without_a_case_count_against_the_width():
    # One of 1,001 may be anything: that is 0.05 points, if half is the expected proportion.
    counts = plain(scale=5) | {("A", "high", "male", None): 1}
    caseload = made_of(counts)
    plan = oms.plan_sample(caseload, half_width=0.05, least=0, keep=())
    assert table_of(plan)["A", "high", "male", None] == 0
    assert plan.units["design_effect"].to_pylist() == [None]
    assert widths(plan)["A"] <= 0.05
    rest = made_of(plain(scale=5))
    drawn = {key: n for key, n in table_of(plan).items() if n}
    alone = oms.plan_sample(rest, size=sum(drawn.values()), least=0, keep=())
    assert table_of(alone) == drawn
    assert widths(plan)["A"] == pytest.approx(widths(alone)["A"] + 0.5 / 1001, rel=1e-12)
    # A quota as large as the sample leaves nobody of low risk: the sample has to grow.
    plan = oms.plan_sample(
        caseload, half_width=0.1, least=0, at_least={HIGH: {"high": 100}}, give_way=True
    )
    assert widths(plan)["A"] <= 0.1
    assert plan.margins["n"][1].as_py() > 50


@settings(max_examples=40, deadline=None)
@given(
    counts=caseloads(),
    half_width=st.floats(0.02, 0.4),
    high=st.one_of(st.none(), st.integers(0, 60), st.floats(0.05, 0.95).map(lambda f: round(f, 2))),
    least=st.integers(0, 3),
    give_way=st.booleans(),
)
def test_every_width_is_reached_or_said_not_to_be(counts, half_width, high, least, give_way):
    quotas = {} if high is None else {HIGH: {"high": high}}
    caseload = made_of(counts)
    try:
        plan = oms.plan_sample(
            caseload, half_width=half_width, at_least=quotas, least=least, give_way=give_way
        )
    except oms.DataError:
        # A size that is never refused is that of the whole caseload.
        assert high is not None
        return
    asked = f"half width asked {100 * half_width:.4g} points"
    assert asked in head(plan)
    for row in plan.units.to_pylist():
        if None not in plan.table["weight"].to_pylist():
            assert row["half_width"] == pytest.approx(
                recount(plan, row["unit"]), rel=1e-9, abs=1e-12
            )
        if row["half_width"] > half_width * (1 + 1e-9):
            assert isinstance(high, float)
            _, said, units = head(plan).partition("too wide in ")
            assert said
            assert repr(row["unit"]) in units
