"""Breakdowns by name: ours, and those that installed packages offer."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from tests.factories import Gender, Harm, frame, read

import omistats as oms

# Internal: what a name means, before anything is counted.
from omistats.breakdowns import registry


class Tenure(oms.Breakdown):
    """Offered by a package of somebody else's."""

    key = "tenure"
    groups = ("owned", "rented")


READY = Tenure()
NOT_ONE = "not a breakdown"
HERE = __name__


@pytest.fixture
def offered(monkeypatch):
    """Make installed packages offer breakdowns; gives a list of the groups asked for."""
    asked = []
    points: list[EntryPoint] = []

    def entry_points(*, group: str) -> EntryPoints:
        asked.append(group)
        return EntryPoints(p for p in points if p.group == group)

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    # The test module may not be importable by name where it was loaded from a path.
    monkeypatch.setattr(EntryPoint, "load", lambda point: globals()[point.value.split(":")[1]])

    def offer(name: str, what: str, group: str = "omistats.breakdowns") -> None:
        points.append(EntryPoint(name, f"{HERE}:{what}", group))

    offer.asked = asked
    return offer


CASES = frame(tenure=["owned", "rented", None, "owned"])


NONE = oms.Framework("without strata", [])


@pytest.mark.parametrize("what", ["Tenure", "READY"])
def test_a_class_or_an_instance_may_be_offered(offered, what):
    offered("tenure", what)
    found = oms.recompute(read(CASES), breakdowns=["tenure", Gender()])
    assert [s.key for s in found.tally.splits] == ["tenure", "gender"]
    assert set(offered.asked) == {"omistats.breakdowns"}


def test_packages_are_not_looked_through_unless_a_name_asks_for_it(offered):
    oms.recompute(read(CASES), breakdowns=[Gender(), Harm])
    assert registry.resolve(["gender", "risk_of_harm"], oms.omi2.FRAMEWORK)[1].groups == (
        "high",
        "all",
    )
    assert offered.asked == []


def test_other_entry_points_are_not_ours(offered):
    offered("tenure", "Tenure", group="somebody.else")
    with pytest.raises(oms.UnknownNameError, match="unknown breakdown 'tenure'"):
        registry.resolve(["tenure"], NONE)


def test_a_name_that_nobody_offers_lists_near_ones(offered):
    offered("tenure", "Tenure")
    with pytest.raises(oms.UnknownNameError, match="did you mean 'tenure'"):
        registry.resolve(["tenures"], NONE)
    with pytest.raises(oms.UnknownNameError, match=r"choose from age_group, .*tenure"):
        registry.resolve(["zzz"], NONE)


def test_two_offers_of_one_name_are_refused(offered):
    offered("tenure", "Tenure")
    offered("tenure", "READY")
    with pytest.raises(oms.UsageError, match="offered more than once") as caught:
        registry.resolve(["tenure"], NONE)
    assert "READY" in str(caught.value)


def test_one_offer_seen_twice_is_one(offered):
    """A package may be found through two entries of the path."""
    offered("tenure", "Tenure")
    offered("tenure", "Tenure")
    assert registry.resolve(["tenure"], NONE)[0].key == "tenure"


def test_an_offer_that_is_no_breakdown_is_refused(offered):
    offered("tenure", "NOT_ONE")
    with pytest.raises(oms.UsageError, match="expected a Breakdown; found 'not a breakdown'"):
        registry.resolve(["tenure"], NONE)


@pytest.mark.parametrize("entry", [3, None, dict, object()])
def test_what_is_no_breakdown_is_refused(entry):
    with pytest.raises(oms.UsageError, match="expected a Breakdown"):
        registry.resolve([entry], NONE)


def test_no_breakdowns_are_all_cases_together():
    found = oms.recompute(read(), breakdowns=[])
    assert found.table["breakdown"].unique().to_pylist() == ["all"]
    assert found.table["group"].unique().to_pylist() == ["all"]
    assert found.table["p_value"].null_count == len(found)


def test_crossed_breakdowns_have_a_group_for_each_combination():
    (crossed,) = registry.resolve([("gender", "tier")], read().framework)
    assert crossed.key == "gender x tier"
    assert len(crossed.groups) == len(set(crossed.groups)) == 8
    for one in (("gender",), ("gender", "gender"), ("gender", ("gender", "tier"))):
        with pytest.raises(oms.UsageError):
            registry.resolve([one], read().framework)


def test_ours_are_registered_as_installed(repository):
    """The table of entry points in the project's metadata names the six first, and all load."""
    import tomllib

    declared = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    points = declared["project"]["entry-points"]["omistats.breakdowns"]
    assert list(points)[: len(oms.omi2.STANDARD)] == [b.key for b in oms.omi2.STANDARD]
    for name, value in points.items():
        loaded = EntryPoint(name, value, "omistats.breakdowns").load()
        assert loaded.key == name


class TestNamesOfStrata:
    """A framework's own strata are breakdowns by their levels."""

    def given(self, **levels):
        return oms.Framework("f", [], [oms.Stratum(n, v) for n, v in levels.items()])

    def test_a_stratum_that_is_nobody_else_s(self):
        (found,) = registry.resolve(["sex"], self.given(sex=("boy", "girl")))
        assert (found.key, found.groups, found.contrast) == ("sex", ("boy", "girl"), "groups")

    def test_a_standard_name_with_levels_of_one_s_own(self):
        (found,) = registry.resolve(["gender"], self.given(gender=("f", "m", "x")))
        assert found.groups == ("f", "m", "x")

    def test_a_standard_name_with_the_standard_levels(self):
        (found,) = registry.resolve(["risk_of_harm"], oms.omi2.FRAMEWORK)
        assert found.groups == ("high", "all")

    def test_from_cases_to_findings(self):
        youth = oms.Framework(
            "youth", [oms.Question("q", "Q")], [oms.Stratum("sex", ("boy", "girl"))], (), ["sex"]
        )
        cases = {"case_id": [1, 2], "unit": ["A"] * 2, "sex": ["girl", "boy"], "q": [True, False]}
        found = oms.recompute(cases, framework=youth)
        assert found.table["k"].to_pylist() == [0, 1]


def test_commas_in_levels_that_give_two_combinations_one_name():
    strata = [oms.Stratum("x", ("p", "p, q")), oms.Stratum("y", ("r", "q, r"))]
    framework = oms.Framework("commas", [oms.Question("plan", "Plan")], strata)
    with pytest.raises(oms.DataError) as caught:
        registry.resolve([("x", "y")], framework)
    (problem,) = caught.value.problems
    assert str(problem) == (
        "x x y: each combination must have a name of its own; found two that are both called "
        "'p, q, r'. Rename a level, leaving out ', '."
    )
