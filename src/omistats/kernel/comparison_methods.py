"""Tests of a difference between proportions, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from omistats.kernel.automatic import automatic
from omistats.kernel.fisher import fisher, fisher_mid_p
from omistats.kernel.group_tests import g_groups
from omistats.kernel.methods import Methods
from omistats.kernel.significance import chi_square_sf, pearson_groups, pearson_two
from omistats.kernel.trend import cochran_armitage
from omistats.kernel.two_by_two import g_two, n_minus_one, yates, z_unpooled

__all__ = ["GROUP_TESTS", "TESTS"]

Floats = npt.NDArray[np.float64]
Outcome = tuple[Floats, Floats, Floats]
Two = Callable[[Floats, Floats, Floats, Floats], Outcome]
Several = Callable[[Floats, Floats], Outcome]

# Findings have tests by these names that need more than the counts of two groups.
_OF_FINDINGS = ("cmh", "cmh-cc", "rao-scott-f", "rao-scott-chi-square", "adjusted-wald", "wald-f")

TESTS: Methods[Two] = Methods(
    "test", "f(k1, n1, k2, n2) -> (statistic, df, p_value)", outputs=3, reserved=_OF_FINDINGS
)
"""Tests of two groups."""

GROUP_TESTS: Methods[Several] = Methods(
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


def _several(statistic_of: Callable[[Floats, Floats], tuple[Floats, Floats]]) -> Several:
    def test(k: Floats, n: Floats) -> Outcome:
        statistic, df = statistic_of(k, n)
        df = np.where(np.isnan(statistic), np.nan, df)
        return statistic, df, chi_square_sf(statistic, df)

    return test


_pearson_several = _several(pearson_groups)


def _trend(k: Floats, n: Floats) -> Outcome:
    """Take groups as equally far apart, in the order in which they are given."""
    _, statistic = cochran_armitage(k, n, np.arange(float(k.shape[-1])))
    df = np.where(np.isnan(statistic), np.nan, 1.0)
    return statistic, df, chi_square_sf(statistic, 1.0)


def _automatic_several(k: Floats, n: Floats) -> Outcome:
    if k.shape[-1] == 2:
        return automatic(k[..., 0], n[..., 0], k[..., 1], n[..., 1])
    return _pearson_several(k, n)


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

GROUP_TESTS.register("pearson", _pearson_several, _PEARSON)
GROUP_TESTS.register("g", _several(g_groups), _G)
GROUP_TESTS.register("auto", _automatic_several, ["automatic"])
GROUP_TESTS.register("trend", _trend, ["cochran-armitage", "prop.trend.test"])
