"""Adjust p-values for the number of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError, format_values
from omistats.kernel.checks import Floats, as_numbers
from omistats.kernel.registry import MethodRegistry

__all__ = [
    "ADJUSTMENTS",
    "StepDown",
    "adjust",
    "benjamini_hochberg",
    "bonferroni",
    "holm",
    "step_down",
]


Ints = npt.NDArray[np.int64]

ADJUSTMENTS: MethodRegistry[Callable[[Floats], Floats]] = MethodRegistry(
    "adjustment", "f(p), a family on the last axis, NaN in no family -> adjusted p", outputs=1
)
"""Adjustments of p-values for the number of tests."""


def adjust(p_value: npt.ArrayLike, method: str = "bh", axis: int = -1) -> npt.NDArray[np.float64]:
    """Adjust p-values for the number of tests in their family.

    Parameters
    ----------
    p_value : array_like of float
        P-values, a family along ``axis``. NaN stays NaN and is not in the family.
    method : {'bh', 'holm', 'bonferroni'}
        ``'bh'`` controls the false discovery rate (Benjamini and Hochberg); ``'holm'`` and
        ``'bonferroni'`` control the probability of any false finding, whatever the dependence.
    axis : int
        The axis along which a family lies.

    Returns
    -------
    ndarray of float64
        Of the shape of ``p_value``; a scalar is a family of one test.

    Raises
    ------
    UsageError
        When a p-value is not between 0 and 1, there is no such axis, or a family is empty
        because the axis has no entries.
    UnknownNameError
        When the method is unknown.

    See Also
    --------
    omistats.max_t : Takes the dependence between tests into account.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6:65-70. Benjamini and Hochberg (1995),
    Journal of the Royal Statistical Society B 57:289-300.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.stats.adjust([0.01, 0.04, 0.03, float("nan")], "holm").tolist()
    [0.03, 0.06, 0.06, nan]
    """
    name = ADJUSTMENTS.name(method)
    p = as_numbers(p_value, "p_value")
    bad = (p < 0) | (p > 1)
    if bad.any():
        found = format_values(p[bad].tolist())
        raise UsageError(f"p-values must be between 0 and 1; found {found}")
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise UsageError(f"`axis` must be a whole number; found {axis!r}")
    if p.ndim == 0:
        return np.asarray(ADJUSTMENTS[name](p.reshape(1))[0])
    if not -p.ndim <= axis < p.ndim:
        raise UsageError(f"p-values of shape {p.shape} have no axis {axis}")
    if p.shape[axis] == 0:
        raise UsageError("the family is empty: no p-values to adjust")
    adjusted = ADJUSTMENTS[name](np.moveaxis(p, axis, -1))
    return np.ascontiguousarray(np.moveaxis(adjusted, -1, axis))


def bonferroni(p: Floats) -> Floats:
    """Multiply p-values by the number of tests.

    Parameters
    ----------
    p : ndarray of float64
        P-values, a family along the last axis; NaN is not in the family.

    Returns
    -------
    ndarray of float64
        At most 1; NaN stays.

    Notes
    -----
    The probability of one or more false findings in the family is at most the level, whatever
    the dependence between tests.
    """
    return np.asarray(np.minimum(p * _number_of_tests(p), 1.0), np.float64)


def holm(p: Floats) -> Floats:
    """Multiply each p-value by the number of tests whose p-value is not smaller (Holm).

    Parameters
    ----------
    p : ndarray of float64
        As for `bonferroni`.

    Returns
    -------
    ndarray of float64
        At most Bonferroni's, with the same guarantee.

    Notes
    -----
    The adjusted p-values are the running maximum of ``(m - i + 1) p(i)`` from the smallest of m
    (Holm, Scandinavian Journal of Statistics 6, 1979).
    """
    ranked, order = _sorted(p)
    remaining = np.maximum(_number_of_tests(p) - np.arange(p.shape[-1]), 1.0)
    return _unsorted(np.maximum.accumulate(np.minimum(ranked * remaining, 1.0), axis=-1), order)


def benjamini_hochberg(p: Floats) -> Floats:
    """Control the false discovery rate (Benjamini and Hochberg).

    Parameters
    ----------
    p : ndarray of float64
        As for `bonferroni`.

    Returns
    -------
    ndarray of float64

    Notes
    -----
    The adjusted p-values are the running minimum of ``m p(i) / i`` from the largest of m. The
    rate is the expected share of false findings among all findings; it is controlled for tests
    that are independent or positively dependent (Benjamini and Hochberg, Journal of the Royal
    Statistical Society B 57, 1995).
    """
    ranked, order = _sorted(p)
    scaled = np.minimum(ranked * (_number_of_tests(p) / np.arange(1, p.shape[-1] + 1)), 1.0)
    # NaN is sorted last, where the running minimum starts.
    scaled = np.where(np.isnan(scaled), np.inf, scaled)[..., ::-1]
    adjusted = np.minimum.accumulate(scaled, axis=-1)[..., ::-1]
    return _unsorted(np.where(np.isnan(ranked), np.nan, adjusted), order)


def _number_of_tests(p: Floats) -> Floats:
    return np.asarray((~np.isnan(p)).sum(axis=-1, keepdims=True), np.float64)


def _sorted(p: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    order = np.argsort(p, axis=-1, kind="stable")
    return np.take_along_axis(p, order, axis=-1), order


def _unsorted(ranked: Floats, order: npt.NDArray[np.intp]) -> Floats:
    out = np.empty_like(ranked)
    np.put_along_axis(out, order, ranked, axis=-1)
    return out


ADJUSTMENTS.register("bonferroni", bonferroni, ["b"])
ADJUSTMENTS.register("holm", holm, ["h"])
ADJUSTMENTS.register("bh", benjamini_hochberg, ["fdr", "fdr-bh", "benjamini-hochberg"])

# Relative rounding error between statistics of the same table computed in two ways.
_ROUNDING: Final = 1e-9


@attrs.frozen(eq=False)
class StepDown:
    """Counts of shuffles that reached the observed statistics.

    Attributes
    ----------
    shuffles : int
        Number of shuffles.
    alone : ndarray of int64, shape (tests,)
        Shuffles in which the test reached its own statistic.
    family : ndarray of int64, shape (tests,)
        Shuffles in which the test, or any with a smaller statistic, reached it.
    order : ndarray of intp
        Tests in decreasing order of their statistics.
    """

    shuffles: int
    alone: Ints
    family: Ints
    order: npt.NDArray[np.intp]

    def p_value(self) -> Floats:
        """Compute the unadjusted p-values, ``(b + 1) / (B + 1)``."""
        return np.asarray((self.alone + 1) / (self.shuffles + 1), np.float64)

    def p_adjusted(self) -> Floats:
        """Compute the step-down p-values, which never decrease with smaller statistics."""
        p = (self.family + 1) / (self.shuffles + 1)
        out = np.empty_like(p)
        out[self.order] = np.maximum.accumulate(p[self.order])
        return out


def step_down(observed: Floats, shuffled: Iterable[Floats]) -> StepDown:
    """Compare observed statistics with the largest of their family in each shuffle.

    Parameters
    ----------
    observed : ndarray of float64, shape (tests,)
        Statistics without NaN; larger ones are stronger evidence.
    shuffled : iterable of ndarray of float64, shape (shuffles, tests)
        Statistics of shuffles, in batches; NaN, where nothing could be tested, counts as 0.

    Returns
    -------
    StepDown

    Notes
    -----
    This is the step-down max-T procedure of Westfall and Young, Resampling-Based Multiple
    Testing, Wiley 1993, algorithm 4.1, with statistics instead of p-values.
    """
    order = np.argsort(-observed, kind="stable")
    threshold = observed[order] * (1 - _ROUNDING)
    alone, family = np.zeros(observed.size, np.int64), np.zeros(observed.size, np.int64)
    count = 0
    for statistics in shuffled:
        ranked = np.nan_to_num(statistics[:, order], nan=0.0)
        count += len(ranked)
        alone[order] += (ranked >= threshold).sum(axis=0)
        # For each test, the largest statistic of itself and all later tests.
        largest = np.maximum.accumulate(ranked[:, ::-1], axis=1)[:, ::-1]
        family[order] += (largest >= threshold).sum(axis=0)
    return StepDown(count, alone, family, order)
