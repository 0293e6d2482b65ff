"""Findings for people: plain text and HTML of the first few rows."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from omistats.findings import show
from omistats.findings.layout import blocks, wide
from omistats.model.marks import is_synthetic

__all__ = ["as_html", "as_text"]

_ROWS = 8


def as_text(table: pa.Table, labels: Mapping[str, str], rows: int = _ROWS) -> str:
    """Show the first block of findings, and say what else there is."""
    return show.as_text(*_shown(table, labels, rows))


def as_html(table: pa.Table, labels: Mapping[str, str], rows: int = _ROWS) -> str:
    """Show the same in a notebook; every cell is escaped."""
    return show.as_html(*_shown(table, labels, rows))


def _shown(
    table: pa.Table, labels: Mapping[str, str], rows: int
) -> tuple[str, list[list[str]], str]:
    cut = blocks(table)
    made_up = is_synthetic(table.schema.metadata)
    head = f"Findings{' from SYNTHETIC cases' * made_up}: {table.num_rows:,} rows"
    if not cut:
        return head, [], ""
    units = dict.fromkeys(unit for unit, _, _ in cut)
    breakdowns = dict.fromkeys(b for _, b, _ in cut)
    head += f", {len(units)} unit{'s' * (len(units) > 1)} x {', '.join(breakdowns)}"
    unit, breakdown, first = cut[0]
    laid = wide(first)
    groups = [n.removesuffix(" percent") for n in laid.column_names if n.endswith(" percent")]
    lines = [[f"{breakdown}, unit {unit}", *(g for g in groups for g in (g, "N")), "stars"]]
    for row in laid.slice(0, rows).to_pylist():
        line = [labels.get(row["question"], row["question"])]
        for group in groups:
            percent = row[f"{group} percent"]
            n = row[f"{group} n"]
            line += ["" if percent is None else f"{percent}%", "" if n is None else f"{n:,}"]
        lines.append([*line, row["stars"] or ""])
    more = {"question": max(laid.num_rows - rows, 0), "table": len(cut) - 1}
    left = [f"{n} more {word}{'s' * (n > 1)}" for word, n in more.items() if n]
    whole = "; all rows, intervals and p-values are in .table"
    return head, lines, f"... and {', '.join(left)}{whole}" if left else ""
