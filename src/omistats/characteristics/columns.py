"""Characteristics of cases as codes, whatever they were asked for as."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats import _arrow
from omistats.breakdowns.base import LEFT_OUT, Breakdown
from omistats.breakdowns.registry import named
from omistats.characteristics.several import Held, Several, held
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    described,
    listed,
    shown,
)
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework

__all__ = ["Absent", "Asked", "Many", "Read", "Single", "asked_for", "read"]


@attrs.frozen
class Asked:
    """A characteristic that was asked for.

    Attributes
    ----------
    name : str
        Its name in tables.
    column : str
        The column it is read from; empty where it is made of something else.
    what : Several, Breakdown or tuple of str
        How to read it; a tuple holds the levels of a stratum.
    """

    name: str
    column: str
    what: Several | Breakdown | tuple[str, ...]


@attrs.frozen(eq=False)
class Single:
    """A characteristic of which a case has one level.

    Attributes
    ----------
    name : str
    levels : tuple of str
    codes : ndarray of int16, shape (cases,)
        -1 where not known.
    """

    name: str
    levels: tuple[str, ...]
    codes: npt.NDArray[np.int16]


@attrs.frozen
class Absent:
    """A characteristic that the cases have no column for."""

    name: str
    column: str

    @property
    def reason(self) -> str:
        """Why there are no figures."""
        return f"no column {self.column!r} in these cases"


@attrs.frozen(eq=False)
class Many:
    """A characteristic of which a case may have several levels."""

    name: str
    levels: tuple[str, ...]
    held: Held


Read = Single | Many | Absent


def asked_for(of: Any, framework: Framework) -> tuple[Asked, ...]:
    """Resolve what was asked for; every stratum of the framework for None.

    Raises
    ------
    UnknownNameError
        When a name is no stratum and no breakdown.
    UsageError
        When nothing is asked for, or it is none of these.
    DataError
        When a name stands twice, or a breakdown is ill declared.
    """
    if of is None:
        of = [stratum.name for stratum in framework.strata]
        if not of:
            raise UsageError(
                f"the framework {framework.name!r} has no strata; name characteristics in `of`"
            )
    if isinstance(of, Breakdown | Several | type):
        of = (of,)
    entries = listed("of", of, "names of strata, breakdowns and Several")
    if not entries:
        raise UsageError("`of` is empty; name a characteristic, or leave it out for every stratum")
    found = tuple(_asked(entry, framework) for entry in entries)
    problems = [p for a in found if isinstance(a.what, Breakdown) for p in a.what.problems()]
    names = [a.name for a in found]
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        rule = "a characteristic is asked for once"
        problems.append(Problem("of", rule, shown(repeated), "Remove the repetition."))
    if problems:
        raise DataError(problems)
    return found


def _asked(entry: Any, framework: Framework) -> Asked:
    if isinstance(entry, Several):
        return Asked(entry.name, entry.column, entry)
    if isinstance(entry, str):
        levels = {s.name: s.levels for s in framework.strata}
        if entry in levels:
            return Asked(entry, entry, levels[entry])
        try:
            entry = named(entry, framework)
        except UnknownNameError as error:
            # Who asks for characteristics may not know what a breakdown is.
            raise UnknownNameError("characteristic", error.names, error.known) from None
    elif isinstance(entry, type) and issubclass(entry, Breakdown):
        entry = entry()
    if not isinstance(entry, Breakdown):
        raise UsageError(
            "`of` lists names of strata, breakdowns and Several; found " + described(entry)
        )
    column = "" if entry.hooks() else entry.column or entry.key
    return Asked(str(entry.key), column, entry)


def read(cases: CaseSet, asked: Iterable[Asked], problems: list[Problem]) -> tuple[Read, ...]:
    """Read characteristics of cases; one that cannot be read is absent and in ``problems``."""
    out: list[Read] = []
    for one in asked:
        if one.column and one.column not in cases:
            out.append(Absent(one.name, one.column))
        elif isinstance(one.what, tuple):
            out.append(Single(one.name, one.what, _arrow.codes_of(cases[one.name])))
        elif isinstance(one.what, Several):
            found = held(cases, one.what, problems)
            missing = Absent(one.name, one.column)
            out.append(missing if found is None else Many(one.name, one.what.levels, found))
        else:
            try:
                out.append(_classified(cases, one.name, one.what))
            except DataError as error:
                problems += error.problems
                out.append(Absent(one.name, one.column))
    return tuple(out)


def _classified(cases: CaseSet, name: str, breakdown: Breakdown) -> Single:
    """Classify by a breakdown; who is known and in no group gets a level at the end."""
    codes = breakdown.codes(cases)
    groups = breakdown.groups
    if breakdown.contrast == "complement":
        # The second group is everyone; here stands who is known to be outside the first.
        groups, rest = groups[:1], f"not {groups[0]}"
        return Single(name, (*groups, rest), np.where(codes == LEFT_OUT, np.int16(1), codes))
    if not breakdown.leave_out:
        return Single(name, groups, codes)
    return Single(
        name,
        (*groups, "left out"),
        np.where(codes == LEFT_OUT, np.int16(len(groups)), codes),
    )
