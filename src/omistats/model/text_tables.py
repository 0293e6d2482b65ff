"""Read text files of separated values."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import TYPE_CHECKING

from omistats.errors import DataError, Problem
from omistats.model.raw_table import RawTable
from omistats.model.workbooks import table_of_grid

if TYPE_CHECKING:
    from omistats.model.tabular_files import ReadLimits

__all__ = ["read_text_table"]


def read_text_table(
    path: Path,
    header_row: int | None,
    footer_rows: int | None,
    encoding: str | None,
    separator: str | None,
    limits: ReadLimits,
) -> RawTable:
    """Read a text file."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    encodings = [encoding] if encoding else ["utf-8-sig", "cp1252"]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    for name in encodings:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        break
    else:
        raise DataError([Problem(path.name, "text must be decodable", "?", "Pass encoding=.")])
    if separator is None:
        counts = {s: text[:65536].count(s) for s in ",;\t|"}
        separator = max(counts, key=lambda s: counts[s])
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    table = table_of_grid(rows, path.name, header_row, footer_rows)
    return RawTable(
        str(path), "csv", encoding=name.replace("-sig", ""), separator=separator, **table
    )
