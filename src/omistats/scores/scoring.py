"""Scores of criteria, sections and headline elements, with honest uncertainty."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.registry import resolve
from omistats.errors import DataError, Problem, UsageError, shown
from omistats.kernel.face import check_confidence
from omistats.kernel.limits import check_limits, limits
from omistats.kernel.significance import Comparison
from omistats.kernel.sums import BulkLonely
from omistats.kernel.wald import Contrast, difference, wald
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework
from omistats.model.sources import read_cases
from omistats.model.strata import ALL
from omistats.scores.assemble import Block, assemble
from omistats.scores.domains import Domains, make_domains
from omistats.scores.rules import Rule, make_rule, sum_blocks
from omistats.scores.sums import case_sums, scored_items
from omistats.scores.table import Scores
from omistats.tallies import By

__all__ = ["scores"]

Floats = npt.NDArray[np.float64]
Lonely = Literal["error", "null", "remove", "adjust"]


def scores(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] = (),
    items: Iterable[str] | None = None,
    rule: Literal["pooled", "questions", "cases"] = "pooled",
    confidence: float = 0.95,
    interval: Literal["wald", "logit"] = "wald",
    df: Literal["design"] | None = None,
    lonely: Lonely = "error",
    complement: Literal["all", "known"] = "all",
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
        Score the groups of these too, and test them against each other.
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
        Use t and F with the design's degrees of freedom, cases less units; by default the
        normal and chi-square.
    lonely : {'error', 'null', 'remove', 'adjust'}
        What to do about a unit of one case, which shows no spread: refuse it, leave what
        depends on it null, let it contribute nothing, or measure it from the mean of all.
    complement : {'all', 'known'}
        What the subset of a complement is tested against: all other cases, or those whose
        characteristic is known.
    framework : Framework, optional
        What to check the source against; a case set carries its own.

    Returns
    -------
    Scores
        Invented questions take part, and each row says how many did.

    Raises
    ------
    UsageError
        When options do not fit, or no question feeds any item.
    UnknownNameError
        When an item, a breakdown or the rule is unknown.
    DataError
        When a unit has one case (under ``lonely='error'``; units are named), or a
        breakdown labels cases outside its groups.

    Notes
    -----
    Cases are clusters of answers, units are strata: standard errors are those of R's
    ``svyby`` on ``svydesign(~case_id, strata=~unit)``, groups being domains of the full
    design. Groups are compared by Wald's test with their covariance.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.scores(oms.omi2.load_synthetic(), items=["3"])
    >>> round(found.table["percent"][0].as_py())
    57
    """
    if by not in (None, "unit"):
        raise UsageError(f"`by` is None or 'unit', found {by!r}")
    if df not in (None, "design"):
        raise UsageError(f"`df` is None or 'design', found {df!r}")
    if complement not in ("all", "known"):
        raise UsageError(f"`complement` is 'all' or 'known', found {complement!r}")
    check_confidence(confidence)
    check_limits(interval)
    cases = read_cases(source, framework)
    scored = scored_items(cases.framework, items)
    wanted = tuple(breakdowns) if not isinstance(breakdowns, str) else (breakdowns,)
    domains = make_domains(
        cases, resolve(wanted, cases.framework) if wanted else (), complement == "known"
    )
    _check_lonely(cases, lonely)
    sums = case_sums(cases, scored)
    starts = cases.packed.starts
    # A unit of one case was refused above, or leaves open what depends on it.
    treat: BulkLonely = lonely if lonely in ("remove", "adjust") else "nan"
    rule_ = make_rule(rule, sums, domains.members, starts, treat)
    counts = sum_blocks(np.stack(sums.by_case, axis=-1), domains.members, starts)
    options = _Options(confidence, interval, df == "design")
    blocks = []
    if by == "unit":
        freedom = np.maximum(np.diff(starts) - 1, 0)
        blocks.append(_block(cases.units, rule_, domains, counts, freedom, options, False))
    used = np.diff(starts)
    freedom = np.array([used.sum() - (used > 0).sum()])
    together = counts.sum(axis=0, keepdims=True)
    blocks.append(_block((ALL,), rule_, domains, together, freedom, options, True))
    table = assemble(
        blocks, scored, domains, rule, confidence, interval, complement, df is not None, cases
    )
    return Scores(table, cases.framework)


@attrs.frozen
class _Options:
    confidence: float
    interval: str
    design_df: bool


def _check_lonely(cases: CaseSet, lonely: str) -> None:
    known = ("error", "null", "remove", "adjust")
    if lonely not in known:
        raise UsageError(f"`lonely` is one of {', '.join(known)}, found {lonely!r}")
    sizes = np.diff(cases.packed.starts).tolist()
    alone = [unit for unit, size in zip(cases.units, sizes, strict=True) if size == 1]
    if lonely == "error" and alone:
        raise DataError(
            [
                Problem(
                    "unit",
                    "two cases or more in each unit show how cases differ",
                    f"one in {shown(alone)}",
                    "Merge units with `regroup`, or say lonely='null', 'remove' or 'adjust'.",
                )
            ]
        )


def _block(
    units: tuple[str, ...],
    rule: Rule,
    domains: Domains,
    counts: Floats,
    freedom: npt.NDArray[np.int64],
    options: _Options,
    together: bool,
) -> Block:
    """Estimate and test some units, or all of them together as one."""
    found = rule.estimates(together)
    # Whatever a unit of one case adds to the whole, by itself it shows no spread.
    alone = np.zeros(len(units), np.bool_) if together else freedom == 0
    found.se[alone] = np.nan
    df = freedom[:, np.newaxis, np.newaxis].astype(np.float64) if options.design_df else None
    low, high = limits(
        found.estimate,
        found.se,
        confidence=options.confidence,
        df=df,
        interval=options.interval,
    )
    tests: dict[int, Comparison] = {}
    differences: dict[int, Contrast] = {}
    # All comparisons of equally many groups are made in one call.
    for width in {len(compared) for compared in domains.compared}:
        chosen = [i for i, compared in enumerate(domains.compared) if len(compared) == width]
        groups = np.array([domains.compared[i] for i in chosen])
        estimate = np.swapaxes(found.estimate[:, groups], 2, 3)
        covariance = rule.covariance(groups, together)
        covariance[alone] = np.nan
        outcome = wald(estimate, covariance, df=df)
        for at, i in enumerate(chosen):
            parts = (getattr(outcome, field.name)[:, at] for field in attrs.fields(Comparison))
            tests[i] = Comparison(*parts)
        if width == 2:
            apart = difference(estimate, covariance, confidence=options.confidence, df=df)
            for at, i in enumerate(chosen):
                ends = (getattr(apart, field.name)[:, at] for field in attrs.fields(Contrast))
                differences[i] = Contrast(*ends)
    splits = range(len(domains.compared))
    return Block(
        units,
        counts,
        found,
        low,
        high,
        tuple(tests[i] for i in splits),
        tuple(differences.get(i) for i in splits),
    )
