"""Results, Reason enum, pairs, families, suppression, within-unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats._result_tables import Reason
from omistats.counting.tally import Tally
from omistats.errors import UnknownNameError, UsageError
from omistats.inference.options import Inference, column_of as name_of
from omistats.kernel.multiplicity import ADJUSTMENTS
from omistats.kernel.small_numbers import SmallNumbers
from omistats.model.framework import ALL

__all__ = [
    "FindingReason",
    "Pairs",
    "Results",
    "adjusted",
    "apply_by_stratum",
    "check_strata",
    "column_of",
    "pairs",
    "withhold",
]


Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]


class FindingReason(Reason):
    """Why a row of findings has no percentage, no interval or no test."""

    NO_ANSWERS = "no applicable answers"
    NO_SECOND_GROUP = "no second group to compare with"
    ALL_ALIKE = "every answer is the same"
    NO_INFORMATIVE_UNIT = "no unit in which both groups and both answers occur"
    SUPPRESSED = "too few applicable answers to publish"
    LONELY_CLUSTER = "a stratum of one cluster"
    NO_SPREAD = "no spread to test against"
    NO_INTERVAL_AT_BOUNDS = "no such interval at 0 or 100"
    NO_DF = "no degrees of freedom for an interval"


@attrs.frozen(eq=False)
class Results:
    """The numbers of findings, before they become a table.

    Attributes
    ----------
    percent, low, high : ndarray of float64, shape (units, groups, questions)
        0-100; NaN where nothing was applicable.
    statistic, df, p_value : ndarray of float64, shape (units, splits, questions)
        NaN where nothing could be tested.
    stars : ndarray of int8, shape (units, splits, questions)
        Codes of the printed marks; -1 for none.
    reason : ndarray of int8, shape (units, splits, questions)
        Codes of `FindingReason` for the test; -1 where it was made.
    methods : tuple of str
        The tests used.
    method : ndarray of int8, shape (units, splits, questions)
        Codes of ``methods``; -1 where no test was made.
    expected : ndarray of float64, shape (units, splits, questions)
        The smallest expected count of a comparison.
    printed : ndarray of int8, shape (units, groups, questions), or None
        Rounded percentages, where they are not those of the counts.
    withheld : ndarray of bool, shape (units, groups, questions), or None
        Groups whose figures are not published.
    of_groups, of_splits : mapping of str to ndarray of float64
        Further columns, of the shape of ``percent`` or of ``p_value``.
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
    printed: Codes | None = None
    withheld: npt.NDArray[np.bool_] | None = None
    of_groups: Mapping[str, npt.NDArray[Any]] = attrs.field(factory=dict)
    of_splits: Mapping[str, npt.NDArray[Any]] = attrs.field(factory=dict)


def column_of(adjustment: str | None, inference: Inference) -> str:
    """Name the column of p-values that were adjusted so; None is for those that were not.

    Raises
    ------
    UnknownNameError
        When they were not adjusted so.
    """
    if adjustment is None:
        return "p_value"
    if not inference.adjust:
        raise UsageError(
            "these findings were not adjusted; make them with "
            f"inference=Inference(adjust={adjustment!r})"
        )
    own = ADJUSTMENTS.name(adjustment) if adjustment in ADJUSTMENTS else adjustment
    if own not in inference.adjust:
        raise UnknownNameError("adjustment of these findings", adjustment, inference.adjust)
    return name_of(own)


def adjusted(p_value: Floats, units: tuple[str, ...], inference: Inference) -> dict[str, Floats]:
    """Give the p-values adjusted within their families, a column for every adjustment.

    Parameters
    ----------
    p_value : ndarray of float64, shape (units, splits, questions)
        NaN where nothing was tested: such comparisons are in no family.
    units : tuple of str
        The units; ``all``, made of the others, is never in a family with them.
    inference : Inference
        Which adjustments, in which families.

    Raises
    ------
    UsageError
        When there is nothing to adjust.
    """
    if inference.adjust and not p_value.size:
        raise UsageError("there are no comparisons to adjust p-values of; leave `adjust` out")
    alone = sum(unit != ALL for unit in units)
    out = {}
    for name in inference.adjust:
        parts = [p_value[:alone], p_value[alone:]]
        done = [_in_families(p, name, inference.family) for p in parts if len(p)]
        out[name_of(name)] = np.concatenate(done)
    return out


def _in_families(p: Floats, name: str, family: str) -> Floats:
    units, splits, questions = p.shape
    if family == "breakdown":
        flat = np.swapaxes(p, 0, 1).reshape(splits, units * questions)
        found = ADJUSTMENTS[name](flat).reshape(splits, units, questions)
        return np.swapaxes(found, 0, 1)
    shapes = {
        "table": p.shape,
        "unit": (units, splits * questions),
        "everything": (1, units * splits * questions),
    }
    return np.asarray(ADJUSTMENTS[name](p.reshape(shapes[family])).reshape(p.shape))


@attrs.frozen(eq=False)
class Pairs:
    """Counts of the groups that are compared two by two.

    Attributes
    ----------
    splits : list of int
        Which splits of the tally compare two groups.
    k1, n1, k2, n2 : ndarray of float64, shape (units, pairs, questions)
        Sufficient and applicable answers. A complement's second group is the cases outside
        the subset.
    """

    splits: list[int]
    k1: Floats
    n1: Floats
    k2: Floats
    n2: Floats

    @property
    def as_two_by_two(self) -> tuple[Floats, Floats, Floats, Floats]:
        """The counts in the order in which kernels take them."""
        return self.k1, self.n1, self.k2, self.n2


def pairs(counts: Tally, complement: str) -> Pairs:
    """Take the sides of all comparisons of two out of a tally.

    Parameters
    ----------
    counts : Tally
        Of any units.
    complement : {'all', 'known'}
        Whether a complement's second side counts the unclassified.
    """
    starts = counts.offsets
    chosen = [i for i, s in enumerate(counts.splits) if len(s.groups) == 2]
    first = [starts[i] for i in chosen]
    second = [starts[i] + 1 for i in chosen]
    k1, n1 = _of(counts.k, first), _of(counts.n, first)
    k2, n2 = _of(counts.k, second), _of(counts.n, second)
    # A complement's second group is all cases, the subset among them.
    for at, i in enumerate(chosen):
        if counts.splits[i].contrast == "complement":
            k2[:, at] -= k1[:, at]
            n2[:, at] -= n1[:, at]
    if complement == "known":
        k2 -= counts.unknown_k[:, chosen]
        n2 -= counts.unknown_n[:, chosen]
    return Pairs(chosen, k1, n1, k2, n2)


def _of(counts: npt.NDArray[np.int64], groups: list[int]) -> Floats:
    """Take groups; a slice, which is not copied first, where they are evenly spaced."""
    if len(groups) > 1:
        step = groups[1] - groups[0]
        if groups == list(range(groups[0], groups[-1] + 1, step)):
            return counts[:, groups[0] : groups[-1] + 1 : step].astype(np.float64)
    return counts[:, groups].astype(np.float64)


_OF_GROUPS = ("percent", "low", "high")
_OF_SPLITS = ("statistic", "df", "p_value", "expected")


def withhold(
    results: Results, counts: Tally, policy: SmallNumbers, complement: str = "all"
) -> Results:
    """Take out the figures of small groups, and the comparisons that they take part in.

    A complement's subset is compared with the rest, which has no row of its own: where the rest
    is too small its comparison goes too, and the rows stay.

    Parameters
    ----------
    results : Results
        Computed from all counts.
    counts : Tally
        The counts.
    policy : SmallNumbers
        What is too small.
    complement : {'all', 'known'}
        Whether a complement's second side counts the unclassified.

    Returns
    -------
    Results
        The same object where nothing is withheld.
    """
    if policy.suppress_below is None:
        return results
    hidden = policy.withheld(counts.n)
    touched = np.logical_or.reduceat(hidden, counts.offsets[:-1], axis=1)
    two = pairs(counts, complement)
    touched[:, two.splits] |= policy.withheld(two.n2)
    if not touched.any():
        return results
    changed: dict[str, Any] = {}
    for names, where in ((_OF_GROUPS, hidden), (_OF_SPLITS, touched)):
        changed |= {name: np.where(where, np.nan, getattr(results, name)) for name in names}
    for name in ("stars", "method"):
        changed[name] = np.where(touched, np.int8(-1), getattr(results, name))
    changed["reason"] = np.where(touched, np.int8(FindingReason.SUPPRESSED), results.reason)
    for name, where in (("of_groups", hidden), ("of_splits", touched)):
        columns = getattr(results, name).items()
        changed[name] = {column: np.where(where, np.nan, v) for column, v in columns}
    return attrs.evolve(results, withheld=hidden, **changed)


def check_strata(counts: Tally, strata: Tally | None) -> None:
    """Refuse to test within units when counts of all together are all there is.

    Raises
    ------
    UsageError
        When the counts cannot be told apart by unit.
    """
    if counts.units == (ALL,) and (strata is None or strata.units == (ALL,)):
        raise UsageError(
            "a test within units needs counts by unit; pass cases, or a tally made with "
            'tally(cases, by="unit")'
        )


def apply_by_stratum(
    counts: Tally,
    strata: Tally | None,
    sides: Callable[[Tally], tuple[Floats, ...]],
    kernel: Callable[..., tuple[Floats, ...]],
) -> tuple[Floats, ...]:
    """Apply a kernel that takes strata on the last axis.

    Parameters
    ----------
    counts : Tally
        Of the units that are reported, perhaps ``all`` among them at the end.
    strata : Tally or None
        By unit; needed where ``counts`` are of all together only.
    sides : callable
        Takes arrays out of a tally, units on their first axis.
    kernel : callable
        Of those arrays with strata on the last axis.

    Returns
    -------
    tuple of ndarray
        What the kernel gives, one entry a reported unit on the first axis.
    """
    parts = []
    alone = sum(unit != ALL for unit in counts.units)
    if alone:
        parts.append(kernel(*(a[:alone, ..., np.newaxis] for a in sides(counts))))
    if counts.units[-1] == ALL:
        source = counts if alone or strata is None else strata
        inside = sum(unit != ALL for unit in source.units)
        together = (np.moveaxis(a[:inside], 0, -1)[np.newaxis] for a in sides(source))
        parts.append(kernel(*together))
    return tuple(np.concatenate(values) for values in zip(*parts, strict=True))
