"""Scoring rules: how the answers to an item's questions make one figure.

Each rule gives, for every domain (a group of cases), estimates with standard errors, within every
unit and for all units together with the units as strata; and what the cases of each unit add to
the estimates of all together, which the covariance of domains that share no case is made of.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError
from omistats.kernel.designs import factors
from omistats.kernel.linear import Ratios, covariances, crossed, linearised, quotient
from omistats.kernel.standard_scores import within_design_effect
from omistats.scores.question_means import QuestionMeans
from omistats.scores.sample import Sample, Strata
from omistats.scores.sums import CaseSums

__all__ = ["RULES", "Rule", "covariance", "make_rule", "pooled_rule", "uncorrected_effects"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

RULES = ("pooled", "questions", "cases")


class Rule(Protocol):
    """What a report asks of a scoring rule."""

    @property
    def counts(self) -> Floats:
        """Sufficient and applicable answers, shape (2, units, items, domains)."""

    @property
    def first(self) -> Floats:
        """Sums over cases of what they add to scores of all, shape (units, items, domains)."""

    def estimates(self, together: bool) -> Ratios:
        """Estimate every domain, shape (blocks, items, domains).

        Every unit is a block, or all of them together are one.
        """

    def among(self, units: Flags) -> Rule:
        """Give the same rule for one domain: all cases of some units, of which it has flags."""


def pooled_rule(moments: Floats, strata: Strata) -> Rule:
    """Prepare the rule that pools answers, of moments as `omistats.kernel.linear` has them."""
    return _Ratios(moments, strata, moments[:2])


def make_rule(name: str, sums: CaseSums, sample: Sample) -> Rule:
    """Prepare a rule that does not pool, for the domains of a sample.

    Raises
    ------
    UnknownNameError
        When there is no such rule.
    """
    k, n = sums.by_case
    counts = sample.sums(sums.by_case, float(n.max(initial=0)))
    if name == "questions":
        return QuestionMeans(sums, sample, counts)
    if name == "cases":
        # The mean of case percentages is a ratio too: a case's share over one case.
        share = np.divide(k, n, out=np.zeros(n.shape), where=n > 0, dtype=np.float64)
        scored = (n > 0).astype(np.float64)
        return _Ratios(sample.sums(crossed(share, scored), 1.0), sample, counts, pooled=False)
    raise UnknownNameError("scoring rule", name, RULES)


def covariance(
    rule: Rule, strata: Strata, domains: npt.NDArray[np.intp], se: Floats, together: bool
) -> Floats:
    """Give covariances of the groups of comparisons; groups share no case.

    Parameters
    ----------
    rule : Rule
    strata : Strata
    domains : ndarray of int, shape (comparisons, groups)
        What is compared.
    se : ndarray of float64, shape (blocks, items, domains)
        Standard errors of the rule's estimates.
    together : bool
        Whether they are of all units together.

    Returns
    -------
    ndarray of float64, shape (blocks, items, comparisons, groups, groups)
    """
    own = se[..., domains]
    if not together:
        # Within a single stratum what cases add sums to 0 in every group: no covariance.
        none = np.empty((0, *own.shape))
        return covariances(none, none, own)
    scale, shared = (x[..., np.newaxis] for x in strata.laid(True))
    # A unit of one case that is left open makes the standard error NaN already.
    factor = np.nan_to_num(scale) * shared
    return covariances(rule.first[..., domains], factor, own[0])[np.newaxis]


def uncorrected_effects(rule: Rule, drawn: Floats) -> Floats:
    """Pool the design effects of units as they are from caseloads without bound.

    Parameters
    ----------
    rule : Rule
    drawn : ndarray of float64, shape (units,)
        The number of cases of each unit.

    Returns
    -------
    ndarray of float64, shape (items,)
        Of all cases of the units; empty unless scores are pooled.
    """
    if not isinstance(rule, _Ratios) or not rule.pooled:
        return np.empty(0)
    moments = rule.moments[..., 0]
    scale, shared = (x[np.newaxis, :, np.newaxis] for x in factors(drawn, None, "nan"))
    found = linearised(moments[:, np.newaxis], scale, shared)
    return within_design_effect(found.estimate.T, found.se.T, moments[1].T)


@attrs.frozen(eq=False)
class _Ratios:
    """A rule whose scores are ratios of sums over cases.

    Attributes
    ----------
    moments : ndarray of float64, shape (5, units, items, domains)
        As in `omistats.kernel.linear`.
    """

    moments: Floats
    strata: Strata
    counts: Floats
    pooled: bool = True

    def estimates(self, together: bool) -> Ratios:
        scale, shared = self.strata.laid(together)
        if not together:
            found = linearised(self.moments[:, np.newaxis], scale, shared)
        else:
            one = self._together
            found = Ratios(*(x[np.newaxis] for x in attrs.astuple(one, recurse=False)))
        if self.pooled:
            return found
        return attrs.evolve(found, design_effect=np.full(found.se.shape, np.nan))

    def among(self, units: Flags) -> Rule:
        # What is left out are whole strata, which add nothing to a domain without their cases.
        strata = Strata(self.strata.scale[units], self.strata.shared[units])
        moments = self.moments[:, units, :, :1]
        return _Ratios(moments, strata, self.counts[:, units, :, :1], self.pooled)

    @cached_property
    def first(self) -> Floats:
        K, N = self.moments[:2]
        return quotient(K - self._together.estimate * N, N.sum(axis=0))

    @cached_property
    def _together(self) -> Ratios:
        return linearised(self.moments, *self.strata.laid(True))
