"""Every kind of data frame gives the same case set, and a case set gives it back."""

from __future__ import annotations

from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.factories import LEVELS, Gender, dirty_bits, frame, framework, random_frame, read

import omistats as oms

DATA = random_frame(11, 37)
NAMES = ["case_id", "unit", *LEVELS, "q0", "q1", "q2"]


def table() -> pa.Table:
    return pa.table(DATA)


def pandas_objects() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in DATA.items()})


def pandas_nullable() -> pd.DataFrame:
    frame = pd.DataFrame(DATA)
    return frame.astype({f"q{q}": "boolean" for q in range(3)})


def pandas_floats() -> pd.DataFrame:
    frame = pd.DataFrame(DATA)
    return frame.astype({f"q{q}": "float64" for q in range(3)})


def pandas_integers() -> pd.DataFrame:
    frame = pd.DataFrame(DATA)
    return frame.astype({"q0": "boolean", "q1": "boolean", "q2": "boolean"}).astype(
        {"q0": "Int8", "q1": "Int64", "q2": "Float32"}
    )


def pandas_categoricals() -> pd.DataFrame:
    # Categories in another order than the levels, and with some that are not used.
    categories = {
        name: pd.CategoricalDtype([*reversed(levels), "unused"]) for name, levels in LEVELS.items()
    }
    return pandas_nullable().astype({**categories, "unit": pd.CategoricalDtype(sorted_units())})


def sorted_units() -> list[str]:
    return sorted(set(DATA["unit"]))


def polars_categorical() -> pl.DataFrame:
    return pl.DataFrame(DATA).with_columns(pl.col(list(LEVELS)).cast(pl.Categorical))


def polars_enum() -> pl.DataFrame:
    return pl.DataFrame(DATA).with_columns(
        [pl.col(name).cast(pl.Enum(levels)) for name, levels in LEVELS.items()]
    )


def arrow_views() -> pa.Table:
    arrays = {}
    for name, values in DATA.items():
        text = name == "unit" or name in LEVELS
        arrays[name] = pa.array(values, pa.string_view() if text else None)
    return pa.table(arrays)


def arrow_chunks() -> pa.Table:
    return pa.concat_tables([table().slice(start, 9) for start in range(0, 37, 9)])


def dictionary_chunks() -> pa.Table:
    """Chunks with dictionaries of their own."""
    pieces = []
    for start in range(0, 37, 9):
        piece = table().slice(start, 9)
        encoded = {n: piece[n].combine_chunks().dictionary_encode() for n in LEVELS}
        rest = {n: piece[n] for n in piece.column_names if n not in LEVELS}
        pieces.append(pa.table({**rest, **encoded}).select(NAMES))
    return pa.concat_tables(pieces)


def dirty() -> pa.Table:
    return pa.table(
        {n: dirty_bits(v, 5) if n.startswith("q") else pa.array(v) for n, v in DATA.items()}
    )


KINDS = {
    "dict": lambda: DATA,
    "Arrow table": table,
    "Arrow chunks": arrow_chunks,
    "dictionary chunks": dictionary_chunks,
    "string views": arrow_views,
    "dirty bits": dirty,
    "record batch": lambda: table().combine_chunks().to_batches()[0],
    "reader": lambda: pa.RecordBatchReader.from_batches(
        table().schema, table().to_batches(max_chunksize=10)
    ),
    "pandas objects": pandas_objects,
    "pandas nullable": pandas_nullable,
    "pandas floats": pandas_floats,
    "pandas integers": pandas_integers,
    "pandas categoricals": pandas_categoricals,
    "polars": lambda: pl.DataFrame(DATA),
    "polars categorical": polars_categorical,
    "polars enum": polars_enum,
    "polars lazy": lambda: pl.LazyFrame(DATA),
    "narwhals": lambda: nw.from_native(pl.DataFrame(DATA)),
    "DuckDB": lambda: duckdb.from_arrow(table()),
    "a case set": lambda: read(DATA, 3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_gives_the_same_columns(kind):
    cases = read(KINDS[kind](), 3)
    assert cases.units == ("U0", "U1", "U2", "U3")
    assert list(cases) == list(cases.columns) == NAMES
    assert cases.extra == ()
    assert cases["unit"].type == pa.dictionary(pa.int16(), pa.string())
    for name, levels in LEVELS.items():
        assert cases[name].type == pa.dictionary(pa.int8(), pa.string())
        assert cases[name].dictionary.to_pylist() == list(levels)
    for name in NAMES:
        assert isinstance(cases[name], pa.Array)
        assert cases[name].to_pylist() == DATA[name], name
    for q in range(3):
        assert cases[f"q{q}"].type == pa.bool_()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_gives_the_same_findings(kind):
    breakdowns = [Gender()]
    expected = oms.recompute(read(DATA, 3), by="unit", breakdowns=breakdowns)
    found = oms.recompute(read(KINDS[kind](), 3), by="unit", breakdowns=breakdowns)
    assert found.table.equals(expected.table)


@pytest.mark.parametrize("kind", ["dict", "polars", "pandas objects", "string views"])
def test_text_ids_survive(kind):
    ids = [f"case {i}" for i in range(37)]
    data: Any = {**DATA, "case_id": ids}
    if kind == "polars":
        data = pl.DataFrame(data)
    elif kind == "pandas objects":
        data = pd.DataFrame(data)
    elif kind == "string views":
        data["case_id"] = pa.array(ids, pa.string_view())
    assert read(data, 3)["case_id"].to_pylist() == ids


def test_lists_of_text_from_polars_can_be_filtered():
    # Polars hands over views of strings, which Arrow's filter does not take within lists.
    kinds = [["a kind of more than twelve letters", "b"], [], None]
    data = pl.DataFrame({**DATA, "case_id": range(37), "kinds": (13 * kinds)[:37]})
    kept = read(data, 3).filter([i % 2 == 0 for i in range(37)])
    assert kept["kinds"].to_pylist() == (13 * kinds)[:37][::2]


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.int16(), pa.int64(), pa.uint8(), pa.uint64(), pa.float32(), pa.float64()]
)
def test_numbers_that_are_0_or_1_are_answers(kind):
    cases = read(frame(q0=pa.array([1, 0, None, 1], kind)))
    assert cases["q0"].to_pylist() == [True, False, None, True]


@pytest.mark.parametrize("missing", [float("nan"), None])
def test_a_characteristic_of_which_nothing_is_known_may_be_numbers(missing):
    # So pandas fills a column that it is asked for and does not have.
    nothing = pa.array([missing] * 37, pa.float64(), from_pandas=False)
    cases = read({**DATA, "supervision": nothing}, 3)
    assert cases["supervision"].to_pylist() == [None] * 37
    one = pa.array([*[missing] * 36, 1.0], pa.float64(), from_pandas=False)
    with pytest.raises(oms.DataError, match="supervision"):
        read({**DATA, "supervision": one}, 3)


def test_nan_is_null_and_minus_zero_is_zero():
    cases = read(frame(q0=[1.0, float("nan"), -0.0, None]))
    assert cases["q0"].to_pylist() == [True, None, False, None]


def test_a_sliced_column_of_numbers():
    column = pa.array([7, 7, 7, 1, 0, None, 1, 7]).slice(3, 4)
    assert read(frame(q0=column))["q0"].to_pylist() == [True, False, None, True]


def test_the_frame_handed_over_is_not_changed():
    data = pandas_objects()
    before = data.copy(deep=True)
    cases = read(data, 3)
    cases.filter(np.arange(37) < 3)
    pd.testing.assert_frame_equal(data, before)


class TestUnits:
    def test_text_is_sorted_and_does_not_depend_on_rows(self):
        assert read(frame(unit=["b", "a", "c", "a"])).units == ("a", "b", "c")

    def test_a_dictionary_keeps_its_order_without_the_unused(self):
        unit = pa.DictionaryArray.from_arrays(
            pa.array([2, 0, 0, 2], pa.int8()), pa.array(["z", "unused", "a"])
        )
        cases = read(frame(unit=unit))
        assert cases.units == ("z", "a")
        assert cases["unit"].to_pylist() == ["a", "z", "z", "a"]
        assert cases.unit_codes.tolist() == [1, 0, 0, 1]

    def test_a_label_twice_in_a_dictionary_is_one_unit(self):
        unit = pa.DictionaryArray.from_arrays(
            pa.array([0, 1, 2, 1], pa.int8()), pa.array(["A", "B", "A"])
        )
        cases = read(frame(unit=unit))
        assert cases.units == ("A", "B")
        assert cases["unit"].to_pylist() == ["A", "B", "A", "B"]

    def test_declared_units_keep_their_order_and_may_be_empty(self):
        cases = read(units=[oms.Unit("B", "Bee"), "C", "A"])
        assert cases.units == ("B", "C", "A")
        assert cases["unit"].dictionary.to_pylist() == ["B", "C", "A"]

    def test_more_units_than_8_bits_count(self):
        ids = [f"u{i:03}" for i in range(300)]
        assert read(frame(300, unit=ids))["unit"].to_pylist() == ids


class TestColumns:
    def test_optional_strata_may_be_absent_and_others_are_extras(self):
        optional = oms.Stratum("tier", ("1", "2"), required=False)
        plain = oms.Framework("o", [oms.Question("q0", "Q")], [optional])
        cases = oms.CaseSet.from_data(
            frame(tier=None, note=["a", None, "b", "c"], score=[1.5, 2, 3, None]), framework=plain
        )
        assert "tier" not in cases
        assert cases.extra == ("supervision", "gender", "harm", "q1", "note", "score")
        assert cases["note"].to_pylist() == ["a", None, "b", "c"]
        assert cases["score"].to_pylist() == [1.5, 2, 3, None]
        assert cases.columns[:3] == ("case_id", "unit", "q0")

    def test_an_unknown_column_lists_near_ones(self):
        with pytest.raises(oms.UnknownNameError, match="did you mean 'gender'"):
            read()["gendr"]

    def test_an_all_null_column_of_no_type(self):
        cases = read(frame(q0=pa.nulls(4), gender=pa.nulls(4)))
        assert cases["q0"].type == pa.bool_()
        assert cases["gender"].type == pa.dictionary(pa.int8(), pa.string())
        assert cases["gender"].null_count == cases["q0"].null_count == 4


class TestRoundTrip:
    def test_arrow_out_is_one_batch_that_reads_back(self):
        data = arrow_chunks().append_column("note", [["x"] * 37])
        cases = read(data, 3)
        out = pa.table(cases)
        assert [len(batch) for batch in pa.RecordBatchReader.from_stream(cases)] == [37]
        assert out.column_names == [*NAMES, "note"]
        assert out.schema.field("unit").type == pa.dictionary(pa.int16(), pa.string())
        assert out.schema.field("q0").type == pa.bool_()
        again = read(out, 3)
        assert pa.table(again).equals(out)
        assert again.units == cases.units

    def test_schema_metadata_is_kept(self):
        data = table().replace_schema_metadata({"synthetic": "made up", "source": "x"})
        cases = read(data, 3)
        assert cases.metadata == {b"synthetic": b"made up", b"source": b"x"}
        assert pa.table(cases).schema.metadata == {b"synthetic": b"made up", b"source": b"x"}
        assert read(cases, 3).metadata == cases.metadata
        assert "SYNTHETIC" in repr(cases)
        assert "SYNTHETIC" not in repr(read())
        assert pa.table(read()).schema.metadata is None

    def test_other_libraries_read_it(self):
        cases = read(DATA, 3)
        assert pl.DataFrame(cases)["q0"].to_list() == DATA["q0"]
        assert pa.table(cases).to_pandas()["gender"].isna().sum() == DATA["gender"].count(None)

    def test_a_filtered_pandas_frame_goes_back_to_pandas(self):
        cases = read(pandas_objects(), 3).filter([i < 5 for i in range(37)])
        assert len(pa.table(cases).to_pandas()) == 5


class TestFilter:
    @pytest.mark.parametrize(
        "make",
        [
            list,
            np.array,
            pa.array,
            lambda m: pa.chunked_array([m[:10], m[10:]]),
            pd.Series,
            lambda m: pd.Series(m, dtype="boolean"),
            pl.Series,
        ],
    )
    def test_any_array_of_booleans_will_do(self, make):
        mask = [i % 3 == 0 for i in range(37)]
        cases = read(DATA, 3)
        kept = cases.filter(make(mask))
        assert kept["case_id"].to_pylist() == DATA["case_id"][::3]
        assert kept.units == cases.units
        assert len(cases) == 37
        expected = read({n: v[::3] for n, v in DATA.items()}, 3, units=cases.units)
        found, wanted = (
            oms.recompute(c, by="unit", breakdowns=[Gender()]) for c in (kept, expected)
        )
        assert found.table.equals(wanted.table)

    def test_nothing_left_is_no_error(self):
        none = read(DATA, 3).filter(np.zeros(37, bool))
        assert len(none) == 0
        assert len(none.units) == 4
        assert set(oms.recompute(none, breakdowns=[Gender()]).table["n"].to_pylist()) == {0}

    @pytest.mark.parametrize(
        "mask",
        [
            [True, None, False, True],
            [1, 0, 1, 0],
            [True, False],
            [],
            ["yes", "no", "yes", "no"],
            [[True], [False], [True], [True]],
            True,
            [True, "no", False, True],
        ],
    )
    def test_a_mask_is_a_boolean_a_case(self, mask):
        with pytest.raises(oms.DataError, match="expected 4 Booleans without nulls"):
            read().filter(mask)


class TestRegroup:
    def test_units_become_larger_units(self):
        cases = read(DATA, 3)
        regions = {"U0": "south", "U1": "north", "U2": "south", "U3": "east"}
        found = cases.regroup(regions)
        assert found.units == ("south", "north", "east")
        assert found["unit"].to_pylist() == [regions[u] for u in DATA["unit"]]
        assert found["unit"].type == pa.dictionary(pa.int16(), pa.string())
        by_hand = read({**DATA, "unit": [regions[u] for u in DATA["unit"]]}, 3, units=found.units)
        one, other = (oms.recompute(c, by="unit", breakdowns=[Gender()]) for c in (found, by_hand))
        assert one.table.equals(other.table)
        assert cases.units == ("U0", "U1", "U2", "U3")

    def test_everything_wrong_is_reported_together(self):
        with pytest.raises(oms.DataError) as caught:
            read().regroup({"A": "all", "C": "x"})
        text = str(caught.value)
        assert len(caught.value.problems) == 3
        assert "none for 'B'" in text
        assert "'C'" in text
        assert "'all' is reserved for all units" in text


def test_text_form_counts_in_words():
    assert repr(read()) == "CaseSet: 4 cases, 2 units, framework 'small' (2 questions, 4 strata)"
    one = read(frame(1, 1), 1)
    assert repr(one) == "CaseSet: 1 case, 1 unit, framework 'small' (1 question, 4 strata)"


def test_reading_again_with_the_framework_of_the_cases():
    cases = read()
    assert cases.framework == framework()


class TestCasesStayAsChecked:
    """What is changed after the check does not reach the cases."""

    def test_numpy(self):
        ids, answers = np.array([1, 2, 3]), np.array([1.0, 0.0, 1.0])
        cases = oms.CaseSet.from_data(
            {"case_id": ids, "unit": ["A"] * 3, "q": answers},
            framework=oms.Framework("f", [oms.Question("q", "Q")]),
        )
        ids[:], answers[:] = 0, 5
        assert cases["case_id"].to_pylist() == [1, 2, 3]
        assert cases["q"].to_pylist() == [True, False, True]

    def test_pandas(self):
        frame = pd.DataFrame({"case_id": [1, 2], "unit": ["A", "B"], "q": [True, False]})
        cases = oms.CaseSet.from_data(frame, framework=oms.Framework("f", [oms.Question("q", "Q")]))
        frame.loc[0, "case_id"] = 2
        assert cases["case_id"].to_pylist() == [1, 2]


def test_ids_may_be_categories():
    frame = pd.DataFrame({"case_id": pd.Categorical(["x", "y"]), "unit": ["A", "B"]})
    cases = oms.CaseSet.from_data(frame, framework=oms.Framework("f", []))
    assert cases["case_id"].to_pylist() == ["x", "y"]


@pytest.mark.parametrize("group", [None, 1, ""])
def test_a_group_of_units_has_a_name(group):
    cases = oms.CaseSet.from_data(
        {"case_id": [1, 2], "unit": ["A", "B"]}, framework=oms.Framework("f", [])
    )
    with pytest.raises(oms.DataError, match="a group's name must be text"):
        cases.regroup({"A": "x", "B": group})


def test_names_of_units_stay_beside_their_ids():
    cases = oms.CaseSet.from_data(
        {"case_id": [1], "unit": ["A"]},
        framework=oms.Framework("f", []),
        units=[oms.Unit("A", "Alpha"), "B"],
    )
    assert cases.units == ("A", "B")
    assert cases.unit_names == {"A": "Alpha"}


def test_a_framework_is_a_framework():
    with pytest.raises(oms.UsageError, match="`framework` must be a Framework; found 'OMI 2'"):
        oms.CaseSet.from_data({"case_id": [1]}, framework="OMI 2")


@pytest.mark.parametrize("id", ["", 1])
def test_a_question_has_a_name(id):
    with pytest.raises(oms.DataError, match="a question's id must be text"):
        oms.Framework("f", [oms.Question(id, "Q")])


class TestSyntheticCasesStaySo:
    """Where metadata are lost on the way, the ids still tell."""

    @pytest.mark.parametrize("way", [lambda t: t.to_pandas(), pl.from_arrow, lambda t: t])
    def test_through_other_libraries(self, way):
        table = pa.table(oms.omi2.load_synthetic())
        cases = oms.CaseSet.from_data(way(table), framework=oms.omi2.FRAMEWORK)
        assert "SYNTHETIC" in repr(cases)
        frame = oms.recompute(cases).to_pandas()
        assert frame.attrs["synthetic"] == "true"

    def test_what_a_pandas_frame_says_of_itself(self):
        frame = pd.DataFrame({"case_id": ["x"], "unit": ["A"]})
        frame.attrs.update(source="April", number=3)
        cases = oms.CaseSet.from_data(frame, framework=oms.Framework("f", []))
        assert cases.metadata == {b"source": b"April"}
        assert "SYNTHETIC" not in repr(cases)


class TestFrameworksThatCouldLoseAnswers:
    """A slip in an item must not take answers out of a score without a word."""

    @pytest.mark.parametrize(
        ("items", "message"),
        [
            (
                [oms.Item("2.1", "criterion", "C", "9")],
                "a parent must be a section of the framework",
            ),
            (
                [oms.Item("c", "criterion", "C"), oms.Item("c", "headline", "H")],
                "item ids must be unique",
            ),
            ([oms.Item("c", "kriterion", "C")], "a level must be one of"),
        ],
    )
    def test_items(self, items, message):
        with pytest.raises(oms.DataError, match=message):
            oms.Framework("f", [], [], items)

    def test_links(self):
        with pytest.raises(oms.DataError, match=r"expected a Link; found '1\.1'"):
            oms.Framework("f", [oms.Question("q", "Q", criterion="1.1")])
        listed = oms.Question("q", "Q", headlines=[oms.Link("h", "published")])
        assert listed.headlines == (oms.Link("h", "published"),)
