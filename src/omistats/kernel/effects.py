"""Differences, risk ratios and odds ratios of two proportions, with their intervals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.checks import Floats, as_two_groups, check_confidence
from omistats.kernel.intervals import normal_quantile, wilson
from omistats.kernel.numeric import root
from omistats.kernel.registry import MethodRegistry
from omistats.kernel.score_tests import Score, odds_score_z, ratio_limits, risk_score_z, score_z

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


Counts = tuple[Floats, Floats, Floats, Floats]
Estimate = tuple[Floats, Floats, Floats]
Method = Callable[[Floats, Floats, Floats, Floats, float], Estimate]
_SIGNATURE = "f(k1, n1, k2, n2, confidence) -> (estimate, low, high)"

DIFFERENCES: MethodRegistry[Method] = MethodRegistry("difference", _SIGNATURE, outputs=3)
"""Intervals for the difference between two proportions."""

RISK_RATIOS: MethodRegistry[Method] = MethodRegistry("risk ratio", _SIGNATURE, outputs=3)
"""Intervals for the ratio of two proportions."""

ODDS_RATIOS: MethodRegistry[Method] = MethodRegistry("odds ratio", _SIGNATURE, outputs=3)
"""Intervals for the ratio of two odds."""


@attrs.frozen(eq=False)
class Effect:
    """Differences or ratios of two proportions, with their intervals, element by element.

    Attributes
    ----------
    estimate, low, high : ndarray of float64
        A difference of 0.05 is five percentage points. NaN where a group has no trials. The
        ratio of 0 to 0 is NaN, with the interval 0 to infinity.
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
    """Compute the difference between two proportions and its interval.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of two separate groups, broadcast together; NaN gives NaN.
    method : str
        ``'newcombe'``, the hybrid score interval (method 10); ``'miettinen-nurminen'``, all
        differences that their score test does not reject; ``'agresti-caffo'``; or ``'wald'``,
        the textbook interval, which is a poor choice. Others can be added to
        `omistats.stats.DIFFERENCES`.
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
    """Compute the ratio of two proportions and its interval.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of two separate groups, broadcast together; NaN gives NaN.
    method : str
        ``'miettinen-nurminen'``, all ratios that their score test does not reject;
        ``'koopman'``, the same without their factor ``N / (N - 1)``; ``'katz'``, symmetric on
        the log scale; or ``'walter'``, likewise after adding 1/2 to every count. Others can be
        added to `omistats.stats.RISK_RATIOS`.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Effect
        The first proportion over the second; 0-d for scalars. Without successes in the first
        group the interval begins at 0, without successes in the second it ends at infinity;
        Katz's is 0 to infinity in both cases.

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
    """Compute the ratio of two odds and its interval.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of two separate groups, broadcast together; NaN gives NaN.
    method : str
        ``'miettinen-nurminen'``, all ratios that their score test does not reject;
        ``'woolf'``, symmetric on the log scale; ``'gart'``, likewise after adding 1/2 to every
        cell; or ``'agresti'``, likewise after adding two cases in proportion to the margins.
        Others can be added to `omistats.stats.ODDS_RATIOS`.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Effect
        The first group's odds over the second's; 0-d for scalars. Where the estimate is 0 the
        interval begins at 0, and where it is infinite it ends at infinity; Woolf's is 0 to
        infinity in both cases.

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
    counts = as_two_groups(k1, n1, k2, n2)
    estimate, low, high = (np.asarray(v) for v in methods[name](*counts, confidence))
    return Effect(estimate, low, high, np.full(estimate.shape, name))


def newcombe(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Estimate:
    """Compute Newcombe's hybrid score interval, his method 10.

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
    With ``l`` and ``u`` the Wilson limits of each proportion, the interval is from
    ``d - sqrt((p1 - l1)^2 + (u2 - p2)^2)`` to ``d + sqrt((u1 - p1)^2 + (p2 - l2)^2)``.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent
    proportions: comparison of eleven methods. Statistics in Medicine 17, 873-890.
    """
    p1, p2, difference = _proportions(k1, n1, k2, n2)
    low1, high1 = wilson(k1, n1, confidence)
    low2, high2 = wilson(k2, n2, confidence)
    return _within_range(
        difference,
        difference - np.hypot(p1 - low1, high2 - p2),
        difference + np.hypot(high1 - p1, p2 - low2),
    )


def miettinen_nurminen(
    k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float
) -> Estimate:
    """Compute the interval of all differences that Miettinen and Nurminen's test does not reject.

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
    _, _, difference = _proportions(k1, n1, k2, n2)
    z = normal_quantile(confidence)
    counts = k1, n1, k2, n2
    low = root(lambda d, a, m, b, n: score_z(a, m, b, n, d) - z, -1.0, difference, *counts)
    high = root(lambda d, a, m, b, n: score_z(a, m, b, n, d) + z, difference, 1.0, *counts)
    return _within_range(difference, low, high)


def agresti_caffo(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Estimate:
    """Compute Wald's interval after adding a success and a failure to each group.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two separate groups.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        The estimate is from the unchanged counts, so it is not the midpoint of the interval;
        NaN where a group has no trials.

    References
    ----------
    Agresti, A. and Caffo, B. (2000). Simple and effective confidence intervals for
    proportions and differences of proportions result from adding two successes and two
    failures. American Statistician 54, 280-288. doi:10.1080/00031305.2000.10474560
    """
    _, _, difference = _proportions(k1, n1, k2, n2)
    _, low, high = wald(k1 + 1, n1 + 2, k2 + 1, n2 + 2, confidence)
    known = ~np.isnan(difference)
    return difference, np.where(known, low, np.nan), np.where(known, high, np.nan)


def wald(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Estimate:
    """Compute Wald's textbook interval, a poor choice: for comparison only.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two separate groups.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    estimate, low, high : ndarray of float64
        The first proportion less the second; NaN where a group has no trials. The interval
        has no width where all or none succeeded in both groups.
    """
    p1, p2, difference = _proportions(k1, n1, k2, n2)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = normal_quantile(confidence) * np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2)
    return _within_range(difference, difference - half, difference + half)


def _proportions(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> tuple[Floats, Floats, Floats]:
    """Return both proportions and their difference."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p1, p2 = np.asarray(k1 / n1), np.asarray(k2 / n2)
    return p1, p2, p1 - p2


def _within_range(difference: Floats, low: Floats, high: Floats) -> Estimate:
    """Limit an interval to differences that are possible, -1 to 1."""
    return difference, np.maximum(low, -1.0), np.minimum(high, 1.0)


def _risk_ratio(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((k1 / n1) / (k2 / n2))


def _odds_ratio(k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((k1 * (n2 - k2)) / ((n1 - k1) * k2))


def _by_score(score: Score, ratio: Callable[[Floats, Floats, Floats, Floats], Floats]) -> Method:
    """Make the interval of all ratios that a score test does not reject."""

    def method(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Estimate:
        counts = k1, n1, k2, n2
        estimate = ratio(*counts)
        low, high = ratio_limits(score, counts, estimate, normal_quantile(confidence))
        return _open_ends(estimate, low, high, counts)

    return method


# All ratios follow one rule: the estimate is from the unchanged counts, and `_open_ends` sets the
# limits where counts are 0.


def _katz(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Estimate:
    return _log_risk_interval(k1, n1, k2, n2, 0.0, confidence)


def _walter(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Estimate:
    return _log_risk_interval(k1, n1, k2, n2, 0.5, confidence)


def _log_risk_interval(
    k1: Floats, n1: Floats, k2: Floats, n2: Floats, added: float, confidence: float
) -> Estimate:
    """Compute an interval on the log scale after adding to every count."""
    estimate = _risk_ratio(k1, n1, k2, n2)
    a, m, b, n = k1 + added, n1 + added, k2 + added, n2 + added
    with np.errstate(divide="ignore", invalid="ignore"):
        # (m - a) / (a m) equals 1 / a - 1 / m, and keeps its digits where nearly all succeeded.
        variance = (m - a) / (a * m) + (n - b) / (b * n)
        low, high = _log_scale_limits(np.log(a / m) - np.log(b / n), variance, confidence)
    return _open_ends(estimate, low, high, (k1, n1, k2, n2))


def _woolf(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Estimate:
    zero = np.zeros_like(k1)
    return _log_odds_interval(k1, n1, k2, n2, (zero,) * 4, confidence)


def _gart(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Estimate:
    half = np.full_like(k1, 0.5)
    return _log_odds_interval(k1, n1, k2, n2, (half,) * 4, confidence)


def _agresti(k1: Floats, n1: Floats, k2: Floats, n2: Floats, confidence: float) -> Estimate:
    # Two cases in all, spread as if outcome and group were independent.
    with np.errstate(divide="ignore", invalid="ignore"):
        total = n1 + n2
        yes, no = 2 * (k1 + k2) / total, 2 * (total - k1 - k2) / total
        added = (yes * n1 / total, no * n1 / total, yes * n2 / total, no * n2 / total)
    return _log_odds_interval(k1, n1, k2, n2, added, confidence)


def _log_odds_interval(
    k1: Floats, n1: Floats, k2: Floats, n2: Floats, added: Counts, confidence: float
) -> Estimate:
    """Compute an interval on the log scale after adding to the four cells."""
    a, b, c, d = (x + y for x, y in zip((k1, n1 - k1, k2, n2 - k2), added, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.log(a / b) - np.log(c / d)
        low, high = _log_scale_limits(centre, 1 / a + 1 / b + 1 / c + 1 / d, confidence)
    return _open_ends(_odds_ratio(k1, n1, k2, n2), low, high, (k1, n1, k2, n2))


def _log_scale_limits(centre: Floats, variance: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Compute limits symmetric on the log scale; 0 to infinity where the variance is infinite."""
    half = normal_quantile(confidence) * np.sqrt(variance)
    infinite = np.isinf(half)
    with np.errstate(over="ignore"):
        low, high = np.exp(centre - half), np.exp(centre + half)
    return np.where(infinite, 0.0, low), np.where(infinite, np.inf, high)


def _open_ends(estimate: Floats, low: Floats, high: Floats, counts: Counts) -> Estimate:
    """Extend an interval to 0 where the estimate is 0, and to infinity where it is infinite.

    Where the estimate is 0 / 0, the interval is 0 to infinity; without trials it is NaN.
    """
    k1, n1, k2, n2 = counts
    known = (n1 > 0) & (n2 > 0) & ~np.isnan(k1 + k2)
    # Comparisons with NaN are False, so 0 / 0 opens both ends.
    low = np.where(known, np.where(estimate > 0, low, 0.0), np.nan)
    high = np.where(known, np.where(estimate < np.inf, high, np.inf), np.nan)
    return estimate, low, high


DIFFERENCES.register("newcombe", newcombe, ["newcomb", "newcombe-wilson", "wilson"])
DIFFERENCES.register("miettinen-nurminen", miettinen_nurminen, ["mn", "score"])
DIFFERENCES.register("agresti-caffo", agresti_caffo, ["ac"])
DIFFERENCES.register("wald", wald)

RISK_RATIOS.register("miettinen-nurminen", _by_score(risk_score_z, _risk_ratio), ["mn", "score"])
RISK_RATIOS.register("koopman", _by_score(partial(risk_score_z, corrected=False), _risk_ratio))
RISK_RATIOS.register("katz", _katz, ["log", "katz-log", "wald"])
RISK_RATIOS.register("walter", _walter, ["log-adjusted"])

ODDS_RATIOS.register("miettinen-nurminen", _by_score(odds_score_z, _odds_ratio), ["mn", "score"])
ODDS_RATIOS.register("woolf", _woolf, ["logit", "wald", "sample"])
ODDS_RATIOS.register("gart", _gart, ["logit-adjusted", "haldane-anscombe"])
ODDS_RATIOS.register("agresti", _agresti, ["logit-smoothed"])
