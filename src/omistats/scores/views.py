"""Parts of a table of scores, by the labels of a column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from omistats.errors import UnknownNameError, UsageError, described

__all__ = ["kept"]


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
