"""Breakdowns by name: ours, and those that installed packages offer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from omistats.breakdowns.base import Breakdown
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    as_tuple,
    format_value,
    format_values,
)
from omistats.model.framework import ALL, Framework

__all__ = ["ENTRY_POINT_GROUP", "named", "provide", "resolve"]


ENTRY_POINT_GROUP = "omistats.breakdowns"

# Breakdowns of the programmes that this package ships. They come before what other packages
# offer under the same name.
_SHIPPED: dict[str, Breakdown] = {}


def provide(breakdowns: Iterable[Breakdown]) -> None:
    """Register the breakdowns of a shipped programme under their keys."""
    _SHIPPED.update((breakdown.key, breakdown) for breakdown in breakdowns)


# Once: searching the installed packages takes longer than a national report.
@cache
def _load_shipped() -> None:
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.value.startswith("omistats.") and point.name not in _SHIPPED:
            provide([_instance(point.load())])


def _shipped(name: str) -> Breakdown | None:
    if name not in _SHIPPED:
        _load_shipped()
    return _SHIPPED.get(name)


def named(name: str, framework: Framework) -> Breakdown:
    """Give the breakdown of a name.

    It is the standard one whose groups the framework's stratum has; or the framework's
    stratum of that name, level by level; or what an installed package offers.

    Raises
    ------
    UnknownNameError
        When no package offers it.
    UsageError
        When two packages do, or what is offered is no breakdown.
    """
    levels = {s.name: s.levels for s in framework.strata}
    ours = _shipped(name)
    if name in levels and (ours is None or not {*ours.groups} <= {*levels[name], ALL}):
        return _by_levels(name, levels[name])
    if ours is not None:
        return ours
    from importlib.metadata import entry_points

    offers = entry_points(group=ENTRY_POINT_GROUP)
    found = {point.value: point for point in offers if point.name == name}
    if not found:
        known = sorted({*levels, *_SHIPPED, *(p.name for p in offers)})
        raise UnknownNameError("breakdown", name, known)
    if len(found) > 1:
        raise UsageError(
            f"breakdown {name!r} is offered more than once: {format_values(sorted(found))}; "
            "pass an instance of the one you mean"
        )
    return _instance(next(iter(found.values())).load())


def _by_levels(name: str, levels: tuple[str, ...]) -> Breakdown:
    class Levels(Breakdown):
        """The levels of a stratum, compared with each other."""

        key = name
        groups = levels

    return Levels()


def _instance(what: object) -> Breakdown:
    if isinstance(what, Breakdown):
        return what
    if isinstance(what, type) and issubclass(what, Breakdown):
        return what()
    raise UsageError(
        f"expected a Breakdown, found {format_value(what)}; pass an instance of a subclass, or its "
        "name"
    )


def resolve(
    breakdowns: Iterable[Breakdown | type[Breakdown] | str], framework: Framework
) -> tuple[Breakdown, ...]:
    """Turn names, classes and instances into checked instances.

    A name is that of a standard breakdown, of a stratum of the framework, or of a
    breakdown that an installed package offers.

    Raises
    ------
    DataError
        When a declaration is wrong or two share a key; all are listed.
    UnknownNameError
        When a name is offered by no installed package.
    UsageError
        When an entry is no breakdown, or there is none.
    """
    if isinstance(breakdowns, (str, Breakdown, type)):
        breakdowns = (breakdowns,)
    each = as_tuple("breakdowns", breakdowns, "breakdowns or their names")
    found = tuple(named(b, framework) if isinstance(b, str) else _instance(b) for b in each)
    if not found:
        raise UsageError("no breakdowns to make; pass at least one, or None for the standard ones")
    # Ours are as they should be, and this is done for every report.
    problems = [p for b in found if _SHIPPED.get(str(b.key)) is not b for p in b.problems()]
    keys = [b.key for b in found]
    if len({*map(str, keys)}) < len(keys) and (
        repeated := sorted({str(k) for k in keys if keys.count(k) > 1})
    ):
        problems.append(
            Problem(
                "breakdowns",
                "every breakdown has a key of its own",
                f"more than once: {format_values(repeated)}",
                "Give one of them another `key`.",
            )
        )
    if problems:
        raise DataError(problems)
    return found
