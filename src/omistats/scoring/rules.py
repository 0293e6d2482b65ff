"""Pooled, questions, cases.

Each rule gives, for every domain (a group of cases), estimates with standard errors, within every
unit and for all units together with the units as strata; and what the cases of each unit add to
the estimates of all together, which the covariance of domains that share no case is made of.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError
from omistats.kernel.design import variance_factors
from omistats.kernel.funnel import within_design_effect
from omistats.kernel.ratio import Ratios, covariances, crossed, linearised, quotient
from omistats.scoring.sums import CaseSums, Sample, Strata

__all__ = [
    "RULES",
    "QuestionMeans",
    "Rule",
    "covariance",
    "make_rule",
    "pooled_rule",
    "uncorrected_effects",
]


Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# A difference of terms below this share of them is what rounding left.
_ROUNDING = 1e-12
# What is held at a time of items x domains x cases; a unit of any usual size is done at once.
_CELLS = 1 << 21


@attrs.frozen(eq=False)
class QuestionMeans:
    """The unweighted mean of the percentages of an item's questions."""

    sums: CaseSums
    sample: Sample
    counts: Floats

    def estimates(self, together: bool) -> Ratios:
        """Estimate every domain, in every unit or in all together."""
        estimate, _, spread = self._together if together else self._by_unit
        scale, _ = self.sample.laid(together)
        if np.isnan(scale).any():
            # What a unit of one case leaves open is open only where it has an answer.
            applied = self.counts[1] > 0
            scale = np.where(applied if together else applied[np.newaxis], scale, 0.0)
        variance = (scale * (spread if together else spread[np.newaxis])).sum(axis=0)
        se = np.sqrt(variance[np.newaxis] if together else variance)
        se = np.where(np.isnan(estimate), np.nan, se)
        return Ratios(estimate, se, np.full(se.shape, np.nan))

    def among(self, units: Flags) -> QuestionMeans:
        """Give the same rule for one domain: all cases of some units."""
        inside = np.repeat(units, np.diff(self.sample.starts))[np.newaxis]
        counts = self.counts[..., :1] * units[:, np.newaxis, np.newaxis]
        return QuestionMeans(self.sums, attrs.evolve(self.sample, members=inside), counts)

    @property
    def first(self) -> Floats:
        """Sums over cases of what they add to scores of all together."""
        return self._together[1]

    @cached_property
    def _together(self) -> tuple[Floats, Floats, Floats]:
        return self._linear(self._answers.sum(axis=1, keepdims=True))

    @cached_property
    def _by_unit(self) -> tuple[Floats, Floats, Floats]:
        return self._linear(self._answers)

    @cached_property
    def _answers(self) -> Floats:
        """Sufficient and applicable answers, shape (2, units, questions, domains)."""
        return self.sample.sums(self.sums.answers, 1.0)

    def _linear(self, counts: Floats) -> tuple[Floats, Floats, Floats]:
        """Give estimates of blocks, and over each unit what cases add: its sum and its spread.

        A question that applied to nobody in a domain has no percentage, and the mean is over
        the others.
        """
        k, n = counts
        asked = n > 0
        p = np.divide(k, n, out=np.zeros_like(k), where=asked)
        feeds = self.sums.feeds.T.astype(np.float64)
        questions = feeds @ asked
        estimate = quotient(feeds @ p, questions)
        each = np.divide(1.0, n, out=np.zeros_like(n), where=asked)
        first = np.empty((len(self.sample.starts) - 1, *estimate.shape[1:]))
        spread = np.empty_like(first)
        weights: list[Floats] = []
        for unit, (a, b) in enumerate(pairwise(self.sample.starts.tolist())):
            if unit < len(k):
                # What an answer counts for: items, domains, questions.
                share = feeds[:, np.newaxis] * each[unit].T
                share /= np.maximum(questions[unit], 1.0)[..., np.newaxis]
                weights = [share, share * p[unit].T]
            answers = self.sums.answers[:, :, a:b].astype(np.float64)
            inside, shared = self.sample.members[:, a:b], self.sample.shared[unit]
            step = max(1, _CELLS // max(1, inside.size))
            for i in range(0, len(feeds), step):
                some = slice(i, i + step)
                made, expected = (w[some] @ x for w, x in zip(weights, answers, strict=True))
                first[unit, some], spread[unit, some] = _spread(made, expected, inside, shared)
        return estimate, first, spread


def _spread(made: Floats, expected: Floats, inside: Flags, shared: float) -> tuple[Floats, Floats]:
    """Give the sum of differences over cases of a unit, and their squared deviations.

    Cases outside the domain differ by 0. Of a single case, which has no mean but its own, it is
    the square. What is rounding beside the terms it came from is 0.
    """
    size = (made + expected) * inside
    z = (made - expected) * inside
    total = z.sum(axis=-1)
    z -= (total * shared)[..., np.newaxis]
    spread = np.einsum("...c,...c->...", z, z)
    bound = _ROUNDING**2 * np.einsum("...c,...c->...", size, size)
    return total, np.where(spread <= bound, 0.0, spread)


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
    """Prepare the rule that pools answers, of moments as `omistats.kernel.ratio` has them."""
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
    scale, shared = (x[np.newaxis, :, np.newaxis] for x in variance_factors(drawn, None, "nan"))
    found = linearised(moments[:, np.newaxis], scale, shared)
    return within_design_effect(found.estimate.T, found.se.T, moments[1].T)


@attrs.frozen(eq=False)
class _Ratios:
    """A rule whose scores are ratios of sums over cases.

    Attributes
    ----------
    moments : ndarray of float64, shape (5, units, items, domains)
        As in `omistats.kernel.ratio`.
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
