"""Characteristics of a case."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from omistats.errors import DataError, Problem, UsageError, described, shown

__all__ = ["ALL", "RESERVED", "Stratum", "names"]

ALL = "all"
"""The reserved label of all units, or all cases, together."""

RESERVED = ("case_id", "unit", ALL)
"""Names that no question, stratum, level or unit may take."""

# Levels are numbered in 8 bits.
_MOST_LEVELS = 127


def names(values: Iterable[str]) -> tuple[str, ...]:
    """Make a tuple of labels; one label alone would fall apart into letters."""
    if isinstance(values, str):
        return (values,)
    try:
        return tuple(values)
    except TypeError:
        raise UsageError(f"expected a list of names, found {described(values)}") from None


@attrs.frozen
class Stratum:
    """A characteristic of a case and the levels it can have.

    Parameters
    ----------
    name : str
        The column's name.
    levels : tuple of str
        Every level, in the order of report. A null in the data is an unknown
        characteristic, not a level.
    required : bool
        Whether every case file must have the column.

    Raises
    ------
    DataError
        When levels repeat, are missing, are more than 127, or one is the reserved ``all``,
        or the name is reserved.
    UsageError
        When levels are no list.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.Stratum("tenure", ("owned", "rented", "none"))
    Stratum(name='tenure', levels=('owned', 'rented', 'none'), required=True)
    """

    name: str
    levels: tuple[str, ...] = attrs.field(converter=names)
    required: bool = True

    def __attrs_post_init__(self) -> None:
        problems = []
        if self.name in RESERVED:
            problems.append(
                Problem(
                    self.name, "a stratum may not take a reserved name", self.name, "Rename it."
                )
            )
        if not self.levels or len(set(self.levels)) < len(self.levels) or ALL in self.levels:
            problems.append(
                Problem(
                    self.name,
                    f"levels must be distinct, at least one, and none of them {ALL!r}",
                    shown(self.levels),
                    "Rename or remove the offending level.",
                )
            )
        if len(self.levels) > _MOST_LEVELS:
            problems.append(
                Problem(
                    self.name,
                    f"at most {_MOST_LEVELS} levels",
                    str(len(self.levels)),
                    "Put levels together, or leave the column an extra.",
                )
            )
        if problems:
            raise DataError(problems)
