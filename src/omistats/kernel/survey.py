"""Weighted tables, Rao-Scott, compare_weighted().

What all breakdowns of one set of cases share is done once, by `WeightedAnswers`; its `cells` take
a breakdown, for all cases or part of them, and all questions together.

Everything follows from the weighted totals of the cells of a table, which are sufficient and not
sufficient answers of each group, and the covariance matrix of these totals. Cells share no
answer, so that differences of cells lose few digits where nearly all answers are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem, format_values
from omistats.kernel.chi_square import STARS, chi_square_sf, star_codes
from omistats.kernel.design import (
    Design,
    Lonely,
    Population,
    check_lonely,
    design_of,
    known_codes,
    weights,
)
from omistats.kernel.ratio import limits
from omistats.kernel.registry import MethodRegistry

__all__ = [
    "EFFECTS",
    "SURVEY_TESTS",
    "SurveyTest",
    "Totals",
    "WeightedAnswers",
    "WeightedCells",
    "WeightedComparison",
    "compare_weighted",
    "f_sf",
]


Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

# Of the terms that a variance is a difference of: what is left below it is rounding.
_ROUNDING = 1e-12


@attrs.frozen(eq=False)
class WeightedCells:
    """Groups of one breakdown by questions.

    Attributes
    ----------
    k, n : ndarray of float64, shape (groups, questions)
        Sufficient and applicable answers with a weight above 0, without weights.
    total : ndarray of float64, shape (groups, questions)
        Sums of the weights of applicable answers.
    percent : ndarray of float64, shape (groups, questions)
        Weighted proportions, 0 to 100; NaN without applicable answers.
    covariance_of_cells : ndarray of float64, shape (questions, 2 groups, 2 groups)
        Of the weighted totals of the cells: sufficient answers of each group, then those not
        sufficient.
    unknown : ndarray of bool, shape (groups, questions)
        Whether answers lie in a lonely stratum left open.
    df : ndarray of float64, shape (questions,)
        Clusters less strata, of those that have an applicable answer of positive weight in any
        group.
    df_of_groups : ndarray of float64, shape (groups, questions)
        The same of those that have one in the group.
    """

    k: Floats
    n: Floats
    total: Floats
    percent: Floats
    covariance_of_cells: Floats
    unknown: npt.NDArray[np.bool_]
    df: Floats
    df_of_groups: Floats

    @property
    def se(self) -> Floats:
        """Standard errors of ``percent`` by Taylor linearisation, (groups, questions).

        NaN also where a lonely stratum leaves them unknown. Cases outside the group stay in
        the design.
        """
        p = self.percent / 100
        with np.errstate(invalid="ignore", divide="ignore"):
            of_sufficient = np.where(self.n > 0, (1 - p) / self.total, 0.0)
            of_others = np.where(self.n > 0, -p / self.total, 0.0)
        variance = np.einsum("qgg->gq", self.covariance(of_sufficient, of_others))
        return 100 * np.where(self.n > 0, np.sqrt(variance), np.nan)

    def covariance(
        self, of_sufficient: Floats, of_others: Floats, shared: Floats | None = None
    ) -> Floats:
        """Give the covariance of linear functions of the totals of the cells, one a group.

        Parameters
        ----------
        of_sufficient, of_others : ndarray of float64, shape (groups, questions)
            What the two cells of a group count in its own function.
        shared : ndarray of float64, shape (2, groups, questions), optional
            What the same cells of every group count in it besides.

        Returns
        -------
        ndarray of float64, shape (questions, groups, groups)
            NaN in rows and columns of groups with answers in a lonely stratum left open.
        """
        groups, questions = self.n.shape
        factors = np.zeros((questions, 2, groups, groups))
        own = np.arange(groups)
        factors[:, 0, own, own], factors[:, 1, own, own] = of_sufficient.T, of_others.T
        if shared is not None:
            factors += shared.transpose(2, 0, 1)[:, :, np.newaxis, :]
        G = factors.reshape(questions, 2 * groups, groups)
        out: Floats = G.transpose(0, 2, 1) @ self.covariance_of_cells @ G
        size = np.abs(G).transpose(0, 2, 1) @ np.abs(self.covariance_of_cells) @ np.abs(G)
        still = np.einsum("qgg->qg", out) <= _ROUNDING * np.einsum("qgg->qg", size)
        # Where one does not vary nothing varies with it, whatever rounding says.
        out[still[:, :, np.newaxis] | still[:, np.newaxis, :]] = 0.0
        lost = self.unknown.T
        out[lost[:, :, np.newaxis] | lost[:, np.newaxis, :]] = np.nan
        return out


class WeightedAnswers:
    """Answers of cases drawn by a design, weighted and put in its order.

    Parameters
    ----------
    sufficient, applicable : array_like, shape (cases, questions)
        1 or True where an answer is sufficient, and where it is applicable; what is not
        applicable does not count as sufficient.
    design : Design
        Which cluster of which stratum each case is in.
    weight : array_like of float, shape (cases,), optional
        Not negative; by default all 1. Only their proportions matter.

    Examples
    --------
    Four cases, each its own cluster of one stratum, and two questions:

    >>> one = np.zeros(4, np.intp)
    >>> design = Design(np.arange(4), one, np.array([4 / 3]), np.array([1 / 4]))
    >>> answers = WeightedAnswers([[1, 0], [0, 0], [1, 1], [0, 0]], np.ones((4, 2)), design)
    >>> cells = answers.cells(np.array([0, 0, 0, 1]), 2)
    >>> cells.percent.round(1).tolist()
    [[66.7, 33.3], [0.0, 0.0]]
    """

    def __init__(
        self,
        sufficient: npt.ArrayLike,
        applicable: npt.ArrayLike,
        design: Design,
        weight: npt.ArrayLike | None = None,
    ) -> None:
        rows = len(design.cluster)
        w = np.ones(rows) if weight is None else np.asarray(weight, np.float64)
        order = np.lexsort((design.cluster, design.stratum[design.cluster]))
        # A case of weight 0 is in no cell; its cluster was drawn all the same.
        self._order = order = order[w[order] > 0]
        self._weight = w[order]
        good, asked = (np.asarray(v)[order] != 0 for v in (sufficient, applicable))
        # Sufficient answers of all questions, then those not sufficient.
        self._answers = np.concatenate([good & asked, asked & ~good], axis=1).astype(np.float64)
        self._weighted = self._answers * self._weight[:, np.newaxis]
        self._cluster = design.cluster[order]
        self._design = design
        self._drawn = np.bincount(design.stratum, minlength=len(design.scale))

    def cells(
        self,
        groups: npt.NDArray[np.integer[Any]],
        count: int,
        domain: npt.NDArray[np.bool_] | None = None,
    ) -> WeightedCells:
        """Estimate a breakdown's proportions for all questions.

        Parameters
        ----------
        groups : ndarray of int, shape (cases,)
            The group of each case, from 0; -1 for none.
        count : int
            How many groups there are.
        domain : ndarray of bool, shape (cases,), optional
            The cases to look at, such as those of a unit. The rest stay in the design, but
            strata and clusters without answers of them do not count towards degrees of
            freedom.

        Returns
        -------
        WeightedCells
        """
        rows = (
            np.arange(len(self._order)) if domain is None else np.flatnonzero(domain[self._order])
        )
        first, of_row = _runs(self._cluster[rows])
        of_cluster = self._design.stratum[self._cluster[rows[first]]]
        start, stratum = _runs(of_cluster)
        strata, clusters = of_cluster[start], len(first)
        given = groups[self._order[rows]]
        inside = given >= 0
        rows, of_row, group = rows[inside], of_row[inside], given[inside].astype(np.intp)
        cell = stratum[of_row] * count + group

        questions = self._answers.shape[1] // 2
        shape = (count, 2, questions)
        weighted = self._weighted[rows]
        sums = _summed(weighted, cell, len(strata) * count).reshape(-1, *shape)
        scale, shared = self._design.scale[strata], self._design.shared[strata]
        lonely = np.isnan(scale)
        scale = np.where(lonely, 0.0, scale)
        counted = _by_group(np.ones(len(rows)), group, count) @ self._answers[rows]
        k, others = np.moveaxis(counted.reshape(count, 2, questions), 1, 0)
        # Strata and clusters with an answer, by group and question.
        in_strata = sums.sum(axis=2) > 0
        if (np.bincount(of_row, minlength=1) <= 1).all():
            here, anywhere = k + others, (k + others).sum(axis=0)
            # A case that is all there is of its cluster is in one cell: squares are all there is.
            covariance = -_products(sums, scale * shared)
            squares = _by_group(self._weight[rows] ** 2 * scale[stratum[of_row]], group, count)
            own = np.arange(2 * count)
            covariance[:, own, own] += _cells_last(squares @ self._answers[rows])
        else:
            totals = _summed(weighted, of_row * count + group, clusters * count)
            centre = sums * shared[:, np.newaxis, np.newaxis, np.newaxis]
            off = totals.reshape(-1, *shape) - centre[stratum]
            covariance = _products(off, scale[stratum])
            # Clusters without a case here have 0, as far from the centre as it is from 0.
            absent = self._drawn[strata] - np.bincount(stratum, minlength=len(strata))
            covariance += _products(centre, scale * absent)
            in_clusters = totals.reshape(-1, *shape).sum(axis=2) > 0
            here, anywhere = in_clusters.sum(axis=0), in_clusters.any(axis=1).sum(axis=0)

        found, rest = np.moveaxis(sums.sum(axis=0), 1, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            percent = 100 * (found / (found + rest))
        unknown = np.asarray((sums[lonely] > 0).any(axis=(0, 2)))
        df = np.asarray(anywhere - in_strata.any(axis=1).sum(axis=0), np.float64)
        of_groups = np.asarray(here - in_strata.sum(axis=0), np.float64)
        return WeightedCells(
            k, k + others, found + rest, percent, covariance, unknown, df, of_groups
        )


def _runs(codes: Codes) -> tuple[Codes, Codes]:
    """Give where runs of equal codes start, and the run of each entry."""
    new = np.ones(len(codes), bool)
    new[1:] = codes[1:] != codes[:-1]
    return np.flatnonzero(new), np.cumsum(new) - 1


def _summed(values: Floats, key: Codes, size: int) -> Floats:
    """Sum rows that have the same key, 0 to ``size - 1``."""
    out = np.zeros((size, values.shape[1]))
    if len(key):
        order = np.argsort(key, kind="stable")
        first, _ = _runs(key[order])
        out[key[order[first]]] = np.add.reduceat(values[order], first, axis=0)
    return out


def _by_group(values: Floats, group: Codes, count: int) -> Floats:
    """Put each row's value in the line of its group."""
    out = np.zeros((count, len(group)))
    out[group, np.arange(len(group))] = values
    return out


def _cells_last(values: Floats) -> Floats:
    """Turn (groups, 2 questions) into (questions, 2 groups), sufficient answers first."""
    count = len(values)
    return values.reshape(count, 2, -1).transpose(2, 1, 0).reshape(-1, 2 * count)


def _products(totals: Floats, factor: Floats) -> Floats:
    """Sum ``factor`` times the products of all pairs of cells.

    Totals have shape (rows, groups, 2, questions); the sum is (questions, 2 groups, 2 groups).
    """
    rows, count, _, questions = totals.shape
    cells = totals.transpose(3, 2, 1, 0).reshape(questions, 2 * count, rows)
    out: Floats = (cells * factor) @ cells.transpose(0, 2, 1)
    return out


# A share of the sum of what each group adds: below, groups do not vary against each other.


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


SURVEY_TESTS: MethodRegistry[Callable[[WeightedCells], SurveyTest]] = MethodRegistry(
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


@attrs.frozen(eq=False)
class WeightedComparison:
    """A comparison of groups of a survey, each attribute a 0-d array.

    Attributes
    ----------
    statistic, p_value : ndarray of float64
        F, or for ``'rao-scott-chi-square'`` Pearson's statistic before it is divided by the
        design effect, as R prints it; NaN where nothing can be tested.
    df, df2 : ndarray of float64
        Degrees of freedom, the second of F; NaN for chi-square.
    stars : ndarray of str
        ``'***'``, ``'**'``, ``'*'`` or ``'--'``; empty where there were no two groups to
        compare, or nothing to judge their difference by.
    method : ndarray of str
        The test used.
    design_effect : ndarray of float64
        The mean generalised design effect of the table: by how much simple random sampling
        would overstate the evidence. NaN for Wald's tests.
    n : ndarray of int64
        How many cases with weight have both an answer and a group.

    Examples
    --------
    Two cases of each of four teams; one case has no answer.

    >>> answers = [1, 1, 0, 1, 0, 0, 1, None]
    >>> import omistats as oms
    >>> found = oms.stats.compare_weighted(answers, ["f", "m"] * 4, cluster=list("aabbccdd"))
    >>> print(f"{found.method}: F on {found.df:g} and {found.df2:g}, {found.n} answers")
    rao-scott-f: F on 1 and 3, 7 answers
    >>> print(f"p = {found.p_value:.3f}, design effect {found.design_effect:.2f}")
    p = 0.656, design effect 0.80
    """

    statistic: Floats
    df: Floats
    df2: Floats
    p_value: Floats
    stars: npt.NDArray[np.str_]
    method: npt.NDArray[np.str_]
    design_effect: Floats
    n: npt.NDArray[np.int64]


def compare_weighted(
    y: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
    population: Population = None,
    method: str = "rao-scott-f",
    lonely: Lonely = "error",
) -> WeightedComparison:
    """Test whether groups of a weighted or clustered sample answer alike.

    Parameters
    ----------
    y : array_like, shape (cases,)
        Answers of two kinds, whatever they are called; missing (None, NaN) where the question
        did not apply.
    group : array_like, shape (cases,)
        The group of each case; missing where it has none.
    weight : array_like of float, shape (cases,), optional
        Sampling weights, any multiple of them; by default all equal. Weight 0 is as good as
        outside the table.
    cluster, stratum : array_like, shape (cases,), optional
        How cases were drawn, as for `omistats.stats.ratio`.
    population : float, mapping or array_like of shape (cases,), optional
        The number of clusters in each stratum's population, as for `omistats.stats.ratio`.
    method : {'rao-scott-f', 'rao-scott-chi-square', 'adjusted-wald', 'wald-f'}
        Pearson's chi-square corrected by Rao and Scott, as F (second order) or as chi-square
        (first order); or Wald's test of the cells, with its degrees of freedom adjusted for
        few clusters or not.
    lonely : {'error', 'remove', 'adjust'}
        A stratum of one cluster shows no spread: refuse it, let it contribute nothing, or
        measure it from the mean of all.

    Returns
    -------
    WeightedComparison
        The test, and the design effect it allows for.

    Raises
    ------
    UsageError
        When values are no numbers where numbers belong.
    UnknownNameError
        When the method or the treatment of lonely strata is unknown.
    DataError
        With all that is wrong with the cases: shapes, answers of more than two kinds, negative
        or missing weights, and what `omistats.stats.ratio` refuses of a design.

    Notes
    -----
    R's ``svychisq`` on ``svydesign(~cluster, strata=~stratum, weights=~weight,
    fpc=~population)``, with ``statistic=`` ``"F"``, ``"Chisq"``, ``"adjWald"`` or ``"Wald"``.
    Cases without answer or group stay in the design but are not in the table: as on R's
    ``subset`` of the cases that have both, degrees of freedom are clusters less strata of those.

    References
    ----------
    Rao, J. N. K. and Scott, A. J. (1984). On chi-squared tests for multiway contingency tables
    with cell proportions estimated from survey data. Annals of Statistics 12(1), 46-60.
    doi:10.1214/aos/1176346391

    Thomas, D. R. and Rao, J. N. K. (1987). Small-sample comparisons of level and power for
    simple goodness-of-fit statistics under cluster sampling. JASA 82, 630-636.
    doi:10.1080/01621459.1987.10478476

    Examples
    --------
    >>> answers = [1, 1, 0, 1, 0, 0, 1, 0, 1, 0]
    >>> teams = list("aabbccddee")
    >>> groups = ["f", "m"] * 5
    >>> import omistats as oms
    >>> found = oms.stats.compare_weighted(answers, groups, cluster=teams, weight=[1, 2] * 5)
    >>> print(f"F {found.statistic:.3f} on {found.df:g} and {found.df2:g}, p {found.p_value:.3f}")
    F 0.276 on 1 and 4, p 0.627
    """
    name = SURVEY_TESTS.name(method)
    check_lonely(lonely)
    problems: list[Problem] = []
    rows = np.asarray(y).size
    found = known_codes(y, "y", rows, problems)
    if np.ndim(y) != 1:
        # What else must fit cannot be said.
        raise DataError(problems)
    members = known_codes(group, "group", rows, problems)
    if found is not None and len(found[1]) > 2:
        hint = "Make them two, and leave missing what did not apply."
        problems.append(Problem("y", "answers of two kinds", format_values(found[1]), hint))
    ww = np.ones(rows) if weight is None else weights(weight, rows, problems)
    design = design_of(rows, cluster, stratum, population, lonely, problems)
    if found is None or members is None or ww is None or design is None or problems:
        raise DataError(problems)
    (answer, _), (member, labels) = found, members
    sufficient, applicable = (v[:, np.newaxis] for v in (answer == 1, answer >= 0))
    cells = WeightedAnswers(sufficient, applicable, design, ww).cells(member, max(len(labels), 1))
    test = SURVEY_TESTS[name](cells)
    k, n = cells.k.sum(axis=0), cells.n.sum(axis=0)
    # Where all answer the same nothing differs; where there is no sampling error to judge by,
    # or none known, nothing was tested.
    judged = test.comparable & (~np.isnan(test.p_value) | (k == 0) | (k == n))
    stars: Any = np.array([*STARS, ""])[star_codes(test.p_value, judged)]
    return WeightedComparison(
        statistic=np.asarray(test.statistic[0]),
        df=np.asarray(test.df[0]),
        df2=np.asarray(test.df2[0]),
        p_value=np.asarray(test.p_value[0]),
        stars=np.asarray(stars[0]),
        method=np.asarray(name),
        design_effect=np.asarray(test.design_effect[0]),
        n=np.asarray(n[0], np.int64),
    )


Effect = tuple[Floats, Floats, Floats]


def _difference(cells: WeightedCells, confidence: float) -> Effect:
    p = cells.percent / 100
    estimate = p[0] - p[1]
    # A group whose answers are all alike has a standard error of 0 by the formula, which is no
    # measure of what is not known of it.
    se = np.where(np.isnan(_inside(p)).any(axis=0), np.nan, _se(cells, np.ones_like(p)))
    low, high = limits(estimate, se, confidence=confidence, df=cells.df)
    return estimate, np.maximum(low, -1.0), np.minimum(high, 1.0)


def _risk_ratio(cells: WeightedCells, confidence: float) -> Effect:
    p = cells.percent / 100
    return _exponential(cells, p, 1.0 / _inside(p), confidence)


def _odds_ratio(cells: WeightedCells, confidence: float) -> Effect:
    p = cells.percent / 100
    q = _inside(p)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = p / (1 - p)
    return _exponential(cells, odds, 1.0 / (q * (1 - q)), confidence)


def _inside(p: Floats) -> Floats:
    """Leave out 0 and 1, of which no standard error is known."""
    return np.where((p > 0) & (p < 1), p, np.nan)


def _exponential(cells: WeightedCells, value: Floats, slope: Floats, confidence: float) -> Effect:
    """Take a ratio and its limits, which are symmetric about its logarithm."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = value[0] / value[1]
        centre = np.where(np.isnan(slope).any(axis=0), np.nan, np.log(ratio))
    se = _se(cells, slope)
    low, high = limits(centre, se, confidence=confidence, df=cells.df)
    return ratio, np.exp(low), np.exp(high)


def _se(cells: WeightedCells, slope: Floats) -> Floats:
    """Give the standard error of the difference of a function of two proportions.

    ``slope`` is the function's derivative, shape (2, questions).
    """
    p = cells.percent / 100
    with np.errstate(invalid="ignore", divide="ignore"):
        of_sufficient, of_others = slope * (1 - p) / cells.total, -slope * p / cells.total
    none = np.isnan(of_sufficient) | ~np.isfinite(of_others)
    v = cells.covariance(np.where(none, 0.0, of_sufficient), np.where(none, 0.0, of_others))
    variance = v[:, 0, 0] + v[:, 1, 1] - 2 * v[:, 0, 1]
    lost = none.any(axis=0)
    return np.where(lost, np.nan, np.sqrt(np.maximum(variance, 0.0)))


EFFECTS: dict[str, Callable[[WeightedCells, float], Effect]] = {
    "difference": _difference,
    "risk_ratio": _risk_ratio,
    "odds_ratio": _odds_ratio,
}
"""Estimates and limits of effects, shape (questions,) each, t with the design's df.

Limits are NaN where a group's answers are all alike."""


# A sum of squares below this share of the squares of its terms is what rounding left.


class Totals:
    """Some rows of a sample, put in the order of its clusters.

    Parameters
    ----------
    design : Design
        The whole sample.
    rows : slice
        Which of its rows; what others would add is 0, but they are part of the sample.
    """

    def __init__(self, design: Design, rows: slice) -> None:
        cluster = design.cluster[rows]
        of_row = design.stratum[cluster]
        self._order = np.lexsort((cluster, of_row))
        self._first = _starts(cluster[self._order])
        of_cluster = of_row[self._order][self._first]
        self._outer = _starts(of_cluster)
        strata = of_cluster[self._outer]
        here = np.diff(np.append(self._outer, len(of_cluster)))
        self._of = np.repeat(np.arange(len(strata)), here)
        drawn = np.bincount(design.stratum, minlength=len(design.scale))
        # Clusters that have no row here are as far from the centre as it is from 0.
        self._absent = (drawn[strata] - here).astype(np.float64)
        self._scale, self._shared = design.scale[strata], design.shared[strata]

    def covariance(self, made: Floats, expected: Floats, applied: Floats) -> Floats:
        """Give the covariance of the totals of ``made - expected``.

        Parameters
        ----------
        made, expected : ndarray of float64, shape (totals, rows)
            What each row adds, as a difference of terms that are not negative.
        applied : ndarray of float64, shape (totals, rows)
            0 where a row has nothing to do with a total.

        Returns
        -------
        ndarray of float64, shape (totals, totals)
            NaN in rows and columns of totals with something in a lonely stratum left open.
        """
        if not len(self._first):
            return np.zeros((len(made), len(made)))
        z = self._clusters(made - expected)
        centre = np.add.reduceat(z, self._outer, axis=1) * self._shared
        z -= centre[:, self._of]
        lonely = np.isnan(self._scale)
        scale = np.where(lonely, 0.0, self._scale)
        out: Floats = (z * scale[self._of]) @ z.T + (centre * (scale * self._absent)) @ centre.T
        size = self._clusters(made + expected)
        still = np.diagonal(out) <= _ROUNDING**2 * ((size * size) @ scale[self._of])
        # Where one does not vary nothing varies with it, whatever rounding says.
        out[still] = out[:, still] = 0.0
        if lonely.any():
            there = np.add.reduceat(self._clusters(applied), self._outer, axis=1) > 0
            lost = there[:, lonely].any(axis=1)
            out[lost] = out[:, lost] = np.nan
        return out

    def _clusters(self, values: Floats) -> Floats:
        return np.add.reduceat(values[:, self._order], self._first, axis=1)


def _starts(codes: Codes) -> Codes:
    """Give where runs of equal codes start."""
    new = np.ones(len(codes), np.bool_)
    new[1:] = codes[1:] != codes[:-1]
    return np.flatnonzero(new)
