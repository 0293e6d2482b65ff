"""From any data frame to Arrow columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from omistats.errors import DataError, Problem

__all__ = ["as_answers", "columns", "contiguous", "duplicates", "to_table"]

_BOOLEAN = pa.bool_()


def to_table(data: Any) -> pa.Table:
    """Turn any data frame into an Arrow table.

    Arrow's own tables, and those of libraries whose columns do not change under one's
    hands, are not copied; the columns of pandas and NumPy are.

    Raises
    ------
    DataError
        When the object is no data frame, or Arrow cannot hold one of its columns.
    """
    try:
        if isinstance(data, pa.Table):
            return data
        if isinstance(data, dict) or type(data).__module__.partition(".")[0] == "pandas":
            return _own(pa.table(data))
        if hasattr(data, "__arrow_c_stream__"):
            return pa.table(data)
        if isinstance(data, pa.RecordBatch) or hasattr(data, "__arrow_c_array__"):
            return pa.Table.from_batches([pa.record_batch(data)])
        import narwhals

        frame = narwhals.from_native(data)
        if isinstance(frame, narwhals.LazyFrame):
            frame = frame.collect(backend="pyarrow")
        return frame.to_arrow()
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
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


def _own(table: pa.Table) -> pa.Table:
    """Copy a table: an array that is changed later must not change cases already checked."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def columns(table: pa.Table) -> list[pa.Array]:
    """Return the columns as contiguous arrays, text as plain strings."""
    batches = table.to_batches()
    if len(batches) != 1:
        batches = table.combine_chunks().to_batches()
    if len(batches) == 1:
        arrays = batches[0].columns
    else:  # no rows, or text too long for one array of 32-bit offsets
        arrays = [contiguous(column) for column in table.columns]
    return [a.cast(pa.string()) if pa.types.is_string_view(a.type) else a for a in arrays]


def contiguous(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    if pa.types.is_string(column.type):
        column = column.cast(pa.large_string())
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        return (
            pa.concat_arrays(combined.chunks) if combined.num_chunks else pa.nulls(0, column.type)
        )
    return combined


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


def duplicates(array: pa.Array) -> list[object]:
    """Return the values that stand more than once, in order of value; null is none."""
    import pyarrow.compute as pc

    distinct = len(array.dictionary_encode().dictionary)
    if distinct == len(array) - array.null_count:
        return []
    counted = pc.value_counts(array.drop_null())
    repeated = counted.filter(pc.greater(counted.field("counts"), 1)).field("values")
    return sorted(repeated.to_pylist())
