"""Read the answers of cases: levels, blanks, and which cases a question is asked of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import Problem, format_values
from omistats.model.framework import (
    NOT_ANSWERED,
    NOT_APPLICABLE,
    SUFFICIENT,
    Framework,
    Question,
    stored_labels,
)

__all__ = [
    "EXCESS_HINT",
    "AnswerFlags",
    "answer_array",
    "answer_flags",
    "count_excess",
    "describe_conditions",
    "level_array",
    "level_arrays",
    "level_flags",
    "read_answers",
    "route_answers",
]

Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]


EXCESS_HINT = "Correct the characteristic or the answer, or take the condition away."


def read_answers(
    array: pa.Array, question: Question, framework: Framework
) -> tuple[pa.Array | None, _arrow.InvalidValues | None]:
    """Convert a column to a question's stored answers, or return its values that are none.

    Parameters
    ----------
    array : pyarrow.Array
        Levels as text or dictionary; of a question without levels, Booleans or 0 and 1, also as
        decimals or categories, or the texts ``sufficient`` and ``not sufficient``.
        ``not applicable`` may be written out, and ``not answered`` where the framework has a
        policy for it.
    question : Question
        The question.
    framework : Framework
        Says what a blank means.

    Returns
    -------
    column : pyarrow.BooleanArray or pyarrow.DictionaryArray or None
        A dictionary over `omistats.model.framework.stored_labels`, if the question has them.
    invalid : InvalidValues or None
        The values that are no answers.
    """
    labels = stored_labels(framework, question)
    if labels is None:
        return _arrow.as_answers(array)
    blank = labels.index(NOT_ANSWERED) if framework.blank == NOT_ANSWERED else -1
    if not question.levels and _arrow.holds_answers(array.type):
        yes, invalid = _arrow.as_answers(array)
        if yes is None:
            return None, invalid
        missing = yes.is_null().to_numpy(zero_copy_only=False)
        given = yes.fill_null(False).to_numpy(zero_copy_only=False)
        # The first label is `sufficient`, the second is not.
        codes = np.where(missing, blank, np.where(given, 0, 1)).astype(np.int8)
        return _arrow.dictionary(codes, labels), None
    if _arrow.has_levels(array, labels) and (blank < 0 or not array.null_count):
        return array, None
    accepted = tuple(dict.fromkeys((*labels, NOT_APPLICABLE)))
    column, invalid = _arrow.as_levels(array, accepted)
    if column is None:
        return None, invalid
    found = _arrow.codes_of(column)
    # The last entry is that of null.
    table = np.array([*range(len(labels)), *([-1] * (len(accepted) - len(labels))), blank], np.int8)
    return _arrow.dictionary(table[found], labels), None


def route_answers(
    columns: dict[str, pa.Array],
    blanks: Mapping[str, Flags],
    framework: Framework,
) -> list[Problem]:
    """Make questions that a case is not asked not applicable, in place.

    Parameters
    ----------
    columns : dict of str to pyarrow.Array
        Coded strata and stored answers.
    blanks : mapping of str to ndarray of bool
        Where the answers to a routed question were blank.
    framework : Framework
        Its questions say which cases they are asked of. Where it is not known whether a question
        is asked, an answer stands, a blank is not applicable, and conditions on it are not known
        either.

    Returns
    -------
    list of Problem
        Answers to questions that the case is not asked.
    """
    problems = []
    questions = {q.id: q for q in framework.questions}
    undecided: dict[str, Flags] = {}
    for question in framework.routed:
        if question.id not in columns:
            continue
        asked, unknown = _asked(question, columns, questions, undecided)
        column = columns[question.id]
        flags = answer_flags(column, question)
        # Written out or not: cases that are read again have blanks written out.
        blank = blanks[question.id] | ~flags.not_answered
        undecided[question.id] = unknown & ~flags.applicable & blank
        excess = flags.applicable & ~asked & ~unknown
        if excess.any():
            rule = f"asked only if {describe_conditions(question)}"
            ids = (
                columns["case_id"].filter(pa.array(excess))[:5].to_pylist()
                if ("case_id" in columns)
                else []
            )
            what = count_excess(int(excess.sum())) + (
                f", such as {format_values(ids)}" if ids else ""
            )
            problems.append(Problem(question.id, rule, what, EXCESS_HINT))
        not_asked = ~asked & (~unknown | blanks[question.id])
        labels = stored_labels(framework, question)
        if labels is None or not not_asked.any():
            continue  # a Boolean column is null there already
        code = labels.index(NOT_APPLICABLE) if NOT_APPLICABLE in labels else -1
        codes = np.where(not_asked, np.int8(code), _arrow.codes_of(column)).astype(np.int8)
        columns[question.id] = _arrow.dictionary(codes, labels)
    return problems


def count_excess(answers: int) -> str:
    """Say how many answers there are to a question that their cases are not asked."""
    return f"{answers:,} answer{'s' * (answers != 1)} in other cases"


def describe_conditions(question: Question) -> str:
    """Say which cases a question is asked of."""
    return "; or ".join(
        " and ".join(f"{name} is {format_values(levels)}" for name, levels in condition)
        for condition in question.asked_if
    )


def _asked(
    question: Question,
    columns: Mapping[str, pa.Array],
    questions: Mapping[str, Question],
    undecided: Mapping[str, Flags],
) -> tuple[Flags, Flags]:
    """Flag the cases that are asked, and those of which that is not known."""
    rows = len(columns[question.id])
    asked, unknown = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
    for condition in question.asked_if:
        yes, no = np.ones(rows, np.bool_), np.zeros(rows, np.bool_)
        for name, levels in condition:
            has, lacks = _fulfils(name, levels, columns, questions, undecided, rows)
            yes &= has
            no |= lacks
        asked |= yes
        unknown |= ~yes & ~no
    return asked, unknown & ~asked


def _fulfils(
    name: str,
    levels: tuple[str, ...],
    columns: Mapping[str, pa.Array],
    questions: Mapping[str, Question],
    undecided: Mapping[str, Flags],
    rows: int,
) -> tuple[Flags, Flags]:
    """Flag where a characteristic or answer is one of some levels, and where it is known not to."""
    if name not in columns:  # an optional characteristic that the data lack
        return np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
    column = columns[name]
    if name in questions:
        has = level_flags(column, levels)
        lacks = ~has & ~answer_flags(column, questions[name]).not_answered
        return has, (lacks & ~undecided[name] if name in undecided else lacks)
    codes = _arrow.codes_of(column)
    table = np.array([level in levels for level in column.dictionary.to_pylist()] + [False])
    has = table[codes]
    return has, ~has & (codes >= 0)


@attrs.frozen(eq=False)
class AnswerFlags:
    """The state of answers, one array of Booleans each.

    Attributes
    ----------
    sufficient, applicable, not_answered : ndarray of bool
        ``applicable`` answers were given, and are sufficient or not.
    """

    sufficient: Flags
    applicable: Flags
    not_answered: Flags


def answer_flags(column: pa.Array, question: Question) -> AnswerFlags:
    """Flag the answers that are sufficient, applicable, or missing."""
    if not isinstance(column, pa.DictionaryArray):
        known = column.is_valid().to_numpy(zero_copy_only=False)
        yes = column.fill_null(False).to_numpy(zero_copy_only=False)
        return AnswerFlags(yes, known, np.zeros(len(column), np.bool_))
    return AnswerFlags(
        level_flags(column, question.sufficient or SUFFICIENT[:1]),
        level_flags(column, question.answers),
        level_flags(column, (NOT_ANSWERED,)),
    )


def level_flags(column: pa.Array, levels: tuple[str, ...]) -> Flags:
    """Flag the answers that are one of some levels; a Boolean column has two."""
    if not isinstance(column, pa.DictionaryArray):
        yes = column.fill_null(False).to_numpy(zero_copy_only=False)
        known = column.is_valid().to_numpy(zero_copy_only=False)
        first, second = (level in levels for level in SUFFICIENT)
        return np.asarray((yes & first) | (known & ~yes & second), np.bool_)
    return _flags_of_codes(_arrow.codes_of(column), column.dictionary.to_pylist(), levels)


def _flags_of_codes(
    codes: npt.NDArray[np.signedinteger], labels: list[str], levels: tuple[str, ...]
) -> Flags:
    found = np.zeros(len(codes), np.bool_)
    for code, label in enumerate(labels):
        if label in levels:
            found |= codes == code
    return found


def answer_array(column: pa.Array, question: Question, framework: Framework) -> pa.Array:
    """Return answers as Booleans, null where none counts.

    Where what was not answered counts as not sufficient, it is false.
    """
    if not isinstance(column, pa.DictionaryArray):
        return column
    sufficient = question.sufficient or SUFFICIENT[:1]
    counted = {*question.answers}
    if framework.counts_not_answered:
        counted.add(NOT_ANSWERED)
    labels = column.dictionary.to_pylist()
    codes = _arrow.codes_of(column)
    # The last entry is that of null.
    yes, known = (
        np.array([*(label in wanted for label in labels), False])[codes]
        for wanted in (sufficient, counted)
    )
    return _arrow.booleans(yes & known, known)


def level_array(column: pa.Array, levels: tuple[str, ...]) -> pa.Array:
    """Flag the answers that are one of some levels, as Booleans without nulls."""
    return _arrow.booleans(level_flags(column, levels))


def level_arrays(column: pa.Array, sets: Sequence[tuple[str, ...]]) -> list[pa.Array]:
    """Return `level_array` of each set of levels, reading the column once."""
    if not isinstance(column, pa.DictionaryArray):
        return [level_array(column, levels) for levels in sets]
    codes, labels = _arrow.codes_of(column), column.dictionary.to_pylist()
    return [_arrow.booleans(_flags_of_codes(codes, labels, levels)) for levels in sets]
