"""Equivalence against R, an independent maximisation, and what an interval implies."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from statsmodels.stats.proportion import tost_proportions_2indep
from tests.factories import oracle

import omistats as oms

group = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
margins = st.floats(0.005, 0.6)


def test_agrees_with_r_down_to_1e_minus_300():
    """R 4.2.2: pnorm of the score, with the derivative of the likelihood solved by uniroot."""
    lines = oracle("tost_miettinen_nurminen.csv")
    assert len(lines) == 141
    k1, n1, k2, n2, margin, lower, upper = (
        np.array([float(r[c]) for r in lines])
        for c in ("k1", "n1", "k2", "n2", "margin", "log_lower", "log_upper")
    )
    found = oms.stats.equivalence(k1, n1, k2, n2, margin)
    for p, log_p in ((found.p_lower, lower), (found.p_upper, upper)):
        shown = log_p > math.log(1e-300)
        assert (log_p[shown] < math.log(1e-200)).any()
        np.testing.assert_allclose(p[shown], np.exp(log_p[shown]), rtol=1e-7)
        assert (p[~shown] < 1.1e-300).all()
    np.testing.assert_array_equal(found.p_value, np.maximum(found.p_lower, found.p_upper))


def test_agrees_with_a_published_interval():
    """Newcombe (1998), Statistics in Medicine 17, 873-890: 56/70 and 48/80, the 95% interval of
    Miettinen and Nurminen is .0528 to .3382; its ends are where a one-sided p-value is 2.5%."""
    found = oms.stats.equivalence(56, 70, 48, 80, 0.3382, confidence=0.975)
    assert float(found.low) == pytest.approx(0.0528, abs=0.00005)
    assert float(found.high) == pytest.approx(0.3382, abs=0.00005)
    assert float(found.p_value) == pytest.approx(0.025, abs=0.00005)
    assert float(found.p_upper) == float(found.p_value)


def one_sided(k1, n1, k2, n2, delta):
    """The score of a difference, with the likelihood itself maximised by a general routine."""

    def lost(p2):
        p1 = p2 + delta
        terms = ((k1, p1), (n1 - k1, 1 - p1), (k2, p2), (n2 - k2, 1 - p2))
        return -sum(k * math.log(p) for k, p in terms if k)

    ends = max(0.0, -delta) + 1e-13, min(1.0, 1.0 - delta) - 1e-13
    p2 = minimize_scalar(lost, bounds=ends, method="bounded", options={"xatol": 1e-12}).x
    p1 = p2 + delta
    total = n1 + n2
    variance = (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * total / (total - 1)
    return (k1 / n1 - k2 / n2 - delta) / math.sqrt(variance)


@given(group, group, margins)
def test_is_the_score_at_the_maximum_of_the_likelihood(a, b, margin):
    assume(a[1] > 3 < b[1])
    found = oms.stats.equivalence(*a, *b, margin)
    lower, upper = (one_sided(*a, *b, d) for d in (-margin, margin))
    # A general routine finds a flat maximum to about the root of the machine's precision.
    assert float(found.p_lower) == pytest.approx(norm.sf(lower), rel=1e-3, abs=1e-6)
    assert float(found.p_upper) == pytest.approx(norm.cdf(upper), rel=1e-3, abs=1e-6)


@given(st.integers(300, 3000), st.integers(300, 3000), st.floats(0.3, 0.7), st.floats(0.3, 0.7))
def test_is_near_the_tests_of_statsmodels_in_large_groups(n1, n2, p1, p2):
    """Its TOST adds two cases to each group: a shift of some 1 / sqrt(n) standard errors."""
    k1, k2 = round(p1 * n1), round(p2 * n2)
    found = oms.stats.equivalence(k1, n1, k2, n2, 0.1)
    reference = tost_proportions_2indep(k1, n1, k2, n2, -0.1, 0.1, method="agresti-caffo")
    assert float(found.p_value) == pytest.approx(reference.pvalue, abs=0.6 / min(n1, n2) ** 0.5)


@settings(max_examples=30)  # each solves for two intervals
@given(group, group, margins, st.floats(0.6, 0.999))
def test_equivalent_is_an_interval_within_the_margin(a, b, margin, confidence):
    """Schuirmann (1987): reject both at alpha when the 1 - 2 alpha interval is inside."""
    found = oms.stats.equivalence(*a, *b, margin, confidence=confidence)
    # On the edge either answer is right: the ends of the interval are rounded.
    assume(abs(float(found.low) + margin) > 1e-9)
    assume(abs(float(found.high) - margin) > 1e-9)
    assert bool(found.equivalent) == bool(-margin < found.low and found.high < margin)
    # The interval is that of the difference, at less confidence.
    other = oms.stats.difference(
        *a, *b, method="miettinen-nurminen", confidence=1 - 2 * (1 - confidence)
    )
    assert (found.low, found.high) == (other.low, other.high)


@given(group, group, margins)
def test_order_of_groups_and_of_outcomes_does_not_matter(a, b, margin):
    (k1, n1), (k2, n2) = a, b
    first = oms.stats.equivalence(k1, n1, k2, n2, margin)
    swapped = oms.stats.equivalence(k2, n2, k1, n1, margin)
    mirrored = oms.stats.equivalence(n1 - k1, n1, n2 - k2, n2, margin)
    for other in (swapped, mirrored):
        assert float(other.p_lower) == pytest.approx(float(first.p_upper), rel=1e-6, abs=1e-300)
        assert float(other.p_upper) == pytest.approx(float(first.p_lower), rel=1e-6, abs=1e-300)


@given(group, group, margins, st.floats(1.01, 1.6))
def test_a_wider_margin_is_easier_to_keep(a, b, margin, factor):
    found = oms.stats.equivalence(*a, *b, [margin, min(factor * margin, 0.99)])
    assert found.p_value[1] <= found.p_value[0] * (1 + 1e-9)


def test_small_groups_show_neither_difference_nor_its_absence():
    assert oms.stats.compare(13, 20, 12, 20).p_value > 0.05
    assert not oms.stats.equivalence(13, 20, 12, 20, 0.1).equivalent
    assert oms.stats.equivalence(1300, 2000, 1320, 2000, 0.1).equivalent


def test_large_groups_can_show_both():
    """A difference that is there, and smaller than what would matter."""
    assert oms.stats.compare(6500, 10000, 6700, 10000).p_value < 0.01
    assert oms.stats.equivalence(6500, 10000, 6700, 10000, 0.05).equivalent


def test_shapes_and_what_is_missing():
    found = oms.stats.equivalence([3, 0, np.nan], [5, 0, 5], [[3], [4]], 5, 0.2)
    assert found.p_value.shape == (2, 3)
    assert np.isnan(found.p_value[:, 1:]).all()
    assert not found.equivalent[:, 1:].any()
    assert found.method.tolist() == [["miettinen-nurminen"] * 3] * 2
    scalar = oms.stats.equivalence(3, 5, 4, 5, 0.2)
    for name in ("estimate", "low", "high", "p_value", "p_lower", "p_upper", "equivalent"):
        assert getattr(scalar, name).shape == ()
    assert np.isnan(oms.stats.equivalence(3, 5, 4, 5, np.nan).p_value)


def test_the_usual_spellings_are_understood():
    assert oms.stats.equivalence(3, 5, 4, 5, 0.2, method="Miettinen_Nurminen").method == (
        "miettinen-nurminen"
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: oms.stats.equivalence(3, 5, 4, 5, 5), "`margin` .* found 5; did you mean 0.05"),
        (lambda: oms.stats.equivalence(3, 5, 4, 5, 0), "`margin` must be a proportion between"),
        (lambda: oms.stats.equivalence(3, 5, 4, 5, 1), "`margin` must be a proportion between"),
        (lambda: oms.stats.equivalence(3, 5, 4, 5, -0.1), "`margin` must be a proportion between"),
        (lambda: oms.stats.equivalence(6, 5, 4, 5, 0.1), "k = 6, n = 5"),
        (lambda: oms.stats.equivalence(3, 5, 4, 5, 0.1, confidence=95), "did you mean 0.95"),
        (lambda: oms.stats.equivalence(3, 5, 4, 5, 0.1, confidence=0.5), "above 0.5"),
        (lambda: oms.stats.equivalence(3, 5, 4, 5, 0.1, method="wald"), "test of a margin 'wald'"),
        (lambda: oms.stats.equivalence(3, 5, 4, 5, 0.1, method="wold"), "did you mean 'wald'"),
        (lambda: oms.stats.equivalence([3, 3], 5, [4, 4, 4], 5, 0.1), "shapes that broadcast"),
    ],
)
def test_questions_that_make_no_sense_are_refused(call, said):
    with pytest.raises(oms.UsageError, match=said):
        call()


def test_the_margin_has_no_default():
    with pytest.raises(TypeError, match="margin"):
        oms.stats.equivalence(3, 5, 4, 5)  # type: ignore[call-arg]


def test_a_margin_has_to_be_named():
    missing: Any = None
    with pytest.raises(oms.UsageError, match=r"smallest difference that would matter.* no default"):
        oms.stats.equivalence(50, 100, 50, 100, missing)


def test_single_numbers_give_arrays_without_dimension():
    found = oms.stats.equivalence(50, 100, 50, 100, 0.1)
    for field in attrs.fields(oms.stats.Equivalence):
        value = getattr(found, field.name)
        assert isinstance(value, np.ndarray), field.name
        assert value.shape == ()
