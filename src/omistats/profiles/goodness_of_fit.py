"""Goodness of fit of a sample to the population that it was drawn from."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.chi_square import chi_square_sf
from omistats.kernel.design import Design
from omistats.kernel.survey import SurveyTotals

__all__ = ["Fit", "design_based_fit", "distance", "exact_p_value", "fit", "standardised"]


Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.signedinteger]

# Eigenvalues below this share of the largest are rounding errors.
_ROUNDING = 1e-10
# Relative tolerance for outcomes as likely as the observed one, as in R.
_TIES = 1 + 1e-7


@attrs.frozen
class Fit:
    """A test of goodness of fit.

    Attributes
    ----------
    statistic, df, p_value : float
        NaN if nothing can vary.
    """

    statistic: float
    df: float
    p_value: float


_UNTESTED = Fit(np.nan, np.nan, np.nan)


def standardised(p: Floats, P: Floats) -> Floats:
    """Compute standardised differences of proportions.

    Parameters
    ----------
    p, P : ndarray of float64
        Proportions of levels in the sample and in the population.

    Returns
    -------
    ndarray of float64
        ``(p - P) / sqrt(P (1 - P))``; NaN for a level that nobody or everybody has.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((P > 0) & (P < 1), (p - P) / np.sqrt(P * (1 - P)), np.nan)


def distance(p: Floats, P: Floats) -> float:
    """Compute the standardised difference between two distributions.

    Notes
    -----
    This is the Mahalanobis distance ``sqrt((p - P)' S^-1 (p - P))`` of all levels but one, with
    the multinomial covariance ``S = diag(P) - P P'`` of the population. It equals
    ``sqrt(sum((p - P)^2 / P))``, whichever level is dropped. Yang and Dalton (2012) compare two
    samples and average their two covariances; here the population's is known.
    """
    used = P > 0
    if used.sum() < 2 or np.isnan(p).any():
        return float("nan")
    return float(np.sqrt(((p - P)[used] ** 2 / P[used]).sum()))


def fit(n: Floats, N: Floats) -> Fit:
    """Test whether a sample drawn without replacement has the population's distribution.

    Parameters
    ----------
    n, N : ndarray of float64, shape (strata, levels)
        Cases of the sample and of the population. The sample is drawn within each stratum
        with equal probabilities.

    Notes
    -----
    Given the sample sizes, counts of levels are multivariate hypergeometric: with M cases, of
    which m are drawn, and proportions P, they have mean ``m P`` and covariance
    ``m (M - m) / (M - 1) (diag(P) - P P')``. Deviations d and covariances V are summed over
    strata, and the statistic is ``d' V^-1 d``. In a single stratum it is Pearson's goodness of
    fit times ``(M - 1) / (M - m)``. With two levels it is the Cochran-Mantel-Haenszel statistic
    that compares drawn and undrawn cases, without continuity correction.
    """
    n, N = n[:, N.sum(axis=0) > 0], N[:, N.sum(axis=0) > 0]
    expected, covariance = _moments(n, N)
    sd = np.sqrt(np.diagonal(covariance))
    varies = sd > 0
    if varies.sum() < 2:
        return _UNTESTED
    # Correlations, so that one tolerance suits levels of any size.
    deviation = (n.sum(axis=0) - expected)[varies] / sd[varies]
    values, vectors = np.linalg.eigh(
        covariance[np.ix_(varies, varies)] / np.outer(sd, sd)[np.ix_(varies, varies)]
    )
    positive = values > _ROUNDING * values[-1]
    statistic = float(((vectors[:, positive].T @ deviation) ** 2 / values[positive]).sum())
    df = float(positive.sum())
    return Fit(statistic, df, float(chi_square_sf(statistic, df)))


def _moments(n: Floats, N: Floats) -> tuple[Floats, Floats]:
    m, M = n.sum(axis=1), N.sum(axis=1)
    sampled = m > 0
    m, M, N = m[sampled], M[sampled], N[sampled]
    P = N / M[:, np.newaxis]
    factor = m * (M - m) / np.maximum(M - 1, 1)
    expected: Floats = m @ P
    return expected, np.diag(factor @ P) - (P.T * factor) @ P


def exact_p_value(n: Floats, N: Floats) -> float:
    """Compute the exact p-value for two levels: the sum of all probabilities up to the observed.

    Parameters
    ----------
    n, N : ndarray of float64, shape (strata, levels)
        As for `fit`.

    Returns
    -------
    float
        Two-sided; NaN if the population does not have two levels, or nothing can vary.
    """
    used = N.sum(axis=0) > 0
    if used.sum() != 2:
        return float("nan")
    n, N = n[:, used], N[:, used]
    probability, lowest = np.ones(1), 0.0
    for (k, other), (K, rest) in zip(n, N, strict=True):
        m = k + other
        low, high = max(0.0, m - rest), min(m, K)
        lowest += low
        of_stratum = _hypergeometric(np.arange(low, high + 1), m, K, rest)
        probability = np.convolve(probability, of_stratum)
    if len(probability) < 2:
        return float("nan")
    observed = probability[int(n[:, 0].sum() - lowest)]
    return float(min(probability[probability <= observed * _TIES].sum(), 1.0))


def _hypergeometric(k: Floats, m: float, K: float, rest: float) -> Floats:
    """Return the probabilities of k cases among the first K when m of K + rest are drawn."""
    import scipy

    def log_choose(a: Floats | float, b: Floats | float) -> Floats:
        g = scipy.special.gammaln
        out: Floats = g(np.add(a, 1.0)) - g(np.add(b, 1.0)) - g(np.subtract(a, b) + 1.0)
        return out

    probability = np.exp(log_choose(K, k) + log_choose(rest, m - k) - log_choose(K + rest, m))
    return np.asarray(probability / probability.sum())


def design_based_fit(codes: Codes, weight: Floats, P: Floats, design: Design, rows: slice) -> Fit:
    """Test the weighted distribution of a sample against the population's.

    Parameters
    ----------
    codes : ndarray of int, shape (rows,)
        Levels of the rows tested; -1 where not known.
    weight : ndarray of float64, shape (rows,)
    P : ndarray of float64, shape (levels,)
        Proportions in the population.
    design : Design
        Design of the whole sample.
    rows : slice
        Rows that are tested; the others still belong to the design.

    Notes
    -----
    Pearson's statistic of the weighted totals, ``X = sum((T - E)^2 / E)`` with ``E = sum(T) P``,
    is distributed as a weighted sum of chi-squares. The weights w are the eigenvalues of the
    design covariance of ``(T - E) / sqrt(E)``, linearised in T and E. The test refers
    ``X sum(w) / sum(w^2)`` to a chi-square with ``sum(w)^2 / sum(w^2)`` degrees of freedom (Rao
    and Scott 1981, second order), as R's svygofchisq.
    """
    used = P > 0
    place = np.flatnonzero(used)
    inside = (codes[np.newaxis] == place[:, np.newaxis]).astype(np.float64)
    T = inside @ weight
    total = T.sum()
    if len(place) < 2 or not total > 0:
        return _UNTESTED
    E = total * P[used]
    # Derivatives of (T - E) / sqrt(E) by T, and by the total behind E.
    by_level, by_total = 1.0 / np.sqrt(E), P[used] * (E + T) / (2.0 * E**1.5)
    known = (inside.any(axis=0) * weight)[np.newaxis]
    made, expected = inside * weight * by_level[:, np.newaxis], known * by_total[:, np.newaxis]
    V = SurveyTotals(design, rows).covariance(made, expected, np.broadcast_to(known, made.shape))
    trace, squares = float(np.trace(V)), float((V * V).sum())
    # If the terms cancel, a trace far below their size is a rounding error.
    size = float((np.abs(made) + expected).sum(axis=1) @ np.ones(len(V))) ** 2
    if np.isnan(trace) or trace <= 1e-20 * size:
        return _UNTESTED
    pearson = float(((T - E) ** 2 / E).sum())
    statistic, df = pearson * trace / squares, trace * trace / squares
    return Fit(statistic, df, float(chi_square_sf(statistic, df)))
