"""Every unit against every other, allowing for how many pairs there are."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.proportion import normal_quantile
from omistats.kernel.rank_sets import ordered_z, rank_sets
from omistats.kernel.ranks import rank_inputs

__all__ = ["Pairs", "pairs"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Pairs:
    """Differences of pairs of units; the pairs lie along the last axis.

    Attributes
    ----------
    first, second : ndarray of int64, shape (pairs,)
        Which units: 0 and 1, 0 and 2, and so on.
    difference, se, low, high : ndarray of float64, shape (..., pairs)
        The first less the second, its standard error and its interval, which is for this
        pair by itself.
    p_value : ndarray of float64, shape (..., pairs)
        Two-sided, of this pair by itself.
    p_adjusted : ndarray of float64, shape (..., pairs)
        The same after allowing for all pairs, as the joint ranks do.
    higher : ndarray of int8, shape (..., pairs)
        1 where the first is shown to be higher, -1 where the second is, 0 where neither.
    confidence : float
        Of each interval, and that everything in ``higher`` is right.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    difference: Floats
    se: Floats
    low: Floats
    high: Floats
    p_value: Floats
    p_adjusted: Floats
    higher: npt.NDArray[np.int8]
    confidence: float


def pairs(estimate: npt.ArrayLike, se: npt.ArrayLike, *, confidence: float = 0.95) -> Pairs:
    """Compare every unit with every other.

    Parameters
    ----------
    estimate, se : array_like of float, shape (..., units)
        Independent estimates and their standard errors. What a NaN is needed for is NaN.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Pairs
        ``units (units - 1) / 2`` of them.

    Raises
    ------
    UsageError
        When numbers are infinite, a standard error is negative, or shapes do not fit.

    Notes
    -----
    The standard error is the root of the sum of squares, for units are independent, and the
    test is normal. The adjustment is Holm's over the two one-sided hypotheses of every pair
    (see `omistats.kernel.rank_sets.rank_sets`); ``p_adjusted`` is that of the direction found.
    A pair without any error is certain: its p-value is 0, or 1 if the two are equal.
    """
    import scipy

    value, error = rank_inputs(estimate, se, confidence, "highest")
    adjusted = rank_sets(value, error, confidence=confidence).p_value
    first, second = np.triu_indices(value.shape[-1], 1)
    difference = value[..., first] - value[..., second]
    spread = np.hypot(error[..., first], error[..., second])
    reach = normal_quantile(confidence) * spread
    z = np.abs(ordered_z(difference, spread))
    up, down = adjusted[..., first, second], adjusted[..., second, first]
    level = 1 - confidence
    return Pairs(
        first,
        second,
        difference,
        spread,
        difference - reach,
        difference + reach,
        np.asarray(2 * scipy.special.ndtr(-z)),
        np.minimum(up, down),
        (up <= level).astype(np.int8) - (down <= level).astype(np.int8),
        confidence,
    )
