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
    k1, n1 = counts.k[:, first], counts.n[:, first]
    k2, n2 = counts.k[:, second], counts.n[:, second]
    # A complement's second group is all cases, the subset among them.
    whole = np.array([counts.splits[i].contrast == "complement" for i in chosen], np.int64)
    whole = whole[:, np.newaxis]
    k2, n2 = k2 - whole * k1, n2 - whole * n1
    if complement == "known":
        k2, n2 = k2 - counts.unknown_k[:, chosen], n2 - counts.unknown_n[:, chosen]
    return Pairs(chosen, *(v.astype(np.float64) for v in (k1, n1, k2, n2)))
