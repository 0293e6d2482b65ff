"""Parts of a table of scores, by the labels of a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import attrs
import numpy as np
import pyarrow as pa

from omistats.errors import UnknownNameError, UsageError, described
from omistats.findings.frames import Exports

__all__ = ["Views", "kept"]


@attrs.frozen(eq=False, repr=False)
class Views(Exports):
    """Scores by level, item, unit and breakdown; see `Scores`."""

    table: pa.Table

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
            When none is named, or what is no text.
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
            When none is named, or what is no text.
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
            When none is named, or what is no text.
        UnknownNameError
            When a unit is not among the scores.
        """
        return self._keep("unit", ids)

    def breakdown(self, *keys: str) -> Self:
        """Keep the groups of some breakdowns; without a name, the scores of all cases.

        Parameters
        ----------
        *keys : str
            Names of breakdowns; none for the scores that are of no group.

        Returns
        -------
        Scores
            The rows of these groups, in the order they had.

        Raises
        ------
        UsageError
            When what is named is no text.
        UnknownNameError
            When a breakdown is not among the scores.
        """
        if keys:
            return self._keep("breakdown", keys)
        return attrs.evolve(self, table=self.table.filter(self.table["breakdown"].is_null()))

    def _keep(self, column: str, wanted: Sequence[str]) -> Self:
        return attrs.evolve(self, table=kept(self.table, column, wanted))


def kept(table: pa.Table, column: str, wanted: Sequence[str]) -> pa.Table:
    """Keep the rows whose label is wanted.

    Raises
    ------
    UsageError
        When none is named, or something that is no label.
    UnknownNameError
        When a label is in no row.
    """
    codes = table[column].combine_chunks()
    indices = codes.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    names = codes.dictionary.to_pylist()
    # A filtered table still has the labels of what was filtered out.
    labels = [names[i] for i in np.unique(indices[indices >= 0]).tolist()]
    if not wanted:
        raise UsageError(f"name at least one {column}: {', '.join(labels)}")
    if odd := [name for name in wanted if not isinstance(name, str)]:
        example = ", ".join(map(repr, labels[:2]))
        raise UsageError(
            f"`{column}` takes ids one by one, as .{column}({example}); found "
            f"{', '.join(map(described, odd[:3]))}"
        )
    if unknown := [name for name in wanted if name not in labels]:
        raise UnknownNameError(column, unknown, labels)
    return table.filter(pa.array(np.isin(indices, [names.index(name) for name in wanted])))
