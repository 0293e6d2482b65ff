"""Cases drawn at random from cells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.model.cases import CaseSet
from omistats.model.units import Unit
from omistats.sampling.cells import Cells, Key, added

__all__ = ["chosen", "draw_cases", "with_columns"]

Ints = npt.NDArray[np.int64]

_METHOD = "simple random within cells, without replacement: lowest PCG64 numbers in order of ids"


def draw_cases(
    caseload: CaseSet, cells: Cells, n: Ints, seed: int, settings: Mapping[str, Any]
) -> CaseSet:
    """Draw ``n`` cases of every cell; see `omistats.SamplePlan.draw`."""
    drawn = chosen(caseload, cells, n, seed)
    with np.errstate(divide="ignore"):
        weight = np.where(n > 0, cells.counts / n, 0.0)
    keys = [[key] for key in cells.named()]
    more = added(keys, cells.of_case[drawn], weight, cells.counts)
    said = {"method": _METHOD, "seed": seed, **settings}
    return with_columns(
        caseload, drawn, more, {b"sampling": json.dumps(said, default=_plain).encode()}
    )


def chosen(caseload: CaseSet, cells: Cells, n: Ints, seed: int) -> Ints:
    """Choose the rows that are drawn, in the order of units and ids."""
    in_order = _by_id(caseload)
    of_case = cells.of_case[in_order]
    # Stable, so that ids ascend within cells.
    by_cell = in_order[np.argsort(of_case, kind="stable")]
    starts = np.concatenate([[0], np.cumsum(cells.counts)])
    parts = [np.empty(0, np.int64)]
    for c, key in enumerate(cells.named()):
        there = by_cell[starts[c] : starts[c + 1]]
        numbers = np.random.PCG64(_seed(seed, key)).random_raw(len(there))
        parts.append(there[np.argsort(numbers, kind="stable")[: n[c]]])
    rows = np.concatenate(parts)
    place = np.empty(len(in_order), np.int64)
    place[in_order] = np.arange(len(in_order))
    order: Ints = rows[np.lexsort((place[rows], caseload.unit_codes[rows]))]
    return order


def with_columns(
    cases: CaseSet, rows: Ints | None, more: Mapping[str, pa.Array], said: Mapping[bytes, bytes]
) -> CaseSet:
    """Take rows of cases, None for all, and give them more columns and metadata."""
    index = None if rows is None else pa.array(rows)
    columns = {name: cases[name] if index is None else cases[name].take(index) for name in cases}
    table = pa.table({**columns, **more}).replace_schema_metadata({**cases.metadata, **said})
    units = [Unit(unit, cases.unit_names.get(unit, "")) for unit in cases.units]
    return CaseSet.from_data(table, framework=cases.framework, units=units)


def _plain(value: Any) -> Any:
    """Turn mappings and NumPy's numbers into what JSON knows."""
    if isinstance(value, Mapping):
        return dict(value)
    # A share as it was written, of whatever length its binary fraction was.
    return int(value) if isinstance(value, np.integer) else float(str(value))


def _by_id(cases: CaseSet) -> Ints:
    import pyarrow.compute as pc

    order: Ints = pc.sort_indices(cases["case_id"]).to_numpy().astype(np.int64)
    return order


def _seed(seed: int, key: Key) -> np.random.SeedSequence:
    import hashlib  # wanted only when cases are drawn

    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    words = np.frombuffer(digest[:16], "<u4").tolist()
    return np.random.SeedSequence(seed, spawn_key=words)
