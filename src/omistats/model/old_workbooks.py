"""Scan .xls: records in a stream of a compound file.

Sources: [MS-CFB] for the file, [MS-XLS] for the records.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem
from omistats.model.raw_table import ReadLimits
from omistats.model.sheet_packages import SheetScan, protected

Lengths = npt.NDArray[np.int64]

__all__ = ["SIGNATURE", "scan_old_workbook"]

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of a compound file."""

_FREE = 0xFFFFFFF0
_ROOT, _STREAM = 5, 2
# Results of formulas that are no numbers.
_IS_ERROR, _IS_EMPTY = 2, 3
# Most bytes of a text in a cell.
_TEXT_BYTES = 65_534

_ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
}
_BOUNDSHEET, _FILEPASS, _SST, _CONTINUE, _EOF, _BOF = 0x85, 0x2F, 0xFC, 0x3C, 0x0A, 0x809
_DIMENSIONS, _STRING = 0x200, 0x207
_FORMULA, _BOOLERR, _ROW, _COLINFO, _MERGED, _LABELSST = 0x06, 0x205, 0x208, 0x7D, 0xE5, 0xFD
_MULTIPLE = (0xBD, 0xBE)
_SINGLE = (_FORMULA, _BOOLERR, 0x201, 0x203, 0x204, 0x27E, 0xD6, _LABELSST)


def scan_old_workbook(data: bytes, where: str, limits: ReadLimits) -> dict[str, SheetScan]:
    """Scan the sheets of a workbook of the old format.

    Parameters
    ----------
    data : bytes
        The file.
    where : str
        Its name, for errors.
    limits : ReadLimits
        How large the texts of a sheet may be, all together.

    Returns
    -------
    dict of str to SheetScan
        By the name of the sheet.

    Raises
    ------
    DataError
        When it is protected by a password, or no workbook.
    struct.error
        When the file is damaged.
    """
    file = _CompoundFile(data)
    if "EncryptedPackage" in file.streams:
        raise protected(where)
    stream = file.read("Workbook") or file.read("Book")
    if not stream:
        found, hint = "another kind of Office file", "Save it as .xlsx in a spreadsheet program."
        raise DataError([Problem(where, "expected a workbook", found, hint)])
    starts: list[tuple[str, int]] = []
    strings: list[tuple[int, int]] = []
    in_strings = False
    for kind, at, size in _records(stream, 0):
        if kind == _FILEPASS:
            raise protected(where)
        if kind == _BOUNDSHEET and size >= 8:
            (start,) = struct.unpack_from("<I", stream, at)
            count, wide = stream[at + 6], stream[at + 7] & 1
            raw = stream[at + 8 : at + 8 + count * (1 + wide)]
            starts.append((raw.decode("utf-16-le" if wide else "latin-1", "replace"), start))
        in_strings = kind == _SST or (kind == _CONTINUE and in_strings)
        if in_strings:
            strings.append((at, size))
    if strings and struct.unpack_from("<I", stream, strings[0][0] + 4)[0] > len(stream):
        raise struct.error("more texts than the file can hold")
    found_sheets: dict[str, SheetScan] = {}
    for name, start in starts:
        records = _SheetRecords(stream, start)
        found_sheets[name] = records.scan
        if strings and len(records.shared) * _TEXT_BYTES > limits.max_bytes:
            lengths = _shared_lengths(stream, strings)
            known = np.array(records.shared, np.int64)
            records.scan.text_bytes += int(lengths[known[known < len(lengths)]].sum())
    return found_sheets


class _CompoundFile:
    """A file of several streams, each a chain of sectors.

    Attributes
    ----------
    streams : dict of str to (int, int)
        First sector and size of each stream.
    """

    def __init__(self, data: bytes) -> None:
        shift, small_shift = struct.unpack_from("<HH", data, 30)
        if not 7 <= shift <= 16 or small_shift > shift:
            raise struct.error("a damaged header")
        self._data, self._size, self._small = data, 1 << shift, 1 << small_shift
        self._cutoff, first_small = struct.unpack_from("<II", data, 56)
        self._sectors = len(data) // self._size
        self._links = self._read_links()
        self._small_links: list[int] = []
        self._root = b""
        self.streams: dict[str, tuple[int, int]] = {}
        directory = self._chain(struct.unpack_from("<I", data, 48)[0])
        for at in range(0, len(directory) - 127, 128):
            length, kind = struct.unpack_from("<HB", directory, at + 64)
            start, total = struct.unpack_from("<II", directory, at + 116)
            if kind == _ROOT:
                self._root = self._chain(start)
                self._small_links = _numbers(self._chain(first_small))
            elif kind == _STREAM:
                raw = directory[at : at + max(min(length, 64) - 2, 0)]
                self.streams[raw.decode("utf-16-le", "replace")] = start, total

    def _sector(self, number: int) -> bytes:
        return self._data[(number + 1) * self._size : (number + 2) * self._size]

    def _read_links(self) -> list[int]:
        """Return the sector that follows each sector."""
        table = list(struct.unpack_from("<109I", self._data, 76))
        (following,) = struct.unpack_from("<I", self._data, 68)
        for _ in range(self._sectors):
            if following >= _FREE:
                break
            numbers = _numbers(self._sector(following))
            table += numbers[:-1]
            following = numbers[-1] if numbers else _FREE
        else:
            raise struct.error("sectors that follow each other for ever")
        return _numbers(b"".join(self._sector(n) for n in table if n < self._sectors))

    def _chain(self, start: int) -> bytes:
        return b"".join(map(self._sector, _follow(start, self._links, self._sectors)))

    def read(self, name: str) -> bytes:
        """Read a stream; empty if there is none of that name."""
        if name not in self.streams:
            return b""
        start, total = self.streams[name]
        if total >= self._cutoff:
            return self._chain(start)[:total]
        small = self._small
        places = _follow(start, self._small_links, len(self._small_links))
        return b"".join(self._root[n * small : (n + 1) * small] for n in places)[:total]


def _numbers(data: bytes) -> list[int]:
    return np.frombuffer(data[: len(data) // 4 * 4], "<u4").tolist()  # type: ignore[no-any-return]


def _follow(start: int, links: list[int], most: int) -> Iterator[int]:
    """Follow a chain of sectors to its end.

    Raises
    ------
    struct.error
        When it has no end, which other readers would follow for ever.
    """
    for _ in range(most + 1):
        if start >= _FREE:
            return
        if start >= len(links):
            break
        yield start
        start = links[start]
    raise struct.error("a damaged chain of sectors")


def _records(stream: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Iterate over the kind, place and size of records, to the end of the stream's part."""
    depth = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        at += 4
        depth += (kind == _BOF) - (kind == _EOF)
        yield kind, at, min(size, len(stream) - at)
        at += size
        if kind == _EOF and depth <= 0:
            return


class _SheetRecords:
    """The records of one sheet.

    Attributes
    ----------
    scan : SheetScan
        What they say of the sheet.
    shared : list of int
        The shared text of each cell that has one.
    """

    def __init__(self, stream: bytes, start: int) -> None:
        self._stream = stream
        self.scan, self.shared = SheetScan(), list[int]()
        self._formulas = self._row = 0
        self._formula = (0, 0)
        self._hidden: list[tuple[int, int]] = []
        for kind, at, size in _records(stream, start):
            if kind in _SINGLE and size >= 6:
                self._cell(kind, at, size)
            elif kind in _MULTIPLE and size >= 6:
                (row,) = struct.unpack_from("<H", stream, at)
                (column,) = struct.unpack_from("<H", stream, at + size - 2)
                self._use(row, column)
            elif kind == _ROW and size >= 16 and stream[at + 12] & 0x20:
                self.scan.hidden_rows.append(struct.unpack_from("<H", stream, at)[0])
            elif kind == _COLINFO and size >= 10 and stream[at + 8] & 1:
                self._hidden.append(struct.unpack_from("<HH", stream, at))
            elif kind == _MERGED and size >= 2:
                self._merge(at, size)
            elif kind == _DIMENSIONS and size >= 10:
                # Room is made for as many cells as are stated here.
                layout = "<IIHH" if size >= 14 else "<HHHH"
                top, rows, left, columns = struct.unpack_from(layout, stream, at)
                if min(rows, columns) > 0 and (rows <= top or columns <= left):
                    raise struct.error("a damaged size of a sheet")
                self.scan.use(rows - 1, columns - 1)
            elif kind == _STRING:
                self._use(*self._formula)
        self._finish()

    def _use(self, row: int, column: int) -> None:
        if row < self._row:
            self.scan.ordered = False
        self._row = row
        self.scan.use(row, column)

    def _cell(self, kind: int, at: int, size: int) -> None:
        stream, scan = self._stream, self.scan
        row, column = struct.unpack_from("<HH", stream, at)
        self._use(row, column)
        if kind == _LABELSST and size >= 10:
            self.shared.append(struct.unpack_from("<I", stream, at + 6)[0])
        elif kind == _BOOLERR and size >= 8 and stream[at + 7]:
            scan.errors[row, column] = _ERRORS.get(stream[at + 6], "#N/A")
        elif kind == _FORMULA and size >= 14:
            self._formulas += 1
            self._formula = row, column
            special = stream[at + 6] if stream[at + 12 : at + 14] == b"\xff\xff" else -1
            if special == _IS_ERROR:
                scan.errors[row, column] = _ERRORS.get(stream[at + 8], "#N/A")
            elif special == _IS_EMPTY:
                scan.add_formula((row, column))

    def _merge(self, at: int, size: int) -> None:
        (count,) = struct.unpack_from("<H", self._stream, at)
        for i in range(min(count, (size - 2) // 8)):
            top, bottom, left, right = struct.unpack_from("<4H", self._stream, at + 2 + 8 * i)
            self.scan.merged.append((top, left, bottom, right))

    def _finish(self) -> None:
        scan = self.scan
        if scan.formula_count < self._formulas:
            # Where other formulas have values, an empty text is a value as well.
            scan.formulas, scan.formula_count = [], 0
        scan.hidden_rows = [row for row in scan.hidden_rows if row < scan.rows]
        for first, last in self._hidden:
            scan.hidden_columns += range(first, min(last + 1, scan.columns))


def _shared_lengths(stream: bytes, parts: list[tuple[int, int]]) -> Lengths:
    """Return the length in bytes of each shared text; texts may go on in the next record."""
    lengths: list[int] = []
    pieces = iter(parts)
    at, size = next(pieces)
    end, at = at + size, at + 8

    def following() -> int:
        nonlocal end
        place, size = next(pieces)
        end = place + size
        return place

    try:
        while True:
            if at >= end:
                at = following()
            count, flags = struct.unpack_from("<HB", stream, at)
            at += 3
            runs = more = 0
            if flags & 8:
                (runs,) = struct.unpack_from("<H", stream, at)
                at += 2
            if flags & 4:
                (more,) = struct.unpack_from("<I", stream, at)
                at += 4
            lengths.append(count * 2)
            left, width = count, 1 + (flags & 1)
            while left:
                taken = min(left, max(end - at, 0) // width)
                left -= taken
                at += taken * width
                if left:
                    at = following()
                    width = 1 + (stream[at] & 1)
                    at += 1
            rest = 4 * runs + more
            while at + rest > end:
                rest -= end - at
                at = following()
            at += rest
    except (StopIteration, struct.error, IndexError):
        return np.array(lengths, np.int64)
