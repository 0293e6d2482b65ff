"""Young adults beside older offenders."""

from __future__ import annotations

from omistats.breakdowns.base import Breakdown

__all__ = ["AgeGroup"]


class AgeGroup(Breakdown):
    """Young adults beside older offenders."""

    key = "age_group"
    groups = ("17-24", "25+")
