"""Lay out the domains of scores: all cases, and the groups of each breakdown.

A domain is a set of cases that has a score or takes part in a test.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.groups import GroupSpec, compared_sides, is_member
from omistats.model.case_set import CaseSet

__all__ = ["DomainMembers", "Domains", "assign_domains", "group_specs", "make_domains"]


@attrs.frozen(eq=False)
class Domains:
    """The order of domains along the axes of arrays.

    All cases come first, then the groups of each split, then the cases that the subset of each
    complement is compared with.

    Attributes
    ----------
    splits : tuple of GroupSpec
        The breakdowns.
    shown : tuple of ndarray of int
        For each split the domains that are reported, group by group.
    compared : tuple of ndarray of int
        For each split the domains that are compared; no two share a case.
    """

    splits: tuple[GroupSpec, ...]
    shown: tuple[npt.NDArray[np.intp], ...]
    compared: tuple[npt.NDArray[np.intp], ...]

    @property
    def all_cases(self) -> tuple[int, ...]:
        """Domains that are all cases: the group ``all`` of each complement."""
        pairs = zip(self.splits, self.shown, strict=True)
        return tuple(int(shown[-1]) for split, shown in pairs if split.contrast == "complement")

    def __len__(self) -> int:
        complements = sum(s.contrast == "complement" for s in self.splits)
        return 1 + sum(len(s.groups) for s in self.splits) + complements


def group_specs(breakdowns: Sequence[Breakdown]) -> tuple[GroupSpec, ...]:
    """Describe the groups of breakdowns."""
    return tuple(GroupSpec(b.key, tuple(b.groups), b.contrast) for b in breakdowns)


def make_domains(splits: tuple[GroupSpec, ...]) -> Domains:
    """Make the domains of breakdowns."""
    shown, compared = [], []
    first, outside = 1, 1 + sum(len(s.groups) for s in splits)
    for split in splits:
        groups = np.arange(first, first + len(split.groups))
        shown.append(groups)
        first += len(split.groups)
        if split.contrast == "complement":
            groups = np.array([groups[0], outside])
            outside += 1
        compared.append(groups)
    return Domains(splits, tuple(shown), tuple(compared))


@attrs.frozen(eq=False)
class DomainMembers:
    """The domains of each case.

    Attributes
    ----------
    domains : Domains
        The domains.
    codes : tuple of ndarray of int
        For each split the group of every case, in the order of units, as
        `Breakdown.codes` returns it.
    known : bool
        Whether the subset of a complement is compared with classified cases only.
    """

    domains: Domains
    codes: tuple[npt.NDArray[np.signedinteger], ...]
    known: bool

    def flags(self, start: int, stop: int) -> npt.NDArray[np.bool_]:
        """Flag the domains of some cases, shape (domains, stop - start)."""
        # For some cases at a time: flags of all would take a byte a case and domain.
        out = np.ones((len(self.domains), stop - start), np.bool_)
        for i, split in enumerate(self.domains.splits):
            codes = self.codes[i][start:stop]
            for group, row in enumerate(self.domains.shown[i].tolist()):
                out[row] = is_member(split, codes, group)
            if split.contrast == "complement":
                _, rest = self.domains.compared[i].tolist()
                out[rest] = compared_sides(split, codes, self.known) == 1
        return out


def assign_domains(cases: CaseSet, breakdowns: Sequence[Breakdown], known: bool) -> DomainMembers:
    """Assign cases to the domains of breakdowns.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    order = cases.packed.order
    codes = []
    for breakdown in breakdowns:
        found = breakdown.codes(cases)
        codes.append(found if order is None else found[order])
    return DomainMembers(make_domains(group_specs(breakdowns)), tuple(codes), known)
