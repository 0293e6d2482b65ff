"""From a data frame to checked Arrow columns; every problem is found in one reading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, UsageError, shown
from omistats.model.framework import Framework
from omistats.model.strata import ALL
from omistats.model.units import Unit, reserved_unit, unit_ids

__all__ = ["read"]

KEYS = ("case_id", "unit")
ANSWER = "an answer is true, false or null, or a number that is 0, 1 or null"


def read(
    data: Any, framework: Framework, units: Iterable[Unit | str] | None
) -> tuple[dict[str, pa.Array], tuple[str, ...], dict[bytes, bytes]]:
    """Check a data frame against a framework.

    Returns
    -------
    columns : dict of str to pyarrow.Array
        ``case_id``, ``unit``, strata, questions, then extras.
    units : tuple of str
        Declared units, or those in the data.
    metadata : dict
        The schema metadata of the data.

    Raises
    ------
    DataError
        With every problem found.
    """
    if not isinstance(framework, Framework):
        raise UsageError(f"`framework` is a Framework, found {framework!r}")
    declared = None if units is None else unit_ids(units)
    table = _arrow.to_table(data)
    names = table.column_names
    problems = _columns(names, framework)
    columns: dict[str, pa.Array] = {}
    found: tuple[str, ...] = ()
    arrays = dict(zip(names, _arrow.columns(table), strict=True))

    if "case_id" in arrays:
        ids = arrays["case_id"]
        if pa.types.is_dictionary(ids.type):  # ids read as categories
            ids = ids.dictionary_decode()
        columns["case_id"] = ids
        problems += _case_ids(ids)
    if "unit" in arrays:
        columns["unit"], found, more = _units(arrays["unit"], declared)
        problems += more
    problems += _code(arrays, framework, columns)
    if problems:
        raise DataError(problems)
    for name in names:
        if name not in columns:
            columns[name] = arrays[name]
    return columns, found, _metadata(table.schema)


def _code(
    arrays: dict[str, pa.Array], framework: Framework, columns: dict[str, pa.Array]
) -> list[Problem]:
    """Turn strata and questions into dictionary and Boolean columns; say what is neither."""
    problems = []
    for stratum in framework.strata:
        if stratum.name in arrays:
            columns[stratum.name], bad = _arrow.as_levels(arrays[stratum.name], stratum.levels)
            if bad:
                allowed = f"allowed levels are {shown(stratum.levels, 12)}, or null for unknown"
                problems += _offending(stratum.name, allowed, bad)
    for id in framework.question_ids:
        if id in arrays:
            columns[id], bad = _arrow.as_answers(arrays[id])
            if bad:
                problems += _offending(id, ANSWER, bad)
    return problems


def _metadata(schema: pa.Schema) -> dict[bytes, bytes]:
    """Keep what the data say of themselves, not how one library spells its columns."""
    return {
        k: v for k, v in (schema.metadata or {}).items() if k not in (b"pandas", b"ARROW:schema")
    }


def _offending(where: str, rule: str, values: list[object]) -> list[Problem]:
    hint = "Recode these values, or leave them null."
    return [Problem(where, rule, shown(values), hint)]


def _columns(names: list[str], framework: Framework) -> list[Problem]:
    wanted = {
        "key": list(KEYS),
        "stratum": [s.name for s in framework.strata if s.required],
        "question": list(framework.question_ids),
    }
    present = set(names)
    problems = [
        Problem(
            f"{kind} column{'s' if len(missing) > 1 else ''}",
            f"the framework {framework.name!r} needs every {kind} column",
            f"none called {shown(missing, 8)}",
            "Add the column, all null if nothing is known, or pass a framework without it.",
        )
        for kind, needed in wanted.items()
        if (missing := [n for n in needed if n not in present])
    ]
    if len(present) < len(names):
        repeated = sorted({n for n in names if names.count(n) > 1})
        problems.append(
            Problem("columns", "a column's name is used once", shown(repeated), "Rename or drop.")
        )
    return problems


def _case_ids(ids: pa.Array) -> list[Problem]:
    kind = ids.type
    if not (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
    ) and len(ids):
        return [
            Problem("case_id", "ids are text or whole numbers", f"type {kind}", "Convert the ids.")
        ]
    problems = []
    if ids.null_count:
        problems.append(
            Problem("case_id", "every case has an id", f"{ids.null_count} null", "Give them ids.")
        )
    if repeated := [v for v in _arrow.duplicates(ids) if v is not None]:
        problems.append(
            Problem(
                "case_id",
                "an id stands for one case",
                f"more than once: {shown(repeated)}",
                "Drop the repeated rows or number the cases afresh.",
            )
        )
    return problems


def _units(
    array: pa.Array, declared: tuple[str, ...] | None
) -> tuple[pa.Array | None, tuple[str, ...], list[Problem]]:
    found = _arrow.labels_to_codes(array)
    if found is None:
        return (
            None,
            (),
            [Problem("unit", "unit ids are text", f"type {array.type}", "Convert the ids.")],
        )
    codes, labels = found
    problems = []
    if missing := int(np.count_nonzero(codes < 0)):
        problems.append(
            Problem("unit", "every case belongs to a unit", f"{missing} null", "Fill them in.")
        )
    seen = _arrow.used_labels(codes, labels)
    if ALL in seen:
        problems.append(reserved_unit())
    if declared is None:
        # A dictionary's order is the user's own; text has none, so it is sorted, and the
        # result does not depend on the order of the rows.
        order = tuple(seen if isinstance(array, pa.DictionaryArray) else sorted(seen))
    else:
        order = declared
        if stray := sorted(set(seen) - set(declared) - {ALL}):
            problems.append(
                Problem(
                    "unit",
                    f"declared units are {shown(declared, 8)}",
                    shown(stray),
                    "Declare these units or correct the ids.",
                )
            )
    if len(order) > np.iinfo(np.int16).max:
        problems.append(
            Problem(
                "unit", "at most 32,767 units", f"{len(order)}", "Use `regroup` on larger ones."
            )
        )
    if problems:
        return None, order, problems
    place = {unit: i for i, unit in enumerate(order)}
    table = np.array([place.get(label, -1) for label in labels] + [-1], np.int16)
    return _arrow.dictionary(table[codes], order), order, []
