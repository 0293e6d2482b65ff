"""Differences behind printed percentages, against loops over every pair of counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

import omistats as oms
from omistats import DataError, UnknownNameError, UsageError


def prints(k: int, n: int) -> int:
    """Half up, by hand."""
    return math.floor((100 * k) / n + 0.5)


@st.composite
def printed(draw: st.DrawFn) -> tuple[int, int]:
    """Draw a percentage that some count has; above 100 cases several can have it."""
    n = draw(st.integers(1, 350))
    return prints(draw(st.integers(0, n)), n), n


def behind(percent: int, n: int) -> list[int]:
    return [k for k in range(n + 1) if prints(k, n) == percent]


def check(found: oms.forensics.DifferenceBehind, tables: list[tuple[int, int, int, int]]) -> None:
    """Compare bounds with those of a loop; statsmodels' newcomb is the hybrid score interval."""
    if not tables:
        assert np.isnan([found.least, found.most, found.low, found.high]).all()
        return
    apart = [k1 / n1 - k2 / n2 for k1, n1, k2, n2 in tables]
    ends = np.array(
        [confint_proportions_2indep(*t, method="newcomb", compare="diff") for t in tables]
    )
    np.testing.assert_allclose([found.least, found.most], [min(apart), max(apart)], atol=1e-12)
    np.testing.assert_allclose(found.low, ends[:, 0].min(), atol=1e-9)
    np.testing.assert_allclose(found.high, ends[:, 1].max(), atol=1e-9)


@settings(max_examples=60)
@given(printed(), printed())
def test_bounds_are_those_of_a_loop(first: tuple[int, int], second: tuple[int, int]) -> None:
    (p1, n1), (p2, n2) = first, second
    tables = [(a, n1, b, n2) for a in behind(p1, n1) for b in behind(p2, n2)]
    check(oms.forensics.difference_behind(p1, n1, p2, n2), tables)


def test_several_counts_make_bounds_that_differ() -> None:
    found = oms.forensics.difference_behind(58, 271, 67, 266)
    assert found.low < found.least < found.most < found.high


@settings(max_examples=60)
@given(printed(), st.integers(0, 150), st.integers(0, 100), st.integers(0, 3))
def test_a_subset_is_compared_with_all_the_others(
    first: tuple[int, int], more: int, p: int, left: int
) -> None:
    p1, n1 = first
    found = oms.forensics.difference_behind(
        p1, n1, p, n1 + more, complement=True, unclassified=left, rounding="half-up"
    )
    others = more - left
    # Of those left out any number may have been sufficient.
    tables = {
        (a, n1, b - a - c, others)
        for a in behind(p1, n1)
        for b in behind(p, n1 + more)
        for c in range(left + 1)
        if others > 0 and 0 <= b - a - c <= others
    }
    check(found, sorted(tables))


def test_figures_broadcast_and_blanks_stay_blank() -> None:
    found = oms.forensics.difference_behind([[70], [np.nan]], 200, [60, 65, 50], [300, 300, 0])
    assert found.low.shape == (2, 3)
    assert np.isnan(found.low[1]).all()
    assert np.isnan(found.low[0, 2])
    assert (found.low[0, :2] < found.least[0, :2]).all()
    assert (found.method == "newcombe").all()
    assert oms.forensics.difference_behind(70, 200, 60, 300, method="Newcombe").method == "newcombe"


def test_exact_percentages_give_the_plain_interval() -> None:
    plain = oms.stats.difference(1, 4, 2, 4, method="wald", confidence=0.9)
    found = oms.forensics.difference_behind(25, 4, 50, 4, method="wald", confidence=0.9)
    assert (found.least, found.most) == (plain.estimate, plain.estimate)
    assert (found.low, found.high) == (plain.low, plain.high)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match=r"(?s)percent1.*n2"):
        oms.forensics.difference_behind(101, 10, 50, -1)
    with pytest.raises(UnknownNameError):
        oms.forensics.difference_behind(50, 10, 50, 10, method="exactly")
    with pytest.raises(UsageError, match="complement=True"):
        oms.forensics.difference_behind(50, 10, 50, 10, unclassified=2)
    with pytest.raises(UsageError, match="confidence"):
        oms.forensics.difference_behind(50, 10, 50, 10, confidence=95)
