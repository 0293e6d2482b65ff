"""Groups compared with each other: differences and tests of their scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.linear import Ratios
from omistats.kernel.wald import difference, tested

__all__ = ["Tests", "compare_groups"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@attrs.frozen(eq=False)
class Tests:
    """Comparisons, each array of shape (units, items, comparisons + 1).

    The last is for scores that are compared with nothing.

    Attributes
    ----------
    statistic, df, df2, p_value : ndarray of float64
        NaN where nothing could be tested; ``df2`` also where the test is chi-square.
    stars : ndarray of int8
        Codes of the printed marks, -1 for none.
    difference, low, high : ndarray of float64
        NaN unless two groups are compared.
    several, unknown : ndarray of bool
        Whether two groups or more have a score; whether one with a score has no spread known.
    """

    statistic: Floats
    df: Floats
    df2: Floats
    p_value: Floats
    stars: npt.NDArray[np.int8]
    difference: Floats
    low: Floats
    high: Floats
    several: Flags
    unknown: Flags


def compare_groups(
    found: Ratios,
    compared: Sequence[npt.NDArray[np.intp]],
    covariance: Callable[[npt.NDArray[np.intp]], Floats],
    confidence: float,
    df: Floats | None,
) -> Tests:
    """Compare groups by Wald's test; all comparisons of equally many groups at once.

    Parameters
    ----------
    found : Ratios
        Shape (units, items, domains).
    compared : sequence of ndarray of int
        The domains of each comparison.
    covariance : callable
        Gives covariances (units, items, comparisons, groups, groups) of the comparisons whose
        domains it gets, shape (comparisons, groups).
    confidence : float
        Of the intervals of differences.
    df : ndarray of float64, shape (units, 1, 1), or None
        Degrees of freedom of the design.
    """
    shape = (*found.se.shape[:2], len(compared) + 1)

    def empty(value: Any, kind: Any = np.float64) -> npt.NDArray[Any]:
        return np.full(shape, value, kind)

    figures = {name: empty(np.nan) for name in ("statistic", "df", "df2", "p_value")}
    apart = {name: empty(np.nan) for name in ("difference", "low", "high")}
    stars, several, unknown = empty(-1, np.int8), empty(False, np.bool_), empty(False, np.bool_)
    for width in {len(own) for own in compared}:
        at = [i for i, own in enumerate(compared) if len(own) == width]
        groups = np.array([compared[i] for i in at])
        estimate, v = found.estimate[..., groups], covariance(groups)
        test = tested(estimate, v, df)
        for name in ("statistic", "df", "p_value"):
            figures[name][..., at] = getattr(test, name)
        if df is not None:
            figures["df2"][..., at] = np.where(np.isnan(test.p_value), np.nan, df)
        stars[..., at] = test.stars
        some = ~np.isnan(estimate)
        several[..., at] = some.sum(axis=-1) > 1
        unknown[..., at] = (some & np.isnan(found.se[..., groups])).any(axis=-1)
        if width == 2:
            between = difference(estimate, v, confidence=confidence, df=df)
            apart["difference"][..., at] = between.estimate
            apart["low"][..., at], apart["high"][..., at] = between.low, between.high
    return Tests(**figures, stars=stars, **apart, several=several, unknown=unknown)
