"""Frameworks that are declared wrongly are refused in words."""

from __future__ import annotations

import contextlib

import pytest

import omistats as oms
from omistats import UsageError

LINK = oms.Link("safety", "published")


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


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
        ({"breakdowns": 5}, r"`breakdowns` must be a list of names, as .*; found 5"),
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


LONG = 10**5000
ODD = (5, LONG, float("inf"), [["a"]], [["a"], ["b", "c"]], {"a": ["b"]}, None, b"x", [LONG])


@pytest.mark.parametrize("value", ODD, ids=map(str, range(len(ODD))))
def test_parts_of_another_type_are_refused_or_work(value):
    """No raw exception, neither when a framework is made nor when it is used."""

    def made(kind: str, key: str) -> None:
        parts = {
            "question": {"id": "q", "label": "Q", "levels": ["a", "b"], "sufficient": ["a"]},
            "link": {"item": "1", "provenance": "invented"},
            "item": {"id": "1", "level": "criterion", "label": "One"},
            "stratum": {"name": "s", "levels": ["x", "y"]},
            "framework": {"name": "demo", "breakdowns": ["s"]},
        }
        parts[kind][key] = value
        link = oms.Link(**parts["link"])
        framework = oms.Framework(
            **{
                "questions": [oms.Question(**{"criterion": link, **parts["question"]})],
                "items": [oms.Item(**parts["item"])],
                "strata": [oms.Stratum(**parts["stratum"])],
                **parts["framework"],
            }
        )
        hash(framework)
        repr(framework)
        framework.with_cut(["b"])

    keys = {
        "question": ("id", "label", "criterion", "headlines", "printed", "provenance", "levels"),
        "link": ("item", "provenance"),
        "item": ("id", "level", "label", "parent", "statement", "purpose"),
        "stratum": ("name", "levels"),
        "framework": ("name", "questions", "strata", "items", "breakdowns", "not_answered"),
    }
    keys["question"] += ("sufficient", "ordered", "asked_if")
    keys["framework"] += ("blank",)
    for kind, names in keys.items():
        for key in names:
            with contextlib.suppress(oms.OmistatsError):
                made(kind, key)


@pytest.mark.parametrize("value", ODD, ids=map(str, range(len(ODD))))
def test_cuts_of_another_type_are_refused(value):
    question = oms.Question("q", "Q", levels=["a", "b"], sufficient=["a"])
    framework = oms.Framework("demo", [question])
    for cut in (value, {"q": value}, {"x": value}):
        # The keys of a mapping are names like any others.
        expected = contextlib.suppress if isinstance(value, dict) else pytest.raises
        with expected(oms.OmistatsError):
            framework.with_cut(cut)
    for call in (framework.question, framework.item, framework.stratum):
        with pytest.raises(oms.UnknownNameError):
            call(value)


@pytest.mark.parametrize("printed", [5, [5], [[float("inf"), 1]], [[1]], [["a", "b"]], [[True, 1]]])
def test_printed_must_be_pairs(printed):
    with pytest.raises(UsageError, match="`printed` must be a list of pairs"):
        oms.Question("q", "Q", printed=printed)
    assert oms.Question("q", "Q", printed=[[3, 1]]).printed == ((3, 1),)  # type: ignore[list-item]


def test_circles_are_told_with_all_other_problems():
    def waits(id, after, **more):
        return oms.Question(id, id, asked_if={after: "sufficient"}, **more)

    with pytest.raises(oms.DataError) as caught:
        oms.Framework(
            "demo",
            [
                *(waits(id, after) for id, after in ("ab", "ba", "cd", "dc")),
                waits("e", "nowhere", levels=["x", "x"], sufficient=["x"]),
                # What follows from the wrong levels of e is not told.
                oms.Question("f", "F", asked_if={"e": "y"}),
            ],
        )
    found = [problem.where for problem in caught.value.problems]
    assert sorted(found) == ["a, asked_if", "c, asked_if", "e, asked_if", "e, levels"]


@pytest.mark.parametrize(
    ("levels", "hint"),
    [
        ([1, 2], "as '1', in the data too"),
        (["a", None], "Leave it out: null in the data means"),
        (["a", float("nan")], "Leave it out"),
        ([True, False], "Write it as text"),
        ([b"a"], "Write it as text"),
        ([["a"], "b"], "Write it as text"),
        ([Unprintable()], "Write it as text"),
        (["a", ""], "Leave it out"),
        (["a", " \t"], "Write it as text"),
    ],
)
def test_levels_of_a_stratum_are_text(levels, hint):
    with pytest.raises(
        oms.DataError, match="tier: levels must be text that is not blank"
    ) as caught:
        oms.Stratum("tier", levels)
    assert hint in caught.value.problems[0].hint


@pytest.mark.parametrize("level", ["All", " all", "ALL "])
def test_no_level_of_a_stratum_reads_as_the_reserved_one(level):
    with pytest.raises(oms.DataError, match="none of them 'all'"):
        oms.Stratum("tier", ["a", level])


@pytest.mark.parametrize("name", [1, None, "", " "])
def test_the_name_of_a_stratum_is_text(name):
    with pytest.raises(oms.DataError, match="a stratum's name must be text"):
        oms.Stratum(name, ["a"])
