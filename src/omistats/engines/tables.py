"""Tables held by an engine: recognise, open and query them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import DataError, OmistatsError, Problem, UsageError
from omistats.model.framework import Framework, check_framework

__all__ = [
    "RENAMED",
    "TABLES",
    "Source",
    "check_all_counted",
    "check_same_totals",
    "is_engine",
    "open_source",
]


# By name, so that no engine has to be imported to recognise its tables.
TABLES = {
    ("polars", "LazyFrame"): "Polars",
    ("duckdb", "DuckDBPyRelation"): "DuckDB",
    ("_duckdb", "DuckDBPyRelation"): "DuckDB",
    ("pyspark", "DataFrame"): "Spark",
}
"""The name of the engine for each table class, given by package and class name."""

_MAX_MESSAGE = 400
_RETRY_HINT = "Nothing was counted. Check the connection and the data, and run it again."


def _engine_name(source: object) -> str | None:
    """Return the name of a table's engine, also inside a narwhals lazy frame; else None."""
    kind = type(source)
    package = kind.__module__.partition(".")[0]
    if (package, kind.__name__) == ("narwhals", "LazyFrame"):
        return _engine_name(source.to_native())  # type: ignore[attr-defined]  # seen by name only
    return TABLES.get((package, kind.__name__))


def is_engine(source: object) -> bool:
    """Tell whether a source is a table of an engine.

    Parameters
    ----------
    source : object
        Any object.

    Returns
    -------
    bool
        True for a Polars ``LazyFrame``, a DuckDB relation or a Spark ``DataFrame``, also as a
        narwhals ``LazyFrame``.
    """
    return _engine_name(source) is not None


@attrs.frozen(eq=False)
class Source:
    """A table in an engine.

    Attributes
    ----------
    engine : str
        The engine's name, for messages.
    frame : narwhals.LazyFrame
        The table, which is read only when a query is collected.
    kinds : mapping of str to narwhals data type
        The type of each column.
    names : mapping of str to str
        The names in ``frame`` of renamed columns.
    """

    engine: str
    frame: Any
    kinds: Mapping[str, Any]
    names: Mapping[str, str]

    def column(self, name: str) -> Any:
        """Return a column as an expression."""
        import narwhals as nw

        return nw.col(self.names.get(name, name))

    def collect(self, query: Callable[[], Any]) -> pa.Table:
        """Build a query, run it and fetch its result.

        The query is built here because engines may fail while it is built, too.

        Raises
        ------
        DataError
            When the engine fails; quotes its message.
        """
        # The default engine of Polars needs twice the memory and up to five times the time for
        # a million cases of 75 questions.
        options = {"engine": "streaming"} if self.engine == "Polars" else {}
        with _engine_errors(self.engine, "must answer the query"):
            table: pa.Table = query().collect(backend="pyarrow", **options).to_native()
        return table


def open_source(source: Any, framework: Framework | None) -> Source:
    """Open a table of an engine, reading only its columns' names and types.

    Raises
    ------
    UsageError
        When the framework is missing.
    DataError
        When the engine cannot list the columns.
    """
    engine = str(_engine_name(source))
    if framework is None:
        raise UsageError(
            f"a table of {engine} has no framework; pass framework=..., against which it is checked"
        )
    check_framework(framework)
    import narwhals as nw

    with _engine_errors(engine, "must list the columns of the table"):
        native = nw.to_native(source, pass_through=True)
        native, names = _rename_columns(engine, native)
        frame = nw.from_native(native)
        schema = dict(frame.collect_schema())
    kinds = {name: schema[names.get(name, name)] for name in names or schema}
    return Source(engine, frame, kinds, names)


def _rename_columns(engine: str, native: Any) -> tuple[Any, dict[str, str]]:
    """Rename columns with dots or quotation marks, if the engine cannot handle them."""
    columns = list(native.columns) if engine in RENAMED else []
    special = [name for name in columns if any(mark in name for mark in '.`"')]
    if not special:
        return native, {}
    renamed = [f"column {i} of the table" if n in special else n for i, n in enumerate(columns)]
    return RENAMED[engine](native, renamed), dict(zip(columns, renamed, strict=True))


def _rename_duckdb(relation: Any, names: list[str]) -> Any:
    quoted = ['"' + name.replace('"', '""') + '"' for name in relation.columns]
    pairs = zip(quoted, names, strict=True)
    return relation.project(", ".join(f'{old} AS "{new}"' for old, new in pairs))


RENAMED: dict[str, Callable[[Any, list[str]], Any]] = {
    "DuckDB": _rename_duckdb,
    "Spark": lambda frame, names: frame.toDF(*names),
}
"""Functions that rename columns, for the engines that need it.

Spark, and DuckDB before 2.0, read a name with a dot as a field of a structure, and narwhals does
not quote it.
"""


@contextmanager
def _engine_errors(engine: str, rule: str) -> Iterator[None]:
    """Convert any error of an engine to a DataError that names the engine and its message."""
    try:
        yield
    except OmistatsError:
        raise
    except Exception as error:  # each engine and transport has its own error classes
        message = " ".join(str(error).split())
        message = message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]} ..."
        found = f"{type(error).__name__}: {message}"
        raise DataError([Problem(engine, f"{engine} {rule}", found, _RETRY_HINT)]) from error


def check_same_totals(source: Source, totals: Sequence[npt.NDArray[np.int64]]) -> None:
    """Check that several queries counted the same answers.

    Raises
    ------
    DataError
        When the totals of two queries differ.
    """
    for number, total in enumerate(totals[1:], 2):
        if not np.array_equal(total, totals[0]):
            raise _changed(source, f"queries 1 and {number} counted different answers")


def check_all_counted(source: Source, counted: int, rows: int) -> None:
    """Check that as many cases were counted as were checked.

    Raises
    ------
    DataError
        When the numbers differ.
    """
    if counted != rows:
        raise _changed(source, f"{rows:,} cases checked, {counted:,} counted")


def _changed(source: Source, found: str) -> DataError:
    rule = "a table must not change while it is checked and counted"
    hint = "Count a snapshot of it, or run it again when nothing writes to it."
    return DataError([Problem(source.engine, rule, found, hint)])
