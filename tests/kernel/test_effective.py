"""Wilson's interval, Pearson's test and the score interval on effective answers.

The worked values were computed twice before this code was written, with NumPy closed forms and in
scalar R with root finding, and agreed to 1e-10. `recount` below computes everything a third time,
case by case in plain Python, with scipy's distributions and brentq.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy import optimize, stats

import omistats as oms

# The rule has no public function of its own; scores and stats.ratio reach it for whole tables.
from omistats.kernel.effective import (
    EffectiveGroups,
    compare_effective,
    compare_effective_groups,
    compare_with_proportion,
    effective_groups,
    effective_limits,
    exact_p_value,
    least_p_value,
    stratum_sums,
)

E1 = [([3, 5, 2, 4, 0, 5, 1, 4], [5, 5, 4, 5, 3, 5, 2, 5])]
E2 = [([4, 4, 3, 5, 2], [4, 4, 3, 5, 2])]
UNIT = [([1, 2, 0, 3, 1, 2], [5, 4, 3, 5, 5, 4])]
REST = [
    ([5, 4, 5, 3, 5, 4, 2, 5, 4, 5], [5, 5, 5, 4, 5, 5, 3, 5, 4, 5]),
    ([2, 4, 5, 3, 1, 5, 4, 4], [4, 5, 5, 5, 3, 5, 5, 4]),
    ([5, 5, 4, 0, 5, 3, 4, 5, 5, 2, 3, 5], [5, 5, 5, 0, 5, 4, 5, 5, 5, 4, 3, 5]),
]


def sums(strata, fractions=None, weights=None):
    """Sum over the cases of strata, each case a cell of its own."""
    total = 0.0
    for i, (k, n) in enumerate(strata):
        k, n = np.array(k, float), np.array(n, float)
        w = np.ones(len(k)) if weights is None else np.array(weights[i], float)
        used = w * n > 0
        total = total + stratum_sums(
            n,
            np.ones(len(k)),
            k,
            k * k,
            (used & (k > 0)).sum(),
            (used & (k < n)).sum(),
            weight=w,
            fraction=0.0 if fractions is None else fractions[i],
        )
    return total


def group(strata, fractions=None, weights=None) -> EffectiveGroups:
    return effective_groups(sums(strata, fractions, weights))


# --- a slow recount that shares nothing with the kernel -------------------------------------


def recount(strata, fractions=None, weights=None):
    """Compute (p, n, df) of a group from its cases, one by one."""
    rows = []
    for i, (ks, ns) in enumerate(strata):
        f = 0.0 if fractions is None else fractions[i]
        ws = [1.0] * len(ks) if weights is None else weights[i]
        rows.append((f, [(k, n, w) for k, n, w in zip(ks, ns, ws, strict=True) if w * n > 0]))
    W = sum(w * n for _, cases in rows for _, n, w in cases)
    p = sum(w * k for _, cases in rows for k, _, w in cases) / W
    S = Q = a = b = den = Wd = fa = C0 = C = 0.0
    some = lacking = 0
    for f, cases in rows:
        for k, n, w in cases:
            a += w * w * n
            b += w * w * n * (n - 1)
            fa += (1 - f) * w * w * n
            some += k > 0
            lacking += k < n
        if len(cases) < 2:
            continue
        Wu = sum(w * n for _, n, w in cases)
        pu = sum(w * k for k, _, w in cases) / Wu
        au = sum(w * w * n for _, n, w in cases)
        leverage = [1 / (1 - w * n / Wu) for _, n, w in cases]
        Su = sum((w * (k - pu * n)) ** 2 * A for (k, n, w), A in zip(cases, leverage, strict=True))
        S += Su
        Q += au * (pu * (1 - pu) + Su / Wu**2)
        u = [w * n for _, n, w in cases]
        first = sum(A * x * x for x, A in zip(u, leverage, strict=True))
        second = sum((A * x * x) ** 2 for x, A in zip(u, leverage, strict=True))
        den += sum(x * x for x in u) + (first**2 - second) / Wu**2
        Wd += Wu
        mean = sum(u) / len(u)
        v = len(u) / (len(u) - 1) * sum((x - mean) ** 2 for x in u)
        if 0 < p < 1:
            C0 += v * (pu - p) ** 2 / (p * (1 - p))
            C += (1 - f) * v * (pu - p) ** 2 / (p * (1 - p))
    c = 1 + b / a
    r = min(some, lacking)
    if r == 0:
        C0 = C = 0.0
    estimated = r > 0 and Q > 0
    D = (r * max(1.0, S / Q) + c) / (r + 1) if estimated else c
    V = a * D + C0
    F = (D * fa + C) / V
    n_star = 1 + (W * W / V - 1) / F if F > 0 else math.inf
    df = Wd * Wd / den * c / (c - 1) if estimated and c > 1 else math.inf
    ws = [w for _, cases in rows for _, _, w in cases]
    if len(set(ws)) > 1:
        df = min(df, max(sum(ws) ** 2 / sum(w * w for w in ws) - 1, 0.1))
    return p, n_star, df


def t_tail(z, df):
    return 2 * (stats.norm.sf(abs(z)) if math.isinf(df) else stats.t.sf(abs(z), df))


def recount_test(one, two):
    (p1, n1, d1), (p2, n2, d2) = one, two
    H = 1 / (1 / n1 + 1 / n2)
    p0 = (n1 * p1 + n2 * p2) / (n1 + n2)
    y = 0.5 if min(n1, n2) * min(p0, 1 - p0) < 5 else 0.0
    spread = 1 / (n1**2 * d1) + 1 / (n2**2 * d2)
    df = (1 / n1 + 1 / n2) ** 2 / spread if spread else math.inf
    if p0 in (0.0, 1.0):
        return 1.0, df, H, y
    z = max(abs(p1 - p2) * H - y, 0) / math.sqrt(p0 * (1 - p0) * H)
    return t_tail(z, df), df, H, y


def recount_difference(one, two, confidence):
    """Find the limits by brentq over maximum likelihood found by a bounded search."""
    (p1, n1, _), (p2, n2, _) = one, two
    _, df, H, y = recount_test(one, two)
    q = 1 - (1 - confidence) / 2
    t = stats.norm.ppf(q) if math.isinf(df) else stats.t.ppf(q, df)

    def fitted(d):
        def minus(x):
            first = x + d
            parts = [(n1 * p1, first), (n1 * (1 - p1), 1 - first)]
            parts += [(n2 * p2, x), (n2 * (1 - p2), 1 - x)]
            return -sum(k * math.log(max(v, 1e-300)) for k, v in parts if k > 0)

        low, high = max(0.0, -d), min(1.0, 1 - d)
        x = optimize.minimize_scalar(minus, bounds=(low, high), options={"xatol": 1e-12}).x
        x = min((low, high, x), key=minus)
        return x + d, x

    def beyond(d):
        f1, f2 = fitted(d)
        se = math.sqrt(max(f1 * (1 - f1) / n1 + f2 * (1 - f2) / n2, 0))
        return abs(p1 - p2 - d) - y / H - t * se

    gap = p1 - p2
    low = -1.0 if beyond(-1) <= 0 else optimize.brentq(beyond, -1, gap, xtol=1e-12)
    high = 1.0 if beyond(1) <= 0 else optimize.brentq(beyond, gap, 1, xtol=1e-12)
    return low, high


# --- worked values --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strata", "p", "n", "df", "low", "high"),
    [
        (E1, 0.7058823529, 16.9050862801, 8.3552550528, 0.4302389930, 0.8840970470),
        (E2, 1.0, 4.6285714286, math.inf, 0.5464645689, 1.0),
        (UNIT, 0.3461538462, 16.4878048780, 6.2286425295, 0.1393227780, 0.6338916303),
        (REST, 0.8721804511, 96.8959551048, 32.2945802425, 0.7875706498, 0.9262463723),
        ([([1] * 7 + [0] * 13, [1] * 20)], 0.35, 20, math.inf, 0.1811918241, 0.5671457233),
    ],
)
def test_worked_groups(strata, p, n, df, low, high):
    found = group(strata)
    limits = effective_limits(found, 0.95)
    got = [float(v) for v in (found.p, found.n, found.df, *limits)]
    assert got == pytest.approx([p, n, df, low, high], abs=1e-10)


@pytest.mark.parametrize(
    ("one", "two", "statistic", "df", "p_value", "low", "high"),
    [
        (UNIT, REST, 20.8560106226, 8.4813558297, 0.0015769263, -0.7655791893, -0.2072943010),
        (E2, REST, 0.0088331980, 15537.3750560351, 0.9251222092, -0.4422305514, 0.3349895016),
        (
            [([1] * 7 + [0] * 13, [1] * 20)],
            [([1] * 30 + [0] * 20, [1] * 50)],
            3.5831285831,
            math.inf,
            0.0583691254,
            -0.4697943919,
            0.0087325043,
        ),
    ],
)
def test_worked_comparisons(one, two, statistic, df, p_value, low, high):
    found = compare_effective(group(one), group(two), 0.95)
    assert float(found.df2) == pytest.approx(df, rel=1e-9)
    got = [float(v) for v in (found.statistic, found.p_value, found.low, found.high)]
    assert got == pytest.approx([statistic, p_value, low, high], abs=1e-10)


def test_worked_omnibus():
    groups = effective_groups(np.stack([sums(s) for s in (E1, UNIT, REST[:1], E2)], axis=-1))
    assert groups.n == pytest.approx(
        [16.9050862801, 16.4878048780, 26.4500000000, 4.6285714286], abs=1e-9
    )
    found = compare_effective_groups(groups)
    got = [float(v) for v in (found.statistic, found.df, found.df2, found.p_value)]
    assert got == pytest.approx(
        [18.1359668369, 3.2719983783, 48.5977022197, 0.0011506744], abs=1e-9
    )


@pytest.mark.parametrize(
    ("strata", "n", "low", "high", "p_value", "least"),
    [
        ([([0] * 3, [5] * 3)], 3, 0, 0.561, 0.00093, 0.0009),
        ([([0] * 2, [5] * 2)], 2, 0, 0.658, 0.0143, 0.0143),
        ([([1, 3], [5, 5])], 3.818, 0.009, 0.980, 0.266, 0.0143),
    ],
)
def test_thin_groups_beside_the_rest(strata, n, low, high, p_value, least):
    one, rest = group(strata), group(REST)
    assert float(one.n) == pytest.approx(n, abs=5e-4)
    assert [float(v) for v in effective_limits(one, 0.95)] == pytest.approx([low, high], abs=5e-4)
    assert float(compare_effective(one, rest).p_value) == pytest.approx(p_value, rel=1e-2)
    assert float(least_p_value(one, rest)) == pytest.approx(least, rel=5e-2)


def test_one_case_says_nothing_of_its_spread():
    one, rest = group([([3], [5])]), group(REST)
    assert np.isnan(effective_limits(one, 0.95)).all()
    assert np.isnan([compare_effective(one, rest, 0.9).p_value, least_p_value(one, rest)]).all()


def test_no_case_has_no_proportion():
    none = group([([0, 0], [0, 0])])
    assert np.isnan([none.p, none.n, *effective_limits(none, 0.95)]).all()


# --- agreement with the recount, and properties ---------------------------------------------


@st.composite
def strata_of_cases(draw, most=3, weights=False):
    out, fractions, weighing = [], [], []
    for _ in range(draw(st.integers(1, most))):
        n = draw(st.lists(st.integers(0, 6), min_size=2, max_size=8))
        k = [draw(st.integers(0, value)) for value in n]
        out.append((k, n))
        fractions.append(draw(st.sampled_from([0.0, 0.3, 0.8])))
        if weights:
            weighing.append([draw(st.sampled_from([0.0, 1.0, 2.0, 5.5])) for _ in n])
    total = sum(
        w * v
        for i, (_, n) in enumerate(out)
        for v, w in zip(n, weighing[i] if weights else [1.0] * len(n), strict=True)
    )
    assume(total > 0)
    return out, fractions, weighing or None


@given(strata_of_cases(weights=True))
def test_groups_equal_the_recount(case):
    strata, fractions, weights = case
    found = group(strata, fractions, weights)
    expected = recount(strata, fractions, weights)
    assert [float(v) for v in (found.p, found.n, found.df)] == pytest.approx(expected, rel=1e-9)


@settings(max_examples=60)
@given(strata_of_cases(), strata_of_cases(), st.sampled_from([0.8, 0.95]))
def test_comparisons_equal_the_recount(a, b, confidence):
    (one, _, _), (two, _, _) = a, b
    first, second = group(one), group(two)
    assume(bool(first.known & second.known))
    found = compare_effective(first, second, confidence)
    x, y = recount(one), recount(two)
    p_value, df, _, _ = recount_test(x, y)
    assert float(found.p_value) == pytest.approx(p_value, rel=1e-8, abs=1e-300)
    assert float(found.df2) == pytest.approx(df, rel=1e-9)
    # The search for the likeliest proportions has half the digits.
    expected = recount_difference(x, y, confidence)
    assert [float(found.low), float(found.high)] == pytest.approx(expected, abs=2e-6)


@given(strata_of_cases(), strata_of_cases())
def test_the_interval_holds_what_the_test_does_not_reject(a, b):
    one, two = group(a[0]), group(b[0])
    assume(bool(one.known & two.known))
    found = compare_effective(one, two, 0.95)
    assume(abs(float(found.p_value) - 0.05) > 1e-9)
    inside = bool(found.low <= 0 <= found.high)
    assert inside == bool(found.p_value > 0.05)


@given(strata_of_cases(), strata_of_cases())
def test_failures_mirror_successes(a, b):
    def turned(strata):
        return [([v - u for u, v in zip(k, n, strict=True)], n) for k, n in strata]

    one, two = group(a[0]), group(b[0])
    other, another = group(turned(a[0])), group(turned(b[0]))
    assert float(other.p) == pytest.approx(1 - float(one.p), abs=1e-12)
    assert float(other.n) == pytest.approx(float(one.n), rel=1e-9)
    found, mirrored = compare_effective(one, two, 0.9), compare_effective(other, another, 0.9)
    np.testing.assert_allclose(found.p_value, mirrored.p_value, rtol=1e-7, atol=1e-300)
    np.testing.assert_allclose([found.low, found.high], [-mirrored.high, -mirrored.low], atol=1e-8)


@given(
    st.lists(st.booleans(), min_size=2, max_size=60),
    st.lists(st.booleans(), min_size=2, max_size=60),
)
def test_one_answer_a_case_is_exactly_wilson_and_pearson(a, b):
    one, two = ([([int(v) for v in answers], [1] * len(answers))] for answers in (a, b))
    first, second = group(one), group(two)
    k1, n1, k2, n2 = sum(a), len(a), sum(b), len(b)
    wilson = oms.stats.interval(k1, n1)
    low, high = effective_limits(first, 0.95)
    assert [float(low), float(high)] == pytest.approx(
        [float(wilson.low), float(wilson.high)], abs=1e-12
    )
    expected = min(n1, n2) * min(k1 + k2, n1 + n2 - k1 - k2) / (n1 + n2)
    if expected < 5 or k1 + k2 in (0, n1 + n2):
        return
    pearson = oms.stats.compare(k1, n1, k2, n2)
    found = compare_effective(first, second, 0.95)
    assert float(found.p_value) == pytest.approx(float(pearson.p_value), abs=1e-12)


def test_cells_of_cases_give_what_single_cases_give():
    k, n = np.array(REST[0][0], float), np.array(REST[0][1], float)
    sizes = np.unique(n)
    cells = [(n == size) for size in sizes]
    pooled = stratum_sums(
        sizes,
        [cell.sum() for cell in cells],
        [k[cell].sum() for cell in cells],
        [(k[cell] ** 2).sum() for cell in cells],
        (k > 0).sum(),
        (k < n).sum(),
    )
    np.testing.assert_allclose(pooled, sums(REST[:1]), rtol=1e-12)


@given(strata_of_cases(), st.sampled_from([0.25, 7.0]))
def test_the_scale_of_weights_does_not_matter(case, scale):
    strata, fractions, _ = case
    weights = [[scale] * len(k) for k, _ in strata]
    one, other = group(strata, fractions), group(strata, fractions, weights)
    np.testing.assert_allclose([one.p, one.n, one.df], [other.p, other.n, other.df], rtol=1e-9)


def test_a_census_is_known_and_compared_without_a_test():
    one, two = group(UNIT, fractions=[1.0]), group(REST, fractions=[1.0, 1.0, 1.0])
    assert np.isinf([one.n, two.n]).all()
    assert [float(v) for v in effective_limits(one, 0.95)] == [float(one.p)] * 2
    found = compare_effective(one, two, 0.95)
    assert np.isnan(found.p_value)
    assert float(found.low) == float(found.high) == float(one.p - two.p)


def test_a_census_is_the_proportion_that_a_sample_is_tested_against():
    census, sample = group(REST, fractions=[1.0, 1.0, 1.0]), group(UNIT)
    found = compare_effective(sample, census)
    z, p_value = compare_with_proportion(sample, census.p)
    # The only difference: few expected answers are corrected for continuity.
    n, theta = float(sample.n), float(census.p)
    few = n * min(theta, 1 - theta) < 5
    shift = 0.5 / math.sqrt(theta * (1 - theta) * n) if few else 0.0
    assert float(found.statistic) == pytest.approx((abs(float(z)) - shift) ** 2, rel=1e-9)
    assert float(p_value) < float(found.p_value)


def test_two_groups_as_an_omnibus_are_the_comparison_where_cells_are_large():
    rng = np.random.default_rng(4)
    one = [(rng.binomial(4, 0.5, 40).tolist(), [4] * 40)]
    two = [(rng.binomial(4, 0.6, 50).tolist(), [4] * 50)]
    stacked = effective_groups(np.stack([sums(one), sums(two)], axis=-1))
    both, pair = compare_effective_groups(stacked), compare_effective(group(one), group(two))
    np.testing.assert_allclose(both.statistic, pair.statistic, rtol=1e-12)
    np.testing.assert_allclose(both.df2, pair.df2, rtol=1e-12)
    np.testing.assert_allclose(both.p_value, pair.p_value, rtol=1e-9)


# --- thin tables, by enumeration ------------------------------------------------------------


def alike_groups(k, n) -> EffectiveGroups:
    """Groups with one answer a case, which are known but for chance."""
    n = np.broadcast_to(np.asarray(n, float), np.shape(k))
    return EffectiveGroups(
        np.asarray(k, float) / n, n, np.full(n.shape, np.inf), n, n, np.full(n.shape, np.inf)
    )


SIZES = [
    (3, 3, 3),
    (4, 6, 6),
    (3, 3, 14),
    (5, 5, 20),
    (12, 20, 20),
    (2, 2, 100),
    (3, 5, 5),
    (5, 5, 5, 5),
    (8, 8, 8),
    (3, 3, 60),
    (2, 4, 60),
]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_several_groups_are_rejected_no_more_often_than_said(sizes):
    """Every table there is, weighed by its probability: no simulation."""
    k = np.array(list(itertools.product(*(range(size + 1) for size in sizes))))
    p_value = compare_effective_groups(alike_groups(k, sizes)).p_value
    for share in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5):
        weight = np.prod([stats.binom.pmf(k[:, i], n, share) for i, n in enumerate(sizes)], axis=0)
        assert weight[p_value <= 0.05].sum() <= 0.06
        assert weight[p_value <= 0.01].sum() <= 0.015


def test_one_failure_among_many_equal_units_is_no_difference():
    """It lies in the one unit of 99 answers in 99 of 1,999 ways."""
    n = np.array([99] + [100] * 19)
    k = n - np.eye(20)[0]
    assert float(compare_effective_groups(alike_groups(k, n)).p_value) >= 99 / 1999
    assert float(compare_effective_groups(alike_groups([11, 20, 20], [12, 20, 20])).p_value) > 0.2


def test_two_groups_that_are_left_are_compared_as_two():
    groups = alike_groups(
        [[3, 0, 19], [0, 3, 19], [3, 19, 0]], [[10, 1, 20], [1, 10, 20], [10, 20, 1]]
    )
    found = compare_effective_groups(groups)
    pair = compare_effective(alike_groups(3, 10), alike_groups(19, 20))
    for name in ("statistic", "df", "df2", "p_value"):
        got, expected = getattr(found, name), float(getattr(pair, name))
        assert got[0] == got[2] == pytest.approx(expected), name
    assert float(found.p_value[1]) == pytest.approx(
        float(compare_effective(alike_groups(3, 10), alike_groups(19, 20)).p_value)
    )
    assert found.corrected.all()


@pytest.mark.parametrize("n", [(5, 5), (12, 12), (40, 40), (12, 500), (500, 12)])
def test_none_against_all_has_an_interval(n):
    """By the definition: the largest difference that the test does not reject."""
    found = compare_effective(alike_groups(0, n[0]), alike_groups(n[1], n[1]), 0.95)
    assert float(found.low) == -1
    p0 = n[1] / sum(n)
    few = min(n) * min(p0, 1 - p0) < 5
    slack = 0.5 * few * (1 / n[0] + 1 / n[1])

    def rejected(d):
        # The likeliest proportions a and a - d, by a search of their own.
        ends = max(0.0, d), min(1.0, 1.0 + d)
        minus = lambda a: -(n[0] * np.log1p(-a) + n[1] * np.log(a - d))  # noqa: E731
        a = optimize.minimize_scalar(minus, bounds=ends, options={"xatol": 1e-13}).x
        b = a - d
        se = math.sqrt(a * (1 - a) / n[0] + b * (1 - b) / n[1])
        return abs(-1 - d) - slack - stats.norm.ppf(0.975) * se

    expected = optimize.brentq(rejected, -0.999, -1e-6)
    assert float(found.high) == pytest.approx(expected, abs=1e-5)
    assert -1 < float(found.high) < 0


@given(
    st.tuples(st.integers(2, 60), st.integers(2, 60)),
    st.tuples(st.integers(0, 60), st.floats(0, 1)),
    st.booleans(),
)
def test_a_known_proportion_bounds_the_difference(sizes, shares, first):
    n, k = sizes[0], min(shares[0], sizes[0])
    whole = EffectiveGroups(
        *(np.array(x) for x in (shares[1], np.inf, np.inf, 9.0, np.inf, np.inf))
    )
    some = alike_groups(k, n)
    one, two = (whole, some) if first else (some, whole)
    found = compare_effective(one, two, 0.95)
    low, high, p = float(found.low), float(found.high), float(found.p_value)
    reach = (shares[1] - 1, shares[1]) if first else (-shares[1], 1 - shares[1])
    assert reach[0] - 1e-12 <= low <= float(found.estimate) <= high <= reach[1] + 1e-12
    if abs(p - 0.05) > 1e-6 and 1e-9 < shares[1] < 1 - 1e-9:
        assert (low <= 1e-9 and high >= -1e-9) == (p > 0.05)


def test_unequal_weights_have_no_more_degrees_of_freedom_than_kishs_cases():
    k, n = [1] * 9 + [0] * 10, [1] * 19
    equal = group([(k, n)], weights=[[2.5] * 19])
    assert np.isinf(equal.df)
    huge = group([(k, n)], weights=[[1.0] * 18 + [1e6]])
    assert float(huge.df) == 0.1
    low, high = effective_limits(huge, 0.95)
    assert (float(low), float(high)) == (0.0, pytest.approx(1.0, abs=1e-6))
    two = group([(k, n)], weights=[[1.0, 2.0] * 9 + [1.0]])
    assert float(two.df) == pytest.approx((10 + 18) ** 2 / (10 + 36) - 1)


@given(st.integers(2, 40), st.integers(2, 400), st.data())
def test_the_exact_tail_is_fishers_on_whole_answers(n1, n2, data):
    k1, k2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    counts = stats.hypergeom(n1 + n2, k1 + k2, n1)
    lower = k1 * n2 <= k2 * n1
    tail = counts.cdf(k1) if lower else counts.sf(k1 - 1)
    found = exact_p_value(alike_groups(k1, n1), alike_groups(k2, n2))
    assert float(found) == pytest.approx(min(1.0, 2 * tail), rel=1e-9)


def test_the_exact_tail_of_known_and_of_single_cases():
    whole = EffectiveGroups(*(np.array(x) for x in (0.4, np.inf, np.inf, 9.0, np.inf, np.inf)))
    assert float(exact_p_value(alike_groups(3, 10), whole)) == 0.0
    assert np.isnan(exact_p_value(alike_groups(1, 1), alike_groups(3, 10)))
    between = exact_p_value(alike_groups(np.array([2, 2.5, 3]), 10.5), alike_groups(40, 60))
    assert between[0] < between[1] < between[2]


def test_a_thin_group_of_unequal_weights_is_too_few_by_its_own_test():
    """One weight of 5 among 1: even all alike it could not be told from 73%."""
    one = group([([0] * 6, [3] * 6)], weights=[[5.0, 1, 1, 1, 1, 1]])
    rest = group([([2, 3, 2, 2, 1, 3, 2, 3, 2, 2], [3] * 10)])
    found = compare_effective(one, rest)
    assert float(least_p_value(one, rest)) == pytest.approx(float(found.p_value))
    assert float(found.p_value) > 0.05
