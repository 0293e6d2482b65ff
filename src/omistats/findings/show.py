"""Lines of cells as plain text and as HTML."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["as_html", "as_text"]


def as_text(head: str, lines: Sequence[Sequence[str]], tail: str, labels: int = 1) -> str:
    """Align lines, the first of them titles, between a sentence before and one after.

    The first ``labels`` columns are flush left, the others flush right.
    """
    if not lines:
        return head
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = [
        "  ".join(
            cell.ljust(w) if i < labels else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([head, "", *text, *([tail] if tail else [])])


def as_html(head: str, lines: Sequence[Sequence[str]], tail: str) -> str:
    """Lay the same out for a notebook; every cell is escaped."""
    from html import escape

    body = ""
    for i, line in enumerate(lines):
        tag = "th" if i == 0 else "td"
        body += "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in line) + "</tr>"
    after = f"<p>{escape(tail)}</p>" if tail else ""
    return f"<p>{escape(head)}</p><table>{body}</table>{after}"
