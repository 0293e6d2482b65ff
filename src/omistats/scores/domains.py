"""The groups of cases that scores are given for, and what is compared."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.membership import membership
from omistats.model.cases import CaseSet
from omistats.tallies import Split

__all__ = ["Domains", "make_domains"]


@attrs.frozen(eq=False)
class Domains:
    """Groups of cases.

    Attributes
    ----------
    members : ndarray of bool, shape (domains, cases)
        In the order of units: everyone first, then the groups of each split, then what
        each complement's subset is compared with.
    splits : tuple of Split
        The breakdowns.
    shown : tuple of ndarray of int
        For each split the domains that are reported, group by group.
    compared : tuple of ndarray of int
        For each split the domains that are compared; no two share a case.
    """

    members: npt.NDArray[np.bool_]
    splits: tuple[Split, ...]
    shown: tuple[npt.NDArray[np.intp], ...]
    compared: tuple[npt.NDArray[np.intp], ...]


def make_domains(
    cases: CaseSet, breakdowns: tuple[Breakdown, ...], known_complement: bool
) -> Domains:
    """Sort cases into domains.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    everyone = np.ones((1, len(cases)), np.bool_)
    if not breakdowns:
        return Domains(everyone, (), (), ())
    packed = cases.packed
    flags, _ = membership(cases, breakdowns, packed.order, packed.starts[[0, -1]])
    groups = sum(len(b.groups) for b in breakdowns)
    unclassified = iter(flags[groups:])
    rows, shown, compared = [everyone, flags[:groups]], [], []
    first, extra = 1, 1 + groups
    for split in breakdowns:
        own = np.arange(first, first + len(split.groups))
        shown.append(own)
        first += len(split.groups)
        if split.contrast == "complement":
            outside = ~flags[own[0] - 1]
            unknown = next(unclassified)
            rows.append((outside & ~unknown if known_complement else outside)[np.newaxis])
            own = np.array([own[0], extra])
            extra += 1
        compared.append(own)
    splits = tuple(Split(b.key, tuple(b.groups), b.contrast) for b in breakdowns)
    return Domains(np.concatenate(rows), splits, tuple(shown), tuple(compared))
