"""The 36 inspections and 35 Trusts of the programme.

Names are those of the list at the end of the collection of good practice. Synonyms are our own.
Two facts are not published for single inspections:

- The region of each is inferred from geography. The aggregate report names three regions and
  says that 15 inspections were made in them; the counties of these regions have 15 of the 36.
  Section 4 ended after the South West, and all its examples are from these three regions and
  the South West.
- Norfolk and Suffolk are taken to be the two inspections of one Trust. The report counts 35
  Trusts and the list has 36 names; that these two merged is known from other sources.
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
from omistats.omi2.framework import PROGRAMME
from omistats.scoring.score_tally import ScoreTally

__all__ = [
    "AFFIXES",
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
"""Words before or after the name of a Trust that do not tell Trusts apart."""

_REPORTED_REGIONS: Final = ("East of England", "South East", "East Midlands")
"""The regions of the aggregate report."""

_MERGED: Final = {"Norfolk and Suffolk": ("Norfolk", "Suffolk")}
"""Trusts that were inspected in parts, with the names of the inspections."""

_UNITS_BY_REGION: Final = {
    "East of England": (
        "bedfordshire",
        "cambridgeshire",
        "essex",
        "hertfordshire",
        "norfolk",
        "suffolk",
    ),
    "South East": (
        "hampshire",
        "kent",
        "surrey-sussex",
        "thames-valley",
    ),
    "East Midlands": (
        "derbyshire",
        "leicestershire-rutland",
        "lincolnshire",
        "northamptonshire",
        "nottinghamshire",
    ),
    "South West": (
        "avon-somerset",
        "devon-cornwall",
        "dorset",
        "gloucestershire",
        "wiltshire",
    ),
    "North West": (
        "cheshire",
        "cumbria",
        "greater-manchester",
        "lancashire",
        "merseyside",
    ),
    "North East": (
        "durham-tees-valley",
        "northumbria",
    ),
    "Yorkshire and the Humber": (
        "humberside",
        "south-yorkshire",
        "west-yorkshire",
        "york-north-yorkshire",
    ),
    "West Midlands": (
        "staffordshire-west-midlands",
        "warwickshire",
        "west-mercia",
    ),
    "London": ("london",),
    "Wales": ("wales",),
}
"""Ids of inspections by region."""


# A longer list of names to choose from is no help in an error message.
_MOST_NAMES = 60


class UnknownSpellingError(UnknownNameError):
    """Unknown names, with suggestions that ignore case and one list of known names."""

    def __init__(self, what: str, names: object, known: Iterable[str]) -> None:
        super().__init__(what, names, known)
        by_lower_case: dict[str, list[str]] = {}
        for spelling in dict.fromkeys(self.known):
            by_lower_case.setdefault(spelling.casefold(), []).append(spelling)
        sentences, without_suggestion = [], []
        for name in self.names:
            matches = get_close_matches(str(name).casefold(), by_lower_case, n=3)
            similar = [spelling for match in matches for spelling in by_lower_case[match]]
            if similar:
                choice = " or ".join(map(repr, similar))
                sentences.append(f"unknown {what} {name!r}; did you mean {choice}?")
            else:
                without_suggestion.append(repr(name))
        if without_suggestion:
            names_listed = ", ".join(without_suggestion)
            sentences.append(f"unknown {what} {names_listed}; {self._choice()}")
        self.args = ("; ".join(sentences),)

    def _choice(self) -> str:
        if len(self.known) > _MOST_NAMES:
            count = len(self.known)
            return f"none of the {count} known names is similar; the error's `known` lists them"
        return f"choose from {', '.join(self.known)}"


_Units = CaseSet | Tally | ScoreTally | Iterable[Unit | str]


@attrs.frozen
class Inspection(Unit):
    """One inspection: a unit of the programme.

    Parameters
    ----------
    id : str
        The name in lower case, without "and", with hyphens between words.
    name : str
        The name in the collection of good practice.
    synonyms : tuple of str
        Short forms and other names of the Trust.
    trust : str
        Id of the Trust inspected, one of `TRUSTS`. It is the id of the inspection, except for
        Norfolk and Suffolk.
    region : str
        The English region, or Wales.
    region_provenance : {'published', 'inferred', 'invented'}
        Where the region is known from. No publication gives it for single inspections, so
        all are inferred from geography.
    in_aggregate : bool
        Whether it is one of the 15 inspections of the aggregate report, inferred from the
        region.
    fieldwork : datetime.date or None
        The day fieldwork began. The publications do not give it; see `with_fieldwork`.

    Raises
    ------
    DataError
        When a name or synonym is not text.
    UsageError
        When synonyms are not a list.

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
    merged = {slug(name): slug(trust) for trust, names in _MERGED.items() for name in names}
    regions = {id: region for region, ids in _UNITS_BY_REGION.items() for id in ids}
    return tuple(
        Inspection(
            unit.id,
            unit.name,
            unit.synonyms,
            trust=merged.get(unit.id, unit.id),
            region=regions[unit.id],
            in_aggregate=regions[unit.id] in _REPORTED_REGIONS,
        )
        for unit in PROGRAMME.units
    )


UNITS: Final = _inspections()
"""The 36 inspections, in alphabetical order."""


class Trust(Unit):
    """One of the 35 Trusts; names match with or without the `AFFIXES`."""

    affixes: ClassVar[tuple[str, ...]] = AFFIXES


def _trusts() -> tuple[Trust, ...]:
    inspected_in_parts = [Trust(slug(name), name, parts) for name, parts in _MERGED.items()]
    inspected_once = [Trust(u.id, u.name, u.synonyms) for u in UNITS if u.trust == u.id]
    return tuple(sorted([*inspected_once, *inspected_in_parts], key=lambda unit: unit.id))


TRUSTS: Final[tuple[Unit, ...]] = _trusts()
"""The 35 Trusts, in alphabetical order."""

_BY_ID: Final = {unit.id: unit for unit in UNITS}

# Both inspections of a Trust are in the same region.
_REGION: Final = {id: unit.region for unit in UNITS for id in (unit.id, unit.trust)}
_TRUST: Final = {id: unit.trust for unit in UNITS for id in (unit.id, unit.trust)}


def regions(units: _Units = UNITS) -> dict[str, str]:
    """Map units to their regions, for ``regroup``.

    Parameters
    ----------
    units : CaseSet, Tally, ScoreTally or iterable of str, optional
        Cases, or ids of inspections or Trusts; all 36 inspections by default.

    Returns
    -------
    dict of str to str
        Region by unit id, in the order of the units; inferred, see `Inspection`.

    Raises
    ------
    UnknownNameError
        When an id is not that of an inspection or a Trust; all such ids are listed.
    UsageError
        When ``units`` is not a list of units.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.regions(["kent", "london"])
    {'kent': 'South East', 'london': 'London'}
    """
    return {id: _REGION[id] for id in _ids(units)}


def trusts(units: _Units = UNITS) -> dict[str, str]:
    """Map units to their Trusts, for ``regroup``.

    Parameters
    ----------
    units : CaseSet, Tally, ScoreTally or iterable of str, optional
        Cases, or ids of inspections or Trusts; all 36 inspections by default.

    Returns
    -------
    dict of str to str
        Id of the Trust by unit id, in the order of the units.

    Raises
    ------
    UnknownNameError
        When an id is not that of an inspection or a Trust; all such ids are listed.
    UsageError
        When ``units`` is not a list of units.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.trusts(["kent", "norfolk", "suffolk"])
    {'kent': 'kent', 'norfolk': 'norfolk-suffolk', 'suffolk': 'norfolk-suffolk'}
    """
    return {id: _TRUST[id] for id in _ids(units)}


def _ids(units: _Units) -> list[str]:
    """List the ids of units, without the label of all units together."""
    if isinstance(units, CaseSet | Tally | ScoreTally):
        found: list[object] = [unit for unit in units.units if unit != ALL]
    else:
        given = (units,) if isinstance(units, Unit) else units
        found = [u.id if isinstance(u, Unit) else u for u in as_tuple("units", given, "unit ids")]
    if unknown := [id for id in found if not isinstance(id, str) or id not in _TRUST]:
        raise UnknownSpellingError("unit", list(dict.fromkeys(map(str, unknown))), _TRUST)
    return [str(id) for id in found]


# First and last day of inspections according to the publications.
_PROGRAMME: Final = (date(2009, 9, 1), date(2012, 12, 31), "inspections")
_REPORTED_DAYS: Final = (
    date(2009, 9, 1),
    date(2010, 10, 31),
    "inspections of the aggregate report",
)


def with_fieldwork(dates: Mapping[str, Any]) -> tuple[Inspection, ...]:
    """Add dates of fieldwork to the inspections.

    Parameters
    ----------
    dates : mapping of str to datetime.date
        The day fieldwork began, by id of the inspection: a date or datetime of Python, NumPy or
        pandas, or text such as ``2010-03-15``; None if unknown.

    Returns
    -------
    tuple of Inspection
        All 36 in the order of `UNITS`; those without a date keep None.

    Raises
    ------
    DataError
        When an id is not that of an inspection, a value is not a date, or a date is outside
        the programme: September 2009 to the end of 2012, or to October 2010 for inspections of
        the aggregate report. Every problem is listed.
    UsageError
        When ``dates`` is not a mapping.

    Examples
    --------
    >>> import omistats as oms
    >>> units = oms.omi2.with_fieldwork({"wales": "2011-11-07"})  # an invented date
    >>> [str(unit.fieldwork) for unit in units if unit.fieldwork]
    ['2011-11-07']
    """
    if not isinstance(dates, Mapping):
        raise UsageError(
            f"`dates` must map ids of inspections to dates; found {format_value(dates)}; pass a "
            "dict such as {'wales': '2011-11-07'}"
        )
    problems = []
    if unknown := [id for id in dates if id not in _BY_ID]:
        hint = f"Use the ids of omi2.UNITS: {UnknownSpellingError('unit', unknown, _BY_ID)}"
        problems.append(
            Problem("dates", "the keys must be ids of inspections", format_values(unknown), hint)
        )
    found: dict[str, date | None] = {}
    for id, value in dates.items():
        if id in _BY_ID:
            found[id] = _as_date(value)
            problems += _check_date(_BY_ID[id], value, found[id])
    if problems:
        raise DataError(problems)
    return tuple(attrs.evolve(u, fieldwork=found.get(u.id, u.fieldwork)) for u in UNITS)


def _as_date(value: Any) -> date | None:
    """Convert a value to a date; None if it is not one."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[D]").item()
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, datetime):
        # pandas.NaT is a datetime without a date, and unequal to itself.
        return value.date() if value == value else None
    return value if isinstance(value, date) else None


def _check_date(unit: Inspection, value: object, day: date | None) -> list[Problem]:
    if day is None:
        missing = value is None or value != value
        hint = "Write it like 2010-03-15."
        rule = "fieldwork must begin on a date"
        return [] if missing else [Problem(unit.id, rule, format_value(value), hint)]
    first, last, which = _REPORTED_DAYS if unit.in_aggregate else _PROGRAMME
    if first <= day <= last:
        return []
    rule = f"{which} took place from {first} to {last}"
    hint = "Correct the date, or set `fieldwork` with `attrs.evolve` if you know better."
    return [Problem(unit.id, rule, str(day), hint)]
