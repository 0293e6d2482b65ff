"""Tests of a difference between proportions, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from omistats.kernel.methods import Methods
from omistats.kernel.significance import chi_square_sf, pearson_groups, pearson_two

__all__ = ["GROUP_TESTS", "TESTS"]

Floats = npt.NDArray[np.float64]
Outcome = tuple[Floats, Floats, Floats]

TESTS: Methods[Callable[[Floats, Floats, Floats, Floats], Outcome]] = Methods(
    "test", "f(k1, n1, k2, n2) -> (statistic, df, p_value)"
)
"""Tests of two groups."""

GROUP_TESTS: Methods[Callable[[Floats, Floats], Outcome]] = Methods(
    "test of several groups", "f(k, n), groups on the last axis -> (statistic, df, p_value)"
)
"""Tests of any number of groups."""


def _pearson(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Outcome:
    statistic = pearson_two(k1, n1, k2, n2)
    df = np.where(np.isnan(statistic), np.nan, 1.0)
    return statistic, df, chi_square_sf(statistic, 1.0)


def _pearson_groups(k: Floats, n: Floats) -> Outcome:
    statistic, df = pearson_groups(k, n)
    return statistic, np.where(np.isnan(statistic), np.nan, df), chi_square_sf(statistic, df)


TESTS.register("pearson", _pearson, ["chi2", "chisq", "chi-square", "z-pooled"])
GROUP_TESTS.register("pearson", _pearson_groups, ["chi2", "chisq", "chi-square"])
