"""Power(), sample_size(), detectable(), sample_for_precision()."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.kernel.checks import LARGEST, broadcast, check_confidence, fraction, shares, sizes
from omistats.kernel.compare import TESTS
from omistats.kernel.intervals import INTERVALS, normal_quantile

__all__ = [
    "Detectable",
    "Power",
    "SampleSize",
    "binomial",
    "detectable",
    "detectable_share",
    "exact_power",
    "normal_power",
    "power",
    "sample_for_precision",
    "sample_size",
    "size_for_wald",
    "size_for_wilson",
    "sizes_for_power",
    "with_population",
]


Floats = npt.NDArray[np.float64]
Outcome = tuple[Floats, Floats, Floats]

_GRID = 128
_BLOCK = 1 << 18


def normal_power(p1: Floats, p2: Floats, n1: Floats, n2: Floats, level: float) -> Floats:
    """Give the power of Pearson's test by the normal approximation.

    Parameters
    ----------
    p1, p2 : ndarray of float64
        The true proportions.
    n1, n2 : ndarray of float64
        Sizes of the groups.
    level : float
        The test rejects below it, on either side.

    Returns
    -------
    ndarray of float64
        NaN where a group is empty.

    Notes
    -----
    The difference is taken as normal with its true variance, and is held against ``z`` times
    the standard error of the pooled proportion, both at their expected values. Both tails
    count: of two equal proportions the power is the level.
    """
    import scipy

    z = normal_quantile(1.0 - level)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (n1 * p1 + n2 * p2) / (n1 + n2)
        null = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        true = np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
        apart = np.abs(p1 - p2)
        both: Any = scipy.special.ndtr((apart - z * null) / true)
        both = both + scipy.special.ndtr((-apart - z * null) / true)
    # All answers alike for certain: there is never anything to reject.
    out: Floats = np.where((true == 0) & (apart == 0), 0.0, both)
    return np.where((n1 > 0) & (n2 > 0), out, np.nan)


def detectable_share(
    p1: Floats, n1: Floats, n2: Floats, power: float, level: float, end: float
) -> Floats:
    """Find the share nearest to ``p1``, towards an end, that is told from it with a power.

    Parameters
    ----------
    p1, n1, n2 : ndarray of float64
        The proportion of the first group, and the sizes; of one shape.
    power, level : float
        As in `normal_power`.
    end : {0.0, 1.0}
        Whether to look below or above.

    Returns
    -------
    ndarray of float64
        The second proportion; NaN where even the end is not told apart.
    """
    # Power need not rise all the way to the end in tiny samples: the first crossing on a grid
    # comes first, then bisection.
    low, high = p1.copy(), np.full(p1.shape, np.nan)
    for step in range(1, _GRID + 1):
        at = p1 + (end - p1) * (step / _GRID)
        enough = normal_power(p1, at, n1, n2, level) >= power
        np.copyto(high, at, where=enough & np.isnan(high))
        np.copyto(low, at, where=np.isnan(high))
    for _ in range(60):
        middle = (low + high) / 2
        enough = normal_power(p1, middle, n1, n2, level) >= power
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    # At the end itself there is nowhere to go.
    return np.where(p1 == end, np.nan, high)


def sizes_for_power(
    p1: Floats, p2: Floats, power: float, level: float, ratio: Floats
) -> tuple[Floats, Floats]:
    """Find the smallest groups that give a power.

    Parameters
    ----------
    p1, p2 : ndarray of float64
        The proportions to tell apart.
    power, level : float
        As in `normal_power`.
    ratio : ndarray of float64
        Cases of the second group to one of the first; ``n2`` is ``ratio * n1`` rounded up.

    Returns
    -------
    n1, n2 : ndarray of float64
        Whole numbers; NaN where the proportions are equal or a parameter is NaN.
    """

    def second(n1: Floats) -> Floats:
        # Rounding up must not add a case for a stray last digit of the product.
        return np.maximum(np.ceil(ratio * n1 * (1 - 1e-15)), 1.0)

    def enough(n1: Floats) -> npt.NDArray[np.bool_]:
        return normal_power(p1, p2, n1, second(n1), level) >= power

    solvable = (p1 != p2) & ~np.isnan(p1 + p2 + ratio)
    low, high = np.zeros(p1.shape), np.ones(p1.shape)
    while (short := solvable & ~enough(high)).any() and high.max() < 2**52:
        low, high = np.where(short, high, low), np.where(short, 2 * high, high)
    while ((high - low) > 1).any():
        middle = np.floor((low + high) / 2)
        found = enough(middle)
        wide = (high - low) > 1
        low = np.where(wide & ~found, middle, low)
        high = np.where(wide & found, middle, high)
    solvable &= enough(high)
    return np.where(solvable, high, np.nan), np.where(solvable, second(high), np.nan)


def binomial(n: int, p: Floats) -> Floats:
    """Give binomial probabilities of 0 to ``n``, which lie along a new last axis."""
    import scipy

    k = np.arange(n + 1.0)
    p = np.asarray(p, np.float64)[..., None]
    ways = (
        scipy.special.gammaln(n + 1.0)
        - scipy.special.gammaln(k + 1)
        - (scipy.special.gammaln(n - k + 1))
    )
    out: Any = np.exp(ways + scipy.special.xlogy(k, p) + scipy.special.xlog1py(n - k, -p))
    # Differences of logarithms of factorials lose a few digits, the same for all.
    weights: Floats = out / out.sum(axis=-1, keepdims=True)
    return weights


def exact_power(
    p1: Floats,
    p2: Floats,
    n1: Floats,
    n2: Floats,
    level: float,
    test: Callable[[Floats, Floats, Floats, Floats], Outcome],
) -> Floats:
    """Give the power of a test by adding up the chances of all tables that it rejects.

    Parameters
    ----------
    p1, p2, n1, n2, level
        As in `normal_power`; arrays of one shape.
    test : callable
        As in `TESTS`; it rejects where its p-value is below ``level``, and does not where it
        is NaN.

    Returns
    -------
    ndarray of float64
        NaN where a group is empty.
    """
    out = np.full(p1.shape, np.nan)
    open_ = (n1 > 0) & (n2 > 0) & ~np.isnan(p1 + p2)
    # Which tables are rejected depends on the sizes alone, so each pair of sizes is done once.
    for a, b in np.unique(np.stack([n1[open_], n2[open_]], axis=-1), axis=0):
        here = open_ & (n1 == a) & (n2 == b)
        first, second = binomial(int(a), p1[here]), binomial(int(b), p2[here])
        k2 = np.arange(b + 1)[None, :]
        rows = max(int(_BLOCK // (b + 1)), 1)
        total = np.zeros(first.shape[0])
        for start in range(0, int(a) + 1, rows):
            k1 = np.arange(start, min(start + rows, int(a) + 1), dtype=np.float64)[:, None]
            table = np.broadcast_arrays(k1, a, k2, b)
            with np.errstate(invalid="ignore"):
                rejected = test(*table)[2] < level
            total += ((first[:, start : start + len(k1)] @ rejected) * second).sum(axis=-1)
        out[here] = total
    return out


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
    >>> found = oms.stats.power(0.65, 0.75, [200, 0], 850)
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
    >>> found = oms.stats.detectable(0.95, [50, 500], 100)
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
    >>> found = oms.stats.sample_size(0.65, [0.75, 0.65], ratio=2)
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
    >>> print(f"{oms.stats.power(0.65, 0.75, 200, 850).power:.3f}")
    0.805
    >>> print(f"{oms.stats.power(0.65, 0.75, 20, 85, test='pearson', method='exact').power:.3f}")
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
    >>> found = oms.stats.detectable(0.65, 200, 850)
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
    >>> found = oms.stats.sample_size(0.65, 0.75)
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


def size_for_wald(half_width: Floats, p: Floats, confidence: float) -> Floats:
    """Give the size at which Wald's interval has a half width.

    Parameters
    ----------
    half_width, p : ndarray of float64
        Half the width of the interval, and the proportion it is around.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    ndarray of float64
        Not rounded.
    """
    z = normal_quantile(confidence)
    with np.errstate(over="ignore", invalid="ignore"):
        out: Floats = p * (1 - p) * (z / half_width) ** 2
    return np.where(np.isnan(half_width), np.nan, np.where(p * (1 - p) == 0, 0.0, out))


def size_for_wilson(half_width: Floats, p: Floats, confidence: float) -> Floats:
    """Give the size at which Wilson's interval has a half width; see `size_for_wald`.

    Notes
    -----
    With ``x = z^2 / n`` the square of the half width ``h`` is
    ``(p (1 - p) x + x^2 / 4) / (1 + x)^2``, a quadratic in ``x`` with one positive root for
    ``h`` below a half.
    """
    z = normal_quantile(confidence)
    h2 = half_width * half_width
    b = p * (1 - p) - 2 * h2
    root: Any = np.sqrt(b * b + h2 * (1 - 4 * h2))
    # n = z^2 / x; of the two forms of a root, the one without a difference of near equals.
    # Squares of widths that are too small for any sample are 0.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        out: Floats = z * z * np.where(b > 0, (b + root) / (2 * h2), (0.5 - 2 * h2) / (root - b))
    return out


def with_population(n: Floats, population: Floats) -> Floats:
    """Reduce a size for a population that is not without end, and round up.

    Parameters
    ----------
    n : ndarray of float64
        The size for a population without end.
    population : ndarray of float64
        Cases that there are; infinite for no correction.

    Returns
    -------
    ndarray of float64
        Whole numbers, 1 or more, never above the population.

    Notes
    -----
    A sample of ``n`` out of ``N`` is as precise as ``n (N - 1) / (N - n)`` out of a population
    without end.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.where(np.isinf(population), n, n * population / (population - 1 + n))
        # The same, where a size may be without bound.
        of_many = population / ((population - 1) / n + 1)
    finite = np.where((n > LARGEST) & np.isfinite(population), of_many, finite)
    return np.asarray(np.maximum(np.ceil(finite), 1.0))


_WIDTHS = {"wilson": size_for_wilson, "wald": size_for_wald}


def sample_for_precision(
    half_width: npt.ArrayLike,
    *,
    p: npt.ArrayLike = 0.5,
    confidence: float = 0.95,
    population: npt.ArrayLike | None = None,
    method: str = "wilson",
) -> Floats:
    """Give the smallest sample whose interval for a proportion is as narrow as wanted.

    Parameters
    ----------
    half_width : array_like of float
        Half the width of the interval, as a proportion: 0.05 is five points either way.
    p : array_like of float
        The proportion expected, 0-1. A half is the safe choice: nothing takes more cases.
    confidence : float
        Between 0 and 1.
    population : array_like of int, optional
        Cases that there are, where the sample is a good part of them: the finite population
        correction is made. Without it there is no end of cases.
    method : {'wilson', 'wald'}
        The interval. Wald's is the formula of most textbooks.

    Returns
    -------
    ndarray of float64
        Whole numbers of cases; NaN where a parameter is NaN.

    Raises
    ------
    UsageError
        When a width, a proportion, the confidence or a population is out of range, a width
        takes more than 2**53 cases, or the method is an interval of another kind.
    UnknownNameError
        When the method is unknown.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd edition. Wiley. Section 4.4.

    Examples
    --------
    >>> import omistats as oms
    >>> print(oms.stats.sample_for_precision([0.05, 0.1], method="wald"))
    [385.  97.]
    >>> print(oms.stats.sample_for_precision(0.05, population=1000))
    276.0
    """
    check_confidence(confidence)
    name = INTERVALS.name(method)
    if name not in _WIDTHS:
        raise UsageError(
            f"the width of a {name!r} interval has no formula; choose from {', '.join(_WIDTHS)}"
        )
    there = np.asarray(np.inf) if population is None else sizes(population, "population")
    if (there < 1).any():
        raise UsageError("population: expected one case or more, found 0")
    h, share, there = broadcast(
        "half_width, p and population",
        shares(half_width, "half_width", below=0.5, ends=False),
        shares(p, "p"),
        there,
    )
    found = with_population(_WIDTHS[name](h, share, confidence), there)
    if (found > LARGEST).any():
        smallest = float(h[found > LARGEST].min())
        raise UsageError(
            f"half_width: {smallest:g} takes more than 2**53 cases; name a wider interval, or the "
            "population that there is"
        )
    return found
