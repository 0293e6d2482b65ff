"""The framework with invented questions, and the published scores that call for them.

The report prints scores for sections and headline elements, but only part of the questions
behind them: its key aspects alone pool to other figures. `DEMONSTRATION` adds questions of
no source, which stand for all that is unpublished, so that the shipped cases have the
published scores. Nothing is known about the real questions in their place: how many there
were, what they asked, how they were answered.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Final

import attrs

from omistats.errors import UsageError
from omistats.model.framework import Level, Link, Question
from omistats.omi2.framework import FRAMEWORK

__all__ = ["DEMONSTRATION", "PUBLISHED_SCORES", "PublishedScore", "answers_needed"]


@attrs.frozen
class PublishedScore:
    """A score that the aggregate report of 2011 prints.

    Attributes
    ----------
    level : {'criterion', 'section', 'headline'}
        What kind of item was scored.
    item : str
        Its id in `FRAMEWORK`.
    percent : int
        The score over 15 inspections, 0-100, as printed.
    low, high : int or None
        The least and the greatest score of an inspection, percent, where printed.

    Examples
    --------
    >>> import omistats as oms
    >>> score = oms.omi2.PUBLISHED_SCORES[4]
    >>> score.item, score.percent, score.low, score.high
    ('reoffending', 71, 43, 87)
    """

    level: Level
    item: str
    percent: int
    low: int | None = None
    high: int | None = None


PUBLISHED_SCORES: Final = (
    PublishedScore("section", "1", 76),
    PublishedScore("section", "2", 76),
    PublishedScore("section", "3", 57),
    PublishedScore("headline", "risk_of_harm", 72, 64, 80),
    PublishedScore("headline", "reoffending", 71, 43, 87),
    PublishedScore("headline", "compliance", 79, 69, 85),
)
"""The scores that the aggregate report of 2011 prints, in the order of the framework."""

# Criterion and headline element. None feeds section 3, whose published questions pool to
# the published score already; section 4 was no matter of case assessments.
_FEEDS: Final = (
    ("1.2", "risk_of_harm"),
    ("1.2", "risk_of_harm"),
    ("1.2", ""),
    ("1.2", ""),
    ("1.3", "reoffending"),
    ("1.3", ""),
    ("1.3", ""),
    ("1.4", "compliance"),
    ("1.4", "compliance"),
    ("1.4", "compliance"),
    ("1.4", ""),
    ("2.1", "compliance"),
    ("2.1", "reoffending"),
    ("2.1", ""),
    ("2.2", "risk_of_harm"),
    ("2.3", "reoffending"),
    ("2.3", "reoffending"),
    ("2.4", ""),
)


def _invented(place: int, criterion: str, headline: str) -> Question:
    label = FRAMEWORK.item(criterion).label.lower()
    return Question(
        f"invented_{place:02d}",
        f"Invented question {place}, on {label}",
        Link(criterion, "invented"),
        (Link(headline, "invented"),) if headline else (),
        provenance="invented",
    )


DEMONSTRATION: Final = attrs.evolve(
    FRAMEWORK,
    name="OMI 2 + invented",
    questions=(
        *FRAMEWORK.questions,
        *(_invented(place, *feeds) for place, feeds in enumerate(_FEEDS, 1)),
    ),
)
"""`FRAMEWORK` plus invented questions, which complete the shipped and simulated cases."""


def answers_needed(k: int, n: int, *, percent: int, rate: float) -> int:
    """Say how many further answers it takes for a pooled score to print a percentage.

    Parameters
    ----------
    k, n : int
        Sufficient and applicable answers at hand.
    percent : int
        What is to be printed, half up.
    rate : float
        The percentage of the further answers that are sufficient.

    Returns
    -------
    int
        The least number of further answers, 0 where none are needed.

    Raises
    ------
    UsageError
        When answers at this rate never lead there, or there are none at hand.

    Notes
    -----
    The score moves towards the rate, so it first prints the percentage at the edge that is
    nearer to it: ``m`` answers at rate ``r`` reach an edge ``e`` when
    ``100 k + r m = e (n + m)``.

    Examples
    --------
    Section 1 of the published questions, raised to 76 by answers of which 95% are sufficient.

    >>> answers_needed(27079, 41177, percent=76, rate=95)
    20563
    """
    if not 0 <= k <= n or n == 0:
        raise UsageError(f"k is from 0 to n and n at least 1, found k = {k} and n = {n}")
    share, half = Fraction(rate), Fraction(1, 2)
    if floor(Fraction(100 * k, n) + half) == percent:
        return 0
    rising = 100 * k < percent * n
    # Half up: the lower edge prints the percentage, the upper edge the next one.
    edge = percent - half if rising else percent + half
    if (share <= edge) if rising else (share >= edge):
        raise UsageError(
            f"answers at {rate}% never bring {100 * k / n:.1f}% to print {percent}%; "
            "choose a rate beyond it"
        )
    exact = (edge * n - 100 * k) / (share - edge)
    return ceil(exact) if rising else floor(exact) + 1
