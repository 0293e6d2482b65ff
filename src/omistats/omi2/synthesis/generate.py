"""Assemble the synthetic case file."""

from __future__ import annotations

import json
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._arrow.build import dictionary
from omistats.errors import UsageError
from omistats.omi2.published import CASES
from omistats.omi2.synthesis.answers import (
    INVENTED,
    CaseEffects,
    apply,
    apply_invented,
    check_room,
    judge,
    judge_invented,
    planned,
    share_out,
)
from omistats.omi2.synthesis.selection import InfeasibleError, Shares
from omistats.omi2.synthesis.targets import (
    LEVELS,
    RISK,
    UNITS,
    Printed,
    Target,
    aim,
    draw_strata,
    draw_units,
    grouping,
    in_custody,
    read_printed,
)

__all__ = ["SEED", "UNKNOWABLE", "VERSION", "generate"]


SEED: Final = 2011
"""The seed of the shipped file."""

VERSION: Final = "2"
"""Version of the generator; another version may generate other cases from the same seed."""

UNKNOWABLE: Final = (
    "the exact counts behind a printed percentage",
    "how answers correlate, within a case or between questions",
    "anything by unit: sizes, scores, differences; only the ranges of scores are printed",
    "which unpublished questions feed the published scores, and how they were answered",
    "splits of the strata that the source does not print, and their joint distribution",
    "which of several agreeing answers the inspected cases had",
)
"""Facts about the real cases that the synthetic ones cannot show."""

# The number of draws to try, of the strata and of the answers to a question.
_STRATA_DRAWS, _ANSWER_DRAWS = 50, 8

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def generate(published: pa.Table, *, seed: int = SEED) -> pa.Table:
    """Generate synthetic cases that add up to the published tables.

    Parameters
    ----------
    published : pyarrow.Table
        The printed figures, in the form of `omistats.omi2.load_published`. The only other
        input is `omistats.omi2.PUBLISHED_SCORES`.
    seed : int, optional
        From 0 to 2**32 - 1. Another seed gives other cases that add up to the same tables.

    Returns
    -------
    pyarrow.Table
        2,213 rows, sorted by unit: ``case_id`` (text), ``unit`` (dictionary, int16), six
        characteristics (dictionary, int8; null where unclassified) and one Boolean column
        a question (null where it does not apply). The metadata of the schema mark the cases
        as synthetic and list what cannot be known from them.

    Raises
    ------
    UsageError
        When the table lacks rows or no draw meets the printed figures.

    Notes
    -----
    First the characteristics are drawn, with margins taken from the printed Ns. For every
    question the counts are chosen that match most printed figures. Then its applicable and
    sufficient cases are selected: probabilities are raked to the margins, cases are drawn
    systematically, and single cases are swapped until every group has its number. Units and
    cases have invented, normally distributed effects; unit effects are fitted to the published
    ranges of headline scores. Invented questions then get the answers that the published
    scores require. Random numbers come from ``numpy.random.RandomState``, whose streams do not
    change between NumPy versions.

    Examples
    --------
    >>> import omistats as oms
    >>> from omistats.omi2.synthesis import generate
    >>> generate(oms.omi2.load_published()).num_rows
    2213
    """
    printed = read_printed(published)
    for draw in range(_STRATA_DRAWS):
        try:
            return _generate(printed, seed, draw)
        except InfeasibleError:
            continue
    raise UsageError(
        f"no draw of {_STRATA_DRAWS} with seed {seed} meets the printed figures; try another seed, "
        "and check that the table is the published one"
    )


def _generate(printed: list[Printed], seed: int, draw: int) -> pa.Table:
    rng = np.random.RandomState([seed, draw])
    strata = draw_strata(printed, rng)
    unit = draw_units(rng)
    effects = CaseEffects(in_custody(strata), rng)
    groups = grouping(strata)
    check_room(printed, groups, effects)
    order = np.lexsort((rng.permutation(CASES), unit))
    columns = {
        "case_id": pa.array([f"SYN-{i:04d}" for i in range(1, CASES + 1)], pa.string()),
        "unit": dictionary(
            unit[order].astype(np.int16), [f"U{i:02d}" for i in range(1, UNITS + 1)]
        ),
    }
    for name, levels in LEVELS.items():
        columns[name] = dictionary(strata[name][order].astype(np.int8), levels)
    answers = _answers(printed, unit, groups, effects, [seed, draw])
    for question, (applicable, sufficient) in answers.items():
        columns[question] = pa.array(sufficient[order], pa.bool_(), mask=~applicable[order])
    return pa.table(columns).replace_schema_metadata(_metadata(seed))


def _answers(
    printed: list[Printed],
    unit: Ints,
    groups: dict[str, Ints],
    effects: CaseEffects,
    key: list[int],
) -> dict[str, tuple[Flags, Flags]]:
    """Answer the published questions, then the invented ones that complete the scores."""
    rng = np.random.RandomState([*key, len(printed)])
    asked = {p.question: _ask(p, groups, effects, [*key, i]) for i, p in enumerate(printed)}
    invented = apply_invented(rng)
    applicable = {q: cases for q, (_, cases) in asked.items()} | invented
    sufficient = {q: float(target.sufficient[RISK].sum()) for q, (target, _) in asked.items()}
    by_unit = {q: np.bincount(unit[cases], minlength=UNITS) for q, cases in applicable.items()}
    chances, totals = share_out(by_unit, sufficient | planned(invented), effects.unit, rng)
    published = {
        q: (
            cases,
            _judge(target, cases, groups, effects, (unit, by_unit[q] * chances[q]), [*key, i]),
        )
        for i, (q, (target, cases)) in enumerate(asked.items())
    }
    judged = judge_invented(published, invented, chances, totals, unit, effects, rng)
    return published | {q: (invented[q], judged[q]) for q in INVENTED}


def _ask(
    printed: Printed, groups: dict[str, Ints], effects: CaseEffects, key: list[int]
) -> tuple[Target, Flags]:
    """Choose the counts of a question and the cases that it applies to.

    Every question and every attempt has a random stream of its own.
    """
    for attempt in range(_ANSWER_DRAWS):
        rng = np.random.RandomState([*key, attempt])
        target = aim(printed, rng)
        try:
            return target, apply(target, groups, effects, rng)
        except InfeasibleError:
            continue
    raise InfeasibleError


def _judge(
    target: Target,
    applicable: Flags,
    groups: dict[str, Ints],
    effects: CaseEffects,
    shares: Shares,
    key: list[int],
) -> Flags:
    for attempt in range(_ANSWER_DRAWS):
        rng = np.random.RandomState([*key, attempt, 1])
        try:
            return judge(target, applicable, groups, effects, shares, rng)
        except InfeasibleError:
            continue
    raise InfeasibleError


def _metadata(seed: int) -> dict[str, str]:
    return {
        "synthetic": "true",
        "description": (
            "Synthetic cases, generated to add up to printed figures; no row is a real case "
            "and no unit a real Trust."
        ),
        "generator": "omistats.omi2.synthesis",
        "generator_version": VERSION,
        "seed": str(seed),
        "cannot_be_known": json.dumps(UNKNOWABLE),
    }
