"""The second Offender Management Inspection as a framework.

Where its parts are known from: the key aspects, and which of them feed a headline element,
are in the tables of the aggregate report of 2011. The general criteria, their numbers, the
sections that group them (the first digit of a number) and the headline elements are
published too, in the collection of good practice; so a criterion's ``parent`` is read off
its number and is not inferred. What is mostly inferred is the criterion of a question;
each such `Link` says so. Labels are ours throughout.
"""

from __future__ import annotations

from typing import Final

from omistats.model.framework import Framework, Item, Link, Question
from omistats.model.strata import Stratum
from omistats.omi2._questions import QUESTIONS

__all__ = ["FRAMEWORK"]

_HEADLINE_TABLES: Final = {
    4: "risk_of_harm",
    5: "reoffending",
    6: "compliance",
}
"""The headline element that each of Tables 4-6 lists key aspects of."""

_ITEMS: Final = (
    Item("1", "section", "Assessment and sentence planning"),
    Item("2", "section", "Implementation of interventions"),
    Item("3", "section", "Achieving and sustaining planned outcomes"),
    Item("1.1", "criterion", "Preparing for sentence", "1"),
    Item("1.2", "criterion", "Assessing and planning for risk of harm", "1"),
    Item("1.3", "criterion", "Assessing and planning for reoffending", "1"),
    Item("1.4", "criterion", "Planning for engagement", "1"),
    Item("2.1", "criterion", "Delivering the sentence plan", "2"),
    Item("2.2", "criterion", "Delivering restrictive interventions", "2"),
    Item("2.3", "criterion", "Delivering constructive interventions", "2"),
    Item("2.4", "criterion", "Diversity and engagement in delivery", "2"),
    Item("3.1", "criterion", "Sentence served", "3"),
    Item("3.2", "criterion", "Risk of harm kept to a minimum", "3"),
    Item("3.3", "criterion", "Likelihood of reoffending reduced", "3"),
    Item("risk_of_harm", "headline", "Risk of harm to others"),
    Item("reoffending", "headline", "Likelihood of reoffending"),
    Item("compliance", "headline", "Compliance and enforcement"),
)

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
    _ITEMS,
    ("supervision_type", "gender", "ethnicity", "disability", "age_group", "risk_of_harm"),
)
"""The 75 published key aspects, the strata of the 2011 report, and what each feeds."""
