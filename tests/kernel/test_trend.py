"""The test of trend, against R and its definition, and what it must satisfy."""

from __future__ import annotations

import warnings
from fractions import Fraction

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.factories import oracle

import omistats as oms

group = st.integers(1, 900).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
groups = st.lists(group, min_size=2, max_size=6)


def recount(k: list[int], n: list[int], x: list[int]) -> tuple[Fraction, Fraction]:
    """Slope and statistic in exact fractions, by the sums of the textbook."""
    total, s = sum(n), sum(k)
    mean = Fraction(sum(m * v for m, v in zip(n, x, strict=True)), total)
    p = Fraction(s, total)
    spread = sum(m * (v - mean) ** 2 for m, v in zip(n, x, strict=True))
    cross = sum((j - m * p) * (v - mean) for j, m, v in zip(k, n, x, strict=True))
    return cross / spread, cross**2 / (p * (1 - p) * spread)


def test_agrees_with_prop_trend_test_of_r():
    lines = oracle("prop_trend_test.csv")
    assert len(lines) > 30
    for r in lines:
        k, n, scores = ([float(v) for v in r[c].split()] for c in ("k", "n", "scores"))
        found = oms.stats.trend(k, n, scores)
        assert float(found.statistic) == pytest.approx(float(r["statistic"]), rel=1e-9)
        assert float(found.p_value) == pytest.approx(float(r["p_value"]), rel=1e-7)
        # The slope is that of R's weighted least squares.
        assert float(found.slope) == pytest.approx(float(r["slope"]), rel=1e-8)
        assert found.df == 1
        if scores == [*range(1, len(scores) + 1)]:
            assert oms.stats.trend(k, n).statistic == found.statistic


def test_agrees_with_the_smokers_of_fleiss():
    """Fleiss (1981), p. 139, as printed by the help page of prop.trend.test in R.

    X-squared = 8.2249, p-value = 0.004132; with scores 0, 0, 0, 1 12.173, 0.0004848.
    """
    smokers, patients = [83, 90, 129, 70], [86, 93, 136, 82]
    found = oms.stats.trend(smokers, patients)
    assert float(found.statistic) == pytest.approx(8.2249, abs=5e-5)
    assert float(found.p_value) == pytest.approx(0.004132, abs=5e-7)
    assert found.slope < 0
    found = oms.stats.trend(smokers, patients, [0, 0, 0, 1])
    assert float(found.statistic) == pytest.approx(12.173, abs=5e-4)
    assert float(found.p_value) == pytest.approx(0.0004848, abs=5e-8)


@given(groups)
def test_agrees_with_exact_fractions(given_groups):
    k, n = (list(v) for v in zip(*given_groups, strict=True))
    found = oms.stats.trend(k, n)
    if 0 < sum(k) < sum(n):
        slope, statistic = recount(k, n, list(range(1, len(k) + 1)))
        assert float(found.slope) == pytest.approx(float(slope), rel=1e-9, abs=1e-13)
        assert float(found.statistic) == pytest.approx(float(statistic), rel=1e-9, abs=1e-12)


@given(group, group)
def test_of_two_groups_it_is_pearsons(a, b):
    (k1, n1), (k2, n2) = a, b
    found, pearson = oms.stats.trend([k1, k2], [n1, n2]), oms.stats.compare(k1, n1, k2, n2)
    np.testing.assert_allclose(found.statistic, pearson.statistic, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found.slope, k2 / n2 - k1 / n1, rtol=1e-9, atol=1e-13)


@given(groups, st.integers(-2000, 2000), st.sampled_from([-7.0, 0.25, 10.0]))
def test_where_scores_begin_and_their_unit_do_not_matter(given_groups, shift, unit):
    k, n = (list(v) for v in zip(*given_groups, strict=True))
    scores = np.arange(1, len(k) + 1)
    found, moved = oms.stats.trend(k, n), oms.stats.trend(k, n, shift + unit * scores)
    np.testing.assert_allclose(moved.statistic, found.statistic, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(moved.slope * unit, found.slope, rtol=1e-8, atol=1e-12)


@given(groups)
def test_it_is_part_of_what_pearson_finds(given_groups):
    """Cochran (1954): the statistic of the slope is one part of that of any difference."""
    k, n = (list(v) for v in zip(*given_groups, strict=True))
    found, whole = oms.stats.trend(k, n), oms.stats.compare_groups(k, n)
    if not np.isnan(whole.statistic):
        assert found.statistic <= whole.statistic * (1 + 1e-9) + 1e-10


def test_groups_without_trials_keep_their_place():
    found = oms.stats.trend([3, 0, 8], [10, 0, 11])
    assert found.statistic == oms.stats.trend([3, 8], [10, 11], [1, 3]).statistic


def test_groups_lie_along_any_axis():
    k, n = np.array([[3, 5, 9], [1, 8, 4]]), np.array([[10, 11, 12], [9, 10, 20]])
    rows, columns = oms.stats.trend(k, n), oms.stats.trend(k.T, n.T, axis=0)
    np.testing.assert_array_equal(rows.statistic, columns.statistic)
    for field in attrs.fields(type(rows)):
        assert getattr(oms.stats.trend(k[0], n[0]), field.name).shape == ()
        assert getattr(rows, field.name).shape == (2,)


@pytest.mark.parametrize(
    ("k", "n", "stars"),
    [
        ([0, 0, 0], [4, 5, 6], "--"),
        ([4, 5, 6], [4, 5, 6], "--"),
        ([1, 0, 0], [4, 0, 0], ""),
        ([0, 0, 0], [0, 0, 0], ""),
        ([1, np.nan, 2], [4, 4, 4], ""),
    ],
)
def test_undefined_trends_are_nan_without_a_warning(k, n, stars):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = oms.stats.trend(k, n)
    assert np.isnan([found.statistic, found.df, found.p_value]).all()
    assert str(found.stars) == stars


@pytest.mark.parametrize("scores", [[1, 2], [[1, 2, 3]], [1, 2, np.inf], [1, 2, np.nan], 5])
def test_scores_are_one_number_a_group(scores):
    with pytest.raises(oms.UsageError, match="one finite number for each of 3 groups"):
        oms.stats.trend([1, 2, 3], 9, scores)


def test_bad_input_is_refused():
    with pytest.raises(oms.UsageError, match="all be equal"):
        oms.stats.trend([1, 2, 3], 9, [2, 2, 2])
    with pytest.raises(oms.UsageError, match="scores: expected numbers"):
        oms.stats.trend([1, 2, 3], 9, ["low", "middle", "high"])
    with pytest.raises(oms.UsageError, match="no axis 1"):
        oms.stats.trend([1, 2, 3], 9, axis=1)
    with pytest.raises(oms.UsageError, match="no axis -1"):
        oms.stats.trend(1, 9)
    with pytest.raises(oms.UsageError, match="0 <= k <= n"):
        oms.stats.trend([1, 12, 3], 9)


@pytest.mark.parametrize(
    "scores",
    [
        [1e200, 2e200, 4e200],
        [1e-200, 2e-200, 4e-200],
        [1e-320, 2e-320, 4e-320],
        [-1e308, -3.5e307, 1e308 - 5e306],
        [1e15, 1e15 + 1, 1e15 + 3],
        [0, 1e-300, 1e300],
        [1e300, 1e300, 1e-300],
    ],
)
def test_scores_of_any_scale_are_their_proportions(scores):
    """In fractions: nothing overflows, and only the place of a group between the others counts."""
    k, n = [1, 5, 9], [10, 11, 12]
    slope, statistic = recount(k, n, [Fraction(v) for v in scores])
    found = oms.stats.trend(k, n, scores)
    assert float(found.statistic) == pytest.approx(float(statistic), rel=1e-9)
    if abs(slope) < 1e308:
        assert float(found.slope) == pytest.approx(float(slope), rel=1e-9)
    else:
        assert np.isinf(found.slope)


def test_scores_of_empty_groups_count_for_nothing_whatever_they_are():
    found = oms.stats.trend([1, 0, 5], [10, 0, 10], [1, 1e300, 2])
    alone = oms.stats.trend([1, 5], [10, 10], [1, 2])
    assert (found.slope, found.statistic) == (alone.slope, alone.statistic)


def test_scores_that_differ_in_their_last_digit_are_one():
    assert np.isnan(oms.stats.trend([1, 5, 0], [10, 10, 0], [0.3, 0.1 + 0.2, 1]).statistic)
