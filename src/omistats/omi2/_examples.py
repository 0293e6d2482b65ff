"""The search of the index of good practice: which examples, once each, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import attrs
import pyarrow as pa

__all__ = ["Target", "Wanted", "search"]

Score = Callable[[str, str], tuple[float | None, str | None]]
"""Gives the score of a unit on a criterion, or why there is none."""


@attrs.frozen
class Target:
    """A criterion that examples are looked for under.

    Attributes
    ----------
    criterion : str
    item : str or None
        What a unit is weak on that the criterion speaks to: itself, or its section or headline.
    difference : float or None
        Of the unit from the rest on that, in percentage points.
    """

    criterion: str
    item: str | None = None
    difference: float | None = None


@attrs.frozen
class Wanted:
    """What is looked for.

    Attributes
    ----------
    targets : sequence of Target or None
        In the order that their examples come in; None for any criterion.
    themes : collection of str
        At least one of them; empty for any.
    kind : str or None
    left_out : collection of str
        Units whose examples are not wanted.
    """

    targets: Sequence[Target] | None
    themes: Collection[str]
    kind: str | None
    left_out: Collection[str]


def search(index: pa.Table, wanted: Wanted, score: Score) -> list[dict[str, Any]]:
    """Find examples and rank them.

    An example that stands under several criteria is found once: under the first target among
    them, or where it stands first. Its themes are all that any of its entries has.

    Returns
    -------
    list of dict
        By place of the target, number of themes that match, score (unknown last), and order of
        publication.
    """
    found = []
    for entries in _examples(index.to_pylist()):
        if any(entry["unit"] in wanted.left_out for entry in entries):
            continue
        if wanted.kind is not None and all(entry["kind"] != wanted.kind for entry in entries):
            continue
        themes = sorted({theme for entry in entries for theme in entry["themes"]})
        matched = [theme for theme in themes if theme in wanted.themes]
        if wanted.themes and not matched:
            continue
        placed = _placed(entries, wanted.targets)
        if placed is None:
            continue
        place, target, entry = placed
        value, reason = score(entry["unit"], entry["criterion"])
        row = {
            "id": entry["id"],
            "criterion": entry["criterion"],
            "order": entry["order"],
            "ids": [e["id"] for e in entries],
            "criteria": [e["criterion"] for e in entries],
            "unit": entry["unit"],
            "kind": entry["kind"],
            "themes": themes,
            "matched": matched,
            "item": target.item,
            "difference": target.difference,
            "score": value,
            "score_reason": reason,
        }
        known = (1, 0.0) if value is None else (0, -value)
        found.append(((place, -len(matched), *known, entry["id"]), row))
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def _examples(rows: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Put the entries of one example together, the first of them first."""
    first = {row["id"]: row["same_as"] for row in rows}
    examples: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        own = row["id"]
        seen = {own}
        # An entry may repeat one that repeats another.
        while (before := first.get(own)) is not None and before not in seen:
            own = before
            seen.add(own)
        examples.setdefault(own, []).append(row)
    return list(examples.values())


def _placed(
    entries: Sequence[Mapping[str, Any]], targets: Sequence[Target] | None
) -> tuple[int, Target, Mapping[str, Any]] | None:
    """Find the first target that an example stands under, and the entry there."""
    if targets is None:
        return 0, Target(entries[0]["criterion"]), entries[0]
    for place, target in enumerate(targets):
        for entry in entries:
            if entry["criterion"] == target.criterion:
                return place, target, entry
    return None
