"""The published Tables 3-11: which breakdown and which questions each one shows."""

from __future__ import annotations

from typing import Final

import attrs

from omistats.omi2.framework import FRAMEWORK

__all__ = ["TABLES", "Table"]


@attrs.frozen
class Table:
    """A table of the 2011 report.

    Attributes
    ----------
    number : int
        As printed.
    title : str
        Ours.
    breakdown : str
        Key of the breakdown.
    groups : tuple of str
        Its two columns.
    questions : tuple of str
        Ids, in the order of the rows.
    """

    number: int
    title: str
    breakdown: str
    groups: tuple[str, str]
    questions: tuple[str, ...]


def _questions(number: int) -> tuple[str, ...]:
    rows = {row: q.id for q in FRAMEWORK.questions for table, row in q.printed if table == number}
    return tuple(rows[row] for row in sorted(rows))


_HEADINGS: Final = (
    (3, "General offender management", "risk_of_harm", ("high", "all")),
    (4, "Risk of harm work", "risk_of_harm", ("high", "all")),
    (5, "Likelihood of reoffending work", "risk_of_harm", ("high", "all")),
    (6, "Compliance and enforcement work", "risk_of_harm", ("high", "all")),
    (7, "By supervision type", "supervision_type", ("community order", "licence")),
    (8, "By gender", "gender", ("male", "female")),
    (9, "By ethnicity", "ethnicity", ("white", "BME")),
    (10, "By reported disability", "disability", ("yes", "no")),
    (11, "By age group", "age_group", ("17-24", "25+")),
)

TABLES: Final = {
    number: Table(number, title, breakdown, groups, _questions(number))
    for number, title, breakdown, groups in _HEADINGS
}
"""The tables by number."""
