"""The answers of cases as bits, unit by unit."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow

__all__ = ["Packed", "pack_answers"]


@attrs.frozen(eq=False)
class Packed:
    """Answers as bits, with the cases of a unit next to each other.

    Attributes
    ----------
    answers : ndarray of uint64, shape (2 * questions, words)
        Bits of the sufficient, then of the applicable.
    order : ndarray of int64 or None
        Where each case stood; None when the cases came sorted by unit.
    starts : ndarray of int64, shape (units + 1,)
        Where each unit's cases begin, and the number of cases.
    """

    answers: npt.NDArray[np.uint64]
    order: npt.NDArray[np.int64] | None
    starts: npt.NDArray[np.int64]


def pack_answers(
    answers: Sequence[pa.Array], unit_codes: npt.NDArray[np.signedinteger], units: int
) -> Packed:
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
    order = None
    if (unit_codes[1:] < unit_codes[:-1]).any():
        order = np.argsort(unit_codes, kind="stable")
        indices = pa.array(order)
        answers = [array.take(indices) for array in answers]
    sizes = np.bincount(unit_codes, minlength=units)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Packed(_arrow.bitmaps(answers, len(unit_codes)), order, starts)
