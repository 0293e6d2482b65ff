"""Two proportions compared within strata."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.counts import checked
from omistats.kernel.homogeneity import breslow_day
from omistats.kernel.options import check_confidence
from omistats.kernel.significance import STARS, star_codes
from omistats.kernel.stratified import (
    cmh,
    informative,
    mantel_haenszel_difference,
    mantel_haenszel_odds_ratio,
)

__all__ = ["Stratified", "stratified"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Stratified:
    """A comparison within strata, element by element.

    Attributes
    ----------
    statistic, df, p_value : ndarray of float64
        The Cochran-Mantel-Haenszel test; NaN where no stratum has both groups and both kinds
        of answer.
    stars : ndarray of str
        ``'***'``, ``'**'``, ``'*'`` or ``'--'``; empty where no stratum has both groups.
    method : ndarray of str
        ``'cmh'``, or ``'cmh-cc'`` with continuity correction.
    odds_ratio, odds_ratio_low, odds_ratio_high : ndarray of float64
        The Mantel-Haenszel odds ratio, group 1 over group 2, with the interval of Robins,
        Breslow and Greenland; no interval where it is 0 or infinite.
    difference, difference_low, difference_high : ndarray of float64
        The Mantel-Haenszel difference of proportions, group 1 less group 2, with the interval
        by Sato's variance, cut off at -1 and 1; no interval where that variance comes to 0.
    breslow_day, breslow_day_p_value : ndarray of float64
        The test that strata have one odds ratio, on ``strata - 1`` degrees of freedom.
    tarone, tarone_p_value : ndarray of float64
        The same with Tarone's correction.
    strata : ndarray of int64
        How many strata tell the groups apart: they have both, and both kinds of answer.

    Examples
    --------
    In each of two units the first group does ten points better, and in the two together worse;
    the third unit has no second group, and counts for nothing.

    >>> import omistats as oms
    >>> found = oms.stratified([18, 90, 5], [20, 180, 5], [144, 8, 0], [180, 20, 0])
    >>> print(f"{found.difference:.2f}, {found.difference_low:.2f} to {found.difference_high:.2f}")
    0.10, -0.03 to 0.23
    >>> found.strata.item(), round(found.breslow_day_p_value.item(), 2)
    (2, 0.65)
    """

    statistic: Floats
    df: Floats
    p_value: Floats
    stars: npt.NDArray[np.str_]
    method: npt.NDArray[np.str_]
    odds_ratio: Floats
    odds_ratio_low: Floats
    odds_ratio_high: Floats
    difference: Floats
    difference_low: Floats
    difference_high: Floats
    breslow_day: Floats
    breslow_day_p_value: Floats
    tarone: Floats
    tarone_p_value: Floats
    strata: npt.NDArray[np.int64]


def stratified(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    *,
    correction: bool = False,
    confidence: float = 0.95,
) -> Stratified:
    """Compare two proportions within strata, as units are.

    Cases are compared with cases of their own stratum only, so that a difference between strata
    is not taken for one between groups, nor hides one.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int, shape (..., strata)
        Successes and trials of two separate groups in each stratum; broadcast together. NaN
        anywhere makes the whole comparison NaN.
    correction : bool
        Continuity correction of the Cochran-Mantel-Haenszel test. Without it a single stratum
        of T cases has ``(T - 1) / T`` times Pearson's chi-square.
    confidence : float
        Of the intervals, between 0 and 1.

    Returns
    -------
    Stratified
        Of the leading shape; 0-d for a single set of strata.

    Raises
    ------
    UsageError
        When counts are impossible or have no axis of strata, or the confidence is out of range.

    Notes
    -----
    It is for one question at a time, where each case counts once. A pooled score counts a case
    once an answer, and is compared by `omistats.scores`.

    References
    ----------
    Cochran, W. G. (1954). Some methods for strengthening the common chi-squared tests.
    Biometrics 10(4), 417-451. doi:10.2307/3001616

    Mantel, N. and Haenszel, W. (1959). Statistical aspects of the analysis of data from
    retrospective studies of disease. JNCI 22(4), 719-748. doi:10.1093/jnci/22.4.719

    Examples
    --------
    Admissions to the six largest departments of Berkeley, 1973, men and women:

    >>> men, of_men = [512, 353, 120, 138, 53, 22], [825, 560, 325, 417, 191, 373]
    >>> women, of_women = [89, 17, 202, 131, 94, 24], [108, 25, 593, 375, 393, 341]
    >>> import omistats as oms
    >>> found = oms.stratified(men, of_men, women, of_women)
    >>> print(f"{found.statistic:.4f}, odds ratio {found.odds_ratio:.4f}, {found.stars}")
    1.5246, odds ratio 0.9047, --
    """
    check_confidence(confidence)
    a, na = checked(k1, n1)
    b, nb = checked(k2, n2)
    try:
        a, na, b, nb = np.broadcast_arrays(a, na, b, nb)
    except ValueError as error:
        raise UsageError(f"the two groups: expected shapes that broadcast; {error}") from error
    if a.ndim == 0:
        raise UsageError("counts have one entry a stratum, on the last axis; found single numbers")
    statistic, df, p_value = cmh(a, na, b, nb, correction)
    known = ~np.isnan(a + na + b + nb).any(axis=-1)
    comparable = ((na > 0) & (nb > 0)).any(axis=-1) & known
    heterogeneity = breslow_day(a, na, b, nb)
    corrected = breslow_day(a, na, b, nb, tarone=True)
    return Stratified(
        statistic,
        df,
        p_value,
        np.asarray(np.array([*STARS, ""])[star_codes(p_value, comparable)]),
        np.full(statistic.shape, "cmh-cc" if correction else "cmh"),
        *mantel_haenszel_odds_ratio(a, na, b, nb, confidence),
        *mantel_haenszel_difference(a, na, b, nb, confidence),
        heterogeneity[0],
        heterogeneity[2],
        corrected[0],
        corrected[2],
        np.asarray(informative(a, na, b, nb).sum(axis=-1), np.int64),
    )
