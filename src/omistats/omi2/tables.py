"""The published Tables 3-11: which breakdown and which questions each one shows."""

from __future__ import annotations

from typing import Final

import attrs

from omistats.breakdowns import (
    AgeGroup,
    Breakdown,
    Disability,
    Ethnicity,
    Gender,
    RiskOfHarm,
    SupervisionType,
)
from omistats.omi2.framework import FRAMEWORK

__all__ = ["FIRST_SPLIT", "TABLES", "Table"]

FIRST_SPLIT: Final = 7
"""Tables before this one print the high subset beside the whole; the others two groups."""


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

    Examples
    --------
    >>> import omistats as oms
    >>> table = oms.omi2.TABLES[8]
    >>> table.title, table.breakdown, table.groups, len(table.questions)
    ('By gender', 'gender', ('male', 'female'), 75)
    """

    number: int
    title: str
    breakdown: str
    groups: tuple[str, str]
    questions: tuple[str, ...]


def _questions(number: int) -> tuple[str, ...]:
    rows = {row: q.id for q in FRAMEWORK.questions for table, row in q.printed if table == number}
    return tuple(rows[row] for row in sorted(rows))


def _table(number: int, title: str, breakdown: type[Breakdown]) -> Table:
    first, second = breakdown.groups
    return Table(number, title, breakdown.key, (first, second), _questions(number))


_HEADINGS: Final = (
    (3, "General offender management", RiskOfHarm),
    (4, "Risk of harm work", RiskOfHarm),
    (5, "Likelihood of reoffending work", RiskOfHarm),
    (6, "Compliance and enforcement work", RiskOfHarm),
    (7, "By supervision type", SupervisionType),
    (8, "By gender", Gender),
    (9, "By ethnicity", Ethnicity),
    (10, "By reported disability", Disability),
    (11, "By age group", AgeGroup),
)

TABLES: Final = {heading[0]: _table(*heading) for heading in _HEADINGS}
"""Tables 3-11 of the 2011 report by number, each a `Table`: which breakdown, which questions."""
