"""Folders of case files, some of them named after what their files have in common."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import attrs
import pyarrow as pa

from omistats.errors import DataError, Problem, shown

if TYPE_CHECKING:
    from omistats.model.pieces import Batches, Piece

__all__ = ["IPC", "PARQUET", "files_of", "with_folders"]

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
    found = [(path, _said(path.relative_to(folder).parts[:-1])) for path in sorted(paths)]
    others = [str(p.relative_to(folder)) for p, _ in found if p.suffix not in PARQUET + IPC]
    if others:
        hint = "Move them out, or pass a pyarrow data set of the files that are meant."
        rule = f"files of cases end in {', '.join(PARQUET + IPC)}"
        problems.append(Problem(str(folder), rule, shown(others), hint))
    one_each = [
        next((str(p.relative_to(folder)) for p, _ in found if p.suffix in kind), None)
        for kind in (PARQUET, IPC)
    ]
    if None not in one_each:
        hint = "Keep one kind: cases written twice would be counted twice."
        rule = "either Parquet or Arrow IPC files"
        problems.append(Problem(str(folder), rule, shown(one_each), hint))
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


def _said(folders: Sequence[str]) -> dict[str, str | None]:
    said: dict[str, str | None] = {}
    for folder in folders:
        key, sign, value = folder.partition("=")
        if sign and key:
            said[unquote(key)] = None if value == _NULL else unquote(value)
    return said


def with_folders(piece: Piece, said: dict[str, str | None]) -> Piece:
    """Add the columns that folders are named after; they are text.

    Raises
    ------
    DataError
        When the file has such a column itself.
    """
    if both := [key for key in said if key in piece.schema.names]:
        rule = "a column is in the file or in the name of its folder"
        hint = "Drop it from the files, or rename the folders."
        raise DataError([Problem(piece.name, rule, f"both for {shown(both)}", hint)])
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
