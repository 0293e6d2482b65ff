"""Weights of draws, their sums and their spread."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, strategies as st
from tests.factories import oracle

# Internal: draws one by one, of which `bootstrap` reports limits only.
from omistats.kernel.resampling import count_drawn, draw_weights, spread, sum_drawn


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


@given(seed=st.integers(0, 999), large=st.sampled_from([1, 50, 2000]))
def test_pairs_of_counts_are_summed_exactly(seed: int, large: int) -> None:
    """Also where they are too large for two in one number."""
    rng = np.random.default_rng(seed)
    rows, domains, columns = (int(v) for v in rng.integers(1, 9, 3))
    n = rng.integers(0, large + 1, (rows, columns))
    k = rng.integers(0, n + 1)
    members = rng.random((domains, rows)) < rng.choice([0.0, 0.5, 1.0])
    weights = draw_weights(np.array([0, rows]), 4, [rng])
    counts = np.concatenate([k, n], axis=1)
    found = count_drawn(counts.astype(np.float32), members, weights)
    expected = np.einsum("br,dr,rc->bdc", weights.astype(int), members.astype(int), counts)
    assert (found == expected).all()


def test_more_rows_than_are_summed_at_once() -> None:
    rng = np.random.default_rng(1)
    counts = np.ones((9000, 4), np.float32)
    counts[:, :2] = rng.random((9000, 2)) < 0.5
    members = np.stack([np.ones(9000, np.bool_), rng.random(9000) < 0.9])
    weights = draw_weights(np.array([0, 9000]), 3, [rng])
    exact = np.stack([(weights * flags) @ counts.astype(np.float64) for flags in members], axis=1)
    assert (count_drawn(counts, members, weights) == exact).all()


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 1625, 1626, 65_536, 65_537])
def test_all_of_a_block_are_drawn_evenly_whatever_its_size(size: int) -> None:
    draws = max(2, 400_000 // size)
    weights = draw_weights(np.array([0, size]), draws, [np.random.default_rng(size)])
    assert (weights.sum(axis=1) == size).all()
    drawn = weights.sum(axis=0, dtype=np.float64)
    statistic = ((drawn - draws) ** 2 / draws).sum()
    # Chi-square on size - 1 degrees of freedom, as normal; five standard deviations.
    assert abs(statistic - (size - 1)) <= 5 * (2 * (size - 1)) ** 0.5


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
