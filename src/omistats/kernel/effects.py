"""Difference(), risk_ratio(), odds_ratio() and their intervals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.checks import check_confidence, checked
from omistats.kernel.intervals import normal_quantile, wilson
from omistats.kernel.numeric import root
from omistats.kernel.registry import MethodRegistry
from omistats.kernel.score_tests import Score, not_rejected, odds_score_z, risk_score_z, score_z

__all__ = [
    "DIFFERENCES",
    "ODDS_RATIOS",
    "RISK_RATIOS",
    "Effect",
    "agresti_caffo",
    "difference",
    "miettinen_nurminen",
    "newcombe",
    "odds_ratio",
    "risk_ratio",
    "wald",
]


Floats = npt.NDArray[np.float64]
Effects = tuple[Floats, Floats, Floats]

DIFFERENCES: MethodRegistry[Callable[[Floats, Floats, Floats, Floats, float], Effects]] = (
    MethodRegistry(
        "difference", "f(k1, n1, k2, n2, confidence) -> (estimate, low, high)", outputs=3
    )
)
"""Intervals for the difference between two proportions."""


def newcombe(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
    """Give Newcombe's hybrid score interval, his method 10.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two separate groups.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        The first proportion less the second; NaN where a group has no trials.

    Notes
    -----
    The distances from each proportion to the ends of its Wilson interval, those on the side
    that pulls the difference down and those on the other, are added as standard errors are.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent
    proportions: comparison of eleven methods. Statistics in Medicine 17, 873-890.
    """
    p1, p2, difference = _shares(k1, n1, k2, n2)
    low1, high1 = wilson(k1, n1, confidence)
    low2, high2 = wilson(k2, n2, confidence)
    return _possible(
        difference,
        difference - np.hypot(p1 - low1, high2 - p2),
        difference + np.hypot(high1 - p1, p2 - low2),
    )


def miettinen_nurminen(
    k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float
) -> Effects:
    """Give all differences that the score test of Miettinen and Nurminen does not reject.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two separate groups.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        The first proportion less the second; NaN where a group has no trials.

    References
    ----------
    Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
    Medicine 4, 213-226. doi:10.1002/sim.4780040211
    """
    _, _, difference = _shares(k1, n1, k2, n2)
    z = normal_quantile(confidence)
    counts = k1, n1, k2, n2
    low = root(lambda d, a, m, b, n: score_z(a, m, b, n, d) - z, -1.0, difference, *counts)
    high = root(lambda d, a, m, b, n: score_z(a, m, b, n, d) + z, difference, 1.0, *counts)
    return _possible(difference, low, high)


def agresti_caffo(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
    """Give the textbook interval after a success and a failure were added to both groups.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two separate groups.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        The estimate is of the counts as they are, so it is not midway; NaN where a group
        has no trials.

    References
    ----------
    Agresti, A. and Caffo, B. (2000). Simple and effective confidence intervals for
    proportions and differences of proportions result from adding two successes and two
    failures. American Statistician 54, 280-288. doi:10.1080/00031305.2000.10474560
    """
    _, _, difference = _shares(k1, n1, k2, n2)
    _, low, high = wald(k1 + 1, n1 + 2, k2 + 1, n2 + 2, confidence)
    known = ~np.isnan(difference)
    return difference, np.where(known, low, np.nan), np.where(known, high, np.nan)


def wald(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
    """Give the textbook interval: a poor choice, for comparison only.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two separate groups.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        The first proportion less the second; NaN where a group has no trials, and without
        width where in both groups all or none succeeded.
    """
    p1, p2, difference = _shares(k1, n1, k2, n2)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = normal_quantile(confidence) * np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return _possible(difference, difference - half, difference + half)


def _shares(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> tuple[Floats, Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p2 = np.asarray(k1 / n1), np.asarray(k2 / n2)
    return p1, p2, p1 - p2


def _possible(difference: Floats, low: Floats, high: Floats) -> Effects:
    return difference, np.maximum(low, -1.0), np.minimum(high, 1.0)


DIFFERENCES.register("newcombe", newcombe, ["newcomb", "newcombe-wilson", "wilson"])
DIFFERENCES.register("miettinen-nurminen", miettinen_nurminen, ["mn", "score"])
DIFFERENCES.register("agresti-caffo", agresti_caffo, ["ac"])
DIFFERENCES.register("wald", wald)


Counts = tuple[Floats, Floats, Floats, Floats]
Ratio = Callable[[Floats, Floats, Floats, Floats], Floats]
Method = Callable[[Floats, Floats, Floats, Floats, float], Effects]

_SIGNATURE = "f(k1, n1, k2, n2, confidence) -> (estimate, low, high)"

RISK_RATIOS: MethodRegistry[Method] = MethodRegistry("risk ratio", _SIGNATURE, outputs=3)
"""Intervals for the ratio of two proportions."""

ODDS_RATIOS: MethodRegistry[Method] = MethodRegistry("odds ratio", _SIGNATURE, outputs=3)
"""Intervals for the ratio of two odds."""

# What every method below keeps to: the estimate is of the counts as they are; where it is 0 the
# lower end is 0, where it is infinite so is the upper end, and where the counts say nothing of
# the ratio (0 / 0) the interval is everything from 0 to infinity. Without trials all is NaN.


def _by_score(score: Score, ratio: Ratio) -> Method:
    def method(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
        counts = k1, n1, k2, n2
        estimate = ratio(*counts)
        low, high = not_rejected(score, counts, estimate, normal_quantile(confidence))
        return _open(estimate, low, high, counts)

    return method


def _katz(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
    return _log_risk(k1, n1, k2, n2, 0.0, confidence)


def _walter(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
    return _log_risk(k1, n1, k2, n2, 0.5, confidence)


def _log_risk(
    k1: Floats, n1: Floats, k2: Floats, n2: Floats, added: float, confidence: float
) -> Effects:
    estimate = _risk_ratio(k1, n1, k2, n2)
    a, m, b, n = k1 + added, n1 + added, k2 + added, n2 + added
    with np.errstate(divide="ignore", invalid="ignore"):
        # (m - a) / (a m) is 1 / a - 1 / m with nothing lost where nearly all succeeded.
        variance = (m - a) / (a * m) + (n - b) / (b * n)
        low, high = _around(np.log(a / m) - np.log(b / n), variance, confidence)
    return _open(estimate, low, high, (k1, n1, k2, n2))


def _woolf(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
    nothing = np.zeros_like(k1)
    return _log_odds(k1, n1, k2, n2, (nothing,) * 4, confidence)


def _gart(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
    half = np.full_like(k1, 0.5)
    return _log_odds(k1, n1, k2, n2, (half,) * 4, confidence)


def _agresti(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Effects:
    # Two cases, spread as if the outcome had nothing to do with the group.
    with np.errstate(divide="ignore", invalid="ignore"):
        total = n1 + n2
        yes, no = 2 * (k1 + k2) / total, 2 * (total - k1 - k2) / total
        spread = (yes * n1 / total, no * n1 / total, yes * n2 / total, no * n2 / total)
    return _log_odds(k1, n1, k2, n2, spread, confidence)


def _log_odds(
    k1: Floats,
    n1: Floats,
    k2: Floats,
    n2: Floats,
    added: Counts,
    confidence: float,
) -> Effects:
    a, b, c, d = (x + y for x, y in zip((k1, n1 - k1, k2, n2 - k2), added, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.log(a / b) - np.log(c / d)
        low, high = _around(centre, 1 / a + 1 / b + 1 / c + 1 / d, confidence)
    return _open(_odds_ratio(k1, n1, k2, n2), low, high, (k1, n1, k2, n2))


def _around(centre: Floats, variance: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Give the ends of an interval that is symmetric in logarithms, open where that is so wide."""
    half = normal_quantile(confidence) * np.sqrt(variance)
    wide = np.isinf(half)
    with np.errstate(over="ignore"):
        low, high = np.exp(centre - half), np.exp(centre + half)
    return np.where(wide, 0.0, low), np.where(wide, np.inf, high)


def _risk_ratio(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((k1 / n1) / (k2 / n2))


def _odds_ratio(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((k1 * (n2 - k2)) / ((n1 - k1) * k2))


def _open(estimate: Floats, low: Floats, high: Floats, counts: Counts) -> Effects:
    """Open an interval to 0 or infinity where counts are 0; give none without trials."""
    k1, n1, k2, n2 = counts
    known = (n1 > 0) & (n2 > 0) & ~np.isnan(k1 + k2)
    says = ~np.isnan(estimate)
    low = np.where(known, np.where(says & (estimate > 0), low, 0.0), np.nan)
    high = np.where(known, np.where(says & (estimate < np.inf), high, np.inf), np.nan)
    return estimate, low, high


RISK_RATIOS.register("miettinen-nurminen", _by_score(risk_score_z, _risk_ratio), ["mn", "score"])
RISK_RATIOS.register("koopman", _by_score(partial(risk_score_z, corrected=False), _risk_ratio))
RISK_RATIOS.register("katz", _katz, ["log", "katz-log", "wald"])
RISK_RATIOS.register("walter", _walter, ["log-adjusted"])
ODDS_RATIOS.register("miettinen-nurminen", _by_score(odds_score_z, _odds_ratio), ["mn", "score"])
ODDS_RATIOS.register("woolf", _woolf, ["logit", "wald", "sample"])
ODDS_RATIOS.register("gart", _gart, ["logit-adjusted", "haldane-anscombe"])
ODDS_RATIOS.register("agresti", _agresti, ["logit-smoothed"])


@attrs.frozen(eq=False)
class Effect:
    """Differences or ratios of two proportions with their intervals, element by element.

    Attributes
    ----------
    estimate, low, high : ndarray of float64
        Differences are of proportions: 0.05 is five percentage points. NaN where a group
        had no trials. A ratio of 0 to 0 is NaN with the interval 0 to infinity.
    method : ndarray of str
        The interval used.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.difference([56, 3], [70, 4], [48, 0], [80, 0])
    >>> found.estimate.round(3).tolist(), found.low.round(3).tolist()
    ([0.2, nan], [0.052, nan])
    >>> found.method.tolist()
    ['newcombe', 'newcombe']
    """

    estimate: Floats
    low: Floats
    high: Floats
    method: npt.NDArray[np.str_]


def difference(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    method: str = "newcombe",
    confidence: float = 0.95,
) -> Effect:
    """Give an interval for the difference between two proportions.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of two separate groups, broadcast together; NaN gives NaN.
    method : str
        ``'newcombe'``, the hybrid score interval (method 10); ``'miettinen-nurminen'``, what
        their score test does not reject; ``'agresti-caffo'``; or ``'wald'``, the textbook
        interval, which is a poor choice. Others can be added to `omistats.stats.DIFFERENCES`.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Effect
        The first proportion less the second, -1 to 1; 0-d for scalars.

    Raises
    ------
    UsageError
        When counts are impossible or the confidence is out of range.
    UnknownNameError
        When the method is unknown.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent
    proportions: comparison of eleven methods. Statistics in Medicine 17, 873-890.
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

    Agresti, A. and Caffo, B. (2000). Simple and effective confidence intervals for proportions.
    American Statistician 54, 280-288. doi:10.1080/00031305.2000.10474560

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.difference(56, 70, 48, 80)
    >>> print(f"{found.estimate:.4f}, {found.low:.4f} to {found.high:.4f}")
    0.2000, 0.0524 to 0.3339
    """
    return _effect(DIFFERENCES, k1, n1, k2, n2, method, confidence)


def risk_ratio(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    method: str = "miettinen-nurminen",
    confidence: float = 0.95,
) -> Effect:
    """Give an interval for the ratio of two proportions.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of two separate groups, broadcast together; NaN gives NaN.
    method : str
        ``'miettinen-nurminen'``, what their score test does not reject; ``'koopman'``, the
        same without their factor ``N / (N - 1)``; ``'katz'``, symmetric in logarithms;
        ``'walter'``, likewise after half a case was added to every count. Others can be
        added to `omistats.stats.RISK_RATIOS`.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Effect
        The first proportion over the second; 0-d for scalars. Where nothing succeeded in the
        first group the interval begins at 0, where nothing did in the second it ends at
        infinity, and then Katz's is 0 to infinity.

    Raises
    ------
    UsageError
        When counts are impossible or the confidence is out of range.
    UnknownNameError
        When the method is unknown.

    References
    ----------
    Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
    Medicine 4, 213-226. doi:10.1002/sim.4780040211

    Koopman, P. A. R. (1984). Confidence intervals for the ratio of two binomial proportions.
    Biometrics 40, 513-517. doi:10.2307/2531405

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.risk_ratio([56, 5], [70, 56], [48, 0], [80, 29])
    >>> for ratio, low, high in zip(found.estimate, found.low, found.high):
    ...     print(f"{ratio:.2f}, {low:.2f} to {high:.2f}")
    1.33, 1.08 to 1.67
    inf, 0.72 to inf
    """
    return _effect(RISK_RATIOS, k1, n1, k2, n2, method, confidence)


def odds_ratio(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    method: str = "miettinen-nurminen",
    confidence: float = 0.95,
) -> Effect:
    """Give an interval for the ratio of two odds.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of two separate groups, broadcast together; NaN gives NaN.
    method : str
        ``'miettinen-nurminen'``, what their score test does not reject; ``'woolf'``,
        symmetric in logarithms; ``'gart'``, likewise after half a case was added to every
        count; ``'agresti'``, after two were added, spread as if nothing differed. Others
        can be added to `omistats.stats.ODDS_RATIOS`.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Effect
        The first group's odds over the second's; 0-d for scalars. Where the estimate is 0 the
        interval begins there, where it is infinite it ends there, and then Woolf's is 0 to
        infinity.

    Raises
    ------
    UsageError
        When counts are impossible or the confidence is out of range.
    UnknownNameError
        When the method is unknown.

    References
    ----------
    Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
    Medicine 4, 213-226. doi:10.1002/sim.4780040211

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.odds_ratio(56, 70, 48, 80)
    >>> print(f"{found.estimate:.3f}, {found.low:.3f} to {found.high:.3f}")
    2.667, 1.282 to 5.540
    """
    return _effect(ODDS_RATIOS, k1, n1, k2, n2, method, confidence)


def _effect(
    methods: MethodRegistry[Method],
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    method: str,
    confidence: float,
) -> Effect:
    check_confidence(confidence)
    name = methods.name(method)
    a, na = checked(k1, n1)
    b, nb = checked(k2, n2)
    try:
        a, na, b, nb = np.broadcast_arrays(a, na, b, nb)
    except ValueError as error:
        raise UsageError(f"the two groups: expected shapes that broadcast; {error}") from error
    estimate, low, high = methods[name](a, na, b, nb, confidence)
    return Effect(np.asarray(estimate), np.asarray(low), np.asarray(high), np.full(a.shape, name))
