"""Whether a disability was reported."""

from __future__ import annotations

from omistats.breakdowns.base import Breakdown

__all__ = ["Disability"]


class Disability(Breakdown):
    """Whether a disability was reported.

    It reads the column ``disability``; a null is unclassified, which is not the same as ``no``.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.Disability().groups
    ('yes', 'no')
    """

    key = "disability"
    groups = ("yes", "no")
