"""Sums over cases: all that pooled scores need to know of the cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError, described, listed
from omistats.model.framework import Framework
from omistats.model.marks import is_synthetic
from omistats.model.units import grouped
from omistats.scores.domains import Domains, domains_of
from omistats.scores.possible import problems_of
from omistats.scores.stored import Parts, read_parts, write_parts
from omistats.scores.sums import Scored, scored_items
from omistats.scores.together import check_alike, together
from omistats.tallies import Split

__all__ = ["ScoreTally"]

Counts = npt.NDArray[np.int64]


@attrs.frozen(eq=False, repr=False)
class ScoreTally:
    """The sums over cases behind pooled scores, unit by unit.

    Make one with `score_tally` and pass it to `scores` in place of the cases. Sums of cases
    that are apart add up to the sums of all of them, so cases may be summed part by part.

    Attributes
    ----------
    framework : Framework
        Where the items come from.
    units : tuple of str
        The units, in the order of report.
    cases : ndarray of int64, shape (units,)
        How many cases each has, whatever was applicable.
    items : tuple of Scored
        What is scored, each with the questions that feed it.
    splits : tuple of Split
        Breakdowns.
    complement : {'all', 'known'}
        What the subset of a complement is compared with.
    moments : ndarray of int64, shape (units, domains, items, 5)
        Sums over cases of k, n, k², k n and n², with k sufficient of n applicable answers of a
        case to the item's questions. Domains are everyone, then the groups of each split, then
        for each complement the cases that its subset is compared with.
    metadata : mapping of bytes to bytes
        What the cases say of themselves, that they are synthetic among other things.

    Raises
    ------
    UsageError
        When no cases have such sums. All that is wrong is listed.

    Examples
    --------
    >>> import tempfile
    >>> import omistats as oms
    >>> sums = oms.score_tally(oms.omi2.load_synthetic(), items=["3"])
    >>> early, late = sums.without(sums.units[9:]), sums.without(sums.units[:9])
    >>> len(early.units), early.merge(late).moments.shape, len(sums.replace(late).domains)
    (9, (15, 1, 1, 5), 1)
    >>> sums.regroup({u: "early" if u in early.units else "late" for u in sums.units})
    ScoreTally: SYNTHETIC 2 units x 0 breakdowns x 1 item, 2,213 cases
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sums.write(f"{folder}/sums.arrow")
    ...     oms.ScoreTally.read(f"{folder}/sums.arrow", framework=sums.framework)
    ScoreTally: SYNTHETIC 15 units x 0 breakdowns x 1 item, 2,213 cases
    """

    framework: Framework
    units: tuple[str, ...]
    cases: Counts
    items: tuple[Scored, ...]
    splits: tuple[Split, ...]
    complement: Literal["all", "known"]
    moments: Counts
    metadata: Mapping[bytes, bytes] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        widths = [len(item.questions) for item in self.items]
        names = [item.item.id for item in self.items]
        wrong = problems_of(
            self.units, self.cases, names, widths, self.domains, self.complement, self.moments
        )
        if wrong:
            raise UsageError("no cases have such sums:" + "".join(f"\n  - {w}" for w in wrong))
        # Scores are made of these arrays; a sum changed later would part them.
        for name in ("cases", "moments"):
            fixed = getattr(self, name).view()
            fixed.flags.writeable = False
            object.__setattr__(self, name, fixed)

    @property
    def domains(self) -> Domains:
        """How the groups of cases lie along the second axis of ``moments``, whose length it has."""
        return domains_of(self.splits)

    def merge(self, *others: ScoreTally) -> ScoreTally:
        """Add sums of other cases, of the same units or of more.

        Parameters
        ----------
        *others : ScoreTally
            Each of cases that are in none of the rest: the same case twice counts twice, and
            sums cannot tell.

        Returns
        -------
        ScoreTally
            Units that several have are added up; new ones come last, in order of appearance.
            Metadata stay where all say the same, and the mark of synthetic cases stays when any
            has it.

        Raises
        ------
        UsageError
            When frameworks, items, breakdowns or complements differ; every difference is named.
        """
        check_alike(self, others, "merge")
        units, cases, moments, metadata = together((self, *others))
        return attrs.evolve(self, units=units, cases=cases, moments=moments, metadata=metadata)

    def without(self, units: Iterable[str] | str) -> ScoreTally:
        """Leave units out.

        Parameters
        ----------
        units : iterable of str
            Their ids; one id will do.

        Returns
        -------
        ScoreTally
            Of the units that are left, in the order they had.

        Raises
        ------
        UnknownNameError
            When a unit is not here.
        UsageError
            When none would be left.
        """
        gone = listed("units", units, "units")
        if unknown := [unit for unit in gone if unit not in self.units]:
            raise UnknownNameError("unit", unknown, self.units)
        kept = [i for i, unit in enumerate(self.units) if unit not in gone]
        if not kept:
            raise UsageError("that leaves out every unit; keep one at least")
        return attrs.evolve(
            self,
            units=tuple(self.units[i] for i in kept),
            cases=self.cases[kept],
            moments=self.moments[kept],
        )

    def replace(self, new: ScoreTally) -> ScoreTally:
        """Put the sums of some units in place of those that are here.

        Parameters
        ----------
        new : ScoreTally
            Units counted anew.

        Returns
        -------
        ScoreTally
            Units in the order that they had; metadata as of `merge`.

        Raises
        ------
        UsageError
            When the two differ as in `merge`.
        UnknownNameError
            When ``new`` has a unit that is not here; `merge` adds units.
        """
        check_alike(self, (new,), "replace")
        if unknown := [unit for unit in new.units if unit not in self.units]:
            raise UnknownNameError("unit", unknown, self.units)
        at = [self.units.index(unit) for unit in new.units]
        cases, moments = self.cases.copy(), self.moments.copy()
        cases[at], moments[at] = new.cases, new.moments
        *_, metadata = together((self, new))
        return attrs.evolve(self, cases=cases, moments=moments, metadata=metadata)

    def regroup(self, mapping: Mapping[str, str]) -> ScoreTally:
        """Make larger units of the units: regions, or any grouping.

        Parameters
        ----------
        mapping : mapping of str to str
            The new unit of every unit.

        Returns
        -------
        ScoreTally
            As summed from `CaseSet.regroup`: sums over cases add up. Standard errors are then
            made of what cases differ by within the larger units.

        Raises
        ------
        DataError
            When a unit has no place in the mapping, the mapping names a unit that is not there,
            or a new unit is no text or called ``all``; all are listed.
        UsageError
            When it is no mapping.
        """
        groups, place = grouped(self.units, mapping)
        cases = np.zeros(len(groups), np.int64)
        moments = np.zeros((len(groups), *self.moments.shape[1:]), np.int64)
        np.add.at(cases, place, self.cases)
        np.add.at(moments, place, self.moments)
        return attrs.evolve(self, units=groups, cases=cases, moments=moments)

    def write(self, path: str | Path) -> None:
        """Write an Arrow IPC file, replacing one that is there; `read` takes it back.

        If writing fails, a file that was there stays as it was.

        Parameters
        ----------
        path : str or Path
            The file.

        Raises
        ------
        UsageError
            When a folder or anything else that is no file is there.
        OSError
            When the file cannot be written.
        """
        feeds = {item.item.id: item.questions for item in self.items}
        write_parts(
            Path(path),
            Parts(
                self.framework.name,
                self.units,
                self.cases,
                feeds,
                self.splits,
                self.complement,
                self.moments,
                self.metadata,
            ),
        )

    @classmethod
    def read(cls, path: str | Path, *, framework: Framework) -> ScoreTally:
        """Read what `write` wrote.

        Parameters
        ----------
        path : str or Path
            The file.
        framework : Framework
            The one that the cases were checked against.

        Returns
        -------
        ScoreTally
            Equal to the one written.

        Raises
        ------
        UsageError
            When ``framework`` is no framework.
        DataError
            When the file is missing, truncated, changed, another kind of file or of another
            version, or the framework has another name or other questions behind an item.
        """
        if not isinstance(framework, Framework):
            raise UsageError(f"`framework` is a Framework, found {described(framework)}")
        parts = read_parts(Path(path), framework)
        return cls(
            framework,
            parts.units,
            parts.cases,
            scored_items(framework, parts.feeds),
            parts.splits,
            parts.complement,
            parts.moments,
            parts.metadata,
        )

    def __repr__(self) -> str:
        made_up = "SYNTHETIC " * is_synthetic(self.metadata)
        parts = (len(self.units), len(self.splits), len(self.items))
        words = ("unit", "breakdown", "item")
        shape = " x ".join(
            f"{count} {word}{'s' * (count != 1)}" for count, word in zip(parts, words, strict=True)
        )
        cases = int(self.cases.sum())
        return f"ScoreTally: {made_up}{shape}, {cases:,} case{'s' * (cases != 1)}"
