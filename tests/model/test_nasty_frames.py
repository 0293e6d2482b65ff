"""Frames that nobody would make on purpose: the right counts, or an error that says what to do.

Every frame has the six cases of `BASE`, with one thing changed. Expected counts were worked out by
hand: sufficient and applicable answers to ``q1``.
"""

from __future__ import annotations

import datetime as dt
import enum
import time
import uuid
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import omistats as oms

FRAMEWORK = oms.Framework(
    "six cases",
    [oms.Question("q1", "First"), oms.Question("q2", "Second")],
    [oms.Stratum("sex", ("f", "m"))],
    breakdowns=["sex"],
)
Q = [1, 0, 1, 1, 0, 1]
WITH_NULL = [1, 0, None, 1, 0, 1]
BASE: dict[str, Any] = {
    "case_id": [f"c{i}" for i in range(6)],
    "unit": list("NNNSSS"),
    "sex": ["f", "m", "f", None, "m", "f"],
    "q1": Q,
    "q2": [True, None, False, True, True, False],
}
ALL_SIX, ONE_NULL = (4, 6), (3, 5)
ANSWERS = "answers must be true, false, 0, 1 or null"
LEVELS = "allowed levels are 'f', 'm', or null"
ALIKE = "differ only in case, blanks or forms of a character are one unit"
NAMELESS = "a unit needs a name"
RESERVED = "'all' is reserved"
ONE_TYPE = "a column must hold values of one type"
NOT_A_FRAME = "expected a data frame with one row per case"

Expected = tuple[int, int] | str


class Colour(enum.Enum):
    RED = 1


class Hostile:
    """A value that cannot be compared or written."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __repr__(self) -> str:
        raise RuntimeError("no text")


class Frame(pd.DataFrame):
    """A class of its own, as geopandas has."""

    @property
    def _constructor(self) -> type[Frame]:
        return Frame


def objects(*values: Any) -> pd.Series:
    return pd.Series(list(values), dtype=object)


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(BASE).assign(**columns)


def table(**columns: Any) -> pa.Table:
    return pa.table({**BASE, **columns})


def polars(**columns: Any) -> pl.DataFrame:
    return pl.DataFrame(BASE).with_columns(**columns)


_CONNECTIONS: list[duckdb.DuckDBPyConnection] = []


def query(sql: str) -> duckdb.DuckDBPyRelation:
    connection = duckdb.connect()
    # The oldest supported version closes a connection that nothing else holds.
    _CONNECTIONS.append(connection)
    connection.register("t", table())
    return connection.sql(sql)


def changed(make: Callable[..., Any], **column: Any) -> Callable[[], Any]:
    """Delay making a frame, so that a test names it before it is made."""
    return lambda: make(**{name: value() for name, value in column.items()})


ANSWER_COLUMNS: dict[str, tuple[Callable[[], Any], Expected]] = {
    "int8": (lambda: np.array(Q, np.int8), ALL_SIX),
    "uint64": (lambda: np.array(Q, np.uint64), ALL_SIX),
    "float16": (lambda: np.array(Q, np.float16), ALL_SIX),
    "long double": (lambda: np.array(Q, np.longdouble), ALL_SIX),
    "nullable Int64": (lambda: pd.array(WITH_NULL, dtype="Int64"), ONE_NULL),
    "nullable Float64": (lambda: pd.array(WITH_NULL, dtype="Float64"), ONE_NULL),
    "nullable boolean": (lambda: pd.array(WITH_NULL, dtype="boolean"), ONE_NULL),
    "masked array": (lambda: np.ma.array(Q, mask=[0, 0, 1, 0, 0, 0]).tolist(), ONE_NULL),
    "Arrow Booleans": (
        lambda: pd.Series([True, False, None, True, False, True], dtype="bool[pyarrow]"),
        ONE_NULL,
    ),
    "Arrow decimals": (
        lambda: pd.Series(
            [None if v is None else Decimal(v) for v in WITH_NULL],
            dtype=pd.ArrowDtype(pa.decimal128(5, 2)),
        ),
        ONE_NULL,
    ),
    "categories of truth": (lambda: pd.Categorical([True, False, None] * 2), (2, 4)),
    "categories of 0 and 1": (lambda: pd.Categorical(Q), ALL_SIX),
    "categories of 0.0 and 1.0": (lambda: pd.Categorical([1.0, 0.0, None] * 2), (2, 4)),
    "categories of several types": (
        lambda: pd.Categorical(objects(True, 0, None, 1.0, 0, 1)),
        ONE_NULL,
    ),
    "an unused category": (lambda: pd.Categorical(Q, categories=[0, 1, 9]), ALL_SIX),
    "a category of 2": (lambda: pd.Categorical([1, 0, 2, 1, 0, 1]), f"{ANSWERS}.*categories: 2 in"),
    "categories of text": (lambda: pd.Categorical(["Yes", "No"] * 3), r"map\(\{'Yes': True, 'No'"),
    "categories of digits": (lambda: pd.Categorical(["1", "0"] * 3), r"map\(\{'1': True, '0'"),
    "decimals": (
        lambda: objects(Decimal(1), Decimal(0), None, Decimal("1.0"), Decimal("0.00"), Decimal(1)),
        ONE_NULL,
    ),
    "decimals among others": (
        lambda: objects(Decimal(1), 0, None, 1.0, np.False_, np.int8(1)),
        ONE_NULL,
    ),
    "half a decimal": (lambda: objects(Decimal("0.5"), *Q[1:]), r"Decimal\('0.5'\) in 1 row"),
    "nearly one": (
        lambda: objects(Decimal("1.00000000000000000000000001"), *Q[1:]),
        f"{ANSWERS}.*in 1 row",
    ),
    "a huge decimal": (lambda: objects(Decimal(10) ** 60, *Q[1:]), ANSWERS),
    "fractions": (lambda: objects(Fraction(1), *Q[1:]), ALL_SIX),
    "sparse": (lambda: pd.arrays.SparseArray(Q), ALL_SIX),
    "sparse with nulls": (lambda: pd.arrays.SparseArray([1.0, 0, np.nan, 1, 0, 1]), ONE_NULL),
    "objects with every null": (
        lambda: objects(True, False, None, np.nan, pd.NA, True),
        (2, 3),
    ),
    "truth of NumPy and of Python": (lambda: objects(np.True_, False, None, True, 0, 1), ONE_NULL),
    "digits": (lambda: ["1", "0"] * 3, r"map\(\{'1': True, '0': False\}\)"),
    "bytes": (lambda: [b"1", b"0"] * 3, ANSWERS),
    "text among numbers": (
        lambda: objects(True, "no", None, 3, 1, 0),
        f"{ONE_TYPE}.*bool, int, str",
    ),
    "complex": (lambda: [1 + 0j] * 6, "text, or numbers of at most 64 bits.*complex"),
    "all NaN": (lambda: [np.nan] * 6, (0, 0)),
    "all NaT": (lambda: [pd.NaT] * 6, (0, 0)),
    "all null text": (lambda: pd.array([None] * 6, dtype="string"), (0, 0)),
    "infinite": (lambda: [np.inf] * 6, f"{ANSWERS}.*inf"),
    "a huge number": (lambda: objects(2**70, *Q[1:]), f"{ANSWERS}.*1180591620717411303424 in 1"),
    "dates": (lambda: pd.to_datetime(["1970-01-01"] * 6), ANSWERS),
    "durations": (lambda: pd.to_timedelta([1] * 6), ANSWERS),
    "periods": (lambda: pd.period_range("1970", periods=6, freq="Y"), "found Period"),
    "hostile": (lambda: objects(Hostile(), *Q[1:]), f"{ONE_TYPE}.*Hostile, int"),
    "members": (lambda: [Colour.RED] * 6, "found Colour"),
}

UNIT_COLUMNS: dict[str, tuple[Callable[[], Any], Expected]] = {
    "empty": (lambda: ["", *"NNNSS"], NAMELESS),
    "blank": (lambda: [" \t", *"NNNSS"], NAMELESS),
    "nothing to see": (lambda: ["\u200b", *"NNNSS"], f"{NAMELESS}.*u200b"),
    "null as text": (lambda: ["nan", "<NA>", *"NNSS"], f"{NAMELESS}; found 'nan', '<NA>'"),
    "a blank that is none": (lambda: ["N", "N\xa0", *"NSSS"], ALIKE),
    "a blank behind": (lambda: ["N", "N ", *"NSSS"], rf"{ALIKE}.*replace\(\{{'N ': 'N'\}}\)"),
    "a small letter": (lambda: ["N", "n", *"NSSS"], rf"{ALIKE}.*replace\(\{{'n': 'N'\}}\)"),
    "a line end": (lambda: ["N\n", *"NNSSS"], ALIKE),
    "a tab within": (lambda: ["N\t1", "N 1", *"NSSS"], ALIKE),
    "forms of an accent": (lambda: ["Malmö", "Malmo\u0308", *"NSSS"], rf"{ALIKE}.*Malmo\\u0308"),
    "full width": (lambda: ["\uff2e", *"NNSSS"], rf"{ALIKE}.*uff2e': 'N'"),
    "ligature": (lambda: ["\ufb01eld", "field", *"NSSS"], ALIKE),
    "dashes": (lambda: ["A-1", "A\u20131", *"NSSS"], ALIKE),
    "letters of another alphabet": (lambda: ["\u041d", "H", *"NSSS"], ALL_SIX),
    "the reserved name": (lambda: ["all", *"NNNSS"], RESERVED),
    "the reserved name in capitals": (lambda: ["All", *"NNNSS"], f"{RESERVED}.*'All'"),
    "the reserved name with blanks": (lambda: [" ALL ", *"NNNSS"], RESERVED),
    "null": (lambda: [None, *"NNNSS"], "every case needs a unit; found 1 null"),
    "numbers": (lambda: [1] * 6, "unit ids must be text"),
    "text and numbers": (lambda: objects("N", 1, *"NSSS"), ONE_TYPE),
    "a lone surrogate": (lambda: objects("\ud800", *"NNSSS"), "text must be UTF-8"),
    "unused categories": (
        lambda: pd.Categorical(BASE["unit"], categories=["S", "N", "n", "", "all"]),
        ALL_SIX,
    ),
    "categories that look alike": (lambda: pd.Categorical(["N", "N ", *"NSSS"]), ALIKE),
    "very long": (lambda: ["x" * 100_000] * 6, ALL_SIX),
    "periods": (lambda: pd.period_range("2020", periods=6, freq="M"), "found Period"),
}

ID_COLUMNS: dict[str, tuple[Callable[[], Any], Expected]] = {
    "empty": (lambda: ["", *"abcde"], "every case needs an id; found 1 blank"),
    "blank": (lambda: ["\t", " ", *"abcd"], "every case needs an id; found 2 blank"),
    "nothing to see": (lambda: ["\u200b\u200d", *"abcde"], "found 1 blank"),
    "twice": (lambda: ["a", "a", *"bcde"], "ids must be unique"),
    "twice as categories": (lambda: pd.Categorical(list("abcdea")), "ids must be unique"),
    "beyond ASCII": (lambda: [f"\u03b1{i}" for i in range(6)], ALL_SIX),
    "above 2**63": (lambda: np.arange(6, dtype=np.uint64) + 2**63, ALL_SIX),
    "above 2**64": (lambda: objects(*(2**70 + i for i in range(6))), "at most 64 bits"),
    "with a fraction": (lambda: np.arange(6) / 2, "ids must be text or whole numbers"),
    "text and numbers": (lambda: objects("a", 1, 2, 3, 4, 5), ONE_TYPE),
    "truth": (lambda: [True] * 6, "ids must be text or whole numbers"),
    "dates": (lambda: pd.date_range("2020", periods=6), "ids must be text or whole numbers"),
    "unique objects": (
        # Some versions of the libraries have a type for them.
        lambda: [uuid.UUID(int=i) for i in range(6)],
        "ids must be text or whole|a column must hold text, or numbers",
    ),
}

LEVEL_COLUMNS: dict[str, tuple[Callable[[], Any], Expected]] = {
    "capitals": (lambda: ["F", "M"] * 3, rf"{LEVELS}.*'F': 'f', 'M': 'm'\}} may be meant"),
    "a blank behind": (lambda: ["f ", "m"] * 3, r"'f ': 'f'\} may be meant"),
    "empty": (lambda: ["", "f"] * 3, LEVELS),
    "numbers": (lambda: [1, 2] * 3, f"{LEVELS}.*whole numbers: 1, 2"),
    "categories of numbers": (lambda: pd.Categorical([1, 2] * 3), f"{LEVELS}.*categories: 1, 2"),
    "text and numbers": (lambda: objects("f", 1, *"mfmf"), ONE_TYPE),
    "bytes": (lambda: [b"f"] * 6, LEVELS),
    "categories in another order": (
        lambda: pd.Categorical(BASE["sex"], categories=["m", "unused", "f"]),
        ALL_SIX,
    ),
    "all NaN": (lambda: [np.nan] * 6, ALL_SIX),
    "all null text": (lambda: pd.array([None] * 6, dtype="string"), ALL_SIX),
}

MORE_COLUMNS: dict[str, tuple[Callable[[], Any], str]] = {
    "categories of intervals": (lambda: pd.cut(range(6), [-1, 2, 6]), "(-1, 2]"),
    "intervals": (lambda: pd.interval_range(0, 6), "(0, 1]"),
    "periods": (lambda: pd.period_range("2020", periods=6, freq="M"), "2020-01"),
    "several types": (lambda: objects("see file", 3, None, 2.5, True, b"x"), "see file"),
    "huge numbers": (lambda: [2**70] * 6, "1180591620717411303424"),
    "nested lists": (lambda: [[1, "a"]] * 6, "[1, 'a']"),
    "complex": (lambda: [1j] * 6, "1j"),
    "mappings": (lambda: [{"a": 1}, {"a": "x"}] * 3, "{'a': 1}"),
    "arrays": (lambda: objects(*[np.zeros((1, 2))] * 6), "[[0. 0.]]"),
    "members": (lambda: [Colour.RED] * 6, "Colour.RED"),
    "hostile": (lambda: objects(*[Hostile()] * 6), "a value of type Hostile"),
    "lone surrogates": (lambda: objects("a\ud800", *"bcdef"), "a\\ud800"),
    "numbers among dates": (
        lambda: objects(dt.date(1990, 1, 1), 2005, None, *[dt.date(1991, 1, 1)] * 3),
        "1990-01-01",
    ),
    "categories of dates and numbers": (
        lambda: pd.Categorical(objects(dt.date(1990, 1, 1), *[2005] * 5)),
        "1990-01-01",
    ),
    "long doubles": (lambda: np.arange(6, dtype=np.longdouble), "0.0"),
    "functions": (lambda: [len] * 6, "<built-in function len>"),
    "structures": (lambda: list(np.zeros(6, [("a", "i4")])), "(0,)"),
}

KEPT_COLUMNS: dict[str, Callable[[], Any]] = {
    "sparse text": lambda: pd.arrays.SparseArray(["a", "b"] * 3),
    "time zones": lambda: pd.date_range("2020", periods=6, tz="Europe/London"),
    "durations": lambda: pd.to_timedelta(range(6)),
    "categories of times": lambda: pd.Categorical([pd.Timestamp("2020")] * 6),
    "unique objects": lambda: [uuid.UUID(int=i) for i in range(6)],
    "sets": lambda: [{1}] * 6,
    "very long text": lambda: ["x" * 1_000_000] * 6,
    "decimals": lambda: [Decimal("0.5")] * 6,
}

PANDAS_FRAMES: dict[str, tuple[Callable[[], Any], Expected]] = {
    "index of two levels": (
        lambda: frame().set_index(["unit", "case_id"], drop=False),
        ALL_SIX,
    ),
    "ids in the index": (lambda: frame().set_index("case_id"), r"reset_index\(\)"),
    "columns of two levels": (
        lambda: frame().set_axis(pd.MultiIndex.from_product([["a"], list(BASE)]), axis=1),
        "none called 'case_id', 'unit'",
    ),
    "a column twice": (lambda: pd.concat([frame(), frame()[["q1"]]], axis=1), "must be unique"),
    "a mixed column twice": (
        lambda: pd.concat(
            [frame(x=objects(1, *"abcde")), frame(x=objects(1, *"abcde"))[["x"]]], axis=1
        ),
        "must be unique; found 'x'",
    ),
    "a number as name": (lambda: frame(x=1).rename(columns={"x": 5}), ALL_SIX),
    "capitals as names": (
        lambda: frame().rename(columns={"case_id": "Case ID", "sex": " SEX", "q1": "Q-1"}),
        "(?s)Rename 'Case ID' to 'case_id'.*Rename ' SEX' to 'sex'.*Rename 'Q-1' to 'q1'",
    ),
    "no rows": (lambda: frame().iloc[:0], (0, 0)),
    "one row": (lambda: frame().iloc[:1], (1, 1)),
    "every other row, backwards": (lambda: frame().iloc[::-2], (2, 3)),
    "no columns": (pd.DataFrame, "none called 'case_id', 'unit'"),
    "rows without columns": (lambda: pd.DataFrame(index=range(6)), "none called 'case_id', 'unit'"),
    "a class of its own": (lambda: Frame(BASE), ALL_SIX),
    "a Series": (lambda: pd.Series([1, 2]), NOT_A_FRAME),
}

DICTS: dict[str, tuple[Callable[[], Any], Expected]] = {
    "Series of one index": (lambda: dict(frame().set_axis(list("uvwxyz"))), ALL_SIX),
    "a Series in another order": (
        lambda: {**dict(frame()), "q1": pd.Series(Q)[::-1]},
        ALL_SIX,
    ),
    "Series with other labels": (
        lambda: {**BASE, "q1": pd.Series(Q, list("abcdef")), "q2": pd.Series(Q, list("uvwxyz"))},
        "q2: a Series goes by its index",
    ),
    "one text": (lambda: {**BASE, "unit": "North"}, f"{NOT_A_FRAME}.*'unit' is of type str"),
    "one number": (lambda: {**BASE, "unit": 5}, "'unit' is of type int"),
    "a set": (lambda: {**BASE, "unit": set("abcdef")}, "'unit' is of type set"),
    "a generator": (lambda: {**BASE, "q1": (v for v in Q)}, ALL_SIX),
    "another length": (lambda: {**BASE, "q1": [1]}, NOT_A_FRAME),
    "a mixed column of another length": (lambda: {**BASE, "x": [1, "a"]}, "'x' has 2 rows"),
    "a matrix": (lambda: {**BASE, "q1": np.ones((6, 1))}, ANSWERS),
    "a masked array": (lambda: {**BASE, "q1": np.ma.array(Q, mask=[0, 0, 1, 0, 0, 0])}, ONE_NULL),
    "a Polars column": (lambda: {**BASE, "q1": pl.Series(Q)}, ALL_SIX),
    "an index": (lambda: {**BASE, "q1": pd.Index(Q)}, ALL_SIX),
    "a structured array": (lambda: np.zeros(3, [("case_id", "i4")]), NOT_A_FRAME),
}

ARROW_TABLES: dict[str, tuple[Callable[[], Any], Expected]] = {
    "a slice": (lambda: pa.concat_tables([table(), table()]).slice(6, 6), ALL_SIX),
    "chunks of one row": (
        lambda: pa.concat_tables([table().slice(i, 1) for i in range(6)]),
        ALL_SIX,
    ),
    "no chunks": (
        lambda: pa.table({f.name: pa.chunked_array([], f.type) for f in table().schema}),
        (0, 0),
    ),
    "run-end encoded": (lambda: table(q1=pc.run_end_encode(pa.array(WITH_NULL))), ONE_NULL),
    "run-end encoded units in chunks": (
        lambda: pa.concat_tables(
            [table(unit=pc.run_end_encode(pa.array(BASE["unit"]))).slice(i, 3) for i in (0, 3)]
        ),
        ALL_SIX,
    ),
    "dictionary of numbers": (lambda: table(q1=pa.array(WITH_NULL).dictionary_encode()), ONE_NULL),
    "dictionary with a null": (
        lambda: table(
            q1=pa.DictionaryArray.from_arrays([0, 1, 2, 0, 1, 0], pa.array([1, 0, None]))
        ),
        ONE_NULL,
    ),
    "dictionary with a label twice": (
        lambda: table(unit=pa.DictionaryArray.from_arrays([0, 1, 2] * 2, ["N", "S", "N"])),
        ALL_SIX,
    ),
    "dictionaries that differ by chunk": (
        lambda: pa.concat_tables(
            [
                table(unit=pa.array(names * 2).dictionary_encode()).slice(0, 3)
                for names in (["N", "n", "S"], ["S", "N", "N"])
            ]
        ),
        ALIKE,
    ),
    "text views": (lambda: table(unit=pa.array(BASE["unit"], pa.string_view())), ALL_SIX),
    "binary views": (lambda: table(x=pa.array([b"a"] * 6, pa.binary_view())), ALL_SIX),
    "large text": (lambda: table(unit=pa.array(BASE["unit"], pa.large_string())), ALL_SIX),
    "Booleans of a byte": (
        lambda: table(
            q1=pa.ExtensionArray.from_storage(pa.bool8(), pa.array(WITH_NULL, pa.int8()))
        ),
        ONE_NULL,
    ),
    "half floats": (lambda: table(q1=pa.array(np.array(Q, np.float16))), ALL_SIX),
    "decimals of 32 bits": (
        lambda: table(q1=pa.array(list(map(Decimal, Q)), pa.decimal32(5, 2))),
        ALL_SIX,
    ),
    "decimals of 256 bits": (
        lambda: table(q1=pa.array(list(map(Decimal, Q)), pa.decimal256(60, 2))),
        ALL_SIX,
    ),
    "a union": (
        lambda: table(
            x=pa.UnionArray.from_sparse(
                pa.array([0, 1] * 3, pa.int8()), [pa.array(range(6)), pa.array(list("abcdef"))]
            )
        ),
        ALL_SIX,
    ),
    "a map": (
        lambda: table(x=pa.array([[("a", 1)]] * 6, pa.map_(pa.string(), pa.int64()))),
        ALL_SIX,
    ),
    "list views": (lambda: table(x=pa.array([[1]] * 6, pa.list_view(pa.int64()))), ALL_SIX),
    "months, days and nanoseconds": (
        lambda: table(x=pa.array([(1, 2, 3)] * 6, pa.month_day_nano_interval())),
        ALL_SIX,
    ),
    "text that is not UTF-8": (
        lambda: table(x=pa.Array.from_buffers(pa.string(), 6, pa.array([b"\xff"] * 6).buffers())),
        "x: text must be UTF-8",
    ),
    "one batch": (lambda: table().to_batches()[0], ALL_SIX),
    "a reader": (lambda: table().to_reader(), ALL_SIX),
    "a struct": (lambda: table().to_struct_array(), ALL_SIX),
}

POLARS_FRAMES: dict[str, tuple[Callable[[], Any], Expected]] = {
    "128-bit numbers": (lambda: polars(x=pl.lit(2**100, pl.Int128)), ALL_SIX),
    "128-bit answers": (lambda: polars(q1=pl.Series(Q, dtype=pl.Int128)), ALL_SIX),
    "128-bit numbers, lazily": (lambda: polars(x=pl.lit(2**100, pl.Int128)).lazy(), ALL_SIX),
    "objects": (
        lambda: polars(x=pl.Series([Hostile(), 1, "a", None, 2, 3], dtype=pl.Object)),
        ALL_SIX,
    ),
    "objects as answers": (
        lambda: polars(q1=pl.Series([True, 0, None, Decimal(1), 0.0, 1], dtype=pl.Object)),
        ONE_NULL,
    ),
    "categories": (lambda: polars(unit=pl.col("unit").cast(pl.Categorical)), ALL_SIX),
    "an enumeration": (lambda: polars(unit=pl.col("unit").cast(pl.Enum(["S", "N", "n"]))), ALL_SIX),
    "decimals": (lambda: polars(q1=pl.Series(Q).cast(pl.Decimal(10, 2))), ALL_SIX),
    "nulls of no type": (lambda: polars(q1=pl.lit(None)), (0, 0)),
    "structs": (lambda: polars(x=pl.struct("q1", "q2")), ALL_SIX),
    "arrays": (lambda: polars(x=pl.Series([[1, 2]] * 6, dtype=pl.Array(pl.Int8, 2))), ALL_SIX),
    "times of day": (lambda: polars(x=pl.lit(dt.time(1)), y=pl.lit(dt.timedelta(1))), ALL_SIX),
    "chunks": (lambda: pl.concat([polars()[:3], polars()[3:]], rechunk=False), ALL_SIX),
    "no rows": (lambda: polars().clear(), (0, 0)),
    "a column": (lambda: polars()["q1"], NOT_A_FRAME),
}

DUCKDB_TABLES: dict[str, tuple[Callable[[], Any], Expected]] = {
    "huge numbers": (lambda: query("select *, 2::hugeint ** 100 as x from t"), ALL_SIX),
    "huge answers": (lambda: query("select * replace (q1::hugeint as q1) from t"), ALL_SIX),
    "decimals": (lambda: query("select * replace (q1::decimal(5, 2) as q1) from t"), ALL_SIX),
    "bits": (lambda: query("select *, '101'::bit as x from t"), ALL_SIX),
    "unions": (lambda: query("select *, union_value(a := 1) as x from t"), ALL_SIX),
    "maps": (lambda: query("select *, map {'a': 1} as x from t"), ALL_SIX),
    "intervals": (lambda: query("select *, interval 1 month as x from t"), ALL_SIX),
    "infinite dates": (lambda: query("select *, 'infinity'::date as x from t"), ALL_SIX),
    "infinite dates as answers": (
        lambda: query("select * replace ('infinity'::date as q1) from t"),
        ANSWERS,
    ),
    "no rows": (lambda: query("select * from t limit 0"), (0, 0)),
    "the reserved name": (lambda: query("select * replace ('All ' as unit) from t"), RESERVED),
    "empty units": (lambda: query("select * replace ('' as unit) from t"), NAMELESS),
}


def flatten() -> dict[str, tuple[Callable[[], Any], Expected]]:
    every: dict[str, tuple[Callable[[], Any], Expected]] = {}
    columns = {
        "q1": ANSWER_COLUMNS,
        "unit": UNIT_COLUMNS,
        "case_id": ID_COLUMNS,
        "sex": LEVEL_COLUMNS,
    }
    for name, made in columns.items():
        for what, (values, expected) in made.items():
            every[f"{name}: {what}"] = (changed(frame, **{name: values}), expected)
    for what, values in KEPT_COLUMNS.items():
        every[f"more: {what}"] = (changed(frame, more=values), ALL_SIX)
    frames = {
        "pandas": PANDAS_FRAMES,
        "dict": DICTS,
        "Arrow": ARROW_TABLES,
        "Polars": POLARS_FRAMES,
        "DuckDB": DUCKDB_TABLES,
    }
    for library, made in frames.items():
        every |= {f"{library}: {what}": one for what, one in made.items()}
    return every


NASTY = flatten()


def count(cases: oms.CaseSet) -> tuple[int, int]:
    """Count the answers to q1 without omistats."""
    given = [v for v in cases["q1"].to_pylist() if v is not None]
    return sum(given), len(given)


def test_there_are_many():
    assert len(NASTY) + len(MORE_COLUMNS) >= 150


@pytest.mark.parametrize("name", NASTY)
def test_right_counts_or_a_clear_error(name):
    make, expected = NASTY[name]
    data = make()
    start = time.perf_counter()
    if isinstance(expected, str):
        with pytest.raises(oms.DataError, match=expected) as caught:
            oms.CaseSet.from_data(data, framework=FRAMEWORK)
        for problem in caught.value.problems:
            assert problem.hint.rstrip().endswith((".", "?"))
    else:
        cases = oms.CaseSet.from_data(data, framework=FRAMEWORK)
        assert count(cases) == expected
        found = oms.recompute(cases, breakdowns=[], questions=["q1"]).table.to_pylist()[0]
        assert (found["k"], found["n"]) == expected
        # Every column outlives a filter and an export.
        half = cases.filter(np.arange(len(cases)) % 2 == 0)
        assert pa.table(half).num_rows == (len(cases) + 1) // 2
        assert pa.table(cases).column_names == list(cases.columns)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("name", MORE_COLUMNS)
def test_a_column_that_arrow_cannot_hold_is_kept_as_text(name):
    values, first = MORE_COLUMNS[name]
    for data in (frame(more=values()), {**BASE, "more": list(values())}):
        cases = oms.CaseSet.from_data(data, framework=FRAMEWORK)
        assert cases.columns == (*BASE, "more")
        assert cases.extra == ("more",)
        assert cases["more"].type == pa.string()
        assert cases["more"][0].as_py() == first
        assert cases.metadata == {b"kept_as_text": b'["more"]'}
        assert count(cases) == ALL_SIX
        assert cases.filter([True, *[False] * 5])["more"].to_pylist() == [first]


def test_nulls_among_mixed_values_stay_null():
    mixed = objects("a", None, np.nan, pd.NA, pd.NaT, 1)
    cases = oms.CaseSet.from_data(frame(more=mixed), framework=FRAMEWORK)
    assert cases["more"].to_pylist() == ["a", None, None, None, None, "1"]


def test_columns_stay_in_their_places():
    data = frame()
    data.insert(0, "first", [1, "a"] * 3)
    data.insert(3, "middle", [2**70] * 6)
    data["last"] = 1
    cases = oms.CaseSet.from_data(data, framework=FRAMEWORK)
    assert cases.extra == ("first", "middle", "last")
    assert cases.metadata[b"kept_as_text"] == b'["first", "middle"]'


@pytest.mark.parametrize("name", DUCKDB_TABLES)
def test_an_engine_counts_the_same(name):
    make, expected = DUCKDB_TABLES[name]
    if isinstance(expected, str):
        with pytest.raises(oms.DataError):
            oms.tally(make(), breakdowns=[], framework=FRAMEWORK)
        return
    found = oms.tally(make(), breakdowns=[], questions=["q1"], framework=FRAMEWORK)
    assert (int(found.k.sum()), int(found.n.sum())) == expected
