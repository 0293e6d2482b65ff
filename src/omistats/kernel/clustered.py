"""A ratio of two sums over cases that come in clusters, and how sure we are of it."""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem, UsageError
from omistats.kernel.designs import Lonely, Population, check_lonely, design_of
from omistats.kernel.limits import check_limits, design_effect, limits
from omistats.kernel.options import check_confidence
from omistats.kernel.rows import numbers, weights

__all__ = ["Ratio", "ratio"]

Floats = npt.NDArray[np.float64]
Limits = Literal["wald", "logit"]


@attrs.frozen(eq=False)
class Ratio:
    """A ratio estimate, each attribute a 0-d array.

    Attributes
    ----------
    estimate, se, low, high : ndarray of float64
        Proportions, 0-1, where counts are divided. NaN where the denominator is 0. Wald limits
        are not cut off at 0 and 1.
    df : ndarray of float64
        Degrees of freedom of the interval's t distribution; infinite for the normal.
    design_effect : ndarray of float64
        ``se^2 / (p (1 - p) / sum n)``, the variance beside that of as many independent
        answers; ``sum n`` is without weights. NaN unless ``0 < p < 1``.
    method : ndarray of str
        The interval used.
    clusters, strata : ndarray of int64
        How many there are with a row of positive weight.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.ratio([3, 9, 5, 2], [8, 10, 9, 6], cluster=list("aabb"))
    >>> print(f"{found.low:.3f} to {found.high:.3f}, design effect {found.design_effect:.2f}")
    0.381 to 0.770, design effect 1.33
    >>> found.clusters.item(), found.df.item(), found.method.item()
    (2, inf, 'wald')
    """

    estimate: Floats
    se: Floats
    low: Floats
    high: Floats
    df: Floats
    design_effect: Floats
    method: npt.NDArray[np.str_]
    clusters: npt.NDArray[np.int64]
    strata: npt.NDArray[np.int64]


def ratio(
    k: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    cluster: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    population: Population = None,
    confidence: float = 0.95,
    df: float | Literal["design"] | None = None,
    interval: Limits = "wald",
    lonely: Lonely = "error",
) -> Ratio:
    """Estimate a ratio of sums from a stratified sample of clusters.

    Parameters
    ----------
    k, n : array_like of float, shape (cases,)
        Numerator and denominator, one entry a case: sufficient and applicable answers, or
        any two quantities that are not negative. A case outside the domain of interest
        stays in, with 0 and 0: it is part of the sample.
    cluster : array_like, shape (cases,), optional
        The cluster of each case; by default each is its own. Labels must differ between
        strata.
    stratum : array_like, shape (cases,), optional
        The stratum that each cluster was drawn in; by default there is one.
    weight : array_like of float, shape (cases,), optional
        Sampling weights, any multiple of them; by default all equal. Weight 0 is as good as
        outside the domain.
    population : float, mapping or array_like of shape (cases,), optional
        The number of clusters in each stratum's population: one for all, by label (others
        are ignored), or one a case. By default it is far larger than the sample.
    confidence : float
        Between 0 and 1.
    df : float or 'design', optional
        Degrees of freedom of a t interval, ``'design'`` for clusters less strata, counting
        those with a case of positive weight; by default the interval is normal.
    interval : {'wald', 'logit'}
        Symmetric about the estimate, or about its logit; the logit needs ``0 < p < 1``
        and is NaN elsewhere.
    lonely : {'error', 'remove', 'adjust'}
        A stratum of one cluster shows no spread. Refuse it, let it contribute nothing, or
        measure it from the mean of all strata. One that is all of its population contributes
        nothing anyway.

    Returns
    -------
    Ratio
        The estimate with its standard error and interval.

    Raises
    ------
    UsageError
        When an option is out of range or values are no numbers.
    UnknownNameError
        When the interval or the treatment of lonely strata is unknown.
    DataError
        With all that is wrong with the cases: shapes, missing or negative numbers, weights
        that are all 0, missing labels, a cluster in two strata, a population smaller than
        the sample, lonely strata.

    Notes
    -----
    Taylor linearisation, clusters taken as drawn with replacement unless ``population`` is
    given: the variance of ``sum w k / sum w n`` is that of the sum of
    ``w (k - p n) / sum w n``. It equals R's ``svyratio`` on
    ``svydesign(~cluster, strata=~stratum, weights=~weight, fpc=~population)``, with R's
    ``options(survey.lonely.psu=)`` at ``fail``, ``remove`` or ``adjust``. R's ``deff`` is
    another quantity: it compares with a simple random sample of cases, not of answers.

    References
    ----------
    Lumley, T. (2004). Analysis of complex survey samples. Journal of Statistical Software
    9(8). doi:10.18637/jss.v009.i08

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.ratio([3, 9, 5, 2], [8, 10, 9, 6], stratum=["N", "N", "S", "S"])
    >>> print(f"{found.estimate:.3f} ± {found.se:.3f}")
    0.576 ± 0.152
    """
    check_confidence(confidence)
    check_lonely(lonely)
    _check_df(df)
    check_limits(interval)
    problems: list[Problem] = []
    kk = numbers(k, "k", None, problems)
    rows = np.asarray(k).size
    if np.ndim(k) != 1:
        # What else must fit cannot be said.
        raise DataError(problems)
    nn = numbers(n, "n", rows, problems)
    ww = np.ones(rows) if weight is None else weights(weight, rows, problems)
    design = design_of(rows, cluster, stratum, population, lonely, problems)
    if kk is None or nn is None or ww is None or design is None or problems:
        raise DataError(problems)

    used = np.unique(design.cluster[ww > 0])
    strata = len(np.unique(design.stratum[used]))
    total = float(ww @ nn)
    estimate = np.float64(ww @ kk) / total if total > 0 else np.nan
    if total > 0:
        se = np.sqrt(design.variance(ww * (kk - estimate * nn) / total))
        freedom = _freedom(df, len(used) - strata)
    else:
        se = freedom = np.nan
    low, high = limits(estimate, se, confidence=confidence, df=freedom, interval=interval)
    return Ratio(
        np.asarray(estimate, np.float64),
        np.asarray(se, np.float64),
        low,
        high,
        np.asarray(freedom, np.float64),
        design_effect(estimate, se, nn[ww > 0].sum()),
        np.asarray(interval),
        np.asarray(len(used), np.int64),
        np.asarray(strata, np.int64),
    )


def _check_df(df: Any) -> None:
    if df is None or (isinstance(df, str) and df == "design"):
        return
    number = isinstance(df, int | float | np.integer | np.floating) and not isinstance(df, bool)
    if not number or not df > 0:
        raise UsageError(f"df is a number above 0, 'design' or None, found {df!r}")


def _freedom(df: float | str | None, of_design: int) -> float:
    if df is None:
        return np.inf
    return float(of_design if df == "design" else df)
