"""Large files: what is timed gives the same reports. Here they are small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import large, large_cases
from benchmarks.cases import QUESTIONS, programme
from benchmarks.curves import ASKED, CASES, GROUPS, UNITS, curve_figures
from benchmarks.large_cases import large_batches, large_schema, large_table, write_large
from benchmarks.limits import raw_read
from benchmarks.memory import case_set_megabytes, peak_of_reports

CASES_IN_FILE = 10_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Several batches, as a large file has.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_cases, "CHUNK", 3_000)
        folder = tmp_path_factory.mktemp("large")
        write_large(folder, CASES_IN_FILE)
    return folder


def test_files_say_that_they_are_synthetic(folder: Path) -> None:
    table = large_table(folder / "cases.arrow")
    assert table.num_rows == CASES_IN_FILE
    assert b"synthetic" in table.schema.metadata
    assert all(i.startswith("SYN-") for i in table["case_id"].to_pylist())
    assert pq.read_table(folder / "cases.parquet").equals(table)


def test_a_seed_decides() -> None:
    one, same, other = (pa.Table.from_batches(large_batches(500, seed=s)) for s in (1, 1, 2))
    assert one.schema == large_schema()
    assert one.equals(same)
    assert not one.equals(other)
    assert len(set(one["unit"].to_pylist())) == 35


def test_in_memory(folder: Path) -> None:
    found = large.in_memory(large_table(folder / "cases.arrow"), 1, 1)
    asked = {line["contestant"] for line in found if line["ratios"]["prepared"]["asked"] == 8}
    assert asked == set(large.IN_MEMORY_ASKED)


@pytest.mark.parametrize(
    ("name", "asked"), [("cases.arrow", large.IPC_ASKED), ("cases.parquet", large.PARQUET_ASKED)]
)
def test_from_a_file(folder: Path, name: str, asked: dict[str, Any]) -> None:
    found = large.from_file(folder / name, 1, 1)
    assert {x["contestant"] for x in found if x["ratios"]["the file"]["asked"]} == set(asked)


def test_a_raw_read_reads_all(folder: Path) -> None:
    path = folder / "cases.arrow"
    assert raw_read(path) == path.stat().st_size


def test_memory_of_cases_leaves_ids_out(folder: Path) -> None:
    found = case_set_megabytes(folder / "cases.arrow")
    # 18 letters and an offset of 4 bytes each.
    assert found["ids"] == pytest.approx(22 * CASES_IN_FILE / 1e6, rel=0.01)
    # Bits of 75 questions and bytes of 6 characteristics cannot take less.
    assert found["arrow"] > (2 * 75 / 8 + 6) * CASES_IN_FILE / 1e6


def test_peak_of_reports_is_above_imports() -> None:
    table = programme(35)
    assert peak_of_reports(table) > table.nbytes / 1e6


def test_curves_have_their_points() -> None:
    found = curve_figures(1, scale=0.02)
    points = {name: tuple(p["at"] for p in line) for name, line in found.items()}
    assert points == {"cases": CASES, "questions": ASKED, "units": UNITS, "groups": GROUPS}
    assert len(QUESTIONS) == ASKED[-1]
