"""Cells: the cases of a unit that are alike in the characteristics that a sample is drawn by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, UnknownNameError, UsageError, listed, shown
from omistats.model.cases import CaseSet

__all__ = ["ADDED", "COLUMN", "Cells", "Key", "added", "cross", "wanted_cells"]

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
    names = listed("cells", cells, "names of characteristics")
    if unknown := [name for name in names if name not in caseload]:
        raise UnknownNameError("characteristic", unknown, caseload.columns)
    if repeated := sorted({str(name) for name in names if names.count(name) > 1}):
        raise UsageError(f"`cells` names each characteristic once, found twice: {shown(repeated)}")
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
        raise DataError([Problem(COLUMN, rule, shown(twice), hint)])
    return {
        COLUMN: _arrow.dictionary(of_case.astype(np.int32), names),
        "weight": pa.array(np.asarray(weight, np.float64)[of_case]),
        "population": pa.array(population[of_case]),
    }


def _text(key: Key) -> str:
    return _BETWEEN.join(_UNKNOWN if part is None else part for part in key)
