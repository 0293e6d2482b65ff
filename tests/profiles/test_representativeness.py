"""A sample beside its caseload: the figures, the tests, and what cannot be."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats
from hypothesis import given, strategies as st
from tests.factories import oracle

import omistats as oms

# Internal: tests of any counts, thousands at once in the simulations.
from omistats.kernel.design import design_of
from omistats.profiles.goodness_of_fit import (
    design_based_fit,
    distance,
    exact_p_value,
    fit,
    standardised,
)

STRATA = (
    oms.Stratum("harm", ("high", "not high")),
    oms.Stratum("two", ("a", "b")),
    oms.Stratum("three", ("a", "b", "c")),
    oms.Stratum("four", ("a", "b", "c", "d")),
    oms.Stratum("spare", ("x", "y"), required=False),
)
CASELOAD = oms.Framework("caseload", (), STRATA)


def columns() -> dict[str, list[Any]]:
    rows = oracle("representativeness_cases.csv")
    out: dict[str, list[Any]] = {name: [row[name] or None for row in rows] for name in rows[0]}
    out["population"] = [float(v) for v in out["population"]]
    out["weight"] = [float(v) if v else None for v in out["weight"]]
    return out


def read(data: dict[str, list[Any]], framework: oms.Framework = CASELOAD) -> oms.CaseSet:
    return oms.CaseSet.from_data(data, framework=framework)


@pytest.fixture(scope="module")
def caseload() -> oms.CaseSet:
    return read(columns())


@pytest.fixture(scope="module")
def sample(caseload: oms.CaseSet) -> oms.CaseSet:
    return caseload.filter([v == "1" for v in caseload["drawn"].to_pylist()])


def small(levels: str, units: str | None = None, start: int = 0) -> oms.CaseSet:
    """Cases whose characteristic ``two`` is spelled out; a dash is not known."""
    rows = len(levels)
    one: dict[str, list[Any]] = {
        "case_id": [f"c{i + start}" for i in range(rows)],
        "unit": list(units or "u" * rows),
        "two": [None if v == "-" else v for v in levels],
    }
    return read(one, oms.Framework("small", (), [oms.Stratum("two", ("a", "b", "c"))]))


DESIGNS: dict[str, dict[str, Any]] = {
    "weights": {"weight": "weight", "stratum": None},
    "cells": {"weight": "weight", "stratum": "cell"},
    "finite": {"weight": "weight", "stratum": "cell", "population": "population"},
}


@pytest.mark.parametrize("design", DESIGNS)
def test_weighted_tests_are_those_of_svygofchisq(
    sample: oms.CaseSet, caseload: oms.CaseSet, design: str
) -> None:
    # R 4.2.2, survey 4.1.1: see oracles/representativeness.R.
    of = ("two", "three", "four")
    found = oms.representativeness(sample, caseload, of=of, by="unit", **DESIGNS[design])
    ours = {(r["characteristic"], r["unit"], r["level"]): r for r in found.table.to_pylist()}
    wanted = [r for r in oracle("representativeness_weighted.csv") if r["design"] == design]
    assert len(wanted) == 36
    for row in wanted:
        mine = ours[row["characteristic"], row["unit"], row["level"]]
        assert mine["caseload_percent"] == pytest.approx(100 * float(row["caseload"]), rel=1e-12)
        assert mine["weighted_percent"] == pytest.approx(100 * float(row["share"]), rel=1e-12)
        for name in ("statistic", "df", "p_value"):
            assert mine[f"weighted_{name}"] == pytest.approx(float(row[name]), rel=1e-8), row
        # What R prints as X-squared is not yet divided by the scale beside it.
        printed = mine["weighted_statistic"] * float(row["scale"])
        assert printed == pytest.approx(float(row["printed"]), rel=1e-8), row


def test_what_svygofchisq_prints_is_the_sum_of_the_page(
    sample: oms.CaseSet, caseload: oms.CaseSet
) -> None:
    rows = [r for r in oracle("representativeness_weighted.csv") if r["design"] == "finite"]
    for row in rows:
        cases = [
            (level, weight)
            for unit, level, weight in zip(
                *(sample[c].to_pylist() for c in ("unit", row["characteristic"], "weight")),
                strict=True,
            )
            if level is not None and row["unit"] in (unit, "all")
        ]
        whole = sum(weight for _, weight in cases)
        there = [r for r in rows if all(r[c] == row[c] for c in ("characteristic", "unit"))]
        total = {r["level"]: sum(w for v, w in cases if v == r["level"]) for r in there}
        expected = {r["level"]: whole * float(r["caseload"]) for r in there}
        slow = sum((total[v] - expected[v]) ** 2 / expected[v] for v in total)
        assert float(row["printed"]) == pytest.approx(slow, rel=1e-9)


def test_the_unit_of_weights_does_not_matter(sample: oms.CaseSet, caseload: oms.CaseSet) -> None:
    weight = np.array(sample["weight"].to_pylist())
    first, other = (
        oms.representativeness(sample, caseload, of=["two", "four"], weight=weight * factor).table
        for factor in (1, 7)
    )
    for name in ("weighted_percent", "weighted_statistic", "weighted_df", "weighted_p_value"):
        here, there = (np.array(t[name].to_pylist(), float) for t in (first, other))
        np.testing.assert_allclose(there, here, rtol=1e-9)


def test_other_units_are_counted_without_all(sample: oms.CaseSet, caseload: oms.CaseSet) -> None:
    found = oms.representativeness(sample, caseload, of=["two"], by="unit")
    assert repr(found).endswith("... and 2 more units and all in .table; see .unit('all')")
    assert ".table" not in repr(found.unit("south"))


def test_cases_in_any_order_give_the_same_weighted_tests(
    sample: oms.CaseSet, caseload: oms.CaseSet
) -> None:
    table = pa.table(sample)
    mixed = table.take(pa.array(np.random.default_rng(5).permutation(len(sample))))
    options: dict[str, Any] = {"of": ("two", "four"), "by": "unit", **DESIGNS["finite"]}
    here = oms.representativeness(sample, caseload, **options).table
    there = oms.representativeness(
        oms.CaseSet.from_data(mixed, framework=CASELOAD), caseload, **options
    ).table
    for name in here.column_names:
        one, other = here[name].to_pylist(), there[name].to_pylist()
        if pa.types.is_floating(here[name].type):
            # Sums in another order differ in their last digits; NaN stands for null.
            one, other = (np.array(v, float) for v in (one, other))
            np.testing.assert_allclose(other, one, rtol=1e-8, atol=1e-12)
        else:
            assert other == one


def test_tests_within_units_are_those_of_mantelhaen_test(
    sample: oms.CaseSet, caseload: oms.CaseSet
) -> None:
    of = [row["characteristic"] for row in oracle("representativeness_within.csv")]
    table = oms.representativeness(sample, caseload, of=of).table
    first = {r["characteristic"]: r for r in reversed(table.to_pylist())}
    for row in oracle("representativeness_within.csv"):
        mine = first[row["characteristic"]]
        assert mine["statistic"] == pytest.approx(float(row["statistic"]), rel=1e-9)
        assert mine["df"] == float(row["df"])
        assert mine["p_value"] == pytest.approx(float(row["p_value"]), rel=1e-7)


def test_exact_p_values_are_those_of_fisher_test(
    sample: oms.CaseSet, caseload: oms.CaseSet
) -> None:
    table = oms.representativeness(sample, caseload, of=["harm", "two"], by="unit").table
    first = {(r["characteristic"], r["unit"]): r for r in reversed(table.to_pylist())}
    for row in oracle("representativeness_exact.csv"):
        mine = first[row["characteristic"], row["unit"]]["exact_p_value"]
        assert mine == pytest.approx(float(row["p_value"]), rel=1e-8)


@st.composite
def caseloads(draw: st.DrawFn, most: int = 4) -> tuple[list[int], list[int]]:
    N = draw(st.lists(st.integers(1, 60), min_size=2, max_size=most))
    n = [draw(st.integers(0, size)) for size in N]
    return n, N


@given(caseloads())
def test_one_stratum_is_chisquare_with_the_finite_correction(
    drawn: tuple[list[int], list[int]],
) -> None:
    n, N = (np.array([v], float) for v in drawn)
    found = fit(n, N)
    m, M = n.sum(), N.sum()
    if m in (0, M):
        assert math.isnan(found.p_value)
        return
    pearson = scipy.stats.chisquare(n[0], m * N[0] / M).statistic
    statistic = pearson * (M - 1) / (M - m)
    assert found.statistic == pytest.approx(statistic, rel=1e-9, abs=1e-9)
    assert found.df == len(N[0]) - 1
    tail = scipy.stats.chi2.sf(statistic, len(N[0]) - 1)
    assert found.p_value == pytest.approx(tail, rel=1e-6)
    # Likewise the N - 1 chi-square of those drawn beside those not drawn.
    beside = scipy.stats.chi2_contingency([n[0], N[0] - n[0]], correction=False).statistic
    assert statistic == pytest.approx(beside * (M - 1) / M, rel=1e-9, abs=1e-9)


@given(caseloads(2))
def test_two_levels_are_hypergeometric(drawn: tuple[list[int], list[int]]) -> None:
    (k, other), (K, rest) = drawn
    found = exact_p_value(np.array([[k, other]], float), np.array([[K, rest]], float))
    m, M = k + other, K + rest
    if m in (0, M):
        assert math.isnan(found)
        return
    chances = scipy.stats.hypergeom(M, K, m).pmf(np.arange(m + 1))
    slow = sum(c for c in chances if c <= chances[k] * (1 + 1e-7))
    assert found == pytest.approx(slow, rel=1e-7)


@given(st.lists(caseloads(2), min_size=2, max_size=3))
def test_two_levels_in_strata_are_counted_out(drawn: list[tuple[list[int], list[int]]]) -> None:
    n, N = (np.array([pair[i] for pair in drawn], float) for i in (0, 1))
    found = exact_p_value(n, N)
    supports = [
        list(enumerate(scipy.stats.hypergeom.pmf(range(int(a + b) + 1), K + rest, K, a + b)))
        for (a, b), (K, rest) in zip(n, N, strict=True)
    ]
    chance: dict[int, float] = {}
    for outcome in product(*supports):
        at = sum(k for k, _ in outcome)
        chance[at] = chance.get(at, 0.0) + math.prod(p for _, p in outcome)
    possible = {k: p for k, p in chance.items() if p > 0}
    if len(possible) < 2:
        assert math.isnan(found)
        return
    seen = possible[int(n[:, 0].sum())]
    slow = sum(p for p in possible.values() if p <= seen * (1 + 1e-7))
    assert found == pytest.approx(slow, rel=1e-6)


def test_strata_that_share_no_levels_are_tested_apart() -> None:
    # The covariance has a block for each stratum, and statistics and degrees of freedom add up.
    n = np.array([[3.0, 5, 0, 0], [0, 0, 9, 2]])
    N = np.array([[20.0, 20, 0, 0], [0, 0, 30, 15]])
    both, one, other = fit(n, N), fit(n[:1], N[:1]), fit(n[1:], N[1:])
    assert both.df == one.df + other.df == 2
    assert both.statistic == pytest.approx(one.statistic + other.statistic, rel=1e-9)


def test_the_distance_is_a_mahalanobis_distance() -> None:
    p, P = np.array([0.5, 0.2, 0.3]), np.array([0.4, 0.35, 0.25])
    S = np.diag(P) - np.outer(P, P)
    for excluded in range(3):
        at = [i for i in range(3) if i != excluded]
        gap = (p - P)[at]
        slow = math.sqrt(gap @ np.linalg.inv(S[np.ix_(at, at)]) @ gap)
        assert distance(p, P) == pytest.approx(slow, rel=1e-12)
    assert distance(p, P) ** 2 * 60 == pytest.approx(scipy.stats.chisquare(60 * p, 60 * P)[0])


def test_of_two_levels_the_distance_is_that_of_either() -> None:
    p, P = np.array([0.3, 0.7]), np.array([0.2, 0.8])
    assert abs(standardised(p, P)) == pytest.approx([distance(p, P)] * 2)
    assert standardised(p, P)[0] == pytest.approx(0.1 / 0.4)
    assert np.isnan(standardised(np.array([0.0, 1.0]), np.array([0.0, 1.0]))).all()


def test_a_weighted_test_without_sampling_error_is_none() -> None:
    # Cells of the design are the levels: whatever is drawn, weighted totals are the caseload's.
    codes = np.array([0, 0, 0, 1, 1, 1, 1])
    problems: list[oms.Problem] = []
    design = design_of(7, None, codes, None, "error", problems)
    assert design is not None
    weight = np.where(codes == 0, 1.0, 0.1)
    P = np.bincount(codes, weight) / weight.sum()
    assert math.isnan(design_based_fit(codes, weight, P, design, slice(0, 7)).p_value)


def test_shares_held_by_the_design_say_so(sample: oms.CaseSet, caseload: oms.CaseSet) -> None:
    found = oms.representativeness(
        sample, caseload, of=["harm", "two"], boosted=["harm"], **DESIGNS["finite"]
    )
    rows = {(r["characteristic"], r["level"]): r for r in found.table.to_pylist()}
    high, other = rows["harm", "high"], rows["two", "a"]
    assert "on purpose" in high["reason"]
    assert high["p_value"] is None
    assert high["percent"] > 1.5 * high["caseload_percent"]
    assert high["weighted_percent"] == pytest.approx(high["caseload_percent"], rel=1e-12)
    assert "design holds" in high["weighted_reason"]
    assert high["weighted_p_value"] is None
    assert other["reason"] is None
    assert other["weighted_reason"] is None
    assert "harm, weighted: the design holds" in repr(found)


def printed(*p_values: Any) -> list[str]:
    """Give the rates of rejection as docs/methodology/representativeness.md prints them."""
    return [f"{math.floor(1000 * (np.array(p) < 0.05).mean() + 0.5) / 10}%" for p in p_values]


@pytest.mark.slow
def test_the_test_has_its_size() -> None:
    # Simple random samples from a finite caseload: 5% of them are called unlike it.
    rng = np.random.default_rng(20111122)
    N = np.array([420, 300, 130, 50])
    many, size = 4000, 150
    drawn = rng.multivariate_hypergeometric(N, size, many).astype(float)
    p = np.array([fit(row[np.newaxis], N[np.newaxis].astype(float)).p_value for row in drawn])
    error = math.sqrt(0.05 * 0.95 / many)
    assert abs((p < 0.05).mean() - 0.05) < 4 * error
    # Without the correction it hardly ever rejects: the sample is a sixth of the caseload.
    plain = scipy.stats.chisquare(drawn, size * N / N.sum(), axis=1).pvalue
    assert (plain < 0.05).mean() < (p < 0.05).mean() - 2 * error
    assert printed(p, plain) == ["4.7%", "2.2%"]


@pytest.mark.slow
def test_in_units_drawn_unlike_the_test_has_its_size() -> None:
    # Two units differ and are drawn at unlike rates: the pooled sample is unlike the pooled
    # caseload by design, which the test within units allows for.
    rng = np.random.default_rng(7)
    N = np.array([[300.0, 100.0, 50.0], [40.0, 120.0, 60.0]])
    one, other = (
        rng.multivariate_hypergeometric(row.astype(int), size, 3000)
        for row, size in zip(N, (60, 110), strict=True)
    )
    p = np.array([fit(np.array(pair, float), N).p_value for pair in zip(one, other, strict=True)])
    assert abs((p < 0.05).mean() - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 3000)
    assert printed(p) == ["4.5%"]


@pytest.mark.slow
def test_of_a_boosted_sample_the_weighted_test_has_its_size() -> None:
    # Half of the first stratum is drawn and a tenth of the other; levels go with strata.
    rng = np.random.default_rng(19)
    strata = np.repeat([0, 1], [160, 640])
    level = np.where(rng.random(800) < np.where(strata == 0, 0.6, 0.35), 0, 1)
    N, sizes = np.bincount(level).astype(float), (80, 64)
    weight = np.repeat([2.0, 10.0], sizes)
    problems: list[oms.Problem] = []
    design = design_of(144, None, np.repeat([0, 1], sizes), {0: 160, 1: 640}, "error", problems)
    assert design is not None
    plain, weighted = [], []
    for _ in range(2000):
        at = np.concatenate(
            [rng.choice(np.flatnonzero(strata == s), m, False) for s, m in enumerate(sizes)]
        )
        n = np.bincount(level[at], minlength=2).astype(float)
        plain.append(fit(n[np.newaxis], N[np.newaxis]).p_value)
        weighted.append(design_based_fit(level[at], weight, N / 800, design, slice(0, 144)).p_value)
    assert abs((np.array(weighted) < 0.05).mean() - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 2000)
    # Tested as if drawn with equal chances, the sample is unlike its caseload mostly.
    assert (np.array(plain) < 0.05).mean() > 0.3
    assert printed(weighted, plain) == ["5.3%", "74.2%"]


@pytest.mark.slow
def test_what_drawing_holds_in_proportion_comes_out_too_close() -> None:
    # A quarter of each level, and of a characteristic that goes with it: the test of the one
    # has p = 1 always, that of the other rejects less often than its level.
    rng = np.random.default_rng(3)
    held = np.repeat([0, 1], [240, 160])
    linked = np.where(rng.random(400) < 0.85, held, 1 - held)
    N = np.bincount(linked).astype(float)[np.newaxis]
    assert fit(np.array([[60.0, 40.0]]), np.array([[240.0, 160.0]])).p_value == 1
    p = []
    for _ in range(1500):
        parts = [rng.choice(np.flatnonzero(held == h), s, False) for h, s in ((0, 60), (1, 40))]
        at = np.concatenate(parts)
        p.append(fit(np.bincount(linked[at], minlength=2)[np.newaxis].astype(float), N).p_value)
    assert (np.array(p) < 0.05).mean() < 0.02
    assert printed(p) == ["0.7%"]


def test_figures_by_hand() -> None:
    found = oms.representativeness(small("aab-"), small("aabb-bbbc"), check_ids=False)
    rows = found.table.to_pylist()
    assert [r["level"] for r in rows] == ["a", "b", "c", None]
    assert [r["n"] for r in rows] == [2, 1, 0, 1]
    assert [r["caseload_n"] for r in rows] == [2, 5, 1, 1]
    assert [r["percent"] for r in rows[:3]] == pytest.approx([200 / 3, 100 / 3, 0])
    assert [r["caseload_percent"] for r in rows[:3]] == [25.0, 62.5, 12.5]
    assert [r["expected"] for r in rows[:3]] == pytest.approx([0.75, 1.875, 0.375])
    assert [r["difference"] for r in rows[:3]] == pytest.approx([41.6666667, -29.1666667, -12.5])
    assert rows[0]["standardised"] == pytest.approx((2 / 3 - 0.25) / math.sqrt(0.1875))
    statistic = (1.25**2 / 0.75 + 0.875**2 / 1.875 + 0.375) * 7 / 5
    assert rows[3]["statistic"] == pytest.approx(statistic)
    assert rows[0]["smallest_expected"] == 0.375
    assert rows[0]["small"]
    assert rows[3]["percent"] is None
    assert rows[3]["expected"] is None
    assert "not known" in repr(found)
    assert "?: an expected count" in repr(found)


def test_reasons_why_nothing_is_tested() -> None:
    def reason(sample: str, caseload: str, **options: Any) -> str:
        found = oms.representativeness(small(sample), small(caseload), **options)
        assert found.table["p_value"].null_count == len(found)
        return str(found.table["reason"][0].as_py())

    assert "whole caseload" in reason("aab", "aab")
    assert "alike" in reason("aa", "aaa")
    assert "no case in the sample" in reason("--", "-abb", check_ids=False)
    assert "no case in the caseload" in reason("--", "---")
    assert "on purpose" in reason("ab", "abb", boosted=["two"])
    assert "whole caseload" in reason("aab", "aab", boosted=[])


def test_absent_columns_have_a_row(sample: oms.CaseSet, caseload: oms.CaseSet) -> None:
    found = oms.representativeness(sample, caseload, of=["spare", "two"])
    row = found.table.to_pylist()[0]
    assert (row["level"], row["n"], row["caseload_n"]) == (None, None, None)
    assert row["reason"] == "no column 'spare' in the sample"
    table = pa.table(sample)
    more = table.append_column("spare", pa.array(["x"] * len(sample)))
    known = oms.CaseSet.from_data(more, framework=CASELOAD)
    row = oms.representativeness(known, caseload, of=["spare"]).table.to_pylist()[0]
    assert row["reason"] == "no column 'spare' in the caseload"


def refused(sample: oms.CaseSet, caseload: oms.CaseSet, **options: Any) -> str:
    with pytest.raises(oms.DataError) as caught:
        oms.representativeness(sample, caseload, **options)
    return str(caught.value)


def test_what_cannot_have_been_drawn_is_refused_at_once() -> None:
    text = refused(small("aab", "uvw"), small("aabbab", "uuuvvx"))
    for part in ("'w'", "no case drawn in 'x'", "2 problems"):
        assert part in text, text


def test_ids_are_looked_up() -> None:
    text = refused(small("aab", start=4), small("aabbab"))
    assert "1 of 3 that are not: 'c6'" in text
    moved = refused(small("ab", "uv"), small("abaa", "uuvv"))
    assert "'c1' in 'v', in the caseload in 'u'" in moved
    found = oms.representativeness(small("ab", "uv"), small("abab", "uuvv"), check_ids=False)
    assert found.disagreements == {}


def test_ids_of_another_kind_are_refused() -> None:
    numbers = {"case_id": [1, 2], "unit": ["u", "u"], "two": ["a", "b"]}
    other = read(numbers, oms.Framework("small", (), [oms.Stratum("two", ("a", "b", "c"))]))
    assert "of one type" in refused(other, small("aabb"))


def test_levels_are_no_more_than_there_are() -> None:
    text = refused(small("ac"), small("abb"))
    assert "1 of 0 'c' in 'u'" in text
    assert "3 from 2 in 'u'" in refused(small("abb"), small("ab"))


def test_levels_declared_otherwise_are_refused() -> None:
    data = {"case_id": ["c0", "c1"], "unit": ["u", "u"], "two": ["b", "a"]}
    unlike = read(data, oms.Framework("other", (), [oms.Stratum("two", ("a", "b"))]))
    assert "as in the sample" in refused(small("b"), unlike)
    unchecked = read(data, oms.Framework("none", (), ()))
    assert "Declare it as a stratum" in refused(small("b"), unchecked)
    # The order of levels does not matter.
    turned = oms.Framework("turned", (), [oms.Stratum("two", ("c", "b", "a"))])
    found = oms.representativeness(small("b"), read(data, turned))
    assert found.table["caseload_n"].to_pylist() == [1, 1, 0, 0]


def test_disagreements_are_counted() -> None:
    found = oms.representativeness(small("ba"), small("abba"))
    assert found.disagreements == {"two": 2}
    assert "two: 2 cases of the sample with another level" in repr(found)


def test_arguments_are_checked(sample: oms.CaseSet, caseload: oms.CaseSet) -> None:
    with pytest.raises(oms.UsageError, match="`caseload` must be a CaseSet"):
        oms.representativeness(sample, None)  # type: ignore[arg-type]
    with pytest.raises(oms.UnknownNameError, match="boosted"):
        oms.representativeness(sample, caseload, of=["two"], boosted=["harm"])
    with pytest.raises(oms.UsageError, match="several of 'types'"):
        oms.representativeness(sample, caseload, of=[oms.MultiValued("types", ("p", "q"))])  # type: ignore[list-item]
    with pytest.raises(oms.UsageError, match="'unit'"):
        oms.representativeness(sample, caseload, by="region")  # type: ignore[arg-type]
    with pytest.raises(oms.DataError, match="weight"):
        oms.representativeness(sample, caseload, of=["two"], weight=[1.0])


def test_by_unit_ends_with_all_together(sample: oms.CaseSet, caseload: oms.CaseSet) -> None:
    found = oms.representativeness(sample, caseload, of=["two"], by="unit")
    assert found.table["unit"].unique().to_pylist() == ["north", "south", "west", "all"]
    last = found.table.slice(9).drop(["unit"]).to_pydict()
    alone = oms.representativeness(sample, caseload, of=["two"]).table.drop(["unit"]).to_pydict()
    assert last == alone
    assert sum(n for n, _ in list(found.sizes.values())[:3]) == found.sizes["all"][0]
    north = sample.filter([u == "north" for u in sample["unit"].to_pylist()])
    whole = caseload.filter([u == "north" for u in caseload["unit"].to_pylist()])
    apart = oms.representativeness(north, whole, of=["two"]).table.drop(["unit"]).to_pydict()
    assert found.table.slice(0, 3).drop(["unit"]).to_pydict() == apart


def test_expected_counts_of_all_are_those_of_units_added_up(
    sample: oms.CaseSet, caseload: oms.CaseSet
) -> None:
    found = oms.representativeness(sample, caseload, of=["four"], by="unit")
    of_units = np.array(found.table["expected"].to_numpy(), float).reshape(4, 5)[:, :4]
    assert of_units[3] == pytest.approx(of_units[:3].sum(axis=0))
    # Units were drawn at unlike rates, so that the pooled caseload leads to expect other counts.
    rows = found.unit("all").table.to_pylist()[:4]
    pooled = [sum(r["n"] for r in rows) * r["caseload_percent"] / 100 for r in rows]
    assert np.abs(of_units[3] - pooled).max() > 0.05


def test_one_unit_is_shown_by_itself(sample: oms.CaseSet, caseload: oms.CaseSet) -> None:
    found = oms.representativeness(sample, caseload, of=["two", "four"], by="unit")
    south = found.unit("south")
    assert south.table["unit"].unique().to_pylist() == ["south"]
    assert "unit south" in repr(south)
    assert list(south.sizes) == ["south"]
    with pytest.raises(oms.UnknownNameError, match="did you mean 'south'"):
        found.unit("sout")
    with pytest.raises(oms.UsageError):
        oms.representativeness(sample, caseload, of=["two"], boosted=[["two"]])  # type: ignore[list-item]


def test_units_without_cases_have_reasons() -> None:
    data = {"case_id": ["1", "2", "3"], "unit": ["a"] * 3, "two": ["x", "y", "y"]}
    framework = oms.Framework("bare", (), [oms.Stratum("two", ("x", "y"))])
    caseload = oms.CaseSet.from_data(data, framework=framework, units=["a", "b"])
    sample = caseload.filter([True, True, False])
    weight = {"weight": [1.0, 2.0], "population": {"a": 3}}
    found = oms.representativeness(sample, caseload, by="unit", **weight)  # type: ignore[arg-type]
    rows = found.unit("b").table.to_pylist()
    assert [r["n"] for r in rows] == [0, 0, 0]
    assert {r["reason"] for r in rows} == {"no case in the caseload whose level is known"}
    assert rows[0]["weighted_percent"] is None
    assert "unit b" in repr(found.unit("b"))
    shown = oms.characteristics(caseload, by="unit").unit("b")
    assert shown.table["percent"].to_pylist() == [None] * 3
    assert "0 cases, unit b" in repr(shown)


def test_breakdowns_may_be_compared(sample: oms.CaseSet, caseload: oms.CaseSet) -> None:
    class High(oms.Breakdown):
        key = "high"
        column = "harm"
        groups = ("high", "all")
        contrast = "complement"

    here = oms.representativeness(sample, caseload, of=[High]).table
    there = oms.representativeness(sample, caseload, of=["harm"]).table
    assert here["level"].to_pylist() == ["high", "not high", None]
    assert here["statistic"].to_pylist() == there["statistic"].to_pylist()


def test_synthetic_and_invented_say_so() -> None:
    cases = oms.omi2.with_invented_characteristics(oms.omi2.load_synthetic())
    part = cases.filter(np.arange(len(cases)) % 5 == 0)
    found = oms.representativeness(part, cases, of=["tier", "gender"])
    assert "SYNTHETIC" in repr(found)
    assert "tier (INVENTED)" in repr(found)
    assert found.table.schema.metadata[b"synthetic"] == b"true"
    assert b"tier" in found.table.schema.metadata[b"invented_columns"]
    assert found.table["invented"].to_pylist() == [True] * 5 + [False] * 3
    assert "<table>" in found._repr_html_()
