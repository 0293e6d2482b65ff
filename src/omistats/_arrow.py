"""Every Arrow call whose types checkers cannot see, in one room."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import DataError, Problem

__all__ = [
    "as_answers",
    "as_levels",
    "bitmaps",
    "codes_of",
    "columns",
    "dictionary",
    "duplicates",
    "floats",
    "labels_to_codes",
    "primitive",
    "to_table",
]

Codes = npt.NDArray[np.signedinteger[Any]]
Flags = npt.NDArray[np.bool_]


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


def columns(table: pa.Table) -> list[pa.Array]:
    """Return the columns as contiguous arrays, text as plain strings."""
    batches = table.to_batches()
    if len(batches) != 1:
        batches = table.combine_chunks().to_batches()
    if len(batches) == 1:
        arrays = batches[0].columns
    else:  # no rows, or text too long for one array of 32-bit offsets
        arrays = [_contiguous(column) for column in table.columns]
    return [a.cast(pa.string()) if pa.types.is_string_view(a.type) else a for a in arrays]


def _contiguous(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_string(column.type):
        column = column.cast(pa.large_string())
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        return pa.concat_arrays(combined.chunks) if combined.num_chunks else _none(column.type)
    return combined


def _none(kind: pa.DataType) -> pa.Array:
    return pa.nulls(0, kind)


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
    if kind == _BOOLEAN:
        return array, []
    if pa.types.is_null(kind):
        return pa.nulls(len(array), _BOOLEAN), []
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None, [f"values of type {kind}"]
    missing = array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    bad = ~missing & (values != 0) & (values != 1)
    if bad.any():
        return None, np.unique(values[bad]).tolist()
    return pa.array(values == 1, _BOOLEAN, mask=missing), []


_BOOLEAN = pa.bool_()


def as_levels(array: pa.Array, levels: Sequence[str]) -> tuple[pa.Array | None, list[object]]:
    """Turn a column of labels into a dictionary array over the given levels.

    Returns
    -------
    coded : pyarrow.DictionaryArray or None
        8-bit indices; None when a label is no level or the column holds no labels.
    offending : list
        The labels or the type concerned.
    """
    if (coded := _quickly(array, levels)) is not None:
        return coded, []
    found = labels_to_codes(array)
    if found is None:
        return None, [f"values of type {array.type}"]
    codes, labels = found
    place = {level: i for i, level in enumerate(levels)}
    if unknown := [i for i, label in enumerate(labels) if label not in place]:
        # A dictionary may list labels that no case has.
        used = np.bincount(codes + 1, minlength=len(labels) + 1)[1:]
        if offending := [labels[i] for i in unknown if used[i]]:
            return None, sorted(offending, key=str)
    # The last entry serves code -1, the unclassified.
    table = np.array([place.get(label, -1) for label in labels] + [-1], np.int8)
    return dictionary(table[codes], levels), []


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
    if not isinstance(labels, (pa.Array, pa.ChunkedArray)):
        try:
            labels = pa.array(labels, from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError):
            return None
    if isinstance(labels, pa.ChunkedArray):
        (labels,) = columns(pa.table({"labels": labels}))
    kind = labels.type
    if pa.types.is_null(kind):
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


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


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
    return np.where(_bits(validity, start, stop), codes, codes.dtype.type(-1))


def _bits(buffer: pa.Buffer, start: int, stop: int) -> Flags:
    octets = np.frombuffer(buffer, np.uint8)[start // 8 : (stop + 7) // 8]
    bits = np.unpackbits(octets, bitorder="little")
    return bits[start % 8 : start % 8 + stop - start].view(np.bool_)


def floats(values: npt.NDArray[np.float64]) -> pa.Array:
    """Build an array of the values, NaN as null, without copying them."""
    return primitive(values, ~np.isnan(values))


def dictionary(
    codes: npt.NDArray[Any], labels: Sequence[str], valid: Flags | None = None
) -> pa.DictionaryArray:
    """Build a dictionary array from NumPy codes; negative codes are null."""
    if valid is None:
        valid = codes >= 0
    indices = primitive(codes, valid)
    # The codes are ours, made from these labels; nulls may stand as -1.
    return pa.DictionaryArray.from_arrays(indices, _names(tuple(labels)), safe=False)


@lru_cache(maxsize=256)
def _names(labels: tuple[str, ...]) -> pa.Array:
    return pa.array(labels, pa.string())


def primitive(values: npt.NDArray[Any], valid: Flags) -> pa.Array:
    """Build an array of the values without copying them; null where they are not valid."""
    values = np.ascontiguousarray(values)
    validity = None
    if not valid.all():
        validity = pa.py_buffer(np.packbits(valid, bitorder="little"))
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(values)])


def duplicates(array: pa.Array) -> list[object]:
    """Return the values that stand more than once, in order of value; null is none."""
    import pyarrow.compute as pc

    distinct = len(array.dictionary_encode().dictionary)
    if distinct == len(array) - array.null_count:
        return []
    counted = pc.value_counts(array.drop_null())
    repeated = counted.filter(pc.greater(counted.field("counts"), 1)).field("values")
    return sorted(repeated.to_pylist())


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
    return np.packbits(_bits(buffer, start, start + rows), bitorder="little").data
