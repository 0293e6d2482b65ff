"""Distances of proportions from a baseline, on the scale of their choice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError, check_word
from omistats.kernel.counts import as_numbers

__all__ = ["SCALES", "StandardScores", "standard_scores", "within_design_effect"]

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


def together(**values: npt.ArrayLike) -> list[Floats]:
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
    check_word("scale", scale, SCALES)


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
    p, p0, nn, inflate = together(estimate=estimate, baseline=baseline, n=n, inflation=inflation)
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
    p, e, nn = together(estimate=estimate, se=se, n=n)
    if p.ndim == 0:
        raise UsageError("units lie along the last axis; found a single number")
    refuse_broken([share("estimate", p), trials(nn), ("se", e, e < 0, "is 0 or more")])
    known = ~np.isnan(p + e + nn)
    clustered: Any = np.where(known, (nn * e) ** 2, 0.0).sum(axis=-1)
    binomial: Any = np.where(known, nn * p * (1 - p), 0.0).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(binomial > 0, clustered / binomial, np.nan))
