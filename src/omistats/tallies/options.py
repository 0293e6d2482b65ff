"""What every way of counting is told: by unit or not, and which breakdowns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.registry import resolve
from omistats.errors import UsageError, described
from omistats.model.framework import Framework

__all__ = ["By", "check_by", "standard_or"]

By = Literal["unit"]


def check_by(by: object) -> None:
    """Refuse what is neither None nor ``'unit'``."""
    if by is not None and not (isinstance(by, str) and by == "unit"):
        raise UsageError(f"`by` is None or 'unit', found {described(by)}")


def standard_or(
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] | None, framework: Framework
) -> tuple[Breakdown, ...]:
    """Resolve breakdowns, those of the framework if none are given.

    Raises
    ------
    UsageError
        When the framework has none either.
    UnknownNameError, DataError
        As `omistats.breakdowns.registry.resolve`.
    """
    if breakdowns is None and not framework.breakdowns:
        raise UsageError(
            f"the framework {framework.name!r} names no standard breakdowns; pass breakdowns=[...]"
        )
    return resolve(framework.breakdowns if breakdowns is None else breakdowns, framework)
