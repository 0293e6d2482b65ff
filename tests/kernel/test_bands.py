"""Bands of shares against scipy's distributions, simulation, and published figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

import omistats as oms

# Internal: ratings use these, with effective answers.
from omistats.kernel.bands import band_of, posterior_bands, predictive_bands

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
@given(n=st.floats(1, 80), p=st.floats(0, 1), unseen=st.integers(1, 700))
def test_posterior_and_predictive_equal_simulation(n, p, unseen):
    rng = np.random.default_rng(int(n * 1000))
    draws = 40_000
    true = rng.beta(n * p + 0.5, n * (1 - p) + 0.5, draws)
    size = max(round(n), 1)
    seen = n * p + rng.binomial(unseen, true)
    simulated = (
        (posterior_bands(n, p, CUTS), true),
        (predictive_bands(n, p, CUTS), rng.binomial(size, true) / size),
        (posterior_bands(n, p, CUTS, n + unseen), seen / (n + unseen)),
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


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 40), unseen=st.integers(0, 120), p=st.floats(0, 1))
def test_a_population_is_drawn_without_replacement(n, unseen, p):
    """Against scipy's hypergeometric and beta-binomial distributions, count by count."""
    N = n + unseen
    bands = band_of(np.arange(N + 1) / N, CUTS)
    # The nearest whole number that is in the band of p, where one is.
    near = [round(N * p) + d for d in (0, 1, -1) if 0 <= round(N * p) + d <= N]
    K = next((k for k in near if bands[k] == band_of(p, CUTS)), round(N * p))
    of_sample = band_of(np.arange(n + 1) / n, CUTS)
    expected = np.bincount(of_sample, stats.hypergeom.pmf(np.arange(n + 1), N, K, n), minlength=4)
    found = oms.stats.band_probabilities(n, p, CUTS, population=N)
    np.testing.assert_allclose(found.probability, expected, atol=1e-10)
    assert found.method == "hypergeometric"

    k = round(n * p)
    share, a, b = k / n, k + 0.5, n - k + 0.5
    more = np.arange(unseen + 1)
    chance = stats.betabinom.pmf(more, unseen, a, b)
    expected = np.bincount(bands[k + more], chance, minlength=4)
    np.testing.assert_allclose(posterior_bands(n, share, CUTS, N), expected, atol=1e-10)
    expected = np.zeros(4)
    for extra, weight in zip(more.tolist(), chance.tolist(), strict=True):
        pmf = stats.hypergeom.pmf(np.arange(n + 1), N, k + extra, n)
        expected += weight * np.bincount(of_sample, pmf, minlength=4)
    np.testing.assert_allclose(predictive_bands(n, share, CUTS, N), expected, atol=1e-9)


@given(n=st.floats(1, 200), p=st.floats(0, 1))
def test_of_a_census_nothing_is_in_doubt(n, p):
    own = np.arange(4) == band_of(p, CUTS)
    assert (posterior_bands(n, p, CUTS, n) == own).all()
    assert (predictive_bands(n, p, CUTS, n) == own).all()


@pytest.mark.parametrize(("n", "p"), [(30, 0.7), (1, 1.0), (5, 0.0), (1000, 0.65), (37.3, 0.652)])
def test_large_populations_approach_an_infinite_one(n, p):
    """Also where sums over all outcomes give way to approximations, and at once."""
    for rule, tolerance in ((posterior_bands, 1e-4), (predictive_bands, 2e-4)):
        without = rule(n, p, CUTS)
        for population in (10**7, 10**9, 10**15, 2**53):
            found = rule(n, p, CUTS, population)
            np.testing.assert_allclose(found, without, atol=tolerance + n / population)
            assert found.sum() == pytest.approx(1)
    size = round(n)
    known = oms.stats.band_probabilities(size, p, CUTS, population=[10**7, 10**9, 2**53])
    without = oms.stats.band_probabilities(size, p, CUTS).probability
    np.testing.assert_allclose(known.probability[1:], [without] * 2, atol=1e-5)
    np.testing.assert_allclose(known.probability[0], without, atol=1e-3)


@pytest.mark.parametrize(("n", "p"), [(30, 0.7), (5, 0.1), (1000, 0.65)])
def test_predictive_of_large_caseloads_is_good_to_a_ten_thousandth(n, p):
    unseen = 3000
    more = np.arange(unseen + 1)
    chance = stats.betabinom.pmf(more, unseen, n * p + 0.5, n * (1 - p) + 0.5)
    share = np.arange(n + 1) / n
    k = round(n * p)
    expected = np.zeros(4)
    edges = [-1, *(int(np.ceil(n * cut - 1e-9)) - 1 for cut in CUTS), n]
    for i in range(4):
        cdf = [stats.hypergeom.cdf(edge, n + unseen, k + more, n) for edge in edges[i : i + 2]]
        expected[i] = (chance * (cdf[1] - cdf[0])).sum()
    assert band_of(share, CUTS)[edges[1] + 1] == 1
    found = predictive_bands(n, p, CUTS, n + unseen)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_cases_needed_are_the_first_from_which_all_suffice():
    for p, certainty in ((0.72, 0.9), (0.9, 0.95), (0.55, 0.8), (1.0, 0.99), (0.52, 0.55)):
        found = oms.stats.cases_for_band(p, CUTS, certainty)
        n, band = int(found.n), int(band_of(p, CUTS))
        chance = oms.stats.band_probabilities(np.arange(1, 3000), p, CUTS).probability[:, band]
        assert (chance[n - 1 :] >= certainty).all()
        assert n == 1 or chance[n - 2] < certainty
        assert float(found.certainty) == pytest.approx(chance[n - 1])
        assert (found.method, found.reason) == ("exact", "")


@settings(max_examples=30, deadline=None)
@given(N=st.integers(1, 300), p=st.floats(0, 1), certainty=st.sampled_from([0.6, 0.9, 0.99]))
def test_cases_needed_of_a_population_are_no_more_than_it_has(N, p, certainty):
    found = oms.stats.cases_for_band(p, CUTS, certainty, population=N)
    n = int(found.n)
    assert 1 <= n <= N
    bands = band_of(np.arange(N + 1) / N, CUTS)
    near = [round(N * p) + d for d in (0, 1, -1) if 0 <= round(N * p) + d <= N]
    K = next((k for k in near if bands[k] == band_of(p, CUTS)), round(N * p))
    chance = [
        stats.hypergeom.pmf(np.arange(m + 1), N, K, m)[
            band_of(np.arange(m + 1) / m, CUTS) == bands[K]
        ].sum()
        for m in range(max(1, n - 1), N + 1)
    ]
    assert min(chance[(n > 1) :]) >= certainty - 1e-9
    assert n == 1 or chance[0] < certainty + 1e-9


def test_a_large_number_of_cases_is_told_from_none():
    """Not sufficing at a cut is not needing more than a million."""
    found = oms.stats.cases_for_band([0.501, 0.5, 0.5 + 1e-15], [0.5])
    assert found.n.tolist() == [410_592, np.inf, np.inf]
    assert [bool(text) for text in found.reason] == [False, True, True]
    assert found.reason[1] == "a share is at a cut: no number of cases suffices"
    # By the normal distribution: 37 million.
    many = oms.stats.cases_for_band(0.6501, CUTS)
    assert float(many.n) == pytest.approx(1.2816**2 * 0.6501 * 0.3499 / 1e-8, rel=1e-3)
    n = float(many.n) + np.arange(-200, 200)
    chance = oms.stats.band_probabilities(n, 0.6501, CUTS).probability[:, 2]
    assert (chance[200:] >= 0.9).all()
    assert chance[199] < 0.9
    bound = oms.stats.cases_for_band(0.65 + 1e-7, CUTS)
    # Whether it is found exactly depends on the last digits of the incomplete beta function.
    assert bound.method in ("upper bound", "exact")
    assert float(bound.n) == pytest.approx(1.2816**2 * 0.65 * 0.35 / 1e-14, rel=0.01)
    beyond = oms.stats.cases_for_band(0.65 + 1e-9, CUTS)
    assert (float(beyond.n), beyond.reason) == (np.inf, "more cases than 2**53")


def test_none_suffices_at_a_cut_but_the_whole_population():
    assert np.isinf(oms.stats.cases_for_band([0.5, 0.65, 0.8], CUTS).n).all()
    for N in (100, 10**9):
        found = oms.stats.cases_for_band([0.5, 0.65, 0.8], CUTS, population=N)
        assert (found.n <= N).all()
        assert (found.reason == "").all()
    assert np.isnan(float(oms.stats.cases_for_band(np.nan, CUTS).n))
    assert oms.stats.cases_for_band(np.zeros((0, 2)), CUTS).n.shape == (0, 2)


@pytest.mark.parametrize(
    ("cuts", "message"),
    [
        ([0.65, 0.5], "must ascend"),
        ([0.5, 0.5], "must ascend"),
        ([50, 65], "shares between 0 and 1"),
        ([], "shares between 0 and 1"),
        ("half", "shares between 0 and 1"),
        ([0.0, 0.5], "shares between 0 and 1"),
        ([0.5, 1.0], "shares between 0 and 1"),
        ([[0.5, 0.65]], "shares between 0 and 1"),
        ([[0.5], [0.6, 0.7]], "shares between 0 and 1"),
        ([10**400], "shares between 0 and 1"),
        ([0.5, float("nan")], "shares between 0 and 1"),
        (None, "shares between 0 and 1"),
        ([50], "did you mean 0.5"),
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
    for certainty in (1.5, 0.5, 0.4, 90, 10**400, "high", [[0.9]]):
        with pytest.raises(oms.UsageError, match="certainty"):
            oms.stats.cases_for_band(0.5, CUTS, certainty=certainty)
    for population in (9, -1, 10**400, "many", 10.5):
        with pytest.raises(oms.UsageError, match="population"):
            oms.stats.band_probabilities(10, 0.5, CUTS, population=population)
    with pytest.raises(oms.UsageError, match="one case or more"):
        oms.stats.cases_for_band(0.5, CUTS, population=0)
    assert np.isnan(oms.stats.band_probabilities(0, 0.5, CUTS).probability).all()
