"""What the pages take from the code itself: the table of questions, and what autodoc misses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

from omistats.model.framework import Framework, Question
from omistats.omi2 import FRAMEWORK

QUESTIONS_PAGE = "reference/questions"
PLACEHOLDER = "% questions"

# A constant does not know which module describes it.
DESCRIBED_IN = {
    "omistats.STANDARD": "omistats.breakdowns.standard",
    "omistats.INTERVALS": "omistats.kernel.intervals",
    "omistats.DIFFERENCES": "omistats.kernel.differences",
    "omistats.RISK_RATIOS": "omistats.kernel.relative",
    "omistats.ODDS_RATIOS": "omistats.kernel.relative",
    "omistats.TESTS": "omistats.kernel.comparison_methods",
    "omistats.GROUP_TESTS": "omistats.kernel.comparison_methods",
    "omistats.omi2.FRAMEWORK": "omistats.omi2.framework",
    "omistats.omi2.TABLES": "omistats.omi2.tables",
    "omistats.omi2.ANNEX_1": "omistats.omi2.annex",
    "omistats.omi2.DISABILITY_TYPES": "omistats.omi2.annex",
}


def printed_rows(question: Question) -> str:
    """Say where a question is printed; neighbouring tables with one row number go together."""
    runs: list[list[int]] = []
    for table, row in question.printed:
        if runs and runs[-1][1:] == [table - 1, row]:
            runs[-1][1] = table
        else:
            runs.append([table, table, row])
    return " ".join(f"`{a}/{row}`" if a == b else f"`{a}-{b}/{row}`" for a, b, row in runs)


def question_lines(framework: Framework) -> Iterator[str]:
    """Give the questions as Markdown, a heading and a table for each criterion."""
    section = criterion = ""
    for question in framework.questions:
        link = question.criterion
        assert link is not None
        item = framework.item(link.item)
        if item.parent and item.parent != section:
            section = item.parent
            yield f"\n## {section} {framework.item(section).label}\n"
        if item.id != criterion:
            criterion = item.id
            yield f"\n### {criterion} {item.label}\n"
            yield "| id | label | criterion | headline | printed in |"
            yield "|---|---|---|---|---|"
        headlines = " ".join(
            f"`{h.item}`" + ("" if h.provenance == "published" else f" ({h.provenance})")
            for h in question.headlines
        )
        cells = (f"`{question.id}`", question.label, link.provenance, headlines)
        yield f"| {' | '.join(cells)} | {printed_rows(question)} |"


def write_questions(_: Sphinx, page: str, source: list[str]) -> None:
    """Put the questions where the page asks for them."""
    if page == QUESTIONS_PAGE:
        if PLACEHOLDER not in source[0]:
            msg = f"{page} has no line {PLACEHOLDER!r}"
            raise ValueError(msg)
        source[0] = source[0].replace(PLACEHOLDER, "\n".join(question_lines(FRAMEWORK)))


def describe_constant(
    _: Sphinx, _what: str, name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    """Describe a constant by the text below it, not by its type's docstring."""
    if name in DESCRIBED_IN:
        found = ModuleAnalyzer.for_module(DESCRIBED_IN[name]).find_attr_docs()
        lines[:] = found["", name.rpartition(".")[2]]


def mend_backlinks(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Link source code to its description where a module has names on two pages.

    viewcode takes all names of a module for those of the first package that shows one.
    """
    if not page.startswith("_modules/omistats/"):
        return
    module = page.removeprefix("_modules/").replace("/", ".")
    known = app.env.get_domain("py").objects

    def mended(match: re.Match[str]) -> str:
        name = match[1]
        inner = f"{module}.{name.removeprefix('omistats.').removeprefix('omi2.')}"
        return f'#{inner}"' if name not in known and inner in known else match[0]

    context["body"] = re.sub(r'#(omistats\.[\w.]+)"', mended, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the three."""
    app.connect("source-read", write_questions)
    app.connect("autodoc-process-docstring", describe_constant, priority=900)
    app.connect("html-page-context", mend_backlinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
