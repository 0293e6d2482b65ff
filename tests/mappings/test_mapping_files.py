"""Mappings as files: what is wrong is said with file and line, and what is written is read back."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import attrs
import pytest
from cattrs.preconf.json import make_converter
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

FIRST = "1.1 Does the assessment sufficiently analyse what brings the child to offend?"
GOOD = """\
format = 1
programme = "seizure_clinic"

[codes.yes_no]
sufficient = ["Y"]
"not sufficient" = ["N"]

[codes.graded]
"met" = ["M"]

[layouts.audit]
id = "Ref"
unit = "Clinic"
"""


def load(folder: Path, text: str) -> CaseMapping:
    (folder / "map.toml").write_text(text, encoding="utf-8")
    return oms.mappings.load(folder / "map.toml")


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(oms.DataError) as caught:
        load(folder, text)
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture(scope="module")
def shipped() -> str:
    folder = oms.programmes.load("youth_justice").folder
    return (folder / "mapping.toml").read_text(encoding="utf-8")


def edited(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_all_problems_are_listed_with_their_lines(shipped, tmp_path):
    text = edited(
        shipped,
        # A code twice, a level outside the scale, a question that there is not, a column twice.
        ('"not met" = ["Not met"]', '"not met" = ["Not met", "FULLY  met"]'),
        ("male = [", "boy = ["),
        ("q1_3 = {", "q9_9 = {"),
        (
            'column = "1.2 Did all relevant agencies contribute to the assessment?"',
            f'column = "{FIRST}"',
        ),
        ('no_unit = "leave out"', 'no_unit = "guess"'),
        ('codes = "disposal" }', 'codes = "disposals" }'),
        ("title = ", "titel = "),
    )
    found = "\n".join(problems(tmp_path, text))
    expected = [
        ("titel", "did you mean 'title'", "titel ="),
        ("rules.no_unit", "'error' or 'leave out'", 'no_unit = "guess"'),
        ("codes.four_levels", "'fully met' and of 'not met'", '"FULLY  met"'),
        ("codes.sex.boy", "must be one of 'male', 'female', 'unknown' for sex", "boy ="),
        ("questions.q9_9", "unknown question 'q9_9'", "q9_9 ="),
        ("questions.q1_2.column", "is that of q1_1 as well", "q1_2 ="),
        ("characteristics.disposal.codes", "did you mean 'disposal'", '"disposals"'),
        ("layouts.export.questions", "none for 'q1_3'", "[layouts.export.questions]"),
    ]
    for key, rule, part in expected:
        pattern = rf"map\.toml line {line_of(text, part)}, [^\n]*{re.escape(key)}"
        lines = [line for line in found.splitlines() if re.search(pattern, line)]
        assert any(rule.lower() in line.lower() for line in lines), (key, found)


def test_a_code_twice_but_for_case_is_one_where_case_is_ignored(shipped, tmp_path):
    text = edited(shipped, ('"not met" = ["Not met"]', '"not met" = ["Not met", "FULLY  met"]'))
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(
        f"map.toml line {line_of(text, 'FULLY')}, codes.four_levels.not met[1]"
    )
    assert "'FULLY  met' of 'fully met' and of 'not met'" in problem


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("format = 1", "format = 2"), "format must be 1"),
        (("format = 1\n", ""), "format must be 1"),
        (('programme = "youth_justice"', ""), "a mapping names its programme"),
        (('programme = "youth_justice"', 'programme = "youth"'), "unknown programme 'youth'"),
        (('unit = "YJS area"\n', ""), "needs the column of the unit"),
        (("earliest = 2023-01-01", 'earliest = "2023"'), "must be a date"),
        (("earliest = 2023-01-01", "earliest = 2024-01-01"), "`latest` must not be before"),
        (("[units.synonyms]\n", '[units.synonyms]\nnowhere = ["X"]\n'), "unknown unit 'nowhere'"),
        (('kingsmere = ["Kings Mere"]', 'kingsmere = ["Ulswick"]'), "no two units may share"),
        (('ignore = ["Lead inspector"', 'ignore = ["YJS area"'), "an ignored column is not used"),
        (("sufficient = [", "sufficient = [1, "), 'Write it in quotation marks: "1"'),
        (('white = ["White"]', 'white = ["Whites"]'), "must be a code of [codes.ethnicity]"),
        (('born = "D.O.B.", ', ""), "needs `column` and `codes`, or `born` and `at`"),
        (("disability = { column", "sex = { column"), "is a name of the framework"),
        (("labels = true", 'labels = "yes"'), "must be true or false"),
        (('dates = "day first"', 'dates = "British"'), "must be 'year first', 'day first'"),
        (
            ("[layouts.spss]\n", '[layouts.spss]\nabsent = ["q1_1"]\n'),
            "what is absent has no column",
        ),
        (("[layouts.spss]\n", "[layouts.spss]\nheader_row = -1\n"), "must be a row number"),
        (('yes = ["*"]', '"?" = ["*"]'), "is a question that you have to answer"),
        (('conflicting = "error"', 'conflicting = "?"'), "is a question that you have to answer"),
        (('id = "caseref"', 'id = "?"'), "is a question that you have to answer"),
        (("[codes.sex]", "[codes.sex"), "must be TOML"),
    ],
)
def test_a_mapping_that_breaks_a_rule(shipped, tmp_path, change, rule):
    found = problems(tmp_path, edited(shipped, change))
    assert any(rule in problem for problem in found), found
    assert all("map.toml" in problem for problem in found if "a mapping names" not in problem)


def test_a_layout_without_columns_lists_what_it_needs(tmp_path):
    found = problems(tmp_path, GOOD)
    assert len(found) == 2
    assert all("map.toml line 11" in problem for problem in found)


def test_a_mapping_of_no_file_and_of_no_programme():
    with pytest.raises(oms.DataError, match=r"nothing\.toml"):
        oms.mappings.load("nothing.toml")
    with pytest.raises(oms.UnknownNameError, match="did you mean 'youth_justice'"):
        oms.mappings.load("youth_justise")
    with pytest.raises(oms.DataError, match="none shipped"):
        oms.mappings.load("seizure_clinic")
    with pytest.raises(oms.UsageError, match="path of a TOML file"):
        oms.mappings.load(3)


def test_control_characters_of_a_file_are_escaped(shipped, tmp_path):
    text = edited(shipped, ("male = [", '"\\u001b[31m" = ['))
    assert "\x1b" not in "\n".join(problems(tmp_path, text))


def test_a_programme_may_be_a_folder_beside_the_mapping(shipped, tmp_path):
    import shutil

    shutil.copytree(oms.programmes.load("youth_justice").folder, tmp_path / "mine")
    text = edited(shipped, ('programme = "youth_justice"', 'programme = "./mine"'))
    assert load(tmp_path, text).layouts.keys() == {"export", "spss"}


# --- round trips ---


def test_the_shipped_mapping_survives_toml_and_cattrs(shipped, tmp_path):
    mapping = oms.mappings.load("youth_justice")
    mapping.save(tmp_path / "map.toml")
    assert oms.mappings.load(tmp_path / "map.toml") == mapping
    converter = make_converter()
    text = converter.dumps(mapping)
    assert converter.loads(text, CaseMapping) == mapping


TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=8
).filter(str.strip)
NAMES = st.lists(TEXT, max_size=3).map(tuple)
DATES = st.dates(min_value=dt.date(1000, 1, 1))


@st.composite
def mappings(draw: st.DrawFn) -> CaseMapping:
    questions = st.builds(QuestionColumn, TEXT, TEXT | st.just(""), NAMES)
    characteristics = st.builds(Characteristic, TEXT, NAMES, TEXT | st.just(""), TEXT)
    kept = st.builds(KeptColumn, TEXT, st.sampled_from(["text", "number", "date"]), NAMES)
    layout = st.builds(
        Layout,
        id=TEXT,
        unit=TEXT,
        questions=st.dictionaries(TEXT, questions, max_size=2),
        characteristics=st.dictionaries(TEXT, characteristics, max_size=2),
        keep=st.dictionaries(TEXT, kept, max_size=2),
        ignore=NAMES,
        absent=NAMES,
        sheet=TEXT,
        header_row=st.integers(0, 9),
        labels=st.booleans(),
        dates=st.sampled_from(["year first", "day first", "month first", "?"]),
    )
    return draw(
        st.builds(
            CaseMapping,
            programme=TEXT,
            layouts=st.dictionaries(TEXT, layout, max_size=2),
            codes=st.dictionaries(TEXT, st.dictionaries(TEXT, NAMES, max_size=3), max_size=2),
            units=st.builds(UnitNames, NAMES, st.dictionaries(TEXT, NAMES, max_size=2), NAMES),
            rules=st.builds(Rules, no_id=st.sampled_from(["error", "number", "?"])),
            ages=st.builds(AgeRules, DATES, st.none() | DATES),
            match=st.sampled_from(["exact", "ignore case and spaces"]),
            synthetic=st.booleans(),
            title=TEXT,
        )
    )


@settings(max_examples=60, deadline=None)
@given(mappings())
def test_any_mapping_is_read_back_as_it_was_written(tmp_path_factory, mapping):
    from omistats.mappings.mapping_file import _read  # public loading asks for a programme

    path = tmp_path_factory.getbasetemp() / "any.toml"
    mapping.save(path)
    found, _, problems_ = _read(path)
    assert problems_ == []
    assert found == mapping


def test_comments_stand_above_what_they_are_about():
    mapping = CaseMapping(layouts={"x": Layout(id="Ref")}, codes={"c": {"met": ("M",)}})
    text = mapping.to_toml(
        {(): "On top.", ("codes", "c", "met"): "Two\nlines.", ("layouts", "x", "id"): "The id."}
    )
    assert text.startswith("# On top.\nformat = 1\n")
    assert '# Two\n# lines.\nmet = ["M"]' in text
    assert '# The id.\nid = "Ref"' in text


def test_a_changed_mapping_no_longer_points_into_its_file():
    mapping = oms.mappings.load("youth_justice")
    assert mapping.where("codes", "sex").startswith("mapping.toml line ")
    changed = attrs.evolve(mapping, rules=Rules())
    assert changed.where("codes", "sex") == "codes.sex"
    assert changed != mapping
