"""Counts: all that inference needs to know of the cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown, Contrast
from omistats.breakdowns.membership import membership
from omistats.breakdowns.registry import resolve
from omistats.errors import UsageError, described
from omistats.kernel.tally import count_groups
from omistats.model.framework import Framework
from omistats.model.sources import read_cases
from omistats.model.strata import ALL

__all__ = ["By", "Split", "Tally", "check_by", "standard_or", "tally"]

Counts = npt.NDArray[np.int64]
By = Literal["unit"]


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


def check_by(by: object) -> None:
    """Refuse what is neither None nor ``'unit'``."""
    if by is not None and not (isinstance(by, str) and by == "unit"):
        raise UsageError(f"`by` is None or 'unit', found {described(by)}")


def standard_or(
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] | None, framework: Framework
) -> tuple[Breakdown, ...]:
    """Resolve breakdowns, those of the framework if none are given.

    Raises
    ------
    UsageError
        When the framework has none either.
    UnknownNameError, DataError
        As `omistats.breakdowns.registry.resolve`.
    """
    if breakdowns is None and not framework.breakdowns:
        raise UsageError(
            f"the framework {framework.name!r} names no standard breakdowns; pass breakdowns=[...]"
        )
    return resolve(framework.breakdowns if breakdowns is None else breakdowns, framework)


def tally(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] | None = None,
    questions: Iterable[str] | None = None,
    framework: Framework | None = None,
) -> Tally:
    """Count sufficient and applicable answers in every group.

    Parameters
    ----------
    source : CaseSet, data frame, record batch reader, or path
        The cases. All but a case set need ``framework``; a path is a Parquet or an Arrow
        IPC file, read whole.
    by : {'unit'}, optional
        Count every unit by itself; by default all units together.
    breakdowns : iterable of Breakdown or str, optional
        Instances, classes, or names; the framework's standard ones by default.
    questions : iterable of str, optional
        Question ids; by default every question that is not invented.
    framework : Framework, optional
        What to check the source against; a case set carries its own.

    Returns
    -------
    Tally

    Raises
    ------
    UsageError
        When ``by`` is neither None nor ``'unit'``, or a framework is missing.
    UnknownNameError
        When a question or a breakdown is unknown.
    DataError
        When a breakdown is ill declared or labels cases outside its groups.
    """
    check_by(by)
    cases = read_cases(source, framework)
    framework = cases.framework
    ids = framework.known_ids if questions is None else framework.select(questions)
    splits = standard_or(breakdowns, framework)
    packed = cases.packed
    # One block of all cases, or one a unit.
    starts = packed.starts if by == "unit" else packed.starts[[0, -1]]
    answers = packed.answers
    if ids != framework.question_ids:
        wanted = set(ids)
        answers = answers[[id in wanted for id in framework.question_ids * 2]]
    members, sizes = membership(cases, splits, packed.order, starts)
    counts = count_groups(answers, members, starts)
    groups = sum(len(b.groups) for b in splits)
    width = len(ids)
    unknown = np.zeros((len(starts) - 1, len(splits), 2 * width), np.int64)
    complements = [i for i, b in enumerate(splits) if b.contrast == "complement"]
    unknown[:, complements] = counts[:, groups:]
    return Tally(
        framework=framework,
        units=cases.units if by == "unit" else (ALL,),
        splits=tuple(Split(b.key, tuple(b.groups), b.contrast) for b in splits),
        questions=ids,
        k=counts[:, :groups, :width],
        n=counts[:, :groups, width:],
        unknown_k=unknown[:, :, :width],
        unknown_n=unknown[:, :, width:],
        cases=sizes[:, :groups],
        unclassified=sizes[:, groups : groups + len(splits)],
        left_out=sizes[:, groups + len(splits) :],
        metadata=cases.metadata,
    )
