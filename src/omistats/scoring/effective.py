"""Sums behind effective answers of scores: of every unit, of all units, of a unit's rest.

`omistats.kernel.effective` has the rule. Here its sums are made from cases, or from numbers of
cases by how many answers applied, which add up over files and engines.

Which strata count: a unit, the rest of the units and all units keep their strata. The group of a
breakdown lies across them and is one stratum: its variance is then never smaller than that of
the design.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.bit_counts import unpack
from omistats.kernel.effective import SUMS, EffectiveGroups, effective_groups, stratum_sums
from omistats.model.case_set import CaseSet
from omistats.scoring.groups import DomainMembers
from omistats.scoring.sums import ScoredItem, question_item_matrix

__all__ = [
    "EffectiveSums",
    "effective_sums",
    "effective_sums_of_cases",
    "join_groups",
    "moments_of_sizes",
    "size_columns",
    "sum_sizes",
]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Cases unpacked at a time, in whole words of bits.
_BLOCK = 1 << 11
_FLOAT32_EXACT = 1 << 24


@attrs.frozen(eq=False)
class EffectiveSums:
    """The sums of `omistats.kernel.effective.stratum_sums` for scores.

    Attributes
    ----------
    by_unit : ndarray of float64, shape (20, units, items, domains)
        Of each unit's cases in a domain.
    all_units : ndarray of float64, shape (20, items, domains)
        Of all cases in a domain.
    usable : ndarray of bool, shape (domains,)
        Domains for which the rule holds.
    """

    by_unit: Floats
    all_units: Floats
    usable: Flags

    def with_whole(self, domains: Sequence[int]) -> EffectiveSums:
        """Give domains that are all cases, as the group ``all`` of a complement, their strata."""
        by_unit, all_units = self.by_unit.copy(), self.all_units.copy()
        for domain in domains:
            by_unit[..., domain], all_units[..., domain] = by_unit[..., 0], all_units[..., 0]
        return EffectiveSums(by_unit, all_units, self.usable)

    def groups(self, all_units: bool) -> EffectiveGroups:
        """Estimate effective answers, shape (blocks, items, domains)."""
        return effective_groups(self.all_units[:, np.newaxis] if all_units else self.by_unit)

    def unit(self, place: int) -> EffectiveGroups:
        """Estimate the effective answers of all cases of a unit, shape (items,)."""
        return effective_groups(self.by_unit[..., 0][:, place])

    def rests(self) -> Floats:
        """Sum over all cases of the other units, for every unit: shape (20, units, items)."""
        own = self.by_unit[..., 0]
        # From both sides, so that what is 0 in every other unit stays 0.
        before, after = np.zeros(own.shape), np.zeros(own.shape)
        np.cumsum(own[:, :-1], axis=1, out=before[:, 1:])
        np.cumsum(own[:, :0:-1], axis=1, out=after[:, -2::-1])
        return before + after

    def rest(self, units: Flags) -> EffectiveGroups:
        """Estimate the effective answers of all cases of some units, shape (items,)."""
        return effective_groups(self.by_unit[..., 0][:, units].sum(axis=1))


def join_groups(parts: Sequence[EffectiveGroups]) -> EffectiveGroups:
    """Put blocks of groups one after another."""
    columns = zip(*(attrs.astuple(part, recurse=False) for part in parts), strict=True)
    return EffectiveGroups(*map(np.concatenate, columns))


def size_columns(items: Sequence[ScoredItem]) -> list[slice]:
    """Find where each item's numbers are on the last axis of `sum_sizes`.

    An item of q questions has, for each number of applicable answers from 1 to q, how many cases
    have so many; then the sums of their sufficient answers; then of the squares of these. After
    them come the number of cases with a sufficient answer, and of cases with one that is not.
    """
    ends = np.cumsum([0, *(3 * len(one.questions) + 2 for one in items)]).tolist()
    return [slice(first, last) for first, last in pairwise(ends)]


def sum_sizes(cases: CaseSet, items: Sequence[ScoredItem], members: DomainMembers) -> Counts:
    """Count cases, and sum their answers, by how many answers applied.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    items : sequence of ScoredItem
        The items to score.
    members : DomainMembers
        The domains of the cases.

    Returns
    -------
    ndarray of int64, shape (units, domains, columns)
        Columns as `size_columns` describes them.
    """
    rows, feeds = question_item_matrix(cases.framework, items)
    packed = cases.packed
    starts = packed.starts
    columns = size_columns(items)
    most = max(len(one.questions) for one in items)
    # No case adds more than the square to a sum; float32 is exact below 2**24.
    exact = max(1, (_FLOAT32_EXACT - 1) // (most * most))
    block = min(_BLOCK, len(cases) + -len(cases) % 64)
    out = np.zeros((len(starts) - 1, columns[-1].stop, len(members.domains)), np.int64)
    # A square beyond float32 would be rounded.
    precision = np.float32 if most * most < _FLOAT32_EXACT else np.float64
    answers = np.zeros((2, len(feeds), block), np.float32)
    sums = np.empty((2, len(items), block), np.float32)
    values = np.empty((columns[-1].stop, block), precision)
    for a, b, words in packed.iter_slices(max(64, block)):
        bits = unpack(np.ascontiguousarray(words[rows]), b - a)
        answers.reshape(len(rows), block)[:, : b - a] = bits
        # Columns past the last case keep old answers; no unit's slice reaches them.
        np.matmul(feeds.T, answers, out=sums)
        for i, (one, at) in enumerate(zip(items, columns, strict=True)):
            k, n = sums[:, i]
            q = len(one.questions)
            here = values[at]
            np.equal(n, np.arange(1, q + 1, dtype=np.float32)[:, np.newaxis], out=here[:q])
            np.multiply(here[:q], k, out=here[q : 2 * q])
            np.multiply(here[q : 2 * q], k, out=here[2 * q : 3 * q])
            np.greater(k, 0, out=here[3 * q])
            np.less(k, n, out=here[3 * q + 1])
        inside = np.ascontiguousarray(members.flags(a, b).T, precision)
        first, last = np.searchsorted(starts, [a, b], side="right")
        edges = np.clip(starts[first - 1 : last + 1], a, b) - a
        for unit in range(len(edges) - 1):
            for begin in range(int(edges[unit]), int(edges[unit + 1]), exact):
                some = slice(begin, min(begin + exact, int(edges[unit + 1])))
                out[first - 1 + unit] += (values[:, some] @ inside[some]).astype(np.int64)
    return out.transpose(0, 2, 1)


def moments_of_sizes(sizes: Counts, items: Sequence[ScoredItem]) -> Counts:
    """Sum k, n, k², k n and n² over cases, shape (units, domains, items, 5)."""
    moments = np.empty((*sizes.shape[:2], len(items), 5), np.int64)
    for i, (one, at) in enumerate(zip(items, size_columns(items), strict=True)):
        q = len(one.questions)
        n = np.arange(1, q + 1)
        cases, k, kk = np.moveaxis(
            sizes[..., at][..., : 3 * q].reshape(*sizes.shape[:2], 3, q), 2, 0
        )
        parts = [k.sum(axis=-1), cases @ n, kk.sum(axis=-1), k @ n, cases @ (n * n)]
        moments[:, :, i] = np.stack(parts, axis=-1)
    return moments


def effective_sums(
    sizes: Counts, items: Sequence[ScoredItem], fraction: npt.ArrayLike = 0.0
) -> EffectiveSums:
    """Make the sums of unweighted cases, units being strata.

    Parameters
    ----------
    sizes : ndarray of int64, shape (units, domains, columns)
        As `sum_sizes` returns them.
    items : sequence of ScoredItem
        The items.
    fraction : array_like of float, shape (units,)
        The sampling fraction of each unit; 0 without a finite population.
    """
    units, domains = sizes.shape[:2]
    f = np.broadcast_to(np.asarray(fraction, np.float64), (units,))[:, np.newaxis]
    by_unit, all_units = [], []
    whole = sizes.sum(axis=0)
    for one, at in zip(items, size_columns(items), strict=True):
        own = _item_sums(sizes[..., at], len(one.questions), f)
        pooled = _item_sums(whole[:, at], len(one.questions), 0.0)
        # One stratum, but each unit's answers count for its own sampling fraction.
        pooled[14] = own[14].sum(axis=0)
        pooled[:, 0] = own[:, :, 0].sum(axis=1)
        by_unit.append(own)
        all_units.append(pooled)
    return EffectiveSums(
        np.stack(by_unit, axis=2), np.stack(all_units, axis=1), np.ones(domains, np.bool_)
    )


def _item_sums(sizes: Counts, q: int, fraction: npt.ArrayLike) -> Floats:
    cases, k, kk = (sizes[..., i * q : (i + 1) * q] for i in range(3))
    some, lacking = sizes[..., 3 * q], sizes[..., 3 * q + 1]
    return stratum_sums(np.arange(1, q + 1), cases, k, kk, some, lacking, fraction=fraction)


def effective_sums_of_cases(
    answers: npt.NDArray[Any],
    starts: Counts,
    members: Flags,
    *,
    weight: Floats,
    stratum: npt.NDArray[np.intp],
    cluster: npt.NDArray[np.intp] | None,
    fraction: Floats,
) -> EffectiveSums:
    """Make the sums of cases with weights, strata of their own or clusters.

    Parameters
    ----------
    answers : ndarray, shape (2, items, cases)
        Sufficient and applicable answers of each case, cases in the order of units.
    starts : ndarray of int64, shape (units + 1,)
        Where each unit's cases begin.
    members : ndarray of bool, shape (domains, cases)
        Whether a case is in a domain.
    weight : ndarray of float64, shape (cases,)
        Weights, 0 or more.
    stratum : ndarray of int, shape (cases,)
        Codes of strata.
    cluster : ndarray of int or None, shape (cases,)
        Codes of clusters; None where each case was drawn by itself. The answers of a cluster's
        part in a domain count as those of one case.
    fraction : ndarray of float64, shape (strata,)
        The sampling fraction of each stratum.
    """
    units, items, domains = len(starts) - 1, answers.shape[1], len(members)
    unit = np.repeat(np.arange(units), np.diff(starts))
    # A unit that cuts across strata is one stratum, as any group that does.
    strata_in_units = None if _crosses(stratum, unit) else stratum
    by_unit = np.empty((SUMS, units, items, domains))
    all_units = np.empty((SUMS, items, domains))
    for d in range(domains):
        whole = d == 0
        for u, (a, b) in enumerate(pairwise(starts.tolist())):
            rows = np.arange(a, b)[members[d, a:b]]
            kept = strata_in_units if whole else None
            by_unit[:, u, :, d] = _pooled(answers, rows, weight, kept, stratum, cluster, fraction)
        rows = np.flatnonzero(members[d])
        kept = stratum if whole else None
        all_units[:, :, d] = _pooled(answers, rows, weight, kept, stratum, cluster, fraction)
    return EffectiveSums(by_unit, all_units, _usable(members, unit, weight, cluster))


def _usable(
    members: Flags, unit: npt.NDArray[np.intp], weight: Floats, cluster: npt.NDArray[np.intp] | None
) -> Flags:
    """Flag the domains for which the rule holds.

    Clusters must lie within a group and a unit, and their cases must have one weight.
    """
    usable = np.ones(len(members), np.bool_)
    if cluster is None:
        return usable
    if _crosses(cluster, unit) or _varies(weight, cluster):
        return np.zeros(len(members), np.bool_)
    for d in range(1, len(members)):
        usable[d] = not _crosses(cluster, members[d].astype(np.intp))
    return usable


def _crosses(inner: npt.NDArray[np.intp], outer: npt.NDArray[np.intp]) -> bool:
    """Tell whether a code of the first has several codes of the second."""
    return _varies(outer.astype(np.float64), inner)


def _varies(values: Floats, codes: npt.NDArray[np.intp]) -> bool:
    if not len(codes):
        return False
    order = np.argsort(codes, kind="stable")
    same = np.diff(codes[order]) == 0
    return bool((same & (np.diff(values[order]) != 0)).any())


def _pooled(
    answers: npt.NDArray[Any],
    rows: npt.NDArray[np.intp],
    weight: Floats,
    strata: npt.NDArray[np.intp] | None,
    stratum: npt.NDArray[np.intp],
    cluster: npt.NDArray[np.intp] | None,
    fraction: Floats,
) -> Floats:
    """Sum over some cases, stratum by stratum, or as one stratum."""
    total = np.zeros((SUMS, answers.shape[1]))
    for own in _parts(rows, strata):
        k, n = answers[:, :, own].astype(np.float64)
        w, f = weight[own], fraction[stratum[own]]
        if cluster is not None and len(own):
            _, first, code = np.unique(cluster[own], return_index=True, return_inverse=True)
            inside = np.zeros((len(first), len(own)))
            inside[code, np.arange(len(own))] = 1.0
            heaviest = np.zeros(len(first))
            np.maximum.at(heaviest, code, w)
            k, n, w, f = k @ inside.T, n @ inside.T, heaviest, f[first]
        used = (w > 0) & (n > 0)
        some, lacking = (used & (k > 0)).sum(axis=1), (used & (k < n)).sum(axis=1)
        sums = stratum_sums(n, np.ones(n.shape), k, k * k, some, lacking, weight=w)
        open_answers = (np.where(used, w * w * n, 0.0) * (1 - f)).sum(axis=1)
        # Strata of several fractions in one: what of its answers is not known.
        squares = sums[7]
        sums[15:18] *= np.divide(
            open_answers, squares, out=np.ones(squares.shape), where=squares > 0
        )
        sums[14] = open_answers
        total += sums
    return total


def _parts(
    rows: npt.NDArray[np.intp], strata: npt.NDArray[np.intp] | None
) -> Iterator[npt.NDArray[np.intp]]:
    if strata is None:
        yield rows
        return
    codes = strata[rows]
    order = np.argsort(codes, kind="stable")
    yield from np.split(rows[order], np.flatnonzero(np.diff(codes[order])) + 1)
