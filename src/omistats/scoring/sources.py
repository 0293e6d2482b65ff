"""Sum over the cases of every unit: in memory, part by part, or in an engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown, BreakdownLike
from omistats.breakdowns.groups import GroupSpec
from omistats.counting.count import each_part, needed_columns
from omistats.engines.sums import sum_engine
from omistats.engines.tables import is_engine
from omistats.errors import UsageError
from omistats.model.batches import Progress, UnitOrder, fits_at_once, is_stream, read_cases
from omistats.model.case_set import CaseSet
from omistats.model.framework import Framework
from omistats.scoring.effective import moments_of_sizes, sum_sizes
from omistats.scoring.groups import assign_domains, group_specs
from omistats.scoring.options import check_complement, check_source, resolve_breakdowns
from omistats.scoring.score_tally import ScoreTally
from omistats.scoring.sums import ScoredItem, count_not_answered, scored_items

__all__ = ["can_sum_in_parts", "from_sums", "score_tally", "sum_in_parts"]


def score_tally(
    source: Any,
    *,
    breakdowns: Iterable[BreakdownLike] | None = (),
    items: Iterable[str] | None = None,
    complement: Literal["all", "known"] = "all",
    framework: Framework | None = None,
    check_ids: bool = True,
    progress: Progress | None = None,
) -> ScoreTally:
    """Sum the answers behind pooled scores over the cases of every unit.

    Parameters
    ----------
    source : CaseSet, data frame, lazy frame of an engine, record batch reader, data set, or path
        The cases, as for `omistats.tally`: large files of Parquet and Arrow and readers are
        read in parts, and engines sum where the cases are. All but a case set need ``framework``.
    breakdowns : iterable of Breakdown or str, optional
        Sum over the groups of these too; none by default.
    items : iterable of str, optional
        Ids of criteria, sections or headline elements; by default all that questions feed.
    complement : {'all', 'known'}
        Cases that the subset of a complement is compared with: all others, or those whose
        characteristic is known.
    framework : Framework, optional
        Framework to check the source against; a case set has its own.
    check_ids : bool
        Whether to check that no id is there twice; the ids of a case set were checked already.
    progress : callable, optional
        Function called after every part with the rows done and all rows, or None.

    Returns
    -------
    ScoreTally
        Sums of each unit: standard errors are computed from differences of cases within units.

    Raises
    ------
    UsageError
        When an option is of the wrong kind, or no question feeds any item. The first problem is
        raised.
    UnknownNameError
        When an item, a breakdown or the complement is unknown.
    DataError
        When the data break the rules, or a breakdown labels cases outside its groups.

    Notes
    -----
    With p = sum k / sum n over the cases of a group, ``sum (k - p n)² = sum k² - 2 p sum k n +
    p² sum n²``: score and standard error follow from five sums of whole numbers, and equal those
    computed from the cases.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.score_tally(oms.omi2.load_synthetic(), breakdowns=["gender"], items=["3"])
    ScoreTally: SYNTHETIC 15 units x 1 breakdown x 1 item, 2,213 cases
    """
    framework = check_source(source, framework)
    wanted = resolve_breakdowns(breakdowns, framework)
    scored = scored_items(framework, items)
    check_complement(complement)
    if can_sum_in_parts(source):
        return sum_in_parts(
            source, framework, scored, wanted, complement, check_ids=check_ids, progress=progress
        )
    cases = read_cases(source, framework, check_ids=check_ids)
    found = _sum_cases(cases, scored, wanted, complement)
    if progress is not None:
        progress(len(cases), len(cases))
    return found


def _sum_cases(
    cases: CaseSet,
    items: Sequence[ScoredItem],
    breakdowns: Sequence[Breakdown],
    complement: Literal["all", "known"],
) -> ScoreTally:
    """Sum over the cases of a case set, which may be part of a stream.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    members = assign_domains(cases, breakdowns, complement == "known")
    sizes = sum_sizes(cases, items, members)
    return ScoreTally(
        cases.framework,
        cases.units,
        np.diff(cases.packed.starts),
        tuple(items),
        members.domains.splits,
        complement,
        moments_of_sizes(sizes, items),
        cases.metadata,
        sizes,
        None if cases.framework.not_answered is None else count_not_answered(cases, items, members),
    )


def from_sums(
    framework: Framework,
    units: Sequence[str],
    cases: npt.ArrayLike,
    sizes: npt.ArrayLike,
    items: Sequence[ScoredItem],
    splits: Sequence[Breakdown | GroupSpec],
    complement: Literal["all", "known"],
    metadata: Mapping[bytes, bytes] | None = None,
    not_answered: npt.ArrayLike | None = None,
) -> ScoreTally:
    """Make a ScoreTally from sums that an engine computed.

    Parameters
    ----------
    framework : Framework
        The framework of the items.
    units : sequence of str
        In the order of report.
    cases : array_like of int, shape (units,)
        The number of cases of each unit, those without any answer included.
    sizes : array_like of int, shape (units, domains, columns)
        Numbers by size as in `omistats.scoring.effective.size_columns`, domains in the order of
        `omistats.scoring.groups.Domains`.
    items : sequence of ScoredItem
        As `omistats.scoring.sums.scored_items` returns them.
    splits : sequence of Breakdown or GroupSpec
        Breakdowns, in the order of the domains.
    complement : {'all', 'known'}
        Cases that the subset of a complement is compared with.
    metadata : mapping of bytes to bytes, optional
        Metadata of the cases.
    not_answered : array_like of int, shape (units, domains, items), optional
        Questions that were asked and not answered.

    Returns
    -------
    ScoreTally

    Raises
    ------
    UsageError
        When numbers are not whole, or no cases can have such sums.
    """
    by_size = _as_int64(sizes, "sizes")
    specs = [s if isinstance(s, GroupSpec) else group_specs([s])[0] for s in splits]
    return ScoreTally(
        framework,
        tuple(units),
        _as_int64(cases, "cases"),
        tuple(items),
        tuple(specs),
        complement,
        moments_of_sizes(by_size, items),
        dict(metadata or {}),
        by_size,
        None if not_answered is None else _as_int64(not_answered, "not_answered"),
    )


def _as_int64(values: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
    given = np.asarray(values)
    # Engines may sum in floating point, where whole numbers above 2**53 are not exact.
    if given.dtype.kind not in "iuf" or (
        given.dtype.kind == "f" and not ((np.abs(given) <= 2.0**53) & (given % 1 == 0)).all()
    ):
        raise UsageError(
            f"`{name}` must be whole numbers; found {given.dtype}"
            + " with fractions, or too large to be exact" * (given.dtype.kind == "f")
        )
    return given.astype(np.int64, copy=False)


def can_sum_in_parts(source: Any) -> bool:
    """Tell whether cases can be summed over without all of them in memory."""
    if isinstance(source, CaseSet):
        return False
    return is_engine(source) or (is_stream(source) and not fits_at_once(source))


def sum_in_parts(
    source: Any,
    framework: Framework,
    items: Sequence[ScoredItem],
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
        A source for which `can_sum_in_parts` is true.
    framework : Framework
        The framework to check against.
    items : sequence of ScoredItem
        The items to score.
    breakdowns : sequence of Breakdown
        Breakdowns.
    complement : {'all', 'known'}
        As for `omistats.score_tally`.
    check_ids : bool
        Whether to check that no id is there twice.
    progress : callable or None
        Function called after every part with the rows done and all rows, or None; not called
        for an engine.

    Raises
    ------
    DataError
        When anything cannot be read or breaks the rules, before there is any result.
    """
    questions = {q for item in items for q in item.questions}
    if is_engine(source):
        by_item = {item.item.id: item.questions for item in items}
        found = sum_engine(
            source,
            framework,
            tuple(breakdowns),
            by_item,
            complement=complement,
            check_ids=check_ids,
        )
        return from_sums(
            framework,
            found.units,
            found.cases,
            found.sizes,
            items,
            breakdowns,
            complement,
            found.metadata,
            found.not_answered,
        )

    def sum_part(cases: CaseSet) -> ScoreTally:
        # The framework of a part has only the questions that are scored.
        return attrs.evolve(_sum_cases(cases, items, breakdowns, complement), framework=framework)

    order = UnitOrder()
    parts = each_part(
        source,
        framework,
        sum_part,
        check_ids=check_ids,
        progress=progress,
        columns=needed_columns(breakdowns, tuple(questions)),
        order=order,
    )
    total = reduce(ScoreTally.merge, parts)
    units = order.order()
    place = [total.units.index(unit) for unit in units]
    sums = {name: values[place] for name, values in total.sums_by_unit().items()}
    return attrs.evolve(total, units=units, **sums)
