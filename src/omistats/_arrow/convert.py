"""Convert data frames and columns to Arrow, and labels to codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._arrow.build import dictionary, unpack_bits
from omistats.errors import DataError, Problem, format_values

__all__ = [
    "InvalidValues",
    "as_answers",
    "as_levels",
    "ascending",
    "codes_of",
    "columns",
    "contiguous",
    "count_blank",
    "decode_dictionaries",
    "duplicates",
    "has_levels",
    "is_text",
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
    """Values of a column that break a rule.

    Attributes
    ----------
    values : list
        The invalid values, each once.
    rows : ndarray of bool
        The rows that have them.
    kind : str
        The type of the column, when that is what is wrong; else empty.
    """

    values: list[Any]
    rows: npt.NDArray[np.bool_]
    kind: str = ""

    @classmethod
    def of_kind(cls, array: pa.Array) -> InvalidValues:
        """Describe a column of the wrong type."""
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
    """Convert any data frame to an Arrow table.

    The columns of pandas and NumPy are copied, as they can be changed later; Arrow tables and
    those of libraries with immutable columns are not.

    Returns
    -------
    table : pyarrow.Table
        The columns that Arrow can hold.
    mixed : dict of str to str
        The other columns, and the types of value found in them.

    Raises
    ------
    DataError
        When the object is not a data frame.
    """
    try:
        if isinstance(data, pa.Table):
            return data, {}
        if isinstance(data, dict):
            return _column_by_column(list(data.items()))
        if type(data).__module__.partition(".")[0] == "pandas":
            items = [(str(name), column) for name, column in data.items()]
            table, mixed = _column_by_column(items)
            return table.replace_schema_metadata(_text_attributes(data)), mixed
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
                    "expected a data frame with one row per case",
                    f"{type(data).__name__} ({error})",
                    "Pass a pandas, polars, Arrow or DuckDB table.",
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
    return _copied(pa.table(arrays, names=names)), mixed


def _text_attributes(frame: Any) -> dict[str, str] | None:
    """Return the text entries of a pandas frame's ``attrs``."""
    return {str(k): v for k, v in frame.attrs.items() if isinstance(v, str)} or None


def _copied(table: pa.Table) -> pa.Table:
    """Copy a table, so that later changes to its arrays do not reach checked cases."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def columns(table: pa.Table) -> list[pa.Array]:
    """Return the columns as contiguous arrays, with string views (also in lists) as strings."""
    batches = table.to_batches()
    if len(batches) != 1:
        batches = table.combine_chunks().to_batches()
    if len(batches) == 1:
        arrays = batches[0].columns
    else:  # no rows, or text too long for one array of 32-bit offsets
        arrays = [contiguous(column) for column in table.columns]
    return [
        a.cast(plain) if (plain := _without_string_views(a.type)) != a.type else a for a in arrays
    ]


def _without_string_views(kind: pa.DataType) -> pa.DataType:
    """Replace string views in a type by strings, as few Arrow functions take views."""
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_without_string_views(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_without_string_views(kind.value_type)))
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
    """Convert a column to a Boolean array, or return its values that are not answers."""
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


def count_blank(array: pa.Array) -> int:
    """Count the texts in which nothing can be seen; other types have none."""
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        return 0
    _, offsets, values = array.buffers()
    if not len(array) or values is None:
        return int(len(array) - array.null_count)
    wide = pa.types.is_large_string(array.type)
    ends = np.frombuffer(offsets, np.int64 if wide else np.int32)
    ends = ends[array.offset : array.offset + len(array) + 1]
    octets = np.frombuffer(values, np.uint8)
    # Few texts begin with a blank or a character beyond ASCII, and only these are looked at.
    first = octets[np.minimum(ends[:-1], len(octets) - 1)] if len(octets) else np.zeros(1, np.uint8)
    rows = np.flatnonzero((ends[1:] == ends[:-1]) | (first <= 32) | (first >= 128))
    if not len(rows):
        return 0
    import pyarrow.compute as pc

    found = pc.match_substring_regex(array.take(pa.array(rows)), r"^[\s\pZ\p{Cc}\p{Cf}]*$")
    count: int = pc.sum(found).as_py() or 0
    return count


def duplicates(array: pa.Array) -> list[object]:
    """List the values that occur more than once, in order; nulls are ignored."""
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


# Values compared at a time, so that an unsorted column is recognised after a few of them.
_CHUNK = 1 << 16


def ascending(array: pa.Array) -> bool:
    """Tell whether each value is greater than the one before, as ids usually are."""
    if pa.types.is_integer(array.type):
        numbers = array.to_numpy()
        before, after = numbers[:-1], numbers[1:]
        pieces = (slice(i, i + _CHUNK) for i in range(0, len(after), _CHUNK))
        return all(bool((before[piece] < after[piece]).all()) for piece in pieces)
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        return False
    import pyarrow.compute as pc

    last = len(array) - 1
    for i in range(0, last, _CHUNK):
        count = min(_CHUNK, last - i)
        if not pc.all(pc.less(array.slice(i, count), array.slice(i + 1, count))).as_py():
            return False
    return True


Codes = npt.NDArray[np.signedinteger[Any]]


def as_levels(
    array: pa.Array, levels: Sequence[str]
) -> tuple[pa.Array | None, InvalidValues | None]:
    """Convert a column of labels to a dictionary array over the given levels.

    Returns
    -------
    coded : pyarrow.DictionaryArray or None
        8-bit indices; None when a label is not a level, or the column does not hold labels.
    invalid : InvalidValues or None
        The labels that are not levels.
    """
    if (coded := _as_levels_directly(array, levels)) is not None:
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
    # Code -1, unclassified, takes the last entry.
    table = np.array([place.get(label, -1) for label in labels] + [-1], np.int8)
    return dictionary(table[codes], levels), None


def _as_levels_directly(array: pa.Array, levels: Sequence[str]) -> pa.Array | None:
    """Convert the common types of column without Python loops; None for any other."""
    if isinstance(array, pa.DictionaryArray):
        return array if has_levels(array, levels) else None
    if not pa.types.is_string(array.type):
        return None
    import pyarrow.compute as pc

    indices = pc.index_in(array, value_set=pa.array(levels, pa.string()))
    if indices.null_count != array.null_count:
        return None
    return dictionary(_integer_values(indices).astype(np.int8), levels)


def has_levels(array: pa.Array, levels: Sequence[str]) -> bool:
    """Tell whether a column is a dictionary over just these levels, with 8-bit indices."""
    return bool(array.type == _LEVELS) and array.dictionary.to_pylist() == list(levels)


_LEVELS = pa.dictionary(pa.int8(), pa.string())


def labels_to_codes(labels: Any) -> tuple[Codes, list[str]] | None:
    """Convert labels in any array-like form to codes and distinct labels.

    Returns
    -------
    codes : ndarray of signed integers, one per label
        -1 where the label is null.
    labels : list of str
        The label of each code.

    None is returned instead when the values are not labels.
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
        # pandas turns a column of None into NaN.
        return np.full(len(labels), -1, np.int8), []
    if not isinstance(labels, pa.DictionaryArray):
        if not is_text(kind):
            return None
        labels = labels.dictionary_encode()
    elif not is_text(kind.value_type):
        return None
    codes = codes_of(labels)
    names = labels.dictionary.to_pylist()
    if None in names:  # the dictionary itself may hold a null
        hidden = [i for i, name in enumerate(names) if name is None]
        codes = np.where(np.isin(codes, hidden), -1, codes)
    return codes, names


def _all_missing(numbers: pa.Array) -> bool:
    return bool(numbers.is_null(nan_is_null=True).to_numpy(zero_copy_only=False).all())


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a type is text: a string, large string or string view."""
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def utf8_error(array: pa.Array) -> str | None:
    """Return why a text column is not valid UTF-8, as in a damaged file; None if it is."""
    text = array.dictionary if isinstance(array, pa.DictionaryArray) else array
    if not is_text(text.type):
        return None
    try:
        text.validate(full=True)
    except pa.ArrowInvalid as error:
        return str(error)
    return None


def codes_of(array: pa.DictionaryArray) -> Codes:
    """Return the indices of a dictionary array, -1 for null."""
    return _integer_values(array.indices)


def _integer_values(array: pa.Array) -> Codes:
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
    return np.where(unpack_bits(validity, start, stop), codes, codes.dtype.type(-1))


def used_labels(codes: Codes, labels: Sequence[str]) -> list[str]:
    """List the labels that some case has; a dictionary may hold unused or repeated ones."""
    used = np.bincount(codes.astype(np.int64) + 1, minlength=len(labels) + 1)[1:]
    return list(dict.fromkeys(n for n, some in zip(labels, used.tolist(), strict=True) if some))


def decode_dictionaries(data: Any) -> pa.Table:
    """Make a table of any Arrow-compatible object, its dictionary columns decoded."""
    table = pa.table(data)
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(field.type.value_type))
    return table
