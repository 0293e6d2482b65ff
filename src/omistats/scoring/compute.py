"""Score general criteria, sections and headline elements.

`scores` checks its options, chooses an estimator in `omistats.scoring.estimators`, and makes
intervals, tests and the table from its estimates.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.counting.tally import By, check_by
from omistats.errors import UsageError, check_choice, format_value
from omistats.kernel.checks import check_confidence
from omistats.kernel.design import Population
from omistats.kernel.ratio import Ratios, check_limits, limits
from omistats.model.batches import read_cases
from omistats.model.framework import ALL, Framework
from omistats.model.survey_design import Column, Lonely, is_complex_design
from omistats.scoring.build import Block, Settings, assemble, wald_tests
from omistats.scoring.estimators import Estimator, choose_estimator, pooled_estimator
from omistats.scoring.finite_population import write_fpc_metadata
from omistats.scoring.groups import Domains, assign_domains
from omistats.scoring.options import (
    check_complement,
    check_source,
    check_tally_options,
    resolve_breakdowns,
)
from omistats.scoring.result import Scores
from omistats.scoring.rules import RULES
from omistats.scoring.score_tally import ScoreTally
from omistats.scoring.sources import can_sum_in_parts, sum_in_parts
from omistats.scoring.sums import scored_items
from omistats.scoring.weaknesses import ScoringContext

__all__ = ["scores"]

Floats = npt.NDArray[np.float64]


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
        For pooled scores, large files, readers and lazy frames of engines are summed part by
        part or in the engine. Other rules, weights, strata and clusters need the cases, and read
        all of them into memory. From a ScoreTally, scores are pooled and of the items,
        breakdowns and complement summed over, and cases have no weights, strata or clusters.
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
        Confidence of intervals, between 0 and 1.
    interval : {'wald', 'logit'}
        As in `omistats.stats.ratio`. Wald limits are not cut off at 0 and 100.
    df : {'design'}, optional
        Use t and F with the design's degrees of freedom, cases less units (column ``df2``
        for F); by default the normal and chi-square distributions. Where there are no degrees
        of freedom, as in a unit of one case, intervals and tests are null.
    lonely : {'error', 'null', 'remove', 'adjust'}
        Treatment of a unit of one case, whose variance is unknown: raise an error, leave what
        depends on it null, let it contribute nothing (null where a score is made of such units
        only), or measure it from the mean of all.
    complement : {'all', 'known'}
        Cases that the subset of a complement is tested against: all others, or those whose
        characteristic is known.
    test : {'wald'}
        Wald's test of groups, which allows for several answers of one case. Tests of one
        question at a time, within units among them, are not available here.
    weight : str or array_like, optional
        Sampling weights: a column, or one number a case. Scores are then weighted; ``k`` and
        ``n`` stay counts of answers, also of cases of weight 0.
    stratum : str or array_like, optional
        Strata of the sample: a column, or one label a case; None for no strata. By default the
        units.
    cluster : str or array_like, optional
        Sampled clusters: a column, or one label a case. By default each case is its own cluster.
    population : float, mapping of str to float, str or array_like, optional
        Number of cases in each unit's caseload, of which its cases are a sample: one number
        for all units, or one for every unit by name and for no other; 0 for a unit without
        cases. Standard errors then have a finite population correction, and those of a
        caseload that was sampled whole are 0. Scores stay those of the sample: they are not
        weighted, and where sampling fractions differ between units the score of all units
        differs from that of all caseloads. By default caseloads are taken to be far larger than
        samples. The table's metadata record the caseloads. With ``cluster`` the number counts
        clusters, with ``stratum`` it is by stratum, and it may be a column or array with one
        number a case.
    framework : Framework, optional
        Framework to check the source against; a case set has its own.

    Returns
    -------
    Scores
        A row a unit, breakdown, item and group, in percent (0-100); null where nothing was
        applicable. Invented questions are included, and each row says how many there are.

    Raises
    ------
    UsageError
        When an option is of the wrong kind or out of range, options do not fit the source, or
        no question feeds any item. The first problem is raised.
    UnknownNameError
        When an item, a breakdown, the rule or another word is unknown.
    DataError
        When a unit has one case (under ``lonely='error'``; unit and case are named), a
        caseload is missing, no number, smaller than the sample or of no unit (units are
        named), or a breakdown labels cases outside its groups. All problems are listed.

    Notes
    -----
    Cases are clusters of answers, units are strata: standard errors are those of R's
    ``svyby`` on ``svydesign(~case_id, strata=~unit, weights=~one, fpc=~population)``, where
    ``one`` is 1 in every case (from ``fpc`` alone R would compute weights) and groups are
    domains of the full design. Groups are compared by Wald's test with their covariance.

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
    design: dict[str, Any] = {"weight": weight, "stratum": stratum, "cluster": cluster}
    summed = source if isinstance(source, ScoreTally) else None
    wanted: tuple[Breakdown, ...] = ()
    if summed is not None:
        asked: dict[str, Any] = {"breakdowns": breakdowns, "items": items, "rule": rule}
        check_tally_options(summed, framework=framework, complement=complement, **asked, **design)
        framework, scored = summed.framework, summed.items
    else:
        framework = check_source(source, framework)
        wanted = resolve_breakdowns(breakdowns, framework)
        scored = scored_items(framework, items)
    check_by(by)
    check_choice("scoring rule", rule, RULES)
    check_confidence(confidence)
    check_limits(interval)
    _check_df(df)
    check_choice("treatment of units of one case", lonely, get_args(Lonely))
    _check_test(test)
    check_complement(complement)

    complex_design = is_complex_design(**design)
    if summed is None and rule == "pooled" and not complex_design and can_sum_in_parts(source):
        # Pooled scores need only sums, which are made part by part or in the engine.
        summed = sum_in_parts(source, framework, scored, wanted, complement)
    if summed is not None:
        units, metadata = summed.units, summed.metadata
        domains, complement = summed.domains, summed.complement
        estimator = pooled_estimator(units, summed.cases, summed.moments, lonely, population)
    else:
        cases = read_cases(source, framework)
        units, metadata = cases.units, cases.metadata
        members = assign_domains(cases, wanted, complement == "known")
        domains = members.domains
        estimator = choose_estimator(
            cases, scored, members, rule=rule, lonely=lonely, population=population, **design
        )
    settings = Settings(
        by_unit=by == "unit",
        rule=rule,
        confidence=confidence,
        interval=interval,
        complement=complement,
        uses_df_design=df == "design",
        weighted=weight is not None,
        removed=lonely == "remove",
    )
    block = _estimate(estimator, units, domains, settings)
    table = assemble(block, scored, domains, settings, metadata)
    table = write_fpc_metadata(table, estimator.fpc_metadata(scored))
    ids = tuple(s.item.id for s in scored)
    context = ScoringContext(estimator, units, ids, settings) if settings.by_unit else None
    return Scores(table, framework, context)


def _estimate(
    estimator: Estimator, units: tuple[str, ...], domains: Domains, settings: Settings
) -> Block:
    """Compute estimates, intervals and tests: of units, if asked for, then of all together."""
    parts = (False, True) if settings.by_unit else (True,)
    estimates = [estimator.estimates(all_units) for all_units in parts]
    found = Ratios(*map(np.concatenate, zip(*map(_as_arrays, estimates), strict=True)))
    df_design = None
    if settings.uses_df_design:
        df = np.concatenate([estimator.df_design(all_units) for all_units in parts])
        df_design = df[:, np.newaxis, np.newaxis]

    def covariance(groups: npt.NDArray[np.intp]) -> Floats:
        return np.concatenate(
            [
                estimator.covariance(groups, one.se, all_units)
                for one, all_units in zip(estimates, parts, strict=True)
            ]
        )

    confidence = settings.confidence
    low, high = limits(
        found.estimate, found.se, confidence=confidence, df=df_design, interval=settings.interval
    )
    counts = estimator.counts
    total = counts.sum(axis=1, keepdims=True)
    return Block(
        (*units, ALL) if settings.by_unit else (ALL,),
        np.concatenate([counts, total], axis=1) if settings.by_unit else total,
        found,
        low,
        high,
        wald_tests(found, domains.compared, covariance, confidence, df_design),
        df_design,
    )


def _as_arrays(one: Ratios) -> tuple[Floats, Floats, Floats]:
    return one.estimate, one.se, one.design_effect


def _check_df(df: object) -> None:
    if df is not None and not (isinstance(df, str) and df == "design"):
        raise UsageError(f"`df` must be None or 'design'; found {format_value(df)}")


def _check_test(test: object) -> None:
    if not (isinstance(test, str) and test == "wald"):
        raise UsageError(
            "scores pool several answers of a case, and are compared by 'wald'; found "
            f"{format_value(test)}. For tests of one question at a time use "
            "recompute(cases, inference=Inference(test=...))"
        )
