"""Weighted proportions as effective answers: their interval, and a test of groups.

Unequal weights cost answers: of a group with weights w, Kish's ``(sum w)^2 / sum w^2`` are left.
Clusters whose answers resemble each other cost more, by the design effect. What remains, the
*effective answers*, goes into Wilson's interval and Pearson's test in place of the number of
answers. The design effect is taken to be 1 at least, so that a variance which happens to be
small, as where all answers of a group are alike, is not taken for certainty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.effective import (
    EffectiveComparison,
    EffectiveGroups,
    compare_effective,
    compare_effective_groups,
    effective_limits,
)

if TYPE_CHECKING:
    from omistats.kernel.survey import WeightedCells

__all__ = [
    "SPREAD",
    "Spread",
    "compare_cells",
    "effective_cells",
    "kish",
    "lacks_clusters",
    "limits_of_cells",
    "smallest_kish",
    "smallest_kish_of_rounds",
    "spread_of_cells",
    "two_rounds",
    "without_spread",
]


Floats = npt.NDArray[np.float64]

# With fewer degrees of freedom t has no quantile that floating point can hold.
_LEAST_DF = 0.1


def kish(cells: WeightedCells) -> Floats:
    """Compute Kish's effective number of answers, ``(sum w)^2 / sum w^2``.

    Returns
    -------
    ndarray of float64, shape (groups, questions)
        The number of answers where weights are equal; NaN without answers.

    References
    ----------
    Kish, L. (1965). Survey Sampling. Wiley.
    """
    return _ratio(cells.total**2, cells.weight_squares)


def smallest_kish(cells: WeightedCells) -> tuple[Floats, Floats]:
    """Find the smallest effective size of a comparison, and what a cell of it would expect.

    Returns
    -------
    size, expected : ndarray of float64, shape (questions,)
        Kish's number of the group that has the fewest, of those whose weights are unequal, and
        that number times the rarer overall proportion. Infinite where no group has unequal
        weights, NaN without answers.
    """
    whole = cells.total.sum(axis=0)
    overall = _ratio((cells.total * np.nan_to_num(cells.percent) / 100).sum(axis=0), whole)
    return _smallest(kish(cells), cells.n, overall, whole)


def _smallest(K: Floats, n: Floats, overall: Floats, whole: Floats) -> tuple[Floats, Floats]:
    with np.errstate(invalid="ignore"):
        # Rounding of the sums is far smaller than the least difference of weights that matters.
        unequal = K / np.maximum(n, 1) < 1 - 1e-9
        size = np.where(unequal, K, np.inf).min(axis=0, initial=np.inf)
        size = np.where(whole > 0, size, np.nan)
    with np.errstate(invalid="ignore"):
        return size, np.where(np.isinf(size), np.inf, size * np.minimum(overall, 1 - overall))


def effective_cells(cells: WeightedCells) -> EffectiveGroups:
    """Estimate the effective answers of each group, for its interval.

    Returns
    -------
    EffectiveGroups
        Arrays of shape (groups, questions). Where all answers of a group are alike there is no
        design effect to estimate, and each cluster counts as one answer. Degrees of freedom are
        clusters less strata, but at most Kish's number of clusters less 1.
    """
    p = cells.percent / 100
    clusters = _ratio(cells.total**2, cells.cluster_squares)
    free = _ratio(cells.free_squares, cells.weight_squares)
    variance = (cells.se / 100) ** 2
    independent = p * (1 - p) * _ratio(cells.free_squares, cells.total**2)
    effect = np.maximum(1.0, _ratio(variance, independent, otherwise=1.0))
    inside = (p > 0) & (p < 1)
    n = np.where(inside, kish(cells) / effect, clusters)
    df = np.minimum(cells.df_of_groups, clusters - 1)
    df = np.where(df > 1e-9, np.maximum(df, _LEAST_DF), 0.0)
    n = np.where(np.isnan(variance), np.nan, _finite(n, free))
    return EffectiveGroups(p, n, df, np.where(df > 0, 2.0, 1.0), n, df)


def limits_of_cells(cells: WeightedCells, confidence: float) -> tuple[Floats, Floats]:
    """Compute Wilson's interval on effective answers, with t; 0 to 1, (groups, questions).

    NaN where a group has no degrees of freedom, or the variance is unknown.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22, 209-212. Dean, N. and Pagano, M. (2015).
    Evaluating confidence interval methods for binomial proportions in clustered surveys.
    Journal of Survey Statistics and Methodology 3, 484-503.
    """
    groups = effective_cells(cells)
    low, high = effective_limits(groups, confidence)
    known = ~np.isnan(groups.n)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def compare_cells(
    cells: WeightedCells, confidence: float | None = None
) -> tuple[EffectiveComparison, Floats]:
    """Test whether the groups of a breakdown have one proportion, on effective answers.

    Parameters
    ----------
    cells : WeightedCells
        The weighted table.
    confidence : float, optional
        Of the interval of the difference of two groups; none by default.

    Returns
    -------
    comparison : EffectiveComparison
        Arrays of shape (questions,); NaN where fewer than two groups have answers and a spread
        that can be estimated, or all answers are alike.
    effective : ndarray of float64, shape (questions,)
        The effective answers of all groups together.

    Notes
    -----
    The design effect is that of the differences between groups: the sum of the variances of all
    contrasts under the design, over the sum for independent answers of Kish's number, at least
    1. Clusters that several groups share lower it by their covariance. Degrees of freedom are
    Satterthwaite's for the spread between clusters, and R's (clusters less strata) at most;
    infinite where every answer is a cluster of its own, since the variance of independent
    answers is known. A group of one cluster that has several answers shows no spread between
    clusters, and is left out. So is, of three groups or more, one that Kish's number puts below
    two answers: the omnibus test has no correction that is large enough for it.

    References
    ----------
    Rao, J. N. K. and Scott, A. J. (1992). A simple method for the analysis of clustered binary
    data. Biometrics 48, 577-585. Kish, L. (1965). Survey Sampling. Wiley.
    """
    p = np.nan_to_num(cells.percent) / 100
    answered = cells.n > 0
    K, c, own_df = _spread_of_clusters(cells)
    usable = answered & (own_df > 0)
    several = usable & ~(K < 2)
    usable = np.where((usable.sum(axis=0) > 2) & (several.sum(axis=0) > 1), several, usable)
    K = np.where(usable, K, 0.0)
    whole = K.sum(axis=0)
    contrast = np.where(usable, 1 - _ratio(K, whole, otherwise=0.0), 0.0)
    effect = _design_effect(cells, p, K, contrast)
    df = _welch(contrast, c, own_df, cells.df)
    free = _ratio(cells.free_squares, cells.weight_squares, otherwise=0.0)
    n = np.where(usable, _finite(K / effect, free), np.nan)
    k, answers = cells.k.sum(axis=0), cells.n.sum(axis=0)
    # Groups are two or more, and answers differ; else nothing is tested.
    testable = (usable.sum(axis=0) > 1) & (k > 0) & (k < answers) & ~np.isnan(effect + df)
    cases = np.where(usable & testable, 2.0, 1.0)
    finite = usable & np.isfinite(n)
    N = np.where(finite, n, 0.0).sum(axis=0)
    count = finite.sum(axis=0)
    # The tests combine the degrees of freedom of groups by Welch; these combine to `df`.
    share = np.where(finite, 1 - _ratio(np.where(finite, n, 0.0), N, otherwise=0.0), 0.0)
    combined = _ratio((share * share).sum(axis=0), np.maximum(count - 1.0, 1.0) ** 2, 1.0)
    combined = np.where(count > 1, combined, 1.0)
    df = np.broadcast_to(df * combined, n.shape)
    groups = EffectiveGroups(p, n, df, cases, n, df)
    found = _compare(groups, usable, confidence)
    return found, np.where(testable, np.where(usable, n, 0.0).sum(axis=0), np.nan)


def _compare(
    groups: EffectiveGroups, usable: npt.NDArray[np.bool_], confidence: float | None
) -> EffectiveComparison:
    """Compare two groups where there are two, more where there are more."""
    if len(usable) == 2:
        return compare_effective(groups[0], groups[1], confidence)
    several = EffectiveGroups(*(v.T for v in attrs.astuple(groups, recurse=False)))
    found = compare_effective_groups(several)
    two = usable.sum(axis=0) == 2
    if not two.any():
        return found
    # The other groups have no answers, or are single clusters.
    first = np.argsort(~usable, axis=0, kind="stable")[:2]
    pair = EffectiveGroups(
        *(np.take_along_axis(v, first, axis=0) for v in attrs.astuple(groups, recurse=False))
    )
    of_two = compare_effective(pair[0], pair[1], confidence)
    merged = zip(
        attrs.astuple(of_two, recurse=False), attrs.astuple(found, recurse=False), strict=True
    )
    return EffectiveComparison(*(np.where(two, one, other) for one, other in merged))


@attrs.frozen(eq=False)
class Spread:
    """What a group of one sample is compared with a group of another by.

    Attributes
    ----------
    p, se : ndarray of float64
        The proportion and its standard error, 0-1.
    k, n : ndarray of float64
        Unweighted answers.
    kish : ndarray of float64
        Kish's number of answers.
    largest_effect : ndarray of float64
        The design effect, were all answers of each cluster alike.
    df : ndarray of float64
        Degrees of freedom of the spread between clusters; 0 for a single cluster, infinite where
        every answer is a cluster.
    design_df : ndarray of float64
        Clusters less strata.
    free : ndarray of float64
        The share of the population that was not drawn.
    """

    p: Floats
    se: Floats
    k: Floats
    n: Floats
    kish: Floats
    largest_effect: Floats
    df: Floats
    design_df: Floats
    free: Floats

    def __getitem__(self, key: Any) -> Spread:
        return Spread(*(values[key] for values in attrs.astuple(self, recurse=False)))


SPREAD = tuple(field.name for field in attrs.fields(Spread))
"""The names of the figures of `Spread`."""


def spread_of_cells(cells: WeightedCells) -> Spread:
    """Describe the groups of a weighted table, arrays of shape (groups, questions)."""
    K, c, own_df = _spread_of_clusters(cells)
    free = _ratio(cells.free_squares, cells.weight_squares, otherwise=0.0)
    p, se = cells.percent / 100, cells.se / 100
    return Spread(p, se, cells.k, cells.n, K, c, own_df, cells.df_of_groups, free)


def two_rounds(now: Spread, before: Spread) -> tuple[EffectiveGroups, EffectiveGroups]:
    """Estimate the effective answers of two independent samples that are compared.

    Parameters
    ----------
    now, before : Spread
        Arrays of one shape; NaN where nothing is compared.

    Returns
    -------
    tuple of EffectiveGroups
        As `compare_cells` has them for a table of both samples, whose strata are apart. Unlike
        there, samples whose answers are all alike have an interval.
    """
    sides = (now, before)
    usable = np.array([(s.n > 0) & (s.df > 0) & ~np.isnan(s.se) for s in sides]).all(axis=0)
    K = np.array([np.where(usable, s.kish, 0.0) for s in sides])
    whole = K.sum(axis=0)
    contrast = np.where(usable, 1 - _ratio(K, whole, otherwise=0.0), 0.0)
    p, se, free, c = (
        np.nan_to_num(np.array([getattr(s, name) for s in sides]))
        for name in ("p", "se", "free", "largest_effect")
    )
    own_df = np.array([s.df for s in sides])
    trace = (K * se * se * contrast).sum(axis=0)
    independent = (p * (1 - p) * free * contrast).sum(axis=0)
    effect = np.maximum(_ratio(trace, independent, otherwise=1.0), 1.0)
    # Where all answers are alike nothing is tested; for the interval each cluster is one answer.
    k, answers = now.k + before.k, now.n + before.n
    effects = np.where((k == 0) | (k == answers), np.maximum(c, 1.0), effect)
    df = _welch(contrast, c, own_df, now.design_df + before.design_df)
    n = np.where(usable, _finite(K / effects, free), np.nan)
    finite = usable & np.isfinite(n)
    size = np.where(finite, n, 0.0)
    share = np.where(finite, 1 - _ratio(size, size.sum(axis=0), otherwise=0.0), 0.0)
    # The test combines the degrees of freedom of both by Welch; these combine to `df`.
    combined = np.where(finite.sum(axis=0) > 1, (share * share).sum(axis=0), 1.0)
    known = usable & ~np.isnan(df)
    cases = np.where(known, 2.0, 1.0)
    answered = np.array([np.where(s.n > 0, s.p, np.nan) for s in sides])
    df = df * combined
    found = [EffectiveGroups(answered[i], n[i], df, cases, n[i], df) for i in (0, 1)]
    return found[0], found[1]


def smallest_kish_of_rounds(now: Spread, before: Spread) -> tuple[Floats, Floats]:
    """Find the smallest effective size of two samples, and what a cell of it would expect.

    Returns
    -------
    size, expected : ndarray of float64
        As from `smallest_kish`.
    """
    K, n, p = (np.array([getattr(s, name) for s in (now, before)]) for name in ("kish", "n", "p"))
    whole = K.sum(axis=0)
    overall = _ratio((K * np.nan_to_num(p)).sum(axis=0), whole)
    return _smallest(K, n, overall, whole)


def lacks_clusters(cells: WeightedCells) -> npt.NDArray[np.bool_]:
    """Tell where fewer than two groups show a spread, because one or more are a single cluster.

    Returns
    -------
    ndarray of bool, shape (questions,)
        False where fewer than two groups have answers.
    """
    *_, own_df = _spread_of_clusters(cells)
    answered = cells.n > 0
    usable = (answered & (own_df > 0)).sum(axis=0)
    return np.asarray((usable < 2) & (answered.sum(axis=0) > 1))


def without_spread(cells: WeightedCells) -> npt.NDArray[np.bool_]:
    """Tell which groups have one cluster only, or one in each stratum, so that none can differ.

    Returns
    -------
    ndarray of bool, shape (groups, questions)
        Their linearised standard error is 0, which is no certainty. False where every case of the
        population is known.
    """
    alike = (cells.df_of_groups <= 0) & (cells.se == 0) & (cells.free_squares > 0)
    return np.asarray(alike)


def _spread_of_clusters(cells: WeightedCells) -> tuple[Floats, Floats, Floats]:
    """Return Kish's answers, the largest design effect, and degrees of freedom, by group.

    The largest design effect is that of clusters whose answers are all alike. A share
    ``1 / c`` of the variance is that of independent answers, which is known.
    """
    K = kish(cells)
    c = np.maximum(1.0, _ratio(K * cells.cluster_squares, cells.total**2))
    clusters = _ratio(cells.cluster_squares**2, cells.cluster_fourths)
    single = clusters - 1 < 1e-9
    own = np.where(single, 0.0, clusters - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(c - 1 < 1e-9, np.inf, own * c / (c - 1))
    return K, c, np.where(cells.n > 0, own, 0.0)


def _design_effect(cells: WeightedCells, p: Floats, K: Floats, contrast: Floats) -> Floats:
    used = K > 0
    total = np.where(used, cells.total, 1.0)
    V = cells.covariance(np.where(used, (1 - p) / total, 0.0), np.where(used, -p / total, 0.0))
    scaled = np.sqrt(K).T
    A = V * scaled[:, :, np.newaxis] * scaled[:, np.newaxis, :]
    u = np.sqrt(_ratio(K, K.sum(axis=0), otherwise=0.0)).T
    # The trace over contrasts: all directions but u, along which no groups differ.
    trace = np.einsum("qgg->q", A) - np.einsum("qg,qgh,qh->q", u, A, u)
    free = _ratio(cells.free_squares, cells.weight_squares, otherwise=0.0)
    independent = (p * (1 - p) * free * contrast).sum(axis=0)
    # NaN stays: a variance that is unknown.
    return np.asarray(np.maximum(_ratio(trace, independent, otherwise=1.0) + 0.0 * trace, 1.0))


def _welch(contrast: Floats, c: Floats, own_df: Floats, most: Floats) -> Floats:
    """Combine the groups' degrees of freedom by Welch; at most R's for the table."""
    part = np.where(contrast > 0, contrast * np.nan_to_num(c), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.where(part > 0, part * part / own_df, 0.0).sum(axis=0)
        welch = part.sum(axis=0) ** 2 / spread
        mean = part.sum(axis=0) / contrast.sum(axis=0)
        of_table = np.where(mean - 1 < 1e-9, np.inf, most * mean / (mean - 1))
        df = np.fmin(np.where(spread > 0, welch, np.inf), of_table)
    return np.where(df > 0, np.maximum(df, _LEAST_DF), np.nan)


def _finite(n: Floats, free: Floats) -> Floats:
    """Let effective answers of a finite population grow; infinite where all were drawn."""
    with np.errstate(invalid="ignore", divide="ignore"):
        grown = np.maximum(n, 1 + (n - 1) / free)
    return np.where(free > 0, grown, np.where(np.isnan(free), np.nan, np.inf))


def _ratio(top: Floats, bottom: Floats, otherwise: float = np.nan) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, otherwise)
