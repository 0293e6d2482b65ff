"""Bounds on the marks of a printed table that survive adjustment for many tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from omistats._series import check_same_index
from omistats.errors import UnknownNameError, UsageError
from omistats.forensics.attainable_counts import METHODS, OVERLAPPING, attainable, p_value
from omistats.forensics.printed_figures import NOT_TESTABLE, PrintedPair, read_pair
from omistats.kernel.checks import as_numbers
from omistats.kernel.chi_square import LEVELS, STARS, star_codes
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
    rounding : str
        How percentages are rounded, as given or inferred.
    decimals : int
        Number of decimals printed.
    reason : str
        Why percentages say nothing about p-values; empty if they do.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.forensics.survivors([79, 55], [200, 80], [70, 48], [300, 250], ["*", "--"])
    >>> f"{found.stars} of {found.tests} marked; {found.least} to {found.most} survive"
    '1 of 2 marked; 0 to 1 survive'
    >>> found.surely, found.unexplained, found.adjustment, found.level
    ((), (), 'holm', 0.05)
    >>> found.rounding, found.decimals, found.reason
    ('half-up', 0, '')
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
    rounding: str
    decimals: int
    reason: str


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
    rounding: str | None = None,
    decimals: int | None = None,
    n_at_most: npt.ArrayLike = False,
    weighted: bool = False,
) -> Survivors:
    """Bound how many marks of a printed table survive an adjustment for many tests.

    Parameters
    ----------
    percent1, n1, percent2, n2 : array_like of float, shape (rows,)
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
    rounding : str, optional
        How percentages are rounded, as for `attainable`; by default inferred from all rows.
    decimals : int, optional
        Number of decimals printed; by default the most that any percentage has.
    n_at_most : array_like of bool, optional
        Whether the numbers of cases of a row are only upper bounds. Not in rows with
        `complement`.
    weighted : bool, optional
        Whether the percentages are weighted. Then only the marks bound the p-values.

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
        When a mark, the adjustment, the test or the rounding is unknown.
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
    answers of a row may all be the same. Otherwise the truth lies within the bounds. So it does
    where numbers of cases are upper bounds or the table is weighted: there every p-value between
    a row's least and greatest counts as possible.

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

    In a weighted table the marks alone bound the p-values:

    >>> figures = [70, 60, 55], [90, 80, 85], [50, 40, 52], [90, 95, 80]
    >>> found = oms.forensics.survivors(*figures, ["***", "***", "--"], weighted=True)
    >>> found.least, found.most, found.reason
    (2, 2, 'not testable from counts: weighted')
    """
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise UsageError(f"`level` must be between 0 and 1; found {level!r}")
    if method not in METHODS or method == OVERLAPPING:
        raise UnknownNameError("test", method, [m for m in METHODS if m != OVERLAPPING])
    adjust = ADJUSTMENTS[adjustment]
    names = ("percent1", "n1", "percent2", "n2")
    given = (percent1, n1, percent2, n2)
    check_same_index(
        **dict(zip(names, given, strict=True)),
        stars=stars,
        complement=complement,
        n_at_most=n_at_most,
    )
    figures = [as_numbers(v, name) for v, name in zip(given, names, strict=True)]
    marks = np.asarray(stars, np.str_)
    try:
        p1, m1, p2, m2, marks, in_all, at_most = np.broadcast_arrays(
            *figures, marks, complement, n_at_most
        )
    except ValueError as error:
        shapes = ", ".join(str(np.shape(a)) for a in (*figures, marks, complement, n_at_most))
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
    # All rows are one table, so how they are printed is inferred once.
    table = read_pair(
        p1,
        m1,
        p2,
        m2,
        complement=False,
        rounding=rounding,
        decimals=decimals,
        n_at_most=at_most,
        weighted=weighted,
    )
    rows = _bound_rows(table, marks, in_all.astype(np.bool_), method)
    # Least and greatest p-value: given the mark, then by the percentages alone.
    bounds = np.full((4, p1.size), np.nan)
    # Whether all answers of a row may be the same: given the mark, then by the percentages alone.
    may_be_alike = np.zeros((2, p1.size), np.bool_)
    for i, row in rows.items():
        bounds[:, i], may_be_alike[:, i] = row.p, row.alike
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
        tuple(sorted(i for i, row in rows.items() if not row.explained)),
        ADJUSTMENTS.name(adjustment),
        float(level),
        table.rounding,
        table.decimals,
        NOT_TESTABLE if weighted else "",
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


class _RowBounds(NamedTuple):
    """Least and greatest p-value, given the mark and by the percentages alone; and so `alike`."""

    p: tuple[float, float, float, float]
    alike: tuple[bool, bool]
    explained: bool


def _bound_rows(
    table: PrintedPair, marks: npt.NDArray[np.str_], in_all: npt.NDArray[np.bool_], method: str
) -> dict[int, _RowBounds]:
    """Bound the p-values of each row with two groups to compare, by its place."""
    rows = {}
    p1, m1, p2, m2 = table.percent1, table.n1, table.percent2, table.n2
    for is_complement in (False, True):
        at = np.flatnonzero(in_all == is_complement)
        found = attainable(
            p1[at],
            m1[at],
            p2[at],
            m2[at],
            complement=is_complement,
            method=method,
            rounding=table.rounding,
            decimals=table.decimals,
            n_at_most=table.n_at_most[at],
            weighted=table.weighted,
        )
        for place, i in enumerate(at.tolist()):
            if not found.possible[place]:
                continue
            mark = STARS.index(str(marks[i]))
            if table.weighted or table.n_at_most[i]:
                least, greatest = found.p_min[place].item(), found.p_max[place].item()
                if table.weighted:
                    least, greatest = 0.0, 1.0
                alike = bool(p1[i] == p2[i] and p1[i] in (0, 100))
                row = _bound_by_range(least, greatest, alike, mark)
            else:
                ends = [int(getattr(found, e)[place]) for e in ("low1", "high1", "low2", "high2")]
                row = _bound_by_pairs(ends, int(m1[i]), int(m2[i]), is_complement, method, mark)
            if row is not None:
                rows[i] = row
    return rows


def _bound_by_range(least: float, greatest: float, alike: bool, mark: int) -> _RowBounds | None:
    """Bound the p-value of a row if it may be anything from `least` to `greatest`.

    None if all answers must be the same.
    """
    if alike and least == 1.0:
        return None
    ends = (1.0, *LEVELS, 0.0)
    # A p-value at a level does not earn the level's mark.
    above = ends[mark] if mark == 0 else float(np.nextafter(ends[mark], 0.0))
    given = max(least, ends[mark + 1]), min(greatest, above)
    explained = given[0] <= given[1]
    if not explained:
        given = least, greatest
    return _RowBounds(
        (*given, least, greatest), (alike and (mark == 0 or not explained), alike), explained
    )


def _bound_by_pairs(
    ends: list[int], n1: int, n2: int, complement: bool, method: str, mark: int
) -> _RowBounds | None:
    """Bound the p-value of a row by trying every pair of counts.

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
    p = p_value(method, k1, n1, k2, n2)
    earned = star_codes(p) == mark
    explained = bool(earned.any())
    if not explained:
        earned[:] = True
    return _RowBounds(
        (p[earned].min(), p[earned].max(), p.min(), p.max()),
        (bool(alike[earned].any()), bool(alike.any())),
        explained,
    )
