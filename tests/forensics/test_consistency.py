"""Feasible counts and minimal conflicts, against an enumeration of all tiny worlds."""

from __future__ import annotations

import math
from collections.abc import Hashable
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from omistats import UnknownNameError, UsageError

# Internal: tiny worlds; the report has one, and it is large.
from omistats.forensics.attainable_counts import iter_ranges
from omistats.forensics.consistency import (
    Figure,
    PrintedSplit,
    PrintedTotal,
    feasible_counts,
    minimal_conflicts,
)


@cache
def mark(k1: int, n1: int, k2: int, n2: int) -> str:
    if k1 + k2 in (0, n1 + n2):
        return "--"
    p = stats.chi2_contingency([[k1, n1 - k1], [k2, n2 - k2]], correction=False).pvalue
    return "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else "--"


def prints(k: int, n: int) -> int | None:
    return math.floor(100 * k / n + 0.5) if n else None


def consistent(whole: PrintedTotal, kept: frozenset[Hashable], k: int) -> bool:
    """Try every way to share `k` out among the groups of every division."""
    if any(name in kept and prints(k, whole.n) != percent for name, percent in whole.percents):
        return False
    # Divisions of one split are one division of the same cases, printed several times.
    printed: dict[Hashable, list[PrintedSplit]] = {}
    for d in whole.divisions:
        printed.setdefault(d.key if d.split is None else d.split, []).append(d)
    for same in printed.values():
        d = same[0]
        rest = whole.n - d.n1 - d.n2
        ways = (
            (k1, k2) for k1 in range(d.n1 + 1) for k2 in range(d.n2 + 1) if 0 <= k - k1 - k2 <= rest
        )
        if not any(
            all(
                (Figure(d.key, "first") not in kept or prints(k1, d.n1) == d.percent1)
                and (Figure(d.key, "second") not in kept or prints(k2, d.n2) == d.percent2)
                and (
                    Figure(d.key, "stars") not in kept
                    or min(d.n1, d.n2) == 0
                    or mark(k1, d.n1, k2, d.n2) == d.stars
                )
                for d in same
            )
            for k1, k2 in ways
        ):
            return False
    return True


percents = st.sampled_from([0, 13, 20, 25, 33, 50, 67, 75, 80, 83, 100])


@st.composite
def wholes(draw: st.DrawFn) -> PrintedTotal:
    n = draw(st.integers(1, 9))
    divisions = []
    sizes: tuple[int, int, bool] | None = None
    twice = draw(st.booleans())
    for key in range(2 if twice else draw(st.integers(1, 2))):
        if sizes is None or not twice:
            n1 = draw(st.integers(0, n))
            complement = draw(st.booleans())
            sizes = n1, n - n1 if complement else draw(st.integers(0, n - n1)), complement
        n1, n2, complement = sizes
        stars = draw(st.sampled_from(["--", "*", "**", None]))
        second = None if complement else draw(st.none() | percents)
        divisions.append(
            PrintedSplit(
                key,
                n1,
                n2,
                draw(st.none() | percents),
                second,
                stars,
                complement,
                split="one" if twice else None,
            )
        )
    return PrintedTotal(n, (("all", draw(percents)),), tuple(divisions))


@given(wholes())
def test_feasible_counts_and_conflicts_are_those_of_enumeration(whole: PrintedTotal) -> None:
    figures = sorted(whole.figures, key=repr)
    subsets = [frozenset(c) for r in range(len(figures) + 1) for c in combinations(figures, r)]
    contradictory = []
    for subset in subsets:
        expected = [consistent(whole, subset, k) for k in range(whole.n + 1)]
        assert feasible_counts(whole, subset).tolist() == expected
        if not any(expected):
            contradictory.append(subset)
    minimal = {c for c in contradictory if not any(other < c for other in contradictory)}
    assert set(minimal_conflicts(whole)) == minimal


@given(st.data(), st.integers(2, 300))
def test_a_mark_on_free_counts_is_found_wherever_some_division_of_them_earns_it(
    data: st.DataObject, n: int
) -> None:
    """The shortcut that guesses where a mark lies must lose no total."""
    n1 = data.draw(st.integers(1, n - 1))
    n2 = data.draw(st.integers(1, n - n1))
    stars = data.draw(st.sampled_from(["--", "*", "**", "***"]))
    k1, k2 = np.arange(n1 + 1)[:, None], np.arange(n2 + 1)
    # Pearson's statistic as the sum over cells of (observed - expected)^2 / expected.
    share = (k1 + k2) / (n1 + n2)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = ((k1 - n1 * share) ** 2 / n1 + (k2 - n2 * share) ** 2 / n2) / (
            share * (1 - share)
        )
    p = np.nan_to_num(stats.chi2.sf(statistic, 1), nan=1.0)
    level = np.select([p < 0.001, p < 0.01, p < 0.05], ["***", "**", "*"], "--")
    rest = n - n1 - n2
    totals = np.unique((k1 + k2)[level == stars])
    expected = sorted({int(t) + u for t in totals for u in range(rest + 1)})
    whole = PrintedTotal(n, (), (PrintedSplit("d", n1, n2, None, None, stars),))
    assert feasible_counts(whole).nonzero()[0].tolist() == expected


def test_unclassified_cases_leave_the_complement_and_may_be_anything() -> None:
    # 2 of 2 against 0 of 8 earns **; with the whole at 3 or 4 it takes unclassified successes.
    whole = PrintedTotal(
        10, (("all", 40),), (PrintedSplit("high", 2, 8, 100, None, "**", complement=True),)
    )
    assert not feasible_counts(whole).any()
    assert not feasible_counts(whole, unclassified=1).any()
    assert feasible_counts(whole, unclassified=2).nonzero()[0].tolist() == [4]


def test_overlapping_compares_with_the_whole() -> None:
    whole = PrintedTotal(
        100, (("all", 50),), (PrintedSplit("high", 50, 50, 60, None, "*", complement=True),)
    )
    # 30 of 50 against 20 of 50: p = 0.0455; against 50 of 100: p = 0.25.
    assert feasible_counts(whole).any()
    assert not feasible_counts(whole, method="overlapping").any()


def test_arguments_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match="more than the whole of 5"):
        PrintedTotal(5, (), (PrintedSplit("d", 3, 3, 50),))
    with pytest.raises(UsageError, match="other sizes each time: a: 3, 2; b: 2, 3"):
        PrintedTotal(
            5, (), (PrintedSplit("a", 3, 2, 50, split=1), PrintedSplit("b", 2, 3, 50, split=1))
        )
    with pytest.raises(UnknownNameError, match="mark"):
        PrintedSplit("d", 3, 3, 50, 50, "+")
    with pytest.raises(UsageError, match="from 0 up"):
        PrintedSplit("d", -1, 3, 50)
    with pytest.raises(UnknownNameError, match="test"):
        feasible_counts(
            PrintedTotal(6, (), (PrintedSplit("d", 3, 3, 33, 67, "--"),)), method="magic"
        )


@given(st.lists(st.integers(0, 6), max_size=12), st.integers(1, 9))
def test_every_position_is_walked_once(lengths: list[int], block: int) -> None:
    walked = [
        (int(a), int(b))
        for line, offset in iter_ranges(np.array(lengths, np.int64), block)
        for a, b in zip(line, offset, strict=True)
    ]
    assert walked == [(i, j) for i, length in enumerate(lengths) for j in range(length)]
