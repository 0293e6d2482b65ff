"""Tests, intervals and effects of unweighted counts."""

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
    adjust_p_values,
    apply_by_stratum,
    check_strata,
    mark_comparisons,
    pairs,
    suppress,
)
from omistats.kernel.compare import GROUP_TESTS, TESTS, by_fisher
from omistats.kernel.effects import DIFFERENCES, ODDS_RATIOS, RISK_RATIOS
from omistats.kernel.intervals import INTERVALS
from omistats.kernel.small_numbers import smallest_expected, smallest_expected_two

__all__ = ["compare_pairs", "finish", "infer", "pair_test"]


Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Kernel = Callable[..., tuple[Floats, Floats, Floats]]


def infer(counts: Tally, inference: Inference, strata: Tally | None = None) -> Results:
    """Compute percentages, intervals and tests for every unit, breakdown and question.

    Parameters
    ----------
    counts : Tally
        Counts of the units that are reported.
    inference : Inference
        The options.
    strata : Tally, optional
        The same counts by unit, needed for tests within units.

    Raises
    ------
    UsageError
        When a test or an interval is for weighted cases only, or a test within units has no
        counts by unit.
    """
    if inference.is_design_based:
        raise UsageError(
            f"test={inference.test!r} is for weighted or clustered cases; pass weight=, stratum= "
            "or cluster= to recompute, or choose another test"
        )
    if inference.interval not in INTERVALS:
        raise UsageError(
            f"interval={inference.interval!r} is for weighted or clustered cases; choose from "
            f"{', '.join(INTERVALS)}"
        )
    k, n = counts.k.astype(np.float64), counts.n.astype(np.float64)
    low, high = INTERVALS[inference.interval](k, n, inference.confidence)
    with np.errstate(invalid="ignore"):
        percent = 100.0 * k
        percent /= n
    tests = _test_all(counts, inference, strata)
    comparison_columns = _effects(counts, tests.pairs, inference, strata)
    comparison_columns |= _equivalence(counts, tests.pairs, inference.margin)
    if inference.stratified:
        comparison_columns |= _homogeneity(counts, tests.pairs, inference, strata)
    reason = _reasons(tests, inference.stratified)
    results = Results(
        percent=percent,
        low=100.0 * low,
        high=100.0 * high,
        statistic=tests.statistic,
        df=tests.df,
        p_value=tests.p_value,
        stars=mark_comparisons(tests.p_value, tests.comparable, reason),
        reason=reason,
        methods=tests.methods,
        method=np.where(np.isnan(tests.p_value), np.int8(-1), tests.method),
        expected=tests.expected,
        comparison_columns=comparison_columns,
    )
    return finish(results, counts, inference)


def finish(results: Results, counts: Tally, inference: Inference) -> Results:
    """Suppress small numbers, then adjust the remaining p-values for the number of tests."""
    results = suppress(results, counts, inference.small_numbers, inference.complement)
    adjusted = adjust_p_values(results.p_value, counts.units, inference)
    return attrs.evolve(results, comparison_columns={**results.comparison_columns, **adjusted})


@attrs.frozen(eq=False)
class _TestResults:
    """Tests of all comparisons; arrays have the shape (units, splits, questions).

    Attributes
    ----------
    statistic, df, p_value, expected : ndarray of float64
        NaN where undefined.
    comparable : ndarray of bool
        Whether two groups have answers.
    methods : tuple of str
        The tests used.
    method : ndarray of int8
        Codes of ``methods``.
    pairs : Pairs
        The comparisons of two groups.
    """

    statistic: Floats
    df: Floats
    p_value: Floats
    expected: Floats
    comparable: Flags
    methods: tuple[str, ...]
    method: npt.NDArray[np.int8]
    pairs: Pairs


def _test_all(counts: Tally, inference: Inference, strata: Tally | None) -> _TestResults:
    """Test every comparison; see `infer`."""
    shape = _shape(counts)
    method = np.zeros(shape, np.int8)
    two = pairs(counts, inference.complement)
    test_of_two, test_of_more = _test_names(inference.test)
    if inference.stratified:
        check_strata(counts, strata)
    tests_of_two = (
        _test_pairs_within_units(counts, inference, strata)
        if inference.stratified
        else compare_pairs(test_of_two, two)
    )
    statistic, df, p_value, expected = (
        _spread(figures, two.splits, shape, np.nan)
        for figures in (*tests_of_two, smallest_expected_two(*two.as_two_by_two))
    )
    comparable = _spread((two.n1 > 0) & (two.n2 > 0), two.splits, shape, False)
    methods = tuple(dict.fromkeys((test_of_two, test_of_more)))
    if test_of_two == "auto":
        methods = ("pearson", "fisher")
        method[:, two.splits] = by_fisher(*two.as_two_by_two)
    for i, split in enumerate(counts.splits):
        if len(split.groups) <= 2:
            continue
        groups = slice(counts.offsets[i], counts.offsets[i + 1])
        k, n = _groups_last(counts, groups)
        statistic[:, i], df[:, i], p_value[:, i] = (
            _test_groups_within_units(counts, groups, strata)
            if inference.stratified
            else GROUP_TESTS[test_of_more](k, n)
        )
        comparable[:, i] = (n > 0).sum(axis=-1) > 1
        expected[:, i] = smallest_expected(k, n)
        method[:, i] = methods.index(test_of_more)
    # Exact tests give 1 where every answer is the same; nothing was tested there.
    undefined = expected == 0
    undefined |= ~comparable
    statistic, df, p_value = (_blank(figures, undefined) for figures in (statistic, df, p_value))
    return _TestResults(statistic, df, p_value, expected, comparable, methods, method, two)


def _shape(counts: Tally) -> tuple[int, int, int]:
    return len(counts.units), len(counts.splits), len(counts.questions)


def _spread(
    values: npt.NDArray[Any], splits: list[int], shape: tuple[int, ...], blank: float
) -> npt.NDArray[Any]:
    """Extend figures of some splits to all splits; the others are blank."""
    if len(splits) == shape[1]:
        return values
    out = np.full(shape, blank, values.dtype)
    out[:, splits] = values
    return out


def _blank(figures: Floats, where: Flags) -> Floats:
    # A copy, because a registered test may keep the array that it returned.
    if (where & ~np.isnan(figures)).any():
        return np.where(where, np.nan, figures)
    return figures


def _test_names(test: str) -> tuple[str, str]:
    """Return the tests of two groups and of more; some tests are for one of these only."""
    if test in ("cmh", "cmh-cc"):
        return test, "cmh"
    # For more than two groups "auto" is Pearson's, and the table names it so.
    for_more = test in GROUP_TESTS and test != "auto"
    return test, test if for_more else "pearson"


def pair_test(inference: Inference) -> str:
    """Return the test of two groups in unstratified counts; Pearson's for tests within units."""
    return "pearson" if inference.stratified else _test_names(inference.test)[0]


def compare_pairs(test: str, two: Pairs) -> tuple[Floats, Floats, Floats]:
    """Test comparisons of two groups.

    Returns
    -------
    statistic, df, p_value : ndarray of float64
        As the test returns them: exact tests give 1 where every answer is the same.
    """
    if test in TESTS:
        return TESTS[test](*two.as_two_by_two)
    k, n = np.stack([two.k1, two.k2], axis=-1), np.stack([two.n1, two.n2], axis=-1)
    return GROUP_TESTS[test](k, n)


def _test_pairs_within_units(
    counts: Tally, inference: Inference, strata: Tally | None
) -> tuple[Floats, ...]:
    from omistats.kernel.stratified import cmh

    kernel = partial(cmh, correction=inference.test == "cmh-cc")
    return apply_by_stratum(counts, strata, _two_by_two(inference), kernel)


def _two_by_two(inference: Inference) -> Callable[[Tally], tuple[Floats, ...]]:
    """Make a function that selects the comparisons of two groups from a tally."""
    return lambda tally: pairs(tally, inference.complement).as_two_by_two


def _groups_last(tally: Tally, groups: slice) -> tuple[Floats, Floats]:
    """Return the counts of some groups, with the groups on the last axis."""
    k, n = (np.swapaxes(v[:, groups], 1, 2).astype(np.float64) for v in (tally.k, tally.n))
    return k, n


def _effects(
    counts: Tally, two: Pairs, inference: Inference, strata: Tally | None
) -> dict[str, Floats]:
    """Estimate the chosen effects with intervals; differences are in percentage points."""
    out: dict[str, Floats] = {}
    for name in inference.effects:
        kernel = _effect_kernel(name, inference)
        figures = (
            apply_by_stratum(counts, strata, _two_by_two(inference), kernel)
            if inference.stratified
            else kernel(*two.as_two_by_two)
        )
        for part, value in zip(("", "_low", "_high"), figures, strict=True):
            scaled = 100.0 * value if name == "difference" else value
            out[name + part] = _spread(scaled, two.splits, _shape(counts), np.nan)
    return out


def _test_groups_within_units(
    counts: Tally, groups: slice, strata: Tally | None
) -> tuple[Floats, ...]:
    from omistats.kernel.stratified import cmh_groups

    return apply_by_stratum(counts, strata, partial(_groups_last, groups=groups), cmh_groups)


def _effect_kernel(effect: str, inference: Inference) -> Kernel:
    if inference.stratified:
        from omistats.kernel.stratified import (
            mantel_haenszel_difference,
            mantel_haenszel_odds_ratio,
        )

        common = {
            "difference": mantel_haenszel_difference,
            "odds_ratio": mantel_haenszel_odds_ratio,
        }
        return partial(common[effect], confidence=inference.confidence)
    registries = {"difference": DIFFERENCES, "risk_ratio": RISK_RATIOS, "odds_ratio": ODDS_RATIOS}
    kernel: Kernel = registries[effect][getattr(inference, effect)]
    return partial(kernel, confidence=inference.confidence)


def _equivalence(counts: Tally, two: Pairs, margin: float | None) -> dict[str, Floats]:
    """Compute p-values of equivalence if there is a margin."""
    if margin is None:
        return {}
    from omistats.kernel.equivalence import two_one_sided

    p_value = np.maximum(*two_one_sided(*two.as_two_by_two, np.full(two.k1.shape, margin)))
    return {"p_equivalence": _spread(p_value, two.splits, _shape(counts), np.nan)}


def _homogeneity(
    counts: Tally, two: Pairs, inference: Inference, strata: Tally | None
) -> dict[str, Floats]:
    """Test homogeneity of the odds ratio over units: Breslow and Day, corrected by Tarone."""
    from omistats.kernel.stratified import breslow_day

    kernel = partial(breslow_day, tarone=True)
    figures = apply_by_stratum(counts, strata, _two_by_two(inference), kernel)
    return {
        f"homogeneity_{name}": _spread(value, two.splits, _shape(counts), np.nan)
        for name, value in zip(("statistic", "df", "p_value"), figures, strict=True)
    }


def _reasons(tests: _TestResults, stratified: bool) -> npt.NDArray[np.int8]:
    # What is left after the reasons below: no informative unit, or a registered test gave NaN.
    undefined = FindingReason.NO_INFORMATIVE_UNIT if stratified else FindingReason.NO_SPREAD
    reason = np.full(tests.p_value.shape, undefined, np.int8)
    np.copyto(reason, FindingReason.ALL_ALIKE, where=tests.expected == 0)
    np.copyto(reason, FindingReason.NO_SECOND_GROUP, where=~tests.comparable)
    np.copyto(reason, NO_REASON, where=~np.isnan(tests.p_value))
    return reason
