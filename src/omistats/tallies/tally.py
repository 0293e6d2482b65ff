"""Counts: all that inference needs to know of the cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.model.framework import Framework
from omistats.model.strata import ALL
from omistats.tallies.adding import COUNTS, arranged, merged, regrouped, replaced, without
from omistats.tallies.files import read_tally, write_tally
from omistats.tallies.split import Split

__all__ = ["Tally"]

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
    unclassified, left_out : ndarray of int64, shape (units, splits)
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
    >>> tally.n.tolist(), tally.together().n.tolist(), tally.with_all().units, tally.offsets
    ([[[1], [0]], [[1], [0]]], [[[2], [0]]], ('A', 'B', 'all'), (0, 2))
    >>> one, other, north = tally.without("B"), tally.without("A"), {"A": "North", "B": "North"}
    >>> one.merge(other).units, tally.replace(other).units, tally.regroup(north).units
    (('A', 'B'), ('A', 'B'), ('North',))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tally.write(f"{folder}/visits.arrow")
    ...     oms.Tally.read(f"{folder}/visits.arrow", framework=visits)
    Tally: 2 units x 1 breakdown x 1 question
    """

    framework: Framework
    units: tuple[str, ...]
    splits: tuple[Split, ...]
    questions: tuple[str, ...]
    k: Counts
    n: Counts
    unknown_k: Counts
    unknown_n: Counts
    cases: Counts
    unclassified: Counts
    left_out: Counts
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

    def together(self) -> Tally:
        """Add all units up to the one unit ``all``.

        Returns
        -------
        Tally
            Itself, if that is what it has already.
        """
        if self.units == (ALL,):
            return self
        if ALL in self.units:
            return arranged(self, (ALL,))
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

    def without(self, units: Iterable[str]) -> Tally:
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
        return without(self, units)

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
