"""Weights of draws, their sums and their spread."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import oracle

from omistats.kernel.bootstrap import draw_weights, spread, sum_drawn


@pytest.mark.parametrize("line", oracle("bootstrap_limits.csv"), ids=lambda r: r["low"][:6])
def test_limits_are_quantiles_of_type_6_in_r(line: dict[str, str]) -> None:
    draws = np.array([float(v) for v in line["draws"].split()])
    found = spread(draws, float(line["confidence"]))
    expected = [float(line[name]) for name in ("se", "low", "high")]
    np.testing.assert_allclose([found.se, found.low, found.high], expected, rtol=1e-12)


@given(sizes=st.lists(st.integers(0, 7), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_every_block_is_drawn_as_often_as_it_is_large(sizes: list[int], seed: int) -> None:
    starts = np.concatenate([[0], np.cumsum(sizes)])
    chances = [np.random.default_rng([seed, i]) for i in range(len(sizes))]
    weights = draw_weights(starts, 6, chances)
    assert weights.shape == (6, sum(sizes))
    assert (weights == np.floor(weights)).all()
    for a, b in pairwise(starts):
        assert (weights[:, a:b].sum(axis=1) == b - a).all()
    # A block has its draws whatever stands beside it, and however they are cut up.
    chances = [np.random.default_rng([seed, i]) for i in range(len(sizes))]
    again = np.concatenate([draw_weights(starts, 3, chances) for _ in range(2)])
    assert (again == weights).all()


def test_every_draw_is_as_likely_as_it_should_be() -> None:
    draws = 27_000
    weights = draw_weights(np.array([0, 3]), draws, [np.random.default_rng(2)])
    drawn = Counter(map(tuple, weights.astype(int).tolist()))
    expected = Counter(tuple(way.count(i) for i in range(3)) for way in product(range(3), repeat=3))
    assert set(drawn) == set(expected)
    statistic = sum(
        (drawn[w] - draws * many / 27) ** 2 / (draws * many / 27) for w, many in expected.items()
    )
    # The 0.9999 quantile of chi-square on 9 degrees of freedom is 33.7.
    assert statistic < 33.7


@given(seed=st.integers(0, 999), kind=st.sampled_from([np.float32, np.float64]))
def test_sums_are_those_of_a_loop(seed: int, kind: type) -> None:
    rng = np.random.default_rng(seed)
    rows, domains, columns = (int(v) for v in rng.integers(1, 9, 3))
    values = rng.integers(0, 5, (rows, columns)).astype(kind)
    members = rng.random((domains, rows)) < rng.choice([0.0, 0.5, 1.0])
    weights = draw_weights(np.array([0, rows]), 4, [rng])
    found = sum_drawn(values, members, weights)
    for draw, domain, column in product(range(4), range(domains), range(columns)):
        total = 0
        for row in range(rows):
            for _ in range(int(weights[draw, row])):
                total += int(values[row, column]) * bool(members[domain, row])
        assert found[draw, domain, column] == total


def test_draws_without_an_estimate_are_left_out_and_counted() -> None:
    draws = np.array(
        [[1.0, 4.0, np.nan], [np.nan, 2.0, np.nan], [5.0, 3.0, 7.0], [3.0, 1.0, np.nan]]
    )
    found = spread(draws, 0.5)
    assert found.undefined.tolist() == [1, 0, 3]
    alone = spread(np.array([1.0, 3.0, 5.0]), 0.5)
    assert (found.se[0], found.low[0], found.high[0]) == (alone.se, alone.low, alone.high)
    assert np.isnan([found.se[2], found.low[2], found.high[2]]).all()


def test_limits_stay_within_the_draws() -> None:
    found = spread(np.array([2.0, 1.0, 3.0]), 0.999)
    assert (found.low, found.high) == (1.0, 3.0)
