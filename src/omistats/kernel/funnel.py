"""Funnel limits, z scores, overdispersion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError, check_choice
from omistats.kernel.checks import as_numbers, check_confidence
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
Rule = tuple[str, Floats, npt.NDArray[np.bool_], str]

SCALES = ("normal", "arcsine")
"""What a funnel can be laid out on."""


@attrs.frozen(eq=False)
class StandardScores:
    """Distances from a baseline in standard deviations.

    Attributes
    ----------
    z : ndarray of float64
        NaN where there were no trials or ``s`` is 0.
    s : ndarray of float64
        The standard deviation on the scale named.
    scale : str
        ``'normal'`` or ``'arcsine'``.
    """

    z: Floats
    s: Floats
    scale: str


def refuse_broken(rules: Iterable[Rule]) -> None:
    """Raise one `UsageError` for all that break their rules."""
    sentences = []
    for name, values, bad, rule in rules:
        if not bad.any():
            continue
        places = [tuple(int(i) for i in at) for at in np.argwhere(bad)[:3]]
        cells = ", ".join(f"{values[at]:g}" + (f" at {at}" if at else "") for at in places)
        more = int(bad.sum()) - len(places)
        sentences.append(f"{name} {rule}; found {cells}" + (f" and {more} more" if more else ""))
    if sentences:
        raise UsageError("\n".join(sentences))


def broadcast_floats(**values: npt.ArrayLike) -> list[Floats]:
    """Return named numbers as float64 of one shape."""
    arrays = [as_numbers(v, name) for name, v in values.items()]
    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError as error:
        raise UsageError(f"{', '.join(values)}: expected shapes that broadcast; {error}") from error


def share(name: str, p: Floats) -> Rule:
    """Give the rule of a proportion."""
    return name, p, (p < 0) | (p > 1), "lies between 0 and 1 (divide percentages by 100)"


def trials(n: Floats) -> Rule:
    """Give the rule of a number of trials."""
    return "n", n, (n < 0) | np.isinf(n), "is the number of trials, 0 or more"


def factor(name: str, v: Floats) -> Rule:
    """Give the rule of a factor of a variance."""
    return name, v, (v <= 0) | np.isinf(v), "multiplies a variance and is above 0 (1 for none)"


def check_scale(scale: str) -> None:
    """Refuse an unknown scale."""
    check_choice("scale", scale, SCALES)


def on_scale(p: Floats, scale: str) -> Floats:
    """Take proportions to a scale."""
    return np.asarray(np.arcsin(np.sqrt(p))) if scale == "arcsine" else p


def variance(baseline: Floats, n: Floats, scale: str) -> Floats:
    """Give the binomial variance on a scale; NaN without trials."""
    top: Any = 0.25 + 0 * baseline if scale == "arcsine" else baseline * (1 - baseline)
    out: Floats = np.divide(top, n, out=np.full(n.shape, np.nan), where=n > 0)
    return out


def standard_scores(
    estimate: npt.ArrayLike,
    baseline: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    scale: str = "normal",
    inflation: npt.ArrayLike = 1.0,
) -> StandardScores:
    """Give the distance of proportions from a baseline, in standard deviations.

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
    check_scale(scale)
    p, p0, nn, inflate = broadcast_floats(
        estimate=estimate, baseline=baseline, n=n, inflation=inflation
    )
    refuse_broken(
        [
            share("estimate", p),
            share("baseline", p0),
            trials(nn),
            factor("inflation", inflate),
        ]
    )
    s = np.asarray(np.sqrt(variance(p0, nn, scale) * inflate))
    distance = on_scale(p, scale) - on_scale(p0, scale)
    # A baseline of 0 or 1 leaves the normal scale without spread: no distance is defined.
    z = np.divide(distance, s, out=np.full(s.shape, np.nan), where=s > 0)
    return StandardScores(z, s, scale)


def within_design_effect(estimate: npt.ArrayLike, se: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Pool the design effects of units into one; units lie along the last axis.

    Parameters
    ----------
    estimate : array_like of float
        Proportions of units, 0-1.
    se : array_like of float
        Their clustered standard errors. A unit with any NaN counts nowhere.
    n : array_like of float
        Their trials.

    Returns
    -------
    ndarray of float64
        ``sum (n se)^2 / sum n p (1 - p)``: the clustered variance of the successes
        over the binomial one, both within units. NaN where the latter is 0.

    Raises
    ------
    UsageError
        When a number is out of range or shapes do not fit.
    """
    p, e, nn = broadcast_floats(estimate=estimate, se=se, n=n)
    if p.ndim == 0:
        raise UsageError("units lie along the last axis; found a single number")
    refuse_broken([share("estimate", p), trials(nn), ("se", e, e < 0, "is 0 or more")])
    known = ~np.isnan(p + e + nn)
    clustered: Any = np.where(known, (nn * e) ** 2, 0.0).sum(axis=-1)
    binomial: Any = np.where(known, nn * p * (1 - p), 0.0).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(binomial > 0, clustered / binomial, np.nan))


@attrs.frozen(eq=False)
class Limits:
    """Funnel limits; the levels of confidence lie along the last axis.

    Attributes
    ----------
    low, high : ndarray of float64, shape (..., levels)
        Proportions, 0-1; NaN where there were no trials.
    confidence : ndarray of float64, shape (levels,)
        The levels, in the order asked for.
    baseline : ndarray of float64, shape (...)
        The centre line, 0-1.
    s : ndarray of float64, shape (...)
        The standard deviation that the limits are multiples of, on the scale named,
        with whatever inflated it.
    scale : str
        ``'normal'`` or ``'arcsine'``.
    """

    low: Floats
    high: Floats
    confidence: Floats
    baseline: Floats
    s: Floats
    scale: str


@attrs.frozen(eq=False)
class Flags:
    """Which limits an estimate lies beyond.

    Attributes
    ----------
    position : ndarray of str, shape (..., levels)
        ``'low'``, ``'inside'`` or ``'high'``; empty where nothing is known.
    beyond : ndarray of float64, shape (...)
        The greatest confidence whose limit is passed; 0 inside all of them, NaN where
        nothing is known.
    confidence : ndarray of float64, shape (levels,)
        The levels.
    """

    position: npt.NDArray[np.str_]
    beyond: Floats
    confidence: Floats


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
    """Give the limits within which a proportion lies when only chance moves it.

    Parameters
    ----------
    baseline : array_like of float
        The proportion that units are held against, 0-1.
    n : array_like of float
        Trials of each unit; NaN or 0 gives NaN.
    confidence : float or sequence of float
        One level or several, each between 0 and 1.
    scale : {'normal', 'arcsine'}
        Where the limits are symmetric: the proportion itself, or the arcsine of its
        square root.
    inflation : array_like of float
        The design effect by which clustering multiplies the sampling variance.
    phi : array_like of float
        Multiplicative overdispersion, see `omistats.kernel.funnel.dispersion`.
    tau2 : array_like of float
        Additive overdispersion: a variance between units, on the same scale.

    Returns
    -------
    Limits
        Of the broadcast shape with one axis more, last, for the levels.

    Raises
    ------
    UsageError
        When a number is out of range, shapes do not fit, or both kinds of
        overdispersion are asked for at once.
    UnknownNameError
        When the scale is unknown.

    Notes
    -----
    With ``v = s^2 inflation phi + tau2`` the normal limits are ``p0 -+ z sqrt(v)``,
    ``s^2 = p0 (1 - p0) / n``, clipped to [0, 1]; the arcsine ones are
    ``sin^2(asin(sqrt(p0)) -+ z sqrt(v))``, ``s^2 = 1 / (4 n)``, the angle clipped to a
    quarter turn, beyond which the sine would fold back. Public Health England names
    its limits after Wilson: they are the shares whose Wilson interval just touches the
    baseline, and those are the normal limits.

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
    check_scale(scale)
    levels = [confidence] if np.ndim(confidence) == 0 else list(confidence)  # type: ignore[arg-type]  # a number has no dimension
    if not levels:
        raise UsageError("confidence: expected at least one level, found none")
    for level in levels:
        check_confidence(level)  # type: ignore[arg-type]  # that is what is being checked
    p0, nn, inflate, over, between = broadcast_floats(
        baseline=baseline, n=n, inflation=inflation, phi=phi, tau2=tau2
    )
    refuse_broken(
        [
            share("baseline", p0),
            trials(nn),
            factor("inflation", inflate),
            ("phi", over, (over < 1) | np.isinf(over), "is 1 or more (floored)"),
            ("tau2", between, (between < 0) | np.isinf(between), "is a variance, 0 or more"),
            (
                "phi",
                over,
                (over != 1) & (between > 0),
                "and tau2 describe the same overdispersion: pass one of them",
            ),
        ]
    )
    s = np.asarray(np.sqrt(variance(p0, nn, scale) * inflate * over + between))
    z = np.array([normal_quantile(float(level)) for level in levels])  # type: ignore[arg-type]  # checked above
    centre, reach = on_scale(p0, scale)[..., None], s[..., None] * z
    top = np.pi / 2 if scale == "arcsine" else 1.0
    low, high = np.clip(centre - reach, 0, top), np.clip(centre + reach, 0, top)
    if scale == "arcsine":
        low, high = np.sin(low) ** 2, np.sin(high) ** 2
    return Limits(low, high, np.array(levels, np.float64), p0.copy(), s, scale)


def flags(estimate: npt.ArrayLike, found: Limits) -> Flags:
    """Say which limits each estimate lies beyond; on a limit is inside it.

    Parameters
    ----------
    estimate : array_like of float
        Proportions, 0-1, that broadcast with the limits without their last axis.
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
    p, _ = broadcast_floats(estimate=estimate, limits=found.s)
    refuse_broken([share("estimate", p)])
    p = p[..., None]
    low, high = p < found.low, p > found.high
    unknown = np.isnan(p + found.low)
    position = np.select([unknown, low, high], ["", "low", "high"], "inside")
    beyond = np.where(low | high, found.confidence, 0.0).max(axis=-1)
    return Flags(position, np.where(unknown.any(axis=-1), np.nan, beyond), found.confidence)


def shortfall(
    estimate: npt.ArrayLike, high: npt.ArrayLike, threshold: npt.ArrayLike
) -> npt.NDArray[np.str_]:
    """Say which estimates fall short of a threshold, and whether credibly.

    Parameters
    ----------
    estimate : array_like of float
        Estimates of units.
    high : array_like of float
        Upper limits of their intervals, at the confidence the caller wants.
    threshold : array_like of float
        The caller's threshold, in the same units.

    Returns
    -------
    ndarray of str
        ``'interval'`` where even the upper limit is below the threshold, ``'point'``
        where the estimate alone is, ``'no'`` where neither; empty where the estimate
        or the threshold is NaN. Without an upper limit nothing is credible.

    Raises
    ------
    UsageError
        When an upper limit is below its estimate, or shapes do not fit.
    """
    p, upper, line = broadcast_floats(estimate=estimate, high=high, threshold=threshold)
    refuse_broken([("high", upper, upper < p, "is an upper limit, not below its estimate")])
    cases = [np.isnan(p + line), upper < line, p < line]
    return np.select(cases, ["", "interval", "point"], "no")


@attrs.frozen(eq=False)
class Dispersion:
    """Overdispersion of standard scores, two ways; the units lie along the last axis.

    Attributes
    ----------
    phi : ndarray of float64, shape (...)
        The multiplicative factor of the variance, floored at 1.
    ratio : ndarray of float64, shape (...)
        The same before flooring.
    tau2 : ndarray of float64, shape (...)
        The additive variance between units, on the scale of ``s``, floored at 0.
    units : ndarray of int64, shape (...)
        The units that counted.
    low, high : ndarray of float64, shape (...)
        The quantiles to which outlying scores were drawn in.
    winsorised : ndarray of float64, shape (..., units)
        The scores after that.
    z_multiplicative, z_additive : ndarray of float64, shape (..., units)
        The scores as given, divided by ``sqrt(phi)``; and with ``tau2`` added to their
        variance. Two answers to one question: use one or the other.
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


@attrs.frozen(eq=False)
class Heterogeneity:
    """Whether estimates of units differ by more than their standard errors.

    Attributes
    ----------
    statistic, df, p_value : ndarray of float64
        Cochran's Q and its chi-square test; NaN with fewer than two units, or where a
        unit could not be weighted.
    i_squared : ndarray of float64
        The share of the spread that chance does not explain, 0-1.
    tau2 : ndarray of float64
        The variance between units, by DerSimonian and Laird, floored at 0.
    estimate, se : ndarray of float64
        The mean weighted by inverse variances, and its standard error, for equal units.
    units : ndarray of int64
        The units with an estimate and a standard error.
    exact : ndarray of int64
        Those among them with a standard error of 0, which no weight fits.
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


def _units(first: str, values: npt.ArrayLike, second: str, spread: npt.ArrayLike) -> list[Floats]:
    a, b = broadcast_floats(**{first: values, second: spread})
    if a.ndim == 0:
        raise UsageError("units lie along the last axis; found a single number")
    refuse_broken(
        [
            (first, a, np.isinf(a), "is finite (NaN for a unit without one)"),
            (second, b, (b < 0) | np.isinf(b), "is finite, 0 or more (NaN for a unit without one)"),
        ]
    )
    return [a, b]


def _quantile(ordered: Floats, count: npt.NDArray[np.int64], q: float) -> Floats:
    """Give the type 7 quantile of the first ``count`` of ascending values."""
    at = np.maximum(count - 1, 0) * q
    left = np.floor(at).astype(np.int64)
    right = np.minimum(left + 1, np.maximum(count - 1, 0))
    a = np.take_along_axis(ordered, left[..., None], -1)[..., 0]
    b = np.take_along_axis(ordered, right[..., None], -1)[..., 0]
    return np.asarray(a + (b - a) * (at - left))


def dispersion(z: npt.ArrayLike, s: npt.ArrayLike, *, trim: float = 0.1) -> Dispersion:
    """Estimate how overdispersed standard scores are.

    Parameters
    ----------
    z : array_like of float, shape (..., units)
        Standard scores; a NaN unit stays NaN and does not count.
    s : array_like of float, shape (..., units)
        Their standard deviations on the scale of the scores, clustering included.
    trim : float
        The share at each end that is drawn in to its quantile (type 7), below a half;
        0 leaves the scores alone.

    Returns
    -------
    Dispersion
        NaN where no unit counts; ``tau2`` needs two.

    Raises
    ------
    UsageError
        When scores are infinite, a standard deviation is negative, shapes do not fit,
        or ``trim`` is out of range.

    Notes
    -----
    ``ratio = sum z^2 / I`` over winsorised scores; ``tau2 = max(0, (I ratio - (I - 1)) /
    (sum w - sum w^2 / sum w))`` with ``w = 1 / s^2``. The ratio enters ``tau2`` as it
    is: floored at 1, it would find a variance between units where there is none.

    References
    ----------
    Spiegelhalter, D. J. (2005). Handling over-dispersion of performance indicators.
    Quality and Safety in Health Care 14, 347-351. doi:10.1136/qshc.2005.013755
    """
    if isinstance(trim, bool) or not isinstance(trim, float | int) or not 0 <= trim < 0.5:
        raise UsageError(f"trim is the share drawn in at each end, 0 to below 0.5, found {trim!r}")
    score, spread = _units("z", z, "s", s)
    known = ~np.isnan(score + spread) & (spread > 0)
    score = np.where(known, score, np.nan)
    count = np.asarray(known.sum(axis=-1))
    if score.shape[-1]:
        ordered = np.sort(score, axis=-1)
        low, high = (_quantile(ordered, count, q) for q in (trim, 1 - trim))
    else:
        low = high = np.full(count.shape, np.nan)
    drawn = np.clip(score, low[..., None], high[..., None])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(np.where(known, drawn * drawn, 0.0).sum(axis=-1) / count)
        phi = np.maximum(ratio, 1.0)
        tau2 = _between(ratio * count, count, np.where(known, 1 / spread**2, 0.0))
        extra = spread / np.sqrt(spread**2 + tau2[..., None])
        return Dispersion(
            np.asarray(phi),
            ratio,
            tau2,
            count,
            low,
            high,
            np.asarray(drawn),
            np.asarray(score / np.sqrt(phi)[..., None]),
            np.asarray(score * extra),
        )


def _between(q: Floats, count: npt.NDArray[np.int64], w: Floats) -> Floats:
    """Give the method-of-moments variance between units from a sum of squares."""
    total: Any = w.sum(axis=-1)
    scale = total - (w * w).sum(axis=-1) / total
    return np.asarray(np.where(count > 1, np.maximum(0.0, (q - (count - 1)) / scale), np.nan))


def heterogeneity(estimate: npt.ArrayLike, se: npt.ArrayLike) -> Heterogeneity:
    """Test whether independent estimates differ, and say how much.

    Parameters
    ----------
    estimate : array_like of float, shape (..., units)
        Estimates of units whose errors are independent, as those of strata are.
    se : array_like of float, shape (..., units)
        Their standard errors; clustered ones make the test design-based, for Q is
        then the Wald statistic of equal units. A NaN unit does not count.

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
    A unit with a standard error of 0 (every case alike) would outweigh all others:
    the result is NaN and ``exact`` counts such units. `dispersion` has no such gap,
    since its variances come from the baseline.

    References
    ----------
    Cochran, W. G. (1954). The combination of estimates from different experiments.
    Biometrics 10, 101-129. DerSimonian, R. and Laird, N. (1986). Meta-analysis in
    clinical trials. Controlled Clinical Trials 7, 177-188. Higgins, J. P. T. and
    Thompson, S. G. (2002). Statistics in Medicine 21, 1539-1558 (I squared).
    """
    value, error = _units("estimate", estimate, "se", se)
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
            np.where(usable, _between(q, count, w), np.nan),
            np.where(exact == 0, mean, np.nan),
            np.asarray(np.where((exact == 0) & (count > 0), 1 / np.sqrt(total), np.nan)),
            count,
            exact,
        )
