"""Bounds on the difference between two groups whose percentages are printed."""

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
    """Bounds on the difference behind two printed percentages, element by element.

    Attributes
    ----------
    least, most : ndarray of float64
        Smallest and largest difference of two proportions, the first less the second, over all
        pairs of counts that print as the percentages. NaN if there is no pair: a figure is
        blank, no count prints as it (see `attainable`), or no case is outside the subset.
    low, high : ndarray of float64
        Lowest lower limit and highest upper limit of the intervals of all pairs.
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
    """Bound a difference and its interval, given two printed percentages.

    Parameters
    ----------
    percent1, n1, percent2, n2 : array_like of int
        Percentages as printed (whole numbers 0-100, rounded half up, NaN or null for a blank)
        and the number of cases behind each. All broadcast together.
    complement : bool
        Whether the second group is all cases, including the first group. The difference is
        then between the first group and the others.
    unclassified : array_like of int
        With `complement`, number of cases on neither side of the comparison.
    method : str
        The interval, as for `omistats.stats.difference`.
    confidence : float
        Confidence of the interval, between 0 and 1.

    Returns
    -------
    DifferenceBehind
        Arrays of the broadcast shape; differences are of proportions, -1 to 1.

    Raises
    ------
    DataError
        When figures are out of range or not whole; every argument at fault is listed.
    UnknownNameError
        When the interval is unknown.
    UsageError
        When arguments do not fit together, or there are too many counts to try.

    Notes
    -----
    All pairs are tried, as in `attainable`; the search does not assume monotonicity.

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
    bounds = np.full((4, pairs.size.size), np.nan)
    for at, *counts in pairs.blocks():
        k1, m1, k2, m2 = (c.astype(np.float64) for c in counts)
        estimate, low, high = interval(k1, m1, k2, m2, confidence)
        figures = (estimate, estimate, low, high)
        for row, values, extreme in zip(
            bounds, figures, (np.fmin, np.fmax, np.fmin, np.fmax), strict=True
        ):
            extreme.at(row, at, values)
    least, most, low, high = (row.reshape(pairs.shape) for row in bounds)
    return DifferenceBehind(least, most, low, high, np.full(pairs.shape, name))
