"""Ages on a day, and the groups they are in."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given, strategies as st
from tests.factories import oracle

import omistats as oms

# Internal: ages in years, of which findings hold groups only.
from omistats.profiles.age_groups import completed_years

DAYS = st.dates(dt.date(1890, 1, 1), dt.date(2012, 12, 31))


def years(born: dt.date, at: dt.date) -> int:
    return int(completed_years(np.array([born], "M8[D]"), np.array([at], "M8[D]"))[0])


@pytest.mark.parametrize("row", oracle("ages.csv"), ids=lambda r: f"{r['born']} {r['at']}")
def test_years_are_those_of_lubridate(row: dict[str, str]) -> None:
    # R 4.2.2, lubridate 1.9.2: floor(time_length(interval(born, at), "years")).
    born, at = (dt.date.fromisoformat(row[name]) for name in ("born", "at"))
    assert years(born, at) == int(row["years"])


@given(DAYS, DAYS)
def test_years_are_those_of_dateutil_but_for_leap_days(one: dt.date, other: dt.date) -> None:
    born, at = sorted((one, other))
    whole = relativedelta(at, born).years
    # dateutil takes the birthday of 29 February for the 28th in other years.
    leap = (born.month, born.day) == (2, 29) and (at.month, at.day) == (2, 28)
    assert years(born, at) == whole - (leap and at > born)


@given(DAYS, DAYS)
def test_years_are_birthdays_counted_one_by_one(one: dt.date, other: dt.date) -> None:
    born, at = sorted((one, other))
    passed = 0
    while True:
        try:
            birthday = born.replace(year=born.year + passed + 1)
        except ValueError:
            birthday = dt.date(born.year + passed + 1, 3, 1)
        if birthday > at:
            break
        passed += 1
    assert years(born, at) == passed


def test_born_on_29_february() -> None:
    born = dt.date(1992, 2, 29)
    assert years(born, dt.date(2017, 2, 28)) == 24
    assert years(born, dt.date(2017, 3, 1)) == 25
    assert years(born, dt.date(2016, 2, 29)) == 24
    found = oms.age_group([born] * 2, [dt.date(2017, 2, 28), dt.date(2017, 3, 1)])
    assert found.to_pylist() == ["17-24", "25+"]


BORN = [dt.date(1984, 6, 30), None, dt.date(1992, 3, 2)]
FORMS = {
    "dates": BORN,
    "texts": ["1984-06-30", None, "1992-03-02"],
    "arrow dates": pa.array(BORN, pa.date32()),
    "arrow text": pa.array(["1984-06-30", None, "1992-03-02"]),
    "arrow view": pa.array(["1984-06-30", None, "1992-03-02"], pa.string_view()),
    "arrow dictionary": pa.array(["1984-06-30", None, "1992-03-02"]).dictionary_encode(),
    "chunks": pa.chunked_array([pa.array(BORN[:1], pa.date64()), pa.array(BORN[1:], pa.date64())]),
    "numpy": np.array(["1984-06-30", "NaT", "1992-03-02"], "M8[D]"),
    "numpy in ns": np.array(["1984-06-30T23:59", "NaT", "1992-03-02"], "M8[ns]"),
    "numpy one by one": [np.datetime64("1984-06-30"), None, np.datetime64("1992-03-02")],
    "pandas": pd.Series(pd.to_datetime(["1984-06-30", None, "1992-03-02"])),
    "pandas objects": pd.Series(BORN, dtype=object),
    "polars": pl.Series(BORN),
    "polars text": pl.Series(["1984-06-30", None, "1992-03-02"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_dates_come_in_any_form(form: str) -> None:
    found = oms.age_group(FORMS[form], "2010-03-01")
    assert found.to_pylist() == ["25+", None, "17-24"]
    assert found.type == pa.dictionary(pa.int8(), pa.string())
    assert found.dictionary.to_pylist() == ["17-24", "25+"]


@pytest.mark.parametrize(
    "at",
    [
        dt.date(2010, 3, 1),
        dt.datetime(2010, 3, 1, 15),  # noqa: DTZ001 - a day has no time zone
        np.datetime64("2010-03-01"),
        pd.Timestamp("2010-03-01"),
        ["2010-03-01", None, "2010-03-01"],
        pa.array([dt.date(2010, 3, 1)] * 3),
    ],
)
def test_the_day_may_be_one_or_one_a_case(at: Any) -> None:
    assert oms.age_group(BORN, at).to_pylist() == ["25+", None, "17-24"]


def test_days_before_1970_keep_their_date() -> None:
    noon = np.array(["1949-12-31T12:00", "1949-12-31T00:00"], "M8[us]")
    assert oms.age_group(noon, "1974-12-30").to_pylist() == ["17-24", "17-24"]
    assert oms.age_group(noon, "1974-12-31").to_pylist() == ["25+", "25+"]


def test_a_day_that_is_not_known_gives_no_age() -> None:
    found = oms.age_group(["1985-01-01", "1985-01-01"], ["2010-01-01", None])
    assert found.to_pylist() == ["25+", None]
    assert oms.age_group([None, None], "2010-01-01").to_pylist() == [None, None]
    assert oms.age_group([], "2010-01-01").to_pylist() == []


def test_groups_hold_both_ends() -> None:
    born = [f"{2010 - age}-01-01" for age in (10, 14, 15, 17)]
    found = oms.age_group(born, "2010-01-01", ["10-14", "15-17"])
    assert found.to_pylist() == ["10-14", "10-14", "15-17", "15-17"]


def test_all_that_is_implausible_is_told_at_once() -> None:
    born = ["1985-01-01", "2011-01-01", "2000-01-01", "1885-01-01", "1899-12-31"]
    with pytest.raises(oms.DataError) as caught:
        oms.age_group(born, "2010-06-01")
    text = str(caught.value)
    assert len(caught.value.problems) == 3
    assert "row 1: born 2011-01-01" in text
    assert "row 2: born 2000-01-01, 10 on 2010-06-01" in text
    assert "row 3: born 1885-01-01, 125 on 2010-06-01" in text
    assert "row 4: born 1899-12-31, 110" not in text  # 110 itself is believed
    with pytest.raises(oms.DataError, match="older than the last group, which ends at 24"):
        oms.age_group(["1980-01-01"], "2010-01-01", ["17-24"])


@pytest.mark.parametrize(
    "bad", ["1985-02-30", "30/06/1985", "1985-6-3", "19850603", "1985-06-03T00:00", "", "n/a"]
)
def test_text_that_is_no_date_is_told_with_its_rows(bad: str) -> None:
    with pytest.raises(oms.DataError) as caught:
        oms.age_group(["1985-01-01", bad, None, bad], bad)
    assert [p.where for p in caught.value.problems] == ["date_of_birth", "at"]
    assert f"{bad!r} at row 1, {bad!r} at row 3" in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [[1985, 1990], 1985, None, "1985-01-01", np.zeros((2, 2), "M8[D]"), [dt.date.min, 3], {}],
)
def test_what_is_no_column_of_dates_is_refused(given: Any) -> None:
    with pytest.raises(oms.DataError, match="date_of_birth"):
        oms.age_group(given, "2010-01-01")


def test_time_zones_are_refused() -> None:
    given = pd.Series(pd.to_datetime(["1984-06-30"]).tz_localize("Europe/London"))
    with pytest.raises(oms.DataError, match="no time zone"):
        oms.age_group(given, "2010-01-01")


def test_columns_of_another_length_are_refused() -> None:
    with pytest.raises(oms.DataError, match="one for each of the 3 cases"):
        oms.age_group(BORN, ["2010-01-01"] * 2)


@pytest.mark.parametrize(
    "at", [["2010-01-01"], pa.array([dt.date(2010, 1, 1)]), np.array(["2010-01-01"], "M8[D]")]
)
def test_a_column_of_one_day_is_that_of_one_case(at: Any) -> None:
    assert oms.age_group(BORN[:1], at).to_pylist() == ["25+"]
    for born in (BORN[:2], BORN, []):
        with pytest.raises(oms.DataError, match=r"found a list of 1\. .* not in a list"):
            oms.age_group(born, at)
    assert oms.age_group([], "2010-01-01").to_pylist() == []


DAY_FIRST, ISO = "pd.to_datetime(..., dayfirst=True)", 'pd.to_datetime(..., format="ISO8601")'


@pytest.mark.parametrize(
    ("born", "call"),
    [
        (["31/01/1979", None, "01/02/1985"], DAY_FIRST),
        (["31/01/1979 00:00", "01/02/1985 10:30"], DAY_FIRST),
        (["1979-01-31T00:00", "1985-02-01"], ISO),
        (["1979-01-31 10:30:00", None, "1985-02-01 00:00:00"], ISO),
        (["31/01/1979", "1985-02-01"], None),
        (["31/01/1979", "n/a", "01/02/1985"], DAY_FIRST),
        (["31/01/1979", "1985-02-01 00:00"], None),
        (["31/01/79"], None),
        (["last year"], None),
    ],
)
def test_what_pandas_reads_is_said(born: list[str | None], call: str | None) -> None:
    with pytest.raises(oms.DataError) as caught:
        oms.age_group(born, "2010-01-01")
    named = [c for c in (DAY_FIRST, ISO) if c in str(caught.value)]
    if call is None:
        assert named == []
        return
    assert named == [call]
    options: Any = {"dayfirst": True} if call == DAY_FIRST else {"format": "ISO8601"}
    assert ("once text that is not a date is null" in str(caught.value)) == ("n/a" in born)
    born = [None if text == "n/a" else text for text in born]
    found = oms.age_group(pd.to_datetime(pd.Series(born), **options), "2004-01-31")
    assert found.to_pylist() == [
        "17-24" if b and "85" in b else "25+" if b and "79" in b else None for b in born
    ]


def test_rows_say_that_they_are_counted_from_0() -> None:
    for born in (["1985-01-01", "n/a"], ["1985-01-01", "2011-01-01"]):
        with pytest.raises(oms.DataError, match=r"row 1.*\(rows are counted from 0\)"):
            oms.age_group(born, "2010-01-01")
    with pytest.raises(oms.DataError, match=r"found 'n/a'\. ") as caught:
        oms.age_group(BORN, "n/a")
    assert "row" not in str(caught.value)


@pytest.mark.parametrize(
    "groups",
    [[], ["young"], ["25+", "17-24"], ["17-24", "26+"], ["17-25", "25+"], ["24-17"], [17], ["+"]],
)
def test_groups_that_are_no_bands_are_refused(groups: Any) -> None:
    with pytest.raises(oms.UsageError):
        oms.age_group(BORN, "2010-01-01", groups)


@given(
    st.integers(0, 30),
    st.lists(st.integers(1, 30), min_size=1, max_size=8),
    st.booleans(),
    st.lists(st.none() | st.integers(0, 60), max_size=20),
)
def test_groups_may_be_anything_that_lists_them(
    low: int, widths: list[int], is_open: bool, ages: list[int | None]
) -> None:
    starts = [low + sum(widths[:i]) for i in range(len(widths) + 1)]
    names = [f"{a}-{b - 1}" for a, b in pairwise(starts)]
    if is_open:
        names[-1] = f"{starts[-2]}+"
    top = 10**3 if is_open else starts[-1]
    slow = [
        None if age is None or not low <= age < top
        else names[max(i for i, start in enumerate(starts[:-1]) if start <= age)]
        for age in ages
    ]  # fmt: skip
    born = [
        None if wanted is None else f"{2010 - age}-01-01"  # type: ignore[operator]
        for age, wanted in zip(ages, slow, strict=True)
    ]
    for groups in (
        names,
        tuple(names),
        iter(names),
        (name for name in names),
        dict.fromkeys(names),
    ):
        found = oms.age_group(born, "2010-01-01", groups, highest=300)
        found.validate(full=True)
        assert found.to_pylist() == slow
        assert found.dictionary.to_pylist() == names


def test_one_text_is_one_group() -> None:
    found = oms.age_group(["1984-06-30", None], "2010-01-01", "17+")
    found.validate(full=True)
    assert found.to_pylist() == ["17+", None]
    with pytest.raises(oms.UsageError, match="found 'young'"):
        oms.age_group(BORN, "2010-01-01", "young")


def test_there_are_no_more_groups_than_indices() -> None:
    most = [f"{age}-{age}" for age in range(127)]
    found = oms.age_group(["1884-01-01", "2010-01-01"], "2010-01-01", most, highest=126)
    assert found.to_pylist() == ["126-126", "0-0"]
    with pytest.raises(oms.UsageError, match="at most 127 groups; found 128"):
        oms.age_group(BORN, "2010-01-01", [*most, "127+"], highest=130)


@pytest.mark.parametrize("highest", [True, 20, "110", None])
def test_the_highest_age_is_an_age(highest: Any) -> None:
    with pytest.raises(oms.UsageError, match="highest"):
        oms.age_group(BORN, "2010-01-01", highest=highest)


@pytest.mark.parametrize(
    "born",
    [
        [dt.date(1984, 6, 30), dt.datetime(1992, 3, 2, 9)],  # noqa: DTZ001 - a day has no time zone
        [dt.datetime(1984, 6, 30), dt.date(1992, 3, 2)],  # noqa: DTZ001
        ["1984-06-30", pd.Timestamp("1992-03-02")],
        [np.datetime64("1984-06-30T12"), "1992-03-02"],
        pd.Series([dt.date(1984, 6, 30), pd.Timestamp("1992-03-02 23:59")], dtype=object),
        pd.Categorical(["1984-06-30", dt.date(1992, 3, 2)]),
        np.array([dt.date(1984, 6, 30), "1992-03-02"], object),
        pl.Series([dt.date(1984, 6, 30), "1992-03-02"], dtype=pl.Object),
        np.ma.array(["1984-06-30", "1992-03-02"], "M8[D]", mask=False),
    ],
)
def test_dates_times_and_text_may_be_mixed(born: Any) -> None:
    assert oms.age_group(born, "2010-03-01").to_pylist() == ["25+", "17-24"]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, np.datetime64("NaT")])
def test_every_kind_of_null_is_not_known(missing: Any) -> None:
    for born in ([dt.date(1984, 6, 30), missing], ["1984-06-30", missing]):
        for column in (born, pd.Series(born, dtype=object)):
            assert oms.age_group(column, "2010-03-01").to_pylist() == ["25+", None]


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (2005, "2005, a number,"),
        (38353.0, "38353.0, a number,"),
        (np.int64(19), "19), a number,"),
        (True, "True, a number,"),
        (Decimal(5), r"Decimal('5'), a number,"),
        ("unknown", "'unknown'"),
        ("2005", "'2005'"),
        (b"1990-01-01", "of type bytes,"),
        (dt.time(1), "of type time,"),
        (dt.timedelta(1), "of type timedelta,"),
        (pd.Period("2005"), "of type Period,"),
        (["1990-01-01"], "of type list,"),
        (pd.Timestamp("2005-01-01", tz="UTC"), "with a time zone"),
    ],
)
def test_what_is_no_date_among_dates_is_told_with_its_row(value: Any, what: str) -> None:
    day = dt.datetime(1990, 1, 1)  # noqa: DTZ001
    columns = ([day, value, None], [value, day, None], [day, None, value], [day.date(), value])
    for born, row in zip(columns, (1, 0, 2, 1), strict=True):
        for column in (born, tuple(born), pd.Series(born, dtype=object)):
            with pytest.raises(oms.DataError) as caught:
                oms.age_group(column, "2024-02-28", ["17-24", "25+"])
            (problem,) = caught.value.problems
            assert f"{what} at row {row} (rows are counted from 0)" in problem.found
            with pytest.raises(oms.DataError, match="at: dates, one a case"):
                oms.age_group([dt.date(1990, 1, 1)] * len(born), column)


def test_many_bad_values_are_counted() -> None:
    born = [dt.date(1990, 1, 1), *range(2000, 2009)]
    with pytest.raises(oms.DataError, match="2004, a number, at row 5 and 4 more"):
        oms.age_group(born, "2024-02-28")


def test_numbers_alone_and_categories_of_numbers_and_dates_are_refused() -> None:
    for column in ([2005, 1990], pd.Series([2005.0]), pa.array([2005]), pl.Series([2005])):
        with pytest.raises(oms.DataError, match="date_of_birth: dates, one a case"):
            oms.age_group(column, "2024-02-28")
    mixed = pd.Categorical([dt.date(1990, 1, 1), 2005, 2005])
    with pytest.raises(oms.DataError, match="2005, a number, at row 1"):
        oms.age_group(mixed, "2024-02-28")


class TestSeries:
    born = pd.Series(pd.to_datetime(["1990-01-01", "2006-01-01", "1980-01-01"]), ["a", "b", "c"])
    at = pd.Series(pd.to_datetime(["2010-01-02", "2024-01-02", "2000-01-02"]), ["a", "b", "c"])

    def test_days_go_by_the_index_of_births(self):
        found = oms.age_group(self.born, self.at.iloc[::-1], ["17-18", "19+"]).to_pylist()
        assert found == ["19+", "17-18", "19+"]

    def test_other_labels_are_refused(self):
        for born, at in (
            (self.born, self.at.reset_index(drop=True)),
            (self.born.to_numpy(), self.at),
            (self.born.tolist(), self.at),
        ):
            with pytest.raises(oms.DataError, match="at: a Series goes by its index"):
                oms.age_group(born, at)
        assert len(oms.age_group(self.born, self.at.to_numpy(), ["17+"])) == 3
        assert len(oms.age_group(self.born, dt.date(2024, 1, 2), ["17+"])) == 3
