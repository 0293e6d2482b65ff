"""Funnel limits for proportions, and flags of what lies beyond them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.options import check_confidence
from omistats.kernel.proportion import normal_quantile
from omistats.kernel.standard_scores import (
    check_scale,
    factor,
    on_scale,
    refuse_broken,
    share,
    together,
    trials,
    variance,
)

__all__ = ["Flags", "Limits", "flags", "funnel_limits", "shortfall"]

Floats = npt.NDArray[np.float64]


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
        Multiplicative overdispersion, see `omistats.kernel.dispersion.dispersion`.
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
    p0, nn, inflate, over, between = together(
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
    p, _ = together(estimate=estimate, limits=found.s)
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
        ``'credibly'`` where even the upper limit is below the threshold, ``'merely'``
        where the estimate alone is, ``'no'`` where neither; empty where the estimate
        or the threshold is NaN. Without an upper limit nothing is credible.

    Raises
    ------
    UsageError
        When an upper limit is below its estimate, or shapes do not fit.
    """
    p, upper, line = together(estimate=estimate, high=high, threshold=threshold)
    refuse_broken([("high", upper, upper < p, "is an upper limit, not below its estimate")])
    cases = [np.isnan(p + line), upper < line, p < line]
    return np.select(cases, ["", "credibly", "merely"], "no")
