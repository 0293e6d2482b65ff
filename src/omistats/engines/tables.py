"""Tables that an engine holds: what they are called, what columns they have, what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import DataError, OmistatsError, Problem, UsageError
from omistats.model.framework import Framework

__all__ = [
    "RENAMED",
    "TABLES",
    "Source",
    "check_all_counted",
    "check_same_totals",
    "is_engine",
    "open_source",
]


# By name, so that no engine is imported in order to find that a source is none of its tables.
TABLES = {
    ("polars", "LazyFrame"): "Polars",
    ("duckdb", "DuckDBPyRelation"): "DuckDB",
    ("_duckdb", "DuckDBPyRelation"): "DuckDB",
    ("pyspark", "DataFrame"): "Spark",
}
"""The engine of each kind of table: package and class to its name in messages."""

_MOST = 400
_AGAIN = "Nothing was counted. Check that the connection is open and the data whole; run it again."


def _engine(source: object) -> str | None:
    """Name the engine of a table, also of one inside a lazy frame of narwhals."""
    kind = type(source)
    package = kind.__module__.partition(".")[0]
    if (package, kind.__name__) == ("narwhals", "LazyFrame"):
        return _engine(source.to_native())  # type: ignore[attr-defined]  # seen by name only
    return TABLES.get((package, kind.__name__))


def is_engine(source: object) -> bool:
    """Tell whether a source is a table of an engine, which counts it where it is.

    Parameters
    ----------
    source : object
        Anything.

    Returns
    -------
    bool
        True for a Polars ``LazyFrame``, a DuckDB relation, a Spark ``DataFrame``, and any of
        them as a narwhals ``LazyFrame``.
    """
    return _engine(source) is not None


@attrs.frozen(eq=False)
class Source:
    """A table in an engine.

    Attributes
    ----------
    engine : str
        The engine's name, for messages.
    frame : narwhals.LazyFrame
        The table; nothing of it is read until something is collected.
    kinds : mapping of str to narwhals data type
        Its columns.
    names : mapping of str to str
        What a column is called in ``frame``, where that differs.
    """

    engine: str
    frame: Any
    kinds: Mapping[str, Any]
    names: Mapping[str, str]

    def column(self, name: str) -> Any:
        """Give a column as an expression."""
        import narwhals as nw

        return nw.col(self.names.get(name, name))

    def collect(self, query: Callable[[], Any]) -> pa.Table:
        """Write a query, run it and bring its result here.

        Engines already look at their tables while a query is written.

        Raises
        ------
        DataError
            When the engine fails; what it said is quoted.
        """
        # Polars' other engine holds the flags of all cases at once: twice the memory, up to
        # five times the time for a million cases of 75 questions.
        options = {"engine": "streaming"} if self.engine == "Polars" else {}
        with _engine_errors(self.engine, "answers the query"):
            table: pa.Table = query().collect(backend="pyarrow", **options).to_native()
        return table


def open_source(source: Any, framework: Framework | None) -> Source:
    """Look at a table's columns, and at nothing else.

    Raises
    ------
    UsageError
        When the framework is missing.
    DataError
        When the engine cannot say what columns there are.
    """
    engine = str(_engine(source))
    if framework is None:
        raise UsageError(
            f"a table of {engine} does not say what was asked; pass framework=..., against which "
            "it is checked"
        )
    if not isinstance(framework, Framework):
        raise UsageError(f"`framework` must be a Framework; found {framework!r}")
    import narwhals as nw

    with _engine_errors(engine, "names the columns of the table"):
        native = nw.to_native(source, pass_through=True)
        native, names = _plain(engine, native)
        frame = nw.from_native(native)
        schema = dict(frame.collect_schema())
    kinds = {name: schema[names.get(name, name)] for name in names or schema}
    return Source(engine, frame, kinds, names)


def _plain(engine: str, native: Any) -> tuple[Any, dict[str, str]]:
    """Give columns whose names have a dot or a quotation mark plain ones, where they need them."""
    columns = list(native.columns) if engine in RENAMED else []
    odd = [name for name in columns if any(mark in name for mark in '.`"')]
    if not odd:
        return native, {}
    plain = [f"column {i} of the table" if n in odd else n for i, n in enumerate(columns)]
    return RENAMED[engine](native, plain), dict(zip(columns, plain, strict=True))


def _projected(relation: Any, names: list[str]) -> Any:
    quoted = ['"' + name.replace('"', '""') + '"' for name in relation.columns]
    pairs = zip(quoted, names, strict=True)
    return relation.project(", ".join(f'{old} AS "{new}"' for old, new in pairs))


RENAMED: dict[str, Callable[[Any, list[str]], Any]] = {
    "DuckDB": _projected,
    "Spark": lambda frame, names: frame.toDF(*names),
}
"""How columns get other names, in the engines that need it.

In Spark, and in DuckDB before 2.0, a name with a dot leads into a structure; narwhals does not
quote it. Other engines take every name as it is.
"""


@contextmanager
def _engine_errors(engine: str, does: str) -> Iterator[None]:
    """Turn whatever an engine raises into an error that says which engine, and what it said."""
    try:
        yield
    except OmistatsError:
        raise
    except Exception as error:  # each engine, and its transport, has its own errors
        said = " ".join(str(error).split())
        said = said if len(said) <= _MOST else f"{said[:_MOST]} ..."
        found = f"{type(error).__name__}: {said}"
        raise DataError([Problem(engine, f"{engine} {does}", found, _AGAIN)]) from error


def check_same_totals(source: Source, totals: Sequence[npt.NDArray[np.int64]]) -> None:
    """Refuse counts of several queries that did not see the same answers.

    Raises
    ------
    DataError
        When the totals of two queries differ.
    """
    for number, total in enumerate(totals[1:], 2):
        if not np.array_equal(total, totals[0]):
            raise _changing(source, f"queries 1 and {number} counted different answers")


def check_all_counted(source: Source, counted: int, rows: int) -> None:
    """Refuse counts that do not cover the cases that were checked.

    Raises
    ------
    DataError
        When the numbers differ.
    """
    if counted != rows:
        raise _changing(source, f"{rows:,} cases checked, {counted:,} counted")


def _changing(source: Source, found: str) -> DataError:
    rule = "a table stays as it is while it is checked and counted"
    hint = "Count a snapshot of it, or run it again when nobody writes to it."
    return DataError([Problem(source.engine, rule, found, hint)])
