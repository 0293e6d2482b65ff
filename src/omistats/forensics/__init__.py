"""What a printed table can and cannot have come from."""

from omistats.forensics._statistics import METHODS
from omistats.forensics.attainable import Attainable, attainable
from omistats.forensics.chains import Division, Figure, Whole, feasible_counts
from omistats.forensics.conflicts import minimal_conflicts
from omistats.forensics.differences import DifferenceBehind, difference_behind
from omistats.forensics.survivors import Survivors, survivors

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
