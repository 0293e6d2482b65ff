"""Units of one case, by every name that R's survey package has for their treatment.

tests/oracles/scores_lonely.R (R 4.2.2, survey 4.1.1) computed the numbers.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
from tests.factories import oracle
from tests.scoring.programme import WALD, case_set, read

import omistats as oms
from omistats import DataError

EXPECTED = {
    tuple(row[name] for name in ("lonely", "rule", "item", "weights", "group")): row["se"]
    for row in oracle("scores_lonely.csv")
}
NAMES = ("fail", "remove", "certainty", "adjust", "average")
ITEMS = ("1", "2.2", "safety")


@cache
def cases() -> oms.CaseSet:
    seen: set[str] = set()
    kept = []
    for row in read():
        if row["unit"] in seen and row["unit"] in ("isle", "coast"):
            continue
        seen.add(row["unit"])
        kept.append(row)
    return case_set(kept)


@cache
def scored(lonely: Any, rule: Any, weights: str) -> oms.Scores:
    weight = [1 + (i + 1) % 3 for i in range(len(cases()))] if weights == "weight" else None
    asked: dict[str, Any] = {"rule": rule, "weight": weight, "lonely": lonely, **WALD}
    return oms.scores(cases(), by="unit", breakdowns=["gender"], items=ITEMS, **asked)


def standard_errors(scores: oms.Scores, item: str) -> dict[str, float | None]:
    rows = scores.item(item).unit("all").table.to_pylist()
    return {r["group"] or "all": r["se"] for r in rows}


def close(found: float | None, expected: str) -> bool:
    if found is None:
        return expected == ""
    return math.isclose(found, float(expected), rel_tol=1e-10)


def test_the_oracle_tells_the_names_apart():
    assert {key[0] for key in EXPECTED} == set(NAMES)
    of_all = [EXPECTED[name, "pooled", "1", "one", "all"] for name in NAMES]
    assert of_all[0] == "refused"
    assert of_all[1] == of_all[2]
    assert len(set(of_all)) == 4


@pytest.mark.parametrize("weights", ["one", "weight"])
@pytest.mark.parametrize("rule", ["pooled", "cases"])
@pytest.mark.parametrize("lonely", NAMES)
def test_standard_errors_are_those_of_r(lonely, rule, weights):
    if lonely == "fail":
        with pytest.raises(DataError, match=r"lonely='null', 'remove'|lonely='remove', lonely"):
            scored(lonely, rule, weights)
        return
    scores = scored(lonely, rule, weights)
    for item in ITEMS:
        found = standard_errors(scores, item)
        for group in ("all", "f", "m"):
            expected = EXPECTED[lonely, rule, item, weights, group]
            assert close(found[group], expected), (item, group, found, expected)


@pytest.mark.parametrize("weights", ["one", "weight"])
@pytest.mark.parametrize("rule", ["pooled", "cases"])
@pytest.mark.parametrize("lonely", NAMES[1:])
def test_the_rest_of_a_unit_has_the_standard_error_of_r(lonely, rule, weights):
    scores = scored(lonely, rule, weights)
    for item in ITEMS:
        level = scores.item(item).table["level"][0].as_py()
        row = scores.weaknesses("north", level=level, items=[item]).table.to_pylist()[0]
        own = scores.breakdown().item(item).unit("north").table["se"][0].as_py()
        rest = math.sqrt(row["se"] ** 2 - own**2)
        assert close(rest, EXPECTED[lonely, rule, item, weights, "rest of north"]), item


def test_means_over_questions_are_averaged_too():
    """By hand: where one question feeds an item, its mean is the pooled score."""
    for name in ("average", "remove", "certainty"):
        asked: dict[str, Any] = {"items": ["2.2"], "breakdowns": ["gender"], "lonely": name, **WALD}
        by_questions = oms.scores(cases(), rule="questions", **asked)
        pooled = oms.scores(cases(), rule="pooled", **asked)
        for column in ("se", "low", "high", "p_value"):
            one, other = (x.table[column].drop_null().to_pylist() for x in (by_questions, pooled))
            assert len(one) > 1
            assert one == pytest.approx(other, rel=1e-10), (name, column)


def test_sums_give_what_cases_give():
    for name in NAMES[1:]:
        asked: dict[str, Any] = {"by": "unit", "lonely": name, **WALD}
        sums = oms.score_tally(cases(), items=ITEMS, breakdowns=["gender"])
        from_cases = oms.scores(cases(), items=ITEMS, breakdowns=["gender"], **asked)
        assert oms.scores(sums, **asked).table.equals(from_cases.table), name


def test_averages_of_single_cases_only_are_unknown():
    alone = cases().filter([u in ("isle", "coast") for u in cases()["unit"].to_pylist()])
    for row in oms.scores(alone, items=["1"], lonely="average", **WALD).table.to_pylist():
        assert row["se"] is None
        assert row["reason"] == "a unit of one case"
