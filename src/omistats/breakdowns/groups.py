"""Group membership: who is in a group, who in its complement, who is unclassified.

A breakdown gives each case a code: the place of its group, `EXCLUDED` for a label that is not
reported, `UNCLASSIFIED` for none. A complement compares its first group, the subset, with the
cases outside it; its second group, ``all``, is everyone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats import _arrow
from omistats.breakdowns.base import UNCLASSIFIED, Breakdown, Contrast
from omistats.kernel.bit_counts import pack
from omistats.model.case_set import CaseSet

__all__ = [
    "CONTRASTS",
    "GroupSpec",
    "Masks",
    "compared_sides",
    "contrast_name",
    "group_masks",
    "is_member",
]


Words = npt.NDArray[np.uint64]

# Cases looked at one by one at a time, a multiple of 64.
_STEP = 1 << 19


@attrs.frozen
class GroupSpec:
    """A breakdown as counted: what it is called and what it compares.

    Attributes
    ----------
    key : str
        The breakdown.
    groups : tuple of str
        Its groups, in order.
    contrast : {'groups', 'complement'}
        What a test of it compares: the groups, or the first, a subset, with all cases outside
        it (the second group is then ``all``).

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.Findings.from_counts(
    ...     [3, 9], [10, 20], questions=["seen"], groups=["high", "all"], contrast="complement"
    ... )
    >>> found.tally.splits
    (Split(key='groups', groups=('high', 'all'), contrast='complement'),)
    """

    key: str
    groups: tuple[str, ...]
    contrast: Contrast = "groups"


CONTRASTS = ("groups", "complement", "known complement")
"""What a test compares, as result tables name it: the groups; a subset and all cases outside it;
a subset and the classified cases outside it."""


def contrast_name(split: Breakdown | GroupSpec, known: bool) -> str:
    """Name what a test compares, one of `CONTRASTS`.

    Parameters
    ----------
    split : Breakdown or GroupSpec
        What cases are split by.
    known : bool
        Whether unclassified cases are left out of a complement.
    """
    return "known complement" if known and split.contrast == "complement" else split.contrast


def is_member(
    split: Breakdown | GroupSpec, codes: npt.NDArray[Any], group: int
) -> npt.NDArray[np.bool_]:
    """Find the cases that are in a reported group.

    Parameters
    ----------
    split : Breakdown or GroupSpec
        What cases are split by.
    codes : ndarray of int
        As `Breakdown.codes` gives them.
    group : int
        The place of the group; the second of a complement has everyone.
    """
    if split.contrast == "complement" and group:
        return np.ones(len(codes), np.bool_)
    inside: npt.NDArray[np.bool_] = codes == group
    return inside


def compared_sides(
    split: Breakdown | GroupSpec, codes: npt.NDArray[Any], known: bool
) -> npt.NDArray[np.intp]:
    """Give the side of the comparison that each case is on.

    Parameters
    ----------
    split : Breakdown or GroupSpec
        What cases are split by.
    codes : ndarray of int
        As `Breakdown.codes` gives them.
    known : bool
        Whether unclassified cases are left out of a complement.

    Returns
    -------
    ndarray of intp
        The place of the group; 0 for the subset of a complement and 1 for the rest; -1 for
        neither.
    """
    if split.contrast == "groups":
        return np.where(codes < 0, -1, codes).astype(np.intp)
    rest = np.where(codes == 0, 0, 1)
    return np.where(known & (codes == UNCLASSIFIED), -1, rest).astype(np.intp)


@attrs.frozen(eq=False)
class Masks:
    """Bits of those in each group.

    Attributes
    ----------
    groups : ndarray of uint64, shape (groups, words)
        The groups of all splits one after another; of a complement its subset only, for
        its other group is everyone.
    unclassified : ndarray of uint64, shape (splits, words)
        Those of unknown characteristic.
    """

    groups: Words
    unclassified: Words


def group_masks(cases: CaseSet, splits: Sequence[Breakdown]) -> Masks:
    """Say who is in which group, in the order in which the cases stand.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    rows = len(cases)
    coded = [_coded(split, cases) for split in splits]
    which = np.repeat(np.arange(len(splits)), [len(c.numbers) for c in coded])
    numbers = np.concatenate([c.numbers for c in coded])[:, np.newaxis]
    words = (rows + 63) // 64
    known = np.zeros((len(splits), words), np.uint64)
    _arrow.BitmapReader([c.known for c in coded]).read(0, rows, known)
    groups = np.empty((len(which), words), np.uint64)
    for start in range(0, rows, _STEP):
        codes = np.array([c.codes[start : start + _STEP] for c in coded])
        inside = pack(codes[which] == numbers)
        groups[:, start // 64 : start // 64 + inside.shape[1]] = inside
    # What stands under a null is undefined.
    groups &= known[which]
    everyone = np.zeros((1, words), np.uint64)
    _arrow.BitmapReader([(None, 0)]).read(0, rows, everyone)
    return Masks(groups, everyone & ~known)


@attrs.frozen(eq=False)
class _Coded:
    """Cases' codes, those of the groups that are counted, and the bits of the known."""

    codes: npt.NDArray[Any]
    numbers: npt.NDArray[np.int8]
    known: tuple[Any, int]


def _coded(split: Breakdown, cases: CaseSet) -> _Coded:
    column = split.column or split.key
    # A stratum that nothing is made of has codes already: they need not be made afresh.
    if not split.overrides() and column in cases:
        array = cases[column]
        for stratum in cases.framework.strata:
            if (
                stratum.name == column
                and (
                    numbers := _numbers(
                        tuple(split.groups), tuple(split.excluded), split.contrast, stratum.levels
                    )
                )
                is not None
            ):
                validity, indices = array.buffers()
                codes = np.frombuffer(indices, np.int8, array.offset + len(array))
                return _Coded(codes[array.offset :], numbers, (validity, array.offset))
    made = split.codes(cases)
    counted = len(split.groups) - (split.contrast == "complement")
    known = pack((made != UNCLASSIFIED)[np.newaxis])
    return _Coded(made, np.arange(counted, dtype=np.int16), (known.view(np.uint8).ravel(), 0))


@lru_cache(maxsize=256)
def _numbers(
    groups: tuple[str, ...], excluded: tuple[str, ...], contrast: str, levels: tuple[str, ...]
) -> npt.NDArray[np.int8] | None:
    """Give the level that each counted group is; None when labels are to be looked at."""
    if contrast == "groups" and not {*levels} <= {*groups, *excluded}:
        return None
    counted = groups if contrast == "groups" else groups[:1]
    place = {level: i for i, level in enumerate(levels)}
    # Levels are at most 127; a group that is none of them has no cases.
    found = np.array([place.get(group, 127) for group in counted], np.int8)
    found.flags.writeable = False
    return found
