"""Units of inspection, and matching of names to units."""

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
    "Unit",
    "UnitMatches",
    "as_units",
    "look",
    "match_units",
    "match_units_hint",
    "resolve_regrouping",
    "slug",
    "split_names",
    "unit_name_problems",
]


@attrs.frozen
class Unit:
    """The subject of one inspection.

    Parameters
    ----------
    id : str
        The unit's value in the ``unit`` column.
    name : str
        A name for display; by default the id.
    synonyms : tuple of str
        Other names that data may use; `match_units` finds them.

    Raises
    ------
    DataError
        When a name or synonym is not text.
    UsageError
        When ``synonyms`` is not a list.

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
    """Words before or after a name that do not identify the unit, such as "Council"."""

    def __attrs_post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.id)
        if odd := [n for n in (self.name, *self.synonyms) if not isinstance(n, str)]:
            hint = "Write names as text."
            raise DataError(
                [Problem(str(self.id), "a unit's names must be text", format_values(odd), hint)]
            )


def as_units(units: Iterable[Unit | str]) -> tuple[Unit, ...]:
    """Convert ids to units.

    Raises
    ------
    DataError
        When an id is not text, repeats, or is the reserved ``all``.
    UsageError
        When ``units`` is not a list.
    """
    found = as_tuple("units", (units,) if isinstance(units, Unit) else units, "units or their ids")
    ids = [u.id if isinstance(u, Unit) else u for u in found]
    if odd := [i for i in ids if not isinstance(i, str) or not look(i)]:
        hint = "Write ids as text, or make a Unit of each."
        raise DataError([Problem("units", "expected a Unit or its id", format_values(odd), hint)])
    problems = []
    if repeated := sorted({i for i in ids if ids.count(i) > 1}):
        problems.append(
            Problem(
                "units",
                "units must be declared once",
                format_values(repeated),
                "Remove the repeated units.",
            )
        )
    # Names that look alike are kept apart where they are declared.
    problems += unit_name_problems(ids, is_declared=True)
    if problems:
        raise DataError(problems)
    return tuple(u if isinstance(u, Unit) else Unit(u) for u in found)


def look(name: str) -> str:
    """Return what can be seen of a name: case, blanks and forms of a character do not count.

    Unicode has several ways to write some characters, several hyphens and apostrophes, and
    characters that cannot be seen.
    """
    if name.isascii():
        return " ".join(name.casefold().split())
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    if not plain.isprintable():
        hidden = ("Cf", "Cc")
        plain = "".join(c for c in plain if c.isspace() or unicodedata.category(c) not in hidden)
    return " ".join(plain.translate(_PLAIN_MARKS).split())


# Texts that libraries write for a missing value.
_MISSING = ("nan", "nat", "<na>", "none", "null")

_PLAIN_MARKS = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
    | dict.fromkeys("\u2018\u2019\u02bc", "'")
)


def unit_name_problems(
    names: Iterable[str], is_declared: bool, mapping: bool = False
) -> list[Problem]:
    """List names of units that are blank, reserved, or look like each other.

    Parameters
    ----------
    names : iterable of str
        Distinct names.
    is_declared : bool
        Whether names that look alike may be different units.
    mapping : bool
        Whether the names come from a mapping, which is then to be corrected.

    Returns
    -------
    list of Problem
    """
    names = list(names)
    looks = list(map(look, names))
    distinct = set(looks)
    if len(distinct) == len(looks) and distinct.isdisjoint(("", ALL, *_MISSING)):
        return []
    alike: dict[str, list[str]] = {}
    for plain, name in zip(looks, names, strict=True):
        alike.setdefault(plain, []).append(name)
    problems = []
    where = "mapping" if mapping else "unit"
    if blank := alike.pop("", []):
        hint = "Write the name of the unit, or null and leave these cases out."
        problems.append(Problem(where, "a unit needs a name", f"{format_values(blank)}", hint))
    if not is_declared and (missing := [n for look in _MISSING for n in alike.pop(look, [])]):
        hint = (
            "That is how a missing value is written as text: leave it null, and these cases out; "
            "or declare it in `units`, if a unit has this name."
        )
        problems.append(Problem(where, "a unit needs a name", format_values(missing), hint))
    if reserved := alike.pop(ALL, []):
        rule = f"{ALL!r} is reserved for all units together, however it is written"
        problems.append(Problem(where, rule, format_values(reserved), "Rename that unit."))
    several = [spellings for spellings in alike.values() if len(spellings) > 1]
    if several and not is_declared:
        # Other forms of a character look the same, so they are written as codes.
        found = "; ".join(" and ".join(map(ascii, sorted(s))) for s in several[:5])
        more = f"; and {len(several) - 5} more" if len(several) > 5 else ""
        rule = "names that differ only in case, blanks or forms of a character are one unit"
        problems.append(Problem(where, rule, found + more, _joining_hint(several, mapping)))
    return problems


def split_names(parts: Iterable[Sequence[str]]) -> list[str]:
    """List names that look alike across tallies, unless one tally has them as different units."""
    alike: dict[str, set[str]] = {}
    all_parts = [frozenset(part) for part in parts]
    for name in sorted(frozenset().union(*all_parts)):
        alike.setdefault(look(name), set()).add(name)
    return [
        f"units {' and '.join(map(repr, sorted(names)))}, which differ only in case, blanks or "
        "forms of a character; use .regroup(...) to write them in one way"
        for names in alike.values()
        if len(names) > 1 and not any(names <= part for part in all_parts)
    ]


def _joining_hint(several: list[list[str]], mapping: bool) -> str:
    if mapping:
        return "Write each name in one way."
    pairs: dict[str, str] = {}
    for spellings in several[:5]:
        best = min(sorted(spellings), key=_untidiness)
        pairs |= {name: best for name in sorted(spellings) if name != best}
    joined = ", ".join(f"{name!a}: {best!a}" for name, best in pairs.items())
    return (
        f'Join them by a mapping, as pandas df["unit"].replace({{{joined}}}), or by match_units; '
        "or keep them apart: declare all of them in `units`."
    )


def resolve_regrouping(
    units: Sequence[str], mapping: Mapping[str, str]
) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """Resolve a mapping of units to larger units.

    Parameters
    ----------
    units : sequence of str
        The existing units.
    mapping : mapping of str to str
        The new unit of every existing unit.

    Returns
    -------
    groups : tuple of str
        The new units, in order of first appearance among ``units``.
    place : ndarray of intp, shape (units,)
        The index in ``groups`` of every unit.

    Raises
    ------
    DataError
        When a unit is missing from the mapping, the mapping names an unknown unit, or a new
        unit is not text or is called ``all``; all problems are listed.
    UsageError
        When ``mapping`` is not a mapping.
    """
    if not isinstance(mapping, Mapping):
        hint = "; pass its `.to_dict()`" if hasattr(mapping, "to_dict") else ""
        raise UsageError(
            "`mapping` must be a dict with the new unit of every unit; "
            f"found {format_value(mapping)}{hint}"
        )
    problems = []
    hint = "Give every unit a group: its own id if it stays as it is."
    if missing := [u for u in units if u not in mapping]:
        problems.append(
            Problem(
                "mapping", "every unit needs a group", f"none for {format_values(missing)}", hint
            )
        )
    known = set(units)
    if unknown := [u for u in mapping if u not in known]:
        problems.append(
            Problem(
                "mapping",
                f"units are {format_values(units, 8)}",
                format_values(sorted(unknown, key=str)),
                "Correct the spelling or remove them.",
            )
        )
    groups = list(mapping.values())
    if odd := [v for v in groups if not isinstance(v, str) or not look(v)]:
        problems.append(
            Problem(
                "mapping", "a group's name must be text", format_values(odd), "Write names as text."
            )
        )
    names = dict.fromkeys(v for v in groups if isinstance(v, str) and look(v))
    # Units that look alike were declared apart, and may stay so.
    problems += unit_name_problems(names, names.keys() <= known, mapping=True)
    if problems:
        raise DataError(problems)
    found = tuple(dict.fromkeys(mapping[u] for u in units))
    places = {group: i for i, group in enumerate(found)}
    return found, np.array([places[mapping[u]] for u in units], np.intp)


def _untidiness(name: str) -> tuple[bool, ...]:
    """Rank spellings: with plain characters and blanks, and with capitals, before others."""
    return (
        name != unicodedata.normalize("NFKC", name),
        name != " ".join(name.split()),
        not name.isascii(),
        name.islower(),
    )


Words = tuple[str, ...]


@attrs.frozen
class Spellings:
    """Normalised spellings of units, and the unit of each."""

    units: tuple[Unit, ...]
    affixes: tuple[Words, ...]
    known: dict[Words, int]

    @classmethod
    def of(cls, units: tuple[Unit, ...], given: Iterable[str] | None = None) -> Spellings:
        """Collect the spellings of units.

        Raises
        ------
        DataError
            When two units share a spelling, or affixes are not text.
        UsageError
            When ``affixes`` is not a list.
        """
        default = dict.fromkeys(affix for unit in units for affix in unit.affixes)
        affixes = _split_affixes(default if given is None else given)
        known: dict[Words, tuple[int, str]] = {}
        problems = []
        for i, unit in enumerate(units):
            for name in dict.fromkeys((unit.id, unit.name, *unit.synonyms)):
                if not isinstance(name, str) or not (
                    words := _without_affixes(_words(name), affixes)
                ):
                    rule, hint = "a unit's name needs letters or digits", "Rename the unit."
                    problems.append(Problem("units", rule, f"{name!r} of {unit.id!r}", hint))
                    continue
                other, other_name = known.setdefault(words, (i, name))
                if other != i:
                    found = f"{other_name!r} of {units[other].id!r} and {name!r} of {unit.id!r}"
                    rule = "no two units may share a name or synonym"
                    hint = "Rename one, or pass `affixes=()` if they differ only by an affix."
                    problems.append(Problem("units", rule, found, hint))
        if problems:
            raise DataError(problems)
        return cls(units, affixes, {words: i for words, (i, _) in known.items()})

    def find(self, name: str) -> int | None:
        """Return the index of the unit that has this name; None if no unit has it."""
        return self.known.get(_without_affixes(_words(name), self.affixes))

    def candidates(self, name: str) -> list[int]:
        """List the units whose name contains all words of this one, or is contained in it."""
        words = _without_affixes(_words(name), self.affixes)
        found = {
            i
            for known, i in self.known.items()
            if words and (set(words) <= set(known) or _contains(words, known))
        }
        return sorted(found)

    def near(self, name: str) -> list[int]:
        """List units with similar names, the most similar first."""
        from difflib import get_close_matches

        spelled = {" ".join(words): i for words, i in self.known.items()}
        words = " ".join(_without_affixes(_words(name), self.affixes))
        close = (spelled[near] for near in get_close_matches(words, spelled, n=5))
        return list(dict.fromkeys(close))[:3]


def slug(name: str) -> str:
    """Make an id of a name: lower case, words joined by hyphens, "and" omitted."""
    return "-".join(_words(name))


def _split_affixes(affixes: Iterable[str]) -> tuple[Words, ...]:
    found = as_tuple("affixes", affixes, "words")
    if odd := [a for a in found if not isinstance(a, str)]:
        raise DataError(
            [Problem("affixes", "affixes must be text", format_values(odd), "Write it as text.")]
        )
    # The longest first, so that "District Council" is removed before "Council".
    return tuple(sorted((w for a in found if (w := _words(a))), key=len, reverse=True))


def _words(name: str) -> Words:
    """Split a name into words, ignoring case, accents, punctuation and "and"."""
    plain = (
        c
        for c in unicodedata.normalize("NFKD", name.casefold())
        # NFKD separates accents from letters; invisible characters may occur within a word.
        if not unicodedata.combining(c) and unicodedata.category(c) != "Cf"
    )
    text = re.sub("['\N{RIGHT SINGLE QUOTATION MARK}]", "", "".join(plain))
    return tuple(word for word in re.findall(r"[^\W_]+", text) if word != "and")


def _without_affixes(words: Words, affixes: Sequence[Words]) -> Words:
    """Remove affixes from both ends, as long as a word is left."""
    for affix in affixes:
        size = len(affix)
        if len(words) > size and words[:size] == affix:
            return _without_affixes(words[size:], affixes)
        if len(words) > size and words[-size:] == affix:
            return _without_affixes(words[:-size], affixes)
    return words


def _contains(words: Words, part: Words) -> bool:
    return any(words[i : i + len(part)] == part for i in range(len(words) - len(part) + 1))


# Searching for similar names is slow, and a wrong column has thousands of values.
_MAX_SUGGESTIONS = 40


@attrs.frozen(eq=False, repr=False)
class UnitMatches:
    """Units matched to names, as `match_units` returns them.

    Attributes
    ----------
    ids : pyarrow.DictionaryArray
        The unit id of every name, in the order of the names; null for null.
    matched : dict of str to str
        The unit id of every distinct name.
    units : tuple of Unit
        The matched units, in the order in which they were declared.

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
    """Match names to units, however they are spelt.

    Case, accents, punctuation, spaces, "&", "+" and "and", and affixes around the name are
    ignored. Otherwise a name must equal the unit's id, name or one of its synonyms; similar
    names are suggested in the error and never matched.

    Parameters
    ----------
    names : array_like of str
        A list, or an Arrow, pandas or Polars column. Nulls stay null; a text is one name.
    units : iterable of Unit or str
        The known units.
    affixes : iterable of str, optional
        Words before or after a name that do not identify a unit, such as "Council". By default
        the ``affixes`` of the units' class: none for `Unit`; the units of a programme may have
        their own.

    Returns
    -------
    UnitMatches
        With ``ids`` (one per name), ``matched`` (one per distinct name) and ``units`` (those
        matched).

    Raises
    ------
    DataError
        When a name matches several units or none, names are not text, or two units share a
        name. All problems of the names are listed, with the candidate or similar units; or all
        problems of the units, if there are any.
    UsageError
        When ``units`` or ``affixes`` is not a list.

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
    declared = as_units(units)
    index = Spellings.of(declared, affixes)
    codes, labels = _codes_and_labels([names] if isinstance(names, str) else names)
    rows = np.bincount(codes.astype(np.int64) + 1, minlength=len(labels) + 1)[1:]
    # A dictionary may hold unused labels and repeated ones.
    used = {label: 0 for label, count in zip(labels, rows, strict=True) if count}
    for label, count in zip(labels, rows.tolist(), strict=True):
        if count:
            used[label] += count
    places = {label: index.find(label) for label in used}
    unknown = [label for label, place in places.items() if place is None]
    if unknown:
        raise DataError(list(_match_problems(unknown, used, index)))
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


def match_units_hint(names: Sequence[str], units: tuple[Unit, ...]) -> str:
    """Make a hint about undeclared ids that `match_units` can match; empty if there are none."""
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


def _codes_and_labels(names: Any) -> tuple[Any, list[str]]:
    rule = "names of units must be text or null, in a list or a column"
    if isinstance(names, pa.Array) and (wrong := _arrow.utf8_error(names)):
        raise DataError(
            [Problem("names", "text must be UTF-8", wrong, "Decode it with its own encoding.")]
        )
    # Arrow would convert a frame or an unordered collection, neither of which is a column.
    unfit = isinstance(names, Mapping | AbstractSet | bytes) or hasattr(names, "columns")
    found = None if unfit else _arrow.labels_to_codes(names)
    if found is None:
        kind = type(names).__name__
        # A value that is not a column has no type to report.
        with suppress(pa.ArrowException, TypeError, ValueError, LookupError):
            if not unfit:
                kind = str(_arrow.InvalidValues.of_kind(pa.array(names, from_pandas=True)))
        raise DataError([Problem("names", rule, kind, "Pass the column that holds them.")])
    return found


def _match_problems(
    names: Sequence[str], rows: Mapping[str, int], index: Spellings
) -> Iterator[Problem]:
    for name in names[:_MAX_SUGGESTIONS]:
        where = f"{name!r} in {rows[name]:,} row{'s' * (rows[name] != 1)}"
        candidates = index.candidates(name)
        if len(candidates) > 1:
            options = " or ".join(_label(index.units[i]) for i in candidates)
            rule, hint = "a name must match one unit", "Write the full name of the unit."
            if all(_contains_full_name(index.units[i], name) for i in candidates):
                hint += " If it is a larger unit that contains them, pass units that include it."
            yield Problem("names", rule, f"{where}, which could be {options}", hint)
            continue
        near = list(dict.fromkeys([*candidates, *index.near(name)]))
        options = " or ".join(_label(index.units[i]) for i in near)
        hint = f"Did you mean {options}?" if near else "Correct it, or add it to a unit's synonyms."
        if not name.strip():
            hint = "Leave it null if the unit is unknown."
        yield Problem("names", "a name must match a unit", where, hint)
    if rest := names[_MAX_SUGGESTIONS:]:
        hint = "Is this the column of units?"
        yield Problem("names", "a name must match a unit", format_values(rest), hint)


def _contains_full_name(unit: Unit, name: str) -> bool:
    """Tell whether a name contains a full name of a unit."""
    longer = f"-{slug(name)}-"
    names = (slug(one) for one in (unit.id, unit.name, *unit.synonyms))
    return any(one and f"-{one}-" in longer for one in names)


def _label(unit: Unit) -> str:
    return repr(unit.name) if unit.name == unit.id else f"{unit.name!r} ({unit.id})"
