"""Who is in a sample, and whether the sample is like its caseload."""

from __future__ import annotations

from omistats.characteristics.ages import age_group
from omistats.characteristics.face import characteristics
from omistats.characteristics.represent import representativeness
from omistats.characteristics.representativeness import Representativeness
from omistats.characteristics.several import Several
from omistats.characteristics.table import Characteristics

__all__ = [
    "Characteristics",
    "Representativeness",
    "Several",
    "age_group",
    "characteristics",
    "representativeness",
]
