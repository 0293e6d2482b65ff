"""Scores of criteria, sections and headline elements, with honest uncertainty."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.registry import resolve
from omistats.errors import DataError, Problem, UsageError, check_word, described, listed
from omistats.kernel.designs import factors
from omistats.kernel.face import check_confidence
from omistats.kernel.limits import check_limits, limits
from omistats.kernel.linear import Ratios
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework
from omistats.model.sources import read_cases
from omistats.model.strata import ALL
from omistats.scores.assemble import Block, Settings, assemble
from omistats.scores.caseloads import Caseloads, Drawn, caseloads, told
from omistats.scores.comparisons import compare_groups
from omistats.scores.domains import make_domains
from omistats.scores.options import TREATMENTS, check_alone, check_source, refuse
from omistats.scores.rules import RULES, covariance, make_rule, uncorrected_effects
from omistats.scores.sample import Sample, leave_open
from omistats.scores.sums import Scored, case_sums, scored_items
from omistats.scores.table import Scores
from omistats.tallies import By

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
    population: Caseloads = None,
    framework: Framework | None = None,
) -> Scores:
    """Score general criteria, sections and headline elements.

    Parameters
    ----------
    source : CaseSet, data frame, record batch reader, or path
        The cases. All but a case set need ``framework``.
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
        As in `omistats.ratio`. Wald limits are not cut off at 0 and 100.
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
    population : float or mapping of str to float, optional
        How many cases each unit's caseload has, of which its cases were drawn: one number
        for all units, or one for every unit by name and for no other; 0 is for a unit without
        cases. Standard errors are then corrected for the share that was drawn, and those of a
        caseload drawn whole are 0. The scores themselves stay what the sample has: they are
        not weighted, and where units drew unequal shares the score of all units differs from
        that of all caseloads. By default caseloads are far larger than samples. The table's
        metadata tell the caseloads.
    framework : Framework, optional
        What to check the source against; a case set carries its own.

    Returns
    -------
    Scores
        Invented questions take part, and each row says how many did.

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

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.scores(oms.omi2.load_synthetic(), items=["3"])
    >>> round(found.table["percent"][0].as_py())
    57
    """
    carried = source.framework if isinstance(source, CaseSet) else framework
    known = carried if isinstance(carried, Framework) else None
    splits: list[Breakdown] = []
    scored: list[Scored] = []

    def find_splits() -> None:
        one = isinstance(breakdowns, Breakdown | type)
        given = () if breakdowns is None else breakdowns
        wanted = (given,) if one else listed("breakdowns", given, "breakdowns or their names")
        if known is not None and wanted:
            splits.extend(resolve(wanted, known))

    def find_items() -> None:
        asked = None if items is None else listed("items", items, "ids of items")
        if known is not None:
            scored.extend(scored_items(known, asked))

    refuse(
        lambda: check_source(source, framework),
        lambda: _check_either("by", by, "unit"),
        find_splits,
        find_items,
        lambda: check_word("scoring rule", rule, RULES),
        lambda: check_confidence(confidence),
        lambda: check_limits(interval),
        lambda: _check_either("df", df, "design"),
        lambda: check_word("treatment of units of one case", lonely, TREATMENTS),
        lambda: check_word("complement", complement, ("all", "known")),
    )
    cases = read_cases(source, framework)
    domains = make_domains(cases, tuple(splits), complement == "known")
    starts = cases.packed.starts
    drawn = np.diff(starts)
    problems: list[Problem] = []
    there = caseloads(population, cases, problems)
    # A unit of one case shows no spread, unless it is all there is.
    alone = np.isnan(factors(drawn.astype(np.float64), there, "nan")[0])
    check_alone(cases, alone, lonely, problems)
    if problems:
        raise DataError(problems)
    # What is left open by one was refused above, or leaves open what depends on it.
    treat = lonely if lonely in ("remove", "adjust") else "nan"
    scale, shared = factors(drawn.astype(np.float64), there, treat)
    sample = Sample(domains.members, starts, scale, shared)
    scoring = make_rule(rule, case_sums(cases, scored), sample)

    # Units, if asked for, and all together after them.
    parts = (False, True) if by == "unit" else (True,)
    estimates = [scoring.estimates(together) for together in parts]
    if by == "unit":
        # Whatever a unit of one case adds to the whole, by itself it shows no spread.
        estimates[0].se[alone] = estimates[0].design_effect[alone] = np.nan
    if lonely == "remove":
        leave_open(estimates[-1].se, estimates[-1].design_effect, scoring.counts[1], alone)
    found = Ratios(*map(np.concatenate, zip(*map(_arrays, estimates), strict=True)))
    freedom = [*np.maximum(drawn - 1, 0), drawn.sum() - (drawn > 0).sum()][-len(found.se) :]
    free = np.array(freedom, np.float64)[:, np.newaxis, np.newaxis] if df else None

    def covariances(groups: npt.NDArray[np.intp]) -> Floats:
        made = [
            covariance(scoring, sample, groups, one.se, together)
            for one, together in zip(estimates, parts, strict=True)
        ]
        return np.concatenate(made)

    low, high = limits(found.estimate, found.se, confidence=confidence, df=free, interval=interval)
    counts = scoring.counts.sum(axis=1, keepdims=True)
    block = Block(
        (*(cases.units if by == "unit" else ()), ALL),
        np.concatenate([scoring.counts, counts], axis=1) if by == "unit" else counts,
        found,
        low,
        high,
        compare_groups(found, domains.compared, covariances, confidence, free),
        free,
        lonely == "remove",
    )
    settings = Settings(rule, confidence, interval, complement, df is not None)
    table = assemble(block, scored, domains, settings, cases)
    if there is None:
        return Scores(told(table, None), cases.framework)
    effects = uncorrected_effects(scoring, drawn.astype(np.float64)).tolist()
    within = dict(zip((s.item.id for s in scored), effects, strict=False))
    of_units = dict(zip(cases.units, there.tolist(), strict=True))
    return Scores(told(table, Drawn(of_units, within)), cases.framework)


def _arrays(one: Ratios) -> tuple[Floats, Floats, Floats]:
    return one.estimate, one.se, one.design_effect


def _check_either(name: str, value: object, word: str) -> None:
    if value is not None and not (isinstance(value, str) and value == word):
        raise UsageError(f"`{name}` is None or {word!r}, found {described(value)}")
