"""Power, detectable differences and sizes, against R, statsmodels and plain enumeration."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from statsmodels.stats.proportion import (
    power_proportions_2indep,
    proportion_confint,
    samplesize_confint_proportion,
)
from tests.factories import oracle

import omistats as oms

# Internal: every exact power is a sum of these chances, some far below what a sum shows.
from omistats.kernel.planning import binomial
from omistats.stats import TESTS

share = st.floats(0.01, 0.99)
size = st.integers(2, 3000)


def columns(lines, *names):
    return (np.array([float(r[c]) for r in lines]) for c in names)


# Power ---------------------------------------------------------------------------------------


def test_agrees_with_power_prop_test_of_r():
    """R 4.2.2: power.prop.test(n, p1, p2, sig.level, strict = TRUE)$power."""
    lines = oracle("power_prop_test.csv")
    assert len(lines) == 120
    n, p1, p2, level, wanted = columns(lines, "n", "p1", "p2", "level", "power")
    for at in np.unique(level):
        here = level == at
        found = oms.stats.power(p1[here], p2[here], n[here], n[here], level=at)
        np.testing.assert_allclose(found.power, wanted[here], rtol=1e-10)
        assert (found.test == "pearson").all()
        assert (found.method == "normal").all()


@given(share, share, size, size)
def test_agrees_with_statsmodels_where_sizes_differ(p1, p2, n1, n2):
    reference = power_proportions_2indep(p1 - p2, p2, n1, ratio=n2 / n1, return_results=False)
    assert float(oms.stats.power(p1, p2, n1, n2).power) == pytest.approx(reference, rel=1e-8)


@given(share, size, size, st.floats(1e-6, 0.5))
def test_of_equal_proportions_the_power_is_the_level(p, n1, n2, level):
    assert float(oms.stats.power(p, p, n1, n2, level=level).power) == pytest.approx(level, rel=1e-9)


@given(share, share, size, size)
def test_order_of_groups_and_of_outcomes_does_not_matter(p1, p2, n1, n2):
    found = oms.stats.power([p1, p2, 1 - p1], [p2, p1, 1 - p2], [n1, n2, n1], [n2, n1, n2]).power
    np.testing.assert_allclose(found, found[0], rtol=1e-6, atol=1e-12)


def test_certain_answers():
    """All answers alike never differ; opposite answers of enough cases always do."""
    found = oms.stats.power([0, 1, 0, 1], [0, 1, 1, 0], 20, 30).power
    assert found.tolist() == [0, 0, 1, 1]
    exact = oms.stats.power([0, 1, 0, 1], [0, 1, 1, 0], 20, 30, method="exact").power
    np.testing.assert_allclose(exact, [0, 0, 1, 1], rtol=1e-12)


def test_empty_and_missing_have_no_power():
    for method in ("normal", "exact"):
        found = oms.stats.power([0.5, 0.5, np.nan], 0.6, [0, np.nan, 9], 9, method=method).power
        assert np.isnan(found).all()


# Exact power ---------------------------------------------------------------------------------


@pytest.mark.parametrize("test", ["pearson", "yates", "fisher"])
def test_exact_power_agrees_with_r(test):
    """R 4.2.2: dbinom over all tables that chisq.test or fisher.test rejects."""
    lines = [r for r in oracle("power_enumerated.csv") if r["test"] == test]
    assert len(lines) == 36
    n1, n2, p1, p2, level, wanted = columns(lines, "n1", "n2", "p1", "p2", "level", "power")
    for at in np.unique(level):
        here = level == at
        found = oms.stats.power(
            p1[here], p2[here], n1[here], n2[here], level=at, test=test, method="exact"
        )
        np.testing.assert_allclose(found.power, wanted[here], rtol=1e-10, atol=1e-14)
        assert (found.test == test).all()
        assert (found.method == "exact").all()


@pytest.mark.parametrize("name", list(TESTS))
def test_exact_power_is_the_sum_over_tables_in_fractions(name):
    n1, n2, level = 7, 11, 0.05
    p1, p2 = Fraction(3, 10), Fraction(9, 10)
    total = Fraction(0)
    for k1 in range(n1 + 1):
        for k2 in range(n2 + 1):
            if float(oms.stats.compare(k1, n1, k2, n2, method=name).p_value) < level:
                total += (
                    math.comb(n1, k1) * p1**k1 * (1 - p1) ** (n1 - k1)
                    * math.comb(n2, k2) * p2**k2 * (1 - p2) ** (n2 - k2)
                )  # fmt: skip
    found = oms.stats.power(0.3, 0.9, n1, n2, level=level, test=name, method="exact")
    assert float(found.power) == pytest.approx(float(total), rel=1e-12)


def test_a_p_value_that_is_the_level_does_not_reject():
    """As with stars: below 5%, and not at it."""
    level = float(oms.stats.compare(3, 4, 1, 4).p_value)
    at, above = (
        float(oms.stats.power(0.5, 0.5, 4, 4, level=v, method="exact").power)
        for v in (level, np.nextafter(level, 1))
    )
    # 3 and 1, 1 and 3, each in 4 x 4 of the 256 ways.
    assert above - at == pytest.approx(2 * 16 / 256, rel=1e-12)


def test_the_approximation_nears_the_exact_power_as_groups_grow():
    p1, p2 = 0.6, 0.7
    gaps = [
        abs(
            float(oms.stats.power(p1, p2, n, n, method="exact").power)
            - float(oms.stats.power(p1, p2, n, n).power)
        )
        for n in (20, 900)
    ]
    assert gaps[1] < 0.004
    assert gaps[1] < gaps[0]


def test_many_tables_are_taken_in_pieces():
    """More tables than one piece holds, of a test whose rejections can be counted by hand."""
    seen = []

    def first_is_higher(k1, n1, k2, n2):
        seen.append(k1.size)
        return np.nan * k1, np.nan * k1, np.where(k1 > k2, 0.0, 1.0)

    TESTS.register("first is higher, a test", first_is_higher)
    try:
        found = oms.stats.power(0.5, 0.5, 700, 900, test="first is higher, a test", method="exact")
    finally:
        del TESTS._functions["first is higher, a test"]
        del TESTS._aliases["first-is-higher,-a-test"]
    assert len(seen) > 1
    assert sum(seen) == 701 * 901
    first, second = binomial(700, np.array(0.5)), binomial(900, np.array(0.5))
    wanted = sum(first[k] * second[:k].sum() for k in range(701))
    assert float(found.power) == pytest.approx(wanted, rel=1e-12)


@given(st.integers(0, 400), st.fractions(0, 1, max_denominator=50))
def test_binomial_probabilities(n, p):
    found = binomial(n, np.array(float(p)))
    for k in {0, n // 3, n // 2, n}:
        wanted = float(math.comb(n, k) * p**k * (1 - p) ** (n - k))
        assert found[k] == pytest.approx(wanted, rel=1e-11, abs=1e-300)


# Detectable differences and sizes -------------------------------------------------------------


def test_detectable_and_size_agree_with_r():
    """R 4.2.2: power.prop.test(..., strict = TRUE) solved for p2, and for n where p2 = p1 + 0.08.

    R solves to within 1e-14 and 1e-12 at the ends of its search; its roots agree to some 1e-9.
    """
    lines = oracle("power_prop_test_solved.csv")
    assert len(lines) == 54
    for r in lines:
        p1, n, power, level = (float(r[c]) for c in ("p1", "n", "power", "level"))
        found = oms.stats.detectable(p1, n, n, power=power, level=level)
        assert float(found.high) == pytest.approx(float(r["p2"]), rel=1e-8)
        needed = oms.stats.sample_size(p1, p1 + 0.08, power=power, level=level)
        assert float(needed.n1) == math.ceil(float(r["needed"]))
        assert float(needed.n2) == float(needed.n1)


@given(share, st.integers(1, 2000), st.integers(1, 2000), st.floats(0.1, 0.95))
def test_what_is_detectable_has_the_power_asked_for(p1, n1, n2, power):
    found = oms.stats.detectable(p1, n1, n2, power=power)
    for other, gap, sign in ((found.low, found.below, -1), (found.high, found.above, 1)):
        if np.isnan(other):
            assert np.isnan(gap)
            steps = np.linspace(p1, 0.0 if sign < 0 else 1.0, 129)
            assert not (oms.stats.power(p1, steps, n1, n2).power >= power).any()
            continue
        assert float(gap) == pytest.approx(sign * float(other - p1))
        assert float(oms.stats.power(p1, other, n1, n2).power) == pytest.approx(power, abs=1e-6)
        # Nearer by is less power.
        nearer = p1 + (float(other) - p1) * np.linspace(0, 0.99, 50)
        assert (oms.stats.power(p1, nearer, n1, n2).power < power).all()


def test_nothing_lies_beyond_the_ends():
    found = oms.stats.detectable([0.0, 1.0, 0.5], [50, 50, 2], [50, 50, 2])
    assert np.isnan(found.low[[0, 2]]).all()
    assert np.isnan(found.high[[1, 2]]).all()
    assert found.high[0] == pytest.approx(1 - found.low[1], rel=1e-9)


@given(share, share, st.floats(0.06, 0.99), st.sampled_from([0.2, 0.5, 1.0, 1.5, 4.0]))
def test_one_case_fewer_is_not_enough(p1, p2, power, ratio):
    assume(abs(p1 - p2) > 1e-3)
    found = oms.stats.sample_size(p1, p2, power=power, ratio=ratio)
    n1, n2 = float(found.n1), float(found.n2)
    assert n2 == max(math.ceil(Fraction(ratio).limit_denominator(10) * int(n1)), 1)
    assert float(found.power) >= power
    assert float(found.power) == float(oms.stats.power(p1, p2, n1, n2).power)
    if n1 > 1:
        fewer = max(math.ceil(Fraction(ratio).limit_denominator(10) * (int(n1) - 1)), 1)
        assert float(oms.stats.power(p1, p2, n1 - 1, fewer).power) < power


def test_no_sample_finds_what_is_not_there():
    found = oms.stats.sample_size([0.5, 0.5, np.nan], [0.5, 0.6, 0.6])
    assert np.isnan(found.n1).tolist() == [True, False, True]
    assert np.isnan(found.n2).tolist() == [True, False, True]
    assert np.isnan(found.power).tolist() == [True, False, True]


# Precision ------------------------------------------------------------------------------------


def test_precision_agrees_with_epir():
    """epiR 2.0.57: epi.sssimpleestb(N, Py, epsilon, error = "absolute", se = 1, sp = 1)."""
    lines = oracle("sample_precision.csv")
    assert len(lines) == 108
    for r in lines:
        h, p, confidence, n = (float(r[c]) for c in ("half_width", "p", "confidence", "n"))
        population = None if r["population"] == "NA" else int(r["population"])
        found = oms.stats.sample_for_precision(
            h, p=p, confidence=confidence, population=population, method="wald"
        )
        assert float(found) == n, r


@given(st.floats(0.001, 0.4), share, st.floats(0.5, 0.999))
def test_precision_agrees_with_statsmodels(h, p, confidence):
    found = oms.stats.sample_for_precision(h, p=p, confidence=confidence, method="wald")
    reference = samplesize_confint_proportion(p, h, alpha=1 - confidence)
    assume(abs(reference - round(reference)) > 1e-6)
    assert float(found) == math.ceil(reference)


@given(st.floats(0.001, 0.45), st.floats(0, 1), st.floats(0.5, 0.999))
def test_wilson_is_as_narrow_as_wanted_and_one_case_fewer_is_not(h, p, confidence):
    n = float(oms.stats.sample_for_precision(h, p=p, confidence=confidence))

    def half_width(n):
        # statsmodels takes counts that are no whole numbers.
        low, high = proportion_confint(p * n, n, alpha=1 - confidence, method="wilson")
        return (high - low) / 2

    assert half_width(n) <= h * (1 + 1e-9)
    if n > 1:
        assert half_width(n - 1) > h * (1 - 1e-9)


@given(st.floats(0.001, 0.45), share, st.integers(2, 10**6), st.sampled_from(["wilson", "wald"]))
def test_a_sample_is_never_larger_than_the_population(h, p, population, method):
    free = float(oms.stats.sample_for_precision(h, p=p, method=method))
    n = float(oms.stats.sample_for_precision(h, p=p, population=population, method=method))
    assert 1 <= n <= min(free, population)
    # n (N - 1) / (N - n) cases of an endless population are as good.
    if n < population:
        assert n * (population - 1) / (population - n) > free - 1 - 1e-6 * free
    if n > 1:
        fewer = (n - 1) * (population - 1) / (population - n + 1)
        assert fewer < free * (1 + 1e-9)


def test_a_half_takes_the_most_cases():
    p = np.linspace(0, 1, 101)
    for method in ("wilson", "wald"):
        found = oms.stats.sample_for_precision(0.05, p=p, method=method)
        assert found.max() == found[50]
        np.testing.assert_array_equal(found, found[::-1])


# Bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: oms.stats.power(65, 75, 200, 850),
            r"`p1` must be a proportion.*found 65; did you mean 0.65",
        ),
        (
            lambda: oms.stats.power(-0.1, 0.5, 9, 9),
            "`p1` must be a proportion from 0 to 1; found -0.1$",
        ),
        (lambda: oms.stats.power(0.1, 0.5, 9.5, 9), "n1: expected whole numbers"),
        (lambda: oms.stats.power(0.1, 0.5, 9, -9), "n2: expected whole numbers"),
        (lambda: oms.stats.power(0.1, 0.5, 9, 9, level=5), "`level` must be .* did you mean 0.05"),
        (lambda: oms.stats.power(0.1, 0.5, 9, 9, level="low"), "`level` must be one number"),
        (lambda: oms.stats.power([0.1, 0.2], 0.5, [9, 9, 9], 9), "shapes that broadcast"),
        (lambda: oms.stats.power("a", 0.5, 9, 9), "p1: expected numbers"),
        (lambda: oms.stats.power(0.1, 0.5, 9, 9, method="exakt"), "did you mean 'exact'"),
        (lambda: oms.stats.power(0.1, 0.5, 9, 9, test="pearsen"), "did you mean 'pearson'"),
        (
            lambda: oms.stats.power(0.1, 0.5, 9, 9, test="fisher"),
            "use method='exact' for 'fisher'",
        ),
        (lambda: oms.stats.power(0.1, 0.5, 9999, 9999, method="exact"), "use method='normal'"),
        (
            lambda: oms.stats.power(0.1, 0.5, [9, 4000], 4000, method="exact"),
            "groups of 4000 and 4000",
        ),
        (
            lambda: oms.stats.power(0.1, 0.5, 800, 700, method="exact", test="fisher"),
            "5.62e.05 tables, too many for 'fisher'; use test='pearson' and method='normal'",
        ),
        (
            lambda: oms.stats.power(0.1, 0.5, 9, 900_000, method="exact", test="mid-p"),
            "too many for 'fisher-mid-p'",
        ),
        (lambda: oms.stats.sample_for_precision(1e-9), "1e-09 needs more than 2..53 cases"),
        (
            lambda: oms.stats.sample_for_precision([0.1, 5e-324], method="wald"),
            "needs more than 2..53",
        ),
        (
            lambda: oms.stats.detectable(0.5, 50, 50, power=80),
            "`power` must be .* did you mean 0.8",
        ),
        (lambda: oms.stats.sample_size(0.5, 0.6, ratio=0), "`ratio` must be above 0"),
        (lambda: oms.stats.sample_size(0.5, 0.6, ratio=-1), "ratio: expected numbers"),
        (
            lambda: oms.stats.sample_for_precision(5),
            "`half_width` .* 0.5; found 5; did you mean 0.05",
        ),
        (lambda: oms.stats.sample_for_precision(0), "`half_width` .* between 0 and 0.5; found 0$"),
        (
            lambda: oms.stats.sample_for_precision(0.5),
            "`half_width` .* between 0 and 0.5; found 0.5$",
        ),
        (lambda: oms.stats.sample_for_precision(0.1, population=0), "one case or more"),
        (lambda: oms.stats.sample_for_precision(0.1, confidence=95), "did you mean 0.95"),
        (
            lambda: oms.stats.sample_for_precision(0.1, method="jeffreys"),
            "choose from wilson, wald",
        ),
        (lambda: oms.stats.sample_for_precision(0.1, method="willson"), "did you mean 'wilson'"),
    ],
)
def test_plans_that_make_no_sense_are_refused(call, said):
    with pytest.raises(oms.UsageError, match=said):
        call()


@pytest.mark.parametrize("method", ["wilson", "wald"])
@pytest.mark.parametrize("h", [1e-9, 1e-160, 1e-300, 5e-324])
def test_a_width_of_next_to_nothing_takes_all_there_are(h, method):
    assert float(oms.stats.sample_for_precision(h, population=1000, method=method)) == 1000
    if method == "wald":
        # By Wald's formula a proportion of 0 or 1 never varies.
        assert oms.stats.sample_for_precision(h, p=[0, 1], method="wald").tolist() == [1, 1]


def test_a_population_beside_a_size_that_is_larger_than_counts_are():
    """n N / (N - 1 + n) in fractions, of a size of some 9.6e15."""
    free = Fraction(1, 4) * Fraction(NormalDist().inv_cdf(0.975)) ** 2 / Fraction(1e-8) ** 2
    assert free > 2**53
    there = 2**52
    found = float(oms.stats.sample_for_precision(1e-8, population=there, method="wald"))
    assert found == pytest.approx(float(free * there / (there - 1 + free)), rel=1e-9)
