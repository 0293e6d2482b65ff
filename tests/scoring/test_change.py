"""Scores of two rounds: recounted case by case, against scipy, and by properties."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import optimize, stats

import omistats as oms

QUESTIONS = [oms.Question(f"q{i}", f"Question {i}", oms.Link("1", "invented")) for i in range(4)]
ITEMS = [oms.Item("1", "section", "All four")]
FRAMEWORK = oms.Framework("rounds", QUESTIONS, [oms.Stratum("sex", ("f", "m"))], ITEMS)
WALD: dict[str, Any] = {"interval": "wald", "test": "wald"}


def answers(seed: int, units: dict[str, int], score: float = 0.6, questions: int = 4) -> dict:
    rng = np.random.default_rng(seed)
    unit = [name for name, size in units.items() for _ in range(size)]
    data: dict[str, list[Any]] = {
        "case_id": list(range(len(unit))),
        "unit": unit,
        "sex": [["f", "m"][i] for i in rng.integers(0, 2, len(unit))],
    }
    share = rng.beta(6 * score, 6 * (1 - score), len(unit))
    for i in range(questions):
        drawn = rng.random(len(unit)) < share
        data[f"q{i}"] = [None if rng.random() < 0.2 else bool(yes) for yes in drawn.tolist()]
    return data


def scored(data: dict, framework: oms.Framework = FRAMEWORK, **options: Any) -> oms.Scores:
    cases = oms.CaseSet.from_data(data, framework=framework)
    return oms.scores(cases, by="unit", **options)


def effective(data: dict, unit: str) -> tuple[float, float, float]:
    """Recount p, n* and nu of one unit, as docs/methodology/effective-answers.md writes them."""
    k = n = np.zeros(0)
    rows = [i for i, name in enumerate(data["unit"]) if name == unit]
    k = np.array([sum(bool(data[f"q{q}"][i]) for q in range(4)) for i in rows], float)
    n = np.array([sum(data[f"q{q}"][i] is not None for q in range(4)) for i in rows], float)
    k, n = k[n > 0], n[n > 0]
    W, p = n.sum(), k.sum() / n.sum()
    S = sum((a - p * b) ** 2 / (1 - b / W) for a, b in zip(k, n, strict=True))
    Q = W * (p * (1 - p) + S / W**2)
    c, r = 1 + sum(b * (b - 1) for b in n) / W, min((k > 0).sum(), (k < n).sum())
    D = (r * max(1, S / Q) + c) / (r + 1) if r and Q else c
    A = 1 / (1 - n / W)
    d = (n**2).sum() + ((A * n**2).sum() ** 2 - (A**2 * n**4).sum()) / W**2
    return p, W / D, c / (c - 1) * W**2 / d if r and c > 1 else np.inf


def margin(one: tuple, two: tuple, d: float) -> float:
    """Return how far the test of a difference d is from rejecting at 5%; above 0 rejects."""
    (p1, n1, v1), (p2, n2, v2) = one, two
    H = 1 / (1 / n1 + 1 / n2)
    p0 = (n1 * p1 + n2 * p2) / (n1 + n2)
    y = 0.5 if min(n1, n2) * min(p0, 1 - p0) < 5 else 0.0
    spread = 1 / (n1**2 * v1) + 1 / (n2**2 * v2)
    df = (1 / H) ** 2 / spread if spread else np.inf
    t = stats.t.ppf(0.975, df)

    def minus_log_likelihood(b: float) -> float:
        a = b + d
        terms = (n1 * p1, a), (n1 * (1 - p1), 1 - a), (n2 * p2, b), (n2 * (1 - p2), 1 - b)
        return -sum(x * np.log(max(q, 1e-300)) for x, q in terms)

    ends = max(0.0, -d), min(1.0, 1.0 - d)
    b = optimize.minimize_scalar(
        minus_log_likelihood, bounds=ends, method="bounded", options={"xatol": 1e-13}
    ).x
    se = np.sqrt((b + d) * (1 - b - d) / n1 + b * (1 - b) / n2)
    return abs(p1 - p2 - d) - y / H - t * se


def test_changes_are_recounted():
    now, before = answers(1, {"A": 30, "B": 8}), answers(2, {"A": 25, "B": 40}, 0.4)
    for row in scored(now).compare(scored(before)).table.to_pylist():
        if row["unit"] == "all":
            continue
        one, two = effective(now, row["unit"]), effective(before, row["unit"])
        assert row["change"] == pytest.approx(100 * (one[0] - two[0]))
        p0 = (one[1] * one[0] + two[1] * two[0]) / (one[1] + two[1])
        H = 1 / (1 / one[1] + 1 / two[1])
        y = 0.5 if min(one[1], two[1]) * min(p0, 1 - p0) < 5 else 0.0
        z = max(abs(one[0] - two[0]) * H - y, 0) / np.sqrt(p0 * (1 - p0) * H)
        spread = 1 / (one[1] ** 2 * one[2]) + 1 / (two[1] ** 2 * two[2])
        df = (1 / H) ** 2 / spread
        assert row["p_value"] == pytest.approx(2 * stats.t.sf(z, df), rel=1e-9)
        assert row["df2"] == pytest.approx(df)
        for end in ("change_low", "change_high"):
            assert margin(one, two, row[end] / 100) == pytest.approx(0, abs=2e-5)


def test_wald_scores_are_compared_by_wald():
    now, before = answers(3, {"A": 40}), answers(4, {"A": 30}, 0.5)
    one, two = (scored(d, **WALD, df="design") for d in (now, before))
    (row, _) = one.compare(two).table.to_pylist()
    (s1, s0) = (s.table.to_pylist()[0] for s in (one, two))
    variance = s1["se"] ** 2 + s0["se"] ** 2
    t = (s1["percent"] - s0["percent"]) / variance**0.5
    df = variance**2 / (s1["se"] ** 4 / 39 + s0["se"] ** 4 / 29)
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), df))
    half = stats.t.ppf(0.975, df) * variance**0.5
    assert row["change_high"] - row["change"] == pytest.approx(half)
    assert row["method"] == row["interval_method"] == "wald-t"


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), sizes=st.tuples(st.integers(2, 20), st.integers(2, 20)))
def test_swapped_rounds_change_the_other_way(seed, sizes):
    now, before = (answers(seed + i, {"A": size}) for i, size in enumerate(sizes))
    one, two = scored(now), scored(before)
    forth, back = (x.compare(y).table.to_pylist()[0] for x, y in ((one, two), (two, one)))
    for name, other in (("change", "change"), ("change_low", "change_high")):
        if forth[name] is None:
            assert back[other] is None
        else:
            assert forth[name] == pytest.approx(-back[other], abs=1e-6)
    assert forth["p_value"] == back["p_value"] or forth["p_value"] == pytest.approx(back["p_value"])


def test_one_question_changes_as_findings_do():
    """One answer a case: Pearson's test, as findings have where every cell expects 5."""
    plain = oms.Framework("one", QUESTIONS[:1], FRAMEWORK.strata, ITEMS, ("sex",))
    rounds = [
        {k: v for k, v in answers(s, {"A": 80}, p).items() if k in ("case_id", "unit", "sex", "q0")}
        for s, p in ((5, 0.6), (6, 0.4))
    ]
    now, before = (oms.CaseSet.from_data(d, framework=plain) for d in rounds)
    mine = oms.scores(now, by="unit").compare(oms.scores(before, by="unit")).table.to_pylist()[0]
    k = [sum(bool(x) for x in d["q0"]) for d in rounds]
    n = [sum(x is not None for x in d["q0"]) for d in rounds]
    pearson = oms.stats.compare(k[0], n[0], k[1], n[1])
    assert mine["p_value"] == pytest.approx(float(pearson.p_value), rel=1e-9)


def test_units_and_items_of_one_round_are_listed():
    now, before = answers(7, {"A": 20, "new": 9}), answers(8, {"A": 20, "gone": 9})
    found = scored(now).compare(scored(before))
    reasons = {row["unit"]: row["reason"] for row in found.table.to_pylist()}
    assert reasons == {
        "A": None,
        "new": "unit only in this round",
        "gone": "unit only in the earlier round",
        "all": None,
    }
    assert pickle.loads(pickle.dumps(found)).table.equals(found.table)  # our own


def test_an_item_of_other_questions_has_no_change():
    now = scored(answers(9, {"A": 20}))
    fewer = attrs.evolve(FRAMEWORK, questions=QUESTIONS[:3])
    data = answers(10, {"A": 20})
    del data["q3"]
    before = scored(data, fewer)
    row = now.compare(before).table.to_pylist()[0]
    assert (row["change"], row["reason"]) == (None, "the item's questions changed")
    with pytest.raises(oms.DataError, match="1"):
        now.compare(before, strict=True)
    assert now.compare(before, items={"1": "1"}).table.to_pylist()[0]["change"] is not None
    relabelled = attrs.evolve(
        FRAMEWORK, questions=[attrs.evolve(q, label=q.label.upper() + " ") for q in QUESTIONS]
    )
    same = now.compare(scored(answers(10, {"A": 20}), relabelled)).table.to_pylist()[0]
    assert same["reason"] is None


def test_a_view_changes_no_figure():
    now, before = answers(11, {"A": 20, "B": 20, "C": 20}), answers(12, {"A": 25, "B": 9, "C": 7})
    whole, earlier = scored(now), scored(before)
    every = {r["unit"]: r for r in whole.compare(earlier).table.to_pylist()}
    (part,) = whole.unit("B").compare(earlier).table.to_pylist()
    assert part == every["B"]


def test_rounds_made_by_other_rules_are_refused():
    now, before = answers(13, {"A": 20}), answers(14, {"A": 20})
    for options in (WALD, {"confidence": 0.9}, {"rule": "cases"}):
        with pytest.raises(oms.UsageError):
            scored(now).compare(scored(before, **options))
    with pytest.raises(oms.UsageError):
        scored(now).compare("last year")  # type: ignore[arg-type]
    same = scored(now)
    with pytest.raises(oms.UsageError, match="same"):
        same.compare(same)


def test_rounds_of_one_case_and_all_alike_are_not_taken_as_certain():
    now = answers(15, {"A": 1, "B": 3})
    for i in range(4):
        now[f"q{i}"] = [False] * 4
    found = scored(now).compare(scored(answers(16, {"A": 30, "B": 30}, 0.7))).table.to_pylist()
    rows = {row["unit"]: row for row in found}
    assert rows["A"]["p_value"] is None
    assert rows["A"]["reason"].startswith("one case only in this round")
    assert 1e-4 < rows["B"]["p_value"] < 0.2
