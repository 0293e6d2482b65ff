"""Read the publication of good practice examples and attach its texts to the index."""

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
from omistats.omi2.good_practice.index import KnownExample, known_examples, load_good_practice

__all__ = [
    "CRITERIA",
    "NEAR",
    "Passages",
    "distances",
    "fingerprint",
    "read_good_practice",
    "split_passages",
    "words",
]


CRITERIA: Final = tuple(item.id for item in FRAMEWORK.items if item.level == "criterion")

NEAR: Final = 36
"""Bits in which two renderings of a text may differ; two different examples differ in more."""

_BYTES = 16
_HINT: Final = "Pass the complete good practice examples of OMI 2 as plain text in UTF-8."
_INCOMPLETE_HINT: Final = "Check that no page is missing, cut off or out of place."

_ASTERISKS: Final = re.compile(r"(?:[*\u2217\uff0a\u204e] ?){3,}")
"""The printed separator. Some renderings turn it into another rule."""

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


def read_good_practice(path: str | PathLike[str], *, encoding: str = "utf-8-sig") -> pa.Table:
    """Read the publication and attach the text of every example to the index.

    Parameters
    ----------
    path : str or path-like
        A plain-text rendering of the publication, with headings and separators on lines of
        their own. Separators are asterisks, or other rules if there are no asterisks. The text
        is not shipped with omistats.
    encoding : str, default "utf-8-sig"
        Encoding of the file. The default is UTF-8, with or without a byte order mark.

    Returns
    -------
    pyarrow.Table
        The columns of `load_good_practice` and ``text`` (string): the example in one line.
        White space, line breaks and page breaks become single spaces. A hyphen at the end of a
        line is kept and joined to the next line; a soft hyphen is dropped. Headings,
        statements of criteria, running heads, page numbers and names of inspections are left
        out; footnotes are kept in place. Nothing else is changed, so a text that is printed
        twice occurs twice.

    Raises
    ------
    DataError
        When the file cannot be read, is another document, or does not have every example
        once, complete, under its criterion and inspection. One error lists all examples that
        are missing, repeated, cut short or unknown, with criterion, ids and inspections.
    UsageError
        When the path is not a path or the encoding is unknown.

    See Also
    --------
    load_good_practice : The index alone, without the publication.

    Notes
    -----
    Passages are recognised by a similarity hash of 128 bits and their number of words. A few
    words more or less, as in another rendering, are accepted; half an example is not.

    Examples
    --------
    Use the path of your own file. If there is none, the error says so:

    >>> import omistats as oms
    >>> try:
    ...     table = oms.omi2.read_good_practice("folder/of/none/good_practice.txt")
    ... except oms.DataError as error:
    ...     print(error.problems[0].found, error.problems[0].hint, sep="; ")
    no such file; Correct the path.
    """
    text = _text(path, encoding)
    known = known_examples()
    cut = split_passages(text, frozenset(k.unit for k in known).__contains__)
    matched = match_passages(cut, known)
    where = fspath(path)
    if not matched.found:
        raise DataError([_another_document(where, cut)])
    if problems := check_passages(where, cut, matched, known):
        raise DataError(problems)
    column = pa.array([matched.found[k.id].text for k in known], pa.string())
    return load_good_practice().append_column(pa.field("text", pa.string()), column)


def _text(path: str | PathLike[str], encoding: str) -> str:
    """Read a file as text.

    Raises
    ------
    DataError
        When there is no such file, or it is not text in this encoding.
    UsageError
        When the path is not a path or the encoding is unknown.
    """
    where = fspath(path) if isinstance(path, PathLike) else path
    if not isinstance(where, str):
        raise UsageError(f"`path` must be the path of a text file; found {format_value(path)}")
    rule = "the file must be the publication as plain text"
    try:
        data = Path(where).read_bytes()
    except FileNotFoundError:
        raise DataError([Problem(where, rule, "no such file", "Correct the path.")]) from None
    except (OSError, ValueError) as error:
        # The message of the system would repeat the path and add an error number.
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
        hint = "Save it as UTF-8, or pass its `encoding`."
        raise DataError([Problem(where, rule, text, hint)]) from error
    except (LookupError, TypeError, ValueError):
        raise UsageError(
            f"unknown encoding {format_value(encoding)}; pass a name that Python knows, such as "
            "'cp1252'"
        ) from None


def _another_document(where: str, cut: Passages) -> Problem:
    """Describe a text without any known example."""
    text = (
        f"no known example among the {len(cut.closed)} passages "
        f"that its {cut.separators} separators close"
    )
    rule = "the file must be the good practice examples of OMI 2"
    return Problem(where, rule, text, _HINT)


@attrs.frozen
class Passage:
    """A passage between separators, without headings, page furniture and name of the unit.

    Parameters
    ----------
    line : int
        Number of its first line, from 1.
    text : str
        The text in one line.
    criterion : str or None
        Criterion of the heading above; None above the first heading.
    unit : str or None
        Id of the unit named below its run of passages; None if no name follows.
    """

    line: int
    text: str
    criterion: str | None
    unit: str | None = None


@attrs.frozen
class Passages:
    """The passages of a text.

    Parameters
    ----------
    closed : tuple of Passage
        Passages that end with a separator, in the order of the text.
    unclosed : tuple of Passage
        Passages that end with a heading or the end of the text.
    headings : frozenset of str
        Criteria whose headings were found.
    separators : int
        The number of separators.
    """

    closed: tuple[Passage, ...]
    unclosed: tuple[Passage, ...]
    headings: frozenset[str]
    separators: int


def split_passages(text: str, is_unit: Callable[[str], bool]) -> Passages:
    r"""Split a text into passages at its separators.

    Parameters
    ----------
    text : str
        A plain-text rendering of the publication.
    is_unit : callable
        Tells whether an id is that of an inspection.

    Returns
    -------
    Passages
        All passages, complete or not; see `check_passages`.

    Examples
    --------
    >>> text = "9.1 General Criterion: X\nOurs.\n\nWell\ndone.\n\nNorth & South\n***\n"
    >>> split_passages(text, {"north-south"}.__contains__).closed
    (Passage(line=4, text='Well done.', criterion='9.1', unit='north-south'),)
    """
    *chunks, rest = _chunks(text)
    closed: list[Passage] = []
    unclosed: list[Passage] = []
    headings: set[str] = set()
    run: list[Passage] = []
    criterion: str | None = None
    for lines in chunks:
        found, before, lines = _heading(lines)
        if found:
            if headings:  # above the first heading is only front matter
                unclosed += _passage(before, criterion)
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
        unclosed += _passage(before, criterion)
    if not _END.match(next((s for _, s in rest if s), "")):
        unclosed += _passage(rest, found or criterion)
    return Passages((*closed, *run), tuple(unclosed), frozenset(headings), len(chunks))


def _chunks(text: str) -> Iterator[list[Line]]:
    """Split numbered lines at separators; drop page furniture, keep blank lines.

    If the text has lines of asterisks, only these are separators; other rules are furniture.
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
    """Find the last heading of a criterion: its number, the lines above and the lines below.

    The lines below begin after the criterion's statement, which ends at a blank line after a
    full stop or a bracket. The lines above end before the heading of a section.
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
    while line and (not line[1] or line[1].isupper()):  # the heading continues in capitals
        line = next(below, None)
    last = ""
    # Skip the statement, which may continue on the next page in the middle of a sentence.
    while line and (line[1] or last[-1:].isalpha() or last[-1:] == ","):
        last = line[1] or last
        line = next(below, None)
    return match[1], above, list(below)


def _passage(lines: list[Line], criterion: str | None) -> list[Passage]:
    """Join lines to a passage; return none for blank lines or the remark "No examples"."""
    filled = [line for line in lines if line[1]]
    if not filled or _NONE.match(filled[0][1]):
        return []
    text = "\n".join(s for _, s in filled)
    # A soft hyphen comes from the renderer; a hyphen at the end of a line belongs to the word.
    text = re.sub(r"\u00ad\n?", "", text)
    text = re.sub(r"(?<=\w)-\n(?=\w)", "-", text)
    return [Passage(filled[0][0], text.replace("\n", " "), criterion)]


def words(text: str) -> list[str]:
    """Split a text into words: runs of letters a-z and digits, in lower case."""
    return re.findall(r"[a-z0-9]+", unicodedata.normalize("NFKC", text).lower())


def fingerprint(text: str) -> bytes:
    """Compute a hash of 128 bits that changes little if the text changes little.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    bytes
        16 bytes, Charikar's similarity hash. Each distinct pair of neighbouring words is
        hashed, and a bit is set if it is set in most of the hashes. The text cannot be
        recovered from it.

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
    """Count the bits in which fingerprints differ: 0 for equal, about 64 for unrelated texts.

    Parameters
    ----------
    ones, others : sequence of bytes
        Fingerprints.

    Returns
    -------
    ndarray of int64
        One row for each of ``ones``, one column for each of ``others``.
    """
    a, b = (
        np.frombuffer(b"".join(side), np.uint8).reshape(-1, 1, _BYTES) for side in (ones, others)
    )
    apart: npt.NDArray[np.int64] = np.bitwise_count(a ^ b.transpose(1, 0, 2)).sum(2, np.int64)
    return apart


@attrs.frozen
class Matched:
    """Passages matched to known examples.

    Parameters
    ----------
    found : dict
        Passage by id of the example.
    repeated : tuple of (str, Passage)
        Passages that repeat an example under its criterion, with its id.
    elsewhere : tuple of (str, Passage)
        Passages with an example under another criterion than its own, with its id.
    unknown : tuple of Passage
        Passages below a criterion's heading that are not a known example.
    """

    found: dict[str, Passage]
    repeated: tuple[tuple[str, Passage], ...]
    elsewhere: tuple[tuple[str, Passage], ...]
    unknown: tuple[Passage, ...]


def match_passages(cut: Passages, known: Sequence[KnownExample]) -> Matched:
    """Match each passage to the nearest example under the same criterion."""
    found: dict[str, Passage] = {}
    repeated: list[tuple[str, Passage]] = []
    elsewhere: list[tuple[str, Passage]] = []
    unknown: list[Passage] = []
    apart = distances([fingerprint(p.text) for p in cut.closed], [k.fingerprint for k in known])
    # The nearest first, so that the better of two renderings of one example is used.
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
        elif passage.criterion:  # above the first heading is only front matter
            unknown.append(passage)
    unknown.sort(key=lambda p: p.line)
    return Matched(found, _by_line(repeated), _by_line(elsewhere), tuple(unknown))


def _by_line(found: list[tuple[str, Passage]]) -> tuple[tuple[str, Passage], ...]:
    return tuple(sorted(found, key=lambda pair: pair[1].line))


def check_passages(
    where: str, cut: Passages, matched: Matched, known: Sequence[KnownExample]
) -> list[Problem]:
    """List the problems of a text, missing examples first.

    Parameters
    ----------
    where : str
        The path of the text.
    cut : Passages
        Its passages.
    matched : Matched
        The passages matched to examples.
    known : sequence of KnownExample
        The examples that it should have.

    Returns
    -------
    list of Problem
        Empty if the text has every example once, complete, in its place.
    """
    return [
        *_missing_examples(cut, matched, known),
        *_missing_inspections(matched, known),
        *_wrong_names(matched, known),
        *_wrong_lengths(matched, known),
        *_surplus_passages(where, cut, matched),
    ]


def _missing_examples(
    cut: Passages, matched: Matched, known: Sequence[KnownExample]
) -> Iterator[Problem]:
    for criterion in CRITERIA:
        examples = [k for k in known if k.criterion == criterion]
        missing = [k for k in examples if k.id not in matched.found]
        count = len(examples)
        rule = (
            f"the text must have its heading and {count or 'no'} example{'s' if count != 1 else ''}"
        )
        found = [] if criterion in cut.headings else ["no heading"]
        if missing:
            units = ", ".join(dict.fromkeys(k.unit for k in missing))
            ids = _id_ranges(missing, examples)
            found.append(f"{count - len(missing)} of them, missing {ids} ({units})")
        if found:
            yield Problem(f"criterion {criterion}", rule, "; ".join(found), _INCOMPLETE_HINT)


def _missing_inspections(matched: Matched, known: Sequence[KnownExample]) -> Iterator[Problem]:
    units = list(dict.fromkeys(sorted(k.unit for k in known)))
    found = {k.unit for k in known if k.id in matched.found}
    if missing := [u for u in units if u not in found]:
        text = f"{len(found)}; none of the examples of {', '.join(missing)}"
        rule = f"the text must have examples from {len(units)}"
        yield Problem("inspections", rule, text, _INCOMPLETE_HINT)


def _wrong_names(matched: Matched, known: Sequence[KnownExample]) -> Iterator[Problem]:
    """List runs of examples that end with another name or with none."""
    wrong = [
        (k, matched.found[k.id].unit)
        for k in known
        if k.id in matched.found and matched.found[k.id].unit != k.unit
    ]
    for (unit, found), group in groupby(wrong, lambda pair: (pair[0].unit, pair[1])):
        ids = ", ".join(k.id for k, _ in group)
        yield Problem(
            ids,
            f"the run of examples must end with the name of {unit}",
            found or "no name of an inspection",
            "Check the line above the separator, and that no page after it is missing.",
        )


def _wrong_lengths(matched: Matched, known: Sequence[KnownExample]) -> Iterator[Problem]:
    for k in known:
        if k.id in matched.found:
            passage = matched.found[k.id]
            count = len(words(passage.text))
            # Tolerate an unknown running head, or words split by a rendering.
            if abs(count - k.words) > max(6, k.words // 12):
                text = f"{count} words from line {passage.line}"
                rule = f"the example must have about {k.words} words ({k.unit})"
                yield Problem(k.id, rule, text, _INCOMPLETE_HINT)


def _surplus_passages(where: str, cut: Passages, matched: Matched) -> Iterator[Problem]:
    if matched.repeated:
        text = _places(matched.repeated)
        rule = "every example must occur once"
        yield Problem(where, rule, f"repeated {text}", "Remove the repeated pages.")
    if matched.elsewhere:
        rule = "every example under its own criterion"
        hint = "Check that no heading of a criterion is missing, and the order of the pages."
        yield Problem(where, rule, _places(matched.elsewhere), hint)
    if matched.unknown:
        rule = "only examples may be between separators"
        hint = "Check that no separator and no page is missing."
        yield Problem(where, rule, f"other text {_lines(matched.unknown)}", hint)
    if cut.unclosed:
        rule = "every example must end with a separator"
        yield Problem(where, rule, f"none after the text {_lines(cut.unclosed)}", _INCOMPLETE_HINT)


def _places(found: Iterable[tuple[str, Passage]]) -> str:
    return ", ".join(f"{id} on line {passage.line}" for id, passage in found)


def _lines(found: Iterable[Passage]) -> str:
    lines = [p.line for p in found]
    return f"on line{'s' if len(lines) > 1 else ''} {format_values(lines, 12)}"


def _id_ranges(missing: Sequence[KnownExample], examples: Sequence[KnownExample]) -> str:
    """Write ids as ranges of neighbours."""
    place = {k.id: i for i, k in enumerate(examples)}
    runs: list[list[str]] = []
    for k in missing:
        if runs and place[runs[-1][-1]] == place[k.id] - 1:
            runs[-1].append(k.id)
        else:
            runs.append([k.id])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
