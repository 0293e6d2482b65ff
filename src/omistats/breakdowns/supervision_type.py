"""Community orders beside licences, as the report's Table 7 has them."""

from __future__ import annotations

from omistats.breakdowns.base import Breakdown

__all__ = ["SupervisionType"]


class SupervisionType(Breakdown):
    """Community orders beside licences, as the report's Table 7 has them.

    It reads the column ``supervision_type``; a null is unclassified. Suspended sentence orders and
    cases in custody are left out.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.SupervisionType().groups
    ('community order', 'licence')
    >>> oms.SupervisionType().leave_out
    ('suspended sentence order', 'custody')
    """

    key = "supervision_type"
    groups = ("community order", "licence")
    leave_out = ("suspended sentence order", "custody")
