"""Walk through many stretches of whole numbers in blocks that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["walk"]

Ints = npt.NDArray[np.int64]


def walk(lengths: Ints, block: int = 1 << 18) -> Iterator[tuple[Ints, Ints]]:
    """Yield every position of every line, some lines at a time.

    Parameters
    ----------
    lengths : ndarray of int64
        Positions on each line, none negative.
    block : int
        Positions wanted at a time; a longer line still comes whole.

    Yields
    ------
    line, offset : ndarray of int64
        Which line, and which position on it from 0.
    """
    ends = np.cumsum(lengths)
    first = 0
    while first < lengths.size:
        done = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, done + block, "right")), first + 1)
        some = lengths[first:last]
        line = np.repeat(np.arange(first, last), some)
        offset = np.arange(line.size) - np.repeat(ends[first:last] - some - done, some)
        if line.size:
            yield line, offset
        first = last
