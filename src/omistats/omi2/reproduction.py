"""Recompute the 2011 report and compare it with the printed figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal, cast

import attrs
import pyarrow as pa

from omistats.errors import UnknownNameError, UsageError, check_choice, format_value, format_values
from omistats.findings.compute import recompute
from omistats.findings.findings import Findings
from omistats.findings.points import Kind, Point, count
from omistats.forensics.consistency import Figure, PrintedTotal, feasible_counts
from omistats.kernel.chi_square import STARS
from omistats.model.case_set import CaseSet
from omistats.model.metadata import is_synthetic
from omistats.omi2.cases import load_synthetic
from omistats.omi2.evidence import Cell, Row, Value, cell_of, read_rows, replaced, wholes_of
from omistats.omi2.framework import FRAMEWORK, STANDARD_NAMES
from omistats.omi2.printed_contradictions import (
    Clash,
    Contradiction,
    contradictions,
    dataset_clashes,
    question_clashes,
)
from omistats.omi2.published import TABLES, load_published

__all__ = ["ComparedCell", "MainPoint", "Reproduction", "main_points", "reproduce"]


What = Literal["n", "percent", "stars"]
# Table, kind, group, threshold, and the figure in the text of the report.
_PRINTED_POINTS: Final[tuple[tuple[int, Kind, str, int | None, int], ...]] = (
    (3, "reach", "all", 60, 19),
    (3, "reach", "all", 75, 12),
    (3, "alike", "", None, 18),
    (3, "higher", "high", None, 13),
    (4, "reach", "all", 60, 13),
    (4, "reach", "all", 75, 5),
    (4, "higher", "high", None, 12),
    (5, "reach", "all", 60, 9),
    (5, "reach", "all", 75, 4),
    (6, "reach", "all", 60, 10),
    (6, "reach", "all", 75, 8),
    (6, "higher", "high", None, 7),
    (7, "differ", "", None, 30),
    (8, "alike", "", None, 67),
    (8, "differ", "", None, 8),
    (9, "alike", "", None, 68),
    (9, "differ", "", None, 7),
    (10, "alike", "", None, 70),
    (10, "differ", "", None, 5),
    (11, "alike", "", None, 58),
    (11, "differ", "", None, 17),
    (11, "higher", "25+", None, 16),
)


def reproduce(
    cases: CaseSet | None = None,
    published: pa.Table | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Reproduction:
    """Recompute Tables 3-11 and compare them with the printed figures.

    Parameters
    ----------
    cases : CaseSet, optional
        Case assessments, read with `FRAMEWORK` or a framework with all its questions and the
        strata of its breakdowns; the shipped synthetic ones by default.
    published : pyarrow.Table, optional
        Printed figures in the form of `load_published`; the shipped ones by default.
    progress : callable, optional
        Called with a short text at each step.

    Returns
    -------
    Reproduction
        Every printed figure with the recomputed one.

    Raises
    ------
    DataError
        When the printed figures are not of that form; all problems are listed.
    UsageError
        When the cases are not a case set or lack questions or strata of the tables, or the
        printed figures are not an Arrow table.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.reproduce().matched("n")
    (892, 892)
    """
    progress("reading the published tables")
    printed = load_published() if published is None else published
    read_rows(printed)  # fails on bad figures before the slow steps
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
        untested_marks=tuple(c for c in cells if c.what == "stars" and (c.table, c.row) in single),
        points=main_points(findings),
        contradictions=found,
        findings=findings,
        case_count=len(chosen),
    )


@attrs.frozen(eq=False)
class Reproduction:
    """Comparison of the recomputed with the printed report.

    Attributes
    ----------
    cells : tuple of ComparedCell
        Every printed N and percentage, and the mark of every row with two groups.
    untested_marks : tuple of ComparedCell
        Marks printed in rows with a single group, where there is nothing to compare; they are
        not counted.
    points : tuple of MainPoint
        The figures that the report counts from its tables.
    contradictions : tuple of Contradiction
        Contradictions between the printed figures.
    findings : Findings
        The recomputed findings.
    case_count : int
        The number of cases that the findings are computed from.

    Examples
    --------
    In Table 3 (the first 62 printed lines) one mark differs:

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
    untested_marks: tuple[ComparedCell, ...]
    points: tuple[MainPoint, ...]
    contradictions: tuple[Contradiction, ...]
    findings: Findings
    case_count: int

    @property
    def source(self) -> str:
        """``'synthetic'`` if the cases are marked so, otherwise ``'as given'``."""
        return "synthetic" if is_synthetic(self.findings.tally.metadata) else "as given"

    def matched(self, what: What, table: int | None = None) -> tuple[int, int]:
        """Count the cells of one kind that agree, and all of that kind.

        Parameters
        ----------
        what : {'n', 'percent', 'stars'}
            Kind of figure.
        table : int, optional
            Number of a table, 3-11, to count only its cells.

        Returns
        -------
        agree : int
            The number of cells that agree.
        compared : int
            The number of cells; 0 if the table was not among the printed figures.

        Raises
        ------
        UnknownNameError
            When the kind or the table is unknown.
        """
        check_choice("figure", what, ("n", "percent", "stars"))
        if table is not None and table not in TABLES:
            raise UnknownNameError("table", table, map(str, TABLES))
        chosen = [c for c in self.cells if c.what == what and table in (None, c.table)]
        return sum(c.agrees for c in chosen), len(chosen)

    @property
    def mismatches(self) -> tuple[ComparedCell, ...]:
        """The cells that differ from print."""
        return tuple(cell for cell in self.cells if not cell.agrees)

    def proof(self, cell: ComparedCell) -> Contradiction | None:
        """Return the contradiction that a cell is part of.

        Parameters
        ----------
        cell : ComparedCell
            One of ``cells``.

        Returns
        -------
        Contradiction or None
            The one filed under the cell itself if there is one, otherwise the first; None if
            the cell is part of none.

        Raises
        ------
        UsageError
            When it is not a compared cell.
        """
        if not isinstance(cell, ComparedCell):
            raise UsageError(
                f"`cell` must be a ComparedCell; found {format_value(cell)}; pass one of `cells`"
            )
        index = self._proof_index(cell)
        return None if index is None else self.contradictions[index]

    def _proof_index(self, cell: ComparedCell) -> int | None:
        found = self.contradictions
        with_cell = [i for i, c in enumerate(found) if cell.place in c.cells]
        place = (cell.table, cell.row, cell.what)
        filed = (i for i in with_cell if (found[i].table, found[i].row, found[i].what) == place)
        return next(filed, with_cell[0] if with_cell else None)

    @property
    def explained(self) -> bool:
        """Whether the printed figures account for every mismatch, and every point agrees.

        A mismatch is accounted for if its cell is part of a contradiction, the recomputed
        figure is possible together with the figures of its question that agree, and the
        printed figure and all figures nearer to it (in percentage points, steps of the marks
        or cases) are not. In addition, no contradiction may be left among figures that agree.

        The rule errs towards False: if either of two figures could be nearer to print, but
        not both, neither is accounted for.
        """
        agreeing = {cell.place for cell in self.cells if cell.agrees}
        return (
            all(map(self.accounts_for, self.mismatches))
            and all(p.agrees for p in self.points)
            and not any(agreeing.issuperset(c.cells) for c in self.contradictions)
        )

    def accounts_for(self, cell: ComparedCell) -> bool:
        """Tell whether the printed figures account for a mismatch.

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
            When it is not a compared cell.
        """
        return self.proof(cell) is not None and cell.place in self._forced

    @cached_property
    def _forced(self) -> frozenset[Cell]:
        return forced_mismatches(self.cells)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts and the contradictions, ready for JSON.

        Returns
        -------
        dict
            ``n, percent, stars, points`` (each ``matched`` and ``total``), ``contradictions,
            mismatches, untested_marks`` (lists) and ``cases`` (the `source`). A mismatch has in
            ``contradiction`` the index of its `proof` in the list of contradictions (None if it
            has none), and in ``explained`` whether print accounts for it.
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
                "contradiction": self._proof_index(c),
                "explained": self.accounts_for(c),
            }
            for c in self.mismatches
        ]
        out["untested_marks"] = [attrs.asdict(c) for c in self.untested_marks]
        out["cases"] = self.source
        return out

    def tables(self) -> dict[int, pa.Table]:
        """Return the recomputed tables in the printed layout, by number.

        Returns
        -------
        dict of int to pyarrow.Table
            One row for each question, with the percentage and n of each group, the mark, and
            ``cases``, the `source`.
        """
        out = {}
        for number, table in TABLES.items():
            findings = self.findings.breakdown(table.breakdown).question(*table.questions)
            wide = findings.wide().drop_columns(["unit", "p_value"])
            order = wide["question"].to_pylist()
            rows = wide.take([order.index(q) for q in table.questions])
            # CSV has no metadata, so a column marks what the figures are computed from.
            out[number] = rows.append_column("cases", pa.array([self.source] * len(rows)))
        return out


@attrs.frozen
class ComparedCell:
    """A printed figure with the recomputed one.

    Attributes
    ----------
    table, row : int
        Place of the printed figure.
    question : str
        Id of the question.
    group : str or None
        Group of the figure; None for the mark of significance, which belongs to the row.
    what : {'n', 'percent', 'stars'}
        Kind of figure.
    printed, recomputed : int or str or None
        The two figures: cases, whole percent 0-100, or a mark. The recomputed one is None if the
        question applied to no case.

    Examples
    --------
    >>> import omistats as oms
    >>> cell = oms.omi2.ComparedCell(3, 9, "plan_informed", None, "stars", "**", "***")
    >>> cell.agrees, cell.place
    (False, Cell(table=3, row=9, group=None, what='stars'))
    """

    table: int
    row: int
    question: str
    group: str | None
    what: What
    printed: int | str
    recomputed: int | str | None

    @property
    def place(self) -> Cell:
        """Place and kind of the printed figure."""
        return Cell(self.table, self.row, self.group, self.what)

    @property
    def agrees(self) -> bool:
        """Whether the two figures are equal."""
        return self.printed == self.recomputed


@attrs.frozen
class MainPoint:
    """A counted statement of the report with the recomputed figure.

    Attributes
    ----------
    table : int
        The table that the statement counts from.
    printed : int
        The figure in the text of the report.
    point : Point
        The recomputed statement.

    Examples
    --------
    >>> import omistats as oms
    >>> from omistats.findings.points import Point
    >>> computed = Point("reach", 19, 31, "19 of 31 aspects reach 60% (all cases)")
    >>> oms.omi2.MainPoint(table=3, printed=19, point=computed).agrees
    True
    """

    table: int
    printed: int
    point: Point

    @property
    def agrees(self) -> bool:
        """Whether the recomputed figure equals the printed one."""
        return self.point.value == self.printed


def main_points(findings: Findings) -> tuple[MainPoint, ...]:
    """Compute the 22 figures that the report counts from Tables 3-11.

    Parameters
    ----------
    findings : Findings
        Findings of all units together, with the six standard breakdowns.

    Returns
    -------
    tuple of MainPoint
        In the order of the tables.

    Raises
    ------
    UnknownNameError
        When a breakdown or question of the tables is missing.

    Examples
    --------
    >>> import omistats as oms
    >>> points = oms.omi2.main_points(oms.recompute(oms.omi2.load_synthetic()))
    >>> points[0].point.sentence
    '19 of 31 aspects reach 60% (all cases)'
    """
    all_units = findings.unit("all")
    by_table = {
        number: all_units.breakdown(table.breakdown).question(*table.questions)
        for number, table in TABLES.items()
    }
    return tuple(
        MainPoint(
            table,
            printed,
            count(by_table[table], kind, group=group, threshold=threshold, noun="aspects"),
        )
        for table, kind, group, threshold, printed in _PRINTED_POINTS
    )


def check_cases(cases: CaseSet) -> None:
    """Check that the cases have the questions and strata of the tables."""
    if not isinstance(cases, CaseSet):
        raise UsageError(
            f"`cases` must be a CaseSet; found {type(cases).__name__}; read the data with "
            "CaseSet.from_data(data, framework=omi2.FRAMEWORK)"
        )
    framework = cases.framework
    levels = {stratum.name: stratum.levels for stratum in framework.strata}
    questions = [q for q in FRAMEWORK.question_ids if q not in framework.question_ids]
    strata = [name for name in STANDARD_NAMES if levels.get(name) != FRAMEWORK.stratum(name).levels]
    if questions or strata:
        lacks = [f"the questions {format_values(questions)}"] * bool(questions)
        lacks += [f"the strata {format_values(strata)} with their levels"] * bool(strata)
        raise UsageError(
            f"the cases were read with the framework {framework.name!r}, which lacks "
            f"{' and '.join(lacks)}; read them with "
            "CaseSet.from_data(data, framework=omi2.FRAMEWORK)"
        )


def compared_cells(published: pa.Table, findings: Findings) -> Iterator[ComparedCell]:
    """Compare every printed figure with the recomputed one, table by table."""
    names = ("breakdown", "question", "group", "n", "printed", "stars")
    columns = [findings.table[name].to_pylist() for name in names]
    computed = {line[:3]: line[3:] for line in zip(*columns, strict=True)}
    seen = set()
    for line in published.to_pylist():
        table, row, question, group = (line[c] for c in ("table", "row", "question", "group"))
        n, percent, stars = computed[TABLES[table].breakdown, question, group]
        if line["n"] is not None:
            yield ComparedCell(table, row, question, group, "n", line["n"], n)
        if line["percent"] is not None:
            yield ComparedCell(table, row, question, group, "percent", line["percent"], percent)
        if line["stars"] is not None and (table, row) not in seen:
            seen.add((table, row))
            yield ComparedCell(table, row, question, None, "stars", line["stars"], stars)


def single_groups(published: pa.Table) -> set[tuple[int, int]]:
    """Find the rows with figures for one group only."""
    rows = published.select(["table", "row", "n"]).to_pylist()
    return {(r["table"], r["row"]) for r in rows if r["n"] is None}


def forced_mismatches(cells: Iterable[ComparedCell]) -> frozenset[Cell]:
    """Find the mismatches that print makes unavoidable, none of which could be smaller."""
    cells = tuple(cells)
    differing: dict[str, dict[Cell, Value]] = defaultdict(dict)
    for cell in cells:
        if not cell.agrees:
            differing[cell.question][cell.place] = cell.recomputed
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in printed_rows(cells):
        rows[row.question].append(row)
    found = (had_to_differ(rows[q], values) for q, values in differing.items())
    return frozenset[Cell]().union(*found)


def printed_rows(cells: Iterable[ComparedCell]) -> list[Row]:
    """Rebuild printed rows from compared cells."""
    printed: dict[tuple[int, int, str], dict[tuple[str | None, str], Any]] = defaultdict(dict)
    for cell in cells:
        printed[cell.table, cell.row, cell.question][cell.group, cell.what] = cell.printed
    rows = []
    for (table, row, question), figures in printed.items():
        one, two = groups = TABLES[table].groups
        percents = figures.get((one, "percent")), figures.get((two, "percent"))
        sizes = figures.get((one, "n"), 0), figures.get((two, "n"), 0)
        stars = figures.get((None, "stars"))
        rows.append(Row(table, row, question, groups, percents, sizes, stars))
    return rows


def had_to_differ(rows: Sequence[Row], recomputed: Mapping[Cell, Value]) -> set[Cell]:
    """Find the figures of a question that had to differ from print.

    Parameters
    ----------
    rows : sequence of Row
        All rows of one question, as printed.
    recomputed : mapping of Cell to int, str or None
        The figures that differ, with their recomputed values; all others agree.

    Returns
    -------
    set of Cell
        Figures whose recomputed value is possible together with the figures that agree, while
        the printed value and every value nearer to it than the recomputed one are impossible.
        Other figures that differ may take any value. Numbers of cases are taken as recomputed.
    """
    sizes = {c: n for c, n in recomputed.items() if c.what == "n" and isinstance(n, int)}
    resized = [_resized(row, sizes) for row in rows]
    forced = {cell for cell in sizes if _size_is_forced(rows, cell, sizes)}
    broken = {clash.row.key for clash in _clashes(resized) if clash.row is not None}
    for whole in wholes_of(resized, broken):
        agreeing = {name for name in whole.figures if cell_of(name) not in recomputed}
        for name in whole.figures - agreeing:
            if _figure_is_forced(whole, name, agreeing, recomputed[cell_of(name)]):
                forced.add(cell_of(name))
    return forced


def _figure_is_forced(
    whole: PrintedTotal, name: Hashable, agreeing: Collection[Hashable], value: Value
) -> bool:
    """Tell whether a value is possible with the agreeing figures, and none nearer to print is."""
    scale = STARS if cell_of(name).what == "stars" else tuple(range(101))
    if value not in scale:
        return False
    place, printed_place = scale.index(value), scale.index(_printed(whole, name))
    figures = {*agreeing, name}

    def possible(at: int) -> bool:
        return bool(feasible_counts(replaced(whole, name, scale[at]), figures).any())

    nearer = (
        at for at in _around(printed_place, abs(place - printed_place)) if 0 <= at < len(scale)
    )
    return not any(map(possible, nearer)) and possible(place)


def _size_is_forced(rows: Sequence[Row], cell: Cell, sizes: Mapping[Cell, int]) -> bool:
    """Tell whether an N fits all others, and no N nearer to print does."""
    row = next(r for r in rows if r.key == cell[:2])
    printed, value = row.sizes[row.groups.index(str(cell.group))], sizes[cell]

    def possible(n: int) -> bool:
        clashes = _clashes([_resized(r, {**sizes, cell: n}) for r in rows])
        return not any(cell in clash.cells for clash in clashes)

    nearer = (n for n in _around(printed, abs(value - printed)) if n >= 0)
    return not any(map(possible, nearer)) and possible(value)


def _around(middle: int, distance: int) -> Iterator[int]:
    """Iterate over the whole numbers nearer than a distance, nearest first."""
    if distance:
        yield middle
    for step in range(1, distance):
        yield from (middle - step, middle + step)


def _printed(whole: PrintedTotal, name: Hashable) -> Value:
    if not isinstance(name, Figure):
        return cast(Value, dict(whole.percents)[name])
    division = next(d for d in whole.divisions if d.key == name.division)
    figures = {"first": division.percent1, "second": division.percent2, "stars": division.stars}
    return cast(Value, figures[name.what])


def _resized(row: Row, sizes: Mapping[Cell, int]) -> Row:
    one, two = (sizes.get(row.cell(g, "n"), row.sizes[g]) for g in (0, 1))
    return attrs.evolve(row, sizes=(one, two))


def _clashes(rows: Sequence[Row]) -> list[Clash]:
    return [*question_clashes(rows), *dataset_clashes([rows])]
