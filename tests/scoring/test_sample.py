"""Sums over groups of cases within units are exact in float32 and float64."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

import omistats as oms

# Internal: sums so large that no cases at hand have them.
from omistats.kernel.ratio import cross_products, estimate_ratios, from_moments
from omistats.scoring.sums import Sample


def sample(members: object, starts: list[int]) -> Sample:
    units = np.ones(len(starts) - 1)
    return Sample(np.asarray(members, np.bool_), np.array(starts), units, units)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=4), st.integers(1, 4095), st.integers())
def test_sums_of_squares_are_exact(sizes, most, seed):
    """float32 alone would lose the last digits from 2**24 on."""
    rng = np.random.default_rng(abs(seed))
    starts = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    k = rng.integers(0, most + 1, starts[-1])
    members = rng.random((3, starts[-1])) < 0.8
    single = k.astype(np.float32)[np.newaxis]
    found = sample(members, starts).sums(cross_products(single, single), most**2)
    for unit, (a, b) in enumerate(pairwise(starts)):
        for domain, inside in enumerate(members):
            own = k[a:b][inside[a:b]]
            assert found[0, unit, 0, domain] == own.sum()
            assert found[2, unit, 0, domain] == (own * own).sum()


def test_sums_beyond_float32_are_exact():
    odd = np.full((1, 1, 2**13), 4095.0, np.float32)
    odd[0, 0, ::2] = 4093
    expected = 2**12 * (4095**2 + 4093**2)
    found = sample(np.ones((1, 2**13)), [0, 2**13]).sums(odd * odd, 4095.0**2)
    assert found.item() == expected
    # In float32 the sum is wrong.
    assert (odd[0, 0] * odd[0, 0] * np.float32(1)).cumsum(dtype=np.float32)[-1] != expected


@pytest.mark.parametrize("centring", [0.25, 0.0])
def test_a_single_case_does_not_vary_however_its_ratio_rounds(centring):
    k, n = np.array([(k, n) for n in range(2, 90) for k in range(1, n)], np.float64).T
    found = estimate_ratios(
        cross_products(k, n)[:, np.newaxis], np.array([[4 / 3]]), np.array([[centring]])
    )
    assert (found.se == 0).all()


@given(st.data())
def test_unchecked_moments_give_what_checked_ones_do(data):
    cases = data.draw(st.integers(2, 9))
    n = np.array(data.draw(st.lists(st.integers(0, 75), min_size=cases, max_size=cases)), float)
    k = np.array([data.draw(st.integers(0, int(m))) for m in n], float)
    moments = cross_products(k, n).sum(axis=-1)
    found = estimate_ratios(
        moments[:, np.newaxis], np.array([cases / (cases - 1)]), np.array([1 / cases])
    )
    checked = from_moments(moments[np.newaxis], [cases])
    assert found.se == pytest.approx(float(checked.se), rel=0, abs=0, nan_ok=True)


def test_squares_beyond_float32_are_exact():
    """4,097 squared is above 2**24 and odd: a case's own square would already be rounded."""
    ids = [f"q{i}" for i in range(4099)]
    safety = oms.Link("1", "published")
    framework = oms.Framework(
        "long", [oms.Question(id, id, safety) for id in ids], items=[oms.Item("1", "section", "S")]
    )
    k, n = [4097, 1, 2048, 4095, 3001, 17], [4099, 4097, 4099, 4098, 4099, 4097]
    data: dict[str, list[object]] = {"case_id": list(range(6)), "unit": ["A"] * 6}
    for i, id in enumerate(ids):
        data[id] = [None if i >= m else i < j for j, m in zip(k, n, strict=True)]
    (found,) = oms.scores(data, framework=framework).table.to_pylist()
    assert (found["k"], found["n"]) == (sum(k), sum(n))
    expected = oms.stats.ratio(k, n)
    assert found["se"] == pytest.approx(100 * float(expected.se), rel=1e-13)
    single = cross_products(np.array(k, np.float32), np.array(n, np.float32)).astype(np.float64)
    exact = cross_products(np.array(k, np.float64), np.array(n, np.float64))
    assert (single != exact).any()
