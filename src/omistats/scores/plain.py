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
from omistats.scores.domains import Members
from omistats.scores.options import check_alone
from omistats.scores.rules import (
    Rule,
    covariance,
    make_rule,
    pooled_rule,
    uncorrected_effects,
)
from omistats.scores.sample import Sample, Strata, leave_open
from omistats.scores.sums import CaseSums, Scored

__all__ = ["Beside", "Scoring", "plain_scoring", "pooled_scoring"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Beside:
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

    def caseloads(self, scored: Sequence[Scored]) -> Correction | None:
        """Say which caseloads standard errors are corrected for; None if for none."""

    def beside(self, unit: int, rest: npt.NDArray[np.bool_]) -> Beside:
        """Score a unit and some others pooled, of all their cases; see `Beside`."""


def pooled_scoring(
    units: Sequence[str],
    sizes: npt.NDArray[np.int64],
    moments: npt.NDArray[np.int64],
    lonely: str,
    population: Any,
    cases: CaseSet | None = None,
) -> Scoring:
    """Prepare pooled scores from sums over cases; see `omistats.scores.tally.ScoreTally`.

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
    alone = np.isnan(factors(drawn, there, "nan")[0])
    check_alone(units, alone, lonely, cases, problems)
    if problems:
        raise DataError(problems)
    # What is left open by one was refused above, or leaves open what depends on it.
    treat = lonely if lonely in ("remove", "adjust") else "nan"
    strata = Strata(*factors(drawn, there, treat))
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
            leave_open(found.se, found.design_effect, self.counts[1], alone)
        return found

    def covariance(self, domains: npt.NDArray[np.intp], se: Floats, together: bool) -> Floats:
        return covariance(self.rule, self.design.strata, domains, se, together)

    def freedom(self, together: bool) -> Floats:
        drawn = self.design.drawn
        if together:
            return np.array([drawn.sum() - (drawn > 0).sum()])
        within: Floats = np.maximum(drawn - 1.0, 0.0)
        return within

    def beside(self, unit: int, rest: npt.NDArray[np.bool_]) -> Beside:
        # Other units are other strata: nothing of one moves with the other.
        drawn, alone = self.design.drawn, self.design.alone
        own = np.arange(len(drawn)) == unit
        estimate = np.empty((self.counts.shape[2], 2))
        covariance = np.zeros((len(estimate), 2, 2))
        for side, units in enumerate((own, rest)):
            found = self.rule.among(units).estimates(True)
            n, single = self.counts[1, units, :, :1], alone[units]
            if self.design.removed:
                leave_open(found.se, found.design_effect, n, single)
            # One case is its own mean, and shows no spread whatever is done about it.
            lone = ((n > 0).sum(axis=0) == 1) & (n[single] > 0).any(axis=0)
            found.se[0, lone] = np.nan
            estimate[:, side] = found.estimate[0, :, 0]
            covariance[:, side, side] = found.se[0, :, 0] ** 2
        both = drawn[own | rest]
        return Beside(estimate, covariance, float(both.sum() - (both > 0).sum()))

    def caseloads(self, scored: Sequence[Scored]) -> Correction | None:
        if self.design.there is None:
            return None
        effects = uncorrected_effects(self.rule, self.design.drawn).tolist()
        within = dict(zip((s.item.id for s in scored), effects, strict=False))
        return Correction(self.design.there, within)
