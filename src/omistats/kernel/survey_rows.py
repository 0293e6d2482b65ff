"""The rows of a survey as they come from outside: how they were drawn, and what is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.errors import Problem, shown
from omistats.kernel.designs import Design, Population, factors, layout, sizes
from omistats.kernel.rows import codes

__all__ = ["design_of", "known_codes"]

Codes = npt.NDArray[np.intp]


def design_of(
    rows: int,
    cluster: npt.ArrayLike | None,
    stratum: npt.ArrayLike | None,
    population: Population,
    lonely: str,
    problems: list[Problem],
) -> Design | None:
    """Give the design that rows were drawn by, or None after adding to ``problems``."""
    found = layout(rows, cluster, stratum, problems)
    if found is None:
        return None
    clusters, strata, labels = found
    drawn = np.bincount(strata, minlength=len(labels)).astype(np.float64)
    before = len(problems)
    there = sizes(population, drawn, strata[clusters], labels, problems)
    if len(problems) > before:
        return None
    scale, shared = factors(drawn, there, lonely)
    alone = np.flatnonzero(np.isnan(scale)).tolist()
    if alone:
        first = [int(np.flatnonzero(strata[clusters] == s)[0]) for s in alone]
        which = "" if stratum is None else f" in {shown(labels[s] for s in alone)}"
        hint = "Merge it with another, or say lonely='remove' or lonely='adjust'."
        text = f"one{which} (rows {shown(first)})"
        problems.append(Problem("stratum", "two clusters or more in each", text, hint))
        return None
    return Design(clusters, strata, scale, shared)


def known_codes(
    values: npt.ArrayLike, name: str, rows: int, problems: list[Problem]
) -> tuple[Codes, list[Any]] | None:
    """Return labels as codes from 0, and -1 where one is missing; add to ``problems``."""
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else False
    given: Any = np.asarray(values)
    if given.shape != (rows,):
        hint = f"Give {rows} values, as many as rows, and None where one is missing."
        found = f"an array of shape {given.shape}"
        problems.append(Problem(name, "one value a row", found, hint))
        return None
    missing = np.array([_missing(v) for v in given.tolist()], bool) | mask
    if missing.all():
        return np.full(rows, -1, np.intp), []
    known = codes(given[~missing], name, int((~missing).sum()), problems)
    if known is None:
        return None
    out = np.full(rows, -1, np.intp)
    out[~missing] = known[0]
    return out, known[1]


def _missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        # pandas' NA refuses to be true or false.
        return True
