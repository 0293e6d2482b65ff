"""Ten million synthetic cases, or as many as are asked for, in files and in memory.

Answers and characteristics are drawn at random, chunk by chunk with a seed of its own, so that
no more than a chunk is in memory while a file is written. The data say that they are
synthetic, in their metadata and in every id.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.cases import FRAMEWORK, QUESTIONS

__all__ = ["CHUNK", "large_batches", "large_schema", "large_table", "write_large"]

CHUNK: Final = 250_000
UNITS: Final = 35

_LABEL = pa.dictionary(pa.int8(), pa.string())
_UNIT = pa.dictionary(pa.int16(), pa.string())
_STRATA = [s for s in FRAMEWORK.strata if s.required]


def large_schema() -> pa.Schema:
    """The columns: an id, a unit, six characteristics and 75 answers."""
    return pa.schema(
        [
            ("case_id", pa.string()),
            ("unit", _UNIT),
            *((s.name, _LABEL) for s in _STRATA),
            *((q, pa.bool_()) for q in QUESTIONS),
        ],
        metadata={"synthetic": "drawn at random for benchmarks; no case is real"},
    )


def large_batches(cases: int, seed: int = 4, units: int = UNITS) -> Iterator[pa.RecordBatch]:
    """Give the cases, sorted by unit, in batches."""
    schema = large_schema()
    # A random byte is below a threshold with a chance of so many 256ths.
    fixed = np.random.default_rng(seed)
    applicable = fixed.integers(40, 256, len(QUESTIONS))
    sufficient = fixed.integers(90, 240, len(QUESTIONS))
    names = pa.array([f"L{u:02d}" for u in range(1, units + 1)])
    for number, start in enumerate(range(0, cases, CHUNK)):
        random = np.random.default_rng([seed, number])
        rows = np.arange(start, min(start + CHUNK, cases))
        ids = np.char.add("SYN-LARGE-", np.char.zfill(rows.astype("U8"), 8))
        codes = (rows * units // cases).astype(np.int16)
        columns: list[pa.Array] = [pa.array(ids), pa.DictionaryArray.from_arrays(codes, names)]
        for stratum in _STRATA:
            labels = random.integers(0, len(stratum.levels), rows.size, np.int8)
            unknown = random.integers(0, 256, rows.size, np.uint8) < 5
            indices = pa.array(labels, mask=unknown)
            columns.append(pa.DictionaryArray.from_arrays(indices, pa.array(stratum.levels)))
        for asked, good in zip(applicable, sufficient, strict=True):
            drawn = np.frombuffer(random.bytes(2 * rows.size), np.uint8).reshape(2, -1)
            columns.append(pa.array(drawn[0] < good, mask=drawn[1] >= asked))
        yield pa.record_batch(columns, schema=schema)


def write_large(folder: Path, cases: int, seed: int = 4) -> tuple[Path, Path]:
    """Write an Arrow IPC file and a Parquet file of the same cases; give their paths."""
    ipc, parquet = folder / "cases.arrow", folder / "cases.parquet"
    schema = large_schema()
    with (
        pa.OSFile(str(ipc), "wb") as file,
        pa.ipc.new_file(file, schema) as one,
        pq.ParquetWriter(parquet, schema) as other,
    ):
        for batch in large_batches(cases, seed):
            one.write_batch(batch)
            other.write_batch(batch)
    return ipc, parquet


def large_table(ipc: Path) -> pa.Table:
    """The cases of an Arrow IPC file in memory, every column in one piece."""
    with pa.OSFile(str(ipc)) as file:
        return pa.ipc.open_file(file).read_all().combine_chunks()
