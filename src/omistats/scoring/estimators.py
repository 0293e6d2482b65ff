"""Estimates, covariance, df: simple and complex designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem
from omistats.kernel.design import variance_factors
from omistats.kernel.funnel import within_design_effect
from omistats.kernel.ratio import Ratios, design_effect, quotient
from omistats.kernel.survey import Totals
from omistats.model.case_set import CaseSet
from omistats.model.survey_design import SampleDesign, resolve_design
from omistats.scoring.finite_population import Correction, caseloads
from omistats.scoring.groups import Members
from omistats.scoring.options import check_alone
from omistats.scoring.rules import Rule, covariance, make_rule, pooled_rule, uncorrected_effects
from omistats.scoring.sums import CaseSums, Sample, ScoredItem, Strata, mask_unsupported

__all__ = ["Scoring", "UnitVersusRest", "drawn_scoring", "plain_scoring", "pooled_scoring"]


Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class UnitVersusRest:
    """A unit and other units pooled, both as domains of the whole sample.

    Attributes
    ----------
    estimate : ndarray of float64, shape (items, 2)
        Of the unit, and of the others; NaN without an answer.
    covariance : ndarray of float64, shape (items, 2, 2)
        NaN where unknown.
    freedom : float
        The design's degrees of freedom among the cases of both.
    """

    estimate: Floats
    covariance: Floats
    freedom: float


class Scoring(Protocol):
    """What a table of scores asks of the rule and the design."""

    @property
    def counts(self) -> Floats:
        """Sufficient and applicable answers, shape (2, units, items, domains)."""

    def estimates(self, together: bool) -> Ratios:
        """Estimate every domain, shape (blocks, items, domains): a block a unit, or one."""

    def covariance(self, domains: npt.NDArray[np.intp], se: Floats, together: bool) -> Floats:
        """Give covariances of the groups of comparisons, of which no two share a case.

        Takes domains of shape (comparisons, groups) and the standard errors of all; gives the
        shape (blocks, items, comparisons, groups, groups).
        """

    def freedom(self, together: bool) -> Floats:
        """Give the design's degrees of freedom, one a block."""

    def caseloads(self, scored: Sequence[ScoredItem]) -> Correction | None:
        """Say which caseloads standard errors are corrected for; None if for none."""

    def beside(self, unit: int, rest: npt.NDArray[np.bool_]) -> UnitVersusRest:
        """Score a unit and some others pooled, of all their cases; see `Beside`."""


def pooled_scoring(
    units: Sequence[str],
    sizes: npt.NDArray[np.int64],
    moments: npt.NDArray[np.int64],
    lonely: str,
    population: Any,
    cases: CaseSet | None = None,
) -> Scoring:
    """Prepare pooled scores from sums over cases; see `omistats.scoring.score_tally.ScoreTally`.

    Where the cases are at hand they only say which case is alone in its unit.

    Raises
    ------
    DataError
        As `plain_scoring`.
    """
    design = _design(units, sizes, lonely, population, cases)
    # Moments, units, items, domains: what is added up lies along the first axes.
    laid = np.ascontiguousarray(moments.transpose(3, 0, 2, 1), np.float64)
    return _Plain(pooled_rule(laid, design.strata), design)


def plain_scoring(
    rule: str,
    sums: CaseSums,
    cases: CaseSet,
    members: Members,
    lonely: str,
    population: Any,
) -> Scoring:
    """Prepare scores of cases that stand for themselves, units being strata.

    Raises
    ------
    DataError
        When a unit has one case, or a caseload is missing or smaller than the sample.
    """
    starts = cases.packed.starts
    design = _design(cases.units, np.diff(starts), lonely, population, cases)
    strata = design.strata
    sample = Sample(members.within(0, len(cases)), starts, strata.scale, strata.shared)
    return _Plain(make_rule(rule, sums, sample), design)


@attrs.frozen(eq=False)
class _Design:
    """Cases drawn one by one within units.

    Attributes
    ----------
    drawn : ndarray of float64, shape (units,)
    strata : Strata
    alone : ndarray of bool, shape (units,)
        Units of one case that is not all there is.
    removed : bool
        Whether those contribute nothing.
    there : mapping of str to float, or None
        Caseloads.
    """

    drawn: Floats
    strata: Strata
    alone: npt.NDArray[np.bool_]
    removed: bool
    there: Mapping[str, float] | None


def _design(
    units: Sequence[str],
    sizes: npt.NDArray[np.int64],
    lonely: str,
    population: Any,
    cases: CaseSet | None,
) -> _Design:
    drawn = sizes.astype(np.float64)
    problems: list[Problem] = []
    there = caseloads(population, units, drawn, problems)
    # A unit of one case shows no spread, unless it is all there is.
    alone = np.isnan(variance_factors(drawn, there, "nan")[0])
    check_alone(units, alone, lonely, cases, problems)
    if problems:
        raise DataError(problems)
    # What is left open by one was refused above, or leaves open what depends on it.
    treat = lonely if lonely in ("remove", "adjust") else "nan"
    strata = Strata(*variance_factors(drawn, there, treat))
    of_units = None if there is None else dict(zip(units, there.tolist(), strict=True))
    return _Design(drawn, strata, alone, lonely == "remove", of_units)


@attrs.frozen(eq=False)
class _Plain:
    rule: Rule
    design: _Design

    @property
    def counts(self) -> Floats:
        return self.rule.counts

    def estimates(self, together: bool) -> Ratios:
        found, alone = self.rule.estimates(together), self.design.alone
        if not together:
            # Whatever a unit of one case adds to the whole, by itself it shows no spread.
            found.se[alone] = found.design_effect[alone] = np.nan
        if self.design.removed and together:
            mask_unsupported(found.se, found.design_effect, self.counts[1], alone)
        return found

    def covariance(self, domains: npt.NDArray[np.intp], se: Floats, together: bool) -> Floats:
        return covariance(self.rule, self.design.strata, domains, se, together)

    def freedom(self, together: bool) -> Floats:
        drawn = self.design.drawn
        if together:
            return np.array([drawn.sum() - (drawn > 0).sum()])
        within: Floats = np.maximum(drawn - 1.0, 0.0)
        return within

    def beside(self, unit: int, rest: npt.NDArray[np.bool_]) -> UnitVersusRest:
        # Other units are other strata: nothing of one moves with the other.
        drawn, alone = self.design.drawn, self.design.alone
        own = np.arange(len(drawn)) == unit
        estimate = np.empty((self.counts.shape[2], 2))
        covariance = np.zeros((len(estimate), 2, 2))
        for side, units in enumerate((own, rest)):
            found = self.rule.among(units).estimates(True)
            n, single = self.counts[1, units, :, :1], alone[units]
            if self.design.removed:
                mask_unsupported(found.se, found.design_effect, n, single)
            # One case is its own mean, and shows no spread whatever is done about it.
            lone = ((n > 0).sum(axis=0) == 1) & (n[single] > 0).any(axis=0)
            found.se[0, lone] = np.nan
            estimate[:, side] = found.estimate[0, :, 0]
            covariance[:, side, side] = found.se[0, :, 0] ** 2
        both = drawn[own | rest]
        return UnitVersusRest(estimate, covariance, float(both.sum() - (both > 0).sum()))

    def caseloads(self, scored: Sequence[ScoredItem]) -> Correction | None:
        if self.design.there is None:
            return None
        effects = uncorrected_effects(self.rule, self.design.drawn).tolist()
        within = dict(zip((s.item.id for s in scored), effects, strict=False))
        return Correction(self.design.there, within)


def drawn_scoring(
    rule: str, sums: CaseSums, cases: CaseSet, members: Members, lonely: str, **design: Any
) -> Scoring:
    """Prepare scores of cases that were drawn otherwise; see `omistats.model.survey_design.resolve_design`."""
    starts = cases.packed.starts
    unused = np.zeros(len(starts) - 1)
    sample = Sample(members.within(0, len(cases)), starts, unused, unused)
    drawn = resolve_design(cases, lonely, **design)
    # The funnel of units takes no notice of caseloads: the same sample without them.
    free = None if design["population"] is None else {**design, "population": None}
    # A stratum drawn whole may be of one case, which is an error only without its population.
    lonely_without_fpc = "adjust" if lonely == "error" else lonely
    without_fpc = None if free is None else resolve_design(cases, lonely_without_fpc, **free)
    return _Drawn(rule, sums, sample, drawn, without_fpc)


@attrs.frozen(eq=False)
class _Block:
    """Estimates of some cases: shape (items, domains), and (items, domains, domains)."""

    estimate: Floats
    covariance: Floats


@attrs.frozen(eq=False)
class _Drawn:
    """Any scoring rule under a design.

    Each score is linearised: what a case adds to it, times its weight, is summed over its
    cluster, and clusters are compared within strata.

    Attributes
    ----------
    rule : {'pooled', 'questions', 'cases'}
    sums : CaseSums
    sample : Sample
        Who is in which domain; its strata are units and are not used.
    drawn : Drawn
    without_fpc : Drawn or None
        The same without populations, if there are any.
    """

    rule: str
    sums: CaseSums
    sample: Sample
    drawn: SampleDesign
    without_fpc: SampleDesign | None = None

    @cached_property
    def counts(self) -> Floats:
        """Sufficient and applicable answers without weights, shape (2, units, items, domains)."""
        by_case = self.sums.by_case
        return self.sample.sums(by_case, float(by_case[1].max(initial=0)))

    @cached_property
    def _weighing(self) -> Floats:
        """Applicable answers that have a weight, shape (units, items, domains)."""
        used = self.drawn.weight > 0
        if used.all():
            everyone: Floats = self.counts[1]
            return everyone
        by_case = self.sums.by_case[1:]
        sample = attrs.evolve(self.sample, members=self.sample.members & used)
        found: Floats = sample.sums(by_case, float(by_case.max(initial=0)))[0]
        return found

    def estimates(self, together: bool) -> Ratios:
        """Estimate every domain, in every unit or in all together."""
        blocks = self._blocks(together)
        estimate = np.array([block.estimate for block in blocks])
        variance = np.array([np.einsum("idd->id", block.covariance) for block in blocks])
        se = np.where(np.isnan(estimate), np.nan, np.sqrt(variance))
        # Without a second cluster there is no spread to see, whatever it adds to the whole.
        se[self.freedom(together) <= 0] = np.nan
        if self.rule != "pooled":
            return Ratios(estimate, se, np.full(se.shape, np.nan))
        n = self._weighing
        n = n.sum(axis=0, keepdims=True) if together else n
        return Ratios(estimate, se, design_effect(estimate, se, n))

    def covariance(self, domains: npt.NDArray[np.intp], se: Floats, together: bool) -> Floats:
        """Give covariances of groups, shape (blocks, items, comparisons, groups, groups)."""
        of_all = np.array([block.covariance for block in self._blocks(together)])
        out: Floats = of_all[..., domains[:, :, np.newaxis], domains[:, np.newaxis, :]]
        lost = np.isnan(se)[..., domains]
        out[lost[..., np.newaxis] | lost[..., np.newaxis, :]] = np.nan
        return out

    def freedom(self, together: bool) -> Floats:
        """Give clusters less strata of each block, of those with a case of positive weight."""
        return np.array([self._freedom(slice(a, b)) for a, b in self._bounds(together)])

    def _freedom(self, rows: slice | npt.NDArray[np.bool_]) -> float:
        design, used = self.drawn.design, self.drawn.weight > 0
        clusters = np.unique(design.cluster[rows][used[rows]])
        return float(len(clusters) - len(np.unique(design.stratum[clusters])))

    def beside(self, unit: int, rest: npt.NDArray[np.bool_]) -> UnitVersusRest:
        """Score a unit and some others pooled; strata and clusters may reach across units."""
        sizes = np.diff(self.sample.starts)
        own = np.repeat(np.arange(len(sizes)) == unit, sizes)
        other = np.repeat(rest, sizes)
        members = np.array([own, other])
        two = attrs.evolve(self, sample=attrs.evolve(self.sample, members=members))
        found = two.estimates(True)
        covariance = two.covariance(np.array([[0, 1]]), found.se, True)[0, :, 0]
        for side, inside in enumerate((own, other)):
            if self._freedom(inside) <= 0:
                covariance[:, side] = covariance[:, :, side] = np.nan
        return UnitVersusRest(found.estimate[0], covariance, self._freedom(own | other))

    def caseloads(self, scored: Sequence[ScoredItem]) -> Correction | None:
        """Give the design effects of units without a correction for populations."""
        if self.without_fpc is None:
            return None
        if self.rule != "pooled":
            return Correction({}, {})
        found = attrs.evolve(self, drawn=self.without_fpc, without_fpc=None).estimates(False)
        everyone = (found.estimate[..., 0].T, found.se[..., 0].T, self.counts[1, ..., 0].T)
        effects = within_design_effect(*everyone).tolist()
        return Correction({}, dict(zip((s.item.id for s in scored), effects, strict=True)))

    def _bounds(self, together: bool) -> list[tuple[int, int]]:
        starts = self.sample.starts.tolist()
        return [(0, starts[-1])] if together else list(pairwise(starts))

    def _blocks(self, together: bool) -> list[_Block]:
        return self._together if together else self._by_unit

    @cached_property
    def _together(self) -> list[_Block]:
        return [self._block(a, b) for a, b in self._bounds(True)]

    @cached_property
    def _by_unit(self) -> list[_Block]:
        return [self._block(a, b) for a, b in self._bounds(False)]

    def _block(self, a: int, b: int) -> _Block:
        members = self.sample.members[:, a:b] * self.drawn.weight[a:b]
        totals = Totals(self.drawn.design, slice(a, b))
        if self.rule == "questions":
            return self._means(members, totals, a, b)
        k, n = self.sums.by_case[:, :, a:b].astype(np.float64)
        if self.rule == "cases":
            # The mean of case percentages is a ratio too: a case's share over one case.
            k, n = np.nan_to_num(quotient(k, n)), (n > 0).astype(np.float64)
        N = n @ members.T
        estimate = quotient(k @ members.T, N)
        each = np.divide(1.0, N, out=np.zeros_like(N), where=N > 0)
        covariance = []
        for i, p in enumerate(estimate):
            made, applied = (members * x[i] * each[i][:, np.newaxis] for x in (k, n))
            expected = applied * np.nan_to_num(p)[:, np.newaxis]
            covariance.append(totals.covariance(made, expected, applied))
        return _Block(estimate, np.array(covariance))

    def _means(self, members: Floats, totals: Totals, a: int, b: int) -> _Block:
        """Take the mean over questions that applied to someone."""
        sufficient, applicable = self.sums.answers[:, :, a:b].astype(np.float64)
        N = applicable @ members.T
        asked = N > 0
        p = np.nan_to_num(quotient(sufficient @ members.T, N))
        feeds = self.sums.feeds.T.astype(np.float64)
        questions = feeds @ asked
        estimate = quotient(feeds @ p, questions)
        each = np.divide(1.0, N, out=np.zeros_like(N), where=asked)
        covariance = []
        for i, fed in enumerate(feeds):
            # What an answer counts for: domains, questions.
            share = (fed[:, np.newaxis] * each).T / np.maximum(questions[i], 1.0)[:, np.newaxis]
            made, applied = (members * (share @ x) for x in (sufficient, applicable))
            expected = members * ((share * p.T) @ applicable)
            covariance.append(totals.covariance(made, expected, applied))
        return _Block(estimate, np.array(covariance))
