"""Count answers: tally(), in memory, in parts, or in an engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import (
    EXCLUDED,
    UNCLASSIFIED,
    AllCases,
    Breakdown,
    BreakdownLike,
    CrossedBreakdown,
)
from omistats.breakdowns.groups import GroupSpec, group_masks
from omistats.counting.tally import (
    By,
    RunningSum,
    Tally,
    check_by,
    reorder_units,
    resolve_breakdowns,
)
from omistats.engines.tables import check_same_totals, is_engine, open_source
from omistats.errors import UsageError, format_value
from omistats.kernel.bit_counts import count_words
from omistats.model.answer_bits import AnswerBits, Block, pack_answers
from omistats.model.answers import level_arrays
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
from omistats.model.framework import ALL, NOT_ANSWERED, Framework, Question

if TYPE_CHECKING:
    from omistats.engines.sums import Sums

__all__ = ["count_cases", "each_part", "needed_columns", "tally"]

Counts = npt.NDArray[np.int64]
T = TypeVar("T")

# Counting a block takes milliseconds; starting a thread takes about 0.1 ms.
_BLOCKS_PER_WORKER = 4
_MAX_WORKERS = 8


def tally(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[BreakdownLike] | None = None,
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
        files, also in folders like ``unit=A``; or a workbook (``.xlsx``, ``.xls``, ``.ods``),
        a text file (``.csv``, ``.tsv``) or a file of SPSS or Stata (``.sav``, ``.dta``) whose
        headers are the names of the framework's columns. A data set is pyarrow's. A Polars
        ``LazyFrame``, a DuckDB relation or a Spark ``DataFrame`` is counted by its engine,
        which returns only counts. All but a case set need ``framework``. The notes say how
        much is held in memory.
    by : {'unit'}, optional
        Count by unit; by default all units together.
    breakdowns : iterable of Breakdown or str, optional
        Instances, classes or names; by default the framework's standard ones.
    questions : iterable of str, optional
        Question ids; by default all questions that are not invented.
    framework : Framework, optional
        The framework to check the source against; a case set has its own.
    check_ids : bool
        Check that ``case_id`` is unique over all parts of the source. If False, ids are not
        checked, nor read where that saves work; synthetic cases are then recognised by
        metadata only.
    progress : callable, optional
        Called after every part with the rows done and the rows in all, None if unknown. An
        exception that it raises stops the count. Not called for a table of an engine.

    Returns
    -------
    Tally
        The counts ``k`` (sufficient) and ``n`` (applicable), shape (units, groups, questions).
        Null answers count in neither; a null characteristic puts a case in no group.

    Raises
    ------
    UsageError
        When ``by`` is neither None nor ``'unit'``, the framework is missing or differs from
        that of the cases, there are no breakdowns, or ``check_ids`` or ``progress`` has the
        wrong type.
    UnknownNameError
        When a question, a breakdown or its column is unknown.
    DataError
        When a breakdown is invalid or labels cases outside its groups, or the data cannot be
        read or break a rule; names the part of a source in parts. Part of the cases is never
        counted without the rest.

    Notes
    -----
    Files of more than 131,072 rows, folders, readers and data sets are counted in parts of at
    most that many rows. Only the needed columns of a file are read: the unit, required strata,
    columns of the breakdowns, the questions, and ids. (If a breakdown overrides `classify` or
    `expression`, all columns are read.)

    Memory holds one part, the data that the file's format decodes together (a page of each
    column for Parquet, a record batch for IPC), and the tally. Checking ids needs no memory
    while the ids of each part lie above all earlier ones; otherwise 8 bytes per case, and
    twice that at the end. For a reader, which cannot be read again, it is always 8 bytes per
    case.

    A reader can be read only once. A reader that was passed to omistats before raises an error,
    even if that count was stopped. If other code has read from it, only the remaining cases are
    counted, which cannot be detected. Files that change while they are read raise an error.

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
    return _tally(source, by, breakdowns, questions, framework, check_ids, progress, levels=False)


def tally_levels(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[BreakdownLike] | None = None,
    questions: Iterable[str] | None = None,
    framework: Framework | None = None,
    check_ids: bool = True,
    progress: Progress | None = None,
) -> Tally:
    """Count how often each level was given in every group.

    Parameters and errors are those of `tally`.

    Returns
    -------
    Tally
        Its framework has one question for each level of each question; ``n`` are the answers to
        the question.
    """
    return _tally(source, by, breakdowns, questions, framework, check_ids, progress, levels=True)


def _tally(
    source: Any,
    by: By | None,
    breakdowns: Iterable[BreakdownLike] | None,
    questions: Iterable[str] | None,
    framework: Framework | None,
    check_ids: bool,
    progress: Progress | None,
    *,
    levels: bool,
) -> Tally:
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
        return count_engine(source, framework, by, splits, ids, check_ids=check_ids, levels=levels)
    in_parts = is_stream(source) and not fits_at_once(source)
    cases = None if in_parts else read_cases(source, framework, check_ids=check_ids)
    ids = framework.known_ids if questions is None else framework.select(questions)
    splits = resolve_breakdowns(breakdowns, framework)
    if cases is None:
        return count_stream(
            source,
            framework,
            by,
            splits,
            ids,
            check_ids=check_ids,
            progress=progress,
            levels=levels,
        )
    counts = (count_levels if levels else count_cases)(cases, by, splits, ids)
    if progress is not None:
        progress(len(cases), len(cases))
    return counts


def count_cases(
    cases: CaseSet, by: By | None, splits: tuple[Breakdown, ...], ids: tuple[str, ...]
) -> Tally:
    """Count answers in every group of every unit, or of all units together.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    by : {'unit', None}
        Whether to count by unit.
    splits : tuple of Breakdown
        The breakdowns.
    ids : tuple of str
        Question ids, in the order of the framework.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    framework = cases.framework
    packed, columns = cases.packed, None
    # Sufficient, then applicable, then not answered if cases can say so.
    kinds = 2 if framework.not_answered is None else 3
    if ids != framework.question_ids:
        wanted = set(ids)
        columns = np.flatnonzero([id in wanted for id in framework.question_ids * kinds])
    found = _count_columns(cases, by, splits, packed, columns)
    width = len(ids)
    parts = [
        tuple(x[..., i * width : (i + 1) * width] for i in range(kinds))
        for x in (found.groups, found.unknown)
    ]
    return _assemble(cases, framework, by, splits, ids, found, *parts)


def count_levels(
    cases: CaseSet, by: By | None, splits: tuple[Breakdown, ...], ids: tuple[str, ...]
) -> Tally:
    """Count how often each level was given, in every group of every unit or of all together.

    Parameters and errors are those of `count_cases`; the tally is as of `tally_levels`.
    """
    asked = [cases.framework.question(id) for id in ids]
    framework = level_framework(cases.framework, ids)
    reported = [levels_of(q, cases.framework) for q in asked]
    kinds = 2 if cases.framework.not_answered is None else 3
    # Of each question its levels, then its answers, then what was not answered.
    flags = [
        level_arrays(cases[q.id], [*((level,) for level in levels), levels, (NOT_ANSWERED,)])
        for q, levels in zip(asked, reported, strict=True)
    ]
    answers = [array for own in flags for array in own[:-2]]
    answers += [own[i] for i in (-2, -1)[: kinds - 1] for own in flags]
    packed = pack_answers((), cases.unit_codes, len(cases.units), answers)
    found = _count_columns(cases, by, splits, packed, None)
    width = len(framework.questions)
    # Of each level, the answers to its question, then those that are missing.
    question = np.repeat(np.arange(len(asked)), [len(levels) for levels in reported])
    parts = [
        (
            x[..., :width],
            *(x[..., width + i * len(asked) + question] for i in range(kinds - 1)),
        )
        for x in (found.groups, found.unknown)
    ]
    return _assemble(cases, framework, by, splits, framework.question_ids, found, *parts)


def levels_of(question: Question, framework: Framework) -> tuple[str, ...]:
    """List the levels that are reported: those of the question, and any that counts as one."""
    return (*question.answers, *((NOT_ANSWERED,) * framework.counts_not_answered))


def level_framework(framework: Framework, ids: tuple[str, ...]) -> Framework:
    """Make a framework with a question for each level of some questions."""
    questions = [
        Question(f"{id}{_LEVEL_MARK}{level}", level)
        for id in ids
        for level in levels_of(framework.question(id), framework)
    ]
    return Framework(framework.name, questions)


# Between a question and its level; no name of a column has it.
_LEVEL_MARK = "\x1f"


@attrs.frozen(eq=False)
class _GroupCounts:
    """Counts of every column in groups, and numbers of cases.

    Attributes
    ----------
    groups : ndarray of int64, shape (units, groups, columns)
    unknown : ndarray of int64, shape (units, splits, columns)
        Of unclassified cases of complements; 0 elsewhere.
    cases, unclassified, excluded : ndarray of int64
        As in `Tally`.
    """

    groups: Counts
    unknown: Counts
    cases: Counts
    unclassified: Counts
    excluded: Counts


def _count_columns(
    cases: CaseSet,
    by: By | None,
    splits: tuple[Breakdown, ...],
    packed: AnswerBits,
    columns: npt.NDArray[np.intp] | None,
) -> _GroupCounts:
    """Count bits in every group of every unit, or of all units together."""
    masks = group_masks(cases, splits)
    counted = len(masks.groups)
    bits = np.concatenate([masks.groups, masks.unclassified])
    sizes = np.bitwise_count(bits).sum(axis=1, dtype=np.int64)
    plan = _plan_masks(splits, sizes[:counted].tolist(), sizes[counted:].tolist(), len(cases))
    sums = _count_masks(packed, bits, plan.rows, by == "unit", columns)
    unit_sizes = np.diff(packed.starts) if by == "unit" else packed.starts[-1:]
    return _derive_groups(splits, plan, sums, unit_sizes)


@attrs.frozen
class _MaskPlan:
    """Which masks to count answers in, and how to derive the other groups.

    Empty groups need no counting. If every case is in a group of a breakdown, its last group is
    the remainder of the others. The group ``all`` of a complement holds every case.

    Attributes
    ----------
    rows : list of int
        The masks to count: of groups, then of unclassified cases.
    groups : list of int
        The group of each of the first masks.
    all_groups : list of int
        The groups that hold every case.
    last_groups : list of (int, int)
        The first group of a breakdown, and its last, which is the remainder.
    unknown : list of int
        The breakdown of each of the other masks.
    masked_groups : list of int
        The groups that have a mask.
    """

    rows: list[int]
    groups: list[int]
    all_groups: list[int]
    last_groups: list[tuple[int, int]]
    unknown: list[int]
    masked_groups: list[int]


def _plan_masks(
    splits: tuple[Breakdown, ...], sizes: list[int], unclassified: list[int], cases: int
) -> _MaskPlan:
    """Plan which masks to count."""
    plan = _MaskPlan([], [], [], [], [], [])
    row = group = 0
    for split in splits:
        width = len(split.groups)
        complement = split.contrast == "complement"
        masks = width - complement
        if complement:
            plan.all_groups.append(group + 1)
        is_partition = masks > 0 and not complement and sum(sizes[row : row + masks]) == cases
        for j in range(masks):
            if is_partition and j == masks - 1:
                plan.last_groups.append((group, group + j))
            elif sizes[row + j]:
                plan.rows.append(row + j)
                plan.groups.append(group + j)
        plan.masked_groups.extend(range(group, group + masks))
        row, group = row + masks, group + width
    for i, split in enumerate(splits):
        if split.contrast == "complement" and unclassified[i]:
            plan.rows.append(row + i)
            plan.unknown.append(i)
    return plan


@attrs.frozen(eq=False)
class _MaskCounts:
    """Answers of all cases and within the planned masks, and cases in every mask, by unit.

    The shapes are (1, units, columns), (planned, units, columns) and (1, units, masks).
    """

    whole: Counts
    within: Counts
    case_counts: Counts

    def add(self, other: _MaskCounts, units: slice | npt.NDArray[np.int64]) -> None:
        """Add the counts of some of the units."""
        self.whole[:, units] += other.whole
        self.within[:, units] += other.within
        self.case_counts[:, units] += other.case_counts


def _count_masks(
    packed: AnswerBits,
    masks: npt.NDArray[np.uint64],
    rows: list[int],
    by_unit: bool,
    columns: npt.NDArray[np.intp] | None,
) -> _MaskCounts:
    def count_block(block: Block) -> _MaskCounts:
        words = block.words if columns is None else block.words[:, columns]
        return _MaskCounts(
            count_words(words, None, block.pieces),
            count_words(words, block.masks[rows], block.pieces),
            count_words(np.ascontiguousarray(block.masks.T), None, block.pieces),
        )

    starts = packed.block_starts()
    if packed.is_small:
        return count_block(packed.block(starts[0], masks, by_unit))
    units = len(packed.starts) - 1 if by_unit else 1

    def count_blocks(block_starts: range) -> _MaskCounts:
        width = packed.columns if columns is None else len(columns)
        shapes = (1, units, width), (len(rows), units, width), (1, units, len(masks))
        sums = _MaskCounts(*(np.zeros(shape, np.int64) for shape in shapes))
        for start in block_starts:
            block = packed.block(start, masks, by_unit)
            sums.add(count_block(block), block.units)
        return sums

    workers = min(_processors(), len(starts) // _BLOCKS_PER_WORKER)
    if workers < 2:
        return count_blocks(starts)
    # NumPy releases the interpreter lock while it counts.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers) as pool:
        first, *others = pool.map(count_blocks, [starts[i::workers] for i in range(workers)])
    for other in others:
        first.add(other, slice(None))
    return first


def _processors() -> int:
    """Return the number of usable processors, at most _MAX_WORKERS."""
    import os

    usable = getattr(os, "sched_getaffinity", None)
    found = len(usable(0)) if usable else os.cpu_count() or 1
    return min(found, _MAX_WORKERS)


def _derive_groups(
    splits: tuple[Breakdown, ...], plan: _MaskPlan, sums: _MaskCounts, unit_sizes: Counts
) -> _GroupCounts:
    """Derive the counts of all groups from those of the planned masks."""
    counted, units, width = len(plan.masked_groups), len(unit_sizes), sums.whole.shape[-1]
    groups = sum(len(s.groups) for s in splits)
    counts = np.zeros((units, groups, width), np.int64)
    unknown = np.zeros((units, len(splits), width), np.int64)
    whole, within = sums.whole[0], sums.within.swapaxes(0, 1)
    counts[:, plan.groups] = within[:, : len(plan.groups)]
    unknown[:, plan.unknown] = within[:, len(plan.groups) :]
    for place in plan.all_groups:
        counts[:, place] = whole
    for first, place in plan.last_groups:
        counts[:, place] = whole - counts[:, first:place].sum(axis=1)
    sizes = np.empty((units, groups), np.int64)
    sizes[:, plan.masked_groups] = sums.case_counts[0, :, :counted]
    sizes[:, plan.all_groups] = unit_sizes[:, np.newaxis]
    unclassified = sums.case_counts[0, :, counted:]
    excluded = np.zeros((units, len(splits)), np.int64)
    first = 0
    for i, split in enumerate(splits):
        last = first + len(split.groups)
        # Cases outside the subset of a complement are part of `all`, so none is excluded.
        if split.contrast == "groups":
            excluded[:, i] = unit_sizes - unclassified[:, i] - sizes[:, first:last].sum(axis=1)
        first = last
    return _GroupCounts(counts, unknown, sizes, unclassified, excluded)


def _assemble(
    cases: CaseSet,
    framework: Framework,
    by: By | None,
    splits: tuple[Breakdown, ...],
    ids: tuple[str, ...],
    found: _GroupCounts,
    counts: tuple[Counts, ...],
    unknown: tuple[Counts, ...],
) -> Tally:
    """Assemble a tally of sufficient, applicable and, where there are any, missing answers."""
    k, n, *not_answered = map(np.ascontiguousarray, counts)
    return Tally(
        framework=framework,
        units=cases.units if by == "unit" else (ALL,),
        splits=tuple(GroupSpec(b.key, tuple(b.groups), b.contrast) for b in splits),
        questions=ids,
        k=k,
        n=n,
        unknown_k=np.ascontiguousarray(unknown[0]),
        unknown_n=np.ascontiguousarray(unknown[1]),
        cases=found.cases,
        unclassified=found.unclassified,
        excluded=found.excluded,
        metadata=cases.metadata,
        not_answered=not_answered[0] if not_answered else None,
    )


def count_stream(
    source: Any,
    framework: Framework,
    by: By | None,
    splits: tuple[Breakdown, ...],
    ids: tuple[str, ...],
    *,
    check_ids: bool,
    progress: Progress | None,
    levels: bool = False,
) -> Tally:
    """Count answers part by part; the result equals counting all at once.

    Parameters
    ----------
    source : path, data set, or reader
        A source for which `omistats.model.batches.is_stream` is true.
    framework : Framework
        The framework to check the cases against.
    by : {'unit', None}
        Whether to count by unit.
    splits : tuple of Breakdown
        The breakdowns.
    ids : tuple of str
        Question ids, in the order of the framework.
    check_ids : bool
        Whether to check that ids are unique over all parts.
    progress : callable or None
        Called after every part with the rows done and the rows in all, None if unknown.
    levels : bool
        Whether to count levels, as in `count_levels`.

    Raises
    ------
    DataError
        When any part cannot be read or breaks a rule.
    """
    whole = level_framework(framework, ids) if levels else framework
    count_part = count_levels if levels else count_cases

    def count(cases: CaseSet) -> Tally:
        # The part has a framework restricted to the needed questions.
        return attrs.evolve(count_part(cases, by, splits, ids), framework=whole)

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
    total = RunningSum(next(parts))
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
    """Count each part separately; errors name the part.

    Parameters
    ----------
    source, framework, check_ids, progress
        As for `count_stream`.
    count : callable
        Counts the cases of a part.
    columns : collection of str or None
        The columns to read; None for all.
    order : UnitOrder
        Collects the units; their order is complete after the last part.

    Yields
    ------
    object
        The result of ``count`` for each part, of which there is at least one.

    Raises
    ------
    DataError
        As for `count_stream`.
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
    """List the columns to read; None for all, if a breakdown makes its own labels."""
    parts = [
        part
        for split in splits
        for part in (split.parts if isinstance(split, CrossedBreakdown) else (split,))
        if not isinstance(part, AllCases)
    ]
    if any(part.overrides() for part in parts):
        return None
    return {*ids, *(part.column or part.key for part in parts)}


def count_engine(
    source: Any,
    framework: Framework | None,
    by: By | None,
    splits: tuple[Breakdown, ...],
    ids: tuple[str, ...],
    *,
    check_ids: bool = True,
    levels: bool = False,
) -> Tally:
    """Count answers in every group of every unit in an engine.

    The engine runs one query that checks the cases and one or a few that count them. A counting
    query returns at most 4,096 rows; or, if that is more, the units times the groups of one
    breakdown with its unclassified and excluded. Each row has two numbers per question.

    Parameters
    ----------
    source : polars.LazyFrame, duckdb.DuckDBPyRelation or pyspark.sql.DataFrame
        A table with one row per case and the columns that `CaseSet.from_data` needs. NaN is null.
    framework : Framework or None
        The framework to check the table against.
    by : {'unit', None}
        Whether to count by unit.
    splits : tuple of Breakdown
        Breakdowns that read a column or have an `expression`.
    ids : tuple of str
        Question ids, in the order of the framework. Other questions' values are not checked.
    check_ids : bool
        Whether to check ids; if not, the table needs none.
    levels : bool
        Whether to count levels, as in `count_levels`.

    Returns
    -------
    Tally
        The same counts as of these cases in memory. Units are in the order of the column's
        enumeration, if it has one, else sorted.

    Raises
    ------
    UsageError
        When the framework is missing.
    DataError
        When the table breaks rules, which are all listed, or the engine fails.
    """
    # Imported late: cases in memory do without.
    from omistats.engines.checks import check_table
    from omistats.engines.sums import (
        answer_flags,
        level_flags,
        query_batches,
        run_sums,
        unit_order,
    )

    table = open_source(source, framework)
    assert framework is not None  # noqa: S101  # `open_source` refuses None
    checked = check_table(table, framework, splits, ids, check_ids)
    kinds = "kn" if framework.not_answered is None else "knm"
    if levels:
        named = {id: levels_of(framework.question(id), framework) for id in ids}
        flags = level_flags(table, framework, named)
        framework = level_framework(framework, ids)
        ids = framework.question_ids
    else:
        flags = answer_flags(table, framework, ids)
    values = [f"{word}{i}" for word in kinds for i in range(len(ids))]
    by_unit = by == "unit"
    parts = [
        run_sums(table, checked, batch, flags, values, by_unit=by_unit)
        for batch in query_batches(checked.labels, checked.units if by_unit else 1)
    ]
    check_same_totals(table, [part.totals() for part in parts])
    units = unit_order(table, parts[0].units.tolist()) if by_unit else (ALL,)
    return Tally(
        framework=framework,
        units=units,
        splits=tuple(GroupSpec(b.key, tuple(b.groups), b.contrast) for b in splits),
        questions=ids,
        metadata=checked.metadata,
        **_sum_parts(parts, units, splits, len(ids), len(kinds)),
    )


def _sum_parts(
    parts: list[Sums],
    units: tuple[str, ...],
    splits: tuple[Breakdown, ...],
    width: int,
    kinds: int,
) -> dict[str, Any]:
    """Add the rows of all queries to the arrays of a tally."""
    from omistats.engines.sums import add_at

    groups = sum(len(b.groups) for b in splits)
    shape = (len(units), groups, kinds * width)
    counts, cases = np.zeros(shape, np.int64), np.zeros(shape[:2], np.int64)
    unknown = np.zeros((len(units), len(splits), kinds * width), np.int64)
    no_group = np.zeros((2, len(units), len(splits)), np.int64)
    place = {unit: i for i, unit in enumerate(units)}
    first = number = 0
    for part in parts:
        # If units were counted together, all rows belong to the one unit.
        unit = np.array([place[u] for u in part.units], np.intp)
        unit = unit if len(part.units) else np.zeros(len(part.rows), np.intp)
        for one, codes in zip(part.labels, part.codes, strict=True):
            complement = one.split.contrast == "complement"
            in_group = codes >= 0
            where = unit[in_group], first + codes[in_group]
            add_at(counts, where, part.values[in_group])
            add_at(cases, where, part.rows[in_group])
            if complement:  # its group `all` holds every case
                add_at(counts, (unit, first + 1), part.values)
                add_at(cases, (unit, first + 1), part.rows)
            is_unknown = codes == UNCLASSIFIED
            add_at(no_group[0], (unit[is_unknown], number), part.rows[is_unknown])
            if complement:
                add_at(unknown, (unit[is_unknown], number), part.values[is_unknown])
            else:
                is_excluded = codes == EXCLUDED
                add_at(no_group[1], (unit[is_excluded], number), part.rows[is_excluded])
            first += len(one.split.groups)
            number += 1
    return {
        "k": counts[:, :, :width],
        "n": counts[:, :, width : 2 * width],
        "unknown_k": unknown[:, :, :width],
        "unknown_n": unknown[:, :, width : 2 * width],
        "not_answered": counts[:, :, 2 * width :] if kinds > 2 else None,
        "cases": cases,
        "unclassified": no_group[0],
        "excluded": no_group[1],
    }
