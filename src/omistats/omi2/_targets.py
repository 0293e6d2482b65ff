"""Where examples are looked for: which criteria speak to what a unit is weak on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from omistats.errors import UsageError
from omistats.model.framework import Framework
from omistats.omi2._examples import Target
from omistats.omi2.framework import FRAMEWORK
from omistats.scores import Weaknesses

__all__ = ["speaking", "targets_of"]


def targets_of(
    weak: Weaknesses | None, criteria: Sequence[str], notes: list[str]
) -> list[Target] | None:
    """Give the criteria to look under, weakest first; None for any.

    Raises
    ------
    UsageError
        When the weaknesses are of items of another programme.
    """
    if weak is None:
        return [Target(id) for id in dict.fromkeys(criteria)] if criteria else None
    rows = weak.table.to_pylist()
    if strange := [row["item"] for row in rows if row["item"] not in _SPEAKING]:
        raise UsageError(
            f"examples are of the criteria of {FRAMEWORK.name}, and these scores are of items that "
            f"it does not have: {', '.join(map(repr, strange[:5]))}"
        )
    notes += [
        f"{row['item']} could not be compared: {row['reason']}" for row in rows if row["reason"]
    ]
    if criteria:
        return _named(rows, criteria, notes)
    below = weak.credible().to_pylist()
    if not below:
        notes.append(f"credibly below the rest on no {rows[0]['level']}")
    # A criterion may speak to two weak items; it comes with the weakest.
    found: dict[str, Target] = {}
    for row in below:
        if row["level"] == "headline":
            notes.append(_standing(row["item"], found))
        for id in _SPEAKING[row["item"]]:
            found.setdefault(id, _target(id, row))
    return list(found.values())


def _named(rows: Sequence[Any], criteria: Sequence[str], notes: list[str]) -> list[Target]:
    targets = []
    for id in dict.fromkeys(criteria):
        row = _spoken_to(id, rows)
        targets.append(_target(id, row))
        if row is None or not row["credible"]:
            notes.append(f"not credibly below the rest on {id}, which was named")
    known = [t for t in targets if t.difference is not None]
    return [
        *sorted(known, key=lambda t: t.difference or 0.0),
        *(t for t in targets if t.difference is None),
    ]


def _spoken_to(criterion: str, rows: Sequence[Any]) -> Any:
    """Find the item that a criterion speaks to: the weakest, or that which it is closest to."""
    speaks = [row for row in rows if criterion in _SPEAKING[row["item"]]]
    if weak := [row for row in speaks if row["credible"]]:
        return min(weak, key=lambda row: row["difference"])
    return min(speaks, key=lambda row: _SPEAKING[row["item"]].index(criterion), default=None)


def _target(criterion: str, row: Any) -> Target:
    return Target(criterion) if row is None else Target(criterion, row["item"], row["difference"])


def _standing(headline: str, found: dict[str, Target]) -> str:
    """Say which criteria stand for a weak headline, and which of them came before."""
    ids, feeding = _SPEAKING[headline], _feeding(FRAMEWORK, headline)
    same = [id for id in ids if _ITEMS[id].purpose == _ITEMS[headline].purpose]
    others = [f"{id} ({feeding[id]})" for id in ids if id not in same]
    said = f"for {headline} stand {_series(same)}, which serve the same purpose"
    if others:
        said += f", and then {_series(others)}, with so many of the questions that feed it"
    if before := [f"{id} comes with {found[id].item}" for id in ids if id in found]:
        said += f"; {_series(before)} already"
    return said


def _series(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _feeding(framework: Framework, headline: str) -> Counter[str]:
    """Count the published questions under each criterion that are published to feed a headline."""
    return Counter(
        question.criterion.item
        for question in framework.questions
        if question.provenance == "published" and question.criterion is not None
        for link in question.headlines
        if link.item == headline and link.provenance == "published"
    )


def speaking(framework: Framework) -> dict[str, tuple[str, ...]]:
    """Give the criteria that speak to each item, the closest first.

    A criterion speaks to itself; to a section all of its own. To a headline element those of
    the same purpose, and after them the others under which questions that feed it stand, by
    the number of such questions. Counted are published questions whose link to the headline
    is published; the criterion that they stand under is mostly inferred.
    """
    criteria = [item for item in framework.items if item.level == "criterion"]
    found: dict[str, tuple[str, ...]] = {item.id: (item.id,) for item in criteria}
    for item in framework.items:
        if item.level == "section":
            found[item.id] = tuple(c.id for c in criteria if c.parent == item.id)
        elif item.level == "headline":
            feeding = _feeding(framework, item.id)
            same = [c.id for c in criteria if item.purpose and c.purpose == item.purpose]
            # As many questions: in the order of the criteria, which sorting keeps.
            others = [c.id for c in criteria if c.id not in same and feeding[c.id]]
            found[item.id] = (*same, *sorted(others, key=lambda id: -feeding[id]))
    return found


_ITEMS: Final = {item.id: item for item in FRAMEWORK.items}
_SPEAKING: Final = speaking(FRAMEWORK)
