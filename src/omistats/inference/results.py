"""Results of an inference: suppression, adjustment for many tests and tests within units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats._result_tables import NO_REASON, Reason
from omistats.counting.tally import Tally
from omistats.errors import UsageError
from omistats.inference.options import Inference, adjusted_column
from omistats.kernel.chi_square import star_codes
from omistats.kernel.multiplicity import ADJUSTMENTS
from omistats.kernel.small_numbers import SmallNumbers
from omistats.model.framework import ALL

__all__ = [
    "FindingReason",
    "Pairs",
    "Results",
    "adjust_p_values",
    "apply_by_stratum",
    "check_strata",
    "mark_comparisons",
    "pairs",
    "suppress",
]


Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]


class FindingReason(Reason):
    """Reasons why a row of findings has no percentage, no interval or no test.

    Of several reasons a row has the first that holds, in this order:

    1. ``NO_ANSWERS`` or ``NO_WEIGHT``, of the row itself;
    2. ``SUPPRESSED``, then ``NO_SECOND_GROUP``, then ``ALL_ALIKE``, of the comparison;
    3. ``LONELY_CLUSTER`` or ``ONE_CLUSTER`` (weighted or clustered samples),
       ``NO_INFORMATIVE_UNIT`` (tests within units) or ``NO_SPREAD``, of a comparison that could
       not be tested for another reason;
    4. ``ONE_CASE``, ``ONE_CLUSTER``, ``LONELY_CLUSTER`` or ``NO_DF``, of the interval of the row
       (weighted or clustered samples).
    """

    NO_ANSWERS = "no applicable answers"
    NO_SECOND_GROUP = "no second group to compare with"
    ALL_ALIKE = "every answer is the same"
    NO_INFORMATIVE_UNIT = "no unit in which both groups and both answers occur"
    SUPPRESSED = "too few applicable answers to publish"
    LONELY_CLUSTER = "a stratum of one cluster"
    NO_SPREAD = "no spread to test against"
    NO_DF = "no degrees of freedom for an interval"
    NO_WEIGHT = "no case with a weight above 0"
    ONE_CLUSTER = "a group of one cluster: its spread is not known"
    ONE_CASE = "a group of one case: its spread is not known"


@attrs.frozen(eq=False)
class Results:
    """Numbers of findings, before they become a table.

    Attributes
    ----------
    percent, low, high : ndarray of float64, shape (units, groups, questions)
        0-100; NaN where no answer was applicable.
    statistic, df, p_value : ndarray of float64, shape (units, splits, questions)
        NaN where nothing could be tested.
    stars : ndarray of int8, shape (units, splits, questions)
        Codes of the significance marks; -1 for none.
    reason : ndarray of int8, shape (units, splits, questions)
        Codes of `FindingReason` where no test was made; -1 where it was.
    methods : tuple of str
        The tests used.
    method : ndarray of int8, shape (units, splits, questions)
        Codes of ``methods``; -1 where no test was made.
    expected : ndarray of float64, shape (units, splits, questions)
        Smallest expected count of a comparison.
    interval_methods : tuple of str
        The intervals used, if not the one of the options throughout.
    interval_method : ndarray of int8, shape (units, groups, questions), or None
        Codes of ``interval_methods``.
    few_effective : ndarray of bool, shape (units, splits, questions), or None
        Whether a comparison has few effective cases; None for unweighted cases.
    one_cluster : ndarray of bool, shape (units, groups, questions), or None
        Whether a group has one cluster only; None for unweighted cases.
    printed : ndarray of int8, shape (units, groups, questions), or None
        Rounded percentages; None where they follow from the counts.
    suppressed : ndarray of bool, shape (units, groups, questions), or None
        Whether the figures of a group are suppressed; None where none are.
    group_columns, comparison_columns : mapping of str to ndarray of float64
        Further columns, of the shape of ``percent`` and of ``p_value``.
    spread : mapping of str to ndarray of float64, or None
        What changes of weighted findings are tested by: the figures of
        `omistats.kernel.survey_effective.Spread`, of the shape of ``percent``.
    """

    percent: Floats
    low: Floats
    high: Floats
    statistic: Floats
    df: Floats
    p_value: Floats
    stars: Codes
    reason: Codes
    methods: tuple[str, ...]
    method: Codes
    expected: Floats
    interval_methods: tuple[str, ...] = ()
    interval_method: Codes | None = None
    few_effective: npt.NDArray[np.bool_] | None = None
    one_cluster: npt.NDArray[np.bool_] | None = None
    printed: Codes | None = None
    suppressed: npt.NDArray[np.bool_] | None = None
    group_columns: Mapping[str, npt.NDArray[Any]] = attrs.field(factory=dict)
    comparison_columns: Mapping[str, npt.NDArray[Any]] = attrs.field(factory=dict)
    spread: Mapping[str, Floats] | None = None


def mark_comparisons(p_value: Floats, comparable: npt.NDArray[np.bool_], reason: Codes) -> Codes:
    """Return the codes of the stars; -1 where nothing was tested.

    Parameters
    ----------
    p_value : ndarray of float64
        NaN where nothing was tested.
    comparable : ndarray of bool
        Whether two groups have answers.
    reason : ndarray of int8
        Codes of `FindingReason`; -1 where there was a test.
    """
    # Where every answer is the same nothing could differ, which is "--" and not a missing mark.
    marked = (reason == NO_REASON) | (reason == FindingReason.ALL_ALIKE)
    return star_codes(p_value, comparable & marked)


def adjust_p_values(
    p_value: Floats, units: tuple[str, ...], inference: Inference
) -> dict[str, Floats]:
    """Adjust p-values within their families, in a column for every adjustment.

    Parameters
    ----------
    p_value : ndarray of float64, shape (units, splits, questions)
        NaN where nothing was tested; such comparisons belong to no family.
    units : tuple of str
        The units; ``all``, the sum of the others, is never in a family with them.
    inference : Inference
        The adjustments and the families.

    Raises
    ------
    UsageError
        When there is nothing to adjust.
    """
    if inference.adjust and not p_value.size:
        raise UsageError("there are no comparisons to adjust p-values of; leave `adjust` out")
    single_units = sum(unit != ALL for unit in units)
    out = {}
    for name in inference.adjust:
        parts = [p_value[:single_units], p_value[single_units:]]
        adjusted = [_adjust_in_families(p, name, inference.family) for p in parts if len(p)]
        out[adjusted_column(name)] = np.concatenate(adjusted)
    return out


def _adjust_in_families(p: Floats, name: str, family: str) -> Floats:
    units, splits, questions = p.shape
    if family == "breakdown":
        flat = np.swapaxes(p, 0, 1).reshape(splits, units * questions)
        adjusted = ADJUSTMENTS[name](flat).reshape(splits, units, questions)
        return np.swapaxes(adjusted, 0, 1)
    shapes = {
        "table": p.shape,
        "unit": (units, splits * questions),
        "everything": (1, units * splits * questions),
    }
    return np.asarray(ADJUSTMENTS[name](p.reshape(shapes[family])).reshape(p.shape))


@attrs.frozen(eq=False)
class Pairs:
    """Counts of all comparisons of two groups.

    Attributes
    ----------
    splits : list of int
        Places of the splits of the tally that compare two groups.
    k1, n1, k2, n2 : ndarray of float64, shape (units, pairs, questions)
        Sufficient and applicable answers of both groups. The second group of a complement is
        the cases outside the subset.
    """

    splits: list[int]
    k1: Floats
    n1: Floats
    k2: Floats
    n2: Floats

    @property
    def as_two_by_two(self) -> tuple[Floats, Floats, Floats, Floats]:
        """The counts in the order that kernels take."""
        return self.k1, self.n1, self.k2, self.n2


def pairs(counts: Tally, complement: str) -> Pairs:
    """Select the counts of all comparisons of two groups.

    Parameters
    ----------
    counts : Tally
        Counts of any units.
    complement : {'all', 'known'}
        Whether the second group of a complement includes unclassified cases.
    """
    starts = counts.offsets
    splits = [i for i, s in enumerate(counts.splits) if len(s.groups) == 2]
    first = [starts[i] for i in splits]
    second = [starts[i] + 1 for i in splits]
    k1, n1 = _select_groups(counts.k, first), _select_groups(counts.n, first)
    k2, n2 = _select_groups(counts.k, second), _select_groups(counts.n, second)
    # The second group of a complement counts all cases, also those of the subset.
    for at, i in enumerate(splits):
        if counts.splits[i].contrast == "complement":
            k2[:, at] -= k1[:, at]
            n2[:, at] -= n1[:, at]
    if complement == "known":
        k2 -= counts.unknown_k[:, splits]
        n2 -= counts.unknown_n[:, splits]
    return Pairs(splits, k1, n1, k2, n2)


def _select_groups(counts: npt.NDArray[np.int64], groups: list[int]) -> Floats:
    # A slice of evenly spaced groups saves a copy.
    if len(groups) > 1:
        step = groups[1] - groups[0]
        if groups == list(range(groups[0], groups[-1] + 1, step)):
            return counts[:, groups[0] : groups[-1] + 1 : step].astype(np.float64)
    return counts[:, groups].astype(np.float64)


_GROUP_FIGURES = ("percent", "low", "high")
_COMPARISON_FIGURES = ("statistic", "df", "p_value", "expected")


def suppress(
    results: Results, counts: Tally, policy: SmallNumbers, complement: str = "all"
) -> Results:
    """Suppress the figures of small groups and their comparisons.

    The cases outside a subset have no row. If they are too few, the comparison is suppressed and
    the rows of the groups stay.

    Parameters
    ----------
    results : Results
        Numbers computed from all counts.
    counts : Tally
        The counts.
    policy : SmallNumbers
        The threshold.
    complement : {'all', 'known'}
        Whether the second group of a complement includes unclassified cases.

    Returns
    -------
    Results
        The same object if nothing is suppressed.
    """
    if policy.suppress_below is None:
        return results
    groups = policy.suppressed(counts.n)
    comparisons = np.logical_or.reduceat(groups, counts.offsets[:-1], axis=1)
    two = pairs(counts, complement)
    comparisons[:, two.splits] |= policy.suppressed(two.n2)
    if not comparisons.any():
        return results
    changed: dict[str, Any] = {}
    for names, where in ((_GROUP_FIGURES, groups), (_COMPARISON_FIGURES, comparisons)):
        changed |= {name: np.where(where, np.nan, getattr(results, name)) for name in names}
    for name in ("stars", "method"):
        changed[name] = np.where(comparisons, np.int8(-1), getattr(results, name))
    changed["reason"] = np.where(comparisons, np.int8(FindingReason.SUPPRESSED), results.reason)
    for name, where in (("group_columns", groups), ("comparison_columns", comparisons)):
        columns = getattr(results, name).items()
        changed[name] = {column: np.where(where, np.nan, v) for column, v in columns}
    return attrs.evolve(results, suppressed=groups, **changed)


def check_strata(counts: Tally, strata: Tally | None) -> None:
    """Check that a test within units has counts by unit.

    Raises
    ------
    UsageError
        When only counts of all units together are there.
    """
    if counts.units == (ALL,) and (strata is None or strata.units == (ALL,)):
        raise UsageError(
            "a test within units needs counts by unit; found counts of all together. Pass "
            'cases, or a tally made with tally(cases, by="unit")'
        )


def apply_by_stratum(
    counts: Tally,
    strata: Tally | None,
    select: Callable[[Tally], tuple[Floats, ...]],
    kernel: Callable[..., tuple[Floats, ...]],
) -> tuple[Floats, ...]:
    """Apply a stratified kernel: a unit is one stratum, all together have a stratum a unit.

    Parameters
    ----------
    counts : Tally
        Counts of the units that are reported; ``all``, if among them, is the last.
    strata : Tally or None
        Counts by unit, needed if ``counts`` are of all together only.
    select : callable
        Returns the arrays that the kernel needs from a tally, with units on the first axis.
    kernel : callable
        Takes those arrays with strata on the last axis.

    Returns
    -------
    tuple of ndarray
        The kernel's results, with the reported units on the first axis.
    """
    parts = []
    single_units = sum(unit != ALL for unit in counts.units)
    if single_units:
        parts.append(kernel(*(a[:single_units, ..., np.newaxis] for a in select(counts))))
    if counts.units[-1] == ALL:
        source = counts if single_units or strata is None else strata
        units = sum(unit != ALL for unit in source.units)
        by_stratum = (np.moveaxis(a[:units], 0, -1)[np.newaxis] for a in select(source))
        parts.append(kernel(*by_stratum))
    return tuple(np.concatenate(values) for values in zip(*parts, strict=True))
