"""Bits of Boolean columns, as they lie in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Bitmaps", "Validity", "bitmaps", "flags"]


def flags(buffer: pa.Buffer, start: int, stop: int) -> npt.NDArray[np.bool_]:
    """Read the bits from ``start`` to ``stop``, lowest bit of a byte first."""
    octets = np.frombuffer(buffer, np.uint8)[start // 8 : (stop + 7) // 8]
    bits = np.unpackbits(octets, bitorder="little")
    return bits[start % 8 : start % 8 + stop - start].view(np.bool_)


def bitmaps(arrays: Sequence[pa.Array], rows: int) -> npt.NDArray[np.uint64]:
    """Stack Boolean arrays as bits: first who is sufficient, then who is applicable.

    Parameters
    ----------
    arrays : sequence of pyarrow.BooleanArray
        All of length ``rows``.
    rows : int
        Number of cases.

    Returns
    -------
    ndarray of uint64, shape (2 * len(arrays), ceil(rows / 64))
        Bit ``i`` of a row is case ``i``, lowest bit first; bits past the end are 0.
    """
    return Bitmaps(arrays).read(0, rows)


class Bitmaps:
    """Bits of Boolean arrays where they lie: nothing is copied until it is read.

    Parameters
    ----------
    arrays : sequence of pyarrow.BooleanArray
        All of one length.

    Notes
    -----
    Arrow's Booleans are such bits already. Three traps: bits under nulls are
    undefined, so values are masked by validity; the validity buffer may be absent;
    a slice starts anywhere within a byte.
    """

    def __init__(self, arrays: Sequence[pa.Array]) -> None:
        pairs = [(array.buffers(), array.offset) for array in arrays]
        self._count = len(pairs)
        self._values = Validity([(bits, start) for (_, bits), start in pairs])
        self._known = Validity([(validity, start) for (validity, _), start in pairs])

    @property
    def rows(self) -> int:
        """Number of rows of what is read: two an array."""
        return 2 * self._count

    def read(self, start: int, stop: int) -> npt.NDArray[np.uint64]:
        """Stack the bits of cases ``start``, a multiple of 64, to ``stop``; see `bitmaps`."""
        count, rows = self._count, stop - start
        out = np.zeros((2 * count, (rows + 63) // 64), np.uint64)
        self._values.read(start, stop, out[:count])
        self._known.read(start, stop, out[count:])
        np.bitwise_and(out[:count], out[count:], out=out[:count])
        return out


class Validity:
    """Bitmaps in buffers, by the bit where each begins; those that are absent are all ones.

    Parameters
    ----------
    buffers : sequence of (pyarrow.Buffer or None, int)
        Bits and the place of the first.
    """

    def __init__(self, buffers: Sequence[tuple[pa.Buffer | None, int]]) -> None:
        self._parts = [
            (None if buffer is None else memoryview(buffer), start) for buffer, start in buffers
        ]

    def read(self, start: int, stop: int, out: npt.NDArray[np.uint64]) -> None:
        """Write the bits from ``start`` to ``stop`` into rows of zeros, one a buffer."""
        width = (stop - start + 7) // 8
        if not width or not self._parts:
            return
        every = memoryview(b"\xff" * width)
        # Joining memory is one call; copying row by row is two a question.
        joined = b"".join(
            [
                every
                if bits is None
                else bits[(at := (first + start) >> 3) : at + width]
                if first & 7 == 0
                else _shifted(bits, first + start, stop - start)
                for bits, first in self._parts
            ]
        )
        octets = out.view(np.uint8)
        octets[:, :width] = np.frombuffer(joined, np.uint8).reshape(len(self._parts), width)
        octets[:, width - 1] &= np.uint8(0xFF >> ((start - stop) % 8))


def _shifted(bits: memoryview, start: int, rows: int) -> memoryview:
    flat = np.frombuffer(bits, np.uint8)[start // 8 : (start + rows + 7) // 8]
    found = np.unpackbits(flat, bitorder="little")[start % 8 : start % 8 + rows]
    return np.packbits(found, bitorder="little").data
