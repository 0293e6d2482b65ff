"""Max-T, the bootstrap and permutations give what loops give. Times are only reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import omistats as oms
from benchmarks.resampling import (
    WAYS,
    Answers,
    adjusted,
    answers,
    boot_loop,
    boot_products,
    max_t_loop,
    permuted,
    scipy_loop,
    spread,
)

Run = Callable[..., Any]

DRAWS = 300


@pytest.fixture(scope="module")
def cases() -> oms.CaseSet:
    return oms.omi2.load_synthetic()


@pytest.fixture(scope="module")
def data(cases: oms.CaseSet) -> Answers:
    return answers(cases)


@pytest.mark.parametrize("within", [False, True])
def test_max_t_agrees_with_a_loop(
    benchmark: Run, cases: oms.CaseSet, data: Answers, within: bool
) -> None:
    found = benchmark(adjusted, cases, DRAWS, within)
    loop = max_t_loop(data, DRAWS, within)
    np.testing.assert_allclose(found, loop, atol=4 * (0.5 / DRAWS) ** 0.5)


def test_the_loops_give_the_same(data: Answers) -> None:
    for within in (False, True):
        first, *others = (max_t_loop(data, 5, within, way) for way in WAYS)
        for other in others:
            np.testing.assert_allclose(other, first)
    np.testing.assert_allclose(boot_products(data, 5), boot_loop(data, 5), rtol=1e-4)


def test_the_bootstrap_agrees_with_a_loop(
    benchmark: Run, cases: oms.CaseSet, data: Answers
) -> None:
    found = benchmark(spread, cases, DRAWS)
    # A standard deviation of 300 draws is good to 4%, in each of the two; the largest of 150.
    np.testing.assert_allclose(found, boot_loop(data, DRAWS), rtol=0.3)


def test_permuted_cases_agree_with_scipy(benchmark: Run, cases: oms.CaseSet) -> None:
    found = benchmark(permuted, cases, DRAWS)
    loop = scipy_loop(cases, DRAWS)
    assert len(loop) == len(found)
    np.testing.assert_allclose(found, loop, atol=4 * (0.5 / DRAWS) ** 0.5)
