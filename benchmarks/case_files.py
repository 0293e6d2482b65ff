"""A million cases from CSV and Parquet: read, recode and count, beside polars.

``python -m benchmarks.case_files [--cases 1000000] [--rounds 5] [--folder DIR]``, from the root
of the repository. The files hold 30 columns: an id, a unit, two characteristics and 26 answers of
four levels, some blank and some not applicable. The cases are synthetic, and every id says so.

Both count what is sufficient and what is applicable, of every question in every unit. omistats
checks on the way that ids are unique, and that levels and answers are those of the framework;
polars does not. By a mapping, omistats recodes every column and logs what it recoded.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

import omistats as oms
from benchmarks.bulk import show
from benchmarks.interleave import interleave
from benchmarks.lines import LIMIT, lines
from omistats.breakdowns.base import AllCases
from omistats.mappings import CaseMapping, Characteristic, Layout, QuestionColumn
from omistats.model.tabular_files import read_raw_table

__all__ = ["file_figures", "polars_counts", "tally_counts", "write_case_files"]

LEVELS: Final = ("fully met", "mostly met", "partly met", "not met")
SUFFICIENT: Final = LEVELS[:2]
QUESTIONS: Final = tuple(f"q{i:02d}" for i in range(1, 27))
UNITS: Final = tuple(f"Area {i:02d}" for i in range(1, 36))
FRAMEWORK: Final = oms.Framework(
    "benchmark of case files",
    questions=[oms.Question(q, q, levels=LEVELS, sufficient=SUFFICIENT) for q in QUESTIONS],
    strata=[oms.Stratum("sex", ("female", "male")), oms.Stratum("risk", ("low", "medium", "high"))],
    breakdowns=["sex"],
)
CODES: Final = {
    "met": {
        **{level: (level.upper(),) for level in LEVELS},
        "not applicable": ("", "n/a", "not applicable"),
    },
    "sex": {"female": ("female", "f"), "male": ("male", "m"), "unknown": ("",)},
    "risk": {"low": ("low",), "medium": ("medium",), "high": ("high",), "unknown": ("",)},
}
MAPPING: Final = CaseMapping(
    layouts={
        "file": Layout(
            id="case_id",
            unit="unit",
            questions={q: QuestionColumn(q, codes=("met",)) for q in QUESTIONS},
            characteristics={name: Characteristic(name, (name,)) for name in ("sex", "risk")},
        )
    },
    codes=CODES,
    match="ignore case and spaces",
)
OURS: Final = "omistats, read, check and count"
MAPPED: Final = "omistats, read and recode by a mapping, log, check and count"
POLARS: Final = f"{LIMIT}polars, read, recode and count"
RAW: Final = "omistats, read each cell as text"
READ: Final = f"{LIMIT}polars, read"
ASKED: Final = {POLARS: {"the file": 1.5, "the mapping": 1.5}}

Counts = npt.NDArray[np.int64]


def write_case_files(folder: Path, cases: int, seed: int = 3) -> dict[str, Path]:
    """Write the same cases as CSV and as Parquet, with its usual dictionaries."""
    random = np.random.default_rng(seed)

    def column(labels: tuple[str, ...], *, blanks: bool = True) -> pa.Array:
        codes = random.integers(0, len(labels) + blanks, cases).astype(np.int8)
        indices = pa.array(codes, mask=codes == len(labels))
        return pa.DictionaryArray.from_arrays(indices, pa.array(labels, pa.string()))

    table = pa.table(
        {
            "case_id": pa.array(np.char.add("SYN-", np.arange(cases).astype("U8"))),
            "unit": column(UNITS, blanks=False),
            "sex": column(("female", "male")),
            "risk": column(("low", "medium", "high")),
            **{q: column((*LEVELS, "not applicable")) for q in QUESTIONS},
        }
    )
    paths = {kind: folder / f"cases.{kind}" for kind in ("csv", "parquet")}
    plain = [c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    options = pcsv.WriteOptions(quoting_style="none")
    pcsv.write_csv(pa.table(plain, names=table.column_names), paths["csv"], options)
    pq.write_table(table, paths["parquet"])
    return paths


def tally_counts(path: Path) -> Counts:
    """Sufficient and applicable answers of every question in every unit, by omistats."""
    found = oms.tally(path, by="unit", breakdowns=[AllCases()], framework=FRAMEWORK)
    # The last unit is all together.
    return np.stack([found.k[: len(UNITS), 0], found.n[: len(UNITS), 0]])


def mapped_counts(path: Path) -> Counts:
    """The same by a mapping that recodes every answer and characteristic."""
    cases = oms.read_cases(path, MAPPING, framework=FRAMEWORK)
    found = oms.tally(cases, by="unit", breakdowns=[AllCases()])
    return np.stack([found.k[: len(UNITS), 0], found.n[: len(UNITS), 0]])


def polars_counts(path: Path) -> Counts:
    """The same by polars: read, recode the levels, count by unit."""
    frame = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    met = {level: level in SUFFICIENT for level in LEVELS}
    answers = pl.col(QUESTIONS).replace_strict(
        [*met, "not applicable"], [*met.values(), None], return_dtype=pl.Boolean, default=None
    )
    recoded = frame.select(pl.col("unit").cast(pl.String), answers)
    counted = (
        recoded.group_by("unit")
        .agg(
            pl.col(QUESTIONS).sum().cast(pl.Int64).name.prefix("k_"),
            pl.col(QUESTIONS).count().cast(pl.Int64).name.prefix("n_"),
        )
        .sort("unit")
    )
    return np.stack(
        [
            np.stack([counted[f"{kind}_{q}"].to_numpy() for q in QUESTIONS], axis=1)
            for kind in ("k", "n")
        ]
    )


def from_file(path: Path, rounds: int) -> list[dict[str, Any]]:
    """Race them, having seen that they count the same.

    Raises
    ------
    ValueError
        When the counts differ: times of unlike work say nothing.
    """
    expected = polars_counts(path)
    if any(not np.array_equal(count(path), expected) for count in (tally_counts, mapped_counts)):
        raise ValueError(f"counts differ: {path.name}")
    read = pl.read_csv if path.suffix == ".csv" else pl.read_parquet
    calls = {
        OURS: lambda: tally_counts(path),
        MAPPED: lambda: mapped_counts(path),
        POLARS: lambda: polars_counts(path),
        RAW: lambda: [column.text for column in read_raw_table(path).columns],
        READ: lambda: read(path),
    }
    bases = {"the file": OURS, "the mapping": MAPPED}
    return lines(interleave(calls, rounds, dict.fromkeys(calls, rounds)), bases, ASKED)


def file_figures(cases: int, rounds: int, folder: Path) -> list[dict[str, Any]]:
    """Figures of both files, ready for JSON."""
    return [
        {
            "id": f"case file {kind}",
            "title": f"Cases from {'CSV' if kind == 'csv' else 'Parquet'}",
            "work": f"{cases:,} synthetic cases, {path.stat().st_size / 1e6:.0f} MB",
            "lines": from_file(path, rounds),
        }
        for kind, path in write_case_files(folder, cases).items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a million cases beside polars.")
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to put the files for a while")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        show(file_figures(options.cases, options.rounds, Path(folder)))


if __name__ == "__main__":
    main()
