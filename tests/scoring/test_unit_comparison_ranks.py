"""Ranks of units, and pairs that differ credibly."""

from __future__ import annotations

import math
import random
from itertools import combinations
from statistics import NormalDist
from typing import Any

import pytest
from tests.scoring.programme import WALD, case_set
from tests.scoring.units_recount import (
    APART,
    CASES,
    FEW,
    ITEM,
    UNITS,
    count,
    made_up,
    same,
)

import omistats as oms


@pytest.fixture(scope="module")
def found() -> oms.Scores:
    return oms.scores(case_set(CASES["apart"]), by="unit", breakdowns=["gender"])


def test_equal_units_share_their_rank_and_the_highest_is_first():
    rows = made_up(2, APART)
    same_again = [{**r, "unit": "coast"} for r in rows if r["unit"] == "north"]
    rows = [r for r in rows if r["unit"] != "coast"]
    rows += [{**r, "case_id": f"again {i}"} for i, r in enumerate(same_again)]
    table = oms.scores(case_set(rows), by="unit").units(ITEM, **FEW).table.to_pylist()
    ranks = {r["unit"]: r["rank"] for r in table}
    assert ranks["north"] == ranks["coast"] == 1.5
    assert max(table, key=lambda r: r["percent"])["rank"] == 1.5
    assert min(table, key=lambda r: r["percent"])["rank"] == 6


def holm(p: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Adjust p values, stepping down from the smallest."""
    out, most = {}, 0.0
    for i, pair in enumerate(sorted(p, key=lambda pair: p[pair])):
        most = max(most, p[pair] * (len(p) - i))
        out[pair] = min(most, 1.0)
    return out


def shown_to_differ(cases: str) -> tuple[dict[str, dict[str, Any]], dict[tuple[str, str], float]]:
    """Return the units with a standard error, and Holm's p of each being above another."""
    sure = {u["unit"]: u for u in (count(CASES[cases], u) for u in UNITS) if u["se"] is not None}
    p = {
        (a, b): NormalDist().cdf(
            -float(sure[a]["p"] - sure[b]["p"]) / math.hypot(sure[a]["se"], sure[b]["se"])
        )
        for a in sure
        for b in sure
        if a != b
    }
    return sure, holm(p)


@pytest.mark.parametrize("cases", list(CASES))
def test_joint_ranges_leave_room_for_every_unit_not_shown_to_differ(cases):
    sure, p = shown_to_differ(cases)
    higher = [pair for pair in p if p[pair] <= 0.05]
    assert bool(higher) == (cases != "alike")
    scores = oms.scores(case_set(CASES[cases]), by="unit", lonely="null", **WALD)
    for row in scores.units(ITEM, **FEW).table.to_pylist():
        unit = row["unit"]
        ranked = [row[name] for name in ("rank", "rank_low", "joint_low", "joint_high")]
        if unit not in sure:
            assert [*ranked, row["above"], row["below"], row["lowest_quarter_se"]] == [None] * 7
            assert row["reason"] == {
                "coast": "a unit of one case",
                "isle": "no applicable answers",
            }.get(unit)
            continue
        assert row["reason"] is None
        assert row["above"] == sum(a == unit for a, _ in higher)
        assert row["below"] == sum(b == unit for _, b in higher)
        assert row["joint_low"] == 1 + row["below"]
        assert row["joint_high"] == len(sure) - row["above"]


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize("cases", list(CASES))
def test_pairs_are_what_a_recount_gives(cases, confidence):
    sure, p = shown_to_differ(cases)
    scores = oms.scores(
        case_set(CASES[cases]), by="unit", items=[ITEM], lonely="null", confidence=confidence,
        **WALD,
    )  # fmt: skip
    got = scores.units(ITEM, **FEW).pairs()
    names = ["unit", "other", "difference", "se", "low", "high"]
    assert got.schema.names == [*names, "p_value", "p_adjusted", "higher", "reason", "reliability"]
    rows = got.to_pylist()
    assert [(r["unit"], r["other"]) for r in rows] == list(combinations(UNITS, 2))
    normal = NormalDist()
    for row in rows:
        a, b = row["unit"], row["other"]
        if a not in sure or b not in sure:
            figures = ("se", "low", "high", "p_value", "p_adjusted", "higher")
            assert [row[name] for name in figures] == [None] * 6
            gone = b if a in sure else a
            known = {"coast": "a unit of one case", "isle": "no applicable answers"}
            assert row["reason"] == known[gone]
            assert (row["difference"] is None) == ("isle" in (a, b))
            continue
        gap = 100 * float(sure[a]["p"] - sure[b]["p"])
        se = 100 * math.hypot(sure[a]["se"], sure[b]["se"])
        reach = normal.inv_cdf((1 + confidence) / 2) * se
        for name, value in (("difference", gap), ("se", se), ("low", gap - reach)):
            same(row[name], value)
        same(row["high"], gap + reach)
        same(row["p_value"], 2 * normal.cdf(-abs(gap) / se))
        same(row["p_adjusted"], p[(a, b) if gap > 0 else (b, a)])
        higher = a if gap > 0 else b
        assert row["higher"] == (higher if row["p_adjusted"] <= 1 - confidence else None)
        assert row["p_adjusted"] >= row["p_value"]
        assert row["reason"] is None


def test_pairs_agree_with_the_counts_of_the_table():
    seen = 0
    for item in ("1", "2", ITEM):
        got = oms.scores(case_set(CASES["apart"]), by="unit").units(item, **FEW)
        higher = [(r["unit"], r["other"], r["higher"]) for r in got.pairs().to_pylist()]
        for row in got.table.to_pylist():
            unit = row["unit"]
            assert row["above"] == sum(h == unit for _, _, h in higher)
            others = [h for a, b, h in higher if unit in (a, b)]
            assert row["below"] == sum(h not in (unit, None) for h in others)
            seen += row["above"]
    # The six units are apart enough for the counts to be more than zeros.
    assert seen > 10


@pytest.mark.parametrize("given", [WALD, {}])
def test_rank_intervals_agree_with_another_simulation(given):
    scores = oms.scores(case_set(CASES["apart"]), by="unit", **given)
    rows = scores.units(ITEM, draws=5000).table.to_pylist()
    draw, times = random.Random(11), 5000
    places: dict[str, list[int]] = {r["unit"]: [] for r in rows}
    for _ in range(times):
        # On effective answers with the spread that gives a normal interval of the same width.
        drawn = {
            r["unit"]: draw.gauss(
                r["percent"], r["se"] if given else (r["high"] - r["low"]) / 2 / 1.959963984540054
            )
            for r in rows
        }
        for place, unit in enumerate(sorted(drawn, key=lambda u: -drawn[u]), 1):
            places[unit].append(place)
    assert sum(r["lowest_quarter"] for r in rows) == pytest.approx(1)
    for r in rows:
        mine = sorted(places[r["unit"]])
        # Six units: the quarter is one of them. Five standard errors of a difference.
        share = sum(place == 6 for place in mine) / times
        room = 5 * math.sqrt(2 * max(share * (1 - share), 1 / times) / times)
        assert r["lowest_quarter"] == pytest.approx(share, abs=room)
        mine_se = math.sqrt(r["lowest_quarter"] * (1 - r["lowest_quarter"]) / 5000)
        assert r["lowest_quarter_se"] == pytest.approx(mine_se)
        # 2.5% on either side, within the error of two simulations of this size.
        ends = [mine[int(times * q)] for q in (0.015, 0.035, 0.965, 0.985)]
        assert ends[0] <= r["rank_low"] <= ends[1]
        assert ends[2] <= r["rank_high"] <= ends[3]


def test_a_seed_repeats_a_simulation(found):
    tables = [found.units(ITEM, draws=50, seed=s) for s in (3, 3, 4)]
    assert tables[0].table.equals(tables[1].table)
    assert not tables[0].table.equals(tables[2].table)
    assert (tables[2].settings["draws"], tables[2].settings["seed"]) == (50, 4)
