"""Typed helpers around the Arrow calls whose types checkers cannot see."""

from __future__ import annotations

from omistats._arrow.build import (
    BitmapReader,
    Bitmaps,
    bitmaps,
    booleans,
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
    contiguous,
    count_blank,
    duplicates,
    has_levels,
    is_text,
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
    "booleans",
    "codes_of",
    "columns",
    "contiguous",
    "count_blank",
    "dictionary",
    "duplicates",
    "floats",
    "has_levels",
    "is_text",
    "labels_to_codes",
    "null_bits",
    "primitive",
    "to_table",
    "used_labels",
    "utf8_error",
    "with_bits",
]
