"""Confidence intervals for one proportion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.checks import Floats, as_counts, as_floats, check_confidence
from omistats.kernel.numeric import root
from omistats.kernel.registry import MethodRegistry

__all__ = [
    "INTERVALS",
    "Interval",
    "agresti_coull",
    "clopper_pearson",
    "interval",
    "jeffreys",
    "mid_p",
    "normal_quantile",
    "wald",
    "wilson",
    "wilson_cc",
]


INTERVALS: MethodRegistry[Callable[[Floats, Floats, float], tuple[Floats, Floats]]] = (
    MethodRegistry("interval", "f(k, n, confidence) -> (low, high)", outputs=2)
)
"""Intervals for one proportion."""


@attrs.frozen(eq=False)
class Interval:
    """Proportions with their confidence intervals, element by element.

    Attributes
    ----------
    estimate, low, high : ndarray of float64
        Proportions, 0-1; NaN where there were no trials. ``low`` is 0 without successes,
        ``high`` is 1 without failures.
    method : ndarray of str
        The interval used.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.interval([0, 9, 0], [20, 30, 0])
    >>> found.estimate.tolist(), found.high.round(3).tolist()
    ([0.0, 0.3, nan], [0.161, 0.479, nan])
    """

    estimate: Floats
    low: Floats
    high: Floats
    method: npt.NDArray[np.str_]


def interval(
    k: npt.ArrayLike, n: npt.ArrayLike, method: str = "wilson", confidence: float = 0.95
) -> Interval:
    """Compute a confidence interval for a proportion.

    Parameters
    ----------
    k, n : array_like of int
        Successes and trials, broadcast together; NaN gives NaN.
    method : str
        ``'wilson'``, the score interval; ``'wilson-cc'``, the same with continuity
        correction; ``'clopper-pearson'``, exact; ``'mid-p'``, the same with half the
        probability of the observed count; ``'jeffreys'``; ``'agresti-coull'``; or ``'wald'``,
        the textbook interval, which is a poor choice. Others can be added to
        `omistats.stats.INTERVALS`.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Interval
        Proportions, 0-1, of the broadcast shape; 0-d for scalars.

    Raises
    ------
    UsageError
        When counts are impossible or the confidence is out of range.
    UnknownNameError
        When the method is unknown.

    References
    ----------
    Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial
    proportion. Statistical Science 16, 101-133. doi:10.1214/ss/1009213286

    Newcombe, R. G. (1998). Two-sided confidence intervals for the single proportion:
    comparison of seven methods. Statistics in Medicine 17, 857-872.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.interval(81, 263)
    >>> print(f"{found.low:.4f} to {found.high:.4f}")
    0.2553 to 0.3662
    >>> exact = oms.stats.interval([0, 1], [20, 29], method="clopper-pearson")
    >>> print(exact.high.round(4))
    [0.1684 0.1776]
    """
    check_confidence(confidence)
    name = INTERVALS.name(method)
    kk, nn = as_counts(k, n)
    low, high = INTERVALS[name](kk, nn, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = np.asarray(kk / nn)
    return Interval(estimate, np.asarray(low), np.asarray(high), np.full(kk.shape, name))


def normal_quantile(confidence: float) -> float:
    """Compute the two-sided standard normal quantile, 1.96 for 0.95.

    Parameters
    ----------
    confidence : float
        Between 0 and 1.

    Returns
    -------
    float
    """
    # As accurate as scipy.special, and much faster to import.
    from statistics import NormalDist

    return -NormalDist().inv_cdf((1.0 - confidence) / 2.0)


def wilson(k: npt.ArrayLike, n: npt.ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    """Compute Wilson's score interval.

    Parameters
    ----------
    k, n : array_like
        Successes and trials, broadcast together.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Proportions, NaN where ``n`` is 0. ``low`` is exactly 0 at ``k = 0``, and ``high``
        exactly 1 at ``k = n``.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical
    inference. JASA 22, 209-212. doi:10.1080/01621459.1927.10502953
    """
    k, n = as_floats(k, n)
    z = normal_quantile(confidence)
    zz = z * z
    with np.errstate(divide="ignore", invalid="ignore"):
        proportion: Any = np.asarray(k / n)
        # In place, because new arrays cost more than the arithmetic for tens of thousands of rows.
        half = np.asarray(1 - proportion)
        half *= k
        half += zz / 4
        np.sqrt(half, out=half)
        half *= z
        high = np.asarray(k + zz / 2)
        low = np.asarray(high - half)
        high += half
        denominator = n + zz
        low /= denominator
        high /= denominator
    # The limit is the proportion itself, exactly 0 or 1; without trials it is NaN.
    np.copyto(low, proportion, where=k == 0)
    np.copyto(high, proportion, where=k == n)
    return low, high


def wilson_cc(k: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Compute Wilson's interval with continuity correction.

    Parameters
    ----------
    k, n : ndarray of float64
        Successes and trials.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Proportions, NaN where ``n`` is 0.

    Notes
    -----
    The limits are Wilson's for ``k - 1/2`` and ``k + 1/2``. R's ``prop.test`` leaves out the
    correction where ``k`` is exactly ``n / 2``; this function does not.

    References
    ----------
    Newcombe, R. G. (1998). Two-sided confidence intervals for the single proportion:
    comparison of seven methods. Statistics in Medicine 17, 857-872 (method 4).
    """
    z = normal_quantile(confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        less, more = k - 0.5, k + 0.5
        upper = less + z * z / 2 + z * np.sqrt(z * z / 4 + less * (1 - less / n))
        # The lower root is the product of both over the upper: no subtraction loses digits.
        low = less * less / (n * upper)
        high = (more + z * z / 2 + z * np.sqrt(z * z / 4 + more * (1 - more / n))) / (n + z * z)
    return _exact_ends(k, n, low, high)


def clopper_pearson(k: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Compute the exact interval, from two one-sided binomial tests.

    Parameters
    ----------
    k, n : ndarray of float64
        Successes and trials.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Proportions, NaN where ``n`` is 0.

    References
    ----------
    Clopper, C. J. and Pearson, E. S. (1934). The use of confidence or fiducial limits
    illustrated in the case of the binomial. Biometrika 26, 404-413.
    doi:10.1093/biomet/26.4.404
    """
    tail = (1 - confidence) / 2
    low, _ = _beta_quantiles(k, n - k + 1, tail)
    _, high = _beta_quantiles(k + 1, n - k, tail)
    return _exact_ends(k, n, low, high)


def mid_p(k: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Compute the mid-P interval: exact, with half the probability of the observed count.

    Parameters
    ----------
    k, n : ndarray of float64
        Successes and trials.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Proportions, NaN where ``n`` is 0.

    References
    ----------
    Lancaster, H. O. (1961). Significance tests in discrete distributions. JASA 56, 223-234.
    doi:10.1080/01621459.1961.10482105
    """
    import scipy

    at_least, below = scipy.special.betainc, scipy.special.betaincc
    tail = (1 - confidence) / 2
    inside = (k > 0) & (k < n)
    # At k = 0 and k = n the limit has a closed form, computed below.
    k_in, n_in = np.where(inside, k, 1.0), np.where(inside, n, 2.0)
    low_with, high_without = _beta_quantiles(k_in, n_in - k_in + 1, tail)
    low_without, high_with = _beta_quantiles(k_in + 1, n_in - k_in, tail)
    # The mean of the tails with and without the observed count counts half its probability. The
    # limits are between those of the two tails.
    low_in = root(
        lambda p, k, n: at_least(k, n - k + 1, p) + at_least(k + 1, n - k, p) - 2 * tail,
        low_with,
        low_without,
        k_in,
        n_in,
    )
    high_in = root(
        lambda p, k, n: below(k, n - k + 1, p) + below(k + 1, n - k, p) - 2 * tail,
        high_without,
        high_with,
        k_in,
        n_in,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.log(2 * tail) / n
    low = np.where(inside, low_in, np.exp(power))
    high = np.where(inside, high_in, -np.expm1(power))
    return _exact_ends(k, n, low, high)


def jeffreys(k: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Compute the equal-tailed interval of Jeffreys' posterior.

    Parameters
    ----------
    k, n : ndarray of float64
        Successes and trials.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Proportions, NaN where ``n`` is 0. ``low`` is set to 0 at ``k = 0``, and ``high`` to 1
        at ``k = n``; the quantiles of the posterior are not.

    References
    ----------
    Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial
    proportion. Statistical Science 16, 101-133. doi:10.1214/ss/1009213286
    """
    low, high = _beta_quantiles(k + 0.5, n - k + 0.5, (1 - confidence) / 2)
    return _exact_ends(k, n, low, high)


def agresti_coull(k: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Compute Wald's interval around Wilson's centre, limited to 0 and 1.

    Parameters
    ----------
    k, n : ndarray of float64
        Successes and trials.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Proportions, NaN where ``n`` is 0.

    References
    ----------
    Agresti, A. and Coull, B. A. (1998). Approximate is better than "exact" for interval
    estimation of binomial proportions. American Statistician 52, 119-126.
    doi:10.1080/00031305.1998.10480550
    """
    z = normal_quantile(confidence)
    trials = np.where(n > 0, n, np.nan) + z * z
    centre = (k + z * z / 2) / trials
    half = z * np.sqrt(centre * ((n - k + z * z / 2) / trials) / trials)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def wald(k: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Compute Wald's textbook interval, limited to 0 and 1, a poor choice: for comparison only.

    Parameters
    ----------
    k, n : ndarray of float64
        Successes and trials.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Proportions, NaN where ``n`` is 0. The interval has no width where all or none
        succeeded.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        proportion = k / n
        half = normal_quantile(confidence) * np.sqrt(proportion * (1 - proportion) / n)
    return np.maximum(proportion - half, 0.0), np.minimum(proportion + half, 1.0)


def _beta_quantiles(a: Floats, b: Floats, tail: float) -> tuple[Floats, Floats]:
    """Compute the lower and upper quantile of beta distributions, for a tail probability each."""
    import scipy

    # Digits of scipy that are right: about ten at a million cases, five at a million million, none
    # near 2**53. Parameters of 0 belong to k = 0 or k = n, which `_exact_ends` sets.
    a, b = np.where(a > 0, a, np.nan), np.where(b > 0, b, np.nan)
    return scipy.special.betaincinv(a, b, tail), scipy.special.betainccinv(a, b, tail)


def _exact_ends(k: Floats, n: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Set the limit to 0 where none succeeded and to 1 where all did; NaN without trials."""
    known = (n > 0) & ~np.isnan(k)
    low = np.where(known, np.where(k == 0, 0.0, low), np.nan)
    high = np.where(known, np.where(k == n, 1.0, high), np.nan)
    return low, high


INTERVALS.register("wilson", wilson, ["score"])
INTERVALS.register("wilson-cc", wilson_cc, ["wilsoncc", "prop.test"])
INTERVALS.register("clopper-pearson", clopper_pearson, ["exact", "beta"])
INTERVALS.register("mid-p", mid_p, ["midp"])
INTERVALS.register("jeffreys", jeffreys)
INTERVALS.register("agresti-coull", agresti_coull, ["ac"])
INTERVALS.register("wald", wald, ["normal", "asymptotic"])
