"""Counts of cases that go by part after part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypeVar

import attrs

from omistats.breakdowns.base import Breakdown
from omistats.counting.memory import count_cases
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework
from omistats.model.streams import Progress, UnitOrder, in_part, stream_parts
from omistats.tallies import By, Sum, Tally, arranged

__all__ = ["count_stream", "each_part", "needed_columns"]

T = TypeVar("T")


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

    def count(cases: CaseSet) -> Tally:
        # The part knows only the questions that were asked.
        return attrs.evolve(count_cases(cases, by, splits, ids), framework=framework)

    order = UnitOrder()
    parts = each_part(
        source,
        framework,
        count,
        check_ids=check_ids,
        progress=progress,
        columns=needed_columns(splits, ids),
        order=order,
    )
    total = Sum(next(parts))
    for part in parts:
        total.add(part)
    summed = total.total()
    units = order.order()
    return arranged(summed, units) if by == "unit" else summed


def each_part(
    source: Any,
    framework: Framework,
    count: Callable[[CaseSet], T],
    *,
    check_ids: bool,
    progress: Progress | None,
    columns: Collection[str] | None,
    order: UnitOrder,
) -> Iterator[T]:
    """Count each part by itself; whatever is found wrong names the part.

    Parameters
    ----------
    source, framework, check_ids, progress
        As for `count_stream`.
    count : callable
        Makes counts of the cases of a part.
    columns : collection of str or None
        Those to read; None for all.
    order : UnitOrder
        Told the units; it knows their order after the last part.

    Yields
    ------
    object
        What ``count`` gives, once at least.

    Raises
    ------
    DataError
        As `count_stream`.
    """
    for name, cases in stream_parts(
        source,
        framework,
        check_ids=check_ids,
        progress=progress,
        columns=columns,
        order=order,
    ):
        with in_part(name):
            counts = count(cases)
        yield counts


def needed_columns(splits: Sequence[Breakdown], ids: Sequence[str]) -> set[str] | None:
    """List the columns to read; None where a breakdown may look at any."""
    if any(split.hooks() for split in splits):
        return None
    return {*ids, *(split.column or split.key for split in splits)}
