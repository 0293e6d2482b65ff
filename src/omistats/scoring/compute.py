"""Score general criteria, sections and headline elements.

`scores` checks its options, chooses an estimator in `omistats.scoring.estimators`, and makes
intervals, tests and the table from its estimates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.breakdowns.base import Breakdown, BreakdownLike
from omistats.counting.tally import By, check_by
from omistats.errors import UsageError, check_choice, format_value
from omistats.kernel.checks import check_confidence, check_whole
from omistats.kernel.chi_square import star_codes
from omistats.kernel.design import LONELY, Population, check_lonely
from omistats.kernel.effective import (
    EffectiveGroups,
    compare_effective,
    effective_groups,
    effective_limits,
)
from omistats.kernel.ratio import Ratios, limits
from omistats.model.batches import read_cases
from omistats.model.framework import ALL, Framework
from omistats.model.survey_design import Column, LonelyName, is_complex_design
from omistats.scoring.build import (
    INTERVALS,
    METHODS,
    RELIABILITY,
    Block,
    GroupTests,
    Settings,
    assemble,
    code_of_one_case,
    effective_tests,
    rows_of_scores,
    too_few,
    wald_tests,
)
from omistats.scoring.change import ScoredRound
from omistats.scoring.effective import (
    EffectiveSums,
    join_groups,
    moments_of_sizes,
    sum_sizes,
)
from omistats.scoring.estimators import (
    CaseCounts,
    Estimator,
    choose_estimator,
    pooled_estimator,
)
from omistats.scoring.finite_population import write_fpc_metadata
from omistats.scoring.groups import Domains, assign_domains
from omistats.scoring.options import (
    check_complement,
    check_source,
    check_tally_options,
    resolve_breakdowns,
)
from omistats.scoring.permutation import CasePermutations, permutation_name, permute_cases
from omistats.scoring.result import Scores
from omistats.scoring.rules import RULES
from omistats.scoring.score_tally import ScoreTally
from omistats.scoring.sources import can_sum_in_parts, sum_in_parts
from omistats.scoring.sums import ScoredItem, count_not_answered, scored_items
from omistats.scoring.weaknesses import ScoringContext

__all__ = ["scores"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def scores(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[BreakdownLike] | None = (),
    items: Iterable[str] | None = None,
    rule: Literal["pooled", "questions", "cases"] = "pooled",
    confidence: float = 0.95,
    interval: Literal["effective", "wald", "logit"] | None = None,
    df: Literal["design"] | None = None,
    lonely: LonelyName = "error",
    complement: Literal["all", "known"] = "all",
    test: Literal["effective", "wald", "permutation"] | None = None,
    permutations: int = 1999,
    seed: int = 0,
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
    interval : {'effective', 'wald', 'logit'}, optional
        Interval of a score. By default ``'effective'`` for pooled scores: Wilson's on effective
        answers, which allows for few cases. ``'wald'`` and
        ``'logit'`` are as in `omistats.stats.ratio`; Wald limits are not cut off at 0 and 100.
        Other rules have Wald's by default, with t.
    df : {'design'}, optional
        For Wald's and logit intervals and Wald's test: use t and F with the design's degrees of
        freedom, cases less units (column ``df2`` for F). Where they are asked for by name the
        default is the normal and chi-square distributions. Where there are no degrees of
        freedom, as in a unit of one case, intervals and tests are null.
    lonely : {'error', 'null', 'remove', 'adjust', 'average'}, or 'fail' or 'certainty'
        For standard errors: treatment of a unit of one case, whose variance is unknown. Raise an
        error, leave what depends on it null, let it contribute nothing (null where a score is
        made of such units only), measure it from the mean of all, or give it the average variance
        of the other units that have answers. The last two are R's names of ``'error'`` and
        ``'remove'``. Intervals and tests on effective answers do not need it; with these alone
        ``'error'`` means ``'null'``.
    complement : {'all', 'known'}
        Cases that the subset of a complement is tested against: all others, or those whose
        characteristic is known.
    test : {'effective', 'wald', 'permutation'}, optional
        Test of groups. By default ``'effective'`` for pooled scores: Pearson's on effective
        answers, corrected where few are expected, except between groups that share clusters,
        where it is Wald's with t (column ``method``). Other rules have Wald's by default, with t.
        ``'permutation'`` permutes cases between groups, those of a breakdown within units. It needs
        the cases, without weights, strata other than units, clusters or a population, and is right
        only where cases of the groups are alike in all but how they do. Intervals stay as they are
        and may disagree. Of units it is the test of weaknesses and pairs. For
        tests of single questions use `recompute`.
    permutations : int
        Number of permutations drawn, 1 or more. Where there are no more than that, all are
        compared (``method`` is then ``permutation-exact``). No p-value is below 1 in
        ``permutations + 1``, so many comparisons need more.
    seed : int
        Seed of the permutations, 0 or more. The same seed gives the same p-values in any order
        of cases.
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
    The answers of one case resemble each other. On *effective answers*, Wilson's interval and
    Pearson's test take a group's answers for as many independent ones as its cases differ like,
    one further case being assumed whose answers all agree; with one answer a case they are the
    usual ones. Units are strata; a group that lies across units is one stratum.

    For standard errors cases are clusters of answers and units are strata: they are those of R's
    ``svyby`` on ``svydesign(~case_id, strata=~unit, weights=~one, fpc=~population)``, where
    ``one`` is 1 in every case (from ``fpc`` alone R would compute weights) and groups are
    domains of the full design. Wald's test compares groups with their covariance.

    References
    ----------
    Rao, J. N. K. and Scott, A. J. (1992). A simple method for the analysis of clustered binary
    data. Biometrics 48, 577-585. Korn, E. L. and Graubard, B. I. (1998). Confidence intervals
    for proportions with small expected number of positive counts estimated from survey data.
    Survey Methodology 24, 193-201.
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
    all, risk of harm high  3 Outcomes reached and kept     57.4  55.5-59.3   2,699     --
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
    _check_df(df)
    treatment = check_lonely(lonely, (*LONELY, "null"))
    check_complement(complement)
    permuted, kept, missing = None, None, None
    complex_design = is_complex_design(**design)
    interval_rule, test_rule = _resolve_rules(interval, test, rule, summed)
    if test_rule == "permutation":
        _check_permutable(rule, summed, population=population, **design)
    check_whole("permutations", permutations, 1)
    check_whole("seed", seed, 0)
    uses_wald = interval_rule != "effective" or test_rule == "wald"
    # Where Wald's rules stand in for the default they come with t; by name, as `df` says.
    by_name = interval in ("wald", "logit") or test == "wald"
    uses_df = df == "design" or not by_name
    if not uses_wald and treatment == "error":
        treatment = "null"

    in_parts = rule == "pooled" and not complex_design and can_sum_in_parts(source)
    if summed is None and in_parts and test_rule != "permutation":
        # Pooled scores need only sums, which are made part by part or in the engine.
        summed = sum_in_parts(source, framework, scored, wanted, complement)
    if summed is not None:
        units, metadata = summed.units, summed.metadata
        domains, complement = summed.domains, summed.complement
        estimator = pooled_estimator(units, summed.cases, summed.moments, treatment, population)
        sizes, missing = summed.sizes, summed.not_answered
    else:
        cases = kept = read_cases(source, framework)
        units, metadata = cases.units, cases.metadata
        if test_rule == "permutation":
            known = complement == "known"
            permuted = permute_cases(cases, scored, wanted, known, permutations, seed)
        members = assign_domains(cases, wanted, complement == "known")
        domains = members.domains
        if framework.not_answered is not None:
            missing = count_not_answered(cases, scored, members)
        sizes = None
        if rule == "pooled" and not complex_design:
            sizes = sum_sizes(cases, scored, members)
            moments = moments_of_sizes(sizes, scored)
            in_units = np.diff(cases.packed.starts)
            estimator = pooled_estimator(units, in_units, moments, treatment, population, cases)
        else:
            estimator = choose_estimator(
                cases, scored, members, rule=rule, lonely=treatment, population=population, **design
            )
    effective = None
    if rule == "pooled":
        effective = _effective_sums(estimator, scored, sizes, domains, cluster is not None)
    settings = Settings(
        by_unit=by == "unit",
        rule=rule,
        confidence=confidence,
        interval=interval_rule,
        test=test_rule,
        complement=complement,
        uses_df_design=uses_df,
        weighted=weight is not None,
        clustered=estimator.is_clustered,
        names_interval=interval in ("wald", "logit"),
        names_test=test == "wald",
        removed=treatment == "remove",
    )
    block = _estimate(estimator, effective, permuted, units, domains, settings)
    table = assemble(block, scored, domains, settings, metadata)
    if framework.not_answered is not None:
        table = table.append_column(
            "not_answered", _not_answered(missing, scored, domains, settings, table.num_rows)
        )
    table = write_fpc_metadata(table, estimator.fpc_metadata(scored))
    ids = tuple(s.item.id for s in scored)
    levels = tuple(s.item.level for s in scored)
    context = None
    if settings.by_unit:
        context = ScoringContext(
            estimator, effective, units, ids, levels, settings, permuted, kept, tuple(scored)
        )
    whole = _make_round(table, block, effective, scored, domains, settings)
    return Scores(table, framework, context, whole)


def _effective_sums(
    estimator: Estimator,
    items: Sequence[ScoredItem],
    sizes: npt.NDArray[np.int64] | None,
    domains: Domains,
    clustered: bool,
) -> EffectiveSums | None:
    """Sum what effective answers are computed from; None if the sums over cases do not say."""
    found = estimator.effective_sums(items, sizes, clustered)
    return None if found is None else found.with_whole(domains.all_cases)


def _not_answered(
    counted: npt.NDArray[np.int64] | None,
    items: Sequence[ScoredItem],
    domains: Domains,
    settings: Settings,
    rows: int,
) -> pa.Array:
    """Lay out how many questions were not answered; null if the sums do not say."""
    if counted is None:
        return pa.nulls(rows, pa.int64())
    counted = counted.swapaxes(1, 2)
    whole = counted.sum(axis=0, keepdims=True)
    parts = np.concatenate([counted, whole]) if settings.by_unit else whole
    return pa.array(rows_of_scores(parts, len(items), domains))


def _make_round(
    table: pa.Table,
    block: Block,
    effective: EffectiveSums | None,
    scored: Sequence[ScoredItem],
    domains: Domains,
    settings: Settings,
) -> ScoredRound:
    """Keep what another round of scores is compared by."""
    shape = block.found.se.shape
    usable = np.zeros(shape[-1], np.bool_) if effective is None else effective.usable
    n_alike = df_alike = np.full(shape, np.nan)
    if block.groups is not None:
        n_alike, df_alike = block.groups.n_alike, block.groups.df_alike
    df = np.full((1, 1, 1), np.inf) if block.df_design is None else block.df_design

    def by_row(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return rows_of_scores(np.broadcast_to(values, shape), len(scored), domains)

    return ScoredRound(
        table,
        tuple(scored),
        tuple(split.key for split in domains.splits),
        settings,
        by_row(usable),
        by_row(n_alike),
        by_row(df_alike),
        by_row(df),
    )


_TESTS = ("effective", "wald", "permutation")


def _resolve_rules(
    interval: str | None, test: str | None, rule: str, summed: ScoreTally | None
) -> tuple[str, str]:
    """Choose the rules of intervals and tests; raise if one asked for does not hold."""
    if interval is not None:
        check_choice("interval", interval, ("effective", "wald", "logit"))
    if not (test is None or (isinstance(test, str) and test in _TESTS)):
        raise UsageError(
            "scores pool several answers of a case, and are compared by 'effective', 'wald' or "
            "'permutation'; "
            f"found {format_value(test)}. For tests of one question at a time use "
            "recompute(cases, inference=Inference(test=...))"
        )
    why = ""
    if rule != "pooled":
        why = f"needs pooled scores; found rule={rule!r}"
    elif summed is not None and summed.sizes is None:
        why = (
            "needs sums by number of answers, which this ScoreTally, saved by an earlier version, "
            "lacks; make it again from the cases"
        )
    if why:
        for name, value in (("interval", interval), ("test", test)):
            if value == "effective":
                raise UsageError(f"`{name}='effective'` {why}")
        return interval or "wald", test or "wald"
    return interval or "effective", test or "effective"


def _is_default(value: Any, usual: str | None) -> bool:
    """Tell whether an option, which may be an array, is left as it usually is."""
    return value is None if usual is None else isinstance(value, str) and value == usual


def _check_permutable(rule: str, summed: ScoreTally | None, **design: Any) -> None:
    """Raise where cases cannot change groups with all their answers."""
    if summed is not None:
        raise UsageError(
            "`test='permutation'` needs the cases; found a ScoreTally, which has only sums over "
            "them. Pass the cases, or leave `test` out for the default"
        )
    usual: dict[str, Any] = {"rule": "pooled", "stratum": "unit"}
    options = {"rule": rule, **design}
    found = [
        f"`{name}`" for name, value in options.items() if not _is_default(value, usual.get(name))
    ]
    if found:
        raise UsageError(
            "`test='permutation'` must be of pooled scores without weights, strata other than "
            f"units, clusters or a population; found {', '.join(found)}. Leave "
            f"{'it' if len(found) == 1 else 'them'} out, or leave `test` out for the default"
        )


def _estimate(
    estimator: Estimator,
    effective: EffectiveSums | None,
    permuted: CasePermutations | None,
    units: tuple[str, ...],
    domains: Domains,
    settings: Settings,
) -> Block:
    """Compute estimates, intervals and tests: of units, if asked for, then of all together."""
    parts = (False, True) if settings.by_unit else (True,)
    estimates = [estimator.estimates(all_units) for all_units in parts]
    found = Ratios(*map(np.concatenate, zip(*map(_fields, estimates), strict=True)))
    counted = [estimator.case_counts(all_units) for all_units in parts]
    parts_of = zip(*(one.arrays() for one in counted), strict=True)
    made_of = CaseCounts(*map(np.concatenate, parts_of))
    # A single case has no spread, so that its linearised standard error may be 0.
    alone, alike = made_of.have_one, made_of.are_alike(found.se)
    unknown = attrs.evolve(
        found,
        se=np.where(alone, np.nan, found.se),
        design_effect=np.where(alone, np.nan, found.design_effect),
    )
    # Nor can a standard error of 0 be told from one that cases have not shown yet.
    unshown = _without(unknown, alike)
    of_interval = found if settings.names_interval else unshown
    of_test = found if settings.names_test else unshown
    df_design = None
    if settings.uses_df_design:
        df = np.concatenate([estimator.df_design(all_units) for all_units in parts])
        df_design = df[:, np.newaxis, np.newaxis]

    errors = (of_test.se[:-1], of_test.se[-1:]) if settings.by_unit else (of_test.se,)

    def covariance(groups: npt.NDArray[np.intp]) -> Floats:
        return np.concatenate(
            [
                estimator.covariance(groups, se, all_units)
                for se, all_units in zip(errors, parts, strict=True)
            ]
        )

    confidence = settings.confidence
    wald = "wald" if settings.interval == "effective" else settings.interval
    low, high = limits(
        found.estimate, of_interval.se, confidence=confidence, df=df_design, interval=wald
    )
    interval = INTERVALS.index(f"{wald}-t" if settings.uses_df_design else wald)
    interval_method = np.full(low.shape, interval, np.int8)
    unshown_in_test = alike & (not settings.names_test)
    tests = wald_tests(
        of_test, domains.compared, covariance, confidence, df_design, alone, unshown_in_test
    )
    groups, reliability = None, np.where(made_of.cases > 0, np.int8(0), np.int8(-1))
    goes_by_wald = np.ones(low.shape[-1], np.bool_)
    if effective is not None:
        goes_by_wald = ~effective.usable
        groups = join_groups([effective.groups(all_units) for all_units in parts])
        usable = effective.usable
        # Effective answers that no interval goes by are not shown.
        groups = attrs.evolve(
            groups,
            n=np.where(usable, groups.n, np.nan),
            df=np.where(usable, groups.df, np.nan),
            n_alike=np.where(usable, groups.n_alike, np.nan),
            df_alike=np.where(usable, groups.df_alike, np.nan),
        )
        if settings.interval == "effective":
            own = effective_limits(groups, confidence)
            low, high = np.where(usable, own[0], low), np.where(usable, own[1], high)
            interval_method[..., usable] = INTERVALS.index("wilson-effective")
        if settings.test != "wald":
            comparable = np.array([usable[own].all() for own in domains.compared], np.bool_)
            tests = effective_tests(tests, groups, domains.compared, comparable, confidence)
        if permuted is not None:
            tests = _permuted_tests(tests, permuted, units if settings.by_unit else ())
        reliability = _reliability(effective, groups, tests, domains, settings)
    for compared in domains.compared:
        # Groups are compared by Wald's test if the rule does not hold for one of them.
        goes_by_wald[compared] |= goes_by_wald[compared].any()
    if not (settings.names_interval or settings.names_test):
        few = made_of.are_few_for_wald & goes_by_wald
        reliability[few] = RELIABILITY.index("too few cases to tell")
    reliability[alone] = code_of_one_case(settings.clustered)
    unshown_by_wald = alike & goes_by_wald
    counts = estimator.counts
    total = counts.sum(axis=1, keepdims=True)
    return Block(
        (*units, ALL) if settings.by_unit else (ALL,),
        np.concatenate([counts, total], axis=1) if settings.by_unit else total,
        found
        if settings.names_interval or settings.names_test
        else _without(unknown, unshown_by_wald),
        low,
        high,
        tests,
        interval_method,
        groups,
        reliability,
        alone,
        unshown_by_wald & (not settings.names_interval),
        df_design,
    )


def _permuted_tests(
    tests: GroupTests, permuted: CasePermutations, units: tuple[str, ...]
) -> GroupTests:
    """Replace p-values by those of permutations, where a test could be made."""
    p_value, method = tests.p_value.copy(), tests.method.copy()
    blocks: list[int | None] = [*range(len(units)), None]
    for split in range(len(permuted.sides)):
        for row, unit in enumerate(blocks):
            found = permuted.groups(split, unit)
            tested = ~np.isnan(p_value[row, :, split])
            p_value[row, :, split] = np.where(tested, found.p_value, np.nan)
            method[row, :, split] = METHODS.index(permutation_name(found))
    none = np.full(p_value.shape, np.nan)
    return attrs.evolve(
        tests,
        statistic=none,
        df=none,
        df2=none,
        p_value=p_value,
        stars=star_codes(p_value, ~np.isnan(p_value)),
        method=method,
    )


def _reliability(
    effective: EffectiveSums,
    groups: EffectiveGroups,
    tests: GroupTests,
    domains: Domains,
    settings: Settings,
) -> npt.NDArray[np.int8]:
    """Grade scores: codes of `RELIABILITY`, shape (units, items, domains)."""
    out = np.where(groups.cases > 0, np.int8(0), np.int8(-1))
    few = np.zeros(out.shape, np.bool_)
    sums = effective.all_units[:, np.newaxis]
    if settings.by_unit:
        sums = np.concatenate([effective.by_unit, sums], axis=1)
        unit, rest = effective.groups(False)[..., 0], effective_groups(effective.rests())
        p_value = compare_effective(unit, rest).p_value
        few[:-1, :, 0] = too_few(unit, rest, p_value, settings.confidence)
    for i, own in enumerate(domains.compared):
        for domain in own.tolist():
            others = effective_groups(sums[..., own[own != domain]].sum(axis=-1))
            few[..., domain] = too_few(
                groups[..., domain], others, tests.p_value[..., i], settings.confidence
            )
    out[few] = RELIABILITY.index("too few cases to tell")
    return out.astype(np.int8)


def _without(found: Ratios, unknown: Flags) -> Ratios:
    """Return estimates without the flagged standard errors."""
    return attrs.evolve(found, se=np.where(unknown, np.nan, found.se))


def _fields(one: Ratios) -> tuple[npt.NDArray[Any], ...]:
    return attrs.astuple(one, recurse=False)


def _check_df(df: object) -> None:
    if df is not None and not (isinstance(df, str) and df == "design"):
        raise UsageError(f"`df` must be None or 'design'; found {format_value(df)}")
