"""Messages in code blocks are folded: the advice is at their end, which nobody would scroll to."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

# Longer than any line of code, and than any table that the examples print.
LIMIT = 130


def mark(app: Sphinx, doctree: nodes.document, page: str) -> None:  # noqa: ARG001  # Sphinx's own
    """Give a class to the blocks that hold so long a line; the style sheet folds them."""
    for block in doctree.findall(nodes.literal_block):
        if any(len(line) > LIMIT for line in block.astext().splitlines()):
            block["classes"].append("long-lines")


def setup(app: Sphinx) -> dict[str, bool]:
    """Mark them when a page is about to be written."""
    app.connect("doctree-resolved", mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
