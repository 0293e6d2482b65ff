"""Designs and weights that leave little to go by: defined everywhere, and said in ``reason``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import omistats as oms
from tests.factories import Gender, frame, read as read_small
from tests.scoring.programme import WALD, case_set, read

Row = dict[str, Any]
FEW: dict[str, Any] = {"draws": 200}
ONE_CASE = "one case only: spread between cases unknown"
ONE_CLUSTER = "one cluster only: spread between clusters unknown"
NO_WEIGHT = "no case with a weight above 0"
FIGURES = ("se", "low", "high", "p_value", "statistic", "stars")


def rows(isle: int = 1) -> list[Row]:
    """Twelve cases of north, south and west, and a few of isle; all asked something."""
    left = {"north": 12, "south": 12, "west": 12, "isle": isle}
    kept = []
    for row in read():
        if left.get(row["unit"], 0) > 0 and row["a1"] is not None and row["gender"]:
            left[row["unit"]] -= 1
            kept.append(row)
    return kept


def scored(kept: list[Row], **options: Any) -> oms.Scores:
    asked: dict[str, Any] = {"by": "unit", "items": ["1.1", "1.2", "1"], "breakdowns": ["gender"]}
    return oms.scores(case_set(kept), **asked, **options)


def line(scores: oms.Scores, unit: str, group: str | None = None, item: str = "1") -> Row:
    found = [row for row in scores.item(item).unit(unit).table.to_pylist() if row["group"] == group]
    assert len(found) == 1
    return found[0]


def everywhere(scores: oms.Scores, unit: str, item: str = "1") -> dict[str, Row]:
    """The row of a unit among scores, units, pairs with north, and weaknesses."""
    whole = scores.breakdown()
    units = whole.units(item, **FEW)
    pairs = [r for r in units.pairs().to_pylist() if {r["unit"], r["other"]} == {"north", unit}]
    weak = scores.weaknesses(unit, level="section").table.to_pylist()
    return {
        "scores": line(scores, unit),
        "units": next(r for r in units.table.to_pylist() if r["unit"] == unit),
        "pairs": pairs[0],
        "weaknesses": weak[0],
    }


@pytest.mark.parametrize("rules", [{}, {"rule": "cases"}, {"rule": "questions"}])
def test_a_unit_of_one_case_is_compared_with_nothing(rules):
    scores = scored(rows(), **rules, **({"lonely": "null"} if rules else {}))
    found = {"scores": line(scores, "isle")}
    found["weaknesses"] = scores.weaknesses("isle", level="section").table.to_pylist()[0]
    if not rules:
        found = everywhere(scores, "isle")
        assert [found["units"][n] for n in ("rank", "joint_low", "above")] == [None] * 3
        assert found["pairs"]["higher"] is None
    for name, row in found.items():
        assert row["reason"] == ONE_CASE, name
        assert [row[n] for n in FIGURES if n in row] == [None] * sum(n in row for n in FIGURES)
        if name != "pairs" and not (rules and name == "scores"):
            assert row["reliability"] == "one case only", name
    assert found["weaknesses"]["credible"] is None


@pytest.mark.parametrize("rule", ["pooled", "cases", "questions"])
def test_a_group_of_one_case_is_not_taken_for_certain(rule):
    """Wald's standard error of it is 0; by name it stays so, as in R."""
    kept = [r for r in rows() if r["unit"] != "north" or r["gender"] == "m"]
    kept += [next(r for r in rows() if r["unit"] == "north" and r["gender"] == "f")]
    scores = scored(kept, rule=rule, lonely="null")
    for group in ("f", "m"):
        row = line(scores, "north", group)
        assert row["p_value"] is None
        assert row["stars"] is None
        assert row["reason"] == ONE_CASE
    alone = line(scores, "north", "f")
    assert [alone[name] for name in FIGURES] == [None] * len(FIGURES)
    assert line(scores, "north", "m")["low"] is not None
    by_name = line(scored(kept, rule=rule, lonely="null", **WALD), "north", "f")
    assert by_name["se"] == 0


def test_a_unit_of_one_cluster_is_no_unit_of_one_case():
    kept = rows(isle=0)
    teams = ["c" if r["unit"] == "south" else f"{r['unit']}{i}" for i, r in enumerate(kept)]
    scores = scored(kept, cluster=teams)
    for name, row in everywhere(scores, "south").items():
        assert row["reason"] == ONE_CLUSTER, name
        assert row["reliability"] == "one cluster only", name
        assert row["p_value" if "p_value" in row else "low"] is None, name
    assert line(scores, "south")["cases"] == 1
    # Its groups share the cluster.
    assert line(scores, "south", "f")["reason"] == ONE_CLUSTER
    # The rest of north without west is that cluster.
    rest = scores.weaknesses("north", level="section", others=["south"]).table.to_pylist()[0]
    assert rest["reason"] == f"one cluster only among the other units: {ONE_CLUSTER[18:]}"
    assert rest["credible"] is None


def test_groups_that_clusters_cross_are_tested_by_wald_and_never_as_certain():
    kept = rows(isle=0)
    # Teams mix women and men; in north all women are of one team.
    teams = [
        "north 0" if r["unit"] == "north" and r["gender"] == "f" else f"{r['unit']} {i % 4}"
        for i, r in enumerate(kept)
    ]
    scores = scored(kept, cluster=teams)
    women = line(scores, "north", "f")
    assert [women[name] for name in FIGURES] == [None] * len(FIGURES)
    assert women["reason"] == ONE_CLUSTER
    others = [line(scores, unit, group) for unit in ("south", "west") for group in ("f", "m")]
    tested = [row for row in others if row["p_value"] is not None]
    assert {row["method"] for row in tested} == {"wald-f"}
    assert {row["interval_method"] for row in tested} == {"wald-t"}
    assert all(row["effective_n"] is None for row in others)


def test_units_that_clusters_cross_are_compared_by_wald():
    kept = rows(isle=1)
    scores = scored(kept, cluster=[f"c{i % 5}" for i in range(len(kept))], stratum=None)
    for name, row in everywhere(scores, "south").items():
        if name == "pairs":
            assert row["reason"].startswith("clusters lie across units")
            assert row["p_value"] is row["low"] is row["higher"] is None
            continue
        assert row["reason"] is None, name
        assert row["low"] < row["high"], name
    assert scores.weaknesses(level="section").table["method"].to_pylist()[0] == "wald-f"
    isle = everywhere(scores, "isle")
    for name, row in isle.items():
        assert row["reason"] == ONE_CLUSTER, name
    assert isle["weaknesses"]["reliability"] == "one cluster only"


def test_a_unit_or_group_of_weight_0_says_so():
    kept = rows(isle=0)
    none = [0.0 if r["unit"] == "south" else 1.0 for r in kept]
    scores = scored(kept, weight=none)
    for name, row in everywhere(scores, "south").items():
        assert row["reason"] == NO_WEIGHT, name
        assert row["reliability"] is None, name
    own = line(scores, "south")
    assert own["n"] > 0
    assert (own["percent"], own["cases"]) == (None, 0)
    rest = scores.weaknesses("north", level="section", others=["south"]).table.to_pylist()[0]
    assert rest["reason"] == f"{NO_WEIGHT} in the other units"
    women = [0.0 if r["gender"] == "f" else 1.0 for r in kept]
    of_groups = scored(kept, weight=women)
    assert line(of_groups, "north", "f")["reason"] == NO_WEIGHT
    assert line(of_groups, "north", "m")["reason"] == "no second group to compare with"


def test_one_huge_weight_leaves_one_case():
    """Kish's number is 1: intervals span almost all, and nobody is accused."""
    kept = rows(isle=0)
    weight = np.ones(len(kept))
    first = next(i for i, r in enumerate(kept) if r["unit"] == "south")
    weight[first] = 1e6
    scores = scored(kept, weight=weight)
    for name, row in everywhere(scores, "south").items():
        assert row["reason"] is None, name
        assert row["reliability"] == "too few cases to tell", name
        assert row["high"] - row["low"] > 60, name
        if "p_value" in row and name != "scores":
            assert row["p_value"] > 0.5, name
    groups = {r["gender"] for r in kept}
    assert groups == {"f", "m"}


def test_scores_without_a_test_make_a_family_of_none():
    first: dict[str, Row] = {}
    for row in rows():
        first.setdefault(row["unit"], row)
    scores = scored(list(first.values()))
    for family in ("unit", "all"):
        for adjust in ("holm", "bh", "bonferroni"):
            found = scores.weaknesses(family=family, adjust=adjust)
            assert found.table["p_adjusted"].null_count == len(found) > 0
            assert found.table["credible"].null_count == len(found)
            assert set(found.table["reason"].to_pylist()) <= {ONE_CASE, "no applicable answers"}
            assert "0 credibly below" in repr(found)
    units = scores.breakdown().units("1", **FEW)
    pairs = units.pairs()
    assert pairs["p_adjusted"].null_count == len(pairs) > 0
    assert pairs["reason"].null_count == 0
    assert math.isnan(float(units.heterogeneity.p_value))
    assert units.table["rank"].null_count == len(units.table)
    with pytest.raises(oms.UsageError, match="`items` names no items"):
        scores.weaknesses(items=[])


def test_findings_without_a_test_make_a_family_of_none():
    nothing = frame(4, 2, q0=[None] * 4, q1=[True, None, None, None])
    found = oms.recompute(read_small(nothing), breakdowns=[Gender()])
    assert set(found.table["reason"].to_pylist()) == {
        "no applicable answers",
        "no second group to compare with",
    }
    for method in ("bh", "holm", "bonferroni"):
        kept = found.significant(adjusted=method)
        assert len(kept) == 0
        assert kept.families == {method: "over all 0 tests of these findings"}
    assert "no test could be made" in repr(found)
    beforehand = oms.Inference(adjust="holm")
    asked = oms.recompute(read_small(nothing), breakdowns=[Gender()], inference=beforehand)
    assert asked.table["p_holm"].null_count == len(asked)
    assert "no test was made" in asked.families["holm"]


def weighted_findings(**design: Any) -> dict[tuple[str, str], Row]:
    answers = [True, False, True, True, False, True, True, False, True, True]
    data = frame(10, 1, q0=answers, gender=["f"] * 5 + ["m"] * 5, unit=["A"] * 5 + ["B"] * 5)
    found = oms.recompute(read_small(data, 1), by="unit", breakdowns=[Gender()], **design)
    assert repr(found).startswith("Findings")
    assert found._repr_html_().startswith("<p>Findings")
    return {(row["unit"], row["group"]): row for row in found.table.to_pylist()}


@pytest.mark.parametrize("options", [{"stratum": None}, {"lonely": "remove"}])
def test_findings_of_one_cluster_have_no_standard_error(options):
    found = weighted_findings(cluster=[0] * 5 + [1, 2, 3, 4, 5], **options)
    row = found["all", "f"]
    for name in ("se", "se_df", "low", "high", "p_value", "effective_n"):
        assert row[name] is None, name
    assert row["reason"] == "a group of one cluster: its spread is not known"
    assert found["A", "f"]["se"] is None
    assert found["B", "m"]["se"] > 0


def test_findings_of_one_case_say_so():
    data = frame(10, 1, q0=[True, False] * 5, gender=["f"] + ["m"] * 9, unit=["A"] * 10)
    found = oms.recompute(read_small(data, 1), breakdowns=[Gender()], weight=[1, 2] * 5)
    row = found.table.to_pylist()[0]
    assert (row["n"], row["se"], row["low"]) == (1, None, None)
    assert row["reason"] == "a group of one case: its spread is not known"
    assert row["reliability"] == "few effective cases"
    # A caseload of this one case is known.
    census = oms.recompute(
        read_small(data, 1), breakdowns=[Gender()], stratum=["f"] + ["m"] * 9,
        population={"f": 1, "m": 90},
    )  # fmt: skip
    own = census.table.to_pylist()[0]
    assert (own["se"], own["low"], own["high"]) == (0, 100, 100)


def test_findings_of_weight_0_say_so():
    found = weighted_findings(weight=[0.0] * 5 + [1.0] * 5)
    assert found["all", "f"]["reason"] == NO_WEIGHT
    assert found["all", "m"]["reason"] == "no second group to compare with"
    assert found["all", "m"]["low"] is not None


def test_findings_of_one_huge_weight_are_marked_in_table_and_text():
    data = frame(40, 1, q0=[True, False] * 20, gender=["f", "m", "m", "f"] * 10, unit=["A"] * 40)
    found = oms.recompute(read_small(data, 1), breakdowns=[Gender()], weight=[1e6] + [1.0] * 39)
    for row in found.table.to_pylist():
        assert row["reliability"] == "few effective cases"
        assert row["p_value"] > 0.5
    heavy = found.table.to_pylist()[0]
    assert heavy["kish_n"] == pytest.approx(1, abs=1e-3)
    assert heavy["high"] - heavy["low"] > 90
    text = repr(found)
    assert "?" in text.split("\n")[3]
    assert "few effective cases (weights leave fewer than 30 cases, or a cell expects" in text


def test_thin_units_are_marked_in_text_and_html():
    scores = scored(rows())
    units = scores.breakdown().units("1", **FEW)
    assert repr(units).endswith("; ? one case only (1)")
    html = units._repr_html_()
    assert html.count("<td>?</td>") == 1
    plain = scored(rows(isle=0)).breakdown().units("1", **FEW)
    assert "?" not in repr(plain)
    assert "?" not in plain._repr_html_()
    own = scores.item("1").unit("isle")
    for form in (repr(own), own._repr_html_()):
        assert "? " in form
        assert "one case only" in form
    weak = scores.weaknesses("isle", level="section")
    for form in (repr(weak), weak._repr_html_()):
        assert ONE_CASE in form


def test_heterogeneity_is_defined_where_some_or_all_units_have_no_spread():
    def alike(units: tuple[str, ...], answer: bool) -> list[Row]:
        asked = ("a1", "a2", "a3", "b1", "b2", "b3")
        return [
            {**r, **dict.fromkeys(asked, answer)} if r["unit"] in units else r for r in rows(isle=0)
        ]

    for kept in (
        alike(("north",), True),
        alike(("north", "south"), False),
        alike(("north", "south", "west"), True),
    ):
        found = scored(kept).breakdown().units("1", **FEW).heterogeneity
        assert 0 <= float(found.p_value) <= 1
        assert not math.isnan(float(found.statistic) + float(found.tau2) + float(found.i_squared))
        assert int(found.units) == 3
    far = alike(("north",), True)
    apart = [{**r, **dict.fromkeys(("a1", "a2", "a3", "b1", "b2", "b3"), False)}
             if r["unit"] == "south" else r for r in far]  # fmt: skip
    assert float(scored(apart).breakdown().units("1", **FEW).heterogeneity.p_value) < 0.01
