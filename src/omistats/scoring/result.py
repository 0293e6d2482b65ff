"""Hold the table of scores, with its views and comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._result_tables import Display, TableResult, matching_rows
from omistats.errors import UsageError
from omistats.inference.change import Change
from omistats.model.framework import ALL, Framework
from omistats.model.metadata import is_synthetic
from omistats.scoring.build import is_thin, thin_note
from omistats.scoring.change import ScoredRound, View, compare_scored_rounds
from omistats.scoring.finite_population import read_fpc_metadata
from omistats.scoring.unit_comparison import (
    Inflation,
    UnitComparison,
    by_unit,
    compare_units,
    ranges,
)
from omistats.scoring.weaknesses import (
    Adjustment,
    Family,
    Level,
    ScoringContext,
    Weaknesses,
    find_weaknesses,
)

__all__ = ["Scores"]

# Rows that the text form shows.
_ROWS = 24


Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False, repr=False)
class Scores(TableResult):
    """Scores with standard errors: one row a unit x breakdown x item x group.

    The columns are ``unit, breakdown, group, level, item`` (dictionary), ``k, n`` (int64:
    sufficient and applicable answers), ``percent, se, low, high`` (percent),
    ``design_effect``, ``difference, difference_low, difference_high`` (first group less
    second, in percentage points), ``statistic, df, df2, p_value, stars, contrast, method,
    interval_method, rule, confidence``, ``questions`` and ``invented`` (how many feed the
    item), ``provenance`` (the weakest of their sources), ``reason``, ``reliability`` (``ok``,
    ``too few cases to tell``, ``one case only``, ``one cluster only``), and what intervals and
    tests on effective answers go by: ``cases`` (with an applicable answer; clusters, where they
    were drawn), ``effective_n`` (effective answers; infinite where every case is known) and
    ``effective_df`` (of t; null where the spread is a bound). Limits of a difference belong to
    its test, except where cases are permuted: then they are those on effective answers. ``se``
    and ``design_effect`` are linearised, whatever the interval. ``breakdown`` and ``group`` are
    null for the score of all cases of a unit. What cannot be computed is null, and ``reason``
    says why; thin rows are marked with ``?`` in the text. Under a complement the difference and
    the test are of the subset and the cases outside it.

    Scores support the Arrow PyCapsule protocol: ``pa.table(scores)``.

    Attributes
    ----------
    table : pyarrow.Table
        The scores.
    framework : Framework
        The framework of the items.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.scores(oms.omi2.load_synthetic(), by="unit", breakdowns=["gender"])
    >>> found.level("section").item("3").unit("U01", "all").breakdown("gender")
    Scores from SYNTHETIC cases: 4 rows, rule pooled, 95% intervals
    <BLANKLINE>
    unit, group         score                        percent   interval       n  stars
    U01, gender male    3 Outcomes reached and kept     60.8  56.5-64.9     622     --
    U01, gender female  3 Outcomes reached and kept     73.4  59.5-83.8      79     --
    all, gender male    3 Outcomes reached and kept     56.2  55.2-57.2  12,319    ***
    all, gender female  3 Outcomes reached and kept     63.4  60.7-66.1   1,586    ***

    The scores of all cases, without groups: over units, unit by unit, one item, one unit.

    >>> whole = found.breakdown()
    >>> whole.item("3").ranges().select(["lowest_unit", "highest_unit"]).to_pylist()
    [{'lowest_unit': 'U10', 'highest_unit': 'U12'}]
    >>> whole.level("headline").by_unit().column_names
    ['unit', 'order', 'risk_of_harm', 'reoffending', 'compliance']
    >>> whole.units("3").table.num_rows
    15
    >>> whole.weaknesses("U01").credible()["item"].to_pylist()
    ['2.2', '1.2', '2.1']
    """

    table: pa.Table
    framework: Framework
    # The table has no standard errors of units pooled in other ways, which weaknesses need.
    _context: ScoringContext | None = None
    # All scores, which views are parts of, with what changes are tested by.
    _whole: ScoredRound | None = None

    def compare(
        self,
        previous: Scores,
        *,
        adjust: str | None = "bh",
        items: Mapping[str, str | None] | None = None,
        questions: Mapping[str, str | None] | None = None,
        strict: bool = False,
    ) -> Change:
        """Compare scores with those of an earlier round.

        Parameters
        ----------
        previous : Scores
            Scores of an earlier round, made by the same rule, test and confidence. No case may be
            in both rounds, because the test takes the rounds as independent. Scores made with
            ``test='permutation'`` are compared on effective answers.
        adjust : {'bh', 'holm', 'bonferroni'}, optional
            Adjustment of the p-values for the number of changes tested; None for none.
        items : mapping of str to str or None, optional
            Earlier item ids and their ids in this round, for items that were renamed or mean the
            same in spite of other questions; an earlier item mapped to None has no counterpart.
            Others are paired by their ids.
        questions : mapping of str to str or None, optional
            The same for the questions that make up the items. Others are paired by their ids, and
            must have the same label.
        strict : bool
            Whether to raise if an item has another label or other questions in the earlier round.

        Returns
        -------
        Change
            A row for every unit, breakdown, group and item of either round, with the change in
            percentage points, its interval and its test. Units, breakdowns, items and groups of
            one round only, and items whose label or questions changed (case and spaces apart),
            have a null change and a ``reason``. ``expected`` is the smallest expected number of
            effective answers; ``reliability`` is as in the scores, of both rounds. Views are
            compared as parts of all scores: the same rows, with the same adjusted p-values.

        Raises
        ------
        UsageError
            When ``previous`` is not scores or the same scores, the rounds were scored by different
            rules, one is weighted and the other is not, they have no item in common, or an item
            or a question would be paired twice.
        UnknownNameError
            When the adjustment, an item or a question is unknown.
        DataError
            When ``strict`` and items changed; every such item is listed.

        Notes
        -----
        The test is the one the scores were made with; cases are not permuted over rounds, and
        scores with ``test='permutation'`` are compared on effective answers. There the test is
        Pearson's for the effective answers of both rounds, corrected (Yates) where fewer than 5
        are expected, with t, and the interval holds the differences that it does not reject.
        Wald's is by the standard errors, ``(p1 - p0) / sqrt(s1^2 + s0^2)``: with t and
        Satterthwaite's degrees of freedom where the scores are, else normal.

        The family of the adjustment is every change tested in the two rounds; changes of all
        units together are a family of their own.

        References
        ----------
        Rao, J. N. K. and Scott, A. J. (1992). A simple method for the analysis of clustered
        binary data. Biometrics 48, 577-585. Mee, R. W. (1984). Confidence bounds for the
        difference between two probabilities. Biometrics 40, 1175-1176.

        Examples
        --------
        >>> import omistats as oms
        >>> before, now = (
        ...     oms.scores(oms.omi2.simulate(units=3, seed=seed), by="unit", items=["3"])
        ...     for seed in (1, 2)
        ... )
        >>> change = now.compare(before)
        >>> change.table.select(["unit", "item", "method"]).to_pylist()[0]
        {'unit': 'S01', 'item': '3', 'method': 'pearson-effective'}
        """
        if not isinstance(previous, Scores):
            raise UsageError(
                f"expected Scores; found {type(previous).__name__}; pass the scores of the "
                "earlier round"
            )
        views = []
        for given in (self, previous):
            if given._whole is None:  # noqa: SLF001
                raise UsageError(
                    "scores are compared by sums over their cases, which a bare table lacks; "
                    "make them by omistats.scores"
                )
            views.append(View(given._whole, given.table, given.framework))  # noqa: SLF001
        return compare_scored_rounds(
            *views, adjust=adjust, items=items, questions=questions, strict=strict
        )

    def ranges(self) -> pa.Table:
        """Find the range of each item's score over units.

        Returns
        -------
        pyarrow.Table
            ``level, item, percent, low, high`` (score of all units and its interval), ``lowest,
            lowest_unit, highest, highest_unit``. Percentages
            are 0-100. Of units that tie, the first is named. Figures are null where nothing was
            applicable.

        Raises
        ------
        UsageError
            When the scores were not made by unit, or units or ``all`` were filtered out.
        """
        return ranges(self.table)

    def by_unit(self, order: Mapping[str, Any] | None = None) -> pa.Table:
        """Make a table with a row a unit and a column an item.

        Parameters
        ----------
        order : mapping of str to anything that can be sorted, optional
            Values to sort the units by, such as dates of fieldwork; units without one (null,
            NaN, NaT) come last, as declared.

        Returns
        -------
        pyarrow.Table
            ``unit, order``, then a column of percentages for each item, named by its id,
            null where nothing applied. There is no row of all units together, which have no
            place in the order: `ranges` has their scores.

        Raises
        ------
        UsageError
            When the scores were not made by unit, or ``order`` names unknown units or has
            values that cannot be compared.
        """
        return by_unit(self.table, order)

    def units(
        self,
        item: str,
        *,
        baseline: float | None = None,
        scale: Literal["normal", "arcsine"] = "normal",
        overdispersion: Inflation = "none",
        threshold: float | None = None,
        order: Mapping[str, Any] | None = None,
        draws: int = 10_000,
        seed: int = 0,
    ) -> UnitComparison:
        """Compare units with each other on one score.

        Parameters
        ----------
        item : str
            Id of a criterion, a section or a headline element.
        baseline : float, optional
            Centre of the funnel in percent, from 1 to below 100; the score of all units
            together by default.
        scale : {'normal', 'arcsine'}
            Scale of the funnel and of z.
        overdispersion : {'none', 'multiplicative', 'additive'}
            Allowance that widens the limits; both are reported.
        threshold : float, optional
            Percentage from 1 to below 100; units below it are flagged.
        order : mapping of str to anything that can be sorted, optional
            Values to sort the units by, such as dates of fieldwork; units without one (null,
            NaN, NaT) come last, as declared.
        draws, seed : int
            Number of draws of the simulation of ranks, from 2, and its seed, from 0.

        Returns
        -------
        UnitComparison
            A row a unit, with ranks, the limits of the funnel and the units outside them.

        Raises
        ------
        UnknownNameError
            When the item is not among the scores, or another word is unknown.
        UsageError
            When the scores were not made by unit or are not pooled, units or ``all`` were
            filtered out, or an option is out of range. The first problem is raised.

        Notes
        -----
        ``z = (p - p0) / s`` with ``s^2`` multiplied by one pooled within-unit design effect,
        since answers of a case are correlated. See `omistats.kernel.funnel` for formulas.

        Where the scores were made with ``test='permutation'``, the p-values of pairs and the joint
        ranges that follow from them are of permuted cases; nothing else is.

        Where the scores were made with ``population``, standard errors, intervals, ranks,
        pairs and heterogeneity have the finite population correction: they are about those
        caseloads, and leave no doubt about a caseload that was sampled whole (there is no
        heterogeneity test then). The funnel asks another question, whether chance alone in how
        cases turn out could bring a unit this far from the baseline. Its design effect is
        without the correction, so that its limits do not narrow as more of a caseload is
        sampled.

        References
        ----------
        Spiegelhalter, D. J. (2005). Funnel plots for comparing institutional performance.
        Statistics in Medicine 24, 1185-1202. Goldstein, H. and Spiegelhalter, D. J. (1996).
        League tables and their limitations. JRSS A 159, 385-443 (ranks).
        """
        return compare_units(
            self.table,
            item,
            baseline=baseline,
            scale=scale,
            overdispersion=overdispersion,
            threshold=threshold,
            order=order,
            draws=draws,
            seed=seed,
            pair_tests=self._pair_tests(item),
            crossed=self._context is not None and self._context.is_crossed,
        )

    def _pair_tests(self, item: str) -> Callable[[Sequence[str]], Floats] | None:
        """Return a function that tests all pairs of units by permutation, where scores do."""
        context = self._context
        if context is None or context.permuted is None or item not in context.items:
            return None
        permuted, place = context.permuted, context.items.index(item)

        def tests(units: Sequence[str]) -> Floats:
            return permuted.pairs(place, [context.units.index(unit) for unit in units])

        return tests

    def weaknesses(
        self,
        unit: str | None = None,
        *,
        level: Level | None = None,
        confidence: float = 0.95,
        adjust: Adjustment = "holm",
        family: Family = "unit",
        others: Iterable[str] | None = None,
        items: Iterable[str] | None = None,
    ) -> Weaknesses:
        """Find the items where a unit is credibly below the rest.

        Parameters
        ----------
        unit : str, optional
            One unit; by default each unit of this view in turn.
        level : {'criterion', 'section', 'headline'}, optional
            Level of the items to compare; by default the first of these that the scores have.
        confidence : float
            Confidence of intervals, and of the claim that a unit is below; between 0 and 1.
        adjust : {'holm', 'bonferroni', 'bh', 'none'}
            Adjustment of p-values for the number of items.
        family : {'unit', 'all'}
            Tests that p-values are adjusted for together: all items of the level that were
            scored, of each unit by itself or of all units. Filters of this view choose what is
            shown and do not change the family.
        others : iterable of str, optional
            The units that make up the rest, without the unit itself; by default all the
            others that were scored, also those filtered out of this view.
        items : iterable of str, optional
            A smaller family, by the ids of its items, chosen before the figures were seen; the
            column ``family`` then says so.

        Returns
        -------
        Weaknesses
            A row a unit and item, in the order of the scores. A unit of one case, without an
            answer or without other units has nulls and a ``reason``.

        Raises
        ------
        UnknownNameError
            When a unit, the level or another word is unknown.
        UsageError
            When the scores were not made by unit, were read from a file, are a view of groups
            only, or an option is out of range. The first problem is raised.

        See Also
        --------
        Scores.units : Compare units on one score, with ranks and funnel limits.

        Notes
        -----
        The rest is the other units pooled under the same scoring rule. The test is the one the
        scores were made with. On effective answers it is Pearson's, and no unit is below by
        having few cases. Wald's takes the standard error of the rest, linearised about the score
        of the rest; where units are strata the variance of the difference is the sum of both
        variances; where a stratum or cluster reaches across units their covariance counts. It is
        by the normal distribution or, under ``df='design'``, by t with the degrees of freedom of
        the cases compared.
        """
        given = self.table, self._context, unit
        return find_weaknesses(*given, level, confidence, adjust, family, others, items)

    def level(self, *levels: str) -> Self:
        """Keep criteria, sections or headline elements.

        Parameters
        ----------
        *levels : str
            ``'criterion'``, ``'section'``, ``'headline'``; one or more.

        Returns
        -------
        Scores
            The rows of these levels, in the order they had.

        Raises
        ------
        UsageError
            When none is named, or a name is no text.
        UnknownNameError
            When there is no such level among the scores.
        """
        return self._keep("level", levels)

    def item(self, *ids: str) -> Self:
        """Keep some items.

        Parameters
        ----------
        *ids : str
            Ids of criteria, sections or headline elements; one or more.

        Returns
        -------
        Scores
            The rows of these items, in the order they had.

        Raises
        ------
        UsageError
            When none is named, or a name is no text.
        UnknownNameError
            When an item is not among the scores; near ones are listed.
        """
        return self._keep("item", ids)

    def unit(self, *ids: str) -> Self:
        """Keep some units; ``'all'`` is all of them together.

        Parameters
        ----------
        *ids : str
            Ids of units; one or more.

        Returns
        -------
        Scores
            The rows of these units, in the order they had.

        Raises
        ------
        UsageError
            When none is named, or a name is no text.
        UnknownNameError
            When a unit is not among the scores.
        """
        return self._keep("unit", ids)

    def breakdown(self, *keys: str) -> Self:
        """Keep the groups of some breakdowns; without a name, the scores of all cases.

        Parameters
        ----------
        *keys : str
            Names of breakdowns; none for the scores of all cases.

        Returns
        -------
        Scores
            The rows of these groups, in the order they had.

        Raises
        ------
        UsageError
            When a name is no text.
        UnknownNameError
            When a breakdown is not among the scores.
        """
        if keys:
            return self._keep("breakdown", keys)
        return attrs.evolve(self, table=self.table.filter(self.table["breakdown"].is_null()))

    def _keep(self, column: str, wanted: Sequence[str]) -> Self:
        mask = matching_rows(self.table, column, wanted)
        return attrs.evolve(self, table=self.table.filter(pa.array(mask)))

    def _display(self) -> Display:
        rows = self.table.slice(0, _ROWS).to_pylist()
        head = f"Scores{' from SYNTHETIC cases' * is_synthetic(self.table.schema.metadata)}: "
        head += f"{self.table.num_rows:,} rows"
        if rows:
            head += f", rule {rows[0]['rule']}, {100 * rows[0]['confidence']:g}% intervals"
        if read_fpc_metadata(self.table) is not None:
            head += ", errors corrected for caseloads"
        labels = {item.id: item.label for item in self.framework.items}
        lines = [["unit, group", "score", "percent", "interval", "n", "stars"]]
        for row in rows:
            where = row["unit"]
            if row["group"] is not None:
                where += f", {row['breakdown'].replace('_', ' ')} {row['group']}"
            percent = "" if row["percent"] is None else f"{row['percent']:.1f}"
            limits = "" if row["low"] is None else f"{row['low']:.1f}-{row['high']:.1f}"
            what = f"{row['item']} {labels.get(row['item'], '')}".strip()
            if row["level"] == "headline":
                what = labels.get(row["item"], row["item"])
            note = " (invented questions in it)" if row["provenance"] == "invented" else ""
            # The test of a complement is of the subset; stars beside all cases would mislead.
            is_all = row["contrast"] not in (None, "groups") and row["group"] == ALL
            stars = "" if is_all else row["stars"] or ""
            stars += "?" * is_thin(row["reliability"])
            lines.append([where, what + note, percent, limits, f"{row['n']:,}", stars])
        more = self.table.num_rows - _ROWS
        notes = [f"... and {more:,} more rows in .table"] * (more > 0)
        if any(row.get("not_answered") for row in rows):
            counted = self.framework.counts_not_answered
            policy = "counts as not sufficient" if counted else "is left out of n"
            notes.insert(0, f"what was not answered {policy}; see the column not_answered")
        if thin := thin_note(row["reliability"] for row in rows):
            notes.insert(0, thin)
        return Display(head, lines, notes, labels=2)
