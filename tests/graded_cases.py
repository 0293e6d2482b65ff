"""Random cases with graded, routed and missing answers, and a count of them case by case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import omistats as oms

SCALE = ("fully met", "mostly met", "partly met", "not met")
LINK = (oms.Link("work", "invented"),)
QUESTIONS = (
    oms.Question("plan", "Plan", headlines=LINK, levels=SCALE, sufficient=SCALE[:2]),
    oms.Question("seen", "Seen", headlines=LINK),
    oms.Question(
        "method",
        "How",
        headlines=(oms.Link("contact", "invented"),),
        levels=("post", "phone", "visit"),
        sufficient=("visit", "phone"),
        ordered=False,
        asked_if={"seen": "sufficient"},
    ),
    oms.Question("shared", "Shared", headlines=LINK, asked_if=[{"risk": "high"}, {"sex": "girl"}]),
)
STRATA = (oms.Stratum("sex", ("girl", "boy")), oms.Stratum("risk", ("high", "medium", "low")))
BREAKDOWNS: tuple[Any, ...] = ("sex", ("sex", "risk"))
ARRAYS = ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "excluded", "not_answered")


def framework(policy: Any = "left out", blank: Any = "not applicable") -> oms.Framework:
    """Give a framework of four questions, two strata and two items."""
    items = [oms.Item(id, "headline", id) for id in ("work", "contact")]
    return oms.Framework(
        "graded", QUESTIONS, STRATA, items, ("sex",), not_answered=policy, blank=blank
    )


def frame(seed: int, rows: int, units: int = 4) -> dict[str, list[Any]]:
    """Give random cases that break no rule, in no order of units."""
    rng = np.random.default_rng(seed)

    def draw(*values: Any) -> list[Any]:
        return [values[i] for i in rng.integers(0, len(values), rows)]

    blank = ("not answered", "not applicable", None)
    found = {
        "case_id": [f"c{i}" for i in rng.permutation(rows)],
        "unit": draw(*(f"U{i}" for i in range(units))),
        "sex": draw("girl", "boy", "boy", None),
        "risk": draw("high", "medium", "low", None),
        "plan": draw(*SCALE, *blank),
        "seen": draw("sufficient", "sufficient", "not sufficient", *blank),
    }
    answer = draw("post", "phone", "visit", *blank)
    yes = draw("sufficient", "not sufficient", *blank)
    open_ = draw(*blank)
    found["method"] = [
        a if seen == "sufficient" else b
        for seen, a, b in zip(found["seen"], answer, open_, strict=True)
    ]
    found["shared"] = [
        a if risk in ("high", None) or sex in ("girl", None) else b
        for risk, sex, a, b in zip(found["risk"], found["sex"], yes, open_, strict=True)
    ]
    return found


def is_asked(question: str, case: dict[str, Any]) -> bool:
    """Tell whether a case is asked a question for sure."""
    if question == "method":
        return bool(case["seen"] == "sufficient")
    if question == "shared":
        return case["risk"] == "high" or case["sex"] == "girl"
    return True


def state(question: str, case: dict[str, Any], blank: str) -> str:
    """Return the answer as a word, one case at a time."""
    value = case[question]
    if value in (*SCALE, "post", "phone", "visit", "sufficient", "not sufficient"):
        return str(value)
    if question == "method" and case["seen"] not in ("sufficient", "not answered", None):
        return "not applicable"
    if question == "method" and case["seen"] is None and blank == "not applicable":
        return "not applicable"
    if question == "shared" and case["risk"] in ("medium", "low") and case["sex"] == "boy":
        return "not applicable"
    if value is None:
        return blank if is_asked(question, case) else "not applicable"
    return str(value)


def cases_of(data: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Give the rows of a frame."""
    return [dict(zip(data, row, strict=True)) for row in zip(*data.values(), strict=True)]


def recount(
    data: dict[str, list[Any]],
    policy: str,
    blank: str,
    inside: Callable[[dict[str, Any]], bool],
    cuts: dict[str, tuple[str, ...]] | None = None,
) -> dict[str, tuple[int, int, int]]:
    """Count sufficient, counted and missing answers of each question in plain Python."""
    found = {}
    for question in QUESTIONS:
        words = [state(question.id, c, blank) for c in cases_of(data) if inside(c)]
        cut = (cuts or {}).get(question.id, question.sufficient or ("sufficient",))
        missing = words.count("not answered")
        given = sum(w not in ("not answered", "not applicable") for w in words)
        k = sum(w in cut for w in words)
        found[question.id] = (k, given + missing * (policy == "not sufficient"), missing)
    return found


def assert_same_counts(got: oms.Tally, want: oms.Tally) -> None:
    """Compare every count of units that have cases."""
    assert got.splits == want.splits
    assert got.questions == want.questions
    at = [want.units.index(unit) for unit in got.units]
    for name in ARRAYS:
        mine, theirs = getattr(got, name), getattr(want, name)
        assert (mine is None) == (theirs is None), name
        if mine is not None:
            np.testing.assert_array_equal(mine, theirs[at], name)


def in_group(breakdown: str, group: str) -> Callable[[dict[str, Any]], bool]:
    """Return a test for a group of `all`, a stratum or a cross."""
    if breakdown == "all":
        return lambda case: True
    keys, labels = breakdown.split(" x "), group.split(", ")
    return lambda case: [case[key] for key in keys] == labels
