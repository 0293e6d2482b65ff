"""Tally(): memory and batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import EXCLUDED, UNCLASSIFIED, Breakdown
from omistats.breakdowns.groups import GroupSpec, group_masks
from omistats.counting.tally import By, Sum, Tally, check_by, reorder_units, resolve_breakdowns
from omistats.engines.checks import check_table
from omistats.engines.sums import Sums, add_at, answers, batches, sums_of, unit_order
from omistats.engines.tables import check_same_totals, is_engine, open_source
from omistats.errors import UsageError, format_value
from omistats.kernel.bit_counts import count_words
from omistats.model.answer_bits import AnswerBits, Block
from omistats.model.batches import (
    Progress,
    UnitOrder,
    fits_at_once,
    framework_of,
    in_part,
    is_stream,
    iter_case_parts,
    read_cases,
)
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL, Framework

__all__ = ["count_cases", "count_engine", "count_stream", "each_part", "needed_columns", "tally"]


Counts = npt.NDArray[np.int64]


def count_cases(
    cases: CaseSet, by: By | None, splits: tuple[Breakdown, ...], ids: tuple[str, ...]
) -> Tally:
    """Count answers in every group of every unit, or of all units together.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    by : {'unit', None}
        Whether every unit is counted by itself.
    splits : tuple of Breakdown
        Breakdowns.
    ids : tuple of str
        Questions, in the order of the framework.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    framework = cases.framework
    packed, masks = cases.packed, group_masks(cases, splits)
    counted = len(masks.groups)
    bits = np.concatenate([masks.groups, masks.unclassified])
    sizes = np.bitwise_count(bits).sum(axis=1, dtype=np.int64)
    plan = _plan(splits, sizes[:counted].tolist(), sizes[counted:].tolist(), len(cases))
    columns = None
    if ids != framework.question_ids:
        wanted = set(ids)
        columns = np.flatnonzero([id in wanted for id in framework.question_ids * 2])
    sums = _count(packed, bits, plan.rows, by == "unit", columns)
    everyone = np.diff(packed.starts) if by == "unit" else packed.starts[-1:]
    return _tally(cases, by, splits, ids, plan, sums, everyone)


@attrs.frozen
class _Plan:
    """Which masks are intersected with the answers, and what becomes of the counts.

    Nobody is in an empty group; where everyone is in some group of a breakdown, the last one
    is the rest; everyone is in the ``all`` of a complement.
    """

    rows: list[int]
    groups: list[int]
    wholes: list[int]
    rests: list[tuple[int, int]]
    unknown: list[int]
    heads: list[int]


def _plan(
    splits: tuple[Breakdown, ...], sizes: list[int], unclassified: list[int], cases: int
) -> _Plan:
    plan = _Plan([], [], [], [], [], [])
    row = group = 0
    for split in splits:
        width = len(split.groups)
        complement = split.contrast == "complement"
        masks = width - complement
        if complement:
            plan.wholes.append(group + 1)
        # The last group of a partition.
        rest = masks > 0 and not complement and sum(sizes[row : row + masks]) == cases
        for j in range(masks):
            if rest and j == masks - 1:
                plan.rests.append((group, group + j))
            elif sizes[row + j]:
                plan.rows.append(row + j)
                plan.groups.append(group + j)
        plan.heads.extend(range(group, group + masks))
        row, group = row + masks, group + width
    for i, split in enumerate(splits):
        if split.contrast == "complement" and unclassified[i]:
            plan.rows.append(row + i)
            plan.unknown.append(i)
    return plan


@attrs.frozen(eq=False)
class _Sums:
    """Counts by unit: of everyone, of the masks that were planned, and sizes of all masks.

    Shapes (1, units, columns), (planned, units, columns) and (1, units, masks).
    """

    whole: Counts
    within: Counts
    heads: Counts

    def add(self, other: _Sums, units: slice | npt.NDArray[np.int64]) -> None:
        """Add the counts of some of the units."""
        self.whole[:, units] += other.whole
        self.within[:, units] += other.within
        self.heads[:, units] += other.heads


def _count(
    packed: AnswerBits,
    masks: npt.NDArray[np.uint64],
    rows: list[int],
    by_unit: bool,
    columns: npt.NDArray[np.intp] | None,
) -> _Sums:
    def of(block: Block) -> _Sums:
        words = block.words if columns is None else block.words[:, columns]
        return _Sums(
            count_words(words, None, block.pieces),
            count_words(words, block.masks[rows], block.pieces),
            count_words(np.ascontiguousarray(block.masks.T), None, block.pieces),
        )

    starts = packed.block_starts()
    if packed.is_small:
        return of(packed.block(starts[0], masks, by_unit))
    units = len(packed.starts) - 1 if by_unit else 1

    def add_up(mine: range) -> _Sums:
        width = packed.columns if columns is None else len(columns)
        shapes = (1, units, width), (len(rows), units, width), (1, units, len(masks))
        sums = _Sums(*(np.zeros(shape, np.int64) for shape in shapes))
        for start in mine:
            block = packed.block(start, masks, by_unit)
            sums.add(of(block), block.units)
        return sums

    workers = min(_processors(), len(starts) // _BLOCKS_A_WORKER)
    if workers < 2:
        return add_up(starts)
    # NumPy counts without holding the interpreter.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers) as pool:
        first, *others = pool.map(add_up, [starts[i::workers] for i in range(workers)])
    for other in others:
        first.add(other, slice(None))
    return first


# A block takes some milliseconds, and starting a thread a tenth of one.
_BLOCKS_A_WORKER = 4
_MOST_WORKERS = 8


def _processors() -> int:
    import os

    usable = getattr(os, "sched_getaffinity", None)
    found = len(usable(0)) if usable else os.cpu_count() or 1
    return min(found, _MOST_WORKERS)


def _tally(
    cases: CaseSet,
    by: By | None,
    splits: tuple[Breakdown, ...],
    ids: tuple[str, ...],
    plan: _Plan,
    sums: _Sums,
    everyone: Counts,
) -> Tally:
    width, counted = len(ids), len(plan.heads)
    units = len(everyone)
    groups = sum(len(s.groups) for s in splits)
    # Sufficient and applicable apart, each in one piece.
    shown = np.zeros((2, units, groups, width), np.int64)
    unknown = np.zeros((2, units, len(splits), width), np.int64)
    whole = sums.whole[0].reshape(units, 2, width).swapaxes(0, 1)
    within = sums.within.reshape(len(plan.rows), units, 2, width).transpose(2, 1, 0, 3)
    shown[:, :, plan.groups] = within[:, :, : len(plan.groups)]
    unknown[:, :, plan.unknown] = within[:, :, len(plan.groups) :]
    for place in plan.wholes:
        shown[:, :, place] = whole
    for first, place in plan.rests:
        shown[:, :, place] = whole - shown[:, :, first:place].sum(axis=2)
    sizes = np.empty((units, groups), np.int64)
    sizes[:, plan.heads] = sums.heads[0, :, :counted]
    sizes[:, plan.wholes] = everyone[:, np.newaxis]
    unclassified = sums.heads[0, :, counted:]
    excluded = np.zeros((units, len(splits)), np.int64)
    first = 0
    for i, split in enumerate(splits):
        last = first + len(split.groups)
        # Those outside the subset of a complement are reported, in `all`.
        if split.contrast == "groups":
            excluded[:, i] = everyone - unclassified[:, i] - sizes[:, first:last].sum(axis=1)
        first = last
    return Tally(
        framework=cases.framework,
        units=cases.units if by == "unit" else (ALL,),
        splits=tuple(GroupSpec(b.key, tuple(b.groups), b.contrast) for b in splits),
        questions=ids,
        k=shown[0],
        n=shown[1],
        unknown_k=unknown[0],
        unknown_n=unknown[1],
        cases=sizes,
        unclassified=unclassified,
        excluded=excluded,
        metadata=cases.metadata,
    )


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
        What `omistats.model.batches.is_stream` is true of.
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
    return reorder_units(summed, units) if by == "unit" else summed


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
    for name, cases in iter_case_parts(
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
    if any(split.overrides() for split in splits):
        return None
    return {*ids, *(split.column or split.key for split in splits)}


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
    check_same_totals(table, [part.totals() for part in parts])
    units = unit_order(table, parts[0].units.tolist()) if by_unit else (ALL,)
    return Tally(
        framework=framework,
        units=units,
        splits=tuple(GroupSpec(b.key, tuple(b.groups), b.contrast) for b in splits),
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
                left = codes == EXCLUDED
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
        "excluded": heads[1],
    }


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
        raise UsageError(f"`check_ids` must be True or False; found {format_value(check_ids)}")
    if progress is not None and not callable(progress):
        raise UsageError(
            "`progress` must be a function of the rows done and the rows in all; found "
            f"{format_value(progress)}"
        )
    framework = framework_of(source, framework)
    if is_engine(source):
        ids = framework.known_ids if questions is None else framework.select(questions)
        splits = resolve_breakdowns(breakdowns, framework)
        return count_engine(source, framework, by, splits, ids, check_ids=check_ids)
    in_parts = is_stream(source) and not fits_at_once(source)
    cases = None if in_parts else read_cases(source, framework, check_ids=check_ids)
    ids = framework.known_ids if questions is None else framework.select(questions)
    splits = resolve_breakdowns(breakdowns, framework)
    if cases is None:
        return count_stream(
            source, framework, by, splits, ids, check_ids=check_ids, progress=progress
        )
    counts = count_cases(cases, by, splits, ids)
    if progress is not None:
        progress(len(cases), len(cases))
    return counts
