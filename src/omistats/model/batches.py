"""Read cases at once, or in checked parts that fit in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import pyarrow as pa

from omistats.errors import DataError, Problem, UnknownNameError, UsageError
from omistats.model.case_set import CaseSet
from omistats.model.case_tables import read_case_table
from omistats.model.duplicate_ids import DuplicateIdDetector
from omistats.model.files import (
    ROWS,
    CaseFile,
    check_schemas,
    count_rows,
    is_data_set,
    is_reader,
    iter_file_batches,
    open_case_files,
)
from omistats.model.framework import Framework, check_framework, columns_behind
from omistats.model.metadata import merge_metadata
from omistats.model.tabular_files import is_tabular
from omistats.model.units import unit_name_problems
from omistats.model.validation import row_labels, validate_frame

__all__ = [
    "Progress",
    "UnitOrder",
    "fits_at_once",
    "framework_of",
    "in_part",
    "is_stream",
    "iter_case_parts",
    "read_cases",
]


Progress = Callable[[int, int | None], object]
"""A function that is called with the rows done and the rows in all, None if unknown."""

_MAX_UNITS = int(np.iinfo(np.int16).max)


def is_stream(source: Any) -> bool:
    """Tell whether a source can be read in parts: a path, a data set or a reader."""
    is_path = isinstance(source, str | os.PathLike)
    return is_path or is_data_set(source) or (not isinstance(source, CaseSet) and is_reader(source))


class UnitOrder:
    """Order of units over all parts, the same as when they are read at once.

    Units are in the order of the column's dictionaries, part after part, or else sorted.
    """

    def __init__(self) -> None:
        self._labels: dict[str, None] = {}
        self._used: set[str] = set()
        self._sorted = True

    def add(self, column: Any, units: Collection[str]) -> None:
        """Add a part: its unit column as read, and the units that have cases in it."""
        self._used.update(units)
        if pa.types.is_dictionary(column.type):
            self._sorted = False
            for chunk in column.chunks:
                self._labels.update(dict.fromkeys(chunk.dictionary.drop_null().to_pylist()))

    def order(self) -> tuple[str, ...]:
        """Return the units that have cases, in order.

        Raises
        ------
        DataError
            When there are more units than a case set may have, or the names of two look alike.
        """
        if problems := unit_name_problems(sorted(self._used), is_declared=False):
            raise DataError(problems)
        if len(self._used) > _MAX_UNITS:
            rule, hint = "at most 32,767 units", "Use larger units."
            raise DataError([Problem("unit", rule, f"{len(self._used)}", hint)])
        if self._sorted:
            return tuple(sorted(self._used))
        return tuple(label for label in self._labels if label in self._used)


class in_part:  # noqa: N801 - reads as a phrase: with in_part(name)
    """Context manager that adds the name of a part to data errors."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        """Enter the context."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Prefix the place of each problem with the name of the part."""
        if isinstance(error, DataError):
            problems = (attrs.evolve(p, where=f"{self._name}: {p.where}") for p in error.problems)
            raise DataError(tuple(problems)) from error.__cause__


def iter_case_parts(
    source: Any,
    framework: Framework,
    *,
    check_ids: bool,
    progress: Progress | None,
    columns: Collection[str] | None,
    order: UnitOrder | None,
) -> Iterator[tuple[str, CaseSet]]:
    """Iterate over checked parts of at most 131,072 cases.

    Parameters
    ----------
    source : path, data set, or reader
        A source for which `is_stream` is true.
    framework : Framework
        The questions and strata to check the cases against.
    check_ids : bool
        Whether to check that ids are unique over all parts. If not, ids are not read and the
        cases are numbered.
    progress : callable or None
        Called after every part with the rows done and the rows in all, None if unknown.
    columns : collection of str or None
        Questions, strata and other columns to read, in addition to the unit and the required
        strata; None for all.
    order : UnitOrder or None
        Collects the units of the parts.

    Yields
    ------
    name : str
        The name of the part, for errors.
    cases : CaseSet
        The cases of the part, with the units that occur in it. There is at least one part.

    Raises
    ------
    DataError
        When the source cannot be read or the data break a rule; names the file and part.
        Repeated ids are reported after the last part.
    UnknownNameError
        When the source lacks a column.
    """
    files = open_case_files(source)
    known = framework if columns is None else _restrict_framework(framework, columns)
    wanted = _columns_to_read(files, framework, known, columns, check_ids)
    check_schemas(files, framework, wanted)
    metadata = merge_metadata(file.schema.metadata for file in files) or None
    rereadable = all(file.rereadable for file in files)
    detector = DuplicateIdDetector((lambda: _iter_ids(files)) if rereadable else None)
    rows = [count_rows(file) for file in files] if progress else [None]
    total = None if None in rows else sum(row or 0 for row in rows)
    done = 0
    for where, batch in _iter_batches(files, wanted):
        table = pa.Table.from_batches([batch]).replace_schema_metadata(metadata)
        if not check_ids:
            # Number the cases, as a case set needs ids.
            table = table.append_column("case_id", pa.array(np.arange(done, done + len(table))))
        with in_part(where):
            found, units, part_metadata = _read_part(
                table, known, detector if check_ids else None, where
            )
        if order is not None:
            order.add(table["unit"], units)
        yield where, CaseSet(known, units, part_metadata, found)
        done += len(table)
        if progress is not None and len(table):
            progress(done, total)
    detector.check()


def _read_part(
    table: pa.Table, framework: Framework, detector: DuplicateIdDetector | None, where: str
) -> tuple[dict[str, pa.Array], tuple[str, ...], dict[bytes, bytes]]:
    """Check a part; compare its ids themselves only if their digests repeat."""
    try:
        found = validate_frame(table, framework, None, False)
    except DataError:
        if detector is not None:  # so that repeated ids are among the problems
            validate_frame(table, framework, None)
        raise
    if detector is not None and not detector.add(where, found[0]["case_id"]):
        validate_frame(table, framework, None)
    return found


def _read_table(source: Any) -> pa.Table:
    """Read a whole source as one table.

    Raises
    ------
    DataError
        When the source cannot be read, or its files have different columns.
    """
    files = open_case_files(source)
    check_schemas(files, None, None)
    metadata = merge_metadata(file.schema.metadata for file in files) or None
    batches = [
        pa.Table.from_batches([b]).replace_schema_metadata(None)
        for _, b in _iter_batches(files, None)
    ]
    table = pa.concat_tables(batches, promote_options="permissive")
    return table.replace_schema_metadata(metadata)


def _iter_batches(
    files: Sequence[CaseFile], columns: Sequence[str] | None
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Iterate over the batches of all files; yield an empty batch if there are none."""
    empty = True
    for file in files:
        for where, batch in iter_file_batches(file, columns):
            empty = False
            yield where, batch
    if empty:
        schema = files[0].schema
        kept = [field for field in schema if columns is None or field.name in columns]
        yield files[0].name, pa.RecordBatch.from_pylist([], schema=pa.schema(kept))


def _iter_ids(files: Sequence[CaseFile]) -> Iterator[tuple[str, pa.Array]]:
    for file in files:
        for where, batch in iter_file_batches(file, ["case_id"]):
            ids = batch.column("case_id")
            yield where, ids.dictionary_decode() if pa.types.is_dictionary(ids.type) else ids


def _restrict_framework(framework: Framework, columns: Collection[str]) -> Framework:
    """Restrict a framework to some columns, those behind them, and the required strata."""
    columns = {*columns, *columns_behind(framework, columns)}
    return attrs.evolve(
        framework,
        questions=[q for q in framework.questions if q.id in columns],
        strata=[s for s in framework.strata if s.required or s.name in columns],
    )


def _columns_to_read(
    files: Sequence[CaseFile],
    framework: Framework,
    known: Framework,
    columns: Collection[str] | None,
    check_ids: bool,
) -> list[str]:
    """List the columns to read, in the order of the first file."""
    names = files[0].schema.names
    if columns is None:
        return [name for name in names if check_ids or name != "case_id"]
    of_framework = {*framework.question_ids, *(s.name for s in framework.strata)}
    if missing := [c for c in columns if c not in names and c not in of_framework]:
        raise UnknownNameError("column", missing, names)
    wanted = {"unit", *columns, *known.question_ids, *(s.name for s in known.strata)}
    if check_ids:
        wanted.add("case_id")
    return [name for name in names if name in wanted]


def fits_at_once(source: Any) -> bool:
    """Tell whether a source is a single file with no more rows than one part.

    Files that cannot be read in parts count as such: workbooks, text, SPSS and Stata.
    """
    if is_tabular(source):
        return True
    if not isinstance(source, str | os.PathLike) or os.path.isdir(source):  # noqa: PTH112 - any path
        return False
    (file,) = open_case_files(source)
    rows = count_rows(file)
    return rows is not None and rows <= ROWS


def framework_of(source: Any, framework: Framework | None) -> Framework:
    """Return the framework that a source is checked against.

    Raises
    ------
    UsageError
        When the framework is missing, or differs from that of the case set.
    """
    if isinstance(source, CaseSet):
        if framework is not None and check_framework(framework) != source.framework:
            raise UsageError(
                f"the cases were checked against {source.framework.name!r}, not "
                f"{framework.name!r}; omit `framework`, or read the data with it"
            )
        return source.framework
    if framework is None:
        raise UsageError(
            f"expected a CaseSet; found {type(source).__name__}, which has no framework. "
            "Pass framework=..., or read it with CaseSet.from_data"
        )
    check_framework(framework)
    return framework


def read_cases(source: Any, framework: Framework | None, *, check_ids: bool = True) -> CaseSet:
    """Read all cases into memory and check them.

    Parameters
    ----------
    source : CaseSet, data frame, record batch reader, data set of pyarrow, or path
        A path is a Parquet file, an Arrow IPC file or stream, a folder of such files, or a
        file that `read_raw_table` reads.
    framework : Framework or None
        The framework to check against; a case set has its own.
    check_ids : bool
        Whether to check that ids are unique.

    Returns
    -------
    CaseSet

    Raises
    ------
    UsageError
        When the framework is missing, or differs from that of the case set.
    DataError
        When the source cannot be read or the data break a rule.
    """
    framework = framework_of(source, framework)
    if isinstance(source, CaseSet):
        return source
    if is_tabular(source):
        columns, units, metadata = read_case_table(source, framework, check_ids=check_ids)
        return CaseSet(framework, units, metadata, columns)
    if is_stream(source):
        source = _read_table(source)
    columns, units, metadata = validate_frame(source, framework, None, check_ids)
    return CaseSet(framework, units, metadata, columns, index=row_labels(source))
