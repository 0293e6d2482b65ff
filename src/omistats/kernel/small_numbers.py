"""Small expected counts and small numbers of cases: flag or suppress them."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.checks import Floats, as_floats, as_numbers, broadcast

__all__ = ["RELIABILITY", "SmallNumbers", "smallest_expected", "smallest_expected_two"]


RELIABILITY = ("ok", "small expected count", "few cases", "suppressed", "few effective cases")
"""Reliability of a row by code. Where several apply, the first of these counts: suppressed, few
cases, few effective cases, small expected count."""

_FEW_EFFECTIVE = 4


def smallest_expected(k: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Compute the smallest expected count of r x 2 tables.

    Parameters
    ----------
    k, n : array_like
        Successes and trials; the groups lie along the last axis.

    Returns
    -------
    ndarray of float64
        Without the last axis. Groups without trials are dropped; NaN where fewer than two are
        left or a count is NaN. 0 where every answer is the same.

    Notes
    -----
    If all groups have one proportion, the cells of group ``g`` expect ``n_g s / N`` and
    ``n_g (N - s) / N`` cases, with ``s`` successes in all ``N`` trials. The smallest is that of the
    smallest group and the rarer outcome.
    """
    k, n = as_floats(k, n)
    s, total = k.sum(axis=-1), n.sum(axis=-1)
    smallest = np.where(n > 0, n, np.inf).min(axis=-1)
    several = (n > 0).sum(axis=-1) > 1
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Floats = np.where(several, smallest * np.minimum(s, total - s) / total, np.nan)
    return out


def smallest_expected_two(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> Floats:
    """Compute the smallest expected count of 2 x 2 tables; see `smallest_expected`.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of float64
        NaN where a group has no trials or a count is NaN.
    """
    k1, n1, k2, n2 = as_floats(k1, n1, k2, n2)
    s, total, smaller = k1 + k2, n1 + n2, np.minimum(n1, n2)
    # In place, because new arrays cost more than the arithmetic for tens of thousands of rows.
    out: Floats = np.asarray(total - s)
    np.minimum(s, out, out=out)
    out *= smaller
    with np.errstate(divide="ignore", invalid="ignore"):
        out /= total
    np.copyto(out, np.nan, where=~(smaller > 0))
    return out


def _check_threshold(_: object, field: attrs.Attribute[int | None], value: int | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise UsageError(
            f"`{field.name}` must be a number of cases, 1 or more, or None for no such rule; "
            f"found {value!r}"
        )


def _check_positive(_: object, field: attrs.Attribute[float], value: float | None) -> None:
    if value is None:
        return
    number = isinstance(value, float | int | np.floating | np.integer)
    if isinstance(value, bool) or not number or not 0 < value < np.inf:
        raise UsageError(
            f"`{field.name}` must be a positive count, or None for no such rule; found {value!r}"
        )


@attrs.frozen
class SmallNumbers:
    """Thresholds below which numbers are flagged or suppressed.

    Parameters
    ----------
    flag_expected : float or None
        Comparisons whose smallest expected count is below it are flagged.
    flag_below : int, optional
        Percentages of fewer cases are flagged.
    suppress_below : int, optional
        Percentages of fewer cases, but at least one, are suppressed, with everything computed
        from them; in findings also comparisons with fewer cases outside a subset.
    flag_effective : float or None
        Comparisons of unequally weighted cases are flagged if Kish's effective size of a group
        is below it, or such a group expects fewer than ``flag_expected`` effective cases of
        either answer.

    Raises
    ------
    UsageError
        When a threshold is no number of cases, or ``suppress_below`` is above ``flag_below``.

    Notes
    -----
    The expected count of 5 is Cochran's rule of thumb for the chi-square test. Effective sizes of
    30 come from a simulation: below it Rao and Scott's F rejects 9% or more on average at 5%, and
    the more the fewer cases the weights leave. The other two thresholds are the publisher's
    decision, because no default is right everywhere. Suppressed numbers can still be computed by
    subtraction where totals are published: rows are judged one at a time, and no second row is
    suppressed to prevent it.

    References
    ----------
    Cochran, W. G. (1954). Some methods for strengthening the common chi-square tests.
    Biometrics 10, 417-451. doi:10.2307/3001616

    Examples
    --------
    >>> import omistats as oms
    >>> policy = oms.SmallNumbers(flag_below=20, suppress_below=5)
    >>> policy.suppressed([0, 3, 12]).tolist(), policy.expects_few([1.2, 6.0]).tolist()
    ([False, True, False], [True, False])
    >>> policy.judge([0, 3, 12, 40, 40], [float("nan"), 1.2, 6.0, 4.5, 9.0]).tolist()
    [-1, 3, 2, 1, 0]
    >>> import numpy as np
    >>> policy.judge_unchecked(np.array([3, 40]), np.array([True, True])).tolist()
    [3, 1]
    >>> policy.has_few_effective([12.5, 40.0, float("inf")], [6.0, 4.0, 9.0]).tolist()
    [True, True, False]
    """

    flag_expected: float | None = attrs.field(default=5.0, validator=_check_positive)
    flag_below: int | None = attrs.field(default=None, validator=_check_threshold)
    suppress_below: int | None = attrs.field(default=None, validator=_check_threshold)
    flag_effective: float | None = attrs.field(default=30.0, validator=_check_positive)

    def __attrs_post_init__(self) -> None:
        flag, suppress = self.flag_below, self.suppress_below
        if flag is not None and suppress is not None and suppress > flag:
            raise UsageError(
                f"`flag_below` must be at least `suppress_below`; found {flag} and {suppress}"
            )

    def suppressed(self, n: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell which percentages are suppressed.

        Parameters
        ----------
        n : array_like of int
            Cases behind each percentage, of any shape.

        Returns
        -------
        ndarray of bool
            Of that shape. False where there are no cases, or NaN: there is no percentage.

        Raises
        ------
        UsageError
            When the values are no numbers.
        """
        cases = as_numbers(n, "n")
        if self.suppress_below is None:
            return np.zeros(cases.shape, np.bool_)
        return np.asarray((cases > 0) & (cases < self.suppress_below))

    def judge(self, n: npt.ArrayLike, expected: npt.ArrayLike) -> npt.NDArray[np.int8]:
        """Code the reliability of rows by how small their numbers are.

        Parameters
        ----------
        n : array_like of int
            Cases behind each row.
        expected : array_like of float
            Smallest expected count of the comparison of each row, NaN where there is none;
            broadcast with ``n``.

        Returns
        -------
        ndarray of int8
            Of the broadcast shape: 3 suppressed, 2 few cases, 1 small expected count, 0 none
            of these; -1 where there are no cases or the number is NaN.

        Raises
        ------
        UsageError
            When the values are no numbers or do not broadcast, or cases are negative.
        """
        cases, smallest = broadcast(
            "n and expected", as_numbers(n, "n"), as_numbers(expected, "expected")
        )
        if (cases < 0).any():
            raise UsageError(f"`n` must be numbers of cases, 0 or more; found {np.nanmin(cases):g}")
        return self.judge_unchecked(cases, self.expects_few(smallest))

    def expects_few(self, expected: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell which comparisons have small expected counts.

        Parameters
        ----------
        expected : array_like of float
            Smallest expected count of each comparison, NaN where there is none.

        Returns
        -------
        ndarray of bool
            Of that shape; False for NaN.

        Raises
        ------
        UsageError
            When the values are no numbers.
        """
        smallest = as_numbers(expected, "expected")
        if self.flag_expected is None:
            return np.zeros(smallest.shape, np.bool_)
        # A comparison with NaN is False.
        return np.asarray(smallest < self.flag_expected)

    def has_few_effective(
        self, size: npt.ArrayLike, expected: npt.ArrayLike
    ) -> npt.NDArray[np.bool_]:
        """Tell which comparisons of weighted cases have few effective cases.

        Parameters
        ----------
        size : array_like of float
            Smallest effective size of the groups whose weights are unequal; infinite where
            there is none.
        expected : array_like of float
            Effective cases that such a group expects of the rarer answer; broadcast with
            ``size``.

        Returns
        -------
        ndarray of bool
            Of the broadcast shape; False for NaN.

        Raises
        ------
        UsageError
            When the values are no numbers or do not broadcast.
        """
        sizes, smallest = broadcast(
            "size and expected", as_numbers(size, "size"), as_numbers(expected, "expected")
        )
        if self.flag_effective is None:
            return np.zeros(sizes.shape, np.bool_)
        # A comparison with NaN is False.
        few = np.asarray(sizes < self.flag_effective)
        return few if self.flag_expected is None else few | (smallest < self.flag_expected)

    def judge_unchecked(
        self,
        n: npt.NDArray[np.number],
        few: npt.NDArray[np.bool_],
        few_effective: npt.NDArray[np.bool_] | None = None,
    ) -> npt.NDArray[np.int8]:
        """Code the reliability of rows as `judge` does, without its checks.

        Parameters
        ----------
        n : ndarray of int or float
            Cases behind each row.
        few : ndarray of bool, of the same shape
            Whether the comparison of each row has a small expected count, as by `expects_few`.
        few_effective : ndarray of bool, of the same shape, optional
            Whether the comparison has few effective cases, as by `has_few_effective`.

        Returns
        -------
        ndarray of int8
            Codes as by `judge`, and 4 for few effective cases.

        Raises
        ------
        ValueError
            When the shapes differ.
        """
        codes = np.array(few, np.bool_).view(np.int8)
        if few_effective is not None:
            np.copyto(codes, _FEW_EFFECTIVE, where=few_effective)
        if self.flag_below is not None:
            np.copyto(codes, 2, where=n < self.flag_below)
        if self.suppress_below is not None:
            np.copyto(codes, 3, where=n < self.suppress_below)
        np.copyto(codes, -1, where=~(n > 0))
        return codes
