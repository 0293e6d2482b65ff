"""Printed rows as evidence, and proofs that they contradict one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import attrs
import numpy as np
import pyarrow as pa

from omistats._arrow import is_text
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
    """Place of a printed figure; ``group`` is None for the stars, which belong to a row."""

    table: int | None
    row: int | None
    group: str | None
    what: str


@attrs.frozen
class Row:
    """A row of a printed table; a blank N is 0."""

    table: int
    row: int
    question: str
    groups: tuple[str, str]
    percents: tuple[int | None, int | None]
    sizes: tuple[int, int]
    stars: str | None

    @property
    def key(self) -> tuple[int, int]:
        """Table and row number."""
        return self.table, self.row

    @property
    def breakdown(self) -> str:
        """Breakdown of the table; rows of one question and breakdown count the same groups."""
        return TABLES[self.table].breakdown

    @property
    def base(self) -> int:
        """Column of all cases in Tables 3-6: the second, or the first if the second is blank."""
        # A blank "all" marks a question that applies to high risk of harm cases only.
        return 1 if self.sizes[1] or self.percents[1] is not None else 0

    def cell(self, group: int, what: str) -> Cell:
        """Return the place of a figure of the row."""
        return Cell(self.table, self.row, self.groups[group], what)


def read_rows(published: pa.Table) -> list[Row]:
    """Read the rows of a table in the form of `load_published`.

    Raises
    ------
    DataError
        When columns or rows are wrong; all problems of the columns are listed, or else all
        problems of the rows.
    UsageError
        When it is not an Arrow table.
    """
    if not isinstance(published, pa.Table):
        raise UsageError(
            "`published` must be an Arrow table of printed figures; found "
            f"{type(published).__name__}; start from load_published()"
        )
    if problems := _check_columns(published.schema):
        raise DataError(problems)
    lines: dict[tuple[Any, Any], list[dict[str, Any]]] = defaultdict(list)
    for line in published.select(SCHEMA.names).to_pylist():
        lines[line["table"], line["row"]].append(line)
    rows: list[Row] = []
    for (table, row), pair in sorted(
        lines.items(), key=lambda item: tuple(map(_null_last, item[0]))
    ):
        where = f"Table {_format_place(table)} row {_format_place(row)}"
        if found := _check_row(table, row, pair):
            problems += [Problem(where, *parts) for parts in found]
            continue
        one, two = pair
        percents, sizes = (one["percent"], two["percent"]), (one["n"] or 0, two["n"] or 0)
        groups = TABLES[table].groups
        rows.append(Row(table, row, one["question"], groups, percents, sizes, one["stars"]))
    if problems:
        raise DataError(problems)
    return rows


def _null_last(place: int | None) -> tuple[bool, int]:
    return place is None, place or 0


def _format_place(place: int | None) -> str:
    return "null" if place is None else str(place)


def _check_columns(schema: pa.Schema) -> list[Problem]:
    problems = []
    if missing := [name for name in SCHEMA.names if schema.get_field_index(name) < 0]:
        problems.append(
            Problem(
                "published",
                f"the columns must be {', '.join(SCHEMA.names)}, each once",
                f"missing or repeated: {format_values(missing)}",
                "Start from load_published().",
            )
        )
    for expected in SCHEMA:
        if expected.name in missing:
            continue
        kind = schema.field(expected.name).type
        integer = pa.types.is_integer(expected.type)
        labels = kind.value_type if pa.types.is_dictionary(kind) else kind
        fits = pa.types.is_integer(kind) if integer else is_text(labels)
        if not fits and not pa.types.is_null(kind):
            rule = "the column must hold whole numbers" if integer else "the column must hold text"
            hint = f"Cast it to {expected.type}, as load_published() has it."
            problems.append(Problem(expected.name, rule, f"type {kind}", hint))
    return problems


def _check_row(
    table: int | None, row: int | None, pair: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str, str]]:
    """List the problems of a row, each as rule, what was found and hint."""
    problems = []
    if table not in TABLES:
        expected = f"the table must be {min(TABLES)} to {max(TABLES)}"
        problems.append((expected, _format_place(table), "Leave out lines of other tables."))
    elif (groups := tuple(line["group"] for line in pair)) != TABLES[table].groups:
        expected = f"there must be one line for each group of {TABLES[table].groups}"
        problems.append((expected, str(groups), "Keep both lines of a row, in the table's order."))
    if row is None or row < 1:
        problems.append(("`row` must be 1 or more", _format_place(row), "Number them as printed."))
    questions = dict.fromkeys(line["question"] for line in pair)
    if len(questions) > 1 or None in questions:
        problems.append(
            (
                "both lines must have one question",
                format_values(questions),
                "Repeat its id on each line.",
            )
        )
    unknown = [q for q in questions if q is not None and q not in _IDS]
    if unknown:
        hint = "Use the ids of omi2.FRAMEWORK.questions."
        problems.append(("the question must be in the framework", format_values(unknown), hint))
    marks = dict.fromkeys(line["stars"] for line in pair)
    if len(marks) > 1 or not set(marks) <= {*STARS, None}:
        expected = f"both lines must have one mark of {', '.join(STARS)}"
        problems.append((expected, format_values(marks), "Repeat the row's mark on each line."))
    problems += [
        ("`percent` must be from 0 to 100", str(line["percent"]), "Give percentages as printed.")
        for line in pair
        if line["percent"] is not None and not 0 <= line["percent"] <= 100
    ]
    problems += [
        ("`n` must be 0 or more", str(line["n"]), "Give Ns as printed.")
        for line in pair
        if line["n"] is not None and line["n"] < 0
    ]
    return problems


def wholes_of(rows: Iterable[Row], broken: Collection[tuple[int, int]] = ()) -> list[PrintedTotal]:
    """Combine a question's rows into printed totals.

    All rows form one total. Rows in ``broken``, whose Ns contradict it, and rows without a
    printed total form totals of their own.
    """
    rows = list(rows)
    fitting = [r for r in rows if r.key not in broken]
    bases = [r for r in fitting if r.table < FIRST_SPLIT and r.sizes[r.base] > 0]
    separate = [_unprinted_total([r]) for r in rows if r.key in broken]
    if not bases:
        by_breakdown: dict[str, list[Row]] = defaultdict(list)
        for row in fitting:
            by_breakdown[row.breakdown].append(row)
        return [*map(_unprinted_total, by_breakdown.values()), *separate]
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
    return [whole, *separate]


def _unprinted_total(rows: Sequence[Row]) -> PrintedTotal:
    """Combine rows of one breakdown whose total is not printed."""
    divisions = []
    for row in rows:
        stars = row.stars if row.table >= FIRST_SPLIT else None
        divisions.append(
            PrintedSplit(row.key, *row.sizes, *row.percents, stars, split=row.breakdown)
        )
    return PrintedTotal(sum(rows[0].sizes), divisions=tuple(divisions))


def cell_of(name: Hashable) -> Cell:
    """Return the place of a figure of a `PrintedTotal`."""
    if isinstance(name, Cell):
        return name
    figure = cast(Figure, name)
    table, row = cast(tuple[int, int], figure.division)
    if figure.what == "stars":
        return Cell(table, row, None, "stars")
    return Cell(table, row, TABLES[table].groups[figure.what == "second"], "percent")


def replaced(whole: PrintedTotal, name: Hashable, value: Value) -> PrintedTotal:
    """Replace one printed figure by another value."""
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


_MOST_RANGES: Final = 3


def prove(rows: Sequence[Row], whole: PrintedTotal, conflict: Collection[Hashable]) -> str:
    """Write a proof: the counts that each row allows, and that none is allowed by all."""
    allowed = [
        f"{counts or 'no possible number'} by {source}"
        for source, counts in evidence(rows, whole, conflict)
    ]
    end = " No number is in all of these." if len(allowed) > 1 else ""
    end += "".join(_repeated_figures(same, conflict) for same in whole.splits)
    return (
        f"Of the {whole.n:,} cases, sufficient were {'; '.join(allowed)}.{end}"
        f"{_p_values(whole, {row.key: row for row in rows}, conflict)}"
    )


def evidence(
    rows: Sequence[Row], whole: PrintedTotal, figures: Collection[Hashable]
) -> list[tuple[str, str]]:
    """List the sources of figures, each with the counts of all cases that it allows.

    Rows of one breakdown are one source.
    """
    by_key: dict[Hashable, Row] = {row.key: row for row in rows}
    found = []
    for name, percent in whole.percents:
        if name in figures:
            cell = cell_of(name)
            total = f"{percent}% of {whole.n:,} {cell.group}"
            found.append((_source(cell, [total]), _counts(whole, [name])))
    for same in whole.splits:
        sources, names = [], []
        for division in same:
            used = [name for name in division.figures if name in figures]
            if used:
                row = by_key[division.key]
                printed = [
                    f"{row.percents[g]}% of {row.sizes[g]:,} {row.groups[g]}"
                    for g in (0, 1)
                    if Figure(division.key, ("first", "second")[g]) in used
                ]
                printed += [f"the mark {row.stars}"] * (Figure(division.key, "stars") in used)
                sources.append(_source(row.key, printed))
                names += used
        if sources:
            found.append((" and ".join(sources), _counts(whole, names)))
    return found


def _source(place: tuple[object, ...], printed: Sequence[str]) -> str:
    return f"Table {place[0]} row {place[1]} ({', '.join(printed)})"


def _counts(whole: PrintedTotal, figures: Collection[Hashable]) -> str:
    return runs(np.flatnonzero(feasible_counts(whole, figures)).tolist())


def _repeated_figures(same: Sequence[PrintedSplit], conflict: Collection[Hashable]) -> str:
    """Write which counts each of several figures of the same group allows."""
    text = ""
    for what, n in (("first", same[0].n1), ("second", same[0].n2)):
        printed = [d.percent1 if what == "first" else d.percent2 for d in same]
        named = [Figure(d.key, what) in conflict for d in same]
        percents = [p for p, n_ in zip(printed, named, strict=True) if n_ and p is not None]
        if len(set(percents)) > 1:
            counts = "; ".join(
                f"{p}% is {runs(list(range(int(low), int(high) + 1))) or 'no possible number'}"
                for p in dict.fromkeys(percents)
                for low, high in [counts_behind(p, n)]
            )
            text += f" The rows count the same {n:,} cases: {counts}."
    marks = {d.stars for d in same if Figure(d.key, "stars") in conflict}
    if len(marks) > 1:
        text += " The rows make the same comparison, which earns one mark."
    return text


def runs(counts: Sequence[int]) -> str:
    """Write ascending whole numbers as a few ranges; empty if there are none."""
    if not counts:
        return ""
    values = np.asarray(counts, np.int64)
    starts = np.flatnonzero(np.diff(values, prepend=-2) > 1)
    ends = np.append(starts[1:], values.size) - 1
    ranges = [
        f"{values[a]:,}" if a == b else f"{values[a]:,} to {values[b]:,}"
        for a, b in zip(starts, ends, strict=True)
    ]
    if len(ranges) > _MOST_RANGES:
        hidden = len(ranges) - _MOST_RANGES
        ranges = [*ranges[: _MOST_RANGES - 1], f"in {hidden} further stretches", ranges[-1]]
    return " or ".join(ranges)


def _p_values(
    whole: PrintedTotal, by_key: Mapping[Hashable, Row], conflict: Collection[Hashable]
) -> str:
    """Write the range of p if the stars of one row contradict its own percentages."""
    cells = [cell_of(name) for name in conflict]
    starred = [cell for cell in cells if cell.what == "stars"]
    if len(starred) != 1 or len({cell[:2] for cell in cells}) != 1 or len(cells) != 3:
        return ""
    key = starred[0][:2]
    division = next(s for s in whole.divisions if s.key == key)
    row = by_key[key]
    columns = zip(row.percents, row.sizes, strict=True)
    (p1, n1), (p2, n2) = ((np.nan if p is None else p, n) for p, n in columns)
    # One row does not tell how the report rounds.
    found = attainable(
        p1, n1, p2, n2, complement=division.complement, rounding="half-up", decimals=0
    )
    return (
        f" Over all {int(found.pairs):,} pairs of counts p is {float(found.p_min):.2g} to "
        f"{float(found.p_max):.2g}."
    )
