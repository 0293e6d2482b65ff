"""Three untidy exports of the same cases, read with the shipped mapping, give the same cases."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections import Counter
from pathlib import Path

import attrs
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import omistats as oms
from omistats.cli import main

# Internal: later reports read the log from the metadata of results.
from omistats.model.treatment import Treatment

DATA = Path(__file__).parent.parent / "data" / "messy_2023"
WORKBOOK, TEXT, SPSS = (
    DATA / name for name in ("YJCI_export_2023.xlsx", "YJCI_export_2023.csv", "YJCI_2023.sav")
)
# Above the first case: titles and header, header, nothing.
FIRST_ROW = {WORKBOOK: 5, TEXT: 2, SPSS: 1}
FILES = list(FIRST_ROW)
HEADER = {"id": 0, "area": 1, "born": 2, "at": 3, "risk": 7}


@pytest.fixture(scope="module")
def read() -> dict[Path, oms.CaseSet]:
    return {path: oms.read_cases(path, "youth_justice") for path in FILES}


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    with TEXT.open(encoding="cp1252", newline="") as lines:
        return list(csv.reader(lines))[1:]


@pytest.mark.parametrize("path", [TEXT, SPSS], ids=lambda path: path.suffix)
def test_the_files_have_identical_cases_and_findings(read, path):
    first, other = read[WORKBOOK], read[path]
    assert other.columns == first.columns
    assert other.units == first.units
    assert other.framework == first.framework
    for name in first.columns:
        assert other[name].equals(first[name]), name
    assert oms.recompute(other, by="unit").table.equals(oms.recompute(first, by="unit").table)
    assert oms.scores(other, by="unit").table.equals(oms.scores(first, by="unit").table)


def test_cases_are_those_of_a_slow_recount(read, rows):
    """Counts of sufficient, applicable and unanswered, by a recount that shares no code."""
    good = {"fully met", "mostly met", "yes", "y"}
    three = {1, 7, 10, 14, 19, 20}  # questions of three levels: only `fully met` will do
    bad = {"partly met", "not met", "no", "n", "mostly met"}
    left = [*(r for r in rows if r[0] and r[1] and any(r[10:33]))]
    seen, cases = set(), []
    for row in left:
        if row[0] not in seen:
            seen.add(row[0])
            cases.append(row)
    assert len(cases) == 147
    found = oms.recompute(read[TEXT], breakdowns=[]).table.to_pylist()
    assert len(found) == 23
    for i, row in enumerate(found):
        texts = Counter(case[10 + i].strip().lower() for case in cases)
        enough = {"fully met", "yes", "y"} if i in three else good
        k = sum(texts[text] for text in enough)
        n = sum(texts[text] for text in good | bad)
        blank = sum(texts[text] for text in ("", "?", "tbc", "not answered"))
        assert (row["k"], row["n"], row["not_answered"]) == (k, n, blank), row["question"]


def test_characteristics_are_those_of_a_slow_recount(read, rows):
    cases = read[TEXT]
    by_id = {row[0]: row for row in rows}
    risk = {"high": "high", "very high": "high", "medium": "not high", "low": "not high"}
    for i, id in enumerate(cases["case_id"].to_pylist()):
        row = by_id[id]
        assert cases["risk_of_harm"][i].as_py() == risk.get(row[7].lower())
        born, at = (
            dt.date(*map(int, reversed(row[HEADER[key]].split("/")))) for key in ("born", "at")
        )
        age = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
        known = at.year == 2023 and 10 <= age <= 17
        expected = ("10-14" if age < 15 else "15-17") if known else None
        assert cases["age_group"][i].as_py() == expected, id
        assert cases["disposal"][i].as_py() == {"Y": "out of court", "N": "court"}[row[8]]
        text = row[6].lower()
        none = {"no", "none", "no disability", "none known"}
        unknown = {"", "n/k", "not recorded"}
        answer = None if text in unknown else "no" if text in none else "yes"
        assert cases["disability"][i].as_py() == answer


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix)
def test_every_row_is_a_case_or_listed_as_left_out(read, path):
    log = read[path].treatment
    out = [number for entry in log.left_out.to_pylist() for number in entry["row_numbers"]]
    assert log.rows == 153 == len(read[path]) + len(out)
    assert log.cases == len(read[path]) == 147
    assert len(out) == len(set(out))
    first = FIRST_ROW[path]
    # Places in the files: without an id, an area and answers, then the repeated ones.
    assert [number - first for number in out] == [133, 101, 120, 150, 151, 152]


TROUBLES = {
    "no id": ("every case needs an id", [133]),
    "no area": ("every case needs a unit", [101]),
    "no answers": ("no question is answered", [120]),
    "born in the future": ("is after the inspection", [17]),
    "adult": ("is older than 17", [29]),
    "inspected in 1900": ("is not between 2023-01-01 and 2023-12-31", [60]),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix)
def test_check_reports_every_planted_trouble(path):
    found = oms.mappings.check(path, programme="youth_justice")
    assert found.ready
    listed = found.table.to_pylist()
    first = FIRST_ROW[path]
    for name, (rule, places) in TROUBLES.items():
        rows = [row["row"] - first for row in listed if row["rule"] == rule]
        assert rows == places, name
    repeated = {
        row["value"]: [] for row in listed if row["rule"].endswith("the same in all that is read")
    }
    for row in listed:
        if row["value"] in repeated:
            repeated[row["value"]].append(row["row"] - first)
    assert repeated == {
        "YJ/23/0009": [8, 150],
        "YJ/23/0042": [41, 151],
        "YJ/23/0078": [77, 152],
    }
    # The misspelt level, which SPSS has as an empty cell; unknown codes of answers as `9`.
    risk = [r for r in listed if r["row"] == 88 + first and r["rule"] != "column not used"]
    assert any((r["column"] or "").lower().startswith(("risk", "rosh")) for r in risk)
    if path != SPSS:
        values = Counter(row["value"] for row in listed)
        assert values["Hgih"] == 1
        assert (values["tbc"], values["?"]) == (11, 15)


def test_check_in_one_command(capsys):
    assert main(["check", str(WORKBOOK), "--programme", "youth_justice"]) == 0
    out = capsys.readouterr().out
    assert out.startswith('YJCI_export_2023.xlsx, sheet "Data": 153 rows, 147 cases; 0 errors')
    assert main(["check", str(TEXT), "--programme", "youth_justice", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["cases"], found["ready"]) == (153, 147, True)
    assert {"row", "column", "value", "rule", "suggestion", "severity", "rows"} == set(
        found["problems"][0]
    )


def test_the_cases_say_that_they_are_made_up(read):
    for cases in read.values():
        assert "SYNTHETIC" in repr(cases)


def test_the_log_travels_with_the_cases(read, tmp_path):
    cases = read[WORKBOOK]
    log = cases.treatment.table
    some = cases.filter([i % 2 == 0 for i in range(len(cases))])
    regions = cases.regroup(dict.fromkeys(cases.units, "all of it"))
    pq.write_table(pa.table(cases), tmp_path / "cases.parquet")
    again = oms.CaseSet.from_data(
        pq.read_table(tmp_path / "cases.parquet"), framework=cases.framework
    )
    for other in (some, regions, again):
        assert other.treatment.table.equals(log)
    for result in (oms.recompute(some), oms.scores(cases)):
        assert Treatment.from_metadata(result.table.schema.metadata).table.equals(log)


def test_the_log_names_what_became_of_values(read):
    table = read[WORKBOOK].treatment.table.to_pylist()
    entries = {(row["column"][:4], row["from"], row["to"]): row for row in table if row["column"]}
    assert entries["Risk", "Hgih", "unknown"]["row_numbers"] == [88 + 5]
    assert entries["Date", "1900-01-01", "unknown"]["row_numbers"] == [60 + 5]
    assert entries["Disa", "asthma", "yes"]["rule"] == "any other text"
    assert entries["YJS ", "Ulswick", "ullswick"]["rows"] == 5
    assert entries["Sex ", "M", "male"]["rows"] == 28
    summary = read[WORKBOOK].treatment.summary()
    assert "left out: 1 row without an id (138)" in summary


# --- a conflict, which the files have not ---


def with_conflict() -> dict[str, list[str]]:
    """The CSV file, but for one answer of a repeated case."""
    with TEXT.open(encoding="cp1252", newline="") as lines:
        header, *rows = csv.reader(lines)
    rows[152][10] = "Not met"
    return {name: [row[i] or None for row in rows] for i, name in enumerate(header)}


def test_a_conflict_is_an_error_of_the_shipped_mapping():
    with pytest.raises(oms.DataError) as caught:
        oms.read_cases(with_conflict(), "youth_justice")
    (problem,) = caught.value.problems
    assert "rows 78 and 153 have one id and differ in 'q1_1'" in problem.rule
    assert "YJ/23/0078" in problem.found


@pytest.mark.parametrize(
    ("policy", "cases", "answer"),
    [
        ("keep first", 147, "mostly met"),
        ("keep last", 147, "not met"),
        ("leave out", 146, None),
    ],
)
def test_what_becomes_of_a_conflict_is_written_in_the_mapping(policy, cases, answer):
    mapping = oms.mappings.load("youth_justice")
    mapping = attrs.evolve(mapping, rules=attrs.evolve(mapping.rules, conflicting=policy))
    found = oms.read_cases(with_conflict(), mapping)
    assert len(found) == cases
    answers = dict(zip(found["case_id"].to_pylist(), found["q1_1"].to_pylist(), strict=True))
    assert answers.get("YJ/23/0078") == answer
    log = found.treatment
    assert log.rows == cases + sum(row["rows"] for row in log.left_out.to_pylist())
