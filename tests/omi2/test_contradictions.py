"""Contradictions in the published tables, in consistent tables and in altered ones."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy import stats

from omistats import DataError, UsageError
from omistats.forensics import attainable
from omistats.omi2 import FRAMEWORK, TABLES, Contradiction, contradictions, load_published

# Internal: damaged tables are printed as the shipped ones are.
from omistats.omi2.printed_contradictions import Remedy
from omistats.omi2.published import AGE_SHARES, REPEATED, SCHEMA

Line = dict[str, Any]
LINES = load_published().to_pylist()


@pytest.fixture(scope="module")
def found() -> tuple[Contradiction, ...]:
    """Find the contradictions of the report once; the search takes a second."""
    return contradictions()


@pytest.fixture(scope="module")
def smallest(found: tuple[Contradiction, ...]) -> list[Contradiction]:
    return [c for c in found if c.minimal]


def changed(edit: Callable[[list[Line]], None], *questions: str) -> tuple[Contradiction, ...]:
    """Search the printed figures of some questions after a change."""
    lines = [dict(x) for x in LINES if x["question"] in questions]
    edit(lines)
    return contradictions(pa.Table.from_pylist(lines, SCHEMA))


def put(lines: list[Line], table: int, row: int, group: str | None, what: str, value: Any) -> None:
    at = [
        x for x in lines if (x["table"], x["row"]) == (table, row) and group in (None, x["group"])
    ]
    assert len(at) == (2 if group is None else 1)
    for line in at:
        line[what] = value


# Oracle: loops and scipy only.


def behind(percent: int, n: int) -> list[int]:
    return [k for k in range(n + 1) if math.floor(100 * k / n + 0.5) == percent]


def figures(table: int, row: int) -> list[tuple[int, int]]:
    return [(x["percent"], x["n"]) for x in LINES if (x["table"], x["row"]) == (table, row)]


def mark(k1: int, n1: int, k2: int, n2: int) -> str:
    if k1 + k2 in (0, n1 + n2):
        return "--"
    p = stats.chi2_contingency([[k1, n1 - k1], [k2, n2 - k2]], correction=False).pvalue
    return "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else "--"


def test_what_the_report_contradicts(smallest: list[Contradiction]) -> None:
    within = {(c.table, c.row, c.what, c.premises) for c in smallest if len(set(c.cells)) == 3}
    assert within == {
        (3, 9, "stars", ("procedure",)),
        (6, 2, "stars", ("procedure",)),
        (8, 47, "percent", ("arithmetic",)),
        (9, 47, "percent", ("arithmetic",)),
    }
    shares = [c for c in smallest if c.table is None]
    assert [(c.row, c.question, c.what, c.premises, c.cells) for c in shares] == [
        (None, None, "share", ("arithmetic",), ((None, None, "17-24", "share"),)),
        (None, None, "share", ("arithmetic",), ((None, None, "25+", "share"),)),
    ]
    # Table 6 row 2 again: figures of other tables rule its star out without the "all" figure.
    again = [c for c in smallest if c not in shares and len(c.cells) != 3]
    assert {(c.table, c.row, c.what, c.premises) for c in again} == {
        (6, 2, "stars", ("procedure",))
    }
    assert [sorted({cell[0] for cell in c.cells}) for c in again] == [
        [6, 8], [6, 9], [6, 9], [6, 10], [6, 11], [6, 11],
    ]  # fmt: skip
    assert len(smallest) == 12


def test_the_figure_that_two_contradictions_share_is_diagnosed(
    found: tuple[Contradiction, ...], smallest: list[Contradiction]
) -> None:
    (shared,) = (c for c in found if not c.minimal)
    assert (shared.table, shared.row, shared.question) == (5, 5, "ppo_contact")
    assert (shared.what, shared.premises, shared.remedy) == ("percent", ("arithmetic",), None)
    parts = [c for c in smallest if c.question == shared.question]
    assert [(c.table, c.row) for c in parts] == [(8, 47), (9, 47)]
    assert set(shared.cells) == {cell for c in parts for cell in c.cells}
    for said in ("211 to 212", "213 to 215", "213 to 216", "79% in its place"):
        assert said in shared.proof


def test_the_only_percentage_that_would_remove_both_by_brute_force() -> None:
    """Of all percentages in place of 78 only 79 removes both."""
    (_, _), (_, n) = figures(5, 5)
    possible = []
    for table in (8, 9):
        (p1, n1), (p2, n2) = figures(table, 47)
        rest = range(n - n1 - n2 + 1)
        possible.append({a + b + u for a in behind(p1, n1) for b in behind(p2, n2) for u in rest})
    will = {p for p in range(101) if set(behind(p, n)) & possible[0] & possible[1]}
    assert will == {79}


def test_a_shared_figure_of_a_group_is_diagnosed_by_the_percentages_that_would_agree() -> None:
    """Table 7 against four other breakdowns, without the percentage of all cases."""

    def edit(lines: list[Line]) -> None:
        for line in lines:
            line["stars"] = None
            if line["table"] < 7:
                line["percent"] = None
        put(lines, 7, 18, "community order", "percent", 0)

    found = changed(edit, "plan_informed")
    (shared,) = (c for c in found if not c.minimal)
    assert {c.table for c in found if c.minimal} == {8, 9, 10, 11}
    assert (shared.table, shared.row, shared.what) == (7, 18, "percent")
    # The same by brute force.
    n = figures(3, 9)[1][1]

    def totals(first: list[int], second: list[int], known: int) -> set[int]:
        sums = {a + b for a in first for b in second}
        return {k + u for k in sums for u in range(n - known + 1)}

    fits = set(range(n + 1))
    for table in (8, 9, 10, 11):
        (p1, n1), (p2, n2) = figures(table, 18)
        fits &= totals(behind(p1, n1), behind(p2, n2), n1 + n2)
    (printed, n1), (p2, n2) = figures(7, 18)
    will = [p for p in range(101) if fits & totals(behind(p, n1), behind(p2, n2), n1 + n2)]
    assert printed in will
    assert will == list(range(will[0], will[-1] + 1))
    assert f"{will[0]} to {will[-1]}% in its place" in shared.proof


def test_contradictions_without_a_common_figure_get_no_diagnosis() -> None:
    def edit(lines: list[Line]) -> None:
        put(lines, 8, 47, "female", "percent", 85)  # no count of 10 gives it
        put(lines, 9, 47, "BME", "percent", 1)  # nor this of 23

    found = changed(edit, "ppo_contact")
    assert len(found) >= 2
    assert all(c.minimal for c in found)


TWICE = "harm_review_change"  # Table 3 row 20 and Table 4 row 10


def subsets_by_brute_force(lines: list[Line]) -> set[frozenset[tuple[Any, ...]]]:
    """Try every subset of the figures of a question's rows in Tables 3-6, on every pair of counts.

    What each figure allows is a mask over the counts of the high and of the other cases.
    """
    (high, whole), *_ = [(a["n"], b["n"]) for a, b in zip(lines[::2], lines[1::2], strict=True)]
    k1, k2 = np.meshgrid(np.arange(high + 1), np.arange(whole - high + 1), indexing="ij")
    share = (k1 + k2) / whole
    with np.errstate(divide="ignore", invalid="ignore"):
        z2 = (k1 / high - k2 / (whole - high)) ** 2 / (share * (1 - share))
        p = np.nan_to_num(stats.chi2.sf(z2 / (1 / high + 1 / (whole - high)), 1), nan=1.0)
    marks = np.select([p < 0.001, p < 0.01, p < 0.05], ["***", "**", "*"], "--")
    allowed: dict[tuple[Any, ...], Any] = {}
    for x in lines:
        count = k1 if x["group"] == "high" else k1 + k2
        cell = (x["table"], x["row"], x["group"], "percent")
        allowed[cell] = np.floor(100 * count / x["n"] + 0.5) == x["percent"]
        allowed[x["table"], x["row"], None, "stars"] = marks == x["stars"]
    found: list[frozenset[tuple[Any, ...]]] = []
    for size in range(1, len(allowed) + 1):
        for chosen in map(frozenset, combinations(allowed, size)):
            together = np.logical_and.reduce([allowed[cell] for cell in chosen])
            if not together.any() and not any(other <= chosen for other in found):
                found.append(chosen)
    return set(found)


@pytest.mark.parametrize(
    ("group", "what", "value", "expected"),
    [
        ("high", "percent", 80, {((3, 20, "high", "percent"), (4, 10, "high", "percent"))}),
        ("high", "percent", 59, {((3, 20, "high", "percent"), (4, 10, "high", "percent"))}),
        ("all", "percent", 46, {((3, 20, "all", "percent"), (4, 10, "all", "percent"))}),
        (None, "stars", "**", {((3, 20, None, "stars"), (4, 10, None, "stars"))}),
        ("high", "percent", 58, set()),
    ],
)
def test_a_question_printed_twice_counts_the_same_cases(
    group: str | None, what: str, value: object, expected: set[Any]
) -> None:
    lines = [dict(x) for x in LINES if x["question"] == TWICE and x["table"] < 7]
    put(lines, 4, 10, group, what, value)
    found = contradictions(pa.Table.from_pylist(lines, SCHEMA))
    smallest = {frozenset(map(tuple, c.cells)) for c in found if c.minimal}
    assert smallest == subsets_by_brute_force(lines)
    assert {frozenset(pair) for pair in expected} <= smallest
    for one in found:
        starred = any(cell.what == "stars" for cell in one.cells)
        assert one.premises == (("procedure",) if starred else ("arithmetic",))


def test_figures_of_the_same_cases_are_proved_against_each_other() -> None:
    """138 and 139 of 239 are 58%, 140 to 142 are 59%."""

    def edit(lines: list[Line]) -> None:
        put(lines, 4, 10, "high", "percent", 59)

    (one,) = changed(edit, TWICE)
    assert (behind(58, 239), behind(59, 239)) == ([138, 139], [140, 141, 142])
    assert "same 239 cases: 58% is 138 to 139; 59% is 140 to 142" in one.proof
    assert "in all of these" not in one.proof
    (mark, *_) = changed(lambda lines: put(lines, 4, 10, None, "stars", "**"), TWICE)
    assert set(mark.cells) == {(3, 20, None, "stars"), (4, 10, None, "stars")}
    assert "which earns one mark" in mark.proof
    assert mark.remedy is not None
    assert (mark.remedy.tests, mark.remedy.unclassified) == ((), None)


def test_a_row_repeated_without_its_whole_counts_the_same_cases_too() -> None:
    def edit(lines: list[Line]) -> None:
        lines[:] = [x for x in lines if x["table"] == 8]
        lines += [{**x, "row": 76} for x in lines]
        put(lines, 8, 76, "male", "percent", 60)

    # 60% beside 48% would also have earned a mark.
    found = [set(c.cells) for c in changed(edit, TWICE)]
    assert {(8, 40, "male", "percent"), (8, 76, "male", "percent")} in found

    def resize(lines: list[Line]) -> None:
        edit(lines)
        put(lines, 8, 76, "male", "n", 900)

    sizes = changed(resize, TWICE)
    assert ((8, 40, "male", "n"), (8, 76, "male", "n")) in cells_of(sizes, "n")


def test_order_is_that_of_tables_and_rows_with_the_text_last(
    found: tuple[Contradiction, ...],
) -> None:
    places = [(c.table or 99, c.row or 99) for c in found]
    assert places == sorted(places)


@pytest.mark.parametrize(("table", "row"), [(3, 9), (6, 2)])
def test_starred_rows_by_brute_force(table: int, row: int) -> None:
    (p1, n1), (p2, n2) = figures(table, row)
    printed = next(x["stars"] for x in LINES if (x["table"], x["row"]) == (table, row))
    marks = {mark(k1, n1, k2 - k1, n2 - n1) for k1, k2 in product(behind(p1, n1), behind(p2, n2))}
    assert printed not in marks


@pytest.mark.parametrize("table", [8, 9])
def test_enhanced_contact_by_brute_force(table: int) -> None:
    (_, _), (percent, n) = figures(5, 5)
    (p1, n1), (p2, n2) = figures(table, 47)
    rest = n - n1 - n2
    assert rest >= 0
    sums = {k1 + k2 + u for k1, k2, u in product(behind(p1, n1), behind(p2, n2), range(rest + 1))}
    assert not sums & set(behind(percent, n))


def test_star_impossible_because_of_other_tables_by_brute_force(
    smallest: list[Contradiction],
) -> None:
    (p1, n1), (_, n) = figures(6, 2)
    high = behind(p1, n1)

    @cache
    def allowed(k: int) -> bool:
        pairs = [(k1, k - k1) for k1 in high if 0 <= k - k1 <= n - n1]
        return any(mark(k1, n1, k2, n - n1) == "*" for k1, k2 in pairs)

    checked = 0
    for one in smallest:
        tables = {cell.table for cell in one.cells}
        starred = {cell.table for cell in one.cells if cell.what == "stars"}
        if (one.table, one.row) != (6, 2) or len(tables) == 1 or len(starred) > 1:
            continue
        (other,) = tables - {6}
        assert other is not None
        (q1, m1), (q2, m2) = figures(other, 23)
        sums = {a + b + u for a in behind(q1, m1) for b in behind(q2, m2)
                for u in range(n - m1 - m2 + 1)}  # fmt: skip
        assert sums
        assert not any(map(allowed, sums))
        # Some counts of the row do produce the mark.
        assert any(map(allowed, range(max(sums), n + 1)))
        checked += 1
    assert checked == 4


def test_shares_by_brute_force() -> None:
    old = max(x["n"] for x in LINES if x["group"] == "25+")
    young = max(x["n"] for x in LINES if x["group"] == "17-24")
    possible = {
        (math.floor(100 * y / base + 0.5), math.floor(100 * o / base + 0.5))
        for y in range(young, 2214)
        for o in range(old, 2214 - y)
        for base in (2213, y + o)
    }
    assert possible
    assert 31 not in {y for y, _ in possible}
    assert 69 not in {o for _, o in possible}


@pytest.mark.slow
def test_dropping_any_cell_removes_a_contradiction(smallest: list[Contradiction]) -> None:
    of_tables = [c for c in smallest if c.table is not None]
    assert len(of_tables) == 10
    # Several sets share cells; each cell is dropped once.
    for question, cell in dict.fromkeys((c.question, cell) for c in of_tables for cell in c.cells):
        table, row, group, what = cell
        assert question is not None
        assert table is not None
        assert row is not None
        kept = [dict(x) for x in LINES if x["question"] == question]
        put(kept, table, row, group, what, None)
        left = [set(c.cells) for c in contradictions(pa.Table.from_pylist(kept, SCHEMA))]
        for one in of_tables:
            if cell in one.cells:
                assert not any(other <= set(one.cells) for other in left)


def test_remedies_remove_contradictions_and_smaller_ones_do_not(
    smallest: list[Contradiction],
) -> None:
    for table, row, tests, cases in (
        (3, 9, ("yates", "overlapping"), 3),
        (6, 2, ("overlapping",), 30),
    ):
        one = next(c for c in smallest if (c.table, c.row) == (table, row))
        assert one.remedy is not None
        assert (one.remedy.tests, one.remedy.unclassified) == (tests, cases)
        (p1, n1), (p2, n2) = figures(table, row)
        printed = next(x["stars"] for x in LINES if (x["table"], x["row"]) == (table, row))
        left = np.arange(cases + 1)
        attained = attainable(p1, n1, p2, n2, complement=True, unclassified=left).attains(printed)
        assert attained.tolist() == [False] * cases + [True]


def test_the_remedy_that_removes_all_contradictions_of_a_star(
    smallest: list[Contradiction],
) -> None:
    """30 cases remove one set and 37 all seven, by trying one number after the other."""
    mine = [c for c in smallest if (c.table, c.row, c.what) == (6, 2, "stars")]
    assert len(mine) == 7
    first, *others = mine
    assert first.remedy is not None
    assert first.remedy.together == Remedy(("overlapping",), 37)
    assert all(c.remedy is not None and c.remedy.together is None for c in others)
    alone = [c.remedy.unclassified for c in mine if c.remedy is not None]
    assert alone[0] == 30
    assert max(n for n in alone if n is not None) <= 37
    # By brute force: counts of all cases that the other figures of the sets allow ...
    (p1, n1), (p2, n) = figures(6, 2)
    allowed = set(behind(p2, n))
    whole = {(c.table, c.row) for one in mine for c in one.cells if c.what == "percent"}
    marked = {(c.table, c.row) for one in mine for c in one.cells if c.what == "stars"}
    assert marked == {(6, 2), (9, 23), (11, 23)}
    for table, row in sorted(whole - {(6, 2)}):
        (q1, m1), (q2, m2) = figures(table, row)
        printed = next(x["stars"] for x in LINES if (x["table"], x["row"]) == (table, row))
        allowed &= {
            a + b + u
            for a, b in product(behind(q1, m1), behind(q2, m2))
            if (table, row) not in marked or mark(a, m1, b, m2) == printed
            for u in range(n - m1 - m2 + 1)
        }

    # ... and whether some of them produce the star with that many cases left out.
    def star(left: int) -> bool:
        rest = n - n1 - left
        return any(
            mark(k1, n1, k2, rest) == "*"
            for k1 in behind(p1, n1)
            for k2 in {k - k1 - u for k in allowed for u in range(left + 1)}
            if 0 <= k2 <= rest
        )

    assert allowed
    assert [star(left) for left in (0, 30, 35, 36, 37)] == [False] * 4 + [True]


def test_only_arithmetic_is_called_impossible(found: tuple[Contradiction, ...]) -> None:
    for one in found:
        assert one.impossible == (one.premises == ("arithmetic",))
        assert (one.remedy is None) == one.impossible
        assert one.impossible == (not any(cell.what == "stars" for cell in one.cells))


def test_records_survive_json(found: tuple[Contradiction, ...]) -> None:
    for one in found:
        record = json.loads(json.dumps(one.to_dict()))
        assert list(record) == [
            "table", "row", "question", "what", "premises", "proof", "remedy", "cells", "minimal",
        ]  # fmt: skip
        assert [tuple(cell) for cell in record["cells"]] == list(one.cells)
        assert record["minimal"] is one.minimal
    first, *_ = found
    assert str(first.remedy) == (
        "would agree under: Yates' test; the overlapping test; "
        "Pearson's, with 3 cases left out of the complement"
    )
    assert first.to_dict()["remedy"] == {
        "tests": ["yates", "overlapping"], "unclassified": 3, "together": None,
    }  # fmt: skip


def test_percentages_in_the_text_equal_those_of_the_tables() -> None:
    """A different one would be a contradiction."""
    printed = {(x["table"], x["row"], x["group"]): x["percent"] for x in LINES}
    assert len(set(REPEATED)) == len(REPEATED) == 33
    assert [r for r in REPEATED if printed[r[:3]] != r[3]] == []
    # Where a question stands in several tables, they all print the same of it.
    questions = {(x["table"], x["row"]): x["question"] for x in LINES}
    everywhere: dict[tuple[str, str], set[int]] = {}
    for x in LINES:
        everywhere.setdefault((x["question"], x["group"]), set()).add(x["percent"])
    for table, row, group, percent in REPEATED:
        assert everywhere[questions[table, row], group] == {percent}


def test_every_percentage_of_the_text_is_known(sources: Path) -> None:
    """The text between two table headings has the known percentages and no others."""
    found: dict[int, Counter[int]] = {table: Counter() for table in TABLES}
    table = 0
    for line in (sources / "aggregate_findings_2011.txt").read_text("utf-8").splitlines():
        if heading := re.match(r"Table (\d+):", line):
            table = int(heading[1])
        if table and not re.search(r"\t\d+%|\d+%\t", line):
            found[table].update(map(int, re.findall(r"(\d+)%", line)))
    expected = {table: Counter(p for t, _, _, p in REPEATED if t == table) for table in TABLES}
    for number in (3, 4, 5, 6):
        expected[number].update([60, 75])  # the thresholds of its counted statements
    expected[10].update([33, 40, 27])  # kinds of disability, which nothing tests
    expected[11].update(AGE_SHARES.values())
    assert found == expected


# Tables computed from cases have no contradictions.


PLACES = {question.id: list(question.printed) for question in FRAMEWORK.questions}
CHOSEN = ("plan_informed", "harm_review_change", "home_visit", "ppo_contact")


def tables_of(seed: int, cases: int, questions: Sequence[str] = CHOSEN) -> list[Line]:
    """Draw cases and print them, with scipy's p-values."""
    rng = np.random.default_rng(seed)
    labels = {}
    for table in TABLES:
        if table == 3 or table >= 7:
            # Some cases are in neither group of a breakdown.
            labels[table] = rng.choice([0, 1, 2], cases, p=[0.3, 0.6, 0.1])
    lines: list[Line] = []
    for question in questions:
        applies = rng.random(cases) < rng.uniform(0.1, 1)
        answer = rng.random(cases) < rng.uniform(0, 1) * np.where(labels[3] == 0, 0.6, 1)
        if question == "home_visit":
            applies &= labels[3] == 0
        for table, row in PLACES[question]:
            split = labels[max(table, 7)] if table >= 7 else np.minimum(labels[3], 1)
            parts = [applies & (split == g) for g in (0, 1)]
            counts = [(int((answer & part).sum()), int(part.sum())) for part in parts]
            stars = mark(*counts[0], *counts[1]) if counts[0][1] and counts[1][1] else None
            if table < 7:
                whole = (int((answer & applies).sum()), int(applies.sum()))
                counts = [counts[0], whole]
                if question == "home_visit":
                    counts[1] = (0, 0)
                    stars = None
            for group, (k, n) in zip(TABLES[table].groups, counts, strict=True):
                percent = math.floor(100 * k / n + 0.5) if n else None
                lines.append(
                    dict(
                        zip(
                            SCHEMA.names,
                            (table, row, question, group, percent, n or None, stars),
                            strict=True,
                        )
                    )
                )
    return lines


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(5, 250))
def test_tables_printed_from_cases_have_no_contradiction(seed: int, cases: int) -> None:
    assert contradictions(pa.Table.from_pylist(tables_of(seed, cases), SCHEMA)) == ()


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(40, 100))
def test_an_altered_percentage_is_found(seed: int, cases: int) -> None:
    """Up to 100 cases each percentage has one count, so 51 points are a contradiction."""
    lines = tables_of(seed, cases, CHOSEN[:1])
    row = next(x for x in lines if (x["table"], x["group"]) == (3, "all"))
    assume(row["n"] is not None and row["n"] >= 20)
    row["percent"] = (row["percent"] + 51) % 101
    found = contradictions(pa.Table.from_pylist(lines, SCHEMA))
    assert any(c.impossible for c in found)
    # All other figures come from cases, so every contradiction has the altered cell.
    assert all((3, row["row"], "all", "percent") in c.cells for c in found)


@settings(max_examples=25)
@given(st.integers(0, 2**32))
@pytest.mark.slow
def test_an_altered_star_is_found(seed: int) -> None:
    """With up to 100 cases counts are known exactly, so any other star is a contradiction."""
    lines = tables_of(seed, 100, CHOSEN[:1])
    # A question may apply to no case of one group, which leaves no mark to alter.
    rows = [x for x in lines if x["table"] == 8 and x["stars"] is not None]
    assume(rows)
    row = rows[0]
    other = "***" if row["stars"] != "***" else "--"
    put(lines, 8, row["row"], None, "stars", other)
    found = contradictions(pa.Table.from_pylist(lines, SCHEMA))
    # All other figures come from cases, so every contradiction has the altered cell.
    assert found
    assert all((8, row["row"], None, "stars") in c.cells for c in found)
    assert {c.premises for c in found} == {("procedure",)}


def cells_of(found: tuple[Contradiction, ...], what: str) -> list[tuple[Any, ...]]:
    return [c.cells for c in found if c.what == what]


def test_altered_numbers_of_cases_are_found() -> None:
    found = changed(lambda lines: put(lines, 3, 9, "high", "n", 2192), "plan_informed")
    assert ((3, 9, "high", "n"), (3, 9, "all", "n")) in cells_of(found, "n")

    found = changed(lambda lines: put(lines, 3, 20, "all", "n", 1033), "harm_review_change")
    assert ((3, 20, "all", "n"), (4, 10, "all", "n")) in cells_of(found, "n")

    # 271 asked, of whom 261 male: 11 female are one too many.
    found = changed(lambda lines: put(lines, 8, 47, "female", "n", 11), "ppo_contact")
    assert cells_of(found, "n") == [
        ((8, 47, "male", "n"), (8, 47, "female", "n"), (5, 5, "all", "n"))
    ]
    found = changed(lambda lines: put(lines, 8, 47, "female", "n", 272), "ppo_contact")
    assert ((8, 47, "female", "n"), (5, 5, "all", "n")) in cells_of(found, "n")


def test_groups_too_large_for_the_dataset_are_found() -> None:
    def edit(lines: list[Line]) -> None:
        put(lines, 6, 2, "all", "n", 2214)

    assert cells_of(changed(edit, "plan_participation"), "n") == [
        ((6, 2, "all", "n"), (None, None, "all", "n"))
    ]

    def grow(lines: list[Line]) -> None:
        # Each row is consistent by itself: 1,540 older cases in one, 680 younger in another.
        put(lines, 11, 1, "17-24", "n", 680)
        put(lines, 11, 1, "25+", "n", 1)
        put(lines, 3, 1, "all", "n", 681)

    (oldest,) = {x["question"] for x in LINES if (x["group"], x["n"]) == ("25+", 1540)}
    found = changed(grow, "psr_harm", oldest)
    sizes = [set(c.cells) for c in found if c.what == "n"]
    assert any({(11, 1, "17-24", "n"), (None, None, "all", "n")} < cells for cells in sizes)
    # Then nothing follows for the shares.
    assert not any(c.what == "share" for c in found)


def test_a_percentage_that_no_count_gives() -> None:
    found = changed(lambda lines: put(lines, 8, 47, "female", "percent", 85), "ppo_contact")
    alone = [c for c in found if c.cells == ((8, 47, "female", "percent"),)]
    assert [c.premises for c in alone] == [("arithmetic",)]
    assert "no possible number" in alone[0].proof


def test_without_the_age_table_shares_cannot_be_tested() -> None:
    assert "share" in {c.what for c in changed(lambda _: None, "complied")}
    kept = [x for x in LINES if x["question"] == "complied" and x["table"] != 11]
    assert contradictions(pa.Table.from_pylist(kept, SCHEMA)) == ()


def test_breakdowns_without_their_whole_are_still_checked() -> None:
    kept = [dict(x) for x in LINES if x["table"] >= 7 and x["question"] == "ppo_contact"]
    put(kept, 8, 47, "female", "percent", 85)
    found = contradictions(pa.Table.from_pylist(kept, SCHEMA))
    assert ((8, 47, "female", "percent"),) in [c.cells for c in found]


def test_no_rows() -> None:
    assert contradictions(SCHEMA.empty_table()) == ()


def test_all_problems_of_a_bad_table_are_listed() -> None:
    lines = load_published().to_pylist()
    lines[0]["percent"] = 101
    lines[1]["n"] = -1
    lines[3]["question"] = "other"
    lines[5]["stars"] = "+"
    del lines[7]
    lines += [dict(lines[0], table=99), dict(lines[0], row=None), dict(lines[0], table=None)]
    with pytest.raises(DataError) as caught:
        contradictions(pa.Table.from_pylist(lines, SCHEMA))
    assert [(p.where, p.rule.split(";")[0][:38]) for p in caught.value.problems] == [
        ("Table 3 row 1", "`percent` must be from 0 to 100"),
        ("Table 3 row 1", "`n` must be 0 or more"),
        ("Table 3 row 2", "both lines must have one question"),
        ("Table 3 row 2", "the question must be in the framework"),
        ("Table 3 row 3", "both lines must have one mark of --, *"),
        ("Table 3 row 4", "there must be one line for each group "),
        ("Table 3 row null", "there must be one line for each group "),
        ("Table 3 row null", "`row` must be 1 or more"),
        ("Table 3 row null", "`percent` must be from 0 to 100"),
        ("Table 99 row 1", "the table must be 3 to 11"),
        ("Table 99 row 1", "`percent` must be from 0 to 100"),
        ("Table null row 1", "the table must be 3 to 11"),
        ("Table null row 1", "`percent` must be from 0 to 100"),
    ]


def test_all_problems_of_columns_are_listed_before_rows_are_read() -> None:
    table = load_published()
    table = table.set_column(0, "table", table["table"].cast(pa.string()))
    table = table.set_column(4, "percent", table["percent"].cast(pa.float64()))
    table = table.append_column("n", table["n"])
    with pytest.raises(DataError) as caught:
        contradictions(table.drop_columns(["stars"]))
    assert [(p.where, p.found) for p in caught.value.problems] == [
        ("published", "missing or repeated: 'n', 'stars'"),
        ("table", "type string"),
        ("percent", "type double"),
    ]
    with pytest.raises(
        UsageError, match="`published` must be an Arrow table of printed figures; found list"
    ):
        contradictions(LINES)  # type: ignore[arg-type]


def test_text_columns_of_any_arrow_type_are_accepted() -> None:
    lines = pa.Table.from_pylist([x for x in LINES if x["question"] == "ppo_contact"], SCHEMA)
    other = pa.schema(
        [
            ("table", pa.int8()),
            ("row", pa.uint16()),
            ("question", pa.large_string()),
            ("group", pa.dictionary(pa.int8(), pa.string())),
            ("percent", pa.int32()),
            ("n", pa.int64()),
            ("stars", pa.string()),
        ]
    )
    assert contradictions(lines.cast(other)) == contradictions(lines)
