"""Find the header, the title above it and the footer below it in the rows of a sheet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import reduce
from operator import or_

from omistats.errors import DataError, Problem, UsageError, format_value
from omistats.model.raw_table import cell_text

__all__ = [
    "SAMPLE",
    "check_row_options",
    "find_header",
    "footer_length",
    "header_name",
    "is_blank",
    "row_text",
]

Row = Sequence[object]

SAMPLE = 200
"""Number of rows below a header that are looked at to tell that it is one."""

_NUMBER = re.compile(r"[\s£$€]*[-+]?[\d.,:/\s-]*\d[\d.,:/\s%-]*$")


def check_row_options(header_row: int | None, footer_rows: int | None) -> None:
    """Check the numbers that say where the table is.

    Raises
    ------
    UsageError
        When one is no whole number, or too small.
    """
    for name, value, least in (("header_row", header_row, 1), ("footer_rows", footer_rows, 0)):
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or value < least
        ):
            raise UsageError(
                f"`{name}` must be a whole number of at least {least}; found {format_value(value)}"
            )


def is_blank(row: Row) -> bool:
    """Tell whether all cells of a row are empty or hold blanks only."""
    return not any(_shown(cell) for cell in row)


def _shown(cell: object) -> str:
    text = cell_text(cell)
    return "" if text is None else text.strip()


def row_text(row: Row) -> str:
    """Return the filled cells of a row as one text."""
    return " | ".join(text for cell in row if (text := _shown(cell)))


def header_name(cell: object) -> str:
    """Return the name in a header: outer blanks and line breaks are collapsed."""
    text = _shown(cell)
    return re.sub(r"\s*[\r\n]+\s*", " ", text).strip()


def _labels(row: Row) -> list[str]:
    """List the cells that hold text, not numbers or dates."""
    return [
        text.casefold()
        for cell in row
        if isinstance(cell, str) and (text := cell.strip()) and not _NUMBER.match(text)
    ]


_CELLS = 200_000


def find_header(rows: Sequence[Row], first_row: int, where: str) -> int:
    """Find the row of the header among the first rows of a sheet.

    It is the first row in which more than half of the columns that are used in it or below hold
    text, each another.

    Parameters
    ----------
    rows : sequence of rows
        The first rows of the sheet.
    first_row : int
        Number of the first of them, for errors.
    where : str
        The file and sheet, for errors.

    Returns
    -------
    int
        Index of the header in ``rows``.

    Raises
    ------
    DataError
        When no row is a header, or it is not clear which one is.
    """
    width = max(map(len, rows), default=0)
    rows = rows[: max(_CELLS // max(width, 1), 10)]
    shown = [[_shown(cell) for cell in row] for row in rows]
    used = [sum(1 << j for j, text in enumerate(row) if text) for row in shown]
    names = [len(set(_labels(row))) for row in rows]
    for i, count in enumerate(names):
        below = used[i + 1 : i + 1 + SAMPLE]
        if not count or 2 * count <= reduce(or_, below, used[i]).bit_count():
            continue
        if doubt := _doubt(rows, shown, names, i):
            found = f"row {first_row + i}, {doubt}"
        else:
            return i
        break
    else:
        found = "no such row"
    rule = "the header must be recognisable: the first row with a name in most columns"
    hint = "Pass header_row=, the row of the header as a spreadsheet program shows it."
    raise DataError([Problem(where, rule, found, hint)])


def _doubt(
    rows: Sequence[Row], shown: Sequence[Sequence[str]], names: Sequence[int], at: int
) -> str:
    """Say why a header may be none; empty if it may not."""
    header = shown[at]
    below = [i for i in range(at + 1, min(at + 1 + SAMPLE, len(rows))) if any(shown[i])]
    columns = [j for j, text in enumerate(header) if text]
    values = [
        Counter(shown[i][j] for i in below if j < len(shown[i]) and shown[i] != header)
        for j in columns
    ]
    again = sum(header[j] in seen for j, seen in zip(columns, values, strict=True))
    if again and 3 * again >= len(columns):
        return f"whose values occur again below in {again} of {len(columns)} columns"
    if any(names[i] > names[at] for i in below[:5]):
        return "below which a row holds more names"
    if len(below) > 5 and len(columns) >= 4:
        second = shown[below[0]]
        filled = [
            seen[second[j]]
            for j, seen in zip(columns, values, strict=True)
            if j < len(second) and second[j]
        ]
        # As in exports that have codes in one row and the wording of questions in the next.
        most = 0.8 * len(columns)
        if names[below[0]] == len(_labels(rows[below[0]])) >= most and filled.count(1) >= most:
            return "and the row below it, which looks like a header too"
    return ""


def footer_length(rows: Sequence[Row], columns: int) -> int:
    """Count the rows at the end of a sheet that are notes below the table.

    A note stands below a blank row, with the first one or two cells filled and nothing else; in
    a table of fewer than four columns only the first.

    Parameters
    ----------
    rows : sequence of rows
        The last rows of the table, or all of them.
    columns : int
        Number of columns of the table.

    Returns
    -------
    int
        The number of rows, with the blank rows above and between them.
    """
    most = 2 if columns >= 4 else 1
    found, at = 0, len(rows)
    while at > 0:
        row = rows[at - 1]
        if is_blank(row):
            found = len(rows) - at + 1
        elif any(_shown(cell) for cell in row[most:]):
            break
        at -= 1
    else:
        return 0  # no table above, or it began before these rows
    return found
