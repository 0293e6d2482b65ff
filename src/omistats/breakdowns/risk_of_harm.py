"""Cases of high or very high risk of harm beside all cases."""

from __future__ import annotations

from omistats.breakdowns.base import Breakdown

__all__ = ["RiskOfHarm"]


class RiskOfHarm(Breakdown):
    """Cases of high or very high risk of harm beside all cases."""

    key = "risk_of_harm"
    groups = ("high", "all")
    contrast = "complement"
