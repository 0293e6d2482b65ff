"""Weighted proportions as effective answers: their interval, and a test of groups.

Unequal weights cost answers: of a group with weights w, Kish's ``(sum w)^2 / sum w^2`` are left.
Clusters whose answers resemble each other cost more, by the design effect. What remains, the
*effective answers*, goes into Wilson's interval and Pearson's test in place of the number of
answers. The design effect is taken to be 1 at least, so that a variance which happens to be
small, as where all answers of a group are alike, is not taken for certainty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    "compare_cells",
    "effective_cells",
    "kish",
    "lacks_clusters",
    "limits_of_cells",
    "smallest_kish",
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
    K = kish(cells)
    # Rounding of the sums is far smaller than the least difference of weights that matters.
    unequal = K / np.maximum(cells.n, 1) < 1 - 1e-9
    size = np.where(unequal, K, np.inf).min(axis=0, initial=np.inf)
    whole = cells.total.sum(axis=0)
    overall = _ratio((cells.total * np.nan_to_num(cells.percent) / 100).sum(axis=0), whole)
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
    return EffectiveGroups(p, n, df, np.where(df > 0, 2.0, 1.0), n)


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
    df = _degrees_of_freedom(cells, contrast, c, own_df)
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
    groups = EffectiveGroups(p, n, np.broadcast_to(df * combined, n.shape), cases, n)
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


def _degrees_of_freedom(
    cells: WeightedCells, contrast: Floats, c: Floats, own_df: Floats
) -> Floats:
    """Combine the groups' degrees of freedom by Welch; at most R's for the table."""
    part = np.where(contrast > 0, contrast * np.nan_to_num(c), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.where(part > 0, part * part / own_df, 0.0).sum(axis=0)
        welch = part.sum(axis=0) ** 2 / spread
        mean = part.sum(axis=0) / contrast.sum(axis=0)
        of_table = np.where(mean - 1 < 1e-9, np.inf, cells.df * mean / (mean - 1))
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
