"""Printed figures of Tables 3-11 that cannot all be right, each with its proof."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator
from typing import Any, Final, Literal

import attrs
import pyarrow as pa

from omistats.forensics import METHODS, Figure, Whole, feasible_counts, minimal_conflicts
from omistats.omi2._evidence import Cell, Row, cell_of, read_rows, wholes_of
from omistats.omi2._proofs import prove
from omistats.omi2._shared import prove_shared, shared_figures
from omistats.omi2._sizes import Clash, dataset_clashes, question_clashes, share_clashes
from omistats.omi2.published import load_published

__all__ = ["Contradiction", "Remedy", "contradictions"]

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


def _of_counts(rows: list[Row], whole: Whole) -> Iterator[Contradiction]:
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


def _remedy(whole: Whole, conflict: Collection[Hashable]) -> Remedy:
    tests = tuple(
        m for m in METHODS if m != "pearson" and feasible_counts(whole, conflict, method=m).any()
    )
    subsets = [s for s in whole.divisions if s.complement and Figure(s.key, "stars") in conflict]
    most = min((s.n2 for s in subsets), default=0)
    for left_out in range(1, most):
        if feasible_counts(whole, conflict, unclassified=left_out).any():
            return Remedy(tests, left_out)
    return Remedy(tests, None)
