"""Scores of criteria, sections and headline elements, with honest uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.counting.tally import By
from omistats.errors import UsageError, check_choice, format_value
from omistats.kernel.checks import check_confidence
from omistats.kernel.design import Population
from omistats.kernel.ratio import Ratios, check_limits, limits
from omistats.model.batches import read_cases
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL, Framework
from omistats.model.survey_design import Column, is_complex_design
from omistats.scoring.build import Block, Settings, assemble, compare_groups
from omistats.scoring.estimators import Scoring, drawn_scoring, plain_scoring, pooled_scoring
from omistats.scoring.finite_population import write_fpc_metadata
from omistats.scoring.groups import domains_of, make_members, splits_of
from omistats.scoring.options import (
    TREATMENTS,
    check_source,
    check_tally_options,
    refuse,
    wanted_breakdowns,
    wanted_items,
)
from omistats.scoring.result import Scores
from omistats.scoring.rules import RULES
from omistats.scoring.score_tally import ScoreTally
from omistats.scoring.sources import is_elsewhere, moments_of, sum_elsewhere
from omistats.scoring.sums import ScoredItem, case_sums
from omistats.scoring.weaknesses import ScoringContext

__all__ = ["scores"]


Floats = npt.NDArray[np.float64]
Lonely = Literal["error", "null", "remove", "adjust"]


def scores(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] | None = (),
    items: Iterable[str] | None = None,
    rule: Literal["pooled", "questions", "cases"] = "pooled",
    confidence: float = 0.95,
    interval: Literal["wald", "logit"] = "wald",
    df: Literal["design"] | None = None,
    lonely: Lonely = "error",
    complement: Literal["all", "known"] = "all",
    test: Literal["wald"] = "wald",
    weight: Column = None,
    stratum: Column = "unit",
    cluster: Column = None,
    population: str | Population = None,
    framework: Framework | None = None,
) -> Scores:
    """Score general criteria, sections and headline elements.

    Parameters
    ----------
    source : CaseSet, ScoreTally, data frame, lazy frame, record batch reader, data set, or path
        The cases, or sums over them from `score_tally`. All but these two need ``framework``.
        Pooled scores of large files, readers and the lazy frames of engines are made of sums
        that go by in parts, or that the engine makes; other rules, weights, strata and clusters
        need the cases, and read all of them.
        From sums, scores are pooled and of the items, breakdowns and complement summed over,
        and cases have no weights, strata or clusters of their own.
    by : {'unit'}, optional
        Score every unit, then all together; by default only all together.
    breakdowns : iterable of Breakdown or str, optional
        Score the groups of these too, and test them against each other; none by default.
    items : iterable of str, optional
        Ids of criteria, sections or headline elements; by default all that questions feed.
    rule : {'pooled', 'questions', 'cases'}
        ``'pooled'`` is the sum of sufficient over the sum of applicable answers, all cases
        and all questions of the item; ``'questions'`` the mean of its questions'
        percentages; ``'cases'`` the mean of the cases' percentages.
    confidence : float
        Of intervals, between 0 and 1.
    interval : {'wald', 'logit'}
        As in `omistats.stats.ratio`. Wald limits are not cut off at 0 and 100.
    df : {'design'}, optional
        Use t and F with the design's degrees of freedom, cases less units (column ``df2``
        for F); by default the normal and chi-square. Where there are none left, as in a
        unit of one case, intervals and tests are null.
    lonely : {'error', 'null', 'remove', 'adjust'}
        What to do about a unit of one case, which shows no spread: refuse it, leave what
        depends on it null, let it contribute nothing (null where all that a score is made of
        is such units), or measure it from the mean of all.
    complement : {'all', 'known'}
        What the subset of a complement is tested against: all other cases, or those whose
        characteristic is known.
    test : {'wald'}
        Groups are compared by Wald's test, which knows that the answers of a case go together.
        Tests of one question at a time, within units among them, are refused.
    weight : str or array_like, optional
        Sampling weights: a column, or one number a case. Scores are then weighted; ``k`` and
        ``n`` stay counts of answers, also of cases of weight 0.
    stratum : str or array_like, optional
        What cases were drawn within: a column or one label a case; None for no strata. By
        default the units.
    cluster : str or array_like, optional
        What was drawn: a column or one label a case. By default each case by itself.
    population : float, mapping of str to float, str or array_like, optional
        How many cases each unit's caseload has, of which its cases were drawn: one number
        for all units, or one for every unit by name and for no other; 0 is for a unit without
        cases. Standard errors are then corrected for the share that was drawn, and those of a
        caseload drawn whole are 0. The scores themselves stay what the sample has: they are
        not weighted, and where units drew unequal shares the score of all units differs from
        that of all caseloads. By default caseloads are far larger than samples. The table's
        metadata tell the caseloads. With clusters it counts clusters, with strata it
        is by stratum, and it may be a column or array with one number a case.
    framework : Framework, optional
        What to check the source against; a case set carries its own.

    Returns
    -------
    Scores
        A row a unit, breakdown, item and group, in percent (0-100); null where nothing was
        applicable. Invented questions take part, and each row says how many did.

    Raises
    ------
    UsageError
        When options do not fit, or no question feeds any item. Of several bad options all
        are listed.
    UnknownNameError
        When an item, a breakdown, the rule or another word is unknown, and nothing else is
        wrong.
    DataError
        When a unit has one case (under ``lonely='error'``; unit and case are named), a
        caseload is missing, no number, smaller than the sample or of no unit (units are
        named), or a breakdown labels cases outside its groups.

    Notes
    -----
    Cases are clusters of answers, units are strata: standard errors are those of R's
    ``svyby`` on ``svydesign(~case_id, strata=~unit, weights=~one, fpc=~population)``,
    ``one`` being 1 in every case (from an ``fpc`` alone R would make weights of the shares
    drawn), groups being domains of the full design. Groups are compared by Wald's test with
    their covariance.

    References
    ----------
    Lumley, T. (2004). Analysis of complex survey samples. Journal of Statistical Software 9,
    1-19. doi:10.18637/jss.v009.i08

    Examples
    --------
    >>> import omistats as oms
    >>> oms.scores(oms.omi2.load_synthetic(), items=["3"], breakdowns=["risk_of_harm"])
    Scores from SYNTHETIC cases: 3 rows, rule pooled, 95% intervals
    <BLANKLINE>
    unit, group             score                        percent   interval       n  stars
    all                     3 Outcomes reached and kept     57.1  56.2-57.9  13,936
    all, risk of harm high  3 Outcomes reached and kept     57.4  55.5-59.2   2,699     --
    all, risk of harm all   3 Outcomes reached and kept     57.1  56.2-57.9  13,936
    """
    carried = source.framework if isinstance(source, CaseSet) else framework
    known = carried if isinstance(carried, Framework) else None
    splits: list[Breakdown] = []
    scored: list[ScoredItem] = []
    design: dict[str, Any] = {"weight": weight, "stratum": stratum, "cluster": cluster}
    summed = source if isinstance(source, ScoreTally) else None
    asked = {"breakdowns": breakdowns, "items": items, "complement": complement, "rule": rule}
    sources: list[Callable[[], object]]
    if summed is not None:
        sources = check_tally_options(summed, framework=framework, **asked, **design)
    else:
        sources = [
            lambda: check_source(source, framework),
            lambda: splits.extend(wanted_breakdowns(breakdowns, known)),
            lambda: scored.extend(wanted_items(items, known)),
        ]
    refuse(
        *sources,
        lambda: _check_either("by", by, "unit"),
        lambda: check_choice("scoring rule", rule, RULES),
        lambda: check_confidence(confidence),
        lambda: check_limits(interval),
        lambda: _check_either("df", df, "design"),
        lambda: check_choice("treatment of units of one case", lonely, TREATMENTS),
        lambda: _check_test(test),
        lambda: check_choice("complement", complement, ("all", "known")),
    )
    of: ScoreTally | CaseSet
    # What needs no more than sums is summed where the cases are, or part by part.
    if (
        known is not None
        and rule == "pooled"
        and not is_complex_design(**design)
        and is_elsewhere(source)
    ):
        summed = sum_elsewhere(source, known, scored, splits, complement)
    if summed is not None:
        of, scored, complement = summed, list(summed.items), summed.complement
        domains = summed.domains
        made = pooled_scoring(summed.units, summed.cases, summed.moments, lonely, population)
    else:
        of = read_cases(source, framework)
        domains = domains_of(splits_of(splits))
        made = _scoring(of, scored, splits, complement, rule, lonely, population, design)

    # Units, if asked for, and all together after them.
    parts = (False, True) if by == "unit" else (True,)
    estimates = [made.estimates(together) for together in parts]
    found = Ratios(*map(np.concatenate, zip(*map(_arrays, estimates), strict=True)))
    freedom = np.concatenate([made.freedom(together) for together in parts])
    free = freedom[:, np.newaxis, np.newaxis] if df else None

    def covariances(groups: npt.NDArray[np.intp]) -> Floats:
        return np.concatenate(
            [
                made.covariance(groups, one.se, together)
                for one, together in zip(estimates, parts, strict=True)
            ]
        )

    low, high = limits(found.estimate, found.se, confidence=confidence, df=free, interval=interval)
    counts = made.counts.sum(axis=1, keepdims=True)
    block = Block(
        (*(of.units if by == "unit" else ()), ALL),
        np.concatenate([made.counts, counts], axis=1) if by == "unit" else counts,
        found,
        low,
        high,
        compare_groups(found, domains.compared, covariances, confidence, free),
        free,
        lonely == "remove",
    )
    settings = Settings(rule, confidence, interval, complement, df is not None, weight is not None)
    table = assemble(block, scored, domains, settings, of.metadata)
    source = ScoringContext(made, of.units, tuple(s.item.id for s in scored), settings)
    kept = source if by == "unit" else None
    return Scores(write_fpc_metadata(table, made.caseloads(scored)), of.framework, kept)


def _scoring(
    cases: CaseSet,
    scored: Sequence[ScoredItem],
    splits: Sequence[Breakdown],
    complement: Literal["all", "known"],
    rule: str,
    lonely: str,
    population: Any,
    design: Mapping[str, Any],
) -> Scoring:
    drawn = is_complex_design(**design)
    members = make_members(cases, splits, complement == "known")
    if rule == "pooled" and not drawn:
        moments, sizes = moments_of(cases, scored, members), np.diff(cases.packed.starts)
        return pooled_scoring(cases.units, sizes, moments, lonely, population, cases)
    answers = case_sums(cases, scored)
    if drawn:
        return drawn_scoring(rule, answers, cases, members, lonely, population=population, **design)
    return plain_scoring(rule, answers, cases, members, lonely, population)


def _arrays(one: Ratios) -> tuple[Floats, Floats, Floats]:
    return one.estimate, one.se, one.design_effect


def _check_test(test: object) -> None:
    if not (isinstance(test, str) and test == "wald"):
        raise UsageError(
            "scores pool answers of which a case gives many, and are compared by 'wald'; found "
            f"{format_value(test)}. Tests of one question at a time are had with "
            "recompute(cases, inference=Inference(test=...))"
        )


def _check_either(name: str, value: object, word: str) -> None:
    if value is not None and not (isinstance(value, str) and value == word):
        raise UsageError(f"`{name}` is None or {word!r}, found {format_value(value)}")
