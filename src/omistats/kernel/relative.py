"""Intervals for the ratio of two proportions and of two odds, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from omistats.kernel.methods import Methods
from omistats.kernel.proportion import normal_quantile
from omistats.kernel.score_ratios import Score, not_rejected, odds_score_z, risk_score_z

__all__ = ["ODDS_RATIOS", "RISK_RATIOS"]

Floats = npt.NDArray[np.float64]
Counts = tuple[Floats, Floats, Floats, Floats]
Effects = tuple[Floats, Floats, Floats]
Ratio = Callable[[Floats, Floats, Floats, Floats], Floats]
Method = Callable[[Floats, Floats, Floats, Floats, float], Effects]

_SIGNATURE = "f(k1, n1, k2, n2, confidence) -> (estimate, low, high)"

RISK_RATIOS: Methods[Method] = Methods("risk ratio", _SIGNATURE, outputs=3)
"""Intervals for the ratio of two proportions."""

ODDS_RATIOS: Methods[Method] = Methods("odds ratio", _SIGNATURE, outputs=3)
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
