"""One proportion and how sure we are of it."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.counts import checked
from omistats.kernel.intervals import INTERVALS
from omistats.kernel.options import check_confidence

__all__ = ["Interval", "interval"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Interval:
    """Estimates with their intervals, element by element.

    Attributes
    ----------
    estimate, low, high : ndarray of float64
        Proportions, 0-1; NaN where there were no trials.
    method : ndarray of str
        The interval used.
    """

    estimate: Floats
    low: Floats
    high: Floats
    method: npt.NDArray[np.str_]


def interval(
    k: npt.ArrayLike, n: npt.ArrayLike, method: str = "wilson", confidence: float = 0.95
) -> Interval:
    """Give an interval for a proportion.

    Parameters
    ----------
    k, n : array_like of int
        Successes and trials, broadcast together; NaN gives NaN.
    method : {'wilson'}
        Wilson's score interval.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Interval
        Of the broadcast shape; 0-d for scalars.

    Raises
    ------
    UsageError
        When counts are impossible or the confidence is out of range.
    UnknownNameError
        When the method is unknown.

    Examples
    --------
    >>> found = interval(81, 263)
    >>> print(f"{found.low:.4f} to {found.high:.4f}")
    0.2553 to 0.3662
    """
    check_confidence(confidence)
    name = INTERVALS.name(method)
    kk, nn = checked(k, n)
    low, high = INTERVALS[name](kk, nn, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = np.asarray(kk / nn)
    return Interval(estimate, low, high, np.full(kk.shape, name))
