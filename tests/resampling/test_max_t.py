"""Step-down max-T of cases: against coin, against expectation, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from tests.factories import (
    BREAKDOWNS,
    Gender,
    Harm,
    OneGroup,
    frame,
    framework,
    oracle,
    random_frame,
    rows,
)

import omistats as oms
from omistats import UnknownNameError, UsageError


class Two(oms.Breakdown):
    key = "two"
    groups = ("a", "b")


class Three(oms.Breakdown):
    key = "three"
    groups = ("a", "b", "c")


def coin_cases() -> oms.CaseSet:
    ids = [*(f"q{i}" for i in range(1, 5)), *(f"s{i}" for i in range(1, 5))]
    strata = [oms.Stratum("two", ("a", "b")), oms.Stratum("three", ("a", "b", "c"))]
    made = oms.Framework("coin", [oms.Question(id, id) for id in ids], strata=strata)
    lines = oracle("permutation_cases.csv")
    columns: dict[str, Any] = {name: [r[name] for r in lines] for name in ("unit", "two", "three")}
    columns["case_id"] = list(range(len(lines)))
    for id in ids:
        columns[id] = [{"": None, "1": True, "0": False}[r[id]] for r in lines]
    return oms.CaseSet.from_data(columns, framework=made)


@pytest.mark.parametrize("within", [None, "unit"])
def test_coin_adjusts_alike(within: Any) -> None:
    expected = oracle("permutation_max_t.csv")
    asked = [line["question"] for line in expected]
    found = oms.max_t(
        coin_cases(), breakdowns=[Two()], questions=asked, within=within, permutations=20_000
    )
    prefix = "within" if within else "free"
    for got, line in zip(rows(found), expected, strict=True):
        for name, column in (("p_adjusted", prefix), ("p_value", f"{prefix}_alone")):
            theirs = float(line[column])
            # Two Monte Carlo errors, ours of 20,000 shuffles and theirs of 200,000.
            error = (theirs * (1 - theirs) * (1 / 20_000 + 1 / 200_000)) ** 0.5
            assert abs(got[name] - theirs) < 4 * error + 1 / 20_000, (got["question"], name)


def test_statistics_are_those_of_the_findings() -> None:
    cases = messy_cases(3)
    found = rows(oms.max_t(cases, breakdowns=BREAKDOWNS, permutations=5))
    table = oms.recompute(cases, breakdowns=BREAKDOWNS).table
    expected = {
        (r["breakdown"], r["question"]): (r["statistic"], r["df"]) for r in table.to_pylist()
    }
    assert len(found) == len(expected)
    for row in found:
        statistic, df = expected[row["breakdown"], row["question"]]
        assert (row["statistic"] is None) == (statistic is None) == (not row["in_family"])
        assert (row["reason"] is None) == row["in_family"]
        if statistic is not None:
            assert row["statistic"] == pytest.approx(statistic, rel=1e-12)
            assert row["df"] == df


def messy_cases(seed: int, size: int = 120, questions: int = 6) -> oms.CaseSet:
    columns = random_frame(seed, size, questions)
    return oms.CaseSet.from_data(columns, framework=framework(questions))


@given(
    seed=st.integers(0, 10_000),
    options=st.fixed_dictionaries(
        {
            "within": st.sampled_from([None, "unit"]),
            "fixed_n": st.booleans(),
            "complement": st.sampled_from(["all", "known"]),
        }
    ),
)
@settings(max_examples=25, deadline=None)
def test_adjusted_p_values_are_no_smaller_and_follow_the_statistics(
    seed: int, options: Any
) -> None:
    found = oms.max_t(messy_cases(seed, 60), breakdowns=BREAKDOWNS, permutations=30, **options)
    for split in BREAKDOWNS:
        family = [r for r in rows(found) if r["breakdown"] == split.key and r["in_family"]]
        family.sort(key=lambda r: -r["statistic"])
        assert all(r["p_value"] <= r["p_adjusted"] <= 1 for r in family)
        assert all(r["p_value"] >= 1 / 31 for r in family)
        adjusted = [r["p_adjusted"] for r in family]
        assert adjusted == sorted(adjusted)


def test_a_family_of_one_is_not_adjusted() -> None:
    found = rows(oms.max_t(messy_cases(1), breakdowns=[Gender()], questions=["q2"]))[0]
    assert found["p_value"] == found["p_adjusted"]
    assert found["p_value_error"] == pytest.approx(
        (found["p_value"] * (1 - found["p_value"]) / 2001) ** 0.5
    )


def test_a_breakdown_has_its_p_values_whatever_else_is_asked() -> None:
    cases = messy_cases(2)
    alone = rows(oms.max_t(cases, breakdowns=[Harm()], permutations=50, seed=4))
    among = rows(oms.max_t(cases, breakdowns=BREAKDOWNS, permutations=50, seed=4))
    assert alone == [r for r in among if r["breakdown"] == "harm"]
    other = rows(oms.max_t(cases, breakdowns=[Harm()], permutations=50, seed=5))
    assert [r["p_value"] for r in other] != [r["p_value"] for r in alone]


@pytest.mark.parametrize("fixed_n", [False, True])
def test_the_order_of_cases_is_no_matter_where_units_stay_together(fixed_n: bool) -> None:
    """Cases that come unsorted are shuffled within the units they belong to."""
    columns = random_frame(8, 80, 3)
    order = np.argsort(columns["unit"], kind="stable")
    ordered = {name: [values[i] for i in order] for name, values in columns.items()}
    one, two = (
        oms.max_t(
            oms.CaseSet.from_data(c, framework=framework(3)),
            breakdowns=BREAKDOWNS,
            within="unit",
            fixed_n=fixed_n,
            permutations=40,
        )
        for c in (columns, ordered)
    )
    assert one.table.equals(two.table)


def test_dependent_questions_cost_less_than_bonferroni() -> None:
    """Of a question asked ten times over, max-T knows that it is one question."""
    rng = np.random.default_rng(1)
    gender = np.where(rng.random(300) < 0.5, "f", "m").tolist()
    answer = [bool(rng.random() < (0.72 if g == "f" else 0.6)) for g in gender]
    columns = frame(300, 10, gender=gender, **{f"q{i}": answer for i in range(10)})
    cases = oms.CaseSet.from_data(columns, framework=framework(10))
    found = rows(oms.max_t(cases, breakdowns=[Gender()]))
    assert len({(r["p_value"], r["p_adjusted"]) for r in found}) == 1
    assert found[0]["p_value"] == found[0]["p_adjusted"] < 0.1


def applies_more_to_men(seed: int, questions: int = 12, size: int = 160) -> oms.CaseSet:
    """Answers that have nothing to do with gender, to questions that do."""
    rng = np.random.default_rng(seed)
    gender = np.where(rng.random(size) < 0.4, "f", "m")
    trait = rng.normal(size=(size, 1))
    asked = rng.random((size, questions)) < np.where(gender == "f", 0.3, 0.7)[:, np.newaxis]
    well = trait + rng.normal(size=(size, questions)) > 0
    columns = frame(size, questions, gender=gender.tolist())
    for q in range(questions):
        columns[f"q{q}"] = [
            bool(w) if a else None for w, a in zip(well[:, q], asked[:, q], strict=True)
        ]
    return oms.CaseSet.from_data(columns, framework=framework(questions))


@pytest.mark.slow
def test_fixed_n_keeps_its_level_where_questions_apply_to_groups_unlike() -> None:
    least = [
        min(
            r["p_adjusted"]
            for r in rows(
                oms.max_t(
                    applies_more_to_men(seed), breakdowns=[Gender()], fixed_n=True, permutations=99
                )
            )
        )
        for seed in range(100)
    ]
    # At 10%, of 100 families: four standard errors above the level, and not never.
    assert 1 <= sum(p <= 0.1 for p in least) <= 22


def test_the_cases_say_what_they_are_in_the_result_too() -> None:
    found = oms.max_t(
        oms.omi2.load_synthetic(), breakdowns=["gender"], questions=["induction"], permutations=9
    )
    assert found.table.schema.metadata[b"synthetic"] == b"true"
    assert found.to_pandas().attrs["synthetic"] == "true"
    assert found.to_polars().height == len(found) == 1
    assert "1 rows of breakdown, question" in repr(found)
    assert pa.table(found).equals(found.table)


def test_one_group_alone_is_not_compared() -> None:
    found = rows(oms.max_t(messy_cases(2), breakdowns=[OneGroup()], permutations=9))
    assert {r["in_family"] for r in found} == {False}
    assert {r["p_value"] for r in found} == {None}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"permutations": 0}, "`permutations` must be a whole number, 1 or more; found 0"),
        ({"permutations": 10.0}, "`permutations` must be a whole number"),
        ({"seed": -1}, "`seed` must be a whole number, 0 or more"),
        ({"within": "units"}, "`within` must be None or 'unit'; found 'units'"),
        ({"complement": "some"}, "`complement` must be 'all' or 'known'"),
        ({"fixed_n": 1}, "`fixed_n` must be False or True; found 1"),
        ({"questions": []}, "no questions to test"),
    ],
)
def test_what_makes_no_sense_is_refused(options: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        oms.max_t(messy_cases(1), **{"breakdowns": [Gender()], **options})


def test_unknown_names_list_the_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="q1"):
        oms.max_t(messy_cases(1), breakdowns=[Gender()], questions=["q11"])


@pytest.mark.parametrize("within", [None, "unit"])
@pytest.mark.parametrize("fixed_n", [False, True])
@pytest.mark.parametrize("kept", [0, 1])
def test_hardly_any_cases_are_in_no_family(within: Any, fixed_n: bool, kept: int) -> None:
    few = messy_cases(1).filter(np.arange(120) < kept)
    found = rows(
        oms.max_t(few, breakdowns=BREAKDOWNS, within=within, fixed_n=fixed_n, permutations=5)
    )
    assert {r["p_adjusted"] for r in found} == {None}
    said = {"no applicable answers", "no second group to compare with"}
    assert {r["reason"] for r in found} <= said


@pytest.mark.parametrize("within", [None, "unit"])
def test_a_file_without_cases_or_units_has_no_family(within: Any) -> None:
    columns = {name: pa.array([], pa.string()) for name in frame()}
    columns |= {f"q{q}": pa.array([], pa.bool_()) for q in range(2)}
    none = oms.CaseSet.from_data(pa.table(columns), framework=framework(2))
    found = rows(oms.max_t(none, breakdowns=BREAKDOWNS, within=within, permutations=3))
    assert {r["reason"] for r in found} == {"no applicable answers"}
