"""Whole numbers of cases in every cell, by integer programming."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import OmistatsError

__all__ = ["Rule", "binding", "nearest", "possible"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# A cell further from its target than this pays for each further case what the last one cost.
_REACH = 4
# Of tables that are equally near one must be taken, on every machine the same.
_TIES = 1e-4
_GOLDEN = 0.6180339887498949


@attrs.frozen(eq=False)
class Rule:
    """What some cells have to add up to.

    Attributes
    ----------
    members : ndarray of bool, shape (cells,)
    low, high : int
        At least and at most.
    text : str
        For people.
    cost : float or None
        What a case beyond the limits costs, beside a chi-square; None where limits hold.
    """

    members: npt.NDArray[np.bool_]
    low: int
    high: int
    text: str
    cost: float | None = None


def nearest(
    target: Floats, least: Ints, most: Ints, size: int, rules: Sequence[Rule]
) -> Ints | None:
    """Find the whole numbers nearest to a target that obey rules; None where none do.

    Parameters
    ----------
    target : ndarray of float64, shape (cells,)
    least, most : ndarray of int64, shape (cells,)
        Limits of every cell.
    size : int
        What all cells add up to.
    rules : sequence of Rule

    Notes
    -----
    Near is the sum over cells of ``(n - t)^2 / max(t, 1/2)``, as a function of whole numbers
    that goes straight from each to the next.
    """
    cells = len(target)
    aim = np.clip(target, least, most)
    rows, floors = [], []
    for c in range(cells):
        scale = max(aim[c], 0.5)
        low = max(int(least[c]), int(np.floor(aim[c])) - _REACH)
        high = min(int(most[c]), int(np.ceil(aim[c])) + _REACH)
        for j in range(low, high):
            height = (j - aim[c]) ** 2 / scale
            slope = (j + 1 - aim[c]) ** 2 / scale - height
            row = np.zeros(2 * cells)
            row[c], row[cells + c] = -slope, 1.0
            rows.append(row)
            floors.append(height - slope * j)
    distances = np.array(rows).reshape(-1, 2 * cells)
    ties = _TIES * np.modf(_GOLDEN * np.arange(1, cells + 1))[0]
    cost = np.concatenate([ties, np.ones(cells)])
    return _solve(cost, least, most, size, rules, (distances, np.array(floors)))


def possible(least: Ints, most: Ints, size: int, rules: Sequence[Rule]) -> bool:
    """Say whether any whole numbers obey the rules."""
    none = np.zeros((0, len(least))), np.zeros(0)
    return _solve(np.zeros(len(least)), least, most, size, rules, none) is not None


def binding(least: Ints, most: Ints, size: int, rules: Sequence[Rule]) -> list[Rule]:
    """Find rules that cannot hold together, of which each is needed for that.

    Each rule in turn is left out, and stays out if the rest cannot hold either (the deletion
    filter of Chinneck and Dravnieks, ORSA Journal on Computing 3, 1991).
    """
    kept = list(rules)
    for rule in rules:
        rest = [r for r in kept if r is not rule]
        if not possible(least, most, size, rest):
            kept = rest
    return kept


def _solve(
    cost: Floats,
    least: Ints,
    most: Ints,
    size: int,
    rules: Sequence[Rule],
    distances: tuple[Floats, Floats],
) -> Ints | None:
    from scipy.optimize import Bounds, LinearConstraint, milp

    cells, width = len(least), len(cost)
    soft = [rule for rule in rules if rule.cost is not None]
    total = width + len(soft)
    upper, lower, matrix = [size], [size], [_row(np.ones(cells), total)]
    for rule in rules:
        if rule.cost is None:
            matrix.append(_row(rule.members, total))
            lower.append(rule.low)
            upper.append(rule.high)
    below, above = np.array(lower, np.float64), np.array(upper, np.float64)
    constraints = [LinearConstraint(np.array(matrix), below, above)]
    if len(distances[1]):
        wide = np.hstack([distances[0], np.zeros((len(distances[1]), len(soft)))])
        constraints.append(LinearConstraint(wide, distances[1], np.inf))
    for i, rule in enumerate(soft):
        over, under = _row(rule.members, total), _row(rule.members, total)
        over[width + i], under[width + i] = -1.0, 1.0
        constraints.append(LinearConstraint(over, -np.inf, rule.high))
        constraints.append(LinearConstraint(under, rule.low, np.inf))
    rest = total - cells
    found = milp(
        np.concatenate([cost, [rule.cost or 0.0 for rule in soft]]),
        integrality=np.concatenate([np.ones(cells), np.zeros(rest)]),
        bounds=Bounds(
            np.concatenate([least, np.zeros(rest)]), np.concatenate([most, np.full(rest, np.inf)])
        ),
        constraints=constraints,
        options={"mip_rel_gap": 0.0},
    )
    if found.status == 2:  # infeasible
        return None
    if found.x is None:
        raise OmistatsError(f"the allocation was not solved: {found.message}")
    whole: Ints = np.rint(found.x[:cells]).astype(np.int64)
    wrong = [
        r.text for r in rules if r.cost is None and not r.low <= whole[r.members].sum() <= r.high
    ]
    if wrong or whole.sum() != size or (whole < least).any() or (whole > most).any():
        raise OmistatsError(f"the solver gave an allocation that breaks rules: {wrong or 'cells'}")
    return whole


def _row(members: npt.ArrayLike, width: int) -> Floats:
    row = np.zeros(width)
    values = np.asarray(members, np.float64)
    row[: len(values)] = values
    return row
