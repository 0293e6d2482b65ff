"""Attach the publication's text to the index, for those who have it."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Final

import pyarrow as pa

from omistats.errors import DataError, Problem, UsageError, described
from omistats.omi2.good_practice.checks import problems_of
from omistats.omi2.good_practice.index import known_examples, load_good_practice
from omistats.omi2.good_practice.matching import match
from omistats.omi2.good_practice.passages import Passages, passages

__all__ = ["read_good_practice"]

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
        raise UsageError(f"`path` is the path of a text file; found {described(path)}") from None
    if not isinstance(where, str):
        raise UsageError(f"`path` is the path of a text file; found {described(path)}")
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
        raise UsageError(f"unknown encoding {described(encoding)}") from None


def _another(where: str, cut: Passages) -> Problem:
    """Say that a text is none of which we know any part."""
    text = (
        f"no known example among the {len(cut.closed)} passages "
        f"that its {cut.separators} separators close"
    )
    return Problem(where, "the good practice examples of OMI 2", text, _HINT)
