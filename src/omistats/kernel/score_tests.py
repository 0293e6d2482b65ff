"""Score statistics of differences, risk ratios and odds ratios."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from omistats.kernel.checks import Floats, as_floats
from omistats.kernel.numeric import root

__all__ = [
    "Score",
    "constrained",
    "odds_score_z",
    "ratio_limits",
    "risk_score_z",
    "score_z",
]


Score = Callable[[Floats, Floats, Floats, Floats, Floats], Floats]

# Six were enough for full precision in random tables; two more cost little.
_NEWTON_STEPS = 8


def constrained(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    delta: npt.ArrayLike,
) -> tuple[Floats, Floats]:
    """Compute the maximum likelihood estimates of two proportions that differ by ``delta``.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like
        Successes and trials of two groups, broadcast with ``delta``.
    delta : array_like of float
        The first proportion less the second, -1 to 1.

    Returns
    -------
    p1, p2 : ndarray of float64
        NaN where a group has no trials or ``delta`` is not within -1 to 1.

    Notes
    -----
    The estimate is a root of a cubic equation. The closed solution by cosines loses half the
    digits near a double root, which occurs where counts are 0. Therefore groups are swapped so
    that ``delta >= 0``, and outcomes so that the lower proportion ``x`` is in the lower half of
    its range. Then ``x`` is the greater root of ``b x^2 + (b delta - k1 - k2) x - k2 delta``
    with ``b = (n1 - k1) / (1 - delta - x) + (n2 - k2) / (1 - x)``, found by Newton's method.

    References
    ----------
    Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
    Medicine 4, 213-226. doi:10.1002/sim.4780040211
    """
    p1, _, p2, _ = _constrained(k1, n1, k2, n2, delta)
    return p1, p2


def score_z(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    delta: npt.ArrayLike,
    *,
    corrected: bool = True,
) -> Floats:
    """Compute the score statistic of the hypothesis that two proportions differ by ``delta``.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like
        Successes and trials of two groups, broadcast with ``delta``.
    delta : array_like of float
        The first proportion less the second, -1 to 1.
    corrected : bool
        Whether the variance is multiplied by ``N / (N - 1)``, as Miettinen and Nurminen do.

    Returns
    -------
    ndarray of float64
        Standard normal if the hypothesis holds: positive where the observed difference is
        above ``delta``, 0 where it equals ``delta``, infinite where the counts are impossible
        under ``delta``, NaN where a group has no trials. At ``delta = 0`` its square is
        Pearson's chi-square, times ``(N - 1) / N`` if corrected.

    References
    ----------
    Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
    Medicine 4, 213-226. doi:10.1002/sim.4780040211
    """
    k1, n1, k2, n2, delta = as_floats(k1, n1, k2, n2, delta)
    p1, q1, p2, q2 = _constrained(k1, n1, k2, n2, delta)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = p1 * q1 / n1 + p2 * q2 / n2
        if corrected:
            variance = variance * ((n1 + n2) / (n1 + n2 - 1))
        above = k1 / n1 - k2 / n2 - delta
        # 0 / 0 means that the observed difference is exactly ``delta``: the statistic is 0.
        return np.asarray(np.where(above == 0, above, above / np.sqrt(variance)))


def _constrained(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    delta: npt.ArrayLike,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Compute the constrained proportions and their complements, all to full precision."""
    k1, n1, k2, n2, delta = as_floats(k1, n1, k2, n2, delta)
    gap = np.abs(delta)
    swap = delta < 0
    (ku, nu), (kl, nl) = _either(swap, (k2, n2), (k1, n1)), _either(swap, (k1, n1), (k2, n2))
    # The slope of the likelihood at the middle shows in which half the lower proportion is. In the
    # upper half, successes and failures are exchanged.
    s = ku + kl
    turn = (s - nu) * (1 + gap) + (s - nl) * (1 - gap) > 0
    (kl, nl), (ku, nu) = (
        _either(turn, (nu - ku, nu), (kl, nl)),
        _either(turn, (nl - kl, nl), (ku, nu)),
    )
    s = ku + kl
    middle = (1 - gap) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        x = h = middle
        for _ in range(_NEWTON_STEPS):
            upper, lower = (nu - ku) / (1 - gap - x), (nl - kl) / (1 - x)
            b = upper + lower
            slope = upper / (1 - gap - x) + lower / (1 - x)
            m = s - b * gap
            spread = np.sqrt(m * m + 4 * b * kl * gap)
            # Of the two forms of the root, the one without a subtraction.
            h = np.where(m > 0, (m + spread) / (2 * b), 2 * kl * gap / (spread - m))
            h = np.where(kl * gap + np.maximum(m, 0) > 0, h, 0.0)
            fall = np.where(h > 0, h * (h + gap) / spread, 0.0) * slope
            x = np.clip(x + (h - x) / (1 + fall), 0.0, middle)
        # A remainder above 0 is rounding.
        x = np.where(h == 0, 0.0, x)
    known = (nu > 0) & (nl > 0) & (gap <= 1) & ~np.isnan(s)
    x = np.where(known & (gap < 1), x, np.where(known, 0.0, np.nan))
    low, above = (x, 1 - x), (x + gap, 1 - gap - x)
    (pl, ql), (pu, qu) = _either(turn, above[::-1], low), _either(turn, low[::-1], above)
    (p1, q1), (p2, q2) = _either(swap, (pl, ql), (pu, qu)), _either(swap, (pu, qu), (pl, ql))
    return p1, q1, p2, q2


def _either(
    where: npt.NDArray[np.bool_], these: tuple[Floats, Floats], those: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    return np.where(where, these[0], those[0]), np.where(where, these[1], those[1])


# No finite limit has a larger logarithm, for counts below 2**53 and any float64 confidence.
_MAX_LOG_RATIO = 150.0


def risk_score_z(
    k1: Floats, n1: Floats, k2: Floats, n2: Floats, ratio: Floats, *, corrected: bool = True
) -> Floats:
    """Compute the score statistic of the hypothesis that two proportions have a given ratio.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two groups.
    ratio : ndarray of float64
        The first proportion over the second, above 0.
    corrected : bool
        Whether the variance is multiplied by ``N / (N - 1)``, as Miettinen and Nurminen do;
        Koopman does not.

    Returns
    -------
    ndarray of float64
        Standard normal if the hypothesis holds, positive where the observed ratio is above
        ``ratio``; 0 without any success, and NaN where a group has no trials.

    References
    ----------
    Koopman, P. A. R. (1984). Confidence intervals for the ratio of two binomial proportions.
    Biometrics 40, 513-517. doi:10.2307/2531405
    Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
    Medicine 4, 213-226. doi:10.1002/sim.4780040211
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        # The estimate of p2 is the lower root of
        # N ratio p^2 - (ratio (n1 + k2) + k1 + n2) p + k1 + k2. Its discriminant is written
        # as a sum of terms that are never negative.
        one, two = ratio * (n1 + k2), k1 + n2
        spread = np.sqrt((one - two) ** 2 + 4 * ratio * (n1 - k1) * (n2 - k2))
        p2 = np.minimum(2 * (k1 + k2) / (one + two + spread), 1.0)
        p1 = np.minimum(ratio * p2, 1.0)
        variance = p1 * (1 - p1) / n1 + ratio * p1 * (1 - p2) / n2
        if corrected:
            variance = variance * ((n1 + n2) / (n1 + n2 - 1))
        above = k1 / n1 - ratio * (k2 / n2)
        return np.asarray(np.where(above == 0, above, above / np.sqrt(variance)))


def odds_score_z(
    k1: Floats, n1: Floats, k2: Floats, n2: Floats, ratio: Floats, *, corrected: bool = True
) -> Floats:
    """Compute the score statistic of the hypothesis that two odds have a given ratio.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two groups.
    ratio : ndarray of float64
        The first odds over the second, above 0.
    corrected : bool
        Whether the variance is multiplied by ``N / (N - 1)``, as Miettinen and Nurminen do.

    Returns
    -------
    ndarray of float64
        Standard normal if the hypothesis holds, positive where the observed ratio is above
        ``ratio``; 0 where all answers are the same, and NaN where a group has no trials.

    References
    ----------
    Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
    Medicine 4, 213-226. doi:10.1002/sim.4780040211
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        # The group with the lower odds goes first.
        swap = ratio > 1
        odds = np.where(swap, 1 / ratio, ratio)
        a, m = np.where(swap, k2, k1), np.where(swap, n2, n1)
        b, n = np.where(swap, k1, k2), np.where(swap, n1, n2)
        yes, no = a + b, (m - a) + (n - b)
        p1, p2 = _lower_odds(odds, m, yes, no), _higher_odds(odds, n, yes, m)
        q1, q2 = _higher_odds(odds, m, no, n), _lower_odds(odds, n, no, yes)
        precision = 1 / (m * p1 * q1) + 1 / (n * p2 * q2)
        if corrected:
            precision = precision * ((m + n - 1) / (m + n))
        # Deviations of the two groups are equal but for the sign; the smaller terms round less.
        (gain, loss), (less, more) = (a * q1, (m - a) * p1), (b * q2, (n - b) * p2)
        above = np.where(gain + loss < less + more, gain - loss, more - less)
        z = np.where(above == 0, above, above * np.sqrt(precision))
    # The ratio of the swapped groups is the reciprocal, and its statistic has the other sign.
    return np.asarray(np.where(swap, -z, z))


def _higher_odds(odds: Floats, trials: Floats, successes: Floats, others: Floats) -> Floats:
    """Compute the constrained proportion of the group with the higher odds.

    It is the lower root of ``n (1 - odds) p^2 - (odds m + n + s (1 - odds)) p + s`` with ``s`` the
    successes of both groups, and ``m`` the trials of the other. The discriminant is written as a
    sum of terms that are never negative. Failures of the group with the lower odds follow the
    same equation.
    """
    excess = successes * (1 - odds)
    one, two = odds * others, trials + excess
    spread = np.sqrt(one * (one + 2 * two) + (trials - excess) ** 2)
    return np.minimum(2 * successes / (one + two + spread), 1.0)


def _lower_odds(odds: Floats, trials: Floats, successes: Floats, failures: Floats) -> Floats:
    """Compute the constrained proportion of the group with the lower odds.

    It is the positive root of ``m (1 - odds) p^2 + b p - odds s`` with ``s`` the successes of both
    groups, in the form without a subtraction, because it can be very small.
    """
    b = odds * (successes + failures) + (failures - trials) * (1 - odds)
    spread = np.sqrt(b * b + 4 * trials * (1 - odds) * odds * successes)
    return np.where(
        b >= 0,
        2 * odds * successes / (b + spread),
        (spread - b) / (2 * trials * (1 - odds)),
    )


def ratio_limits(
    score: Score, counts: tuple[Floats, Floats, Floats, Floats], estimate: Floats, z: float
) -> tuple[Floats, Floats]:
    """Find the range of ratios whose score statistic is between ``-z`` and ``z``.

    Parameters
    ----------
    score : callable
        Statistic of four counts and a ratio, decreasing in the ratio.
    counts : tuple of ndarray of float64
        ``k1, n1, k2, n2``.
    estimate : ndarray of float64
        The ratio at which the statistic is 0.
    z : float
        A quantile of the standard normal distribution.

    Returns
    -------
    low, high : ndarray of float64
        ``low`` is NaN where the estimate is 0, ``high`` where it is infinite, and both where
        it is NaN.
    """
    with np.errstate(divide="ignore"):
        middle = np.log(estimate)
    # The search is on the log scale, where ratios and their reciprocals are symmetric.
    inner = np.isfinite(middle)
    low = root(
        lambda x, a, m, b, n: score(a, m, b, n, np.exp(x)) - z,
        np.where(estimate > 0, -_MAX_LOG_RATIO, np.nan),
        np.where(inner, middle, _MAX_LOG_RATIO),
        *counts,
    )
    high = root(
        lambda x, a, m, b, n: score(a, m, b, n, np.exp(x)) + z,
        np.where(inner, middle, -_MAX_LOG_RATIO),
        np.where(estimate < np.inf, _MAX_LOG_RATIO, np.nan),
        *counts,
    )
    return np.exp(low), np.exp(high)
