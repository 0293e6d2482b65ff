"""R's data.table, where it is installed: a process of its own that waits for work."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from shutil import which
from typing import Self

import pyarrow as pa
import pyarrow.csv

from benchmarks.peers import PAIRS, SUBSET

__all__ = ["DataTable", "has_data_table"]

_SCRIPT = Path(__file__).with_name("report.R")
_TEXT = ("unit", "breakdown", "question", "group")


@cache
def has_data_table() -> bool:
    """Whether R and its package are here."""
    rscript = which("Rscript")
    asked = [rscript, "-e", 'quit(status = !requireNamespace("data.table", quietly = TRUE))']
    return rscript is not None and subprocess.run(asked, check=False).returncode == 0


class DataTable:
    """Cases that R has read, and the reports that it makes of them.

    R has no Arrow here, so it starts from its own table, and its time ends when its own
    table is finished; a word is sent for each, which takes some microseconds.
    """

    def __init__(self, table: pa.Table, questions: Sequence[str], *, by_unit: bool) -> None:
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "cases.csv"
        names = ["unit", *PAIRS, SUBSET[0]]
        text = [table[n].cast(pa.string()) for n in names]
        numbers = [table[q].cast(pa.int8()) for q in questions]
        pa.csv.write_csv(pa.table([*text, *numbers], names=[*names, *questions]), path)
        self._process = subprocess.Popen(
            ["Rscript", str(_SCRIPT), str(path), "unit" if by_unit else "all"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._expect("ready")

    def _expect(self, word: str) -> None:
        assert self._process.stdout is not None
        found = self._process.stdout.readline().strip()
        if found != word:
            raise RuntimeError(f"R said {found!r}, not {word!r}")

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        self._expect("done")

    def run(self) -> None:
        """Make the reports once."""
        self._send("run")

    def result(self) -> pa.Table:
        """Make the reports, and fetch them."""
        path = Path(self._folder.name) / "found.csv"
        self.run()
        self._send(f"write {path}")
        kinds = dict.fromkeys(_TEXT, pa.string())
        options = pa.csv.ConvertOptions(column_types=kinds)
        return pa.csv.read_csv(path, convert_options=options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._folder.cleanup()
