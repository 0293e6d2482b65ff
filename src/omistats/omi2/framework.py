"""The programme's framework: questions, criteria, sections, headline elements and strata.

They are in the folder ``programmes/omi2``, with the units.

Published are the key aspects and which of them feed a headline element (in the tables of the
aggregate report of 2011), the general criteria with their numbers, the sections that group
them (the first digit of a number), the headline elements, and the purpose of a sentence that
criteria and headline elements serve (in the collection of good practice). The criterion of a
question is mostly inferred: the report lists its rows in the order of the general criteria,
and the collection states what each criterion asks. If that statement is the question itself,
the link is published. Labels and statements are our own.

Section 4 judged an area's leadership, not its cases, and was dropped midway through the
programme, so no question of a case assessment feeds it.

The report prints scores for sections and headline elements, but only part of the questions
behind them: its key aspects alone pool to other figures. `DEMONSTRATION` adds invented
questions in place of the unpublished ones, so that the shipped cases have the published
scores. Nothing is known about the real unpublished questions: how many there were, what they
asked, how they were answered.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Final

import attrs

from omistats.errors import UsageError
from omistats.model.framework import Framework, Level
from omistats.profiles.multi_valued import MultiValued
from omistats.programmes.programme import SHIPPED, load

__all__ = [
    "ANNEX_1",
    "CASELOAD",
    "DEMONSTRATION",
    "DISABILITY_TYPES",
    "FRAMEWORK",
    "PROGRAMME",
    "PUBLISHED_SCORES",
    "STANDARD_NAMES",
    "PublishedScore",
    "answers_needed",
]


PROGRAMME: Final = load(SHIPPED / "omi2")
"""The programme as its folder has it, invented questions included."""

DEMONSTRATION: Final = PROGRAMME.framework
"""`FRAMEWORK` plus the invented questions of the shipped and simulated cases."""

FRAMEWORK: Final = attrs.evolve(
    DEMONSTRATION,
    name="OMI 2",
    questions=[q for q in DEMONSTRATION.questions if q.provenance != "invented"],
)
"""The 75 published key aspects with the items they feed, and the strata of the 2011 report."""

STANDARD_NAMES: Final = tuple(map(str, FRAMEWORK.breakdowns))
"""Names of the characteristics of the 2011 report, by which its findings are broken down."""

DISABILITY_TYPES: Final = MultiValued(
    "disability_types",
    ("physical impairment", "mental health", "learning difficulty"),
    indicator=("disability", "yes"),
)
"""Types of reported disability, in the order of the note to Table 10, which prints their shares.

The labels are our own; mental health includes emotional state, and learning difficulty includes
learning disability.
"""

ANNEX_1: Final[tuple[str | MultiValued, ...]] = (
    "supervision_type",
    "tier",
    "rosh_classification",
    "gender",
    "ethnicity",
    DISABILITY_TYPES,
    "age_group",
)
"""The seven characteristics charted in Annex 1 of the 2011 report, in its order.

Pass them to `omistats.characteristics`. The charts are not in the text of the report that we
have, so the package has none of their figures.
"""


_SAMPLED_BY: Final = ("risk_of_harm", "gender", "ethnicity")

CASELOAD: Final = Framework(
    "OMI 2 caseload",
    (),
    (
        *(FRAMEWORK.stratum(name) for name in _SAMPLED_BY),
        *(
            attrs.evolve(stratum, required=False)
            for stratum in FRAMEWORK.strata
            if stratum.name not in _SAMPLED_BY
        ),
    ),
)
"""Framework of a caseload from which to draw a sample: strata, but no questions.

The report says that samples were structured by gender, ethnicity and risk of harm. These strata
are required; the others are optional.
"""


@attrs.frozen
class PublishedScore:
    """A score that the aggregate report of 2011 prints.

    Attributes
    ----------
    level : {'criterion', 'section', 'headline'}
        The level of the item.
    item : str
        Id of the item in `FRAMEWORK`.
    percent : int
        The score over 15 inspections, 0-100, as printed.
    low, high : int or None
        The lowest and the highest score of an inspection, in percent; None if not printed.

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


def answers_needed(k: int, n: int, *, percent: int, rate: float) -> int:
    """Count the further answers needed for a pooled score to print as a percentage.

    Parameters
    ----------
    k, n : int
        Sufficient and applicable answers so far.
    percent : int
        The percentage to print, rounded half up.
    rate : float
        The percentage of the further answers that are sufficient.

    Returns
    -------
    int
        The smallest number of further answers, 0 if none are needed.

    Raises
    ------
    UsageError
        When no number of answers at this rate is enough, or there are no answers so far.

    Notes
    -----
    The score moves towards the rate, so it first prints the percentage at the edge that is
    nearer to it: ``m`` answers at rate ``r`` reach an edge ``e`` when
    ``100 k + r m = e (n + m)``.

    Examples
    --------
    Raise section 1 of the published questions to 76% with answers of which 95% are sufficient:

    >>> answers_needed(27079, 41177, percent=76, rate=95)
    20563
    """
    if not 0 <= k <= n or n == 0:
        raise UsageError(
            f"`k` must be from 0 to `n`, and `n` at least 1; found k = {k} and n = {n}. Pass the "
            "counts of a score with answers."
        )
    share, half = Fraction(rate), Fraction(1, 2)
    if floor(Fraction(100 * k, n) + half) == percent:
        return 0
    rising = 100 * k < percent * n
    # Half up: the lower edge prints the percentage, the upper edge the next one.
    edge = percent - half if rising else percent + half
    if (share <= edge) if rising else (share >= edge):
        raise UsageError(
            f"no number of answers at {rate}% moves {100 * k / n:.1f}% to print as {percent}%; "
            "choose a `rate` beyond that"
        )
    exact = (edge * n - 100 * k) / (share - edge)
    return ceil(exact) if rising else floor(exact) + 1
