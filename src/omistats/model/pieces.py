"""Cases in files, folders, data sets and readers, opened one piece at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakSet

import attrs
import pyarrow as pa

from omistats.errors import DataError, Problem
from omistats.model.data_sets import check_fragment, scan_options
from omistats.model.folders import IPC, PARQUET, files_of, with_folders
from omistats.model.ipc import file_batches, ipc_rows, projected, stream_batches
from omistats.model.unchanged import data_set_stamps, file_stamps, unchanged

__all__ = ["ROWS", "Piece", "batches_of", "is_data_set", "is_reader", "open_pieces", "rows_of"]

ROWS = 1 << 17
"""Rows looked at together, at most; a multiple of eight, so that slices start on a byte."""

Batches = Iterator[tuple[str, pa.RecordBatch]]
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_WHOLE = "Check that the file is there and whole."
_READ: WeakSet[Any] = WeakSet()
_READABLE = ("cases that can be read to the end", "Mend the source and read it again.")


@attrs.frozen(eq=False)
class Piece:
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


def open_pieces(source: Any) -> tuple[Piece, ...]:
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
    return (Piece(name, source.schema, _read_reader(name, source), lambda: None, again=False),)


def batches_of(piece: Piece, columns: Sequence[str] | None) -> Batches:
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


def rows_of(piece: Piece) -> int | None:
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


def _file(path: Path, folders: dict[str, str | None] | None = None) -> Piece:
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
            piece = Piece(name, schema, _read_parquet(path), lambda: count)
        else:
            with path.open("rb") as file:
                stream = file.read(6) != b"ARROW1"
            with pa.memory_map(name) as file:
                opened = pa.ipc.open_stream(file) if stream else pa.ipc.open_file(file)
                schema = opened.schema
            if stream:
                piece = Piece(name, schema, _read_ipc_stream(path, schema), lambda: None)
            else:
                piece = Piece(name, schema, _read_ipc(path, schema), lambda: ipc_rows(name))
        str(piece.schema.names)  # decodes them
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _failed(name, error, "a file of cases", _WHOLE) from error
    piece = unchanged(piece, before, lambda: file_stamps(path), count)
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


def _data_set(source: Any) -> Piece:
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

    piece = Piece(name, source.schema, read, source.count_rows)
    return unchanged(piece, before, lambda: data_set_stamps(source))
