"""Score cases by a rule: pooled answers, the mean over questions, or the mean over cases.

Each rule returns, for every domain, estimates with standard errors: of every unit, and of all
units together with the units as strata. It also returns the sums of the linearised scores over
the cases of each unit, from which `group_covariance` computes the covariance of domains that
share no case.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError
from omistats.kernel.design import variance_factors
from omistats.kernel.funnel import within_design_effect
from omistats.kernel.ratio import Ratios, covariances, cross_products, estimate_ratios, quotient
from omistats.scoring.sums import CaseSums, Sample, Strata

__all__ = [
    "RULES",
    "Rule",
    "answering_cases",
    "design_effects_without_fpc",
    "fewest_answers",
    "group_covariance",
    "make_rule",
    "pooled_rule",
]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

RULES = ("pooled", "questions", "cases")

# A difference of terms that is smaller than this share of them is rounding.
_ROUNDING = 1e-12
# Items x domains x cases held in memory at a time; enough for a unit of any usual size.
_CELLS = 1 << 21


class Rule(Protocol):
    """Estimates and linearised scores of a scoring rule, units being strata."""

    @property
    def counts(self) -> Floats:
        """Sufficient and applicable answers, shape (2, units, items, domains)."""

    @property
    def linearised_sums(self) -> Floats:
        """Sums of the linearised score of all units, shape (units, items, domains)."""

    def estimates(self, all_units: bool) -> Ratios:
        """Estimate every domain, shape (blocks, items, domains).

        Every unit is a block, or with ``all_units`` all of them together are one.
        """

    def case_counts(self, blocks: Flags) -> Floats:
        """Count cases with an applicable, a sufficient, and a not sufficient answer.

        Parameters
        ----------
        blocks : ndarray of bool, shape (blocks, units)
            The units of each block.

        Returns
        -------
        ndarray of float64, shape (4, blocks, items, domains)
            The last is the number of answers to the question that has the fewest, of means over
            questions, else infinite. From moments of pooled answers the first is Kish's number of
            cases, which is 1 for one case only, and the others are infinite.
        """

    def restrict_units(self, units: Flags) -> Rule:
        """Return the same rule for one domain: all cases of the flagged units."""


def pooled_rule(moments: Floats, strata: Strata) -> Rule:
    """Prepare the rule that pools answers, from moments as in `omistats.kernel.ratio`."""
    return _RatioRule(moments, strata, moments[:2])


def make_rule(name: str, sums: CaseSums, sample: Sample) -> Rule:
    """Prepare a rule that does not pool answers, for the domains of a sample.

    Raises
    ------
    UnknownNameError
        When there is no such rule.
    """
    k, n = sums.by_case
    counts = sample.sums(sums.by_case, float(n.max(initial=0)))
    if name == "questions":
        return _QuestionMeans(sums, sample, counts)
    if name == "cases":
        # Numerator: the case's share; denominator: 1 for each scored case.
        share = np.divide(k, n, out=np.zeros(n.shape), where=n > 0, dtype=np.float64)
        scored = (n > 0).astype(np.float64)
        moments = sample.sums(cross_products(share, scored), 1.0)
        answering = sample.sums(answering_cases(sums.by_case), 1.0)
        return _RatioRule(moments, sample, counts, answering)
    raise UnknownNameError("scoring rule", name, RULES)


@attrs.frozen(eq=False)
class _RatioRule:
    """A rule whose scores are ratios of sums over cases.

    Attributes
    ----------
    moments : ndarray of float64, shape (5, units, items, domains)
        As in `omistats.kernel.ratio`.
    strata : Strata
        The units.
    counts : ndarray of float64, shape (2, units, items, domains)
        Sufficient and applicable answers.
    answering : ndarray of float64, shape (3, units, items, domains), or None
        Cases with an applicable, a sufficient, and a not sufficient answer, of the mean of cases;
        None for pooled answers, which alone have a design effect.
    """

    moments: Floats
    strata: Strata
    counts: Floats
    answering: Floats | None = None

    @property
    def pooled(self) -> bool:
        return self.answering is None

    def estimates(self, all_units: bool) -> Ratios:
        if all_units:
            one = self._all_units
            found = Ratios(*(x[np.newaxis] for x in attrs.astuple(one, recurse=False)))
        else:
            found = estimate_ratios(self.moments[:, np.newaxis], *self.strata.factors(False))
        if self.pooled:
            return found
        return attrs.evolve(found, design_effect=np.full(found.se.shape, np.nan))

    def case_counts(self, blocks: Flags) -> Floats:
        if self.answering is not None:
            found = _sum_blocks(self.answering, blocks)
            return np.concatenate([found, np.full((1, *found.shape[1:]), np.inf)])
        N, NN = _sum_blocks(self.moments[[1, 4]], blocks)
        # The sum of n² equals the squared sum of n if one n at most is not 0.
        cases = np.divide(N * N, NN, out=np.zeros_like(N), where=NN > 0)
        either = np.full(cases.shape, np.inf)
        return np.array([cases, either, either, either])

    def restrict_units(self, units: Flags) -> Rule:
        # The other units are whole strata, which add nothing to a domain without their cases.
        strata = Strata(self.strata.fpc_scale[units], self.strata.centring[units])
        moments = self.moments[:, units, :, :1]
        answering = None if self.answering is None else self.answering[:, units, :, :1]
        return _RatioRule(moments, strata, self.counts[:, units, :, :1], answering)

    @cached_property
    def linearised_sums(self) -> Floats:
        K, N = self.moments[:2]
        return quotient(K - self._all_units.estimate * N, N.sum(axis=0))

    @cached_property
    def _all_units(self) -> Ratios:
        return estimate_ratios(self.moments, *self.strata.factors(True))


@attrs.frozen(eq=False)
class _QuestionMeans:
    """A rule whose scores are unweighted means of the percentages of an item's questions.

    Attributes
    ----------
    sums : CaseSums
    sample : Sample
    counts : ndarray of float64, shape (2, units, items, domains)
        Sufficient and applicable answers.
    """

    sums: CaseSums
    sample: Sample
    counts: Floats

    def estimates(self, all_units: bool) -> Ratios:
        estimate, _, spread = self._all_units if all_units else self._by_unit
        fpc_scale, _ = self.sample.factors(all_units)
        if np.isnan(fpc_scale).any():
            # A unit of one case makes the variance unknown only where it has an answer.
            applied = self.counts[1] > 0
            fpc_scale = np.where(applied if all_units else applied[np.newaxis], fpc_scale, 0.0)
        variance = (fpc_scale * (spread if all_units else spread[np.newaxis])).sum(axis=0)
        se = np.sqrt(variance[np.newaxis] if all_units else variance)
        se = np.where(np.isnan(estimate), np.nan, se)
        return Ratios(estimate, se, np.full(se.shape, np.nan))

    def case_counts(self, blocks: Flags) -> Floats:
        found = _sum_blocks(self.sample.sums(answering_cases(self.sums.by_case), 1.0), blocks)
        n = _sum_blocks(self._answers[1:], blocks)[0]
        return np.concatenate([found, fewest_answers(n, self.sums.item_questions)[np.newaxis]])

    def restrict_units(self, units: Flags) -> Rule:
        inside = np.repeat(units, np.diff(self.sample.starts))[np.newaxis]
        counts = self.counts[..., :1] * units[:, np.newaxis, np.newaxis]
        return _QuestionMeans(self.sums, attrs.evolve(self.sample, members=inside), counts)

    @property
    def linearised_sums(self) -> Floats:
        return self._all_units[1]

    @cached_property
    def _all_units(self) -> tuple[Floats, Floats, Floats]:
        return self._linearise(self._answers.sum(axis=1, keepdims=True))

    @cached_property
    def _by_unit(self) -> tuple[Floats, Floats, Floats]:
        return self._linearise(self._answers)

    @cached_property
    def _answers(self) -> Floats:
        """Sufficient and applicable answers, shape (2, units, questions, domains)."""
        return self.sample.sums(self.sums.answers, 1.0)

    def _linearise(self, counts: Floats) -> tuple[Floats, Floats, Floats]:
        """Linearise the score of each block.

        A question that applied to no case of a domain has no percentage; the mean is over the
        others.

        Returns
        -------
        estimate : ndarray of float64, shape (blocks, items, domains)
        sums, spread : ndarray of float64, shape (units, items, domains)
            Sums of the linearised scores of each unit's cases, and of their squared deviations.
        """
        k, n = counts
        asked = n > 0
        p = np.divide(k, n, out=np.zeros_like(k), where=asked)
        item_questions = self.sums.item_questions.T.astype(np.float64)
        questions = item_questions @ asked
        estimate = quotient(item_questions @ p, questions)
        each = np.divide(1.0, n, out=np.zeros_like(n), where=asked)
        sums = np.empty((len(self.sample.starts) - 1, *estimate.shape[1:]))
        spread = np.empty_like(sums)
        weights: list[Floats] = []
        for unit, (a, b) in enumerate(pairwise(self.sample.starts.tolist())):
            if unit < len(k):
                # The weight of an answer, shape (items, domains, questions).
                share = item_questions[:, np.newaxis] * each[unit].T
                share /= np.maximum(questions[unit], 1.0)[..., np.newaxis]
                weights = [share, share * p[unit].T]
            answers = self.sums.answers[:, :, a:b].astype(np.float64)
            inside, centring = self.sample.members[:, a:b], self.sample.centring[unit]
            step = max(1, _CELLS // max(1, inside.size))
            for i in range(0, len(item_questions), step):
                some = slice(i, i + step)
                observed, expected = (w[some] @ x for w, x in zip(weights, answers, strict=True))
                sums[unit, some], spread[unit, some] = _sum_and_spread(
                    observed, expected, inside, centring
                )
        return estimate, sums, spread


def answering_cases(by_case: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Flag cases with an applicable, a sufficient, and a not sufficient answer.

    Parameters
    ----------
    by_case : ndarray, shape (2, items, cases)
        Sufficient and applicable answers of each case.

    Returns
    -------
    ndarray of float32, shape (3, items, cases)
    """
    k, n = by_case
    return np.stack([n > 0, k > 0, k < n]).astype(np.float32)


def fewest_answers(n: Floats, item_questions: npt.NDArray[Any]) -> Floats:
    """Count the answers to each item's question that has the fewest of those that have any.

    Parameters
    ----------
    n : ndarray of float64, shape (blocks, questions, domains)
        Applicable answers.
    item_questions : ndarray, shape (questions, items)
        1 where a question feeds an item, else 0.

    Returns
    -------
    ndarray of float64, shape (blocks, items, domains)
        Infinite without an answer.
    """
    asked = np.where(n > 0, n, np.inf)
    found = [asked[:, fed > 0].min(axis=1, initial=np.inf) for fed in item_questions.T]
    return np.stack(found, axis=1)


def _sum_blocks(values: Floats, blocks: Flags) -> Floats:
    """Sum figures of units, shape (sorts, units, ...), over the units of each block."""
    summed = np.tensordot(blocks.astype(np.float64), values, (1, 1))
    return np.moveaxis(summed, 1, 0)


def _sum_and_spread(
    observed: Floats, expected: Floats, inside: Flags, centring: float
) -> tuple[Floats, Floats]:
    """Sum the differences of a unit's cases, and the squares of their deviations from the mean.

    The difference of a case outside the domain is 0. With ``centring`` 0, as in a unit of one case,
    deviations are from 0. A sum of squares that is rounding only is returned as 0.
    """
    size = (observed + expected) * inside
    z = (observed - expected) * inside
    total = z.sum(axis=-1)
    z -= (total * centring)[..., np.newaxis]
    spread = np.einsum("...c,...c->...", z, z)
    bound = _ROUNDING**2 * np.einsum("...c,...c->...", size, size)
    return total, np.where(spread <= bound, 0.0, spread)


def group_covariance(
    rule: Rule, strata: Strata, domains: npt.NDArray[np.intp], se: Floats, all_units: bool
) -> Floats:
    """Compute the covariance matrices of compared groups, which share no case.

    Parameters
    ----------
    rule : Rule
        The scoring rule.
    strata : Strata
        The units.
    domains : ndarray of int, shape (comparisons, groups)
        The groups of each comparison.
    se : ndarray of float64, shape (blocks, items, domains)
        Standard errors of the rule's estimates.
    all_units : bool
        Whether these are of all units together.

    Returns
    -------
    ndarray of float64, shape (blocks, items, comparisons, groups, groups)
    """
    of_groups = se[..., domains]
    if not all_units:
        # In a single stratum the linearised scores of every group sum to 0: no covariance.
        none = np.empty((0, *of_groups.shape))
        return covariances(none, none, of_groups)
    fpc_scale, centring = (x[..., np.newaxis] for x in strata.factors(True))
    # Where a unit of one case makes the variance unknown, the standard error is NaN already.
    factor = np.nan_to_num(fpc_scale) * centring
    return covariances(rule.linearised_sums[..., domains], factor, of_groups[0])[np.newaxis]


def design_effects_without_fpc(rule: Rule, cases: Floats) -> Floats:
    """Pool the design effects of units, without the finite population correction.

    Parameters
    ----------
    rule : Rule
        The scoring rule.
    cases : ndarray of float64, shape (units,)
        The number of cases of each unit.

    Returns
    -------
    ndarray of float64, shape (items,)
        For all cases of the units; empty unless scores are pooled.
    """
    if not isinstance(rule, _RatioRule) or not rule.pooled:
        return np.empty(0)
    moments = rule.moments[..., 0]
    factors = variance_factors(cases, None, "nan")
    fpc_scale, centring = (x[np.newaxis, :, np.newaxis] for x in factors)
    found = estimate_ratios(moments[:, np.newaxis], fpc_scale, centring)
    return within_design_effect(found.estimate.T, found.se.T, moments[1].T)
