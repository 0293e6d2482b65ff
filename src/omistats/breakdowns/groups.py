"""Assign cases to groups, complements, the excluded and the unclassified.

A breakdown gives each case a code: the index of its group, `EXCLUDED` for a label that is not
reported, `UNCLASSIFIED` for a null. A complement compares its first group, the subset, with the
cases outside it; its second group, ``all``, holds every case.
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

# Cases whose codes are compared at a time, a multiple of 64.
_BLOCK_ROWS = 1 << 19


@attrs.frozen
class GroupSpec:
    """Key, groups and contrast of a breakdown that was counted.

    Attributes
    ----------
    key : str
        The key of the breakdown.
    groups : tuple of str
        Its groups, in order.
    contrast : {'groups', 'complement'}
        What a test compares: ``'groups'`` with each other; or, for ``'complement'``, the first
        group, a subset, with all cases outside it (the second group is then ``all``).

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.Findings.from_counts(
    ...     [3, 9], [10, 20], questions=["seen"], groups=["high", "all"], contrast="complement"
    ... )
    >>> found.tally.splits
    (GroupSpec(key='groups', groups=('high', 'all'), contrast='complement'),)
    """

    key: str
    groups: tuple[str, ...]
    contrast: Contrast = "groups"


CONTRASTS = ("groups", "complement", "known complement")
"""Names in result tables for what a test compares: the groups; a subset and all cases outside it;
a subset and the classified cases outside it."""


def contrast_name(split: Breakdown | GroupSpec, known: bool) -> str:
    """Return the name of what a test compares, one of `CONTRASTS`.

    Parameters
    ----------
    split : Breakdown or GroupSpec
        The breakdown.
    known : bool
        Whether unclassified cases are excluded from a complement.
    """
    return "known complement" if known and split.contrast == "complement" else split.contrast


def is_member(
    split: Breakdown | GroupSpec, codes: npt.NDArray[Any], group: int
) -> npt.NDArray[np.bool_]:
    """Flag the cases that belong to a reported group.

    Parameters
    ----------
    split : Breakdown or GroupSpec
        The breakdown.
    codes : ndarray of int
        Codes from `Breakdown.codes`.
    group : int
        The index of the group; the second group of a complement holds every case.
    """
    if split.contrast == "complement" and group:
        return np.ones(len(codes), np.bool_)
    inside: npt.NDArray[np.bool_] = codes == group
    return inside


def compared_sides(
    split: Breakdown | GroupSpec, codes: npt.NDArray[Any], known: bool
) -> npt.NDArray[np.intp]:
    """Return the side of the comparison that each case is on.

    Parameters
    ----------
    split : Breakdown or GroupSpec
        The breakdown.
    codes : ndarray of int
        Codes from `Breakdown.codes`.
    known : bool
        Whether unclassified cases are excluded from a complement.

    Returns
    -------
    ndarray of intp
        The index of the group; 0 for the subset of a complement and 1 for the rest; -1 for
        neither.
    """
    if split.contrast == "groups":
        return np.where(codes < 0, -1, codes).astype(np.intp)
    rest = np.where(codes == 0, 0, 1)
    return np.where(known & (codes == UNCLASSIFIED), -1, rest).astype(np.intp)


@attrs.frozen(eq=False)
class Masks:
    """Bit masks of the cases in each group.

    Attributes
    ----------
    groups : ndarray of uint64, shape (groups, words)
        The groups of all splits, one after another; of a complement only the subset, as its
        other group holds every case.
    unclassified : ndarray of uint64, shape (splits, words)
        The cases of unknown characteristic.
    """

    groups: Words
    unclassified: Words


def group_masks(cases: CaseSet, splits: Sequence[Breakdown]) -> Masks:
    """Compute the masks of all groups, with cases in the order of the data.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    rows = len(cases)
    coded = [_code_cases(split, cases) for split in splits]
    which = np.repeat(np.arange(len(splits)), [len(c.numbers) for c in coded])
    numbers = np.concatenate([c.numbers for c in coded])[:, np.newaxis]
    words = (rows + 63) // 64
    known = np.zeros((len(splits), words), np.uint64)
    _arrow.BitmapReader([c.known for c in coded]).read(0, rows, known)
    groups = np.empty((len(which), words), np.uint64)
    for start in range(0, rows, _BLOCK_ROWS):
        codes = np.array([c.codes[start : start + _BLOCK_ROWS] for c in coded])
        inside = pack(codes[which] == numbers)
        groups[:, start // 64 : start // 64 + inside.shape[1]] = inside
    # Codes under nulls are undefined.
    groups &= known[which]
    everyone = np.zeros((1, words), np.uint64)
    _arrow.BitmapReader([(None, 0)]).read(0, rows, everyone)
    return Masks(groups, everyone & ~known)


@attrs.frozen(eq=False)
class _CodedCases:
    """Codes of cases, codes of the counted groups, and the bitmap of the known cases."""

    codes: npt.NDArray[Any]
    numbers: npt.NDArray[np.int8]
    known: tuple[Any, int]


def _code_cases(split: Breakdown, cases: CaseSet) -> _CodedCases:
    column = split.column or split.key
    # The codes of a stratum read as it is can be used without copying.
    if not split.overrides() and column in cases:
        array = cases[column]
        for stratum in cases.framework.strata:
            if (
                stratum.name == column
                and (
                    numbers := _counted_levels(
                        tuple(split.groups), tuple(split.excluded), split.contrast, stratum.levels
                    )
                )
                is not None
            ):
                validity, indices = array.buffers()
                codes = np.frombuffer(indices, np.int8, array.offset + len(array))
                return _CodedCases(codes[array.offset :], numbers, (validity, array.offset))
    labelled = split.codes(cases)
    counted = len(split.groups) - (split.contrast == "complement")
    known = pack((labelled != UNCLASSIFIED)[np.newaxis])
    numbers = np.arange(counted, dtype=np.int16)
    return _CodedCases(labelled, numbers, (known.view(np.uint8).ravel(), 0))


@lru_cache(maxsize=256)
def _counted_levels(
    groups: tuple[str, ...], excluded: tuple[str, ...], contrast: str, levels: tuple[str, ...]
) -> npt.NDArray[np.int8] | None:
    """Return the level code of each counted group; None when labels have to be compared."""
    if contrast == "groups" and not {*levels} <= {*groups, *excluded}:
        return None
    counted = groups if contrast == "groups" else groups[:1]
    place = {level: i for i, level in enumerate(levels)}
    # Level codes are below 127; a group that is not a level has no cases.
    found = np.array([place.get(group, 127) for group in counted], np.int8)
    found.flags.writeable = False
    return found
