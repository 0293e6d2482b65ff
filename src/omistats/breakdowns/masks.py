"""Who is in which group of which breakdown, as bits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats import _arrow
from omistats.breakdowns.base import UNCLASSIFIED, Breakdown
from omistats.kernel.tally import pack
from omistats.model.cases import CaseSet

__all__ = ["Masks", "group_masks"]

Words = npt.NDArray[np.uint64]

# Cases looked at one by one at a time, a multiple of 64.
_STEP = 1 << 19


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
    _arrow.Validity([c.known for c in coded]).read(0, rows, known)
    groups = np.empty((len(which), words), np.uint64)
    for start in range(0, rows, _STEP):
        codes = np.array([c.codes[start : start + _STEP] for c in coded])
        inside = pack(codes[which] == numbers)
        groups[:, start // 64 : start // 64 + inside.shape[1]] = inside
    # What stands under a null is undefined.
    groups &= known[which]
    everyone = np.zeros((1, words), np.uint64)
    _arrow.Validity([(None, 0)]).read(0, rows, everyone)
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
    if not split.hooks() and column in cases:
        array = cases[column]
        for stratum in cases.framework.strata:
            if (
                stratum.name == column
                and (
                    numbers := _numbers(
                        tuple(split.groups), tuple(split.leave_out), split.contrast, stratum.levels
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
    groups: tuple[str, ...], leave_out: tuple[str, ...], contrast: str, levels: tuple[str, ...]
) -> npt.NDArray[np.int8] | None:
    """Give the level that each counted group is; None when labels are to be looked at."""
    if contrast == "groups" and not {*levels} <= {*groups, *leave_out}:
        return None
    counted = groups if contrast == "groups" else groups[:1]
    place = {level: i for i, level in enumerate(levels)}
    # Levels are at most 127; a group that is none of them has no cases.
    found = np.array([place.get(group, 127) for group in counted], np.int8)
    found.flags.writeable = False
    return found
