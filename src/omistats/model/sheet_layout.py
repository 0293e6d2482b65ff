"""Find the header, the title above it and the footer below it in the rows of a sheet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import attrs

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


@attrs.frozen
class _Candidate:
    index: int
    row: Row


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
    rule = "one row must be recognisable as the header: a name in most columns, each another"
    hint = "Pass header_row=, the number of that row as a spreadsheet program shows it."
    for i, row in enumerate(rows):
        names = set(_labels(row))
        below = rows[i + 1 : i + 1 + SAMPLE]
        used = _used([row, *below])
        if not names or 2 * len(names) <= used:
            continue
        if doubt := _doubt(row, below):
            raise DataError([Problem(f"{where}, row {first_row + i}", rule, doubt, hint)])
        return i
    raise DataError([Problem(where, rule, "no such row", hint)])


def _used(rows: Sequence[Row]) -> int:
    """Count the columns that are used in some rows, without a footer of one or two cells."""
    return len({j for row in rows for j, cell in enumerate(row) if _shown(cell)})


def _doubt(header: Row, below: Sequence[Row]) -> str:
    """Say why a header may be none; empty if it may not."""
    rows = [row for row in below if not is_blank(row)]
    columns = [(j, text) for j, cell in enumerate(header) if (text := _shown(cell))]
    seen: list[set[str]] = [
        {_shown(row[j]) for row in rows if j < len(row) and row != header} for j, _ in columns
    ]
    again = sum(text in values for (_, text), values in zip(columns, seen, strict=True))
    if again * 3 >= len(columns) and again:
        return f"a row whose values occur again below in {again} of {len(columns)} columns"
    if len(rows) > 5 and len(columns) >= 4:
        second = rows[0]
        texts = _labels(second)
        counts = [
            Counter(_shown(row[j]) for row in rows if j < len(row))[_shown(second[j])]
            for j, _ in columns
            if j < len(second) and _shown(second[j])
        ]
        alone = sum(count == 1 for count in counts)
        distinct = len(set(texts)) == len(texts)
        if distinct and 5 * len(texts) >= 4 * len(columns) and 5 * alone >= 4 * len(columns):
            return "a second row of names below it"
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
