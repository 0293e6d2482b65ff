"""How far apart the weighted proportions of two groups are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from omistats.kernel.limits import limits
from omistats.kernel.survey_cells import WeightedCells

__all__ = ["EFFECTS"]

Floats = npt.NDArray[np.float64]
Effect = tuple[Floats, Floats, Floats]


def _difference(cells: WeightedCells, confidence: float) -> Effect:
    p = cells.percent / 100
    estimate = p[0] - p[1]
    # A group whose answers are all alike has a standard error of 0 by the formula, which is no
    # measure of what is not known of it.
    se = np.where(np.isnan(_inside(p)).any(axis=0), np.nan, _se(cells, np.ones_like(p)))
    low, high = limits(estimate, se, confidence=confidence, df=cells.df)
    return estimate, np.maximum(low, -1.0), np.minimum(high, 1.0)


def _risk_ratio(cells: WeightedCells, confidence: float) -> Effect:
    p = cells.percent / 100
    return _exponential(cells, p, 1.0 / _inside(p), confidence)


def _odds_ratio(cells: WeightedCells, confidence: float) -> Effect:
    p = cells.percent / 100
    q = _inside(p)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = p / (1 - p)
    return _exponential(cells, odds, 1.0 / (q * (1 - q)), confidence)


def _inside(p: Floats) -> Floats:
    """Leave out 0 and 1, of which no standard error is known."""
    return np.where((p > 0) & (p < 1), p, np.nan)


def _exponential(cells: WeightedCells, value: Floats, slope: Floats, confidence: float) -> Effect:
    """Take a ratio and its limits, which are symmetric about its logarithm."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = value[0] / value[1]
        centre = np.where(np.isnan(slope).any(axis=0), np.nan, np.log(ratio))
    se = _se(cells, slope)
    low, high = limits(centre, se, confidence=confidence, df=cells.df)
    return ratio, np.exp(low), np.exp(high)


def _se(cells: WeightedCells, slope: Floats) -> Floats:
    """Give the standard error of the difference of a function of two proportions.

    ``slope`` is the function's derivative, shape (2, questions).
    """
    p = cells.percent / 100
    with np.errstate(invalid="ignore", divide="ignore"):
        of_sufficient, of_others = slope * (1 - p) / cells.total, -slope * p / cells.total
    none = np.isnan(of_sufficient) | ~np.isfinite(of_others)
    v = cells.covariance(np.where(none, 0.0, of_sufficient), np.where(none, 0.0, of_others))
    variance = v[:, 0, 0] + v[:, 1, 1] - 2 * v[:, 0, 1]
    lost = none.any(axis=0)
    return np.where(lost, np.nan, np.sqrt(np.maximum(variance, 0.0)))


EFFECTS: dict[str, Callable[[WeightedCells, float], Effect]] = {
    "difference": _difference,
    "risk_ratio": _risk_ratio,
    "odds_ratio": _odds_ratio,
}
"""Estimates and limits of effects, shape (questions,) each, t with the design's df.

Limits are NaN where a group's answers are all alike."""
