"""Ratios linearised stratum by stratum: the arithmetic, without a check of what it is given.

Strata lie along the first axis and moments along the one before it, so that every step runs over
memory in order. `omistats.kernel.moments` checks what comes from outside and then works here;
scores come here directly, for their moments are sums over cases that were made next door and can
be neither missing nor impossible.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem
from omistats.kernel.limits import design_effect

__all__ = ["Ratios", "covariances", "crossed", "linearised", "located", "quotient"]

Floats = npt.NDArray[np.float64]
Real = npt.NDArray[np.floating[Any]]

# A variance below this share of the squares it is a difference of has lost more than four of
# its sixteen digits, and is computed again exactly.
_CANCELLED = 1e-4
# Moments that are no whole numbers were rounded before they came here: below this share there is
# nothing left but that.
_ROUNDING = 1e-12


@attrs.frozen(eq=False)
class Ratios:
    """Ratio estimates, element by element.

    Attributes
    ----------
    estimate, se : ndarray of float64
        NaN where the denominator is 0; ``se`` also where a lonely stratum leaves it unknown.
    design_effect : ndarray of float64
        ``se^2 / (p (1 - p) / sum n)``; NaN unless ``0 < p < 1``.
    """

    estimate: Floats
    se: Floats
    design_effect: Floats


def crossed(k: Real, n: Real) -> Real:
    """Give k, n, k², k n and n² along a new first axis, in the precision of k.

    Exact for whole numbers whose squares that precision counts exactly.
    """
    out = np.empty((5, *k.shape), k.dtype)
    out[0], out[1] = k, n
    np.multiply(k, k, out=out[2])
    np.multiply(k, n, out=out[3])
    np.multiply(n, n, out=out[4])
    return out


def linearised(moments: Floats, scale: Floats, shared: Floats) -> Ratios:
    """Estimate ratios and their standard errors.

    Parameters
    ----------
    moments : ndarray of float64, shape (5, strata, ...)
        Sums of k, n, k², k n and n².
    scale, shared : ndarray of float64, shape (strata, ...)
        As `omistats.kernel.designs.factors` gives them; axes may have length 1.

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
    crossing, apart = 2 * p * KN, p * N
    squares = p * p * NN
    inside = (KK - crossing + squares) - shared * (K - apart) ** 2
    size = (KK + crossing + squares) + shared * (K + apart) ** 2
    if np.isnan(scale).any():
        # What a lonely stratum leaves open is open only where the domain has something in it.
        scale = np.where((moments != 0).any(axis=0), scale, 0.0)
    spread = np.asarray((scale * inside).sum(axis=0))
    whole = np.asarray((scale * size).sum(axis=0))
    # At 0 and 1 whole moments are subtracted without rounding.
    doubtful = (spread < _CANCELLED * whole) & (estimate != 0) & (estimate != 1)
    if doubtful.any():
        _again(spread, doubtful, moments, scale, shared)
    bad = spread < -1e-9 * whole
    if bad.any():
        hint = "Check that all five are sums over the same cases, and the counts of cases."
        text = f"a negative variance {located(bad)}"
        raise DataError([Problem("moments", "moments that some cases have", text, hint)])
    rounded = np.asarray(spread < _ROUNDING * whole)
    if rounded.any():
        of_these = moments[:, :, rounded]
        rounded[rounded] = (of_these != np.floor(of_these)).any(axis=(0, 1))
        spread[rounded] = 0.0
    se = quotient(np.sqrt(np.maximum(spread, 0.0)), n)
    return Ratios(estimate, se, design_effect(estimate, se, n))


def covariances(first: Floats, factor: Floats, se: Floats) -> Floats:
    """Give the covariance matrices of linear statistics of groups that share no case.

    Parameters
    ----------
    first : ndarray of float64, shape (strata, ..., groups)
        Sums over the group's cases in each stratum of what they add to the statistic.
    factor : ndarray of float64, shape (strata, ..., groups or 1)
        ``(1 - m / M) / (m - 1)`` of each stratum.
    se : ndarray of float64, shape (..., groups)
        Standard errors, NaN where unknown.

    Returns
    -------
    ndarray of float64, shape (..., groups, groups)
    """
    out: Floats = -np.einsum("h...a,h...b->...ab", first * factor, first)
    # Where one does not vary nothing varies with it, whatever rounding says.
    still, unknown = se == 0, np.isnan(se)
    out[still[..., np.newaxis] | still[..., np.newaxis, :]] = 0.0
    own = np.arange(se.shape[-1])
    out[..., own, own] = se**2
    out[unknown[..., np.newaxis] | unknown[..., np.newaxis, :]] = np.nan
    return out


def quotient(top: Floats, bottom: Floats) -> Floats:
    """Divide; NaN where the divisor is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def located(bad: Any) -> str:
    """Say where something is wrong, the first few places."""
    where = [tuple(map(int, at)) for at in np.argwhere(bad)[:3]]
    more = int(bad.sum()) - len(where)
    return "at " + ", ".join(map(str, where)) + (f" and {more} more" if more else "")


def _again(
    spread: Floats, doubtful: npt.NDArray[np.bool_], moments: Floats, scale: Floats, shared: Floats
) -> None:
    """Compute the doubtful in fractions: no digits are lost however small they are."""
    strata = moments.shape[1:]
    m = np.moveaxis(moments[:, :, doubtful], 2, 0)
    scales = np.broadcast_to(scale, strata)[:, doubtful].T
    shares = np.broadcast_to(shared, strata)[:, doubtful].T
    alone = _single(m)
    spread[doubtful] = [
        0.0 if one else _exactly(*parts)
        for one, *parts in zip(alone.tolist(), m, scales, shares, strict=True)
    ]


def _single(m: Floats) -> npt.NDArray[np.bool_]:
    """Flag moments (elements, 5, strata) of a single case, which does not differ from its ratio."""
    K, N, KK, KN, NN = np.moveaxis(m.sum(axis=-1), 1, 0)
    # Of whole numbers; below 2**26 squares are exact.
    whole = (np.maximum(K, N) < 2.0**26) & (m == np.floor(m)).all(axis=(1, 2))
    alone: npt.NDArray[np.bool_] = whole & (K * K == KK) & (N * N == NN) & (K * N == KN)
    return alone


def _exactly(m: Floats, scale: Floats, shared: Floats) -> float:
    rows = [[Fraction(v) for v in row] for row in m.T.tolist()]
    p = sum(row[0] for row in rows) / sum(row[1] for row in rows)
    total = 0.0
    for (K, N, KK, KN, NN), factor, share in zip(rows, scale, shared, strict=True):
        centre = (K - p * N) ** 2 * (Fraction(1, round(1 / share)) if share else 0)
        total += float(factor) * float(KK - 2 * p * KN + p * p * NN - centre)
    return total
