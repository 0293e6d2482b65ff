"""The six breakdowns of the 2011 report."""

from __future__ import annotations

from typing import Final

from omistats.breakdowns.age_group import AgeGroup
from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.disability import Disability
from omistats.breakdowns.ethnicity import Ethnicity
from omistats.breakdowns.gender import Gender
from omistats.breakdowns.risk_of_harm import RiskOfHarm
from omistats.breakdowns.supervision_type import SupervisionType

__all__ = ["STANDARD"]

STANDARD: Final[tuple[Breakdown, ...]] = (
    SupervisionType(),
    Gender(),
    Ethnicity(),
    Disability(),
    AgeGroup(),
    RiskOfHarm(),
)
"""The six breakdowns of the 2011 report, in the order of its Tables 7-11, then 3-6.

A tuple of instances, ready to extend: ``[*STANDARD, Mine()]``.
"""
