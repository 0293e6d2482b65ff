"""Whether files stay what they are while they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa

from omistats.errors import DataError, Problem

if TYPE_CHECKING:
    from omistats.model.pieces import Batches, Piece

__all__ = ["data_set_stamps", "file_stamps", "unchanged"]

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


def unchanged(
    piece: Piece, before: Stamps, look: Callable[[], Stamps], rows: int | None = None
) -> Piece:
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
