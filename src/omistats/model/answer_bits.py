"""Answers of cases packed as bits, in the order of units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.kernel.bit_counts import UnitWords, pack, unpack

__all__ = ["AnswerBits", "Block", "pack_answers"]


Words = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]

# Cases read at a time, a multiple of 64. A copy of the bits is kept for data sets of at most
# _MAX_KEPT_BLOCKS such blocks.
_BLOCK_ROWS = 1 << 16
_MAX_KEPT_BLOCKS = 2


@attrs.frozen(eq=False)
class Block:
    """Bits of a block of cases, arranged by unit and ready to be counted.

    Attributes
    ----------
    words : ndarray of uint64, shape (pieces, columns)
        Bits of the sufficient answers, then of the applicable ones, then of what was not
        answered where cases can say so; a piece belongs to one unit.
    masks : ndarray of uint64, shape (masks, pieces)
        Bits of the masks, arranged in the same way.
    pieces : UnitWords
        The unit of each piece.
    units : slice or ndarray of int64
        The units in the block.
    """

    words: Words
    masks: Words
    pieces: UnitWords
    units: slice | Indices


@attrs.frozen(eq=False)
class AnswerBits:
    """Answers packed as bits, with the cases of a unit next to each other.

    The bits stay in Arrow's buffers. A sorted copy is kept for small data sets; large ones are
    read block by block.

    Attributes
    ----------
    starts : ndarray of int64, shape (units + 1,)
        Where the cases of each unit begin, and the number of cases.
    """

    starts: Indices
    _bits: _arrow.Bitmaps
    _codes: npt.NDArray[np.signedinteger] | None

    @cached_property
    def order(self) -> Indices | None:
        """Row of each case in the data; None when the data are sorted by unit."""
        return None if self._codes is None else np.argsort(self._codes, kind="stable")

    @property
    def answers(self) -> Words:
        """Bits of sufficient, then applicable answers, shape (2 * questions, words).

        After them come bits of what was not answered, where cases can say so.

        For large data sets every access makes a copy of two bits per case and question.
        """
        return self._sorted_bits if self.is_small else self._sort_by_unit(self._read_all())

    def iter_slices(self, size: int) -> Iterator[tuple[int, int, Words]]:
        """Iterate over `answers` in slices of cases.

        Parameters
        ----------
        size : int
            Number of cases in a slice, a multiple of 64.

        Yields
        ------
        start, stop : int
            First case and end of the slice, in the order of units.
        words : ndarray of uint64, shape (columns, words)
            The bits of the slice. Unsorted large data sets are copied once.
        """
        rows = int(self.starts[-1])
        whole = None if self._codes is None and not self.is_small else self.answers
        for start in range(0, rows, size):
            stop = min(start + size, rows)
            if whole is None:
                yield start, stop, self._bits.read(start, stop)
            else:
                yield start, stop, whole[:, start // 64 : (stop + 63) // 64]

    @property
    def columns(self) -> int:
        """Number of rows of `answers`."""
        return self._bits.rows

    @property
    def is_small(self) -> bool:
        """Whether a copy of the bits is kept."""
        return bool(self.starts[-1] <= _MAX_KEPT_BLOCKS * _BLOCK_ROWS)

    def _read_all(self) -> Words:
        return self._bits.read(0, int(self.starts[-1]))

    def _sort_by_unit(self, bits: Words) -> Words:
        if self.order is None:
            return bits
        # Row by row, as unpacked bits take eight times the memory.
        out = np.empty_like(bits)
        for row, sorted_row in zip(bits, out, strict=True):
            sorted_row[:] = _take_cases(row[np.newaxis], self.order)
        return out

    @cached_property
    def _kept_bits(self) -> Words:
        return self._read_all()

    @cached_property
    def _sorted_bits(self) -> Words:
        return self._sort_by_unit(self._kept_bits)

    @cached_property
    def _unsorted_block(self) -> tuple[Words, UnitWords]:
        pieces = UnitWords.from_starts(self.starts[[0, -1]])
        return np.ascontiguousarray(self._kept_bits.T), pieces

    @cached_property
    def _unit_block(self) -> tuple[Words, UnitWords]:
        pieces = UnitWords.from_starts(self.starts)
        return pieces.split_words(np.ascontiguousarray(self._sorted_bits.T)), pieces

    def prepare(self) -> None:
        """Read the bits now if a copy of them is kept."""
        if self.is_small:
            _ = self._kept_bits

    def block_starts(self) -> range:
        """First cases of the blocks that are counted."""
        rows = int(self.starts[-1])
        return range(1) if self.is_small else range(0, rows, _BLOCK_ROWS)

    def block(self, start: int, masks: Words, by_unit: bool) -> Block:
        """Return one block of cases.

        Parameters
        ----------
        start : int
            First case of the block, from `block_starts`.
        masks : ndarray of uint64, shape (masks, words)
            Bits of the cases, in the order of the data.
        by_unit : bool
            Whether units are counted separately or all together.
        """
        if self.is_small:
            if not by_unit:
                words, pieces = self._unsorted_block
                return Block(words, masks, pieces, slice(None))
            words, pieces = self._unit_block
            if self.order is not None:
                masks = _take_cases(masks, self.order)
            return Block(words, masks[:, pieces.at] & pieces.edges, pieces, slice(None))
        stop = min(start + _BLOCK_ROWS, int(self.starts[-1]))
        bits = self._bits.read(start, stop)
        masks = masks[:, start // 64 : (stop + 63) // 64]
        if not by_unit:
            words = np.ascontiguousarray(bits.T)
            pieces = UnitWords.from_starts(np.array([0, stop - start]))
            return Block(words, masks, pieces, slice(None))
        if self._codes is None:
            first = int(np.searchsorted(self.starts, start, "right")) - 1
            last = int(np.searchsorted(self.starts, stop, "left"))
            unit_starts = np.clip(self.starts[first : last + 1], start, stop) - start
            units: slice | Indices = slice(first, last)
        else:
            codes = self._codes[start:stop]
            order = np.argsort(codes, kind="stable")
            masks, bits = _take_cases(masks, order), _take_cases(bits, order)
            sizes = np.bincount(codes)
            units = np.flatnonzero(sizes)
            unit_starts = np.concatenate([[0], np.cumsum(sizes[units])])
        pieces = UnitWords.from_starts(unit_starts)
        words = pieces.split_words(np.ascontiguousarray(bits.T))
        return Block(words, masks[:, pieces.at] & pieces.edges, pieces, units)


def _take_cases(bits: Words, order: Indices) -> Words:
    """Reorder the cases of packed bits."""
    return pack(unpack(bits, len(order)).take(order, axis=1).view(np.bool_))


def pack_answers(
    answers: Sequence[pa.Array],
    unit_codes: npt.NDArray[np.signedinteger],
    units: int,
    not_answered: Sequence[pa.Array] = (),
) -> AnswerBits:
    """Pack answers as bits, in the order of units.

    Parameters
    ----------
    answers : sequence of pyarrow.BooleanArray
        One per question.
    unit_codes : ndarray of int, shape (cases,)
        The unit of every case.
    units : int
        Number of units.
    not_answered : sequence of pyarrow.BooleanArray
        One per question, without nulls; none where cases cannot say so.

    Returns
    -------
    AnswerBits
    """
    sizes, is_sorted = np.zeros(units, np.int64), True
    # In blocks, as bincount copies its input to 64 bits.
    for start in range(0, len(unit_codes), _BLOCK_ROWS):
        codes = unit_codes[start : start + _BLOCK_ROWS + 1]
        is_sorted = is_sorted and not (codes[1:] < codes[:-1]).any()
        sizes += np.bincount(codes[:_BLOCK_ROWS], minlength=units)
    starts = np.zeros(units + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    packed = AnswerBits(
        starts, _arrow.Bitmaps(answers, not_answered), None if is_sorted else unit_codes
    )
    packed.prepare()
    return packed
