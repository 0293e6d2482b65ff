"""Tests by name, against R, statsmodels and scipy, and where counts leave nothing to test."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import chi2_contingency, fisher_exact
from statsmodels.stats.proportion import test_proportions_2indep as proportions_2indep
from tests.factories import oracle

import omistats as oms

# Internal: the share of one cell in G, whose digits no sum of four shows.
from omistats.kernel.chi_square import deviance

group = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
METHODS = ["pearson", "yates", "n-1", "g", "z-unpooled", "fisher", "fisher-mid-p", "auto"]


def tables() -> tuple[np.ndarray, list[dict[str, str]]]:
    lines = oracle("tests_two.csv")
    assert len(lines) > 100
    return np.array([[int(r[c]) for c in ("k1", "n1", "k2", "n2")] for r in lines]), lines


@pytest.mark.parametrize(
    ("method", "statistic", "p_value"),
    [("yates", "yates", "yates_p"), ("g", "g", "g_p"), ("n-1", "n_minus_one", None)],
)
def test_agrees_with_r(method, statistic, p_value):
    """R's chisq.test(correct = TRUE), vcd's assocstats and coin's cmh_test of one stratum."""
    counts, lines = tables()
    found = oms.stats.compare(*counts.T, method=method)
    reference = [float(r[statistic]) for r in lines]
    # Where nothing is left after the correction R leaves a rounding error.
    np.testing.assert_allclose(found.statistic, reference, rtol=1e-9, atol=1e-12)
    if p_value:
        np.testing.assert_allclose(found.p_value, [float(r[p_value]) for r in lines], rtol=1e-7)
    assert (found.df == 1).all()
    assert (found.method == method).all()


def test_the_unpooled_test_agrees_with_statsmodels():
    counts, _ = tables()
    found = oms.stats.compare(*counts.T, method="z-unpooled")
    for (k1, n1, k2, n2), statistic, p in zip(counts, found.statistic, found.p_value, strict=True):
        if 0 < k1 < n1 and 0 < k2 < n2:  # statsmodels divides by 0 elsewhere
            reference = proportions_2indep(k1, n1, k2, n2, method="wald", compare="diff")
            assert statistic == pytest.approx(reference.statistic**2, rel=1e-9, abs=1e-12)
            assert p == pytest.approx(reference.pvalue, rel=1e-9)


def test_yates_and_g_agree_with_scipy_on_every_small_table():
    small = [
        (k1, n1, k2, n2)
        for n1 in range(1, 6)
        for n2 in range(1, 6)
        for k1 in range(n1 + 1)
        for k2 in range(n2 + 1)
        if 0 < k1 + k2 < n1 + n2
    ]
    yates = oms.stats.compare(*np.array(small).T, method="yates")
    g = oms.stats.compare(*np.array(small).T, method="g")
    for i, (k1, n1, k2, n2) in enumerate(small):
        table = [[k1, n1 - k1], [k2, n2 - k2]]
        reference = chi2_contingency(table, correction=True)
        assert yates.statistic[i] == pytest.approx(reference.statistic, abs=1e-13)
        reference = chi2_contingency(table, correction=False, lambda_="log-likelihood")
        assert g.statistic[i] == pytest.approx(reference.statistic, rel=1e-12, abs=1e-13)


def test_g_of_several_groups_agrees_with_vcd():
    lines = oracle("g_several.csv")
    assert len(lines) > 30
    for r in lines:
        k, n = (np.array([int(v) for v in r[c].split()]) for c in ("k", "n"))
        found = oms.stats.compare_groups(k, n, method="g")
        assert float(found.statistic) == pytest.approx(float(r["statistic"]), rel=1e-10)
        assert float(found.df) == float(r["df"])
        assert float(found.p_value) == pytest.approx(float(r["p_value"]), rel=1e-8)
        assert found.method == "g"


def g_in_full(o: int, e: Fraction) -> float:
    """o log(o / e) - (o - e) by a series in exact fractions, for o near e."""
    v = (o - e) / (o + e)
    series = sum(2 * o * v ** (2 * j + 1) / (2 * j + 1) for j in range(1, 8))
    return float((o - e) * v + series)


@pytest.mark.parametrize("o", [999_990, 1_000_003, 1_000_000, 1_030_000])
def test_a_cell_near_its_expectation_keeps_its_digits(o):
    e = Fraction(1_000_000) + Fraction(1, 3)
    found = deviance(float(e), float(o - e))
    assert float(found) == pytest.approx(g_in_full(o, e), rel=1e-14)


@given(st.floats(1e-3, 1e6), st.floats(0, 20))
def test_a_cell_agrees_with_its_definition(e, ratio):
    o = e * ratio
    plain = (o * math.log(ratio) if ratio > 0 else 0.0) - (o - e)
    assert float(deviance(e, o - e)) == pytest.approx(plain, rel=1e-8, abs=1e-12 * e)
    assert deviance(e, o - e) >= 0


@given(group, group)
def test_g_of_two_groups_is_that_of_several(a, b):
    (k1, n1), (k2, n2) = a, b
    several = oms.stats.compare_groups([k1, k2], [n1, n2], method="g")
    two = oms.stats.compare(k1, n1, k2, n2, method="g")
    np.testing.assert_allclose(several.statistic, two.statistic, rtol=1e-9, atol=1e-10)


def test_small_p_values_of_g_keep_their_digits():
    """2 N log 2 where all of one half and none of the other succeed; p is erfc(sqrt(N log 2))."""
    n = np.array([10, 100, 490])
    found = oms.stats.compare(n, n, 0, n, method="g")
    np.testing.assert_allclose(found.statistic, 4 * n * math.log(2), rtol=1e-14)
    exact = [math.erfc(math.sqrt(2 * m * math.log(2))) for m in n.tolist()]
    np.testing.assert_allclose(found.p_value, exact, rtol=1e-11)
    assert found.p_value[-1] < 1e-290


@pytest.mark.parametrize("method", METHODS)
@given(a=group, b=group)
def test_order_of_groups_and_of_outcomes_does_not_matter(method, a, b):
    (k1, n1), (k2, n2) = a, b
    found = oms.stats.compare(
        [k1, k2, n1 - k1], [n1, n2, n1], [k2, k1, n2 - k2], [n2, n1, n2], method=method
    )
    np.testing.assert_allclose(found.p_value, found.p_value[0], rtol=1e-7)


@given(group, group)
def test_corrections_only_take_away(a, b):
    pearson, yates, less = (
        oms.stats.compare(*a, *b, method=m).p_value for m in ("pearson", "yates", "n-1")
    )
    if not np.isnan(pearson):
        assert yates >= pearson
        assert less >= pearson


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("table", "stars"),
    [
        ((0, 5, 0, 9), "--"),
        ((5, 5, 9, 9), "--"),
        ((0, 0, 3, 9), ""),
        ((3, 9, 0, 0), ""),
        ((0, 0, 0, 0), ""),
        ((np.nan, 5, 3, 9), ""),
        ((3, 5, 3, np.nan), ""),
    ],
)
def test_what_cannot_be_tested_gives_no_warning(method, table, stars):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = oms.stats.compare(*table, method=method)
    assert np.isnan(found.statistic)
    assert np.isnan(found.df)
    assert str(found.stars) == stars
    exact = method in {"fisher", "fisher-mid-p", "auto"} and stars == "--"
    # One table is possible: its p-value is 1, and its mid-P half of that.
    expected = {"fisher": 1.0, "auto": 1.0, "fisher-mid-p": 0.5}[method] if exact else np.nan
    np.testing.assert_equal(float(found.p_value), expected)


def test_all_against_none_is_infinitely_far_apart_by_the_unpooled_test():
    found = oms.stats.compare(0, 3, 4, 4, method="z-unpooled")
    assert np.isinf(found.statistic)
    assert found.p_value == 0
    assert str(found.stars) == "***"


@pytest.mark.parametrize(
    ("table", "method"),
    [
        ((3, 4, 1, 4), "fisher"),
        ((5, 10, 5, 10), "pearson"),  # every cell expects 5 exactly
        ((4, 10, 5, 10), "fisher"),  # 4.5
        ((14, 20, 9, 30), "pearson"),
        ((0, 20, 0, 30), "fisher"),  # no successes expected
        ((0, 0, 3, 9), "pearson"),  # nothing to test, and so nothing small
    ],
)
def test_the_choice_goes_by_the_smallest_expected_count(table, method):
    found = oms.stats.compare(*table, method="auto")
    chosen = oms.stats.compare(*table, method=method)
    assert str(found.method) == method
    np.testing.assert_array_equal(found.p_value, chosen.p_value)
    np.testing.assert_array_equal(found.statistic, chosen.statistic)
    groups = oms.stats.compare_groups(table[::2], table[1::2], method="auto")
    assert str(groups.method) == method
    np.testing.assert_allclose(groups.p_value, chosen.p_value, rtol=1e-14)


@given(st.lists(group, min_size=3, max_size=5))
def test_larger_tables_stay_with_pearson(groups):
    k, n = (list(v) for v in zip(*groups, strict=True))
    found = oms.stats.compare_groups(k, n, method="auto")
    assert str(found.method) == "pearson"
    np.testing.assert_array_equal(found.p_value, oms.stats.compare_groups(k, n).p_value)


def test_the_choice_is_made_element_by_element():
    k1, k2 = np.arange(11), np.arange(11)[:, np.newaxis]
    found = oms.stats.compare(k1, 10, k2, 10, method="auto")
    for (i, j), used in np.ndenumerate(found.method):
        a, b = int(k1[j]), int(k2[i, 0])
        expected = min(a + b, 20 - a - b) / 2
        assert used == ("fisher" if expected < 5 else "pearson")
        table = [[a, 10 - a], [b, 10 - b]]
        if used == "fisher":
            assert found.p_value[i, j] == pytest.approx(fisher_exact(table)[1], rel=1e-12)
        else:
            reference = chi2_contingency(table, correction=False)
            assert found.p_value[i, j] == pytest.approx(reference.pvalue, rel=1e-11)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("chi2", "pearson"),
        ("z_pooled", "pearson"),
        ("Log-Likelihood", "g"),
        ("wald", "z-unpooled"),
        ("fisher_exact", "fisher"),
        ("midp", "fisher-mid-p"),
        ("N-1", "n-1"),
    ],
)
def test_other_spellings_find_the_test(spelling, name):
    assert str(oms.stats.compare(14, 20, 9, 30, method=spelling).method) == name


def test_near_names_are_listed():
    with pytest.raises(oms.UnknownNameError, match="did you mean 'fisher'"):
        oms.stats.compare(1, 2, 3, 4, method="fischer")
    assert [*oms.stats.TESTS] == METHODS
    assert [*oms.stats.GROUP_TESTS] == ["pearson", "g", "auto", "trend"]


def test_a_test_of_ones_own_is_used_by_name(monkeypatch):
    def sign(k1, n1, k2, n2):
        return np.sign(k1 / n1 - k2 / n2), np.ones(k1.shape), np.full(k1.shape, 0.004)

    monkeypatch.setattr(oms.stats.TESTS, "_functions", dict(oms.stats.TESTS._functions))
    monkeypatch.setattr(oms.stats.TESTS, "_aliases", dict(oms.stats.TESTS._aliases))
    oms.stats.TESTS.register("sign-of-my-own", sign)
    found = oms.stats.compare([1, 2], 3, 2, [3, 4], method="sign-of-my-own")
    assert found.statistic.tolist() == [-1, 1]
    assert found.stars.tolist() == ["**", "**"]
    assert found.method.tolist() == ["sign-of-my-own"] * 2
