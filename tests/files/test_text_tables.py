"""Any text that Python's csv module writes is read back, however it is read."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from omistats.model import text_tables
from omistats.model.tabular_files import read_raw_table

CELLS = st.text(st.sampled_from("ab 1,;\t|\"'\n\réŁ\u2028x"), max_size=5)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=12)
)


def recount(text: str, separator: str) -> tuple[list[list[str]], list[int]]:
    """The rows below the first that are not blank, and their numbers, by the csv module."""
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    kept = [(i, row) for i, row in enumerate(rows, 1) if i > 1 and "".join(row).strip()]
    return [row for _, row in kept], [i for i, _ in kept]


@settings(max_examples=150)
@given(
    TABLES.filter(bool),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
)
def test_what_csv_writes_is_read(
    rows: list[list[str]], separator: str, end: str, quoting: Any, arrow: bool
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # which leaves a carriage return without quotation marks
        rows = [[cell.replace("\r", " ") for cell in row] for row in rows]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerow([f"c{i}" for i in range(len(rows[0]))])
    writer.writerows(rows)
    text = buffer.getvalue()
    expected, numbers = recount(text, separator)
    with pytest.MonkeyPatch.context() as patch:
        if not arrow:
            # Record by record, as where Arrow cannot tell rows apart.
            patch.setattr(text_tables._Records, "read_plain", lambda *_: 0)
        else:
            patch.setattr(text_tables, "_LAST", 2)
        path = FOLDER / "x.csv"
        path.write_bytes(text.encode())
        table = read_raw_table(path, header_row=1, separator=separator, footer_rows=0)
    columns = [column.text.to_pylist() for column in table.columns]
    assert [[cell or "" for cell in row] for row in zip(*columns, strict=True)] == expected
    assert table.rows.tolist() == numbers


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    global FOLDER  # noqa: PLW0603 - hypothesis takes no fixture of a function
    FOLDER = tmp_path_factory.mktemp("text")


FOLDER: Path
