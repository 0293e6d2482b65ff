"""Counts of cases that an engine holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from omistats.breakdowns.base import LEFT_OUT, UNCLASSIFIED, Breakdown
from omistats.engines.checks import check_table
from omistats.engines.grouped import Sums, add_at, answers, batches, sums_of, unit_order
from omistats.engines.sources import agree, open_source
from omistats.model.framework import Framework
from omistats.model.strata import ALL
from omistats.tallies import By, Split, Tally

__all__ = ["count_engine"]


def count_engine(
    source: Any,
    framework: Framework | None,
    by: By | None,
    splits: tuple[Breakdown, ...],
    ids: tuple[str, ...],
    *,
    check_ids: bool = True,
) -> Tally:
    """Count answers in every group of every unit where the cases are.

    The engine runs one query that checks the cases and one or few that count them. A counting
    query brings back at most 4,096 rows, or units times the groups of one breakdown with its
    unknown and left out where that is more; each row has two numbers a question.

    Parameters
    ----------
    source : polars.LazyFrame, duckdb.DuckDBPyRelation or pyspark.sql.DataFrame
        One row a case, with the columns that `CaseSet.from_data` asks for. NaN is null.
    framework : Framework or None
        What to check the table against.
    by : {'unit', None}
        Whether every unit is counted by itself.
    splits : tuple of Breakdown
        Breakdowns that read a column, or that have an `expression`.
    ids : tuple of str
        Questions, in the order of the framework. Values of other questions are not looked at.
    check_ids : bool
        Whether ids are looked at; without, a table need not have any.

    Returns
    -------
    Tally
        What `tally` counts of the same cases in memory. Units are sorted, or in the order of
        their column's type where it is an enumeration.

    Raises
    ------
    UsageError
        When there is no framework.
    DataError
        When the table breaks rules, which are all listed, or the engine fails.
    """
    table = open_source(source, framework)
    assert framework is not None  # noqa: S101  # `open_source` refuses None
    checked = check_table(table, framework, splits, ids, check_ids)
    flags = answers(table, ids)
    values = [f"{word}{i}" for word in "kn" for i in range(len(ids))]
    by_unit = by == "unit"
    parts = [
        sums_of(table, checked, batch, flags, values, by_unit=by_unit)
        for batch in batches(checked.labels, checked.units if by_unit else 1)
    ]
    agree(table, [part.totals() for part in parts])
    units = unit_order(table, parts[0].units.tolist()) if by_unit else (ALL,)
    return Tally(
        framework=framework,
        units=units,
        splits=tuple(Split(b.key, tuple(b.groups), b.contrast) for b in splits),
        questions=ids,
        metadata=checked.metadata,
        **_arrays(parts, units, splits, len(ids)),
    )


def _arrays(
    parts: list[Sums], units: tuple[str, ...], splits: tuple[Breakdown, ...], width: int
) -> dict[str, Any]:
    """Add the rows of all queries up to the arrays of a tally."""
    groups = sum(len(b.groups) for b in splits)
    shape = (len(units), groups, 2 * width)
    counts, cases = np.zeros(shape, np.int64), np.zeros(shape[:2], np.int64)
    unknown = np.zeros((len(units), len(splits), 2 * width), np.int64)
    heads = np.zeros((2, len(units), len(splits)), np.int64)
    place = {unit: i for i, unit in enumerate(units)}
    first = split = 0
    for part in parts:
        # Without units, everything is in the first and only one.
        unit = np.array([place[u] for u in part.units], np.intp)
        unit = unit if len(part.units) else np.zeros(len(part.rows), np.intp)
        for one, codes in zip(part.labels, part.codes, strict=True):
            complement = one.split.contrast == "complement"
            own = codes >= 0
            where = unit[own], first + codes[own]
            add_at(counts, where, part.values[own])
            add_at(cases, where, part.rows[own])
            if complement:  # everyone is in its `all`
                add_at(counts, (unit, first + 1), part.values)
                add_at(cases, (unit, first + 1), part.rows)
            lost = codes == UNCLASSIFIED
            add_at(heads[0], (unit[lost], split), part.rows[lost])
            if complement:
                add_at(unknown, (unit[lost], split), part.values[lost])
            else:
                left = codes == LEFT_OUT
                add_at(heads[1], (unit[left], split), part.rows[left])
            first += len(one.split.groups)
            split += 1
    return {
        "k": counts[:, :, :width],
        "n": counts[:, :, width:],
        "unknown_k": unknown[:, :, :width],
        "unknown_n": unknown[:, :, width:],
        "cases": cases,
        "unclassified": heads[0],
        "left_out": heads[1],
    }
