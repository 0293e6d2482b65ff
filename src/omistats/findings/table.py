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
from omistats.findings.layout import comparisons, require_comparable, unclassified, wide
from omistats.findings.selections import Selections
from omistats.findings.text import as_html, as_text
from omistats.inference import Inference, Results, infer, infer_weighted
from omistats.model.cases import CaseSet
from omistats.model.drawn import Drawn
from omistats.tallies import Tally

__all__ = ["Findings"]


@attrs.frozen(eq=False, repr=False)
class Findings(Exports, Selections):
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
    """

    inference: Inference
    tally: Tally
    _build: Callable[[], pa.Table]

    @classmethod
    def from_tally(
        cls, tally: Tally, inference: Inference, strata: Tally | None = None
    ) -> Findings:
        """Compute findings from counts.

        The numbers are computed at once, the table when it is first asked for.
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
        """Compute findings of a weighted or clustered sample; see `omistats.recompute`."""
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

        Raises
        ------
        DataError
            When counts are negative, fractional, larger than ``n``, of another shape,
            a subset exceeds its whole, or groups or questions repeat; every cell is
            listed.
        UnknownNameError
            When there is no such contrast.

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

    @property
    def unclassified(self) -> pa.Table:
        """Cases in no group, a row a unit x breakdown.

        ``unclassified`` counts the cases whose characteristic is unknown (they are part
        of ``all``), ``left_out`` those that the breakdown does not report.
        """
        return unclassified(self.tally)

    def comparisons(self) -> pa.Table:
        """Give every comparison once: its test, without the groups' own figures.

        Returns
        -------
        pyarrow.Table
            ``unit, breakdown, question, contrast, statistic, df, p_value, stars, method,
            reason, expected``, then what was asked for besides: effects, adjusted p-values.
        """
        return comparisons(self.table)

    def _filter(self, mask: npt.NDArray[np.bool_]) -> Findings:
        table = self.table.filter(pa.array(mask))
        return attrs.evolve(self, build=lambda: table)

    def wide(self, breakdown: str | None = None) -> pa.Table:
        """Lay the findings of one breakdown out as print does.

        Parameters
        ----------
        breakdown : str, optional
            Which; not needed when there is only one.

        Returns
        -------
        pyarrow.Table
            ``unit, question``, then ``<group> percent`` (rounded half up) and
            ``<group> n`` for each group, then ``p_value, stars``.

        Raises
        ------
        UsageError
            When there are several breakdowns and none is named.
        """
        keys = [s.key for s in self.tally.splits]
        chosen = self if breakdown is None else self.breakdown(breakdown)
        left = dict.fromkeys(chosen.table["breakdown"].to_pylist())
        if len(left) > 1:
            raise UsageError(
                f"breakdowns have different groups; name one of {', '.join(keys)}: "
                f'findings.wide("{keys[0]}")'
            )
        return wide(chosen.table)

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
