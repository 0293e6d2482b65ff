"""How many marks of a printed table survive the number of tests that it made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.forensics.attainable_counts import METHODS, OVERLAPPING, attainable, p_value
from omistats.kernel.checks import as_numbers
from omistats.kernel.chi_square import STARS, star_codes
from omistats.kernel.multiplicity import ADJUSTMENTS

__all__ = ["Survivors", "survivors"]


Floats = npt.NDArray[np.float64]


@attrs.frozen
class Survivors:
    """Bounds of how many tests of a printed table stay significant once adjusted.

    Attributes
    ----------
    tests : int
        Rows with two groups to compare, which are the family.
    stars : int
        How many of them are printed with a mark of significance.
    least, most : int
        Tests below the level, adjusted, over all counts that print as the percentages and
        earn the marks.
    least_by_percent, most_by_percent : int
        The same over all counts that print as the percentages, whatever the marks.
    surely : tuple of int
        Places of the rows that survive whichever of these counts they were: ``least`` of them.
    unexplained : tuple of int
        Places of rows whose mark no counts earn; they count by their percentages alone.
    adjustment : str
        How p-values were adjusted.
    level : float
        What adjusted p-values lie below.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.forensics.survivors([79, 55], [200, 80], [70, 48], [300, 250], ["*", "--"])
    >>> f"{found.stars} of {found.tests} marked; {found.least} to {found.most} survive"
    '1 of 2 marked; 0 to 1 survive'
    >>> found.surely, found.unexplained, found.adjustment, found.level
    ((), (), 'holm', 0.05)
    """

    tests: int
    stars: int
    least: int
    most: int
    least_by_percent: int
    most_by_percent: int
    surely: tuple[int, ...]
    unexplained: tuple[int, ...]
    adjustment: str
    level: float


def survivors(
    percent1: npt.ArrayLike,
    n1: npt.ArrayLike,
    percent2: npt.ArrayLike,
    n2: npt.ArrayLike,
    stars: npt.ArrayLike,
    *,
    complement: npt.ArrayLike = False,
    adjustment: str = "holm",
    level: float = 0.05,
    method: str = "pearson",
) -> Survivors:
    """Bound how many marks of a printed table survive an adjustment for many tests.

    Parameters
    ----------
    percent1, n1, percent2, n2 : array_like of int, shape (rows,)
        Percentages as printed and cases behind them, as for `attainable`; blank is NaN.
    stars : array_like of str, shape (rows,)
        The printed marks, ``--`` for none.
    complement : array_like of bool
        Whether the second group of a row is a whole that includes the first.
    adjustment : {'holm', 'bh', 'bonferroni'}
        As for `adjust`. The rows are one family.
    level : float
        What adjusted p-values must lie below, between 0 and 1.
    method : str
        The test behind the marks, as for `attainable`, but for ``overlapping``.

    Returns
    -------
    Survivors
        Bounds on the number of rows that survive.

    Raises
    ------
    UsageError
        When the level is not between 0 and 1, rows are not in one line, figures are no numbers,
        or no row has two groups to compare.
    UnknownNameError
        When a mark, the adjustment or the test is unknown.
    DataError
        When figures are out of range.

    Notes
    -----
    Adjusted p-values never fall when a p-value rises. So the fewest survive where each row has
    its greatest p-value, and the most where each has its least. A row whose answers may all be
    the same may also be no test: for the most, such rows are taken out of the family one after
    the other, from the largest p-value down, and what suits best counts, since under Benjamini
    and Hochberg's adjustment a small p-value can help others. All counts are tried, row by row.
    Rows that share no cases of one question reach their bounds together, but for the least where
    answers may all be the same; others may not, and then the truth lies within. A row whose
    answers must all be the same is in no family, and is not among ``tests``; one whose answers
    may be is.

    References
    ----------
    Manski, C. F. (2003). Partial Identification of Probability Distributions. Springer.
    doi:10.1007/b97478

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.forensics.survivors([90, 55], [100, 80], [70, 48], [300, 250], ["***", "--"])
    >>> found.least, found.most
    (1, 1)
    """
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise UsageError(f"`level` is a number between 0 and 1, found {level!r}")
    if method not in METHODS or method == OVERLAPPING:
        raise UnknownNameError("test", method, [m for m in METHODS if m != OVERLAPPING])
    adjusted = ADJUSTMENTS[adjustment]
    names = ("percent1", "n1", "percent2", "n2")
    given = (percent1, n1, percent2, n2)
    figures = [as_numbers(v, name) for v, name in zip(given, names, strict=True)]
    marks = np.asarray(stars, np.str_)
    try:
        p1, m1, p2, m2, marks, whole = np.broadcast_arrays(*figures, marks, complement)
    except ValueError as error:
        raise UsageError(f"the columns of a table: expected one line a row; {error}") from error
    if p1.ndim != 1:
        raise UsageError(f"the rows of a table are in one line, found the shape {p1.shape}")
    if not np.isin(marks, STARS).all():
        raise UnknownNameError("mark", str(marks[~np.isin(marks, STARS)][0]), STARS)
    bounds = np.full((4, p1.size), np.nan)
    # Whether a row may be no test at all: with its mark, and by its percentages.
    may_leave = np.zeros((2, p1.size), np.bool_)
    unexplained = []
    for side in (False, True):
        at = np.flatnonzero(whole.astype(np.bool_) == side)
        found = attainable(p1[at], m1[at], p2[at], m2[at], complement=side, method=method)
        for place, i in enumerate(at.tolist()):
            if not found.possible[place]:
                continue
            ends = [int(getattr(found, e)[place]) for e in ("low1", "high1", "low2", "high2")]
            listed = _p_values(ends, int(m1[i]), int(m2[i]), side, method)
            if listed is None:
                continue
            p, alike = listed
            bounds[2:, i], may_leave[1, i] = (p.min(), p.max()), alike.any()
            earned = star_codes(p) == STARS.index(str(marks[i]))
            if not earned.any():
                unexplained.append(i)
                earned[:] = True
            bounds[:2, i] = p[earned].min(), p[earned].max()
            may_leave[0, i] = alike[earned].any()
    tested = ~np.isnan(bounds[0])
    if not tested.any():
        raise UsageError("the family is empty: no row has two groups to compare")
    most, most_by_percent = (
        _most(p[tested], leave[tested], adjusted, level)
        for p, leave in zip(bounds[::2], may_leave, strict=True)
    )
    # Adjusted p-values rise with any of the p-values: what survives where all are greatest
    # survives whatever they are. A row that is no test is NaN, and in no family.
    surely, by_percent = (np.flatnonzero(adjusted(p) < level) for p in bounds[1::2])
    return Survivors(
        int(tested.sum()),
        int((marks[tested] != STARS[0]).sum()),
        surely.size,
        most,
        by_percent.size,
        most_by_percent,
        tuple(surely.tolist()),
        tuple(sorted(unexplained)),
        ADJUSTMENTS.name(adjustment),
        float(level),
    )


def _most(
    p: Floats, may_leave: npt.NDArray[np.bool_], adjusted: Callable[[Floats], Floats], level: float
) -> int:
    """Count what survives in the family that suits best, of rows that may leave it."""
    family, most = p.copy(), 0
    # Of rows that may leave, those with the largest p-values stand most in the others' way.
    for i in (None, *sorted(np.flatnonzero(may_leave), key=lambda i: -p[i])):
        if i is not None:
            family[i] = np.nan
        most = max(most, int((adjusted(family) < level).sum()))
    return most


def _p_values(
    ends: list[int], n1: int, n2: int, whole: bool, method: str
) -> tuple[Floats, npt.NDArray[np.bool_]] | None:
    """Give the p-value of every pair of counts, and which pairs are of answers all the same.

    None where all pairs are.
    """
    low1, high1, low2, high2 = ends
    grid: Any = np.meshgrid(np.arange(low1, high1 + 1), np.arange(low2, high2 + 1), indexing="ij")
    k1, k2 = (a.ravel() for a in grid)
    if whole:
        k2, n2 = k2 - k1, n2 - n1
    possible = (k2 >= 0) & (k2 <= n2)
    k1, k2 = k1[possible], k2[possible]
    total = k1 + k2
    alike = (total == 0) | (total == n1 + n2)
    if not n1 or not n2 or alike.all():
        return None
    return p_value(method, k1, n1, k2, n2), alike
