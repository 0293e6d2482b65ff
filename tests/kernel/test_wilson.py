"""Wilson's interval against published values, R and statsmodels."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st
from statsmodels.stats.proportion import proportion_confint
from tests.factories import oracle

import omistats as oms

# Internal: its digits are checked against print.
from omistats.kernel.intervals import normal_quantile

# Newcombe, R. G. (1998). Two-sided confidence intervals for the single proportion: comparison of
# seven methods. Statistics in Medicine 17, 857-872, Table I, method 3 (score), at 95%.
NEWCOMBE = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]

# PHEindicatormethods (R, Public Health England), documented example 65 of 100 of phe_proportion.
PHE = [
    (0.95, 0.5525444329688797, 0.7363575175690247, 1e-15),
    (0.998, 0.4954946574, 0.7783540614, 1e-10),
]

counts = st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.floats(1e-6, 1 - 1e-9)


@pytest.mark.parametrize(("k", "n", "low", "high"), NEWCOMBE)
def test_agrees_with_newcombe_to_the_printed_digits(k, n, low, high):
    found = oms.stats.interval(k, n)
    assert abs(float(found.low) - low) <= 0.00005
    assert abs(float(found.high) - high) <= 0.00005


@pytest.mark.parametrize(("confidence", "low", "high", "error"), PHE)
def test_agrees_with_public_health_england(confidence, low, high, error):
    found = oms.stats.interval(65, 100, confidence=confidence)
    assert float(found.low) == pytest.approx(low, abs=error)
    assert float(found.high) == pytest.approx(high, abs=error)


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95, 0.99, 0.998])
def test_agrees_with_prop_test_of_r(confidence):
    lines = [r for r in oracle("prop_test_wilson.csv") if float(r["confidence"]) == confidence]
    assert len(lines) == 69
    k, n = (np.array([int(r[c]) for r in lines]) for c in ("k", "n"))
    found = oms.stats.interval(k, n, confidence=confidence)
    # R subtracts nearly equal numbers where k is small; its own error is some 1e-16.
    for side, values in (("low", found.low), ("high", found.high)):
        np.testing.assert_allclose(values, [float(r[side]) for r in lines], rtol=1e-12, atol=2e-15)


def test_agrees_with_statsmodels_on_every_count_up_to_forty():
    k, n = np.array([(k, n) for n in range(1, 41) for k in range(n + 1)]).T
    found = oms.stats.interval(k, n, confidence=0.9)
    low, high = proportion_confint(k, n, alpha=0.1, method="wilson")
    np.testing.assert_allclose(found.low, low, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.high, high, rtol=1e-12, atol=1e-15)


def test_is_the_set_of_shares_that_the_score_test_does_not_reject():
    """Wilson (1927): the limits solve (k/n - p)^2 = z^2 p (1 - p) / n."""
    k, n = np.meshgrid(np.arange(1, 60, 7), np.arange(60, 400, 31))
    found = oms.stats.interval(k, n)
    z = normal_quantile(0.95)
    for limit in (found.low, found.high):
        np.testing.assert_allclose(
            (k / n - limit) ** 2, z * z * limit * (1 - limit) / n, rtol=1e-10
        )


@given(counts, confidences)
def test_bounds_contain_the_estimate_and_lie_between_0_and_1(count, confidence):
    k, n = count
    found = oms.stats.interval(k, n, confidence=confidence)
    assert 0 <= found.low <= found.estimate <= found.high <= 1


@given(counts, confidences)
def test_what_fails_mirrors_what_succeeds(count, confidence):
    """The interval of n - k is 1 minus the interval of k, ends swapped."""
    k, n = count
    found = oms.stats.interval([k, n - k], n, confidence=confidence)
    np.testing.assert_allclose(found.low, 1 - found.high[::-1], rtol=1e-9, atol=1e-12)


@given(counts, st.tuples(confidences, confidences).map(sorted))
def test_more_confidence_is_wider(count, pair):
    k, n = count
    less, more = (oms.stats.interval(k, n, confidence=c) for c in pair)
    assert more.low <= less.low + 1e-15
    assert less.high <= more.high + 1e-15


def test_ends_are_exact():
    found = oms.stats.interval([0, 7], [7, 7])
    assert found.low[0] == 0.0
    assert found.high[1] == 1.0


def test_no_trials_give_nan_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = oms.stats.interval([0, np.nan, 3], [0, 5, np.nan])
    for values in (found.estimate, found.low, found.high):
        assert np.isnan(values).all()


def test_scalars_give_0d_arrays_and_shapes_broadcast():
    assert oms.stats.interval(1, 2).low.shape == ()
    found = oms.stats.interval([[1], [2]], [3, 4, 5])
    assert found.low.shape == found.method.shape == (2, 3)
    assert (found.method == "wilson").all()


@pytest.mark.parametrize(
    # Standard normal quantiles, e.g. NIST/SEMATECH e-Handbook 1.3.6.7.1 and R's qnorm.
    ("confidence", "z"),
    [(0.95, 1.959963984540054), (0.99, 2.5758293035489004), (0.998, 3.0902323061678132)],
)
def test_normal_quantile(confidence, z):
    assert normal_quantile(confidence) == pytest.approx(z, rel=1e-14)


@given(confidences)
def test_normal_quantile_inverts_the_tail(confidence):
    """erfc(z / sqrt(2)) is the two-sided tail of the normal distribution."""
    z = normal_quantile(confidence)
    assert math.erfc(z / math.sqrt(2)) == pytest.approx(1 - confidence, rel=1e-9)


@pytest.mark.parametrize("confidence", [0, 1, -0.1, 95, 120, float("nan")])
def test_confidence_is_between_0_and_1(confidence):
    with pytest.raises(oms.UsageError, match="`confidence` must be between 0 and 1") as caught:
        oms.stats.interval(1, 2, confidence=confidence)
    assert ("did you mean 0.95?" in str(caught.value)) == (confidence == 95)


def test_unknown_interval_lists_the_known():
    with pytest.raises(oms.UnknownNameError, match="wilson"):
        oms.stats.interval(1, 2, method="wislon")
    with pytest.raises(KeyError):
        oms.stats.interval(1, 2, method="exactly")
