"""What many tests reach together in shuffles: the step-down of Westfall and Young."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

__all__ = ["StepDown", "step_down"]

Floats = npt.NDArray[np.float64]
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
