"""Ratio estimates from moments, their covariances and tests, against R, `ratio` and a recount."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from tests.factories import oracle
from tests.kernel.ratio_recount import covariance, influence

from omistats import DataError, UnknownNameError, UsageError

# Internal: `ratio` takes cases, and covariances of groups are reached through scores only.
from omistats.kernel.ratio import covariance_groups, from_moments, products
from omistats.kernel.wald import difference, wald
from omistats.stats import ratio

# R survey 4.1.1; tests/oracles/survey.R made the cases, which are simulated, and the numbers.
CASES = oracle("survey_cases.csv")
GROUPS = oracle("survey_groups.csv")
TREATMENT = {"fail": "error", "remove": "remove", "adjust": "adjust"}


def column(name: str) -> Any:
    return np.array([row[name] for row in CASES])


def summed(k: Any, n: Any, stratum: Any, member: Any) -> tuple[Any, Any]:
    """Moments (domains, strata, 5) of domains given by indicators (domains, cases), and cases."""
    codes = np.unique(stratum, return_inverse=True)[1]
    within = np.eye(codes.max() + 1)[codes]
    moments = np.einsum("dc,cs,cm->dsm", np.asarray(member, float), within, products(k, n))
    return moments, within.sum(axis=0)


def layout(row: dict[str, str]) -> tuple[Any, Any, Any]:
    name = row["stratum"]
    stratum = np.zeros(len(CASES)) if name == "none" else column(name)
    weight = column("weight").astype(float) if row["weighted"] == "TRUE" else 1.0
    member = [column("group") == g for g in "abc"]
    k, n = (column(c).astype(float) * weight for c in "kn")
    moments, cases = summed(k, n, stratum, member)
    population = None
    if row["corrected"] == "TRUE":
        each = column(f"population_case_id_{name}").astype(float)
        population = [each[stratum == s][0] for s in np.unique(stratum)]
    return moments, cases, {"population": population, "lonely": TREATMENT[row["lonely"]]}


def lines(clusters: bool) -> list[dict[str, str]]:
    return [r for r in GROUPS if (r["cluster"] != "case_id") == clusters]


def test_groups_agree_with_svyby_of_r():
    """R: svyby(~k, ~group, design, svyratio, denominator = ~n, covmat = TRUE)."""
    assert len(lines(clusters=False)) == 16
    for row in lines(clusters=False):
        moments, cases, options = layout(row)
        found = covariance_groups(moments, cases, **options)
        expected = [[float(row["".join(sorted(a + b))]) for b in "abc"] for a in "abc"]
        # Without strata the covariances are 0; R's are some 1e-18 times the scale of the data.
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-17)
        pair = covariance_groups(moments[[0, 2]], cases, **options)
        assert pair.tolist() == found[np.ix_([0, 2], [0, 2])].tolist()


def test_differences_agree_with_svycontrast_of_r():
    for row in lines(clusters=False):
        moments, cases, options = layout(row)
        estimate = from_moments(moments, cases, **options).estimate
        v = covariance_groups(moments, cases, **options)
        found = difference(estimate[:2], v[:2, :2])
        for name, value in (
            ("difference", found.estimate),
            ("difference_se", found.se),
            ("difference_low", found.low),
            ("difference_high", found.high),
        ):
            np.testing.assert_allclose(value, float(row[name]), rtol=1e-11)
        t = wald(estimate[:2], v[:2, :2], df=float(row["design_df"]))
        np.testing.assert_allclose(t.p_value, float(row["difference_t_p"]), rtol=1e-11)


def test_wald_tests_agree_with_r():
    """R: solve() of the differences' covariance from svyby, pchisq and pf."""
    for row in lines(clusters=False):
        moments, cases, options = layout(row)
        estimate = from_moments(moments, cases, **options).estimate
        v = covariance_groups(moments, cases, **options)
        chi = wald(estimate, v)
        np.testing.assert_allclose(chi.statistic, float(row["wald"]), rtol=1e-10)
        np.testing.assert_allclose(chi.p_value, float(row["wald_p"]), rtol=1e-10)
        assert (chi.df, chi.method) == (2, "wald-chi-square")
        f = wald(estimate, v, df=float(row["design_df"]))
        np.testing.assert_allclose(f.statistic, float(row["wald"]) / 2, rtol=1e-10)
        np.testing.assert_allclose(f.p_value, float(row["f_p"]), rtol=1e-10)
        assert (f.df, f.method) == (2, "wald-f")


def test_the_recount_agrees_with_r_where_clusters_hold_several_groups():
    """Moments cannot say this; the covariance of two sums over teams can."""
    assert len(lines(clusters=True)) == 16
    for row in lines(clusters=True):
        stratum = row["stratum"]
        weighted = row["weighted"] == "TRUE"
        rows = [
            {
                "k": int(c["k"]),
                "n": int(c["n"]),
                "weight": float(c["weight"]) if weighted else 1,
                "cluster": c[row["cluster"]],
                "stratum": "" if stratum == "none" else c[stratum],
            }
            for c in CASES
        ]
        population = None
        if row["corrected"] == "TRUE":
            name = f"population_{row['cluster']}_{stratum}"
            population = {r["stratum"]: float(c[name]) for r, c in zip(rows, CASES, strict=True)}
        z = {g: influence(rows, list(column("group") == g)) for g in "abc"}
        for a, b in ("aa", "ab", "ac", "bb", "bc", "cc"):
            found = covariance(rows, z[a], z[b], population, TREATMENT[row["lonely"]])
            np.testing.assert_allclose(float(found), float(row[a + b]), rtol=1e-9)


@st.composite
def samples(draw: st.DrawFn) -> dict[str, Any]:
    """Cases with an answer in strata of two or more, in one of three groups."""
    rows = []
    for stratum in range(draw(st.integers(1, 3))):
        for _ in range(draw(st.integers(2, 6))):
            n = draw(st.integers(0, 80))
            k = draw(st.sampled_from([0, n, n // 2, draw(st.integers(0, n))]))
            rows.append((k, n, stratum, draw(st.integers(0, 2))))
    k, n, stratum, group = (np.array(v) for v in zip(*rows, strict=True))
    return {"k": k, "n": n, "stratum": stratum, "group": group}


def as_rows(s: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"k": int(k), "n": int(n), "weight": 1, "cluster": i, "stratum": int(h)}
        for i, (k, n, h) in enumerate(zip(s["k"], s["n"], s["stratum"], strict=True))
    ]


@given(samples(), st.booleans())
def test_equals_ratio_on_the_cases(s, corrected):
    """A domain is estimated in the full design: cases outside it count, with 0 and 0."""
    member = np.array([s["group"] == g for g in range(3)] + [s["group"] >= 0])
    population = 9 if corrected else None
    found = from_moments(*summed(s["k"], s["n"], s["stratum"], member), population=population)
    for i, inside in enumerate(member):
        one = ratio(s["k"] * inside, s["n"] * inside, stratum=s["stratum"], population=population)
        for name in ("estimate", "se", "design_effect"):
            assert float(getattr(found, name)[i]) == pytest.approx(
                float(getattr(one, name)), rel=1e-10, abs=1e-14, nan_ok=True
            )


@given(samples(), st.booleans())
def test_covariances_equal_the_recount(s, corrected):
    assume(all(s["n"][s["group"] == g].sum() > 0 for g in range(3)))
    rows = as_rows(s)
    population = dict.fromkeys(range(3), 9) if corrected else None
    member = np.array([s["group"] == g for g in range(3)])
    moments, cases = summed(s["k"], s["n"], s["stratum"], member)
    found = covariance_groups(moments, cases, population=9 if corrected else None)
    z = [influence(rows, list(inside)) for inside in member]
    expected = [[float(covariance(rows, a, b, population)) for b in z] for a in z]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


@given(samples())
def test_nothing_varies_exactly_where_nothing_varies(s):
    """Every case answers a third: the variance is a difference of large sums, and 0."""
    assume(s["n"].sum() > 0)
    moments, cases = summed(s["n"], 3 * s["n"], s["stratum"], [s["group"] >= 0])
    assert from_moments(moments, cases).se.tolist() == [0.0]
    assert float(ratio(s["n"], 3 * s["n"], stratum=s["stratum"]).se) < 1e-15


def test_one_case_in_a_domain_has_standard_error_0():
    moments, cases = summed([1, 7], [3, 9], [0, 0], [[1, 0]])
    assert from_moments(moments, cases).se == 0


def test_two_domains_of_one_case_differ_without_error():
    """Neither varies, and rounding in their sums is no covariance."""
    k, n = np.array([(k, n) for n in range(2, 60) for k in range(1, n)]).T
    one = products(k, n)[:, np.newaxis]
    a, b = one[:, np.newaxis], one[::-1, np.newaxis]
    v = covariance_groups(np.concatenate([a, b], axis=1), [5])
    assert (v == 0).all()


@given(st.integers(2, 60), st.integers(1, 400_000), st.integers(1, 3))
def test_cancellation_costs_no_digits(cases, large, small):
    """All but one case have all but nothing: exact sums of squares against fractions."""
    n = [large] * cases
    k = [large] * (cases - 1) + [max(large - small, 0)]
    p = Fraction(sum(k), sum(n))
    z = [(Fraction(a) - p * b) / sum(n) for a, b in zip(k, n, strict=True)]
    expected = math.sqrt(Fraction(cases, cases - 1) * sum(v * v for v in z))
    moments, drawn = summed(np.array(k), np.array(n), np.zeros(cases), np.ones((1, cases)))
    assert float(from_moments(moments, drawn).se[0]) == pytest.approx(expected, rel=1e-11)


@given(st.integers(2, 30), st.integers(1, 50), st.integers(2, 50))
def test_shares_that_do_not_vary_have_standard_error_0(cases, a, b):
    """A share is rounded before it is squared; no digits are claimed for the rest."""
    moments, drawn = summed([a / (a + b)] * cases, [1] * cases, [0] * cases, np.ones((1, cases)))
    assert from_moments(moments, drawn).se == 0


class TestLonely:
    moments = np.array([[3, 9, 9, 27, 81], [9, 20, 41, 91, 202]], float)
    cases = (1, 2)

    def test_error_names_the_stratum(self):
        with pytest.raises(DataError, match=r"two cases or more.*at \(0,\).*lonely='nan'"):
            from_moments(self.moments, self.cases)

    def test_nan_leaves_the_others(self):
        three = np.array([self.moments, [[0] * 5, self.moments[1]], [self.moments[0], [0] * 5]])
        found = from_moments(three, self.cases, lonely="nan")
        assert np.isnan(found.se).tolist() == [True, False, True]
        assert np.isfinite(found.estimate).all()
        v = covariance_groups(three[1:], self.cases, lonely="nan")
        assert np.isnan(v).tolist() == [[False, True], [True, True]]
        test = wald(found.estimate[1:], v)
        assert np.isnan(test.p_value)
        assert test.stars == ""

    @pytest.mark.parametrize("lonely", ["remove", "adjust"])
    def test_treatments_are_those_of_ratio(self, lonely):
        one = ratio([3, 4, 5], [9, 9, 11], stratum=[0, 1, 1], lonely=lonely)
        found = from_moments(self.moments, self.cases, lonely=lonely)
        assert float(found.se) == pytest.approx(float(one.se), rel=1e-12)

    def test_a_stratum_drawn_whole_is_not_lonely(self):
        found = from_moments(self.moments, self.cases, population=[1, 20])
        one = ratio([3, 4, 5], [9, 9, 11], stratum=[0, 1, 1], population={0: 1, 1: 20})
        assert float(found.se) == pytest.approx(float(one.se), rel=1e-12)


class TestShapes:
    def test_leading_axes_broadcast_with_cases(self):
        rng = np.random.default_rng(1)
        n = rng.integers(1, 9, (4, 3, 2, 6))
        k = rng.integers(0, n + 1)
        moments = products(k, n).sum(axis=3)[..., np.newaxis, :]
        cases = np.array([6, 7, 8, 9]).reshape(4, 1, 1, 1)
        found = from_moments(moments, cases)
        assert found.estimate.shape == found.se.shape == found.design_effect.shape == (4, 3, 2)
        one = from_moments(moments[2, 1, 0], [8])
        assert (one.se, one.estimate) == (found.se[2, 1, 0], found.estimate[2, 1, 0])
        v = covariance_groups(moments, cases)
        assert v.shape == (4, 3, 2, 2)
        pair = covariance_groups(moments[:, :, [0, 1]], cases)
        np.testing.assert_array_equal(pair[..., 0, 1], v[..., 0, 1])
        sized = covariance_groups(moments, cases, population=cases * 2)
        np.testing.assert_allclose(sized, v / 2, rtol=1e-12)
        test = wald(found.estimate, v)
        assert test.p_value.shape == test.stars.shape == test.method.shape == (4, 3)
        assert wald(found.estimate, v, df=[9, 8, 7]).p_value.shape == (4, 3)
        assert difference(found.estimate, v).low.shape == (4, 3)

    def test_nothing_applicable_is_nan(self):
        found = from_moments(np.zeros((2, 3, 5)), [4, 5, 0])
        assert np.isnan([found.estimate, found.se, found.design_effect]).all()
        assert np.isnan(covariance_groups(np.zeros((2, 3, 5)), [4, 5, 0])).all()

    def test_shapes_that_do_not_fit(self):
        with pytest.raises(UsageError, match=r"strata, 5\); found \(5,\)"):
            from_moments(np.zeros(5), 3)
        with pytest.raises(UsageError, match=r"strata, 5\); found \(2, 4\)"):
            from_moments(np.zeros((2, 4)), 3)
        with pytest.raises(UsageError, match="strata last"):
            from_moments(np.zeros((2, 5)), [1, 2, 3])
        with pytest.raises(UsageError, match="groups"):
            covariance_groups(np.zeros((2, 5)), [1, 2])
        with pytest.raises(UnknownNameError, match="nan"):
            from_moments(np.zeros((2, 5)), [2, 2], lonely="null")
        for x, v in (([1], [[1]]), ([1, 2], [1, 2]), ([1, 2, 3], np.eye(2))):
            with pytest.raises(UsageError, match="two groups or more"):
                wald(x, v)
        with pytest.raises(UsageError, match="broadcast"):
            wald(np.ones((2, 2)), np.ones((3, 2, 2)))
        with pytest.raises(UsageError, match="two estimates"):
            difference([1, 2, 3], np.eye(3))


class TestImpossibleMoments:
    @pytest.mark.parametrize("value", [-1, np.nan, np.inf])
    def test_negative_or_missing(self, value):
        moments = np.ones((3, 2, 5))
        moments[1, 0, 3] = value
        with pytest.raises(DataError, match=r"moments: .*at \(1, 0\)"):
            from_moments(moments, [2, 2])

    def test_cases_and_population(self):
        with pytest.raises(DataError, match="2 problems") as caught:
            from_moments(np.ones((2, 5)), [2.5, 4], population=[9, 3])
        assert [p.where for p in caught.value.problems] == ["cases", "population"]
        with pytest.raises(DataError, match="sums over the cases drawn"):
            from_moments(np.ones((2, 5)), [0, 4])

    def test_more_spread_between_than_there_is(self):
        """Two cases cannot sum to 10 and 10 with squares that sum to 2."""
        with pytest.raises(DataError, match="negative variance"):
            from_moments([[10, 20, 2, 2, 2], [2, 20, 2, 2, 2]], [2, 2])


class TestWald:
    v = np.array([[4, 1, 0.5], [1, 3, -0.2], [0.5, -0.2, 2]])
    x = np.array([1.0, 3.0, 2.5])

    def test_two_groups_are_the_squared_ratio(self):
        test, found = wald(self.x[:2], self.v[:2, :2]), difference(self.x[:2], self.v[:2, :2])
        assert float(test.statistic) == pytest.approx(float(found.estimate / found.se) ** 2)
        assert float(test.p_value) == pytest.approx(math.erfc(2 / math.sqrt(5) / math.sqrt(2)))

    def test_the_order_of_groups_does_not_matter(self):
        base = wald(self.x, self.v)
        for order in map(list, permutations(range(3))):
            again = wald(self.x[order], self.v[np.ix_(order, order)])
            assert float(again.statistic) == pytest.approx(float(base.statistic), rel=1e-12)

    def test_a_group_without_estimate_drops_out(self):
        for lost, (a, b) in ((0, (1, 2)), (1, (0, 2)), (2, (0, 1))):
            x = self.x.copy()
            x[lost] = np.nan
            v = self.v.copy()
            v[lost], v[:, lost] = np.nan, np.nan
            found, two = wald(x, v), wald(self.x[[a, b]], self.v[np.ix_([a, b], [a, b])])
            assert found.df == 1
            assert float(found.statistic) == pytest.approx(float(two.statistic), rel=1e-12)
            assert float(found.p_value) == pytest.approx(float(two.p_value), rel=1e-12)

    def test_fewer_than_two_groups_are_no_test(self):
        for df in (None, 5):
            found = wald([[1, np.nan, np.nan], [np.nan] * 3], np.eye(3), df=df)
            assert np.isnan([found.statistic, found.df, found.p_value]).all()
            assert found.stars.tolist() == ["", ""]

    def test_no_variance(self):
        """Alike, nothing differs; different without any variance is no test."""
        found = wald([[1, 1], [0, 1]], np.zeros((2, 2)))
        assert np.isnan(found.p_value).all()
        assert found.stars.tolist() == ["--", ""]

    def test_one_group_without_variance_is_a_test(self):
        found = wald([1.0, 0.5, 0.6], np.diag([0, 0.01, 0.01]))
        assert float(found.statistic) == pytest.approx((0.25 + 0.16) / 0.01)

    @pytest.mark.parametrize("varying", [0, 1, 2])
    def test_two_of_three_groups_without_variance_are_singular(self, varying):
        v = np.zeros((3, 3))
        v[varying, varying] = 0.01
        assert np.isnan(wald([1.0, 0.8, 0.6], v).statistic)

    def test_degrees_of_freedom(self):
        tails = [float(wald(self.x, self.v, df=df).p_value) for df in (1, 5, 50, 1e6, np.inf)]
        assert all(a > b for a, b in pairwise(tails))
        assert tails[-1] == float(wald(self.x, self.v).p_value)
        assert np.isnan(wald(self.x, self.v, df=[0, np.nan]).p_value).all()

    def test_stars(self):
        found = wald([[0, d] for d in (1.0, 2.2, 2.8, 3.6)], np.diag([0.5, 0.5]))
        assert found.stars.tolist() == ["--", "*", "**", "***"]
