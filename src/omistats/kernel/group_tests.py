"""The likelihood ratio test of several groups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["deviance", "g_groups"]

Floats = npt.NDArray[np.float64]


def deviance(expected: npt.ArrayLike, beyond: npt.ArrayLike) -> Floats:
    """Give half of what a cell adds to G: ``o log(o / e) - (o - e)``, never negative.

    Parameters
    ----------
    expected : array_like of float
        Expected counts ``e``.
    beyond : array_like of float
        By how much the observed exceed them, ``o - e``; taken by itself, because it is known
        to more digits than a difference of the two.

    Returns
    -------
    ndarray of float64
        NaN where either is.

    Notes
    -----
    The ``o - e`` of a table add up to 0, so that twice the sum over its cells is G; but here
    no large terms cancel, and G keeps its digits in large tables and near 0. With
    ``v = (o - e) / (o + e)`` and ``log(o / e) = 2 artanh(v)`` the cell's share is

        ``(o - e) v + 2 o (v^3 / 3 + v^5 / 5 + ...)``

    which is summed where ``v`` is small; elsewhere the logarithm itself is accurate.
    """
    e, d = np.broadcast_arrays(np.asarray(expected, np.float64), np.asarray(beyond, np.float64))
    # An empty cell may come out a hair from 0.
    o = np.maximum(e + d, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        v = d / (o + e)
        vv = v * v
        series = np.zeros(e.shape)
        for power in range(17, 1, -2):
            series = vv * (1 / power + series)
        near = d * v + 2 * o * v * series
        empty = o <= 1e-12 * e
        far = np.where(empty, e, o * np.log(np.where(empty, 1.0, o / e)) - d)
    out: Floats = np.where(np.abs(v) < 0.1, near, far)
    return out


def g_groups(k: npt.ArrayLike, n: npt.ArrayLike, axis: int = -1) -> tuple[Floats, Floats]:
    """Give the likelihood ratio statistic G of r x 2 tables and its degrees of freedom.

    Parameters
    ----------
    k, n : array_like
        Successes and trials of the groups, which lie along ``axis``.
    axis : int
        The axis of the groups.

    Returns
    -------
    statistic, df : ndarray of float64
        Without ``axis``. A group with no trials drops out and takes its degree of freedom
        with it; NaN where fewer than two groups or one outcome is left (``df`` is then the
        number of groups left less one, never below 0).

    References
    ----------
    Wilks, S. S. (1935). The likelihood test of independence in contingency tables. Annals of
    Mathematical Statistics 6, 190-196. doi:10.1214/aoms/1177732564
    """
    k, n = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64))
    s, total = k.sum(axis=axis, keepdims=True), n.sum(axis=axis, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = (k * (total - s) - (n - k) * s) / total
        cells = deviance(n * s / total, beyond) + deviance(n * (total - s) / total, -beyond)
    statistic = 2 * np.where(n > 0, cells, 0.0).sum(axis=axis)
    df = np.maximum((n > 0).sum(axis=axis) - 1, 0).astype(np.float64)
    spread = np.squeeze((s > 0) & (s < total), axis=axis)
    return np.where((df > 0) & spread, statistic, np.nan), df
