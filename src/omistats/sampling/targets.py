"""What a sample should look like before its cells are whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

__all__ = ["divide", "rake"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_SWEEPS = 500
_CLOSE = 1e-10


def divide(size: int, counts: Sequence[int], floors: Sequence[int]) -> list[Fraction]:
    """Divide a sample over levels in proportion to their cases, but none below its floor.

    Parameters
    ----------
    size : int
        Cases to divide.
    counts : sequence of int
        Cases of every level.
    floors : sequence of int
        What each level has to have.

    Returns
    -------
    list of Fraction
        They add up to ``size``. A level whose share falls short of its floor has just that,
        and the others divide the rest; nothing is left for them where floors take it all.

    Examples
    --------
    >>> [str(part) for part in divide(100, [150, 850], [40, 0])]
    ['40', '60']
    >>> [str(part) for part in divide(10, [1, 1, 1], [0, 0, 0])]
    ['10/3', '10/3', '10/3']
    """
    fixed: dict[int, Fraction] = {}
    while True:
        free = [i for i in range(len(counts)) if i not in fixed]
        left = max(Fraction(size) - sum(fixed.values()), Fraction(0))
        there = sum(counts[i] for i in free)
        share = {i: left * counts[i] / there if there else Fraction(0) for i in free}
        short = [i for i in free if share[i] < floors[i]]
        if not short:
            return [fixed[i] if i in fixed else share[i] for i in range(len(counts))]
        fixed |= {i: Fraction(floors[i]) for i in short}


def rake(seed: npt.ArrayLike, margins: Sequence[tuple[Ints, npt.ArrayLike]]) -> Floats:
    """Adjust cells to margins, disturbing what cells have to do with each other least.

    Parameters
    ----------
    seed : array_like of float, shape (cells,)
        Where to begin: the cells of the caseload.
    margins : sequence of (ndarray of int, array_like of float)
        Of each characteristic the level of every cell, and what every level is to add up to.

    Returns
    -------
    ndarray of float64, shape (cells,)
        Of all tables with these margins the one nearest to ``seed`` by the Kullback-Leibler
        divergence. Where there is none, because cells are empty, it is as far as 500 sweeps
        come, and has the margin that was named last.

    References
    ----------
    Deming, W. E. and Stephan, F. F. (1940). On a least squares adjustment of a sampled
    frequency table when the expected marginal totals are known. Annals of Mathematical
    Statistics 11, 427-444.

    Examples
    --------
    >>> import numpy as np
    >>> rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> rake([1, 2, 3, 4], [(rows, [5, 5]), (columns, [5, 5])]).round(3).tolist()
    [2.247, 2.753, 2.753, 2.247]
    """
    cells = np.array(seed, np.float64)
    for _ in range(_SWEEPS):
        before = cells.copy()
        for level, wanted in margins:
            aim = np.asarray(wanted, np.float64)
            now = np.bincount(level, cells, len(aim))
            cells *= np.divide(aim, now, out=np.zeros(len(aim)), where=now > 0)[level]
        if np.abs(cells - before).max(initial=0.0) <= _CLOSE:
            break
    return cells
