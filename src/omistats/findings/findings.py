"""Findings: the table of percentages, intervals and tests, with its filters and views."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._result_tables import Display, TableResult, matching_rows
from omistats._series import check_same_index, is_pandas
from omistats.breakdowns.base import Breakdown, Contrast, group_problems, text_problems
from omistats.breakdowns.groups import GroupSpec
from omistats.counting.tally import Tally
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    format_value,
    format_values,
)
from omistats.findings.build import assemble
from omistats.findings.layout import blocks, comparison_starts, comparisons, unclassified, wide
from omistats.inference.families import LEVEL, Adjusted, Family, adjust_findings, describe_tests
from omistats.inference.options import FAMILIES, Inference, adjusted_column, check_inference
from omistats.inference.results import Results
from omistats.inference.unweighted import infer
from omistats.kernel.checks import as_numbers, impossible
from omistats.kernel.multiplicity import ADJUSTMENTS
from omistats.kernel.small_numbers import SmallNumbers
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL, Framework, Question
from omistats.model.metadata import is_synthetic
from omistats.model.survey_design import SampleDesign

if TYPE_CHECKING:
    from omistats.inference.change import Change

__all__ = ["Findings"]


@attrs.frozen(eq=False)
class _View:
    """What a view keeps of the findings that it was filtered from.

    Attributes
    ----------
    whole : Findings
        All of them.
    rows : ndarray of intp
        Places of the rows of the view.
    unselected : ndarray of intp
        Places of its rows before it was filtered by significance.
    selected : tuple of str
        What the filters by significance kept, in words.
    families : mapping of str to str
        The families of adjustments made after the findings.
    """

    whole: Findings
    rows: npt.NDArray[np.intp]
    unselected: npt.NDArray[np.intp]
    selected: tuple[str, ...] = ()
    families: Mapping[str, str] = attrs.field(factory=dict)


def _identity(table: pa.Table) -> pa.Table:
    return table


@attrs.frozen(eq=False, repr=False)
class Findings(TableResult):
    """Percentages, intervals and tests: one row a unit x breakdown x question x group.

    The columns are ``unit, breakdown, question, group`` (dictionary), ``k, n`` (int64,
    unweighted), ``percent`` (float64, 0-100, unrounded), ``printed`` (int8, rounded half
    up), ``low, high`` (percent), ``statistic, df, p_value`` (float64), ``stars``
    (dictionary), ``contrast, method, interval_method, confidence, reason``, ``expected``
    (the smallest expected count) and ``reliability``. Options of `Inference` and weights add
    columns: effects, adjusted ``p_...``, ``homogeneity_...``, ``se``, ``df2``,
    ``design_effect``.

    Test columns repeat on every row of a comparison. If no answer was applicable, ``percent,
    printed, low`` and ``high`` are null. If nothing could be tested, the test columns are null
    and ``reason`` says why; ``stars`` are ``--`` if every answer was the same.

    As text, findings show their first table. A line below says how many tests were made, how many
    have a p-value below 0.05, and how many chance alone would give (5% of the tests made); in a
    filtered view it counts the tests of the view, before any filter by significance. ``?`` marks
    comparisons with a row whose ``reliability`` is not ``ok``.

    Findings support the Arrow PyCapsule protocol: ``pa.table(findings)``.

    Attributes
    ----------
    inference : Inference
        The options they were computed with.
    tally : Tally
        The counts they were computed from, before any filter.
    table : pyarrow.Table
        The findings, built on first use.

    Examples
    --------
    >>> import omistats as oms
    >>> findings = oms.Findings.from_counts(
    ...     [[14, 9], [16, 17]],
    ...     [[20, 30], [20, 30]],
    ...     questions=["home_visit", "plan"],
    ...     groups=["A", "B"],
    ... )
    >>> findings
    Findings: 4 rows, 1 unit x groups
    <BLANKLINE>
    groups, unit all    A   N    B   N  stars
    home_visit        70%  20  30%  30     **
    plan              80%  20  57%  30     --
    2 tests; p below 0.05 in 1; chance alone would give fewer than 1
    >>> findings.breakdown("groups").unit("all").question("plan").table["k"].to_pylist()
    [16, 17]
    >>> findings.comparisons().select(["question", "method", "stars"]).to_pylist()[0]
    {'question': 'home_visit', 'method': 'pearson', 'stars': '**'}
    >>> findings.significant().wide().select(["A percent", "B n"]).to_pylist()
    [{'A percent': 70, 'B n': 30}]
    >>> findings.unclassified.to_pylist()
    [{'unit': 'all', 'breakdown': 'groups', 'unclassified': 0, 'excluded': 0}]
    """

    inference: Inference
    tally: Tally
    _build: Callable[[], pa.Table]
    _view: _View | None = None
    # Of weighted findings, what their changes are tested by; see `Results.spread`.
    _spread: Mapping[str, npt.NDArray[np.float64]] | None = None

    @classmethod
    def from_tally(
        cls, tally: Tally, inference: Inference, strata: Tally | None = None
    ) -> Findings:
        """Compute findings of the units of a tally.

        Parameters
        ----------
        tally : Tally
            The counts. `omistats.recompute` first adds the counts of all units together.
        inference : Inference
            Tests, intervals, effects and adjustments.
        strata : Tally, optional
            The same counts by unit, needed for tests within units (``'cmh'``).

        Returns
        -------
        Findings
            The numbers are computed at once, the table is built on first use.

        Raises
        ------
        UsageError
            When a test or an interval is for weighted cases only, a test within units has no
            counts by unit, or there is nothing to adjust.

        Examples
        --------
        >>> import omistats as oms
        >>> counts = oms.Findings.from_counts(
        ...     [14, 9], [20, 30], questions=["home_visit"], groups=["A", "B"]
        ... ).tally
        >>> exact = oms.Findings.from_tally(counts, oms.Inference(test="fisher"))
        >>> round(exact.table["p_value"][0].as_py(), 4)
        0.0089
        """
        return cls._from_results(infer(tally, inference, strata), tally, inference)

    @classmethod
    def from_sample(
        cls,
        cases: CaseSet,
        splits: Sequence[Breakdown],
        tally: Tally,
        drawn: SampleDesign,
        inference: Inference,
    ) -> Findings:
        """Compute findings of a weighted or clustered sample; `omistats.recompute` calls it.

        Parameters
        ----------
        cases : CaseSet
            The cases.
        splits : sequence of Breakdown
            The breakdowns of the tally, in its order.
        tally : Tally
            Unweighted counts of the units that are reported.
        drawn : SampleDesign
            The design of the sample; `omistats.recompute` makes it from ``weight``,
            ``stratum``, ``cluster`` and ``population``.
        inference : Inference
            A test and an interval for such samples, and other options.

        Returns
        -------
        Findings
            Percentages are weighted; ``k`` and ``n`` are not.

        Raises
        ------
        UnknownNameError
            When the test or the interval is not for such samples.

        Examples
        --------
        >>> import omistats as oms
        >>> framework = oms.Framework(
        ...     "demo", [oms.Question("plan", "Plan")], [oms.Stratum("gender", ("male", "female"))]
        ... )
        >>> answers = {"gender": ["male", "male", "female"], "plan": [True, False, True]}
        >>> cases = oms.CaseSet.from_data(
        ...     {"case_id": [1, 2, 3], "unit": ["A", "A", "A"], **answers}, framework=framework
        ... )
        >>> found = oms.recompute(cases, weight=[3, 1, 1], breakdowns=["gender"])
        >>> found.table.select(["group", "k", "n", "percent"]).to_pylist()[0]
        {'group': 'male', 'k': 1, 'n': 2, 'percent': 75.0}
        """
        from omistats.inference.weighted import infer_weighted

        results = infer_weighted(cases, splits, tally, drawn, inference)
        return cls._from_results(results, tally, inference)

    @classmethod
    def _from_results(cls, results: Results, tally: Tally, inference: Inference) -> Findings:
        build = partial(assemble, tally, attrs.evolve(results, spread=None), inference)
        return cls(inference, tally, build, spread=results.spread)

    @classmethod
    def from_counts(
        cls,
        k: npt.ArrayLike,
        n: npt.ArrayLike,
        *,
        questions: Sequence[str],
        groups: Sequence[str],
        breakdown: str = "groups",
        contrast: Contrast = "groups",
        inference: Inference | None = None,
    ) -> Findings:
        """Compute findings from published or hand-typed counts.

        Parameters
        ----------
        k, n : array_like of int, shape (questions, groups)
            Sufficient and applicable answers; one question may have one dimension. Rows and
            columns of a pandas data frame that have the names of questions and groups go by them.
        questions, groups : sequence of str
            Labels of the rows and columns.
        breakdown : str
            Name of the breakdown.
        contrast : {'groups', 'complement'}
            Comparison to test; the groups of a ``'complement'`` are ``(subset, 'all')``.
        inference : Inference, optional
            Options; by default those of `Inference`.

        Returns
        -------
        Findings
            Findings of the unit ``all``. A count of 0 of 0 has a null percentage.

        Raises
        ------
        DataError
            When counts are missing, negative, fractional, larger than ``n`` or of another
            shape, a subset exceeds its whole, groups or questions repeat, the breakdown
            is not text, or the contrast is unknown; every cell is listed.
        UsageError
            When counts are not numbers, two data frames have different rows or columns, or the
            inference needs more than counts.

        Examples
        --------
        >>> import omistats as oms
        >>> findings = oms.Findings.from_counts(
        ...     [[14, 9]], [[20, 30]], questions=["home_visit"], groups=["A", "B"]
        ... )
        >>> findings.table["stars"].to_pylist()
        ['**', '**']
        """
        counts = _tally_from_counts(
            k, n, questions=questions, groups=groups, breakdown=breakdown, contrast=contrast
        )
        chosen = Inference() if inference is None else inference
        _check_count_inference(chosen)
        return cls.from_tally(counts, chosen)

    @cached_property
    def table(self) -> pa.Table:
        """The findings as an Arrow table, built on first use."""
        return self._build()

    def compare(
        self,
        previous: Findings,
        *,
        adjust: str | None = "bh",
        questions: Mapping[str, str | None] | None = None,
        strict: bool = False,
    ) -> Change:
        """Compare findings with those of an earlier round.

        Parameters
        ----------
        previous : Findings
            Findings of an earlier round. No case may be in both rounds, because the test takes
            the rounds as independent; counts do not show whether one is.
        adjust : {'bh', 'holm', 'bonferroni'}, optional
            Adjustment of the p-values for the number of changes tested; None for none.
        questions : mapping of str to str or None, optional
            Earlier question ids and their ids in this round, for questions that were renamed; an
            earlier question mapped to None has no counterpart. Others are paired by their ids.
        strict : bool
            Whether to raise if a question has another label in the earlier round.

        Returns
        -------
        Change
            A row for every unit x breakdown x question x group of either round, with the change
            in percentage points, its interval and its test. Units, breakdowns, questions and
            groups of one round only, and questions whose label changed (case and spaces apart),
            have a null change and a ``reason``. Views are compared as parts of all findings:
            the same rows, with the same adjusted p-values.

        Raises
        ------
        UsageError
            When ``previous`` is not findings or is made from the same counts, one round is
            weighted and the other is not, a breakdown has another contrast in the earlier round,
            the rounds have no question in common, or a question would be paired twice.
        UnknownNameError
            When the adjustment or a question is unknown.
        DataError
            When ``strict`` and labels changed; every such question is listed.

        Notes
        -----
        Unweighted rounds are compared by the test and the method of differences of
        ``inference``, Pearson's test and Newcombe's interval by default; tests within units are
        replaced by Pearson's. Weighted or clustered rounds are compared on effective answers if
        these findings are: by the test of `omistats.stats.compare_weighted` for the cases of both
        rounds, their strata apart, and by the interval of the differences that it does not reject.
        Under other tests (Wald's, Rao and Scott's) changes have Wald's test and interval, from
        the standard errors, with t. Where all answers of a round are alike its standard error
        says nothing then, and test and interval are null.

        The family of the adjustment is every change tested in the two rounds; changes of all
        units together are a family of their own.

        References
        ----------
        Newcombe, R. G. (1998). Interval estimation for the difference between independent
        proportions: comparison of eleven methods. Statistics in Medicine 17, 873-890.
        doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

        Examples
        --------
        >>> import omistats as oms
        >>> rows = {"questions": ["home_visit"], "groups": ["A", "B"]}
        >>> before = oms.Findings.from_counts([12, 9], [30, 30], **rows)
        >>> now = oms.Findings.from_counts([14, 9], [20, 30], **rows)
        >>> now.compare(before).table.select(["group", "change", "stars"]).to_pylist()
        [{'group': 'A', 'change': 30.0, 'stars': '*'}, {'group': 'B', 'change': 0.0, 'stars': '--'}]
        """
        if not isinstance(previous, Findings):
            raise UsageError(
                f"expected Findings; found {type(previous).__name__}; pass the findings of the "
                "earlier round"
            )
        from omistats.findings.change import Round, compare_rounds

        now, before = (
            Round(f._whole.table, f.tally, f.inference, f._is_shown(), f._whole._spread)  # noqa: SLF001
            for f in (self, previous)
        )
        return compare_rounds(now, before, adjust=adjust, questions=questions, strict=strict)

    def significant(
        self, level: float = 0.05, adjusted: str | None = None, family: Family | None = None
    ) -> Findings:
        """Keep the comparisons whose p-value is below a level, with all their groups.

        Comparisons that could not be tested have no p-value and are dropped.

        Parameters
        ----------
        level : float
            Significance level, between 0 and 1.
        adjusted : {'bh', 'holm', 'bonferroni'}, optional
            Adjustment whose p-values are used; by default the unadjusted p-values.
        family : {'everything', 'breakdown', 'unit', 'table'}, optional
            Tests that are adjusted together, as in `Inference`. By default those of
            ``Inference(adjust=...)``, and without it everything that was tested, before any
            filter. All units together are always a family of their own.

        Returns
        -------
        Findings
            The rows of these comparisons, with the adjusted p-values (``p_bh``, ...). A filter
            never changes these: the family is that of the findings before any filter.
            `families` and the text form name it.

        Raises
        ------
        UsageError
            When the level is out of range, or a family is named without an adjustment.
        UnknownNameError
            When the adjustment or the family is unknown.

        Examples
        --------
        >>> import omistats as oms
        >>> findings = oms.Findings.from_counts(
        ...     [[14, 9], [16, 17]],
        ...     [[20, 30], [20, 30]],
        ...     questions=["home_visit", "plan"],
        ...     groups=["A", "B"],
        ... )
        >>> stands = findings.significant(adjusted="holm")
        >>> stands.wide()["question"].to_pylist(), stands.families
        (['home_visit'], {'holm': 'over all 2 tests of these findings'})
        >>> round(findings.question("plan").significant(0.1, "holm").table["p_holm"][0].as_py(), 3)
        0.088
        """
        if not isinstance(level, float | int | np.floating) or not 0 < level < 1:
            raise UsageError(f"`level` must be between 0 and 1; found {format_value(level)}")
        if adjusted is None:
            if family is not None:
                raise UsageError(
                    f"`family` needs an adjustment; found family={format_value(family)} and "
                    'adjusted=None. Pass adjusted="bh", or leave `family` out'
                )
            return self._significant(self, "p_value", level, {})
        name = ADJUSTMENTS.name(adjusted)
        if family is not None and family not in FAMILIES:
            raise UnknownNameError("family", family, FAMILIES)
        column = adjusted_column(name)
        if name in self.inference.adjust and family in (None, self.inference.family):
            return self._significant(self, column, level, {name: self.families[name]})
        default = self.inference.family if self.inference.adjust else "everything"
        found = _adjust_rows(self._whole, name, family or default)
        table, p_value = self.table, pa.array(found.p_value[self._rows], from_pandas=True)
        place = table.schema.get_field_index(column)
        table = (
            table.append_column(column, p_value)
            if place < 0
            else table.set_column(place, column, p_value)
        )
        with_column = attrs.evolve(self, build=partial(_identity, table))
        return self._significant(with_column, column, level, {name: found.family})

    def _significant(
        self, shown: Findings, column: str, level: float, families: Mapping[str, str]
    ) -> Findings:
        p_value = shown.table[column].to_numpy()
        with np.errstate(invalid="ignore"):
            kept = p_value < level
        view = self._as_view()
        how = "".join(f", adjusted {text}" for text in families.values())
        is_default = column == "p_value" and level == LEVEL
        selected = "" if is_default else f"kept {column} below {level:g}{how}"
        return shown._filter(
            kept,
            attrs.evolve(
                view,
                rows=view.rows[kept],
                selected=(*view.selected, selected),
                families={**view.families, **families},
            ),
        )

    @property
    def families(self) -> dict[str, str]:
        """The tests that were adjusted together: adjustments, each with its family in words."""
        asked = self.inference
        whole = self._whole
        found = {name: _adjust_rows(whole, name, asked.family).family for name in asked.adjust}
        return {**found, **(self._view.families if self._view else {})}

    @property
    def _whole(self) -> Findings:
        """The findings before any filter."""
        return self if self._view is None else self._view.whole

    @property
    def _rows(self) -> npt.NDArray[np.intp]:
        return self._as_view().rows

    def _as_view(self) -> _View:
        if self._view is not None:
            return self._view
        every = np.arange(self.table.num_rows)
        return _View(self, every, every)

    def _is_shown(self) -> npt.NDArray[np.bool_]:
        """Tell which rows of the whole are in this view."""
        shown = np.zeros(self._whole.table.num_rows, np.bool_)
        shown[self._rows] = True
        return shown

    def question(self, *ids: str) -> Findings:
        """Keep the rows of some questions.

        Parameters
        ----------
        *ids : str
            Question ids, at least one, in any order.

        Returns
        -------
        Findings
            The rows of these questions, in their order.

        Raises
        ------
        UnknownNameError
            When a question is not among the findings; similar ids are listed.
        UsageError
            When there is no id, or an id is not text.
        """
        return self._keep("question", ids, self.tally.questions)

    def breakdown(self, *keys: str) -> Findings:
        """Keep the rows of some breakdowns.

        Parameters
        ----------
        *keys : str
            Breakdown keys, at least one, in any order.

        Returns
        -------
        Findings
            The rows of these breakdowns, in their order.

        Raises
        ------
        UnknownNameError
            When a breakdown is not among the findings; similar keys are listed.
        UsageError
            When there is no key, or a key is not text.
        """
        return self._keep("breakdown", keys, [s.key for s in self.tally.splits])

    def unit(self, *ids: str) -> Findings:
        """Keep the rows of some units; ``'all'`` is all of them together.

        Parameters
        ----------
        *ids : str
            Unit ids, at least one, in any order.

        Returns
        -------
        Findings
            The rows of these units, in their order.

        Raises
        ------
        UnknownNameError
            When a unit is not among the findings; similar ids are listed.
        UsageError
            When there is no id, or an id is not text.
        """
        return self._keep("unit", ids, self.tally.units)

    def _keep(self, column: str, wanted: Sequence[str], known: Sequence[str]) -> Findings:
        view = self._as_view()
        kept = matching_rows(view.whole.table, column, wanted, known)
        mask = kept[view.rows]
        unselected = view.unselected[kept[view.unselected]]
        return self._filter(mask, attrs.evolve(view, rows=view.rows[mask], unselected=unselected))

    def _filter(self, mask: npt.NDArray[np.bool_], view: _View) -> Findings:
        table = self.table.filter(pa.array(mask))
        return attrs.evolve(self, build=partial(_identity, table), view=view)

    @property
    def unclassified(self) -> pa.Table:
        """Cases in no group: one row a unit x breakdown.

        ``unclassified`` counts the cases whose characteristic is unknown (they are part
        of ``all``), ``excluded`` the cases that the breakdown does not report.
        """
        return unclassified(self.tally)

    def comparisons(self) -> pa.Table:
        """List the tests: one row a comparison, without the figures of its groups.

        Returns
        -------
        pyarrow.Table
            ``unit, breakdown, question, contrast, statistic, df, p_value, stars, method,
            reason, expected``, then effects and adjusted p-values, if any. Figures are null
            where nothing could be tested, and ``reason`` says why.
        """
        return comparisons(self.table)

    def wide(self, breakdown: str | None = None) -> pa.Table:
        """Pivot the findings of one breakdown: one row a unit x question, as in print.

        Parameters
        ----------
        breakdown : str, optional
            The breakdown; not needed when there is only one.

        Returns
        -------
        pyarrow.Table
            ``unit, question``, then ``<group> percent`` (0-100, rounded half up, null where
            no answer was applicable), ``<group> n`` and, where cases can say so, ``<group> not
            answered`` for each group, then ``p_value, stars``.
            Without rows and without columns of groups if a filter left no row.

        Raises
        ------
        UsageError
            When there are several breakdowns and none is named.
        UnknownNameError
            When there is no such breakdown.
        """
        chosen = self if breakdown is None else self.breakdown(breakdown)
        keys = list(dict.fromkeys(chosen.table["breakdown"].to_pylist()))
        if len(keys) > 1:
            raise UsageError(
                f"breakdowns have different groups; name one of {', '.join(keys)}: "
                f'findings.wide("{keys[0]}")'
            )
        return wide(chosen.table)

    def _display(self) -> Display:
        labels = {q.id: q.label for q in self.tally.framework.questions}
        return _build_display(self.table, labels, self._notes())

    def _notes(self) -> list[str]:
        """List what the text form says of tests and small numbers."""
        view = self._as_view()
        whole = view.whole.table
        starts = comparison_starts(whole)
        p_value = np.asarray(whole["p_value"].to_numpy(), np.float64)
        total = int((~np.isnan(p_value[starts])).sum())
        counted = p_value[np.intersect1d(starts, view.unselected, assume_unique=True)]
        kept = len(np.intersect1d(starts, view.rows)) if view.selected else None
        notes = [describe_tests(counted, kept=kept, total=total), *filter(None, view.selected)]
        if not view.selected:
            families = self.families.items()
            notes += [f"{adjusted_column(name)}: adjusted {text}" for name, text in families]
        if marked := _small_numbers_note(self.table, self.inference.small_numbers):
            notes.append(marked)
        return notes


def _adjust_rows(findings: Findings, name: str, family: Family) -> Adjusted:
    """Adjust the p-values of all comparisons of unfiltered findings; one a row of the table."""
    table, tally = findings.table, findings.tally
    starts = comparison_starts(table)
    shape = (len(tally.units), len(tally.splits), len(tally.questions))
    p_value = np.asarray(table["p_value"].to_numpy(), np.float64)[starts].reshape(shape)
    found = adjust_findings(p_value, tally.units, name, family)
    widths = np.diff(np.append(starts, table.num_rows))
    return attrs.evolve(found, p_value=np.repeat(found.p_value.ravel(), widths))


def _by_names(counts: Any, questions: Sequence[str], groups: Sequence[str]) -> Any:
    """Put the rows and columns of a pandas data frame in the order of the names that they have."""
    if not is_pandas(counts):
        return counts
    names = [groups] if counts.ndim == 1 else [questions, groups]
    for axis, wanted in enumerate(names):
        labels = list(counts.axes[axis])
        if sorted(map(str, labels)) == sorted(map(str, wanted)) and labels != list(wanted):
            counts = counts.reindex(list(wanted), axis=axis)
    return counts


def _tally_from_counts(
    k: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    questions: Sequence[str],
    groups: Sequence[str],
    breakdown: str,
    contrast: Contrast,
) -> Tally:
    """Check counts and make a tally from them; see `Findings.from_counts`."""
    check_same_index(k=k, n=n)
    problems = group_problems("groups", groups, contrast)
    problems += text_problems("questions", "questions", questions)
    if not problems:
        k, n = (_by_names(v, questions, groups) for v in (k, n))
    kk, nn = as_numbers(k, "k"), as_numbers(n, "n")
    if not isinstance(breakdown, str):
        rule, found = "a breakdown is named in text", format_value(breakdown)
        problems.append(Problem("breakdown", rule, found, 'Write breakdown="...".'))
    if not problems and len(set(questions)) < len(questions):
        rule = "a question is listed once"
        problems.append(
            Problem("questions", rule, format_values(questions), "Remove the repetition.")
        )
    if problems:
        raise DataError(problems)
    shape = (len(questions), len(groups))
    if shape[0] == 1 and kk.ndim == 1 and nn.ndim == 1:
        kk, nn = kk[np.newaxis], nn[np.newaxis]
    problems = [
        Problem(
            name,
            f"expected {shape[0]} questions x {shape[1]} groups",
            f"shape {a.shape}",
            "Lay the counts out one row a question, one column a group.",
        )
        for name, a in (("k", kk), ("n", nn))
        if a.shape != shape
    ]
    if not problems:
        problems = _cell_problems(kk, nn, questions, groups, contrast)
    if problems:
        raise DataError(problems)
    framework = Framework("counts", [Question(q, q) for q in questions])
    ki, ni = (np.swapaxes(a.astype(np.int64), 0, 1)[np.newaxis] for a in (kk, nn))
    no_answers = np.zeros((1, 1, len(questions)), np.int64)
    no_cases = np.zeros((1, 1), np.int64)
    return Tally(
        framework=framework,
        units=(ALL,),
        splits=(GroupSpec(breakdown, tuple(groups), contrast),),
        questions=tuple(questions),
        k=ki,
        n=ni,
        unknown_k=no_answers,
        unknown_n=no_answers,
        # Counts of answers do not tell the number of cases; it is at least this.
        cases=ni.max(axis=2, initial=0),
        unclassified=no_cases,
        excluded=no_cases,
    )


def _cell_problems(
    k: npt.NDArray[np.float64],
    n: npt.NDArray[np.float64],
    questions: Sequence[str],
    groups: Sequence[str],
    contrast: Contrast,
) -> list[Problem]:
    bad = impossible(k, n) | np.isnan(k) | np.isnan(n)
    problems = [
        Problem(
            f"{questions[q]}, {groups[g]}",
            "counts are whole, with 0 <= k <= n <= 2**53",
            f"k = {k[q, g]:g}, n = {n[q, g]:g}",
            "Correct the count; write 0 of 0 for a blank.",
        )
        for q, g in np.argwhere(bad).tolist()
    ]
    if contrast == "complement" and not problems:
        outside = (k[:, 1] < k[:, 0]) | (n[:, 1] - k[:, 1] < n[:, 0] - k[:, 0])
        problems = [
            Problem(
                questions[q],
                "the subset is part of all cases",
                f"{k[q, 0]:g} of {n[q, 0]:g} within {k[q, 1]:g} of {n[q, 1]:g}",
                "Check the counts, or compare separate groups.",
            )
            for q in np.flatnonzero(outside).tolist()
        ]
    return problems


def _check_count_inference(inference: Inference) -> None:
    """Check that an inference needs no more than counts by group."""
    check_inference(inference)
    if inference.complement == "known":
        raise UsageError(
            "counts typed by hand do not say which cases are unclassified; "
            "leave complement='known' out, or compare separate groups"
        )


_DISPLAYED_ROWS = 8


def _build_display(
    table: pa.Table, labels: Mapping[str, str], notes: Sequence[str], rows: int = _DISPLAYED_ROWS
) -> Display:
    tables = blocks(table)
    made_up = is_synthetic(table.schema.metadata)
    head = f"Findings{' from SYNTHETIC cases' * made_up}: {table.num_rows:,} rows"
    if not tables:
        return Display([head, *notes])
    units = dict.fromkeys(unit for unit, _, _ in tables)
    breakdowns = dict.fromkeys(b for _, b, _ in tables)
    head += f", {len(units)} unit{'s' * (len(units) > 1)} x {', '.join(breakdowns)}"
    unit, breakdown, first = tables[0]
    pivoted = wide(first)
    groups = [n.removesuffix(" percent") for n in pivoted.column_names if n.endswith(" percent")]
    thin = {
        question
        for question, reliability in zip(
            first["question"].to_pylist(), first["reliability"].to_pylist(), strict=True
        )
        if reliability not in _RELIABLE
    }
    shown = pivoted.slice(0, rows).to_pylist()
    marked = any(row["question"] in thin for row in shown)
    titles = [f"{breakdown}, unit {unit}", *(g for g in groups for g in (g, "N")), "stars"]
    lines = [[*titles, *([""] * marked)]]
    for row in shown:
        line = [labels.get(row["question"], row["question"])]
        for group in groups:
            percent = row[f"{group} percent"]
            n = row[f"{group} n"]
            line += ["" if percent is None else f"{percent}%", "" if n is None else f"{n:,}"]
        line.append(row["stars"] or "")
        lines.append([*line, *(["?" if row["question"] in thin else ""] * marked)])
    more = {"question": max(pivoted.num_rows - rows, 0), "table": len(tables) - 1}
    hidden = [f"{n} more {word}{'s' * (n > 1)}" for word, n in more.items() if n]
    where = "; all rows, intervals and p-values are in .table"
    footer = [f"... and {', '.join(hidden)}{where}"] if hidden else []
    if missing := sum(first["not_answered"].to_pylist()) if _has_missing(first) else 0:
        footer.append(f"not answered, in this table: {missing:,}; see the column not_answered")
    return Display(head, lines, [*footer, *notes])


def _has_missing(table: pa.Table) -> bool:
    """Tell whether a table says how many questions were not answered, and none is suppressed."""
    return "not_answered" in table.column_names and not table["not_answered"].null_count


# A row without answers has no reliability.
_RELIABLE = (None, "ok")


def _small_numbers_note(table: pa.Table, policy: SmallNumbers) -> str:
    """Explain the mark of small numbers and count the rows that have it; empty for none."""
    counts = Counter(r for r in table["reliability"].to_pylist() if r not in _RELIABLE)
    if not counts:
        return ""
    meaning = {
        "small expected count": f"a cell expects fewer than {policy.flag_expected or 0:g} answers",
        "few effective cases": f"weights leave fewer than {policy.flag_effective or 0:g} cases"
        + f", or a cell expects fewer than {policy.flag_expected or 0:g} of them"
        * (policy.flag_expected is not None),
        "few cases": f"fewer than {policy.flag_below} answers",
        "suppressed": f"fewer than {policy.suppress_below} answers",
    }
    listed = "; ".join(f"{text} ({meaning[text]}): {n:,}" for text, n in counts.items())
    rows = counts.total()
    return f"? small numbers in {rows:,} of {table.num_rows:,} rows: {listed}"
