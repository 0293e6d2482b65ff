"""Breakdowns: one small file each."""

from __future__ import annotations

from omistats.breakdowns.age_group import AgeGroup
from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.disability import Disability
from omistats.breakdowns.ethnicity import Ethnicity
from omistats.breakdowns.gender import Gender
from omistats.breakdowns.registry import resolve
from omistats.breakdowns.risk_of_harm import RiskOfHarm
from omistats.breakdowns.standard import STANDARD
from omistats.breakdowns.supervision_type import SupervisionType

__all__ = [
    "STANDARD",
    "AgeGroup",
    "Breakdown",
    "Disability",
    "Ethnicity",
    "Gender",
    "RiskOfHarm",
    "SupervisionType",
    "resolve",
]
