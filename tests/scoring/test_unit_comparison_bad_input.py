"""Bad input to comparisons of units."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.scoring.programme import case_set, feeds
from tests.scoring.units_recount import (
    CASES,
    FEW,
    ITEM,
    UNITS,
)

import omistats as oms
from omistats import UnknownNameError, UsageError


@pytest.fixture(scope="module")
def found() -> oms.Scores:
    return oms.scores(case_set(CASES["apart"]), by="unit", breakdowns=["gender"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"item": "saftey"}, UnknownNameError, "unknown item 'saftey'; did you mean 'safety'"),
        ({"overdispersion": "both"}, UnknownNameError, "overdispersion 'both'; choose from"),
        ({"scale": "logit"}, UnknownNameError, "unknown scale 'logit'; choose from"),
        ({"order": {"north": 1, "nowhere": 2}}, UsageError, "`order` names 'nowhere'; units are"),
        ({"order": {"nowhere": None}}, UsageError, "`order` names 'nowhere'; units are 'north'"),
        ({"order": {"x": 1, 2: None, None: 3}}, UsageError, "`order` names 'x', 2, None; units"),
        ({"order": {"all": 1}}, UsageError, "`order` names 'all'"),
        ({"order": {"north": 1, "south": "b"}}, UsageError, "int for 'north', str for 'south'"),
        ({"order": {"north": 1j, "south": 2j}}, UsageError, "complex for 'north'"),
        (
            {
                "order": {
                    "north": pd.Timestamp("2010"),
                    "south": dt.datetime.now(dt.UTC),
                }
            },
            UsageError,
            "`order` must have values that can be compared; found Timestamp for 'north', datetime",
        ),
        (
            {"order": {"north": np.arange(2), "south": np.arange(2)}},
            UsageError,
            "`order` must have values that can be compared; found ndarray for 'north'",
        ),
        ({"order": ["north", "south"]}, UsageError, "`order` must map each unit.*; found list"),
        (
            {"order": pd.Series({"north": 1})},
            UsageError,
            "`order` must map each unit.*; found Series",
        ),
        ({"order": "north"}, UsageError, "`order` must map each unit.*; found str"),
        ({"draws": 1}, UsageError, "`draws` must be a whole number, 2 or more; found 1"),
        ({"seed": -1}, UsageError, "`seed` must be a whole number, 0 or more; found -1"),
    ],
)
def test_unknown_options_are_raised(found, options, error, message):
    with pytest.raises(error, match=message):
        found.units(**{"item": ITEM, **FEW, **options})


@pytest.mark.parametrize("name", ["baseline", "threshold"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.7, r"percentage, from 1 to below 100; found 0\.7. Did you mean 70\?"),
        (100, "percentage, from 1 to below 100; found 100$"),
        (0, "percentage, from 1 to below 100; found 0$"),
        (-5, "percentage, from 1 to below 100; found -5$"),
        (math.nan, "percentage, from 1 to below 100; found nan$"),
        ("70", "must be a percentage; found '70'"),
        (True, "must be a percentage; found True"),
    ],
)
def test_numbers_that_are_no_percentages_are_raised(found, name, value, message):
    with pytest.raises(UsageError, match=f"`{name}` .*{message}"):
        found.units(ITEM, **{name: value})


VIEWS = [
    (lambda s: s.unit("north"), "two units or more.*left out: 'south',.* 'isle', 'all'$"),
    (lambda s: s.unit("north", "all"), "two units or more.*left out: 'south', 'east'"),
    (lambda s: s.unit("north", "south", "east"), "two units or more and of 'all'.*'isle', 'all'$"),
    # Two units of six: all together still has the answers of the other four.
    (lambda s: s.unit("north", "south", "all"), "left out: 'east', 'west', 'coast', 'isle'$"),
    (
        lambda s: s.unit("all", *UNITS[1:]),
        "by=\"unit\" and do not filter units.*left out: 'north'$",
    ),
]


@pytest.mark.parametrize(("view", "message"), VIEWS)
def test_views_without_some_units_cannot_be_compared(found, view, message):
    with pytest.raises(UsageError, match=message):
        view(found).units(ITEM)
    with pytest.raises(UsageError, match=message):
        view(found).ranges()


def test_views_of_groups_only_cannot_be_compared(found):
    groups = found.breakdown("gender")
    with pytest.raises(UsageError, match="only those of groups; go back to the scores"):
        groups.units(ITEM)
    with pytest.raises(UsageError, match="only those of groups; go back to the scores"):
        groups.ranges()
    with pytest.raises(UsageError, match="only those of groups; go back to the scores"):
        groups.by_unit()
    with pytest.raises(UsageError, match="no units among these scores of all cases"):
        found.unit("all").by_unit()


def test_a_missing_unit_is_detected_by_its_answers(found):
    """New labels do not name the unit; its answers are still among those of all."""
    table = found.unit("all", *UNITS[1:]).table
    unit = pa.array(table["unit"].to_pylist()).dictionary_encode()
    unit = unit.cast(table.schema.field("unit").type)
    bare = oms.Scores(table.set_column(0, table.schema.field("unit"), unit), found.framework)
    north = found.unit("north").breakdown().item(ITEM).table
    k, n = (north[name][0].as_py() for name in ("k", "n"))
    assert n > k > 0
    with pytest.raises(UsageError, match=f"differ by {k} sufficient of {n} applicable .*'safety'"):
        bare.units(ITEM)
    with pytest.raises(UsageError, match="make the scores again"):
        bare.ranges()


def test_ids_are_separate_arguments(found):
    with pytest.raises(UsageError, match=r"as \.unit\('north', 'south'\); found \['north'\]"):
        found.unit(["north"])
    with pytest.raises(UsageError, match=r"`item` takes one id per argument.*found array"):
        found.item(np.array(["1", "2"]))
    with pytest.raises(UsageError, match=r"one item; found \['1', 'safety'\]. Compare item by"):
        found.units(["1", "safety"])


def test_the_first_bad_option_of_a_comparison_is_raised(found):
    with pytest.raises(UsageError, match=r"^`baseline` must be .*Did you mean 70\?$"):
        found.units(ITEM, seed=-1, scale="logit", baseline=0.7, order={"nowhere": 1})


@pytest.mark.parametrize("name", ["scale", "overdispersion"])
def test_an_array_of_words_is_raised(found, name):
    with pytest.raises(UsageError, match=r"must be one of 'n.*; found array"):
        found.units(ITEM, **{name: np.array(["none", "normal"])})


def test_one_unit_has_no_others():
    rows = [r for r in CASES["apart"] if r["unit"] == "north"]
    data = {name: [r[name] for r in rows] for name in rows[0]}
    scores = oms.scores(data, framework=case_set(rows).framework, by="unit")
    for call in (scores.ranges, lambda: scores.units(ITEM)):
        with pytest.raises(UsageError, match="two units or more, and these cases have one, 'nor"):
            call()
    assert scores.by_unit()["unit"].to_pylist() == ["north"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((np.datetime64("2010-03-02"), np.datetime64("2010-03-01")), [1, 0]),
        ((np.datetime64("2010-03-02"), np.datetime64("NaT", "D")), [0, 1]),
        ((np.datetime64("2010-03-02T01", "ns"), np.datetime64("2010-03-01T23", "ns")), [1, 0]),
        ((2**70, 2**69), [1, 0]),
        ((-(2**70), 1), [0, 1]),
        (tuple(np.array(["2010-02", "2010-01"], "datetime64[M]")), [1, 0]),
    ],
)
def test_units_in_the_order_of_anything_that_sorts(found, values, expected):
    units = ("north", "south")
    table = found.by_unit(order=dict(zip(units, values, strict=True)))
    assert table["unit"].to_pylist()[:2] == [units[i] for i in expected]
    compared = found.units(ITEM, order=dict(zip(units, values, strict=True)), **FEW).table
    assert compared["order"].equals(table["order"])
    first = table["order"][0].as_py()
    whole = isinstance(values[0], int)
    assert first == str(values[expected[0]]) if whole else first is not None


def test_all_units_named_are_all_units(found):
    whole = found.unit(*UNITS, "all")
    assert whole.ranges().equals(found.ranges())
    assert whole.units(ITEM, **FEW).table.equals(found.units(ITEM, **FEW).table)


def test_a_filtered_view_in_a_file_is_detected(found, tmp_path):
    found.unit("north", "south", "all").write_parquet(tmp_path / "some.parquet")
    again = oms.Scores(pq.read_table(tmp_path / "some.parquet"), found.framework)
    with pytest.raises(UsageError, match=r"ranges need .*(left out|differ by)"):
        again.ranges()
    found.write_parquet(tmp_path / "all.parquet")
    again = oms.Scores(pq.read_table(tmp_path / "all.parquet"), found.framework)
    assert again.ranges().equals(found.ranges())


def test_an_item_named_like_a_column_is_raised():
    questions = [oms.Question("q", "Q", oms.Link("order", "published"))]
    framework = oms.Framework("odd", questions, items=[oms.Item("order", "section", "Order")])
    data = {"case_id": [1, 2], "unit": ["A", "A"], "q": [True, False]}
    with pytest.raises(UsageError, match="'order' would be there twice"):
        oms.scores(data, framework=framework, by="unit").by_unit()


def test_scores_not_by_unit_or_not_pooled_cannot_be_compared():
    cases = case_set(CASES["apart"])
    with pytest.raises(UsageError, match='make the scores with by="unit"'):
        oms.scores(cases).units(ITEM)
    for rule in ("questions", "cases"):
        with pytest.raises(UsageError, match=r'a funnel is for pooled scores.*rule="pooled"'):
            oms.scores(cases, by="unit", rule=rule).units(ITEM)


def test_an_item_that_applied_nowhere_has_no_baseline():
    rows = [{**r, **dict.fromkeys(feeds(ITEM))} for r in CASES["apart"]]
    with pytest.raises(UsageError, match=r"no unit has applicable answers.*'safety'"):
        oms.scores(case_set(rows), by="unit").units(ITEM)
