"""The groups whose estimates are drawn, and which of them differ from which."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.membership import membership
from omistats.model.cases import CaseSet

__all__ = ["Domains", "make_domains"]

Flags = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]


@attrs.frozen(eq=False)
class Domains:
    """Groups of cases, in the order of units.

    Attributes
    ----------
    labels : tuple of (str or None, str or None)
        Breakdown and group of each domain that is reported; None for all cases.
    members : ndarray of bool, shape (domains, cases)
        Who is in each; after those reported come the other sides of complements.
    first, second : ndarray of intp, shape (reported,)
        The domains whose difference is reported beside each; -1 where there is none.
    blocks : tuple of (int, int)
        From and to of the domains of each breakdown.
    """

    labels: tuple[tuple[str | None, str | None], ...]
    members: Flags
    first: Index
    second: Index
    blocks: tuple[tuple[int, int], ...]

    def rows(self, ids: int) -> tuple[Index, Index]:
        """Give domain and place among the ids of every row: by breakdown, id, group."""
        domain, place = [], []
        for a, b in self.blocks:
            domain.append(np.tile(np.arange(a, b), ids))
            place.append(np.repeat(np.arange(ids), b - a))
        return np.concatenate(domain), np.concatenate(place)


def make_domains(
    cases: CaseSet, splits: Sequence[Breakdown], everyone: bool, known: bool
) -> Domains:
    """Lay out the groups of breakdowns, with or without all cases before them."""
    packed = cases.packed
    labels: list[tuple[str | None, str | None]] = [(None, None)] * everyone
    blocks = [(0, 1)] * everyone
    first, second = [-1] * everyone, [-1] * everyone
    flags = np.ones((int(everyone), len(cases)), np.bool_)
    rests: list[Flags] = []
    if splits:
        groups, _ = membership(cases, tuple(splits), packed.order, packed.starts[[0, -1]])
        reported = sum(len(s.groups) for s in splits)
        flags = np.concatenate([flags, groups[:reported]])
        unclassified = iter(groups[reported:])
        for split in splits:
            a, size = len(labels), len(split.groups)
            labels += [(split.key, group) for group in split.groups]
            blocks.append((a, a + size))
            other = a + 1
            if split.contrast == "complement":
                rest, unknown = ~flags[a], next(unclassified)
                rests.append(rest & ~unknown if known else rest)
                other = everyone + reported + len(rests) - 1
            first += [a if size == 2 else -1] * size
            second += [other if size == 2 else -1] * size
    members = np.concatenate([flags, *(r[np.newaxis] for r in rests)])
    return Domains(tuple(labels), members, np.array(first), np.array(second), tuple(blocks))
