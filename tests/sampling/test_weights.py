"""Weights of what was inspected: cells that are merged, by which rule, and what that costs."""

from __future__ import annotations

import re
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings, strategies as st
from tests.sampling.caseloads import FRAMEWORK, made_of, plain
from tests.sampling.test_plan import caseloads

import omistats as oms


def without(counts, *lost, n=0):
    return {key: n if key in lost else count for key, count in counts.items()}


def cell(*levels):
    return ("A", *levels)


HIGH_FEMALE_BME = cell("high", "female", "BME")
HIGH_FEMALE_WHITE = cell("high", "female", "white")
HIGH_MALE_WHITE = cell("high", "male", "white")
HIGH_MALE_BME = cell("high", "male", "BME")


@settings(max_examples=40)
@given(caseloads(), st.data())
def test_weights_are_positive_add_up_and_say_which_margins_are_exact(counts, data):
    inspected = {key: data.draw(st.integers(0, n)) for key, n in counts.items()}
    least = data.draw(st.integers(1, 3))
    try:
        found = oms.design_weights(made_of(inspected), made_of(counts), least=least)
    except oms.DataError:
        first = {key[:2] for key in counts}
        assert any(
            sum(n for k, n in inspected.items() if k[:2] == part)
            < min(least, sum(n for k, n in counts.items() if k[:2] == part))
            for part in first
        )
        assume(False)
    cases = pa.table(found.cases).to_pylist()
    assert len(cases) == sum(inspected.values())
    strata = {row["sampling_stratum"]: row for row in cases}
    for stratum, row in strata.items():
        inside = [r for r in cases if r["sampling_stratum"] == stratum]
        assert {(r["weight"], r["population"], r["unit"], r["risk_of_harm"]) for r in inside} == {
            (row["weight"], row["population"], row["unit"], row["risk_of_harm"])
        }  # never across units or the first characteristic
        assert row["weight"] == row["population"] / len(inside) > 0
        assert len(inside) >= min(least, row["population"])
    for unit, harm in {key[:2] for key in counts}:
        part = [r for r in cases if (r["unit"], r["risk_of_harm"]) == (unit, harm)]
        there = sum(n for key, n in counts.items() if key[:2] == (unit, harm))
        assert (
            sum(
                Fraction(s["population"]) for s in {r["sampling_stratum"]: r for r in part}.values()
            )
            == there
        )
    for row in found.margins.to_pylist():
        name = row["characteristic"]
        weight = sum(
            r["weight"] for r in cases if (r["unit"], r[name]) == (row["unit"], row["level"])
        )
        assert row["weighted"] == pytest.approx(weight, rel=1e-12)
        assert row["exact"] == (abs(weight - row["population"]) < 1e-6)
        assert row["exact"] or name != "risk_of_harm"
    if not found.merged:
        assert all(found.margins["exact"].to_pylist())


def test_nothing_is_merged_where_every_cell_was_seen():
    counts = plain(scale=2)
    inspected = {key: max(1, n // 5) for key, n in counts.items()}
    found = oms.design_weights(made_of(inspected), made_of(counts))
    weight = {row["sampling_stratum"]: row["weight"] for row in found.table.to_pylist()}
    assert weight == {" / ".join(k): n / inspected[k] for k, n in counts.items()}
    assert found.merged == ()
    assert repr(found).endswith("8 cells, 0 merged strata")


def test_the_last_characteristic_gives_way_first():
    counts = plain()
    inspected = without(counts, HIGH_FEMALE_BME)
    found = oms.design_weights(made_of(inspected), made_of(counts))
    assert found.merged == ((HIGH_FEMALE_WHITE, HIGH_FEMALE_BME),)
    row = next(r for r in found.table.to_pylist() if r["population"] == 1)
    assert row["merged"]
    assert row["sampling_stratum"] == "A / high / female / white + A / high / female / BME"
    assert row["weight"] == 4 / 3
    lost = {(r["characteristic"], r["level"]) for r in found.margins.to_pylist() if not r["exact"]}
    assert lost == {("ethnicity", "white"), ("ethnicity", "BME")}
    assert "no longer the caseload's: 2" in repr(found)
    assert "ethnicity BME" in repr(found)


def test_then_the_one_before_with_the_same_later_level():
    counts = plain()
    del counts[HIGH_FEMALE_WHITE]  # no neighbour that differs in ethnicity only
    found = oms.design_weights(made_of(without(counts, HIGH_FEMALE_BME)), made_of(counts))
    # Not high / male / white, though more of it were inspected.
    assert found.merged == ((HIGH_MALE_BME, HIGH_FEMALE_BME),)
    lost = {(r["characteristic"], r["level"]) for r in found.margins.to_pylist() if not r["exact"]}
    assert lost == {("gender", "male"), ("gender", "female")}


def test_of_several_neighbours_it_is_the_one_most_inspected():
    counts = plain() | {cell("high", "male", None): 3}
    found = oms.design_weights(
        made_of(without(counts, cell("high", "male", None))), made_of(counts)
    )
    assert found.merged == ((HIGH_MALE_WHITE, cell("high", "male", None)),)
    few = without(counts, cell("high", "male", None)) | {HIGH_MALE_WHITE: 2, HIGH_MALE_BME: 3}
    found = oms.design_weights(made_of(few), made_of(counts))
    assert found.merged == ((HIGH_MALE_BME, cell("high", "male", None)),)


def test_all_of_a_gender_may_be_lost():
    counts = plain()
    inspected = without(counts, HIGH_FEMALE_BME, HIGH_FEMALE_WHITE)
    found = oms.design_weights(made_of(inspected), made_of(counts))
    assert found.merged == ((HIGH_MALE_WHITE, HIGH_FEMALE_WHITE, HIGH_FEMALE_BME),)


def test_two_cases_of_each_stratum_tell_its_variance():
    counts = plain(scale=3)
    inspected = {key: max(1, n // 9) for key, n in counts.items()}
    assert 1 in inspected.values()
    found = oms.design_weights(made_of(inspected), made_of(counts), least=2)
    sizes = [
        found.cases["sampling_stratum"].to_pylist().count(s)
        for s in found.cases["sampling_stratum"].dictionary.to_pylist()
    ]
    assert min(sizes) >= 2
    # A cell that is inspected whole needs no neighbour.
    whole = {**dict.fromkeys(counts, 4), HIGH_FEMALE_BME: 1}
    found = oms.design_weights(made_of(whole), made_of({**counts, HIGH_FEMALE_BME: 1}), least=2)
    assert found.merged == ()


def test_who_is_merged_does_not_depend_on_the_order_of_rows():
    from tests.sampling.caseloads import shuffled

    counts = plain()
    inspected = without(counts, HIGH_FEMALE_BME, cell("not high", "female", "BME"))
    a = oms.design_weights(made_of(inspected), made_of(counts))
    b = oms.design_weights(shuffled(made_of(inspected), 1), shuffled(made_of(counts), 2))
    assert a.table.equals(b.table)
    assert a.merged == b.merged


def test_cells_may_be_of_other_characteristics():
    counts = plain()
    found = oms.design_weights(
        made_of(without(counts, HIGH_FEMALE_BME, n=1)), made_of(counts), cells=["gender"]
    )
    assert found.table.column_names[:2] == ["unit", "gender"]
    assert found.table["n"].to_pylist() == [166, 34]
    one = oms.design_weights(made_of(plain("A")), made_of(plain("A", 2)), cells=[])
    assert one.table.to_pylist() == [
        {
            "unit": "A",
            "population": 400,
            "n": 200,
            "sampling_stratum": "A",
            "weight": 2.0,
            "merged": False,
        }
    ]


def test_weights_of_what_was_drawn_are_those_of_the_plan():
    caseload = made_of(plain(scale=4) | plain("B", 6))
    sample = oms.plan_sample(caseload, size=90, at_least={"risk_of_harm": {"high": 40}}).draw(2)
    drawn = pa.table(sample)
    bare = drawn.drop_columns(["sampling_stratum", "weight", "population"])
    cases = oms.CaseSet.from_data(bare, framework=FRAMEWORK)
    found = oms.design_weights(cases, caseload)
    again = pa.table(found.cases)
    for name in ("case_id", "weight", "population"):
        assert again[name].equals(drawn[name])
    assert again["sampling_stratum"].to_pylist() == drawn["sampling_stratum"].to_pylist()


# --- bad input


def refused(cases, caseload, **options):
    with pytest.raises(oms.DataError) as caught:
        oms.design_weights(cases, caseload, **options)
    return [str(problem) for problem in caught.value.problems]


def test_cases_that_the_caseload_does_not_have_are_refused():
    counts = plain()
    more = {**counts, ("Z", "high", "male", "white"): 2, cell("high", "male", None): 1}
    problems = refused(made_of({**more, HIGH_FEMALE_BME: 3}), made_of(counts))
    assert len(problems) == 3
    assert problems[0].startswith("caseload: the caseload has every unit that cases were inspected")
    assert "found no unit 'Z', of which 2 were inspected" in problems[0]
    assert "found 1 of A / high / male / unknown. " in problems[1]
    assert problems[2].startswith("A / high / female / BME: no more of a cell")
    assert "found 3 of 1" in problems[2]


def test_a_unit_that_the_caseload_lacks_is_named_and_not_its_cells():
    cases = made_of(plain() | plain("kent") | plain("essex"))
    (problem,) = refused(cases, made_of(plain()))
    assert "no unit 'essex', 'kent', of which 400 were inspected" in problem
    assert " / " not in problem


def test_a_first_level_with_too_few_cases_is_refused():
    counts = plain() | plain("B")
    high = [k for k in counts if k[:2] == ("A", "high")]
    (problem,) = refused(made_of(without(counts, *high)), made_of(counts))
    assert problem.startswith("A / high: 1 or more cases inspected, as cells are not merged across")
    assert "found 0 of 32" in problem
    (problem,) = refused(made_of(without(counts, *high) | {high[0]: 2}), made_of(counts), least=3)
    assert "found 2 of 32" in problem


def test_a_unit_without_inspected_cases_is_named():
    (problem,) = refused(made_of(plain()), made_of(plain() | plain("B")))
    assert "none of 'B'" in problem


def test_the_columns_of_a_draw_are_replaced_and_others_of_their_names_refused():
    caseload = made_of(plain())
    sample = oms.plan_sample(caseload, size=60).draw(1)
    read = sample.filter(pa.array([i > 0 for i in range(60)]))
    found = oms.design_weights(read, caseload).cases
    assert found.columns == sample.columns
    assert sum(found["weight"].to_pylist()) == pytest.approx(200)
    bare = pa.table(sample).drop_columns(["population"])
    problems = refused(oms.CaseSet.from_data(bare, framework=FRAMEWORK), caseload)
    assert [p.split(":")[0] for p in problems] == ["sampling_stratum", "weight"]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"cases": None}, oms.UsageError, "`cases` must be a CaseSet; found None"),
        ({"caseload": 3}, oms.UsageError, "`caseload` must be a CaseSet; found 3"),
        ({"least": 0}, oms.UsageError, "least"),
        ({"cells": ["sex"]}, oms.UnknownNameError, "'sex'"),
        ({"cells": ["tenure"]}, oms.UnknownNameError, "'tenure'"),
    ],
)
def test_bad_arguments(options, error, text):
    caseload = made_of(plain(), tenure=["owned"] * 200)
    given = {"cases": made_of(plain()), "caseload": caseload, **options}
    with pytest.raises(error, match=re.escape(text)):
        oms.design_weights(given.pop("cases"), given.pop("caseload"), **given)


def test_made_up_caseloads_mark_what_is_weighted_by_them():
    made_up = pa.table(made_of(plain())).replace_schema_metadata({"synthetic": "true"})
    caseload = oms.CaseSet.from_data(made_up, framework=FRAMEWORK)
    found = oms.design_weights(made_of(plain()), caseload)
    assert "SYNTHETIC" in repr(found)
    assert found.cases.metadata[b"synthetic"] == b"true"
    assert found.table.schema.metadata[b"synthetic"] == b"true"
