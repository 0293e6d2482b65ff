"""How cases were drawn: with which weights, in which clusters of which strata."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import DataError, Problem
from omistats.kernel.design import LONELY, Design, Population, check_lonely, design_of, weights
from omistats.model.case_set import CaseSet

__all__ = ["Column", "Lonely", "SampleDesign", "is_complex_design", "resolve_design"]


Floats = npt.NDArray[np.float64]
Column = str | npt.ArrayLike | None
Lonely = Literal["error", "null", "remove", "adjust"]


@attrs.frozen(eq=False)
class SampleDesign:
    """How cases were drawn, in the order of units.

    Attributes
    ----------
    weight : ndarray of float64, shape (cases,)
        The largest is 1.
    design : Design
        Clusters and strata.
    """

    weight: Floats
    design: Design


def is_complex_design(
    weight: Column, stratum: Column, cluster: Column, population: Any = None
) -> bool:
    """Say whether cases were drawn otherwise than one by one within units."""
    plain = isinstance(stratum, str) and stratum == "unit"
    return not (plain and weight is None and cluster is None and population is None)


def resolve_design(
    cases: CaseSet,
    lonely: str,
    *,
    weight: Column,
    stratum: Column,
    cluster: Column,
    population: str | Population,
) -> SampleDesign:
    """Say how cases were drawn.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    lonely : {'error', 'null', 'remove', 'adjust'}
        What to do about a stratum of one cluster.
    weight, stratum, cluster : str or array_like, optional
        Names of columns, or one entry a case in the order of ``cases``. Without weights all
        are equal, without strata there is one, without clusters each case is its own.
    population : str, float, mapping or array_like, optional
        The number of clusters in each stratum's population.

    Raises
    ------
    UnknownNameError
        When a column is unknown, or the treatment of lonely strata.
    DataError
        With all that is wrong: see `omistats.stats.ratio`.
    """
    check_lonely(lonely, (*LONELY, "null"))
    rows = len(cases)
    problems: list[Problem] = []
    w = np.ones(rows) if weight is None else weights(_column(cases, weight), rows, problems)
    design = design_of(
        rows,
        None if cluster is None else _column(cases, cluster),
        None if stratum is None else _column(cases, stratum),
        _column(cases, population) if isinstance(population, str) else population,
        "nan" if lonely == "null" else lonely,
        problems,
    )
    if w is None or design is None or problems:
        raise DataError(problems)
    order = cases.packed.order
    if order is None:
        return SampleDesign(w, design)
    return SampleDesign(w[order], attrs.evolve(design, cluster=design.cluster[order]))


def _column(cases: CaseSet, given: Any) -> Any:
    """Take a column by its name; what is no name is an array already."""
    if not isinstance(given, str):
        return given
    column = cases[given]
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        # A missing number is NaN, which whoever reads it reports with its row.
        return column.to_numpy(zero_copy_only=False)
    return np.array(column.to_pylist(), object)
