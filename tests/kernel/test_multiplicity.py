"""Adjusted p-values against R, statsmodels and their definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.factories import adjusted_by_statsmodels, oracle

from omistats import UnknownNameError, UsageError
from omistats.stats import ADJUSTMENTS, adjust

METHODS = ("bonferroni", "holm", "bh")

# Quarters of small powers of two: every product below is exact in fractions, and ties abound.
P_VALUES = st.lists(
    st.one_of(st.none(), st.sampled_from([i / 64 for i in range(65)])), min_size=1, max_size=12
)


def numbers(family: Sequence[float | None]) -> list[float]:
    return [np.nan if p is None else p for p in family]


@pytest.mark.parametrize("method", METHODS)
def test_r_adjusts_alike(method: str) -> None:
    lines = oracle("p_adjust.csv")
    for family in sorted({line["family"] for line in lines}):
        rows = [line for line in lines if line["family"] == family]
        p, expected = ([float(r[c] or "nan") for r in rows] for c in ("p", method))
        np.testing.assert_allclose(adjust(p, method), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("method", "theirs"), [("bonferroni", "bonferroni"), ("holm", "holm"), ("bh", "fdr_bh")]
)
def test_statsmodels_adjusts_alike(method: str, theirs: str) -> None:
    p = np.random.default_rng(6).random(60) ** 4
    np.testing.assert_allclose(adjust(p, method), adjusted_by_statsmodels(p, theirs), rtol=1e-12)


def bonferroni(p: list[Fraction], i: int) -> Fraction:
    return min(p[i] * len(p), Fraction(1))


def holm(p: list[Fraction], i: int) -> Fraction:
    """The largest, over all tests no larger, of p times the number of tests not smaller."""
    return max(min(q * sum(other >= q for other in p), Fraction(1)) for q in p if q <= p[i])


def bh(p: list[Fraction], i: int) -> Fraction:
    """The smallest, over all tests no smaller, of m p over the number of tests not larger."""
    return min(
        min(q * len(p) / sum(other <= q for other in p), Fraction(1)) for q in p if q >= p[i]
    )


@pytest.mark.parametrize("recount", [bonferroni, holm, bh])
@given(family=P_VALUES)
def test_a_recount_by_definition_agrees(
    recount: Callable[[list[Fraction], int], Fraction], family: list[float | None]
) -> None:
    made = [Fraction(p) for p in family if p is not None]
    found = adjust(numbers(family), recount.__name__)
    expected = iter([float(recount(made, i)) for i in range(len(made))])
    for p, got in zip(family, found.tolist(), strict=True):
        assert np.isnan(got) if p is None else got == pytest.approx(next(expected), rel=1e-14)


@given(P_VALUES)
def test_bonferroni_is_never_below_holm_nor_holm_below_bh_nor_bh_below_p(
    family: list[float | None],
) -> None:
    p = np.array(numbers(family))
    made = ~np.isnan(p)
    ladder = [p[made], *(adjust(p, m)[made] for m in ("bh", "holm", "bonferroni"))]
    for lower, upper in pairwise(ladder):
        assert (lower <= upper + 1e-15).all()


@pytest.mark.parametrize("method", METHODS)
@given(p=P_VALUES, seed=st.integers(0, 99))
def test_the_order_of_tests_does_not_matter(method: str, p: list[float | None], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(p))
    family = np.array(numbers(p))
    np.testing.assert_array_equal(adjust(family[order], method), adjust(family, method)[order])


@pytest.mark.parametrize("method", METHODS)
def test_families_lie_along_the_axis(method: str) -> None:
    p = np.random.default_rng(7).random((3, 4, 5))
    p[0, 1, 2] = p[2, :, 4] = np.nan
    by_hand = np.stack(
        [[adjust(p[i, :, k], method) for k in range(5)] for i in range(3)]
    ).transpose(0, 2, 1)
    found = adjust(p, method, axis=1)
    np.testing.assert_array_equal(found, by_hand)
    assert found.flags.c_contiguous
    assert np.isnan(found[2, :, 4]).all()


def test_a_single_test_is_its_own_family() -> None:
    assert adjust(0.03).shape == ()
    assert adjust(0.03) == 0.03
    assert np.isnan(adjust(np.nan, "holm"))


@pytest.mark.parametrize(
    ("p", "axis", "says"),
    [
        ([0.2, 1.5, -0.1], -1, "must be between 0 and 1; found 1.5, -0.1"),
        ([], -1, "the family is empty"),
        (np.zeros((0, 3)), 0, "the family is empty"),
        ([0.1], 1, "no axis 1"),
        ([0.1], 0.0, "whole number"),
        (["0.1"], -1, "expected numbers"),
    ],
)
def test_what_is_no_family_is_refused(p: object, axis: object, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        adjust(p, axis=axis)  # type: ignore[arg-type]


def test_a_method_is_found_by_its_aliases_and_one_can_be_added() -> None:
    assert ADJUSTMENTS.name("fdr_bh") == ADJUSTMENTS.name("BH") == "bh"
    with pytest.raises(UnknownNameError, match="did you mean 'bonferroni'"):
        adjust([0.1], "bonferoni")
