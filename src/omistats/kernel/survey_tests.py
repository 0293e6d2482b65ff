"""Whether weighted proportions of groups differ, allowing for how cases were drawn."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.methods import Methods
from omistats.kernel.significance import chi_square_sf
from omistats.kernel.survey_cells import WeightedCells

__all__ = ["SURVEY_TESTS", "SurveyTest", "f_sf"]

Floats = npt.NDArray[np.float64]

# A share of the sum of what each group adds: below, groups do not vary against each other.
_ROUNDING = 1e-12


@attrs.frozen(eq=False)
class SurveyTest:
    """Tests of one breakdown, each attribute of shape (questions,).

    Attributes
    ----------
    statistic, p_value : ndarray of float64
        NaN where fewer than two groups have answers, every answer is the same, or the design
        leaves no sampling error to go by or leaves it unknown.
    df, df2 : ndarray of float64
        Degrees of freedom, the second of F; NaN for chi-square.
    design_effect : ndarray of float64
        The mean generalised design effect of the table; NaN for Wald's tests.
    comparable : ndarray of bool
        Whether two groups have answers.
    """

    statistic: Floats
    df: Floats
    df2: Floats
    p_value: Floats
    design_effect: Floats
    comparable: npt.NDArray[np.bool_]


SURVEY_TESTS: Methods[Callable[[WeightedCells], SurveyTest]] = Methods(
    "survey test", "f(WeightedCells) -> SurveyTest", outputs=0
)
"""Tests of groups of a survey."""


def f_sf(x: npt.ArrayLike, df: npt.ArrayLike, df2: npt.ArrayLike) -> Floats:
    """Give the upper tail of F, NaN where there are no degrees of freedom.

    Parameters
    ----------
    x, df, df2 : array_like of float
        Statistics and degrees of freedom, which need not be whole; broadcast together.

    Returns
    -------
    ndarray of float64
    """
    import scipy

    x, a, b = (np.asarray(v, np.float64) for v in (x, df, df2))
    a, b = (np.where(v > 0, v, np.nan) for v in (a, b))
    # F is above x where a beta variable is below or, the other way round, above a share; the
    # smaller share is the one that has all its digits.
    with np.errstate(invalid="ignore"):
        ax = a * x
        low = scipy.special.betainc(b / 2, a / 2, b / (b + ax))
        high = scipy.special.betaincc(a / 2, b / 2, ax / (b + ax))
        return np.asarray(np.where(ax < b, high, low))


def _shares(cells: WeightedCells) -> tuple[Floats, Floats, Floats]:
    """Give the groups' shares of the table, their proportions (0 without answers) and its own."""
    whole = cells.total.sum(axis=0)
    p = np.nan_to_num(cells.percent) / 100
    with np.errstate(invalid="ignore", divide="ignore"):
        share = cells.total / whole
        overall = (cells.total * p).sum(axis=0) / whole
    return np.nan_to_num(share), p, overall


def _varied(cells: WeightedCells) -> tuple[npt.NDArray[np.bool_], Floats, npt.NDArray[np.bool_]]:
    """Give where groups can be compared, how many there are, and where answers differ as well."""
    groups = (cells.n > 0).sum(axis=0)
    k, n = cells.k.sum(axis=0), cells.n.sum(axis=0)
    return groups > 1, groups - 1.0, (groups > 1) & (k > 0) & (k < n)


def _rao_scott(cells: WeightedCells) -> tuple[Floats, Floats, Floats, Floats]:
    """Give Pearson's statistic, degrees of freedom, and trace and squares of the design effects.

    Rao and Scott's design effects of a table of groups by two answers are the eigenvalues of
    ``P M P``: ``M`` is the covariance of the groups' log odds under the design, divided on both
    sides by their standard errors under simple random sampling, and P takes out the direction
    that has no contrast of groups.
    """
    share, p, overall = _shares(cells)
    _, df, varied = _varied(cells)
    answers = cells.n.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        pearson = answers * (share * (p - overall) ** 2).sum(axis=0) / (overall * (1 - overall))
        every = (cells.n > 0) & (cells.k == cells.n)
        none = (cells.n > 0) & (cells.k == 0)
        both = (cells.n > 0) & ~every & ~none
        total = np.where(cells.n > 0, cells.total, 1.0)
        # Log odds, linearised. As in R a cell without answers adds nothing to them: what is
        # left is the logarithm of the share that the other cell has of the table.
        of_sufficient = np.where(every | both, 1.0 / (p * total), 0.0)
        of_others = np.where(none | both, -1.0 / ((1 - p) * total), 0.0)
        shared = (none * 1.0 - every) / np.where(varied, cells.total.sum(axis=0), 1.0)
        V = cells.covariance(of_sufficient, of_others, np.stack([shared, shared]))
        precision = answers * share * np.where(both, p * (1 - p), 1.0)
    v = np.sqrt(precision).T
    M = V * v[:, :, np.newaxis] * v[:, np.newaxis, :]
    u = v / np.sqrt(np.where(varied, (v * v).sum(axis=1), 1.0))[:, np.newaxis]
    P = np.eye(v.shape[1]) - u[:, :, np.newaxis] * u[:, np.newaxis, :]
    effects = P @ M @ P
    trace = np.einsum("qgg->q", effects)
    free = varied & (trace > _ROUNDING * np.einsum("qgg->q", M))
    pearson, trace = (np.where(free, x, np.nan) for x in (pearson, trace))
    return pearson, df, trace, np.einsum("qgh,qhg->q", effects, effects)


def _rao_scott_chi_square(cells: WeightedCells) -> SurveyTest:
    statistic, df, trace, _ = _rao_scott(cells)
    comparable, *_ = _varied(cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = trace / df
        p_value = chi_square_sf(statistic / effect, df)
    df = np.where(np.isnan(statistic), np.nan, df)
    return SurveyTest(statistic, df, np.full(df.shape, np.nan), p_value, effect, comparable)


def _rao_scott_f(cells: WeightedCells) -> SurveyTest:
    pearson, df, trace, squares = _rao_scott(cells)
    comparable, *_ = _varied(cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic, effect = pearson / trace, trace / df
        first = trace * trace / squares
    second = first * cells.df
    p_value = f_sf(statistic, first, second)
    lost = np.isnan(p_value)
    statistic, first, second = (np.where(lost, np.nan, x) for x in (statistic, first, second))
    return SurveyTest(statistic, first, second, p_value, effect, comparable)


def _wald(cells: WeightedCells, adjusted: bool) -> SurveyTest:
    """Test the differences of cells from what independence would have them."""
    # At module level this import would come round to this module.
    from omistats.kernel.wald import wald

    share, p, overall = _shares(cells)
    comparable, df, varied = _varied(cells)
    overall = np.where(varied, overall, 0.0)
    # A sufficient answer is 1 - p from what is expected, another -p.
    answers = np.stack([1 - overall, -overall])[:, np.newaxis]
    of_sufficient, of_others = np.broadcast_to(answers, (2, *p.shape))
    V = cells.covariance(of_sufficient, of_others, -share * answers)
    off = np.where(cells.n > 0, cells.total * (p - overall), np.nan)
    statistic = np.full(df.shape, np.nan)
    if len(p) > 1:
        statistic = np.where(varied, wald(off.T, V).statistic, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        second = cells.df - df + 1 if adjusted else np.full(df.shape, cells.df)
        statistic = statistic / df * (second / cells.df if adjusted else 1.0)
    p_value = f_sf(statistic, df, second)
    lost = np.isnan(p_value)
    statistic, df, second = (np.where(lost, np.nan, x) for x in (statistic, df, second))
    return SurveyTest(statistic, df, second, p_value, np.full(df.shape, np.nan), comparable)


def _wald_adjusted(cells: WeightedCells) -> SurveyTest:
    return _wald(cells, adjusted=True)


def _wald_plain(cells: WeightedCells) -> SurveyTest:
    return _wald(cells, adjusted=False)


# Beside each, what R's svychisq calls it.
SURVEY_TESTS.register("rao-scott-f", _rao_scott_f, ["f", "rao-scott"])
SURVEY_TESTS.register("rao-scott-chi-square", _rao_scott_chi_square, ["chisq", "rao-scott-chisq"])
SURVEY_TESTS.register("adjusted-wald", _wald_adjusted, ["adjwald", "adj-wald", "wald-adjusted"])
SURVEY_TESTS.register("wald-f", _wald_plain, ["wald"])
