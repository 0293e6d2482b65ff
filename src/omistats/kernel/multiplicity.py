"""Adjust(), ADJUSTMENTS, Westfall-Young step-down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError, format_values
from omistats.kernel.checks import as_numbers
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


Floats = npt.NDArray[np.float64]

ADJUSTMENTS: MethodRegistry[Callable[[Floats], Floats]] = MethodRegistry(
    "adjustment", "f(p), a family on the last axis, NaN in no family -> adjusted p", outputs=1
)
"""Adjustments for many tests."""


def bonferroni(p: Floats) -> Floats:
    """Multiply by the number of tests.

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
    Any dependence between tests is allowed. The chance of one false finding or more in
    the family is at most the level.
    """
    return np.asarray(np.minimum(p * _tests(p), 1.0), np.float64)


def holm(p: Floats) -> Floats:
    """Step down from the smallest, each p-value times the number of tests not yet passed.

    Parameters
    ----------
    p : ndarray of float64
        As for `bonferroni`.

    Returns
    -------
    ndarray of float64
        Never above Bonferroni's, with the same guarantee.

    Notes
    -----
    Holm, Scandinavian Journal of Statistics 6, 1979: the running maximum of
    ``(m - i + 1) p(i)``.
    """
    ranked, order = _ranked(p)
    left = np.maximum(_tests(p) - np.arange(p.shape[-1]), 1.0)
    return _unranked(np.maximum.accumulate(np.minimum(ranked * left, 1.0), axis=-1), order)


def benjamini_hochberg(p: Floats) -> Floats:
    """Step up from the largest: the expected share of false findings among findings.

    Parameters
    ----------
    p : ndarray of float64
        As for `bonferroni`.

    Returns
    -------
    ndarray of float64

    Notes
    -----
    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57, 1995: the running
    minimum, from the largest, of ``m p(i) / i``. Proved for tests that are independent
    or positively dependent.
    """
    ranked, order = _ranked(p)
    scaled = np.minimum(ranked * (_tests(p) / np.arange(1, p.shape[-1] + 1)), 1.0)
    # NaN was ranked last, where the running minimum starts.
    scaled = np.where(np.isnan(scaled), np.inf, scaled)[..., ::-1]
    adjusted = np.minimum.accumulate(scaled, axis=-1)[..., ::-1]
    return _unranked(np.where(np.isnan(ranked), np.nan, adjusted), order)


def _tests(p: Floats) -> Floats:
    return np.asarray((~np.isnan(p)).sum(axis=-1, keepdims=True), np.float64)


def _ranked(p: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    order = np.argsort(p, axis=-1, kind="stable")
    return np.take_along_axis(p, order, axis=-1), order


def _unranked(ranked: Floats, order: npt.NDArray[np.intp]) -> Floats:
    out = np.empty_like(ranked)
    np.put_along_axis(out, order, ranked, axis=-1)
    return out


ADJUSTMENTS.register("bonferroni", bonferroni, ["b"])
ADJUSTMENTS.register("holm", holm, ["h"])
ADJUSTMENTS.register("bh", benjamini_hochberg, ["fdr", "fdr-bh", "benjamini-hochberg"])


def adjust(p_value: npt.ArrayLike, method: str = "bh", axis: int = -1) -> npt.NDArray[np.float64]:
    """Adjust p-values for the number of tests in their family.

    Parameters
    ----------
    p_value : array_like of float
        P-values, a family along ``axis``. NaN stays NaN and is not in the family.
    method : {'bh', 'holm', 'bonferroni'}
        ``'bh'`` controls the false discovery rate (Benjamini and Hochberg); ``'holm'`` and
        ``'bonferroni'`` the chance of any false finding, whatever the dependence.
    axis : int
        The axis along which a family lies.

    Returns
    -------
    ndarray of float64
        Of the shape of ``p_value``; a scalar is a family of one.

    Raises
    ------
    UsageError
        When a p-value is not between 0 and 1, there is no such axis, or a family is empty
        because the axis has no entries.
    UnknownNameError
        When the method is unknown.

    See Also
    --------
    omistats.max_t : Uses how the tests hang together.

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
        raise UsageError(f"p-values lie between 0 and 1, found {format_values(p[bad].tolist())}")
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise UsageError(f"`axis` is a whole number, found {axis!r}")
    if p.ndim == 0:
        # One test is a family of one.
        return np.asarray(ADJUSTMENTS[name](p.reshape(1))[0])
    if not -p.ndim <= axis < p.ndim:
        raise UsageError(f"there is no axis {axis} in p-values of shape {p.shape}")
    if p.shape[axis] == 0:
        raise UsageError("the family is empty: no p-values to adjust")
    adjusted = ADJUSTMENTS[name](np.moveaxis(p, axis, -1))
    return np.ascontiguousarray(np.moveaxis(adjusted, -1, axis))


Ints = npt.NDArray[np.int64]

# Statistics of one table reached by two roads differ by rounding only.
_ROUNDING: Final = 1e-9


@attrs.frozen(eq=False)
class StepDown:
    """How often shuffles reached what was observed.

    Attributes
    ----------
    shuffles : int
        How many there were.
    alone : ndarray of int64, shape (tests,)
        Shuffles in which the test itself reached its statistic.
    family : ndarray of int64, shape (tests,)
        Shuffles in which any test did whose statistic is not larger.
    order : ndarray of intp
        Tests from the largest statistic down.
    """

    shuffles: int
    alone: Ints
    family: Ints
    order: npt.NDArray[np.intp]

    def p_value(self) -> Floats:
        """Give ``(b + 1) / (B + 1)`` of each test by itself."""
        return np.asarray((self.alone + 1) / (self.shuffles + 1), np.float64)

    def p_adjusted(self) -> Floats:
        """Give the step-down p-values, none below that of a larger statistic."""
        p = (self.family + 1) / (self.shuffles + 1)
        out = np.empty_like(p)
        out[self.order] = np.maximum.accumulate(p[self.order])
        return out


def step_down(observed: Floats, shuffled: Iterable[Floats]) -> StepDown:
    """Set observed statistics against the largest of a family in each shuffle.

    Parameters
    ----------
    observed : ndarray of float64, shape (tests,)
        Statistics, none NaN; the larger, the further from what is tested.
    shuffled : iterable of ndarray of float64, shape (shuffles, tests)
        Those of shuffles, some at a time; NaN, where nothing could be tested, reaches nothing.

    Returns
    -------
    StepDown

    Notes
    -----
    The step-down max-T procedure of Westfall and Young, Resampling-Based Multiple Testing,
    Wiley 1993, algorithm 4.1 with statistics in place of p-values.
    """
    order = np.argsort(-observed, kind="stable")
    bar = observed[order] * (1 - _ROUNDING)
    alone, family = np.zeros(observed.size, np.int64), np.zeros(observed.size, np.int64)
    count = 0
    for statistics in shuffled:
        ranked = np.nan_to_num(statistics[:, order], nan=0.0)
        count += len(ranked)
        alone[order] += (ranked >= bar).sum(axis=0)
        # Before each test, the largest of it and all that come after.
        largest = np.maximum.accumulate(ranked[:, ::-1], axis=1)[:, ::-1]
        family[order] += (largest >= bar).sum(axis=0)
    return StepDown(count, alone, family, order)
