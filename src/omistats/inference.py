"""What is computed from counts: which test, which interval, at which confidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError
from omistats.kernel.face import check_confidence
from omistats.kernel.proportion import wilson
from omistats.kernel.significance import (
    chi_square_sf,
    pearson_groups,
    pearson_two,
    star_codes,
)
from omistats.tallies import Tally

__all__ = ["REASONS", "Inference", "Results", "infer"]

Floats = npt.NDArray[np.float64]

REASONS = (
    "no applicable answers",
    "no second group to compare with",
    "every answer is the same",
)
"""Why a row has no percentage or no test, by code."""


def _known(what: str, *names: str) -> Callable[[Any, attrs.Attribute[str], str], None]:
    def check(_: Any, __: attrs.Attribute[str], value: str) -> None:
        if value not in names:
            raise UnknownNameError(what, value, names)

    return check


@attrs.frozen
class Inference:
    """How findings are computed from counts.

    Parameters
    ----------
    test : {'pearson'}
        Test of a difference between groups: Pearson's chi-square without continuity
        correction.
    interval : {'wilson'}
        Interval for a percentage: Wilson's score interval.
    confidence : float
        Confidence of intervals, between 0 and 1.
    complement : {'all', 'known'}
        What a subset is tested against: all cases outside it, or only those whose
        characteristic is known.

    Raises
    ------
    UnknownNameError
        When a method is unknown.
    UsageError
        When the confidence is not between 0 and 1.

    Examples
    --------
    >>> Inference(confidence=0.99)
    Inference(test='pearson', interval='wilson', confidence=0.99, complement='all')
    """

    test: str = attrs.field(default="pearson", validator=_known("test", "pearson"))
    interval: str = attrs.field(default="wilson", validator=_known("interval", "wilson"))
    confidence: float = attrs.field(default=0.95)
    complement: Literal["all", "known"] = attrs.field(
        default="all", validator=_known("complement", "all", "known")
    )

    @confidence.validator
    def _between(self, _: object, value: float) -> None:
        check_confidence(value)


@attrs.frozen(eq=False)
class Results:
    """The numbers of findings, before they become a table.

    Attributes
    ----------
    percent, low, high : ndarray of float64, shape (units, groups, questions)
        0-100; NaN where nothing was applicable.
    statistic, df, p_value : ndarray of float64, shape (units, splits, questions)
        NaN where nothing could be tested.
    stars : ndarray of int8, shape (units, splits, questions)
        Codes of the printed marks; -1 for none.
    reason : ndarray of int8, shape (units, splits, questions)
        Codes of `REASONS` for the test; -1 where it was made.
    """

    percent: Floats
    low: Floats
    high: Floats
    statistic: Floats
    df: Floats
    p_value: Floats
    stars: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int8]


def infer(counts: Tally, inference: Inference) -> Results:
    """Compute percentages, intervals and tests for every unit, breakdown and question."""
    k, n = counts.k, counts.n
    low, high = wilson(k, n, inference.confidence)
    with np.errstate(invalid="ignore"):
        percent = 100.0 * k / n
    statistic, df, comparable = _statistics(counts, inference.complement)
    p_value = chi_square_sf(statistic, df)
    tested = ~np.isnan(statistic)
    reason = np.where(tested, np.int8(-1), np.where(comparable, np.int8(2), np.int8(1)))
    return Results(
        percent=percent,
        low=100.0 * low,
        high=100.0 * high,
        statistic=statistic,
        df=np.where(tested, df, np.nan),
        p_value=p_value,
        stars=star_codes(p_value, comparable),
        reason=reason.astype(np.int8),
    )


def _statistics(counts: Tally, complement: str) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Test every comparison; all comparisons of two are made in one call."""
    shape = (len(counts.units), len(counts.splits), len(counts.questions))
    statistic = np.full(shape, np.nan)
    df = np.ones(shape)
    comparable = np.zeros(shape, np.bool_)
    starts = counts.offsets
    pairs = [i for i, s in enumerate(counts.splits) if len(s.groups) == 2]
    first = [starts[i] for i in pairs]
    second = [starts[i] + 1 for i in pairs]
    k1, n1 = counts.k[:, first], counts.n[:, first]
    k2, n2 = counts.k[:, second], counts.n[:, second]
    # A complement's second group is all cases, the subset among them.
    whole = np.array([counts.splits[i].contrast == "complement" for i in pairs], np.int64)
    whole = whole[:, np.newaxis]
    k2, n2 = k2 - whole * k1, n2 - whole * n1
    if complement == "known":
        k2, n2 = k2 - counts.unknown_k[:, pairs], n2 - counts.unknown_n[:, pairs]
    statistic[:, pairs] = pearson_two(k1, n1, k2, n2)
    comparable[:, pairs] = (n1 > 0) & (n2 > 0)
    for i, split in enumerate(counts.splits):
        if len(split.groups) > 2:
            groups = slice(starts[i], starts[i + 1])
            n = counts.n[:, groups]
            statistic[:, i], df[:, i] = pearson_groups(counts.k[:, groups], n, axis=1)
            comparable[:, i] = (n > 0).sum(axis=1) > 1
    return statistic, df, comparable
