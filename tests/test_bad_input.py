"""Bad input: a clear error that names data, rule and next step, or a well-defined empty finding."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import omistats as oms
from tests.factories import BREAKDOWNS, Gender, Harm, Tier, frame, framework, read, rows


def assert_refused(data: Any, *words: str, count: int = 1, **options: Any) -> oms.DataError:
    """Read data that must be refused, with so many problems and these words."""
    with pytest.raises(oms.DataError) as caught:
        read(data, **options)
    text = str(caught.value)
    for word in words:
        assert word in text, text
    assert len(caught.value.problems) == count, text
    for problem in caught.value.problems:
        assert problem.where
        assert problem.rule
        assert problem.found
        assert problem.hint.endswith(".")
    return caught.value


class TestFrames:
    def test_a_missing_question_column(self):
        assert_refused(frame(q1=None), "question column", "'q1'", "all null if nothing is known")

    def test_a_missing_key_is_not_to_be_made_up_of_nulls(self):
        for name in ("case_id", "unit"):
            error = assert_refused(frame(**{name: None}), "key column", repr(name), "of its own")
            assert "null" not in str(error)

    def test_missing_columns_of_every_kind(self):
        error = assert_refused(
            frame(case_id=None, gender=None, tier=None, q0=None, q1=None),
            "'case_id'",
            "'gender', 'tier'",
            "'q0', 'q1'",
            count=3,
        )
        assert str(error).startswith("3 problems in the data:\n  - ")

    @pytest.mark.parametrize("answer", [2, -1, 0.5, float("inf"), 255])
    def test_an_answer_of_another_number(self, answer):
        assert_refused(frame(q0=[1, 0, answer, None]), "q0", "0, 1 or null", f"{answer}")

    def test_other_answers_are_each_shown_once(self):
        error = assert_refused(frame(q0=[2, 3, 2, 3]), "2, 3 in 4 rows. ")
        assert error.problems[0].where == "q0"

    @pytest.mark.parametrize(
        "values",
        [
            ["yes", "no", None, "yes"],
            ["1", "0", "1", "0"],
            [b"1", b"0", b"1", b"0"],
            pa.array(["yes", "no", "yes", "no"]).dictionary_encode(),
            pa.array([1, 0, 1, 0], pa.date32()),
            [[True], [False], [True], [True]],
        ],
    )
    def test_answers_that_are_no_numbers_are_not_coerced(self, values):
        error = assert_refused(
            frame(q0=values), "q0: answers must be true, false, 0, 1 or null", " in "
        )
        assert " rows" in error.problems[0].found
        is_text = error.problems[0].found.startswith(("text", "categories"))
        assert (".map(" in error.problems[0].hint) == is_text

    def test_texts_that_are_meant_for_answers_are_offered_as_a_map(self):
        # What is copied from the message must lose no answer without a word.
        error = assert_refused(frame(q0=["0", "NA", "Yes", "sufficient"]))
        (offered,) = re.findall(r"\.map\((\{.*\})\); what is not", error.problems[0].hint)
        assert ast.literal_eval(offered) == {
            "0": False,
            "NA": None,
            "Yes": True,
            "sufficient": ...,
        }

    @pytest.mark.parametrize(
        ("texts", "meant"),
        [
            (["yes", "Y", "true", "T"], True),
            (["1", "1.0", " 1", "1 "], True),
            (["no", "N", "false", "F"], False),
            (["0", "0.0", " 0", "0 "], False),
            (["n/a", "NA", "", "Not applicable"], None),
            (["none", "null", "None", "NULL"], None),
        ],
    )
    def test_what_each_text_is_taken_for(self, texts, meant):
        error = assert_refused(frame(q0=texts))
        assert error.problems[0].hint.count(f": {meant}") == 4

    def test_no_map_of_more_texts_than_can_be_read(self):
        error = assert_refused(frame(40, q0=[f"{i}%" for i in range(40)]))
        assert error.problems[0].hint.count(": ...") == 12
        assert ", ...});" in error.problems[0].hint

    def test_an_unknown_level_shows_the_values_and_the_allowed(self):
        assert_refused(
            frame(gender=["f", "M", "F", None]), "gender", "allowed levels are 'f', 'm'", "'F', 'M'"
        )

    def test_a_level_is_not_trimmed(self):
        assert_refused(frame(gender=["f", "m ", "", None]), "'', 'm '")

    @pytest.mark.parametrize(
        "values", [[1, 2, 1, 2], [True, False, True, False], [1.5, None, 2, 3]]
    )
    def test_levels_are_labels(self, values):
        assert_refused(frame(gender=values), "gender", "allowed levels are 'f', 'm'", " rows")

    def test_unknown_categories_that_no_case_has_do_not_matter(self):
        gender = pd.Categorical(["f", "m", None, "f"], categories=["x", "f", "m"])
        assert read(pd.DataFrame(frame()).assign(gender=gender))["gender"].null_count == 1

    def test_a_duplicated_id(self):
        assert_refused(frame(case_id=["a", "b", "a", "c"]), "case_id", "more than once: 'a'")
        assert_refused(frame(case_id=[1, 1, 2, 2]), "more than once: 1, 2")

    def test_many_duplicated_ids_are_counted(self):
        ids = [i // 2 for i in range(40)]
        assert_refused(frame(40, case_id=ids), "0, 1, 2, 3, 4 and 15 more")

    def test_null_ids(self):
        assert_refused(frame(case_id=["a", None, "c", None]), "every case needs an id", "2 null")

    def test_null_and_duplicated_ids(self):
        assert_refused(frame(case_id=["a", None, "a", "c"]), "1 null", "'a'", count=2)

    @pytest.mark.parametrize("ids", [[1.0, 2.0, 3.0, 4.0], [True, False, True, False]])
    def test_ids_are_text_or_whole_numbers(self, ids):
        assert_refused(frame(case_id=ids), "case_id: ids must be text or whole numbers", " rows")

    def test_null_units(self):
        assert_refused(frame(unit=["A", None, "B", None]), "every case needs a unit", "2 null")

    def test_units_are_text(self):
        assert_refused(
            frame(unit=[1, 2, 1, 2]), "unit ids must be text", "whole numbers: 1, 2 in 4 rows"
        )

    def test_an_undeclared_unit(self):
        assert_refused(frame(), "declared units are 'A', 'C'", "'B'", units=["A", "C"])

    @pytest.mark.parametrize("units", [None, ["A", "B"]])
    def test_a_unit_called_all(self, units):
        assert_refused(
            frame(unit=["A", "all", "B", "A"]), "'all' is reserved for all units", units=units
        )

    def test_a_declared_unit_called_all_or_twice(self):
        with pytest.raises(oms.DataError) as caught:
            read(units=["A", "all", "B", "A"])
        assert len(caught.value.problems) == 2

    def test_units_as_one_text_are_one_unit(self):
        assert read(frame(unit=["AB"] * 4), units="AB").units == ("AB",)

    def test_a_name_used_by_two_columns(self):
        data = pa.table(frame())
        for name in ("q0", "gender", "unit", "case_id"):
            assert_refused(
                data.append_column(name, data[name]), "column names must be unique", name
            )

    def test_extras_that_share_a_name_are_refused_too(self):
        data = pa.table(frame()).append_column("note", [["x"] * 4])
        assert_refused(data.append_column("note", [["y"] * 4]), "'note'")

    def test_everything_wrong_at_once(self):
        """All bad input is reported together, not one a run."""
        error = assert_refused(
            frame(
                case_id=["a", "a", None, "d"],
                unit=["A", None, "all", "X"],
                gender=["f", "m", "other", "m"],
                harm=None,
                q0=[0, 1, 2, None],
                q1=["yes", "no", None, None],
            ),
            "'harm'",
            "'a'",
            "1 null",
            "'all'",
            "'X'",
            "'other'",
            "2 in 1 row. ",
            "text: 'yes', 'no' in 2 rows",
            count=9,
            units=["A", "B"],
        )
        assert isinstance(error, oms.OmistatsError)
        assert isinstance(error, ValueError)
        assert str(error).count("\n") == 9

    @pytest.mark.parametrize(
        "data", [None, 5, "cases.csv", [1, 2], [{"case_id": 1}], object(), np.ones((2, 2))]
    )
    def test_what_is_no_data_frame(self, data):
        with pytest.raises(oms.DataError, match="expected a data frame"):
            oms.CaseSet.from_data(data, framework=framework())

    def test_columns_of_mixed_types_or_lengths(self):
        rule = "q0: a column must hold values of one type; found bool, int, str"
        assert_refused({**frame(), "q0": [True, "no", None, 3]}, rule)
        assert_refused(frame(q0=[True]), "expected a data frame with one row per case")
        mixed = pd.DataFrame(frame()).assign(q0=pd.Series([True, "no", 3, None], dtype=object))
        assert_refused(mixed, rule)
        both = mixed.assign(gender="?")
        assert_refused(both, rule, "gender: allowed levels", count=2)

    def test_a_name_nearly_right_is_pointed_at(self):
        data = frame()
        data["gendr"] = data.pop("gender")
        assert_refused(data, "Rename 'gendr' to 'gender'?")

    @pytest.mark.parametrize(
        "written", ["GENDER", "Gender", " gender ", "gen der", "Gen-der", "gender_", "GENDRE"]
    )
    def test_case_and_spaces_of_a_name_do_not_matter_to_the_hint(self, written):
        data = frame()
        data[written] = data.pop("gender")
        assert_refused(data, f"Rename {written!r} to 'gender'?")
        assert_refused(pd.DataFrame(data), f"Rename {written!r} to 'gender'?")
        lazy = pl.DataFrame(data).lazy()
        with pytest.raises(oms.DataError, match="to 'gender'"):
            oms.recompute(lazy, framework=framework(), breakdowns=[Harm()])

    def test_a_key_in_the_index_is_found(self):
        for names in (["case_id"], ["case_id", "unit"]):
            error = assert_refused(pd.DataFrame(frame()).set_index(names), "frame.reset_index()")
            assert str(names)[1:-1] in error.problems[0].hint

    def test_an_optional_column_that_is_written_otherwise_is_suggested(self):
        optional = framework(strata=[oms.Stratum("tenure", ("owned",), required=False)])
        cases = oms.CaseSet.from_data({**frame(), "TENURE": ["owned"] * 4}, framework=optional)
        with pytest.raises(oms.UnknownNameError, match="did you mean 'TENURE'"):
            oms.recompute(cases, breakdowns=["tenure"])

    def test_pandas_columns_of_one_name(self):
        data = pd.DataFrame(frame())
        data.columns = [*data.columns[:-1], "q0"]
        with pytest.raises(oms.DataError, match=r"(?i)duplicate|must be unique"):
            read(data)


class TestEmpty:
    @pytest.mark.parametrize(
        "data",
        [
            frame(0),
            pa.table(frame()).slice(0, 0),
            pd.DataFrame(frame()).iloc[:0],
            pl.DataFrame(frame()).clear(),
            pa.table(frame()).schema.empty_table(),
        ],
    )
    @pytest.mark.parametrize("by", [None, "unit"])
    def test_no_rows(self, data, by):
        cases = read(data)
        assert len(cases) == 0
        assert cases.units == ()
        found = oms.recompute(cases, by=by, breakdowns=BREAKDOWNS)
        lines = rows(found)
        assert len(lines) == 2 * sum(len(b.groups) for b in BREAKDOWNS)
        for line in lines:
            assert line["unit"] == "all"
            assert (line["k"], line["n"]) == (0, 0)
            assert line["reason"] == "no applicable answers"
            empty = ("percent", "printed", "low", "high", "statistic", "df", "p_value", "stars")
            assert {line[name] for name in empty} == {None}
        assert set(found.unclassified["unclassified"].to_pylist()) == {0}
        assert "Findings" in repr(found)

    def test_no_rows_in_declared_units(self):
        found = oms.recompute(read(frame(0), units=["A", "B"]), by="unit", breakdowns=[Gender()])
        assert found.table["unit"].unique().to_pylist() == ["A", "B", "all"]
        assert set(found.table["n"].to_pylist()) == {0}

    @pytest.mark.parametrize("by", [None, "unit"])
    def test_questions_that_no_answer_was_applicable_to(self, by):
        nothing = pa.nulls(4)
        found = oms.recompute(read(frame(q0=nothing, q1=nothing)), by=by, breakdowns=BREAKDOWNS)
        assert set(found.table["n"].to_pylist()) == {0}
        assert set(found.table["stars"].to_pylist()) == {None}
        assert set(found.table["reason"].to_pylist()) == {"no applicable answers"}
        assert set(found.table["interval_method"].to_pylist()) == {None}

    def test_a_group_that_nobody_belongs_to(self):
        found = oms.recompute(read(frame(gender=["f"] * 4)), breakdowns=[Gender()])
        for line in rows(found):
            assert (line["n"] == 0) == (line["group"] == "m")
            assert line["stars"] is line["p_value"] is line["method"] is None
            assert line["reason"] == (
                "no applicable answers"
                if line["group"] == "m"
                else "no second group to compare with"
            )

    def test_a_subset_that_is_all_cases_has_no_complement(self):
        found = rows(oms.recompute(read(frame(harm=["high"] * 4)), breakdowns=[Harm()]))
        assert {line["n"] for line in found} == {3}
        assert {line["reason"] for line in found} == {"no second group to compare with"}
        assert {line["stars"] for line in found} == {None}

    def test_empty_groups_leave_the_degrees_of_freedom(self):
        data = frame(6, tier=["1", "2", "4", "1", "2", "4"], q0=[1, 0, 1, 1, 0, 0])
        line = rows(oms.recompute(read(data), breakdowns=[Tier()], questions="q0"))[0]
        assert line["df"] == 2

    def test_answers_that_are_all_the_same_differ_nowhere(self):
        found = rows(oms.recompute(read(frame(q0=[True] * 4)), breakdowns=[Gender()]))
        for line in (line for line in found if line["question"] == "q0"):
            assert line["percent"] == 100.0
            assert line["stars"] == "--"
            assert line["p_value"] is line["statistic"] is line["df"] is line["method"] is None
            assert line["reason"] == "every answer is the same"

    def test_nobody_classified(self):
        found = oms.recompute(read(frame(gender=pa.nulls(4))), breakdowns=[Gender()])
        assert set(found.table["n"].to_pylist()) == {0}
        assert found.unclassified["unclassified"].to_pylist() == [4]


class TestFrameworks:
    def test_names_repeated_reserved_or_leading_nowhere_are_reported_together(self):
        with pytest.raises(oms.DataError) as caught:
            oms.Framework(
                "f",
                [
                    oms.Question("a", "A", criterion=oms.Link("9.9", "inferred")),
                    oms.Question("a", "A"),
                    oms.Question("unit", "U"),
                ],
            )
        text = str(caught.value)
        for word in ("distinct names", "reserved", "9.9"):
            assert word in text
        assert len(caught.value.problems) == 3

    def test_a_question_and_a_stratum_of_one_name(self):
        with pytest.raises(oms.DataError, match="distinct names"):
            oms.Framework("f", [oms.Question("x", "X")], [oms.Stratum("x", ("a",))])

    @pytest.mark.parametrize("levels", [(), ("a", "a"), ("a", "all")])
    def test_levels_are_distinct_and_not_all(self, levels):
        with pytest.raises(oms.DataError, match="levels must be distinct"):
            oms.Stratum("x", levels)

    @pytest.mark.parametrize("name", ["case_id", "unit", "all"])
    def test_reserved_names_of_strata(self, name):
        with pytest.raises(oms.DataError, match="reserved name"):
            oms.Stratum(name, ("a",))

    def test_more_levels_than_a_byte_holds(self):
        with pytest.raises(oms.DataError, match="at most 127 levels"):
            oms.Stratum("x", [f"l{i}" for i in range(128)])
        levels = [f"l{i}" for i in range(127)]
        many = oms.Framework("m", [oms.Question("q0", "Q")], [oms.Stratum("x", levels)])
        cases = oms.CaseSet.from_data(
            {"case_id": range(127), "unit": ["A"] * 127, "x": levels, "q0": [True] * 127},
            framework=many,
        )
        assert cases["x"].to_pylist() == levels

    def test_one_level_as_text_is_one_level(self):
        assert oms.Stratum("x", "high").levels == ("high",)

    @pytest.mark.parametrize(
        ("ask", "name", "near"),
        [
            ("question", "Q0", "q0"),
            ("stratum", "gendre", "gender"),
            ("item", "1", "unknown item"),
        ],
    )
    def test_unknown_names(self, ask, name, near):
        with pytest.raises(oms.UnknownNameError, match=near):
            getattr(framework(), ask)(name)


class TestNames:
    def test_near_names_are_offered_and_far_ones_listed(self):
        near = oms.UnknownNameError("question", "home_vist", ["home_visit", "induction"])
        assert str(near) == "unknown question 'home_vist'; did you mean 'home_visit'?"
        far = oms.UnknownNameError("question", "zzz", ["home_visit", "induction"])
        assert str(far) == "unknown question 'zzz'; choose from home_visit, induction"
        for kind in (KeyError, ValueError, oms.UsageError, oms.OmistatsError):
            assert isinstance(near, kind)

    def test_case_spaces_and_joining_marks_do_not_count(self):
        for name in ("Home Visit", "HOME_VISIT", "home-visit ", "homevisit"):
            error = oms.UnknownNameError("question", name, ["home_visit", "induction"])
            assert str(error).endswith("did you mean 'home_visit'?")
        both = oms.UnknownNameError("column", "Tier", ["tier", "TIER", "tiers"])
        assert str(both).endswith("did you mean 'tier' or 'TIER' or 'tiers'?")
