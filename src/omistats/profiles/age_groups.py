"""Age groups from dates of birth."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from itertools import pairwise
from numbers import Number
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._series import index_of, is_pandas, order_by_index
from omistats.errors import DataError, Problem, UsageError, as_tuple, format_value

__all__ = ["age_group", "completed_years", "parse_bands"]


Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Band = tuple[int, int | None]

_BAND = re.compile(r"(\d{1,3})(?:-(\d{1,3})|\+)", re.ASCII)
_HIGHEST = 110
# The limit of int8 indices.
_MOST_GROUPS = 127

_HINT = "Write dates as text of the form 1985-02-28, or pass a column of dates."
_COUNTED_FROM_0 = " (rows are counted from 0)"

# Text that pandas can read with other options.
_DAY_FIRST = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}(?:[T ].*)?", re.ASCII)
_WITH_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ].+", re.ASCII)


def age_group(
    date_of_birth: Any,
    at: Any,
    groups: Iterable[str] = ("17-24", "25+"),
    *,
    highest: int = _HIGHEST,
) -> pa.DictionaryArray:
    """Assign cases to age groups by completed years on a day.

    Parameters
    ----------
    date_of_birth : array_like of dates
        Dates of birth, one a case: an Arrow, NumPy, pandas or Polars column of dates or
        timestamps without a time zone, or a list of dates, timestamps and text as
        ``1985-02-28``. The time of a timestamp is ignored. Null (None, NaT) means unknown.
    at : date or array_like of dates
        Day of the inspection: one date for all cases, or a column with one a case, in the same
        forms. A column of one row is still a column. If both are pandas Series, days go by the
        index of the births.
    groups : iterable of str
        Bands of completed years without gaps: ``17-24`` includes both ends; the last may be
        open, as ``25+``. A single text is one group. At most 127.
    highest : int
        Highest plausible age; a higher one is an error.

    Returns
    -------
    pyarrow.DictionaryArray
        One group a case, over ``groups`` (int8 indices), for `CaseSet.from_data`; null where
        either date is null.

    Raises
    ------
    DataError
        When a date cannot be read (a number is none), a birth is after the day of the
        inspection, an age is below the lowest group or above the highest, or the two columns
        differ in length or index. All problems are reported together, with their rows, counted
        from 0.
    UsageError
        When the groups are not such bands, or ``highest`` is not an age.

    Notes
    -----
    A year is completed on the birthday. A person born on 29 February completes it on 1 March in
    years without that day. Libraries differ here (dateutil takes 28 February).

    Examples
    --------
    >>> import omistats as oms
    >>> oms.age_group(["1984-06-30", "1992-03-02", None], "2010-03-01").to_pylist()
    ['25+', '17-24', None]
    """
    names, bands = parse_bands(groups)
    if isinstance(highest, bool) or not isinstance(highest, int) or highest < bands[-1][0]:
        raise UsageError(
            f"`highest` must be an age in whole years, {bands[-1][0]} or more (the start of the "
            f"last group); found {format_value(highest)}"
        )
    problems: list[Problem] = []
    if is_pandas(at):
        index = index_of(date_of_birth)
        at = order_by_index(at, index, _length(date_of_birth), "at", "the births", problems)
    born = _read_dates(date_of_birth, "date_of_birth", problems)
    day = _read_dates(at, "at", problems, single=True)
    if (
        born is not None
        and day is not None
        and not _is_single_date(at)
        and len(day.days) != len(born.days)
    ):
        count = len(born.days)
        rule = f"one day for all, or one for each of the {count} case{'s' * (count != 1)}"
        hint = "Pass the days in the order of the births, or one date that is not in a list."
        problems.append(Problem("at", rule, f"a list of {len(day.days)}", hint))
        day = None
    if born is None or day is None:
        raise DataError(problems)
    days = np.broadcast_to(day.days, born.days.shape)
    known = born.known & np.broadcast_to(day.known, born.days.shape)
    years = completed_years(born.days, days)
    problems += _implausible_ages(born, days, years, known, bands, highest)
    if problems:
        raise DataError(problems)
    starts = np.array([low for low, _ in bands])
    codes = np.where(known, np.searchsorted(starts, years, "right") - 1, -1).astype(np.int8)
    return _arrow.dictionary(codes, names)


def completed_years(born: npt.NDArray[np.datetime64], at: npt.NDArray[np.datetime64]) -> Ints:
    """Count completed years; a birthday on 29 February is 1 March in years without that day.

    Parameters
    ----------
    born, at : ndarray of datetime64[D]
        Days of one shape.

    Returns
    -------
    ndarray of int64
        Negative if the birth is later.
    """
    month_born, month_at = born.astype("M8[M]"), at.astype("M8[M]")
    year_born, year_at = born.astype("M8[Y]"), at.astype("M8[Y]")
    # Month and day as one number that grows through the year.
    day_born, day_at = (
        (month - year).astype(np.int64) * 32 + (day - month).astype(np.int64)
        for day, month, year in ((born, month_born, year_born), (at, month_at, year_at))
    )
    years: Ints = (year_at - year_born).astype(np.int64) - (day_at < day_born)
    return years


@attrs.frozen(eq=False)
class _Dates:
    """Dates, and which of them are known.

    Attributes
    ----------
    days : ndarray of datetime64[D]
        Any day where not known.
    known : ndarray of bool
    """

    days: npt.NDArray[np.datetime64]
    known: npt.NDArray[np.bool_]


def _is_single_date(given: Any) -> bool:
    return isinstance(given, str | dt.date | np.datetime64)


def _read_dates(
    given: Any, name: str, problems: list[Problem], *, single: bool = False
) -> _Dates | None:
    """Read dates; return None after adding to ``problems``.

    Parameters
    ----------
    given : date or array_like of dates
        See `omistats.age_group`.
    name : str
        Name of the argument, for problems.
    problems : list of Problem
        Receives the problems.
    single : bool
        Whether a single date is allowed.
    """
    is_single = single and _is_single_date(given)
    if is_single:
        given = [given]
    rule = "dates, one a case"
    if (values := _mixed_values(given)) is not None:
        return _read_values(values, name, problems)
    array = _as_array(given)
    if isinstance(array, str):
        problems.append(Problem(name, rule, array, _HINT))
        return None
    kind = array.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        hint = "Convert them to dates in the time zone in which they were recorded."
        problems.append(Problem(name, "days, which have no time zone", str(kind), hint))
        return None
    if _arrow.is_text(kind):
        return _read_text(array, name, problems, is_single)
    if not (pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_null(kind)):
        problems.append(Problem(name, rule, f"values of type {kind}", _HINT))
        return None
    # Not safe, because the time of day is dropped on purpose.
    return _as_dates(array.cast(pa.date32(), safe=False))


def _length(given: Any) -> int:
    return len(given) if hasattr(given, "__len__") else -1


def _mixed_values(given: Any) -> list[Any] | None:
    """Return the values of a list or column of Python objects of mixed types; else None.

    Arrow reads text, and dates of one type, faster; but a number among dates as a date.
    """
    if getattr(given, "ndim", 1) != 1 or (values := _arrow.object_values(given)) is None:
        return None
    kinds = set(map(type, values)) - {type(None)}
    if float in kinds and all(v != v for v in values if type(v) is float):
        kinds.remove(float)  # NaN is null
    if kinds <= {str} or kinds <= {dt.date}:
        return None
    if all(issubclass(kind, dt.datetime) for kind in kinds):
        # Arrow converts local times to UTC where some values have a zone.
        return values if any(v is not None and v.tzinfo is not None for v in values) else None
    return values


def _read_values(values: list[Any], name: str, problems: list[Problem]) -> _Dates | None:
    """Read dates, timestamps and text in one list; every value that is none of them is bad."""
    # A day is 0 where it is not known.
    days = np.zeros(len(values), np.int64)
    bad: list[tuple[int, str]] = []
    texts: list[str] = []
    read: dict[str, int] = {}
    for row, value in enumerate(values):
        if isinstance(value, str):
            if value not in read:
                read[value] = _parse(value)
            days[row] = read[value]
            if not read[value]:
                bad.append((row, repr(value)))
                texts.append(value)
        elif isinstance(value, dt.date) and value == value:  # NaT is a datetime, too
            days[row] = value.toordinal()
            if getattr(value, "tzinfo", None) is not None:
                bad.append((row, f"{value} with a time zone"))
        elif isinstance(value, np.datetime64) and value == value:
            days[row] = value.astype("M8[D]").astype(np.int64) + _FIRST
        elif not _arrow.is_missing(value):
            bad.append((row, f"{format_value(value)}, {_kind_of(value)},"))
    if not bad:
        return _Dates((days - _FIRST).astype("M8[D]"), days != 0)
    hint = _HINT + _pandas_hint(texts, len(texts) < len(bad) or any(read.values()))
    problems.append(Problem(name, "dates, one a case", _list_rows(bad), hint))
    return None


# The number of 1 January 1970 in Python, whose day 1 is the first of the year 1.
_FIRST = dt.date(1970, 1, 1).toordinal()


def _kind_of(value: Any) -> str:
    is_number = isinstance(value, Number | np.bool_)
    return "a number" if is_number else f"of type {type(value).__name__}"


def _list_rows(bad: list[tuple[int, str]]) -> str:
    first = ", ".join(f"{text} at row {row}" for row, text in bad[:5])
    return first + (f" and {len(bad) - 5} more" if len(bad) > 5 else "") + _COUNTED_FROM_0


def _parse(text: str) -> int:
    """Return the number of a day written as 1985-02-28; 0 if it is no such text."""
    try:
        found = pa.array([text], pa.string()).cast(pa.date32()).cast(pa.int32())
    except (pa.ArrowInvalid, UnicodeError):
        return 0
    day: int = found[0].as_py()
    return day + _FIRST


def _as_array(given: Any) -> pa.Array | str:
    """Make an Arrow array, or describe the value that is not a column."""
    if given is None or isinstance(given, str | bytes | dict):
        return format_value(given)
    if isinstance(given, np.ndarray) and given.ndim != 1:
        return f"an array of shape {given.shape}"
    try:
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


def _as_dates(array: pa.Array) -> _Dates:
    known = array.is_valid().to_numpy(zero_copy_only=False)
    days = array.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
    return _Dates(days.astype("M8[D]"), known)


def _read_text(
    text: pa.Array, name: str, problems: list[Problem], is_single: bool
) -> _Dates | None:
    text = text.cast(pa.string())
    try:
        return _as_dates(text.cast(pa.date32()))
    except pa.ArrowInvalid:
        # Arrow reports the first bad value only; the problem lists all.
        values = text.to_pylist()
    readable = {value: _is_readable(value) for value in dict.fromkeys(values)}
    bad = [(row, repr(value)) for row, value in enumerate(values) if not readable[value]]
    found = bad[0][1] if is_single else _list_rows(bad)
    any_good = any(good for value, good in readable.items() if value is not None)
    hint = _HINT + _pandas_hint([value for value, good in readable.items() if not good], any_good)
    problems.append(Problem(name, "text that is a date, as 1985-02-28", found, hint))
    return None


def _pandas_hint(bad: list[Any], any_good: bool) -> str:
    """Name the pandas call that reads the whole column, if there is one."""
    marked = [form for form in (_WITH_TIME, _DAY_FIRST) for value in bad if form.fullmatch(value)]
    rest = "" if len(marked) == len(bad) else ", once text that is not a date is null"
    timed, day_first = _WITH_TIME in marked, _DAY_FIRST in marked
    if timed and not day_first:
        call = 'pd.to_datetime(..., format="ISO8601")'
        return f" pandas reads text with a time of day{rest}: {call}."
    # If other dates have the year first, pandas would raise or guess.
    if day_first and not timed and not any_good:
        return (
            f" pandas reads dates with the day before the month{rest}: "
            "pd.to_datetime(..., dayfirst=True)."
        )
    return ""


def _is_readable(value: str | None) -> bool:
    return value is None or _parse(value) != 0


def parse_bands(groups: Any) -> tuple[tuple[str, ...], list[Band]]:
    """Return the names of the groups and their first and last years.

    Raises
    ------
    UsageError
        When a name is not a band, bands have gaps or overlap, or there are too many.
    """
    names = as_tuple("groups", groups, "bands of years, as ['17-24', '25+']")
    matches = [_BAND.fullmatch(name) if isinstance(name, str) else None for name in names]
    if not names or None in matches:
        wrong = [name for name, match in zip(names, matches, strict=True) if match is None]
        raise UsageError(
            "a group is a band of completed years, as '17-24' or '25+'; found "
            f"{', '.join(map(repr, wrong)) or 'none'}"
        )
    bands = [(int(m[1]), int(m[2]) if m[2] else None) for m in matches if m]
    for (low, high), name in zip(bands, names, strict=True):
        if high is not None and high < low:
            raise UsageError(f"group {name!r} ends before it begins; write '{high}-{low}'")
    for i, ((_, high), (low, _)) in enumerate(pairwise(bands)):
        if high is None or low != high + 1:
            raise UsageError(
                "groups follow one another without gap or overlap; found "
                f"{names[i + 1]!r} after {names[i]!r}"
            )
    if len(names) > _MOST_GROUPS:
        raise UsageError(
            f"there are at most {_MOST_GROUPS} groups; found {len(names)}; make them wider"
        )
    return names, bands


def _implausible_ages(
    born: _Dates,
    at: npt.NDArray[np.datetime64],
    years: Ints,
    known: Flags,
    bands: list[Band],
    highest: int,
) -> list[Problem]:
    lowest, last = bands[0][0], bands[-1][1]
    unborn = known & (born.days > at)
    young = known & ~unborn & (years < lowest)
    old = known & (years > highest)
    above = known & ~old & (years > (highest if last is None else last))
    checks = (
        (unborn, "a birth is not after the day of the age", "Look for swapped or mistyped dates."),
        (
            young,
            f"nobody is younger than the lowest group, which begins at {lowest}",
            "Correct the dates, or add a group below.",
        ),
        (
            above,
            f"nobody is older than the last group, which ends at {last}",
            "Correct the dates, or leave the last group open, as '25+'.",
        ),
        (
            old,
            f"nobody is older than {highest}",
            "Correct the dates (a century may be lost), or set `highest`.",
        ),
    )
    return [
        Problem("date_of_birth", rule, _list_ages(rows, born, at, years), hint)
        for rows, rule, hint in checks
        if rows.any()
    ]


def _list_ages(
    rows: Flags, born: _Dates, at: npt.NDArray[np.datetime64], years: Ints, most: int = 5
) -> str:
    places = np.flatnonzero(rows)
    text = "; ".join(
        f"row {i}: born {born.days[i]}, {years[i]} on {at[i]}" for i in places[:most].tolist()
    )
    more = f"; and {len(places) - most} more" if len(places) > most else ""
    return text + more + _COUNTED_FROM_0
