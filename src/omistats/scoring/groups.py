"""The groups of cases that scores are given for, and what is compared."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.groups import GroupSpec, compared_sides, is_member
from omistats.model.case_set import CaseSet

__all__ = ["Domains", "Members", "domains_of", "make_members", "splits_of"]


@attrs.frozen(eq=False)
class Domains:
    """How the groups of cases lie one after another.

    Everyone comes first, then the groups of each split, then what each complement's subset is
    compared with.

    Attributes
    ----------
    splits : tuple of Split
        The breakdowns.
    shown : tuple of ndarray of int
        For each split the domains that are reported, group by group.
    compared : tuple of ndarray of int
        For each split the domains that are compared; no two share a case.
    """

    splits: tuple[GroupSpec, ...]
    shown: tuple[npt.NDArray[np.intp], ...]
    compared: tuple[npt.NDArray[np.intp], ...]

    def __len__(self) -> int:
        complements = sum(s.contrast == "complement" for s in self.splits)
        return 1 + sum(len(s.groups) for s in self.splits) + complements


def splits_of(breakdowns: Sequence[Breakdown]) -> tuple[GroupSpec, ...]:
    """Describe breakdowns."""
    return tuple(GroupSpec(b.key, tuple(b.groups), b.contrast) for b in breakdowns)


def domains_of(splits: tuple[GroupSpec, ...]) -> Domains:
    """Lay out the domains of breakdowns."""
    shown, compared = [], []
    first, extra = 1, 1 + sum(len(s.groups) for s in splits)
    for split in splits:
        own = np.arange(first, first + len(split.groups))
        shown.append(own)
        first += len(split.groups)
        if split.contrast == "complement":
            own = np.array([own[0], extra])
            extra += 1
        compared.append(own)
    return Domains(splits, tuple(shown), tuple(compared))


@attrs.frozen(eq=False)
class Members:
    """Who is in which domain; said for some cases at a time, for flags take up room.

    Attributes
    ----------
    domains : Domains
    codes : tuple of ndarray of int
        For each split the group of every case, in the order of units, as
        `Breakdown.codes` gives it.
    known : bool
        Whether the subset of a complement is compared with known cases only.
    """

    domains: Domains
    codes: tuple[npt.NDArray[np.signedinteger], ...]
    known: bool

    def within(self, a: int, b: int) -> npt.NDArray[np.bool_]:
        """Say who of cases ``a`` to ``b`` is in which domain, shape (domains, b - a)."""
        out = np.ones((len(self.domains), b - a), np.bool_)
        for i, split in enumerate(self.domains.splits):
            own = self.codes[i][a:b]
            for group, row in enumerate(self.domains.shown[i].tolist()):
                out[row] = is_member(split, own, group)
            if split.contrast == "complement":
                _, rest = self.domains.compared[i].tolist()
                out[rest] = compared_sides(split, own, self.known) == 1
        return out


def make_members(cases: CaseSet, breakdowns: Sequence[Breakdown], known: bool) -> Members:
    """Sort cases into domains.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    order = cases.packed.order
    codes = []
    for split in breakdowns:
        own = split.codes(cases)
        codes.append(own if order is None else own[order])
    return Members(domains_of(splits_of(breakdowns)), tuple(codes), known)
