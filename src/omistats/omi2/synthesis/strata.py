"""Invent the characteristics of the cases, with margins that every table can live with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from omistats.breakdowns import SupervisionType
from omistats.omi2._text import CASES
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.synthesis.printed import RISK, Printed
from omistats.omi2.synthesis.selection import select

__all__ = ["LEVELS", "UNITS", "draw_strata", "draw_units", "grouping", "in_custody"]

Ints = npt.NDArray[np.int64]

UNITS: Final = 15
"""Inspections behind the report."""

_UNIT_SIZES: Final = (100, 220)

LEVELS: Final = {name: FRAMEWORK.stratum(name).levels for name in FRAMEWORK.breakdowns}
"""The characteristics in the order of the table's columns, and their levels."""

_SUPERVISION = SupervisionType.key
_CUSTODY = LEVELS[_SUPERVISION].index("custody")
# The supervision types as the split table has them: two groups, and the rest.
_PRINTED_SUPERVISION = np.array(
    [
        SupervisionType.groups.index(level) if level in SupervisionType.groups else 2
        for level in LEVELS[_SUPERVISION]
    ]
)


def draw_strata(printed: Sequence[Printed], rng: np.random.RandomState) -> dict[str, Ints]:
    """Draw every case's characteristics.

    Parameters
    ----------
    printed : sequence of Printed
        The questions; only their Ns are used.
    rng : numpy.random.RandomState
        Decides who is who.

    Returns
    -------
    dict of str to ndarray of int64, shape (2213,)
        By characteristic, the code of the level; -1 is unclassified.

    Notes
    -----
    The margins are the greatest N of any question, the few cases left over being shared in
    proportion. The characteristics of high cases are those of the question that applies to
    nearly all of them and to no other. Custody is what the question about induction
    leaves out: a case in custody has had none. Given risk of harm and custody the
    characteristics are independent of each other; the source does not say more.
    """
    margins = {name: _margin(printed, name) for name in LEVELS}
    high_question = max((p for p in printed if p.high_only), key=lambda p: p.total)
    induction = _without_custody(printed)
    high = {
        name: _top_up(high_question.applicable()[name], int(margins[RISK][0]))
        for name in LEVELS
        if name != RISK
    }
    # Community orders and licences show what share of cases out of custody was inducted.
    applicable = induction.applicable()
    inducted = applicable[_SUPERVISION]
    scale = margins[_SUPERVISION][:2].sum() / inducted[:2].sum()
    custody = int(margins[_SUPERVISION][2]) - round(float(inducted[2] * scale))
    held = {
        name: apportion(custody, np.maximum(margins[name] - applicable[name] * scale, 0.0))
        for name in LEVELS
        if name != _SUPERVISION
    }
    supervision, risk = _blocks(margins, high[_SUPERVISION], custody, held[RISK])
    out = {_SUPERVISION: supervision, RISK: risk}
    custodial = (supervision == _CUSTODY).astype(np.int64)
    for name in ("gender", "ethnicity", "disability", "age_group"):
        out[name] = np.zeros(CASES, np.int64)
        for level in (1, 2):
            wanted = (
                _two(int(high[name][level]), int(margins[name][level])),
                _two(int(margins[name][level] - held[name][level]), int(margins[name][level])),
            )
            chosen = select(
                out[name] == 0, ((risk, wanted[0]), (custodial, wanted[1])), np.ones(CASES), rng
            )
            out[name][chosen] = level
        out[name][out[name] == 2] = -1
    return {name: out[name] for name in LEVELS}


def draw_units(rng: np.random.RandomState) -> Ints:
    """Deal the cases out to units of 100 to 220 cases; the codes count from 0."""
    low, high = _UNIT_SIZES
    while True:
        sizes = apportion(CASES, rng.uniform(low, high, UNITS))
        if low <= sizes.min() and sizes.max() <= high:
            return np.asarray(rng.permutation(np.repeat(np.arange(UNITS), sizes)), np.int64)


def grouping(strata: dict[str, Ints]) -> dict[str, Ints]:
    """Group cases as the targets do: first group, second group, the rest."""
    return {
        name: _PRINTED_SUPERVISION[codes] if name == _SUPERVISION else np.where(codes < 0, 2, codes)
        for name, codes in strata.items()
    }


def in_custody(strata: dict[str, Ints]) -> npt.NDArray[np.bool_]:
    """Say which cases are in custody."""
    return np.asarray(strata[_SUPERVISION] == _CUSTODY)


def apportion(total: int, weights: npt.NDArray[np.float64]) -> Ints:
    """Split a total in proportion to weights, by largest remainder, the first on a tie."""
    share = total * weights / weights.sum()
    out: Ints = np.floor(share).astype(np.int64)
    out[np.argsort(-(share - out), kind="stable")[: total - out.sum()]] += 1
    return out


def _margin(printed: Sequence[Printed], name: str) -> Ints:
    most = np.max([p.applicable()[name] for p in printed], axis=0)
    return _top_up(most, CASES)


def _top_up(counts: Ints, total: int) -> Ints:
    # The cases that no question reaches, in proportion.
    return counts + apportion(total - int(counts.sum()), counts.astype(np.float64))


def _two(first: int, total: int) -> Ints:
    return np.array([first, total - first], np.int64)


def _without_custody(printed: Sequence[Printed]) -> Printed:
    """Find the question that cases in custody cannot have: induction."""
    (found,) = (p for p in printed if p.question == "induction")
    return found


def _blocks(
    margins: dict[str, Ints], high: Ints, custody: int, custody_risk: Ints
) -> tuple[Ints, Ints]:
    """Lay out supervision type by risk of harm, one entry a case."""
    order, licence, rest = (int(v) for v in margins[_SUPERVISION])
    high_order, high_licence, high_rest = (int(v) for v in high)
    high_custody = int(custody_risk[0])
    of_all = np.array([order, rest - custody, licence, custody])
    of_high = np.array([high_order, high_rest - high_custody, high_licence, high_custody])
    table = np.stack([of_high, of_all - of_high])
    levels = np.tile(np.arange(4), 2), np.repeat([0, 1], 4)
    supervision, risk = (np.repeat(v, table.ravel()) for v in levels)
    return supervision.astype(np.int64), risk.astype(np.int64)
