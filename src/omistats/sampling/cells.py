"""Cells: characteristics crossed within units, matched and merged."""

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
    "SAMPLE_COLUMNS",
    "Cells",
    "Key",
    "WeightingStratum",
    "cell_name",
    "cross",
    "match_cells",
    "merge_sparse",
    "resolve_cells",
    "sample_columns",
]


Ints = npt.NDArray[np.int64]
Key = tuple[str | None, ...]
"""A unit and the level of every characteristic, None where it is unknown."""

_STRATUM_COLUMN = "sampling_stratum"
SAMPLE_COLUMNS = (_STRATUM_COLUMN, "weight", "population")
"""The columns that drawing and weighting add to cases."""

_SEPARATOR = " / "
_UNKNOWN = "unknown"
_LISTED = 5


@attrs.frozen(eq=False)
class Cells:
    """The cells that have cases, by unit and then by level, in the order of declaration.

    Attributes
    ----------
    names : tuple of str
        The characteristics.
    levels : tuple of tuple of str or None
        Levels of each characteristic; None, for unknown, comes last.
    units : tuple of str
        All declared units.
    unit : ndarray of int64, shape (cells,)
        Place of the unit of every cell.
    level : ndarray of int64, shape (cells, characteristics)
        Places of the levels of every cell.
    counts : ndarray of int64, shape (cells,)
        Cases of every cell.
    of_case : ndarray of int64, shape (cases,)
        Cell of every case.
    """

    names: tuple[str, ...]
    levels: tuple[tuple[str | None, ...], ...]
    units: tuple[str, ...]
    unit: Ints
    level: Ints
    counts: Ints
    of_case: Ints

    def cell_keys(self) -> list[Key]:
        """List the unit and levels of every cell."""
        return [
            (self.units[u], *(self.levels[i][code] for i, code in enumerate(codes)))
            for u, codes in zip(self.unit.tolist(), self.level.tolist(), strict=True)
        ]

    def label_columns(self) -> dict[str, pa.Array]:
        """Build columns of the unit and the levels of every cell."""
        columns = {"unit": _arrow.dictionary(self.unit.astype(np.int16), self.units)}
        for i, (name, levels) in enumerate(zip(self.names, self.levels, strict=True)):
            known = [level for level in levels if level is not None]
            codes = np.where(self.level[:, i] < len(known), self.level[:, i], -1)
            columns[name] = _arrow.dictionary(codes.astype(np.int16), known)
        return columns


def resolve_cells(caseload: CaseSet, cells: Any) -> tuple[str, ...]:
    """Resolve the characteristics to cross; None means every required stratum.

    Raises
    ------
    UsageError
        When a name is repeated, or is ``case_id`` or ``unit``.
    UnknownNameError
        When a column is unknown.
    """
    if cells is None:
        return tuple(s.name for s in caseload.framework.strata if s.required)
    names = as_tuple("cells", cells, "names of characteristics")
    if unknown := [name for name in names if name not in caseload]:
        raise UnknownNameError("characteristic", unknown, caseload.columns)
    if repeated := sorted({str(name) for name in names if names.count(name) > 1}):
        raise UsageError(
            f"`cells` must name each characteristic once; found twice: {format_values(repeated)}"
        )
    if reserved := [name for name in names if name in ("case_id", "unit")]:
        raise UsageError(
            f"`cells` are characteristics of cases, within units; leave out {reserved[0]!r}"
        )
    return names


def cross(cases: CaseSet, names: Sequence[str]) -> Cells:
    """Cross-classify cases by unit and characteristics.

    Raises
    ------
    UsageError
        When there are too many levels.
    DataError
        When a characteristic is not a column of labels.
    """
    problems: list[Problem] = []
    codes, levels = [], []
    for name in names:
        coded = _level_codes(cases, name)
        if coded is None:
            rule = "a characteristic is a column of labels"
            hint = "Turn values into text, or numbers into bands."
            problems.append(Problem(name, rule, f"type {cases[name].type}", hint))
            continue
        codes.append(coded[0])
        levels.append(coded[1])
    if problems:
        raise DataError(problems)
    shape = (max(len(cases.units), 1), *map(len, levels))
    if np.prod([float(width) for width in shape]) >= 2**62:
        raise UsageError(
            f"`cells` crosses too many levels: {' x '.join(map(str, shape))}; cross fewer "
            "characteristics"
        )
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


def _level_codes(cases: CaseSet, name: str) -> tuple[Ints, tuple[str | None, ...]] | None:
    """Return the level of every case and all levels; the last is unknown."""
    coded = _arrow.labels_to_codes(cases[name])
    if coded is None:
        return None
    codes, labels = coded
    declared = {s.name: s.levels for s in cases.framework.strata}
    known = declared.get(name) or tuple(sorted(set(_arrow.used_labels(codes, labels))))
    place = {level: i for i, level in enumerate(known)}
    table = np.array([place.get(label, -1) for label in labels] + [len(known)], np.int64)
    return table[codes], (*known, None)


def sample_columns(
    keys: Iterable[Sequence[Key]], of_case: Ints, weight: Any, population: Ints
) -> dict[str, pa.Array]:
    """Build the columns that `recompute` and `scores` take, one entry a case.

    Parameters
    ----------
    keys : iterable of sequence of Key
        The cells of every stratum: one, or several if merged.
    of_case : ndarray of int64, shape (cases,)
        Stratum of every case.
    weight : ndarray of float64, shape (strata,)
    population : ndarray of int64, shape (strata,)

    Raises
    ------
    DataError
        When two strata have the same name.
    """
    names = [" + ".join(cell_name(key) for key in stratum) for stratum in keys]
    if len(set(names)) < len(names):
        repeated = sorted({name for name in names if names.count(name) > 1})
        rule = "the names of strata, made from their labels, are distinct"
        hint = f"Rename levels that contain {_SEPARATOR!r} or are {_UNKNOWN!r}."
        raise DataError([Problem(_STRATUM_COLUMN, rule, format_values(repeated), hint)])
    return {
        _STRATUM_COLUMN: _arrow.dictionary(of_case.astype(np.int32), names),
        "weight": pa.array(np.asarray(weight, np.float64)[of_case]),
        "population": pa.array(population[of_case]),
    }


def cell_name(key: Key) -> str:
    """Name a cell, or cells whose keys begin so."""
    return _SEPARATOR.join(_UNKNOWN if part is None else part for part in key)


@attrs.frozen
class WeightingStratum:
    """One cell, or several merged cells, whose cases have one weight.

    Attributes
    ----------
    cells : tuple of int
        Places of the cells, ascending.
    keys : tuple of Key
        Keys of the cells.
    n, population : int
        Cases inspected, and cases of the caseload.
    """

    cells: tuple[int, ...]
    keys: tuple[Key, ...]
    n: int
    population: int

    def is_sparse(self, least: int) -> bool:
        """Check whether fewer cases than ``least``, and not all cases, were inspected."""
        return self.n < min(least, self.population)

    def merge_with(self, other: WeightingStratum) -> WeightingStratum:
        """Merge two strata."""
        pairs = zip(self.cells + other.cells, self.keys + other.keys, strict=True)
        order = sorted(pairs, key=lambda pair: pair[0])
        return WeightingStratum(
            tuple(place for place, _ in order),
            tuple(key for _, key in order),
            self.n + other.n,
            self.population + other.population,
        )


def merge_sparse(strata: Iterable[WeightingStratum], least: int) -> list[WeightingStratum]:
    """Merge sparse cells with neighbours, across the last characteristic first.

    Parameters
    ----------
    strata : iterable of WeightingStratum
        Single cells, in order.
    least : int
        Cases inspected that a stratum needs, unless its caseload has fewer.

    Returns
    -------
    list of WeightingStratum
        Strata in the order of their first cells. Some may still be sparse, because cells are
        never merged across the first characteristic or across units.

    Notes
    -----
    The sparsest stratum is merged first, with one that differs in the last characteristic only.
    If there is none left, it is merged with one that differs in the characteristic before,
    preferably with later levels in common. Of several candidates the one with the most cases
    inspected is taken, because its weights change least; of equals the first.
    """
    merged = sorted(strata, key=lambda stratum: stratum.cells)
    deepest = len(merged[0].keys[0]) - 1 if merged else 0
    # Depth 0 is the unit and 1 the first characteristic, which are never merged across.
    for depth in range(deepest, 1, -1):
        families: dict[Key, list[WeightingStratum]] = {}
        for stratum in merged:
            families.setdefault(stratum.keys[0][:depth], []).append(stratum)
        merged = [s for family in families.values() for s in _merge_family(family, depth, least)]
    return sorted(merged, key=lambda stratum: stratum.cells)


def _merge_family(family: list[WeightingStratum], depth: int, least: int) -> list[WeightingStratum]:
    """Merge sparse strata of a family, whose keys agree before ``depth``."""
    while len(family) > 1:
        sparse = [stratum for stratum in family if stratum.is_sparse(least)]
        if not sparse:
            break
        sparsest = min(sparse, key=lambda stratum: (stratum.n, stratum.population, stratum.cells))
        later = {key[depth + 1 :] for key in sparsest.keys}
        others = [stratum for stratum in family if stratum is not sparsest]
        nearest = max(
            others,
            key=lambda stratum: (
                not later.isdisjoint(key[depth + 1 :] for key in stratum.keys),
                stratum.n,
                [-place for place in stratum.cells],
            ),
        )
        family = [s for s in others if s is not nearest] + [nearest.merge_with(sparsest)]
    return family


def match_cells(caseload: Cells, inspected: Cells) -> tuple[Ints, Ints, list[Problem]]:
    """Match the cells of cases inspected with those of the caseload.

    Parameters
    ----------
    caseload, inspected : Cells
        Cells of the caseload and of the cases inspected, by the same characteristics.

    Returns
    -------
    n : ndarray of int64, shape (cells of the caseload,)
        Cases inspected.
    place : ndarray of int64, shape (cells inspected,)
        Place in the caseload of each inspected cell.
    problems : list of Problem
        Units and cells that do not match.
    """
    place_of = {key: i for i, key in enumerate(caseload.cell_keys())}
    units = {key[0] for key in place_of}
    n = np.zeros(len(place_of), np.int64)
    place = np.zeros(len(inspected.counts), np.int64)
    unknown_units: dict[Any, int] = {}
    unknown_cells = []
    for i, (key, count) in enumerate(
        zip(inspected.cell_keys(), inspected.counts.tolist(), strict=True)
    ):
        if key in place_of:
            place[i] = place_of[key]
            n[place_of[key]] = count
        elif key[0] not in units:
            unknown_units[key[0]] = unknown_units.get(key[0], 0) + count
        else:
            unknown_cells.append(f"{count} of {cell_name(key)}")
    problems = []
    if unknown_units:
        rule = "the caseload has every unit that cases were inspected in"
        cases = sum(unknown_units.values())
        found = f"no unit {format_values(list(unknown_units))}, of which {cases:,} were inspected"
        hint = "Add its caseload, spell its name alike in both, or filter its cases out."
        problems.append(Problem("caseload", rule, found, hint))
    if unknown_cells:
        rule = "cases inspected are in cells that the caseload has"
        hint = "Give cases the characteristics that they had in the caseload."
        rest = len(unknown_cells) - _LISTED
        found = ", ".join(unknown_cells[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")
        problems.append(Problem("cases", rule, found, hint))
    keys = list(place_of)
    for i in np.flatnonzero(n > caseload.counts).tolist():
        rule = "no more of a cell are inspected than the caseload has"
        found = f"{n[i]} of {caseload.counts[i]}"
        hint = "Check for repeated cases, or for cases missing from the caseload."
        problems.append(Problem(cell_name(keys[i]), rule, found, hint))
    inspected_units = {inspected.units[u] for u in inspected.unit.tolist()}
    caseload_units = [caseload.units[u] for u in np.unique(caseload.unit).tolist()]
    if missing_units := [unit for unit in caseload_units if unit not in inspected_units]:
        rule = "every unit of the caseload has cases inspected"
        hint = "Filter its cases out of the caseload, because no case represents them."
        found = f"none of {format_values(missing_units)}"
        problems.append(Problem("caseload", rule, found, hint))
    return n, place, problems
