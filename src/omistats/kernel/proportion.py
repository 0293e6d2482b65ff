"""One proportion and how sure we are of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["normal_quantile", "wilson"]

Floats = npt.NDArray[np.float64]


def normal_quantile(confidence: float) -> float:
    """Give the two-sided standard normal quantile, 1.96 for 0.95.

    Parameters
    ----------
    confidence : float
        Between 0 and 1.

    Returns
    -------
    float
    """
    # As accurate as scipy.special here, and far quicker to load.
    from statistics import NormalDist

    return -NormalDist().inv_cdf((1.0 - confidence) / 2.0)


def wilson(k: npt.ArrayLike, n: npt.ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    """Give Wilson's score interval for a proportion.

    Parameters
    ----------
    k, n : array_like
        Successes and trials, broadcast together.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Proportions, NaN where ``n`` is 0. ``low`` is exactly 0 at ``k = 0`` and
        ``high`` exactly 1 at ``k = n``.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical
    inference. JASA 22, 209-212. doi:10.1080/01621459.1927.10502953
    """
    k, n = np.asarray(k, np.float64), np.asarray(n, np.float64)
    if k.shape != n.shape:
        k, n = np.broadcast_arrays(k, n)
    z = normal_quantile(confidence)
    zz = z * z
    with np.errstate(divide="ignore", invalid="ignore"):
        # Where there are no trials the share is 0 / 0: NaN, as it should be.
        share: Any = np.asarray(k / n)
        # In place: for tens of thousands of rows, new arrays cost more than the sums.
        half = np.asarray(1 - share)
        half *= k
        half += zz / 4
        np.sqrt(half, out=half)
        half *= z
        high = np.asarray(k + zz / 2)
        low = np.asarray(high - half)
        high += half
        below = n + zz
        low /= below
        high /= below
    # At the ends the share itself, 0 or 1, is the bound; NaN without trials.
    np.copyto(low, share, where=k == 0)
    np.copyto(high, share, where=k == n)
    return low, high
