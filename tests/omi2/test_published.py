"""The printed tables as data: complete, well formed, and equal to the text of the report."""

from __future__ import annotations

import csv
import difflib
import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

import omistats as oms

# Internal: tables are read from the publication by maintainers, not by users.
from omistats.omi2.extract import extract, main, write_csv
from omistats.omi2.published import SCHEMA

QUESTIONS = oms.omi2.FRAMEWORK.questions
REPORT = "aggregate_findings_2011.txt"
ROWS = {3: 31, 4: 20, 5: 13, 6: 12, 7: 75, 8: 75, 9: 75, 10: 75, 11: 75}


@pytest.fixture(scope="module")
def lines():
    return oms.omi2.load_published().to_pylist()


class TestShipped:
    def test_columns_and_types(self):
        table = oms.omi2.load_published()
        text, whole = pa.string(), pa.int64()
        assert {f.name: f.type for f in table.schema} == {
            "table": whole, "row": whole, "question": text, "group": text,
            "percent": whole, "n": whole, "stars": text,
        }  # fmt: skip

    def test_as_many_figures_as_are_printed(self, lines):
        """Counted in the report: 451 rows, 892 Ns and percentages, 443 marks, 441 beside two."""
        rows = {(x["table"], x["row"]): x for x in lines}
        assert len(rows) == 451
        assert sum(x["n"] is not None for x in lines) == 892
        assert sum(x["percent"] is not None for x in lines) == 892
        assert sum(x["stars"] is not None for x in rows.values()) == 443
        blank = {(x["table"], x["row"]) for x in lines if x["n"] is None}
        two = [x for key, x in rows.items() if key not in blank]
        assert sum(x["stars"] is not None for x in two) == len(two) == 441

    def test_rows_count_from_1_within_each_table(self, lines):
        for number, count in ROWS.items():
            found = [x["row"] for x in lines if x["table"] == number]
            assert found == [row for row in range(1, count + 1) for _ in range(2)]

    def test_groups_are_spelled_as_in_the_breakdown(self, lines):
        for number, table in oms.omi2.TABLES.items():
            found = [x["group"] for x in lines if x["table"] == number]
            assert found == list(table.groups) * ROWS[number]
            breakdown = next(b for b in oms.omi2.STANDARD if b.key == table.breakdown)
            assert table.groups == breakdown.groups

    def test_a_blank_cell_blanks_percentage_and_n_together(self, lines):
        for x in lines:
            assert (x["percent"] is None) == (x["n"] is None)
            if x["n"] is not None:
                assert 0 <= x["percent"] <= 100
                assert 0 < x["n"] <= 2213
            assert x["stars"] in (None, "--", "*", "**", "***")

    def test_both_lines_of_a_row_have_its_mark(self, lines):
        for first, second in zip(lines[::2], lines[1::2], strict=True):
            assert (first["table"], first["row"]) == (second["table"], second["row"])
            assert (first["question"], first["stars"]) == (second["question"], second["stars"])

    def test_some_rows_copied_by_hand_from_print(self, lines):
        found = {(x["table"], x["row"], x["group"]): (x["percent"], x["n"]) for x in lines}
        marks = {(x["table"], x["row"]): x["stars"] for x in lines}
        assert found[3, 1, "high"] == (87, 209)
        assert found[3, 1, "all"] == (72, 1060)
        assert marks[3, 1] == "***"
        assert found[4, 1, "high"] == (97, 441)
        assert found[4, 1, "all"] == (90, 2103)
        assert found[4, 17, "all"] == (None, None)
        assert marks[4, 17] == "--"
        assert found[10, 36, "yes"][1] == 127
        assert found[10, 41, "yes"] == (84, 354)

    def test_questions_are_those_of_the_tables(self, lines):
        for number, table in oms.omi2.TABLES.items():
            assert [x["question"] for x in lines if x["table"] == number][::2] == list(
                table.questions
            )


def small_report(**changes: str) -> str:
    """Build a text with every table, in words of its own; ``changes`` replace a row's line."""
    text = ["Contents", "Table 1: something else", "A row\t10%\t5\t20%\t6\t*"]
    for number, count in ROWS.items():
        text += [f"Table {number}: a heading", "", "Aspect\tone\t\tother\t\tmark"]
        for row in range(1, count + 1):
            if row == 9:  # a page ends: the heading comes again
                text += ["", "Aspect\tone\t\tother\t\tmark", "\t% done\tN\t% done\tN\t"]
            line = f"Aspect {row}\t{row}%\t{100 + row}\t{row + 10}%\t{200 + row}\t**"
            text.append(changes.get(f"t{number}r{row}", line))
    return "\n".join(text)


class TestExtraction:
    def test_reads_every_row_of_tables_3_to_11(self):
        lines = extract(small_report())
        assert Counter(line[0] for line in lines) == {t: 2 * n for t, n in ROWS.items()}
        assert lines[0] == (3, 1, "psr_harm", "high", 1, 101, "**")
        assert lines[1] == (3, 1, "psr_harm", "all", 11, 201, "**")
        assert lines[-1] == (11, 75, "behaviour_change", "25+", 85, 275, "**")

    def test_blank_cells_are_none(self):
        lines = extract(
            small_report(t4r2="Aspect 2\t30%\t40\t\t\t--", t9r3="Aspect 3\t\t\t5%\t6\t")
        )
        assert (4, 2, "rosh_quality", "all", None, None, "--") in lines
        assert (9, 3, QUESTIONS[2].id, "white", None, None, None) in lines
        assert (9, 3, QUESTIONS[2].id, "BME", 5, 6, None) in lines

    def test_everything_that_is_missing_is_listed(self):
        text = small_report(
            t5r2="", t7r1="Aspect 1\t30%\t40", t8r75="Aspect\t1%\t2\t3%\t4\t*\n" * 2
        )
        with pytest.raises(oms.DataError) as caught:
            extract(text)
        places = [problem.where for problem in caught.value.problems]
        assert places == ["Table 7 row 1", "Table 8 row 76", "Table 5"]

    def test_no_report_at_all(self):
        with pytest.raises(oms.DataError) as caught:
            extract("Nothing of the kind.")
        assert len(caught.value.problems) == 9

    @pytest.mark.parametrize(
        "cells",
        [
            "30%\t4O\t31%\t50\t--",
            "30%\t40\t31\t50\t--",
            "30%\t40%\t31%\t50\t--",
            "30%\t40\t31%\t\t--",
            "30%\t40\t\t50\t--",
            "30%\t40\t31%\t50\tns",
        ],
    )
    def test_cells_without_figures_raise(self, cells):
        with pytest.raises(oms.DataError, match="Table 3 row 4"):
            extract(small_report(t3r4=f"Aspect 4\t{cells}"))

    def test_written_lines_read_back(self, tmp_path):
        lines = extract(small_report(t4r2="Aspect 2\t30%\t40\t\t\t--"))
        path = tmp_path / "published.csv"
        write_csv(lines, path)
        with path.open(encoding="utf-8", newline="") as file:
            back = list(csv.reader(file))
        assert back[0] == SCHEMA.names
        assert back[1:] == [["" if v is None else str(v) for v in line] for line in lines]


class TestCommand:
    def test_writes_what_it_extracts(self, tmp_path):
        report, out = tmp_path / "report.txt", tmp_path / "published.csv"
        report.write_text(small_report(), encoding="utf-8")
        assert main([str(report), str(out)]) == 0
        write_csv(extract(small_report()), tmp_path / "direct.csv")
        assert out.read_bytes() == (tmp_path / "direct.csv").read_bytes()

    @pytest.mark.parametrize("arguments", [[], ["report.txt"], ["a", "b", "c"]])
    def test_without_arguments_usage_is_printed(self, capsys, arguments):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert "usage: python -m omistats.omi2.extract" in capsys.readouterr().err

    def test_unreadable_files_are_reported_without_a_traceback(self, capsys, tmp_path):
        assert main([str(tmp_path / "none.txt"), str(tmp_path / "out.csv")]) == 2
        assert "none.txt" in capsys.readouterr().err
        (tmp_path / "other.txt").write_text("Nothing of the kind.")
        assert main([str(tmp_path / "other.txt"), str(tmp_path / "out.csv")]) == 2
        assert "must have 31 rows" in capsys.readouterr().err
        assert not (tmp_path / "out.csv").exists()


class TestSource:
    """Needs the text of the report, which we may not distribute."""

    @pytest.fixture
    def text(self, sources: Path) -> str:
        return (sources / REPORT).read_text(encoding="utf-8")

    def test_the_shipped_data_are_derived_from_the_report(self, text, tmp_path):
        path = tmp_path / "published.csv"
        write_csv(extract(text), path)
        shipped = Path(oms.omi2.__file__).parent / "data" / "published.csv"
        assert path.read_bytes() == shipped.read_bytes()

    @staticmethod
    def wording(text: str) -> dict[int, list[str]]:
        """Read the first cell of every row, without the package's reader."""
        found: dict[int, list[str]] = {}
        table = 0
        for line in text.split("\n"):
            if match := re.match(r"Table (\d+):", line):
                table = int(match[1])
            cells = line.split("\t")
            if len(cells) == 6 and "%" in cells[1] + cells[3] and cells[0].strip():
                found.setdefault(table, []).append(cells[0].strip().lower())
        return found

    def test_rows_of_one_question_have_the_same_wording_in_every_table(self, text):
        """The closest wording in Table 7 is that of the question to which a row is assigned."""
        found = self.wording(text)
        assert {table: len(labels) for table, labels in found.items()} == ROWS
        full = found[7]
        assert len(set(full)) == 75
        place = {(t, r): i for i, q in enumerate(QUESTIONS) for t, r in q.printed}
        for table, labels in found.items():
            for row, label in enumerate(labels, 1):
                expected = full[place[table, row] if table < 7 else row - 1]
                if label != expected:
                    closest = difflib.get_close_matches(label, full, n=1, cutoff=0.8)
                    assert closest == [expected], (table, row)

    def test_labels_are_in_our_own_words(self, text):
        """No label repeats eight words in a row; most are shorter than that anyway."""
        words = " ".join(re.findall(r"[a-z]+", text.lower()))
        for question in oms.omi2.FRAMEWORK.questions:
            label = re.findall(r"[a-z]+", question.label.lower())
            for i in range(len(label) - 7):
                assert " ".join(label[i : i + 8]) not in words
