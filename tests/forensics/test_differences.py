"""Differences behind printed percentages, against loops over every pair of counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

import omistats as oms
from omistats.errors import DataError, UnknownNameError, UsageError


def prints(k: int, n: int) -> int:
    """Half up, by hand."""
    return math.floor((100 * k) / n + 0.5)


@given(
    st.integers(0, 100),
    st.integers(1, 60),
    st.integers(0, 100),
    st.integers(1, 60),
)
def test_bounds_are_those_of_a_loop(p1: int, n1: int, p2: int, n2: int) -> None:
    # statsmodels' "newcomb" is the hybrid score interval, by somebody else.
    found = oms.difference_behind(p1, n1, p2, n2)
    pairs = [
        (k1, k2)
        for k1 in range(n1 + 1)
        for k2 in range(n2 + 1)
        if prints(k1, n1) == p1 and prints(k2, n2) == p2
    ]
    if not pairs:
        assert np.isnan([found.least, found.most, found.low, found.high]).all()
        return
    apart = [k1 / n1 - k2 / n2 for k1, k2 in pairs]
    ends = np.array(
        [
            confint_proportions_2indep(k1, n1, k2, n2, method="newcomb", compare="diff")
            for k1, k2 in pairs
        ]
    )
    np.testing.assert_allclose(found.least, min(apart), atol=1e-12)
    np.testing.assert_allclose(found.most, max(apart), atol=1e-12)
    np.testing.assert_allclose(found.low, ends[:, 0].min(), atol=1e-9)
    np.testing.assert_allclose(found.high, ends[:, 1].max(), atol=1e-9)


@given(st.integers(0, 100), st.integers(1, 25), st.integers(0, 100), st.integers(0, 25))
def test_a_subset_is_compared_with_all_the_others(p1: int, n1: int, p: int, more: int) -> None:
    found = oms.difference_behind(p1, n1, p, n1 + more, complement=True)
    apart = [
        k1 / n1 - k2 / more
        for k1 in range(n1 + 1)
        for k2 in range(more + 1)
        if more and prints(k1, n1) == p1 and prints(k1 + k2, n1 + more) == p
    ]
    if apart:
        np.testing.assert_allclose([found.least, found.most], [min(apart), max(apart)], atol=1e-12)
    else:
        assert np.isnan([found.least, found.most, found.low, found.high]).all()


def test_figures_broadcast_and_blanks_stay_blank() -> None:
    found = oms.difference_behind([[70], [np.nan]], 200, [60, 65, 50], [300, 300, 0])
    assert found.low.shape == (2, 3)
    assert np.isnan(found.low[1]).all()
    assert np.isnan(found.low[0, 2])
    assert (found.low[0, :2] < found.least[0, :2]).all()
    assert (found.method == "newcombe").all()


def test_exact_percentages_give_the_plain_interval() -> None:
    plain = oms.difference(1, 4, 2, 4, method="wald", confidence=0.9)
    found = oms.difference_behind(25, 4, 50, 4, method="wald", confidence=0.9)
    assert (found.least, found.most) == (plain.estimate, plain.estimate)
    assert (found.low, found.high) == (plain.low, plain.high)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match=r"(?s)percent1.*n2"):
        oms.difference_behind(101, 10, 50, -1)
    with pytest.raises(UnknownNameError):
        oms.difference_behind(50, 10, 50, 10, method="exactly")
    with pytest.raises(UsageError, match="complement=True"):
        oms.difference_behind(50, 10, 50, 10, unclassified=2)
    with pytest.raises(UsageError, match="confidence"):
        oms.difference_behind(50, 10, 50, 10, confidence=95)
