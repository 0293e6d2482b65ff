"""Read files of SPSS and Stata: value labels, missing values of the user, dates."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from omistats.errors import DataError, Problem, UsageError, format_value, with_extra
from omistats.model.files import file_stamps
from omistats.model.raw_table import (
    RawColumn,
    RawTable,
    ReadLimits,
    cell_text,
    number_texts,
    printable,
    text_column,
)

__all__ = ["read_statistical_file"]

_READERS = {"sav": "read_sav", "zsav": "read_sav", "dta": "read_dta"}
_DAY = 86_400
_SPSS_HEADER = 176
# Of variables, or of letters in a label; no dictionary has as many.
_MOST_NUMBERS = 1 << 20
_VARIABLE, _LABELS, _LABELLED, _DOCUMENT, _EXTENSION, _END = 2, 3, 4, 6, 7, 999
# Days from the first day of the format's calendar to 1970.
_SPSS_START, _STATA_START = 141_428, 3_653
# Those that Arrow writes as dates: the years 1 to 9999.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_SPSS_DATES = ("DATE", "ADATE", "EDATE", "JDATE", "SDATE", "MOYR", "QYR", "WKYR")
_SPSS_TIMES = ("DATETIME", "YMDHMS")


def read_statistical_file(path: Path, encoding: str | None, limits: ReadLimits) -> RawTable:
    """Read a file of SPSS or Stata.

    Parameters
    ----------
    path : path
        The file.
    encoding : str or None
        Its encoding, if the file does not say it or says it wrong.
    limits : ReadLimits
        How large the file may be, and its data in memory.

    Returns
    -------
    RawTable
        With the labels and missing values of each column. Stata's extended missing values are
        the codes ``.a`` to ``.z``.

    Raises
    ------
    DataError
        When the file cannot be read or is larger than a limit.
    UsageError
        When pyreadstat is not installed, or the encoding is not text.
    """
    readstat = with_extra("files", lambda: __import__("pyreadstat"), "pyreadstat")
    where = printable(path.name)
    kind = path.suffix.lower().lstrip(".")
    if encoding is not None and not isinstance(encoding, str):
        raise UsageError(f"`encoding` must be the name of one; found {format_value(encoding)}")
    options: dict[str, Any] = {} if encoding is None else {"encoding": encoding}
    read = getattr(readstat, _READERS[kind])
    try:
        before = file_stamps(path)
        limits.check("max_bytes", path.stat().st_size, where, "bytes")
        if kind != "dta":
            with path.open("rb") as file:
                _Dictionary(file).check()
        _, about = read(str(path), metadataonly=True, **options)
        most = _check_size(about, where, limits)
        options |= {
            "output_format": "dict",
            "disable_datetime_conversion": True,
            "row_limit": most + 1,
        }
        data, about = read(str(path), user_missing=True, **options)
        if about.missing_user_values:
            # Where a column has such values, pyreadstat makes up numbers for the other blanks.
            plain, _ = read(str(path), **options)
            for name in about.missing_user_values:
                pairs = zip(data[name], plain[name], strict=True)
                data[name] = [code if isinstance(code, str) else value for code, value in pairs]
        changed = file_stamps(path) != before
    except (DataError, MemoryError):
        raise
    except struct.error:
        hint = "Check that the file is complete, and save it again."
        raise DataError(
            [Problem(where, "expected a file of SPSS", "a damaged dictionary", hint)]
        ) from None
    # Its errors are of many kinds, and it passes on those of Python.
    except Exception as error:
        found = printable(str(error) or type(error).__name__)
        hint = "Check that the file exists and is complete."
        if isinstance(error, UnicodeError) or "encoding" in found or "convert" in found:
            hint = "Pass encoding=, such as 'cp1252'."
        raise DataError([Problem(where, "expected a readable file", found, hint)]) from error
    if changed:
        rule, hint = "a file must not change while it is read", "Read it again."
        raise DataError([Problem(where, rule, "another size or time of writing", hint)])
    names = list(about.column_names)
    rows = len(data[names[0]]) if names else 0
    limits.check("max_rows", rows, where, "rows")
    if rows > most:
        limits.check("max_bytes", limits.max_bytes + 1, where, "bytes of data")
    columns = tuple(
        _read_column(name, i + 1, data.pop(name), about, kind) for i, name in enumerate(names)
    )
    numbers = np.arange(1, rows + 1, dtype=np.int64)
    return RawTable(str(path), kind, columns, numbers, encoding=about.file_encoding)


class _Dictionary:
    """The records that describe an SPSS file.

    They are walked through before pyreadstat reads them, as damaged ones can end the process.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._size = file, file.seek(0, 2)
        file.seek(0)
        head = file.read(_SPSS_HEADER)
        if head[:4] not in (b"$FL2", b"$FL3"):
            raise struct.error("no such file")
        self._order = "<" if head[64:68] in (b"\2\0\0\0", b"\3\0\0\0") else ">"
        self._widths: list[int] = []
        self._labelled: list[bytes] = []

    def _numbers(self, count: int) -> tuple[int, ...]:
        if not 0 <= count <= _MOST_NUMBERS:
            raise struct.error("a damaged count")
        return struct.unpack(f"{self._order}{count}i", self._file.read(4 * count))

    def _skip(self, size: int) -> None:
        if size < 0 or self._file.tell() + size > self._size:
            raise struct.error("a record that is cut")
        self._file.seek(size, 1)

    def check(self) -> None:
        """Walk to the end of the dictionary.

        Raises
        ------
        struct.error
            When a record is not as the format has it.
        """
        following = 0  # variables that a text goes on in
        while (kind := self._numbers(1)[0]) != _END:
            if kind == _VARIABLE:
                width = self._variable()
                if (width == -1) != (following > 0):
                    raise struct.error("a text that goes on, or does not, in the next variable")
                following = following - 1 if width == -1 else max(-(-width // 8) - 1, 0)
            elif following:
                raise struct.error("a text that ends before its last variable")
            else:
                self._other(kind)

    def _variable(self) -> int:
        """Read a variable; return the width of its text, -1 if that of another goes on."""
        width, labelled, missing, _, _ = self._numbers(5)
        if not -1 <= width <= 255 or labelled not in (0, 1) or not -3 <= missing <= 3:
            raise struct.error("a damaged variable")
        self._skip(8)
        if labelled:
            (size,) = self._numbers(1)
            self._skip(min(max(size, -1), _MOST_NUMBERS) + -size % 4)
        values = self._file.read(8 * abs(missing))
        if width and (missing < 0 or b"\0" in values):
            raise struct.error("missing values of a text that are none")
        self._widths.append(width)
        return width

    def _other(self, kind: int) -> None:
        if kind == _LABELS:
            self._labelled = []
            for _ in range(*self._numbers(1)):
                self._labelled.append(self._file.read(8))
                self._skip((self._file.read(1) or b"\0")[0] | 7)
        elif kind == _LABELLED:
            places = self._numbers(*self._numbers(1))
            if not all(0 < place <= len(self._widths) for place in places):
                raise struct.error("labels of a variable that is not there")
            texts = [self._widths[place - 1] != 0 for place in places]
            if any(texts) and (not all(texts) or b"\0" in b"".join(self._labelled)):
                raise struct.error("labels of a text that are none")
        elif kind == _DOCUMENT:
            self._skip(80 * self._numbers(1)[0])
        elif kind == _EXTENSION:
            _, size, count = self._numbers(3)
            self._skip(-1 if min(size, count) < 0 else size * count)
        else:
            raise struct.error("an unknown record")


def _check_size(about: Any, where: str, limits: ReadLimits) -> int:
    """Check the size that a file states; return the largest number of rows to read."""
    limits.check("max_columns", len(about.column_names), where, "columns")
    # The file may state no number of rows, or a wrong one.
    limits.check("max_rows", max(about.number_rows or 0, 0), where, "rows")
    widths = getattr(about, "variable_storage_width", None) or {}
    # A value is a Python object for a while.
    row = sum(40 + max(int(widths.get(name) or 8), 0) for name in about.column_names)
    needed = max(about.number_rows or 0, 0) * row
    limits.check("max_bytes", needed, where, "bytes of data")
    return min(limits.max_rows, limits.max_bytes // max(row, 1))


def _read_column(name: str, number: int, values: Any, about: Any, kind: str) -> RawColumn:
    cells = values if isinstance(values, list) else list(values)
    extended = set((about.missing_user_values or {}).get(name) or ()) if kind == "dta" else set()
    labels = _code_texts((about.variable_value_labels or {}).get(name) or {}, extended)
    scale = str((about.original_variable_types or {}).get(name) or "")
    dates = None
    if isinstance(first := next((v for v in cells if v is not None), None), str) and not extended:
        text = text_column([v.rstrip() if isinstance(v, str) else v for v in cells])[0]
    else:
        codes = {i: f".{v}" for i, v in enumerate(cells) if isinstance(v, str)} if extended else {}
        found = pa.array([None if i in codes else v for i, v in enumerate(cells)], pa.float64())
        text, dates = _numbers(found, scale, kind) if first is not None else (None, None)
        if text is None:
            text = pa.nulls(len(cells), pa.string())
        if codes:
            text = pa.array([codes.get(i, v) for i, v in enumerate(text.to_pylist())], pa.string())
    present = {*text.unique().drop_null().to_pylist(), *labels}
    missing = {f".{code}" for code in extended} | _missing_codes(
        (about.missing_ranges or {}).get(name) or (), present
    )
    label = (about.column_names_to_labels or {}).get(name) or ""
    return RawColumn(name, number, text, dates, labels, frozenset(missing), label)


def _code_texts(labels: Mapping[Any, Any], extended: set[str]) -> dict[str, str]:
    """Return labels by the text of their codes."""
    return {
        f".{code}" if code in extended else (cell_text(code) or "").rstrip(): str(label)
        for code, label in labels.items()
    }


def _numbers(found: pa.Array, scale: str, kind: str) -> tuple[pa.Array, pa.Array | None]:
    """Convert numbers to text, those with the format of a date to dates."""
    values = found.fill_null(np.nan).to_numpy(zero_copy_only=False)
    format_ = scale.upper().rstrip("0123456789.")
    if kind == "dta":
        date, moment = scale.startswith(("%td", "%d")), scale.lower().startswith("%tc")
        days = values if date else values / (1000 * _DAY)
        start, seconds = _STATA_START, values / 1000
    else:
        date, moment = format_ in _SPSS_DATES, format_ in _SPSS_TIMES
        days, start, seconds = values / _DAY, _SPSS_START, values
    if kind != "dta" and format_ in ("TIME", "DTIME"):
        coded = found.dictionary_encode()
        spans = [cell_text(dt.timedelta(seconds=v)) for v in coded.dictionary.to_pylist()]
        return pa.array(spans, pa.string()).take(coded.indices), None
    if not date and not moment:
        return number_texts(found), None
    with np.errstate(invalid="ignore"):
        days = np.floor(days) - start
        valid = (days >= _FIRST_DAY) & (days <= _LAST_DAY)
    whole = np.where(valid, days, 0).astype(np.int32)
    dates = pa.array(whole, pa.int32(), mask=~valid).cast(pa.date32())
    if date:
        text = dates.cast(pa.string())
    else:
        moments = np.where(valid, seconds - start * _DAY, 0).round().astype(np.int64)
        text = pa.array(moments, pa.int64(), mask=~valid).cast(pa.timestamp("s")).cast(pa.string())
    if (~valid & ~np.isnan(values)).any():  # beyond the calendar: the number stays
        import pyarrow.compute as pc

        text = pc.if_else(pa.array(valid | np.isnan(values)), text, number_texts(found))
    return text, dates


def _missing_codes(spans: Iterable[Mapping[str, Any]], present: Iterable[str]) -> set[str]:
    """List the codes that are missing values: single ones, and those present within ranges."""
    codes: set[str] = set()
    numbers = _as_numbers(list(present))
    for span in spans:
        low, high = span["lo"], span["hi"]
        if isinstance(low, str):
            codes.add(low.rstrip())
            continue
        if low == high:
            codes.add(cell_text(low) or "")
        codes.update(code for code, number in numbers if low <= number <= high)
    return codes


def _as_numbers(codes: Sequence[str]) -> list[tuple[str, float]]:
    found = []
    for code in codes:
        try:
            found.append((code, float(code)))
        except ValueError:
            continue
    return found
