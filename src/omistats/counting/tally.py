"""Tally: the counts behind findings, and how tallies are merged and regrouped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown, BreakdownLike
from omistats.breakdowns.groups import GroupSpec
from omistats.breakdowns.registry import resolve
from omistats.errors import UnknownNameError, UsageError, as_tuple, format_value, format_values
from omistats.model.framework import ALL, Framework
from omistats.model.metadata import merge_metadata
from omistats.model.units import resolve_regrouping, split_names

__all__ = ["By", "RunningSum", "Tally", "check_by", "reorder_units", "resolve_breakdowns"]

By = Literal["unit"]
Counts = npt.NDArray[np.int64]

_COUNTS = ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "excluded")
"""Names of the count arrays of a tally; the first axis of each is the units."""


@attrs.frozen(eq=False, repr=False)
class Tally:
    """Counts of sufficient and applicable answers, by unit or for all units together.

    Attributes
    ----------
    framework : Framework
        The framework of the questions.
    units : tuple of str
        The units; ``('all',)`` when they were counted together.
    splits : tuple of GroupSpec
        The breakdowns; their groups follow each other along the groups' axis.
    questions : tuple of str
        Question ids.
    k, n : ndarray of int64, shape (units, groups, questions)
        Numbers of sufficient and of applicable answers.
    unknown_k, unknown_n : ndarray of int64, shape (units, splits, questions)
        The same for unclassified cases. Counted only for complements, where such cases are
        part of ``all``; 0 elsewhere.
    cases : ndarray of int64, shape (units, groups)
        Number of cases in each group, whatever was applicable.
    unclassified, excluded : ndarray of int64, shape (units, splits)
        Number of cases in no group: of unknown characteristic, and known but not reported.
    metadata : mapping of bytes to bytes
        Metadata of the cases, such as the mark of synthetic cases.
    not_answered : ndarray of int64, shape (units, groups, questions), or None
        Number of applicable questions without an answer; None where cases cannot say so. Where
        they count as not sufficient they are part of ``n``.

    Raises
    ------
    UsageError
        When ``k`` and ``n`` have another shape, or not 0 <= k <= n.

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
    not_answered: Counts | None = None

    def __attrs_post_init__(self) -> None:
        shape = (len(self.units), self.offsets[-1], len(self.questions))
        if self.k.shape != shape or self.n.shape != shape:
            raise UsageError(
                f"a tally of these units, groups and questions must have the shape {shape}; "
                f"found k {self.k.shape}, n {self.n.shape}"
            )
        bad = (self.k < 0) | (self.k > self.n)
        if bad.any():
            u, g, q = (int(i) for i in np.argwhere(bad)[0])
            raise UsageError(
                f"counts must be 0 <= k <= n; found k = {self.k[u, g, q]}, n = {self.n[u, g, q]} "
                f"for {self.questions[q]}, unit {self.units[u]}, and {int(bad.sum()) - 1} more"
            )
        # Read-only, as findings computed from these arrays would not follow a change.
        for name, array in self.arrays().items():
            fixed = array.view()
            fixed.flags.writeable = False
            object.__setattr__(self, name, fixed)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Index of the first group of each split, and the number of groups."""
        return tuple(np.cumsum([0, *(len(s.groups) for s in self.splits)]).tolist())

    def arrays(self) -> dict[str, Any]:
        """Return the count arrays by name.

        Returns
        -------
        dict of str to ndarray of int64
            The first axis of each is the units; ``not_answered`` only where it is counted.
        """
        names = _COUNTS if self.not_answered is None else (*_COUNTS, "not_answered")
        return {name: getattr(self, name) for name in names}

    def collapse_units(self) -> Tally:
        """Add all units to the one unit ``all``.

        Returns
        -------
        Tally
            The counts of all units together; the tally itself if it has only those.
        """
        if self.units == (ALL,):
            return self
        if ALL in self.units:
            return reorder_units(self, (ALL,))
        summed: dict[str, Any] = {
            name: a.sum(axis=0, keepdims=True) for name, a in self.arrays().items()
        }
        return attrs.evolve(self, units=(ALL,), **summed)

    def with_all(self) -> Tally:
        """Append the unit ``all``, unless the tally has it.

        Returns
        -------
        Tally
            The tally with ``all`` as last unit, whose counts are the sums over units.

        Raises
        ------
        UsageError
            When the counts are of all units together.
        """
        if len(self.units) > 1 and ALL in self.units:
            return self
        if self.units == (ALL,):
            raise UsageError(
                "these counts are of all units together and cannot be reported by unit; "
                'make them with tally(cases, by="unit")'
            )
        arrays: dict[str, Any] = {
            name: np.concatenate([a, a.sum(axis=0, keepdims=True)])
            for name, a in self.arrays().items()
        }
        return attrs.evolve(self, units=(*self.units, ALL), **arrays)

    def merge(self, *others: Tally) -> Tally:
        """Add the counts of other cases.

        Parameters
        ----------
        *others : Tally
            Tallies of the same framework, breakdowns and questions; all by unit without ``all``,
            or all of units together. No case may be in two of them, which counts cannot show.

        Returns
        -------
        Tally
            The sums. Counts of the same unit are added; new units are appended in the order of
            their tallies. ``metadata`` keeps the entries on which all agree, and the mark of
            synthetic cases if any tally has it.

        Raises
        ------
        UsageError
            When the tallies count different things; every difference is listed.
        """
        _check_alike((self, *others), "merge")
        total = RunningSum(self)
        for other in others:
            total.add(other)
        return total.total()

    def replace(self, new: Tally) -> Tally:
        """Replace units by recounted ones.

        Parameters
        ----------
        new : Tally
            Counts of the same framework, breakdowns and questions, by unit without ``all``.

        Returns
        -------
        Tally
            Units keep their places; new units are appended. ``metadata`` is as in `merge`:
            replacing all synthetic units does not remove the mark of synthetic cases.

        Raises
        ------
        UsageError
            When the tallies count different things, or not by unit.
        """
        _check_alike((self, new), "replace")
        _check_by_unit(self, "replaced")
        units = tuple(dict.fromkeys((*self.units, *new.units)))
        rest = _select_units(self, [unit for unit in self.units if unit not in set(new.units)])
        return reorder_units(rest.merge(new), units)

    def drop_units(self, units: Iterable[str]) -> Tally:
        """Drop units.

        Parameters
        ----------
        units : iterable of str
            Ids of the units to drop; a text is one id.

        Returns
        -------
        Tally
            The remaining units, possibly none; ``all``, if present, is their sum.

        Raises
        ------
        UnknownNameError
            When a unit is unknown.
        UsageError
            When the counts are of all units together.
        """
        _check_by_unit(self, "dropped")
        dropped = as_tuple("units", units, "units")
        if unknown := [unit for unit in dropped if unit not in self.units]:
            raise UnknownNameError("unit", unknown, self.units)
        kept = [unit for unit in self.units if unit not in dropped]
        if ALL in kept and len(dropped):
            # `all` becomes the sum of the remaining units.
            return _select_units(self, [unit for unit in kept if unit != ALL]).with_all()
        return _select_units(self, kept)

    def regroup(self, mapping: Mapping[str, str]) -> Tally:
        """Combine units into larger ones, such as regions.

        Parameters
        ----------
        mapping : mapping of str to str
            The new unit of every unit except ``all``.

        Returns
        -------
        Tally
            The same counts as of cases regrouped by `CaseSet.regroup`. ``all`` is kept.

        Raises
        ------
        DataError
            When a unit is missing from the mapping, the mapping names an unknown unit, or a new
            unit is not text or is called ``all``; all problems are listed.
        UsageError
            When ``mapping`` is not a mapping, or the counts are of all units together.
        """
        _check_by_unit(self, "regrouped")
        units = [unit for unit in self.units if unit != ALL]
        groups, place = resolve_regrouping(units, mapping)
        parts = _select_units(self, units)
        counts: dict[str, Any] = {}
        for name, array in parts.arrays().items():
            counts[name] = np.zeros((len(groups), *array.shape[1:]), np.int64)
            np.add.at(counts[name], place, array)
        found = attrs.evolve(self, units=groups, **counts)
        return found.with_all() if ALL in self.units else found

    def write(self, path: str | PathLike[str]) -> None:
        """Write the tally to an Arrow IPC file, replacing an existing one.

        The schema of the file is documented. If writing fails, an existing file is unchanged.

        Parameters
        ----------
        path : str or path
            The file.

        Raises
        ------
        UsageError
            When the path exists and is not a file.
        OSError
            When the file cannot be written.
        """
        from omistats.counting.tally_file import write_tally

        write_tally(self, path)

    @classmethod
    def read(cls, path: str | PathLike[str], *, framework: Framework) -> Tally:
        """Read a tally from a file written by `write`.

        Parameters
        ----------
        path : str or path
            The file.
        framework : Framework
            The framework that the tally was made with.

        Returns
        -------
        Tally
            A tally equal to the one written.

        Raises
        ------
        DataError
            When the file is missing, incomplete, changed, not a tally, of an unknown version, or
            holds impossible counts; every problem is listed.
        UsageError
            When ``framework`` is not a Framework, or not that of the tally.
        """
        from omistats.counting.tally_file import read_tally

        return read_tally(cls, path, framework)

    def __repr__(self) -> str:
        shape = (len(self.units), len(self.splits), len(self.questions))
        words = ("unit", "breakdown", "question")
        return "Tally: " + " x ".join(
            f"{count} {word}{'s' * (count != 1)}" for count, word in zip(shape, words, strict=True)
        )


class RunningSum:
    """Running sum of tallies; new units are added as they occur.

    Parameters
    ----------
    first : Tally
        The first tally.
    """

    def __init__(self, first: Tally) -> None:
        self._first = first
        self._place: dict[str, int] = {}
        self._metadata: dict[bytes, bytes] | None = None
        self._arrays: dict[str, Any] = {
            name: np.zeros((0, *array.shape[1:]), np.int64)
            for name, array in first.arrays().items()
        }
        self.add(first)

    def add(self, tally: Tally) -> None:
        """Add the counts of other cases."""
        for unit in tally.units:
            self._place.setdefault(unit, len(self._place))
        rows = np.array([self._place[unit] for unit in tally.units], np.intp)
        for name, array in self._arrays.items():
            if len(self._place) > len(array):
                # Double the size, so that arrays are not copied for every new unit.
                room = max(len(self._place), 2 * len(array))
                array = np.concatenate(
                    [array, np.zeros((room - len(array), *array.shape[1:]), int)]
                )
                self._arrays[name] = array
            array[rows] += getattr(tally, name)
        known = [tally.metadata] if self._metadata is None else [self._metadata, tally.metadata]
        self._metadata = merge_metadata(known)

    def total(self) -> Tally:
        """Return the current sum, with units in order of first appearance."""
        units = tuple(self._place)
        counts = {name: array[: len(units)].copy() for name, array in self._arrays.items()}
        return attrs.evolve(self._first, units=units, metadata=self._metadata or {}, **counts)


def reorder_units(tally: Tally, units: Sequence[str]) -> Tally:
    """Put units in the given order."""
    return tally if tuple(units) == tally.units else _select_units(tally, units)


def _select_units(tally: Tally, units: Sequence[str]) -> Tally:
    place = {unit: i for i, unit in enumerate(tally.units)}
    rows = np.array([place[unit] for unit in units], np.intp)
    counts: dict[str, Any] = {name: array[rows] for name, array in tally.arrays().items()}
    return attrs.evolve(tally, units=tuple(units), **counts)


def _check_by_unit(tally: Tally, participle: str) -> None:
    """Raise if a tally has only the counts of all units together."""
    if tally.units == (ALL,):
        raise UsageError(
            f"these counts are of all units together, so that no unit can be {participle}; "
            'make them with tally(cases, by="unit")'
        )


def _check_alike(tallies: Sequence[Any], verb: str) -> None:
    """Raise if tallies cannot be merged; list every difference from the first."""
    first = tallies[0]
    if odd := [t for t in tallies if type(t) is not type(first)]:
        raise UsageError(f"expected tallies to {verb}; found {type(odd[0]).__name__}")
    found = [
        f"tally {i}: {difference}"
        for i, other in enumerate(tallies[1:], 2)
        for difference in _list_differences(first, other)
    ]
    found += [
        f"tally {i}: has 'all' as well as its units; drop it with .drop_units('all')"
        for i, tally in enumerate(tallies, 1)
        if ALL in tally.units and len(tally.units) > 1
    ]
    found += split_names([tally.units for tally in tallies])
    if found:
        raise UsageError(
            f"tallies that count different things cannot be used with {verb}; "
            "compared with tally 1, the one whose method was called:",
            *found,
        )


def _list_differences(one: Tally, other: Tally) -> list[str]:
    """List what the second tally counts differently from the first."""
    found = []
    if one.framework.name != other.framework.name:
        found.append(f"framework {other.framework.name!r}, not {one.framework.name!r}")
    elif one.framework != other.framework:
        found.append(f"a different framework of the name {one.framework.name!r}")
    if (one.units == (ALL,)) != (other.units == (ALL,)):
        kinds = ("counts by unit", "counts of all units together")
        expected, actual = (kinds[t.units == (ALL,)] for t in (one, other))
        found.append(f"{actual}, not {expected}")
    splits, other_splits = ({s.key: s for s in t.splits} for t in (one, other))
    if missing := [key for key in splits if key not in other_splits]:
        found.append(f"lacks breakdowns {format_values(missing)}")
    if extra := [key for key in other_splits if key not in splits]:
        found.append(f"has other breakdowns {format_values(extra)}")
    for key in splits:
        if key in other_splits and splits[key] != other_splits[key]:
            a, b = splits[key], other_splits[key]
            found.append(
                f"breakdown {key!r} has the groups {format_values(b.groups, 12)} ({b.contrast}), "
                f"not {format_values(a.groups, 12)} ({a.contrast})"
            )
    found += _order_difference(tuple(splits), tuple(other_splits), "breakdowns")
    if missing := [id for id in one.questions if id not in set(other.questions)]:
        found.append(f"lacks questions {format_values(missing)}")
    if extra := [id for id in other.questions if id not in set(one.questions)]:
        found.append(f"has other questions {format_values(extra)}")
    return found + _order_difference(one.questions, other.questions, "questions")


def _order_difference(one: tuple[str, ...], other: tuple[str, ...], what: str) -> list[str]:
    if one != other and set(one) == set(other):
        return [
            f"{what} in another order: {format_values(other, 12)}, not {format_values(one, 12)}"
        ]
    return []


def check_by(by: object) -> None:
    """Check that ``by`` is None or ``'unit'``."""
    if by is not None and not (isinstance(by, str) and by == "unit"):
        raise UsageError(f"`by` must be None or 'unit'; found {format_value(by)}")


def resolve_breakdowns(
    breakdowns: Iterable[BreakdownLike] | None, framework: Framework
) -> tuple[Breakdown, ...]:
    """Resolve breakdowns; by default the standard ones of the framework.

    Raises
    ------
    UsageError
        When none are given and the framework has no standard ones.
    UnknownNameError, DataError
        As `omistats.breakdowns.registry.resolve`.
    """
    if breakdowns is None and not framework.breakdowns:
        raise UsageError(
            f"the framework {framework.name!r} names no standard breakdowns; pass "
            "breakdowns=[...], or breakdowns=[] for all cases together"
        )
    return resolve(framework.breakdowns if breakdowns is None else breakdowns, framework)
