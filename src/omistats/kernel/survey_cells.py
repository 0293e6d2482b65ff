"""Weighted proportions of groups, many questions at once, and how far a design lets them stray.

What all breakdowns of one set of cases share is done once, by `WeightedAnswers`; its `cells` take
a breakdown, for all cases or part of them, and all questions together.

Everything follows from the weighted totals of the cells of a table, which are sufficient and not
sufficient answers of each group, and the covariance matrix of these totals. Cells share no
answer, so that differences of cells lose few digits where nearly all answers are alike.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.designs import Design

__all__ = ["WeightedAnswers", "WeightedCells"]

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
