"""Share sufficient answers out over the units, so that headline scores have a given range.

The printed tables say how many answers to a question are sufficient, and leave open which
units they are from. The scores of the units say how many answers to all questions of a
headline element are sufficient in a unit. The two are the margins of a table of questions
by units, which iterative proportional fitting completes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.omi2.demonstration import DEMONSTRATION, PUBLISHED_SCORES, PublishedScore
from omistats.omi2.synthesis.selection import InfeasibleError

__all__ = ["UNIT_QUESTION_SD", "fit", "headline_of", "portions", "share_out", "unit_totals"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

UNIT_QUESTION_SD: Final = 0.25
"""How units differ on a question beyond what they do at large, on the scale of log odds."""

_ALIKE: Final = 0.6
"""Correlation of a unit's standing on a headline element with its standing at large."""

_SWEEPS: Final = 200
_HALVINGS: Final = 60

headline_of: Final = {
    q.id: q.headlines[0].item if q.headlines else "" for q in DEMONSTRATION.questions
}
"""The headline element of every question, empty for none; no question feeds two."""


def share_out(
    asked: Mapping[str, Ints],
    sufficient: Mapping[str, float],
    at_large: Floats,
    rng: np.random.RandomState,
) -> tuple[dict[str, Floats], dict[str, Ints]]:
    """Share the sufficient answers of every question out over the units.

    Parameters
    ----------
    asked : mapping of str to ndarray of int64, shape (units,)
        By question, the applicable cases of each unit.
    sufficient : mapping of str to float
        By question, how many of them are sufficient. Those of the invented questions of a
        headline element are relative: they are scaled to meet its score.
    at_large : ndarray of float64, shape (units,)
        The standing of each unit at large, as log odds.
    rng : numpy.random.RandomState
        Draws the rest of the standings.

    Returns
    -------
    chances : dict of str to ndarray of float64
        By question, the chance of a sufficient answer in each unit.
    totals : dict of str to ndarray of int64
        By headline element, the sufficient answers of each unit, exactly.

    Raises
    ------
    InfeasibleError
        When the invented answers cannot bring a headline element to its score.
    """
    chances: dict[str, Floats] = {}
    totals: dict[str, Ints] = {}
    for headline in ("", *(s.item for s in PUBLISHED_SCORES if s.level == "headline")):
        ids = [q for q in asked if headline_of[q] == headline]
        n = np.array([asked[q] for q in ids], np.float64)
        k = np.array([sufficient[q] for q in ids], np.float64)
        tilt = rng.normal(0.0, UNIT_QUESTION_SD, n.shape)
        columns = None
        if headline:
            (score,) = (s for s in PUBLISHED_SCORES if s.item == headline)
            own = rng.normal(0.0, 1.0, at_large.size)
            standing = _ALIKE * at_large / at_large.std() + np.sqrt(1 - _ALIKE**2) * own
            totals[headline] = unit_totals(score, n.sum(axis=0), standing)
            columns = totals[headline].astype(np.float64)
            invented = [DEMONSTRATION.question(q).provenance == "invented" for q in ids]
            k = _scaled(k, n.sum(axis=1), np.array(invented), float(columns.sum()))
        else:
            tilt = tilt + at_large
        rate = (k / n.sum(axis=1))[:, None]
        odds = np.exp(tilt) * np.divide(
            rate, 1 - rate, out=np.full(rate.shape, 1e9), where=rate < 1
        )
        chances.update(zip(ids, fit(n, odds / (1 + odds), k, columns), strict=True))
    return chances, totals


def unit_totals(score: PublishedScore, n: Floats, standing: Floats) -> Ints:
    """Count the sufficient answers that give units a published score and its range.

    Parameters
    ----------
    score : PublishedScore
        What all units together have, with the range over units.
    n : ndarray of float64, shape (units,)
        Applicable answers.
    standing : ndarray of float64, shape (units,)
        Puts the units in order: the last gets the low of the range, the first the high.

    Returns
    -------
    ndarray of int64, shape (units,)

    Raises
    ------
    UsageError
        When no range is printed for the score.

    Notes
    -----
    Scores are ``low + (high - low) x**g`` with ``x`` the standing from 0 to 1 and ``g`` such
    that all together have the score.
    """
    if score.low is None or score.high is None:
        raise UsageError(f"no range over units is printed for {score.item!r}; choose a headline")
    low, wide = score.low, score.high - score.low
    x = (standing - standing.min()) / np.ptp(standing)
    least, most = -5.0, 5.0
    percent = np.full(n.shape, float(score.percent))
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        percent = low + wide * x ** np.exp(middle)
        if (percent * n).sum() > score.percent * n.sum():
            least = middle
        else:
            most = middle
    return np.floor(percent * n / 100 + 0.5).astype(np.int64)


def fit(n: Floats, chance: Floats, rows: Floats, columns: Floats | None) -> Floats:
    """Fit chances to the totals of rows, and of columns if given.

    Parameters
    ----------
    n : ndarray of float64, shape (rows, columns)
        How many answers each cell has.
    chance : ndarray of float64, shape (rows, columns)
        Where to start; the ratios of odds are kept.
    rows, columns : ndarray of float64
        How many of the answers are sufficient; the two have one sum.

    Returns
    -------
    ndarray of float64, shape (rows, columns)
    """
    p = chance
    for _ in range(_SWEEPS):
        for axis, wanted in ((0, columns), (1, rows)):
            if wanted is None:
                continue
            of, now = n.sum(axis=axis), (n * p).sum(axis=axis)
            up = np.divide(wanted, now, out=np.zeros(now.size), where=now > 0)
            down = np.divide(of - wanted, of - now, out=np.zeros(now.size), where=of > now)
            yes = p * np.expand_dims(up, axis)
            both = yes + (1 - p) * np.expand_dims(down, axis)
            p = np.divide(yes, both, out=np.full(p.shape, 0.5), where=both > 0)
    return p


def portions(total: int, weights: Floats, most: Ints) -> Ints:
    """Split a total near to given parts, none of them beyond its most.

    Raises
    ------
    InfeasibleError
        When the parts hold less than the total.
    """
    if not 0 <= total <= most.sum():
        raise InfeasibleError
    out = np.minimum(np.floor(weights), most).astype(np.int64)
    # The weights may be off by a few; the part that is furthest behind moves first.
    while out.sum() != total:
        step = 1 if out.sum() < total else -1
        can = out < most if step > 0 else out > 0
        out[np.argmax(np.where(can, step * (weights - out), -np.inf))] += step
    return out


def _scaled(k: Floats, n: Floats, invented: npt.NDArray[np.bool_], total: float) -> Floats:
    """Scale what is not sufficient among invented answers, so that all meet a total."""
    missing = n - k
    left = n.sum() - total - missing[~invented].sum()
    scaled = missing * left / missing[invented].sum()
    if left <= 0 or (scaled > n)[invented].any():
        raise InfeasibleError
    return np.where(invented, n - scaled, k)
