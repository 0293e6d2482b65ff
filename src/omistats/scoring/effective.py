"""Sums behind effective answers of scores: of every unit, of all units, of a unit's rest.

`omistats.kernel.effective` explains the rule. Here its sums are made of cases, or of counts of
cases by their number of applicable answers, which add up over files and engines.

Which strata count: a unit, the rest of units and all units keep their strata. A breakdown's group
lies across them and is one stratum; its variance is then never smaller than that of the design.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.bit_counts import unpack
from omistats.kernel.effective import (
    SUMS,
    EffectiveGroups,
    effective_groups,
    stratum_sums,
)
from omistats.model.case_set import CaseSet
from omistats.scoring.groups import DomainMembers
from omistats.scoring.sums import ScoredItem, question_item_matrix

__all__ = ["EffectiveSums", "case_size_counts", "moments_from_sizes", "size_columns", "sums_of_sizes"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@attrs.frozen(eq=False)
class EffectiveSums:
    """The sums of `omistats.kernel.effective.stratum_sums` for scores.

    Attributes
    ----------
    by_unit : ndarray of float64, shape (18, units, items, domains)
        Of each unit's part of a domain.
    all_units : ndarray of float64, shape (18, items, domains)
        Of all units together.
    """

    by_unit: Floats
    all_units: Floats

    def groups(self, all_units: bool) -> EffectiveGroups:
        """Estimate effective answers, shape (blocks, items, domains)."""
        return effective_groups(self.all_units[:, np.newaxis] if all_units else self.by_unit)

    def rest(self, units: Flags) -> EffectiveGroups:
        """Estimate the effective answers of all cases of some units, shape (items,)."""
        return effective_groups(self.by_unit[:, units, :, 0].sum(axis=1))


def size_columns(items: Sequence[ScoredItem]) -> list[slice]:
    """Locate each item's counts by size along the last axis of `case_size_counts`.

    An item of q questions has, for each number of applicable answers from 1 to q, the cases that
    have so many, then the sums of their sufficient answers, then of their squares; and after
    these the cases with a sufficient answer, and those with one that is not.
    """
    widths = [3 * len(one.questions) + 2 for one in items]
    ends = np.concatenate([[0], np.cumsum(widths)]).tolist()
    return [slice(a, b) for a, b in pairwise(ends)]
