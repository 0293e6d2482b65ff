"""Read tables of any format as they stand: workbooks, text files, SPSS, Stata, Parquet, frames."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem
from omistats.model.files import (
    STATISTICAL,
    TEXT_FILES,
    WORKBOOKS,
    CaseFile,
    is_data_set,
    is_reader,
    iter_file_batches,
    open_case_files,
)
from omistats.model.raw_table import (
    MAX_BYTES,
    MAX_COLUMNS,
    MAX_LINE_BYTES,
    MAX_ROWS,
    RawColumn,
    RawTable,
    ReadLimits,
    cell_text,
    column_letter,
    number_texts,
    text_column,
    without_empty,
)
from omistats.model.sheet_layout import check_row_options

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
    "is_tabular",
    "read_raw_table",
]

_ARROW = (".parquet", ".pq", ".arrow", ".feather", ".ipc", ".arrows")


def _kind(path: Path) -> str:
    """Return the end of a file's name that says what it is; of compressed text, that within."""
    kind = path.suffix.lower()
    inner = path.with_suffix("").suffix.lower()
    return inner if kind == ".gz" and inner in TEXT_FILES else kind


def is_tabular(source: Any) -> bool:
    """Tell whether a source is the path of a workbook, text file, SPSS or Stata file."""
    if not isinstance(source, str | os.PathLike):
        return False
    return _kind(Path(os.fspath(source))) in WORKBOOKS + TEXT_FILES + STATISTICAL


def read_raw_table(
    source: Any,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    footer_rows: int | None = None,
    max_bytes: int = MAX_BYTES,
    max_rows: int = MAX_ROWS,
    max_columns: int = MAX_COLUMNS,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> RawTable:
    """Read a table as it stands, each cell as text.

    Parameters
    ----------
    source : path or data frame
        A workbook (``.xlsx``, ``.xlsm``, ``.xls``, ``.ods``), a text file (``.csv``, ``.tsv``,
        ``.txt``, each also with ``.gz``), a file of SPSS (``.sav``, ``.zsav``), Stata
        (``.dta``), Parquet or Arrow, or any data frame.
    sheet : str, optional
        The sheet of a workbook; by default the only one with data.
    header_row : int, optional
        Row of the header as a spreadsheet program shows it; by default the first row in which
        most columns hold text, each another.
    encoding : str, optional
        Encoding of a text file; by default that of its byte order mark, else UTF-8, else
        Windows-1252.
    separator : str, optional
        Separator of a text file; by default the comma, semicolon, tab or bar that cuts its rows
        alike.
    footer_rows : int, optional
        Number of rows at the end that are no data; by default those below a blank row in which
        only the first one or two cells are filled.
    max_bytes : int
        Largest size of the file, unpacked.
    max_rows : int
        Largest number of rows.
    max_columns : int
        Largest number of columns.
    max_line_bytes : int
        Longest line of a text file.

    Returns
    -------
    RawTable

    Raises
    ------
    DataError
        When the file cannot be read, is larger than a limit, is protected by a password, has
        formulas without values, has rows of different lengths, or its header is not clear.
    UsageError
        When an argument is not valid, or a library is missing.
    """
    limits = ReadLimits(max_bytes, max_rows, max_columns, max_line_bytes)
    check_row_options(header_row, footer_rows)
    if not isinstance(source, str | os.PathLike):
        return _read_frame(source, limits)
    path = Path(os.fspath(source))
    kind = _kind(path)
    if kind in WORKBOOKS:
        from omistats.model.workbooks import read_workbook

        return read_workbook(path, sheet, header_row, footer_rows, limits)
    if kind in TEXT_FILES:
        from omistats.model.text_tables import read_text_table

        return read_text_table(path, header_row, footer_rows, encoding, separator, limits)
    if kind in STATISTICAL:
        from omistats.model.statistical_files import read_statistical_file

        return read_statistical_file(path, encoding, limits)
    if kind in _ARROW or path.is_dir():
        # Labels that a file has once are read once.
        files = open_case_files(path, coded=True)
        return _read_arrow(str(path), "parquet" if kind in _ARROW[:2] else "arrow", files, limits)
    known = ", ".join(WORKBOOKS + TEXT_FILES + STATISTICAL + _ARROW)
    raise DataError(
        [
            Problem(
                str(path),
                f"the name of a file must end in one of {known}",
                path.name,
                "Rename the file if it is one of these, else save it as one.",
            )
        ]
    )


def _read_frame(source: Any, limits: ReadLimits) -> RawTable:
    if is_data_set(source) or is_reader(source):
        return _read_arrow(type(source).__name__, "frame", open_case_files(source), limits)
    name = type(source).__name__
    items = _columns_of(source)
    odd = {header: text_column(cells) for header, cells in items if _is_mixed(cells)}
    table, mixed = _arrow.to_table(source.drop(columns=list(odd)) if odd else source)
    limits.check("max_rows", table.num_rows, name, "rows")
    if not odd and not mixed:
        return _from_arrow(name, "frame", table, limits)
    limits.check("max_columns", len(items), name, "columns")
    typed = dict(zip(table.column_names, table.columns, strict=True))
    columns = []
    for i, (header, cells) in enumerate(items):
        if header in typed and header not in odd:
            column = typed[header]
            columns.append(RawColumn(header, i + 1, _text_of(column), _dates_of(column)))
        else:
            columns.append(RawColumn(str(header), i + 1, *(odd.get(header) or text_column(cells))))
    rows = np.arange(1, len(columns[0].text) + 1, dtype=np.int64)
    return RawTable(name, "frame", tuple(columns), rows)


def _columns_of(source: Any) -> list[tuple[Any, list[object]]]:
    """Return the cells of the columns of pandas that may hold several types; of others none."""
    if isinstance(source, dict):
        return [(header, list(cells)) for header, cells in source.items()]
    if type(source).__module__.partition(".")[0] != "pandas" or source.ndim != 2:
        return []
    found: list[tuple[Any, list[object]]] = []
    for header, column in source.items():
        cells: list[object] = []
        if column.dtype == object:
            gone = column.isna()
            cells = [None if no else cell for cell, no in zip(column, gone, strict=True)]
        found.append((header, cells))
    return found


def _is_mixed(cells: list[object]) -> bool:
    """Tell whether cells are of several types, of which Arrow would make one or none."""
    return len(set(map(type, cells)) - {type(None)}) > 1


def _read_arrow(name: str, kind: str, files: tuple[CaseFile, ...], limits: ReadLimits) -> RawTable:
    from omistats.model.files import check_schemas

    check_schemas(files, None, None)
    batches, rows = [], 0
    for file in files:
        limits.check("max_columns", len(file.schema.names), file.name, "columns")
        for where, batch in iter_file_batches(file, None):
            rows += batch.num_rows
            limits.check("max_rows", rows, where, "rows")
            batches.append(pa.Table.from_batches([batch.replace_schema_metadata(None)]))
    schema = files[0].schema.remove_metadata()
    table = (
        pa.concat_tables(batches, promote_options="permissive") if batches else schema.empty_table()
    )
    return _from_arrow(name, kind, table, limits)


def _from_arrow(name: str, kind: str, table: pa.Table, limits: ReadLimits) -> RawTable:
    limits.check("max_columns", table.num_columns, name, "columns")
    limits.check("max_rows", table.num_rows, name, "rows")
    columns = tuple(
        RawColumn(header, i + 1, _text_of(column), _dates_of(column))
        for i, (header, column) in enumerate(zip(table.column_names, table.columns, strict=True))
    )
    return RawTable(name, kind, columns, np.arange(1, table.num_rows + 1, dtype=np.int64))


def _text_of(column: pa.ChunkedArray) -> Any:
    """Return the text of a typed column, or a function that makes it."""
    if pa.types.is_dictionary(column.type):
        # Only the labels are converted.
        array = _arrow.contiguous(column)
        codes, labels = array.indices, _plain_text(array.dictionary)
        if labels.null_count or len(labels.unique()) < len(labels):
            coded = labels.dictionary_encode()
            return pa.DictionaryArray.from_arrays(coded.indices.take(codes), coded.dictionary)
        return pa.DictionaryArray.from_arrays(codes, labels)
    return lambda: _plain_text(_arrow.contiguous(column))


def _plain_text(array: pa.Array) -> pa.Array:
    kind = array.type
    if _arrow.is_text(kind):
        if pa.types.is_string_view(kind):
            array = array.cast(pa.string())
        return without_empty(_small(array))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return number_texts(array)
    if pa.types.is_date(kind):
        return array.cast(pa.date32()).cast(pa.string())
    if pa.types.is_null(kind):
        return array.cast(pa.string())
    if pa.types.is_timestamp(kind):
        return _moments(array)
    return pa.array([cell_text(value) for value in array.to_pylist()], pa.string())


def _small(array: pa.Array) -> pa.Array:
    """Use 32-bit offsets if the text is short enough for them."""
    if pa.types.is_large_string(array.type) and array.nbytes < np.iinfo(np.int32).max:
        return array.cast(pa.string())
    return array


def _moments(array: pa.Array) -> pa.Array:
    """Convert points in time to text; to dates if all are midnight, as pandas keeps dates so."""
    import pyarrow.compute as pc

    local = array.cast(pa.timestamp("us"), safe=False)
    if array.type.tz:
        local = pc.local_timestamp(array).cast(pa.timestamp("us"), safe=False)
    seconds = local.cast(pa.timestamp("s"), safe=False)
    if pc.all(pc.equal(local, seconds.cast(pa.timestamp("us")))).as_py() is False:
        return local.cast(pa.string())
    days = seconds.cast(pa.date32(), safe=False)
    if pc.all(pc.equal(seconds, days.cast(pa.timestamp("s")))).as_py():
        return days.cast(pa.string())
    return seconds.cast(pa.string())


def _dates_of(column: pa.ChunkedArray) -> pa.Array | None:
    kind = column.type
    if not (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        return None
    array = _arrow.contiguous(column)
    if pa.types.is_timestamp(kind) and kind.tz:
        import pyarrow.compute as pc

        array = pc.local_timestamp(array)
    return array.cast(pa.date32(), safe=False)
