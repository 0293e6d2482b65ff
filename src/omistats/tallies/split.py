"""A breakdown as counted."""

from __future__ import annotations

import attrs

from omistats.breakdowns.base import Contrast

__all__ = ["Split"]


@attrs.frozen
class Split:
    """A breakdown as counted: what it is called and what it compares.

    Attributes
    ----------
    key : str
        The breakdown.
    groups : tuple of str
        Its groups, in order.
    contrast : {'groups', 'complement'}
        What a test of it compares: the groups, or the first, a subset, with all cases outside
        it (the second group is then ``all``).

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.Findings.from_counts(
    ...     [3, 9], [10, 20], questions=["seen"], groups=["high", "all"], contrast="complement"
    ... )
    >>> found.tally.splits
    (Split(key='groups', groups=('high', 'all'), contrast='complement'),)
    """

    key: str
    groups: tuple[str, ...]
    contrast: Contrast = "groups"
