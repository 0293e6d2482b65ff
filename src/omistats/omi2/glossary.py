"""The field's terms, in our own words, and where they stand in a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import attrs

from omistats.errors import UsageError, format_value
from omistats.omi2.units import UnknownSpellingError

__all__ = ["GLOSSARY", "Glossary", "Mention", "Term"]


Publication = Literal["aggregate", "good practice"]
"""A publication with a glossary: the aggregate report, or the collection of good practice."""


@attrs.frozen
class Term:
    """A word of the field, and what it means.

    Parameters
    ----------
    id : str
        Lower case, hyphens between words.
    term : str
        As it is mostly written.
    also : tuple of str
        Other ways to write it: in full, short, or another word for the same.
    meaning : str
        In our own words.
    listed_in : tuple of {'aggregate', 'good practice'}
        The publications whose glossary has it; none where only texts and labels use it.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.GLOSSARY["marac"].listed_in
    ('good practice',)
    >>> oms.omi2.GLOSSARY["vlo"].spellings
    ('VLO', 'victim liaison officer', 'victim liaison')
    """

    id: str
    term: str
    also: tuple[str, ...]
    meaning: str
    listed_in: tuple[Publication, ...] = ()

    @property
    def spellings(self) -> tuple[str, ...]:
        """The term, and the other ways to write it."""
        return (self.term, *self.also)


@attrs.frozen
class Mention:
    """A place in a text where a term stands.

    Attributes
    ----------
    term : Term
        Which.
    start, stop : int
        The text between the two is the term as written there.

    Examples
    --------
    >>> import omistats as oms
    >>> label = "First home visit made"
    >>> [label[m.start : m.stop] for m in oms.omi2.GLOSSARY.mentions(label)]
    ['home visit']
    """

    term: Term
    start: int
    stop: int


@attrs.frozen(eq=False, repr=False)
class Glossary(Mapping[str, Term]):
    """Terms by id, in alphabetical order; nothing can be put in or taken out.

    It is a mapping: ``glossary["vlo"]``, with a KeyError where there is no such id.

    Parameters
    ----------
    read : callable
        Gives the terms, in any order, when they are first asked for.

    Examples
    --------
    >>> import omistats as oms
    >>> glossary = oms.omi2.GLOSSARY
    >>> glossary.find("Victim Liaison Officer").term
    'VLO'
    >>> [term.id for term in glossary.terms_in("MAPPA actions carried into plans")]
    ['mappa']
    >>> [mention.start for mention in glossary.mentions("MAPPA actions, by MAPPA level")]
    [0, 18]
    """

    _read: Callable[[], tuple[Term, ...]]

    @cached_property
    def _terms(self) -> tuple[Term, ...]:
        return self._read()

    @cached_property
    def _by_id(self) -> dict[str, Term]:
        ordered = sorted(self._terms, key=lambda term: term.term.casefold())
        return {term.id: term for term in ordered}

    @cached_property
    def _by_spelling(self) -> dict[str, Term]:
        return {_plain(s): term for term in self._terms for s in (term.id, *term.spellings)}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        spellings = {s for term in self._terms for s in term.spellings}
        # The longest first, so that "risk of harm" is not found within "high risk of harm".
        ordered = sorted(spellings, key=lambda s: (-len(s), s))
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(_written, ordered))})(?!\w)")

    def __getitem__(self, id: str) -> Term:
        return self._by_id[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def __repr__(self) -> str:
        return f"Glossary: {len(self)} terms"

    def find(self, name: str) -> Term:
        """Look a term up, however it is written.

        Parameters
        ----------
        name : str
            An id, a term, its abbreviation or its full form; case makes no difference.

        Returns
        -------
        Term
            The one that is so written.

        Raises
        ------
        UnknownNameError
            When there is none; near ones are listed.
        """
        found = self._by_spelling.get(_plain(name)) if isinstance(name, str) else None
        if found is None:
            known = [s for t in self.values() for s in t.spellings]
            raise UnknownSpellingError("term", name, known)
        return found

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """Find where terms stand in a text.

        Parameters
        ----------
        text : str
            A label, say.

        Returns
        -------
        tuple of Mention
            In the order of the text, none within another: of two that overlap the longer
            one. Abbreviations count only in their own capitals, words in any, also in plural.

        Raises
        ------
        UsageError
            When it is no text.
        """
        if not isinstance(text, str):
            raise UsageError(f"terms are looked for in a text; found {format_value(text)}")
        return tuple(
            Mention(self._of(match[0]), match.start(), match.end())
            for match in self._pattern.finditer(text)
        )

    def terms_in(self, text: str) -> tuple[Term, ...]:
        """List the terms that a text uses, each once, in its order.

        Parameters
        ----------
        text : str
            A label, say.

        Returns
        -------
        tuple of Term
            As `mentions` finds them; empty where there are none.

        Raises
        ------
        UsageError
            When it is no text.
        """
        return tuple(dict.fromkeys(mention.term for mention in self.mentions(text)))

    def _of(self, written: str) -> Term:
        plain = _plain(written)
        return self._by_spelling.get(plain) or self._by_spelling[plain.removesuffix("s")]


def _plain(name: str) -> str:
    return " ".join(re.findall(r"\w+", name.casefold()))


def _written(spelling: str) -> str:
    """Make a pattern of a spelling."""
    # Where a line ends within a term there is a break for its blank.
    pattern = r"[\s-]+".join(map(re.escape, re.split(r"[\s-]+", spelling)))
    if sum(c.isupper() for c in spelling) > 1 and " " not in spelling:
        return rf"{pattern}s?"
    return rf"(?i:{pattern}s?)"


def _shipped() -> tuple[Term, ...]:
    # Wanted only here; keep it off the way to `import omistats`.
    import tomllib

    text = (Path(__file__).parent / "data" / "glossary.toml").read_text("utf-8")
    return tuple(
        Term(
            id,
            row["term"],
            tuple(row.get("also", ())),
            row["meaning"],
            tuple(row.get("listed_in", ())),
        )
        for id, row in tomllib.loads(text).items()
    )


GLOSSARY: Final = Glossary(_shipped)
"""The terms of both publications' glossaries, and those that labels use."""
