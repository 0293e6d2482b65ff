"""Every pair of counts that prints as two percentages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem, UsageError, shown
from omistats.forensics._lines import walk
from omistats.kernel.rounding import counts_behind

__all__ = ["Block", "Pairs", "pairs_behind"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MOST_PAIRS: Final = 10**9


class Block(NamedTuple):
    """Some pairs: to which element each belongs, and its four counts."""

    at: Ints
    k1: Ints
    n1: Ints
    k2: Ints
    n2: Ints


@attrs.frozen(eq=False)
class Pairs:
    """Pairs of counts behind printed figures, to be walked through.

    Attributes
    ----------
    shape : tuple of int
        Of the figures, broadcast.
    low1, high1, low2, high2 : ndarray of int64
        In that shape: least and greatest count behind each percentage by itself; low is above
        high where there is none.
    many : ndarray of int64, shape (elements,)
        How many pairs each element has.
    """

    shape: tuple[int, ...]
    low1: Ints
    high1: Ints
    low2: Ints
    high2: Ints
    many: Ints
    _element: Ints
    _k1: Ints
    _start: Ints
    _lengths: Ints
    _n1: Ints
    _n2: Ints

    def blocks(self) -> Iterator[Block]:
        """Walk through all pairs, as many at a time as fit in memory."""
        for line, offset in walk(self._lengths):
            at = self._element[line]
            yield Block(at, self._k1[line], self._n1[at], self._start[line] + offset, self._n2[at])


def pairs_behind(
    percent1: npt.ArrayLike,
    n1: npt.ArrayLike,
    percent2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    complement: bool,
    unclassified: npt.ArrayLike,
    overlapping: bool = False,
) -> Pairs:
    """List the pairs of counts behind two printed percentages.

    Parameters
    ----------
    percent1, n1, percent2, n2, complement, unclassified
        As for `omistats.attainable`.
    overlapping : bool
        Whether the second count of a pair is that of the whole, not of the complement.

    Raises
    ------
    DataError
        When figures are out of range or not whole; every argument at fault is listed.
    UsageError
        When arguments do not fit together, or there are too many pairs.
    """
    arrays = _checked(
        {
            "percent1": percent1,
            "n1": n1,
            "percent2": percent2,
            "n2": n2,
            "unclassified": unclassified,
        }
    )
    if not complement and (overlapping or arrays["unclassified"].any()):
        what = "method='overlapping' needs" if overlapping else "unclassified cases need"
        raise UsageError(f"{what} a second group that includes the first; pass complement=True")
    if overlapping and arrays["unclassified"].any():
        raise UsageError(
            "method='overlapping' compares with the whole and leaves nobody out; "
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
    sizes = [np.nan_to_num(a).astype(np.int64).ravel() for a in (m1, m2, left)]
    bounds = [np.ravel(a) for a in (low1, high1, low2, high2)]
    element, k1, start, lengths, second = _lines(bounds, sizes, complement, overlapping)
    many = np.bincount(element, lengths, p1.size).astype(np.int64)
    if many.sum() > _MOST_PAIRS:
        raise UsageError(
            f"{int(many.sum()):,} pairs of counts are behind these figures, more than the "
            f"{_MOST_PAIRS:,} that are tried; with groups this large use their percentages as exact"
        )
    return Pairs(
        p1.shape, low1, high1, low2, high2, many, element, k1, start, lengths, sizes[0], second
    )


def _lines(
    bounds: list[Ints], sizes: list[Ints], complement: bool, overlapping: bool
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Make one line for each first count of each element; along it run the second counts."""
    low1, high1, low2, high2 = bounds
    n1, n2, left = sizes
    many = np.maximum(high1 - low1 + 1, 0)
    element = np.repeat(np.arange(many.size), many)
    k1 = low1[element] + np.arange(element.size) - np.repeat(np.cumsum(many) - many, many)
    start, stop = low2[element], high2[element]
    if overlapping:
        start = np.maximum(start, k1)
        stop = np.minimum(stop, k1 + (n2 - n1)[element])
    elif complement:
        n2 = n2 - n1 - left
        nothing = stop < start
        start = np.maximum(start - k1 - left[element], 0)
        stop = np.where(nothing, -1, np.minimum(stop - k1, n2[element]))
    return element, k1, start, np.maximum(stop - start + 1, 0), n2


def _checked(given: dict[str, npt.ArrayLike]) -> dict[str, Floats]:
    """Return the figures as floats, or raise with everything that is wrong with them."""
    arrays: dict[str, Floats] = {}
    problems = []
    for name, values in given.items():
        percent = name.startswith("percent")
        rule = "whole numbers from 0 to 100" if percent else "whole numbers, none negative"
        hint = "Give percentages as printed." if percent else "Give numbers of cases."
        try:
            a: Any = np.asarray(values, np.float64)
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
