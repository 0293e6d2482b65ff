"""Findings for people: plain text and HTML of the first few rows."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from omistats.findings.layout import blocks, wide
from omistats.model.marks import is_synthetic

__all__ = ["as_html", "as_text"]

_ROWS = 8


def as_text(table: pa.Table, labels: Mapping[str, str], rows: int = _ROWS) -> str:
    """Show the first block of findings, and say what else there is."""
    head, lines, tail = _shown(table, labels, rows)
    if not lines:
        return head
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([head, "", *text, *([tail] if tail else [])])


def as_html(table: pa.Table, labels: Mapping[str, str], rows: int = _ROWS) -> str:
    """Show the same in a notebook; every cell is escaped."""
    from html import escape

    head, lines, tail = _shown(table, labels, rows)
    body = ""
    for i, line in enumerate(lines):
        tag = "th" if i == 0 else "td"
        body += "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in line) + "</tr>"
    after = f"<p>{escape(tail)}</p>" if tail else ""
    return f"<p>{escape(head)}</p><table>{body}</table>{after}"


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
