"""Ranges of ranks that hold for all units at once."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.ranks import rank_inputs

__all__ = ["RankSets", "ordered_z", "rank_sets"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class RankSets:
    """Ranges of ranks that hold for all units at once; units lie along the last axis.

    Attributes
    ----------
    low, high : ndarray of float64, shape (..., units)
        The least and greatest rank; NaN for a unit that is NaN.
    above, below : ndarray of float64, shape (..., units)
        The units shown to be higher, and those shown to be lower.
    p_value : ndarray of float64, shape (..., units, units)
        Adjusted, of the row's unit not being higher than the column's.
    confidence : float
        That every range holds.
    first : str
        Which end has rank 1.
    method : str
        ``'holm'``.
    """

    low: Floats
    high: Floats
    above: Floats
    below: Floats
    p_value: Floats
    confidence: float
    first: str
    method: str


def rank_sets(
    estimate: npt.ArrayLike,
    se: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    first: str = "highest",
) -> RankSets:
    """Give ranges of ranks that all hold together, with at least the confidence asked.

    Parameters
    ----------
    estimate, se : array_like of float, shape (..., units)
        Independent estimates and their standard errors. A NaN unit stays NaN and has
        no place.
    confidence : float
        Of all ranges at once, between 0 and 1.
    first : {'highest', 'lowest'}
        Which end has rank 1.

    Returns
    -------
    RankSets

    Raises
    ------
    UsageError
        When numbers are infinite, a standard error is negative, or shapes do not fit.
    UnknownNameError
        When ``first`` is neither end.

    Notes
    -----
    Every ordered pair is one one-sided hypothesis, "this unit is not higher than that";
    Holm's procedure over all ``I (I - 1)`` of them bounds the chance of any false
    ordering, whatever their dependence. (Holm over the ``I (I - 1) / 2`` two-sided tests
    would reject slightly more, but does not in general bound errors of direction.) A
    unit's rank then lies between 1 plus the units shown to come before it and ``I`` less
    those shown to come after.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian
    Journal of Statistics 6, 65-70. Klein, M., Wright, T. and Wieczorek, J. (2020). A joint
    confidence region for an overall ranking of populations. JRSS C 69, 589-606.
    doi:10.1111/rssc.12402. Mohamad, D., Goeman, J. and van Zwet, E. (2022). Simultaneous
    confidence intervals for ranks with application to ranking institutions. Biometrics 78,
    238-247. doi:10.1111/biom.13419
    """
    import scipy

    value, error = rank_inputs(estimate, se, confidence, first)
    size = value.shape[-1]
    known = ~np.isnan(value + error)
    gap = value[..., :, None] - value[..., None, :]
    spread = np.sqrt(error[..., :, None] ** 2 + error[..., None, :] ** 2)
    z = np.where(np.eye(size, dtype=bool), np.nan, ordered_z(gap, spread))
    p = np.asarray(scipy.special.ndtr(-z))
    adjusted = _holm(p.reshape(*p.shape[:-2], size * size)).reshape(p.shape)
    shown = adjusted <= 1 - confidence
    below, above = shown.sum(axis=-1), shown.sum(axis=-2)
    before, after = (above, below) if first == "highest" else (below, above)
    units = known.sum(axis=-1)[..., None]

    def told(values: Any) -> Floats:
        return np.where(known, values, np.nan)

    return RankSets(
        told(before + 1),
        told(units - after),
        told(above),
        told(below),
        adjusted,
        confidence,
        first,
        "holm",
    )


def ordered_z(gap: Floats, spread: Floats) -> Floats:
    """Give differences in standard errors: without any error an order is certain."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # Equals are not ordered; of what has no standard error nothing is known.
        return np.where((gap == 0) & ~np.isnan(spread), 0.0, gap / spread)


def _holm(p: Floats) -> Floats:
    """Adjust along the last axis; NaN stays NaN and does not count."""
    order = np.argsort(p, axis=-1)
    ordered = np.take_along_axis(p, order, -1)
    left = (~np.isnan(p)).sum(axis=-1)[..., None] - np.arange(p.shape[-1])
    stepped = np.minimum(np.fmax.accumulate(ordered * left, axis=-1), 1.0)
    out = np.empty_like(p)
    np.put_along_axis(out, order, np.where(np.isnan(ordered), np.nan, stepped), -1)
    return out
