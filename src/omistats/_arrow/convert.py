"""Any frame to Arrow; labels to codes; InvalidValues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._arrow.build import dictionary, flags
from omistats.errors import DataError, Problem, format_values

__all__ = [
    "InvalidValues",
    "as_answers",
    "as_levels",
    "ascending",
    "codes_of",
    "columns",
    "contiguous",
    "decode_dictionaries",
    "duplicates",
    "labels_to_codes",
    "to_table",
    "used_labels",
    "utf8_error",
]


_KINDS = (
    ("text", pa.types.is_string),
    ("text", pa.types.is_large_string),
    ("true and false", pa.types.is_boolean),
    ("whole numbers", pa.types.is_integer),
    ("numbers", pa.types.is_floating),
    ("categories", pa.types.is_dictionary),
)


@attrs.frozen(eq=False)
class InvalidValues:
    """What is wrong with a column.

    Attributes
    ----------
    values : list
        The offending values, each once.
    rows : ndarray of bool
        Where they stand.
    kind : str
        The kind of all values, where that is what is wrong.
    """

    values: list[Any]
    rows: npt.NDArray[np.bool_]
    kind: str = ""

    @classmethod
    def of_kind(cls, array: pa.Array) -> InvalidValues:
        """Describe a column of another kind than asked for."""
        kind = next((name for name, test in _KINDS if test(array.type)), str(array.type))
        try:
            values = array.unique().drop_null().to_pylist()
        except pa.ArrowException:  # nested values have no equality in Arrow
            values = array.drop_null()[:5].to_pylist()
        return cls(values, array.is_valid().to_numpy(zero_copy_only=False), kind)

    def __str__(self) -> str:
        count = int(self.rows.sum())
        where = f"in {count:,} row{'s' * (count != 1)}"
        return f"{self.kind + ': ' if self.kind else ''}{format_values(self.values)} {where}"


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


def as_answers(array: pa.Array) -> tuple[pa.Array | None, InvalidValues | None]:
    """Turn a column into a Boolean array, or say which values are no answers."""
    kind = array.type
    if kind == _BOOLEAN:
        return array, None
    if pa.types.is_null(kind):
        return pa.nulls(len(array), _BOOLEAN), None
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None, InvalidValues.of_kind(array)
    missing = array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    bad = ~missing & (values != 0) & (values != 1)
    if bad.any():
        return None, InvalidValues(np.unique(values[bad]).tolist(), bad)
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


Codes = npt.NDArray[np.signedinteger[Any]]


def as_levels(
    array: pa.Array, levels: Sequence[str]
) -> tuple[pa.Array | None, InvalidValues | None]:
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
        return None, InvalidValues.of_kind(array)
    codes, labels = found
    place = {level: i for i, level in enumerate(levels)}
    if not place.keys() >= set(labels) and (
        unknown := set(used_labels(codes, labels)).difference(place)
    ):
        rows = np.isin(codes, [i for i, label in enumerate(labels) if label in unknown])
        return None, InvalidValues(sorted(unknown), rows)
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


def utf8_error(array: pa.Array) -> str | None:
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


def decode_dictionaries(data: Any) -> pa.Table:
    """Make a table of anything that speaks Arrow, its dictionary columns spelled out."""
    table = pa.table(data)
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(field.type.value_type))
    return table
