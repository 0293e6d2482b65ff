"""Every function that takes a path counts what is in a workbook, text, SPSS or Stata file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyreadstat
import pytest
from tests.file_writers import ods_row, write_ods

import omistats as oms
from omistats.model.batches import read_cases

LEVELS = ("fully met", "partly met", "not met")
FRAMEWORK = oms.Framework(
    "demo",
    questions=[
        oms.Question("visit", "Home visited", oms.Link("1", "published")),
        oms.Question(
            "plan", "Plan", oms.Link("1", "published"), levels=LEVELS, sufficient=LEVELS[:1]
        ),
    ],
    items=[oms.Item("1", "criterion", "Planning")],
    strata=[oms.Stratum("sex", ("female", "male"))],
    breakdowns=["sex"],
)
ROWS = 60


def answers(blank: object) -> dict[str, list[Any]]:
    """Synthetic cases, with blanks as a kind of file has them."""
    random = np.random.default_rng(5)

    def draw(*choices: object) -> list[Any]:
        return [choices[i] for i in random.integers(0, len(choices), ROWS)]

    return {
        "case_id": [f"SYN-{i:03}" for i in range(ROWS)],
        "unit": draw("Kent", "Hove"),
        "sex": draw("female", "male", blank),
        "visit": draw(1, 0, blank),
        "plan": draw(*LEVELS, blank),
        "weight": draw(0.5, 1.0, 2.0),
    }


def frame_of(cells: dict[str, list[Any]]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in cells.items()})


def write_csv(path: Path) -> None:
    cells = answers("")
    cells["visit"] = [{1: "TRUE", 0: "false", "": ""}[value] for value in cells["visit"]]
    rows = zip(*cells.values(), strict=True)
    text = "\n".join([";".join(cells), *(";".join(map(str, row)) for row in rows)])
    path.write_text(f"Synthetic cases;;;;;\n\n{text}\n\nSource: invented;;;;;\n", "cp1252")


def write_tsv(path: Path) -> None:
    frame_of(answers("")).to_csv(path, sep="\t", index=False)


def write_xlsx(path: Path) -> None:
    cells = answers(None)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Synthetic cases"])
    sheet.append([f" {name}\n" for name in cells])
    for row in zip(*cells.values(), strict=True):
        sheet.append(row)
    book.save(path)


def write_open_document(path: Path) -> None:
    cells = answers("")
    rows = [
        ods_row(*cells),
        *(ods_row(*map(str, row)) for row in zip(*cells.values(), strict=True)),
    ]
    write_ods(path, {"Cases": "".join(rows)})


SEX = {1.0: "female", 2.0: "male", 9.0: "Not known"}
PLAN = {float(i): level for i, level in enumerate(LEVELS, 1)}


def coded() -> pd.DataFrame:
    cells = answers(None)
    sex = {label: code for code, label in SEX.items()} | {None: 9.0}
    plan = {label: code for code, label in PLAN.items()} | {None: None}
    cells["sex"] = [sex[value] for value in cells["sex"]]
    cells["plan"] = [plan[value] for value in cells["plan"]]
    frame = pd.DataFrame(cells)
    for name in ("sex", "visit", "plan"):
        frame[name] = frame[name].astype(float)
    return frame


def write_spss(path: Path) -> None:
    labels = {"sex": SEX, "plan": PLAN}
    pyreadstat.write_sav(coded(), path, variable_value_labels=labels, missing_ranges={"sex": [9.0]})


def write_stata(path: Path) -> None:
    frame = coded().replace({"sex": {9.0: None}})
    labels = {
        "sex": {int(k): v for k, v in SEX.items()},
        "plan": {int(k): v for k, v in PLAN.items()},
    }
    pyreadstat.write_dta(frame, path, variable_value_labels=labels)


WRITERS: dict[str, Callable[[Path], None]] = {
    "x.csv": write_csv,
    "x.tsv": write_tsv,
    "x.xlsx": write_xlsx,
    "x.ods": write_open_document,
    "x.sav": write_spss,
    "x.dta": write_stata,
}


@pytest.fixture(scope="module")
def expected() -> oms.CaseSet:
    return oms.CaseSet.from_data(pd.DataFrame(answers(None)), framework=FRAMEWORK)


@pytest.fixture(params=WRITERS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    found = tmp_path / request.param
    WRITERS[request.param](found)
    return found


def test_cases_are_those_of_the_frame(path: Path, expected: oms.CaseSet) -> None:
    found = read_cases(path, FRAMEWORK)
    assert found.columns == expected.columns
    for name in expected.columns:
        assert found[name].to_pylist() == expected[name].to_pylist(), name
    assert found.units == expected.units
    assert oms.recompute(found).table.equals(oms.recompute(expected).table)
    assert "SYNTHETIC" in repr(found)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "recompute": lambda source: oms.recompute(source, by="unit", framework=FRAMEWORK),
    "weighted": lambda source: oms.recompute(source, weight="weight", framework=FRAMEWORK),
    "scores": lambda source: oms.scores(source, by="unit", framework=FRAMEWORK),
    "levels": lambda source: oms.levels(source, framework=FRAMEWORK),
    "bootstrap": lambda source: oms.bootstrap(source, draws=20, seed=1, framework=FRAMEWORK),
    "max_t": lambda source: oms.max_t(source, permutations=20, seed=1, framework=FRAMEWORK),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_the_path(name: str, path: Path, expected: oms.CaseSet) -> None:
    call = FUNCTIONS[name]
    assert call(str(path)).table.equals(call(expected).table)


def test_tallies_take_the_path(path: Path, expected: oms.CaseSet) -> None:
    done = []
    found = oms.tally(path, framework=FRAMEWORK, progress=lambda *rows: done.append(rows))
    assert np.array_equal(found.n, oms.tally(expected).n)
    assert done == [(ROWS, ROWS)]
    sums = oms.score_tally(path, framework=FRAMEWORK)
    assert oms.scores(sums).table.equals(oms.scores(oms.score_tally(expected)).table)


# What is no answer, and other trouble


HEAD = "case_id,unit,sex,visit,plan\n"


def problems(path: Path, text: str, framework: oms.Framework = FRAMEWORK) -> list[str]:
    path.write_text(text)
    with pytest.raises(oms.DataError) as caught:
        oms.recompute(path, framework=framework)
    return [str(problem) for problem in caught.value.problems]


def test_every_cell_that_is_no_answer_is_named(tmp_path: Path) -> None:
    rows = "1,Kent,female,yes,fully met\n2,Kent,F,1,Fully met\n3,Kent,male,n/a,\n4,Kent,F,true,?\n"
    found = problems(tmp_path / "x.csv", HEAD + rows)
    assert [text.split(";")[0] for text in found] == [
        "x.csv, rows 3, 5: sex: allowed levels are 'female', 'male', or blank for unknown",
        "x.csv, rows 2, 4: visit: answers must be true, false, 0, 1 or blank",
        (
            "x.csv, rows 3, 5: plan: answers must be 'fully met', 'partly met', 'not met', "
            "'not applicable', or blank for not applicable"
        ),
    ]
    assert "found 'n/a', 'yes'" in found[1]
    assert all("a mapping" in text for text in found)


def test_ids_and_units_are_named_by_row(tmp_path: Path) -> None:
    rows = "1,Kent,,1,\n,Kent,,1,\n1,,,1,\n2,  ,,1,\n2,all,,1,\n"
    found = problems(tmp_path / "x.csv", HEAD + rows)
    places = {text.split(": ")[0] + ": " + text.split(": ")[1] for text in found}
    assert places == {
        "x.csv, row 3: case_id",
        "x.csv, rows 2, 4, 5, 6: case_id",
        "x.csv, rows 4, 5: unit",
        "x.csv, row 6: unit",
    }


def test_columns_that_are_not_there_are_listed_with_the_file(tmp_path: Path) -> None:
    (one,) = problems(tmp_path / "x.csv", "case_id,unit,sex,Visit,plan\n1,Kent,,1,\n")
    assert one.startswith("x.csv: question column: ")
    assert "'visit'" in one
    assert "mapping" in one
    more = problems(tmp_path / "x.csv", "case_id,unit,sex,visit,Plan\n1,Kent,,maybe,\n")
    assert len(more) == 2


def test_two_columns_of_one_question(tmp_path: Path) -> None:
    text = "case_id,unit,sex,visit,plan,visit\n1,Kent,,1,,0\n"
    (one,) = problems(tmp_path / "x.csv", text)
    assert "columns D and F" in one


def test_a_sheet_is_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Cases"
    for row in (["Title"], HEAD.strip().split(","), [1, "Kent", None, 2, None]):
        sheet.append(row)
    book.save(tmp_path / "x.xlsx")
    with pytest.raises(oms.DataError, match=r'x\.xlsx, sheet "Cases", row 3: visit') as caught:
        oms.recompute(tmp_path / "x.xlsx", framework=FRAMEWORK)
    assert "found '2'" in str(caught.value)


def test_labels_of_codes_must_be_answers(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"case_id": [1.0, 2.0], "unit": "Kent", "sex": "", "visit": [1.0, 2.0], "plan": ""}
    )
    labels = {"visit": {1: "Yes", 2: "No"}}
    pyreadstat.write_sav(frame, tmp_path / "x.sav", variable_value_labels=labels)
    with pytest.raises(oms.DataError) as caught:
        oms.recompute(tmp_path / "x.sav", framework=FRAMEWORK)
    # Not even 1, which the office calls Yes: 2 may mean anything.
    assert "rows 1, 2: visit" in str(caught.value)
    assert "'1 (Yes)', '2 (No)'" in str(caught.value)


def test_what_was_not_answered(tmp_path: Path) -> None:
    framework = oms.Framework(
        "demo",
        questions=[oms.Question("visit", "Home visited")],
        not_answered="left out",
    )
    path = tmp_path / "x.csv"
    cells = ["1", "sufficient", "FALSE", "not applicable", "not answered", ""]
    path.write_text(
        "case_id,unit,visit\n" + "".join(f"{i},Kent,{c}\n" for i, c in enumerate(cells))
    )
    found = read_cases(path, framework)
    same = oms.CaseSet.from_data(
        {
            "case_id": [str(i) for i in range(6)],
            "unit": ["Kent"] * 6,
            "visit": ["sufficient", "sufficient", "not sufficient", *cells[3:5], None],
        },
        framework=framework,
    )
    assert found["visit"].to_pylist() == same["visit"].to_pylist()


def test_columns_of_no_question_keep_their_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    head = HEAD.replace("\n", ",n,share,code,note,,n2,n2\n")
    path.write_text(f"{head}1,Kent,,1,,5,0.5,007,,x,1,2\n2,Kent,,1,,,2,12,a,,3,4\n")
    found = read_cases(path, FRAMEWORK)
    assert found.extra == ("n", "share", "code", "note")
    kinds = {name: found[name].type for name in found.extra}
    assert kinds == {
        "n": pa.int64(),
        "share": pa.float64(),
        "code": pa.string(),
        "note": pa.string(),
    }


def test_rows_left_out_travel_with_the_cases(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv")
    found = read_cases(tmp_path / "x.csv", FRAMEWORK)
    assert found.metadata[b"rows_left_out"] == b"x.csv, row 65: Source: invented"


def test_a_file_without_cases(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(HEAD)
    assert len(read_cases(tmp_path / "x.csv", FRAMEWORK)) == 0


def test_hints_name_no_argument_that_is_not_there(tmp_path: Path) -> None:
    (one,) = problems(tmp_path / "x.csv", "1,2\n3,4\n")
    assert "Write a mapping whose layout says header_row=" in one
    (two,) = problems(tmp_path / "y.csv", "case_id,unit\n1," + "x" * (1 << 24))
    assert "pass the frame (max_line_bytes is 16,777,216 by default)" in two


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for library in ("python_calamine", "pyreadstat"):
        monkeypatch.setitem(sys.modules, library, None)
    for name, library in (("x.xlsx", "python-calamine"), ("x.sav", "pyreadstat")):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(oms.UsageError) as caught:
            oms.tally(tmp_path / name, framework=FRAMEWORK)
        assert (
            str(caught.value) == f'needs {library}; install it with: pip install "omistats[files]"'
        )
