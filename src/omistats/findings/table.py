"""The long table of findings, and the views of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.breakdowns.base import Breakdown, Contrast
from omistats.errors import UsageError
from omistats.findings.assemble import assemble
from omistats.findings.change import changes
from omistats.findings.frames import Exports
from omistats.findings.hand_counts import require_plain, tally_from_counts
from omistats.findings.layout import require_comparable
from omistats.findings.text import as_html, as_text
from omistats.findings.views import Views
from omistats.inference import Inference, Results, infer, infer_weighted
from omistats.model.cases import CaseSet
from omistats.model.drawn import Drawn
from omistats.tallies import Tally

__all__ = ["Findings"]


@attrs.frozen(eq=False, repr=False)
class Findings(Exports, Views):
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
    [{'unit': 'all', 'breakdown': 'groups', 'unclassified': 0, 'left_out': 0}]
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
        drawn: Drawn,
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
        laid = changes(self.table, previous.table)
        return laid.replace_schema_metadata(self.table.schema.metadata)

    @property
    def _labels(self) -> Mapping[str, str]:
        return {q.id: q.label for q in self.tally.framework.questions}

    def __repr__(self) -> str:
        return as_text(self.table, self._labels)

    def _repr_html_(self) -> str:
        return as_html(self.table, self._labels)
