"""Funnel limits, standard scores and overdispersion of units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError, check_choice
from omistats.kernel.checks import as_numbers, broadcast, check_confidence
from omistats.kernel.chi_square import chi_square_sf
from omistats.kernel.intervals import normal_quantile

__all__ = [
    "SCALES",
    "Dispersion",
    "Flags",
    "Heterogeneity",
    "Limits",
    "StandardScores",
    "dispersion",
    "flags",
    "funnel_limits",
    "heterogeneity",
    "shortfall",
    "standard_scores",
    "within_design_effect",
]


Floats = npt.NDArray[np.float64]
# Name, values, where they break the rule, and the rule.
Rule = tuple[str, Floats, npt.NDArray[np.bool_], str]

SCALES = ("normal", "arcsine")
"""Scales on which funnel limits can be symmetric."""


@attrs.frozen(eq=False)
class Limits:
    """Funnel limits, with confidence levels along the last axis.

    Attributes
    ----------
    low, high : ndarray of float64, shape (..., levels)
        Proportions, 0-1; NaN where there were no trials.
    confidence : ndarray of float64, shape (levels,)
        The confidence levels, in the order given.
    baseline : ndarray of float64, shape (...)
        The centre line, 0-1.
    s : ndarray of float64, shape (...)
        The standard deviation that the limits are multiples of, on the scale ``scale``,
        including inflation and overdispersion.
    scale : str
        ``'normal'`` or ``'arcsine'``.
    """

    low: Floats
    high: Floats
    confidence: Floats
    baseline: Floats
    s: Floats
    scale: str


def funnel_limits(
    baseline: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    confidence: float | Sequence[float] = (0.95, 0.998),
    scale: str = "normal",
    inflation: npt.ArrayLike = 1.0,
    phi: npt.ArrayLike = 1.0,
    tau2: npt.ArrayLike = 0.0,
) -> Limits:
    """Compute the limits within which a proportion varies by chance alone.

    Parameters
    ----------
    baseline : array_like of float
        The proportion that units are compared with, 0-1.
    n : array_like of float
        Trials of each unit; NaN or 0 gives NaN.
    confidence : float or sequence of float
        One level or several, each between 0 and 1.
    scale : {'normal', 'arcsine'}
        Scale on which the limits are symmetric: the proportion itself, or the arcsine of
        its square root.
    inflation : array_like of float
        The design effect by which clustering multiplies the sampling variance.
    phi : array_like of float
        Multiplicative overdispersion, from `omistats.kernel.funnel.dispersion`.
    tau2 : array_like of float
        Additive overdispersion: a variance between units, on the same scale.

    Returns
    -------
    Limits
        Of the broadcast shape, with the levels along one more axis at the end.

    Raises
    ------
    UsageError
        When a number is out of range, shapes do not fit, or both ``phi`` and ``tau2`` are
        given.
    UnknownNameError
        When the scale is unknown.

    Notes
    -----
    With ``v = s^2 inflation phi + tau2`` the normal limits are ``p0 -+ z sqrt(v)``,
    ``s^2 = p0 (1 - p0) / n``, clipped to [0, 1]; the arcsine ones are
    ``sin^2(asin(sqrt(p0)) -+ z sqrt(v))``, ``s^2 = 1 / (4 n)``, with the angle clipped to
    [0, pi/2], where the sine is monotone. Public Health England names its limits after
    Wilson: they are the proportions whose Wilson interval just touches the baseline, which
    are the normal limits.

    References
    ----------
    Spiegelhalter, D. J. (2005). Funnel plots for comparing institutional performance.
    Statistics in Medicine 24, 1185-1202. doi:10.1002/sim.1970

    Examples
    --------
    >>> found = funnel_limits(0.80642448, 539)
    >>> print(f"{found.low[0]:.8f} {found.high[0]:.8f}")
    0.77306949 0.83977947
    """
    check_choice("scale", scale, SCALES)
    levels = [confidence] if np.ndim(confidence) == 0 else list(confidence)  # type: ignore[arg-type]  # a number has no dimension
    if not levels:
        raise UsageError("`confidence` must have at least one level; found none")
    for level in levels:
        check_confidence(level)  # type: ignore[arg-type]  # that is what is being checked
    p0, nn, inflate, over, between = broadcast_named(
        baseline=baseline, n=n, inflation=inflation, phi=phi, tau2=tau2
    )
    check_rules(
        [
            _proportion_rule("baseline", p0),
            _trials_rule(nn),
            _inflation_rule("inflation", inflate),
            ("phi", over, (over < 1) | np.isinf(over), "must be 1 or more"),
            ("tau2", between, (between < 0) | np.isinf(between), "must be a variance, 0 or more"),
            (
                "phi",
                over,
                (over != 1) & (between > 0),
                "and `tau2` describe the same overdispersion: pass one of them",
            ),
        ]
    )
    s = np.asarray(np.sqrt(_binomial_variance(p0, nn, scale) * inflate * over + between))
    z = np.array([normal_quantile(float(level)) for level in levels])  # type: ignore[arg-type]  # checked above
    centre, reach = _to_scale(p0, scale)[..., None], s[..., None] * z
    top = np.pi / 2 if scale == "arcsine" else 1.0
    low, high = np.clip(centre - reach, 0, top), np.clip(centre + reach, 0, top)
    if scale == "arcsine":
        low, high = np.sin(low) ** 2, np.sin(high) ** 2
    return Limits(low, high, np.array(levels, np.float64), p0.copy(), s, scale)


@attrs.frozen(eq=False)
class Flags:
    """Positions of estimates relative to funnel limits.

    Attributes
    ----------
    position : ndarray of str, shape (..., levels)
        ``'low'``, ``'inside'`` or ``'high'``; empty where the estimate or the limit is NaN.
    beyond : ndarray of float64, shape (...)
        The greatest confidence whose limits the estimate lies beyond; 0 if it is inside all
        limits, NaN where the estimate or a limit is NaN.
    confidence : ndarray of float64, shape (levels,)
        The confidence levels.
    """

    position: npt.NDArray[np.str_]
    beyond: Floats
    confidence: Floats


def flags(estimate: npt.ArrayLike, found: Limits) -> Flags:
    """Compare estimates with funnel limits; an estimate on a limit is inside.

    Parameters
    ----------
    estimate : array_like of float
        Proportions, 0-1; they broadcast with the limits without the axis of levels.
    found : Limits
        From `funnel_limits`.

    Returns
    -------
    Flags

    Raises
    ------
    UsageError
        When an estimate is out of range or shapes do not fit.
    """
    p, _ = broadcast_named(estimate=estimate, limits=found.s)
    check_rules([_proportion_rule("estimate", p)])
    p = p[..., None]
    low, high = p < found.low, p > found.high
    unknown = np.isnan(p + found.low)
    position = np.select([unknown, low, high], ["", "low", "high"], "inside")
    beyond = np.where(low | high, found.confidence, 0.0).max(axis=-1)
    return Flags(position, np.where(unknown.any(axis=-1), np.nan, beyond), found.confidence)


@attrs.frozen(eq=False)
class StandardScores:
    """Distances of proportions from a baseline, in standard deviations.

    Attributes
    ----------
    z : ndarray of float64
        NaN where there were no trials or ``s`` is 0.
    s : ndarray of float64
        The standard deviation on the scale ``scale``.
    scale : str
        ``'normal'`` or ``'arcsine'``.
    """

    z: Floats
    s: Floats
    scale: str


def standard_scores(
    estimate: npt.ArrayLike,
    baseline: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    scale: str = "normal",
    inflation: npt.ArrayLike = 1.0,
) -> StandardScores:
    """Compute the distance of proportions from a baseline, in standard deviations.

    Parameters
    ----------
    estimate, baseline : array_like of float
        Proportions, 0-1; NaN gives NaN.
    n : array_like of float
        Trials; NaN or 0 gives NaN.
    scale : {'normal', 'arcsine'}
        As for `omistats.kernel.funnel.funnel_limits`.
    inflation : array_like of float
        The design effect, one for all units (see `within_design_effect`).

    Returns
    -------
    StandardScores
        Of the broadcast shape.

    Raises
    ------
    UsageError
        When a number is out of range or shapes do not fit.
    UnknownNameError
        When the scale is unknown.
    """
    check_choice("scale", scale, SCALES)
    p, p0, nn, inflate = broadcast_named(
        estimate=estimate, baseline=baseline, n=n, inflation=inflation
    )
    check_rules(
        [
            _proportion_rule("estimate", p),
            _proportion_rule("baseline", p0),
            _trials_rule(nn),
            _inflation_rule("inflation", inflate),
        ]
    )
    s = np.asarray(np.sqrt(_binomial_variance(p0, nn, scale) * inflate))
    distance = _to_scale(p, scale) - _to_scale(p0, scale)
    # With a baseline of 0 or 1 the normal scale has no spread, so z is undefined.
    z = np.divide(distance, s, out=np.full(s.shape, np.nan), where=s > 0)
    return StandardScores(z, s, scale)


def within_design_effect(estimate: npt.ArrayLike, se: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Pool the design effects of units, which lie along the last axis, into one.

    Parameters
    ----------
    estimate : array_like of float
        Proportions of units, 0-1.
    se : array_like of float
        Their clustered standard errors. Units with a NaN in any argument are ignored.
    n : array_like of float
        Their trials.

    Returns
    -------
    ndarray of float64
        ``sum (n se)^2 / sum n p (1 - p)``: the clustered variance of the successes
        divided by the binomial variance, both within units. NaN where the latter is 0.

    Raises
    ------
    UsageError
        When a number is out of range or shapes do not fit.
    """
    p, e, nn = broadcast_named(estimate=estimate, se=se, n=n)
    if p.ndim == 0:
        raise UsageError(
            "`estimate` must be an array with units along the last axis; found a single number"
        )
    check_rules(
        [_proportion_rule("estimate", p), _trials_rule(nn), ("se", e, e < 0, "must be 0 or more")]
    )
    known = ~np.isnan(p + e + nn)
    clustered: Any = np.where(known, (nn * e) ** 2, 0.0).sum(axis=-1)
    binomial: Any = np.where(known, nn * p * (1 - p), 0.0).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(binomial > 0, clustered / binomial, np.nan))


def shortfall(
    estimate: npt.ArrayLike, high: npt.ArrayLike, threshold: npt.ArrayLike
) -> npt.NDArray[np.str_]:
    """Flag estimates below a threshold, by point estimate or by whole interval.

    Parameters
    ----------
    estimate : array_like of float
        Estimates of units.
    high : array_like of float
        Upper limits of their intervals.
    threshold : array_like of float
        The threshold, on the same scale.

    Returns
    -------
    ndarray of str
        ``'interval'`` where the upper limit is below the threshold, ``'point'`` where only
        the estimate is, ``'no'`` where neither is; empty where the estimate or the threshold
        is NaN. A NaN upper limit is never below the threshold.

    Raises
    ------
    UsageError
        When an upper limit is below its estimate, or shapes do not fit.
    """
    p, upper, line = broadcast_named(estimate=estimate, high=high, threshold=threshold)
    below = upper < p
    check_rules([("high", upper, below, "must be an upper limit, not below its estimate")])
    cases = [np.isnan(p + line), upper < line, p < line]
    return np.select(cases, ["", "interval", "point"], "no")


@attrs.frozen(eq=False)
class Dispersion:
    """Overdispersion of standard scores, multiplicative and additive; units on the last axis.

    Attributes
    ----------
    phi : ndarray of float64, shape (...)
        The multiplicative factor of the variance, at least 1.
    ratio : ndarray of float64, shape (...)
        The factor before it is raised to 1.
    tau2 : ndarray of float64, shape (...)
        The additive variance between units, on the scale of ``s``, at least 0.
    units : ndarray of int64, shape (...)
        Number of units with a score and a positive standard deviation.
    low, high : ndarray of float64, shape (...)
        The quantiles to which outlying scores were winsorised.
    winsorised : ndarray of float64, shape (..., units)
        The winsorised scores.
    z_multiplicative, z_additive : ndarray of float64, shape (..., units)
        The original scores divided by ``sqrt(phi)``, and with ``tau2`` added to their
        variance. These are alternatives: use one of them.
    """

    phi: Floats
    ratio: Floats
    tau2: Floats
    units: npt.NDArray[np.int64]
    low: Floats
    high: Floats
    winsorised: Floats
    z_multiplicative: Floats
    z_additive: Floats


def dispersion(z: npt.ArrayLike, s: npt.ArrayLike, *, trim: float = 0.1) -> Dispersion:
    """Estimate the overdispersion of standard scores.

    Parameters
    ----------
    z : array_like of float, shape (..., units)
        Standard scores; a unit with NaN stays NaN and is ignored.
    s : array_like of float, shape (..., units)
        Their standard deviations on the scale of the scores, including clustering.
    trim : float
        The share of scores at each end to winsorise to its quantile (type 7), below 0.5;
        0 leaves the scores unchanged.

    Returns
    -------
    Dispersion
        NaN without a unit that has a score and a standard deviation; ``tau2`` needs two.

    Raises
    ------
    UsageError
        When scores are infinite, a standard deviation is negative, shapes do not fit,
        or ``trim`` is out of range.

    Notes
    -----
    ``ratio = sum z^2 / I`` over winsorised scores; ``tau2 = max(0, (I ratio - (I - 1)) /
    (sum w - sum w^2 / sum w))`` with ``w = 1 / s^2``. ``tau2`` uses ``ratio``, not ``phi``,
    which would give a variance between units where there is none.

    References
    ----------
    Spiegelhalter, D. J. (2005). Handling over-dispersion of performance indicators.
    Quality and Safety in Health Care 14, 347-351. doi:10.1136/qshc.2005.013755
    """
    if isinstance(trim, bool) or not isinstance(trim, float | int) or not 0 <= trim < 0.5:
        raise UsageError(
            f"`trim` must be the share winsorised at each end, from 0 to below 0.5; found {trim!r}"
        )
    score, spread = check_units(z=z, s=s)
    known = ~np.isnan(score + spread) & (spread > 0)
    score = np.where(known, score, np.nan)
    count = np.asarray(known.sum(axis=-1))
    if score.shape[-1]:
        ordered = np.sort(score, axis=-1)
        low, high = (_quantile(ordered, count, q) for q in (trim, 1 - trim))
    else:
        low = high = np.full(count.shape, np.nan)
    winsorised = np.clip(score, low[..., None], high[..., None])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(np.where(known, winsorised * winsorised, 0.0).sum(axis=-1) / count)
        phi = np.maximum(ratio, 1.0)
        tau2 = _between_variance(ratio * count, count, np.where(known, 1 / spread**2, 0.0))
        extra = spread / np.sqrt(spread**2 + tau2[..., None])
        return Dispersion(
            np.asarray(phi),
            ratio,
            tau2,
            count,
            low,
            high,
            np.asarray(winsorised),
            np.asarray(score / np.sqrt(phi)[..., None]),
            np.asarray(score * extra),
        )


@attrs.frozen(eq=False)
class Heterogeneity:
    """Test of whether estimates of units differ by more than their standard errors.

    Attributes
    ----------
    statistic, df, p_value : ndarray of float64
        Cochran's Q and its chi-square test; NaN with fewer than two units, or where a
        unit has a standard error of 0.
    i_squared : ndarray of float64
        The share of the spread that chance does not explain, 0-1.
    tau2 : ndarray of float64
        The variance between units, by DerSimonian and Laird, at least 0.
    estimate, se : ndarray of float64
        The mean weighted by inverse variances, and its standard error if units do not differ.
    units : ndarray of int64
        Number of units with an estimate and a standard error.
    exact : ndarray of int64
        Number of these with a standard error of 0, whose weight would be infinite.
    """

    statistic: Floats
    df: Floats
    p_value: Floats
    i_squared: Floats
    tau2: Floats
    estimate: Floats
    se: Floats
    units: npt.NDArray[np.int64]
    exact: npt.NDArray[np.int64]


def heterogeneity(estimate: npt.ArrayLike, se: npt.ArrayLike) -> Heterogeneity:
    """Test whether independent estimates differ, and estimate by how much.

    Parameters
    ----------
    estimate : array_like of float, shape (..., units)
        Estimates of units with independent errors, such as those of strata.
    se : array_like of float, shape (..., units)
        Their standard errors. With clustered ones the test is design-based, since Q is then
        the Wald statistic for equal units. Units with NaN are ignored.

    Returns
    -------
    Heterogeneity
        Of the shape without the last axis.

    Raises
    ------
    UsageError
        When numbers are infinite, a standard error is negative, or shapes do not fit.

    Notes
    -----
    A unit with a standard error of 0 (all its cases alike) would have infinite weight: the
    result is NaN, and ``exact`` counts such units. `dispersion` does not have this problem,
    since its variances come from the baseline.

    References
    ----------
    Cochran, W. G. (1954). The combination of estimates from different experiments.
    Biometrics 10, 101-129. DerSimonian, R. and Laird, N. (1986). Meta-analysis in
    clinical trials. Controlled Clinical Trials 7, 177-188. Higgins, J. P. T. and
    Thompson, S. G. (2002). Statistics in Medicine 21, 1539-1558 (I squared).
    """
    value, error = check_units(estimate=estimate, se=se)
    known = ~np.isnan(value + error)
    count = np.asarray(known.sum(axis=-1))
    exact = np.asarray((known & (error == 0)).sum(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        w = np.where(known, 1 / error**2, 0.0)
        y = np.where(known, value, 0.0)
        total: Any = w.sum(axis=-1)
        mean = np.asarray((w * y).sum(axis=-1) / total)
        q = np.asarray((w * (y - mean[..., None]) ** 2).sum(axis=-1))
        usable = (count > 1) & (exact == 0)
        df = np.where(usable, count - 1.0, np.nan)
        q = np.where(usable, q, np.nan)
        surplus = np.where(q > 0, np.maximum(0.0, (q - df) / q), 0 * q)
        return Heterogeneity(
            q,
            df,
            chi_square_sf(q, df),
            surplus,
            np.where(usable, _between_variance(q, count, w), np.nan),
            np.where(exact == 0, mean, np.nan),
            np.asarray(np.where((exact == 0) & (count > 0), 1 / np.sqrt(total), np.nan)),
            count,
            exact,
        )


def _between_variance(q: Floats, count: npt.NDArray[np.int64], w: Floats) -> Floats:
    """Compute the method-of-moments variance between units from a sum of squares."""
    total: Any = w.sum(axis=-1)
    scale = total - (w * w).sum(axis=-1) / total
    return np.asarray(np.where(count > 1, np.maximum(0.0, (q - (count - 1)) / scale), np.nan))


def _quantile(ordered: Floats, count: npt.NDArray[np.int64], q: float) -> Floats:
    """Compute the type 7 quantile of the first ``count`` of ascending values."""
    at = np.maximum(count - 1, 0) * q
    left = np.floor(at).astype(np.int64)
    right = np.minimum(left + 1, np.maximum(count - 1, 0))
    a = np.take_along_axis(ordered, left[..., None], -1)[..., 0]
    b = np.take_along_axis(ordered, right[..., None], -1)[..., 0]
    return np.asarray(a + (b - a) * (at - left))


def check_units(**values: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the values of units and their spreads, named by keyword, after checking them."""
    (first, second), (a, b) = values, broadcast_named(**values)
    if a.ndim == 0:
        raise UsageError(
            f"`{first}` must be an array with units along the last axis; found a single number"
        )
    check_rules(
        [
            (first, a, np.isinf(a), "must be finite (NaN where a unit has none)"),
            (
                second,
                b,
                (b < 0) | np.isinf(b),
                "must be finite, 0 or more (NaN where a unit has none)",
            ),
        ]
    )
    return a, b


def check_rules(rules: Iterable[Rule]) -> None:
    """Raise one `UsageError` that lists all values that break a rule."""
    sentences = []
    for name, values, bad, rule in rules:
        if not bad.any():
            continue
        places = [tuple(int(i) for i in at) for at in np.argwhere(bad)[:3]]
        cells = ", ".join(f"{values[at]:g}" + (f" at {at}" if at else "") for at in places)
        more = int(bad.sum()) - len(places)
        sentences.append(f"`{name}` {rule}; found {cells}" + (f" and {more} more" if more else ""))
    if sentences:
        raise UsageError(*sentences)


def broadcast_named(**values: npt.ArrayLike) -> list[Floats]:
    """Return named numbers as float64 arrays of one shape."""
    arrays = [as_numbers(v, name) for name, v in values.items()]
    return list(broadcast(", ".join(values), *arrays))


def _proportion_rule(name: str, p: Floats) -> Rule:
    return name, p, (p < 0) | (p > 1), "must lie between 0 and 1 (divide percentages by 100)"


def _trials_rule(n: Floats) -> Rule:
    return "n", n, (n < 0) | np.isinf(n), "must be a number of trials, 0 or more"


def _inflation_rule(name: str, v: Floats) -> Rule:
    bad = (v <= 0) | np.isinf(v)
    return name, v, bad, "must be a factor of a variance, above 0 (1 for no inflation)"


def _to_scale(p: Floats, scale: str) -> Floats:
    """Transform proportions to a scale."""
    return np.asarray(np.arcsin(np.sqrt(p))) if scale == "arcsine" else p


def _binomial_variance(baseline: Floats, n: Floats, scale: str) -> Floats:
    """Compute the binomial variance on a scale; NaN without trials."""
    top: Any = 0.25 + 0 * baseline if scale == "arcsine" else baseline * (1 - baseline)
    out: Floats = np.divide(top, n, out=np.full(n.shape, np.nan), where=n > 0)
    return out
