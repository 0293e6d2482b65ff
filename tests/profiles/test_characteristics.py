"""Counts and percentages by characteristic, beside a slow recount."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from tests.factories import LEVELS, Harm, Supervision, random_frame

import omistats as oms

# Internal: damaged metadata, which no public function writes.
from omistats.model.metadata import invented_columns

STRATA = [oms.Stratum(name, levels) for name, levels in LEVELS.items()]
FRAMEWORK = oms.Framework("strata", (), [*STRATA, oms.Stratum("spare", ("x", "y"), required=False)])
TYPES = ("p", "q", "r")


def cases_of(seed: int, rows: int) -> oms.CaseSet:
    return oms.CaseSet.from_data(random_frame(seed, rows, questions=0), framework=FRAMEWORK)


@given(st.integers(0, 2**20), st.integers(0, 60))
def test_counts_are_those_of_a_slow_recount(seed: int, rows: int) -> None:
    cases = cases_of(seed, rows)
    found = oms.characteristics(cases, by="unit")
    units, names = cases["unit"].to_pylist(), [s.name for s in STRATA]
    slow = []
    for unit in (*cases.units, "all"):
        here = [i for i in range(rows) if unit in (units[i], "all")]
        for name in names:
            values = cases[name].to_pylist()
            counts = Counter(values[i] for i in here)
            known = sum(n for level, n in counts.items() if level is not None)
            for level in (*LEVELS[name], None):
                n = counts[level]
                percent = 100 * n / len(here) if here else None
                of_known = 100 * n / known if known and level is not None else None
                slow.append((unit, name, level, n, percent, of_known, None))
        slow.append((unit, "spare", None, None, None, None, "no column 'spare' in these cases"))
    columns = ("unit", "characteristic", "level", "n", "percent", "percent_known", "reason")
    ours = [tuple(row[c] for c in columns) for row in found.table.to_pylist()]
    assert ours == slow
    alone = oms.characteristics(cases).table
    width = alone.num_rows
    assert alone.to_pydict() == found.table.slice(found.table.num_rows - width).to_pydict()


def several(types: Any, disability: list[str | None] | None = None, **options: Any) -> pa.Table:
    rows = len(types)
    data = pa.table(
        {
            "case_id": [f"c{i}" for i in range(rows)],
            "unit": ["ab"[i % 2] for i in range(rows)],
            "disability": pa.array(disability or [None] * rows, pa.string()),
            "types": types if isinstance(types, pa.Array) else pa.array(types),
        }
    )
    framework = oms.Framework("few", (), [oms.Stratum("disability", ("yes", "no"))])
    cases = oms.CaseSet.from_data(data, framework=framework)
    what = oms.MultiValued("types", TYPES, **options)
    return oms.characteristics(cases, [what], by="unit").table


def figures(table: pa.Table, name: str, unit: str = "all") -> list[Any]:
    return [r[name] for r in table.to_pylist() if r["unit"] == unit]


@given(st.lists(st.none() | st.sets(st.sampled_from(TYPES)), min_size=1, max_size=30))
def test_what_a_case_has_several_of_is_counted_twice_over(held: list[set[str] | None]) -> None:
    lists = pa.array([None if v is None else sorted(v) for v in held], pa.list_(pa.string()))
    table = several(lists)
    mentions = sum(len(v) for v in held if v)
    for unit in ("a", "b", "all"):
        here = [v for i, v in enumerate(held) if unit in ("ab"[i % 2], "all")]
        if not here:
            continue
        mentions = sum(len(v) for v in here if v)
        n = [sum(v is not None and t in v for v in here) for t in TYPES]
        n += [sum(v == set() for v in here), sum(v is None for v in here)]
        assert figures(table, "level", unit) == [*TYPES, "none", None]
        assert figures(table, "n", unit) == n
        of_cases = figures(table, "percent_of_cases", unit)
        assert of_cases == pytest.approx([100 * k / len(here) for k in n])
        of_mentions = figures(table, "percent_of_mentions", unit)
        wanted = [100 * k / mentions if mentions else None for k in n[:3]] + [None, None]
        assert of_mentions == wanted
        if mentions:
            assert sum(of_mentions[:3]) == pytest.approx(100)
    assert figures(table, "percent") == [None] * 5  # of what would have to be said


def test_text_with_separators_is_the_same_as_lists() -> None:
    lists = several([["p", "q"], ["r"], [], None])
    assert several(["p; q", " r ", "none", None]).equals(lists)
    assert several(["p|q", "r", " none |", "  "], separator="|").equals(lists)
    assert several(pa.array(["p;q", "r", "none", None]).dictionary_encode()).equals(lists)


@given(st.lists(st.lists(st.sampled_from((*TYPES, "", " ")), max_size=6), min_size=1, max_size=9))
def test_pieces_with_nothing_in_them_are_no_labels(parts: list[list[str]]) -> None:
    once = [
        list(dict.fromkeys(p if p in TYPES else " " * i for i, p in enumerate(v))) for v in parts
    ]
    clean = [[p for p in v if p in TYPES] or None for v in once]
    wanted = several(pa.array(clean, pa.list_(pa.string())))
    assert several([";".join(v) for v in once]).equals(wanted)


def test_empty_text_says_nothing() -> None:
    # Not known by itself; none beside a no. A yes leaves open which.
    blank = ["", " ", ";", " ; ;", None]
    assert figures(several(blank), "n") == [0, 0, 0, 0, 5]
    whether = ("disability", "yes")
    for said, n in ((None, [0, 5]), ("no", [5, 0]), ("yes", [0, 5])):
        assert figures(several(blank, [said] * 5, indicator=whether), "n")[3:] == n
    # What says none is believed, unless the stratum says yes.
    for none in (["none"], [" none;"], [[]]):
        assert figures(several(none), "n")[3:] == [1, 0]
        assert figures(several(none, [None], indicator=whether), "n")[3:] == [1, 0]
        with pytest.raises(oms.DataError, match="found none in 1 case"):
            several(none, ["yes"], indicator=whether)


@pytest.mark.parametrize(
    ("types", "options", "hint"),
    [
        (["p, q"], {}, "pass `separator=','`; else recode them."),
        (["p|z", "q"], {}, "pass `separator='|'`"),
        (["p;q"], {"separator": ","}, "pass `separator=';'`"),
        (["y, z"], {}, "Recode them, or add the label to `levels`."),
        (["sight"], {}, "Recode them, or add the label to `levels`."),
        ([["p, q"]], {}, "Recode them, or add the label to `levels`."),
        (["none; p"], {}, "a case that has none write the text 'none' alone."),
        ([["none"]], {}, "a case that has none write an empty list."),
        ([["p", ""], ["q", None]], {}, "Drop null and empty labels from the lists."),
    ],
)
def test_labels_that_are_none_come_with_what_to_do(
    types: Any, options: dict[str, Any], hint: str
) -> None:
    with pytest.raises(oms.DataError) as caught:
        several(types, **options)
    (problem,) = caught.value.problems
    assert hint in problem.hint


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_lists_come_from_other_frames(make: Any) -> None:
    data = {"case_id": ["1", "2", "3"], "unit": ["u"] * 3, "types": [["p", "q"], [], None]}
    framework = oms.Framework("bare", ())
    cases = oms.CaseSet.from_data(make(data), framework=framework)
    table = oms.characteristics(cases, [oms.MultiValued("types", TYPES)]).table
    assert table["n"].to_pylist() == [1, 1, 0, 1, 1]


def test_filtered_cases_keep_their_lists() -> None:
    data = {"case_id": ["1", "2", "3"], "unit": ["u"] * 3, "types": [["p", "q"], [], None]}
    cases = oms.CaseSet.from_data(data, framework=oms.Framework("bare", ()))
    part = cases.filter([True, False, True])
    table = oms.characteristics(part, [oms.MultiValued("types", TYPES)]).table
    assert table["n"].to_pylist() == [1, 1, 0, 0, 1]


@pytest.mark.parametrize("types", [[None, None], [[], []], pa.array(["", ""])])
def test_columns_that_hold_nothing_are_counted(types: Any) -> None:
    n = figures(several(types), "n")
    assert n[:3] == [0, 0, 0]
    assert sum(n) == 2
    assert figures(several(types), "percent_of_mentions") == [None] * 5


def test_lists_may_be_slices_with_anything_under_nulls() -> None:
    offsets = pa.array([0, 1, 3, 4, 6], pa.int32())
    values = pa.array(["p", "q", "zzz", "q", "r", "p"])
    dirty = pa.ListArray.from_arrays(offsets, values, mask=pa.array([False, True, False, False]))
    assert figures(several(dirty.slice(1)), "n") == [1, 1, 1, 0, 1]
    assert figures(several(dirty.cast(pa.large_list(pa.string())).slice(2)), "n") == [1, 1, 1, 0, 0]


def test_the_stratum_says_whether_a_case_has_any() -> None:
    whether = ("disability", "yes")
    types, said = [["p"], None, None, None, []], ["yes", "no", "yes", None, "no"]
    table = several(types, said, indicator=whether)
    # No disability: none, whether or not the list says so. Yes without a list: not known which.
    assert figures(table, "n") == [1, 0, 0, 2, 2]
    without = several(types, said)
    assert figures(without, "n") == [1, 0, 0, 1, 3]
    # Labels are believed where the stratum is not known.
    assert figures(several([["p"], []], [None, None], indicator=whether), "n") == [1, 0, 0, 1, 0]


def test_all_that_is_wrong_with_labels_is_told_at_once() -> None:
    types = [["p", "p"], ["x"], ["q"], [], ["p", None]]
    with pytest.raises(oms.DataError) as caught:
        several(types, ["yes", "yes", "no", "yes", "yes"], indicator=("disability", "yes"))
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    assert "found 'x', null in 2 cases: 'c1', 'c4'" in text
    assert "'p' repeated in 1 case: 'c0'" in text
    assert "labels in 1 case: 'c2'" in text
    assert "none in 1 case: 'c3'" in text


@pytest.mark.parametrize("types", [[1, 2], [True, None], [[1], [2]], [{"a": 1}, None]])
def test_columns_of_another_kind_are_refused(types: Any) -> None:
    with pytest.raises(oms.DataError, match="types"):
        several(types)


@pytest.mark.parametrize(
    "arguments",
    [
        {"levels": ()},
        {"levels": ("p", "p")},
        {"levels": ("p", "none")},
        {"levels": ("p", "all")},
        {"levels": ("p", "not known")},
        {"levels": ("p; q",)},
        {"levels": (" p",)},
        {"levels": ("p",), "separator": " "},
        {"levels": ("p",), "indicator": "disability"},
        {"levels": ("p",), "name": ""},
    ],
)
def test_a_bad_declaration_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises((oms.DataError, oms.UsageError)):
        oms.MultiValued(**{"name": "types", **arguments})


def test_a_level_of_whether_is_a_level() -> None:
    with pytest.raises(oms.UsageError, match="'perhaps' is no level"):
        several([["p"]], ["yes"], indicator=("disability", "perhaps"))


def test_breakdowns_count_everyone_once() -> None:
    cases = cases_of(3, 50)
    found = oms.characteristics(cases, [Supervision(), Harm]).table.to_pylist()
    levels = [r["level"] for r in found]
    assert levels == ["community", "licence", "left out", None, "high", "not high", None]
    by_hand = Counter(cases["supervision"].to_pylist())
    wanted = [by_hand["community"], by_hand["licence"], by_hand["suspended"], by_hand[None]]
    assert [r["n"] for r in found[:4]] == wanted
    assert sum(r["n"] for r in found[4:]) == len(cases)


def test_a_breakdown_without_its_column_has_a_row() -> None:
    class Tenure(oms.Breakdown):
        key = "tenure"
        groups = ("owned", "rented")

    row = oms.characteristics(cases_of(1, 5), [Tenure]).table.to_pylist()[0]
    assert row["reason"] == "no column 'tenure' in these cases"


def test_what_is_asked_for_is_checked() -> None:
    cases = cases_of(1, 5)
    with pytest.raises(
        oms.UnknownNameError, match="unknown characteristic 'gendre'; did you mean 'gender'"
    ):
        oms.characteristics(cases, ["gendre"])
    with pytest.raises(oms.UnknownNameError, match="unknown characteristic 'nothere'; choose from"):
        oms.characteristics(cases, ["nothere"])
    with pytest.raises(oms.DataError, match="asked for once"):
        oms.characteristics(cases, ["gender", "tier", "gender"])
    for wrong in ([], [3], 3):
        with pytest.raises(oms.UsageError):
            oms.characteristics(cases, wrong)  # type: ignore[arg-type]
    data = {"case_id": [1], "unit": ["u"]}
    bare = oms.CaseSet.from_data(data, framework=oms.Framework("bare", ()))
    with pytest.raises(oms.UsageError, match="no strata"):
        oms.characteristics(bare)
    with pytest.raises(oms.UsageError, match="CaseSet"):
        oms.characteristics({"gender": ["f"]})  # type: ignore[arg-type]
    with pytest.raises(oms.UsageError, match="'unit'"):
        oms.characteristics(cases, by="gender")  # type: ignore[arg-type]


def test_no_cases_have_no_percentages() -> None:
    found = oms.characteristics(cases_of(1, 0))
    assert set(found.table["n"].to_pylist()) == {0, None}
    assert found.table["percent"].null_count == len(found)
    assert "0 cases" in repr(found)


def test_it_leaves_as_other_frames() -> None:
    found = oms.characteristics(oms.omi2.load_synthetic(), by="unit")
    assert found.to_pandas().attrs["synthetic"] == "true"
    assert found.to_polars().height == pa.table(found).num_rows == len(found)
    assert repr(found).endswith("... and 14 more units and all in .table; see .unit('all')")
    assert ".table" not in repr(found.unit("all"))
    one = oms.characteristics(cases_of(1, 0), by="unit")
    assert ".table" not in repr(one)
    two = {"case_id": ["1", "2"], "unit": ["a", "b"], "gender": ["x", "y"]}
    framework = oms.Framework("two", (), [oms.Stratum("gender", ("x", "y"))])
    few = oms.characteristics(oms.CaseSet.from_data(two, framework=framework), by="unit")
    assert "... and 1 more unit and all in .table" in repr(few)
    assert "SYNTHETIC" in found._repr_html_()


def test_html_is_escaped() -> None:
    framework = oms.Framework("odd", (), [oms.Stratum("<b>", ("<i>",))])
    data = {"case_id": [1], "unit": ["<u>"], "<b>": ["<i>"]}
    html = oms.characteristics(oms.CaseSet.from_data(data, framework=framework))._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "&lt;i&gt;" in html


@pytest.fixture(scope="module")
def invented() -> oms.CaseSet:
    return oms.omi2.with_invented_characteristics(oms.omi2.load_synthetic())


def test_annex_1_has_seven_characteristics(invented: oms.CaseSet) -> None:
    found = oms.characteristics(invented, oms.omi2.ANNEX_1)
    names = found.table["characteristic"].unique().to_pylist()
    assert names == [
        *("supervision_type", "tier", "rosh_classification", "gender", "ethnicity"),
        *("disability_types", "age_group"),
    ]
    assert found.table["reason"].null_count == len(found)
    plain = oms.characteristics(oms.omi2.load_synthetic(), oms.omi2.ANNEX_1).table
    without = plain.filter(plain["reason"].is_valid())
    lacking = ["tier", "rosh_classification", "disability_types"]
    assert without["characteristic"].to_pylist() == lacking


def test_invented_columns_agree_with_the_others(invented: oms.CaseSet) -> None:
    rows = pa.table(invented).select(
        ["risk_of_harm", "rosh_classification", "tier", "disability", "disability_types"]
    )
    for row in rows.to_pylist():
        high = row["risk_of_harm"] == "high"
        assert (row["rosh_classification"] in ("high", "very high")) == high
        assert not high or row["tier"] in "34"
        types = row["disability_types"]
        assert (types is None) == (row["disability"] is None)
        assert bool(types) == (row["disability"] == "yes")
    ages = oms.age_group(invented["date_of_birth"], invented["inspection_date"])
    assert ages.to_pylist() == invented["age_group"].to_pylist()
    both = pa.table(invented).select(["unit", "inspection_date"])
    days = both.group_by(["unit", "inspection_date"]).aggregate([]).num_rows
    assert days == len(invented.units)


def test_shares_of_disabilities_are_near_the_printed_ones() -> None:
    # About 480 mentions: three standard errors are some seven percentage points.
    cases = oms.omi2.load_synthetic()
    shares = []
    for seed in range(12):
        made = oms.omi2.with_invented_characteristics(cases, seed=seed)
        table = oms.characteristics(made, [oms.omi2.DISABILITY_TYPES]).table
        shares.append(table["percent_of_mentions"].to_pylist()[:3])
    assert np.abs(np.array(shares) - [33, 40, 27]).max() < 7
    assert np.abs(np.mean(shares, axis=0) - [33, 40, 27]).max() < 2


@pytest.mark.parametrize("units", [1, 40])
def test_simulated_cases_are_given_them_too(units: int) -> None:
    cases = oms.omi2.simulate(units, seed=3)
    made = oms.omi2.with_invented_characteristics(cases, seed=1)
    again = oms.omi2.with_invented_characteristics(cases, seed=1)
    assert pa.table(made).equals(pa.table(again))
    other = oms.omi2.with_invented_characteristics(cases, seed=2)
    assert not pa.table(made)["tier"].equals(pa.table(other)["tier"])
    ages = oms.age_group(made["date_of_birth"], made["inspection_date"])
    assert ages.to_pylist() == made["age_group"].to_pylist()
    assert made.units == cases.units


def test_invented_columns_are_marked(invented: oms.CaseSet) -> None:
    assert invented.metadata[b"synthetic"] == b"true"
    assert json.loads(invented.metadata[b"invented_columns"]) == sorted(
        ["rosh_classification", "tier", "disability_types", "date_of_birth", "inspection_date"]
    )
    assert all(str(id).startswith("SYN-") for id in invented["case_id"].to_pylist())
    found = oms.characteristics(invented, ["tier", "gender", oms.omi2.DISABILITY_TYPES])
    marks = {r["characteristic"]: r["invented"] for r in found.table.to_pylist()}
    assert marks == {"tier": True, "gender": False, "disability_types": True}
    assert "tier (INVENTED)" in repr(found)
    assert "tier (INVENTED)" in found._repr_html_()
    assert b"tier" in found.table.schema.metadata[b"invented_columns"]


@pytest.mark.parametrize("said", [b"not json", b"3", b"{}"])
def test_unreadable_marks_mark_nothing(said: bytes) -> None:
    assert invented_columns({b"invented_columns": said}) == frozenset()


def test_real_cases_are_given_nothing(invented: oms.CaseSet) -> None:
    table = pa.table(oms.omi2.load_synthetic())
    ids = [f"X{i}" for i in range(table.num_rows)]
    renamed = table.set_column(0, "case_id", pa.array(ids))
    # Ids tell, whatever metadata say; and one real case among synthetic ones is enough.
    for data in (
        renamed,
        renamed.replace_schema_metadata(None),
        pa.concat_tables([table.slice(0, 9), renamed.slice(9, 1)]),
    ):
        cases = oms.CaseSet.from_data(data, framework=oms.omi2.DEMONSTRATION)
        with pytest.raises(oms.UsageError, match="must be synthetic"):
            oms.omi2.with_invented_characteristics(cases)
    with pytest.raises(oms.UsageError, match=r"already has.*'rosh_classification'"):
        oms.omi2.with_invented_characteristics(invented)
    with pytest.raises(oms.UsageError, match="whole number"):
        oms.omi2.with_invented_characteristics(oms.omi2.load_synthetic(), seed=-1)
    with pytest.raises(oms.UsageError, match="CaseSet"):
        oms.omi2.with_invented_characteristics(table)  # type: ignore[arg-type]
