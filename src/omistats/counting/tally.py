"""Tally, merge/replace/drop/regroup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.groups import GroupSpec
from omistats.breakdowns.registry import resolve
from omistats.counting.tally_file import read_tally, write_tally
from omistats.errors import UnknownNameError, UsageError, as_tuple, format_value, format_values
from omistats.model.framework import ALL, Framework
from omistats.model.metadata import merge_metadata
from omistats.model.units import resolve_regrouping

__all__ = [
    "COUNTS",
    "By",
    "Sum",
    "Tally",
    "check_by",
    "drop_units",
    "merged",
    "regrouped",
    "reorder_units",
    "replaced",
    "resolve_breakdowns",
]


COUNTS = ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "excluded")
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
        self._metadata = merge_metadata(known)

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
    return reorder_units(merged((rest, new)), units)


def drop_units(tally: Tally, units: Iterable[str]) -> Tally:
    """Take units out.

    Raises
    ------
    UsageError
        When the counts are not by unit.
    UnknownNameError
        When there is no such unit.
    """
    _check_by_unit(tally, "left out")
    wanted = as_tuple("units", units, "units")
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
    groups, place = resolve_regrouping(units, mapping)
    parts = _rows(tally, units)
    counts: dict[str, Any] = {}
    for name in COUNTS:
        array = getattr(parts, name)
        counts[name] = np.zeros((len(groups), *array.shape[1:]), np.int64)
        np.add.at(counts[name], place, array)
    found = attrs.evolve(tally, units=groups, **counts)
    return found.with_all() if ALL in tally.units else found


def reorder_units(tally: Tally, units: Sequence[str]) -> Tally:
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
        raise UsageError(f"expected tallies to {verb}; found {type(odd[0]).__name__}")
    found = [
        f"tally {i}: {difference}"
        for i, other in enumerate(tallies[1:], 2)
        for difference in _differences(first, other)
    ]
    found += [
        f"tally {i}: has 'all' beside its units; take it out with .drop_units('all')"
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
        found.append(f"lacks breakdowns {format_values(lacking)}")
    if more := [key for key in theirs_by if key not in ours_by]:
        found.append(f"has breakdowns {format_values(more)} besides")
    for key in ours_by:
        if key in theirs_by and ours_by[key] != theirs_by[key]:
            a, b = ours_by[key], theirs_by[key]
            found.append(
                f"breakdown {key!r} has the groups {format_values(b.groups, 12)} ({b.contrast}), "
                f"not {format_values(a.groups, 12)} ({a.contrast})"
            )
    found += _order(tuple(ours_by), tuple(theirs_by), "breakdowns")
    if lacking := [id for id in one.questions if id not in set(other.questions)]:
        found.append(f"lacks questions {format_values(lacking)}")
    if more := [id for id in other.questions if id not in set(one.questions)]:
        found.append(f"has questions {format_values(more)} besides")
    return found + _order(one.questions, other.questions, "questions")


def _order(one: tuple[str, ...], other: tuple[str, ...], what: str) -> list[str]:
    if one != other and set(one) == set(other):
        return [
            f"{what} in another order: {format_values(other, 12)}, not {format_values(one, 12)}"
        ]
    return []


Counts = npt.NDArray[np.int64]


@attrs.frozen(eq=False, repr=False)
class Tally:
    """The counts behind findings, unit by unit or for all units together.

    Attributes
    ----------
    framework : Framework
        Where the questions come from.
    units : tuple of str
        Units counted; ``('all',)`` when they were counted together.
    splits : tuple of Split
        Breakdowns; their groups lie one after another along the groups' axis.
    questions : tuple of str
        Question ids.
    k, n : ndarray of int64, shape (units, groups, questions)
        Sufficient and applicable answers.
    unknown_k, unknown_n : ndarray of int64, shape (units, splits, questions)
        The same of cases that are unclassified; counted for complements only, where
        such cases are part of ``all``, and 0 elsewhere.
    cases : ndarray of int64, shape (units, groups)
        Cases in each group, whatever was applicable.
    unclassified, excluded : ndarray of int64, shape (units, splits)
        Cases in no group: of unknown characteristic, and known but not reported.
    metadata : mapping of bytes to bytes
        What the cases say of themselves, that they are synthetic among other things.

    Raises
    ------
    UsageError
        When ``k`` and ``n`` are of another shape, or not 0 <= k <= n.

    Examples
    --------
    >>> import tempfile
    >>> import omistats as oms
    >>> asked, sex = oms.Question("seen", "Seen at home"), oms.Stratum("sex", ("boy", "girl"))
    >>> visits = oms.Framework("visits", [asked], [sex])
    >>> data = {"case_id": [1, 2, 3], "unit": ["A", "A", "B"], "sex": ["boy", "girl", "boy"]}
    >>> cases = oms.CaseSet.from_data({**data, "seen": [1, None, 0]}, framework=visits)
    >>> tally = oms.tally(cases, by="unit", breakdowns=["sex"])
    >>> tally.n.tolist(), tally.collapse_units().n.tolist(), tally.with_all().units, tally.offsets
    ([[[1], [0]], [[1], [0]]], [[[2], [0]]], ('A', 'B', 'all'), (0, 2))
    >>> one, other, north = (
    ...     tally.drop_units("B"),
    ...     tally.drop_units("A"),
    ...     {"A": "North", "B": "North"},
    ... )
    >>> one.merge(other).units, tally.replace(other).units, tally.regroup(north).units
    (('A', 'B'), ('A', 'B'), ('North',))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tally.write(f"{folder}/visits.arrow")
    ...     oms.Tally.read(f"{folder}/visits.arrow", framework=visits)
    Tally: 2 units x 1 breakdown x 1 question
    """

    framework: Framework
    units: tuple[str, ...]
    splits: tuple[GroupSpec, ...]
    questions: tuple[str, ...]
    k: Counts
    n: Counts
    unknown_k: Counts
    unknown_n: Counts
    cases: Counts
    unclassified: Counts
    excluded: Counts
    metadata: Mapping[bytes, bytes] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        shape = (len(self.units), self.offsets[-1], len(self.questions))
        if self.k.shape != shape or self.n.shape != shape:
            raise UsageError(
                f"a tally of these units, groups and questions has the shape {shape}; "
                f"found k {self.k.shape}, n {self.n.shape}"
            )
        bad = (self.k < 0) | (self.k > self.n)
        if bad.any():
            u, g, q = (int(i) for i in np.argwhere(bad)[0])
            raise UsageError(
                f"counts are 0 <= k <= n; found k = {self.k[u, g, q]}, n = {self.n[u, g, q]} "
                f"for {self.questions[q]}, unit {self.units[u]}, and {int(bad.sum()) - 1} more"
            )
        # Findings are made of these arrays; a count changed later would part them.
        for name, array in self._arrays().items():
            fixed = array.view()
            fixed.flags.writeable = False
            object.__setattr__(self, name, fixed)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where the groups of each split begin, and how many groups there are in all."""
        return tuple(np.cumsum([0, *(len(s.groups) for s in self.splits)]).tolist())

    def _arrays(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in COUNTS}

    def collapse_units(self) -> Tally:
        """Add all units up to the one unit ``all``.

        Returns
        -------
        Tally
            Itself, if that is what it has already.
        """
        if self.units == (ALL,):
            return self
        if ALL in self.units:
            return reorder_units(self, (ALL,))
        summed: dict[str, Any] = {
            name: a.sum(axis=0, keepdims=True) for name, a in self._arrays().items()
        }
        return attrs.evolve(self, units=(ALL,), **summed)

    def with_all(self) -> Tally:
        """Put ``all`` after the units, if it is not there yet.

        Returns
        -------
        Tally
            With one unit more, whose counts are the sums.

        Raises
        ------
        UsageError
            When counts are of all units together.
        """
        if len(self.units) > 1 and ALL in self.units:
            return self
        if self.units == (ALL,):
            raise UsageError(
                "these counts were made for all units together and cannot be given by unit; "
                'make them with tally(cases, by="unit")'
            )
        arrays: dict[str, Any] = {
            name: np.concatenate([a, a.sum(axis=0, keepdims=True)])
            for name, a in self._arrays().items()
        }
        return attrs.evolve(self, units=(*self.units, ALL), **arrays)

    def merge(self, *others: Tally) -> Tally:
        """Add the counts of other cases.

        Parameters
        ----------
        *others : Tally
            Of the same framework, breakdowns and questions; all by unit without ``all``, or all
            of units together. A case must be in one of them only: counts cannot tell.

        Returns
        -------
        Tally
            Units that several have are added up; units that are new come after the others,
            in the order of their tallies. Of ``metadata`` what all agree on is kept, and the
            mark of synthetic cases if any has it.

        Raises
        ------
        UsageError
            When the tallies do not count the same things; every difference is listed.
        """
        return merged((self, *others))

    def replace(self, new: Tally) -> Tally:
        """Put recounted units in the place of the same units.

        Parameters
        ----------
        new : Tally
            Of the same framework, breakdowns and questions, by unit, without ``all``.

        Returns
        -------
        Tally
            Units keep their places; units that are new come last. ``metadata`` are as in
            `merge`: a replaced unit does not take the mark of synthetic cases with it.

        Raises
        ------
        UsageError
            When the tallies do not count the same things or not by unit.
        """
        return replaced(self, new)

    def drop_units(self, units: Iterable[str]) -> Tally:
        """Leave units out.

        Parameters
        ----------
        units : iterable of str
            Their ids; one id will do.

        Returns
        -------
        Tally
            Of the units that are left, also of none; ``all`` is then their sum.

        Raises
        ------
        UnknownNameError
            When there is no such unit.
        UsageError
            When counts are of all units together.
        """
        return drop_units(self, units)

    def regroup(self, mapping: Mapping[str, str]) -> Tally:
        """Make larger units of the units: regions, or any grouping.

        Parameters
        ----------
        mapping : mapping of str to str
            The new unit of every unit; ``all`` has none.

        Returns
        -------
        Tally
            As counted from `CaseSet.regroup`: counts add up. ``all`` stays if it was there.

        Raises
        ------
        DataError
            When a unit has no place in the mapping, the mapping names a unit that is not there,
            or a new unit is no text or called ``all``; all are listed.
        UsageError
            When it is no mapping, or counts are of all units together.
        """
        return regrouped(self, mapping)

    def write(self, path: str | PathLike[str]) -> None:
        """Write the tally to one Arrow IPC file, replacing one that is there.

        Its schema is part of the documentation, so that anyone can read it. If writing fails,
        a file that was there stays as it was.

        Parameters
        ----------
        path : str or path
            The file.

        Raises
        ------
        UsageError
            When a folder or anything else that is no file is there.
        OSError
            When the file cannot be written.
        """
        write_tally(self, path)

    @classmethod
    def read(cls, path: str | PathLike[str], *, framework: Framework) -> Tally:
        """Read a tally that `write` wrote.

        Parameters
        ----------
        path : str or path
            The file.
        framework : Framework
            Which has the questions that were counted.

        Returns
        -------
        Tally
            Equal to the one written.

        Raises
        ------
        DataError
            When the file is missing, cut short, changed, no tally, of an unknown version, or
            holds counts that no cases have; every problem is listed.
        UsageError
            When the framework is none, or not that of the tally.
        """
        return read_tally(cls, path, framework)

    def __repr__(self) -> str:
        shape = (len(self.units), len(self.splits), len(self.questions))
        words = ("unit", "breakdown", "question")
        return "Tally: " + " x ".join(
            f"{count} {word}{'s' * (count != 1)}" for count, word in zip(shape, words, strict=True)
        )


By = Literal["unit"]


def check_by(by: object) -> None:
    """Refuse what is neither None nor ``'unit'``."""
    if by is not None and not (isinstance(by, str) and by == "unit"):
        raise UsageError(f"`by` must be None or 'unit'; found {format_value(by)}")


def resolve_breakdowns(
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] | None, framework: Framework
) -> tuple[Breakdown, ...]:
    """Resolve breakdowns, those of the framework if none are given.

    Raises
    ------
    UsageError
        When the framework has none either.
    UnknownNameError, DataError
        As `omistats.breakdowns.registry.resolve`.
    """
    if breakdowns is None and not framework.breakdowns:
        raise UsageError(
            f"the framework {framework.name!r} names no standard breakdowns; pass breakdowns=[...]"
        )
    return resolve(framework.breakdowns if breakdowns is None else breakdowns, framework)
