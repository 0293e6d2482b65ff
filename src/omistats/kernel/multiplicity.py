"""P-values of a family of tests, adjusted for how many were made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from omistats.kernel.methods import Methods

__all__ = ["ADJUSTMENTS", "benjamini_hochberg", "bonferroni", "holm"]

Floats = npt.NDArray[np.float64]

ADJUSTMENTS: Methods[Callable[[Floats], Floats]] = Methods(
    "adjustment", "f(p), a family on the last axis, NaN in no family -> adjusted p", outputs=1
)
"""Adjustments for many tests."""


def bonferroni(p: Floats) -> Floats:
    """Multiply by the number of tests.

    Parameters
    ----------
    p : ndarray of float64
        P-values, a family along the last axis; NaN is not in the family.

    Returns
    -------
    ndarray of float64
        At most 1; NaN stays.

    Notes
    -----
    Any dependence between tests is allowed. The chance of one false finding or more in
    the family is at most the level.
    """
    return np.asarray(np.minimum(p * _tests(p), 1.0), np.float64)


def holm(p: Floats) -> Floats:
    """Step down from the smallest, each p-value times the number of tests not yet passed.

    Parameters
    ----------
    p : ndarray of float64
        As for `bonferroni`.

    Returns
    -------
    ndarray of float64
        Never above Bonferroni's, with the same guarantee.

    Notes
    -----
    Holm, Scandinavian Journal of Statistics 6, 1979: the running maximum of
    ``(m - i + 1) p(i)``.
    """
    ranked, order = _ranked(p)
    left = np.maximum(_tests(p) - np.arange(p.shape[-1]), 1.0)
    return _unranked(np.maximum.accumulate(np.minimum(ranked * left, 1.0), axis=-1), order)


def benjamini_hochberg(p: Floats) -> Floats:
    """Step up from the largest: the expected share of false findings among findings.

    Parameters
    ----------
    p : ndarray of float64
        As for `bonferroni`.

    Returns
    -------
    ndarray of float64

    Notes
    -----
    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57, 1995: the running
    minimum, from the largest, of ``m p(i) / i``. Proved for tests that are independent
    or positively dependent.
    """
    ranked, order = _ranked(p)
    scaled = np.minimum(ranked * (_tests(p) / np.arange(1, p.shape[-1] + 1)), 1.0)
    # NaN was ranked last, where the running minimum starts.
    scaled = np.where(np.isnan(scaled), np.inf, scaled)[..., ::-1]
    adjusted = np.minimum.accumulate(scaled, axis=-1)[..., ::-1]
    return _unranked(np.where(np.isnan(ranked), np.nan, adjusted), order)


def _tests(p: Floats) -> Floats:
    return np.asarray((~np.isnan(p)).sum(axis=-1, keepdims=True), np.float64)


def _ranked(p: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    order = np.argsort(p, axis=-1, kind="stable")
    return np.take_along_axis(p, order, axis=-1), order


def _unranked(ranked: Floats, order: npt.NDArray[np.intp]) -> Floats:
    out = np.empty_like(ranked)
    np.put_along_axis(out, order, ranked, axis=-1)
    return out


ADJUSTMENTS.register("bonferroni", bonferroni, ["b"])
ADJUSTMENTS.register("holm", holm, ["h"])
ADJUSTMENTS.register("bh", benjamini_hochberg, ["fdr", "fdr-bh", "benjamini-hochberg"])
