"""Effects of caseloads on a comparison of units, and their record in the metadata."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.scoring.programme import SIZES, case_set, read
from tests.scoring.units_recount import FEW, ITEM

import omistats as oms
from omistats import UsageError

FUNNEL = ("low_95", "high_95", "low_99_8", "high_99_8", "beyond", "z", "z_multiplicative")
# Cases of each unit that were not sampled, down to none.
SPARE = (1000, 10, 1, 0)


def by_unit(**options: Any) -> oms.Scores:
    return oms.scores(case_set(read()), by="unit", **options)


def close(found: float, expected: float) -> None:
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("scale", ["normal", "arcsine"])
@pytest.mark.parametrize("spare", SPARE)
def test_a_funnel_does_not_depend_on_caseloads(spare, scale):
    sizes = {unit: size + spare for unit, size in SIZES.items()}
    plain = by_unit().units(ITEM, scale=scale, **FEW)
    found = by_unit(population=sizes).units(ITEM, scale=scale, **FEW)
    close(found.design_effect, plain.design_effect)
    for name in FUNNEL:
        for mine, theirs in zip(found.table[name], plain.table[name], strict=True):
            close(mine.as_py(), theirs.as_py())
    close(float(found.dispersion.phi), float(plain.dispersion.phi))
    close(float(found.dispersion.tau2), float(plain.dispersion.tau2))
    for mine, theirs in zip(found.table.to_pylist(), plain.table.to_pylist(), strict=True):
        left = 1 - SIZES[mine["unit"]] / sizes[mine["unit"]]
        assert mine["se"] == pytest.approx(theirs["se"] * math.sqrt(left), rel=1e-12)
    if spare == 0:
        # The samples are the whole caseloads: there is no test of heterogeneity.
        assert np.isnan(found.heterogeneity.statistic)
    else:
        assert found.heterogeneity.statistic > plain.heterogeneity.statistic


def test_the_design_effect_is_the_one_that_was_multiplied():
    found = by_unit(population=SIZES).units(ITEM, **FEW)
    row = found.table.to_pylist()[0]
    p0 = found.baseline / 100
    s = math.sqrt(found.design_effect * p0 * (1 - p0) / row["n"])
    assert row["z"] == pytest.approx((row["percent"] / 100 - p0) / s, rel=1e-12)


@pytest.mark.parametrize("population", [None, 50])
def test_where_cases_do_not_differ_variance_is_not_multiplied(population):
    """Every case of a unit has the same share, units differ."""
    blank = dict.fromkeys(read()[0])
    share = {"north": 1, "south": 2, "east": 3}
    rows = [
        {**blank, "case_id": f"{unit}{i}", "unit": unit, **{f"a{q}": q <= k for q in (1, 2, 3)}}
        for unit, k in share.items() for i in range(4)
    ]  # fmt: skip
    scores = oms.scores(case_set(rows), by="unit", items="1.1", population=population)
    found = scores.units("1.1", **FEW)
    assert math.isnan(found.design_effect)
    rows = [row for row in found.table.to_pylist() if row["n"]]
    assert [row["percent"] is not None for row in rows] == [True] * 3
    for row in rows:
        p0 = found.baseline / 100
        s = math.sqrt(p0 * (1 - p0) / row["n"])
        assert row["z"] == pytest.approx((row["percent"] / 100 - p0) / s, rel=1e-12, abs=1e-12)


def test_a_unit_of_one_case_is_left_out_of_the_design_effect():
    rows = [r for r in read() if r["unit"] != "isle" or r["case_id"] == "s026"]
    plain = oms.scores(case_set(rows), by="unit", lonely="null").units(ITEM, **FEW)
    for sizes in ({**SIZES, "isle": 1}, {**SIZES, "isle": 9}):
        scores = oms.scores(case_set(rows), by="unit", lonely="null", population=sizes)
        close(scores.units(ITEM, **FEW).design_effect, plain.design_effect)


def test_metadata_record_the_caseloads(tmp_path):
    sizes = {**dict.fromkeys(SIZES, 60), "north": math.inf}
    found = by_unit(population=sizes, breakdowns=["gender"])
    recorded = json.loads(found.table.schema.metadata[b"omistats.population"])
    assert recorded["caseloads"] == {**sizes, "north": None}
    assert "errors corrected for caseloads" in repr(found)
    assert "errors corrected for caseloads" not in repr(by_unit())
    compared = found.units(ITEM, **FEW)
    assert compared.settings["population"] == sizes
    assert "errors corrected for caseloads" in repr(compared)
    found.write_parquet(tmp_path / "scores.parquet")
    again = oms.Scores(pq.read_table(tmp_path / "scores.parquet"), found.framework)
    for view in (again, found.item(ITEM), again.breakdown()):
        same = view.units(ITEM, **FEW)
        assert same.table.equals(compared.table)
        assert same.design_effect == compared.design_effect
        assert same.settings == compared.settings


def test_means_have_caseloads_too():
    found = by_unit(population=60, rule="cases")
    assert json.loads(found.table.schema.metadata[b"omistats.population"])["within"] == {}


def test_population_metadata_of_cases_are_dropped():
    key = b"omistats.population"
    shipped = oms.omi2.load_synthetic()
    assert key not in (by_unit().table.schema.metadata or {})
    marked = pa.table(shipped).replace_schema_metadata({key: b"{}", b"synthetic": b"true"})
    again = oms.CaseSet.from_data(marked, framework=shipped.framework)
    assert oms.scores(again).table.schema.metadata == {b"synthetic": b"true"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{}", "are not what scores write"),
        (b"[1]", "are not what scores write"),
        (b"{", "are not what scores write"),
        (b'{"caseloads": {"north": "x"}, "within": {}}', "are not what scores write"),
        (
            b'{"caseloads": {}, "within": {}}',
            "have no design effect of 'safety'; make the scores again",
        ),
    ],
)
def test_foreign_metadata_are_raised(text, message):
    found = by_unit()
    table = found.table.replace_schema_metadata({b"omistats.population": text})
    with pytest.raises(UsageError, match=message):
        oms.Scores(table, found.framework).units(ITEM, **FEW)
