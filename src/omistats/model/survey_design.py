"""Resolve the sample design of cases: weights, strata, clusters and population."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import DataError, Problem
from omistats.kernel.design import LONELY, Design, Population, check_lonely, design_of, weights
from omistats.model.case_set import CaseSet, in_order

__all__ = ["Column", "LonelyName", "SampleDesign", "is_complex_design", "resolve_design"]


Floats = npt.NDArray[np.float64]
Column = str | npt.ArrayLike | None
LonelyName = Literal["error", "null", "remove", "adjust", "average", "fail", "certainty"]


@attrs.frozen(eq=False)
class SampleDesign:
    """Weights, strata and clusters of cases, in the order of units.

    Attributes
    ----------
    weight : ndarray of float64, shape (cases,)
        Weights, scaled so that the largest is 1.
    design : Design
        Strata, clusters and population.
    """

    weight: Floats
    design: Design


def is_complex_design(
    weight: Column, stratum: Column, cluster: Column, population: Any = None
) -> bool:
    """Tell whether a design differs from simple random sampling within units."""
    by_unit = isinstance(stratum, str) and stratum == "unit"
    return not (by_unit and weight is None and cluster is None and population is None)


def resolve_design(
    cases: CaseSet,
    lonely: str,
    *,
    weight: Column,
    stratum: Column,
    cluster: Column,
    population: str | Population,
) -> SampleDesign:
    """Resolve the columns or arrays of a sample design.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    lonely : {'error', 'null', 'remove', 'adjust', 'average'}, or 'fail' or 'certainty'
        How to treat a stratum that has a single cluster; the last two are R's names of
        ``'error'`` and ``'remove'``.
    weight, stratum, cluster : str or array_like, optional
        Column names, or one entry per case in the order of ``cases``; a pandas Series goes by
        its index. By default weights are equal, there is one stratum, and each case is its own
        cluster.
    population : str, float, mapping or array_like, optional
        The number of clusters in each stratum's population.

    Raises
    ------
    UnknownNameError
        When a column, or the value of ``lonely``, is unknown.
    DataError
        When the design is invalid; all problems are listed, see `omistats.stats.ratio`.
    """
    treatment = check_lonely(lonely, (*LONELY, "null"))
    rows = len(cases)
    problems: list[Problem] = []
    given = {"weight": weight, "cluster": cluster, "stratum": stratum, "population": population}
    column = {name: _column(cases, value, name, problems) for name, value in given.items()}
    if problems:  # other checks would name rows of the wrong cases
        raise DataError(problems)
    w = np.ones(rows) if weight is None else weights(column["weight"], rows, problems)
    design = design_of(
        rows,
        column["cluster"],
        column["stratum"],
        column["population"],
        "nan" if treatment == "null" else treatment,
        problems,
    )
    if w is None or design is None or problems:
        raise DataError(problems)
    order = cases.packed.order
    if order is None:
        return SampleDesign(w, design)
    return SampleDesign(w[order], attrs.evolve(design, cluster=design.cluster[order]))


def _column(cases: CaseSet, value: Any, where: str, problems: list[Problem]) -> Any:
    """Look up a column by its name; put a Series in the order of cases."""
    if not isinstance(value, str):
        return in_order(cases, value, where, problems)
    column = cases[value]
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        # Nulls become NaN, which later checks report with its row.
        return column.to_numpy(zero_copy_only=False)
    return np.array(column.to_pylist(), object)
