"""Score_tally(): memory, batches, engines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.groups import GroupSpec
from omistats.counting.count import each_part, needed_columns
from omistats.engines.sums import sum_engine
from omistats.engines.tables import is_engine
from omistats.errors import UsageError, check_choice
from omistats.kernel.bit_counts import unpack
from omistats.model.batches import Progress, UnitOrder, fits_at_once, is_stream, read_cases
from omistats.model.case_set import CaseSet
from omistats.model.framework import Framework
from omistats.scoring.groups import Members, make_members, splits_of
from omistats.scoring.options import check_source, refuse, wanted_breakdowns, wanted_items
from omistats.scoring.score_tally import ScoreTally
from omistats.scoring.sums import WHOLE, ScoredItem, question_item_matrix

__all__ = ["from_sums", "is_elsewhere", "moments_of", "score_tally", "sum_cases", "sum_elsewhere"]


# Cases whose answers lie unpacked at a time, in whole words of bits: few that stay in the cache,
# or of very many cases more, for every product may wait for threads that a busy machine keeps back.
_BLOCK, _MANY = 1 << 11, 1 << 14
# When so few cases would be summed exactly in single precision that double is faster.
_LEAST = 1 << 10


def sum_cases(
    cases: CaseSet,
    items: Sequence[ScoredItem],
    breakdowns: Sequence[Breakdown],
    complement: Literal["all", "known"],
) -> ScoreTally:
    """Sum over checked cases; of parts of a stream, what this gives is merged.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    members = make_members(cases, breakdowns, complement == "known")
    return ScoreTally(
        cases.framework,
        cases.units,
        np.diff(cases.packed.starts),
        tuple(items),
        members.domains.splits,
        complement,
        moments_of(cases, items, members),
        cases.metadata,
    )


def from_sums(
    framework: Framework,
    units: Sequence[str],
    cases: npt.ArrayLike,
    moments: npt.ArrayLike,
    items: Sequence[ScoredItem],
    splits: Sequence[Breakdown | GroupSpec],
    complement: Literal["all", "known"],
    metadata: Mapping[bytes, bytes] | None = None,
) -> ScoreTally:
    """Take over sums that were made elsewhere, in an engine or over parts of a stream.

    Parameters
    ----------
    framework : Framework
        Where the items come from.
    units : sequence of str
        In the order of report.
    cases : array_like of int, shape (units,)
        How many cases each unit has, those without any answer included.
    moments : array_like of int, shape (units, domains, items, 5)
        Sums over cases of k, n, k k, k n and n n; domains as `omistats.scoring.groups` has them:
        everyone, the groups of each split, then for each complement in turn the cases that its
        subset is compared with.
    items : sequence of Scored
        As `omistats.scoring.sums.scored_items` gives them.
    splits : sequence of Breakdown or Split
        Breakdowns, in the order of the domains.
    complement : {'all', 'known'}
        Which cases those are.
    metadata : mapping of bytes to bytes, optional
        What the cases say of themselves.

    Returns
    -------
    ScoreTally

    Raises
    ------
    UsageError
        When numbers are not whole, or no cases have such sums.
    """
    described = [s if isinstance(s, GroupSpec) else splits_of([s])[0] for s in splits]
    return ScoreTally(
        framework,
        tuple(units),
        _whole(cases, "cases"),
        tuple(items),
        tuple(described),
        complement,
        _whole(moments, "moments"),
        dict(metadata or {}),
    )


def _whole(values: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
    given = np.asarray(values)
    # Engines may sum in floating point; beyond its whole numbers nobody knows what they lost.
    if given.dtype.kind not in "iuf" or (
        given.dtype.kind == "f" and not ((np.abs(given) <= 2.0**53) & (given % 1 == 0)).all()
    ):
        raise UsageError(
            f"{name} are whole numbers; found {given.dtype}"
            + " with fractions, or too large to be exact" * (given.dtype.kind == "f")
        )
    return given.astype(np.int64, copy=False)


def moments_of(
    cases: CaseSet, items: Sequence[ScoredItem], members: Members
) -> npt.NDArray[np.int64]:
    """Give sums over cases, shape (units, domains, items, 5).

    Notes
    -----
    Answers are unpacked and added up by item for a block of cases at a time, and each unit's
    piece of it is summed over domains by one matrix product: memory does not grow with cases,
    but for two bytes a case and breakdown.
    """
    rows, feeds = question_item_matrix(cases.framework, items)
    packed = cases.packed
    starts = packed.starts
    # No case adds more to a sum than this; whole numbers below `WHOLE` are exact in float32.
    most = float(feeds.sum(axis=0).max()) ** 2
    exact = int((WHOLE - 1) / most)
    if exact < _LEAST:
        exact, feeds = len(cases), feeds.astype(np.float64)
    block = min(_BLOCK if len(cases) < 8 * _MANY else _MANY, len(cases) + -len(cases) % 64)
    width, domains = len(items), len(members.domains)
    out = np.zeros((len(starts) - 1, 5 * width, domains), np.int64)
    # Taken once: memory that is given back after every block is fetched again page by page.
    given = np.zeros((2, len(feeds), block), feeds.dtype)
    sums = np.empty((5, width, block), feeds.dtype)
    every = len(rows) == packed.columns
    for a, b, words in packed.iter_slices(max(64, block)):
        bits = unpack(np.ascontiguousarray(words if every else words[rows]), b - a)
        given.reshape(len(rows), block)[:, : b - a] = bits
        # Those past the last case are left from before, and in no unit's piece.
        np.matmul(feeds.T, given, out=sums[:2])
        k, n = sums[:2]
        np.multiply(k, k, out=sums[2])
        np.multiply(k, n, out=sums[3])
        np.multiply(n, n, out=sums[4])
        flat = sums.reshape(5 * width, block)
        inside = np.ascontiguousarray(members.within(a, b).T, feeds.dtype)
        first, last = np.searchsorted(starts, [a, b], side="right")
        edges = np.clip(starts[first - 1 : last + 1], a, b) - a
        for unit in range(len(edges) - 1):
            for at in range(int(edges[unit]), int(edges[unit + 1]), exact):
                some = slice(at, min(at + exact, int(edges[unit + 1])))
                out[first - 1 + unit] += (flat[:, some] @ inside[some]).astype(np.int64)
    shaped = out.reshape(len(out), 5, width, domains)
    return shaped.transpose(0, 3, 2, 1)


def is_elsewhere(source: Any) -> bool:
    """Tell whether cases need not come into memory together to be summed over."""
    return is_engine(source) or (is_stream(source) and not fits_at_once(source))


def sum_elsewhere(
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


def score_tally(
    source: Any,
    *,
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] | None = (),
    items: Iterable[str] | None = None,
    complement: Literal["all", "known"] = "all",
    framework: Framework | None = None,
    check_ids: bool = True,
    progress: Progress | None = None,
) -> ScoreTally:
    """Sum over the cases of every unit what pooled scores are made of.

    Parameters
    ----------
    source : CaseSet, data frame, lazy frame of an engine, record batch reader, data set, or path
        The cases, as for `omistats.tally`: large files and readers go by in parts, engines sum
        where the cases are. All but a case set need ``framework``.
    breakdowns : iterable of Breakdown or str, optional
        Sum over the groups of these too; none by default.
    items : iterable of str, optional
        Ids of criteria, sections or headline elements; by default all that questions feed.
    complement : {'all', 'known'}
        What the subset of a complement is compared with: all other cases, or those whose
        characteristic is known.
    framework : Framework, optional
        What to check the source against; a case set carries its own.
    check_ids : bool
        Whether to refuse ids that stand twice; of a case set they were looked at already.
    progress : callable, optional
        Told the rows done, and the rows in all or None, after every part.

    Returns
    -------
    ScoreTally
        Always unit by unit: standard errors are made of what cases differ by within units.

    Raises
    ------
    UsageError
        When options do not fit, or no question feeds any item. Of several bad options all
        are listed.
    UnknownNameError
        When an item, a breakdown or the complement is unknown, and nothing else is wrong.
    DataError
        When the data break the rules, or a breakdown labels cases outside its groups.

    Notes
    -----
    With p = sum k / sum n over the cases of a group, ``sum (k - p n)² = sum k² - 2 p sum k n +
    p² sum n²``: five sums of whole numbers give score and standard error, exactly as the cases
    do.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.score_tally(oms.omi2.load_synthetic(), breakdowns=["gender"], items=["3"])
    ScoreTally: SYNTHETIC 15 units x 1 breakdown x 1 item, 2,213 cases
    """
    carried = source.framework if isinstance(source, CaseSet) else framework
    known = carried if isinstance(carried, Framework) else None
    splits: list[Breakdown] = []
    scored: list[ScoredItem] = []
    refuse(
        lambda: check_source(source, framework),
        lambda: splits.extend(wanted_breakdowns(breakdowns, known)),
        lambda: scored.extend(wanted_items(items, known)),
        lambda: check_choice("complement", complement, ("all", "known")),
    )
    if known is not None and is_elsewhere(source):
        return sum_elsewhere(
            source, known, scored, splits, complement, check_ids=check_ids, progress=progress
        )
    cases = read_cases(source, framework, check_ids=check_ids)
    found = sum_cases(cases, scored, splits, complement)
    if progress is not None:
        progress(len(cases), len(cases))
    return found
