"""What a printed table can and cannot have come from."""

from __future__ import annotations

from omistats.forensics.attainable_counts import METHODS, Attainable, attainable
from omistats.forensics.consistency import (
    Division,
    Figure,
    Whole,
    feasible_counts,
    minimal_conflicts,
)
from omistats.forensics.difference_bounds import DifferenceBehind, difference_behind
from omistats.forensics.surviving_stars import Survivors, survivors

__all__ = [
    "METHODS",
    "Attainable",
    "DifferenceBehind",
    "Division",
    "Figure",
    "Survivors",
    "Whole",
    "attainable",
    "difference_behind",
    "feasible_counts",
    "minimal_conflicts",
    "survivors",
]
