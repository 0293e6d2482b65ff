"""The score statistic of a difference between two proportions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["constrained", "score_z"]

Floats = npt.NDArray[np.float64]

# Six reach the last digit of what random tables gave; two more cost little.
_STEPS = 8


def constrained(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    delta: npt.ArrayLike,
) -> tuple[Floats, Floats]:
    """Give the likeliest proportions of those that differ by ``delta``.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like
        Successes and trials of two groups, broadcast with ``delta``.
    delta : array_like of float
        The first proportion less the second, -1 to 1.

    Returns
    -------
    p1, p2 : ndarray of float64
        NaN where a group has no trials or ``delta`` is no difference of proportions.

    Notes
    -----
    The likelihood is greatest at a root of a cubic. Its closed solution by cosines loses half
    the digits beside a double root, which is where counts are 0. So groups are swapped until
    ``delta >= 0``, outcomes until the lower proportion ``x`` is in the lower half of its
    range, and ``x`` is the greater root of ``b x^2 + (b delta - k1 - k2) x - k2 delta``, where
    ``b = (n1 - k1) / (1 - delta - x) + (n2 - k2) / (1 - x)``: solved by Newton's method.

    References
    ----------
    Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
    Medicine 4, 213-226. doi:10.1002/sim.4780040211
    """
    p1, _, p2, _ = _fitted(k1, n1, k2, n2, delta)
    return p1, p2


def score_z(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    delta: npt.ArrayLike,
    *,
    corrected: bool = True,
) -> Floats:
    """Give the score statistic of the hypothesis that two proportions differ by ``delta``.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like
        Successes and trials of two groups, broadcast with ``delta``.
    delta : array_like of float
        The first proportion less the second, -1 to 1.
    corrected : bool
        Whether the variance is multiplied by ``N / (N - 1)``, as Miettinen and Nurminen do.

    Returns
    -------
    ndarray of float64
        Standard normal if the hypothesis holds: positive where the observed difference is
        above ``delta``, 0 where it is ``delta``, infinite where ``delta`` cannot have
        given the counts, NaN where a group has no trials. At ``delta = 0`` its square is
        Pearson's chi-square, times ``(N - 1) / N`` if corrected.

    References
    ----------
    Miettinen, O. and Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
    Medicine 4, 213-226. doi:10.1002/sim.4780040211
    """
    k1, n1, k2, n2, delta = (np.asarray(v, np.float64) for v in (k1, n1, k2, n2, delta))
    p1, q1, p2, q2 = _fitted(k1, n1, k2, n2, delta)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = p1 * q1 / n1 + p2 * q2 / n2
        if corrected:
            variance = variance * ((n1 + n2) / (n1 + n2 - 1))
        above = k1 / n1 - k2 / n2 - delta
        # Nothing observed and nothing claimed: 0 / 0 is no evidence.
        return np.asarray(np.where(above == 0, above, above / np.sqrt(variance)))


def _fitted(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    delta: npt.ArrayLike,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Give the constrained proportions, each with its complement to full precision."""
    k1, n1, k2, n2, delta = np.broadcast_arrays(
        *(np.asarray(v, np.float64) for v in (k1, n1, k2, n2, delta))
    )
    gap = np.abs(delta)
    swap = delta < 0
    (ku, nu), (kl, nl) = _either(swap, (k2, n2), (k1, n1)), _either(swap, (k1, n1), (k2, n2))
    # The slope of the likelihood half-way says in which half the lower proportion is. In the
    # upper one failures are counted instead, of which the other group has fewer.
    s = ku + kl
    turn = (s - nu) * (1 + gap) + (s - nl) * (1 - gap) > 0
    (kl, nl), (ku, nu) = (
        _either(turn, (nu - ku, nu), (kl, nl)),
        _either(turn, (nl - kl, nl), (ku, nu)),
    )
    s = ku + kl
    middle = (1 - gap) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        x = h = middle
        for _ in range(_STEPS):
            upper, lower = (nu - ku) / (1 - gap - x), (nl - kl) / (1 - x)
            b = upper + lower
            slope = upper / (1 - gap - x) + lower / (1 - x)
            m = s - b * gap
            spread = np.sqrt(m * m + 4 * b * kl * gap)
            # Of the two forms of a root the one that does not subtract.
            h = np.where(m > 0, (m + spread) / (2 * b), 2 * kl * gap / (spread - m))
            h = np.where(kl * gap + np.maximum(m, 0) > 0, h, 0.0)
            fall = np.where(h > 0, h * (h + gap) / spread, 0.0) * slope
            x = np.clip(x + (h - x) / (1 + fall), 0.0, middle)
        # The step towards a proportion of 0 ends there: what is left of it is rounding.
        x = np.where(h == 0, 0.0, x)
    known = (nu > 0) & (nl > 0) & (gap <= 1) & ~np.isnan(s)
    x = np.where(known & (gap < 1), x, np.where(known, 0.0, np.nan))
    low, above = (x, 1 - x), (x + gap, 1 - gap - x)
    (pl, ql), (pu, qu) = _either(turn, above[::-1], low), _either(turn, low[::-1], above)
    (p1, q1), (p2, q2) = _either(swap, (pl, ql), (pu, qu)), _either(swap, (pu, qu), (pl, ql))
    return p1, q1, p2, q2


def _either(
    where: npt.NDArray[np.bool_], these: tuple[Floats, Floats], those: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    return np.where(where, these[0], those[0]), np.where(where, these[1], those[1])
