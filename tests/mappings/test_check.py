"""Checking an export: a mapping that asks instead of guessing, and what has changed since."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pytest

import omistats as oms
from omistats.cli import main

DATA = Path(__file__).parent.parent / "data" / "messy_2023"
TEXT, SPSS = DATA / "YJCI_export_2023.csv", DATA / "YJCI_2023.sav"

# What a person who knows the programme writes where the proposal asks.
ANSWERS = (
    ('no_id = "?"', 'no_id = "leave out"'),
    ('no_unit = "?"', 'no_unit = "leave out"'),
    ('no_answers = "?"', 'no_answers = "leave out"'),
    ('born_later = "?"', 'born_later = "unknown"'),
    ('too_old = "?"', 'too_old = "unknown"'),
    ("affixes = []", 'affixes = ["YJS", "Council", "Youth Justice Service"]'),
    ('white = ["White"]\n"minority ethnic" = []\n', 'white = ["White"]\n'),
    ('"?" = ["Mixed", ', '"minority ethnic" = ["Mixed", '),
    ('court = []\n"out of court" = []', 'court = ["N", "No"]\n"out of court" = ["Y", "Yes"]'),
    (
        'unknown = [""]\n# What does each of these mean? \'Hgih\' in 1 row\n"?" = ["Hgih"]',
        'unknown = ["", "Hgih"]',
    ),
)


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programme without the mapping that it ships."""
    folder = tmp_path_factory.mktemp("programmes") / "youth"
    shutil.copytree(oms.programmes.load("youth_justice").folder, folder)
    (folder / "mapping.toml").unlink()
    return folder


def table_of(path: Path = TEXT) -> dict[str, list[Any]]:
    with path.open(encoding="cp1252", newline="") as lines:
        header, *rows = csv.reader(lines)
    return {name: [row[i] or None for row in rows] for i, name in enumerate(header)}


def listed(found: oms.mappings.Check, rule: str) -> list[dict[str, Any]]:
    return [row for row in found.table.to_pylist() if rule in row["rule"]]


# --- an export that nobody prepared ---


def test_a_proposal_finds_columns_and_asks_for_the_rest(programme):
    found = oms.mappings.check(TEXT, programme=programme)
    (layout,) = found.mapping.layouts.values()
    assert (layout.id, layout.unit, layout.dates) == ("Case ref", "YJS area", "day first")
    assert len(layout.questions) == 23
    assert layout.questions["q2_3"].column.startswith("2.3 Is there a contingency plan")
    assert {name: c.column or (c.born, c.at) for name, c in layout.characteristics.items()} == {
        "sex": "Sex of child",
        "ethnicity": "Ethnicity (ONS 18+1)",
        "risk_of_harm": "Risk of serious harm classification",
        "disposal": "Out of court?",
        "age_group": ("D.O.B.", "Date of inspection"),
    }
    codes = found.mapping.codes
    # What a word means anywhere is proposed; all else is asked.
    assert codes["yes_no"]["sufficient"] == ("Yes", "Y")
    assert codes["disposal"]["?"] == ("N", "Y")
    assert codes["risk_of_harm"]["?"] == ("Hgih",)
    assert codes["levels_4"]["?"] == ("?", "tbc")
    assert codes["ethnicity"]["?"] == ("Mixed", "Asian", "Black", "Other")
    assert "Ulswick" in found.mapping.units.synonyms["?"]
    rules = attrs.asdict(found.mapping.rules)
    assert [name for name, policy in rules.items() if policy == "?"] == [
        "no_id",
        "no_unit",
        "no_answers",
    ]
    assert not found.ready
    assert layout.ignore == ("Disability (free text)", "Lead inspector", "Inspector's comments")
    assert [row["column"] for row in listed(found, "column not used")] == list(layout.ignore)


def test_a_proposal_is_not_read_until_its_questions_are_answered(programme, tmp_path):
    path = tmp_path / "map.toml"
    oms.mappings.check(TEXT, programme=programme).save(path)
    text = path.read_text(encoding="utf-8").replace('"youth_justice"', f'"{programme}"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(oms.DataError) as caught:
        oms.read_cases(TEXT, path)
    lines = text.splitlines()
    for problem in caught.value.problems:
        number = int(problem.where.split("line ")[1].split(",")[0])
        assert '"?"' in lines[number - 1], problem
    assert len(caught.value.problems) == sum(
        line.startswith('"?" =') or ' = "?"' in line for line in lines
    )


@pytest.mark.parametrize("path", [TEXT, SPSS], ids=lambda path: path.suffix)
def test_an_answered_proposal_reads_the_cases_that_the_shipped_mapping_reads(
    programme, tmp_path, path
):
    target = tmp_path / "map.toml"
    oms.mappings.check(path, programme=programme).save(target)
    text = target.read_text(encoding="utf-8")
    for old, new in ANSWERS:
        text = text.replace(old, new)
    # The open codes of answers and areas.
    lines = []
    for line in text.splitlines():
        if line == '"?" = ["?", "tbc"]':
            continue
        lines.append(line.replace('["", "Not answered"]', '["", "Not answered", "?", "tbc"]'))
    text = "\n".join(lines)
    start = text.index("[units.synonyms]")
    stop = text.index("]", start + 20) + 1
    synonyms = "".join(
        f'{id} = ["{name}"]\n'
        for id, name in (
            ("south-tarn", "S Tarn"),
            ("kingsmere", "Kings Mere"),
            ("ullswick", "Ulswick"),
            ("north-tarn", "N. Tarn"),
            ("port-ellery", "Pt Ellery"),
        )
    )
    text = text[:start] + "[units.synonyms]\n" + synonyms + text[stop:]
    text = text.replace('"?" = ["N", "Y"]', "").replace('"?" = ["No", "Yes"]', "")
    text = text.replace("[ages]\n", "[ages]\nearliest = 2023-01-01\n")
    text = text.replace('outside = "error"', 'outside = "unknown"')
    target.write_text(text, encoding="utf-8")
    found = oms.read_cases(path, target)
    shipped = oms.read_cases(path, "youth_justice")
    assert len(found) == 147
    assert oms.recompute(found).table.equals(
        oms.recompute(shipped).table.replace_schema_metadata(
            oms.recompute(found).table.schema.metadata
        )
    )


def test_columns_that_no_header_tells_are_questions(programme):
    data = table_of()
    data["Which"] = data.pop("Case ref")
    data["Something"] = data.pop(
        "1.1 Does the assessment sufficiently analyse what brings the child to offend?"
    )
    found = oms.mappings.check(data, programme=programme)
    (layout,) = found.mapping.layouts.values()
    assert (layout.id, layout.questions["q1_1"].column) == ("?", "?")
    text = found.to_toml()
    assert "# Which column is the id of a case? No header says so." in text
    assert 'Write the header of its column, or put "q1_1" into `absent`.' in text
    assert len(listed(found, "is open in the mapping")) >= 2


def test_dates_that_can_be_read_in_two_ways_are_a_question(programme):
    data = table_of()
    for name in ("D.O.B.", "Date of inspection"):
        data[name] = ["01/02/2010" if name == "D.O.B." else "03/04/2023"] * len(data[name])
    found = oms.mappings.check(data, programme=programme)
    (layout,) = found.mapping.layouts.values()
    assert layout.dates == "?"
    assert "All dates can be read as 'day first' and 'month first'." in found.to_toml()


def test_two_columns_that_fit_are_a_question(programme):
    data = table_of()
    data["Sex at birth"] = data["Sex of child"]
    found = oms.mappings.check(data, programme=programme)
    (layout,) = found.mapping.layouts.values()
    assert layout.characteristics["sex"].column == "?"
    assert "It may be 'Sex of child', 'Sex at birth'." in found.to_toml()


def test_what_a_proposal_does_not_find_has_words_ready_and_columns_to_choose_from():
    clinic = ["Hillview", "Riverside", "HILLVIEW Hospital"]
    data = {"Patient no.": ["1", "2", "3"], "Hospital": clinic, "ECG": ["Y", "N", "Y"]}
    data |= {"Notes": [None, None, None], "Band": ["child", "adult", None]}
    found = oms.mappings.check(data, programme="seizure_clinic")
    (layout,) = found.mapping.layouts.values()
    assert (layout.id, layout.unit) == ("Patient no.", "Hospital")
    assert layout.questions["care_plan"].column == "?"
    # Nothing is ignored while one of the columns may be what is asked for.
    assert layout.ignore == ()
    text = found.to_toml()
    assert "# Columns that are not used yet: 'ECG', 'Notes', 'Band'." in text
    assert 'Or put "Hospital" into affixes.' in text
    assert {"yes", "y"} <= set(found.mapping.codes["yes_no"]["sufficient"])
    assert "" in found.mapping.codes["yes_no"]["not answered"]
    assert found.mapping.codes["sex"]["female"] == ("female", "f")
    unused = [row["column"] for row in listed(found, "column not used")]
    assert unused == ["ECG", "Notes", "Band"]


# --- the next year's file ---


def next_year() -> dict[str, list[Any]]:
    data = table_of()
    items = list(data.items())
    changed: dict[str, list[Any]] = {}
    for name, values in items:
        if name.startswith("1.4 "):
            name = "1.4 Does the assessment analyse how to keep the child safe and well?"
        if name.startswith("3.2 "):
            continue
        if name.startswith("4.1 "):
            values = ["Partly" if i == 7 else value for i, value in enumerate(values)]
        if name == "YJS area":
            values = ["Newtown" if i == 4 else value for i, value in enumerate(values)]
        changed[name] = values
    changed["4.6 Was the family satisfied?"] = ["Yes"] * len(changed["Case ref"])
    return changed


def test_what_has_changed_is_reported_and_asked():
    found = oms.mappings.check(next_year(), mapping="youth_justice")
    assert not found.ready
    (reworded,) = listed(found, "column reworded")
    assert (
        reworded["column"] == "1.4 Does the assessment analyse how to keep the child safe and well?"
    )
    assert reworded["value"] == "1.4 Does the assessment analyse how to keep the child safe?"
    (gone,) = listed(found, "column gone")
    assert gone["column"] == "3.2 Was contact frequency right?"
    assert "It is q3_2." in gone["suggestion"]
    (new,) = listed(found, "new column")
    assert new["column"] == "4.6 Was the family satisfied?"
    (code,) = listed(found, "must be a code in the mapping")
    assert (code["row"], code["value"]) == (8, "Partly")
    (unit,) = listed(found, "must be a unit")
    assert (unit["row"], unit["value"]) == (5, "Newtown")
    mapping = found.mapping
    layout = mapping.layouts["export"]
    assert layout.questions["q1_4"].column == layout.questions["q3_2"].column == "?"
    assert mapping.codes["yes_no"]["?"] == ("Partly",)
    assert mapping.units.synonyms["?"] == ("Newtown",)
    text = found.to_toml()
    assert "Was '1.4 Does the assessment analyse how to keep the child safe?'. Is it now" in text
    assert "# Was '3.2 Was contact frequency right?', which is gone." in text


def test_the_same_file_again_has_no_changes():
    found = oms.mappings.check(TEXT, mapping="youth_justice")
    assert found.ready
    for rule in ("reworded", "gone", "new column", "must be a code"):
        assert listed(found, rule) == []
    assert found.mapping == oms.mappings.load("youth_justice")


def test_a_question_found_by_its_number_may_be_reworded():
    mapping = oms.mappings.load("youth_justice")
    layout = mapping.layouts["export"]
    old = layout.questions["q1_4"]
    questions = {**layout.questions, "q1_4": attrs.evolve(old, number="1.4")}
    changed = attrs.evolve(mapping, layouts={"export": attrs.evolve(layout, questions=questions)})
    data = next_year()
    data["3.2 Was contact frequency right?"] = ["Yes"] * 153
    found = oms.mappings.check(data, mapping=changed)
    (reworded,) = listed(found, "column reworded")
    assert reworded["severity"] == "question"
    assert "Look whether q1_4 still asks the same" in reworded["suggestion"]


def test_a_mapping_with_open_questions_is_checked_all_the_same(tmp_path):
    shipped = oms.programmes.load("youth_justice").folder / "mapping.toml"
    text = shipped.read_text(encoding="utf-8").replace('conflicting = "error"', 'conflicting = "?"')
    (tmp_path / "map.toml").write_text(text, encoding="utf-8")
    found = oms.mappings.check(TEXT, mapping=tmp_path / "map.toml")
    (open_,) = listed(found, "is a question that you have to answer")
    assert "map.toml line" in open_["rule"]
    assert found.cases == 147
    (tmp_path / "map.toml").write_text(text.replace("sex = {", "sexes = {"), encoding="utf-8")
    assert not oms.mappings.check(TEXT, mapping=tmp_path / "map.toml").ready


def test_a_shipped_mapping_is_not_forced_on_another_export():
    frame = {
        "Case ref": ["1", "2"],
        "Area": ["Ullswick", "Kingsmere"],
        "1.1 Desistance": ["Fully met", None],
    }
    found = oms.mappings.check(frame, programme="youth_justice")
    assert list(found.mapping.layouts) == ["export"]
    assert found.mapping.layouts["export"].questions["q1_1"].column == "1.1 Desistance"
    assert found.mapping.title == ""


# --- the result and the command ---


def test_the_table_of_problems_has_a_line_a_row():
    found = oms.mappings.check(TEXT, programme="youth_justice")
    assert found.table.schema.names == [
        *("row", "column", "value", "rule", "suggestion", "severity", "rows"),
    ]
    assert len(found) == found.table.num_rows
    assert set(found.table["severity"].to_pylist()) <= {"error", "question", "note"}
    order = found.table["severity"].to_pylist()
    assert order == sorted(order, key=["error", "question", "note"].index)
    unknown = listed(found, "set to unknown")
    refused = [row for row in unknown if row["value"] == "Not stated"]
    assert [row["row"] for row in refused] == [82, 89, 135]
    assert {row["rows"] for row in refused} == {3}
    assert pa.table(found).equals(found.table)


def test_many_rows_of_one_value_are_counted_and_the_first_listed():
    data = {"Case ref": [str(i) for i in range(5_000)], "Clinic": ["North"] * 5_000}
    data["ecg"] = ["what?"] * 5_000
    found = oms.mappings.check(data, programme="seizure_clinic")
    rows = [row for row in found.table.to_pylist() if row["value"] == "what?"]
    assert len(rows) <= 100
    assert all(row["rows"] == 5_000 for row in rows)


def test_control_characters_do_not_reach_the_terminal():
    data = {"Case ref\x1b[31m": ["1"], "Area": ["\x1b]0;x\x07"], "1.1": ["\x1b[2J"]}
    found = oms.mappings.check(data, programme="youth_justice")
    for text in (repr(found), found.to_toml()):
        assert "\x1b" not in text
        assert "\x07" not in text


def test_the_command_proposes_writes_and_says_what_is_open(programme, tmp_path, capsys):
    out = tmp_path / "map.toml"
    command = ["check", str(TEXT), "--programme", str(programme), "--out", str(out)]
    assert main(command) == 1
    printed = capsys.readouterr()
    assert "153 rows, 150 cases" in printed.out
    assert printed.err == f"omistats: wrote {out}\n"
    assert out.read_text(encoding="utf-8").startswith("# How YJCI_export_2023.csv is read.")
    assert main(command) == 2
    assert "exists; name another file, or pass --force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["map.toml"]


def test_the_command_with_a_mapping(tmp_path, capsys):
    path = tmp_path / "map.toml"
    oms.mappings.load("youth_justice").save(path)
    assert main(["check", str(SPSS), "--mapping", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cases"] == 147


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([str(TEXT)], "pass `programme`"),
        (["nothing.csv", "--programme", "youth_justice"], "nothing.csv"),
        ([str(TEXT), "--programme", "youth_justise"], "unknown programme 'youth_justise'"),
        ([str(TEXT), "--mapping", "nothing.toml"], "nothing.toml"),
        ([str(TEXT), "--programme", "youth_justice", "--layout", "x"], "unknown layout 'x'"),
    ],
)
def test_what_the_command_cannot_do_is_one_plain_line(options, said, capsys):
    assert main(["check", *options]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.startswith("omistats: ")
    assert printed.err.count("\n") == 1
