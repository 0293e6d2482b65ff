"""Printed figures beside recomputed ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import attrs
import pyarrow as pa

from omistats.errors import UsageError, shown
from omistats.findings import Findings
from omistats.model.cases import CaseSet
from omistats.omi2._evidence import Cell, Row
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.tables import TABLES

__all__ = [
    "ComparedCell",
    "What",
    "check_cases",
    "compared_cells",
    "printed_rows",
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
        lacks = [f"the questions {shown(missing)}"] * bool(missing)
        lacks += [f"the strata {shown(other)} with their levels"] * bool(other)
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
