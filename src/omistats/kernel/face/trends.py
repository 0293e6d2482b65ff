"""Whether proportions rise or fall over ordered groups."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.counts import as_numbers, checked
from omistats.kernel.significance import STARS, chi_square_sf, star_codes
from omistats.kernel.trend import cochran_armitage

__all__ = ["Trend", "trend"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Trend:
    """The outcome of a test of trend, element by element.

    Attributes
    ----------
    slope : ndarray of float64
        The change in the proportion for one more point of score, 0.01 being one percentage
        point; its sign is the direction.
    statistic, df, p_value : ndarray of float64
        Chi-square on one degree of freedom; NaN where the test is undefined.
    stars : ndarray of str
        As in `Comparison`.
    method : ndarray of str
        The test used.

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.trend([[3, 5, 9], [4, 4, 0]], [[10, 10, 10], [4, 4, 0]])
    >>> found.slope.round(2).tolist(), found.p_value.round(3).tolist()
    ([0.3, 0.0], [0.007, nan])
    >>> found.stars.tolist()
    ['**', '--']
    """

    slope: Floats
    statistic: Floats
    df: Floats
    p_value: Floats
    stars: npt.NDArray[np.str_]
    method: npt.NDArray[np.str_]


def trend(
    k: npt.ArrayLike, n: npt.ArrayLike, scores: npt.ArrayLike | None = None, axis: int = -1
) -> Trend:
    """Test for a trend of proportions over ordered groups, by Cochran and Armitage.

    Parameters
    ----------
    k, n : array_like of int
        Successes and trials; the groups lie along ``axis``, in their order. NaN anywhere
        gives NaN.
    scores : array_like of float, optional
        Where each group stands, one number a group; 1, 2, 3 and so on by default.
    axis : int
        The axis of the groups.

    Returns
    -------
    Trend
        Without ``axis``. Groups without trials count for nothing.

    Raises
    ------
    UsageError
        When counts are impossible, there is no such axis, or scores are not one finite number
        a group or all alike.

    Notes
    -----
    Against a trend it is more sensitive than the test of any difference, which
    `compare_groups` makes; it sees nothing of a rise that is followed by an equal fall.

    References
    ----------
    Armitage, P. (1955). Tests for linear trends in proportions and frequencies. Biometrics
    11, 375-386. doi:10.2307/3001775

    Examples
    --------
    >>> import omistats as oms
    >>> found = oms.trend([83, 90, 129, 70], [86, 93, 136, 82])
    >>> print(f"{found.slope:.4f} a group, p = {found.p_value:.4f} {found.stars}")
    -0.0334 a group, p = 0.0041 **
    """
    kk, nn = checked(k, n)
    if isinstance(axis, bool) or not isinstance(axis, int) or not -kk.ndim <= axis < kk.ndim:
        raise UsageError(f"counts of {kk.ndim} dimensions have no axis {axis!r}")
    kk, nn = np.moveaxis(kk, axis, -1), np.moveaxis(nn, axis, -1)
    slope, statistic = cochran_armitage(kk, nn, _scores(scores, kk.shape[-1]))
    p_value = chi_square_sf(statistic, 1.0)
    comparable = ((nn > 0).sum(axis=-1) > 1) & ~np.isnan(kk + nn).any(axis=-1)
    return Trend(
        np.asarray(slope),
        np.asarray(statistic),
        np.where(np.isnan(statistic), np.nan, 1.0),
        np.asarray(p_value),
        np.asarray(np.array([*STARS, ""])[star_codes(p_value, comparable)]),
        np.full(np.shape(p_value), "cochran-armitage"),
    )


def _scores(scores: npt.ArrayLike | None, groups: int) -> Floats:
    if scores is None:
        return np.arange(1.0, groups + 1)
    given = as_numbers(scores, "scores")
    if given.shape != (groups,) or not np.isfinite(given).all():
        raise UsageError(f"scores are one finite number a group, here {groups}; found {scores!r}")
    if groups > 1 and (given == given[0]).all():
        raise UsageError(f"scores that are all alike order nothing; found {scores!r}")
    return given
