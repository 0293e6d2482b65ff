"""Rank correlation of a unit's items, by resampling its cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from omistats.scoring.estimators import ComplexDesign
from omistats.scoring.sums import case_sums
from omistats.scoring.weaknesses import ScoringContext

__all__ = ["JointDraws"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

# Random weights held at a time.
_NUMBERS_AT_ONCE = 1 << 22


class JointDraws:
    """Rank correlation of a unit's items, by resampling its cases.

    Parameters
    ----------
    context : ScoringContext or None
        What the scores are made of.
    items : mapping of str to sequence of str
        The scored items of each unit.
    draws, seed : int
        The number of draws, and their seed. Draws do not depend on the order of cases, nor on
        other units.

    Attributes
    ----------
    draws : int
        The number of draws.
    """

    def __init__(
        self,
        context: ScoringContext | None,
        items: Mapping[str, Sequence[str]],
        draws: int,
        seed: int,
    ) -> None:
        self._context, self._items = context, items
        self.draws, self._seed = draws, seed
        self._sums: tuple[Floats, Ints, Floats, Ints, Ints] | None = None
        self._kept: tuple[str, dict[str, Floats]] = ("", {})

    @property
    def has_cases(self) -> bool:
        """Whether there are cases to draw."""
        return self._context is not None and self._context.cases is not None

    def uniform_ranks(self, unit: str) -> dict[str, Floats]:
        """Draw ranks of each scored item, spread evenly between 0 and 1, shape (draws,)."""
        if self._kept[0] != unit or not self._kept[1]:
            items = self._items[unit]
            self._kept = unit, dict(zip(items, self._draw(unit, items), strict=True))
        return self._kept[1]

    def _draw(self, unit: str, items: Sequence[str]) -> Floats:
        rng = np.random.default_rng([self._seed, *unit.encode()])
        shares = self._shares(unit, items, rng)
        ranks = np.empty(shares.shape)
        # Items without spread, and ties, are in an order of their own.
        shuffled = rng.random(shares.shape)
        places = np.arange(self.draws)
        for i, own in enumerate(shares):
            order = np.lexsort((shuffled[i], np.nan_to_num(np.round(own, 12))))
            ranks[i, order] = (places + rng.random(self.draws)) / self.draws
        return ranks

    def _shares(self, unit: str, items: Sequence[str], rng: np.random.Generator) -> Floats:
        """Score items in draws of the unit's cases with random weights, shape (items, draws)."""
        k, n, weight, cluster, stratum = self._cases(unit, items)
        clusters = int(cluster.max()) + 1
        shares = np.empty((len(items), self.draws))
        step = max(1, _NUMBERS_AT_ONCE // max(len(weight), 1))
        strata = np.equal.outer(np.arange(int(stratum.max()) + 1), stratum).astype(np.float64)
        sizes = strata.sum(axis=1)
        for first in range(0, self.draws, step):
            own = slice(first, min(first + step, self.draws))
            drawn = rng.standard_exponential((own.stop - own.start, clusters))
            if len(strata) > 1:
                drawn *= (sizes / (drawn @ strata.T)) @ strata
            each = drawn[:, cluster] * weight
            with np.errstate(invalid="ignore", divide="ignore"):
                shares[:, own] = (k @ each.T) / (n @ each.T)
        return shares

    def _cases(self, unit: str, items: Sequence[str]) -> tuple[Floats, Floats, Floats, Ints, Ints]:
        """Return answers of a unit's cases, their weights and clusters, and strata of these.

        Answers have the shape (items, cases). Codes of clusters follow from the order of case ids.
        """
        context = self._context
        assert context is not None  # noqa: S101  # asked before
        if self._sums is None:
            self._sums = _sums_by_id(context)
        by_case, codes, weight, cluster, stratum = self._sums
        own = codes == context.units.index(unit)
        at = [context.items.index(item) for item in items]
        k, n = by_case[:, at][..., own]
        _, first, code = np.unique(cluster[own], return_index=True, return_inverse=True)
        renumbered = np.argsort(np.argsort(first))[code]
        strata = np.unique(stratum[own][np.sort(first)], return_inverse=True)[1]
        return k, n, weight[own], renumbered, strata


def _sums_by_id(context: ScoringContext) -> tuple[Floats, Ints, Floats, Ints, Ints]:
    """Return answers of cases, units, weights, clusters and strata, in the order of case ids."""
    cases = context.cases
    assert cases is not None  # noqa: S101  # asked before
    ids = cases["case_id"].to_numpy(zero_copy_only=False)
    codes = np.asarray(cases.unit_codes)
    order = cases.packed.order
    if order is not None:
        ids, codes = ids[order], codes[order]
    by_case = case_sums(cases, context.scored).by_case.astype(np.float64)
    weight, cluster = np.ones(len(ids)), np.arange(len(ids))
    stratum = np.zeros(len(ids), np.intp)
    estimator = context.estimator
    if isinstance(estimator, ComplexDesign):
        design = estimator.with_fpc.design
        weight, cluster = estimator.with_fpc.weight, np.asarray(design.cluster)
        stratum = np.asarray(design.stratum)[cluster]
    by_id = np.argsort(ids, kind="stable")
    return by_case[..., by_id], codes[by_id], weight[by_id], cluster[by_id], stratum[by_id]
