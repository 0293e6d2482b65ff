"""A test chosen by the counts: exact where they are small, Pearson's elsewhere."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from omistats.kernel.fisher import fisher
from omistats.kernel.significance import chi_square_sf, pearson_two
from omistats.kernel.small_numbers import smallest_expected_two

__all__ = ["EXPECTED", "automatic", "by_fisher"]

Floats = npt.NDArray[np.float64]

EXPECTED: Final = 5.0
"""A 2 x 2 table that expects fewer cases than this in any cell is tested exactly."""


def by_fisher(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> npt.NDArray[np.bool_]:
    """Say which tables the automatic choice tests by Fisher's test.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like
        Successes and trials of the two groups; broadcast together.

    Returns
    -------
    ndarray of bool
        True where any expected count is below 5; False elsewhere and where a group has no
        trials.

    References
    ----------
    Cochran, W. G. (1954). Some methods for strengthening the common chi-square tests.
    Biometrics 10, 417-451. doi:10.2307/3001616
    """
    # A comparison with NaN is False.
    return np.asarray(smallest_expected_two(k1, n1, k2, n2) < EXPECTED)


def automatic(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> tuple[Floats, Floats, Floats]:
    """Test 2 x 2 tables, each by the test that `by_fisher` says.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of the two groups, of one shape.

    Returns
    -------
    statistic, df, p_value : ndarray of float64
        The first two are NaN where the test is Fisher's.
    """
    exact = by_fisher(k1, n1, k2, n2)
    statistic = np.where(exact, np.nan, pearson_two(k1, n1, k2, n2))
    p_value = np.array(chi_square_sf(statistic, 1.0))
    p_value[exact] = fisher(k1[exact], n1[exact], k2[exact], n2[exact])
    return statistic, np.where(np.isnan(statistic), np.nan, 1.0), p_value
