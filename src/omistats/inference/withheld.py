"""Findings that rest on too few answers to be published."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.inference.results import REASONS, Results
from omistats.kernel.small_numbers import SmallNumbers
from omistats.tallies import Tally

__all__ = ["withhold"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_WHY = np.int8(REASONS.index("too few applicable answers to publish"))


def withhold(results: Results, counts: Tally, policy: SmallNumbers) -> Results:
    """Take out the figures of small groups, and the comparisons that they take part in.

    Parameters
    ----------
    results : Results
        Computed from all counts.
    counts : Tally
        The counts.
    policy : SmallNumbers
        What is too small.

    Returns
    -------
    Results
        The same object where nothing is withheld.
    """
    hidden = policy.withheld(counts.n)
    if not hidden.any():
        return results
    starts = counts.offsets[:-1]
    touched = np.logical_or.reduceat(hidden, starts, axis=1)

    def blank(names: tuple[str, ...], where: Flags) -> dict[str, Floats]:
        return {name: np.where(where, np.nan, getattr(results, name)) for name in names}

    def unmark(names: tuple[str, ...]) -> dict[str, npt.NDArray[np.int8]]:
        return {name: np.where(touched, np.int8(-1), getattr(results, name)) for name in names}

    return attrs.evolve(
        results,
        **blank(("percent", "low", "high"), hidden),
        **blank(("statistic", "df", "p_value", "expected"), touched),
        **unmark(("stars", "method")),
        reason=np.where(touched, _WHY, results.reason),
        withheld=hidden,
        of_groups={name: np.where(hidden, np.nan, v) for name, v in results.of_groups.items()},
        of_splits={name: np.where(touched, np.nan, v) for name, v in results.of_splits.items()},
    )
