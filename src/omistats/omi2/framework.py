"""The programme's framework: questions, criteria, sections, headline elements and strata.

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
from omistats.model.framework import Framework, Item, Level, Link, Question, Stratum
from omistats.omi2.breakdowns import STANDARD
from omistats.profiles.multi_valued import MultiValued

__all__ = [
    "ANNEX_1",
    "CASELOAD",
    "DEMONSTRATION",
    "DISABILITY_TYPES",
    "FRAMEWORK",
    "PUBLISHED_SCORES",
    "QUESTIONS",
    "PublishedScore",
    "answers_needed",
]


QUESTIONS: Final = (
    ("psr_harm", "Harm analysed accurately in pre-sentence report", "1.1", ((3, 1),)),
    ("psr_reoffending", "Reoffending analysed accurately in pre-sentence report", "1.1", ((3, 2),)),
    ("psr_proposal", "Sentence proposal proportionate", "1.1", ((3, 3),)),
    ("psr_outline_plan", "Outline plan in pre-sentence report", "1.1", ((3, 4),)),
    ("rosh_correct", "Serious harm classified correctly", "1.2", ((4, 1),)),
    ("rosh_timely", "Full serious harm analysis on time", "1.2", ((3, 5),)),
    ("rosh_quality", "Full serious harm analysis good enough", "1.2", ((4, 2),)),
    ("harm_sources", "Harm assessment used all sources", "1.2", ((4, 3),)),
    ("rmp_timely", "Risk management plan on time", "1.2", ((3, 6),)),
    ("rmp_comprehensive", "Risk management plan comprehensive", "1.2", ((4, 4),)),
    ("rmp_actions", "Risk management plan shows how harm is addressed", "1.2", ((3, 7),)),
    ("rmp_shared", "Risk management plan shared", "1.2", ((4, 5),)),
    ("mappa_in_plans", "MAPPA actions carried into plans", "1.2", ((4, 6),)),
    ("harm_management", "Managers involved in harm planning", "1.2", ((4, 7),)),
    ("safeguarding_management", "Managers involved in child safeguarding", "1.2", ((4, 8),)),
    ("lor_assessment", "Likelihood of reoffending assessed well", "1.3", ((5, 1),)),
    ("plan_timely", "Sentence plan on time at the start", "1.3", ((3, 8),)),
    ("plan_informed", "Sentence plan built on assessments", "1.3", ((3, 9),)),
    ("plan_outcomes", "Plan objectives focused on outcomes", "1.3", ((3, 10),)),
    ("plan_roles", "Plan says who does what", "1.3", ((3, 11),)),
    ("plan_ppo", "Plan intensified for a prolific offender", "1.3", ((5, 2),)),
    ("methods_considered", "Most effective methods considered", "1.4", ((6, 1),)),
    ("plan_participation", "Offender took part in planning", "1.4", ((6, 2),)),
    ("skills_screening", "Basic skills screened at the start", "1.4", ((3, 12),)),
    ("skills_assessment", "Learning needs fully assessed in time", "1.4", ((3, 13),)),
    ("learning_plan", "Learning plan made", "1.4", ((3, 14),)),
    ("diversity_assessed", "Diversity and individual needs assessed", "1.4", ((6, 3),)),
    ("diversity_planned", "Plans reduce the effect of those needs", "1.4", ((6, 4),)),
    ("sentence_delivered", "Interventions delivered as sentenced", "2.1", ((3, 15),)),
    ("induction", "Full induction offered promptly", "2.1", ((6, 5),)),
    ("contact_frequency", "Contact frequent enough", "2.1", ((3, 16),)),
    ("resources_harm", "Resources matched to risk of harm", "2.1", ((4, 9),)),
    ("resources_purpose", "Resources matched to sentence purpose", "2.1", ((5, 3),)),
    ("communication", "Workers communicated well", "2.1", ((6, 6),)),
    ("compliance_action", "Compliance secured where needed", "2.1", ((6, 7),)),
    ("breach_action", "Breach or recall started whenever required", "2.1", ((3, 17),)),
    ("lor_review_timely", "Reoffending assessment reviewed on schedule", "2.1", ((3, 18),)),
    ("lor_review_change", "Reoffending assessment reviewed after change", "2.1", ((5, 4),)),
    ("harm_review_timely", "Harm assessment reviewed on schedule", "2.1", ((3, 19),)),
    ("harm_review_change", "Harm assessment reviewed after change", "2.1", ((3, 20), (4, 10))),
    ("plan_review_timely", "Sentence plan reviewed on schedule", "2.1", ((3, 21),)),
    ("plan_review_change", "Sentence plan reviewed after change", "2.1", ((3, 22),)),
    ("review_informed", "Plan reviews used reoffending reviews", "2.1", ((3, 23),)),
    ("review_participation", "Offender could take part in reviews", "2.1", ((6, 8),)),
    ("harm_change_action", "Changes in risk of harm acted on", "2.2", ((4, 11),)),
    ("mappa_effective", "MAPPA used effectively", "2.2", ((4, 12),)),
    ("ppo_contact", "More contact for a prolific offender", "2.2", ((5, 5),)),
    ("victim_safety", "Victim safety given priority", "2.2", ((4, 13),)),
    ("victim_offer", "Victim offered a meeting within 40 days", "2.2", ((4, 14),)),
    ("victim_exchange_vlo", "Information exchanged with victim liaison", "2.2", ((4, 15),)),
    ("victim_exchange_prison", "Victim information exchanged with prison", "2.2", ((4, 16),)),
    ("home_visit", "First home visit made, high risk cases", "2.2", ((4, 17),)),
    ("breach_harm", "Breach started where harm required it", "2.2", ((4, 18),)),
    ("reengagement", "Re-engaged with the plan after breach", "2.2", ((6, 9),)),
    ("structured_management", "Structured management, high risk cases", "2.2", ((4, 19),)),
    ("community_ties", "Community ties supported", "2.3", ((5, 6),)),
    ("learning_advice", "Advice given on learning", "2.3", ((3, 24),)),
    ("learning_delivery", "Learning needs met by interventions", "2.3", ((3, 25),)),
    ("practical_obstacles", "Practical obstacles and life skills worked on", "2.3", ((5, 7),)),
    ("responsibility", "Encouraged to take responsibility", "2.3", ((5, 8),)),
    ("victim_awareness", "Victim awareness work done", "2.3", ((3, 26),)),
    ("intervention_preparation", "Prepared well for interventions", "2.3", ((3, 27),)),
    ("skills_reinforced", "New skills reinforced", "2.3", ((3, 28),)),
    ("approved_premises", "Constructive work in approved premises", "2.3", ((5, 9),)),
    ("diversity_delivery", "Interventions fitted to diversity needs", "2.4", ((6, 10),)),
    ("manager_commitment", "Offender manager showed commitment", "2.4", ((6, 11),)),
    ("compliance_promoted", "Every effort made to promote compliance", "2.4", ((6, 12),)),
    ("complied", "Offender complied with the sentence", "3.1!", ((3, 29),)),
    ("enforced", "Sentence enforced when needed", "3.1!", ((3, 30),)),
    ("harm_minimised", "All reasonable action taken on harm", "3.2!", ((4, 20),)),
    ("lifestyle_change", "Lifestyle changed for the better", "3.3", ((5, 10),)),
    ("community_engagement", "Future community engagement encouraged", "3.3", ((5, 11),)),
    ("learning_progress", "Progress in learning and skills", "3.3", ((3, 31),)),
    ("attitude_change", "Attitudes changed for the better", "3.3", ((5, 12),)),
    ("behaviour_change", "Behaviour changed for the better", "3.3", ((5, 13),)),
)
"""``(id, label, criterion, ((table, row), ...))`` for each question.

In the order of the report's Tables 7-11, where a question's row is its place here. The rows
are those of Tables 3-6. A criterion marked ``!`` is published, the others are inferred.
"""


_CONTROL: Final = "control"
_CHANGE: Final = "help and change"
_PUNISH: Final = "punish"


def _section(id: str, label: str, statement: str, *, ended: bool = False) -> Item:
    return Item(id, "section", label, statement=statement, ended=ended)


def _criterion(
    id: str, label: str, statement: str, purpose: str = "", *, ended: bool = False
) -> Item:
    return Item(id, "criterion", label, id.partition(".")[0], statement, purpose, ended)


def _headline(id: str, label: str, statement: str, purpose: str) -> Item:
    return Item(id, "headline", label, statement=statement, purpose=purpose)


ITEMS: Final = (
    _section(
        "1",
        "Assessing and planning",
        "The right things are found out about a person, and a plan follows from them.",
    ),
    _section(
        "2",
        "Delivering interventions",
        "What was planned is done, done well, and fitted to the person.",
    ),
    _section(
        "3",
        "Outcomes reached and kept",
        "The sentence has the effects it was meant to have.",
    ),
    _section(
        "4",
        "Leadership and strategy",
        "The organisation is run so that good work with people is likely.",
        ended=True,
    ),
    _criterion("1.1", "Preparing for sentence", "Courts get reports they can sentence by."),
    _criterion(
        "1.2",
        "Assessing and planning for risk of harm",
        "The harm a person may do is judged well, and plans set out how to contain it.",
    ),
    _criterion(
        "1.3",
        "Assessing and planning for reoffending",
        "The likelihood of more offences is judged well, and plans deal with what drives it.",
    ),
    _criterion(
        "1.4",
        "Planning for engagement",
        "Each person's needs are known early, and plans lower what stands in the way of work.",
    ),
    _criterion("2.1", "Delivering the sentence plan", "The sentence plan is carried out.", _PUNISH),
    _criterion(
        "2.2",
        "Delivering restrictive interventions",
        "Whatever can reasonably be done to contain risk of harm is being done.",
        _CONTROL,
    ),
    _criterion(
        "2.3",
        "Delivering constructive interventions",
        "Work is done on the needs behind a person's offences.",
        _CHANGE,
    ),
    _criterion(
        "2.4",
        "Diversity and engagement in delivery",
        "Differences between people are handled so that everyone can take part.",
    ),
    _criterion(
        "3.1",
        "Sentence served",
        "The person kept to the sentence, or it was enforced.",
        _PUNISH,
    ),
    _criterion(
        "3.2",
        "Risk of harm kept to a minimum",
        "Whatever could reasonably be done to contain risk of harm was done.",
        _CONTROL,
    ),
    _criterion(
        "3.3",
        "Likelihood of reoffending reduced",
        "Signs that the person will offend less can be shown.",
        _CHANGE,
    ),
    _criterion(
        "4.1",
        "Leadership",
        "Leaders help to protect the public and to bring reoffending down.",
        ended=True,
    ),
    _criterion(
        "4.2",
        "Use of resources",
        "People and money go where they protect the public and cut reoffending.",
        ended=True,
    ),
    _criterion(
        "4.3",
        "Workforce",
        "A plan for the workforce equips everyone to do what the service promises.",
        ended=True,
    ),
    _criterion(
        "4.4",
        "Review and evaluation",
        "It is checked what interventions did for public safety and reoffending.",
        ended=True,
    ),
    _criterion(
        "4.5",
        "Accessible services",
        "Services that help offenders and victims are bought in, good, and within reach.",
        ended=True,
    ),
    _headline(
        "risk_of_harm",
        "Risk of harm to others",
        "Work that contains the harm a person may do.",
        _CONTROL,
    ),
    _headline(
        "reoffending",
        "Likelihood of reoffending",
        "Work that makes further offences less likely.",
        _CHANGE,
    ),
    _headline(
        "compliance",
        "Compliance and enforcement",
        "Work that gets the sentence served as ordered.",
        _PUNISH,
    ),
)
"""Sections, criteria and headline elements, in the order in which they are reported."""


_HEADLINE_TABLES: Final = {
    4: "risk_of_harm",
    5: "reoffending",
    6: "compliance",
}
"""The headline element of the key aspects in each of Tables 4-6."""

_STRATA: Final = (
    Stratum(
        "supervision_type", ("community order", "suspended sentence order", "licence", "custody")
    ),
    Stratum("gender", ("male", "female")),
    Stratum("ethnicity", ("white", "BME")),
    Stratum("disability", ("yes", "no")),
    Stratum("age_group", ("17-24", "25+")),
    Stratum("risk_of_harm", ("high", "not high")),
    Stratum(
        "rosh_classification",
        ("low", "medium", "high", "very high"),
        required=False,
    ),
    Stratum("tier", ("1", "2", "3", "4"), required=False),
)


def _question(
    row: int, id: str, label: str, criterion: str, printed: tuple[tuple[int, int], ...]
) -> Question:
    published = criterion.endswith("!")
    return Question(
        id,
        label,
        Link(criterion.rstrip("!"), "published" if published else "inferred"),
        tuple(Link(_HEADLINE_TABLES[t], "published") for t, _ in printed if t in _HEADLINE_TABLES),
        (*printed, *((table, row) for table in range(7, 12))),
    )


FRAMEWORK: Final = Framework(
    "OMI 2",
    tuple(_question(row, *question) for row, question in enumerate(QUESTIONS, 1)),
    _STRATA,
    ITEMS,
    tuple(breakdown.key for breakdown in STANDARD),
)
"""The 75 published key aspects with the items they feed, and the strata of the 2011 report."""


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

# Criterion and headline element of each invented question. None feeds section 3, whose published
# questions pool to the published score, or section 4, which case assessments did not judge.
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
"""`FRAMEWORK` plus the invented questions of the shipped and simulated cases."""


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
