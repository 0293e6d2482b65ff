"""Change between two rounds: tests of independent percentages, and the result that holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import NO_REASON, Display, Reason, TableResult
from omistats.errors import UnknownNameError, UsageError, format_value, format_values
from omistats.inference.families import LEVEL, describe_tests, family_of_all
from omistats.inference.options import Inference
from omistats.inference.results import Pairs
from omistats.inference.unweighted import compare_pairs, pair_test
from omistats.kernel.chi_square import STARS, star_codes
from omistats.kernel.compare import by_fisher
from omistats.kernel.effective import EffectiveGroups, compare_effective, two_sided_p
from omistats.kernel.effects import DIFFERENCES
from omistats.kernel.multiplicity import ADJUSTMENTS
from omistats.kernel.small_numbers import RELIABILITY, smallest_expected_two
from omistats.model.framework import ALL, Framework, Question
from omistats.model.metadata import is_synthetic

__all__ = [
    "Change",
    "ChangeReason",
    "ChangeTests",
    "Counterparts",
    "Estimates",
    "Presence",
    "RoundFigures",
    "RoundRows",
    "align_rounds",
    "assemble_change",
    "check_same_policy",
    "check_strict",
    "choose_tests",
    "compare_counts",
    "compare_effective_rounds",
    "compare_estimates",
    "format_levels",
    "have_same_levels",
    "matching_places",
    "missing_rows",
    "pair_ids",
    "plain_text",
    "resolve_adjust",
    "take_rows",
]


Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]
Counterparts = Mapping[str, str | None]

# Rows that the text form shows, and the smallest p-value.
_ROWS = 12
_SMALLEST_P = 0.001


class ChangeReason(Reason):
    """Why a row has no change, or a change no test."""

    NEW_UNIT = "unit only in this round"
    GONE_UNIT = "unit only in the earlier round"
    NEW_BREAKDOWN = "breakdown only in this round"
    GONE_BREAKDOWN = "breakdown only in the earlier round"
    NEW_QUESTION = "question only in this round"
    GONE_QUESTION = "question only in the earlier round"
    NEW_GROUP = "group only in this round"
    GONE_GROUP = "group only in the earlier round"
    LABEL_CHANGED = "the question's label changed"
    SUPPRESSED = "too few applicable answers to publish"
    NO_ANSWERS = "no applicable answers"
    NO_ANSWERS_NOW = "no applicable answers in this round"
    NO_ANSWERS_BEFORE = "no applicable answers in the earlier round"
    ALL_ALIKE = "every answer is the same"
    NO_SE = "no standard error in one of the rounds"
    ROUND_ALIKE = "no spread in one of the rounds, so its standard error is not known"
    NO_TEST = "the test is undefined"
    NEW_ITEM = "item only in this round"
    GONE_ITEM = "item only in the earlier round"
    ITEM_LABEL_CHANGED = "the item's label changed"
    ITEM_QUESTIONS_CHANGED = "the item's questions changed"
    ONE_CASE_NOW = "one case only in this round: spread between cases unknown"
    ONE_CASE_BEFORE = "one case only in the earlier round: spread between cases unknown"
    ONE_CLUSTER = "one cluster only in one of the rounds: its spread is not known"
    KNOWN_IN_FULL = "all cases are known, so the rounds are compared without a test"
    LEVELS_CHANGED = "the question's levels, or those that are sufficient, changed"


@attrs.frozen(eq=False)
class ChangeTests:
    """Differences of two independent rounds with tests, one value a row.

    Attributes
    ----------
    low, high : ndarray of float64
        Interval of the difference, in percentage points; NaN where there is none.
    statistic, df, df2, p_value : ndarray of float64
        NaN where nothing could be tested; ``df2``, of t, where the test is on effective answers
        and a spread was estimated.
    method : ndarray of int8
        Codes of ``methods``; -1 where nothing could be tested.
    methods : tuple of str
        The tests used.
    interval : ndarray of int8
        Codes of ``intervals``.
    intervals : tuple of str
        The intervals used.
    stars : ndarray of int8
        Codes of the significance marks; -1 for none.
    reason : ndarray of int8
        Codes of `ChangeReason` where there is no test; -1 where there is.
    """

    low: Floats
    high: Floats
    statistic: Floats
    df: Floats
    df2: Floats
    p_value: Floats
    method: npt.NDArray[np.int8]
    methods: tuple[str, ...]
    interval: npt.NDArray[np.int8]
    intervals: tuple[str, ...]
    stars: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int8]

    def without_tests(self, alike: Flags, reason: npt.NDArray[Any]) -> ChangeTests:
        """Leave out the tests of rows whose answers are all the same, and give other reasons.

        Parameters
        ----------
        alike : ndarray of bool
            The rows.
        reason : ndarray of int8
            Codes of `ChangeReason` for all rows without a test.
        """
        tests = (np.where(alike, np.nan, x) for x in (self.statistic, self.df, self.df2))
        p_value = np.where(alike, np.nan, self.p_value)
        known = alike | (self.reason >= 0) | ~np.isnan(self.p_value)
        return _finish(
            (self.low, self.high),
            (*tests, p_value),
            reason,
            known,
            (self.methods, self.method),
            (self.intervals, self.interval),
        )


def compare_counts(
    k: Floats, n: Floats, previous_k: Floats, previous_n: Floats, inference: Inference
) -> ChangeTests:
    """Compare unweighted counts of two rounds.

    Parameters
    ----------
    k, n, previous_k, previous_n : ndarray of float64
        Sufficient and applicable answers, one value a row; NaN where a row is not compared.
    inference : Inference
        The test (Pearson's in place of tests within units), the method of the difference and
        the confidence.
    """
    two = Pairs([], k, n, previous_k, previous_n)
    test = pair_test(inference)
    statistic, df, p_value = compare_pairs(test, two)
    methods: tuple[str, ...] = (test,)
    method = np.zeros(k.shape, np.int8)
    if test == "auto":
        methods = ("pearson", "fisher")
        method = by_fisher(*two.as_two_by_two).astype(np.int8)
    known = (n > 0) & (previous_n > 0) & ~np.isnan(k + previous_k)
    # Exact tests give 1 where every answer is the same; nothing was tested there.
    alike = known & (smallest_expected_two(*two.as_two_by_two) == 0)
    statistic, df, p_value = (
        np.where(known & ~alike, figures, np.nan) for figures in (statistic, df, p_value)
    )
    _, low, high = DIFFERENCES[inference.difference](*two.as_two_by_two, inference.confidence)
    return _finish(
        (100.0 * low, 100.0 * high),
        (statistic, df, np.full(k.shape, np.nan), p_value),
        np.where(alike, ChangeReason.ALL_ALIKE, ChangeReason.NO_TEST),
        known,
        (methods, method),
        ((inference.difference,), np.zeros(k.shape, np.int8)),
    )


@attrs.frozen(eq=False)
class Estimates:
    """Percentages of one round with standard errors, one value a row.

    Attributes
    ----------
    percent, se : ndarray of float64
        In percent; NaN where a row is not compared, or there is no standard error.
    df : ndarray of float64
        Degrees of freedom of the standard errors; infinite for the normal distribution.
    known : ndarray of bool, optional
        Where every case of the population is known, so that a standard error of 0 is right.
    """

    percent: Floats
    se: Floats
    df: Floats
    known: Flags | None = None

    @property
    def whole(self) -> Flags:
        """Whether every case is known, one value a row."""
        return np.zeros(self.se.shape, np.bool_) if self.known is None else self.known


def compare_estimates(now: Estimates, before: Estimates, confidence: float) -> ChangeTests:
    """Compare percentages of two independent rounds by their standard errors.

    Parameters
    ----------
    now, before : Estimates
        The rounds.
    confidence : float
        Of the interval.

    Notes
    -----
    The rounds are independent, so the variance of the difference is the sum of theirs. The test
    is Wald's by t with Satterthwaite's degrees of freedom,
    ``(s1^2 + s0^2)^2 / (s1^4 / df1 + s0^4 / df0)``; infinite if both are, and z is normal. A
    standard error of 0 is that of answers all alike and says nothing about the next case, so there
    is no test and no interval then, unless every case of the population is known.

    References
    ----------
    Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.
    Biometrics Bulletin 2, 110-114. doi:10.2307/3002019
    """
    from scipy.special import stdtrit

    difference = now.percent - before.percent
    known = ~np.isnan(difference)
    in_full = now.whole & before.whole
    # A population that is known whole has no degrees of freedom, and needs none.
    df1, df0 = (np.where(r.whole, np.inf, r.df) for r in (now, before))
    missing = np.isnan(now.se + before.se) | ~(np.minimum(df1, df0) > 0)
    constant = ((now.se == 0) & ~now.whole) | ((before.se == 0) & ~before.whole) | in_full
    alike = constant & (difference == 0) & np.isin(now.percent, (0.0, 100.0)) & ~in_full
    usable = known & ~missing & ~constant
    v1, v0 = (np.where(usable, r.se**2, np.nan) for r in (now, before))
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = v1**2 / df1 + v0**2 / df0
        df = np.where(spread == 0, np.inf, (v1 + v0) ** 2 / spread)
        t = difference / np.sqrt(v1 + v0)
        p_value = two_sided_p(t, df)
        finite = np.isfinite(df)
        # The quantile of t where degrees of freedom are infinite is the normal one.
        quantile = stdtrit(np.where(finite, df, 1e300), (1.0 + confidence) / 2.0)
        margin = quantile * np.sqrt(v1 + v0)
    low, high = np.maximum(difference - margin, -100.0), np.minimum(difference + margin, 100.0)
    low, high = (np.where(known & in_full, difference, x) for x in (low, high))
    code = np.where(finite, np.int8(0), np.int8(1))
    return _finish(
        (low, high),
        (t, df, np.full(df.shape, np.nan), p_value),
        np.select(
            [in_full, alike, missing],
            [ChangeReason.KNOWN_IN_FULL, ChangeReason.ALL_ALIKE, ChangeReason.NO_SE],
            ChangeReason.ROUND_ALIKE,
        ),
        known,
        (("wald-t", "wald"), code),
        (("wald-t", "wald"), code),
    )


def compare_effective_rounds(
    now: EffectiveGroups, before: EffectiveGroups, confidence: float
) -> ChangeTests:
    """Compare percentages of two independent rounds on effective answers.

    Parameters
    ----------
    now, before : EffectiveGroups
        The rounds, one value a row; p is NaN where a row is not compared.
    confidence : float
        Of the interval, which holds the differences that the test does not reject.
    """
    found = compare_effective(now, before, confidence)
    known = ~np.isnan(now.p + before.p)
    tested = ~np.isnan(found.p_value)
    code = found.corrected.astype(np.int8)
    return _finish(
        (100.0 * found.low, 100.0 * found.high),
        (
            found.statistic,
            found.df,
            np.where(tested & np.isfinite(found.df2), found.df2, np.nan),
            found.p_value,
        ),
        np.select(
            [~now.known, ~before.known],
            [ChangeReason.ONE_CASE_NOW, ChangeReason.ONE_CASE_BEFORE],
            ChangeReason.KNOWN_IN_FULL,
        ),
        known,
        (("pearson-effective", "yates-effective"), code),
        (("score-effective",), np.zeros(code.shape, np.int8)),
    )


def choose_tests(where: Flags, one: ChangeTests, other: ChangeTests) -> ChangeTests:
    """Take the first tests where the flag is true, and the second elsewhere."""
    merged = {
        name: np.where(where, getattr(one, name), getattr(other, name))
        for name in ("low", "high", "statistic", "df", "df2", "p_value", "stars", "reason")
    }
    for codes, names in (("method", "methods"), ("interval", "intervals")):
        first, second = getattr(one, codes), getattr(other, codes)
        shifted = np.where(second < 0, second, second + len(getattr(one, names)))
        merged[codes] = np.where(where, first, shifted).astype(np.int8)
        merged[names] = (*getattr(one, names), *getattr(other, names))
    return ChangeTests(**merged)


def _finish(
    limits: tuple[Floats, Floats],
    tests: tuple[Floats, ...],
    reason: npt.NDArray[Any],
    known: Flags,
    methods: tuple[tuple[str, ...], npt.NDArray[np.int8]],
    intervals: tuple[tuple[str, ...], npt.NDArray[np.int8]],
) -> ChangeTests:
    statistic, df, df2, p_value = tests
    tested = ~np.isnan(p_value)
    comparable = known & (tested | (reason == ChangeReason.ALL_ALIKE))
    return ChangeTests(
        *limits,
        np.where(tested, statistic, np.nan),
        np.where(tested & np.isfinite(df), df, np.nan),
        np.where(tested, df2, np.nan),
        p_value,
        np.where(tested, methods[1], np.int8(-1)),
        methods[0],
        intervals[1],
        intervals[0],
        star_codes(p_value, comparable),
        np.where(known & ~tested, reason, NO_REASON).astype(np.int8),
    )


def _adjust(
    p_value: Floats, is_all: Flags, first: Places, adjust: str | None
) -> tuple[Floats, str]:
    """Adjust the p-values of all changes, and describe the family.

    A change that stands in several rows is one of the family: ``first`` has the place of the first
    of its rows.
    """
    adjusted = np.full(p_value.shape, np.nan)
    tested = ~np.isnan(p_value) & (first == np.arange(len(first)))
    if adjust is not None:
        for part in (tested & is_all, tested & ~is_all):
            if part.any():
                adjusted[part] = ADJUSTMENTS[adjust](p_value[part])
    counts = int((tested & ~is_all).sum()), int((tested & is_all).sum())
    return adjusted[first], family_of_all(*counts, "these rounds")


def _first_rows(labels: Mapping[str, pa.Array], now: RoundFigures, before: RoundFigures) -> Places:
    """Find the first row of each change.

    All cases of a unit stand alone, as the group ``all`` of every complement, and as the
    breakdown of that name.
    """
    item = "item" if "item" in labels else "question"
    keys = [labels[name].to_pylist() for name in ("unit", item, "group")]
    counts = [x.tolist() for x in (now.k, now.n, before.k, before.n)]
    seen: dict[tuple[object, ...], int] = {}
    first = np.arange(len(keys[0]))
    for row, (unit, of, group, *figures) in enumerate(zip(*keys, *counts, strict=True)):
        if group in (None, ALL):
            first[row] = seen.setdefault((unit, of, *figures), row)
    return first


def check_strict(strict: object) -> None:
    """Raise if ``strict`` is neither True nor False."""
    if not isinstance(strict, bool):
        raise UsageError(f"`strict` must be True or False; found {format_value(strict)}")


def resolve_adjust(adjust: str | None) -> str | None:
    """Return the name of an adjustment; raise if it is unknown."""
    return None if adjust is None else ADJUSTMENTS.name(adjust)


def plain_text(label: str) -> str:
    """Reduce a label to what counts when two are compared: without case and extra spaces."""
    return " ".join(label.split()).casefold()


def have_same_levels(now: Question, before: Question) -> bool:
    """Check whether a question has the same levels, and the same of them sufficient."""
    return all(
        set(map(plain_text, one)) == set(map(plain_text, other))
        for one, other in ((now.levels, before.levels), (now.sufficient, before.sufficient))
    )


def format_levels(question: Question) -> str:
    """Format the levels of a question, and those that are sufficient, for an error."""
    if not question.levels:
        return "no levels"
    return f"{format_values(question.sufficient)} of {format_values(question.levels)}"


def check_same_policy(now: Framework, before: Framework) -> None:
    """Check that both rounds count unanswered questions alike.

    Raises
    ------
    UsageError
        When one counts them as not sufficient and the other does not.
    """
    policies = [framework.not_answered or "left out" for framework in (now, before)]
    if "not sufficient" in policies and len(set(policies)) == 2:
        raise UsageError(
            f"both rounds must count unanswered questions alike; found {policies[0]!r} here and "
            f"{policies[1]!r} in the earlier round. Count one of them again, of cases with "
            f"`cases.with_not_answered({policies[0]!r})`"
        )


def pair_ids(
    now: Sequence[str], before: Sequence[str], given: Counterparts | None, what: str
) -> dict[str, str]:
    """Pair each earlier id with one of this round; those without are left out.

    Parameters
    ----------
    now, before : sequence of str
        The ids of both rounds.
    given : mapping of str to str or None, optional
        Earlier ids and ids of this round; None has no counterpart. Others are paired by name.
    what : {'question', 'item'}
        What is paired; in the plural, the name of the argument.

    Raises
    ------
    UsageError
        When ``given`` is no mapping, or an id of this round would be paired twice.
    UnknownNameError
        When an id is unknown.
    """
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise UsageError(
            f"`{what}s` must map earlier ids to ids of this round, such as "
            f"{what}s={{'old': 'new'}}; found {format_value(given)}"
        )
    wanted = [new for new in given.values() if new is not None]
    if unknown := [q for q in given if q not in before]:
        raise UnknownNameError(f"{what} of the earlier round", unknown, before)
    if unknown := [q for q in wanted if q not in now]:
        raise UnknownNameError(f"{what} of this round", unknown, now)
    pairs = {old: new for old in before if (new := given.get(old, old)) is not None and new in now}
    taken: dict[str, list[str]] = {}
    for old, new in pairs.items():
        taken.setdefault(new, []).append(old)
    if doubled := {new: old for new, old in taken.items() if len(old) > 1}:
        one, several = next(iter(doubled.items()))
        named = " and ".join(map(repr, several))
        raise UsageError(
            f"`{what}s` must pair each {what} of this round once; {one!r} would be compared "
            f"with {named}. Map the one that has no counterpart to None"
        )
    return pairs


@attrs.frozen(eq=False)
class RoundRows:
    """The rows of a change: the places of each in both rounds, -1 where one lacks it.

    Attributes
    ----------
    now, before : ndarray of int64
        Places in the tables of the rounds.
    labels : dict of str to pyarrow.Array
        The label columns.
    unit, breakdown : ndarray of str
        Labels of each row; no breakdown is empty.
    item : ndarray of int64
        Places of questions or items: those of this round, then earlier ones without a
        counterpart.
    lonely_item : tuple of ndarray of bool
        Whether the question or item is in this round only, and in the earlier one only.
    """

    now: Places
    before: Places
    labels: dict[str, pa.Array]
    unit: npt.NDArray[np.str_]
    breakdown: npt.NDArray[np.str_]
    item: Places
    lonely_item: tuple[Flags, Flags]


def align_rounds(
    now: pa.Table,
    before: pa.Table,
    column: str,
    ids: tuple[Sequence[str], Sequence[str]],
    counterpart: Mapping[str, str],
) -> RoundRows:
    """Find the rows of both rounds that belong together: this round's, then what it lacks.

    Parameters
    ----------
    now, before : pyarrow.Table
        The rounds, with dictionary columns ``unit, breakdown, group`` and the next.
    column : {'question', 'item'}
        The column of ids.
    ids : tuple of sequence of str
        All ids of both rounds, in order.
    counterpart : mapping of str to str
        Earlier ids and those of this round, as `pair_ids` returns them.
    """
    names: dict[str, list[str]] = {}
    codes: list[list[Places]] = [[], []]
    for label in ("unit", "breakdown", "group"):
        known = list(
            dict.fromkeys(
                chain.from_iterable(
                    table[label].combine_chunks().dictionary.to_pylist() for table in (now, before)
                )
            )
        )
        names[label] = known
        place = {name: i for i, name in enumerate(known)}
        for table, found in zip((now, before), codes, strict=True):
            found.append(_recoded(table, label, place, len(known)))
    # An earlier question without a counterpart is one of its own, whatever its id.
    of_now = list(ids[0])
    gone = [q for q in ids[1] if q not in counterpart]
    names[column] = [*of_now, *gone]
    place = {q: i for i, q in enumerate(of_now)}
    earlier = {old: place[new] for old, new in counterpart.items()}
    earlier |= {q: len(of_now) + i for i, q in enumerate(gone)}
    for table, found, code in zip((now, before), codes, (place, earlier), strict=True):
        found.append(_recoded(table, column, code, -1))
    order = ("unit", "breakdown", "group", column)
    # One place more is for null, of rows without a breakdown.
    shape = tuple(len(names[label]) + 1 for label in order)
    keys = [np.ravel_multi_index(tuple(found), shape).astype(np.int64) for found in codes]
    every = np.concatenate([keys[0], keys[1][~np.isin(keys[1], keys[0])]])
    parts = dict(zip(order, np.unravel_index(every, shape), strict=True))
    previous = {i: old for old, i in earlier.items()}
    previous_ids = [previous.get(i) for i in range(len(names[column]))]
    old_names = [q for q in previous_ids if q is not None]
    old_code = np.array(
        [-1 if q is None else old_names.index(q) for q in previous_ids] or [-1], np.int16
    )
    labels = {
        label: _arrow.dictionary(
            np.where(parts[label] < len(names[label]), parts[label], -1).astype(np.int16),
            names[label],
        )
        for label in ("unit", "breakdown", column, "group")
    }
    item = parts[column].astype(np.int64)
    labels[f"previous_{column}"] = _arrow.dictionary(old_code[item], old_names)
    unit, breakdown = (np.array([*names[c], ""])[parts[c]] for c in ("unit", "breakdown"))
    only_now = (item < len(of_now)) & ~np.isin(item, list(earlier.values()))
    return RoundRows(
        now=matching_places(every, keys[0]),
        before=matching_places(every, keys[1]),
        labels=labels,
        unit=unit,
        breakdown=breakdown,
        item=item,
        lonely_item=(only_now, item >= len(of_now)),
    )


def _recoded(table: pa.Table, column: str, codes: Mapping[str, int], null: int) -> Places:
    column_codes = table[column].combine_chunks()
    new = [*(codes.get(v, -1) for v in column_codes.dictionary.to_pylist()), null]
    at = column_codes.indices.fill_null(len(new) - 1).to_numpy(zero_copy_only=False)
    return np.array(new, np.int64)[at] if len(column_codes) else np.zeros(0, np.int64)


def matching_places(wanted: Places, keys: Places) -> Places:
    """Find each wanted key; -1 where it is missing."""
    order = np.argsort(keys, kind="stable")
    at = np.searchsorted(keys[order], wanted)
    found = np.append(order, -1)[np.minimum(at, len(keys))]
    known = np.append(keys, -1)[found] == wanted
    return np.where(known, found, -1).astype(np.int64)


def take_rows(table: pa.Table, column: str, at: Places) -> Floats:
    """Take the values of a column at places; NaN at -1."""
    values = np.asarray(table[column].to_numpy(), np.float64)
    return np.append(values, np.nan)[at]


@attrs.frozen(eq=False)
class Presence:
    """What a round has.

    Attributes
    ----------
    units, breakdowns : sequence of str
        Its units and the keys of its breakdowns.
    """

    units: Sequence[str]
    breakdowns: Sequence[str]


def missing_rows(
    rows: RoundRows, now: Presence, before: Presence, *, scored: bool
) -> list[tuple[Flags, ChangeReason]]:
    """List why rows are in one round only: conditions with reasons, the first that holds counts.

    Parameters
    ----------
    rows : RoundRows
        The rows of the change.
    now, before : Presence
        The rounds.
    scored : bool
        Whether rows are of scored items and not of questions.
    """
    sides = (
        (rows.before, before, 0, "NEW"),
        (rows.now, now, 1, "GONE"),
    )
    found: list[tuple[Flags, ChangeReason]] = []
    for places, other, at, word in sides:
        missing = places < 0
        without = np.isin(rows.breakdown, [*other.breakdowns, ""], invert=True)
        conditions = {
            "UNIT": missing & ~np.isin(rows.unit, list(other.units)),
            "BREAKDOWN": missing & without,
            "ITEM" if scored else "QUESTION": missing & rows.lonely_item[at],
            "GROUP": missing,
        }
        found += [(flags, ChangeReason[f"{word}_{what}"]) for what, flags in conditions.items()]
    return found


@attrs.frozen(eq=False)
class RoundFigures:
    """Figures of one round, one value a row; NaN where the round lacks the row.

    Attributes
    ----------
    k, n : ndarray of float64
        Sufficient and applicable answers, unweighted.
    percent : ndarray of float64
        0-100.
    """

    k: Floats
    n: Floats
    percent: Floats


def assemble_change(
    labels: Mapping[str, pa.Array],
    now: RoundFigures,
    before: RoundFigures,
    tests: ChangeTests,
    *,
    reason: npt.NDArray[np.int8],
    expected: Floats,
    reliability: npt.NDArray[np.int8],
    adjust: str | None,
    confidence: float,
    metadata: Mapping[bytes, bytes],
    texts: Mapping[str, str],
    grades: Sequence[str] = RELIABILITY,
) -> Change:
    """Build the result of a comparison of two rounds.

    Parameters
    ----------
    labels : mapping of str to pyarrow.Array
        The label columns, among them ``unit``, and ``question`` or ``item``.
    now, before : RoundFigures
        The rounds; those of rows that cannot be compared are shown all the same.
    tests : ChangeTests
        The tests, NaN in rows that cannot be compared.
    reason : ndarray of int8
        Codes of `ChangeReason` of rows that cannot be compared, -1 for the others.
    expected : ndarray of float64
        Smallest expected counts.
    reliability : ndarray of int8
        Codes of ``grades``.
    adjust : str or None
        An adjustment from `omistats.stats.ADJUSTMENTS`, made over all rows. All units together
        are a family of their own.
    confidence : float
        Confidence of the intervals.
    metadata : mapping of bytes to bytes
        Metadata of the table.
    texts : mapping of str to str
        Labels of questions or items for the text form.
    grades : sequence of str
        The grades of reliability, those of small numbers by default.
    """
    units = labels["unit"].dictionary_decode().to_pylist()
    is_all = np.array([unit == ALL for unit in units], np.bool_)
    first = _first_rows(labels, now, before)
    p_adjusted, family = _adjust(tests.p_value, is_all, first, adjust)
    comparable = reason == NO_REASON
    change = np.where(comparable, now.percent - before.percent, np.nan)
    has_interval = ~np.isnan(tests.low)
    columns = {
        **labels,
        "k": _counts(now.k),
        "n": _counts(now.n),
        "percent": _arrow.floats(now.percent),
        "previous_k": _counts(before.k),
        "previous_n": _counts(before.n),
        "previous_percent": _arrow.floats(before.percent),
        "change": _arrow.floats(change),
        "change_low": _arrow.floats(tests.low),
        "change_high": _arrow.floats(tests.high),
        "statistic": _arrow.floats(tests.statistic),
        "df": _arrow.floats(tests.df),
        "df2": _arrow.floats(tests.df2),
        "p_value": _arrow.floats(tests.p_value),
        "p_adjusted": _arrow.floats(p_adjusted),
        "stars": _arrow.dictionary(tests.stars, STARS),
        "method": _arrow.dictionary(tests.method, tests.methods),
        "interval_method": _arrow.dictionary(
            tests.interval.astype(np.int8), tests.intervals, has_interval
        ),
        "confidence": pa.array(np.full(len(change), confidence)),
        "reason": _arrow.dictionary(
            np.where(comparable, tests.reason, reason), ChangeReason.texts()
        ),
        "expected": _arrow.floats(expected),
        "reliability": _arrow.dictionary(reliability, grades),
    }
    table = pa.table(columns).replace_schema_metadata(dict(metadata) or None)
    return Change(table, adjust, family, texts)


def _counts(values: Floats) -> pa.Array:
    known = ~np.isnan(values)
    return _arrow.primitive(np.where(known, values, 0).astype(np.int64), known)


@attrs.frozen(eq=False, repr=False)
class Change(TableResult):
    """Change of percentages from an earlier round, with intervals and tests.

    One row a unit x breakdown x group x question (or scored item) of either round. The columns
    are the labels and ``previous_question``; ``k, n, percent`` and the same as ``previous_...``;
    ``change, change_low, change_high`` in percentage points, this round less the earlier one;
    ``statistic, df, df2, p_value, p_adjusted, stars, method, interval_method, confidence``; and
    ``reason, expected, reliability``. Whatever cannot be compared is listed with a null change,
    and ``reason`` says why.

    Change supports the Arrow PyCapsule protocol: ``pa.table(change)``.

    Attributes
    ----------
    table : pyarrow.Table
        The change.
    adjust : str or None
        Adjustment of ``p_adjusted``; None where p-values were not adjusted.
    family : str
        The tests that were adjusted together, in words.

    Examples
    --------
    >>> import omistats as oms
    >>> rows = {"questions": ["home_visit", "plan"], "groups": ["A", "B"]}
    >>> before = oms.Findings.from_counts([[12, 9], [20, 22]], [[30, 30], [30, 30]], **rows)
    >>> now = oms.Findings.from_counts([[25, 9], [24, 20]], [[32, 30], [32, 30]], **rows)
    >>> change = now.compare(before)
    >>> change
    Change: 4 rows, 4 compared, 1 with p_adjusted (bh) below 0.05
    <BLANKLINE>
    unit, group    question    before   N   now   N  change        interval  stars  p_adjusted
    all, groups A  home_visit    40.0  30  78.1  32   +38.1  +13.7 to +57.0     **       0.009
    all, groups A  plan          66.7  30  75.0  32    +8.3  -13.8 to +29.7     --       0.764
    all, groups B  plan          73.3  30  66.7  30    -6.7  -28.5 to +16.0     --       0.764
    all, groups B  home_visit    30.0  30  30.0  30    +0.0  -22.3 to +22.3     --       1.000
    4 tests; p below 0.05 in 1; chance alone would give fewer than 1
    adjusted by bh over all 4 tests of these rounds
    >>> change.significant().table["question"].to_pylist()
    ['home_visit']
    """

    table: pa.Table
    adjust: str | None
    family: str
    _texts: Mapping[str, str]
    # P-values before `significant`, and the number of tests before any filter.
    _tested: Floats | None = None
    _total: int | None = None

    def significant(self, level: float = 0.05) -> Change:
        """Keep the changes whose adjusted p-value is below a level.

        Parameters
        ----------
        level : float
            Significance level, between 0 and 1.

        Returns
        -------
        Change
            The rows of these changes. P-values are still adjusted over all rows; where none was
            adjusted, the unadjusted p-values decide.

        Raises
        ------
        UsageError
            When the level is out of range.
        """
        if not isinstance(level, float | int | np.floating) or not 0 < level < 1:
            raise UsageError(f"`level` must be between 0 and 1; found {format_value(level)}")
        with np.errstate(invalid="ignore"):
            kept = self._numbers(self._deciding) < level
        table = self.table.filter(pa.array(kept))
        return attrs.evolve(self, table=table, tested=self._p_values, total=self._number_of_tests)

    def keep_rows(self, keep: Flags) -> Change:
        """Keep some rows, with p-values adjusted over all.

        Parameters
        ----------
        keep : ndarray of bool, shape (rows,)
            Whether to keep each row.

        Returns
        -------
        Change
            The rows; the text form says of how many tests they are.
        """
        table = self.table.filter(pa.array(keep))
        return attrs.evolve(self, table=table, total=self._number_of_tests)

    def _numbers(self, column: str) -> Floats:
        return np.asarray(self.table[column].to_numpy(), np.float64)

    @property
    def _deciding(self) -> str:
        """Name the p-value that decides which changes stand."""
        return "p_value" if self.adjust is None else "p_adjusted"

    @property
    def _p_values(self) -> Floats:
        return self._numbers("p_value") if self._tested is None else self._tested

    @property
    def _number_of_tests(self) -> int:
        return int((~np.isnan(self._p_values)).sum()) if self._total is None else self._total

    def _display(self) -> Display:
        change, stands = self._numbers("change"), self._numbers(self._deciding) < LEVEL
        compared = ~np.isnan(change)
        thin = np.array([r not in (None, "ok") for r in self._texts_of("reliability")], np.bool_)
        head = f"Change{' from SYNTHETIC cases' * is_synthetic(self.table.schema.metadata)}: "
        head += f"{len(self):,} rows, {int(compared.sum()):,} compared, {int(stands.sum()):,} with "
        head += f"{self._deciding}{f' ({self.adjust})' if self.adjust else ''} below {LEVEL:g}"
        notes = self._notes(compared, thin)
        # Small numbers come last, and changes that stand before others; the largest first.
        order = np.lexsort((-np.abs(change), ~stands, thin))
        order = order[compared[order]]
        if not len(order):
            return Display([head, *notes])
        shown = order[:_ROWS]
        lines = self._lines(shown)
        if thin[shown].any():
            marks = ["", *("?" if mark else "" for mark in thin[shown].tolist())]
            lines = [[*line, mark] for line, mark in zip(lines, marks, strict=True)]
        if hidden := len(order) - len(shown):
            notes.insert(0, f"... and {hidden:,} more changes; all rows are in .table")
        return Display(head, lines, notes, labels=2)

    def _lines(self, shown: npt.NDArray[np.intp]) -> list[list[str]]:
        item = "question" if "question" in self.table.column_names else "item"
        titles = ["unit, group", item, "before", "N", "now", "N", "change", "interval", "stars"]
        lines = [[*titles, *(["p_adjusted"] if self.adjust else [])]]
        for row in self.table.take(pa.array(shown)).to_pylist():
            where = row["unit"]
            if row["group"] is not None:
                where += f", {row['breakdown'].replace('_', ' ')} {row['group']}"
            limits = row["change_low"], row["change_high"]
            line = [
                where,
                self._texts.get(row[item], row[item]),
                f"{row['previous_percent']:.1f}",
                f"{row['previous_n']:,}",
                f"{row['percent']:.1f}",
                f"{row['n']:,}",
                _points(row["change"]),
                "" if limits[0] is None else f"{_points(limits[0])} to {_points(limits[1])}",
                row["stars"] or "",
            ]
            if self.adjust:
                line.append(_p_text(row["p_adjusted"]))
            lines.append(line)
        return lines

    def _notes(self, compared: Flags, thin: Flags) -> list[str]:
        """List what is said below the table."""
        kept = None if self._tested is None else len(self)
        notes = [describe_tests(self._p_values, kept=kept, total=self._number_of_tests)]
        if self.adjust:
            notes.append(f"adjusted by {self.adjust} {self.family}")
        if marked := _counted(self._texts_of("reliability"), thin):
            notes.append(f"? small numbers in {marked}")
        if reasons := _counted(self._texts_of("reason"), ~compared):
            notes.append(f"no change in {reasons}")
        return notes

    def _texts_of(self, column: str) -> list[str | None]:
        texts: list[str | None] = self.table[column].to_pylist()
        return texts


def _points(value: float) -> str:
    # No minus before a change that rounds to 0.
    return f"{round(value, 1) + 0.0:+.1f}"


def _p_text(p_value: float | None) -> str:
    if p_value is None:
        return ""
    return f"<{_SMALLEST_P:g}" if p_value < _SMALLEST_P else f"{p_value:.3f}"


def _counted(texts: Sequence[str | None], where: Flags) -> str:
    """Count the texts of some rows; empty if there is none."""
    counts = Counter(text for text, counted in zip(texts, where.tolist(), strict=True) if counted)
    rows = counts.total()
    listed = "; ".join(f"{text}: {n:,}" for text, n in counts.items())
    return f"{rows:,} row{'s' * (rows != 1)} ({listed})" if rows else ""
