"""Counts of cases that go by part after part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from omistats.breakdowns.base import Breakdown
from omistats.counting.memory import count_cases
from omistats.model.framework import Framework
from omistats.model.streams import Progress, UnitOrder, in_part, stream_parts
from omistats.tallies import By, Sum, Tally, arranged

__all__ = ["count_stream", "needed_columns"]


def count_stream(
    source: Any,
    framework: Framework,
    by: By | None,
    splits: tuple[Breakdown, ...],
    ids: tuple[str, ...],
    *,
    check_ids: bool,
    progress: Progress | None,
) -> Tally:
    """Count answers part by part; the sum is what counting all at once gives.

    Parameters
    ----------
    source : path, data set, or reader
        What `omistats.model.streams.is_stream` is true of.
    framework : Framework
        What to check against.
    by : {'unit', None}
        Whether every unit is counted by itself.
    splits : tuple of Breakdown
        Breakdowns.
    ids : tuple of str
        Questions, in the order of the framework.
    check_ids : bool
        Whether to refuse ids that stand twice, anywhere.
    progress : callable or None
        Told the rows done and the rows in all, or None, after every part.

    Raises
    ------
    DataError
        When anything cannot be read or breaks the rules, before there is any result.
    """
    order = UnitOrder()
    total: Sum | None = None
    for name, cases in stream_parts(
        source,
        framework,
        check_ids=check_ids,
        progress=progress,
        columns=needed_columns(splits, ids),
        order=order,
    ):
        with in_part(name):
            part = count_cases(cases, by, splits, ids)
        # The part knows only the questions that were asked.
        part = attrs.evolve(part, framework=framework)
        if total is None:
            total = Sum(part)
        else:
            total.add(part)
    assert total is not None  # noqa: S101 - a stream has one part at least
    summed = total.total()
    units = order.order()
    return arranged(summed, units) if by == "unit" else summed


def needed_columns(splits: Sequence[Breakdown], ids: Sequence[str]) -> set[str] | None:
    """List the columns to read; None where a breakdown may look at any."""
    if any(split.hooks() for split in splits):
        return None
    return {*ids, *(split.column or split.key for split in splits)}
