"""Gender of the offender."""

from __future__ import annotations

from omistats.breakdowns.base import Breakdown

__all__ = ["Gender"]


class Gender(Breakdown):
    """Gender of the offender."""

    key = "gender"
    groups = ("male", "female")
