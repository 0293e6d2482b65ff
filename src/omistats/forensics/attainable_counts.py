"""Counts and marks of significance attainable behind printed percentages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem, UnknownNameError, UsageError, format_values
from omistats.kernel.chi_square import (
    STARS,
    chi_square_sf,
    g_two,
    n_minus_one,
    pearson_two,
    star_codes,
    yates,
    z_unpooled,
)
from omistats.kernel.rounding import counts_behind

__all__ = [
    "METHODS",
    "OVERLAPPING",
    "Attainable",
    "attainable",
    "iter_ranges",
    "p_value",
    "pairs_behind",
]


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

OVERLAPPING: Final = "overlapping"
"""The subset against all cases, itself included, as if the two were independent."""

_STATISTICS: Final[dict[str, Callable[..., Any]]] = {
    "pearson": pearson_two,
    "n-1": n_minus_one,
    "g": g_two,
    "yates": yates,
    "z-unpooled": z_unpooled,
    OVERLAPPING: pearson_two,
}

METHODS: Final = tuple(_STATISTICS)
"""Names of the tests, likeliest first."""

_MOST_PAIRS: Final = 10**9


def attainable(
    percent1: npt.ArrayLike,
    n1: npt.ArrayLike,
    percent2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    complement: bool = False,
    unclassified: npt.ArrayLike = 0,
    method: str = "pearson",
) -> Attainable:
    """Try every pair of counts that could have been printed as two percentages.

    Parameters
    ----------
    percent1, n1, percent2, n2 : array_like of int
        Percentages as printed (whole numbers 0-100, rounded half up, NaN or null for a
        blank) and the number of cases behind each. All broadcast together.
    complement : bool, optional
        Whether the second group is all cases, including the first group. The test then
        compares the first group with the others, and counts are consistent only if
        ``0 <= k2 - k1 <= n2 - n1``.
    unclassified : array_like of int, optional
        With `complement`, number of cases on neither side of the comparison; any number of
        them may have been sufficient.
    method : str, optional
        Test behind the stars: ``pearson``, ``n-1``, ``g``, ``yates``, ``z-unpooled``, or
        ``overlapping`` (Pearson of the first group against all cases as if they were
        independent; only with `complement`).

    Returns
    -------
    Attainable
        Arrays of the broadcast shape. If a group has no cases, a percentage is blank, or no
        counts can be behind the figures, ``possible`` is False, no mark is attained and the
        p-values are NaN.

    Raises
    ------
    DataError
        When figures are out of range or not whole; every argument at fault is listed.
    UnknownNameError
        When the test is unknown.
    UsageError
        When arguments do not fit together, or there are too many counts to try.

    Notes
    -----
    All pairs are tested; the search does not assume that p-values are monotonic. So it finds
    marks that no counts earn between two that some do. The work grows with
    ``n1 * n2 / 10**4``; cases in the hundred thousands take a second.

    References
    ----------
    Manski, C. F. (2003). Partial Identification of Probability Distributions. Springer.
    doi:10.1007/b97478

    Examples
    --------
    Of 440 cases in a subset 82% are sufficient, and of all 2,191 cases 75%. A table that
    prints ``**`` beside these figures cannot have got it from Pearson's test:

    >>> import omistats as oms
    >>> found = oms.forensics.attainable(82, 440, 75, 2191, complement=True)
    >>> found.stars.tolist()
    [False, False, False, True]
    >>> found.attains("**").item()
    False
    """
    if method not in METHODS:
        raise UnknownNameError("test", method, METHODS)
    pairs = pairs_behind(
        percent1,
        n1,
        percent2,
        n2,
        complement=complement,
        unclassified=unclassified,
        overlapping=method == OVERLAPPING,
    )
    stars, least, greatest = _test_all(pairs, method)
    shape = pairs.shape
    return Attainable(
        pairs.low1,
        pairs.high1,
        pairs.low2,
        pairs.high2,
        possible=(pairs.size > 0).reshape(shape),
        pairs=pairs.size.reshape(shape),
        stars=stars.reshape(*shape, len(STARS)),
        p_min=least.reshape(shape),
        p_max=greatest.reshape(shape),
        method=np.full(shape, method),
    )


@attrs.frozen(eq=False)
class Attainable:
    """Counts, p-values and marks that two printed percentages can have, element by element.

    Attributes
    ----------
    low1, high1, low2, high2 : ndarray of int64
        Least and greatest count that prints as each percentage; low is above high if no
        count does.
    possible : ndarray of bool
        Whether any pair of counts is consistent with all figures.
    pairs : ndarray of int64
        Number of pairs of counts tested. In a complement with unclassified cases, the second
        count of a pair is that of the complement.
    stars : ndarray of bool
        Whether some pair of counts earns the mark; the last axis has the marks ``--``, ``*``,
        ``**``, ``***``.
    p_min, p_max : ndarray of float64
        Least and greatest p-value over all pairs; NaN if there was nothing to test. The p-value
        is 1 if all answers are the same.
    method : ndarray of str
        The test used.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.forensics.attainable([90, 58], [10, 171], [50, 67], [10, 1266])
    >>> found.low1.tolist(), found.high1.tolist(), found.pairs.tolist()
    ([9, 99], [9, 100], [1, 26])
    >>> found.p_min.round(3).tolist(), found.p_max.round(3).tolist()
    ([0.051, 0.013], [0.051, 0.038])
    >>> found.attains(["*", "*"]).tolist()
    [False, True]
    """

    low1: Ints
    high1: Ints
    low2: Ints
    high2: Ints
    possible: Bools
    pairs: Ints
    stars: Bools
    p_min: Floats
    p_max: Floats
    method: npt.NDArray[np.str_]

    def attains(self, printed: npt.ArrayLike) -> Bools:
        """Check whether any pair of counts earns the printed marks.

        Parameters
        ----------
        printed : array_like of str
            Marks ``--``, ``*``, ``**`` or ``***``; broadcast with the figures.

        Returns
        -------
        ndarray of bool
            Array of the broadcast shape; False also if nothing was tested.

        Raises
        ------
        UnknownNameError
            When a mark is none of the four.
        UsageError
            When the marks do not broadcast with the figures.
        """
        marks = np.asarray(printed, np.str_)
        if not np.isin(marks, STARS).all():
            raise UnknownNameError("mark", str(marks[~np.isin(marks, STARS)].flat[0]), STARS)
        try:
            np.broadcast_shapes(marks.shape, self.method.shape)
        except ValueError as error:
            raise UsageError(
                f"marks of shape {marks.shape} beside figures of shape {self.method.shape}; "
                "pass one mark a comparison"
            ) from error
        out: Bools = (self.stars & (marks[..., None] == np.asarray(STARS))).any(axis=-1)
        return out


def _test_all(pairs: CountPairs, method: str) -> tuple[Bools, Floats, Floats]:
    """Test all pairs; return the marks, least and greatest p-value of each element."""
    elements = pairs.size.size
    stars = np.zeros((elements, len(STARS)), np.bool_)
    least, greatest = np.full(elements, np.inf), np.full(elements, -np.inf)
    for at, k1, n1, k2, n2 in pairs.blocks():
        p = p_value(method, k1, n1, k2, n2)
        tested = ~np.isnan(p)
        at, p = at[tested], p[tested]
        stars[at, star_codes(p)] = True
        np.minimum.at(least, at, p)
        np.maximum.at(greatest, at, p)
    untested: Any = ~stars.any(axis=1)
    least[untested] = greatest[untested] = np.nan
    return stars, least, greatest


def p_value(
    method: str, k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> Floats:
    """Compute two-sided p-values of 2 x 2 tables, by chi-square with one degree of freedom.

    Parameters
    ----------
    method : str
        One of `METHODS`. The second group of ``'overlapping'`` is all cases.
    k1, n1, k2, n2 : array_like of int
        Successes and trials, broadcast together.

    Returns
    -------
    ndarray of float64
        1 if all answers are the same, NaN if a group is empty.

    Raises
    ------
    UnknownNameError
        When the test is unknown.

    Notes
    -----
    Pearson (1900); the N - 1 form of E. S. Pearson (1947); the likelihood ratio of
    Wilks (1935); Yates (1934); Wald's z with unpooled variances.
    """
    if method not in _STATISTICS:
        raise UnknownNameError("test", method, METHODS)
    k1, n1, k2, n2 = (np.asarray(v, np.float64) for v in (k1, n1, k2, n2))
    p = chi_square_sf(_STATISTICS[method](k1, n1, k2, n2), 1.0)
    both = (n1 > 0) & (n2 > 0)
    out: Floats = np.where(both, np.where(np.isnan(p), 1.0, p), np.nan)
    return out


class Block(NamedTuple):
    """Some pairs of counts: the element of each, and its four counts."""

    at: Ints
    k1: Ints
    n1: Ints
    k2: Ints
    n2: Ints


@attrs.frozen(eq=False)
class CountPairs:
    """All pairs of counts behind printed figures, element by element.

    Attributes
    ----------
    shape : tuple of int
        Broadcast shape of the figures.
    low1, high1, low2, high2 : ndarray of int64
        Least and greatest count that prints as each percentage; low is above high if no count
        does.
    size : ndarray of int64, shape (elements,)
        Number of pairs of each element.
    """

    shape: tuple[int, ...]
    low1: Ints
    high1: Ints
    low2: Ints
    high2: Ints
    size: Ints
    # One range for each first count of each element: the second counts that go with it.
    _element: Ints
    _k1: Ints
    _start: Ints
    _lengths: Ints
    _n1: Ints
    _n2: Ints

    def blocks(self) -> Iterator[Block]:
        """Iterate over all pairs, in blocks that fit in memory."""
        for place, offset in iter_ranges(self._lengths):
            at = self._element[place]
            k2 = self._start[place] + offset
            yield Block(at, self._k1[place], self._n1[at], k2, self._n2[at])


def iter_ranges(lengths: Ints, block: int = 1 << 18) -> Iterator[tuple[Ints, Ints]]:
    """Iterate over every position of every range, in blocks of ranges.

    Parameters
    ----------
    lengths : ndarray of int64
        Length of each range, none negative.
    block : int
        Positions in a block; a longer range is still one block.

    Yields
    ------
    place, offset : ndarray of int64
        The range, and the position in it from 0.
    """
    ends = np.cumsum(lengths)
    first = 0
    while first < lengths.size:
        done = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, done + block, "right")), first + 1)
        some = lengths[first:last]
        place = np.repeat(np.arange(first, last), some)
        offset = np.arange(place.size) - np.repeat(ends[first:last] - some - done, some)
        if place.size:
            yield place, offset
        first = last


def pairs_behind(
    percent1: npt.ArrayLike,
    n1: npt.ArrayLike,
    percent2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    complement: bool,
    unclassified: npt.ArrayLike,
    overlapping: bool = False,
) -> CountPairs:
    """List the pairs of counts behind two printed percentages.

    Parameters
    ----------
    percent1, n1, percent2, n2, complement, unclassified
        As for `omistats.forensics.attainable`.
    overlapping : bool
        Whether the second count of a pair is that of all cases, not of the complement.

    Raises
    ------
    DataError
        When figures are out of range or not whole; every argument at fault is listed.
    UsageError
        When arguments do not fit together, or there are too many pairs.
    """
    figures = _check_figures(
        {
            "percent1": percent1,
            "n1": n1,
            "percent2": percent2,
            "n2": n2,
            "unclassified": unclassified,
        }
    )
    if not complement and (overlapping or figures["unclassified"].any()):
        what = "method='overlapping' needs" if overlapping else "unclassified cases need"
        raise UsageError(f"{what} a second group that includes the first; pass complement=True")
    if overlapping and figures["unclassified"].any():
        raise UsageError(
            "method='overlapping' compares with all cases and leaves nobody out; "
            "drop `unclassified` or use another test"
        )
    try:
        p1, m1, p2, m2, unknown = np.broadcast_arrays(*figures.values())
    except ValueError:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in figures.items())
        raise UsageError(
            f"shapes do not broadcast together: {shapes}; pass one figure per row, or scalars"
        ) from None
    low1, high1 = _count_limits(p1, m1)
    low2, high2 = _count_limits(p2, m2)
    sizes = [np.nan_to_num(a).astype(np.int64).ravel() for a in (m1, m2, unknown)]
    bounds = [np.ravel(a) for a in (low1, high1, low2, high2)]
    element, k1, start, lengths, n2_tested = _ranges(bounds, sizes, complement, overlapping)
    size = np.bincount(element, lengths, p1.size).astype(np.int64)
    if size.sum() > _MOST_PAIRS:
        raise UsageError(
            f"{int(size.sum()):,} pairs of counts are behind these figures, more than the "
            f"{_MOST_PAIRS:,} that are tried; with groups this large use their percentages as exact"
        )
    return CountPairs(
        p1.shape, low1, high1, low2, high2, size, element, k1, start, lengths, sizes[0], n2_tested
    )


def _ranges(
    bounds: list[Ints], sizes: list[Ints], complement: bool, overlapping: bool
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return, for each first count of each element, the range of second counts and their n."""
    low1, high1, low2, high2 = bounds
    n1, n2, unknown = sizes
    first_counts = np.maximum(high1 - low1 + 1, 0)
    element = np.repeat(np.arange(first_counts.size), first_counts)
    before = np.cumsum(first_counts) - first_counts
    k1 = low1[element] + np.arange(element.size) - np.repeat(before, first_counts)
    start, stop = low2[element], high2[element]
    if overlapping:
        start = np.maximum(start, k1)
        stop = np.minimum(stop, k1 + (n2 - n1)[element])
    elif complement:
        n2 = n2 - n1 - unknown
        is_empty = stop < start
        start = np.maximum(start - k1 - unknown[element], 0)
        stop = np.where(is_empty, -1, np.minimum(stop - k1, n2[element]))
    return element, k1, start, np.maximum(stop - start + 1, 0), n2


def _check_figures(given: dict[str, npt.ArrayLike]) -> dict[str, Floats]:
    """Return figures as floats, or raise with all problems."""
    arrays: dict[str, Floats] = {}
    problems = []
    for name, values in given.items():
        percent = name.startswith("percent")
        rule = "whole numbers from 0 to 100" if percent else "whole numbers, none negative"
        hint = "Write percentages as printed." if percent else "Write numbers of cases."
        try:
            a: Any = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            problems.append(Problem(name, rule, format_values([values]), hint))
            continue
        with np.errstate(invalid="ignore"):
            bad = (a < 0) | (a != np.floor(a)) | np.isinf(a)
        bad &= ~np.isnan(a)
        if percent:
            bad |= a > 100
        if name == "unclassified":
            bad |= np.isnan(a)
        if bad.any():
            problems.append(Problem(name, rule, format_values(a[bad].tolist()), hint))
        arrays[name] = a
    if problems:
        raise DataError(problems)
    return arrays


def _count_limits(percent: Floats, n: Floats) -> tuple[Ints, Ints]:
    is_blank = np.isnan(percent) | np.isnan(n)
    # With n = 0 `counts_behind` finds no count, as for a blank.
    return counts_behind(np.nan_to_num(percent), np.where(is_blank, 0, n))
