"""What every race is reported as: lines of contestants, with ratios to omistats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.interleave import Timings

__all__ = ["FROM_ARROW", "LIMIT", "PREPARED", "lines"]

FROM_ARROW = "omistats, from Arrow"
PREPARED = "omistats, prepared"
LIMIT = "limit: "
"""What the names of measured limits begin with; they are no contestants."""


def lines(
    timings: Timings,
    bases: Mapping[str, str],
    asked: Mapping[str, Mapping[str, float]] | None = None,
) -> list[dict[str, Any]]:
    """Give a line a contestant, ready for JSON.

    Parameters
    ----------
    timings : Timings
        Of one race.
    bases : mapping of str to str
        What omistats started from, and the contestant that did.
    asked : mapping, optional
        By contestant and base: how many times the base's time the contestant is meant to
        take at least; of a limit, how many times the limit omistats may take at most.

    Returns
    -------
    list of dict
        ``ratio`` is how many times as long as the base the contestant took; of a limit it is the
        other way round: how many times as long as the limit the base took.
    """
    found = []
    for name in timings.names:
        ratios = {}
        for label, base in bases.items():
            pair = (base, name) if name.startswith(LIMIT) else (name, base)
            low, high = timings.spread(*pair)
            ratios[label] = {
                "ratio": timings.ratio(*pair),
                "quartiles": [low, high],
                "asked": (asked or {}).get(name, {}).get(label),
            }
        found.append(
            {
                "contestant": name,
                "limit": name.startswith(LIMIT),
                "wall_ms": 1e3 * timings.median(name),
                "cpu_ms": 1e3 * timings.median(name, cpu=True),
                "rounds": timings.rounds(name),
                "ratios": ratios,
            }
        )
    return found
