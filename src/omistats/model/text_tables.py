"""Read text files of separated values: .csv, .tsv and .txt, also compressed."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import DataError, Problem, UsageError, format_value
from omistats.model.files import file_stamps
from omistats.model.raw_table import RawColumn, RawTable, ReadLimits, printable
from omistats.model.sheet_layout import (
    SAMPLE,
    find_header,
    footer_length,
    header_name,
    is_blank,
    row_text,
)

__all__ = ["read_text_table"]

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_CHUNK = 1 << 20
# Arrow reads blocks of this size at the same time; a longer line is read by the csv module.
_BLOCK = 1 << 22
_RECORDS = 20_000
_TAIL = 1 << 16
# Records at the end that may be a footer.
_LAST = 1_000
_MOST_PROBLEMS = 20
# A line of its own after the last; it is part of a cell only if a quotation mark is not closed.
_END = "\x00end"

_NONE = np.empty(0, np.int64)

Octets = bytes | bytearray
Record = list[str]
Positions = npt.NDArray[np.int64]


def read_text_table(
    path: Path,
    header_row: int | None,
    footer_rows: int | None,
    encoding: str | None,
    separator: str | None,
    limits: ReadLimits,
) -> RawTable:
    """Read a text file of separated values.

    Parameters
    ----------
    path : path
        The file.
    header_row, footer_rows : int or None
        Row of the header, and number of rows below the table, if they are given.
    encoding, separator : str or None
        Of the file, if they are given.
    limits : ReadLimits
        How large the file may be.

    Returns
    -------
    RawTable

    Raises
    ------
    DataError
        When the file cannot be read or decoded, is larger than a limit, has rows of different
        lengths, or its header is not clear.
    UsageError
        When the encoding or separator is not valid.
    """
    where = printable(path.name)
    _check_options(encoding, separator)
    try:
        before = file_stamps(path)
        packed = _read_bytes(path, where, limits)
        if file_stamps(path) != before:
            rule, hint = "a file must not change while it is read", "Read it again."
            raise DataError([Problem(where, rule, "another size or time of writing", hint)])
    except (OSError, EOFError, zlib.error) as error:
        hint = "Check that the file exists and is complete."
        raise DataError(
            [Problem(where, "expected a readable text file", str(error), hint)]
        ) from error
    data, encoding = _to_utf8(packed, encoding, where)
    del packed
    start = 0
    if data[:4].lower() == b"sep=" and (line := data[: data.find(b"\n")].strip()):
        separator = separator or line[4:5].decode()
        start = data.find(b"\n") + 1
    sample = _sample(data[start : start + _CHUNK])
    if separator is None:
        separator = _find_separator(sample, where, path.suffixes)
    table = _read_records(data, start, separator, where, header_row, footer_rows, limits)
    kind = next(s for s in reversed(path.suffixes) if s.lower() != ".gz").lower().lstrip(".")
    return RawTable(str(path), kind, encoding=encoding, separator=separator, **table)


def _check_options(encoding: str | None, separator: str | None) -> None:
    if separator is not None and (
        not isinstance(separator, str)
        or len(separator) != 1
        or separator in '"\r\n '
        or not separator.isascii()
    ):
        raise UsageError(
            f"`separator` must be one character such as ',' or ';'; found {format_value(separator)}"
        )
    if encoding is None:
        return
    try:
        b"a".decode(encoding)
        codecs.lookup(encoding)
    except (LookupError, TypeError, ValueError):
        raise UsageError(
            "`encoding` must be the name of an encoding such as 'utf-8' or 'cp1252'; found "
            f"{format_value(encoding)}"
        ) from None


_MAGIC = {
    b"PK\x03\x04": "a zip file or a workbook",
    b"\xd0\xcf\x11\xe0": "an old workbook or another Office file",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"$FL2": "a file of SPSS",
    b"$FL3": "a file of SPSS",
    b"%PDF": "a PDF",
    b"SQLite format 3": "a database",
}


def _read_bytes(path: Path, where: str, limits: ReadLimits) -> bytearray:
    """Read a file, unpacked; stop at the first limit that it passes."""
    with path.open("rb") as file:
        head = file.read(16)
        if kind := next((k for mark, k in _MAGIC.items() if head.startswith(mark)), ""):
            hint = "Rename the file so that its name ends as its kind does."
            raise DataError([Problem(where, "expected a text file", kind, hint)])
        file.seek(0)
        packed = head[:2] == b"\x1f\x8b"
        data, line = bytearray(), 0
        with gzip.open(file) if packed else nullcontext(file) as stream:
            while chunk := stream.read(_CHUNK):
                size = len(data) + len(chunk)
                limits.check("max_bytes", size, where, "bytes" + " unpacked" * packed)
                line = _check_lines(chunk, line, where, limits)
                data += chunk
    return data


def _check_lines(chunk: bytes, line: int, where: str, limits: ReadLimits) -> int:
    """Check the length of lines; return that of the one that goes on."""
    ends = [at for mark in b"\n\r" if (at := chunk.find(mark)) >= 0]
    first = min(ends, default=len(chunk))
    limits.check("max_line_bytes", line + first, where, "bytes in a line")
    if not ends:
        return line + len(chunk)
    last = max(map(chunk.rfind, b"\n\r"))
    if last - first > limits.max_line_bytes:
        octets = np.frombuffer(chunk, np.uint8)
        found = np.flatnonzero((octets == 10) | (octets == 13))
        longest = int(np.diff(found).max()) - 1
        limits.check("max_line_bytes", longest, where, "bytes in a line")
    return len(chunk) - last - 1


_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _to_utf8(data: Octets, encoding: str | None, where: str) -> tuple[Octets, str]:
    """Decode a file to UTF-8 without a byte order mark; return it and the name of its encoding."""
    if encoding is None:
        encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is None:
        encoding = _find_encoding(data, where)
    name = codecs.lookup(encoding).name
    if name in ("utf-8", "utf-8-sig") and (at := _utf8_error(data)) is None:
        data = data[3:] if data.startswith(codecs.BOM_UTF8) else data
        name = "utf-8"
    else:
        try:
            data = data.decode(encoding).encode().removeprefix(codecs.BOM_UTF8)
        except UnicodeError as error:
            at = getattr(error, "start", 0)
            raise _not_text(data, at, f"text must be {encoding}", where) from None
    if (at := data.find(b"\0")) >= 0:
        hint = "The file is damaged or no text file; export it again, or pass encoding=."
        line = data.count(b"\n", 0, at) + 1
        raise DataError(
            [Problem(f"{where}, line {line}", "text must not hold NUL", "a NUL character", hint)]
        )
    return data, name


def _utf8_error(data: Octets) -> int | None:
    """Return the position of the first byte that is not UTF-8; None if there is none."""
    if data.isascii():
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    view, done, pending = memoryview(data), 0, 0
    try:
        for done in range(0, len(data), _CHUNK):
            pending = len(decoder.getstate()[0])
            decoder.decode(view[done : done + _CHUNK], done + _CHUNK >= len(data))
    except UnicodeDecodeError as error:
        return done - pending + error.start
    return None


def _not_text(data: Octets, at: int, rule: str, where: str) -> DataError:
    line = data.count(b"\n", 0, at) + 1
    found = f"the byte {data[at : at + 1].hex()} in {ascii(data[max(at - 15, 0) : at + 15])[1:]}"
    hint = "Pass encoding= with the file's own, or export it as UTF-8."
    return DataError([Problem(f"{where}, line {line}", rule, found, hint)])


def _find_encoding(data: Octets, where: str) -> str:
    """Tell the encoding of a file without a byte order mark.

    Raises
    ------
    DataError
        When bytes of it are UTF-8 and others are not, so that two encodings are mixed.
    """
    head = np.frombuffer(data, np.uint8, min(len(data) // 2 * 2, _CHUNK))
    even, odd = head[::2], head[1::2]
    if len(head) >= 4:
        if not even.any() or (np.mean(even == 0) > 0.6 and odd.all()):
            return "utf-16-be"
        if not odd.any() or (np.mean(odd == 0) > 0.6 and even.all()):
            return "utf-16-le"
    at = _utf8_error(data)
    if at is None:
        return "utf-8"
    if data.decode("utf-8", "ignore").isascii():
        return "cp1252"
    rule = "text must be in one encoding"
    raise _not_text(data, at, f"{rule}; other characters are UTF-8", where)


class _Slice(io.RawIOBase):
    """Data from a position on, read without a copy."""

    def __init__(self, data: Octets, start: int) -> None:
        self._view, self._at = memoryview(data), start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), len(self._view) - self._at)
        buffer[:size] = self._view[self._at : self._at + size]
        self._at += size
        return size


def _lines(data: Octets, start: int) -> Iterator[str]:
    return iter(io.TextIOWrapper(io.BufferedReader(_Slice(data, start)), "utf-8", newline=""))


def _sample(head: Octets) -> list[str]:
    """Return the first lines, without one that is cut."""
    text = head.decode("utf-8", "ignore")
    lines = list(islice(io.StringIO(text, newline=""), 2 * SAMPLE + 1))
    return lines[:-1] if len(lines) > 1 and len(head) >= _CHUNK else lines


def _find_separator(lines: list[str], where: str, suffixes: list[str]) -> str:
    """Find the separator that cuts the most rows into the same number of cells.

    Raises
    ------
    DataError
        When two separators cut all rows alike.
    """
    found: dict[str, tuple[float, int]] = {}
    for separator in _SEPARATORS:
        if not any(separator in line for line in lines):
            continue
        try:
            widths = Counter(len(r) for r in csv.reader(lines, delimiter=separator) if r)
        except csv.Error:
            continue
        width, rows = max(widths.items(), key=lambda item: (item[0] > 1, item[1], item[0]))
        if width > 1:
            found[separator] = (rows / widths.total(), width)
    if not found:
        return ","
    if "\t" in found and ".tsv" in map(str.lower, suffixes):
        return "\t"
    best = max(found, key=lambda s: found[s])
    if others := [s for s in found if s != best and found[s][0] == found[best][0]]:
        names = " and ".join(_SEPARATORS[s] for s in (best, *others))
        rule, hint = "one separator must cut the rows into cells", "Pass separator=."
        raise DataError([Problem(where, rule, f"{names} do, all rows alike", hint)])
    return best


def _read_records(
    data: Octets,
    start: int,
    separator: str,
    where: str,
    header_row: int | None,
    footer_rows: int | None,
    limits: ReadLimits,
) -> dict[str, Any]:
    """Find the header and read the records below it; return arguments of a `RawTable`."""
    head, size = _read_head(data, start, separator, where, header_row)
    at = start + size
    header = head[-1]
    while header and not header[-1].strip():
        header.pop()
    limits.check("max_columns", len(header), f"{where}, row {len(head)}", "columns")
    first = len(head) + 1
    reader = _Records(separator, where, len(header), footer_rows, limits)
    if len(header) > 1 and (end := reader.read_plain(data, at, first)):
        first += reader.done
        at = end
    if at < len(data):
        reader.read(data, at, first)
    columns = []
    for j, (cell, values) in enumerate(zip(header, reader.finish(), strict=True)):
        if (name := header_name(cell)) or values.null_count < len(values):
            columns.append(RawColumn(name, j + 1, values))
    return {
        "columns": tuple(columns),
        "rows": reader.rows,
        "header_row": len(head),
        "title_rows": tuple(row_text(row) for row in head[:-1] if not is_blank(row)),
        "footer_rows": reader.footer,
    }


def _read_head(
    data: Octets, start: int, separator: str, where: str, header_row: int | None
) -> tuple[list[Record], int]:
    """Read the records up to the header; return them, and where the next one begins."""
    ends, end = [0], 0

    def lines() -> Iterator[str]:
        nonlocal end
        for line in _lines(data, start):
            end += len(line.encode())
            yield line
        yield _END

    records: list[Record] = []
    try:
        for record in csv.reader(lines(), delimiter=separator):
            if record == [_END]:
                break
            if record and _END in record[-1]:
                found = "a quotation mark that is never closed"
                raise _unclosed(where, len(records) + 1, found)
            records.append(record)
            ends.append(end)
            cells = sum(map(len, records))
            if header_row is not None:
                if len(records) == header_row:
                    return records, end
            elif len(records) >= 2 * SAMPLE or (len(records) > 20 and cells > 200_000):
                break
    except csv.Error as error:
        raise _unclosed(where, len(records) + 1, str(error)) from error
    if header_row is not None:
        rule, hint = f"header_row must be at most {len(records)}", "Pass the row of the header."
        raise DataError([Problem(where, rule, str(header_row), hint)])
    skip = next((i for i, record in enumerate(records) if not is_blank(record)), 0)
    at = skip + find_header(records[skip:], skip + 1, where)
    return records[: at + 1], ends[at + 1]


def _unclosed(where: str, row: int, found: str) -> DataError:
    rule = "a cell must end at its quotation mark, with at most 131,072 characters"
    hint = 'Close the quotation mark; write one within a cell as "".'
    return DataError([Problem(f"{where}, row {row}", rule, found, hint)])


def _plain_part(data: Octets, start: int, separator: str) -> int:
    """Return how far Arrow can read: to a blank line near the end, if there is one.

    Zero if quotation marks stand within cells, or there are blank lines further up, which
    Arrow would not count.
    """
    octets = np.frombuffer(data, np.uint8, offset=start)
    quotes = np.flatnonzero(octets == ord('"')) if data.find(b'"', start) >= 0 else _NONE
    if len(quotes):
        edges = np.zeros(256, np.bool_)
        edges[[10, 13, ord(separator), ord('"')]] = True
        before, after = quotes[::2], quotes[1::2]
        opened = edges[octets[before[before > 0] - 1]].all()
        closed = edges[octets[after[after < len(octets) - 1] + 1]].all()
        if len(quotes) % 2 or not opened or not closed:
            return 0
    end = len(data)
    while end > start and data[end - 1] in b"\r\n":
        end -= 1
    for at in _blank_lines(data, start, end):
        if np.searchsorted(quotes, at - start) % 2 == 0:
            return at if at >= end - _TAIL and at > start else 0
    return len(data)


def _blank_lines(data: Octets, start: int, end: int) -> list[int]:
    """List where blank lines begin."""
    if data[start : start + 1] in (b"\n", b"\r"):
        return [start]
    found: list[int] = []
    for mark in (b"\n\n", b"\n\r\n", b"\r\r"):
        at = data.find(mark, start, end)
        while at >= 0 and len(found) < 10_000:
            found.append(at + 1)
            at = data.find(mark, at + 1, end)
    return sorted(found)


def _has_one_line_a_row(data: Octets, start: int, rows: int) -> bool:
    """Tell whether there are as many lines as rows, so that none is blank or within a cell."""
    end = "\n" if data.find(b"\n", start) >= 0 else "\r"
    last = data.rfind(end.encode(), start, len(data) - 1) + 1
    lines = data.count(end.encode(), start) + (not data.endswith(end.encode()))
    return lines == rows and data.count(b'"', max(last, start)) % 2 == 0


class _Records:
    """Records below a header, collected as columns of text.

    Records at the end are kept aside until it is known whether they are a footer.
    """

    def __init__(
        self,
        separator: str,
        where: str,
        width: int,
        footer_rows: int | None,
        limits: ReadLimits,
    ) -> None:
        self._separator, self._where, self._width = separator, where, width
        self._footer_rows, self._limits = footer_rows, limits
        self._chunks: list[list[pa.Array]] = []
        self._rows: list[Positions] = []
        self._last: list[tuple[int, Record]] = []
        self._problems: list[Problem] = []
        self._ragged = 0
        self.done = 0
        self.footer: tuple[tuple[int, str], ...] = ()

    @property
    def rows(self) -> Positions:
        """Number of each data row."""
        return np.concatenate(self._rows) if self._rows else np.empty(0, np.int64)

    def read_plain(self, data: Octets, start: int, first: int) -> int:
        """Read records with Arrow; return where they end, zero if it cannot read them."""
        end, table = len(data), None
        with suppress(pa.ArrowException):  # read in another way below
            table = self._read_arrow(data, start, end, lines_in_cells=False)
        if table is None or not _has_one_line_a_row(data, start, table.num_rows):
            # Blank lines, line breaks within cells, or a footer.
            end = _plain_part(data, start, self._separator)
            if not end:
                return 0
            try:
                table = self._read_arrow(data, start, end, lines_in_cells=True)
            except pa.ArrowException:
                return 0
        self._limits.check("max_rows", table.num_rows, self._where, "rows")
        rows = np.arange(first, first + table.num_rows, dtype=np.int64)
        self.done = table.num_rows
        # The last ones may be a footer.
        cut = max(table.num_rows - _LAST, 0)
        last = table.slice(cut)
        kept, rows = table.slice(0, cut), rows[:cut]
        if (blank := _blank_rows(kept)) is not None:
            kept, rows = kept.filter(pa.array(~blank)), rows[~blank]
        self._chunks.append(kept.columns)
        self._rows.append(rows)
        cells = [[v or "" for v in column.to_pylist()] for column in last.columns]
        records = map(list, zip(*cells, strict=True))
        self._last = list(zip(range(first + cut, first + table.num_rows), records, strict=True))
        return end

    def _read_arrow(self, data: Octets, start: int, end: int, *, lines_in_cells: bool) -> pa.Table:
        from pyarrow import csv as arrow_csv

        names = [str(j) for j in range(self._width)]
        return arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(start, end - start)),
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=_BLOCK),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._separator, newlines_in_values=lines_in_cells
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                check_utf8=False,  # it has been checked
            ),
        )

    def read(self, data: Octets, start: int, first: int) -> None:
        """Read records one by one."""
        number = first
        lines: Iterable[str] = _with_end(_lines(data, start))
        closed = False
        try:
            for number, record in enumerate(csv.reader(lines, delimiter=self._separator), first):
                if record == [_END]:
                    closed = True
                    break
                self._last.append((number, record))
                if len(self._last) >= _RECORDS + _LAST:
                    self._keep(len(self._last) - _LAST)
        except csv.Error as error:
            raise _unclosed(self._where, number + 1, str(error)) from error
        if not closed:
            start = self._last[-1][0] if self._last else first
            raise _unclosed(self._where, start, "a quotation mark that is never closed")

    def _keep(self, count: int) -> None:
        """Take the first records that are not yet taken; they are no footer."""
        taken, self._last = self._last[:count], self._last[count:]
        good = []
        for number, record in taken:
            if len(record) > self._width and not any(map(str.strip, record[self._width :])):
                record = record[: self._width]
            if len(record) == self._width:
                if any(record) and not is_blank(record):
                    good.append((number, record))
            elif not is_blank(record):
                self._report_length(number, len(record))
        rows = sum(map(len, self._rows)) + len(good)
        self._limits.check("max_rows", rows, self._where, "rows")
        if good:
            cells = zip(*(record for _, record in good), strict=True)
            self._chunks.append([_text(column) for column in cells])
            self._rows.append(np.array([number for number, _ in good], np.int64))

    def _report_length(self, number: int, length: int) -> None:
        self._ragged += 1
        if len(self._problems) < _MOST_PROBLEMS:
            rule = f"every row must have {self._width} cells, as the header has"
            hint = (
                "Put quotation marks around cells that hold the separator."
                if length > self._width
                else "Complete the row; a note below the table needs a blank row above it."
            )
            self._problems.append(Problem(f"{self._where}, row {number}", rule, f"{length}", hint))

    def finish(self) -> list[pa.ChunkedArray]:
        """Set the footer apart and return the columns.

        Raises
        ------
        DataError
            When rows have more or fewer cells than the header.
        """
        records = [record for _, record in self._last]
        length = self._footer_rows
        if length is None:
            length = footer_length(records, self._width)
        length = min(length, len(records))
        notes = self._last[len(records) - length :]
        self._keep(len(records) - length)
        self.footer = tuple((number, row_text(row)) for number, row in notes if not is_blank(row))
        if self._problems:
            if more := self._ragged - len(self._problems):
                hint = "Check the separator and the header's row."
                rule = "every row must have as many cells as the header"
                self._problems.append(Problem(self._where, rule, f"{more:,} more rows", hint))
            raise DataError(self._problems)
        return [
            pa.chunked_array(
                [p for chunk in self._chunks for p in _pieces(chunk[j])], type=pa.string()
            )
            for j in range(self._width)
        ]


def _pieces(column: Any) -> list[pa.Array]:
    return list(column.chunks) if isinstance(column, pa.ChunkedArray) else [column]


def _with_end(lines: Iterator[str]) -> Iterator[str]:
    yield from lines
    yield _END


def _text(cells: tuple[str, ...]) -> pa.Array:
    return pa.array([cell or None for cell in cells], pa.string())


def _blank_rows(table: pa.Table) -> npt.NDArray[np.bool_] | None:
    """Tell which rows hold nothing but blanks; None if all hold more."""
    import pyarrow.compute as pc

    blank: npt.NDArray[np.bool_] | None = None
    # The fullest column, usually of ids, tells of most tables that they have no such row.
    for column in sorted(table.columns, key=lambda column: int(column.null_count)):
        empty = pc.utf8_is_space(column).fill_null(True)
        here = np.asarray(empty.to_numpy(), np.bool_)
        blank = here if blank is None else blank & here
        if not blank.any():
            return None
    return blank
