"""Whole numbers nearest to a target, against a search through every table; raking against R."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from tests.factories import oracle

# Internal: rounding and raking of any tables; plans reach few of them.
from omistats.sampling.allocation import (
    Rule,
    conflicting_rules,
    divide,
    is_feasible,
    nearest_integers,
    rake,
)


def tables(most: list[int], size: int) -> list[np.ndarray]:
    return [np.array(t) for t in itertools.product(*(range(m + 1) for m in most)) if sum(t) == size]


def obeys(table: np.ndarray, rules: list[Rule]) -> bool:
    return all(rule.low <= table[rule.members].sum() <= rule.high for rule in rules)


@st.composite
def small(draw: st.DrawFn) -> tuple[list[int], int, list[Rule]]:
    most = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    size = draw(st.integers(1, sum(most)))
    rules = []
    for i in range(draw(st.integers(0, 4))):
        members = draw(st.lists(st.booleans(), min_size=len(most), max_size=len(most)))
        low = draw(st.integers(0, 5))
        rules.append(Rule(np.array(members), low, low + draw(st.integers(0, 2)), f"rule {i}"))
    return most, size, rules


@settings(max_examples=60)
@given(small(), st.integers(0, 2**32 - 1))
def test_the_nearest_table_is_found_and_none_where_there_is_none(case, seed):
    most, size, rules = case
    target = np.random.default_rng(seed).dirichlet(np.ones(len(most))) * size
    found = nearest_integers(target, np.zeros(len(most), int), np.array(most), size, rules)
    fine = [table for table in tables(most, size) if obeys(table, rules)]
    assert (found is not None) == bool(fine)
    assert is_feasible(np.zeros(len(most), int), np.array(most), size, rules) == bool(fine)
    if found is None:
        return
    aim = np.clip(target, 0, most)
    distances = [((t - aim) ** 2 / np.maximum(aim, 0.5)).sum() for t in fine]
    ours = ((found - aim) ** 2 / np.maximum(aim, 0.5)).sum()
    # Ties are broken by ten-thousandths of a chi-square a case.
    assert ours <= min(distances) + 1e-4 * size + 1e-6
    assert any((found == table).all() for table in fine)


@settings(max_examples=60)
@given(small())
def test_the_binding_rules_cannot_hold_together_and_each_is_needed(case):
    most, size, rules = case
    every = tables(most, size)
    assume(not any(obeys(table, rules) for table in every))
    few = conflicting_rules(np.zeros(len(most), int), np.array(most), size, rules)
    assert few
    assert not any(obeys(table, few) for table in every)
    for rule in few:
        rest = [r for r in few if r is not rule]
        assert any(obeys(table, rest) for table in every)


def test_equally_near_tables_are_told_apart_the_same_way_each_time():
    target, limits = np.full(6, 2.5), (np.zeros(6, int), np.full(6, 9))
    found = nearest_integers(target, *limits, 15, [])
    # Those three have a case more whose multiples of the golden section have the least fractions:
    # 0.62, 0.24, 0.85, 0.47, 0.09, 0.71.
    assert found.tolist() == [2, 3, 2, 3, 3, 2]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=6),
    st.integers(1, 100),
)
def test_a_division_adds_up_and_keeps_floors(levels, size):
    counts, floors = [n for n, _ in levels], [min(n, f) for n, f in levels]
    assume(sum(counts) >= size >= sum(floors))
    found = divide(size, counts, floors)
    assert sum(found) == size
    assert all(part >= floor for part, floor in zip(found, floors, strict=True))
    above = {
        Fraction(part, n) for part, n, f in zip(found, counts, floors, strict=True) if part > f
    }
    assert len(above) <= 1  # the others are in proportion to each other
    assert all(part <= n for part, n in zip(found, counts, strict=True))


def test_raking_is_that_of_r():
    # loglin with `start`, in tests/oracles/sampling.R.
    rows = oracle("sampling_raked.csv")
    margins = [
        (np.array([int(row[name]) for row in rows]), aim)
        for name, aim in (("a", [60, 100]), ("b", [22, 138]), ("c", [20, 6, 134]))
    ]
    found = rake([float(row["seed"]) for row in rows], margins)
    assert found == pytest.approx([float(row["fitted"]) for row in rows], rel=1e-9, abs=1e-12)
