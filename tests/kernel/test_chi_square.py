"""Pearson's chi-square, its tail and the stars, against scipy, R and asymptotics."""

from __future__ import annotations

import math
import warnings

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import chi2, chi2_contingency
from tests.factories import oracle

import omistats as oms

# Internal: the tail at any x and df, and stars of any p-value, which no counts reach.
from omistats.kernel.chi_square import chi_square_sf, star_codes

group = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_agrees_with_prop_test_of_r():
    lines = oracle("prop_test_two.csv")
    assert len(lines) > 50
    k1, n1, k2, n2 = (np.array([int(r[c]) for r in lines]) for c in ("k1", "n1", "k2", "n2"))
    found = oms.stats.compare(k1, n1, k2, n2)
    np.testing.assert_allclose(found.statistic, [float(r["statistic"]) for r in lines], rtol=1e-11)
    p = np.array([float(r["p_value"]) for r in lines])
    np.testing.assert_allclose(found.p_value, p, rtol=1e-8, atol=0)
    assert (p == 0).sum() >= 3  # the smallest are told apart by the logarithms of another test
    assert (found.method == "pearson").all()


def test_agrees_with_chisq_test_of_r_for_several_groups():
    lines = oracle("chisq_test_several.csv")
    assert len(lines) == 40
    for r in lines:
        k, n = (np.array([int(v) for v in r[c].split()]) for c in ("k", "n"))
        found = oms.stats.compare_groups(k, n)
        assert float(found.statistic) == pytest.approx(float(r["statistic"]), rel=1e-10)
        assert float(found.df) == float(r["df"])
        assert float(found.p_value) == pytest.approx(float(r["p_value"]), rel=1e-8)


def test_agrees_with_agresti():
    """Agresti (2007), p. 39: party by gender; X-squared = 30.07 on 2 df.

    R's help page of chisq.test prints 30.070149 for the same table. Democrats, independents,
    republicans; women first.
    """
    party = np.array([[762, 327, 468], [484, 239, 477]])
    found = oms.stats.compare_groups(party[0], party.sum(axis=0))
    assert float(found.statistic) == pytest.approx(30.0701491, abs=5e-8)
    assert float(found.df) == 2
    assert float(found.p_value) == pytest.approx(2.953589e-07, rel=1e-6)  # R's chisq.test
    reference = chi2_contingency(party, correction=False)
    assert float(found.statistic) == pytest.approx(reference.statistic, rel=1e-13)


def test_agrees_with_scipy_on_every_small_table():
    tables = [
        (k1, n1, k2, n2)
        for n1 in range(1, 7)
        for n2 in range(1, 7)
        for k1 in range(n1 + 1)
        for k2 in range(n2 + 1)
        if 0 < k1 + k2 < n1 + n2
    ]
    found = oms.stats.compare(*np.array(tables).T)
    for i, (k1, n1, k2, n2) in enumerate(tables):
        reference = chi2_contingency([[k1, n1 - k1], [k2, n2 - k2]], correction=False)
        assert found.statistic[i] == pytest.approx(reference.statistic, rel=1e-12, abs=1e-14)
        assert found.p_value[i] == pytest.approx(reference.pvalue, rel=1e-11)


def test_the_tail_agrees_with_r_down_to_1e_minus_300():
    lines = oracle("pchisq_tail.csv")
    x, df, log_p = (np.array([float(r[c]) for r in lines]) for c in ("x", "df", "log_p"))
    shown = log_p > math.log(1e-307)  # smaller ones lose digits as denormals
    assert (log_p[shown] < math.log(1e-290)).any()
    np.testing.assert_allclose(chi_square_sf(x, df)[shown], np.exp(log_p[shown]), rtol=1e-11)
    assert (chi_square_sf(x, df)[~shown] < 1e-300).all()


@pytest.mark.parametrize("x", [40.0, 200.0, 700.0, 1370.0])
def test_the_tail_of_one_degree_of_freedom_agrees_with_the_standard_library(x):
    assert chi_square_sf(x, 1) == pytest.approx(math.erfc(math.sqrt(x / 2)), rel=1e-13)


@pytest.mark.parametrize("x", [400.0, 1000.0, 1370.0])
def test_the_tail_agrees_with_its_asymptotic_series(x):
    """Abramowitz and Stegun 7.1.23: erfc(z) ~ exp(-z^2) / (z sqrt(pi)) (1 - 1/(2 z^2) + ...)."""
    zz = x / 2
    series = 1 - 1 / (2 * zz) + 3 / (4 * zz**2) - 15 / (8 * zz**3)
    leading = math.exp(-zz) / math.sqrt(zz * math.pi)
    assert chi_square_sf(x, 1) == pytest.approx(leading * series, rel=105 / (16 * zz**4) + 1e-13)


@given(st.floats(0, 600), st.integers(1, 40))
def test_the_tail_agrees_with_scipy_stats(x, df):
    np.testing.assert_allclose(chi_square_sf(x, df), chi2.sf(x, df), rtol=1e-10, atol=1e-300)


@given(st.floats(0, 1400))
def test_two_degrees_of_freedom_are_exponential(x):
    """chi-square on 2 df is exponential: its tail is exp(-x / 2)."""
    assert chi_square_sf(x, 2) == pytest.approx(math.exp(-x / 2), rel=1e-12)


def test_no_degrees_of_freedom_test_nothing():
    assert np.isnan(chi_square_sf([1.0, 2.0], [0, -1])).all()
    assert np.isnan(chi_square_sf(np.nan, [1, 2])).all()


@given(group, group)
def test_order_of_groups_and_of_outcomes_does_not_matter(a, b):
    (k1, n1), (k2, n2) = a, b
    found = oms.stats.compare([k1, k2, n1 - k1], [n1, n2, n1], [k2, k1, n2 - k2], [n2, n1, n2])
    np.testing.assert_allclose(found.statistic, found.statistic[0], rtol=1e-9, atol=1e-12)


@given(group, group)
def test_two_groups_are_the_case_r_equals_2_of_several(a, b):
    (k1, n1), (k2, n2) = a, b
    two = oms.stats.compare(k1, n1, k2, n2)
    several = oms.stats.compare_groups([k1, k2], [n1, n2])
    np.testing.assert_allclose(several.statistic, two.statistic, rtol=1e-9, atol=1e-10)
    np.testing.assert_array_equal(several.df, two.df)


@given(st.lists(group, min_size=2, max_size=6), st.integers(0, 6))
def test_groups_without_trials_drop_out_of_the_degrees_of_freedom(groups, place):
    k, n = (list(v) for v in zip(*groups, strict=True))
    full = oms.stats.compare_groups(k, n)
    at = min(place, len(k))
    holed = oms.stats.compare_groups([*k[:at], 0, *k[at:]], [*n[:at], 0, *n[at:]])
    np.testing.assert_array_equal(holed.df, full.df)
    np.testing.assert_allclose(holed.statistic, full.statistic, rtol=1e-9, atol=1e-12)


def test_groups_lie_along_any_axis():
    k = np.array([[3, 5, 9], [1, 8, 0]])
    n = np.array([[10, 11, 12], [9, 10, 0]])
    rows, columns = oms.stats.compare_groups(k, n), oms.stats.compare_groups(k.T, n.T, axis=0)
    np.testing.assert_array_equal(rows.statistic, columns.statistic)
    assert rows.df.tolist() == [2, 1]
    with pytest.raises(oms.UsageError, match="no axis 2"):
        oms.stats.compare_groups(k, n, axis=2)


def test_large_counts_do_not_overflow():
    """The product of margins passes 2**63 at 100,000 cases; the statistic scales with n."""
    small = oms.stats.compare(600, 1000, 500, 1000)
    large = oms.stats.compare(600_000_000, 10**9, 500_000_000, 10**9)
    assert float(large.statistic) == pytest.approx(1e6 * float(small.statistic), rel=1e-13)


@pytest.mark.parametrize(
    ("k1", "n1", "k2", "n2", "stars"),
    [
        (0, 5, 0, 9, "--"),  # every answer the same: nothing differs
        (5, 5, 9, 9, "--"),
        (0, 0, 3, 9, ""),  # one group: nothing to compare
        (3, 9, 0, 0, ""),
        (0, 0, 0, 0, ""),
        (np.nan, 5, 3, 9, ""),  # an unknown count tests nothing
        (3, np.nan, 3, 9, ""),
        (3, 5, 3, np.nan, ""),
    ],
)
def test_undefined_tests_are_nan_without_a_warning(k1, n1, k2, n2, stars):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        two = oms.stats.compare(k1, n1, k2, n2)
        several = oms.stats.compare_groups([k1, k2], [n1, n2])
    for found in (two, several):
        assert np.isnan(found.statistic)
        assert np.isnan(found.p_value)
        assert np.isnan(found.df)
        assert str(found.stars) == stars


def test_statistic_and_df_where_nothing_is_left():
    found = oms.stats.compare_groups([[0, 0], [1, 0]], [[0, 0], [4, 0]])
    assert np.isnan(found.statistic).all()
    assert np.isnan(found.df).all()


@pytest.mark.parametrize(
    ("p", "code"),
    # The report's rule: *** below 0.001, ** below 0.01, * below 0.05, -- otherwise.
    [
        (0.0, 3),
        (np.nextafter(0.001, 0), 3),
        (0.001, 2),
        (np.nextafter(0.01, 0), 2),
        (0.01, 1),
        (np.nextafter(0.05, 0), 1),
        (0.05, 0),
        (1.0, 0),
        (np.nan, 0),
    ],
)
def test_stars_are_strict_inequalities(p, code):
    assert star_codes(p) == code
    assert star_codes(p, False) == -1


@given(st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_a_smaller_p_value_never_has_fewer_stars(pair):
    smaller, larger = star_codes(pair)
    assert smaller >= larger


@pytest.mark.parametrize(
    ("k", "n"), [(-1, 5), (6, 5), (1.5, 5), (1, 5.5), (1, np.inf), (np.inf, np.inf), (0, -2)]
)
def test_impossible_counts_are_refused_and_located(k, n):
    with pytest.raises(oms.UsageError, match="0 <= k <= n") as caught:
        oms.stats.compare([1, k], [2, n], 3, 4)
    assert "at (1,)" in str(caught.value)
    with pytest.raises(oms.UsageError, match="0 <= k <= n"):
        oms.stats.compare_groups([1, k], [2, n])
    with pytest.raises(oms.UsageError, match="0 <= k <= n"):
        oms.stats.interval(k, n)


def test_many_impossible_counts_are_counted():
    with pytest.raises(oms.UsageError, match="and 4 more"):
        oms.stats.interval(np.full(7, 9), 5)


@pytest.mark.parametrize("k", ["three", [[1], [2, 3]], [1, 2, 3]])
def test_what_is_no_count_is_refused(k):
    with pytest.raises(oms.UsageError, match=r"(expected numbers|shapes that broadcast)"):
        oms.stats.interval(k, [5, 5])


def test_unknown_test_lists_the_known():
    with pytest.raises(oms.UnknownNameError, match="pearson"):
        oms.stats.compare(1, 2, 3, 4, method="person")
    with pytest.raises(oms.UnknownNameError, match="pearson"):
        oms.stats.compare_groups([1, 2], [3, 4], method="fisher")


def test_scalars_give_arrays_of_no_dimension():
    for record in (oms.stats.compare(14, 20, 9, 30), oms.stats.compare_groups([1, 2], [3, 4])):
        for field in attrs.fields(type(record)):
            value = getattr(record, field.name)
            assert isinstance(value, np.ndarray), field.name
            assert value.ndim == 0, field.name


def test_masked_counts_are_unknown():
    k = np.ma.array([5, 7], mask=[False, True])
    assert np.isnan(oms.stats.interval(k, 10).estimate).tolist() == [False, True]
    assert oms.stats.compare(k, 10, 1, 10).stars.tolist()[1] == ""


@pytest.mark.parametrize("k", ["14", np.datetime64("2011-03-01"), 10**400, [None, "3"]])
def test_what_only_looks_like_a_count(k):
    with pytest.raises(oms.UsageError, match="k: expected numbers"):
        oms.stats.interval(k, 20)


def test_groups_that_do_not_broadcast():
    with pytest.raises(oms.UsageError, match="the two groups must have shapes that broadcast"):
        oms.stats.compare([1, 2], [3, 4], [1, 2, 3], [3, 4, 5])


@pytest.mark.parametrize("confidence", ["95", [0.9, 0.95], None, True])
def test_a_confidence_is_one_number(confidence):
    with pytest.raises(oms.UsageError, match="one number between 0 and 1"):
        oms.stats.interval(1, 2, confidence=confidence)
    with pytest.raises(oms.UsageError, match="one number between 0 and 1"):
        oms.Inference(confidence=confidence)
