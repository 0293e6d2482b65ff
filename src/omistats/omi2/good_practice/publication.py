"""Attach publication text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from os import PathLike, fspath
from pathlib import Path
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import DataError, Problem, UsageError, format_value, format_values
from omistats.model.units import slug
from omistats.omi2.framework import FRAMEWORK
from omistats.omi2.good_practice.index import Known, known_examples, load_good_practice

__all__ = [
    "Matched",
    "Passage",
    "Passages",
    "distances",
    "fingerprint",
    "match",
    "passages",
    "problems_of",
    "read_good_practice",
    "words",
]


_BYTES = 16


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters a-z and digits, in lower case."""
    return re.findall(r"[a-z0-9]+", unicodedata.normalize("NFKC", text).lower())


def fingerprint(text: str) -> bytes:
    """Sum a text up in 128 bits that change little when the text changes little.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    bytes
        16 of them: Charikar's similarity hash. Each distinct pair of neighbouring words is
        hashed, and a bit is set where it is set in most of the hashes. The text cannot be
        had back from it.

    Examples
    --------
    >>> fingerprint("one two three").hex() == fingerprint("One two, three.").hex()
    True
    """
    from hashlib import blake2b

    pairs = sorted(set(pairwise(words(text))))
    hashes = b"".join(blake2b(" ".join(p).encode(), digest_size=_BYTES).digest() for p in pairs)
    bits = np.unpackbits(np.frombuffer(hashes, np.uint8).reshape(-1, _BYTES), axis=1)
    return np.packbits(2 * bits.sum(axis=0, dtype=np.int64) > len(pairs)).tobytes()


def distances(ones: Sequence[bytes], others: Sequence[bytes]) -> npt.NDArray[np.int64]:
    """Count the bits in which fingerprints differ: 0 alike, about 64 unrelated.

    Parameters
    ----------
    ones, others : sequence of bytes
        Fingerprints.

    Returns
    -------
    ndarray of int64
        A row for each of ``ones``, a column for each of ``others``.
    """
    a, b = (
        np.frombuffer(b"".join(side), np.uint8).reshape(-1, 1, _BYTES) for side in (ones, others)
    )
    apart: npt.NDArray[np.int64] = np.bitwise_count(a ^ b.transpose(1, 0, 2)).sum(2, np.int64)
    return apart


_ASTERISKS: Final = re.compile(r"(?:[*\u2217\uff0a\u204e] ?){3,}")
"""The separator in print. Some renderings make another rule of it."""

_RULE: Final = re.compile(r"(?:[\u2022_=~\u2014\u2013-] ?){3,}")

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
    """Part a text at its separators; page furniture is left out, blank lines are kept.

    Where there are lines of asterisks only they are separators, and other rules are furniture.
    """
    lines = [" ".join(line.split()) for line in re.split(r"\r\n|\r|\n", text)]
    separator = _ASTERISKS if any(map(_ASTERISKS.fullmatch, lines)) else _RULE
    chunk: list[Line] = []
    for number, line in enumerate(lines, 1):
        if separator.fullmatch(line):
            yield chunk
            chunk = []
        elif not _FURNITURE.fullmatch(line) and not _RULE.fullmatch(line):
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


NEAR: Final = 36
"""Bits in which fingerprints of one text may differ; those of two examples differ in more."""


@attrs.frozen
class Matched:
    """Which passage is which example.

    Parameters
    ----------
    found : dict
        The passage of each id that was found.
    repeated : tuple of (str, Passage)
        Passages that give an example once more under its criterion, with its id.
    elsewhere : tuple of (str, Passage)
        Passages that give an example under another criterion than its own, with its id.
    unknown : tuple of Passage
        Passages that are no example, below a criterion's heading.
    """

    found: dict[str, Passage]
    repeated: tuple[tuple[str, Passage], ...]
    elsewhere: tuple[tuple[str, Passage], ...]
    unknown: tuple[Passage, ...]


def match(cut: Passages, known: Sequence[Known]) -> Matched:
    """Find out which passage is which example: the nearest under the same criterion."""
    found: dict[str, Passage] = {}
    repeated: list[tuple[str, Passage]] = []
    elsewhere: list[tuple[str, Passage]] = []
    unknown: list[Passage] = []
    apart = distances([fingerprint(p.text) for p in cut.closed], [k.fingerprint for k in known])
    # The closest first, so that of two renderings of one example the better one is taken.
    order = sorted(range(len(cut.closed)), key=lambda i: (int(apart[i].min()), i))
    for i in order:
        passage = cut.closed[i]
        near = sorted((int(d), k) for k, d in enumerate(apart[i]) if d <= NEAR)
        own = [known[k].id for _, k in near if known[k].criterion == passage.criterion]
        if own and own[0] not in found:
            found[own[0]] = passage
        elif own:
            repeated.append((own[0], passage))
        elif near:
            elsewhere.append((known[near[0][1]].id, passage))
        elif passage.criterion:  # above all headings there is front matter
            unknown.append(passage)
    unknown.sort(key=lambda p: p.line)
    return Matched(found, _by_line(repeated), _by_line(elsewhere), tuple(unknown))


def _by_line(found: list[tuple[str, Passage]]) -> tuple[tuple[str, Passage], ...]:
    return tuple(sorted(found, key=lambda pair: pair[1].line))


CRITERIA: Final = tuple(item.id for item in FRAMEWORK.items if item.level == "criterion")
_WHOLE: Final = "Check that no page is missing, cut or out of place."


def problems_of(
    where: str, cut: Passages, matched: Matched, known: Sequence[Known]
) -> list[Problem]:
    """List what is wrong with a text, the missing first.

    Parameters
    ----------
    where : str
        The path.
    cut : Passages
        Its text, cut up.
    matched : Matched
        Which passage is which example.
    known : sequence of Known
        What there should be.

    Returns
    -------
    list of Problem
        Empty when every example is there once, whole, in its place.
    """
    return [
        *_missing(cut, matched, known),
        *_inspections(matched, known),
        *_names(matched, known),
        *_lengths(matched, known),
        *_surplus(where, cut, matched),
    ]


def _missing(cut: Passages, matched: Matched, known: Sequence[Known]) -> Iterator[Problem]:
    for criterion in CRITERIA:
        examples = [k for k in known if k.criterion == criterion]
        gone = [k for k in examples if k.id not in matched.found]
        count = len(examples)
        rule = f"its heading and {count or 'no'} example{'s' if count != 1 else ''}"
        found = [] if criterion in cut.headings else ["no heading"]
        if gone:
            units = ", ".join(dict.fromkeys(k.unit for k in gone))
            found.append(f"{count - len(gone)} of them, missing {_ids(gone, examples)} ({units})")
        if found:
            yield Problem(f"criterion {criterion}", rule, "; ".join(found), _WHOLE)


def _inspections(matched: Matched, known: Sequence[Known]) -> Iterator[Problem]:
    units = list(dict.fromkeys(sorted(k.unit for k in known)))
    there = {k.unit for k in known if k.id in matched.found}
    if gone := [u for u in units if u not in there]:
        text = f"{len(there)}; none of the examples of {', '.join(gone)}"
        yield Problem("inspections", f"examples from {len(units)}", text, _WHOLE)


def _names(matched: Matched, known: Sequence[Known]) -> Iterator[Problem]:
    """Say where a run of examples is closed by another name, or by none."""
    wrong = [
        (k, matched.found[k.id].unit)
        for k in known
        if k.id in matched.found and matched.found[k.id].unit != k.unit
    ]
    for (unit, found), group in groupby(wrong, lambda pair: (pair[0].unit, pair[1])):
        ids = ", ".join(k.id for k, _ in group)
        yield Problem(
            ids,
            f"the name of {unit} closes the run",
            found or "no name of an inspection",
            "Check the line above the separator, and that no page after it is missing.",
        )


def _lengths(matched: Matched, known: Sequence[Known]) -> Iterator[Problem]:
    for k in known:
        if k.id in matched.found:
            passage = matched.found[k.id]
            count = len(words(passage.text))
            # Room for a running head that we do not know, or words parted by a rendering.
            if abs(count - k.words) > max(6, k.words // 12):
                text = f"{count} words from line {passage.line}"
                yield Problem(k.id, f"about {k.words} words ({k.unit})", text, _WHOLE)


def _surplus(where: str, cut: Passages, matched: Matched) -> Iterator[Problem]:
    if matched.repeated:
        text = _places(matched.repeated)
        yield Problem(where, "every example once", f"again {text}", "Remove the repeated pages.")
    if matched.elsewhere:
        rule = "every example under its own criterion"
        hint = "Check that no heading of a criterion is missing, and the order of the pages."
        yield Problem(where, rule, _places(matched.elsewhere), hint)
    if matched.unknown:
        rule = "only examples between separators"
        hint = "Check for separators that are missing, and for pages that are."
        yield Problem(where, rule, f"what is none {_lines(matched.unknown)}", hint)
    if cut.open:
        rule = "a separator below every example"
        yield Problem(where, rule, f"none below what stands {_lines(cut.open)}", _WHOLE)


def _places(found: Iterable[tuple[str, Passage]]) -> str:
    return ", ".join(f"{id} on line {passage.line}" for id, passage in found)


def _lines(found: Iterable[Passage]) -> str:
    lines = [p.line for p in found]
    return f"on line{'s' if len(lines) > 1 else ''} {format_values(lines, 12)}"


def _ids(gone: Sequence[Known], examples: Sequence[Known]) -> str:
    """Write ids, of neighbours only the first and the last."""
    place = {k.id: i for i, k in enumerate(examples)}
    runs: list[list[str]] = []
    for k in gone:
        if runs and place[runs[-1][-1]] == place[k.id] - 1:
            runs[-1].append(k.id)
        else:
            runs.append([k.id])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


_HINT: Final = (
    "Give a plain-text rendering of the good practice examples of OMI 2, whole, in UTF-8."
)


def read_good_practice(path: str | PathLike[str], *, encoding: str = "utf-8-sig") -> pa.Table:
    """Read the publication and attach the text of every example to the index.

    Parameters
    ----------
    path : str or path-like
        A plain-text rendering of the publication, with its headings and separators on lines
        of their own: asterisks, or other rules where a rendering has no asterisks. It is not
        shipped with omistats.
    encoding : str, default "utf-8-sig"
        UTF-8, with or without a byte order mark.

    Returns
    -------
    pyarrow.Table
        The columns of `load_good_practice` and ``text`` (string): the example in one line.
        Runs of white space, breaks of lines and of pages have become one space; a hyphen at
        the end of a line is kept as the word's own and joined to the next line, a soft hyphen
        is dropped. Headings, statements of criteria, running heads, page numbers and the
        names of inspections are left out; footnotes stay where they stand. Nothing else is
        changed: a text that is printed twice over is given so.

    Raises
    ------
    DataError
        When the file cannot be read, is another document, or does not hold every example
        once, whole, under its criterion and inspection. One error lists everything that is
        missing, repeated, cut short or not known, with criterion, ids and inspections.
    UsageError
        When the path is none, or the encoding is not known.

    See Also
    --------
    load_good_practice : The index alone, which needs no publication.

    Notes
    -----
    Passages are known by their `fingerprint`, a number of 128 bits, and the number of their
    words. A few words more or less (another rendering) are let pass; half an example is not.

    Examples
    --------
    The path is yours; of one that leads nowhere the error says so:

    >>> import omistats as oms
    >>> try:
    ...     table = oms.omi2.read_good_practice("folder/of/none/good_practice.txt")
    ... except oms.DataError as error:
    ...     print(error.problems[0].found, error.problems[0].hint, sep="; ")
    no such file; Correct the path.
    """
    text = _text(path, encoding)
    known = known_examples()
    cut = passages(text, frozenset(k.unit for k in known).__contains__)
    matched = match(cut, known)
    where = fspath(path)
    if not matched.found:
        raise DataError([_another(where, cut)])
    if problems := problems_of(where, cut, matched, known):
        raise DataError(problems)
    column = pa.array([matched.found[k.id].text for k in known], pa.string())
    return load_good_practice().append_column(pa.field("text", pa.string()), column)


def _text(path: str | PathLike[str], encoding: str) -> str:
    """Read a file as text.

    Raises
    ------
    DataError
        When there is none, or it holds something else.
    UsageError
        When the path or the encoding is none.
    """
    try:
        where = fspath(path)
    except TypeError:
        raise UsageError(f"`path` is the path of a text file; found {format_value(path)}") from None
    if not isinstance(where, str):
        raise UsageError(f"`path` is the path of a text file; found {format_value(path)}")
    rule = "the publication as plain text"
    try:
        data = Path(where).read_bytes()
    except FileNotFoundError:
        raise DataError([Problem(where, rule, "no such file", "Correct the path.")]) from None
    except (OSError, ValueError) as error:
        # The system's own sentence would name the path again, and the number of the error.
        text = getattr(error, "strerror", None) or str(error)
        raise DataError([Problem(where, rule, text.lower(), _HINT)]) from error
    if data.startswith(b"%PDF"):
        hint = "Turn it into text first, for example with pdftotext."
        raise DataError([Problem(where, rule, "a PDF", hint)])
    try:
        return data.decode(encoding)
    except UnicodeError as error:
        text = f"not {encoding}"
        if isinstance(error, UnicodeDecodeError):
            text = f"byte {data[error.start]:#04x} at position {error.start:,}, {text}"
        hint = "Save it as UTF-8, or say which `encoding` it has."
        raise DataError([Problem(where, rule, text, hint)]) from error
    except (LookupError, TypeError, ValueError):
        raise UsageError(f"unknown encoding {format_value(encoding)}") from None


def _another(where: str, cut: Passages) -> Problem:
    """Say that a text is none of which we know any part."""
    text = (
        f"no known example among the {len(cut.closed)} passages "
        f"that its {cut.separators} separators close"
    )
    return Problem(where, "the good practice examples of OMI 2", text, _HINT)
