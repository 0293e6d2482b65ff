"""The tests that an author of a printed table may have used, as p-values of 2 x 2 tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError
from omistats.kernel.significance import chi_square_sf, pearson_two
from omistats.kernel.two_by_two import g_two, n_minus_one, yates, z_unpooled

__all__ = ["METHODS", "OVERLAPPING", "p_value"]

Floats = npt.NDArray[np.float64]


OVERLAPPING: Final = "overlapping"
"""The subset against the whole, itself included, as if the two were independent."""

_STATISTICS: Final[dict[str, Callable[..., Any]]] = {
    "pearson": pearson_two,
    "n-1": n_minus_one,
    "g": g_two,
    "yates": yates,
    "z-unpooled": z_unpooled,
    OVERLAPPING: pearson_two,
}

METHODS: Final = tuple(_STATISTICS)
"""Names of the tests, likeliest first."""


def p_value(
    method: str, k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> Floats:
    """Give p-values of 2 x 2 tables, two-sided, by chi-square with one degree of freedom.

    Parameters
    ----------
    method : str
        One of `METHODS`. For ``'overlapping'`` the second group is the whole.
    k1, n1, k2, n2 : array_like of int
        Successes and trials, broadcast together.

    Returns
    -------
    ndarray of float64
        1 where all answers are alike (nothing differs), NaN where a group is empty.

    Raises
    ------
    UnknownNameError
        When there is no such test.

    Notes
    -----
    Pearson (1900); the N - 1 form of E. S. Pearson (1947); the likelihood ratio of
    Wilks (1935); Yates (1934); Wald's z with each group's own variance.
    """
    if method not in _STATISTICS:
        raise UnknownNameError("test", method, METHODS)
    k1, n1, k2, n2 = (np.asarray(v, np.float64) for v in (k1, n1, k2, n2))
    p = chi_square_sf(_STATISTICS[method](k1, n1, k2, n2), 1.0)
    both = (n1 > 0) & (n2 > 0)
    out: Floats = np.where(both, np.where(np.isnan(p), 1.0, p), np.nan)
    return out
