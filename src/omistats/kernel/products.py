"""Products of matrices of whole numbers, which do not wait for threads."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["product"]

Singles = npt.NDArray[np.float32]

# Up to so many multiplications OpenBLAS starts no threads. In products as short as ours they
# wait for each other longer than they work, many times so on a busy machine.
_UNTHREADED: Final = 1 << 18
_SIDE: Final = 32


def product(left: Singles, right: Singles) -> Singles:
    """Multiply the transpose of the one by the other, in small pieces.

    Parameters
    ----------
    left : ndarray of float32, shape (rows, draws)
        Whole numbers.
    right : ndarray of float32, shape (rows, columns)
        Whole numbers, whose sums stay below 2**24 and so are exact in any order.

    Returns
    -------
    ndarray of float32, shape (draws, columns)
    """
    (rows, draws), columns = left.shape, right.shape[1]
    high = _UNTHREADED // max(columns * _SIDE, 1)
    if not columns or high < _SIDE or draws < _SIDE:
        return left.T @ right
    out = np.zeros((draws, columns), np.float32)
    whole = draws // _SIDE * _SIDE
    pieces = out[:whole].reshape(-1, _SIDE, columns)
    for a in range(0, rows, high):
        here, there = left[a : a + high], right[a : a + high]
        parts = here[:, :whole].reshape(len(here), -1, _SIDE).transpose(1, 2, 0)
        if a:
            pieces += np.matmul(parts, there)
        else:
            np.matmul(parts, there, out=pieces)
        out[whole:] += here[:, whole:].T @ there
    return out
