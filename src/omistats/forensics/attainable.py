"""Which counts, and so which stars, can stand behind two printed percentages."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.forensics._pairs import Pairs, pairs_behind
from omistats.forensics._statistics import METHODS, OVERLAPPING, p_value
from omistats.kernel.significance import STARS, star_codes

__all__ = ["Attainable", "attainable"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


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

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.attainable([90, 58], [10, 171], [50, 67], [10, 1266])
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
        """Say whether some counts earn the printed marks.

        Parameters
        ----------
        printed : array_like of str
            Marks among ``--``, ``*``, ``**``, ``***``; broadcast against the record.

        Returns
        -------
        ndarray of bool
            Of the broadcast shape; False also where nothing was tested.

        Raises
        ------
        UnknownNameError
            When a mark is none of the four.
        UsageError
            When the marks do not broadcast against the record.
        """
        marks = np.asarray(printed, np.str_)
        if not np.isin(marks, STARS).all():
            raise UnknownNameError("mark", str(marks[~np.isin(marks, STARS)].flat[0]), STARS)
        try:
            np.broadcast_shapes(marks.shape, self.method.shape)
        except ValueError as error:
            raise UsageError(
                f"marks of shape {marks.shape} beside figures of shape {self.method.shape}; "
                "give one mark a comparison"
            ) from error
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
    percent1, n1, percent2, n2 : array_like of int
        Percentages as printed, whole numbers 0-100 rounded half up, NaN or null for a
        blank; and the cases behind each. All broadcast together.
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

    References
    ----------
    Manski, C. F. (2003). Partial Identification of Probability Distributions. Springer.
    doi:10.1007/b97478

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
    pairs = pairs_behind(
        percent1,
        n1,
        percent2,
        n2,
        complement=complement,
        unclassified=unclassified,
        overlapping=method == OVERLAPPING,
    )
    stars, least, greatest = _try_all(pairs, method)
    shape = pairs.shape
    return Attainable(
        pairs.low1,
        pairs.high1,
        pairs.low2,
        pairs.high2,
        possible=(pairs.many > 0).reshape(shape),
        pairs=pairs.many.reshape(shape),
        stars=stars.reshape(*shape, len(STARS)),
        p_min=least.reshape(shape),
        p_max=greatest.reshape(shape),
        method=np.full(shape, method),
    )


def _try_all(pairs: Pairs, method: str) -> tuple[Bools, Floats, Floats]:
    """Test all pairs: marks, least and greatest p-value of each element."""
    elements = pairs.many.size
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
