"""Counts from any source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omistats.breakdowns.base import Breakdown
from omistats.counting.memory import count_cases
from omistats.counting.streams import count_stream
from omistats.engines import count_engine, is_engine
from omistats.errors import UsageError, described
from omistats.model.framework import Framework
from omistats.model.sources import framework_of, read_cases
from omistats.model.streams import Progress, fits_at_once, is_stream
from omistats.tallies import By, Tally, check_by, standard_or

__all__ = ["tally"]


def tally(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] | None = None,
    questions: Iterable[str] | None = None,
    framework: Framework | None = None,
    check_ids: bool = True,
    progress: Progress | None = None,
) -> Tally:
    """Count sufficient and applicable answers in every group.

    Parameters
    ----------
    source : CaseSet, data frame, table of an engine, record batch reader, data set, or path
        The cases. A path is a Parquet file, an Arrow IPC file or stream, or a folder of such
        files, also below folders like ``unit=A``; a data set is pyarrow's. A Polars
        ``LazyFrame``, a DuckDB relation or a Spark ``DataFrame`` is counted by its engine, and
        only counts come back. All but a case set need ``framework``. See the notes on how much
        of it is in memory.
    by : {'unit'}, optional
        Count every unit by itself; by default all units together.
    breakdowns : iterable of Breakdown or str, optional
        Instances, classes, or names; the framework's standard ones by default.
    questions : iterable of str, optional
        Question ids; by default every question that is not invented.
    framework : Framework, optional
        What to check the source against; a case set carries its own.
    check_ids : bool
        Refuse a ``case_id`` that stands twice, in whatever parts of the source. Otherwise
        ids are not looked at, nor read where that saves work; cases are then known to be
        synthetic from metadata alone.
    progress : callable, optional
        Called after every part with the rows done and the rows in all, None if that is
        unknown. What it raises stops the count. Never called for a table of an engine, which
        does not tell how far it is.

    Returns
    -------
    Tally
        The counts ``k`` (sufficient) and ``n`` (applicable), shape (units, groups, questions).
        Null answers count in neither; a null characteristic puts a case in no group.

    Raises
    ------
    UsageError
        When ``by`` is neither None nor ``'unit'``, a framework is missing or another than the
        cases', there is no breakdown, or ``check_ids`` or ``progress`` is not what it should be.
    UnknownNameError
        When a question, a breakdown or the column of one is unknown.
    DataError
        When a breakdown is ill declared or labels cases outside its groups, or the data
        cannot be read or break the rules; of a source in parts the part is named. There is
        no result of a part of the cases.

    Notes
    -----
    Files of more than 131,072 rows, folders, readers and data sets are counted in parts of at
    most that many rows, and of a file only the columns that matter are read: the unit, required
    strata, what the breakdowns use, the questions asked, and ids. (A breakdown with a
    `classify` of its own may look at any column, and all are read.) In memory at a time are
    such a part, what the file's format decodes together (of Parquet a page of each column, of
    IPC one record batch), the tally, and for ids nothing while each part's lie above those of
    the parts before, else 8 bytes a case, twice that at the end. Of a reader, which cannot be
    read again, 8 bytes a case are always kept.

    A reader hands its cases out once. One that was passed to omistats before is refused, even
    if that count was stopped; of one that something else has read from, only the rest is
    counted, as nobody can tell. Files that change while they are read are refused.

    Examples
    --------
    >>> import omistats as oms
    >>> framework = oms.Framework(
    ...     "demo", [oms.Question("plan", "Plan")], [oms.Stratum("gender", ("male", "female"))]
    ... )
    >>> answers = {"gender": ["male", "male", "female"], "plan": [True, False, None]}
    >>> cases = oms.CaseSet.from_data(
    ...     {"case_id": [1, 2, 3], "unit": ["A", "A", "B"], **answers}, framework=framework
    ... )
    >>> counts = oms.tally(cases, breakdowns=["gender"])
    >>> counts
    Tally: 1 unit x 1 breakdown x 1 question
    >>> counts.k.tolist(), counts.n.tolist()
    ([[[1], [0]]], [[[2], [0]]])
    """
    check_by(by)
    if not isinstance(check_ids, bool):
        raise UsageError(f"`check_ids` is True or False, found {described(check_ids)}")
    if progress is not None and not callable(progress):
        raise UsageError(
            "`progress` is a function of the rows done and the rows in all, found "
            f"{described(progress)}"
        )
    framework = framework_of(source, framework)
    if is_engine(source):
        ids = framework.known_ids if questions is None else framework.select(questions)
        splits = standard_or(breakdowns, framework)
        return count_engine(source, framework, by, splits, ids, check_ids=check_ids)
    in_parts = is_stream(source) and not fits_at_once(source)
    cases = None if in_parts else read_cases(source, framework, check_ids=check_ids)
    ids = framework.known_ids if questions is None else framework.select(questions)
    splits = standard_or(breakdowns, framework)
    if cases is None:
        return count_stream(
            source, framework, by, splits, ids, check_ids=check_ids, progress=progress
        )
    counts = count_cases(cases, by, splits, ids)
    if progress is not None:
        progress(len(cases), len(cases))
    return counts
