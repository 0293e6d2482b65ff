"""Write workbooks byte by byte, also such as no spreadsheet program would write."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

_TYPES = """<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels"
 ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
</Types>"""
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def text_cell(reference: str, text: str) -> str:
    """A cell with text of its own."""
    return f'<c r="{reference}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def text_rows(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text, from A1."""
    return "".join(
        f'<row r="{i}">'
        + "".join(text_cell(f"{chr(64 + j)}{i}", text) for j, text in enumerate(row, 1) if text)
        + "</row>"
        for i, row in enumerate(rows, 1)
    )


def xlsx_parts(sheets: Mapping[str, str], *, date1904: bool = False) -> dict[str, str]:
    """The parts of a workbook, of the XML of rows (and what follows them) by sheet."""
    names = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{i}" r:id="r{i}"/>'
        for i, name in enumerate(sheets, 1)
    )
    links = "".join(
        f'<Relationship Id="r{i}" Type="{_LINKS}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    properties = '<workbookPr date1904="1"/>' if date1904 else ""
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" '
        f'Type="{_LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}">{properties}'
        f"<sheets>{names}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{links}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts><font/></fonts><fills><fill/></fills>'
        "<borders><border/></borders><cellXfs><xf/>"
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
    }
    for i, rows in enumerate(sheets.values(), 1):
        if "<sheetData>" not in rows:
            rows = f"<sheetData>{rows}</sheetData>"
        parts[f"xl/worksheets/sheet{i}.xml"] = f'<worksheet xmlns="{_MAIN}">{rows}</worksheet>'
    return parts


def write_zip(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return path


def write_xlsx(path: Path, sheets: Mapping[str, str], **options: bool) -> Path:
    return write_zip(path, xlsx_parts(sheets, **options))


def shared_strings(texts: Sequence[str]) -> str:
    items = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
    return f'<sst xmlns="{_MAIN}">{items}</sst>'


def write_ods(path: Path, tables: Mapping[str, str], manifest: str = "") -> Path:
    """Write the XML of rows by table."""
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for short, name in (("office", "office"), ("table", "table"), ("text", "text"))
    )
    spaces += (
        ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    )
    inner = "".join(
        f"<table:table table:name={quoteattr(name)}>{rows}</table:table>"
        for name, rows in tables.items()
    )
    content = (
        f"<office:document-content {spaces}><office:body><office:spreadsheet>{inner}"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    space = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    listed = (
        f'<m:manifest xmlns:m="{space}"><m:file-entry m:full-path="/" m:media-type="{kind}"/>'
        f'<m:file-entry m:full-path="content.xml" m:media-type="text/xml">{manifest}'
        "</m:file-entry></m:manifest>"
    )
    parts = {"mimetype": kind, "META-INF/manifest.xml": listed, "content.xml": content}
    return write_zip(path, parts)


def ods_row(*texts: str, attributes: str = "") -> str:
    """A row of text cells."""
    cells = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{escape(text)}</text:p>'
        "</table:table-cell>"
        if text
        else "<table:table-cell/>"
        for text in texts
    )
    return f"<table:table-row{attributes}>{cells}</table:table-row>"


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """A compound file of streams of at least 4,096 bytes, as [MS-CFB] says, in one FAT sector."""
    free, end, fat_mark = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    body, fat = b"", [fat_mark, end]
    entries = [("Root Entry", 5, end, 0)]
    for name, data in streams.items():
        data = data.ljust(4096, b"\0")
        count = -(-len(data) // 512)
        start = len(fat)
        fat += [*range(start + 1, start + count), end]
        body += data.ljust(count * 512, b"\0")
        entries.append((name, 2, start, len(data)))
    assert len(fat) <= 128, "one sector of links holds 128"
    directory = b""
    for i, (name, kind, start, size) in enumerate(entries):
        raw = name.encode("utf-16-le")
        child = 1 if i == 0 else free
        following = i + 1 if 0 < i < len(entries) - 1 else free
        directory += raw.ljust(64, b"\0") + struct.pack("<HBB", len(raw) + 2, kind, 1)
        directory += struct.pack("<III", free, following, child) + bytes(36)
        directory += struct.pack("<IQ", start, size)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0, 0)
    head += struct.pack("<108I", *[free] * 108)
    links = struct.pack("<128I", *(fat + [free] * (128 - len(fat))))
    return head + links + directory.ljust(512, b"\0") + body


def biff(*records: tuple[int, bytes]) -> bytes:
    """Records of the old format."""
    return b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in records)


def old_workbook(sheet: Sequence[tuple[int, bytes]], *before: tuple[int, bytes]) -> bytes:
    """A workbook of the old format with one sheet, of its records."""
    begin = (0x809, struct.pack("<HHHHII", 0x600, 0x05, 0, 0, 0, 0))
    begin_sheet = (0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
    end = (0x0A, b"")

    def workbook(start: int) -> bytes:
        listed = (0x85, struct.pack("<IBBBB", start, 0, 0, 1, 0) + b"S")
        return biff(begin, *before, listed, end)

    start = len(workbook(0))
    return compound_file({"Workbook": workbook(start) + biff(begin_sheet, *sheet, end)})


def label(row: int, column: int, text: str) -> tuple[int, bytes]:
    """A record of a cell with text."""
    data = struct.pack("<HHHHB", row, column, 0, len(text), 0) + text.encode("latin-1")
    return 0x204, data
