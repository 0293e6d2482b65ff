"""Counting bits against counting cases."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

# Internal: what is counted does not depend on how bits are cut into words, which only tests choose.
from omistats.kernel import bit_counts
from omistats.kernel.bit_counts import UnitWords, count_words, pack

sizes = st.sampled_from([0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 130, 200])


def draw(seed: int, rows: int, columns: int, groups: int, blocks: int):
    rng = np.random.default_rng(seed)
    answers = rng.random((columns, rows)) < rng.random((columns, 1))
    members = rng.random((groups, rows)) < rng.random((groups, 1))
    cuts = np.sort(rng.integers(0, rows + 1, blocks - 1))
    starts = np.concatenate([[0], cuts, [rows]]).astype(np.int64)
    return answers, members, starts


def count_groups(answers: Any, members: Any, starts: Any) -> Any:
    """Count as for a tally, shape (blocks, groups, columns)."""
    pieces = UnitWords.from_starts(starts)
    words = pieces.split_words(np.ascontiguousarray(answers.T))
    masks = pack(members)[:, pieces.at] & pieces.edges
    return count_words(words, masks, pieces).swapaxes(0, 1)


def recount(answers, members, starts):
    out = np.zeros((len(starts) - 1, len(members), len(answers)), int)
    for b in range(len(starts) - 1):
        for g in range(len(members)):
            for c in range(len(answers)):
                for i in range(starts[b], starts[b + 1]):
                    out[b, g, c] += bool(answers[c, i]) and bool(members[g, i])
    return out


@given(st.integers(0, 10**6), sizes, st.integers(0, 4), st.integers(0, 3), st.integers(1, 4))
def test_equals_a_recount_in_plain_loops(seed, rows, columns, groups, blocks):
    """Blocks may be empty, start anywhere in a byte, and hold no multiple of 8 or 64 cases."""
    answers, members, starts = draw(seed, rows, columns, groups, blocks)
    found = count_groups(pack(answers), members, starts)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, recount(answers, members, starts))


@given(st.integers(0, 10**6), sizes, st.integers(2, 6))
def test_counts_are_a_matrix_product(seed, rows, blocks):
    """Counts are linear: groups times answers, block by block."""
    answers, members, starts = draw(seed, rows, 5, 3, blocks)
    found = count_groups(pack(answers), members, starts)
    for block, (a, b) in enumerate(pairwise(starts)):
        product = members[:, a:b].astype(int) @ answers[:, a:b].astype(int).T
        np.testing.assert_array_equal(found[block], product)


@pytest.mark.parametrize("chunk", [1, 3, 8, 64])
def test_the_size_of_chunks_does_not_matter(monkeypatch, chunk):
    monkeypatch.setattr(bit_counts, "_RUN", chunk)
    answers, members, starts = draw(5, 150, 4, 3, 6)
    np.testing.assert_array_equal(
        count_groups(pack(answers), members, starts), recount(answers, members, starts)
    )


def test_counts_stay_exact_past_the_integers_of_single_precision():
    """float32 cannot add 1 to 2**24."""
    rows = 2**24 + 3
    answers = np.full((1, (rows + 63) // 64), ~np.uint64(0))
    answers[0, -1] = np.uint64(2 ** (rows % 64) - 1)
    members = np.ones((1, rows), np.bool_)
    starts = np.array([0, rows, rows])
    assert count_groups(answers, members, starts).ravel().tolist() == [rows, 0]


@given(st.integers(0, 10**6), sizes)
def test_packing_pads_with_zeros_lowest_bit_first(seed, rows):
    flags = np.random.default_rng(seed).random((2, rows)) < 0.5
    words = pack(flags)
    assert words.shape == (2, -(-rows // 64))
    for line, packed in zip(flags, words.tolist(), strict=True):
        number = sum(word << (64 * i) for i, word in enumerate(packed))
        assert number == sum(1 << i for i, flag in enumerate(line) if flag)


@given(st.integers(0, 10**6), sizes, st.integers(1, 12), st.sampled_from([0, 1, 2, 24]))
def test_blocks_side_by_side_and_one_by_one_are_counted_alike(seed, rows, blocks, short):
    """How long a block may be to lie beside others is a matter of speed alone."""
    answers, members, starts = draw(seed, rows, 4, 3, blocks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bit_counts, "_SHORT", short)
        patch.setattr(bit_counts, "_BYTES", 1)
        found = count_groups(pack(answers), members, starts)
    np.testing.assert_array_equal(found, recount(answers, members, starts))


@given(st.integers(0, 10**6), sizes, st.integers(1, 12))
def test_pieces_hold_every_case_once_and_in_its_block(seed, rows, blocks):
    _, _, starts = draw(seed, rows, 1, 1, blocks)
    pieces = UnitWords.from_starts(starts)
    seen = np.zeros((blocks, rows), int)
    ranks = [np.arange(b - a) for a, b in zip(pieces.ranks, pieces.ranks[1:], strict=False)]
    of = [pieces.short[np.concatenate(ranks)]] if ranks else []
    of += [np.full(last - first, block) for block, first, last in pieces.long]
    blocks_of = np.concatenate(of).astype(int) if of else np.empty(0, int)
    for at, edge, block in zip(pieces.at.tolist(), pieces.edges.tolist(), blocks_of, strict=True):
        for bit in range(64):
            if edge >> bit & 1:
                seen[block, 64 * at + bit] += 1
    for block in range(blocks):
        assert seen[block, starts[block] : starts[block + 1]].tolist() == [1] * int(
            starts[block + 1] - starts[block]
        )
    assert seen.sum() == rows


def test_a_long_block_is_added_up_past_eight_and_sixteen_bits():
    rows = 64 * 1500
    answers = pack(np.ones((2, rows), np.bool_))
    members = np.ones((1, rows), np.bool_)
    for starts in ([0, rows], [0, 64 * 24, 64 * 48, rows]):
        found = count_groups(answers, members, np.array(starts))
        assert found[:, 0, 0].tolist() == np.diff(starts).tolist()
