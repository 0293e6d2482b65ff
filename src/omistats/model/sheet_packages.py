"""Scan .xlsx, .xlsm and .ods, which are zip packages of XML, piece by piece."""

from __future__ import annotations

import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import attrs
import numpy as np

from omistats.errors import DataError, Problem
from omistats.model.raw_table import ReadLimits, printable

__all__ = ["SheetScan", "protected", "scan_package", "unreadable"]

Cell = tuple[int, int]
_MOST_FORMULAS = 1_000

_CHUNK = 1 << 18


@attrs.define(eq=False)
class SheetScan:
    """What python-calamine does not say about a sheet; rows and columns count from 0.

    Attributes
    ----------
    rows, columns : int
        Size of the used area, from the first cell of the sheet.
    ordered : bool
        Whether no row stands above an earlier one, as other readers may lose it.
    text_bytes : int
        Size of the text of all cells.
    errors : dict of (int, int) to str
        The cells that hold an error, such as ``#N/A``.
    formulas : list of (int, int)
        The first cells whose formula has no stored value.
    formula_count : int
        Number of such cells.
    hidden_rows, hidden_columns : list of int
        The hidden rows and columns of the used area.
    merged : list of (int, int, int, int)
        First row and column, and last row and column, of merged cells.
    """

    rows: int = 0
    columns: int = 0
    ordered: bool = True
    text_bytes: int = 0
    errors: dict[Cell, str] = attrs.field(factory=dict)
    formulas: list[Cell] = attrs.field(factory=list)
    formula_count: int = 0
    hidden_rows: list[int] = attrs.field(factory=list)
    hidden_columns: list[int] = attrs.field(factory=list)
    merged: list[tuple[int, int, int, int]] = attrs.field(factory=list)

    def add_formula(self, cell: Cell) -> None:
        """Note a formula without a stored value."""
        self.formula_count += 1
        if len(self.formulas) < _MOST_FORMULAS:
            self.formulas.append(cell)

    def use(self, row: int, column: int) -> None:
        """Extend the used area to a cell."""
        if row >= self.rows:
            self.rows = row + 1
        if column >= self.columns:
            self.columns = column + 1


def unreadable(where: str, error: BaseException) -> DataError:
    """Return the error of a workbook that cannot be read."""
    found = printable(str(error) or type(error).__name__)
    hint = "Check that the file exists and is complete; save it again in a spreadsheet program."
    return DataError([Problem(where, "expected a readable workbook", found, hint)])


def protected(where: str) -> DataError:
    """Return the error of a workbook that is protected by a password."""
    hint = "Open it in a spreadsheet program and save it without a password."
    return DataError([Problem(where, "a workbook must be readable", "a password is needed", hint)])


def scan_package(file: BinaryIO, where: str, limits: ReadLimits) -> dict[str, SheetScan]:
    """Scan the sheets of a package, unpacking its parts one piece at a time.

    Parameters
    ----------
    file : binary file
        The package.
    where : str
        Its name, for errors.
    limits : ReadLimits
        How large it may be, unpacked.

    Returns
    -------
    dict of str to SheetScan
        By the name of the sheet.

    Raises
    ------
    DataError
        When it is protected by a password, larger than a limit, or its XML is damaged.
    zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError
        When it cannot be unpacked.
    """
    package = zipfile.ZipFile(file)
    infos = package.infolist()
    # The sizes that the file states come first: they cost nothing to add up.
    total = sum(info.file_size for info in infos)
    limits.check("max_bytes", total, where, "bytes unpacked")
    if any(info.flag_bits & 1 for info in infos):
        raise protected(where)
    if any(info.filename.lower() == "encrypted-package" for info in infos):
        raise protected(where)
    parts, done = _Parts(where), 0
    for info in infos:
        handler = parts.begin(info.filename)
        for piece in _unpack(file, info):
            done += len(piece)
            limits.check("max_bytes", done, where, "bytes unpacked")
            if handler is not None:
                handler.feed(piece)
        if handler is not None:
            handler.close()
        if isinstance(handler, _PlainSheet) and not handler.plain:
            _parse_again(file, info, _XmlPart(parts, info.filename))
    if parts.encrypted:
        raise protected(where)
    found = parts.sheets()
    for sheet, strings in found.values():
        if strings and len(parts.strings):
            longest = int(parts.strings.max())
            most = strings * longest
            # Added up cell by cell only if it matters.
            sheet.text_bytes += (
                most if most <= limits.max_bytes else _shared_text(file, package, parts, sheet)
            )
    return {name: sheet for name, (sheet, _) in found.items()}


def _unpack(file: BinaryIO, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Unpack a part piece by piece, whatever size the file states for it."""
    file.seek(info.header_offset)
    head = file.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile(f"no part {printable(info.filename)!r}")
    name, extra = struct.unpack("<HH", head[26:30])
    file.seek(info.header_offset + 30 + name + extra)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError(f"compression {info.compress_type}")
    left = info.compress_size
    unpacker = zlib.decompressobj(-15) if info.compress_type == zipfile.ZIP_DEFLATED else None
    while left > 0 and (packed := file.read(min(left, 1 << 16))):
        left -= len(packed)
        if unpacker is None:
            yield packed
            continue
        while packed and not unpacker.eof:
            yield unpacker.decompress(packed, _CHUNK)
            packed = unpacker.unconsumed_tail
    if unpacker is not None:
        yield unpacker.flush()


def _parse_again(file: BinaryIO, info: zipfile.ZipInfo, part: _XmlPart) -> None:
    for piece in _unpack(file, info):
        part.feed(piece)
    part.close()


class _Parts:
    """The parts of a package that say something about its sheets."""

    def __init__(self, where: str, *, collect: bool = False) -> None:
        self.where, self.collect = where, collect
        self.encrypted = False
        self.strings: Any = np.empty(0, np.int64)
        self.order: list[tuple[str, str]] = []
        self.targets: dict[str, dict[str, str]] = {}
        self.book = ""
        self.ods: dict[str, SheetScan] = {}
        self.worksheets: dict[str, _PlainSheet | _Worksheet] = {}

    def begin(self, name: str) -> _PlainSheet | _XmlPart | None:
        """Return what reads a part; None if it is not XML."""
        lower = name.lower()
        if lower.endswith(".rels"):
            return _Relations(self, name)
        if not lower.endswith(".xml") or "/theme/" in lower or lower.endswith("styles.xml"):
            return None
        return _PlainSheet(self, name) if "/worksheets/" in lower else _XmlPart(self, name)

    def sheets(self) -> dict[str, tuple[SheetScan, int]]:
        """Return the sheets by name, with their number of shared texts."""
        if self.ods:
            return {name: (sheet, 0) for name, sheet in self.ods.items()}
        folder, book = posixpath.split(self.book)
        targets = self.targets.get(f"{folder}/_rels/{book}.rels".lstrip("/"), {})
        found: dict[str, tuple[SheetScan, int]] = {}
        listed = set()
        for name, link in self.order:
            target = targets.get(link, "")
            part = posixpath.normpath(
                target if target.startswith("/") else posixpath.join(folder, target)
            ).lstrip("/")
            sheet = next((s for n, s in self.worksheets.items() if n.lower() == part.lower()), None)
            if sheet is not None:
                listed.add(sheet.name)
                found[name] = (sheet.scan, sheet.shared)
        # Another reader may find a sheet where we do not; its size is limited as well.
        for name, sheet in self.worksheets.items():
            if name not in listed:
                found[f"({name})"] = (sheet.scan, sheet.shared)
        return found

    def add_strings(self, lengths: list[int]) -> None:
        self.strings = np.array(lengths, np.int64)


class _XmlPart:
    """An XML part, whose root says what it is."""

    def __init__(self, parts: _Parts, name: str) -> None:
        # Reads pieces as they are unpacked, and refuses a document type with its entities.
        from xml.parsers import expat

        self.parts, self.name = parts, name
        self.parser = expat.ParserCreate()
        self.parser.ordered_attributes = True
        self.parser.StartElementHandler = self._root
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._error = expat.ExpatError

    def feed(self, piece: bytes) -> None:
        try:
            self.parser.Parse(piece, False)
        except self._error as error:
            raise unreadable(f"{self.parts.where}, {printable(self.name)}", error) from error

    def close(self) -> None:
        try:
            self.parser.Parse(b"", True)
        except self._error as error:
            raise unreadable(f"{self.parts.where}, {printable(self.name)}", error) from error
        self.finish()

    def finish(self) -> None:
        """Keep what was found."""

    def _doctype(self, *_: object) -> None:
        rule, hint = "a workbook must not declare a document type", "Save it again."
        raise DataError([Problem(self.parts.where, rule, printable(self.name), hint)])

    def _root(self, name: str, attributes: list[str]) -> None:
        kind = _KINDS.get(_local(name))
        if kind is None:
            self.parser.StartElementHandler = None
            return
        part = kind(self.parts, self.name, self.parser)
        self.finish = part.finish  # type: ignore[method-assign]
        part.start(name, attributes)


def _local(name: str) -> str:
    return name[name.rfind(":") + 1 :]


def _attribute(attributes: list[str], *names: str) -> str | None:
    """Return an attribute by its local name."""
    for key, value in zip(attributes[::2], attributes[1::2], strict=True):
        if _local(key) in names:
            return value
    return None


class _Part:
    """Handler of the elements of a part."""

    def __init__(self, parts: _Parts, name: str, parser: Any) -> None:
        self.parts, self.name, self.parser = parts, name, parser
        parser.StartElementHandler = self.start

    def start(self, name: str, attributes: list[str]) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """Keep what was found."""


class _Relations(_XmlPart):
    """Targets of the links of a part."""

    def _root(self, name: str, attributes: list[str]) -> None:
        if _local(name) == "Relationship":
            link, target = _attribute(attributes, "Id"), _attribute(attributes, "Target")
            links = self.parts.targets.setdefault(self.name, {})
            links[link or ""] = target or ""


class _Workbook(_Part):
    def start(self, name: str, attributes: list[str]) -> None:
        kind = _local(name)
        if kind == "workbook":
            self.parts.book = self.name
        elif kind == "sheet":
            sheet = _attribute(attributes, "name") or ""
            self.parts.order.append((sheet, _attribute(attributes, "id") or ""))


class _Manifest(_Part):
    def start(self, name: str, attributes: list[str]) -> None:  # noqa: ARG002
        if _local(name) == "encryption-data":
            self.parts.encrypted = True


class _SharedStrings(_Part):
    """Lengths of the texts that cells share."""

    def __init__(self, parts: _Parts, name: str, parser: Any) -> None:
        super().__init__(parts, name, parser)
        self._lengths: list[int] = []
        parser.CharacterDataHandler = self._text

    def start(self, name: str, attributes: list[str]) -> None:  # noqa: ARG002
        if _local(name) == "si":
            self._lengths.append(0)

    def _text(self, text: str) -> None:
        if self._lengths:
            self._lengths[-1] += len(text) if text.isascii() else 4 * len(text)

    def finish(self) -> None:
        self.parts.add_strings(self._lengths)


_LETTERS: dict[str, int] = {}


def _column(letters: str) -> int:
    """Return the index of a column by its letters, from 0."""
    if (found := _LETTERS.get(letters)) is None:
        found = 0
        for letter in letters.upper():
            found = found * 26 + ord(letter) - 64
        found -= 1
        if len(_LETTERS) < 20_000:
            _LETTERS[letters] = found
    return found


def _cell(reference: str) -> Cell:
    letters = reference.rstrip("0123456789")
    return int(reference[len(letters) :] or 0) - 1, _column(letters)


_REFERENCE = re.compile(rb'<c r="([A-Za-z]+)([0-9]+)"')
# What needs a parser: formulas, errors, hidden rows and columns, merged cells, declarations.
_NEEDS_PARSER = (b"<f", b'="e"', b"hidden", b"mergeCell", b"<!", b":c ", b":row")


class _PlainSheet:
    """A sheet of .xlsx that holds nothing but cells, which needs no parser."""

    def __init__(self, parts: _Parts, name: str) -> None:
        self.scan, self.name, self.plain = SheetScan(), name, True
        self.shared = 0
        self._letters: set[bytes] = set()
        self._row = 0
        self._rest = b""
        self._begun = False
        parts.worksheets[name] = self

    def feed(self, piece: bytes) -> None:
        """Look for cells in the next piece."""
        if not self.plain:
            return
        piece = self._rest + piece
        # A tag may be cut at the end of a piece.
        end = max(piece.rfind(b"<"), 0)
        piece, self._rest = piece[:end], piece[end:]
        self._begun = self._begun or b"<worksheet" in piece
        found = _REFERENCE.findall(piece)
        count = piece.count
        self.plain = (
            len(self._rest) <= _CHUNK
            and not any(mark in piece for mark in _NEEDS_PARSER)
            and len(found) + count(b"<col") == count(b"<c")
            and count(b'<row r="') == count(b"<row")
        )
        if found:
            letters, numbers = zip(*found, strict=True)
            self._letters.update(letters)
            rows = np.array([self._row, *map(int, numbers)])
            self._row = int(rows[-1])
            self.plain = self.plain and bool((np.diff(rows) >= 0).all())
        # At most; which cells share texts is not looked at here.
        self.shared += len(found)

    def close(self) -> None:
        """Take the size of the sheet."""
        self.plain = self.plain and self._begun
        self.scan.columns = max((_column(c.decode()) + 1 for c in self._letters), default=0)
        self.scan.rows = self._row  # the last, as they are in order


class _Worksheet(_Part):
    """The cells of a sheet of .xlsx."""

    def __init__(self, parts: _Parts, name: str, parser: Any) -> None:
        super().__init__(parts, name, parser)
        self.scan = SheetScan()
        self.shared = 0
        self.indices: list[int] | None = [] if parts.collect else None
        self._row = self._column = self._last = -1
        self._kind: str | None = None
        self._formula = False
        self._text: list[str] | None = None
        self._columns: list[tuple[int, int]] = []
        parts.worksheets[name] = self

    def start(self, name: str, attributes: list[str]) -> None:
        if self._text is not None:
            self._end_text()
        if ":" in name:
            name = _local(name)
        if name == "c":
            if self._formula:
                self._end_formula()
            self._kind = None
            at: str | None = None
            for i in range(0, len(attributes), 2):
                key = attributes[i]
                if key == "r":
                    at = attributes[i + 1]
                elif key == "t":
                    self._kind = attributes[i + 1]
            if at is None:
                self._column += 1
            else:
                letters = at.rstrip("0123456789")
                self._column = _LETTERS.get(letters) or _column(letters)
                self._row = int(at[len(letters) :] or 0) - 1
        elif name in ("v", "is"):
            self._value()
        elif name == "row":
            self._begin_row(attributes)
        elif name == "f":
            self._formula = True
        else:
            self._other(name, attributes)

    def _value(self) -> None:
        scan = self.scan
        if self._row < self._last:
            scan.ordered = False
        self._last = self._row
        if self._row >= scan.rows:
            scan.rows = self._row + 1
        if self._column >= scan.columns:
            scan.columns = self._column + 1
        kind = self._kind
        if kind == "s":
            self.shared += 1
        if self._formula or kind == "e" or (kind == "s" and self.indices is not None):
            self._text = []
            self.parser.CharacterDataHandler = self._text.append

    def _end_text(self) -> None:
        """Take the value of a cell that has a formula or an error."""
        text = "".join(self._text or ()).strip()
        self._text = None
        self.parser.CharacterDataHandler = None
        if self._kind == "e" and text:
            self.scan.errors[self._row, self._column] = text
        if self._kind == "s" and self.indices is not None and text.isdigit():
            self.indices.append(int(text))
        if text or self._kind == "str":
            self._formula = False

    def _end_formula(self) -> None:
        self._formula = False
        self.scan.use(self._row, self._column)
        self.scan.add_formula((self._row, self._column))

    def _begin_row(self, attributes: list[str]) -> None:
        if self._formula:
            self._end_formula()
        number = _attribute(attributes, "r")
        self._row = int(number) - 1 if number and number.isdigit() else self._row + 1
        self._column = -1
        if _attribute(attributes, "hidden") in ("1", "true"):
            self.scan.hidden_rows.append(self._row)

    def _other(self, name: str, attributes: list[str]) -> None:
        if name == "col" and _attribute(attributes, "hidden") in ("1", "true"):
            first, last = (_attribute(attributes, key) or "0" for key in ("min", "max"))
            if first.isdigit() and last.isdigit():
                self._columns.append((int(first) - 1, int(last)))
        elif name == "mergeCell" and (area := _attribute(attributes, "ref")):
            first, _, last = area.partition(":")
            if last:
                self.scan.merged.append((*_cell(first), *_cell(last)))
        elif name not in ("t", "r", "rPr") and self._formula:
            self._end_formula()

    def finish(self) -> None:
        if self._text is not None:
            self._end_text()
        if self._formula:
            self._end_formula()
        scan = self.scan
        scan.hidden_rows = [row for row in scan.hidden_rows if row < scan.rows]
        for first, last in self._columns:
            scan.hidden_columns += range(first, min(last, scan.columns))


def _shared_text(file: BinaryIO, package: zipfile.ZipFile, parts: _Parts, scan: SheetScan) -> int:
    """Add up the shared texts of all cells of a sheet."""
    name = next(name for name, sheet in parts.worksheets.items() if sheet.scan is scan)
    again = _Parts(parts.where, collect=True)
    reader = _XmlPart(again, name)
    total = 0

    def add() -> None:
        nonlocal total
        sheet = again.worksheets.get(name)
        if isinstance(sheet, _Worksheet) and sheet.indices:
            known = np.array(sheet.indices, np.int64)
            total += int(parts.strings[known[known < len(parts.strings)]].sum())
            sheet.indices = []

    for piece in _unpack(file, package.getinfo(name)):
        reader.feed(piece)
        add()
    reader.close()
    add()
    return total


class _OpenDocument(_Part):
    """The tables of content.xml of .ods, in which rows and cells may be repeated."""

    def __init__(self, parts: _Parts, name: str, parser: Any) -> None:
        super().__init__(parts, name, parser)
        self._scan: SheetScan | None = None
        self._row = self._column = self._hidden = 0
        self._rows_repeated = self._columns_repeated = 1
        self._cell: list[str] = []
        self._length, self._texts = 0, 0
        parser.CharacterDataHandler = self._text
        parser.EndElementHandler = self._end

    def start(self, name: str, attributes: list[str]) -> None:
        kind = _local(name)
        if kind == "table" and self._scan is None:
            self._scan = SheetScan()
            self._row = self._hidden = 0
            self.parts.ods[_attribute(attributes, "name") or ""] = self._scan
        elif self._scan is None:
            return
        elif kind == "table-row":
            self._column = 0
            self._rows_repeated = _repeated(attributes, "number-rows-repeated")
            if _attribute(attributes, "visibility") in ("collapse", "filter"):
                last = min(self._row + self._rows_repeated, self._row + 10_000)
                self._scan.hidden_rows += range(self._row, last)
        elif kind == "table-column":
            count = _repeated(attributes, "number-columns-repeated")
            if _attribute(attributes, "visibility") in ("collapse", "filter"):
                self._scan.hidden_columns += range(self._hidden, self._hidden + min(count, 16_384))
            self._hidden += count
        elif kind in ("table-cell", "covered-table-cell"):
            self._columns_repeated = _repeated(attributes, "number-columns-repeated")
            self._cell, self._length, self._texts = attributes, 0, 0
        elif kind == "p":
            self._texts += 1

    def _text(self, text: str) -> None:
        self._length += len(text) if text.isascii() else 4 * len(text)
        if self._texts and self._scan is not None and _is_error(self._cell):
            cell = (self._row, self._column)
            self._scan.errors[cell] = self._scan.errors.get(cell, "") + text

    def _end(self, name: str) -> None:
        kind = _local(name)
        scan = self._scan
        if scan is None:
            return
        if kind in ("table-cell", "covered-table-cell"):
            self._end_cell(scan)
        elif kind == "table-row":
            self._row += self._rows_repeated
        elif kind == "table":
            scan.hidden_rows = [row for row in scan.hidden_rows if row < scan.rows]
            scan.hidden_columns = [c for c in scan.hidden_columns if c < scan.columns]
            self._scan = None

    def _end_cell(self, scan: SheetScan) -> None:
        cell = self._cell
        value = _attribute(cell, "value-type")
        if value is not None or self._texts:
            times = self._rows_repeated * self._columns_repeated
            scan.use(self._row + self._rows_repeated - 1, self._column + self._columns_repeated - 1)
            stored = _attribute(cell, "string-value") or ""
            scan.text_bytes += times * max(self._length, len(stored))
        elif _attribute(cell, "formula") is not None:
            scan.use(self._row, self._column)
            scan.add_formula((self._row, self._column))
        wide, high = (_repeated(cell, f"number-{what}-spanned") for what in ("columns", "rows"))
        if wide * high > 1:
            scan.merged.append(
                (self._row, self._column, self._row + high - 1, self._column + wide - 1)
            )
        self._column += self._columns_repeated
        self._length = self._texts = 0


def _repeated(attributes: list[str], name: str) -> int:
    value = _attribute(attributes, name) or "1"
    return max(int(value), 1) if value.isdigit() else 1


def _is_error(attributes: list[str]) -> bool:
    return "error" in (
        value
        for key, value in zip(attributes[::2], attributes[1::2], strict=True)
        if _local(key) == "value-type"
    )


_KINDS: dict[str, type[_Part]] = {
    "workbook": _Workbook,
    "worksheet": _Worksheet,
    "sst": _SharedStrings,
    "manifest": _Manifest,
    "document-content": _OpenDocument,
}
