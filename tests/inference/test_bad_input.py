"""Options and columns that do not fit, of findings and of scores: all that is wrong at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.factories import Gender, Harm, frame, framework, random_frame, read
from tests.inference.survey_sample import SPLITS, sample
from tests.scoring.programme import case_set, read as read_scored

import omistats as oms

ROWS = 40
WEIGHTED = oms.Inference(test="effective", interval="effective")


def small(**columns: Any) -> oms.CaseSet:
    data = random_frame(1, ROWS, 2, 2)
    data.update(columns)
    return oms.CaseSet.from_data(data, framework=framework(2))


def recompute(cases: oms.CaseSet, **options: Any) -> Any:
    return oms.recompute(cases, breakdowns=[Gender()], **options)


def scores(_: oms.CaseSet, **options: Any) -> Any:
    """Of as many cases of a framework that has items to score."""
    return oms.scores(case_set(read_scored()[:ROWS]), interval="wald", test="wald", **options)


def with_one(value: float) -> list[float]:
    return [value if i == 3 else 1.0 for i in range(ROWS)]


DESIGNS: list[tuple[dict[str, Any], str]] = [
    ({"weight": with_one(-1)}, r"weight: .*not negative.*-1 at row 3"),
    ({"weight": with_one(np.nan)}, r"weight: .*nan at row 3"),
    ({"weight": with_one(np.inf)}, r"weight: .*inf at row 3"),
    ({"weight": [0] * ROWS}, "some weight is above 0"),
    ({"weight": [1, 2, 3]}, r"Pass 40 weights, one per row"),
    ({"weight": with_one(1), "cluster": ["a"] * 3}, r"cluster: one label per row"),
    ({"stratum": [None] * ROWS}, r"stratum: one label per row"),
    ({"stratum": ["x", "y"] * 20, "cluster": ["a", "a", "b", "b"] * 10}, "lies in one stratum"),
    ({"cluster": list(range(20)) * 2, "stratum": None, "population": 12}, "no fewer clusters"),
    ({"stratum": ["x", "y"] * 20, "population": {"x": 100}}, "one number of clusters"),
    ({"stratum": ["x"] * 39 + ["y"]}, "two clusters or more"),
]


@pytest.mark.parametrize("ask", [recompute, scores])
@pytest.mark.parametrize(("design", "message"), DESIGNS)
def test_what_no_design_can_be(design, message, ask):
    with pytest.raises(oms.DataError, match=message):
        ask(small(), **design)


@pytest.mark.parametrize("name", ["weight", "stratum", "cluster", "population"])
def test_a_column_that_is_not_there(name):
    wrong: dict[str, Any] = {name: "wieght"}
    with pytest.raises(oms.UnknownNameError, match="wieght"):
        oms.recompute(sample(), breakdowns=SPLITS, **wrong)
    with pytest.raises(oms.UnknownNameError, match="wieght"):
        oms.scores(sample(), **{"weight": "weight", **wrong})


def test_a_column_with_a_gap_names_its_row():
    weight = [1.5] * ROWS
    gap: list[float | None] = [*weight[:7], None, *weight[8:]]
    with pytest.raises(oms.DataError, match=r"weight: .*nan at row 7"):
        recompute(small(burden=gap), weight="burden")


def test_a_column_of_words_is_no_weight():
    with pytest.raises((oms.UsageError, oms.DataError), match="weight"):
        recompute(small(), weight="unit")


def test_all_that_is_wrong_with_a_design_is_listed():
    with pytest.raises(oms.DataError) as caught:
        recompute(small(), weight=with_one(-1), cluster=["a"] * 3, stratum=["x"] * 4)
    assert [p.where for p in caught.value.problems] == ["weight", "cluster", "stratum"]
    with pytest.raises(oms.DataError) as caught:
        recompute(small(), weight=with_one(np.nan), stratum=None, population=3)
    assert [p.where for p in caught.value.problems] == ["weight", "population"]


def test_a_treatment_of_lonely_strata_that_there_is_not():
    with pytest.raises(
        oms.UnknownNameError, match="from error, remove, adjust, average, null, fail, certainty"
    ):
        recompute(small(), weight=np.ones(ROWS), lonely="drop")


@pytest.mark.parametrize(
    "design",
    [
        {"weight": np.ones(ROWS)},
        {"cluster": list(range(ROWS))},
        {"stratum": None},
        {"population": 1000},
    ],
)
def test_counts_know_nothing_of_designs(design):
    counts = oms.tally(small(), by="unit", breakdowns=[Gender()])
    with pytest.raises(oms.UsageError, match="pass cases"):
        oms.recompute(counts, **design)


@pytest.mark.parametrize("test", [*oms.stats.TESTS, *oms.stats.GROUP_TESTS, "cmh", "cmh-cc"])
def test_tests_for_other_samples_are_refused_under_weights(test):
    chosen = oms.Inference(test=test, interval="logit")
    with pytest.raises(oms.UsageError) as caught:
        recompute(small(), weight=np.ones(ROWS), inference=chosen)
    text = str(caught.value)
    assert f"test={chosen.test!r}" in text
    assert "choose from effective, rao-scott-f, rao-scott-chi-square, adjusted-wald, wald-f" in text
    assert "interval=" not in text


def test_the_test_and_the_interval_are_refused_together():
    with pytest.raises(oms.UsageError) as caught:
        recompute(small(), cluster=list(range(ROWS)), inference=oms.Inference())
    text = str(caught.value)
    assert "test='pearson'" in text
    assert "interval='wilson'; choose from effective, logit, wald" in text


def from_cases(inference: oms.Inference) -> Any:
    return recompute(small(), inference=inference)


def from_a_tally(inference: oms.Inference) -> Any:
    return oms.recompute(oms.tally(small(), breakdowns=[Gender()]), inference=inference)


def from_counts(inference: oms.Inference) -> Any:
    return oms.Findings.from_counts(
        [[1, 2]], [[4, 5]], questions=["q"], groups=["a", "b"], inference=inference
    )


@pytest.mark.parametrize("made", [from_cases, from_a_tally, from_counts])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": "rao-scott-f"}, "pass weight=, stratum= or cluster="),
        ({"test": "adjwald", "interval": "logit"}, "pass weight=, stratum= or cluster="),
        ({"interval": "logit"}, "choose from wilson"),
    ],
)
def test_tests_of_designs_are_refused_without_one(options, message, made):
    chosen = oms.Inference(**options)
    with pytest.raises(oms.UsageError, match=message):
        made(chosen)


def test_weighted_findings_are_not_compared_with_unweighted_ones():
    weighted, plain = recompute(small(), weight=np.ones(ROWS)), recompute(small())
    for one, other in ((weighted, plain), (plain, weighted)):
        with pytest.raises(oms.UsageError, match="weighted findings"):
            one.compare(other)


@pytest.mark.parametrize(
    "design", [{"weight": np.ones(ROWS)}, {"stratum": None}, {"cluster": list(range(ROWS))}]
)
def test_any_part_of_a_design_makes_findings_weighted(design):
    assert recompute(small(), **design).inference == WEIGHTED


def test_the_frame_of_the_factories_takes_columns_of_a_design():
    cases = read(frame(8, weight=[1, 2] * 4))
    found = oms.recompute(cases, breakdowns=[Gender(), Harm()], weight="weight", stratum=None)
    assert found.inference.is_design_based
