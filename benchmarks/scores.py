"""Scores of a whole programme by several means.

Two peers give the same scores and standard errors in pandas, and both are shown, each beside what
is asked. ``pandas, item by item`` groups the cases once a breakdown and once more for every item,
the way an analyst writes the formula down for one score and then loops. ``pandas, all items at
once`` has items as columns, filled by a matrix product, and groups once a breakdown, as lean as we
could write it. Neither tests, nor gives intervals, design effects or differences, which omistats
gives too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

import omistats as oms
from benchmarks.agreement import score_differences
from benchmarks.interleave import Timings, interleave
from benchmarks.score_peers import SCORE_PEERS, Feeds, frame_of

__all__ = [
    "SCORES_ASKED",
    "SCORES_FROM_ARROW",
    "SCORES_READY",
    "compare_scores",
    "feeds_of",
    "programme",
    "score_contestants",
    "scored",
]

SCORES_READY = "omistats, cases read before"
SCORES_FROM_ARROW = "omistats, from Arrow"

SCORES_ASKED = {"pandas, item by item": 50, "pandas, all items at once": 50}
"""How many times faster than these the scores of 36 reports are meant to be."""


def programme(units: int = 35) -> oms.CaseSet:
    """The simulated cases of a programme; with all together 35 units make 36 reports."""
    return oms.omi2.simulate(units)


def feeds_of(framework: oms.Framework) -> Feeds:
    """What feeds what: a criterion's questions feed its section too."""
    parents = {item.id: (item.id, item.parent) for item in framework.items}
    feeds: dict[str, list[str]] = {item.id: [] for item in framework.items}
    for question in framework.questions:
        fed = {id for link in question.links for id in parents[link.item] if id is not None}
        for id in fed:
            feeds[id].append(question.id)
    return {id: questions for id, questions in feeds.items() if questions}


def scored(cases: oms.CaseSet, **options: Any) -> pa.Table:
    """The scores of every report, for everyone and by the six breakdowns."""
    return oms.scores(cases, by="unit", breakdowns=oms.omi2.STANDARD, **options).table


def score_contestants(cases: oms.CaseSet) -> dict[str, Callable[[], Any]]:
    """Omistats from cases read before and from their table, and every peer from a frame."""
    table, framework = pa.table(cases), cases.framework
    feeds = feeds_of(framework)
    frame = frame_of(table, feeds)
    peers = {name: (lambda peer=peer: peer(frame, feeds)) for name, peer in SCORE_PEERS.items()}
    return {
        SCORES_READY: lambda: scored(cases),
        SCORES_FROM_ARROW: lambda: scored(oms.CaseSet.from_data(table, framework=framework)),
        **peers,
    }


def compare_scores(cases: oms.CaseSet, rounds: int) -> Timings:
    """Time the scores by every means, having seen that all are the same.

    Raises
    ------
    ValueError
        When scores differ from those of omistats.
    """
    calls = score_contestants(cases)
    ours = scored(cases)
    wrong = [
        f"{name}: {d}" for name, call in calls.items() for d in score_differences(call(), ours)
    ]
    if wrong:
        raise ValueError("scores differ:\n" + "\n".join(wrong[:10]))
    return interleave(calls, rounds)
