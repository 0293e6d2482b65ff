"""How far apart two groups can be whose percentages are printed."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.forensics.attainable_counts import pairs_behind
from omistats.kernel.checks import check_confidence
from omistats.kernel.effects import DIFFERENCES

__all__ = ["DifferenceBehind", "difference_behind"]


Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@attrs.frozen(eq=False)
class DifferenceBehind:
    """What two printed percentages say of a difference, element by element.

    Attributes
    ----------
    least, most : ndarray of float64
        The smallest and the largest difference of two proportions, the first less the second,
        over all pairs of counts that print as the percentages. NaN where there is none: a figure
        is blank, no count prints as it (`attainable` says which rows those are), or a subset
        leaves nobody to be compared with.
    low, high : ndarray of float64
        The lowest lower limit and the highest upper limit of their intervals: whichever counts
        they were, the interval lies within.
    method : ndarray of str
        The interval used.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.forensics.difference_behind(
    ...     [58, 58], [171, 171], [67, float("nan")], [1266, 1266]
    ... )
    >>> found.least.round(3).tolist(), found.most.round(3).tolist()
    ([-0.096, nan], [-0.08, nan])
    >>> found.low.round(3).tolist(), found.high.round(3).tolist()
    ([-0.175, nan], [-0.004, nan])
    """

    least: Floats
    most: Floats
    low: Floats
    high: Floats
    method: npt.NDArray[np.str_]


def difference_behind(
    percent1: npt.ArrayLike,
    n1: npt.ArrayLike,
    percent2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    complement: bool = False,
    unclassified: npt.ArrayLike = 0,
    method: str = "newcombe",
    confidence: float = 0.95,
) -> DifferenceBehind:
    """Bound a difference, and its interval, by two printed percentages.

    Parameters
    ----------
    percent1, n1, percent2, n2 : array_like of int
        Percentages as printed, whole numbers 0-100 rounded half up, NaN or null for a blank;
        and the cases behind each. All broadcast together.
    complement : bool
        Whether the second group is a whole that includes the first. The difference is then
        from all the others, whose counts follow.
    unclassified : array_like of int
        With `complement`, cases of the whole that are on neither side.
    method : str
        The interval, as for `omistats.stats.difference`.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    DifferenceBehind
        Arrays of the broadcast shape; differences are of proportions, -1 to 1.

    Raises
    ------
    DataError
        When figures are out of range or not whole; every argument at fault is listed.
    UnknownNameError
        When there is no such interval.
    UsageError
        When arguments do not fit together, or there are too many counts to try.

    Notes
    -----
    All pairs are tried, as in `attainable`; nothing is taken to be monotonic.

    Examples
    --------
    A table prints 58% of 171 cases beside 67% of 1,266:

    >>> import omistats as oms
    >>> found = oms.forensics.difference_behind(58, 171, 67, 1266)
    >>> print(f"{100 * found.least:.1f} to {100 * found.most:.1f}")
    -9.6 to -8.0
    >>> print(f"{100 * found.low:.1f} to {100 * found.high:.1f}")
    -17.5 to -0.4
    """
    name = DIFFERENCES.name(method)
    check_confidence(confidence)
    interval = DIFFERENCES[name]
    pairs = pairs_behind(
        percent1, n1, percent2, n2, complement=complement, unclassified=unclassified
    )
    bounds = np.full((4, pairs.many.size), np.nan)
    for at, *counts in pairs.blocks():
        k1, m1, k2, m2 = (c.astype(np.float64) for c in counts)
        apart, low, high = interval(k1, m1, k2, m2, confidence)
        for row, values, keep in zip(
            bounds, (apart, apart, low, high), (np.fmin, np.fmax, np.fmin, np.fmax), strict=True
        ):
            keep.at(row, at, values)
    least, most, low, high = (row.reshape(pairs.shape) for row in bounds)
    return DifferenceBehind(least, most, low, high, np.full(pairs.shape, name))
