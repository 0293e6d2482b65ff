"""Ratio estimates from survey samples, with linearised standard errors and intervals.

`ratio` takes one row per case. `from_moments` and `covariance_groups` take ``moments``: the sums
over a stratum's cases of k, n, k², k n and n², with shape (..., strata, 5). A domain's moments
sum over its own cases, while ``cases`` counts all cases drawn in the stratum: those outside the
domain have k = n = 0 and belong to the sample. Each case is its own cluster. Cases have no
weights; moments of w k and w n give the weighted estimate and its standard error, but not the
design effect, which counts answers.

`estimate_ratios` and `covariances` check nothing, for callers whose moments are valid by
construction. They take moments along the first axis and strata along the second, so that each
step runs over contiguous memory.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats._series import check_same_index
from omistats.errors import DataError, Problem, UsageError, check_choice
from omistats.kernel.checks import as_numbers, check_confidence
from omistats.kernel.design import (
    LONELY,
    Design,
    LonelyName,
    Population,
    average_factor,
    check_lonely,
    design_of,
    numbers,
    variance_factors,
    weights,
)
from omistats.kernel.effective import (
    SUMS,
    EffectiveGroups,
    effective_groups,
    effective_limits,
    stratum_sums,
)
from omistats.kernel.intervals import normal_quantile

__all__ = [
    "Ratio",
    "Ratios",
    "check_limits",
    "covariance_groups",
    "covariances",
    "cross_products",
    "design_effect",
    "estimate_ratios",
    "from_moments",
    "limits",
    "products",
    "quotient",
    "ratio",
]


Floats = npt.NDArray[np.float64]
Real = npt.NDArray[np.floating[Any]]
Limits = Literal["wald", "logit"]
_BulkLonely = LonelyName | Literal["nan"]

_LIMITS = ("wald", "logit")
# A variance below this share of the squares it is a difference of has lost more than four of
# its sixteen digits, and is computed again exactly.
_CANCELLED = 1e-4
# Moments that are not whole numbers carry rounding: a variance below this share is only that.
_ROUNDING = 1e-12


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
        ``se^2 / (p (1 - p) / sum n)``, the variance relative to that of as many independent
        answers; ``sum n`` is without weights. NaN unless ``0 < p < 1``.
    method : ndarray of str
        The interval used.
    clusters, strata : ndarray of int64
        Number of clusters and strata that have a row of positive weight.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.ratio([3, 9, 5, 2], [8, 10, 9, 6], cluster=list("aabb"))
    >>> print(f"{found.low:.3f} to {found.high:.3f}, design effect {found.design_effect:.2f}")
    0.014 to 0.993, design effect 1.33
    >>> found.clusters.item(), round(found.df.item(), 2), found.method.item()
    (2, 1.06, 'wilson-effective')
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
    interval: Literal["effective", "wald", "logit"] | None = None,
    lonely: LonelyName = "error",
) -> Ratio:
    """Estimate a ratio of sums from a stratified sample of clusters.

    Parameters
    ----------
    k, n : array_like of float, shape (cases,)
        Numerator and denominator, one entry per case: sufficient and applicable answers, or
        any two quantities that are not negative. Keep cases outside the domain of interest,
        with 0 and 0: they are part of the sample.
    cluster : array_like, shape (cases,), optional
        The cluster of each case; by default each case is its own cluster. Labels must differ
        between strata.
    stratum : array_like, shape (cases,), optional
        The stratum of each case's cluster; by default there is one stratum.
    weight : array_like of float, shape (cases,), optional
        Sampling weights, of which only the ratios matter; by default all equal. A case of
        weight 0 counts as outside the domain.
    population : float, mapping or array_like of shape (cases,), optional
        The number of clusters in each stratum's population: one number for all strata, a
        mapping from stratum labels (others are ignored), or one number per case. By default
        there is no finite population correction.
    confidence : float
        Between 0 and 1.
    df : float or 'design', optional
        Degrees of freedom of a Wald or logit interval by t. ``'design'`` is the number of
        clusters less the number of strata, among those with a case of positive weight. Where
        such an interval is asked for by name, the default is the normal distribution.
    interval : {'effective', 'wald', 'logit'}, optional
        ``'effective'`` is Wilson's on effective answers, as in `omistats.scores`; it needs whole
        ``n`` with ``0 <= k <= n``, and one weight within each cluster. ``'wald'`` is symmetric
        about the estimate, ``'logit'`` about its logit; the logit interval is NaN unless
        ``0 < p < 1``. By default ``'effective'`` where it holds and no ``df`` is given, else
        ``'wald'`` with t. ``method`` says which was used.
    lonely : {'error', 'remove', 'adjust', 'average'}, or 'fail' or 'certainty'
        Treatment of strata with a single cluster, which show no spread: raise an error, let
        them contribute nothing, measure them from the mean of all strata, or give them the
        average variance of the other strata. ``'fail'`` and ``'certainty'`` are R's names of
        ``'error'`` and ``'remove'``. A stratum sampled completely contributes nothing under
        any treatment.

    Returns
    -------
    Ratio
        The estimate with its standard error and interval.

    Raises
    ------
    UsageError
        When an option is out of range or values are not numbers.
    UnknownNameError
        When the interval or the treatment of single-PSU strata is unknown.
    DataError
        With all that is wrong with the cases: shapes, missing or negative numbers, weights
        that are all 0, missing labels, a cluster in two strata, a population smaller than
        the sample, single-PSU strata.

    Notes
    -----
    Taylor linearisation, with clusters treated as drawn with replacement unless
    ``population`` is given: the variance of ``sum w k / sum w n`` is that of the sum of
    ``w (k - p n) / sum w n``. It equals R's ``svyratio`` on
    ``svydesign(~cluster, strata=~stratum, weights=~weight, fpc=~population)``, with R's
    ``options(survey.lonely.psu=)`` at ``fail``, ``remove``, ``certainty``, ``adjust`` or
    ``average``. R's ``deff`` is another quantity: it compares with a simple random sample of
    cases, not of answers.

    References
    ----------
    Lumley, T. (2004). Analysis of complex survey samples. Journal of Statistical Software
    9(8). doi:10.18637/jss.v009.i08

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.stats.ratio([3, 9, 5, 2], [8, 10, 9, 6], stratum=["N", "N", "S", "S"])
    >>> print(f"{found.estimate:.3f} ± {found.se:.3f}")
    0.576 ± 0.152
    """
    check_confidence(confidence)
    treatment = check_lonely(lonely)
    _check_df(df)
    if interval not in (None, "effective"):
        check_limits(str(interval) if isinstance(interval, str) else interval)
    check_same_index(
        k=k, n=n, weight=weight, cluster=cluster, stratum=stratum, population=population
    )
    problems: list[Problem] = []
    kk = numbers(k, "k", None, problems)
    rows = np.asarray(k).size
    if np.ndim(k) != 1:
        # Without a number of rows nothing else can be checked.
        raise DataError(problems)
    nn = numbers(n, "n", rows, problems)
    ww = np.ones(rows) if weight is None else weights(weight, rows, problems)
    design = design_of(rows, cluster, stratum, population, treatment, problems)
    if kk is None or nn is None or ww is None or design is None or problems:
        raise DataError(problems)

    used = np.unique(design.cluster[ww > 0])
    strata = len(np.unique(design.stratum[used]))
    misfit = _effective_misfit(kk, nn, ww, design)
    if interval == "effective" and misfit:
        raise UsageError(f"`interval='effective'` {misfit}; use interval='wald'")
    effective = interval == "effective" or (interval is None and df is None and not misfit)
    if interval is None and df is None:
        df = "design"
    wald = "wald" if interval in (None, "effective") else interval
    total = float(ww @ nn)
    estimate = np.float64(ww @ kk) / total if total > 0 else np.nan
    if total > 0:
        se = np.sqrt(design.variance(ww * (kk - estimate * nn) / total, ww > 0))
        df_interval = _interval_df(df, len(used) - strata)
    else:
        se = df_interval = np.nan
    low, high = limits(estimate, se, confidence=confidence, df=df_interval, interval=wald)
    method = f"{wald}-t" if np.isfinite(df_interval) else wald
    if effective:
        groups = _effective_group(kk, nn, ww, design)
        low, high = effective_limits(groups, confidence)
        df_interval, method = float(groups.df), "wilson-effective"
    return Ratio(
        np.asarray(estimate, np.float64),
        np.asarray(se, np.float64),
        low,
        high,
        np.asarray(df_interval, np.float64),
        design_effect(estimate, se, nn[ww > 0].sum()),
        np.asarray(method),
        np.asarray(len(used), np.int64),
        np.asarray(strata, np.int64),
    )


def _effective_misfit(k: Floats, n: Floats, weight: Floats, design: Design) -> str:
    """Say why effective answers do not hold; empty where they do."""
    if (n % 1).any() or (k % 1).any() or (k > n).any():
        return "needs whole numbers with 0 <= k <= n"
    order = np.argsort(design.cluster, kind="stable")
    same = np.diff(design.cluster[order]) == 0
    if (same & (np.diff(weight[order]) != 0)).any():
        return "needs one weight within each cluster"
    return ""


def _effective_group(k: Floats, n: Floats, weight: Floats, design: Design) -> EffectiveGroups:
    """Turn cases into effective answers; a cluster's answers count as those of one case."""
    clusters = len(design.stratum)
    kc, nc = (np.bincount(design.cluster, values, clusters) for values in (k, n))
    wc = np.zeros(clusters)
    wc[design.cluster] = weight
    # Where a case has no applicable answer, the answers may be those of a domain that lies
    # across strata: it is one stratum.
    inside = (n > 0).all()
    strata = design.stratum if inside else np.zeros(clusters, np.intp)
    fraction = np.broadcast_to(design.fraction, design.fpc_scale.shape)
    total = np.zeros(SUMS)
    for code in np.unique(strata):
        own = strata == code
        kk, nn, ww = kc[own], nc[own], wc[own]
        used = ww * nn > 0
        some, lacking = (used & (kk > 0)).sum(), (used & (kk < nn)).sum()
        f = fraction[design.stratum[own]]
        sums = stratum_sums(nn, np.ones(nn.shape), kk, kk * kk, some, lacking, weight=ww)
        open_answers = (ww * ww * nn * (1 - f)).sum()
        # Strata of several fractions in one: what of its answers is not known.
        sums[15:18] *= open_answers / sums[7] if sums[7] > 0 else 1.0
        sums[14] = open_answers
        total = total + sums
    return effective_groups(total)


def _check_df(df: Any) -> None:
    if df is None or (isinstance(df, str) and df == "design"):
        return
    number = isinstance(df, int | float | np.integer | np.floating) and not isinstance(df, bool)
    if not number or not df > 0:
        raise UsageError(f"`df` must be a number above 0, 'design' or None; found {df!r}")


def _interval_df(df: float | str | None, df_design: int) -> float:
    if df is None:
        return np.inf
    return float(df_design if df == "design" else df)


def limits(
    estimate: npt.ArrayLike,
    se: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    df: npt.ArrayLike | None = None,
    interval: str = "wald",
) -> tuple[Floats, Floats]:
    """Compute confidence limits from estimates and their standard errors.

    Parameters
    ----------
    estimate, se : array_like of float
        Broadcast together.
    confidence : float
        Between 0 and 1.
    df : array_like of float, optional
        Degrees of freedom of t, broadcast with the rest. None or infinite gives normal
        limits; 0 or less gives NaN.
    interval : {'wald', 'logit'}
        ``p ± q se``, or ``logit(p) ± q se / (p (1 - p))`` transformed back (the delta
        method), which is NaN unless ``0 < p < 1``.

    Returns
    -------
    low, high : ndarray of float64

    Raises
    ------
    UsageError
        When the confidence is out of range.
    UnknownNameError
        When the interval is unknown.
    """
    check_confidence(confidence)
    check_limits(interval)
    p, s = np.asarray(estimate, np.float64), np.asarray(se, np.float64)
    half = _quantile(confidence, df) * s
    if interval == "wald":
        return np.asarray(p - half), np.asarray(p + half)
    import scipy

    inside = (p > 0) & (p < 1)
    q = np.where(inside, p, np.nan)
    centre, half = np.log(q) - np.log1p(-q), half / (q * (1 - q))
    low, high = scipy.special.expit(centre - half), scipy.special.expit(centre + half)
    # Transforming forth and back rounds; the limits must still enclose the estimate.
    return np.asarray(np.minimum(low, q)), np.asarray(np.maximum(high, q))


def check_limits(interval: str) -> None:
    """Check that an interval is 'wald' or 'logit'."""
    check_choice("interval", interval, _LIMITS)


def _quantile(confidence: float, df: npt.ArrayLike | None) -> Any:
    """Return the two-sided quantile of t, or of the normal where ``df`` is infinite or None."""
    z = normal_quantile(confidence)
    if df is None:
        return z
    d = np.asarray(df, np.float64)
    bounded = np.isfinite(d)
    out = np.where(np.isposinf(d), z, np.nan)
    if bounded.any():
        import scipy

        finite, tail = np.where(bounded & (d > 0), d, np.nan), (1.0 - confidence) / 2.0
        t = scipy.special.stdtrit(finite, tail)
        # Older versions of SciPy stop at eleven digits; one Newton step gives the others.
        beta = scipy.special.gammaln((finite + 1) / 2) - scipy.special.gammaln(finite / 2)
        density = np.exp(beta - (finite + 1) / 2 * np.log1p(t * t / finite))
        density = density / np.sqrt(finite * np.pi)
        t = t - (scipy.special.stdtr(finite, t) - tail) / density
        out = np.where(bounded, -t, out)
    return out


def design_effect(estimate: npt.ArrayLike, se: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Compute ``se^2 / (p (1 - p) / n)``, broadcast; NaN unless ``0 < p < 1``."""
    p, s, n = (np.asarray(v, np.float64) for v in (estimate, se, n))
    inside = (p > 0) & (p < 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(inside, s * s * n / (p * (1 - p)), np.nan)


@attrs.frozen(eq=False)
class Ratios:
    """Ratio estimates, element by element.

    Attributes
    ----------
    estimate, se : ndarray of float64
        NaN where the denominator is 0; ``se`` also where a single-PSU stratum leaves it
        unknown.
    design_effect : ndarray of float64
        ``se^2 / (p (1 - p) / sum n)``; NaN unless ``0 < p < 1``.
    """

    estimate: Floats
    se: Floats
    design_effect: Floats


def from_moments(
    moments: npt.ArrayLike,
    cases: npt.ArrayLike,
    *,
    population: npt.ArrayLike | None = None,
    lonely: _BulkLonely = "error",
) -> Ratios:
    """Estimate ratios and standard errors from moments, as `ratio` does from cases.

    Parameters
    ----------
    moments : array_like of float, shape (..., strata, 5)
        Sums over the domain's cases in each stratum.
    cases : array_like of float, shape (..., strata)
        Number of cases drawn in each stratum, in the domain or not; broadcast.
    population : array_like of float, shape (..., strata), optional
        Number of cases in each stratum's population; broadcast.
    lonely : {'error', 'nan', 'remove', 'adjust', 'average'}
        As for `ratio`, but only strata that have answers in the domain matter, and ``'nan'``
        sets the standard error to NaN instead of raising an error.

    Returns
    -------
    Ratios
        Of the leading shape.

    Raises
    ------
    UsageError
        When shapes do not fit.
    UnknownNameError
        When the treatment of single-PSU strata is unknown.
    DataError
        When numbers are missing, negative or infinite, more cases were drawn than the
        population has, no cases can have these moments, or strata have a single case.

    Notes
    -----
    With p = sum k / sum n, within a stratum ``sum e = K - p N`` and ``sum e² = KK - 2 p KN +
    p² NN``. A difference too small for floating point is recomputed in fractions, so that
    moments of counts give exactly 0 where nothing varies.

    Examples
    --------
    >>> cases = products([3, 9, 5, 2], [8, 10, 9, 6])
    >>> found = from_moments([cases[:2].sum(axis=0), cases[2:].sum(axis=0)], [2, 2])
    >>> print(f"{found.estimate:.3f} ± {found.se:.3f}")
    0.576 ± 0.152
    """
    by_stratum = _check_moments(_as_moments(moments), cases, population, lonely)
    return by_stratum.averaged(
        estimate_ratios(by_stratum.moments, by_stratum.fpc_scale, by_stratum.centring)
    )


def covariance_groups(
    moments: npt.ArrayLike,
    cases: npt.ArrayLike,
    *,
    population: npt.ArrayLike | None = None,
    lonely: _BulkLonely = "error",
) -> Floats:
    """Estimate the covariance matrix of the ratios of groups that share no case.

    Parameters
    ----------
    moments : array_like of float, shape (..., groups, strata, 5)
        Sums over each group's cases in each stratum.
    cases, population : array_like of float, shape (..., groups or 1, strata)
        As for `from_moments`.
    lonely : {'error', 'nan', 'remove', 'adjust', 'average'}
        As for `from_moments`. Of two groups, ``'average'`` takes the geometric mean of the
        factors.

    Returns
    -------
    ndarray of float64, shape (..., groups, groups)
        NaN in the rows and columns of a group without a ratio.

    Raises
    ------
    UsageError, UnknownNameError, DataError
        As `from_moments`.
    """
    m = _as_moments(moments)
    if m.ndim < 3:
        raise UsageError(
            f"`moments` of groups must have shape (..., groups, strata, 5); found {m.shape}"
        )
    by_stratum = _check_moments(m, cases, population, lonely)
    found = estimate_ratios(by_stratum.moments, by_stratum.fpc_scale, by_stratum.centring)
    K, N = by_stratum.moments[:2]
    first = quotient(K - found.estimate * N, N.sum(axis=0))
    # A single-PSU stratum whose scale is unknown has made the standard error NaN already.
    known = np.nan_to_num(by_stratum.fpc_scale) * by_stratum.centring
    factor = np.sqrt(by_stratum.factor)
    return covariances(first * factor, known, by_stratum.averaged(found).se)


def products(k: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Compute k, n, k², k n and n² of each case along a new last axis.

    Parameters
    ----------
    k, n : array_like of float, shape (cases, ...)
        Broadcast together.

    Returns
    -------
    ndarray of float64, shape (cases, ..., 5)
        Their sums over a domain's cases in each stratum are its moments.
    """
    kk, nn = np.broadcast_arrays(as_numbers(k, "k"), as_numbers(n, "n"))
    moments: Floats = np.moveaxis(cross_products(kk, nn), 0, -1).astype(np.float64, copy=False)
    return moments


def cross_products(k: Real, n: Real) -> Real:
    """Compute k, n, k², k n and n² along a new first axis, in the precision of k.

    Exact for whole numbers whose squares that precision represents exactly.
    """
    out = np.empty((5, *k.shape), k.dtype)
    out[0], out[1] = k, n
    np.multiply(k, k, out=out[2])
    np.multiply(k, n, out=out[3])
    np.multiply(n, n, out=out[4])
    return out


def estimate_ratios(moments: Floats, fpc_scale: Floats, centring: Floats) -> Ratios:
    """Estimate ratios and their standard errors.

    Parameters
    ----------
    moments : ndarray of float64, shape (5, strata, ...)
        Sums of k, n, k², k n and n².
    fpc_scale, centring : ndarray of float64, shape (strata, ...)
        From `omistats.kernel.design.variance_factors`; axes may have length 1.

    Returns
    -------
    Ratios
        Of the trailing shape.

    Raises
    ------
    DataError
        When a variance is negative by more than rounding.
    """
    K, N, KK, KN, NN = moments
    n = np.asarray(N.sum(axis=0))
    estimate = quotient(K.sum(axis=0), n)
    p = estimate
    cross, expected = 2 * p * KN, p * N
    squares = p * p * NN
    inside = (KK - cross + squares) - centring * (K - expected) ** 2
    size = (KK + cross + squares) + centring * (K + expected) ** 2
    if np.isnan(fpc_scale).any():
        # A single-PSU stratum matters only where the domain has answers in it.
        fpc_scale = np.where((moments != 0).any(axis=0), fpc_scale, 0.0)
    spread = np.asarray((fpc_scale * inside).sum(axis=0))
    whole = np.asarray((fpc_scale * size).sum(axis=0))
    # For p of 0 and 1 whole moments are subtracted without rounding.
    doubtful = (spread < _CANCELLED * whole) & (estimate != 0) & (estimate != 1)
    if doubtful.any():
        _recompute(spread, doubtful, moments, fpc_scale, centring)
    bad = spread < -1e-9 * whole
    if bad.any():
        hint = "Check that all five are sums over the same cases, and check the counts of cases."
        text = f"a negative variance {_format_places(bad)}"
        raise DataError([Problem("moments", "moments that cases can have", text, hint)])
    rounded = np.asarray(spread < _ROUNDING * whole)
    if rounded.any():
        of_these = moments[:, :, rounded]
        rounded[rounded] = (of_these != np.floor(of_these)).any(axis=(0, 1))
        spread[rounded] = 0.0
    se = quotient(np.sqrt(np.maximum(spread, 0.0)), n)
    return Ratios(estimate, se, design_effect(estimate, se, n))


def covariances(first: Floats, factor: Floats, se: Floats) -> Floats:
    """Compute covariance matrices of linear statistics of groups that share no case.

    Parameters
    ----------
    first : ndarray of float64, shape (strata, ..., groups)
        Each group's linearised contributions, summed over its cases in each stratum.
    factor : ndarray of float64, shape (strata, ..., groups or 1)
        ``(1 - m / M) / (m - 1)`` of each stratum.
    se : ndarray of float64, shape (..., groups)
        Standard errors, NaN where unknown.

    Returns
    -------
    ndarray of float64, shape (..., groups, groups)
    """
    out: Floats = -np.einsum("h...a,h...b->...ab", first * factor, first)
    # A group without variance has no covariance either; rounding may say otherwise.
    constant, unknown = se == 0, np.isnan(se)
    out[constant[..., np.newaxis] | constant[..., np.newaxis, :]] = 0.0
    diagonal = np.arange(se.shape[-1])
    out[..., diagonal, diagonal] = se**2
    out[unknown[..., np.newaxis] | unknown[..., np.newaxis, :]] = np.nan
    return out


def quotient(top: Floats, bottom: Floats) -> Floats:
    """Divide; NaN where the divisor is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


@attrs.frozen(eq=False)
class _StratumMoments:
    """Moments by stratum, with the factors of each stratum.

    Attributes
    ----------
    moments : ndarray of float64, shape (5, strata, ...)
        Sums of k, n, k², k n and n².
    fpc_scale, centring : ndarray of float64, shape (strata, ...)
        From `omistats.kernel.design.variance_factors`; ``fpc_scale`` is 0 in strata without
        answers in the domain.
    factor : ndarray of float64, shape (...)
        What variances are multiplied by so that strata with a known variance stand for those
        without one; 1 unless ``lonely='average'``.
    """

    moments: Floats
    fpc_scale: Floats
    centring: Floats
    factor: Floats

    def averaged(self, found: Ratios) -> Ratios:
        """Let strata with a known variance stand for those without one."""
        if (self.factor == 1).all():
            return found
        root = np.sqrt(self.factor)
        return Ratios(found.estimate, root * found.se, self.factor * found.design_effect)


def _as_moments(values: npt.ArrayLike) -> Floats:
    """Return moments as float64 after checking their shape."""
    m = as_numbers(values, "moments")
    if m.ndim < 2 or m.shape[-1] != 5:
        raise UsageError(f"`moments` must have shape (..., strata, 5); found {m.shape}")
    return m


def _check_moments(
    moments: Floats,
    cases: npt.ArrayLike,
    population: npt.ArrayLike | None,
    lonely: str,
) -> _StratumMoments:
    """Check and broadcast moments and strata, and move these axes to the front."""
    treatment = check_lonely(lonely, (*LONELY, "nan"))
    drawn = as_numbers(cases, "cases")
    sizes = np.asarray(np.inf) if population is None else as_numbers(population, "population")
    try:
        shape = np.broadcast_shapes(moments.shape[:-1], drawn.shape, sizes.shape)
    except ValueError as error:
        raise UsageError(
            f"moments {moments.shape}, cases {drawn.shape} and population {sizes.shape}: "
            "expected shapes that broadcast, strata last"
        ) from error
    m = np.broadcast_to(moments, (*shape, 5))
    problems = _moment_problems(m, drawn, sizes)
    if problems:
        raise DataError(problems)
    in_domain = (m != 0).any(axis=-1)
    fpc_scale, centring = variance_factors(drawn, None if population is None else sizes, treatment)
    fpc_scale = np.where(in_domain, fpc_scale, 0.0)
    single = np.isnan(fpc_scale)
    if treatment == "error" and single.any():
        hint = "Merge strata, or pass lonely='nan', 'remove', 'adjust' or 'average'."
        rule = "each stratum needs two cases or more"
        raise DataError([Problem("cases", rule, "one " + _format_places(single), hint)])
    factor = np.ones(shape[:-1])
    if treatment == "average":
        present = np.moveaxis(in_domain, -1, 0)
        factor = average_factor(present, np.moveaxis(fpc_scale, -1, 0))
        fpc_scale = np.where(single, 0.0, fpc_scale)
    return _StratumMoments(
        np.moveaxis(m, (-1, -2), (0, 1)),
        np.moveaxis(fpc_scale, -1, 0),
        np.moveaxis(np.broadcast_to(centring, shape), -1, 0),
        factor,
    )


def _moment_problems(m: Floats, drawn: Floats, population: Floats) -> list[Problem]:
    with np.errstate(invalid="ignore"):
        possible = ((m >= 0) & (m < np.inf)).all(axis=-1)
        checks = (
            (
                "moments",
                ~possible | ((drawn == 0) & (m != 0).any(axis=-1)),
                "finite sums over the cases drawn, not negative",
                "Sum over counted cases only; a case without answers has 0 and 0.",
            ),
            (
                "cases",
                ~((drawn >= 0) & (drawn < np.inf) & (drawn == np.floor(drawn))),
                "whole numbers of cases drawn",
                "Count the cases of each stratum, in the domain or not.",
            ),
            (
                "population",
                ~(population >= drawn),
                "no fewer cases than were drawn",
                "Pass the numbers of cases in the population, not sampling fractions.",
            ),
        )
    return [
        Problem(name, rule, f"other values {_format_places(bad)}", hint)
        for name, bad, rule, hint in checks
        if bad.any()
    ]


def _format_places(bad: Any) -> str:
    """List the first few places of flags."""
    where = [tuple(map(int, at)) for at in np.argwhere(bad)[:3]]
    more = int(bad.sum()) - len(where)
    return "at " + ", ".join(map(str, where)) + (f" and {more} more" if more else "")


def _recompute(
    spread: Floats,
    doubtful: npt.NDArray[np.bool_],
    moments: Floats,
    fpc_scale: Floats,
    centring: Floats,
) -> None:
    """Recompute cancelled variances in fractions, which lose no digits."""
    strata = moments.shape[1:]
    m = np.moveaxis(moments[:, :, doubtful], 2, 0)
    scales = np.broadcast_to(fpc_scale, strata)[:, doubtful].T
    shares = np.broadcast_to(centring, strata)[:, doubtful].T
    single = _is_single_case(m)
    spread[doubtful] = [
        0.0 if one else _exact_variance(*parts)
        for one, *parts in zip(single.tolist(), m, scales, shares, strict=True)
    ]


def _is_single_case(m: Floats) -> npt.NDArray[np.bool_]:
    """Flag moments (elements, 5, strata) of a single case, which equals its own ratio."""
    K, N, KK, KN, NN = np.moveaxis(m.sum(axis=-1), 1, 0)
    # Squares of whole numbers below 2**26 are exact.
    whole = (np.maximum(K, N) < 2.0**26) & (m == np.floor(m)).all(axis=(1, 2))
    single: npt.NDArray[np.bool_] = whole & (K * K == KK) & (N * N == NN) & (K * N == KN)
    return single


def _exact_variance(m: Floats, fpc_scale: Floats, centring: Floats) -> float:
    rows = [[Fraction(v) for v in row] for row in m.T.tolist()]
    p = sum(row[0] for row in rows) / sum(row[1] for row in rows)
    total = 0.0
    for (K, N, KK, KN, NN), factor, share in zip(rows, fpc_scale, centring, strict=True):
        centre = (K - p * N) ** 2 * (Fraction(1, round(1 / share)) if share else 0)
        total += float(factor) * float(KK - 2 * p * KN + p * p * NN - centre)
    return total
