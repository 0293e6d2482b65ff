"""Power, detectable differences and sample sizes for proportions."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats._series import check_same_index
from omistats.errors import UnknownNameError, UsageError
from omistats.kernel.checks import (
    LARGEST,
    Floats,
    as_fraction,
    as_proportions,
    as_sizes,
    broadcast,
    check_confidence,
)
from omistats.kernel.compare import TESTS, TwoGroupTest
from omistats.kernel.intervals import INTERVALS, normal_quantile

__all__ = [
    "Detectable",
    "Power",
    "SampleSize",
    "binomial",
    "detectable",
    "detectable_proportion",
    "exact_power",
    "normal_power",
    "power",
    "sample_for_precision",
    "sample_size",
    "size_for_wald",
    "size_for_wilson",
    "sizes_for_power",
    "wilson_half_width",
    "with_population",
    "without_population",
]


@attrs.frozen(eq=False)
class Power:
    """Power of tests, element by element.

    Attributes
    ----------
    power : ndarray of float64
        Probability of a significant difference, 0-1; NaN where a group is empty.
    test : ndarray of str
        The test.
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
    """Smallest detectable differences, element by element.

    Attributes
    ----------
    low, high : ndarray of float64
        The nearest detectable proportions below and above, 0-1; NaN where even 0, or 1, is not
        detected, or a group is empty.
    below, above : ndarray of float64
        Their distances from the first proportion.

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
    """Smallest groups that reach a power, element by element.

    Attributes
    ----------
    n1, n2 : ndarray of float64
        Whole numbers of cases; NaN where the proportions are equal.
    power : ndarray of float64
        The power that they reach, 0-1.

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
    """Compute the power of a test of two proportions, for an alternative chosen beforehand.

    Parameters
    ----------
    p1, p2 : array_like of float
        The two true proportions of the alternative, 0-1.
    n1, n2 : array_like of int
        Cases in the groups, broadcast with the proportions; NaN gives NaN.
    level : float
        Significance level; tests are two-sided.
    test : str
        With ``method='exact'`` any name in `TESTS`, including tests of your own.
    method : {'normal', 'exact'}
        The normal approximation, for Pearson's test only; or the total probability of all
        tables that the test rejects.

    Returns
    -------
    Power
        Of the broadcast shape; 0-d for scalars.

    Raises
    ------
    UsageError
        When a proportion, a size or the level is out of range, when the approximation is
        requested for another test, or when there are too many tables for the sum.
    UnknownNameError
        When the test or the method is unknown.

    Notes
    -----
    Power is for planning, so the function takes proportions and not counts. The power for the
    observed difference is a function of the p-value, and does not show whether a difference was
    missed; use an interval or `equivalence` for that. For two equal proportions the power is the
    size of the test.

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
    level = as_fraction(level, "level")
    if method not in ("normal", "exact"):
        raise UnknownNameError("method of power", method, ("normal", "exact"))
    name = TESTS.name(test)
    if method == "normal" and name != "pearson":
        raise UsageError(
            f"the normal approximation is for Pearson's test only; use method='exact' for {name!r}"
        )
    check_same_index(p1=p1, p2=p2, n1=n1, n2=n2)
    a, b, m1, m2 = broadcast(
        "p1, p2, n1 and n2",
        as_proportions(p1, "p1"),
        as_proportions(p2, "p2"),
        as_sizes(n1, "n1"),
        as_sizes(n2, "n2"),
    )
    if method == "normal":
        found = normal_power(a, b, m1, m2, level)
    else:
        _check_work(m1, m2, name)
        found = exact_power(a, b, m1, m2, level, TESTS[name])
    return Power(np.asarray(found), np.full(a.shape, name), np.full(a.shape, method))


def _check_work(n1: Floats, n2: Floats, test: str) -> None:
    """Raise if the exact power would take more than a few seconds."""
    tables = (n1 + 1) * (n2 + 1)
    exact = test in _EXACT_TESTS
    too_many = tables > _MAX_TABLES
    if exact:
        too_many |= tables * (np.minimum(n1, n2) + 10) > _MAX_EXACT_STEPS
    if too_many.any():
        a, b, count = (float(v[too_many].flat[0]) for v in (n1, n2, tables))
        instead = "test='pearson' and " if exact else ""
        raise UsageError(
            f"groups of {a:g} and {b:g} have {count:.3g} tables, too many for {test!r}; use "
            f"{instead}method='normal'"
        )


def detectable(
    p1: npt.ArrayLike,
    n1: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    power: float = 0.8,
    level: float = 0.05,
) -> Detectable:
    """Find the smallest difference that Pearson's test detects with a power.

    Parameters
    ----------
    p1 : array_like of float
        The proportion of the first group, 0-1, planned or known from elsewhere.
    n1, n2 : array_like of int
        Cases in the groups, broadcast with ``p1``; NaN gives NaN.
    power : float
        Probability of detecting the difference, between 0 and 1.
    level : float
        Significance level; the test is two-sided.

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
    At the proportions found, the normal approximation of `power` reaches the power wanted.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.detectable(0.65, 200, 850)
    >>> print(f"{found.low:.3f} or less, {found.high:.3f} or more")
    0.542 or less, 0.749 or more
    """
    power, level = as_fraction(power, "power"), as_fraction(level, "level")
    check_same_index(p1=p1, n1=n1, n2=n2)
    p, m1, m2 = broadcast(
        "p1, n1 and n2", as_proportions(p1, "p1"), as_sizes(n1, "n1"), as_sizes(n2, "n2")
    )
    low = detectable_proportion(p, m1, m2, power, level, 0.0)
    high = detectable_proportion(p, m1, m2, power, level, 1.0)
    return Detectable(low, high, np.asarray(p - low), np.asarray(high - p))


def sample_size(
    p1: npt.ArrayLike,
    p2: npt.ArrayLike,
    *,
    power: float = 0.8,
    level: float = 0.05,
    ratio: npt.ArrayLike = 1.0,
) -> SampleSize:
    """Find the smallest groups in which Pearson's test detects a difference with a power.

    Parameters
    ----------
    p1, p2 : array_like of float
        The two true proportions of the alternative, 0-1.
    power : float
        Probability of detecting the difference, between 0 and 1.
    level : float
        Significance level; the test is two-sided.
    ratio : array_like of float
        Cases in the second group per case in the first, broadcast with the proportions.

    Returns
    -------
    SampleSize
        ``n2`` is ``ratio * n1`` rounded up. With one case fewer in the first group the power is
        not reached, by the normal approximation.

    Raises
    ------
    UsageError
        When a proportion, the power, the level or the ratio is out of range.

    Notes
    -----
    The sizes are the smallest at which the normal approximation of `power` is sufficient,
    without continuity correction.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.sample_size(0.65, 0.75)
    >>> print(f"{found.n1:g} and {found.n2:g}")
    329 and 329
    """
    power, level = as_fraction(power, "power"), as_fraction(level, "level")
    check_same_index(p1=p1, p2=p2, ratio=ratio)
    ratios = as_sizes(ratio, "ratio", whole=False)
    if (ratios == 0).any():
        raise UsageError(
            "`ratio` must be above 0: the cases in the second group per case in the first; found 0"
        )
    a, b, r = broadcast(
        "p1, p2 and ratio", as_proportions(p1, "p1"), as_proportions(p2, "p2"), ratios
    )
    n1, n2 = sizes_for_power(a, b, power, level, r)
    return SampleSize(n1, n2, np.asarray(normal_power(a, b, n1, n2, level)))


def sample_for_precision(
    half_width: npt.ArrayLike,
    *,
    p: npt.ArrayLike = 0.5,
    confidence: float = 0.95,
    population: npt.ArrayLike | None = None,
    method: str = "wilson",
) -> Floats:
    """Find the smallest sample in which the interval for a proportion has a given half-width.

    Parameters
    ----------
    half_width : array_like of float
        Half the width of the interval, as a proportion: 0.05 is five points either way.
    p : array_like of float
        The expected proportion, 0-1. 0.5 is the safe choice, because it needs most cases.
    confidence : float
        Between 0 and 1.
    population : array_like of int, optional
        Cases in the population, for the finite population correction. By default the population
        is infinite.
    method : {'wilson', 'wald'}
        The interval. Most textbooks have the formula for Wald's.

    Returns
    -------
    ndarray of float64
        Whole numbers of cases; NaN where a parameter is NaN.

    Raises
    ------
    UsageError
        When a half-width, a proportion, the confidence or a population is out of range, a
        half-width needs more than 2**53 cases, or the method is another interval.
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
    if name not in _SIZE_FORMULAS:
        raise UsageError(
            f"there is no sample size formula for the interval {name!r}; choose from "
            f"{', '.join(_SIZE_FORMULAS)}"
        )
    check_same_index(half_width=half_width, p=p, population=population)
    cases = np.asarray(np.inf) if population is None else as_sizes(population, "population")
    if (cases < 1).any():
        raise UsageError("`population` must be one case or more; found 0")
    h, proportion, cases = broadcast(
        "half_width, p and population",
        as_proportions(half_width, "half_width", below=0.5, ends=False),
        as_proportions(p, "p"),
        cases,
    )
    found = with_population(_SIZE_FORMULAS[name](h, proportion, confidence), cases)
    if (found > LARGEST).any():
        smallest = float(h[found > LARGEST].min())
        raise UsageError(
            f"`half_width` of {smallest:g} needs more than 2**53 cases; allow a wider interval, or "
            "pass the population"
        )
    return found


_GRID = 128

# Tables tested at once by `exact_power`, which bounds its memory.
_BLOCK = 1 << 18

# About two seconds of work for G, the slowest of the chi-square tests.
_MAX_TABLES = 6_000_000

# Exact tests also go through the alternatives of each table, up to the size of the smaller group.
_MAX_EXACT_STEPS = 40_000_000
_EXACT_TESTS = ("fisher", "fisher-mid-p")


def normal_power(p1: Floats, p2: Floats, n1: Floats, n2: Floats, level: float) -> Floats:
    """Compute the power of Pearson's test by the normal approximation.

    Parameters
    ----------
    p1, p2 : ndarray of float64
        The true proportions.
    n1, n2 : ndarray of float64
        Sizes of the groups.
    level : float
        Significance level of the two-sided test.

    Returns
    -------
    ndarray of float64
        NaN where a group is empty.

    Notes
    -----
    The difference is normal with its true variance, and is compared with ``z`` times the
    standard error from the pooled proportion, both at their expected values. Both tails count, so
    for two equal proportions the power is the level.
    """
    import scipy

    z = normal_quantile(1.0 - level)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (n1 * p1 + n2 * p2) / (n1 + n2)
        null = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        true = np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
        distance = np.abs(p1 - p2)
        both: Any = scipy.special.ndtr((distance - z * null) / true)
        both = both + scipy.special.ndtr((-distance - z * null) / true)
    # If all answers are certain to be the same, the test never rejects.
    out: Floats = np.where((true == 0) & (distance == 0), 0.0, both)
    return np.where((n1 > 0) & (n2 > 0), out, np.nan)


def detectable_proportion(
    p1: Floats, n1: Floats, n2: Floats, power: float, level: float, end: float
) -> Floats:
    """Find the nearest proportion to ``p1``, towards 0 or 1, that is detected with a power.

    Parameters
    ----------
    p1, n1, n2 : ndarray of float64
        Proportion of the first group and sizes of both groups, of one shape.
    power, level : float
        As in `normal_power`.
    end : {0.0, 1.0}
        Whether to look below or above.

    Returns
    -------
    ndarray of float64
        The second proportion; NaN where even ``end`` is not detected.
    """
    # In tiny samples the power may fall again towards the end. So find the first crossing on a
    # grid, then bisect.
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
    # From the end itself there is no proportion further out.
    return np.where(p1 == end, np.nan, high)


def sizes_for_power(
    p1: Floats, p2: Floats, power: float, level: float, ratio: Floats
) -> tuple[Floats, Floats]:
    """Find the smallest groups that reach a power.

    Parameters
    ----------
    p1, p2 : ndarray of float64
        The two true proportions.
    power, level : float
        As in `normal_power`.
    ratio : ndarray of float64
        Cases in the second group per case in the first; ``n2`` is ``ratio * n1`` rounded up.

    Returns
    -------
    n1, n2 : ndarray of float64
        Whole numbers; NaN where the proportions are equal or a parameter is NaN.
    """

    def second(n1: Floats) -> Floats:
        # Rounding error in the product must not add a case.
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
    """Compute the binomial probabilities of 0 to ``n``, along a new last axis."""
    import scipy

    k = np.arange(n + 1.0)
    p = np.asarray(p, np.float64)[..., None]
    log_ways = (
        scipy.special.gammaln(n + 1.0)
        - scipy.special.gammaln(k + 1)
        - scipy.special.gammaln(n - k + 1)
    )
    out: Any = np.exp(log_ways + scipy.special.xlogy(k, p) + scipy.special.xlog1py(n - k, -p))
    # Differences of log factorials lose a few digits, the same factor for all ``k``.
    weights: Floats = out / out.sum(axis=-1, keepdims=True)
    return weights


def exact_power(
    p1: Floats,
    p2: Floats,
    n1: Floats,
    n2: Floats,
    level: float,
    test: TwoGroupTest,
) -> Floats:
    """Compute the power of a test as the total probability of the tables that it rejects.

    Parameters
    ----------
    p1, p2, n1, n2, level
        As in `normal_power`; arrays of one shape.
    test : callable
        A test as in `TESTS`. It rejects where its p-value is below ``level``, and not where
        the p-value is NaN.

    Returns
    -------
    ndarray of float64
        NaN where a group is empty.
    """
    out = np.full(p1.shape, np.nan)
    known = (n1 > 0) & (n2 > 0) & ~np.isnan(p1 + p2)
    # Which tables are rejected depends only on the sizes, so each pair of sizes is tested once.
    for a, b in np.unique(np.stack([n1[known], n2[known]], axis=-1), axis=0):
        same = known & (n1 == a) & (n2 == b)
        first, second = binomial(int(a), p1[same]), binomial(int(b), p2[same])
        k2 = np.arange(b + 1)[None, :]
        rows = max(int(_BLOCK // (b + 1)), 1)
        total = np.zeros(first.shape[0])
        for start in range(0, int(a) + 1, rows):
            k1 = np.arange(start, min(start + rows, int(a) + 1), dtype=np.float64)[:, None]
            table = np.broadcast_arrays(k1, a, k2, b)
            with np.errstate(invalid="ignore"):
                rejected = test(*table)[2] < level
            total += ((first[:, start : start + len(k1)] @ rejected) * second).sum(axis=-1)
        out[same] = total
    return out


def size_for_wald(half_width: Floats, p: Floats, confidence: float) -> Floats:
    """Compute the sample size at which Wald's interval has a given half-width.

    Parameters
    ----------
    half_width, p : ndarray of float64
        Half the width of the interval, and the estimated proportion.
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
    """Compute the sample size at which Wilson's interval has a given half-width.

    Parameters and result are those of `size_for_wald`.

    Notes
    -----
    With ``x = z^2 / n``, the square of the half-width ``h`` is
    ``(p (1 - p) x + x^2 / 4) / (1 + x)^2``. This quadratic equation in ``x`` has one positive root
    for ``h`` below a half.
    """
    z = normal_quantile(confidence)
    h2 = half_width * half_width
    b = p * (1 - p) - 2 * h2
    root: Any = np.sqrt(b * b + h2 * (1 - 4 * h2))
    # n = z^2 / x, in the form of the root without a subtraction of nearly equal numbers. The square
    # of a tiny half-width may underflow to 0.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        out: Floats = z * z * np.where(b > 0, (b + root) / (2 * h2), (0.5 - 2 * h2) / (root - b))
    return out


def wilson_half_width(n: Floats, p: Floats, confidence: float) -> Floats:
    """Compute the half-width of Wilson's interval; the inverse of `size_for_wilson`.

    Parameters
    ----------
    n : ndarray of float64
        Effective cases, above 0; infinite gives 0, NaN gives NaN.
    p : ndarray of float64
        The estimated proportion.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    ndarray of float64
        As a proportion.
    """
    z = normal_quantile(confidence)
    x = z * z / n
    out: Floats = np.sqrt(p * (1 - p) * x + x * x / 4) / (1 + x)
    return out


_SIZE_FORMULAS = {"wilson": size_for_wilson, "wald": size_for_wald}


def with_population(n: Floats, population: Floats) -> Floats:
    """Reduce a sample size by the finite population correction, and round up.

    Parameters
    ----------
    n : ndarray of float64
        The sample size for an infinite population.
    population : ndarray of float64
        Cases in the population; infinite for no correction.

    Returns
    -------
    ndarray of float64
        Whole numbers from 1 to the population.

    Notes
    -----
    A sample of ``n`` from ``N`` is as precise as ``n (N - 1) / (N - n)`` from an infinite
    population.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        finite = np.where(np.isinf(population), n, n * population / (population - 1 + n))
        # The same formula for sizes so large that the product could overflow.
        large = population / ((population - 1) / n + 1)
    finite = np.where((n > LARGEST) & np.isfinite(population), large, finite)
    return np.asarray(np.maximum(np.ceil(finite), 1.0))


def without_population(n: Floats, population: Floats) -> Floats:
    """Find the sample of an infinite population that is as precise as one of a finite population.

    Parameters
    ----------
    n : ndarray of float64
        The sample size, or the effective sample size if cases have weights.
    population : ndarray of float64
        Cases in the population.

    Returns
    -------
    ndarray of float64
        ``n (N - 1) / (N - n)``, not rounded: the inverse of `with_population`. Infinite where the
        whole population is drawn.

    Notes
    -----
    With weights, ``n`` is the number of cases divided by Kish's design effect. The result is then
    ``p (1 - p)`` divided by the variance of a stratified estimate, with the correction of every
    stratum, if the variance of answers is the same in all strata.
    """
    whole = n >= population
    left = np.where(whole, 1.0, population - n)
    return np.asarray(np.where(whole, np.inf, n * (population - 1) / left))
