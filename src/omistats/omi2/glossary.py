"""Glossary of the field's terms, and a search for them in texts."""

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
"""A publication that has a glossary: the aggregate report or the collection of good practice."""


@attrs.frozen
class Term:
    """A term of the field and its meaning.

    Parameters
    ----------
    id : str
        Identifier in lower case, with hyphens between words.
    term : str
        The most common spelling.
    also : tuple of str
        Other spellings: the full form, an abbreviation or a synonym.
    meaning : str
        The meaning, in our own words.
    listed_in : tuple of {'aggregate', 'good practice'}
        The publications whose glossary has the term; empty if only texts and labels use it.

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
        """The term and its other spellings."""
        return (self.term, *self.also)


@attrs.frozen
class Mention:
    """An occurrence of a term in a text.

    Attributes
    ----------
    term : Term
        The term.
    start, stop : int
        Its place: ``text[start:stop]`` is the term as written.

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
    """Terms by id, in alphabetical order; it cannot be changed.

    A mapping: ``glossary["vlo"]`` returns a term, or raises KeyError for an unknown id.

    Parameters
    ----------
    read : callable
        Returns the terms, in any order; called on first use.

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
        return {_normalised(s): term for term in self._terms for s in (term.id, *term.spellings)}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        spellings = {s for term in self._terms for s in term.spellings}
        # The longest first, so that "high risk of harm" does not match as "risk of harm".
        ordered = sorted(spellings, key=lambda s: (-len(s), s))
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(_spelling_pattern, ordered))})(?!\w)")

    def __getitem__(self, id: str) -> Term:
        return self._by_id[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def __repr__(self) -> str:
        return f"Glossary: {len(self)} terms"

    def find(self, name: str) -> Term:
        """Look up a term by id or any of its spellings.

        Parameters
        ----------
        name : str
            An id, a term, its abbreviation or its full form; case is ignored.

        Returns
        -------
        Term
            The term with that id or spelling.

        Raises
        ------
        UnknownNameError
            When no term has it; similar ones are listed.
        """
        found = self._by_spelling.get(_normalised(name)) if isinstance(name, str) else None
        if found is None:
            known = [s for t in self.values() for s in t.spellings]
            raise UnknownSpellingError("term", name, known)
        return found

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """Find the occurrences of terms in a text.

        Parameters
        ----------
        text : str
            Any text, such as a label.

        Returns
        -------
        tuple of Mention
            In the order of the text. Of two that overlap only the longer is found.
            Abbreviations match only in their own capitals; words match in any case. Both also
            match in the plural.

        Raises
        ------
        UsageError
            When it is not text.
        """
        if not isinstance(text, str):
            raise UsageError(f"`text` must be a string; found {format_value(text)}; pass one label")
        return tuple(
            Mention(self._matched_term(match[0]), match.start(), match.end())
            for match in self._pattern.finditer(text)
        )

    def terms_in(self, text: str) -> tuple[Term, ...]:
        """List the terms in a text, each once, in the order of the text.

        Parameters
        ----------
        text : str
            Any text, such as a label.

        Returns
        -------
        tuple of Term
            The terms that `mentions` finds; empty if there are none.

        Raises
        ------
        UsageError
            When it is not text.
        """
        return tuple(dict.fromkeys(mention.term for mention in self.mentions(text)))

    def _matched_term(self, text: str) -> Term:
        plain = _normalised(text)
        return self._by_spelling.get(plain) or self._by_spelling[plain.removesuffix("s")]


def _normalised(name: str) -> str:
    return " ".join(re.findall(r"\w+", name.casefold()))


def _spelling_pattern(spelling: str) -> str:
    """Make a regular expression that matches a spelling."""
    # A line may break within a term.
    pattern = r"[\s-]+".join(map(re.escape, re.split(r"[\s-]+", spelling)))
    if sum(c.isupper() for c in spelling) > 1 and " " not in spelling:
        return rf"{pattern}s?"
    return rf"(?i:{pattern}s?)"


def _read_shipped() -> tuple[Term, ...]:
    # Imported here because `import omistats` must stay fast.
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


GLOSSARY: Final = Glossary(_read_shipped)
"""The terms of the glossaries of both publications, and of our labels."""
