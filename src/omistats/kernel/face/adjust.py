"""P-values adjusted for how many tests were made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError, shown
from omistats.kernel.counts import as_numbers
from omistats.kernel.multiplicity import ADJUSTMENTS

__all__ = ["adjust"]


def adjust(p_value: npt.ArrayLike, method: str = "bh", axis: int = -1) -> npt.NDArray[np.float64]:
    """Adjust p-values for the number of tests in their family.

    Parameters
    ----------
    p_value : array_like of float
        P-values, a family along ``axis``. NaN stays NaN and is not in the family.
    method : {'bh', 'holm', 'bonferroni'}
        ``'bh'`` controls the false discovery rate (Benjamini and Hochberg); ``'holm'`` and
        ``'bonferroni'`` the chance of any false finding, whatever the dependence.
    axis : int
        The axis along which a family lies.

    Returns
    -------
    ndarray of float64
        Of the shape of ``p_value``; a scalar is a family of one.

    Raises
    ------
    UsageError
        When a p-value is not between 0 and 1, there is no such axis, or a family is empty
        because the axis has no entries.
    UnknownNameError
        When the method is unknown.

    See Also
    --------
    omistats.max_t : Uses how the tests hang together.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6:65-70. Benjamini and Hochberg (1995),
    Journal of the Royal Statistical Society B 57:289-300.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.adjust([0.01, 0.04, 0.03, float("nan")], "holm").tolist()
    [0.03, 0.06, 0.06, nan]
    """
    name = ADJUSTMENTS.name(method)
    p = as_numbers(p_value, "p_value")
    bad = (p < 0) | (p > 1)
    if bad.any():
        raise UsageError(f"p-values lie between 0 and 1, found {shown(p[bad].tolist())}")
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise UsageError(f"`axis` is a whole number, found {axis!r}")
    if p.ndim == 0:
        # One test is a family of one.
        return np.asarray(ADJUSTMENTS[name](p.reshape(1))[0])
    if not -p.ndim <= axis < p.ndim:
        raise UsageError(f"there is no axis {axis} in p-values of shape {p.shape}")
    if p.shape[axis] == 0:
        raise UsageError("the family is empty: no p-values to adjust")
    adjusted = ADJUSTMENTS[name](np.moveaxis(p, axis, -1))
    return np.ascontiguousarray(np.moveaxis(adjusted, -1, axis))
