"""What is estimated in every draw: the sums it needs of each case, and the percentage of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError, UsageError
from omistats.kernel.bootstrap import count_drawn, sum_drawn
from omistats.model.cases import CaseSet
from omistats.resampling.options import answers_of
from omistats.scores.rules import RULES
from omistats.scores.sums import CaseSums, case_sums, scored_items

__all__ = ["Estimator", "finding_estimator", "score_estimator"]

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Estimator:
    """What is summed over cases, and what is made of the sums.

    Attributes
    ----------
    ids : tuple of str
        What is estimated: questions, or items.
    values : ndarray of float32 or float64, shape (cases, columns)
        What each case adds; in float32 whole numbers, sufficient and applicable answers.
    percent : callable
        From sums (..., columns) to percentages (..., ids); NaN where there is none.
    counts : ndarray of float32, shape (cases, 2 * ids)
        Sufficient, then applicable answers of each case.
    """

    ids: tuple[str, ...]
    values: npt.NDArray[np.floating]
    percent: Callable[[Floats], Floats]
    counts: npt.NDArray[np.float32]

    def drawn(
        self, members: npt.NDArray[np.bool_], weights: npt.NDArray[np.float32], a: int, b: int
    ) -> Floats:
        """Sum over the members of domains among the cases from a to b, in each draw."""
        total = count_drawn if self.values.dtype == np.float32 else sum_drawn
        return total(self.values[a:b], members[:, a:b], weights)


def finding_estimator(cases: CaseSet, questions: Iterable[str] | None) -> Estimator:
    """Estimate the percentage of each question."""
    framework = cases.framework
    ids = framework.known_ids if questions is None else framework.select(questions)
    if not ids:
        raise UsageError("no questions to estimate; pass questions=[...]")
    answers = answers_of(cases, ids)
    values = np.concatenate([answers.sufficient, answers.applicable], axis=1).astype(np.float32)
    return Estimator(tuple(ids), values, _ratio, values)


def score_estimator(cases: CaseSet, items: Iterable[str] | None, rule: str) -> Estimator:
    """Estimate the score of each item by a scoring rule."""
    if rule not in RULES:
        raise UnknownNameError("scoring rule", rule, RULES)
    scored = scored_items(cases.framework, items)
    sums = case_sums(cases, scored)
    ids = tuple(s.item.id for s in scored)
    k, n = (by_case.T for by_case in sums.by_case)
    counts = np.concatenate([k, n], axis=1)
    if rule == "pooled":
        return Estimator(ids, counts, _ratio, counts)
    if rule == "cases":
        asked = n > 0
        share = np.divide(k, n, out=np.zeros(n.shape), where=asked, dtype=np.float64)
        values = np.concatenate([share, asked], axis=1)
        return Estimator(ids, values, _ratio, counts)
    # Cases first: sufficient, then applicable answers to each question.
    answers = np.concatenate([given.T for given in sums.answers], axis=1)
    return Estimator(ids, answers, _mean_of_questions(sums), counts)


def _ratio(sums: Floats) -> Floats:
    k, n = np.split(sums, 2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100.0 * k / n, np.float64)


def _mean_of_questions(sums: CaseSums) -> Callable[[Floats], Floats]:
    feeds = sums.feeds.astype(np.float64)

    def percent(drawn: Floats) -> Floats:
        each = _ratio(drawn)
        asked = ~np.isnan(each)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (np.where(asked, each, 0.0) @ feeds) / (asked @ feeds)
        return np.asarray(mean, np.float64)

    return percent
