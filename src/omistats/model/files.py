"""Read case files: Parquet, Arrow IPC, folders of them, data sets and readers."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from weakref import WeakSet

import attrs
import pyarrow as pa

from omistats.errors import DataError, Problem, format_values
from omistats.model.framework import Framework
from omistats.model.validation import KEYS, column_problems

__all__ = [
    "ROWS",
    "STATISTICAL",
    "TEXT_FILES",
    "WORKBOOKS",
    "CaseFile",
    "check_schemas",
    "count_rows",
    "file_stamps",
    "is_data_set",
    "is_reader",
    "iter_file_batches",
    "open_case_files",
]

ROWS = 1 << 17
"""Largest number of rows in a batch; a multiple of eight, so that slices start on a byte."""

_PARQUET = (".parquet", ".pq")
# Bytes a row below which a column of text is a dictionary of few texts.
_REPEATING = 3
_IPC = (".arrow", ".feather", ".ipc", ".arrows")
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")
TEXT_FILES = (".csv", ".tsv", ".txt")
STATISTICAL = (".sav", ".zsav", ".dta")
"""Ends of the names of files that `omistats.model.tabular_files` reads, all at once."""

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_IPC_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_Batches = Iterator[tuple[str, pa.RecordBatch]]

_Stamps = Mapping[str, tuple[object, object]]
"""Size and modification time of every file."""

_FILE_HINT = "Check that the file exists and is complete."
_READABLE = ("all cases must be readable", "Repair the source and read it again.")
_UNCHANGED_RULE = "a file must not change while it is read"
_UNCHANGED_HINT = "Count again when it has been written. Write to another file and rename it."
_USED_READERS: WeakSet[Any] = WeakSet()


@attrs.frozen(eq=False)
class CaseFile:
    """A source of cases that is read from beginning to end, such as a file.

    Attributes
    ----------
    name : str
        The name to use in errors.
    schema : pyarrow.Schema
        Its columns, including those from folder names.
    read : callable
        Takes column names, or None for all, and yields batches of at most `ROWS` rows, each
        with a name for errors.
    rows : callable
        Returns the number of rows; None if it is unknown before reading.
    rereadable : bool
        Whether it can be read more than once.
    """

    name: str
    schema: pa.Schema
    read: Callable[[Sequence[str] | None], _Batches]
    rows: Callable[[], int | None]
    rereadable: bool = True


def is_data_set(source: Any) -> bool:
    """Tell whether an object is a pyarrow data set, without importing pyarrow.dataset."""
    return any(kind.__module__ == "pyarrow._dataset" for kind in type(source).__mro__)


def is_reader(source: Any) -> bool:
    """Tell whether an object yields batches of an unknown number of rows."""
    if isinstance(source, pa.RecordBatchReader):
        return True
    return hasattr(source, "__arrow_c_stream__") and not hasattr(source, "__len__")


def open_case_files(source: Any, *, coded: bool = False) -> tuple[CaseFile, ...]:
    """Open a path, a data set or a reader.

    Parameters
    ----------
    source : path, data set or reader
        The source.
    coded : bool
        Whether to read text that repeats in a single Parquet file as dictionaries.

    Raises
    ------
    DataError
        When the source cannot be opened.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(os.fspath(source))
        if not path.is_dir():
            return (_open_file(path, coded=coded),)
        return tuple(_open_file(file, folders) for file, folders in _list_case_files(path))
    if is_data_set(source):
        return (_open_data_set(source),)
    name = type(source).__name__
    if not isinstance(source, pa.RecordBatchReader):
        source = pa.RecordBatchReader.from_stream(source)
    return (
        CaseFile(
            name, source.schema, _reader_batches(name, source), lambda: None, rereadable=False
        ),
    )


def iter_file_batches(case_file: CaseFile, columns: Sequence[str] | None) -> _Batches:
    """Iterate over the batches of a case file.

    Raises
    ------
    DataError
        When the file cannot be read to the end.
    """
    try:
        yield from case_file.read(columns)
    except (pa.ArrowException, OSError) as error:
        raise _read_error(
            case_file.name, error, "expected a readable case case_file", _FILE_HINT
        ) from error


def count_rows(case_file: CaseFile) -> int | None:
    """Count the rows of a case file; None if that needs reading it.

    None also if counting fails, as reading then names the damaged batch and column.
    """
    try:
        return case_file.rows()
    except (pa.ArrowException, OSError):
        return None


def check_schemas(
    files: Sequence[CaseFile], framework: Framework | None, wanted: Collection[str] | None
) -> None:
    """Check that files have the needed columns, with the same types as the first file.

    Raises
    ------
    DataError
        Lists each problem once, with the files that have it.
    """
    first = files[0]
    required: set[str] = set()
    if framework is not None:
        required = {*KEYS, *framework.question_ids}
        required.update(s.name for s in framework.strata if s.required)
    found: dict[Problem, list[str]] = {}
    for case_file in files:
        problems = [] if framework is None else column_problems(case_file.schema.names, framework)
        if case_file is not first:
            reported = required.difference(case_file.schema.names)
            problems += [
                p for p in _differences(first, case_file, wanted) if p.where not in reported
            ]
        for problem in problems:
            found.setdefault(problem, []).append(case_file.name)
    if found:
        raise DataError(
            [
                problem
                if len(files) == 1 and names == [first.name]
                else attrs.evolve(problem, where=f"{_first_names(names)}: {problem.where}")
                for problem, names in found.items()
            ]
        )


def _differences(
    first: CaseFile, case_file: CaseFile, wanted: Collection[str] | None
) -> list[Problem]:
    """List the columns that differ from those of the first file."""
    types, expected = _column_types(case_file.schema), _column_types(first.schema)
    problems = []
    for name in expected if wanted is None else wanted:
        rule = (
            f"all files must have the column with the type it has in {first.name}, {expected[name]}"
        )
        hint = "Write all files with one schema."
        if name not in types:
            problems.append(Problem(name, rule, "no such column", hint))
        elif not _same_type(types[name], expected[name]):
            problems.append(Problem(name, rule, str(types[name]), hint))
    if wanted is None and (more := sorted(types.keys() - expected.keys())):
        rule = f"all files must have the same columns as {first.name}"
        problems.append(Problem("columns", rule, f"also {format_values(more)}", "Drop them."))
    return problems


def _column_types(schema: pa.Schema) -> Mapping[str, pa.DataType]:
    return {field.name: field.type for field in schema}


def _same_type(one: pa.DataType, other: pa.DataType) -> bool:
    """Compare types, ignoring the width of dictionary codes."""
    if pa.types.is_dictionary(one) and pa.types.is_dictionary(other):
        return bool(one.value_type == other.value_type)
    return bool(one == other)


def _first_names(names: Sequence[str]) -> str:
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {rest} more" if rest > 0 else "")


def _list_case_files(folder: Path) -> Iterator[tuple[Path, dict[str, str | None]]]:
    """List the case files below a folder, in order of path, with the columns in folder names.

    A folder called ``unit=A`` adds the column ``unit``, which is ``A`` for all its files. Names
    that begin with a dot or an underscore are skipped. Links are followed.

    Raises
    ------
    DataError
        When there are no case files, files of other types, or both Parquet and IPC files; a
        link is broken or leads to a folder that is listed already; or a folder is not readable.
    """
    paths, problems = _walk(folder)
    found = [
        (path, _hive_partition_values(path.relative_to(folder).parts[:-1]))
        for path in sorted(paths)
    ]
    others = [str(p.relative_to(folder)) for p, _ in found if p.suffix not in _PARQUET + _IPC]
    if others:
        hint = "Move them out, or pass a pyarrow data set of the case files."
        rule = f"case files must end in {', '.join(_PARQUET + _IPC)}"
        problems.append(Problem(str(folder), rule, format_values(others), hint))
    first_of_each = [
        next((str(p.relative_to(folder)) for p, _ in found if p.suffix in kind), None)
        for kind in (_PARQUET, _IPC)
    ]
    if None not in first_of_each:
        hint = "Keep one type: cases written twice would be counted twice."
        rule = "files must be all Parquet or all Arrow IPC"
        problems.append(Problem(str(folder), rule, format_values(first_of_each), hint))
    if not found and not problems:
        hint = "Check the path."
        problems.append(Problem(str(folder), "expected a folder of case files", "none", hint))
    if problems:
        raise DataError(problems)
    yield from found


def _walk(folder: Path) -> tuple[list[Path], list[Problem]]:
    """List the files below a folder, and problems that would hide files."""
    paths: list[Path] = []
    problems: list[Problem] = []
    seen: dict[str, str] = {}

    def unreadable(error: OSError) -> None:
        hint = "Change the permissions of the folder, or move it out."
        name = str(error.filename)
        problems.append(Problem(name, "the folder must be readable", str(error), hint))

    for top, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        real = os.path.realpath(top)
        if real in seen:
            rule, found = "a folder must not appear twice", f"the same as {seen[real]}"
            hint = "Remove the link: its cases would be counted twice."
            problems.append(Problem(top, rule, found, hint))
            folders.clear()
            continue
        seen[real] = top
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in files:
            path = Path(top, name)
            if name.startswith((".", "_")):
                continue
            if path.is_file():
                paths.append(path)
            else:
                found = "a broken link" if path.is_symlink() else "none of these"
                hint = "Repair it or move it out."
                problems.append(
                    Problem(str(path), "expected a file, a folder, or a link to one", found, hint)
                )
    return paths, problems


def _hive_partition_values(folders: Sequence[str]) -> dict[str, str | None]:
    """Parse folder names such as ``unit=A``."""
    values: dict[str, str | None] = {}
    for folder in folders:
        key, sign, value = folder.partition("=")
        if sign and key:
            values[unquote(key)] = None if value == _HIVE_NULL else unquote(value)
    return values


def _add_folder_columns(case_file: CaseFile, values: dict[str, str | None]) -> CaseFile:
    """Add columns from folder names, as text.

    Raises
    ------
    DataError
        When the file already has such a column.
    """
    if both := [key for key in values if key in case_file.schema.names]:
        rule = "a column must not be both in the file and in the name of its folder"
        hint = "Drop it from the files, or rename the folders."
        raise DataError([Problem(case_file.name, rule, f"both for {format_values(both)}", hint)])
    schema = case_file.schema
    for key in values:
        schema = schema.append(pa.field(key, pa.string()))

    def read(columns: Sequence[str] | None) -> _Batches:
        in_file = None if columns is None else [name for name in columns if name not in values]
        if in_file == []:  # a batch without columns has no rows
            in_file = case_file.schema.names[:1]
        for where, batch in case_file.read(in_file):
            arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
            for key, value in values.items():
                arrays[key] = pa.repeat(pa.scalar(value, pa.string()), batch.num_rows)
            kept = [name for name in arrays if columns is None or name in columns]
            yield where, pa.record_batch([arrays[name] for name in kept], names=kept)

    return attrs.evolve(case_file, schema=schema, read=read)


def file_stamps(path: Path) -> _Stamps:
    """Return the size and modification time of one file."""
    found = path.stat()
    return {str(path): (found.st_size, found.st_mtime_ns)}


def _data_set_stamps(source: Any) -> _Stamps:
    """Return size and modification time of a pyarrow data set's files; empty if in memory."""
    stamps: dict[str, tuple[object, object]] = {}
    for child in getattr(source, "children", ()):
        stamps.update(_data_set_stamps(child))
    if hasattr(source, "files") and hasattr(source, "filesystem"):
        for info in source.filesystem.get_file_info(source.files):
            stamps[info.path] = (info.size, info.mtime_ns)
    return stamps


def _detect_changes(
    case_file: CaseFile, before: _Stamps, look: Callable[[], _Stamps], rows: int | None = None
) -> CaseFile:
    """Raise if files change between opening and the end of reading.

    Parameters
    ----------
    case_file : CaseFile
        The file to read.
    before : mapping
        _Stamps of its files, taken before it was opened.
    look : callable
        Takes the stamps again, before and after reading.
    rows : int, optional
        Number of rows when it was opened.

    Returns
    -------
    CaseFile
        A file whose ``read`` raises `DataError` with the names of changed files.
    """

    def check() -> None:
        now = look()
        changed = [name for name, stamp in before.items() if now.get(name) != stamp]
        if changed:
            problems = [
                Problem(n, _UNCHANGED_RULE, "another size or time of writing", _UNCHANGED_HINT)
                for n in changed
            ]
            raise DataError(problems)

    def read(columns: Sequence[str] | None) -> _Batches:
        check()
        done = 0
        try:
            for where, batch in case_file.read(columns):
                done += batch.num_rows
                yield where, batch
        except (DataError, pa.ArrowException, OSError):
            check()  # a file replaced while it is read looks damaged
            raise
        check()
        if rows is not None and done != rows:
            found = f"{done:,} rows where there were {rows:,}"
            raise DataError([Problem(case_file.name, _UNCHANGED_RULE, found, _UNCHANGED_HINT)])

    return attrs.evolve(case_file, read=read)


def _open_file(
    path: Path, folders: dict[str, str | None] | None = None, *, coded: bool = False
) -> CaseFile:
    """Open one file."""
    name, kind = str(path), path.suffix
    count: int | None = None
    if kind not in _PARQUET + _IPC:
        hint = "Convert the file, or read it and pass the frame; make a data set of several files."
        known = ", ".join(_PARQUET + _IPC + WORKBOOKS + TEXT_FILES + STATISTICAL)
        rule = f"expected a folder of files, or a file that ends in {known}"
        raise DataError([Problem(name, rule, path.name, hint)])
    try:
        before = file_stamps(path)
        if kind in _PARQUET:
            import pyarrow.parquet as pq

            with pq.ParquetFile(path) as file:
                schema, count = file.schema_arrow, file.metadata.num_rows
            case_file = CaseFile(name, schema, _read_parquet(path, coded), lambda: count)
        else:
            with path.open("rb") as file:
                stream = file.read(6) != b"ARROW1"
            with pa.memory_map(name) as file:
                opened = pa.ipc.open_stream(file) if stream else pa.ipc.open_file(file)
                schema = opened.schema
            if stream:
                case_file = CaseFile(name, schema, _read_ipc_stream(path, schema), lambda: None)
            else:
                case_file = CaseFile(
                    name, schema, _read_ipc(path, schema), lambda: _count_ipc_rows(name)
                )
        str(case_file.schema.names)  # raises if names are not UTF-8
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _read_error(name, error, "expected a readable case file", _FILE_HINT) from error
    case_file = _detect_changes(case_file, before, lambda: file_stamps(path), count)
    return _add_folder_columns(case_file, folders) if folders else case_file


def _read_error(where: str, error: Exception, rule: str, hint: str) -> DataError:
    found = str(error) or type(error).__name__
    return DataError([Problem(where, rule, found, hint)])


def _named_batches(batches: Iterator[Any], where: Callable[[int], str]) -> _Batches:
    """Name the batches, and raise `DataError` for one that cannot be read."""
    number = 0
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except (MemoryError, DataError):
            raise
        except Exception as error:
            raise _read_error(where(number), error, *_READABLE) from error
        for start in range(0, max(batch.num_rows, 1), ROWS):
            yield where(number), batch.slice(start, ROWS)
        number += 1


def _read_parquet(path: Path, coded: bool) -> Callable[[Sequence[str] | None], _Batches]:
    def read(columns: Sequence[str] | None) -> _Batches:
        import pyarrow.parquet as pq

        labels = _repeating_texts(path) if coded else None
        options = {"page_checksum_verification": True, "read_dictionary": labels}
        with pq.ParquetFile(path, **options) as file:
            for first, last in _row_group_runs(file.metadata):
                groups = range(first, last + 1)
                where = (
                    f"{path}, row group{f's {first} to {last}' if last > first else f' {first}'}"
                )
                batches = file.iter_batches(ROWS, row_groups=list(groups), columns=columns)
                try:
                    yield from _named_batches(batches, lambda _, where=where: where)  # type: ignore[misc]
                except DataError as error:
                    # Arrow reads columns together and does not name the damaged one.
                    found = _unreadable(path, groups, columns)
                    raise DataError(found or error.problems) from error.__cause__

    return read


def _repeating_texts(path: Path) -> list[str]:
    """List the columns of text that a file stores as few different texts."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        about, schema = file.metadata, file.schema_arrow
        groups = [about.row_group(i) for i in range(about.num_row_groups)]
        # Nested columns take several places; those of a flat table one each.
        if about.num_columns != len(schema):
            return []
        return [
            field.name
            for i, field in enumerate(schema)
            if pa.types.is_string(field.type)
            and all(
                group.column(i).total_uncompressed_size < _REPEATING * group.num_rows
                for group in groups
            )
        ]


def _unreadable(path: Path, groups: Sequence[int], columns: Sequence[str] | None) -> list[Problem]:
    """List the columns of row groups that cannot be read, reading each separately."""
    import pyarrow.parquet as pq

    problems: list[Problem] = []
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        names = file.schema_arrow.names if columns is None else columns
        for group, name in ((group, name) for group in groups for name in names):
            try:
                for _ in file.iter_batches(ROWS, row_groups=[group], columns=[name]):
                    pass
            except (pa.ArrowException, OSError, ValueError) as error:
                where = f"{path}, row group {group}: {name}"
                problems += _read_error(where, error, *_READABLE).problems
    return problems


def _row_group_runs(metadata: Any) -> Iterator[tuple[int, int]]:
    """Combine small row groups into runs of at most `ROWS` rows."""
    first, rows = 0, 0
    for group in range(metadata.num_row_groups):
        more = metadata.row_group(group).num_rows
        if group > first and rows + more > ROWS:
            yield first, group - 1
            first, rows = group, 0
        rows += more
    if metadata.num_row_groups:
        yield first, metadata.num_row_groups - 1


def _read_ipc(path: Path, schema: pa.Schema) -> Callable[[Sequence[str] | None], _Batches]:
    def read(columns: Sequence[str] | None) -> _Batches:
        with pa.memory_map(str(path)) as file:
            opened = pa.ipc.open_file(file, options=_read_options(schema, columns))
            batches = _ipc_file_batches(path, opened, schema, columns)
            yield from _named_batches(batches, lambda number: f"{path}, batch {number}")

    return read


def _read_ipc_stream(path: Path, schema: pa.Schema) -> Callable[[Sequence[str] | None], _Batches]:
    def read(columns: Sequence[str] | None) -> _Batches:
        with pa.memory_map(str(path)) as file:
            opened = pa.ipc.open_stream(file, options=_read_options(schema, columns))
            batches = _ipc_stream_batches(path, opened, schema, columns)
            yield from _named_batches(batches, lambda number: f"{path}, batch {number}")
            # Arrow does not notice a stream that is cut off, or bytes after its end; either way
            # cases would be lost silently.
            end = file.tell()
            size = file.size()
            file.seek(max(end - len(_IPC_END), 0))
            if end != size or file.read(len(_IPC_END)) != _IPC_END:
                rule = "a stream must end with its end mark"
                found = f"{size - end} bytes after the end" if end != size else "no end mark"
                raise DataError([Problem(str(path), rule, found, _FILE_HINT)])

    return read


def _read_options(schema: pa.Schema, columns: Sequence[str] | None) -> Any:
    """Return options to read only some columns, without decompressing the others."""
    if columns is None:
        return None
    wanted = [i for i, name in enumerate(schema.names) if name in columns]
    return pa.ipc.IpcReadOptions(included_fields=wanted)


def _ipc_file_batches(
    path: Path, opened: Any, schema: pa.Schema, columns: Sequence[str] | None
) -> Iterator[pa.RecordBatch]:
    """Iterate over the validated batches of an open IPC file.

    Raises
    ------
    pyarrow.ArrowException or OSError
        When a batch is damaged; names the column if only some columns are.
    """

    def read(i: int, options: pa.ipc.IpcReadOptions) -> object:
        return pa.ipc.open_file(str(path), options=options).get_batch(i)

    for i in range(opened.num_record_batches):
        try:
            batch = _validated(opened.get_batch(i))
        except (pa.ArrowException, OSError) as error:
            raise _column_error(error, schema, columns, partial(read, i)) from error
        yield batch


def _ipc_stream_batches(
    path: Path, opened: Any, schema: pa.Schema, columns: Sequence[str] | None
) -> Iterator[pa.RecordBatch]:
    """Iterate over the validated batches of an open IPC stream; see `_ipc_file_batches`."""

    def read(i: int, options: pa.ipc.IpcReadOptions) -> object:
        with pa.memory_map(str(path)) as file:
            batches = pa.ipc.open_stream(file, options=options)
            return [batches.read_next_batch() for _ in range(i + 1)]

    for i in count():
        try:
            batch = _validated(opened.read_next_batch())
        except StopIteration:
            return
        except (pa.ArrowException, OSError) as error:
            raise _column_error(error, schema, columns, partial(read, i)) from error
        yield batch


def _count_ipc_rows(name: str) -> int:
    """Count the rows of an IPC file by reading one column of each batch."""
    with pa.memory_map(name) as file:
        opened = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=[0]))
        return sum(opened.get_batch(i).num_rows for i in range(opened.num_record_batches))


def _validated(batch: pa.RecordBatch) -> pa.RecordBatch:
    # Invalid offsets in a damaged file would crash the process.
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowException as error:
            raise _ColumnError(f"column {name!r}: {error}") from error
    return batch


class _ColumnError(pa.ArrowInvalid):  # type: ignore[misc]
    """Arrow error whose message names the column."""


def _column_error(
    error: Exception,
    schema: pa.Schema,
    columns: Sequence[str] | None,
    read: Callable[[pa.ipc.IpcReadOptions], object],
) -> Exception:
    """Find the damaged column of a batch; return the error itself if no column can be read."""
    if isinstance(error, _ColumnError):
        return error
    names = [(i, n) for i, n in enumerate(schema.names) if columns is None or n in columns]
    bad: list[str] = []
    for i, name in names:
        try:
            read(pa.ipc.IpcReadOptions(included_fields=[i]))
        except (pa.ArrowException, OSError):
            bad.append(name)
    if not bad or len(bad) == len(names):
        return error
    return _ColumnError(f"column {bad[0]!r}: {error}")


def _reader_batches(name: str, reader: Any) -> Callable[[Sequence[str] | None], _Batches]:
    def read(columns: Sequence[str] | None) -> _Batches:
        if reader in _USED_READERS:
            rule, found = "a reader can be read only once", "a reader that has been read already"
            hint = "Create a new reader."
            raise DataError([Problem(name, rule, found, hint)])
        _USED_READERS.add(reader)
        batches = _named_batches(iter(reader), lambda number: f"{name}, batch {number}")
        for where, batch in batches:
            yield where, batch if columns is None else batch.select(list(columns))

    return read


def _open_data_set(source: Any) -> CaseFile:
    """Open a data set, including its filter; its files are read one at a time."""
    name = type(source).__name__
    before = _data_set_stamps(source)

    def read(columns: Sequence[str] | None) -> _Batches:
        scanner = source.scanner(
            columns=None if columns is None else list(columns),
            batch_size=ROWS,
            batch_readahead=1,
            fragment_readahead=1,
            **_scan_options(source),
        )
        current = name
        checked: set[str] = set()

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal current
            for tagged in scanner.scan_batches():
                current = getattr(tagged.fragment, "path", name)
                if current not in checked:
                    checked.add(current)
                    _check_fragment(current, tagged.fragment, columns or source.schema.names)
                yield tagged.record_batch

        yield from _named_batches(batches(), lambda number: f"{current}, batch {number}")

    case_file = CaseFile(name, source.schema, read, source.count_rows)
    return _detect_changes(case_file, before, lambda: _data_set_stamps(source))


def _scan_options(source: Any) -> dict[str, Any]:
    """Return options to verify page checksums, if all files of a data set are Parquet."""
    formats = list(_file_formats(source))
    if not formats or any(type(f).__name__ != "ParquetFileFormat" for f in formats):
        return {}
    options = formats[0].default_fragment_scan_options
    secret = ("parquet_decryption_config", "decryption_properties")
    if any(getattr(options, name, None) is not None for name in secret):
        return {}  # a copy of the options loses the keys
    options = copy(options)
    options.page_checksum_verification = True
    return {"fragment_scan_options": options}


def _file_formats(source: Any) -> Iterator[Any]:
    """List the formats of a data set and its children; None for data in memory."""
    if children := getattr(source, "children", ()):
        for child in children:
            yield from _file_formats(child)
    else:
        yield getattr(source, "format", None)


def _check_fragment(name: str, fragment: Any, columns: Sequence[str]) -> None:
    """Raise if a file of a data set lacks a column, which Arrow would fill with nulls."""
    from pyarrow.dataset import get_partition_keys

    partition = get_partition_keys(fragment.partition_expression)
    if missing := sorted({*columns} - {*fragment.physical_schema.names, *partition}):
        rule, hint = "every file must have every column", "Add it, all null if nothing is known."
        raise DataError(
            [Problem(f"{name}: {format_values(missing)}", rule, "no such column", hint)]
        )
