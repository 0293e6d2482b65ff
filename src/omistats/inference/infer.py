"""From counts to the numbers of findings."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.inference.comparisons import Tested, test_all
from omistats.inference.effects import effects, equivalence, heterogeneity
from omistats.inference.families import adjusted
from omistats.inference.options import Inference
from omistats.inference.results import Results
from omistats.inference.withheld import withhold
from omistats.kernel.intervals import INTERVALS
from omistats.kernel.significance import star_codes
from omistats.tallies import Tally

__all__ = ["finish", "infer"]

Floats = npt.NDArray[np.float64]


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
    if inference.of_design or inference.interval not in INTERVALS:
        raise UsageError(
            f"{inference.test!r} and {inference.interval!r} are for cases with weights, strata or "
            "clusters; pass weight=, stratum= or cluster= to recompute, or choose others"
            if inference.of_design
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
        stars=star_codes(tests.p_value, tests.comparable & (reason < 3)),
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
    why = np.full(tests.p_value.shape, 3 if stratified else 6, np.int8)
    np.copyto(why, 2, where=tests.expected == 0)
    np.copyto(why, 1, where=~tests.comparable)
    np.copyto(why, -1, where=~np.isnan(tests.p_value))
    return why
