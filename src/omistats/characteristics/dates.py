"""Columns of dates in any form, as days."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import Problem, described

__all__ = ["COUNTED", "Days", "as_days", "is_day"]

_FORM = "Write dates as text of the form 1985-02-28, or hand over a column of dates."

COUNTED = " (rows are counted from 0)"
"""How problems number rows."""

# Text that pandas reads, and how; the parts of a date are not taken apart here.
_DAY_FIRST = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}(?:[T ].*)?", re.ASCII)
_WITH_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ].+", re.ASCII)


@attrs.frozen(eq=False)
class Days:
    """Days, and which of them are known.

    Attributes
    ----------
    days : ndarray of datetime64[D]
        Anything where not known.
    known : ndarray of bool
    """

    days: npt.NDArray[np.datetime64]
    known: npt.NDArray[np.bool_]


def is_day(given: Any) -> bool:
    """Say whether something is one date by itself, also as text."""
    return isinstance(given, str | dt.date | np.datetime64)


def as_days(given: Any, name: str, problems: list[Problem], *, single: bool = False) -> Days | None:
    """Read dates; None after adding to ``problems`` what stands in the way.

    Parameters
    ----------
    given : date or array_like of dates
        See `omistats.age_group`.
    name : str
        What problems are filed under.
    problems : list of Problem
        Is added to.
    single : bool
        Whether one date by itself will do.
    """
    alone = single and is_day(given)
    if alone:
        given = [given]
    rule = "dates, one a case"
    array = _array(given)
    if isinstance(array, str):
        problems.append(Problem(name, rule, array, _FORM))
        return None
    kind = array.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        hint = "Turn them into dates at the place where they were recorded."
        problems.append(Problem(name, "days, which have no time zone", str(kind), hint))
        return None
    if _is_text(kind):
        return _read(array, name, problems, alone)
    if not (pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_null(kind)):
        problems.append(Problem(name, rule, f"values of type {kind}", _FORM))
        return None
    # The day of a timestamp: what is smaller than a day is cut off on purpose.
    return _days(array.cast(pa.date32(), safe=False))


def _array(given: Any) -> pa.Array | str:
    """Make an Arrow array, or say what is no column."""
    if given is None or isinstance(given, str | bytes | dict):
        return described(given)
    if isinstance(given, np.ndarray) and given.ndim != 1:
        return f"an array of shape {given.shape}"
    try:
        if isinstance(given, list | tuple) and any(isinstance(v, np.datetime64) for v in given):
            given = np.array(given, "M8[D]")  # Arrow reads such days in arrays only
        if isinstance(given, pa.Array | pa.ChunkedArray):
            array = given
        elif not hasattr(given, "dtype") and hasattr(given, "__arrow_c_stream__"):
            array = pa.chunked_array(given)
        elif type(given).__module__.partition(".")[0] == "polars":
            array = given.to_arrow()
        else:
            array = pa.array(given, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError) as error:
        return f"{type(given).__name__} ({error})"
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0)
    return array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _days(array: pa.Array) -> Days:
    known = array.is_valid().to_numpy(zero_copy_only=False)
    days = array.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
    return Days(days.astype("M8[D]"), known)


def _read(text: pa.Array, name: str, problems: list[Problem], alone: bool) -> Days | None:
    text = text.cast(pa.string())
    try:
        return _days(text.cast(pa.date32()))
    except pa.ArrowInvalid:
        # Arrow names the first that it cannot read; the user is told of all.
        values = text.to_pylist()
    seen = {value: _readable(value) for value in dict.fromkeys(values)}
    bad = [(row, value) for row, value in enumerate(values) if not seen[value]]
    first = ", ".join(f"{value!r} at row {row}" for row, value in bad[:5])
    more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
    found = repr(bad[0][1]) if alone else first + more + COUNTED
    good = any(fine for value, fine in seen.items() if value is not None)
    hint = _FORM + _by_pandas([value for value, fine in seen.items() if not fine], good)
    problems.append(Problem(name, "text that is a date, as 1985-02-28", found, hint))
    return None


def _by_pandas(bad: list[Any], good: bool) -> str:
    """Name the call that reads such text, where there is one for the column."""
    marked = [form for form in (_WITH_TIME, _DAY_FIRST) for value in bad if form.fullmatch(value)]
    rest = "" if len(marked) == len(bad) else ", once what is no date is null"
    timed, day_first = _WITH_TIME in marked, _DAY_FIRST in marked
    if timed and not day_first:
        call = 'pd.to_datetime(..., format="ISO8601")'
        return f" Text with a time of day pandas reads{rest}: {call}."
    # Beside dates with the year first pandas would refuse, or guess.
    if day_first and not timed and not good:
        return (
            f" Where the day comes before the month pandas reads it{rest}: "
            "pd.to_datetime(..., dayfirst=True)."
        )
    return ""


def _readable(value: str | None) -> bool:
    try:
        pa.array([value], pa.string()).cast(pa.date32())
    except pa.ArrowInvalid:
        return False
    return True
