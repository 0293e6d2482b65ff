"""Units put together are counted, tested and scored like a unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from tests.factories import BREAKDOWNS, random_frame, read
from tests.scoring import programme

import omistats as oms

COUNTS = ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "excluded")
UNITS = ("U0", "U1", "U2", "U3")
# Of four units there are at most four groups; "U1" is also a unit's own id.
MAPPINGS = st.fixed_dictionaries({u: st.sampled_from(["north", "U1", "é", "x y"]) for u in UNITS})


def recoded(data: dict[str, list[Any]], mapping: dict[str, str], questions: int) -> oms.CaseSet:
    """Put the new units into the column, as one does by hand."""
    units = list(dict.fromkeys(mapping[u] for u in UNITS))
    return read({**data, "unit": [mapping[u] for u in data["unit"]]}, questions, units=units)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(0, 60), MAPPINGS)
def test_findings_of_groups_are_those_of_recoded_cases(seed, size, mapping):
    data = random_frame(seed, size)
    cases = read(data, 3, units=UNITS)
    by_hand = recoded(data, mapping, 3)
    asked: dict[str, Any] = {"by": "unit", "breakdowns": BREAKDOWNS}
    inference = oms.Inference(effects=["difference"], adjust=["holm"])
    expected = oms.recompute(by_hand, **asked, inference=inference).table
    found = oms.recompute(cases.regroup(mapping), **asked, inference=inference)
    assert found.table.equals(expected, check_metadata=True)
    counts = oms.tally(cases, **asked).regroup(mapping)
    found = oms.recompute(counts, by="unit", inference=inference)
    assert found.table.equals(expected, check_metadata=True)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(0, 60), MAPPINGS, st.booleans())
def test_counts_of_groups_are_those_of_regrouped_cases(seed, size, mapping, with_all):
    cases = read(random_frame(seed, size), 3, units=UNITS)
    before = oms.tally(cases, by="unit", breakdowns=BREAKDOWNS)
    expected = oms.tally(cases.regroup(mapping), by="unit", breakdowns=BREAKDOWNS)
    if with_all:
        before, expected = before.with_all(), expected.with_all()
    found = before.regroup(mapping)
    assert found.units == expected.units
    for name in COUNTS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)


NORTH_AND_SOUTH = {
    "north": "upper",
    "south": "lower",
    "east": "upper",
    "west": "lower",
    "coast": "coast",
    "isle": "coast",
}
GROUPS = st.fixed_dictionaries({u: st.sampled_from("abcd") for u in programme.SIZES})


@settings(max_examples=15)
@given(GROUPS, st.sampled_from([None, "unit"]), st.sampled_from(["all", "known"]))
def test_scores_of_groups_are_those_of_recoded_cases(mapping, by, complement):
    """Centred sums of squares do not add up, the raw ones behind them do."""
    rows = programme.read()
    cases = programme.case_set(rows)
    asked: dict[str, Any] = {"breakdowns": programme.BREAKDOWNS, "complement": complement}
    order = list(dict.fromkeys(mapping[u] for u in cases.units))
    by_hand = oms.CaseSet.from_data(
        pa.Table.from_pylist([{**row, "unit": mapping[row["unit"]]} for row in rows]),
        framework=cases.framework,
        units=order,
    )
    lonely: dict[str, Any] = {"by": by, "lonely": "null"}
    expected = oms.scores(by_hand, **asked, **lonely).table
    sums = oms.score_tally(cases, **asked).regroup(mapping)
    assert oms.scores(cases.regroup(mapping), **asked, **lonely).table.equals(expected)
    assert oms.scores(sums, **lonely).table.equals(expected)
    anew = oms.score_tally(by_hand, **asked)
    np.testing.assert_array_equal(sums.moments, anew.moments)
    np.testing.assert_array_equal(sums.sizes, anew.sizes)


def test_a_group_is_not_the_mean_of_its_units():
    """Pooled: the score of a region weighs units by their applicable answers."""
    cases = programme.case_set(programme.read())
    units = {
        r["unit"]: r
        for r in oms.scores(cases, by="unit", items=["safety"]).table.to_pylist()
        if r["unit"] != "all"
    }
    grouped = oms.scores(cases.regroup(NORTH_AND_SOUTH), by="unit", items=["safety"])
    for row in grouped.table.to_pylist():
        parts = [units[u] for u, g in NORTH_AND_SOUTH.items() if row["unit"] in (g, "all")]
        assert row["k"] == sum(p["k"] for p in parts)
        assert row["n"] == sum(p["n"] for p in parts)
        assert row["percent"] == pytest.approx(100 * row["k"] / row["n"])


def test_synthetic_cases_stay_synthetic():
    cases = oms.omi2.load_synthetic()
    mapping = {u: "odd" if int(u[1:]) % 2 else "even" for u in cases.units}
    for found in (
        cases.regroup(mapping),
        oms.tally(cases, by="unit").regroup(mapping),
        oms.score_tally(cases).regroup(mapping),
    ):
        assert found.metadata == cases.metadata
        assert found.units == ("odd", "even")
        assert b"synthetic" in found.metadata


class TestBadInput:
    def sources(self) -> list[Any]:
        cases = programme.case_set(programme.read())
        counts = oms.tally(cases, by="unit", breakdowns=programme.BREAKDOWNS)
        return [cases, counts, counts.with_all(), oms.score_tally(cases)]

    def test_everything_wrong_is_reported_together(self):
        for source in self.sources():
            with pytest.raises(oms.DataError) as caught:
                source.regroup({"north": "all", "nowhere": "x", "south": None})
            text = str(caught.value)
            assert len(caught.value.problems) == 4
            assert "none for 'east', 'west', 'coast', 'isle'" in text
            assert "found 'nowhere'" in text
            assert "a group's name must be text; found None" in text
            assert "'all' is reserved for all units" in text

    @pytest.mark.parametrize("mapping", [None, ["north"], "north", lambda u: u])
    def test_a_mapping_is_a_mapping(self, mapping):
        for source in self.sources():
            with pytest.raises(oms.UsageError, match="new unit of every unit; found"):
                source.regroup(mapping)

    def test_names_that_cannot_be_looked_up(self):
        """A list is no text and has no hash."""
        for source in self.sources():
            with pytest.raises(oms.DataError, match=r"a group's name must be text; found \['a'\]"):
                source.regroup({**NORTH_AND_SOUTH, "isle": ["a"], 3: "b"})

    def test_counts_of_all_together_have_no_units_to_group(self):
        cases = programme.case_set(programme.read())
        whole = oms.tally(cases, breakdowns=programme.BREAKDOWNS)
        with pytest.raises(oms.UsageError, match="no unit can be regrouped"):
            whole.regroup({"all": "x"})

    def test_no_units_make_no_groups(self):
        empty = read(random_frame(1, 0), 3)
        assert empty.units == ()
        assert empty.regroup({}).units == ()
