"""Sums over cases that are elsewhere: in parts, or where an engine has them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, Literal

import attrs

from omistats.breakdowns.base import Breakdown
from omistats.counting.streams import each_part, needed_columns
from omistats.engines import is_engine, sum_engine
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework
from omistats.model.streams import Progress, UnitOrder, fits_at_once, is_stream
from omistats.scores.summing import from_sums, sum_cases
from omistats.scores.sums import Scored
from omistats.scores.tally import ScoreTally

__all__ = ["is_elsewhere", "sum_elsewhere"]


def is_elsewhere(source: Any) -> bool:
    """Tell whether cases need not come into memory together to be summed over."""
    return is_engine(source) or (is_stream(source) and not fits_at_once(source))


def sum_elsewhere(
    source: Any,
    framework: Framework,
    items: Sequence[Scored],
    breakdowns: Sequence[Breakdown],
    complement: Literal["all", "known"],
    *,
    check_ids: bool = True,
    progress: Progress | None = None,
) -> ScoreTally:
    """Sum over the cases of every unit, part by part or in an engine.

    Parameters
    ----------
    source : lazy frame, path, data set, or reader
        What `is_elsewhere` is true of.
    framework : Framework
        What to check against.
    items : sequence of Scored
        What is scored.
    breakdowns : sequence of Breakdown
        Breakdowns.
    complement : {'all', 'known'}
        As for `omistats.score_tally`.
    check_ids : bool
        Whether ids may not stand twice.
    progress : callable or None
        Told the rows done and the rows in all, or None, after every part; an engine has none.

    Raises
    ------
    DataError
        When anything cannot be read or breaks the rules, before there is any result.
    """
    questions = {q for item in items for q in item.questions}
    if is_engine(source):
        asked = {item.item.id: item.questions for item in items}
        found = sum_engine(
            source, framework, tuple(breakdowns), asked, complement=complement, check_ids=check_ids
        )
        return from_sums(
            framework,
            found.units,
            found.cases,
            found.moments,
            items,
            breakdowns,
            complement,
            found.metadata,
        )

    def count(cases: CaseSet) -> ScoreTally:
        # The part knows only the questions that are scored.
        return attrs.evolve(sum_cases(cases, items, breakdowns, complement), framework=framework)

    order = UnitOrder()
    parts = each_part(
        source,
        framework,
        count,
        check_ids=check_ids,
        progress=progress,
        columns=needed_columns(breakdowns, tuple(questions)),
        order=order,
    )
    total = reduce(ScoreTally.merge, parts)
    units = order.order()
    place = [total.units.index(unit) for unit in units]
    return attrs.evolve(total, units=units, cases=total.cases[place], moments=total.moments[place])
