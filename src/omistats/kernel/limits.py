"""Limits of estimates from their standard errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.errors import check_word
from omistats.kernel.options import check_confidence
from omistats.kernel.proportion import normal_quantile

__all__ = ["check_limits", "design_effect", "limits"]

Floats = npt.NDArray[np.float64]

_LIMITS = ("wald", "logit")


def limits(
    estimate: npt.ArrayLike,
    se: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    df: npt.ArrayLike | None = None,
    interval: str = "wald",
) -> tuple[Floats, Floats]:
    """Give the limits of estimates from their standard errors.

    Parameters
    ----------
    estimate, se : array_like of float
        Broadcast together.
    confidence : float
        Between 0 and 1.
    df : array_like of float, optional
        Degrees of freedom of t, broadcast with the rest; None or infinite is normal, and
        what is not above 0 gives NaN.
    interval : {'wald', 'logit'}
        ``p ± q se``, or ``logit(p) ± q se / (p (1 - p))`` brought back (the delta method),
        which is NaN unless ``0 < p < 1``.

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
    # There and back again rounds: the limits still have the estimate between them.
    return np.asarray(np.minimum(low, q)), np.asarray(np.maximum(high, q))


def design_effect(estimate: npt.ArrayLike, se: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Give ``se^2 / (p (1 - p) / n)``; NaN unless ``0 < p < 1``, broadcast."""
    p, s, n = (np.asarray(v, np.float64) for v in (estimate, se, n))
    inside = (p > 0) & (p < 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(inside, s * s * n / (p * (1 - p)), np.nan)


def check_limits(interval: str) -> None:
    """Refuse an interval that there is not."""
    check_word("interval", interval, _LIMITS)


def _quantile(confidence: float, df: npt.ArrayLike | None) -> Any:
    z = normal_quantile(confidence)
    if df is None:
        return z
    d = np.asarray(df, np.float64)
    bounded = np.isfinite(d)
    out = np.where(np.isposinf(d), z, np.nan)
    if bounded.any():
        import scipy

        free, tail = np.where(bounded & (d > 0), d, np.nan), (1.0 - confidence) / 2.0
        t = scipy.special.stdtrit(free, tail)
        # Older versions stop at eleven digits; one step of Newton's gives the others.
        beta = scipy.special.gammaln((free + 1) / 2) - scipy.special.gammaln(free / 2)
        density = np.exp(beta - (free + 1) / 2 * np.log1p(t * t / free)) / np.sqrt(free * np.pi)
        t = t - (scipy.special.stdtr(free, t) - tail) / density
        out = np.where(bounded, -t, out)
    return out
