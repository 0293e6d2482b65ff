"""Arrow IPC files: some of their columns, and batches that can be read without harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa

__all__ = ["file_batches", "ipc_rows", "projected", "stream_batches"]


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
