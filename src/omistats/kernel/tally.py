"""Counting the sufficient and the applicable, group by group.

Every count is linear in the answers, ``counts = W @ D``: the rows of ``W`` say who is
in a group, the columns of ``D`` who is sufficient and who is applicable.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["count_groups", "pack", "unpack"]

Counts = npt.NDArray[np.int64]

# float32 adds ones exactly up to 2**24; a chunk is far below, and small enough for cache.
_CHUNK = 1 << 16
# Words intersected at a time: what lies between stays in the cache.
_WORDS = 64


def pack(members: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """Pack flags into words, lowest bit first, padded with zeros.

    Parameters
    ----------
    members : ndarray of bool, shape (rows, cases)
        Flags.

    Returns
    -------
    ndarray of uint64, shape (rows, ceil(cases / 64))
    """
    rows, cases = members.shape
    out = np.zeros((rows, 8 * ((cases + 63) // 64)), np.uint8)
    packed = np.packbits(members, axis=1, bitorder="little")
    out[:, : packed.shape[1]] = packed
    return out.view(np.uint64)


def unpack(answers: npt.NDArray[np.uint64], stop: int, start: int = 0) -> npt.NDArray[np.uint8]:
    """Give the bits of cases ``start`` to ``stop`` as bytes, shape (columns, cases)."""
    octets = answers.view(np.uint8)[:, start // 8 : (stop + 7) // 8]
    bits = np.unpackbits(octets, axis=1, bitorder="little")
    return bits[:, start % 8 : start % 8 + stop - start]


def count_groups(
    answers: npt.NDArray[np.uint64],
    members: npt.NDArray[np.bool_],
    starts: npt.NDArray[np.int64],
) -> Counts:
    """Count set bits of every answer row within every group of every block of cases.

    Parameters
    ----------
    answers : ndarray of uint64, shape (columns, words)
        Bits of the cases, lowest first, zero past the last case.
    members : ndarray of bool, shape (groups, cases)
        Who is in which group.
    starts : ndarray of int64, shape (blocks + 1,)
        Blocks are contiguous: block ``b`` is cases ``starts[b]`` to ``starts[b + 1]``.

    Returns
    -------
    ndarray of int64, shape (blocks, groups, columns)

    Notes
    -----
    One block is counted with a population count of the intersected bits; many
    blocks with one matrix product each.
    """
    if len(starts) == 2:
        return _by_popcount(answers, pack(members))[np.newaxis]
    return _by_product(answers, members, starts)


def _by_popcount(answers: npt.NDArray[np.uint64], masks: npt.NDArray[np.uint64]) -> Counts:
    out = np.zeros((len(masks), len(answers)), np.int64)
    for begin in range(0, answers.shape[1], _WORDS):
        piece = slice(begin, begin + _WORDS)
        both = answers[np.newaxis, :, piece] & masks[:, np.newaxis, piece]
        out += np.einsum("gaw->ga", np.bitwise_count(both), dtype=np.int64)
    return out


def _by_product(
    answers: npt.NDArray[np.uint64],
    members: npt.NDArray[np.bool_],
    starts: npt.NDArray[np.int64],
) -> Counts:
    out = np.zeros((len(starts) - 1, len(members), len(answers)), np.int64)
    for lo, hi, pieces in _chunks(starts):
        dense = unpack(answers, hi, lo).astype(np.float32)
        weights = members[:, lo:hi].astype(np.float32)
        for block, a, b in pieces:
            product: Any = weights[:, a - lo : b - lo] @ dense[:, a - lo : b - lo].T
            out[block] += product.astype(np.int64)
    return out


def _chunks(
    starts: npt.NDArray[np.int64],
) -> Iterator[tuple[int, int, list[tuple[int, int, int]]]]:
    """Yield row ranges of at most `_CHUNK` cases and the pieces of blocks within each."""
    pieces: list[tuple[int, int, int]] = []
    bounds = starts.tolist()
    for block, (begin, end) in enumerate(pairwise(bounds)):
        for a in range(begin, end, _CHUNK):
            b = min(a + _CHUNK, end)
            if pieces and b - pieces[0][1] > _CHUNK:
                yield pieces[0][1], pieces[-1][2], pieces
                pieces = []
            pieces.append((block, a, b))
    if pieces:
        yield pieces[0][1], pieces[-1][2], pieces
