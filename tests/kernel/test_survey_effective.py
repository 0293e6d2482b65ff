"""Weighted groups on effective answers, against a recount by the definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, strategies as st
from tests.kernel import survey_effective_recount as recount

import omistats as oms

# Internal: intervals of groups, which the public findings show in percent.
from omistats.kernel.design import design_of
from omistats.kernel.survey import SURVEY_TESTS, WeightedAnswers, WeightedCells
from omistats.kernel.survey_effective import (
    compare_cells,
    effective_cells,
    kish,
    limits_of_cells,
    smallest_kish,
)

Rows = list[dict[str, Any]]


@st.composite
def samples(draw: st.DrawFn, groups: int = 2) -> Rows:
    rows = []
    for stratum in range(draw(st.integers(1, 2))):
        for cluster in range(draw(st.integers(2, 6))):
            rows.extend(
                {
                    "y": draw(st.sampled_from([0, 1, 1, 0, None])),
                    "group": draw(st.integers(0, groups - 1)),
                    "weight": draw(st.sampled_from([0.5, 1.0, 1.0, 2.25, 9.0])),
                    "cluster": f"{stratum}.{cluster}",
                    "stratum": stratum,
                }
                for _ in range(draw(st.integers(1, 5)))
            )
    return rows


def table(rows: Rows, groups: int = 2, population: Any = None) -> WeightedCells:
    of = {name: [r[name] for r in rows] for name in rows[0]}
    design = design_of(len(rows), of["cluster"], of["stratum"], population, "error", [])
    assert design is not None
    y = np.array([[r["y"]] for r in rows], float)
    answers = WeightedAnswers(y == 1, ~np.isnan(y), design, of["weight"])
    return answers.cells(np.array(of["group"]), groups)


def compare(rows: Rows, **more: Any) -> Any:
    names = ("y", "group", "weight", "cluster", "stratum")
    return oms.stats.compare_weighted(**{name: [r[name] for r in rows] for name in names}, **more)


def groups_of(rows: Rows, groups: int = 2) -> list[recount.Group]:
    answered = {r["group"] for r in rows if r["y"] is not None}
    assume(len(answered) == groups)
    assume(len({r["y"] for r in rows if r["y"] is not None}) == 2)
    return [recount.Group(rows, g) for g in range(groups)]


@given(samples())
def test_two_groups_equal_the_recount(rows):
    groups = groups_of(rows)
    found = compare(rows)
    assert found.method == "effective"
    assert float(found.kish_n) == pytest.approx(float(min(g.kish for g in groups)), rel=1e-12)
    if any(g.df == 0 and g.most > 1 for g in groups):
        # A group of one cluster with several answers: how clusters differ is not known.
        assert math.isnan(found.p_value)
        return
    statistic, df, p_value = recount.compare_two(rows, groups)
    if math.isnan(df):
        assert math.isnan(found.p_value)
        return
    assert float(found.statistic) == pytest.approx(statistic, rel=1e-9, abs=1e-12)
    assert float(found.p_value) == pytest.approx(p_value, rel=1e-8, abs=1e-12)
    assert float(found.df) == 1
    assert float(found.df2) == pytest.approx(df, rel=1e-9) or math.isinf(df)
    effect = sum(g.n for g in groups) / float(
        sum(g.kish for g in groups) / recount.design_effect(rows, groups)
    )
    assert float(found.design_effect) == pytest.approx(effect, rel=1e-9)


@given(samples())
def test_intervals_equal_the_recount(rows):
    groups = groups_of(rows)
    cells = table(rows)
    low, high = limits_of_cells(cells, 0.95)
    for g, group in enumerate(groups):
        n, a, b = recount.interval(rows, group)
        assert effective_cells(cells).n[g, 0] == pytest.approx(n, rel=1e-9)
        assert kish(cells)[g, 0] == pytest.approx(float(group.kish), rel=1e-12)
        assert low[g, 0] == pytest.approx(a, rel=1e-7, abs=1e-9, nan_ok=True)
        assert high[g, 0] == pytest.approx(b, rel=1e-7, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("clusters", [None, 25])
@pytest.mark.parametrize("seed", range(4))
def test_several_groups_equal_the_recount(clusters, seed):
    rng = np.random.default_rng(seed)
    size = 600
    rows = [
        {
            "y": int(rng.random() < 0.5),
            "group": int(rng.integers(0, 3)),
            "weight": float(rng.choice([1.0, 2.0, 3.5])),
            "cluster": i if clusters is None else int(rng.integers(0, clusters)),
            "stratum": 0,
        }
        for i in range(size)
    ]
    groups = [recount.Group(rows, g) for g in range(3)]
    D = recount.design_effect(rows, groups)
    n = np.array([float(g.kish / D) for g in groups])
    p = np.array([float(g.p) for g in groups])
    p0 = n @ p / n.sum()
    assert n.min() * min(p0, 1 - p0) >= 5
    statistic = float((n * (p - p0) ** 2).sum() / (p0 * (1 - p0)))
    df = recount.degrees_of_freedom(groups)
    found = compare(rows)
    assert float(found.statistic) == pytest.approx(statistic, rel=1e-9)
    assert float(found.df) == 2
    if clusters is None:
        assert math.isinf(df)
        assert math.isnan(found.df2)
        expected = scipy.stats.chi2.sf(statistic, 2)
    else:
        assert float(found.df2) == pytest.approx(df, rel=1e-9)
        expected = scipy.stats.f.sf(statistic / 2, 2, df)
    assert float(found.p_value) == pytest.approx(expected, rel=1e-9)


@given(samples())
def test_the_limits_of_a_difference_agree_with_the_test(rows):
    groups_of(rows)
    cells = table(rows)
    found, _ = compare_cells(cells, 0.95)
    p_value = float(found.p_value[0])
    assume(not math.isnan(p_value) and abs(p_value - 0.05) > 1e-6)
    assert (found.low[0] <= 0 <= found.high[0]) == (p_value > 0.05)
    assert found.low[0] <= found.estimate[0] <= found.high[0]


def test_equal_weights_and_no_clusters_are_pearsons_test():
    """The design effect is N / (N - 1): the linearised variance has that factor."""
    rng = np.random.default_rng(20110302)
    y, group = rng.random(400) < 0.6, rng.integers(0, 2, 400)
    found = oms.stats.compare_weighted(y, group)
    k, n = ([int(v[group == g].sum()) for g in (0, 1)] for v in (y, np.ones(400)))
    plain = oms.stats.compare(k[0], n[0], k[1], n[1])
    assert float(found.design_effect) == pytest.approx(400 / 399, rel=1e-12)
    assert float(found.statistic) == pytest.approx(float(plain.statistic) * 399 / 400, rel=1e-12)
    assert math.isnan(found.df2)
    assert float(found.kish_n) == pytest.approx(min(n), rel=1e-12)


def test_answers_all_alike_have_an_interval_and_no_certainty():
    """0 of 8 against 30 of 40: Rao and Scott's F is sure after four cases; so is no interval."""
    y = [0] * 8 + [1] * 30 + [0] * 10
    rows = [
        {"y": v, "group": int(i >= 8), "weight": 1.0 + i % 2, "cluster": i, "stratum": 0}
        for i, v in enumerate(y)
    ]
    cells = table(rows)
    low, high = limits_of_cells(cells, 0.95)
    assert low[0, 0] == 0.0
    # Kish: 12^2 / 20 = 7.2 answers; t on 6.2 degrees of freedom.
    t = scipy.stats.t.ppf(0.975, 6.2)
    assert high[0, 0] == pytest.approx(t * t / (7.2 + t * t), rel=1e-12)
    one_of_each = [{**r, "group": int(i >= 1)} for i, r in enumerate(rows)]
    assert float(compare(one_of_each).p_value) > 0.05


def test_one_huge_weight_is_one_case():
    """A group of 60 in which one case outweighs all others says what that case says."""
    rng = np.random.default_rng(7)
    y, group = rng.random(120) < 0.5, np.arange(120) % 2
    weight = np.ones(120)
    weight[0] = 1e6
    found = oms.stats.compare_weighted(y, group, weight=weight)
    assert float(found.kish_n) == pytest.approx(1.0, abs=1e-3)
    assert float(found.p_value) > 0.05
    f = oms.stats.compare_weighted(y, group, weight=weight, method="rao-scott-f")
    assert float(f.p_value) < 1e-9
    rows = [
        {"y": int(a), "group": int(b), "weight": w, "cluster": i, "stratum": 0}
        for i, (a, b, w) in enumerate(zip(y, group, weight, strict=True))
    ]
    low, high = limits_of_cells(table(rows), 0.95)
    assert high[0, 0] - low[0, 0] > 0.9
    assert high[1, 0] - low[1, 0] < 0.3


def test_a_group_of_one_cluster_is_not_tested():
    y = [1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0]
    group, cluster = [0] * 4 + [1] * 8, [0] * 4 + [1, 1, 2, 2, 3, 3, 4, 4]
    two = oms.stats.compare_weighted(y, group, cluster=cluster)
    assert math.isnan(two.p_value)
    assert two.stars == ""
    # One answer of a cluster of its own is as good as any independent answer.
    single = oms.stats.compare_weighted(y[3:], group[3:], cluster=cluster[3:])
    assert 0 < float(single.p_value) <= 1
    # Of several groups the others are compared without it.
    y, group = [1] * 4 + [0, 1] * 60, [0] * 4 + [1, 1, 2] * 40
    cluster = [0] * 4 + [1 + i // 4 for i in range(120)]
    three = oms.stats.compare_weighted(y, group, cluster=cluster)
    without = oms.stats.compare_weighted(y[4:], group[4:], cluster=cluster[4:])
    assert float(three.df) == 1
    assert float(three.p_value) == pytest.approx(float(without.p_value), rel=1e-12)


def test_a_finite_population_is_known_better_and_a_census_for_sure():
    rng = np.random.default_rng(3)
    rows = [
        {"y": int(rng.random() < 0.5), "group": int(i % 2), "weight": 1.0, "cluster": i,
         "stratum": 0}
        for i in range(200)
    ]  # fmt: skip
    usual, half, whole = (table(rows, population=N) for N in (None, 400, 200))
    width = [float(np.diff([ends[0, 0] for ends in limits_of_cells(c, 0.95)])[0])
             for c in (usual, half, whole)]  # fmt: skip
    assert width[1] == pytest.approx(width[0] * math.sqrt(0.5), rel=0.02)
    assert width[2] == 0.0
    p_value = [float(SURVEY_TESTS["effective"](c).p_value[0]) for c in (usual, half, whole)]
    assert p_value[1] < p_value[0]
    assert math.isnan(p_value[2])


def test_few_effective_cases_are_those_of_unequal_weights_only():
    rows = [
        {"y": i % 3 // 2, "group": int(i >= 20), "weight": 1.0, "cluster": i, "stratum": 0}
        for i in range(80)
    ]
    size, expected = smallest_kish(table(rows))
    assert np.isinf([size[0], expected[0]]).all()
    rows[30]["weight"] = 6.0
    size, expected = smallest_kish(table(rows))
    # Group 1: 65^2 / (59 + 36) of 60 cases.
    assert size[0] == pytest.approx(65**2 / 95, rel=1e-12)
    assert 0 < expected[0] < size[0] / 2
