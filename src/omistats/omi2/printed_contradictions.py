"""Contradictions()."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any, Final, Literal, NamedTuple

import attrs
import numpy as np
import pyarrow as pa

from omistats.forensics.attainable_counts import METHODS
from omistats.forensics.consistency import Figure, PrintedTotal, feasible_counts, minimal_conflicts
from omistats.kernel.rounding import counts_behind
from omistats.omi2.evidence import (
    Cell,
    Row,
    cell_of,
    evidence,
    prove,
    read_rows,
    replaced,
    runs,
    wholes_of,
)
from omistats.omi2.published import AGE_SHARES, CASES, FIRST_SPLIT, TABLES, load_published

__all__ = [
    "Clash",
    "Contradiction",
    "Remedy",
    "contradictions",
    "dataset_clashes",
    "other_percents",
    "prove_shared",
    "question_clashes",
    "share_clashes",
    "shared_figures",
]


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


Conflict = frozenset[Hashable]


def shared_figures(conflicts: Sequence[Conflict]) -> list[Hashable]:
    """List the figures that are in every one of several conflicts."""
    if len(conflicts) < 2:
        return []
    return sorted(frozenset.intersection(*conflicts), key=lambda name: cell_of(name)[:2])


def other_percents(whole: PrintedTotal, name: Hashable, figures: Collection[Hashable]) -> list[int]:
    """List the percentages that, printed in place of one, agree with other figures."""
    return [
        percent
        for percent in range(101)
        if feasible_counts(replaced(whole, name, percent), figures).any()
    ]


def prove_shared(
    rows: Sequence[Row], whole: PrintedTotal, name: Hashable, conflicts: Sequence[Conflict]
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


def _sources(rows: Sequence[Row], whole: PrintedTotal, figures: Collection[Hashable]) -> str:
    return " with ".join(source for source, _ in evidence(rows, whole, figures))


def _row(place: tuple[object, ...]) -> str:
    return f"Table {place[0]} row {place[1]}"


Premise = Literal["arithmetic", "procedure"]

_LAST: Final = 10**6

_NAMES: Final = {
    "n-1": "the N-1 test",
    "g": "the G test",
    "yates": "Yates' test",
    "z-unpooled": "the unpooled z test",
    "overlapping": "the overlapping test",
}


@attrs.frozen
class Remedy:
    """What else the authors may have done that would give the printed figures.

    Attributes
    ----------
    tests : tuple of str
        Tests of `attainable` that, in place of Pearson's, would.
    unclassified : int or None
        The smallest number of cases of unknown risk of harm that, left out of the
        complement, would with Pearson's test; None where no number does or there is no
        complement.
    together : Remedy or None
        What would give all figures of all smallest sets filed under the same figure at once,
        which can take more than any one set does; in the first record of a figure that has
        several, None elsewhere.
    """

    tests: tuple[str, ...]
    unclassified: int | None
    together: Remedy | None = None

    def __str__(self) -> str:
        ways = [_NAMES[test] for test in self.tests]
        if self.unclassified is not None:
            cases = "case" if self.unclassified == 1 else "cases"
            ways.append(f"Pearson's, with {self.unclassified:,} {cases} left out of the complement")
        return "would agree under: " + "; ".join(ways) if ways else "no remedy found"

    def to_dict(self) -> dict[str, Any]:
        """Return the remedy as values that JSON can hold."""
        together = None if self.together is None else self.together.to_dict()
        return {
            "tests": list(self.tests),
            "unclassified": self.unclassified,
            "together": together,
        }


@attrs.frozen
class Contradiction:
    """Printed figures that no data can produce together under stated premises.

    Most records are smallest sets. Where all the smallest sets of a question have one figure
    in common, and none of them is filed under its row, a further record is: the diagnosis
    that this figure alone may be wrong. It is told by ``minimal``.

    Attributes
    ----------
    table, row : int or None
        The row it is filed under: that of the first contradicted star; without a star, the
        last row involved, which is that of the breakdown; for a diagnosis, the row of the
        common figure. None for figures of the text.
    question : str or None
        Id of the question.
    what : {'percent', 'stars', 'n', 'share'}
        The kind of figure it is filed under.
    premises : tuple of {'arithmetic', 'procedure'}
        ``arithmetic`` uses rounding and the printed Ns only. ``procedure`` also assumes
        Pearson's chi-square without correction and, for a subset beside its whole, that
        all other cases are in the complement.
    proof : str
        The counts exhausted.
    cells : tuple of Cell
        ``(table, row, group, what)`` of every figure involved; of a smallest set, dropping
        any removes the contradiction, and a diagnosis has those of all its sets. Ns are
        taken as given, and are among the cells only where they contradict one another.
    remedy : Remedy or None
        For ``procedure``, what would remove it; None for ``arithmetic``.
    minimal : bool
        Whether this is a smallest set; False for a diagnosis of several.

    Examples
    --------
    In Table 3, which is the first 62 lines, one mark contradicts the percentages beside it:

    >>> import omistats as oms
    >>> (found,) = oms.omi2.contradictions(oms.omi2.load_published().slice(0, 62))
    >>> found.row, found.what, found.impossible, found.to_dict()["premises"]
    (9, 'stars', False, ['procedure'])
    >>> found.remedy.tests, found.remedy.unclassified
    (('yates', 'overlapping'), 3)
    """

    table: int | None
    row: int | None
    question: str | None
    what: Literal["percent", "stars", "n", "share"]
    premises: tuple[Premise, ...]
    proof: str
    cells: tuple[Cell, ...]
    remedy: Remedy | None = None
    minimal: bool = True

    @property
    def impossible(self) -> bool:
        """Whether rounding and the Ns alone rule the figures out."""
        return self.premises == ("arithmetic",)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as values that JSON can hold.

        Returns
        -------
        dict
            An entry an attribute; tuples become lists, ``remedy`` a dictionary or None.
        """
        return {
            "table": self.table,
            "row": self.row,
            "question": self.question,
            "what": self.what,
            "premises": list(self.premises),
            "proof": self.proof,
            "remedy": None if self.remedy is None else self.remedy.to_dict(),
            "cells": [list(cell) for cell in self.cells],
            "minimal": self.minimal,
        }


def contradictions(published: pa.Table | None = None) -> tuple[Contradiction, ...]:
    """Find every smallest set of printed figures that contradict one another.

    Where all sets of a question share a figure, a diagnosis of that figure comes with them;
    see `Contradiction`.

    Parameters
    ----------
    published : pyarrow.Table, optional
        Figures in the form of `load_published`, which is the default. Rows may be missing.

    Returns
    -------
    tuple of Contradiction
        By table and row, figures of the text last; fewest cells first within a row.

    Raises
    ------
    DataError
        When the table is not of that form; everything wrong with it is listed.
    UsageError
        When it is no table.

    Notes
    -----
    Within a question the search is complete: all counts consistent with the percentages,
    Ns and stars of all tables that print it are exhausted, for every subset of these
    figures. Questions share nothing but cases, so across them only Ns are compared,
    with the size of the dataset.

    Examples
    --------
    >>> import omistats as oms
    >>> for found in oms.omi2.contradictions():
    ...     if len({cell.row for cell in found.cells}) == 1:
    ...         print(found.table, found.row, found.what, found.premises[0])
    3 9 stars procedure
    6 2 stars procedure
    None None share arithmetic
    None None share arithmetic
    """
    rows = read_rows(load_published() if published is None else published)
    questions: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        questions[row.question].append(row)
    found: list[Contradiction] = []
    for mine in questions.values():
        clashes = question_clashes(mine)
        found += map(_of_sizes, clashes)
        broken = {clash.row.key for clash in clashes if clash.row is not None}
        for whole in wholes_of(mine, broken):
            found += _of_counts(mine, whole)
    clashes = [*dataset_clashes(questions.values()), *share_clashes(questions.values())]
    found += map(_of_sizes, clashes)
    return tuple(sorted(found, key=_order))


def _order(found: Contradiction) -> tuple[Any, ...]:
    cells = [tuple(_LAST if part is None else part for part in cell[:2]) for cell in found.cells]
    place = [_LAST if part is None else part for part in (found.table, found.row)]
    return (*place, len(set(cells)), len(cells), cells)


def _of_sizes(clash: Clash) -> Contradiction:
    row = clash.row
    return Contradiction(
        None if row is None else row.table,
        None if row is None else row.row,
        None if row is None else row.question,
        clash.what,
        ("arithmetic",),
        clash.proof,
        clash.cells,
    )


def _of_counts(rows: list[Row], whole: PrintedTotal) -> Iterator[Contradiction]:
    """Turn the conflicts of one question into records."""
    conflicts = minimal_conflicts(whole)
    filed: dict[tuple[Any, ...], list[Contradiction]] = defaultdict(list)
    figures: dict[Cell, Hashable] = {cell_of(name): name for name in whole.figures}
    for conflict in conflicts:
        cells = _cells(conflict)
        stars = [cell for cell in cells if cell.what == "stars"]
        at = stars[0] if stars else cells[-1]
        record = Contradiction(
            at.table,
            at.row,
            rows[0].question,
            "stars" if stars else "percent",
            ("procedure",) if stars else ("arithmetic",),
            prove(rows, whole, conflict),
            cells,
            _remedy(whole, conflict) if stars else None,
        )
        filed[record.table, record.row, record.what].append(record)
    for records in filed.values():
        first, *others = sorted(records, key=_order)
        if others and first.remedy is not None:
            cells_of_all = {cell for c in records for cell in c.cells}
            together = _remedy(whole, {figures[cell] for cell in cells_of_all})
            first = attrs.evolve(first, remedy=attrs.evolve(first.remedy, together=together))
        yield from (first, *others)
    everything = frozenset[Hashable]().union(*conflicts)
    cells = _cells(everything)
    stars = [cell for cell in cells if cell.what == "stars"]
    for name in shared_figures(conflicts):
        at = cell_of(name)
        if any(key[:2] == at[:2] for key in filed):
            continue
        yield Contradiction(
            at.table,
            at.row,
            rows[0].question,
            "stars" if at.what == "stars" else "percent",
            ("procedure",) if stars else ("arithmetic",),
            prove_shared(rows, whole, name, conflicts),
            cells,
            _remedy(whole, everything) if stars else None,
            minimal=False,
        )


def _cells(figures: Collection[Hashable]) -> tuple[Cell, ...]:
    return tuple(sorted(map(cell_of, figures), key=lambda c: (c[:2], str(c.group), c.what)))


def _remedy(whole: PrintedTotal, conflict: Collection[Hashable]) -> Remedy:
    tests = tuple(
        m for m in METHODS if m != "pearson" and feasible_counts(whole, conflict, method=m).any()
    )
    subsets = [s for s in whole.divisions if s.complement and Figure(s.key, "stars") in conflict]
    most = min((s.n2 for s in subsets), default=0)
    for excluded in range(1, most):
        if feasible_counts(whole, conflict, unclassified=excluded).any():
            return Remedy(tests, excluded)
    return Remedy(tests, None)
