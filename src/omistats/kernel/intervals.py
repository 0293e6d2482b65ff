"""One proportion: 7 intervals and interval()."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.checks import check_confidence, checked
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


Floats = npt.NDArray[np.float64]


def normal_quantile(confidence: float) -> float:
    """Give the two-sided standard normal quantile, 1.96 for 0.95.

    Parameters
    ----------
    confidence : float
        Between 0 and 1.

    Returns
    -------
    float
    """
    # As accurate as scipy.special here, and far quicker to load.
    from statistics import NormalDist

    return -NormalDist().inv_cdf((1.0 - confidence) / 2.0)


def wilson(k: npt.ArrayLike, n: npt.ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    """Give Wilson's score interval for a proportion.

    Parameters
    ----------
    k, n : array_like
        Successes and trials, broadcast together.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Proportions, NaN where ``n`` is 0. ``low`` is exactly 0 at ``k = 0`` and
        ``high`` exactly 1 at ``k = n``.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical
    inference. JASA 22, 209-212. doi:10.1080/01621459.1927.10502953
    """
    k, n = np.asarray(k, np.float64), np.asarray(n, np.float64)
    if k.shape != n.shape:
        k, n = np.broadcast_arrays(k, n)
    z = normal_quantile(confidence)
    zz = z * z
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where there are no trials the share is 0 / 0: NaN, as it should be.
        share: Any = np.asarray(k / n)
        # In place: for tens of thousands of rows, new arrays cost more than the sums.
        half = np.asarray(1 - share)
        half *= k
        half += zz / 4
        np.sqrt(half, out=half)
        half *= z
        high = np.asarray(k + zz / 2)
        low = np.asarray(high - half)
        high += half
        below = n + zz
        low /= below
        high /= below
    # At the ends the share itself, 0 or 1, is the bound; NaN without trials.
    np.copyto(low, share, where=k == 0)
    np.copyto(high, share, where=k == n)
    return low, high


INTERVALS: MethodRegistry[Callable[[Floats, Floats, float], tuple[Floats, Floats]]] = (
    MethodRegistry("interval", "f(k, n, confidence) -> (low, high)", outputs=2)
)
"""Intervals for one proportion."""


def wilson_cc(k: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Give Wilson's interval with continuity correction: Wilson's of ``k`` half a case out.

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
    R's ``prop.test`` leaves the correction out where ``k`` is exactly ``n / 2``; this does not.

    References
    ----------
    Newcombe, R. G. (1998). Two-sided confidence intervals for the single proportion:
    comparison of seven methods. Statistics in Medicine 17, 857-872 (method 4).
    """
    z = normal_quantile(confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        less, more = k - 0.5, k + 0.5
        far = less + z * z / 2 + z * np.sqrt(z * z / 4 + less * (1 - less / n))
        # The lower of two roots by their product, so that nothing is subtracted.
        low = less * less / (n * far)
        high = (more + z * z / 2 + z * np.sqrt(z * z / 4 + more * (1 - more / n))) / (n + z * z)
    return _ends(k, n, low, high)


def clopper_pearson(k: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Give the exact interval: what two one-sided binomial tests do not reject.

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
    return _ends(k, n, low, high)


def mid_p(k: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Give the exact interval with half the chance of what was observed left out of each tail.

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

    beyond, upto = scipy.special.betainc, scipy.special.betaincc
    tail = (1 - confidence) / 2
    inside = (k > 0) & (k < n)
    # Where all or none succeeded the tail is half a power.
    k_in, n_in = np.where(inside, k, 1.0), np.where(inside, n, 2.0)
    least, most = _beta_quantiles(k_in, n_in - k_in + 1, tail)
    least_more, most_more = _beta_quantiles(k_in + 1, n_in - k_in, tail)
    # Both tails of the one and of the other count what was observed fully and not at all.
    above = root(
        lambda p, k, n: beyond(k, n - k + 1, p) + beyond(k + 1, n - k, p) - 2 * tail,
        least,
        least_more,
        k_in,
        n_in,
    )
    below = root(
        lambda p, k, n: upto(k, n - k + 1, p) + upto(k + 1, n - k, p) - 2 * tail,
        most,
        most_more,
        k_in,
        n_in,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.log(2 * tail) / n
    low = np.where(inside, above, np.exp(power))
    high = np.where(inside, below, -np.expm1(power))
    return _ends(k, n, low, high)


def jeffreys(k: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Give equal tails of Jeffreys' posterior, closed where all or none succeeded.

    Parameters
    ----------
    k, n : ndarray of float64
        Successes and trials.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Proportions, NaN where ``n`` is 0. ``low`` is 0 at ``k = 0`` and ``high`` is 1 at
        ``k = n``, where the posterior's own quantiles are not.

    References
    ----------
    Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial
    proportion. Statistical Science 16, 101-133. doi:10.1214/ss/1009213286
    """
    low, high = _beta_quantiles(k + 0.5, n - k + 0.5, (1 - confidence) / 2)
    return _ends(k, n, low, high)


def agresti_coull(k: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Give the textbook interval about Wilson's centre, cut to 0 and 1.

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
    """Give the textbook interval, cut to 0 and 1: a poor choice, for comparison only.

    Parameters
    ----------
    k, n : ndarray of float64
        Successes and trials.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Proportions, NaN where ``n`` is 0; without width where all or none succeeded.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = k / n
        half = normal_quantile(confidence) * np.sqrt(share * (1 - share) / n)
    return np.maximum(share - half, 0.0), np.minimum(share + half, 1.0)


def _beta_quantiles(a: Floats, b: Floats, tail: float) -> tuple[Floats, Floats]:
    """Give the two quantiles of a beta distribution that cut off a tail each."""
    import scipy

    # Of scipy's tails some ten digits are right at a million cases, five at a million million,
    # and none next to 2**53.
    # A parameter of 0 is an end of the range; it is set by `_ends`.
    a, b = np.where(a > 0, a, np.nan), np.where(b > 0, b, np.nan)
    return scipy.special.betaincinv(a, b, tail), scipy.special.betainccinv(a, b, tail)


def _ends(k: Floats, n: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Close an interval where none or all succeeded, and give none without trials."""
    some = (n > 0) & ~np.isnan(k)
    low = np.where(some, np.where(k == 0, 0.0, low), np.nan)
    high = np.where(some, np.where(k == n, 1.0, high), np.nan)
    return low, high


INTERVALS.register("wilson", wilson, ["score"])
INTERVALS.register("wilson-cc", wilson_cc, ["wilsoncc", "prop.test"])
INTERVALS.register("clopper-pearson", clopper_pearson, ["exact", "beta"])
INTERVALS.register("mid-p", mid_p, ["midp"])
INTERVALS.register("jeffreys", jeffreys)
INTERVALS.register("agresti-coull", agresti_coull, ["ac"])
INTERVALS.register("wald", wald, ["normal", "asymptotic"])


@attrs.frozen(eq=False)
class Interval:
    """Estimates with their intervals, element by element.

    Attributes
    ----------
    estimate, low, high : ndarray of float64
        Proportions, 0-1; NaN where there were no trials. Low is 0 where nothing succeeded,
        high is 1 where everything did.
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
    """Give an interval for a proportion.

    Parameters
    ----------
    k, n : array_like of int
        Successes and trials, broadcast together; NaN gives NaN.
    method : str
        ``'wilson'``, the score interval; ``'wilson-cc'``, the same with continuity
        correction; ``'clopper-pearson'``, exact; ``'mid-p'``, exact but for half of the
        chance of what was observed; ``'jeffreys'``; ``'agresti-coull'``; or ``'wald'``, the
        textbook interval, which is a poor choice. Others can be added to
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
    kk, nn = checked(k, n)
    low, high = INTERVALS[name](kk, nn, confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = np.asarray(kk / nn)
    return Interval(estimate, np.asarray(low), np.asarray(high), np.full(kk.shape, name))
