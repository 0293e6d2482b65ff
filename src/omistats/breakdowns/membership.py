"""Who is in which group of which breakdown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import LEFT_OUT, UNCLASSIFIED, Breakdown
from omistats.model.cases import CaseSet

__all__ = ["membership"]

Counts = npt.NDArray[np.int64]


def membership(
    cases: CaseSet,
    splits: tuple[Breakdown, ...],
    order: npt.NDArray[np.int64] | None,
    starts: Counts,
) -> tuple[npt.NDArray[np.bool_], Counts]:
    """Say who is in which group, and count heads.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    splits : tuple of Breakdown
        What to split them by.
    order : ndarray of int64 or None
        The order the cases are wanted in; None for their own.
    starts : ndarray of int64, shape (blocks + 1,)
        Where each block of that order begins.

    Returns
    -------
    flags : ndarray of bool, shape (groups + complements, cases)
        Who is in each group of each split, then who is unclassified in each complement.
    heads : ndarray of int64, shape (blocks, groups + 2 splits)
        Sizes of the groups, then of the unclassified and of the left out of each split.
    """
    codes = np.array([split.codes(cases) for split in splits])
    if order is not None:
        codes = codes[:, order]
    complement = np.array([s.contrast == "complement" for s in splits])
    which = np.repeat(np.arange(len(splits)), [len(s.groups) for s in splits])
    number = np.concatenate([np.arange(len(s.groups)) for s in splits])
    groups = codes[which] == number[:, np.newaxis].astype(codes.dtype)
    # Everyone is in the `all` of a complement, whether or not the characteristic is known.
    groups[complement[which] & (number == 1)] = True
    unclassified = codes == UNCLASSIFIED
    # Those outside the subset of a complement are reported, in `all`.
    left_out = (codes == LEFT_OUT) & ~complement[:, np.newaxis]
    sizes = _heads(np.concatenate([groups, unclassified, left_out]), starts)
    return np.concatenate([groups, unclassified[complement]]), sizes


def _heads(flags: npt.NDArray[np.bool_], starts: Counts) -> Counts:
    """Count flags within every block."""
    if len(starts) == 2:
        here: Counts = flags.sum(axis=1, dtype=np.int64)[np.newaxis]
        return here
    running = np.zeros((len(flags), flags.shape[1] + 1), np.int64)
    np.cumsum(flags, axis=1, out=running[:, 1:])
    return np.diff(running[:, starts], axis=1).T
