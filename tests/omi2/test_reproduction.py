"""Recomputed tables compared with the printed ones, cell by cell."""

from __future__ import annotations

import json
from itertools import combinations

import attrs
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import omistats as oms
from omistats.omi2 import reproduction

# Internal: what the command prints and writes.
from omistats.omi2.report import as_text, write_tables


@pytest.fixture(scope="module")
def found() -> oms.omi2.Reproduction:
    return oms.omi2.reproduce()


def changed(table: pa.Table, row: int, name: str, value: object) -> pa.Table:
    values = table[name].to_pylist()
    values[row] = value
    place = table.column_names.index(name)
    return table.set_column(place, name, pa.array(values, table.schema.field(name).type))


@pytest.fixture
def known(monkeypatch, found):
    """Skip the search for contradictions in tests of other things; it takes a second."""
    monkeypatch.setattr(reproduction, "contradictions", lambda _: found.contradictions)


class TestShipped:
    def test_every_n_every_point_and_every_mismatch_explained(self, found):
        assert found.matched("n") == (892, 892)
        assert found.matched("percent")[1] == 892
        assert found.matched("stars")[1] == 441
        assert sum(p.agrees for p in found.points) == 22
        assert found.explained
        for cell in found.mismatches:
            proof = found.proof(cell)
            assert proof is not None
            assert (cell.table, cell.row, cell.group, cell.what) in proof.cells

    def test_unknown_figures_and_tables_raise(self, found):
        with pytest.raises(oms.UnknownNameError, match="unknown figure 'ns'"):
            found.matched("ns")
        with pytest.raises(oms.UnknownNameError, match="unknown table 12"):
            found.matched("n", 12)
        for judge in (found.proof, found.accounts_for):
            with pytest.raises(oms.UsageError, match="`cell` must be a ComparedCell"):
                judge((3, 9))

    def test_counted_again_without_the_comparison(self, found):
        """Compare every printed cell with the findings by name."""
        computed = {
            (x["breakdown"], x["question"], x["group"]): x for x in found.findings.table.to_pylist()
        }
        agree = {"n": 0, "percent": 0, "stars": 0}
        lines = oms.omi2.load_published().to_pylist()
        for pair in zip(lines[::2], lines[1::2], strict=True):
            for line in pair:
                table = oms.omi2.TABLES[line["table"]]
                mine = computed[table.breakdown, line["question"], line["group"]]
                agree["n"] += mine["n"] == line["n"]
                agree["percent"] += line["n"] is not None and mine["printed"] == line["percent"]
            if all(line["n"] is not None for line in pair):
                agree["stars"] += mine["stars"] == line["stars"]
        assert agree == {what: found.matched(what)[0] for what in ("n", "percent", "stars")}

    def test_marks_of_a_single_group_are_listed_and_not_counted(self, found):
        assert [(c.table, c.row, c.printed, c.recomputed) for c in found.untested_marks] == [
            (4, 17, "--", None),
            (4, 19, "--", None),
        ]
        assert not {(c.table, c.row) for c in found.untested_marks} & {
            (c.table, c.row) for c in found.cells if c.what == "stars"
        }

    def test_tables_add_up(self, found):
        for what in ("n", "percent", "stars"):
            shares = [found.matched(what, table) for table in range(3, 12)]
            assert tuple(map(sum, zip(*shares, strict=True))) == found.matched(what)

    def test_json_has_the_fields_of_the_contract(self, found):
        out = json.loads(json.dumps(found.to_dict()))
        assert list(out)[:5] == ["n", "percent", "stars", "points", "contradictions"]
        for what in ("n", "percent", "stars", "points"):
            assert list(out[what]) == ["matched", "total"]
        assert out["n"] == {"matched": 892, "total": 892}
        assert out["points"] == {"matched": 22, "total": 22}
        for line in out["contradictions"]:
            assert {"table", "row", "question", "what", "premises", "proof"} <= set(line)
            assert set(line["premises"]) <= {"arithmetic", "procedure"}
            assert line["premises"]
            assert line["proof"]
        assert len(out["mismatches"]) == len(found.mismatches)
        assert out["cases"] == "synthetic"

    def test_tables_in_the_printed_layout(self, found):
        tables = found.tables()
        assert list(tables) == list(range(3, 12))
        published = oms.omi2.load_published().to_pylist()
        differing = {(c.table, c.row, c.group) for c in found.mismatches}
        for number, table in tables.items():
            first, second = oms.omi2.TABLES[number].groups
            assert table.column_names == [
                "question",
                f"{first} percent",
                f"{first} n",
                f"{second} percent",
                f"{second} n",
                "stars",
                "cases",
            ]
            lines = [x for x in published if x["table"] == number]
            for row, line in enumerate(table.to_pylist()):
                for printed in lines[2 * row : 2 * row + 2]:
                    group = printed["group"]
                    assert line["question"] == printed["question"]
                    if printed["n"] is None or (number, row + 1, group) in differing:
                        continue
                    assert line[f"{group} percent"] == printed["percent"]
                    assert line[f"{group} n"] == printed["n"]

    def test_text_says_what_is_synthetic_and_what_differs(self, found):
        text = " ".join(as_text(found).split())  # long lines are wrapped
        assert "SYNTHETIC" in text
        assert "892/892" in text
        assert "22/22 agree" in text
        assert "NOT EXPLAINED" not in text
        for cell in found.mismatches:
            assert f"Table {cell.table} row {cell.row} (" in text
        # Of several sets with one figure the text prints the first in full, or the diagnosis of
        # what they share.
        diagnoses = [c for c in found.contradictions if not c.minimal]
        for one in found.contradictions:
            place = (one.table, one.row, one.what)
            ways = [c for c in found.contradictions if (c.table, c.row, c.what) == place]
            ways += [d for d in diagnoses if set(one.cells) <= set(d.cells)]
            assert any(c.proof in text for c in ways), place

    def test_text_lists_a_shared_figure_once_with_its_sets(self, found):
        text = as_text(found)
        assert "12 smallest sets" in text
        block = text[text.index("Contradictions among") :]
        assert block.count("Table 5 row 5, percent: impossible") == 1
        assert "    2 sets of figures contradict it, with Table 8 row 47, Table 9 row 47" in block
        assert "Table 8 row 47, percent:" not in block
        assert "see Table 5 row 5, percent: impossible" in text

    def test_text_explains_its_words_before_it_uses_them(self, found):
        block = as_text(found).partition("Contradictions among")[2]
        legend, _, rest = block.partition("Table 3 row 9, stars")
        for word in ("arithmetic", "rocedure", "smallest set", "Ranges", "mark", "overlapping"):
            assert word in legend
            assert word in rest or word == "Ranges" or word == "smallest set"
        assert "Pearson's chi-square without correction" in legend

    def test_text_lists_remedies_of_one_set_and_of_all_sets_of_a_figure(self, found):
        lines = as_text(found).splitlines()
        (at,) = (i for i, x in enumerate(lines) if x.startswith("  Table 6 row 2, stars:"))
        cases = "cases left out of the complement"
        would = "would agree under: the overlapping test; Pearson's, with"
        assert lines[at + 2 : at + 4] == [
            f"    (this set) {would} 30 {cases}",
            f"    (all 7 sets at once) {would} 37 {cases}",
        ]

    def test_the_proof_of_a_mismatch_is_filed_under_its_place(self, found):
        out = found.to_dict()
        assert out["mismatches"]
        for line, cell in zip(out["mismatches"], found.mismatches, strict=True):
            proof = out["contradictions"][line["contradiction"]]
            for key in ("table", "row", "what"):
                assert proof[key] == line[key]
            assert [line[key] for key in ("table", "row", "group", "what")] in proof["cells"]
            assert found.proof(cell).to_dict() == proof

    def test_otherwise_the_proof_is_a_contradiction_with_the_cell(self, found):
        cell = oms.omi2.ComparedCell(8, 47, "ppo_contact", "male", "percent", 79, 80)
        assert (found.proof(cell).table, found.proof(cell).row) in ((8, 47), (5, 5))
        without = attrs.evolve(
            found, contradictions=tuple(c for c in found.contradictions if c.table != 8)
        )
        assert without.proof(cell).table == 5
        # Another figure of the same row is not part of it.
        assert found.proof(attrs.evolve(cell, row=5, table=5, group="high")) is None
        other = attrs.evolve(found, cells=(attrs.evolve(cell, row=1),))
        assert other.to_dict()["mismatches"][0]["contradiction"] is None

    def test_files(self, found, tmp_path):
        files = write_tables(found, tmp_path / "new" / "folder")
        assert len(files) == 19
        assert all(path.is_file() for path in files)
        for number, table in found.tables().items():
            path = tmp_path / "new" / "folder" / f"table_{number:02d}.parquet"
            assert pq.read_table(path).to_pylist() == table.to_pylist()
            rows = pyarrow.csv.read_csv(path.with_suffix(".csv"))
            assert rows.num_rows == table.num_rows
            assert rows.column_names == table.column_names
        assert pq.read_table(files[-1]).num_rows == len(found.findings)


def instead(
    found: oms.omi2.Reproduction, question: str, values: dict[tuple[object, ...], object]
) -> oms.omi2.Reproduction:
    """Replace recomputed values; all other figures of the question agree with print."""
    cells = []
    for cell in found.cells:
        if cell.question == question:
            place = (cell.table, cell.row, cell.group, cell.what)
            cell = attrs.evolve(cell, recomputed=values.get(place, cell.printed))
        cells.append(cell)
    return attrs.evolve(found, cells=tuple(cells))


ALL = (5, 5, "all", "percent")
MALE, FEMALE = (8, 47, "male", "percent"), (8, 47, "female", "percent")
WHITE, BME = (9, 47, "white", "percent"), (9, 47, "BME", "percent")


class TestExplained:
    """A mismatch is explained only if it had to be, and by no less."""

    def test_a_contradiction_does_not_explain_wrong_answers(self, found):
        """The figures of a question are in some contradiction, and all are far off."""
        data = pa.table(oms.omi2.load_synthetic())
        names = ("plan_participation", "risk_of_harm", "supervision_type")
        columns = zip(*(data[name].to_pylist() for name in names), strict=True)
        other = ("suspended sentence order", "custody")
        wrong = [
            False if answer is not None and harm != "high" and kind in other else answer
            for answer, harm, kind in columns
        ]
        place = data.column_names.index(names[0])
        data = data.set_column(place, names[0], pa.array(wrong))
        again = oms.omi2.reproduce(oms.CaseSet.from_data(data, framework=oms.omi2.FRAMEWORK))
        off = {c.place: c.recomputed for c in again.mismatches if c.question == names[0]}
        assert off[6, 2, "all", "percent"] == 45
        assert all(map(again.proof, again.mismatches))
        assert not again.explained
        assert "NOT EXPLAINED" in as_text(again)

    @pytest.mark.parametrize("value", [None, 0, 76, 77, 80, 81, 100])
    def test_a_figure_is_the_nearest_possible(self, found, value):
        assert instead(found, "ppo_contact", {ALL: 79}).explained
        again = instead(found, "ppo_contact", {ALL: value})
        assert not again.explained
        assert again.matched("percent") == found.matched("percent")
        out = again.to_dict()["mismatches"]
        assert [x["explained"] for x in out] == [x["question"] != "ppo_contact" for x in out]

    @pytest.mark.parametrize(("mark", "explained"), [("--", False), ("*", False), ("***", True)])
    def test_a_mark_is_the_nearest_possible(self, found, mark, explained):
        again = instead(found, "plan_informed", {(3, 9, None, "stars"): mark})
        assert again.explained is explained

    def test_agreement_with_contradictory_figures_is_not_explained(self, found):
        again = instead(found, "ppo_contact", {})
        assert again.matched("percent") == (892, 892)
        assert not again.explained

    @pytest.mark.slow
    def test_mismatches_are_a_smallest_set_that_meets_all_contradictions(self, found):
        """Every choice of figures, each with the nearest percentage by brute force."""
        conflicts = [
            set(c.cells) for c in found.contradictions if c.minimal and c.question == "ppo_contact"
        ]
        sizes = {ALL: 271, MALE: 261, FEMALE: 10, WHITE: 247, BME: 23}
        printed = {ALL: 78, MALE: 79, FEMALE: 80, WHITE: 79, BME: 83}
        counts = {
            cell: [[k for k in range(n + 1) if (200 * k + n) // (2 * n) == p] for p in range(101)]
            for cell, n in sizes.items()
        }

        def possible(fixed: dict[tuple[object, ...], int]) -> bool:
            def of(cell):
                return counts[cell][fixed[cell]] if cell in fixed else range(sizes[cell] + 1)

            white = {a + b + rest for a in of(WHITE) for b in of(BME) for rest in (0, 1)}
            return bool({a + b for a in of(MALE) for b in of(FEMALE)} & white & set(of(ALL)))

        explained = 0
        for size in range(1, 6):
            for chosen in combinations(sizes, size):
                hit = all(c & set(chosen) for c in conflicts)
                needed = all(any(c & set(chosen) == {m} for c in conflicts) for m in chosen)
                agreeing = {c: p for c, p in printed.items() if c not in chosen}
                values = {}
                for cell in chosen:
                    will = [p for p in range(101) if possible({**agreeing, cell: p})]
                    nearest = sorted(will, key=lambda p, to=printed[cell]: abs(p - to))
                    # A figure may not differ where the printed one is possible.
                    values[cell] = next((p for p in nearest if p != printed[cell]), 0)
                again = instead(found, "ppo_contact", values)
                assert again.explained is (hit and needed), chosen
                explained += again.explained
                for cell in chosen if again.explained else ():
                    step = 1 if values[cell] > printed[cell] else -1
                    further = {**values, cell: values[cell] + step}
                    assert not instead(found, "ppo_contact", further).explained
        assert explained >= 3

    def test_a_number_of_cases_that_two_tables_print_differently(self):
        table = oms.omi2.load_published()
        lines = table.to_pylist()
        place = next(
            i for i, x in enumerate(lines) if (x["table"], x["row"], x["group"]) == (4, 10, "all")
        )
        assert lines[place]["n"] == 1029
        again = oms.omi2.reproduce(published=changed(table, place, "n", 1033))
        (cell,) = (c for c in again.mismatches if c.what == "n")
        assert (cell.place, cell.recomputed) == ((4, 10, "all", "n"), 1029)
        assert again.explained
        wrong = attrs.evolve(cell, recomputed=1028)
        cells = tuple(wrong if c == cell else c for c in again.cells)
        assert not attrs.evolve(again, cells=cells).explained


class TestArguments:
    """What cannot be compared raises an error before anything is computed."""

    def test_printed_figures_are_checked_first(self, monkeypatch):
        monkeypatch.setattr(reproduction, "recompute", lambda *_, **__: pytest.fail("too late"))
        table = oms.omi2.load_published()
        bad = changed(changed(table, 0, "table", 99), 1, "table", 99)
        bad = changed(changed(bad, 2, "question", "other"), 3, "question", "other")
        bad = changed(bad, 5, "percent", 101)
        with pytest.raises(oms.DataError) as caught:
            oms.omi2.reproduce(published=bad)
        found = [(p.where, p.rule) for p in caught.value.problems]
        assert found == [
            ("Table 3 row 2", "the question must be in the framework"),
            ("Table 3 row 3", "`percent` must be from 0 to 100"),
            ("Table 99 row 1", "the table must be 3 to 11"),
        ]

    @pytest.mark.parametrize(
        ("questions", "strata", "words"),
        [
            (["psr_harm"], None, "lacks the questions 'psr_reoffending'"),
            (None, "gender", "lacks the strata 'gender' with their levels"),
        ],
    )
    def test_cases_of_another_framework(self, questions, strata, words):
        whole = oms.omi2.FRAMEWORK
        other = oms.Framework(
            "other",
            [q for q in whole.questions if questions is None or q.id in questions],
            [
                oms.Stratum(s.name, ("m", "f")) if s.name == strata else s
                for s in whole.strata
                if s.required
            ],
            whole.items,
        )
        data = {"case_id": [1], "unit": ["A"], **{s.name: [s.levels[0]] for s in other.strata}}
        data |= {q: [True] for q in other.question_ids}
        cases = oms.CaseSet.from_data(data, framework=other)
        with pytest.raises(oms.UsageError, match=words) as caught:
            oms.omi2.reproduce(cases)
        assert "read them with CaseSet.from_data(data, framework=omi2.FRAMEWORK)" in str(
            caught.value
        )

    @pytest.mark.usefixtures("known")
    def test_a_framework_with_more_questions_is_accepted(self, found):
        more = attrs.evolve(
            oms.omi2.FRAMEWORK,
            questions=(*oms.omi2.FRAMEWORK.questions, oms.Question("more", "One more")),
        )
        data = pa.table(oms.omi2.load_synthetic())
        data = data.append_column("more", pa.array([True] * len(data)))
        again = oms.omi2.reproduce(oms.CaseSet.from_data(data, framework=more))
        assert again.cells == found.cells

    def test_a_frame_is_not_a_case_set(self):
        with pytest.raises(oms.UsageError, match="`cases` must be a CaseSet; found Table"):
            oms.omi2.reproduce(oms.omi2.load_published())


@pytest.mark.usefixtures("known")
class TestDifferences:
    """Every kind of difference is reported."""

    @pytest.mark.parametrize(
        ("name", "value", "what"), [("n", 208, "n"), ("percent", 88, "percent")]
    )
    def test_one_printed_figure_altered(self, found, name, value, what):
        altered = changed(oms.omi2.load_published(), 0, name, value)
        again = oms.omi2.reproduce(published=altered)
        extra = set(again.mismatches) - set(found.mismatches)
        assert [(c.table, c.row, c.group, c.what, c.printed) for c in extra] == [
            (3, 1, "high", what, value)
        ]
        assert again.matched(what)[0] == found.matched(what)[0] - 1
        assert not again.explained
        assert "NOT EXPLAINED" in as_text(again)

    def test_one_printed_mark_altered(self, found):
        table = oms.omi2.load_published()
        altered = changed(changed(table, 0, "stars", "*"), 1, "stars", "*")
        again = oms.omi2.reproduce(published=altered)
        extra = set(again.mismatches) - set(found.mismatches)
        assert [(c.what, c.group, c.printed, c.recomputed) for c in extra] == [
            ("stars", None, "*", "***")
        ]
        assert not again.explained

    def test_one_case_altered(self, found):
        data = pa.table(oms.omi2.load_synthetic())
        answers = data["contact_frequency"].to_pylist()
        altered = changed(data, answers.index(True), "contact_frequency", None)
        cases = oms.CaseSet.from_data(altered, framework=oms.omi2.FRAMEWORK)
        again = oms.omi2.reproduce(cases)
        assert again.matched("n")[0] < 892
        assert {c.question for c in set(again.mismatches) - set(found.mismatches)} == {
            "contact_frequency"
        }
        assert not again.explained

    def test_one_case_missing(self):
        cases = oms.omi2.load_synthetic()
        again = oms.omi2.reproduce(cases.filter([i > 0 for i in range(len(cases))]))
        assert again.matched("n")[0] < 892
        assert not again.explained

    def test_a_point_that_disagrees_is_not_explained(self, found):
        first = attrs.evolve(found.points[0], printed=found.points[0].printed + 1)
        again = attrs.evolve(found, points=(first, *found.points[1:]))
        assert again.mismatches == found.mismatches
        assert not again.explained
        assert f"[printed {first.printed}]" in as_text(again)

    def test_progress_is_reported(self):
        told: list[str] = []
        oms.omi2.reproduce(progress=told.append)
        assert len(told) >= 3
        assert any("2,213" in line for line in told)
