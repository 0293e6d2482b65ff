"""Rounding, decimals and upper bounds of printed tables, against slow enumerations."""

from __future__ import annotations

import decimal
import math
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

import omistats as oms
from omistats import DataError, UnknownNameError, UsageError
from omistats.forensics import attainable, difference_behind, infer_rounding, survivors

# Internal: the counts alone, the names of the tests and the marks.
from omistats.forensics.attainable_counts import METHODS

# Internal: a total with its splits; the public face has the report's only.
from omistats.forensics.consistency import PrintedSplit, PrintedTotal, feasible_counts
from omistats.kernel.chi_square import STARS
from omistats.kernel.rounding import ROUNDINGS, counts_behind

MODES = {
    "half-up": (ROUND_HALF_UP,),
    "half-even": (ROUND_HALF_EVEN,),
    "nearest": (ROUND_HALF_UP, ROUND_HALF_DOWN),
    "truncate": (ROUND_DOWN,),
    "either": (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_HALF_DOWN, ROUND_DOWN),
}
CONVENTIONS = ("half-up", "half-even", "nearest", "truncate")

decimals_printed = st.integers(0, 3)
conventions = st.sampled_from(ROUNDINGS)


def prints(k: int, n: int, rounding: str, decimals: int) -> set[str]:
    """Print a percentage by the decimal module, in every way that the convention allows."""
    with decimal.localcontext() as context:
        context.prec = 60
        exact = Decimal(100 * k) / Decimal(n)
        last = Decimal(1).scaleb(-decimals)
        return {str(exact.quantize(last, mode)) for mode in MODES[rounding]}


def behind(printed: str, n: int, rounding: str, decimals: int) -> list[int]:
    return [k for k in range(n + 1) if printed in prints(k, n, rounding, decimals)]


def p_of(k1: int, n1: int, k2: int, n2: int) -> float:
    """Pearson's p-value by scipy; answers all alike differ in nothing."""
    if k1 + k2 in (0, n1 + n2):
        return 1.0
    table = [[k1, n1 - k1], [k2, n2 - k2]]
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def mark(p: float) -> str:
    return "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else "--"


# Numbers of cases at which percentages are exact halves, and others.
sizes = st.integers(1, 130) | st.sampled_from([8, 16, 40, 80, 125, 200, 400])


@given(st.data(), sizes, conventions, decimals_printed)
def test_counts_behind_are_those_of_the_decimal_module(
    data: st.DataObject, n: int, rounding: str, decimals: int
) -> None:
    k = data.draw(st.integers(0, n))
    for printed in prints(k, n, rounding, decimals):
        low, high = counts_behind(float(printed), n, rounding=rounding, decimals=decimals)
        assert list(range(low, high + 1)) == behind(printed, n, rounding, decimals)
    # Any other figure, which mostly nothing prints as.
    units = data.draw(st.integers(0, 100 * 10**decimals))
    other = str(Decimal(units).scaleb(-decimals))
    low, high = counts_behind(float(other), n, rounding=rounding, decimals=decimals)
    assert list(range(low, high + 1)) == behind(other, n, rounding, decimals)


@given(st.data(), st.integers(1, 10**12), conventions, st.integers(0, 6))
def test_the_ends_are_right_for_large_groups_and_many_decimals(
    data: st.DataObject, n: int, rounding: str, decimals: int
) -> None:
    k = data.draw(st.integers(0, n))
    for printed in prints(k, n, rounding, decimals):
        low, high = counts_behind(float(printed), n, rounding=rounding, decimals=decimals)
        assert low <= k <= high
        for end, step in ((int(low), -1), (int(high), 1)):
            assert printed in prints(end, n, rounding, decimals)
            if 0 <= end + step <= n:
                assert printed not in prints(end + step, n, rounding, decimals)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 45), st.integers(1, 45), conventions, decimals_printed)
def test_marks_and_differences_are_those_of_every_pair(
    data: st.DataObject, n1: int, n2: int, rounding: str, decimals: int
) -> None:
    printed = [min(prints(data.draw(st.integers(0, n)), n, rounding, decimals)) for n in (n1, n2)]
    pairs = [
        (a, n1, b, n2)
        for a in behind(printed[0], n1, rounding, decimals)
        for b in behind(printed[1], n2, rounding, decimals)
    ]
    given_: Any = printed[0], n1, printed[1], n2
    options: Any = {"rounding": rounding, "decimals": decimals}
    found = attainable(*given_, **options)
    p = [p_of(*pair) for pair in pairs]
    assert found.pairs == len(pairs)
    assert (found.rounding, found.decimals, found.reason) == (rounding, decimals, "")
    assert {s for s, a in zip(STARS, found.stars, strict=True) if a} == set(map(mark, p))
    np.testing.assert_allclose([found.p_min, found.p_max], [min(p), max(p)], rtol=1e-7)
    apart = difference_behind(*given_, **options)
    differences = [a / m1 - b / m2 for a, m1, b, m2 in pairs]
    np.testing.assert_allclose(
        [apart.least, apart.most], [min(differences), max(differences)], atol=1e-12
    )


PROGRAMS = {
    "round": lambda k, n, d: str(round(100 * k / n, d) if d else round(100 * k / n)),
    "round the share": lambda k, n, d: str(round(100 * (k / n), d)),
    "format": lambda k, n, d: f"{100 * k / n:.{d}f}",
    "percent format": lambda k, n, d: f"{k / n:.{d}%}",
    "numpy": lambda k, n, d: str(float(np.round(100 * k / n, d))),
}

counts = sizes.flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
many_counts = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
on_halves = st.sampled_from([200, 400, 2000]).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.just(n))
)


@pytest.mark.parametrize("program", PROGRAMS)
@given(st.lists(counts | many_counts | on_halves, min_size=1, max_size=30), st.integers(0, 2))
def test_tables_printed_by_python_are_possible(
    program: str, table: list[tuple[int, int]], decimals: int
) -> None:
    """Also where an exact half is no floating-point number, so that it may go either way."""
    k, n = np.array(table).T
    printed = [PROGRAMS[program](a, b, decimals) for a, b in table]
    found = attainable(printed, n, printed[::-1], n[::-1])
    assert found.possible.all()
    inferred = infer_rounding(printed, n)
    assert "nearest" in inferred.possible
    assert inferred.decimals <= decimals
    explicit = attainable(printed, n, 50, 2, rounding="nearest", decimals=decimals)
    assert ((explicit.low1 <= k) & (k <= explicit.high1)).all()


@given(
    st.lists(counts, min_size=1, max_size=12),
    st.sampled_from(["half-up", "half-even", "truncate"]),
    st.integers(0, 2),
)
def test_the_conventions_that_can_have_printed_a_table_are_those_of_enumeration(
    table: list[tuple[int, int]], rounding: str, decimals: int
) -> None:
    printed = [min(prints(k, n, rounding, decimals)) for k, n in table]
    sizes_printed = [n for _, n in table]
    # Of all figures the last digit may happen to be 0.
    assert infer_rounding(printed, sizes_printed).decimals <= decimals
    found = infer_rounding(printed, sizes_printed, decimals=decimals)
    assert rounding in found.possible
    for convention in CONVENTIONS:
        excluded = tuple(
            i
            for i, (text, n) in enumerate(zip(printed, sizes_printed, strict=True))
            if not behind(text, n, convention, decimals)
        )
        assert (convention in found.possible) == (not excluded)
        assert found.excluded.get(convention, ()) == excluded
    assert found.tested == len(table)
    figures: Any = printed, sizes_printed, 50, 2
    table_found = attainable(*figures, decimals=decimals)
    assert table_found.rounding == found.rounding
    assert table_found.roundings == found.possible
    misprint = found.possible == ("truncate",) and len(found.excluded["nearest"]) == 1
    assert table_found.possible.all() == (not misprint)


def test_the_convention_to_use() -> None:
    """By hand: 12.5%, 37.5% and 62.5% are halves of 8; 66.7% is 2 of 3."""
    cases = [
        (([13, 38], [8, 8]), "half-up"),
        (([12, 38], [8, 8]), "half-even"),
        (([12, 37, 67], [8, 8, 3]), "nearest"),
        (([66, 16], [3, 6]), "truncate"),
        (([66, 33], [3, 3]), "half-up"),  # only truncated; one such figure may be a misprint
        (([12], [8]), "either"),  # to even or truncated
        (([66, 67], [3, 3]), "half-up"),  # no one convention
        (([], []), "half-up"),
    ]
    for (percent, n), expected in cases:
        assert infer_rounding(percent, n).rounding == expected, percent
    both = infer_rounding([66, 67, np.nan], [3, 3, 3])
    assert both.possible == ()
    assert both.excluded["half-up"] == (0,)
    assert both.excluded["truncate"] == (1,)
    assert (
        str(both) == "2 percentages with 0 decimals fit no convention; not half-up, half-even, "
        "nearest or truncate"
    )
    assert str(infer_rounding([50], [2])) == (
        "1 percentage with 0 decimals can be half-up, half-even, nearest or truncate"
    )


def test_a_table_of_half_up_is_read_half_up_whatever_else_is_possible() -> None:
    found = attainable([82, 50], [440, 8], [75, 63], [2191, 8])
    assert found.rounding == "half-up"
    assert found.roundings == ("half-up", "nearest")
    # No figure is an exact half.
    alike = attainable(82, 440, 75, 2191)
    assert (alike.rounding, alike.roundings) == ("half-up", CONVENTIONS)
    assert attainable(82, 440, 75, 2191, rounding="truncate").roundings == ("truncate",)


def test_decimals_are_read_from_the_figures() -> None:
    assert infer_rounding([12.5, 33], [8, 3]).decimals == 1
    assert infer_rounding(["12.5", "33 %", "", None], [8, 3, 9, 9]).decimals == 1
    # Zeros alone tell nothing: a column of floats prints whole percentages so.
    assert infer_rounding(["33.0", "67.0"], [3, 3]).decimals == 0
    assert infer_rounding([0.1 + 0.2], [1000]).decimals == 1
    assert infer_rounding([44.85, 27.99, 23.45, 47.72], [1795, 1901, 1488, 966]).possible
    # 33.3 of 3 is 33.33; as 33.300 it is not.
    assert attainable(33.3, 3, 50, 2).possible
    assert not attainable(33.3, 3, 50, 2, decimals=3).possible
    assert attainable("50.0", 2, "33.3%", 3).decimals == 1


def test_error_rates_printed_with_two_decimals_have_their_counts() -> None:
    """Of ProPublica's analysis of COMPAS (2016): 805 of 1,795 is printed as 44.85%."""
    percent, n = [44.85, 27.99, 23.45, 47.72], [1795, 1901, 1488, 966]
    found = attainable(percent, n, percent[::-1], n[::-1])
    assert found.low1.tolist() == found.high1.tolist() == [805, 532, 349, 461]


def up_to(printed: str, most: int, rounding: str, decimals: int) -> list[tuple[int, int]]:
    return [(k, n) for n in range(1, most + 1) for k in behind(printed, n, rounding, decimals)]


@settings(max_examples=40, deadline=None)
@given(
    st.data(),
    st.integers(1, 22),
    st.integers(1, 22),
    conventions,
    st.integers(0, 1),
)
@pytest.mark.parametrize("method", [m for m in METHODS if m != "overlapping"])
def test_upper_bounds_are_those_of_all_smaller_numbers_of_cases(
    method: str, data: st.DataObject, n1: int, n2: int, rounding: str, decimals: int
) -> None:
    figures = []
    for most in (n1, n2):
        n = data.draw(st.integers(1, most))
        k = data.draw(st.integers(0, n))
        figures += [min(prints(k, n, rounding, decimals)), most]
    options: Any = {"rounding": rounding, "decimals": decimals}
    found = attainable(*figures, n_at_most=True, method=method, **options)
    first, second = (
        up_to(printed, most, rounding, decimals)
        for printed, most in zip(figures[::2], figures[1::2], strict=True)
    )
    assert found.possible
    assert found.pairs == len(first) * len(second)
    assert (found.low1, found.high1) == (min(first)[0], max(first)[0])
    assert (found.low2, found.high2) == (min(second)[0], max(second)[0])
    # Exactly, pair by pair: the tests themselves are checked elsewhere.
    k1, m1, k2, m2 = np.array([(*a, *b) for a in first for b in second]).T
    alone = oms.stats.compare(k1, m1, k2, m2, method=method).p_value
    p = np.where(np.isnan(alone), 1.0, alone)
    assert found.p_min == pytest.approx(p.min(), rel=1e-9, abs=1e-300)
    if rounding == "either" and figures[0] != figures[2]:
        # Neighbouring figures can come from nearly the same proportion.
        assert found.p_max >= p.max() * (1 - 1e-9)
    else:
        assert found.p_max == pytest.approx(p.max(), rel=1e-9)
    earned = set(map(mark, p.tolist()))
    assert earned <= {s for s, a in zip(STARS, found.stars, strict=True) if a}
    apart = difference_behind(*figures, n_at_most=True, **options)
    shares = k1 / m1 - k2 / m2
    assert apart.least == pytest.approx(shares.min(), abs=1e-12)
    assert apart.most == pytest.approx(shares.max(), abs=1e-12)
    assert np.isnan([apart.low, apart.high]).all()
    assert "upper bounds" in str(apart.reason)


def test_upper_bounds_accuse_only_what_no_smaller_group_prints() -> None:
    # 5% takes 19 cases or more: 1 of 18 is 5.6%, which is 5 only if digits are dropped.
    options: Any = {"n_at_most": True, "rounding": "half-up"}
    found = attainable(5, [18, 19], 50, 10, **options)
    assert found.possible.tolist() == [False, True]
    assert found.reason.tolist() == ["no count prints as a percentage", ""]
    assert infer_rounding([5], [18], n_at_most=True).possible == ("truncate",)
    assert attainable(5, 18, 6, 15, n_at_most=True).rounding == "truncate"
    # As exact numbers of cases both would be impossible.
    assert not attainable(5, 27, 50, 10, rounding="half-up").possible
    assert attainable(5, 27, 50, 10, rounding="half-up", n_at_most=True).possible


def test_rows_with_upper_bounds_stand_beside_exact_ones() -> None:
    one = attainable(58, 171, 67, 1266)
    found = attainable([58, 58], 171, 67, 1266, n_at_most=[False, True])
    assert (found.p_min[0], found.p_max[0]) == (one.p_min, one.p_max)
    assert found.p_min[1] <= one.p_min
    assert found.p_max[1] > one.p_max
    both = difference_behind([58, 58], 171, 67, 1266, n_at_most=[False, True])
    assert np.isnan(both.low).tolist() == [False, True]
    assert both.least[1] <= both.least[0] < both.most[0] <= both.most[1]


def test_printed_returns_of_a_survey_are_not_accused() -> None:
    """Of HM Inspectorate of Prisons, 2019-20: men and women, of at most so many questionnaires."""
    men, women = [29, 11, 48, 5, 16, 42, 89, 63, 71], [16, 10, 58, 7, 5, 32, 89, 69, 79]
    found = attainable(men, 6308, women, 694, n_at_most=True)
    assert found.possible.all()
    assert found.attains("--").all()
    # 11% and 10%, 89% and 89%: no numbers of cases make so small a difference significant.
    close = [False, True, False, False, False, False, True, False, False]
    for stars in ("*", "**", "***"):
        assert found.attains(stars).tolist() == np.logical_not(close).tolist()


def test_survivors_of_a_table_with_upper_bounds_enclose_those_of_exact_numbers() -> None:
    table: Any = [90, 55, 70], [100, 80, 120], [70, 48, 60], [300, 250, 100]
    marks = ["***", "--", "--"]
    exact = survivors(*table, marks)
    bounded = survivors(*table, marks, n_at_most=[False, True, True])
    assert bounded.tests == exact.tests == 3
    assert bounded.least <= exact.least <= exact.most <= bounded.most
    assert bounded.least_by_percent <= exact.least_by_percent
    assert exact.most_by_percent <= bounded.most_by_percent
    # The mark alone keeps the first p-value below 0.001, which survives three tests.
    assert bounded.surely == (0,)
    assert survivors(*table, marks, n_at_most=True).least == 1


def test_a_mark_that_no_smaller_group_earns_is_unexplained() -> None:
    found = survivors([89, 50], [694, 10], [89, 50], [6308, 10], ["*", "--"], n_at_most=True)
    assert found.unexplained == (0,)
    # All answers of 1 case printed as 100% are the same, and so are those of 1 case at 0%.
    with pytest.raises(UsageError, match="the family is empty"):
        survivors([100, 0], [30, 40], [100, 0], [50, 60], ["--", "--"], n_at_most=True)


def test_survivors_of_a_weighted_table_go_by_its_marks() -> None:
    figures: Any = [70, 60, 55, np.nan], [90, 80, 85, 0], [50, 40, 52, 50], [90, 95, 80, 20]
    found = survivors(*figures, ["***", "**", "--", "--"], weighted=True)
    # By hand, Holm of 3 tests: 3 * 0.001 and 2 * 0.01 are below 0.05.
    assert (found.tests, found.least, found.most) == (3, 2, 2)
    assert (found.least_by_percent, found.most_by_percent) == (0, 3)
    assert (found.unexplained, found.reason) == ((), "not testable from counts: weighted")
    # p of the second row is below 0.05 only: 2 * 0.05 need not be.
    weaker = survivors(*figures, ["***", "*", "--", "--"], weighted=True)
    assert (weaker.least, weaker.most) == (1, 2)


def test_survivors_read_the_rounding_of_all_their_rows() -> None:
    """The first row says that halves went to even; alone the second does not."""
    rows: Any = [12, 90], [8, 100], [38, 70], [8, 300]
    found = survivors(*rows, ["--", "***"], complement=[False, False])
    assert (found.rounding, found.tests) == ("half-even", 2)
    assert survivors(*rows, ["--", "***"], rounding="half-up").tests == 1
    assert survivors([12.5], [8], [33.3], [3], ["--"]).decimals == 1


def test_a_weighted_table_keeps_blanks_blank() -> None:
    found = attainable([50, np.nan, 50], [7, 7, 0], 33, 10, weighted=True)
    assert found.possible.tolist() == [True, False, False]
    assert found.reason.tolist() == [
        "not testable from counts: weighted",
        "a percentage or a number of cases is blank",
        "a group has no cases",
    ]
    assert (found.low1.tolist(), found.high1.tolist()) == ([0, 1, 1], [7, 0, 0])
    within = difference_behind(50, 10, 50, 20, complement=True, weighted=True)
    assert np.isnan([within.least, within.most]).all()


def test_reasons_of_figures_that_were_not_tested() -> None:
    found = attainable(
        [50, None, 50, 50, 100, 50], [0, 5, 3, 4, 10, 10], [50, 50, 50, 33, 0, 50],
        [10, 10, 10, 10, 20, 10], rounding="half-up", complement=True,
    )  # fmt: skip
    assert found.reason.tolist() == [
        "a group has no cases",
        "a percentage or a number of cases is blank",
        "no count prints as a percentage",
        "no count prints as a percentage",
        "no counts fit both percentages",
        "no case is outside the subset",
    ]


@given(st.data(), st.integers(1, 30), conventions, st.integers(0, 1))
def test_feasible_counts_go_by_the_rounding_of_the_total(
    data: st.DataObject, n: int, rounding: str, decimals: int
) -> None:
    n1 = data.draw(st.integers(0, n))
    k1, k2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n - n1))
    parts = [(k1, n1), (k2, n - n1)]
    printed = [min(prints(k, m, rounding, decimals)) if m else None for k, m in parts]
    total = min(prints(k1 + k2, n, rounding, decimals))
    split = PrintedSplit("s", n1, n - n1, *(None if p is None else float(p) for p in printed))
    whole = PrintedTotal(n, (("all", float(total)),), (split,), rounding, decimals)
    ways = [
        {0} if p is None else set(behind(p, m, rounding, decimals))
        for p, (_, m) in zip(printed, parts, strict=True)
    ]
    sums = {a + b for a in ways[0] for b in ways[1]}
    expected = sorted(sums & set(behind(total, n, rounding, decimals)))
    assert feasible_counts(whole).nonzero()[0].tolist() == expected
    assert k1 + k2 in expected


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"rounding": "halfup"}, UnknownNameError, "did you mean 'half-up'"),
        ({"decimals": 1.0}, UsageError, "`decimals` must be a whole number"),
        ({"decimals": 7}, UsageError, "`decimals` must be at most 6; found 7"),
        ({"weighted": "yes"}, UsageError, "`weighted` must be True or False; found 'yes'"),
        ({"n_at_most": [500]}, UsageError, "`n_at_most` must be True, False or one of them a row"),
        ({"n_at_most": True, "complement": True}, UsageError, "needs two separate groups"),
        ({"percent1": 12.55, "decimals": 1}, DataError, "at most 1 decimal; found 12.55"),
        ({"percent1": 12.5, "decimals": 0}, DataError, "whole numbers from 0 to 100; found 12.5"),
        ({"percent1": 100 / 3}, DataError, "at most 6 decimals"),
        ({"percent1": "12,5"}, DataError, "percent1"),
        ({"n1": 10**9, "n_at_most": True}, UsageError, "upper bound"),
        ({"n_at_most": [True, False, True], "n1": [5, 5]}, UsageError, "do not broadcast"),
    ],
)
def test_options_that_cannot_be_are_refused(options: Any, error: Any, says: str) -> None:
    given_: Any = {"percent1": 50, "n1": 10, "percent2": 50, "n2": 10}
    for function in (attainable, difference_behind):
        with pytest.raises(error, match=says):
            function(**{**given_, **options})


def test_a_table_whose_rounding_cannot_be_inferred_is_refused() -> None:
    with pytest.raises(DataError, match=r"(?s)percent: numbers from 0 to 100.*n: whole numbers"):
        infer_rounding([101], [-1])
    with pytest.raises(UsageError, match="do not broadcast"):
        infer_rounding([50, 60], [1, 2, 3])
    with pytest.raises(UnknownNameError, match="rounding"):
        PrintedTotal(10, rounding="up")
    with pytest.raises(UsageError, match="decimals"):
        PrintedTotal(10, decimals=9)
    assert not math.isnan(infer_rounding(50, 2).tested)
