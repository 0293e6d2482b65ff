"""Tables 3-11 of the 2011 report as printed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs
import pyarrow as pa

from omistats.breakdowns.base import Breakdown
from omistats.omi2.breakdowns import (
    AgeGroup,
    Disability,
    Ethnicity,
    Gender,
    RiskOfHarm,
    SupervisionType,
)
from omistats.omi2.framework import FRAMEWORK

__all__ = [
    "AGE_SHARES",
    "CASES",
    "FIRST_SPLIT",
    "REPEATED",
    "SCHEMA",
    "TABLES",
    "Table",
    "load_published",
]


SCHEMA = pa.schema(
    [
        ("table", pa.int64()),
        ("row", pa.int64()),
        ("question", pa.string()),
        ("group", pa.string()),
        ("percent", pa.int64()),
        ("n", pa.int64()),
        ("stars", pa.string()),
    ]
)


def load_published() -> pa.Table:
    """Load every printed figure of Tables 3-11 of the 2011 aggregate report.

    Returns
    -------
    pyarrow.Table
        Columns ``table, row, question, group, percent, n, stars``: one line for each of
        the two groups of each of 451 rows. ``row`` counts from 1 within a table;
        ``percent`` is 0-100 as printed; a blank cell is null; ``stars`` is the mark
        of the whole row, repeated on its two lines, null if none is printed.

    Notes
    -----
    Source: HM Inspectorate of Probation, the aggregate report of OMI 2 of March 2011.
    Figures only; no wording.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.load_published().num_rows
    902
    """
    # Imported here because `import omistats` must stay fast.
    import pyarrow.csv

    options = pyarrow.csv.ConvertOptions(
        column_types=SCHEMA, strings_can_be_null=True, null_values=[""]
    )
    path = Path(__file__).parent / "data" / "published.csv"
    return pyarrow.csv.read_csv(path, convert_options=options)


FIRST_SPLIT: Final = 7
"""Tables before this one print the high subset and all cases; the others print two groups."""


@attrs.frozen
class Table:
    """A table of the 2011 report.

    Attributes
    ----------
    number : int
        The printed number.
    title : str
        A title of our own.
    breakdown : str
        Key of the breakdown.
    groups : tuple of str
        The groups of its two columns.
    questions : tuple of str
        Ids of the questions, in the order of the rows.

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
"""Tables 3-11 of the 2011 report by number; each is a `Table` with its breakdown and questions."""


CASES: Final = 2213
"""Case assessments in the dataset (paragraph 10)."""

AGE_SHARES: Final[dict[str, int]] = {"17-24": 31, "25+": 69}
"""Percent of the dataset in each age group (above Table 11)."""

REPEATED: Final[tuple[tuple[int, int, str, int], ...]] = (
    (3, 8, "all", 84),
    (3, 15, "all", 80),
    (3, 17, "all", 80),
    (3, 17, "high", 88),
    (3, 20, "all", 47),
    (3, 20, "high", 58),
    (3, 21, "all", 83),
    (3, 24, "all", 51),
    (3, 31, "all", 35),
    (4, 8, "all", 37),
    (4, 8, "high", 65),
    (4, 9, "all", 80),
    (4, 13, "all", 68),
    (4, 13, "high", 84),
    (4, 20, "all", 73),
    (4, 20, "high", 80),
    (5, 3, "all", 87),
    (5, 8, "all", 74),
    (5, 10, "all", 47),
    (6, 1, "all", 64),
    (6, 2, "all", 53),
    (6, 7, "all", 87),
    (6, 8, "all", 46),
    (6, 10, "all", 82),
    (6, 12, "all", 90),
    (9, 65, "white", 83),
    (9, 65, "BME", 75),
    (10, 27, "yes", 70),
    (10, 27, "no", 63),
    (11, 65, "25+", 84),
    (11, 65, "17-24", 75),
    (11, 68, "25+", 71),
    (11, 68, "17-24", 56),
)
"""Percentages that the text repeats from a table: table, row, group, percent."""

# The shares of types of disability (a note to Table 10: 33%, 40% and 27% of all disabilities
# reported) are left out: no number of disabilities is printed, so they cannot be tested.
