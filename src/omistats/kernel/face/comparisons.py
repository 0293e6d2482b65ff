"""Two proportions or more, and whether they differ."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.kernel.automatic import by_fisher
from omistats.kernel.comparison_methods import GROUP_TESTS, TESTS
from omistats.kernel.counts import checked
from omistats.kernel.significance import STARS, Comparison, star_codes

__all__ = ["compare", "compare_groups"]

Floats = npt.NDArray[np.float64]


def compare(
    k1: npt.ArrayLike,
    n1: npt.ArrayLike,
    k2: npt.ArrayLike,
    n2: npt.ArrayLike,
    method: str = "pearson",
) -> Comparison:
    """Test whether two proportions differ.

    Parameters
    ----------
    k1, n1, k2, n2 : array_like of int
        Successes and trials of two separate groups, broadcast together; NaN gives NaN.
    method : {'pearson', 'yates', 'n-1', 'g', 'z-unpooled', 'fisher', 'fisher-mid-p', 'auto'}
        Pearson's chi-square without continuity correction; with Yates' correction; times
        ``(N - 1) / N``; the likelihood ratio; Wald's z squared, each group with its own
        variance; Fisher's exact test, two-sided by probability; its mid-P; or Fisher's where
        any expected count is below 5 and Pearson's elsewhere. Or a test of one's own, from
        `TESTS`.

    Returns
    -------
    Comparison
        Of the broadcast shape; 0-d for scalars. Exact tests have a p-value and no statistic.
        With ``'auto'`` the record's ``method`` is the test used, element by element.

    Raises
    ------
    UsageError
        When counts are impossible or their shapes do not broadcast.
    UnknownNameError
        When the method is unknown.

    References
    ----------
    Campbell, I. (2007). Chi-squared and Fisher-Irwin tests of two-by-two tables with small
    sample recommendations. Statistics in Medicine 26, 3661-3675. doi:10.1002/sim.2832

    Examples
    --------
    >>> import omistats as oms
    >>> str(oms.compare(14, 20, 9, 30).stars)
    '**'
    >>> found = oms.compare([3, 14], [4, 20], [1, 9], [4, 30], method="auto")
    >>> for p_value, method in zip(found.p_value, found.method):
    ...     print(f"{p_value:.4f} {method}")
    0.4857 fisher
    0.0054 pearson
    """
    name = TESTS.name(method)
    a, na = checked(k1, n1)
    b, nb = checked(k2, n2)
    try:
        a, na, b, nb = np.broadcast_arrays(a, na, b, nb)
    except ValueError as error:
        raise UsageError(f"the two groups: expected shapes that broadcast; {error}") from error
    comparable = (na > 0) & (nb > 0) & ~np.isnan(a + b)
    outcome = TESTS[name](a, na, b, nb)
    return _outcome(*outcome, comparable, _used(name, a, na, b, nb))


def compare_groups(
    k: npt.ArrayLike, n: npt.ArrayLike, axis: int = -1, method: str = "pearson"
) -> Comparison:
    """Test whether the proportions of several groups differ.

    Parameters
    ----------
    k, n : array_like of int
        Successes and trials; the groups lie along ``axis``. NaN anywhere gives NaN.
    axis : int
        The axis of the groups.
    method : {'pearson', 'g', 'auto', 'trend'}
        Pearson's chi-square; the likelihood ratio; for an axis of two groups what
        `compare` chooses, and Pearson's for longer ones, however few of their groups have
        trials, as in findings; or the test of `trend`, of groups in their order. Or a test of
        one's own, from `GROUP_TESTS`.

    Returns
    -------
    Comparison
        Without ``axis``. Groups without trials drop out of the degrees of freedom; NaN where
        fewer than two are left.

    Raises
    ------
    UsageError
        When counts are impossible or there is no such axis.
    UnknownNameError
        When the method is unknown.

    References
    ----------
    Pearson, K. (1900). On the criterion that a given system of deviations ... can be reasonably
    supposed to have arisen from random sampling. Philosophical Magazine 50, 157-175.
    doi:10.1080/14786440009463897

    Examples
    --------
    >>> import omistats as oms
    >>> outcome = oms.compare_groups([762, 327, 468], [1246, 566, 945])
    >>> print(f"{outcome.statistic:.7f} on {outcome.df:g}")
    30.0701491 on 2
    """
    name = GROUP_TESTS.name(method)
    kk, nn = checked(k, n)
    if not isinstance(axis, int) or not -kk.ndim <= axis < kk.ndim:
        raise UsageError(f"counts of {kk.ndim} dimensions have no axis {axis!r}")
    kk, nn = np.moveaxis(kk, axis, -1), np.moveaxis(nn, axis, -1)
    comparable = ((nn > 0).sum(axis=-1) > 1) & ~np.isnan(kk + nn).any(axis=-1)
    outcome = GROUP_TESTS[name](kk, nn)
    pair = kk.shape[-1] == 2
    used = _used(name, kk[..., 0], nn[..., 0], kk[..., 1], nn[..., 1]) if pair else _several(name)
    return _outcome(*outcome, comparable, used)


def _used(name: str, k1: Floats, n1: Floats, k2: Floats, n2: Floats) -> npt.NDArray[np.str_]:
    """Name the test of each table of two groups."""
    if name != "auto":
        return np.asarray(name)
    return np.where(by_fisher(k1, n1, k2, n2), "fisher", "pearson")


def _several(name: str) -> npt.NDArray[np.str_]:
    return np.asarray("pearson" if name == "auto" else name)


def _outcome(
    statistic: Floats,
    df: Floats,
    p_value: Floats,
    comparable: npt.NDArray[np.bool_],
    method: npt.NDArray[np.str_],
) -> Comparison:
    marks = np.array([*STARS, ""])
    return Comparison(
        np.asarray(statistic),
        np.asarray(df),
        np.asarray(p_value),
        np.asarray(marks[star_codes(p_value, comparable)]),
        np.broadcast_to(method, np.shape(p_value)).copy(),
    )
