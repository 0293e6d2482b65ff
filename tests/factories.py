"""Small case sets, random ones, and the reference numbers that other software gave."""

from __future__ import annotations

import csv
import gc
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import omistats as oms

ORACLES = Path(__file__).parent / "oracles"

LEVELS = {
    "supervision": ("community", "suspended", "licence"),
    "gender": ("f", "m"),
    "harm": ("high", "not high"),
    "tier": ("1", "2", "3", "4"),
}


class Supervision(oms.Breakdown):
    """Two labels of three; the third is left out."""

    key = "supervision"
    groups = ("community", "licence")
    excluded = ("suspended",)


class Gender(oms.Breakdown):
    key = "gender"
    groups = ("f", "m")


class Harm(oms.Breakdown):
    key = "harm"
    groups = ("high", "all")
    contrast = "complement"


class Tier(oms.Breakdown):
    key = "tier"
    groups = ("1", "2", "3", "4")


class OneGroup(oms.Breakdown):
    """Nothing to compare with."""

    key = "one_group"
    column = "gender"
    groups = ("f",)
    excluded = ("m",)


BREAKDOWNS = (Supervision(), Gender(), Harm(), Tier(), OneGroup())


def framework(questions: int = 2, **changes: Any) -> oms.Framework:
    """Give a framework with questions q0, q1, ... and the strata of `LEVELS`."""
    asked = [oms.Question(f"q{i}", f"Question {i}") for i in range(questions)]
    strata = [oms.Stratum(name, levels) for name, levels in LEVELS.items()]
    return oms.Framework(**{"name": "small", "questions": asked, "strata": strata, **changes})


def frame(rows: int = 4, questions: int = 2, **changes: Any) -> dict[str, Any]:
    """Give a well-formed frame as a dict of lists; ``changes`` replace columns, None drops one."""
    columns: dict[str, Any] = {
        "case_id": [f"c{i}" for i in range(rows)],
        "unit": ["AB"[i % 2] for i in range(rows)],
    }
    for name, levels in LEVELS.items():
        columns[name] = [levels[i % len(levels)] for i in range(rows)]
    for q in range(questions):
        columns[f"q{q}"] = [(True, False, None, True)[(i + q) % 4] for i in range(rows)]
    columns |= changes
    return {name: values for name, values in columns.items() if values is not None}


def read(data: Any = None, questions: int = 2, **options: Any) -> oms.CaseSet:
    """Read a frame against the small framework."""
    return oms.CaseSet.from_data(
        frame(questions=questions) if data is None else data,
        framework=framework(questions),
        **options,
    )


def random_frame(
    seed: int, rows: int, questions: int = 3, units: int = 4, unknown: float = 0.1
) -> dict[str, list[Any]]:
    """Give random cases in no order of units, with unknown strata and nulls of every density."""
    rng = np.random.default_rng(seed)
    names = [f"U{i}" for i in range(units)]
    columns: dict[str, list[Any]] = {
        "case_id": rng.permutation(rows).tolist(),
        "unit": [names[i] for i in rng.integers(0, units, rows)],
    }
    for name, levels in LEVELS.items():
        drawn = rng.integers(0, len(levels), rows).tolist()
        hidden = (rng.random(rows) < unknown).tolist()
        columns[name] = [None if h else levels[i] for i, h in zip(drawn, hidden, strict=True)]
    for q in range(questions):
        applicable, sufficient = rng.random(2)
        asked = (rng.random(rows) < applicable).tolist()
        well = (rng.random(rows) < sufficient).tolist()
        columns[f"q{q}"] = [w if a else None for a, w in zip(asked, well, strict=True)]
    return columns


def dirty_bits(values: list[bool | None], offset: int) -> pa.BooleanArray:
    """Make a Boolean array that starts inside a byte and has ones under its nulls."""
    padded = [True] * offset + [True if v is None else v for v in values] + [True] * 3
    known = [True] * offset + [v is not None for v in values] + [True] * 3
    bits, validity = (
        pa.py_buffer(np.packbits(np.array(flags, bool), bitorder="little").tobytes())
        for flags in (padded, known)
    )
    whole = pa.Array.from_buffers(pa.bool_(), len(padded), [validity, bits])
    return whole.slice(offset, len(values))


def oracle(name: str) -> list[dict[str, str]]:
    """Read reference numbers; the R script beside them says how they were made."""
    with (ORACLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows(table: Any) -> list[dict[str, Any]]:
    """Give the rows of anything that speaks Arrow as dicts."""
    found: list[dict[str, Any]] = pa.table(table).to_pylist()
    return found


def adjusted_by_statsmodels(p: npt.ArrayLike, method: str) -> npt.NDArray[np.float64]:
    """P-values adjusted by another package, without its garbage collection at every call."""
    from statsmodels.stats.multitest import multipletests

    with patch.object(gc, "collect", lambda: 0):
        return np.asarray(multipletests(p, method=method)[1])
