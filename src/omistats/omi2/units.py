"""The 36 inspections and 35 Trusts of the programme, and the words around their names.

Names are published; regions are inferred from geography, and synonyms are ours.

Names are those of the list that closes the collection of good practice. What the publications
do not say of single inspections, and we inferred, is marked:

- The region of each, from geography. The aggregate report names three regions and says that
  15 inspections were made in them; the counties of these regions hold 15 of the 36. Section 4
  ended after the South West, and all its examples are from these three regions and that one.
- That Norfolk and Suffolk are the two inspections of one Trust. The report counts 35 Trusts and
  the list 36 names; that it was these two that merged is from outside both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, ClassVar, Final

import attrs
import numpy as np

from omistats.counting.tally import Tally
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    as_tuple,
    format_value,
    format_values,
)
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL, Provenance
from omistats.model.units import Unit, slug
from omistats.scoring.score_tally import ScoreTally

__all__ = [
    "AFFIXES",
    "MERGED",
    "REGIONS",
    "REPORTED",
    "TRUSTS",
    "UNITS",
    "Inspection",
    "UnknownSpellingError",
    "regions",
    "trusts",
    "with_fieldwork",
]


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
"""Words before or after the name of a Trust that say what it is, not which one."""

REPORTED: Final = ("East of England", "South East", "East Midlands")
"""The regions of the aggregate report."""

MERGED: Final = {"Norfolk and Suffolk": ("Norfolk", "Suffolk")}
"""Trusts that were inspected in parts."""

REGIONS: Final = {
    "East of England": (
        ("Bedfordshire", "Beds"),
        ("Cambridgeshire", "Cambs", "Cambridgeshire & Peterborough"),
        ("Essex",),
        ("Hertfordshire", "Herts"),
        ("Norfolk",),
        ("Suffolk",),
    ),
    "South East": (
        ("Hampshire", "Hants"),
        ("Kent",),
        ("Surrey & Sussex",),
        ("Thames Valley",),
    ),
    "East Midlands": (
        ("Derbyshire", "Derbys"),
        ("Leicestershire & Rutland", "Leics & Rutland"),
        ("Lincolnshire", "Lincs"),
        ("Northamptonshire", "Northants"),
        ("Nottinghamshire", "Notts"),
    ),
    "South West": (
        ("Avon & Somerset",),
        ("Devon & Cornwall",),
        ("Dorset",),
        ("Gloucestershire", "Glos", "Gloucs"),
        ("Wiltshire", "Wilts"),
    ),
    "North West": (
        ("Cheshire",),
        ("Cumbria",),
        ("Greater Manchester", "Gtr Manchester"),
        ("Lancashire", "Lancs"),
        ("Merseyside",),
    ),
    "North East": (
        ("Durham Tees Valley", "DTV"),
        ("Northumbria",),
    ),
    "Yorkshire and the Humber": (
        ("Humberside",),
        ("South Yorkshire", "South Yorks", "S Yorkshire", "S Yorks"),
        ("West Yorkshire", "West Yorks", "W Yorkshire", "W Yorks"),
        (
            "York & North Yorkshire",
            "York & North Yorks",
            "York & N Yorkshire",
            "York & N Yorks",
            "North Yorkshire",
            "North Yorks",
            "N Yorkshire",
            "N Yorks",
        ),
    ),
    "West Midlands": (
        (
            "Staffordshire and West Midlands",
            "Staffordshire & W Midlands",
            "Staffs & West Midlands",
            "Staffs & W Midlands",
            "Staffs & West Mids",
            "Staffs & W Mids",
            "SWM",
        ),
        ("Warwickshire", "Warks", "Warwicks"),
        ("West Mercia", "W Mercia"),
    ),
    "London": (("London",),),
    "Wales": (("Wales", "Cymru", "Wales Cymru", "Cymru Wales"),),
}
"""For every region names and synonyms of its inspections."""


# More than this to choose from is no help.
_MOST = 60


class UnknownSpellingError(UnknownNameError):
    """Names of which near ones are looked for in any case, and the choice is given once."""

    def __init__(self, what: str, names: object, known: Iterable[str]) -> None:
        super().__init__(what, names, known)
        written: dict[str, list[str]] = {}
        for spelling in dict.fromkeys(self.known):
            written.setdefault(spelling.casefold(), []).append(spelling)
        sentences, far = [], []
        for name in self.names:
            plain = get_close_matches(str(name).casefold(), written, n=3)
            near = [spelling for found in plain for spelling in written[found]]
            if near:
                said = " or ".join(map(repr, near))
                sentences.append(f"unknown {what} {name!r}; did you mean {said}?")
            else:
                far.append(repr(name))
        if far:
            sentences.append(f"unknown {what} {', '.join(far)}; {self._choice()}")
        self.args = ("; ".join(sentences),)

    def _choice(self) -> str:
        if len(self.known) > _MOST:
            return f"none of {len(self.known)} is near, and the error's `known` lists them"
        return f"choose from {', '.join(self.known)}"


_Units = CaseSet | Tally | ScoreTally | Iterable[Unit | str]


@attrs.frozen
class Inspection(Unit):
    """One inspection: a unit of the programme.

    Parameters
    ----------
    id : str
        Lower case, without "and", hyphens between words.
    name : str
        As the collection of good practice lists it.
    synonyms : tuple of str
        Short forms, and other names that the Trust has had.
    trust : str
        Id of the Trust inspected, one of `TRUSTS`. The id of the inspection, but for Norfolk
        and Suffolk.
    region : str
        The English region that it lies in, or Wales.
    region_provenance : {'published', 'inferred', 'invented'}
        Where the region is known from. No publication gives it for single inspections, so
        that it is inferred from geography throughout.
    in_aggregate : bool
        Whether it is one of the 15 inspections of the aggregate report. This follows from the
        region, and is known no better.
    fieldwork : datetime.date or None
        The day that fieldwork began. The publications do not give it; see `with_fieldwork`.

    Raises
    ------
    DataError
        When a name or synonym is no text.
    UsageError
        When synonyms are no list.

    Examples
    --------
    >>> import omistats as oms
    >>> kent = next(unit for unit in oms.omi2.UNITS if unit.id == "kent")
    >>> kent.region, kent.region_provenance, kent.in_aggregate
    ('South East', 'inferred', True)
    """

    affixes: ClassVar[tuple[str, ...]] = AFFIXES
    trust: str = ""
    region: str = ""
    region_provenance: Provenance = "inferred"
    in_aggregate: bool = False
    fieldwork: date | None = None


def _inspections() -> tuple[Inspection, ...]:
    merged = {slug(name): slug(trust) for trust, names in MERGED.items() for name in names}
    found = [
        Inspection(
            slug(name),
            name,
            synonyms,
            trust=merged.get(slug(name), slug(name)),
            region=region,
            in_aggregate=region in REPORTED,
        )
        for region, rows in REGIONS.items()
        for name, *synonyms in rows
    ]
    return tuple(sorted(found, key=lambda unit: unit.id))


UNITS: Final = _inspections()
"""The 36 inspections, in alphabetical order."""


class Trust(Unit):
    """One of the 35 Trusts; what `omistats.Unit` is, with `AFFIXES` around its name."""

    affixes: ClassVar[tuple[str, ...]] = AFFIXES


def _trusts() -> tuple[Trust, ...]:
    whole = [Trust(slug(name), name, parts) for name, parts in MERGED.items()]
    alone = [Trust(u.id, u.name, u.synonyms) for u in UNITS if u.trust == u.id]
    return tuple(sorted([*alone, *whole], key=lambda unit: unit.id))


TRUSTS: Final[tuple[Unit, ...]] = _trusts()
"""The 35 Trusts, in alphabetical order."""

_BY_ID: Final = {unit.id: unit for unit in UNITS}

# A Trust that was inspected as two lies in one region.
_REGION: Final = {id: unit.region for unit in UNITS for id in (unit.id, unit.trust)}
_TRUST: Final = {id: unit.trust for unit in UNITS for id in (unit.id, unit.trust)}


def regions(units: _Units = UNITS) -> dict[str, str]:
    """Give the region of each unit, as ``regroup`` takes it.

    Parameters
    ----------
    units : CaseSet, Tally, ScoreTally or iterable of str, optional
        Cases, or ids of inspections or Trusts; all 36 inspections by default.

    Returns
    -------
    dict of str to str
        Of these units, in their order. Inferred, as is said at `Inspection`.

    Raises
    ------
    UnknownNameError
        When an id is no inspection's or Trust's. All such ids are listed.
    UsageError
        When these are no units.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.regions(["kent", "london"])
    {'kent': 'South East', 'london': 'London'}
    """
    return {id: _REGION[id] for id in _ids(units)}


def trusts(units: _Units = UNITS) -> dict[str, str]:
    """Give the Trust of each unit, as ``regroup`` takes it.

    Parameters
    ----------
    units : CaseSet, Tally, ScoreTally or iterable of str, optional
        Cases, or ids of inspections or Trusts; all 36 inspections by default.

    Returns
    -------
    dict of str to str
        Ids of Trusts, of these units in their order.

    Raises
    ------
    UnknownNameError
        When an id is no inspection's or Trust's. All such ids are listed.
    UsageError
        When these are no units.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.trusts(["kent", "norfolk", "suffolk"])
    {'kent': 'kent', 'norfolk': 'norfolk-suffolk', 'suffolk': 'norfolk-suffolk'}
    """
    return {id: _TRUST[id] for id in _ids(units)}


def _ids(units: _Units) -> list[str]:
    """List ids of inspections and Trusts; of a tally without the unit of all together."""
    if isinstance(units, CaseSet | Tally | ScoreTally):
        found: list[object] = [unit for unit in units.units if unit != ALL]
    else:
        given = (units,) if isinstance(units, Unit) else units
        found = [u.id if isinstance(u, Unit) else u for u in as_tuple("units", given, "unit ids")]
    if unknown := [id for id in found if not isinstance(id, str) or id not in _TRUST]:
        raise UnknownSpellingError("unit", list(dict.fromkeys(map(str, unknown))), _TRUST)
    return [str(id) for id in found]


# Between them lies what the publications say of when inspections were made.
_PROGRAMME: Final = (date(2009, 9, 1), date(2012, 12, 31), "inspections")
_REPORTED: Final = (date(2009, 9, 1), date(2010, 10, 31), "inspections of the aggregate report")


def with_fieldwork(dates: Mapping[str, Any]) -> tuple[Inspection, ...]:
    """Give the inspections with dates of fieldwork that you know.

    Parameters
    ----------
    dates : mapping of str to datetime.date
        Id of an inspection, and the day its fieldwork began: a date, a time, NumPy's or
        pandas's, or text as ``2010-03-15``; None for unknown.

    Returns
    -------
    tuple of Inspection
        All 36 in the order of `UNITS`; without a date where none was given.

    Raises
    ------
    DataError
        When an id is no inspection's, a date is none, or lies outside the programme:
        September 2009 to the end of 2012, for inspections of the aggregate report to
        October 2010. Every problem is listed.
    UsageError
        When it is no mapping.

    Examples
    --------
    >>> import omistats as oms
    >>> units = oms.omi2.with_fieldwork({"wales": "2011-11-07"})  # an invented date
    >>> [str(unit.fieldwork) for unit in units if unit.fieldwork]
    ['2011-11-07']
    """
    if not isinstance(dates, Mapping):
        raise UsageError(
            f"`dates` gives a date for ids of inspections, as a dict; found {format_value(dates)}"
        )
    problems = []
    if unknown := [id for id in dates if id not in _BY_ID]:
        hint = f"These are ids of `omi2.UNITS`: {UnknownSpellingError('unit', unknown, _BY_ID)}"
        problems.append(
            Problem("dates", "a date is of an inspection", format_values(unknown), hint)
        )
    found: dict[str, date | None] = {}
    for id, value in dates.items():
        if id in _BY_ID:
            found[id] = _day(value)
            problems += _problems_of(_BY_ID[id], value, found[id])
    if problems:
        raise DataError(problems)
    return tuple(attrs.evolve(u, fieldwork=found.get(u.id, u.fieldwork)) for u in UNITS)


def _day(value: Any) -> date | None:
    """Read a date; None for what is none."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[D]").item()
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime):
        # pandas's missing time is a time that has no date.
        return value.date() if value == value else None
    return value if isinstance(value, date) else None


def _problems_of(unit: Inspection, value: object, day: date | None) -> list[Problem]:
    if day is None:
        missing = value is None or value != value
        hint = "Write it as 2010-03-15."
        rule = "fieldwork begins on a date"
        return [] if missing else [Problem(unit.id, rule, format_value(value), hint)]
    first, last, which = _REPORTED if unit.in_aggregate else _PROGRAMME
    if first <= day <= last:
        return []
    rule = f"{which} were made from {first} to {last}"
    hint = "Correct the date, or say with `attrs.evolve` what no publication says."
    return [Problem(unit.id, rule, str(day), hint)]
