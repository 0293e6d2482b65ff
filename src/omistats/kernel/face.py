"""The numeric face: array-likes in, records of arrays out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.kernel.counts import checked
from omistats.kernel.proportion import wilson
from omistats.kernel.significance import (
    STARS,
    Comparison,
    chi_square_sf,
    pearson_groups,
    pearson_two,
    star_codes,
)

__all__ = ["Interval", "check_confidence", "compare", "compare_groups", "interval"]

Floats = npt.NDArray[np.float64]

_INTERVALS: dict[str, Callable[[Floats, Floats, float], tuple[Floats, Floats]]] = {"wilson": wilson}
_TESTS: dict[str, Callable[[Floats, Floats, Floats, Floats], Floats]] = {"pearson": pearson_two}


@attrs.frozen(eq=False)
class Interval:
    """Estimates with their intervals, element by element.

    Attributes
    ----------
    estimate, low, high : ndarray of float64
        Proportions, 0-1; NaN where there were no trials.
    method : ndarray of str
        The interval used.
    """

    estimate: Floats
    low: Floats
    high: Floats
    method: npt.NDArray[np.str_]


def check_confidence(value: float) -> None:
    """Refuse a confidence outside (0, 1), with a hint where a percentage was given."""
    if isinstance(value, bool) or not isinstance(value, float | int | np.floating | np.integer):
        raise UsageError(f"confidence is one number between 0 and 1, found {value!r}")
    if not 0 < value < 1:
        hint = f"; did you mean {value / 100:g}?" if 1 < value < 100 else ""
        raise UsageError(f"confidence lies between 0 and 1, found {value!r}{hint}")


def _method(what: str, name: str, known: dict[str, Any]) -> Any:
    if name not in known:
        raise UnknownNameError(what, name, known)
    return known[name]


def interval(
    k: npt.ArrayLike, n: npt.ArrayLike, method: str = "wilson", confidence: float = 0.95
) -> Interval:
    """Give an interval for a proportion.

    Parameters
    ----------
    k, n : array_like of int
        Successes and trials, broadcast together; NaN gives NaN.
    method : {'wilson'}
        Wilson's score interval.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Interval
        Of the broadcast shape; 0-d for scalars.

    Raises
    ------
    UsageError
        When counts are impossible or the confidence is out of range.
    UnknownNameError
        When the method is unknown.

    Examples
    --------
    >>> found = interval(81, 263)
    >>> print(f"{found.low:.4f} to {found.high:.4f}")
    0.2553 to 0.3662
    """
    check_confidence(confidence)
    compute = _method("interval", method, _INTERVALS)
    kk, nn = checked(k, n)
    low, high = compute(kk, nn, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = np.asarray(kk / nn)
    return Interval(estimate, low, high, np.full(kk.shape, method))


def compare(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    method: str = "pearson",
) -> Comparison:
    """Test whether two proportions differ.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of two separate groups, broadcast together; NaN gives NaN.
    method : {'pearson'}
        Pearson's chi-square without continuity correction.

    Returns
    -------
    Comparison
        Of the broadcast shape; 0-d for scalars.

    Raises
    ------
    UsageError
        When counts are impossible.
    UnknownNameError
        When the method is unknown.

    Examples
    --------
    >>> str(compare(14, 20, 9, 30).stars)
    '**'
    """
    test = _method("test", method, _TESTS)
    a, na = checked(k1, n1)
    b, nb = checked(k2, n2)
    try:
        a, na, b, nb = np.broadcast_arrays(a, na, b, nb)
    except ValueError as error:
        raise UsageError(f"the two groups: expected shapes that broadcast; {error}") from error
    statistic = test(a, na, b, nb)
    comparable = (na > 0) & (nb > 0) & ~np.isnan(a + b)
    return _outcome(statistic, np.ones(statistic.shape), comparable, method)


def compare_groups(
    k: npt.ArrayLike, n: npt.ArrayLike, axis: int = -1, method: str = "pearson"
) -> Comparison:
    """Test whether the proportions of several groups differ.

    Parameters
    ----------
    k, n : array_like of int
        Successes and trials; the groups lie along ``axis``.
    axis : int
        The axis of the groups.
    method : {'pearson'}
        Pearson's chi-square.

    Returns
    -------
    Comparison
        Without ``axis``. Groups without trials drop out of the degrees of freedom.

    Raises
    ------
    UsageError
        When counts are impossible or there is no such axis.
    UnknownNameError
        When the method is unknown.

    Examples
    --------
    >>> outcome = compare_groups([762, 327, 468], [1246, 566, 945])
    >>> print(f"{outcome.statistic:.7f} on {outcome.df:g}")
    30.0701491 on 2
    """
    _method("test", method, _TESTS)
    kk, nn = checked(k, n)
    if not isinstance(axis, int) or not -kk.ndim <= axis < kk.ndim:
        raise UsageError(f"counts of {kk.ndim} dimensions have no axis {axis!r}")
    statistic, df = pearson_groups(kk, nn, axis)
    unknown = np.isnan(kk + nn).any(axis=axis)
    return _outcome(np.asarray(statistic), df, (df > 0) & ~unknown, method)


def _outcome(
    statistic: Floats, df: Floats, comparable: npt.NDArray[np.bool_], method: str
) -> Comparison:
    p_value = chi_square_sf(statistic, df)
    codes = star_codes(p_value, comparable)
    marks = np.array([*STARS, ""])
    return Comparison(
        np.asarray(statistic),
        np.where(np.isnan(statistic), np.nan, df),
        np.asarray(p_value),
        np.asarray(marks[codes]),
        np.full(statistic.shape, method),
    )
