"""Cross-classified cells, merging, matching."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    as_tuple,
    format_values,
)
from omistats.model.case_set import CaseSet

__all__ = [
    "ADDED",
    "COLUMN",
    "Cells",
    "Key",
    "Part",
    "added",
    "called",
    "cross",
    "matched",
    "merge",
    "wanted_cells",
]


Ints = npt.NDArray[np.int64]
Key = tuple[str | None, ...]
"""A unit and the level of every characteristic, None where it is unknown."""

COLUMN = "sampling_stratum"
ADDED = (COLUMN, "weight", "population")
"""The columns that a sample has more than its caseload."""

_BETWEEN = " / "
_UNKNOWN = "unknown"


@attrs.frozen(eq=False)
class Cells:
    """The cells that have cases, by unit and then by level, in the order of declaration.

    Attributes
    ----------
    names : tuple of str
        The characteristics.
    levels : tuple of tuple of str or None
        Of each characteristic; None, the unknown, comes last.
    units : tuple of str
        All that are declared.
    unit : ndarray of int64, shape (cells,)
    level : ndarray of int64, shape (cells, characteristics)
    counts : ndarray of int64, shape (cells,)
        Cases.
    of_case : ndarray of int64, shape (cases,)
        The cell of every case.
    """

    names: tuple[str, ...]
    levels: tuple[tuple[str | None, ...], ...]
    units: tuple[str, ...]
    unit: Ints
    level: Ints
    counts: Ints
    of_case: Ints

    def named(self) -> list[Key]:
        """Name every cell."""
        return [
            (self.units[u], *(self.levels[i][code] for i, code in enumerate(codes)))
            for u, codes in zip(self.unit.tolist(), self.level.tolist(), strict=True)
        ]

    def label_columns(self) -> dict[str, pa.Array]:
        """Give the unit and the levels of every cell as columns."""
        columns = {"unit": _arrow.dictionary(self.unit.astype(np.int16), self.units)}
        for i, (name, levels) in enumerate(zip(self.names, self.levels, strict=True)):
            known = [level for level in levels if level is not None]
            codes = np.where(self.level[:, i] < len(known), self.level[:, i], -1)
            columns[name] = _arrow.dictionary(codes.astype(np.int16), known)
        return columns


def wanted_cells(caseload: CaseSet, cells: Any) -> tuple[str, ...]:
    """Resolve the characteristics that are crossed; None is every required stratum.

    Raises
    ------
    UsageError
        When one is named twice.
    UnknownNameError
        When there is no such column.
    """
    if cells is None:
        return tuple(s.name for s in caseload.framework.strata if s.required)
    names = as_tuple("cells", cells, "names of characteristics")
    if unknown := [name for name in names if name not in caseload]:
        raise UnknownNameError("characteristic", unknown, caseload.columns)
    if repeated := sorted({str(name) for name in names if names.count(name) > 1}):
        raise UsageError(
            f"`cells` names each characteristic once, found twice: {format_values(repeated)}"
        )
    if reserved := [name for name in names if name in ("case_id", "unit")]:
        raise UsageError(
            f"`cells` are characteristics of cases, within units; leave out {reserved[0]!r}"
        )
    return names


def cross(cases: CaseSet, names: Sequence[str]) -> Cells:
    """Put every case into its cell.

    Raises
    ------
    DataError
        When a characteristic is no column of labels.
    """
    problems: list[Problem] = []
    codes, levels = [], []
    for name in names:
        found = _coded(cases, name)
        if found is None:
            rule = "a characteristic is a column of labels"
            hint = "Turn values into text, or numbers into bands."
            problems.append(Problem(name, rule, f"type {cases[name].type}", hint))
            continue
        codes.append(found[0])
        levels.append(found[1])
    if problems:
        raise DataError(problems)
    shape = (max(len(cases.units), 1), *map(len, levels))
    if np.prod([float(width) for width in shape]) >= 2**62:
        raise UsageError(f"`cells` crosses too many levels: {' x '.join(map(str, shape))}")
    flat = np.ravel_multi_index((cases.unit_codes.astype(np.int64), *codes), shape)
    used, of_case, counts = np.unique(flat, return_inverse=True, return_counts=True)
    unit, *level = np.unravel_index(used, shape)
    return Cells(
        tuple(names),
        tuple(levels),
        cases.units,
        np.asarray(unit, np.int64),
        np.array(level, np.int64).reshape(len(names), len(used)).T,
        counts.astype(np.int64),
        of_case.reshape(-1).astype(np.int64),
    )


def _coded(cases: CaseSet, name: str) -> tuple[Ints, tuple[str | None, ...]] | None:
    """Give the level of every case; an unknown one has a level of its own, the last."""
    found = _arrow.labels_to_codes(cases[name])
    if found is None:
        return None
    codes, labels = found
    declared = {s.name: s.levels for s in cases.framework.strata}
    known = declared.get(name) or tuple(sorted(set(_arrow.used_labels(codes, labels))))
    place = {level: i for i, level in enumerate(known)}
    table = np.array([place.get(label, -1) for label in labels] + [len(known)], np.int64)
    return table[codes], (*known, None)


def added(
    keys: Iterable[Sequence[Key]], of_case: Ints, weight: Any, population: Ints
) -> dict[str, pa.Array]:
    """Give the columns that `recompute` and `scores` take, one entry a case.

    Parameters
    ----------
    keys : iterable of sequence of Key
        The cells of every stratum: one, or those that were merged.
    of_case : ndarray of int64, shape (cases,)
        The stratum of each.
    weight : ndarray of float64, shape (strata,)
    population : ndarray of int64, shape (strata,)

    Raises
    ------
    DataError
        When labels run into each other, so that two strata would be called the same.
    """
    names = [" + ".join(_text(key) for key in stratum) for stratum in keys]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        rule = "strata are named by their labels, which must tell them apart"
        hint = f"Rename levels that contain {_BETWEEN!r} or are called {_UNKNOWN!r}."
        raise DataError([Problem(COLUMN, rule, format_values(twice), hint)])
    return {
        COLUMN: _arrow.dictionary(of_case.astype(np.int32), names),
        "weight": pa.array(np.asarray(weight, np.float64)[of_case]),
        "population": pa.array(population[of_case]),
    }


def _text(key: Key) -> str:
    return _BETWEEN.join(_UNKNOWN if part is None else part for part in key)


@attrs.frozen
class Part:
    """Cells that are weighted as one.

    Attributes
    ----------
    cells : tuple of int
        Their places in the order of cells, ascending.
    keys : tuple of Key
        Their names.
    n, population : int
        Cases inspected, and cases of the caseload.
    """

    cells: tuple[int, ...]
    keys: tuple[Key, ...]
    n: int
    population: int

    def sparse(self, least: int) -> bool:
        """Say whether there are too few cases, and more were there to inspect."""
        return self.n < min(least, self.population)

    def joined(self, other: Part) -> Part:
        """Put two parts together."""
        pairs = zip(self.cells + other.cells, self.keys + other.keys, strict=True)
        order = sorted(pairs, key=lambda pair: pair[0])
        return Part(
            tuple(place for place, _ in order),
            tuple(key for _, key in order),
            self.n + other.n,
            self.population + other.population,
        )


def merge(parts: Iterable[Part], least: int) -> list[Part]:
    """Merge sparse cells with neighbours, the last characteristic giving way first.

    Parameters
    ----------
    parts : iterable of Part
        Single cells, in order.
    least : int
        Cases inspected that a part needs, unless its caseload has fewer.

    Returns
    -------
    list of Part
        In the order of their first cells. Parts may be sparse still: those that nothing is
        left for but to be merged across the first characteristic, or across units.

    Notes
    -----
    The sparsest first; it joins a part that differs from it in the last characteristic only.
    When such are used up it joins one that differs in the characteristic before, of those one
    that has later levels in common with it if there is one. Of several it joins the part with
    the most cases inspected, whose weights that changes least; of equals the first.
    """
    now = sorted(parts, key=lambda part: part.cells)
    deepest = len(now[0].keys[0]) - 1 if now else 0
    # A key begins with the unit and the first characteristic, which parts have in common.
    for depth in range(deepest, 1, -1):
        families: dict[Key, list[Part]] = {}
        for part in now:
            families.setdefault(part.keys[0][:depth], []).append(part)
        now = [part for family in families.values() for part in _within(family, depth, least)]
    return sorted(now, key=lambda part: part.cells)


def _within(family: list[Part], depth: int, least: int) -> list[Part]:
    """Merge sparse parts of those that agree in what comes before ``depth``."""
    while len(family) > 1:
        sparse = [part for part in family if part.sparse(least)]
        if not sparse:
            break
        poorest = min(sparse, key=lambda part: (part.n, part.population, part.cells))
        later = {key[depth + 1 :] for key in poorest.keys}
        others = [part for part in family if part is not poorest]
        nearest = max(
            others,
            key=lambda part: (
                not later.isdisjoint(key[depth + 1 :] for key in part.keys),
                part.n,
                [-place for place in part.cells],
            ),
        )
        family = [p for p in others if p is not nearest] + [nearest.joined(poorest)]
    return family


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
        found = f"no unit {format_values(list(strangers))}, of which {cases:,} were inspected"
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
        problems.append(Problem("caseload", rule, f"none of {format_values(lost)}", hint))
    return n, place, problems
