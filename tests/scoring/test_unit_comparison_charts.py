"""The data of charts: units in order, and ranges of items over units."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests.scoring.programme import FRAMEWORK, STRATA, case_set
from tests.scoring.units_recount import (
    CASES,
    COLUMNS,
    FEW,
    ITEM,
    UNITS,
    same,
)

import omistats as oms


@pytest.fixture(scope="module")
def found() -> oms.Scores:
    return oms.scores(case_set(CASES["apart"]), by="unit", breakdowns=["gender"])


@pytest.mark.parametrize(
    "blank", [{}, {"south": None, "isle": None}, {"south": math.nan, "isle": None}]
)
def test_units_are_put_in_order_and_the_unknown_come_last_as_declared(found, blank):
    known = {"coast": 2.0, "north": 9.0, "west": 2.0, "east": 1.0}
    table = found.units(ITEM, order={**known, **blank}, **FEW).table
    # West and coast tie, and stay as declared.
    expected = ["east", "west", "coast", "north", "south", "isle"]
    assert table["unit"].to_pylist() == expected
    assert table["order"].to_pylist() == [1.0, 2.0, 2.0, 9.0, None, None]
    plain = {r["unit"]: r for r in found.units(ITEM, **FEW).table.to_pylist()}
    # Random draws depend on the place of a unit in the table.
    drawn = {"order", "rank_low", "rank_high", "lowest_quarter", "lowest_quarter_se"}
    moved = [n for n in COLUMNS if n not in drawn]
    assert len(moved) == len(COLUMNS) - 5
    for row in table.to_pylist():
        for name in moved:
            if isinstance(row[name], float):
                same(row[name], plain[row["unit"]][name])
            else:
                assert row[name] == plain[row["unit"]][name]


@pytest.mark.parametrize(
    "missing",
    [
        None,
        math.nan,
        pd.NA,
        pd.NaT,
        np.datetime64("NaT"),
        np.float64("nan"),
        Decimal("nan"),
        pa.scalar(None, pa.date32()),
    ],
    ids=repr,
)
@pytest.mark.parametrize("known", [dt.date(2010, 3, 1), pa.scalar(dt.date(2010, 3, 1))], ids=repr)
def test_missing_dates_come_last(found, missing, known):
    order = {"north": missing, "east": known, "isle": missing}
    for table in (found.units(ITEM, order=order, **FEW).table, found.by_unit(order)):
        assert table["unit"].to_pylist() == ["east", *(u for u in UNITS if u != "east")]
        assert table["order"].to_pylist() == [dt.date(2010, 3, 1), *[None] * 5]


def test_by_unit_has_a_row_a_unit_and_a_column_an_item(found):
    days = {u: dt.date(2011, 1 + i * 5 % 7, 3) for i, u in enumerate(UNITS) if u != "west"}
    got = found.by_unit(days)
    items = list(dict.fromkeys(found.table["item"].to_pylist()))
    assert got.schema.names == ["unit", "order", *items]
    assert got["unit"].to_pylist() == [*sorted(days, key=lambda u: days[u]), "west"]
    assert got["order"].to_pylist() == [*sorted(days.values()), None]
    rows = found.breakdown().table.to_pylist()
    percent = {(r["unit"], r["item"]): r["percent"] for r in rows}
    for row in got.to_pylist():
        assert [row[item] for item in items] == [percent[row["unit"], item] for item in items]
    assert found.item("2", ITEM).by_unit().schema.names == ["unit", "order", "2", ITEM]


def test_by_unit_keeps_the_synthetic_mark_and_nulls():
    named = pa.table(case_set(CASES["gaps"])).replace_schema_metadata({"synthetic": "true"})
    scores = oms.scores(named, framework=FRAMEWORK, by="unit", lonely="null").item(ITEM)
    got = scores.by_unit()
    assert got.schema.metadata == {b"synthetic": b"true"}
    assert got["unit"].to_pylist() == UNITS
    assert got["order"].null_count == 6
    assert [p is None for p in got[ITEM].to_pylist()] == [False] * 5 + [True]
    # By-unit tables of some units do not need the other units.
    some = scores.unit("east", "north").by_unit({"north": 2, "east": 1})
    assert some["unit"].to_pylist() == ["east", "north"]


def test_dates_order_units_and_stay_dates(found):
    days = {u: dt.date(2011, 1 + i * 5 % 7, 3) for i, u in enumerate(UNITS)}
    table = found.units(ITEM, order=days, **FEW).table
    assert table.schema.field("order").type == pa.date32()
    assert table["order"].to_pylist() == sorted(days.values())
    assert [days[u] for u in table["unit"].to_pylist()] == sorted(days.values())


def test_ranges_name_the_first_of_those_that_tie():
    right = {"north": 3, "south": 1, "east": 3, "west": 1, "coast": 2}
    blank = dict.fromkeys((*STRATA, *FRAMEWORK.question_ids))
    rows = [
        {
            **blank,
            "case_id": f"{u}{i}",
            "unit": u,
            "a1": i < right.get(u, 0) if u in right else None,
        }
        for u in reversed(UNITS)
        for i in range(4)
    ]
    lines = {r["item"]: r for r in oms.scores(case_set(rows), by="unit").ranges().to_pylist()}
    line = lines["1.1"]
    ends = ("percent", "lowest", "lowest_unit", "highest", "highest_unit")
    assert [line[name] for name in ends] == [50, 25, "south", 75, "north"]
    assert line["level"] == "criterion"
    assert [lines["2"][name] for name in ends] == [None] * 5
