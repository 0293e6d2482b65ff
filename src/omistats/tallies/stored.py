"""Counts in an Arrow IPC file: written whole or not at all, and read back as written or refused."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pyarrow as pa

from omistats.errors import DataError, Problem, UsageError, described

__all__ = ["Kind", "Stored", "read_stored", "refused", "signed", "write_stored"]

_CHECKSUM = b".checksum"


@attrs.frozen
class Kind:
    """A kind of file.

    Attributes
    ----------
    key : bytes
        Of the schema's metadata, where the file says in JSON what it holds. The key of its
        checksum begins with it.
    version : int
        Raised when files written before no longer mean the same.
    what : str
        What errors call such a file.
    writer : str
        The method that writes it.
    anew : str
        What to do when a file is of no use.
    """

    key: bytes
    version: int
    what: str
    writer: str
    anew: str


@attrs.frozen(eq=False)
class Stored:
    """What a file holds, as it was written.

    Attributes
    ----------
    said : dict of str
        What the file says of itself.
    table : pyarrow.Table
        Its rows.
    metadata : dict of bytes to bytes
        What the cases say of themselves.
    """

    said: dict[str, Any]
    table: pa.Table
    metadata: dict[bytes, bytes]


def write_stored(
    path: str | PathLike[str],
    kind: Kind,
    said: Mapping[str, Any],
    metadata: Mapping[bytes, bytes],
    table: pa.Table,
) -> None:
    """Write a table, what is to be said of it, and the checksum of both.

    A file that is there is replaced at the end, so that there is the old or the new one,
    whole, whatever happens.

    Raises
    ------
    UsageError
        When something is there that is no file.
    OSError
        When it cannot be written.
    """
    # A mark that came with the cases is of other counts.
    own = {k: v for k, v in metadata.items() if not k.startswith(kind.key)}
    text = json.dumps({"version": kind.version, **said}, ensure_ascii=False, separators=(",", ":"))
    table = signed(table.replace_schema_metadata({**own, kind.key: text.encode()}), kind)
    # A link stays one; what it leads to is replaced.
    target = Path(os.path.realpath(fspath(path)))
    if target.exists() and not target.is_file():
        # A folder or a device; the latter could be replaced, and is not to be.
        raise UsageError(f"expected the path of a file to write, found {fspath(path)}")
    beside = target.with_name(f".{target.name}.{os.urandom(8).hex()}")
    try:
        with beside.open("xb") as file:
            with pa.ipc.new_file(file, table.schema) as out:
                out.write_table(table)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            beside.chmod(stat.S_IMODE(target.stat().st_mode))
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read_stored(path: str | PathLike[str], kind: Kind) -> Stored:
    """Read what `write_stored` wrote.

    Raises
    ------
    DataError
        When it is not all there, is something else, of another version, or not as written.
    """
    where = fspath(path)
    try:
        with pa.OSFile(where, "rb") as file:
            table = pa.ipc.open_file(file).read_all()
        # Offsets and codes are data; followed unseen they can end the process. Names that are
        # no text are a ValueError, a length beyond all memory an OverflowError.
        table.validate(full=True)
        metadata: dict[bytes, bytes] = dict(table.schema.metadata or {})
        found = _checksum(table, kind)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        rule = f"{kind.what}, whole"
        hint = f"Check that the file is there and whole. Otherwise: {kind.anew}"
        raise refused(where, rule, str(error) or type(error).__name__, hint) from error
    rule = f"a file that {kind.writer} wrote"
    if kind.key not in metadata:
        raise refused(where, rule, f"no metadata {kind.key.decode()!r}", kind.anew)
    try:
        said = json.loads(metadata.pop(kind.key))
        version = said.pop("version")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        text = f"metadata {kind.key.decode()!r} that say something else ({error})"
        raise refused(where, rule, text, kind.anew) from error
    if version != kind.version or isinstance(version, bool):
        hint = f"Read it with the omistats that wrote it. Otherwise: {kind.anew}"
        rule = f"{kind.what} of version {kind.version}"
        raise refused(where, rule, f"version {described(version)}", hint)
    if metadata.pop(kind.key + _CHECKSUM, None) != found:
        text = "content that does not fit its checksum"
        raise refused(where, f"{kind.what}, as it was written", text, kind.anew)
    return Stored(said, table, metadata)


def signed(table: pa.Table, kind: Kind) -> pa.Table:
    """Put the checksum of everything else into the metadata of a table."""
    metadata = dict(table.schema.metadata or {})
    metadata[kind.key + _CHECKSUM] = _checksum(table, kind)
    return table.replace_schema_metadata(metadata)


def _checksum(table: pa.Table, kind: Kind) -> bytes:
    """Sum up all values, names and metadata; of the types, only what they are read as.

    What Arrow is free to lay out otherwise, as chunks, padding, dictionaries and whatever lies
    under a null, has no part in it.
    """
    from hashlib import sha256

    found = sha256()

    def add(piece: bytes) -> None:
        found.update(len(piece).to_bytes(8, "little") + piece)

    metadata = dict(table.schema.metadata or {})
    metadata.pop(kind.key + _CHECKSUM, None)
    add(f"{len(metadata)} {table.num_rows}".encode())
    for key, value in sorted(metadata.items()):
        add(key)
        add(value)
    for name, column in zip(table.column_names, table.combine_chunks().columns, strict=True):
        add(name.encode())
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_string(column.type):
            add(b"text")
            codes = column.combine_chunks().dictionary_encode()
            add(json.dumps(codes.dictionary.to_pylist()).encode())
            add(_bytes(codes.indices.fill_null(-1)))
        elif pa.types.is_int64(column.type):
            add(b"numbers")
            add(_bytes(column.fill_null(0)))
            add(np.packbits(column.is_valid().to_numpy()).tobytes())
        else:
            # Nothing that is written here, so it fits no checksum of ours.
            add(b"something else")
    return found.hexdigest().encode()


def _bytes(whole_numbers: Any) -> bytes:
    return np.ascontiguousarray(whole_numbers.to_numpy(), "<i8").tobytes()


def refused(path: str | PathLike[str], rule: str, found: str, hint: str) -> DataError:
    """Say what is wrong with a file."""
    return DataError([Problem(fspath(path), rule, found, hint)])
