"""A table as it stands in a file: columns of text, with the numbers of its rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import DataError, Problem, UnknownNameError, UsageError, format_value

__all__ = [
    "MAX_BYTES",
    "MAX_COLUMNS",
    "MAX_LINE_BYTES",
    "MAX_ROWS",
    "RawColumn",
    "RawTable",
    "ReadLimits",
    "cell_text",
    "column_letter",
    "number_texts",
    "printable",
    "text_column",
    "without_empty",
]


MAX_BYTES = 1 << 30
MAX_ROWS = 10_000_000
MAX_COLUMNS = 16_384
MAX_LINE_BYTES = 1 << 24


def printable(text: str) -> str:
    """Escape control characters, as they could change what a terminal shows."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def column_letter(number: int) -> str:
    """Return the letters that a spreadsheet program shows above a column; 1 is ``A``."""
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _one_array(values: Any) -> pa.Array:
    values = values() if callable(values) else values
    if isinstance(values, pa.ChunkedArray):
        size = sum(chunk.nbytes for chunk in values.chunks)
        if pa.types.is_string(values.type) and size >= np.iinfo(np.int32).max:
            values = values.cast(pa.large_string())
        values = values.combine_chunks()
        if isinstance(values, pa.ChunkedArray):
            values = pa.concat_arrays(values.chunks)
    return values


@attrs.frozen
class ReadLimits:
    """How large a source may be; each is an argument of `read_raw_table`."""

    max_bytes: int = MAX_BYTES
    max_rows: int = MAX_ROWS
    max_columns: int = MAX_COLUMNS
    max_line_bytes: int = MAX_LINE_BYTES

    def __attrs_post_init__(self) -> None:
        for name, value in attrs.asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(
                    f"`{name}` must be a whole number of at least 1; found {format_value(value)}"
                )

    def check(self, name: str, found: int, where: str, what: str) -> None:
        """Check a size against the limit of that name.

        Raises
        ------
        DataError
            When it is larger.
        """
        limit = getattr(self, name)
        if found > limit:
            default = getattr(type(self)(), name)
            raise DataError(
                [
                    Problem(
                        where,
                        f"at most {limit:,} {what}",
                        f"{found:,}",
                        f"If the file is right, pass a larger {name}= (by default {default:,}).",
                    )
                ]
            )


@attrs.frozen(eq=False, repr=False)
class RawColumn:
    """One column of a table, as it stands in the file.

    Attributes
    ----------
    name : str
        The header, its outer blanks and line breaks collapsed; empty if the cell is empty.
    number : int
        Position in the sheet or file, from 1; `column_letter` gives the letters above it.
    label : str
        The variable's label in SPSS and Stata; else empty.
    labels : mapping of str to str
        The label of each code, in SPSS and Stata; else empty.
    missing : frozenset of str
        The codes that are missing values of the user, in SPSS and Stata; else empty.
    dates : pyarrow.Date32Array or None
        The cells that are dates in the file, null elsewhere; None if there are none.
    text : pyarrow.StringArray
        One entry a row, null for an empty cell. Numbers have at most 15 digits and no trailing
        ``.0``; Booleans are ``TRUE`` and ``FALSE``, dates ``2023-03-09``. Made when first read.
    coded : pyarrow.DictionaryArray
        The same, each different text once. Made when first read.
    """

    name: str
    number: int
    _values: pa.Array | pa.ChunkedArray | Callable[[], Any]
    dates: pa.Array | None = None
    labels: Mapping[str, str] = attrs.field(factory=dict)
    missing: frozenset[str] = frozenset()
    label: str = ""

    @cached_property
    def text(self) -> pa.Array:
        """The cells as text, null where empty."""
        if isinstance(self._values, pa.DictionaryArray):
            return self._values.dictionary_decode()
        return _one_array(self._values)

    @cached_property
    def coded(self) -> pa.DictionaryArray:
        """The cells as text, each different one once."""
        values = self._values
        if isinstance(values, pa.DictionaryArray):
            return values
        if isinstance(values, pa.ChunkedArray) and values.num_chunks:
            # Without the copy of all text that one array of it would be.
            values = values.dictionary_encode().combine_chunks()
            return values.chunk(0) if isinstance(values, pa.ChunkedArray) else values
        return self.text.dictionary_encode()

    def __repr__(self) -> str:
        return f"RawColumn: {self.name!r}, column {column_letter(self.number)}"


@attrs.frozen(eq=False, repr=False)
class RawTable:
    """A table as it stands in a file.

    Attributes
    ----------
    path : str
        The file, or the type of the data frame.
    format : str
        Its format, such as ``'xlsx'``, ``'csv'``, ``'sav'``, ``'parquet'`` or ``'frame'``.
    sheet : str or None
        The sheet that was read, of a workbook.
    sheets : tuple of str
        All sheets of the workbook.
    header_row : int or None
        Row of the header as a spreadsheet program shows it; None if the format has none.
    columns : tuple of RawColumn
        The columns that have a header or data.
    rows : ndarray of int64
        Number of each data row as a spreadsheet program shows it; in files without rows of a
        header, the number of the record, from 1.
    title_rows : tuple of str
        Text of the rows above the header.
    footer_rows : tuple of (int, str)
        Number and text of the rows below the table.
    encoding, separator : str or None
        Of a text file.
    notes : tuple of str
        What a reader should know, such as hidden rows that were read.
    """

    path: str
    format: str
    columns: tuple[RawColumn, ...]
    rows: npt.NDArray[np.int64]
    sheet: str | None = None
    sheets: tuple[str, ...] = ()
    header_row: int | None = None
    title_rows: tuple[str, ...] = ()
    footer_rows: tuple[tuple[int, str], ...] = ()
    encoding: str | None = None
    separator: str | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> RawColumn:
        """Return the column of a name.

        Raises
        ------
        UnknownNameError
            When no column has the name.
        DataError
            When several columns have it.
        """
        found = [column for column in self.columns if column.name == name]
        if not found:
            raise UnknownNameError(
                "column", name, dict.fromkeys(c.name for c in self.columns if c.name)
            )
        if len(found) > 1:
            letters = " and ".join(column_letter(column.number) for column in found)
            where = f"{self.place}, row {self.header_row}" if self.header_row else self.place
            hint = "Rename all but one of them."
            rule = f"one column must be called {name!r}"
            raise DataError([Problem(where, rule, f"columns {letters}", hint)])
        return found[0]

    @property
    def place(self) -> str:
        """The file and sheet, for errors."""
        from pathlib import Path

        name = printable(Path(self.path).name or self.path)
        return name if self.sheet is None else f'{name}, sheet "{printable(self.sheet)}"'

    def where(self, index: int) -> str:
        """Name the place of a data row, for errors."""
        return f"{self.place}, row {self.rows[index]}"

    def __repr__(self) -> str:
        return f"RawTable: {self.place}, {len(self):,} rows, {len(self.columns)} columns"


_WHOLE = 1e15


def cell_text(value: object) -> str | None:
    """Return a cell as text; None if it is empty."""
    if value is None:
        return None
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if value != value:
            return None
        whole = abs(value) < _WHOLE and value.is_integer()
        return str(int(value)) if whole else f"{value:.15g}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value.is_finite() else None
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds" if not value.microsecond else "auto")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return str(value)


def number_texts(numbers: pa.Array) -> pa.Array:
    """Convert numbers to text, as `cell_text` does; NaN is null."""
    if pa.types.is_integer(numbers.type):
        return numbers.cast(pa.string())
    values = numbers.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
    missing = np.isnan(values)
    if (missing | ((np.abs(values) < _WHOLE) & (values == np.floor(values)))).all():
        whole = np.where(missing, 0, values).astype(np.int64)
        return pa.array(whole, mask=missing).cast(pa.string())
    coded = pa.array(values, mask=missing).dictionary_encode()
    texts = [cell_text(value) for value in coded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(coded.indices)


def text_column(cells: Sequence[object]) -> tuple[pa.Array, pa.Array | None]:
    """Convert cells to text, and to dates where they are dates; None if none are."""
    kinds = set(map(type, cells))
    if kinds <= {str, type(None)}:
        array = pa.array(cells, pa.string())
    elif kinds <= {float, type(None)}:
        array = number_texts(pa.array(cells, pa.float64()))
    else:
        array = pa.array(list(map(cell_text, cells)), pa.string())
    if str in kinds:
        array = without_empty(array)
    dates = None
    if kinds & {dt.date, dt.datetime}:
        dates = pa.array(list(map(_date, cells)), pa.date32())
    return array, dates


def without_empty(text: Any) -> Any:
    """Make empty texts null."""
    import pyarrow.compute as pc

    empty = pc.equal(text, "")
    return pc.if_else(empty, pa.scalar(None, text.type), text) if pc.any(empty).as_py() else text


def _date(value: object) -> dt.date | None:
    if isinstance(value, dt.datetime):
        return value.date()
    return value if isinstance(value, dt.date) else None
