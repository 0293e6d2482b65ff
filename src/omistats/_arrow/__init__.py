"""Every Arrow call whose types checkers cannot see, in one corridor."""

from __future__ import annotations

from omistats._arrow.bits import Bitmaps, Validity, bitmaps
from omistats._arrow.build import dictionary, floats, null_bits, primitive, with_bits
from omistats._arrow.frames import as_answers, ascending, columns, duplicates, to_table
from omistats._arrow.labels import as_levels, bad_text, codes_of, labels_to_codes, used_labels
from omistats._arrow.offences import Offence

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
