"""Columns of labels, and the codes that stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._arrow.bits import flags
from omistats._arrow.build import dictionary
from omistats._arrow.frames import contiguous
from omistats._arrow.offences import Offence

__all__ = ["as_levels", "bad_text", "codes_of", "labels_to_codes", "used_labels"]

Codes = npt.NDArray[np.signedinteger[Any]]


def as_levels(array: pa.Array, levels: Sequence[str]) -> tuple[pa.Array | None, Offence | None]:
    """Turn a column of labels into a dictionary array over the given levels.

    Returns
    -------
    coded : pyarrow.DictionaryArray or None
        8-bit indices; None when a label is no level or the column holds no labels.
    offence : Offence or None
        What is wrong.
    """
    if (coded := _quickly(array, levels)) is not None:
        return coded, None
    found = labels_to_codes(array)
    if found is None:
        return None, Offence.of_kind(array)
    codes, labels = found
    place = {level: i for i, level in enumerate(levels)}
    if not place.keys() >= set(labels) and (
        unknown := set(used_labels(codes, labels)).difference(place)
    ):
        rows = np.isin(codes, [i for i, label in enumerate(labels) if label in unknown])
        return None, Offence(sorted(unknown), rows)
    # The last entry serves code -1, the unclassified.
    table = np.array([place.get(label, -1) for label in labels] + [-1], np.int8)
    return dictionary(table[codes], levels), None


def _quickly(array: pa.Array, levels: Sequence[str]) -> pa.Array | None:
    """Code the labels of the common kinds of column; None when there is more to see to."""
    if isinstance(array, pa.DictionaryArray):
        same = array.type == _LEVELS and array.dictionary.to_pylist() == list(levels)
        return array if same else None
    if not pa.types.is_string(array.type):
        return None
    import pyarrow.compute as pc

    indices = pc.index_in(array, value_set=pa.array(levels, pa.string()))
    if indices.null_count != array.null_count:
        return None
    return dictionary(_integers(indices).astype(np.int8), levels)


_LEVELS = pa.dictionary(pa.int8(), pa.string())


def labels_to_codes(labels: Any) -> tuple[Codes, list[str]] | None:
    """Turn labels in any array-like form into codes and the labels they stand for.

    Returns
    -------
    codes : ndarray of signed integers, one a label
        -1 where the label is null.
    labels : list of str
        What the codes stand for.
    or None when they are not labels.
    """
    if isinstance(labels, (str, bytes)):  # one text is not a sequence of labels
        return None
    if not isinstance(labels, (pa.Array, pa.ChunkedArray)):
        try:
            labels = pa.array(labels, from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError):
            return None
    if isinstance(labels, pa.ChunkedArray):
        labels = contiguous(labels)
    kind = labels.type
    if pa.types.is_null(kind) or (pa.types.is_floating(kind) and _all_missing(labels)):
        # A column that pandas fills with nothing is one of NaN.
        return np.full(len(labels), -1, np.int8), []
    if not isinstance(labels, pa.DictionaryArray):
        if not _is_text(kind):
            return None
        labels = labels.dictionary_encode()
    elif not _is_text(kind.value_type):
        return None
    codes = codes_of(labels)
    names = labels.dictionary.to_pylist()
    if None in names:  # a null may hide in the dictionary itself
        hidden = [i for i, name in enumerate(names) if name is None]
        codes = np.where(np.isin(codes, hidden), -1, codes)
    return codes, names


def _all_missing(numbers: pa.Array) -> bool:
    return bool(numbers.is_null(nan_is_null=True).to_numpy(zero_copy_only=False).all())


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def bad_text(array: pa.Array) -> str | None:
    """Say what is wrong with text that is not UTF-8, as after damage to a file."""
    text = array.dictionary if isinstance(array, pa.DictionaryArray) else array
    if not _is_text(text.type):
        return None
    try:
        text.validate(full=True)
    except pa.ArrowInvalid as error:
        return str(error)
    return None


def codes_of(array: pa.DictionaryArray) -> Codes:
    """Return the indices of a dictionary array, -1 for null."""
    return _integers(array.indices)


def _integers(array: pa.Array) -> Codes:
    validity, values = array.buffers()
    kind = np.dtype(array.type.to_pandas_dtype())
    start, stop = array.offset, array.offset + len(array)
    codes: npt.NDArray[Any] = (
        np.frombuffer(values, kind, stop)[start:] if stop else np.empty(0, kind)
    )
    if kind.kind == "u":
        codes = codes.astype(np.int64)
    if validity is None or not array.null_count:
        return codes
    return np.where(flags(validity, start, stop), codes, codes.dtype.type(-1))


def used_labels(codes: Codes, labels: Sequence[str]) -> list[str]:
    """List the labels that some case has; a dictionary may hold others, or one twice."""
    used = np.bincount(codes.astype(np.int64) + 1, minlength=len(labels) + 1)[1:]
    return list(dict.fromkeys(n for n, some in zip(labels, used.tolist(), strict=True) if some))
