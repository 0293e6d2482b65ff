"""Frameworks that are declared wrongly are refused in words."""

from __future__ import annotations

import pytest

import omistats as oms
from omistats import UsageError

LINK = oms.Link("safety", "published")


@pytest.mark.parametrize(
    ("headlines", "message"),
    [
        (LINK, r"write headlines=\[Link\(item='safety', provenance='published'\)\]"),
        ("safety", r'write headlines=\[Link\("safety", "inferred"\)\]'),
        (5, "`headlines` must be a list of links, as .*; found 5"),
        (None, "`headlines` must be a list of links, as .*; found None"),
    ],
)
def test_headlines_that_are_no_list(headlines, message):
    with pytest.raises(UsageError, match=message):
        oms.Question("q", "Q", headlines=headlines)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"questions": oms.Question("q", "Q")},
            "`questions` must be a list of Questions; found a value",
        ),
        ({"questions": 5}, "`questions` must be a list of Questions; found 5"),
        (
            {"strata": oms.Stratum("s", ["a"])},
            "`strata` must be a list of Stratum declarations; found",
        ),
        (
            {"items": oms.Item("1", "section", "S")},
            "`items` must be a list of Items; found a value",
        ),
        ({"breakdowns": 5}, "expected a list of names; found 5"),
    ],
)
def test_parts_that_are_no_list(parts, message):
    with pytest.raises(UsageError, match=message):
        oms.Framework("demo", **{"questions": [], **parts})


@pytest.mark.parametrize("part", ["questions", "strata", "items"])
def test_parts_that_are_something_else(part):
    with pytest.raises(oms.DataError, match=r"demo: expected a .*; found 3") as caught:
        oms.Framework("demo", **{"questions": [], part: [3, None]})
    assert len(caught.value.problems) == 2


def test_a_list_of_links_and_one_by_one():
    question = oms.Question("q", "Q", headlines=iter([LINK]))
    assert question.headlines == (LINK,)
