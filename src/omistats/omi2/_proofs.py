"""Proofs of contradictions among percentages and stars, in words."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Final

import numpy as np

from omistats.forensics import Division, Figure, Whole, attainable, feasible_counts
from omistats.kernel.rounding import counts_behind
from omistats.omi2._evidence import Row, cell_of

__all__ = ["evidence", "prove", "runs"]

_SHOWN_RUNS: Final = 3


def prove(rows: Sequence[Row], whole: Whole, conflict: Collection[Hashable]) -> str:
    """Say what each row's figures leave of the whole's counts, and that nothing is left."""
    said = [
        f"{counts or 'no possible number'} by {source}"
        for source, counts in evidence(rows, whole, conflict)
    ]
    end = " No number is in all of these." if len(said) > 1 else ""
    end += "".join(_twice(same, conflict) for same in whole.splits)
    return (
        f"Of the {whole.n:,} cases, sufficient were {'; '.join(said)}.{end}"
        f"{_p_values(whole, {row.key: row for row in rows}, conflict)}"
    )


def evidence(
    rows: Sequence[Row], whole: Whole, figures: Collection[Hashable]
) -> list[tuple[str, str]]:
    """Name each row with some of the figures, and the counts of the whole that these allow.

    Rows that divide the cases alike are named together.
    """
    by_key: dict[Hashable, Row] = {row.key: row for row in rows}
    said = []
    for name, percent in whole.percents:
        if name in figures:
            cell = cell_of(name)
            printed = f"{percent}% of {whole.n:,} {cell.group}"
            said.append((_source(cell, [printed]), _counts(whole, [name])))
    for same in whole.splits:
        sources, all_told = [], []
        for division in same:
            told = [name for name in division.figures if name in figures]
            if told:
                row = by_key[division.key]
                shown = [
                    f"{row.percents[g]}% of {row.sizes[g]:,} {row.groups[g]}"
                    for g in (0, 1)
                    if Figure(division.key, ("first", "second")[g]) in told
                ]
                shown += [f"the mark {row.stars}"] * (Figure(division.key, "stars") in told)
                sources.append(_source(row.key, shown))
                all_told += told
        if sources:
            said.append((" and ".join(sources), _counts(whole, all_told)))
    return said


def _source(place: tuple[object, ...], printed: Sequence[str]) -> str:
    return f"Table {place[0]} row {place[1]} ({', '.join(printed)})"


def _counts(whole: Whole, told: Collection[Hashable]) -> str:
    return runs(np.flatnonzero(feasible_counts(whole, told)).tolist())


def _twice(same: Sequence[Division], conflict: Collection[Hashable]) -> str:
    """Say what figures of the same group, printed more than once, leave of its cases."""
    said = ""
    for what, n in (("first", same[0].n1), ("second", same[0].n2)):
        printed = [d.percent1 if what == "first" else d.percent2 for d in same]
        named = [Figure(d.key, what) in conflict for d in same]
        percents = [p for p, n_ in zip(printed, named, strict=True) if n_ and p is not None]
        if len(set(percents)) > 1:
            told = "; ".join(
                f"{p}% is {runs(list(range(int(low), int(high) + 1))) or 'no possible number'}"
                for p in dict.fromkeys(percents)
                for low, high in [counts_behind(p, n)]
            )
            said += f" The rows count the same {n:,} cases: {told}."
    marks = {d.stars for d in same if Figure(d.key, "stars") in conflict}
    if len(marks) > 1:
        said += " The rows make the same comparison, which earns one mark."
    return said


def runs(counts: Sequence[int]) -> str:
    """Write ascending whole numbers as a few stretches; nothing if there are none."""
    if not counts:
        return ""
    values = np.asarray(counts, np.int64)
    starts = np.flatnonzero(np.diff(values, prepend=-2) > 1)
    ends = np.append(starts[1:], values.size) - 1
    said = [
        f"{values[a]:,}" if a == b else f"{values[a]:,} to {values[b]:,}"
        for a, b in zip(starts, ends, strict=True)
    ]
    if len(said) > _SHOWN_RUNS:
        hidden = len(said) - _SHOWN_RUNS
        said = [*said[: _SHOWN_RUNS - 1], f"in {hidden} further stretches", said[-1]]
    return " or ".join(said)


def _p_values(whole: Whole, by_key: Mapping[Hashable, Row], conflict: Collection[Hashable]) -> str:
    """Give the range of p where the stars of one row contradict its own percentages."""
    cells = [cell_of(name) for name in conflict]
    starred = [cell for cell in cells if cell.what == "stars"]
    if len(starred) != 1 or len({cell[:2] for cell in cells}) != 1 or len(cells) != 3:
        return ""
    key = starred[0][:2]
    division = next(s for s in whole.divisions if s.key == key)
    row = by_key[key]
    columns = zip(row.percents, row.sizes, strict=True)
    (p1, n1), (p2, n2) = ((np.nan if p is None else p, n) for p, n in columns)
    found = attainable(p1, n1, p2, n2, complement=division.complement)
    return (
        f" Over all {int(found.pairs):,} pairs of counts p is {float(found.p_min):.2g} to "
        f"{float(found.p_max):.2g}."
    )
