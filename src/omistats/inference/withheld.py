"""Findings that rest on too few answers to be published."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from omistats.inference.pairs import pairs
from omistats.inference.results import REASONS, Results
from omistats.kernel.small_numbers import SmallNumbers
from omistats.tallies import Tally

__all__ = ["withhold"]

_OF_GROUPS = ("percent", "low", "high")
_OF_SPLITS = ("statistic", "df", "p_value", "expected")
_WHY = np.int8(REASONS.index("too few applicable answers to publish"))


def withhold(
    results: Results, counts: Tally, policy: SmallNumbers, complement: str = "all"
) -> Results:
    """Take out the figures of small groups, and the comparisons that they take part in.

    A complement's subset is compared with the rest, which has no row of its own: where the rest
    is too small its comparison goes too, and the rows stay.

    Parameters
    ----------
    results : Results
        Computed from all counts.
    counts : Tally
        The counts.
    policy : SmallNumbers
        What is too small.
    complement : {'all', 'known'}
        Whether a complement's second side counts the unclassified.

    Returns
    -------
    Results
        The same object where nothing is withheld.
    """
    if policy.suppress_below is None:
        return results
    hidden = policy.withheld(counts.n)
    touched = np.logical_or.reduceat(hidden, counts.offsets[:-1], axis=1)
    two = pairs(counts, complement)
    touched[:, two.splits] |= policy.withheld(two.n2)
    if not touched.any():
        return results
    changed: dict[str, Any] = {}
    for names, where in ((_OF_GROUPS, hidden), (_OF_SPLITS, touched)):
        changed |= {name: np.where(where, np.nan, getattr(results, name)) for name in names}
    for name in ("stars", "method"):
        changed[name] = np.where(touched, np.int8(-1), getattr(results, name))
    changed["reason"] = np.where(touched, _WHY, results.reason)
    for name, where in (("of_groups", hidden), ("of_splits", touched)):
        columns = getattr(results, name).items()
        changed[name] = {column: np.where(where, np.nan, v) for column, v in columns}
    return attrs.evolve(results, withheld=hidden, **changed)
