"""Cases of high or very high risk of harm beside all cases."""

from __future__ import annotations

from omistats.breakdowns.base import Breakdown

__all__ = ["RiskOfHarm"]


class RiskOfHarm(Breakdown):
    """Cases of high or very high risk of harm beside all cases.

    It reads the column ``risk_of_harm``. The test compares them with all cases outside them, the
    unclassified (null) included; ``Inference(complement="known")`` leaves those out.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.RiskOfHarm().groups, oms.RiskOfHarm().contrast
    (('high', 'all'), 'complement')
    """

    key = "risk_of_harm"
    groups = ("high", "all")
    contrast = "complement"
