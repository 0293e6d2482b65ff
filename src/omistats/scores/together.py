"""Sums over cases that were made apart, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError, shown
from omistats.model.marks import SYNTHETIC, is_synthetic

if TYPE_CHECKING:
    from omistats.scores.tally import ScoreTally

__all__ = ["check_alike", "together"]

Counts = npt.NDArray[np.int64]


def check_alike(first: ScoreTally, others: Sequence[Any], what: str) -> None:
    """Refuse sums that do not add up to anything; name every difference.

    Raises
    ------
    UsageError
        When one is no sums over cases, or they are not of the same things.
    """
    for other in others:
        if not isinstance(other, type(first)):
            raise UsageError(
                f"{what} takes a ScoreTally, found {type(other).__name__}; make one with "
                "score_tally"
            )
    wrong = [
        f"{'the other' if len(others) == 1 else f'other {i}'} has {difference}"
        for i, other in enumerate(others, 1)
        for difference in _differences(first, other)
    ]
    if wrong:
        lines = "".join(f"\n  - {text}" for text in wrong)
        raise UsageError(
            f"{what} takes sums of the same framework, items, breakdowns and complement:{lines}"
        )


def together(
    parts: Sequence[ScoreTally],
) -> tuple[tuple[str, ...], Counts, Counts, dict[bytes, bytes]]:
    """Add sums that are alike; give units, cases, moments and metadata."""
    units = tuple(dict.fromkeys(unit for part in parts for unit in part.units))
    place = {unit: i for i, unit in enumerate(units)}
    cases = np.zeros(len(units), np.int64)
    moments = np.zeros((len(units), *parts[0].moments.shape[1:]), np.int64)
    for part in parts:
        at = [place[unit] for unit in part.units]
        # Within a part a unit stands once.
        cases[at] += part.cases
        moments[at] += part.moments
    return units, cases, moments, _metadata([part.metadata for part in parts])


def _metadata(said: Sequence[Mapping[bytes, bytes]]) -> dict[bytes, bytes]:
    first, *rest = said
    kept = {k: v for k, v in first.items() if all(other.get(k) == v for other in rest)}
    for one in said:
        if is_synthetic(one):
            # What is made up in part is made up.
            kept.setdefault(SYNTHETIC, one[SYNTHETIC])
    return kept


def _differences(a: ScoreTally, b: ScoreTally) -> list[str]:
    found = []
    if a.framework.name != b.framework.name:
        found.append(f"the framework {b.framework.name!r}, not {a.framework.name!r}")
    elif a.framework != b.framework:
        found.append(f"another framework of the name {a.framework.name!r}")
    ours = {s.item.id: s.questions for s in a.items}
    theirs = {s.item.id: s.questions for s in b.items}
    if missing := [id for id in ours if id not in theirs]:
        found.append(f"no items {shown(missing)}")
    if more := [id for id in theirs if id not in ours]:
        found.append(f"more items, {shown(more)}")
    if apart := [id for id in ours if id in theirs and ours[id] != theirs[id]]:
        found.append(f"other questions behind {shown(apart)}")
    if not found and tuple(ours) != tuple(theirs):
        found.append("the same items in another order")
    if a.splits != b.splits:
        found.append(f"breakdowns {_named(b)}, not {_named(a)}")
    if a.complement != b.complement:
        found.append(f"the complement {b.complement!r}, not {a.complement!r}")
    return found


def _named(tally: ScoreTally) -> str:
    return ", ".join(f"{s.key!r} ({', '.join(s.groups)})" for s in tally.splits) or "none"
