"""Intervals for the difference between two proportions, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from omistats.kernel.methods import Methods
from omistats.kernel.proportion import normal_quantile, wilson
from omistats.kernel.roots import root
from omistats.kernel.score_difference import score_z

__all__ = ["DIFFERENCES", "agresti_caffo", "miettinen_nurminen", "newcombe", "wald"]

Floats = npt.NDArray[np.float64]
Effects = tuple[Floats, Floats, Floats]

DIFFERENCES: Methods[Callable[[Floats, Floats, Floats, Floats, float], Effects]] = Methods(
    "difference", "f(k1, n1, k2, n2, confidence) -> (estimate, low, high)", outputs=3
)
"""Intervals for the difference between two proportions."""


def newcombe(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
    """Give Newcombe's hybrid score interval, his method 10.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two separate groups.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        The first proportion less the second; NaN where a group has no trials.

    Notes
    -----
    The distances from each proportion to the ends of its Wilson interval, those on the side
    that pulls the difference down and those on the other, are added as standard errors are.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent
    proportions: comparison of eleven methods. Statistics in Medicine 17, 873-890.
    """
    p1, p2, difference = _shares(k1, n1, k2, n2)
    low1, high1 = wilson(k1, n1, confidence)
    low2, high2 = wilson(k2, n2, confidence)
    return _possible(
        difference,
        difference - np.hypot(p1 - low1, high2 - p2),
        difference + np.hypot(high1 - p1, p2 - low2),
    )


def miettinen_nurminen(
    k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float
) -> Effects:
    """Give all differences that the score test of Miettinen and Nurminen does not reject.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two separate groups.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        The first proportion less the second; NaN where a group has no trials.

    References
    ----------
    Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
    Medicine 4, 213-226. doi:10.1002/sim.4780040211
    """
    _, _, difference = _shares(k1, n1, k2, n2)
    z = normal_quantile(confidence)
    counts = k1, n1, k2, n2
    low = root(lambda d, a, m, b, n: score_z(a, m, b, n, d) - z, -1.0, difference, *counts)
    high = root(lambda d, a, m, b, n: score_z(a, m, b, n, d) + z, difference, 1.0, *counts)
    return _possible(difference, low, high)


def agresti_caffo(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
    """Give the textbook interval after a success and a failure were added to both groups.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two separate groups.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        The estimate is of the counts as they are, so it is not midway; NaN where a group
        has no trials.

    References
    ----------
    Agresti, A. and Caffo, B. (2000). Simple and effective confidence intervals for
    proportions and differences of proportions result from adding two successes and two
    failures. American Statistician 54, 280-288. doi:10.1080/00031305.2000.10474560
    """
    _, _, difference = _shares(k1, n1, k2, n2)
    _, low, high = wald(k1 + 1, n1 + 2, k2 + 1, n2 + 2, confidence)
    known = ~np.isnan(difference)
    return difference, np.where(known, low, np.nan), np.where(known, high, np.nan)


def wald(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
    """Give the textbook interval: a poor choice, for comparison only.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two separate groups.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        The first proportion less the second; NaN where a group has no trials, and without
        width where in both groups all or none succeeded.
    """
    p1, p2, difference = _shares(k1, n1, k2, n2)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = normal_quantile(confidence) * np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return _possible(difference, difference - half, difference + half)


def _shares(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> tuple[Floats, Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p2 = np.asarray(k1 / n1), np.asarray(k2 / n2)
    return p1, p2, p1 - p2


def _possible(difference: Floats, low: Floats, high: Floats) -> Effects:
    return difference, np.maximum(low, -1.0), np.minimum(high, 1.0)


DIFFERENCES.register("newcombe", newcombe, ["newcomb", "newcombe-wilson", "wilson"])
DIFFERENCES.register("miettinen-nurminen", miettinen_nurminen, ["mn", "score"])
DIFFERENCES.register("agresti-caffo", agresti_caffo, ["ac"])
DIFFERENCES.register("wald", wald)
