"""Scores against a slow recount of random cases, and properties that hold for all cases."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from tests.scoring import recount
from tests.scoring.programme import (
    BREAKDOWNS,
    FRAMEWORK,
    ITEMS,
    SIZES,
    STRATA,
    WALD,
    case_set,
    feeds,
    read,
)

import omistats as oms

# Internal: results do not depend on the size of blocks, which only tests choose.
from omistats.scoring import rules

RULES = ("pooled", "questions", "cases")
# The other units of the programme stay empty.
UNITS = list(SIZES)[:3]
Row = dict[str, Any]


@st.composite
def cases(draw: Any, most: int = 14, lonely: bool = False) -> list[Row]:
    """Draw cases in any order of units; some units, groups and questions are empty."""
    import random

    dice = random.Random(draw(st.integers(0, 2**32)))
    units = draw(st.lists(st.sampled_from(UNITS), min_size=1, max_size=most))
    if not lonely:
        units += [u for u in dict.fromkeys(units) if units.count(u) == 1]
    hidden = draw(st.sampled_from([0.0, 0.2, 1.0]))
    levels = {
        name: draw(st.lists(st.sampled_from(own), min_size=1)) for name, own in STRATA.items()
    }
    applicable = {q: draw(st.sampled_from([0, 0.3, 0.8, 1])) for q in FRAMEWORK.question_ids}
    quality = draw(st.sampled_from([0.1, 0.5, 0.8, 1.0]))
    rows = []
    for i, unit in enumerate(units):
        row: Row = {"case_id": str(i), "unit": unit}
        for name, own in levels.items():
            row[name] = None if dice.random() < hidden else dice.choice(own)
        for q, chance in applicable.items():
            row[q] = dice.random() < quality if dice.random() < chance else None
        rows.append(row)
    return rows


def members(breakdown: str | None, group: str | None) -> recount.Member:
    if breakdown is None or group == "all":
        return lambda row: True
    return lambda row: row[breakdown] == group


def compared(breakdown: str, complement: str) -> list[recount.Member]:
    if breakdown == "harm":
        others = {"medium", "low"} if complement == "known" else {"medium", "low", None}
        return [lambda row: row["harm"] == "high", lambda row: row["harm"] in others]
    return [members(breakdown, level) for level in STRATA[breakdown]]


def close(found: float | None, expected: float) -> None:
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def alike(mine: Row, theirs: Row) -> None:
    assert {k: v for k, v in mine.items() if not isinstance(v, float)} == {
        k: v for k, v in theirs.items() if not isinstance(v, float)
    }
    for name, value in mine.items():
        if isinstance(value, float):
            assert value == pytest.approx(theirs[name], rel=1e-7, abs=1e-9), name


REMOVED = "only units of one case, which were removed"


def check(
    rows: list[Row], line: Row, rule: str, complement: str, lonely: str, caseload: int | None = None
) -> None:
    """Compare one row of scores with the definition."""
    questions = feeds(line["item"])
    here = [r for r in rows if line["unit"] in ("all", r["unit"])]
    member = members(line["breakdown"], line["group"])
    answers = [r[q] for r in here if member(r) for q in questions if r[q] is not None]
    assert (line["k"], line["n"]) == (sum(answers), len(answers))
    p = recount.score(here, questions, rule, member)
    if p is None:
        figures = ("percent", "se", "low", "high", "design_effect", "interval_method")
        assert [line[name] for name in figures] == [None] * 6
        assert line["reason"] == "no applicable answers"
    elif recount.bare(here, questions, member, lonely, caseload):
        close(line["percent"], 100 * float(p))
        assert line["se"] is line["low"] is line["high"] is line["design_effect"] is None
        assert line["reason"] == REMOVED
    else:
        z = recount.influence(here, questions, rule, member)
        variance = recount.covariance(here, z, z, lonely, caseload)
        se = math.sqrt(variance)
        close(line["percent"], 100 * float(p))
        close(line["se"], 100 * se)
        # A variance that is 0 in fractions is 0 here, not rounding.
        assert (line["se"] == 0) == (variance == 0)
        half = 100 * stats.norm.ppf(0.95) * se
        close(line["low"], 100 * float(p) - half)
        close(line["high"], 100 * float(p) + half)
        if rule == "pooled" and 0 < p < 1:
            close(line["design_effect"], float(variance / (p * (1 - p)) * len(answers)))
        else:
            assert line["design_effect"] is None
    if line["breakdown"] is not None:
        groups = compared(line["breakdown"], complement)
        found = recount.compare(here, questions, rule, groups, lonely, caseload)
        if found is not None and any(
            recount.bare(here, questions, group, lonely, caseload) for group in groups
        ):
            assert line["p_value"] is line["statistic"] is line["difference_low"] is None
            assert line["reason"] in (REMOVED, "no applicable answers")
            return
        check_test(line, found, len(groups))


def check_test(line: Row, found: tuple[list[float], Any] | None, groups: int) -> None:
    if found is None:
        assert line["p_value"] is line["statistic"] is line["df"] is line["stars"] is None
        if line["n"]:
            lonely = line["se"] is None
            assert line["reason"] == (REMOVED if lonely else "no second group to compare with")
        return
    p, v = found
    if groups == 2:
        close(line["difference"], 100 * (p[0] - p[1]))
        se = math.sqrt(max(v[0, 0] + v[1, 1] - 2 * v[0, 1], 0))
        half = 100 * stats.norm.ppf(0.95) * se
        assert line["difference_low"] == pytest.approx(100 * (p[0] - p[1]) - half, abs=1e-6)
        assert line["difference_high"] == pytest.approx(100 * (p[0] - p[1]) + half, abs=1e-6)
    if line["p_value"] is None:
        assert recount.singular(v)
        assert line["statistic"] is line["df"] is None
        assert line["stars"] == ("--" if len(set(p)) == 1 else None)
        if line["n"]:
            assert line["reason"] == "no spread to test against"
        return
    assert not recount.singular(v)
    assert line["df"] == len(p) - 1
    assert line["statistic"] == pytest.approx(recount.wald(p, v), rel=1e-6)
    assert line["p_value"] == pytest.approx(stats.chi2.sf(line["statistic"], len(p) - 1), rel=1e-9)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=12)
@given(rows=cases(), complement=st.sampled_from(["all", "known"]), item=st.sampled_from(
    [item.id for item in ITEMS if item.id != "2.3"]
))  # fmt: skip
def test_every_figure_equals_a_recount(rule, rows, complement, item):
    found = oms.scores(
        case_set(rows), by="unit", breakdowns=BREAKDOWNS, items=item, rule=rule, confidence=0.9,
        complement=complement, **WALD,
    )  # fmt: skip
    for line in found.table.to_pylist():
        check(rows, line, rule, complement, "error")


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=12)
@given(rows=cases(lonely=True), lonely=st.sampled_from(["remove", "adjust"]))
def test_treatments_of_units_of_one_case_equal_a_recount(rule, rows, lonely):
    found = oms.scores(
        case_set(rows), breakdowns=BREAKDOWNS, items="safety", rule=rule, confidence=0.9,
        lonely=lonely, **WALD,
    )  # fmt: skip
    for line in found.table.to_pylist():
        check(rows, line, rule, "all", lonely)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=12)
@given(
    rows=cases(lonely=True), lonely=st.sampled_from(["remove", "adjust"]), spare=st.integers(0, 9)
)
def test_samples_from_caseloads_equal_a_recount(rule, rows, lonely, spare):
    """One caseload size for all units, which may equal the largest sample, even of one case."""
    units = [row["unit"] for row in rows]
    caseload = max(map(units.count, units)) + spare
    found = oms.scores(
        case_set(rows), breakdowns=BREAKDOWNS, items="safety", rule=rule, confidence=0.9,
        lonely=lonely, population=caseload, **WALD,
    )  # fmt: skip
    for line in found.table.to_pylist():
        check(rows, line, rule, "all", lonely, caseload)


def test_an_infinite_caseload_has_no_correction():
    plain, vast = (
        oms.scores(case_set(read()), by="unit", breakdowns=BREAKDOWNS, population=population)
        for population in (None, dict.fromkeys(SIZES, math.inf))
    )
    assert vast.table.equals(plain.table)


@pytest.mark.parametrize("rule", RULES)
def test_sampling_half_of_every_caseload_halves_variances(rule):
    options: dict[str, Any] = {"by": "unit", "breakdowns": BREAKDOWNS, "rule": rule, **WALD}
    halves = {unit: 2 * size for unit, size in SIZES.items()}
    plain = oms.scores(case_set(read()), **options).table.to_pylist()
    half = oms.scores(case_set(read()), population=halves, **options).table.to_pylist()
    for mine, theirs in zip(half, plain, strict=True):
        for name in ("k", "n", "percent", "difference", "df", "reason"):
            assert mine[name] == theirs[name]
        if theirs["n"]:
            close(mine["se"], theirs["se"] / math.sqrt(2))
        if theirs["statistic"] is not None:
            assert mine["statistic"] == pytest.approx(2 * theirs["statistic"], rel=1e-9)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=12)
@given(rows=cases(lonely=True))
def test_units_of_one_case_make_only_their_own_scores_null(rule, rows):
    open_, closed = (
        oms.scores(
            case_set(rows),
            by="unit",
            breakdowns=BREAKDOWNS,
            items="2",
            rule=rule,
            lonely=lonely,
            **WALD,
        ).table.to_pylist()
        for lonely in ("null", "remove")
    )
    units = [row["unit"] for row in rows]
    for line, other in zip(open_, closed, strict=True):
        member = members(line["breakdown"], line["group"])
        touched = any(
            units.count(row["unit"]) == 1 and any(row[q] is not None for q in feeds("2"))
            for row in rows
            if member(row) and line["unit"] in ("all", row["unit"])
        )
        assert line["percent"] == other["percent"]
        if touched:
            assert line["se"] is line["low"] is line["high"] is line["p_value"] is None
            assert line["reason"] == "a unit of one case"
        else:
            assert line["se"] == other["se"]
            assert line["p_value"] in (None, other["p_value"])
            if line["n"] and line["p_value"] is None and other["p_value"] is not None:
                assert line["reason"] == "a unit of one case"


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=12)
@given(rows=cases(), unit=st.sampled_from(UNITS))
def test_a_unit_scores_as_it_does_alone(rule, rows, unit):
    everyone = case_set(rows)
    options: dict[str, Any] = {"breakdowns": BREAKDOWNS, "rule": rule, "df": "design"}
    among = oms.scores(everyone, by="unit", **options).unit(unit).table
    alone = oms.scores(everyone.filter([r["unit"] == unit for r in rows]), **options).table
    for mine, theirs in zip(among.to_pylist(), alone.to_pylist(), strict=True):
        if mine["breakdown"] is None:
            # Alone there is no rest that the unit could differ from.
            assert mine.pop("reliability") in (theirs["reliability"], "too few cases to tell")
            del theirs["reliability"]
        alike({**mine, "unit": "all"}, theirs)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=10)
@given(rows=cases(), data=st.data())
def test_the_order_of_rows_does_not_matter(rule, rows, data):
    shuffled = data.draw(st.permutations(rows))
    options: dict[str, Any] = {"by": "unit", "breakdowns": BREAKDOWNS, "rule": rule}
    found = [oms.scores(case_set(r), **options).table.to_pylist() for r in (rows, shuffled)]
    for mine, theirs in zip(*found, strict=True):
        alike(mine, theirs)


@settings(max_examples=12)
@given(rows=cases())
def test_a_pooled_score_is_the_sum_of_its_questions_counts(rows):
    read_in = case_set(rows)
    counts = oms.recompute(
        read_in, by="unit", breakdowns=BREAKDOWNS, questions=FRAMEWORK.question_ids
    ).table.to_pylist()
    tallied = {(c["unit"], c["breakdown"], c["group"], c["question"]): c for c in counts}
    for line in oms.scores(read_in, by="unit", breakdowns=BREAKDOWNS).table.to_pylist():
        if line["breakdown"] is None:
            continue
        where = line["unit"], line["breakdown"], line["group"]
        parts = [tallied[(*where, q)] for q in feeds(line["item"])]
        k, n = sum(c["k"] for c in parts), sum(c["n"] for c in parts)
        assert (line["k"], line["n"]) == (k, n)
        assert line["percent"] == (pytest.approx(100 * k / n, rel=1e-14) if n else None)


def test_the_random_cases_include_tests_that_cannot_be_made():
    """Two and three groups whose difference does not vary, and equal groups."""
    blank = dict.fromkeys((*STRATA, *FRAMEWORK.question_ids))

    def cases_of(*answers: tuple[str, bool]) -> list[Row]:
        return [
            {**blank, "case_id": str(i), "unit": "north", "plan": plan, "a1": answer}
            for i, (plan, answer) in enumerate(answers)
        ]

    def stars(rows: list[Row], reason: str | None) -> str | None:
        found = oms.scores(case_set(rows), breakdowns=["plan"], items="1.1", confidence=0.9, **WALD)
        lines = found.breakdown("plan").table.to_pylist()
        for line in lines:
            check(rows, line, "pooled", "all", "error")
            assert line["reason"] == reason
        return lines[0]["stars"]

    no_spread = "no spread to test against"
    early, late, never = ([(plan, True)] * 2 for plan in STRATA["plan"])
    assert stars(cases_of(*early, *late, *never), no_spread) == "--"
    apart = [("late", False)] * 2
    assert stars(cases_of(*early, *apart, *never), no_spread) is None
    # One group varies, the other two do not: their difference cannot be tested.
    mixed = [("early", True), ("early", False)]
    assert stars(cases_of(*mixed, *late, *never), no_spread) is None
    both = [("late", True), ("late", False)]
    assert stars(cases_of(*mixed, *both, *never), None) is not None


def test_a_section_has_the_questions_of_its_criteria_and_each_once():
    found = {r["item"]: r for r in oms.scores(case_set(read())).table.to_pylist()}
    for section, criteria in (("1", ("1.1", "1.2")), ("2", ("2.1", "2.2"))):
        for column in ("k", "n", "questions", "invented"):
            assert found[section][column] == sum(found[c][column] for c in criteria)


def test_a_question_that_feeds_a_criterion_and_its_section_counts_once():
    questions = [
        oms.Question("q", "Q", oms.Link("1.1", "published"), (oms.Link("1", "published"),)),
        oms.Question("r", "R", oms.Link("1.1", "published")),
    ]
    small = oms.Framework("small", questions, items=ITEMS)
    data = {"case_id": [1, 2], "unit": ["A", "A"], "q": [True, False], "r": [True, None]}
    section = oms.scores(data, framework=small, items="1").table.to_pylist()
    assert [(r["k"], r["n"], r["questions"]) for r in section] == [(2, 3, 2)]


def test_rules_agree_on_one_question():
    one = oms.Framework("one", [oms.Question("a1", "A", oms.Link("1.1", "published"))], items=ITEMS)
    rows = read()
    data = {name: [r[name] for r in rows] for name in ("case_id", "unit", "a1")}
    found = [
        oms.scores(data, framework=one, by="unit", rule=rule, **WALD).table.select(
            ["percent", "se", "low", "high"]
        ).to_pandas()
        for rule in RULES
    ]  # fmt: skip
    assert found[0].to_numpy() == pytest.approx(found[1].to_numpy(), rel=1e-12, abs=1e-12)
    assert found[0].to_numpy() == pytest.approx(found[2].to_numpy(), rel=1e-12, abs=1e-12)


def test_large_units_are_computed_item_by_item(monkeypatch):
    options: dict[str, Any] = {"by": "unit", "breakdowns": BREAKDOWNS, "rule": "questions"}
    at_once = oms.scores(case_set(read()), **options).table.to_pylist()
    for cells in (1, 900):
        monkeypatch.setattr(rules, "_CELLS", cells)
        found = oms.scores(case_set(read()), **options).table.to_pylist()
        for mine, theirs in zip(found, at_once, strict=True):
            alike(mine, theirs)


def test_the_rules_differ_as_documented():
    # Question a1 was asked of four cases and a2 of one. Three answers of five are sufficient; the
    # questions have 2/4 and 1/1; the cases have 2/2, 1/1, 0/1 and 0/1.
    blank = dict.fromkeys((*STRATA, *FRAMEWORK.question_ids))
    rows = [
        {**blank, "case_id": str(i), "unit": "north", "a1": i < 2, "a2": True if i == 0 else None}
        for i in range(4)
    ]
    found = [
        oms.scores(case_set(rows), items="1.1", rule=rule).table["percent"][0].as_py()
        for rule in RULES
    ]
    assert found == [60.0, 75.0, 50.0]
