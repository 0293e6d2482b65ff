"""Bounds on the difference between two groups whose percentages are printed."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.forensics.attainable_counts import pairs_behind
from omistats.forensics.printed_figures import (
    NOT_TESTABLE,
    PrintedPair,
    counts_up_to,
    read_pair,
)
from omistats.kernel.checks import check_confidence
from omistats.kernel.effects import DIFFERENCES
from omistats.kernel.rounding import last_digits

__all__ = ["DifferenceBehind", "difference_behind"]


Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_NO_INTERVAL = "no interval: the numbers of cases are upper bounds"


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
        NaN also where the numbers of cases are upper bounds or the table is weighted.
    method : ndarray of str
        The interval used.
    rounding : str
        How percentages are rounded, as given or inferred.
    decimals : int
        Number of decimals printed.
    reason : ndarray of str
        Why there is no interval, where numbers of cases are upper bounds or the table is weighted;
        otherwise empty.

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
    >>> found.rounding, found.decimals, found.reason.tolist()
    ('half-up', 0, ['', ''])
    """

    least: Floats
    most: Floats
    low: Floats
    high: Floats
    method: npt.NDArray[np.str_]
    rounding: str
    decimals: int
    reason: npt.NDArray[np.str_]


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
    rounding: str | None = None,
    decimals: int | None = None,
    n_at_most: npt.ArrayLike = False,
    weighted: bool = False,
) -> DifferenceBehind:
    """Bound a difference and its interval, given two printed percentages.

    Parameters
    ----------
    percent1, n1, percent2, n2 : array_like
        Percentages as printed (0-100, numbers or text, NaN or null for a blank) and the number
        of cases behind each. All broadcast together.
    complement : bool
        Whether the second group is all cases, including the first group. The difference is
        then between the first group and the others.
    unclassified : array_like of int
        With `complement`, number of cases on neither side of the comparison.
    method : str
        The interval, as for `omistats.stats.difference`.
    confidence : float
        Confidence of the interval, between 0 and 1.
    rounding : str, optional
        How percentages are rounded, as for `attainable`; by default inferred.
    decimals : int, optional
        Number of decimals printed; by default the most that any percentage has.
    n_at_most : array_like of bool, optional
        Whether the numbers of cases of a row are only upper bounds. Then the difference is
        bounded, and there is no interval. Not with `complement`.
    weighted : bool, optional
        Whether the percentages are weighted. Then the difference is that of the weighted
        proportions, bounded by rounding alone, and there is no interval; with `complement`
        there is no difference either.

    Returns
    -------
    DifferenceBehind
        Arrays of the broadcast shape; differences are of proportions, -1 to 1.

    Raises
    ------
    DataError
        When figures are out of range, cases are not whole, or percentages have too many
        decimals; every argument at fault is listed.
    UnknownNameError
        When the interval or the rounding is unknown.
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

    With one decimal printed the bounds are narrower:

    >>> found = oms.forensics.difference_behind(57.9, 171, 66.9, 1266)
    >>> print(f"{100 * found.least:.1f} to {100 * found.most:.1f}")
    -9.0 to -9.0
    """
    name = DIFFERENCES.name(method)
    check_confidence(confidence)
    interval = DIFFERENCES[name]
    figures = read_pair(
        percent1,
        n1,
        percent2,
        n2,
        complement=complement,
        unclassified=unclassified,
        rounding=rounding,
        decimals=decimals,
        n_at_most=n_at_most,
        weighted=weighted,
    )
    pairs = pairs_behind(figures, complement=complement)
    bounds = np.full((4, pairs.size.size), np.nan)
    for at, *counts in pairs.blocks():
        k1, m1, k2, m2 = (c.astype(np.float64) for c in counts)
        estimate, low, high = interval(k1, m1, k2, m2, confidence)
        ends = (estimate, estimate, low, high)
        for row, values, extreme in zip(
            bounds, ends, (np.fmin, np.fmax, np.fmin, np.fmax), strict=True
        ):
            extreme.at(row, at, values)
    least, most, low, high = (row.reshape(pairs.shape) for row in bounds)
    reason = np.full(pairs.shape, "")
    if figures.weighted:
        reason = np.full(pairs.shape, NOT_TESTABLE)
        if not complement:
            least, most = _by_rounding_alone(figures)
    elif figures.n_at_most.any():
        _bound_with_fewer_cases(figures, least, most)
        reason = np.where(figures.n_at_most, _NO_INTERVAL, "")
    return DifferenceBehind(
        least,
        most,
        low,
        high,
        np.full(pairs.shape, name),
        figures.rounding,
        figures.decimals,
        reason,
    )


def _by_rounding_alone(figures: PrintedPair) -> tuple[Floats, Floats]:
    """Bound differences of weighted proportions: a proportion is anything that prints so."""
    down = 0.0 if figures.rounding == "truncate" else 0.5
    up = 1.0 if figures.rounding in ("truncate", "either") else 0.5
    ends = []
    for percent, n in ((figures.percent1, figures.n1), (figures.percent2, figures.n2)):
        units = np.where(n > 0, last_digits(percent, figures.decimals), np.nan)
        whole = 100.0 * 10**figures.decimals
        ends.append([np.clip((units + d) / whole, 0.0, 1.0) for d in (-down, up)])
    (low1, high1), (low2, high2) = ends
    return low1 - high2, high1 - low2


def _bound_with_fewer_cases(figures: PrintedPair, least: Floats, most: Floats) -> None:
    """Fill in bounds of the rows whose numbers of cases are upper bounds."""
    sides = ((figures.percent1, figures.n1), (figures.percent2, figures.n2))
    for at in map(tuple, np.argwhere(figures.n_at_most & ~figures.is_blank).tolist()):
        groups = [
            counts_up_to(float(p[at]), int(n[at]), figures.rounding, figures.decimals)
            for p, n in sides
        ]
        if all(n.size for n, _, _ in groups):
            (low1, high1), (low2, high2) = (((a / n).min(), (b / n).max()) for n, a, b in groups)
            least[at], most[at] = low1 - high2, high1 - low2
