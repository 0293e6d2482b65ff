"""A printed figure that every contradiction of a question has part in."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

from omistats.forensics import Figure, Whole, feasible_counts
from omistats.omi2._evidence import Row, cell_of
from omistats.omi2._nearest import replaced
from omistats.omi2._proofs import evidence, runs

__all__ = ["other_percents", "prove_shared", "shared_figures"]

Conflict = frozenset[Hashable]


def shared_figures(conflicts: Sequence[Conflict]) -> list[Hashable]:
    """List the figures that are in every one of several conflicts."""
    if len(conflicts) < 2:
        return []
    return sorted(frozenset.intersection(*conflicts), key=lambda name: cell_of(name)[:2])


def other_percents(whole: Whole, name: Hashable, figures: Collection[Hashable]) -> list[int]:
    """List the percentages that, printed in place of one, agree with other figures."""
    return [
        percent
        for percent in range(101)
        if feasible_counts(replaced(whole, name, percent), figures).any()
    ]


def prove_shared(
    rows: Sequence[Row], whole: Whole, name: Hashable, conflicts: Sequence[Conflict]
) -> str:
    """Say what a figure allows, what each conflict needs in its place, and what would do."""
    place = cell_of(name)
    if place.what == "stars":
        # A mark has three others; which of them would do depends on the test.
        sources = "; ".join(_sources(rows, whole, conflict - {name}) for conflict in conflicts)
        return f"The mark of {_row(place)} disagrees with each of: {sources}."
    said = []
    of_whole = not isinstance(name, Figure)
    for conflict in conflicts:
        told = evidence(rows, whole, conflict - {name})
        if of_whole and len(told) == 1:
            said.append(f"{told[0][1] or 'no possible number'} by {told[0][0]}")
        else:
            percents = other_percents(whole, name, conflict)
            needed = f"{runs(percents)}%" if percents else "no percentage"
            said.append(f"{needed} by {_sources(rows, whole, conflict - {name})}")
    (own,) = evidence(rows, whole, [name])
    counts = f": {own[1] or 'no possible number'} cases sufficient" if of_whole else ""
    will = other_percents(whole, name, whole.figures)
    remedy = (
        f"{runs(will)}% in its place would agree with every other figure of the question."
        if will
        else "No other percentage in its place would agree with all other figures."
    )
    return (
        f"Each of {len(conflicts)} smallest sets includes {own[0]}{counts}. The other figures of "
        f"the sets need {'; '.join(said)}. {remedy}"
    )


def _sources(rows: Sequence[Row], whole: Whole, figures: Collection[Hashable]) -> str:
    return " with ".join(source for source, _ in evidence(rows, whole, figures))


def _row(place: tuple[object, ...]) -> str:
    return f"Table {place[0]} row {place[1]}"
