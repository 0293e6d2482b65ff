"""Strata, clusters, fpc (SurveyDesign), input columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import Problem, UsageError, check_choice, format_values
from omistats.kernel.checks import LARGEST, as_numbers

__all__ = [
    "LONELY",
    "Design",
    "Lonely",
    "Population",
    "check_lonely",
    "codes",
    "design_of",
    "known_codes",
    "layout",
    "numbers",
    "sizes",
    "variance_factors",
    "weights",
]


Codes = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


def codes(
    values: npt.ArrayLike, name: str, rows: int, problems: list[Problem]
) -> tuple[Codes, list[Any]] | None:
    """Return labels as codes from 0, and what each stands for; add to ``problems``."""
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else False
    try:
        given: Any = np.asarray(values)
    except ValueError as error:
        raise UsageError(f"{name}: expected one label a row, found {error}") from error
    rule = "one label a row"
    if given.shape != (rows,):
        hint = f"Give {rows} labels, as many as rows."
        problems.append(Problem(name, rule, f"an array of shape {given.shape}", hint))
        return None
    if given.dtype.kind in "biufmMUS":
        missing = mask | ((given != given) if given.dtype.kind in "fmM" else False)
        lost = np.flatnonzero(np.broadcast_to(missing, (rows,)))
    else:
        lost = np.flatnonzero([_is_missing(v) for v in given.tolist()] | np.asarray(mask))
    if lost.size:
        hint = "Leave such rows out, or give them a label of their own."
        problems.append(Problem(name, rule, f"none at rows {format_values(lost.tolist())}", hint))
        return None
    if given.dtype.kind in "biufmMUS":
        labels, inverse = np.unique(given, return_inverse=True)
        return inverse.astype(np.intp), labels.tolist()
    index: dict[Any, int] = {}
    try:
        numbers = [index.setdefault(v, len(index)) for v in given.tolist()]
    except TypeError as error:
        problems.append(Problem(name, rule, str(error), "Labels are text, numbers or dates."))
        return None
    return np.array(numbers, np.intp), list(index)


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
    missing = np.array([_is_missing(v) for v in given.tolist()], bool) | mask
    if missing.all():
        return np.full(rows, -1, np.intp), []
    known = codes(given[~missing], name, int((~missing).sum()), problems)
    if known is None:
        return None
    out = np.full(rows, -1, np.intp)
    out[~missing] = known[0]
    return out, known[1]


def numbers(
    values: npt.ArrayLike, name: str, rows: int | None, problems: list[Problem]
) -> Floats | None:
    """Return numbers of 0 to 2**53, one a row; add to ``problems`` what they are instead."""
    found = as_numbers(values, name)
    rule = "numbers from 0 to 2**53, one a row"
    if found.ndim != 1 or (rows is not None and len(found) != rows):
        need = "one number a row" if rows is None else f"{rows} numbers, as many as rows"
        hint = f"Give {need}."
        problems.append(Problem(name, rule, f"an array of shape {found.shape}", hint))
        return None
    bad = np.flatnonzero(~((found >= 0) & (found <= LARGEST)))
    if bad.size:
        text = ", ".join(f"{found[i]:g} at row {i}" for i in bad[:5].tolist())
        text += f" and {bad.size - 5} more" if bad.size > 5 else ""
        hint = "Leave such rows out; one that should not count has 0."
        problems.append(Problem(name, rule, text, hint))
        return None
    return found


def weights(weight: npt.ArrayLike, rows: int, problems: list[Problem]) -> Floats | None:
    """Return weights, the largest 1; add to ``problems``."""
    found = as_numbers(weight, "weight")
    rule = "weights are finite and not negative, one a row"
    if found.shape != (rows,):
        hint = f"Give {rows} weights, as many as rows."
        problems.append(Problem("weight", rule, f"an array of shape {found.shape}", hint))
        return None
    bad = np.flatnonzero(~((found >= 0) & (found < np.inf)))
    if bad.size:
        text = ", ".join(f"{found[i]:g} at row {i}" for i in bad[:5].tolist())
        text += f" and {bad.size - 5} more" if bad.size > 5 else ""
        hint = "Find the weights; a case that should not count has weight 0."
        problems.append(Problem("weight", rule, text, hint))
        return None
    top = found.max(initial=0.0)
    if rows and top == 0:
        hint = "Give some case a weight."
        problems.append(Problem("weight", "some weight is above 0", "none", hint))
        return None
    # Only their proportions matter, and these neither overflow nor vanish.
    return found / top if rows else found


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        # pandas' NA refuses to be true or false.
        return True


Lonely = Literal["error", "remove", "adjust"]
Population = npt.ArrayLike | Mapping[Any, float] | None

LONELY = ("error", "remove", "adjust")

# As in R: a stratum drawn all but whole has no sampling error, however few its clusters.
_WHOLE = 1e-7


@attrs.frozen(eq=False)
class Design:
    """Rows in clusters in strata.

    Attributes
    ----------
    cluster : ndarray of int, shape (rows,)
        Codes from 0.
    stratum : ndarray of int, shape (clusters,)
        The stratum of each cluster, as codes from 0.
    scale, shared : ndarray of float64, shape (strata,)
        As `factors` gives them.
    """

    cluster: Codes
    stratum: Codes
    scale: Floats
    shared: Floats

    def variance(self, z: Floats) -> float:
        """Give the variance of the sum of ``z``, one value a row.

        Notes
        -----
        Rows are summed to clusters; within a stratum of m clusters out of M the sum has
        variance ``(1 - m / M) m / (m - 1)`` times the squared deviations of its clusters.
        """
        strata = len(self.scale)
        totals = np.bincount(self.cluster, z, len(self.stratum))
        sums = np.bincount(self.stratum, totals, strata)
        off = totals - (sums * self.shared)[self.stratum]
        return float(self.scale @ np.bincount(self.stratum, off * off, strata))


def check_lonely(value: str, known: tuple[str, ...] = LONELY) -> None:
    """Refuse a treatment of lonely strata that there is not."""
    check_choice("treatment of lonely strata", value, known)


def variance_factors(
    drawn: Floats, population: Floats | None, lonely: str
) -> tuple[Floats, Floats]:
    """Give what turns squared deviations within strata into a variance.

    Parameters
    ----------
    drawn : ndarray of float64
        The number of clusters of each stratum.
    population : ndarray of float64 or None
        How many there are in the population; infinite or None without correction.
    lonely : {'error', 'nan', 'remove', 'adjust'}
        What a stratum of one cluster contributes: nothing (``remove``), its squared
        distance from the mean of all (``adjust``), else what nobody can know, NaN. One that
        is all of its population contributes nothing.

    Returns
    -------
    scale : ndarray of float64
        ``(1 - m / M) m / (m - 1)``, the factor of the squared deviations.
    shared : ndarray of float64
        ``1 / m``, the factor that makes a sum the centre of the deviations; 0 where the
        centre is the mean of all, which for linearised statistics is 0.
    """
    free = np.ones(drawn.shape)
    if population is not None:
        # Where there is nobody to draw nobody was drawn, and nothing is divided by 0.
        free -= np.divide(drawn, population, out=np.zeros(drawn.shape), where=population > 0)
    alone = {"remove": 0.0, "adjust": 1.0}.get(lonely, np.nan)
    several = drawn > 1
    # The maximum only keeps the lonely and the empty, which are replaced, from dividing by 0.
    safe = np.maximum(drawn, 2.0)
    scale = free * np.where(several, safe / (safe - 1.0), np.where(drawn == 1, alone, 0.0))
    return np.where(free < _WHOLE, 0.0, scale), np.where(several, 1.0 / safe, 0.0)


def layout(
    rows: int, cluster: npt.ArrayLike | None, stratum: npt.ArrayLike | None, problems: list[Problem]
) -> tuple[Codes, Codes, list[Any]] | None:
    """Sort out which row is in which cluster and which cluster in which stratum.

    Returns
    -------
    tuple of (ndarray, ndarray, list) or None
        The cluster of each row, the stratum of each cluster, the labels of the strata; None
        where that cannot be said, after adding to ``problems``.
    """
    inner = (np.arange(rows), list(range(rows)))
    in_cluster = inner if cluster is None else codes(cluster, "cluster", rows, problems)
    outer = (np.zeros(rows, np.intp), [None] if rows else [])
    in_stratum = outer if stratum is None else codes(stratum, "stratum", rows, problems)
    if in_cluster is None or in_stratum is None:
        return None
    (clusters, names), (strata, labels) = in_cluster, in_stratum
    first = np.zeros(len(names), np.intp)
    # Assigned backwards, the first row of each cluster is what stays.
    first[clusters[::-1]] = np.arange(rows)[::-1]
    apart = np.flatnonzero(strata != strata[first[clusters]])
    if apart.size:
        torn: dict[int, int] = {}
        for row in apart.tolist():
            torn.setdefault(int(clusters[row]), row)
        found = [
            f"{names[c]!r} in {labels[strata[first[c]]]!r} (row {first[c]}) "
            f"and {labels[strata[row]]!r} (row {row})"
            for c, row in torn.items()
        ]
        text = "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
        hint = "Where these are different clusters, make their labels differ."
        problems.append(Problem("cluster", "a cluster lies in one stratum", text, hint))
        return None
    return clusters, strata[first], labels


def sizes(
    population: Population,
    drawn: Floats,
    of_row: Codes,
    labels: list[Any],
    problems: list[Problem],
) -> Floats | None:
    """Give the number of clusters in each stratum's population; add to ``problems``."""
    if population is None:
        return None
    where, rule = "population", "one number of clusters for each stratum"
    if isinstance(population, Mapping):
        lost = [label for label in labels if label not in population]
        if lost:
            hint = "Give a number for every stratum; without strata give a single number."
            problems.append(Problem(where, rule, f"none for {format_values(lost)}", hint))
            return None
        values = as_numbers([population[label] for label in labels], where)
    else:
        given = as_numbers(population, where)
        if given.shape not in ((), of_row.shape):
            hint = f"Give one number, a mapping, or {len(of_row)} numbers, one a row."
            problems.append(Problem(where, rule, f"an array of shape {given.shape}", hint))
            return None
        of_case = np.broadcast_to(given, of_row.shape)
        values = np.full(len(labels), np.nan)
        values[of_row[::-1]] = of_case[::-1]
        none = np.isnan(of_case) & np.isnan(values[of_row])
        torn = np.unique(of_row[(of_case != values[of_row]) & ~none])
        if torn.size:
            hint = "Give every row of a stratum the same number."
            text = f"several for {format_values(labels[i] for i in torn.tolist())}"
            problems.append(Problem(where, rule, text, hint))
            return None
    bad = np.flatnonzero(~(values >= drawn))
    if bad.size:
        text = ", ".join(
            f"{values[i]:g} with {drawn[i]:g} drawn"
            + ("" if labels[i] is None else f" in {labels[i]!r}")
            for i in bad[:5].tolist()
        ) + (f" and {bad.size - 5} more" if bad.size > 5 else "")
        hint = "Give numbers of clusters, not sampling fractions, of all that could be drawn."
        problems.append(Problem(where, "no fewer clusters than were drawn", text, hint))
        return None
    return values


def design_of(
    rows: int,
    cluster: npt.ArrayLike | None,
    stratum: npt.ArrayLike | None,
    population: Population,
    lonely: str,
    problems: list[Problem],
) -> Design | None:
    """Give the design that rows were drawn by, or None after adding to ``problems``.

    Lonely strata are a problem under ``lonely='error'``; under ``'nan'`` their scale is NaN.
    """
    found = layout(rows, cluster, stratum, problems)
    if found is None:
        return None
    clusters, strata, labels = found
    drawn = np.bincount(strata, minlength=len(labels)).astype(np.float64)
    before = len(problems)
    there = sizes(population, drawn, strata[clusters], labels, problems)
    if len(problems) > before:
        return None
    scale, shared = variance_factors(drawn, there, lonely)
    alone = np.flatnonzero(np.isnan(scale)).tolist()
    if alone and lonely != "nan":
        first = [int(np.flatnonzero(strata[clusters] == s)[0]) for s in alone]
        which = "" if stratum is None else f" in {format_values(labels[s] for s in alone)}"
        hint = "Merge it with another, or say lonely='remove' or lonely='adjust'."
        text = f"one{which} (rows {format_values(first)})"
        problems.append(Problem("stratum", "two clusters or more in each", text, hint))
        return None
    return Design(clusters, strata, scale, shared)
