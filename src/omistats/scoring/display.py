"""Scores for people: plain text and HTML of the first rows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from omistats import _result_tables as show
from omistats.model.framework import ALL, Framework
from omistats.model.metadata import is_synthetic
from omistats.scoring.finite_population import drawn_from

__all__ = ["as_html", "as_text", "lines_of_units"]


_ROWS = 24


def as_text(table: pa.Table, framework: Framework) -> str:
    """Show the first rows of scores, and say what else there is."""
    return show.as_text(*_shown(table, framework), labels=2)


def as_html(table: pa.Table, framework: Framework) -> str:
    """Show the same in a notebook; every cell is escaped."""
    return show.as_html(*_shown(table, framework))


def lines_of_units(table: pa.Table) -> list[list[str]]:
    """Lay a comparison of units out as cells: titles, then a line a unit."""

    def span(row: dict[str, Any], low: str, high: str, digits: int) -> str:
        ends = row[low], row[high]
        return "" if None in ends else f"{ends[0]:.{digits}f}-{ends[1]:.{digits}f}"

    titles = ["unit", "percent", "interval", "n", "95% limits", "99.8% limits", "beyond"]
    titles += ["rank", "range", "joint range", "short"]
    return [
        titles,
        *(
            [
                row["unit"],
                "" if row["percent"] is None else f"{row['percent']:.1f}",
                span(row, "low", "high", 1),
                f"{row['n']:,}",
                span(row, "low_95", "high_95", 1),
                span(row, "low_99_8", "high_99_8", 1),
                f"{row['beyond']:.1%}" if row["beyond"] else "",
                "" if row["rank"] is None else f"{row['rank']:g}",
                span(row, "rank_low", "rank_high", 0),
                span(row, "joint_low", "joint_high", 0),
                row["short"] or "",
            ]
            for row in table.to_pylist()
        ),
    ]


def _shown(table: pa.Table, framework: Framework) -> tuple[str, list[list[str]], str]:
    rows = table.slice(0, _ROWS).to_pylist()
    head = f"Scores{' from SYNTHETIC cases' * is_synthetic(table.schema.metadata)}: "
    head += f"{table.num_rows:,} rows"
    if rows:
        head += f", rule {rows[0]['rule']}, {100 * rows[0]['confidence']:g}% intervals"
    if drawn_from(table) is not None:
        head += ", errors corrected for caseloads"
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
