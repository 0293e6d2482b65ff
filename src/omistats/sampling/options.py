"""What a plan is asked for, unit by unit; all that is wrong is reported at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from omistats.errors import Problem, UnknownNameError, UsageError, described, listed, shown
from omistats.kernel.face import sample_for_precision
from omistats.kernel.ranks import check_whole
from omistats.sampling.cells import Cells

__all__ = ["Quotas", "kept_names", "quota", "quotas_of", "sizes_of", "unit_problems"]

_HALF, _USUAL = 0.5, 0.95

Quotas = dict[tuple[int, int], Any]
"""What was asked for, by characteristic and level."""


def kept_names(keep: Any, names: Sequence[str], boosted: Sequence[str]) -> tuple[str, ...]:
    """Resolve the characteristics that stay in proportion; None is all without a quota.

    Raises
    ------
    UnknownNameError
        When one is not among the cells.
    """
    if keep is None:
        return tuple(name for name in names if name not in boosted)
    kept = listed("keep", keep, "names of characteristics")
    if stray := [name for name in kept if name not in names]:
        raise UnknownNameError("characteristic of the cells", stray, names)
    return tuple(name for name in names if name in kept)


def quotas_of(at_least: Any, cells: Cells) -> Quotas:
    """Find the levels that quotas are about.

    Raises
    ------
    UsageError
        When they are no mapping of characteristics to mappings of levels.
    UnknownNameError
        When a characteristic or a level is unknown.
    """
    if at_least is None:
        return {}
    shape = "`at_least` maps characteristics to levels and those to numbers"
    if not isinstance(at_least, Mapping):
        raise UsageError(f"{shape}, found {described(at_least)}")
    if stray := [name for name in at_least if name not in cells.names]:
        raise UnknownNameError("characteristic of the cells", stray, cells.names)
    found: Quotas = {}
    for name, wanted in at_least.items():
        if not isinstance(wanted, Mapping):
            raise UsageError(f"{shape}, found {described(wanted)} for {name!r}")
        i = cells.names.index(name)
        if stray := [level for level in wanted if level not in cells.levels[i]]:
            known = [str(level) for level in cells.levels[i] if level is not None]
            raise UnknownNameError(f"level of {name!r}", stray, known)
        for level, value in wanted.items():
            found[i, cells.levels[i].index(level)] = value
    return found


def unit_problems(asked: Quotas, cells: Cells, units: Iterable[str]) -> list[Problem]:
    """Say which quotas by unit lack units that have cases, or name others."""
    units = list(units)
    problems = []
    for (i, code), value in asked.items():
        if not isinstance(value, Mapping):
            continue
        level = cells.levels[i][code]
        called = f"at_least, {cells.names[i]} {'unknown' if level is None else repr(level)}"
        if missing := [unit for unit in units if unit not in value]:
            rule = "a quota by unit names every unit that has cases"
            hint = f"Add the rest, with 0 where nothing is asked, as {missing[0]!r}: 0."
            problems.append(Problem(called, rule, f"no number for {shown(missing)}", hint))
        if stray := sorted(str(unit) for unit in value if unit not in units):
            rule, hint = "units are those with cases", "Correct the spelling or remove them."
            problems.append(Problem(called, rule, shown(stray), hint))
    return problems


def quota(value: Any, size: int) -> int | None:
    """Give the number of cases that a quota asks of a sample, None where it says neither.

    Parameters
    ----------
    value : object
        An integer from 0, of Python or NumPy, is a number of cases; a float strictly between 0
        and 1 a share of ``size``, rounded up. Nothing else is either: 1.0 might be meant as one
        case or as the whole sample.
    size : int

    Examples
    --------
    >>> quota(45, 160), quota(0.45, 160), quota(1.0, 160)
    (45, 72, None)
    """
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value) if value >= 0 else None
    if isinstance(value, float | np.floating) and 0 < value < 1:
        # As it was written: a tenth of 30 is 3, whatever binary fractions of any length make
        # of it. NumPy's str() is the shortest that tells a number from its neighbours.
        return math.ceil(Fraction(str(value)) * size)
    return None


def sizes_of(
    size: Any,
    half_width: Any,
    p: float,
    confidence: float,
    there: Mapping[str, int],
    problems: list[Problem],
) -> dict[str, int]:
    """Give the size of every unit's sample.

    Parameters
    ----------
    size, half_width : number or mapping of str to number, optional
        One of them.
    p, confidence : float
        As `omistats.sample_for_precision`.
    there : mapping of str to int
        The cases of every unit that has any.
    problems : list of Problem
        Receives what is wrong with single units.

    Raises
    ------
    UsageError
        When both or none are given, or a number cannot be what it should.
    """
    if (size is None) == (half_width is None):
        raise UsageError("give either `size` or `half_width`, one of them")
    if size is not None and (p, confidence) != (_HALF, _USUAL):
        raise UsageError("`p` and `confidence` make a size of `half_width`; leave them out")
    name, given = ("half_width", half_width) if size is None else ("size", size)
    if isinstance(given, Mapping):
        if missing := [unit for unit in there if unit not in given]:
            rule, hint = "every unit with cases needs one", "Name them, or filter their cases out."
            problems.append(Problem(name, rule, f"none for {shown(missing)}", hint))
        if stray := sorted(str(unit) for unit in given if unit not in there):
            rule, hint = "units are those with cases", "Correct the spelling or remove them."
            problems.append(Problem(name, rule, shown(stray), hint))
        of_unit = {unit: given[unit] for unit in there if unit in given}
    else:
        of_unit = dict.fromkeys(there, given)
    if size is not None:
        for value in of_unit.values():
            check_whole("size", value, 1)
        return {unit: int(value) for unit, value in of_unit.items()}
    numbers = int | float | np.integer | np.floating
    if odd := [v for v in of_unit.values() if isinstance(v, bool) or not isinstance(v, numbers)]:
        raise UsageError(f"`half_width` is a number, found {described(odd[0])}")
    if not of_unit:
        return {}
    population = np.array([there[unit] for unit in of_unit], np.float64)
    wanted = sample_for_precision(
        np.array(list(of_unit.values()), np.float64),
        p=p,
        confidence=confidence,
        population=population,
    )
    if np.isnan(wanted).any():
        raise UsageError("`half_width` and `p` are numbers, found NaN")
    return {unit: int(n) for unit, n in zip(of_unit, wanted.tolist(), strict=True)}
