"""Unit, match_units, name normalisation (affixes passed in, none built in)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set as AbstractSet
from contextlib import suppress
from typing import Any, ClassVar

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, UsageError, as_tuple, format_value, format_values
from omistats.model.framework import ALL, as_tuple_of_str

__all__ = [
    "Spellings",
    "Unit",
    "UnitMatches",
    "as_match_units",
    "match_units",
    "resolve_regrouping",
    "slug",
    "with_names",
]


@attrs.frozen
class Unit:
    """The subject of one inspection.

    Parameters
    ----------
    id : str
        The value in the ``unit`` column.
    name : str
        A name for people; the id unless given.
    synonyms : tuple of str
        Other names that data may use, for `match_units`.

    Raises
    ------
    DataError
        When a name or synonym is no text.
    UsageError
        When synonyms are no list.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.Unit("west", "West Riding", ["W Riding"])
    Unit(id='west', name='West Riding', synonyms=('W Riding',))
    """

    id: str
    name: str = ""
    synonyms: tuple[str, ...] = attrs.field(converter=as_tuple_of_str, default=())
    affixes: ClassVar[tuple[str, ...]] = ()
    """Words before or after a name that say what the unit is, not which one."""

    def __attrs_post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.id)
        if odd := [n for n in (self.name, *self.synonyms) if not isinstance(n, str)]:
            hint = "Write names as text."
            raise DataError(
                [Problem(str(self.id), "a unit's names are text", format_values(odd), hint)]
            )


def with_names(units: Iterable[Unit | str]) -> tuple[Unit, ...]:
    """Make a unit of every id that stands alone.

    Raises
    ------
    DataError
        When an id is no text, repeats or is the reserved ``all``.
    UsageError
        When the units are no list.
    """
    found = as_tuple("units", (units,) if isinstance(units, Unit) else units, "units or their ids")
    ids = [u.id if isinstance(u, Unit) else u for u in found]
    if odd := [i for i in ids if not isinstance(i, str) or not i]:
        hint = "Write ids as text, or make a Unit of each."
        raise DataError([Problem("units", "a unit is a Unit or its id", format_values(odd), hint)])
    problems = []
    if repeated := sorted({i for i in ids if ids.count(i) > 1}):
        problems.append(
            Problem(
                "units",
                "a unit is declared once",
                format_values(repeated),
                "Remove the repetition.",
            )
        )
    if ALL in ids:
        problems.append(reserved_unit())
    if problems:
        raise DataError(problems)
    return tuple(u if isinstance(u, Unit) else Unit(u) for u in found)


def reserved_unit() -> Problem:
    """Describe a unit that took the reserved label."""
    return Problem(
        "unit",
        f"{ALL!r} is the label of all units together and may not name one",
        repr(ALL),
        "Rename that unit.",
    )


def resolve_regrouping(
    units: Sequence[str], mapping: Mapping[str, str]
) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """Find the larger units that units make up.

    Parameters
    ----------
    units : sequence of str
        The units there are.
    mapping : mapping of str to str
        The new unit of every one of them.

    Returns
    -------
    groups : tuple of str
        The new units, in order of first appearance among ``units``.
    place : ndarray of intp, shape (units,)
        The index among ``groups`` of every unit.

    Raises
    ------
    DataError
        When a unit has no place in the mapping, the mapping names a unit that is not
        there, or a new unit is no text or called ``all``; all are listed.
    UsageError
        When it is no mapping.
    """
    if not isinstance(mapping, Mapping):
        raise UsageError(
            f"`mapping` gives the new unit of every unit, as a dict; found {format_value(mapping)}"
        )
    problems = []
    hint = "Give every unit a group; its own id if it stays alone."
    if missing := [u for u in units if u not in mapping]:
        problems.append(
            Problem(
                "mapping", "every unit needs a group", f"none for {format_values(missing)}", hint
            )
        )
    if stray := [u for u in mapping if u not in set(units)]:
        problems.append(
            Problem(
                "mapping",
                f"units are {format_values(units, 8)}",
                format_values(sorted(stray, key=str)),
                "Correct the spelling or remove them.",
            )
        )
    groups = list(mapping.values())
    if odd := [v for v in groups if not isinstance(v, str) or not v]:
        problems.append(
            Problem("mapping", "a group's name is text", format_values(odd), "Write names as text.")
        )
    if ALL in groups:
        problems.append(reserved_unit())
    if problems:
        raise DataError(problems)
    found = tuple(dict.fromkeys(mapping[u] for u in units))
    places = {group: i for i, group in enumerate(found)}
    return found, np.array([places[mapping[u]] for u in units], np.intp)


Words = tuple[str, ...]


@attrs.frozen
class Spellings:
    """Every way to write a unit, without what makes no difference."""

    units: tuple[Unit, ...]
    affixes: tuple[Words, ...]
    known: dict[Words, int]

    @classmethod
    def of(cls, units: tuple[Unit, ...], given: Iterable[str] | None = None) -> Spellings:
        """List the spellings of units.

        Raises
        ------
        DataError
            When two units cannot be told apart, or affixes are no text.
        UsageError
            When affixes are no list.
        """
        own = dict.fromkeys(affix for unit in units for affix in unit.affixes)
        affixes = _affixes(own if given is None else given)
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
                    hint = "Rename one, or pass `affixes=()` if they differ by such a word."
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
    found = as_tuple("affixes", affixes, "words")
    if odd := [a for a in found if not isinstance(a, str)]:
        raise DataError(
            [Problem("affixes", "an affix is text", format_values(odd), "Write it as text.")]
        )
    # The longest first: "Probation" would leave the "Trust" of "Probation Trust".
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


# Looking for near names is slow, and a wrong column has thousands of them.
_MOST = 40


@attrs.frozen(eq=False, repr=False)
class UnitMatches:
    """What names stand for.

    Attributes
    ----------
    ids : pyarrow.DictionaryArray
        The id of the unit of every name, in the order of the names; null for null.
    matched : dict of str to str
        Every spelling that was found, and the id that it stands for.
    units : tuple of Unit
        The units that were named, in the order that they were declared in.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.match_units(["KENT", "kent", "Hants"], oms.omi2.UNITS).matched
    {'KENT': 'kent', 'kent': 'kent', 'Hants': 'hampshire'}
    """

    ids: pa.DictionaryArray
    matched: Mapping[str, str]
    units: tuple[Unit, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        counts = (len(self.ids), len(self.matched), len(self.units))
        words = ("name", "spelling", "unit")
        return "UnitMatches: " + ", ".join(
            f"{count:,} {word}{'s' * (count != 1)}"
            for count, word in zip(counts, words, strict=True)
        )


def match_units(
    names: Any, units: Iterable[Unit | str], *, affixes: Iterable[str] | None = None
) -> UnitMatches:
    """Find the units that names stand for, however they are written.

    Case, accents, punctuation and spaces make no difference, nor do "&", "+" and "and", nor
    affixes around the name. Beyond that a name must be the unit's id, its name or one of its
    synonyms; similar names are listed in the error and never matched.

    Parameters
    ----------
    names : array_like of str
        A list, or a column of Arrow, pandas or Polars. Null is null; one text is one name.
    units : iterable of Unit or str
        The units there are.
    affixes : iterable of str, optional
        Words before or after a name that do not tell units apart, such as "Trust". By
        default those of the units' class: none for `Unit`, `omistats.omi2.AFFIXES` for the
        inspections of OMI 2.

    Returns
    -------
    UnitMatches
        With ``ids``, one for every name, ``matched``, one for every spelling, and the
        ``units`` named.

    Raises
    ------
    DataError
        When a name could be that of several units, which are listed, or is none's, when near
        ones are; when names are no text; and when two units go by one name. Every problem of
        the names is listed, and where the units themselves are at fault, every one of theirs.
    UsageError
        When ``units`` or ``affixes`` is no list.

    Examples
    --------
    >>> import omistats as oms
    >>> units = [oms.Unit("avon", "Avon & Somerset"), oms.Unit("herts", "Hertfordshire")]
    >>> found = oms.match_units(
    ...     ["AVON AND SOMERSET", "Herts Trust", None], units, affixes=["Trust"]
    ... )
    >>> found
    UnitMatches: 3 names, 2 spellings, 2 units
    >>> found.ids.to_pylist()
    ['avon', 'herts', None]
    """
    declared = with_names(units)
    index = Spellings.of(declared, affixes)
    codes, labels = _labels([names] if isinstance(names, str) else names)
    rows = np.bincount(codes.astype(np.int64) + 1, minlength=len(labels) + 1)[1:]
    # A dictionary may hold labels that no row has, and one twice.
    used = {label: 0 for label, count in zip(labels, rows, strict=True) if count}
    for label, count in zip(labels, rows.tolist(), strict=True):
        if count:
            used[label] += count
    places = {label: index.find(label) for label in used}
    unknown = [label for label, place in places.items() if place is None]
    if unknown:
        raise DataError(list(_problems(unknown, used, index)))
    of_label = [-1 if (place := places.get(label)) is None else place for label in labels]
    kind = np.int16 if len(declared) <= np.iinfo(np.int16).max else np.int32
    ids = _arrow.dictionary(
        np.array([*of_label, -1], kind)[codes], tuple(unit.id for unit in declared)
    )
    found = {label: place for label, place in places.items() if place is not None}
    return UnitMatches(
        ids,
        {label: declared[place].id for label, place in found.items()},
        tuple(declared[place] for place in sorted(set(found.values()))),
    )


def as_match_units(names: Sequence[str], units: tuple[Unit, ...]) -> str:
    """Say in a sentence which of these undeclared ids `match_units` reads; nothing if none."""
    try:
        index = Spellings.of(units)
    except DataError:
        return ""
    found = [(name, units[at].id) for name in names if (at := index.find(name)) is not None]
    if not found:
        return ""
    first = " and ".join(f"{name!r} as {id!r}" for name, id in found[:3])
    rest = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return (
        f" `match_units` reads {first}{rest}: put the `.ids` of "
        "oms.match_units(names, units) in the column."
    )


def _labels(names: Any) -> tuple[Any, list[str]]:
    rule = "names of units are text or null, in a list or a column"
    if isinstance(names, pa.Array) and (wrong := _arrow.utf8_error(names)):
        raise DataError([Problem("names", "text is UTF-8", wrong, "Decode it as what it is.")])
    # A frame and what has no order are no column, though Arrow would make something of them.
    unfit = isinstance(names, Mapping | AbstractSet | bytes) or hasattr(names, "columns")
    found = None if unfit else _arrow.labels_to_codes(names)
    if found is None:
        kind = type(names).__name__
        # What is no column has no kind of values.
        with suppress(pa.ArrowException, TypeError, ValueError, LookupError):
            if not unfit:
                kind = str(_arrow.InvalidValues.of_kind(pa.array(names, from_pandas=True)))
        raise DataError([Problem("names", rule, kind, "Pass the column that holds them.")])
    return found


def _problems(names: Sequence[str], rows: Mapping[str, int], index: Spellings) -> Iterator[Problem]:
    for name in names[:_MOST]:
        where = f"{name!r} in {rows[name]:,} row{'s' * (rows[name] != 1)}"
        several = index.candidates(name)
        if len(several) > 1:
            said = " or ".join(_called(index.units[i]) for i in several)
            rule, hint = "a name stands for one unit", "Write the one that is meant."
            if all(_whole(index.units[i], name) for i in several):
                hint += " If it is a larger unit that holds them, pass the units it is one of."
            yield Problem("names", rule, f"{where}, which could be {said}", hint)
            continue
        near = list(dict.fromkeys([*several, *index.near(name)]))
        said = " or ".join(_called(index.units[i]) for i in near)
        hint = f"Did you mean {said}?" if near else "Correct it, or add it to a unit's synonyms."
        if not name.strip():
            hint = "Leave it null if the unit is unknown."
        yield Problem("names", "a name is that of a unit", where, hint)
    if rest := names[_MOST:]:
        hint = "Is this the column of units?"
        yield Problem("names", "a name is that of a unit", format_values(rest), hint)


def _whole(unit: Unit, name: str) -> bool:
    """Tell whether a longer name holds a whole name of a unit."""
    longer = f"-{slug(name)}-"
    names = (slug(one) for one in (unit.id, unit.name, *unit.synonyms))
    return any(one and f"-{one}-" in longer for one in names)


def _called(unit: Unit) -> str:
    return repr(unit.name) if unit.name == unit.id else f"{unit.name!r} ({unit.id})"
