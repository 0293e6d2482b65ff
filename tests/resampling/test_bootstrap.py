"""Bootstraps of findings and scores: recounted draw by draw, against R, against linearisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.factories import BREAKDOWNS, Gender, Harm, frame, framework, oracle, random_frame, rows
from tests.resampling.test_max_t import Two, coin_cases

import omistats as oms
from omistats import UnknownNameError, UsageError

# Internal: the slow recount takes the same draws.
from omistats.kernel.resampling import draw_weights, generator


def messy_cases(seed: int, size: int = 40, questions: int = 3) -> oms.CaseSet:
    return oms.CaseSet.from_data(
        random_frame(seed, size, questions), framework=framework(questions)
    )


def drawn_again(cases: oms.CaseSet, draws: int, seed: int, units: bool) -> list[list[int]]:
    """The cases of each draw, one by one, by their place in the case set."""
    codes = np.asarray(cases.unit_codes)
    order = np.argsort(codes, kind="stable")
    if units:
        present = [u for u in range(len(cases.units)) if (codes == u).any()]
        starts, chances = np.array([0, len(present)]), [generator(seed, "units drawn")]
        weights = draw_weights(starts, draws, chances)
        return [
            [
                int(c)
                for u, w in zip(present, row, strict=True)
                for c in order[codes[order] == u]
                for _ in range(int(w))
            ]
            for row in weights
        ]
    weights = draw_weights(
        cases.packed.starts, draws, [generator(seed, unit) for unit in cases.units]
    )
    return [
        [int(c) for c, w in zip(order, row, strict=True) for _ in range(int(w))] for row in weights
    ]


def percent(answers: list[Any], chosen: list[int], inside: list[bool]) -> float:
    of = [answers[c] for c in chosen if inside[c] and answers[c] is not None]
    return 100 * sum(of) / len(of) if of else np.nan


@pytest.mark.parametrize("resample", ["cases", "units"])
@pytest.mark.parametrize("complement", ["all", "known"])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=6, deadline=None)
def test_findings_are_those_of_cases_drawn_one_by_one(
    resample: Any, complement: Any, seed: int
) -> None:
    cases = messy_cases(seed)
    draws = drawn_again(cases, 25, seed, resample == "units")
    found = oms.bootstrap(
        cases,
        breakdowns=[Gender(), Harm()],
        resample=resample,
        complement=complement,
        draws=25,
        seed=seed,
        confidence=0.8,
    )
    for row in rows(found):
        label, answers = cases[row["breakdown"]].to_pylist(), cases[row["question"]].to_pylist()
        first, second = ("f", "m") if row["breakdown"] == "gender" else ("high", None)
        inside = [row["group"] in ("all", v) for v in label]
        mine = [percent(answers, chosen, inside) for chosen in draws]
        one = [v == first for v in label]
        two = [v == second for v in label]
        if second is None:
            two = [v != first and (complement == "all" or v is not None) for v in label]
        apart = [percent(answers, d, one) - percent(answers, d, two) for d in draws]
        everyone = list(range(len(cases)))
        check(row, "", percent(answers, everyone, inside), mine)
        check(
            row,
            "difference",
            percent(answers, everyone, one) - percent(answers, everyone, two),
            apart,
        )
        assert row["undefined"] == sum(np.isnan(mine))


def check(row: dict[str, Any], prefix: str, estimate: float, draws: list[float]) -> None:
    defined = [v for v in draws if not np.isnan(v)]
    joined = f"{prefix}_" if prefix else ""
    expected = {prefix or "percent": estimate}
    if len(defined) > 1:
        expected[f"{joined}se"] = np.std(defined, ddof=1)
        for name, p in (("low", 0.1), ("high", 0.9)):
            expected[f"{joined}{name}"] = np.quantile(defined, p, method="weibull")
    for name, value in expected.items():
        if np.isnan(value):
            assert row[name] is None, name
        else:
            assert row[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize(
    "line", oracle("bootstrap_boot.csv"), ids=lambda r: r["question"] + r["what"]
)
def test_the_boot_package_of_r_spreads_alike(line: dict[str, str]) -> None:
    found = rows(
        oms.bootstrap(coin_cases(), breakdowns=[Two()], questions=[line["question"]], draws=20_000)
    )
    row = next(r for r in found if line["what"] in (r["group"], "difference"))
    prefix = "difference_" if line["what"] == "difference" else ""
    se = float(line["se"])
    # The error of a standard deviation of 20,000 draws is about 0.5%, in each of the two.
    assert row[f"{prefix}se"] == pytest.approx(se, rel=0.03)
    for end in ("low", "high"):
        # Percentages of two or three dozen cases move in steps of a tenth of a standard error.
        assert abs(row[f"{prefix}{end}"] - float(line[end])) < 0.15 * se


@pytest.mark.parametrize(
    "line", oracle("bootstrap_units.csv"), ids=lambda r: r["question"] + r["what"]
)
def test_whole_units_are_drawn_as_in_all_27_ways(line: dict[str, str]) -> None:
    found = rows(
        oms.bootstrap(
            coin_cases(),
            breakdowns=[Two()],
            questions=[line["question"]],
            draws=20_000,
            resample="units",
        )
    )
    row = next(r for r in found if line["what"] in (r["group"], "difference"))
    prefix = "difference_" if line["what"] == "difference" else ""
    assert row[f"{prefix}se"] == pytest.approx(float(line["se"]), rel=0.03)


@pytest.mark.parametrize("rule", ["pooled", "questions", "cases"])
def test_scores_vary_as_linearisation_says(rule: Any) -> None:
    # Groups of hundreds of cases: where a question applies to a handful, the mean of questions
    # is not near linear, and the two part.
    cases = oms.omi2.simulate(8, seed=2)
    options: Any = {"rule": rule, "breakdowns": ["age_group"]}
    expected = oms.scores(cases, **options).table.to_pylist()
    found = rows(oms.bootstrap(cases, of="scores", draws=2000, **options))
    key = ("breakdown", "item", "group")
    known = {tuple(r[c] for c in key): r for r in expected}
    assert len(known) == len(found)
    for row in found:
        other = known[tuple(row[c] for c in key)]
        assert (row["k"], row["n"]) == (other["k"], other["n"])
        for name in ("percent", "difference"):
            assert row[name] == (None if other[name] is None else pytest.approx(other[name]))
        # 2,000 draws leave 1.6%, of 51 rows three times that.
        assert row["se"] == pytest.approx(other["se"], rel=0.08), row


def test_units_and_all_together_come_from_the_same_draws() -> None:
    cases = messy_cases(5, 80)
    options: Any = {"breakdowns": BREAKDOWNS, "draws": 60, "seed": 3}
    by_unit = rows(oms.bootstrap(cases, by="unit", **options))
    together = rows(oms.bootstrap(cases, **options))
    assert [r for r in by_unit if r["unit"] == "all"] == together
    assert [r["unit"] for r in by_unit[:: len(together)]] == [*cases.units, "all"]
    chosen = cases.filter(np.array(cases["unit"].to_pylist()) == "U2")
    alone = rows(oms.bootstrap(chosen, **options))
    strip = [{**r, "unit": ""} for r in by_unit if r["unit"] == "U2"]
    assert strip == [{**r, "unit": ""} for r in alone]


def test_rows_stand_as_in_findings() -> None:
    cases = messy_cases(6)
    key = ("unit", "breakdown", "question", "group", "k", "n", "percent")
    found = oms.bootstrap(cases, by="unit", breakdowns=BREAKDOWNS, draws=5).table
    expected = oms.recompute(cases, by="unit", breakdowns=BREAKDOWNS).table
    for name in key:
        assert found[name].to_pylist() == expected[name].to_pylist()


def test_one_case_a_unit_does_not_vary_within_units() -> None:
    columns = frame(4, 2, unit=["A", "B", "C", "D"])
    cases = oms.CaseSet.from_data(columns, framework=framework(2))
    found = rows(oms.bootstrap(cases, breakdowns=[Gender()], draws=20))
    assert {r["se"] for r in found} <= {0.0, None}
    found = rows(oms.bootstrap(cases, breakdowns=[Harm()], draws=20, resample="units"))
    assert max(r["se"] for r in found if r["se"] is not None) > 0


def test_the_cases_say_what_they_are_in_the_result_too() -> None:
    found = oms.bootstrap(oms.omi2.load_synthetic(), of="scores", items=["3"], draws=5)
    assert found.table.schema.metadata[b"synthetic"] == b"true"
    assert rows(found)[0]["rule"] == "pooled"
    assert (rows(found)[0]["breakdown"], rows(found)[0]["group"]) == (None, None)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"draws": 1}, "`draws` must be a whole number, 2 or more"),
        ({"confidence": 95}, "did you mean 0.95"),
        ({"of": "points"}, "`of` must be 'findings' or 'scores'"),
        ({"by": "region"}, "`by` must be None or 'unit'"),
        ({"resample": "unit"}, "`resample` must be 'cases' or 'units'"),
        ({"complement": "some"}, "`complement`"),
        ({"seed": 0.5}, "`seed` must be a whole number"),
        ({"items": ["1"]}, "`items` and `rule` apply to scores"),
        ({"rule": "cases"}, "`items` and `rule` apply to scores"),
        ({"of": "scores", "questions": ["q0"]}, "`questions` apply to findings"),
        ({"by": "unit", "resample": "units"}, "reports all units together"),
        ({"questions": []}, "no questions to estimate"),
    ],
)
def test_what_makes_no_sense_is_refused(options: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        oms.bootstrap(messy_cases(1), **{"breakdowns": [Gender()], **options})


def test_one_unit_cannot_be_drawn() -> None:
    cases = oms.CaseSet.from_data(frame(4, 2, unit=["A"] * 4), framework=framework(2))
    with pytest.raises(UsageError, match="two or more units with cases; found 1"):
        oms.bootstrap(cases, breakdowns=[Gender()], resample="units")


def test_an_unknown_rule_lists_the_known() -> None:
    cases = oms.omi2.load_synthetic()
    with pytest.raises(UnknownNameError, match="pooled"):
        oms.bootstrap(cases, of="scores", rule="pool")  # type: ignore[arg-type]


@pytest.mark.parametrize("by", [None, "unit"])
def test_of_no_cases_nothing_is_estimated(by: Any) -> None:
    none = messy_cases(1).filter(np.zeros(40, np.bool_))
    found = rows(oms.bootstrap(none, breakdowns=BREAKDOWNS, draws=4, by=by))
    assert {(r["percent"], r["se"], r["undefined"]) for r in found} == {(None, None, 4)}
