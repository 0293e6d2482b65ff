"""Tests, intervals and effects of weighted or clustered samples."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from omistats._result_tables import NO_REASON
from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.groups import compared_sides
from omistats.counting.tally import Tally
from omistats.errors import UsageError
from omistats.inference.options import DESIGN_INTERVALS, Inference
from omistats.inference.results import FindingReason, Results, mark_comparisons, pairs
from omistats.inference.unweighted import finish
from omistats.kernel.bit_counts import unpack
from omistats.kernel.ratio import limits
from omistats.kernel.small_numbers import smallest_expected, smallest_expected_two
from omistats.kernel.survey import (
    EFFECTS,
    SURVEY_TESTS,
    WeightedAnswers,
    WeightedCells,
    effective_difference,
)
from omistats.kernel.survey_effective import (
    SPREAD,
    effective_cells,
    kish,
    lacks_clusters,
    limits_of_cells,
    smallest_kish,
    spread_of_cells,
    without_spread,
)
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL
from omistats.model.survey_design import SampleDesign

__all__ = ["check_weighted", "infer_weighted"]


Floats = npt.NDArray[np.float64]

_PARTS = ("", "_low", "_high")


def check_weighted(inference: Inference) -> None:
    """Check that a test and an interval are for weighted or clustered cases.

    Raises
    ------
    UsageError
        When they assume a simple random sample; the message lists those to choose from.
    """
    wrong = []
    if not inference.is_design_based:
        wrong.append(f"test={inference.test!r}; choose from {', '.join(SURVEY_TESTS)}")
    if inference.interval not in DESIGN_INTERVALS:
        wrong.append(f"interval={inference.interval!r}; choose from {', '.join(DESIGN_INTERVALS)}")
    if wrong:
        raise UsageError(
            "weighted or clustered cases need a test and an interval for survey designs; found "
            f"{'; '.join(wrong)}. Leave `inference` out for the defaults"
        )


def infer_weighted(
    cases: CaseSet,
    splits: Sequence[Breakdown],
    counts: Tally,
    design: SampleDesign,
    inference: Inference,
) -> Results:
    """Compute weighted percentages, intervals and tests.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    splits : sequence of Breakdown
        The breakdowns of the tally, in its order.
    counts : Tally
        Unweighted counts of the units that are reported.
    design : SampleDesign
        Weights, strata and clusters of the cases.
    inference : Inference
        The options; `check_weighted` checks them.
    """
    group_shape = (len(counts.units), counts.offsets[-1], len(counts.questions))
    shape = (len(counts.units), len(counts.splits), len(counts.questions))
    group_figures = ("percent", "se", "se_df", "low", "high", "effective_n", "kish_n")
    by_group = {name: np.full(group_shape, np.nan) for name in group_figures}
    spread = {name: np.full(group_shape, np.nan) for name in SPREAD}
    figures = ("statistic", "df", "df2", "p_value", "design_effect")
    names = [*figures, *(effect + part for effect in inference.effects for part in _PARTS)]
    by_comparison = {name: np.full(shape, np.nan) for name in names}
    reason = np.full(shape, NO_REASON, np.int8)
    comparable = np.zeros(shape, np.bool_)
    few_effective = np.zeros(shape, np.bool_)
    one_cluster = np.zeros(group_shape, np.bool_)
    answers = _answers(cases, counts, design)
    codes = [_codes(split, cases, inference.complement == "known") for split in splits]
    for u, unit in enumerate(counts.units):
        domain = None if unit == ALL else _unit_cases(cases, unit)
        everyone = answers.cells(np.zeros(len(cases), np.intp), 1, domain)
        for i, split in enumerate(splits):
            cells = answers.cells(codes[i], len(split.groups), domain)
            begin, end = counts.offsets[i], counts.offsets[i + 1]
            rows = [(slice(begin, end), cells)]
            # The row `all` of a complement shows everyone; its test uses the rest.
            if split.contrast == "complement":
                rows.append((slice(begin + 1, end), everyone))
            for groups, shown in rows:
                width = groups.stop - groups.start
                for name, value in _percents(shown, inference).items():
                    by_group[name][u, groups] = value[:width]
                one_cluster[u, groups] = without_spread(shown)[:width]
                for name, value in attrs.asdict(spread_of_cells(shown), recurse=False).items():
                    spread[name][u, groups] = value[:width]
            outcome = SURVEY_TESTS[inference.test](cells)
            for name in figures:
                by_comparison[name][u, i] = getattr(outcome, name)
            comparable[u, i] = outcome.comparable
            reason[u, i] = _reasons(cells, outcome.comparable, inference)
            few_effective[u, i] = inference.small_numbers.has_few_effective(*smallest_kish(cells))
            if len(split.groups) == 2:
                for name, value in _effects(cells, inference).items():
                    by_comparison[name][u, i] = value
    percent = by_group.pop("percent")
    low, high = by_group.pop("low"), by_group.pop("high")
    p_value = by_comparison.pop("p_value")
    tested = ~np.isnan(p_value)
    reason = np.where(tested, np.int8(NO_REASON), reason)
    results = Results(
        percent=percent,
        low=low,
        high=high,
        statistic=by_comparison.pop("statistic"),
        df=by_comparison.pop("df"),
        p_value=p_value,
        stars=mark_comparisons(p_value, comparable, reason),
        reason=reason,
        methods=(inference.test,),
        method=np.where(tested, np.int8(0), np.int8(-1)),
        expected=_expected(counts, inference),
        interval_methods=(f"{inference.interval}-t", "wilson-effective"),
        interval_method=_interval_codes(percent, inference),
        few_effective=few_effective,
        one_cluster=one_cluster,
        printed=_printed(percent),
        group_columns=by_group,
        comparison_columns=by_comparison,
        spread=spread,
    )
    return finish(results, counts, inference)


def _answers(cases: CaseSet, counts: Tally, design: SampleDesign) -> WeightedAnswers:
    ids = cases.framework.question_ids
    questions = [ids.index(q) for q in counts.questions]
    bits = unpack(cases.packed.answers, len(cases))
    sufficient, applicable = bits[questions].T, bits[[len(ids) + q for q in questions]].T
    return WeightedAnswers(sufficient, applicable, design.design, design.weight)


def _codes(split: Breakdown, cases: CaseSet, known: bool) -> npt.NDArray[np.intp]:
    """Return the compared group of each case, -1 for none; cases are in the order of units."""
    codes = split.codes(cases)
    if cases.packed.order is not None:
        codes = codes[cases.packed.order]
    return compared_sides(split, codes, known)


def _unit_cases(cases: CaseSet, unit: str) -> npt.NDArray[np.bool_]:
    at = cases.units.index(unit)
    in_unit = np.zeros(len(cases), np.bool_)
    in_unit[cases.packed.starts[at] : cases.packed.starts[at + 1]] = True
    return in_unit


def _effects(cells: WeightedCells, inference: Inference) -> dict[str, Floats]:
    """Estimate the chosen effects with limits; differences are in percentage points."""
    out: dict[str, Floats] = {}
    for name in inference.effects:
        kernel, scale = EFFECTS[name], 1.0
        if name == "difference":
            scale = 100.0
            kernel = effective_difference if inference.test == "effective" else kernel
        for part, value in zip(_PARTS, kernel(cells, inference.confidence), strict=True):
            out[name + part] = scale * value
    return out


def _percents(cells: WeightedCells, inference: Inference) -> dict[str, Floats]:
    low, high = limits_of_cells(cells, inference.confidence)
    n = effective_cells(cells).n
    if inference.interval != "effective":
        p, se, df = cells.percent / 100, cells.se / 100, cells.df_of_groups
        ends = limits(p, se, confidence=inference.confidence, df=df, interval=inference.interval)
        replaced = _interval_codes(cells.percent, inference) == 1
        low, high = np.where(replaced, low, ends[0]), np.where(replaced, high, ends[1])
    alike = without_spread(cells)
    se, n = np.where(alike, np.nan, cells.se), np.where(alike, np.nan, n)
    return {
        "percent": cells.percent,
        "se": se,
        "se_df": np.where(np.isnan(se), np.nan, cells.df_of_groups),
        "low": 100 * low,
        "high": 100 * high,
        # Infinite where every case of the population is known.
        "effective_n": np.where(np.isfinite(n), n, np.nan),
        "kish_n": kish(cells),
    }


def _interval_codes(percent: Floats, inference: Inference) -> npt.NDArray[np.int8]:
    """Return 1 where the interval is Wilson's on effective answers, 0 where it is the other."""
    if inference.interval == "effective":
        return np.ones(percent.shape, np.int8)
    # A logit has no interval at 0 and 100.
    at_bounds = (percent == 0) | (percent == 100)
    replaced = at_bounds & (inference.interval == "logit")
    return np.asarray(replaced, np.int8)


def _reasons(
    cells: WeightedCells, comparable: npt.NDArray[np.bool_], inference: Inference
) -> npt.NDArray[np.int8]:
    k, n = cells.k.sum(axis=0), cells.n.sum(axis=0)
    alike = (k == 0) | (k == n)
    lonely = cells.unknown.any(axis=0) | np.isnan(cells.factor)
    one = lacks_clusters(cells) & (inference.test == "effective")
    return np.select(
        [~comparable, alike, lonely, one],
        [
            FindingReason.NO_SECOND_GROUP,
            FindingReason.ALL_ALIKE,
            FindingReason.LONELY_CLUSTER,
            FindingReason.ONE_CLUSTER,
        ],
        FindingReason.NO_SPREAD,
    ).astype(np.int8)


def _expected(counts: Tally, inference: Inference) -> Floats:
    """Compute the smallest expected counts, from unweighted answers."""
    out = np.full((len(counts.units), len(counts.splits), len(counts.questions)), np.nan)
    two = pairs(counts, inference.complement)
    out[:, two.splits] = smallest_expected_two(*two.as_two_by_two)
    for i, split in enumerate(counts.splits):
        if len(split.groups) > 2:
            groups = slice(counts.offsets[i], counts.offsets[i + 1])
            k, n = (np.swapaxes(v[:, groups], 1, 2) for v in (counts.k, counts.n))
            out[:, i] = smallest_expected(k, n)
    return out


def _printed(percent: Floats) -> npt.NDArray[np.int8]:
    """Round half up, after removing the rounding error of weighted sums."""
    known = np.nan_to_num(percent)
    return np.floor(np.round(known, 9) + 0.5).astype(np.int8)
