"""Options of scores, refused all together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem, UnknownNameError, UsageError, shown
from omistats.kernel.counts import as_numbers
from omistats.model.cases import CaseSet

__all__ = ["LONELY", "Population", "caseloads", "check_lonely", "check_word", "refuse"]

Floats = npt.NDArray[np.float64]
Population = float | Mapping[str, float] | None

LONELY = ("error", "null", "remove", "adjust")


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


def check_word(what: str, value: object, known: tuple[str, ...]) -> None:
    """Refuse a word that is not among the known ones."""
    if value not in known:
        raise UnknownNameError(what, value, known)


def caseloads(population: Population, cases: CaseSet, problems: list[Problem]) -> Floats | None:
    """Give the number of cases in each unit's caseload; add to ``problems``."""
    if population is None:
        return None
    where, units = "population", cases.units
    drawn = np.diff(cases.packed.starts)
    if isinstance(population, Mapping):
        lost = [unit for unit in units if unit not in population]
        if lost:
            rule, hint = "a number of cases for every unit", "Give one for each."
            problems.append(Problem(where, rule, f"none for {shown(lost)}", hint))
        given = [population.get(unit, np.inf) for unit in units]
    else:
        given = [population] * len(units)
    values = np.array([_number(value) for value in given], np.float64)
    wrong = [
        f"{value!r} with {m} drawn in {unit!r}"
        for unit, value, m, ok in zip(units, given, drawn, values >= drawn, strict=True)
        if not ok
    ]
    if wrong:
        text = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        hint = "Give the number of cases that could be drawn in each unit, not a fraction."
        problems.append(Problem(where, "no fewer cases than were drawn", text, hint))
    return values


def _number(value: Any) -> float:
    """Give a number; NaN, which is no number of cases, for what is none."""
    try:
        number = as_numbers(value, "population")
    except UsageError:
        return np.nan
    return float(number) if number.ndim == 0 and not isinstance(value, bool) else np.nan


def check_lonely(
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
