"""The subjects of inspections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem, UsageError, described, listed, shown
from omistats.model.strata import ALL, names

__all__ = ["Unit", "grouped", "with_names"]


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
    synonyms: tuple[str, ...] = attrs.field(converter=names, default=())

    def __attrs_post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.id)
        if odd := [n for n in (self.name, *self.synonyms) if not isinstance(n, str)]:
            hint = "Write names as text."
            raise DataError([Problem(str(self.id), "a unit's names are text", shown(odd), hint)])


def with_names(units: Iterable[Unit | str]) -> tuple[Unit, ...]:
    """Make a unit of every id that stands alone.

    Raises
    ------
    DataError
        When an id is no text, repeats or is the reserved ``all``.
    UsageError
        When the units are no list.
    """
    found = listed("units", (units,) if isinstance(units, Unit) else units, "units or their ids")
    ids = [u.id if isinstance(u, Unit) else u for u in found]
    if odd := [i for i in ids if not isinstance(i, str) or not i]:
        hint = "Write ids as text, or make a Unit of each."
        raise DataError([Problem("units", "a unit is a Unit or its id", shown(odd), hint)])
    problems = []
    if repeated := sorted({i for i in ids if ids.count(i) > 1}):
        problems.append(
            Problem("units", "a unit is declared once", shown(repeated), "Remove the repetition.")
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


def grouped(
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
            f"`mapping` gives the new unit of every unit, as a dict; found {described(mapping)}"
        )
    problems = []
    hint = "Give every unit a group; its own id if it stays alone."
    if missing := [u for u in units if u not in mapping]:
        problems.append(
            Problem("mapping", "every unit needs a group", f"none for {shown(missing)}", hint)
        )
    if stray := [u for u in mapping if u not in set(units)]:
        problems.append(
            Problem(
                "mapping",
                f"units are {shown(units, 8)}",
                shown(sorted(stray, key=str)),
                "Correct the spelling or remove them.",
            )
        )
    groups = list(mapping.values())
    if odd := [v for v in groups if not isinstance(v, str) or not v]:
        problems.append(
            Problem("mapping", "a group's name is text", shown(odd), "Write names as text.")
        )
    if ALL in groups:
        problems.append(reserved_unit())
    if problems:
        raise DataError(problems)
    found = tuple(dict.fromkeys(mapping[u] for u in units))
    places = {group: i for i, group in enumerate(found)}
    return found, np.array([places[mapping[u]] for u in units], np.intp)
