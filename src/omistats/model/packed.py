"""The answers of a case set as bits, unit by unit."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.model.cases import CaseSet

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


def pack_answers(cases: CaseSet, questions: Sequence[str], by_unit: bool) -> Packed:
    """Pack the answers to some questions, in unit order when counts go by unit."""
    rows = len(cases)
    if not by_unit:
        arrays = [cases[q] for q in questions]
        return Packed(_arrow.bitmaps(arrays, rows), None, np.array([0, rows], np.int64))
    codes = cases.unit_codes
    order = None
    if rows and (np.diff(codes) < 0).any():
        order = np.argsort(codes, kind="stable")
    arrays = [cases[q] for q in questions]
    if order is not None:
        indices = pa.array(order)
        arrays = [array.take(indices) for array in arrays]
    sizes = np.bincount(codes, minlength=len(cases.units))
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Packed(_arrow.bitmaps(arrays, rows), order, starts)
