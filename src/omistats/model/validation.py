"""Check a data frame against a framework; report every problem in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set as AbstractSet
from typing import Any

import numpy as np
import pyarrow as pa

from omistats import _arrow
from omistats._series import index_of, is_pandas, order_by_index
from omistats.errors import DataError, Problem, format_values, near_names
from omistats.model.answers import read_answers, route_answers
from omistats.model.framework import (
    ALL,
    NOT_APPLICABLE,
    Framework,
    Question,
    check_framework,
    stored_labels,
)
from omistats.model.metadata import SYNTHETIC, SYNTHETIC_ID, with_kept_as_text
from omistats.model.units import Unit, as_units, look, match_units_hint, unit_name_problems

__all__ = ["ANSWER", "KEYS", "answer_rule", "column_problems", "row_labels", "validate_frame"]


KEYS = ("case_id", "unit")
_MISSING_HINT = "Add the column, all null if nothing is known, or pass a framework without it."
_MISSING = {
    "key": "Add the column: every case needs an id of its own, and a unit.",
    "stratum": _MISSING_HINT,
    "question": _MISSING_HINT,
}
_ENCODING_HINT = "Repair the source if it is damaged, or decode it with its own encoding."
ANSWER = "answers must be true, false, 0, 1 or null"


def validate_frame(
    data: Any,
    framework: Framework,
    units: Iterable[Unit | str] | None,
    check_ids: bool = True,
) -> tuple[dict[str, pa.Array], tuple[str, ...], dict[bytes, bytes]]:
    """Check a data frame against a framework.

    Parameters
    ----------
    data : data frame
        One row per case.
    framework : Framework
        The questions and strata to expect.
    units : iterable of Unit or str, or None
        The declared units; by default those in the data.
    check_ids : bool
        Whether to check that ids are unique.

    Returns
    -------
    columns : dict of str to pyarrow.Array
        ``case_id``, ``unit``, strata, questions, then extras.
    units : tuple of str
        The declared units, or those in the data.
    metadata : dict
        The schema metadata of the data.

    Raises
    ------
    DataError
        With every problem found.
    """
    check_framework(framework)
    declared = None if units is None else as_units(units)
    problems: list[Problem] = []
    table, mixed = _arrow.to_table(_rows_in_order(data, problems))
    names = table.column_names
    arrays = dict(zip(names, _arrow.columns(table), strict=True))
    for column in mixed:
        names.insert(column.place, column.name)
    problems += column_problems(names, framework, _index_names(data))
    as_text = _add_mixed(mixed, framework, arrays, problems)
    columns: dict[str, pa.Array] = {}
    found: tuple[str, ...] = ()
    # Other checks would fail on invalid text.
    bad = {name: error for name, array in arrays.items() if (error := _arrow.utf8_error(array))}
    problems += [
        Problem(n, "text must be UTF-8", error, _ENCODING_HINT) for n, error in bad.items()
    ]
    arrays = {name: array for name, array in arrays.items() if name not in bad}
    if "case_id" in arrays:
        columns["case_id"], more = _check_ids(arrays["case_id"], check_ids)
        problems += more
    if "unit" in arrays:
        columns["unit"], found, more = _check_units(arrays["unit"], declared)
        problems += more
    problems += _code_columns(arrays, framework, columns)
    if problems:
        raise DataError(problems)
    for name in names:
        if name not in columns:
            columns[name] = arrays[name]
    metadata = _keep_metadata(table.schema, columns["case_id"])
    return columns, found, with_kept_as_text(metadata, as_text)


def row_labels(data: Any) -> Any:
    """Return the index of a pandas frame, or of the first Series in a dict; else None."""
    if isinstance(data, dict):
        return next((index_of(v) for v in data.values() if is_pandas(v)), None)
    return index_of(data)


def _rows_in_order(data: Any, problems: list[Problem]) -> Any:
    """Put the Series of a dict in the order of the first one."""
    index = row_labels(data)
    if index is None or not isinstance(data, dict):
        return data
    what = "the first of the columns"
    return {
        name: order_by_index(column, index, len(index), str(name), what, problems)
        for name, column in data.items()
    }


def _index_names(data: Any) -> set[str]:
    """List the names of the levels of a frame's index, which are no columns."""
    names = getattr(row_labels(data), "names", ())
    return {str(name) for name in names if name is not None}


def _add_mixed(
    mixed: list[_arrow.MixedColumn],
    framework: Framework,
    arrays: dict[str, pa.Array],
    problems: list[Problem],
) -> list[str]:
    """Add columns that Arrow cannot hold; return the names of those that are kept as text.

    Answers that are all 0 or 1, of whatever types, are Booleans. Any other column of the framework
    must hold values of one type, which is a problem; columns beside the framework become text.
    """
    plain = {q.id for q in framework.questions if not q.levels}
    needed = {*KEYS, *framework.question_ids, *(s.name for s in framework.strata)}
    kept = []
    for column in mixed:
        name = column.name
        answers, invalid = column.as_answers() if name in plain else (None, None)
        if answers is not None:
            arrays[name] = answers
        elif invalid is not None:
            rule = answer_rule(framework.question(name), framework)
            problems.append(Problem(name, rule, str(invalid), _RECODE))
        elif name in needed:
            problems.append(_mixed_problem(column))
        else:
            arrays[name] = column.as_text()
            kept.append(name)
    return kept


def _mixed_problem(column: _arrow.MixedColumn) -> Problem:
    """Describe a column of the framework that Arrow cannot hold."""
    kinds = column.kinds
    rule, hint = "a column must hold values of one type", "Recode the column."
    if kinds == ["str"]:
        rule, hint = "text must be UTF-8", _ENCODING_HINT
        odd = [v for v in column.values if isinstance(v, str) and not _is_utf8(v)]
        return Problem(column.name, rule, format_values(odd), hint)
    if len(kinds) == 1:
        rule = "a column must hold text, or numbers of at most 64 bits"
    return Problem(column.name, rule, ", ".join(kinds), hint)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _code_columns(
    arrays: dict[str, pa.Array], framework: Framework, columns: dict[str, pa.Array]
) -> list[Problem]:
    """Convert strata to dictionary columns and questions to Boolean columns."""
    problems = []
    for stratum in framework.strata:
        if stratum.name in arrays:
            columns[stratum.name], invalid = _arrow.as_levels(arrays[stratum.name], stratum.levels)
            if invalid:
                allowed = (
                    f"allowed levels are {format_values(stratum.levels, 12)}, or null for unknown"
                )
                hint = _level_hint(stratum.levels, invalid)
                problems.append(Problem(stratum.name, allowed, str(invalid), hint))
    for question in framework.questions:
        if (id := question.id) in arrays:
            columns[id], invalid = read_answers(arrays[id], question, framework)
            if invalid:
                labels = stored_labels(framework, question)
                hint = _level_hint(labels, invalid) if labels else _recode_hint(id, invalid)
                rule = answer_rule(question, framework)
                problems.append(Problem(id, rule, str(invalid), hint))
    if not problems and framework.routed:
        blanks = {
            q.id: arrays[q.id].is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
            for q in framework.routed
            if q.id in arrays
        }
        problems += route_answers(columns, blanks, framework)
    return problems


def answer_rule(question: Question, framework: Framework) -> str:
    """Say which answers a column may hold."""
    labels = stored_labels(framework, question)
    if labels is None:
        return ANSWER
    allowed = dict.fromkeys((*labels, NOT_APPLICABLE))
    plain = "" if question.levels else "true, false, 0, 1, "
    return f"answers must be {plain}{format_values(allowed, 12)}, or null for {framework.blank}"


_RECODE = "Recode these values, or leave them null."

# Common texts for answers; the user has to give any other text a meaning.
_ANSWER_TEXTS = {
    **dict.fromkeys(("yes", "y", "true", "t", "1", "1.0"), True),
    **dict.fromkeys(("no", "n", "false", "f", "0", "0.0"), False),
    **dict.fromkeys(("", "n/a", "na", "not applicable", "none", "null"), None),
}
_MAX_TEXTS = 12


def _level_hint(levels: tuple[str, ...], invalid: _arrow.InvalidValues) -> str:
    """Say which levels are meant by values that differ in case, spaces or type only."""
    alike = {look(level): level for level in levels}
    meant = {}
    for value in invalid.values:
        whole = isinstance(value, float) and value.is_integer()
        plain = look(str(int(value) if whole else value))
        if isinstance(value, str | int | float) and plain in alike:
            meant[value] = alike[plain]
    if not meant:
        return _RECODE
    return f"{_RECODE[:-1]}; {_as_mapping(meant)} may be meant."


def _as_mapping(meant: Mapping[Any, str]) -> str:
    """Write what each value may mean as a dict, at most 12."""
    pairs = [f"{value!r}: {label!r}" for value, label in list(meant.items())[:_MAX_TEXTS]]
    return f"{{{', '.join(pairs + ['...'] * (len(meant) > _MAX_TEXTS))}}}"


def _recode_hint(id: str, invalid: _arrow.InvalidValues) -> str:
    is_text = all(isinstance(value, str) for value in invalid.values)
    if invalid.kind not in ("text", "categories") or not is_text:
        return _RECODE
    texts = list(map(str, invalid.values[:_MAX_TEXTS]))
    mapping = [f"{text!r}: {_ANSWER_TEXTS.get(text.strip().lower(), '...')}" for text in texts]
    more = ["..."] if len(invalid.values) > _MAX_TEXTS else []
    return (
        f'Say what each text means, as in pandas df["{id}"].map({{{", ".join(mapping + more)}}}); '
        "what is not listed there becomes null."
    )


def _keep_metadata(schema: pa.Schema, ids: pa.Array) -> dict[bytes, bytes]:
    """Keep the metadata of the data, except those that describe one library's columns.

    Cases with ids of synthetic cases are marked synthetic even if the metadata were lost.
    """
    skip = (b"pandas", b"ARROW:schema")
    kept = {k: v for k, v in (schema.metadata or {}).items() if k not in skip}
    text = pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)
    if SYNTHETIC not in kept and text:
        import pyarrow.compute as pc

        if pc.any(pc.starts_with(ids, SYNTHETIC_ID)).as_py():
            kept[SYNTHETIC] = b"true"
    return kept


def column_problems(
    names: list[str], framework: Framework, index_names: AbstractSet[str] = frozenset()
) -> list[Problem]:
    """List missing and repeated columns; ``index_names`` are those of a pandas index."""
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
            else "the columns 'case_id' and 'unit' are required",
            f"none called {format_values(missing, 8)}",
            _rename_hint(missing, present.difference(*wanted.values()))
            + _index_hint(missing, index_names)
            + _MISSING[kind],
        )
        for kind, needed in wanted.items()
        if (missing := [n for n in needed if n not in present])
    ]
    if len(present) < len(names):
        repeated = sorted({n for n in names if names.count(n) > 1})
        problems.append(
            Problem(
                "columns",
                "column names must be unique",
                format_values(repeated),
                "Rename or drop one of each.",
            )
        )
    return problems


def _rename_hint(missing: list[str], others: set[str]) -> str:
    near = {name: near_names(name, sorted(others)) for name in missing}
    pairs = [f"{found[0]!r} to {name!r}" for name, found in near.items() if found]
    return f"Rename {' and '.join(pairs)}? " if pairs else ""


def _index_hint(missing: list[str], index_names: AbstractSet[str]) -> str:
    found = [name for name in missing if name in index_names]
    return f"{format_values(found)} is in the index: pass frame.reset_index(). " if found else ""


def _check_ids(ids: pa.Array, unique: bool) -> tuple[pa.Array, list[Problem]]:
    if pa.types.is_dictionary(ids.type):  # pandas categories
        ids = ids.dictionary_decode()
    problems = []
    allowed = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer)
    wrong_type = len(ids) > 0 and not any(is_type(ids.type) for is_type in allowed)
    if wrong_type:
        found = str(_arrow.InvalidValues.of_kind(ids))
        problems.append(
            Problem("case_id", "ids must be text or whole numbers", found, "Convert the ids.")
        )
    if ids.null_count:
        problems.append(
            Problem("case_id", "every case needs an id", f"{ids.null_count} null", "Give them ids.")
        )
    if blank := _arrow.count_blank(ids):
        problems.append(
            Problem("case_id", "every case needs an id", f"{blank} blank", "Give them ids.")
        )
    if unique and not wrong_type and (repeated := _arrow.duplicates(ids)):
        problems.append(
            Problem(
                "case_id",
                "ids must be unique",
                f"more than once: {format_values(repeated)}",
                "Drop the repeated rows or renumber the cases.",
            )
        )
    return ids, problems


def _check_units(
    array: pa.Array, declared: tuple[Unit, ...] | None
) -> tuple[pa.Array | None, tuple[str, ...], list[Problem]]:
    found = _arrow.labels_to_codes(array)
    if found is None:
        kind = str(_arrow.InvalidValues.of_kind(array))
        return None, (), [Problem("unit", "unit ids must be text", kind, "Convert the ids.")]
    codes, labels = found
    problems = []
    if missing := int(np.count_nonzero(codes < 0)):
        problems.append(
            Problem("unit", "every case needs a unit", f"{missing} null", "Fill them in.")
        )
    seen = _arrow.used_labels(codes, labels)
    problems += unit_name_problems(seen, declared is not None)
    if declared is None:
        # A dictionary keeps the user's order; text is sorted, so that the result does not
        # depend on the order of the rows.
        order = tuple(seen if isinstance(array, pa.DictionaryArray) else sorted(seen))
    else:
        order = tuple(unit.id for unit in declared)
        refused = {name for name in seen if look(name) in ("", ALL)}
        if undeclared := sorted(set(seen) - set(order) - refused):
            hint = "Declare these units or correct the ids." + match_units_hint(
                undeclared, declared
            )
            rule = f"declared units are {format_values(order, 8)}"
            problems.append(Problem("unit", rule, format_values(undeclared), hint))
    if len(order) > np.iinfo(np.int16).max:
        problems.append(
            Problem("unit", "at most 32,767 units", f"{len(order)}", "Use larger units.")
        )
    if problems:
        return None, order, problems
    place = {unit: i for i, unit in enumerate(order)}
    table = np.array([place.get(label, -1) for label in labels] + [-1], np.int16)
    return _arrow.dictionary(table[codes], order), order, []
