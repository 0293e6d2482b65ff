"""Permutation tests of scores: cases change unit or group with all their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.groups import compared_sides
from omistats.kernel.permutation import permutation_test
from omistats.model.case_set import CaseSet
from omistats.scoring.sums import ScoredItem, case_sums

__all__ = ["CasePermutations", "permute_cases"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class CasePermutations:
    """Cases with their answers to items, in the order of their ids, ready to be permuted.

    Attributes
    ----------
    k, n : ndarray of float64, shape (items, cases)
        Sufficient and applicable answers of each case.
    unit : ndarray of int, shape (cases,)
        The unit of each case.
    sides : tuple of ndarray of int, shape (cases,)
        Of each breakdown, the compared group of each case; -1 for none.
    permutations, seed : int
        Options of the test.
    """

    k: Floats
    n: Floats
    unit: npt.NDArray[np.intp]
    sides: tuple[npt.NDArray[np.intp], ...]
    permutations: int
    seed: int

    def groups(self, split: int, unit: int | None) -> tuple[Floats, bool]:
        """Test the groups of a breakdown in a unit, or within all units.

        Returns
        -------
        p_value : ndarray of float64, shape (items,)
        exact : bool
        """
        side = self.sides[split]
        rows = np.flatnonzero((side >= 0) & ((self.unit == unit) if unit is not None else True))
        part = f"breakdown {split}, unit {'all' if unit is None else unit}"
        return self._test(rows, side[rows], self.unit[rows], part)

    def unit_and_rest(self, unit: int, rest: npt.NDArray[np.bool_]) -> tuple[Floats, bool]:
        """Test a unit against some other units; returns are those of `groups`."""
        rows = np.flatnonzero((self.unit == unit) | rest[self.unit])
        return self._test(rows, (self.unit[rows] != unit).astype(np.intp), None, f"unit {unit}")

    def pairs(self, item: int, units: Sequence[int]) -> Floats:
        """Test all pairs of units on one item, shape (units, units); NaN on the diagonal."""
        out = np.full((len(units), len(units)), np.nan)
        for i, one in enumerate(units):
            for j, other in enumerate(units[:i]):
                rows = np.flatnonzero((self.unit == one) | (self.unit == other))
                group = (self.unit[rows] != min(one, other)).astype(np.intp)
                part = f"units {min(one, other)} and {max(one, other)}"
                found, _ = self._test(rows, group, None, part, [item])
                out[i, j] = out[j, i] = found[0]
        return out

    def _test(
        self,
        rows: npt.NDArray[np.intp],
        group: npt.NDArray[np.intp],
        block: npt.NDArray[np.intp] | None,
        part: str,
        items: Any = slice(None),
    ) -> tuple[Floats, bool]:
        # Groups without a case are left out.
        present, codes = np.unique(group, return_inverse=True)
        if len(present) < 2:
            return np.full(len(self.k[items]), np.nan), False
        found = permutation_test(
            self.k[items][:, rows],
            self.n[items][:, rows],
            codes,
            block=block,
            permutations=self.permutations,
            rng=np.random.default_rng([self.seed, *part.encode()]),
        )
        return found.p_value, found.exact


def permute_cases(
    cases: CaseSet,
    items: Sequence[ScoredItem],
    splits: Sequence[Breakdown],
    known: bool,
    permutations: int,
    seed: int,
) -> CasePermutations:
    """Prepare cases to be permuted."""
    sums = case_sums(cases, items).by_case.astype(np.float64)
    order = cases.packed.order
    ids = cases["case_id"].to_numpy(zero_copy_only=False)
    unit = cases.unit_codes.astype(np.intp)
    if order is not None:
        ids, unit = ids[order], unit[order]
    sides = []
    for split in splits:
        codes = split.codes(cases)
        sides.append(compared_sides(split, codes if order is None else codes[order], known))
    # By id, so that results do not depend on the order of rows.
    by_id = np.argsort(ids, kind="stable")
    return CasePermutations(
        sums[0][:, by_id],
        sums[1][:, by_id],
        unit[by_id],
        tuple(side[by_id].astype(np.intp) for side in sides),
        permutations,
        seed,
    )
