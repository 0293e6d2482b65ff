"""Scores of cases that were drawn with weights, in clusters, or within strata of their own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.limits import design_effect
from omistats.kernel.linear import Ratios, quotient
from omistats.kernel.standard_scores import within_design_effect
from omistats.kernel.survey_totals import Totals
from omistats.model.cases import CaseSet
from omistats.model.drawn import Drawn, draw
from omistats.scores.caseloads import Correction
from omistats.scores.domains import Members
from omistats.scores.plain import Beside, Scoring
from omistats.scores.sample import Sample
from omistats.scores.sums import CaseSums, Scored

__all__ = ["drawn_scoring"]

Floats = npt.NDArray[np.float64]


def drawn_scoring(
    rule: str, sums: CaseSums, cases: CaseSet, members: Members, lonely: str, **design: Any
) -> Scoring:
    """Prepare scores of cases that were drawn otherwise; see `omistats.model.drawn.draw`."""
    starts = cases.packed.starts
    unused = np.zeros(len(starts) - 1)
    sample = Sample(members.within(0, len(cases)), starts, unused, unused)
    drawn = draw(cases, lonely, **design)
    # The funnel of units takes no notice of caseloads: the same sample without them.
    free = None if design["population"] is None else {**design, "population": None}
    # A stratum drawn whole may be of one case, which is an error only without its population.
    calm = "adjust" if lonely == "error" else lonely
    boundless = None if free is None else draw(cases, calm, **free)
    return _Drawn(rule, sums, sample, drawn, boundless)


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
    boundless : Drawn or None
        The same without populations, if there are any.
    """

    rule: str
    sums: CaseSums
    sample: Sample
    drawn: Drawn
    boundless: Drawn | None = None

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

    def beside(self, unit: int, rest: npt.NDArray[np.bool_]) -> Beside:
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
        return Beside(found.estimate[0], covariance, self._freedom(own | other))

    def caseloads(self, scored: Sequence[Scored]) -> Correction | None:
        """Give the design effects of units without a correction for populations."""
        if self.boundless is None:
            return None
        if self.rule != "pooled":
            return Correction({}, {})
        found = attrs.evolve(self, drawn=self.boundless, boundless=None).estimates(False)
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
