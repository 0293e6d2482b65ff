"""Age_group(), date parsing."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, UsageError, as_tuple, format_value

__all__ = ["COUNTED", "Days", "age_group", "as_days", "completed_years", "is_day"]


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
        return format_value(given)
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


Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_BAND = re.compile(r"(\d{1,3})(?:-(\d{1,3})|\+)", re.ASCII)
_HIGHEST = 110
# Of int8 indices.
_MOST_GROUPS = 127


def age_group(
    date_of_birth: Any,
    at: Any,
    groups: Iterable[str] = ("17-24", "25+"),
    *,
    highest: int = _HIGHEST,
) -> pa.DictionaryArray:
    """Put cases into age groups by completed years on a day.

    Parameters
    ----------
    date_of_birth : array_like of dates
        One a case: an Arrow, NumPy, pandas or Polars column of dates or timestamps without a
        time zone, or a list of dates or of text as ``1985-02-28``. Of a timestamp
        the day counts. Null (None, NaT) where unknown.
    at : date or array_like of dates
        The day of the inspection: a date by itself is that of all cases, a column, in the same
        forms, has one for each, also where it has a single row.
    groups : iterable of str
        Bands of completed years that follow one another without gaps: ``17-24`` holds both
        ends; the last may be open, as ``25+``. One text is one group. At most 127.
    highest : int
        An age above it is taken for a mistake.

    Returns
    -------
    pyarrow.DictionaryArray
        One group a case, over ``groups`` (int8 indices), fit for `CaseSet.from_data`; null
        where either date is null.

    Raises
    ------
    DataError
        When a date cannot be read, a birth is after the date, an age is below the lowest group
        or above the highest, or the two columns differ in length. All are told at once, with
        their rows, counted from 0.
    UsageError
        When the groups are not such bands, or ``highest`` is no age.

    Notes
    -----
    A year is completed on the birthday. Who is born on 29 February completes it on 1 March in
    years without that day, in which libraries differ (in dateutil it is 28 February).

    Examples
    --------
    >>> import omistats as oms
    >>> oms.age_group(["1984-06-30", "1992-03-02", None], "2010-03-01").to_pylist()
    ['25+', '17-24', None]
    """
    names, bands = _bands(groups)
    if isinstance(highest, bool) or not isinstance(highest, int) or highest < bands[-1][0]:
        raise UsageError(
            f"`highest` is an age in years, at least that of the last group; found "
            f"{format_value(highest)}"
        )
    problems: list[Problem] = []
    born = as_days(date_of_birth, "date_of_birth", problems)
    on = as_days(at, "at", problems, single=True)
    if born is not None and on is not None and not is_day(at) and len(on.days) != len(born.days):
        count = len(born.days)
        rule = f"one day for all, or one for each of the {count} case{'s' * (count != 1)}"
        hint = "Give the days in the order of the births, or one date that is not in a list."
        problems.append(Problem("at", rule, f"a list of {len(on.days)}", hint))
        on = None
    if born is None or on is None:
        raise DataError(problems)
    days = np.broadcast_to(on.days, born.days.shape)
    known = born.known & np.broadcast_to(on.known, born.days.shape)
    years = completed_years(born.days, days)
    problems += _implausible(born, days, years, known, bands, highest)
    if problems:
        raise DataError(problems)
    starts = np.array([low for low, _ in bands])
    codes = np.where(known, np.searchsorted(starts, years, "right") - 1, -1).astype(np.int8)
    return _arrow.dictionary(codes, names)


def completed_years(born: npt.NDArray[np.datetime64], at: npt.NDArray[np.datetime64]) -> Ints:
    """Count birthdays passed since birth; 29 February counts as 1 March where there is none.

    Parameters
    ----------
    born, at : ndarray of datetime64[D]
        Of one shape.

    Returns
    -------
    ndarray of int64
        Negative where the birth is later.
    """
    month_born, month_at = born.astype("M8[M]"), at.astype("M8[M]")
    year_born, year_at = born.astype("M8[Y]"), at.astype("M8[Y]")
    # Month and day as one number that grows through the year.
    place_born, place_at = (
        (month - year).astype(np.int64) * 32 + (day - month).astype(np.int64)
        for day, month, year in ((born, month_born, year_born), (at, month_at, year_at))
    )
    passed: Ints = (year_at - year_born).astype(np.int64) - (place_at < place_born)
    return passed


def _bands(groups: Any) -> tuple[tuple[str, ...], list[tuple[int, int | None]]]:
    """Give groups by name, and as bands of years; what lists them is gone through once.

    Raises
    ------
    UsageError
        When one is no band, they leave gaps or overlap, or are too many.
    """
    names = as_tuple("groups", groups, "bands of years, as ['17-24', '25+']")
    found = [_BAND.fullmatch(name) if isinstance(name, str) else None for name in names]
    if not names or None in found:
        wrong = [name for name, match in zip(names, found, strict=True) if match is None]
        raise UsageError(
            "a group is a band of completed years, as '17-24' or '25+'; found "
            f"{', '.join(map(repr, wrong)) or 'none'}"
        )
    bands = [(int(m[1]), int(m[2]) if m[2] else None) for m in found if m]
    for (low, high), name in zip(bands, names, strict=True):
        if high is not None and high < low:
            raise UsageError(f"group {name!r} ends before it begins; turn it round")
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


def _implausible(
    born: Days,
    at: npt.NDArray[np.datetime64],
    years: Ints,
    known: Flags,
    bands: list[tuple[int, int | None]],
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
        Problem("date_of_birth", rule, _shown(rows, born, at, years), hint)
        for rows, rule, hint in checks
        if rows.any()
    ]


def _shown(
    rows: Flags, born: Days, at: npt.NDArray[np.datetime64], years: Ints, most: int = 5
) -> str:
    where = np.flatnonzero(rows)
    text = "; ".join(
        f"row {i}: born {born.days[i]}, {years[i]} on {at[i]}" for i in where[:most].tolist()
    )
    return text + (f"; and {len(where) - most} more" if len(where) > most else "") + COUNTED
