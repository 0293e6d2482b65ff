"""Trend, equivalence and refusals: what inference reaches beyond one test of two groups."""

from __future__ import annotations

import numpy as np
import pytest
from tests.inference.survey_sample import sample

import omistats as oms
from omistats import UsageError


def lines(found: oms.Findings) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = found.comparisons().to_pylist()
    return rows


@pytest.fixture(scope="module")
def tally() -> oms.Tally:
    return oms.tally(sample(), by="unit", breakdowns=["gender", "tier"])


def test_trend_over_ordered_groups_is_that_of_the_numeric_face(tally: oms.Tally) -> None:
    asked = oms.Inference(test="cochran-armitage")
    assert asked.test == "trend"
    found = oms.recompute(tally, by="unit", inference=asked)
    seen = 0
    for line in lines(found):
        unit = found.unit(str(line["unit"])).breakdown(str(line["breakdown"]))
        rows = unit.question(str(line["question"])).table
        expected = oms.stats.trend(rows["k"].to_numpy(), rows["n"].to_numpy())
        if line["p_value"] is None:
            continue
        assert line["method"] == "trend"
        assert line["p_value"] == pytest.approx(float(expected.p_value), rel=1e-12)
        seen += 1
    assert seen > 20


def test_equivalence_is_that_of_the_numeric_face(tally: oms.Tally) -> None:
    found = oms.recompute(tally, by="unit", inference=oms.Inference(margin=0.15))
    seen = 0
    for line in lines(found):
        rows = found.unit(str(line["unit"])).breakdown(str(line["breakdown"]))
        table = rows.question(str(line["question"])).table
        if line["breakdown"] == "tier":
            assert line["p_equivalence"] is None
            continue
        (k1, k2), (n1, n2) = table["k"].to_numpy(), table["n"].to_numpy()
        if not n1 or not n2:
            assert line["p_equivalence"] is None
            continue
        expected = oms.stats.equivalence(k1, n1, k2, n2, 0.15)
        assert line["p_equivalence"] == pytest.approx(float(expected.p_value), rel=1e-12)
        seen += 1
    assert seen > 10


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"margin": 5}, "did you mean 0.05"),
        ({"margin": 0.0}, "between 0 and 1"),
        ({"margin": True}, "between 0 and 1"),
        ({"margin": "0.05"}, "between 0 and 1"),
        ({"margin": 0.1, "test": "cmh"}, "leave `margin` out"),
        ({"margin": 0.1, "test": "rao-scott-f", "interval": "logit"}, "leave `margin` out"),
    ],
)
def test_margins_that_make_no_sense_are_refused(options: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        oms.Inference(**options)


def test_an_empty_family_is_refused() -> None:
    with pytest.raises(UsageError, match="no comparisons to adjust"):
        oms.recompute(
            sample(), breakdowns=["gender"], questions=[], inference=oms.Inference(adjust="holm")
        )


def test_an_adjustment_may_not_take_the_column_of_another() -> None:
    def same(p: np.ndarray) -> np.ndarray:
        return p

    for name in ("value", "my own"):
        oms.stats.ADJUSTMENTS.register(name, same)
    try:
        with pytest.raises(UsageError, match="different columns; 'p_value' is taken"):
            oms.Inference(adjust="value")
        asked = oms.Inference(adjust="my own")
        mine = oms.recompute(sample(), breakdowns=["gender"], inference=asked)
        assert mine.table["p_my_own"].equals(mine.table["p_value"])
    finally:
        for name in ("value", "my own"):
            oms.stats.ADJUSTMENTS.remove(name)


def test_a_test_of_several_groups_is_one_of_two_as_well(tally: oms.Tally) -> None:
    def mine(k: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        some = np.ones(k.shape[:-1])
        return k.sum(axis=-1), some, some / 2

    oms.stats.GROUP_TESTS.register("mine", mine)
    try:
        found = oms.recompute(tally, by="unit", inference=oms.Inference(test="mine"))
        assert set(found.table["method"].to_pylist()) - {None} == {"mine"}
    finally:
        oms.stats.GROUP_TESTS.remove("mine")


def test_comparisons_carry_what_was_asked_for(tally: oms.Tally) -> None:
    asked = oms.Inference(adjust="holm", effects="difference", margin=0.1)
    found = oms.recompute(tally, inference=asked).comparisons()
    assert found.column_names == [
        *("unit", "breakdown", "question", "contrast", "statistic", "df", "p_value", "stars"),
        *("method", "reason", "expected", "difference", "difference_low", "difference_high"),
        *("p_equivalence", "p_holm"),
    ]


@pytest.mark.parametrize("test", ["cmh", "pearson", ["wald"]])
def test_scores_refuse_tests_of_one_question(test: object) -> None:
    with pytest.raises(UsageError, match=r"recompute\(cases, inference=Inference"):
        oms.scores(sample(), items=["1"], test=test)  # type: ignore[arg-type]
