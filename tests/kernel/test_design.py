"""Strata with a single cluster, by every name that R's survey package has for their treatment.

tests/oracles/lonely.R (R 4.2.2, survey 4.1.1) computed the numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.factories import oracle

import omistats as oms
from omistats import DataError, UnknownNameError

# Internal: bulk functions that scores use, and the totals behind several statistics at once.
from omistats.kernel.design import check_lonely, design_of
from omistats.kernel.ratio import covariance_groups, from_moments, products
from omistats.kernel.survey import SurveyTotals, WeightedAnswers

CASES = oracle("lonely_cases.csv")
EXPECTED = {(row["lonely"], row["what"]): row["value"] for row in oracle("lonely.csv")}
NAMES = ("fail", "remove", "certainty", "adjust", "average")
OURS = {"fail": "error", "certainty": "remove"}
STATISTICS = {
    "F": "rao-scott-f",
    "Chisq": "rao-scott-chi-square",
    "Wald": "wald-f",
    "adjWald": "adjusted-wald",
}
KNOWN = [name for name in NAMES if name != "fail"]


def column(name: str) -> Any:
    return [row[name] for row in CASES]


def numbers(name: str) -> Any:
    return np.array([float(v) for v in column(name)])


DESIGN: dict[str, Any] = {
    "cluster": column("team"),
    "stratum": column("stratum"),
    "weight": numbers("weight"),
}


def test_the_oracle_has_every_name_and_cases_that_describe_nobody():
    assert {lonely for lonely, _ in EXPECTED} == set(NAMES)
    assert all(row["synthetic"] == "simulated" for row in CASES)
    assert EXPECTED["fail", "refused"] == "1"
    assert EXPECTED["average", "ratio"] != EXPECTED["adjust", "ratio"]


@pytest.mark.parametrize("lonely", NAMES)
def test_ratios_are_those_of_r(lonely):
    k, n = numbers("k"), numbers("n")
    if EXPECTED[lonely, "refused"] == "1":
        with pytest.raises(DataError, match=r"one in 'five', 'four'.*lonely='average'"):
            oms.stats.ratio(k, n, **DESIGN, lonely=lonely)
        return
    found = oms.stats.ratio(k, n, **DESIGN, lonely=lonely)
    assert float(found.se) == pytest.approx(float(EXPECTED[lonely, "ratio"]), rel=1e-10)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("lonely", KNOWN)
def test_tests_are_those_of_r(lonely, statistic):
    group = [g if g != "c" else None for g in column("group")]
    y = [int(v) if v else None for v in column("y")]
    found = oms.stats.compare_weighted(
        y, group, **DESIGN, lonely=lonely, method=STATISTICS[statistic]
    )
    assert float(found.p_value) == pytest.approx(float(EXPECTED[lonely, statistic]), rel=1e-9)


def cells_of(lonely: str, groups: str) -> Any:
    design = design_of(
        len(CASES), DESIGN["cluster"], DESIGN["stratum"], None, check_lonely(lonely), []
    )
    assert design is not None
    y = np.array([[v] for v in column("y")])
    answers = WeightedAnswers(y == "1", y != "", design, DESIGN["weight"])
    codes = np.array([groups.find(g) for g in column("group")])
    return answers.cells(codes, len(groups))


@pytest.mark.parametrize("lonely", KNOWN)
def test_standard_errors_of_groups_are_those_of_r(lonely):
    """Only strata in which the group has answers are averaged over."""
    cells = cells_of(lonely, "abc")
    for g, name in enumerate("abc"):
        expected = EXPECTED[lonely, f"se {name}"]
        found = float(cells.se[g, 0]) / 100
        if expected:
            assert found == pytest.approx(float(expected), rel=1e-10, abs=1e-15), name
        else:
            assert math.isnan(found), name


@pytest.mark.parametrize("lonely", KNOWN)
def test_differences_are_those_of_r(lonely):
    from omistats.kernel.survey import EFFECTS

    cells = cells_of(lonely, "ab")
    estimate, low, high = (float(v[0]) for v in EFFECTS["difference"](cells, 0.95))
    from scipy.stats import t

    se = (high - low) / 2 / t.ppf(0.975, float(cells.df[0]))
    assert se == pytest.approx(float(EXPECTED[lonely, "se difference"]), rel=1e-8)
    assert low < estimate < high


@pytest.mark.parametrize(("theirs", "ours"), OURS.items())
def test_names_of_r_are_aliases(theirs, ours):
    assert check_lonely(theirs) == ours
    assert check_lonely(ours) == ours
    moments = products([3, 4, 5], [9, 9, 11])[:, np.newaxis]
    with pytest.raises(UnknownNameError, match="single-PSU strata"):
        from_moments(moments[0], [1], lonely="drop")  # type: ignore[arg-type]


def test_averages_stand_for_strata_without_a_variance():
    """Two strata of two cases, then one of a single case: the variance is 3/2 of theirs."""
    k, n, stratum = [3, 9, 5, 2, 4], [8, 10, 9, 6, 7], list("NNSSX")
    removed = oms.stats.ratio(k, n, stratum=stratum, lonely="remove")
    averaged = oms.stats.ratio(k, n, stratum=stratum, lonely="average")
    assert float(averaged.se) == pytest.approx(float(removed.se) * math.sqrt(1.5), rel=1e-12)
    cases = products(k, n)
    by_stratum = np.array([cases[:2].sum(axis=0), cases[2:4].sum(axis=0), cases[4]])
    bulk = from_moments(by_stratum, [2, 2, 1], lonely="average")
    assert float(bulk.se) == pytest.approx(float(averaged.se), rel=1e-12)
    assert float(bulk.design_effect) == pytest.approx(float(averaged.design_effect), rel=1e-12)
    # A domain without the single case is what it is without it; one within it is unknown.
    two = from_moments(np.where([[1], [1], [0]], by_stratum, 0), [2, 2, 1], lonely="average")
    plain = from_moments(by_stratum[:2], [2, 2])
    assert float(two.se) == pytest.approx(float(plain.se), rel=1e-12)
    assert np.isnan(from_moments(by_stratum[2:], [1], lonely="average").se)


def test_covariances_take_each_groups_own_factor():
    k, n = np.array([[3, 9], [5, 2], [4, 4]]), np.array([[8, 10], [9, 6], [7, 9]])
    of_groups = np.array([products(k, n)[:, 0], products(k, n)[:, 1]])
    moments = of_groups * 1.0
    moments[1, 2] = 0.0
    cases = np.array([4, 4, 1])
    covariance = covariance_groups(moments, cases, lonely="average")
    removed = covariance_groups(moments, cases, lonely="remove")
    factor = np.sqrt([1.5, 1.0])
    assert covariance == pytest.approx(removed * np.outer(factor, factor), rel=1e-12)


def test_totals_average_over_the_strata_of_each_total():
    stratum, rows = list("NNNSSX"), 6
    made = np.array([[1.0, 2, 0, 3, 1, 4], [2.0, 0, 1, 0, 2, 0]])
    applied = np.array([[1.0] * 6, [1.0, 1, 1, 1, 1, 0]])

    def of(lonely: str) -> Any:
        design = design_of(rows, None, stratum, None, lonely, [])
        assert design is not None
        return SurveyTotals(design, slice(0, rows)).covariance(made, 0 * made, applied)

    factor = np.sqrt([1.5, 1.0])
    assert of("average") == pytest.approx(of("remove") * np.outer(factor, factor), rel=1e-12)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=12), st.integers(0, 99))
def test_averages_of_no_lonely_stratum_change_nothing(counts, seed):
    stratum = np.repeat(np.arange(len(counts)), np.array(counts) + 2)
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 9, len(stratum))
    k = rng.integers(0, n + 1)
    usual = oms.stats.ratio(k, n, stratum=stratum)
    for lonely in ("average", "fail", "certainty"):
        found = oms.stats.ratio(k, n, stratum=stratum, lonely=lonely)
        assert float(found.se) == pytest.approx(float(usual.se), rel=1e-12, abs=1e-15)
