"""Polars and DuckDB give what the kernel gives, and bring back no more than counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st
from tests.engines.tables import (
    FromExpression,
    InPython,
    Subset,
    assert_same,
    obvious_sums,
    some_items,
    spelled_out,
)
from tests.factories import BREAKDOWNS, Gender, Harm, frame, framework, random_frame, read

import omistats as oms
from omistats import tally

# Internal: what is sent to an engine, which results do not show.
from omistats.engines import sums
from omistats.engines.checks import Labels
from omistats.engines.sums import query_batches, sum_engine
from omistats.engines.tables import Source, is_engine

ENGINES = ("Polars", "DuckDB")
MARK = {b"synthetic": b"true"}
SPLITS = (*BREAKDOWNS, FromExpression(), Subset())


_OPEN: list[duckdb.DuckDBPyConnection] = []


def connected() -> duckdb.DuckDBPyConnection:
    """Connect, and stay so: a relation of older versions does not keep its connection."""
    _OPEN.append(duckdb.connect())
    return _OPEN[-1]


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


def table_in(engine: str, data: Any) -> Any:
    """Put a frame into an engine."""
    arrow = data if isinstance(data, pa.Table) else pa.table(data)
    if engine == "Polars":
        return pl.DataFrame(arrow).lazy()
    connection = connected()
    connection.register("arrow", arrow)
    # A copy of its own, so that the relation outlives this call.
    connection.execute("CREATE TABLE cases AS SELECT * FROM arrow")
    return connection.table("cases")


def with_tenure(data: dict[str, Any]) -> dict[str, Any]:
    rows = len(data["case_id"])
    return {**data, "tenure": [("yes", "no", None)[(i * 7) % 3] for i in range(rows)]}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    name: str = request.param
    return name


class TestTheSameAsTheKernel:
    @pytest.mark.parametrize("by", [None, "unit"])
    def test_the_shipped_cases(self, engine, by):
        cases = oms.omi2.load_synthetic()
        source = table_in(engine, spelled_out(cases))
        got = tally(source, by=by, framework=cases.framework)
        assert got.metadata == MARK
        assert_same(got, tally(cases, by=by))
        assert "SYNTHETIC" in repr(oms.recompute(source, framework=cases.framework))

    @pytest.mark.parametrize("by", [None, "unit"])
    @given(seed=st.integers(0, 10**6), rows=st.integers(0, 60), units=st.integers(1, 5))
    @settings(max_examples=6)
    def test_random_cases(self, by, seed, rows, units):
        data = with_tenure(random_frame(seed, rows, units=units))
        if not rows:
            data = {name: pa.array(v, typed(name)) for name, v in data.items()}
        cases = oms.CaseSet.from_data(data, framework=framework(3))
        want = tally(cases, by=by, breakdowns=SPLITS)
        for name in ENGINES:
            got = tally(table_in(name, data), by=by, breakdowns=SPLITS, framework=framework(3))
            assert_same(got, want)

    @pytest.mark.parametrize("complement", ["all", "known"])
    @pytest.mark.parametrize("splits", [(), SPLITS])
    def test_sums_behind_scores(self, engine, complement, splits):
        data = with_tenure(random_frame(5, 90, questions=4))
        cases = oms.CaseSet.from_data(data, framework=framework(4))
        items = some_items(4)
        got = sum_engine(table_in(engine, data), framework(4), splits, items, complement=complement)
        counted, sizes = obvious_sums(cases, splits, items, complement)
        assert got.units == cases.units
        assert got.cases.tolist() == counted
        assert got.sizes.dtype == got.cases.dtype == np.int64
        assert np.array_equal(got.sizes, sizes)

    def test_sums_of_the_shipped_cases_carry_their_mark(self, engine):
        cases = oms.omi2.load_synthetic()
        items = {"two": cases.framework.known_ids[:2]}
        got = sum_engine(table_in(engine, spelled_out(cases)), cases.framework, (), items)
        assert got.metadata == MARK
        assert got.cases.sum() == len(cases)

    def test_numbers_are_answers_and_nan_is_null(self, engine):
        data = frame(rows=6, q0=[1.0, 0.0, float("nan"), None, 1.0, 0.0], q1=[1, 0, None, 1, 1, 0])
        table = pa.table({n: pa.array(v) for n, v in data.items()})
        assert table["q0"].null_count == 1
        want = tally(read(table), by="unit", breakdowns=[Gender(), Harm()])
        got = tally(
            table_in(engine, table), by="unit", breakdowns=[Gender(), Harm()],
            framework=framework(),
        )  # fmt: skip
        assert_same(got, want)

    def test_columns_of_nothing_but_null(self, engine):
        data = frame(rows=4, q0=pa.nulls(4), gender=pa.nulls(4, pa.string()))
        got = tally(table_in(engine, data), breakdowns=[Gender()], framework=framework())
        assert_same(got, tally(read(data), breakdowns=[Gender()]))
        assert got.n[:, :, 0].sum() == 0
        assert got.unclassified.tolist() == [[4]]

    def test_names_with_marks_that_lead_elsewhere_in_sql(self, engine):
        asked = oms.Framework(
            "odd", [oms.Question(i, i) for i in ("1.1", 'q"2', "select", "k0", "rows")]
        )
        data = {"case_id": [1, 2, 3], "unit": ["A", "B", "A"], "gender": ["f", "m", None]}
        data |= {q.id: [True, None, i % 2 == 0] for i, q in enumerate(asked.questions)}
        cases = oms.CaseSet.from_data(data, framework=asked)
        got = tally(table_in(engine, data), by="unit", breakdowns=[Gender()], framework=asked)
        assert_same(got, tally(cases, by="unit", breakdowns=[Gender()]))

    def test_labels_that_only_sql_would_mind(self, engine):
        class Odd(oms.Breakdown):
            key = "odd"
            groups = ("it's", "", "a;b")

        data = frame(rows=4, odd=["it's", "", "a;b", None])
        got = tally(table_in(engine, data), breakdowns=[Odd()], framework=framework())
        assert_same(got, tally(read(data), breakdowns=[Odd()]))
        assert got.cases.tolist() == [[1, 1, 1]]

    def test_questions_that_are_asked_for(self, engine):
        data = frame(rows=4)
        options: dict[str, Any] = {"breakdowns": [Gender()], "questions": ["q1"]}
        got = tally(table_in(engine, data), framework=framework(), **options)
        assert_same(got, tally(read(data), **options))

    def test_an_enumeration_keeps_its_order_of_units(self, engine):
        data = spelled_out(frame(rows=4))
        if engine == "Polars":
            source = table_in(engine, data).with_columns(pl.col("unit").cast(pl.Enum(["B", "A"])))
        else:
            source = table_in(engine, data).project("* REPLACE (unit::ENUM('C', 'B', 'A') AS unit)")
        got = tally(source, by="unit", breakdowns=[Gender()], framework=framework())
        assert got.units == ("B", "A")

    def test_an_expression_and_a_column_label_alike_in_memory(self):
        class Plain(oms.Breakdown):
            key = "gender"
            groups = ("f", "m")

        class Written(Plain):
            def expression(self) -> Any:
                return nw.when(nw.col("gender").is_in(["f", "m"])).then(nw.col("gender"))

        cases = read(frame(gender=["f", None, "m", "m"]))
        assert Plain().codes(cases).tolist() == Written().codes(cases).tolist() == [0, -1, 1, 1]

    def test_an_expression_over_a_stratum_of_the_same_name(self, engine):
        """In memory the codes of the stratum are at hand, and must not be taken for the labels."""

        class Swapped(Gender):
            def expression(self) -> Any:
                return nw.when(nw.col("gender") == "f").then(nw.lit("m")).otherwise(nw.lit("f"))

        data = frame(gender=["f", "f", "f", "m"])
        got = tally(table_in(engine, data), breakdowns=[Swapped()], framework=framework())
        assert got.cases.tolist() == [[1, 3]]
        assert_same(got, tally(read(data), breakdowns=[Swapped()]))

    def test_what_a_subclass_writes_takes_the_place_of_its_parents(self, engine):
        class Written(Gender):
            def expression(self) -> Any:
                return nw.col("gender")

        class Coded(Written):
            def classify(self, cases: Any) -> Any:
                return ["m"] * len(cases)

        class Again(Coded):
            def expression(self) -> Any:
                return nw.col("gender")

        data = frame(gender=["f", "f", "f", "m"])
        cases, source = read(data), table_in(engine, data)
        assert tally(cases, breakdowns=[Coded()]).cases.tolist() == [[0, 4]]
        with pytest.raises(oms.DataError, match="Coded labels cases in Python"):
            tally(source, breakdowns=[Coded()], framework=framework())
        got = tally(source, breakdowns=[Again()], framework=framework())
        assert got.cases.tolist() == [[3, 1]]
        assert_same(got, tally(cases, breakdowns=[Again()]))


def typed(name: str) -> pa.DataType:
    return pa.bool_() if name.startswith("q") else pa.string()


class TestATableThatChanges:
    def test_queries_that_see_different_answers_are_refused(self, monkeypatch):
        """Random answers, and so many units that every breakdown takes a query of its own."""
        monkeypatch.setattr(sums, "_MAX_ROWS", 1)
        data = random_frame(5, 300, units=20)
        relation = table_in("DuckDB", data).project(
            "* REPLACE (CASE WHEN random() < 0.5 THEN TRUE END AS q0)"
        )

        class Again(Gender):
            key = "again"
            column = "gender"

        with pytest.raises(oms.DataError, match="counted different answers"):
            tally(relation, by="unit", breakdowns=[Gender(), Again()], framework=framework())


class TestOnlyCountsComeBack:
    def test_is_told_by_the_source(self):
        data = frame()
        assert is_engine(table_in("Polars", data))
        assert is_engine(table_in("DuckDB", data))
        assert is_engine(nw.from_native(table_in("Polars", data)))
        assert is_engine(nw.from_native(table_in("DuckDB", data)))
        for other in (data, pa.table(data), pl.DataFrame(data), read(data), "a.parquet", None):
            assert not is_engine(other)

    def test_a_file_is_never_read_into_this_process(self, engine, tmp_path, monkeypatch):
        rows, units = 5_000, 7
        path = tmp_path / "cases.parquet"
        data = with_tenure(random_frame(3, rows, units=units))
        pq.write_table(pa.table(data), path)
        source = pl.scan_parquet(path) if engine == "Polars" else duckdb.read_parquet(str(path))
        brought: list[int] = []
        collect = Source.collect

        def watched(self: Source, query: Any) -> pa.Table:
            table = collect(self, query)
            brought.append(table.num_rows)
            return table

        monkeypatch.setattr(Source, "collect", watched)
        got = tally(source, by="unit", breakdowns=SPLITS, framework=framework(3))
        monkeypatch.undo()
        cases = oms.CaseSet.from_data(data, framework=framework(3))
        assert_same(got, tally(cases, by="unit", breakdowns=SPLITS))
        # The check, then four counting queries; seven breakdowns would make seven.
        assert brought[0] == 1
        assert len(brought) < 1 + len(SPLITS)
        assert max(brought) <= 4_096
        assert len(source.collect() if engine == "Polars" else source.fetchall()) == rows

    def test_queries_do_not_grow_with_questions(self, engine, monkeypatch):
        asked: list[int] = []
        collect = Source.collect

        def watched(self: Source, query: Any) -> pa.Table:
            asked.append(1)
            return collect(self, query)

        monkeypatch.setattr(Source, "collect", watched)
        for questions in (1, 30):
            data = frame(rows=8, questions=questions)
            data |= {f"q{i}": [1, 0, None, 1] * 2 for i in range(questions)}
            tally(
                table_in(engine, data), breakdowns=[Gender(), Harm()],
                framework=framework(questions),
            )  # fmt: skip
        assert len(asked) == 4

    def test_batches_are_as_large_as_results_stay_small(self):
        labels = tuple(Labels(split, None, split.key) for split in BREAKDOWNS)
        assert [one.cells for one in labels] == [4, 3, 3, 5, 3]
        assert [len(batch) for batch in query_batches(labels, 1)] == [5]
        assert [len(batch) for batch in query_batches(labels, 30)] == [3, 2]
        assert [len(batch) for batch in query_batches(labels, 10_000)] == [1] * 5
        assert list(query_batches((), 30)) == [()]

    def test_large_counts_stay_exact(self, engine):
        """Sums that a float of 32 bits would round, of an engine's own widest numbers."""
        rows = 20_000
        data = {
            "case_id": np.arange(rows),
            "unit": ["A"] * rows,
            "gender": ["f"] * rows,
            **{f"q{i}": np.ones(rows, bool) for i in range(40)},
        }
        asked = oms.Framework("wide", [oms.Question(f"q{i}", "q") for i in range(40)])
        got = sum_engine(table_in(engine, data), asked, (Gender(),), {"all": asked.question_ids})
        # All cases have 40 of 40, and none an answer that is not sufficient.
        of_fewer = [0] * 39
        assert got.sizes[0, 0].tolist() == [
            *(*of_fewer, rows), *(*of_fewer, 40 * rows), *(*of_fewer, 1600 * rows), rows, 0,
        ]  # fmt: skip


def refused(source: Any, *words: str, count: int = 1, **options: Any) -> oms.DataError:
    """Count what must be refused, with so many problems and these words."""
    chosen = {"breakdowns": [Gender()], "framework": framework(), **options}
    with pytest.raises(oms.DataError) as caught:
        tally(source, **chosen)
    text = str(caught.value)
    for word in words:
        assert word in text, text
    assert len(caught.value.problems) == count, text
    for problem in caught.value.problems:
        assert problem.where
        assert problem.hint.endswith(".")
    return caught.value


class TestBadInput:
    def test_a_framework_is_needed(self, engine):
        with pytest.raises(oms.UsageError, match="framework="):
            tally(table_in(engine, frame()))
        with pytest.raises(oms.UsageError, match="framework="):
            sum_engine(table_in(engine, frame()), None, (), {"q0": ["q0"]})

    def test_missing_columns(self, engine):
        data = frame(q1=None, unit=None, tier=None)
        refused(table_in(engine, data), "'unit'", "'tier'", "'q1'", count=3)

    def test_columns_of_another_kind(self, engine):
        data = frame(q0=["yes", "no", None, "yes"], gender=[1, 2, 1, 2], unit=[1, 2, 1, 2])
        data["case_id"] = [0.5, 1.5, 2.5, 3.5]
        refused(
            table_in(engine, data),
            "case_id: ids must be text or whole numbers; found a column of type Float64",
            "unit: unit ids must be text; found a column of type Int64",
            "gender: allowed levels are 'f', 'm'",
            "q0: answers must be true, false, 0, 1 or null",
            f"a column of type String in {engine}",
            "breakdown 'gender': labels",
            count=5,
        )

    @pytest.mark.parametrize("kind", [pa.int64(), pa.float64()])
    def test_answers_of_other_numbers(self, engine, kind):
        data = frame(q0=pa.array([2, 1, 0, 7], kind), q1=pa.array([None, 1, 3, 0], kind))
        refused(
            table_in(engine, data),
            f"q0: answers must be true, false, 0, 1 or null; found 2 to 7 in 2 rows in {engine}",
            f"found 3 in 1 row in {engine}",
            count=2,
        )

    def test_answers_between_and_beyond(self, engine):
        data = frame(q0=[0.5, float("-inf"), 1.0, float("nan")])
        refused(table_in(engine, data), "found -inf to 0.5 in 2 rows")

    def test_unknown_levels_and_labels(self, engine):
        class Homes(oms.Breakdown):
            key = "homes"
            groups = ("owned",)

        data = frame(gender=["x", "f", "y", "x"], homes=["owned", "let", None, "squat"])
        refused(
            table_in(engine, data),
            f"are 'f', 'm', or null for unknown; found 'x', 'y' in 3 rows in {engine}",
            "breakdown 'homes': groups are 'owned'; ",
            f"found labels 'let', 'squat' in 2 rows in {engine}",
            count=2,
            breakdowns=[Gender(), Homes()],
        )

    def test_many_unknown_levels_are_shortened(self, engine):
        data = frame(rows=40, gender=[f"g{i:02}" for i in range(40)])
        refused(table_in(engine, data), "'g00', 'g01', 'g02', 'g03', 'g04' and more in 40 rows")

    def test_a_stratum_that_no_breakdown_uses(self, engine):
        refused(table_in(engine, frame(tier=["1", "9", "2", "3"])), "tier: ", "'9' in 1 row")

    def test_a_label_called_all_under_a_complement(self, engine):
        class Homes(oms.Breakdown):
            key = "homes"
            groups = ("owned", "all")
            contrast = "complement"

        data = frame(homes=["owned", "anything", None, "all"])
        refused(table_in(engine, data), "labels 'all' in 1 row", breakdowns=[Homes()])

    def test_units_that_are_null_or_reserved(self, engine):
        refused(table_in(engine, frame(unit=["A", None, "all", None])), "2 null", "'all'", count=2)

    def test_ids_that_are_null_or_repeated(self, engine):
        data = frame(case_id=["a", "b", None, "b"])
        error = refused(
            table_in(engine, data), "1 null", f"more than once in {engine}: 'b'", count=2
        )
        assert {p.where for p in error.problems} == {"case_id"}
        refused(table_in(engine, frame(case_id=[1, 1, 2, 2])), "1, 2")
        # One null id is no repetition.
        refused(table_in(engine, frame(case_id=["a", "b", None, "c"])), "1 null")

    def test_ids_need_not_be_looked_at(self, engine):
        for ids in (["a", "a", None, None], None):
            source = table_in(engine, frame(case_id=ids))
            got = sum_engine(source, framework(), (), {"q0": ["q0"]}, check_ids=False)
            assert got.cases.sum() == 4

    def test_the_mark_of_synthetic_cases_stays_without_a_look_at_ids(self, engine):
        source = table_in(engine, frame(case_id=["SYN-1", "SYN-1", "SYN-2", "x"]))
        got = sum_engine(source, framework(), (), {"q0": ["q0"]}, check_ids=False)
        assert got.metadata == MARK

    def test_breakdowns_that_no_engine_can_evaluate_are_named_together(self, engine):
        class Other(InPython):
            key = "other"

        class Nowhere(oms.Breakdown):
            key = "nowhere"
            groups = ("a",)

        class NoText(oms.Breakdown):
            key = "no_text"
            groups = ("a",)

            def expression(self) -> Any:
                return nw.col("q0")

        class Broken(NoText):
            key = "broken"

            def expression(self) -> Any:
                return nw.col("not there")

        class Foreign(NoText):
            key = "foreign"

            def expression(self) -> Any:
                return pl.col("gender")

        refused(
            table_in(engine, frame()),
            f"breakdown 'in_python': {engine} needs a column",
            "Other labels cases in Python",
            "breakdown 'nowhere'",
            "none called 'nowhere'",
            "breakdown 'no_text'",
            "an expression of type Boolean",
            "breakdown 'broken'",
            f"{engine} says",
            "breakdown 'foreign'",
            count=6,
            breakdowns=[InPython(), Other(), Nowhere(), NoText(), Broken(), Foreign(), Gender()],
        )

    def test_an_expression_that_memory_cannot_evaluate(self):
        class Broken(oms.Breakdown):
            key = "broken"
            groups = ("a",)

            def expression(self) -> Any:
                return nw.col("not there")

        class Foreign(Broken):
            key = "foreign"

            def expression(self) -> Any:
                return "gender"

        class NoText(Broken):
            key = "no_text"

            def expression(self) -> Any:
                return nw.col("q0")

        for split, word in ((Broken(), "not there"), (Foreign(), "'gender'"), (NoText(), "labels")):
            with pytest.raises(oms.DataError, match=word) as caught:
                tally(read(), breakdowns=[split])
            assert caught.value.problems[0].where == f"breakdown {split.key!r}"

    def test_every_problem_is_in_one_error(self, engine):
        data = frame(q0=[2, 1, 0, None], q1=None, gender=["x", "f", "m", "f"], case_id=[1, 1, 2, 3])
        refused(
            table_in(engine, data), "'q1'", "found 2", "'x'", "more than once", "in_python",
            count=5, breakdowns=[Gender(), InPython()],
        )  # fmt: skip


class TestEnginesThatFail:
    def test_a_closed_connection(self):
        connection = duckdb.connect()
        connection.register("arrow", pa.table(frame()))
        source = connection.table("arrow")
        connection.close()
        error = refused(source, "DuckDB: DuckDB", "onnection", "Nothing was counted")
        assert isinstance(error.__cause__, duckdb.Error)

    def test_a_file_that_vanishes(self, engine, tmp_path):
        path = tmp_path / "cases.parquet"
        pq.write_table(pa.table(frame()), path)
        source = pl.scan_parquet(path) if engine == "Polars" else duckdb.read_parquet(str(path))
        path.unlink()
        error = refused(source, f"{engine}: {engine}", "cases.parquet", "Nothing was counted")
        assert error.__cause__ is not None

    def test_a_truncated_file(self, engine, tmp_path):
        path = tmp_path / "cases.parquet"
        pq.write_table(pa.table(random_frame(1, 4_000)), path, compression="none")
        source = pl.scan_parquet(path) if engine == "Polars" else duckdb.read_parquet(str(path))
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        refused(source, f"{engine}: {engine}", framework=framework(3))

    def test_a_value_that_cannot_be_read_half_way(self):
        source = connected().sql(
            "SELECT i AS case_id, 'A' AS unit, 'f' AS gender, NULL::VARCHAR AS supervision, "
            "NULL::VARCHAR AS harm, NULL::VARCHAR AS tier, true AS q0, "
            "CASE WHEN i = 4999 THEN error('row 4999 is damaged') ELSE '1' END::INT AS q1 "
            "FROM range(5000) AS r(i)"
        )
        refused(source, "DuckDB: DuckDB must answer the query", "row 4999 is damaged")

    def test_a_table_that_changes_while_it_is_counted(self, monkeypatch):
        connection = duckdb.connect()
        connection.register("arrow", pa.table(frame()))
        connection.execute("CREATE TABLE cases AS SELECT * FROM arrow")
        collect = Source.collect

        def meddled(self: Source, query: Any) -> pa.Table:
            table = collect(self, query)
            connection.execute("INSERT INTO cases SELECT * REPLACE ('new' AS case_id) FROM arrow")
            return table

        monkeypatch.setattr(Source, "collect", meddled)
        refused(connection.table("cases"), "4 cases checked, 8 counted")
