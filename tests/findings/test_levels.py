"""Shares of levels against a recount in plain Python, R, and enumerated tables."""

from __future__ import annotations

import csv
import pickle
from collections import Counter
from itertools import groupby, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from tests.factories import ORACLES

import omistats as oms

# Internal: tests of tables, which levels() makes of cases.
from omistats.kernel.chi_square import pearson_table
from omistats.kernel.trend import mean_score_test

SCALE = ("fully met", "mostly met", "partly met", "not met")
GRADED = oms.Question("plan", "Plan", oms.Link("1", "invented"), levels=SCALE, sufficient=SCALE[:2])
PLAIN = oms.Question("seen", "Seen", oms.Link("1", "invented"))
UNORDERED = oms.Question(
    "method", "How", levels=("post", "phone", "visit"), sufficient=("visit",), ordered=False
)
STRATA = (oms.Stratum("gender", ("girl", "boy")), oms.Stratum("risk", ("high", "medium", "low")))


def framework(**options: Any) -> oms.Framework:
    return oms.Framework(
        "graded",
        [GRADED, PLAIN, UNORDERED],
        STRATA,
        [oms.Item("1", "section", "One")],
        ("gender", "risk"),
        **options,
    )


def rows(seed: int = 1, cases: int = 200, **options: Any) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    missing = ["not answered"] if options.get("not_answered") else []

    def draw(values: list[Any]) -> list[Any]:
        return [values[i] for i in rng.integers(0, len(values), cases)]

    return {
        "case_id": list(range(cases)),
        "unit": draw(["A", "B", "C"]),
        "gender": draw(["girl", "boy", None]),
        "risk": draw(["high", "medium", "low", None]),
        "plan": draw([*SCALE, "fully met", None, "not applicable", *missing]),
        "seen": draw(["sufficient", "not sufficient", None, *missing])
        if missing
        else draw([True, False, None]),
        "method": draw(["post", "phone", "visit", "visit", None, *missing]),
    }


def cases(seed: int = 1, number: int = 200, **options: Any) -> oms.CaseSet:
    return oms.CaseSet.from_data(rows(seed, number, **options), framework=framework(**options))


@pytest.mark.parametrize("policy", [None, "left out", "not sufficient"])
def test_shares_equal_a_recount(policy):
    given_rows = rows(not_answered=policy)
    made = oms.CaseSet.from_data(given_rows, framework=framework(not_answered=policy))
    found = oms.levels(made, by="unit").table.to_pylist()
    assert found
    for line in found:
        inside = [
            i
            for i in range(200)
            if line["unit"] in ("all", given_rows["unit"][i])
            and given_rows[line["breakdown"]][i] == line["group"]
        ]
        answers = [given_rows[line["question"]][i] for i in inside]
        names = {True: "sufficient", False: "not sufficient"}
        answers = [names.get(a, a) for a in answers if a not in (None, "not applicable")]
        missing = answers.count("not answered")
        counted = [a for a in answers if a != "not answered" or policy == "not sufficient"]
        assert (line["k"], line["n"]) == (counted.count(line["level"]), len(counted))
        assert line["not_answered"] == (None if policy is None else missing)
        if counted:
            low, high = stats.binomtest(line["k"], line["n"]).proportion_ci(method="wilson")
            assert line["percent"] == pytest.approx(100 * line["k"] / line["n"])
            assert (line["low"], line["high"]) == pytest.approx((100 * low, 100 * high), abs=1e-9)
        cut = {"plan": SCALE[:2], "seen": ("sufficient",), "method": ("visit",)}
        assert line["sufficient"] == (line["level"] in cut[line["question"]])


def test_tests_equal_r():
    """R 4.2.2: chisq.test, prop.trend.test, and N times the share of squares between groups."""
    with (ORACLES / "levels.csv").open() as file:
        lines = list(csv.DictReader(file))
    for _, part in groupby(lines, lambda r: r["table"]):
        own = list(part)
        shape = max(int(r["group"]) for r in own), max(int(r["level"]) for r in own)
        table = np.array([int(r["count"]) for r in own]).reshape(shape)
        test = pearson_table(table)
        assert not test.few_expected
        figures = (test.statistic, test.df, test.p_value)
        assert figures == pytest.approx([float(own[0][x]) for x in ("x2", "df", "p")], rel=1e-10)
        statistic, _, p_value = mean_score_test(table)
        expected = [float(own[0][x]) for x in ("trend", "trend_p")]
        assert (statistic, p_value) == pytest.approx(expected, rel=1e-9)


def test_levels_use_these_tests():
    found = oms.levels(cases(), by="unit", breakdowns=["gender", "risk"]).table.to_pylist()
    tested = 0
    keys = ("unit", "breakdown", "question")
    for _, part in groupby(found, lambda r: tuple(r[k] for k in keys)):
        own = list(part)
        groups = list(dict.fromkeys(r["group"] for r in own))
        table = np.array([[r["k"] for r in own if r["group"] == g] for g in groups])
        test = pearson_table(table)
        for line in own:
            assert line["p_value"] == pytest.approx(float(test.p_value), rel=1e-12)
            assert line["method"] == ("haldane" if test.few_expected else "pearson")
            if line["question"] == "method":
                assert line["trend_p_value"] is None
            else:
                assert line["trend_p_value"] == pytest.approx(float(mean_score_test(table)[2]))
            tested += 1
    assert tested == len(found)


@pytest.mark.parametrize(
    "table",
    [
        [[2, 1, 0], [0, 1, 2]],
        [[3, 0], [1, 2], [0, 1]],
        [[1, 2, 1], [2, 0, 1]],
        [[3, 0], [4, 0], [2, 1]],
        [[0, 4], [2, 2]],
    ],
)
def test_moments_are_those_over_all_tables_with_the_margins(table):
    """Mean and variance of the statistic over all orders of the answers, enumerated."""
    x = np.array(table)
    group = np.repeat(np.arange(x.shape[0]), x.sum(axis=1))
    answer = np.array(
        [j for i in range(x.shape[0]) for j in np.repeat(np.arange(x.shape[1]), x[i])]
    )
    expected = np.outer(x.sum(axis=1), x.sum(axis=0)) / x.sum()
    seen: Counter[tuple[int, ...]] = Counter(permutations(answer.tolist()))
    values, weights = [], []
    for order, times in seen.items():
        counts = np.zeros(x.shape)
        np.add.at(counts, (group, np.array(order)), 1)
        values.append(((counts - expected) ** 2 / expected).sum())
        weights.append(times)
    mean = np.average(values, weights=weights)
    variance = np.average((np.array(values) - mean) ** 2, weights=weights)
    found = pearson_table(x)
    assert found.few_expected
    df = 2 * mean**2 / variance
    p_value = stats.chi2.sf(found.statistic * df / mean, df)
    # Half an answer nearer to what is expected, where that is less than 1.
    rare = expected < 1
    nearer = np.maximum(np.abs(x - expected) - 0.5 * rare, 0)
    plain_df = (x.shape[0] - 1) * (x.shape[1] - 1)
    plain = stats.chi2.sf((nearer**2 / expected).sum(), plain_df)
    if rare.any() and plain > p_value:
        p_value, df = plain, plain_df
    assert found.df == pytest.approx(df, rel=1e-10)
    assert found.p_value == pytest.approx(p_value, rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(6, 8), (10, 60), (5, 6, 7)])
def test_thin_groups_are_rejected_no_more_often_than_said(sizes):
    rng = np.random.default_rng(2)
    shares = (0.7, 0.2, 0.07, 0.03)
    table = np.stack([rng.multinomial(size, shares, 20_000) for size in sizes], axis=1)
    rejected = np.mean(pearson_table(table).p_value <= 0.05)
    assert rejected < 0.065


@pytest.mark.parametrize("sizes", [(6, 8), (10, 60), (5, 6, 7), (80, 120)])
def test_trends_are_found_no_more_often_than_said(sizes):
    rng = np.random.default_rng(3)
    tables = np.stack([rng.multinomial(n, (0.7, 0.2, 0.07, 0.03), 20_000) for n in sizes], axis=1)
    rejected = np.mean(mean_score_test(tables)[2] <= 0.05)
    assert rejected < 0.065


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 3))
def test_the_cut_gives_the_findings_of_the_two_level_question(seed, cut):
    made = cases(seed, 60).with_cut({"plan": SCALE[:cut]})
    graded = oms.recompute(made, by="unit", questions=["plan"]).table
    data = rows(seed, 60)
    data["plan"] = [
        None if a in (None, "not applicable") else a in SCALE[:cut] for a in data["plan"]
    ]
    two = oms.Framework(
        "two", [oms.Question("plan", "Plan")], STRATA, breakdowns=("gender", "risk")
    )
    plain = oms.recompute(oms.CaseSet.from_data(data, framework=two), by="unit").table
    assert graded.equals(plain)
    shown = oms.levels(made, by="unit", questions=["plan"])
    sums: dict[tuple[str, ...], int] = {}
    for line in shown.table.to_pylist():
        key = (line["unit"], line["breakdown"], line["group"])
        sums[key] = sums.get(key, 0) + line["k"] * line["sufficient"]
    assert list(sums.values()) == [
        line["k"]
        for line in sorted(
            plain.to_pylist(),
            key=lambda r: list(sums).index((r["unit"], r["breakdown"], r["group"])),
        )
    ]


def test_cuts_show_their_effect():
    found = oms.levels(cases(), breakdowns=[], questions=["plan", "seen"])
    rows = found.cuts().to_pylist()
    assert [r["cut"] for r in rows] == list(SCALE[:3])
    assert [r["current"] for r in rows] == [False, True, False]
    for place, row in enumerate(rows, 1):
        other = oms.recompute(cases().with_cut({"plan": SCALE[:place]}), breakdowns=[])
        (line,) = other.question("plan").table.to_pylist()
        assert (row["k"], row["n"], row["percent"]) == (line["k"], line["n"], line["percent"])
        assert (row["low"], row["high"]) == pytest.approx((line["low"], line["high"]))
        assert row["change"] == pytest.approx(row["percent"] - rows[1]["percent"])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), by=st.sampled_from([None, "unit"]))
def test_cuts_are_those_of_a_loop_over_groups(seed, by):
    found = oms.levels(cases(seed, 40), by=by)
    expected = []
    keys = ("unit", "breakdown", "question", "group")
    for key, part in groupby(found.table.to_pylist(), lambda r: tuple(r[k] for k in keys)):
        own = list(part)
        if key[2] != "plan":
            continue
        n, now = own[0]["n"], own[0]["k"] + own[1]["k"]
        for at in range(3):
            k = sum(r["k"] for r in own[: at + 1])
            shares = (100 * k / n, 100 * (k - now) / n) if n else (None, None)
            expected.append((*key, SCALE[at], at == 1, k, n, *shares))
    rows = found.cuts().to_pylist()
    columns = (*keys, "cut", "current", "k", "n", "percent", "change")
    assert [tuple(r[c] for c in columns) for r in rows] == expected


def test_no_cuts_of_what_is_not_graded():
    found = oms.levels(cases(), questions=["seen", "method"]).cuts()
    assert len(found) == 0
    assert "cut" in found.column_names


def test_the_text_puts_each_scale_above_its_questions():
    lines = repr(oms.levels(cases(), breakdowns=["gender"])).splitlines()
    titles = [i for i, line in enumerate(lines) if "fully met" in line or "post" in line]
    first = next(i for i, line in enumerate(lines) if line.startswith("plan, all, girl"))
    method = next(i for i, line in enumerate(lines) if line.startswith("method, all, girl"))
    assert titles == [first - 1, method - 1]


def test_the_text_says_what_its_marks_mean():
    few = oms.levels(cases(number=12), questions=["plan"])
    assert "?: few answers, or few expected" in repr(few)
    assert "not answered" not in repr(few)
    for policy, words in (("left out", "left out of N"), ("not sufficient", "a level that")):
        text = repr(oms.levels(cases(not_answered=policy), questions=["plan"]))
        assert f"what was not answered is {words}" in text


def test_levels_from_worst_to_best_are_cut_from_the_end():
    question = oms.Question("plan", "Plan", levels=SCALE[::-1], sufficient=SCALE[:2])
    data = {"case_id": [1, 2, 3, 4], "unit": ["A"] * 4, "plan": list(SCALE)}
    made = oms.CaseSet.from_data(data, framework=oms.Framework("up", [question]))
    rows = oms.levels(made).cuts().to_pylist()
    assert [(r["cut"], r["k"], r["current"]) for r in rows] == [
        ("fully met", 1, False),
        ("mostly met", 2, True),
        ("partly met", 3, False),
    ]


def test_views_pickles_and_forms():
    found = oms.levels(cases(), by="unit")
    part = found.question("plan").unit("B").breakdown("risk")
    assert len(part) == 3 * 4
    assert part.table.equals(pickle.loads(pickle.dumps(part)).table)  # our own
    text = repr(found)
    for question in ("plan", "seen", "method"):
        assert f"{question}, A, gender, girl" in text
    assert "more groups: choose with .question" in text
    assert "<td>plan, A, gender, girl</td>" in found._repr_html_()
    with pytest.raises(oms.UnknownNameError, match="plann"):
        found.question("plann")
    assert len(found.to_pandas()) == len(found)


def test_complements_compare_the_subset_with_the_others():
    class High(oms.Breakdown):
        key = "high"
        groups = ("high", "all")
        column = "risk"
        contrast = "complement"

    made = cases()
    lines = oms.levels(made, breakdowns=[High()], questions=["plan"]).table.to_pylist()
    inside = [r["k"] for r in lines if r["group"] == "high"]
    every = [r["k"] for r in lines if r["group"] == "all"]
    table = np.array([inside, np.subtract(every, inside)])
    assert lines[0]["p_value"] == pytest.approx(float(pearson_table(table).p_value))
    assert sum(every) == sum(a in SCALE for a in rows()["plan"])


def test_a_group_without_answers_has_no_percentage():
    data = {"case_id": [1, 2, 3], "unit": ["A"] * 3, "gender": ["girl", "girl", "boy"]}
    data |= {"risk": ["high"] * 3, "plan": ["fully met", "not met", None]}
    made = oms.CaseSet.from_data(
        {**data, "seen": [True] * 3, "method": ["post"] * 3}, framework=framework()
    )
    found = oms.levels(made, breakdowns=["gender"], questions=["plan"])
    for row in found.table.to_pylist()[4:]:
        assert (row["group"], row["n"], row["reason"]) == ("boy", 0, "no applicable answers")
        for name in ("percent", "printed", "low", "high"):
            assert row[name] is None
    assert "-1" not in repr(found)


def test_the_text_names_the_breakdown_where_there_are_several():
    rows = repr(oms.levels(cases(), questions=["plan"])).splitlines()[2:]
    assert rows[0].startswith("question, unit, breakdown, group  fully met")
    assert rows[1].startswith("plan, all, gender, girl ")
    assert rows[3].startswith("plan, all, risk, high ")


def test_the_text_shows_the_trend():
    """A trend that the test of any difference misses, and none of what has no order."""
    answers = {"girl": [6, 6, 5, 3], "boy": [3, 4, 6, 7]}
    data = {"gender": [], "plan": []}
    for group, counts in answers.items():
        for level, count in zip(SCALE, counts, strict=True):
            data["gender"] += [group] * count * 2
            data["plan"] += [level] * count * 2
    size = len(data["plan"])
    common = {"case_id": range(size), "unit": ["A"] * size, "risk": ["high"] * size}
    more = {"seen": [True] * size, "method": ["post", "visit"] * (size // 2)}
    made = oms.CaseSet.from_data({**common, **data, **more}, framework=framework())
    found = oms.levels(made, breakdowns=["gender"], questions=["plan", "method"])
    lines = repr(found).splitlines()
    assert lines[2].endswith("N  stars  trend")
    (row,) = (line for line in lines if line.startswith("plan, all, girl"))
    first = found.table.to_pylist()[0]
    assert first["p_value"] > 0.05 > first["trend_p_value"] > 0.01
    assert row.split()[-2:] == ["--", "*"]
    (row,) = (line for line in lines if line.startswith("method, all, girl"))
    assert row.split()[-2:] == ["40", "--"]
    without = repr(oms.levels(made, breakdowns=["gender"], questions=["method"]))
    assert "trend" not in without
