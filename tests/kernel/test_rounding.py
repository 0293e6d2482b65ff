"""Printed percentages against decimal arithmetic."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

# Internal: every rounding is checked, also of counts that no cases have.
from omistats.kernel.rounding import counts_behind, printed_percent

counts = st.integers(1, 10**12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def by_hand(k: int, n: int) -> int:
    exact = Fraction(100 * k, n)
    # Beyond any tie that n below 1e13 can come near.
    digits = Decimal(exact.numerator) / Decimal(exact.denominator)
    return int(digits.quantize(Decimal(1), ROUND_HALF_UP))


@pytest.mark.parametrize(
    ("k", "n", "printed"),
    [
        (1, 8, 13),  # 12.5: half to even would print 12
        (3, 8, 38),  # 37.5
        (5, 8, 63),  # 62.5: half to even would print 62
        (1, 200, 1),  # 0.5
        (199, 200, 100),  # 99.5
        (57, 200, 29),  # 28.5, which is 28.499999999999996 as 100 * (57 / 200)
        (0, 7, 0),
        (7, 7, 100),
        (0, 0, -1),
    ],
)
def test_halves_go_up(k, n, printed):
    assert printed_percent(k, n) == printed


def test_every_count_up_to_250_agrees_with_decimal_arithmetic():
    k, n = np.array([(k, n) for n in range(1, 251) for k in range(n + 1)]).T
    assert printed_percent(k, n).tolist() == [
        by_hand(*pair) for pair in zip(k.tolist(), n.tolist(), strict=True)
    ]


@given(counts)
def test_agrees_with_decimal_arithmetic(count):
    """ROUND_HALF_UP: ties go away from zero."""
    assert int(printed_percent(*count)) == by_hand(*count)


@given(st.integers(0, 10**9).map(lambda half: 2 * half + 1), st.integers(1, 1000))
def test_exact_halves_always_go_up(odd, times):
    """k / n = odd / 200 is a tie at every size."""
    k, n = (odd % 200) * times, 200 * times
    assert int(printed_percent(k, n)) == (odd % 200 + 1) // 2


def test_counts_behind_is_exactly_the_set_printing_as_the_percentage():
    for n in range(231):
        printed = printed_percent(np.arange(n + 1), n)
        for percent in range(101):
            low, high = counts_behind(percent, n)
            expected = np.flatnonzero(printed == percent).tolist()
            assert list(range(int(low), int(high) + 1)) == expected, (percent, n)


@given(counts)
def test_a_count_is_among_those_behind_its_percentage(count):
    k, n = count
    low, high = counts_behind(printed_percent(k, n), n)
    assert low <= k <= high


@given(st.integers(0, 100), st.integers(1, 10**9))
def test_the_neighbours_of_the_counts_behind_print_otherwise(percent, n):
    low, high = (int(v) for v in counts_behind(percent, n))
    inside = {k for k in (low, high) if low <= high}
    outside = {k for k in (low - 1, high + 1) if 0 <= k <= n} if inside else set()
    assert all(int(printed_percent(k, n)) == percent for k in inside)
    assert all(int(printed_percent(k, n)) != percent for k in outside)


def test_broadcasts():
    low, high = counts_behind([[50], [60]], [10, 20, 0])
    assert low.tolist() == [[5, 10, 1], [6, 12, 1]]
    assert high.tolist() == [[5, 10, 0], [6, 12, 0]]
    assert printed_percent([[1], [2]], [3, 4]).tolist() == [[33, 25], [67, 50]]


@given(st.data())
def test_large_and_small_counts_round_by_the_same_rule(data):
    """Whole numbers are divided where quotients of float64 could be rounded the wrong way."""
    n = data.draw(st.integers(1, 2**54))
    percent = data.draw(st.integers(0, 100))
    # About the count at which the printed percentage changes.
    k = min(max((2 * percent + 1) * n // 200 + data.draw(st.integers(-1, 1)), 0), n)
    expected = (200 * k + n) // (2 * n)
    assert printed_percent(k, n) == expected
    assert printed_percent([k, 0], [n, 0]).tolist() == [expected, -1]
