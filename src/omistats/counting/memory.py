"""Counts of cases that are in memory."""

from __future__ import annotations

import numpy as np

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.membership import membership
from omistats.kernel.tally import count_groups
from omistats.model.cases import CaseSet
from omistats.model.strata import ALL
from omistats.tallies import By, Split, Tally

__all__ = ["count_cases"]


def count_cases(
    cases: CaseSet, by: By | None, splits: tuple[Breakdown, ...], ids: tuple[str, ...]
) -> Tally:
    """Count answers in every group of every unit, or of all units together.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    by : {'unit', None}
        Whether every unit is counted by itself.
    splits : tuple of Breakdown
        Breakdowns.
    ids : tuple of str
        Questions, in the order of the framework.

    Raises
    ------
    DataError
        When a breakdown labels cases outside its groups.
    """
    framework = cases.framework
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
