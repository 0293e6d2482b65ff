"""Every Arrow call whose types checkers cannot see, in one corridor."""

from __future__ import annotations

from omistats._arrow.build import (
    BitmapReader,
    Bitmaps,
    bitmaps,
    dictionary,
    floats,
    null_bits,
    primitive,
    with_bits,
)
from omistats._arrow.convert import (
    InvalidValues,
    as_answers,
    as_levels,
    ascending,
    codes_of,
    columns,
    duplicates,
    labels_to_codes,
    to_table,
    used_labels,
    utf8_error,
)

__all__ = [
    "BitmapReader",
    "Bitmaps",
    "InvalidValues",
    "as_answers",
    "as_levels",
    "ascending",
    "bitmaps",
    "codes_of",
    "columns",
    "dictionary",
    "duplicates",
    "floats",
    "labels_to_codes",
    "null_bits",
    "primitive",
    "to_table",
    "used_labels",
    "utf8_error",
    "with_bits",
]
