"""Counts and stars behind printed percentages, against loops over every pair of counts."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportions_ztest

from omistats import DataError, UnknownNameError, UsageError
from omistats.forensics import attainable

# Internal: the names of the methods and marks.
from omistats.forensics.attainable_counts import METHODS
from omistats.kernel.chi_square import STARS
from omistats.omi2 import load_published


def prints(k: int, n: int) -> int:
    """Half up, by hand: add half a percent and drop the fraction."""
    return math.floor((100 * k) / n + 0.5)


def mark(p: float) -> str:
    return "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else "--"


def oracle(method: str, k1: int, n1: int, k2: int, n2: int) -> float:
    """P-values by scipy and statsmodels; alike answers differ in nothing."""
    if k1 + k2 in (0, n1 + n2):
        return 1.0
    table = [[k1, n1 - k1], [k2, n2 - k2]]
    if method == "g":
        return float(stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")[1])
    if method == "yates":
        return float(stats.chi2_contingency(table, correction=True)[1])
    if method == "z-unpooled":
        if {k1 / n1, k2 / n2} == {0.0, 1.0}:
            return 0.0
        # prop_var=False takes each group's own variance.
        z = (k1 / n1 - k2 / n2) / math.sqrt(
            sum(k / n * (1 - k / n) / n for k, n in ((k1, n1), (k2, n2)))
        )
        return float(2 * stats.norm.sf(abs(z)))
    found = stats.chi2_contingency(table, correction=False)
    if method == "n-1":
        total = n1 + n2
        return float(stats.chi2.sf(found.statistic * (total - 1) / total, 1))
    return float(found.pvalue)


def pairs(
    p1: int, n1: int, p2: int, n2: int, complement: bool, left: int, method: str
) -> Iterator[tuple[int, int, int, int]]:
    """Yield all the 2 x 2 tables that print as the two percentages."""
    firsts = [k for k in range(n1 + 1) if prints(k, n1) == p1]
    seconds = [k for k in range(n2 + 1) if prints(k, n2) == p2]
    for k1 in firsts:
        tables = set()
        for k2 in seconds:
            if not complement:
                tables.add((k1, n1, k2, n2))
            elif 0 <= k2 - k1 <= n2 - n1:
                if method == "overlapping":
                    tables.add((k1, n1, k2, n2))
                for s in range(left + 1):
                    if method != "overlapping" and 0 <= k2 - k1 - s <= n2 - n1 - left:
                        tables.add((k1, n1, k2 - k1 - s, n2 - n1 - left))
        yield from sorted(tables)


def recount(
    p1: int,
    n1: int,
    p2: int,
    n2: int,
    complement: bool = False,
    left: int = 0,
    method: str = "pearson",
) -> tuple[int, set[str], float, float]:
    found = list(pairs(p1, n1, p2, n2, complement, left, method))
    tested = [oracle(method, *t) for t in found if t[1] and t[3]]
    marks = {mark(p) for p in tested}
    return len(found), marks, min(tested, default=math.nan), max(tested, default=math.nan)


ROWS: list[tuple[int, int, bool, tuple[int, int, int, int], str]] = []
_lines = load_published().to_pylist()
for _one, _two in zip(_lines[::2], _lines[1::2], strict=True):
    if _one["n"] and _two["n"]:
        ROWS.append(
            (
                _one["table"],
                _one["row"],
                _one["table"] < 7,
                (_one["percent"], _one["n"], _two["percent"], _two["n"]),
                _one["stars"],
            )
        )

# Every row that some test fails, and a spread of the others.
FLAGGED = {(3, 9), (6, 2), (4, 20), (7, 54), (10, 28), (11, 58), (8, 47), (9, 47)}
SAMPLE = [r for i, r in enumerate(ROWS) if r[:2] in FLAGGED or (i % 23 == 0 and r[3][1] < 1000)]


@pytest.mark.parametrize("method", METHODS)
def test_marks_of_printed_rows_are_those_of_brute_force(method: str) -> None:
    for table, row, complement, figures, _ in SAMPLE:
        if method == "overlapping" and not complement:
            continue
        found = attainable(*figures, complement=complement, method=method)
        count, marks, least, greatest = recount(*figures, complement=complement, method=method)
        where = f"Table {table} row {row}"
        assert found.pairs == count, where
        assert {s for s, a in zip(STARS, found.stars, strict=True) if a} == marks, where
        np.testing.assert_allclose([found.p_min, found.p_max], [least, greatest], rtol=1e-9)


def test_unpooled_z_is_that_of_statsmodels() -> None:
    # statsmodels 0.14 proportions_ztest([30, 45], [80, 90], prop_var=...) pools; its Wald interval
    # does not, so the variance is handed over: p1 q1 / n1 + p2 q2 / n2 as one "pooled" proportion.
    p1, p2 = 30 / 80, 45 / 90
    variance = p1 * (1 - p1) / 80 + p2 * (1 - p2) / 90
    equivalent = variance / (1 / 80 + 1 / 90)
    pooled = (1 - math.sqrt(1 - 4 * equivalent)) / 2
    expected = proportions_ztest([30, 45], [80, 90], prop_var=pooled)[1]
    assert oracle("z-unpooled", 30, 80, 45, 90) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("method", "high", "groups"),
    [
        ("pearson", 71, 368),
        ("n-1", 71, 368),
        ("g", 70, 368),
        ("yates", 72, 365),
        ("z-unpooled", 69, 361),
        ("overlapping", 64, None),
    ],
)
def test_rows_of_the_report_whose_star_each_test_attains(
    method: str, high: int, groups: int | None
) -> None:
    for complement, expected in ((True, high), (False, groups)):
        if expected is None:
            continue
        rows = [r for r in ROWS if r[2] is complement]
        assert len(rows) == (73 if complement else 368)
        figures = np.array([r[3] for r in rows]).T
        found = attainable(*figures, complement=complement, method=method)
        assert found.possible.all()
        assert found.attains([r[4] for r in rows]).sum() == expected


small = st.integers(1, 40)


@given(small, small, st.data(), st.booleans(), st.integers(0, 4), st.sampled_from(METHODS))
def test_counts_that_exist_are_found(
    n1: int, extra: int, data: st.DataObject, complement: bool, left: int, method: str
) -> None:
    """Whatever counts are printed, the test's own mark of them is attained."""
    if method == "overlapping":
        complement, left = True, 0
    left = min(left, extra - 1) if complement else 0
    k1 = data.draw(st.integers(0, n1))
    n2 = n1 + extra if complement else extra
    k2 = k1 + data.draw(st.integers(0, extra)) if complement else data.draw(st.integers(0, n2))
    figures = prints(k1, n1), n1, prints(k2, n2), n2
    found = attainable(*figures, complement=complement, unclassified=left, method=method)
    assert found.possible
    assert found.low1 <= k1 <= found.high1
    assert found.low2 <= k2 <= found.high2
    count, marks, least, greatest = recount(*figures, complement, left, method)
    assert found.pairs == count
    assert {s for s, a in zip(STARS, found.stars, strict=True) if a} == marks
    np.testing.assert_allclose([found.p_min, found.p_max], [least, greatest], rtol=1e-7)


def test_shapes_broadcast() -> None:
    found = attainable([[50], [60]], 40, [50, 55, 62], 100)
    assert found.possible.shape == (2, 3)
    assert found.stars.shape == (2, 3, 4)
    assert found.attains([["--"], ["*"]]).shape == (2, 3)
    one = attainable(60, 40, 62, 100)
    assert one.stars.shape == (4,)
    np.testing.assert_array_equal(one.stars, found.stars[1, 2])


@pytest.mark.parametrize(
    ("figures", "options"),
    [
        ((50, 0, 50, 10), {}),
        ((np.nan, np.nan, 50, 10), {}),
        ((None, 10, 50, 10), {}),
        ((50, 3, 50, 10), {}),  # 1 of 3 is 33%, 2 of 3 is 67%
        ((50, 20, 50, 10), {"complement": True}),  # a subset larger than its whole
        ((100, 10, 0, 20), {"complement": True}),
        ((50, 10, 50, 20), {"complement": True, "unclassified": 11}),
    ],
)
def test_figures_without_counts(figures: tuple[float, ...], options: dict[str, object]) -> None:
    found = attainable(*figures, **options)  # type: ignore[arg-type]  # blanks among them
    assert not found.possible
    assert not found.stars.any()
    assert found.pairs == 0
    assert np.isnan([found.p_min, found.p_max]).all()


def test_an_empty_complement_is_possible_but_compares_nothing() -> None:
    found = attainable(50, 10, 50, 10, complement=True)
    assert found.possible
    assert not found.stars.any()
    assert np.isnan(found.p_min)


def test_answers_all_alike_differ_in_nothing() -> None:
    found = attainable(100, 7, 100, 9)
    assert found.stars.tolist() == [True, False, False, False]
    assert found.p_max == 1.0


def test_no_rows() -> None:
    found = attainable([], [], [], [])
    assert found.stars.shape == (0, 4)


def test_everything_wrong_is_reported_together() -> None:
    with pytest.raises(DataError) as caught:
        attainable(
            [101, 50], [-1, 5], 12.5, [7, np.inf], decimals=0, complement=True, unclassified=np.nan
        )
    assert [p.where for p in caught.value.problems] == [
        "percent1", "n1", "percent2", "n2", "unclassified",
    ]  # fmt: skip
    assert "101.0" in str(caught.value)
    with pytest.raises(DataError, match="percent1"):
        attainable("half", 5, 50, 5)


def test_arguments_that_do_not_fit() -> None:
    with pytest.raises(UnknownNameError, match="pearson"):
        attainable(50, 10, 50, 10, method="pearsn")
    with pytest.raises(UsageError, match="complement=True"):
        attainable(50, 10, 50, 10, unclassified=1)
    with pytest.raises(UsageError, match="complement=True"):
        attainable(50, 10, 50, 10, method="overlapping")
    with pytest.raises(UsageError, match="leaves nobody out"):
        attainable(50, 10, 50, 20, method="overlapping", complement=True, unclassified=1)
    with pytest.raises(UsageError, match=r"percent1 \(2,\)"):
        attainable([50, 50], 10, [50, 50, 50], 10)
    with pytest.raises(UsageError, match="more than"):
        attainable(50, 10**7, 50, 10**7)
    with pytest.raises(UnknownNameError, match="mark"):
        attainable(50, 10, 50, 10).attains("****")


def test_a_whole_whose_figure_is_impossible_stays_so_whoever_is_left_out() -> None:
    # No count of 10 prints as 33%.
    assert not attainable(50, 4, 33, 10, complement=True, unclassified=2).possible


def test_an_overlapping_whole_holds_its_subset() -> None:
    options = {"complement": True, "method": "overlapping"}
    # None of 5 and 3 of 6: one case besides cannot be three.
    assert not attainable(0, 5, 50, 6, **options).possible
    # All of 5 and none of 6: the whole has fewer than its part.
    assert not attainable(100, 5, 0, 6, **options).possible
    assert attainable(0, 5, 17, 6, **options).possible


def test_marks_that_are_not_one_a_comparison() -> None:
    found = attainable([82, 80], 440, 75, 2191)
    assert found.attains("***").shape == (2,)
    assert found.attains([["--"], ["***"]]).shape == (2, 2)
    with pytest.raises(UsageError, match=r"marks of shape \(3,\) beside figures of shape \(2,\)"):
        found.attains(["*", "**", "***"])
