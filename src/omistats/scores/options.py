"""Options of scores, refused all together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem, UsageError, described
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework
from omistats.model.sources import read_cases
from omistats.tallies import Tally

__all__ = ["TREATMENTS", "check_alone", "check_source", "refuse"]

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
        lines = "".join(f"\n  - {error}" for error in found)
        raise UsageError(f"{len(found)} options do not fit:{lines}")


def check_source(source: Any, framework: Any) -> None:
    """Refuse what scores cannot be made of, and cases without a framework."""
    if source is None:
        raise UsageError("scores are made of cases, found None; pass a CaseSet, data or a path")
    if isinstance(source, Tally):
        raise UsageError(
            "scores are made of cases, found a Tally, which no longer tells which answers are of "
            "one case; pass the cases that were counted"
        )
    if framework is not None and not isinstance(framework, Framework):
        raise UsageError(f"`framework` is a Framework, found {described(framework)}")
    if framework is None and not isinstance(source, CaseSet):
        read_cases(source, None)  # which says what is missing


def check_alone(
    cases: CaseSet, alone: npt.NDArray[np.bool_], lonely: str, problems: list[Problem]
) -> None:
    """Refuse units of one case by name, unless told what to do; add to ``problems``."""
    if lonely != "error" or not alone.any():
        return
    order, starts = cases.packed.order, cases.packed.starts[:-1]
    which = []
    for unit in np.flatnonzero(alone).tolist():
        at = starts[unit] if order is None else order[starts[unit]]
        which.append(f"{cases.units[unit]!r} (case {cases['case_id'][int(at)].as_py()!r})")
    text = ", ".join(which[:5]) + (f" and {len(which) - 5} more" if len(which) > 5 else "")
    rule = "two cases or more in each unit show how cases differ"
    hint = "Merge units with `regroup`, or say lonely='null', 'remove' or 'adjust'."
    problems.append(Problem("unit", rule, f"one in {text}", hint))
