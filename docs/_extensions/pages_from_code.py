"""Fill in what pages show of the programme's data and of the benchmarks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.render import as_markdown
from docutils import nodes
from sphinx.application import Sphinx

from omistats import Question
from omistats.omi2 import FRAMEWORK, GLOSSARY, UNITS, Term

FIGURES = Path(__file__).parents[1] / "_figures" / "performance.json"

# Too common to be links in every label.
EVERYDAY = ("case", "question")

# Links that the pages add to a glossary entry.
MORE = {
    "question": f"[All {len(FRAMEWORK.questions)}](reference/questions.md).",
    "unit": f"[All {len(UNITS)}](reference/units.md).",
    "score": "{func}`omistats.scores` computes it.",
}

# No code and no printed table is wider; messages are, and end with the advice.
WIDEST = 130


def link_terms(text: str, *, but: Term | None = None) -> str:
    """Link the first mention of each glossary term."""
    first = {mention.term: mention for mention in reversed(GLOSSARY.mentions(text))}
    for term, mention in sorted(first.items(), key=lambda pair: -pair[1].start):
        if term is not but and term.id not in EVERYDAY:
            link = f"{{term}}`{text[mention.start : mention.stop]} <{term.term}>`"
            text = text[: mention.start] + link + text[mention.stop :]
    return text


def glossary_lines() -> Iterator[str]:
    """Yield the glossary as Sphinx expects it."""
    yield "```{glossary}"
    for term in GLOSSARY.values():
        yield from term.spellings
        more = f" {MORE[term.id]}" if term.id in MORE else ""
        yield f"  {link_terms(term.meaning, but=term)}{more}\n"
    yield "```"


def unit_lines() -> Iterator[str]:
    """Yield the units as a table."""
    yield "| id | name | region | in the 2011 report | synonyms |"
    yield "|---|---|---|---|---|"
    for unit in UNITS:
        trust = "" if unit.trust == unit.id else f" (Trust `{unit.trust}`)"
        reported = "yes" if unit.in_aggregate else ""
        cells = (f"`{unit.id}`{trust}", unit.name, unit.region, reported, ", ".join(unit.synonyms))
        yield f"| {' | '.join(cells)} |"


def printed_rows(question: Question) -> str:
    """Write where a question is printed; adjacent tables with the same row go together."""
    runs: list[list[int]] = []
    for table, row in question.printed:
        if runs and runs[-1][1:] == [table - 1, row]:
            runs[-1][1] = table
        else:
            runs.append([table, table, row])
    return " ".join(f"`{a}/{row}`" if a == b else f"`{a}-{b}/{row}`" for a, b, row in runs)


def question_lines() -> Iterator[str]:
    """Yield a heading and a table for each criterion."""
    section = criterion = ""
    for question in FRAMEWORK.questions:
        link = question.criterion
        assert link is not None
        item = FRAMEWORK.item(link.item)
        if item.parent and item.parent != section:
            section = item.parent
            yield f"\n## {section} {FRAMEWORK.item(section).label}\n"
        if item.id != criterion:
            criterion = item.id
            yield f"\n### {criterion} {item.label}\n"
            yield "| id | label | criterion | headline | printed in |"
            yield "|---|---|---|---|---|"
        headlines = " ".join(
            f"`{h.item}`" + ("" if h.provenance == "published" else f" ({h.provenance})")
            for h in question.headlines
        )
        cells = (f"`{question.id}`", link_terms(question.label), link.provenance, headlines)
        yield f"| {' | '.join(cells)} | {printed_rows(question)} |"


def performance_lines() -> Iterator[str]:
    """Yield the figures that the benchmarks wrote."""
    yield as_markdown(json.loads(FIGURES.read_text("utf-8")))


# The line of a page that is replaced, and the function that writes the replacement.
PLACEHOLDERS: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "reference/questions": ("% questions", question_lines),
    "reference/units": ("% units", unit_lines),
    "glossary": ("% terms", glossary_lines),
    "project/performance": ("% figures", performance_lines),
}


def fill_in(app: Sphinx, page: str, source: list[str]) -> None:
    """Replace the placeholder of a page."""
    if page not in PLACEHOLDERS:
        return
    placeholder, lines = PLACEHOLDERS[page]
    if placeholder not in source[0]:
        msg = f"{page} has no line {placeholder!r}"
        raise ValueError(msg)
    source[0] = source[0].replace(placeholder, "\n".join(lines()))
    app.env.note_dependency(str(FIGURES))


def fold_long_lines(_app: Sphinx, doctree: nodes.document, _page: str) -> None:
    """Have the style sheet fold code blocks with a very long line."""
    for block in doctree.findall(nodes.literal_block):
        if any(len(line) > WIDEST for line in block.astext().splitlines()):
            block["classes"].append("long-lines")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect both to the events of the build."""
    app.connect("source-read", fill_in)
    app.connect("doctree-resolved", fold_long_lines)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
