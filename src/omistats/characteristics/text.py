"""Characteristics for people: plain text and HTML of one unit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa

from omistats.characteristics.several import NOT_KNOWN
from omistats.errors import check_word
from omistats.findings import show
from omistats.model.marks import is_synthetic
from omistats.model.strata import ALL

__all__ = ["as_html", "as_text", "heading", "names_of", "others", "rows_of", "sentence"]

_TITLES = ("", "n", "% of cases", "% of known", "% of mentions")


def as_text(table: pa.Table, cases: Mapping[str, int]) -> str:
    """Show the first unit, and say what else there is."""
    return show.as_text(*_shown(table, cases), labels=2)


def as_html(table: pa.Table, cases: Mapping[str, int]) -> str:
    """Show the same in a notebook; every cell is escaped."""
    return show.as_html(*_shown(table, cases))


def rows_of(table: pa.Table, unit: str, units: Collection[str]) -> pa.Table:
    """Give the rows of one unit; every unit has as many.

    Raises
    ------
    UnknownNameError
        When there is no such unit.
    """
    check_word("unit", unit, tuple(units))
    count = table.num_rows // len(units)
    return table.slice(count * list(units).index(unit), count)


def heading(what: str, table: pa.Table, cases: int, unit: str) -> str:
    """Give the first line: of what, of how many cases, and whether they are made up."""
    made_up = "SYNTHETIC " * is_synthetic(table.schema.metadata)
    return f"{what} of {cases:,} {made_up}case{'s' * (cases != 1)}, unit {unit}"


def names_of(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Give two labels a row: the characteristic where it begins, and the level."""
    out, before = [], None
    for row in rows:
        name = row["characteristic"]
        mark = " (INVENTED)" * row["invented"]
        first = name + mark if name != before else ""
        level = row["level"] or NOT_KNOWN
        out.append((first, level))
        before = name
    return out


def others(units: Collection[str]) -> str:
    """Say what there is besides the first unit, and how to see it; ``all`` is no unit."""
    rest = list(units)[1:]
    count = sum(unit != ALL for unit in rest)
    parts = [f"{count:,} more unit{'s' * (count != 1)}"] * bool(count) + [ALL] * (ALL in rest)
    if not parts:
        return ""
    return f"... and {' and '.join(parts)} in .table; see .unit({rest[-1]!r})"


def sentence(reason: str) -> str:
    """Put a reason in brackets where a level would stand."""
    return f"({reason})"


def _shown(table: pa.Table, cases: Mapping[str, int]) -> tuple[str, list[list[str]], str]:
    if not cases or not table.num_rows:
        return "Characteristics of no cases", [], ""
    unit = next(iter(cases))
    count = table.num_rows // len(cases)
    rows = table.slice(0, count).to_pylist()
    lines = [["characteristic", *_TITLES]]
    for row, (name, level) in zip(rows, names_of(rows), strict=True):
        if row["reason"]:
            lines.append([name, sentence(row["reason"]), "", "", "", ""])
            continue
        of_cases = row["percent"] if row["percent"] is not None else row["percent_of_cases"]
        shares = (of_cases, row["percent_known"], row["percent_of_mentions"])
        lines.append(
            [name, level, f"{row['n']:,}", *("" if v is None else f"{v:.1f}" for v in shares)]
        )
    if not any(line[5] for line in lines[1:]):
        lines = [line[:5] for line in lines]
    return heading("Characteristics", table, cases[unit], unit), lines, others(cases)
