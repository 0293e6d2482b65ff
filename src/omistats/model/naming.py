"""Names of units as people write them, and the units that they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any

import attrs
import numpy as np
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, shown
from omistats.model.spellings import AFFIXES, Spellings, slug
from omistats.model.units import Unit, with_names

__all__ = ["UnitMatches", "as_match_units", "match_units"]

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
    names: Any, units: Iterable[Unit | str], *, affixes: Iterable[str] = AFFIXES
) -> UnitMatches:
    """Find the units that names stand for, however they are written.

    Case, accents, punctuation and spaces make no difference, nor do "&", "+" and "and", nor
    words such as "Probation Trust" around the name. Beyond that a name has to be the unit's
    id, its name or one of its synonyms: what is merely near is named in the error, and never
    taken for it.

    Parameters
    ----------
    names : array_like of str
        A list, or a column of Arrow, pandas or Polars. Null is null; one text is one name.
    units : iterable of Unit or str
        The units there are.
    affixes : iterable of str, optional
        Words before or after a name that do not tell units apart.

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
    >>> found = oms.match_units(["AVON AND SOMERSET", "Herts Probation Trust", None], units)
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
    if isinstance(names, pa.Array) and (wrong := _arrow.bad_text(names)):
        raise DataError([Problem("names", "text is UTF-8", wrong, "Decode it as what it is.")])
    # A frame and what has no order are no column, though Arrow would make something of them.
    unfit = isinstance(names, Mapping | AbstractSet | bytes) or hasattr(names, "columns")
    found = None if unfit else _arrow.labels_to_codes(names)
    if found is None:
        kind = type(names).__name__
        # What is no column has no kind of values.
        with suppress(pa.ArrowException, TypeError, ValueError, LookupError):
            if not unfit:
                kind = str(_arrow.Offence.of_kind(pa.array(names, from_pandas=True)))
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
        yield Problem("names", "a name is that of a unit", shown(rest), hint)


def _whole(unit: Unit, name: str) -> bool:
    """Tell whether a longer name holds a whole name of a unit."""
    longer = f"-{slug(name)}-"
    names = (slug(one) for one in (unit.id, unit.name, *unit.synonyms))
    return any(one and f"-{one}-" in longer for one in names)


def _called(unit: Unit) -> str:
    return repr(unit.name) if unit.name == unit.id else f"{unit.name!r} ({unit.id})"
