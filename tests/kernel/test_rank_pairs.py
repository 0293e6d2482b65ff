"""Pairs of units against p.adjust in R, multipletests of statsmodels, and scipy's normal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from tests.factories import adjusted_by_statsmodels, oracle

import omistats as oms

# Internal: pairs of any estimates; a score table reaches few of them.
from omistats.kernel.ranks import pairs, rank_sets

tables = st.integers(2, 8).flatmap(
    lambda size: st.tuples(
        st.lists(st.sampled_from([0.2, 0.5, 0.55, 0.9]), min_size=size, max_size=size),
        st.lists(st.sampled_from([0.0, 0.01, 0.04, np.nan]), min_size=size, max_size=size),
    )
)


def numbers(cell: str) -> np.ndarray:
    return np.array([float("nan" if v == "NA" else v) for v in cell.split()])


def test_adjusted_p_values_are_those_of_r_in_the_direction_found():
    """R 4.2.2, p.adjust(method="holm") over both directions of each pair: oracles/funnel.R."""
    lines = oracle("rank_sets.csv")
    checked = 0
    for line in lines:
        estimate, se = numbers(line["estimate"]), numbers(line["se"])
        size = len(estimate)
        wanted = numbers(line["p_value"]).reshape(size, size)
        found = pairs(estimate, se)
        for at, (i, j) in enumerate(zip(found.first, found.second, strict=True)):
            theirs = wanted[i, j] if estimate[i] >= estimate[j] else wanted[j, i]
            assert found.p_adjusted[at] == pytest.approx(theirs, rel=1e-10)
            checked += 1
    sizes = [len(line["estimate"].split()) for line in lines]
    assert checked == sum(n * (n - 1) // 2 for n in sizes) > 50


@settings(max_examples=60)
@given(tables, st.sampled_from([0.8, 0.95]))
def test_pairs_agree_with_scipy_and_statsmodels(table, confidence):
    estimate, se = (np.array(values) for values in table)
    found = pairs(estimate, se, confidence=confidence)
    size = len(estimate)
    at = [(i, j) for i in range(size) for j in range(i + 1, size)]
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == at
    both = np.hypot(se[found.first], se[found.second])
    np.testing.assert_array_equal(found.difference, estimate[found.first] - estimate[found.second])
    np.testing.assert_allclose(found.se, both)
    sure = both > 0
    p = 2 * stats.norm.sf(np.abs(found.difference[sure]) / both[sure])
    np.testing.assert_allclose(found.p_value[sure], p, rtol=1e-9)
    low, high = stats.norm.interval(confidence, found.difference[sure], both[sure])
    np.testing.assert_allclose(found.low[sure], low, atol=1e-12)
    np.testing.assert_allclose(found.high[sure], high, atol=1e-12)
    # Both directions of every pair that is known, through another Holm.
    known = np.flatnonzero(~np.isnan(both))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(found.difference == 0, 0.0, found.difference / both)[known]
    assert np.isnan(np.delete(found.p_adjusted, known)).all()
    assert (np.delete(found.higher, known) == 0).all()
    if not len(known):
        return
    one_sided = np.concatenate([stats.norm.sf(z), stats.norm.sf(-z)])
    adjusted = adjusted_by_statsmodels(one_sided, "holm")
    up, down = adjusted[: len(known)], adjusted[len(known) :]
    np.testing.assert_allclose(found.p_adjusted[known], np.minimum(up, down), rtol=1e-9)
    higher = np.where(up <= 1 - confidence, 1, np.where(down <= 1 - confidence, -1, 0))
    np.testing.assert_array_equal(found.higher[known], higher)


@settings(max_examples=40)
@given(tables)
def test_pairs_order_as_the_joint_ranges_do(table):
    estimate, se = (np.array(values) for values in table)
    found, sets = pairs(estimate, se), rank_sets(estimate, se)
    for unit in np.flatnonzero(~np.isnan(se)):
        first, second = found.first == unit, found.second == unit
        above = (found.higher[first] == 1).sum() + (found.higher[second] == -1).sum()
        below = (found.higher[first] == -1).sum() + (found.higher[second] == 1).sum()
        # The set counts who is above the unit; the pairs whom the unit is above.
        assert (sets.below[unit], sets.above[unit]) == (above, below)


def test_a_unit_without_a_standard_error_does_not_count_even_where_it_ties():
    known = rank_sets([0.9, 0.7, 0.5], 0.05)
    tied = rank_sets([0.9, 0.7, 0.7, 0.5], [0.05, 0.05, np.nan, 0.05])
    rest = np.array([0, 1, 3])
    np.testing.assert_array_equal(tied.p_value[np.ix_(rest, rest)], known.p_value)
    assert np.isnan(tied.p_value[2]).all()
    assert np.isnan(tied.p_value[:, 2]).all()


def test_without_any_error_an_order_is_certain_and_equals_are_not_ordered():
    found = pairs([0.7, 0.7, 0.4], 0.0)
    assert found.p_value.tolist() == [1, 0, 0]
    assert found.higher.tolist() == [0, 1, 1]
    assert found.low.tolist() == found.high.tolist() == found.difference.tolist()


def test_tables_lie_along_the_other_axes():
    rng = np.random.default_rng(5)
    estimate, se = rng.uniform(0.4, 0.9, (3, 5)), rng.uniform(0.01, 0.1, (3, 5))
    found = pairs(estimate, se)
    for i in range(3):
        alone = pairs(estimate[i], se[i])
        for name in ("difference", "se", "low", "high", "p_value", "p_adjusted", "higher"):
            np.testing.assert_array_equal(getattr(found, name)[i], getattr(alone, name))


def test_bad_input_is_named():
    with pytest.raises(oms.UsageError, match=r"`se` must be finite, 0 or more .*-1 at .1,"):
        pairs([0.5, 0.6], [0.1, -1])
    with pytest.raises(oms.UsageError, match="last axis"):
        pairs(0.5, 0.1)
