"""Test whether two proportions are equivalent within a margin."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.kernel.checks import (
    Floats,
    as_proportions,
    as_two_groups,
    broadcast,
    check_confidence,
)
from omistats.kernel.effects import DIFFERENCES
from omistats.kernel.score_tests import score_z

__all__ = ["Equivalence", "equivalence", "two_one_sided"]


# The only method of difference that also gives a p-value for a margin.
_METHOD = "miettinen-nurminen"


@attrs.frozen(eq=False)
class Equivalence:
    """Result of an equivalence test, element by element.

    Attributes
    ----------
    estimate, low, high : ndarray of float64
        The first proportion less the second, with the interval that matches the two one-sided
        tests: a 90% interval if the confidence is 95%.
    p_value : ndarray of float64
        The larger of the two one-sided p-values; NaN where a group has no trials.
    p_lower, p_upper : ndarray of float64
        One-sided p-values of a difference of ``-margin`` or less, and of ``margin`` or more.
    equivalent : ndarray of bool
        Whether the p-value is below ``1 - confidence``; False where it is NaN.
    margin : ndarray of float64
        The margin.
    method : ndarray of str
        Method of the tests and of the interval.

    Examples
    --------
    All numbers are proportions. The interval of the larger groups is within ten points.

    >>> import omistats as oms
    >>> found = oms.stats.equivalence([13, 650], [20, 1000], [33, 660], [50, 1000], margin=0.1)
    >>> found.low.round(3).tolist(), found.high.round(3).tolist()
    ([-0.223, -0.045], [0.183, 0.025])
    >>> found.p_value.round(4).tolist()
    [0.2432, 0.0]
    """

    estimate: Floats
    low: Floats
    high: Floats
    p_value: Floats
    p_lower: Floats
    p_upper: Floats
    equivalent: npt.NDArray[np.bool_]
    margin: Floats
    method: npt.NDArray[np.str_]


def equivalence(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    margin: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    method: str = "miettinen-nurminen",
) -> Equivalence:
    """Test whether two proportions differ by less than a margin.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of two separate groups; NaN gives NaN.
    margin : array_like of float
        The smallest difference that would matter, as a proportion: 0.05 is five points. It is
        broadcast with the counts. There is no default, because no number is right for every
        question. Choose it before you look at the answers.
    confidence : float
        Between 0.5 and 1. Each one-sided test is at the level ``1 - confidence``.
    method : {'miettinen-nurminen'}
        The score statistic of the one-sided tests.

    Returns
    -------
    Equivalence
        Of the broadcast shape; 0-d for scalars.

    Raises
    ------
    UsageError
        When counts are impossible, a margin is None or not between 0 and 1, or the confidence
        is out of range.
    UnknownNameError
        When the method is unknown, or gives no p-value for a margin.

    Notes
    -----
    A large p-value is evidence neither of a difference nor of equivalence: the groups may be
    too small to tell.

    References
    ----------
    Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power
    approach for assessing the equivalence of average bioavailability. Journal of
    Pharmacokinetics and Biopharmaceutics 15, 657-680. doi:10.1007/BF01068419

    Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
    Medicine 4, 213-226. doi:10.1002/sim.4780040211

    Examples
    --------
    Both pairs of groups have 65% and 66%. Only the larger pair excludes a difference of ten
    points.

    >>> import omistats as oms
    >>> found = oms.stats.equivalence([13, 650], [20, 1000], [33, 660], [50, 1000], margin=0.1)
    >>> found.equivalent
    array([False,  True])
    """
    check_confidence(confidence)
    if confidence <= 0.5:
        raise UsageError(
            "`confidence` must be above 0.5, because each one-sided test is at the level "
            f"1 - confidence; found {confidence!r}"
        )
    name = DIFFERENCES.name(method)
    if name != _METHOD:
        raise UnknownNameError("test of a margin", method, (_METHOD,))
    if margin is None:
        raise UsageError(
            "`margin` must be the smallest difference that would matter, as a proportion (0.05 is "
            "five points); it has no default; found None"
        )
    counts = as_two_groups(k1, n1, k2, n2)
    margins = as_proportions(margin, "margin", ends=False)
    a, na, b, nb, margins = broadcast("the two groups and the margin", *counts, margins)
    p_lower, p_upper = two_one_sided(a, na, b, nb, margins)
    p_value = np.maximum(p_lower, p_upper)
    level = 1.0 - confidence
    estimate, low, high = DIFFERENCES[_METHOD](a, na, b, nb, 1.0 - 2.0 * level)
    return Equivalence(
        estimate=np.asarray(estimate),
        low=np.asarray(low),
        high=np.asarray(high),
        p_value=np.asarray(p_value),
        p_lower=p_lower,
        p_upper=p_upper,
        equivalent=np.asarray(p_value < level),
        margin=np.array(margins),
        method=np.full(a.shape, _METHOD),
    )


def two_one_sided(
    k1: Floats, n1: Floats, k2: Floats, n2: Floats, margin: Floats
) -> tuple[Floats, Floats]:
    """Compute one-sided p-values that a difference is above ``-margin`` and below ``margin``.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two groups.
    margin : ndarray of float64
        Between 0 and 1.

    Returns
    -------
    p_lower, p_upper : ndarray of float64
        P-values of the hypotheses that the difference is ``-margin`` or less, and ``margin`` or
        more, by Miettinen and Nurminen's score statistic; NaN where a group has no trials.
    """
    import scipy

    # The lower tail of -z, not 1 minus a tail, so that small p-values keep their digits.
    p_lower: Any = scipy.special.ndtr(-score_z(k1, n1, k2, n2, -margin))
    p_upper: Any = scipy.special.ndtr(score_z(k1, n1, k2, n2, margin))
    return np.asarray(p_lower), np.asarray(p_upper)
