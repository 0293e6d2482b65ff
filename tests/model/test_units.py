"""Names of units as people write them."""

from __future__ import annotations

import ast
import re

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

import omistats as oms

UNITS = (
    oms.Unit("isle", "Isle & Coast", ["I&C", "IC"]),
    oms.Unit("north-vale", "North Vale"),
    oms.Unit("south-vale", "South Vale", ["S Vale"]),
    oms.Unit("cote", "Côte-d'Or", "Cote Dor county"),
    oms.Unit("plain"),
)
AFFIXES = oms.omi2.AFFIXES
FRAMEWORK = oms.Framework("caseload", ())


def one(name: str) -> str:
    (found,) = oms.match_units([name], UNITS, affixes=AFFIXES).ids.to_pylist()
    return found


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("isle", "isle"),
        ("Isle & Coast", "isle"),
        ("isle and coast", "isle"),
        ("Isle+Coast", "isle"),
        ("ISLE  AND\tCOAST ", "isle"),
        ("Isle\N{NO-BREAK SPACE}&\N{ZERO WIDTH SPACE} Coast", "isle"),
        ("isle-coast", "isle"),
        ("isle_coast", "isle"),
        ("I & C", "isle"),
        ("Isle & Coast Probation Trust", "isle"),
        ("The Isle and Coast Probation Area", "isle"),
        ("Isle & Coast Probation", "isle"),
        ("Isle & Coast Probation Board", "isle"),
        ("NPS: Isle & Coast", "isle"),
        ("National Probation Service (Isle & Coast)", "isle"),
        ("PLAIN TRUST", "plain"),
        ("s. vale", "south-vale"),
        ("cote d'or", "cote"),
        ("Co\N{COMBINING CIRCUMFLEX ACCENT}te d\N{RIGHT SINGLE QUOTATION MARK}Or", "cote"),
        ("Cote Dor County", "cote"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER P}lain", "plain"),
    ],
)
def test_what_makes_no_difference(name, id):
    assert one(name) == id


@pytest.mark.parametrize(
    "column",
    [
        ["IC", None, "plain", "IC"],
        ("IC", None, "plain", "IC"),
        pa.array(["IC", None, "plain", "IC"]),
        pa.array(["IC", None, "plain", "IC"], pa.string_view()),
        pa.array(["IC", None, "plain", "IC"]).dictionary_encode(),
        pa.chunked_array([["IC", None], ["plain", "IC"]]),
        pd.Series(["IC", None, "plain", "IC"], dtype=object),
        pd.Series(["IC", float("nan"), "plain", "IC"], dtype=object),
        pd.Series(["IC", None, "plain", "IC"], dtype="string"),
        pd.Series(pd.Categorical(["IC", None, "plain", "IC"], ["x", "plain", "IC"])),
        pl.Series(["IC", None, "plain", "IC"]),
        pl.Series(["IC", None, "plain", "IC"], dtype=pl.Categorical),
        iter(["IC", None, "plain", "IC"]),
    ],
    ids=lambda column: f"{type(column).__module__}.{type(column).__name__}",
)
def test_every_kind_of_column_keeps_its_order_and_its_nulls(column):
    found = oms.match_units(column, UNITS)
    assert found.ids.to_pylist() == ["isle", None, "plain", "isle"]
    assert found.ids.type == pa.dictionary(pa.int16(), pa.string())
    assert found.matched == {"IC": "isle", "plain": "plain"}
    assert found.units == (UNITS[0], UNITS[4])
    assert len(found) == 4
    assert repr(found) == "UnitMatches: 4 names, 2 spellings, 2 units"


def test_nothing_and_one_name():
    for nothing in ([], [None, None], pa.nulls(2)):
        found = oms.match_units(nothing, UNITS)
        assert found.ids.null_count == len(found) == len(nothing)
        assert found.matched == {}
        assert found.units == ()
    assert oms.match_units("IC", UNITS).ids.to_pylist() == ["isle"]
    assert oms.match_units(["B"], "b").matched == {"B": "b"}
    assert oms.match_units(["B"], [oms.Unit("b")]).matched == {"B": "b"}


@given(st.lists(st.sampled_from(["IC", "Plain", "North Vale", None, "isle"]), max_size=30))
def test_a_column_is_matched_name_by_name(names):
    found = oms.match_units(names, UNITS)
    assert found.ids.to_pylist() == [None if name is None else one(name) for name in names]
    assert set(found.matched) == {name for name in names if name is not None}


SPELLINGS = [(name, u.id) for u in UNITS for name in (u.id, u.name, *u.synonyms)]


@given(
    st.sampled_from(SPELLINGS),
    st.sampled_from([str.upper, str.lower, str.title, str.swapcase]),
    st.sampled_from([" and ", "&", " + ", " AND  "]),
    st.sampled_from([" ", "\t ", "  ", "\N{NO-BREAK SPACE}", "_"]),
    st.sampled_from(["", "the ", "NPS ", "(", "Probation Service: "]),
    st.sampled_from(["", " Trust", " probation", ")", " PROBATION AREA.", " Probation Trust"]),
)
def test_every_name_is_found_however_it_is_dressed(spelling, case, both, space, before, after):
    name, id = spelling
    dressed = case(name).replace("&", both).replace(" ", space)
    assert one(before + dressed + after) == id


@settings(max_examples=30)
@given(st.text(max_size=12), st.text(max_size=3))
def test_more_letters_make_another_name(before, after):
    """What is merely near is never taken."""
    extra = "".join(c for c in before + after if c.isalnum())
    with pytest.raises(oms.DataError):
        one(f"x{extra}plain")
    with pytest.raises(oms.DataError):
        one(f"plain{extra}x")


class TestRefused:
    def test_all_bad_names_are_reported_together(self):
        names = ["Vale", "Isle & Coast & Plain", "Planes", "North", " ", "Xyz", "Vale", "plain"]
        with pytest.raises(oms.DataError) as caught:
            oms.match_units(names, UNITS)
        vale, two, near, part, blank, far = map(str, caught.value.problems)
        assert "a name must match one unit; found 'Vale' in 2 rows" in vale
        assert "could be 'North Vale' (north-vale) or 'South Vale' (south-vale)" in vale
        assert "could be 'Isle & Coast' (isle) or 'plain'" in two
        assert near.endswith("'Planes' in 1 row. Did you mean 'plain'?")
        # It is the only one of that word, and still not taken for it.
        assert "Did you mean 'North Vale' (north-vale)" in part
        assert "Leave it null" in blank
        assert "add it to a unit's synonyms" in far

    def test_a_wrong_column_is_told_in_a_few_lines(self):
        with pytest.raises(oms.DataError) as caught:
            oms.match_units([f"case {i}" for i in range(5000)], UNITS)
        assert len(caught.value.problems) == 41
        assert "and 4955 more. Is this the column of units?" in str(caught.value.problems[-1])

    @pytest.mark.parametrize(
        ("names", "found"),
        [
            ([1, 2], "whole numbers: 1, 2"),
            ([1, "a"], "found list"),
            (None, "found NoneType"),
            (5, "found int"),
            (b"IC", "found bytes"),
            ({"IC": 1}, "found dict"),
            ({"IC"}, "found set"),
            ([["IC"]], "list<"),
            (pd.DataFrame({"unit": ["IC"]}), "found DataFrame"),
            (pa.table({"unit": ["IC"]}), "found Table"),
        ],
        ids=repr,
    )
    def test_names_are_a_column_of_text(self, names, found):
        with pytest.raises(oms.DataError, match="names of units must be text or null") as caught:
            oms.match_units(names, UNITS)
        assert found in str(caught.value)

    def test_damaged_text(self):
        raw = pa.array([b"plain", b"pl\xe9in"]).cast(pa.string(), safe=False)
        with pytest.raises(oms.DataError, match="text must be UTF-8"):
            oms.match_units(pa.Array.from_buffers(pa.string(), 2, raw.buffers()), UNITS)

    def test_units_that_cannot_be_told_apart(self):
        units = [
            oms.Unit("a", "Vale"),
            oms.Unit("b", "the vale trust", ["x"]),
            oms.Unit("c", "C", ["X"]),
            oms.Unit("d", "&"),
        ]
        with pytest.raises(oms.DataError) as caught:
            oms.match_units(["a"], units, affixes=AFFIXES)
        first, second, third = map(str, caught.value.problems)
        assert "'Vale' of 'a' and 'the vale trust' of 'b'" in first
        assert "'x' of 'b' and 'X' of 'c'" in second
        assert "a unit's name needs letters or digits; found '&' of 'd'" in third
        assert oms.match_units(["The Vale Trust"], units[:2], affixes=()).matched == {
            "The Vale Trust": "b"
        }

    @pytest.mark.parametrize(
        ("units", "error", "message"),
        [
            (["a", "a"], oms.DataError, "units must be declared once; found 'a'"),
            (["all"], oms.DataError, "'all' is reserved"),
            ([1, None, ""], oms.DataError, "expected a Unit or its id; found 1, None, ''"),
            (5, oms.UsageError, "`units` must be a list of units or their ids; found 5"),
        ],
    )
    def test_units_are_units(self, units, error, message):
        with pytest.raises(error, match=message):
            oms.match_units(["a"], units)
        with pytest.raises(error, match=message):
            oms.CaseSet.from_data({"case_id": [], "unit": []}, framework=FRAMEWORK, units=units)

    def test_affixes_are_text(self):
        with pytest.raises(oms.DataError, match="affixes must be text; found 3"):
            oms.match_units(["a"], ["a"], affixes=["x", 3])


DATA = {"case_id": [1, 2, 3], "unit": ["I & C", "PLAIN", "Vale"]}


class TestCases:
    def test_undeclared_ids_that_can_be_matched_say_so(self):
        with pytest.raises(oms.DataError) as caught:
            oms.CaseSet.from_data(DATA, framework=FRAMEWORK, units=UNITS)
        text = str(caught.value)
        assert "found 'I & C', 'PLAIN', 'Vale'. Declare these units" in text
        assert "`match_units` reads 'I & C' as 'isle' and 'PLAIN' as 'plain'" in text
        assert "'Vale' as" not in text

    def test_no_word_of_matching_where_it_would_not_help(self):
        units = [[oms.Unit("x"), oms.Unit("y", "X")], ["other"]]
        for declared in units:
            with pytest.raises(oms.DataError) as caught:
                oms.CaseSet.from_data(DATA, framework=FRAMEWORK, units=declared)
            assert "match_units" not in str(caught.value)

    def test_what_was_matched_is_declared_and_read(self):
        found = oms.match_units(["I & C", "plain", "Plain Trust"], UNITS, affixes=AFFIXES)
        cases = oms.CaseSet.from_data(
            {"case_id": [1, 2, 3], "unit": found.ids}, framework=FRAMEWORK, units=found.units
        )
        assert cases.units == ("isle", "plain")
        assert cases.unit_names == {"isle": "Isle & Coast", "plain": "plain"}
        frame = pd.DataFrame({"case_id": [1, 2, 3]}).assign(unit=found.ids)
        other = oms.CaseSet.from_data(frame, framework=FRAMEWORK)
        assert other["unit"].to_pylist() == ["isle", "plain", "plain"]
        polars = pl.DataFrame({"case_id": [1, 2, 3]}).with_columns(unit=pl.Series(found.ids))
        assert oms.CaseSet.from_data(polars, framework=FRAMEWORK).units == ("isle", "plain")


def test_names_of_a_unit_are_text():
    with pytest.raises(oms.DataError, match="a unit's names must be text; found 3, None"):
        oms.Unit("a", 3, ["x", None])
    with pytest.raises(oms.UsageError, match="expected a list of names; found 5"):
        oms.Unit("a", synonyms=5)


def test_synonyms_are_a_tuple():
    assert oms.Unit("a").synonyms == ()
    assert oms.Unit("a", synonyms="A one").synonyms == ("A one",)
    assert oms.Unit("a", "A", iter(["x", "y"])).synonyms == ("x", "y")


ALIKE = ["North", "North ", "north", "Nor\u200bth", "\uff2eorth", "South"]


class TestNamesThatLookAlike:
    def read(self, names, **options):
        data = {"case_id": list(range(len(names))), "unit": names}
        return oms.CaseSet.from_data(data, framework=FRAMEWORK, **options)

    def test_they_are_refused_with_the_mapping_that_joins_them(self):
        with pytest.raises(oms.DataError) as caught:
            self.read(ALIKE)
        (problem,) = caught.value.problems
        assert "'South'" not in problem.found
        # What the hint offers joins them.
        (offered,) = re.findall(r"replace\((\{.*\})\)", problem.hint)
        mapping = ast.literal_eval(offered)
        assert self.read([mapping.get(n, n) for n in ALIKE]).units == ("North", "South")

    def test_match_units_joins_them(self):
        found = oms.match_units(ALIKE, ["North", "South"])
        assert self.read(found.ids).units == ("North", "South")

    def test_they_stay_apart_where_all_are_declared(self):
        cases = self.read(ALIKE, units=ALIKE)
        assert cases.units == tuple(ALIKE)
        found = oms.tally(cases, by="unit", breakdowns=[])
        assert found.units == tuple(ALIKE)
        # They stay apart in larger units that are themselves.
        assert cases.regroup({n: n for n in ALIKE}).units == tuple(ALIKE)
        with pytest.raises(oms.DataError, match="'North '"):
            self.read(ALIKE, units=[n for n in ALIKE if n != "North "])

    @pytest.mark.parametrize("name", ["All", "ALL", " all", "a\u200bll"])
    def test_the_reserved_name_is_refused_however_it_is_written(self, name):
        for options in ({}, {"units": [name, "b"]}):
            with pytest.raises(oms.DataError, match="'all' is reserved"):
                self.read([name, "b"], **options)
        with pytest.raises(oms.DataError, match="mapping: 'all' is reserved"):
            self.read(["a", "b"]).regroup({"a": name, "b": "c"})

    @pytest.mark.parametrize("name", ["", " ", "\n", "\u200b"])
    def test_empty_names_are_refused(self, name):
        with pytest.raises(oms.DataError, match="a unit needs a name"):
            self.read([name, "b"])
        with pytest.raises(oms.DataError, match="expected a Unit or its id"):
            self.read(["a", "b"], units=["a", "b", name])
        with pytest.raises(oms.DataError, match="a group's name must be text"):
            self.read(["a", "b"]).regroup({"a": name, "b": "c"})

    def test_null_written_as_text_may_be_declared(self):
        with pytest.raises(oms.DataError, match="how a missing value is written as text"):
            self.read(["nan", "b"])
        assert self.read(["nan", "b"], units=["b", "nan"]).units == ("b", "nan")

    def test_larger_units_that_look_alike(self):
        with pytest.raises(oms.DataError, match=r"mapping: names that differ .*'East' and 'east'"):
            self.read(["a", "b"]).regroup({"a": "East", "b": "east"})

    def test_many_are_counted(self):
        names = [f"{word}{i}" for i in range(8) for word in ("North", "north")]
        with pytest.raises(oms.DataError, match="and 3 more"):
            self.read(names)

    def test_in_files_and_engines_as_in_memory(self, tmp_path, monkeypatch):
        monkeypatch.setattr("omistats.model.files.ROWS", 4)
        monkeypatch.setattr("omistats.model.batches.ROWS", 4)
        framework = oms.Framework("f", [oms.Question("q", "Q")])
        good = {"case_id": [f"c{i}" for i in range(10)], "q": [True] * 10}
        problems = {
            "differ only in case": ["North"] * 5 + ["north"] * 5,
            "'all' is reserved": ["All "] * 10,
            "needs a (name|unit)": [""] * 10,
        }
        for message, units in problems.items():
            data = pa.table({**good, "unit": units})
            pq.write_table(data, tmp_path / "cases.parquet")
            sources = (
                data,
                data.to_reader(),
                tmp_path / "cases.parquet",
                pl.DataFrame(data).lazy(),
            )
            for source in sources:
                with pytest.raises(oms.DataError, match=message):
                    oms.tally(source, by="unit", breakdowns=[], framework=framework)
        blank = pa.table({**good, "case_id": ["", *good["case_id"][1:]], "unit": ["a"] * 10})
        for source in (blank, blank.to_reader(), pl.DataFrame(blank).lazy()):
            with pytest.raises(oms.DataError, match="every case needs an id; found 1 blank"):
                oms.tally(source, breakdowns=[], framework=framework)

    def test_tallies_are_not_merged_over_two_spellings(self):
        framework = oms.Framework(
            "f",
            [oms.Question("q", "Q", oms.Link("1", "published"))],
            (),
            [oms.Item("1", "criterion", "I")],
        )

        def read(names, **options):
            data = {"case_id": list(range(len(names))), "unit": names, "q": [True] * len(names)}
            return oms.CaseSet.from_data(data, framework=framework, **options)

        def tally(cases):
            return oms.tally(cases, by="unit", breakdowns=[])

        one, other = read(["North", "South"]), read(["North ", "South"])
        for make in (tally, oms.score_tally):
            for verb in ("merge", "replace"):
                with pytest.raises(
                    oms.UsageError, match="units 'North' and 'North ', which differ"
                ):
                    getattr(make(one), verb)(make(other))
            renamed = make(other).regroup({"North ": "North", "South": "South"})
            assert make(one).merge(renamed).units == ("North", "South")
            apart = make(read(["North", "North "], units=["North", "North "]))
            assert apart.merge(apart).units == ("North", "North ")
