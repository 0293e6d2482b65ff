"""Printed rows as evidence, proofs; gets replaced() from _nearest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import attrs
import numpy as np
import pyarrow as pa

from omistats.errors import DataError, Problem, UsageError, format_values
from omistats.forensics.attainable_counts import attainable
from omistats.forensics.consistency import Figure, PrintedSplit, PrintedTotal, feasible_counts
from omistats.kernel.chi_square import STARS
from omistats.kernel.rounding import counts_behind
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.published import FIRST_SPLIT, SCHEMA, TABLES

__all__ = [
    "Cell",
    "Row",
    "Value",
    "cell_of",
    "evidence",
    "prove",
    "read_rows",
    "replaced",
    "runs",
    "wholes_of",
]


Value = int | str | None


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
                f"none, or several, called {format_values(missing)}",
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
        wrong.append(("one question", format_values(questions), "Repeat its id on each line."))
    unknown = [q for q in questions if q is not None and q not in _IDS]
    if unknown:
        hint = "Use the ids of omi2.FRAMEWORK.questions."
        wrong.append(("ids of questions are those of the framework", format_values(unknown), hint))
    marks = dict.fromkeys(line["stars"] for line in pair)
    if len(marks) > 1 or not set(marks) <= {*STARS, None}:
        expected = f"one mark among {', '.join(STARS)}"
        wrong.append((expected, format_values(marks), "Repeat the row's mark on each line."))
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


def wholes_of(rows: Iterable[Row], broken: Collection[tuple[int, int]] = ()) -> list[PrintedTotal]:
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
    divisions: list[PrintedSplit] = []
    for row in fitting:
        (n1, n2), (p1, p2) = row.sizes, row.percents
        if row.table >= FIRST_SPLIT:
            divisions.append(PrintedSplit(row.key, n1, n2, p1, p2, row.stars, split=row.breakdown))
            continue
        percent = row.percents[row.base]
        if percent is not None:
            percents.append((row.cell(row.base, "percent"), percent))
        if row.base == 1:
            high = PrintedSplit(row.key, n1, n2 - n1, p1, None, row.stars, True, row.breakdown)
            divisions.append(high)
    whole = PrintedTotal(bases[0].sizes[bases[0].base], tuple(percents), tuple(divisions))
    return [whole, *apart]


def _alone(rows: Sequence[Row]) -> PrintedTotal:
    """Put rows together that divide the same cases alike, of a whole that is not printed."""
    divisions = []
    for row in rows:
        stars = row.stars if row.table >= FIRST_SPLIT else None
        divisions.append(
            PrintedSplit(row.key, *row.sizes, *row.percents, stars, split=row.breakdown)
        )
    return PrintedTotal(sum(rows[0].sizes), divisions=tuple(divisions))


def cell_of(name: Hashable) -> Cell:
    """Give the cell of a figure that a `Whole` names."""
    if isinstance(name, Cell):
        return name
    figure = cast(Figure, name)
    table, row = cast(tuple[int, int], figure.division)
    if figure.what == "stars":
        return Cell(table, row, None, "stars")
    return Cell(table, row, TABLES[table].groups[figure.what == "second"], "percent")


def replaced(whole: PrintedTotal, name: Hashable, value: Value) -> PrintedTotal:
    """Print another value in place of one."""
    if not isinstance(name, Figure):
        percents: Any = tuple((n, value if n == name else p) for n, p in whole.percents)
        return attrs.evolve(whole, percents=percents)
    change: dict[str, Any] = {
        {"first": "percent1", "second": "percent2", "stars": "stars"}[name.what]: value
    }
    divisions = tuple(
        attrs.evolve(d, **change) if d.key == name.division else d for d in whole.divisions
    )
    return attrs.evolve(whole, divisions=divisions)


_SHOWN_RUNS: Final = 3


def prove(rows: Sequence[Row], whole: PrintedTotal, conflict: Collection[Hashable]) -> str:
    """Say what each row's figures leave of the whole's counts, and that nothing is left."""
    said = [
        f"{counts or 'no possible number'} by {source}"
        for source, counts in evidence(rows, whole, conflict)
    ]
    end = " No number is in all of these." if len(said) > 1 else ""
    end += "".join(_twice(same, conflict) for same in whole.splits)
    return (
        f"Of the {whole.n:,} cases, sufficient were {'; '.join(said)}.{end}"
        f"{_p_values(whole, {row.key: row for row in rows}, conflict)}"
    )


def evidence(
    rows: Sequence[Row], whole: PrintedTotal, figures: Collection[Hashable]
) -> list[tuple[str, str]]:
    """Name each row with some of the figures, and the counts of the whole that these allow.

    Rows that divide the cases alike are named together.
    """
    by_key: dict[Hashable, Row] = {row.key: row for row in rows}
    said = []
    for name, percent in whole.percents:
        if name in figures:
            cell = cell_of(name)
            printed = f"{percent}% of {whole.n:,} {cell.group}"
            said.append((_source(cell, [printed]), _counts(whole, [name])))
    for same in whole.splits:
        sources, all_told = [], []
        for division in same:
            told = [name for name in division.figures if name in figures]
            if told:
                row = by_key[division.key]
                proven = [
                    f"{row.percents[g]}% of {row.sizes[g]:,} {row.groups[g]}"
                    for g in (0, 1)
                    if Figure(division.key, ("first", "second")[g]) in told
                ]
                proven += [f"the mark {row.stars}"] * (Figure(division.key, "stars") in told)
                sources.append(_source(row.key, proven))
                all_told += told
        if sources:
            said.append((" and ".join(sources), _counts(whole, all_told)))
    return said


def _source(place: tuple[object, ...], printed: Sequence[str]) -> str:
    return f"Table {place[0]} row {place[1]} ({', '.join(printed)})"


def _counts(whole: PrintedTotal, told: Collection[Hashable]) -> str:
    return runs(np.flatnonzero(feasible_counts(whole, told)).tolist())


def _twice(same: Sequence[PrintedSplit], conflict: Collection[Hashable]) -> str:
    """Say what figures of the same group, printed more than once, leave of its cases."""
    said = ""
    for what, n in (("first", same[0].n1), ("second", same[0].n2)):
        printed = [d.percent1 if what == "first" else d.percent2 for d in same]
        named = [Figure(d.key, what) in conflict for d in same]
        percents = [p for p, n_ in zip(printed, named, strict=True) if n_ and p is not None]
        if len(set(percents)) > 1:
            told = "; ".join(
                f"{p}% is {runs(list(range(int(low), int(high) + 1))) or 'no possible number'}"
                for p in dict.fromkeys(percents)
                for low, high in [counts_behind(p, n)]
            )
            said += f" The rows count the same {n:,} cases: {told}."
    marks = {d.stars for d in same if Figure(d.key, "stars") in conflict}
    if len(marks) > 1:
        said += " The rows make the same comparison, which earns one mark."
    return said


def runs(counts: Sequence[int]) -> str:
    """Write ascending whole numbers as a few stretches; nothing if there are none."""
    if not counts:
        return ""
    values = np.asarray(counts, np.int64)
    starts = np.flatnonzero(np.diff(values, prepend=-2) > 1)
    ends = np.append(starts[1:], values.size) - 1
    said = [
        f"{values[a]:,}" if a == b else f"{values[a]:,} to {values[b]:,}"
        for a, b in zip(starts, ends, strict=True)
    ]
    if len(said) > _SHOWN_RUNS:
        hidden = len(said) - _SHOWN_RUNS
        said = [*said[: _SHOWN_RUNS - 1], f"in {hidden} further stretches", said[-1]]
    return " or ".join(said)


def _p_values(
    whole: PrintedTotal, by_key: Mapping[Hashable, Row], conflict: Collection[Hashable]
) -> str:
    """Give the range of p where the stars of one row contradict its own percentages."""
    cells = [cell_of(name) for name in conflict]
    starred = [cell for cell in cells if cell.what == "stars"]
    if len(starred) != 1 or len({cell[:2] for cell in cells}) != 1 or len(cells) != 3:
        return ""
    key = starred[0][:2]
    division = next(s for s in whole.divisions if s.key == key)
    row = by_key[key]
    columns = zip(row.percents, row.sizes, strict=True)
    (p1, n1), (p2, n2) = ((np.nan if p is None else p, n) for p, n in columns)
    found = attainable(p1, n1, p2, n2, complement=division.complement)
    return (
        f" Over all {int(found.pairs):,} pairs of counts p is {float(found.p_min):.2g} to "
        f"{float(found.p_max):.2g}."
    )
