"""The numbers of findings, before they become a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

__all__ = ["REASONS", "Results"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]

REASONS = (
    "no applicable answers",
    "no second group to compare with",
    "every answer is the same",
    "no unit in which both groups and both answers occur",
    "too few applicable answers to publish",
    "a stratum of one cluster",
    "no spread to test against",
    "no such interval at 0 or 100",
    "no degrees of freedom for an interval",
)
"""Why a row has no percentage or no test, by code."""


@attrs.frozen(eq=False)
class Results:
    """The numbers of findings, before they become a table.

    Attributes
    ----------
    percent, low, high : ndarray of float64, shape (units, groups, questions)
        0-100; NaN where nothing was applicable.
    statistic, df, p_value : ndarray of float64, shape (units, splits, questions)
        NaN where nothing could be tested.
    stars : ndarray of int8, shape (units, splits, questions)
        Codes of the printed marks; -1 for none.
    reason : ndarray of int8, shape (units, splits, questions)
        Codes of `REASONS` for the test; -1 where it was made.
    methods : tuple of str
        The tests used.
    method : ndarray of int8, shape (units, splits, questions)
        Codes of ``methods``; -1 where no test was made.
    expected : ndarray of float64, shape (units, splits, questions)
        The smallest expected count of a comparison.
    printed : ndarray of int8, shape (units, groups, questions), or None
        Rounded percentages, where they are not those of the counts.
    withheld : ndarray of bool, shape (units, groups, questions), or None
        Groups whose figures are not published.
    of_groups, of_splits : mapping of str to ndarray of float64
        Further columns, of the shape of ``percent`` or of ``p_value``.
    """

    percent: Floats
    low: Floats
    high: Floats
    statistic: Floats
    df: Floats
    p_value: Floats
    stars: Codes
    reason: Codes
    methods: tuple[str, ...]
    method: Codes
    expected: Floats
    printed: Codes | None = None
    withheld: npt.NDArray[np.bool_] | None = None
    of_groups: Mapping[str, npt.NDArray[Any]] = attrs.field(factory=dict)
    of_splits: Mapping[str, npt.NDArray[Any]] = attrs.field(factory=dict)
