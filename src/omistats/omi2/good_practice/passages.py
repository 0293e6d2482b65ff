"""Cut the text of the publication into examples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import attrs

__all__ = ["Passage", "Passages", "passages", "slug"]

_SEPARATOR: Final = re.compile(r"(?:[*\u2217\uff0a\u204e\u2022_=~\u2014\u2013-]\s*){3,}")
"""Asterisks in print; renderings make other signs of them."""

_FURNITURE: Final = re.compile(
    r"(?:page )?\d{1,3}(?: of \d{1,3})?|(?:\d+ )?OMI ?2 good practice examples(?: \d+)?",
    re.IGNORECASE,
)
_SECTION: Final = re.compile(r"\d\.? [A-Z][A-Z ,&]+")
_CRITERION: Final = re.compile(r"(\d\.\d) General Criterion\b.*", re.IGNORECASE)
_NONE: Final = re.compile(r"No examples\b")
_END: Final = re.compile(r"Summary of reports|Glossary|Role of HMI Probation")

Line = tuple[int, str]


@attrs.frozen
class Passage:
    """What stands between two separators, without headings, furniture and name.

    Parameters
    ----------
    line : int
        Where it begins, from 1.
    text : str
        In one line.
    criterion : str or None
        Of the heading above; None above all headings.
    unit : str or None
        The id that the name below its run stands for; None where no name follows.
    """

    line: int
    text: str
    criterion: str | None
    unit: str | None = None


@attrs.frozen
class Passages:
    """A text cut up.

    Parameters
    ----------
    closed : tuple of Passage
        Those that a separator ends, in the order of the text.
    open : tuple of Passage
        Those that something else ends: a heading, or the end of the text.
    headings : frozenset of str
        The criteria whose headings were met.
    separators : int
        How many there are.
    """

    closed: tuple[Passage, ...]
    open: tuple[Passage, ...]
    headings: frozenset[str]
    separators: int


def slug(name: str) -> str:
    """Turn the printed name of an inspection into an id.

    Examples
    --------
    >>> slug("Devon & Cornwall"), slug("West Mercia")
    ('devon-cornwall', 'west-mercia')
    """
    return "-".join(w for w in re.findall(r"[a-z]+", name.lower()) if w != "and")


def passages(text: str, is_unit: Callable[[str], bool]) -> Passages:
    r"""Cut a text at its separators.

    Parameters
    ----------
    text : str
        A plain-text rendering of the publication.
    is_unit : callable
        Tells whether an id is that of an inspection.

    Returns
    -------
    Passages
        What was found; whether it is all there is not asked here.

    Examples
    --------
    >>> text = "9.1 General Criterion: X\nOurs.\n\nWell\ndone.\n\nNorth & South\n***\n"
    >>> passages(text, {"north-south"}.__contains__).closed
    (Passage(line=4, text='Well done.', criterion='9.1', unit='north-south'),)
    """
    *chunks, rest = _chunks(text)
    closed: list[Passage] = []
    left: list[Passage] = []
    headings: set[str] = set()
    run: list[Passage] = []
    criterion: str | None = None
    for lines in chunks:
        found, before, lines = _heading(lines)
        if found:
            if headings:  # above the first heading there is only front matter
                left += _passage(before, criterion)
            closed, run, criterion = closed + run, [], found
            headings.add(found)
        unit = next((slug(s) for _, s in reversed(lines) if s), "")
        if is_unit(unit):
            del lines[max(i for i, (_, s) in enumerate(lines) if s) :]
            closed += [attrs.evolve(p, unit=unit) for p in [*run, *_passage(lines, criterion)]]
            run = []
        else:
            run += _passage(lines, criterion)
    found, before, rest = _heading(rest)
    if found:
        headings.add(found)
        left += _passage(before, criterion)
    if not _END.match(next((s for _, s in rest if s), "")):
        left += _passage(rest, found or criterion)
    return Passages((*closed, *run), tuple(left), frozenset(headings), len(chunks))


def _chunks(text: str) -> Iterator[list[Line]]:
    """Part a text at its separators; page furniture is left out, blank lines are kept."""
    chunk: list[Line] = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = " ".join(line.split())
        if _SEPARATOR.fullmatch(line):
            yield chunk
            chunk = []
        elif not _FURNITURE.fullmatch(line):
            chunk.append((number, line))
    yield chunk


def _heading(lines: list[Line]) -> tuple[str, list[Line], list[Line]]:
    """Find the last criterion's heading: its number, what is above, and what is below.

    What is below begins after the statement, which ends at a blank line after a full stop or a
    bracket. Of what is above, a section's heading and all that follows it is left out.
    """
    matches = [(i, m) for i, (_, s) in enumerate(lines) if (m := _CRITERION.fullmatch(s))]
    if not matches:
        return "", [], [line for line in lines if not _SECTION.fullmatch(line[1])]
    at, match = matches[-1]
    above = lines[:at]
    for i, (_, s) in enumerate(above):
        if _SECTION.fullmatch(s):
            above = above[:i]
            break
    below = iter(lines[at + 1 :])
    line = next(below, None)
    while line and (not line[1] or line[1].isupper()):  # the heading goes on in capitals
        line = next(below, None)
    last = ""
    # The statement, which a page's end may part in the middle of a sentence.
    while line and (line[1] or last[-1:].isalpha() or last[-1:] == ","):
        last = line[1] or last
        line = next(below, None)
    return match[1], above, list(below)


def _passage(lines: list[Line], criterion: str | None) -> list[Passage]:
    """Join lines to a passage; none is made of nothing, or of the remark that there is none."""
    filled = [line for line in lines if line[1]]
    if not filled or _NONE.match(filled[0][1]):
        return []
    text = "\n".join(s for _, s in filled)
    # A soft hyphen is the renderer's. A hyphen at the end of a line is taken for the word's own.
    text = re.sub(r"\u00ad\n?", "", text)
    text = re.sub(r"(?<=\w)-\n(?=\w)", "-", text)
    return [Passage(filled[0][0], text.replace("\n", " "), criterion)]
