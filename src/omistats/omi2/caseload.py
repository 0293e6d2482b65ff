"""The cases that samples of the second Offender Management Inspection are drawn from."""

from __future__ import annotations

from typing import Final

import attrs

from omistats.model.framework import Framework
from omistats.omi2.framework import FRAMEWORK

__all__ = ["CASELOAD"]

_DRAWN_BY: Final = ("risk_of_harm", "gender", "ethnicity")

CASELOAD: Final = Framework(
    "OMI 2 caseload",
    (),
    (
        *(FRAMEWORK.stratum(name) for name in _DRAWN_BY),
        *(
            attrs.evolve(stratum, required=False)
            for stratum in FRAMEWORK.strata
            if stratum.name not in _DRAWN_BY
        ),
    ),
)
"""What is known of a case before it is inspected: no question has an answer.

The report says which characteristics samples were structured by: gender, ethnicity and risk of
harm. They are required; the other strata may be there.
"""
