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
        Proportions, 0-1; NaN where there were no trials. Low is 0 where nothing succeeded,
        high is 1 where everything did.
    method : ndarray of str
        The interval used.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.interval([0, 9, 0], [20, 30, 0])
    >>> found.estimate.tolist(), found.high.round(3).tolist()
    ([0.0, 0.3, nan], [0.161, 0.479, nan])
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
    method : str
        ``'wilson'``, the score interval; ``'wilson-cc'``, the same with continuity
        correction; ``'clopper-pearson'``, exact; ``'mid-p'``, exact but for half of the
        chance of what was observed; ``'jeffreys'``; ``'agresti-coull'``; or ``'wald'``, the
        textbook interval, which is a poor choice. Others can be added to
        `omistats.INTERVALS`.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Interval
        Proportions, 0-1, of the broadcast shape; 0-d for scalars.

    Raises
    ------
    UsageError
        When counts are impossible or the confidence is out of range.
    UnknownNameError
        When the method is unknown.

    References
    ----------
    Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial
    proportion. Statistical Science 16, 101-133. doi:10.1214/ss/1009213286

    Newcombe, R. G. (1998). Two-sided confidence intervals for the single proportion:
    comparison of seven methods. Statistics in Medicine 17, 857-872.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.interval(81, 263)
    >>> print(f"{found.low:.4f} to {found.high:.4f}")
    0.2553 to 0.3662
    >>> exact = oms.interval([0, 1], [20, 29], method="clopper-pearson")
    >>> print(exact.high.round(4))
    [0.1684 0.1776]
    """
    check_confidence(confidence)
    name = INTERVALS.name(method)
    kk, nn = checked(k, n)
    low, high = INTERVALS[name](kk, nn, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = np.asarray(kk / nn)
    return Interval(estimate, np.asarray(low), np.asarray(high), np.full(kk.shape, name))
