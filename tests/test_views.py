"""A filter never changes a result: every method of a view, beside the same of the whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

import omistats as oms
from tests.factories import Gender, Harm, Tier, random_frame, read as read_small
from tests.scoring.programme import BREAKDOWNS, WALD, case_set, read

LABELS = ("unit", "other", "breakdown", "item", "question", "characteristic", "group", "level")
Row = dict[str, Any]


def by_label(table: pa.Table) -> dict[tuple[Any, ...], Row]:
    names = [name for name in LABELS if name in table.column_names]
    found = {tuple(row[name] for name in names): row for row in table.to_pylist()}
    assert len(found) == table.num_rows
    return found


def assert_part(part: pa.Table, whole: pa.Table, without: tuple[str, ...] = ()) -> None:
    """Every row of the part is the row of the whole that has its labels."""
    rows, all_rows = by_label(part), by_label(whole)
    assert rows.keys() <= all_rows.keys()
    for key, row in rows.items():
        same = {name: all_rows[key][name] for name in row if name not in without}
        assert {name: row[name] for name in same} == same, key


@cache
def scores(rules: str) -> oms.Scores:
    options: dict[str, Any] = {
        "effective": {},
        "wald": WALD,
        "cases": {"rule": "cases"},
        "caseloads": {"population": 60},
        "weights": {"weight": [1.0 + i % 3 for i in range(len(read()))]},
    }
    return oms.scores(
        case_set(read()), by="unit", breakdowns=BREAKDOWNS, **options[rules], lonely="null"
    )


FILTERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "unit": (("all",), ("north", "isle", "all"), ("south",), ("coast", "west")),
    "item": (("1",), ("1.1", "2.2"), ("safety",), ("progress", "1", "2")),
    "level": (("criterion",), ("section", "headline")),
    "breakdown": ((), ("gender",), ("plan", "harm")),
}
steps_of_scores = st.lists(
    st.sampled_from([(name, names) for name, sets in FILTERS.items() for names in sets]),
    max_size=3,
)


def ask(view: oms.Scores, question: Callable[[oms.Scores], pa.Table]) -> pa.Table | None:
    """Ask a view; None where it lacks what the question needs, which is said, not guessed."""
    try:
        return question(view)
    except oms.UsageError:
        return None


@settings(max_examples=15)
@pytest.mark.parametrize("rules", ["effective", "wald", "cases", "caseloads", "weights"])
@given(steps=steps_of_scores, family=st.sampled_from(["unit", "all"]), item=st.sampled_from("12"))
def test_scores(rules: Any, steps: Any, family: Any, item: str) -> None:
    whole = view = scores(rules)
    for name, names in steps:
        try:
            view = getattr(view, name)(*names)
        except oms.UsageError:
            return
    assert_part(view.table, whole.table)
    questions: list[tuple[Callable[[oms.Scores], pa.Table], tuple[str, ...]]] = [
        (lambda s: s.ranges(), ()),
        (lambda s: s.units(item, draws=20).table, ()),
        (lambda s: s.units(item, draws=20).pairs(), ()),
        *(
            (lambda s, level=level: s.weaknesses(level=level, family=family).table, ())
            for level in ("criterion", "section", "headline")
        ),
        (lambda s: s.weaknesses(family=family, adjust="bh", others=["north", "east"]).table, ()),
        (lambda s: s.weaknesses(items=["1.1", "2.2"], family=family).table, ()),
    ]
    for question, without in questions:
        part = ask(view, question)
        if part is not None:
            assert_part(part, question(whole), without)
    wide = ask(view, lambda s: s.by_unit())
    if wide is not None:
        every = whole.by_unit()
        kept = [name for name in wide.column_names if name in every.column_names]
        assert kept == wide.column_names
        assert_part(wide, every)


@cache
def findings() -> oms.Findings:
    cases = read_small(random_frame(11, 90, 4, 3), 3)
    asked = oms.Inference(
        adjust=["holm", "bh"],
        effects=["difference"],
        small_numbers=oms.SmallNumbers(flag_below=9, suppress_below=3),
    )
    return oms.recompute(cases, by="unit", breakdowns=[Gender(), Harm(), Tier()], inference=asked)


@cache
def earlier() -> oms.Findings:
    cases = read_small(random_frame(12, 80, 4, 3), 3)
    return oms.recompute(cases, by="unit", breakdowns=[Gender(), Harm(), Tier()])


@cache
def weighted() -> oms.Findings:
    cases = read_small(random_frame(13, 90, 4, 3), 3)
    weight = [1.0 + i % 4 for i in range(len(cases))]
    return oms.recompute(
        cases, by="unit", breakdowns=[Gender(), Tier()], weight=weight, lonely="null"
    )


steps_of_findings = st.lists(
    st.sampled_from(
        [
            ("unit", ("all",)), ("unit", ("U0", "U2")), ("question", ("q0",)),
            ("question", ("q1", "q2")), ("breakdown", ("gender",)), ("breakdown", ("tier",)),
            ("significant", (0.6,)), ("significant", (0.5, "holm")),
        ]
    ),
    max_size=3,
)  # fmt: skip


@settings(max_examples=40)
@pytest.mark.parametrize("made", [findings, weighted])
@given(
    steps=steps_of_findings,
    adjusted=st.sampled_from(["bh", "holm", "bonferroni"]),
    family=st.sampled_from([None, "everything", "breakdown", "unit", "table"]),
)
def test_findings(made: Any, steps: Any, adjusted: Any, family: Any) -> None:
    whole = view = made()
    for name, arguments in steps:
        view = getattr(view, name)(*arguments)
    added = tuple(name for name in view.table.column_names if name not in whole.table.column_names)
    assert_part(view.table, whole.table, added)
    assert_part(view.comparisons(), whole.comparisons(), added)
    for key in {*view.table["breakdown"].to_pylist()}:
        assert_part(view.wide(key), whole.wide(key))
    kept = view.significant(0.9, adjusted=adjusted, family=family)
    every = whole.significant(0.9, adjusted=adjusted, family=family)
    assert_part(kept.table, every.table, added)
    assert kept.families[adjusted] == every.families[adjusted]
    assert view.unclassified.equals(whole.unclassified)
    shown, both = by_label(view.table).keys(), by_label(kept.table).keys()
    assert both == shown & by_label(every.table).keys()


@settings(max_examples=30)
@given(steps=steps_of_findings, before=steps_of_findings)
def test_change(steps: Any, before: Any) -> None:
    now, then = findings(), earlier()
    whole = now.compare(then)
    for name, arguments in steps:
        now = getattr(now, name)(*arguments)
    for name, arguments in before:
        then = getattr(then, name)(*arguments)
    try:
        part = now.compare(then)
    except oms.UsageError:
        return
    shown = by_label(whole.table)
    for key, row in by_label(part.table).items():
        if row["change"] is not None:
            assert row == shown[key], key
    assert part.family == whole.family
    assert_part(part.significant(0.5).table, whole.significant(0.5).table)


def test_profiles_of_units() -> None:
    cases = oms.omi2.load_synthetic()
    whole = oms.characteristics(cases, by="unit")
    for unit in cases.units[:3]:
        assert_part(whole.unit(unit).table, whole.table)
