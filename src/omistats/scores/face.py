"""Sums over cases from any source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from omistats.breakdowns.base import Breakdown
from omistats.errors import check_word
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework
from omistats.model.sources import read_cases
from omistats.model.streams import Progress
from omistats.scores.options import check_source, refuse, wanted_breakdowns, wanted_items
from omistats.scores.sources import is_elsewhere, sum_elsewhere
from omistats.scores.summing import sum_cases
from omistats.scores.sums import Scored
from omistats.scores.tally import ScoreTally

__all__ = ["score_tally"]


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
    scored: list[Scored] = []
    refuse(
        lambda: check_source(source, framework),
        lambda: splits.extend(wanted_breakdowns(breakdowns, known)),
        lambda: scored.extend(wanted_items(items, known)),
        lambda: check_word("complement", complement, ("all", "known")),
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
