"""Answer the invented questions, so that pooled scores come out as published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from omistats.omi2._text import CASES
from omistats.omi2.demonstration import DEMONSTRATION, PUBLISHED_SCORES
from omistats.omi2.synthesis.allocation import fit, headline_of, portions
from omistats.omi2.synthesis.answers import Leanings
from omistats.omi2.synthesis.selection import select

__all__ = ["INVENTED", "apply_invented", "judge_invented", "planned"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

INVENTED: Final = tuple(q.id for q in DEMONSTRATION.questions if q.provenance == "invented")

_PLAN: Final = {
    "1": ((0.94, 0.99), 95.0),
    "2": ((0.92, 0.98), 84.0),
}
"""By section: the share of cases that a question applies to, from and to, and a percentage
of sufficient answers to start from, which the published scores then correct."""

_SECTION: Final = {
    q.id: DEMONSTRATION.item(q.criterion.item).parent or ""
    for q in DEMONSTRATION.questions
    if q.criterion
}


def apply_invented(rng: np.random.RandomState) -> dict[str, Flags]:
    """Choose the cases that each invented question applies to."""
    out = {}
    everyone = np.zeros(CASES, np.int64)
    for question in INVENTED:
        low, high = _PLAN[_SECTION[question]][0]
        number = np.array([round(CASES * rng.uniform(low, high))])
        out[question] = select(everyone == 0, [(everyone, number)], np.ones(CASES), rng)
    return out


def planned(applicable: Mapping[str, Flags]) -> dict[str, float]:
    """Return a first guess at the sufficient answers to each invented question."""
    return {q: applicable[q].sum() * _PLAN[_SECTION[q]][1] / 100 for q in INVENTED}


def judge_invented(
    published: Mapping[str, tuple[Flags, Flags]],
    applicable: Mapping[str, Flags],
    chances: Mapping[str, Floats],
    totals: Mapping[str, Ints],
    unit: Ints,
    leanings: Leanings,
    rng: np.random.RandomState,
) -> dict[str, Flags]:
    """Choose the cases with sufficient work on every invented question.

    Parameters
    ----------
    published : mapping of str to (ndarray, ndarray) of bool, shape (cases,)
        By question, the cases it applies to and those that were sufficient.
    applicable : mapping of str to ndarray of bool
        The same for the invented questions, as `apply_invented` chose them.
    chances, totals
        As `share_out` gives them.
    unit : ndarray of int64, shape (cases,)
        The unit of each case.
    leanings : Leanings
        What inclines the cases.
    rng : numpy.random.RandomState
        Decides the rest.

    Returns
    -------
    dict of str to ndarray of bool, shape (cases,)

    Raises
    ------
    InfeasibleError
        When the answers of a unit, or all of them, cannot give a score.
    """
    units = len(next(iter(totals.values())))

    def by_unit(cases: Flags) -> Ints:
        return np.bincount(unit[cases], minlength=units)

    n = {q: by_unit(applicable[q]) for q in INVENTED}
    wanted: dict[str, Ints] = {}
    for headline, total in totals.items():
        ids = [q for q in INVENTED if headline_of[q] == headline]
        done = [by_unit(k) for q, (_, k) in published.items() if headline_of[q] == headline]
        left = total - np.sum(done, axis=0)
        size = np.array([n[q] for q in ids])
        start = np.array([chances[q] for q in ids])
        # Answers to the published questions meet their share of a unit's total all but a
        # few; those few are made up for here, unit by unit.
        chance = fit(
            size.astype(np.float64), start, (size * start).sum(axis=1), left.astype(np.float64)
        )
        for u in range(units):
            parts = portions(int(left[u]), size[:, u] * chance[:, u], size[:, u])
            for q, part in zip(ids, parts, strict=True):
                wanted.setdefault(q, np.zeros(units, np.int64))[u] = part
    for score in PUBLISHED_SCORES:
        ids = [q for q in INVENTED if _SECTION[q] == score.item and not headline_of[q]]
        if not ids:
            continue
        others = [q for q in INVENTED if _SECTION[q] == score.item and headline_of[q]]
        pool = [a for q, a in published.items() if _SECTION[q] == score.item]
        size = np.array([n[q] for q in ids])
        answers = sum(int(a.sum()) for a, _ in pool) + sum(n[q].sum() for q in others) + size.sum()
        done_k = sum(int(k.sum()) for _, k in pool) + sum(wanted[q].sum() for q in others)
        left_k = round(score.percent * int(answers) / 100) - int(done_k)
        start = np.array([chances[q] for q in ids])
        rows = portions(left_k, left_k * size.sum(axis=1) / size.sum(), size.sum(axis=1))
        chance = fit(size.astype(np.float64), start, rows.astype(np.float64), None)
        for i, q in enumerate(ids):
            wanted[q] = portions(int(rows[i]), size[i] * chance[i], size[i])
    return {
        q: select(applicable[q], [(unit, wanted[q])], leanings.sufficient(), rng) for q in INVENTED
    }
