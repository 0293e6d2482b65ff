"""Permutation tests of scores: cases change unit or group with all their answers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.groups import compared_sides
from omistats.kernel.permutation import PermutationTest, permutation_test
from omistats.kernel.resampling import generator
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL
from omistats.scoring.sums import ScoredItem, case_sums

__all__ = ["CasePermutations", "permutation_name", "permute_cases"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class CasePermutations:
    """Cases with their answers to items, in the order of their ids, ready to be permuted.

    Attributes
    ----------
    k, n : ndarray of float64, shape (items, cases)
        Sufficient and applicable answers of each case.
    unit : ndarray of int, shape (cases,)
        The unit of each case, a place in ``units``.
    units, keys : tuple of str
        Units, and keys of breakdowns. Random numbers go by these names, so that a p-value does
        not depend on what else was asked for, or on the order of units.
    sides : tuple of ndarray of int, shape (cases,)
        Of each breakdown, the compared group of each case; -1 for none.
    permutations, seed : int
        Options of the test.
    """

    k: Floats
    n: Floats
    unit: npt.NDArray[np.intp]
    units: tuple[str, ...]
    keys: tuple[str, ...]
    sides: tuple[npt.NDArray[np.intp], ...]
    permutations: int
    seed: int

    def groups(self, split: int, unit: int | None) -> PermutationTest:
        """Test the groups of a breakdown in a unit, or within all units."""
        side = self.sides[split]
        rows = np.flatnonzero((side >= 0) & ((self.unit == unit) if unit is not None else True))
        part = f"breakdown {self.keys[split]}, {ALL if unit is None else self.units[unit]}"
        return self._test(rows, side[rows], self._place_by_name()[self.unit[rows]], part)

    def unit_and_rest(self, unit: int, rest: npt.NDArray[np.bool_]) -> PermutationTest:
        """Test a unit against some other units."""
        rows = np.flatnonzero((self.unit == unit) | rest[self.unit])
        part = f"unit {self.units[unit]}"
        return self._test(rows, (self.unit[rows] != unit).astype(np.intp), None, part)

    def pairs(self, item: int, units: Sequence[int]) -> Floats:
        """Test all pairs of units on one item, shape (units, units); NaN on the diagonal."""
        out = np.full((len(units), len(units)), np.nan)
        own = [np.flatnonzero(self.unit == unit) for unit in units]
        for i, j in combinations(range(len(units)), 2):
            first, second = sorted((i, j), key=lambda at: self.units[units[at]])
            rows = np.concatenate([own[first], own[second]])
            group = np.repeat([0, 1], [len(own[first]), len(own[second])])
            part = f"units {self.units[units[first]]} and {self.units[units[second]]}"
            found = self._test(rows, group, None, part, [item])
            out[i, j] = out[j, i] = found.p_value[0]
        return out

    def _place_by_name(self) -> npt.NDArray[np.intp]:
        return np.argsort(np.argsort(self.units))

    def _test(
        self,
        rows: npt.NDArray[np.intp],
        group: npt.NDArray[np.intp],
        block: npt.NDArray[np.intp] | None,
        part: str,
        items: Any = slice(None),
    ) -> PermutationTest:
        # Groups without a case are left out.
        present, codes = np.unique(group, return_inverse=True)
        if len(present) < 2:
            return PermutationTest(np.full(len(self.k[items]), np.nan), 0, False)
        return permutation_test(
            self.k[items][:, rows],
            self.n[items][:, rows],
            codes,
            block=block,
            permutations=self.permutations,
            rng=generator(self.seed, part),
        )


def permutation_name(test: PermutationTest) -> str:
    """Name a test in the column ``method``."""
    return "permutation-exact" if test.exact else "permutation"


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
        cases.units,
        tuple(split.key for split in splits),
        tuple(side[by_id].astype(np.intp) for side in sides),
        permutations,
        seed,
    )
