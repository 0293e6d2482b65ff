"""Differences between two proportions, against print, R, statsmodels, and their definitions."""

from __future__ import annotations

import decimal
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep
from tests.factories import oracle

import omistats as oms

# Internal: what the intervals solve, which is more than their ends show.
from omistats.kernel.numeric import root
from omistats.kernel.score_tests import constrained, score_z

METHODS = ["newcombe", "miettinen-nurminen", "agresti-caffo", "wald"]

# Newcombe, R. G. (1998). Statistics in Medicine 17, 873-890, Table II, method 10, at 95%.
NEWCOMBE = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0000),
    (10, 10, 0, 10, 0.6075, 1.0000),
]

# Of 56/70 less 48/80: method 6 of the same table (Miettinen and Nurminen); Agresti and Caffo's
# agrees with statsmodels below.
OTHERS = [("miettinen-nurminen", 0.0528, 0.3382), ("agresti-caffo", 0.0525, 0.3358)]

group = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
tables = st.tuples(group, group).map(lambda t: (*t[0], *t[1]))
deltas = st.one_of(
    st.floats(-1, 1),
    st.tuples(st.sampled_from([-1, 1]), st.floats(-14, 0)).map(lambda t: t[0] * 10 ** t[1]),
)
confidences = st.floats(0.5, 1 - 1e-6)


def columns(lines):
    return (np.array([int(r[c]) for r in lines]) for c in ("k1", "n1", "k2", "n2"))


@pytest.mark.parametrize(("k1", "n1", "k2", "n2", "low", "high"), NEWCOMBE)
def test_agrees_with_newcombe_to_the_printed_digits(k1, n1, k2, n2, low, high):
    found = oms.stats.difference(k1, n1, k2, n2)
    assert found.method == "newcombe"
    assert abs(float(found.low) - low) <= 0.00005
    assert abs(float(found.high) - high) <= 0.00005


@pytest.mark.parametrize(("method", "low", "high"), OTHERS)
def test_other_methods_agree_to_the_printed_digits(method, low, high):
    found = oms.stats.difference(56, 70, 48, 80, method)
    assert abs(float(found.low) - low) <= 0.00005
    assert abs(float(found.high) - high) <= 0.00005


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("corrected", [True, False])
def test_score_interval_agrees_with_likelihoods_maximised_by_r(confidence, corrected):
    lines = [
        r
        for r in oracle("two_proportions_score.csv")
        if (r["measure"], float(r["confidence"]), r["corrected"])
        == ("difference", confidence, str(int(corrected)))
    ]
    assert len(lines) == 40
    k1, n1, k2, n2 = columns(lines)
    if corrected:
        found = oms.stats.difference(k1, n1, k2, n2, "miettinen-nurminen", confidence)
        low, high = found.low, found.high
    else:
        z = norm.isf((1 - confidence) / 2)
        d = k1 / n1 - k2 / n2
        low, high = (
            root(
                lambda x, *counts, side=side: score_z(*counts, x, corrected=False) + side * z,
                *ends,
                k1,
                n1,
                k2,
                n2,
            )
            for side, ends in ((-1, (-1.0, d)), (1, (d, 1.0)))
        )
    np.testing.assert_allclose(low, [float(r["low"]) for r in lines], rtol=0, atol=1e-12)
    np.testing.assert_allclose(high, [float(r["high"]) for r in lines], rtol=0, atol=1e-12)


def test_wald_agrees_with_epir():
    lines = [r for r in oracle("two_proportions_epir.csv") if r["measure"] == "difference"]
    assert len(lines) >= 25
    found = oms.stats.difference(*columns(lines), "wald")
    for side in ("estimate", "low", "high"):
        # epiR does not cut the ends off at -1 and 1.
        theirs = np.clip([float(r[side]) for r in lines], -1, 1)
        np.testing.assert_allclose(getattr(found, side), theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("method", "theirs"),
    [("newcombe", "newcomb"), ("agresti-caffo", "agresti-caffo"), ("wald", "wald")],
)
def test_agrees_with_statsmodels(method, theirs):
    for k1, n1, k2, n2 in [(56, 70, 48, 80), (9, 10, 3, 10), (5, 56, 1, 29), (1, 400, 200, 380)]:
        found = oms.stats.difference(k1, n1, k2, n2, theirs, 0.9)
        expected = confint_proportions_2indep(k1, n1, k2, n2, method=theirs, alpha=0.1)
        assert found.method == method
        np.testing.assert_allclose([found.low, found.high], expected, rtol=1e-12, atol=1e-14)


def likeliest(k1, n1, k2, n2, delta):
    """Halve the range of p2 by the sign of the slope of the likelihood, in 50 digits.

    A slope beyond all bounds is as steep as 1e400 says.
    """
    with decimal.localcontext(prec=50):
        d = Decimal(delta)
        low, high = max(Decimal(0), -d), min(Decimal(1), 1 - d)
        for _ in range(170):
            p2 = (low + high) / 2
            p1 = p2 + d
            slope = sum(
                count / p if p else Decimal("1e400") for count, p in ((k1, p1), (k2, p2)) if count
            ) - sum(
                count / q if q else Decimal("1e400")
                for count, q in ((n1 - k1, 1 - p1), (n2 - k2, 1 - p2))
                if count
            )
            low, high = (p2, high) if slope > 0 else (low, p2)
        return float(low + d), float(low)


@given(tables, deltas)
@example((0, 10, 0, 20), 1e-10)
@example((0, 10, 0, 20), -1e-10)
@example((10, 10, 20, 20), 1e-10)
@example((1, 3000, 0, 3000), 1e-12)
@example((1, 2, 1, 3), 0.0)
def test_constrained_proportions_are_the_likeliest(table, delta):
    p1, p2 = constrained(*table, delta)
    expected = likeliest(*table, delta)
    assert abs(float(p1) - expected[0]) <= 4e-16
    assert abs(float(p2) - expected[1]) <= 4e-16
    # Small proportions are right in their own digits, not only in those of 1.
    if delta >= 0 and 1e-12 < expected[1] < 0.5:
        assert float(p2) == pytest.approx(expected[1], rel=1e-13)


@given(tables)
def test_score_of_no_difference_is_pearsons_chi_square(table):
    """Miettinen and Nurminen (1985): z^2 at 0 is (N - 1) / N times Pearson's chi-square."""
    k1, n1, k2, n2 = table
    total, pearson = n1 + n2, float(oms.stats.compare(*table).statistic)
    if np.isnan(pearson):
        assert score_z(*table, 0.0) == 0
        return
    z, plain = score_z(*table, 0.0), score_z(*table, 0.0, corrected=False)
    assert float(z**2) == pytest.approx(pearson * (total - 1) / total, rel=1e-9, abs=1e-20)
    assert float(plain**2) == pytest.approx(pearson, rel=1e-9, abs=1e-20)
    assert np.sign(z) == np.sign(k1 * n2 - k2 * n1)


@given(tables, st.tuples(st.floats(-0.999, 0.999), st.floats(-0.999, 0.999)).map(sorted))
def test_score_falls_as_the_hypothesis_rises(table, pair):
    less, more = (float(score_z(*table, d)) for d in pair)
    assert more <= less + 1e-9 * max(1, abs(less))


@given(tables, confidences)
def test_ends_are_where_the_score_test_begins_to_reject(table, confidence):
    found = oms.stats.difference(*table, "miettinen-nurminen", confidence)
    z = norm.isf((1 - confidence) / 2)
    for end, limit, score in ((found.low, -1, z), (found.high, 1, -z)):
        if end == limit:
            assert found.estimate == limit
        else:
            # A step of one digit in an end next to a limit moves the score.
            assert float(score_z(*table, end)) == pytest.approx(score, rel=1e-7)


@given(tables, confidences, st.sampled_from(METHODS))
def test_bounds_are_possible_and_groups_can_be_swapped(table, confidence, method):
    k1, n1, k2, n2 = table
    found = oms.stats.difference([k1, k2], [n1, n2], [k2, k1], [n2, n1], method, confidence)
    assert (found.low >= -1).all()
    assert (found.high <= 1).all()
    assert (found.low <= found.high).all()
    np.testing.assert_allclose(found.low, -found.high[::-1], rtol=0, atol=1e-12)
    assert found.estimate[0] == -found.estimate[1]
    if method != "agresti-caffo":  # whose middle is drawn towards 0
        assert (found.low <= found.estimate + 1e-15).all()
        assert (found.estimate <= found.high + 1e-15).all()


@given(tables, confidences, st.sampled_from(METHODS))
def test_failures_differ_the_other_way(table, confidence, method):
    k1, n1, k2, n2 = table
    found = oms.stats.difference([k1, n1 - k1], n1, [k2, n2 - k2], n2, method, confidence)
    np.testing.assert_allclose(found.low, -found.high[::-1], rtol=0, atol=1e-11)


@given(tables, st.tuples(confidences, confidences).map(sorted), st.sampled_from(METHODS))
def test_more_confidence_is_wider(table, pair, method):
    less, more = (oms.stats.difference(*table, method, c) for c in pair)
    assert more.low <= less.low + 1e-13
    assert less.high <= more.high + 1e-13


@given(group, st.integers(2, 60), st.floats(0.5, 0.999), st.sampled_from(METHODS[:2]))
def test_more_successes_move_the_interval_up(second, n, confidence, method):
    found = oms.stats.difference(np.arange(n + 1), n, *second, method, confidence)
    assert (np.diff(found.low) >= -1e-12).all()
    assert (np.diff(found.high) >= -1e-12).all()


@pytest.mark.parametrize("method", METHODS)
def test_no_trials_or_no_count_give_nan(method):
    found = oms.stats.difference(
        [0, 1, np.nan, 3], [0, 2, 2, np.nan], [1, 0, 1, 1], [2, 0, 2, 2], method
    )
    assert np.isnan([found.estimate, found.low, found.high]).all()


def test_shapes_broadcast_and_scalars_are_0d():
    found = oms.stats.difference([[1], [2]], 5, [0, 1, 2], 4)
    assert found.low.shape == found.method.shape == (2, 3)
    for method in METHODS:
        one = oms.stats.difference(1, 2, 1, 3, method)
        for values in (one.estimate, one.low, one.high):
            assert type(values) is np.ndarray
            assert values.shape == ()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([1, 2, 3], 5, [1, 2], 5), "the two groups must have shapes that broadcast"),
        ((6, 5, 1, 2), "k = 6, n = 5"),
        ((1, 2, -1, 2), "k = -1, n = 2"),
        ((0.5, 2, 1, 2), "whole numbers"),
        ((1, 2, 1, 2, "newcombe", 95), "did you mean 0.95"),
    ],
)
def test_bad_input_is_refused(arguments, says):
    with pytest.raises(oms.UsageError, match=says):
        oms.stats.difference(*arguments)


def test_unknown_method_lists_the_near_ones():
    with pytest.raises(oms.UnknownNameError, match="did you mean 'newcombe'"):
        oms.stats.difference(1, 2, 1, 2, "newcome")


def test_a_method_of_ones_own(monkeypatch):
    monkeypatch.setattr(oms.stats.DIFFERENCES, "_functions", dict(oms.stats.DIFFERENCES._functions))
    monkeypatch.setattr(oms.stats.DIFFERENCES, "_aliases", dict(oms.stats.DIFFERENCES._aliases))

    def everything(k1, n1, k2, n2, confidence):
        return k1 / n1 - k2 / n2, np.full_like(k1, -1), np.full_like(k1, 1)

    oms.stats.DIFFERENCES.register("everything", everything)
    found = oms.stats.difference(1, 2, 1, 4, "Everything")
    assert (found.estimate, found.low, found.high) == (0.25, -1, 1)
    assert found.method == "everything"


def test_roots_of_steep_flat_and_missing_crossings():
    c = np.array([2.0, 1e-8, 3e-5, 0.0, -1.0, np.nan, 5e100])
    found = root(lambda x, c: x**3 - c, 0.0, 1e50, c)
    np.testing.assert_allclose(found[[0, 1, 2, 6]], np.cbrt(c[[0, 1, 2, 6]]), rtol=1e-15)
    assert found[3] == 0
    assert found[4] == 0  # no crossing: the end where it is nearest
    assert np.isnan(found[5])
    assert root(lambda x: x - 0.25, 0.0, 1.0).shape == ()
    # Infinite at an end.
    assert float(root(lambda x: 1 / x - 4, 0.0, 1.0)) == pytest.approx(0.25, rel=1e-15)
