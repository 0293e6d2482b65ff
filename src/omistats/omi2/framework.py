"""The second Offender Management Inspection as a framework.

Where its parts are known from: the key aspects, and which of them feed a headline element,
are in the tables of the aggregate report of 2011. The general criteria, their numbers, the
sections that group them (the first digit of a number) and the headline elements are
published too, in the collection of good practice; so a criterion's ``parent`` is read off
its number and is not inferred. What is mostly inferred is the criterion of a question;
each such `Link` says so. Labels and statements are ours throughout.
"""

from __future__ import annotations

from typing import Final

from omistats.model.framework import Framework, Link, Question
from omistats.model.strata import Stratum
from omistats.omi2._items import ITEMS
from omistats.omi2._questions import QUESTIONS

__all__ = ["FRAMEWORK"]

_HEADLINE_TABLES: Final = {
    4: "risk_of_harm",
    5: "reoffending",
    6: "compliance",
}
"""The headline element that each of Tables 4-6 lists key aspects of."""

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
    ("supervision_type", "gender", "ethnicity", "disability", "age_group", "risk_of_harm"),
)
"""The 75 published key aspects, the strata of the 2011 report, and what each feeds."""
