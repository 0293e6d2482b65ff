"""What the figures of size and coverage are drawn from is what enumeration gives."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest

import omistats as oms
from benchmarks.exact import (
    COVERAGE_FILE,
    INTERVALS,
    SIZE_FILE,
    TESTS,
    coverage,
    published_pairs,
    published_sizes,
    read,
    size,
)

CHANCES = np.array([0.05, 0.31, 0.5])


def chance(k: int, n: int, p: float) -> float:
    return comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize("method", [*TESTS, "g", "auto"])
@pytest.mark.parametrize(("n1", "n2"), [(1, 1), (2, 9), (12, 12), (7, 31)])
def test_the_size_is_that_of_every_table_taken_in_turn(method: str, n1: int, n2: int) -> None:
    tables = list(product(range(n1 + 1), range(n2 + 1)))
    k1, k2 = np.array(tables).T
    p_values = oms.stats.compare(k1, n1, k2, n2, method=method).p_value
    for p, found in zip(CHANCES.tolist(), size(method, n1, n2, CHANCES), strict=True):
        expected = sum(
            chance(a, n1, p) * chance(b, n2, p)
            for (a, b), q in zip(tables, p_values, strict=True)
            if q < 0.05
        )
        assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("method", INTERVALS)
def test_the_coverage_is_that_of_every_count_taken_in_turn(method: str) -> None:
    for p, found in zip(CHANCES.tolist(), coverage(method, 23, CHANCES), strict=True):
        expected = 0.0
        for k in range(24):
            one = oms.stats.interval(k, 23, method=method)
            expected += chance(k, 23, p) if one.low <= p <= one.high else 0.0
        assert found == pytest.approx(expected, abs=1e-12)


def test_the_sizes_in_the_file_are_those_of_the_report() -> None:
    table = read(SIZE_FILE)
    pairs = published_pairs()
    np.testing.assert_array_equal(np.stack([table["n1"], table["n2"]], axis=1), pairs)
    for i in np.linspace(0, len(pairs) - 1, 9).astype(int).tolist():
        for test in TESTS:
            sizes = size(test, *pairs[i].tolist())
            row = [table[f"{test} {what}"][i] for what in ("least", "mean", "greatest")]
            np.testing.assert_allclose(row, [sizes.min(), sizes.mean(), sizes.max()], atol=1e-6)


def test_the_coverages_in_the_file_are_those_of_the_report() -> None:
    table = read(COVERAGE_FILE)
    np.testing.assert_array_equal(table["n"], published_sizes())
    for i in np.linspace(0, table["n"].size - 1, 9).astype(int).tolist():
        for method in INTERVALS:
            held = coverage(method, int(table["n"][i]))
            row = [table[f"{method} {what}"][i] for what in ("least", "mean", "greatest")]
            np.testing.assert_allclose(row, [held.min(), held.mean(), held.max()], atol=1e-6)
