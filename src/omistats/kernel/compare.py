"""Compare(), compare_groups(), TESTS, GROUP_TESTS, auto."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.checks import checked
from omistats.kernel.chi_square import (
    STARS,
    Comparison,
    chi_square_sf,
    g_groups,
    g_two,
    n_minus_one,
    pearson_groups,
    pearson_two,
    star_codes,
    yates,
    z_unpooled,
)
from omistats.kernel.fisher import fisher, fisher_mid_p
from omistats.kernel.registry import MethodRegistry
from omistats.kernel.small_numbers import smallest_expected_two
from omistats.kernel.trend import cochran_armitage

__all__ = [
    "EXPECTED",
    "GROUP_TESTS",
    "TESTS",
    "automatic",
    "by_fisher",
    "compare",
    "compare_groups",
]


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


Outcome = tuple[Floats, Floats, Floats]
Two = Callable[[Floats, Floats, Floats, Floats], Outcome]
GroupTest = Callable[[Floats, Floats], Outcome]

# Findings have tests by these names that need more than the counts of two groups.
_OF_FINDINGS = ("cmh", "cmh-cc", "rao-scott-f", "rao-scott-chi-square", "adjusted-wald", "wald-f")

TESTS: MethodRegistry[Two] = MethodRegistry(
    "test", "f(k1, n1, k2, n2) -> (statistic, df, p_value)", outputs=3, reserved=_OF_FINDINGS
)
"""Tests of two groups."""

GROUP_TESTS: MethodRegistry[GroupTest] = MethodRegistry(
    "test of several groups",
    "f(k, n), groups on the last axis -> (statistic, df, p_value)",
    outputs=3,
    over_groups=True,
    reserved=_OF_FINDINGS,
)
"""Tests of any number of groups."""


def _chi_square(statistic_of: Callable[[Floats, Floats, Floats, Floats], Floats]) -> Two:
    """Make a test of a statistic that is chi-square on one degree of freedom."""

    def test(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Outcome:
        statistic = statistic_of(k1, n1, k2, n2)
        df = np.where(np.isnan(statistic), np.nan, 1.0)
        return statistic, df, chi_square_sf(statistic, 1.0)

    return test


def _exact(p_value_of: Callable[[Floats, Floats, Floats, Floats], Floats]) -> Two:
    """Make a test that gives a p-value and no statistic."""

    def test(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Outcome:
        p_value = p_value_of(k1, n1, k2, n2)
        return np.full(p_value.shape, np.nan), np.full(p_value.shape, np.nan), p_value

    return test


def _group_test(statistic_of: Callable[[Floats, Floats], tuple[Floats, Floats]]) -> GroupTest:
    def test(k: Floats, n: Floats) -> Outcome:
        statistic, df = statistic_of(k, n)
        df = np.where(np.isnan(statistic), np.nan, df)
        return statistic, df, chi_square_sf(statistic, df)

    return test


_pearson_groups = _group_test(pearson_groups)


def _trend(k: Floats, n: Floats) -> Outcome:
    """Take groups as equally far apart, in the order in which they are given."""
    _, statistic = cochran_armitage(k, n, np.arange(float(k.shape[-1])))
    df = np.where(np.isnan(statistic), np.nan, 1.0)
    return statistic, df, chi_square_sf(statistic, 1.0)


def _automatic_groups(k: Floats, n: Floats) -> Outcome:
    if k.shape[-1] == 2:
        return automatic(k[..., 0], n[..., 0], k[..., 1], n[..., 1])
    return _pearson_groups(k, n)


_PEARSON = ["chi2", "chisq", "chi-square", "chi-squared", "z-pooled"]
_G = ["log-likelihood", "likelihood-ratio", "lr", "g-test", "deviance"]

TESTS.register("pearson", _chi_square(pearson_two), _PEARSON)
TESTS.register("yates", _chi_square(yates), ["pearson-yates", "chi2-yates", "continuity"])
TESTS.register("n-1", _chi_square(n_minus_one), ["n-minus-1", "campbell"])
TESTS.register("g", _chi_square(g_two), _G)
TESTS.register("z-unpooled", _chi_square(z_unpooled), ["wald", "unpooled"])
TESTS.register("fisher", _exact(fisher), ["fisher-exact", "exact"])
TESTS.register("fisher-mid-p", _exact(fisher_mid_p), ["fisher-midp", "mid-p", "midp"])
TESTS.register("auto", automatic, ["automatic"])

GROUP_TESTS.register("pearson", _pearson_groups, _PEARSON)
GROUP_TESTS.register("g", _group_test(g_groups), _G)
GROUP_TESTS.register("auto", _automatic_groups, ["automatic"])
GROUP_TESTS.register("trend", _trend, ["cochran-armitage", "prop.trend.test"])


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
        ``(N - 1) / N``; the likelihood ratio; Wald's z squared, each group with its own
        variance; Fisher's exact test, two-sided by probability; its mid-P; or Fisher's where
        any expected count is below 5 and Pearson's elsewhere. Or a test of one's own, from
        `TESTS`.

    Returns
    -------
    Comparison
        Of the broadcast shape; 0-d for scalars. Exact tests have a p-value and no statistic.
        With ``'auto'`` the record's ``method`` is the test used, element by element.

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
    a, na = checked(k1, n1)
    b, nb = checked(k2, n2)
    try:
        a, na, b, nb = np.broadcast_arrays(a, na, b, nb)
    except ValueError as error:
        raise UsageError(f"the two groups: expected shapes that broadcast; {error}") from error
    comparable = (na > 0) & (nb > 0) & ~np.isnan(a + b)
    outcome = TESTS[name](a, na, b, nb)
    return _outcome(*outcome, comparable, _used(name, a, na, b, nb))


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
        Pearson's chi-square; the likelihood ratio; for an axis of two groups what
        `compare` chooses, and Pearson's for longer ones, however few of their groups have
        trials, as in findings; or the test of `trend`, of groups in their order. Or a test of
        one's own, from `GROUP_TESTS`.

    Returns
    -------
    Comparison
        Without ``axis``. Groups without trials drop out of the degrees of freedom; NaN where
        fewer than two are left.

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
    kk, nn = checked(k, n)
    if not isinstance(axis, int) or not -kk.ndim <= axis < kk.ndim:
        raise UsageError(f"counts of {kk.ndim} dimensions have no axis {axis!r}")
    kk, nn = np.moveaxis(kk, axis, -1), np.moveaxis(nn, axis, -1)
    comparable = ((nn > 0).sum(axis=-1) > 1) & ~np.isnan(kk + nn).any(axis=-1)
    outcome = GROUP_TESTS[name](kk, nn)
    pair = kk.shape[-1] == 2
    used = (
        _used(name, kk[..., 0], nn[..., 0], kk[..., 1], nn[..., 1])
        if pair
        else _group_methods(name)
    )
    return _outcome(*outcome, comparable, used)


def _used(name: str, k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> npt.NDArray[np.str_]:
    """Name the test of each table of two groups."""
    if name != "auto":
        return np.asarray(name)
    return np.where(by_fisher(k1, n1, k2, n2), "fisher", "pearson")


def _group_methods(name: str) -> npt.NDArray[np.str_]:
    return np.asarray("pearson" if name == "auto" else name)


def _outcome(
    statistic: Floats,
    df: Floats,
    p_value: Floats,
    comparable: npt.NDArray[np.bool_],
    method: npt.NDArray[np.str_],
) -> Comparison:
    marks = np.array([*STARS, ""])
    return Comparison(
        np.asarray(statistic),
        np.asarray(df),
        np.asarray(p_value),
        np.asarray(marks[star_codes(p_value, comparable)]),
        np.broadcast_to(method, np.shape(p_value)).copy(),
    )
