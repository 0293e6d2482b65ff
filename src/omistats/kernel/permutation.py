"""Permutation tests of pooled proportions: cases change group with all their answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from math import comb
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.numeric import product
from omistats.kernel.resampling import shuffle_labels

__all__ = ["PermutationTest", "permutation_test"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Labels = npt.NDArray[np.unsignedinteger[Any]]

# Numbers held at a time.
_NUMBERS: Final = 1 << 21
# Statistics that differ by less than this share of the larger are ties, or by less than this.
_TIE: Final = 1e-9
_ZERO: Final = 1e-13
# Sums of whole numbers are exact in float32 up to here.
_EXACT: Final = 1 << 24


@attrs.frozen(eq=False)
class PermutationTest:
    """Tests whether groups have one pooled proportion, item by item.

    Attributes
    ----------
    p_value : ndarray of float64, shape (items,)
        NaN where fewer than two groups have an answer.
    permutations : int
        Assignments of cases to groups that were compared with the observed one.
    exact : bool
        Whether these are all that there are.
    """

    p_value: Floats
    permutations: int
    exact: bool


def permutation_test(
    k: npt.ArrayLike,
    n: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    block: npt.ArrayLike | None = None,
    permutations: int = 1999,
    rng: np.random.Generator,
) -> PermutationTest:
    """Test whether groups have one pooled proportion by permuting cases.

    Parameters
    ----------
    k, n : array_like of float, shape (items, cases)
        Sufficient and applicable answers of each case.
    group : array_like of int, shape (cases,)
        The group of each case, from 0.
    block : array_like of int, shape (cases,), optional
        Cases change groups within their block only; by default all cases are one block.
    permutations : int
        How many assignments are drawn, if there are more; else all of them are compared.
    rng : numpy.random.Generator
        Draws the assignments.

    Returns
    -------
    PermutationTest

    Notes
    -----
    The statistic is the difference of the two pooled proportions, or for more groups the sum of
    N (p_g - p)^2; a group without an answer adds nothing. Of B drawn assignments b are at least as
    far from equality as the observed one: ``(b + 1) / (B + 1)``. With all assignments, of which
    the observed is one, it is their share. Statistics that differ by rounding errors are equal.

    The null hypothesis is that cases are exchangeable between groups: in how they do, in how
    alike their answers are, and in what applies to them.

    References
    ----------
    Phipson, B. and Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical
    Applications in Genetics and Molecular Biology 9, 39.
    """
    kk, nn = np.asarray(k, np.float64), np.asarray(n, np.float64)
    codes = np.asarray(group, np.intp)
    groups = int(codes.max(initial=-1)) + 1
    answered = np.array([(nn[:, codes == g] > 0).any(axis=1) for g in range(groups)]).sum(axis=0)
    by_case = np.concatenate([kk, nn]).T
    if block is not None:
        # Block after block, cases of a block in the order given.
        order = np.argsort(np.asarray(block), kind="stable")
        codes, by_case = codes[order], by_case[order]
        starts = np.append(0, np.cumsum(np.unique(block, return_counts=True)[1]))
    else:
        starts = np.array([0, len(codes)])
    observed = _statistic(_sums(by_case, codes[:, np.newaxis].astype(np.uint32), groups))[:, 0]
    reached = (observed - np.maximum(_TIE * observed, _ZERO))[:, np.newaxis]
    size = max(1, _NUMBERS // max(len(codes), len(kk) * groups, 1))
    number = _assignments(codes, starts, groups, permutations)
    if number is None:
        total, exact = permutations, False
        drawn = _drawn(codes, groups, starts, permutations, size, rng)
    else:
        total, exact = number, True
        drawn = _enumerated(codes, groups, starts, number, size)
    hits = np.zeros(len(kk))
    for labels in drawn:
        hits += (_statistic(_sums(by_case, labels, groups)) >= reached).sum(axis=1)
    p_value = hits / total if exact else (hits + 1) / (total + 1)
    return PermutationTest(np.where(answered > 1, p_value, np.nan), total, exact)


def _sums(by_case: Floats, labels: Labels, groups: int) -> Floats:
    """Sum rows of cases by group for many assignments, shape (groups, columns, assignments)."""
    whole = by_case.sum(axis=0)
    small = whole.max(initial=0) < _EXACT and bool((by_case == np.floor(by_case)).all())
    kind: type[Any] = np.float32 if small else np.float64
    values = by_case.astype(kind)
    out = np.empty((groups, by_case.shape[1], labels.shape[1]))
    out[-1] = whole[:, np.newaxis]
    for g in range(groups - 1):
        inside = (labels == g).astype(kind)
        out[g] = (product(inside, values) if small else inside.T @ values).T
        out[-1] -= out[g]
    return out


def _statistic(sums: Floats) -> Floats:
    """Measure how far groups are from one proportion, shape (items, assignments)."""
    items = sums.shape[1] // 2
    k, n = sums[:, :items], sums[:, items:]
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k / n
        if len(sums) == 2:
            apart: Floats = np.abs(p[0] - p[1])
            return np.where(np.isnan(apart), 0.0, apart)
        overall = k.sum(axis=0) / n.sum(axis=0)
        found: Floats = np.where(n > 0, n * (p - overall) ** 2, 0.0).sum(axis=0)
    return found


def _assignments(codes: Codes, starts: Codes, groups: int, most: int) -> int | None:
    """Count the different assignments of cases to groups; None if there are more than ``most``."""
    number = 1
    for a, b in pairwise(starts.tolist()):
        left = b - a
        for size in np.bincount(codes[a:b], minlength=groups).tolist():
            number *= comb(left, size)
            left -= size
            if number > most:
                return None
    return number


def _enumerated(
    codes: Codes, groups: int, starts: Codes, number: int, size: int
) -> Iterator[Labels]:
    """List all assignments of cases to groups, in parts of shape (cases, assignments)."""
    kind = np.min_scalar_type(groups)
    bounds = list(pairwise(starts.tolist()))
    ways = [_arrangements(np.bincount(codes[a:b], minlength=groups)) for a, b in bounds]
    for begin in range(0, number, size):
        # The places of an assignment are the digits of its number.
        at = np.arange(begin, min(begin + size, number))
        labels = np.empty((len(codes), len(at)), kind)
        for (a, b), own in zip(bounds, ways, strict=True):
            at, place = np.divmod(at, len(own))
            labels[a:b] = own[place].T
        yield labels


def _arrangements(sizes: Sequence[int] | Codes) -> Codes:
    """List all arrangements of labels, as many of each as given, shape (arrangements, labels)."""
    total = int(sum(sizes))
    out, free = np.zeros((1, total), np.intp), np.arange(total)[np.newaxis]
    for g, size in enumerate(map(int, sizes)):
        left = free.shape[1]
        chosen = np.array(list(combinations(range(left), size)), np.intp)
        chosen = chosen.reshape(comb(left, size), size)
        rest = np.ones((len(chosen), left), np.bool_)
        np.put_along_axis(rest, chosen, False, axis=1)
        rest_at = np.nonzero(rest)[1].reshape(len(chosen), left - size)
        out = np.repeat(out, len(chosen), axis=0)
        np.put_along_axis(out, free[:, chosen].reshape(len(out), size), g, axis=1)
        free = free[:, rest_at].reshape(len(out), left - size)
    return out


def _drawn(
    codes: Codes,
    groups: int,
    starts: Codes,
    permutations: int,
    size: int,
    rng: np.random.Generator,
) -> Iterator[Labels]:
    """Draw assignments at random, in parts of shape (cases, assignments)."""
    for begin in range(0, permutations, size):
        yield shuffle_labels(codes, groups, starts, min(size, permutations - begin), rng)
