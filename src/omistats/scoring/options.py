"""Argument checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.registry import resolve
from omistats.counting.tally import Tally
from omistats.errors import DataError, Problem, UsageError, as_tuple, format_value
from omistats.model.batches import read_cases
from omistats.model.case_set import CaseSet
from omistats.model.framework import Framework
from omistats.scoring.sums import ScoredItem, scored_items

if TYPE_CHECKING:
    from omistats.scoring.score_tally import ScoreTally

__all__ = [
    "TREATMENTS",
    "check_alone",
    "check_source",
    "check_tally_options",
    "refuse",
    "wanted_breakdowns",
    "wanted_items",
]


TREATMENTS = ("error", "null", "remove", "adjust")
"""Of units of one case."""


def refuse(*checks: Callable[[], object]) -> None:
    """Make every check, then raise what was found: one error as it is, several as one.

    Raises
    ------
    UsageError
        When several fail.
    """
    found: list[UsageError | DataError] = []
    for check in checks:
        try:
            check()
        except (UsageError, DataError) as error:
            found.append(error)
    if len(found) == 1:
        raise found[0]
    if found:
        # An error of several lines stays one entry of the list.
        lines = "".join("\n  - " + str(error).replace("\n", "\n    ") for error in found)
        raise UsageError(f"{len(found)} options do not fit:{lines}")


def check_source(source: Any, framework: Any) -> None:
    """Refuse what scores cannot be made of, and cases without a framework."""
    if source is None:
        raise UsageError("scores are made of cases, found None; pass a CaseSet, data or a path")
    if isinstance(source, Tally):
        raise UsageError(
            "scores are made of cases, found a Tally, which no longer tells which answers are of "
            "one case; pass the cases that were counted, or score_tally of them"
        )
    if framework is not None and not isinstance(framework, Framework):
        raise UsageError(f"`framework` is a Framework, found {format_value(framework)}")
    if framework is None and not isinstance(source, CaseSet):
        read_cases(source, None)  # which says what is missing


def wanted_breakdowns(breakdowns: Any, framework: Framework | None) -> tuple[Breakdown, ...]:
    """Resolve breakdowns; without a framework only see that they are listed.

    Raises
    ------
    UsageError, UnknownNameError, DataError
        As `omistats.breakdowns.registry.resolve`.
    """
    one = isinstance(breakdowns, Breakdown | type)
    given = () if breakdowns is None else breakdowns
    wanted = (given,) if one else as_tuple("breakdowns", given, "breakdowns or their names")
    return resolve(wanted, framework) if framework is not None and wanted else ()


def wanted_items(
    items: Iterable[str] | None, framework: Framework | None
) -> tuple[ScoredItem, ...]:
    """Find the items to score; without a framework only see that they are listed.

    Raises
    ------
    UsageError, UnknownNameError
        As `omistats.scoring.sums.scored_items`.
    """
    asked = None if items is None else as_tuple("items", items, "ids of items")
    return () if framework is None else scored_items(framework, asked)


def check_alone(
    units: Sequence[str],
    alone: npt.NDArray[np.bool_],
    lonely: str,
    cases: CaseSet | None,
    problems: list[Problem],
) -> None:
    """Refuse units of one case by name, unless told what to do; add to ``problems``."""
    if lonely != "error" or not alone.any():
        return
    which = [
        f"{units[unit]!r}" + ("" if cases is None else f" (case {_first_of(cases, unit)!r})")
        for unit in np.flatnonzero(alone).tolist()
    ]
    text = ", ".join(which[:5]) + (f" and {len(which) - 5} more" if len(which) > 5 else "")
    rule = "two cases or more in each unit show how cases differ"
    merge = "Merge units with `regroup`, or say" if cases is not None else "Say"
    hint = f"{merge} lonely='null', 'remove' or 'adjust'."
    problems.append(Problem("unit", rule, f"one in {text}", hint))


def _first_of(cases: CaseSet, unit: int) -> Any:
    """Give the id of a unit's first case."""
    at, order = cases.packed.starts[unit], cases.packed.order
    return cases["case_id"][int(at if order is None else order[at])].as_py()


def check_tally_options(
    sums: ScoreTally, *, framework: Any, complement: Any, rule: Any, **given: Any
) -> list[Callable[[], object]]:
    """Give the checks of options that need the cases; each refuses what was given.

    Parameters
    ----------
    sums : ScoreTally
    framework, complement, rule : object
        Fine if they are what the sums are of.
    **given : object
        ``breakdowns``, ``items``, ``weight``, ``stratum`` and ``cluster``, fine if left out.
    """
    wrong: list[tuple[str, Any, str]] = []
    if framework is not None and not (
        isinstance(framework, Framework) and framework == sums.framework
    ):
        wrong.append(("framework", framework, f"it is of {sums.framework.name!r}; leave it out"))
    for name in ("breakdowns", "items"):
        value = given[name]
        # No breakdowns are those of the default.
        excluded = name == "breakdowns" and isinstance(value, tuple | list) and not value
        if value is not None and not excluded:
            hint = f"say it to score_tally, filter what comes out by `.{name[:-1]}()`"
            wrong.append((name, value, f"{hint}, or pass the cases"))
    if isinstance(complement, str) and complement == "known" != sums.complement:
        wrong.append(("complement", complement, "say it to score_tally, or pass the cases"))
    if isinstance(rule, str) and rule in ("questions", "cases"):
        wrong.append(("rule", rule, "its sums are of pooled answers; pass the cases"))
    for name, default in (("weight", None), ("stratum", "unit"), ("cluster", None)):
        value = given[name]
        if not (value is None if default is None else isinstance(value, str) and value == default):
            why = "how each case was drawn is not in its sums; pass the cases"
            wrong.append((name, value, why))
    return [partial(_refused, *one) for one in wrong]


def _refused(name: str, value: Any, why: str) -> None:
    raise UsageError(f"`{name}` does not go with a ScoreTally, found {format_value(value)}: {why}")
