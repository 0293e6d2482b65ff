"""Put the synthetic case file together."""

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
    Leanings,
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
"""The generator's version: another one may give other cases for the same seed."""

UNKNOWABLE: Final = (
    "the exact counts behind a printed percentage",
    "how answers correlate, within a case or between questions",
    "anything by unit: sizes, scores, differences; only the ranges of scores are printed",
    "which unpublished questions feed the published scores, and how they were answered",
    "splits of the strata that the source does not print, and their joint distribution",
    "which of several agreeing answers the inspected cases had",
)
"""What the synthetic cases cannot tell about the real ones."""

# Draws to try before giving up: of the strata, and of the answers to a question.
_STRATA_DRAWS, _ANSWER_DRAWS = 50, 8

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def generate(published: pa.Table, *, seed: int = SEED) -> pa.Table:
    """Generate synthetic cases that add up to the published tables.

    Parameters
    ----------
    published : pyarrow.Table
        The printed figures, as `omistats.omi2.load_published` gives them. Nothing else
        is read but `omistats.omi2.PUBLISHED_SCORES`.
    seed : int, optional
        Another seed, 0 to 2**32 - 1, gives other cases that add up to the same tables.

    Returns
    -------
    pyarrow.Table
        2,213 rows, sorted by unit: ``case_id`` (text), ``unit`` (dictionary, int16), six
        characteristics (dictionary, int8; null where unclassified) and one Boolean column
        a question (null where it does not apply). The schema's metadata says that the
        cases are synthetic, and what cannot be known from them.

    Raises
    ------
    UsageError
        When the table lacks rows, or no draw meets the printed figures.

    Notes
    -----
    The characteristics come first, with margins taken from the printed Ns. For every
    question counts are chosen that match the most printed figures; then the applicable
    and the sufficient cases are selected: chances raked to the margins, a systematic draw,
    and swaps of single cases until every group has its number. Units and cases lean
    one way or the other by invented, normally distributed amounts; those of the units are
    fitted to the published ranges of headline scores. Invented questions then get the
    answers that are missing to the published scores. Random numbers come from
    ``numpy.random.RandomState``, whose streams are frozen across NumPy versions.

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
    leanings = Leanings(in_custody(strata), rng)
    groups = grouping(strata)
    check_room(printed, groups, leanings)
    order = np.lexsort((rng.permutation(CASES), unit))
    columns = {
        "case_id": pa.array([f"SYN-{i:04d}" for i in range(1, CASES + 1)], pa.string()),
        "unit": dictionary(
            unit[order].astype(np.int16), [f"U{i:02d}" for i in range(1, UNITS + 1)]
        ),
    }
    for name, levels in LEVELS.items():
        columns[name] = dictionary(strata[name][order].astype(np.int8), levels)
    answers = _answers(printed, unit, groups, leanings, [seed, draw])
    for question, (applicable, sufficient) in answers.items():
        columns[question] = pa.array(sufficient[order], pa.bool_(), mask=~applicable[order])
    return pa.table(columns).replace_schema_metadata(_metadata(seed))


def _answers(
    printed: list[Printed],
    unit: Ints,
    groups: dict[str, Ints],
    leanings: Leanings,
    key: list[int],
) -> dict[str, tuple[Flags, Flags]]:
    """Answer the published questions, then the invented ones that make up their scores."""
    rng = np.random.RandomState([*key, len(printed)])
    asked = {p.question: _ask(p, groups, leanings, [*key, i]) for i, p in enumerate(printed)}
    invented = apply_invented(rng)
    applicable = {q: cases for q, (_, cases) in asked.items()} | invented
    sufficient = {q: float(target.sufficient[RISK].sum()) for q, (target, _) in asked.items()}
    by_unit = {q: np.bincount(unit[cases], minlength=UNITS) for q, cases in applicable.items()}
    chances, totals = share_out(by_unit, sufficient | planned(invented), leanings.unit, rng)
    published = {
        q: (
            cases,
            _judge(target, cases, groups, leanings, (unit, by_unit[q] * chances[q]), [*key, i]),
        )
        for i, (q, (target, cases)) in enumerate(asked.items())
    }
    judged = judge_invented(published, invented, chances, totals, unit, leanings, rng)
    return published | {q: (invented[q], judged[q]) for q in INVENTED}


# Every question has random streams of its own, and another for another try.


def _ask(
    printed: Printed, groups: dict[str, Ints], leanings: Leanings, key: list[int]
) -> tuple[Target, Flags]:
    for attempt in range(_ANSWER_DRAWS):
        rng = np.random.RandomState([*key, attempt])
        target = aim(printed, rng)
        try:
            return target, apply(target, groups, leanings, rng)
        except InfeasibleError:
            continue
    raise InfeasibleError


def _judge(
    target: Target,
    applicable: Flags,
    groups: dict[str, Ints],
    leanings: Leanings,
    shares: Shares,
    key: list[int],
) -> Flags:
    for attempt in range(_ANSWER_DRAWS):
        rng = np.random.RandomState([*key, attempt, 1])
        try:
            return judge(target, applicable, groups, leanings, shares, rng)
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
