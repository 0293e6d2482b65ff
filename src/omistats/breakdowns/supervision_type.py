"""Community orders beside licences, as the report's Table 7 has them."""

from __future__ import annotations

from omistats.breakdowns.base import Breakdown

__all__ = ["SupervisionType"]


class SupervisionType(Breakdown):
    """Community orders beside licences, as the report's Table 7 has them."""

    key = "supervision_type"
    groups = ("community order", "licence")
    leave_out = ("suspended sentence order", "custody")
