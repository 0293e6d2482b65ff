"""Estimates from a boosted sample against R's survey package, and against the caseload itself.

tests/oracles/sampling.R (R 4.2.2, survey 4.1.1) drew the sample, let svydesign make weights of the
population of each cell, and estimated: svymean, svyby and svyratio.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.factories import oracle
from tests.sampling.caseloads import ASKED, FRAMEWORK, NAMES, QUESTIONS, surveyed

import omistats as oms

DESIGN: dict[str, Any] = {
    "weight": "weight",
    "stratum": "sampling_stratum",
    "population": "population",
}


class Harm(oms.Breakdown):
    key = "risk_of_harm"
    groups = ("high", "not high")


class Gender(oms.Breakdown):
    key = "gender"
    groups = ("male", "female")


@pytest.fixture(scope="module")
def weighed() -> oms.sampling.DesignWeights:
    caseload = surveyed()
    return oms.design_weights(caseload.filter(caseload["drawn"]), caseload, cells=NAMES)


def test_weights_are_those_that_survey_makes_of_populations(
    weighed: oms.sampling.DesignWeights,
) -> None:
    theirs = {row["cell"]: row for row in oracle("sampling_weights.csv")}
    cases = weighed.cases
    assert len(theirs) == len(set(cases["sampling_stratum"].to_pylist())) == 20 + 1
    for cell, weight, population in zip(
        *(cases[name].to_pylist() for name in ("sampling_stratum", "weight", "population")),
        strict=True,
    ):
        assert weight == pytest.approx(float(theirs[cell]["weight"]), rel=1e-15)
        assert population == int(theirs[cell]["N"])
    assert weighed.merged == ()
    assert all(weighed.margins["exact"].to_pylist())


@pytest.mark.parametrize("what", [*QUESTIONS, "score"])
def test_estimates_and_standard_errors_are_those_of_survey(
    weighed: oms.sampling.DesignWeights, what: str
) -> None:
    splits = [Harm(), Gender()]
    if what == "score":
        found = oms.scores(weighed.cases, by="unit", breakdowns=splits, **DESIGN).table
    else:
        options = {"questions": [what], "by": "unit", **DESIGN}
        everyone = oms.recompute(weighed.cases, breakdowns=[Everyone()], **options).table
        found = pa.concat_tables(
            [
                _labels(oms.recompute(weighed.cases, breakdowns=splits, **options).table),
                _labels(everyone),
            ]
        )
    lines = {(r["unit"], r["breakdown"] or "", r["group"] or ""): r for r in found.to_pylist()}
    if what != "score":
        lines |= {(u, "", ""): r for (u, b, _), r in lines.items() if b == "everyone"}
    rows = [row for row in oracle("sampling_estimates.csv") if row["what"] == what]
    assert len(rows) == 15
    for row in rows:
        line = lines[row["domain"], row["by"], row["group"]]
        assert line["percent"] == pytest.approx(100 * float(row["estimate"]), rel=1e-11)
        assert line["se"] == pytest.approx(100 * float(row["se"]), rel=1e-10)


class Everyone(oms.Breakdown):
    key = "everyone"
    groups = ("everyone",)

    def classify(self, cases: oms.CaseSet) -> list[str]:
        return ["everyone"] * len(cases)


def _labels(table: pa.Table) -> pa.Table:
    names = ("unit", "breakdown", "group", "percent", "se")
    return pa.table({n: table[n].cast(pa.string()) if n in names[:3] else table[n] for n in names})


def test_a_stratum_of_one_case_drawn_whole_adds_no_variance() -> None:
    # From a plan to scores with two cases of every cell, or the only one there is, and some of
    # those drawn not read. R's survey never calls a stratum lonely that is drawn whole.
    caseload = surveyed()
    cell = list(zip(*(caseload[name].to_pylist() for name in ("unit", *NAMES)), strict=True))
    few = {
        min((c for c in set(cell) if c[0] == unit and c[3]), key=cell.count)
        for unit in caseload.units
    }
    firsts = {cell.index(c) for c in few}
    caseload = caseload.filter([c not in few or i in firsts for i, c in enumerate(cell)])
    plan = oms.plan_sample(
        oms.CaseSet.from_data(pa.table(caseload), framework=FRAMEWORK),
        size=120,
        at_least={"risk_of_harm": {"high": 0.45}},
        least=2,
    )
    drawn = oms.CaseSet.from_data(plan.draw(seed=5), framework=ASKED)
    whole = np.array(drawn["population"].to_pylist()) == 1
    read = drawn.filter(whole | (np.arange(len(drawn)) % 7 > 0))
    assert len(read) < len(drawn)
    cases = oms.design_weights(read, caseload, cells=NAMES, least=2).cases
    rows = pa.table(cases).to_pylist()
    strata: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        strata.setdefault(row["sampling_stratum"], []).append(row)
    alone = [same[0] for same in strata.values() if len(same) == 1]
    assert len(alone) == 3
    assert {row["population"] for row in alone} == {1}

    total = {r["unit"]: r for r in oms.scores(cases, by="unit", **DESIGN).table.to_pylist()}
    for unit in cases.units:
        inside = [row for row in rows if row["unit"] == unit]
        made = {r["case_id"]: sum(r[q] is True for q in QUESTIONS) for r in inside}
        asked = {r["case_id"]: sum(r[q] is not None for q in QUESTIONS) for r in inside}
        base = sum(r["weight"] * asked[r["case_id"]] for r in inside)
        p = sum(r["weight"] * made[r["case_id"]] for r in inside) / base
        variance = 0.0
        for same in strata.values():
            n, there = len(same), same[0]["population"]
            if same[0]["unit"] != unit or n == there:
                continue
            z = [r["weight"] * (made[r["case_id"]] - p * asked[r["case_id"]]) / base for r in same]
            variance += (1 - n / there) * n * np.var(z, ddof=1)
        assert total[unit]["percent"] == pytest.approx(100 * p, rel=1e-12)
        assert total[unit]["se"] == pytest.approx(100 * np.sqrt(variance), rel=1e-10)

    found = oms.recompute(cases, questions=["q0"], breakdowns=[Harm()], **DESIGN).table
    score = oms.scores(cases, **DESIGN).table
    for lonely in ("null", "remove", "adjust"):
        options = {**DESIGN, "lonely": lonely}
        other = oms.recompute(cases, questions=["q0"], breakdowns=[Harm()], **options).table
        for name in ("percent", "se", "low", "high"):
            assert other[name].equals(found[name])
            assert other[name].null_count == 0
            assert oms.scores(cases, **options).table[name].equals(score[name])


def test_the_boosted_share_is_not_the_weighted_one() -> None:
    caseload = surveyed()
    made = oms.CaseSet.from_data(pa.table(caseload), framework=FRAMEWORK)
    plan = oms.plan_sample(made, size=150, at_least={"risk_of_harm": {"high": 60}})
    sample = plan.draw(seed=3)
    for unit in sample.units:
        at = np.array(sample["unit"].to_pylist()) == unit
        high = at & (np.array(sample["risk_of_harm"].to_pylist()) == "high")
        there = np.array(caseload["unit"].to_pylist()) == unit
        share = np.mean(np.array(caseload["risk_of_harm"].to_pylist())[there] == "high")
        weight = sample["weight"].to_numpy()
        assert high.sum() / at.sum() == 60 / 150
        assert weight[high].sum() / weight[at].sum() == pytest.approx(share, abs=1e-12)
        assert share < 0.3


@pytest.mark.slow
def test_an_unweighted_estimate_is_biased_and_a_weighted_one_is_not() -> None:
    # High risk cases do worse and are drawn more often: the answers of who is drawn are not
    # those of the caseload. Truth is what the caseload would score if all were inspected.
    caseload = surveyed()
    truth = [oms.recompute(caseload, questions=["q0"], breakdowns=[Everyone()]).table["percent"]]
    truth.append(oms.scores(caseload).table["percent"])
    true = np.array([float(column[0].as_py()) for column in truth])
    made = oms.CaseSet.from_data(pa.table(caseload), framework=FRAMEWORK)
    plan = oms.plan_sample(made, size=110, at_least={"risk_of_harm": {"high": 55}}, least=2)
    weighted, plain, inside = [], [], []
    for seed in range(250):
        sample = oms.CaseSet.from_data(plan.draw(seed), framework=ASKED)
        found = oms.recompute(sample, questions=["q0"], breakdowns=[Everyone()], **DESIGN).table
        score = oms.scores(sample, **DESIGN).table
        naive = oms.recompute(sample, questions=["q0"], breakdowns=[Everyone()]).table
        weighted.append([t["percent"][0].as_py() for t in (found, score)])
        plain.append([t["percent"][0].as_py() for t in (naive, oms.scores(sample).table)])
        inside.append(
            [
                t["low"][0].as_py() <= v <= t["high"][0].as_py()
                for t, v in zip((found, score), true, strict=True)
            ]
        )
    error = np.std(weighted, axis=0, ddof=1) / np.sqrt(len(weighted))
    assert (np.abs(np.mean(weighted, axis=0) - true) < 4 * error).all()
    # Thirty and more standard errors off, and by points that anyone would notice.
    bias = np.mean(plain, axis=0) - true
    assert (bias < -3).all()
    assert (bias < -30 * error).all()
    # 250 samples tell a coverage to 1.4 points; 4 of those, and what the methods are off.
    assert (np.abs(np.mean(inside, axis=0) - 0.95) < 0.055).all()
    # What docs/methodology/sampling.md prints of them.
    assert np.round(true, 1).tolist() == [72.5, 65.4]
    assert np.round(np.mean(weighted, axis=0) - true, 2).tolist() == [-0.28, -0.20]
    assert np.round(error, 2).tolist() == [0.21, 0.14]
    assert np.round(bias, 1).tolist() == [-8.1, -8.6]
    assert np.sum(inside, axis=0).tolist() == [240, 236]
    assert np.mean(inside, axis=0).tolist() == [0.960, 0.944]
