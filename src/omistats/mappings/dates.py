"""Read dates as an export writes them."""

from __future__ import annotations

import datetime as dt
import re

import attrs
import numpy as np
import numpy.typing as npt

from omistats import _arrow
from omistats.model.raw_table import RawColumn

__all__ = ["Days", "date_of", "possible_orders", "read_days"]

_ORDERS = {"year first": "ymd", "day first": "dmy", "month first": "mdy"}
_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}", re.ASCII)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})[-/. ](\d{{1,2}})[-/. ](\d{{4}}){_TIME}", re.ASCII)


@attrs.frozen(eq=False)
class Days:
    """Dates of rows.

    Attributes
    ----------
    days : ndarray of datetime64[D]
        Any day where not known.
    known : ndarray of bool
        Whether the cell is a date.
    unreadable : ndarray of bool
        Whether the cell is filled and no date.
    """

    days: npt.NDArray[np.datetime64]
    known: npt.NDArray[np.bool_]
    unreadable: npt.NDArray[np.bool_]


def date_of(text: str, order: str) -> dt.date | None:
    """Read a date; None if the text is none.

    Parameters
    ----------
    text : str
        A date, possibly with a time of day, whose year has four digits.
    order : {'year first', 'day first', 'month first'}
        The order of its parts. With the year first it is read whatever the order says.
    """
    text = text.strip()
    found = _YEAR_FIRST.fullmatch(text)
    parts = "ymd"
    if found is None:
        parts = _ORDERS.get(order, "ymd")
        found = _YEAR_LAST.fullmatch(text) if parts != "ymd" else None
    if found is None:
        return None
    values = dict(zip(parts, map(int, found.groups()), strict=True))
    try:
        return dt.date(values["y"], values["m"], values["d"])
    except ValueError:
        return None


def possible_orders(texts: list[str]) -> list[str]:
    """List the orders in which every text is a date."""
    filled = [text for text in texts if text.strip()]
    return [order for order in _ORDERS if filled and all(date_of(text, order) for text in filled)]


def read_days(column: RawColumn, order: str) -> Days:
    """Read a column of dates: cells that are dates in the file, and text.

    Parameters
    ----------
    column : RawColumn
        The column.
    order : str
        As for `date_of`.
    """
    coded = column.coded
    if column.dates is not None and column.dates.null_count == coded.null_count:
        known = column.dates.is_valid().to_numpy(zero_copy_only=False)
        whole = column.dates.view("int32").fill_null(0).to_numpy(zero_copy_only=False)
        return Days(whole.astype("M8[D]"), known, np.zeros(len(known), np.bool_))
    codes, texts = _arrow.codes_of(coded), coded.dictionary.to_pylist()
    days = [date_of(text, order) for text in texts]
    # The last entry is that of an empty cell.
    table = np.array([*(day or dt.date.min for day in days), dt.date.min], "M8[D]")
    good = np.array([*(day is not None for day in days), False], np.bool_)
    blank = np.array([*(not text.strip() for text in texts), True], np.bool_)
    known = good[codes]
    return Days(table[codes], known, ~known & ~blank[codes])
