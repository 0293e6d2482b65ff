"""The covariance of totals over a sample of clusters in strata."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from omistats.kernel.designs import Design

__all__ = ["Totals"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

# A sum of squares below this share of the squares of its terms is what rounding left.
_ROUNDING = 1e-12


class Totals:
    """Some rows of a sample, put in the order of its clusters.

    Parameters
    ----------
    design : Design
        The whole sample.
    rows : slice
        Which of its rows; what others would add is 0, but they are part of the sample.
    """

    def __init__(self, design: Design, rows: slice) -> None:
        cluster = design.cluster[rows]
        of_row = design.stratum[cluster]
        self._order = np.lexsort((cluster, of_row))
        self._first = _starts(cluster[self._order])
        of_cluster = of_row[self._order][self._first]
        self._outer = _starts(of_cluster)
        strata = of_cluster[self._outer]
        here = np.diff(np.append(self._outer, len(of_cluster)))
        self._of = np.repeat(np.arange(len(strata)), here)
        drawn = np.bincount(design.stratum, minlength=len(design.scale))
        # Clusters that have no row here are as far from the centre as it is from 0.
        self._absent = (drawn[strata] - here).astype(np.float64)
        self._scale, self._shared = design.scale[strata], design.shared[strata]

    def covariance(self, made: Floats, expected: Floats, applied: Floats) -> Floats:
        """Give the covariance of the totals of ``made - expected``.

        Parameters
        ----------
        made, expected : ndarray of float64, shape (totals, rows)
            What each row adds, as a difference of terms that are not negative.
        applied : ndarray of float64, shape (totals, rows)
            0 where a row has nothing to do with a total.

        Returns
        -------
        ndarray of float64, shape (totals, totals)
            NaN in rows and columns of totals with something in a lonely stratum left open.
        """
        if not len(self._first):
            return np.zeros((len(made), len(made)))
        z = self._clusters(made - expected)
        centre = np.add.reduceat(z, self._outer, axis=1) * self._shared
        z -= centre[:, self._of]
        lonely = np.isnan(self._scale)
        scale = np.where(lonely, 0.0, self._scale)
        out: Floats = (z * scale[self._of]) @ z.T + (centre * (scale * self._absent)) @ centre.T
        size = self._clusters(made + expected)
        still = np.diagonal(out) <= _ROUNDING**2 * ((size * size) @ scale[self._of])
        # Where one does not vary nothing varies with it, whatever rounding says.
        out[still] = out[:, still] = 0.0
        if lonely.any():
            there = np.add.reduceat(self._clusters(applied), self._outer, axis=1) > 0
            lost = there[:, lonely].any(axis=1)
            out[lost] = out[:, lost] = np.nan
        return out

    def _clusters(self, values: Floats) -> Floats:
        return np.add.reduceat(values[:, self._order], self._first, axis=1)


def _starts(codes: Codes) -> Codes:
    """Give where runs of equal codes start."""
    new = np.ones(len(codes), np.bool_)
    new[1:] = codes[1:] != codes[:-1]
    return np.flatnonzero(new)
