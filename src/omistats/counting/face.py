"""Counts from any source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omistats.breakdowns.base import Breakdown
from omistats.counting.memory import count_cases
from omistats.engines import count_engine, is_engine
from omistats.model.framework import Framework
from omistats.model.sources import read_cases
from omistats.tallies import By, Tally, check_by, standard_or

__all__ = ["tally"]


def tally(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] | None = None,
    questions: Iterable[str] | None = None,
    framework: Framework | None = None,
) -> Tally:
    """Count sufficient and applicable answers in every group.

    Parameters
    ----------
    source : CaseSet, data frame, table of an engine, record batch reader, or path
        The cases. A Polars ``LazyFrame``, a DuckDB relation or a Spark ``DataFrame`` is
        counted by its engine, and only counts come back. All but a case set need
        ``framework``; a path is a Parquet or an Arrow IPC file, read whole.
    by : {'unit'}, optional
        Count every unit by itself; by default all units together.
    breakdowns : iterable of Breakdown or str, optional
        Instances, classes, or names; the framework's standard ones by default.
    questions : iterable of str, optional
        Question ids; by default every question that is not invented.
    framework : Framework, optional
        What to check the source against; a case set carries its own.

    Returns
    -------
    Tally

    Raises
    ------
    UsageError
        When ``by`` is neither None nor ``'unit'``, or a framework is missing.
    UnknownNameError
        When a question or a breakdown is unknown.
    DataError
        When a breakdown is ill declared or labels cases outside its groups.
    """
    check_by(by)
    if is_engine(source) and isinstance(framework, Framework):
        ids = framework.known_ids if questions is None else framework.select(questions)
        return count_engine(source, framework, by, standard_or(breakdowns, framework), ids)
    cases = read_cases(source, framework)
    framework = cases.framework
    ids = framework.known_ids if questions is None else framework.select(questions)
    return count_cases(cases, by, standard_or(breakdowns, framework), ids)
