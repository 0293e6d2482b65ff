"""Bands of shares against scipy's distributions, simulation, and published figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

import omistats as oms

# Internal: ratings use these, with effective answers.
from omistats.kernel.bands import band_of, posterior_bands, predictive_bands, unseen_bands

CUTS = [0.5, 0.65, 0.8]


def test_two_figures_of_the_sizes_of_youth_inspections():
    """14 and 91 cases are the least and the most: programme review of HM Inspectorate."""
    found = oms.stats.band_probabilities([14, 91], 0.72, CUTS).probability
    assert np.round(100 * found[:, 2]).tolist() == [45, 87]
    assert np.round(100 * found[0]).tolist() == [2, 33, 45, 20]
    assert round(100 * float(oms.stats.band_probabilities(14, 0.6, CUTS).probability[1])) == 57


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 60), p=st.floats(1e-6, 1))
def test_binomial_bands_are_sums_of_single_counts(n, p):
    expected = np.zeros(4)
    for k in range(n + 1):
        band = sum(k >= round(n * 100 * cut) / 100 - 1e-9 for cut in CUTS)
        expected[band] += stats.binom.pmf(k, n, p)
    found = oms.stats.band_probabilities(n, p, CUTS).probability
    np.testing.assert_allclose(found, expected, atol=1e-10)
    assert found.sum() == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(n=st.floats(1, 80), p=st.floats(0, 1), fraction=st.floats(0.05, 1))
def test_posterior_and_predictive_equal_simulation(n, p, fraction):
    rng = np.random.default_rng(int(n * 1000))
    draws = 40_000
    true = rng.beta(n * p + 0.5, n * (1 - p) + 0.5, draws)
    size = max(round(n), 1)
    unseen = round(n * (1 - fraction) / fraction)
    seen = n * p + rng.binomial(unseen, true)
    simulated = (
        (posterior_bands(n, p, CUTS), true),
        (predictive_bands(n, p, CUTS), rng.binomial(size, true) / size),
        (unseen_bands(n, p, CUTS, fraction), seen / (n + unseen)),
    )
    for found, shares in simulated:
        # Shares that lie on a cut but for rounding may fall to either side.
        clear = np.abs(shares[:, None] - np.array(CUTS)).min(axis=1) > 1e-9
        if clear.mean() < 0.999:
            continue
        drawn = np.bincount(band_of(shares, CUTS), minlength=4) / draws
        error = 5 * np.sqrt(np.maximum(drawn * (1 - drawn), 1e-4) / draws)
        assert (np.abs(found - drawn) <= error).all()


def test_a_share_on_a_cut_has_the_band_above():
    assert band_of([0.5, 0.65, 0.8, 13 / 20, 0.4999], CUTS).tolist() == [1, 2, 3, 2, 0]
    # 0.07 * 100 is above 7 in floating point, and 7 of 100 lies on the cut all the same.
    found = oms.stats.band_probabilities(100, 0.07, [0.07]).probability[1]
    assert found == pytest.approx(stats.binom.sf(6, 100, 0.07))


def test_cases_needed_are_the_first_from_which_all_suffice():
    for p, certainty in ((0.72, 0.9), (0.9, 0.95), (0.55, 0.8), (1.0, 0.99)):
        found = oms.stats.cases_for_band(p, CUTS, certainty)
        n, band = int(found.n), int(band_of(p, CUTS))
        chance = oms.stats.band_probabilities(np.arange(1, 3000), p, CUTS).probability[:, band]
        assert (chance[n - 1 :] >= certainty).all()
        assert n == 1 or chance[n - 2] < certainty
        assert float(found.certainty) == pytest.approx(chance[n - 1])


def test_none_suffices_at_a_cut():
    assert np.isnan(oms.stats.cases_for_band([0.5, 0.65, 0.8], CUTS).n).all()


@pytest.mark.parametrize(
    ("cuts", "message"),
    [
        ([0.65, 0.5], "must ascend"),
        ([0.5, 0.5], "must ascend"),
        ([50, 65], "shares between 0 and 1"),
        ([], "shares between 0 and 1"),
        ("half", "shares between 0 and 1"),
        ([0.0, 0.5], "shares between 0 and 1"),
    ],
)
def test_impossible_cuts(cuts, message):
    for call in (
        lambda: oms.stats.band_probabilities(10, 0.5, cuts),
        lambda: oms.stats.cases_for_band(0.5, cuts),
    ):
        with pytest.raises(oms.UsageError, match=message):
            call()


def test_impossible_numbers():
    with pytest.raises(oms.UsageError):
        oms.stats.band_probabilities(-1, 0.5, CUTS)
    with pytest.raises(oms.UsageError):
        oms.stats.band_probabilities(10, 72, CUTS)
    with pytest.raises(oms.UsageError):
        oms.stats.cases_for_band(0.5, CUTS, certainty=1.5)
    assert np.isnan(oms.stats.band_probabilities(0, 0.5, CUTS).probability).all()
