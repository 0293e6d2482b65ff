"""Groups of a survey compared on one question."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import DataError, Problem, shown
from omistats.kernel.designs import Lonely, Population, check_lonely, design_of
from omistats.kernel.rows import known_codes, weights
from omistats.kernel.significance import STARS, star_codes
from omistats.kernel.survey_cells import WeightedAnswers
from omistats.kernel.survey_tests import SURVEY_TESTS

__all__ = ["WeightedComparison", "compare_weighted"]

Floats = npt.NDArray[np.float64]


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
    >>> found = oms.compare_weighted(answers, ["f", "m"] * 4, cluster=list("aabbccdd"))
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
        How cases were drawn, as for `omistats.ratio`.
    population : float, mapping or array_like of shape (cases,), optional
        The number of clusters in each stratum's population, as for `omistats.ratio`.
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
        or missing weights, and what `omistats.ratio` refuses of a design.

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
    >>> found = oms.compare_weighted(answers, groups, cluster=teams, weight=[1, 2] * 5)
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
        problems.append(Problem("y", "answers of two kinds", shown(found[1]), hint))
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
