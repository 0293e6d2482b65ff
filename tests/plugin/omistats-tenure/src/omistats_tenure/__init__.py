"""Housing tenure at sentence, as breakdowns of omistats."""

from __future__ import annotations

import omistats as oms

__all__ = ["Settled", "Tenure"]


class Tenure(oms.Breakdown):
    """Housing tenure at sentence."""

    key = "tenure"
    groups = ("owned", "rented", "none")


class Settled(oms.Breakdown):
    """Cases with a home of their own beside all cases."""

    key = "settled"
    groups = ("settled", "all")
    contrast = "complement"

    def classify(self, cases: oms.CaseSet) -> list[str | None]:
        """Call a case settled where the home is owned or rented."""
        home = {"owned": "settled", "rented": "settled", "none": "elsewhere"}
        return [home.get(tenure) for tenure in cases["tenure"].to_pylist()]
