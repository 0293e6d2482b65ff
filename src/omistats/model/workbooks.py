"""Read sheets of workbooks: .xlsx, .xlsm, .xls and .ods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omistats.errors import DataError, Problem, UnknownNameError, format_values, with_extra
from omistats.model.raw_table import RawColumn, RawTable, text_column
from omistats.model.sheet_layout import (
    SAMPLE,
    find_header,
    footer_length,
    header_name,
    is_blank,
    row_text,
)

if TYPE_CHECKING:
    from omistats.model.tabular_files import ReadLimits

__all__ = ["read_workbook", "table_of_grid"]


def read_workbook(
    path: Path,
    sheet: str | None,
    header_row: int | None,
    footer_rows: int | None,
    limits: ReadLimits,
) -> RawTable:
    """Read one sheet of a workbook."""
    calamine = with_extra("files", lambda: __import__("python_calamine"))
    book = calamine.load_workbook(str(path))
    sheets = tuple(book.sheet_names)
    if sheet is None:
        filled = [name for name in sheets if book.get_sheet_by_name(name).height > 0]
        if len(filled) != 1:
            rule = "one sheet must hold the cases"
            hint = "Pass sheet=, the name of the one to read."
            raise DataError([Problem(path.name, rule, format_values(filled, 12), hint)])
        (sheet,) = filled
    elif sheet not in sheets:
        raise UnknownNameError("sheet", sheet, sheets)
    rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    where = f'{path.name}, sheet "{sheet}"'
    table = table_of_grid(rows, where, header_row, footer_rows)
    return RawTable(
        str(path),
        path.suffix.lower().lstrip("."),
        sheet=sheet,
        sheets=sheets,
        **table,
    )


def table_of_grid(
    rows: list[list[Any]], where: str, header_row: int | None, footer_rows: int | None
) -> dict[str, Any]:
    """Split the rows of a sheet into title, header, data and footer."""
    if header_row is None:
        head = next((i for i, row in enumerate(rows) if not is_blank(row)), 0)
        at = head + find_header(rows[head : head + 2 * SAMPLE], head + 1, where)
    else:
        at = header_row - 1
        if at >= len(rows):
            hint = "Pass the number of a row of the sheet."
            rule = f"header_row must be at most {len(rows)}"
            raise DataError([Problem(where, rule, str(header_row), hint)])
    names = [header_name(cell) for cell in rows[at]]
    body = rows[at + 1 :]
    used = sum(1 for name in names if name)
    notes = footer_length(body, used) if footer_rows is None else footer_rows
    end = len(body) - notes
    kept = [i for i in range(end) if not is_blank(body[i])]
    width = max((len(row) for row in rows), default=0)
    columns = []
    for j in range(width):
        cells = [body[i][j] if j < len(body[i]) else "" for i in kept]
        text, dates = text_column(cells)
        name = names[j] if j < len(names) else ""
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
