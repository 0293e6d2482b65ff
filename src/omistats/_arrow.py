"""Every Arrow call whose types checkers cannot see, in one room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import DataError, Problem

__all__ = [
    "ANSWER_DEFECT",
    "as_answers",
    "as_levels",
    "bitmaps",
    "codes_of",
    "column",
    "dictionary",
    "duplicates",
    "labels_to_codes",
    "to_table",
]

ANSWER_DEFECT = "an answer is true, false or null, or a number that is 0, 1 or null"

Ints = npt.NDArray[np.int64]


def to_table(data: Any) -> pa.Table:
    """Turn any data frame into an Arrow table, without copying where that is possible.

    Raises
    ------
    DataError
        When the object is no data frame, or Arrow cannot hold one of its columns.
    """
    try:
        if isinstance(data, pa.Table):
            return data
        if isinstance(data, dict) or hasattr(data, "__arrow_c_stream__"):
            return pa.table(data)
        if isinstance(data, pa.RecordBatch) or hasattr(data, "__arrow_c_array__"):
            return pa.Table.from_batches([pa.record_batch(data)])
        import narwhals

        frame = narwhals.from_native(data)
        if isinstance(frame, narwhals.LazyFrame):
            frame = frame.collect(backend="pyarrow")
        return frame.to_arrow()
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            [
                Problem(
                    "data",
                    "expected a data frame whose columns each have one type",
                    f"{type(data).__name__} ({error})",
                    "Hand over a pandas, polars, Arrow or DuckDB table, one row a case.",
                )
            ]
        ) from error


def column(table: pa.Table, name: str) -> pa.Array:
    """Return a column as one contiguous array of a plain type."""
    chunked = table.column(name)
    array = chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # some versions answer with one empty chunk
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_string_view(array.type):
        array = array.cast(pa.string())
    return array


def as_answers(array: pa.Array) -> tuple[pa.Array | None, list[object]]:
    """Turn a column into a Boolean array.

    Returns
    -------
    answers : pyarrow.BooleanArray or None
        None when the column holds anything but answers.
    offending : list
        The values or the type that are no answers.
    """
    kind = array.type
    if pa.types.is_boolean(kind):
        return array, []
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.bool_()), []
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None, [f"values of type {kind}"]
    missing = array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    bad = ~missing & (values != 0) & (values != 1)
    if bad.any():
        return None, np.unique(values[bad]).tolist()
    return pa.array(values == 1, pa.bool_(), mask=missing), []


def as_levels(array: pa.Array, levels: Sequence[str]) -> tuple[pa.Array | None, list[object]]:
    """Turn a column of labels into a dictionary array over the given levels.

    Returns
    -------
    coded : pyarrow.DictionaryArray or None
        8-bit indices; None when a label is no level or the column holds no labels.
    offending : list
        The labels or the type concerned.
    """
    found = _codes(array)
    if found is None:
        return None, [f"values of type {array.type}"]
    codes, labels = found
    place = {level: i for i, level in enumerate(levels)}
    used = np.unique(codes[codes >= 0])
    unknown = [labels[i] for i in used.tolist() if labels[i] not in place]
    if unknown:
        return None, sorted(unknown, key=str)
    # The last entry serves code -1, the unclassified.
    table = np.array([place.get(label, -1) for label in labels] + [-1], np.int8)
    return dictionary(table[codes], levels), []


def labels_to_codes(labels: Any, rows: int) -> tuple[Ints, list[str]] | None:
    """Turn labels in any array-like form into codes and the labels they stand for.

    Returns
    -------
    codes : ndarray of int64, shape (rows,)
        -1 where the label is null.
    labels : list of str
    or None when they are not labels; a wrong length shows in the length of the codes.
    """
    if isinstance(labels, pa.ChunkedArray):
        labels = column(pa.table({"labels": labels}), "labels")
    if not isinstance(labels, pa.Array):
        try:
            labels = pa.array(labels, from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError):
            return None
        if isinstance(labels, pa.ChunkedArray):
            labels = column(pa.table({"labels": labels}), "labels")
    return _codes(labels)


def _codes(array: pa.Array) -> tuple[Ints, list[str]] | None:
    if pa.types.is_null(array.type):
        return np.full(len(array), -1, np.int64), []
    if not isinstance(array, pa.DictionaryArray):
        if not _is_text(array.type):
            return None
        array = array.dictionary_encode()
    elif not _is_text(array.type.value_type):
        return None
    codes = codes_of(array)
    labels = array.dictionary.to_pylist()
    # A null may hide in the dictionary itself.
    hidden = [i for i, label in enumerate(labels) if label is None]
    if hidden:
        codes[np.isin(codes, hidden)] = -1
    return codes, labels


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def codes_of(array: pa.DictionaryArray) -> Ints:
    """Return the indices of a dictionary array as int64, -1 for null."""
    indices = array.indices
    if indices.null_count:
        indices = indices.fill_null(0)
    codes: Ints = indices.to_numpy(zero_copy_only=False).astype(np.int64)
    if array.indices.null_count:
        codes[array.indices.is_null().to_numpy(zero_copy_only=False)] = -1
    return codes


def dictionary(
    codes: npt.NDArray[Any], labels: Sequence[str], mask: npt.NDArray[np.bool_] | None = None
) -> pa.DictionaryArray:
    """Build a dictionary array from NumPy codes; negative codes are null."""
    if mask is None and codes.size and codes.min() < 0:
        mask = codes < 0
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, mask=mask), pa.array(labels, pa.string()), safe=False
    )


def duplicates(array: pa.Array) -> list[object]:
    """Return the values that stand more than once, in order of value."""
    import pyarrow.compute as pc

    if pc.count_distinct(array, mode="all").as_py() == len(array):
        return []
    counted = pc.value_counts(array)
    repeated = counted.filter(pc.greater(counted.field("counts"), 1)).field("values")
    return sorted(repeated.to_pylist(), key=str)


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
    out = np.zeros((2 * len(arrays), 8 * ((rows + 63) // 64)), np.uint8)
    tail = np.uint8(0xFF >> (-rows % 8))
    for q, array in enumerate(arrays):
        validity, values = array.buffers()
        value_row, known_row = out[q], out[len(arrays) + q]
        if rows == 0:
            continue
        _copy_bits(values, array.offset, rows, value_row[:width])
        if validity is None:
            known_row[:width] = 0xFF
        else:
            _copy_bits(validity, array.offset, rows, known_row[:width])
    if rows:
        out[:, width - 1] &= tail
        np.bitwise_and(out[: len(arrays)], out[len(arrays) :], out=out[: len(arrays)])
    return out.view(np.uint64)


def _copy_bits(buffer: pa.Buffer, offset: int, rows: int, into: npt.NDArray[np.uint8]) -> None:
    source = np.frombuffer(buffer, np.uint8)
    if offset % 8 == 0:
        start = offset // 8
        into[:] = source[start : start + len(into)]
    else:
        first, last = offset // 8, (offset + rows + 7) // 8
        bits = np.unpackbits(source[first:last], bitorder="little")
        into[:] = np.packbits(bits[offset % 8 : offset % 8 + rows], bitorder="little")
