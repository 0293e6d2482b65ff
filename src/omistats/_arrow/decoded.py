"""Tables whose labels are text."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

__all__ = ["decoded"]


def decoded(data: Any) -> pa.Table:
    """Make a table of anything that speaks Arrow, its dictionary columns spelled out."""
    table = pa.table(data)
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(field.type.value_type))
    return table
