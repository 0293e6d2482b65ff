"""Contradictions among numbers of cases: between Ns, and between Ns and the text's shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final, Literal, NamedTuple

import numpy as np

from omistats.kernel.rounding import counts_behind
from omistats.omi2._evidence import Cell, Row
from omistats.omi2._text import AGE_SHARES, CASES
from omistats.omi2.tables import FIRST_SPLIT, TABLES

__all__ = ["Clash", "dataset_clashes", "question_clashes", "share_clashes"]

DATASET: Final = Cell(None, None, "all", "n")
"""The size of the dataset, which the text gives."""

_AGE_TABLE: Final = 11


class Clash(NamedTuple):
    """Cells that contradict one another, the row that the clash is filed under, and the proof."""

    cells: tuple[Cell, ...]
    row: Row | None
    what: Literal["n", "share"]
    proof: str


class _Part(NamedTuple):
    """Cases that no other part of a division shares."""

    size: int
    cells: tuple[Cell, ...]
    row: Row


def question_clashes(rows: Sequence[Row]) -> list[Clash]:
    """Check the Ns of one question: repeated ones agree, and no part exceeds its whole."""
    bases = [r for r in rows if r.table < FIRST_SPLIT]
    clashes = []
    for one, two in combinations(rows, 2):
        if one.breakdown != two.breakdown:
            continue
        for g in (0, 1):
            if one.sizes[g] != two.sizes[g]:
                proof = (
                    f"{_place(one)} and {_place(two)} print {one.sizes[g]:,} and {two.sizes[g]:,} "
                    f"cases ({one.groups[g]}) for the same question."
                )
                clashes.append(Clash((one.cell(g, "n"), two.cell(g, "n")), two, "n", proof))
    for row in bases:
        if row.base == 1 and row.sizes[0] > row.sizes[1]:
            proof = f"{row.sizes[0]:,} high cases cannot be among all {row.sizes[1]:,}."
            clashes.append(Clash((row.cell(0, "n"), row.cell(1, "n")), row, "n", proof))
    for base in bases[:1]:
        whole, cell = base.sizes[base.base], base.cell(base.base, "n")
        for row in rows:
            if row.table < FIRST_SPLIT:
                continue
            # One group may be too many by itself; only if none is does it take both.
            over: list[tuple[int, ...]] = [(g,) for g in (0, 1) if row.sizes[g] > whole]
            over = over or [(0, 1)] * (sum(row.sizes) > whole)
            for groups in over:
                counted = " and ".join(f"{row.sizes[g]:,} {row.groups[g]}" for g in groups)
                proof = (
                    f"{_place(row)} prints {counted} cases of the {whole:,} that {_place(base)} "
                    "gives the question."
                )
                cells = (*(row.cell(g, "n") for g in groups), cell)
                clashes.append(Clash(cells, row, "n", proof))
    return clashes


def dataset_clashes(questions: Iterable[Sequence[Row]]) -> list[Clash]:
    """Check that the largest groups of each division, and its rest, fit in the dataset.

    Of the many Ns that may be too large, the largest of each part stands for all.
    """
    clashes = []
    divisions: dict[str, list[list[_Part]]] = defaultdict(list)
    for rows in questions:
        alone = [(r, g) for r in rows for g in (0, 1) if r.sizes[g] > CASES]
        for row, g in alone:
            proof = f"{row.sizes[g]:,} cases are more than the dataset's {CASES:,}."
            clashes.append(Clash((row.cell(g, "n"), DATASET), row, "n", proof))
        if alone:
            continue
        base = next((r for r in rows if r.table < FIRST_SPLIT), None)
        for row in rows:
            name, parts = _parts(row, base)
            columns = divisions[name]
            columns += [[] for _ in range(len(parts) - len(columns))]
            for column, part in zip(columns, parts, strict=False):
                column.append(part)
    for name, columns in divisions.items():
        most = [max(column, key=lambda part: part.size) for column in columns]
        over: list[tuple[int, ...]] = []
        for size in range(1, len(most) + 1):
            for chosen in combinations(range(len(most)), size):
                known = any(set(smaller) <= set(chosen) for smaller in over)
                if not known and sum(most[i].size for i in chosen) > CASES:
                    over.append(chosen)
        clashes += [_too_many(name, [most[i] for i in chosen]) for chosen in over]
    return clashes


def _parts(row: Row, base: Row | None) -> tuple[str, list[_Part]]:
    """Divide a question's cases as a row does: its groups, then whoever is in neither."""
    one, two = (_Part(row.sizes[g], (row.cell(g, "n"),), row) for g in (0, 1))
    if row.table < FIRST_SPLIT:
        rest = _Part(two.size - one.size, one.cells + two.cells, row)
        return "Tables 3-6", [one, rest] if row.base == 1 else [one]
    if base is None:
        return f"Table {row.table}", [one, two]
    others = base.sizes[base.base] - one.size - two.size
    cells = (*one.cells, *two.cells, base.cell(base.base, "n"))
    return f"Table {row.table}", [one, two, _Part(others, cells, row)]


def _too_many(name: str, parts: list[_Part]) -> Clash:
    cells = tuple(dict.fromkeys(cell for part in parts for cell in part.cells))
    counted = " + ".join(f"{part.size:,} ({_place(part.row)})" for part in parts)
    proof = (
        f"The parts into which {name} divides the cases share none, yet {counted} is more than "
        f"the dataset's {CASES:,}."
    )
    return Clash((*cells, DATASET), parts[-1].row, "n", proof)


def share_clashes(questions: Iterable[Sequence[Row]]) -> Iterator[Clash]:
    """Check the text's shares of the age groups against the Ns of Table 11.

    A share is taken to be of all cases or of those whose age is known: it clashes only if
    it can be neither.
    """
    least = dict.fromkeys(AGE_SHARES, 0)
    unknown = 0
    for rows in questions:
        base = next((r for r in rows if r.table < FIRST_SPLIT), None)
        for row in (r for r in rows if r.table == _AGE_TABLE):
            for group, size in zip(row.groups, row.sizes, strict=True):
                least[group] = max(least[group], size)
            if base is not None:
                unknown = max(unknown, base.sizes[base.base] - sum(row.sizes))
    if sum(least.values()) + unknown > CASES:
        return  # The Ns contradict the dataset; nothing follows for the shares.
    ages = TABLES[_AGE_TABLE].groups
    for group, other in (ages, ages[::-1]):
        percent, most = AGE_SHARES[group], CASES - least[other] - unknown
        known = np.arange(sum(least.values()), CASES - unknown + 1)
        # Pairs of a number of cases to share and the most that the group may have of them.
        bases = np.append(known, CASES)
        ceiling = np.append(known - least[other], most)
        low, high = counts_behind(percent, bases)
        if not (np.maximum(low, least[group]) <= np.minimum(high, ceiling)).any():
            proof = _share_proof(group, other, least, unknown)
            yield Clash((Cell(None, None, group, "share"),), None, "share", proof)


def _share_proof(group: str, other: str, least: dict[str, int], unknown: int) -> str:
    percent, most = AGE_SHARES[group], CASES - least[other] - unknown
    low, high = counts_behind(percent, CASES)
    rest = f" and at least {unknown:,} in neither group" if unknown else ""
    return (
        f"Table 11's Ns show at least {least[group]:,} cases aged {group}, at least "
        f"{least[other]:,} aged {other}{rest}, so of {CASES:,} cases {least[group]:,} to {most:,} "
        f"are aged {group}; {percent}% would take {low:,} to {high:,}. A share of the cases of "
        f"known age cannot print as {percent}% either."
    )


def _place(row: Row) -> str:
    return f"Table {row.table} row {row.row}"
