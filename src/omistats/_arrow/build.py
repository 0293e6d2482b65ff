"""Build Arrow arrays from NumPy arrays, and read Arrow bitmaps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Flags = npt.NDArray[np.bool_]

__all__ = [
    "BitmapReader",
    "Bitmaps",
    "bitmaps",
    "booleans",
    "dictionary",
    "floats",
    "null_bits",
    "primitive",
    "unpack_bits",
    "with_bits",
]


def unpack_bits(buffer: pa.Buffer, start: int, stop: int) -> Flags:
    """Unpack the bits from ``start`` to ``stop``, lowest bit of a byte first."""
    octets = np.frombuffer(buffer, np.uint8)[start // 8 : (stop + 7) // 8]
    bits = np.unpackbits(octets, bitorder="little")
    return bits[start % 8 : start % 8 + stop - start].view(np.bool_)


def bitmaps(arrays: Sequence[pa.Array], rows: int) -> npt.NDArray[np.uint64]:
    """Stack Boolean arrays as bits: first the sufficient answers, then the applicable ones.

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
    """Bits of Boolean arrays, copied only when they are read.

    Parameters
    ----------
    arrays : sequence of pyarrow.BooleanArray
        All of one length.
    more : sequence of pyarrow.BooleanArray
        Arrays of that length without nulls, of which only the values are read.

    Notes
    -----
    Arrow stores Booleans as bits. Three things need care: bits under nulls are undefined, so
    values are masked by validity; the validity buffer may be absent; a slice may start
    anywhere within a byte.
    """

    def __init__(self, arrays: Sequence[pa.Array], more: Sequence[pa.Array] = ()) -> None:
        pairs = [(array.buffers(), array.offset) for array in arrays]
        self._count, self._more = len(pairs), len(more)
        self._others = BitmapReader([(array.buffers()[1], array.offset) for array in more])
        self._values = BitmapReader([(bits, start) for (_, bits), start in pairs])
        self._known = BitmapReader([(validity, start) for (validity, _), start in pairs])

    @property
    def rows(self) -> int:
        """Number of rows that `read` returns: two per array, and one for each of the others."""
        return 2 * self._count + self._more

    def read(self, start: int, stop: int) -> npt.NDArray[np.uint64]:
        """Stack the bits of the cases ``start`` (a multiple of 64) to ``stop``; see `bitmaps`."""
        count, rows = self._count, stop - start
        out = np.zeros((self.rows, (rows + 63) // 64), np.uint64)
        known = out[count : 2 * count]
        self._values.read(start, stop, out[:count])
        self._known.read(start, stop, known)
        self._others.read(start, stop, out[2 * count :])
        np.bitwise_and(out[:count], known, out=out[:count])
        return out


class BitmapReader:
    """Reader of bitmaps in Arrow buffers; an absent buffer reads as all ones.

    Parameters
    ----------
    buffers : sequence of (pyarrow.Buffer or None, int)
        Each bitmap and the position of its first bit.
    """

    def __init__(self, buffers: Sequence[tuple[pa.Buffer | None, int]]) -> None:
        self._parts = [
            (None if buffer is None else memoryview(buffer), start) for buffer, start in buffers
        ]

    def read(self, start: int, stop: int, out: npt.NDArray[np.uint64]) -> None:
        """Write the bits from ``start`` to ``stop`` into rows of zeros, one row per buffer."""
        width = (stop - start + 7) // 8
        if not width or not self._parts:
            return
        ones = memoryview(b"\xff" * width)
        # One join is faster than two copies per question.
        joined = b"".join(
            [
                ones
                if bits is None
                else bits[(at := (first + start) >> 3) : at + width]
                if first & 7 == 0
                else _realigned(bits, first + start, stop - start)
                for bits, first in self._parts
            ]
        )
        octets = out.view(np.uint8)
        octets[:, :width] = np.frombuffer(joined, np.uint8).reshape(len(self._parts), width)
        octets[:, width - 1] &= np.uint8(0xFF >> ((start - stop) % 8))


def _realigned(bits: memoryview, start: int, rows: int) -> memoryview:
    """Copy bits that start within a byte so that they start on one."""
    flat = np.frombuffer(bits, np.uint8)[start // 8 : (start + rows + 7) // 8]
    found = np.unpackbits(flat, bitorder="little")[start % 8 : start % 8 + rows]
    return np.packbits(found, bitorder="little").data


def floats(values: npt.NDArray[np.float64]) -> pa.Array:
    """Build a float array without copying; NaN becomes null."""
    return primitive(values, ~np.isnan(values))


def dictionary(
    codes: npt.NDArray[Any], labels: Sequence[str], valid: Flags | None = None
) -> pa.DictionaryArray:
    """Build a dictionary array from NumPy codes; negative codes are null."""
    if valid is None:
        valid = codes >= 0
    names = _label_array(tuple(labels))
    codes = np.ascontiguousarray(codes)
    # Some readers of Arrow files reject negative codes, even under a null.
    if codes.dtype.kind == "i" and not valid.all():
        codes = np.maximum(codes, 0)
    return pa.DictionaryArray.from_buffers(
        _dictionary_type(codes.dtype.char),
        len(codes),
        [null_bits(valid), pa.py_buffer(codes)],
        names,
    )


@lru_cache(maxsize=16)
def _dictionary_type(kind: str) -> pa.DataType:
    return pa.dictionary(pa.from_numpy_dtype(np.dtype(kind)), pa.string())


@lru_cache(maxsize=256)
def _label_array(labels: tuple[str, ...]) -> pa.Array:
    return pa.array(labels, pa.string())


def primitive(values: npt.NDArray[Any], valid: Flags) -> pa.Array:
    """Build an array without copying the values; null where ``valid`` is false."""
    return with_bits(values, null_bits(valid))


def booleans(flags: Flags, valid: Flags | None = None) -> pa.Array:
    """Build a Boolean array, null where ``valid`` is false; by default without nulls."""
    bits = pa.py_buffer(np.packbits(flags, bitorder="little"))
    nulls = None if valid is None else null_bits(valid)
    return pa.Array.from_buffers(pa.bool_(), len(flags), [nulls, bits])


def null_bits(valid: Flags) -> pa.Buffer | None:
    """Pack a validity mask as bits; return None when all values are valid."""
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def with_bits(values: npt.NDArray[Any], validity: pa.Buffer | None) -> pa.Array:
    """Build an array from values and packed validity without copying either."""
    values = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(values)])
