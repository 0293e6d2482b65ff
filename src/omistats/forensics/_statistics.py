"""The tests that an author of a printed table may have used, as p-values of 2 x 2 tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError
from omistats.kernel.significance import chi_square_sf, pearson_two

__all__ = ["METHODS", "OVERLAPPING", "p_value"]

Floats = npt.NDArray[np.float64]


def _yates(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
    total, s = n1 + n2, k1 + k2
    # The correction never takes a difference past zero.
    cross = np.maximum(np.abs(k1 * (n2 - k2) - k2 * (n1 - k1)) - total / 2, 0.0)
    out: Floats = total * cross * cross / (n1 * n2 * s * (total - s))
    return out


def _n_minus_one(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
    total = n1 + n2
    return pearson_two(k1, n1, k2, n2) * (total - 1) / total


def _g(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
    # Here and not above: scipy.special costs more to import than NumPy.
    import scipy

    total, s = n1 + n2, k1 + k2
    out: Floats = np.zeros(np.broadcast(k1, k2).shape)
    for observed, row, column in (
        (k1, n1, s),
        (n1 - k1, n1, total - s),
        (k2, n2, s),
        (n2 - k2, n2, total - s),
    ):
        # x log x is 0 at 0: an empty cell adds nothing.
        out = out + 2 * scipy.special.xlogy(observed, observed * total / (row * column))
    # Rounding can leave a hair below zero where nothing differs.
    return np.where((s > 0) & (s < total), np.maximum(out, 0.0), np.nan)


def _z_unpooled(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
    p1, p2 = k1 / n1, k2 / n2
    variance = p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2
    # 0 of n against n of n has no variance: infinitely far apart, not undefined.
    out: Floats = (p1 - p2) ** 2 / variance
    return out


OVERLAPPING: Final = "overlapping"
"""The subset against the whole, itself included, as if the two were independent."""

_STATISTICS: Final[dict[str, Callable[..., Any]]] = {
    "pearson": pearson_two,
    "n-1": _n_minus_one,
    "g": _g,
    "yates": _yates,
    "z-unpooled": _z_unpooled,
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
    with np.errstate(divide="ignore", invalid="ignore"):
        p = chi_square_sf(_STATISTICS[method](k1, n1, k2, n2), 1.0)
    both = (n1 > 0) & (n2 > 0)
    out: Floats = np.where(both, np.where(np.isnan(p), 1.0, p), np.nan)
    return out
