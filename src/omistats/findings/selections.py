"""Findings of which only some are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.inference.families import column_of

if TYPE_CHECKING:
    import pyarrow as pa

    from omistats.findings.table import Findings
    from omistats.inference import Inference
    from omistats.tallies import Tally

__all__ = ["Selections"]


class Selections:
    """The ways to keep some of the findings, each of them giving findings again."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def inference(self) -> Inference:
            """How they were computed."""

        @property
        def tally(self) -> Tally:
            """The counts they were computed from."""

        @property
        def table(self) -> pa.Table:
            """The findings."""

        def _filter(self, mask: npt.NDArray[np.bool_]) -> Findings: ...

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
        if not wanted:
            raise UsageError(f"name at least one {column}: {', '.join(known)}")
        if odd := [name for name in wanted if not isinstance(name, str)]:
            raise UsageError(f"pass ids one by one, as text; found {odd[0]!r}")
        if unknown := [name for name in wanted if name not in known]:
            raise UnknownNameError(column, unknown, known)
        codes = self.table[column].combine_chunks()
        labels = codes.dictionary.to_pylist()
        # A table without rows may have lost its labels.
        kept = [i for i, label in enumerate(labels) if label in wanted]
        return self._filter(np.isin(codes.indices.to_numpy(), kept))
