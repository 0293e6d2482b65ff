"""Scores from sums over cases equal those of the cases, however the sums were made."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from tests.factories import oracle
from tests.scoring.programme import BREAKDOWNS, FRAMEWORK, SIZES, WALD, case_set, feeds, read

import omistats as oms
from omistats import ScoreTally, score_tally

# Internal: results do not depend on the size of blocks, which only tests choose.
from omistats.breakdowns.registry import resolve
from omistats.scoring import sums as summing
from omistats.scoring.sources import from_sums
from omistats.scoring.sums import scored_items

CASELOADS = {"north": 60, "south": 28, "east": 110, "west": 45, "coast": 1000, "isle": 3}
DIGITS = 1e-10


def rows_alone() -> list[dict[str, Any]]:
    return [r for r in read() if r["unit"] != "isle" or r["case_id"] == "s026"]


@cache
def whole(complement: Any = "all") -> ScoreTally:
    return score_tally(case_set(read()), breakdowns=BREAKDOWNS, complement=complement)


def same(a: oms.Scores, b: oms.Scores) -> None:
    assert a.table.equals(b.table, check_metadata=True)


def alike(a: ScoreTally, b: ScoreTally) -> None:
    assert a.units == b.units
    assert a.items == b.items
    assert a.splits == b.splits
    assert a.complement == b.complement
    assert a.framework == b.framework
    assert a.metadata == b.metadata
    np.testing.assert_array_equal(a.cases, b.cases)
    np.testing.assert_array_equal(a.moments, b.moments)
    np.testing.assert_array_equal(a.sizes, b.sizes)


@pytest.mark.parametrize(
    ("by", "complement", "df", "interval"),
    list(product([None, "unit"], ["all", "known"], [None, "design"], [None, "wald", "logit"])),
)
def test_scores_of_sums_are_those_of_cases(by, complement, df, interval):
    given: dict[str, Any] = {"by": by, "df": df, "interval": interval, "confidence": 0.9}
    cases = case_set(read())
    asked: dict[str, Any] = {"breakdowns": BREAKDOWNS, "complement": complement}
    same(oms.scores(whole(complement), **given), oms.scores(cases, **asked, **given))


@pytest.mark.parametrize("population", [60, CASELOADS, None])
@pytest.mark.parametrize("lonely", ["null", "remove", "adjust"])
@pytest.mark.parametrize("rules", [{}, WALD])
@pytest.mark.parametrize("by", [None, "unit"])
def test_units_of_one_case_and_caseloads(by, rules, lonely, population):
    cases = case_set(rows_alone())
    given: dict[str, Any] = {"by": by, "lonely": lonely, "population": population, **rules}
    sums = score_tally(cases, breakdowns=BREAKDOWNS)
    same(oms.scores(sums, **given), oms.scores(cases, breakdowns=BREAKDOWNS, **given))


def test_some_items_and_no_breakdowns():
    cases = case_set(read())
    sums = score_tally(cases, items=["safety", "1.1"])
    assert [item.item.id for item in sums.items] == ["1.1", "safety"]
    assert [item.questions for item in sums.items] == [tuple(feeds("1.1")), tuple(feeds("safety"))]
    same(oms.scores(sums, by="unit"), oms.scores(cases, by="unit", items=["1.1", "safety"]))


def test_views_do_not_need_the_cases():
    cases = oms.omi2.load_synthetic()
    ours = oms.scores(score_tally(cases), by="unit", population=900)
    theirs = oms.scores(cases, by="unit", population=900)
    assert ours.ranges().equals(theirs.ranges(), check_metadata=True)
    assert ours.by_unit().equals(theirs.by_unit(), check_metadata=True)
    a, b = (s.units("reoffending", draws=200, overdispersion="additive") for s in (ours, theirs))
    assert a.table.equals(b.table, check_metadata=True)
    assert a.pairs().equals(b.pairs(), check_metadata=True)
    assert a.settings == b.settings
    assert repr(ours) == repr(theirs)


def test_sums_against_a_slow_count():
    """Sum case by case in whole numbers, from the rows and the questions of each item."""
    sums, rows = whole(), read()
    groups = [
        lambda r: True,
        *(lambda r, g=g: r["gender"] == g for g in ("f", "m")),
        *(lambda r, g=g: r["plan"] == g for g in ("early", "late", "never")),
        lambda r: r["harm"] == "high",
        lambda r: True,
        lambda r: r["harm"] != "high",
    ]
    expected = np.zeros(sums.moments.shape, int)
    by_size = np.zeros(sums.sizes.shape, int)
    for row in rows:
        start = 0
        for j, item in enumerate(sums.items):
            asked = feeds(item.item.id)
            given = [row[q] for q in asked if row[q] is not None]
            k, n = sum(given), len(given)
            for d, member in enumerate(groups):
                if member(row):
                    unit = sums.units.index(row["unit"])
                    expected[unit, d, j] += [k, n, k * k, k * n, n * n]
                    own = by_size[unit, d, start : start + 3 * len(asked) + 2]
                    if n:
                        for place, value in enumerate((1, k, k * k)):
                            own[place * len(asked) + n - 1] += value
                        own[-2:] += [k > 0, k < n]
            start += 3 * len(asked) + 2
    assert start == sums.sizes.shape[-1]
    np.testing.assert_array_equal(sums.moments, expected)
    np.testing.assert_array_equal(sums.sizes, by_size)
    assert dict(zip(sums.units, sums.cases.tolist(), strict=True)) == SIZES


def test_the_rest_of_a_known_complement_is_known():
    unknown = sum(r["harm"] is None for r in read())
    assert unknown
    rest = whole("all").moments[:, -1] - whole("known").moments[:, -1]
    answered = [sum(r[q] is not None for q in feeds("1.1")) for r in read() if r["harm"] is None]
    at = [item.item.id for item in whole().items].index("1.1")
    assert rest[:, at, 1].sum() == sum(answered)


@pytest.mark.parametrize("whole_numbers", [2.0**24, 2.0**16])
@pytest.mark.parametrize("block", [64, 128, 2048])
@pytest.mark.parametrize("least", [0, 1 << 20])
def test_blocks_of_any_size_and_precision_give_the_same(monkeypatch, block, least, whole_numbers):
    cases = oms.omi2.load_synthetic()
    asked = score_tally(cases, breakdowns=oms.omi2.STANDARD)
    monkeypatch.setattr(summing, "_BLOCK", block)
    # Small enough for the 2,213 cases to count as many, or not.
    monkeypatch.setattr(summing, "_LARGE_BLOCK", 192 if block == 128 else 1 << 14)
    monkeypatch.setattr(summing, "_MIN_EXACT", least)
    monkeypatch.setattr(summing, "_FLOAT32_EXACT", whole_numbers)
    alike(score_tally(cases, breakdowns=oms.omi2.STANDARD), asked)


@given(st.data())
def test_partitions_add_up_to_the_whole(data):
    rows = read()
    part = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    parts = [
        score_tally(case_set([r for r, p in zip(rows, part, strict=True) if p == i]),
                    breakdowns=BREAKDOWNS)
        for i in data.draw(st.permutations(range(4)))
    ]  # fmt: skip
    alike(parts[0].merge(*parts[1:]), whole())
    one = parts[0]
    for other in parts[1:]:
        one = one.merge(other)
    alike(one, whole())


def of_units(*names: str) -> ScoreTally:
    rows = [r for r in read() if r["unit"] in names]
    columns = pa.table(case_set(rows))
    cases = oms.CaseSet.from_data(columns, framework=FRAMEWORK, units=names)
    return score_tally(cases, breakdowns=BREAKDOWNS)


def test_merging_appends_new_units():
    merged = of_units("north", "south").merge(of_units("isle", "east"), of_units("west", "coast"))
    assert merged.units == ("north", "south", "isle", "east", "west", "coast")
    rows = [r for unit in merged.units for r in read() if r["unit"] == unit]
    cases = oms.CaseSet.from_data(pa.table(case_set(rows)), framework=FRAMEWORK, units=merged.units)
    same(oms.scores(merged, by="unit"), oms.scores(cases, by="unit", breakdowns=BREAKDOWNS))


def test_units_are_replaced_and_dropped():
    sums = whole()
    changed = [{**r, "a1": True} if r["unit"] == "east" else r for r in read()]
    cases = oms.CaseSet.from_data(
        pa.table(case_set([r for r in changed if r["unit"] == "east"])),
        framework=FRAMEWORK, units=["east"],
    )  # fmt: skip
    found = sums.replace(score_tally(cases, breakdowns=BREAKDOWNS))
    alike(found, score_tally(case_set(changed), breakdowns=BREAKDOWNS))
    assert not np.array_equal(found.moments, sums.moments)
    alike(sums.drop_units("isle").merge(of_units("isle")), sums)
    alike(sums.drop_units(["south", "isle"]), of_units("north", "east", "west", "coast"))


def marked(*units: str, **metadata: str) -> ScoreTally:
    kept = {key.encode(): value.encode() for key, value in metadata.items()}
    part = of_units(*units)
    return from_sums(FRAMEWORK, part.units, part.cases, part.sizes, part.items, part.splits,
                     part.complement, kept)  # fmt: skip


def test_merging_keeps_the_mark_of_synthetic_cases():
    merged = marked("north", source="a", year="2011").merge(
        marked("south", synthetic="simulated", source="b", year="2011")
    )
    assert merged.metadata == {b"synthetic": b"simulated", b"year": b"2011"}
    assert "SYNTHETIC" in repr(merged)
    assert "SYNTHETIC" not in repr(marked("north", synthetic="false"))
    assert oms.scores(merged, by="unit").table.schema.metadata == merged.metadata


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.float64])
def test_sums_of_an_engine_may_be_of_any_number_type(kind):
    sums = whole()
    found = from_sums(FRAMEWORK, list(sums.units), sums.cases.astype(kind),
                      sums.sizes.astype(kind), scored_items(FRAMEWORK, None),
                      resolve(BREAKDOWNS, FRAMEWORK), "all")  # fmt: skip
    alike(found, sums)


def test_sums_cannot_be_changed():
    sums = whole()
    for array in (sums.cases, sums.moments, sums.sizes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_no_cases_have_sums_of_0():
    cases = case_set([])
    sums = score_tally(cases, breakdowns=BREAKDOWNS)
    assert sums.cases.tolist() == [0] * 6
    same(oms.scores(sums, by="unit"), oms.scores(cases, by="unit", breakdowns=BREAKDOWNS))
    alike(sums.merge(whole()), whole())


def test_standard_errors_of_sums_against_r():
    """svyby on svydesign(~case_id, strata=~unit), R survey 4.1.1; see test_survey.py."""
    found = {
        (complement, r["unit"], r["breakdown"], r["item"], r["group"]): r
        for complement in ("all", "known")
        for r in oms.scores(whole(complement), by="unit", **WALD).table.to_pylist()
    }
    checked = 0
    for line in oracle("scores_estimates.csv"):
        # The cases outside a subset are compared and have no row.
        if (line["rule"], line["lonely"]) != ("pooled", "error") or line["group"] == "rest":
            continue
        known = line["breakdown"] == "harm_known"
        breakdown = "harm" if known else line["breakdown"] or None
        group = line["group"] if breakdown else None
        own = found["known" if known else "all", line["unit"], breakdown, line["item"], group]
        assert own["percent"] == pytest.approx(float(line["percent"]), rel=DIGITS, abs=1e-11)
        assert own["se"] == pytest.approx(float(line["se"]), rel=DIGITS, abs=1e-11)
        checked += 1
    assert checked > 300


def test_repr_counts_units_breakdowns_items_and_cases():
    assert repr(whole()) == "ScoreTally: 6 units x 3 breakdowns x 8 items, 123 cases"
    assert repr(of_units("isle")).startswith("ScoreTally: 1 unit x 3 breakdowns x 8 items")
