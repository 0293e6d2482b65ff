"""Who was drawn and who is in which domain, and sums over them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

__all__ = ["WHOLE", "Sample", "Strata", "leave_open"]

Floats = npt.NDArray[np.float64]
Real = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

WHOLE = 2.0**24
"""Below it float32 counts exactly."""


@attrs.frozen(eq=False)
class Strata:
    """What makes variances of the sums of units, which are strata.

    Attributes
    ----------
    scale, shared : ndarray of float64, shape (units,)
        As `omistats.kernel.designs.factors` gives them.
    """

    scale: Floats
    shared: Floats

    def laid(self, together: bool) -> tuple[Floats, Floats]:
        """Give scale and shared, shape (units, 1, 1); (1, units, 1, 1) for units by themselves."""
        # By itself a unit is a block with one stratum; together they are strata of one block.
        shape = (-1, 1, 1) if together else (1, -1, 1, 1)
        return self.scale.reshape(shape), self.shared.reshape(shape)


@attrs.frozen(eq=False)
class Sample(Strata):
    """Who was drawn, in the order of units, which are strata.

    Attributes
    ----------
    members : ndarray of bool, shape (domains, cases)
        Who is in which domain.
    starts : ndarray of int64, shape (units + 1,)
        Where each unit's cases begin.
    scale, shared : ndarray of float64, shape (units,)
        As `omistats.kernel.designs.factors` gives them.
    """

    members: Flags
    starts: Counts
    scale: Floats
    shared: Floats

    def sums(self, values: Real, most: float) -> Floats:
        """Sum values of cases over the members of each domain in each unit.

        Parameters
        ----------
        values : ndarray of float32 or float64, shape (sorts, rows, cases)
            What is summed; whole numbers where it is float32.
        most : float
            No value is larger.

        Returns
        -------
        ndarray of float64, shape (sorts, units, rows, domains)
            Exact for whole numbers.
        """
        sorts, rows, cases = values.shape
        if most * np.diff(self.starts).max(initial=0) >= WHOLE:
            values = values.astype(np.float64)
        flat = values.reshape(sorts * rows, cases)
        weights = np.ascontiguousarray(self.members.T, values.dtype)
        domains = len(self.members)
        out = np.empty((sorts, len(self.starts) - 1, rows, domains))
        for unit, (a, b) in enumerate(pairwise(self.starts.tolist())):
            out[:, unit] = (flat[:, a:b] @ weights[a:b]).reshape(sorts, rows, domains)
        return out


def leave_open(se: Floats, design_effect: Floats, n: Floats, removed: Flags) -> None:
    """Make NaN, in place, what rests on removed units alone: nothing showed how sure it is.

    Parameters
    ----------
    se, design_effect : ndarray of float64, shape (1, items, domains)
        Of all units together.
    n : ndarray of float64, shape (units, items, domains)
        Applicable answers.
    removed : ndarray of bool, shape (units,)
        Units of one case that contribute nothing.
    """
    bare = ~(n[~removed] > 0).any(axis=0) & (n[removed] > 0).any(axis=0)
    se[:, bare] = design_effect[:, bare] = np.nan
