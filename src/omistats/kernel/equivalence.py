"""Two one-sided tests: is a difference smaller than a margin."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omistats.kernel.score_difference import score_z

__all__ = ["two_one_sided"]

Floats = npt.NDArray[np.float64]


def two_one_sided(
    k1: Floats, n1: Floats, k2: Floats, n2: Floats, margin: Floats
) -> tuple[Floats, Floats]:
    """Test that a difference is above minus a margin, and that it is below the margin.

    Parameters
    ----------
    k1, n1, k2, n2 : ndarray of float64
        Successes and trials of two groups.
    margin : ndarray of float64
        Between 0 and 1.

    Returns
    -------
    p_lower, p_upper : ndarray of float64
        One-sided p-values of a difference of ``-margin`` or less, and of ``margin`` or more,
        by Miettinen and Nurminen's score statistic; NaN where a group has no trials.
    """
    import scipy

    # The lower tail of minus z and not 1 less the upper: small p-values keep their digits.
    p_lower: Any = scipy.special.ndtr(-score_z(k1, n1, k2, n2, -margin))
    p_upper: Any = scipy.special.ndtr(score_z(k1, n1, k2, n2, margin))
    return np.asarray(p_lower), np.asarray(p_upper)
