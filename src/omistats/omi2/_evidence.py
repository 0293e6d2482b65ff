"""The printed tables as evidence: rows, cells, and the whole that each question's figures share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import attrs
import pyarrow as pa

from omistats.errors import DataError, Problem, UsageError, shown
from omistats.forensics import Division, Figure, Whole
from omistats.kernel.significance import STARS
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.published import SCHEMA
from omistats.omi2.tables import FIRST_SPLIT, TABLES

__all__ = ["Cell", "Row", "cell_of", "read_rows", "wholes_of"]


_IDS: Final = frozenset(FRAMEWORK.question_ids)


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
    def breakdown(self) -> str:
        """How the row divides the cases; rows of one question that do it alike have one source."""
        return TABLES[self.table].breakdown

    @property
    def base(self) -> int:
        """Which column is the whole, in Tables 3-6: the second, or the first if that is blank."""
        # A blank "all" marks a question that is asked of high risk of harm cases only.
        return 1 if self.sizes[1] or self.percents[1] is not None else 0

    def cell(self, group: int, what: str) -> Cell:
        """Name a figure of the row."""
        return Cell(self.table, self.row, self.groups[group], what)


def read_rows(published: pa.Table) -> list[Row]:
    """Read a table of the form of `load_published`.

    Raises
    ------
    DataError
        With all that is wrong: columns first, for without them no row can be read, then rows.
    UsageError
        When it is no Arrow table.
    """
    if not isinstance(published, pa.Table):
        raise UsageError(
            f"expected printed figures as an Arrow table, found {type(published).__name__}; "
            "start from load_published()"
        )
    if problems := _columns_wrong(published.schema):
        raise DataError(problems)
    lines: dict[tuple[Any, Any], list[dict[str, Any]]] = defaultdict(list)
    for line in published.select(SCHEMA.names).to_pylist():
        lines[line["table"], line["row"]].append(line)
    rows: list[Row] = []
    for (table, row), pair in sorted(lines.items(), key=lambda item: tuple(map(_last, item[0]))):
        where = f"Table {_name(table)} row {_name(row)}"
        if wrong := _wrong(table, row, pair):
            problems += [Problem(where, *parts) for parts in wrong]
            continue
        one, two = pair
        percents, sizes = (one["percent"], two["percent"]), (one["n"] or 0, two["n"] or 0)
        groups = TABLES[table].groups
        rows.append(Row(table, row, one["question"], groups, percents, sizes, one["stars"]))
    if problems:
        raise DataError(problems)
    return rows


def _last(place: int | None) -> tuple[bool, int]:
    return place is None, place or 0


def _name(place: int | None) -> str:
    return "null" if place is None else str(place)


def _columns_wrong(schema: pa.Schema) -> list[Problem]:
    problems = []
    if missing := [name for name in SCHEMA.names if schema.get_field_index(name) < 0]:
        problems.append(
            Problem(
                "published",
                f"expected the columns {', '.join(SCHEMA.names)}, each once",
                f"none, or several, called {shown(missing)}",
                "Start from load_published().",
            )
        )
    for expected in SCHEMA:
        if expected.name in missing:
            continue
        kind = schema.field(expected.name).type
        whole = pa.types.is_integer(expected.type)
        fits = pa.types.is_integer(kind) if whole else _is_text(kind)
        if not fits and not pa.types.is_null(kind):
            rule = "expected whole numbers" if whole else "expected text"
            hint = f"Cast it to {expected.type}, as load_published() has it."
            problems.append(Problem(expected.name, rule, f"type {kind}", hint))
    return problems


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    views = pa.types.is_string_view(kind)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or views)


def _wrong(
    table: int | None, row: int | None, pair: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str, str]]:
    wrong = []
    if table not in TABLES:
        expected = f"the tables are {min(TABLES)} to {max(TABLES)}"
        wrong.append((expected, _name(table), "Leave out lines of other tables."))
    elif (groups := tuple(line["group"] for line in pair)) != TABLES[table].groups:
        expected = f"one line for each of {TABLES[table].groups}"
        wrong.append((expected, str(groups), "Keep both lines of a row, in the table's order."))
    if row is None or row < 1:
        wrong.append(("rows count from 1", _name(row), "Number them as printed."))
    questions = dict.fromkeys(line["question"] for line in pair)
    if len(questions) > 1 or None in questions:
        wrong.append(("one question", shown(questions), "Repeat its id on each line."))
    unknown = [q for q in questions if q is not None and q not in _IDS]
    if unknown:
        hint = "Use the ids of omi2.FRAMEWORK.questions."
        wrong.append(("ids of questions are those of the framework", shown(unknown), hint))
    marks = dict.fromkeys(line["stars"] for line in pair)
    if len(marks) > 1 or not set(marks) <= {*STARS, None}:
        expected = f"one mark among {', '.join(STARS)}"
        wrong.append((expected, shown(marks), "Repeat the row's mark on each line."))
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
    """Put a question's rows together: one whole, and more for rows that fit none.

    Rows in ``broken`` have Ns that cannot belong to the whole.
    """
    rows = list(rows)
    fitting = [r for r in rows if r.key not in broken]
    bases = [r for r in fitting if r.table < FIRST_SPLIT and r.sizes[r.base] > 0]
    apart = [_alone([r]) for r in rows if r.key in broken]
    if not bases:
        alike: dict[str, list[Row]] = defaultdict(list)
        for row in fitting:
            alike[row.breakdown].append(row)
        return [*map(_alone, alike.values()), *apart]
    percents: list[tuple[Hashable, int]] = []
    divisions: list[Division] = []
    for row in fitting:
        (n1, n2), (p1, p2) = row.sizes, row.percents
        if row.table >= FIRST_SPLIT:
            divisions.append(Division(row.key, n1, n2, p1, p2, row.stars, split=row.breakdown))
            continue
        percent = row.percents[row.base]
        if percent is not None:
            percents.append((row.cell(row.base, "percent"), percent))
        if row.base == 1:
            high = Division(row.key, n1, n2 - n1, p1, None, row.stars, True, row.breakdown)
            divisions.append(high)
    whole = Whole(bases[0].sizes[bases[0].base], tuple(percents), tuple(divisions))
    return [whole, *apart]


def _alone(rows: Sequence[Row]) -> Whole:
    """Put rows together that divide the same cases alike, of a whole that is not printed."""
    divisions = []
    for row in rows:
        stars = row.stars if row.table >= FIRST_SPLIT else None
        divisions.append(Division(row.key, *row.sizes, *row.percents, stars, split=row.breakdown))
    return Whole(sum(rows[0].sizes), divisions=tuple(divisions))


def cell_of(name: Hashable) -> Cell:
    """Give the cell of a figure that a `Whole` names."""
    if isinstance(name, Cell):
        return name
    figure = cast(Figure, name)
    table, row = cast(tuple[int, int], figure.division)
    if figure.what == "stars":
        return Cell(table, row, None, "stars")
    return Cell(table, row, TABLES[table].groups[figure.what == "second"], "percent")
