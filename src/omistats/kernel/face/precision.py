"""Before any case is read: how many make a percentage as precise as wanted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.counts import LARGEST
from omistats.kernel.face.shares import broadcast, shares, sizes
from omistats.kernel.intervals import INTERVALS
from omistats.kernel.options import check_confidence
from omistats.kernel.precision import size_for_wald, size_for_wilson, with_population

__all__ = ["sample_for_precision"]

Floats = npt.NDArray[np.float64]

_WIDTHS = {"wilson": size_for_wilson, "wald": size_for_wald}


def sample_for_precision(
    half_width: npt.ArrayLike,
    *,
    p: npt.ArrayLike = 0.5,
    confidence: float = 0.95,
    population: npt.ArrayLike | None = None,
    method: str = "wilson",
) -> Floats:
    """Give the smallest sample whose interval for a proportion is as narrow as wanted.

    Parameters
    ----------
    half_width : array_like of float
        Half the width of the interval, as a proportion: 0.05 is five points either way.
    p : array_like of float
        The proportion expected, 0-1. A half is the safe choice: nothing takes more cases.
    confidence : float
        Between 0 and 1.
    population : array_like of int, optional
        Cases that there are, where the sample is a good part of them: the finite population
        correction is made. Without it there is no end of cases.
    method : {'wilson', 'wald'}
        The interval. Wald's is the formula of most textbooks.

    Returns
    -------
    ndarray of float64
        Whole numbers of cases; NaN where a parameter is NaN.

    Raises
    ------
    UsageError
        When a width, a proportion, the confidence or a population is out of range, a width
        takes more than 2**53 cases, or the method is an interval of another kind.
    UnknownNameError
        When the method is unknown.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd edition. Wiley. Section 4.4.

    Examples
    --------
    >>> import omistats as oms
    >>> print(oms.sample_for_precision([0.05, 0.1], method="wald"))
    [385.  97.]
    >>> print(oms.sample_for_precision(0.05, population=1000))
    276.0
    """
    check_confidence(confidence)
    name = INTERVALS.name(method)
    if name not in _WIDTHS:
        raise UsageError(
            f"the width of a {name!r} interval has no formula; choose from {', '.join(_WIDTHS)}"
        )
    there = np.asarray(np.inf) if population is None else sizes(population, "population")
    if (there < 1).any():
        raise UsageError("population: expected one case or more, found 0")
    h, share, there = broadcast(
        "half_width, p and population",
        shares(half_width, "half_width", below=0.5, ends=False),
        shares(p, "p"),
        there,
    )
    found = with_population(_WIDTHS[name](h, share, confidence), there)
    if (found > LARGEST).any():
        smallest = float(h[found > LARGEST].min())
        raise UsageError(
            f"half_width: {smallest:g} takes more than 2**53 cases; name a wider interval, or the "
            "population that there is"
        )
    return found
