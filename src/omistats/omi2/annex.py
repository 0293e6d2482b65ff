"""What Annex 1 of the 2011 report shows of its sample."""

from __future__ import annotations

from typing import Final

from omistats.characteristics import Several

__all__ = ["ANNEX_1", "DISABILITY_TYPES"]

DISABILITY_TYPES: Final = Several(
    "disability_types",
    ("physical impairment", "mental health", "learning difficulty"),
    whether=("disability", "yes"),
)
"""Types of reported disability: those that the note to Table 10 gives shares of, in its order.
The labels are ours; mental health takes in emotional state, and learning difficulty takes in
learning disability."""

ANNEX_1: Final[tuple[str | Several, ...]] = (
    "supervision_type",
    "tier",
    "rosh_classification",
    "gender",
    "ethnicity",
    DISABILITY_TYPES,
    "age_group",
)
"""The seven characteristics that Annex 1 of the 2011 report charts, in its order, for
`omistats.characteristics`. Its charts are lost to us: no figure of it is in the package."""
