"""The made-up sample behind tests/oracles/weighted.R, and the designs it is taken to be drawn by.

The cases describe nobody. Weights, regions, teams and populations are columns of theirs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from tests.factories import LEVELS, Gender, Harm, Supervision, Tier, oracle

import omistats as oms
from omistats import Item, Link

QUESTIONS = ("q0", "q1", "q2", "q3")
SPLITS = (Supervision(), Gender(), Harm(), Tier())
DESIGNS = oracle("weighted_designs.csv")
# The question's criterion, and the headline that all of them feed.
_ITEMS = {"q0": "1", "q1": "1", "q2": "2", "q3": "2"}


def framework() -> oms.Framework:
    """Give a framework with the questions and two criteria in sections of the same questions."""
    return oms.Framework(
        "drawn",
        [
            oms.Question(
                q,
                f"Question {q}",
                Link(f"{_ITEMS[q]}.1", "published"),
                (Link("both", "published"),),
            )
            for q in QUESTIONS
        ],
        [oms.Stratum(name, levels) for name, levels in LEVELS.items()],
        items=[
            Item("1", "section", "First"),
            Item("2", "section", "Second"),
            Item("1.1", "criterion", "First", parent="1"),
            Item("2.1", "criterion", "Second", parent="2"),
            Item("both", "headline", "Both"),
        ],
    )


def columns() -> dict[str, list[Any]]:
    """Give the cases, columns of the design among them."""
    answers = {"1": True, "0": False, "": None}
    made: dict[str, list[Any]] = {}
    lines = oracle("weighted_cases.csv")
    for name in lines[0]:
        values = [line[name] for line in lines]
        if name in QUESTIONS:
            made[name] = [answers[v] for v in values]
        elif name in ("weight", "teams_there", "cases_there"):
            made[name] = [float(v) for v in values]
        elif name != "synthetic":
            made[name] = [v or None for v in values]
    return made


@cache
def sample() -> oms.CaseSet:
    """Read the cases, which are in no order of units."""
    return oms.CaseSet.from_data(columns(), framework=framework())


def options(design: dict[str, str]) -> dict[str, Any]:
    """Give a design as arguments, by names of columns."""
    return {
        "weight": design["weight"] or None,
        "stratum": design["stratum"] or None,
        "cluster": design["cluster"] or None,
        "population": design["population"] or None,
        "lonely": design["lonely"],
    }


def alike(left: pa.Table, right: pa.Table, leave: tuple[str, ...] = ()) -> None:
    """Hold two tables to each other, numbers to nine digits and all else to the letter."""
    assert left.column_names == right.column_names
    for name in left.column_names:
        if name in leave:
            continue
        a, b = left[name], right[name]
        if pa.types.is_floating(a.type):
            assert a.is_null().equals(b.is_null()), name
            mine, theirs = (x.to_numpy(zero_copy_only=False) for x in (a, b))
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9, err_msg=name)
        else:
            assert a.to_pylist() == b.to_pylist(), name
