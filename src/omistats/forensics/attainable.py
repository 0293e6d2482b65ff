"""Which counts, and so which stars, can stand behind two printed percentages."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem, UnknownNameError, UsageError, shown
from omistats.forensics._lines import walk
from omistats.forensics._statistics import METHODS, OVERLAPPING, p_value
from omistats.kernel.rounding import counts_behind
from omistats.kernel.significance import STARS, star_codes

__all__ = ["Attainable", "attainable"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_MOST_PAIRS: Final = 10**9


@attrs.frozen(eq=False)
class Attainable:
    """What two printed percentages can have come from, element by element.

    Attributes
    ----------
    low1, high1, low2, high2 : ndarray of int64
        Least and greatest count that prints as each percentage by itself; low is
        above high where no count does.
    possible : ndarray of bool
        Whether any pair of counts is consistent with all that is given.
    pairs : ndarray of int64
        How many pairs of counts were tested. In a complement with
        unclassified cases, the second count of a pair is that of the complement.
    stars : ndarray of bool
        With one more axis of 4 at the end, for ``--``, ``*``, ``**``, ``***``: whether
        some pair of counts earns the mark.
    p_min, p_max : ndarray of float64
        Least and greatest p-value over the pairs, all of them tried; NaN where
        there was nothing to test. A p-value of 1 includes answers all alike.
    method : ndarray of str
        The test used.
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
        """Say whether some counts earn the printed marks.

        Parameters
        ----------
        printed : array_like of str
            Marks among ``--``, ``*``, ``**``, ``***``; broadcast against the record.

        Returns
        -------
        ndarray of bool

        Raises
        ------
        UnknownNameError
            When a mark is none of the four.
        """
        marks = np.asarray(printed, np.str_)
        if not np.isin(marks, STARS).all():
            raise UnknownNameError("mark", str(marks[~np.isin(marks, STARS)].flat[0]), STARS)
        out: Bools = (self.stars & (marks[..., None] == np.asarray(STARS))).any(axis=-1)
        return out


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
    percent1, percent2 : array_like of int
        Percentages as printed, whole numbers 0-100 rounded half up; NaN or null for a
        blank. All four arguments broadcast together.
    n1, n2 : array_like of int
        Cases behind each percentage.
    complement : bool, optional
        Whether the second group is a whole that includes the first. The test then
        compares the first with all the others, and counts are consistent only if
        ``0 <= k2 - k1 <= n2 - n1``.
    unclassified : array_like of int, optional
        With `complement`, cases of the whole that belong to neither side of the
        comparison; any number of them may have been sufficient.
    method : str, optional
        Test behind the stars: ``pearson``, ``n-1``, ``g``, ``yates``, ``z-unpooled``, or
        ``overlapping`` (Pearson of the first group against the whole as if they were
        independent; only with `complement`).

    Returns
    -------
    Attainable
        Arrays of the broadcast shape. Where a group has no cases, a percentage is
        blank, or no counts can be behind the figures, ``possible`` is False, no mark
        is attained and the p-values are NaN.

    Raises
    ------
    DataError
        When figures are out of range or not whole; every argument at fault is listed.
    UnknownNameError
        When there is no such test.
    UsageError
        When arguments do not fit together, or there are too many counts to try.

    Notes
    -----
    Nothing is searched by monotonicity: all pairs are tested, so that a mark that is
    skipped between two neighbouring counts is found to be skipped. The work grows with
    ``n1 * n2 / 10**4``; cases in the hundred thousands take a second.

    Examples
    --------
    Of 440 cases in a subset 82% are sufficient, and of all 2,191 cases 75%. A table that
    prints ``**`` beside these figures cannot have got it from Pearson's test:

    >>> import omistats as oms
    >>> found = oms.attainable(82, 440, 75, 2191, complement=True)
    >>> found.stars.tolist()
    [False, False, False, True]
    >>> found.attains("**").item()
    False
    """
    if method not in METHODS:
        raise UnknownNameError("test", method, METHODS)
    given = {
        "percent1": percent1,
        "n1": n1,
        "percent2": percent2,
        "n2": n2,
        "unclassified": unclassified,
    }
    arrays = _checked(given)
    if not complement and (method == OVERLAPPING or arrays["unclassified"].any()):
        raise UsageError(
            f"method={OVERLAPPING!r} and unclassified cases need a second group that includes "
            "the first; pass complement=True"
        )
    if method == OVERLAPPING and arrays["unclassified"].any():
        raise UsageError(
            f"method={OVERLAPPING!r} compares with the whole and leaves nobody out; "
            "drop `unclassified` or use another test"
        )
    try:
        p1, m1, p2, m2, left = np.broadcast_arrays(*arrays.values())
    except ValueError:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
        raise UsageError(
            f"shapes do not broadcast together: {shapes}; give one figure per row, or scalars"
        ) from None
    low1, high1 = _behind(p1, m1)
    low2, high2 = _behind(p2, m2)
    sizes = (np.nan_to_num(a).astype(np.int64) for a in (m1, m2, left))
    flat = (np.ravel(a) for a in (low1, high1, low2, high2, *sizes))
    pairs, stars, least, greatest = _try_all(_Elements(*flat), complement, method)
    pairs = pairs.reshape(p1.shape)
    return Attainable(
        low1,
        high1,
        low2,
        high2,
        possible=pairs > 0,
        pairs=pairs,
        stars=stars.reshape(*p1.shape, len(STARS)),
        p_min=least.reshape(p1.shape),
        p_max=greatest.reshape(p1.shape),
        method=np.full(p1.shape, method),
    )


def _checked(given: dict[str, npt.ArrayLike]) -> dict[str, Floats]:
    """Return the figures as floats, or raise with everything that is wrong with them."""
    arrays: dict[str, Floats] = {}
    problems = []
    for name, values in given.items():
        percent = name.startswith("percent")
        rule = "whole numbers from 0 to 100" if percent else "whole numbers, none negative"
        hint = "Give percentages as printed." if percent else "Give numbers of cases."
        try:
            a = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            problems.append(Problem(name, rule, shown([values]), hint))
            continue
        with np.errstate(invalid="ignore"):
            bad = (a < 0) | (a != np.floor(a)) | np.isinf(a)
        bad &= ~np.isnan(a)
        if percent:
            bad |= a > 100
        if name == "unclassified":
            bad |= np.isnan(a)
        if bad.any():
            problems.append(Problem(name, rule, shown(a[bad].tolist()), hint))
        arrays[name] = a
    if problems:
        raise DataError(problems)
    return arrays


def _behind(percent: Floats, n: Floats) -> tuple[Ints, Ints]:
    blank = np.isnan(percent) | np.isnan(n)
    # No cases, no counts: what counts_behind says of n = 0 holds for a blank.
    return counts_behind(np.nan_to_num(percent), np.where(blank, 0, n))


class _Elements(NamedTuple):
    low1: Ints
    high1: Ints
    low2: Ints
    high2: Ints
    n1: Ints
    n2: Ints
    left: Ints


def _try_all(given: _Elements, complement: bool, method: str) -> tuple[Ints, Bools, Floats, Floats]:
    """Test all pairs: number of pairs, marks, least and greatest p-value of each element."""
    low1, high1, low2, high2, n1, n2, left = given
    # One line for each first count of each element; along it run the second counts.
    many = np.maximum(high1 - low1 + 1, 0)
    element = np.repeat(np.arange(many.size), many)
    k1 = low1[element] + np.arange(element.size) - np.repeat(np.cumsum(many) - many, many)
    start, stop = low2[element], high2[element]
    if method == OVERLAPPING:
        start = np.maximum(start, k1)
        stop = np.minimum(stop, k1 + (n2 - n1)[element])
    elif complement:
        n2 = n2 - n1 - left
        nothing = stop < start
        start = np.maximum(start - k1 - left[element], 0)
        stop = np.where(nothing, -1, np.minimum(stop - k1, n2[element]))
    lengths = np.maximum(stop - start + 1, 0)
    pairs = np.bincount(element, lengths, many.size).astype(np.int64)
    if pairs.sum() > _MOST_PAIRS:
        raise UsageError(
            f"{int(pairs.sum()):,} pairs of counts are behind these figures, more than the "
            f"{_MOST_PAIRS:,} that are tried; with groups this large use their percentages as exact"
        )
    stars = np.zeros((many.size, len(STARS)), np.bool_)
    least, greatest = np.full(many.size, np.inf), np.full(many.size, -np.inf)
    for line, offset in walk(lengths):
        at = element[line]
        p = p_value(method, k1[line], n1[at], start[line] + offset, n2[at])
        at, p = at[~np.isnan(p)], p[~np.isnan(p)]
        stars[at, star_codes(p)] = True
        np.minimum.at(least, at, p)
        np.maximum.at(greatest, at, p)
    untested: Any = ~stars.any(axis=1)
    least[untested] = greatest[untested] = np.nan
    return pairs, stars, least, greatest
