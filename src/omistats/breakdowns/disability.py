"""Whether a disability was reported."""

from __future__ import annotations

from omistats.breakdowns.base import Breakdown

__all__ = ["Disability"]


class Disability(Breakdown):
    """Whether a disability was reported."""

    key = "disability"
    groups = ("yes", "no")
