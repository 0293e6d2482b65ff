"""Reading by a mapping: recodings, rules on rows, dates, units, layouts; nothing is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

import omistats as oms
from omistats.mappings import (
    AgeRules,
    CaseMapping,
    Characteristic,
    KeptColumn,
    Layout,
    QuestionColumn,
    Rules,
    UnitNames,
)

FRAMEWORK = oms.Framework(
    "visits",
    [
        oms.Question("seen", "Seen at home"),
        oms.Question("plan", "Plan", levels=["met", "partly", "not met"], sufficient=["met"]),
    ],
    [oms.Stratum("sex", ["f", "m"]), oms.Stratum("age_group", ["10-14", "15-17"], required=False)],
    breakdowns=["sex"],
    not_answered="left out",
    blank="not answered",
)
CODES = {
    "seen": {"sufficient": ("Y", "Yes"), "not sufficient": ("N",), "not applicable": ("n/a",)},
    "plan": {"met": ("1",), "partly": ("2",), "not met": ("3",), "not answered": ("", "9")},
    "sex": {"f": ("F", "girl"), "m": ("M",), "unknown": ("", "?")},
}
LAYOUT = Layout(
    id="Ref",
    unit="Area",
    questions={
        "seen": QuestionColumn("Seen?", codes=("seen",)),
        "plan": QuestionColumn("Plan", codes=("plan",)),
    },
    characteristics={"sex": Characteristic("Sex", ("sex",))},
)
MAPPING = CaseMapping(layouts={"x": LAYOUT}, codes=CODES)


def frame(**changes: Sequence[Any]) -> dict[str, list[Any]]:
    data: dict[str, list[Any]] = {
        "Ref": ["1", "2", "3", "4"],
        "Area": ["North", "North", "South", "South"],
        "Seen?": ["Y", "N", "n/a", None],
        "Plan": ["1", "2", "", "3"],
        "Sex": ["F", "M", "?", "girl"],
    }
    return data | {name.replace("_", " "): list(values) for name, values in changes.items()}


def layout(mapping: CaseMapping = MAPPING, **changes: Any) -> CaseMapping:
    return attrs.evolve(mapping, layouts={"x": attrs.evolve(mapping.layouts["x"], **changes)})


def rules(**changes: str) -> CaseMapping:
    return attrs.evolve(MAPPING, rules=Rules(**changes))


def read(data: Any, mapping: CaseMapping = MAPPING, **options: Any) -> oms.CaseSet:
    return oms.read_cases(data, mapping, framework=FRAMEWORK, **options)


def message(data: Any, mapping: CaseMapping = MAPPING) -> str:
    with pytest.raises(oms.DataError) as caught:
        read(data, mapping)
    return str(caught.value)


def test_codes_become_answers():
    cases = read(frame())
    assert cases["seen"].to_pylist() == [
        "sufficient",
        "not sufficient",
        "not applicable",
        "not answered",
    ]
    assert cases["plan"].to_pylist() == ["met", "partly", "not answered", "not met"]
    assert cases["sex"].to_pylist() == ["f", "m", None, "f"]
    assert cases["case_id"].to_pylist() == ["1", "2", "3", "4"]
    assert cases.units == ("North", "South")


@pytest.mark.parametrize(
    "make",
    [dict, pd.DataFrame, pl.DataFrame, pa.table, lambda data: pa.table(data).to_reader()],
    ids=["dict", "pandas", "polars", "arrow", "reader"],
)
def test_any_frame_is_read(make):
    assert pa.table(read(make(frame()))).equals(pa.table(read(frame())))


def test_files_of_any_format_are_read(tmp_path):
    pd.DataFrame(frame()).to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame(frame()).to_excel(tmp_path / "a.xlsx", index=False)
    pq.write_table(pa.table(frame()), tmp_path / "a.parquet")
    expected = pa.table(read(frame()))
    for name in ("a.csv", "a.xlsx", "a.parquet"):
        assert pa.table(read(tmp_path / name)).equals(expected), name


def test_questions_without_levels_or_policy_are_true_or_false():
    framework = oms.Framework("plain", [oms.Question("seen", "Seen")])
    kept = layout(questions={"seen": LAYOUT.questions["seen"]}, characteristics={})
    kept = attrs.evolve(kept, rules=Rules(no_answers="keep"))
    cases = oms.read_cases(frame(), kept, framework=framework)
    assert cases["seen"].to_pylist() == [True, False, None, None]
    assert cases["seen"].type == pa.bool_()


def test_unknown_codes_are_listed_with_their_rows_and_what_may_be_meant():
    text = message(frame(Plan=["1", "4", "4", "x"], Sex=["F", "gril", "M", "M"]))
    assert "2 problems" in text
    assert (
        "column \"Plan\": must be a code in the mapping; found '4' in rows 2, 3; 'x' in row 4"
        in text
    )
    assert "'gril' in row 2. Add it to what it means under [codes.sex]. Is it 'girl'?" in text


def test_case_and_spaces_count_unless_the_mapping_says_otherwise():
    data = frame(Sex=["f", " GIRL", "m", "M"])
    assert "'f' in row 1; ' GIRL' in row 2; 'm' in row 3" in message(data)
    loose = attrs.evolve(MAPPING, match="ignore case and spaces")
    assert read(data, loose)["sex"].to_pylist() == ["f", "f", "m", "m"]


def test_cells_of_blanks_only_are_empty():
    assert read(frame(Sex=["  ", "F", "M", "M"]))["sex"].to_pylist()[0] is None


def test_an_empty_cell_of_a_characteristic_is_unknown_even_if_not_listed():
    codes = CODES | {"sex": {"f": ("F", "girl"), "m": ("M",), "unknown": ("?",)}}
    cases = read(frame(Sex=[None, "M", "?", "F"]), attrs.evolve(MAPPING, codes=codes))
    assert cases["sex"].to_pylist() == [None, "m", None, "f"]
    log = [r for r in cases.treatment.table.to_pylist() if r["column"] == "Sex" and r["to"]]
    assert {"empty cell", "code"} == {r["rule"] for r in log if r["to"] == "unknown"}


def test_any_other_text_goes_by_a_rule_that_the_log_repeats():
    codes = CODES | {"sex": {"f": ("F", "girl"), "m": ("*",), "unknown": ("",)}}
    cases = read(frame(Sex=["boy", None, "lad", "F"]), attrs.evolve(MAPPING, codes=codes))
    assert cases["sex"].to_pylist() == ["m", None, "m", "f"]
    log = [r for r in cases.treatment.table.to_pylist() if r["rule"] == "any other text"]
    assert [(r["from"], r["to"], r["row_numbers"]) for r in log] == [
        ("boy", "m", [1]),
        ("lad", "m", [3]),
    ]


def test_tables_of_codes_follow_one_another():
    codes = CODES | {
        "word": {"girl": ("girl",), "boy": ("boy", "lad"), "unknown": ("",)},
        "sex": {"f": ("girl",), "m": ("boy",)},
    }
    chained = layout(
        attrs.evolve(MAPPING, codes=codes),
        characteristics={"sex": Characteristic("Sex", ("word", "sex"))},
        keep={"word": KeptColumn("Sex", codes=("word",))},
    )
    cases = read(frame(Sex=["girl", "boy", "lad", None]), chained)
    assert cases["sex"].to_pylist() == ["f", "m", "m", None]
    assert cases["word"].to_pylist() == ["girl", "boy", "boy", None]


# --- columns and layouts ---


def test_headers_are_found_whatever_their_case_and_spaces():
    data = frame()
    data["  SEEN? "] = data.pop("Seen?")
    assert read(data)["seen"].to_pylist()[0] == "sufficient"


def test_a_question_is_found_by_its_number_and_not_by_a_longer_one():
    numbered = layout(
        questions={
            "seen": QuestionColumn(number="1.1", codes=("seen",)),
            "plan": LAYOUT.questions["plan"],
        }
    )
    data = frame()
    data["1.1 Was the child seen?"] = data.pop("Seen?")
    data["1.10 Something else"] = data["1.1.2 More"] = ["?"] * 4
    assert read(data, numbered)["seen"].to_pylist()[1] == "not sufficient"
    data["1.1: Again"] = data["Plan"]
    assert "'1.1' in columns" in message(data, numbered)


def test_missing_columns_are_named_together_with_the_nearest():
    data = frame()
    data["Ara"] = data.pop("Area")
    del data["Plan"]
    text = message(data)
    assert "2 problems" in text
    assert "layouts.x.unit: must be a column of dict; found no 'Area'. Did you mean 'Ara'?" in text
    assert "layouts.x.questions.plan.column" in text


def test_the_layout_whose_columns_are_there_is_used():
    other = attrs.evolve(LAYOUT, id="Number")
    both = attrs.evolve(MAPPING, layouts={"old": other, "new": LAYOUT})
    assert read(frame(), both).treatment.layout == "new"
    data = frame()
    data["Number"] = data["Ref"]
    with pytest.raises(oms.UsageError, match=r"fit the layouts 'old', 'new' .* pass layout='old'"):
        read(data, both)
    assert read(data, both, layout="old").treatment.layout == "old"
    with pytest.raises(oms.UnknownNameError, match="unknown layout 'odl'; did you mean 'old'"):
        read(data, both, layout="odl")


def test_absent_questions_are_not_applicable_and_absent_characteristics_unknown():
    gone = layout(
        questions={"seen": LAYOUT.questions["seen"]}, characteristics={}, absent=("plan", "sex")
    )
    cases = read(frame(), attrs.evolve(gone, rules=Rules(no_answers="keep")))
    assert set(cases["plan"].to_pylist()) == {"not applicable"}
    assert cases["sex"].null_count == 4


def test_unused_columns_are_listed():
    data = frame(Notes=["a"] * 4, Officer=["b"] * 4)
    log = read(data, layout(ignore=("officer",))).treatment.table.to_pylist()
    assert [(r["column"], r["rule"]) for r in log if r["step"] == "not used"] == [
        ("Notes", "not in the mapping"),
        ("Officer", "ignored by the mapping"),
    ]


def test_columns_are_kept_as_text_number_or_date():
    kept = layout(
        keep={
            "weight": KeptColumn("W", "number"),
            "day": KeptColumn("Day", "date"),
            "note": KeptColumn("Note"),
        },
        dates="day first",
    )
    data = frame(W=["1.5", "1,200", None, "-2"], Day=["01/02/2023", None, "2023-02-03", ""])
    data["Note"] = ["a", None, "b", "c"]
    cases = read(data, kept)
    assert cases.extra == ("weight", "day", "note")
    assert cases["weight"].to_pylist() == [1.5, 1200, None, -2]
    assert cases["day"].to_pylist() == [dt.date(2023, 2, 1), None, dt.date(2023, 2, 3), None]
    assert cases["note"].to_pylist() == ["a", None, "b", "c"]
    data["W"][1] = "many"
    data["Day"][1] = "31/02/2023"
    text = message(data, kept)
    assert "column \"W\": must be a number; found 'many' in row 2" in text
    assert "column \"Day\": must be a date; found '31/02/2023' in row 2" in text


def test_a_mapping_is_needed_for_a_layout():
    with pytest.raises(oms.UsageError, match="`layout` needs `mapping`"):
        oms.read_cases("a.csv", framework=FRAMEWORK, layout="x")
    with pytest.raises(oms.UsageError):
        oms.read_cases(frame())


def test_without_a_mapping_columns_are_those_of_the_framework():
    framework = oms.Framework("plain", [oms.Question("seen", "Seen")])
    data = {"case_id": [1], "unit": ["A"], "seen": [True]}
    assert len(oms.read_cases(data, framework=framework)) == 1


# --- rows ---


def test_rows_without_id_unit_or_answers_are_errors_by_default():
    data = frame(Ref=["1", " ", "3", "4"], Area=["N", "N", None, "S"], Plan=["1", "2", "", "9"])
    text = message(data)
    assert "every case needs an id; found row 2" in text
    assert "every case needs a unit; found row 3" in text
    assert "no question is answered; found row 4" in text


def test_rows_are_left_out_by_rules_and_listed_once():
    data = frame(Ref=["1", None, "3", "4"], Area=["N", None, "S", "S"], Plan=["1", "2", "", "9"])
    cases = read(data, rules(no_id="leave out", no_unit="leave out", no_answers="leave out"))
    assert cases["case_id"].to_pylist() == ["1", "3"]
    log = cases.treatment.left_out.to_pylist()
    assert [(r["rule"], r["row_numbers"]) for r in log] == [
        ("without an id", [2]),
        ("without answers", [4]),
    ]


def test_rows_without_an_id_may_be_numbered():
    data = frame(Ref=["1", None, "3", ""])
    cases = read(data, rules(no_id="number", no_answers="keep"))
    assert cases["case_id"].to_pylist() == ["1", "without id 1", "3", "without id 2"]


def test_not_applicable_is_an_answer_and_not_answered_is_none():
    data = frame(Plan=["9", "9", "9", "9"])
    data["Seen?"] = ["n/a", "Y", "N", None]
    cases = read(data, rules(no_answers="leave out"))
    assert cases["case_id"].to_pylist() == ["1", "2", "3"]


def test_identical_rows_are_compared_after_recoding():
    data = frame(Ref=["1", "1", "3", "4"], Area=["North"] * 4)
    data["Seen?"] = ["Y", "Yes", "N", "N"]
    data["Plan"] = ["1", "1", "1", "1"]
    data["Sex"] = ["girl", "F", "M", "M"]
    cases = read(data)
    assert cases["case_id"].to_pylist() == ["1", "3", "4"]
    (entry,) = cases.treatment.left_out.to_pylist()
    assert (entry["rule"], entry["from"], entry["row_numbers"]) == ("the same as row 1", "1", [2])
    text = message(data, rules(identical="error"))
    assert "rows 1 and 2 are the same in all that is read; found '1' in rows 1, 2" in text


def test_rows_that_differ_in_a_kept_column_or_a_date_are_in_conflict():
    data = frame(Ref=["1", "1", "3", "4"], W=["1", "2", "1", "1"], Area=["North"] * 4)
    data["Seen?"], data["Plan"], data["Sex"] = ["Y"] * 4, ["1"] * 4, ["F"] * 4
    assert len(read(data)) == 3
    kept = layout(keep={"w": KeptColumn("W", "number")})
    assert "differ in 'w'" in message(data, kept)
    data |= {"Born": ["2010-01-01", "2010-01-02", None, None], "At": ["2023-01-03"] * 4}
    aged = {**LAYOUT.characteristics, "age_group": Characteristic(born="Born", at="At")}
    assert "differ in 'age_group.born'" in message(data, layout(characteristics=aged))


def test_several_conflicts_are_in_the_order_of_the_file():
    data = frame(Ref=["b", "a", "b", "a"])
    text = message(data, rules(no_answers="keep"))
    assert text.index("rows 1 and 3") < text.index("rows 2 and 4")


# --- dates ---


def aged(**changes: str) -> CaseMapping:
    characteristics = {**LAYOUT.characteristics, "age_group": Characteristic(born="Born", at="At")}
    decided = dict.fromkeys(("outside", "born_later", "too_young", "too_old"), "unknown")
    return attrs.evolve(
        layout(characteristics=characteristics, dates="day first"),
        ages=AgeRules(dt.date(2023, 1, 1), dt.date(2023, 12, 31), **(decided | changes)),
    )


BORN = ["01/03/2010", "29/02/2008", "01/01/2031", "2009-05-05"]
AT = ["28/02/2023", "01/03/2023", "05/05/2023", "05/05/1900"]


def test_age_groups_follow_from_dates_and_impossible_ones_are_unknown():
    cases = read(frame(Born=BORN, At=AT), aged())
    assert cases["age_group"].to_pylist() == ["10-14", "15-17", None, None]
    log = {r["from"]: r for r in cases.treatment.table.to_pylist() if r["step"] == "set to unknown"}
    assert log["01/01/2031"]["rule"] == "is after the inspection"
    assert log["05/05/1900"]["rule"] == "is not between 2023-01-01 and 2023-12-31"
    assert log["05/05/1900"]["row_numbers"] == [4]


def test_ages_are_those_that_age_group_gives():
    rng = np.random.default_rng(5)
    born = [dt.date(2005, 1, 1) + dt.timedelta(int(d)) for d in rng.integers(0, 3_600, 300)]
    at = [dt.date(2023, 1, 1) + dt.timedelta(int(d)) for d in rng.integers(0, 364, 300)]
    data = frame(Born=[f"{d:%d/%m/%Y}" for d in born], At=at)
    data |= {"Ref": [str(i) for i in range(300)], "Area": ["N"] * 300}
    data |= {"Seen?": ["Y"] * 300, "Plan": ["1"] * 300, "Sex": ["F"] * 300}
    found = read(data, aged())["age_group"].to_pylist()
    whole = oms.age_group(born, at, ["0-9", "10-14", "15-17", "18+"]).to_pylist()
    assert found == [group if group in ("10-14", "15-17") else None for group in whole]
    assert {"10-14", "15-17", None} == set(found)


@pytest.mark.parametrize(("rule", "row"), [("born_later", "3"), ("outside", "4")])
def test_an_impossible_date_may_leave_a_case_out_or_be_an_error(rule, row):
    data = frame(Born=BORN, At=AT)
    data["Plan"] = ["1"] * 4
    cases = read(data, aged(**{rule: "leave out"}))
    assert row not in cases["case_id"].to_pylist()
    assert cases.treatment.rows == len(cases) + 1
    assert f"row {row}" in message(data, aged(**{rule: "error"}))


def test_text_that_is_no_date_is_an_error_unless_the_mapping_says_otherwise():
    data = frame(Born=["01/03/10", "31/02/2008", "1.3.2010", "10/13/2009"], At=["01/05/2023"] * 4)
    text = message(data, aged())
    assert (
        "is no date; found '01/03/10' in row 1; '31/02/2008' in row 2; '10/13/2009' in row 4"
        in text
    )
    cases = read(data, aged(unreadable="unknown"))
    assert cases["age_group"].to_pylist() == [None, None, "10-14", None]


# --- units ---


UNITS = """
[[units]]
id = "north"
name = "North"

[[units]]
id = "south"
name = "South"
synonyms = ["Southern"]
"""


def test_spellings_of_units_that_look_alike_are_joined_by_the_mapping_only():
    data = frame(Area=["North", "north ", "South", "South"])
    text = message(data)
    assert "two spellings of a unit look alike" in text
    assert "found \"'North', 'north'\" in rows 1, 2" in text
    names = UnitNames(synonyms={"North": ("north",), "South": ()})
    cases = read(data, attrs.evolve(MAPPING, units=names))
    assert cases["unit"].to_pylist() == ["North", "North", "South", "South"]


def test_declared_units_are_matched_and_others_are_errors_with_a_hint(tmp_path):
    import shutil

    folder = tmp_path / "visits"
    shutil.copytree(oms.programmes.load("seizure_clinic").folder, folder)
    (folder / "units.toml").write_text(UNITS)
    names = UnitNames(("Council",), {"north": ("N.",)}, ("tbc",))
    mapping = attrs.evolve(MAPPING, units=names, programme=str(folder))
    mapping = attrs.evolve(mapping, rules=Rules(no_unit="leave out"))
    data = frame(Area=["N.", "SOUTHERN COUNCIL", "tbc", "north council"])
    cases = read(data, mapping)
    assert cases["unit"].to_pylist() == ["north", "south", "north"]
    assert cases.unit_names == {"north": "North", "south": "South"}
    data["Area"][0] = "Nroth"
    assert (
        "'Nroth' in row 1. Is it 'north' or 'south'? Add it there under [units.synonyms]."
        in message(data, mapping)
    )


# --- nothing is lost ---

CELLS = {
    "Ref": st.sampled_from(["a", "b", "c", "d", "", " a ", None]),
    "Area": st.sampled_from(["N", "S", None]),
    "Seen?": st.sampled_from(["Y", "Yes", "N", "n/a", None, ""]),
    "Plan": st.sampled_from(["1", "2", "3", "9", None]),
    "Sex": st.sampled_from(["F", "M", "?", None]),
}
ANSWER = {"Y": 1, "Yes": 1, "N": 0}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.fixed_dictionaries(CELLS), max_size=12),
    st.sampled_from(["leave out", "keep first", "keep last"]),
    st.sampled_from(["leave out", "number"]),
    st.sampled_from(["leave out", "keep"]),
)
def test_every_row_is_a_case_or_left_out_once_and_counts_are_those_of_a_recount(
    rows, conflicting, no_id, no_answers
):
    """Rule: rows in = cases + rows left out, each with its number."""
    data = {name: pa.array([row[name] for row in rows], pa.string()) for name in CELLS}
    decided = Rules("keep one", conflicting, no_id, "leave out", no_answers)
    cases = read(pa.table(data), attrs.evolve(MAPPING, rules=decided))
    log = cases.treatment
    out = [n for entry in log.left_out.to_pylist() for n in entry["row_numbers"]]
    assert len(out) == len(set(out)) == len(rows) - len(cases)
    kept = [row for i, row in enumerate(rows, 1) if i not in out]
    assert all(row["Area"] for row in kept)
    ids = [(row["Ref"] or "").strip() for row in kept]
    assert all(ids) or no_id == "number"
    named = [id for id in ids if id]
    assert len(named) == len(set(named))
    if conflicting != "leave out" and no_answers == "keep":
        wanted = {(r["Ref"] or "").strip() for r in rows if r["Area"]} - {""}
        assert set(named) == wanted
    seen = [ANSWER[row["Seen?"]] for row in kept if row["Seen?"] in ANSWER]
    if kept:
        tally = oms.recompute(cases, breakdowns=[], questions=["seen"]).table.to_pylist()[0]
        assert (tally["k"], tally["n"]) == (sum(seen), len(seen))


def test_a_mapping_written_to_a_file_reads_the_same_cases(tmp_path: Path):
    MAPPING.save(tmp_path / "map.toml")
    cases = oms.read_cases(frame(), tmp_path / "map.toml", framework=FRAMEWORK)
    assert pa.table(cases).equals(pa.table(read(frame())))
    assert cases.treatment.mapping == "map.toml"
