"""Units beside each other, recounted in plain Python from made-up answers.

The kernel's functions are held against outside oracles in their own tests; here it is that the
right numbers of the right units reach them, and come back under the right names.

Spiegelhalter, D. J. (2005). Statistics in Medicine 24, 1185-1202 (funnels), and Quality and
Safety in Health Care 14, 347-351 (overdispersion). Cochran, W. G. (1954). Biometrics 10, 101-129.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from fractions import Fraction
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.scores import recount
from tests.scores.programme import FRAMEWORK, SIZES, STRATA, case_set, feeds

import omistats as oms
from omistats.errors import UnknownNameError, UsageError

UNITS = list(SIZES)
ITEM = "safety"
COLUMNS = [
    *("unit", "order", "k", "n", "percent", "se", "low", "high"),
    *("low_95", "high_95", "low_99_8", "high_99_8", "beyond"),
    *("z", "z_multiplicative", "z_additive", "rank", "rank_low", "rank_high"),
    *("joint_low", "joint_high", "lowest_quarter", "short"),
]
LEVELS = {"95": 0.95, "99_8": 0.998}
FEW = {"draws": 200}

Rows = list[dict[str, Any]]


def made_up(
    seed: int, quality: tuple[float, ...], sizes: tuple[int, ...] = (14, 11, 9, 12, 8, 10)
) -> Rows:
    """Draw cases whose answers go together; each unit as good as it is told to be."""
    draw = random.Random(seed)
    rows = []
    for unit, size, good in zip(UNITS, sizes, quality, strict=True):
        for _ in range(size):
            chance = min(1.0, max(0.0, draw.gauss(good, 0.2)))
            row = {**dict.fromkeys(STRATA), "case_id": f"m{len(rows)}", "unit": unit}
            for q in FRAMEWORK.question_ids:
                row[q] = draw.random() < chance if draw.random() < 0.8 else None
            rows.append(row)
    return rows


ALIKE = (0.7, 0.68, 0.72, 0.7, 0.66, 0.74)
APART = (0.95, 0.4, 0.7, 0.55, 0.85, 0.2)


def with_gaps() -> Rows:
    """Give a unit of one case, and one to which nothing applied."""
    rows = made_up(5, APART, (14, 11, 9, 12, 1, 4))
    for row in rows:
        if row["unit"] == "isle":
            row.update(dict.fromkeys(feeds(ITEM)))
        if row["unit"] == "coast":
            row.update(dict.fromkeys(feeds(ITEM), True))
    return rows


CASES = {"alike": made_up(1, ALIKE), "apart": made_up(2, APART), "gaps": with_gaps()}


@pytest.fixture(scope="module")
def found() -> oms.Scores:
    return oms.scores(case_set(CASES["apart"]), by="unit", breakdowns=["gender"])


def count(rows: Rows, unit: str) -> dict[str, Any]:
    """Score one unit, its variance from the cases within it."""
    mine = [r for r in rows if r["unit"] == unit]
    answers = [r[q] for r in mine for q in feeds(ITEM) if r[q] is not None]
    out: dict[str, Any] = {"unit": unit, "k": sum(answers), "n": len(answers), "p": None}
    out["se"] = None
    if answers:
        out["p"] = Fraction(sum(answers), len(answers))
        if len(mine) > 1:
            z = recount.influence(mine, feeds(ITEM), "pooled", lambda row: True)
            out["se"] = math.sqrt(recount.covariance(mine, z, z))
    return out


def quantile(values: list[float], q: float) -> float:
    """Give Hyndman and Fan's type 7."""
    ordered = sorted(values)
    at = (len(ordered) - 1) * q
    left = math.floor(at)
    right = min(left + 1, len(ordered) - 1)
    return ordered[left] + (ordered[right] - ordered[left]) * (at - left)


def compare(
    rows: Rows, baseline: float | None, scale: str, overdispersion: str
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Recount everything but the simulation."""
    units = [count(rows, u) for u in UNITS]
    scored = [u for u in units if u["p"] is not None]
    sure = [u for u in scored if u["se"] is not None]
    p0 = float(Fraction(sum(u["k"] for u in units), sum(u["n"] for u in units)))
    if baseline is not None:
        p0 = baseline / 100
    effect = sum((u["n"] * u["se"]) ** 2 for u in sure)
    effect /= sum(u["n"] * u["p"] * (1 - u["p"]) for u in sure)

    def to(p: float) -> float:
        return math.asin(math.sqrt(p)) if scale == "arcsine" else p

    for u in scored:
        binomial = 0.25 / u["n"] if scale == "arcsine" else p0 * (1 - p0) / u["n"]
        u["s"] = math.sqrt(binomial * effect)
        u["z"] = (to(u["p"]) - to(p0)) / u["s"]
    ends = [quantile([u["z"] for u in scored], q) for q in (0.1, 0.9)]
    squares = sum(min(max(u["z"], ends[0]), ends[1]) ** 2 for u in scored)
    phi = max(1.0, squares / len(scored))
    w = [1 / u["s"] ** 2 for u in scored]
    tau2 = (squares - (len(w) - 1)) / (sum(w) - sum(x * x for x in w) / sum(w))
    tau2 = max(0.0, tau2)

    for u in scored:
        u["z_multiplicative"] = u["z"] / math.sqrt(phi)
        u["z_additive"] = u["z"] * u["s"] / math.sqrt(u["s"] ** 2 + tau2)
        v = u["s"] ** 2
        v = {"none": v, "multiplicative": v * phi, "additive": v + tau2}[overdispersion]
        u["beyond"] = 0.0
        for name, level in LEVELS.items():
            reach = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(v)
            low, high = to(p0) - reach, to(p0) + reach
            if scale == "arcsine":
                low, high = max(low, 0.0), min(high, math.pi / 2)
                low, high = math.sin(low) ** 2, math.sin(high) ** 2
            low, high = max(low, 0.0), min(high, 1.0)
            u[f"low_{name}"], u[f"high_{name}"] = 100 * low, 100 * high
            if not low <= u["p"] <= high:
                u["beyond"] = level
    w = [1 / u["se"] ** 2 for u in sure]
    mean = sum(a * u["p"] for a, u in zip(w, sure, strict=True)) / sum(w)
    q = sum(a * (u["p"] - mean) ** 2 for a, u in zip(w, sure, strict=True))
    for u in sure:
        higher = sum(v["p"] > u["p"] for v in sure)
        u["rank"] = 1 + higher + (sum(v["p"] == u["p"] for v in sure) - 1) / 2
    facts = {"p0": p0, "effect": effect, "phi": phi, "tau2": tau2, "q": q, "df": len(sure) - 1}
    return units, facts


def same(given: Any, expected: Any) -> None:
    """Hold a value against its recount; what is unknown is null, not NaN."""
    if expected is None:
        assert given is None
    else:
        assert given == pytest.approx(float(expected), rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("baseline", [None, 70, 97.5, np.float64(3)])
@pytest.mark.parametrize("overdispersion", ["none", "multiplicative", "additive"])
@pytest.mark.parametrize("scale", ["normal", "arcsine"])
@pytest.mark.parametrize("cases", list(CASES))
def test_every_column_is_what_a_recount_gives(cases, scale, overdispersion, baseline):
    units, facts = compare(CASES[cases], baseline, scale, overdispersion)
    options = {"scale": scale, "overdispersion": overdispersion, "baseline": baseline}
    scores = oms.scores(case_set(CASES[cases]), by="unit", lonely="null")
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
        assert row["order"] is row["short"] is None
    same(got.baseline, 100 * facts["p0"])
    same(got.design_effect, facts["effect"])
    same(got.dispersion.phi, facts["phi"])
    same(got.dispersion.tau2, facts["tau2"])
    same(got.heterogeneity.statistic, facts["q"])
    same(got.heterogeneity.df, facts["df"])
    settings = {"threshold": None, "confidence": 0.95, "draws": 200, "seed": 0}
    settings |= {"scale": scale, "overdispersion": overdispersion}
    assert got.settings == settings


def test_the_cases_above_tell_the_ways_apart():
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


def holm(p: dict[tuple[str, str], float], level: float) -> set[tuple[str, str]]:
    """Give the hypotheses refused, stepping down from the smallest p value."""
    out = set()
    for i, pair in enumerate(sorted(p, key=lambda pair: p[pair])):
        if p[pair] * (len(p) - i) > level:
            break
        out.add(pair)
    return out


@pytest.mark.parametrize("cases", list(CASES))
def test_joint_ranges_leave_room_for_every_unit_not_shown_to_differ(cases):
    sure = {u["unit"]: u for u in (count(CASES[cases], u) for u in UNITS) if u["se"] is not None}
    p = {
        (a, b): NormalDist().cdf(
            -float(sure[a]["p"] - sure[b]["p"]) / math.hypot(sure[a]["se"], sure[b]["se"])
        )
        for a in sure
        for b in sure
        if a != b
    }
    higher = holm(p, 0.05)
    assert bool(higher) == (cases != "alike")
    scores = oms.scores(case_set(CASES[cases]), by="unit", lonely="null")
    for row in scores.units(ITEM, **FEW).table.to_pylist():
        unit = row["unit"]
        if unit not in sure:
            assert row["joint_low"] is row["joint_high"] is row["rank_low"] is None
            continue
        assert row["joint_low"] == 1 + sum(b == unit for _, b in higher)
        assert row["joint_high"] == len(sure) - sum(a == unit for a, _ in higher)


def test_ranks_are_as_unsure_as_another_simulation_says(found):
    rows = found.units(ITEM, draws=5000).table.to_pylist()
    draw, times = random.Random(11), 5000
    places: dict[str, list[int]] = {r["unit"]: [] for r in rows}
    for _ in range(times):
        drawn = {r["unit"]: draw.gauss(r["percent"], r["se"]) for r in rows}
        for place, unit in enumerate(sorted(drawn, key=lambda u: -drawn[u]), 1):
            places[unit].append(place)
    assert sum(r["lowest_quarter"] for r in rows) == pytest.approx(1)
    for r in rows:
        mine = sorted(places[r["unit"]])
        # Six units: the quarter is one of them. Five standard errors of a difference.
        share = sum(place == 6 for place in mine) / times
        room = 5 * math.sqrt(2 * max(share * (1 - share), 1 / times) / times)
        assert r["lowest_quarter"] == pytest.approx(share, abs=room)
        # The 2.5% either side, give or take what two simulations of this size may.
        ends = [mine[int(times * q)] for q in (0.015, 0.035, 0.965, 0.985)]
        assert ends[0] <= r["rank_low"] <= ends[1]
        assert ends[2] <= r["rank_high"] <= ends[3]


def test_a_seed_says_which_simulation(found):
    tables = [found.units(ITEM, draws=50, seed=s) for s in (3, 3, 4)]
    assert tables[0].table.equals(tables[1].table)
    assert not tables[0].table.equals(tables[2].table)
    assert (tables[2].settings["draws"], tables[2].settings["seed"]) == (50, 4)


@pytest.mark.parametrize("threshold", [40, 65.5, 90])
def test_units_fall_short_merely_or_credibly(threshold):
    z = NormalDist().inv_cdf(0.975)
    scores = oms.scores(case_set(CASES["gaps"]), by="unit", lonely="null")
    got = scores.units(ITEM, threshold=threshold, **FEW)
    for row in got.table.to_pylist():
        unit = count(CASES["gaps"], row["unit"])
        expected = None
        if unit["se"] is not None:
            expected = "no"
            if 100 * unit["p"] < threshold:
                sure = 100 * (float(unit["p"]) + z * unit["se"]) < threshold
                expected = "credibly" if sure else "merely"
        assert row["short"] == expected, row
    assert got.settings["threshold"] == threshold


def test_the_thresholds_above_meet_every_answer():
    scores = oms.scores(case_set(CASES["gaps"]), by="unit", lonely="null")
    words = {w for t in (40, 65.5, 90) for w in scores.units(ITEM, threshold=t, **FEW)
             .table["short"].to_pylist()}  # fmt: skip
    assert words == {None, "no", "merely", "credibly"}


@pytest.mark.parametrize(
    "blank", [{}, {"south": None, "isle": None}, {"south": math.nan, "isle": None}]
)
def test_units_are_put_in_order_and_the_unknown_come_last_as_declared(found, blank):
    known = {"coast": 2.0, "north": 9.0, "west": 2.0, "east": 1.0}
    table = found.units(ITEM, order={**known, **blank}, **FEW).table
    # West and coast tie, and stay as declared.
    expected = ["east", "west", "coast", "north", "south", "isle"]
    assert table["unit"].to_pylist() == expected
    assert table["order"].to_pylist() == [1.0, 2.0, 2.0, 9.0, None, None]
    plain = {r["unit"]: r for r in found.units(ITEM, **FEW).table.to_pylist()}
    moved = [n for n in COLUMNS if n not in ("order", "rank_low", "rank_high", "lowest_quarter")]
    for row in table.to_pylist():
        for name in moved[1:-1]:
            same(row[name], plain[row["unit"]][name])


def test_dates_order_units_and_stay_dates(found):
    days = {u: dt.date(2011, 1 + i * 5 % 7, 3) for i, u in enumerate(UNITS)}
    table = found.units(ITEM, order=days, **FEW).table
    assert table.schema.field("order").type == pa.date32()
    assert table["order"].to_pylist() == sorted(days.values())
    assert [days[u] for u in table["unit"].to_pylist()] == sorted(days.values())


def test_made_up_cases_are_called_so():
    named = {"synthetic": "true", "seed": "2"}
    plain = pa.table(case_set(CASES["apart"]))
    scores = oms.scores(plain.replace_schema_metadata(named), framework=FRAMEWORK, by="unit")
    got = scores.units(ITEM, **FEW)
    expected = {key.encode(): value.encode() for key, value in named.items()}
    assert got.table.schema.metadata == pa.table(got).schema.metadata == expected
    assert repr(got).startswith(f"UnitComparison of {ITEM}: 6 SYNTHETIC units, baseline ")
    bare = oms.scores(case_set(CASES["apart"]), by="unit").units(ITEM, **FEW)
    assert repr(bare).startswith(f"UnitComparison of {ITEM}: 6 units, baseline ")
    _, facts = compare(CASES["apart"], None, "normal", "none")
    beyond = sum(b == 0.998 for b in bare.table["beyond"].to_pylist())
    assert f"{100 * facts['p0']:.1f}%, {beyond} beyond 99.8% limits" in repr(bare)
    assert f"Q {facts['q']:.1f} on 5" in repr(bare)


def test_where_every_answer_is_alike_there_is_no_distance():
    rows = [{**r, **dict.fromkeys(feeds(ITEM), True)} for r in CASES["alike"]]
    got = oms.scores(case_set(rows), by="unit").units(ITEM, **FEW)
    assert got.baseline == 100
    assert math.isnan(got.design_effect)
    assert math.isnan(got.heterogeneity.statistic)
    assert set(got.table["z"].to_pylist()) == {None}
    assert set(got.table["rank"].to_pylist()) == {3.5}
    # Held against less than everything, the binomial variance stands alone.
    z = oms.scores(case_set(rows), by="unit").units(ITEM, baseline=80, **FEW).table
    for row in z.to_pylist():
        same(row["z"], 0.2 / math.sqrt(0.8 * 0.2 / row["n"]))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"item": "saftey"}, UnknownNameError, "unknown item 'saftey'; did you mean 'safety'"),
        ({"overdispersion": "both"}, UsageError, "'multiplicative' or 'additive', found 'both'"),
        ({"scale": "logit"}, UnknownNameError, "unknown scale 'logit'; choose from"),
        ({"order": {"north": 1, "nowhere": 2}}, UsageError, "`order` names 'nowhere'; units are"),
        ({"order": {"north": 1, "south": "b"}}, UsageError, "`order` gives values that can be"),
        ({"draws": 1}, UsageError, "draws is a whole number, 2 or more; found 1"),
        ({"seed": -1}, UsageError, "seed is a whole number, 0 or more; found -1"),
    ],
)
def test_options_that_there_are_not(found, options, error, message):
    with pytest.raises(error, match=message):
        found.units(**{"item": ITEM, **FEW, **options})


@pytest.mark.parametrize("name", ["baseline", "threshold"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.7, r"percentage from 1 to below 100, found 0\.7; did you mean 70\?"),
        (100, "percentage from 1 to below 100, found 100$"),
        (0, "percentage from 1 to below 100, found 0$"),
        (-5, "percentage from 1 to below 100, found -5$"),
        (math.nan, "percentage from 1 to below 100, found nan$"),
        ("70", "is a percentage, found '70'"),
        (True, "is a percentage, found True"),
    ],
)
def test_percentages_that_are_none(found, name, value, message):
    with pytest.raises(UsageError, match=f"`{name}` .*{message}"):
        found.units(ITEM, **{name: value})


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (lambda s: s.unit("north"), 'two units or more.*by="unit" and do not filter units'),
        (lambda s: s.unit("north", "all"), "two units or more"),
        (lambda s: s.unit("north", "south", "east"), "beside all together"),
        (lambda s: s.breakdown("gender"), "scores of all their cases; do not filter"),
    ],
)
def test_what_was_filtered_out_cannot_be_compared(found, view, message):
    with pytest.raises(UsageError, match=message):
        view(found).units(ITEM)


def test_scores_not_by_unit_or_not_pooled_cannot_be_compared():
    cases = case_set(CASES["apart"])
    with pytest.raises(UsageError, match='make the scores with by="unit"'):
        oms.scores(cases).units(ITEM)
    for rule in ("questions", "cases"):
        with pytest.raises(UsageError, match="a funnel is for pooled scores"):
            oms.scores(cases, by="unit", rule=rule).units(ITEM)


def test_an_item_that_applied_nowhere_has_no_baseline():
    rows = [{**r, **dict.fromkeys(feeds(ITEM))} for r in CASES["apart"]]
    with pytest.raises(UsageError, match=r"no unit has applicable answers.*'safety'"):
        oms.scores(case_set(rows), by="unit").units(ITEM)


def test_ranges_name_the_first_of_those_that_tie():
    right = {"north": 3, "south": 1, "east": 3, "west": 1, "coast": 2}
    blank = dict.fromkeys((*STRATA, *FRAMEWORK.question_ids))
    rows = [
        {
            **blank,
            "case_id": f"{u}{i}",
            "unit": u,
            "a1": i < right.get(u, 0) if u in right else None,
        }
        for u in reversed(UNITS)
        for i in range(4)
    ]
    lines = {r["item"]: r for r in oms.scores(case_set(rows), by="unit").ranges().to_pylist()}
    line = lines["1.1"]
    ends = ("percent", "lowest", "lowest_unit", "highest", "highest_unit")
    assert [line[name] for name in ends] == [50, 25, "south", 75, "north"]
    assert line["level"] == "criterion"
    assert [lines["2"][name] for name in ends] == [None] * 5


@pytest.mark.parametrize(
    "view",
    [
        lambda s: s.unit("all"),
        lambda s: s.unit("north", "all"),
        lambda s: s.unit("north", "south", "east"),
        lambda s: s.breakdown("gender"),
    ],
)
def test_ranges_of_what_was_filtered_out(found, view):
    with pytest.raises(UsageError, match="two units or more beside all together"):
        view(found).ranges()
