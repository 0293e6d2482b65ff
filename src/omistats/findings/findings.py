"""Findings: constructors, filters, views, repr."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats._result_tables import Display, TableResult, matching_rows
from omistats.breakdowns.base import Breakdown, Contrast, group_problems, text_problems
from omistats.breakdowns.groups import GroupSpec
from omistats.counting.tally import Tally
from omistats.errors import (
    DataError,
    Problem,
    UsageError,
    format_value,
    format_values,
)
from omistats.findings.build import assemble
from omistats.findings.layout import (
    blocks,
    compare_with_previous,
    comparisons,
    require_comparable,
    unclassified,
    wide,
)
from omistats.inference.options import Inference, check_inference
from omistats.inference.results import Results, column_of
from omistats.inference.unweighted import infer
from omistats.inference.weighted import infer_weighted
from omistats.kernel.checks import as_numbers, impossible
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL, Framework, Question
from omistats.model.metadata import is_synthetic
from omistats.model.survey_design import SampleDesign

__all__ = [
    "Findings",
    "require_plain",
    "tally_from_counts",
]


def tally_from_counts(
    k: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    questions: Sequence[str],
    groups: Sequence[str],
    breakdown: str,
    contrast: Contrast,
) -> Tally:
    """Check counts and make a tally of them; see `Findings.from_counts`."""
    kk, nn = as_numbers(k, "k"), as_numbers(n, "n")
    problems = group_problems("groups", groups, contrast)
    problems += text_problems("questions", "questions", questions)
    if not isinstance(breakdown, str):
        rule, found = "a breakdown is named in text", format_value(breakdown)
        problems.append(Problem("breakdown", rule, found, 'Write breakdown="...".'))
    if not problems and len(set(questions)) < len(questions):
        rule = "a question stands once"
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
        problems = _cells(kk, nn, questions, groups, contrast)
    if problems:
        raise DataError(problems)
    framework = Framework("counts", [Question(q, q) for q in questions])
    ki, ni = (np.swapaxes(a.astype(np.int64), 0, 1)[np.newaxis] for a in (kk, nn))
    zero = np.zeros((1, 1, len(questions)), np.int64)
    none = np.zeros((1, 1), np.int64)
    return Tally(
        framework=framework,
        units=(ALL,),
        splits=(GroupSpec(breakdown, tuple(groups), contrast),),
        questions=tuple(questions),
        k=ki,
        n=ni,
        unknown_k=zero,
        unknown_n=zero,
        # How many cases stood behind the answers is not known from counts of answers.
        cases=ni.max(axis=2, initial=0),
        unclassified=none,
        excluded=none,
    )


def _cells(
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


def require_plain(inference: Inference) -> None:
    """Refuse an inference that needs to know which cases are unclassified."""
    check_inference(inference)
    if inference.complement == "known":
        raise UsageError(
            "counts typed by hand do not say which cases are unclassified; "
            "leave complement='known' out, or compare separate groups"
        )


_ROWS = 8


def _shown(table: pa.Table, labels: Mapping[str, str], rows: int = _ROWS) -> Display:
    cut = blocks(table)
    made_up = is_synthetic(table.schema.metadata)
    head = f"Findings{' from SYNTHETIC cases' * made_up}: {table.num_rows:,} rows"
    if not cut:
        return Display(head)
    units = dict.fromkeys(unit for unit, _, _ in cut)
    breakdowns = dict.fromkeys(b for _, b, _ in cut)
    head += f", {len(units)} unit{'s' * (len(units) > 1)} x {', '.join(breakdowns)}"
    unit, breakdown, first = cut[0]
    laid = wide(first)
    groups = [n.removesuffix(" percent") for n in laid.column_names if n.endswith(" percent")]
    lines = [[f"{breakdown}, unit {unit}", *(g for g in groups for g in (g, "N")), "stars"]]
    for row in laid.slice(0, rows).to_pylist():
        line = [labels.get(row["question"], row["question"])]
        for group in groups:
            percent = row[f"{group} percent"]
            n = row[f"{group} n"]
            line += ["" if percent is None else f"{percent}%", "" if n is None else f"{n:,}"]
        lines.append([*line, row["stars"] or ""])
    more = {"question": max(laid.num_rows - rows, 0), "table": len(cut) - 1}
    left = [f"{n} more {word}{'s' * (n > 1)}" for word, n in more.items() if n]
    whole = "; all rows, intervals and p-values are in .table"
    return Display(head, lines, f"... and {', '.join(left)}{whole}" if left else "")


@attrs.frozen(eq=False, repr=False)
class Findings(TableResult):
    """Percentages, intervals and tests: one row a unit x breakdown x question x group.

    The columns are ``unit, breakdown, question, group`` (dictionary), ``k, n`` (int64,
    unweighted), ``percent`` (float64, 0-100, unrounded), ``printed`` (int8, rounded half
    up), ``low, high`` (percent), ``statistic, df, p_value`` (float64), ``stars``
    (dictionary), ``contrast, method, interval_method, confidence, reason``, ``expected``
    (the smallest expected count), ``reliability``, then what `Inference` or a design asks for
    (effects, adjusted ``p_...``, ``homogeneity_...``, ``se``, ``df2``, ``design_effect``). Test
    columns repeat on every row of a comparison. Where nothing was applicable ``percent`` and its
    kin are null; where nothing could be tested the test columns are, and ``reason`` says
    why; ``stars`` are ``--`` where every answer was the same, so that nothing could differ.

    Findings speak the Arrow PyCapsule protocol: ``pa.table(findings)``.

    Attributes
    ----------
    inference : Inference
        How they were computed.
    tally : Tally
        The counts they were computed from, before any filter.
    table : pyarrow.Table
        The findings; assembled once, when first asked for.

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

    @classmethod
    def from_tally(
        cls, tally: Tally, inference: Inference, strata: Tally | None = None
    ) -> Findings:
        """Compute findings from counts, unit by unit as the tally has them.

        Parameters
        ----------
        tally : Tally
            The counts. `omistats.recompute` adds the row of all units together first.
        inference : Inference
            Tests, intervals, effects and adjustments.
        strata : Tally, optional
            The same counts by unit, which tests within units (``'cmh'``) need.

        Returns
        -------
        Findings
            The numbers are computed at once, the table when it is first asked for.

        Raises
        ------
        UsageError
            When a test or an interval is for weighted cases, a test within units has no
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
        return cls._of(infer(tally, inference, strata), tally, inference)

    @classmethod
    def from_drawn(
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
        drawn : Drawn
            How the cases were drawn, made by `omistats.recompute` of ``weight``, ``stratum``,
            ``cluster`` and ``population``.
        inference : Inference
            A test and an interval for such samples, and other options.

        Returns
        -------
        Findings
            With weighted percentages, and ``k`` and ``n`` unweighted.

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
        return cls._of(infer_weighted(cases, splits, tally, drawn, inference), tally, inference)

    @classmethod
    def _of(cls, results: Results, tally: Tally, inference: Inference) -> Findings:
        return cls(inference, tally, partial(assemble, tally, results, inference))

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
            Sufficient and applicable answers; one dimension will do for one question.
        questions, groups : sequence of str
            What rows and columns stand for.
        breakdown : str
            Name of the breakdown.
        contrast : {'groups', 'complement'}
            Under ``'complement'`` the groups are ``(subset, 'all')``.
        inference : Inference, optional
            The defaults of `Inference` unless given.

        Returns
        -------
        Findings
            Of the unit ``all``. A count of 0 of 0 has a null percentage.

        Raises
        ------
        DataError
            When counts are missing, negative, fractional, larger than ``n``, of another
            shape, a subset exceeds its whole, groups or questions repeat, the breakdown
            is no text, or there is no such contrast; every cell is listed.
        UsageError
            When counts are no numbers, or the inference needs more than counts.

        Examples
        --------
        >>> import omistats as oms
        >>> findings = oms.Findings.from_counts(
        ...     [[14, 9]], [[20, 30]], questions=["home_visit"], groups=["A", "B"]
        ... )
        >>> findings.table["stars"].to_pylist()
        ['**', '**']
        """
        counts = tally_from_counts(
            k, n, questions=questions, groups=groups, breakdown=breakdown, contrast=contrast
        )
        chosen = Inference() if inference is None else inference
        require_plain(chosen)
        return cls.from_tally(counts, chosen)

    @cached_property
    def table(self) -> pa.Table:
        """The findings as an Arrow table, assembled once."""
        return self._build()

    def _filter(self, mask: npt.NDArray[np.bool_]) -> Findings:
        table = self.table.filter(pa.array(mask))
        return attrs.evolve(self, build=lambda: table)

    def compare(self, previous: Findings) -> pa.Table:
        """Lay findings beside earlier ones of other cases.

        Parameters
        ----------
        previous : Findings
            Of an earlier round; the cases must be others, for the test takes the two
            rounds as independent.

        Returns
        -------
        pyarrow.Table
            A row for every unit x breakdown x question x group of either: ``k, n,
            percent``, the same as ``previous_...``, ``change`` in percentage points,
            and Pearson's test of the change (``statistic, p_value, stars``). What one
            round lacks is null.

        Raises
        ------
        UsageError
            When it is passed no findings, either are weighted, or a breakdown compares
            other things in the one than in the other.

        Examples
        --------
        >>> import omistats as oms
        >>> rows = {"questions": ["home_visit"], "groups": ["A", "B"]}
        >>> before = oms.Findings.from_counts([12, 9], [30, 30], **rows)
        >>> now = oms.Findings.from_counts([14, 9], [20, 30], **rows)
        >>> now.compare(before).select(["group", "change", "stars"]).to_pylist()
        [{'group': 'A', 'change': 30.0, 'stars': '*'}, {'group': 'B', 'change': 0.0, 'stars': '--'}]
        """
        if not isinstance(previous, Findings):
            raise UsageError(f"expected Findings, found {type(previous).__name__}")
        require_comparable(self.inference, previous.inference, self.tally, previous.tally)
        laid = compare_with_previous(self.table, previous.table)
        return laid.replace_schema_metadata(self.table.schema.metadata)

    def significant(self, level: float = 0.05, adjusted: str | None = None) -> Findings:
        """Keep the comparisons whose p-value is below a level, with all their groups.

        What could not be tested has no p-value and is not kept.

        Parameters
        ----------
        level : float
            Between 0 and 1.
        adjusted : str, optional
            Go by p-values adjusted for the number of tests, made with
            ``Inference(adjust=...)``; those as computed by default.

        Returns
        -------
        Findings
            Of those comparisons; adjusted p-values stay those of all tests that were made.

        Raises
        ------
        UsageError
            When the level is out of range, or the findings were not adjusted.
        UnknownNameError
            When they were adjusted otherwise.

        Examples
        --------
        >>> import omistats as oms
        >>> findings = oms.Findings.from_counts(
        ...     [[14, 9], [16, 17]],
        ...     [[20, 30], [20, 30]],
        ...     questions=["home_visit", "plan"],
        ...     groups=["A", "B"],
        ...     inference=oms.Inference(adjust="holm"),
        ... )
        >>> [round(p, 3) for p in findings.comparisons()["p_holm"].to_pylist()]
        [0.011, 0.088]
        >>> findings.significant(adjusted="holm").wide()["question"].to_pylist()
        ['home_visit']
        """
        if not isinstance(level, float | int | np.floating) or not 0 < level < 1:
            raise UsageError(f"a level is a number between 0 and 1, found {level!r}")
        p_value = self.table[column_of(adjusted, self.inference)].to_numpy()
        with np.errstate(invalid="ignore"):
            return self._filter(p_value < level)

    def question(self, *ids: str) -> Findings:
        """Keep some questions.

        Parameters
        ----------
        *ids : str
            Their ids, at least one, in any order.

        Returns
        -------
        Findings
            The rows of these questions, in the order that they had.

        Raises
        ------
        UnknownNameError
            When a question is not among the findings; near ones are listed.
        UsageError
            When none is named, or not as text.
        """
        return self._keep("question", ids, self.tally.questions)

    def breakdown(self, *keys: str) -> Findings:
        """Keep some breakdowns.

        Parameters
        ----------
        *keys : str
            Their keys, at least one, in any order.

        Returns
        -------
        Findings
            The rows of these breakdowns, in the order that they had.

        Raises
        ------
        UnknownNameError
            When a breakdown is not among the findings.
        UsageError
            When none is named, or not as text.
        """
        return self._keep("breakdown", keys, [s.key for s in self.tally.splits])

    def unit(self, *ids: str) -> Findings:
        """Keep some units; ``'all'`` is all of them together.

        Parameters
        ----------
        *ids : str
            Their ids, at least one, in any order.

        Returns
        -------
        Findings
            The rows of these units, in the order that they had.

        Raises
        ------
        UnknownNameError
            When a unit is not among the findings.
        UsageError
            When none is named, or not as text.
        """
        return self._keep("unit", ids, self.tally.units)

    def _keep(self, column: str, wanted: Sequence[str], known: Sequence[str]) -> Findings:
        return self._filter(matching_rows(self.table, column, wanted, known))

    @property
    def unclassified(self) -> pa.Table:
        """Cases in no group, a row a unit x breakdown.

        ``unclassified`` counts the cases whose characteristic is unknown (they are part
        of ``all``), ``excluded`` those that the breakdown does not report.
        """
        return unclassified(self.tally)

    def comparisons(self) -> pa.Table:
        """Give every comparison once: its test, without the groups' own figures.

        Returns
        -------
        pyarrow.Table
            ``unit, breakdown, question, contrast, statistic, df, p_value, stars, method,
            reason, expected``, then what was asked for besides: effects, adjusted p-values.
            Figures are null where nothing could be tested, and ``reason`` says why.
        """
        return comparisons(self.table)

    def wide(self, breakdown: str | None = None) -> pa.Table:
        """Lay the findings of one breakdown out as print does.

        Parameters
        ----------
        breakdown : str, optional
            Which; not needed when there is only one.

        Returns
        -------
        pyarrow.Table
            ``unit, question``, then ``<group> percent`` (0-100, rounded half up, null where
            nothing was applicable) and ``<group> n`` for each group, then ``p_value, stars``.
            Without rows, and without columns of groups, where a filter left none of it.

        Raises
        ------
        UsageError
            When there are several breakdowns and none is named.
        UnknownNameError
            When there is no such breakdown.
        """
        chosen = self if breakdown is None else self.breakdown(breakdown)
        left = list(dict.fromkeys(chosen.table["breakdown"].to_pylist()))
        if len(left) > 1:
            raise UsageError(
                f"breakdowns have different groups; name one of {', '.join(left)}: "
                f'findings.wide("{left[0]}")'
            )
        return wide(chosen.table)

    @property
    def _labels(self) -> Mapping[str, str]:
        return {q.id: q.label for q in self.tally.framework.questions}

    def _display(self) -> Display:
        return _shown(self.table, self._labels)
