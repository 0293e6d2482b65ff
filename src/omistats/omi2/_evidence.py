"""The printed tables as evidence: rows, cells, and the whole that each question's figures share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import attrs
import pyarrow as pa

from omistats.errors import DataError, Problem, shown
from omistats.forensics import Division, Figure, Whole
from omistats.kernel.significance import STARS
from omistats.omi2.extract import COLUMNS, GROUPS

__all__ = ["FIRST_BREAKDOWN", "Cell", "Row", "cell_of", "read_rows", "wholes_of"]

FIRST_BREAKDOWN: Final = 7
"""Tables before this one print the high subset beside the whole; the others two groups."""


class Cell(NamedTuple):
    """A printed figure; ``group`` is None for the stars, which belong to a row."""

    table: int | None
    row: int | None
    group: str | None
    what: str


@attrs.frozen
class Row:
    """One row of a table; a blank N is 0."""

    table: int
    row: int
    question: str
    groups: tuple[str, str]
    percents: tuple[int | None, int | None]
    sizes: tuple[int, int]
    stars: str | None

    @property
    def key(self) -> tuple[int, int]:
        """Where the row stands."""
        return self.table, self.row

    @property
    def base(self) -> int:
        """Which column is the whole, in Tables 3-6: the second, or the first if that is blank."""
        # A blank "all" marks a question that is asked of high risk of harm cases only.
        return 1 if self.sizes[1] or self.percents[1] is not None else 0

    def cell(self, group: int, what: str) -> Cell:
        """Name a figure of the row."""
        return Cell(self.table, self.row, self.groups[group], what)


def read_rows(published: pa.Table) -> list[Row]:
    """Read a table of the form of `load_published`; raise `DataError` with all that is wrong."""
    if missing := [c for c in COLUMNS if c not in published.column_names]:
        raise DataError(
            [
                Problem(
                    "published",
                    f"expected the columns {', '.join(COLUMNS)}",
                    f"none called {shown(missing)}",
                    "Start from load_published().",
                )
            ]
        )
    lines: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for line in published.select(list(COLUMNS)).to_pylist():
        lines[line["table"], line["row"]].append(line)
    rows: list[Row] = []
    problems: list[Problem] = []
    for (table, row), pair in sorted(lines.items()):
        wrong = _wrong(table, pair)
        problems += [Problem(f"Table {table} row {row}", *parts) for parts in wrong]
        if not wrong:
            one, two = pair
            rows.append(
                Row(
                    table,
                    row,
                    one["question"],
                    GROUPS[table],
                    (one["percent"], two["percent"]),
                    (one["n"] or 0, two["n"] or 0),
                    one["stars"],
                )
            )
    if problems:
        raise DataError(problems)
    return rows


def _wrong(table: int, pair: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    wrong = []
    groups = tuple(line["group"] for line in pair)
    if groups != GROUPS.get(table):
        expected = f"one line for each of {GROUPS.get(table, 'the groups of Tables 3-11')}"
        wrong.append((expected, str(groups), "Keep both lines of a row, in the table's order."))
    if len({line["question"] for line in pair}) > 1 or pair[0]["question"] is None:
        wrong.append(
            (
                "one question",
                shown(line["question"] for line in pair),
                "Repeat its id on each line.",
            )
        )
    marks = {line["stars"] for line in pair}
    if len(marks) > 1 or not marks <= {*STARS, None}:
        wrong.append(
            (
                f"one mark among {', '.join(STARS)}",
                shown(marks),
                "Repeat the row's mark on each line.",
            )
        )
    wrong += [
        ("percentages from 0 to 100", str(line["percent"]), "Give percentages as printed.")
        for line in pair
        if line["percent"] is not None and not 0 <= line["percent"] <= 100
    ]
    wrong += [
        ("numbers of cases from 0 up", str(line["n"]), "Give Ns as printed.")
        for line in pair
        if line["n"] is not None and line["n"] < 0
    ]
    return wrong


def wholes_of(rows: Iterable[Row], broken: Collection[tuple[int, int]] = ()) -> list[Whole]:
    """Put a question's rows together: one whole, and one for each row that fits none.

    Rows in ``broken`` have Ns that cannot belong to the whole.
    """
    rows = list(rows)
    fitting = [r for r in rows if r.key not in broken]
    bases = [r for r in fitting if r.table < FIRST_BREAKDOWN and r.sizes[r.base] > 0]
    if not bases:
        return [_alone(r) for r in rows]
    percents: list[tuple[Hashable, int]] = []
    divisions: list[Division] = []
    for row in fitting:
        (n1, n2), (p1, p2) = row.sizes, row.percents
        if row.table >= FIRST_BREAKDOWN:
            divisions.append(Division(row.key, n1, n2, p1, p2, row.stars))
            continue
        percent = row.percents[row.base]
        if percent is not None:
            percents.append((row.cell(row.base, "percent"), percent))
        if row.base == 1:
            divisions.append(Division(row.key, n1, n2 - n1, p1, None, row.stars, complement=True))
    whole = Whole(bases[0].sizes[bases[0].base], tuple(percents), tuple(divisions))
    return [whole, *(_alone(r) for r in rows if r.key in broken)]


def _alone(row: Row) -> Whole:
    stars = row.stars if row.table >= FIRST_BREAKDOWN else None
    return Whole(sum(row.sizes), divisions=(Division(row.key, *row.sizes, *row.percents, stars),))


def cell_of(name: Hashable) -> Cell:
    """Give the cell of a figure that a `Whole` names."""
    if isinstance(name, Cell):
        return name
    figure = cast(Figure, name)
    table, row = cast(tuple[int, int], figure.division)
    if figure.what == "stars":
        return Cell(table, row, None, "stars")
    return Cell(table, row, GROUPS[table][figure.what == "second"], "percent")
