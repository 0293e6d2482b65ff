"""Take Tables 3-11 out of a plain-text rendering of the 2011 aggregate report.

``python -m omistats.omi2.extract REPORT.txt PUBLISHED.csv`` rewrites the shipped data.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from omistats.errors import DataError, Problem
from omistats.omi2._questions import QUESTIONS

__all__ = ["COLUMNS", "GROUPS", "extract", "write_csv"]

COLUMNS: Final = ("table", "row", "question", "group", "percent", "n", "stars")

_RISK = ("high", "all")
GROUPS: Final[dict[int, tuple[str, str]]] = {
    **dict.fromkeys((3, 4, 5, 6), _RISK),
    7: ("community order", "licence"),
    8: ("male", "female"),
    9: ("white", "BME"),
    10: ("yes", "no"),
    11: ("17-24", "25+"),
}
"""The groups of each table's heading, spelled as in the breakdown."""

_ROWS: Final = {3: 31, 4: 20, 5: 13, 6: 12, **dict.fromkeys(range(7, 12), 75)}
_FIGURES: Final = re.compile(r"(\d+%\t\d+\t|\t\t){2}(--|\*{1,3})?")
_PLACE: Final = {(t, r): q for q, _, _, printed in QUESTIONS for t, r in printed}

Line = tuple[int, int, str, str, int | None, int | None, str | None]


def extract(text: str) -> list[Line]:
    """Read the rows of Tables 3-11.

    Parameters
    ----------
    text : str
        The report, with table cells separated by tabs.

    Returns
    -------
    list of tuple
        Lines of `COLUMNS`, one for each group of each row; a blank cell is None,
        and the stars stand on both lines of a row.

    Raises
    ------
    DataError
        When a table lacks rows, or a cell holds no figure; all are listed.
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
                    f"expected {_ROWS[table]} rows of a label, twice a percentage and a number "
                    "or two blanks, and a mark or a blank",
                    repr(cells),
                    "Check that the text is the whole report with its tabs.",
                )
            )
            continue
        question = _PLACE[table, row] if table < 7 else QUESTIONS[row - 1][0]
        stars = cells[5] or None
        for group, percent, n in zip(GROUPS[table], cells[1:5:2], cells[2:5:2], strict=True):
            lines.append(
                (table, row, question, group, _number(percent.rstrip("%")), _number(n), stars)
            )
    problems += [
        Problem(
            f"Table {t}",
            f"expected {_ROWS[t]} rows",
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
    """Yield the number of the table and the cells of each row below a heading."""
    table = 0
    for line in text.splitlines():
        if heading := re.match(r"Table (\d+):", line):
            table = int(heading[1])
        cells = [cell.strip() for cell in line.split("\t")]
        # Headings repeat on every page of a table: two lines without any figure.
        if len(cells) > 2 and cells[0] and any(re.fullmatch(r"\d+%", c) for c in cells):
            yield table, cells


def _number(cell: str) -> int | None:
    return int(cell) if cell else None


def write_csv(lines: list[Line], path: Path) -> None:
    """Write extracted lines; blanks are empty fields."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(lines)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:3])
    write_csv(extract(source.read_text(encoding="utf-8")), target)
