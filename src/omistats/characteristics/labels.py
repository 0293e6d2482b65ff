"""Labels of which a case has several, read from lists or from text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import Problem

__all__ = ["NONE", "Labels", "advice", "labels_of"]

Flags = npt.NDArray[np.bool_]

NONE = "none"
"""What text says of a case that has none, and what tables call it."""

# What may stand between labels of text where another separator was declared.
_SEPARATORS = ",;|/&+"


@attrs.frozen(eq=False)
class Labels:
    """Labels of cases, one after the other.

    Attributes
    ----------
    known : ndarray of bool, shape (cases,)
        Whether it is known which labels a case has, if any.
    row : ndarray of int, shape (labels,)
        The case that each stands in.
    codes : ndarray of int64, shape (labels,)
        Places in ``spelled``, -1 for null.
    spelled : list of str
    text : bool
        Whether they were taken out of text.
    """

    known: Flags
    row: npt.NDArray[np.intp]
    codes: npt.NDArray[np.int64]
    spelled: list[str]
    text: bool


def labels_of(column: pa.Array, name: str, separator: str) -> Labels | Problem:
    """Read labels of cases, or say why that cannot be."""
    import pyarrow.compute as pc

    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    text = _is_text(column.type)
    if text:
        column = pc.split_pattern(column.cast(pa.large_string()), separator)
    elif pa.types.is_null(column.type):
        column = column.cast(pa.large_list(pa.large_string()))
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        rule = "lists of labels, or text with labels between separators"
        hint = "Give one list of labels a case."
        return Problem(name, rule, f"a column of type {column.type}", hint)
    known = column.is_valid().to_numpy(zero_copy_only=False)
    # Under a null list anything may stand, which `flatten` leaves out.
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(column)), lengths)
    flat = column.flatten()
    if not len(flat):  # lists that hold nothing may be lists of anything
        flat = pa.nulls(0, pa.large_string())
    if text:
        flat = pc.utf8_trim_whitespace(flat)
        row, flat = _only(pc.not_equal(flat, ""), row, flat)
        # Whoever left the text empty did not say that there are none.
        said = np.bincount(row, minlength=len(column))
        known = said > 0
        alone = pa.array(said[row] == 1)
        row, flat = _only(pc.invert(pc.and_(pc.equal(flat, NONE), alone)), row, flat)
    coded = _arrow.labels_to_codes(flat)
    if coded is None:
        return Problem(name, "labels are text", f"lists of {flat.type}", "Recode them as text.")
    return Labels(known, row, coded[0].astype(np.int64), coded[1], text)


def advice(strange: Sequence[str | None], levels: Sequence[str], text: bool) -> str:
    """Say what to do about labels that were not declared."""
    for mark in _SEPARATORS if text else "":
        torn = [{part.strip() for part in label.split(mark)} for label in strange if label]
        if any(len(parts) > 1 and not parts.isdisjoint(levels) for parts in torn):
            return f"If {mark!r} stands between labels, say `separator={mark!r}`; else recode them."
    if NONE in strange:
        own = f"the text {NONE!r} alone" if text else "an empty list"
        return f"Recode them; who has none has {own}."
    if not any(label and label.strip() for label in strange):
        return "Take what is empty out of the lists."
    return "Recode them, or add the label to `levels`."


def _only(wanted: pa.Array, row: npt.NDArray[Any], flat: pa.Array) -> tuple[Any, pa.Array]:
    return row[wanted.to_numpy(zero_copy_only=False)], flat.filter(wanted)


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
