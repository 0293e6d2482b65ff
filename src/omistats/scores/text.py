"""Scores for people: plain text and HTML of the first rows."""

from __future__ import annotations

import pyarrow as pa

from omistats.model.framework import Framework
from omistats.model.marks import is_synthetic
from omistats.model.strata import ALL

__all__ = ["as_html", "as_text"]

_ROWS = 24


def as_text(table: pa.Table, framework: Framework) -> str:
    """Show the first rows of scores, and say what else there is."""
    head, lines, tail = _shown(table, framework)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = [
        "  ".join(
            cell.ljust(w) if i < 2 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([head, "", *text, *([tail] if tail else [])])


def as_html(table: pa.Table, framework: Framework) -> str:
    """Show the same in a notebook; every cell is escaped."""
    from html import escape

    head, lines, tail = _shown(table, framework)
    body = ""
    for i, line in enumerate(lines):
        tag = "th" if i == 0 else "td"
        body += "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in line) + "</tr>"
    after = f"<p>{escape(tail)}</p>" if tail else ""
    return f"<p>{escape(head)}</p><table>{body}</table>{after}"


def _shown(table: pa.Table, framework: Framework) -> tuple[str, list[list[str]], str]:
    rows = table.slice(0, _ROWS).to_pylist()
    head = f"Scores{' from SYNTHETIC cases' * is_synthetic(table.schema.metadata)}: "
    head += f"{table.num_rows:,} rows"
    if rows:
        head += f", rule {rows[0]['rule']}, {100 * rows[0]['confidence']:g}% intervals"
    labels = {item.id: item.label for item in framework.items}
    lines = [["unit, group", "score", "percent", "interval", "n", "stars"]]
    for row in rows:
        where = row["unit"]
        if row["group"] is not None:
            where += f", {row['breakdown'].replace('_', ' ')} {row['group']}"
        percent = "" if row["percent"] is None else f"{row['percent']:.1f}"
        limits = "" if row["low"] is None else f"{row['low']:.1f}-{row['high']:.1f}"
        what = f"{row['item']} {labels.get(row['item'], '')}".strip()
        if row["level"] == "headline":
            what = labels.get(row["item"], row["item"])
        note = " (invented questions in it)" if row["provenance"] == "invented" else ""
        # The test of a complement is of the subset; beside all cases its stars would mislead.
        whole = row["contrast"] not in (None, "groups") and row["group"] == ALL
        stars = "" if whole else row["stars"] or ""
        lines.append([where, what + note, percent, limits, f"{row['n']:,}", stars])
    left = table.num_rows - _ROWS
    return head, lines, f"... and {left:,} more rows in .table" if left > 0 else ""
