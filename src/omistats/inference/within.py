"""Figures within units: every unit a stratum of all together, and of itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.model.strata import ALL
from omistats.tallies import Tally

__all__ = ["check_strata", "within_units"]

Floats = npt.NDArray[np.float64]


def check_strata(counts: Tally, strata: Tally | None) -> None:
    """Refuse to test within units when counts of all together are all there is.

    Raises
    ------
    UsageError
        When the counts cannot be told apart by unit.
    """
    if counts.units == (ALL,) and (strata is None or strata.units == (ALL,)):
        raise UsageError(
            "a test within units needs counts by unit; pass cases, or a tally made with "
            'tally(cases, by="unit")'
        )


def within_units(
    counts: Tally,
    strata: Tally | None,
    sides: Callable[[Tally], tuple[Floats, ...]],
    kernel: Callable[..., tuple[Floats, ...]],
) -> tuple[Floats, ...]:
    """Apply a kernel that takes strata on the last axis.

    Parameters
    ----------
    counts : Tally
        Of the units that are reported, perhaps ``all`` among them at the end.
    strata : Tally or None
        By unit; needed where ``counts`` are of all together only.
    sides : callable
        Takes arrays out of a tally, units on their first axis.
    kernel : callable
        Of those arrays with strata on the last axis.

    Returns
    -------
    tuple of ndarray
        What the kernel gives, one entry a reported unit on the first axis.
    """
    parts = []
    alone = sum(unit != ALL for unit in counts.units)
    if alone:
        parts.append(kernel(*(a[:alone, ..., np.newaxis] for a in sides(counts))))
    if counts.units[-1] == ALL:
        source = counts if alone or strata is None else strata
        inside = sum(unit != ALL for unit in source.units)
        together = (np.moveaxis(a[:inside], 0, -1)[np.newaxis] for a in sides(source))
        parts.append(kernel(*together))
    return tuple(np.concatenate(values) for values in zip(*parts, strict=True))
