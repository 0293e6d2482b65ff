"""`import omistats` loads NumPy, pyarrow's core and attrs, and nothing else that is costly."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

COSTLY = (
    "scipy.special",
    "scipy.stats",
    "pandas",
    "polars",
    "duckdb",
    "matplotlib",
    "narwhals",
    "pyarrow.acero",
    "pyarrow.compute",
    "pyarrow.csv",
    "pyarrow.dataset",
    "pyarrow.parquet",
)


def loaded_by(statement: str) -> set[str]:
    """Return the modules a fresh interpreter holds after the statement."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(json.loads(run.stdout))


def test_importing_the_package_loads_nothing_costly() -> None:
    modules = loaded_by("import omistats")
    assert "omistats" in modules
    assert modules.isdisjoint(COSTLY), sorted(modules.intersection(COSTLY))


@pytest.mark.parametrize("module", ["scipy.special", "narwhals", "pyarrow.compute", "pandas"])
def test_a_costly_import_would_be_seen(module: str) -> None:
    assert module in loaded_by(f"import {module}")
