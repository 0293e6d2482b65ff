"""Tests and effects from counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats._result_tables import NO_REASON
from omistats.counting.tally import Tally
from omistats.errors import UsageError
from omistats.inference.options import Inference
from omistats.inference.results import (
    FindingReason,
    Pairs,
    Results,
    adjusted,
    apply_by_stratum,
    check_strata,
    pairs,
    withhold,
)
from omistats.kernel.chi_square import star_codes
from omistats.kernel.compare import GROUP_TESTS, TESTS, by_fisher
from omistats.kernel.effects import DIFFERENCES, ODDS_RATIOS, RISK_RATIOS
from omistats.kernel.equivalence import two_one_sided
from omistats.kernel.intervals import INTERVALS
from omistats.kernel.small_numbers import smallest_expected, smallest_expected_two
from omistats.kernel.stratified import (
    breslow_day,
    cmh,
    cmh_groups,
    mantel_haenszel_difference,
    mantel_haenszel_odds_ratio,
)

__all__ = ["Tested", "effects", "equivalence", "finish", "heterogeneity", "infer", "test_all"]


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
        for found in (*tests_of_two, smallest_expected_two(*two.as_two_by_two))
    )
    comparable = _spread((two.n1 > 0) & (two.n2 > 0), two.splits, shape, False)
    methods = tuple(dict.fromkeys((for_two, for_more)))
    if for_two == "auto":
        methods = ("pearson", "fisher")
        method[:, two.splits] = by_fisher(*two.as_two_by_two)
    for i, split in enumerate(counts.splits):
        if len(split.groups) <= 2:
            continue
        groups = slice(counts.offsets[i], counts.offsets[i + 1])
        k, n = _groups(counts, groups)
        statistic[:, i], df[:, i], p_value[:, i] = (
            apply_by_stratum(counts, strata, partial(_groups, groups=groups), cmh_groups)
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
        return TESTS[test](*two.as_two_by_two)
    k, n = np.stack([two.k1, two.k2], axis=-1), np.stack([two.n1, two.n2], axis=-1)
    return GROUP_TESTS[test](k, n)


def _two_within(counts: Tally, inference: Inference, strata: Tally | None) -> tuple[Floats, ...]:
    def sides(tally: Tally) -> tuple[Floats, ...]:
        return pairs(tally, inference.complement).as_two_by_two

    return apply_by_stratum(
        counts, strata, sides, partial(cmh, correction=inference.test == "cmh-cc")
    )


def _groups(tally: Tally, groups: slice) -> tuple[Floats, Floats]:
    """Give counts with the groups on the last axis."""
    k, n = (np.swapaxes(v[:, groups], 1, 2).astype(np.float64) for v in (tally.k, tally.n))
    return k, n


Kernel = Callable[..., tuple[Floats, Floats, Floats]]


def effects(
    counts: Tally, two: Pairs, inference: Inference, strata: Tally | None
) -> dict[str, Floats]:
    """Give estimates and limits of the effects that were asked for.

    Parameters
    ----------
    counts : Tally
        Of the units that are reported.
    two : Pairs
        Their comparisons of two.
    inference : Inference
        Which effects, by which methods.
    strata : Tally or None
        The same counts by unit, for effects within units.

    Returns
    -------
    dict of str to ndarray, shape (units, splits, questions)
        Columns of findings; NaN where more than two groups are compared. Differences are
        in percentage points.
    """
    shape = (len(counts.units), len(counts.splits), len(counts.questions))
    out: dict[str, Floats] = {}
    for name in inference.effects:
        kernel = _kernel(name, inference)
        values = (
            apply_by_stratum(
                counts, strata, partial(_sides, complement=inference.complement), kernel
            )
            if inference.stratified
            else kernel(*two.as_two_by_two)
        )
        for part, value in zip(("", "_low", "_high"), values, strict=True):
            laid = np.full(shape, np.nan)
            laid[:, two.splits] = 100.0 * value if name == "difference" else value
            out[name + part] = laid
    return out


def equivalence(counts: Tally, two: Pairs, margin: float | None) -> dict[str, Floats]:
    """Give p-values of equivalence within a margin, if there is one."""
    if margin is None:
        return {}
    laid = np.full((len(counts.units), len(counts.splits), len(counts.questions)), np.nan)
    laid[:, two.splits] = np.maximum(
        *two_one_sided(*two.as_two_by_two, np.full(two.k1.shape, margin))
    )
    return {"p_equivalence": laid}


def heterogeneity(
    counts: Tally, two: Pairs, inference: Inference, strata: Tally | None
) -> dict[str, Floats]:
    """Test whether the odds ratio is the same in all units, by Breslow and Day with Tarone."""
    shape = (len(counts.units), len(counts.splits), len(counts.questions))
    sides = partial(_sides, complement=inference.complement)
    found = apply_by_stratum(counts, strata, sides, partial(breslow_day, tarone=True))
    out = {}
    for name, value in zip(("statistic", "df", "p_value"), found, strict=True):
        laid = np.full(shape, np.nan)
        laid[:, two.splits] = value
        out[f"homogeneity_{name}"] = laid
    return out


def _sides(tally: Tally, complement: str) -> tuple[Floats, ...]:
    return pairs(tally, complement).as_two_by_two


def _kernel(effect: str, inference: Inference) -> Kernel:
    level = {"confidence": inference.confidence}
    if inference.stratified:
        common = {
            "difference": mantel_haenszel_difference,
            "odds_ratio": mantel_haenszel_odds_ratio,
        }
        return partial(common[effect], **level)
    of_effect = {"difference": DIFFERENCES, "risk_ratio": RISK_RATIOS, "odds_ratio": ODDS_RATIOS}
    return partial(of_effect[effect][getattr(inference, effect)], **level)


def infer(counts: Tally, inference: Inference, strata: Tally | None = None) -> Results:
    """Compute percentages, intervals and tests for every unit, breakdown and question.

    Parameters
    ----------
    counts : Tally
        Of the units that are reported.
    inference : Inference
        How.
    strata : Tally, optional
        The same counts by unit, which tests within units need.

    Raises
    ------
    UsageError
        When a test or an interval is for weighted cases only, or a test within units has no
        counts by unit.
    """
    if inference.is_design_based or inference.interval not in INTERVALS:
        raise UsageError(
            f"{inference.test!r} and {inference.interval!r} are for cases with weights, strata or "
            "clusters; pass weight=, stratum= or cluster= to recompute, or choose others"
            if inference.is_design_based
            else f"the interval {inference.interval!r} is for cases with weights, strata or "
            f"clusters; choose from {', '.join(INTERVALS)}"
        )
    k, n = counts.k.astype(np.float64), counts.n.astype(np.float64)
    low, high = INTERVALS[inference.interval](k, n, inference.confidence)
    with np.errstate(invalid="ignore"):
        percent = 100.0 * k
        percent /= n
    tests = test_all(counts, inference, strata)
    of_splits = effects(counts, tests.pairs, inference, strata)
    of_splits |= equivalence(counts, tests.pairs, inference.margin)
    if inference.stratified:
        of_splits |= heterogeneity(counts, tests.pairs, inference, strata)
    reason = _reasons(tests, inference.stratified)
    results = Results(
        percent=percent,
        low=100.0 * low,
        high=100.0 * high,
        statistic=tests.statistic,
        df=tests.df,
        p_value=tests.p_value,
        # Nothing could differ where all answers are the same; what was not tested has no stars.
        stars=star_codes(tests.p_value, tests.comparable & (reason <= FindingReason.ALL_ALIKE)),
        reason=reason,
        methods=tests.methods,
        method=np.where(np.isnan(tests.p_value), np.int8(-1), tests.method),
        expected=tests.expected,
        of_splits=of_splits,
    )
    return finish(results, counts, inference)


def finish(results: Results, counts: Tally, inference: Inference) -> Results:
    """Withhold what is too small, then adjust what is left for the number of tests."""
    results = withhold(results, counts, inference.small_numbers, inference.complement)
    more = adjusted(results.p_value, counts.units, inference)
    return attrs.evolve(results, of_splits={**results.of_splits, **more})


def _reasons(tests: Tested, stratified: bool) -> npt.NDArray[np.int8]:
    # An expected count of 0 beside two groups with answers: one of the answers was never given.
    # Otherwise no unit can tell the groups apart, or a test of the user's own is undefined.
    undefined = FindingReason.NO_INFORMATIVE_UNIT if stratified else FindingReason.NO_SPREAD
    why = np.full(tests.p_value.shape, undefined, np.int8)
    np.copyto(why, FindingReason.ALL_ALIKE, where=tests.expected == 0)
    np.copyto(why, FindingReason.NO_SECOND_GROUP, where=~tests.comparable)
    np.copyto(why, NO_REASON, where=~np.isnan(tests.p_value))
    return why
