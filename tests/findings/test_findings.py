"""The long table: its schema, its views, and what it says to people."""

from __future__ import annotations

import html.parser
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.factories import BREAKDOWNS, Gender, Harm, OneGroup, Tier, random_frame, read, rows

import omistats as oms

# Names, types and order as the design of the package fixes them.
SCHEMA = {
    "unit": "text",
    "breakdown": "text",
    "question": "text",
    "group": "text",
    "k": pa.int64(),
    "n": pa.int64(),
    "percent": pa.float64(),
    "printed": pa.int8(),
    "low": pa.float64(),
    "high": pa.float64(),
    "statistic": pa.float64(),
    "df": pa.float64(),
    "p_value": pa.float64(),
    "stars": "text",
    "contrast": "text",
    "method": "text",
    "interval_method": "text",
    "confidence": pa.float64(),
    "reason": "text",
    "expected": pa.float64(),
    "reliability": "text",
}

TEST = ["statistic", "df", "p_value", "stars", "contrast", "method"]


@pytest.fixture(scope="module")
def found() -> oms.Findings:
    cases = read(random_frame(21, 150), 3, units=["U3", "U1", "U2", "U0"])
    return oms.recompute(cases, by="unit", breakdowns=BREAKDOWNS)


class TestSchema:
    def test_names_types_and_order(self, found):
        for table in (
            found.table,
            oms.recompute(read(), breakdowns=[Gender()]).table,
            oms.recompute(read(), breakdowns=[Gender()], questions=[]).table,
            oms.Findings.from_counts([1], [2], questions=["q"], groups=["a"]).table,
        ):
            assert table.column_names == list(SCHEMA)
            for name, kind in SCHEMA.items():
                found_kind = table.schema.field(name).type
                if kind == "text":
                    assert pa.types.is_dictionary(found_kind), name
                    assert found_kind.value_type == pa.string(), name
                else:
                    assert found_kind == kind, name

    def test_keys_are_unique_and_never_null(self, found):
        keys = found.table.select(["unit", "breakdown", "question", "group"])
        assert all(column.null_count == 0 for column in keys.columns)
        lines = [tuple(line.values()) for line in rows(keys)]
        assert len(set(lines)) == len(lines) == len(found)

    def test_the_table_is_assembled_once(self, found):
        assert found.table is found.table

    def test_test_columns_repeat_on_every_row_of_a_comparison(self, found):
        seen: dict[tuple[str, ...], list[object]] = {}
        for line in rows(found):
            key = (line["unit"], line["breakdown"], line["question"])
            assert seen.setdefault(key, [line[c] for c in TEST]) == [line[c] for c in TEST]

    def test_stars_are_null_only_where_nothing_could_be_compared(self, found):
        for line in rows(found):
            if line["stars"] is None:
                assert line["reason"] in (
                    "no second group to compare with",
                    "no applicable answers",
                )
            if line["reason"] == "every answer is the same":
                assert line["stars"] == "--"
            assert (line["reason"] is None) == (line["method"] is not None and line["n"] > 0)
            assert (line["p_value"] is None) == (line["method"] is None)

    def test_the_reference_lists_every_reason(self, repository):
        # Internal: the codes of the column, in their order.
        from omistats.inference.results import FindingReason

        page = (repository / "docs" / "reference" / "findings.md").read_text("utf-8")
        listed = re.findall(r"^\| ([^|]+) \| `([A-Z_]+)` \|", page, re.MULTILINE)
        assert listed == [(reason.text, reason.name) for reason in FindingReason]

    def test_every_value_of_a_dictionary_is_known(self, found):
        values = {
            "stars": {"--", "*", "**", "***", None},
            "contrast": {"groups", "complement"},
            "method": {"pearson", None},
            "interval_method": {"wilson", None},
            "reason": {
                None,
                "no applicable answers",
                "no second group to compare with",
                "every answer is the same",
            },
        }
        for name, allowed in values.items():
            assert set(found.table[name].to_pylist()) <= allowed


class TestFilters:
    def test_by_name(self, found):
        part = found.unit("U1", "all").breakdown("harm").question("q2", "q0")
        assert part.table["unit"].unique().to_pylist() == ["U1", "all"]
        assert part.table["question"].unique().to_pylist() == ["q0", "q2"]
        assert len(part) == 2 * 2 * 2
        expected = [
            line
            for line in rows(found)
            if line["unit"] in ("U1", "all")
            and line["breakdown"] == "harm"
            and line["question"] in ("q0", "q2")
        ]
        assert rows(part) == expected
        assert len(found) == 5 * 11 * 3

    @pytest.mark.parametrize(
        ("column", "name", "near"),
        [("question", "q", "q0"), ("breakdown", "gendr", "gender"), ("unit", "U9", "U0")],
    )
    def test_unknown_names_are_refused(self, found, column, name, near):
        with pytest.raises(oms.UnknownNameError, match=near):
            getattr(found, column)(name)

    def test_no_names_are_refused(self, found):
        with pytest.raises(oms.UsageError, match="name at least one question: q0"):
            found.question()

    def test_all_unknown_names_are_listed(self, found):
        with pytest.raises(oms.UnknownNameError) as caught:
            found.question("q0", "nope", "zilch")
        assert caught.value.names == ("nope", "zilch")

    @pytest.mark.parametrize("level", [0.05, 0.2, 0.9])
    def test_significant_keeps_comparisons_with_all_their_groups(self, found, level):
        part = rows(found.significant(level))
        wanted = [x for x in rows(found) if x["p_value"] is not None and x["p_value"] < level]
        assert part == wanted
        assert 0 < len(part) < len(found)

    @pytest.mark.parametrize("level", [0, 1, 5, -0.1, float("nan")])
    def test_a_level_lies_between_0_and_1(self, found, level):
        with pytest.raises(oms.UsageError, match="between 0 and 1"):
            found.significant(level)

    def test_every_comparison_once(self, found):
        once = found.comparisons()
        assert once.column_names == [
            "unit", "breakdown", "question", "contrast", "statistic", "df", "p_value", "stars",
            "method", "reason", "expected",
        ]  # fmt: skip
        keys = [tuple(x[c] for c in ("unit", "breakdown", "question")) for x in rows(once)]
        assert keys == list(
            dict.fromkeys(
                tuple(x[c] for c in ("unit", "breakdown", "question")) for x in rows(found)
            )
        )
        assert once.num_rows == 5 * 5 * 3

    def test_the_reason_of_a_comparison_is_that_of_the_test(self):
        """A group without applicable answers does not blank the test of the others."""
        made = oms.Findings.from_counts(
            [[0, 9, 3]], [[0, 10, 10]], questions=["q"], groups=["a", "b", "c"]
        )
        assert made.table["reason"].to_pylist() == ["no applicable answers", None, None]
        line = rows(made.comparisons())[0]
        assert line["df"] == 1
        assert line["method"] == "pearson"
        assert line["reason"] is None

    def test_filters_of_nothing_are_nothing(self, found):
        none = found.significant(1e-300)
        assert len(none) == 0
        for part in (
            none.question("q0"),
            none.unit("all").breakdown("gender"),
            none.significant(),
        ):
            assert len(part) == 0
            assert part.table.schema.equals(found.table.schema)
        assert none.comparisons().num_rows == 0
        assert none.wide("gender").num_rows == 0
        assert none.wide().num_rows == 0
        assert repr(none).startswith("Findings: 0 rows\n0 of ")
        assert "0 rows" in none._repr_html_()
        assert len(none.to_pandas()) == len(none.to_polars()) == 0


class TestWide:
    def test_a_row_a_question_with_groups_side_by_side(self, found):
        wide = found.wide("tier")
        assert wide.column_names == [
            "unit", "question",
            "1 percent", "1 n", "2 percent", "2 n", "3 percent", "3 n", "4 percent", "4 n",
            "p_value", "stars",
        ]  # fmt: skip
        assert wide.num_rows == 5 * 3
        long = {(x["unit"], x["question"], x["group"]): x for x in rows(found.breakdown("tier"))}
        for line in rows(wide):
            for group in "1234":
                cell = long[line["unit"], line["question"], group]
                assert line[f"{group} percent"] == cell["printed"]
                assert line[f"{group} n"] == cell["n"]
                assert line["stars"] == cell["stars"]
                assert line["p_value"] == cell["p_value"]

    def test_several_breakdowns_need_a_name(self, found):
        with pytest.raises(oms.UsageError, match=r'findings.wide\("supervision"\)'):
            found.wide()
        assert found.breakdown("harm").wide().equals(found.wide("harm"))

    def test_only_what_is_left_is_offered(self, found):
        with pytest.raises(oms.UsageError, match=r"name one of harm, tier: findings.wide\(.harm"):
            found.breakdown("harm", "tier").wide()


class TestCompare:
    NOW = oms.Findings.from_counts(
        [[30, 0], [5, 5]], [[40, 0], [10, 10]], questions=["a", "b"], groups=["x", "y"]
    )
    BEFORE = oms.Findings.from_counts(
        [[20, 3], [5, 5]], [[50, 9], [10, 10]], questions=["a", "c"], groups=["x", "y"]
    )

    def test_lays_findings_beside_earlier_ones(self):
        lines = {(x["question"], x["group"]): x for x in rows(self.NOW.compare(self.BEFORE))}
        assert list(lines) == [(q, g) for q in "abc" for g in "xy"]
        line = lines["a", "x"]
        expected = oms.stats.compare(30, 40, 20, 50)
        assert (line["k"], line["n"], line["previous_k"], line["previous_n"]) == (30, 40, 20, 50)
        assert line["change"] == pytest.approx(75.0 - 40.0)
        assert line["statistic"] == pytest.approx(float(expected.statistic))
        assert line["p_value"] == pytest.approx(float(expected.p_value))
        assert line["stars"] == "***"

    def test_what_one_round_lacks_is_null(self):
        lines = {(x["question"], x["group"]): x for x in rows(self.NOW.compare(self.BEFORE))}
        assert lines["b", "x"]["previous_n"] is None
        assert lines["c", "x"]["n"] is None
        assert lines["a", "y"]["n"] == 0
        for key in (("b", "x"), ("c", "x"), ("a", "y")):
            empty = ("change", "statistic", "p_value", "stars")
            assert {lines[key][name] for name in empty} == {None}

    def test_nothing_changed(self):
        same = oms.Findings.from_counts(
            [[30, 0], [5, 5]], [[40, 0], [10, 10]], questions=["a", "b"], groups=["x", "y"]
        )
        for line in rows(self.NOW.compare(same))[2:]:
            assert line["change"] == 0.0
            assert line["p_value"] == 1.0
            assert line["stars"] == "--"


class TestFromCounts:
    def test_one_dimension_will_do_for_one_question(self):
        flat = oms.Findings.from_counts([14, 9], [20, 30], questions=["q"], groups=["a", "b"])
        nested = oms.Findings.from_counts([[14, 9]], [[20, 30]], questions=["q"], groups=["a", "b"])
        assert flat.table.equals(nested.table)

    def test_is_the_same_as_recomputing_the_cases(self):
        cases = read(random_frame(9, 140), 3)
        for breakdown in (Gender(), Tier(), Harm(), OneGroup()):
            direct = oms.recompute(cases, breakdowns=[breakdown])
            k, n = (
                direct.table[c].to_numpy().reshape(3, len(breakdown.groups)) for c in ("k", "n")
            )
            made = oms.Findings.from_counts(
                k, n,
                questions=["q0", "q1", "q2"],
                groups=breakdown.groups,
                breakdown=breakdown.key,
                contrast=breakdown.contrast,
            )  # fmt: skip
            assert rows(made) == rows(direct)

    @pytest.mark.parametrize(
        ("k", "n"),
        [(-1, 5), (6, 5), (1.5, 5), (1, 5.5), (np.nan, 5), (1, np.nan), (1, np.inf), (0, -1)],
    )
    def test_impossible_counts_name_their_cell(self, k, n):
        with pytest.raises(oms.DataError, match="second, b: counts are whole"):
            oms.Findings.from_counts(
                [[1, 1], [1, k]], [[2, 2], [2, n]], questions=["first", "second"], groups=["a", "b"]
            )

    def test_every_cell_is_listed(self):
        with pytest.raises(oms.DataError) as caught:
            oms.Findings.from_counts([[9, 9]], [[1, 2]], questions=["q"], groups=["a", "b"])
        assert len(caught.value.problems) == 2

    @pytest.mark.parametrize(
        ("k", "n"), [([[1, 2, 3]], [[4, 5, 6]]), ([[1, 2]], [[4]]), ([1], [2]), (1, 2), ([], [])]
    )
    def test_another_shape(self, k, n):
        with pytest.raises(oms.DataError, match="expected 1 questions x 2 groups"):
            oms.Findings.from_counts(k, n, questions=["q"], groups=["a", "b"])

    @pytest.mark.parametrize("k", [[["many", 1]], [[[1], 1]]])
    def test_what_is_no_count(self, k):
        with pytest.raises(oms.UsageError, match="k: expected numbers"):
            oms.Findings.from_counts(k, [[1, 1]], questions=["q"], groups=["a", "b"])

    @pytest.mark.parametrize(("k", "n"), [([5, 4], [6, 6]), ([1, 5], [6, 5]), ([1, 9], [6, 9])])
    def test_a_subset_larger_than_its_whole(self, k, n):
        with pytest.raises(oms.DataError, match="the subset is part of all cases"):
            oms.Findings.from_counts(
                k, n, questions=["q"], groups=["high", "all"], contrast="complement"
            )

    @pytest.mark.parametrize("groups", [["all", "high"], ["high", "low"], ["all", "all"]])
    def test_groups_of_a_complement(self, groups):
        with pytest.raises(oms.DataError, match="a complement must have the groups"):
            oms.Findings.from_counts(
                [1, 2], [3, 4], questions=["q"], groups=groups, contrast="complement"
            )

    @pytest.mark.parametrize("groups", [["a", "a"], ["a", "all"]])
    def test_groups_are_distinct_and_not_all(self, groups):
        with pytest.raises(oms.DataError, match="groups must be distinct"):
            oms.Findings.from_counts([1, 2], [3, 4], questions=["q"], groups=groups)

    def test_questions_are_distinct(self):
        with pytest.raises(oms.DataError, match="a question is listed once"):
            oms.Findings.from_counts([[1], [2]], [[3], [4]], questions=["q", "q"], groups=["a"])

    def test_an_unknown_contrast(self):
        with pytest.raises(oms.DataError, match="contrast must be 'groups' or 'complement'"):
            oms.Findings.from_counts(
                [1, 2], [3, 4], questions=["q"], groups=["a", "b"], contrast="group"
            )

    def test_a_breakdown_is_named_in_text(self):
        with pytest.raises(oms.DataError, match="a breakdown is named in text; found 3"):
            oms.Findings.from_counts(
                [1, 2], [3, 4], questions=["q"], groups=["a", "b"], breakdown=3
            )

    def test_one_text_is_no_set_of_groups(self):
        with pytest.raises(oms.DataError, match="groups must be a tuple of text"):
            oms.Findings.from_counts([1, 2], [3, 4], questions=["q"], groups="ab")

    @pytest.mark.parametrize("k", [10**17, 10**19])
    def test_counts_too_large_to_be_exact(self, k):
        with pytest.raises(oms.DataError, match=r"2\*\*53"):
            oms.Findings.from_counts([k, 1], [k, 1], questions=["q"], groups=["a", "b"])

    def test_masked_counts_are_unknown(self):
        k = np.ma.array([[5, 7]], mask=[[False, True]])
        with pytest.raises(oms.DataError, match="k = nan"):
            oms.Findings.from_counts(k, [[9, 9]], questions=["q"], groups=["a", "b"])

    def test_a_known_complement_needs_cases(self):
        with pytest.raises(oms.UsageError, match="typed by hand"):
            oms.Findings.from_counts(
                [1, 2],
                [3, 4],
                questions=["q"],
                groups=["high", "all"],
                contrast="complement",
                inference=oms.Inference(complement="known"),
            )


class TestOut:
    def test_pickles(self, found):
        for findings in (found, found.unit("all"), found.significant(0.5, adjusted="bh")):
            again = pickle.loads(pickle.dumps(findings))
            assert again.table.equals(findings.table)
            assert repr(again) == repr(findings)

    def test_arrow_streams(self, found):
        assert pa.table(found).equals(found.table)
        assert pa.RecordBatchReader.from_stream(found).read_all().equals(found.table)

    def test_parquet(self, found, tmp_path):
        path = tmp_path / "findings.parquet"
        found.write_parquet(path)
        back = pq.read_table(path)
        # Older versions of Arrow widen the indices of dictionaries to 32 bits.
        assert back.column_names == found.table.column_names
        for name, kind in SCHEMA.items():
            assert pa.types.is_dictionary(back[name].type) == (kind == "text")
        assert back.to_pylist() == found.table.to_pylist()
        found.question("q0").write_parquet(str(path))
        assert pq.read_table(path).num_rows == len(found) // 3

    def test_pandas(self, found):
        frame = found.to_pandas()
        assert isinstance(frame, pd.DataFrame)
        assert list(frame.columns) == list(SCHEMA)
        assert isinstance(frame["group"].dtype, pd.CategoricalDtype)
        assert frame["k"].tolist() == found.table["k"].to_pylist()
        assert frame["percent"].isna().tolist() == [
            v is None for v in found.table["percent"].to_pylist()
        ]

    def test_polars(self, found):
        frame = found.to_polars()
        assert isinstance(frame, pl.DataFrame)
        assert frame.columns == list(SCHEMA)
        assert frame["group"].to_list() == found.table["group"].to_pylist()
        assert frame["p_value"].to_list() == found.table["p_value"].to_pylist()


class Tags(html.parser.HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


class TestPeople:
    def test_text_shows_the_first_table_and_counts_the_rest(self, found):
        text = repr(found)
        assert text.startswith("Findings: 165 rows, 5 units x supervision, gender, harm, tier")
        assert "supervision, unit U3" in text
        assert "Question 0" in text
        assert "more tables" in text

    def test_long_tables_are_cut(self):
        ids = [f"q{i}" for i in range(12)]
        made = oms.Findings.from_counts(
            [[1, 2]] * 12, [[4, 4]] * 12, questions=ids, groups=["a", "b"]
        )
        assert "4 more questions" in repr(made)
        assert "25%" in repr(made)
        assert "q7" in repr(made)
        assert "q8" not in repr(made)

    def test_blank_cells_stay_blank(self):
        made = oms.Findings.from_counts([[0, 2]], [[0, 4]], questions=["q"], groups=["a", "b"])
        assert "None" not in repr(made) + made._repr_html_()
        assert "nan" not in repr(made)

    def test_html_escapes_whatever_it_shows(self):
        nasty = "<script>alert('x')</script> & \"co\""
        made = oms.Findings.from_counts(
            [[1, 2]], [[3, 4]], questions=[nasty], groups=[nasty, "b"], breakdown=nasty
        )
        page = Tags()
        page.feed(made._repr_html_())
        assert page.tags == {"p", "table", "tr", "th", "td"}
        assert page.text.count("<script>") >= 3


class TestWhatTheCasesSayOfThemselves:
    """Figures computed from made-up cases say so wherever they go."""

    def test_it_travels_with_the_figures(self, tmp_path):
        findings = oms.recompute(oms.omi2.load_synthetic(), by="unit").question("complied")
        assert findings.table.schema.metadata[b"synthetic"] == b"true"
        findings.write_parquet(tmp_path / "findings.parquet")
        assert pq.read_table(tmp_path / "findings.parquet").schema.metadata[b"synthetic"] == b"true"
        assert repr(findings).startswith("Findings from SYNTHETIC cases: ")

    def test_counts_typed_by_hand_say_nothing(self):
        typed = oms.Findings.from_counts([[1, 2]], [[3, 4]], questions=["a"], groups=["x", "y"])
        assert typed.table.schema.metadata is None
        assert repr(typed).startswith("Findings: ")


def test_other_contrasts_are_not_laid_side_by_side():
    def made(groups, contrast):
        return oms.Findings.from_counts(
            [1, 2], [3, 4], questions=["q"], groups=groups, contrast=contrast
        )

    with pytest.raises(oms.UsageError, match="compares 'groups' here and 'complement'"):
        made(["a", "b"], "groups").compare(made(["a", "all"], "complement"))
    with pytest.raises(oms.UsageError, match="expected Findings; found Table"):
        made(["a", "b"], "groups").compare(made(["a", "b"], "groups").table)
