"""Ratio estimates of clustered cases against R's survey package and a slow recount."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, strategies as st
from tests.factories import oracle
from tests.kernel.ratio_recount import covariance, influence, share

from omistats import DataError, UnknownNameError, UsageError

# Internal: the recount takes its treatment of strata; limits at any degrees of freedom.
from omistats.kernel.design import variance_factors
from omistats.kernel.ratio import design_effect, limits
from omistats.stats import ratio

# R survey 4.1.1; tests/oracles/survey.R made the cases, which are simulated, and the numbers.
CASES = oracle("survey_cases.csv")
RATIOS = oracle("survey_ratios.csv")
TREATMENT = {"fail": "error", "remove": "remove", "adjust": "adjust"}
DIGITS = 1e-12


def column(name: str) -> Any:
    return np.array([row[name] for row in CASES])


def number(name: str) -> Any:
    return column(name).astype(float)


def member(domain: str) -> Any:
    if domain == "all":
        return np.ones(len(CASES), bool)
    return column("unit" if domain == "north" else "group") == domain


def options(row: dict[str, str]) -> dict[str, Any]:
    stratum, cluster = row["stratum"], row["cluster"]
    return {
        "cluster": column(cluster),
        "stratum": None if stratum == "none" else column(stratum),
        "weight": number("weight") if row["weighted"] == "TRUE" else None,
        "population": number(f"population_{cluster}_{stratum}")
        if row["corrected"] == "TRUE"
        else None,
        "lonely": TREATMENT[row["lonely"]],
    }


def close(found: Any, expected: str) -> None:
    np.testing.assert_allclose(float(found), float(expected), rtol=DIGITS)


@pytest.mark.parametrize("lonely", ["error", "nan", "remove", "adjust"])
def test_where_nobody_was_there_to_draw_nothing_is_divided(lonely):
    drawn, there = np.array([0.0, 3.0, 0.0]), np.array([0.0, 4.0, np.inf])
    fpc_scale, centring = variance_factors(drawn, there, lonely)
    assert fpc_scale == pytest.approx([0.0, 0.25 * 1.5, 0.0])
    assert centring == pytest.approx([0.0, 1 / 3, 0.0])


def test_the_oracle_covers_every_layout():
    assert len(RATIOS) == 8 * 2 * 2 * 5
    assert {row["lonely"] for row in RATIOS} == set(TREATMENT)
    assert all(row["synthetic"] == "simulated" for row in CASES)


@pytest.mark.parametrize("domain", ["all", "a", "b", "c", "north"])
def test_agrees_with_svyratio_of_r(domain):
    """Outside a domain k and n are 0: R's subset keeps those cases in its design."""
    inside = member(domain)
    k, n = number("k") * inside, number("n") * inside
    for row in (r for r in RATIOS if r["domain"] == domain):
        found = ratio(k, n, interval="wald", **options(row))
        close(found.estimate, row["estimate"])
        close(found.se, row["se"])
        close(found.low, row["low"])
        close(found.high, row["high"])
        assert found.method == "wald"
        t = ratio(k, n, df="design", **options(row))
        close(t.df, row["design_df"])
        close(t.low, row["t_low"])
        close(t.high, row["t_high"])
        given_df = ratio(k, n, df=float(row["design_df"]), **options(row))
        assert (given_df.low, given_df.high) == (t.low, t.high)
        assert t.method == given_df.method == "wald-t"


@pytest.mark.parametrize("domain", ["all", "a", "b", "c", "north"])
def test_logit_agrees_with_svycontrast_of_r(domain):
    """R differentiates log(k / (n - k)) of the two totals, at 90%."""
    inside = member(domain)
    k, n = number("k") * inside, number("n") * inside
    for row in (r for r in RATIOS if r["domain"] == domain):
        for df, prefix in ((None, "logit"), ("design", "logit_t")):
            found = ratio(k, n, interval="logit", confidence=0.9, df=df, **options(row))
            close(found.low, row[f"{prefix}_low"])
            close(found.high, row[f"{prefix}_high"])
            assert found.method == ("logit-t" if df else "logit")


def test_weight_zero_is_outside_the_domain_as_in_r():
    """R's subset is weight 0; degf counts what has weight."""
    k, n = number("k"), number("n")
    for row in RATIOS:
        chosen = options(row)
        weight = np.ones(len(CASES)) if chosen["weight"] is None else chosen["weight"]
        chosen["weight"] = weight * member(row["domain"])
        found = ratio(k, n, df="design", **chosen)
        close(found.estimate, row["estimate"])
        close(found.se, row["se"])
        close(found.df, row["domain_df"])
        assert found.clusters - found.strata == found.df


@pytest.mark.parametrize(
    ("population", "se", "line"), [(None, 0.008470640195, 0), (757, 0.008386297169, 1)]
)
def test_agrees_with_r_on_californian_schools(population, se, line):
    """survey::api, apiclus1: svyratio(~api.stu, ~enroll), clusters dnum, weights pw."""
    schools = oracle("survey_apiclus1_schools.csv")
    stu, enroll, dnum, pw = (
        np.array([float(r[c]) for r in schools]) for c in ("api.stu", "enroll", "dnum", "pw")
    )
    found = ratio(stu, enroll, cluster=dnum, weight=pw, population=population, df="design")
    assert abs(found.estimate - 0.849708741724) < 1e-12
    assert abs(found.se - se) < 1e-12
    row = oracle("survey_apiclus1.csv")[line]
    for name in ("estimate", "se", "low", "high", "df"):
        close(getattr(found, name), row[name])
    assert (found.clusters, found.strata) == (15, 1)


def test_a_stratum_drawn_whole_is_not_lonely_as_in_r():
    population = {"alone": 1, "north": 500, "south": 500, "east": 500, "west": 500}
    found = ratio(number("k"), number("n"), stratum=column("lonely_unit"), population=population)
    close(found.estimate, oracle("survey_census.csv")[0]["estimate"])
    close(found.se, oracle("survey_census.csv")[0]["se"])


@st.composite
def samples(draw: st.DrawFn, alone: bool = False) -> dict[str, Any]:
    """Cases in clusters in strata, each stratum of two clusters or more unless ``alone``."""
    rows = []
    for stratum in range(draw(st.integers(1, 3))):
        for cluster in range(draw(st.integers(1 if alone else 2, 4))):
            for _ in range(draw(st.integers(1, 3))):
                n = draw(st.integers(0, 9))
                k = draw(st.integers(0, n))
                weight = draw(st.sampled_from([0.5, 1.0, 2.25, 3.0]))
                label = f"{stratum}.{cluster}"
                rows.append(
                    {"k": k, "n": n, "weight": weight, "cluster": label, "stratum": stratum}
                )
    assume(any(r["n"] for r in rows))
    return {name: [r[name] for r in rows] for name in rows[0]}


def rows_of(sample: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(sample, v, strict=True)) for v in zip(*sample.values(), strict=True)]


def same(a: Any, b: Any) -> None:
    for name in ("estimate", "se", "low", "high"):
        x, y = float(getattr(a, name)), float(getattr(b, name))
        assert x == pytest.approx(y, rel=1e-9, abs=1e-12, nan_ok=True)


@given(samples(), st.booleans())
def test_equals_the_recount(sample, corrected):
    rows = rows_of(sample)
    population = {0: 4, 1: 7.0, 2: 1000} if corrected else None
    found = ratio(**sample, population=population)
    z = influence(rows, [True] * len(rows))
    assert float(found.estimate) == pytest.approx(float(share(rows)), rel=1e-12, abs=1e-15)
    variance = float(covariance(rows, z, z, population))
    assert float(found.se) == pytest.approx(math.sqrt(variance), rel=1e-9, abs=1e-12)


@given(samples(alone=True), st.sampled_from(["remove", "adjust"]))
def test_lonely_strata_equal_the_recount(sample, lonely):
    rows = rows_of(sample)
    z = influence(rows, [True] * len(rows))
    expected = math.sqrt(covariance(rows, z, z, lonely=lonely))
    found = ratio(**sample, lonely=lonely)
    assert float(found.se) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(samples(), st.randoms())
def test_the_order_of_cases_does_not_matter(sample, random):
    order = list(range(len(sample["k"])))
    random.shuffle(order)
    same(ratio(**sample), ratio(**{name: [v[i] for i in order] for name, v in sample.items()}))


@given(samples(), st.sampled_from([1e-300, 0.1, 7.0, 5e307]))
def test_only_proportions_of_weights_matter(sample, factor):
    scaled = sample | {"weight": [w * factor for w in sample["weight"]]}
    same(ratio(**sample), ratio(**scaled))


@given(samples())
def test_the_cases_of_a_cluster_may_be_summed_first(sample):
    """With equal weights a cluster is the sum of its cases."""
    del sample["weight"]
    totals: dict[str, list[Any]] = {}
    for row in rows_of(sample):
        total = totals.setdefault(row["cluster"], [0, 0, row["stratum"]])
        total[0] += row["k"]
        total[1] += row["n"]
    k, n, stratum = zip(*totals.values(), strict=True)
    for interval in ("wald", "effective"):
        # Whether some case lacks answers decides on strata, and a cluster has more answers.
        if interval == "effective" and 0 in sample["n"]:
            continue
        same(ratio(**sample, interval=interval), ratio(k, n, stratum=stratum, interval=interval))


@given(samples())
def test_a_case_twice_in_its_cluster_is_no_more_evidence(sample):
    twice = {name: [*v, *v] for name, v in sample.items()}
    once, again = (ratio(**rows, interval="wald") for rows in (sample, twice))
    same(once, again)
    assert float(again.design_effect) == pytest.approx(
        2 * float(once.design_effect), nan_ok=True, rel=1e-9, abs=1e-9
    )


@given(st.lists(st.integers(0, 9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
                min_size=2, max_size=9))  # fmt: skip
def test_twice_the_clusters_shrink_the_variance(cases):
    """With m clusters: m / (m - 1) S / N^2 becomes 2 m / (2 m - 1) 2 S / (2 N)^2."""
    k, n = np.array(cases).T
    assume(n.sum() > 0)
    m = len(k)
    once, twice = ratio(k, n), ratio([*k, *k], [*n, *n])
    assert float(twice.se) == pytest.approx(
        float(once.se) * math.sqrt((m - 1) / (2 * m - 1)), rel=1e-9, abs=1e-12
    )


@given(samples(), st.sampled_from([0, 1]))
def test_no_spread_at_either_end(sample, end):
    sample["k"] = [n * end for n in sample["n"]]
    found = ratio(**sample, interval="wald")
    assert (found.estimate, found.se, found.low, found.high) == (end, 0, end, end)
    assert np.isnan(found.design_effect)
    logit = ratio(**sample, interval="logit")
    assert np.isnan([logit.low, logit.high]).all()


@given(samples())
def test_what_fails_mirrors_what_succeeds(sample):
    failed = sample | {"k": [n - k for k, n in zip(sample["k"], sample["n"], strict=True)]}
    for interval in ("wald", "logit"):
        a, b = ratio(**sample, interval=interval), ratio(**failed, interval=interval)
        assert float(a.se) == pytest.approx(float(b.se), rel=1e-9, abs=1e-12)
        assert float(a.low) == pytest.approx(1 - float(b.high), nan_ok=True, abs=1e-9)


def test_answers_of_independent_cases_have_design_effect_near_one():
    """One answer a case: se^2 is p (1 - p) / (n - 1), so the effect is n / (n - 1)."""
    found = ratio([1] * 30 + [0] * 70, 1 * np.ones(100))
    assert float(found.design_effect) == pytest.approx(100 / 99, rel=1e-12)
    assert float(found.se) == pytest.approx(math.sqrt(0.3 * 0.7 / 99), rel=1e-12)


def test_a_ratio_of_quantities_above_one_has_no_proportion():
    found = ratio([10, 30, 20], [4, 9, 6])
    assert found.estimate > 1
    assert np.isnan(found.design_effect)
    assert np.isnan(ratio([10, 30, 20], [4, 9, 6], interval="logit").low)


def test_wald_limits_are_not_cut_off():
    found = ratio([5, 5, 4], [5, 5, 5], interval="wald")
    assert found.high > 1


def test_no_applicable_answers_give_nan_without_a_warning():
    found = ratio([0, 0, 0], [0, 0, 0], df="design")
    values = (found.estimate, found.se, found.low, found.high, found.df, found.design_effect)
    assert np.isnan(values).all()
    assert found.clusters == 3
    found = ratio([0, 0, 0], [0, 0, 0])
    assert np.isnan([found.estimate, found.se, found.low, found.high, found.df]).all()
    assert np.isnan(ratio([], []).estimate)


def test_no_degrees_of_freedom_leave_no_t_interval():
    found = ratio([3, 2], [4, 5], stratum=["a", "b"], lonely="adjust", df="design")
    assert found.df == 0
    assert found.se > 0
    assert np.isnan([found.low, found.high]).all()


def test_everything_is_0d():
    found = ratio([1, 2], [3, 4])
    for name in ("estimate", "se", "low", "high", "df", "design_effect", "clusters", "strata"):
        assert isinstance(getattr(found, name), np.ndarray)
        assert getattr(found, name).shape == ()
    assert str(found.method) == "wilson-effective"
    by_name = ratio([1, 2], [3, 4], interval="wald")
    assert str(by_name.method) == "wald"
    assert np.isposinf(by_name.df)


def test_labels_of_any_kind_group_alike():
    k, n = [1, 2, 3, 4, 5, 6], [9, 8, 7, 6, 5, 9]
    expected = ratio(k, n, cluster=[1, 1, 2, 2, 3, 3], stratum=[1] * 6)
    for labels in (
        ["a", "a", "b", "b", "c", "c"],
        np.array(["x", "x", 4, 4, ("t",), ("t",), None], object)[:6],
        pd.Series(["p", "p", "q", "q", "r", "r"]),
        pd.Categorical(["p", "p", "q", "q", "r", "r"]),
        np.array(["2011-03-01"] * 2 + ["2011-03-02"] * 2 + ["2011-03-03"] * 2, "M8[D]"),
        np.ma.MaskedArray([7, 7, 8, 8, 9, 9], mask=False),
    ):
        same(expected, ratio(k, n, cluster=labels))


def test_population_in_each_form():
    k, n, s = [1, 2, 3, 4], [9, 8, 7, 6], ["a", "a", "b", "b"]
    expected = ratio(k, n, stratum=s, population={"a": 5, "b": 5, "elsewhere": 1})
    same(expected, ratio(k, n, stratum=s, population=5))
    same(expected, ratio(k, n, stratum=s, population=[5, 5, 5, 5]))
    free = ratio(k, n, stratum=s)
    same(free, ratio(k, n, stratum=s, population=np.inf))
    assert float(expected.se) == pytest.approx(float(free.se) * math.sqrt(1 - 2 / 5))
    assert ratio(k, n, stratum=s, population=2).se == 0


def refused(*words: str, count: int = 1, k=(1, 2, 3, 4), n=(4, 4, 4, 4), **chosen: Any) -> None:
    with pytest.raises(DataError) as caught:
        ratio(k, n, **chosen)
    text = str(caught.value)
    assert len(caught.value.problems) == count, text
    for word in words:
        assert word in text, text
    assert all(p.hint.endswith(".") for p in caught.value.problems)


TEAMS = ["a", "a", "b", "b"]


class TestBadInput:
    @pytest.mark.parametrize("value", [-1, np.nan, None, np.inf, -0.001])
    def test_weights_negative_or_missing(self, value):
        refused("weight", "row 2", weight=[1, 2, value, 1])

    def test_weights_all_zero(self):
        refused("some weight is above 0", weight=[0, 0, 0, 0])

    @pytest.mark.parametrize("weight", [1, [1, 2], [[1, 1, 1, 1]]])
    def test_weights_of_another_shape(self, weight):
        refused("weight", "Pass 4 weights", weight=weight)

    def test_a_cluster_in_two_strata(self):
        refused(
            "'b' in 'y' (row 2) and 'z' (row 3)",
            "'a' in 'x' (row 0) and 'y' (row 1)",
            cluster=TEAMS,
            stratum=["x", "y", "y", "z"],
        )

    def test_lonely_strata_are_named(self):
        refused("'x', 'z' (rows 0, 3)", "lonely='remove'", stratum=["x", "y", "y", "z"])
        refused("found one (rows 0)", cluster=["t"] * 4)
        refused("found one (rows 0)", k=[1], n=[2])

    def test_counts_missing_negative_or_infinite(self):
        refused("k:", "-1 at row 1, nan at row 3", k=[1, -1, 2, None])
        refused("n:", "inf at row 0", n=[np.inf, 2, 3, 4])

    def test_a_population_smaller_than_the_sample(self):
        refused("population", "3 with 4 drawn", population=3)
        refused("0.5 with 2 drawn in 'b'", stratum=TEAMS, population={"a": 3, "b": 0.5})
        refused("nan with 4 drawn", population=np.nan)

    def test_a_population_that_does_not_fit(self):
        refused("none for 'b'", stratum=TEAMS, population={"a": 3})
        refused("without strata", population={"a": 3})
        refused("several for 'a'", stratum=TEAMS, population=[5, 6, 7, 7])
        refused("several for 'b'", stratum=TEAMS, population=[5, 5, 7, np.nan])
        refused("shape (2,)", population=[5, 6])

    @pytest.mark.parametrize("name", ["cluster", "stratum"])
    def test_labels_missing(self, name):
        for labels in (
            ["a", None, "a", None],
            [1.0, np.nan, 1.0, np.nan],
            np.array(["a", pd.NA, "a", float("nan")], object),
            np.ma.MaskedArray([1, 1, 1, 1], mask=[0, 1, 0, 1]),
            np.array(["2011-01-01", "NaT", "2011-01-01", "NaT"], "M8[D]"),
        ):
            refused(name, "rows 1, 3", **{name: labels})
        refused(name, "shape (3,)", **{name: ["a", "a", "b"]})
        refused(name, "unhashable", **{name: np.array([[], [1], [2], None], object)[[0, 1, 2, 0]]})

    def test_everything_at_once(self):
        refused(
            "k:", "n:", "weight:", "cluster:", "stratum:",
            count=5, k=[1, 2, -3, 4], n=[1, 2], weight=[0] * 4,
            cluster=["a", None, "b", "b"], stratum=["s"],
        )  # fmt: skip

    def test_cases_are_one_row_each(self):
        refused("k:", "shape ()", k=1, n=2)
        refused("k:", "shape (1, 2)", k=[[1, 2]], n=[[3, 4]])
        refused("n:", "shape (1, 4)", n=[[4, 4, 4, 4]])

    def test_options(self):
        for wrong in (0, -1, "two", True, float("nan"), [3]):
            with pytest.raises(UsageError, match="`df` must be a number above 0"):
                ratio([1, 2], [3, 4], df=wrong)
        with pytest.raises(UnknownNameError, match="logit"):
            ratio([1, 2], [3, 4], interval="logits")
        with pytest.raises(UnknownNameError, match="adjust"):
            ratio([1, 2], [3, 4], lonely="nan")
        with pytest.raises(UsageError, match="confidence"):
            ratio([1, 2], [3, 4], confidence=95)
        with pytest.raises(UsageError, match="k: expected numbers"):
            ratio(["x", "y"], [3, 4])


def test_limits_of_arrays():
    low, high = limits([0.2, 0.5, 1.0], 0.1, df=[np.inf, 14, 0])
    # R: qnorm(0.975), qt(0.975, 14)
    np.testing.assert_allclose(low[:2], [0.2 - 0.1959963984540054, 0.5 - 0.21447866879178044])
    np.testing.assert_allclose(high[:2] - [0.2, 0.5], [0.2, 0.5] - low[:2])
    assert np.isnan([low[2], high[2]]).all()
    low, high = limits([0.2, 0.5, 1.0, np.nan], 0.1, interval="logit")
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [False, False, True, True]
    assert ((low[:2] > 0) & (high[:2] < 1)).all()


def test_design_effect_is_the_formula():
    found = design_effect([0.5, 0.0, np.nan], [0.1, 0.0, 0.1], 50)
    assert found[0] == pytest.approx(0.01 / (0.25 / 50))
    assert np.isnan(found[1:]).all()
