"""Files that a disk, a line or a program has damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pytest

__all__ = ["failing_writes", "flipped"]


def flipped(path: Path, times: int, seed: int = 1) -> Iterator[int]:
    """Change a random bit of a file, and the next time another one of the file as it was."""
    original = path.read_bytes()
    rng = np.random.default_rng(seed)
    for at in rng.integers(0, len(original), times).tolist():
        damaged = bytearray(original)
        damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        yield at
    path.write_bytes(original)


def failing_writes(path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the writing of an Arrow file fail when most of it is there."""
    new_file = pa.ipc.new_file

    class Failing:
        def __init__(self, sink: object, schema: pa.Schema) -> None:
            self._writer = new_file(sink, schema)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def write_table(self, table: pa.Table) -> None:
            self._writer.write_table(table)
            assert len(list(path.parent.iterdir())) == 2
            raise error

    monkeypatch.setattr(pa.ipc, "new_file", Failing)
