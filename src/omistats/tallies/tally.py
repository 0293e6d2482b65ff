"""Counts: all that inference needs to know of the cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Contrast
from omistats.errors import UsageError
from omistats.model.framework import Framework
from omistats.model.strata import ALL

__all__ = ["Split", "Tally"]

Counts = npt.NDArray[np.int64]


@attrs.frozen
class Split:
    """A breakdown as counted: what it is called and what it compares.

    Attributes
    ----------
    key : str
        The breakdown.
    groups : tuple of str
        Its groups, in order.
    contrast : {'groups', 'complement'}
        What a test of it compares.
    """

    key: str
    groups: tuple[str, ...]
    contrast: Contrast = "groups"


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
        """Where the groups of each split begin, and the number of all groups."""
        return tuple(np.cumsum([0, *(len(s.groups) for s in self.splits)]).tolist())

    def _arrays(self) -> dict[str, Any]:
        names = ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "left_out")
        return {name: getattr(self, name) for name in names}

    def together(self) -> Tally:
        """Add all units up to the one unit ``all``."""
        if self.units == (ALL,):
            return self
        summed: dict[str, Any] = {
            name: a.sum(axis=0, keepdims=True) for name, a in self._arrays().items()
        }
        return attrs.evolve(self, units=(ALL,), **summed)

    def with_all(self) -> Tally:
        """Put ``all`` after the units."""
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

    def __repr__(self) -> str:
        shape = (len(self.units), len(self.splits), len(self.questions))
        words = ("unit", "breakdown", "question")
        return "Tally: " + " x ".join(
            f"{count} {word}{'s' * (count != 1)}" for count, word in zip(shape, words, strict=True)
        )
