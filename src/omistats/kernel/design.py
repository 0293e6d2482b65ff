"""Survey designs: strata, clusters, finite population corrections and sampling weights."""

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
    "LonelyName",
    "Population",
    "average_factor",
    "check_lonely",
    "design_of",
    "known_codes",
    "numbers",
    "variance_factors",
    "weights",
]


Codes = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]

Lonely = Literal["error", "remove", "adjust", "average"]
LonelyName = Lonely | Literal["fail", "certainty"]
Population = npt.ArrayLike | Mapping[Any, float] | None

LONELY = ("error", "remove", "adjust", "average")
"""Treatments of strata with a single cluster (single-PSU strata)."""

# Names of R's options(survey.lonely.psu=) that differ from ours.
_R_NAMES = {"fail": "error", "certainty": "remove"}

# As in R, a stratum sampled this close to completely has no sampling error.
_COMPLETE = 1e-7


@attrs.frozen(eq=False)
class Design:
    """Assignment of rows to clusters and of clusters to strata.

    Attributes
    ----------
    cluster : ndarray of int, shape (rows,)
        Cluster of each row, as codes from 0.
    stratum : ndarray of int, shape (clusters,)
        Stratum of each cluster, as codes from 0.
    fpc_scale, centring : ndarray of float64, shape (strata,)
        Factors from `variance_factors`.
    fraction : ndarray of float64, shape (strata,), or float
        The share of each stratum's clusters that was sampled; 0 without a population.
    averages : bool
        Whether a stratum whose ``fpc_scale`` is NaN has the average variance of the others.
    """

    cluster: Codes
    stratum: Codes
    fpc_scale: Floats
    centring: Floats
    fraction: Floats | float = 0.0
    averages: bool = False

    def variance(self, z: Floats, inside: npt.NDArray[np.bool_] | None = None) -> float:
        """Estimate the variance of the sum of ``z``, which has one value per row.

        Parameters
        ----------
        z : ndarray of float64, shape (rows,)
            What each row contributes to the sum.
        inside : ndarray of bool, shape (rows,), optional
            The rows of the domain; by default all. It matters if single-PSU strata have the
            average variance: that of the strata with a row in the domain.

        Notes
        -----
        Rows are summed to clusters. A stratum with m of its M clusters in the sample
        contributes ``(1 - m / M) m / (m - 1)`` times the sum of squared deviations of its
        cluster totals from their mean.
        """
        strata = len(self.fpc_scale)
        totals = np.bincount(self.cluster, z, len(self.stratum))
        sums = np.bincount(self.stratum, totals, strata)
        off = totals - (sums * self.centring)[self.stratum]
        squares = np.bincount(self.stratum, off * off, strata)
        if not self.averages:
            return float(self.fpc_scale @ squares)
        clusters = self.cluster if inside is None else self.cluster[inside]
        present = np.bincount(self.stratum[clusters], minlength=strata) > 0
        fpc_scale = np.where(present, self.fpc_scale, 0.0)
        return float(np.nan_to_num(fpc_scale) @ squares * average_factor(present, fpc_scale))


def check_lonely(value: str, known: tuple[str, ...] = LONELY) -> str:
    """Check that ``lonely`` names a known treatment of single-PSU strata.

    Parameters
    ----------
    value : str
        The treatment; R's names ``'fail'`` and ``'certainty'`` stand for ``'error'`` and
        ``'remove'``.
    known : tuple of str
        The treatments to choose from.

    Returns
    -------
    str
        One of ``known``.

    Raises
    ------
    UnknownNameError
        When the treatment is unknown.
    """
    aliases = {theirs: ours for theirs, ours in _R_NAMES.items() if ours in known}
    check_choice("treatment of single-PSU strata (`lonely`)", value, (*known, *aliases))
    return aliases.get(value, value)


def average_factor(present: npt.NDArray[np.bool_], fpc_scale: Floats) -> Any:
    """Compute the factor by which strata with a known variance stand for all strata.

    Parameters
    ----------
    present : ndarray of bool, shape (strata, ...)
        Whether a stratum has a row in the domain.
    fpc_scale : ndarray of float64, shape (strata,) or that of ``present``
        From `variance_factors`; NaN for a single-PSU stratum.

    Returns
    -------
    ndarray of float64 or float
        Strata in the domain over those with a known variance, of the trailing shape: NaN if
        none has one, 1 without strata.
    """
    single = np.isnan(fpc_scale)
    single = single.reshape(single.shape + (1,) * (present.ndim - single.ndim))
    strata, known = present.sum(axis=0), (present & ~single).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(known > 0, strata / known, np.nan)
    return np.where(strata > 0, factor, 1.0)


def variance_factors(
    drawn: Floats, population: Floats | None, lonely: str
) -> tuple[Floats, Floats]:
    """Compute the factors that turn squared deviations within strata into a variance.

    Parameters
    ----------
    drawn : ndarray of float64
        Number of sampled clusters in each stratum.
    population : ndarray of float64 or None
        Number of clusters in each stratum's population; infinite or None for no finite
        population correction.
    lonely : {'error', 'nan', 'remove', 'adjust', 'average'}
        What a stratum with one sampled cluster contributes: nothing (``remove``), its
        squared distance from the overall mean (``adjust``), or NaN (otherwise; `average_factor`
        then scales the other strata for ``average``). A stratum sampled completely contributes
        nothing.

    Returns
    -------
    fpc_scale : ndarray of float64
        ``(1 - m / M) m / (m - 1)``, the factor of the squared deviations.
    centring : ndarray of float64
        ``1 / m``, the factor that turns a stratum's sum into its mean; 0 where deviations
        are taken from the overall mean, which is 0 for linearised statistics.
    """
    fpc = np.ones(drawn.shape)
    if population is not None:
        # An empty population has an empty sample; `where` avoids 0 / 0.
        fpc -= np.divide(drawn, population, out=np.zeros(drawn.shape), where=population > 0)
    single = {"remove": 0.0, "adjust": 1.0}.get(lonely, np.nan)
    several = drawn > 1
    # Strata with fewer than two clusters are replaced below; the maximum avoids 1 / 0.
    safe = np.maximum(drawn, 2.0)
    fpc_scale = fpc * np.where(several, safe / (safe - 1.0), np.where(drawn == 1, single, 0.0))
    return np.where(fpc < _COMPLETE, 0.0, fpc_scale), np.where(several, 1.0 / safe, 0.0)


def design_of(
    rows: int,
    cluster: npt.ArrayLike | None,
    stratum: npt.ArrayLike | None,
    population: Population,
    lonely: str,
    problems: list[Problem],
) -> Design | None:
    """Build the design of a sample, or append to ``problems`` and return None.

    Single-PSU strata are a problem, unless ``lonely`` is ``'nan'`` or ``'average'``, which set
    their ``fpc_scale`` to NaN.
    """
    nested = _nest_clusters(rows, cluster, stratum, problems)
    if nested is None:
        return None
    clusters, strata, labels = nested
    drawn = np.bincount(strata, minlength=len(labels)).astype(np.float64)
    before = len(problems)
    sizes = _population_sizes(population, drawn, strata[clusters], labels, problems)
    if len(problems) > before:
        return None
    fpc_scale, centring = variance_factors(drawn, sizes, lonely)
    single = np.flatnonzero(np.isnan(fpc_scale)).tolist()
    if single and lonely not in ("nan", "average"):
        first = [int(np.flatnonzero(strata[clusters] == s)[0]) for s in single]
        which = "" if stratum is None else f" in {format_values(labels[s] for s in single)}"
        rule = "each stratum needs two clusters or more"
        hint = (
            "Merge the stratum with another, or pass lonely='remove', lonely='adjust' or "
            "lonely='average'."
        )
        text = f"one{which} (rows {format_values(first)})"
        problems.append(Problem("stratum", rule, text, hint))
        return None
    fraction = np.zeros(drawn.shape)
    if sizes is not None:
        np.divide(drawn, sizes, out=fraction, where=sizes > 0)
    return Design(clusters, strata, fpc_scale, centring, fraction, averages=lonely == "average")


def _nest_clusters(
    rows: int, cluster: npt.ArrayLike | None, stratum: npt.ArrayLike | None, problems: list[Problem]
) -> tuple[Codes, Codes, list[Any]] | None:
    """Assign rows to clusters and clusters to strata.

    Returns
    -------
    tuple of (ndarray, ndarray, list) or None
        Cluster of each row, stratum of each cluster, and labels of the strata; None after
        appending to ``problems``.
    """
    by_row = (np.arange(rows), list(range(rows)))
    of_rows = by_row if cluster is None else _label_codes(cluster, "cluster", rows, problems)
    unstratified = (np.zeros(rows, np.intp), [None] if rows else [])
    strata_of_rows = (
        unstratified if stratum is None else _label_codes(stratum, "stratum", rows, problems)
    )
    if of_rows is None or strata_of_rows is None:
        return None
    (clusters, names), (strata, labels) = of_rows, strata_of_rows
    first = np.zeros(len(names), np.intp)
    # Later assignments win, so going backwards leaves the first row of each cluster.
    first[clusters[::-1]] = np.arange(rows)[::-1]
    elsewhere = np.flatnonzero(strata != strata[first[clusters]])
    if elsewhere.size:
        split: dict[int, int] = {}
        for row in elsewhere.tolist():
            split.setdefault(int(clusters[row]), row)
        found = [
            f"{names[c]!r} in {labels[strata[first[c]]]!r} (row {first[c]}) "
            f"and {labels[strata[row]]!r} (row {row})"
            for c, row in split.items()
        ]
        text = "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
        hint = "If these are different clusters, give them different labels."
        problems.append(Problem("cluster", "a cluster lies in one stratum", text, hint))
        return None
    return clusters, strata[first], labels


def _population_sizes(
    population: Population,
    drawn: Floats,
    stratum: Codes,
    labels: list[Any],
    problems: list[Problem],
) -> Floats | None:
    """Return the number of clusters in each stratum's population; append to ``problems``."""
    if population is None:
        return None
    where, rule = "population", "one number of clusters for each stratum"
    if isinstance(population, Mapping):
        absent = [label for label in labels if label not in population]
        if absent:
            hint = "Add every stratum to the mapping; without strata pass a single number."
            problems.append(Problem(where, rule, f"none for {format_values(absent)}", hint))
            return None
        values = as_numbers([population[label] for label in labels], where)
    else:
        given = as_numbers(population, where)
        if given.shape not in ((), stratum.shape):
            hint = f"Pass one number, a mapping, or {len(stratum)} numbers, one per row."
            if hasattr(population, "to_dict"):
                hint += " Of a Series by stratum pass the `.to_dict()`."
            problems.append(Problem(where, rule, f"an array of shape {given.shape}", hint))
            return None
        of_rows = np.broadcast_to(given, stratum.shape)
        values = np.full(len(labels), np.nan)
        values[stratum[::-1]] = of_rows[::-1]
        both_missing = np.isnan(of_rows) & np.isnan(values[stratum])
        differing = np.unique(stratum[(of_rows != values[stratum]) & ~both_missing])
        if differing.size:
            hint = "Give every row of a stratum the same number."
            text = f"several for {format_values(labels[i] for i in differing.tolist())}"
            problems.append(Problem(where, rule, text, hint))
            return None
    bad = np.flatnonzero(~(values >= drawn))
    if bad.size:
        text = ", ".join(
            f"{values[i]:g} with {drawn[i]:g} drawn"
            + ("" if labels[i] is None else f" in {labels[i]!r}")
            for i in bad[:5].tolist()
        ) + (f" and {bad.size - 5} more" if bad.size > 5 else "")
        hint = "Pass the numbers of clusters in the population, not sampling fractions."
        problems.append(Problem(where, "no fewer clusters than were drawn", text, hint))
        return None
    return values


def _label_codes(
    values: npt.ArrayLike, name: str, rows: int, problems: list[Problem]
) -> tuple[Codes, list[Any]] | None:
    """Return labels as codes from 0, and the label of each code; append to ``problems``."""
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else False
    try:
        given: Any = np.asarray(values)
    except ValueError as error:
        raise UsageError(f"{name}: expected one label per row; found {error}") from error
    rule = "one label per row"
    if given.shape != (rows,):
        hint = f"Pass {rows} labels, one per row."
        problems.append(Problem(name, rule, f"an array of shape {given.shape}", hint))
        return None
    sortable = given.dtype.kind in "biufmMUS"
    if sortable:
        missing = mask | ((given != given) if given.dtype.kind in "fmM" else False)
        gaps = np.flatnonzero(np.broadcast_to(missing, (rows,)))
    else:
        gaps = np.flatnonzero([_is_missing(v) for v in given.tolist()] | np.asarray(mask))
    if gaps.size:
        hint = "Drop these rows, or give them a label of their own."
        problems.append(Problem(name, rule, f"none at rows {format_values(gaps.tolist())}", hint))
        return None
    if sortable:
        labels, inverse = np.unique(given, return_inverse=True)
        return inverse.astype(np.intp), labels.tolist()
    index: dict[Any, int] = {}
    try:
        codes = [index.setdefault(v, len(index)) for v in given.tolist()]
    except TypeError as error:
        problems.append(Problem(name, rule, str(error), "Use text, numbers or dates as labels."))
        return None
    return np.array(codes, np.intp), list(index)


def known_codes(
    values: npt.ArrayLike, name: str, rows: int, problems: list[Problem]
) -> tuple[Codes, list[Any]] | None:
    """Return labels as codes from 0, with -1 for a missing one; append to ``problems``."""
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else False
    given: Any = np.asarray(values)
    if given.shape != (rows,):
        hint = f"Pass {rows} values, one per row, with None for a missing one."
        found = f"an array of shape {given.shape}"
        problems.append(Problem(name, "one value per row", found, hint))
        return None
    missing = np.array([_is_missing(v) for v in given.tolist()], bool) | mask
    if missing.all():
        return np.full(rows, -1, np.intp), []
    known = _label_codes(given[~missing], name, int((~missing).sum()), problems)
    if known is None:
        return None
    out = np.full(rows, -1, np.intp)
    out[~missing] = known[0]
    return out, known[1]


def numbers(
    values: npt.ArrayLike, name: str, rows: int | None, problems: list[Problem]
) -> Floats | None:
    """Return numbers from 0 to 2**53, one per row; append to ``problems``."""
    found = as_numbers(values, name)
    rule = "numbers from 0 to 2**53, one per row"
    if found.ndim != 1 or (rows is not None and len(found) != rows):
        hint = "Pass one number per row." if rows is None else f"Pass {rows} numbers, one per row."
        problems.append(Problem(name, rule, f"an array of shape {found.shape}", hint))
        return None
    bad = np.flatnonzero(~((found >= 0) & (found <= LARGEST)))
    if bad.size:
        hint = "Drop these rows, or set a row that should not count to 0."
        problems.append(Problem(name, rule, _format_rows(found, bad), hint))
        return None
    return found


# Sums of squares of weights further apart lose the small ones to rounding.
_MOST_UNEQUAL = 1e10


def weights(weight: npt.ArrayLike, rows: int, problems: list[Problem]) -> Floats | None:
    """Return weights divided by the largest; append to ``problems``."""
    found = as_numbers(weight, "weight")
    rule = "weights are finite and not negative, one per row"
    if found.shape != (rows,):
        hint = f"Pass {rows} weights, one per row."
        problems.append(Problem("weight", rule, f"an array of shape {found.shape}", hint))
        return None
    bad = np.flatnonzero(~((found >= 0) & (found < np.inf)))
    if bad.size:
        hint = "Correct these weights; give a case that should not count weight 0."
        problems.append(Problem("weight", rule, _format_rows(found, bad), hint))
        return None
    top = found.max(initial=0.0)
    if rows and top == 0:
        hint = "Give at least one case a positive weight."
        problems.append(Problem("weight", "some weight is above 0", "none", hint))
        return None
    tiny = np.flatnonzero((found > 0) & (found < top / _MOST_UNEQUAL))
    if tiny.size:
        rule = "weights above 0 differ by a factor of 10,000,000,000 at most"
        hint = "Correct the largest weight, or give cases that should not count weight 0."
        problems.append(Problem("weight", rule, _format_rows(found, tiny), hint))
        return None
    # Only ratios of weights matter; dividing avoids overflow and underflow.
    return found / top if rows else found


def _format_rows(values: Floats, bad: Codes) -> str:
    """List the first few bad values with their rows."""
    text = ", ".join(f"{values[i]:g} at row {i}" for i in bad[:5].tolist())
    return text + (f" and {bad.size - 5} more" if bad.size > 5 else "")


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        # pandas' NA cannot be converted to bool.
        return True
