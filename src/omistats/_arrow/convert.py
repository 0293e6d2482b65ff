"""Convert data frames and columns to Arrow, and labels to codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set as AbstractSet
from decimal import Decimal
from numbers import Number, Real
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._arrow.build import dictionary, unpack_bits
from omistats.errors import DataError, Problem, format_values

__all__ = [
    "InvalidValues",
    "MixedColumn",
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
    "holds_answers",
    "is_missing",
    "is_text",
    "labels_to_codes",
    "object_values",
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
    ("numbers", pa.types.is_decimal),
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
        except OverflowError:  # a date that Python does not have
            values = array.cast(pa.string()).unique().drop_null().to_pylist()
        return cls(values, array.is_valid().to_numpy(zero_copy_only=False), kind)

    def __str__(self) -> str:
        count = int(self.rows.sum())
        where = f"in {count:,} row{'s' * (count != 1)}"
        return f"{self.kind + ': ' if self.kind else ''}{format_values(self.values)} {where}"


_BOOLEAN = pa.bool_()


@attrs.frozen(eq=False)
class MixedColumn:
    """Values of a column that Arrow cannot hold.

    Attributes
    ----------
    name : str
        The name of the column.
    place : int
        Its place among all columns.
    values : list
        Its values.
    """

    name: str
    place: int
    values: list[Any]

    @property
    def kinds(self) -> list[str]:
        """The types of value, sorted; missing values have none."""
        return sorted({type(v).__name__ for v in self.values if not is_missing(v)})

    def as_answers(self) -> tuple[pa.Array | None, InvalidValues | None]:
        """Convert to a Boolean array, or return the numbers that are not answers.

        Both are None if some value is no number.
        """
        answers = [None if is_missing(v) else _as_answer(v) for v in self.values]
        if -1 not in answers:
            return pa.array(answers, _BOOLEAN), None
        bad = [i for i, answer in enumerate(answers) if answer == -1]
        if not all(isinstance(self.values[i], Real | Decimal) for i in bad):
            return None, None
        rows = np.zeros(len(answers), np.bool_)
        rows[bad] = True
        return None, InvalidValues(list(dict.fromkeys(self.values[i] for i in bad)), rows)

    def as_text(self) -> pa.Array:
        """Write every value as text; missing values are null."""
        return pa.array([None if is_missing(v) else _as_text(v) for v in self.values], pa.string())


def is_missing(value: Any) -> bool:
    """Tell whether a Python object is None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    try:
        return bool(value != value)  # NaN and NaT differ from themselves
    except Exception:  # noqa: BLE001 - a value may be of any class
        return type(value).__name__ == "NAType"


def _as_answer(value: Any) -> bool | int:
    """Convert 0 and 1 of any type to a Boolean; -1 for anything else."""
    if not isinstance(value, Real | Decimal | np.bool_):
        return -1
    try:
        return bool(value) if value in (0, 1) else -1
    except ArithmeticError:  # a signalling NaN
        return -1


def _as_text(value: Any) -> str:
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - a value may be of any class
        text = f"a value of type {type(value).__name__}"
    return text.encode("utf-8", "backslashreplace").decode()


def to_table(data: Any) -> tuple[pa.Table, list[MixedColumn]]:
    """Convert any data frame to an Arrow table.

    The columns of pandas and NumPy are copied, as they can be changed later; Arrow tables and
    those of libraries with immutable columns are not.

    Returns
    -------
    table : pyarrow.Table
        The columns that Arrow can hold.
    mixed : list of MixedColumn
        The other columns, in order.

    Raises
    ------
    DataError
        When the object is not a data frame.
    """
    try:
        if isinstance(data, pa.Table):
            return data, []
        if isinstance(data, dict):
            return _column_by_column([(str(n), _as_column(str(n), data[n])) for n in data])
        if _is_pandas_frame(data):
            items = [(str(name), column) for name, column in data.items()]
            table, mixed = _column_by_column(items)
            return table.replace_schema_metadata(_text_attributes(data)), mixed
        if hasattr(data, "__arrow_c_stream__") and not _has_objects(data):
            try:
                return pa.table(data), []
            except (pa.ArrowException, TypeError, ValueError, NotImplementedError):
                return _other_columns(data)
        if isinstance(data, pa.RecordBatch) or hasattr(data, "__arrow_c_array__"):
            return pa.Table.from_batches([pa.record_batch(data)]), []
        return _other_columns(data)
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


def _is_pandas_frame(data: Any) -> bool:
    """Tell whether an object is a data frame of pandas, or of a class made of it."""
    return any(
        kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"
        for kind in type(data).__mro__
    )


def _has_objects(data: Any) -> bool:
    """Tell whether a frame of Polars has Python objects, whose addresses it would export."""
    if type(data).__module__.partition(".")[0] != "polars":
        return False
    kinds = getattr(data, "dtypes", ())
    return any(getattr(kind, "__name__", type(kind).__name__) == "Object" for kind in kinds)


def _other_columns(data: Any) -> tuple[pa.Table, list[MixedColumn]]:
    """Convert a frame of another library; column by column if Arrow cannot hold one of them."""
    import narwhals

    try:
        frame = narwhals.from_native(data)
    except TypeError as error:
        raise TypeError("which has no columns") from error
    try:
        if isinstance(frame, narwhals.LazyFrame):
            return frame.collect(backend="pyarrow").to_arrow(), []
        if not _has_objects(data):
            return frame.to_arrow(), []
    except Exception:  # noqa: BLE001, S110 - libraries have error classes of their own
        pass
    if isinstance(frame, narwhals.LazyFrame):
        frame = frame.collect()
    return _column_by_column([(name, frame[name]) for name in frame.columns])


def _column_by_column(items: list[tuple[str, Any]]) -> tuple[pa.Table, list[MixedColumn]]:
    names, arrays, originals = [], [], []
    mixed = []
    for place, (name, column) in enumerate(items):
        array = _column_array(column)
        if array is None:
            mixed.append(MixedColumn(name, place, _column_values(column)))
            continue
        names.append(name)
        arrays.append(array)
        originals.append((place, column))
    table = pa.table(arrays, names=names)
    for column in mixed:
        if arrays and len(column.values) != len(table):
            rows = len(column.values)
            raise ValueError(f"column {column.name!r} has {rows} rows, and others {len(table)}")
    try:
        return _copied(table), mixed
    except Exception:  # noqa: BLE001 - types of other libraries may fail in any way
        kept = []
        for i, (place, column) in enumerate(originals):
            try:
                _copied(table.select([i]))
            except Exception:  # noqa: BLE001
                mixed.append(MixedColumn(names[i], place, _column_values(column)))
            else:
                kept.append(i)
        return _copied(table.select(kept)), sorted(mixed, key=lambda column: column.place)


def _as_column(name: str, column: Any) -> Any:
    """Check that a value is a column: a sequence of any kind, but no text, mapping or set."""
    if isinstance(column, str | bytes | Mapping | AbstractSet) or not hasattr(column, "__iter__"):
        raise TypeError(f"column {name!r} is of type {type(column).__name__}; write a list")
    return column if hasattr(column, "__len__") else list(column)


def _column_array(column: Any) -> pa.Array | None:
    """Convert a column to an Arrow array; None if Arrow cannot hold it."""
    try:
        if type(column).__module__.partition(".")[0] in ("polars", "narwhals"):
            if str(column.dtype) == "Object":  # see `_has_objects`
                raise TypeError
            return column.to_arrow()
        array = pa.array(column, from_pandas=True)
    except Exception:  # noqa: BLE001 - libraries have error classes of their own
        try:
            # Sparse columns and 128-bit numbers are held when their values are common ones.
            array = pa.array(_column_values(column), from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return None
    if array.type.id in _PLAIN:
        return array
    # Periods and intervals of pandas are numbers in Arrow, and nothing else reads them.
    if getattr(array.type, "extension_name", "").startswith("pandas."):
        return None
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    return None if pa.types.is_temporal(kind) and _has_numbers(column) else array


def _column_values(column: Any) -> list[Any]:
    return list(column.to_list() if hasattr(column, "to_list") else column)


def _has_numbers(column: Any) -> bool:
    """Tell whether a column of Python objects has numbers, which Arrow would read as dates."""
    values = object_values(column)
    if values is None:
        return False
    return any(isinstance(v, Number) and not is_missing(v) for v in values)


def object_values(column: Any) -> list[Any] | None:
    """Return the values of a column of Python objects; None if it has a type of its own.

    Such columns are lists, and columns of NumPy, pandas or Polars of objects or categories of
    objects.
    """
    if isinstance(column, list | tuple):
        return list(column)
    kind = getattr(column, "dtype", None)
    kind = getattr(getattr(kind, "categories", None), "dtype", kind)
    if str(kind).lower() != "object":
        return None
    return list(column.tolist() if hasattr(column, "tolist") else column)


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
    """Return the columns as contiguous arrays.

    String views (also in lists) become strings, and runs of equal values become those values.
    """
    batches = table.to_batches()
    if len(batches) != 1:
        batches = table.combine_chunks().to_batches()
    if len(batches) == 1:
        arrays = batches[0].columns
    else:  # no rows, or text too long for one array of 32-bit offsets
        arrays = [contiguous(column) for column in table.columns]
    return [a if a.type.id in _PLAIN else _plain(a) for a in arrays]


# Types that every Arrow function takes; most columns have one of them.
_PLAIN = frozenset(
    kind.id for kind in (pa.bool_(), pa.int64(), pa.float64(), pa.string(), pa.large_string())
)


def _plain(array: pa.Array) -> pa.Array:
    """Repeat the values of run-end encoded arrays, and replace views in the type."""
    if pa.types.is_run_end_encoded(array.type):
        import pyarrow.compute as pc

        array = pc.run_end_decode(array)
    plain = _without_views(array.type)
    return array if plain == array.type else array.cast(plain)


def _without_views(kind: pa.DataType) -> pa.DataType:
    """Replace views in a type by text or bytes, as few Arrow functions take views."""
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_without_views(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_without_views(kind.value_type)))
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
    """Convert a column to a Boolean array, or return its values that are not answers.

    Answers are Booleans, numbers of any type that are 0 or 1, and categories that are.
    """
    kind = array.type
    if kind == _BOOLEAN:
        return array, None
    if pa.types.is_null(kind):
        return pa.nulls(len(array), _BOOLEAN), None
    if getattr(kind, "extension_name", "") == "arrow.bool8":
        array, kind = array.storage, kind.storage_type
    if array.null_count == len(array):
        return pa.nulls(len(array), _BOOLEAN), None
    if not holds_answers(kind):
        return None, InvalidValues.of_kind(array)
    if pa.types.is_dictionary(kind) or pa.types.is_decimal(kind):
        return _distinct_as_answers(array)
    if pa.types.is_float16(kind):
        array = array.cast(pa.float32())
    missing = array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    bad = ~missing & (values != 0) & (values != 1)
    if bad.any():
        return None, InvalidValues(np.unique(values[bad]).tolist(), bad)
    return pa.array(values == 1, _BOOLEAN, mask=missing), None


def holds_answers(kind: pa.DataType) -> bool:
    """Tell whether a type is Boolean or a number, or categories of these."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return getattr(kind, "extension_name", "") == "arrow.bool8" or any(test(kind) for test in tests)


def _distinct_as_answers(array: pa.Array) -> tuple[pa.Array | None, InvalidValues | None]:
    """Convert categories or decimals, comparing each distinct value once."""
    is_dictionary = isinstance(array, pa.DictionaryArray)
    if not is_dictionary and array.type.bit_width < 128:
        # Arrow compares only the wider decimals.
        array = array.cast(pa.decimal128(array.type.precision, array.type.scale))
    coded = array if is_dictionary else array.dictionary_encode()
    codes, values = codes_of(coded), coded.dictionary.to_pylist()
    # State of each value: 0 or 1, -1 for none, -2 for no answer.
    states = [-1 if is_missing(v) else int(a) if (a := _as_answer(v)) >= 0 else -2 for v in values]
    found = np.array([*states, -1], np.int8)[codes]
    bad = found == -2
    if bad.any():
        odd = [values[i] for i in np.unique(codes[bad]).tolist()]
        return None, InvalidValues(sorted(odd), bad, "categories" if is_dictionary else "")
    return pa.array(found == 1, _BOOLEAN, mask=found == -1), None


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
    # One text is not a sequence of labels, and neither is a data frame.
    if isinstance(labels, (str, bytes)) or getattr(labels, "ndim", 1) != 1:
        return None
    if not isinstance(labels, (pa.Array, pa.ChunkedArray)):
        try:
            labels = pa.array(labels, from_pandas=True)
        except Exception:  # noqa: BLE001 - libraries have error classes of their own
            return None
    if isinstance(labels, pa.ChunkedArray):
        labels = contiguous(labels)
    kind = labels.type
    blank = labels.null_count == len(labels)
    if blank or (pa.types.is_floating(kind) and _all_missing(labels)):
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
    return kind.id in _TEXT


_TEXT = frozenset(kind.id for kind in (pa.string(), pa.large_string(), pa.string_view()))


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
