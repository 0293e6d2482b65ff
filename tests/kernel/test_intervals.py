"""All intervals for one proportion: against R, statsmodels, scipy, print, and their definitions."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint
from tests.factories import oracle

import omistats as oms

METHODS = ["wilson", "wilson-cc", "clopper-pearson", "mid-p", "jeffreys", "agresti-coull", "wald"]

# Newcombe, R. G. (1998). Statistics in Medicine 17, 857-872, Table I, method 5 (exact), at 95%.
NEWCOMBE_EXACT = [
    (81, 263, 0.2527, 0.3676),
    (15, 148, 0.0578, 0.1617),
    (0, 20, 0.0000, 0.1684),
    (1, 29, 0.0009, 0.1776),
]

counts = st.integers(1, 10**5).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.floats(0.5, 1 - 1e-6)
methods = st.sampled_from(METHODS)


def upto_forty():
    return np.array([(k, n) for n in range(1, 41) for k in range(n + 1)]).T


def test_the_seven_are_all():
    assert set(oms.stats.INTERVALS) >= set(METHODS)


@pytest.mark.parametrize(("k", "n", "low", "high"), NEWCOMBE_EXACT)
def test_clopper_pearson_agrees_with_newcombe_to_the_printed_digits(k, n, low, high):
    found = oms.stats.interval(k, n, "clopper-pearson")
    assert abs(float(found.low) - low) <= 0.00005
    assert abs(float(found.high) - high) <= 0.00005


@pytest.mark.parametrize("method", ["wilson-cc", "clopper-pearson", "mid-p"])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.998])
def test_agrees_with_r(method, confidence):
    """R: prop.test(correct = TRUE), binom.test, and uniroot on the definition of mid-P."""
    lines = [
        r
        for r in oracle("one_proportion.csv")
        if r["method"] == method and float(r["confidence"]) == confidence
    ]
    assert len(lines) == 48
    k, n = (np.array([int(r[c]) for r in lines]) for c in ("k", "n"))
    # prop.test leaves the correction out exactly there, which would be another interval.
    assert not (2 * k == n).any()
    found = oms.stats.interval(k, n, method, confidence)
    for side, values in (("low", found.low), ("high", found.high)):
        np.testing.assert_allclose(values, [float(r[side]) for r in lines], rtol=1e-12, atol=3e-15)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.999])
@pytest.mark.parametrize(
    ("method", "theirs"),
    [
        ("clopper-pearson", "beta"),
        ("jeffreys", "jeffreys"),
        ("agresti-coull", "agresti_coull"),
        ("wald", "normal"),
    ],
)
def test_agrees_with_statsmodels_on_every_count_up_to_forty(method, theirs, confidence):
    k, n = upto_forty()
    found = oms.stats.interval(k, n, method, confidence)
    low, high = proportion_confint(k, n, alpha=1 - confidence, method=theirs)
    if method == "jeffreys":
        # Brown, Cai and DasGupta close the interval where none or all succeeded; they do not.
        low, high = np.where(k == 0, 0, low), np.where(k == n, 1, high)
    np.testing.assert_allclose(found.low, low, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found.high, high, rtol=1e-10, atol=1e-14)
    assert (oms.stats.interval(1, 2, theirs).method == method).all()


def test_wilson_with_correction_agrees_with_scipy_half_way_too():
    for k, n in [(10, 20), (1, 2), (0, 5), (7, 7), (50, 100), (3, 9)]:
        ours = oms.stats.interval(k, n, "wilson-cc", 0.9)
        theirs = binomtest(k, n).proportion_ci(0.9, "wilsoncc")
        np.testing.assert_allclose([ours.low, ours.high], theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("method", "share"), [("clopper-pearson", 1), ("mid-p", Fraction(1, 2))])
def test_exact_limits_leave_the_tail_that_they_promise(method, share):
    """Recounted in fractions: P(more than k) + share P(k) at the lower limit, and its mirror."""
    for k, n in [(1, 29), (15, 148), (19, 20), (5, 9), (20, 20), (0, 20)]:
        found = oms.stats.interval(k, n, method, 0.9)

        def chance(j, p, n=n):
            return comb(n, j) * p**j * (1 - p) ** (n - j)

        low, high = Fraction(float(found.low)), Fraction(float(found.high))
        if k > 0:
            tail = sum(chance(j, low) for j in range(k + 1, n + 1)) + share * chance(k, low)
            assert float(tail) == pytest.approx(0.05, rel=1e-12)
        if k < n:
            tail = sum(chance(j, high) for j in range(k)) + share * chance(k, high)
            assert float(tail) == pytest.approx(0.05, rel=1e-12)


def test_agresti_coull_and_wald_recounted():
    z = 1.6448536269514722  # qnorm(0.95) of R
    for k, n in [(1, 29), (15, 148), (19, 20), (5, 9)]:
        for method, kk, nn in (
            ("agresti-coull", k + z * z / 2, n + z * z),
            ("wald", k, n),
        ):
            p = kk / nn
            half = z * (p * (1 - p) / nn) ** 0.5
            found = oms.stats.interval(k, n, method, 0.9)
            assert float(found.low) == pytest.approx(max(p - half, 0), rel=1e-12)
            assert float(found.high) == pytest.approx(min(p + half, 1), rel=1e-12)


@given(counts, confidences, methods)
def test_bounds_lie_between_0_and_1_around_the_estimate(count, confidence, method):
    k, n = count
    found = oms.stats.interval(k, n, method, confidence)
    assert 0 <= found.low <= found.high <= 1
    assert found.low - 1e-15 <= found.estimate <= found.high + 1e-15


@given(counts, confidences, methods)
def test_what_fails_mirrors_what_succeeds(count, confidence, method):
    """The interval of n - k is 1 minus the interval of k, ends swapped."""
    k, n = count
    found = oms.stats.interval([k, n - k], n, method, confidence)
    np.testing.assert_allclose(found.low, 1 - found.high[::-1], rtol=1e-9, atol=1e-12)


@given(st.integers(1, 300), confidences, st.sampled_from([m for m in METHODS if m != "wald"]))
def test_more_successes_move_the_interval_up(n, confidence, method):
    """Of all but Wald's, which is without width at the ends and wide beside them."""
    found = oms.stats.interval(np.arange(n + 1), n, method, confidence)
    assert (np.diff(found.low) >= -1e-13).all()
    assert (np.diff(found.high) >= -1e-13).all()


@given(counts, st.tuples(confidences, confidences).map(sorted), methods)
def test_more_confidence_is_wider(count, pair, method):
    k, n = count
    less, more = (oms.stats.interval(k, n, method, c) for c in pair)
    assert more.low <= less.low + 1e-14
    assert less.high <= more.high + 1e-14


@given(counts, confidences)
def test_mid_p_lies_within_clopper_pearson(count, confidence):
    k, n = count
    inner, outer = (oms.stats.interval(k, n, m, confidence) for m in ("mid-p", "clopper-pearson"))
    assert outer.low <= inner.low
    assert inner.high <= outer.high


@pytest.mark.parametrize("method", METHODS)
def test_ends_are_exact_and_nothing_comes_of_nothing(method):
    found = oms.stats.interval([0, 7, 0, np.nan, 3], [7, 7, 0, 5, np.nan], method)
    assert found.low[0] == 0.0
    assert found.high[1] == 1.0
    assert np.isnan([found.low[2:], found.high[2:], found.estimate[2:]]).all()
    assert oms.stats.interval(3, 7, method).high.shape == ()
    assert type(oms.stats.interval(3, 7, method).low) is np.ndarray


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("score", "wilson"),
        ("wilsoncc", "wilson-cc"),
        ("exact", "clopper-pearson"),
        ("mid_P", "mid-p"),
        ("Agresti-Coull", "agresti-coull"),
        ("asymptotic", "wald"),
    ],
)
def test_spellings_of_other_libraries_are_understood(asked, name):
    assert oms.stats.interval(1, 2, asked).method == name
