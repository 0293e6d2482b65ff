"""Estimate scores, with their standard errors, covariances and degrees of freedom.

`omistats.scores` takes every figure from one `Estimator`. Two functions choose it:

* `pooled_estimator` for pooled scores of cases drawn one by one, from sums over them;
* `choose_estimator` for other scoring rules and survey designs.

There are two kinds of estimator. Each computes the standard error in its method ``estimates``:

* `SimpleDesign`: cases are drawn one by one and units are strata. The scoring rule in
  `omistats.scoring.rules` estimates; for pooled scores and means over cases the variance is
  computed by `omistats.kernel.ratio.estimate_ratios`.
* `ComplexDesign`: weights, other strata or clusters. Scores are linearised here, and the variance
  of the linearised totals is computed by `omistats.kernel.survey.SurveyTotals.covariance`.

To use another standard error, write a class with the members of `Estimator` and return it from
these two functions; nothing else has to change. Four members contain the standard error, and all
must change together:

* ``estimates``: standard errors and intervals of scores, ranks of units, and the design effect of
  the funnel;
* ``covariance``: tests of groups, and intervals of their differences;
* ``compare_with_rest``: weaknesses of units;
* ``fpc_metadata``: the design effect of the funnel under a finite population correction.

``counts`` and ``df_design`` do not contain it. Intervals and tests are made later from what an
estimator returns: `omistats.scoring.compute` calls `omistats.kernel.ratio.limits` for Wald's
intervals and `omistats.scoring.build.wald_tests` for Wald's tests.

The intervals and tests that pooled scores have by default do not come from the standard error but
from effective answers: their sums are in `omistats.scoring.effective`, their rule is in
`omistats.kernel.effective`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem
from omistats.kernel.design import Population, average_factor, variance_factors
from omistats.kernel.funnel import within_design_effect
from omistats.kernel.ratio import Ratios, design_effect, quotient
from omistats.kernel.survey import SurveyTotals
from omistats.model.case_set import CaseSet
from omistats.model.survey_design import Column, SampleDesign, is_complex_design, resolve_design
from omistats.scoring.effective import EffectiveSums, effective_sums, effective_sums_of_cases
from omistats.scoring.finite_population import FpcMetadata, resolve_population
from omistats.scoring.groups import DomainMembers
from omistats.scoring.rules import (
    Rule,
    answering_cases,
    design_effects_without_fpc,
    fewest_answers,
    group_covariance,
    make_rule,
    pooled_rule,
)
from omistats.scoring.sums import CaseSums, Sample, ScoredItem, Strata, case_sums

__all__ = ["CaseCounts", "Estimator", "UnitVersusRest", "choose_estimator", "pooled_estimator"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


_LONELY = "lonely='null', 'remove', 'adjust' or 'average'"

WALD_CASES = 30
"""Cases that a score needs for Wald's interval and test to hold what they promise; of a mean over
questions also answers to each question."""

WALD_EITHER = 10
"""How many of these need a sufficient answer, and how many one that is not sufficient."""


class Estimator(Protocol):
    """Everything that `omistats.scores` needs of a scoring rule under a survey design.

    A block is one unit, or with ``all_units`` all units together. Four members contain the
    standard error and must agree: ``estimates``, ``covariance``, ``compare_with_rest`` and
    ``fpc_metadata``.
    """

    @property
    def counts(self) -> Floats:
        """Sufficient and applicable answers, shape (2, units, items, domains)."""

    @property
    def is_clustered(self) -> bool:
        """Whether clusters of several cases were drawn."""

    def estimates(self, all_units: bool) -> Ratios:
        """Estimate scores, standard errors and design effects, shape (blocks, items, domains)."""

    def case_counts(self, all_units: bool) -> CaseCounts:
        """Count the cases, or clusters, that scores are made of, shape (blocks, items, domains)."""

    def covariance(self, domains: npt.NDArray[np.intp], se: Floats, all_units: bool) -> Floats:
        """Compute the covariance matrices of compared groups, of which no two share a case.

        Parameters
        ----------
        domains : ndarray of int, shape (comparisons, groups)
            The groups of each comparison.
        se : ndarray of float64, shape (blocks, items, domains)
            The standard errors that ``estimates`` returned.
        all_units : bool
            Whether these are of all units together.

        Returns
        -------
        ndarray of float64, shape (blocks, items, comparisons, groups, groups)
        """

    def df_design(self, all_units: bool) -> Floats:
        """Count the design's degrees of freedom, one number a block."""

    def fpc_metadata(self, items: Sequence[ScoredItem]) -> FpcMetadata | None:
        """Describe the finite population correction; None without one."""

    def compare_with_rest(self, unit: int, rest: Flags) -> UnitVersusRest:
        """Estimate the scores of a unit and of some other units pooled."""

    def effective_sums(
        self, items: Sequence[ScoredItem], sizes: Counts | None, clustered: bool
    ) -> EffectiveSums | None:
        """Sum what effective answers of pooled scores are computed from; None if not known.

        Parameters
        ----------
        items : sequence of ScoredItem
            The items.
        sizes : ndarray of int64, shape (units, domains, columns), or None
            Sums by number of answers, as `omistats.scoring.effective.sum_sizes` returns them.
        clustered : bool
            Whether clusters were sampled, and not single cases.
        """


@attrs.frozen(eq=False)
class CaseCounts:
    """The cases that scores are made of; the clusters where these were drawn.

    Attributes
    ----------
    cases, some, lacking : ndarray of float64
        Those with an applicable, a sufficient, and a not sufficient answer.
    is_open : ndarray of bool
        Whether there are more of them than were drawn.
    fewest : ndarray of float64
        Applicable answers to the question that has the fewest, where scores are means over
        questions; infinite under other rules.
    """

    cases: Floats
    some: Floats
    lacking: Floats
    is_open: Flags
    fewest: Floats

    def arrays(self) -> list[npt.NDArray[Any]]:
        """List the figures, all of one shape."""
        return list(np.broadcast_arrays(*attrs.astuple(self, recurse=False)))

    @property
    def have_one(self) -> Flags:
        """Flag scores of one case, or cluster, that is not all there is.

        Their spread is unknown, though the linearised standard error may be 0.
        """
        found: Flags = (self.cases == 1) & self.is_open
        return found

    def are_alike(self, se: Floats) -> Flags:
        """Flag scores whose cases show no spread, though there are more than were drawn."""
        found: Flags = (self.cases > 1) & (se == 0) & self.is_open
        return found

    @property
    def are_few_for_wald(self) -> Flags:
        """Flag scores of too few cases for Wald's interval and test to hold what they promise."""
        either = np.minimum(self.some, self.lacking)
        few = (self.cases < WALD_CASES) | (either < WALD_EITHER) | (self.fewest < WALD_CASES)
        return (self.cases > 0) & few & self.is_open


@attrs.frozen(eq=False)
class UnitVersusRest:
    """The scores of a unit and of other units pooled, both as domains of the whole sample.

    Attributes
    ----------
    estimate : ndarray of float64, shape (items, 2)
        Of the unit, then of the others; NaN without an answer.
    covariance : ndarray of float64, shape (items, 2, 2)
        NaN where unknown.
    df_design : float
        The design's degrees of freedom among the cases of both.
    counts : CaseCounts
        Of each score, shape (items, 2).
    """

    estimate: Floats
    covariance: Floats
    df_design: float
    counts: CaseCounts


def choose_estimator(
    cases: CaseSet,
    items: Sequence[ScoredItem],
    members: DomainMembers,
    *,
    rule: str,
    lonely: str,
    population: str | Population,
    weight: Column,
    stratum: Column,
    cluster: Column,
) -> Estimator:
    """Choose the estimator of scores of cases by scoring rule and survey design.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    items : sequence of ScoredItem
        The items to score.
    members : DomainMembers
        The domains of the cases.
    rule : {'pooled', 'questions', 'cases'}
        The scoring rule.
    lonely, population, weight, stratum, cluster
        As in `omistats.scores`.

    Raises
    ------
    DataError
        When a unit has one case under ``lonely='error'``, or the columns of the design or the
        caseloads break the rules.
    """
    starts = cases.packed.starts
    if is_complex_design(weight, stratum, cluster):
        columns = {"weight": weight, "stratum": stratum, "cluster": cluster}
        with_fpc = resolve_design(cases, lonely, **columns, population=population)
        without_fpc = None
        if population is not None:
            # A stratum drawn whole may have one case, which is an error only without population.
            treatment = "adjust" if lonely == "error" else lonely
            without_fpc = resolve_design(cases, treatment, **columns, population=None)
        unused = np.zeros(len(starts) - 1)
        sample = Sample(members.flags(0, len(cases)), starts, unused, unused)
        return ComplexDesign(rule, case_sums(cases, items), sample, with_fpc, without_fpc)
    units = _resolve_units(cases.units, np.diff(starts), lonely, population, cases)
    fpc_scale, centring = units.strata.fpc_scale, units.strata.centring
    sample = Sample(members.flags(0, len(cases)), starts, fpc_scale, centring)
    return SimpleDesign(make_rule(rule, case_sums(cases, items), sample), units)


def pooled_estimator(
    units: Sequence[str],
    sizes: npt.NDArray[np.int64],
    moments: npt.NDArray[np.int64],
    lonely: str,
    population: Any,
    cases: CaseSet | None = None,
) -> Estimator:
    """Return the estimator of pooled scores from sums over cases.

    Parameters
    ----------
    units : sequence of str
        The units.
    sizes : ndarray of int64, shape (units,)
        The number of cases of each unit.
    moments : ndarray of int64, shape (units, domains, items, 5)
        As in `omistats.ScoreTally`.
    lonely, population
        As in `omistats.scores`.
    cases : CaseSet, optional
        The cases, to name the one of a unit of one case.

    Raises
    ------
    DataError
        When a unit has one case under ``lonely='error'``, or a caseload is missing or smaller
        than the sample.
    """
    strata = _resolve_units(units, sizes, lonely, population, cases)
    # To moments, units, items, domains: sums then run over the first axes.
    reordered = np.ascontiguousarray(moments.transpose(3, 0, 2, 1), np.float64)
    return SimpleDesign(pooled_rule(reordered, strata.strata), strata)


@attrs.frozen(eq=False)
class _UnitStrata:
    """Units as strata of cases drawn one by one.

    Attributes
    ----------
    cases : ndarray of float64, shape (units,)
        The number of cases of each unit.
    strata : Strata
        The variance factors.
    single : ndarray of bool, shape (units,)
        Units of one case that is not the whole caseload.
    removed : bool
        Whether those contribute nothing.
    averages : bool
        Whether they have the average variance of the other units.
    population : mapping of str to float, or None
        The caseload size of each unit.
    """

    cases: Floats
    strata: Strata
    single: Flags
    removed: bool
    averages: bool
    population: Mapping[str, float] | None

    @property
    def is_open(self) -> Flags:
        """Tell which units have cases that were not drawn, shape (units,)."""
        if self.population is None:
            return np.ones(self.cases.shape, np.bool_)
        return np.asarray(np.array(list(self.population.values()), np.float64) > self.cases)

    def factor(self, answered: Flags) -> Floats:
        """Compute what variances are multiplied by so that other units stand for single cases.

        Parameters
        ----------
        answered : ndarray of bool, shape (units, items, domains)
            Whether a unit has an applicable answer; all units, or some.

        Returns
        -------
        ndarray of float64, shape (items, domains)
            NaN where all answers are of single cases; 1 unless units are averaged over.
        """
        if not self.averages:
            return np.ones(answered.shape[1:])
        found: Floats = average_factor(answered, np.where(self.single, np.nan, 0.0))
        return found


def _resolve_units(
    units: Sequence[str],
    sizes: npt.NDArray[np.int64],
    lonely: str,
    population: Any,
    cases: CaseSet | None,
) -> _UnitStrata:
    drawn = sizes.astype(np.float64)
    caseloads, problems = resolve_population(population, units, drawn)
    # The variance of a unit of one case is unknown, unless it is the whole caseload.
    single = np.isnan(variance_factors(drawn, caseloads, "nan")[0])
    if lonely == "error" and single.any():
        problems.append(_single_case_problem(units, single, cases))
    if problems:
        raise DataError(problems)
    # Averages are taken of what the other units contribute.
    treatment = {"remove": "remove", "average": "remove", "adjust": "adjust"}.get(lonely, "nan")
    strata = Strata(*variance_factors(drawn, caseloads, treatment))
    by_unit = None if caseloads is None else dict(zip(units, caseloads.tolist(), strict=True))
    return _UnitStrata(drawn, strata, single, lonely == "remove", lonely == "average", by_unit)


def _single_case_problem(units: Sequence[str], single: Flags, cases: CaseSet | None) -> Problem:
    """Name the units of one case."""
    named = [
        f"{units[unit]!r}" + ("" if cases is None else f" (case {_first_case_id(cases, unit)!r})")
        for unit in np.flatnonzero(single).tolist()
    ]
    text = ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")
    rule = "a standard error needs two cases or more in each unit"
    merge = "Merge units with `regroup`, or pass" if cases is not None else "Pass"
    return Problem("unit", rule, f"one in {text}", f"{merge} {_LONELY}.")


def _first_case_id(cases: CaseSet, unit: int) -> Any:
    start, order = cases.packed.starts[unit], cases.packed.order
    return cases["case_id"][int(start if order is None else order[start])].as_py()


@attrs.frozen(eq=False)
class SimpleDesign:
    """Estimator for cases drawn one by one, units being strata.

    Attributes
    ----------
    rule : Rule
        The scoring rule, which computes estimates and standard errors.
    units : _UnitStrata
        The strata.
    """

    rule: Rule
    units: _UnitStrata

    @property
    def counts(self) -> Floats:
        """Sufficient and applicable answers, shape (2, units, items, domains)."""
        return self.rule.counts

    @property
    def is_clustered(self) -> bool:
        """Whether clusters of several cases were drawn: no."""
        return False

    def estimates(self, all_units: bool) -> Ratios:
        """Estimate scores, standard errors and design effects, shape (blocks, items, domains)."""
        found, single = self.rule.estimates(all_units), self.units.single
        if not all_units:
            # Whatever a unit of one case adds to the whole, it has no standard error of its own.
            found.se[single] = found.design_effect[single] = np.nan
        elif self.units.removed:
            _mask_unsupported(found, self.counts[1], single)
        else:
            _scale(found, self.units.factor(self.counts[1] > 0))
        return found

    def case_counts(self, all_units: bool) -> CaseCounts:
        """Count the cases that scores are made of, shape (blocks, items, domains)."""
        units = len(self.units.cases)
        return self._case_counts(
            np.ones((1, units), np.bool_) if all_units else np.eye(units, dtype=np.bool_)
        )

    def _case_counts(self, blocks: Flags) -> CaseCounts:
        is_open = (self.counts[1] > 0) & self.units.is_open[:, np.newaxis, np.newaxis]
        cases, some, lacking, fewest = self.rule.case_counts(blocks)
        return CaseCounts(cases, some, lacking, np.tensordot(blocks, is_open, 1), fewest)

    def effective_sums(
        self, items: Sequence[ScoredItem], sizes: Counts | None, clustered: bool
    ) -> EffectiveSums | None:
        """Sum what effective answers are computed from; None without sums by number of answers."""
        del clustered
        population, drawn = self.units.population, self.units.cases
        fraction = np.zeros(drawn.shape)
        if population is not None:
            whole = np.array(list(population.values()), np.float64)
            np.divide(drawn, whole, out=fraction, where=whole > 0)
        return None if sizes is None else effective_sums(sizes, items, fraction)

    def covariance(self, domains: npt.NDArray[np.intp], se: Floats, all_units: bool) -> Floats:
        """Compute the covariance matrices of compared groups, as `Estimator` describes."""
        out = group_covariance(self.rule, self.units.strata, domains, se, all_units)
        if all_units and self.units.averages:
            # Variances are scaled already; a covariance takes the factors of both groups.
            root = np.sqrt(self.units.factor(self.counts[1] > 0))[..., domains]
            places = np.arange(domains.shape[1])
            variance = out[..., places, places]
            out = out * root[..., np.newaxis] * root[..., np.newaxis, :]
            out[..., places, places] = variance
        return out

    def df_design(self, all_units: bool) -> Floats:
        """Count cases less units."""
        cases = self.units.cases
        if all_units:
            return np.array([_cases_less_units(cases)])
        within: Floats = np.maximum(cases - 1.0, 0.0)
        return within

    def fpc_metadata(self, items: Sequence[ScoredItem]) -> FpcMetadata | None:
        """Describe the finite population correction; None without one."""
        if self.units.population is None:
            return None
        effects = design_effects_without_fpc(self.rule, self.units.cases).tolist()
        within = dict(zip((s.item.id for s in items), effects, strict=False))
        return FpcMetadata(self.units.population, within)

    def compare_with_rest(self, unit: int, rest: Flags) -> UnitVersusRest:
        """Estimate the scores of a unit and of some other units pooled."""
        cases, single = self.units.cases, self.units.single
        this = np.arange(len(cases)) == unit
        estimate = np.empty((self.counts.shape[2], 2))
        # Other units are other strata, so the covariance of the two scores is 0.
        covariance = np.zeros((len(estimate), 2, 2))
        for side, units in enumerate((this, rest)):
            found = self.rule.restrict_units(units).estimates(True)
            n, of_one = self.counts[1, units, :, :1], single[units]
            if self.units.removed:
                _mask_unsupported(found, n, of_one)
            _scale(found, attrs.evolve(self.units, single=of_one).factor(n > 0))
            # The answers of a single case have no standard error, whatever `lonely` says.
            lone = ((n > 0).sum(axis=0) == 1) & (n[of_one] > 0).any(axis=0)
            found.se[0, lone] = np.nan
            estimate[:, side] = found.estimate[0, :, 0]
            covariance[:, side, side] = found.se[0, :, 0] ** 2
        both = self._case_counts(np.array([this, rest]))
        counts = CaseCounts(*(x[..., 0].T for x in both.arrays()))
        return UnitVersusRest(estimate, covariance, _cases_less_units(cases[this | rest]), counts)


def _count_clusters(
    flags: npt.NDArray[np.float32], members: Flags, cluster: npt.NDArray[np.intp], a: int, b: int
) -> Floats:
    """Count the clusters with a flagged case among cases ``a`` to ``b``.

    Parameters
    ----------
    flags : ndarray of float32, shape (sorts, items, cases)
        0 or 1.
    members : ndarray of bool, shape (domains, cases)
        The cases of each domain.
    cluster : ndarray of int, shape (cases,)
        Codes of clusters.
    a, b : int
        The first case, and the one after the last.

    Returns
    -------
    ndarray of float64, shape (sorts, items, domains)
    """
    found, code = np.unique(cluster[a:b], return_inverse=True)
    order = np.argsort(code, kind="stable")
    firsts = np.searchsorted(code[order], np.arange(len(found)))
    out = np.zeros((*flags.shape[:2], len(members)))
    if not len(found):
        return out
    flagged = flags[..., a:b][..., order]
    for domain, inside in enumerate(members[:, a:b][:, order]):
        of_clusters = np.maximum.reduceat(flagged * inside, firsts, axis=-1)
        out[..., domain] = of_clusters.sum(axis=-1)
    return out


def _cases_less_units(cases: Floats) -> float:
    return float(cases.sum() - (cases > 0).sum())


def _scale(found: Ratios, factor: Floats) -> None:
    """Multiply variances and design effects of all units together, in place, by a factor."""
    np.multiply(found.se, np.sqrt(factor), out=found.se)
    np.multiply(found.design_effect, factor, out=found.design_effect)


def _mask_unsupported(found: Ratios, n: Floats, removed: Flags) -> None:
    """Set to NaN, in place, the errors of scores whose answers are all of removed units.

    Parameters
    ----------
    found : Ratios
        Of all units together, shape (1, items, domains).
    n : ndarray of float64, shape (units, items, domains)
        Applicable answers.
    removed : ndarray of bool, shape (units,)
        Units of one case that contribute nothing to the variance.
    """
    unsupported = ~(n[~removed] > 0).any(axis=0) & (n[removed] > 0).any(axis=0)
    found.se[:, unsupported] = found.design_effect[:, unsupported] = np.nan


@attrs.frozen(eq=False)
class _Block:
    """Estimates of one block: shape (items, domains), and (items, domains, domains)."""

    estimate: Floats
    covariance: Floats


@attrs.frozen(eq=False)
class ComplexDesign:
    """Estimator for weighted, stratified or clustered cases, for any scoring rule.

    Each score is linearised: what a case adds to it, times its weight, is summed over its
    cluster, and clusters are compared within strata.

    Attributes
    ----------
    rule : {'pooled', 'questions', 'cases'}
        The scoring rule.
    sums : CaseSums
        The answers.
    sample : Sample
        The domains of cases; its strata are units and are not used.
    with_fpc : SampleDesign
        Weights, clusters, strata and populations.
    without_fpc : SampleDesign or None
        The same without populations, if there are any.
    """

    rule: str
    sums: CaseSums
    sample: Sample
    with_fpc: SampleDesign
    without_fpc: SampleDesign | None = None

    @cached_property
    def counts(self) -> Floats:
        """Sufficient and applicable answers without weights, shape (2, units, items, domains)."""
        by_case = self.sums.by_case
        return self.sample.sums(by_case, float(by_case[1].max(initial=0)))

    @property
    def is_clustered(self) -> bool:
        """Whether clusters of several cases were drawn."""
        design = self.with_fpc.design
        return len(design.stratum) < len(design.cluster)

    @cached_property
    def _weighted_answers(self) -> Floats:
        """Applicable answers of cases with a positive weight, shape (units, items, domains)."""
        used = self.with_fpc.weight > 0
        if used.all():
            every: Floats = self.counts[1]
            return every
        by_case = self.sums.by_case[1:]
        sample = attrs.evolve(self.sample, members=self.sample.members & used)
        found: Floats = sample.sums(by_case, float(by_case.max(initial=0)))[0]
        return found

    def estimates(self, all_units: bool) -> Ratios:
        """Estimate scores, standard errors and design effects, shape (blocks, items, domains)."""
        blocks = self._blocks(all_units)
        estimate = np.array([block.estimate for block in blocks])
        variance = np.array([np.einsum("idd->id", block.covariance) for block in blocks])
        se = np.where(np.isnan(estimate), np.nan, np.sqrt(variance))
        # A block of one cluster has no standard error, whatever it adds to the whole.
        se[self.df_design(all_units) <= 0] = np.nan
        if self.rule != "pooled":
            return Ratios(estimate, se, np.full(se.shape, np.nan))
        n = self._weighted_answers
        n = n.sum(axis=0, keepdims=True) if all_units else n
        return Ratios(estimate, se, design_effect(estimate, se, n))

    def covariance(self, domains: npt.NDArray[np.intp], se: Floats, all_units: bool) -> Floats:
        """Compute the covariance matrices of compared groups, as `Estimator` describes."""
        every = np.array([block.covariance for block in self._blocks(all_units)])
        out: Floats = every[..., domains[:, :, np.newaxis], domains[:, np.newaxis, :]]
        unknown = np.isnan(se)[..., domains]
        out[unknown[..., np.newaxis] | unknown[..., np.newaxis, :]] = np.nan
        return out

    def df_design(self, all_units: bool) -> Floats:
        """Count clusters less strata of each block, of cases with a positive weight."""
        return np.array([self._df_of_rows(slice(a, b)) for a, b in self._bounds(all_units)])

    def _df_of_rows(self, rows: slice | Flags) -> float:
        design, used = self.with_fpc.design, self.with_fpc.weight > 0
        clusters = np.unique(design.cluster[rows][used[rows]])
        return float(len(clusters) - len(np.unique(design.stratum[clusters])))

    def case_counts(self, all_units: bool) -> CaseCounts:
        """Count the clusters that scores are made of, shape (blocks, items, domains)."""
        design, members = self.with_fpc.design, self.sample.members & (self.with_fpc.weight > 0)
        fraction = np.broadcast_to(design.fraction, design.fpc_scale.shape)
        answering = answering_cases(self.sums.by_case)
        drawn_in_part = fraction[design.stratum[design.cluster]] < 1
        answering = np.concatenate([answering, answering[:1] * drawn_in_part])
        if self.is_clustered:
            bounds = self._bounds(all_units)
            counts = np.array(
                [_count_clusters(answering, members, design.cluster, a, b) for a, b in bounds]
            ).swapaxes(0, 1)
        else:
            counts = attrs.evolve(self.sample, members=members).sums(answering, 1.0)
            counts = counts.sum(axis=1, keepdims=True) if all_units else counts
        cases, some, lacking, is_open = counts
        return CaseCounts(cases, some, lacking, is_open > 0, self._fewest(members, all_units))

    def _fewest(self, members: Flags, all_units: bool) -> Floats:
        """Count the answers to the question that has the fewest, (blocks, items, domains)."""
        if self.rule != "questions":
            return np.asarray(np.inf)
        n = attrs.evolve(self.sample, members=members).sums(self.sums.answers[1:], 1.0)[0]
        n = n.sum(axis=0, keepdims=True) if all_units else n
        return fewest_answers(n, self.sums.item_questions)

    def effective_sums(
        self, items: Sequence[ScoredItem], sizes: Counts | None, clustered: bool
    ) -> EffectiveSums | None:
        """Sum what effective answers of pooled scores are computed from."""
        del items, sizes
        design = self.with_fpc.design
        return effective_sums_of_cases(
            self.sums.by_case,
            self.sample.starts,
            self.sample.members,
            weight=self.with_fpc.weight,
            stratum=design.stratum[design.cluster],
            cluster=design.cluster if clustered else None,
            fraction=np.broadcast_to(design.fraction, design.fpc_scale.shape),
        )

    def fpc_metadata(self, items: Sequence[ScoredItem]) -> FpcMetadata | None:
        """Describe the finite population correction; None without one."""
        if self.without_fpc is None:
            return None
        if self.rule != "pooled":
            return FpcMetadata({}, {})
        found = attrs.evolve(self, with_fpc=self.without_fpc, without_fpc=None).estimates(False)
        all_cases = (found.estimate[..., 0].T, found.se[..., 0].T, self.counts[1, ..., 0].T)
        effects = within_design_effect(*all_cases).tolist()
        return FpcMetadata({}, dict(zip((s.item.id for s in items), effects, strict=True)))

    def compare_with_rest(self, unit: int, rest: Flags) -> UnitVersusRest:
        """Estimate the scores of a unit and of some other units pooled."""
        sizes = np.diff(self.sample.starts)
        this = np.repeat(np.arange(len(sizes)) == unit, sizes)
        others = np.repeat(rest, sizes)
        # Strata and clusters may reach across units, so the two scores may be correlated.
        two = attrs.evolve(self, sample=attrs.evolve(self.sample, members=np.array([this, others])))
        found = two.estimates(True)
        covariance = two.covariance(np.array([[0, 1]]), found.se, True)[0, :, 0]
        for side, inside in enumerate((this, others)):
            if self._df_of_rows(inside) <= 0:
                covariance[:, side] = covariance[:, :, side] = np.nan
        df = self._df_of_rows(this | others)
        counts = CaseCounts(*(x[0] for x in two.case_counts(True).arrays()))
        return UnitVersusRest(found.estimate[0], covariance, df, counts)

    def _bounds(self, all_units: bool) -> list[tuple[int, int]]:
        starts = self.sample.starts.tolist()
        return [(0, starts[-1])] if all_units else list(pairwise(starts))

    def _blocks(self, all_units: bool) -> list[_Block]:
        return self._all_units if all_units else self._by_unit

    @cached_property
    def _all_units(self) -> list[_Block]:
        return [self._block(a, b) for a, b in self._bounds(True)]

    @cached_property
    def _by_unit(self) -> list[_Block]:
        return [self._block(a, b) for a, b in self._bounds(False)]

    def _block(self, a: int, b: int) -> _Block:
        """Estimate cases ``a`` to ``b``, and the covariance of their domains."""
        members = self.sample.members[:, a:b] * self.with_fpc.weight[a:b]
        totals = SurveyTotals(self.with_fpc.design, slice(a, b))
        if self.rule == "questions":
            return self._question_means(members, totals, a, b)
        k, n = self.sums.by_case[:, :, a:b].astype(np.float64)
        if self.rule == "cases":
            # Numerator: the case's share; denominator: 1 for each scored case.
            k, n = np.nan_to_num(quotient(k, n)), (n > 0).astype(np.float64)
        N = n @ members.T
        estimate = quotient(k @ members.T, N)
        each = np.divide(1.0, N, out=np.zeros_like(N), where=N > 0)
        covariance = []
        for i, p in enumerate(estimate):
            observed, applied = (members * x[i] * each[i][:, np.newaxis] for x in (k, n))
            expected = applied * np.nan_to_num(p)[:, np.newaxis]
            covariance.append(totals.covariance(observed, expected, applied))
        return _Block(estimate, np.array(covariance))

    def _question_means(self, members: Floats, totals: SurveyTotals, a: int, b: int) -> _Block:
        """Average over the questions that applied to a case of the domain."""
        sufficient, applicable = self.sums.answers[:, :, a:b].astype(np.float64)
        N = applicable @ members.T
        asked = N > 0
        p = np.nan_to_num(quotient(sufficient @ members.T, N))
        item_questions = self.sums.item_questions.T.astype(np.float64)
        questions = item_questions @ asked
        estimate = quotient(item_questions @ p, questions)
        each = np.divide(1.0, N, out=np.zeros_like(N), where=asked)
        covariance = []
        for i, fed in enumerate(item_questions):
            # The weight of an answer, shape (domains, questions).
            share = (fed[:, np.newaxis] * each).T / np.maximum(questions[i], 1.0)[:, np.newaxis]
            observed, applied = (members * (share @ x) for x in (sufficient, applicable))
            expected = members * ((share * p.T) @ applicable)
            covariance.append(totals.covariance(observed, expected, applied))
        return _Block(estimate, np.array(covariance))
