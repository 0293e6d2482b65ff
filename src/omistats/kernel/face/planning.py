"""Before any case is read: what a comparison could find, and how large it has to be."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.kernel.comparison_methods import TESTS
from omistats.kernel.face.shares import broadcast, fraction, shares, sizes
from omistats.kernel.power import detectable_share, exact_power, normal_power, sizes_for_power

__all__ = ["Detectable", "Power", "SampleSize", "detectable", "power", "sample_size"]

Floats = npt.NDArray[np.float64]

# What takes some two seconds: the logarithms of G are the slowest.
_MOST_TABLES = 6_000_000
# Exact tests also list what each table could have been, as much as the smaller group allows.
_MOST_EXACT = 40_000_000
_EXACT = ("fisher", "fisher-mid-p")


@attrs.frozen(eq=False)
class Power:
    """The chance of a significant difference, element by element.

    Attributes
    ----------
    power : ndarray of float64
        0-1; NaN where a group is empty.
    test : ndarray of str
        The test whose power it is.
    method : ndarray of str
        ``'normal'`` or ``'exact'``.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.power(0.65, 0.75, [200, 0], 850)
    >>> found.power.round(3).tolist(), found.test[0].item(), found.method[0].item()
    ([0.805, nan], 'pearson', 'normal')
    """

    power: Floats
    test: npt.NDArray[np.str_]
    method: npt.NDArray[np.str_]


@attrs.frozen(eq=False)
class Detectable:
    """The smallest differences that would be found, element by element.

    Attributes
    ----------
    low, high : ndarray of float64
        The nearest proportions below and above, 0-1, that are told apart; NaN where even 0,
        or 1, is not, or a group is empty.
    below, above : ndarray of float64
        How far away they are, as proportions.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.detectable(0.95, [50, 500], 100)
    >>> found.low.round(2).tolist(), found.below.round(2).tolist(), found.high.tolist()
    ([0.78, 0.87], [0.17, 0.08], [nan, nan])
    """

    low: Floats
    high: Floats
    below: Floats
    above: Floats


@attrs.frozen(eq=False)
class SampleSize:
    """The smallest groups that give a power, element by element.

    Attributes
    ----------
    n1, n2 : ndarray of float64
        Whole numbers of cases; NaN where the proportions are equal.
    power : ndarray of float64
        The power they give, 0-1.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.sample_size(0.65, [0.75, 0.65], ratio=2)
    >>> found.n1.tolist(), found.n2.tolist(), found.power.round(3).tolist()
    ([243.0, nan], [486.0, nan], [0.8, nan])
    """

    n1: Floats
    n2: Floats
    power: Floats


def power(
    p1: npt.ArrayLike,
    p2: npt.ArrayLike,
    n1: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    level: float = 0.05,
    test: str = "pearson",
    method: Literal["normal", "exact"] = "normal",
) -> Power:
    """Give the power of a test of two proportions, for an alternative named beforehand.

    Parameters
    ----------
    p1, p2 : array_like of float
        The two true proportions of the alternative, 0-1.
    n1, n2 : array_like of int
        Cases in the groups; all broadcast together, and NaN gives NaN.
    level : float
        A p-value below it is significant; two-sided.
    test : str
        With ``method='exact'`` any name in `TESTS`, one of a user's own as well.
    method : {'normal', 'exact'}
        The normal approximation, of Pearson's test only; or the sum of the chances of every
        table that the test rejects.

    Returns
    -------
    Power
        Of the broadcast shape; 0-d for scalars.

    Raises
    ------
    UsageError
        When a proportion, a size or the level is out of range, when the approximation is
        asked of another test, or when sizes are too large to list every table.
    UnknownNameError
        When the test or the method is unknown.

    Notes
    -----
    It takes proportions and no counts, because power is a matter of plans. The power for the
    difference that was observed is the p-value in other words, and says nothing of whether a
    difference was missed; an interval or `equivalence` does. The probability of rejecting two
    equal proportions is the size of the test.

    References
    ----------
    Fleiss, J. L., Levin, B. and Paik, M. C. (2003). Statistical Methods for Rates and
    Proportions, 3rd edition. Wiley. Chapter 4.

    Hoenig, J. M. and Heisey, D. M. (2001). The abuse of power: the pervasive fallacy of power
    calculations for data analysis. The American Statistician 55, 19-24.
    doi:10.1198/000313001300339897

    Examples
    --------
    >>> import omistats as oms
    >>> print(f"{oms.power(0.65, 0.75, 200, 850).power:.3f}")
    0.805
    >>> print(f"{oms.power(0.65, 0.75, 20, 85, test='pearson', method='exact').power:.3f}")
    0.163
    """
    level = fraction(level, "level")
    if method not in ("normal", "exact"):
        raise UnknownNameError("way to compute power", method, ("normal", "exact"))
    name = TESTS.name(test)
    if method == "normal" and name != "pearson":
        raise UsageError(
            f"the normal approximation is of Pearson's test; ask for {name!r} with method='exact'"
        )
    a, b, m1, m2 = broadcast(
        "p1, p2, n1 and n2", shares(p1, "p1"), shares(p2, "p2"), sizes(n1, "n1"), sizes(n2, "n2")
    )
    if method == "normal":
        found = normal_power(a, b, m1, m2, level)
    else:
        _check_work(m1, m2, name)
        found = exact_power(a, b, m1, m2, level, TESTS[name])
    return Power(np.asarray(found), np.full(a.shape, name), np.full(a.shape, method))


def _check_work(n1: Floats, n2: Floats, test: str) -> None:
    """Refuse what would take longer than a moment."""
    tables = (n1 + 1) * (n2 + 1)
    exact = test in _EXACT
    too_much = tables > _MOST_TABLES
    if exact:
        too_much |= tables * (np.minimum(n1, n2) + 10) > _MOST_EXACT
    if too_much.any():
        a, b, count = (float(v[too_much].flat[0]) for v in (n1, n2, tables))
        instead = "the power of Pearson's test, test='pearson', " if exact else ""
        raise UsageError(
            f"groups of {a:g} and {b:g} make {count:.3g} tables, too many for {test!r}; for sizes "
            f"like these use {instead}method='normal'"
        )


def detectable(
    p1: npt.ArrayLike,
    n1: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    power: float = 0.8,
    level: float = 0.05,
) -> Detectable:
    """Give the smallest difference that Pearson's test would find with a power.

    Parameters
    ----------
    p1 : array_like of float
        The proportion of the first group, 0-1, as planned or as known from elsewhere.
    n1, n2 : array_like of int
        Cases in the groups; all broadcast together, and NaN gives NaN.
    power : float
        The chance of finding it, between 0 and 1.
    level : float
        A p-value below it is significant; two-sided.

    Returns
    -------
    Detectable
        The nearest proportions of the second group on either side, by the normal
        approximation.

    Raises
    ------
    UsageError
        When a proportion, a size, the power or the level is out of range.

    Notes
    -----
    The proportion at which the normal `power` reaches the power asked for.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.detectable(0.65, 200, 850)
    >>> print(f"{found.low:.3f} or less, {found.high:.3f} or more")
    0.542 or less, 0.749 or more
    """
    power, level = fraction(power, "power"), fraction(level, "level")
    p, m1, m2 = broadcast("p1, n1 and n2", shares(p1, "p1"), sizes(n1, "n1"), sizes(n2, "n2"))
    low = detectable_share(p, m1, m2, power, level, 0.0)
    high = detectable_share(p, m1, m2, power, level, 1.0)
    return Detectable(low, high, np.asarray(p - low), np.asarray(high - p))


def sample_size(
    p1: npt.ArrayLike,
    p2: npt.ArrayLike,
    *,
    power: float = 0.8,
    level: float = 0.05,
    ratio: npt.ArrayLike = 1.0,
) -> SampleSize:
    """Give the smallest groups in which Pearson's test finds a difference with a power.

    Parameters
    ----------
    p1, p2 : array_like of float
        The two true proportions of the alternative, 0-1.
    power : float
        The chance of finding the difference, between 0 and 1.
    level : float
        A p-value below it is significant; two-sided.
    ratio : array_like of float
        Cases of the second group to one of the first; broadcast with the proportions.

    Returns
    -------
    SampleSize
        ``n2`` is ``ratio * n1`` rounded up. One case fewer in the first group is not enough,
        by the normal approximation.

    Raises
    ------
    UsageError
        When a proportion, the power, the level or the ratio is out of range.

    Notes
    -----
    The least size at which the normal `power` is enough, without correction for continuity.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.sample_size(0.65, 0.75)
    >>> print(f"{found.n1:g} and {found.n2:g}")
    329 and 329
    """
    power, level = fraction(power, "power"), fraction(level, "level")
    per = sizes(ratio, "ratio", whole=False)
    if (per == 0).any():
        raise UsageError("ratio is the cases of the second group to one of the first, above 0")
    a, b, r = broadcast("p1, p2 and ratio", shares(p1, "p1"), shares(p2, "p2"), per)
    n1, n2 = sizes_for_power(a, b, power, level, r)
    return SampleSize(n1, n2, np.asarray(normal_power(a, b, n1, n2, level)))
