"""From a data frame to checked Arrow columns; every problem is found in one reading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, UsageError, format_values
from omistats.model.framework import ALL, Framework
from omistats.model.metadata import SYNTHETIC, SYNTHETIC_ID
from omistats.model.units import Unit, as_match_units, reserved_unit, with_names

__all__ = ["ANSWER", "KEYS", "column_problems", "read"]


KEYS = ("case_id", "unit")
_KNOWN = "Add the column, all null if nothing is known, or pass a framework without it."
_MISSING = {
    "key": "Add the column: every case has an id of its own, and a unit.",
    "stratum": _KNOWN,
    "question": _KNOWN,
}
_MEND = "Mend the source, which may be damaged, or decode it as what it is."
ANSWER = "an answer is true, false or null, or a number that is 0, 1 or null"


def read(
    data: Any,
    framework: Framework,
    units: Iterable[Unit | str] | None,
    check_ids: bool = True,
) -> tuple[dict[str, pa.Array], tuple[str, ...], dict[bytes, bytes]]:
    """Check a data frame against a framework.

    Without ``check_ids`` an id may stand twice.

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
    declared = None if units is None else with_names(units)
    table, mixed = _arrow.to_table(data)
    names = table.column_names
    problems = column_problems([*names, *mixed], framework)
    problems += [
        Problem(name, "a column has values of one kind", kinds, "Recode the column.")
        for name, kinds in mixed.items()
    ]
    columns: dict[str, pa.Array] = {}
    found: tuple[str, ...] = ()
    arrays = dict(zip(names, _arrow.columns(table), strict=True))
    # Whatever is asked of text that is no text fails, so that it is not looked at further.
    bad = {name: wrong for name, array in arrays.items() if (wrong := _arrow.utf8_error(array))}
    problems += [Problem(n, "text is UTF-8", wrong, _MEND) for n, wrong in bad.items()]
    arrays = {name: array for name, array in arrays.items() if name not in bad}
    if "case_id" in arrays:
        columns["case_id"], more = _case_ids(arrays["case_id"], check_ids)
        problems += more
    if "unit" in arrays:
        columns["unit"], found, more = _units(arrays["unit"], declared)
        problems += more
    problems += _code(arrays, framework, columns)
    if problems:
        raise DataError(problems)
    for name in names:
        if name not in columns:
            columns[name] = arrays[name]
    return columns, found, _metadata(table.schema, columns["case_id"])


def _code(
    arrays: dict[str, pa.Array], framework: Framework, columns: dict[str, pa.Array]
) -> list[Problem]:
    """Turn strata and questions into dictionary and Boolean columns; say what is neither."""
    problems = []
    for stratum in framework.strata:
        if stratum.name in arrays:
            columns[stratum.name], wrong = _arrow.as_levels(arrays[stratum.name], stratum.levels)
            if wrong:
                allowed = (
                    f"allowed levels are {format_values(stratum.levels, 12)}, or null for unknown"
                )
                hint = "Recode these values, or leave them null."
                problems.append(Problem(stratum.name, allowed, str(wrong), hint))
    for id in framework.question_ids:
        if id in arrays:
            columns[id], wrong = _arrow.as_answers(arrays[id])
            if wrong:
                problems.append(Problem(id, ANSWER, str(wrong), _recode(id, wrong)))
    return problems


# What people type for an answer. Any other text is for the user to give a meaning to.
_MEANT = {
    **dict.fromkeys(("yes", "y", "true", "t", "1", "1.0"), True),
    **dict.fromkeys(("no", "n", "false", "f", "0", "0.0"), False),
    **dict.fromkeys(("", "n/a", "na", "not applicable", "none", "null"), None),
}
_AT_MOST = 12


def _recode(id: str, wrong: _arrow.InvalidValues) -> str:
    if wrong.kind != "text":
        return "Recode these values, or leave them null."
    texts = list(map(str, wrong.values[:_AT_MOST]))
    meant = [f"{text!r}: {_MEANT.get(text.strip().lower(), '...')}" for text in texts]
    more = ["..."] if len(wrong.values) > _AT_MOST else []
    return (
        f'Say what each text means, as in pandas df["{id}"].map({{{", ".join(meant + more)}}}); '
        "what is not listed there becomes null."
    )


def _metadata(schema: pa.Schema, ids: pa.Array) -> dict[bytes, bytes]:
    """Keep what the data say of themselves, not how one library spells its columns.

    Where metadata were lost on the way, the ids of synthetic cases still tell.
    """
    skip = (b"pandas", b"ARROW:schema")
    kept = {k: v for k, v in (schema.metadata or {}).items() if k not in skip}
    text = pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)
    if SYNTHETIC not in kept and text:
        import pyarrow.compute as pc

        if pc.any(pc.starts_with(ids, SYNTHETIC_ID)).as_py():
            kept[SYNTHETIC] = b"true"
    return kept


def column_problems(names: list[str], framework: Framework) -> list[Problem]:
    """Say which columns are missing, and which stand twice."""
    wanted = {
        "key": list(KEYS),
        "stratum": [s.name for s in framework.strata if s.required],
        "question": list(framework.question_ids),
    }
    present = set(names)
    problems = [
        Problem(
            f"{kind} column{'s' if len(missing) > 1 else ''}",
            f"the framework {framework.name!r} needs every {kind} column"
            if kind != "key"
            else "all cases have the columns 'case_id' and 'unit'",
            f"none called {format_values(missing, 8)}",
            _nearest(missing, present.difference(*wanted.values())) + _MISSING[kind],
        )
        for kind, needed in wanted.items()
        if (missing := [n for n in needed if n not in present])
    ]
    if len(present) < len(names):
        repeated = sorted({n for n in names if names.count(n) > 1})
        problems.append(
            Problem(
                "columns",
                "a column's name is used once",
                format_values(repeated),
                "Rename or drop.",
            )
        )
    return problems


def _nearest(missing: list[str], others: set[str]) -> str:
    from difflib import get_close_matches

    near = {name: get_close_matches(name, others, n=1) for name in missing}
    pairs = [f"{found[0]!r} to {name!r}" for name, found in near.items() if found]
    return f"Rename {' and '.join(pairs)}? " if pairs else ""


def _case_ids(ids: pa.Array, unique: bool) -> tuple[pa.Array, list[Problem]]:
    if pa.types.is_dictionary(ids.type):  # ids read as categories
        ids = ids.dictionary_decode()
    problems = []
    fine = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer)
    wrong_kind = len(ids) > 0 and not any(is_one(ids.type) for is_one in fine)
    if wrong_kind:
        found = str(_arrow.InvalidValues.of_kind(ids))
        problems.append(
            Problem("case_id", "ids are text or whole numbers", found, "Convert the ids.")
        )
    if ids.null_count:
        problems.append(
            Problem("case_id", "every case has an id", f"{ids.null_count} null", "Give them ids.")
        )
    if unique and not wrong_kind and (repeated := _arrow.duplicates(ids)):
        problems.append(
            Problem(
                "case_id",
                "an id stands for one case",
                f"more than once: {format_values(repeated)}",
                "Drop the repeated rows or number the cases afresh.",
            )
        )
    return ids, problems


def _units(
    array: pa.Array, declared: tuple[Unit, ...] | None
) -> tuple[pa.Array | None, tuple[str, ...], list[Problem]]:
    found = _arrow.labels_to_codes(array)
    if found is None:
        kind = str(_arrow.InvalidValues.of_kind(array))
        return None, (), [Problem("unit", "unit ids are text", kind, "Convert the ids.")]
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
        order = tuple(unit.id for unit in declared)
        if stray := sorted(set(seen) - set(order) - {ALL}):
            hint = "Declare these units or correct the ids." + as_match_units(stray, declared)
            rule = f"declared units are {format_values(order, 8)}"
            problems.append(Problem("unit", rule, format_values(stray), hint))
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
