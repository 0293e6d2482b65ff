"""A sample beside its caseload for people: plain text and HTML of one unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from omistats.characteristics.text import names_of, others, sentence
from omistats.findings import show
from omistats.model.marks import is_synthetic

__all__ = ["as_html", "as_text"]

Sizes = Mapping[str, tuple[int, int]]

_PLAIN = ("n", "sample %", "caseload %", "difference", "standardised", "p_value")
_WEIGHTED = ("weighted %", "weighted diff.", "weighted p")


def as_text(table: pa.Table, sizes: Sizes, disagreements: Mapping[str, int]) -> str:
    """Show the first unit, and say what else there is."""
    return show.as_text(*_shown(table, sizes, disagreements), labels=2)


def as_html(table: pa.Table, sizes: Sizes, disagreements: Mapping[str, int]) -> str:
    """Show the same in a notebook; every cell is escaped."""
    return show.as_html(*_shown(table, sizes, disagreements))


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _p_value(row: dict[str, Any], first: bool, head: str = "") -> str:
    """Show a p-value once a characteristic; a mark says that it is rough."""
    value = row[head + "p_value"]
    if not first or value is None:
        return ""
    shown = "<0.001" if value < 0.001 else f"{value:.3f}"
    return shown + "?" * bool(row["small"])


def _shown(
    table: pa.Table, sizes: Sizes, disagreements: Mapping[str, int]
) -> tuple[str, list[list[str]], str]:
    unit = next(iter(sizes))
    rows = table.slice(0, table.num_rows // len(sizes)).to_pylist()
    weighted = "weighted_percent" in table.column_names
    titles = ["characteristic", "", *_PLAIN, *(_WEIGHTED if weighted else ())]
    lines, notes = [titles], []
    for row, (name, level) in zip(rows, names_of(rows), strict=True):
        if row["n"] is None:
            lines.append([name, sentence(row["reason"]), *[""] * (len(titles) - 2)])
            continue
        first = bool(name)
        line = [
            name,
            level,
            f"{row['n']:,}",
            _number(row["percent"], ".1f"),
            _number(row["caseload_percent"], ".1f"),
            _number(row["difference"], "+z.1f"),
            _number(row["standardised"], "z.2f"),
            _p_value(row, first),
        ]
        if weighted:
            line += [
                _number(row["weighted_percent"], ".1f"),
                _number(row["weighted_difference"], "+z.1f"),
                _p_value(row, first, "weighted_"),
            ]
        lines.append(line)
        if first and row["reason"]:
            notes.append(f"{row['characteristic']}: {row['reason']}")
        if first and weighted and row["weighted_reason"]:
            notes.append(f"{row['characteristic']}, weighted: {row['weighted_reason']}")
    if any(cell.endswith("?") for line in lines for cell in line):
        notes.append("?: an expected count is below 5, and the p-value rough")
    notes += [
        f"{name}: {many:,} case{'s' * (many != 1)} of the sample with another level in the caseload"
        for name, many in disagreements.items()
    ]
    if more := others(sizes):
        notes.append(more)
    made_up = "SYNTHETIC " * is_synthetic(table.schema.metadata)
    n, N = sizes[unit]
    head = f"Representativeness of {n:,} {made_up}cases of a caseload of {N:,}, unit {unit}"
    return head, lines, "\n".join(notes)
