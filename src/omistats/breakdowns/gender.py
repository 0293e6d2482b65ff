"""Gender of the offender."""

from __future__ import annotations

from omistats.breakdowns.base import Breakdown

__all__ = ["Gender"]


class Gender(Breakdown):
    """Gender of the offender.

    It reads the column ``gender``; a null is unclassified.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.Gender().groups
    ('male', 'female')
    """

    key = "gender"
    groups = ("male", "female")
