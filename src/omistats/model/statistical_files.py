"""Read files of SPSS and Stata, with value labels and the missing values of the user."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omistats.errors import with_extra
from omistats.model.raw_table import RawColumn, RawTable, cell_text, text_column

if TYPE_CHECKING:
    from omistats.model.tabular_files import ReadLimits

__all__ = ["read_statistical_file"]

_READERS = {"sav": "read_sav", "zsav": "read_sav", "por": "read_por", "dta": "read_dta"}


def read_statistical_file(path: Path, encoding: str | None, limits: ReadLimits) -> RawTable:
    """Read a file of SPSS or Stata."""
    readstat = with_extra("files", lambda: __import__("pyreadstat"))
    kind = path.suffix.lower().lstrip(".")
    options: dict[str, Any] = {"output_format": "dict"}
    if kind != "por":
        options["user_missing"] = True
    if encoding is not None:
        options["encoding"] = encoding
    data, about = getattr(readstat, _READERS[kind])(str(path), **options)
    columns = []
    for i, name in enumerate(about.column_names):
        text, dates = text_column(list(data[name]))
        labels = {
            cell_text(code) or "": str(label)
            for code, label in about.variable_value_labels.get(name, {}).items()
        }
        present = set(text.unique().drop_null().to_pylist()) | set(labels)
        missing = _missing(about, name, present)
        label = about.column_names_to_labels.get(name) or ""
        columns.append(RawColumn(name, i + 1, text, dates, labels, missing, label))
    rows = np.arange(1, (len(columns[0].text) if columns else 0) + 1, dtype=np.int64)
    return RawTable(str(path), kind, tuple(columns), rows, encoding=about.file_encoding)


def _missing(about: Any, name: str, present: set[str]) -> frozenset[str]:
    """Return the codes of a variable that are missing values of the user."""
    codes = {cell_text(code) or "" for code in (about.missing_user_values or {}).get(name, ())}
    for span in (about.missing_ranges or {}).get(name, ()):
        low, high = span["lo"], span["hi"]
        if isinstance(low, str):
            codes.add(low)
            continue
        if low == high:
            codes.add(cell_text(low) or "")
        codes.update(code for code in present if _between(code, low, high))
    return frozenset(codes)


def _between(code: str, low: float, high: float) -> bool:
    try:
        return bool(low <= float(code) <= high)
    except ValueError:
        return False
