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
        What a test of it compares.
    """

    key: str
    groups: tuple[str, ...]
    contrast: Contrast = "groups"
