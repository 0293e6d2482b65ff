"""The report's marks of significance, re-read from print with the number of tests in mind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from omistats.forensics.survivors import Survivors
from omistats.forensics.survivors import survivors as bound
from omistats.kernel.significance import STARS
from omistats.omi2._evidence import Row, read_rows
from omistats.omi2.published import load_published
from omistats.omi2.tables import FIRST_SPLIT, TABLES

__all__ = ["survivors"]

_BOUNDS = ("tests", "stars", "least", "most", "least_by_percent", "most_by_percent")


def survivors(
    published: pa.Table | None = None,
    *,
    adjustments: Sequence[str] = ("holm", "bh"),
    level: float = 0.05,
) -> pa.Table:
    """Bound how many of the report's marks survive an adjustment for many tests.

    Parameters
    ----------
    published : pyarrow.Table, optional
        Printed figures as `load_published` gives them; the shipped ones by default.
    adjustments : sequence of str
        As for `omistats.adjust`.
    level : float
        What adjusted p-values must lie below, between 0 and 1.

    Returns
    -------
    pyarrow.Table
        One row a table, then all tables as one family (``table`` and ``breakdown`` null), for
        each adjustment: ``table, breakdown, adjustment, tests, stars, least, most,
        least_by_percent, most_by_percent, unexplained`` (how many marks no counts earn),
        ``level``; see `omistats.Survivors`.

    Raises
    ------
    DataError
        When the printed figures are not of that form.
    UnknownNameError
        When an adjustment is unknown.
    UsageError
        When it is no table, the level is out of range, or no row has two groups to compare.

    Notes
    -----
    Pearson's chi-square, in Tables 3-6 of high risk of harm cases against all others. A table asks
    each question once, so its bounds are reached by some counts. Between tables counts of a
    question are bound to each other, which is not used: bounds of all tables together hold,
    but may not be reached.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.survivors(adjustments=["holm"]).num_rows
    10
    """
    rows = read_rows(load_published() if published is None else published)
    families: list[tuple[int | None, list[Row]]] = [
        (number, [r for r in rows if r.table == number]) for number in TABLES
    ]
    families = [(number, family) for number, family in families if family]
    families.append((None, rows))
    lines = []
    for number, family in families:
        for adjustment in adjustments:
            found = _bounds(family, adjustment, level)
            lines.append(
                {
                    "table": number,
                    "breakdown": None if number is None else TABLES[number].breakdown,
                    "adjustment": found.adjustment,
                    **{name: getattr(found, name) for name in _BOUNDS},
                    "unexplained": len(found.unexplained),
                    "level": found.level,
                }
            )
    schema = pa.schema(
        [("table", pa.int64()), ("breakdown", pa.string()), ("adjustment", pa.string())]
        + [(name, pa.int64()) for name in (*_BOUNDS, "unexplained")]
        + [("level", pa.float64())]
    )
    return pa.Table.from_pylist(lines, schema=schema)


def _bounds(rows: Sequence[Row], adjustment: str, level: float) -> Survivors:
    percents = np.array([r.percents for r in rows], np.float64).reshape(-1, 2)
    sizes = np.array([r.sizes for r in rows], np.float64).reshape(-1, 2)
    return bound(
        percents[:, 0],
        sizes[:, 0],
        percents[:, 1],
        sizes[:, 1],
        [r.stars or STARS[0] for r in rows],
        complement=[r.table < FIRST_SPLIT for r in rows],
        adjustment=adjustment,
        level=level,
    )
