"""Statistics of many shuffles of many questions, from counts of groups."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations_with_replacement
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from omistats.kernel.significance import pearson_groups

__all__ = ["cmh_shuffles", "pearson_shuffles"]

Floats = npt.NDArray[np.float64]
Counts = Iterable[tuple[Floats, Floats]]

# Eigenvalues below this share of the largest are what rounding left of 0.
_ROUNDING: Final = 1e-10


def pearson_shuffles(counts: Counts, total_k: Floats, total_n: Floats) -> tuple[Floats, Floats]:
    """Give Pearson's chi-square of all blocks pooled.

    Parameters
    ----------
    counts : iterable of (k, n)
        One pair a block, each of shape (shuffles, groups - 1, questions): counts of
        groups 0 to g.
    total_k, total_n : ndarray of float64, shape (blocks, questions)
        Counts of all groups.

    Returns
    -------
    statistic, df : ndarray of float64, shape (shuffles, questions)
        NaN where fewer than two groups have applicable answers, or all answers are alike.
    """
    k, n = (sum(parts[1:], parts[0]) for parts in zip(*counts, strict=True))
    all_k, all_n = total_k.sum(axis=0), total_n.sum(axis=0)
    if k.shape[1] == 1:
        return _pearson(k[:, 0], n[:, 0], all_k, all_n)
    ends = [np.broadcast_to(total, (len(k), 1, len(total))) for total in (all_k, all_n)]
    k, n = (np.diff(v, axis=1, prepend=0, append=end) for v, end in zip((k, n), ends, strict=True))
    statistic, df = pearson_groups(k, n, axis=1)
    return statistic, np.where(np.isnan(statistic), np.nan, df)


def _pearson(k: Floats, n: Floats, all_k: Floats, all_n: Floats) -> tuple[Floats, Floats]:
    """Give Pearson's chi-square of two groups from the counts of the first and of both."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = all_k / all_n
        away = n * share
        np.subtract(k, away, out=away)
        away *= away
        spread = all_n - n
        spread *= n
        spread *= share * (1 - share) / all_n
        away /= spread
    # 0 by 0 where a group or a kind of answer is not there.
    away[~(spread > 0)] = np.nan
    return away, np.where(np.isnan(away), np.nan, 1.0)


def cmh_shuffles(counts: Counts, total_k: Floats, total_n: Floats) -> tuple[Floats, Floats]:
    """Give the Cochran-Mantel-Haenszel statistic over blocks, for any number of groups.

    Parameters
    ----------
    counts, total_k, total_n
        As for `pearson_shuffles`.

    Returns
    -------
    statistic, df : ndarray of float64, shape (shuffles, questions)
        NaN where no block has two groups and answers of both kinds.

    Notes
    -----
    Without continuity correction. With two groups it is that of Mantel and Haenszel (1959),
    with more the one for general association (Landis, Heyman and Koch, International
    Statistical Review 46, 1978), the covariance matrix having a pseudo-inverse, so that a
    group that is not there takes its degree of freedom with it.
    """
    pairs: list[tuple[int, int]] = []
    y: Any = None
    v: Any = None
    for block, (k, n) in enumerate(counts):
        if not block:
            pairs = list(combinations_with_replacement(range(k.shape[1]), 2))
            y, v = np.zeros(k.shape), np.zeros((len(k), len(pairs), k.shape[2]))
        if len(pairs) > 1:
            k, n = (np.diff(counted, axis=1, prepend=0) for counted in (k, n))
        size = total_n[block]
        share = np.divide(total_k[block], size, out=np.zeros_like(size), where=size > 0)
        spread = share * (1 - share) / np.maximum(size - 1, 1)
        y += k
        scratch = np.multiply(n, share)
        y -= scratch
        for at, (i, j) in enumerate(pairs):
            # n (N - n) is exactly 0 where one group has all.
            other = scratch[:, 0]
            np.subtract(size if i == j else 0.0, n[:, j], out=other)
            other *= n[:, i]
            other *= spread
            v[:, at] += other
    if y.shape[1] == 1:
        y, v = y[:, 0], v[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.where(v > 0, y * y / v, np.nan)
        return statistic, np.where(v > 0, 1.0, np.nan)
    return _quadratic(np.swapaxes(y, 1, 2), v, pairs)


def _quadratic(y: Floats, v: Floats, pairs: list[tuple[int, int]]) -> tuple[Floats, Floats]:
    """Give ``y' V^- y`` and the rank of ``V``."""
    matrix = np.zeros((*y.shape, y.shape[-1]))
    for at, (i, j) in enumerate(pairs):
        matrix[..., i, j] = matrix[..., j, i] = v[:, at]
    values, vectors = np.linalg.eigh(matrix)
    kept = values > _ROUNDING * values[..., -1:]
    along = np.einsum("...ij,...i->...j", vectors, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(kept, along * along / values, 0.0).sum(axis=-1)
    df = kept.sum(axis=-1).astype(np.float64)
    return np.where(df > 0, statistic, np.nan), np.where(df > 0, df, np.nan)
