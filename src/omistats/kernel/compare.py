"""Tests of two groups and of several groups, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from omistats.kernel.checks import Floats, as_group_counts, as_two_groups
from omistats.kernel.chi_square import (
    Comparison,
    chi_square_sf,
    comparable_groups,
    g_groups,
    g_two,
    n_minus_one,
    pearson_groups,
    pearson_two,
    star_labels,
    yates,
    z_unpooled,
)
from omistats.kernel.fisher import fisher, fisher_mid_p
from omistats.kernel.registry import MethodRegistry
from omistats.kernel.small_numbers import smallest_expected_two
from omistats.kernel.trend import cochran_armitage

__all__ = ["GROUP_TESTS", "TESTS", "TwoGroupTest", "by_fisher", "compare", "compare_groups"]


TestResult = tuple[Floats, Floats, Floats]
TwoGroupTest = Callable[[Floats, Floats, Floats, Floats], TestResult]
GroupTest = Callable[[Floats, Floats], TestResult]

# Findings test weighted cases, and cases within units, by these names.
_RESERVED = (
    *("cmh", "cmh-cc", "effective"),
    *("rao-scott-f", "rao-scott-chi-square", "adjusted-wald", "wald-f"),
)

TESTS: MethodRegistry[TwoGroupTest] = MethodRegistry(
    "test", "f(k1, n1, k2, n2) -> (statistic, df, p_value)", outputs=3, reserved=_RESERVED
)
"""Tests of two groups."""

GROUP_TESTS: MethodRegistry[GroupTest] = MethodRegistry(
    "test of several groups",
    "f(k, n), groups on the last axis -> (statistic, df, p_value)",
    outputs=3,
    reserved=_RESERVED,
    over_groups=True,
)
"""Tests of any number of groups."""


def compare(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    method: str = "pearson",
) -> Comparison:
    """Test whether two proportions differ.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of two separate groups, broadcast together; NaN gives NaN.
    method : {'pearson', 'yates', 'n-1', 'g', 'z-unpooled', 'fisher', 'fisher-mid-p', 'auto'}
        Pearson's chi-square without continuity correction; with Yates' correction; times
        ``(N - 1) / N``; the likelihood ratio; Wald's z squared, with a separate variance of
        each group; Fisher's exact test, two-sided by probability; its mid-P; or Fisher's where
        any expected count is below 5 and Pearson's elsewhere. Tests of your own can be added
        to `TESTS`.

    Returns
    -------
    Comparison
        Of the broadcast shape; 0-d for scalars. Exact tests have a p-value and no statistic.
        With ``'auto'``, ``method`` names the test used, element by element.

    Raises
    ------
    UsageError
        When counts are impossible or their shapes do not broadcast.
    UnknownNameError
        When the method is unknown.

    References
    ----------
    Campbell, I. (2007). Chi-squared and Fisher-Irwin tests of two-by-two tables with small
    sample recommendations. Statistics in Medicine 26, 3661-3675. doi:10.1002/sim.2832

    Examples
    --------
    >>> import omistats as oms
    >>> str(oms.stats.compare(14, 20, 9, 30).stars)
    '**'
    >>> found = oms.stats.compare([3, 14], [4, 20], [1, 9], [4, 30], method="auto")
    >>> for p_value, method in zip(found.p_value, found.method):
    ...     print(f"{p_value:.4f} {method}")
    0.4857 fisher
    0.0054 pearson
    """
    name = TESTS.name(method)
    a, na, b, nb = as_two_groups(k1, n1, k2, n2)
    comparable = (na > 0) & (nb > 0) & ~np.isnan(a + b)
    return _comparison(TESTS[name](a, na, b, nb), comparable, _tests_used(name, a, na, b, nb))


def compare_groups(
    k: npt.ArrayLike, n: npt.ArrayLike, axis: int = -1, method: str = "pearson"
) -> Comparison:
    """Test whether the proportions of several groups differ.

    Parameters
    ----------
    k, n : array_like of int
        Successes and trials; the groups lie along ``axis``. NaN anywhere gives NaN.
    axis : int
        The axis of the groups.
    method : {'pearson', 'g', 'auto', 'trend'}
        Pearson's chi-square; the likelihood ratio; the automatic choice of `compare` for an
        axis of two groups, and Pearson's for longer axes, however few of their groups have
        trials; or the test of `trend`, of groups in their order. Tests of your own can be added
        to `GROUP_TESTS`.

    Returns
    -------
    Comparison
        Without ``axis``. Groups without trials are dropped and reduce the degrees of freedom;
        NaN where fewer than two are left.

    Raises
    ------
    UsageError
        When counts are impossible or there is no such axis.
    UnknownNameError
        When the method is unknown.

    References
    ----------
    Pearson, K. (1900). On the criterion that a given system of deviations ... can be reasonably
    supposed to have arisen from random sampling. Philosophical Magazine 50, 157-175.
    doi:10.1080/14786440009463897

    Examples
    --------
    >>> import omistats as oms
    >>> outcome = oms.stats.compare_groups([762, 327, 468], [1246, 566, 945])
    >>> print(f"{outcome.statistic:.7f} on {outcome.df:g}")
    30.0701491 on 2
    """
    name = GROUP_TESTS.name(method)
    kk, nn = as_group_counts(k, n, axis)
    if kk.shape[-1] == 2:
        used = _tests_used(name, kk[..., 0], nn[..., 0], kk[..., 1], nn[..., 1])
    else:
        used = np.asarray("pearson" if name == "auto" else name)
    return _comparison(GROUP_TESTS[name](kk, nn), comparable_groups(kk, nn), used)


def _tests_used(name: str, k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> npt.NDArray[np.str_]:
    """Name the test of each table of two groups."""
    if name != "auto":
        return np.asarray(name)
    return np.where(by_fisher(k1, n1, k2, n2), "fisher", "pearson")


def _comparison(
    result: TestResult, comparable: npt.NDArray[np.bool_], method: npt.NDArray[np.str_]
) -> Comparison:
    statistic, df, p_value = (np.asarray(v) for v in result)
    used = np.broadcast_to(method, p_value.shape).copy()
    return Comparison(statistic, df, p_value, star_labels(p_value, comparable), used)


_MIN_EXPECTED: Final = 5.0


def by_fisher(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k2: npt.ArrayLike, n2: npt.ArrayLike
) -> npt.NDArray[np.bool_]:
    """Flag the tables that ``'auto'`` tests by Fisher's exact test.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like
        Successes and trials of the two groups, broadcast together.

    Returns
    -------
    ndarray of bool
        True where any expected count is below 5; False where a group has no trials.

    References
    ----------
    Cochran, W. G. (1954). Some methods for strengthening the common chi-square tests.
    Biometrics 10, 417-451. doi:10.2307/3001616
    """
    # A comparison with NaN is False.
    return np.asarray(smallest_expected_two(k1, n1, k2, n2) < _MIN_EXPECTED)


def _automatic(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> TestResult:
    """Test each table by Fisher's exact test or Pearson's chi-square, as `by_fisher` chooses."""
    exact = by_fisher(k1, n1, k2, n2)
    statistic = np.where(exact, np.nan, pearson_two(k1, n1, k2, n2))
    p_value = np.array(chi_square_sf(statistic, 1.0))
    p_value[exact] = fisher(k1[exact], n1[exact], k2[exact], n2[exact])
    return statistic, np.where(np.isnan(statistic), np.nan, 1.0), p_value


def _automatic_groups(k: Floats, n: Floats) -> TestResult:
    """Test two groups as `_automatic` does, and more groups by Pearson's chi-square."""
    if k.shape[-1] == 2:
        return _automatic(k[..., 0], n[..., 0], k[..., 1], n[..., 1])
    return _pearson_groups(k, n)


def _chi_square_test(
    statistic_of: Callable[[Floats, Floats, Floats, Floats], Floats],
) -> TwoGroupTest:
    """Make a test from a statistic that is chi-square on one degree of freedom."""

    def test(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> TestResult:
        statistic = statistic_of(k1, n1, k2, n2)
        df = np.where(np.isnan(statistic), np.nan, 1.0)
        return statistic, df, chi_square_sf(statistic, 1.0)

    return test


def _exact_test(
    p_value_of: Callable[[Floats, Floats, Floats, Floats], Floats],
) -> TwoGroupTest:
    """Make a test from a p-value without a statistic."""

    def test(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> TestResult:
        p_value = p_value_of(k1, n1, k2, n2)
        return np.full(p_value.shape, np.nan), np.full(p_value.shape, np.nan), p_value

    return test


def _group_test(statistic_of: Callable[[Floats, Floats], tuple[Floats, Floats]]) -> GroupTest:
    """Make a test of several groups from a chi-square statistic and its degrees of freedom."""

    def test(k: Floats, n: Floats) -> TestResult:
        statistic, df = statistic_of(k, n)
        df = np.where(np.isnan(statistic), np.nan, df)
        return statistic, df, chi_square_sf(statistic, df)

    return test


_pearson_groups = _group_test(pearson_groups)


def _trend(k: Floats, n: Floats) -> TestResult:
    """Test for a trend over groups in the order given, equally far apart."""
    _, statistic = cochran_armitage(k, n, np.arange(float(k.shape[-1])))
    df = np.where(np.isnan(statistic), np.nan, 1.0)
    return statistic, df, chi_square_sf(statistic, 1.0)


# Spellings of scipy, statsmodels and R, for two groups and for several.
_PEARSON_ALIASES = ["chi2", "chisq", "chi-square", "chi-squared", "z-pooled"]
_G_ALIASES = ["log-likelihood", "likelihood-ratio", "lr", "g-test", "deviance"]

TESTS.register("pearson", _chi_square_test(pearson_two), _PEARSON_ALIASES)
TESTS.register("yates", _chi_square_test(yates), ["pearson-yates", "chi2-yates", "continuity"])
TESTS.register("n-1", _chi_square_test(n_minus_one), ["n-minus-1", "campbell"])
TESTS.register("g", _chi_square_test(g_two), _G_ALIASES)
TESTS.register("z-unpooled", _chi_square_test(z_unpooled), ["wald", "unpooled"])
TESTS.register("fisher", _exact_test(fisher), ["fisher-exact", "exact"])
TESTS.register("fisher-mid-p", _exact_test(fisher_mid_p), ["fisher-midp", "mid-p", "midp"])
TESTS.register("auto", _automatic, ["automatic"])

GROUP_TESTS.register("pearson", _pearson_groups, _PEARSON_ALIASES)
GROUP_TESTS.register("g", _group_test(g_groups), _G_ALIASES)
GROUP_TESTS.register("auto", _automatic_groups, ["automatic"])
GROUP_TESTS.register("trend", _trend, ["cochran-armitage", "prop.trend.test"])
