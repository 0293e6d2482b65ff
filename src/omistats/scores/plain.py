"""Scores of cases that were drawn one by one within units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem
from omistats.kernel.designs import factors
from omistats.kernel.linear import Ratios
from omistats.model.cases import CaseSet
from omistats.scores.caseloads import Correction, caseloads
from omistats.scores.domains import Domains
from omistats.scores.options import check_alone
from omistats.scores.rules import Rule, covariance, make_rule, uncorrected_effects
from omistats.scores.sample import Sample, leave_open
from omistats.scores.sums import CaseSums, Scored

__all__ = ["Scoring", "plain_scoring"]

Floats = npt.NDArray[np.float64]


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

    def caseloads(self, scored: Sequence[Scored]) -> Correction | None:
        """Say which caseloads standard errors are corrected for; None if for none."""


def plain_scoring(
    rule: str,
    sums: CaseSums,
    cases: CaseSet,
    domains: Domains,
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
    of_units = None if there is None else dict(zip(cases.units, there.tolist(), strict=True))
    return _Plain(make_rule(rule, sums, sample), sample, alone, lonely == "remove", of_units)


@attrs.frozen(eq=False)
class _Plain:
    rule: Rule
    sample: Sample
    alone: npt.NDArray[np.bool_]
    removed: bool
    there: Mapping[str, float] | None

    @property
    def counts(self) -> Floats:
        return self.rule.counts

    def estimates(self, together: bool) -> Ratios:
        found = self.rule.estimates(together)
        if not together:
            # Whatever a unit of one case adds to the whole, by itself it shows no spread.
            found.se[self.alone] = found.design_effect[self.alone] = np.nan
        if self.removed and together:
            leave_open(found.se, found.design_effect, self.counts[1], self.alone)
        return found

    def covariance(self, domains: npt.NDArray[np.intp], se: Floats, together: bool) -> Floats:
        return covariance(self.rule, self.sample, domains, se, together)

    def freedom(self, together: bool) -> Floats:
        drawn = np.diff(self.sample.starts)
        if together:
            return np.array([drawn.sum() - (drawn > 0).sum()], np.float64)
        alone: Floats = np.maximum(drawn - 1, 0).astype(np.float64)
        return alone

    def caseloads(self, scored: Sequence[Scored]) -> Correction | None:
        if self.there is None:
            return None
        drawn = np.diff(self.sample.starts).astype(np.float64)
        effects = uncorrected_effects(self.rule, drawn).tolist()
        within = dict(zip((s.item.id for s in scored), effects, strict=False))
        return Correction(self.there, within)
