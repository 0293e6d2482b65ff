"""How many cases an interval of a wanted width takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.kernel.counts import LARGEST
from omistats.kernel.proportion import normal_quantile

__all__ = ["size_for_wald", "size_for_wilson", "with_population"]

Floats = npt.NDArray[np.float64]


def size_for_wald(half_width: Floats, p: Floats, confidence: float) -> Floats:
    """Give the size at which Wald's interval has a half width.

    Parameters
    ----------
    half_width, p : ndarray of float64
        Half the width of the interval, and the proportion it is around.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    ndarray of float64
        Not rounded.
    """
    z = normal_quantile(confidence)
    with np.errstate(over="ignore", invalid="ignore"):
        out: Floats = p * (1 - p) * (z / half_width) ** 2
    return np.where(np.isnan(half_width), np.nan, np.where(p * (1 - p) == 0, 0.0, out))


def size_for_wilson(half_width: Floats, p: Floats, confidence: float) -> Floats:
    """Give the size at which Wilson's interval has a half width; see `size_for_wald`.

    Notes
    -----
    With ``x = z^2 / n`` the square of the half width ``h`` is
    ``(p (1 - p) x + x^2 / 4) / (1 + x)^2``, a quadratic in ``x`` with one positive root for
    ``h`` below a half.
    """
    z = normal_quantile(confidence)
    h2 = half_width * half_width
    b = p * (1 - p) - 2 * h2
    root: Any = np.sqrt(b * b + h2 * (1 - 4 * h2))
    # n = z^2 / x; of the two forms of a root, the one without a difference of near equals.
    # Squares of widths that are too small for any sample are 0.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        out: Floats = z * z * np.where(b > 0, (b + root) / (2 * h2), (0.5 - 2 * h2) / (root - b))
    return out


def with_population(n: Floats, population: Floats) -> Floats:
    """Reduce a size for a population that is not without end, and round up.

    Parameters
    ----------
    n : ndarray of float64
        The size for a population without end.
    population : ndarray of float64
        Cases that there are; infinite for no correction.

    Returns
    -------
    ndarray of float64
        Whole numbers, 1 or more, never above the population.

    Notes
    -----
    A sample of ``n`` out of ``N`` is as precise as ``n (N - 1) / (N - n)`` out of a population
    without end.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.where(np.isinf(population), n, n * population / (population - 1 + n))
        # The same, where a size may be without bound.
        of_many = population / ((population - 1) / n + 1)
    finite = np.where((n > LARGEST) & np.isfinite(population), of_many, finite)
    return np.asarray(np.maximum(np.ceil(finite), 1.0))
