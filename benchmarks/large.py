"""W4, the reports of ten million cases: in memory, from an Arrow IPC file, from Parquet.

``python -m benchmarks.large [--cases 10000000] [--rounds 3] [--slow 1] [--folder DIR]``, from the
root of the repository. The files take 0.7 GB in the folder, by default a temporary one.

Reports are those of 35 units and of all together. The cases are synthetic; a file is read
with the system's cache warm, as is the limit beside it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

import omistats as oms
from benchmarks.agreement import UNIT_KEYS
from benchmarks.bulk import BASES, Calls, prepared, recomputed, same_or_raise, show
from benchmarks.cases import FRAMEWORK, QUESTIONS
from benchmarks.interleave import interleave
from benchmarks.large_cases import large_table, write_large
from benchmarks.limits import bits_copied, raw_read
from benchmarks.lines import FROM_ARROW, LIMIT, PREPARED, lines
from benchmarks.peers import CONNECTION
from benchmarks.unit_peers import duckdb_once, duckdb_units, polars_once, polars_units

__all__ = ["from_file", "in_memory", "large_figures"]

SIX, ONCE = "polars, six queries", "polars, one query and NumPy"
SETS, GROUPED = "DuckDB, grouping sets", "DuckDB, one group by and NumPy"
STREAMED, STREAMED_ONCE = f"{SIX}, streaming", f"{ONCE}, streaming"
PATH: Final = "omistats, from the file"
READ: Final = f"{LIMIT}raw read of the file"
COPIED: Final = f"{LIMIT}copy of the answers' bits"

IN_MEMORY_ASKED: Final = {name: {"prepared": 8} for name in (SIX, ONCE, SETS, GROUPED)}
PARQUET_ASKED: Final = {name: {"the file": 1.2} for name in (STREAMED, STREAMED_ONCE)}
IPC_ASKED: Final = {READ: {"the file": 10}}


def _race(
    calls: Calls, ours: pa.Table, bases: dict[str, str], asked: Any, rounds: int, slow: int
) -> list[dict[str, Any]]:
    same_or_raise({n: c for n, c in calls.items() if not n.startswith(LIMIT)}, ours, UNIT_KEYS)
    # Seconds a call: nothing needs to warm, and the check just now was a round of all.
    few = {name: rounds if name in (*bases.values(), READ, COPIED) else slow for name in calls}
    return lines(interleave(calls, rounds, few), bases, asked)


@contextmanager
def _in_duckdb(table: pa.Table) -> Iterator[str]:
    """A table of DuckDB's own, which it counts sooner than one of Arrow's."""
    CONNECTION.register("arrow_cases", table)
    CONNECTION.execute("create table own_cases as select * exclude case_id from arrow_cases")
    CONNECTION.unregister("arrow_cases")
    try:
        yield "own_cases"
    finally:
        CONNECTION.execute("drop table own_cases")


def in_memory(table: pa.Table, rounds: int, slow: int) -> list[dict[str, Any]]:
    """Reports of cases in memory; every peer starts from a table of its own kind."""
    ready = prepared(table)
    frame: Any = pl.from_arrow(table.drop_columns("case_id"))
    with _in_duckdb(table) as own:
        calls: Calls = {
            PREPARED: lambda: recomputed(ready, "unit"),
            FROM_ARROW: lambda: recomputed(table, "unit"),
            SIX: lambda: polars_units(frame.lazy(), QUESTIONS),
            ONCE: lambda: polars_once(frame.lazy(), QUESTIONS),
            SETS: lambda: duckdb_units(own, QUESTIONS),
            GROUPED: lambda: duckdb_once(own, QUESTIONS),
            COPIED: bits_copied(table.num_rows),
        }
        ours = calls[PREPARED]()
        return _race(calls, ours, BASES, IN_MEMORY_ASKED, rounds, slow)


def from_file(path: Path, rounds: int, slow: int) -> list[dict[str, Any]]:
    """Reports of cases in a file; nobody is asked to read the ids but omistats, which checks."""
    parquet = path.suffix == ".parquet"
    scan: Any = pl.scan_parquet if parquet else pl.scan_ipc

    def ours() -> pa.Table:
        return oms.recompute(path, by="unit", framework=FRAMEWORK).table

    calls: Calls = {
        PATH: ours,
        STREAMED: lambda: polars_units(scan(path), QUESTIONS, "streaming"),
        STREAMED_ONCE: lambda: polars_once(scan(path), QUESTIONS, "streaming"),
        READ: lambda: raw_read(path),
    }
    if parquet:
        source = f"read_parquet('{path}')"
        calls[GROUPED] = lambda: duckdb_once(source, QUESTIONS)
    asked = PARQUET_ASKED if parquet else IPC_ASKED
    return _race(calls, ours(), {"the file": PATH}, asked, rounds, slow)


def large_figures(cases: int, rounds: int, slow: int, folder: Path) -> list[dict[str, Any]]:
    """W4, ready for JSON."""
    ipc, parquet = write_large(folder, cases)
    megabytes = {path: round(path.stat().st_size / 1e6) for path in (ipc, parquet)}
    work = f"{cases:,} synthetic cases of 35 units, and all of them together"
    return [
        {
            "id": "W4 memory",
            "title": "Ten million cases in memory" if cases == 10**7 else "Cases in memory",
            "work": work,
            "lines": in_memory(large_table(ipc), rounds, slow),
        },
        {
            "id": "W4 IPC",
            "title": "The same from an Arrow IPC file",
            "work": f"{megabytes[ipc]:,} MB, mapped into memory",
            "lines": from_file(ipc, rounds, slow),
        },
        {
            "id": "W4 Parquet",
            "title": "The same from a Parquet file",
            "work": f"{megabytes[parquet]:,} MB",
            "lines": from_file(parquet, rounds, slow),
        },
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time ten million cases beside peers.")
    parser.add_argument("--cases", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow", type=int, default=1, help="rounds of the peers")
    parser.add_argument("--folder", type=Path, help="where to put the files for a while")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        show(large_figures(options.cases, options.rounds, options.slow, Path(folder)))


if __name__ == "__main__":
    main()
