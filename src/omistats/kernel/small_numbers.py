"""Small numbers: the smallest expected count of a comparison, and what to do about few cases."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.checks import as_numbers

__all__ = ["RELIABILITY", "SmallNumbers", "smallest_expected", "smallest_expected_two"]


Floats = npt.NDArray[np.float64]

RELIABILITY = ("ok", "small expected count", "few cases", "suppressed")
"""What a row's numbers can bear, by code; the graver word wins."""


def smallest_expected(k: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Give the smallest count expected in r x 2 tables, were all groups alike.

    Parameters
    ----------
    k, n : array_like
        Successes and trials; the groups lie along the last axis.

    Returns
    -------
    ndarray of float64
        Without the last axis. Groups without trials are left out; NaN where fewer than two
        are left, or a count is NaN. 0 where every answer is the same.

    Notes
    -----
    A cell expects ``n_g s / N`` or ``n_g (N - s) / N`` with ``s`` of all ``N`` successful: the
    smallest is in the smallest group and the rarer outcome.
    """
    k, n = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64))
    s, total = k.sum(axis=-1), n.sum(axis=-1)
    smallest = np.where(n > 0, n, np.inf).min(axis=-1)
    several = (n > 0).sum(axis=-1) > 1
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Floats = np.where(several, smallest * np.minimum(s, total - s) / total, np.nan)
    return out


def smallest_expected_two(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> Floats:
    """Give the smallest count expected in 2 x 2 tables; see `smallest_expected`.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of float64
        NaN where a group has no trials or a count is NaN.
    """
    k1, n1, k2, n2 = (np.asarray(v, np.float64) for v in (k1, n1, k2, n2))
    s, total, smaller = k1 + k2, n1 + n2, np.minimum(n1, n2)
    # In place: for tens of thousands of rows, new arrays cost more than the sums.
    out: Floats = np.asarray(total - s)
    np.minimum(s, out, out=out)
    out *= smaller
    with np.errstate(divide="ignore", invalid="ignore"):
        out /= total
    np.copyto(out, np.nan, where=~(smaller > 0))
    return out


def _threshold(_: object, field: attrs.Attribute[int | None], value: int | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise UsageError(
            f"{field.name} is a number of cases, 1 or more, or None for no such rule; "
            f"found {value!r}"
        )


@attrs.frozen
class SmallNumbers:
    """What is done where numbers are small: publish, flag, or suppress.

    Parameters
    ----------
    flag_expected : float or None
        A comparison whose smallest expected count is below it is flagged.
    flag_below : int, optional
        A percentage of fewer cases than this is flagged.
    suppress_below : int, optional
        A percentage of fewer cases than this, but of some, is withheld, and what is computed
        from it; in findings also a comparison with fewer cases outside a subset.

    Raises
    ------
    UsageError
        When a threshold is no number of cases, or cases would be withheld that are too many
        to be flagged.

    Notes
    -----
    The expected count of 5 is Cochran's rule of thumb for the chi-square test. The other two
    have no default that would be right everywhere: they are the publisher's decision. What is
    withheld may still be had by subtraction where totals are published; this looks at one row
    at a time and does not hide a second one to prevent it.

    References
    ----------
    Cochran, W. G. (1954). Some methods for strengthening the common chi-square tests.
    Biometrics 10, 417-451. doi:10.2307/3001616

    Examples
    --------
    >>> import omistats as oms
    >>> policy = oms.SmallNumbers(flag_below=20, suppress_below=5)
    >>> policy.withheld([0, 3, 12]).tolist(), policy.expects_few([1.2, 6.0]).tolist()
    ([False, True, False], [True, False])
    >>> policy.judge([0, 3, 12, 40, 40], [float("nan"), 1.2, 6.0, 4.5, 9.0]).tolist()
    [-1, 3, 2, 1, 0]
    >>> import numpy as np
    >>> policy.graded(np.array([3, 40]), np.array([True, True])).tolist()
    [3, 1]
    """

    flag_expected: float | None = attrs.field(default=5.0)
    flag_below: int | None = attrs.field(default=None, validator=_threshold)
    suppress_below: int | None = attrs.field(default=None, validator=_threshold)

    @flag_expected.validator
    def _positive(self, _: object, value: float | None) -> None:
        if value is None:
            return
        number = isinstance(value, float | int | np.floating | np.integer)
        if isinstance(value, bool) or not number or not 0 < value < np.inf:
            raise UsageError(
                f"flag_expected is a positive count, or None for no such rule; found {value!r}"
            )

    def __attrs_post_init__(self) -> None:
        flagged, withheld = self.flag_below, self.suppress_below
        if flagged is not None and withheld is not None and withheld > flagged:
            raise UsageError(
                f"cases below {withheld} are withheld but only those below {flagged} flagged; "
                "flag_below is at least suppress_below"
            )

    def withheld(self, n: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Say which percentages are withheld.

        Parameters
        ----------
        n : array_like of int
            Cases behind each, of any shape.

        Returns
        -------
        ndarray of bool
            Of that shape. False where there are no cases, or NaN: nothing is there to withhold.

        Raises
        ------
        UsageError
            When these are no numbers.
        """
        cases = as_numbers(n, "n")
        if self.suppress_below is None:
            return np.zeros(cases.shape, np.bool_)
        return np.asarray((cases > 0) & (cases < self.suppress_below))

    def judge(self, n: npt.ArrayLike, expected: npt.ArrayLike) -> npt.NDArray[np.int8]:
        """Judge rows by how small their numbers are.

        Parameters
        ----------
        n : array_like of int
            Cases behind each row.
        expected : array_like of float
            The smallest expected count of the comparison that the row is part of, NaN where
            there is none; broadcast with ``n``.

        Returns
        -------
        ndarray of int8
            Of the broadcast shape: 3 suppressed, 2 few cases, 1 small expected count, 0 none
            of these; -1 where there are no cases, or NaN.

        Raises
        ------
        UsageError
            When these are no numbers or do not broadcast, or cases are negative.
        """
        try:
            n, expected = np.broadcast_arrays(as_numbers(n, "n"), as_numbers(expected, "expected"))
        except ValueError as error:
            if isinstance(error, UsageError):
                raise
            raise UsageError(f"n and expected: expected shapes that broadcast; {error}") from error
        if (n < 0).any():
            raise UsageError(f"n counts cases, 0 or more; found {n.min():g}")
        return self.graded(n, self.expects_few(expected))

    def expects_few(self, expected: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Say which comparisons have small expected counts.

        Parameters
        ----------
        expected : array_like of float
            The smallest expected count of each, NaN where there is none.

        Returns
        -------
        ndarray of bool
            Of that shape; False for NaN.

        Raises
        ------
        UsageError
            When these are no numbers.
        """
        smallest = as_numbers(expected, "expected")
        if self.flag_expected is None:
            return np.zeros(smallest.shape, np.bool_)
        # Comparisons with NaN are False: what is unknown is not flagged.
        return np.asarray(smallest < self.flag_expected)

    def graded(self, n: npt.NDArray[np.number], few: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
        """Judge as `judge` does, without its checks.

        Parameters
        ----------
        n : ndarray of int or float
            Cases behind each row.
        few : ndarray of bool, of the same shape
            Whether its comparison has a small expected count, as of `expects_few`.

        Returns
        -------
        ndarray of int8
            Codes as of `judge`.

        Raises
        ------
        ValueError
            When the shapes differ.
        """
        codes = np.array(few, np.bool_).view(np.int8)
        if self.flag_below is not None:
            np.copyto(codes, 2, where=n < self.flag_below)
        if self.suppress_below is not None:
            np.copyto(codes, 3, where=n < self.suppress_below)
        np.copyto(codes, -1, where=~(n > 0))
        return codes
