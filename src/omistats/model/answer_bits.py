"""The answers of cases as bits, unit by unit."""

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
Places = npt.NDArray[np.int64]

# Cases read at a time, a multiple of 64, where the answers are not kept side by side; and
# how many of such reads are few enough to keep them.
_STEP = 1 << 16
_KEPT = 2


@attrs.frozen(eq=False)
class Block:
    """Bits of some of the cases, unit by unit, ready to be counted.

    Attributes
    ----------
    words : ndarray of uint64, shape (pieces, 2 * questions)
        Bits of the sufficient, then of the applicable; a piece is of one unit.
    masks : ndarray of uint64, shape (masks, pieces)
        Bits of the masks that were passed, in the same places.
    pieces : Pieces
        Which unit they are of.
    units : slice or ndarray of int64
        Which units.
    """

    words: Words
    masks: Words
    pieces: UnitWords
    units: slice | Places


@attrs.frozen(eq=False)
class AnswerBits:
    """Answers as bits, with the cases of a unit next to each other.

    The bits stay where Arrow has them. Of fewer than some hundred thousand cases a copy is
    kept, laid side by side; of more, a stretch at a time is read.

    Attributes
    ----------
    starts : ndarray of int64, shape (units + 1,)
        Where each unit's cases begin, and the number of cases.
    """

    starts: Places
    _bits: _arrow.Bitmaps
    _codes: npt.NDArray[np.signedinteger] | None

    @cached_property
    def order(self) -> Places | None:
        """Where each case stood; None when the cases came sorted by unit."""
        return None if self._codes is None else np.argsort(self._codes, kind="stable")

    @property
    def answers(self) -> Words:
        """Bits of the sufficient, then of the applicable, shape (2 * questions, words).

        Of many cases they are copied every time: two bits a case and question.
        """
        return self._sorted if self.is_small else self._in_order(self._read())

    def iter_slices(self, size: int) -> Iterator[tuple[int, int, Words]]:
        """Read `answers` a stretch at a time.

        Parameters
        ----------
        size : int
            Cases at a time, a multiple of 64.

        Yields
        ------
        start, stop : int
            Which cases, in the order of units.
        words : ndarray of uint64, shape (2 * questions, words)
            Their bits. Of many cases that came unsorted all bits are copied once.
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
        return bool(self.starts[-1] <= _KEPT * _STEP)

    def _read(self) -> Words:
        return self._bits.read(0, int(self.starts[-1]))

    def _in_order(self, bits: Words) -> Words:
        if self.order is None:
            return bits
        # Row by row: unpacked, all at once would be eight times as much.
        out = np.empty_like(bits)
        for row, sorted_row in zip(bits, out, strict=True):
            sorted_row[:] = _reordered(row[np.newaxis], self.order)
        return out

    @cached_property
    def _kept(self) -> Words:
        return self._read()

    @cached_property
    def _sorted(self) -> Words:
        return self._in_order(self._kept)

    @cached_property
    def _together(self) -> tuple[Words, UnitWords]:
        pieces = UnitWords.of(self.starts[[0, -1]])
        return np.ascontiguousarray(self._kept.T), pieces

    @cached_property
    def _by_unit(self) -> tuple[Words, UnitWords]:
        pieces = UnitWords.of(self.starts)
        return pieces.laid(np.ascontiguousarray(self._sorted.T)), pieces

    def prepare(self) -> None:
        """Read what is kept of the answers, if anything is."""
        if self.is_small:
            _ = self._kept

    def block_starts(self) -> range:
        """Where the blocks begin that the cases are counted in."""
        rows = int(self.starts[-1])
        return range(1) if self.is_small else range(0, rows, _STEP)

    def block(self, start: int, masks: Words, by_unit: bool) -> Block:
        """Give a block of cases.

        Parameters
        ----------
        start : int
            Of `block_starts`.
        masks : ndarray of uint64, shape (masks, words)
            Bits of the cases in the order in which they stand in the data.
        by_unit : bool
            Whether units are told apart; otherwise all are one.
        """
        if self.is_small:
            if not by_unit:
                words, pieces = self._together
                return Block(words, masks, pieces, slice(None))
            words, pieces = self._by_unit
            if self.order is not None:
                masks = _reordered(masks, self.order)
            return Block(words, masks[:, pieces.at] & pieces.edges, pieces, slice(None))
        stop = min(start + _STEP, int(self.starts[-1]))
        bits = self._bits.read(start, stop)
        masks = masks[:, start // 64 : (stop + 63) // 64]
        if not by_unit:
            words = np.ascontiguousarray(bits.T)
            pieces = UnitWords.of(np.array([0, stop - start]))
            return Block(words, masks, pieces, slice(None))
        if self._codes is None:
            first = int(np.searchsorted(self.starts, start, "right")) - 1
            last = int(np.searchsorted(self.starts, stop, "left"))
            here = np.clip(self.starts[first : last + 1], start, stop) - start
            units: slice | Places = slice(first, last)
        else:
            codes = self._codes[start:stop]
            order = np.argsort(codes, kind="stable")
            masks, bits = _reordered(masks, order), _reordered(bits, order)
            sizes = np.bincount(codes)
            units = np.flatnonzero(sizes)
            here = np.concatenate([[0], np.cumsum(sizes[units])])
        pieces = UnitWords.of(here)
        words = pieces.laid(np.ascontiguousarray(bits.T))
        return Block(words, masks[:, pieces.at] & pieces.edges, pieces, units)


def _reordered(bits: Words, order: Places) -> Words:
    return pack(unpack(bits, len(order)).take(order, axis=1).view(np.bool_))


def pack_answers(
    answers: Sequence[pa.Array], unit_codes: npt.NDArray[np.signedinteger], units: int
) -> AnswerBits:
    """Pack answers, in the order of units.

    Parameters
    ----------
    answers : sequence of pyarrow.BooleanArray
        One a question.
    unit_codes : ndarray of int, shape (cases,)
        The unit of every case.
    units : int
        Number of units.

    Returns
    -------
    Packed
    """
    sizes, is_sorted = np.zeros(units, np.int64), True
    # In stretches: counting takes codes of 64 bits.
    for start in range(0, len(unit_codes), _STEP):
        codes = unit_codes[start : start + _STEP + 1]
        is_sorted = is_sorted and not (codes[1:] < codes[:-1]).any()
        sizes += np.bincount(codes[:_STEP], minlength=units)
    starts = np.zeros(units + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    packed = AnswerBits(starts, _arrow.Bitmaps(answers), None if is_sorted else unit_codes)
    packed.prepare()
    return packed
