"""Parquet/IPC/folder/dataset reading, on pyarrow.dataset."""

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
    "IPC",
    "PARQUET",
    "ROWS",
    "CaseFile",
    "batches_of",
    "check_fragment",
    "check_schemas",
    "data_set_stamps",
    "detect_changes",
    "file_batches",
    "file_stamps",
    "files_of",
    "ipc_rows",
    "is_data_set",
    "is_reader",
    "open_pieces",
    "projected",
    "rows_of",
    "scan_options",
    "stream_batches",
    "with_folders",
]


PARQUET = (".parquet", ".pq")
IPC = (".arrow", ".feather", ".ipc", ".arrows")
_NULL = "__HIVE_DEFAULT_PARTITION__"


def files_of(folder: Path) -> Iterator[tuple[Path, dict[str, str | None]]]:
    """List the case files below a folder, in order of path, and what their folders say.

    A folder called ``unit=A`` says that its files lack the column ``unit``, which is ``A``
    throughout. Names that begin with a dot or an underscore are notes of other programs.
    Links are followed.

    Raises
    ------
    DataError
        When there are none, there are other files, or files of both kinds; or when a link
        leads nowhere or to a folder that is there already, or a folder cannot be looked into.
    """
    paths, problems = _below(folder)
    found = [
        (path, _hive_partition_values(path.relative_to(folder).parts[:-1]))
        for path in sorted(paths)
    ]
    others = [str(p.relative_to(folder)) for p, _ in found if p.suffix not in PARQUET + IPC]
    if others:
        hint = "Move them out, or pass a pyarrow data set of the files that are meant."
        rule = f"files of cases end in {', '.join(PARQUET + IPC)}"
        problems.append(Problem(str(folder), rule, format_values(others), hint))
    one_each = [
        next((str(p.relative_to(folder)) for p, _ in found if p.suffix in kind), None)
        for kind in (PARQUET, IPC)
    ]
    if None not in one_each:
        hint = "Keep one kind: cases written twice would be counted twice."
        rule = "either Parquet or Arrow IPC files"
        problems.append(Problem(str(folder), rule, format_values(one_each), hint))
    if not found and not problems:
        hint = "Check the path."
        problems.append(Problem(str(folder), "a folder of case files", "none", hint))
    if problems:
        raise DataError(problems)
    yield from found


def _below(folder: Path) -> tuple[list[Path], list[Problem]]:
    """List the files below a folder, and what would be passed over without a word."""
    paths: list[Path] = []
    problems: list[Problem] = []
    seen: dict[str, str] = {}

    def unreadable(error: OSError) -> None:
        hint = "See to it that the folder may be read, or move it out."
        name = str(error.filename)
        problems.append(Problem(name, "a folder that can be listed", str(error), hint))

    for top, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        real = os.path.realpath(top)
        if real in seen:
            rule, found = "a folder stands in one place", f"the same as {seen[real]}"
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
                found = "a link that leads nowhere" if path.is_symlink() else "none of these"
                hint = "Mend it or move it out."
                problems.append(
                    Problem(str(path), "a file, a folder or a link to one", found, hint)
                )
    return paths, problems


def _hive_partition_values(folders: Sequence[str]) -> dict[str, str | None]:
    said: dict[str, str | None] = {}
    for folder in folders:
        key, sign, value = folder.partition("=")
        if sign and key:
            said[unquote(key)] = None if value == _NULL else unquote(value)
    return said


def with_folders(piece: CaseFile, said: dict[str, str | None]) -> CaseFile:
    """Add the columns that folders are named after; they are text.

    Raises
    ------
    DataError
        When the file has such a column itself.
    """
    if both := [key for key in said if key in piece.schema.names]:
        rule = "a column is in the file or in the name of its folder"
        hint = "Drop it from the files, or rename the folders."
        raise DataError([Problem(piece.name, rule, f"both for {format_values(both)}", hint)])
    schema = piece.schema
    for key in said:
        schema = schema.append(pa.field(key, pa.string()))

    def read(columns: Sequence[str] | None) -> Batches:
        own = None if columns is None else [name for name in columns if name not in said]
        if own == []:  # a batch of no columns has no rows
            own = piece.schema.names[:1]
        for where, batch in piece.read(own):
            arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
            for key, value in said.items():
                arrays[key] = pa.repeat(pa.scalar(value, pa.string()), batch.num_rows)
            kept = [name for name in arrays if columns is None or name in columns]
            yield where, pa.record_batch([arrays[name] for name in kept], names=kept)

    return attrs.evolve(piece, schema=schema, read=read)


Stamps = Mapping[str, tuple[object, object]]
"""Of every file its size and when it was last written."""

_RULE = "a file that nobody changes while it is read"
_HINT = "Count again when it has been written; write beside it, and rename."


def file_stamps(path: Path) -> Stamps:
    """Look at one file."""
    found = path.stat()
    return {str(path): (found.st_size, found.st_mtime_ns)}


def data_set_stamps(source: Any) -> Stamps:
    """Look at the files of a data set of pyarrow, wherever they are; none of one in memory."""
    stamps: dict[str, tuple[object, object]] = {}
    for child in getattr(source, "children", ()):
        stamps.update(data_set_stamps(child))
    if hasattr(source, "files") and hasattr(source, "filesystem"):
        for info in source.filesystem.get_file_info(source.files):
            stamps[info.path] = (info.size, info.mtime_ns)
    return stamps


def detect_changes(
    piece: CaseFile, before: Stamps, look: Callable[[], Stamps], rows: int | None = None
) -> CaseFile:
    """Refuse to have read other files than were opened.

    Parameters
    ----------
    piece : Piece
        What is read.
    before : mapping
        Its files, looked at before it was opened.
    look : callable
        Looks at them again, before and after they are read.
    rows : int, optional
        How many rows there were when it was opened.

    Returns
    -------
    Piece
        That raises `DataError` with the names of changed files.
    """

    def check() -> None:
        now = look()
        changed = [name for name, stamp in before.items() if now.get(name) != stamp]
        if changed:
            problems = [
                Problem(n, _RULE, "another size or time of writing", _HINT) for n in changed
            ]
            raise DataError(problems)

    def read(columns: Sequence[str] | None) -> Batches:
        check()
        done = 0
        try:
            for where, batch in piece.read(columns):
                done += batch.num_rows
                yield where, batch
        except (DataError, pa.ArrowException, OSError):
            check()  # half an old file and half a new one look like damage
            raise
        check()
        if rows is not None and done != rows:
            found = f"{done:,} rows where there were {rows:,}"
            raise DataError([Problem(piece.name, _RULE, found, _HINT)])

    return attrs.evolve(piece, read=read)


def projected(schema: pa.Schema, columns: Sequence[str] | None) -> Any:
    """Say to read some columns only; the others are then neither decompressed nor touched."""
    if columns is None:
        return None
    wanted = [i for i, name in enumerate(schema.names) if name in columns]
    return pa.ipc.IpcReadOptions(included_fields=wanted)


def file_batches(
    path: Path, opened: Any, schema: pa.Schema, columns: Sequence[str] | None
) -> Iterator[pa.RecordBatch]:
    """Go through the batches of a file that is open.

    Raises
    ------
    pyarrow.ArrowException or OSError
        When one cannot be read without harm; the column is named if only some cannot.
    """

    def read(i: int, options: pa.ipc.IpcReadOptions) -> object:
        return pa.ipc.open_file(str(path), options=options).get_batch(i)

    for i in range(opened.num_record_batches):
        try:
            batch = _checked(opened.get_batch(i))
        except (pa.ArrowException, OSError) as error:
            raise _blamed(error, schema, columns, partial(read, i)) from error
        yield batch


def stream_batches(
    path: Path, opened: Any, schema: pa.Schema, columns: Sequence[str] | None
) -> Iterator[pa.RecordBatch]:
    """As `file_batches`, of a stream."""

    def read(i: int, options: pa.ipc.IpcReadOptions) -> object:
        with pa.memory_map(str(path)) as file:
            batches = pa.ipc.open_stream(file, options=options)
            return [batches.read_next_batch() for _ in range(i + 1)]

    for i in count():
        try:
            batch = _checked(opened.read_next_batch())
        except StopIteration:
            return
        except (pa.ArrowException, OSError) as error:
            raise _blamed(error, schema, columns, partial(read, i)) from error
        yield batch


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    # A file can hold anything; offsets that lead out of it would take the process down.
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowException as error:
            raise _OfColumn(f"column {name!r}: {error}") from error
    return batch


class _OfColumn(pa.ArrowInvalid):  # type: ignore[misc]
    """An error that names its column."""


def _blamed(
    error: Exception,
    schema: pa.Schema,
    columns: Sequence[str] | None,
    read: Callable[[pa.ipc.IpcReadOptions], object],
) -> Exception:
    """Find the column for which a batch cannot be read; where none can, none is to blame."""
    if isinstance(error, _OfColumn):
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
    return _OfColumn(f"column {bad[0]!r}: {error}")


def ipc_rows(name: str) -> int:
    """Count the rows of a file; one column of each batch is looked at."""
    with pa.memory_map(name) as file:
        opened = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=[0]))
        return sum(opened.get_batch(i).num_rows for i in range(opened.num_record_batches))


def scan_options(source: Any) -> dict[str, Any]:
    """Say to check the checksums of pages, of a data set that is all of Parquet."""
    formats = list(_formats(source))
    if not formats or any(type(f).__name__ != "ParquetFileFormat" for f in formats):
        return {}
    options = formats[0].default_fragment_scan_options
    secret = ("parquet_decryption_config", "decryption_properties")
    if any(getattr(options, name, None) is not None for name in secret):
        return {}  # copies lose the keys
    options = copy(options)
    options.page_checksum_verification = True
    return {"fragment_scan_options": options}


def _formats(source: Any) -> Iterator[Any]:
    """List the formats of a data set and of those it consists of; None is one in memory."""
    if children := getattr(source, "children", ()):
        for child in children:
            yield from _formats(child)
    else:
        yield getattr(source, "format", None)


def check_fragment(name: str, fragment: Any, columns: Sequence[str]) -> None:
    """Refuse a file without some column, which a data set takes for one of nulls."""
    from pyarrow.dataset import get_partition_keys

    said = get_partition_keys(fragment.partition_expression)
    if missing := sorted({*columns} - {*fragment.physical_schema.names, *said}):
        rule, hint = "every file has every column", "Add it, all null if nothing is known."
        raise DataError(
            [Problem(f"{name}: {format_values(missing)}", rule, "no such column", hint)]
        )


ROWS = 1 << 17
"""Rows looked at together, at most; a multiple of eight, so that slices start on a byte."""

Batches = Iterator[tuple[str, pa.RecordBatch]]
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_WHOLE = "Check that the file is there and whole."
_READ: WeakSet[Any] = WeakSet()
_READABLE = ("cases that can be read to the end", "Mend the source and read it again.")


@attrs.frozen(eq=False)
class CaseFile:
    """A file, or whatever else is read from its beginning to its end.

    Attributes
    ----------
    name : str
        What errors call it.
    schema : pyarrow.Schema
        Its columns, those that its folders are named after included.
    read : callable
        Takes the names of columns, or None for all, and yields batches of at most `ROWS`
        rows, each with its own name.
    rows : callable
        Gives the number of rows; None where that is not known before reading.
    again : bool
        Whether it can be read more than once.
    """

    name: str
    schema: pa.Schema
    read: Callable[[Sequence[str] | None], Batches]
    rows: Callable[[], int | None]
    again: bool = True


def is_data_set(source: Any) -> bool:
    """Tell whether something is a data set of pyarrow, without importing what makes them."""
    return any(kind.__module__ == "pyarrow._dataset" for kind in type(source).__mro__)


def is_reader(source: Any) -> bool:
    """Tell whether something hands out batches and does not know how many rows there are."""
    if isinstance(source, pa.RecordBatchReader):
        return True
    return hasattr(source, "__arrow_c_stream__") and not hasattr(source, "__len__")


def open_pieces(source: Any) -> tuple[CaseFile, ...]:
    """Open a path, a data set or a reader.

    Raises
    ------
    DataError
        When it cannot be opened.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(os.fspath(source))
        if not path.is_dir():
            return (_file(path),)
        return tuple(_file(file, folders) for file, folders in files_of(path))
    if is_data_set(source):
        return (_data_set(source),)
    name = type(source).__name__
    if not isinstance(source, pa.RecordBatchReader):
        source = pa.RecordBatchReader.from_stream(source)
    return (CaseFile(name, source.schema, _read_reader(name, source), lambda: None, again=False),)


def batches_of(piece: CaseFile, columns: Sequence[str] | None) -> Batches:
    """Go through a piece, which may have gone since it was opened.

    Raises
    ------
    DataError
        When it cannot be read to the end.
    """
    try:
        yield from piece.read(columns)
    except (pa.ArrowException, OSError) as error:
        raise _failed(piece.name, error, "a file of cases", _WHOLE) from error


def rows_of(piece: CaseFile) -> int | None:
    """Count the rows of a piece, or None where that takes reading it.

    None also where counting fails: reading then tells which batch and column are damaged.
    """
    try:
        return piece.rows()
    except (pa.ArrowException, OSError):
        return None


def _failed(where: str, error: Exception, rule: str, hint: str) -> DataError:
    said = str(error) or type(error).__name__
    return DataError([Problem(where, rule, said, hint)])


def _each(batches: Iterator[Any], where: Callable[[int], str]) -> Batches:
    """Go through batches, and say which could not be read."""
    number = 0
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except (MemoryError, DataError):
            raise
        except Exception as error:
            raise _failed(where(number), error, *_READABLE) from error
        for start in range(0, max(batch.num_rows, 1), ROWS):
            yield where(number), batch.slice(start, ROWS)
        number += 1


def _file(path: Path, folders: dict[str, str | None] | None = None) -> CaseFile:
    """Open a file; whatever is said of it goes by its name."""
    name, kind = str(path), path.suffix
    count: int | None = None
    if kind not in PARQUET + IPC:
        hint = "Convert the file, or read it and pass the frame; of several make a data set."
        rule = f"a folder of files, or a file that ends in {', '.join(PARQUET + IPC)}"
        raise DataError([Problem(name, rule, path.name, hint)])
    try:
        before = file_stamps(path)
        if kind in PARQUET:
            import pyarrow.parquet as pq

            with pq.ParquetFile(path) as file:
                schema, count = file.schema_arrow, file.metadata.num_rows
            piece = CaseFile(name, schema, _read_parquet(path), lambda: count)
        else:
            with path.open("rb") as file:
                stream = file.read(6) != b"ARROW1"
            with pa.memory_map(name) as file:
                opened = pa.ipc.open_stream(file) if stream else pa.ipc.open_file(file)
                schema = opened.schema
            if stream:
                piece = CaseFile(name, schema, _read_ipc_stream(path, schema), lambda: None)
            else:
                piece = CaseFile(name, schema, _read_ipc(path, schema), lambda: ipc_rows(name))
        str(piece.schema.names)  # decodes them
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _failed(name, error, "a file of cases", _WHOLE) from error
    piece = detect_changes(piece, before, lambda: file_stamps(path), count)
    return with_folders(piece, folders) if folders else piece


def _read_parquet(path: Path) -> Callable[[Sequence[str] | None], Batches]:
    def read(columns: Sequence[str] | None) -> Batches:
        import pyarrow.parquet as pq

        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for first, last in _together(file.metadata):
                groups = range(first, last + 1)
                where = (
                    f"{path}, row group{f's {first} to {last}' if last > first else f' {first}'}"
                )
                batches = file.iter_batches(ROWS, row_groups=list(groups), columns=columns)
                try:
                    yield from _each(batches, lambda _, where=where: where)  # type: ignore[misc]
                except DataError as error:
                    # Arrow reads columns together and does not say which of them failed.
                    found = _unreadable(path, groups, columns)
                    raise DataError(found or error.problems) from error.__cause__

    return read


def _unreadable(path: Path, groups: Sequence[int], columns: Sequence[str] | None) -> list[Problem]:
    """List the columns that cannot be read in row groups, reading each by itself."""
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
                problems += _failed(where, error, *_READABLE).problems
    return problems


def _together(metadata: Any) -> Iterator[tuple[int, int]]:
    """Take small row groups together, as far as they fit in one part."""
    first, rows = 0, 0
    for group in range(metadata.num_row_groups):
        more = metadata.row_group(group).num_rows
        if group > first and rows + more > ROWS:
            yield first, group - 1
            first, rows = group, 0
        rows += more
    if metadata.num_row_groups:
        yield first, metadata.num_row_groups - 1


def _read_ipc(path: Path, schema: pa.Schema) -> Callable[[Sequence[str] | None], Batches]:
    def read(columns: Sequence[str] | None) -> Batches:
        with pa.memory_map(str(path)) as file:
            opened = pa.ipc.open_file(file, options=projected(schema, columns))
            batches = file_batches(path, opened, schema, columns)
            yield from _each(batches, lambda number: f"{path}, batch {number}")

    return read


def _read_ipc_stream(path: Path, schema: pa.Schema) -> Callable[[Sequence[str] | None], Batches]:
    def read(columns: Sequence[str] | None) -> Batches:
        with pa.memory_map(str(path)) as file:
            opened = pa.ipc.open_stream(file, options=projected(schema, columns))
            batches = stream_batches(path, opened, schema, columns)
            yield from _each(batches, lambda number: f"{path}, batch {number}")
            # Arrow takes the end of a file for the end of the stream, and the end of a stream
            # for the end of the file; either way cases would be lost without a word.
            end = file.tell()
            size = file.size()
            file.seek(max(end - len(_END), 0))
            if end != size or file.read(len(_END)) != _END:
                rule = "a stream up to its end mark, and nothing after it"
                found = f"{size - end} bytes after the end" if end != size else "no end mark"
                raise DataError([Problem(str(path), rule, found, _WHOLE)])

    return read


def _read_reader(name: str, reader: Any) -> Callable[[Sequence[str] | None], Batches]:
    def read(columns: Sequence[str] | None) -> Batches:
        if reader in _READ:
            rule, found = "a reader that has not been read", "one that was given before"
            hint = "A reader hands its cases out once: make it anew."
            raise DataError([Problem(name, rule, found, hint)])
        _READ.add(reader)
        batches = _each(iter(reader), lambda number: f"{name}, batch {number}")
        for where, batch in batches:
            yield where, batch if columns is None else batch.select(list(columns))

    return read


def _data_set(source: Any) -> CaseFile:
    """Open a data set; its parts are read one by one, whatever filter it has."""
    name = type(source).__name__
    before = data_set_stamps(source)

    def read(columns: Sequence[str] | None) -> Batches:
        scanner = source.scanner(
            columns=None if columns is None else list(columns),
            batch_size=ROWS,
            batch_readahead=1,
            fragment_readahead=1,
            **scan_options(source),
        )
        last = name
        checked: set[str] = set()

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal last
            for tagged in scanner.scan_batches():
                last = getattr(tagged.fragment, "path", name)
                if last not in checked:
                    checked.add(last)
                    check_fragment(last, tagged.fragment, columns or source.schema.names)
                yield tagged.record_batch

        yield from _each(batches(), lambda number: f"{last}, batch {number}")

    piece = CaseFile(name, source.schema, read, source.count_rows)
    return detect_changes(piece, before, lambda: data_set_stamps(source))


def check_schemas(
    pieces: Sequence[CaseFile], framework: Framework | None, wanted: Collection[str] | None
) -> None:
    """Refuse pieces that lack columns, or have columns of other types than the first.

    Raises
    ------
    DataError
        With each problem once, and the pieces that have it.
    """
    first = pieces[0]
    required: set[str] = set()
    if framework is not None:
        required = {*KEYS, *framework.question_ids}
        required.update(s.name for s in framework.strata if s.required)
    found: dict[Problem, list[str]] = {}
    for piece in pieces:
        problems = [] if framework is None else column_problems(piece.schema.names, framework)
        if piece is not first:
            told = required.difference(piece.schema.names)
            problems += [p for p in _differences(first, piece, wanted) if p.where not in told]
        for problem in problems:
            found.setdefault(problem, []).append(piece.name)
    if found:
        raise DataError(
            [
                problem
                if len(pieces) == 1 and names == [first.name]
                else attrs.evolve(problem, where=f"{_some(names)}: {problem.where}")
                for problem, names in found.items()
            ]
        )


def _differences(first: CaseFile, piece: CaseFile, wanted: Collection[str] | None) -> list[Problem]:
    here, there = _types(piece.schema), _types(first.schema)
    problems = []
    for name in there if wanted is None else wanted:
        rule = f"all files have it with the type that it has in {first.name}, {there[name]}"
        hint = "Write all files with one schema."
        if name not in here:
            problems.append(Problem(name, rule, "no such column", hint))
        elif not _alike(here[name], there[name]):
            problems.append(Problem(name, rule, str(here[name]), hint))
    if wanted is None and (more := sorted(here.keys() - there.keys())):
        rule = f"all files have the columns of {first.name}"
        problems.append(
            Problem("columns", rule, f"besides these {format_values(more)}", "Drop them.")
        )
    return problems


def _types(schema: pa.Schema) -> Mapping[str, pa.DataType]:
    return {field.name: field.type for field in schema}


def _alike(one: pa.DataType, other: pa.DataType) -> bool:
    """Compare types; how wide the codes of a dictionary are does not matter."""
    if pa.types.is_dictionary(one) and pa.types.is_dictionary(other):
        return bool(one.value_type == other.value_type)
    return bool(one == other)


def _some(names: Sequence[str]) -> str:
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {rest} more" if rest > 0 else "")
