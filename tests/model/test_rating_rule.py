"""Rating rules: their bands, standards and points, and every problem at its key."""

from __future__ import annotations

import contextlib
import copy
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import omistats as oms

# Internal: parts of a rule that from_dict makes.
from omistats.model.rating_rule import Band, Standard

BANDS: list[dict[str, Any]] = [
    {"name": "Inadequate", "from": 0, "below": 50, "points": 0},
    {"name": "Requires improvement", "from": 50, "below": 65, "points": 1},
    {"name": "Good", "from": 65, "below": 80, "points": 2},
    {"name": "Outstanding", "from": 80, "points": 3},
]
STANDARDS: list[dict[str, Any]] = [
    {"id": "finding out", "items": ["1.1", "1.2"]},
    {"id": "acting", "items": ["2.1"]},
    {"id": "leadership"},
    {"id": "extra", "items": ["2.2"], "counts": False},
]
OVERALL: list[dict[str, Any]] = [
    {"name": "Inadequate", "from": 0, "to": 1},
    {"name": "Requires improvement", "from": 2, "to": 4},
    {"name": "Good", "from": 5, "to": 7},
    {"name": "Outstanding", "from": 8, "to": 9},
]
PLAIN = {"bands": BANDS, "standards": STANDARDS, "overall": OVERALL, "most_points": 9}
LONG = 10**400


def changed(*path: Any, value: Any = None) -> dict[str, Any]:
    """Return the plain rule with one value changed, or removed for None."""
    data: Any = copy.deepcopy(PLAIN)
    place = data
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


def test_a_rule_is_read():
    rule = oms.RatingRule.from_dict(PLAIN)
    assert rule.cuts == (0.5, 0.65, 0.8)
    assert rule.bands[2] == Band("Good", 65, 80, 2)
    assert rule.bands[3] == Band("Outstanding", 80, 100, 3)
    assert rule.standards[0] == Standard("finding out", "finding out", ("1.1", "1.2"))
    assert not rule.standards[3].counts
    assert rule.overall[1] == Band("Requires improvement", 2, 4)
    assert rule.most_points == 9


def test_what_may_be_left_out():
    bands = [{"name": "low", "below": 60.5}, {"name": "high", "from": 60.5, "below": 100}]
    rule = oms.RatingRule.from_dict({"bands": bands})
    assert rule == oms.RatingRule.percentages(["low", "high"], [60.5])
    assert [band.points for band in rule.bands] == [0, 1]
    assert rule.standards == rule.overall == ()
    assert isinstance(
        oms.RatingRule.from_dict(changed("bands", 3, "points", value=3.0)).bands[3].points, int
    )


def test_bands_of_points_scale_in_whole_numbers():
    rule = oms.programmes.load("youth_justice").rating
    assert rule is not None
    for points in range(37):
        assert rule.overall_place(points, 36) == rule.overall_place(3 * points, 108)
        assert rule.overall_place(points, 36) == sum(points >= start for start in (7, 19, 31))
    # 19 of 36 is where Good begins; of 24 that is 12.67.
    assert [rule.overall_place(points, 24) for points in (4, 5, 12, 13, 20, 21)] == [
        *(0, 1, 1, 2, 2, 3)
    ]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("bands", 0, "below"), 45, r"bands[1].from: must begin where the band below ends, at 45"),
        (("bands", 0, "below"), 45, "leave a gap"),
        (("bands", 0, "below"), 55, "Bands overlap there"),
        (("bands", 0, "below"), 0, "bands[0].below: must be above `from`"),
        (("bands", 0, "below"), LONG, "bands[0].below: must be a percentage from 0 to 100"),
        (("bands", 0, "below"), math.inf, "bands[0].below: must be a percentage from 0 to 100"),
        (("bands", 0, "below"), "half", "bands[0].below: must be a percentage from 0 to 100"),
        (("bands", 0, "below"), None, "bands[0].below: must be given"),
        (("bands", 0, "from"), 10, "bands[0].from: must begin at 0"),
        (("bands", 0, "from"), math.nan, "bands[0].from: must be a percentage from 0 to 100"),
        (("bands", 0, "from"), [[0]], "bands[0].from: must be a percentage from 0 to 100"),
        (("bands", 3, "from"), True, "bands[3].from: must be a percentage from 0 to 100"),
        (("bands", 3, "from"), None, "bands[3].from: must be given"),
        (("bands", 3, "below"), 95, "bands[3].below: the highest band must reach 100"),
        (("bands", 2, "name"), "Inadequate", "bands[2].name: must be used once"),
        (("bands", 2, "name"), ["Good"], "bands[2].name: must be text"),
        (("bands", 2, "name"), None, "bands[2].name: must be given"),
        (("bands", 3, "points"), 1, "bands[3].points: a higher band must have more points"),
        (("bands", 3, "points"), math.nan, "bands[3].points: must be a whole number of points"),
        (("bands", 3, "points"), 2.5, "bands[3].points: must be a whole number of points"),
        (("bands", 3, "points"), LONG, "bands[3].points: must be a whole number of points"),
        (("bands", 0, "points"), -1, "bands[0].points: must be a whole number of points"),
        (("bands", 1, "points"), None, "bands[1].points: must be given"),
        (("bands", 1), "Good", "bands[1]: must be a table; found 'Good'"),
        (("bands",), 5, "bands: must be a list of tables; found 5"),
        (("bands",), BANDS[:1], "bands: must be two or more"),
        (("bands",), BANDS[::-1], "bands: must be listed from the lowest"),
        (("bands",), None, "bands: must be given"),
        (("standards",), {"a": 1}, "standards: must be a list of tables"),
        (("standards", 1), ["acting"], "standards[1]: must be a table"),
        (("standards", 1, "id"), "overall", "standards[1].id: 'overall' is the sum of all"),
        (("standards", 1, "id"), "all", "standards[1].id: 'all' is the label of all together"),
        (("standards", 1, "id"), "leadership", "standards[2].id: must be used once"),
        (("standards", 1, "id"), [["x"]], "standards[1].id: must be text"),
        (("standards", 1, "label"), 5, "standards[1].label: must be text"),
        (("standards", 1, "counts"), "no", "standards[1].counts: must be true or false"),
        (("standards", 1, "items"), "2.1", "standards[1].items: must be a list of item ids"),
        (("standards", 1, "items"), [["2.1"]], "standards[1].items[0]: must be an item id"),
        (("standards", 0, "items", 1), "1.1", "standards[0].items[1]: must be named once"),
        (("standards", 0, "items", 1), "1.9", "standards[0].items[1]: must be an item of the"),
        (("overall",), "sum", "overall: must be a list of tables"),
        (("overall",), OVERALL[:1], "overall: must be two or more"),
        (("overall",), OVERALL[::-1], "overall: must be listed from the lowest"),
        (("overall", 1, "from"), 1, "overlap"),
        (("overall", 1, "from"), 3, "leave a gap"),
        (("overall", 1, "from"), 2.5, "overall[1].from: must be a whole number of points"),
        (("overall", 1, "to"), LONG, "overall[1].to: must be a whole number of points"),
        (("overall", 1, "to"), None, "overall[1].to: must be given"),
        (("overall", 3, "to"), 10, "overall[3].to: the highest band must reach 9 points"),
        (("overall", 3, "to"), 7, "overall[3].to: must be at least `from`"),
        (("standards",), None, "overall: an overall rating needs standards; found none"),
        (("most_points",), 12, "most_points: must equal counted standards x top points: 3 x 3 = 9"),
        (("most_points",), None, "most_points: must be given with `overall`"),
        (("most_points",), LONG, "most_points: must be a whole number of points"),
        (("most_points",), math.nan, "most_points: must be a whole number of points"),
        (("provenance",), 5, "provenance: must be text"),
        (("standard",), [], "did you mean 'standards'"),
        (("bands", 1, "fron"), 50, "bands[1].fron: must be a key that is known"),
        (("\x1b[31m",), 1, r"'\x1b[31m': must be a key that is known"),
    ],
)
def test_a_problem_is_told_at_its_key(path, value, message):
    items = ["1.1", "1.2", "2.1", "2.2"]
    with pytest.raises(oms.DataError) as caught:
        oms.RatingRule.from_dict(changed(*path, value=value), items=items)
    assert message in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_problem_is_told_once():
    """What follows from a problem, and goes away with it, is not told."""
    for path, value in (
        (("most_points",), 12),
        (("bands", 3, "points"), 1),
        (("bands", 3, "points"), math.nan),
        (("bands", 0, "below"), 45),
        (("standards", 1), 5),
        (("bands",), BANDS[::-1]),
        (("overall",), OVERALL[::-1]),
        (("overall", 1, "from"), 3),
        (("bands", 3, "from"), 100),
    ):
        with pytest.raises(oms.DataError) as caught:
            oms.RatingRule.from_dict(changed(*path, value=value))
        assert len(caught.value.problems) == 1, caught.value
    misspelt = changed("bands", 1, "from")
    misspelt["bands"][1]["form"] = 50
    with pytest.raises(oms.DataError) as caught:
        oms.RatingRule.from_dict(misspelt)
    assert [problem.where for problem in caught.value.problems] == ["bands[1].form"]
    # Both wrong in the same way: one mistake in the number of points.
    both = changed("most_points", value=12)
    both["overall"][3]["to"] = 12
    with pytest.raises(oms.DataError) as caught:
        oms.RatingRule.from_dict(both)
    assert [problem.where for problem in caught.value.problems] == ["most_points"]


def test_all_problems_are_reported_together():
    data = changed("bands", 2, "from", value=70)
    data["bands"][0]["name"] = 5
    data["bands"][1]["colour"] = "red"
    data["standards"][0]["items"] = ["1.1", "1.1", LONG]
    data["standards"][1]["counts"] = "x"
    data["overall"][1]["from"] = math.inf
    data["most_points"] = LONG
    with pytest.raises(oms.DataError) as caught:
        oms.RatingRule.from_dict(data)
    assert {problem.where for problem in caught.value.problems} == {
        *("bands[2].from", "bands[0].name", "bands[1].colour", "standards[0].items[1]"),
        *("standards[0].items[2]", "standards[1].counts", "overall[1].from", "most_points"),
    }


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: oms.RatingRule.from_dict(None), oms.UsageError, "must be a mapping"),  # type: ignore[arg-type]
        (lambda: oms.RatingRule.from_dict([1]), oms.UsageError, "must be a mapping"),  # type: ignore[arg-type]
        (lambda: oms.RatingRule.from_dict(PLAIN, items=5), oms.UsageError, "`items`"),  # type: ignore[arg-type]
        (lambda: oms.RatingRule.percentages(["a", "b"], 5), oms.UsageError, "`cuts`"),  # type: ignore[arg-type]
        (lambda: oms.RatingRule.percentages(5, [5]), oms.UsageError, "`names`"),  # type: ignore[arg-type]
        (lambda: oms.RatingRule.percentages(["a", "b"], [50, 60]), oms.DataError, "one fewer"),
        (lambda: oms.RatingRule.percentages(["a", "b"], [100]), oms.DataError, "below 100"),
        (lambda: oms.RatingRule.percentages(["a", "b"], [0]), oms.DataError, "above 0"),
        (lambda: oms.RatingRule.percentages(["a", "b"], [math.nan]), oms.DataError, "above 0"),
        (lambda: oms.RatingRule.percentages(["a", "b"], [LONG]), oms.DataError, "60 digits"),
        (lambda: oms.RatingRule.percentages(["a", "b", "c"], [50, 50]), oms.DataError, "above 50"),
        (lambda: oms.RatingRule.percentages(["a", "a"], [50]), oms.DataError, "used once"),
        (
            lambda: oms.RatingRule.percentages(["a", "b"], [50], items=["1", "1"]),
            oms.DataError,
            "used once",
        ),
        (lambda: oms.RatingRule([Band("a", 0, 100)]), oms.UsageError, "tuple of Band"),  # type: ignore[arg-type]
        (lambda: oms.RatingRule((Band("a", 0, 100),)), oms.DataError, "two or more"),
        (
            lambda: oms.RatingRule(
                (Band("a", 0, 50, 0), Band("b", 50, 100, 1)),
                (Standard("s", "S", "1.1"),),  # type: ignore[arg-type]
            ),
            oms.UsageError,
            "tuple of item ids",
        ),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 200)
    | st.sampled_from([LONG, -LONG])
    | st.floats()
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("name", "bands", "standards", "overall", "from", "below", "to", "points"),
                    *("id", "items", "label", "counts", "most_points", "provenance", "\x07"),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_whatever_is_read_is_a_rule_or_is_refused(values):
    with contextlib.suppress(oms.OmistatsError):
        oms.RatingRule.from_dict(values)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        [
            *((key,) for key in PLAIN),
            *((key, i) for key in ("bands", "standards", "overall") for i in range(4)),
            *(("bands", i, key) for i in range(4) for key in ("name", "from", "below", "points")),
            *(("standards", i, key) for i in range(4) for key in ("id", "items", "counts")),
            *(("overall", i, key) for i in range(4) for key in ("name", "from", "to")),
        ]
    ),
    VALUES,
)
def test_a_rule_with_any_value_changed_is_a_rule_or_is_refused(path, value):
    data: Any = copy.deepcopy(PLAIN)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with contextlib.suppress(oms.DataError):
        oms.RatingRule.from_dict(data)


@pytest.mark.parametrize("points", [50, -1, 1.5, "12", [[1], [2, 3]], [3, 37], None, True])
def test_points_that_cannot_be(points):
    youth = oms.programmes.load("youth_justice").rating
    with pytest.raises(oms.UsageError, match=r"`points` must be whole numbers from 0 to `most`"):
        youth.overall_place(points, 36)


def test_places_are_arrays_of_the_shape_of_points():
    youth = oms.programmes.load("youth_justice").rating
    for points in (7, [7, 8], np.array([[0], [36]])):
        found = youth.overall_place(points, 36)
        assert isinstance(found, np.ndarray)
        assert found.shape == np.shape(points)


def test_shares_in_place_of_percentages_are_refused():
    with pytest.raises(oms.DataError, match=r"cuts are percentages; found 0.65. Did you mean 65\?"):
        oms.RatingRule.percentages(["a", "b"], [0.65])
    with pytest.raises(oms.DataError, match=r"Did you mean 50, 80\?"):
        oms.RatingRule.percentages(["a", "b", "c"], [0.5, 0.8])
    assert oms.RatingRule.percentages(["a", "b", "c"], [0.5, 80]).cuts == (0.005, 0.8)
