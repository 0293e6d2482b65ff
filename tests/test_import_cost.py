"""`import omistats` loads the standard library only; using it loads no package before its need."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

COSTLY = {
    "numpy",
    "pyarrow",
    "attrs",
    "scipy",
    "pandas",
    "polars",
    "duckdb",
    "matplotlib",
    "narwhals",
}
# Loaded together with the first result, whatever it is.
NEEDED = {"numpy", "pyarrow", "attrs"}
# Parts of pyarrow that few calls need.
PARTS = {
    "pyarrow.acero",
    "pyarrow.compute",
    "pyarrow.csv",
    "pyarrow.dataset",
    "pyarrow.parquet",
}


def loaded_by(statement: str) -> set[str]:
    """Return the modules a fresh interpreter holds after a statement; print how long it took."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    began = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    # Shown by `pytest -s`: starting the interpreter is most of it, and no machine is like another.
    print(f"{time.perf_counter() - began:.3f} s: {statement}")
    return set(json.loads(run.stdout))


def test_importing_the_package_loads_nothing_costly() -> None:
    modules = loaded_by("import omistats")
    assert "omistats" in modules
    assert sorted(modules & (COSTLY | PARTS)) == []


def test_importing_all_public_names_loads_no_optional_package() -> None:
    modules = loaded_by("from omistats import *")
    assert modules >= NEEDED
    assert sorted(modules & (COSTLY - NEEDED | PARTS)) == []


@pytest.mark.parametrize("module", ["numpy", "scipy.special", "narwhals", "pyarrow.compute"])
def test_a_costly_import_would_be_seen(module: str) -> None:
    assert module in loaded_by(f"import {module}")
