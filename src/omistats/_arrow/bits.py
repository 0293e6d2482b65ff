"""Bits of Boolean columns, as they lie in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["bitmaps", "flags"]


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

    Notes
    -----
    Arrow's Booleans are such bits already. Three traps: bits under nulls are
    undefined, so values are masked by validity; the validity buffer may be absent;
    a slice starts anywhere within a byte.
    """
    width = (rows + 7) // 8
    count = len(arrays)
    out = np.zeros((2 * count, 8 * ((rows + 63) // 64)), np.uint8)
    if not out.size:
        return out.view(np.uint64)
    every = memoryview(b"\xff" * width)
    values, known = [], []
    for array in arrays:
        validity, bits = array.buffers()
        start = array.offset
        values.append(_octets(bits, start, rows, width))
        known.append(every if validity is None else _octets(validity, start, rows, width))
    # Joining memory is one call; copying row by row is two a question.
    joined = np.frombuffer(b"".join([*values, *known]), np.uint8)
    out[:, :width] = joined.reshape(2 * count, width)
    out[:, width - 1] &= np.uint8(0xFF >> (-rows % 8))
    np.bitwise_and(out[:count], out[count:], out=out[:count])
    return out.view(np.uint64)


def _octets(buffer: pa.Buffer, start: int, rows: int, width: int) -> memoryview:
    if start % 8 == 0:
        return memoryview(buffer)[start // 8 : start // 8 + width]
    return np.packbits(flags(buffer, start, start + rows), bitorder="little").data
