"""Simulated programmes: marked as such, and as the arguments ask."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import omistats as oms

FRAMEWORK = oms.omi2.FRAMEWORK


def matrix(cases: oms.CaseSet) -> np.ndarray:
    """Return the answers to the published questions: 1, 0 or NaN."""
    columns = [cases[q] for q in FRAMEWORK.question_ids]
    return np.stack(
        [c.cast(pa.int8()).cast(pa.float64()).to_numpy(zero_copy_only=False) for c in columns], 1
    )


def level(cases: oms.CaseSet, name: str) -> np.ndarray:
    return np.array(cases[name].cast(pa.string()).to_pylist(), object)


def log_odds_ratios(cases: oms.CaseSet, name: str, first: str) -> np.ndarray:
    """One a question, of a level against all other cases, with counts of both above 200."""
    answers, has = matrix(cases), level(cases, name) == first
    parts = [answers[has], answers[~has]]
    n = [np.isfinite(part).sum(axis=0) for part in parts]
    k = [np.nansum(part, axis=0) for part in parts]
    used = (n[0] > 200) & (n[1] > 200)
    odds = [(k[i][used] + 0.5) / (n[i][used] - k[i][used] + 0.5) for i in (0, 1)]
    assert used.sum() > 50
    return np.log(odds[0] / odds[1])


def design_effect(cases: oms.CaseSet) -> float:
    answers = matrix(cases)
    k, n = np.nansum(answers, axis=1), np.isfinite(answers).sum(axis=1)
    p = k.sum() / n.sum()
    return float(((k - p * n) ** 2).sum() / (n.sum() * p * (1 - p)))


@pytest.fixture(scope="module")
def programme() -> oms.CaseSet:
    return oms.omi2.simulate(seed=1)


@pytest.fixture(scope="module")
def large() -> oms.CaseSet:
    return oms.omi2.simulate(200, seed=2)


# --- the case file


def test_a_whole_programme_by_default(programme: oms.CaseSet) -> None:
    assert programme.units == tuple(f"S{i:02d}" for i in range(1, 36))
    sizes = np.bincount(programme.unit_codes)
    assert sizes.min() >= 100
    assert sizes.max() <= 220
    assert len(set(sizes.tolist())) > 15
    assert programme.framework is oms.omi2.DEMONSTRATION
    assert programme["case_id"][0].as_py() == "SYN-SIM-0001"


def test_it_is_marked_as_simulated(programme: oms.CaseSet) -> None:
    said = programme.metadata
    assert said[b"synthetic"] == b"true"
    assert said[b"simulated"] == b"true"
    assert said[b"seed"] == b"1"
    assert b"no row is a real case" in said[b"description"]
    assert "SYNTHETIC" in repr(programme)
    planted = oms.omi2.simulate(1, seed=1, difference={"gender": 0.5}).metadata
    assert json.loads(planted[b"difference"]) == {"gender": 0.5}
    assert json.loads(said[b"difference"]) is None


def test_it_is_a_valid_case_file_of_the_framework(programme: oms.CaseSet) -> None:
    again = oms.CaseSet.from_data(pa.table(programme), framework=FRAMEWORK)
    assert len(again) == len(programme)
    assert all(name.startswith("invented_") for name in again.extra)
    assert again.metadata[b"simulated"] == b"true"


@pytest.mark.parametrize(("sizes", "low", "high"), [(300, 300, 300), ((40, 60), 40, 60)])
def test_units_are_as_large_as_asked(sizes: Any, low: int, high: int) -> None:
    cases = oms.omi2.simulate(12, seed=1, sizes=sizes)
    found = np.bincount(cases.unit_codes)
    assert found.min() >= low
    assert found.max() <= high
    assert (len(set(found.tolist())) > 1) == (low < high)
    assert cases.metadata[b"sizes"] == f"{low}-{high}".encode()


def test_sizes_by_default_are_those_of_samples(programme: oms.CaseSet) -> None:
    assert pa.table(oms.omi2.simulate(seed=1, sizes=(100, 220))).equals(pa.table(programme))


def test_the_same_seed_gives_the_same_cases() -> None:
    first, again, other = (pa.table(oms.omi2.simulate(3, seed=s)) for s in (5, 5, 6))
    assert first.equals(again, check_metadata=True)
    assert not first.equals(other)


# --- rates and differences


def test_rates_and_applicability_by_group_are_near_the_shipped_ones(large: oms.CaseSet) -> None:
    shipped = oms.omi2.load_synthetic()
    found, base = oms.recompute(large), oms.recompute(shipped)
    n = [f.table["n"].to_numpy() for f in (found, base)]
    percent = [f.table["percent"].to_numpy() for f in (found, base)]
    enough = n[1] >= 100
    off = np.abs(percent[0] - percent[1])[enough]
    # Every question has effects of its own in the 200 units, hence not nearer than this.
    assert off.max() < 4
    assert np.sqrt(np.mean(off**2)) < 1
    assert np.abs(n[0] / len(large) - n[1] / len(shipped)).max() < 0.01


def test_questions_that_never_apply_in_the_shipped_cases_never_do(large: oms.CaseSet) -> None:
    custody = level(large, "supervision_type") == "custody"
    assert custody.sum() > 1000
    assert not np.isfinite(
        matrix(large)[custody][:, FRAMEWORK.question_ids.index("induction")]
    ).any()
    other = level(large, "risk_of_harm") == "not high"
    assert not np.isfinite(
        matrix(large)[other][:, FRAMEWORK.question_ids.index("home_visit")]
    ).any()


def test_answers_of_a_case_go_together_as_much_as_asked() -> None:
    effects = [design_effect(oms.omi2.simulate(20, seed=3, unit_sd=0, case_sd=s)) for s in (0, 0.5)]
    assert effects[1] > 2
    # Without case effects there remains what question rates add to the sum of a case.
    assert 0.7 < effects[0] < 1.3


def test_units_differ_as_much_as_asked() -> None:
    def spread(unit_sd: float) -> float:
        cases = oms.omi2.simulate(60, seed=4, unit_sd=unit_sd, case_sd=0.3)
        answers = matrix(cases)
        k, n = (
            np.bincount(cases.unit_codes, weights)
            for weights in (np.nansum(answers, axis=1), np.isfinite(answers).sum(axis=1))
        )
        return float(np.std(k / n))

    none, some, much = (spread(s) for s in (0, 0.25, 0.5))
    assert none < 0.01
    # The logistic slope turns an effect of 0.25 into about 5 points.
    assert 0.035 < some < 0.065
    assert much > 1.6 * some


@pytest.mark.parametrize("sd", [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0)])
def test_a_given_difference_holds_on_average(sd: tuple[float, float]) -> None:
    cases = oms.omi2.simulate(
        100, seed=6, unit_sd=sd[0], case_sd=sd[1], difference={"age_group": 0.4}
    )
    assert np.mean(log_odds_ratios(cases, "age_group", "17-24")) == pytest.approx(0.4, abs=0.06)
    assert np.mean(log_odds_ratios(cases, "gender", "male")) == pytest.approx(0, abs=0.06)


def test_no_difference_means_none() -> None:
    none = oms.omi2.simulate(100, seed=7, difference={})
    for name, first in (("age_group", "17-24"), ("risk_of_harm", "high"), ("gender", "male")):
        assert np.mean(log_odds_ratios(none, name, first)) == pytest.approx(0, abs=0.06)
    # By default groups do differ, question by question.
    usual = log_odds_ratios(oms.omi2.simulate(100, seed=7), "risk_of_harm", "high")
    assert np.std(usual) > 0.2


def test_questions_about_one_circumstance_apply_together(large: oms.CaseSet) -> None:
    has = np.isfinite(matrix(large))
    ids = FRAMEWORK.question_ids
    one, other = (has[:, ids.index(q)] for q in ("plan_ppo", "ppo_contact"))
    assert (one & other).mean() > 3 * one.mean() * other.mean()


def test_no_warning_is_raised() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        oms.omi2.simulate(2, seed=8, difference={"ethnicity": -1.0})


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "`units` must be a whole number from 1"),
        ({"units": 2.5}, "`units` must be a whole number from 1"),
        ({"units": True}, "`units` must be a whole number from 1"),
        ({"sizes": 0}, "`sizes` must be a whole number from 1 to 1,000,000"),
        ({"sizes": (200, 100)}, "ascending"),
        ({"sizes": (100, 150, 200)}, "ascending"),
        ({"sizes": (100.0, 150)}, "ascending"),
        ({"sizes": "100"}, "found '100'"),
        ({"sizes": None}, "found None"),
        ({"seed": -1}, "`seed` must be a whole number, 0 or more"),
        ({"seed": None}, "`seed` must be a whole number, 0 or more"),
        ({"unit_sd": -0.1}, "`unit_sd` must be a number from 0 to 10"),
        ({"case_sd": float("nan")}, "`case_sd` must be a number from 0 to 10"),
        ({"case_sd": "much"}, "`case_sd` must be a number from 0 to 10"),
        (
            {"difference": {"gender": float("inf")}},
            "`difference` of 'gender' must be a finite number",
        ),
        ({"difference": {"gender": "big"}}, "`difference` of 'gender' must be a finite number"),
        ({"difference": 0.3}, "`difference` must map characteristics to log odds ratios"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(oms.UsageError, match=message):
        oms.omi2.simulate(**arguments)


def test_the_first_bad_argument_is_reported() -> None:
    with pytest.raises(oms.UsageError, match="`units`") as caught:
        oms.omi2.simulate(0, seed=-1, case_sd=-1)
    assert "`seed`" not in str(caught.value)


def test_an_unknown_characteristic() -> None:
    with pytest.raises(oms.UnknownNameError, match="did you mean 'gender'"):
        oms.omi2.simulate(difference={"gendre": 0.1})
