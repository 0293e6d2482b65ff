"""From any data frame to Arrow columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from omistats._arrow.offences import Offence
from omistats.errors import DataError, Problem

__all__ = ["as_answers", "ascending", "columns", "contiguous", "duplicates", "to_table"]

_BOOLEAN = pa.bool_()


def to_table(data: Any) -> tuple[pa.Table, dict[str, str]]:
    """Turn any data frame into an Arrow table.

    Arrow's own tables, and those of libraries whose columns do not change under one's
    hands, are not copied; the columns of pandas and NumPy are.

    Returns
    -------
    table : pyarrow.Table
        The columns that Arrow can hold.
    mixed : dict of str to str
        The other columns, and the kinds of value found in them.

    Raises
    ------
    DataError
        When the object is no data frame.
    """
    try:
        if isinstance(data, pa.Table):
            return data, {}
        if isinstance(data, dict):
            return _column_by_column(list(data.items()))
        if type(data).__module__.partition(".")[0] == "pandas":
            items = [(str(name), column) for name, column in data.items()]
            table, mixed = _column_by_column(items)
            return table.replace_schema_metadata(_attributes(data)), mixed
        if hasattr(data, "__arrow_c_stream__"):
            return pa.table(data), {}
        if isinstance(data, pa.RecordBatch) or hasattr(data, "__arrow_c_array__"):
            return pa.Table.from_batches([pa.record_batch(data)]), {}
        import narwhals

        frame = narwhals.from_native(data)
        if isinstance(frame, narwhals.LazyFrame):
            frame = frame.collect(backend="pyarrow")
        return frame.to_arrow(), {}
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            [
                Problem(
                    "data",
                    "expected a data frame, one row a case",
                    f"{type(data).__name__} ({error})",
                    "Hand over a pandas, polars, Arrow or DuckDB table.",
                )
            ]
        ) from error


def _column_by_column(items: list[tuple[str, Any]]) -> tuple[pa.Table, dict[str, str]]:
    names, arrays = [], []
    mixed = {}
    for name, column in items:
        try:
            array = pa.array(column, from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            kinds = {type(v).__name__ for v in column if v is not None and v == v}  # not NaN
            mixed[name] = ", ".join(sorted(kinds))
            continue
        names.append(name)
        arrays.append(array)
    return _own(pa.table(arrays, names=names)), mixed


def _attributes(frame: Any) -> dict[str, str] | None:
    """Read what a pandas frame says of itself, where it says it in words."""
    return {str(k): v for k, v in frame.attrs.items() if isinstance(v, str)} or None


def _own(table: pa.Table) -> pa.Table:
    """Copy a table: an array that is changed later must not change cases already checked."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def columns(table: pa.Table) -> list[pa.Array]:
    """Return the columns as contiguous arrays, text as plain strings, in lists too."""
    batches = table.to_batches()
    if len(batches) != 1:
        batches = table.combine_chunks().to_batches()
    if len(batches) == 1:
        arrays = batches[0].columns
    else:  # no rows, or text too long for one array of 32-bit offsets
        arrays = [contiguous(column) for column in table.columns]
    return [a.cast(plain) if (plain := _plain(a.type)) != a.type else a for a in arrays]


def _plain(kind: pa.DataType) -> pa.DataType:
    """Give the type with strings for views of strings, which few of Arrow's functions take."""
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_plain(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_plain(kind.value_type)))
    return kind


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


def as_answers(array: pa.Array) -> tuple[pa.Array | None, Offence | None]:
    """Turn a column into a Boolean array, or say which values are no answers."""
    kind = array.type
    if kind == _BOOLEAN:
        return array, None
    if pa.types.is_null(kind):
        return pa.nulls(len(array), _BOOLEAN), None
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None, Offence.of_kind(array)
    missing = array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    bad = ~missing & (values != 0) & (values != 1)
    if bad.any():
        return None, Offence(np.unique(values[bad]).tolist(), bad)
    return pa.array(values == 1, _BOOLEAN, mask=missing), None


def duplicates(array: pa.Array) -> list[object]:
    """Return the values that stand more than once, in order of value; null is none."""
    if array.null_count:
        array = array.drop_null()
    if not len(array) or ascending(array):
        return []
    import pyarrow.compute as pc

    if pa.types.is_integer(array.type):
        ordered = np.sort(array.to_numpy())
        again = ordered[1:][ordered[1:] == ordered[:-1]]
        return list(np.unique(again).tolist())
    if len(array.dictionary_encode().dictionary) == len(array):
        return []
    counted = pc.value_counts(array)
    repeated = counted.filter(pc.greater(counted.field("counts"), 1)).field("values")
    return sorted(repeated.to_pylist())


# Values compared at a time: of values that do not ascend few are looked at.
_STRETCH = 1 << 16


def ascending(array: pa.Array) -> bool:
    """Say whether each value is greater than the one before, as ids mostly are."""
    if pa.types.is_integer(array.type):
        numbers = array.to_numpy()
        before, after = numbers[:-1], numbers[1:]
        pieces = (slice(i, i + _STRETCH) for i in range(0, len(after), _STRETCH))
        return all(bool((before[piece] < after[piece]).all()) for piece in pieces)
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        return False
    import pyarrow.compute as pc

    last = len(array) - 1
    for i in range(0, last, _STRETCH):
        count = min(_STRETCH, last - i)
        if not pc.all(pc.less(array.slice(i, count), array.slice(i + 1, count))).as_py():
            return False
    return True
