"""Files that would fill the memory are refused before they do."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from tests.file_writers import label, ods_row, old_workbook, text_rows, write_ods, write_xlsx

# Prints the megabytes that reading took beyond those of the imports, whatever the outcome.
READ = """
import resource, sys
import numpy, pyarrow, pyarrow.csv, python_calamine
from omistats.errors import DataError
from omistats.model import text_tables, workbooks
from omistats.model.tabular_files import read_raw_table
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_raw_table(sys.argv[1])
except DataError as error:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    print(error)
"""


def long_line(folder: Path) -> Path:
    path = folder / "line.csv"
    with path.open("wb") as file:
        file.write(b"id,area\n")
        file.truncate(1 << 30)
    return path


def long_line_packed(folder: Path) -> Path:
    path = folder / "line.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"id,area\n")
        for _ in range(128):
            file.write(b"x" * (1 << 20))
    return path


def far_cell(folder: Path) -> Path:
    rows = text_rows([["id", "area"]]) + '<row r="9"><c r="XFD1048576"><v>1</v></c></row>'
    return write_xlsx(folder / "far.xlsx", {"S": rows})


def far_cell_of_the_old_format(folder: Path) -> Path:
    path = folder / "far.xls"
    path.write_bytes(old_workbook([label(0, 0, "id"), label(65_535, 65_535, "x")]))
    return path


def repeated_rows(folder: Path) -> Path:
    many = ods_row("x", "y", attributes=' table:number-rows-repeated="999999999"')
    return write_ods(folder / "many.ods", {"S": ods_row("id", "area") + many})


@pytest.mark.parametrize(
    "write", [long_line, long_line_packed, far_cell, far_cell_of_the_old_format, repeated_rows]
)
def test_memory_stays_bounded(write: object, tmp_path: Path) -> None:
    pytest.importorskip("resource")
    path = write(tmp_path)  # type: ignore[operator]
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
    )
    megabytes, message = done.stdout.split("\n", 1)
    assert "pass a larger max_" in message
    assert int(megabytes) < 64
