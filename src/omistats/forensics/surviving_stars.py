"""Bounds on the marks of a printed table that survive adjustment for many tests."""

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
    """Bounds on the number of tests of a printed table that survive an adjustment.

    Attributes
    ----------
    tests : int
        Rows with two groups to compare: the family.
    stars : int
        Rows of the family that are printed as significant.
    least, most : int
        Fewest and most tests with an adjusted p-value below the level, over all counts that
        print as the percentages and earn the marks.
    least_by_percent, most_by_percent : int
        The same over all counts that print as the percentages, whatever their marks.
    surely : tuple of int
        Places of the ``least`` rows that survive with any of these counts.
    unexplained : tuple of int
        Places of the rows whose mark no counts earn; only their percentages are used.
    adjustment : str
        The adjustment.
    level : float
        Significance level of adjusted p-values.

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
        Percentages as printed and the number of cases behind each, as for `attainable`; NaN
        for a blank.
    stars : array_like of str, shape (rows,)
        The printed marks, ``--`` for none.
    complement : array_like of bool
        Whether the second group of a row is all cases, including the first group.
    adjustment : {'holm', 'bh', 'bonferroni'}
        Adjustment, as for `adjust`. All rows are one family.
    level : float
        Significance level of adjusted p-values, between 0 and 1.
    method : str
        The test behind the marks, as for `attainable`, except ``overlapping``.

    Returns
    -------
    Survivors
        Bounds on the number of rows that survive.

    Raises
    ------
    UsageError
        When the level is not between 0 and 1, columns are not one-dimensional, figures are not
        numbers, or no row has two groups to compare.
    UnknownNameError
        When a mark, the adjustment or the test is unknown.
    DataError
        When figures are out of range.

    Notes
    -----
    All counts are tried, row by row. Adjusted p-values never fall when a p-value rises, so the
    fewest rows survive if each has its greatest p-value, and the most if each has its least.

    A row whose answers are all the same is no test. If they must be, the row is not in the
    family and not among ``tests``. If they may be, it is; for ``most`` such rows are dropped
    from the family one after the other, from the largest p-value down, and the best result is
    taken, because under Benjamini and Hochberg's adjustment a small p-value can help others.

    The bounds can be reached if rows share no cases of one question, except the lower bound if
    answers of a row may all be the same. Otherwise the truth lies within the bounds.

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
        raise UsageError(f"`level` must be between 0 and 1; found {level!r}")
    if method not in METHODS or method == OVERLAPPING:
        raise UnknownNameError("test", method, [m for m in METHODS if m != OVERLAPPING])
    adjust = ADJUSTMENTS[adjustment]
    names = ("percent1", "n1", "percent2", "n2")
    given = (percent1, n1, percent2, n2)
    figures = [as_numbers(v, name) for v, name in zip(given, names, strict=True)]
    marks = np.asarray(stars, np.str_)
    try:
        p1, m1, p2, m2, marks, in_all = np.broadcast_arrays(*figures, marks, complement)
    except ValueError as error:
        shapes = ", ".join(str(np.shape(a)) for a in (*figures, marks, complement))
        raise UsageError(
            f"the columns of a table have one entry a row; found shapes {shapes}. Pass columns "
            "of one length"
        ) from error
    if p1.ndim != 1:
        raise UsageError(
            f"the columns of a table are one-dimensional; found the shape {p1.shape}; pass one "
            "entry a row"
        )
    if not np.isin(marks, STARS).all():
        raise UnknownNameError("mark", str(marks[~np.isin(marks, STARS)][0]), STARS)
    # Least and greatest p-value: given the mark, then by the percentages alone.
    bounds = np.full((4, p1.size), np.nan)
    # Whether all answers of a row may be the same: given the mark, then by the percentages alone.
    may_be_alike = np.zeros((2, p1.size), np.bool_)
    unexplained = []
    for is_complement in (False, True):
        at = np.flatnonzero(in_all.astype(np.bool_) == is_complement)
        found = attainable(p1[at], m1[at], p2[at], m2[at], complement=is_complement, method=method)
        for place, i in enumerate(at.tolist()):
            if not found.possible[place]:
                continue
            ends = [int(getattr(found, e)[place]) for e in ("low1", "high1", "low2", "high2")]
            tests = _p_values(ends, int(m1[i]), int(m2[i]), is_complement, method)
            if tests is None:
                continue
            p, alike = tests
            bounds[2:, i], may_be_alike[1, i] = (p.min(), p.max()), alike.any()
            earned = star_codes(p) == STARS.index(str(marks[i]))
            if not earned.any():
                unexplained.append(i)
                earned[:] = True
            bounds[:2, i] = p[earned].min(), p[earned].max()
            may_be_alike[0, i] = alike[earned].any()
    tested = ~np.isnan(bounds[0])
    if not tested.any():
        raise UsageError(
            "the family is empty: no row has two groups to compare; check sizes and percentages"
        )
    most, most_by_percent = (
        _most_survivors(p[tested], alike[tested], adjust, level)
        for p, alike in zip(bounds[::2], may_be_alike, strict=True)
    )
    # A row that survives with the greatest p-values survives with any. Rows without a test are
    # NaN, which adjustments ignore.
    surely, by_percent = (np.flatnonzero(adjust(p) < level) for p in bounds[1::2])
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


def _most_survivors(
    p: Floats, may_be_alike: npt.NDArray[np.bool_], adjust: Callable[[Floats], Floats], level: float
) -> int:
    """Count the survivors of the best family: rows that may be alike can be dropped from it."""
    family, most = p.copy(), 0
    # Dropping the largest p-values first helps the others most.
    for i in (None, *sorted(np.flatnonzero(may_be_alike), key=lambda i: -p[i])):
        if i is not None:
            family[i] = np.nan
        most = max(most, int((adjust(family) < level).sum()))
    return most


def _p_values(
    ends: list[int], n1: int, n2: int, complement: bool, method: str
) -> tuple[Floats, npt.NDArray[np.bool_]] | None:
    """Return the p-value of every pair of counts, and whether all its answers are the same.

    None if all answers of every pair are the same, or a group is empty.
    """
    low1, high1, low2, high2 = ends
    grid: Any = np.meshgrid(np.arange(low1, high1 + 1), np.arange(low2, high2 + 1), indexing="ij")
    k1, k2 = (a.ravel() for a in grid)
    if complement:
        k2, n2 = k2 - k1, n2 - n1
    possible = (k2 >= 0) & (k2 <= n2)
    k1, k2 = k1[possible], k2[possible]
    total = k1 + k2
    alike = (total == 0) | (total == n1 + n2)
    if not n1 or not n2 or alike.all():
        return None
    return p_value(method, k1, n1, k2, n2), alike
