"""Values that break a rule, and the rows they stand in."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.errors import shown

__all__ = ["Offence"]

_KINDS = (
    ("text", pa.types.is_string),
    ("text", pa.types.is_large_string),
    ("true and false", pa.types.is_boolean),
    ("whole numbers", pa.types.is_integer),
    ("numbers", pa.types.is_floating),
    ("categories", pa.types.is_dictionary),
)


@attrs.frozen(eq=False)
class Offence:
    """What is wrong with a column.

    Attributes
    ----------
    values : list
        The offending values, each once.
    rows : ndarray of bool
        Where they stand.
    kind : str
        The kind of all values, where that is what is wrong.
    """

    values: list[Any]
    rows: npt.NDArray[np.bool_]
    kind: str = ""

    @classmethod
    def of_kind(cls, array: pa.Array) -> Offence:
        """Describe a column of another kind than asked for."""
        kind = next((name for name, test in _KINDS if test(array.type)), str(array.type))
        try:
            values = array.unique().drop_null().to_pylist()
        except pa.ArrowException:  # nested values have no equality in Arrow
            values = array.drop_null()[:5].to_pylist()
        return cls(values, array.is_valid().to_numpy(zero_copy_only=False), kind)

    def __str__(self) -> str:
        count = int(self.rows.sum())
        where = f"in {count:,} row{'s' * (count != 1)}"
        return f"{self.kind + ': ' if self.kind else ''}{shown(self.values)} {where}"
