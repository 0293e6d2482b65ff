"""Pooled score and mean of the published outcome questions.

The last eight rows of Tables 7-11 of the 2011 report; their whole-sample figures and Ns are
printed where cases of high risk of harm stand beside all. The report prints 57% for outcomes.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

import omistats as oms

OUTCOMES = oms.omi2.FRAMEWORK.question_ids[-8:]
PRINTED = 57


def half_up(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


def published() -> list[tuple[int, int]]:
    return [
        (row["percent"], row["n"])
        for row in oms.omi2.load_published().to_pylist()
        if row["group"] == "all" and row["question"] in OUTCOMES
    ]


def possible() -> list[tuple[list[int], int]]:
    """List the counts that print as the percentage, by trying all."""
    return [
        ([k for k in range(n + 1) if half_up(Fraction(100 * k, n)) == percent], n)
        for percent, n in published()
    ]


def test_there_are_eight_questions_with_possible_counts():
    found = possible()
    assert len(found) == len(OUTCOMES) == 8
    assert all(counts == list(range(counts[0], counts[-1] + 1)) for counts, _ in found)


def test_pooling_prints_as_published_whatever_the_counts():
    found = possible()
    total = sum(n for _, n in found)
    # Counts come in unbroken runs, so their sums do as well.
    sums = range(sum(c[0] for c, _ in found), sum(c[-1] for c, _ in found) + 1)
    assert {half_up(Fraction(100 * k, total)) for k in sums} == {PRINTED}
    ends = [round(100 * k / total, 2) for k in (sums[0], sums[-1])]
    assert ends == [56.51, 57.46]


def test_the_mean_prints_as_published_in_a_corner_only():
    found = possible()
    low, high = (sum(Fraction(100 * counts[end], n) for counts, n in found) / 8 for end in (0, -1))
    assert (round(float(low), 2), round(float(high), 2)) == (57.40, 58.35)
    assert (half_up(low), half_up(high)) == (PRINTED, PRINTED + 1)
    # All choices of counts: each sum of the first four shares with each sum of the last four.
    halves = [
        np.sort([sum(100 * k / n for k, (_, n) in zip(ks, half, strict=True)) for ks in product(
            *(counts for counts, _ in half)
        )])
        for half in (found[:4], found[4:])
    ]  # fmt: skip
    below = np.searchsorted(halves[1], 8 * (PRINTED + 0.5) - halves[0]).sum()
    assert 0 < below / (len(halves[0]) * len(halves[1])) < 1e-3


def test_scores_of_shipped_cases_show_the_same_difference():
    cases = oms.omi2.load_synthetic()
    assert set(OUTCOMES) == {
        q.id for q in cases.framework.questions if any(link.item[0] == "3" for link in q.links)
    }
    percents = {
        rule: oms.scores(cases, items="3", rule=rule).table["percent"][0].as_py()
        for rule in ("pooled", "questions")
    }
    assert percents["pooled"] == pytest.approx(57.0, abs=0.5)
    assert percents["questions"] == pytest.approx(57.9, abs=0.5)
    assert percents["questions"] > percents["pooled"]


def test_no_invented_question_feeds_the_outcome_scores():
    cases = oms.omi2.load_synthetic()
    (line,) = oms.scores(cases, items="3").table.to_pylist()
    assert (line["questions"], line["invented"]) == (8, 0)
    assert line["provenance"] != "invented"
