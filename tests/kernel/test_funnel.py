"""Funnels, overdispersion and heterogeneity against PHE, FunnelPlotR, metafor and survey."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.factories import oracle

import omistats as oms

# Internal: funnels of any shares and sizes; a score table reaches few of them.
from omistats.kernel.funnel import (
    dispersion,
    flags,
    funnel_limits,
    heterogeneity,
    shortfall,
    standard_scores,
    within_design_effect,
)

# PHEindicatormethods 2.1.0 (R), tests/testthat/testdata_funnel_prop_outputs.csv, in percent:
# n, 95% low and high, 99.8% low and high, about a baseline printed as 80.642448%. Unrounded it
# is the sum of numerators over the sum of denominators in testdata_funnel_prop_inputs.csv.
BASELINE = 10325813.8504 / 12804440
PHE = [
    (1, "3.204264", "100.000000", "0.000000", "100.000000"),
    (10, "56.154344", "100.000000", "42.032590", "100.000000"),
    (18, "62.390093", "98.894803", "51.864359", "100.000000"),
    (539, "77.306949", "83.977947", "75.383440", "85.901456"),
    (110000, "80.408963", "80.875933", "80.274317", "81.010578"),
]

shares = st.floats(0.01, 0.99)
trials = st.integers(1, 10**6)
scales = st.sampled_from(["normal", "arcsine"])
scores = st.lists(st.floats(-8, 8), min_size=1, max_size=40)


def numbers(cell: str) -> np.ndarray:
    return np.array([float(v) for v in cell.split()])


def padded(lists):
    """Units of several sets in one array, NaN where a set has fewer."""
    size = max(map(len, lists))
    return np.array([[*v, *[np.nan] * (size - len(v))] for v in lists])


@pytest.mark.parametrize("line", PHE, ids=lambda line: f"n={line[0]}")
def test_limits_print_as_public_health_england_printed_them(line):
    n, *printed = line
    found = funnel_limits(BASELINE, n)
    percent = 100 * np.column_stack([found.low, found.high]).ravel()
    assert [f"{v:.6f}" for v in percent] == printed
    # The printed baseline is out by up to 5e-7 percentage points, so the last digit may be too.
    found = funnel_limits(0.80642448, n)
    percent = 100 * np.column_stack([found.low, found.high]).ravel()
    np.testing.assert_allclose(percent, [float(v) for v in printed], rtol=0, atol=1e-6)


def test_normal_limits_agree_with_the_function_of_phe():
    lines = oracle("funnel_normal.csv")
    assert len(lines) == 24
    p0, n = (np.array([float(r[c]) for r in lines]) for c in ("baseline", "n"))
    found = funnel_limits(p0, n)
    for j, level in enumerate(("97.5", "99.9")):
        for side, values in (("low", found.low), ("high", found.high)):
            wanted = np.array([float(r[side + level]) for r in lines]) / 100
            # PHE solves the quadratic through differences of large numbers.
            np.testing.assert_allclose(values[:, j], wanted.clip(0, 1), rtol=1e-9, atol=1e-11)


def test_arcsine_scores_and_dispersion_agree_with_funnelplotr():
    lines = oracle("funnel_arcsine.csv")
    assert len(lines) == 24
    k, n = (padded([numbers(r[c]) for r in lines]) for c in ("k", "n"))
    target = np.nansum(k, axis=1) / np.nansum(n, axis=1)
    scored = standard_scores(k / n, target[:, None], n, scale="arcsine")
    found = dispersion(scored.z, scored.s)
    wanted = {c: np.array([float(r[c]) for r in lines]) for c in ("ratio", "tau2")}
    np.testing.assert_allclose(
        scored.z, padded([numbers(r["z"]) for r in lines]), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(scored.s, padded([numbers(r["s"]) for r in lines]), rtol=1e-14)
    np.testing.assert_allclose(
        found.winsorised, padded([numbers(r["winsorised"]) for r in lines]), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(found.ratio, wanted["ratio"], rtol=1e-11)
    np.testing.assert_allclose(found.phi, np.maximum(1, wanted["ratio"]), rtol=1e-11)
    np.testing.assert_allclose(found.tau2, wanted["tau2"], rtol=1e-10, atol=1e-15)
    # Both cases occur: without overdispersion there is no variance between units.
    assert (found.tau2 == 0).any()
    assert (found.phi > 1).any()


def test_arcsine_limits_agree_with_funnelplotr():
    """FunnelPlotR rounds its two quantiles to 1.959964 and 3.090232: seven digits at best."""
    for line in oracle("funnel_arcsine.csv"):
        k, n = numbers(line["k"]), numbers(line["n"])
        target = k.sum() / n.sum()
        plain = funnel_limits(target, n, scale="arcsine")
        wide = funnel_limits(target, n, scale="arcsine", tau2=float(line["tau2"]))
        for values, name in (
            (plain.low[:, 0], "ll95"),
            (plain.high[:, 1], "ul998"),
            (wide.low[:, 1], "odll998"),
            (wide.high[:, 0], "odul95"),
        ):
            np.testing.assert_allclose(values, numbers(line[name]), atol=2e-7)


def test_heterogeneity_agrees_with_metafor():
    lines = oracle("funnel_heterogeneity.csv")
    assert len(lines) == 22
    estimate, se = (padded([numbers(r[c]) for r in lines]) for c in ("estimate", "se"))
    found = heterogeneity(estimate, se)
    for name, values in (
        ("statistic", found.statistic),
        ("p_value", found.p_value),
        ("i_squared", 100 * found.i_squared),
        ("tau2", found.tau2),
        ("mean", found.estimate),
        ("mean_se", found.se),
    ):
        wanted = [float(r[name]) for r in lines]
        np.testing.assert_allclose(values, wanted, rtol=1e-9, atol=1e-15, err_msg=name)


def test_heterogeneity_of_the_bcg_trials_is_as_published():
    """Viechtbauer, W. (2010), J. Stat. Soft. 36(3): Q(12) = 152.23 for the BCG trials."""
    line = oracle("funnel_heterogeneity.csv")[0]
    found = heterogeneity(numbers(line["estimate"]), numbers(line["se"]))
    assert f"{found.statistic:.2f} {found.df:g}" == "152.23 12"


def test_q_of_design_based_errors_is_the_wald_statistic_of_equal_strata():
    strata = oracle("funnel_heterogeneity.csv")[-1]
    (wald,) = oracle("funnel_wald.csv")
    found = heterogeneity(numbers(strata["estimate"]), numbers(strata["se"]))
    assert float(found.statistic) == pytest.approx(float(wald["wald"]), rel=1e-10)


def test_a_slow_recount_of_dispersion():
    rng = np.random.default_rng(5)
    for units in (1, 2, 9, 15, 36):
        z, s = rng.normal(0, 2, units), rng.uniform(0.01, 0.1, units)
        ordered = sorted(z)

        def quantile(q, ordered=ordered):
            at = (len(ordered) - 1) * q
            left = math.floor(at)
            right = min(left + 1, len(ordered) - 1)
            return ordered[left] + (at - left) * (ordered[right] - ordered[left])

        low, high = quantile(0.1), quantile(0.9)
        squares = sum(min(max(v, low), high) ** 2 for v in z)
        found = dispersion(z, s)
        assert float(found.ratio) == pytest.approx(squares / units)
        assert int(found.units) == units
        if units == 1:
            assert np.isnan(found.tau2)
            continue
        w = [1 / v**2 for v in s]
        tau2 = (squares - (units - 1)) / (sum(w) - sum(v * v for v in w) / sum(w))
        assert float(found.tau2) == pytest.approx(max(0, tau2))
        np.testing.assert_allclose(found.z_multiplicative, z / math.sqrt(max(1, squares / units)))
        np.testing.assert_allclose(found.z_additive, z * s / np.sqrt(s**2 + max(0, tau2)))


@given(scores, st.floats(0, 0.49))
def test_winsorising_uses_quantiles_of_type_7(z, trim):
    """NumPy's default quantile is type 7 of Hyndman and Fan (1996), as R's is."""
    found = dispersion(z, np.ones(len(z)), trim=trim)
    low, high = np.quantile(z, [trim, 1 - trim])
    np.testing.assert_allclose(found.winsorised, np.clip(z, low, high), rtol=1e-9, atol=1e-9)


@given(scores, st.integers(0, 5))
def test_units_without_a_score_count_nowhere(z, gaps):
    s = np.linspace(0.01, 0.1, len(z))
    bare = dispersion(z, s)
    with_gaps = dispersion([*z, *[np.nan] * gaps], [*s, *[0.3] * gaps])
    assert with_gaps.units == len(z)
    for name in ("phi", "ratio", "tau2", "low", "high"):
        np.testing.assert_allclose(getattr(with_gaps, name), getattr(bare, name), rtol=1e-12)
    assert np.isnan(with_gaps.winsorised[len(z) :]).all()


@given(st.integers(0, 200), st.integers(1, 200), shares, st.sampled_from([0.95, 0.998]))
def test_outside_the_normal_limits_is_where_wilson_excludes_the_baseline(k, n, p0, confidence):
    """Wilson (1927): his limits p solve (k/n - p)^2 = z^2 p (1 - p) / n."""
    k = min(k, n)
    found = funnel_limits(p0, n, confidence=confidence)
    wilson = oms.stats.interval(k, n, confidence=confidence)
    gap = min(abs(wilson.low - p0), abs(wilson.high - p0))
    if gap > 1e-9:
        position = str(flags(k / n, found).position[0])
        assert position == ("low" if wilson.high < p0 else "high" if wilson.low > p0 else "inside")


@given(shares, trials, scales, st.floats(1, 9), st.floats(0, 0.2))
def test_limits_hold_the_baseline_and_widen(p0, n, scale, inflation, tau2):
    plain = funnel_limits(p0, n, scale=scale)
    assert plain.low.shape == plain.confidence.shape == (2,)
    for wide in (
        funnel_limits(p0, n, scale=scale, inflation=inflation),
        funnel_limits(p0, n, scale=scale, tau2=tau2),
        funnel_limits(p0, n, scale=scale, inflation=inflation, tau2=tau2),
    ):
        assert (wide.low <= plain.low + 1e-12).all()
        assert (plain.high <= wide.high + 1e-12).all()
    assert 0 <= plain.low[1] <= plain.low[0] <= p0 + 1e-12
    assert p0 - 1e-12 <= plain.high[0] <= plain.high[1] <= 1


@given(shares, shares, trials, scales, st.floats(0.5, 5))
def test_a_score_beyond_the_quantile_is_a_flag_beyond_the_limit(p, p0, n, scale, inflation):
    found = funnel_limits(p0, n, scale=scale, inflation=inflation)
    z = float(standard_scores(p, p0, n, scale=scale, inflation=inflation).z)
    edges = np.array([1.959963984540054, 3.0902323061678132])
    if (np.abs(abs(z) - edges) > 1e-6).all():
        flagged = flags(p, found)
        side = "low" if z < 0 else "high"
        assert list(flagged.position) == [side if abs(z) > e else "inside" for e in edges]
        assert flagged.beyond == (0.998 if abs(z) > edges[1] else 0.95 if abs(z) > edges[0] else 0)


def test_arcsine_limits_end_at_0_and_1_where_the_sine_would_fold_back():
    found = funnel_limits([0.02, 0.98], 3, scale="arcsine")
    assert found.low[0, 1] == 0.0
    assert found.high[1, 1] == 1.0


def test_phi_multiplies_the_variance():
    assert funnel_limits(0.5, 100, phi=4).s == pytest.approx(0.1)
    assert funnel_limits(0.5, 100, inflation=2, phi=2).s == pytest.approx(0.1)
    assert funnel_limits(0.5, 100, inflation=2, tau2=0.005).s == pytest.approx(0.1)


def test_nothing_applicable_stays_nan_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = funnel_limits(0.7, [0, np.nan, 50])
        scored = standard_scores([np.nan, 0.5, 0.6, 1], [0.7, 0.7, 0.7, 1], [0, np.nan, 50, 50])
        nobody = dispersion([[np.nan, np.nan], [1.0, 2.0]], 0.1)
        none = heterogeneity([[np.nan, np.nan], [0.5, np.nan], [0.5, 0.6]], [0.1, 0.2])
        empty = dispersion(np.empty((2, 0)), np.empty((2, 0)))
    assert np.isnan(found.low[:2]).all()
    flagged = flags(0.2, found)
    assert flagged.position[:, 0].tolist() == ["", "", "low"]
    np.testing.assert_array_equal(flagged.beyond, [np.nan, np.nan, 0.998])
    np.testing.assert_array_equal(np.isnan(scored.z), [True, True, False, True])
    assert nobody.units.tolist() == [0, 2]
    assert np.isnan([nobody.phi[0], nobody.tau2[0], nobody.ratio[0]]).all()
    assert none.units.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(np.isnan(none.p_value), [True, True, False])
    assert empty.units.tolist() == [0, 0]


def test_a_unit_without_error_cannot_be_weighted_and_is_counted():
    found = heterogeneity([0.5, 0.6, 1.0], [0.1, 0.1, 0.0])
    assert found.exact == 1
    for values in (found.statistic, found.df, found.p_value, found.tau2, found.estimate, found.se):
        assert np.isnan(values)


def test_equal_units_are_homogeneous():
    found = heterogeneity(np.full(5, 0.7), 0.05)
    assert found.statistic == pytest.approx(0, abs=1e-20)
    assert found.p_value == pytest.approx(1)
    assert found.i_squared == found.tau2 == 0


def test_the_design_effect_within_units_is_1_for_binomial_errors():
    p, n = np.array([0.2, 0.7, np.nan, 1.0]), np.array([50, 400, 0, 9])
    se = np.sqrt(p * (1 - p) / n.clip(1))
    assert within_design_effect(p, se, n) == pytest.approx(1)
    assert within_design_effect(p, se * 1.5, n) == pytest.approx(2.25)
    assert np.isnan(within_design_effect([1.0, 1.0], [0.0, 0.0], [5, 5]))


def test_shortfall_is_credible_when_the_upper_limit_falls_short():
    found = shortfall([0.5, 0.58, 0.6, 0.7, np.nan, 0.5], [0.59, 0.66, 0.7, 0.8, 0.9, np.nan], 0.6)
    assert found.tolist() == ["interval", "point", "no", "no", "", "point"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: funnel_limits(80.6, 10),
            "`baseline` must lie between 0 and 1 .divide percentages by 100",
        ),
        (lambda: funnel_limits(0.8, -1), "`n` must be a number of trials"),
        (
            lambda: funnel_limits([0.8, 2], [-1, 5]),
            "(?s)baseline. must lie.*2 at .1,.*n. must be a number.*-1 at",
        ),
        (lambda: funnel_limits(0.8, 10, inflation=0), "`inflation` must be a factor of a variance"),
        (lambda: funnel_limits(0.8, 10, phi=0.5), "`phi` must be 1 or more"),
        (lambda: funnel_limits(0.8, 10, tau2=-1), "`tau2` must be a variance"),
        (lambda: funnel_limits(0.8, 10, phi=2, tau2=0.1), "pass one of them"),
        (lambda: funnel_limits(0.8, 10, confidence=95), "did you mean 0.95"),
        (lambda: funnel_limits(0.8, 10, confidence=()), "at least one level"),
        (lambda: funnel_limits(0.8, 10, scale="log"), "choose from normal, arcsine"),
        (lambda: funnel_limits([0.8, 0.7], [1, 2, 3]), "shapes that broadcast"),
        (lambda: funnel_limits("x", 10), "baseline: expected numbers"),
        (lambda: standard_scores(1.2, 0.8, 10), "`estimate` must lie between 0 and 1"),
        (lambda: dispersion([1, np.inf], 0.1), "`z` must be finite"),
        (lambda: dispersion([1, 2], [0.1, -0.1]), "`s` must be finite, 0 or more"),
        (lambda: dispersion(1, 1), "last axis"),
        (lambda: dispersion([1, 2], 1, trim=0.5), "`trim` must be the share"),
        (lambda: heterogeneity([1, 2], [0.1, -0.1]), "`se` must be finite, 0 or more"),
        (lambda: within_design_effect(0.5, 0.1, 10), "last axis"),
        (lambda: shortfall(0.6, 0.5, 0.7), "not below its estimate"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(oms.UsageError, match=words):
        call()
