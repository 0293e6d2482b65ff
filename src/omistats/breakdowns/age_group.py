"""Young adults beside older offenders."""

from __future__ import annotations

from omistats.breakdowns.base import Breakdown

__all__ = ["AgeGroup"]


class AgeGroup(Breakdown):
    """Young adults beside older offenders.

    It reads the column ``age_group``, in years; a null is unclassified. `omistats.age_group`
    makes the column from ages.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.AgeGroup().groups
    ('17-24', '25+')
    """

    key = "age_group"
    groups = ("17-24", "25+")
