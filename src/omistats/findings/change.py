"""Compare findings with those of an earlier round."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._result_tables import NO_REASON
from omistats.counting.tally import Tally
from omistats.errors import (
    DataError,
    Problem,
    UsageError,
)
from omistats.findings.build import rows_of_groups
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
    compare_counts,
    compare_effective_rounds,
    compare_estimates,
    format_levels,
    have_same_levels,
    missing_rows,
    pair_ids,
    plain_text,
    resolve_adjust,
    take_rows,
)
from omistats.inference.options import Inference
from omistats.kernel.small_numbers import RELIABILITY, smallest_expected_two
from omistats.kernel.survey_effective import (
    SPREAD,
    Spread,
    smallest_kish_of_rounds,
    two_rounds,
)
from omistats.model.metadata import merge_metadata

__all__ = ["Round", "compare_rounds"]


Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

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
    spread : mapping of str to ndarray of float64, or None
        Of weighted findings, as in `omistats.inference.results.Results`.
    """

    table: pa.Table
    tally: Tally
    inference: Inference
    shown: npt.NDArray[np.bool_]
    spread: Mapping[str, Floats] | None = None

    def spread_at(self, places: Places, comparable: npt.NDArray[np.bool_]) -> Spread:
        """Take the figures that changes are tested by; NaN where a row is not compared."""
        missing = np.full(places.shape, np.nan)
        if self.spread is None:
            return Spread(*(missing for _ in SPREAD))
        figures = rows_of_groups(self.tally, self.spread)
        rows = (np.append(figures[name], np.nan)[places] for name in SPREAD)
        return Spread(*(np.where(comparable, values, np.nan) for values in rows))


def compare_rounds(
    now: Round,
    before: Round,
    *,
    adjust: str | None,
    questions: Counterparts | None,
    strict: bool,
) -> Change:
    """Compare the findings of two rounds; see `Findings.compare`."""
    check_strict(strict)
    adjust = resolve_adjust(adjust)
    _require_comparable(now, before)
    counterpart = _pair_questions(now.tally, before.tally, questions)
    changed = _changed_questions(now.tally, before.tally, counterpart, questions or {})
    if strict and changed:
        raise DataError([problem for problem, _ in changed])
    ids = now.tally.questions
    rows = align_rounds(
        now.table, before.table, "question", (ids, before.tally.questions), counterpart
    )
    reasons = {ids.index(problem.where): why for problem, why in changed}
    figures = _figures(now.table, rows.now), _figures(before.table, rows.before)
    reason = _reasons(rows, now.tally, before.tally, figures, reasons)
    comparable = reason == NO_REASON
    k, n, k0, n0 = (np.where(comparable, v, np.nan) for f in figures for v in (f.k, f.n))
    spread = now.spread_at(rows.now, comparable), before.spread_at(rows.before, comparable)
    if now.inference.test == "effective":
        tests = _compare_spread(*spread, now.inference.confidence)
    elif now.inference.is_design_based:
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
        reliability=_reliability((now, before), rows, np.minimum(n, n0), expected, spread, reason),
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
    check_same_policy(now.tally.framework, before.tally.framework)
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
    pairs = pair_ids(now.questions, before.questions, questions, "question")
    if not pairs and now.questions and before.questions:
        raise UsageError(
            f"the rounds have no question in common: framework {now.framework.name!r} here, "
            f"{before.framework.name!r} earlier. Pass questions={{'old': 'new'}} if ids changed"
        )
    return pairs


def _changed_questions(
    now: Tally, before: Tally, counterpart: Mapping[str, str], given: Counterparts
) -> list[tuple[Problem, ChangeReason]]:
    """List the questions that are not what they were; a pair that was given is taken as one."""
    asked = {q.id: q for q in now.framework.questions}
    earlier = {q.id: q for q in before.framework.questions}
    found = []
    for id in counterpart:
        if id in given:
            continue
        one, other = asked[id], earlier[id]
        vouch = f"pass questions={{{id!r}: {id!r}}}"
        unlike = f"or questions={{{id!r}: None}} if it does not."
        if plain_text(one.label) != plain_text(other.label):
            problem = Problem(
                id,
                "a question compared by its id must have the same label in both rounds",
                f"{one.label!r} here and {other.label!r} in the earlier round",
                f"P{vouch[1:]} if it asks the same, {unlike}",
            )
            found.append((problem, ChangeReason.LABEL_CHANGED))
        elif not have_same_levels(one, other):
            problem = Problem(
                id,
                "a question compared by its id must have the same levels, and the same of them "
                "sufficient, in both rounds",
                f"{format_levels(one)} here and {format_levels(other)} in the earlier round",
                "Count both rounds with one cut, of cases with `cases.with_cut(...)`, or "
                f"{vouch} if it means the same, {unlike}",
            )
            found.append((problem, ChangeReason.LEVELS_CHANGED))
    return found


def _figures(table: pa.Table, at: Places) -> RoundFigures:
    return RoundFigures(*(take_rows(table, name, at) for name in ("k", "n", "percent")))


def _compare_spread(now: Spread, before: Spread, confidence: float) -> ChangeTests:
    """Compare weighted rounds on effective answers."""
    found = compare_effective_rounds(*two_rounds(now, before), confidence)
    k, n = now.k + before.k, now.n + before.n
    known = ~np.isnan(now.p + before.p)
    alike = known & ((k == 0) | (k == n))
    reason = np.select(
        [alike, np.isnan(now.se + before.se), ~(np.minimum(now.df, before.df) > 0)],
        [ChangeReason.ALL_ALIKE, ChangeReason.NO_SE, ChangeReason.ONE_CLUSTER],
        found.reason,
    )
    # As in the findings, nothing is tested where every answer is the same.
    return found.without_tests(alike, reason)


def _estimates(table: pa.Table, at: Places, comparable: npt.NDArray[np.bool_]) -> Estimates:
    names = ("percent", "se", "se_df")
    percent, se, df = (np.where(comparable, take_rows(table, name, at), np.nan) for name in names)
    # Effective answers are null where they are infinite, as in a census.
    in_full = (se == 0) & np.isnan(take_rows(table, "effective_n", at))
    return Estimates(percent, se, df, in_full)


def _reasons(
    rows: RoundRows,
    now: Tally,
    before: Tally,
    figures: tuple[RoundFigures, RoundFigures],
    changed: Mapping[int, ChangeReason],
) -> npt.NDArray[np.int8]:
    """Code why rows cannot be compared; -1 where they can."""
    present = [Presence(tally.units, [s.key for s in tally.splits]) for tally in (now, before)]
    found = missing_rows(rows, *present, scored=False)
    n, n0 = (f.n for f in figures)
    with np.errstate(invalid="ignore"):
        suppressed = ((n > 0) & np.isnan(figures[0].k)) | ((n0 > 0) & np.isnan(figures[1].k))
        found += [
            *(
                (
                    np.isin(rows.item, [at for at, why in changed.items() if why == reason]),
                    reason,
                )
                for reason in (ChangeReason.LABEL_CHANGED, ChangeReason.LEVELS_CHANGED)
            ),
            (suppressed, ChangeReason.SUPPRESSED),
            ((n == 0) & (n0 == 0), ChangeReason.NO_ANSWERS),
            ((n == 0) | np.isnan(figures[0].percent), ChangeReason.NO_ANSWERS_NOW),
            ((n0 == 0) | np.isnan(figures[1].percent), ChangeReason.NO_ANSWERS_BEFORE),
        ]
    conditions, reasons = zip(*found, strict=True)
    codes: npt.NDArray[np.int8] = np.select(conditions, reasons, NO_REASON).astype(np.int8)
    return codes


def _reliability(
    rounds: tuple[Round, Round],
    rows: RoundRows,
    n: Floats,
    expected: Floats,
    spread: tuple[Spread, Spread],
    reason: npt.NDArray[np.int8],
) -> npt.NDArray[np.int8]:
    """Code how small the numbers behind each change are; -1 where there is none.

    ``n`` is the smaller number of answers of both rounds, NaN where nothing is compared.
    """
    policy = rounds[0].inference.small_numbers
    few_effective = policy.has_few_effective(*smallest_kish_of_rounds(*spread))
    code = policy.judge_unchecked(n, policy.expects_few(expected), few_effective)
    # Either round may have stricter rules about its own rows.
    for r, at in zip(rounds, (rows.now, rows.before), strict=True):
        texts = r.table["reliability"].combine_chunks()
        few = np.array([t == RELIABILITY[_FEW] for t in texts.to_pylist()], np.bool_)
        code[(code >= 0) & np.append(few, False)[at]] = _FEW
    code[reason == ChangeReason.SUPPRESSED] = _SUPPRESSED
    return code
