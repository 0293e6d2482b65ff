"""What a plan comes to, by level and by unit."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.sampling.cells import Cells

__all__ = ["margins_of", "units_of"]

Ints = npt.NDArray[np.int64]


def margins_of(
    cells: Cells,
    n: Ints,
    sizes: Mapping[str, int],
    keep: frozenset[int],
    quotas: Mapping[str, Mapping[tuple[int, int], int]],
    windows: Mapping[str, Mapping[tuple[int, int], tuple[int, int]]],
) -> pa.Table:
    """Count the caseload and the sample by level, and say what became of what was asked."""
    rows = []
    for u, unit in enumerate(cells.units):
        of_unit = cells.unit == u
        there = int(cells.counts[of_unit].sum())
        for i, name in enumerate(cells.names):
            for code, level in enumerate(cells.levels[i]):
                at = of_unit & (cells.level[:, i] == code)
                population, drawn = int(cells.counts[at].sum()), int(n[at].sum())
                if not population:
                    continue
                wanted = quotas[unit].get((i, code))
                exact = sizes[unit] * population
                # A whole number less than one case from the proportion, in whole numbers.
                near = abs(drawn * there - exact) < there
                rule = "kept" if i in keep else "quota" if wanted is not None else None
                way = None
                if i in keep and not near:
                    low, high = windows[unit][i, code]
                    alone = low <= drawn <= high or not any(quotas[unit].values())
                    way = "least" if alone else "at_least"
                rows.append(
                    {
                        "unit": unit,
                        "characteristic": name,
                        "level": level,
                        "population": population,
                        "n": drawn,
                        "proportionate": exact / there,
                        "quota": wanted,
                        "rule": rule,
                        "gives_way_to": way,
                    }
                )
    kinds = {
        "unit": pa.string(),
        "characteristic": pa.string(),
        "level": pa.string(),
        "population": pa.int64(),
        "n": pa.int64(),
        "proportionate": pa.float64(),
        "quota": pa.int64(),
        "rule": pa.string(),
        "gives_way_to": pa.string(),
    }
    return pa.table({k: pa.array([row[k] for row in rows], kind) for k, kind in kinds.items()})


def units_of(cells: Cells, n: Ints) -> pa.Table:
    """Sum up every unit that has cases."""
    used = np.unique(cells.unit)
    population = np.bincount(cells.unit, cells.counts)[used].astype(np.int64)
    drawn = np.bincount(cells.unit, n)[used].astype(np.int64)
    # A cell of which no case is drawn has no weight, and its unit no design effect.
    seen = np.where(n > 0, n, 1)
    squares = np.bincount(cells.unit, np.where(n > 0, cells.counts**2 / seen, math.nan))[used]
    return pa.table(
        {
            "unit": _arrow.dictionary(used.astype(np.int16), cells.units),
            "population": pa.array(population),
            "n": pa.array(drawn),
            "fraction": pa.array(drawn / population),
            "cells": pa.array(np.bincount(cells.unit)[used].astype(np.int64)),
            "design_effect": _arrow.floats(drawn * squares / population**2),
        }
    )
