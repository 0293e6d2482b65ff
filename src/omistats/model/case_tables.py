"""Read cases from workbooks, text files, SPSS and Stata whose columns are the framework's."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, format_values
from omistats.model.framework import (
    ALL,
    NOT_APPLICABLE,
    SUFFICIENT,
    Framework,
    Question,
    Stratum,
    stored_labels,
)
from omistats.model.raw_table import RawColumn, RawTable
from omistats.model.tabular_files import read_raw_table
from omistats.model.validation import answer_rule, column_problems, validate_frame

__all__ = ["LEFT_OUT", "read_case_table", "without_arguments"]

LEFT_OUT = b"rows_left_out"
"""The metadata key of the rows below the table, which are no cases."""

_MAPPING_HINT = "Correct these cells, or read the file with a mapping that says what each means."
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})$")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$")

# No code of a level, nor -1, which is null.
_NO_CODE = -2
_MOST_SMALL = 127
_MOST_WORKERS = 4

Mask = npt.NDArray[np.bool_]
Read = tuple[pa.Array | None, list[Problem]]
Reader = Callable[[RawColumn], Read]


def read_case_table(
    path: str | os.PathLike[str], framework: Framework, *, check_ids: bool = True
) -> tuple[dict[str, pa.Array], tuple[str, ...], dict[bytes, bytes]]:
    """Read a file that `is_tabular`, and check it against a framework.

    Headers are the names of the framework's columns. Labels of SPSS and Stata stand for their
    codes. Blank cells are null. Answers are the levels of a question; without levels, ``true``
    and ``false`` in any case, or 1 and 0. Columns that the framework does not know become
    numbers or dates if all their cells are such; those without a header, or with the same as
    another, are not kept.

    Parameters
    ----------
    path : path
        The file.
    framework : Framework
        The questions and strata to expect.
    check_ids : bool
        Whether to check that ids are unique.

    Returns
    -------
    tuple
        Columns, units and metadata, as `omistats.model.validation.validate_frame` returns them.
        The metadata list rows below the table, which are no cases.

    Raises
    ------
    DataError
        When the file cannot be read, or its cells break a rule; names file, sheet and rows.
    """
    try:
        raw = read_raw_table(path)
    except DataError as error:
        raise DataError([without_arguments(problem) for problem in error.problems]) from error
    found: dict[str, pa.Array] = {}
    problems: list[Problem] = []
    known: dict[str, Reader] = {
        "case_id": lambda column: (_without_blank(column.text), []),
        "unit": lambda column: (_labelled(column), []),
        **{s.name: _stratum_reader(raw, s) for s in framework.strata},
        **{q.id: _answer_reader(raw, q, framework) for q in framework.questions},
    }
    names = [column.name for column in raw.columns]

    def read(name: str) -> tuple[pa.Array | None, list[Problem]]:
        try:
            return known[name](raw[name])
        except DataError as error:  # two columns of that name
            return None, list(error.problems)

    here = [name for name in known if name in names]
    with ThreadPoolExecutor(_MOST_WORKERS) as pool:
        for name, (array, more) in zip(here, pool.map(read, here), strict=True):
            problems += more
            # A column with a problem is not checked further, but it is there.
            found[name] = pa.nulls(len(raw), pa.string()) if array is None else array
    if problems:
        missing = column_problems(list(found), framework)
        raise DataError([*map(_in_file(raw), missing), *problems])
    for column in raw.columns:
        if column.name and column.name not in known and names.count(column.name) == 1:
            found[column.name] = _typed(column)
    try:
        columns, units, metadata = validate_frame(pa.table(found), framework, None, check_ids)
    except DataError as error:
        located = [_with_rows(problem, found, raw, check_ids) for problem in error.problems]
        raise DataError(located) from error
    if raw.footer_rows:
        rows = "; ".join(f"row {row}: {text}" for row, text in raw.footer_rows)
        metadata = {**metadata, LEFT_OUT: f"{raw.place}, {rows}".encode()}
    return columns, units, metadata


def without_arguments(problem: Problem) -> Problem:
    """Say what to do instead of passing an argument that functions of a path do not have."""
    hint = problem.hint.replace("Pass ", "Write a mapping whose layout says ").replace(
        "or pass ", "or write a mapping whose layout says "
    )
    # A limit, which is for the library's reader.
    hint = re.sub(
        r"pass a larger (\w+)= \(by default (.*)\)",
        r"read it with another library and pass the frame (\1 is \2 by default)",
        hint,
    )
    return attrs.evolve(problem, hint=hint)


def _in_file(raw: RawTable) -> Callable[[Problem], Problem]:
    """Return a function that adds the file to a problem, and the way out."""

    def add(problem: Problem) -> Problem:
        hint = problem.hint
        if "column" in problem.where:
            hint = f"{hint} Other headers need a mapping."
        return attrs.evolve(problem, where=f"{raw.place}: {problem.where}", hint=hint)

    return add


def _with_rows(
    problem: Problem, found: Mapping[str, pa.Array], raw: RawTable, check_ids: bool
) -> Problem:
    """Add the file and the rows of a problem of ids or units."""
    rows = np.zeros(len(raw), np.bool_)
    array = found.get(problem.where)
    if problem.where in ("case_id", "unit") and array is not None:
        missing = array.is_null().to_numpy(zero_copy_only=False)
        if "null" in problem.found:
            rows = missing
        elif problem.where == "unit":
            rows = _is_one_of(array, [ALL])
        elif check_ids:
            rows = _is_one_of(array, _arrow.duplicates(array))
    located = _in_file(raw)(problem)
    if not rows.any():
        return located
    return attrs.evolve(located, where=f"{raw.place}, {_rows(raw, rows)}: {problem.where}")


def _is_one_of(array: pa.Array, values: list[Any]) -> Mask:
    import pyarrow.compute as pc

    found = pc.is_in(array, value_set=pa.array(values, array.type))
    return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)


def _rows(raw: RawTable, mask: Mask) -> str:
    """Name rows as a spreadsheet program shows them."""
    numbers = raw.rows[mask]
    text = ", ".join(map(str, numbers[:5].tolist()))
    more = f" and {len(numbers) - 5:,} more" if len(numbers) > 5 else ""
    return f"row{'s' * (len(numbers) > 1)} {text}{more}"


def _without_blank(text: pa.Array) -> pa.Array:
    """Make cells null that hold nothing but blanks."""
    import pyarrow.compute as pc

    blank = pc.equal(pc.utf8_trim_whitespace(text), "")
    if not pc.any(blank).as_py():
        return text
    return pc.if_else(blank, pa.scalar(None, text.type), text)


def _labels(column: RawColumn) -> list[str | None]:
    """Return what each different cell says: its label, if the file has one; None for a blank."""
    shown = (column.labels.get(t, t) if t else None for t in column.coded.dictionary.to_pylist())
    return [text if text and text.strip() else None for text in shown]


def _recoded(column: RawColumn, codes: list[int], labels: tuple[str, ...]) -> pa.Array:
    """Make a dictionary column of the new code of each different cell; -1 is null."""
    kind = np.int8 if len(labels) <= _MOST_SMALL else np.int32
    # The last entry is that of null.
    table = np.array([*codes, -1], kind)
    return _arrow.dictionary(table[_arrow.codes_of(column.coded)], labels)


def _labelled(column: RawColumn) -> pa.Array:
    """Return the cells as text, labels in place of their codes."""
    labels = pa.array(_labels(column), pa.string())
    return labels.take(column.coded.indices)


def _invalid(raw: RawTable, column: RawColumn, bad: list[int], rule: str) -> Read:
    """Return the problem of cells that break a rule, with their rows."""
    mask = np.isin(_arrow.codes_of(column.coded), bad)
    texts = [column.coded.dictionary[i].as_py() for i in bad]
    shown = [f"{t} ({column.labels[t]})" if t in column.labels else t for t in texts]
    where = f"{raw.place}, {_rows(raw, mask)}: {column.name}"
    return None, [Problem(where, rule, format_values(sorted(shown)), _MAPPING_HINT)]


def _unknown(column: RawColumn, codes: list[int]) -> list[int]:
    """List the different cells that have no new code and that some row holds."""
    bad = [i for i, code in enumerate(codes) if code == _NO_CODE]
    if not bad:
        return []
    used = np.unique(_arrow.codes_of(column.coded))
    return [i for i in bad if i in used]


def _stratum_reader(raw: RawTable, stratum: Stratum) -> Reader:
    places = {level: i for i, level in enumerate(stratum.levels)}

    def read(column: RawColumn) -> Read:
        texts = column.coded.dictionary.to_pylist()
        labels = _labels(column)
        # What the office calls missing is unknown.
        codes = [
            -1
            if label is None or (text in column.missing and label not in places)
            else places.get(label, _NO_CODE)
            for text, label in zip(texts, labels, strict=True)
        ]
        if bad := _unknown(column, codes):
            rule = f"allowed levels are {format_values(stratum.levels, 12)}, or blank for unknown"
            return _invalid(raw, column, bad, rule)
        return _recoded(column, codes, stratum.levels), []

    return read


def _answer_reader(raw: RawTable, question: Question, framework: Framework) -> Reader:
    stored = stored_labels(framework, question)
    words = {} if question.levels else _FLAGS
    labels = SUFFICIENT if stored is None else tuple(dict.fromkeys((*stored, NOT_APPLICABLE)))
    places = {label: i for i, label in enumerate(labels)} if stored is not None else {}

    def place(label: str | None) -> int:
        if label is None:
            return -1
        if (flag := words.get(label.strip().casefold())) is not None:
            return labels.index(SUFFICIENT[0] if flag else SUFFICIENT[1])
        return places.get(label, _NO_CODE)

    def read(column: RawColumn) -> Read:
        codes = [place(label) for label in _labels(column)]
        if bad := _unknown(column, codes):
            rule = answer_rule(question, framework).replace(" null", " blank")
            return _invalid(raw, column, bad, rule)
        if stored is not None:
            return _recoded(column, codes, labels), []
        found = np.array([*codes, -1], np.int8)[_arrow.codes_of(column.coded)]
        return _arrow.booleans(found == 0, found >= 0), []

    return read


def _typed(column: RawColumn) -> pa.Array:
    """Return a column that the framework does not know: numbers, dates, or else text."""
    text = column.text
    if column.dates is not None and column.dates.null_count == text.null_count:
        return column.dates
    # Mostly text, as the first cells tell.
    few = text[:100].drop_null().to_pylist()
    if not few or not all(map(_NUMBER.match, few)):
        return text
    cells = column.coded.dictionary.to_pylist()
    if all(map(_WHOLE.match, cells)):
        numbers = pa.array(list(map(int, cells)), pa.int64())
    elif all(map(_NUMBER.match, cells)):
        numbers = pa.array(list(map(float, cells)), pa.float64())
    else:
        return text
    return numbers.take(column.coded.indices)
