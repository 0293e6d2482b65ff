"""Smallest expected counts against R and a recount; the policy by its own words."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats.contingency import expected_freq
from tests.factories import oracle

import omistats as oms

# Internal: expected counts of any table, which findings only compare with a limit.
from omistats.kernel.small_numbers import RELIABILITY, smallest_expected, smallest_expected_two

NAN = float("nan")
groups = st.lists(
    st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=1,
    max_size=6,
)


def recounted(pairs):
    """Every expected count by its definition, row total times column total over the total."""
    pairs = [(k, n) for k, n in pairs if n]
    if len(pairs) < 2:
        return None
    total = sum(n for _, n in pairs)
    columns = (sum(k for k, _ in pairs), sum(n - k for k, n in pairs))
    return min(Fraction(n * column, total) for _, n in pairs for column in columns)


def test_agrees_with_chisq_test_of_r():
    """R 4.2.2: min(chisq.test(cbind(k, n - k), correct = FALSE)$expected)."""
    lines = oracle("chisq_test_expected.csv")
    assert len(lines) > 50
    for r in lines:
        k, n = (np.array([int(v) for v in r[c].split()]) for c in ("k", "n"))
        assert float(smallest_expected(k, n)) == pytest.approx(float(r["expected"]), rel=1e-13)
        assert expected_freq(np.stack([k, n - k])).min() == pytest.approx(float(r["expected"]))


@given(groups)
def test_is_the_smallest_of_all_expected_counts(pairs):
    k, n = np.array(pairs).T
    found, wanted = float(smallest_expected(k, n)), recounted(pairs)
    assert np.isnan(found) if wanted is None else found == pytest.approx(float(wanted), rel=1e-14)


@given(groups, groups)
def test_two_groups_have_a_shorter_way(first, second):
    many = min(len(first), len(second))
    a, b = np.array(first[:many]), np.array(second[:many])
    short = smallest_expected_two(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    table = np.stack([a, b], axis=1)
    np.testing.assert_array_equal(short, smallest_expected(table[..., 0], table[..., 1]))


def test_a_missing_count_has_no_expected_count():
    assert np.isnan(smallest_expected([3, NAN, 4], [5, 6, 7]))
    assert np.isnan(smallest_expected([3, 2, 4], [5, NAN, 7]))
    assert np.isnan(smallest_expected_two([NAN, 1, 1], 5, [1, 1, 1], [5, NAN, 0])).all()


def test_answers_all_alike_expect_nothing_of_the_other_kind():
    assert smallest_expected([4, 9], [4, 9]) == 0


@given(st.integers(0, 60), st.one_of(st.just(NAN), st.floats(0, 20)))
def test_the_graver_word_wins(n, expected):
    policy = oms.SmallNumbers(flag_expected=5, flag_below=20, suppress_below=6)
    if n == 0:
        word = None
    elif n < 6:
        word = "suppressed"
    elif n < 20:
        word = "few cases"
    elif expected < 5:
        word = "small expected count"
    else:
        word = "ok"
    code = int(policy.judge(n, expected))
    assert (RELIABILITY[code] if code >= 0 else None) == word
    assert bool(policy.suppressed(n)) == (word == "suppressed")


@given(
    st.integers(1, 60), st.booleans(), st.one_of(st.just(NAN), st.floats(0, 60)), st.floats(0, 20)
)
def test_few_effective_cases_outrank_small_expected_counts_only(n, small, size, expected):
    policy = oms.SmallNumbers(flag_below=20, suppress_below=6)
    few = policy.has_few_effective(size, expected)
    assert bool(few) == (size < 30 or expected < 5)
    (code,) = policy.judge_unchecked(np.array([n]), np.array([small]), np.array([bool(few)]))
    words = {"suppressed": n < 6, "few cases": n < 20, "few effective cases": bool(few)}
    words |= {"small expected count": small, "ok": True}
    assert RELIABILITY[code] == next(word for word, holds in words.items() if holds)


def test_few_effective_cases_can_be_left_unmarked():
    off = oms.SmallNumbers(flag_effective=None)
    assert not off.has_few_effective([1.0, 3.0], 0.5).any()
    alone = oms.SmallNumbers(flag_expected=None, flag_effective=10)
    assert alone.has_few_effective([9.0, 10.0], 0.5).tolist() == [True, False]
    assert not oms.SmallNumbers().has_few_effective(float("inf"), float("inf")).any()


def test_unless_asked_nothing_is_withheld_and_no_percentage_flagged():
    policy = oms.SmallNumbers()
    n = np.arange(4)
    assert policy.judge(n, 9.0).tolist() == [-1, 0, 0, 0]
    assert policy.judge(n, 4.9).tolist() == [-1, 1, 1, 1]
    assert not policy.suppressed(n).any()
    assert oms.SmallNumbers(flag_expected=None).judge(n, 0.1).tolist() == [-1, 0, 0, 0]


def test_a_threshold_is_the_first_number_that_passes():
    policy = oms.SmallNumbers(flag_below=10, suppress_below=10)
    assert policy.judge([9, 10], NAN).tolist() == [3, 0]
    assert oms.SmallNumbers().judge(30, [np.nextafter(5.0, 0), 5.0]).tolist() == [1, 0]


def test_rows_broadcast_and_scalars_give_no_dimension():
    policy = oms.SmallNumbers(flag_below=5)
    assert policy.judge(3, 9.0).shape == ()
    codes = policy.judge(np.array([[3], [8]]), np.array([1.0, 9.0, NAN]))
    assert codes.dtype == np.int8
    assert codes.tolist() == [[2, 2, 2], [1, 0, 0]]
    assert policy.judge([NAN, 8.0], 9.0).tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"flag_below": 0}, "`flag_below` must be a number of cases"),
        ({"suppress_below": 2.5}, "`suppress_below` must be a number of cases"),
        ({"suppress_below": True}, "`suppress_below` must be a number of cases"),
        ({"flag_expected": -1.0}, "`flag_expected` must be a positive count"),
        ({"flag_effective": 0}, "`flag_effective` must be a positive count"),
        ({"flag_expected": NAN}, "`flag_expected` must be a positive count"),
        ({"flag_expected": "5"}, "`flag_expected` must be a positive count"),
        ({"flag_below": 5, "suppress_below": 10}, "`flag_below` must be at least"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(arguments, said):
    with pytest.raises(oms.UsageError, match=said):
        oms.SmallNumbers(**arguments)


def test_what_is_no_number_of_cases_is_refused():
    policy = oms.SmallNumbers(suppress_below=5)
    assert policy.suppressed([None, NAN, 0, 4, 5]).tolist() == [False, False, False, True, False]
    assert policy.expects_few([None, NAN, 4, 5]).tolist() == [False, False, True, False]
    for judge in (policy.suppressed, oms.SmallNumbers().suppressed, policy.expects_few):
        with pytest.raises(oms.UsageError, match="expected numbers"):
            judge(["few"])
    with pytest.raises(ValueError, match="broadcast"):
        policy.judge_unchecked(np.array([1, 2, 3]), np.array([True, False]))
