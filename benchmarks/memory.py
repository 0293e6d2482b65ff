"""What cases take in memory, and what 36 reports need at most; each in a fresh process.

``python -m benchmarks.memory [--cases 10000000]``, from the root of the repository.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from benchmarks.cases import programme
from benchmarks.large_cases import write_large
from benchmarks.processes import output_of, peak_memory

__all__ = ["CASES_ASKED", "PEAK_ASKED", "case_set_megabytes", "memory_figures", "peak_of_reports"]

CASES_ASKED: Final = 300
"""Megabytes that ten million cases may take besides their ids."""
PEAK_ASKED: Final = 150
"""Megabytes that 36 reports may need above imports."""

_IMPORTS = """
import numpy, pyarrow, pyarrow.ipc, scipy.special
import omistats as oms
"""

_HELD = (
    _IMPORTS
    + """
import gc, json, sys
import pyarrow.compute

def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096

few = oms.omi2.load_synthetic()
oms.recompute(few).table
before = resident()
with pyarrow.OSFile({path!r}) as file:
    table = pyarrow.ipc.open_file(file).read_all()
cases = oms.CaseSet.from_data(table, framework=oms.omi2.FRAMEWORK)
oms.tally(cases, by="unit")
ids = table["case_id"].nbytes
del table
gc.collect()
pyarrow.default_memory_pool().release_unused()
held = pyarrow.total_allocated_bytes()
mb = 1e6
print(json.dumps(dict(
    resident=(resident() - before - ids) / mb, arrow=(held - ids) / mb, ids=ids / mb
)))
"""
)

_REPORTS = (
    _IMPORTS
    + """
with pyarrow.memory_map({path!r}) as file:
    table = pyarrow.ipc.open_file(file).read_all()
cases = oms.CaseSet.from_data(table, framework=oms.omi2.FRAMEWORK)
assert oms.recompute(cases, by="unit").table.num_rows == 32_400
"""
)


def case_set_megabytes(ipc: Path) -> dict[str, float]:
    """What a case set, counted once, keeps: resident memory besides ids, and Arrow's share."""
    found: dict[str, float] = json.loads(output_of(_HELD.format(path=str(ipc))))
    return found


def peak_of_reports(table: pa.Table) -> float:
    """Peak of 36 reports from an Arrow table above that of imports, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "programme.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        return peak_memory(_REPORTS.format(path=str(path))) - peak_memory(_IMPORTS)


def memory_figures(cases: int, folder: Path) -> list[dict[str, Any]]:
    """Both, ready for JSON; the large file is looked for in the folder, or written there."""
    ipc = folder / "cases.arrow"
    if not ipc.exists():
        ipc, _ = write_large(folder, cases)
    held = case_set_megabytes(ipc)
    return [
        {
            "what": f"a CaseSet of {cases:,} cases and 75 questions, counted once, besides ids",
            "measured": held["arrow"],
            "unit": "MB",
            "asked": CASES_ASKED,
        },
        {
            # Allocators keep some of what they were given back for the next time.
            "what": "by how much the process had grown then, with what allocators keep for later",
            "measured": held["resident"],
            "unit": "MB",
            "asked": None,
        },
        {
            "what": "peak of 36 reports above imports",
            "measured": peak_of_reports(programme()),
            "unit": "MB",
            "asked": PEAK_ASKED,
        },
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure memory in fresh processes.")
    parser.add_argument("--cases", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for line in memory_figures(options.cases, Path(folder)):
            asked = f"asked: under {line['asked']}"
            print(f"{line['what']}: {line['measured']:.0f} {line['unit']}; {asked}")


if __name__ == "__main__":
    main()
