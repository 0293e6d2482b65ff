"""Comparisons in the printed tables, and stars that survive an adjustment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from omistats.forensics.difference_bounds import difference_behind
from omistats.forensics.surviving_stars import Survivors, survivors as find_survivors
from omistats.kernel.chi_square import STARS
from omistats.omi2.evidence import Row, read_rows
from omistats.omi2.published import FIRST_SPLIT, TABLES, load_published

__all__ = ["comparisons", "survivors"]


_SCHEMA = pa.schema(
    [
        ("table", pa.int64()),
        ("row", pa.int64()),
        ("question", pa.string()),
        ("breakdown", pa.string()),
        ("contrast", pa.string()),
        ("group1", pa.string()),
        ("percent1", pa.int64()),
        ("n1", pa.int64()),
        ("group2", pa.string()),
        ("percent2", pa.int64()),
        ("n2", pa.int64()),
        ("stars", pa.string()),
        ("least", pa.float64()),
        ("most", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("survives", pa.bool_()),
    ]
)


def comparisons(
    published: pa.Table | None = None,
    *,
    confidence: float = 0.95,
    adjustment: str = "bh",
    level: float = 0.05,
) -> pa.Table:
    """List the printed comparisons with bounds of their differences.

    Parameters
    ----------
    published : pyarrow.Table, optional
        Printed figures as `load_published` gives them; the shipped ones by default.
    confidence : float
        Confidence of the intervals, between 0 and 1.
    adjustment : {'bh', 'holm', 'bonferroni'}
        The adjustment of p-values for the number of tests of a table.
    level : float
        A comparison survives if its adjusted p-value is below this level, between 0 and 1.

    Returns
    -------
    pyarrow.Table
        One line for each printed row: ``table, row, question, breakdown``; ``contrast``, which
        is ``complement`` in Tables 3-6, where the second group is all cases, and ``groups``
        elsewhere; ``group1, percent1, n1, group2, percent2, n2, stars`` as printed, null if
        blank. Differences are in percentage points, the first group minus the second or minus
        all other cases: ``least`` and ``most`` over all counts behind the rounded percentages,
        and the outermost limits of their intervals, ``low`` and ``high``. ``survives`` tells
        whether the adjusted p-value is below the level for all counts behind the percentages
        that also produce the mark (if none do, for all counts behind the percentages). These
        five columns are null if a group has no cases or no percentage.

    Raises
    ------
    DataError
        When the printed figures are not of that form.
    UsageError
        When they are not an Arrow table, or the confidence or the level is out of range.
    UnknownNameError
        When the adjustment is unknown.

    Notes
    -----
    See `omistats.forensics.difference_behind` and `omistats.forensics.survivors`. Intervals are
    Newcombe's. The tests of a table are one family. In Tables 3-6 the risk of harm of all cases
    is assumed to be known.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.comparisons().slice(0, 1).select(["percent1", "percent2", "stars"]).to_pylist()
    [{'percent1': 87, 'percent2': 72, 'stars': '***'}]
    """
    rows = read_rows(load_published() if published is None else published)
    percents = np.array([r.percents for r in rows], np.float64).reshape(-1, 2)
    sizes = np.array([r.sizes for r in rows], np.float64).reshape(-1, 2)
    subset = np.array([r.table < FIRST_SPLIT for r in rows], np.bool_)
    p1, p2 = percents.T
    n1, n2 = sizes.T
    ends = np.empty((4, len(rows)))
    for part in (subset, ~subset):
        found = difference_behind(
            p1[part],
            n1[part],
            p2[part],
            n2[part],
            complement=bool(subset[part].any()),
            confidence=confidence,
            rounding="half-up",
            decimals=0,
        )
        ends[:, part] = 100 * np.array([found.least, found.most, found.low, found.high])
    blank = np.isnan(ends[0])
    survives = np.zeros(len(rows), np.bool_)
    tables = np.array([r.table for r in rows], np.int64)
    marks = np.array([r.stars or STARS[0] for r in rows], np.str_)
    for table in np.unique(tables[~blank]):
        at = np.flatnonzero(tables == table)
        bound = find_survivors(
            p1[at],
            n1[at],
            p2[at],
            n2[at],
            marks[at],
            complement=subset[at],
            adjustment=adjustment,
            level=level,
            rounding="half-up",
            decimals=0,
        )
        survives[at[list(bound.surely)]] = True
    lines = [
        {
            "table": r.table,
            "row": r.row,
            "question": r.question,
            "breakdown": TABLES[r.table].breakdown,
            "contrast": "complement" if r.table < FIRST_SPLIT else "groups",
            "group1": r.groups[0],
            "percent1": r.percents[0],
            "n1": r.sizes[0] or None,
            "group2": r.groups[1],
            "percent2": r.percents[1],
            "n2": r.sizes[1] or None,
            "stars": r.stars,
        }
        for r in rows
    ]
    table = pa.Table.from_pylist(lines, schema=pa.schema(list(_SCHEMA)[:-5]))
    for field, values in zip(list(_SCHEMA)[-5:], (*ends, survives), strict=True):
        table = table.append_column(field, pa.array(values, field.type, mask=blank))
    return table


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
        Names of adjustments, as for `omistats.stats.adjust`.
    level : float
        A mark survives if its adjusted p-value is below this level, between 0 and 1.

    Returns
    -------
    pyarrow.Table
        One row for each table and adjustment, then for all tables as one family (``table`` and
        ``breakdown`` null): ``table, breakdown, adjustment, tests, stars, least, most,
        least_by_percent, most_by_percent, unexplained`` (the number of marks that no counts
        produce), ``level``; see `omistats.forensics.Survivors`.

    Raises
    ------
    DataError
        When the printed figures are not of that form.
    UnknownNameError
        When an adjustment is unknown.
    UsageError
        When they are not an Arrow table, the level is out of range, or no row has two groups to
        compare.

    Notes
    -----
    The test is Pearson's chi-square, in Tables 3-6 of high risk of harm cases against all others.
    Within a table each question occurs once, so some counts reach its bounds. The bounds of all
    tables together are valid but may not be reached, because they ignore that different tables
    count the same cases.

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
            found = _family_survivors(family, adjustment, level)
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


def _family_survivors(rows: Sequence[Row], adjustment: str, level: float) -> Survivors:
    percents = np.array([r.percents for r in rows], np.float64).reshape(-1, 2)
    sizes = np.array([r.sizes for r in rows], np.float64).reshape(-1, 2)
    return find_survivors(
        percents[:, 0],
        sizes[:, 0],
        percents[:, 1],
        sizes[:, 1],
        [r.stars or STARS[0] for r in rows],
        complement=[r.table < FIRST_SPLIT for r in rows],
        adjustment=adjustment,
        level=level,
        rounding="half-up",
        decimals=0,
    )
