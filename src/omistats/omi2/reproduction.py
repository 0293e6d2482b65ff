"""Reproduce(), main points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal

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
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.printed_contradictions import (
    Clash,
    Contradiction,
    contradictions,
    dataset_clashes,
    question_clashes,
)
from omistats.omi2.published import TABLES, load_published

__all__ = [
    "ComparedCell",
    "MainPoint",
    "Reproduction",
    "What",
    "check_cases",
    "compared_cells",
    "forced_mismatches",
    "had_to_differ",
    "main_points",
    "printed_rows",
    "reproduce",
    "single_groups",
]


What = Literal["n", "percent", "stars"]


@attrs.frozen
class ComparedCell:
    """A printed figure beside the recomputed one.

    Attributes
    ----------
    table, row : int
        Where it is printed.
    question : str
        Id.
    group : str or None
        None for the mark of significance, which belongs to the row.
    what : {'n', 'percent', 'stars'}
        Which figure.
    printed, recomputed : int or str or None
        The two figures: cases, whole percent 0-100, or a mark. What was recomputed is None
        where nothing applied.

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
        """Where the figure is printed, and which it is."""
        return Cell(self.table, self.row, self.group, self.what)

    @property
    def agrees(self) -> bool:
        """Whether the two are the same."""
        return self.printed == self.recomputed


def check_cases(cases: CaseSet) -> None:
    """Check that the cases have what the tables show."""
    if not isinstance(cases, CaseSet):
        raise UsageError(
            f"expected a CaseSet, found {type(cases).__name__}; read the data with "
            "CaseSet.from_data(data, framework=omi2.FRAMEWORK)"
        )
    used = cases.framework
    have = {stratum.name: stratum.levels for stratum in used.strata}
    missing = [q for q in FRAMEWORK.question_ids if q not in used.question_ids]
    other = [
        name for name in FRAMEWORK.breakdowns if have.get(name) != FRAMEWORK.stratum(name).levels
    ]
    if missing or other:
        lacks = [f"the questions {format_values(missing)}"] * bool(missing)
        lacks += [f"the strata {format_values(other)} with their levels"] * bool(other)
        raise UsageError(
            f"the cases were read with the framework {used.name!r}, which lacks "
            f"{' and '.join(lacks)}; read them with "
            "CaseSet.from_data(data, framework=omi2.FRAMEWORK)"
        )


def single_groups(published: pa.Table) -> set[tuple[int, int]]:
    """Find the rows in which only one group has figures."""
    rows = published.select(["table", "row", "n"]).to_pylist()
    return {(r["table"], r["row"]) for r in rows if r["n"] is None}


def printed_rows(cells: Iterable[ComparedCell]) -> list[Row]:
    """Put the printed figures of cells back into rows."""
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


def compared_cells(published: pa.Table, findings: Findings) -> Iterator[ComparedCell]:
    """Lay every printed figure beside the recomputed one, table by table."""
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


def forced_mismatches(cells: Iterable[ComparedCell]) -> frozenset[Cell]:
    """Choose, of all cells, the mismatches that had to be, and to be no smaller."""
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


def had_to_differ(rows: Sequence[Row], recomputed: Mapping[Cell, Value]) -> set[Cell]:
    """Choose, of the figures of a question that differ from print, those that had to.

    Parameters
    ----------
    rows : sequence of Row
        All rows of one question, as printed.
    recomputed : mapping of Cell to int, str or None
        The figures that differ, and what was recomputed in their place; all others agree.

    Returns
    -------
    set of Cell
        Those whose recomputed value is possible beside the figures that agree while print,
        and every value nearer to print than the recomputed one, is not. Other figures that
        differ are left free. Numbers of cases are taken as recomputed.
    """
    sizes = {c: n for c, n in recomputed.items() if c.what == "n" and isinstance(n, int)}
    resized = [_resized(row, sizes) for row in rows]
    needed = {cell for cell in sizes if _size_needed(rows, cell, sizes)}
    broken = {clash.row.key for clash in _clashes(resized) if clash.row is not None}
    for whole in wholes_of(resized, broken):
        agreeing = {name for name in whole.figures if cell_of(name) not in recomputed}
        for name in whole.figures - agreeing:
            if _figure_needed(whole, name, agreeing, recomputed[cell_of(name)]):
                needed.add(cell_of(name))
    return needed


def _figure_needed(
    whole: PrintedTotal, name: Hashable, agreeing: Collection[Hashable], value: Value
) -> bool:
    """Say whether a value is possible beside figures that agree, and none nearer to print is."""
    scale = STARS if cell_of(name).what == "stars" else tuple(range(101))
    if value not in scale:
        return False
    place, print_at = scale.index(value), scale.index(_printed(whole, name))
    kept = {*agreeing, name}

    def possible(at: int) -> bool:
        return bool(feasible_counts(replaced(whole, name, scale[at]), kept).any())

    nearer = (at for at in _around(print_at, abs(place - print_at)) if 0 <= at < len(scale))
    return not any(map(possible, nearer)) and possible(place)


def _around(middle: int, distance: int) -> Iterator[int]:
    """Go through the whole numbers nearer than a distance, nearest first."""
    if distance:
        yield middle
    for step in range(1, distance):
        yield from (middle - step, middle + step)


def _printed(whole: PrintedTotal, name: Hashable) -> Value:
    if not isinstance(name, Figure):
        return dict(whole.percents)[name]
    division = next(d for d in whole.divisions if d.key == name.division)
    return {"first": division.percent1, "second": division.percent2, "stars": division.stars}[
        name.what
    ]


def _resized(row: Row, sizes: Mapping[Cell, int]) -> Row:
    one, two = (sizes.get(row.cell(g, "n"), row.sizes[g]) for g in (0, 1))
    return attrs.evolve(row, sizes=(one, two))


def _clashes(rows: Sequence[Row]) -> list[Clash]:
    return [*question_clashes(rows), *dataset_clashes([rows])]


def _size_needed(rows: Sequence[Row], cell: Cell, sizes: Mapping[Cell, int]) -> bool:
    """Say whether a number of cases clashes with none, and every nearer one to print does."""
    row = next(r for r in rows if r.key == cell[:2])
    printed, value = row.sizes[row.groups.index(str(cell.group))], sizes[cell]

    def possible(n: int) -> bool:
        clashes = _clashes([_resized(r, {**sizes, cell: n}) for r in rows])
        return not any(cell in clash.cells for clash in clashes)

    nearer = (n for n in _around(printed, abs(value - printed)) if n >= 0)
    return not any(map(possible, nearer)) and possible(value)


# Table, kind, group, threshold, and the figure in the report's text.
_PRINTED: Final[tuple[tuple[int, Kind, str, int | None, int], ...]] = (
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


@attrs.frozen
class MainPoint:
    """A counted statement beside the figure that the report prints.

    Attributes
    ----------
    table : int
        The table it was counted from.
    printed : int
        The figure in the report's text.
    point : Point
        The same, computed.

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
        """Whether the computed figure is the printed one."""
        return self.point.value == self.printed


def main_points(findings: Findings) -> tuple[MainPoint, ...]:
    """Compute the 22 figures that the report counts from Tables 3-11.

    Parameters
    ----------
    findings : Findings
        Of all units together, with the six standard breakdowns.

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
    together = findings.unit("all")
    by_table = {
        number: together.breakdown(table.breakdown).question(*table.questions)
        for number, table in TABLES.items()
    }
    return tuple(
        MainPoint(
            table,
            printed,
            count(by_table[table], kind, group=group, threshold=threshold, noun="aspects"),
        )
        for table, kind, group, threshold, printed in _PRINTED
    )


@attrs.frozen(eq=False)
class Reproduction:
    """The outcome of recomputing the report.

    Attributes
    ----------
    cells : tuple of ComparedCell
        Every printed N and percentage, and the mark of every row with two groups.
    untested_marks : tuple of ComparedCell
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
    untested_marks: tuple[ComparedCell, ...]
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
        check_choice("figure", what, ("n", "percent", "stars"))
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
            raise UsageError(f"a proof is of a ComparedCell of `cells`; found {format_value(cell)}")
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
        return forced_mismatches(self.cells)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts and the contradictions, ready for JSON.

        Returns
        -------
        dict
            ``n, percent, stars, points`` (each ``matched`` and ``total``), ``contradictions,
            mismatches, untested_marks`` (lists) and ``cases`` (the `source`). A mismatch carries as
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
        out["untested_marks"] = [attrs.asdict(c) for c in self.untested_marks]
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
        untested_marks=tuple(c for c in cells if c.what == "stars" and (c.table, c.row) in single),
        points=main_points(findings),
        contradictions=found,
        findings=findings,
        case_count=len(chosen),
    )
