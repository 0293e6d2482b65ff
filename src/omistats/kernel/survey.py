"""Weighted percentages, tests and effects for groups of a survey sample.

`compare_weighted` tests one question. `WeightedAnswers` prepares the answers of a set of cases
once; its method `cells` then tabulates a breakdown for all questions together, for all cases or
some of them.

A table has two cells per group: sufficient answers, and answers that are not sufficient. Every
result is computed from the weighted totals of the cells and the covariance matrix of these
totals. Cells share no answers, so differences of cells lose few digits even where nearly all
answers are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats._series import check_same_index
from omistats.errors import DataError, Problem, format_values
from omistats.kernel.chi_square import STARS, chi_square_sf, star_codes
from omistats.kernel.design import (
    Design,
    LonelyName,
    Population,
    average_factor,
    check_lonely,
    design_of,
    known_codes,
    weights,
)
from omistats.kernel.ratio import limits
from omistats.kernel.registry import MethodRegistry
from omistats.kernel.survey_effective import compare_cells, kish
from omistats.kernel.wald import wald

__all__ = [
    "EFFECTS",
    "SURVEY_TESTS",
    "SurveyTest",
    "SurveyTotals",
    "WeightedAnswers",
    "WeightedCells",
    "WeightedComparison",
    "compare_weighted",
    "effective_difference",
    "f_sf",
]


Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]
Effect = tuple[Floats, Floats, Floats]

# A variance below this share of the terms that it is a difference of is rounding.
_ROUNDING = 1e-12


@attrs.frozen(eq=False)
class WeightedComparison:
    """A comparison of groups of a survey, each attribute a 0-d array.

    Attributes
    ----------
    statistic, p_value : ndarray of float64
        Pearson's statistic on effective answers for ``'effective'``; Pearson's statistic before
        it is divided by the design effect, as R prints it, for ``'rao-scott-chi-square'``; F for
        the others. NaN where nothing can be tested.
    df, df2 : ndarray of float64
        Degrees of freedom; ``df2`` is the denominator's for F and NaN for chi-square. The p-value
        of ``'effective'`` is that of F on ``statistic / (groups - 1)``, or of chi-square where
        ``df2`` is NaN.
    stars : ndarray of str
        ``'***'``, ``'**'``, ``'*'`` or ``'--'``; empty without two groups to compare, or
        without a sampling error to judge their difference by.
    method : ndarray of str
        The test used.
    design_effect : ndarray of float64
        The factor by which simple random sampling would overstate the evidence: answers over
        effective answers for ``'effective'``, the mean generalised design effect of the table
        for Rao and Scott's tests. NaN for Wald's.
    n : ndarray of int64
        Number of cases of positive weight that have both an answer and a group.
    kish_n : ndarray of float64
        Kish's effective size, ``(sum w)^2 / sum w^2``, of the group that has the smallest. Below
        30 the tests of R's survey reject too often.

    Examples
    --------
    Two cases of each of four teams; one case has no answer.

    >>> answers = [1, 1, 0, 1, 0, 0, 1, None]
    >>> import omistats as oms
    >>> found = oms.stats.compare_weighted(answers, ["f", "m"] * 4, cluster=list("aabbccdd"))
    >>> print(f"{found.method}: p = {found.p_value:.3f}, {found.n} answers of 4 teams")
    effective: p = 1.000, 7 answers of 4 teams
    >>> found = oms.stats.compare_weighted(
    ...     answers, ["f", "m"] * 4, cluster=list("aabbccdd"), method="rao-scott-f"
    ... )
    >>> print(f"F on {found.df:g} and {found.df2:g}, design effect {found.design_effect:.2f}")
    F on 1 and 3, design effect 0.80
    """

    statistic: Floats
    df: Floats
    df2: Floats
    p_value: Floats
    stars: npt.NDArray[np.str_]
    method: npt.NDArray[np.str_]
    design_effect: Floats
    n: npt.NDArray[np.int64]
    kish_n: Floats


def compare_weighted(
    y: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
    population: Population = None,
    method: str = "effective",
    lonely: LonelyName = "error",
) -> WeightedComparison:
    """Test whether groups of a weighted or clustered sample differ.

    Parameters
    ----------
    y : array_like, shape (cases,)
        Answers with two different values, of any type; missing (None, NaN) where the
        question did not apply.
    group : array_like, shape (cases,)
        The group of each case; missing where it has none.
    weight : array_like of float, shape (cases,), optional
        Sampling weights, of which only the ratios matter; by default all equal. A case of
        weight 0 counts as outside the table.
    cluster, stratum : array_like, shape (cases,), optional
        The cluster and the stratum of each case, as for `omistats.stats.ratio`.
    population : float, mapping or array_like of shape (cases,), optional
        The number of clusters in each stratum's population, as for `omistats.stats.ratio`.
    method : {'effective', 'rao-scott-f', 'rao-scott-chi-square', 'adjusted-wald', 'wald-f'}
        Pearson's test on effective answers, the only one that holds its level with few or
        unequally weighted cases; Pearson's chi-square with the Rao-Scott correction, as F
        (second order) or as chi-square (first order); or Wald's test of the cells, with degrees
        of freedom adjusted for few clusters or not.
    lonely : {'error', 'remove', 'adjust', 'average'}, or 'fail' or 'certainty'
        Treatment of strata with a single cluster, as for `omistats.stats.ratio`.

    Returns
    -------
    WeightedComparison
        The test and the design effect that it corrects for.

    Raises
    ------
    UsageError
        When weights or population are not numbers.
    UnknownNameError
        When the method or the treatment of single-PSU strata is unknown.
    DataError
        With all that is wrong with the cases: shapes, answers with more than two values,
        negative or missing weights, and a design that `omistats.stats.ratio` would not accept.

    Notes
    -----
    ``'effective'`` divides Kish's number of answers of each group by the design effect of the
    differences, at least 1, and makes Pearson's test with what is left: corrected for continuity
    (Yates) where a cell expects fewer than 5, and by t or F as far as the spread between
    clusters had to be estimated.

    The other tests equal R's ``svychisq`` on ``svydesign(~cluster, strata=~stratum,
    weights=~weight, fpc=~population)``, with ``statistic=`` ``"F"``, ``"Chisq"``,
    ``"adjWald"`` or ``"Wald"``. Cases without an answer or a group stay in the design but are
    not in the table. Degrees of freedom are clusters less strata of the cases in the table, as
    in R after ``subset``.

    References
    ----------
    Rao, J. N. K. and Scott, A. J. (1984). On chi-squared tests for multiway contingency tables
    with cell proportions estimated from survey data. Annals of Statistics 12(1), 46-60.
    doi:10.1214/aos/1176346391

    Rao, J. N. K. and Scott, A. J. (1992). A simple method for the analysis of clustered binary
    data. Biometrics 48(2), 577-585. doi:10.2307/2532311

    Thomas, D. R. and Rao, J. N. K. (1987). Small-sample comparisons of level and power for
    simple goodness-of-fit statistics under cluster sampling. JASA 82, 630-636.
    doi:10.1080/01621459.1987.10478476

    Examples
    --------
    >>> answers = [1, 1, 0, 1, 0, 0, 1, 0, 1, 0]
    >>> teams = list("aabbccddee")
    >>> groups = ["f", "m"] * 5
    >>> import omistats as oms
    >>> design = {"cluster": teams, "weight": [1, 2] * 5}
    >>> found = oms.stats.compare_weighted(answers, groups, **design)
    >>> print(f"chi-square {found.statistic:.3f}, p {found.p_value:.3f}")
    chi-square 0.000, p 1.000
    >>> found = oms.stats.compare_weighted(answers, groups, **design, method="rao-scott-f")
    >>> print(f"F {found.statistic:.3f} on {found.df:g} and {found.df2:g}, p {found.p_value:.3f}")
    F 0.276 on 1 and 4, p 0.627
    """
    name = SURVEY_TESTS.name(method)
    treatment = check_lonely(lonely)
    check_same_index(
        y=y, group=group, weight=weight, cluster=cluster, stratum=stratum, population=population
    )
    problems: list[Problem] = []
    rows = np.asarray(y).size
    found = known_codes(y, "y", rows, problems)
    if np.ndim(y) != 1:
        # Without a number of rows nothing else can be checked.
        raise DataError(problems)
    members = known_codes(group, "group", rows, problems)
    if found is not None and len(found[1]) > 2:
        hint = "Recode them to two values, and set answers that did not apply to missing."
        problems.append(Problem("y", "answers with two values", format_values(found[1]), hint))
    ww = np.ones(rows) if weight is None else weights(weight, rows, problems)
    design = design_of(rows, cluster, stratum, population, treatment, problems)
    if found is None or members is None or ww is None or design is None or problems:
        raise DataError(problems)
    (answer, _), (member, labels) = found, members
    sufficient, applicable = (v[:, np.newaxis] for v in (answer == 1, answer >= 0))
    cells = WeightedAnswers(sufficient, applicable, design, ww).cells(member, max(len(labels), 1))
    test = SURVEY_TESTS[name](cells)
    k, n = cells.k.sum(axis=0), cells.n.sum(axis=0)
    # If all answers are the same, groups do not differ ('--'); without a known sampling error
    # nothing was tested (empty).
    size = np.nanmin(kish(cells)[:, 0], initial=np.inf) if n[0] > 0 else np.nan
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
        kish_n=np.asarray(size),
    )


@attrs.frozen(eq=False)
class WeightedCells:
    """Weighted table of one breakdown: groups by questions.

    Attributes
    ----------
    k, n : ndarray of float64, shape (groups, questions)
        Unweighted counts of sufficient and applicable answers with a weight above 0.
    total : ndarray of float64, shape (groups, questions)
        Sums of the weights of applicable answers.
    percent : ndarray of float64, shape (groups, questions)
        Weighted proportions, 0 to 100; NaN without applicable answers.
    covariance_of_cells : ndarray of float64, shape (questions, 2 groups, 2 groups)
        Covariance matrix of the weighted totals of the cells: the sufficient answers of each
        group, then the others of each group.
    unknown : ndarray of bool, shape (groups, questions)
        Whether answers lie in a single-PSU stratum whose variance is NaN.
    factor : ndarray of float64, shape (questions,)
        What the covariance of the table is multiplied by so that strata with a known variance
        stand for those without one; 1 unless the design averages. NaN where no stratum has one.
    factor_of_groups : ndarray of float64, shape (groups, questions)
        The same for the variance of one group.
    df : ndarray of float64, shape (questions,)
        Clusters less strata, counting those with an applicable answer of positive weight in
        any group.
    df_of_groups : ndarray of float64, shape (groups, questions)
        Clusters less strata, counting those with such an answer in the group.
    weight_squares, free_squares : ndarray of float64, shape (groups, questions)
        Sums of the squared weights of applicable answers; the second times the share of the
        stratum's population that was not drawn.
    cluster_squares, cluster_fourths : ndarray of float64, shape (groups, questions)
        Sums over clusters of the second and fourth power of the weight of its applicable
        answers in the group.
    """

    k: Floats
    n: Floats
    total: Floats
    percent: Floats
    covariance_of_cells: Floats
    unknown: Flags
    factor: Floats
    factor_of_groups: Floats
    df: Floats
    df_of_groups: Floats
    weight_squares: Floats
    free_squares: Floats
    cluster_squares: Floats
    cluster_fourths: Floats

    @property
    def se(self) -> Floats:
        """Standard errors of ``percent`` by Taylor linearisation, (groups, questions).

        NaN also where a single-PSU stratum leaves them unknown. Cases outside the group stay
        in the design.
        """
        p = self.percent / 100
        with np.errstate(invalid="ignore", divide="ignore"):
            of_sufficient = np.where(self.n > 0, (1 - p) / self.total, 0.0)
            of_others = np.where(self.n > 0, -p / self.total, 0.0)
        variance = np.einsum("qgg->gq", self._covariance(of_sufficient, of_others))
        variance = variance * self.factor_of_groups
        return 100 * np.where(self.n > 0, np.sqrt(variance), np.nan)

    def covariance(
        self, of_sufficient: Floats, of_others: Floats, shared: Floats | None = None
    ) -> Floats:
        """Compute the covariance of linear functions of the cell totals, one per group.

        Parameters
        ----------
        of_sufficient, of_others : ndarray of float64, shape (groups, questions)
            Coefficients of a group's two cells in the group's own function.
        shared : ndarray of float64, shape (2, groups, questions), optional
            Coefficients of all groups' cells that are added to every function.

        Returns
        -------
        ndarray of float64, shape (questions, groups, groups)
            NaN in the rows and columns of groups marked ``unknown``.
        """
        out = self._covariance(of_sufficient, of_others, shared)
        return out * self.factor[:, np.newaxis, np.newaxis]

    def _covariance(
        self, of_sufficient: Floats, of_others: Floats, shared: Floats | None = None
    ) -> Floats:
        """Compute `covariance` from the strata whose variance is known."""
        groups, questions = self.n.shape
        factors = np.zeros((questions, 2, groups, groups))
        g = np.arange(groups)
        factors[:, 0, g, g], factors[:, 1, g, g] = of_sufficient.T, of_others.T
        if shared is not None:
            factors += shared.transpose(2, 0, 1)[:, :, np.newaxis, :]
        G = factors.reshape(questions, 2 * groups, groups)
        out: Floats = G.transpose(0, 2, 1) @ self.covariance_of_cells @ G
        size = np.abs(G).transpose(0, 2, 1) @ np.abs(self.covariance_of_cells) @ np.abs(G)
        constant = np.einsum("qgg->qg", out) <= _ROUNDING * np.einsum("qgg->qg", size)
        # A group without variance has no covariance either; rounding may say otherwise.
        out[constant[:, :, np.newaxis] | constant[:, np.newaxis, :]] = 0.0
        unknown = self.unknown.T
        out[unknown[:, :, np.newaxis] | unknown[:, np.newaxis, :]] = np.nan
        return out


class WeightedAnswers:
    """Weighted answers of a survey sample, sorted by stratum and cluster.

    Parameters
    ----------
    sufficient, applicable : array_like, shape (cases, questions)
        1 or True where an answer is sufficient, and where the question is applicable. Only
        applicable answers count as sufficient.
    design : Design
        The cluster and stratum of each case.
    weight : array_like of float, shape (cases,), optional
        Sampling weights, not negative, of which only the ratios matter; by default all 1.

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
        # A case of weight 0 is in no cell, but its cluster counts as drawn.
        self._order = order = order[w[order] > 0]
        self._weight = w[order]
        good, asked = (np.asarray(v)[order] != 0 for v in (sufficient, applicable))
        # Sufficient answers of all questions, then the other applicable answers.
        self._answers = np.concatenate([good & asked, asked & ~good], axis=1).astype(np.float64)
        self._weighted = self._answers * self._weight[:, np.newaxis]
        self._cluster = design.cluster[order]
        self._design = design
        self._drawn = np.bincount(design.stratum, minlength=len(design.fpc_scale))

    def cells(
        self,
        groups: npt.NDArray[np.integer[Any]],
        count: int,
        domain: Flags | None = None,
    ) -> WeightedCells:
        """Estimate a breakdown's proportions for all questions.

        Parameters
        ----------
        groups : ndarray of int, shape (cases,)
            The group of each case, from 0; -1 for none.
        count : int
            The number of groups.
        domain : ndarray of bool, shape (cases,), optional
            The cases to tabulate, such as those of a unit. Other cases stay in the design, but
            strata and clusters without answers in the domain do not count towards degrees of
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
        fpc_scale, centring = self._design.fpc_scale[strata], self._design.centring[strata]
        single = np.isnan(fpc_scale)
        fpc_scale = np.where(single, 0.0, fpc_scale)
        counted = _by_group(np.ones(len(rows)), group, count) @ self._answers[rows]
        k, others = np.moveaxis(counted.reshape(count, 2, questions), 1, 0)
        # Strata and clusters with an answer, by group and question.
        in_strata = sums.sum(axis=2) > 0
        if (np.bincount(of_row, minlength=1) <= 1).all():
            by_group, overall = k + others, (k + others).sum(axis=0)
            of_clusters = None
            # A cluster of one case lies in one cell, so cluster totals have no cross products.
            covariance = -_products(sums, fpc_scale * centring)
            squares = _by_group(self._weight[rows] ** 2 * fpc_scale[stratum[of_row]], group, count)
            i = np.arange(2 * count)
            covariance[:, i, i] += _cells_last(squares @ self._answers[rows])
        else:
            totals = _summed(weighted, of_row * count + group, clusters * count)
            centre = sums * centring[:, np.newaxis, np.newaxis, np.newaxis]
            off = totals.reshape(-1, *shape) - centre[stratum]
            covariance = _products(off, fpc_scale[stratum])
            # Clusters without a case in the domain have total 0 and deviate by the centre.
            absent = self._drawn[strata] - np.bincount(stratum, minlength=len(strata))
            covariance += _products(centre, fpc_scale * absent)
            of_clusters = totals.reshape(-1, *shape).sum(axis=2)
            in_clusters = of_clusters > 0
            by_group, overall = in_clusters.sum(axis=0), in_clusters.any(axis=1).sum(axis=0)

        sufficient, rest = np.moveaxis(sums.sum(axis=0), 1, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            percent = 100 * (sufficient / (sufficient + rest))
        unknown = np.asarray((sums[single] > 0).any(axis=(0, 2)))
        factor, factor_of_groups = np.ones(questions), np.ones((count, questions))
        if self._design.averages:
            spread = np.where(single, np.nan, 0.0)
            factor = average_factor(in_strata.any(axis=1), spread)
            factor_of_groups = average_factor(in_strata, spread)
            unknown = np.zeros_like(unknown)
        powers = self._powers(rows, group, count, of_clusters)
        df = np.asarray(overall - in_strata.any(axis=1).sum(axis=0), np.float64)
        df_of_groups = np.asarray(by_group - in_strata.sum(axis=0), np.float64)
        return WeightedCells(
            k,
            k + others,
            sufficient + rest,
            percent,
            covariance,
            unknown,
            factor,
            factor_of_groups,
            df,
            df_of_groups,
            *powers,
        )

    def _powers(
        self,
        rows: Codes,
        group: Codes,
        count: int,
        of_clusters: Floats | None,
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Sum powers of weights, of answers and of clusters (None: each answer is its own)."""

        def summed(values: Floats) -> Floats:
            out = _by_group(values, group, count) @ self._answers[rows]
            return np.asarray(out.reshape(count, 2, -1).sum(axis=1))

        squares = self._weight[rows] ** 2
        of_answers = summed(squares)
        drawn = np.broadcast_to(self._design.fraction, self._drawn.shape)
        free = of_answers
        if drawn.any():
            of_stratum = self._design.stratum[self._cluster[rows]]
            free = summed(squares * (1 - drawn)[of_stratum])
        if of_clusters is None:
            return of_answers, free, of_answers, summed(squares**2)
        squared = of_clusters**2
        return of_answers, free, squared.sum(axis=0), (squared**2).sum(axis=0)


def _runs(codes: Codes) -> tuple[Codes, Codes]:
    """Return where runs of equal codes start, and the number of each entry's run."""
    new = np.ones(len(codes), bool)
    new[1:] = codes[1:] != codes[:-1]
    return np.flatnonzero(new), np.cumsum(new) - 1


def _summed(values: Floats, key: Codes, size: int) -> Floats:
    """Sum rows with the same key, 0 to ``size - 1``."""
    out = np.zeros((size, values.shape[1]))
    if len(key):
        order = np.argsort(key, kind="stable")
        first, _ = _runs(key[order])
        out[key[order[first]]] = np.add.reduceat(values[order], first, axis=0)
    return out


def _by_group(values: Floats, group: Codes, count: int) -> Floats:
    """Spread values over one line per group, 0 outside the row's own group."""
    out = np.zeros((count, len(group)))
    out[group, np.arange(len(group))] = values
    return out


def _cells_last(values: Floats) -> Floats:
    """Reshape (groups, 2 questions) to (questions, 2 groups), sufficient answers first."""
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


@attrs.frozen(eq=False)
class SurveyTest:
    """Tests of one breakdown's groups, each attribute of shape (questions,).

    Attributes
    ----------
    statistic, p_value : ndarray of float64
        NaN where fewer than two groups have answers, all answers are the same, or the
        sampling error is 0 or unknown.
    df, df2 : ndarray of float64
        Degrees of freedom; ``df2`` is the denominator's for F and NaN for chi-square.
    design_effect : ndarray of float64
        Answers over effective answers, or the mean generalised design effect of the table; NaN
        for Wald's tests.
    comparable : ndarray of bool
        Whether at least two groups have answers.
    """

    statistic: Floats
    df: Floats
    df2: Floats
    p_value: Floats
    design_effect: Floats
    comparable: Flags


SURVEY_TESTS: MethodRegistry[Callable[[WeightedCells], SurveyTest]] = MethodRegistry(
    "survey test", "f(WeightedCells) -> SurveyTest", outputs=0
)
"""Tests of differences between groups of a survey."""


def f_sf(x: npt.ArrayLike, df: npt.ArrayLike, df2: npt.ArrayLike) -> Floats:
    """Compute the upper tail of F; NaN where degrees of freedom are not above 0.

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
    # The tail of F is an incomplete beta function in either of two forms; the one with the
    # smaller argument keeps all its digits.
    with np.errstate(invalid="ignore"):
        ax = a * x
        low = scipy.special.betainc(b / 2, a / 2, b / (b + ax))
        high = scipy.special.betaincc(a / 2, b / 2, ax / (b + ax))
        return np.asarray(np.where(ax < b, high, low))


def _shares(cells: WeightedCells) -> tuple[Floats, Floats, Floats]:
    """Return groups' shares of the table, their proportions (0 without answers), and overall."""
    whole = cells.total.sum(axis=0)
    p = np.nan_to_num(cells.percent) / 100
    with np.errstate(invalid="ignore", divide="ignore"):
        share = cells.total / whole
        overall = (cells.total * p).sum(axis=0) / whole
    return np.nan_to_num(share), p, overall


def _comparability(cells: WeightedCells) -> tuple[Flags, Floats, Flags]:
    """Return where two groups have answers, groups less 1, and where answers differ as well."""
    groups = (cells.n > 0).sum(axis=0)
    k, n = cells.k.sum(axis=0), cells.n.sum(axis=0)
    return groups > 1, groups - 1.0, (groups > 1) & (k > 0) & (k < n)


def _rao_scott(cells: WeightedCells) -> tuple[Floats, Floats, Floats, Floats]:
    """Compute Pearson's statistic, degrees of freedom, and two sums over the design effects.

    The sums are of the design effects (the trace) and of their squares. Rao and Scott's design
    effects of a table of groups by two answers are the eigenvalues of ``P M P``. ``M`` is the
    covariance of the groups' log odds under the design, divided on both sides by their standard
    errors under simple random sampling; P projects out the direction without a contrast of
    groups.
    """
    share, p, overall = _shares(cells)
    _, df, varied = _comparability(cells)
    answers = cells.n.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        pearson = answers * (share * (p - overall) ** 2).sum(axis=0) / (overall * (1 - overall))
        every = (cells.n > 0) & (cells.k == cells.n)
        none = (cells.n > 0) & (cells.k == 0)
        both = (cells.n > 0) & ~every & ~none
        total = np.where(cells.n > 0, cells.total, 1.0)
        # Linearised log odds. As in R a cell without answers adds nothing, which leaves the
        # logarithm of the other cell's share of the table.
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
    testable = varied & (trace > _ROUNDING * np.einsum("qgg->q", M))
    pearson, trace = (np.where(testable, x, np.nan) for x in (pearson, trace))
    return pearson, df, trace, np.einsum("qgh,qhg->q", effects, effects)


def _effective(cells: WeightedCells) -> SurveyTest:
    comparable, *_ = _comparability(cells)
    found, effective = compare_cells(cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        # No design effect where every case of the population is known.
        effect = np.where(np.isfinite(effective), cells.n.sum(axis=0) / effective, np.nan)
    df2 = np.where(np.isfinite(found.df2), found.df2, np.nan)
    untested = np.isnan(found.p_value) | ~comparable
    figures = (found.statistic, found.df, df2, found.p_value)
    statistic, df, df2, p_value = (np.where(untested, np.nan, x) for x in figures)
    return SurveyTest(statistic, df, df2, p_value, effect, comparable)


def _rao_scott_chi_square(cells: WeightedCells) -> SurveyTest:
    statistic, df, trace, _ = _rao_scott(cells)
    comparable, *_ = _comparability(cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = trace / df
        p_value = chi_square_sf(statistic / effect, df)
    df = np.where(np.isnan(statistic), np.nan, df)
    return SurveyTest(statistic, df, np.full(df.shape, np.nan), p_value, effect, comparable)


def _rao_scott_f(cells: WeightedCells) -> SurveyTest:
    pearson, df, trace, squares = _rao_scott(cells)
    comparable, *_ = _comparability(cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic, effect = pearson / trace, trace / df
        first = trace * trace / squares
    second = first * cells.df
    p_value = f_sf(statistic, first, second)
    untested = np.isnan(p_value)
    statistic, first, second = (np.where(untested, np.nan, x) for x in (statistic, first, second))
    return SurveyTest(statistic, first, second, p_value, effect, comparable)


def _wald(cells: WeightedCells, adjusted: bool) -> SurveyTest:
    """Test the differences of cells from their values under independence."""
    share, p, overall = _shares(cells)
    comparable, df, varied = _comparability(cells)
    overall = np.where(varied, overall, 0.0)
    # A sufficient answer deviates from expectation by 1 - p, another answer by -p.
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
    untested = np.isnan(p_value)
    statistic, df, second = (np.where(untested, np.nan, x) for x in (statistic, df, second))
    return SurveyTest(statistic, df, second, p_value, np.full(df.shape, np.nan), comparable)


def _wald_adjusted(cells: WeightedCells) -> SurveyTest:
    return _wald(cells, adjusted=True)


def _wald_plain(cells: WeightedCells) -> SurveyTest:
    return _wald(cells, adjusted=False)


SURVEY_TESTS.register("effective", _effective)
# The first alias of each of the others is its name in R's svychisq.
SURVEY_TESTS.register("rao-scott-f", _rao_scott_f, ["f", "rao-scott"])
SURVEY_TESTS.register("rao-scott-chi-square", _rao_scott_chi_square, ["chisq", "rao-scott-chisq"])
SURVEY_TESTS.register("adjusted-wald", _wald_adjusted, ["adjwald", "adj-wald", "wald-adjusted"])
SURVEY_TESTS.register("wald-f", _wald_plain, ["wald"])


def _difference(cells: WeightedCells, confidence: float) -> Effect:
    p = cells.percent / 100
    estimate = p[0] - p[1]
    # The formula gives a standard error of 0 where all answers of a group are alike, which
    # understates the uncertainty.
    se = np.where(np.isnan(_inside(p)).any(axis=0), np.nan, _se(cells, np.ones_like(p)))
    low, high = limits(estimate, se, confidence=confidence, df=cells.df)
    return estimate, np.maximum(low, -1.0), np.minimum(high, 1.0)


def effective_difference(cells: WeightedCells, confidence: float) -> Effect:
    """Estimate the difference of two groups with the limits that the effective test inverts to."""
    found, _ = compare_cells(cells, confidence)
    p = cells.percent / 100
    return p[0] - p[1], found.low, found.high


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
    """Replace proportions of 0 and 1, which have no usable standard error, by NaN."""
    return np.where((p > 0) & (p < 1), p, np.nan)


def _exponential(cells: WeightedCells, value: Floats, slope: Floats, confidence: float) -> Effect:
    """Compute a ratio with limits symmetric about its logarithm."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = value[0] / value[1]
        centre = np.where(np.isnan(slope).any(axis=0), np.nan, np.log(ratio))
    se = _se(cells, slope)
    low, high = limits(centre, se, confidence=confidence, df=cells.df)
    return ratio, np.exp(low), np.exp(high)


def _se(cells: WeightedCells, slope: Floats) -> Floats:
    """Compute the standard error of ``f(p[0]) - f(p[1])``.

    ``slope`` is the derivative of f at the two proportions, shape (2, questions).
    """
    p = cells.percent / 100
    with np.errstate(invalid="ignore", divide="ignore"):
        of_sufficient, of_others = slope * (1 - p) / cells.total, -slope * p / cells.total
    undefined = np.isnan(of_sufficient) | ~np.isfinite(of_others)
    v = cells.covariance(
        np.where(undefined, 0.0, of_sufficient), np.where(undefined, 0.0, of_others)
    )
    variance = v[:, 0, 0] + v[:, 1, 1] - 2 * v[:, 0, 1]
    return np.where(undefined.any(axis=0), np.nan, np.sqrt(np.maximum(variance, 0.0)))


EFFECTS: dict[str, Callable[[WeightedCells, float], Effect]] = {
    "difference": _difference,
    "risk_ratio": _risk_ratio,
    "odds_ratio": _odds_ratio,
}
"""Effects with their t limits (degrees of freedom of the design), each of shape (questions,).

Limits are NaN where a group's answers are all alike."""


class SurveyTotals:
    """Totals over some rows of a survey sample.

    Parameters
    ----------
    design : Design
        Design of the whole sample.
    rows : slice
        The rows to sum over; other rows add 0 but are part of the sample.
    """

    def __init__(self, design: Design, rows: slice) -> None:
        cluster = design.cluster[rows]
        of_row = design.stratum[cluster]
        self._order = np.lexsort((cluster, of_row))
        self._clusters, _ = _runs(cluster[self._order])
        of_cluster = of_row[self._order][self._clusters]
        self._strata, self._stratum = _runs(of_cluster)
        strata = of_cluster[self._strata]
        present = np.diff(np.append(self._strata, len(of_cluster)))
        drawn = np.bincount(design.stratum, minlength=len(design.fpc_scale))
        # Clusters without any of the rows have total 0 and deviate by the centre.
        self._absent = (drawn[strata] - present).astype(np.float64)
        self._fpc_scale, self._centring = design.fpc_scale[strata], design.centring[strata]
        self._averages = design.averages

    def covariance(self, made: Floats, expected: Floats, applied: Floats) -> Floats:
        """Compute the covariance of the totals of ``made - expected``.

        Parameters
        ----------
        made, expected : ndarray of float64, shape (totals, rows)
            Contributions of rows, as a difference of terms that are not negative.
        applied : ndarray of float64, shape (totals, rows)
            0 where a row does not enter a total.

        Returns
        -------
        ndarray of float64, shape (totals, totals)
            NaN in the rows and columns of totals that have rows in a single-PSU stratum whose
            variance is NaN. If the design averages, each total is scaled by the strata that it
            has rows in, and NaN only if none of them has a known variance.
        """
        if not len(self._clusters):
            return np.zeros((len(made), len(made)))
        z = self._cluster_sums(made - expected)
        centre = np.add.reduceat(z, self._strata, axis=1) * self._centring
        z -= centre[:, self._stratum]
        single = np.isnan(self._fpc_scale)
        fpc_scale = np.where(single, 0.0, self._fpc_scale)
        out: Floats = (z * fpc_scale[self._stratum]) @ z.T
        out = out + (centre * (fpc_scale * self._absent)) @ centre.T
        size = self._cluster_sums(made + expected)
        # Squared, because these are sums of squares of differences.
        constant = np.diagonal(out) <= _ROUNDING**2 * ((size * size) @ fpc_scale[self._stratum])
        # A total without variance has no covariance either; rounding may say otherwise.
        out[constant] = out[:, constant] = 0.0
        if single.any():
            in_stratum = np.add.reduceat(self._cluster_sums(applied), self._strata, axis=1) > 0
            if self._averages:
                factor = np.sqrt(average_factor(in_stratum.T, self._fpc_scale))
                out *= factor[:, np.newaxis] * factor
                return out
            unknown = in_stratum[:, single].any(axis=1)
            out[unknown] = out[:, unknown] = np.nan
        return out

    def _cluster_sums(self, values: Floats) -> Floats:
        return np.add.reduceat(values[:, self._order], self._clusters, axis=1)
