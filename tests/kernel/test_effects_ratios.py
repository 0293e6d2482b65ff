"""Risk ratios and odds ratios, against R, epiR, statsmodels, and their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep
from tests.factories import oracle

import omistats as oms

# Internal: what the intervals solve, which is more than their ends show.
from omistats.kernel.score_tests import odds_score_z, ratio_limits, risk_score_z, score_z

RISKS = ["miettinen-nurminen", "koopman", "katz", "walter"]
ODDS = ["miettinen-nurminen", "woolf", "gart", "agresti"]
FUNCTIONS = {"risk_ratio": oms.stats.risk_ratio, "odds_ratio": oms.stats.odds_ratio}
EVERY = [*(("risk_ratio", m) for m in RISKS), *(("odds_ratio", m) for m in ODDS)]

group = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
tables = st.tuples(group, group).map(lambda t: (*t[0], *t[1]))
confidences = st.floats(0.5, 1 - 1e-6)
every = st.sampled_from(EVERY)


def columns(lines):
    return tuple(np.array([float(r[c]) for r in lines]) for c in ("k1", "n1", "k2", "n2"))


def odds(k1, n1, k2, n2):
    with np.errstate(divide="ignore", invalid="ignore"):
        return k1 * (n2 - k2) / ((n1 - k1) * k2)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("measure", ["risk_ratio", "odds_ratio"])
def test_score_intervals_agree_with_likelihoods_maximised_by_r(measure, corrected, confidence):
    lines = [
        r
        for r in oracle("two_proportions_score.csv")
        if (r["measure"], float(r["confidence"]), r["corrected"])
        == (measure, confidence, str(int(corrected)))
    ]
    assert len(lines) >= 37
    counts = columns(lines)
    if corrected or measure == "risk_ratio":
        method = "miettinen-nurminen" if corrected else "koopman"
        found = FUNCTIONS[measure](*counts, method, confidence)
        low, high = found.low, found.high
    else:
        low, high = ratio_limits(
            lambda *a: odds_score_z(*a, corrected=False),
            counts,
            odds(*counts),
            norm.isf((1 - confidence) / 2),
        )
        low, high = np.where(np.isnan(low), 0, low), np.where(np.isnan(high), np.inf, high)
    # The script's fitted odds lose digits where nearly all of a group succeed.
    np.testing.assert_allclose(low, [float(r["low"]) for r in lines], rtol=1e-11)
    np.testing.assert_allclose(high, [float(r["high"]) for r in lines], rtol=1e-11)
    zero = np.array([float(r["low"]) == 0 or r["high"] == "Inf" for r in lines])
    assert zero.sum() >= 4


@pytest.mark.parametrize(
    ("measure", "method"),
    [("risk_ratio", "katz"), ("odds_ratio", "woolf"), ("odds_ratio", "uncorrected")],
)
def test_agrees_with_epir(measure, method):
    lines = [
        r
        for r in oracle("two_proportions_epir.csv")
        if (r["measure"], r["method"]) == (measure, method)
    ]
    assert len(lines) >= 25
    counts = columns(lines)
    if method == "uncorrected":
        low, high = ratio_limits(
            lambda *a: odds_score_z(*a, corrected=False),
            counts,
            odds(*counts),
            norm.isf(0.025),
        )
    else:
        found = FUNCTIONS[measure](*counts, method)
        low, high = found.low, found.high
        np.testing.assert_allclose(
            found.estimate, [float(r["estimate"]) for r in lines], rtol=1e-12
        )
    # Its score limits are found by small steps.
    rtol = 1e-3 if method == "uncorrected" else 1e-10
    np.testing.assert_allclose(low, [float(r["low"]) for r in lines], rtol=rtol)
    np.testing.assert_allclose(high, [float(r["high"]) for r in lines], rtol=rtol)


@pytest.mark.parametrize(
    ("measure", "theirs", "method", "rtol"),
    [
        ("risk_ratio", "log", "katz", 1e-12),
        ("risk_ratio", "log-adjusted", "walter", 1e-12),
        ("risk_ratio", "score", "miettinen-nurminen", 1e-9),
        ("odds_ratio", "logit", "woolf", 1e-12),
        ("odds_ratio", "logit-adjusted", "gart", 1e-12),
        ("odds_ratio", "logit-smoothed", "agresti", 1e-12),
        ("odds_ratio", "score", "miettinen-nurminen", 1e-9),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in scalar divide:RuntimeWarning")
def test_agrees_with_statsmodels(measure, theirs, method, rtol):
    compare = {"risk_ratio": "ratio", "odds_ratio": "odds-ratio"}[measure]
    for counts in [(56, 70, 48, 80), (45, 130, 33, 141), (150, 200, 140, 210)]:
        found = FUNCTIONS[measure](*counts, theirs, 0.9)
        expected = confint_proportions_2indep(*counts, method=theirs, compare=compare, alpha=0.1)
        assert found.method == method
        np.testing.assert_allclose([found.low, found.high], expected, rtol=rtol)


def test_intervals_symmetric_in_logarithms_recounted():
    a, b, c, d = 5, 51, 3, 26
    z = 1.959963984540054  # qnorm(0.975) of R
    n1, n2, total = a + b, c + d, a + b + c + d
    smooth = [2 * x * y / total**2 for x in (n1, n2) for y in (a + c, b + d)]
    for function, method, cells, variance in (
        (oms.stats.risk_ratio, "katz", (a, n1, c, n2), (1, -1, 1, -1)),
        (oms.stats.risk_ratio, "walter", (a + 0.5, n1 + 0.5, c + 0.5, n2 + 0.5), (1, -1, 1, -1)),
        (oms.stats.odds_ratio, "woolf", (a, b, c, d), (1, 1, 1, 1)),
        (oms.stats.odds_ratio, "gart", (a + 0.5, b + 0.5, c + 0.5, d + 0.5), (1, 1, 1, 1)),
        (
            oms.stats.odds_ratio,
            "agresti",
            tuple(x + y for x, y in zip((a, b, c, d), smooth, strict=True)),
            (1, 1, 1, 1),
        ),
    ):
        w, x, y, v = cells
        centre = math.log(w * v / (x * y))
        half = z * math.sqrt(sum(s / cell for s, cell in zip(variance, cells, strict=True)))
        found = function(a, n1, c, n2, method)
        assert float(found.low) == pytest.approx(math.exp(centre - half), rel=1e-12)
        assert float(found.high) == pytest.approx(math.exp(centre + half), rel=1e-12)


@given(tables)
def test_no_difference_is_a_ratio_of_one(table):
    """The three score statistics are one where proportions are equal."""
    counts = tuple(np.float64(v) for v in table)
    expected = float(score_z(*table, 0.0))
    for score in (risk_score_z, odds_score_z):
        found = float(score(*counts, np.float64(1.0)))
        assert found == pytest.approx(expected, rel=1e-7, abs=1e-9)


@given(tables, st.floats(-8, 8))
def test_fitted_odds_keep_the_successes_and_the_ratio(table, log_ratio):
    """z written out with fitted counts that plain halving finds."""
    k1, n1, k2, n2 = table
    s, ratio = k1 + k2, math.exp(log_ratio)
    low, high = max(0, s - n2), min(s, n1)
    if low == high:
        return
    for _ in range(200):
        x = (low + high) / 2
        low, high = (x, high) if x * (n2 - s + x) < ratio * (n1 - x) * (s - x) else (low, x)
    cells = (x, n1 - x, s - x, n2 - s + x)
    if min(cells) < 1e-3:
        return
    total = n1 + n2
    expected = (k1 - x) * math.sqrt(sum(1 / c for c in cells) * (total - 1) / total)
    found = odds_score_z(*(np.float64(v) for v in table), np.float64(ratio))
    assert float(found) == pytest.approx(expected, rel=1e-6, abs=1e-7)


@given(tables, confidences, st.sampled_from(["risk_ratio", "odds_ratio"]))
@example((1, 117, 1, 1), 0.95, "odds_ratio")
@example((1, 1, 1, 117), 0.95, "odds_ratio")
@example((10, 10, 0, 20), 0.95, "odds_ratio")
def test_ends_are_where_the_score_test_begins_to_reject(table, confidence, measure):
    found = FUNCTIONS[measure](*table, "miettinen-nurminen", confidence)
    score = {"risk_ratio": risk_score_z, "odds_ratio": odds_score_z}[measure]
    z = norm.isf((1 - confidence) / 2)
    counts = tuple(np.float64(v) for v in table)
    if found.low > 0:
        assert float(score(*counts, found.low)) == pytest.approx(z, rel=1e-7)
    if found.high < np.inf:
        assert float(score(*counts, found.high)) == pytest.approx(-z, rel=1e-7)


@given(tables, confidences, every)
def test_swapped_groups_give_reciprocals(table, confidence, which):
    k1, n1, k2, n2 = table
    measure, method = which
    found = FUNCTIONS[measure]([k1, k2], [n1, n2], [k2, k1], [n2, n1], method, confidence)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(found.low, 1 / found.high[::-1], rtol=1e-9)
        np.testing.assert_allclose(found.estimate, 1 / found.estimate[::-1], rtol=1e-12)
    assert (found.low >= 0).all()
    assert (found.low <= found.high).all()


@given(tables, confidences, st.sampled_from(ODDS))
def test_odds_of_failing_are_reciprocals(table, confidence, method):
    k1, n1, k2, n2 = table
    found = oms.stats.odds_ratio([k1, n1 - k1], n1, [k2, n2 - k2], n2, method, confidence)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(found.low, 1 / found.high[::-1], rtol=1e-9)


@given(tables, confidences)
def test_unadjusted_intervals_hold_the_estimate(table, confidence):
    for measure, method in EVERY:
        if method in ("walter", "gart", "agresti"):
            continue
        found = FUNCTIONS[measure](*table, method, confidence)
        if not np.isnan(found.estimate):
            assert found.low <= found.estimate * (1 + 1e-12)
            assert found.estimate <= found.high * (1 + 1e-12)


@given(tables, st.tuples(confidences, confidences).map(sorted), every)
def test_more_confidence_is_wider(table, pair, which):
    measure, method = which
    less, more = (FUNCTIONS[measure](*table, method, c) for c in pair)
    assert more.low <= less.low * (1 + 1e-10)
    assert less.high <= more.high * (1 + 1e-10)


@given(
    group,
    st.integers(2, 60),
    st.floats(0.5, 0.999),
    st.sampled_from(["risk_ratio", "odds_ratio"]),
)
def test_more_successes_move_the_interval_up(second, n, confidence, measure):
    """Not at every confidence: the score test of odds turns at 0.999999 and two cases a group."""
    found = FUNCTIONS[measure](np.arange(n + 1), n, *second, confidence=confidence)
    for end in (found.low, found.high):
        assert (end[1:] >= end[:-1] * (1 - 1e-10)).all()


@pytest.mark.parametrize(("measure", "method"), EVERY)
def test_zero_cells(measure, method):
    """None of the first: from 0. None of the second: to infinity. None at all: everything."""
    found = FUNCTIONS[measure]([0, 5, 0], 10, [5, 0, 0], 12, method)
    assert found.low[0] == 0
    assert found.high[1] == np.inf
    assert (found.low[2], found.high[2]) == (0, np.inf)
    assert found.estimate[0] == 0
    assert found.estimate[1] == np.inf
    assert np.isnan(found.estimate[2])
    closed = method not in ("katz", "woolf")
    assert (found.high[0] < np.inf) == closed
    assert (found.low[1] > 0) == closed


def test_of_two_groups_without_a_failure_the_odds_say_nothing_and_the_risks_do():
    for method in ODDS:
        found = oms.stats.odds_ratio(10, 10, 20, 20, method)
        assert (found.low, found.high) == (0, np.inf)
        assert np.isnan(found.estimate)
    for method in RISKS[:2]:
        found = oms.stats.risk_ratio(10, 10, 20, 20, method)
        assert found.low < found.estimate == 1 < found.high
    # A fault of intervals from estimated variances: none was seen, so none is taken for real.
    for method in RISKS[2:]:
        found = oms.stats.risk_ratio(10, 10, 20, 20, method)
        assert found.low == found.estimate == found.high == 1


def test_groups_that_have_nothing_in_common():
    """10 of 10 against 0 of 20: the fitted proportions are next to 0 and 1, and still right."""
    found = oms.stats.odds_ratio(10, 10, 0, 20)
    z = norm.isf(0.025)
    assert found.high == np.inf
    counts = tuple(np.float64(v) for v in (10, 10, 0, 20))
    assert float(odds_score_z(*counts, found.low)) == pytest.approx(z, rel=1e-12)
    far = np.geomspace(1, 1e60, 61)
    scores = odds_score_z(*counts, far)
    assert (np.diff(scores) < 0).all()


@pytest.mark.parametrize(("measure", "method"), EVERY)
def test_no_trials_or_no_count_give_nan(measure, method):
    found = FUNCTIONS[measure](
        [0, 1, np.nan, 3], [0, 2, 2, np.nan], [1, 0, 1, 1], [2, 0, 2, 2], method
    )
    assert np.isnan([found.estimate, found.low, found.high]).all()
    one = FUNCTIONS[measure](1, 2, 1, 3, method)
    for values in (one.estimate, one.low, one.high):
        assert type(values) is np.ndarray
        assert values.shape == ()
    assert one.method == method


@pytest.mark.parametrize("function", FUNCTIONS.values())
def test_bad_input_is_refused(function):
    with pytest.raises(oms.UsageError, match="must have shapes that broadcast"):
        function([1, 2, 3], 5, [1, 2], 5)
    with pytest.raises(oms.UsageError, match="k = 6, n = 5"):
        function(6, 5, 1, 2)
    with pytest.raises(oms.UsageError, match=r"did you mean 0\.95"):
        function(1, 2, 1, 2, confidence=95)
    with pytest.raises(oms.UnknownNameError, match="did you mean 'miettinen-nurminen'"):
        function(1, 2, 1, 2, "mietinen-nurminen")


@pytest.mark.parametrize("confidence", [1e-6, 0.95, 1 - 1e-15])
def test_counts_as_large_as_they_come(confidence):
    """Ends are ordered, and nothing warns."""
    largest = 2.0**53
    k = np.array([0, 1, 5, largest // 3, largest - 1, largest, 0, 1])
    n = np.array([largest] * 6 + [1, 1])
    for measure, method in EVERY:
        found = FUNCTIONS[measure](k[:, None], n[:, None], k, n, method, confidence)
        assert (found.low <= found.high).all()
