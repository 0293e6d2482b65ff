"""Read sheets of workbooks: .xlsx, .xlsm, .xls and .ods.

A file is scanned before python-calamine reads it, since that keeps every cell of the used area
in memory, and shows neither errors nor formulas without values.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    format_value,
    with_extra,
)
from omistats.model.files import file_stamps
from omistats.model.old_workbooks import SIGNATURE, scan_old_workbook
from omistats.model.raw_table import (
    RawColumn,
    RawTable,
    ReadLimits,
    column_letter,
    printable,
    text_column,
)
from omistats.model.sheet_layout import (
    SAMPLE,
    find_header,
    footer_length,
    header_name,
    is_blank,
    row_text,
)
from omistats.model.sheet_packages import SheetScan, protected, scan_package, unreadable

__all__ = ["read_workbook"]

T = TypeVar("T")
Scan = Callable[[str], SheetScan]
Grid = list[list[Any]]
# What a cell takes in memory while its sheet is read, without its text.
_CELL_BYTES = 40


def read_workbook(
    path: Path,
    sheet: str | None,
    header_row: int | None,
    footer_rows: int | None,
    limits: ReadLimits,
) -> RawTable:
    """Read one sheet of a workbook.

    Parameters
    ----------
    path : path
        The file.
    sheet : str or None
        The sheet; None for the only one with a table.
    header_row, footer_rows : int or None
        Row of the header, and number of rows below the table, if they are given.
    limits : ReadLimits
        How large the file may be, unpacked.

    Returns
    -------
    RawTable

    Raises
    ------
    DataError
        When the file cannot be read, is protected, is larger than a limit, has formulas without
        values, several sheets with a table, or a header that is not clear.
    UnknownNameError
        When there is no such sheet.
    UsageError
        When python-calamine is not installed.
    """
    calamine = with_extra("files", lambda: __import__("python_calamine"), "python-calamine")
    where = printable(path.name)
    if sheet is not None and not isinstance(sheet, str):
        raise UsageError(f"`sheet` must be the name of a sheet; found {format_value(sheet)}")
    try:
        before = file_stamps(path)
    except OSError as error:
        raise unreadable(where, error) from error
    scan = _scan(path, where, limits)
    book = _calamine(where, lambda: _open(calamine, path))
    kinds = {about.name: str(about.typ).rsplit(".", 1)[-1] for about in book.sheets_metadata}
    sheets = tuple(n for n in book.sheet_names if kinds.get(n, "WorkSheet") == "WorkSheet")
    hidden = {
        about.name
        for about in book.sheets_metadata
        if str(about.visible).rsplit(".", 1)[-1] != "Visible"
    }

    def load(name: str) -> Grid:
        at = list(book.sheet_names).index(name)
        about = scan(name)
        rows: Grid = _calamine(
            where,
            lambda: book.get_sheet_by_index(at).to_python(skip_empty_area=False),
        )
        for (row, column), text in about.errors.items():
            if row < len(rows) and column < len(rows[row]):
                rows[row][column] = text
        return rows

    if sheet is None:
        sheet, rows = _only_table(sheets, hidden, load, where)
    elif sheet in sheets:
        rows = load(sheet)
    else:
        raise UnknownNameError("sheet", sheet, sheets)
    about = scan(sheet)
    if file_stamps(path) != before:
        rule, hint = "a file must not change while it is read", "Read it again."
        raise DataError([Problem(where, rule, "another size or time of writing", hint)])
    place = f'{where}, sheet "{printable(sheet)}"'
    limits.check("max_rows", len(rows), place, "rows")
    limits.check("max_columns", max(map(len, rows), default=0), place, "columns")
    _check_formulas(about, place)
    table = _split_rows(rows, place, header_row, footer_rows)
    notes = _notes(about, sheet in hidden, table["header_row"])
    kind = path.suffix.lower().lstrip(".")
    return RawTable(str(path), kind, sheet=sheet, sheets=sheets, notes=notes, **table)


def _scan(path: Path, where: str, limits: ReadLimits) -> Scan:
    """Look at all sheets of a workbook, unpacking its parts one piece at a time.

    Parameters
    ----------
    path : path
        The file.
    where : str
        Its name, for errors.
    limits : ReadLimits
        How large the file may be, unpacked, and the cells of a sheet in memory.

    Returns
    -------
    callable
        Takes the name of a sheet and returns its `SheetScan`.

    Raises
    ------
    DataError
        When the file is no workbook, is protected by a password, or is larger than a limit.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(8)
            size = file.seek(0, 2)
            limits.check("max_bytes", size, where, "bytes")
            file.seek(0)
            if magic[:4] == b"PK\x03\x04":
                sheets = scan_package(file, where, limits)
            elif magic == SIGNATURE:
                sheets = scan_old_workbook(file.read(), where, limits)
            else:
                raise _no_workbook(magic + file.read(500), where)
    except (
        OSError,
        UnicodeError,
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        NotImplementedError,
    ) as error:
        raise unreadable(where, error) from error
    for name, sheet in sheets.items():
        place = f'{where}, sheet "{printable(name)}"'
        if not sheet.ordered:
            rule = "the rows of a sheet must be in order in the file"
            hint = "Open it in a spreadsheet program and save it."
            raise DataError([Problem(place, rule, "a row after one further down", hint)])
        needed = sheet.rows * sheet.columns * _CELL_BYTES + sheet.text_bytes
        what = f"bytes for the cells of {sheet.rows:,} rows and {sheet.columns:,} columns"
        limits.check("max_bytes", needed, place, what)
    return lambda name: sheets.get(name, SheetScan())


def _no_workbook(head: bytes, where: str) -> DataError:
    text = head.lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").lower()
    if text.startswith((b"<html", b"<!doctype", b"<table", b"<meta")):
        found, hint = "a web page", "Open it in a spreadsheet program and save it as .xlsx."
    elif text.startswith(b"<?xml"):
        found, hint = "an XML file", "Open it in a spreadsheet program and save it as .xlsx."
    elif not head:
        found, hint = "an empty file", "Export it again."
    elif b"\0" not in head:
        found, hint = "text", "Rename it so that its name ends in .csv or .tsv."
    else:
        found, hint = f"bytes {head[:8].hex()}", "Save it as .xlsx in a spreadsheet program."
    return DataError([Problem(where, "expected a workbook", found, hint)])


def _open(calamine: Any, path: Path) -> Any:
    """Open a workbook, whatever its kind is called."""
    try:
        return calamine.load_workbook(str(path))
    except calamine.PasswordError:
        raise
    except (calamine.CalamineError, OSError):
        # The end of a name decides, unless a file is passed.
        with path.open("rb") as file:
            return calamine.load_workbook(file)


def _calamine(where: str, call: Callable[[], T]) -> T:
    """Call python-calamine, whose errors are of many kinds."""
    try:
        return call()
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        if type(error).__name__ == "PasswordError":
            raise protected(where) from error
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise unreadable(where, error) from error
        raise


def _only_table(
    sheets: tuple[str, ...], hidden: set[str], load: Callable[[str], Grid], where: str
) -> tuple[str, Grid]:
    """Return the only sheet that has a header with data below it, and its rows."""
    if len(sheets) == 1 and not _is_empty(rows := load(sheets[0])):
        return sheets[0], rows
    found, filled = [], []
    kept: Grid = []
    for name in sheets:
        rows = load(name)
        head = next((i for i, row in enumerate(rows) if not is_blank(row)), None)
        if head is None:
            continue
        filled.append(name)
        try:
            at = head + find_header(rows[head : head + 2 * SAMPLE], head + 1, name)
        except DataError:
            continue
        if len(rows[at]) - list(map(header_name, rows[at])).count("") > 1 and not _is_empty(
            rows[at + 1 :]
        ):
            found.append(name)
            kept = rows
    if len(found) == 1:
        return found[0], kept
    if not found and len(filled) == 1:
        return filled[0], load(filled[0])
    listed = [f"{name!r}{' (hidden)' * (name in hidden)}" for name in found or filled]
    rule, hint = "one sheet must hold the table", "Pass sheet=, the name of the one to read."
    what = f"{'several tables: ' * bool(found)}{', '.join(listed[:12])}" if listed else "no data"
    raise DataError([Problem(where, rule, what, hint)])


def _is_empty(rows: Grid) -> bool:
    """Tell whether all cells of some rows are empty."""
    return all(map(is_blank, rows))


def _check_formulas(about: SheetScan, where: str) -> None:
    """Raise if formulas have no stored values, as in a file that no spreadsheet program saved."""
    if not about.formulas:
        return
    cells = [f"{column_letter(column + 1)}{row + 1}" for row, column in about.formulas[:5]]
    more = about.formula_count - len(cells)
    found = f"none in {', '.join(cells)}" + (f" and {more:,} more" if more > 0 else "")
    hint = "Open the workbook in a spreadsheet program and save it, so that the values are stored."
    raise DataError([Problem(where, "every formula must have a stored value", found, hint)])


def _split_rows(
    rows: Grid, where: str, header_row: int | None, footer_rows: int | None
) -> dict[str, Any]:
    """Split a sheet into title, header, data and footer; return arguments of a `RawTable`."""
    if header_row is None:
        head = next((i for i, row in enumerate(rows) if not is_blank(row)), 0)
        at = head + find_header(rows[head : head + 2 * SAMPLE], head + 1, where)
    else:
        at = header_row - 1
        if at >= len(rows):
            rule, hint = f"header_row must be at most {len(rows)}", "Pass the row of the header."
            raise DataError([Problem(where, rule, str(header_row), hint)])
    names = [header_name(cell) for cell in rows[at]]
    body = rows[at + 1 :]
    # The columns of the table begin where its header does.
    left = next((j for j, name in enumerate(names) if name), 0)
    used = sum(1 for name in names if name)
    notes = footer_rows
    if notes is None:
        notes = footer_length([row[left:] for row in body], used)
    end = max(len(body) - notes, 0)
    kept = [i for i in range(end) if not is_blank(body[i])]
    columns = []
    cells = zip(*(body[i] for i in kept), strict=True) if kept else ([] for _ in names)
    for j, (name, values) in enumerate(zip(names, cells, strict=True)):
        text, dates = text_column(values)
        if name or text.null_count < len(text):
            columns.append(RawColumn(name, j + 1, text, dates))
    return {
        "columns": tuple(columns),
        "rows": np.array([at + 2 + i for i in kept], np.int64),
        "header_row": at + 1,
        "title_rows": tuple(row_text(row) for row in rows[:at] if not is_blank(row)),
        "footer_rows": tuple(
            (at + 2 + i, row_text(body[i])) for i in range(end, len(body)) if not is_blank(body[i])
        ),
    }


def _notes(about: SheetScan, hidden: bool, header_row: int) -> tuple[str, ...]:
    """Say what a reader may not expect: hidden rows and columns, errors, merged cells."""
    notes = ["the sheet is hidden"] if hidden else []
    rows = [row + 1 for row in about.hidden_rows if row + 1 > header_row]
    if rows:
        notes.append(f"hidden rows were read too: {_runs(rows, str)}")
    if about.hidden_columns:
        columns = [column + 1 for column in about.hidden_columns]
        notes.append(f"hidden columns were read too: {_runs(columns, column_letter)}")
    below = sorted(cell for cell in about.errors if cell[0] + 1 > header_row)
    if below:
        cells = [f"{column_letter(column + 1)}{row + 1}" for row, column in below]
        more = f" and {len(cells) - 5:,} more" if len(cells) > 5 else ""
        notes.append(f"cells with errors: {', '.join(cells[:5])}{more}")
    merged = [area for area in about.merged if area[2] + 1 > header_row]
    if merged:
        cells = [
            f"{column_letter(left + 1)}{top + 1}:{column_letter(right + 1)}{bottom + 1}"
            for top, left, bottom, right in merged
        ]
        more = f" and {len(cells) - 5:,} more" if len(cells) > 5 else ""
        notes.append(
            "only the first of merged cells has their value: " + ", ".join(cells[:5]) + more
        )
    return tuple(notes)


def _runs(numbers: list[int], name: Callable[[int], str]) -> str:
    """Write numbers as runs, such as 3 to 5, 9."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [name(a) if a == b else f"{name(a)} to {name(b)}" for a, b in runs[:10]]
    return ", ".join(texts) + (f" and {len(runs) - 10:,} more" if len(runs) > 10 else "")
