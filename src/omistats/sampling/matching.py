"""Cases inspected, found in the cells of the caseload that they came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.errors import Problem, shown
from omistats.sampling.cells import Cells, Key

__all__ = ["called", "matched"]

Ints = npt.NDArray[np.int64]

_SHOWN = 5


def called(key: Key) -> str:
    """Name a cell, or the beginning of one."""
    return " / ".join("unknown" if part is None else part for part in key)


def matched(there: Cells, inspected: Cells) -> tuple[Ints, Ints, list[Problem]]:
    """Count the cases inspected of every cell of the caseload, and find where each cell is.

    Parameters
    ----------
    there, inspected : Cells
        Of the caseload, and of the cases inspected, by the same characteristics.

    Returns
    -------
    tuple of ndarray of int64, ndarray of int64 and list of Problem
        Cases inspected, shape (cells of the caseload,); the cell of the caseload that each
        inspected cell is, shape (cells inspected,); and what does not match.
    """
    at = {key: i for i, key in enumerate(there.named())}
    units = {key[0] for key in at}
    n = np.zeros(len(at), np.int64)
    place = np.zeros(len(inspected.counts), np.int64)
    strangers: dict[Any, int] = {}
    stray = []
    for i, (key, count) in enumerate(
        zip(inspected.named(), inspected.counts.tolist(), strict=True)
    ):
        if key in at:
            place[i] = at[key]
            n[at[key]] = count
        elif key[0] not in units:
            strangers[key[0]] = strangers.get(key[0], 0) + count
        else:
            stray.append(f"{count} of {called(key)}")
    problems = []
    if strangers:
        rule = "the caseload has every unit that cases were inspected in"
        cases = sum(strangers.values())
        found = f"no unit {shown(list(strangers))}, of which {cases:,} were inspected"
        hint = "Add its caseload, spell its name alike in both, or filter its cases out."
        problems.append(Problem("caseload", rule, found, hint))
    if stray:
        rule = "cases inspected are in cells that the caseload has"
        hint = "Give cases the characteristics that they had in the caseload."
        more = f" and {len(stray) - _SHOWN} more" if len(stray) > _SHOWN else ""
        problems.append(Problem("cases", rule, ", ".join(stray[:_SHOWN]) + more, hint))
    keys = list(at)
    for i in np.flatnonzero(n > there.counts).tolist():
        rule = "no more of a cell are inspected than the caseload has"
        found = f"{n[i]} of {there.counts[i]}"
        hint = "See whether cases stand twice, or the caseload lacks some."
        problems.append(Problem(called(keys[i]), rule, found, hint))
    used = {inspected.units[u] for u in inspected.unit.tolist()}
    if lost := [
        there.units[u] for u in np.unique(there.unit).tolist() if there.units[u] not in used
    ]:
        rule = "every unit of the caseload has cases inspected"
        hint = "Filter its cases out of the caseload, which they cannot stand for."
        problems.append(Problem("caseload", rule, f"none of {shown(lost)}", hint))
    return n, place, problems
