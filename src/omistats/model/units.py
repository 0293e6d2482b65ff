"""The subjects of inspections."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from omistats.errors import DataError, Problem, shown
from omistats.model.strata import ALL

__all__ = ["Unit", "unit_ids"]


@attrs.frozen
class Unit:
    """The subject of one inspection.

    Parameters
    ----------
    id : str
        The value in the ``unit`` column.
    name : str
        A name for people; the id unless given.
    """

    id: str
    name: str = ""

    def __attrs_post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.id)


def unit_ids(units: Iterable[Unit | str]) -> tuple[str, ...]:
    """Return the ids of declared units, in their order.

    Raises
    ------
    DataError
        When an id repeats or is the reserved ``all``.
    """
    if isinstance(units, str):  # one id alone would fall apart into letters
        units = (units,)
    ids = tuple(u.id if isinstance(u, Unit) else u for u in units)
    problems = []
    if repeated := sorted({i for i in ids if ids.count(i) > 1}):
        problems.append(
            Problem("units", "a unit is declared once", shown(repeated), "Remove the repetition.")
        )
    if ALL in ids:
        problems.append(reserved_unit())
    if problems:
        raise DataError(problems)
    return ids


def reserved_unit() -> Problem:
    """Describe a unit that took the reserved label."""
    return Problem(
        "unit",
        f"{ALL!r} is the label of all units together and may not name one",
        repr(ALL),
        "Rename that unit.",
    )
