"""Whether a sample is like the population that it was drawn from: distances and tests."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.chi_square import chi_square_sf
from omistats.kernel.design import Design
from omistats.kernel.survey import Totals

__all__ = ["Fit", "distance", "drawn_fit", "exact_p_value", "fit", "standardised"]


Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.signedinteger]

# Of the largest eigenvalue: below, a direction does not vary but for rounding.
_ROUNDING = 1e-10
# Outcomes as likely as the one seen, but for rounding, count among the unlikely, as in R.
_TIES = 1 + 1e-7


@attrs.frozen
class Fit:
    """A test of goodness of fit.

    Attributes
    ----------
    statistic, df, p_value : float
        NaN where nothing can vary.
    """

    statistic: float
    df: float
    p_value: float


_UNTESTED = Fit(np.nan, np.nan, np.nan)


def standardised(p: Floats, P: Floats) -> Floats:
    """Divide differences of shares by the standard deviation in the population.

    Parameters
    ----------
    p, P : ndarray of float64
        Shares of levels in the sample and in the population.

    Returns
    -------
    ndarray of float64
        ``(p - P) / sqrt(P (1 - P))``; NaN for a level that nobody or everybody has.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((P > 0) & (P < 1), (p - P) / np.sqrt(P * (1 - P)), np.nan)


def distance(p: Floats, P: Floats) -> float:
    """Give the standardised difference of a whole distribution from the population's.

    Notes
    -----
    The Mahalanobis distance ``sqrt((p - P)' S^-1 (p - P))`` of all levels but one, with the
    multinomial covariance ``S = diag(P) - P P'`` of the population; it comes to
    ``sqrt(sum((p - P)^2 / P))``, whichever level is left out. Yang and Dalton (2012) compare
    two samples and average their two covariances; here one side is known.
    """
    there = P > 0
    if there.sum() < 2 or np.isnan(p).any():
        return float("nan")
    return float(np.sqrt(((p - P)[there] ** 2 / P[there]).sum()))


def fit(n: Floats, N: Floats) -> Fit:
    """Test whether a sample drawn without replacement has the population's distribution.

    Parameters
    ----------
    n, N : ndarray of float64, shape (strata, levels)
        Cases of the sample and of the population; the sample is drawn within each stratum
        with equal chances.

    Notes
    -----
    Given the sizes of the samples, counts of levels are multivariate hypergeometric: with M
    cases, of which m are drawn, and shares P, they have mean ``m P`` and covariance
    ``m (M - m) / (M - 1) (diag(P) - P P')``. Deviations and covariances are summed over
    strata; the statistic is their quadratic form. In a single stratum it is Pearson's
    goodness of fit times ``(M - 1) / (M - m)``, in two levels the Cochran-Mantel-Haenszel
    statistic of those drawn beside those not drawn, without continuity correction.
    """
    n, N = n[:, N.sum(axis=0) > 0], N[:, N.sum(axis=0) > 0]
    expected, covariance = _moments(n, N)
    size = np.sqrt(np.diagonal(covariance))
    varies = size > 0
    if varies.sum() < 2:
        return _UNTESTED
    # With a diagonal of 1 one bound tells rounding from variation in levels of any size.
    off = (n.sum(axis=0) - expected)[varies] / size[varies]
    values, vectors = np.linalg.eigh(
        covariance[np.ix_(varies, varies)] / np.outer(size, size)[np.ix_(varies, varies)]
    )
    free = values > _ROUNDING * values[-1]
    statistic = float(((vectors[:, free].T @ off) ** 2 / values[free]).sum())
    df = float(free.sum())
    return Fit(statistic, df, float(chi_square_sf(statistic, df)))


def _moments(n: Floats, N: Floats) -> tuple[Floats, Floats]:
    m, M = n.sum(axis=1), N.sum(axis=1)
    drawn = m > 0
    m, M, N = m[drawn], M[drawn], N[drawn]
    P = N / M[:, np.newaxis]
    spread = m * (M - m) / np.maximum(M - 1, 1)
    expected: Floats = m @ P
    return expected, np.diag(spread @ P) - (P.T * spread) @ P


def exact_p_value(n: Floats, N: Floats) -> float:
    """Sum the chances of all samples no likelier than the one seen, for two levels.

    Parameters
    ----------
    n, N : ndarray of float64, shape (strata, levels)
        As in `fit`.

    Returns
    -------
    float
        Two-sided; NaN where the population has not two levels, or nothing can vary.
    """
    there = N.sum(axis=0) > 0
    if there.sum() != 2:
        return float("nan")
    n, N = n[:, there], N[:, there]
    chance, least = np.ones(1), 0.0
    for (k, other), (K, rest) in zip(n, N, strict=True):
        m = k + other
        low, high = max(0.0, m - rest), min(m, K)
        least += low
        chance = np.convolve(chance, _hypergeometric(np.arange(low, high + 1), m, K, rest))
    if len(chance) < 2:
        return float("nan")
    seen = chance[int(n[:, 0].sum() - least)]
    return float(min(chance[chance <= seen * _TIES].sum(), 1.0))


def _hypergeometric(k: Floats, m: float, K: float, rest: float) -> Floats:
    """Give chances that k of m drawn are among the K, and the others among the rest."""
    import scipy

    def log_choose(a: Floats | float, b: Floats | float) -> Floats:
        g = scipy.special.gammaln
        out: Floats = g(np.add(a, 1.0)) - g(np.add(b, 1.0)) - g(np.subtract(a, b) + 1.0)
        return out

    chance = np.exp(log_choose(K, k) + log_choose(rest, m - k) - log_choose(K + rest, m))
    return np.asarray(chance / chance.sum())


def drawn_fit(codes: Codes, weight: Floats, P: Floats, design: Design, rows: slice) -> Fit:
    """Test the weighted distribution of a sample against the population's, by its design.

    Parameters
    ----------
    codes : ndarray of int, shape (rows,)
        Levels of the rows tested, -1 where not known.
    weight : ndarray of float64, shape (rows,)
    P : ndarray of float64, shape (levels,)
        Shares in the population.
    design : Design
        Of the whole sample.
    rows : slice
        Which of its rows are tested; the others are part of the design.

    Notes
    -----
    Pearson's statistic of the weighted totals, ``sum((T - E)^2 / E)`` with ``E = sum(T) P``,
    is distributed as a weighted sum of chi-squares; the weights are eigenvalues of the design
    covariance of ``(T - E) / sqrt(E)``, linearised in T and E. It is divided by the sum of
    their squares over their sum, and has the square of their sum over the sum of their squares
    as degrees of freedom (Rao and Scott 1981, second order), as in R's svygofchisq.
    """
    there = P > 0
    place = np.flatnonzero(there)
    inside = (codes[np.newaxis] == place[:, np.newaxis]).astype(np.float64)
    T = inside @ weight
    whole = T.sum()
    if len(place) < 2 or not whole > 0:
        return _UNTESTED
    E = whole * P[there]
    own, shared = 1.0 / np.sqrt(E), P[there] * (E + T) / (2.0 * E**1.5)
    known = (inside.any(axis=0) * weight)[np.newaxis]
    made, expected = inside * weight * own[:, np.newaxis], known * shared[:, np.newaxis]
    V = Totals(design, rows).covariance(made, expected, np.broadcast_to(known, made.shape))
    trace, squares = float(np.trace(V)), float((V * V).sum())
    # What the terms would add if they did not cancel: below a share of it stands rounding.
    size = float((np.abs(made) + expected).sum(axis=1) @ np.ones(len(V))) ** 2
    if np.isnan(trace) or trace <= 1e-20 * size:
        return _UNTESTED
    pearson = float(((T - E) ** 2 / E).sum())
    statistic, df = pearson * trace / squares, trace * trace / squares
    return Fit(statistic, df, float(chi_square_sf(statistic, df)))
