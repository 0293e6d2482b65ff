"""Adjustments for the number of tests, each family by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.factories import BREAKDOWNS, Gender, Tier, adjusted_by_statsmodels, random_frame, read
from tests.inference.survey_sample import SPLITS, sample

import omistats as oms

Row = dict[str, Any]

# Ours, and what statsmodels calls it.
ADJUSTMENTS = {"bonferroni": "bonferroni", "holm": "holm", "bh": "fdr_bh"}
FAMILIES: dict[str, Callable[[Row], tuple[Any, ...]]] = {
    "table": lambda row: (row["unit"], row["breakdown"]),
    "breakdown": lambda row: (row["unit"] == "all", row["breakdown"]),
    "unit": lambda row: (row["unit"],),
    "everything": lambda row: (row["unit"] == "all",),
}


def comparisons(findings: oms.Findings) -> list[Row]:
    """One row a comparison; its other rows say the same."""
    found: dict[tuple[Any, ...], Row] = {}
    columns = ["p_value", *(f"p_{name}" for name in ADJUSTMENTS)]
    for row in findings.table.to_pylist():
        first = found.setdefault((row["unit"], row["breakdown"], row["question"]), row)
        assert [first[name] for name in columns] == [row[name] for name in columns]
    return list(found.values())


def check(findings: oms.Findings, family: str) -> None:
    members: dict[tuple[Any, ...], list[Row]] = {}
    untested = 0
    for row in comparisons(findings):
        if row["p_value"] is None:
            assert all(row[f"p_{name}"] is None for name in ADJUSTMENTS)
            untested += 1
        else:
            members.setdefault(FAMILIES[family](row), []).append(row)
    assert untested > 0
    assert members
    for rows in members.values():
        p = [row["p_value"] for row in rows]
        for name, theirs in ADJUSTMENTS.items():
            expected = adjusted_by_statsmodels(p, theirs)
            found = [row[f"p_{name}"] for row in rows]
            np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("test", ["pearson", "fisher", "cmh"])
@pytest.mark.parametrize("by", [None, "unit"])
@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_adjusted_one_by_one(family, by, test):
    cases = read(random_frame(4, 120, 5, 3, unknown=0.2), 5)
    chosen: Any = oms.Inference(test=test, adjust=ADJUSTMENTS, family=family)
    findings = oms.recompute(cases, by=by, breakdowns=BREAKDOWNS, inference=chosen)
    check(findings, family)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_of_weighted_findings(family):
    data = {"weight": "weight", "cluster": "team", "stratum": "region"}
    chosen: Any = oms.Inference(
        test="rao-scott-f", interval="logit", adjust=ADJUSTMENTS, family=family,
        # What is suppressed was not tested.
        small_numbers=oms.SmallNumbers(suppress_below=8),
    )  # fmt: skip
    findings = oms.recompute(sample(), by="unit", breakdowns=SPLITS, inference=chosen, **data)
    check(findings, family)


def test_families_are_as_large_as_they_should_be():
    """A p-value of the smallest is multiplied by the number of tests of its family."""
    data = random_frame(4, 240, 5, 3, unknown=0.2)
    # One answer that the group decides, so that a p-value is small enough to be multiplied.
    data["q4"] = [g == "f" and t == "1" for g, t in zip(data["gender"], data["tier"], strict=True)]
    cases = read(data, 5)
    splits = [Gender(), Tier()]
    sizes = {}
    for family in FAMILIES:
        chosen: Any = oms.Inference(adjust="bonferroni", family=family)
        findings = oms.recompute(cases, by="unit", breakdowns=splits, inference=chosen)
        rows = [r for r in findings.table.to_pylist() if r["unit"] != "all" and r["p_value"]]
        ratios = [r["p_bonferroni"] / r["p_value"] for r in rows if r["p_bonferroni"] < 1]
        sizes[family] = {round(ratio) for ratio in ratios}
    tested = {
        (r["unit"], r["breakdown"], r["question"]): r
        for r in oms.recompute(cases, by="unit", breakdowns=splits).table.to_pylist()
        if r["p_value"] is not None and r["unit"] != "all"
    }
    for family, name in FAMILIES.items():
        members = [name(row) for row in tested.values()]
        assert sizes[family] <= {members.count(one) for one in members}
        assert sizes[family]
    assert sizes["everything"] == {len(tested)}
    assert max(sizes["table"]) == 5


def test_all_together_does_not_change_what_units_are_adjusted_to():
    """It is made of the same cases, and would make every family larger for nothing."""
    cases = read(random_frame(4, 120, 5, 3, unknown=0.2), 5)
    for family in FAMILIES:
        chosen: Any = oms.Inference(adjust="holm", family=family)
        both = oms.recompute(cases, by="unit", breakdowns=BREAKDOWNS, inference=chosen)
        alone = oms.recompute(cases, breakdowns=BREAKDOWNS, inference=chosen)
        together = both.unit("all").table["p_holm"].to_pylist()
        assert together == alone.table["p_holm"].to_pylist()


def test_columns_are_those_asked_for_in_that_order():
    cases = read(random_frame(4, 60, 3), 3)
    usual = oms.recompute(cases, breakdowns=[Gender()]).table.column_names
    assert not any(name.startswith("p_") and name != "p_value" for name in usual)
    chosen = oms.Inference(adjust=["fdr", "Holm", "holm", "benjamini_hochberg"])
    assert chosen.adjust == ("bh", "holm")
    made = oms.recompute(cases, breakdowns=[Gender()], inference=chosen).table.column_names
    assert made == [*usual, "p_bh", "p_holm"]


def test_significance_after_adjustment():
    cases = read(random_frame(4, 300, 5, 3), 5)
    chosen = oms.Inference(adjust=["holm", "bh"], family="everything")
    findings = oms.recompute(cases, by="unit", breakdowns=BREAKDOWNS, inference=chosen)
    kept = {}
    for name in ("holm", "fdr"):
        column = {"holm": "p_holm", "fdr": "p_bh"}[name]
        rows = findings.significant(0.5, adjusted=name).table.to_pylist()
        wanted = [
            r for r in findings.table.to_pylist() if r[column] is not None and r[column] < 0.5
        ]
        assert rows == wanted
        kept[name] = len(rows)
    assert 0 < kept["holm"] <= kept["fdr"] <= len(findings.significant(0.5))
    # Another adjustment is made over the same family.
    of_units = sum(
        r["unit"] != "all" and r["p_value"] is not None for r in findings.comparisons().to_pylist()
    )
    assert findings.significant(0.9, adjusted="bonferroni").table.num_rows
    for row in findings.significant(0.9, adjusted="bonferroni").table.to_pylist():
        if row["unit"] != "all":
            assert row["p_bonferroni"] == pytest.approx(row["p_value"] * of_units)
