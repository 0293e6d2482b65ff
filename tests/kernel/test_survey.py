"""Tests between groups of a survey against R's survey package and a recount by the book."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, strategies as st
from tests.factories import oracle
from tests.kernel import survey_recount as recount
from tests.kernel.ratio_recount import covariance

import omistats as oms
from omistats import DataError, Problem, UnknownNameError, UsageError

# Internal: many questions at once, which the public function takes one by one.
from omistats.kernel.design import Design, design_of, variance_factors
from omistats.kernel.survey import SURVEY_TESTS, WeightedAnswers, WeightedCells, f_sf

# R 4.2.2 and survey 4.1.1; tests/oracles/survey_tests.R made the cases, which are simulated, and
# the numbers.
CASES = oracle("survey_tests_cases.csv")
TESTS = oracle("survey_tests.csv")
SHARES = oracle("survey_tests_shares.csv")
TREATMENT = {"fail": "error", "remove": "remove", "adjust": "adjust"}
NAMES = {
    "F": "rao-scott-f",
    "Chisq": "rao-scott-chi-square",
    "Wald": "wald-f",
    "adjWald": "adjusted-wald",
}
QUESTIONS = ("usual", "seldom", "high", "empty")
GROUPS = {"two": "ab", "three": "abc", "four": "abcd"}


def column(name: str) -> Any:
    return np.array([row[name] for row in CASES])


def known(name: str) -> Any:
    """Labels, None where R has NA."""
    return np.array([row[name] or None for row in CASES], object)


def options(row: dict[str, str]) -> dict[str, Any]:
    stratum, cluster = row["stratum"], row["cluster"]
    return {
        "cluster": column(cluster),
        "stratum": None if stratum == "none" else column(stratum),
        "population": column(f"population_{cluster}_{stratum}").astype(float)
        if row["corrected"] == "TRUE"
        else None,
        "lonely": TREATMENT[row["lonely"]],
    }


def weight_of(row: dict[str, str]) -> Any:
    return column("weight").astype(float) if row["weighted"] == "TRUE" else None


def bulk() -> Iterator[tuple[WeightedCells, dict[str, dict[str, str]], dict[str, Any]]]:
    """All questions of a layout, domain and breakdown at once, with what R has for each."""
    layout = ("cluster", "stratum", "lonely", "weighted", "corrected", "domain", "group")
    expected: dict[tuple[str, ...], dict[str, dict[str, str]]] = {}
    for row in TESTS:
        expected.setdefault(tuple(row[c] for c in layout), {})[row["y"]] = row
    shares: dict[tuple[str, ...], dict[Any, Any]] = {}
    for row in SHARES:
        key = tuple(row[c] for c in layout)
        shares.setdefault(key, {})[row["y"], row["label"]] = row
    answers = np.stack([column(q) for q in QUESTIONS], axis=1)
    for key, of_question in expected.items():
        row = of_question["usual"]
        design = design_of(len(CASES), **options(row), problems=[])
        assert design is not None
        answered = WeightedAnswers(answers == "1", answers != "", design, weight_of(row))
        labels = list(GROUPS[row["group"]])
        group = np.array([labels.index(v) if v else -1 for v in column(row["group"])])
        domain = None if row["domain"] == "all" else column("unit") == row["domain"]
        yield answered.cells(group, len(labels), domain), of_question, shares[key]


def test_the_oracle_covers_every_layout():
    assert len(TESTS) == 8 * 2 * 2 * 2 * 3 * 4
    assert {row["lonely"] for row in TESTS} == set(TREATMENT)
    assert all(row["synthetic"] == "simulated" for row in CASES)
    assert any(float(r["estimate"]) in (0, 1) for r in SHARES)  # cells are empty
    assert any(not row["four"] for row in CASES)
    assert any(not row["seldom"] for row in CASES)


def test_agrees_with_svychisq_of_r():
    """All four statistics, with missing answers and groups, domains and empty cells."""
    found = 0
    for cells, expected, _ in bulk():
        for statistic, name in NAMES.items():
            test = SURVEY_TESTS[name](cells)
            for q, question in enumerate(QUESTIONS):
                row = expected[question]
                values = [row[f"{statistic}{end}"] for end in ("", "_df", "_p")]
                here = [test.statistic[q], test.df[q], test.p_value[q]]
                if statistic != "Chisq":
                    values.append(row[f"{statistic}_df2"])
                    here.append(test.df2[q])
                np.testing.assert_allclose(here, np.array(values, float), rtol=1e-10)
                found += 1
    assert found == 4 * len(TESTS)


def test_weighted_proportions_agree_with_svyby_of_r():
    found = 0
    for cells, _, expected in bulk():
        for (question, label), row in expected.items():
            at = "abcd".index(label), QUESTIONS.index(question)
            assert cells.percent[at] == pytest.approx(100 * float(row["estimate"]), rel=1e-12)
            assert cells.se[at] == pytest.approx(100 * float(row["se"]), rel=1e-10, abs=1e-12)
            found += 1
    assert found == len(SHARES)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("group", GROUPS)
def test_one_question_is_as_in_bulk(question, group):
    for row in TESTS:
        if (row["y"], row["group"], row["domain"]) != (question, group, "all"):
            continue
        if row["corrected"] == "TRUE":
            continue
        for statistic, name in NAMES.items():
            found = oms.stats.compare_weighted(
                known(question), known(group), weight=weight_of(row), method=name, **options(row)
            )
            p_value = float(row[f"{statistic}_p"])
            assert float(found.p_value) == pytest.approx(p_value, rel=1e-10)
            stars = (p_value < 0.05) + (p_value < 0.01) + (p_value < 0.001)
            assert found.stars == ("--", "*", "**", "***")[stars]
            assert found.method == name


@pytest.mark.parametrize(
    ("population", "statistic", "value", "df", "df2", "p_value"),
    [
        (757, "F", 5.193369541, 1.494639778, 20.924956888, 0.02174746237),
        (None, "F", 5.090462615, 1.494639778, 20.924956888, 0.02307161683),
        (757, "Chisq", 11.94089208, 2, np.nan, 0.005553263),
        (None, "Chisq", 11.94089208, 2, np.nan, 0.006155172),
    ],
)
def test_agrees_with_r_on_californian_schools(population, statistic, value, df, df2, p_value):
    """svychisq(~sch.wide + stype, svydesign(id = ~dnum, weights = ~pw, data = apiclus1))."""
    found = schools(population, statistic)
    assert float(found.statistic) == pytest.approx(value, rel=2e-10)
    assert float(found.df) == pytest.approx(df, rel=2e-9)
    assert float(found.df2) == pytest.approx(df2, rel=2e-9, nan_ok=True)
    assert float(found.p_value) == pytest.approx(p_value, rel=1e-7)
    assert found.n == 183


def schools(population: Any, method: str) -> Any:
    rows = oracle("survey_tests_apiclus1_schools.csv")
    wide, stype, dnum, pw = ([r[c] for r in rows] for c in ("sch.wide", "stype", "dnum", "pw"))
    return oms.stats.compare_weighted(
        wide, stype, cluster=dnum, weight=np.array(pw, float), population=population, method=method
    )


def test_agrees_with_every_statistic_of_r_on_californian_schools():
    rows = oracle("survey_tests_apiclus1.csv")
    assert len(rows) == 8
    for row in rows:
        found = schools(757 if row["corrected"] == "TRUE" else None, row["statistic"])
        assert float(found.statistic) == pytest.approx(float(row["value"]), rel=1e-11)
        assert float(found.p_value) == pytest.approx(float(row["p_value"]), rel=1e-11)


def test_tails_of_f_agree_with_r():
    rows = oracle("pf_tail.csv")
    x, df, df2, log_p = (np.array([float(r[c]) for r in rows]) for c in ("x", "df", "df2", "log_p"))
    shown = log_p > math.log(1e-307)
    assert (log_p[shown] < math.log(1e-250)).any()
    np.testing.assert_allclose(f_sf(x, df, df2)[shown], np.exp(log_p[shown]), rtol=2e-12)
    assert (f_sf(x, df, df2)[~shown] < 1e-300).all()
    assert np.isnan(f_sf([1, 1, np.nan], [0, 2, 2], [3, 0, 3])).all()


@st.composite
def samples(draw: st.DrawFn, groups: int = 3) -> list[dict[str, Any]]:
    """Cases in clusters in strata of two clusters or more; some lack an answer or a group."""
    rows = []
    for stratum in range(draw(st.integers(1, 2))):
        for cluster in range(draw(st.integers(2, 5))):
            rows.extend(
                {
                    "y": draw(st.sampled_from([0, 1, 1, 0, None])),
                    "group": draw(st.sampled_from([*range(groups), None])),
                    "weight": draw(st.sampled_from([0.5, 1.0, 2.25, 3.0])),
                    "cluster": f"{stratum}.{cluster}",
                    "stratum": stratum,
                }
                for _ in range(draw(st.integers(1, 4)))
            )
    return rows


def of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: [r[name] for r in rows] for name in rows[0]}


def run(rows: list[dict[str, Any]], **chosen: Any) -> Any:
    return oms.stats.compare_weighted(**(of(rows) | chosen))


def in_table(rows: list[dict[str, Any]]) -> tuple[list[int], int]:
    used = [r for r in rows if r["y"] is not None and r["group"] is not None]
    return sorted({r["group"] for r in used}), len({r["y"] for r in used})


@given(samples(), st.booleans())
def test_rao_scott_equals_the_recount(rows, corrected):
    groups, kinds = in_table(rows)
    assume(len(groups) > 1 and kinds == 2)
    population = {0: 5, 1: 7.0} if corrected else None
    pearson, trace, squares = recount.rao_scott(rows, groups, population=population)
    f = run(rows, population=population, method="rao-scott-f")
    chi = run(rows, population=population, method="rao-scott-chi-square")
    if not trace:
        assert np.isnan([f.statistic, chi.statistic]).all()
        assert (f.stars, chi.stars) == ("", "")
        return
    used = [r for r in rows if r["y"] is not None and r["group"] is not None]
    clusters, strata = ({r[c] for r in used} for c in ("cluster", "stratum"))
    if len(clusters) == len(strata):
        assert np.isnan(f.statistic)  # no degrees of freedom
        return
    assert float(f.statistic) == pytest.approx(float(pearson / trace), rel=1e-8)
    assert float(f.df) == pytest.approx(float(trace**2 / squares), rel=1e-8)
    assert float(f.df2) == pytest.approx(float(f.df) * (len(clusters) - len(strata)))
    assert float(chi.statistic) == pytest.approx(float(pearson), rel=1e-9, abs=1e-12)
    effect = float(trace) / (len(groups) - 1)
    assert float(chi.design_effect) == pytest.approx(effect, rel=1e-8)
    assert float(f.design_effect) == pytest.approx(effect, rel=1e-8)


@given(samples(groups=2))
def test_wald_of_two_groups_equals_the_recount(rows):
    groups, kinds = in_table(rows)
    assume(len(groups) > 1 and kinds == 2)
    found = run(rows, method="wald")
    used = [r for r in rows if r["y"] is not None and r["group"] is not None]
    if len({r["cluster"] for r in used}) == len({r["stratum"] for r in used}):
        assert np.isnan(found.statistic)  # no degrees of freedom
        return
    try:
        expected = recount.wald(rows, groups)
    except StopIteration:  # the covariance is singular
        assert np.isnan(found.statistic)
        return
    assert float(found.statistic) == pytest.approx(float(expected), rel=1e-7, abs=1e-12)
    assert float(run(rows, method="adjusted-wald").statistic) == pytest.approx(
        float(expected), rel=1e-7, abs=1e-12
    )


@given(samples(groups=2))
def test_standard_errors_equal_the_recount(rows):
    design = design_of(
        len(rows), of(rows)["cluster"], of(rows)["stratum"], None, "error", problems=[]
    )
    assert design is not None
    y = np.array([[r["y"]] for r in rows], float)
    group = np.array([-1 if r["group"] is None else r["group"] for r in rows])
    cells = WeightedAnswers(y == 1, ~np.isnan(y), design, of(rows)["weight"]).cells(group, 2)
    for g in range(2):
        whole, good = recount.weight(rows, g), recount.weight(rows, g, 1)
        if not whole:
            assert np.isnan([cells.percent[g, 0], cells.se[g, 0]]).all()
            continue
        z = [
            recount.Fraction(r["weight"]) * (r["y"] - good / whole) / whole
            if r["group"] == g and r["y"] is not None
            else recount.Fraction(0)
            for r in rows
        ]
        assert cells.percent[g, 0] == pytest.approx(100 * float(good / whole), rel=1e-12)
        se = 100 * math.sqrt(covariance(rows, z, z))
        assert cells.se[g, 0] == pytest.approx(se, rel=1e-8, abs=1e-9)


def same(a: Any, b: Any) -> None:
    for name in ("statistic", "df", "df2", "p_value", "design_effect"):
        x, y = float(getattr(a, name)), float(getattr(b, name))
        assert x == pytest.approx(y, rel=1e-6, abs=1e-9, nan_ok=True), name
    assert a.stars == b.stars


METHODS = st.sampled_from(list(NAMES.values()))
EVERY_METHOD = st.sampled_from(list(SURVEY_TESTS))


@given(samples(), EVERY_METHOD, st.randoms())
def test_the_order_of_cases_and_the_names_of_things_do_not_matter(rows, method, random):
    mixed = list(rows)
    random.shuffle(mixed)
    swapped = [
        r | {"y": {1: "no", 0: "yes", None: None}[r["y"]], "cluster": "c" + r["cluster"]}
        for r in mixed
    ]
    same(run(rows, method=method), run(swapped, method=method))


@given(samples(), EVERY_METHOD, st.sampled_from([1e-300, 0.1, 7.0, 5e300]))
def test_only_proportions_of_weights_matter(rows, method, factor):
    scaled = [r | {"weight": r["weight"] * factor} for r in rows]
    same(run(rows, method=method), run(scaled, method=method))


@given(samples(), EVERY_METHOD)
def test_weight_zero_is_outside_the_table(rows, method):
    """One more case in a cluster that is there anyway."""
    extra = rows[0] | {"weight": 0.0, "y": 1, "group": 7}
    same(run(rows, method=method), run([*rows, extra], method=method))


@given(samples(), METHODS)
def test_a_case_twice_in_its_cluster_is_no_more_evidence(rows, method):
    once, twice = run(rows, method=method), run([*rows, *rows], method=method)
    if method == "rao-scott-chi-square":
        # Pearson's doubles, and so does the design effect that it is divided by.
        assert float(twice.statistic) == pytest.approx(2 * float(once.statistic), nan_ok=True)
        assert float(twice.design_effect) == pytest.approx(
            2 * float(once.design_effect), nan_ok=True
        )
    assert float(once.p_value) == pytest.approx(float(twice.p_value), rel=1e-6, nan_ok=True)


@given(samples())
def test_cases_that_are_their_clusters_take_the_short_way_to_the_same_end(rows):
    """A cluster without its other cases has one; a second of no group takes the long way."""
    group = np.array([-1 if r["group"] is None else r["group"] for r in rows])
    y = np.array([[r["y"]] for r in rows], float)
    strata = np.array([r["stratum"] for r in rows])
    drawn = np.bincount(strata).astype(float)
    assume((drawn > 1).all())
    design = Design(np.arange(len(rows)), strata, *variance_factors(drawn, None, "error"))
    weight = np.array([r["weight"] for r in rows])
    short = WeightedAnswers(y == 1, ~np.isnan(y), design, weight).cells(group, 3)
    # Each case cut into two halves in one cluster, which are together what it was.
    two = np.repeat(np.arange(len(rows)), 2)
    halves = Design(two, strata, design.fpc_scale, design.centring)
    long = WeightedAnswers(y[two] == 1, ~np.isnan(y[two]), halves, weight[two] / 2)
    np.testing.assert_allclose(
        long.cells(group[two], 3).covariance_of_cells, short.covariance_of_cells,
        rtol=1e-9, atol=1e-9,
    )  # fmt: skip


def test_a_simple_random_sample_has_design_effect_near_one():
    """Each case its own cluster, equal weights: the variance has n / (n - 1)."""
    rng = np.random.default_rng(20110302)
    y, group = rng.random(400) < 0.6, rng.integers(0, 2, 400)
    found = oms.stats.compare_weighted(y, group, method="rao-scott-chi-square")
    k, n = ([int(v[group == g].sum()) for g in (0, 1)] for v in (y, np.ones(400)))
    plain = oms.stats.compare(k[0], n[0], k[1], n[1])
    assert float(found.statistic) == pytest.approx(float(plain.statistic), rel=1e-12)
    assert float(found.design_effect) == pytest.approx(400 / 399, rel=1e-12)


def test_small_p_values_keep_their_digits():
    """svychisq(~g + y, svydesign(~1, weights = ~w)), printed with 15 digits."""
    y = np.repeat([1, 0, 1, 0], [770, 230, 60, 940])
    found = oms.stats.compare_weighted(
        y, np.repeat(["a", "b"], 1000), weight=[1, 2, 3, 4] * 500, method="rao-scott-f"
    )
    assert float(found.statistic) == pytest.approx(862.695773894481, rel=1e-12)
    assert float(found.df2) == pytest.approx(1999)
    assert float(found.p_value) == pytest.approx(6.0061764030933e-158, rel=1e-11)


class TestUndefined:
    def nothing(self, found: Any, stars: str) -> None:
        assert np.isnan([found.statistic, found.df, found.df2, found.p_value]).all()
        assert found.stars == stars

    @pytest.mark.parametrize("method", [*NAMES, "effective"])
    def test_without_two_groups_or_two_answers(self, method):
        self.nothing(oms.stats.compare_weighted([1, 0, 1], list("aaa"), method=method), "")
        self.nothing(oms.stats.compare_weighted([1, 1, 1], list("aab"), method=method), "--")
        self.nothing(oms.stats.compare_weighted([None] * 3, list("aab"), method=method), "")
        self.nothing(oms.stats.compare_weighted([1, 0, 1], [None] * 3, method=method), "")
        half = oms.stats.compare_weighted([1, 0, None], list("aab"), method=method)
        self.nothing(half, "")
        assert half.n == 2

    @pytest.mark.parametrize("method", list(NAMES))
    def test_without_sampling_error(self, method):
        """All of the population was drawn: a difference is what it is."""
        found = oms.stats.compare_weighted([1, 0, 0, 1], list("aabb"), population=4, method=method)
        self.nothing(found, "")
        level = oms.stats.compare_weighted(
            [1, 1, 0, 0], list("aabb"), cluster=[1, 2, 1, 2], method=method
        )
        self.nothing(level, "")

    @pytest.mark.parametrize("method", ["F", "Wald", "adjWald"])
    def test_without_degrees_of_freedom(self, method):
        rows = {"cluster": [1, 1, 2, 2], "stratum": list("xxyy"), "lonely": "adjust"}
        found = oms.stats.compare_weighted([1, 0, 1, 1], list("abab"), **rows, method=method)
        self.nothing(found, "")

    def test_lonely_strata_left_open(self):
        """Only questions and groups with answers there are unknown."""
        refused: list[Problem] = []
        assert design_of(5, None, list("xxxxy"), None, "error", refused) is None
        assert len(refused) == 1
        design = design_of(5, None, list("xxxxy"), None, "nan", problems=[])
        assert design is not None
        answers = WeightedAnswers(
            [[1, 1], [0, 0], [1, 1], [0, 0], [1, 0]],
            [[1, 1], [1, 1], [1, 1], [1, 1], [1, 0]],
            design,
        )
        cells = answers.cells(np.array([0, 0, 1, 1, 1]), 2)
        assert np.isnan(cells.se).tolist() == [[False, False], [True, False]]
        for name in SURVEY_TESTS:
            test = SURVEY_TESTS[name](cells)
            assert np.isnan(test.p_value).tolist() == [True, False]
            assert test.comparable.all()

    def test_nothing_in_the_domain(self):
        design = design_of(3, None, None, None, "error", problems=[])
        assert design is not None
        answers = WeightedAnswers(np.ones((3, 2)), np.ones((3, 2)), design)
        cells = answers.cells(np.array([0, 1, 1]), 2, np.zeros(3, bool))
        assert np.isnan(cells.percent).all()
        for name in SURVEY_TESTS:
            assert np.isnan(SURVEY_TESTS[name](cells).p_value).all()


def test_everything_is_0d():
    found = oms.stats.compare_weighted([1, 0, 1, 0], list("abab"))
    for name in type(found).__annotations__:
        assert isinstance(getattr(found, name), np.ndarray)
        assert getattr(found, name).shape == ()


def test_answers_and_groups_of_any_kind():
    expected = oms.stats.compare_weighted([1, 0, 1, None, 0, 0], ["a", "a", "b", "b", "b", None])
    for y, group in (
        ([True, False, True, None, False, False], [1, 1, 2, 2, 2, np.nan]),
        (np.ma.MaskedArray([5, 3, 5, 9, 3, 3], [0, 0, 0, 1, 0, 0]), [*"xxyyy", None]),
        (
            pd.Series(["y", "n", "y", pd.NA, "n", "n"]),
            pd.Categorical(["p", "p", "q", "q", "q", None]),
        ),
        (np.array([1.0, 0, 1, np.nan, 0, 0]), pd.array([1, 1, 2, 2, 2, pd.NA], "Int64")),
    ):
        same(expected, oms.stats.compare_weighted(y, group))


def test_a_test_of_ones_own_can_be_registered(monkeypatch):
    monkeypatch.setattr(SURVEY_TESTS, "_functions", dict(SURVEY_TESTS._functions))
    monkeypatch.setattr(SURVEY_TESTS, "_aliases", dict(SURVEY_TESTS._aliases))
    SURVEY_TESTS.register("mine", SURVEY_TESTS["wald"])
    assert oms.stats.compare_weighted([1, 0, 1, 0], list("aabb"), method="mine").method == "mine"


def refused(*words: str, count: int = 1, y=(1, 0, 1, 0), group=tuple("aabb"), **chosen: Any):
    with pytest.raises(DataError) as caught:
        oms.stats.compare_weighted(y, group, **chosen)
    text = str(caught.value)
    assert len(caught.value.problems) == count, text
    for word in words:
        assert word in text, text
    assert all(p.hint.endswith(".") for p in caught.value.problems)


class TestBadInput:
    def test_answers_of_three_kinds(self):
        refused("y: answers with two values; found 0, 1, 2", y=[0, 1, 2, 1])

    def test_shapes(self):
        refused("y: one value per row", "shape (2, 2)", y=[[1, 0], [1, 0]], group=list("ab"))
        refused("y:", "shape ()", y=1, group="a")
        refused("group:", "Pass 4 values", group=list("aab"))

    def test_everything_at_once(self):
        refused("group:", "weight:", "stratum:", count=3, group=list("aab"),
                weight=[1, -1, 1, 1], stratum=["x", None, "x", "x"])  # fmt: skip

    def test_the_design(self):
        refused("'x' (rows 0)", "lonely='remove'", stratum=list("xyyy"))
        refused("found one (rows 0)", cluster=["t"] * 4)
        refused("3 with 4 drawn", population=3)
        refused("some weight is above 0", weight=[0] * 4)

    def test_options(self):
        with pytest.raises(UnknownNameError, match="rao-scott-f"):
            oms.stats.compare_weighted([1, 0], ["a", "b"], method="rao-scot")
        with pytest.raises(UnknownNameError, match="adjust"):
            oms.stats.compare_weighted([1, 0], ["a", "b"], lonely="nan")
        with pytest.raises(UsageError, match="population: expected numbers"):
            oms.stats.compare_weighted([1, 0], ["a", "b"], population="many")
