"""Findings laid out in other ways, each of them giving an Arrow table."""

from __future__ import annotations

import pyarrow as pa

from omistats.errors import UsageError
from omistats.findings.layout import comparisons, unclassified, wide
from omistats.findings.selections import Selections

__all__ = ["Views"]


class Views(Selections):
    """The tables that are made of findings besides the long one."""

    __slots__ = ()

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
