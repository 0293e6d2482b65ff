"""Bounds of what survives, against every combination of counts one by one."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

import omistats as oms
from omistats import DataError, UnknownNameError, UsageError

METHODS = ("holm", "bh", "bonferroni")


def adjusted(p: tuple[float, ...], method: str) -> list[float]:
    """By definition, in plain Python."""
    m = len(p)
    if method == "bonferroni":
        return [min(m * q, 1.0) for q in p]
    if method == "holm":
        return [max(min(1.0, sum(r >= q for r in p) * q) for q in p if q <= own) for own in p]
    return [min(min(1.0, m * q / sum(r <= q for r in p)) for q in p if q >= own) for own in p]


def printed(k: int, n: int) -> int:
    """Half up, in whole numbers."""
    return (200 * k + n) // (2 * n)


def mark(p: float) -> str:
    return "--" if p >= 0.05 else "*" if p >= 0.01 else "**" if p >= 0.001 else "***"


def pairs(row: tuple[int, int, int, int], whole: bool) -> list[float]:
    """The p-value of every pair of counts behind a row, by scipy; 1 where answers are alike."""
    percent1, n1, percent2, n2 = row
    out = []
    for k1, k2 in product(range(n1 + 1), range(n2 + 1)):
        if (printed(k1, n1), printed(k2, n2)) != (percent1, percent2):
            continue
        a, b, size = k1, k2, n2
        if whole:
            b, size = k2 - k1, n2 - n1
        if not 0 <= b <= size:
            continue
        if a + b in (0, n1 + size):
            out.append(1.0)
        else:
            table = [[a, n1 - a], [b, size - b]]
            out.append(float(chi2_contingency(table, correction=False).pvalue))
    return out


def table_of(seed: int) -> tuple[list[tuple[int, int, int, int]], list[str], list[bool]]:
    """Three rows as they could be printed."""
    rng = np.random.default_rng(seed)
    rows, marks, wholes = [], [], []
    for _ in range(3):
        whole = bool(rng.random() < 0.5)
        n1, n2 = (int(v) for v in rng.integers([110, 140], [130, 190]))
        p = rng.uniform(0.3, 0.7)
        k1, k2 = int(rng.binomial(n1, p)), int(rng.binomial(n2, min(p + rng.uniform(0, 0.3), 0.95)))
        first = [[k1, n1 - k1], [k2, n2 - k2]]
        marks.append(mark(float(chi2_contingency(first, correction=False).pvalue)))
        if whole:
            k2, n2 = k1 + k2, n1 + n2
        rows.append((printed(k1, n1), n1, printed(k2, n2), n2))
        wholes.append(whole)
    return rows, marks, wholes


@pytest.mark.parametrize("adjustment", METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_bounds_are_those_of_every_combination(adjustment: str, seed: int) -> None:
    rows, marks, wholes = table_of(seed)
    every = [pairs(row, whole) for row, whole in zip(rows, wholes, strict=True)]
    earned = [[p for p in ps if mark(p) == m] for ps, m in zip(every, marks, strict=True)]
    # Decisions need no more of a row than its different p-values.
    made = [
        [adjusted(p, adjustment) for p in product(*(sorted(set(v)) for v in values))]
        for values in (every, earned)
    ]
    # Levels that some counts reach and others do not.
    middle = [(min(own) + max(own)) / 2 for own in zip(*made[0], strict=True)]
    for level in middle:
        if not 0 < level < 1:
            continue
        found = oms.forensics.survivors(
            *np.transpose(rows), marks, complement=wholes, adjustment=adjustment, level=level
        )
        by_percent, with_marks = (
            {sum(p < level for p in family) for family in families} for families in made
        )
        assert (min(by_percent), max(by_percent)) == (found.least_by_percent, found.most_by_percent)
        assert (min(with_marks), max(with_marks)) == (found.least, found.most)
        assert len(by_percent) > 1
        assert (found.tests, found.stars) == (3, sum(m != "--" for m in marks))
        assert found.unexplained == ()


# Of the last two rows the answers may all be the same.
MAY_BE_ALIKE = [
    ([(74, 100, 60, 100), (100, 230, 100, 250)], ["*", "--"], [False, False]),
    ([(74, 100, 60, 100), (0, 210, 0, 260), (0, 220, 0, 430)], ["*", "--", "--"], [False] * 3),
    ([(70, 100, 56, 100), (100, 30, 100, 450), (0, 420, 0, 640)], ["*", "--", "--"], [0, 1, 1]),
]


@pytest.mark.parametrize("adjustment", METHODS)
@pytest.mark.parametrize(("rows", "marks", "wholes"), MAY_BE_ALIKE)
def test_a_row_whose_answers_may_all_be_the_same_may_leave_the_family(
    rows: Any, marks: list[str], wholes: Any, adjustment: str
) -> None:
    """Every combination again, where answers that are all the same (1 above) make no test."""
    every = [sorted(set(pairs(row, whole))) for row, whole in zip(rows, wholes, strict=True)]
    earned = [[p for p in ps if mark(p) == m] for ps, m in zip(every, marks, strict=True)]
    families = [[tuple(p for p in f if p < 1) for f in product(*v)] for v in (every, earned)]
    more = 0
    for level in (0.02, 0.05, 0.06, 0.09, 0.12, 0.5, 0.9):
        found = oms.forensics.survivors(
            *np.transpose(rows), marks, complement=wholes, adjustment=adjustment, level=level
        )
        counts = [{sum(p < level for p in adjusted(f, adjustment)) for f in fs} for fs in families]
        assert (max(counts[0]), max(counts[1])) == (found.most_by_percent, found.most)
        assert found.least_by_percent <= min(counts[0])
        assert found.least <= min(counts[1])
        whole = max(sum(p < level for p in adjusted(f, adjustment)) for f in product(*earned))
        more += found.most > whole
    assert more
    assert found.tests == len(rows)


def test_one_printed_row_and_one_that_may_say_nothing() -> None:
    """By hand: 74% and 60% of 100 have p 0.035, which is significant if it is the only test."""
    table = [74, 100], [100, 300], [60, 100], [100, 250], ["*", "--"]
    for adjustment in METHODS:
        found = oms.forensics.survivors(*table, adjustment=adjustment)
        assert (found.tests, found.least, found.most) == (2, 0, 1)


def test_a_subset_cannot_have_more_of_an_answer_than_the_whole_leaves() -> None:
    """By hand: of 202 cases 201 are in the subset, so 101 leave 0 or 1 to the other case."""
    found = oms.forensics.survivors([50], [201], [50], [202], ["--"], complement=True)
    assert (found.least_by_percent, found.most_by_percent) == (0, 0)


def test_a_row_without_a_second_group_or_with_all_alike_is_in_no_family() -> None:
    rows = [(60, 100, 80, 100), (50, 20, np.nan, 0), (100, 30, 100, 40), (0, 30, 0, 40)]
    found = oms.forensics.survivors(*np.transpose(rows), ["**", "--", "--", "--"])
    assert (found.tests, found.stars, found.least, found.most) == (1, 1, 1, 1)


def test_a_mark_that_no_counts_earn_is_told_and_set_aside() -> None:
    found = oms.forensics.survivors(
        [82, 70], [440, 100], [75, 40], [2191, 100], ["**", "***"], complement=[True, False]
    )
    assert found.unexplained == (0,)
    assert (found.least, found.most) == (2, 2)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"level": 5}, UsageError, "between 0 and 1; found 5"),
        ({"adjustment": "hom"}, UnknownNameError, "did you mean 'holm'"),
        ({"method": "fisher"}, UnknownNameError, "choose from"),
        ({"method": "overlapping"}, UnknownNameError, "choose from pearson"),
        ({"stars": ["****"]}, UnknownNameError, "unknown mark"),
        ({"percent1": [101]}, DataError, "percent1"),
        ({"percent1": ["60%"]}, UsageError, "percent1: expected numbers"),
        ({"n2": [0]}, UsageError, "the family is empty"),
        ({"stars": [["*"]]}, UsageError, "one-dimensional"),
        ({"stars": ["*"] * 3, "n1": [1, 2]}, UsageError, "one entry a row"),
    ],
)
def test_what_is_no_table_is_refused(changes: Any, error: Any, says: str) -> None:
    given: Any = {"percent1": [60], "n1": [100], "percent2": [80], "n2": [100], "stars": ["**"]}
    with pytest.raises(error, match=says):
        oms.forensics.survivors(**{**given, **changes})
