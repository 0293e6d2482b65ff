"""Counts and marks of significance attainable behind printed percentages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from omistats._result_tables import Reason
from omistats.errors import UnknownNameError, UsageError
from omistats.forensics.printed_figures import (
    NOT_TESTABLE,
    PrintedPair,
    counts_up_to,
    read_pair,
)
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
    "Untested",
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


class Untested(Reason):
    """Why marks of two printed percentages are not tested."""

    TESTED = ""
    BLANK = "a percentage or a number of cases is blank"
    NO_CASES = "a group has no cases"
    NO_COUNT = "no count prints as a percentage"
    NO_PAIR = "no counts fit both percentages"
    NO_OTHERS = "no case is outside the subset"
    WEIGHTED = NOT_TESTABLE


def attainable(
    percent1: npt.ArrayLike,
    n1: npt.ArrayLike,
    percent2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    complement: bool = False,
    unclassified: npt.ArrayLike = 0,
    method: str = "pearson",
    rounding: str | None = None,
    decimals: int | None = None,
    n_at_most: npt.ArrayLike = False,
    weighted: bool = False,
) -> Attainable:
    """Try every pair of counts that could have been printed as two percentages.

    Parameters
    ----------
    percent1, n1, percent2, n2 : array_like
        Percentages as printed (0-100, numbers or text, NaN or null for a blank) and the number
        of cases behind each. All broadcast together.
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
    rounding : {'half-up', 'half-even', 'nearest', 'truncate', 'either'}, optional
        How percentages are rounded. ``half-even`` takes exact halves to the even digit,
        ``nearest`` either way, ``truncate`` drops digits, and ``either`` is any of these,
        figure by figure. By default half up, unless only another convention can have printed
        all the percentages of the call; see `InferredRounding`.
    decimals : int, optional
        Number of decimals printed; by default the most that any percentage has.
    n_at_most : array_like of bool, optional
        Whether the numbers of cases of a row are only upper bounds. Not with `complement`.
    weighted : bool, optional
        Whether the percentages are weighted. Then they do not come from counts, and nothing is
        excluded.

    Returns
    -------
    Attainable
        Arrays of the broadcast shape. If a group has no cases, a percentage is blank, or no
        counts can be behind the figures, ``possible`` is False, no mark is attained and the
        p-values are NaN; ``reason`` says which.

    Raises
    ------
    DataError
        When figures are out of range, cases are not whole, or percentages have too many
        decimals; every argument at fault is listed.
    UnknownNameError
        When the test or the rounding is unknown.
    UsageError
        When arguments do not fit together, or there are too many counts to try.

    Notes
    -----
    All pairs are tested; the search does not assume that p-values are monotonic. So it finds
    marks that no counts earn between two that some do. The work grows with
    ``n1 * n2 / 10**4``; cases in the hundred thousands take a second.

    Where numbers of cases are upper bounds, ``p_min`` and ``p_max`` are those of all counts of
    all numbers of cases up to the bounds, and every mark between the two counts as attained.
    For all tests the statistic rises with either number of cases and with the distance of the
    proportions, so only few counts have to be tried. If the two percentages can come from the
    same proportion, ``p_max`` is 1.

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

    Python's ``round`` prints 1 of 8 as 12. No count of 8 prints so if halves go up:

    >>> found = oms.forensics.attainable([12, 25], 8, [50, 38], 8)
    >>> found.rounding, found.low1.tolist()
    ('half-even', [1, 2])
    >>> oms.forensics.attainable(12, 8, 50, 8, rounding="half-up").reason.item()
    'no count prints as a percentage'

    No sample of up to 694 and 6,308 cases makes these two percentages differ with ``*``:

    >>> found = oms.forensics.attainable(89, 694, 89, 6308, n_at_most=True)
    >>> found.attains("*").item(), found.attains("--").item()
    (False, True)
    """
    if method not in METHODS:
        raise UnknownNameError("test", method, METHODS)
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
    pairs = pairs_behind(figures, complement=complement, overlapping=method == OVERLAPPING)
    stars, least, greatest = _test_all(pairs, method)
    shape = pairs.shape
    found = Attainable(
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
        rounding=figures.rounding,
        decimals=figures.decimals,
        reason=np.full(shape, ""),
        figures=figures,
    )
    if figures.weighted:
        found = _exclude_nothing(found, figures)
    elif figures.n_at_most.any():
        found = _try_bounded(found, figures, method)
    return attrs.evolve(found, reason=_reasons(found, figures))


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
        ``**``, ``***``. All are True if the table is weighted.
    p_min, p_max : ndarray of float64
        Least and greatest p-value over all pairs; NaN if there was nothing to test. The p-value
        is 1 if all answers are the same.
    method : ndarray of str
        The test used.
    rounding : str
        How percentages are rounded, as given or inferred.
    decimals : int
        Number of decimals printed.
    reason : ndarray of str
        Why marks were not tested; empty where they were.

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
    >>> found.rounding, found.decimals, found.reason.tolist()
    ('half-up', 0, ['', ''])
    >>> found.roundings
    ('half-up', 'half-even', 'nearest', 'truncate')
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
    rounding: str
    decimals: int
    reason: npt.NDArray[np.str_]
    _figures: PrintedPair = attrs.field(repr=False)

    @property
    def roundings(self) -> tuple[str, ...]:
        """Conventions that can have printed all the percentages.

        There are several if the figures do not tell, and only `rounding` if it was given.
        """
        return self._figures.roundings

    def attains(self, printed: npt.ArrayLike) -> Bools:
        """Check whether any pair of counts earns the printed marks.

        Parameters
        ----------
        printed : array_like of str
            Marks ``--``, ``*``, ``**`` or ``***``; broadcast with the figures.

        Returns
        -------
        ndarray of bool
            Array of the broadcast shape; False also if nothing was tested, but True if the
            table is weighted.

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


def _exclude_nothing(found: Attainable, figures: PrintedPair) -> Attainable:
    """Allow all counts and marks: weighted percentages do not come from counts."""
    stated = ~figures.is_blank & (figures.n1 > 0) & (figures.n2 > 0)
    m1, m2 = (np.where(stated, n, 0).astype(np.int64) for n in (figures.n1, figures.n2))
    return attrs.evolve(
        found,
        low1=np.where(stated, 0, found.low1),
        high1=np.where(stated, m1, found.high1),
        low2=np.where(stated, 0, found.low2),
        high2=np.where(stated, m2, found.high2),
        possible=stated,
        stars=np.broadcast_to(stated[..., None], found.stars.shape).copy(),
    )


def _try_bounded(found: Attainable, figures: PrintedPair, method: str) -> Attainable:
    """Fill in the rows whose numbers of cases are upper bounds."""
    names = ("low1", "high1", "low2", "high2", "possible", "pairs", "stars", "p_min", "p_max")
    filled: dict[str, Any] = {name: np.array(getattr(found, name)) for name in names}
    percents, sizes = (figures.percent1, figures.percent2), (figures.n1, figures.n2)
    for at in map(tuple, np.argwhere(figures.n_at_most & ~figures.is_blank).tolist()):
        groups = [
            counts_up_to(float(p[at]), int(n[at]), figures.rounding, figures.decimals)
            for p, n in zip(percents, sizes, strict=True)
        ]
        for place, (n, low, high) in enumerate(groups, 1):
            if n.size:
                filled[f"low{place}"][at], filled[f"high{place}"][at] = low.min(), high.max()
        if not all(n.size for n, _, _ in groups):
            continue
        filled["possible"][at] = True
        many1, many2 = (int((high - low + 1).sum()) for _, low, high in groups)
        filled["pairs"][at] = min(many1 * many2, np.iinfo(np.int64).max)
        (k1, n1), (k2, n2) = (_extreme_counts(*group) for group in groups)
        p = p_value(method, k1[:, None], n1[:, None], k2, n2)
        shares1, shares2 = k1 / n1, k2 / n2
        apart = shares1.max() < shares2.min() or shares2.max() < shares1.min()
        least, greatest = p.min(), p.max() if apart else 1.0
        filled["p_min"][at], filled["p_max"][at] = least, greatest
        codes = np.arange(len(STARS))
        between = (codes >= star_codes(greatest)) & (codes <= star_codes(least))
        filled["stars"][at] = between
    return attrs.evolve(found, **filled)


def _extreme_counts(n: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Find the counts, of any number of cases, that can have the least or greatest p-value.

    These are the lowest and the highest proportions of at least, and of at most, so many cases.
    Every other count has one of them beside it that is as extreme and of as many cases.
    """
    k, m = [], []
    for counts, sign in ((low, 1), (high, -1)):
        for order in (slice(None), slice(None, None, -1)):
            share = sign * counts[order] / n[order]
            best = np.minimum.accumulate(share)
            record = np.append(True, best[1:] < best[:-1])
            k.append(counts[order][record])
            m.append(n[order][record])
    return np.concatenate(k), np.concatenate(m)


def _reasons(found: Attainable, figures: PrintedPair) -> npt.NDArray[np.str_]:
    """Say why marks were not tested."""
    tested = found.stars.any(axis=-1)
    if not figures.weighted and tested.all():
        return found.reason
    conditions = (
        figures.is_blank,
        (figures.n1 == 0) | (figures.n2 == 0),
        np.full(tested.shape, figures.weighted),
        tested,
        (found.low1 > found.high1) | (found.low2 > found.high2),
        ~found.possible,
    )
    reasons = (
        Untested.BLANK,
        Untested.NO_CASES,
        Untested.WEIGHTED,
        Untested.TESTED,
        Untested.NO_COUNT,
        Untested.NO_PAIR,
    )
    codes = np.select(conditions, [int(r) for r in reasons], int(Untested.NO_OTHERS))
    out: npt.NDArray[np.str_] = np.array(Untested.texts())[codes]
    return out


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
    figures: PrintedPair, *, complement: bool, overlapping: bool = False
) -> CountPairs:
    """List the pairs of counts behind two printed percentages.

    Rows whose numbers of cases are upper bounds, and all rows of a weighted table, have none.

    Parameters
    ----------
    figures : PrintedPair
        The printed percentages.
    complement : bool
        Whether the second group is all cases, including the first group.
    overlapping : bool
        Whether the second count of a pair is that of all cases, not of the complement.

    Raises
    ------
    UsageError
        When arguments do not fit together, or there are too many pairs.
    """
    if overlapping and not complement:
        raise UsageError(
            "method='overlapping' needs a second group that includes the first; pass "
            "complement=True"
        )
    if overlapping and figures.unclassified.any():
        raise UsageError(
            "method='overlapping' compares with all cases and leaves nobody out; "
            "drop `unclassified` or use another test"
        )
    p1, m1, p2, m2 = figures.percent1, figures.n1, figures.percent2, figures.n2
    untried = figures.n_at_most if not figures.weighted else np.full(p1.shape, True)
    low1, high1 = _count_limits(p1, m1, untried, figures)
    low2, high2 = _count_limits(p2, m2, untried, figures)
    sizes = [_without_nan(a).astype(np.int64).ravel() for a in (m1, m2, figures.unclassified)]
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


def _without_nan(figures: Floats) -> Floats:
    return np.where(np.isnan(figures), 0.0, figures)


def _count_limits(
    percent: Floats, n: Floats, untried: Bools, figures: PrintedPair
) -> tuple[Ints, Ints]:
    none = np.isnan(percent) | np.isnan(n) | untried
    # With n = 0 `counts_behind` finds no count, as for a blank.
    return counts_behind(
        _without_nan(percent),
        np.where(none, 0, n),
        rounding=figures.rounding,
        decimals=figures.decimals,
    )
