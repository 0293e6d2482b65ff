"""Adjust permutation tests for the number of questions (max-T)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import NO_REASON, Reason
from omistats.breakdowns.base import Breakdown, BreakdownLike
from omistats.breakdowns.groups import compared_sides
from omistats.breakdowns.registry import resolve
from omistats.errors import UsageError
from omistats.kernel.checks import check_whole
from omistats.kernel.multiplicity import StepDown, step_down
from omistats.kernel.resampling import (
    Layout,
    cmh_shuffles,
    count_fixed,
    count_shuffled,
    draw_labels,
    generator,
    pearson_shuffles,
)
from omistats.model.batches import read_cases
from omistats.model.case_set import CaseSet
from omistats.model.framework import Framework
from omistats.resampling.common import (
    Answers,
    Resampled,
    answers_of,
    batches,
    check_option,
)

__all__ = ["max_t"]


Floats = npt.NDArray[np.float64]

_LABELS_AT_ONCE: Final = 1 << 24
_SHUFFLES_AT_ONCE: Final = 2000


class MaxTReason(Reason):
    """Reasons why a question is not in the family of `max_t`.

    Of several reasons a question has the first that holds, in the order of the members.
    """

    NO_ANSWERS = "no applicable answers"
    NO_SECOND_GROUP = "no second group to compare with"
    ALL_ALIKE = "every answer is the same"
    NO_INFORMATIVE_UNIT = "no unit has two groups and answers of both kinds"


def max_t(
    source: Any,
    *,
    breakdowns: Iterable[BreakdownLike] | None = None,
    questions: Iterable[str] | None = None,
    within: Literal["unit"] | None = None,
    permutations: int = 2000,
    fixed_n: bool = False,
    complement: Literal["all", "known"] = "all",
    seed: int = 0,
    framework: Framework | None = None,
) -> Resampled:
    """Test many questions by permutation, with p-values adjusted for their number.

    Parameters
    ----------
    source : CaseSet, data frame, table of an engine, record batch reader, data set, or path
        The cases. All are read into memory, also from files, readers and tables of
        engines. Sources other than a case set need ``framework``.
    breakdowns : iterable of Breakdown or str, optional
        Instances, classes, or names; the framework's standard ones by default. The tests of
        each breakdown are one family.
    questions : iterable of str, optional
        The questions of each family; by default all that are not invented.
    within : {'unit'}, optional
        ``'unit'`` shuffles group labels among the cases of each unit and tests with the
        Cochran-Mantel-Haenszel statistic over units. By default labels are shuffled among
        all cases and tested with Pearson's chi-square.
    permutations : int
        Number of shuffles.
    fixed_n : bool
        Whether every group keeps its n for every question. By default a case keeps its
        applicable questions when it changes group, so n varies between shuffles.
    complement : {'all', 'known'}
        The cases that the subset of a complement is tested against: all cases outside it, or
        only those whose characteristic is known. Only cases with a known characteristic are
        shuffled in either case.
    seed : int
        Seed of the random numbers. The same seed gives the same shuffles, as long as NumPy
        keeps the streams of its default generator.
    framework : Framework, optional
        The framework to check the source against; a case set has its own.

    Returns
    -------
    Resampled
        One row per breakdown and question: ``breakdown, question`` (dictionary),
        ``statistic, df, p_value`` (permutation test of the question by itself),
        ``p_adjusted`` (step-down max-T), ``p_value_error, p_adjusted_error`` (Monte Carlo
        standard errors), ``in_family``, ``reason`` (why it is not in the family), ``method,
        within, fixed_n, permutations, contrast``. Tests that cannot be done are not in the
        family, and their results are null.

    Raises
    ------
    UsageError
        When an option is out of range, there are no questions, or a source other than a case
        set comes without ``framework``.
    UnknownNameError
        When a question or a breakdown is unknown.
    DataError
        When the source cannot be read as cases, or a breakdown is declared wrongly or returns
        labels outside its groups.

    Notes
    -----
    P-values are ``(b + 1) / (B + 1)``, where b of B shuffles have a statistic at least as
    large as the observed one. Cases are shuffled with all their answers, so the adjustment
    allows for the correlation between questions. By default the null hypothesis is that
    groups differ neither in their answers nor in which questions apply. With ``fixed_n`` it is
    that groups do not differ in the answers to a question among the cases it applies to.

    References
    ----------
    Westfall and Young (1993), Resampling-Based Multiple Testing, Wiley. Phipson and Smyth
    (2010), Statistical Applications in Genetics and Molecular Biology 9(1):39.

    Examples
    --------
    >>> import omistats as oms
    >>> cases = oms.omi2.simulate(units=4, seed=1, difference={"gender": 1.5})
    >>> ids = ["induction", "victim_safety"]
    >>> found = oms.max_t(cases, breakdowns=["gender"], questions=ids, permutations=99)
    >>> [round(p, 2) for p in found.table["p_adjusted"].to_pylist()]
    [0.01, 0.01]
    """
    check_option("within", within, (None, "unit"))
    check_option("complement", complement, ("all", "known"))
    check_option("fixed_n", fixed_n, (False, True))
    check_whole("permutations", permutations, 1)
    check_whole("seed", seed, 0)
    cases = read_cases(source, framework)
    framework = cases.framework
    ids = framework.known_ids if questions is None else framework.select(questions)
    if not ids:
        raise UsageError("no questions to test; pass questions=[...]")
    wanted = framework.breakdowns if breakdowns is None else breakdowns
    splits = resolve(wanted, framework)
    if not splits:
        raise UsageError("no breakdowns to test; pass breakdowns=[...]")
    answers = answers_of(cases, ids)
    stratified = within == "unit"
    columns: dict[str, list[Any]] = {}
    for split in splits:
        rng = generator(seed, split.key)
        found = _test_family(
            cases, split, answers, stratified, complement == "known", fixed_n, permutations, rng
        )
        for name, values in found.items():
            columns.setdefault(name, []).append(values)
    rows = len(splits) * len(ids)
    method = "cmh" if stratified else "pearson"
    numbers = {name: np.concatenate(parts) for name, parts in columns.items()}
    reason = numbers.pop("reason").astype(np.int8)
    contrasts = [split.contrast for split in splits]
    table = {
        "breakdown": _repeated(
            [s.key for s in splits], np.repeat(np.arange(len(splits)), len(ids))
        ),
        "question": _repeated(ids, np.tile(np.arange(len(ids)), len(splits))),
        **{name: pa.array(v, from_pandas=True) for name, v in numbers.items()},
        "in_family": pa.array(reason == NO_REASON),
        "reason": _arrow.dictionary(reason, MaxTReason.texts()),
        "method": _repeated([method], np.zeros(rows, np.int64)),
        "within": _repeated(["unit"], np.full(rows, 0 if stratified else -1)),
        "fixed_n": pa.array(np.full(rows, fixed_n)),
        "permutations": pa.array(np.full(rows, permutations, np.int64)),
        "contrast": _repeated(contrasts, np.repeat(np.arange(len(splits)), len(ids))),
    }
    return Resampled(pa.table(table).replace_schema_metadata(dict(cases.metadata) or None))


def _repeated(labels: Sequence[str], codes: npt.NDArray[Any]) -> pa.Array:
    names = list(dict.fromkeys(labels))
    place = np.array([names.index(label) for label in labels] + [-1], np.int16)
    return _arrow.dictionary(place[codes], names)


def _test_family(
    cases: CaseSet,
    split: Breakdown,
    answers: Answers,
    stratified: bool,
    known: bool,
    fixed_n: bool,
    permutations: int,
    rng: np.random.Generator,
) -> dict[str, npt.NDArray[Any]]:
    """Test the questions of one breakdown as a family."""
    layout = _make_layout(cases, split, answers, stratified, known)
    test = cmh_shuffles if stratified else pearson_shuffles
    questions = layout.applicable.shape[1]
    out = {
        name: np.full(questions, np.nan) for name in ("statistic", "df", "p_value", "p_adjusted")
    }
    total_k, total_n = layout.totals()
    if layout.groups > 1:
        observed = next(count_shuffled(layout, [layout.labels()]))
        statistic, df = test(observed, total_k, total_n)
        out["statistic"], out["df"] = statistic[0], df[0]
    tested = ~np.isnan(out["statistic"])
    if tested.any():
        # Questions outside the family need not be counted in the shuffles.
        kept = _select_questions(layout, tested)
        cases_shuffled = len(layout.group)
        if fixed_n:
            counted = count_fixed(kept, batches(permutations, cases_shuffled), rng)
        else:
            # Large batches: a shuffling step costs hardly more for hundreds than for one.
            sizes = batches(permutations, cases_shuffled, _LABELS_AT_ONCE, _SHUFFLES_AT_ONCE)
            counted = count_shuffled(kept, (draw_labels(kept, size, rng) for size in sizes))
        totals = total_k[:, tested], total_n[:, tested]
        found: StepDown = step_down(
            out["statistic"][tested], (test(counts, *totals)[0] for counts in counted)
        )
        out["p_value"][tested] = found.p_value()
        out["p_adjusted"][tested] = found.p_adjusted()
    for name in ("p_value", "p_adjusted"):
        out[f"{name}_error"] = np.sqrt(out[name] * (1 - out[name]) / (permutations + 1))
    return {**out, "reason": _reasons(layout, tested, stratified)}


def _make_layout(
    cases: CaseSet, split: Breakdown, answers: Answers, stratified: bool, known: bool
) -> Layout:
    """Divide cases into those to shuffle, by block, and those fixed in the last group."""
    codes = split.codes(cases)
    codes = codes if answers.order is None else codes[answers.order]
    group = compared_sides(split, codes, known=True)
    shuffled = group >= 0
    # Without units there is a single empty block.
    by_unit = stratified and len(answers.starts) > 1
    starts = answers.starts if by_unit else answers.starts[[0, -1]]
    # Unclassified cases that count in the rest of a complement cannot be shuffled.
    fixed = ~shuffled & (compared_sides(split, codes, known) >= 0)
    running = np.concatenate([[0], np.cumsum(shuffled)])
    kept_k, kept_n = (
        np.array(
            [
                flags[a:b][fixed[a:b]].sum(axis=0, dtype=np.float64)
                for a, b in pairwise(starts.tolist())
            ]
        )
        for flags in (answers.sufficient, answers.applicable)
    )
    return Layout(
        answers.sufficient[shuffled],
        answers.applicable[shuffled],
        group[shuffled],
        len(split.groups),
        running[starts].astype(np.int64),
        kept_k,
        kept_n,
    )


def _select_questions(layout: Layout, tested: npt.NDArray[np.bool_]) -> Layout:
    return Layout(
        layout.sufficient[:, tested],
        layout.applicable[:, tested],
        layout.group,
        layout.groups,
        layout.starts,
        layout.kept_k[:, tested],
        layout.kept_n[:, tested],
    )


def _reasons(
    layout: Layout, tested: npt.NDArray[np.bool_], stratified: bool
) -> npt.NDArray[np.int8]:
    """Return the reason why each question was not tested, `NO_REASON` where it was."""
    k, n = (t.sum(axis=0) for t in layout.totals())
    sizes = np.array(
        [layout.applicable[layout.group == g].sum(axis=0) for g in range(layout.groups)]
    ).astype(np.float64)
    sizes[-1] += layout.kept_n.sum(axis=0)
    untestable = MaxTReason.NO_INFORMATIVE_UNIT if stratified else MaxTReason.ALL_ALIKE
    out = np.full(n.shape, untestable, np.int8)
    out[(k == 0) | (k == n)] = MaxTReason.ALL_ALIKE
    out[(sizes > 0).sum(axis=0) < 2] = MaxTReason.NO_SECOND_GROUP
    out[n == 0] = MaxTReason.NO_ANSWERS
    out[tested] = NO_REASON
    return out
