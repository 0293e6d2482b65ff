"""What the pages take from the code itself: tables, the glossary, and what autodoc misses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

from omistats import Framework, Question
from omistats.omi2 import FRAMEWORK, GLOSSARY, UNITS, Inspection, Term

# So common that a link at every one of them would only be in the way.
EVERYDAY = ("case", "question")

# What the glossary of these pages adds to that of the code: links.
MORE = {
    "question": f"[All {len(FRAMEWORK.questions)}](reference/questions.md).",
    "unit": f"[All {len(UNITS)}](reference/units.md).",
    "score": "{func}`omistats.scores` computes it.",
}

# A constant does not know which module describes it.
DESCRIBED_IN = {
    "omistats.omi2.STANDARD": "omistats.omi2.breakdowns",
    "omistats.stats.INTERVALS": "omistats.kernel.intervals",
    "omistats.stats.DIFFERENCES": "omistats.kernel.effects",
    "omistats.stats.RISK_RATIOS": "omistats.kernel.effects",
    "omistats.stats.ODDS_RATIOS": "omistats.kernel.effects",
    "omistats.stats.TESTS": "omistats.kernel.compare",
    "omistats.stats.GROUP_TESTS": "omistats.kernel.compare",
    "omistats.omi2.FRAMEWORK": "omistats.omi2.framework",
    "omistats.omi2.GLOSSARY": "omistats.omi2.glossary",
    "omistats.omi2.UNITS": "omistats.omi2.units",
    "omistats.omi2.TRUSTS": "omistats.omi2.units",
    "omistats.omi2.TABLES": "omistats.omi2.published",
    "omistats.omi2.THEMES": "omistats.omi2.good_practice.index",
    "omistats.omi2.ANNEX_1": "omistats.omi2.framework",
    "omistats.omi2.DISABILITY_TYPES": "omistats.omi2.framework",
}


def linked(text: str, *, but: Term | None = None) -> str:
    """Make a link of every term's first mention in a text."""
    found = {m.term: m for m in reversed(GLOSSARY.mentions(text))}
    for term, mention in sorted(found.items(), key=lambda pair: -pair[1].start):
        if term is not but and term.id not in EVERYDAY:
            written = text[mention.start : mention.stop]
            link = f"{{term}}`{written} <{term.term}>`"
            text = text[: mention.start] + link + text[mention.stop :]
    return text


def glossary_lines(glossary: Mapping[str, Term]) -> Iterator[str]:
    """Give the glossary as Sphinx takes it, with links among the terms."""
    yield "```{glossary}"
    for term in glossary.values():
        yield from term.spellings
        more = f" {MORE[term.id]}" if term.id in MORE else ""
        yield f"  {linked(term.meaning, but=term)}{more}\n"
    yield "```"


def unit_lines(units: tuple[Inspection, ...]) -> Iterator[str]:
    """Give the units as a Markdown table."""
    yield "| id | name | region | in the 2011 report | synonyms |"
    yield "|---|---|---|---|---|"
    for unit in units:
        trust = "" if unit.trust == unit.id else f" (Trust `{unit.trust}`)"
        reported = "yes" if unit.in_aggregate else ""
        cells = (f"`{unit.id}`{trust}", unit.name, unit.region, reported, ", ".join(unit.synonyms))
        yield f"| {' | '.join(cells)} |"


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
        cells = (f"`{question.id}`", linked(question.label), link.provenance, headlines)
        yield f"| {' | '.join(cells)} | {printed_rows(question)} |"


# Of every page that has one the line to be replaced, and what by.
PLACEHOLDERS: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "reference/questions": ("% questions", lambda: question_lines(FRAMEWORK)),
    "reference/units": ("% units", lambda: unit_lines(UNITS)),
    "glossary": ("% terms", lambda: glossary_lines(GLOSSARY)),
}


def write_lines(_: Sphinx, page: str, source: list[str]) -> None:
    """Put what is made from the code where the page asks for it."""
    if page in PLACEHOLDERS:
        placeholder, lines = PLACEHOLDERS[page]
        if placeholder not in source[0]:
            msg = f"{page} has no line {placeholder!r}"
            raise ValueError(msg)
        source[0] = source[0].replace(placeholder, "\n".join(lines()))


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

    viewcode takes all names of a module for those of the first package that shows one. A link to
    what no page describes is left out.
    """
    if not page.startswith("_modules/omistats/"):
        return
    module = page.removeprefix("_modules/").replace("/", ".")
    known = app.env.get_domain("py").objects

    def mended(match: re.Match[str]) -> str:
        whole, before, name = match[0], match[1], match[2]
        parts = name.split(".")
        inner = (f"{module}.{'.'.join(parts[i:])}" for i in range(1, len(parts)))
        found = name if name in known else next((n for n in inner if n in known), None)
        return whole.replace(f"{before}#{name}", f"{before}#{found}") if found else ""

    link = r'<a class="viewcode-back" href="([^"#]*)#(omistats\.[\w.]+)">\[docs\]</a>'
    context["body"] = re.sub(link, mended, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the three."""
    app.connect("source-read", write_lines)
    app.connect("autodoc-process-docstring", describe_constant, priority=900)
    app.connect("html-page-context", mend_backlinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
