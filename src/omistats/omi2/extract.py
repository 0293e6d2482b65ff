"""Extract Tables 3-11 from a plain-text rendering of the 2011 aggregate report.

``python -m omistats.omi2.extract REPORT.txt PUBLISHED.csv`` rewrites the shipped data.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from omistats.errors import DataError, OmistatsError, Problem
from omistats.omi2.published import SCHEMA, TABLES

__all__ = ["extract", "main", "write_csv"]


_ROWS: Final = {number: len(table.questions) for number, table in TABLES.items()}
_FIGURES: Final = re.compile(r"(\d+%\t\d+\t|\t\t){2}(--|\*{1,3})?")

Line = tuple[int, int, str, str, int | None, int | None, str | None]


def extract(text: str) -> list[Line]:
    """Read the rows of Tables 3-11.

    Parameters
    ----------
    text : str
        Text of the report, with table cells separated by tabs.

    Returns
    -------
    list of tuple
        Lines with the columns of `load_published`, one for each group of each row. A blank
        cell is None, and both lines of a row have its stars.

    Raises
    ------
    DataError
        When a table lacks rows or a cell has no figure; all are listed.
    """
    lines: list[Line] = []
    counted = dict.fromkeys(_ROWS, 0)
    problems: list[Problem] = []
    for table, cells in _rows(text):
        if table not in counted:
            continue
        counted[table] += 1
        row = counted[table]
        where = f"Table {table} row {row}"
        if row > _ROWS[table] or not _FIGURES.fullmatch("\t".join(cells[1:])):
            problems.append(
                Problem(
                    where,
                    f"the table must have {_ROWS[table]} rows, each with a label, two pairs of a "
                    "percentage and a number (or blanks), and a mark (or a blank)",
                    repr(cells),
                    "Check that the text is the whole report with its tabs.",
                )
            )
            continue
        groups = TABLES[table].groups
        question = TABLES[table].questions[row - 1]
        stars = cells[5] or None
        for group, percent, n in zip(groups, cells[1:5:2], cells[2:5:2], strict=True):
            lines.append(
                (table, row, question, group, _number(percent.rstrip("%")), _number(n), stars)
            )
    problems += [
        Problem(
            f"Table {t}",
            f"the table must have {_ROWS[t]} rows",
            str(found),
            "Check that no page of the report is missing.",
        )
        for t, found in counted.items()
        if found < _ROWS[t]
    ]
    if problems:
        raise DataError(problems)
    return lines


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the table number and the cells of each row below a heading."""
    table = 0
    for line in text.splitlines():
        if heading := re.match(r"Table (\d+):", line):
            table = int(heading[1])
        cells = [cell.strip() for cell in line.split("\t")]
        # A heading is repeated on every page, in lines without figures.
        if len(cells) > 2 and cells[0] and any(re.fullmatch(r"\d+%", c) for c in cells):
            yield table, cells


def _number(cell: str) -> int | None:
    return int(cell) if cell else None


def write_csv(lines: list[Line], path: Path) -> None:
    """Write extracted lines as CSV; blank cells are empty fields."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SCHEMA.names)
        writer.writerows(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Extract the tables from a text file and write them as CSV."""
    parser = argparse.ArgumentParser(
        prog="python -m omistats.omi2.extract",
        description="Extract Tables 3-11 from a plain-text rendering of the 2011 aggregate report.",
    )
    parser.add_argument("report", type=Path, help="text file with table cells separated by tabs")
    parser.add_argument("out", type=Path, help="CSV file to write")
    options = parser.parse_args(argv)
    try:
        lines = extract(options.report.read_text(encoding="utf-8"))
        write_csv(lines, options.out)
    except (OmistatsError, OSError, UnicodeDecodeError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)  # noqa: T201 - this is a command line
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
