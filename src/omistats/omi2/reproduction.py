"""The report's tables recomputed and laid beside print, cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import attrs
import pyarrow as pa

from omistats.errors import UnknownNameError, UsageError, check_word, described
from omistats.findings import Findings
from omistats.model.cases import CaseSet
from omistats.model.marks import is_synthetic
from omistats.omi2._compared import (
    ComparedCell,
    What,
    check_cases,
    compared_cells,
    single_groups,
)
from omistats.omi2._evidence import Cell, read_rows
from omistats.omi2._nearest import accounted_for
from omistats.omi2.cases import load_synthetic
from omistats.omi2.contradictions import Contradiction, contradictions
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.points import MainPoint, main_points
from omistats.omi2.published import load_published
from omistats.omi2.tables import TABLES
from omistats.recompute import recompute

__all__ = ["ComparedCell", "Reproduction", "reproduce"]


@attrs.frozen(eq=False)
class Reproduction:
    """The outcome of recomputing the report.

    Attributes
    ----------
    cells : tuple of ComparedCell
        Every printed N and percentage, and the mark of every row with two groups.
    noted : tuple of ComparedCell
        Marks printed beside a single group, where nothing is compared; not counted.
    points : tuple of MainPoint
        The figures that the report counts from its tables.
    contradictions : tuple of Contradiction
        What the printed figures say against each other, from print alone.
    findings : Findings
        What was recomputed.
    case_count : int
        How many cases it was recomputed from.

    Examples
    --------
    Of Table 3 alone, which is the first 62 printed lines, one mark comes out otherwise:

    >>> import omistats as oms
    >>> found = oms.omi2.reproduce(published=oms.omi2.load_published().slice(0, 62))
    >>> found.matched("stars"), found.source, found.tables()[3].num_rows
    ((30, 31), 'synthetic', 31)
    >>> (cell,) = found.mismatches
    >>> cell.row, cell.printed, cell.recomputed, found.proof(cell).premises
    (9, '**', '***', ('procedure',))
    >>> found.accounts_for(cell), found.explained, found.to_dict()["percent"]
    (True, True, {'matched': 62, 'total': 62})
    """

    cells: tuple[ComparedCell, ...]
    noted: tuple[ComparedCell, ...]
    points: tuple[MainPoint, ...]
    contradictions: tuple[Contradiction, ...]
    findings: Findings
    case_count: int

    @property
    def source(self) -> str:
        """What the cases are: ``'synthetic'`` when they say so, ``'as given'`` otherwise."""
        return "synthetic" if is_synthetic(self.findings.tally.metadata) else "as given"

    def matched(self, what: What, table: int | None = None) -> tuple[int, int]:
        """Count the cells that agree, and all cells, of one kind.

        Parameters
        ----------
        what : {'n', 'percent', 'stars'}
            Which figures.
        table : int, optional
            Of one table only, 3-11.

        Returns
        -------
        agree : int
            How many are the same.
        compared : int
            How many there are; 0 where that table was not among the printed figures.

        Raises
        ------
        UnknownNameError
            When the kind or the table is unknown.
        """
        check_word("figure", what, ("n", "percent", "stars"))
        if table is not None and table not in TABLES:
            raise UnknownNameError("table", table, map(str, TABLES))
        chosen = [c for c in self.cells if c.what == what and table in (None, c.table)]
        return sum(c.agrees for c in chosen), len(chosen)

    @property
    def mismatches(self) -> tuple[ComparedCell, ...]:
        """The cells that do not agree."""
        return tuple(cell for cell in self.cells if not cell.agrees)

    def proof(self, cell: ComparedCell) -> Contradiction | None:
        """Return the contradiction that a cell is part of, if there is one.

        Parameters
        ----------
        cell : ComparedCell
            One of ``cells``.

        Returns
        -------
        Contradiction or None
            One that is filed under the cell's own table and row before others.

        Raises
        ------
        UsageError
            When it is no such cell.
        """
        if not isinstance(cell, ComparedCell):
            raise UsageError(f"a proof is of a ComparedCell of `cells`; found {described(cell)}")
        at = self._proof_at(cell)
        return None if at is None else self.contradictions[at]

    def _proof_at(self, cell: ComparedCell) -> int | None:
        among = [i for i, c in enumerate(self.contradictions) if cell.place in c.cells]
        filed = (cell.table, cell.row, cell.what)
        found = self.contradictions
        own = (i for i in among if (found[i].table, found[i].row, found[i].what) == filed)
        return next(own, among[0] if among else None)

    @property
    def explained(self) -> bool:
        """Whether print itself accounts for every mismatch, and every point agrees.

        A mismatch is accounted for by three things at once. Its cell is part of a
        contradiction. The printed figure is impossible beside the figures of its question
        that agree, so that no mismatch is superfluous; the recomputed one is possible. And
        no figure that is nearer to print, in points of percentage, in steps of the marks or
        in cases, is possible beside those that agree. Nor may a contradiction be left among
        figures that agree: the mismatches hit all, and without any one of them would not.

        The rule errs towards False: of two figures that could each be nearer to print, but
        not both, neither is accounted for.
        """
        place = {cell.place for cell in self.cells}
        agreeing = place.difference(cell.place for cell in self.mismatches)
        return (
            all(map(self.accounts_for, self.mismatches))
            and all(p.agrees for p in self.points)
            and not any(agreeing.issuperset(c.cells) for c in self.contradictions)
        )

    def accounts_for(self, cell: ComparedCell) -> bool:
        """Say whether print accounts for a mismatch.

        Parameters
        ----------
        cell : ComparedCell
            One of `mismatches`.

        Returns
        -------
        bool
            Whether the figure had to differ, and by no less; see `explained`.

        Raises
        ------
        UsageError
            When it is no such cell.
        """
        return self.proof(cell) is not None and cell.place in self._accounted

    @cached_property
    def _accounted(self) -> frozenset[Cell]:
        """The mismatches that had to be, and to be no smaller."""
        return accounted_for(self.cells)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts and the contradictions, ready for JSON.

        Returns
        -------
        dict
            ``n, percent, stars, points`` (each ``matched`` and ``total``), ``contradictions,
            mismatches, noted`` (lists) and ``cases`` (the `source`). A mismatch carries as
            ``contradiction`` the place of its `proof` in the list of contradictions, None if it
            has none, and as ``explained`` whether print accounts for it.
        """
        out: dict[str, Any] = {}
        for what in ("n", "percent", "stars"):
            matched, total = self.matched(what)
            out[what] = {"matched": matched, "total": total}
        agreed = sum(p.agrees for p in self.points)
        out["points"] = {"matched": agreed, "total": len(self.points)}
        out["contradictions"] = [c.to_dict() for c in self.contradictions]
        out["mismatches"] = [
            {
                **attrs.asdict(c),
                "contradiction": self._proof_at(c),
                "explained": self.accounts_for(c),
            }
            for c in self.mismatches
        ]
        out["noted"] = [attrs.asdict(c) for c in self.noted]
        out["cases"] = self.source
        return out

    def tables(self) -> dict[int, pa.Table]:
        """Return the recomputed tables in the printed layout, by number.

        Returns
        -------
        dict of int to pyarrow.Table
            A row a question: of each group its percentage and n, the mark, and ``cases``.
        """
        out = {}
        for number, table in TABLES.items():
            shown = self.findings.breakdown(table.breakdown).question(*table.questions)
            laid = shown.wide().drop_columns(["unit", "p_value"])
            place = laid["question"].to_pylist()
            rows = laid.take([place.index(q) for q in table.questions])
            # A spreadsheet has no metadata: every line says what it was computed from.
            out[number] = rows.append_column("cases", pa.array([self.source] * len(rows)))
        return out


def reproduce(
    cases: CaseSet | None = None,
    published: pa.Table | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Reproduction:
    """Recompute Tables 3-11 and lay them beside the printed figures.

    Parameters
    ----------
    cases : CaseSet, optional
        Case assessments, read with `FRAMEWORK` or one that has all of its questions and
        the strata of its breakdowns; the shipped synthetic ones by default.
    published : pyarrow.Table, optional
        Printed figures as `load_published` gives them; the shipped ones by default.
    progress : callable, optional
        Told in a few words what is being done.

    Returns
    -------
    Reproduction
        Every printed figure beside the recomputed one.

    Raises
    ------
    DataError
        When the printed figures are not of that form; everything wrong is listed.
    UsageError
        When the cases are no case set, or were read with a framework that lacks what the
        tables show; or the printed figures are no table.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.reproduce().matched("n")
    (892, 892)
    """
    progress("reading the published tables")
    printed = load_published() if published is None else published
    read_rows(printed)  # raises if anything is wrong, before any work is done
    progress("reading the case assessments")
    chosen = load_synthetic() if cases is None else cases
    check_cases(chosen)
    progress(f"recomputing Tables 3-11 from {len(chosen):,} cases")
    findings = recompute(chosen, breakdowns=FRAMEWORK.breakdowns, questions=FRAMEWORK.question_ids)
    cells = list(compared_cells(printed, findings))
    progress("searching the printed figures for contradictions")
    found = contradictions(printed)
    single = single_groups(printed)
    return Reproduction(
        cells=tuple(c for c in cells if c.what != "stars" or (c.table, c.row) not in single),
        noted=tuple(c for c in cells if c.what == "stars" and (c.table, c.row) in single),
        points=main_points(findings),
        contradictions=found,
        findings=findings,
        case_count=len(chosen),
    )
