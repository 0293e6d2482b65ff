"""From counts by unit, breakdown and group to the table of all reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.special

from benchmarks.peers import PAIRS, SUBSET, pearson

__all__ = ["ALL", "SIDES", "added_up", "cube_of", "cube_report"]

ALL: Final = "all"
SIDES: Final = [(b, *g) for b, g in PAIRS.items()] + [SUBSET]
"""Breakdowns with the two groups that each shows."""

_KEYS: Final = ("unit", "breakdown", "group", "question")


def cube_report(cube: npt.NDArray[Any], units: Sequence[str], questions: Sequence[str]) -> pa.Table:
    """Make the table of all reports.

    ``cube`` has the axes: sufficient or applicable, units, breakdowns, groups, questions.
    """
    counts = cube.astype(np.float64)
    counts = np.concatenate([counts, counts.sum(axis=1, keepdims=True)], axis=1)
    k, n = counts
    subset = np.array([b == SUBSET[0] for b, *_ in SIDES], np.float64)[:, np.newaxis]
    rest_k, rest_n = (c[:, :, 1] - subset * c[:, :, 0] for c in (k, n))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = pearson(k[:, :, 0], n[:, :, 0], rest_k, rest_n)
        percent = 100 * k / n
    p_value = scipy.special.erfc(np.sqrt(statistic / 2))
    labels = [[*units, ALL], [b for b, *_ in SIDES], [g for _, *p in SIDES for g in p], questions]
    places = np.ogrid[: len(k), : len(SIDES), :2, : len(questions)]
    # The groups of a breakdown are the two after those of the breakdowns before.
    codes = [places[0], places[1], 2 * places[1] + places[2], places[3]]
    keys = {
        name: pa.DictionaryArray.from_arrays(
            np.broadcast_to(code, k.shape).astype(np.int16).ravel(), pa.array(list(label))
        )
        for name, code, label in zip(_KEYS, codes, labels, strict=True)
    }
    tested = np.repeat(p_value[:, :, np.newaxis], 2, axis=2)
    figures = {"k": k, "n": n, "percent": percent, "p_value": tested}
    return pa.table({**keys, **{name: values.ravel() for name, values in figures.items()}})


def cube_of(
    found: dict[tuple[str, str], tuple[Any, Any]], units: Sequence[str], width: int
) -> npt.NDArray[Any]:
    """Put counts in place: for every breakdown and group, units and their rows of counts."""
    cube = np.zeros((2, len(units), len(SIDES), 2, width))
    place = {unit: i for i, unit in enumerate(units)}
    for b, (breakdown, *groups) in enumerate(SIDES):
        for g, group in enumerate(groups):
            names, rows = found[breakdown, group]
            at = [place[name] for name in names]
            cube[:, at, b, g] = np.moveaxis(np.reshape(rows, (-1, 2, width)), 1, 0)
    return cube


def added_up(
    unit: npt.NDArray[Any],
    labels: dict[str, npt.NDArray[Any]],
    counted: npt.NDArray[Any],
    questions: Sequence[str],
) -> pa.Table:
    """Make the reports of counts by unit and all characteristics."""
    units, of_unit = np.unique(unit.astype(str), return_inverse=True)
    # Kinds of cases in the order of units: groups are then sums over runs of them.
    order = np.argsort(of_unit, kind="stable")
    starts = np.flatnonzero(np.diff(of_unit[order], prepend=-1))
    counted = counted[order].astype(np.int64)
    cube = np.zeros((2, len(units), len(SIDES), 2, len(questions)), np.int64)
    for b, (breakdown, *groups) in enumerate(SIDES):
        for g, group in enumerate(groups):
            inside = labels[breakdown][order] == group if group != SUBSET[2] else np.True_
            sums = np.add.reduceat(counted * np.reshape(inside, (-1, 1)), starts, axis=0)
            cube[:, :, b, g] = np.moveaxis(sums.reshape(len(units), 2, -1), 1, 0)
    return cube_report(cube, units.tolist(), questions)
