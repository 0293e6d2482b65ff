"""What makes no difference between names, and which units differ in nothing else."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from omistats.errors import DataError, Problem, listed, shown
from omistats.model.units import Unit

__all__ = ["AFFIXES", "Spellings", "slug"]

Words = tuple[str, ...]

AFFIXES: Final = (
    "National Probation Service",
    "Probation Service",
    "Probation Trust",
    "Probation Area",
    "Probation Board",
    "Probation",
    "Trust",
    "Area",
    "NPS",
    "the",
)
"""Words before or after the name of a unit that say what it is, not which one."""


@attrs.frozen
class Spellings:
    """Every way to write a unit, without what makes no difference."""

    units: tuple[Unit, ...]
    affixes: tuple[Words, ...]
    known: dict[Words, int]

    @classmethod
    def of(cls, units: tuple[Unit, ...], given: Iterable[str] = AFFIXES) -> Spellings:
        """List the spellings of units.

        Raises
        ------
        DataError
            When two units cannot be told apart, or affixes are no text.
        UsageError
            When affixes are no list.
        """
        affixes = _affixes(given)
        known: dict[Words, tuple[int, str]] = {}
        problems = []
        for i, unit in enumerate(units):
            for name in dict.fromkeys((unit.id, unit.name, *unit.synonyms)):
                if not isinstance(name, str) or not (words := _stripped(_words(name), affixes)):
                    rule, hint = "a unit's name has letters or figures", "Give it another."
                    problems.append(Problem("units", rule, f"{name!r} of {unit.id!r}", hint))
                    continue
                other, theirs = known.setdefault(words, (i, name))
                if other != i:
                    found = f"{theirs!r} of {units[other].id!r} and {name!r} of {unit.id!r}"
                    rule = "names and synonyms tell units apart"
                    hint = "Rename one, or pass `affixes=()` if it is such a word that differs."
                    problems.append(Problem("units", rule, found, hint))
        if problems:
            raise DataError(problems)
        return cls(units, affixes, {words: i for words, (i, _) in known.items()})

    def find(self, name: str) -> int | None:
        """Give the unit of a name, if it is one's."""
        return self.known.get(_stripped(_words(name), self.affixes))

    def candidates(self, name: str) -> list[int]:
        """List the units whose name holds all words of this one, or is whole in it."""
        words = _stripped(_words(name), self.affixes)
        found = {
            i
            for known, i in self.known.items()
            if words and (set(words) <= set(known) or _holds(words, known))
        }
        return sorted(found)

    def near(self, name: str) -> list[int]:
        """List units of a similar name, the most similar first."""
        from difflib import get_close_matches

        spelled = {" ".join(words): i for words, i in self.known.items()}
        words = " ".join(_stripped(_words(name), self.affixes))
        close = (spelled[near] for near in get_close_matches(words, spelled, n=5))
        return list(dict.fromkeys(close))[:3]


def slug(name: str) -> str:
    """Make an id of a name: lower case, hyphens between words, no "and"."""
    return "-".join(_words(name))


def _affixes(affixes: Iterable[str]) -> tuple[Words, ...]:
    found = listed("affixes", affixes, "words")
    if odd := [a for a in found if not isinstance(a, str)]:
        raise DataError([Problem("affixes", "an affix is text", shown(odd), "Write it as text.")])
    # The longest first: "Probation" alone would leave "Trust" behind.
    return tuple(sorted((w for a in found if (w := _words(a))), key=len, reverse=True))


def _words(name: str) -> Words:
    """Split a name, without what makes no difference between names."""
    plain = (
        c
        for c in unicodedata.normalize("NFKD", name.casefold())
        # Accents stand alone in this form; what cannot be seen may stand within a word.
        if not unicodedata.combining(c) and unicodedata.category(c) != "Cf"
    )
    text = re.sub("['\N{RIGHT SINGLE QUOTATION MARK}]", "", "".join(plain))
    return tuple(word for word in re.findall(r"[^\W_]+", text) if word != "and")


def _stripped(words: Words, affixes: Sequence[Words]) -> Words:
    """Take affixes off both ends, as long as something is left."""
    for affix in affixes:
        size = len(affix)
        if len(words) > size and words[:size] == affix:
            return _stripped(words[size:], affixes)
        if len(words) > size and words[-size:] == affix:
            return _stripped(words[:-size], affixes)
    return words


def _holds(words: Words, part: Words) -> bool:
    return any(words[i : i + len(part)] == part for i in range(len(words) - len(part) + 1))
