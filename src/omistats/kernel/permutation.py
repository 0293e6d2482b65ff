"""Permutation tests of pooled proportions: cases change group with all their answers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from math import comb

import attrs
import numpy as np
import numpy.typing as npt

__all__ = ["PermutationTest", "permutation_test"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

# Numbers held at a time.
_NUMBERS = 1 << 22
# Statistics that differ by less than this share of the larger are ties.
_TIE = 1e-9


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
    the observed is one, it is their share. The null hypothesis is that cases are exchangeable
    between groups: in how they do, in how alike their answers are, and in what applies to them.

    References
    ----------
    Phipson, B. and Smyth, G. K. (2010). Permutation p-values should never be zero. Statistical
    Applications in Genetics and Molecular Biology 9, 39.
    """
    kk, nn = np.asarray(k, np.float64), np.asarray(n, np.float64)
    codes = np.asarray(group, np.intp)
    blocks = np.zeros(len(codes), np.intp) if block is None else np.asarray(block, np.intp)
    groups = int(codes.max(initial=-1)) + 1
    both = np.concatenate([kk, nn])
    observed = _statistic(_sums(both, codes[np.newaxis], groups))[0]
    parts = [np.flatnonzero(blocks == b) for b in np.unique(blocks)]
    number = _assignments(codes, parts, groups, permutations)
    exact = number is not None
    hits, total = np.zeros(len(kk)), 0
    size = max(1, _NUMBERS // max(len(codes), 1))
    drawn = (
        _enumerated(codes, parts, size) if exact else _drawn(codes, parts, permutations, size, rng)
    )
    reached = observed - _TIE * np.abs(observed)
    for labels in drawn:
        hits += (_statistic(_sums(both, labels, groups)) >= reached).sum(axis=0)
        total += len(labels)
    p_value = hits / total if exact else (hits + 1) / (total + 1)
    answered = (_sums(nn, codes[np.newaxis], groups)[0] > 0).sum(axis=-1)
    return PermutationTest(np.where(answered > 1, p_value, np.nan), total, exact)


def _sums(values: Floats, labels: Codes, groups: int) -> Floats:
    """Sum values by group for many assignments, shape (assignments, rows, groups)."""
    out = np.empty((len(labels), len(values), groups))
    for g in range(groups):
        out[..., g] = (labels == g).astype(np.float64) @ values.T
    return out


def _statistic(sums: Floats) -> Floats:
    """Measure how far groups are from one proportion, shape (assignments, items)."""
    items = sums.shape[1] // 2
    k, n = sums[:, :items], sums[:, items:]
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k / n
        if sums.shape[-1] == 2:
            apart = np.abs(p[..., 0] - p[..., 1])
            return np.where(np.isnan(apart), 0.0, apart)
        whole = (k.sum(axis=-1) / n.sum(axis=-1))[..., np.newaxis]
        found: Floats = np.where(n > 0, n * (p - whole) ** 2, 0.0).sum(axis=-1)
    return found


def _assignments(
    codes: Codes, parts: list[npt.NDArray[np.intp]], groups: int, most: int
) -> int | None:
    """Count the assignments of cases to two groups; None if there are more than ``most``."""
    if groups != 2:
        return None
    number = 1
    for rows in parts:
        number *= comb(len(rows), int((codes[rows] == 0).sum()))
        if number > most:
            return None
    return number


def _enumerated(
    codes: Codes, parts: list[npt.NDArray[np.intp]], size: int
) -> Iterator[npt.NDArray[np.intp]]:
    """List all assignments of cases to two groups."""
    choices = [list(combinations(rows.tolist(), int((codes[rows] == 0).sum()))) for rows in parts]
    batch: list[npt.NDArray[np.intp]] = []
    for chosen in product(*choices):
        labels = np.ones(len(codes), np.intp)
        labels[[row for rows in chosen for row in rows]] = 0
        batch.append(labels)
        if len(batch) == size:
            yield np.array(batch)
            batch = []
    if batch:
        yield np.array(batch)


def _drawn(
    codes: Codes,
    parts: list[npt.NDArray[np.intp]],
    permutations: int,
    size: int,
    rng: np.random.Generator,
) -> Iterator[npt.NDArray[np.intp]]:
    """Draw assignments at random."""
    for start in range(0, permutations, size):
        rows = min(size, permutations - start)
        labels = np.tile(codes, (rows, 1))
        for part in parts:
            labels[:, part] = rng.permuted(labels[:, part], axis=1)
        yield labels
