"""The numbers of findings of a weighted or clustered sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from omistats._result_tables import NO_REASON
from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.groups import compared_sides
from omistats.counting.tally import Tally
from omistats.errors import UsageError
from omistats.inference.options import DESIGN_INTERVALS, Inference
from omistats.inference.results import FindingReason, Results, pairs
from omistats.inference.unweighted import finish
from omistats.kernel.bit_counts import unpack
from omistats.kernel.chi_square import star_codes
from omistats.kernel.ratio import limits
from omistats.kernel.small_numbers import smallest_expected, smallest_expected_two
from omistats.kernel.survey import EFFECTS, SURVEY_TESTS, WeightedAnswers, WeightedCells
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL
from omistats.model.survey_design import SampleDesign

__all__ = ["check_weighted", "infer_weighted"]


Floats = npt.NDArray[np.float64]


def check_weighted(inference: Inference) -> None:
    """Refuse tests and intervals that take cases as drawn one by one with equal chances.

    Raises
    ------
    UsageError
        With the options to choose instead.
    """
    wrong = []
    if not inference.is_design_based:
        wrong.append(f"test={inference.test!r}; choose from {', '.join(SURVEY_TESTS)}")
    if inference.interval not in DESIGN_INTERVALS:
        wrong.append(f"interval={inference.interval!r}; choose from {', '.join(DESIGN_INTERVALS)}")
    if wrong:
        raise UsageError(
            "cases with weights, strata or clusters of their own were not drawn as these "
            f"suppose: {'; '.join(wrong)}. Leave `inference` out, or name a test and an interval "
            "of these beside its other options"
        )


def infer_weighted(
    cases: CaseSet,
    splits: Sequence[Breakdown],
    counts: Tally,
    drawn: SampleDesign,
    inference: Inference,
) -> Results:
    """Compute weighted percentages, intervals and tests.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    splits : sequence of Breakdown
        Of the tally.
    counts : Tally
        Of the units that are reported, without weights.
    drawn : Drawn
        How the cases were drawn.
    inference : Inference
        How to compute; see `check_weighted`.
    """
    shape = (len(counts.units), counts.offsets[-1], len(counts.questions))
    compared = (len(counts.units), len(counts.splits), len(counts.questions))
    of_groups = {name: np.full(shape, np.nan) for name in ("percent", "se", "low", "high")}
    figures = ("statistic", "df", "df2", "p_value", "design_effect")
    names = [*figures, *(e + end for e in inference.effects for end in ("", "_low", "_high"))]
    of_splits = {name: np.full(compared, np.nan) for name in names}
    reason = np.full(compared, NO_REASON, np.int8)
    comparable = np.zeros(compared, np.bool_)
    answers = _answers(cases, counts, drawn)
    codes = [_codes(split, cases, inference.complement == "known") for split in splits]
    for u, unit in enumerate(counts.units):
        domain = None if unit == ALL else _within(cases, unit)
        everyone = answers.cells(np.zeros(len(cases), np.intp), 1, domain)
        for i, split in enumerate(splits):
            cells = answers.cells(codes[i], len(split.groups), domain)
            begin, end = counts.offsets[i], counts.offsets[i + 1]
            shown = [(slice(begin, end), cells)]
            if split.contrast == "complement":
                shown.append((slice(begin + 1, end), everyone))
            for where, figure in shown:
                width = where.stop - where.start
                for name, value in _percents(figure, inference).items():
                    of_groups[name][u, where] = value[:width]
            outcome = SURVEY_TESTS[inference.test](cells)
            for name in figures:
                of_splits[name][u, i] = getattr(outcome, name)
            comparable[u, i] = outcome.comparable
            reason[u, i] = _reasons(cells, outcome.comparable)
            if len(split.groups) == 2:
                for effect in inference.effects:
                    values = EFFECTS[effect](cells, inference.confidence)
                    for end_, value in zip(("", "_low", "_high"), values, strict=True):
                        of_splits[effect + end_][u, i] = value
    if "difference" in inference.effects:
        for end_ in ("", "_low", "_high"):
            of_splits["difference" + end_] *= 100.0
    percent = of_groups.pop("percent")
    low, high = of_groups.pop("low"), of_groups.pop("high")
    p_value = of_splits.pop("p_value")
    tested = ~np.isnan(p_value)
    results = Results(
        percent=percent,
        low=low,
        high=high,
        statistic=of_splits.pop("statistic"),
        df=of_splits.pop("df"),
        p_value=p_value,
        stars=star_codes(p_value, comparable & (tested | (reason == FindingReason.ALL_ALIKE))),
        reason=np.where(tested, np.int8(NO_REASON), reason),
        methods=(inference.test,),
        method=np.where(tested, np.int8(0), np.int8(-1)),
        expected=_expected(counts, inference),
        printed=_printed(percent),
        of_groups=of_groups,
        of_splits=of_splits,
    )
    return finish(results, counts, inference)


def _answers(cases: CaseSet, counts: Tally, drawn: SampleDesign) -> WeightedAnswers:
    ids = cases.framework.question_ids
    wanted = [ids.index(q) for q in counts.questions]
    bits = unpack(cases.packed.answers, len(cases))
    sufficient, applicable = bits[wanted].T, bits[[len(ids) + q for q in wanted]].T
    return WeightedAnswers(sufficient, applicable, drawn.design, drawn.weight)


def _codes(split: Breakdown, cases: CaseSet, known: bool) -> npt.NDArray[np.intp]:
    """Give the compared group of each case in the order of units, -1 for none."""
    codes = split.codes(cases)
    if cases.packed.order is not None:
        codes = codes[cases.packed.order]
    return compared_sides(split, codes, known)


def _within(cases: CaseSet, unit: str) -> npt.NDArray[np.bool_]:
    at = cases.units.index(unit)
    inside = np.zeros(len(cases), np.bool_)
    inside[cases.packed.starts[at] : cases.packed.starts[at + 1]] = True
    return inside


def _percents(cells: WeightedCells, inference: Inference) -> dict[str, Floats]:
    p, se = cells.percent / 100, cells.se / 100
    low, high = limits(
        p, se, confidence=inference.confidence, df=cells.df_of_groups, interval=inference.interval
    )
    return {"percent": cells.percent, "se": cells.se, "low": 100 * low, "high": 100 * high}


def _reasons(cells: WeightedCells, comparable: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    k, n = cells.k.sum(axis=0), cells.n.sum(axis=0)
    alike = (k == 0) | (k == n)
    lost = cells.unknown.any(axis=0)
    return np.select(
        [~comparable, alike, lost],
        [FindingReason.NO_SECOND_GROUP, FindingReason.ALL_ALIKE, FindingReason.LONELY_CLUSTER],
        FindingReason.NO_SPREAD,
    ).astype(np.int8)


def _expected(counts: Tally, inference: Inference) -> Floats:
    """Give the smallest expected counts, of answers without weights."""
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
    """Round half up; a weighted percentage a hair below a half is one."""
    known = np.nan_to_num(percent)
    return np.floor(np.round(known, 9) + 0.5).astype(np.int8)
