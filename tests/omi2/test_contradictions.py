"""Contradictions in the published tables, and in tables made to hold together or not."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from omistats.errors import DataError
from omistats.forensics import attainable
from omistats.omi2._questions import QUESTIONS
from omistats.omi2.contradictions import Contradiction, contradictions
from omistats.omi2.extract import GROUPS
from omistats.omi2.published import SCHEMA, load_published

Line = dict[str, Any]
FOUND = contradictions()
LINES = load_published().to_pylist()


def changed(edit: Callable[[list[Line]], None]) -> tuple[Contradiction, ...]:
    lines = load_published().to_pylist()
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


def test_what_the_report_contradicts() -> None:
    within = {(c.table, c.row, c.what, c.premises) for c in FOUND if len(set(c.cells)) == 3}
    assert within == {
        (3, 9, "stars", ("procedure",)),
        (6, 2, "stars", ("procedure",)),
        (8, 47, "percent", ("arithmetic",)),
        (9, 47, "percent", ("arithmetic",)),
    }
    shares = [c for c in FOUND if c.table is None]
    assert [(c.row, c.question, c.what, c.premises, c.cells) for c in shares] == [
        (None, None, "share", ("arithmetic",), ((None, None, "17-24", "share"),)),
        (None, None, "share", ("arithmetic",), ((None, None, "25+", "share"),)),
    ]
    # Table 6 row 2 again: figures of other tables rule its star out without the "all" figure.
    again = [c for c in FOUND if c not in shares and len(c.cells) != 3]
    assert {(c.table, c.row, c.what, c.premises) for c in again} == {
        (6, 2, "stars", ("procedure",))
    }
    assert [sorted({cell[0] for cell in c.cells}) for c in again] == [
        [6, 8], [6, 9], [6, 9], [6, 10], [6, 11], [6, 11],
    ]  # fmt: skip
    assert len(FOUND) == 12


def test_order_is_that_of_tables_and_rows_with_the_text_last() -> None:
    places = [(c.table or 99, c.row or 99) for c in FOUND]
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


def test_star_ruled_out_through_other_tables_by_brute_force() -> None:
    (p1, n1), (_, n) = figures(6, 2)
    allowed = {
        k for k in range(n + 1) for k1 in behind(p1, n1)
        if 0 <= k - k1 <= n - n1 and mark(k1, n1, k - k1, n - n1) == "*"
    }  # fmt: skip
    checked = 0
    for found in FOUND:
        tables = {cell.table for cell in found.cells}
        starred = {cell.table for cell in found.cells if cell.what == "stars"}
        if (found.table, found.row) != (6, 2) or len(tables) == 1 or len(starred) > 1:
            continue
        (other,) = tables - {6}
        assert other is not None
        (q1, m1), (q2, m2) = figures(other, 23)
        sums = {a + b + u for a in behind(q1, m1) for b in behind(q2, m2)
                for u in range(n - m1 - m2 + 1)}  # fmt: skip
        assert allowed
        assert not sums & allowed
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


@pytest.mark.parametrize("number", [i for i, c in enumerate(FOUND) if c.table is not None])
def test_dropping_any_cell_removes_a_contradiction(number: int) -> None:
    found = FOUND[number]
    for cell in found.cells:
        table, row, group, what = cell
        assert table is not None
        assert row is not None
        kept = [dict(x) for x in LINES if x["question"] == found.question]
        put(kept, table, row, group, what, None)
        left = contradictions(pa.Table.from_pylist(kept, SCHEMA))
        assert not any(set(other.cells) <= set(found.cells) for other in left)


def test_remedies_remove_contradictions_and_smaller_ones_do_not() -> None:
    for table, row, tests, cases in (
        (3, 9, ("yates", "overlapping"), 3),
        (6, 2, ("overlapping",), 30),
    ):
        found = next(c for c in FOUND if (c.table, c.row) == (table, row))
        assert found.remedy is not None
        assert (found.remedy.tests, found.remedy.unclassified) == (tests, cases)
        (p1, n1), (p2, n2) = figures(table, row)
        printed = next(x["stars"] for x in LINES if (x["table"], x["row"]) == (table, row))
        left = np.arange(cases + 1)
        attained = attainable(p1, n1, p2, n2, complement=True, unclassified=left).attains(printed)
        assert attained.tolist() == [False] * cases + [True]


def test_only_arithmetic_is_called_impossible() -> None:
    for found in FOUND:
        assert found.impossible == (found.premises == ("arithmetic",))
        assert (found.remedy is None) == found.impossible
        assert found.impossible == (not any(cell.what == "stars" for cell in found.cells))


def test_records_survive_json() -> None:
    for found in FOUND:
        record = json.loads(json.dumps(found.to_dict()))
        assert list(record) == [
            "table", "row", "question", "what", "premises", "proof", "remedy", "cells",
        ]  # fmt: skip
        assert [tuple(cell) for cell in record["cells"]] == list(found.cells)
    assert "3 unclassified" in str(FOUND[0].remedy)


def test_the_text_repeats_the_tables() -> None:
    """Percentages that the text repeats; if one differed it would be a contradiction."""
    repeated = """
        harm_minimised all 73 high 80; victim_safety all 68 high 84; sentence_delivered all 80
        safeguarding_management all 37 high 65; responsibility all 74; compliance_promoted all 90
        compliance_action all 87; breach_action all 80 high 88; plan_timely all 84
        plan_review_timely all 83; harm_review_change all 47 high 58; learning_advice all 51
        learning_progress all 35; resources_harm all 80; resources_purpose all 87
        lifestyle_change all 47; diversity_delivery all 82 white 83 BME 75 25+ 84 17-24 75
        methods_considered all 64; plan_participation all 53; review_participation all 46
        diversity_assessed yes 70 no 63; complied 25+ 71 17-24 56
    """
    printed: dict[tuple[str, str], set[int]] = {}
    for x in LINES:
        printed.setdefault((x["question"], x["group"]), set()).add(x["percent"])
    checked = 0
    for entry in repeated.replace("\n", ";").split(";"):
        question, *pairs = entry.split() or [""]
        for group, percent in zip(pairs[::2], pairs[1::2], strict=True):
            assert printed[question, group] == {int(percent)}, (question, group)
            checked += 1
    assert checked == 33


# Tables made from cases: nothing in them can be contradictory.


PLACES = {
    q: [*printed, *((t, i) for t in range(7, 12))]
    for i, (q, _, _, printed) in enumerate(QUESTIONS, 1)
}
CHOSEN = ("plan_informed", "harm_review_change", "home_visit", "ppo_contact")


def tables_of(seed: int, cases: int) -> list[Line]:
    """Draw cases and print them, with scipy's p-values."""
    rng = np.random.default_rng(seed)
    labels = {}
    for table, groups in GROUPS.items():
        if table == 3 or table >= 7:
            # Some cases are in neither group of a breakdown.
            labels[table] = rng.choice([0, 1, 2], cases, p=[0.3, 0.6, 0.1])
            assert len(groups) == 2
    lines: list[Line] = []
    for question in CHOSEN:
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
            for group, (k, n) in zip(GROUPS[table], counts, strict=True):
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
def test_tables_printed_from_cases_hold_together(seed: int, cases: int) -> None:
    assert contradictions(pa.Table.from_pylist(tables_of(seed, cases), SCHEMA)) == ()


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(40, 100))
def test_a_planted_percentage_is_found(seed: int, cases: int) -> None:
    """Up to 100 cases each percentage has one count; nothing makes up for 51 points."""
    lines = tables_of(seed, cases)
    row = next(x for x in lines if (x["table"], x["group"]) == (3, "all"))
    assume(row["n"] is not None and row["n"] >= 20)
    row["percent"] = (row["percent"] + 51) % 101
    found = contradictions(pa.Table.from_pylist(lines, SCHEMA))
    assert any(c.impossible for c in found)
    # All else was printed from cases: every contradiction needs the planted cell.
    assert all((3, row["row"], "all", "percent") in c.cells for c in found)


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_a_planted_star_is_found(seed: int) -> None:
    """With up to 100 cases counts are known exactly, so any other star is a contradiction."""
    lines = tables_of(seed, 100)
    row = next(x for x in lines if x["table"] == 8 and x["stars"] is not None)
    other = "***" if row["stars"] != "***" else "--"
    put(lines, 8, row["row"], None, "stars", other)
    found = contradictions(pa.Table.from_pylist(lines, SCHEMA))
    # All else was printed from cases: every contradiction needs the planted cell.
    assert found
    assert all((8, row["row"], None, "stars") in c.cells for c in found)
    assert {c.premises for c in found} == {("procedure",)}


def cells_of(found: tuple[Contradiction, ...], what: str) -> list[tuple[Any, ...]]:
    return [c.cells for c in found if c.what == what]


def test_planted_numbers_of_cases_are_found() -> None:
    found = changed(lambda lines: put(lines, 3, 9, "high", "n", 2192))
    assert ((3, 9, "high", "n"), (3, 9, "all", "n")) in cells_of(found, "n")

    found = changed(lambda lines: put(lines, 3, 20, "all", "n", 1033))
    assert ((3, 20, "all", "n"), (4, 10, "all", "n")) in cells_of(found, "n")

    # 271 asked, of whom 261 male: 11 female are one too many.
    found = changed(lambda lines: put(lines, 8, 47, "female", "n", 11))
    assert cells_of(found, "n") == [
        ((8, 47, "male", "n"), (8, 47, "female", "n"), (5, 5, "all", "n"))
    ]
    found = changed(lambda lines: put(lines, 8, 47, "female", "n", 272))
    assert ((8, 47, "female", "n"), (5, 5, "all", "n")) in cells_of(found, "n")


def test_groups_too_large_for_the_dataset_are_found() -> None:
    def edit(lines: list[Line]) -> None:
        put(lines, 6, 2, "all", "n", 2214)

    assert cells_of(changed(edit), "n") == [((6, 2, "all", "n"), (None, None, "all", "n"))]

    def grow(lines: list[Line]) -> None:
        # Each row by itself holds together: 1,540 older cases in one, 680 younger in another.
        put(lines, 11, 1, "17-24", "n", 680)
        put(lines, 11, 1, "25+", "n", 1)
        put(lines, 3, 1, "all", "n", 681)

    found = [c for c in changed(grow) if c.what == "n"]
    assert any({(11, 1, "17-24", "n"), (None, None, "all", "n")} < set(c.cells) for c in found)
    # Then nothing can be said of the shares.
    assert not any(c.what == "share" for c in changed(grow))


def test_a_percentage_that_no_count_gives() -> None:
    found = changed(lambda lines: put(lines, 8, 47, "female", "percent", 85))
    alone = [c for c in found if c.cells == ((8, 47, "female", "percent"),)]
    assert [c.premises for c in alone] == [("arithmetic",)]
    assert "no possible number" in alone[0].proof


def test_without_the_age_table_shares_cannot_be_tested() -> None:
    kept = [x for x in LINES if x["table"] != 11]
    found = contradictions(pa.Table.from_pylist(kept, SCHEMA))
    assert "share" not in {c.what for c in found}


def test_breakdowns_without_their_whole_are_still_checked() -> None:
    kept = [dict(x) for x in LINES if x["table"] >= 7]
    put(kept, 8, 47, "female", "percent", 85)
    found = contradictions(pa.Table.from_pylist(kept, SCHEMA))
    assert ((8, 47, "female", "percent"),) in [c.cells for c in found]


def test_no_rows() -> None:
    assert contradictions(SCHEMA.empty_table()) == ()


def test_bad_tables_are_refused_with_everything_wrong() -> None:
    with pytest.raises(DataError, match="'stars'"):
        contradictions(load_published().drop_columns(["stars"]))
    lines = load_published().to_pylist()
    lines[0]["percent"] = 101
    lines[1]["n"] = -1
    lines[3]["question"] = "other"
    lines[5]["stars"] = "+"
    del lines[7]
    with pytest.raises(DataError) as caught:
        contradictions(pa.Table.from_pylist(lines, SCHEMA))
    assert len(caught.value.problems) == 5
