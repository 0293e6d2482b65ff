"""How far apart two proportions are: their difference, ratio and odds ratio."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.counts import checked
from omistats.kernel.differences import DIFFERENCES
from omistats.kernel.methods import Methods
from omistats.kernel.options import check_confidence
from omistats.kernel.relative import ODDS_RATIOS, RISK_RATIOS, Method

__all__ = ["Effect", "difference", "odds_ratio", "risk_ratio"]

Floats = npt.NDArray[np.float64]


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
    >>> found = oms.difference([56, 3], [70, 4], [48, 0], [80, 0])
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
        interval, which is a poor choice. Others can be added to `omistats.DIFFERENCES`.
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
    >>> found = oms.difference(56, 70, 48, 80)
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
        added to `omistats.RISK_RATIOS`.
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
    >>> found = oms.risk_ratio([56, 5], [70, 56], [48, 0], [80, 29])
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
        can be added to `omistats.ODDS_RATIOS`.
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
    >>> found = oms.odds_ratio(56, 70, 48, 80)
    >>> print(f"{found.estimate:.3f}, {found.low:.3f} to {found.high:.3f}")
    2.667, 1.282 to 5.540
    """
    return _effect(ODDS_RATIOS, k1, n1, k2, n2, method, confidence)


def _effect(
    methods: Methods[Method],
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
