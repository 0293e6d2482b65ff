"""Find printed figures that contradict one another."""

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
    "question_clashes",
]


Premise = Literal["arithmetic", "procedure"]
Conflict = frozenset[Hashable]

DATASET: Final = Cell(None, None, "all", "n")
"""The size of the dataset, printed in the text."""

_AGE_TABLE: Final = 11

_NULL_PLACE: Final = 10**6
"""Sorts figures of the text after all tables and rows."""

_NAMES: Final = {
    "n-1": "the N-1 test",
    "g": "the G test",
    "yates": "Yates' test",
    "z-unpooled": "the unpooled z test",
    "overlapping": "the overlapping test",
}


def contradictions(published: pa.Table | None = None) -> tuple[Contradiction, ...]:
    """Find every smallest set of printed figures that contradict one another.

    If all sets of a question share a figure, a diagnosis of that figure is added; see
    `Contradiction`.

    Parameters
    ----------
    published : pyarrow.Table, optional
        Figures in the form of `load_published`; the shipped ones by default. Rows may be
        missing.

    Returns
    -------
    tuple of Contradiction
        In the order of table and row, figures of the text last; within a row, fewest cells
        first.

    Raises
    ------
    DataError
        When the table is not of that form; all problems are listed.
    UsageError
        When it is not an Arrow table.

    Notes
    -----
    Within a question the search is complete: for every subset of the percentages and stars in
    all tables that print the question, all counts consistent with them and the Ns are tried.
    Different questions share only the cases, so across questions only Ns are compared, with
    the size of the dataset.

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
    for question_rows in questions.values():
        clashes = question_clashes(question_rows)
        found += map(_from_clash, clashes)
        broken = {clash.row.key for clash in clashes if clash.row is not None}
        for whole in wholes_of(question_rows, broken):
            found += _from_conflicts(question_rows, whole)
    clashes = [*dataset_clashes(questions.values()), *share_clashes(questions.values())]
    found += map(_from_clash, clashes)
    return tuple(sorted(found, key=_order))


@attrs.frozen
class Contradiction:
    """Printed figures that no data can produce together under stated premises.

    Most records are smallest sets of such figures. If all smallest sets of a question have one
    figure in common and none is filed under the row of that figure, a further record with
    ``minimal=False`` is filed there: the diagnosis that this figure alone may be wrong.

    Attributes
    ----------
    table, row : int or None
        The row that the record is filed under: the row of the first star in the set; without
        a star, the last row involved; for a diagnosis, the row of the common figure. None for
        figures of the text.
    question : str or None
        Id of the question.
    what : {'percent', 'stars', 'n', 'share'}
        The kind of figure that the record is filed under.
    premises : tuple of {'arithmetic', 'procedure'}
        ``arithmetic`` uses rounding and the printed Ns only. ``procedure`` also assumes
        Pearson's chi-square without correction and, for a subset compared with all cases, that
        the complement is all other cases.
    proof : str
        The counts that the figures allow, and why none fits all.
    cells : tuple of Cell
        ``(table, row, group, what)`` of every figure involved. Without any one cell of a
        smallest set there is no contradiction; a diagnosis has the cells of all its sets. Ns
        are taken as given and are among the cells only if they contradict one another.
    remedy : Remedy or None
        For ``procedure``, what would remove the contradiction; None for ``arithmetic``.
    minimal : bool
        Whether this is a smallest set; False for a diagnosis.

    Examples
    --------
    In Table 3 (the first 62 lines) one mark contradicts the percentages of its row:

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
        """Whether the figures are impossible by rounding and the Ns alone."""
        return self.premises == ("arithmetic",)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a dictionary, ready for JSON.

        Returns
        -------
        dict
            One entry for each attribute; tuples become lists, ``remedy`` a dictionary or None.
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


@attrs.frozen
class Remedy:
    """Other procedures that would produce the printed figures.

    Attributes
    ----------
    tests : tuple of str
        Tests of `attainable` that would produce them in place of Pearson's.
    unclassified : int or None
        The smallest number of cases of unknown risk of harm that would produce them with
        Pearson's test if left out of the complement; None if no number does or there is no
        complement.
    together : Remedy or None
        The remedy for all smallest sets filed under the same figure at once, which may need
        more than any single set does. Set in the first record of a figure with several sets,
        None elsewhere.
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
        """Return the remedy as a dictionary, ready for JSON."""
        together = None if self.together is None else self.together.to_dict()
        return {
            "tests": list(self.tests),
            "unclassified": self.unclassified,
            "together": together,
        }


def _order(found: Contradiction) -> tuple[Any, ...]:
    cells = [
        tuple(_NULL_PLACE if part is None else part for part in cell[:2]) for cell in found.cells
    ]
    place = [_NULL_PLACE if part is None else part for part in (found.table, found.row)]
    return (*place, len(set(cells)), len(cells), cells)


def _from_clash(clash: Clash) -> Contradiction:
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


def _from_conflicts(rows: list[Row], whole: PrintedTotal) -> Iterator[Contradiction]:
    """Make records of the conflicts between percentages and stars of one question."""
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


class Clash(NamedTuple):
    """Ns or shares that contradict one another, the row to file them under, and the proof."""

    cells: tuple[Cell, ...]
    row: Row | None
    what: Literal["n", "share"]
    proof: str


class _Part(NamedTuple):
    """One of the disjoint parts into which a row divides the cases."""

    size: int
    cells: tuple[Cell, ...]
    row: Row


def question_clashes(rows: Sequence[Row]) -> list[Clash]:
    """Find Ns of one question that differ between rows, or groups larger than all cases."""
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
            # Both groups are at fault only if neither is too large by itself.
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
    """Find largest groups of a breakdown that together exceed the dataset.

    Of the Ns of a group in all questions only the largest is used.
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
    """Return the groups of a row and the cases in neither, as disjoint parts."""
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
    """Find shares of age groups in the text that contradict the Ns of Table 11.

    A share may be of all cases or of those of known age; it clashes only if both are
    impossible.
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
        return  # The Ns contradict the dataset, so nothing follows for the shares.
    ages = TABLES[_AGE_TABLE].groups
    for group, other in (ages, ages[::-1]):
        percent, most = AGE_SHARES[group], CASES - least[other] - unknown
        known = np.arange(sum(least.values()), CASES - unknown + 1)
        # For each possible total, the most cases that the group may have.
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


def shared_figures(conflicts: Sequence[Conflict]) -> list[Hashable]:
    """List the figures common to all of several conflicts."""
    if len(conflicts) < 2:
        return []
    return sorted(frozenset.intersection(*conflicts), key=lambda name: cell_of(name)[:2])


def other_percents(whole: PrintedTotal, name: Hashable, figures: Collection[Hashable]) -> list[int]:
    """List the percentages that would agree with other figures in place of the printed one."""
    return [
        percent
        for percent in range(101)
        if feasible_counts(replaced(whole, name, percent), figures).any()
    ]


def prove_shared(
    rows: Sequence[Row], whole: PrintedTotal, name: Hashable, conflicts: Sequence[Conflict]
) -> str:
    """Write what a shared figure allows, what each conflict needs instead, and what would agree."""
    place = cell_of(name)
    if place.what == "stars":
        # Which of the other marks would agree depends on the test, so none is named.
        sources = "; ".join(_sources(rows, whole, conflict - {name}) for conflict in conflicts)
        return f"The mark of Table {place.table} row {place.row} disagrees with each of: {sources}."
    needs = []
    of_all_cases = not isinstance(name, Figure)
    for conflict in conflicts:
        others = evidence(rows, whole, conflict - {name})
        if of_all_cases and len(others) == 1:
            needs.append(f"{others[0][1] or 'no possible number'} by {others[0][0]}")
        else:
            percents = other_percents(whole, name, conflict)
            needed = f"{runs(percents)}%" if percents else "no percentage"
            needs.append(f"{needed} by {_sources(rows, whole, conflict - {name})}")
    ((source, allowed),) = evidence(rows, whole, [name])
    counts = f": {allowed or 'no possible number'} cases sufficient" if of_all_cases else ""
    agreeing = other_percents(whole, name, whole.figures)
    remedy = (
        f"{runs(agreeing)}% in its place would agree with every other figure of the question."
        if agreeing
        else "No other percentage in its place would agree with all other figures."
    )
    return (
        f"Each of {len(conflicts)} smallest sets includes {source}{counts}. The other figures of "
        f"the sets need {'; '.join(needs)}. {remedy}"
    )


def _sources(rows: Sequence[Row], whole: PrintedTotal, figures: Collection[Hashable]) -> str:
    return " with ".join(source for source, _ in evidence(rows, whole, figures))
