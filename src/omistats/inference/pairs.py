"""The two sides of every comparison of two."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.tallies import Tally

__all__ = ["Pairs", "pairs"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Pairs:
    """Counts of the groups that are compared two by two.

    Attributes
    ----------
    splits : list of int
        Which splits of the tally compare two groups.
    k1, n1, k2, n2 : ndarray of float64, shape (units, pairs, questions)
        Sufficient and applicable answers. A complement's second group is the cases outside
        the subset.
    """

    splits: list[int]
    k1: Floats
    n1: Floats
    k2: Floats
    n2: Floats

    @property
    def sides(self) -> tuple[Floats, Floats, Floats, Floats]:
        """The counts in the order in which kernels take them."""
        return self.k1, self.n1, self.k2, self.n2


def pairs(counts: Tally, complement: str) -> Pairs:
    """Take the sides of all comparisons of two out of a tally.

    Parameters
    ----------
    counts : Tally
        Of any units.
    complement : {'all', 'known'}
        Whether a complement's second side counts the unclassified.
    """
    starts = counts.offsets
    chosen = [i for i, s in enumerate(counts.splits) if len(s.groups) == 2]
    first = [starts[i] for i in chosen]
    second = [starts[i] + 1 for i in chosen]
    k1, n1 = _of(counts.k, first), _of(counts.n, first)
    k2, n2 = _of(counts.k, second), _of(counts.n, second)
    # A complement's second group is all cases, the subset among them.
    for at, i in enumerate(chosen):
        if counts.splits[i].contrast == "complement":
            k2[:, at] -= k1[:, at]
            n2[:, at] -= n1[:, at]
    if complement == "known":
        k2 -= counts.unknown_k[:, chosen]
        n2 -= counts.unknown_n[:, chosen]
    return Pairs(chosen, k1, n1, k2, n2)


def _of(counts: npt.NDArray[np.int64], groups: list[int]) -> Floats:
    """Take groups; a slice, which is not copied first, where they are evenly spaced."""
    if len(groups) > 1:
        step = groups[1] - groups[0]
        if groups == list(range(groups[0], groups[-1] + 1, step)):
            return counts[:, groups[0] : groups[-1] + 1 : step].astype(np.float64)
    return counts[:, groups].astype(np.float64)
