"""Ranks against numerical integration and p.adjust in R, and against slow recounts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.factories import oracle

import omistats as oms

# Internal: ranks of any estimates; a score table reaches few of them.
from omistats.kernel.ranks import rank_sets, ranks

values = st.lists(st.floats(0, 1), min_size=1, max_size=9)


def numbers(cell: str) -> np.ndarray:
    return np.array([float(v) for v in cell.split()])


def test_probabilities_agree_with_integration_within_simulation_error():
    lines = oracle("rank_probabilities.csv")
    assert len(lines) == 4
    for line in lines:
        estimate, se = numbers(line["estimate"]), numbers(line["se"])
        units = len(estimate)
        exact = numbers(line["probability"]).reshape(units, units)
        found = ranks(estimate, se, draws=40_000, seed=7)
        error = np.sqrt(exact * (1 - exact) / 40_000)
        # 137 cells: 4.5 standard errors are passed by chance once in a thousand runs.
        assert (np.abs(found.probability - exact) <= 4.5 * error + 5e-5).all()
        mean = exact @ np.arange(1, units + 1)
        assert (np.abs(found.mean - mean) <= 4.5 * found.mean_error + 5e-5).all()
        if units >= 4:
            lowest = exact[:, units - units // 4 :].sum(axis=1)
            assert (np.abs(found.lowest_quarter - lowest) <= 0.012).all()


def test_an_interval_is_recounted_from_the_probabilities():
    rng = np.random.default_rng(3)
    found = ranks(rng.uniform(0.5, 0.8, 12), 0.04, draws=2000)
    for i in range(12):
        running, low, high = 0, None, None
        for r, share in enumerate(found.probability[i], start=1):
            running += round(share * 2000)
            if low is None and running > 50:
                low = r
            if high is None and running >= 1950:
                high = r
        assert (found.low[i], found.high[i]) == (low, high)


def test_ranks_beyond_an_interval_have_at_most_half_of_what_confidence_leaves():
    """A tail that equals the allowance exactly is still outside."""
    estimate = np.linspace(0.5, 0.8, 8)
    shares = ranks(estimate, 0.05, draws=1000).probability
    least, most = shares[3].cumsum(), shares[3][::-1].cumsum()
    for tails, end in ((least, "low"), (most, "high")):
        r = int(np.flatnonzero((tails > 0) & (tails < 0.4))[-1])
        found = ranks(estimate, 0.05, draws=1000, confidence=1 - 2 * float(tails[r]))
        assert getattr(found, end)[3] == (r + 2 if end == "low" else 8 - r - 1)


def test_simultaneous_sets_agree_with_holm_of_r():
    lines = oracle("rank_sets.csv")
    assert len(lines) == 6
    for line in lines:
        estimate, se = numbers(line["estimate"]), numbers(line["se"])
        found = rank_sets(estimate, se)
        np.testing.assert_array_equal(found.low, numbers(line["low"]))
        np.testing.assert_array_equal(found.high, numbers(line["high"]))
        wanted = np.array([float("nan" if v == "NA" else v) for v in line["p_value"].split()])
        np.testing.assert_allclose(found.p_value.ravel(), wanted, rtol=1e-10)


def test_simultaneous_sets_hold_as_often_as_they_promise():
    """Simulated truths: all ranges hold together in at least 95% of tables."""
    rng = np.random.default_rng(11)
    truth, se = np.array([0.6, 0.6, 0.62, 0.65, 0.7, 0.7001, 0.75, 0.9]), 0.03
    found = rank_sets(rng.normal(truth, se, (4000, 8)), se)
    rank = 8 - np.argsort(np.argsort(truth, kind="stable"), kind="stable")
    # The two equal units may take ranks 7 and 8 either way.
    least, most = rank.astype(float), rank.astype(float)
    least[:2], most[:2] = 7, 8
    held = ((found.low <= least) & (most <= found.high)).all(axis=1).mean()
    assert held >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 4000)
    # Wide enough to hold, and still of use: the best unit is usually shown to be first.
    assert (found.high[:, 7] == 1).mean() > 0.5


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9, unique=True))
def test_without_error_ranks_are_exact(estimate):
    wanted = [1 + sum(v > u for v in estimate) for u in estimate]
    found, sets = ranks(estimate, 0.0, draws=50), rank_sets(estimate, 0.0)
    for got in (found.rank, found.low, found.high, found.mean, sets.low, sets.high):
        np.testing.assert_array_equal(got, wanted)
    assert (found.mean_error == 0).all()


@pytest.mark.parametrize("se", [0.0, 0.05])
def test_equal_estimates_can_have_any_rank(se):
    found, sets = ranks(np.full(8, 0.7), se), rank_sets(np.full(8, 0.7), se)
    for low, high in ((found.low, found.high), (sets.low, sets.high)):
        assert (low == 1).all()
        assert (high == 8).all()
    assert (found.rank == 4.5).all()
    np.testing.assert_allclose(found.lowest_quarter, 0.25, atol=0.02)
    np.testing.assert_allclose(found.probability, 1 / 8, atol=0.015)


@settings(max_examples=30)
@given(values, st.floats(0.001, 0.5))
def test_every_unit_has_one_rank_and_every_rank_one_unit(estimate, se):
    found = ranks(estimate, se, draws=200)
    np.testing.assert_allclose(found.probability.sum(axis=0), 1)
    np.testing.assert_allclose(found.probability.sum(axis=1), 1)
    assert ((found.low <= found.mean + 0.5) | (found.low == 1)).all()
    if len(estimate) >= 4:
        assert found.lowest_quarter.sum() == pytest.approx(len(estimate) // 4)
    else:
        assert np.isnan(found.lowest_quarter).all()


@settings(max_examples=30)
@given(values, st.floats(0.001, 0.5))
def test_counting_from_the_other_end_mirrors_the_sets(estimate, se):
    down, up = (rank_sets(estimate, se, first=f) for f in ("highest", "lowest"))
    np.testing.assert_array_equal(up.low, len(estimate) + 1 - down.high)
    np.testing.assert_array_equal(up.high, len(estimate) + 1 - down.low)


def test_counting_from_the_other_end_mirrors_the_ranks():
    estimate, se = np.array([0.5, 0.6, 0.61, 0.75, 0.8]), 0.04
    down, up = (ranks(estimate, se, first=f) for f in ("highest", "lowest"))
    np.testing.assert_array_equal(up.rank, 6 - down.rank)
    np.testing.assert_allclose(up.probability, down.probability[:, ::-1], atol=1e-12)
    np.testing.assert_allclose(up.lowest_quarter, down.lowest_quarter)
    assert down.lowest_quarter.argmax() == 0


def test_a_unit_without_an_estimate_has_no_place():
    estimate, se = np.array([0.5, np.nan, 0.7, 0.6, 0.4, 0.8]), np.full(6, 0.05)
    found, sets = ranks(estimate, se), rank_sets(estimate, se)
    rest = np.array([0, 2, 3, 4, 5])
    assert found.units == 5
    for values in (found.rank, found.low, found.high, found.mean, found.lowest_quarter, sets.low):
        assert np.isnan(values).tolist() == [False, True, False, False, False, False]
    assert np.isnan(found.probability[1]).all()
    assert (found.probability[rest, 5] == 0).all()
    np.testing.assert_array_equal(found.rank[rest], ranks(estimate[rest], 0.05).rank)
    alone = rank_sets(estimate[rest], 0.05)
    np.testing.assert_array_equal(sets.low[rest], alone.low)
    np.testing.assert_array_equal(sets.high[rest], alone.high)


def test_a_table_ranks_alike_alone_or_among_others():
    rng = np.random.default_rng(2)
    estimate, se = rng.uniform(0.5, 0.8, (2, 3, 7)), rng.uniform(0.01, 0.05, (2, 3, 7))
    together, sets = ranks(estimate, se, draws=500), rank_sets(estimate, se)
    alone, one = ranks(estimate[1, 2], se[1, 2], draws=500), rank_sets(estimate[1, 2], se[1, 2])
    np.testing.assert_array_equal(together.probability[1, 2], alone.probability)
    np.testing.assert_array_equal(together.low[1, 2], alone.low)
    np.testing.assert_array_equal(sets.high[1, 2], one.high)


def test_the_seed_decides():
    estimate = np.linspace(0.6, 0.7, 9)
    a, b, c = (ranks(estimate, 0.05, draws=500, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(a.probability, b.probability)
    assert (a.probability != c.probability).any()
    assert (a.seed, a.draws, a.tail_error) == (1, 500, pytest.approx((0.025 * 0.975 / 500) ** 0.5))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ranks([0.5, np.inf], 0.1), "`estimate` must be finite"),
        (lambda: ranks([0.5, 0.6], [0.1, -1]), "`se` must be finite, 0 or more .*-1 at .1,"),
        (lambda: ranks(0.5, 0.1), "last axis"),
        (lambda: ranks([0.5, 0.6], [1, 2, 3]), "shapes that broadcast"),
        (lambda: ranks([0.5], 0.1, draws=1), "`draws` must be a whole number, 2 or more"),
        (lambda: ranks([0.5], 0.1, seed=-1), "`seed` must be a whole number, 0 or more"),
        (lambda: ranks([0.5], 0.1, first="best"), "unknown end .*'lowest'"),
        (lambda: rank_sets([0.5], 0.1, confidence=95), "did you mean 0.95"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(oms.UsageError, match=words):
        call()
