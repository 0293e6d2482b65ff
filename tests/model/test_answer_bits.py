"""Answers as bits: kept side by side, or read a stretch at a time where they lie."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from tests.factories import Gender, Harm, frame, framework

import omistats as oms

# Internal: what is counted does not depend on where bits are kept and cut, which only tests choose.
from omistats.breakdowns.groups import group_masks
from omistats.counting import count
from omistats.kernel.bit_counts import unpack
from omistats.model import answer_bits


class Lettered(oms.Breakdown):
    """Groups made in code, some cases in none of them."""

    key = "lettered"
    groups = ("x", "y", "z")
    excluded = ("w",)

    def classify(self, cases):
        letters = ["x", "y", "w", None, "z"]
        return pa.array([letters[i % 5] for i in range(len(cases))])


class Anybody(oms.Breakdown):
    """One group, and a level that is none of them."""

    key = "anybody"
    column = "gender"
    groups = ("f", "nobody")
    excluded = ("m",)


SPLITS = (Gender(), Harm(), Lettered(), Anybody())


def drawn(rows: int, seed: int, units: int, in_order: bool) -> oms.CaseSet:
    rng = np.random.default_rng(seed)
    unit = rng.integers(0, units, rows)
    names = [f"U{i}" for i in range(units)]
    data = frame(
        rows,
        unit=[names[i] for i in (np.sort(unit) if in_order else unit)],
        gender=[None if i % 7 == 0 else "fm"[i % 2] for i in range(rows)],
        harm=[None if i % 5 == 0 else ("high", "not high")[i % 3 == 1] for i in range(rows)],
    )
    table = pa.table(data).slice(int(rng.integers(0, 20)))
    return oms.CaseSet.from_data(table, framework=framework(), units=names)


def tallied(cases: oms.CaseSet) -> list[oms.Tally]:
    return [oms.tally(cases, by=by, breakdowns=SPLITS) for by in (None, "unit")]


def assert_same(one: oms.Tally, other: oms.Tally) -> None:
    for name in ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "excluded"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@given(
    st.integers(20, 700), st.integers(0, 10**6), st.integers(1, 9), st.booleans(), st.integers(1, 3)
)
def test_cases_read_a_stretch_at_a_time_count_as_those_kept(rows, seed, units, in_order, workers):
    cases = drawn(rows, seed, units, in_order)
    kept = tallied(cases)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer_bits, "_BLOCK_ROWS", 64)
        patch.setattr(answer_bits, "_MAX_KEPT_BLOCKS", 0)
        patch.setattr("omistats.breakdowns.groups._BLOCK_ROWS", 128)
        patch.setattr(count, "_processors", lambda: workers)
        again = cases.filter(np.ones(len(cases), bool))
        assert not again.packed.is_small
        for one, other in zip(kept, tallied(again), strict=True):
            assert_same(one, other)
        np.testing.assert_array_equal(again.packed.answers, cases.packed.answers)


@given(st.integers(0, 300), st.integers(0, 10**6))
def test_answers_are_those_of_the_cases_in_the_order_of_units(rows, seed):
    cases = drawn(rows + 20, seed, 4, in_order=False)
    order = cases.packed.order
    at = np.arange(len(cases)) if order is None else order
    bits = unpack(cases.packed.answers, len(cases))
    for row, id in enumerate(cases.framework.question_ids):
        values = [cases[id][int(i)].as_py() for i in at]
        assert bits[row].tolist() == [v is True for v in values]
        assert bits[len(cases.framework.question_ids) + row].tolist() == [
            v is not None for v in values
        ]


@given(st.integers(0, 300), st.integers(0, 10**6))
def test_masks_are_those_of_the_labels(rows, seed):
    cases = drawn(rows + 20, seed, 4, in_order=False)
    masks = group_masks(cases, SPLITS)
    flags, unclassified = [], []
    for split in SPLITS:
        labels = pa.array(split.classify(cases)).to_pylist()
        # Everyone is in the `all` of a complement, so it needs no mask.
        counted = split.groups[: 1 if split.contrast == "complement" else None]
        flags += [[label == group for label in labels] for group in counted]
        unclassified.append([label is None for label in labels])
    np.testing.assert_array_equal(unpack(masks.groups, len(cases)).view(bool), flags)
    np.testing.assert_array_equal(unpack(masks.unclassified, len(cases)).view(bool), unclassified)


def test_a_large_set_keeps_no_second_copy(monkeypatch):
    monkeypatch.setattr(answer_bits, "_MAX_KEPT_BLOCKS", 0)
    cases = drawn(300, 1, 3, in_order=True)
    assert cases.packed.order is None
    assert cases.packed.answers is not cases.packed.answers
    small = drawn(300, 1, 3, in_order=True)
    monkeypatch.setattr(answer_bits, "_MAX_KEPT_BLOCKS", 2)
    assert small.packed.answers is small.packed.answers
