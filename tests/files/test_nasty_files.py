"""Files as offices really have them, and as nobody should: expected cells, or expected message."""

from __future__ import annotations

import datetime as dt
import gzip
import re
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
import xlwt
from tests.file_writers import (
    compound_file,
    label,
    ods_row,
    old_workbook,
    shared_strings,
    text_cell,
    text_rows,
    write_ods,
    write_xlsx,
    write_zip,
    xlsx_parts,
)

from omistats.errors import DataError, OmistatsError, UnknownNameError, UsageError
from omistats.model.tabular_files import RawTable, read_raw_table

SECONDS = 2.0
NOON = dt.datetime(2023, 3, 9, 12)  # noqa: DTZ001 - as in a cell, which has no zone


@contextmanager
def soon() -> Iterator[None]:
    """Fail if what is done takes more of the processor's time than any nasty file may."""
    begun = time.process_time()
    yield
    assert time.process_time() - begun < SECONDS


def cells(table: RawTable) -> dict[str, list[str | None]]:
    return {column.name: column.text.to_pylist() for column in table.columns}


def read(path: Any, **options: Any) -> RawTable:
    with soon():
        table = read_raw_table(path, **options)
        for column in table.columns:
            assert len(column.text) == len(table)
            column.text.validate(full=True)
    return table


def refuse(path: Any, *texts: str, error: type[OmistatsError] = DataError, **options: Any) -> str:
    """Read what cannot be read; every text is in the message, which is printable."""
    with soon(), pytest.raises(error) as caught:
        read_raw_table(path, **options)
    message = str(caught.value)
    for text in texts:
        assert text in message
    assert all(line.isprintable() for line in message.split("\n"))
    return message


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, bytes | str], Path]:
    def write(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


File = Callable[[str, bytes | str], Path]
PLAIN = "id,area,met\n1,Kent,yes\n2,Hove,no\n"
PLAIN_CELLS = {"id": ["1", "2"], "area": ["Kent", "Hove"], "met": ["yes", "no"]}


# Text files and their encodings


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings_are_told_apart(file: File, encoding: str, named: str) -> None:
    text = "id,area,comment\n1,Saint Émile,“late” – £5\n2,Kent,\n"
    table = read(file("x.csv", text.encode(encoding)))
    assert cells(table)["area"] == ["Saint Émile", "Kent"]
    assert cells(table)["comment"] == ["“late” – £5", None]
    assert table.encoding == named


def test_an_encoding_can_be_given(file: File) -> None:
    path = file("x.csv", "id,area\n1,Łódź\n".encode("cp1250"))
    assert cells(read(path, encoding="cp1250"))["area"] == ["Łódź"]
    refuse(path, "text must be ascii", "line 2", encoding="ascii")
    refuse(path, "`encoding` must be", error=UsageError, encoding="klingon")
    refuse(path, "`encoding` must be", error=UsageError, encoding="zlib")


def test_two_encodings_in_one_file_are_refused(file: File) -> None:
    mixed = "id,area\n1,Émile\n".encode() + "2,Émile\n".encode("cp1252")
    refuse(file("x.csv", mixed), "x.csv, line 3", "one encoding", "the byte c9")


def test_bytes_of_no_encoding_are_refused(file: File) -> None:
    refuse(file("x.csv", b"id,area\n1,a\x81b\n"), "x.csv, line 2", "the byte 81", "encoding=")


def test_nul_is_refused_with_its_line(file: File) -> None:
    refuse(file("x.csv", b"id,area\n1,a\n2,b\0b\n"), "x.csv, line 3", "NUL")


# Separators and quotation marks


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["x.csv", "x.txt"])
def test_separators_are_found(file: File, separator: str, name: str) -> None:
    table = read(file(name, PLAIN.replace(",", separator)))
    assert cells(table) == PLAIN_CELLS
    assert table.separator == separator
    assert table.rows.tolist() == [2, 3]


def test_commas_within_cells_do_not_mislead(file: File) -> None:
    table = read(file("x.csv", "id;score;note\n1;1,5;a, b, c\n2;2,5;\n"))
    assert cells(table) == {"id": ["1", "2"], "score": ["1,5", "2,5"], "note": ["a, b, c", None]}


def test_two_separators_that_fit_are_not_guessed(file: File) -> None:
    path = file("x.csv", "id,a;b\n1,2;3\n4,5;6\n")
    refuse(path, "comma and semicolon do", "Pass separator=")
    assert cells(read(path, separator=";")) == {"id,a": ["1,2", "4,5"], "b": ["3", "6"]}


def test_a_line_for_the_separator_is_no_row(file: File) -> None:
    table = read(file("x.csv", "sep=;\r\nid;area\r\n1;a,b\r\n"))
    assert cells(table) == {"id": ["1"], "area": ["a,b"]}
    assert table.rows.tolist() == [2]  # as Excel counts


@pytest.mark.parametrize("separator", ["", ",,", '"', "\n", "é", 5])
def test_a_separator_is_one_character(file: File, separator: Any) -> None:
    path = file("x.csv", PLAIN)
    refuse(path, "`separator` must be", error=UsageError, separator=separator)


def test_quoted_cells_keep_separators_quotes_and_line_breaks(file: File) -> None:
    text = 'id,note,met\n1,"a, ""b""\nc\n\nd",yes\n2,5" nail,no\n3,"",\n'
    table = read(file("x.csv", text))
    assert cells(table)["note"] == ['a, "b"\nc\n\nd', '5" nail', None]
    assert table.rows.tolist() == [2, 3, 4]  # records, as a spreadsheet program shows them


def test_a_quotation_mark_that_is_not_closed_is_refused(file: File) -> None:
    refuse(
        file("x.csv", 'id,note,met\n1,a,yes\n2,"b,no\n3,c,yes\n'), "x.csv, row 3", "never closed"
    )
    refuse(file("y.csv", 'id,note\n1,"' + "a" * 200_000), "y.csv, row 2", "131,072")
    refuse(file("z.csv", 'id,"note\n1,a'), "z.csv")


def test_old_line_ends(file: File) -> None:
    for end in ("\r", "\r\n", "\n"):
        table = read(file("x.csv", PLAIN.replace("\n", end)))
        assert cells(table) == PLAIN_CELLS
        assert table.rows.tolist() == [2, 3]


def test_cells_stay_as_they_stand(file: File) -> None:
    text = "id,a,b\n007, x ,=cmd()\n1e5,\u2028y,1.0\n\u00a0,NA,null\n"
    assert cells(read(file("x.csv", text))) == {
        "id": ["007", "1e5", "\u00a0"],
        "a": [" x ", "\u2028y", "NA"],
        "b": ["=cmd()", "1.0", "null"],
    }


# Rows of text files


def test_rows_of_other_lengths_are_listed_together(file: File) -> None:
    message = refuse(
        file("x.csv", "id,area,met\n1,Kent,yes\n2,Hove\n3,Deal,no,x\n4,Ryde,no\n"),
        "2 problems",
        "x.csv, row 3: every row must have 3 cells, as the header has; found 2",
        "x.csv, row 4: every row must have 3 cells, as the header has; found 4",
    )
    assert "row 5" not in message


def test_ten_thousand_short_rows_are_summed_up(file: File) -> None:
    text = "id,area,met\n" + "1,Kent\n" * 10_000
    refuse(file("x.csv", text), "21 problems", "9,980 more rows")


def test_separators_at_the_end_of_rows_hold_nothing(file: File) -> None:
    table = read(file("x.csv", "id,area,met,,\n1,Kent,yes,,\n2,Hove,no,,,,\n"))
    assert cells(table) == PLAIN_CELLS


def test_blank_lines_count_as_rows_but_are_none(file: File) -> None:
    table = read(file("x.csv", "\n\nid,area,met\n\n1,Kent,yes\n , ,\n\n2,Hove,no\n\n\n"))
    assert cells(table) == PLAIN_CELLS
    assert (table.header_row, table.rows.tolist()) == (3, [5, 8])


@pytest.mark.parametrize("padding", ["", ",,"])
def test_title_and_footer_are_kept_apart(file: File, padding: str) -> None:
    text = (
        f"Cases 2023{padding}\n{padding}\n{PLAIN}{padding}\nSource: the office{padding}\n"
        f"{padding}\nTotal: 2{padding}\n"
    )
    table = read(file("x.csv", text))
    assert cells(table) == {"id": ["1", "2"], "area": ["Kent", "Hove"], "met": ["yes", "no"]}
    assert table.title_rows == ("Cases 2023",)
    assert table.footer_rows == ((7, "Source: the office"), (9, "Total: 2"))
    assert table.rows.tolist() == [4, 5]


def test_a_footer_without_a_blank_row_is_a_short_row(file: File) -> None:
    path = file("x.csv", PLAIN + "Total: 2\n")
    refuse(path, "x.csv, row 4", "found 1", "blank row above it")
    table = read(path, footer_rows=1)
    assert table.footer_rows == ((4, "Total: 2"),)
    assert cells(table) == PLAIN_CELLS


def test_a_footer_far_below_a_long_table(file: File) -> None:
    rows = 30_000
    text = "id,area,met\n" + "".join(f'{i},"a\nb",yes\n' for i in range(rows)) + "\nSource: x\n"
    table = read(file("x.csv", text))
    assert len(table) == rows
    assert table.footer_rows == ((rows + 3, "Source: x"),)
    assert table.rows[[0, -1]].tolist() == [2, rows + 1]
    assert table.where(0) == "x.csv, row 2"


def test_no_footer_where_there_is_none(file: File) -> None:
    # The last case has an id and nothing else, as those have whose file was lost.
    table = read(file("x.csv", PLAIN + "\n3,,\n"), footer_rows=0)
    assert cells(table)["id"] == ["1", "2", "3"]
    assert table.footer_rows == ()


def test_a_table_of_numbers_and_nothing_but_a_header(file: File) -> None:
    assert cells(read(file("x.csv", "id,area,met\n"))) == {"id": [], "area": [], "met": []}
    assert cells(read(file("y.csv", "n\n1\n2\n"))) == {"n": ["1", "2"]}


def test_a_file_without_header_is_refused(file: File) -> None:
    refuse(file("x.csv", "1,2,3\n4,5,6\n"), "no such row", "header_row=")
    refuse(file("y.csv", "Kent,yes,no\nHove,yes,no\nDeal,no,no\n"), "row 1", "occur again")
    table = read(file("z.csv", "1,2\n3,4\n"), header_row=1)
    assert [column.name for column in table.columns] == ["1", "2"]


def test_two_rows_of_names_are_not_guessed(file: File) -> None:
    codes = ",".join(f"q{i}" for i in range(1, 7))
    words = ",".join(f"Was it {i}?" for i in ("a", "b", "c", "d", "e", "f"))
    rows = "yes,no,yes,no,yes,no\n" * 8
    path = file("x.csv", f"{codes}\n{words}\n{rows}")
    refuse(path, "row 1, and the row below it", "header_row=")
    assert len(read(path, header_row=2)) == 8


def test_a_title_of_several_cells_is_not_taken_for_the_header(file: File) -> None:
    text = "Cases,Kent,draft\nid,area,met,by,on\n1,a,yes,x,y\n2,b,no,x,y\n"
    refuse(file("x.csv", text), "below which a row holds more names")


@pytest.mark.parametrize("content", [b"", b"\n\n\n", b"\xef\xbb\xbf", b" , \n"])
def test_files_without_anything(file: File, content: bytes) -> None:
    refuse(file("x.csv", content), "x.csv")


def test_equal_headers_are_kept_and_ambiguous(file: File) -> None:
    table = read(file("x.csv", 'id,met,"Was it\n met?", met \n1,a,b,c\n'))
    assert [column.name for column in table.columns] == ["id", "met", "Was it met?", "met"]
    assert table["id"].text.to_pylist() == ["1"]
    with pytest.raises(DataError, match="columns B and D"):
        table["met"]
    with pytest.raises(UnknownNameError, match="did you mean 'met'"):
        table["mett"]


def test_a_column_without_header_is_kept_if_it_has_data(file: File) -> None:
    table = read(file("x.csv", "id,,met,\n1,,yes,\n2,x,no,\n"))
    assert [(column.name, column.number) for column in table.columns] == [
        ("id", 1),
        ("", 2),
        ("met", 3),
    ]


def test_control_characters_do_not_reach_a_terminal(file: File) -> None:
    path = file("x\x1b[31m.csv", "id,\x1b[8ma,b\n1\n")
    assert "\\x1b" in refuse(path, "row 2")


# Sizes and kinds of file


def test_a_line_of_a_gigabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with path.open("wb") as file:
        file.write(b"id,area\n")
        file.truncate(1 << 30)  # takes no room on the disk
    refuse(path, "16,777,216 bytes in a line", "max_line_bytes= (by default 16,777,216)")
    lines = file_of(tmp_path / "y.csv", "id,area\n" + "a" * 100 + ",b\n")
    refuse(lines, "at most 50 bytes in a line; found 102", max_line_bytes=50)


def file_of(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_compressed_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(60):
            file.write(b"1,2\n" * 262_144)
    refuse(path, "bytes unpacked", "max_bytes= (by default 1,073,741,824)", max_bytes=10_000_000)


def test_compressed_files(file: File) -> None:
    packed = gzip.compress(PLAIN.encode())
    assert cells(read(file("x.csv.gz", packed))) == PLAIN_CELLS
    assert cells(read(file("x.csv", packed))) == PLAIN_CELLS
    assert cells(read(file("y.tsv.gz", PLAIN.replace(",", "\t")))) == PLAIN_CELLS
    refuse(file("z.csv.gz", packed[:-12]), "z.csv.gz", "complete")
    damaged = bytearray(packed)
    damaged[15] ^= 255
    refuse(file("z.csv.gz", bytes(damaged)), "z.csv.gz", "complete")


def test_limits_name_their_argument_and_default(file: File) -> None:
    path = file("x.csv", PLAIN)
    refuse(path, "at most 1 rows; found 2", "max_rows= (by default 10,000,000)", max_rows=1)
    refuse(path, "at most 2 columns; found 3", "max_columns= (by default 16,384)", max_columns=2)
    refuse(path, "at most 5 bytes", max_bytes=5)
    for value in (0, -1, 2.5, True, "many"):
        refuse(path, "`max_rows` must be", error=UsageError, max_rows=value)
        refuse(path, "`header_row` must be", error=UsageError, header_row=value)
    refuse(path, "header_row must be at most 3", header_row=9)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04....", "a workbook"),
        (b"PAR1....", "Parquet"),
        (b"%PDF-1.7", "PDF"),
        (b"$FL2@(#)", "SPSS"),
        (b"\xd0\xcf\x11\xe0....", "Office"),
    ],
)
def test_other_files_with_the_name_of_a_text_file(file: File, content: bytes, kind: str) -> None:
    refuse(file("x.csv", content), kind, "Rename")


def test_files_that_are_not_there_or_no_files(tmp_path: Path, file: File) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name in ("none.csv", "none.xlsx", "none.sav", "none.dta", "none.parquet", "folder.csv"):
        refuse(tmp_path / name, name)
    refuse(file("x.dat", PLAIN), "must end in one of .xlsx", "x.dat")


# Workbooks


def book(path: Path, *rows: list[Any], **sheets: list[list[Any]]) -> Path:
    written = openpyxl.Workbook()
    first = written.active
    assert first is not None
    for row in rows:
        first.append(row)
    for name, more in sheets.items():
        sheet = written.create_sheet(name)
        for row in more:
            sheet.append(row)
    written.save(path)
    return path


def test_cells_of_every_kind(tmp_path: Path) -> None:
    path = book(
        tmp_path / "x.xlsx",
        ["id", "area", "on", "at", "score", "met"],
        [1, " Kent ", dt.date(2023, 3, 9), NOON, 0.1, True],
        [2.0, "a\nb", None, dt.time(9, 30), 0.30000000000000004, False],
        ["007", None, "9 March", dt.timedelta(hours=30), 1e20, None],
    )
    table = read(path)
    assert cells(table) == {
        "id": ["1", "2", "007"],
        "area": [" Kent ", "a\nb", None],
        "on": ["2023-03-09", None, "9 March"],
        "at": ["2023-03-09 12:00:00", "09:30:00", "30:00:00"],
        "score": ["0.1", "0.3", "1e+20"],
        "met": ["TRUE", "FALSE", None],
    }
    dates = table["on"].dates
    assert dates is not None
    assert dates.to_pylist() == [dt.date(2023, 3, 9), None, None]
    assert table["id"].dates is None
    assert (table.format, table.sheet, table.sheets) == ("xlsx", "Sheet", ("Sheet",))
    assert table.where(2) == 'x.xlsx, sheet "Sheet", row 4'


def test_title_rows_and_a_footer_of_a_sheet(tmp_path: Path) -> None:
    path = book(
        tmp_path / "x.xlsx",
        ["Youth cases 2023"],
        ["Extracted", dt.date(2023, 12, 2)],
        [],
        ["id", "area", "met", "by"],
        [1, "Kent", "yes", "AB"],
        [],
        [2, "Hove", "no", "CD"],
        [],
        ["Total cases:", 2],
        ["Source: case files"],
    )
    table = read(path)
    assert table.header_row == 4
    assert table.title_rows == ("Youth cases 2023", "Extracted | 2023-12-02")
    assert table.rows.tolist() == [5, 7]
    assert table.footer_rows == ((9, "Total cases: | 2"), (10, "Source: case files"))


def test_a_table_that_begins_in_another_corner(tmp_path: Path) -> None:
    written = openpyxl.Workbook()
    sheet = written.active
    assert sheet is not None
    for row, values in enumerate((["id", "area", "met"], [1, "Kent", "yes"], [], ["Note"]), 10):
        for column, value in enumerate(values, 3):
            sheet.cell(row, column, value)
    written.save(tmp_path / "x.xlsx")
    table = read(tmp_path / "x.xlsx")
    assert [(c.name, c.number) for c in table.columns] == [("id", 3), ("area", 4), ("met", 5)]
    assert (table.header_row, table.rows.tolist()) == (10, [11])
    assert table.footer_rows == ((13, "Note"),)


def test_one_of_several_sheets_must_be_named(tmp_path: Path) -> None:
    rows = [["id", "area", "met"], [1, "Kent", "yes"]]
    path = book(tmp_path / "x.xlsx", *rows, Lists=[["code", "meaning"], ["Y", "yes"]], Empty=[])
    refuse(path, "several tables: 'Sheet', 'Lists'", "sheet=")
    assert cells(read(path, sheet="Lists")) == {"code": ["Y"], "meaning": ["yes"]}
    refuse(
        path, "unknown sheet 'Lsts'; did you mean 'Lists'?", error=UnknownNameError, sheet="Lsts"
    )
    refuse(path, "`sheet` must be the name", error=UsageError, sheet=2)
    only = book(tmp_path / "y.xlsx", ["Read me"], ["first"], Data=rows, Empty=[])
    table = read(only)
    assert (table.sheet, table.sheets) == ("Data", ("Sheet", "Data", "Empty"))
    refuse(book(tmp_path / "z.xlsx"), "no data")


def test_hidden_sheets_rows_and_columns_are_read_and_named(tmp_path: Path) -> None:
    written = openpyxl.Workbook()
    written.active.title = "Cover"  # type: ignore[union-attr]
    sheet = written.create_sheet("Data")
    sheet.sheet_state = "hidden"
    for row in (["id", "area", "met"], *([i, "Kent", "yes"] for i in range(6))):
        sheet.append(row)
    for row in (3, 4, 6):
        sheet.row_dimensions[row].hidden = True
    sheet.column_dimensions["B"].hidden = True
    written.save(tmp_path / "x.xlsx")
    table = read(tmp_path / "x.xlsx")
    assert len(table) == 6
    assert table.notes == (
        "the sheet is hidden",
        "hidden rows were read too: 3 to 4, 6",
        "hidden columns were read too: B",
    )


def test_merged_cells_are_named(tmp_path: Path) -> None:
    written = openpyxl.Workbook()
    sheet = written.active
    assert sheet is not None
    for row in (["Cases", None, None], ["id", "area", "met"], [1, "Kent", "yes"], [2, None, "no"]):
        sheet.append(row)
    sheet.merge_cells("A1:C1")
    sheet.merge_cells("B3:B4")
    written.save(tmp_path / "x.xlsx")
    table = read(tmp_path / "x.xlsx")
    assert cells(table)["area"] == ["Kent", None]
    assert table.notes == ("only the first of merged cells has their value: B3:B4",)


def test_errors_in_cells_can_be_seen(tmp_path: Path) -> None:
    rows = (
        f'<row r="1">{text_cell("A1", "id")}{text_cell("B1", "area")}</row>'
        '<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="e"><v>#N/A</v></c></row>'
        '<row r="3"><c r="A3"><v>2</v></c><c r="B3" t="e"><f>C1/0</f><v>#DIV/0!</v></c></row>'
    )
    table = read(write_xlsx(tmp_path / "x.xlsx", {"S": rows}))
    assert cells(table) == {"id": ["1", "2"], "area": ["#N/A", "#DIV/0!"]}
    assert table.notes == ("cells with errors: B2, B3",)


def test_formulas_without_values_are_refused(tmp_path: Path) -> None:
    rows = [["id", "area", "met"], *([i, "Kent", f"=A{i}>1"] for i in range(2, 10))]
    path = book(tmp_path / "x.xlsx", *rows)
    refuse(path, 'sheet "Sheet"', "none in C2, C3, C4, C5, C6 and 3 more", "save it")


def test_formulas_with_values_are_read(tmp_path: Path) -> None:
    rows = (
        f'<row r="1">{text_cell("A1", "id")}{text_cell("B1", "area")}</row>'
        '<row r="2"><c r="A2"><f>1+1</f><v>2</v></c>'
        '<c r="B2" t="str"><f>IF(1,"","x")</f><v></v></c></row>'
        '<row r="3"><c r="A3"><f t="shared" si="0"/><v>3</v></c>'
        '<c r="B3" t="str"><f>"x"</f><v>x</v></c></row>'
    )
    assert cells(read(write_xlsx(tmp_path / "x.xlsx", {"S": rows}))) == {
        "id": ["2", "3"],
        "area": [None, "x"],
    }


def test_days_counted_from_1904(tmp_path: Path) -> None:
    rows = (
        f'<row r="1">{text_cell("A1", "id")}{text_cell("B1", "on")}</row>'
        '<row r="2"><c r="A2"><v>1</v></c><c r="B2" s="1"><v>43532</v></c></row>'
    )
    for date1904, day in ((True, "2023-03-09"), (False, "2019-03-08")):
        path = write_xlsx(tmp_path / "x.xlsx", {"S": rows}, date1904=date1904)
        assert cells(read(path))["on"] == [day]


def test_cells_without_references(tmp_path: Path) -> None:
    # Some programs leave them out; a cell then follows the one before.
    def cell(text: str) -> str:
        return f'<c t="inlineStr"><is><t>{text}</t></is></c>'

    rows = f"<row>{cell('id')}{cell('area')}</row><row r='4'>{cell('1')}{cell('Kent')}</row>"
    table = read(write_xlsx(tmp_path / "x.xlsx", {"S": rows}))
    assert cells(table) == {"id": ["1"], "area": ["Kent"]}
    assert table.rows.tolist() == [4]


def test_a_prefix_for_every_element(tmp_path: Path) -> None:
    parts = xlsx_parts({"S": text_rows([["id", "area"], ["1", "Kent"]])})
    sheet = parts["xl/worksheets/sheet1.xml"]
    sheet = re.sub(r"<(/?)(\w)", r"<\1x:\2", sheet).replace("xmlns=", "xmlns:x=")
    path = write_zip(tmp_path / "x.xlsx", {**parts, "xl/worksheets/sheet1.xml": sheet})
    assert cells(read(path)) == {"id": ["1"], "area": ["Kent"]}


def test_macros_and_links_to_other_workbooks_are_ignored(tmp_path: Path) -> None:
    parts = xlsx_parts({"S": text_rows([["id", "area"], ["1", "Kent"]])})
    more = {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0" * 500, "xl/externalLinks/a.xml": "<x/>"}
    assert cells(read(write_zip(tmp_path / "x.xlsm", {**parts, **more})))["area"] == ["Kent"]


# Workbooks that are bombs, protected or damaged


def test_a_cell_in_the_last_corner_is_refused(tmp_path: Path) -> None:
    rows = text_rows([["id", "area"], ["1", "Kent"]])
    for last in ("XFD1048576", "ZZZZZZ9", "A99999999", "xfd1048576"):
        number = re.sub(r"\D", "", last)
        far = f'{rows}<row r="{number}"><c r="{last}"><v>1</v></c></row>'
        refuse(write_xlsx(tmp_path / "x.xlsx", {"S": far}), 'sheet "S"', "max_bytes= (by default")


def test_empty_cells_in_the_last_corner_are_nothing(tmp_path: Path) -> None:
    rows = text_rows([["id", "area"], ["1", "Kent"]])
    far = f'{rows}<row r="1048576" hidden="1"><c r="XFD1048576" s="1"/></row>'
    assert len(read(write_xlsx(tmp_path / "x.xlsx", {"S": far}))) == 1


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    parts = xlsx_parts({"S": text_rows([["id", "area"], ["1", "Kent"]])})
    path = write_zip(tmp_path / "x.xlsx", {**parts, "xl/media/a.xml": b" " * 50_000_000})
    assert path.stat().st_size < 100_000
    refuse(path, "x.xlsx: at most 40,000,000 bytes unpacked", max_bytes=40_000_000)


def test_a_zip_bomb_that_states_a_wrong_size_is_refused(tmp_path: Path) -> None:
    parts = xlsx_parts({"S": text_rows([["id", "area"], ["1", "Kent"]])})
    path = write_zip(tmp_path / "x.xlsx", {**parts, "xl/media/a.xml": b" " * 50_000_000})
    data = path.read_bytes().replace(struct.pack("<I", 50_000_000), struct.pack("<I", 50))
    path.write_bytes(data)
    refuse(path, "bytes unpacked", max_bytes=40_000_000)


def test_a_long_text_that_many_cells_share_is_refused(tmp_path: Path) -> None:
    cell = '<c r="{0}{1}" t="s"><v>{2}</v></c>'
    rows = "".join(
        f'<row r="{i}">'
        + "".join(cell.format(a, i, (i > 1) * 2 + (a == "B")) for a in "AB")
        + "</row>"
        for i in range(1, 2_001)
    )
    parts = xlsx_parts({"S": rows})
    links = parts["xl/_rels/workbook.xml.rels"].replace(
        "</Relationships>",
        '<Relationship Id="s" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
    )
    texts = shared_strings(["id", "area", "Kent", "x" * 32_767])
    parts = {**parts, "xl/_rels/workbook.xml.rels": links, "xl/sharedStrings.xml": texts}
    path = write_zip(tmp_path / "x.xlsx", parts)
    assert len(read(path)) == 1_999
    refuse(path, "bytes for the cells", max_bytes=50_000_000)
    # Cells that share short texts only are not blamed for a long one.
    short = xlsx_parts({"S": rows.replace("<v>3</v>", "<v>2</v>")})
    sheet = "xl/worksheets/sheet1.xml"
    few = write_zip(tmp_path / "y.xlsx", {**parts, sheet: short[sheet]})
    assert len(read(few, max_bytes=50_000_000)) == 1_999


def test_entities_are_refused(tmp_path: Path) -> None:
    parts = xlsx_parts({"S": text_rows([["id", "area"], ["1", "Kent"]])})
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    sheet = bomb + parts["xl/worksheets/sheet1.xml"]
    path = write_zip(tmp_path / "x.xlsx", {**parts, "xl/worksheets/sheet1.xml": sheet})
    refuse(path, "document type")


def test_workbooks_with_a_password(tmp_path: Path, file: File) -> None:
    packed = compound_file({"EncryptionInfo": b"x", "EncryptedPackage": b"y" * 9_000})
    refuse(file("x.xlsx", packed), "x.xlsx", "a password is needed")
    protected = old_workbook([], (0x2F, b"\1\0" + bytes(52)))
    refuse(file("x.xls", protected), "x.xls", "a password is needed")
    rows = ods_row("id", "area") + ods_row("1", "Kent")
    ods = write_ods(tmp_path / "x.ods", {"S": rows}, "<m:encryption-data/>")
    refuse(ods, "x.ods", "a password is needed")


def test_a_cut_workbook_is_refused(tmp_path: Path, file: File) -> None:
    whole = book(tmp_path / "x.xlsx", ["id", "area"], [1, "Kent"]).read_bytes()
    for size in (4, 30, 500, len(whole) // 2, len(whole) - 5):
        refuse(file("y.xlsx", whole[:size]), "y.xlsx")
    damaged = bytearray(whole)
    damaged[60:90] = bytes(30)
    refuse(file("y.xlsx", bytes(damaged)), "y.xlsx")
    parts = xlsx_parts({"S": "<row r='1'><c r='A1'>"})
    refuse(write_zip(tmp_path / "z.xlsx", parts), "z.xlsx")
    with zipfile.ZipFile(tmp_path / "w.xlsx", "w") as package:
        package.writestr("readme.txt", "no workbook")
    refuse(tmp_path / "w.xlsx", "w.xlsx")


def test_other_files_with_the_name_of_a_workbook(tmp_path: Path, file: File) -> None:
    refuse(file("x.xls", "<html><table><tr><td>id</td></tr></table>"), "a web page", "save it as")
    refuse(file("x.xls", "id\tarea\n1\tKent\n"), "found text", ".csv or .tsv")
    refuse(file("x.xlsx", b""), "an empty file")
    refuse(file("x.xls", b"<?xml version='1.0'?><Workbook/>"), "an XML file")
    refuse(file("x.xlsx", b"\0\1\2\3" * 100), "bytes 00010203")
    refuse(file("x.xls", compound_file({"WordDocument": b"x"})), "another kind of Office file")
    new = book(tmp_path / "n.xlsx", ["id", "area"], [1, "Kent"])
    assert cells(read(new.rename(tmp_path / "n.xls")))["area"] == ["Kent"]


# The old format


def test_a_workbook_of_the_old_format(tmp_path: Path) -> None:
    written = xlwt.Workbook()
    sheet = written.add_sheet("Cases")
    day = xlwt.easyxf(num_format_str="dd/mm/yyyy")
    for row, values in enumerate(
        (["id", "area", "on", "met"], [1, "Kent", dt.date(2023, 3, 9), True])
    ):
        for column, value in enumerate(values):
            style = day if isinstance(value, dt.date) else xlwt.Style.default_style
            sheet.write(row + 1, column, value, style)
    sheet.write(2, 4, "x" * 20_000)
    sheet.write_merge(3, 3, 0, 1, 2)
    sheet.row(2).hidden = True
    written.save(str(tmp_path / "x.xls"))
    table = read(tmp_path / "x.xls")
    assert cells(table) == {
        "id": ["1", "2"],
        "area": ["Kent", None],
        "on": ["2023-03-09", None],
        "met": ["TRUE", None],
        "": ["x" * 20_000, None],
    }
    assert table.rows.tolist() == [3, 4]
    assert table.notes == (
        "hidden rows were read too: 3",
        "only the first of merged cells has their value: A4:B4",
    )


def test_errors_in_cells_of_the_old_format(file: File) -> None:
    formula = struct.pack("<HHH", 2, 1, 0) + b"\2\0\x07\0\0\0\xff\xff" + bytes(6) + b"\0\0"
    records = [
        label(0, 0, "id"),
        label(0, 1, "area"),
        label(1, 0, "a"),
        (0x205, struct.pack("<HHHBB", 1, 1, 0, 0x2A, 1)),
        label(2, 0, "b"),
        (0x06, formula),
    ]
    table = read(file("x.xls", old_workbook(records)))
    assert cells(table) == {"id": ["a", "b"], "area": ["#N/A", "#DIV/0!"]}
    assert table.notes == ("cells with errors: B2, B3",)


def test_formulas_of_the_old_format_without_values(tmp_path: Path) -> None:
    written = xlwt.Workbook()
    sheet = written.add_sheet("S")
    for column, name in enumerate(("id", "area")):
        sheet.write(0, column, name)
    sheet.write(1, 0, 1)
    sheet.write(1, 1, xlwt.Formula("A2+1"))
    written.save(str(tmp_path / "x.xls"))
    refuse(tmp_path / "x.xls", 'sheet "S"', "none in B2")


def test_bombs_of_the_old_format(file: File) -> None:
    records = [label(0, 0, "id"), label(65_535, 65_535, "x")]
    refuse(file("x.xls", old_workbook(records)), 'sheet "S"', "65,536 rows and 65,536 columns")
    text = struct.pack("<IIHB", 1, 1, 8_000, 0) + b"x" * 8_000
    shared = [(0xFD, struct.pack("<HHHI", i, 0, 0, 0)) for i in range(2_000)]
    path = file("y.xls", old_workbook(shared, (0xFC, text)))
    refuse(path, "bytes for the cells", max_bytes=10_000_000)


def test_damaged_files_of_the_old_format(tmp_path: Path, file: File) -> None:
    written = xlwt.Workbook()
    written.add_sheet("S").write(0, 0, "id")
    written.save(str(tmp_path / "x.xls"))
    whole = (tmp_path / "x.xls").read_bytes()
    for size in (8, 60, 511, 700):
        refuse(file("y.xls", whole[:size]), "y.xls")
    endless = bytearray(compound_file({"Workbook": b"x"}))
    endless[512 + 8 : 512 + 12] = struct.pack("<I", 2)  # a sector that follows itself
    refuse(file("z.xls", bytes(endless)), "z.xls")


def test_sizes_that_a_sheet_of_the_old_format_states_wrong(file: File) -> None:
    # python-calamine asks for as much memory as is stated, and ends the process without it.
    huge = (0x200, struct.pack("<IIHHH", 0, 1 << 31, 0, 255, 0))
    refuse(file("x.xls", old_workbook([huge, label(0, 0, "id")])), "bytes for the cells")
    backward = (0x200, struct.pack("<HHHHH", 14, 1, 1, 17, 0))
    refuse(file("y.xls", old_workbook([backward, label(0, 0, "id")])), "a damaged size")
    texts = struct.pack("<II", 1, (1 << 31) - 1)
    refuse(file("z.xls", old_workbook([], (0xFC, texts))), "more texts than the file can hold")


def test_rows_out_of_order_are_not_lost(tmp_path: Path, file: File) -> None:
    records = [label(0, 0, "id"), label(0, 1, "area"), label(3, 0, "a"), label(2, 0, "b")]
    refuse(file("x.xls", old_workbook(records)), 'sheet "S"', "in order")
    rows = text_rows([["id", "area"], ["1", "Kent"], ["2", "Hove"]])
    first, second, third = re.findall("<row.*?</row>", rows)
    path = write_xlsx(tmp_path / "x.xlsx", {"S": third + first + second})
    refuse(path, 'sheet "S"', "in order")


# OpenDocument


def test_open_document(tmp_path: Path) -> None:
    rows = (
        ods_row("Cases 2023")
        + ods_row("id", "area", "on", "met")
        + '<table:table-row table:visibility="collapse">'
        '<table:table-cell office:value-type="float" office:value="1"><text:p>1</text:p>'
        "</table:table-cell>"
        '<table:table-cell office:value-type="string" calcext:value-type="error">'
        "<text:p>#REF!</text:p></table:table-cell>"
        '<table:table-cell office:value-type="date" office:date-value="2023-03-09">'
        "<text:p>9/3/23</text:p></table:table-cell>"
        '<table:table-cell office:value-type="boolean" office:boolean-value="true">'
        "<text:p>yes</text:p></table:table-cell></table:table-row>"
        + ods_row("2", "Kent", "", "", attributes=' table:number-rows-repeated="3"')
        + ods_row("", attributes=' table:number-rows-repeated="1048000"')
    )
    table = read(write_ods(tmp_path / "x.ods", {"S": rows, "Empty": ods_row("")}))
    assert cells(table) == {
        "id": ["1", "2", "2", "2"],
        "area": ["#REF!", "Kent", "Kent", "Kent"],
        "on": ["2023-03-09", None, None, None],
        "met": ["TRUE", None, None, None],
    }
    assert table.rows.tolist() == [3, 4, 5, 6]
    assert table.notes == ("hidden rows were read too: 3", "cells with errors: B3")


def test_open_document_bombs(tmp_path: Path) -> None:
    head = ods_row("id", "area")
    many = ods_row("x", attributes=' table:number-rows-repeated="99999999"')
    refuse(write_ods(tmp_path / "x.ods", {"S": head + many}), "100,000,000 rows and 2 columns")
    wide = (
        '<table:table-row table:number-rows-repeated="1048575"><table:table-cell'
        ' table:number-columns-repeated="16384" office:value-type="string"><text:p>x</text:p>'
        "</table:table-cell></table:table-row>"
    )
    refuse(write_ods(tmp_path / "y.ods", {"S": head + wide}), "16,384 columns")
    long = many.replace("99999999", "9999").replace("<text:p>x", "<text:p>" + "x" * 90_000)
    refuse(write_ods(tmp_path / "z.ods", {"S": head + long}), "max_bytes=", max_bytes=100_000_000)


def test_open_document_formula_without_value(tmp_path: Path) -> None:
    rows = ods_row("id", "area") + (
        '<table:table-row><table:table-cell office:value-type="float" office:value="1"/>'
        '<table:table-cell table:formula="of:=1+1"/></table:table-row>'
    )
    refuse(write_ods(tmp_path / "x.ods", {"S": rows}), "none in B2")


# SPSS and Stata


def test_labels_and_missing_values_of_spss(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "q1": [1.0, 2.0, np.nan, 8.0, 9.0, 95.0],
            "town": ["a", "bb", "", "XX", "a", "a"],
            "on": [dt.date(2023, 3, 9), None, dt.date(1600, 1, 1), *[dt.date(2007, 1, 31)] * 3],
            "at": [NOON] * 6,
            "share": [0.5, 0.25, np.nan, 1.0, 0.1, 2.0],
        }
    )
    pyreadstat.write_sav(
        frame,
        tmp_path / "x.sav",
        column_labels={"q1": "Was it met?"},
        variable_value_labels={
            "q1": {1: "Yes", 2: "No", 8: "Not applicable"},
            "town": {"a": "Ayr"},
        },
        missing_ranges={"q1": [8, {"lo": 90, "hi": 99}], "town": ["XX"]},
    )
    table = read(tmp_path / "x.sav")
    assert cells(table) == {
        "q1": ["1", "2", None, "8", "9", "95"],
        "town": ["a", "bb", None, "XX", "a", "a"],
        "on": ["2023-03-09", None, "1600-01-01", *["2007-01-31"] * 3],
        "at": ["2023-03-09 12:00:00"] * 6,
        "share": ["0.5", "0.25", None, "1", "0.1", "2"],
    }
    q1, town = table["q1"], table["town"]
    assert q1.labels == {"1": "Yes", "2": "No", "8": "Not applicable"}
    assert (q1.missing, town.missing) == ({"8", "95"}, {"XX"})
    assert (q1.label, town.labels) == ("Was it met?", {"a": "Ayr"})
    on = table["on"].dates
    assert on is not None
    assert on.to_pylist() == [d if isinstance(d, dt.date) else None for d in frame["on"]]
    assert table.where(1) == "x.sav, row 2"
    assert (table.header_row, table.sheet) == (None, None)


def test_extended_missing_values_of_stata(tmp_path: Path) -> None:
    frame = pd.DataFrame({"q1": [1, 2, "a", None], "on": [dt.date(2023, 3, 9)] * 4})
    # The blank must not become a number, as it did in pyreadstat 1.2.8.
    labels = {"q1": {1: "Yes", 2: "No", "a": "Not asked"}}
    pyreadstat.write_dta(
        frame, tmp_path / "x.dta", missing_user_values={"q1": ["a"]}, variable_value_labels=labels
    )
    table = read(tmp_path / "x.dta")
    assert cells(table) == {"q1": ["1", "2", ".a", None], "on": ["2023-03-09"] * 4}
    assert table["q1"].labels == {"1": "Yes", "2": "No", ".a": "Not asked"}
    assert table["q1"].missing == {".a"}


def test_statistical_files_that_are_large_or_damaged(tmp_path: Path, file: File) -> None:
    frame = pd.DataFrame({"id": np.arange(1_000.0), "text": ["x" * 200] * 1_000})
    for name, write in (("x.sav", pyreadstat.write_sav), ("x.dta", pyreadstat.write_dta)):
        path = tmp_path / name
        write(frame, path)
        refuse(path, name, "max_rows= (by default", max_rows=999)
        refuse(path, name, "max_bytes= (by default", max_bytes=path.stat().st_size)
        whole = path.read_bytes()
        for size in (0, 10, 150, len(whole) // 2):
            refuse(file(f"y{path.suffix}", whole[:size]), f"y{path.suffix}", "complete")
    compressed = tmp_path / "z.zsav"
    pyreadstat.write_sav(frame, compressed, compress=True)
    assert len(read(compressed)) == 1_000
    refuse(compressed, "max_bytes=", max_bytes=100_000)


def test_a_damaged_dictionary_of_spss(tmp_path: Path, file: File) -> None:
    # pyreadstat ended the process for each of these.
    frame = pd.DataFrame({"q1": [1.0, 8.0], "area": ["Kent", "Hove"]})
    labels = {"q1": {1.0: "Yes"}}
    pyreadstat.write_sav(
        frame, tmp_path / "x.sav", variable_value_labels=labels, missing_ranges={"q1": [8]}
    )
    whole = (tmp_path / "x.sav").read_bytes()
    assert whole[176:184] == struct.pack("<ii", 2, 0)  # a variable that is a number
    for width in (8, 210, 1_441_792, -2):
        damaged = whole[:180] + struct.pack("<i", width) + whole[184:]
        refuse(file("y.sav", damaged), "y.sav", "a damaged dictionary")


def test_a_statistical_file_without_rows(tmp_path: Path, file: File) -> None:
    pyreadstat.write_sav(pd.DataFrame({"id": [1.0], "area": ["Kent"]}), tmp_path / "x.sav")
    whole = bytearray((tmp_path / "x.sav").read_bytes())
    whole[80:84] = bytes(4)  # the number of rows, each of 16 bytes
    assert cells(read(file("y.sav", bytes(whole[:-16])))) == {"id": [], "area": []}


# Parquet, Arrow and frames


FRAME = pa.table(
    {
        "id": pa.array([1, 2, None]),
        "area": pa.array(["Kent", "", None]).dictionary_encode(),
        "on": pa.array([dt.date(2023, 3, 9), None, None]),
        "at": pa.array([NOON, None, None]),
        "share": pa.array([0.5, 1.0, float("nan")]),
        "met": pa.array([True, None, False]),
    }
)
FRAME_CELLS = {
    "id": ["1", "2", None],
    "area": ["Kent", None, None],
    "on": ["2023-03-09", None, None],
    "at": ["2023-03-09 12:00:00", None, None],
    "share": ["0.5", "1", None],
    "met": ["TRUE", None, "FALSE"],
}


def test_parquet_and_frames(tmp_path: Path) -> None:
    pq.write_table(FRAME, tmp_path / "x.parquet")
    for source in (
        FRAME,
        tmp_path / "x.parquet",
        str(tmp_path / "x.parquet"),
        FRAME.to_reader(),
        pl.DataFrame(FRAME),
        FRAME.to_pandas().astype({"id": "Int64"}),
    ):
        table = read(source)
        assert cells(table) == FRAME_CELLS
        assert table.rows.tolist() == [1, 2, 3]
        dates = table["on"].dates if not isinstance(source, pd.DataFrame) else table["at"].dates
        assert dates is not None
        assert dates.to_pylist() == [dt.date(2023, 3, 9), None, None]
    refuse(tmp_path / "x.parquet", "max_rows=", max_rows=2)
    refuse(FRAME, "max_columns=", max_columns=2)


def test_days_of_pandas_are_days() -> None:
    frame = pd.DataFrame({"on": pd.to_datetime(["2023-03-09", None])})
    assert cells(read(frame))["on"] == ["2023-03-09", None]


def test_a_column_of_several_types() -> None:
    frame = pd.DataFrame({"id": [1, 2], "x": [1, "a"], "y": [dt.date(2023, 3, 9), 2.0]})
    table = read(frame)
    assert cells(table) == {"id": ["1", "2"], "x": ["1", "a"], "y": ["2023-03-09", "2"]}


def test_categories_stay_coded() -> None:
    labels = pa.DictionaryArray.from_arrays([0, 1, 2, None, 2], ["x", "", "x"])
    (column,) = read(pa.table({"a": labels})).columns
    assert column.text.to_pylist() == ["x", None, "x", None, "x"]
    assert column.coded.dictionary.to_pylist() == ["x"]


def test_no_frame_at_all() -> None:
    refuse(5, "expected a data frame")
