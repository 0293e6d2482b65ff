"""Tests of every comparison of a tally, each kind in one call of the kernel."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.inference.options import Inference
from omistats.inference.pairs import Pairs, pairs
from omistats.inference.within import check_strata, within_units
from omistats.kernel.automatic import by_fisher
from omistats.kernel.comparison_methods import GROUP_TESTS, TESTS
from omistats.kernel.small_numbers import smallest_expected, smallest_expected_two
from omistats.kernel.stratified import cmh, cmh_groups
from omistats.tallies import Tally

__all__ = ["Tested", "test_all"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@attrs.frozen(eq=False)
class Tested:
    """Tests of all comparisons, shape (units, splits, questions) each.

    Attributes
    ----------
    statistic, df, p_value, expected : ndarray of float64
        NaN where undefined.
    comparable : ndarray of bool
        Whether two groups have answers.
    methods : tuple of str
        The tests used.
    method : ndarray of int8
        Codes of them.
    pairs : Pairs
        The comparisons of two.
    """

    statistic: Floats
    df: Floats
    p_value: Floats
    expected: Floats
    comparable: Flags
    methods: tuple[str, ...]
    method: npt.NDArray[np.int8]
    pairs: Pairs


def test_all(counts: Tally, inference: Inference, strata: Tally | None) -> Tested:
    """Test every comparison.

    Parameters
    ----------
    counts : Tally
        Of the units that are reported.
    inference : Inference
        Which test.
    strata : Tally or None
        The same counts by unit, for tests within units.

    Raises
    ------
    UsageError
        When a test within units has no counts by unit.
    """
    shape = (len(counts.units), len(counts.splits), len(counts.questions))
    method = np.zeros(shape, np.int8)
    two = pairs(counts, inference.complement)
    for_two, for_more = _names(inference.test)
    if inference.stratified:
        check_strata(counts, strata)
    tests_of_two = (
        _two_within(counts, inference, strata) if inference.stratified else _two(for_two, two)
    )
    statistic, df, p_value, expected = (
        _spread(found, two.splits, shape, np.nan)
        for found in (*tests_of_two, smallest_expected_two(*two.sides))
    )
    comparable = _spread((two.n1 > 0) & (two.n2 > 0), two.splits, shape, False)
    methods = tuple(dict.fromkeys((for_two, for_more)))
    if for_two == "auto":
        methods = ("pearson", "fisher")
        method[:, two.splits] = by_fisher(*two.sides)
    for i, split in enumerate(counts.splits):
        if len(split.groups) <= 2:
            continue
        groups = slice(counts.offsets[i], counts.offsets[i + 1])
        k, n = _groups(counts, groups)
        statistic[:, i], df[:, i], p_value[:, i] = (
            within_units(counts, strata, partial(_groups, groups=groups), cmh_groups)
            if inference.stratified
            else GROUP_TESTS[for_more](k, n)
        )
        comparable[:, i] = (n > 0).sum(axis=-1) > 1
        expected[:, i] = smallest_expected(k, n)
        method[:, i] = methods.index(for_more)
    # Exact tests give 1 where every answer is the same: a certainty, but no test.
    none = expected == 0
    none |= ~comparable
    statistic, df, p_value = (_without(figures, none) for figures in (statistic, df, p_value))
    return Tested(statistic, df, p_value, expected, comparable, methods, method, two)


def _spread(
    values: npt.NDArray[Any], splits: list[int], shape: tuple[int, ...], blank: float
) -> npt.NDArray[Any]:
    """Lay figures of some splits among those of all."""
    if len(splits) == shape[1]:
        return values
    out = np.full(shape, blank, values.dtype)
    out[:, splits] = values
    return out


def _without(figures: Floats, where: Flags) -> Floats:
    """Blank figures; what a test of the user's own gave is not changed in place."""
    if (where & ~np.isnan(figures)).any():
        return np.where(where, np.nan, figures)
    return figures


def _names(test: str) -> tuple[str, str]:
    """Give the tests of two groups and of more: some are for the one or the other only."""
    if test in ("cmh", "cmh-cc"):
        return test, "cmh"
    # The automatic choice is Pearson's for more than two groups, and called so.
    several = test in GROUP_TESTS and test != "auto"
    # A test of several groups is one of two as well, but not the other way round.
    return test, test if several else "pearson"


def _two(test: str, two: Pairs) -> tuple[Floats, Floats, Floats]:
    if test in TESTS:
        return TESTS[test](*two.sides)
    k, n = np.stack([two.k1, two.k2], axis=-1), np.stack([two.n1, two.n2], axis=-1)
    return GROUP_TESTS[test](k, n)


def _two_within(counts: Tally, inference: Inference, strata: Tally | None) -> tuple[Floats, ...]:
    def sides(tally: Tally) -> tuple[Floats, ...]:
        return pairs(tally, inference.complement).sides

    return within_units(counts, strata, sides, partial(cmh, correction=inference.test == "cmh-cc"))


def _groups(tally: Tally, groups: slice) -> tuple[Floats, Floats]:
    """Give counts with the groups on the last axis."""
    k, n = (np.swapaxes(v[:, groups], 1, 2).astype(np.float64) for v in (tally.k, tally.n))
    return k, n
