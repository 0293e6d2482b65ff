"""Fisher's test and its mid-P, against exact fractions, scipy, R and what they must satisfy."""

from __future__ import annotations

import tracemalloc
import warnings
from decimal import Decimal, localcontext
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import fisher_exact, hypergeom
from tests.factories import oracle
from tests.kernel.exact_recount import conditional, exact_p, one_sided_mid

import omistats as oms


def fisher(*counts):
    return oms.stats.compare(*counts, method="fisher").p_value


def fisher_mid_p(*counts):
    return oms.stats.compare(*counts, method="fisher-mid-p").p_value


small = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
large = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def every_table(most: int) -> np.ndarray:
    sizes = range(1, most + 1)
    return np.array(
        [
            (k1, n1, k2, n2)
            for n1 in sizes
            for n2 in sizes
            for k1 in range(n1 + 1)
            for k2 in range(n2 + 1)
        ]
    )


def test_every_small_table_agrees_with_fractions():
    tables = every_table(9)
    found, mid = fisher(*tables.T), fisher_mid_p(*tables.T)
    exact = [exact_p(*(int(v) for v in t)) for t in tables]
    np.testing.assert_allclose(found, [float(p) for p, _ in exact], rtol=1e-14)
    np.testing.assert_allclose(mid, [float(p) for _, p in exact], rtol=1e-14)


def test_every_small_table_agrees_with_scipy():
    """scipy.stats.fisher_exact, which is 1 where a margin is zero."""
    tables = every_table(5)
    reference = [fisher_exact([[a, b - a], [c, d - c]])[1] for a, b, c, d in tables]
    np.testing.assert_allclose(fisher(*tables.T), reference, rtol=1e-12)


def test_agrees_with_the_tasting_of_tea():
    """Fisher's own example: R's fisher.test prints p-value = 0.4857.

    The mid-P 0.2571 is coin's midpvalue(chisq_test(..., distribution = "exact")).
    """
    assert float(oms.stats.compare(3, 4, 1, 4, method="fisher").p_value) == pytest.approx(34 / 70)
    assert float(oms.stats.compare(3, 4, 1, 4, method="fisher-mid-p").p_value) == pytest.approx(
        18 / 70
    )


def test_agrees_with_fisher_test_of_r():
    lines = oracle("tests_two.csv")
    assert len(lines) > 100
    tables = np.array([[int(r[c]) for c in ("k1", "n1", "k2", "n2")] for r in lines])
    np.testing.assert_allclose(fisher(*tables.T), [float(r["fisher_p"]) for r in lines], rtol=1e-9)


def test_mid_p_agrees_with_coin_where_the_groups_are_equal():
    lines = oracle("mid_p_equal.csv")
    assert len(lines) > 30
    k1, k2, n = (np.array([int(r[c]) for r in lines]) for c in ("k1", "k2", "n"))
    reference = [float(r["mid_p"]) for r in lines]
    np.testing.assert_allclose(fisher_mid_p(k1, n, k2, n), reference, rtol=1e-9)


@given(small, small)
def test_any_table_agrees_with_fractions(a, b):
    p, mid = exact_p(*a, *b)
    assert float(fisher(*a, *b)) == pytest.approx(float(p), rel=1e-13)
    assert float(fisher_mid_p(*a, *b)) == pytest.approx(float(mid), rel=1e-13)


@pytest.mark.parametrize(
    ("k1", "n1", "k2", "n2"),
    [
        (600, 1000, 10, 1000),  # 8e-219
        (900, 1000, 190, 1200),  # 4e-295
        (900, 1000, 180, 1200),  # 3e-302
        (0, 500, 500, 500),  # 7e-300
        (2203, 2213, 1300, 2213),  # 3e-306
        (1, 3, 9, 8_000),
        (3, 4000, 30, 9000),
        (450, 900, 600, 1200),  # the likeliest table of all
    ],
)
def test_digits_are_kept_down_to_1e_minus_300(k1, n1, k2, n2):
    p, mid = exact_p(k1, n1, k2, n2)
    assert p > Fraction(1, 10**307)
    assert float(fisher(k1, n1, k2, n2)) == pytest.approx(float(p), rel=1e-12, abs=0)
    assert float(fisher_mid_p(k1, n1, k2, n2)) == pytest.approx(float(mid), rel=1e-12, abs=0)


def test_the_cases_above_reach_1e_minus_300():
    assert 0 < float(exact_p(900, 1000, 180, 1200)[0]) < 1e-300


def test_what_no_float_can_hold_is_zero_or_the_nearest_of_the_smallest():
    tables = [(900, 1000, k2, 1200) for k2 in range(140, 172)]
    found = fisher(*np.array(tables).T)
    np.testing.assert_allclose(
        found, [float(exact_p(*t)[0]) for t in tables], rtol=1e-9, atol=5e-323
    )
    assert (found == 0).any()
    assert ((found > 0) & (found < 2e-308)).any()
    assert fisher([0, 0], [10**6, 1010], [10**6, 1000], [10**6, 1000]).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("k1", "k2"), [(500_000, 498_000), (510_000, 484_000), (1_000_000, 999_990), (500_000, 500_000)]
)
def test_a_million_cases_agree_with_fifty_digits(k1, k2):
    n = 10**6
    with localcontext() as context:
        context.prec = 50
        context.Emin = -(10**6)
        s, most, everything = k1 + k2, Decimal(1), Decimal(1)
        for way in (1, -1):
            weight, x = Decimal(1), k1
            while weight > Decimal(10) ** -40:
                # From x successes of the first group to one more or one fewer.
                if way == 1:
                    weight *= Decimal((n - x) * (s - x)) / ((x + 1) * (n - s + x + 1))
                else:
                    weight *= Decimal(x * (n - s + x)) / ((n - x + 1) * (s - x + 1))
                x += way
                everything += weight
                most += weight if weight <= 1 + Decimal(10) ** -30 else 0
        exact = float(most / everything)
    assert float(fisher(k1, n, k2, n)) == pytest.approx(exact, rel=1e-11, abs=0)


def test_a_very_unequal_pair_of_groups():
    """[[1, 2], [9, 84419233]], a table of scipy's tests; the whole support is four tables."""
    chances = conditional(3, 84_419_242, 10)
    exact = sum(p for p in chances.values() if p <= chances[1])
    assert float(fisher(1, 3, 9, 84_419_242)) == pytest.approx(float(exact), rel=1e-14)


@given(st.integers(1, 60), st.data())
def test_ties_are_counted_whichever_side_they_are_on(n, data):
    """With equal groups x and s - x are equally likely, so p is twice the smaller tail, or 1."""
    k1, k2 = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
    s, low = k1 + k2, min(k1, k2)
    tail = sum(comb(n, x) * comb(n, s - x) for x in range(max(0, s - n), low + 1))
    exact = min(Fraction(2 * tail, comb(2 * n, s)), Fraction(1))
    assert float(fisher(k1, n, k2, n)) == pytest.approx(float(exact), rel=1e-12)
    doubled = 2 * one_sided_mid(k1, n, k2, n)
    if k1 == k2:  # the middle table is its own mirror, and only half of it counts
        doubled = 1 - conditional(n, n, s)[k1] / 2
    assert float(fisher_mid_p(k1, n, k2, n)) == pytest.approx(float(doubled), rel=1e-12)


@pytest.mark.parametrize(
    ("n", "middle", "beyond"),
    [
        (400_000, 200_000, 300),
        (400_000, 200_000, 6_000),
        # Rounding on the way takes these further from their mirror than 1e-14.
        (400_000, 270_371, 1_704),
        (4_000_000, 1_872_847, 4_775),
    ],
)
def test_ties_across_thousands_of_steps_are_still_ties(n, middle, beyond):
    """In groups of one size all but the middle table have a mirror, equally likely."""
    high, low = middle + beyond, middle - beyond
    found = fisher([high, low], n, [low, high], n)
    assert found[0] == found[1]
    mid = fisher_mid_p(high, n, low, n)
    seen = float(hypergeom.pmf(high, 2 * n, n, 2 * middle))
    # Two tables are counted half, not one.
    assert found[0] - mid == pytest.approx(seen, rel=1e-6, abs=0)


@given(small, small)
def test_the_mean_of_mid_p_is_one_half(a, b):
    """Lancaster (1961): where nothing differs, the mid-P value is one half on average."""
    (k1, n1), (k2, n2) = a, b
    chances = conditional(n1, n2, k1 + k2)
    x = np.array(list(chances))
    mid = fisher_mid_p(x, n1, k1 + k2 - x, n2)
    assert float(mid @ np.array([float(p) for p in chances.values()])) == pytest.approx(0.5)


@given(large, large)
def test_order_of_groups_and_of_outcomes_does_not_matter(a, b):
    (k1, n1), (k2, n2) = a, b
    tables = ([k1, k2, n1 - k1], [n1, n2, n1], [k2, k1, n2 - k2], [n2, n1, n2])
    for test in (fisher, fisher_mid_p):
        found = test(*tables)
        np.testing.assert_allclose(found, found[0], rtol=1e-11)


@given(large, large)
def test_a_p_value_lies_between_its_bounds(a, b):
    p, mid = fisher(*a, *b), fisher_mid_p(*a, *b)
    assert 0 <= mid <= p <= 1
    assert mid >= p / 2 * (1 - 1e-14)


@given(st.integers(1, 30), st.integers(1, 30), st.data())
def test_a_fisher_test_never_rejects_too_often(n1, n2, data):
    """Given the margins, the chance of a p-value of at most alpha is at most alpha."""
    s = data.draw(st.integers(0, n1 + n2))
    chances = conditional(n1, n2, s)
    x = np.array(list(chances))
    p = fisher(x, n1, s - x, n2)
    for alpha in p:
        reached = sum(c for c, q in zip(chances.values(), p, strict=True) if q <= alpha)
        assert float(reached) <= alpha * (1 + 1e-12)


def test_tables_of_all_lengths_at_once_are_those_of_one_call_each():
    random = np.random.default_rng(1)
    n1, n2 = (np.r_[random.integers(0, 60, 400), random.integers(0, 30_000, 100)] for _ in "ab")
    k1, k2 = (random.binomial(n, random.random(n.size)) for n in (n1, n2))
    for test in (fisher, fisher_mid_p):
        single = [float(test(*t)) for t in zip(k1, n1, k2, n2, strict=True)]
        np.testing.assert_allclose(test(k1, n1, k2, n2), single, rtol=1e-12, atol=1e-320)


def test_shapes_broadcast_and_memory_is_bounded():
    found = fisher(np.arange(5)[:, np.newaxis], 9, np.arange(4), 7)
    assert found.shape == (5, 4)
    assert found[3, 2] == fisher(3, 9, 2, 7)
    k = np.full(2_000, 49_000)
    tracemalloc.start()
    fisher(k, 100_000, k + 100, 100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Each table has a hundred thousand others beside it.
    assert peak < 20e6


def test_what_cannot_be_tested_is_nan_and_what_cannot_differ_is_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        none = [(0, 0, 1, 2), (1, 2, 0, 0), (np.nan, 3, 1, 2), (1, 3, 1, np.nan)]
        assert np.isnan(fisher(*np.array(none).T)).all()
        assert np.isnan(fisher_mid_p(*np.array(none).T)).all()
        assert fisher([0, 4], 4, [0, 3], 3).tolist() == [1, 1]
        assert fisher_mid_p([0, 4], 4, [0, 3], 3).tolist() == [0.5, 0.5]
        assert fisher([], [], [], []).shape == (0,)
