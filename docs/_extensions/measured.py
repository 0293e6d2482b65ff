"""What the page on performance takes from the figures that the benchmarks wrote."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.render import as_markdown
from sphinx.application import Sphinx

PAGE = "project/performance"
PLACEHOLDER = "% figures"
FIGURES = Path(__file__).parents[1] / "_figures" / "performance.json"


def write_figures(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the figures where the page asks for them."""
    if page == PAGE:
        if PLACEHOLDER not in source[0]:
            msg = f"{page} has no line {PLACEHOLDER!r}"
            raise ValueError(msg)
        app.env.note_dependency(str(FIGURES))
        found = json.loads(FIGURES.read_text("utf-8"))
        source[0] = source[0].replace(PLACEHOLDER, as_markdown(found))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it."""
    app.connect("source-read", write_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
