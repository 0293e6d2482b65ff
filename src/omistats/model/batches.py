"""Iter_case_batches, read_cases."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import pyarrow as pa

from omistats.errors import DataError, Problem, UnknownNameError, UsageError
from omistats.model.case_set import CaseSet
from omistats.model.duplicate_ids import DuplicateIdDetector
from omistats.model.files import (
    ROWS,
    CaseFile,
    batches_of,
    check_schemas,
    is_data_set,
    is_reader,
    open_pieces,
    rows_of,
)
from omistats.model.framework import Framework
from omistats.model.metadata import merge_metadata
from omistats.model.validation import read

__all__ = [
    "Progress",
    "UnitOrder",
    "fits_at_once",
    "framework_of",
    "in_part",
    "is_stream",
    "read_cases",
    "read_table",
    "stream_cases",
    "stream_parts",
]


Progress = Callable[[int, int | None], object]
"""Is told how many rows are done, and how many there are, if that is known."""

_MOST_UNITS = int(np.iinfo(np.int16).max)


def is_stream(source: Any) -> bool:
    """Tell whether cases can be taken from a source part by part: paths, data sets, readers."""
    path = isinstance(source, str | os.PathLike)
    return path or is_data_set(source) or (not isinstance(source, CaseSet) and is_reader(source))


class UnitOrder:
    """The order that units have when all parts are read at once.

    In the order of the dictionaries, one part's after another's, where the column has them;
    sorted otherwise.
    """

    def __init__(self) -> None:
        self._labels: dict[str, None] = {}
        self._used: set[str] = set()
        self._sorted = True

    def add(self, column: Any, units: Collection[str]) -> None:
        """Take in a part: its column as it came, and the units that have cases in it."""
        self._used.update(units)
        if pa.types.is_dictionary(column.type):
            self._sorted = False
            for chunk in column.chunks:
                self._labels.update(dict.fromkeys(chunk.dictionary.drop_null().to_pylist()))

    def order(self) -> tuple[str, ...]:
        """Give the units that have cases, in order.

        Raises
        ------
        DataError
            When there are more than a case set may have.
        """
        if len(self._used) > _MOST_UNITS:
            rule, hint = "at most 32,767 units", "Use larger ones."
            raise DataError([Problem("unit", rule, f"{len(self._used)}", hint)])
        if self._sorted:
            return tuple(sorted(self._used))
        return tuple(label for label in self._labels if label in self._used)


class in_part:  # noqa: N801 - reads as a phrase: with in_part(name)
    """Name the part in whatever is found wrong with its data."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Put the name before each problem's place."""
        if isinstance(error, DataError):
            problems = (attrs.evolve(p, where=f"{self._name}: {p.where}") for p in error.problems)
            raise DataError(tuple(problems)) from error.__cause__


def stream_cases(
    source: Any,
    framework: Framework,
    *,
    check_ids: bool = True,
    progress: Progress | None = None,
    columns: Collection[str] | None = None,
    order: UnitOrder | None = None,
) -> Iterator[CaseSet]:
    """Read cases in checked parts of at most 131,072 rows.

    Parameters
    ----------
    source : path, data set, or reader
        What `is_stream` is true of.
    framework : Framework
        What to check against.
    check_ids : bool
        Refuse ids that stand in several rows of any parts; otherwise ids are not read, and
        those of the parts are numbers.
    progress : callable, optional
        Told the rows done, and all rows or None, after every part.
    columns : collection of str, optional
        Questions, strata and other columns that are needed; unit and required strata come
        besides. By default all.
    order : UnitOrder, optional
        Told the units.

    Yields
    ------
    CaseSet
        One at least; its units are those of its part.

    Raises
    ------
    DataError
        When something cannot be read or breaks the rules; names file and part. Of repeated
        ids it is raised after the last part.
    UnknownNameError
        When a column is not there.
    """
    parts = stream_parts(
        source, framework, check_ids=check_ids, progress=progress, columns=columns, order=order
    )
    for _, cases in parts:
        yield cases


def stream_parts(
    source: Any,
    framework: Framework,
    *,
    check_ids: bool,
    progress: Progress | None,
    columns: Collection[str] | None,
    order: UnitOrder | None,
) -> Iterator[tuple[str, CaseSet]]:
    """As `stream_cases`, with the name of each part."""
    pieces = open_pieces(source)
    known = framework if columns is None else _narrowed(framework, columns)
    wanted = _wanted(pieces, framework, known, columns, check_ids)
    check_schemas(pieces, framework, wanted)
    metadata = merge_metadata(piece.schema.metadata for piece in pieces) or None
    again = all(piece.again for piece in pieces)
    identity = DuplicateIdDetector((lambda: _ids(pieces)) if again else None)
    rows = [rows_of(piece) for piece in pieces] if progress else [None]
    total = None if None in rows else sum(row or 0 for row in rows)
    done = 0
    for where, batch in _batches(pieces, wanted):
        table = pa.Table.from_batches([batch]).replace_schema_metadata(metadata)
        if not check_ids:
            # Ids of our own, so that a case set is whole.
            table = table.append_column("case_id", pa.array(np.arange(done, done + len(table))))
        with in_part(where):
            found, units, own = _read_part(table, known, identity if check_ids else None, where)
        if order is not None:
            order.add(table["unit"], units)
        yield where, CaseSet(known, units, own, found)
        done += len(table)
        if progress is not None and len(table):
            progress(done, total)
    identity.check()


def _read_part(
    table: pa.Table, framework: Framework, identity: DuplicateIdDetector | None, where: str
) -> tuple[dict[str, pa.Array], tuple[str, ...], dict[bytes, bytes]]:
    """Check a part, and its ids by their digests as long as these all differ."""
    try:
        found = read(table, framework, None, False)
    except DataError:
        if identity is not None:  # repeated ids are to be among the problems
            read(table, framework, None)
        raise
    if identity is not None and not identity.add(where, found[0]["case_id"]):
        read(table, framework, None)
    return found


def read_table(source: Any) -> pa.Table:
    """Read all of a source at once.

    Raises
    ------
    DataError
        When something cannot be read, or its files have different columns.
    """
    pieces = open_pieces(source)
    check_schemas(pieces, None, None)
    metadata = merge_metadata(piece.schema.metadata for piece in pieces) or None
    batches = [
        pa.Table.from_batches([b]).replace_schema_metadata(None) for _, b in _batches(pieces, None)
    ]
    table = pa.concat_tables(batches, promote_options="permissive")
    return table.replace_schema_metadata(metadata)


def _batches(
    pieces: Sequence[CaseFile], columns: Sequence[str] | None
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Go through the batches of all pieces; one without rows if there are none."""
    none = True
    for piece in pieces:
        for where, batch in batches_of(piece, columns):
            none = False
            yield where, batch
    if none:
        schema = pieces[0].schema
        kept = [field for field in schema if columns is None or field.name in columns]
        yield pieces[0].name, pa.RecordBatch.from_pylist([], schema=pa.schema(kept))


def _ids(pieces: Sequence[CaseFile]) -> Iterator[tuple[str, pa.Array]]:
    for piece in pieces:
        for where, batch in batches_of(piece, ["case_id"]):
            ids = batch.column("case_id")
            yield where, ids.dictionary_decode() if pa.types.is_dictionary(ids.type) else ids


def _narrowed(framework: Framework, columns: Collection[str]) -> Framework:
    """Leave out the questions and strata that nobody asks for."""
    return attrs.evolve(
        framework,
        questions=[q for q in framework.questions if q.id in columns],
        strata=[s for s in framework.strata if s.required or s.name in columns],
    )


def _wanted(
    pieces: Sequence[CaseFile],
    framework: Framework,
    known: Framework,
    columns: Collection[str] | None,
    check_ids: bool,
) -> list[str]:
    """List the columns to read, in the order of the first piece."""
    names = pieces[0].schema.names
    if columns is None:
        return [name for name in names if check_ids or name != "case_id"]
    of_framework = {*framework.question_ids, *(s.name for s in framework.strata)}
    if missing := [c for c in columns if c not in names and c not in of_framework]:
        raise UnknownNameError("column", missing, names)
    wanted = {"unit", *columns, *(s.name for s in known.strata)}
    if check_ids:
        wanted.add("case_id")
    return [name for name in names if name in wanted]


def fits_at_once(source: Any) -> bool:
    """Tell whether a source is one file that has no more rows than a part."""
    if not isinstance(source, str | os.PathLike) or os.path.isdir(source):  # noqa: PTH112 - any path
        return False
    (piece,) = open_pieces(source)
    rows = rows_of(piece)
    return rows is not None and rows <= ROWS


def framework_of(source: Any, framework: Framework | None) -> Framework:
    """Return what a source is checked against.

    Raises
    ------
    UsageError
        When it is missing or is not the one of the case set.
    """
    if isinstance(source, CaseSet):
        if framework is not None and framework != source.framework:
            raise UsageError(
                f"the cases were checked against {source.framework.name!r}, not "
                f"{framework.name!r}; leave `framework` out or read the data against it"
            )
        return source.framework
    if framework is None:
        raise UsageError(
            f"expected a CaseSet, found {type(source).__name__}, which does not say "
            "what was asked; pass framework=..., or read it with CaseSet.from_data"
        )
    if not isinstance(framework, Framework):
        raise UsageError(f"`framework` is a Framework, found {framework!r}")
    return framework


def read_cases(source: Any, framework: Framework | None, *, check_ids: bool = True) -> CaseSet:
    """Return checked cases, all of them in memory.

    Parameters
    ----------
    source : CaseSet, data frame, record batch reader, data set of pyarrow, or path
        A path is a Parquet or an Arrow IPC file or stream, or a folder of such files.
    framework : Framework or None
        Needed by all but a case set, which has one.
    check_ids : bool
        Whether to refuse ids that stand twice.

    Returns
    -------
    CaseSet

    Raises
    ------
    UsageError
        When the framework is missing or is not the one of the case set.
    DataError
        When the file cannot be read or the data break the rules.
    """
    framework = framework_of(source, framework)
    if isinstance(source, CaseSet):
        return source
    if is_stream(source):
        source = read_table(source)
    columns, units, metadata = read(source, framework, None, check_ids)
    return CaseSet(framework, units, metadata, columns)
