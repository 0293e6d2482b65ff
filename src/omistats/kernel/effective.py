"""Proportions of clustered answers, as if of fewer independent ones.

The answers of one case resemble each other. A group's answers therefore count for fewer, the
*effective answers*, estimated from how far its cases differ. That number goes into Wilson's
interval, Pearson's test and the score interval of a difference, in place of the number of
answers, with Student's t in place of the normal distribution as far as the spread had to be
estimated. One further case whose answers all agree is assumed in every group, so that a group
whose answers happen to be all alike is not taken for certain.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.funnel import Heterogeneity
from omistats.kernel.numeric import root
from omistats.kernel.score_tests import constrained

__all__ = [
    "SUMS",
    "EffectiveComparison",
    "EffectiveGroups",
    "compare_effective",
    "compare_effective_groups",
    "compare_with_proportion",
    "effective_groups",
    "effective_heterogeneity",
    "effective_limits",
    "exact_p_value",
    "least_p_value",
    "stratum_sums",
    "two_sided_p",
]

Floats = npt.NDArray[np.float64]

SUMS = 20
"""How many sums a stratum is described by; see `stratum_sums`."""

# Below so many expected effective answers in a cell the test is corrected for continuity.
_FEW = 5.0
# Below so many expected in a group Haldane's moments do not hold either ...
_SPARSE = 1.0
# ... and not at all below so many effective answers of all groups together.
_SMALL_TABLE = 40.0
# How far inside a difference of all against none a search for limits begins.
_INSIDE = 1e-9
# With fewer degrees of freedom t has no quantile that floating point can hold.
_LEAST_DF = 0.1
# Relative difference of weights that counts; rounding of their sums is far smaller.
_UNEQUAL = 1e-9
# Relative size of what rounding leaves of 0.
_ROUNDING = 1e-12


def stratum_sums(
    n: npt.ArrayLike,
    cases: npt.ArrayLike,
    k: npt.ArrayLike,
    kk: npt.ArrayLike,
    some: npt.ArrayLike,
    lacking: npt.ArrayLike,
    *,
    weight: npt.ArrayLike = 1.0,
    fraction: npt.ArrayLike = 0.0,
) -> Floats:
    """Sum over the cases of strata what effective answers are computed from.

    Cases are given in cells along the last axis: the cases of a cell have the same number of
    applicable answers and the same weight. A cell may be a single case.

    Parameters
    ----------
    n : array_like of float, shape (..., cells)
        Applicable answers of each case of a cell.
    cases : array_like of float, shape (..., cells)
        How many cases the cell has.
    k, kk : array_like of float, shape (..., cells)
        Sums over the cell's cases of sufficient answers, and of their squares.
    some, lacking : array_like of float, shape (...)
        How many cases of the stratum have a sufficient answer, and how many have one that is
        not sufficient; cases of weight 0 apart.
    weight : array_like of float, shape (..., cells)
        The weight of each case of a cell, 0 or more.
    fraction : array_like of float, shape (...)
        The sampling fraction of the stratum, 0-1.

    Returns
    -------
    ndarray of float64, shape (20, ...)
        Sums of strata that add up: pool strata by adding them. With u = w n for the case, W
        their sum, p the proportion, h = u / W, and only cases with u > 0:

        0-2 cases, those with a sufficient answer, those with one that is not;
        3-4 W and the sum of w k;
        5-6 the sum of w^2 (k - p n)^2 / (1 - h), and its value for independent answers;
        7-8 the sums of w^2 n and of w^2 n (n - 1);
        9-10 W, and the denominator of Satterthwaite's degrees of freedom, of strata with two
        cases or more;
        11-13 v = m / (m - 1) times the sum of squared deviations of u; v p; v p^2;
        14-17 the sums 7 and 11-13, each times 1 - fraction;
        18-19 the sums of w and of w^2.
    """
    n, cases, k, kk, w = np.broadcast_arrays(
        *(np.asarray(x, np.float64) for x in (n, cases, k, kk, weight))
    )
    u = w * n
    m = np.where(u > 0, cases, 0.0)
    W, M = (m * u).sum(axis=-1), m.sum(axis=-1)
    K = (w * np.where(u > 0, k, 0.0)).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(W > 0, K / W, 0.0)
        # A single case has no spread to show.
        several = M > 1.5
        A = np.where(several[..., np.newaxis] & (m > 0), 1 / (1 - u / W[..., np.newaxis]), 0.0)
        pn = p[..., np.newaxis] * n
        squared = w * w * (kk - 2 * pn * k + pn * pn * m)
        spread = (A * np.where(m > 0, squared, 0.0)).sum(axis=-1)
        a, b = (m * w * w * n).sum(axis=-1), (m * w * w * n * (n - 1)).sum(axis=-1)
        per_case = np.where(several, spread / (W * W), 0.0)
        independent = np.where(several, a * (p * (1 - p) + per_case), 0.0)
        mau = (m * A * u * u).sum(axis=-1)
        mauu = (m * A * A * u**4).sum(axis=-1)
        moments = (m * u * u).sum(axis=-1) + (mau * mau - mauu) / (W * W)
        moments = np.where(several, moments, 0.0)
        deviation = np.where(m > 0, u - (W / M)[..., np.newaxis], 0.0)
        v = np.where(several, M / (M - 1) * (m * deviation * deviation).sum(axis=-1), 0.0)
    rest = 1.0 - np.asarray(fraction, np.float64)
    some, lacking = np.asarray(some, np.float64), np.asarray(lacking, np.float64)
    parts = [M, some, lacking, W, K, spread, independent, a, b, np.where(several, W, 0.0), moments]
    parts += [v, v * p, v * p * p, rest * a, rest * v, rest * v * p, rest * v * p * p]
    parts += [(m * w).sum(axis=-1), (m * w * w).sum(axis=-1)]
    return np.array(np.broadcast_arrays(*parts))


@attrs.frozen(eq=False)
class EffectiveGroups:
    """Groups as effective answers.

    Attributes
    ----------
    p : ndarray of float64
        The proportion; NaN without an applicable answer.
    n : ndarray of float64
        Effective answers; infinite where every case of the population is known.
    df : ndarray of float64
        Degrees of freedom of the spread; infinite where it is a bound, not an estimate.
    cases : ndarray of float64
        Contributing cases.
    n_alike, df_alike : ndarray of float64
        The effective answers and degrees of freedom that the group would have, were all its
        answers alike.
    """

    p: Floats
    n: Floats
    df: Floats
    cases: Floats
    n_alike: Floats
    df_alike: Floats

    def __getitem__(self, key: Any) -> EffectiveGroups:
        return EffectiveGroups(*(values[key] for values in attrs.astuple(self, recurse=False)))

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Whether a group's spread is known: two contributing cases or more, or a census."""
        return (self.cases > 1.5) | np.isinf(self.n)


def effective_groups(sums: npt.ArrayLike) -> EffectiveGroups:
    """Estimate the effective answers of groups.

    Parameters
    ----------
    sums : array_like of float, shape (20, ...)
        Of each group, `stratum_sums` added up over its strata.

    Returns
    -------
    EffectiveGroups
        Arrays of the shape (...).

    Notes
    -----
    The design effect of a group is the ratio of the spread between its cases to that of
    independent answers, at least 1; with one further case added whose answers all agree, and
    whose design effect is the largest there can be. Weighed by the cases that carry the rarer
    answer, that further case dominates where few do. With unequal weights there are no more degrees
    of freedom than Kish's number of cases less 1: few heavy cases may hide what the others show.
    """
    M, some, lacking, W, K, S, Q, a, b, Wd, den, v, vp, vpp, fa, fv, fvp, fvpp, w, ww = np.asarray(
        sums, np.float64
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        p = K / W
        c = 1 + b / a
        r = np.minimum(some, lacking)
        estimated = (r > 0) & (Q > 0)
        effect = np.maximum(1.0, S / Q)
        D = np.where(estimated, (r * effect + c) / (r + 1), c)
        pq = p * (1 - p)
        inside = (r > 0) & (pq > 0)
        # Differences between strata of unequal sizes.
        C0 = np.where(inside, _spread_around(p, v, vp, vpp) / pq, 0.0)
        C = np.where(inside, _spread_around(p, fv, fvp, fvpp) / pq, 0.0)
        V = a * D + C0
        F = (D * fa + C) / V
        n = np.where(F > 0, 1 + (W * W / V - 1) / F, np.inf)
        alike = fa / a
        n_alike = np.where(alike > 0, 1 + (W * W / (a + b) - 1) / alike, np.inf)
        df = np.where(estimated & (c > 1), Wd * Wd / den * (c / (c - 1)), np.inf)
        unequal = M * ww > w * w * (1 + _UNEQUAL)
        df_alike = np.where(unequal, np.maximum(w * w / ww - 1, _LEAST_DF), np.inf)
        df = np.where(unequal, np.maximum(np.minimum(df, df_alike), _LEAST_DF), df)
        n, n_alike, df, df_alike = (np.where(M > 0, x, np.nan) for x in (n, n_alike, df, df_alike))
    return EffectiveGroups(p, n, df, M, n_alike, df_alike)


def _spread_around(p: Floats, v: Floats, vp: Floats, vpp: Floats) -> Floats:
    """Sum v (p_u - p)^2 over strata; 0 if no more than rounding."""
    squares = vpp - 2 * p * vp + p * p * v
    return np.where(squares > _ROUNDING * vpp, squares, 0.0)


def effective_limits(groups: EffectiveGroups, confidence: float) -> tuple[Floats, Floats]:
    """Compute Wilson's interval on effective answers.

    Parameters
    ----------
    groups : EffectiveGroups
        The groups.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        NaN where the spread is not known; the proportion itself where all is known.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22, 209-212. Dean, N. and Pagano, M. (2015).
    Evaluating confidence interval methods for binomial proportions in clustered surveys.
    Journal of Survey Statistics and Methodology 3, 484-503.
    """
    p, n = groups.p, groups.n
    t = _t_quantile(confidence, groups.df)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = t * t / n
        half = t * np.sqrt(p * (1 - p) / n + x / (4 * n))
        low, high = (p + x / 2 - half) / (1 + x), (p + x / 2 + half) / (1 + x)
        # Exactly the ends where all answers are alike, which rounding may miss.
        low = np.where(p == 0, 0.0, np.clip(low, 0.0, p))
        high = np.where(p == 1, 1.0, np.clip(high, p, 1.0))
    whole = np.isinf(n)
    low, high = np.where(whole, p, low), np.where(whole, p, high)
    known = groups.known
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


@attrs.frozen(eq=False)
class EffectiveComparison:
    """Tests of groups on effective answers.

    Attributes
    ----------
    statistic, df, df2, p_value : ndarray of float64
        Chi-square or F, its degrees of freedom and those of its denominator (infinite where
        no spread was estimated); NaN where nothing could be tested.
    estimate, low, high : ndarray of float64
        The first proportion less the second, with its interval; NaN for several groups.
    corrected : ndarray of bool
        Whether a cell expects fewer than 5 effective answers, so that the test was corrected:
        by Yates for two groups, by Haldane's moments for more.
    """

    statistic: Floats
    df: Floats
    df2: Floats
    p_value: Floats
    estimate: Floats
    low: Floats
    high: Floats
    corrected: npt.NDArray[np.bool_]


def _pair(one: EffectiveGroups, two: EffectiveGroups) -> tuple[Floats, ...]:
    """Return pooled p, harmonic n, Yates' correction, z and degrees of freedom of pairs."""
    p1, n1, p2, n2 = one.p, one.n, two.p, two.n
    with np.errstate(divide="ignore", invalid="ignore"):
        H = 1 / (1 / n1 + 1 / n2)
        p0 = (n1 * p1 + n2 * p2) / (n1 + n2)
        p0 = np.where(np.isinf(n1), p1, np.where(np.isinf(n2), p2, p0))
        pq = p0 * (1 - p0)
        few = np.minimum(n1, n2) * np.minimum(p0, 1 - p0) < _FEW - _ROUNDING
        y = np.where(few, 0.5, 0.0)
        gap = np.abs(p1 - p2)
        z = np.maximum(gap * H - y, 0.0) / np.sqrt(pq * H)
        # Everyone alike: nothing can differ. A known proportion of 0 or 1 is contradicted.
        z = np.where(pq > 0, z, np.where(gap > 0, np.inf, 0.0))
        spread = 1 / (n1 * n1 * one.df) + 1 / (n2 * n2 * two.df)
        df = np.where(spread > 0, 1 / (H * H * spread), np.inf)
    both = np.isinf(n1) & np.isinf(n2)
    tested = one.known & two.known & ~both
    return p0, H, y, np.where(tested, z, np.nan), np.where(tested, df, np.nan)


def compare_effective(
    one: EffectiveGroups, two: EffectiveGroups, confidence: float | None = None
) -> EffectiveComparison:
    """Test whether two groups have one proportion: Pearson's test on effective answers.

    Corrected for continuity (Yates) where a cell expects fewer than 5 effective answers. Two
    groups that are known in full are compared exactly, without a test.

    Parameters
    ----------
    one, two : EffectiveGroups
        Groups that share no case; arrays are broadcast.
    confidence : float, optional
        Of the interval of the difference, which holds the differences that the same test does
        not reject; none by default (NaN).

    Returns
    -------
    EffectiveComparison
        Arrays of the shape of the groups, broadcast. NaN where the spread of a group is not
        known or it has no effective answers.

    References
    ----------
    Rao, J. N. K. and Scott, A. J. (1992). A simple method for the analysis of clustered binary
    data. Biometrics 48, 577-585. Mee, R. W. (1984). Confidence bounds for the difference
    between two probabilities. Biometrics 40, 1175-1176.
    """
    one, two = _broadcast(one, two)
    _, H, y, z, df = _pair(one, two)
    known = one.known & two.known
    estimate = np.where(known, one.p - two.p, np.nan)
    low = high = np.full(estimate.shape, np.nan)
    if confidence is not None:
        low, high = _difference_limits(one, two, H, y, df, confidence)
    one_df = np.where(np.isnan(z), np.nan, 1.0)
    with np.errstate(over="ignore"):
        statistic = z * z
    p_value = two_sided_p(z, df)
    return EffectiveComparison(statistic, one_df, df, p_value, estimate, low, high, y > 0)


def _difference_limits(
    one: EffectiveGroups,
    two: EffectiveGroups,
    H: Floats,
    y: Floats,
    df: Floats,
    confidence: float,
) -> tuple[Floats, Floats]:
    gap = one.p - two.p
    t = _t_quantile(confidence, df)
    with np.errstate(divide="ignore", invalid="ignore"):
        slack = y / H

    def rejected(d: Floats, *given: Floats) -> Floats:
        p1, n1, p2, n2, t, slack, gap = given
        known1, known2 = np.isinf(n1), np.isinf(n2)
        m1, m2 = np.where(known1, 1.0, n1), np.where(known2, 1.0, n2)
        f1, f2 = constrained(m1 * p1, m1, m2 * p2, m2, d)
        # A proportion that is known gives the other one.
        f1, f2 = np.where(known2, p2 + d, f1), np.where(known1, p1 - d, f2)
        f1, f2 = np.clip(f1, 0.0, 1.0), np.clip(f2, 0.0, 1.0)
        se = np.sqrt(f1 * (1 - f1) / n1 + f2 * (1 - f2) / n2)
        return np.abs(gap - d) - slack - t * se

    given = (one.p, one.n, two.p, two.n, t, slack, gap)
    # No further than the other proportion can be from one that is known.
    whole1, whole2 = np.isinf(one.n), np.isinf(two.n)
    least = np.where(whole1, one.p - 1, np.where(whole2, -two.p, -1.0))
    most = np.where(whole1, one.p, np.where(whole2, 1 - two.p, 1.0))
    # At -1 and 1 there is no variance, so that nothing is rejected there by rounding only.
    inside = gap * (1 - _INSIDE)
    with np.errstate(invalid="ignore"):
        at_least, at_most = rejected(least, *given), rejected(most, *given)
        low = np.where(at_least <= 0, least, root(rejected, least, inside, *given))
        high = np.where(at_most <= 0, most, root(rejected, inside, most, *given))
        low, high = np.minimum(low, gap), np.maximum(high, gap)
    known = one.known & two.known
    both = np.isinf(one.n) & np.isinf(two.n)
    low, high = np.where(both, gap, low), np.where(both, gap, high)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def least_p_value(one: EffectiveGroups, two: EffectiveGroups) -> Floats:
    """Compute the smallest p-value that the first group could reach, were its answers alike.

    Parameters
    ----------
    one, two : EffectiveGroups
        The group, and what it is compared with.
    """
    one, two = _broadcast(one, two)
    found = []
    for p in (0.0, 1.0):
        same = np.full(one.p.shape, p)
        alike = EffectiveGroups(
            same, one.n_alike, one.df_alike, one.cases, one.n_alike, one.df_alike
        )
        _, _, _, z, df = _pair(alike, two)
        found.append(two_sided_p(z, df))
    return np.minimum(*found)


def exact_p_value(one: EffectiveGroups, two: EffectiveGroups) -> Floats:
    """Compute twice the smaller tail of Fisher's exact test on effective answers.

    Parameters
    ----------
    one, two : EffectiveGroups
        Groups that share no case; arrays are broadcast.

    Returns
    -------
    ndarray of float64
        At most 1; NaN where the groups cannot be tested, 0 where one is known in full. Effective
        answers need not be whole: from the observed table answers are exchanged one by one, each
        table having the hypergeometric weight that gamma functions give it.

    Notes
    -----
    Far in its tails Yates' test is too sure where few are expected. At 5% that does not matter;
    it does where an adjustment over many comparisons asks for a small p-value.
    """
    import scipy

    one, two = _broadcast(one, two)
    known = one.known & two.known & np.isfinite(one.n) & np.isfinite(two.n)
    n1, n2 = (np.where(known, g.n, 1.0) for g in (one, two))
    p1, p2 = (np.where(known, np.clip(g.p, 0.0, 1.0), 0.5) for g in (one, two))
    # The first group as the lower one.
    swap = p1 > p2
    a, c = np.where(swap, 1 - p1, p1) * n1, np.where(swap, 1 - p2, p2) * n2
    cells = np.stack([a, n1 - a, c, n2 - c])
    moves = np.array([-1.0, 1.0, 1.0, -1.0]).reshape(-1, *[1] * a.ndim)
    gammaln = scipy.special.gammaln
    observed = gammaln(cells + 1).sum(axis=0)
    total, tail = np.ones(a.shape), np.ones(a.shape)
    for direction in (1.0, -1.0):
        step, open_ = 0, known
        while open_.any():
            step += 1
            moved = cells + direction * step * moves
            inside = open_ & (moved > -_ROUNDING).all(axis=0)
            weight = np.zeros(a.shape)
            some = np.maximum(moved[:, inside], 0.0)
            weight[inside] = np.exp(
                np.minimum(observed[inside] - gammaln(some + 1).sum(axis=0), 700)
            )
            total += weight
            if direction > 0:
                tail += weight
            # Weights rise to one mode and then fall.
            open_ = inside & ((weight > total * _ROUNDING) | (step < 5))
    found = np.minimum(2 * tail / total, 1.0)
    return np.where(known, found, np.where(one.known & two.known, 0.0, np.nan))


def compare_with_proportion(
    groups: EffectiveGroups, proportion: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Test whether groups have a given proportion; return z and its p-value by t.

    Parameters
    ----------
    groups : EffectiveGroups
        The groups.
    proportion : array_like of float
        Between 0 and 1, exclusive.
    """
    theta = np.asarray(proportion, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (groups.p - theta) / np.sqrt(theta * (1 - theta) / groups.n)
    z = np.where(groups.known & np.isfinite(groups.n), z, np.nan)
    return z, two_sided_p(z, groups.df)


def compare_effective_groups(groups: EffectiveGroups) -> EffectiveComparison:
    """Test whether several groups have one proportion: Pearson's test against F.

    Where a cell expects fewer than 5 effective answers the statistic is referred to the moments
    that it has over all tables with the same margins. With nearly equal groups these moments give
    a p-value near 0 for a single rare answer. Where a cell expects fewer than 1, or fewer than 5
    and all groups have fewer than 40 effective answers, the p-value is therefore the larger of that
    and of Pearson's with half an answer taken from the deviation of such groups. Groups whose
    spread is not known are left out; two that are left are compared by
    `compare_effective`.

    Parameters
    ----------
    groups : EffectiveGroups, arrays of shape (..., groups)
        Groups that share no case.

    Returns
    -------
    EffectiveComparison
        Arrays of the shape of the groups without their last axis. NaN where fewer than two
        groups are left.

    References
    ----------
    Haldane, J. B. S. (1940). The mean and variance of chi-squared, when used as a test of
    homogeneity, when expectations are small. Biometrika 31, 346-355.
    """
    p, n, nu = groups.p, groups.n, groups.df
    known = groups.known & np.isfinite(n)
    r = known.sum(axis=-1).astype(np.float64)
    n = np.where(known, n, 0.0)
    p = np.where(known, p, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        N, K = n.sum(axis=-1), (n * p).sum(axis=-1)
        p0 = K / N
        pq = p0 * (1 - p0)
        X2 = (n * (p - p0[..., np.newaxis]) ** 2).sum(axis=-1) / pq
        share = 1 - n / N[..., np.newaxis]
        spread = np.where(known, share * share / nu, 0.0).sum(axis=-1)
        df2 = np.where(spread > 0, (r - 1) ** 2 / spread, np.inf)
        least = np.where(known, n, np.inf).min(axis=-1, initial=np.inf)
        few = least * np.minimum(p0, 1 - p0) < _FEW - _ROUNDING
        # Haldane's mean and variance of the statistic over tables with these margins.
        E = N * (r - 1) / (N - 1)
        inverse = np.where(known, 1 / np.where(known, n, 1.0), 0.0).sum(axis=-1)
        v1 = (r - 1) * (N - r) / (N - 1)
        w1 = (N * inverse - r * r) / (N - 2)
        v2 = (N - 2) / (N - 1)
        w2 = (N * (1 / K + 1 / (N - K)) - 4) / (N - 2)
        Vx = 2 * N / (N - 3) * (v1 - w1) * (v2 - w2) + N * N / (N - 1) * w1 * w2
        unknown = few & ((N <= 3.5) | (Vx <= 0) | np.isnan(Vx))
        df = np.where(few & ~unknown, 2 * E * E / Vx, r - 1)
        ratio = np.where(few & ~unknown, X2 / E, X2 / (r - 1))
        limit = np.where(N < _SMALL_TABLE, _FEW, _SPARSE)[..., np.newaxis] - _ROUNDING
        sparse = n * np.minimum(p0, 1 - p0)[..., np.newaxis] < limit
        apart = np.maximum(n * np.abs(p - p0[..., np.newaxis]) - np.where(sparse, 0.5, 0.0), 0.0)
        plain = np.where(known, apart**2 / np.where(known, n, 1.0), 0.0).sum(axis=-1) / pq
        p_value, by_chi_square = _f_sf(ratio, df, df2), _f_sf(plain / (r - 1), r - 1, df2)
    larger = (known & sparse).any(axis=-1) & (by_chi_square > p_value)
    p_value, df = np.where(larger, by_chi_square, p_value), np.where(larger, r - 1, df)
    # Everyone alike, or too few effective answers for any table to be unlike another.
    p_value = np.where((pq <= 0) | unknown, 1.0, p_value)
    tested = r > 1.5
    alike = np.where(pq <= 0, 0.0, X2)
    statistic, df, df2, p_value = (np.where(tested, x, np.nan) for x in (alike, df, df2, p_value))
    none = np.full(statistic.shape, np.nan)
    # The two groups that are left, of those where two are.
    first = np.argsort(~known, axis=-1, kind="stable")[..., :2]
    if first.shape[-1] == 2:
        one, two = (
            EffectiveGroups(
                *(
                    np.take_along_axis(values, first[..., i : i + 1], axis=-1)[..., 0]
                    for values in attrs.astuple(groups, recurse=False)
                )
            )
            for i in (0, 1)
        )
        pair, two_left = compare_effective(one, two), r == 2
        statistic, df, df2, p_value, few = (
            np.where(two_left, of_pair, of_all)
            for of_pair, of_all in (
                (pair.statistic, statistic),
                (pair.df, df),
                (pair.df2, df2),
                (pair.p_value, p_value),
                (pair.corrected, few),
            )
        )
    return EffectiveComparison(statistic, df, df2, p_value, none, none, none, few)


def effective_heterogeneity(groups: EffectiveGroups) -> Heterogeneity:
    """Test whether units differ, and estimate by how much, on effective answers.

    Parameters
    ----------
    groups : EffectiveGroups, arrays of shape (..., units)
        Units that share no case. Those whose spread is not known, or that are known in full,
        are left out.

    Returns
    -------
    Heterogeneity
        The test of `compare_effective_groups`; the variance between units by the method of
        moments of DerSimonian and Laird, with the variance that each unit has if none differ.
    """
    test = compare_effective_groups(groups)
    known = groups.known & np.isfinite(groups.n)
    n = np.where(known, groups.n, 0.0)
    units = known.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        N = n.sum(axis=-1)
        p0 = (n * np.where(known, groups.p, 0.0)).sum(axis=-1) / N
        pq = p0 * (1 - p0)
        scale = (N - (n * n).sum(axis=-1) / N) / pq
        surplus = test.statistic - (units - 1)
        tau2 = np.where(pq > 0, np.maximum(0.0, surplus / scale), 0.0)
        share = np.where(test.statistic > 0, np.maximum(0.0, surplus / test.statistic), 0.0)
        se = np.sqrt(pq / N)
    several = units > 1
    return Heterogeneity(
        test.statistic,
        test.df,
        test.p_value,
        np.where(several, share, np.nan),
        np.where(several, tau2, np.nan),
        np.where(units > 0, p0, np.nan),
        np.where(units > 0, se, np.nan),
        np.asarray(units),
        np.asarray(np.isinf(groups.n).sum(axis=-1)),
    )


def two_sided_p(z: Floats, df: Floats) -> Floats:
    """Compute two-sided p-values of t; normal where degrees of freedom are infinite."""
    import scipy

    special = scipy.special
    normal = special.erfc(np.abs(z) / np.sqrt(2.0))
    finite = np.isfinite(df)
    student = 2 * special.stdtr(np.where(finite, df, 1.0), -np.abs(z))
    p_value: Floats = np.where(finite, student, normal)
    return np.where(np.isnan(z), np.nan, p_value)


def _t_quantile(confidence: float, df: Floats) -> Floats:
    import scipy

    special = scipy.special
    upper = 1 - (1 - confidence) / 2
    finite = np.isfinite(df)
    student = special.stdtrit(np.where(finite, df, 1.0), upper)
    found = np.where(finite, student, special.ndtri(upper))
    return np.where(np.isnan(df), np.nan, found)


def _f_sf(x: Floats, df: Floats, df2: Floats) -> Floats:
    import scipy

    special = scipy.special
    finite = np.isfinite(df2)
    with np.errstate(invalid="ignore"):
        f: Floats = special.fdtrc(df, np.where(finite, df2, 1.0), x)
        chi: Floats = special.chdtrc(df, df * x)
    return np.where(finite, f, chi)


def _broadcast(
    one: EffectiveGroups, two: EffectiveGroups
) -> tuple[EffectiveGroups, EffectiveGroups]:
    values = np.broadcast_arrays(
        *attrs.astuple(one, recurse=False), *attrs.astuple(two, recurse=False)
    )
    half = len(values) // 2
    return EffectiveGroups(*values[:half]), EffectiveGroups(*values[half:])
