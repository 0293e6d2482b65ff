"""Every Arrow call whose types checkers cannot see, in one corridor."""

from __future__ import annotations

from omistats._arrow.build import (
    Bitmaps,
    Validity,
    bitmaps,
    dictionary,
    floats,
    null_bits,
    primitive,
    with_bits,
)
from omistats._arrow.convert import (
    Offence,
    as_answers,
    as_levels,
    ascending,
    bad_text,
    codes_of,
    columns,
    duplicates,
    labels_to_codes,
    to_table,
    used_labels,
)

__all__ = [
    "Bitmaps",
    "Offence",
    "Validity",
    "as_answers",
    "as_levels",
    "ascending",
    "bad_text",
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
    "with_bits",
]
