"""Compare scores with those of an earlier round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._result_tables import NO_REASON
from omistats.errors import DataError, Problem, UsageError
from omistats.inference.change import (
    Change,
    ChangeReason,
    ChangeTests,
    Counterparts,
    Estimates,
    Presence,
    RoundFigures,
    RoundRows,
    align_rounds,
    assemble_change,
    check_same_policy,
    check_strict,
    choose_tests,
    compare_effective_rounds,
    compare_estimates,
    have_same_levels,
    missing_rows,
    pair_ids,
    plain_text,
    resolve_adjust,
    take_rows,
)
from omistats.kernel.effective import EffectiveGroups
from omistats.model.framework import Framework
from omistats.model.metadata import merge_metadata
from omistats.scoring.build import RELIABILITY, Settings, too_few
from omistats.scoring.sums import ScoredItem

__all__ = ["ScoredRound", "View", "compare_scored_rounds"]


Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

_KEYS = ("unit", "breakdown", "group", "item")


@attrs.frozen(eq=False)
class ScoredRound:
    """Scores of one round, all of them, with what their changes are tested by.

    Attributes
    ----------
    table : pyarrow.Table
        The scores before any filter.
    items : tuple of ScoredItem
        The items, with the questions that feed them.
    breakdowns : tuple of str
        Keys of the breakdowns.
    settings : Settings
        The options of the scores.
    usable : ndarray of bool, shape (rows,)
        Where the rule of effective answers holds.
    n_alike, df_alike : ndarray of float64, shape (rows,)
        As in `omistats.kernel.effective.EffectiveGroups`.
    df : ndarray of float64, shape (rows,)
        Degrees of freedom of the standard error; infinite for the normal distribution.
    """

    table: pa.Table
    items: tuple[ScoredItem, ...]
    breakdowns: tuple[str, ...]
    settings: Settings
    usable: Flags
    n_alike: Floats
    df_alike: Floats
    df: Floats

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the items, in order."""
        return tuple(one.item.id for one in self.items)

    def estimates(self, at: Places, comparable: Flags) -> Estimates:
        """Take percentages and standard errors of rows; NaN where nothing is compared."""
        percent, se = (
            np.where(comparable, take_rows(self.table, name, at), np.nan)
            for name in ("percent", "se")
        )
        in_full = (se == 0) & np.isinf(take_rows(self.table, "effective_n", at))
        return Estimates(percent, se, np.append(self.df, np.nan)[at], in_full)

    def groups(self, at: Places, comparable: Flags) -> EffectiveGroups:
        """Take the effective answers of rows; NaN where nothing is compared or none are known."""
        percent, n, df, cases = (
            np.where(comparable, take_rows(self.table, name, at), np.nan)
            for name in ("percent", "effective_n", "effective_df", "cases")
        )
        # A spread that is a bound has no degrees of freedom in the table: infinitely many.
        df = np.where(np.isnan(df) & ~np.isnan(n), np.inf, df)
        n_alike = np.where(comparable, np.append(self.n_alike, np.nan)[at], np.nan)
        p = np.where(np.isnan(n), np.nan, percent / 100)
        df_alike = np.where(comparable, np.append(self.df_alike, np.nan)[at], np.nan)
        return EffectiveGroups(p, n, df, np.nan_to_num(cases), n_alike, df_alike)


@attrs.frozen(eq=False)
class View:
    """A view of a round, which is compared as a part of it.

    Attributes
    ----------
    whole : ScoredRound
        All scores of the round.
    table : pyarrow.Table
        Those of the view.
    framework : Framework
        The framework of the items.
    """

    whole: ScoredRound
    table: pa.Table
    framework: Framework

    def shown(self) -> Flags:
        """Tell which rows of the round are in the view."""
        if self.table is self.whole.table:
            return np.ones(self.whole.table.num_rows, np.bool_)
        kept = set(_keys(self.table))
        return np.array([key in kept for key in _keys(self.whole.table)], np.bool_)


def _keys(table: pa.Table) -> Iterator[tuple[str | None, ...]]:
    return zip(*(table[column].to_pylist() for column in _KEYS), strict=True)


def compare_scored_rounds(
    now: View,
    before: View,
    *,
    adjust: str | None,
    items: Counterparts | None,
    questions: Counterparts | None,
    strict: bool,
) -> Change:
    """Compare the scores of two rounds; see `Scores.compare`."""
    check_strict(strict)
    adjust = resolve_adjust(adjust)
    one, other = now.whole, before.whole
    _require_comparable(one, other)
    check_same_policy(now.framework, before.framework)
    counterpart = pair_ids(one.ids, other.ids, items, "item")
    if not counterpart:
        raise UsageError(
            f"the rounds have no item in common: framework {now.framework.name!r} here, "
            f"{before.framework.name!r} earlier. Pass items={{'old': 'new'}} if ids changed"
        )
    changed = _changed_items(now, before, counterpart, items or {}, questions)
    if strict and changed:
        raise DataError([problem for problem, _ in changed])
    rows = align_rounds(one.table, other.table, "item", (one.ids, other.ids), counterpart)
    figures = _figures(one.table, rows.now), _figures(other.table, rows.before)
    reasons = {one.ids.index(problem.where): reason for problem, reason in changed}
    reason = _reasons(rows, one, other, figures, reasons)
    comparable = reason == NO_REASON
    tests, groups = _test(one, other, rows, comparable)
    level = _levels(now.whole, before.whole, rows)
    labels = {**rows.labels, "level": level}
    order = ("unit", "breakdown", "group", "level", "item", "previous_item")
    change = assemble_change(
        {name: labels[name] for name in order},
        *figures,
        tests,
        reason=reason,
        expected=_expected(*groups),
        reliability=np.maximum(
            _grades(groups, tests, comparable, one.settings.confidence),
            _grades_by_wald(one, other, rows, comparable),
        ),
        adjust=adjust,
        confidence=one.settings.confidence,
        metadata=merge_metadata([one.table.schema.metadata, other.table.schema.metadata]),
        texts=_texts(now, before),
        grades=RELIABILITY,
    )
    sides = (now, rows.now), (before, rows.before)
    keep = np.all([np.append(view.shown(), True)[at] for view, at in sides], axis=0)
    return change if keep.all() else change.keep_rows(keep)


def _require_comparable(now: ScoredRound, before: ScoredRound) -> None:
    """Raise if the rounds are the same scores, or were made by different rules."""
    if now is before:
        raise UsageError(
            "both rounds are the same scores, and the test takes them as independent; pass scores "
            "of an earlier round"
        )
    wald = "wald" in (now.settings.test, before.settings.test)
    for name, here, earlier in (
        ("rule", now.settings.rule, before.settings.rule),
        ("test", now.settings.test, before.settings.test),
        ("confidence", now.settings.confidence, before.settings.confidence),
        ("df", *(_df_name(r.settings) if wald else None for r in (now, before))),
    ):
        if here != earlier:
            raise UsageError(
                f"both rounds must be scored by one rule; found {name}={here!r} here and "
                f"{name}={earlier!r} in the earlier scores. Make one of them again with the same "
                f"`{name}`"
            )
    if now.settings.weighted != before.settings.weighted:
        plain = "the earlier round" if now.settings.weighted else "this round"
        raise UsageError(
            "weighted scores cannot be compared with unweighted ones; score "
            f"{plain} with weights too: scores(cases, weight=np.ones(len(cases)))"
        )


def _df_name(settings: Settings) -> str | None:
    return "design" if settings.uses_df_design else None


def _changed_items(
    now: View,
    before: View,
    counterpart: Mapping[str, str],
    given: Counterparts,
    questions: Counterparts | None,
) -> list[tuple[Problem, ChangeReason]]:
    """List the items that are not what they were; a pair that was given is taken as one item."""
    asked_now, asked_before = (
        {q.id: q for q in view.framework.questions} for view in (now, before)
    )
    renamed = pair_ids(list(asked_now), list(asked_before), questions, "question")
    vouched = questions or {}
    here, earlier = ({one.item.id: one for one in view.whole.items} for view in (now, before))
    found = []
    for old, new in counterpart.items():
        if old in given:
            continue
        one, other = here[new], earlier[old]
        problem = _describe_label(one, other)
        reason = ChangeReason.ITEM_LABEL_CHANGED
        if problem is None:
            # What became of each earlier question: this round's id, or None.
            fed = {q: renamed.get(q) for q in other.questions}
            added = [q for q in one.questions if q not in fed.values()]
            gone = [q for q, same in fed.items() if same not in one.questions]
            kept = [
                (asked_now[same], asked_before[q])
                for q, same in fed.items()
                if same in one.questions and q not in vouched
            ]
            relabelled = [a.id for a, b in kept if plain_text(a.label) != plain_text(b.label)]
            recut = [a.id for a, b in kept if not have_same_levels(a, b)]
            problem = _describe_questions(new, added, gone, relabelled, recut)
            reason = ChangeReason.ITEM_QUESTIONS_CHANGED
        if problem is not None:
            found.append((problem, reason))
    return found


def _describe_label(now: ScoredItem, before: ScoredItem) -> Problem | None:
    if plain_text(now.item.label) == plain_text(before.item.label):
        return None
    return Problem(
        now.item.id,
        "an item compared by its id must have the same label in both rounds",
        f"{now.item.label!r} here and {before.item.label!r} in the earlier round",
        _vouch(now.item.id),
    )


def _describe_questions(
    item: str, added: list[str], gone: list[str], relabelled: list[str], recut: list[str]
) -> Problem | None:
    parts = [
        f"{', '.join(map(repr, some[:5]))}{' and more' * (len(some) > 5)} {what}"
        for some, what in (
            (added, "only in this round"),
            (gone, "only in the earlier round"),
            (relabelled, "with another label"),
            (recut, "with other levels, or others of them sufficient"),
        )
        if some
    ]
    if not parts:
        return None
    return Problem(
        item,
        "an item compared by its id must be made of the same questions in both rounds",
        "; ".join(parts),
        "Pass questions={'old': 'new'} for questions that were renamed or reworded, or count both "
        "rounds with one cut. " + _vouch(item),
    )


def _vouch(item: str) -> str:
    return (
        f"Pass items={{{item!r}: {item!r}}} if it means the same, or items={{{item!r}: None}} if "
        "it does not."
    )


def _levels(now: ScoredRound, before: ScoredRound, rows: RoundRows) -> pa.Array:
    """Make the column of levels: this round's, or the earlier one's where it lacks the row."""
    of_now, of_before = (
        np.array([*r.table["level"].to_pylist(), None], np.object_) for r in (now, before)
    )
    found = np.where(rows.now >= 0, of_now[rows.now], of_before[rows.before])
    return pa.array(found, pa.string()).dictionary_encode()


def _figures(table: pa.Table, at: Places) -> RoundFigures:
    return RoundFigures(*(take_rows(table, name, at) for name in ("k", "n", "percent")))


def _reasons(
    rows: RoundRows,
    now: ScoredRound,
    before: ScoredRound,
    figures: tuple[RoundFigures, RoundFigures],
    changed: Mapping[int, ChangeReason],
) -> npt.NDArray[np.int8]:
    """Code why rows cannot be compared; -1 where they can."""
    present = [Presence(r.table["unit"].unique().to_pylist(), r.breakdowns) for r in (now, before)]
    found = missing_rows(rows, *present, scored=True)
    none_now, none_before = (np.isnan(f.percent) for f in figures)
    for reason in (ChangeReason.ITEM_LABEL_CHANGED, ChangeReason.ITEM_QUESTIONS_CHANGED):
        items = [item for item, why in changed.items() if why == reason]
        found.append((np.isin(rows.item, items), reason))
    found += [
        (none_now & none_before, ChangeReason.NO_ANSWERS),
        (none_now, ChangeReason.NO_ANSWERS_NOW),
        (none_before, ChangeReason.NO_ANSWERS_BEFORE),
    ]
    conditions, reasons = zip(*found, strict=True)
    codes: npt.NDArray[np.int8] = np.select(conditions, reasons, NO_REASON).astype(np.int8)
    return codes


def _test(
    now: ScoredRound, before: ScoredRound, rows: RoundRows, comparable: Flags
) -> tuple[ChangeTests, tuple[EffectiveGroups, EffectiveGroups]]:
    """Test by the rule of the scores; by Wald's where effective answers do not hold."""
    confidence = now.settings.confidence
    at = rows.now, rows.before
    one, other = now.groups(at[0], comparable), before.groups(at[1], comparable)
    estimates = now.estimates(at[0], comparable), before.estimates(at[1], comparable)
    wald = compare_estimates(*estimates, confidence)
    if now.settings.test == "wald":
        return wald, (one, other)
    usable = np.append(now.usable, False)[at[0]] & np.append(before.usable, False)[at[1]]
    tests = choose_tests(usable, compare_effective_rounds(one, other, confidence), wald)
    return tests, (one, other)


def _expected(now: EffectiveGroups, before: EffectiveGroups) -> Floats:
    """Compute the smallest expected number of effective answers in a cell; NaN where unknown."""
    with np.errstate(invalid="ignore", divide="ignore"):
        # The proportion of a population that is known whole is the one to expect.
        overall = (now.n * now.p + before.n * before.p) / (now.n + before.n)
        overall = np.where(np.isinf(now.n), now.p, np.where(np.isinf(before.n), before.p, overall))
        smallest = np.minimum(now.n, before.n) * np.minimum(overall, 1 - overall)
    return np.where(np.isfinite(smallest), smallest, np.nan)


def _grades(
    groups: tuple[EffectiveGroups, EffectiveGroups],
    tests: ChangeTests,
    comparable: Flags,
    confidence: float,
) -> npt.NDArray[np.int8]:
    """Grade changes: codes of `RELIABILITY`, -1 where nothing is compared."""
    now, before = groups
    few = too_few(now, before, tests.p_value, confidence)
    few |= too_few(before, now, tests.p_value, confidence)
    alone = ((now.cases == 1) & ~now.known) | ((before.cases == 1) & ~before.known)
    code = np.where(few, RELIABILITY.index("too few cases to tell"), 0)
    code = np.where(alone, RELIABILITY.index("one case only"), code)
    return np.where(comparable, code, NO_REASON).astype(np.int8)


def _grades_by_wald(
    now: ScoredRound, before: ScoredRound, rows: RoundRows, comparable: Flags
) -> npt.NDArray[np.int8]:
    """Take over the worse grade of both rounds where Wald's test stands in; -1 elsewhere."""
    worst = np.full(comparable.shape, NO_REASON, np.int8)
    place = {text: code for code, text in enumerate(RELIABILITY)}
    for one, at in ((now, rows.now), (before, rows.before)):
        texts = [*one.table["reliability"].to_pylist(), None]
        grade = np.array([place.get(text, NO_REASON) for text in texts], np.int8)[at]
        stands_in = comparable & ~np.append(one.usable, False)[at]
        worst = np.maximum(worst, np.where(stands_in, grade, NO_REASON))
    return worst


def _texts(now: View, before: View) -> dict[str, str]:
    """Label items for the text form, criteria and sections with their ids."""
    return {
        one.item.id: one.item.label
        if one.item.level == "headline"
        else f"{one.item.id} {one.item.label}"
        for view in (before, now)
        for one in view.whole.items
    }
