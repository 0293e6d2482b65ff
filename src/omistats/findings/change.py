"""Compare findings with those of an earlier round."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import NO_REASON
from omistats.counting.tally import Tally
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    format_value,
)
from omistats.inference.change import (
    Change,
    ChangeReason,
    Estimates,
    RoundFigures,
    assemble_change,
    compare_counts,
    compare_estimates,
)
from omistats.inference.options import Inference
from omistats.kernel.multiplicity import ADJUSTMENTS
from omistats.kernel.small_numbers import RELIABILITY, smallest_expected_two
from omistats.model.metadata import merge_metadata

__all__ = ["Counterparts", "Round", "compare_rounds"]


Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Counterparts = Mapping[str, str | None]

_SUPPRESSED = RELIABILITY.index("suppressed")
_FEW = RELIABILITY.index("few cases")


@attrs.frozen(eq=False)
class Round:
    """Findings of one round, all of them.

    Attributes
    ----------
    table : pyarrow.Table
        The findings.
    tally : Tally
        Their counts.
    inference : Inference
        Their options.
    shown : ndarray of bool
        Whether each row is in the view that is compared.
    """

    table: pa.Table
    tally: Tally
    inference: Inference
    shown: npt.NDArray[np.bool_]


def compare_rounds(
    now: Round,
    before: Round,
    *,
    adjust: str | None,
    questions: Counterparts | None,
    strict: bool,
) -> Change:
    """Compare the findings of two rounds; see `Findings.compare`."""
    if not isinstance(strict, bool):
        raise UsageError(f"`strict` must be True or False; found {format_value(strict)}")
    adjust = None if adjust is None else ADJUSTMENTS.name(adjust)
    _require_comparable(now, before)
    counterpart = _pair_questions(now.tally, before.tally, questions)
    changed = _changed_labels(now.tally, before.tally, counterpart, questions or {})
    if strict and changed:
        raise DataError(changed)
    rows = _align(now, before, counterpart)
    ids = now.tally.questions
    relabelled = np.isin(rows.question, [ids.index(problem.where) for problem in changed])
    figures = _figures(now.table, rows.now), _figures(before.table, rows.before)
    reason = _reasons(rows, now.tally, before.tally, figures, relabelled)
    comparable = reason == NO_REASON
    k, n, k0, n0 = (np.where(comparable, v, np.nan) for f in figures for v in (f.k, f.n))
    if now.inference.is_design_based:
        tests = compare_estimates(
            _estimates(now.table, rows.now, comparable),
            _estimates(before.table, rows.before, comparable),
            now.inference.confidence,
        )
    else:
        tests = compare_counts(k, n, k0, n0, now.inference)
    expected = smallest_expected_two(k, n, k0, n0)
    change = assemble_change(
        rows.labels,
        *figures,
        tests,
        reason=reason,
        expected=expected,
        reliability=_reliability((now, before), rows, np.minimum(n, n0), expected, reason),
        adjust=adjust,
        confidence=now.inference.confidence,
        metadata=merge_metadata([now.table.schema.metadata, before.table.schema.metadata]),
        texts={
            q.id: q.label
            for q in chain(before.tally.framework.questions, now.tally.framework.questions)
        },
    )
    shown = [np.append(r.shown, True)[at] for r, at in ((now, rows.now), (before, rows.before))]
    keep = shown[0] & shown[1]
    return change if keep.all() else change.keep_rows(keep)


def _require_comparable(now: Round, before: Round) -> None:
    if now.tally is before.tally:
        raise UsageError(
            "both rounds are made from the same counts, and the test takes them as independent; "
            "pass findings of an earlier round"
        )
    if now.inference.is_design_based != before.inference.is_design_based:
        earlier = "the earlier round" if now.inference.is_design_based else "this round"
        raise UsageError(
            f"weighted findings cannot be compared with unweighted ones; recompute {earlier} as a "
            "sample too: recompute(cases, weight=np.ones(len(cases)))"
        )
    earlier_splits = {s.key: s for s in before.tally.splits}
    for split in now.tally.splits:
        other = earlier_splits.get(split.key, split)
        if other.contrast != split.contrast:
            raise UsageError(
                f"breakdown {split.key!r} compares {split.contrast!r} here and "
                f"{other.contrast!r} in the earlier findings; recompute one of them"
            )


def _pair_questions(now: Tally, before: Tally, questions: Counterparts | None) -> dict[str, str]:
    """Pair each earlier question with one of this round; those without are left out."""
    given = {} if questions is None else questions
    if not isinstance(given, Mapping):
        raise UsageError(
            "`questions` must map earlier ids to ids of this round, such as "
            f"questions={{'old': 'new'}}; found {format_value(questions)}"
        )
    wanted = [new for new in given.values() if new is not None]
    if unknown := [q for q in given if q not in before.questions]:
        raise UnknownNameError("question of the earlier round", unknown, before.questions)
    if unknown := [q for q in wanted if q not in now.questions]:
        raise UnknownNameError("question of this round", unknown, now.questions)
    pairs = {
        old: new
        for old in before.questions
        if (new := given.get(old, old)) is not None and new in now.questions
    }
    taken: dict[str, list[str]] = {}
    for old, new in pairs.items():
        taken.setdefault(new, []).append(old)
    if doubled := {new: old for new, old in taken.items() if len(old) > 1}:
        question, several = next(iter(doubled.items()))
        named = " and ".join(map(repr, several))
        raise UsageError(
            "`questions` must pair each question of this round once; "
            f"{question!r} would be compared "
            f"with {named}. Map the one that has no counterpart to None"
        )
    if not pairs and now.questions and before.questions:
        raise UsageError(
            f"the rounds have no question in common: framework {now.framework.name!r} here, "
            f"{before.framework.name!r} earlier. Pass questions={{'old': 'new'}} if ids changed"
        )
    return pairs


def _changed_labels(
    now: Tally, before: Tally, counterpart: Mapping[str, str], given: Counterparts
) -> list[Problem]:
    """List the questions whose label changed; a pair that was given is taken as one question."""
    labels = {q.id: q.label for q in now.framework.questions}
    earlier = {q.id: q.label for q in before.framework.questions}
    return [
        Problem(
            question,
            "a question compared by its id must have the same label in both rounds",
            f"{labels[question]!r} here and {earlier[question]!r} in the earlier round",
            f"Pass questions={{{question!r}: {question!r}}} if it asks the same, or "
            f"questions={{{question!r}: None}} if it does not.",
        )
        for question in counterpart
        if question not in given and _plain(labels[question]) != _plain(earlier[question])
    ]


def _plain(label: str) -> str:
    return " ".join(label.split()).casefold()


@attrs.frozen(eq=False)
class _Rows:
    """The rows of a change: the places of each in both rounds, -1 where one lacks it.

    Attributes
    ----------
    now, before : ndarray of int64
        Places in the tables of the rounds.
    labels : dict of str to pyarrow.Array
        The label columns.
    unit, breakdown : ndarray of str
        Labels of each row.
    question : ndarray of int64
        Places of questions: those of this round, then earlier ones without a counterpart.
    lonely_question : tuple of ndarray of bool
        Whether the question is in this round only, and in the earlier one only.
    """

    now: Places
    before: Places
    labels: dict[str, pa.Array]
    unit: npt.NDArray[np.str_]
    breakdown: npt.NDArray[np.str_]
    question: Places
    lonely_question: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


def _align(now: Round, before: Round, counterpart: Mapping[str, str]) -> _Rows:
    """Find the rows of both rounds that belong together: this round's, then what it lacks."""
    names: dict[str, list[str]] = {}
    codes: list[list[Places]] = [[], []]
    for column in ("unit", "breakdown", "group"):
        known = list(
            dict.fromkeys(
                chain.from_iterable(
                    r.table[column].combine_chunks().dictionary.to_pylist() for r in (now, before)
                )
            )
        )
        names[column] = known
        for r, found in zip((now, before), codes, strict=True):
            found.append(_recoded(r.table, column, {name: i for i, name in enumerate(known)}))
    # An earlier question without a counterpart is one of its own, whatever its id.
    ids = list(now.tally.questions)
    gone = [q for q in before.tally.questions if q not in counterpart]
    names["question"] = [*ids, *gone]
    place = {q: i for i, q in enumerate(ids)}
    codes[0].append(_recoded(now.table, "question", place))
    earlier = {old: place[new] for old, new in counterpart.items()}
    earlier |= {q: len(ids) + i for i, q in enumerate(gone)}
    codes[1].append(_recoded(before.table, "question", earlier))
    order = ("unit", "breakdown", "group", "question")
    shape = tuple(max(len(names[column]), 1) for column in order)
    keys = [np.ravel_multi_index(tuple(found), shape).astype(np.int64) for found in codes]
    every = np.concatenate([keys[0], keys[1][~np.isin(keys[1], keys[0])]])
    parts = dict(zip(order, np.unravel_index(every, shape), strict=True))
    previous = {i: old for old, i in earlier.items()}
    previous_ids = [previous.get(i) for i in range(len(names["question"]))]
    old_names = [q for q in previous_ids if q is not None]
    old_code = np.array(
        [-1 if q is None else old_names.index(q) for q in previous_ids] or [-1], np.int16
    )
    labels = {
        column: _arrow.dictionary(parts[column].astype(np.int16), names[column])
        for column in ("unit", "breakdown", "question", "group")
    }
    labels["previous_question"] = _arrow.dictionary(old_code[parts["question"]], old_names)
    unit, breakdown = (np.array([*names[c], ""])[parts[c]] for c in ("unit", "breakdown"))
    question = parts["question"]
    only_now = (question < len(ids)) & ~np.isin(question, list(earlier.values()))
    return _Rows(
        now=_places(every, keys[0]),
        before=_places(every, keys[1]),
        labels=labels,
        unit=unit,
        breakdown=breakdown,
        question=question,
        lonely_question=(only_now, question >= len(ids)),
    )


def _recoded(table: pa.Table, column: str, codes: Mapping[str, int]) -> Places:
    column_codes = table[column].combine_chunks()
    new = np.array([codes.get(v, -1) for v in column_codes.dictionary.to_pylist()], np.int64)
    return new[column_codes.indices.to_numpy()] if len(column_codes) else np.zeros(0, np.int64)


def _places(wanted: Places, keys: Places) -> Places:
    """Find each wanted key; -1 where it is missing."""
    order = np.argsort(keys, kind="stable")
    at = np.searchsorted(keys[order], wanted)
    found = np.append(order, -1)[np.minimum(at, len(keys))]
    known = np.append(keys, -1)[found] == wanted
    return np.where(known, found, -1).astype(np.int64)


def _taken(table: pa.Table, column: str, at: Places) -> Floats:
    """Take the values of a column at places; NaN at -1."""
    values = np.asarray(table[column].to_numpy(), np.float64)
    return np.append(values, np.nan)[at]


def _figures(table: pa.Table, at: Places) -> RoundFigures:
    return RoundFigures(*(_taken(table, name, at) for name in ("k", "n", "percent")))


def _estimates(table: pa.Table, at: Places, comparable: npt.NDArray[np.bool_]) -> Estimates:
    names = ("percent", "se", "se_df")
    return Estimates(*(np.where(comparable, _taken(table, name, at), np.nan) for name in names))


def _reasons(
    rows: _Rows,
    now: Tally,
    before: Tally,
    figures: tuple[RoundFigures, RoundFigures],
    relabelled: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int8]:
    """Code why rows cannot be compared; -1 where they can."""
    conditions: list[npt.NDArray[np.bool_]] = []
    for places, other, at in ((rows.before, before, 0), (rows.now, now, 1)):
        missing = places < 0
        keys = [split.key for split in other.splits]
        conditions += [
            missing & ~np.isin(rows.unit, other.units),
            missing & ~np.isin(rows.breakdown, keys),
            missing & rows.lonely_question[at],
            missing,
        ]
    n, n0 = (f.n for f in figures)
    with np.errstate(invalid="ignore"):
        conditions += [
            relabelled,
            ((n > 0) & np.isnan(figures[0].k)) | ((n0 > 0) & np.isnan(figures[1].k)),
            (n == 0) & (n0 == 0),
            (n == 0) | np.isnan(figures[0].percent),
            (n0 == 0) | np.isnan(figures[1].percent),
        ]
    reasons = [
        *(ChangeReason.NEW_UNIT, ChangeReason.NEW_BREAKDOWN),
        *(ChangeReason.NEW_QUESTION, ChangeReason.NEW_GROUP),
        *(ChangeReason.GONE_UNIT, ChangeReason.GONE_BREAKDOWN),
        *(ChangeReason.GONE_QUESTION, ChangeReason.GONE_GROUP),
        ChangeReason.LABEL_CHANGED,
        ChangeReason.SUPPRESSED,
        *(ChangeReason.NO_ANSWERS, ChangeReason.NO_ANSWERS_NOW, ChangeReason.NO_ANSWERS_BEFORE),
    ]
    return np.select(conditions, reasons, NO_REASON).astype(np.int8)


def _reliability(
    rounds: tuple[Round, Round],
    rows: _Rows,
    n: Floats,
    expected: Floats,
    reason: npt.NDArray[np.int8],
) -> npt.NDArray[np.int8]:
    """Code how small the numbers behind each change are; -1 where there is none.

    ``n`` is the smaller number of answers of both rounds, NaN where nothing is compared.
    """
    policy = rounds[0].inference.small_numbers
    code = policy.judge_unchecked(n, policy.expects_few(expected))
    # Either round may have stricter rules about its own rows.
    for r, at in zip(rounds, (rows.now, rows.before), strict=True):
        texts = r.table["reliability"].combine_chunks()
        few = np.array([t == RELIABILITY[_FEW] for t in texts.to_pylist()], np.bool_)
        code[(code >= 0) & np.append(few, False)[at]] = _FEW
    code[reason == ChangeReason.SUPPRESSED] = _SUPPRESSED
    return code
