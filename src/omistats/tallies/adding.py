"""Adding counts of different cases up, unit by unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from omistats.errors import UnknownNameError, UsageError, listed, shown
from omistats.model.marks import agreed
from omistats.model.strata import ALL
from omistats.model.units import grouped

if TYPE_CHECKING:
    from omistats.tallies.tally import Tally

__all__ = ["COUNTS", "Sum", "arranged", "merged", "regrouped", "replaced", "without"]

COUNTS = ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "left_out")
"""The arrays of a tally; the first axis of each is the units."""


class Sum:
    """A running sum of tallies, which grows with the units it meets.

    Parameters
    ----------
    first : Tally
        The first of them.
    """

    def __init__(self, first: Tally) -> None:
        self._first = first
        self._place: dict[str, int] = {}
        self._metadata: dict[bytes, bytes] | None = None
        self._arrays: dict[str, Any] = {
            name: np.zeros((0, *getattr(first, name).shape[1:]), np.int64) for name in COUNTS
        }
        self.add(first)

    def add(self, tally: Tally) -> None:
        """Add the counts of cases that are not in the sum yet."""
        for unit in tally.units:
            self._place.setdefault(unit, len(self._place))
        rows = np.array([self._place[unit] for unit in tally.units], np.intp)
        for name, array in self._arrays.items():
            if len(self._place) > len(array):
                # Twice as many, so that units that come one by one are not copied every time.
                room = max(len(self._place), 2 * len(array))
                array = np.concatenate(
                    [array, np.zeros((room - len(array), *array.shape[1:]), int)]
                )
                self._arrays[name] = array
            array[rows] += getattr(tally, name)
        known = [tally.metadata] if self._metadata is None else [self._metadata, tally.metadata]
        self._metadata = agreed(known)

    def total(self) -> Tally:
        """Give the sum as it is now; units in order of first appearance."""
        units = tuple(self._place)
        counts = {name: array[: len(units)].copy() for name, array in self._arrays.items()}
        return attrs.evolve(self._first, units=units, metadata=self._metadata or {}, **counts)


def merged(tallies: Sequence[Tally]) -> Tally:
    """Add tallies up.

    Raises
    ------
    UsageError
        When they do not count the same things; every difference is listed.
    """
    _check_alike(tallies, "merge")
    total = Sum(tallies[0])
    for other in tallies[1:]:
        total.add(other)
    return total.total()


def replaced(tally: Tally, new: Tally) -> Tally:
    """Put the units of ``new`` in the place of the same units of ``tally``.

    Raises
    ------
    UsageError
        When the two do not count the same things, or not by unit.
    """
    _check_alike((tally, new), "replace")
    _check_by_unit(tally, "replaced")
    units = tuple(dict.fromkeys((*tally.units, *new.units)))
    rest = _rows(tally, [unit for unit in tally.units if unit not in set(new.units)])
    return arranged(merged((rest, new)), units)


def without(tally: Tally, units: Iterable[str]) -> Tally:
    """Take units out.

    Raises
    ------
    UsageError
        When the counts are not by unit.
    UnknownNameError
        When there is no such unit.
    """
    _check_by_unit(tally, "left out")
    wanted = listed("units", units, "units")
    if unknown := [unit for unit in wanted if unit not in tally.units]:
        raise UnknownNameError("unit", unknown, tally.units)
    kept = [unit for unit in tally.units if unit not in wanted]
    if ALL in kept and len(wanted):
        # The whole is of the units that are left.
        return _rows(tally, [unit for unit in kept if unit != ALL]).with_all()
    return _rows(tally, kept)


def regrouped(tally: Tally, mapping: Mapping[str, str]) -> Tally:
    """Add units up to larger ones; see `Tally.regroup`."""
    _check_by_unit(tally, "put into a group")
    units = [unit for unit in tally.units if unit != ALL]
    groups, place = grouped(units, mapping)
    parts = _rows(tally, units)
    counts: dict[str, Any] = {}
    for name in COUNTS:
        array = getattr(parts, name)
        counts[name] = np.zeros((len(groups), *array.shape[1:]), np.int64)
        np.add.at(counts[name], place, array)
    found = attrs.evolve(tally, units=groups, **counts)
    return found.with_all() if ALL in tally.units else found


def arranged(tally: Tally, units: Sequence[str]) -> Tally:
    """Put units in another order."""
    return tally if tuple(units) == tally.units else _rows(tally, units)


def _rows(tally: Tally, units: Sequence[str]) -> Tally:
    place = {unit: i for i, unit in enumerate(tally.units)}
    rows = np.array([place[unit] for unit in units], np.intp)
    counts: dict[str, Any] = {name: getattr(tally, name)[rows] for name in COUNTS}
    return attrs.evolve(tally, units=tuple(units), **counts)


def _check_by_unit(tally: Tally, what: str) -> None:
    if tally.units == (ALL,):
        raise UsageError(
            f"these counts were made for all units together, so that no unit can be {what}; "
            'make them with tally(cases, by="unit")'
        )


def _check_alike(tallies: Sequence[Any], verb: str) -> None:
    first = tallies[0]
    if odd := [t for t in tallies if type(t) is not type(first)]:
        raise UsageError(f"expected tallies to {verb}, found {type(odd[0]).__name__}")
    found = [
        f"tally {i}: {difference}"
        for i, other in enumerate(tallies[1:], 2)
        for difference in _differences(first, other)
    ]
    found += [
        f"tally {i}: has 'all' beside its units; take it out with .without('all')"
        for i, tally in enumerate(tallies, 1)
        if ALL in tally.units and len(tally.units) > 1
    ]
    if found:
        lines = "".join(f"\n  - {line}" for line in found)
        raise UsageError(
            f"tallies that do not count the same things do not {verb}; "
            f"compared with tally 1, the one you started from:{lines}"
        )


def _differences(one: Tally, other: Tally) -> list[str]:
    found = []
    if one.framework.name != other.framework.name:
        found.append(f"framework {other.framework.name!r}, not {one.framework.name!r}")
    elif one.framework != other.framework:
        found.append(f"a framework {one.framework.name!r} of another content")
    if (one.units == (ALL,)) != (other.units == (ALL,)):
        kinds = ("counts by unit", "counts of all units together")
        ours, theirs = (kinds[t.units == (ALL,)] for t in (one, other))
        found.append(f"{theirs}, not {ours}")
    ours_by, theirs_by = ({s.key: s for s in t.splits} for t in (one, other))
    if lacking := [key for key in ours_by if key not in theirs_by]:
        found.append(f"lacks breakdowns {shown(lacking)}")
    if more := [key for key in theirs_by if key not in ours_by]:
        found.append(f"has breakdowns {shown(more)} besides")
    for key in ours_by:
        if key in theirs_by and ours_by[key] != theirs_by[key]:
            a, b = ours_by[key], theirs_by[key]
            found.append(
                f"breakdown {key!r} has the groups {shown(b.groups, 12)} ({b.contrast}), "
                f"not {shown(a.groups, 12)} ({a.contrast})"
            )
    found += _order(tuple(ours_by), tuple(theirs_by), "breakdowns")
    if lacking := [id for id in one.questions if id not in set(other.questions)]:
        found.append(f"lacks questions {shown(lacking)}")
    if more := [id for id in other.questions if id not in set(one.questions)]:
        found.append(f"has questions {shown(more)} besides")
    return found + _order(one.questions, other.questions, "questions")


def _order(one: tuple[str, ...], other: tuple[str, ...], what: str) -> list[str]:
    if one != other and set(one) == set(other):
        return [f"{what} in another order: {shown(other, 12)}, not {shown(one, 12)}"]
    return []
