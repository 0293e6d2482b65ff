"""The columns of a comparison of units, recounted."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pyarrow as pa
import pytest
from tests.scoring.programme import FRAMEWORK, WALD, case_set, feeds
from tests.scoring.units_recount import (
    CASES,
    COLUMNS,
    FEW,
    ITEM,
    LEVELS,
    UNITS,
    compare,
    count,
    same,
)

import omistats as oms


@pytest.fixture(scope="module")
def found() -> oms.Scores:
    return oms.scores(case_set(CASES["apart"]), by="unit", breakdowns=["gender"])


@pytest.mark.parametrize("baseline", [None, 70, 97.5, np.float64(3)])
@pytest.mark.parametrize("overdispersion", ["none", "multiplicative", "additive"])
@pytest.mark.parametrize("scale", ["normal", "arcsine"])
@pytest.mark.parametrize("cases", list(CASES))
def test_every_column_is_what_a_recount_gives(cases, scale, overdispersion, baseline):
    units, facts = compare(CASES[cases], baseline, scale, overdispersion)
    options = {"scale": scale, "overdispersion": overdispersion, "baseline": baseline}
    scores = oms.scores(case_set(CASES[cases]), by="unit", lonely="null", **WALD)
    got = scores.units(ITEM, **options, **FEW)
    assert got.table.schema.names == COLUMNS
    assert got.table["unit"].to_pylist() == UNITS
    for row, unit in zip(got.table.to_pylist(), units, strict=True):
        assert (row["k"], row["n"]) == (unit["k"], unit["n"])
        same(row["percent"], None if unit["p"] is None else 100 * unit["p"])
        same(row["se"], None if unit["se"] is None else 100 * unit["se"])
        names = [f"{end}_{name}" for end in ("low", "high") for name in LEVELS]
        names += ["beyond", "z", "z_multiplicative", "z_additive", "rank"]
        for name in names:
            same(row[name], unit.get(name))
        assert row["order"] is row["below_threshold"] is None
    same(got.baseline, 100 * facts["p0"])
    same(got.design_effect, facts["effect"])
    same(got.dispersion.phi, facts["phi"])
    same(got.dispersion.tau2, facts["tau2"])
    same(got.heterogeneity.statistic, facts["q"])
    same(got.heterogeneity.df, facts["df"])
    settings = {"threshold": None, "confidence": 0.95, "draws": 200, "seed": 0, "population": None}
    settings |= {"scale": scale, "overdispersion": overdispersion}
    assert got.settings == settings


def test_the_cases_distinguish_the_allowances():
    _, alike = compare(CASES["alike"], None, "normal", "none")
    assert alike["phi"] == 1
    units, apart = compare(CASES["apart"], None, "normal", "none")
    assert apart["phi"] > 1
    assert apart["tau2"] > 0
    assert abs(apart["effect"] - 1) > 0.1
    assert {u["beyond"] for u in units} >= {0.0, 0.998}
    clipped, _ = compare(CASES["apart"], 97.5, "normal", "additive")
    assert {u["high_99_8"] for u in clipped} == {100}
    clipped, _ = compare(CASES["apart"], 3, "normal", "additive")
    assert {u["low_99_8"] for u in clipped} == {0}
    gaps, _ = compare(CASES["gaps"], None, "normal", "none")
    assert [(u["p"] is None, u["se"] is None) for u in gaps[-2:]] == [(False, True), (True, True)]


def test_scores_and_intervals_are_those_of_the_table_they_come_from(found):
    kept = ["unit", "k", "n", "percent", "se", "low", "high"]
    rows = found.item(ITEM).breakdown().table.select(kept).to_pylist()
    assert found.units(ITEM, **FEW).table.select(kept).to_pylist() == rows[:-1]
    assert rows[-1]["unit"] == "all"


@pytest.mark.parametrize("threshold", [40, 65.5, 90])
def test_units_are_below_a_threshold_by_point_or_by_interval(threshold):
    z = NormalDist().inv_cdf(0.975)
    scores = oms.scores(case_set(CASES["gaps"]), by="unit", lonely="null", **WALD)
    got = scores.units(ITEM, threshold=threshold, **FEW)
    for row in got.table.to_pylist():
        unit = count(CASES["gaps"], row["unit"])
        expected = None
        if unit["se"] is not None:
            expected = "no"
            if 100 * unit["p"] < threshold:
                sure = 100 * (float(unit["p"]) + z * unit["se"]) < threshold
                expected = "interval" if sure else "point"
        assert row["below_threshold"] == expected, row
    assert got.settings["threshold"] == threshold


def test_the_thresholds_cover_every_answer():
    scores = oms.scores(case_set(CASES["gaps"]), by="unit", lonely="null")
    words = {w for t in (40, 65.5, 90) for w in scores.units(ITEM, threshold=t, **FEW)
             .table["below_threshold"].to_pylist()}  # fmt: skip
    assert words == {None, "no", "point", "interval"}


def test_repr_marks_synthetic_cases():
    named = {"synthetic": "true", "seed": "2"}
    plain = pa.table(case_set(CASES["apart"]))
    scores = oms.scores(plain.replace_schema_metadata(named), framework=FRAMEWORK, by="unit")
    got = scores.units(ITEM, **FEW)
    expected = {key.encode(): value.encode() for key, value in named.items()}
    assert got.table.schema.metadata == pa.table(got).schema.metadata == expected
    assert repr(got).startswith(f"UnitComparison of {ITEM}: 6 SYNTHETIC units, baseline ")
    bare = oms.scores(case_set(CASES["apart"]), by="unit", **WALD).units(ITEM, **FEW)
    assert repr(bare).startswith(f"UnitComparison of {ITEM}: 6 units, baseline ")
    _, facts = compare(CASES["apart"], None, "normal", "none")
    beyond = sum(b == 0.998 for b in bare.table["beyond"].to_pylist())
    assert f"{100 * facts['p0']:.1f}%, {beyond} beyond 99.8% limits" in repr(bare)
    assert f"Q {facts['q']:.1f} on 5" in repr(bare)


def test_z_is_null_where_every_answer_is_the_same():
    rows = [{**r, **dict.fromkeys(feeds(ITEM), True)} for r in CASES["alike"]]
    got = oms.scores(case_set(rows), by="unit").units(ITEM, **FEW)
    assert got.baseline == 100
    assert math.isnan(got.design_effect)
    # Units that are all alike give no sign of differences; by Wald's test they cannot be tested.
    assert (float(got.heterogeneity.statistic), float(got.heterogeneity.p_value)) == (0, 1)
    wald = oms.scores(case_set(rows), by="unit", **WALD).units(ITEM, **FEW)
    assert math.isnan(wald.heterogeneity.statistic)
    assert set(got.table["z"].to_pylist()) == {None}
    assert set(got.table["rank"].to_pylist()) == {3.5}
    # Against a baseline below 100 the binomial variance is not multiplied.
    z = oms.scores(case_set(rows), by="unit").units(ITEM, baseline=80, **FEW).table
    for row in z.to_pylist():
        same(row["z"], 0.2 / math.sqrt(0.8 * 0.2 / row["n"]))
