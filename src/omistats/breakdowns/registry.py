"""Find breakdowns by name: shipped ones, strata, and those of installed packages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from omistats.breakdowns.base import AllCases, Breakdown, BreakdownLike, CrossedBreakdown
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

__all__ = ["find_breakdown", "known_names", "provide", "resolve"]


ENTRY_POINT_GROUP = "omistats.breakdowns"

# Breakdowns of the programmes shipped with this package. They take precedence over those of
# other packages.
_SHIPPED: dict[str, Breakdown] = {}


def provide(breakdowns: Iterable[Breakdown]) -> None:
    """Register the breakdowns of a shipped programme under their keys."""
    _SHIPPED.update((breakdown.key, breakdown) for breakdown in breakdowns)


# Cached, as searching the installed packages takes longer than a national report.
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


def find_breakdown(name: str, framework: Framework) -> Breakdown:
    """Return the breakdown of a name.

    In order of precedence: the shipped breakdown, unless the framework's stratum of that name
    lacks its groups; the levels of the framework's stratum; the breakdown that an installed
    package offers.

    Raises
    ------
    UnknownNameError
        When there is no breakdown of that name.
    UsageError
        When two packages offer it, or what is offered is not a breakdown.
    """
    levels = {s.name: s.levels for s in framework.strata}
    shipped = _shipped(name)
    if name in levels and (shipped is None or not {*shipped.groups} <= {*levels[name], ALL}):
        return _by_levels(name, levels[name])
    if shipped is not None:
        return shipped
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


def known_names(strata: Iterable[str]) -> tuple[str, ...]:
    """List the names that `find_breakdown` knows, without importing what offers them."""
    from importlib.metadata import entry_points

    offered = (point.name for point in entry_points(group=ENTRY_POINT_GROUP))
    return tuple(dict.fromkeys([*strata, *_SHIPPED, *offered]))


def _by_levels(name: str, levels: tuple[str, ...]) -> Breakdown:
    class Levels(Breakdown):
        """The levels of a stratum, compared with each other."""

        key = name
        groups = levels

    return Levels()


def _instance(value: object) -> Breakdown:
    if isinstance(value, Breakdown):
        return value
    if isinstance(value, type) and issubclass(value, Breakdown):
        return value()
    raise UsageError(
        f"expected a Breakdown; found {format_value(value)}; pass an instance of a subclass, "
        "or its name"
    )


def resolve(breakdowns: Iterable[BreakdownLike], framework: Framework) -> tuple[Breakdown, ...]:
    """Convert names, classes and instances to checked instances.

    A name refers to a standard breakdown, to a stratum of the framework, or to a breakdown
    that an installed package offers. A tuple crosses breakdowns. An empty list puts all cases
    in one group.

    Raises
    ------
    DataError
        When a declaration is invalid or two breakdowns share a key; all are listed.
    UnknownNameError
        When there is no breakdown of a name.
    UsageError
        When an entry is not a breakdown.
    """
    if isinstance(breakdowns, (str, Breakdown, type)):
        breakdowns = (breakdowns,)
    each = as_tuple("breakdowns", breakdowns, "breakdowns or their names")

    def one(value: object) -> Breakdown:
        return find_breakdown(value, framework) if isinstance(value, str) else _instance(value)

    found = tuple(
        CrossedBreakdown(map(one, b)) if isinstance(b, tuple) else one(b) for b in each
    ) or (AllCases(),)
    # Shipped breakdowns need no check, and this runs for every report.
    problems = [p for b in found if _SHIPPED.get(str(b.key)) is not b for p in b.problems()]
    keys = [b.key for b in found]
    if len({*map(str, keys)}) < len(keys) and (
        repeated := sorted({str(k) for k in keys if keys.count(k) > 1})
    ):
        problems.append(
            Problem(
                "breakdowns",
                "keys must be unique",
                f"more than once: {format_values(repeated)}",
                "Change the `key` of one of them.",
            )
        )
    if problems:
        raise DataError(problems)
    return found
